//! The chat with a model behind it: the real program, and a real server of the OpenAI protocol.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use futures::StreamExt;
use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, PATIENCE},
    files::files_with,
    model_server::ModelServer,
};
use tempfile::TempDir;

/// A plan whose only step needs no server.
const PLAN: &str = "name: shop\ntasks:\n  deploy:\n    on: local\n    steps:\n      - name: Say it\n        run: echo deployed\n";

/// The program with a model that answers, and a project.
struct Chat {
    app: App,
    server: ModelServer,
    project: String,
    _data: TempDir,
}

impl Chat {
    async fn start() -> Self {
        Self::start_with(PLAN, |_| {}).await
    }

    async fn start_with(plan: &str, change: impl FnOnce(&mut tokio::process::Command)) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let server = ModelServer::start("chat").await.expect("the model server");
        let app = App::start_with(data.path(), change).await;
        let model = json!({ "base_url": server.base_url(), "model": "test-model" });
        let settings = app.call("save_model", model).await;
        assert_eq!(settings["model"]["base_url"], server.base_url());
        let project = app.project("shop", plan).await;
        Self { app, server, project, _data: data }
    }

    /// Says something and waits for the whole answer.
    async fn ask(&self, text: &str) -> Value {
        let before = self.app.message_count(&self.project).await;
        self.app.say(&self.project, text).await;
        self.app.answer(&self.project, before, |_| true).await
    }

    async fn still_answers(&self) {
        let answer = self.ask("How are you?").await;
        assert_eq!(answer["state"], "complete", "{answer:#}");
        assert_eq!(answer["text"], "Well, and ready to go on.");
    }

    async fn run_count(&self) -> usize {
        let runs = self.app.call("runs", json!({ "project_id": self.project, "limit": 100 })).await;
        runs.as_array().expect("runs").len()
    }
}

fn text(message: &Value) -> &str {
    message["text"].as_str().expect("a text")
}

fn cards<'a>(message: &'a Value, kind: &str) -> Vec<&'a Value> {
    message["cards"].as_array().expect("cards").iter().filter(|card| card["kind"] == kind).collect()
}

