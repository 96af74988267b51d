//! Answers, and the ways in which servers stream them.

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    super::{ChatMessage, FinishReason, ModelError, ModelEvent, ToolCall, Usage},
    server::{End, KEY, Reply, Server, ask, ask_once},
};

fn text(text: &str) -> String {
    json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }).to_string()
}

fn finish(reason: &str) -> String {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] }).to_string()
}

fn call(piece: serde_json::Value) -> String {
    json!({ "choices": [{ "index": 0, "delta": { "content": null, "tool_calls": [piece] } }] }).to_string()
}

fn events(data: &[String]) -> Reply {
    Reply::events(&data.iter().map(String::as_str).collect::<Vec<_>>())
}

async fn calls_of(data: &[String]) -> Vec<ToolCall> {
    let (turn, _) = ask_once(events(data)).await;
    let turn = turn.unwrap();
    assert_eq!(turn.finish, FinishReason::ToolCalls);
    turn.tool_calls
}

#[tokio::test]
async fn an_answer_is_streamed_in_pieces_and_returned_whole_with_its_tokens() {
    let usage =
        json!({ "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10 } });
    let (turn, seen) =
        ask_once(events(&[text("Grüß "), text("dich"), finish("stop"), usage.to_string()])).await;
    let turn = turn.unwrap();
    assert_eq!(turn.text, "Grüß dich");
    assert_eq!(turn.usage, Some(Usage { prompt: 7, answer: 3, total: 10 }));
    assert_eq!(turn.finish, FinishReason::Stop);
    assert_eq!(seen, [ModelEvent::Text("Grüß ".into()), ModelEvent::Text("dich".into())]);
}

#[tokio::test]
async fn pieces_may_split_characters_json_and_events_anywhere() {
    let whole = format!("data: {}\n\ndata: {}\n\ndata: [DONE]\n\n", text("añ🚀b\\\"ü"), finish("stop"));
    for size in [1, 2, 3, 7] {
        let pieces: Vec<&[u8]> = whole.as_bytes().chunks(size).collect();
        let (turn, _) = ask_once(Reply::stream(&pieces)).await;
        assert_eq!(turn.unwrap().text, "añ🚀b\\\"ü", "in pieces of {size}");
    }
}

#[tokio::test]
async fn carriage_returns_comments_and_a_missing_last_blank_line_do_no_harm() {
    let stream =
        format!(": hello\r\n\r\ndata: {}\r\n\r\n: still there\r\n\r\ndata:{}", text("yes"), finish("stop"));
    let (turn, _) = ask_once(Reply::stream(&[stream])).await;
    assert_eq!(turn.unwrap().text, "yes");
}

#[tokio::test]
async fn the_request_carries_the_model_the_tools_and_the_key() {
    let server = Server::start(vec![events(&[finish("stop")])]).await;
    ask(&server.model()).await.0.unwrap();
    let (head, body) = server.requests().remove(0);
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {KEY}")), "{head}");
    assert_eq!(body["model"], "test-model");
    assert_eq!(body["stream"], true);
    assert_eq!(body["stream_options"]["include_usage"], true);
    assert_eq!(body["messages"][1], json!({ "role": "user", "content": "Redeploy" }));
    assert_eq!(body["tools"][0]["function"]["name"], "redeploy");
}

#[tokio::test]
async fn calls_and_their_results_go_back_as_the_protocol_wants_them() {
    let server = Server::start(vec![events(&[text("done"), finish("stop")])]).await;
    let call = ToolCall { id: "call_1".into(), name: "status".into(), arguments: Ok(json!({})) };
    let messages = [
        ChatMessage::User("how is it?".into()),
        ChatMessage::Assistant { text: String::new(), tool_calls: vec![call] },
        ChatMessage::ToolResult { call_id: "call_1".into(), content: "run 12 is running".into() },
    ];
    let (on, _events) = mpsc::channel(100);
    server.model().answer(&messages, &[], CancellationToken::new(), on).await.unwrap();
    let (_, body) = server.requests().remove(0);
    let function = json!({ "name": "status", "arguments": "{}" });
    let calls = json!([{ "id": "call_1", "type": "function", "function": function }]);
    assert_eq!(body["messages"][1], json!({ "role": "assistant", "content": null, "tool_calls": calls }));
    let result = json!({ "role": "tool", "tool_call_id": "call_1", "content": "run 12 is running" });
    assert_eq!(body["messages"][2], result);
    assert!(body.get("tools").is_none(), "an empty list of tools is refused by some servers");
}

#[tokio::test]
async fn a_note_stands_below_what_the_person_has_said_last() {
    let server = Server::start(vec![events(&[finish("stop")])]).await;
    let said = |text: &str| ChatMessage::Assistant { text: text.into(), tool_calls: Vec::new() };
    let messages =
        [ChatMessage::User("first".into()), said("yes"), ChatMessage::User("last".into()), said("wait")];
    let (on, _events) = mpsc::channel(100);
    let model = server.model().with_note("It is line 7.".to_owned());
    model.answer(&messages, &[], CancellationToken::new(), on).await.unwrap();
    let (_, body) = server.requests().remove(0);
    let contents: Vec<&str> =
        body["messages"].as_array().unwrap().iter().filter_map(|one| one["content"].as_str()).collect();
    assert_eq!(contents, ["first", "yes", "last\n\nIt is line 7.", "wait"]);
}

#[tokio::test]
async fn a_server_that_refuses_the_token_count_is_asked_once_without() {
    let refusal = r#"{"error":{"message":"Unrecognized request argument: stream_options"}}"#;
    let server = Server::start(vec![
        Reply::status("400 Bad Request", "content-type: application/json\r\n", refusal),
        events(&[text("hi"), finish("stop")]),
        events(&[text("again"), finish("stop")]),
    ])
    .await;
    let model = server.model();
    assert_eq!(ask(&model).await.0.unwrap().text, "hi");
    assert_eq!(ask(&model).await.0.unwrap().text, "again");
    let options: Vec<bool> =
        server.requests().iter().map(|(_, body)| body.get("stream_options").is_some()).collect();
    assert_eq!(options, [true, false, false], "the refusal is remembered");
}

#[tokio::test]
async fn arguments_in_pieces_are_joined_and_a_repeated_name_is_not() {
    let calls = calls_of(&[
        call(json!({ "index": 0, "id": "a", "function": { "name": "show_run", "arguments": "{\"r" } })),
        call(json!({ "index": 0, "function": { "name": "show_run", "arguments": "un\":" } })),
        call(json!({ "index": 0, "function": { "name": "show_run", "arguments": " 12}" } })),
        finish("tool_calls"),
    ])
    .await;
    assert_eq!(
        calls,
        [ToolCall { id: "a".into(), name: "show_run".into(), arguments: Ok(json!({ "run": 12 })) }]
    );
}

#[tokio::test]
async fn calls_without_an_index_are_told_apart() {
    let calls = calls_of(&[
        call(json!({ "id": "a", "function": { "name": "show_run", "arguments": "{\"run\":" } })),
        call(json!({ "function": { "arguments": "1}" } })),
        call(json!({ "id": "b", "function": { "name": "status", "arguments": "{}" } })),
        call(json!({ "function": { "name": "list_runs", "arguments": "{\"limit\":2}" } })),
        finish("tool_calls"),
    ])
    .await;
    let found: Vec<_> =
        calls.iter().map(|call| (call.name.as_str(), call.arguments.clone().unwrap())).collect();
    assert_eq!(
        found,
        [("show_run", json!({ "run": 1 })), ("status", json!({})), ("list_runs", json!({ "limit": 2 }))]
    );
    assert!(!calls[2].id.is_empty(), "a call without an id gets one");
}

#[tokio::test]
async fn two_calls_that_both_have_index_0_stay_two() {
    let calls = calls_of(&[
        call(json!({ "index": 0, "id": "a", "function": { "name": "status", "arguments": "{}" } })),
        call(
            json!({ "index": 0, "id": "b", "function": { "name": "show_run", "arguments": "{\"run\":3}" } }),
        ),
        finish("stop"),
    ])
    .await;
    assert_eq!(calls.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[tokio::test]
async fn interleaved_calls_go_by_their_index() {
    let calls = calls_of(&[
        call(json!({ "index": 0, "id": "a", "function": { "name": "show_run", "arguments": "{\"run\"" } })),
        call(json!({ "index": 1, "id": "b", "function": { "name": "show_run", "arguments": "{\"run\"" } })),
        call(json!({ "index": 0, "function": { "arguments": ":1}" } })),
        call(json!({ "index": 1, "function": { "arguments": ":2}" } })),
        finish("tool_calls"),
    ])
    .await;
    let runs: Vec<_> = calls.iter().map(|call| call.arguments.clone().unwrap()["run"].clone()).collect();
    assert_eq!(runs, [json!(1), json!(2)]);
}

#[tokio::test]
async fn an_id_made_up_for_every_piece_does_not_split_a_call() {
    let calls = calls_of(&[
        call(json!({ "index": 0, "id": "x1", "function": { "name": "show_run", "arguments": "{\"run\"" } })),
        call(json!({ "index": 0, "id": "x2", "function": { "name": "show_run", "arguments": ":4}" } })),
        finish("tool_calls"),
    ])
    .await;
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].arguments, Ok(json!({ "run": 4 })));
}

#[tokio::test]
async fn arguments_may_be_an_object_nothing_or_encoded_twice() {
    let calls = calls_of(&[
        call(json!({ "index": 0, "id": "a", "function": { "name": "show_run", "arguments": { "run": 1 } } })),
        call(json!({ "index": 1, "id": "b", "function": { "name": "status", "arguments": "" } })),
        call(json!({ "index": 2, "id": "c", "function": { "name": "status" } })),
        call(json!({ "index": 3, "id": "d", "function": { "name": "show_run", "arguments": "\"{\\\"run\\\":5}\"" } })),
        finish("tool_calls"),
    ])
    .await;
    let found: Vec<_> = calls.into_iter().map(|call| call.arguments.unwrap()).collect();
    assert_eq!(found, [json!({ "run": 1 }), json!({}), json!({}), json!({ "run": 5 })]);
}

#[tokio::test]
async fn broken_arguments_are_kept_as_they_came() {
    let calls = calls_of(&[
        call(json!({ "index": 0, "id": "a", "function": { "name": "show_run", "arguments": "{\"run\": 12," } })),
        call(json!({ "index": 1, "id": "b", "function": { "name": "show_run", "arguments": "[12]" } })),
        finish("tool_calls"),
    ])
    .await;
    let broken = calls[0].arguments.clone().unwrap_err();
    assert_eq!(broken.raw, "{\"run\": 12,");
    assert!(broken.to_string().contains("EOF"), "{broken}");
    assert_eq!(calls[1].arguments.clone().unwrap_err().raw, "[12]");
}

#[tokio::test]
async fn stop_after_tool_calls_means_tool_calls_and_length_stays_length() {
    let piece = call(json!({ "index": 0, "id": "a", "function": { "name": "status", "arguments": "{}" } }));
    let (turn, _) = ask_once(events(&[piece.clone(), finish("stop")])).await;
    assert_eq!(turn.unwrap().finish, FinishReason::ToolCalls);
    let (turn, _) = ask_once(events(&[piece, finish("length")])).await;
    assert_eq!(turn.unwrap().finish, FinishReason::Length);
}

#[tokio::test]
async fn empty_choices_null_content_and_reasoning_are_understood() {
    let (turn, seen) = ask_once(events(&[
        json!({ "choices": [], "prompt_filter_results": [] }).to_string(),
        json!({ "choices": [{ "delta": { "role": "assistant", "content": null } }] }).to_string(),
        json!({ "choices": [{ "delta": { "reasoning_content": "hm" } }] }).to_string(),
        text("ok"),
        finish("stop"),
    ]))
    .await;
    assert_eq!(turn.unwrap().text, "ok");
    assert_eq!(seen, [ModelEvent::Reasoning("hm".into()), ModelEvent::Text("ok".into())]);
}

#[tokio::test]
async fn a_server_that_answers_in_one_json_object_is_understood() {
    let body = json!({
        "choices": [{ "message": { "role": "assistant", "content": "all\nat once" }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 2 },
    });
    let body = serde_json::to_string_pretty(&body).unwrap();
    let (turn, _) = ask_once(Reply::status("200 OK", "content-type: application/json\r\n", &body)).await;
    let turn = turn.unwrap();
    assert_eq!(turn.text, "all\nat once");
    assert_eq!(turn.usage.unwrap().total, 3);
}

#[tokio::test]
async fn an_answer_that_has_finished_needs_no_done_and_no_proper_end() {
    for end in [End::Proper, End::Cut] {
        let pieces = [format!("data: {}\n\n", text("hi")), format!("data: {}\n\n", finish("stop"))];
        let (turn, _) = ask_once(Reply::stream(&pieces).ending(end)).await;
        assert_eq!(turn.unwrap().text, "hi");
    }
}

#[tokio::test]
async fn cancelling_ends_the_answer_at_once_keeps_the_text_and_closes_the_connection() {
    let first = format!("data: {}\n\n", text("half"));
    let mut server = Server::start(vec![Reply::stream(&[first]).ending(End::Hold)]).await;
    let model = server.model();
    let (on, mut events) = mpsc::channel(100);
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let messages = [ChatMessage::User("hi".into())];
    let (result, ()) = tokio::join!(model.answer(&messages, &[], cancel, on), async move {
        assert_eq!(events.recv().await, Some(ModelEvent::Text("half".into())));
        stop.cancel();
    });
    assert_eq!(result, Err(ModelError::Cancelled { text: "half".into() }));
    server.client_closed().await;
}

#[tokio::test]
async fn a_listener_that_goes_away_does_not_end_the_answer() {
    let server = Server::start(vec![events(&[text("a"), text("b"), finish("stop")])]).await;
    let (on, events) = mpsc::channel(1);
    drop(events);
    let messages = [ChatMessage::User("hi".into())];
    let turn = server.model().answer(&messages, &[], CancellationToken::new(), on).await.unwrap();
    assert_eq!(turn.text, "ab");
}
