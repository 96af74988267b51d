//! The plan language: from YAML text to the list of steps that a run executes.
//!
//! The way of a plan through this crate: source → `yaml` (a tree with places) → `read` (the typed [`Plan`]) →
//! [`check()`] (every problem at once) → [`compile()`] (the steps, with every `${{ … }}` put in).
//!
//! What is deliberately absent: I/O, the clock, and secrets. A plan is inert data; reading one can neither run
//! anything nor panic, and the values of secrets never pass through here: compiled texts carry their names.

mod app;
mod ast;
mod check;
mod compile;
mod compiled;
mod cron;
mod diagnostic;
mod discovery;
mod duration;
pub mod edit;
mod files;
mod graph;
mod groups;
mod hosts;
mod import;
mod include;
mod inventory;
mod notify;
mod outline;
mod outputs;
mod read;
mod release;
mod resource;
mod schema;
mod scope;
mod select;
mod shell;
mod span;
mod strategy;
mod suggest;
mod template;
mod text;
mod title;
mod undo;
mod when;
mod yaml;

pub use ast::Plan;
pub use check::{Checked, check, check_with};
pub use compile::{compile, compile_hosts};
pub use compiled::{
    Action, CompiledHost, CompiledPlan, CompiledStep, CompiledTask, Elevate, ElevateMethod, FORMAT, Inputs,
    OnFailure, ParamOf, Probe, ResourceParam, Retries, Rollout, SshHost, source_sha256,
};
pub use cron::Schedule;
pub use diagnostic::{Code, Diagnostic, Severity, render};
pub use discovery::{Discovered, Discovery, DiscoverySource, FoundHost};
pub use files::Files;
pub use hosts::parse_host;
pub use import::{Imported, ansible as import_ansible};
pub use notify::{Channel, Notification, NotifyOn};
pub use outline::{Outline, OutlineHost, OutlineTask, outline};
pub use read::is_variable_name as is_secret_name;
pub use release::{release, standstill};
pub use schema::schema;
pub use select::{Selection, SelectionError, select};
pub use text::{Missing, Output, Part, Quoting, Text};
pub use undo::undo;
pub use when::CompiledWhen;

#[cfg(test)]
mod tests;
