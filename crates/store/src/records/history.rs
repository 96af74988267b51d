//! What has come and gone in a repository between two deployments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_domain::Timestamp;
use ts_rs::TS;

/// A commit of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Commit {
    /// Its name, in full.
    pub commit: String,
    /// When it was made.
    pub committed_at: Timestamp,
    /// Who wrote it.
    pub author: String,
    /// The first line of its message.
    pub message: String,
    /// Where it can be looked at: an `http:` or `https:` address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub link: Option<String>,
}

/// What has come and gone between two commits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The earlier commit, in full.
    pub since: String,
    /// Whether nothing is left out: both have an ancestor in common that was found.
    pub is_whole: bool,
    /// The commits that the later one has and the earlier has not, newest first.
    pub came: Vec<Commit>,
    /// The commits that the earlier one has and the later has not, newest first.
    pub went: Vec<Commit>,
    /// Files that differ and whose names say that they change a database, within the repository.
    pub migrations: Vec<String>,
}
