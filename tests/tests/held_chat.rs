//! A run that is held at a failed step, in the chat: what is said of it, and what a person decides in words.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::fs;

use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, states},
    model_server::ModelServer,
    sshd::Sshd,
};

/// Its second step writes why it fails, until there is a file `mended`, and is held.
const STEPS: &str = r#"      - { name: First, run: echo first >> ~/ran }
      - { name: Second, run: "echo tried >> ~/ran; [ -e ~/mended ] || { echo 'bash: frobnicate: command not found' >&2; exit 127; }", on_failure: hold }
      - { name: Third, run: echo third >> ~/ran }
"#;

struct Chat {
    sshd: Sshd,
    app: App,
    project: String,
    _data: tempfile::TempDir,
}

impl Chat {
    /// With a run of the plan that is held.
    async fn held(plan: impl FnOnce(&Sshd) -> String) -> Self {
        let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
        sshd.is_known_in(data.path());
        let app = App::start(data.path()).await;
        let project = app.project("shop", &plan(&sshd)).await;
        let chat = Self { sshd, app, project, _data: data };
        chat.ask("redeploy").await;
        chat.app.run(&chat.project, 1, is_held).await;
        chat
    }

    /// What is answered to a message.
    async fn ask(&self, text: &str) -> Value {
        let before = self.app.message_count(&self.project).await;
        self.app.say(&self.project, text).await;
        let answer = self.app.answer(&self.project, before, |_| true).await;
        assert_eq!(answer["state"], "complete", "{text}: {answer:#}");
        answer
    }

    async fn said(&self, text: &str) -> String {
        self.ask(text).await["text"].as_str().expect("a text").to_owned()
    }

    fn mend(&self) {
        fs::write(self.sshd.home().join("mended"), "").expect("mended");
    }

    /// What the steps wrote.
    fn trace(&self) -> Vec<String> {
        let trace = fs::read_to_string(self.sshd.home().join("ran")).unwrap_or_default();
        trace.lines().map(str::to_owned).collect()
    }
}

fn is_held(run: &Value) -> bool {
    let hindrances = run["run"]["hindrances"].as_array().expect("a list");
    run["run"]["state"] == "paused" && hindrances.iter().any(|hindrance| hindrance["kind"] == "step_held")
}

fn held_on(run: &Value) -> Vec<&str> {
    let hindrances = run["run"]["hindrances"].as_array().expect("a list");
    hindrances.iter().map(|hindrance| hindrance["host"].as_str().expect("a host")).collect()
}

fn buttons(message: &Value) -> Vec<&str> {
    let cards = message["cards"].as_array().expect("cards");
    let replies = cards.iter().find(|card| card["kind"] == "replies");
    replies.map_or_else(Vec::new, |card| {
        card["texts"].as_array().expect("texts").iter().filter_map(Value::as_str).collect()
    })
}

fn cards<'a>(message: &'a Value, kind: &str) -> Vec<&'a Value> {
    message["cards"].as_array().expect("cards").iter().filter(|card| card["kind"] == kind).collect()
}

#[tokio::test]
async fn a_held_run_is_explained_with_its_log_and_retry_runs_the_step_again() {
    let chat = Chat::held(|sshd| sshd.plan(STEPS)).await;
    for question in ["What is wrong with the run?", "why did it fail?"] {
        let answer = chat.ask(question).await;
        let text = answer["text"].as_str().unwrap();
        assert!(text.starts_with("Run 1 is held at **Second** on web1: exit status 127"), "{text}");
        for choice in ["**retry** runs it again", "**skip it** goes on", "**let it fail** gives it up"] {
            assert!(text.contains(choice), "{choice}: {text}");
        }
        let finding = cards(&answer, "finding");
        assert_eq!(finding[0]["citations"][0]["text"], "bash: frobnicate: command not found", "{answer:#}");
        assert_eq!(buttons(&answer), ["Retry", "Skip it", "Let it fail"]);
    }
    let status = chat.said("status").await;
    assert!(
        status.starts_with("Run 1 is held at **Second** on web1 (exit status 127), 1 of 3 steps done."),
        "{status}"
    );
    assert!(status.contains("It waits for your decision"), "{status}");
    let refused = chat.said("redeploy").await;
    assert!(refused.contains("has not ended yet") && refused.contains("held at **Second**"), "{refused}");

    // Nothing of that was a decision, and neither is this.
    for text in ["how do I skip a step?", "don't skip it", "should I skip it?", "retry run 1"] {
        chat.ask(text).await;
    }
    assert_eq!(chat.trace(), ["first", "tried"]);

    assert_eq!(chat.said("retry").await, "**Second** on web1 is tried again.");
    let tried = |run: &Value| run["steps"][1]["attempts"].as_array().unwrap().len() == 2;
    chat.app.run(&chat.project, 1, |run| is_held(run) && tried(run)).await;
    chat.mend();
    assert_eq!(chat.said("try it again").await, "**Second** on web1 is tried again.");
    let run = chat.app.ended(&chat.project, 1).await;
    assert_eq!(run["run"]["state"], "completed", "{run:#}");
    assert_eq!(chat.trace(), ["first", "tried", "tried", "tried", "third"]);

    let nothing = chat.ask("skip this step").await;
    let text = nothing["text"].as_str().unwrap();
    assert!(text.starts_with("No step is held") && text.contains("`on_failure: hold`"), "{text}");
    assert_eq!(buttons(&nothing), ["Redeploy"]);
    // With nothing held it repeats the run, as ever.
    let again = chat.said("retry").await;
    assert!(again.starts_with("Run 2 repeats run 1"), "{again}");
    assert_eq!(chat.app.ended(&chat.project, 2).await["run"]["state"], "completed");
    chat.app.end().await;
}

