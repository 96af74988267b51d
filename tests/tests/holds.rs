//! `on_failure`: a failed step that is held until a person decides, one that does not count, and undoing a run.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::fs;

use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, states},
    command::{ended, steady},
    sshd::Sshd,
};

/// Its second step fails until there is a file `mended`, and is held.
fn plan(sshd: &Sshd) -> String {
    sshd.plan(
        r#"      - { name: First, run: echo first >> ~/ran }
      - { name: Second, run: "echo tried >> ~/ran; [ -e ~/mended ]", on_failure: hold }
      - { name: Third, run: echo third >> ~/ran }
"#,
    )
}

fn is_held(run: &Value) -> bool {
    let hindrances = run["run"]["hindrances"].as_array().expect("a list");
    run["run"]["state"] == "paused" && hindrances.iter().any(|hindrance| hindrance["kind"] == "step_held")
}

struct World {
    sshd: Sshd,
    data: tempfile::TempDir,
    app: App,
    project: String,
}

impl World {
    /// With a run of [`plan`] that is held.
    async fn held() -> Self {
        let (sshd, data) = Sshd::known();
        let app = App::start(data.path()).await;
        let project = app.project("shop", &plan(&sshd)).await;
        app.call("start_run", json!({ "project_id": project })).await;
        app.run(&project, 1, is_held).await;
        Self { sshd, data, app, project }
    }

    async fn decide(&self, choice: &str) {
        let run = self.app.run(&self.project, 1, |_| true).await;
        let step = &run["steps"][1]["id"];
        self.app.call("decide_step", json!({ "step_id": step, "choice": choice })).await;
    }
}

#[tokio::test]
async fn a_held_step_says_why_and_is_tried_again_until_it_succeeds() {
    let world = World::held().await;
    let run = world.app.run(&world.project, 1, is_held).await;
    let held = &run["run"]["hindrances"][0];
    assert_eq!((&held["step"], &held["host"]), (&json!("Second"), &json!("web1")), "{run:#}");
    assert_eq!(held["reason_text"], "exit status 1");
    assert_eq!(states(&run), ["completed", "running", "pending"]);
    world.decide("retry").await;
    world
        .app
        .run(&world.project, 1, |run| {
            is_held(run) && run["steps"][1]["attempts"].as_array().unwrap().len() == 2
        })
        .await;
    fs::write(world.sshd.home().join("mended"), "").expect("mended");
    world.decide("retry").await;
    let run = world.app.ended(&world.project, 1).await;
    assert_eq!(run["run"]["state"], "completed", "{run:#}");
    assert_eq!(world.sshd.ran(), ["first", "tried", "tried", "tried", "third"]);
    let step = &run["steps"][1]["id"];
    let refused = world.app.try_call("decide_step", json!({ "step_id": step, "choice": "skip" })).await;
    assert_eq!(refused.expect_err("it is not held").code, "conflict");
    world.app.end().await;
}

#[tokio::test]
async fn a_held_step_that_is_skipped_does_not_count_and_one_that_fails_does() {
    for (choice, state, states_then, last) in [
        ("skip", "completed", ["completed", "failed", "completed"], "third"),
        ("fail", "failed", ["completed", "failed", "skipped"], "tried"),
    ] {
        let world = World::held().await;
        world.decide(choice).await;
        let run = world.app.ended(&world.project, 1).await;
        assert_eq!(
            (&run["run"]["state"], states(&run)),
            (&json!(state), states_then.map(str::to_owned).to_vec())
        );
        assert_eq!(world.sshd.ran().last().map(String::as_str), Some(last));
        world.app.end().await;
    }
}

#[tokio::test]
async fn a_held_step_is_still_held_after_a_crash_and_nothing_runs_twice() {
    let world = World::held().await;
    let app = world.app.kill_and_start_again().await;
    let run = app.run(&world.project, 1, is_held).await;
    assert_eq!(world.sshd.ran(), ["first", "tried"], "{run:#}");
    // From the command line, of another process.
    fs::write(world.sshd.home().join("mended"), "").expect("mended");
    let (code, said) = ended(&mut steady(world.data.path(), &["decide", "shop/1", "2", "retry"])).await;
    assert_eq!(code, Some(0), "{said}");
    let run = app.ended(&world.project, 1).await;
    assert_eq!(run["run"]["state"], "completed", "{run:#}");
    assert_eq!(world.sshd.ran(), ["first", "tried", "tried", "third"]);
    app.end().await;
}

#[tokio::test]
async fn a_decision_that_came_while_nobody_executed_the_run_counts_after_a_crash() {
    let world = World::held().await;
    world.decide("skip").await;
    let app = world.app.kill_and_start_again().await;
    let run = app.ended(&world.project, 1).await;
    assert_eq!(
        (&run["run"]["state"], &run["steps"][2]["state"]),
        (&json!("completed"), &json!("completed")),
        "{run:#}"
    );
    app.end().await;
}