/// Collects the states of the assistant's messages as a page hears of them, until one is no longer being written.
/// `heard` is called once the updates are heard.
async fn as_it_is_written(
    app: &App,
    mut seen: impl AsyncFnMut(&Value),
    heard: impl Future<Output = ()>,
) -> Vec<Value> {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let updates = client
        .get(format!("{}/api/updates", app.base))
        .bearer_auth(&app.token)
        .send()
        .await
        .expect("the updates");
    let mut stream = updates.bytes_stream();
    let mut buffer = Vec::new();
    let mut states = Vec::new();
    let mut heard = Some(heard);
    let listening = async {
        while let Some(piece) = stream.next().await {
            buffer.extend_from_slice(&piece.expect("the updates go on"));
            while let Some(end) = buffer.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = buffer.drain(..end + 2).collect();
                let event = String::from_utf8(event).expect("text");
                let Some(data) = event.trim_end().strip_prefix("data:") else { continue };
                let batch: Vec<Value> = serde_json::from_str(data.trim()).expect("updates");
                if let Some(heard) = heard.take() {
                    heard.await;
                }
                for update in batch {
                    let message = &update["message"];
                    if update["kind"] == "message" && message["role"] == "assistant" {
                        seen(message).await;
                        states.push(message.clone());
                        if message["state"] != "streaming" {
                            return;
                        }
                    }
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, listening).await.expect("an answer in time");
    states
}

#[tokio::test]
async fn an_answer_streams_calls_redeploy_gets_its_result_and_ends() {
    let chat = Chat::start().await;
    let (app, project) = (&chat.app, &chat.project);
    let states = as_it_is_written(app, async |_| {}, app.say(project, "Redeploy the application")).await;

    let first = "I redeploy the application now, with the newest source, and then look at what came of it. ✓";
    let growing: Vec<&str> =
        states.iter().filter(|message| message["state"] == "streaming").map(text).collect();
    assert!(growing.windows(2).all(|two| two[1].starts_with(two[0])), "text was taken back: {growing:#?}");
    let mut pieces: Vec<usize> =
        growing.iter().map(|text| text.len()).filter(|length| *length < first.len()).collect();
    pieces.dedup();
    assert!(pieces.len() >= 4, "it was seen growing only at {pieces:?}: {growing:#?}");

    let last = states.last().expect("an answer");
    assert_eq!(last["state"], "complete", "{last:#}");
    assert_eq!(text(last), format!("{first}\n\nThe run has begun. Its steps are in the Runs tab."));
    let run = app.ended(project, 1).await;
    assert_eq!(run["run"]["state"], "completed", "{run:#}");
    assert_eq!(run["run"]["trigger"], "chat");
    assert_eq!(app.log(&run["steps"][0]).await, b"deployed\n");
    assert_eq!(cards(last, "run")[0]["run_id"], run["run"]["id"]);
    let called = cards(last, "tool_call");
    assert_eq!((called.len(), &called[0]["tool"]), (1, &json!("redeploy")));
    assert!(cards(last, "usage")[0]["completion_tokens"].as_u64() > Some(0));

    let requests = chat.server.requests().await.expect("what it received");
    assert_eq!(requests.len(), 2);
    let received = requests[1]["messages"].as_array().expect("messages").last().expect("a last message");
    assert_eq!((&received["role"], &received["tool_call_id"]), (&json!("tool"), &json!("call_redeploy")));
    assert_eq!(received["content"], called[0]["result"]);
    assert!(received["content"].as_str().is_some_and(|content| content.contains("un 1")), "{received:#}");
    chat.still_answers().await;
}

#[tokio::test]
async fn an_answer_that_is_cut_off_says_so_and_the_next_one_comes() {
    let chat = Chat::start().await;
    let answer = chat.ask("Break off").await;
    assert_eq!(answer["state"], "failed", "{answer:#}");
    let (came, said) = text(&answer).split_once("\n\n").expect("what came, and what happened");
    assert!(
        !came.is_empty() && "This answer comes in many pieces and never gets to its end.".starts_with(came)
    );
    assert!(said.contains("cut the answer off in the middle") && said.contains("ask again"), "{said}");
    chat.still_answers().await;
}

#[tokio::test]
async fn a_model_that_is_too_busy_is_told_and_everyday_requests_are_answered_without_it() {
    let chat = Chat::start().await;
    let answer = chat.ask("Be too busy").await;
    assert_eq!(answer["state"], "failed", "{answer:#}");
    assert!(text(&answer).contains("is busy or the limit of this key is reached"), "{}", text(&answer));
    assert!(text(&answer).contains("10 minutes"), "{}", text(&answer));
    chat.still_answers().await;

    let before = chat.app.message_count(&chat.project).await;
    chat.app.say(&chat.project, "Show the last runs").await;
    let builtin = chat.app.answer(&chat.project, before, |message| message["state"] == "complete").await;
    assert_eq!(text(&builtin), "Nothing has run yet.");
    chat.still_answers().await;
}

#[tokio::test]
async fn arguments_that_are_no_json_are_not_acted_on_and_the_model_is_told() {
    let chat = Chat::start().await;
    let answer = chat.ask("Break the arguments").await;
    assert_eq!(answer["state"], "complete", "{answer:#}");
    assert_eq!(text(&answer), "I could not say which run I meant. Which one is it?");
    let called = cards(&answer, "tool_call");
    assert_eq!((called.len(), &called[0]["tool"]), (1, &json!("stop_run")));
    assert!(
        called[0]["result"].as_str().is_some_and(|result| result.starts_with("Not called: ")),
        "{called:?}"
    );
    let requests = chat.server.requests().await.expect("what it received");
    let told =
        requests[1]["messages"].as_array().and_then(|messages| messages.last()).expect("a last message");
    assert_eq!(told["tool_call_id"], "call_broken");
    assert!(told["content"].as_str().is_some_and(|content| content.contains("not JSON")), "{told:#}");
    chat.still_answers().await;
}

#[tokio::test]
async fn an_answer_that_is_cancelled_keeps_what_came_and_ends_at_once() {
    let chat = Chat::start().await;
    let (app, project) = (&chat.app, &chat.project);
    let mut cancelled = false;
    let cancel = async |message: &Value| {
        if !text(message).is_empty() && !cancelled {
            cancelled = true;
            app.call("cancel_answer", json!({ "project_id": project })).await;
        }
    };
    let states = as_it_is_written(app, cancel, app.say(project, "Take your time")).await;
    let last = states.last().expect("an answer");
    assert_eq!(last["state"], "cancelled", "{last:#}");
    let whole = "This answer takes its time: word after word it comes,";
    assert!(!text(last).is_empty() && whole.starts_with(text(last)), "{:?}", text(last));
    chat.still_answers().await;
}

#[tokio::test]
async fn without_the_model_the_built_in_assistant_answers_again() {
    let chat = Chat::start().await;
    chat.still_answers().await;
    let asked = chat.server.requests().await.expect("what it received").len();
    let settings = chat.app.call("forget_model", json!({})).await;
    assert_eq!(settings, json!({ "model": null }));
    let answer = chat.ask("help").await;
    assert_eq!(answer["state"], "complete");
    assert!(text(&answer).contains("redeploy") || text(&answer).contains("Redeploy"), "{answer:#}");
    let answer = chat.ask("Redeploy the application").await;
    assert!(cards(&answer, "tool_call").is_empty() && cards(&answer, "run").len() == 1, "{answer:#}");
    assert_eq!(chat.app.ended(&chat.project, 1).await["run"]["state"], "completed");
    assert_eq!(chat.server.requests().await.expect("what it received").len(), asked, "the model was asked");
}

#[tokio::test]
async fn the_model_is_kept_over_a_restart_and_wrong_addresses_are_refused() {
    let Chat { app, server, project, _data: data } = Chat::start().await;
    app.end().await;
    let app = App::start(data.path()).await;
    let settings = app.call("settings", json!({})).await;
    assert_eq!(
        (&settings["model"]["model"], &settings["model"]["key"]),
        (&json!("test-model"), &json!("none"))
    );
    let chat = Chat { app, server, project, _data: data };
    chat.still_answers().await;
    let wrong = json!({ "base_url": "not an address", "model": "test-model" });
    let refused = chat.app.try_call("save_model", wrong).await.expect_err("refused");
    assert_eq!(refused.code, "invalid");
    chat.still_answers().await;
    let gone =
        json!({ "base_url": format!("http://127.0.0.1:{}/v1", steadyhand_tests::free_port()), "model": "m" });
    chat.app.call("save_model", gone).await;
    let answer = chat.ask("Tell me a story").await;
    assert_eq!(answer["state"], "failed", "{answer:#}");
    assert!(text(&answer).starts_with("No connection to the model server at"), "{}", text(&answer));
}

/// A secret of the plan, which the step that fails prints, and which its command line names.
const SECRET: &str = "s3cr3t/horse+battery";
const SECRET_PLAN: &str = r#"name: shop
secrets: [PASSWORD]
tasks:
  deploy:
    on: local
    steps:
      - name: Log in
        env: { PASSWORD: "${{ secrets.PASSWORD }}" }
        run: |
          echo "logging in with $PASSWORD"
          echo "Basic $(printf '%s' "user:$PASSWORD" | base64)"
          echo "Error: permission denied for $PASSWORD" >&2
          exit 3
"#;

#[tokio::test]
async fn a_secret_never_reaches_the_model_and_what_has_read_logs_starts_nothing() {
    let chat = Chat::start_with(SECRET_PLAN, |command| {
        command.env("STEADYHAND_SECRET_PASSWORD", SECRET);
    })
    .await;
    let (app, project) = (&chat.app, &chat.project);
    app.call("start_run", json!({ "project_id": project })).await;
    let run = app.ended(project, 1).await;
    assert_eq!(run["run"]["state"], "failed", "{run:#}");
    let log = String::from_utf8(app.log(&run["steps"][0]).await).expect("text");
    assert!(
        log.contains("logging in with ***"),
        "the step printed the secret, so there was something to hide: {log}"
    );
    app.answer(project, 0, |message| !cards(message, "finding").is_empty()).await;

    let answer = chat.ask(&format!("Read the log; my password is {SECRET}")).await;
    assert_eq!(answer["state"], "complete", "{answer:#}");
    assert_eq!(text(&answer), "The log says that the password was refused.");
    assert_eq!(chat.run_count().await, 1, "log text must not start anything");
    assert!(!cards(&answer, "replies").is_empty(), "the person is offered it instead: {answer:#}");

    // Secrets are known without the plan that names them: this one is being written and cannot be read.
    let plan = app.call("plan", json!({ "project_id": project })).await;
    let broken = json!({ "project_id": project, "source": "secrets: [", "base_sha256": plan["sha256"] });
    app.call("save_plan", broken).await;
    chat.still_answers().await;

    let requests = chat.server.requests().await.expect("what it received");
    let received = serde_json::to_string(&requests).expect("JSON");
    assert!(received.contains("logging in with ***"), "the log was sent: {received}");
    let refused = "what log text names is not looked at";
    assert!(received.contains(refused) && cards(&answer, "proposal").is_empty(), "{received}");
    // The last one is the middle of what `base64` makes of "user:" and the secret.
    for form in [SECRET, "s3cr3t", "horse+battery", "M2NyM3QvaG9yc2UrYmF0dGVy"] {
        assert!(!received.contains(form), "{form:?} was sent");
    }
}

#[tokio::test]
async fn the_key_of_the_model_is_not_kept_in_the_data_folder() {
    let data = tempfile::tempdir().expect("a folder");
    let server = ModelServer::start("chat").await.expect("the model server");
    let app = App::start(data.path()).await;
    let model =
        json!({ "base_url": server.base_url(), "model": "test-model", "key": "key-that-nobody-may-read" });
    let settings = app.call("save_model", model).await;
    assert_eq!(settings["model"]["key"], "memory", "there is no keyring in this test");
    let project = app.project("shop", PLAN).await;
    let chat = Chat { app, server, project, _data: data };
    chat.still_answers().await;
    let Chat { app, _data: data, .. } = chat;
    app.end().await;
    let found = files_with(data.path(), b"key-that-nobody-may-read");
    assert!(found.is_empty(), "{found:?}");
}
