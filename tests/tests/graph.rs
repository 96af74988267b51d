//! Tasks that run as soon as what they need is done, on all their hosts at the same time.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, states},
    command::{ended, steady},
    process::{Said, alive},
    sshd::Sshd,
};

const TASKS: usize = 200;

/// Numbers that look random and are the same each time: the generator SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % limit as u64).expect("it is below a usize")
    }
}

/// The plan of so many tasks on three hosts, in a random shape, a few of which fail; and what each needs.
fn random(sshd: &Sshd, seed: u64) -> (String, Vec<BTreeSet<usize>>, BTreeSet<usize>) {
    let mut dice = Dice(seed);
    let host = sshd.host();
    let mut plan = format!("name: shop\nhosts:\n  a: {host}\n  b: {host}\n  c: {host}\ntasks:\n");
    let (mut needs, mut fail) = (Vec::new(), BTreeSet::new());
    for task in 0..TASKS {
        let count = dice.below(4).min(task);
        let of: BTreeSet<usize> = (0..count).map(|_| dice.below(task)).collect();
        let status = if dice.below(40) == 0 { 1 } else { 0 };
        if status == 1 {
            fail.insert(task);
        }
        let host = ["a", "b", "c"][dice.below(3)];
        let names: Vec<String> = of.iter().map(|need| format!("t{need}")).collect();
        writeln!(
            plan,
            "  t{task}:\n    on: {host}\n    needs: [{}]\n    steps:\n      - run: echo t{task} >> \"$HOME/order\"; exit {status}",
            names.join(", ")
        )
        .expect("a text");
        needs.push(of);
    }
    (plan, needs, fail)
}

/// The tasks that need, near or far, one that fails.
fn lost(needs: &[BTreeSet<usize>], fail: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut lost = BTreeSet::new();
    for (task, of) in needs.iter().enumerate() {
        if of.iter().any(|need| fail.contains(need) || lost.contains(need)) {
            lost.insert(task);
        }
    }
    lost
}

#[tokio::test]
async fn two_hundred_tasks_run_once_each_after_their_needs_and_only_what_needs_a_failure_is_skipped() {
    for seed in [1, 2, 3] {
        let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
        let (plan, needs, fail) = random(&sshd, seed);
        let lost = lost(&needs, &fail);
        assert!(!fail.is_empty() && !lost.is_empty(), "the seed {seed} shows too little");
        let file = data.path().join("plan.yaml");
        fs::write(&file, &plan).expect("the plan");
        sshd.is_known_in(data.path());
        let run = ["run", file.to_str().expect("a path"), "--continue-on-error"];
        let (code, said) = ended(&mut steady(data.path(), &run)).await;
        assert_eq!(code, Some(1), "{said}");

        let order = fs::read_to_string(sshd.home().join("order")).expect("what ran");
        let mut at: BTreeMap<usize, usize> = BTreeMap::new();
        for (place, line) in order.lines().enumerate() {
            let task = line[1..].parse().expect("a task");
            assert_eq!(at.insert(task, place), None, "t{task} ran twice");
        }
        for (task, of) in needs.iter().enumerate() {
            assert_eq!(at.contains_key(&task), !lost.contains(&task), "t{task}: {said}");
            for need in of.iter().filter(|_| at.contains_key(&task)) {
                assert!(at[need] < at[&task], "t{task} ran before t{need}, which it needs");
            }
        }

        let app = App::start(data.path()).await;
        let projects = app.call("projects", json!({})).await;
        let project = projects.as_array().expect("projects").iter().find(|project| project["name"] == "shop");
        let project = project.expect("shop")["id"].as_str().expect("an identifier");
        let detail = app.ended(project, 1).await;
        for step in detail["steps"].as_array().expect("steps") {
            let task: usize = step["task"].as_str().expect("a task")[1..].parse().expect("its number");
            let state = if lost.contains(&task) {
                let need = step["reason"]["task"].as_str().expect("a need").to_owned();
                let number: usize = need[1..].parse().expect("its number");
                assert_eq!(step["reason"]["kind"], "need_failed");
                assert!(needs[task].contains(&number), "t{task} does not need {need}");
                assert!(fail.contains(&number) || lost.contains(&number), "{need} did not fail");
                "skipped"
            } else if fail.contains(&task) {
                "failed"
            } else {
                "completed"
            };
            assert_eq!(step["state"], state, "t{task}");
        }
        app.end().await;
    }
}

