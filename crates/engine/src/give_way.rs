//! A run that only looks still at what it has deployed gives way to the next one: nobody waits for a scan to bring back what was before.

use std::time::Duration;

use steadyhand_domain::ProjectId;
use steadyhand_store::runs;
use tokio::time::timeout;

use crate::{Engine, EngineError};

/// How long the end of such a run is waited for. Its host may not be reached at all.
const PATIENCE: Duration = Duration::from_secs(10);

impl Engine {
    /// Ends the run of a project that serves already and has nothing else to do than to look at what serves.
    pub(crate) async fn let_give_way(&self, project: ProjectId, by: &str) -> Result<(), EngineError> {
        // Before it is asked, so that no change is missed.
        let mut changes = self.changes();
        let found = runs::only_looks_still(&mut *self.store().read().await?, project).await?;
        // The first step after a deployment sets its jobs up, which is no looking.
        let Some(run) = found else { return Ok(()) };
        match self.stop(run, by).await {
            // It has ended meanwhile, or somebody else is ending it.
            Ok(_) | Err(EngineError::Ended { .. } | EngineError::NotNow { .. }) => {}
            Err(error) => return Err(error),
        }
        let ended = async {
            while !self.summary(run).await?.state.is_final() {
                // One that was missed is as good as one that was seen.
                let _ = changes.recv().await;
            }
            Ok(())
        };
        timeout(PATIENCE, ended).await.unwrap_or(Ok(()))
    }
}
