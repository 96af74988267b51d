//! Environments, and the deployments that are made to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_deploy::{
    jobs::{self, CronJobs, CronLog},
    live::{self, ContainerLog, Live},
    source_maps,
};
use steadyhand_domain::{DeploymentId, DeploymentState, Desired, EnvironmentState};
use steadyhand_remote::Tunnel;
use steadyhand_store::{
    StoreError,
    deployments::{self, Filter},
    environments,
    records::{Deployment, Environment, Project, RunSummary, StageTimes},
    runs,
};
use ts_rs::TS;

use crate::{
    Api, ApiError, AskContainerLog, AskCronLog, ErrorCode, ListDeployments, OfDeployment, OfEnvironment,
    OfProject,
};

/// The most deployments of one page.
const PAGE: u32 = 100;

/// A deployment with its course, and what can be done about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DeploymentDetail {
    /// The deployment.
    pub deployment: Deployment,
    /// The run that makes it. Its steps have the logs.
    pub run: RunSummary,
    /// Its parts in their order, with their times.
    pub stages: Vec<StageTimes>,
    /// What a person may want to do about it.
    pub actions: Vec<PossibleAction>,
}

/// What a person may want to do about a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentAction {
    /// End it before anything of it was started.
    Cancel,
    /// End its run while its containers are started.
    Stop,
    /// Bring it back.
    Rollback,
    /// Start it anew in fresh containers.
    Restart,
}

/// Something that a person may want to do, and whether it can be done now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct PossibleAction {
    /// What.
    pub action: DeploymentAction,
    /// Why it cannot be done now; none when it can.
    pub why_not: Option<String>,
}

impl Api {
    /// See the list of operations.
    pub async fn environments(&self, request: OfProject) -> Result<Vec<Environment>, ApiError> {
        let mut db = self.read().await?;
        Ok(environments::of_project(&mut db, request.project_id).await?)
    }

    /// See the list of operations.
    pub async fn deployments(&self, request: ListDeployments) -> Result<Vec<Deployment>, ApiError> {
        let filter =
            Filter { environment: request.environment_id, states: &request.states, before: request.before };
        let mut db = self.read().await?;
        Ok(deployments::list(&mut db, request.project_id, &filter, request.limit.min(PAGE)).await?)
    }

    /// See the list of operations.
    pub async fn deployment(&self, request: OfDeployment) -> Result<DeploymentDetail, ApiError> {
        let id = request.deployment_id;
        let mut db = self.read().await?;
        let deployment = deployments::get(&mut db, id).await?.ok_or(StoreError::UnknownDeployment(id))?;
        let environment = deployment.environment_id;
        let environment = environments::get(&mut db, environment)
            .await?
            .ok_or(StoreError::UnknownEnvironment(environment))?;
        let run = deployment.run_id;
        let stages = deployments::stages(&mut db, run).await?;
        let run = runs::get(&mut db, run).await?.ok_or(StoreError::UnknownRun(run))?;
        let actions = actions(&deployment, &environment, run.desired);
        Ok(DeploymentDetail { deployment, run, stages, actions })
    }

    /// The deployment of a project with that number, or the one that served before the current one.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is none, with those that there are.
    pub async fn kept_deployment(
        &self,
        project: &Project,
        number: Option<u32>,
    ) -> Result<Deployment, ApiError> {
        let request = ListDeployments {
            project_id: project.id,
            environment_id: None,
            states: Vec::new(),
            before: None,
            limit: PAGE,
        };
        let all = self.deployments(request).await?;
        let current = all.iter().find(|deployment| deployment.state == DeploymentState::Ready);
        // What has the image of the one that serves, as after a restart, is nothing to go back to.
        let differs = |one: &Deployment| {
            one.image.is_none() || current.is_none_or(|current| current.image != one.image)
        };
        let found = match number {
            Some(number) => all.iter().find(|one| one.number == number),
            None => all
                .iter()
                .filter(|one| one.state == DeploymentState::Superseded && one.image_kept && differs(one))
                .max_by_key(|one| one.superseded_at),
        };
        found.cloned().ok_or_else(|| {
            let message = match (number, all.is_empty()) {
                (_, true) => never_deployed(project),
                (Some(number), _) => {
                    format!(
                        "{} has no deployment {number}; `steady deployments {}` lists them",
                        project.name, project.name
                    )
                }
                (None, _) => format!(
                    "{} has no other deployment that has served and is kept, so there is none to go back to",
                    project.name
                ),
            };
            ApiError { code: ErrorCode::NotFound, message }
        })
    }

    /// The deployment of a project that serves, or else its newest one.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when it was never deployed.
    pub async fn serving(&self, project: &Project) -> Result<Deployment, ApiError> {
        let environments = self.environments(OfProject { project_id: project.id }).await?;
        let newest =
            environments.into_iter().find_map(|environment| environment.current.or(environment.last));
        newest.ok_or_else(|| ApiError { code: ErrorCode::NotFound, message: never_deployed(project) })
    }

