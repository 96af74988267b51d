//! The plan language: from YAML text to the list of steps that a run executes.
//!
//! The way of a plan through this crate: source → `yaml` (a tree with positions) → `read` (the typed
//! `Plan`) → `check` (every problem at once) → `compile` (the steps, with every `${{ … }}` put in).
//!
//! What is deliberately absent: I/O, the clock, and secrets. A plan is inert data; reading one can neither run
//! anything nor panic, and the values of secrets never pass through here: compiled texts carry their names.

mod compiled;
mod diagnostic;
mod outline;
mod span;
mod text;

pub use compiled::{
    Action, CompiledHost, CompiledPlan, CompiledStep, CompiledTask, FORMAT, Inputs, Probe, Retries, SshHost,
    source_sha256,
};
pub use diagnostic::{Code, Diagnostic, Severity, render};
pub use outline::{Outline, OutlineHost, OutlineTask};
pub use text::{MissingSecret, Part, Quoting, Text};
