//! The commands, each made of operations.

use steadyhand_api::{Api, ApiError, Nothing, records::RunSummary};

mod application;
mod check;
mod control;
mod deploy;
mod deployment;
mod deployments;
mod detect;
mod facts;
mod files;
mod graph;
mod init;
mod jobs;
mod list;
mod logs;
mod preflight;
mod run;
mod secret;

pub(crate) use application::{container_logs, open};
pub(crate) use control::{decide, pause, resume, stop};
pub(crate) use deploy::deploy;
pub(crate) use deployment::deployment;
pub(crate) use deployments::deployments;
pub(crate) use facts::facts;
pub(crate) use files::files;
pub(crate) use jobs::jobs;
pub(crate) use list::{runs, status};
pub(crate) use logs::{WhichLogs, logs};
pub(crate) use preflight::preflight;
pub(crate) use run::{down, restart, retry, rollback, run, undo, up};
pub(crate) use secret::{secret, unlock};

/// What a person can type to mean this run: `shop/24`.
async fn name_of(api: &Api, run: &RunSummary) -> Result<String, ApiError> {
    let projects = api.projects(Nothing {}).await?;
    let project = projects.iter().find(|project| project.id == run.project_id);
    Ok(project.map_or_else(|| run.id.to_string(), |project| format!("{}/{}", project.name, run.number)))
}
