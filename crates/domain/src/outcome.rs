//! How one attempt of a step ended.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// How one attempt of a step ended. Only an exit status of 0 that was seen is success; nothing is guessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepOutcome {
    /// The command ended by itself, with this status (0 to 255).
    Exited {
        /// The exit status.
        status: u8,
    },
    /// The command was ended by a signal that Steadyhand did not send.
    Killed {
        /// The signal's name without `SIG`, or its number where it has no portable name.
        signal: String,
    },
    /// The command ran longer than the step allows, and was ended.
    TimedOut,
    /// A person stopped the run, and the command was ended.
    Stopped,
    /// How the command ended cannot be known.
    Lost {
        /// Why not.
        reason: LossReason,
    },
}

/// Why the end of an attempt cannot be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LossReason {
    /// The host was restarted while the command ran.
    Rebooted,
    /// The command's supervisor was killed and left no exit status.
    SupervisorGone,
    /// The attempt's directory on the host is gone or damaged.
    RecordGone {
        /// What was found.
        detail: String,
    },
    /// The command's exit status was 0, but a part of its log could not be kept.
    LogCut,
}

impl StepOutcome {
    /// Whether the attempt did what it should.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Exited { status: 0 })
    }
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { status } => write!(f, "exit status {status}"),
            Self::Killed { signal } => write!(f, "killed by signal {signal}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Stopped => f.write_str("run stopped"),
            Self::Lost { reason } => write!(f, "lost: {reason}"),
        }
    }
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rebooted => f.write_str("the server was restarted"),
            Self::SupervisorGone => f.write_str("its supervisor was killed on the server"),
            Self::RecordGone { detail } => write!(f, "its record on the server is gone ({detail})"),
            Self::LogCut => f.write_str(
                "its exit status was 0, but its log was cut off: the disk there is full, or what writes the log was killed",
            ),
        }
    }
}
