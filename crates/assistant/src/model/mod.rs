//! A conversation with a model behind any OpenAI-compatible endpoint.
//!
//! [`Model::answer`] sends a conversation and streams the answer. It is built on async-openai's chat client with a
//! transport of its own ([`transport`]), because the client's would retry on its own, drop the `Retry-After` header and
//! write what servers answer into the log. [`assemble`] puts the pieces of an answer together and forgives what real
//! servers get wrong.

mod assemble;
mod client;
mod endpoint;
mod error;
mod explain;
mod guard;
mod message;
pub mod prompt;
#[cfg(test)]
mod tests;
pub mod tools;
mod transport;

pub use client::{Model, ModelConfig, Timeouts};
pub use error::ModelError;
pub use message::{BrokenArguments, ChatMessage, FinishReason, ModelEvent, ToolCall, Turn, Usage};
pub use tools::{Tool, ToolArgumentsError, ToolRisk, ToolSpec};
