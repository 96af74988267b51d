//! Handlers: they come once, at the end of their task on a host, only where something was changed; also after a failure, and
//! after a crash.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::fs;

use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, states},
    command::{ended, steady},
    sshd::Sshd,
};

/// Two hosts with a file each, of which `a` has it already; `rest` comes after the file.
fn plan(sshd: &Sshd, rest: &str) -> String {
    let tasks = format!(
        r#"  setup:
    on: [a, b]
    strategy: serial
    steps:
      - name: Settings
        file: {{ path: "~/settings-${{{{ host.name }}}}", content: "one\n" }}
        notify: [reload, never]
      - name: Again
        file: {{ path: "~/again-${{{{ host.name }}}}", content: "one\n" }}
        notify: reload
{rest}
    handlers:
      reload:
        - name: Reload
          run: echo reload-${{{{ host.name }}}} >> "$HOME/ran"
        - name: Look
          run: echo look-${{{{ host.name }}}} >> "$HOME/ran"
      never:
        name: Never
        when: host.name == "nobody"
        run: echo never >> "$HOME/ran"
"#
    );
    sshd.plan_on(&["a", "b"], &tasks)
}

fn world() -> (Sshd, tempfile::TempDir) {
    let (sshd, data) = Sshd::known();
    for name in ["settings-a", "again-a"] {
        fs::write(sshd.home().join(name), "one\n").expect("a file");
    }
    (sshd, data)
}

fn changed(run: &Value) -> Vec<Option<bool>> {
    let steps = run["steps"].as_array().expect("steps");
    steps.iter().map(|step| step["changed"].as_bool()).collect()
}

#[tokio::test]
async fn a_handler_comes_once_at_the_end_and_only_where_something_was_changed() {
    let (sshd, data) = world();
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&sshd, "      - run: echo last >> ~/ran")).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let run = app.ended(&project, 1).await;
    let completed = ["completed", "completed", "completed"];
    assert_eq!(states(&run)[..3], completed, "{run:#}");
    assert_eq!(states(&run)[3..6], ["skipped", "skipped", "skipped"], "nothing was changed on a: {run:#}");
    assert_eq!(run["steps"][3]["reason"], json!({ "kind": "not_notified" }));
    assert_eq!(
        states(&run)[6..],
        ["completed", "completed", "completed", "completed", "completed", "skipped"]
    );
    assert_eq!(run["steps"][11]["reason"]["kind"], "when_false");
    assert_eq!(sshd.ran(), ["last", "last", "reload-b", "look-b"]);
    assert_eq!(changed(&run)[..3], [Some(false), Some(false), Some(true)]);
    assert_eq!(changed(&run)[6..9], [Some(true), Some(true), Some(true)]);

    app.call("start_run", json!({ "project_id": project })).await;
    let again = app.ended(&project, 2).await;
    assert_eq!(changed(&again)[6..8], [Some(false), Some(false)], "{again:#}");
    assert_eq!(sshd.ran()[4..], ["last", "last"], "nothing was changed any more");
    app.end().await;
}

#[tokio::test]
async fn handlers_come_after_a_failure_of_a_later_step_and_after_one_elsewhere() {
    let (sshd, data) = world();
    // While `slow` is between its steps, `other` fails.
    let tasks = r#"  own:
    on: a
    steps:
      - { file: { path: ~/own, content: x }, notify: mend }
      - { name: Fails, run: "until [ -e ~/begun ]; do [ -d ~ ] || exit 1; sleep 0.02; done; exit 3" }
      - { name: Rest, run: "echo rest >> ~/ran" }
    handlers: { mend: { name: Mend, run: "echo mend >> ~/ran; touch ~/failed" } }
  elsewhere:
    on: b
    steps:
      - { file: { path: ~/elsewhere, content: x }, notify: tell }
      - run: touch ~/begun; until [ -e ~/failed ]; do [ -d ~ ] || exit 1; sleep 0.02; done; sleep 0.5
      - { name: Cut, run: "echo cut >> ~/ran" }
    handlers: { tell: { name: Tell, run: "echo tell >> ~/ran" } }
"#;
    let app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan_on(&["a", "b"], tasks)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let run = app.ended(&project, 1).await;
    assert_eq!(run["run"]["state"], "failed");
    let own = ["completed", "failed", "skipped", "completed"];
    assert_eq!(states(&run)[..4], own, "{run:#}");
    assert_eq!(states(&run)[4..], ["completed", "completed", "skipped", "completed"], "{run:#}");
    assert_eq!(run["steps"][6]["reason"], json!({ "kind": "earlier_step_failed", "step": "Fails" }));
    assert_eq!(sshd.ran(), ["mend", "tell"]);
    app.end().await;
}

#[tokio::test]
async fn a_handler_is_remembered_across_a_crash_and_comes_once() {
    let (sshd, data) = world();
    let waits = "      - { name: Waits, run: 'touch ~/waits; until [ -e ~/go ]; do [ -d ~ ] || exit 1; sleep 0.02; done' }";
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&sshd, waits)).await;
    fs::remove_file(sshd.home().join("settings-a")).expect("something to change on a");
    app.call("start_run", json!({ "project_id": project })).await;
    app.run(&project, 1, |run| run["steps"][2]["state"] == "running").await;
    fs::write(sshd.home().join("go"), "").expect("go");
    let app = app.kill_and_start_again().await;
    let run = app.ended(&project, 1).await;
    assert_eq!(run["run"]["state"], "completed", "{run:#}");
    assert_eq!(sshd.ran(), ["reload-a", "look-a", "reload-b", "look-b"]);
    app.end().await;
}

#[tokio::test]
async fn a_handler_that_was_killed_with_the_app_after_a_failure_still_comes() {
    let (sshd, data) = world();
    let tasks = r#"  own:
    on: a
    steps:
      - { file: { path: ~/own, content: x }, notify: mend }
      - { name: Fails, run: exit 3 }
    handlers:
      mend:
        - { name: Waits, run: "echo waits >> ~/ran; until [ -e ~/go ]; do [ -d ~ ] || exit 1; sleep 0.02; done" }
        - { name: Mend, run: "echo mend >> ~/ran" }
"#;
    let app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan_on(&["a"], tasks)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    app.run(&project, 1, |run| run["steps"][2]["state"] == "running").await;
    fs::write(sshd.home().join("go"), "").expect("go");
    let app = app.kill_and_start_again().await;
    let run = app.ended(&project, 1).await;
    assert_eq!(states(&run), ["completed", "failed", "completed", "completed"], "{run:#}");
    assert_eq!(run["run"]["state"], "failed");
    assert_eq!(sshd.ran(), ["waits", "mend"]);
    // The failed step is all that is left: the handler came.
    let (code, said) = ended(&mut steady(data.path(), &["retry", "shop/1", "--from-failed"])).await;
    assert_eq!(code, Some(1), "{said}");
    let run = app.ended(&project, 2).await;
    assert_eq!(states(&run), ["skipped", "failed", "skipped", "skipped"], "{run:#}");
    app.end().await;
}
