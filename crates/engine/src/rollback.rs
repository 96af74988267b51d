//! Going back to an earlier deployment.

use std::collections::BTreeMap;

use steadyhand_domain::{DeploymentId, Trigger};
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
        let mut db = self.store().read().await?;
        let wanted = deployments::get(&mut db, to).await?.ok_or(StoreError::UnknownDeployment(to))?;
        drop(db);
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
        let Deployment { environment, source, image, project_id, .. } = wanted;
        self.start(NewRun {
            project_id,
            trigger: Trigger::Rollback,
            started_by: by.to_owned(),
            plan_sha256: run.plan_sha256,
            spec: RunSpec { plan, undoes: None, ..current },
            done: BTreeMap::new(),
            deployment: Some(NewDeployment { environment, takes_from: Some(to), source, image }),
        })
        .await
    }
}
