//! Errors for shells: a code to act on and a message to read.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What kind of error it is; pages act on this and never on the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
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
    /// A host could not be reached.
    Unreachable,
    /// The data folder cannot be read or written.
    Storage,
    /// A mistake in Steadyhand.
    Internal,
}

/// An error of an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, TS)]
#[error("{message}")]
pub struct ApiError {
    /// What kind of error it is.
    pub code: ErrorCode,
    /// What happened, where, and what to do next.
    pub message: String,
}
