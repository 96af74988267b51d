//! `steady` as people and scripts call it: what it does to runs of others, how it ends, and what it writes.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::fs;

use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, PATIENCE, WAITS, states},
    command::{ended, steady},
    sshd::Sshd,
};

#[tokio::test]
async fn the_command_line_pauses_resumes_and_stops_a_run_that_the_server_executes() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan(WAITS)).await;
    app.say(&project, "Redeploy the application").await;
    app.waiting(&project, 1).await;

    let (code, said) = ended(&mut steady(data.path(), &["pause", "shop/1"])).await;
    assert_eq!(code, Some(0), "{said}");
    let asked = app.run(&project, 1, |detail| detail["run"]["desired"] == "paused").await;
    assert_eq!(asked["run"]["state"], "in_progress");
    fs::write(sshd.home().join("go"), "").expect("go");
    app.run(&project, 1, |detail| detail["run"]["state"] == "paused").await;
    let (code, said) = ended(&mut steady(data.path(), &["resume", "shop/1"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(app.ended(&project, 1).await["run"]["state"], "completed");

    fs::remove_file(sshd.home().join("go")).expect("go");
    app.say(&project, "Redeploy the application").await;
    app.waiting(&project, 2).await;
    let (code, said) = ended(&mut steady(data.path(), &["stop", "shop/2"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(app.ended(&project, 2).await["run"]["state"], "stopped");
    let (code, said) = ended(&mut steady(data.path(), &["pause", "shop/2"])).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("un 2 is stopped already; it cannot be paused"), "{said}");
    let (code, said) = ended(&mut steady(data.path(), &["pause", "shop/77"])).await;
    assert_eq!(code, Some(2), "{said}");
    app.end().await;
}

#[tokio::test]
async fn steady_run_ends_with_0_when_done_1_when_failed_and_3_when_stopped() {
    let (sshd, data) = Sshd::known();
    let plan = data.path().join("plan.yaml");
    let path = plan.to_str().expect("a path");

    fs::write(&plan, sshd.plan("      - run: echo well done\n")).expect("the plan");
    let (code, said) = ended(&mut steady(data.path(), &["run", path])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("well done") && said.contains("completed"), "{said}");

    fs::write(&plan, sshd.plan("      - run: echo oh no; exit 9\n")).expect("the plan");
    let (code, said) = ended(&mut steady(data.path(), &["run", path])).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("exit status 9"), "{said}");

    fs::write(&plan, sshd.plan(WAITS)).expect("the plan");
    let mut command = steady(data.path(), &["run", path]);
    let running = tokio::spawn(async move { ended(&mut command).await });
    let third = async {
        loop {
            let (code, said) = ended(&mut steady(data.path(), &["stop", "shop/3"])).await;
            if code == Some(0) {
                return;
            }
            assert_eq!(code, Some(2), "only because there is no third run yet: {said}");
        }
    };
    tokio::time::timeout(PATIENCE, third).await.expect("the third run is stopped");
    let (code, said) = running.await.expect("it ends");
    assert_eq!(code, Some(3), "{said}");
}

#[tokio::test]
async fn every_line_of_the_json_format_is_json_also_when_the_run_fails() {
    let (sshd, data) = Sshd::known();
    let plan = data.path().join("plan.yaml");
    let script = "      - run: printf 'one\\ntwo \\033[31mred\\033[0m \\377\\n'\n      - run: exit 4\n      - run: echo never\n";
    fs::write(&plan, sshd.plan(script)).expect("the plan");
    let mut command = steady(data.path(), &["run", plan.to_str().expect("a path"), "--format", "json"]);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").expect("it ran");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}")))
        .collect();
    let said: Vec<&str> = events
        .iter()
        .filter(|event| event["kind"] == "line")
        .filter_map(|event| event["text"].as_str())
        .collect();
    assert_eq!(said, ["one", "two \u{1b}[31mred\u{1b}[0m \u{fffd}"]);
    let end = events.last().expect("a last event");
    assert_eq!((&end["kind"], &end["exit_code"]), (&json!("end"), &json!(1)));
    assert_eq!(end["run"]["run"]["state"], "failed");
    assert_eq!(states(&end["run"]), ["completed", "failed", "skipped"]);
}

