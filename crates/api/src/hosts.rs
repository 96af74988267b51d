//! The hosts of a plan, and the way to them.

use steadyhand_domain::ProjectId;
use steadyhand_engine::{EngineError, RunOptions, RunSpec};
use steadyhand_plan::CompiledHost;
use steadyhand_remote::{KeyFileProblem, RemoteError};

use crate::{Api, ApiError, HostStatus, Nothing, OfProject, Reach, Update, open::locked, plans::address};

impl Api {
    /// See the list of operations.
    pub async fn hosts(&self, request: OfProject) -> Result<Vec<HostStatus>, ApiError> {
        let Some(spec) = self.readable_plan(request.project_id).await? else { return Ok(Vec::new()) };
        let known = locked(&self.inner.reach);
        Ok(hosts(&spec)
            .map(|host| {
                let known = known.get(&(request.project_id, host.name.clone()));
                known.filter(|known| known.address == host.address).cloned().unwrap_or(host)
            })
            .collect())
    }

    /// See the list of operations.
    pub async fn check_hosts(&self, request: OfProject) -> Result<Nothing, ApiError> {
        let project = request.project_id;
        let Some(spec) = self.readable_plan(project).await? else { return Ok(Nothing {}) };
        for mut status in hosts(&spec) {
            let (api, spec) = (self.clone(), spec.clone());
            self.inner.tasks.spawn(async move {
                status.reach = Reach::Asking;
                api.tell_host(project, &status);
                let measuring = api.inner.engine.measure(&spec, &status.name);
                let Some(measured) = api.inner.closing.run_until_cancelled(measuring).await else { return };
                status.reach = match measured {
                    Ok(time) => Reach::Ok { latency_ms: time.as_secs_f64() * 1000.0 },
                    // A person is asked when a run needs the host, not because a page was opened.
                    Err(EngineError::Remote(error)) if needs_a_person(&error) => Reach::Unknown,
                    Err(error) => failed(&error),
                };
                api.tell_host(project, &status);
            });
        }
        Ok(Nothing {})
    }

    fn tell_host(&self, project_id: ProjectId, host: &HostStatus) {
        locked(&self.inner.reach).insert((project_id, host.name.clone()), host.clone());
        self.inner.hub.send(vec![Update::Host { project_id, host: host.clone() }]);
    }

    /// The current plan of a project, when there is one without errors.
    async fn readable_plan(&self, project: ProjectId) -> Result<Option<RunSpec>, ApiError> {
        self.project(project).await?;
        Ok(self
            .inner
            .engine
            .compile_current(project, &RunOptions::default())
            .await
            .ok()
            .map(|(_, spec)| spec))
    }
}

/// Why a host cannot be worked on, told apart by what a person has to do about it.
fn failed(error: &EngineError) -> Reach {
    let message = error.to_string();
    match error {
        EngineError::Remote(RemoteError::HostKeyChanged { .. }) => Reach::KeyChanged { message },
        EngineError::Remote(RemoteError::HostKeyRevoked { .. }) => Reach::KeyRevoked { message },
        _ => Reach::Failed { message },
    }
}

/// Whether the connection may well be made once a person answers a question.
fn needs_a_person(error: &RemoteError) -> bool {
    matches!(
        error,
        RemoteError::HostKeyUnknown { .. }
            | RemoteError::Authentication { .. }
            | RemoteError::KeyFile { problem: KeyFileProblem::NoPassphrase, .. }
    )
}

/// The hosts of a plan, before anybody was asked.
fn hosts(spec: &RunSpec) -> impl Iterator<Item = HostStatus> {
    spec.plan.hosts.iter().map(|(name, host)| HostStatus {
        name: name.clone(),
        address: match host {
            CompiledHost::Local => "this machine".to_owned(),
            CompiledHost::Ssh(host) => address(name, host.user.as_deref(), &host.address, host.port),
        },
        reach: Reach::Unknown,
    })
}
