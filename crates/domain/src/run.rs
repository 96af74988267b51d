//! The states of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Recorded, with nothing done yet.
    Started,
    /// A step is running, or the next one is about to.
    InProgress,
    /// Held between two steps by a person.
    Paused,
    /// Every step completed or was skipped because it was not needed.
    Completed,
    /// A step failed.
    Failed,
    /// Ended by a person; nothing of it is left running.
    Stopped,
}

/// What happened to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEvent {
    /// An owner began to execute it.
    Began,
    /// The pause that was asked for took effect, between two steps.
    PausedBetweenSteps,
    /// A person let it go on.
    Resumed,
    /// No step is left to do.
    EveryStepEnded,
    /// A step failed, and nothing more will be started.
    StepFailed,
    /// The stop that was asked for took effect: nothing is left running.
    Stopped,
}

/// What has been asked of a run; stored beside its state, so that a request survives a crash and may come from
/// another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    /// Go on.
    Running,
    /// Hold after the current step.
    Paused,
    /// End now.
    Stopped,
}

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A message in the project's chat.
    Chat,
    /// A button of the window or the web page.
    Window,
    /// `steady run`.
    CommandLine,
    /// "Retry" on an earlier run.
    Retry,
    /// "Undo" of an earlier run.
    Undo,
    /// Going back to an earlier deployment.
    Rollback,
    /// An accepted proposal.
    Proposal,
}

/// An event that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {from:?} cannot take the event {event:?}")]
pub struct IllegalRunTransition {
    /// The state that the run was in.
    pub from: RunState,
    /// The event that was refused.
    pub event: RunEvent,
}

impl RunState {
    /// The state after `event`.
    ///
    /// # Errors
    /// [`IllegalRunTransition`] when the event cannot happen in this state.
    pub fn next(self, event: RunEvent) -> Result<Self, IllegalRunTransition> {
        Ok(match (self, event) {
            (Self::Started, RunEvent::Began) => Self::InProgress,
            (Self::InProgress, RunEvent::PausedBetweenSteps) => Self::Paused,
            (Self::Paused, RunEvent::Resumed) => Self::InProgress,
            (Self::InProgress, RunEvent::EveryStepEnded) => Self::Completed,
            (Self::InProgress, RunEvent::StepFailed) => Self::Failed,
            (Self::InProgress | Self::Paused, RunEvent::Stopped) => Self::Stopped,
            (from, event) => return Err(IllegalRunTransition { from, event }),
        })
    }

    /// Whether nothing can happen to the run any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [RunState; 6] = [
        RunState::Started,
        RunState::InProgress,
        RunState::Paused,
        RunState::Completed,
        RunState::Failed,
        RunState::Stopped,
    ];
    const EVENTS: [RunEvent; 6] = [
        RunEvent::Began,
        RunEvent::PausedBetweenSteps,
        RunEvent::Resumed,
        RunEvent::EveryStepEnded,
        RunEvent::StepFailed,
        RunEvent::Stopped,
    ];

    #[test]
    fn exactly_the_transitions_of_the_design_are_legal() {
        let legal: Vec<_> = STATES
            .into_iter()
            .flat_map(|from| EVENTS.map(|event| (from, event)))
            .filter_map(|(from, event)| from.next(event).ok().map(|to| (from, to)))
            .collect();
        use RunState::{Completed, Failed, InProgress, Paused, Started, Stopped};
        assert_eq!(
            legal,
            [
                (Started, InProgress),
                (InProgress, Paused),
                (InProgress, Completed),
                (InProgress, Failed),
                (InProgress, Stopped),
                (Paused, InProgress),
                (Paused, Stopped),
            ]
        );
    }

    #[test]
    fn a_final_state_takes_no_event() {
        for from in STATES.into_iter().filter(|state| state.is_final()) {
            for event in EVENTS {
                assert_eq!(from.next(event), Err(IllegalRunTransition { from, event }));
            }
        }
    }
}
