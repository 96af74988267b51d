//! Puts the pieces of a streamed answer together.
//!
//! The protocol is the chat completion chunk of OpenAI's API; what is forgiven here is what other servers were seen to
//! do with it: a name repeated in every piece, calls without an index or all with index 0, an id only in the first piece
//! or none at all, a whole call at once, arguments as an object, `content: null`, no choices, `stop` after tool calls,
//! and a whole message instead of a stream.

use serde_json::Value;
use uuid::Uuid;

use super::{
    guard::UNREADABLE,
    message::{BrokenArguments, FinishReason, ModelEvent, ToolCall, Turn, Usage},
    transport::message_in,
};

/// An answer while it comes.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    pub(super) text: String,
    calls: Vec<PartialCall>,
    usage: Option<Usage>,
    finish: Option<FinishReason>,
}

#[derive(Debug, Default)]
struct PartialCall {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

/// What a piece meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Something to show, possibly nothing.
    Events(Vec<ModelEvent>),
    /// The server reports an error in the stream.
    Error { message: String, code: String },
    /// JSON, but nothing of this protocol.
    Foreign,
    /// Not even JSON; its raw text.
    Unreadable(String),
}

impl Assembly {
    /// Whether the server has said why the answer ended.
    pub(super) fn finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Takes one piece in.
    pub(super) fn add(&mut self, piece: &Value) -> Piece {
        if let Some(raw) = piece[UNREADABLE].as_str() {
            return Piece::Unreadable(raw.to_owned());
        }
        if piece.get("error").is_some_and(|error| !error.is_null()) || piece["object"] == "error" {
            let (message, code) = message_in(piece).unwrap_or_default();
            return Piece::Error { message, code };
        }
        let usage = read_usage(&piece["usage"]);
        self.usage = usage.or(self.usage);
        let Some(choices) = piece.get("choices") else {
            return if usage.is_some() || piece["object"] == "chat.completion.chunk" {
                Piece::Events(Vec::new())
            } else {
                Piece::Foreign
            };
        };
        let mut events = Vec::new();
        // Only one answer is asked for; an empty list is a piece with usage or filter results only.
        if let Some(choice) = choices.get(0) {
            let whole = &choice["message"];
            let part = if whole.is_object() { whole } else { &choice["delta"] };
            self.add_part(part, &mut events);
            if let Some(reason) = choice["finish_reason"].as_str().filter(|reason| !reason.is_empty()) {
                self.finish = Some(read_finish(reason));
            }
        }
        Piece::Events(events)
    }

    fn add_part(&mut self, part: &Value, events: &mut Vec<ModelEvent>) {
        for key in ["reasoning_content", "reasoning"] {
            if let Some(text) = part[key].as_str().filter(|text| !text.is_empty()) {
                events.push(ModelEvent::Reasoning(text.to_owned()));
                break;
            }
        }
        for key in ["content", "refusal"] {
            let text = text_of(&part[key]);
            if !text.is_empty() {
                self.text.push_str(&text);
                events.push(ModelEvent::Text(text));
            }
        }
        for call in part["tool_calls"].as_array().into_iter().flatten() {
            self.add_call(call);
        }
    }

    fn add_call(&mut self, piece: &Value) {
        let index = piece["index"].as_u64();
        let id = piece["id"].as_str().unwrap_or_default();
        let name = piece["function"]["name"].as_str().unwrap_or_default();
        let arguments = match &piece["function"]["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            whole => whole.to_string(),
        };
        let at = self.place_of(index, id, name);
        let call = match at {
            Some(at) => &mut self.calls[at],
            None => {
                self.calls.push(PartialCall { index, ..PartialCall::default() });
                let last = self.calls.len() - 1;
                &mut self.calls[last]
            }
        };
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        // Never joined: a server that sends the name in every piece sends the whole name.
        if call.name.is_empty() {
            name.clone_into(&mut call.name);
        }
        call.arguments.push_str(&arguments);
    }

    /// The call that a piece continues; none when it begins one.
    fn place_of(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let same = match index {
            Some(_) => self.calls.iter().rposition(|call| call.index == index),
            None if id.is_empty() => self.calls.len().checked_sub(1),
            None => self.calls.iter().rposition(|call| call.id == id),
        }?;
        let call = &self.calls[same];
        let another_id = !id.is_empty() && !call.id.is_empty() && id != call.id;
        // A new id and a name under a used index is a second call from a server that doesn't count, unless the first is
        // still in the middle of its arguments: then the server makes up an id for every piece. Without ids, a name after
        // complete arguments begins another call.
        let begins =
            !name.is_empty() && call.is_complete() && (another_id || (index.is_none() && id.is_empty()));
        (!begins).then_some(same)
    }

    /// The complete answer, if the server said that it is one.
    pub(super) fn into_turn(self) -> Option<Turn> {
        let said = self.finish?;
        let tool_calls: Vec<ToolCall> = self.calls.into_iter().map(PartialCall::into_call).collect();
        let finish = match said {
            FinishReason::Stop | FinishReason::ToolCalls if !tool_calls.is_empty() => FinishReason::ToolCalls,
            FinishReason::ToolCalls => FinishReason::Stop,
            other => other,
        };
        Some(Turn { text: self.text, tool_calls, usage: self.usage, finish })
    }
}

impl PartialCall {
    fn is_complete(&self) -> bool {
        serde_json::from_str::<Value>(&self.arguments).is_ok_and(|value| value.is_object())
    }

    fn into_call(self) -> ToolCall {
        let id = if self.id.is_empty() { format!("call_{}", Uuid::new_v4().simple()) } else { self.id };
        ToolCall { id, name: self.name, arguments: read_arguments(self.arguments) }
    }
}

fn read_arguments(raw: String) -> Result<Value, BrokenArguments> {
    // No arguments are sent as nothing at all, `{}` or `null`, depending on the server.
    if raw.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    match serde_json::from_str::<Value>(&raw) {
        Ok(Value::Null) => Ok(Value::Object(serde_json::Map::new())),
        Ok(value @ Value::Object(_)) => Ok(value),
        // Encoded twice.
        Ok(Value::String(inner)) if inner.trim_start().starts_with('{') => read_arguments(inner),
        Ok(_) => Err(BrokenArguments { raw, problem: "it is JSON of another kind".to_owned() }),
        Err(error) => Err(BrokenArguments { raw, problem: error.to_string() }),
    }
}

/// Text, or the text parts of a list of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

fn read_usage(usage: &Value) -> Option<Usage> {
    let prompt = usage["prompt_tokens"].as_u64();
    let answer = usage["completion_tokens"].as_u64();
    if prompt.is_none() && answer.is_none() {
        return None;
    }
    let (prompt, answer) = (prompt.unwrap_or(0), answer.unwrap_or(0));
    let total = usage["total_tokens"].as_u64().unwrap_or(prompt.saturating_add(answer));
    Some(Usage { prompt, answer, total })
}

fn read_finish(reason: &str) -> FinishReason {
    match reason {
        "stop" | "eos" | "end_turn" => FinishReason::Stop,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        "length" | "max_tokens" => FinishReason::Length,
        "content_filter" => FinishReason::Filtered,
        other => FinishReason::Other(other.to_owned()),
    }
}
