//! Environments and the deployments that are made to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_domain::{
    DeploymentId, DeploymentState, EnvironmentId, EnvironmentState, ProjectId, RunId, Stage, Timestamp,
    Trigger,
};
use ts_rs::TS;

use super::StepCounts;

/// A place that a project's application is deployed to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Environment {
    /// Its identifier.
    pub id: EnvironmentId,
    /// Its project.
    pub project_id: ProjectId,
    /// What people call it, such as `production`; unique in its project.
    pub name: String,
    /// What it is.
    pub state: EnvironmentState,
    /// When that began.
    pub since: Timestamp,
    /// When it was first deployed to.
    pub created_at: Timestamp,
    /// The deployment that serves, or that would when the environment is not paused.
    pub current: Option<Deployment>,
    /// The newest deployment, whatever became of it.
    pub last: Option<Deployment>,
}

/// What a deployment does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentKind {
    /// It brings a source to its environment.
    Deploy,
    /// It brings back what an earlier deployment brought.
    Rollback,
    /// It starts the one that serves anew, in fresh containers.
    Restart,
}

/// What kind of thing a deployment is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A git repository.
    Git,
    /// An image of a registry.
    Image,
    /// An image in a file.
    ImageArchive,
    /// A folder of the machine that it was deployed from.
    Folder,
    /// A source, packed into a file.
    Archive,
    /// Files that are served as they are.
    Bundle,
}

/// What a deployment is made from, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DeploymentSource {
    /// What kind of thing.
    pub kind: SourceKind,
    /// The repository, the image, or the file, without passwords.
    pub from: String,
    /// The branch or tag that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub branch: Option<String>,
    /// The commit, in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub commit: Option<String>,
    /// Who wrote the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub author: Option<String>,
    /// The first line of the commit's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub message: Option<String>,
    /// Where the commit can be looked at: an `http:` or `https:` address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub link: Option<String>,
    /// The SHA-256 of the file, in lower-case hexadecimal; of a folder, one over the names, contents and modes of what is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub sha256: Option<String>,
}

/// One release of an application to an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Deployment {
    /// Its identifier.
    pub id: DeploymentId,
    /// Its project.
    pub project_id: ProjectId,
    /// Its environment.
    pub environment_id: EnvironmentId,
    /// The name of that.
    pub environment: String,
    /// Counts the environment's deployments from 1.
    pub number: u32,
    /// The run that makes it.
    pub run_id: RunId,
    /// The number of that.
    pub run_number: u32,
    /// What started it.
    pub trigger: Trigger,
    /// Who started it: a user name of this machine.
    pub started_by: String,
    /// What it does.
    pub kind: DeploymentKind,
    /// The deployment whose image and settings it takes, when it is a rollback.
    pub takes_from: Option<DeploymentId>,
    /// The number of that.
    pub takes_from_number: Option<u32>,
    /// What it is.
    pub state: DeploymentState,
    /// What it is made from.
    pub source: Option<DeploymentSource>,
    /// Its image: a reference or a digest.
    pub image: Option<String>,
    /// Whether that image is kept, so that it can be brought back.
    pub image_kept: bool,
    /// Why it failed: the step and its reason.
    pub error: Option<String>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it began to serve, failed, or was cancelled.
    pub ended_at: Option<Timestamp>,
    /// When a later one began to serve in its place.
    pub superseded_at: Option<Timestamp>,
    /// When the picture of its page was taken, if there is one.
    pub screenshot_at: Option<Timestamp>,
    /// When its image was looked through for what is known to be vulnerable, if it was.
    pub scanned_at: Option<Timestamp>,
}

/// A part of a deployment, with its times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct StageTimes {
    /// Which.
    pub stage: Stage,
    /// When its first step began; none when none has.
    pub started_at: Option<Timestamp>,
    /// When its last step ended; none while steps of it are left.
    pub ended_at: Option<Timestamp>,
    /// How its steps stand, on all hosts.
    pub steps: StepCounts,
}
