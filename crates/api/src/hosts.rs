//! The hosts of a plan, and the way to them.

use steadyhand_domain::ProjectId;
use steadyhand_engine::{EngineError, Look, RunOptions, RunSpec};
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
        // What has several names is one server, which is measured once.
        let mut servers: Vec<(&CompiledHost, Vec<HostStatus>)> = Vec::new();
        for status in hosts(&spec) {
            let Some(host) = spec.plan.hosts.get(&status.name) else { continue };
            match servers.iter_mut().find(|(known, _)| *known == host) {
                Some((_, names)) => names.push(status),
                None => servers.push((host, vec![status])),
            }
        }
        for (_, mut names) in servers {
            let (api, spec) = (self.clone(), spec.clone());
            self.inner.tasks.spawn(async move {
                api.tell_reach(project, &mut names, &Reach::Asking);
                let measuring = api.inner.engine.measure(&spec, &names[0].name);
                let Some(measured) = api.inner.closing.run_until_cancelled(measuring).await else { return };
                let reach = match measured {
                    Ok(time) => Reach::Ok { latency_ms: time.as_secs_f64() * 1000.0 },
                    // A person is asked when a run needs the host, not because a page was opened.
                    Err(EngineError::Remote(error)) if needs_a_person(&error) => Reach::Unknown,
                    Err(error) => failed(&error),
                };
                api.tell_reach(project, &mut names, &reach);
            });
        }
        Ok(Nothing {})
    }

    fn tell_reach(&self, project_id: ProjectId, hosts: &mut [HostStatus], reach: &Reach) {
        for host in hosts.iter_mut() {
            host.reach = reach.clone();
            locked(&self.inner.reach).insert((project_id, host.name.clone()), host.clone());
        }
        let told = hosts.iter().map(|host| Update::Host { project_id, host: host.clone() });
        self.inner.hub.send(told.collect());
    }

    /// The current plan of a project, when there is one without errors.
    async fn readable_plan(&self, project: ProjectId) -> Result<Option<RunSpec>, ApiError> {
        self.project(project).await?;
        Ok(self
            .inner
            .engine
            .compile_current(project, &RunOptions::default(), Look::Known)
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