/// A plan with the hosts `a`, `b` and `c`, all this server.
fn three(sshd: &Sshd, tasks: &str) -> String {
    let host = sshd.host();
    format!("name: shop\nhosts:\n  a: {host}\n  b: {host}\n  c: {host}\ntasks:\n{tasks}")
}

/// Each host waits until all three have come here: none would come further if they came one after another.
const MEET: &str = r#"  deploy:
    on: [a, b, c]
    steps:
      - name: Meet
        run: |
          echo came >> "$HOME/came"
          until [ "$(grep -c . "$HOME/came")" -eq 3 ]; do [ -d ~ ] || exit 1; sleep 0.02; done
      - name: Wait
        run: |
          echo $$ >> "$HOME/pids"
          until [ -e "$HOME/go" ]; do [ -d ~ ] || exit 1; sleep 0.02; done
      - name: After
        run: echo after >> "$HOME/after"
"#;

/// Waits until the second step runs on all three hosts; gives the run and the processes there.
async fn all_wait(app: &App, sshd: &Sshd, project: &str) -> (Value, Vec<String>) {
    let waits = |detail: &Value| {
        [1, 4, 7].iter().all(|step| detail["steps"][step]["state"] == "running")
            && fs::read_to_string(sshd.home().join("pids")).is_ok_and(|pids| pids.lines().count() == 3)
    };
    let detail = app.run(project, 1, waits).await;
    let pids = fs::read_to_string(sshd.home().join("pids")).expect("the processes");
    (detail, pids.lines().map(str::to_owned).collect())
}

fn count(sshd: &Sshd, file: &str) -> usize {
    fs::read_to_string(sshd.home().join(file)).unwrap_or_default().lines().count()
}

