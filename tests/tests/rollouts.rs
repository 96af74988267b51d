//! Changing many hosts a few at a time.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};
use steadyhand_tests::{
    app::App,
    command::{ended, steady},
    sshd::Sshd,
};

const HOSTS: usize = 12;

/// A plan that changes twelve hosts, all of them this server, with the strategy given; each host leaves a file `h5-changed`.
fn fleet(sshd: &Sshd, strategy: &str) -> String {
    let host = sshd.host();
    let hosts: String = (1..=HOSTS).map(|number| format!("  h{number}: {host}\n")).collect();
    let names: Vec<String> = (1..=HOSTS).map(|number| format!("h{number}")).collect();
    format!(
        "name: shop\nhosts:\n{hosts}groups: {{ fleet: [{}] }}\ntasks:\n  deploy:\n    on: fleet\n    strategy: {strategy}\n    steps:\n      \
         - name: Change\n        run: touch \"$HOME/${{{{ host.name }}}}-changed\"\n",
        names.join(", ")
    )
}

/// The numbers of the hosts that were changed.
fn changed(sshd: &Sshd) -> BTreeSet<usize> {
    (1..=HOSTS).filter(|number| sshd.home().join(format!("h{number}-changed")).exists()).collect()
}

/// The hosts of the steps called `name` that are in a state.
fn hosts<'d>(detail: &'d Value, name: &str, state: &str) -> Vec<&'d str> {
    let steps = detail["steps"].as_array().expect("steps").iter();
    let fitting = steps.filter(|step| step["name"] == name && step["state"] == state);
    fitting.map(|step| step["host"].as_str().expect("a host")).collect()
}

