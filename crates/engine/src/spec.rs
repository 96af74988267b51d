//! What a run executes, as it is recorded.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use steadyhand_domain::{ProjectId, RunId};
use steadyhand_plan::{CompiledPlan, FORMAT};

use crate::{EngineError, Found, RunOptions, secrets::Snapshot, undo::Undoes};

/// What a run executes: recorded when it starts, read back by whoever executes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSpec {
    /// The compiled plan.
    pub plan: CompiledPlan,
    /// The folder that relative paths on this machine are meant from; the person's home when there is none.
    pub folder: Option<PathBuf>,
    /// How it differs from what the plan says.
    #[serde(default)]
    pub options: RunOptions,
    /// The project whose secrets it has; none in records of versions that had no vault.
    #[serde(default)]
    pub project: Option<ProjectId>,
    /// The run that it takes back, if it is for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<Undoes>,
    /// What was found before it was compiled; it is not recorded.
    #[serde(skip)]
    pub found: Found,
    #[serde(skip)]
    pub(crate) secrets: Snapshot,
}

/// As much of a record as every version has.
#[derive(Deserialize)]
struct Recorded {
    plan: Versioned,
}

#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

impl RunSpec {
    /// What a run of this plan of this project executes.
    #[must_use]
    pub fn new(project: Option<ProjectId>, plan: CompiledPlan, folder: Option<PathBuf>) -> Self {
        let (options, found) = (RunOptions::default(), Found::default());
        Self { plan, folder, options, project, undoes: None, found, secrets: Snapshot::default() }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn from_json(run: RunId, json: &str) -> Result<Self, EngineError> {
        let unreadable = |error: serde_json::Error| EngineError::Recorded { run, detail: error.to_string() };
        let Recorded { plan: Versioned { format } } = serde_json::from_str(json).map_err(unreadable)?;
        if format != FORMAT {
            let detail = format!(
                "another version recorded it (format {format}; this one reads {FORMAT}); redeploy to run the current plan"
            );
            return Err(EngineError::Recorded { run, detail });
        }
        let spec: Self = serde_json::from_str(json).map_err(unreadable)?;
        Ok(spec)
    }

    /// The base of relative paths on this machine.
    pub(crate) fn base(&self) -> PathBuf {
        self.folder.clone().or_else(std::env::home_dir).unwrap_or_default()
    }
}
