//! What the built-in assistant answers when a request could mean several things, or when the plan has changed.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::net::TcpListener;

use serde_json::{Value, json};
use steadyhand_tests::app::App;

/// Says something and gives the text of the answer, and the answer.
async fn asked(app: &App, project: &str, text: &str) -> (String, Value) {
    let before = app.message_count(project).await;
    app.say(project, text).await;
    let answer = app.answer(project, before, |_| true).await;
    (answer["text"].as_str().expect("a text").to_owned(), answer)
}

fn buttons(message: &Value) -> Vec<&str> {
    let cards = message["cards"].as_array().expect("cards");
    let replies = cards.iter().find(|card| card["kind"] == "replies");
    replies.map_or_else(Vec::new, |card| {
        card["texts"].as_array().expect("texts").iter().filter_map(Value::as_str).collect()
    })
}

fn card<'a>(message: &'a Value, kind: &str) -> Option<&'a Value> {
    message["cards"].as_array()?.iter().find(|card| card["kind"] == kind)
}

async fn source(app: &App, project: &str) -> Value {
    app.call("plan", json!({ "project_id": project })).await
}

async fn runs(app: &App, project: &str) -> usize {
    let runs = app.call("runs", json!({ "project_id": project, "limit": 100 })).await;
    runs.as_array().expect("runs").len()
}

/// A plan on this machine.
fn here(vars: &str, run: &str) -> String {
    format!(
        "name: x\nvars: {{ {vars} }}\ntasks:\n  a:\n    on: local\n    steps:\n      - name: only\n        run: {run}\n"
    )
}

#[tokio::test]
async fn of_several_ports_the_one_that_is_called_port_or_named_by_its_value_is_changed() {
    let data = tempfile::tempdir().expect("a folder");
    let app = App::start(data.path()).await;
    let project = app
        .project("shop", &here("port: 8319, ssh_port: 22", "echo ${{ vars.port }} ${{ vars.ssh_port }}"))
        .await;
    for (text, name, value) in [
        ("use port 48722", "port", "48722"),
        ("set port to 48722", "port", "48722"),
        ("set var port to 48722", "port", "48722"),
        ("set vars.port to 48722", "port", "48722"),
        ("change port from 8319 to 48722", "port", "48722"),
        ("change port from 22 to 2222", "ssh_port", "2222"),
        ("set ssh_port to 2222", "ssh_port", "2222"),
    ] {
        let (said, answer) = asked(&app, &project, text).await;
        let proposal = card(&answer, "proposal").unwrap_or_else(|| panic!("{text}: {said}"));
        let shown = app.call("proposal", json!({ "proposal_id": proposal["proposal_id"] })).await;
        let changed = shown["source"].as_str().expect("a source");
        assert!(changed.contains(&format!("{name}: {value}")), "{text}: {changed}");
    }
    let (said, _) = asked(&app, &project, "change port from 9999 to 48722").await;
    assert!(said.contains("No port of the plan is 9999"), "{said}");
    app.end().await;
}

#[tokio::test]
async fn nothing_is_done_in_this_project_that_is_asked_of_another_or_of_a_place_that_it_does_not_have() {
    let data = tempfile::tempdir().expect("a folder");
    let app = App::start(data.path()).await;
    let shop = app.project("shop", &here("a: b", "echo shop")).await;
    let blog = app.project("blog", &here("a: b", "echo blog")).await;
    app.say(&shop, "redeploy").await;
    app.ended(&shop, 1).await;
    for text in ["deploy to production", "deploy to staging", "deploy shop", "retry run 1 on shop"] {
        let (said, answer) = asked(&app, &blog, text).await;
        assert!(card(&answer, "run").is_none(), "{text}: {said}");
    }
    let (said, _) = asked(&app, &blog, "deploy shop").await;
    assert!(said.contains("**shop** is another project") && said.contains("**blog**"), "{said}");
    assert_eq!((runs(&app, &shop).await, runs(&app, &blog).await), (1, 0));
    let (said, _) = asked(&app, &blog, "show runs of shop").await;
    assert!(said.contains("Run 1: completed"), "{said}");
    for text in ["rm -rf /", "lorem ipsum"] {
        let (_, answer) = asked(&app, &blog, text).await;
        assert_eq!(buttons(&answer), ["Help"], "{text}");
    }
    app.end().await;
}

