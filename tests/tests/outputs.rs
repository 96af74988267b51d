//! What steps have written, used by later steps.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::fs;

use serde_json::json;
use steadyhand_tests::{
    app::{App, states},
    command::{ended, steady},
    sshd::Sshd,
};

/// Two tasks on a host and one on two others, all of them the same server.
fn plan(sshd: &Sshd) -> String {
    sshd.plan_on(
        &["a", "b", "c"],
        r#"  find:
    on: a
    steps:
      - id: version
        run: |
          echo "looking" >&2
          echo "1.2; echo 'not code'"
      - id: facts
        run: |
          printf '{"name": "it is", "list": [1, {"deep": "x y"}]}\n\n'
      - run: echo "own ${{ steps.version.stdout }}" >> ~/ran
  use:
    on: [b, c]
    needs: [find]
    strategy: serial
    steps:
      - id: here
        run: echo "on ${{ host.name }}"
      - name: Uses
        run: echo "${{ json(steps.facts.stdout).list[1].deep }}, ${{ json(steps.facts.stdout).name }}, ${{ steps.here.stdout }}" >> ~/ran
        unless: test "${{ steps.version.stdout }}" = other
      - file: { path: "~/made-${{ host.name }}", content: "${{ steps.version.stdout }}\n" }
"#,
    )
}

#[tokio::test]
async fn what_a_step_wrote_goes_into_later_ones_and_is_never_code() {
    let (sshd, data) = Sshd::known();
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&sshd)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let run = app.ended(&project, 1).await;
    assert_eq!(run["run"]["state"], "completed", "{run:#}");
    let first = "own 1.2; echo 'not code'";
    assert_eq!(sshd.ran(), [first, "x y, it is, on b", "x y, it is, on c"]);
    assert_eq!(fs::read_to_string(sshd.home().join("made-c")).unwrap(), "1.2; echo 'not code'\n");
    // The log has what it wrote to both.
    let step = run["steps"][0]["id"].clone();
    let log = app.call("log_lines", json!({ "step_id": step, "attempt": 1, "from": 1, "count": 10 })).await;
    let lines: Vec<&str> =
        log["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert!(lines.contains(&"looking") && lines.contains(&"1.2; echo 'not code'"), "{lines:?}");
    app.end().await;
}

#[tokio::test]
async fn outputs_are_kept_across_a_crash_and_when_a_run_goes_on_from_a_failure() {
    let (sshd, data) = Sshd::known();
    let steps = r#"      - { id: when, run: "echo once >> ~/ran; echo told" }
      - run: "until [ -e ~/go ]; do [ -d ~ ] || exit 1; sleep 0.02; done"
      - run: "[ -e ~/mended ] && echo ${{ steps.when.stdout }} >> ~/ran"
"#;
    let app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan(steps)).await;
    let run = app.call("start_run", json!({ "project_id": project })).await;
    app.run(&project, 1, |run| run["steps"][1]["state"] == "running").await;
    let app = app.kill_and_start_again().await;
    fs::write(sshd.home().join("go"), "").expect("go");
    let failed = app.ended(&project, 1).await;
    assert_eq!(states(&failed), ["completed", "completed", "failed"], "{failed:#}");
    fs::write(sshd.home().join("mended"), "").expect("mended");
    app.call("retry_run", json!({ "run_id": run["id"], "again": "rest" })).await;
    let done = app.ended(&project, 2).await;
    assert_eq!(states(&done), ["skipped", "skipped", "completed"], "{done:#}");
    assert_eq!(sshd.ran(), ["once", "told"]);
    app.end().await;
}

