//! The earlier revisions of a plan: listed, compared with the current one, and restored as a new one.
#![allow(clippy::expect_used, reason = "what goes wrong ends the test")]

use serde_json::{Value, json};
use steadyhand_tests::app::App;

fn plan(says: &str) -> String {
    format!("name: words\ntasks:\n  say:\n    on: local\n    steps:\n      - run: echo {says}\n")
}

async fn notes(app: &App, project: &str) -> Vec<String> {
    let revisions = app.call("plan_revisions", json!({ "project_id": project })).await;
    let revisions = revisions.as_array().expect("revisions").clone();
    revisions.iter().map(|revision| revision["note"].as_str().expect("a note").to_owned()).collect()
}

async fn sha256(app: &App, project: &str) -> Value {
    app.call("plan", json!({ "project_id": project })).await["sha256"].clone()
}

#[tokio::test]
async fn an_earlier_revision_is_compared_and_restored_as_a_new_one() {
    let data = tempfile::tempdir().expect("a folder");
    let app = App::start(data.path()).await;
    let project = app.project("words", &plan("first")).await;
    let first = sha256(&app, &project).await;
    let save = json!({ "project_id": project, "source": plan("second"), "base_sha256": first });
    app.call("save_plan", save).await;
    let second = sha256(&app, &project).await;
    assert_eq!(notes(&app, &project).await.len(), 2);

    let shown = app.call("plan_revision", json!({ "project_id": project, "sha256": first })).await;
    assert_eq!((&shown["source"], &shown["current_sha256"]), (&json!(plan("first")), &second));
    let changes: Vec<(&str, &str)> = shown["diff"]
        .as_array()
        .expect("a difference")
        .iter()
        .map(|line| (line["kind"].as_str().expect("a kind"), line["text"].as_str().expect("a text")))
        .filter(|(kind, _)| *kind != "context")
        .collect();
    assert_eq!(changes, [("removed", "      - run: echo second"), ("added", "      - run: echo first")]);
    let same = app.call("plan_revision", json!({ "project_id": project, "sha256": second })).await;
    assert_eq!(same["diff"], json!([]));

    let restore = json!({ "project_id": project, "sha256": first, "base_sha256": second });
    let restored = app.call("restore_plan", restore.clone()).await;
    assert_eq!((&restored["source"], &restored["sha256"]), (&json!(plan("first")), &first));
    let short = &first.as_str().expect("a SHA-256")[..7];
    assert_eq!(notes(&app, &project).await[0], format!("restored {short}"));
    assert_eq!(notes(&app, &project).await.len(), 3, "nothing is taken out of the history");

    // What it was compared with is no longer the current plan.
    let refused = app.try_call("restore_plan", restore).await.expect_err("refused");
    assert_eq!(refused.code, "conflict");
    let unknown = json!({ "project_id": project, "sha256": "0".repeat(64), "base_sha256": first });
    assert_eq!(app.try_call("restore_plan", unknown).await.expect_err("refused").code, "not_found");
    let unknown = json!({ "project_id": project, "sha256": "0".repeat(64) });
    assert_eq!(app.try_call("plan_revision", unknown).await.expect_err("refused").code, "not_found");
    assert_eq!(notes(&app, &project).await.len(), 3);

    // It is what runs.
    app.say(&project, "Redeploy the application").await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(app.log(&detail["steps"][0]).await, b"first\n");
    app.end().await;
}
