//! How `steady` ends. The numbers are documented in `--help` and in README.md.

use std::process::ExitCode;

use steadyhand_api::{ApiError, ErrorCode, RunDetail};
use steadyhand_domain::{Reason, RunState, StepState};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Stopped = 3,
    Unreachable = 4,
    LeftRunning = 5,
}

impl Exit {
    /// How a command about this run ends: by the run's final state, or [`Exit::LeftRunning`] when it has none.
    pub(crate) fn of_run(detail: &RunDetail) -> Self {
        match detail.run.state {
            RunState::Completed => Self::Done,
            RunState::Stopped => Self::Stopped,
            RunState::Failed => {
                let unreachable = detail.steps.iter().any(|step| {
                    step.state == StepState::Failed && matches!(step.reason, Some(Reason::Connection { .. }))
                });
                if unreachable { Self::Unreachable } else { Self::Failed }
            }
            RunState::Started | RunState::InProgress | RunState::Paused => Self::LeftRunning,
        }
    }

    pub(crate) fn of_error(error: &ApiError) -> Self {
        match error.code {
            ErrorCode::Invalid | ErrorCode::PlanInvalid | ErrorCode::NotFound => Self::Usage,
            ErrorCode::Unreachable => Self::Unreachable,
            ErrorCode::Conflict | ErrorCode::Locked | ErrorCode::Storage | ErrorCode::Internal => {
                Self::Failed
            }
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