#[tokio::test]
async fn a_broken_plan_is_not_run_and_its_problems_are_json_too() {
    let data = tempfile::tempdir().expect("a folder");
    let plan = data.path().join("plan.yaml");
    fs::write(
        &plan,
        "name: shop\nhosts: { web1: local }\ntasks:\n  a:\n    on: web2\n    steps: [{ rnu: x }]\n",
    )
    .expect("the plan");
    let path = plan.to_str().expect("a path");
    let mut command = steady(data.path(), &["run", path, "--format", "json"]);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").expect("it ran");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let first: Value = serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["kind"], "problems");
    let problems = first["problems"].as_array().expect("problems");
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(problems.iter().all(|problem| problem["line"].as_u64().is_some_and(|line| line >= 5)));
    let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["error"]["code"], "plan_invalid");
}

#[tokio::test]
async fn a_step_on_this_machine_sees_nothing_that_is_meant_for_steadyhand_itself() {
    let data = tempfile::tempdir().expect("a folder");
    let plan = data.path().join("plan.yaml");
    let steps = "      - run: env; printf %s \"$GIVEN\" | tr a-z A-Z\n        env: { GIVEN: \"${{ secrets.MINE }}\" }\n";
    let source = format!("name: here\nsecrets: [MINE]\ntasks:\n  a:\n    on: local\n    steps:\n{steps}");
    fs::write(&plan, source).expect("the plan");
    let mut command = steady(data.path(), &["run", plan.to_str().expect("a path")]);
    command
        .env("STEADYHAND_SECRET_MINE", "known-to-the-plan")
        .env("STEADYHAND_SECRET_OTHER", "of-another-project")
        .env("STEADYHAND_MODEL_KEY", "of-the-model");
    let (code, said) = ended(&mut command).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("GIVEN=***"), "{said}");
    assert!(said.contains("KNOWN-TO-THE-PLAN"), "the step has the value: {said}");
    for hidden in ["of-another-project", "of-the-model", "STEADYHAND_SECRET"] {
        assert!(!said.contains(hidden), "{hidden}: {said}");
    }
}

#[tokio::test]
async fn a_part_of_a_plan_is_shown_and_run_and_a_failure_ends_only_what_needs_it() {
    let data = tempfile::tempdir().expect("a folder");
    let plan = data.path().join("plan.yaml");
    let task = |name: &str, more: &str, status: u8| {
        format!(
            "  {name}: {{ on: local, {more}steps: [ {{ run: \"echo {name} >> $HOME/ran; exit {status}\" }} ] }}\n"
        )
    };
    let tasks = [
        task("build", "tags: [slow], ", 0),
        task("deploy", "needs: [build], ", 0),
        task("broken", "tags: [bad], ", 3),
        task("after", "needs: [broken], ", 0),
    ];
    fs::write(&plan, format!("name: parts\ntasks:\n{}", tasks.concat())).expect("the plan");
    let plan = plan.to_str().expect("a path");
    let steady = async |arguments: &[&str]| {
        ended(&mut steady(data.path(), &[&["run", plan], arguments].concat())).await
    };
    let ran = || fs::read_to_string(data.path().join("ran")).unwrap_or_default();

    let (code, said) = steady(&["deploy", "--dry-run"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("build on local") && said.contains("deploy on local"), "{said}");
    assert!(said.contains("2 steps on local; nothing was run") && !said.contains("broken"), "{said}");
    let (code, said) = steady(&["deploy", "--dry-run", "--format", "json"]).await;
    assert_eq!(code, Some(0), "{said}");
    let preview: serde_json::Value = serde_json::from_str(&said).expect("one document");
    assert_eq!(preview["steps"].as_array().expect("steps").len(), 2);
    assert_eq!(ran(), "");

    let (code, said) = steady(&["--skip-tags", "slow,bda"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("The plan has no tag `bda`. Did you mean `bad`?"), "{said}");
    let (code, said) = steady(&["--skip-tags", "slow", "deploy"]).await;
    assert_eq!((code, ran().as_str()), (Some(0), "deploy\n"), "{said}");
    let (code, said) = steady(&["--start-at", "broken", "--limit", "local"]).await;
    assert_eq!((code, ran().as_str()), (Some(1), "deploy\nbroken\n"), "{said}");
    assert!(said.contains("“broken”, which it needs, failed"), "{said}");
    fs::remove_file(data.path().join("ran")).expect("what ran");
    let (code, said) = steady(&["--continue-on-error"]).await;
    assert_eq!(code, Some(1), "{said}");
    let mut lines: Vec<String> = ran().lines().map(str::to_owned).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["broken", "build", "deploy"]);
}
