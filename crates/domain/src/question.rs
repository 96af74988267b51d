//! Questions that only a person can answer while a connection is made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{QuestionId, RunId, Timestamp};

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum QuestionKind {
    /// The host's key was never seen: is it the right server?
    HostKey {
        /// The kind of key, such as `ssh-ed25519`.
        algorithm: String,
        /// `SHA256:…`, as OpenSSH prints it.
        fingerprint: String,
    },
    /// The passphrase of a key file.
    Passphrase {
        /// The file.
        path: String,
    },
    /// A password.
    Password {
        /// Whose.
        user: String,
    },
}

/// Something that only a person can answer while a connection is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Question {
    /// Its identifier.
    pub id: QuestionId,
    /// The run that waits for the answer, if it is one.
    pub run_id: Option<RunId>,
    /// The host of that run's plan that is to be reached.
    pub reaching: Option<String>,
    /// The host that it concerns, which may be one on the way there: address and port.
    pub host: String,
    /// What it is about.
    pub about: QuestionKind,
    /// Whether the answer before was wrong.
    pub again: bool,
    /// When it was asked.
    pub asked_at: Timestamp,
}
