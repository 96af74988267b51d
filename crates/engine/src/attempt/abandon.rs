//! A deployment that does not come to serve leaves nothing on its host.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use steadyhand_domain::{Stage, StepState};
use steadyhand_remote::Probe;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::reach::Reached;
use crate::{
    EngineError,
    execute::{Execution, lock},
    schedule::UnitId,
};

/// How long a host may take to remove what is left of a deployment.
const PATIENCE: Duration = Duration::from_secs(60);

impl Execution<'_> {
    /// Removes what the stages of a unit have started, unless they have switched traffic. A host that cannot be reached any more
    /// keeps it until the next deployment, which begins with that.
    pub(crate) async fn abandon(&self, unit: UnitId) -> Result<(), EngineError> {
        if self.deployment.is_none() {
            return Ok(());
        }
        let steps = lock(&self.schedule).unit(unit).steps.clone();
        let stages = || steps.clone().filter(|index| self.step(*index).stage.is_some());
        let has_switched = |index: usize| {
            self.step(index).stage == Some(Stage::Switch)
                && self.progress(index).state == StepState::Completed
        };
        let begun = stages().find(|index| self.progress(*index).attempt > 0);
        let switches = stages().any(|index| self.step(index).stage == Some(Stage::Switch));
        let (Some(index), true, false) = (begun, switches, stages().any(has_switched)) else {
            return Ok(());
        };
        let step = self.step(index);
        let Some(names) = self.names_on_hosts().await? else { return Ok(()) };
        let script = self.shared.stages.abandonment(names.told(None));
        let secrets = self.shared.secrets_of(&self.spec);
        // What cannot be removed as who made it is left to the next deployment.
        let Ok(elevation) = timeout(PATIENCE, self.elevation(step, &secrets)).await else {
            return self.set_hindrance(&step.host, None).await;
        };
        let Ok(elevation) = elevation? else { return Ok(()) };
        let script = match elevation {
            None => script,
            Some(elevation) => match elevation.script(&script) {
                Ok(script) => script,
                Err(_) => return Ok(()),
            },
        };
        let (host, script) = (self.host(&step.host)?, Arc::new(script));
        let operation = move |_: CancellationToken| {
            let (host, script) = (host.clone(), script.clone());
            // A stop does not keep this from being done: it is a part of it.
            Box::pin(async move { host.probe(&script, PATIENCE).await }) as BoxFuture<'_, _>
        };
        let removed = timeout(PATIENCE, self.reach::<Probe>(&step.host, Box::new(operation))).await;
        match removed {
            Ok(reached) => match reached? {
                Reached::Done(probe) if probe.status.is_none() => {
                    tracing::warn!(host = step.host, "what is left of the deployment stays for now");
                }
                Reached::Done(_) | Reached::NotBegun => {}
                Reached::Failed(error) | Reached::Unreachable(error) => {
                    tracing::warn!(host = step.host, %error, "what is left of the deployment stays for now");
                }
            },
            Err(_) => {
                tracing::warn!(host = step.host, "what is left of the deployment stays for now");
                self.set_hindrance(&step.host, None).await?;
            }
        }
        Ok(())
    }
}
