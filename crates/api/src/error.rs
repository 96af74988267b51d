//! Errors for shells: a code to act on and a message to read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_assistant::AssistantError;
use steadyhand_assistant::chat::ProposalError;
use steadyhand_engine::EngineError;
use steadyhand_remote::RemoteError;
use steadyhand_store::StoreError;
use ts_rs::TS;

/// What kind of error it is; pages act on this and never on the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request itself is wrong.
    Invalid,
    /// The plan has errors.
    PlanInvalid,
    /// What was asked for does not exist.
    NotFound,
    /// What was asked for is not possible in the present state.
    Conflict,
    /// The vault of secrets is locked, and its passphrase is needed.
    Locked,
    /// A host could not be reached.
    Unreachable,
    /// The data folder cannot be read or written.
    Storage,
    /// A mistake in Steadyhand.
    Internal,
}

/// An error of an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, TS, JsonSchema)]
#[error("{message}")]
pub struct ApiError {
    /// What kind of error it is.
    pub code: ErrorCode,
    /// What happened, where, and what to do next.
    pub message: String,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into();
        // A message begins like a sentence, whatever it was put together from.
        Self { code, message: steadyhand_assistant::capitalized(&message) }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Vault(error) => return error.into(),
            StoreError::UnknownProject(_)
            | StoreError::UnknownRun(_)
            | StoreError::UnknownStep(_)
            | StoreError::UnknownMessage(_)
            | StoreError::UnknownProposal(_)
            | StoreError::UnknownEnvironment(_)
            | StoreError::UnknownDeployment(_) => ErrorCode::NotFound,
            StoreError::NameTaken(_)
            | StoreError::OwnerLost(_)
            | StoreError::LogMoved
            | StoreError::RunUnderWay { .. }
            | StoreError::EnvironmentDestroyed(_)
            | StoreError::DeploymentUnderWay { .. }
            | StoreError::NotToBeBroughtBack { .. } => ErrorCode::Conflict,
            StoreError::Newer { .. }
            | StoreError::Folder { .. }
            | StoreError::DiskFull
            | StoreError::ReadOnly
            | StoreError::Corrupt { .. } => ErrorCode::Storage,
            StoreError::Database(_)
            | StoreError::NoDeployment(_)
            | StoreError::IllegalDeployment(_)
            | StoreError::IllegalEnvironment(_) => ErrorCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let code = match error {
            EngineError::Store(error) => return error.into(),
            EngineError::Remote(error) => return error.into(),
            EngineError::Ended { .. }
            | EngineError::NotNow { .. }
            | EngineError::Changed
            | EngineError::NothingLeft { .. }
            | EngineError::NotHeld { .. }
            | EngineError::NothingToUndo { .. }
            | EngineError::AlreadyUndone { .. }
            | EngineError::Elsewhere { .. }
            | EngineError::NotTold { .. }
            | EngineError::NotServing { .. }
            | EngineError::Discovery(_)
            | EngineError::ChangedBefore { .. } => ErrorCode::Conflict,
            EngineError::Plan { .. } | EngineError::NoSteps | EngineError::NoPlan => ErrorCode::PlanInvalid,
            EngineError::MissingSecrets { .. } => ErrorCode::Invalid,
            EngineError::Selection(_) => ErrorCode::NotFound,
            EngineError::IllegalRun(_)
            | EngineError::IllegalStep(_)
            | EngineError::Recorded { .. }
            | EngineError::UnknownHost(_) => ErrorCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

impl From<RemoteError> for ApiError {
    fn from(error: RemoteError) -> Self {
        Self::new(ErrorCode::Unreachable, error.to_string())
    }
}

impl From<AssistantError> for ApiError {
    fn from(error: AssistantError) -> Self {
        match error {
            AssistantError::Store(error) => error.into(),
            AssistantError::Engine(error) => error.into(),
            AssistantError::Proposal(ProposalError::Store(error)) => error.into(),
            AssistantError::Proposal(error) => Self::new(ErrorCode::Conflict, error.to_string()),
            AssistantError::Empty | AssistantError::TooLong(_) => {
                Self::new(ErrorCode::Invalid, error.to_string())
            }
        }
    }
}
