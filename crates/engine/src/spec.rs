//! What a run executes, as it is recorded.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use steadyhand_domain::{ProjectId, RunId};
use steadyhand_plan::{CompiledPlan, FORMAT};

use crate::{EngineError, secrets::Snapshot};

/// What a run executes: recorded when it starts, read back by whoever executes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSpec {
    /// The compiled plan.
    pub plan: CompiledPlan,
    /// The folder that relative paths on this machine are meant from; the person's home when there is none.
    pub folder: Option<PathBuf>,
    /// Whether a failure ends only what needs the task that failed, and the rest goes on.
    #[serde(default)]
    pub continue_on_error: bool,
    /// The project whose secrets it has; none in records of versions that had no vault.
    #[serde(default)]
    pub project: Option<ProjectId>,
    #[serde(skip)]
    pub(crate) secrets: Snapshot,
}

impl RunSpec {
    /// What a run of this plan of this project executes.
    #[must_use]
    pub fn new(project: Option<ProjectId>, plan: CompiledPlan, folder: Option<PathBuf>) -> Self {
        Self { plan, folder, continue_on_error: false, project, secrets: Snapshot::default() }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn from_json(run: RunId, json: &str) -> Result<Self, EngineError> {
        let spec: Self = serde_json::from_str(json)
            .map_err(|error| EngineError::Recorded { run, detail: error.to_string() })?;
        if spec.plan.format != FORMAT {
            let detail = format!(
                "another version recorded it (format {}; this one reads {FORMAT}); redeploy to run the current plan",
                spec.plan.format
            );
            return Err(EngineError::Recorded { run, detail });
        }
        Ok(spec)
    }

    /// The base of relative paths on this machine.
    pub(crate) fn base(&self) -> PathBuf {
        self.folder.clone().or_else(std::env::home_dir).unwrap_or_default()
    }
}
