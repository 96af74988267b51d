//! Projects get another name and are removed with all that they have here.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use serde_json::{Value, json};
use steadyhand_tests::app::App;

const PLAN: &str = "name: shop\ntasks:\n  greet:\n    on: local\n    steps:\n      - run: echo hello\n";

async fn names(app: &App) -> Vec<String> {
    let projects = app.call("projects", json!({})).await;
    let all = projects.as_array().expect("projects").iter();
    all.map(|project| project["name"].as_str().expect("a name").to_owned())
        .filter(|name| name != "Practice")
        .collect()
}

#[tokio::test]
async fn a_renamed_project_keeps_its_runs_and_gives_its_old_name_free() {
    let data = tempfile::tempdir().expect("a folder");
    let app = App::start(data.path()).await;
    let shop = app.project("shop", PLAN).await;
    app.say(&shop, "Redeploy the application").await;
    app.ended(&shop, 1).await;
    let renamed = app.call("rename_project", json!({ "project_id": shop, "name": "  Store  " })).await;
    assert_eq!(renamed["name"], "Store");
    assert_eq!(renamed["last_run"]["number"], 1);
    app.project("shop", PLAN).await;
    assert_eq!(names(&app).await, ["shop", "Store"]);
    app.end().await;
}

#[tokio::test]
async fn a_name_that_is_taken_or_empty_changes_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let app = App::start(data.path()).await;
    let shop = app.project("shop", PLAN).await;
    app.project("blog", PLAN).await;
    for (name, code) in [("blog", "conflict"), (" ", "invalid"), ("a\nb", "invalid")] {
        let refused = app.try_call("rename_project", json!({ "project_id": shop, "name": name })).await;
        assert_eq!(refused.expect_err("it is refused").code, code, "{name:?}");
    }
    let same = app.call("rename_project", json!({ "project_id": shop, "name": "shop" })).await;
    assert_eq!(same["name"], "shop");
    assert_eq!(names(&app).await, ["blog", "shop"]);
    app.end().await;
}

#[tokio::test]
async fn a_removed_project_takes_its_runs_and_chat_with_it() {
    let data = tempfile::tempdir().expect("a folder");
    let app = App::start(data.path()).await;
    let shop = app.project("shop", PLAN).await;
    app.say(&shop, "Redeploy the application").await;
    let run = app.ended(&shop, 1).await;
    app.call("remove_project", json!({ "project_id": shop })).await;
    assert_eq!(names(&app).await, [""; 0]);
    for (operation, request) in [
        ("plan", json!({ "project_id": shop })),
        ("run", json!({ "run_id": run["run"]["id"] })),
        ("rename_project", json!({ "project_id": shop, "name": "again" })),
    ] {
        let refused = app.try_call(operation, request).await;
        assert_eq!(refused.expect_err("it is gone").code, "not_found", "{operation}");
    }
    let log: Value = json!({ "step_id": run["steps"][0]["id"], "attempt": 1, "from": 1, "count": 10 });
    let lines = app.try_call("log_lines", log).await;
    assert!(lines.map_or(true, |window| window["total_lines"] == 0), "its logs are gone");
    app.end().await;
}