    /// See the list of operations.
    pub async fn rollback(&self, request: OfDeployment) -> Result<RunSummary, ApiError> {
        self.inner.engine.take_over();
        Ok(self.inner.engine.rollback(request.deployment_id, &self.inner.user).await?)
    }
}

impl Api {
    /// See the list of operations.
    pub async fn restart(&self, request: OfDeployment) -> Result<RunSummary, ApiError> {
        let engine = &self.inner.engine;
        engine.take_over();
        Ok(engine.restart(request.deployment_id, self.inner.shell.trigger(), &self.inner.user).await?)
    }

    /// See the list of operations.
    pub async fn stop_environment(&self, request: OfEnvironment) -> Result<RunSummary, ApiError> {
        let (engine, trigger) = (&self.inner.engine, self.inner.shell.trigger());
        engine.take_over();
        Ok(engine.stop_serving(request.environment_id, trigger, &self.inner.user).await?)
    }

    /// See the list of operations.
    pub async fn start_environment(&self, request: OfEnvironment) -> Result<RunSummary, ApiError> {
        let (engine, trigger) = (&self.inner.engine, self.inner.shell.trigger());
        engine.take_over();
        Ok(engine.start_serving(request.environment_id, trigger, &self.inner.user).await?)
    }

    /// See the list of operations.
    pub async fn live(&self, request: OfDeployment) -> Result<Live, ApiError> {
        Ok(live::live(&self.inner.engine, request.deployment_id, self.inner.shell.asks()).await?)
    }

    /// See the list of operations.
    pub async fn container_log(&self, request: AskContainerLog) -> Result<ContainerLog, ApiError> {
        let AskContainerLog { deployment_id, after, lines } = request;
        let mut log = live::log(
            &self.inner.engine,
            deployment_id,
            self.inner.shell.asks(),
            &after.unwrap_or_default(),
            lines,
        )
        .await?;
        let data = self.inner.engine.store().folder().to_owned();
        // A map may be long.
        let told = tokio::task::spawn_blocking(move || {
            source_maps::in_log(&data, deployment_id, &mut log);
            log
        });
        told.await.map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))
    }

    /// See the list of operations.
    pub async fn cron_jobs(&self, request: OfDeployment) -> Result<CronJobs, ApiError> {
        Ok(jobs::jobs(&self.inner.engine, request.deployment_id, self.inner.shell.asks()).await?)
    }

    /// See the list of operations.
    pub async fn cron_log(&self, request: AskCronLog) -> Result<CronLog, ApiError> {
        let AskCronLog { deployment_id, job, run } = request;
        Ok(jobs::log(&self.inner.engine, deployment_id, self.inner.shell.asks(), &job, &run).await?)
    }

    /// A way to a port of the host of a deployment, on its loopback.
    ///
    /// # Errors
    /// Why the host cannot be reached.
    pub async fn way_to(&self, deployment: DeploymentId, port: u16) -> Result<Tunnel, ApiError> {
        Ok(self.inner.engine.way_to(deployment, port).await?)
    }
}

fn never_deployed(project: &Project) -> String {
    format!("{} was never deployed; a plan with `app:` deploys it with each run of it", project.name)
}

/// What can be done about a deployment whose run `desired` was asked of.
fn actions(deployment: &Deployment, environment: &Environment, desired: Desired) -> Vec<PossibleAction> {
    let action = |action, why_not: Option<String>| PossibleAction { action, why_not };
    vec![
        action(DeploymentAction::Cancel, no_cancel(deployment.state, desired).map(str::to_owned)),
        action(DeploymentAction::Stop, no_stop(deployment.state, desired).map(str::to_owned)),
        action(DeploymentAction::Rollback, no_rollback(deployment, environment)),
        action(DeploymentAction::Restart, no_restart(deployment, environment)),
    ]
}

fn no_cancel(state: DeploymentState, desired: Desired) -> Option<&'static str> {
    match state {
        DeploymentState::Pending | DeploymentState::Building => being_ended(desired),
        DeploymentState::Built | DeploymentState::Deploying => Some("Its image is there; Stop ends it now."),
        ended => no_end(ended),
    }
}

fn no_stop(state: DeploymentState, desired: Desired) -> Option<&'static str> {
    match state {
        DeploymentState::Pending | DeploymentState::Building => {
            Some("Nothing of it was started yet; Cancel ends it.")
        }
        DeploymentState::Built | DeploymentState::Deploying => being_ended(desired),
        ended => no_end(ended),
    }
}

fn being_ended(desired: Desired) -> Option<&'static str> {
    (desired == Desired::Stopped).then_some("It is being ended already.")
}

/// Why a deployment cannot be ended any more.
fn no_end(state: DeploymentState) -> Option<&'static str> {
    match state {
        DeploymentState::Pending
        | DeploymentState::Building
        | DeploymentState::Built
        | DeploymentState::Deploying => None,
        DeploymentState::Ready => Some("It serves already."),
        DeploymentState::Superseded => Some("It has ended: a later one serves in its place."),
        DeploymentState::Failed => Some("It has failed already."),
        DeploymentState::Cancelled => Some("It was cancelled already."),
    }
}

