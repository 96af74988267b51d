//! Who goes on with a run whose process is gone, and what becomes of one that nobody can go on with.
#![allow(clippy::expect_used, reason = "what goes wrong ends the test")]

use std::{fs, process::Command};

use serde_json::json;
use steadyhand_tests::{
    app::{App, WAITS, states},
    command::{ended, steady},
    process::{Said, alive},
    sshd::Sshd,
};
use tempfile::TempDir;

/// A server and data with a run of a plan with [`WAITS`] in its second step, whose process was killed; gives its
/// project, too.
async fn left_waiting() -> (Sshd, TempDir, String) {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let mut app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan(WAITS)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    app.waiting(&project, 1).await;
    app.kill().await;
    (sshd, data, project)
}

#[tokio::test]
async fn a_command_that_only_looks_leaves_a_run_alone_and_one_that_asks_something_of_it_takes_it_over() {
    let (sshd, data, project) = left_waiting().await;
    for look in [&["runs"][..], &["logs", "shop/1", "1"], &["--version"]] {
        let (code, said) = ended(&mut steady(data.path(), look)).await;
        assert_eq!(code, Some(0), "{look:?}: {said}");
    }
    let (_, said) = ended(&mut steady(data.path(), &["runs", "--format", "json"])).await;
    assert!(said.contains(r#""state":"in_progress""#), "{said}");
    let (code, said) = ended(&mut steady(data.path(), &["stop", "shop/1"])).await;
    assert_eq!(code, Some(0), "{said}");
    let app = App::start(data.path()).await;
    let stopped = app.ended(&project, 1).await;
    assert_eq!(stopped["run"]["state"], "stopped", "{stopped:#}");
    assert!(!sshd.home().join("third").exists());
    app.end().await;
}

#[tokio::test]
async fn a_run_waits_for_a_process_that_has_its_secrets() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let with = |app: &mut tokio::process::Command| {
        app.env("STEADYHAND_SECRET_PASSWORD", "open sesame");
    };
    let mut app = App::start_with(data.path(), with).await;
    let needs = sshd.plan(&WAITS.replace("echo waiting", "echo ${{ secrets.PASSWORD }} | wc -c; : waiting"));
    let needs =
        needs.replace("tasks:\n", "secrets: [PASSWORD]\ntasks:\n").replace("HOME/go", "HOME/secret-go");
    let secret = app.project("with a secret", &needs).await;
    let plain = app.project("without one", &sshd.plan(WAITS)).await;
    for project in [&secret, &plain] {
        app.call("start_run", json!({ "project_id": project })).await;
        app.waiting(project, 1).await;
    }
    app.kill().await;
    fs::write(sshd.home().join("go"), "").expect("go");
    let app = App::start(data.path()).await;
    // Both were looked at together, and this one has come to its end since.
    assert_eq!(app.ended(&plain, 1).await["run"]["state"], "completed");
    let waiting = app.run(&secret, 1, |detail| detail["run"]["hindrances"] != json!([])).await;
    assert_eq!(waiting["run"]["state"], "in_progress", "{waiting:#}");
    let missing = json!([{ "kind": "missing_secrets", "names": ["PASSWORD"] }]);
    assert_eq!(waiting["run"]["hindrances"], missing);
    // One that has it goes on, and leaves the run again: that is told again.
    let mut other = App::start_with(data.path(), with).await;
    app.run(&secret, 1, |detail| detail["run"]["hindrances"] == json!([])).await;
    other.kill().await;
    app.run(&secret, 1, |detail| detail["run"]["hindrances"] == missing).await;
    app.end().await;
    fs::write(sshd.home().join("secret-go"), "").expect("go");
    let app = App::start_with(data.path(), with).await;
    let ended = app.ended(&secret, 1).await;
    assert_eq!(states(&ended), ["completed"; 3]);
    assert_eq!(ended["run"]["hindrances"], json!([]));
    assert_eq!(app.log(&ended["steps"][1]).await, b"12\n");
    app.end().await;
}

#[tokio::test]
async fn stopping_a_run_whose_process_is_gone_takes_none_of_its_secrets() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let steps = r#"      - name: Before
        run: echo before
      - name: Long
        run: |
          echo $$ > "$HOME/pid"
          echo ${{ secrets.PASSWORD }} | wc -c
          sleep 300
"#;
    let plan = sshd.plan(steps).replace("tasks:\n", "secrets: [PASSWORD]\ntasks:\n");
    let mut app = App::start_with(data.path(), |app| {
        app.env("STEADYHAND_SECRET_PASSWORD", "open sesame");
    })
    .await;
    let project = app.project("shop", &plan).await;
    app.call("start_run", json!({ "project_id": project })).await;
    app.waiting(&project, 1).await;
    app.kill().await;
    let pid = fs::read_to_string(sshd.home().join("pid")).expect("its number");
    assert!(alive(pid.trim()), "the command goes on without Steadyhand");
    let app = App::start(data.path()).await;
    let run = app.run(&project, 1, |detail| detail["run"]["hindrances"] != json!([])).await;
    app.call("stop_run", json!({ "run_id": run["run"]["id"] })).await;
    let ended = app.ended(&project, 1).await;
    assert_eq!(ended["run"]["state"], "stopped", "{ended:#}");
    assert_eq!(states(&ended), ["completed", "failed"]);
    assert_eq!(ended["steps"][1]["reason"]["kind"], "run_stopped");
    assert_eq!(app.log(&ended["steps"][1]).await, b"12\n");
    assert!(!alive(pid.trim()), "it runs on although the run was said to have been stopped");
    app.end().await;
}

