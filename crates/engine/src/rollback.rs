//! Releasing a deployment again: an earlier one, or the one that serves.

use std::collections::BTreeMap;

use steadyhand_domain::{DeploymentId, DeploymentState, Trigger};
use steadyhand_store::{
    StoreError, deployments,
    records::{Deployment, RunSummary},
};

use crate::{Engine, EngineError, NewDeployment, NewRun, RunSpec};

impl Engine {
    /// Brings an earlier deployment back, as a new one: its image, its variables and its settings, as its host has kept them.
    ///
    /// # Errors
    /// As [`Engine::start`]; [`EngineError::Elsewhere`]; [`StoreError::NotToBeBroughtBack`] when it has never served, serves now, or is not kept.
    pub async fn rollback(&self, to: DeploymentId, by: &str) -> Result<RunSummary, EngineError> {
        let wanted = self.deployment(to).await?;
        if wanted.state == DeploymentState::Ready {
            return Err(not_to_be_brought_back(wanted, "it serves now; a restart starts it anew"));
        }
        self.release_again(wanted, Trigger::Rollback, by).await
    }

    /// Starts the deployment that serves anew, as a new one: in fresh containers of the same image, with the same variables and
    /// settings, which take the place of the old ones once they are healthy.
    ///
    /// # Errors
    /// As [`Engine::start`]; [`StoreError::NotToBeBroughtBack`] when another one serves now.
    pub async fn restart(
        &self,
        current: DeploymentId,
        trigger: Trigger,
        by: &str,
    ) -> Result<RunSummary, EngineError> {
        let current = self.deployment(current).await?;
        if current.state != DeploymentState::Ready {
            return Err(not_to_be_brought_back(current, "it does not serve; a rollback brings it back"));
        }
        self.release_again(current, trigger, by).await
    }

    async fn deployment(&self, id: DeploymentId) -> Result<Deployment, EngineError> {
        let found = deployments::get(&mut *self.store().read().await?, id).await?;
        Ok(found.ok_or(StoreError::UnknownDeployment(id))?)
    }

    /// A new deployment with the image and the settings of an earlier one.
    async fn release_again(
        &self,
        wanted: Deployment,
        trigger: Trigger,
        by: &str,
    ) -> Result<RunSummary, EngineError> {
        let mut db = self.store().read().await?;
        let current = deployments::current(&mut db, wanted.environment_id).await?;
        drop(db);
        let spec = self.spec(wanted.run_id).await?;
        let current = match current {
            Some(current) => self.spec(current.run_id).await?,
            None => spec.clone(),
        };
        let plan = steadyhand_plan::release(&spec.plan, &current.plan)
            .ok_or(EngineError::Elsewhere { number: wanted.number })?;
        let run = self.summary(wanted.run_id).await?;
        let Deployment { id, environment, source, image, project_id, .. } = wanted;
        self.start(NewRun {
            project_id,
            trigger,
            started_by: by.to_owned(),
            plan_sha256: run.plan_sha256,
            spec: RunSpec { plan, undoes: None, ..current },
            done: BTreeMap::new(),
            deployment: Some(NewDeployment { environment, takes_from: Some(id), source, image }),
            stops: None,
        })
        .await
    }
}

fn not_to_be_brought_back(deployment: Deployment, why: &'static str) -> EngineError {
    let Deployment { environment, number, .. } = deployment;
    StoreError::NotToBeBroughtBack { environment, number, why }.into()
}