#[tokio::test]
async fn a_secret_in_an_output_reaches_the_next_step_and_not_the_store() {
    let (sshd, data) = Sshd::known();
    let source = sshd
        .plan(
            r#"      - { id: token, run: "echo ${{ secrets.TOKEN }}" }
      - run: "until [ -e ~/go ]; do [ -d ~ ] || exit 1; sleep 0.02; done"
      - run: "echo ${{ steps.token.stdout }} > ~/got"
      - run: exit 1
      - run: "echo ${{ steps.token.stdout }}"
"#,
        )
        .replace("tasks:", "secrets: [TOKEN]\ntasks:");
    let app = App::start_with(data.path(), |command| {
        command.env("STEADYHAND_SECRET_TOKEN", "s3cret-value-of-this-test");
    })
    .await;
    let project = app.project("shop", &source).await;
    let run = app.call("start_run", json!({ "project_id": project })).await;
    app.run(&project, 1, |run| run["steps"][1]["state"] == "running").await;
    fs::write(sshd.home().join("go"), "").expect("go");
    app.ended(&project, 1).await;
    assert_eq!(fs::read_to_string(sshd.home().join("got")).unwrap(), "s3cret-value-of-this-test\n");
    // What is left needs the output, of which only the secret's place was kept.
    app.call("retry_run", json!({ "run_id": run["id"], "again": "rest" })).await;
    app.ended(&project, 2).await;
    app.end().await;
    for entry in fs::read_dir(data.path()).expect("the data").flatten().filter(|entry| entry.path().is_file())
    {
        let bytes = fs::read(entry.path()).expect("a file");
        let found = bytes.windows(12).any(|window| window == b"s3cret-value");
        assert!(!found, "{} has the secret", entry.path().display());
    }
}

#[tokio::test]
async fn an_output_that_is_not_there_says_why() {
    let (sshd, data) = Sshd::known();
    let plan = data.path().join("plan.yaml");
    for (steps, expected) in [
        (
            "      - { id: a, run: echo no json }\n      - run: echo ${{ json(steps.a.stdout).key }}\n",
            "what that step wrote is no JSON",
        ),
        (
            "      - { id: a, run: echo x, unless: \"true\" }\n      - run: echo ${{ steps.a.stdout }}\n",
            "that step was skipped",
        ),
        (
            "      - { id: a, run: \"head -c 70000 /dev/zero | tr '\\\\0' x\" }\n      - run: echo ${{ steps.a.stdout }}\n",
            "more than 60000 bytes",
        ),
        (
            "      - { id: a, run: \"printf '\\\\377'\" }\n      - run: echo ${{ steps.a.stdout }}\n",
            "is no UTF-8 text",
        ),
    ] {
        fs::write(&plan, sshd.plan(steps)).expect("a plan");
        let (code, said) = ended(&mut steady(data.path(), &["run", plan.to_str().unwrap(), "--yes"])).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(expected), "{expected}: {said}");
    }
    for (steps, expected) in [
        (
            "      - run: echo ${{ steps.a.stdout }}\n      - { id: a, run: x }\n",
            "does not come before this one",
        ),
        ("      - run: echo ${{ steps.a.status }}\n", "is nothing that a step has"),
        (
            "      - { id: abc, run: x }\n      - run: echo ${{ steps.abd.stdout }}\n",
            "did you mean `steps.abc.stdout`?",
        ),
        ("      - { id: a, run: x }\n      - { id: a, run: x }\n", "two steps have the id `a`"),
        ("      - { id: a, run: x }\n      - run: echo ${{ json(steps.a.stdout) key }}\n", "cannot be read"),
    ] {
        fs::write(&plan, sshd.plan(steps)).expect("a plan");
        let (code, said) = ended(&mut steady(data.path(), &["validate", plan.to_str().unwrap()])).await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[tokio::test]
async fn a_step_whose_output_cannot_be_used_is_not_run_again_and_one_that_leaves_something_behind_ends() {
    let (sshd, data) = Sshd::known();
    let steps = r#"      - { id: left, run: "( until [ -e ~/go ]; do [ -d ~ ] || exit 1; sleep 0.02; done ) & echo here" }
      - run: echo ${{ steps.left.stdout }} >> ~/ran
      - id: long
        run: echo once >> ~/ran; head -c 70000 /dev/zero | tr '\0' x
        retries: { times: 2, backoff: 10ms }
"#;
    let app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan(steps)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let run = app.ended(&project, 1).await;
    fs::write(sshd.home().join("go"), "").expect("go");
    assert_eq!(states(&run), ["completed", "completed", "failed"], "{run:#}");
    assert_eq!(sshd.ran(), ["here", "once"]);
    app.end().await;
}
