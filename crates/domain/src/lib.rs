//! The words and states of Steadyhand.
//!
//! Everything here is pure: no I/O, no clock, no randomness. The state machines of runs and steps live here and
//! nowhere else; other crates store and show what `next` returns.

mod connection;
mod deployment;
mod facts;
mod ids;
mod outcome;
mod preflight;
mod question;
mod run;
mod step;
mod time;

pub use connection::ConnectionProblem;
pub use deployment::{
    Before, DeploymentEvent, DeploymentState, EnvironmentEvent, EnvironmentState,
    IllegalDeploymentTransition, IllegalEnvironmentTransition, Stage,
};
pub use facts::{ContainerRuntime, Disk, FACTS, FactKind, FactValue, Facts, Init, PackageManager, Sudo};
pub use ids::{DeploymentId, EnvironmentId, MessageId, ProjectId, ProposalId, QuestionId, RunId, StepId};
pub use outcome::{LossReason, StepOutcome};
pub use preflight::{Check, CheckKind, HostPreflight, Preflight, PreflightVerdict};
pub use question::{Question, QuestionKind};
pub use run::{Desired, IllegalRunTransition, RunEvent, RunState, Trigger};
pub use step::{Choice, Guard, IllegalStepTransition, Reason, StepEvent, StepState};
pub use time::{Timestamp, duration};