#[tokio::test]
async fn a_batch_that_is_not_healthy_ends_the_rollout_before_the_next_one() {
    let (sshd, data) = Sshd::known();
    let strategy = r#"{ rolling: { batch: 25%, health: { command: '[ "${{ host.name }}" != h5 ]', timeout: 300ms, interval: 50ms } } }"#;
    let app = App::start(data.path()).await;
    let project = app.project("shop", &fleet(&sshd, strategy)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let ended = app.ended(&project, 1).await;
    assert_eq!(ended["run"]["state"], "failed", "{ended:#}");
    assert_eq!(changed(&sshd), (1..=6).collect(), "exactly the first two batches");
    assert_eq!(hosts(&ended, "Change", "skipped"), ["h7", "h8", "h9", "h10", "h11", "h12"]);
    let failed: Vec<&Value> =
        ended["steps"].as_array().expect("steps").iter().filter(|step| step["state"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["host"], "h5");
    let reason = &ended["steps"][12]["reason"];
    assert_eq!(reason["kind"], "earlier_step_failed", "{reason}");
    app.end().await;
}

#[tokio::test]
async fn as_many_hosts_as_the_plan_allows_may_fail() {
    let (sshd, data) = Sshd::known();
    let plan = fleet(&sshd, "{ rolling: { batch: 3, max_failures: 1 } }");
    let broken = plan
        .replace("run: touch", "run: '[ ${{ host.name }} != h5 ] && touch")
        .replace("-changed\"", "-changed\"'");
    let app = App::start(data.path()).await;
    let project = app.project("shop", &broken).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let ended = app.ended(&project, 1).await;
    assert_eq!(ended["run"]["state"], "failed", "a host has failed");
    assert_eq!(changed(&sshd), (1..=HOSTS).filter(|number| *number != 5).collect());
    app.end().await;
}

#[tokio::test]
async fn a_canary_is_held_over_the_end_of_the_app_until_a_person_lets_it_go_on() {
    let (sshd, data) = Sshd::known();
    let mut app = App::start(data.path()).await;
    let project = app.project("shop", &fleet(&sshd, "{ canary: { hosts: 2 } }")).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let held = json!([{ "kind": "held", "task": "deploy", "done": 2, "of": 12 }]);
    let is_held = |detail: &Value| detail["run"]["state"] == "paused" && detail["run"]["hindrances"] == held;
    app.run(&project, 1, is_held).await;
    assert_eq!(changed(&sshd), [1, 2].into());
    app.kill().await;

    let app = App::start(data.path()).await;
    let detail = app.run(&project, 1, |detail| is_held(detail) && detail["run"]["desired"] == "paused").await;
    assert_eq!(changed(&sshd), [1, 2].into(), "nothing went on by itself");
    let (_, said) = ended(&mut steady(data.path(), &["status"])).await;
    assert!(said.contains("deploy: 2 of 12 hosts done"), "{said}");
    app.call("resume_run", json!({ "run_id": detail["run"]["id"] })).await;
    let ended = app.ended(&project, 1).await;
    assert_eq!(ended["run"]["state"], "completed", "{ended:#}");
    assert_eq!(ended["run"]["hindrances"], json!([]));
    assert_eq!(changed(&sshd), (1..=HOSTS).collect());
    app.end().await;
}

#[tokio::test]
async fn a_stop_ends_a_rollout_that_is_held_or_pauses_between_two_batches() {
    for (strategy, kind, done) in [
        ("{ canary: { hosts: 1 } }", "held", 1),
        ("{ rolling: { batch: 5, pause_between: 10m } }", "resting", 5),
    ] {
        let (sshd, data) = Sshd::known();
        let app = App::start(data.path()).await;
        let project = app.project("shop", &fleet(&sshd, strategy)).await;
        app.call("start_run", json!({ "project_id": project })).await;
        let waits = app.run(&project, 1, |detail| detail["run"]["hindrances"][0]["kind"] == kind).await;
        app.call("stop_run", json!({ "run_id": waits["run"]["id"] })).await;
        let ended = app.ended(&project, 1).await;
        assert_eq!(ended["run"]["state"], "stopped", "{strategy}");
        assert_eq!(ended["run"]["hindrances"], json!([]));
        assert_eq!(changed(&sshd).len(), done);
        app.end().await;
    }
}

#[tokio::test]
async fn batches_come_one_after_another_with_the_pause_that_the_plan_wants() {
    let (sshd, data) = Sshd::known();
    let plan = fleet(&sshd, "{ rolling: { batch: 5, pause_between: 200ms } }");
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(detail["run"]["state"], "completed", "{detail:#}");
    let steps = detail["steps"].as_array().expect("steps");
    let time = |step: &Value, what: &str| step[what].as_i64().expect("a time");
    for (earlier, later) in [(0..5, 5..10), (5..10, 10..12)] {
        let ended = steps[earlier].iter().map(|step| time(step, "ended_at")).max().expect("steps");
        let begun = steps[later].iter().map(|step| time(step, "started_at")).min().expect("steps");
        assert!(begun >= ended + 200, "the pause was {} ms", begun - ended);
    }
    assert_eq!(changed(&sshd).len(), HOSTS);
    app.end().await;
}

#[tokio::test]
async fn a_decision_is_asked_for_although_the_run_was_pausing_and_stays_over_the_pause_of_the_plan() {
    for (strategy, pauses) in
        [("{ canary: { hosts: 2 } }", true), ("{ canary: { hosts: 2, wait: 100ms } }", false)]
    {
        let (sshd, data) = Sshd::known();
        let waits = "; until [ -e \"$HOME/go\" ]; do [ -d ~ ] || exit 1; sleep 0.02; done";
        let plan = fleet(&sshd, strategy).replace("-changed\"", &format!("-changed\"{waits}"));
        let app = App::start(data.path()).await;
        let project = app.project("shop", &plan).await;
        app.call("start_run", json!({ "project_id": project })).await;
        let begun = app.run(&project, 1, |detail| detail["run"]["steps"]["running"] == 2).await;
        if pauses {
            app.call("pause_run", json!({ "run_id": begun["run"]["id"] })).await;
        }
        fs::write(sshd.home().join("go"), "").expect("go");
        let held = json!([{ "kind": "held", "task": "deploy", "done": 2, "of": 12 }]);
        let is_held =
            |detail: &Value| detail["run"]["state"] == "paused" && detail["run"]["hindrances"] == held;
        let detail = app.run(&project, 1, is_held).await;
        assert_eq!(changed(&sshd), [1, 2].into());
        app.call("resume_run", json!({ "run_id": detail["run"]["id"] })).await;
        let ended = app.ended(&project, 1).await;
        assert_eq!((&ended["run"]["state"], changed(&sshd).len()), (&json!("completed"), HOSTS));
        app.end().await;
    }
}

#[tokio::test]
async fn a_decision_that_was_not_made_is_asked_for_again_when_the_run_is_retried() {
    let (sshd, data) = Sshd::known();
    let app = App::start(data.path()).await;
    let project = app.project("shop", &fleet(&sshd, "{ canary: { hosts: 2 } }")).await;
    let run = app.call("start_run", json!({ "project_id": project })).await;
    let is_held = |detail: &Value| detail["run"]["hindrances"][0]["kind"] == "held";
    app.run(&project, 1, is_held).await;
    app.call("stop_run", json!({ "run_id": run["id"] })).await;
    app.ended(&project, 1).await;
    let again = app.call("retry_run", json!({ "run_id": run["id"], "again": "rest" })).await;
    app.run(&project, 2, |detail| is_held(detail) && detail["run"]["state"] == "paused").await;
    assert_eq!(changed(&sshd), [1, 2].into());
    app.call("resume_run", json!({ "run_id": again["id"] })).await;
    assert_eq!(app.ended(&project, 2).await["run"]["state"], "completed");
    assert_eq!(changed(&sshd).len(), HOSTS);
    app.end().await;
}
