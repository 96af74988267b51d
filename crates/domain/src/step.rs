//! The states of a step.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{ConnectionProblem, StepOutcome};

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// One of its attempts is running.
    Running,
    /// Its last attempt succeeded.
    Completed,
    /// Its last attempt did not succeed.
    Failed,
    /// Never run; the reason says why.
    Skipped,
}

/// What happened to a step. Retries are attempts of one step and are not events of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEvent {
    /// Its first attempt is about to start.
    Started,
    /// An attempt succeeded.
    Succeeded,
    /// The last attempt failed.
    Failed,
    /// It will not be run.
    Skipped,
}

/// The condition that made a step unnecessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// `creates:` the path exists.
    Creates,
    /// `removes:` the path does not exist.
    Removes,
    /// `unless:` the command succeeded.
    Unless,
    /// `onlyif:` the command did not succeed.
    OnlyIf,
}

/// What a person decides about a step that has failed and is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// It is tried again.
    Retry,
    /// The task goes on without it.
    Skip,
    /// It has failed.
    Fail,
}

/// Why a step failed or was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// Skipped: its guard said that there is nothing to do.
    GuardHeld {
        /// Which guard.
        guard: Guard,
        /// The path or the command of the guard.
        what: String,
    },
    /// Skipped: its condition, or that of its task, is false on its host.
    WhenFalse {
        /// The condition as the plan has it.
        when: String,
    },
    /// Skipped: a step before it failed.
    EarlierStepFailed {
        /// The name of the step that failed.
        step: String,
    },
    /// Skipped: a task that its own task needs has failed.
    NeedFailed {
        /// The name of the task that is needed.
        task: String,
    },
    /// Skipped: nothing that would have called for this handler was changed.
    NotNotified,
    /// Skipped: an earlier run did it, which this one goes on from.
    CompletedInRun {
        /// That run's number.
        run: u32,
    },
    /// Skipped or failed: a person stopped the run.
    RunStopped,
    /// Failed: the last attempt's end.
    Outcome {
        /// How it ended.
        outcome: StepOutcome,
    },
    /// Failed: the host could not be reached or refused the connection.
    Connection {
        /// What happened, on which host, and what to do next.
        message: String,
        /// Which kind of thing that is.
        #[serde(default)]
        #[ts(skip)]
        problem: ConnectionProblem,
    },
    /// Failed: the step could not be carried out for a reason of its own (a missing local file, a check that never
    /// passed).
    Error {
        /// What happened and what to do next.
        message: String,
    },
}

/// An event that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a step that is {from:?} cannot take the event {event:?}")]
pub struct IllegalStepTransition {
    /// The state that the step was in.
    pub from: StepState,
    /// The event that was refused.
    pub event: StepEvent,
}

impl StepState {
    /// The state after `event`.
    ///
    /// # Errors
    /// [`IllegalStepTransition`] when the event cannot happen in this state.
    pub fn next(self, event: StepEvent) -> Result<Self, IllegalStepTransition> {
        Ok(match (self, event) {
            (Self::Pending, StepEvent::Started) => Self::Running,
            (Self::Pending, StepEvent::Skipped) => Self::Skipped,
            (Self::Running, StepEvent::Succeeded) => Self::Completed,
            (Self::Running, StepEvent::Failed) => Self::Failed,
            (from, event) => return Err(IllegalStepTransition { from, event }),
        })
    }

    /// Whether nothing can happen to the step any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Skipped)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GuardHeld { guard: Guard::Creates, what } => write!(f, "{what} exists already"),
            Self::GuardHeld { guard: Guard::Removes, what } => write!(f, "{what} does not exist"),
            Self::GuardHeld { guard: Guard::Unless, what } => write!(f, "not needed: `{what}` succeeded"),
            Self::GuardHeld { guard: Guard::OnlyIf, what } => {
                write!(f, "not needed: `{what}` did not succeed")
            }
            Self::NotNotified => f.write_str("nothing that it waits for was changed"),
            Self::WhenFalse { when } => write!(f, "not needed: `{when}` is false"),
            Self::EarlierStepFailed { step } => write!(f, "“{step}” failed before it"),
            Self::NeedFailed { task } => write!(f, "“{task}”, which it needs, failed"),
            Self::CompletedInRun { run } => write!(f, "completed in run {run}"),
            Self::RunStopped => f.write_str("run stopped"),
            Self::Outcome { outcome } => outcome.fmt(f),
            Self::Connection { message, .. } | Self::Error { message } => f.write_str(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_transitions_of_the_design_are_legal() {
        use StepState::{Completed, Failed, Pending, Running, Skipped};
        let states = [Pending, Running, Completed, Failed, Skipped];
        let events = [StepEvent::Started, StepEvent::Succeeded, StepEvent::Failed, StepEvent::Skipped];
        let legal: Vec<_> = states
            .into_iter()
            .flat_map(|from| events.map(|event| (from, event)))
            .filter_map(|(from, event)| from.next(event).ok().map(|to| (from, to)))
            .collect();
        assert_eq!(legal, [(Pending, Running), (Pending, Skipped), (Running, Completed), (Running, Failed)]);
    }
}