fn no_restart(deployment: &Deployment, environment: &Environment) -> Option<String> {
    match deployment.state {
        DeploymentState::Ready => under_way(environment),
        _ => Some("Only the one that serves can be started anew.".to_owned()),
    }
}

/// Why nothing can be deployed to an environment now.
fn under_way(environment: &Environment) -> Option<String> {
    let last = environment.last.as_ref().filter(|last| last.state.is_going())?;
    let (number, run) = (last.number, last.run_number);
    Some(format!("Deployment {number} is under way in run {run}; wait for it, or cancel it first."))
}

fn no_rollback(deployment: &Deployment, environment: &Environment) -> Option<String> {
    let why = match deployment.state {
        _ if environment.state == EnvironmentState::Destroyed => "Its environment was destroyed.",
        DeploymentState::Pending
        | DeploymentState::Building
        | DeploymentState::Built
        | DeploymentState::Deploying => "It has not served yet.",
        DeploymentState::Failed | DeploymentState::Cancelled => "It has never served.",
        DeploymentState::Ready => "It is the current one.",
        DeploymentState::Superseded if !deployment.image_kept => "Its image is not kept any more.",
        DeploymentState::Superseded => return under_way(environment),
    };
    Some(why.to_owned())
}

#[cfg(test)]
mod tests {
    use steadyhand_domain::{DeploymentId, EnvironmentId, ProjectId, RunId, Timestamp, Trigger};
    use steadyhand_store::records::DeploymentKind;
    use uuid::Uuid;

    use super::*;

    fn deployment(number: u32, state: DeploymentState) -> Deployment {
        Deployment {
            id: DeploymentId(Uuid::from_u128(number.into())),
            project_id: ProjectId(Uuid::nil()),
            environment_id: EnvironmentId(Uuid::nil()),
            environment: "production".to_owned(),
            number,
            run_id: RunId(Uuid::from_u128(number.into())),
            run_number: number + 20,
            trigger: Trigger::Window,
            started_by: "ada".to_owned(),
            kind: DeploymentKind::Deploy,
            takes_from: None,
            takes_from_number: None,
            state,
            source: None,
            image: Some("sha256:1".to_owned()),
            image_kept: true,
            error: None,
            created_at: Timestamp(0),
            ended_at: None,
            superseded_at: None,
            screenshot_at: None,
            scanned_at: None,
        }
    }

    fn environment(state: EnvironmentState, last: &Deployment) -> Environment {
        Environment {
            id: EnvironmentId(Uuid::nil()),
            project_id: ProjectId(Uuid::nil()),
            name: "production".to_owned(),
            state,
            since: Timestamp(0),
            created_at: Timestamp(0),
            current: None,
            last: Some(last.clone()),
        }
    }

    #[test]
    fn what_is_legal_depends_on_the_state_and_the_rest_says_why_not() {
        use DeploymentState::{Building, Built, Cancelled, Deploying, Failed, Pending, Ready, Superseded};
        let legal = |state, desired| {
            let this = deployment(1, state);
            let last = deployment(2, Failed);
            let possible = actions(&this, &environment(EnvironmentState::Running, &last), desired);
            assert_eq!(possible.len(), 4);
            let can = possible.into_iter().filter(|action| action.why_not.is_none());
            can.map(|action| action.action).collect::<Vec<_>>()
        };
        use DeploymentAction::{Cancel, Restart, Rollback, Stop};
        for (state, expected) in [
            (Pending, &[Cancel][..]),
            (Building, &[Cancel]),
            (Built, &[Stop]),
            (Deploying, &[Stop]),
            (Ready, &[Restart]),
            (Superseded, &[Rollback]),
            (Failed, &[]),
            (Cancelled, &[]),
        ] {
            assert_eq!(legal(state, Desired::Running), expected, "{state:?}");
        }
        assert!(legal(Building, Desired::Stopped).is_empty());
        assert!(legal(Deploying, Desired::Stopped).is_empty());
    }

    #[test]
    fn one_that_is_not_kept_or_whose_environment_is_busy_or_gone_cannot_be_brought_back() {
        let this = deployment(1, DeploymentState::Superseded);
        let (going, failed) = (deployment(2, DeploymentState::Built), deployment(2, DeploymentState::Failed));
        let check = |this: &Deployment, state, last, expected| {
            assert_eq!(no_rollback(this, &environment(state, last)).as_deref(), expected);
        };
        check(&this, EnvironmentState::Running, &failed, None);
        let busy = "Deployment 2 is under way in run 22; wait for it, or cancel it first.";
        check(&this, EnvironmentState::Running, &going, Some(busy));
        check(&this, EnvironmentState::Destroyed, &failed, Some("Its environment was destroyed."));
        let gone = Deployment { image_kept: false, ..this };
        check(&gone, EnvironmentState::Running, &failed, Some("Its image is not kept any more."));
    }
}
