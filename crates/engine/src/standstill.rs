//! Stopping what an environment serves, and starting it again.

use std::collections::BTreeMap;

use steadyhand_domain::{EnvironmentId, EnvironmentState, Trigger};
use steadyhand_store::{
    StoreError, environments,
    records::{Deployment, Environment, RunSummary},
};

use crate::{Engine, EngineError, NewRun, RunSpec};

impl Engine {
    /// Stops the containers of what serves. They are kept, and so is what is deployed.
    ///
    /// # Errors
    /// As [`Engine::start`]; [`EngineError::NotServing`] when nothing serves, or it is stopped already.
    pub async fn stop_serving(
        &self,
        id: EnvironmentId,
        trigger: Trigger,
        by: &str,
    ) -> Result<RunSummary, EngineError> {
        let (environment, current) = self.environment(id).await?;
        let not = |why| EngineError::NotServing { environment: environment.name.clone(), why };
        if environment.state == EnvironmentState::Paused {
            return Err(not("it is stopped already"));
        }
        let spec = self.spec(current.run_id).await?;
        let plan =
            steadyhand_plan::standstill(&spec.plan).ok_or_else(|| not("nothing was deployed to it yet"))?;
        let plan_sha256 = self.summary(current.run_id).await?.plan_sha256;
        self.start(NewRun {
            project_id: environment.project_id,
            trigger,
            started_by: by.to_owned(),
            plan_sha256,
            spec: RunSpec { plan, undoes: None, ..spec },
            done: BTreeMap::new(),
            deployment: None,
            stops: Some(id),
        })
        .await
    }

    /// Starts what was stopped, in fresh containers of the same image: see [`Engine::restart`].
    ///
    /// # Errors
    /// As [`Engine::start`]; [`EngineError::NotServing`] when nothing was deployed, or it is not stopped.
    pub async fn start_serving(
        &self,
        id: EnvironmentId,
        trigger: Trigger,
        by: &str,
    ) -> Result<RunSummary, EngineError> {
        let (environment, current) = self.environment(id).await?;
        let not = |why| EngineError::NotServing { environment: environment.name.clone(), why };
        if environment.state == EnvironmentState::Running {
            return Err(not("it is not stopped; a restart starts it anew"));
        }
        self.restart(current.id, trigger, by).await
    }

    /// An environment, and the deployment that is its current one.
    async fn environment(&self, id: EnvironmentId) -> Result<(Environment, Deployment), EngineError> {
        let found = environments::get(&mut *self.store().read().await?, id).await?;
        let environment = found.ok_or(StoreError::UnknownEnvironment(id))?;
        match environment.current.clone() {
            Some(current) => Ok((environment, current)),
            None => Err(EngineError::NotServing {
                environment: environment.name,
                why: "nothing was deployed to it yet",
            }),
        }
    }
}