#[tokio::test]
async fn a_held_run_can_be_resumed_which_tries_again_and_stopped() {
    let world = World::held().await;
    let run = world.app.run(&world.project, 1, is_held).await;
    world.app.call("resume_run", json!({ "run_id": run["run"]["id"] })).await;
    let tried_again = |run: &Value| run["steps"][1]["attempts"].as_array().unwrap().len() == 2;
    world.app.run(&world.project, 1, |run| is_held(run) && tried_again(run)).await;
    world.app.call("stop_run", json!({ "run_id": run["run"]["id"] })).await;
    let run = world.app.ended(&world.project, 1).await;
    assert_eq!(states(&run), ["completed", "failed", "skipped"], "{run:#}");
    assert_eq!(world.sshd.ran(), ["first", "tried", "tried"]);
    world.app.end().await;
}

#[tokio::test]
async fn the_other_hosts_go_on_while_a_step_is_held() {
    let (sshd, data) = Sshd::known();
    let tasks = r#"  deploy:
    on: [a, b]
    on_failure: hold
    steps:
      - run: "[ ${{ host.name }} = b ] || [ -e ~/mended ]"
      - run: echo ${{ host.name }} >> ~/ran
  after:
    on: a
    needs: [deploy]
    steps: [ { run: echo after >> ~/ran } ]
"#;
    let app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan_on(&["a", "b"], tasks)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let run = app.run(&project, 1, is_held).await;
    assert_eq!(states(&run), ["running", "pending", "completed", "completed", "pending"], "{run:#}");
    fs::write(sshd.home().join("mended"), "").expect("mended");
    app.call("decide_step", json!({ "step_id": run["steps"][0]["id"], "choice": "retry" })).await;
    let run = app.ended(&project, 1).await;
    assert_eq!(run["run"]["state"], "completed", "{run:#}");
    assert_eq!(sshd.ran(), ["b", "a", "after"]);
    app.end().await;
}

#[tokio::test]
async fn a_failure_that_does_not_count_leaves_the_run_completed() {
    let (sshd, data) = Sshd::known();
    let steps = "      - { run: exit 4, on_failure: continue }\n      - run: echo on >> ~/ran\n      - { run: exit 5, on_failure: continue }\n";
    let app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan(steps)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let run = app.ended(&project, 1).await;
    assert_eq!(states(&run), ["failed", "completed", "failed"], "{run:#}");
    assert_eq!((&run["run"]["state"], sshd.ran()), (&json!("completed"), vec!["on".to_owned()]));
    app.end().await;
}

#[tokio::test]
async fn a_run_is_undone_backwards_as_far_as_its_steps_say_how() {
    let (sshd, data) = Sshd::known();
    let tasks = r#"  one:
    on: a
    steps:
      - { name: First, run: "echo +1 >> ~/ran", undo: "echo -1 ${{ vars.who }} >> ~/ran" }
      - { name: Silent, run: "echo +2 >> ~/ran" }
      - { name: File, file: { path: ~/made, content: x }, undo: { file: { path: ~/made, state: absent } } }
  two:
    on: a
    needs: [one]
    steps:
      - { name: Second, run: "echo +3 >> ~/ran", undo: "echo -3 >> ~/ran" }
      - { name: Fails, run: exit 1, undo: "echo never >> ~/ran" }
vars: { who: "it's me" }
"#;
    let app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan_on(&["a"], tasks)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    app.ended(&project, 1).await;
    assert!(sshd.home().join("made").exists());
    let (code, said) = ended(&mut steady(data.path(), &["undo", "shop/1"])).await;
    assert_eq!(code, Some(0), "{said}");
    let run = app.ended(&project, 2).await;
    let names: Vec<&str> =
        run["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["undo “Second”", "undo “File”", "undo “First”"], "{run:#}");
    assert_eq!(run["run"]["trigger"], "undo");
    assert_eq!(sshd.ran(), ["+1", "+2", "+3", "-3", "-1 it's me"]);
    assert!(!sshd.home().join("made").exists());
    let refused = app
        .try_call("undo_run", json!({ "run_id": app.run(&project, 1, |_| true).await["run"]["id"] }))
        .await;
    assert_eq!(
        refused.expect_err("undone").message,
        "Run 1 was undone already, by run 2; to have it again, redeploy"
    );
    let refused = app.try_call("undo_run", json!({ "run_id": run["run"]["id"] })).await;
    assert!(refused.expect_err("nothing to undo").message.contains("says how it is undone"));
    app.end().await;
}
