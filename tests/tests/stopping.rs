//! Stopping a run while it does something else than running a command.
#![allow(clippy::expect_used, reason = "what goes wrong ends the test")]

use std::{fs, time::Duration};

use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, WAITS, states},
    process::{Said, alive},
    proxy::{Proxy, Weather},
    sshd::Sshd,
};

/// Stops the run as soon as the command that says its process number through the pipe `begun` runs; gives the run's
/// end, at which that process must be gone.
async fn stopped_while(steps: &str) -> Value {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let begun = Said::at(&sshd.home().join("begun"));
    let app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan(steps)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let (pids, detail) = tokio::join!(
        begun.heard(),
        app.run(&project, 1, |detail| detail["steps"][0]["state"] == "completed")
    );
    assert!(pids.len() == 1 && alive(&pids[0]), "{pids:?}");
    app.call("stop_run", json!({ "run_id": detail["run"]["id"] })).await;
    let ended = app.ended(&project, 1).await;
    assert!(!alive(&pids[0]), "it runs on although the run was said to have been stopped");
    assert!(!sshd.home().join("never").exists(), "what came after the stop was run");
    app.end().await;
    ended
}

#[tokio::test]
async fn a_guard_is_ended_and_its_step_never_begins() {
    let ended = stopped_while(
        r#"      - run: 'true'
      - name: Guarded
        run: touch "$HOME/never"
        unless: 'echo $$ > "$HOME/begun"; sleep 300; false'
"#,
    )
    .await;
    assert_eq!(ended["run"]["state"], "stopped", "{ended:#}");
    assert_eq!(states(&ended), ["completed", "skipped"]);
    assert_eq!(ended["steps"][1]["attempts"], json!([]));
}

#[tokio::test]
async fn a_command_that_is_waited_for_is_ended() {
    let ended = stopped_while(
        r#"      - run: 'true'
      - name: Wait
        wait_for: { command: 'echo $$ > "$HOME/begun"; sleep 300', timeout: 10m }
      - run: touch "$HOME/never"
"#,
    )
    .await;
    assert_eq!(ended["run"]["state"], "stopped", "{ended:#}");
    assert_eq!(states(&ended), ["completed", "failed", "skipped"]);
    assert_eq!(ended["steps"][1]["reason"]["kind"], "run_stopped");
}

#[tokio::test]
async fn a_question_about_a_host_is_taken_back_and_nothing_was_run() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan("      - run: touch \"$HOME/never\"\n")).await;
    let run = app.call("start_run", json!({ "project_id": project })).await;
    let open = app
        .wait_for("a question", async |app| {
            let questions = app.call("questions", json!({})).await;
            questions.as_array().filter(|questions| !questions.is_empty()).cloned()
        })
        .await;
    assert_eq!(open[0]["about"]["kind"], "host_key", "{open:#?}");
    app.call("stop_run", json!({ "run_id": run["id"] })).await;
    let ended = app
        .wait_for("the end", async |app| {
            let detail = app.call("run", json!({ "run_id": run["id"] })).await;
            (detail["run"]["state"] == "stopped").then_some(detail)
        })
        .await;
    assert_eq!(states(&ended), ["failed"]);
    assert_eq!(ended["run"]["hindrances"], json!([]));
    assert_eq!(app.call("questions", json!({})).await, json!([]));
    assert!(!sshd.home().join("never").exists());
    // Nothing of it stands in the way of the next one, which asks again.
    app.call("start_run", json!({ "project_id": project })).await;
    assert_eq!(app.ended(&project, 2).await["run"]["state"], "completed");
    app.end().await;
}

#[tokio::test]
async fn an_upload_that_does_not_come_through_times_out() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let proxy = Proxy::start(sshd.port, Duration::ZERO).await;
    let app = App::start(data.path()).await;
    let file = data.path().join("file");
    fs::write(&file, vec![7; 1 << 20]).expect("a file");
    let upload = format!(
        "      - name: Upload\n        upload: {{ from: {}, to: \"~/file\" }}\n        timeout: 1s\n",
        file.display()
    );
    let waits = WAITS.split("      - name: Third").next().expect("two steps");
    let plan = sshd.plan_at(proxy.port, &format!("{waits}{upload}"));
    let project = app.project("shop", &plan).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let detail = app.waiting(&project, 1).await;
    let of = json!({ "run_id": detail["run"]["id"] });
    app.call("pause_run", of.clone()).await;
    fs::write(sshd.home().join("go"), "").expect("go");
    app.run(&project, 1, |detail| detail["run"]["state"] == "paused").await;
    // The third step is an upload now, on a connection that was good a moment ago.
    proxy.set(Weather::Silent);
    app.call("resume_run", of).await;
    let ended = app.ended(&project, 1).await;
    assert_eq!(ended["run"]["state"], "failed", "{ended:#}");
    let failed = ended["steps"].as_array().and_then(|steps| steps.last()).expect("the upload");
    assert_eq!(failed["reason"], json!({ "kind": "outcome", "outcome": { "kind": "timed_out" } }));
    assert!(!sshd.home().join("file").exists());
    app.end().await;
}
