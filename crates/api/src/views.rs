//! What operations take and give beyond the store's records.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_domain::{ProjectId, Timestamp};
use steadyhand_engine::CheckedStep;
use steadyhand_store::records::{DiffLine, PlanRevision, RunSummary, Step};
use ts_rs::TS;

/// A run with all its steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct RunDetail {
    /// The run.
    pub run: RunSummary,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// Facts about this Steadyhand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AppInfo {
    /// Its version.
    pub version: String,
    /// The folder that holds its data.
    pub data_dir: String,
    /// Whether it runs in the desktop window (`window`), behind `steady serve` (`server`) or as a command (`command`).
    pub shell: String,
}

/// How grave a problem of a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemSeverity {
    /// The plan cannot run.
    Error,
    /// The plan can run, but probably not as meant.
    Warning,
    /// Worth knowing before it runs.
    Note,
}

/// A problem of a plan, in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Problem {
    /// How grave it is.
    pub severity: ProblemSeverity,
    /// What was found and what was expected.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The file, when it is not the plan itself but one that it includes: as seen from the plan's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub file: Option<String>,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// From 1.
    pub end_line: u32,
    /// From 1, in characters; the place behind the last character.
    pub end_column: u32,
}

/// A host as a plan declares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct OutlineHost {
    /// Its name in the plan.
    pub name: String,
    /// What is connected to, as a person would write it; `this machine` for `local`.
    pub address: String,
    /// The groups that it is in.
    pub groups: Vec<String>,
}

/// A task as a plan declares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct OutlineTask {
    /// Its name.
    pub name: String,
    /// The names of its hosts.
    pub hosts: Vec<String>,
    /// The tasks that must be done before.
    pub needs: Vec<String>,
    /// The names of its steps, in order.
    pub steps: Vec<String>,
    /// Words to choose it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<String>>")]
    pub tags: Vec<String>,
    /// Where it stands in the source, from 1.
    pub line: u32,
    /// The file that it stands in, when it is not the plan itself but one that it includes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub file: Option<String>,
}

/// A plan's picture, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct PlanOutline {
    /// Its hosts.
    pub hosts: Vec<OutlineHost>,
    /// Its tasks, in the order in which they run.
    pub tasks: Vec<OutlineTask>,
}

/// What is to say about a plan's source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct PlanCheck {
    /// Every problem, in the order of the source.
    pub problems: Vec<Problem>,
    /// Its picture.
    pub outline: PlanOutline,
}

/// A revision of a plan, and what restoring it would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct RevisionView {
    /// Which.
    pub revision: PlanRevision,
    /// Its text.
    pub source: String,
    /// From the current revision to this one; empty for the current one.
    pub diff: Vec<DiffLine>,
    /// The current revision, which the difference starts from.
    pub current_sha256: String,
}

/// A project's current plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PlanView {
    /// SHA-256 of the source.
    pub sha256: String,
    /// The source.
    pub source: String,
    /// When this revision was saved.
    pub saved_at: Timestamp,
    /// What is to say about it.
    pub check: PlanCheck,
}

/// A step as it would run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct PreviewStep {
    /// The task.
    pub task: String,
    /// The host.
    pub host: String,
    /// What it is called.
    pub name: String,
    /// What would run, with secrets hidden.
    pub what: String,
    /// That it is skipped, and why; or what it depends on whether it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub condition: Option<String>,
}

/// Which host is asked for facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AskFacts {
    /// The project whose plan names the host.
    #[ts(optional)]
    pub project_id: Option<ProjectId>,
    /// A host of the plan, `user@address[:port]`, or `local`.
    pub host: String,
}

/// What a run would do now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Preview {
    /// SHA-256 of the rendered plan.
    pub rendered_sha256: String,
    /// The steps, in order.
    pub steps: Vec<PreviewStep>,
    /// Secrets that the plan needs and that have no value yet.
    pub missing_secrets: Vec<String>,
    /// The hosts that the plan does not list and that were found where it looks for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<DiscoveredHost>>")]
    pub discovered: Vec<DiscoveredHost>,
    /// What was left out there, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<String>>")]
    pub notes: Vec<String>,
}

/// A host that was found where the plan looks for hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DiscoveredHost {
    /// Its name in the plan.
    pub name: String,
    /// What would be connected to, as a person would write it; none when no step would run there.
    #[ts(optional)]
    pub address: Option<String>,
    /// Where it was found.
    pub by: String,
}

/// What a run would change now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct CheckReport {
    /// SHA-256 of the rendered plan.
    pub rendered_sha256: String,
    /// The steps, in order, each with what a run would do about it.
    pub steps: Vec<CheckedStep>,
}

/// A host and what is known of the way to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct HostStatus {
    /// Its name in the plan.
    pub name: String,
    /// What is connected to; `this machine` for `local`.
    pub address: String,
    /// What is known.
    pub reach: Reach,
}

/// Whether a host answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reach {
    /// Not asked yet.
    Unknown,
    /// It is being asked.
    Asking,
    /// It answers.
    Ok {
        /// One round trip, in milliseconds.
        latency_ms: f64,
    },
    /// It does not.
    Failed {
        /// What happened and what to do next.
        message: String,
    },
    /// It answers with another host key than the one that is known.
    KeyChanged {
        /// Which keys, and what to do next.
        message: String,
    },
    /// It answers with a host key that is marked as revoked.
    KeyRevoked {
        /// Which key, and what to do next.
        message: String,
    },
}

/// Where the key of the model comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// `STEADYHAND_MODEL_KEY`.
    Environment,
    /// The operating system's keyring.
    Keyring,
    /// This process only: no keyring was there to keep it.
    Memory,
    /// None; local models need none.
    None,
}

/// The model that answers, if any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ModelView {
    /// Such as `http://localhost:11434/v1`.
    pub base_url: String,
    /// Such as `qwen3:8b`.
    pub model: String,
    /// Where its key comes from.
    pub key: KeySource,
}

/// What a person can set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Settings {
    /// The model that answers; none means the built-in assistant.
    pub model: Option<ModelView>,
}

/// The source of the practice application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PracticeSource {
    /// The file on this machine, to open in any editor.
    pub path: String,
    /// Its text.
    pub text: String,
    /// The address at which the deployed application answers.
    pub url: String,
}

/// A file that was written for the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SavedFile {
    /// Where it is.
    pub path: String,
}

/// Nothing to take, or nothing to give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Nothing {}
