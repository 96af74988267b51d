//! Runs: schedule, pause, stop, record, recover.
//!
//! An [`Engine`] is one process's share of the work. It executes the runs that it owns, takes over those whose owner
//! is gone, and tells listeners what has changed. Every transition is committed to the store before it is acted on,
//! and listeners hear of nothing that is not stored: the feed reads what it publishes from the store.
//!
//! Architecture invariant: this is the only executor. Window, command line and server differ in how they ask.

mod attempt;
mod check;
mod clock;
mod control;
mod deployment;
mod discover;
mod engine;
mod error;
mod execute;
mod facts;
mod feed;
mod give_way;
mod held;
mod hosts;
mod http;
mod log;
mod mask;
mod notify;
mod owner;
mod plans;
mod preflight;
mod questions;
mod record;
mod recover;
mod retry;
mod rollback;
mod schedule;
mod secrets;
mod serving;
mod sources;
mod spec;
mod stages;
mod standstill;
mod turn;
mod undo;
mod unit;
mod wait;
mod waves;

pub use check::{CheckedStep, Verdict};
pub use clock::now;
pub use deployment::NewDeployment;
pub use discover::{Found, FoundAt, Look};
pub use engine::{Engine, EngineOptions, NewRun};
pub use error::{EngineError, ProjectOfSecrets};
pub use feed::Change;
pub use mask::Masker;
pub use notify::ShowOnDesktop;
pub use plans::{Compiled, RunOptions};
pub use preflight::NeedsSudo;
pub use questions::{Answer, Questions};
pub use retry::{Again, Done};
pub use secrets::{SECRET_VARIABLE, SecretLookup, VAULT_KEY_VARIABLE};
pub use serving::{AskedAbout, AskedBy, HostSays};
pub use sources::{PlanPlace, check_source};
pub use spec::RunSpec;
pub use stages::{Collected, Learned, Places, Sent, Stages, Told, environment_on_hosts};
pub use turn::Turn;
pub use undo::Undoes;