#[tokio::test]
async fn a_pause_holds_every_host_after_its_step_and_a_resume_lets_all_go_on() {
    let (sshd, data) = Sshd::known();
    let app = App::start(data.path()).await;
    let project = app.project("shop", &three(&sshd, MEET)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let (detail, _) = all_wait(&app, &sshd, &project).await;
    let id = detail["run"]["id"].clone();
    app.call("pause_run", json!({ "run_id": id })).await;
    let asked = app.run(&project, 1, |detail| detail["run"]["desired"] == "paused").await;
    assert_eq!(asked["run"]["state"], "in_progress", "its steps go on to their ends");
    fs::write(sshd.home().join("go"), "").expect("go");
    let paused = app.run(&project, 1, |detail| detail["run"]["state"] == "paused").await;
    assert_eq!(states(&paused), ["completed", "completed", "pending"].repeat(3));
    assert_eq!(count(&sshd, "after"), 0);
    app.call("resume_run", json!({ "run_id": id })).await;
    assert_eq!(app.ended(&project, 1).await["run"]["state"], "completed");
    assert_eq!((count(&sshd, "came"), count(&sshd, "pids"), count(&sshd, "after")), (3, 3, 3));
    app.end().await;
}

#[tokio::test]
async fn a_stop_ends_what_runs_on_every_host() {
    let (sshd, data) = Sshd::known();
    let app = App::start(data.path()).await;
    let project = app.project("shop", &three(&sshd, MEET)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let (detail, pids) = all_wait(&app, &sshd, &project).await;
    assert!(pids.iter().all(|pid| alive(pid)));
    app.call("stop_run", json!({ "run_id": detail["run"]["id"] })).await;
    let ended = app.ended(&project, 1).await;
    assert_eq!(ended["run"]["state"], "stopped", "{ended:#}");
    assert!(!pids.iter().any(|pid| alive(pid)), "nothing runs on once the run says that it was stopped");
    assert_eq!(states(&ended), ["completed", "failed", "skipped"].repeat(3));
    assert_eq!(count(&sshd, "after"), 0);
    app.end().await;
}

#[tokio::test]
async fn killed_while_a_stop_ends_three_hosts_the_run_is_stopped_by_who_takes_it_over() {
    let (sshd, data) = Sshd::known();
    let mut app = App::start(data.path()).await;
    // One host ends at once, the others take their time to clean up.
    let slow = MEET.replace(
        "echo $$ >> \"$HOME/pids\"",
        "[ ${{ host.name }} = a ] || trap 'while [ ! -e \"$HOME/clean\" ]; do [ -d ~ ] || exit 1; sleep 0.02; done; exit 0' TERM\n          echo $$ >> \"$HOME/pids\"",
    );
    let project = app.project("shop", &three(&sshd, &slow)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let (detail, pids) = all_wait(&app, &sshd, &project).await;
    app.call("stop_run", json!({ "run_id": detail["run"]["id"] })).await;
    app.run(&project, 1, |detail| detail["steps"][1]["state"] == "failed").await;
    app.kill().await;
    fs::write(sshd.home().join("clean"), "").expect("clean");
    let app = App::start(data.path()).await;
    let ended = app.ended(&project, 1).await;
    assert_eq!(ended["run"]["state"], "stopped", "{ended:#}");
    assert!(!pids.iter().any(|pid| alive(pid)), "nothing runs on once the run says that it was stopped");
    app.end().await;
}

#[tokio::test]
async fn killed_while_three_hosts_work_each_step_ran_once_and_the_run_completes() {
    let (sshd, data) = Sshd::known();
    let mut app = App::start(data.path()).await;
    let project = app.project("shop", &three(&sshd, MEET)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let (_, pids) = all_wait(&app, &sshd, &project).await;
    app.kill().await;
    assert!(pids.iter().all(|pid| alive(pid)), "commands go on without the app");
    fs::write(sshd.home().join("go"), "").expect("go");
    let app = App::start(data.path()).await;
    let ended = app.ended(&project, 1).await;
    assert_eq!(ended["run"]["state"], "completed", "{ended:#}");
    assert_eq!((count(&sshd, "came"), count(&sshd, "pids"), count(&sshd, "after")), (3, 3, 3));
    app.end().await;
}

#[tokio::test]
async fn after_a_failure_what_runs_elsewhere_comes_to_its_end_and_nothing_more_begins() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let begun = Said::at(&sshd.home().join("begun"));
    let tasks = r#"  slow:
    on: a
    steps:
      - name: Slow
        run: |
          echo up > "$HOME/begun"
          until [ -e "$HOME/go" ]; do [ -d ~ ] || exit 1; sleep 0.02; done
          touch "$HOME/slow"
      - name: After slow
        run: touch "$HOME/never"
  quick:
    on: b
    steps:
      - name: Break
        run: until [ -e "$HOME/break" ]; do [ -d ~ ] || exit 1; sleep 0.02; done; exit 7
  needs it:
    on: c
    needs: [quick]
    steps:
      - name: Never
        run: touch "$HOME/never"
"#;
    sshd.is_known_in(data.path());
    let app = App::start(data.path()).await;
    let project = app.project("shop", &three(&sshd, tasks)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let (_, _) =
        tokio::join!(begun.heard(), app.run(&project, 1, |detail| detail["steps"][2]["state"] == "running"));
    fs::write(sshd.home().join("break"), "").expect("break");
    let broken = app.run(&project, 1, |detail| detail["steps"][2]["state"] == "failed").await;
    assert_eq!(broken["run"]["state"], "in_progress", "a step is still running");
    assert_eq!(broken["steps"][3]["reason"], json!({ "kind": "need_failed", "task": "quick" }));
    fs::write(sshd.home().join("go"), "").expect("go");
    let ended = app.ended(&project, 1).await;
    assert_eq!(ended["run"]["state"], "failed");
    assert_eq!(states(&ended), ["completed", "skipped", "failed", "skipped"]);
    assert_eq!(ended["steps"][1]["reason"], json!({ "kind": "earlier_step_failed", "step": "Break" }));
    assert!(sshd.home().join("slow").exists() && !sshd.home().join("never").exists());
    app.end().await;
}
