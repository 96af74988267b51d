//! The messages of a conversation with a model, and what comes back.

use serde_json::{Value, json};

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum ChatMessage {
    /// Who the assistant is and what is so.
    System(String),
    /// What the person wrote.
    User(String),
    /// What the model said, and the tools it called.
    Assistant {
        /// The text; may be empty when tools were called.
        text: String,
        /// The calls, each of which must be answered by a [`ChatMessage::ToolResult`].
        tool_calls: Vec<ToolCall>,
    },
    /// What a tool answered.
    ToolResult {
        /// The [`ToolCall::id`] that this answers.
        call_id: String,
        /// The answer, as text.
        content: String,
    },
}

impl ChatMessage {
    /// The message as the protocol spells it.
    pub(super) fn to_wire(&self) -> Value {
        match self {
            Self::System(text) => json!({ "role": "system", "content": text }),
            Self::User(text) => json!({ "role": "user", "content": text }),
            Self::Assistant { text, tool_calls } if tool_calls.is_empty() => {
                json!({ "role": "assistant", "content": text })
            }
            Self::Assistant { text, tool_calls } => {
                // `null` rather than an empty text: some servers refuse empty text, others a missing key.
                let content = if text.is_empty() { Value::Null } else { Value::from(text.as_str()) };
                let calls: Vec<Value> = tool_calls.iter().map(ToolCall::to_wire).collect();
                json!({ "role": "assistant", "content": content, "tool_calls": calls })
            }
            Self::ToolResult { call_id, content } => {
                json!({ "role": "tool", "tool_call_id": call_id, "content": content })
            }
        }
    }
}

/// One call of a tool by the model.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The server's name for the call, or one made up where the server gave none.
    pub id: String,
    /// The tool's name, as the model wrote it.
    pub name: String,
    /// The arguments, or what came in their place.
    pub arguments: Result<Value, BrokenArguments>,
}

impl ToolCall {
    fn to_wire(&self) -> Value {
        // Some servers parse the arguments of past calls, and fail on broken ones: those are sent as no arguments.
        let arguments = match &self.arguments {
            Ok(value) => value.to_string(),
            Err(_) => "{}".to_owned(),
        };
        json!({ "id": self.id, "type": "function", "function": { "name": self.name, "arguments": arguments } })
    }
}

/// Arguments that are not a JSON object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the arguments are not a JSON object ({problem}): {raw}")]
pub struct BrokenArguments {
    /// What the model wrote.
    pub raw: String,
    /// What is wrong with it, with line and column where there is one.
    pub problem: String,
}

/// A complete answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// What the model said; may be empty.
    pub text: String,
    /// The tools it called, in its order.
    pub tool_calls: Vec<ToolCall>,
    /// The tokens counted by the server, when it counts.
    pub usage: Option<Usage>,
    /// Why the answer ended.
    pub finish: FinishReason,
}

impl Turn {
    /// The answer as a message of the conversation.
    #[must_use]
    pub fn to_message(&self) -> ChatMessage {
        ChatMessage::Assistant { text: self.text.clone(), tool_calls: self.tool_calls.clone() }
    }
}

/// Tokens of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of what was sent.
    pub prompt: u64,
    /// Tokens of the answer.
    pub answer: u64,
    /// Both, as the server adds them up.
    pub total: u64,
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model had said what it wanted to say.
    Stop,
    /// The model waits for the results of its tool calls. Said whenever there are calls, whatever the server called it.
    ToolCalls,
    /// The answer reached the greatest length; text and arguments may be incomplete.
    Length,
    /// The server withheld the rest.
    Filtered,
    /// A reason of the server's own.
    Other(String),
}

/// What happens while an answer comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelEvent {
    /// More of the answer.
    Text(String),
    /// More of the model's reasoning, from servers that send it apart. Not part of the answer.
    Reasoning(String),
    /// The server asked to wait; the request is repeated after that.
    Waiting {
        /// How long.
        seconds: u64,
    },
}