/// Kills the app while the second step of a run asks something of the server, which says its process number through the
/// pipe `begun`. Gives the project and that number.
async fn killed_while(sshd: &Sshd, begun: &Said, app: &mut App, steps: &str) -> (String, String) {
    let project = app.project("shop", &sshd.plan(steps)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let (pids, _) = tokio::join!(
        begun.heard(),
        app.run(&project, 1, |detail| detail["steps"][0]["state"] == "completed")
    );
    let [pid] = <[String; 1]>::try_from(pids).expect("one number");
    assert!(alive(&pid));
    app.kill().await;
    (project, pid)
}

const QUESTIONS: [&str; 2] = [
    r#"      - run: 'true'
      - name: Guarded
        run: touch "$HOME/second"
        unless: 'echo $$ > "$HOME/begun"; sleep 300; false'
"#,
    r#"      - run: 'true'
      - name: Wait
        wait_for: { command: 'echo $$ > "$HOME/begun"; sleep 300', timeout: 10m }
"#,
];

#[tokio::test]
async fn stopping_a_run_whose_process_is_gone_leaves_none_of_its_questions() {
    for steps in QUESTIONS {
        let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
        let begun = Said::at(&sshd.home().join("begun"));
        let mut app = App::start(data.path()).await;
        let (project, pid) = killed_while(&sshd, &begun, &mut app, steps).await;
        let (code, said) = ended(&mut steady(data.path(), &["stop", "shop/1"])).await;
        assert_eq!(code, Some(0), "{said}");
        let app = App::start(data.path()).await;
        let stopped = app.ended(&project, 1).await;
        assert_eq!(stopped["run"]["state"], "stopped", "{stopped:#}");
        assert!(!alive(&pid), "it runs on although the run was said to have been stopped");
        assert!(!sshd.home().join("second").exists());
        app.end().await;
    }
}

#[tokio::test]
async fn a_question_is_asked_again_and_the_one_before_is_gone() {
    for steps in QUESTIONS {
        let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
        let begun = Said::at(&sshd.home().join("begun"));
        let mut app = App::start(data.path()).await;
        let (project, pid) = killed_while(&sshd, &begun, &mut app, steps).await;
        let app = App::start(data.path()).await;
        let again = begun.heard().await.remove(0);
        assert!(again != pid && alive(&again) && !alive(&pid), "{pid} {again}");
        app.call("stop_run", json!({ "run_id": app.run(&project, 1, |_| true).await["run"]["id"] })).await;
        assert_eq!(app.ended(&project, 1).await["run"]["state"], "stopped");
        assert!(!alive(&again));
        app.end().await;
    }
}

#[tokio::test]
async fn a_run_that_cannot_be_executed_has_failed_and_holds_nothing() {
    let (sshd, data, project) = left_waiting().await;
    let damage = "UPDATE runs SET compiled_json = '{'";
    let done = Command::new("sqlite3").arg(data.path().join("steadyhand.db")).arg(damage).status();
    assert!(done.expect("sqlite3, of the package sqlite3, starts").success());
    let app = App::start(data.path()).await;
    let ended = app.ended(&project, 1).await;
    assert_eq!(ended["run"]["state"], "failed", "{ended:#}");
    assert_eq!(states(&ended), ["completed", "failed", "skipped"]);
    let reason = ended["steps"][1]["reason_text"].as_str().expect("a reason");
    assert!(reason.contains("could not go on with this run"), "{reason}");
    fs::write(sshd.home().join("go"), "").expect("go");
    app.call("start_run", json!({ "project_id": project })).await;
    assert_eq!(app.ended(&project, 2).await["run"]["state"], "completed");
    app.end().await;
}