#[tokio::test]
async fn after_the_plan_was_mended_redeploy_comes_before_retry() {
    let data = tempfile::tempdir().expect("a folder");
    let app = App::start(data.path()).await;
    let project = app.project("shop", &here("a: b", "exit 3")).await;
    app.say(&project, "redeploy").await;
    app.ended(&project, 1).await;
    app.answer(&project, 0, |message| card(message, "replies").is_some() && buttons(message) == ["Retry"])
        .await;
    let plan = source(&app, &project).await;
    let mended = plan["source"].as_str().expect("a source").replace("exit 3", "exit 0");
    app.call("save_plan", json!({ "project_id": project, "source": mended, "base_sha256": plan["sha256"] }))
        .await;

    let (said, answer) = asked(&app, &project, "why did it fail?").await;
    assert!(said.contains("The plan has changed since"), "{said}");
    assert_eq!(buttons(&answer), ["Redeploy", "Retry run 1"]);
    let (said, answer) = asked(&app, &project, "please retry").await;
    assert!(
        said.contains("The plan has changed since run 1") && said.contains("haven't done anything"),
        "{said}"
    );
    assert_eq!(buttons(&answer), ["Redeploy", "Retry run 1"]);
    assert_eq!(runs(&app, &project).await, 1);
    let (said, _) = asked(&app, &project, "retry run 1").await;
    assert!(said.contains("the plan of that time"), "{said}");
    assert_eq!(app.ended(&project, 2).await["run"]["state"], "failed");
    asked(&app, &project, "redeploy").await;
    assert_eq!(app.ended(&project, 3).await["run"]["state"], "completed");

    let (said, _) = asked(&app, &project, "compare run 2 and 3").await;
    assert!(said.contains("Run 2: failed") && said.contains("Run 3: completed"), "{said}");
    assert!(said.contains("different revisions") && said.contains("step 1, **only**"), "{said}");
    app.end().await;
}

#[tokio::test]
async fn a_port_that_only_the_plan_names_is_found_and_a_free_one_is_offered_when_asked_for() {
    let data = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let app = App::start(data.path()).await;
    let vars = format!("greeting: hi, port: {port}");
    let run = "exec python3 -m http.server --bind 127.0.0.1 ${{ vars.port }}";
    let project = app.project("shop", &here(&vars, run)).await;
    app.say(&project, "redeploy").await;
    assert_eq!(app.ended(&project, 1).await["run"]["state"], "failed");
    let said = app.answer(&project, 0, |message| card(message, "finding").is_some()).await;
    let finding = card(&said, "finding").expect("a finding");
    assert_eq!(finding["title"], format!("Port {port} is already in use"), "{said:#}");
    assert!(card(&said, "proposal").is_some(), "{said:#}");
    assert!(said["text"].as_str().is_some_and(|text| text.contains("is held by")), "{said:#}");

    let (text, answer) = asked(&app, &project, "use a free port").await;
    let proposal = card(&answer, "proposal").unwrap_or_else(|| panic!("{text}"));
    let shown = app.call("proposal", json!({ "proposal_id": proposal["proposal_id"] })).await;
    assert!(!shown["source"].as_str().expect("a source").contains(&format!("port: {port}")), "{shown:#}");
    app.end().await;
}

#[tokio::test]
async fn a_plan_with_many_errors_says_how_many_more_there_are_and_the_application_is_shown() {
    let data = tempfile::tempdir().expect("a folder");
    let app = App::start(data.path()).await;
    let project = app.project("shop", &here("a: b", "echo")).await;
    let (said, _) = asked(&app, &project, "open the app").await;
    assert!(said.contains("No run has completed yet"), "{said}");
    let plan = source(&app, &project).await;
    let steps: String =
        (0..16).map(|number| format!("      - run: echo ${{{{ vars.x{number} }}}}\n")).collect();
    let broken = format!("name: x\ntasks:\n  a:\n    on: local\n    steps:\n{steps}");
    app.call("save_plan", json!({ "project_id": project, "source": broken, "base_sha256": plan["sha256"] }))
        .await;
    let (said, _) = asked(&app, &project, "redeploy").await;
    assert!(said.contains("- and 11 more"), "{said}");
    app.end().await;
}
