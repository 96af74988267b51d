//! The client of models against a real server of the OpenAI protocol.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::time::Duration;

use steadyhand_assistant::model::{
    ChatMessage, FinishReason, Model, ModelConfig, ModelError, ModelEvent, Tool, Turn,
};
use steadyhand_tests::model_server::ModelServer;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

fn model(server: &ModelServer) -> Model {
    Model::new(ModelConfig {
        base_url: server.base_url(),
        model: "test-model".into(),
        ..ModelConfig::default()
    })
    .unwrap()
}

async fn ask(model: &Model, messages: &[ChatMessage]) -> (Result<Turn, ModelError>, Vec<ModelEvent>) {
    let (on, mut events) = mpsc::channel(1000);
    let tools = Tool::specs();
    let answer = model.answer(messages, &tools, CancellationToken::new(), on);
    let result = tokio::time::timeout(Duration::from_secs(60), answer).await.expect("an answer in time");
    let mut seen = Vec::new();
    while let Ok(event) = events.try_recv() {
        seen.push(event);
    }
    (result, seen)
}

fn user(text: &str) -> ChatMessage {
    ChatMessage::User(text.into())
}

#[tokio::test]
async fn an_answer_comes_in_pieces_calls_redeploy_gets_the_result_and_ends() {
    let server = ModelServer::start("redeploy").await.unwrap();
    let model = model(&server);
    let mut messages = vec![ChatMessage::System("You deploy.".into()), user("Redeploy the application")];

    let (turn, seen) = ask(&model, &messages).await;
    let turn = turn.unwrap();
    assert_eq!(turn.text, "I redeploy the application now, with the newest source. ✓");
    assert!(seen.len() >= 5, "it came in {} pieces", seen.len());
    assert_eq!(turn.finish, FinishReason::ToolCalls);
    assert!(turn.usage.unwrap().total > 0);
    let call = &turn.tool_calls[0];
    let tool = Tool::parse(&call.name, call.arguments.as_ref().unwrap()).unwrap();
    assert!(matches!(tool, Tool::Redeploy(_)), "{tool:?}");

    messages.push(turn.to_message());
    messages.push(ChatMessage::ToolResult { call_id: call.id.clone(), content: "run 1 has begun".into() });
    let (turn, _) = ask(&model, &messages).await;
    let turn = turn.unwrap();
    assert_eq!(turn.text, "The run has begun. Its steps are in the Runs tab.");
    assert_eq!(turn.finish, FinishReason::Stop);

    let requests = server.requests().await.unwrap();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1]["messages"][3]["content"], "run 1 has begun");
}

#[tokio::test]
async fn every_fault_is_told_and_the_conversation_goes_on() {
    let server = ModelServer::start("faults").await.unwrap();
    let model = model(&server);

    let (result, seen) = ask(&model, &[user("Break off")]).await;
    let error = result.unwrap_err();
    assert!(matches!(error, ModelError::CutOff { .. }), "{error:?}");
    assert!("This answer comes in many pieces and never gets to its end.".starts_with(error.text_so_far()));
    assert!(!error.text_so_far().is_empty() && !seen.is_empty(), "{error:?}");

    let (result, _) = ask(&model, &[user("Be too busy")]).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("Rate limit exceeded; try again in 10 minutes"), "{error}");

    let (result, seen) = ask(&model, &[user("Be busy once")]).await;
    assert_eq!(result.unwrap().text, "Here I am again.");
    assert_eq!(seen.first(), Some(&ModelEvent::Waiting { seconds: 1 }));

    let mut messages = vec![user("Break the arguments")];
    let (turn, _) = ask(&model, &messages).await;
    let turn = turn.unwrap();
    let broken = turn.tool_calls[0].arguments.clone().unwrap_err();
    assert_eq!(broken.raw, "{\"run\": 12,");
    messages.push(turn.to_message());
    messages.push(ChatMessage::ToolResult {
        call_id: turn.tool_calls[0].id.clone(),
        content: broken.to_string(),
    });
    let (turn, _) = ask(&model, &messages).await;
    assert_eq!(turn.unwrap().text, "I could not say which run I meant. Which one is it?");

    let (turn, _) = ask(&model, &[user("How are you?")]).await;
    assert_eq!(turn.unwrap().text, "Well, and ready to go on.");
}

#[tokio::test]
async fn what_the_server_has_no_answer_to_is_an_error() {
    let server = ModelServer::start("redeploy").await.unwrap();
    let (result, _) = ask(&model(&server), &[user("something else")]).await;
    let error = result.unwrap_err();
    assert!(!error.to_string().is_empty());
}
