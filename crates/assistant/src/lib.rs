//! Chat, tools, models and the catalogue of fixes.
//!
//! The assistant proposes; Steadyhand checks, shows and acts. The same actions ([`chat`]) serve the built-in assistant,
//! which understands everyday requests without a network ([`intents`]), and a model behind any OpenAI-compatible
//! endpoint ([`model`]). When a step fails, [`diagnose`] reads its log and [`explain`] writes what is known into the
//! chat, with proposals where a change of the plan would help.
//!
//! Architecture invariant: what a model says is never executed. It can call the listed tools, and those that change
//! something make proposals that a person accepts.

pub mod chat;
pub mod diagnose;
mod explain;
pub mod intents;
mod mending;
pub mod model;
mod ports;
mod proposals;
mod sources;
mod wording;

pub use chat::{Assistant, AssistantError};
pub use proposals::difference;
pub use wording::capitalized;