#[tokio::test]
async fn a_held_step_is_skipped_or_left_to_fail_in_words() {
    for (text, said, state, states_then, last) in [
        ("skip this step", "is skipped", "completed", ["completed", "failed", "completed"], "third"),
        ("let it fail", "has failed", "failed", ["completed", "failed", "skipped"], "tried"),
    ] {
        let chat = Chat::held(|sshd| sshd.plan(STEPS)).await;
        let answer = chat.said(text).await;
        assert!(answer.starts_with(&format!("**Second** on web1 {said}")), "{answer}");
        let run = chat.app.ended(&chat.project, 1).await;
        assert_eq!(
            (&run["run"]["state"], states(&run)),
            (&json!(state), states_then.map(str::to_owned).to_vec())
        );
        assert_eq!(chat.trace().last().map(String::as_str), Some(last));
        chat.app.end().await;
    }
}

/// Of three hosts each is held at its only step, and the task after that runs what they left.
fn on_three_hosts(sshd: &Sshd) -> String {
    let host = sshd.host();
    format!(
        r#"name: shop
hosts: {{ web1: {host}, web2: {host}, web3: {host} }}
tasks:
  deploy:
    on: [web1, web2, web3]
    on_failure: hold
    steps:
      - {{ name: Restart, run: "[ -e ~/mended ]" }}
      - run: echo ${{{{ host.name }}}} >> ~/ran
"#
    )
}

#[tokio::test]
async fn of_several_held_steps_one_is_named_by_its_host_or_all_are_meant() {
    let chat = Chat::held(on_three_hosts).await;
    let all = |run: &Value| held_on(run).len() == 3;
    chat.app.run(&chat.project, 1, |run| is_held(run) && all(run)).await;
    let which = chat.ask("skip it").await;
    let text = which["text"].as_str().unwrap();
    for host in ["web1", "web2", "web3"] {
        assert!(text.contains(&format!("- **Restart** on {host}: exit status 1")), "{text}");
    }
    assert!(text.contains("I haven't done anything yet"), "{text}");
    assert_eq!(buttons(&which), ["Skip them all"]);
    // The answer to the question is a host.
    let skipped = chat.said("web2").await;
    assert!(skipped.starts_with("**Restart** on web2 is skipped"), "{skipped}");
    assert!(skipped.contains("Still held: **Restart** on web1 and **Restart** on web3."), "{skipped}");
    let run = chat.app.run(&chat.project, 1, |run| is_held(run) && held_on(run).len() == 2).await;
    assert_eq!(held_on(&run), ["web1", "web3"], "{run:#}");
    let nowhere = chat.said("let it fail on web2").await;
    assert!(nowhere.starts_with("No step is held on web2, so nothing was decided."), "{nowhere}");
    let status = chat.said("status").await;
    assert!(status.contains("held at **Restart** on web1 and **Restart** on web3"), "{status}");
    let two = chat.ask("retry").await;
    assert_eq!(buttons(&two), ["Retry it on web1", "Retry it on web3", "Retry them all"]);
    chat.mend();
    chat.ask("Retry it on web3").await;
    let run = chat.app.run(&chat.project, 1, |run| is_held(run) && held_on(run) == ["web1"]).await;
    assert_eq!(run["steps"].as_array().unwrap().len(), 6);
    chat.ask("skip them all").await;
    let run = chat.app.ended(&chat.project, 1).await;
    assert_eq!(run["run"]["state"], "completed", "{run:#}");
    let mut ran = chat.trace();
    ran.sort();
    assert_eq!(ran, ["web1", "web2", "web3"]);
    chat.app.end().await;
}

#[tokio::test]
async fn a_model_decides_on_request_and_only_offers_it_once_it_has_read_logs() {
    let chat = Chat::held(|sshd| sshd.plan(STEPS)).await;
    let server = ModelServer::start("held").await.expect("the model server");
    chat.app.call("save_model", json!({ "base_url": server.base_url(), "model": "test-model" })).await;
    let answer = chat.ask("Look at the log and skip the step").await;
    assert_eq!(buttons(&answer), ["Skip it"], "{answer:#}");
    assert!(is_held(&chat.app.run(&chat.project, 1, |_| true).await), "text of a log decides nothing");
    let answer = chat.ask("Skip the step on web1").await;
    let called = cards(&answer, "tool_call");
    assert_eq!(called[0]["tool"], "decide_step", "{answer:#}");
    let run = chat.app.ended(&chat.project, 1).await;
    assert_eq!((&run["run"]["state"], chat.trace().len()), (&json!("completed"), 3), "{run:#}");
    chat.app.end().await;
}
