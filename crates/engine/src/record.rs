//! Recording what an executor does: one commit for what belongs together.

use steadyhand_domain::{IllegalStepTransition, Reason, RunId, StepEvent};
use steadyhand_store::{
    Store, StoreError, Writer, deployments,
    progress::{self, Write},
    records::Output,
};

use crate::{execute::Progress, notify::outbox};

impl Progress {
    /// The change of its state by `event`.
    pub(crate) fn write<'a>(
        &self,
        event: StepEvent,
        reason: Option<&'a Reason>,
    ) -> Result<Write<'a>, IllegalStepTransition> {
        Ok(Write::Step {
            step: self.id,
            event,
            state: self.state.next(event)?,
            reason,
            changed: None,
            output: None,
        })
    }

    /// That it succeeded, whether it has changed something, and what it has written for later steps.
    pub(crate) fn succeeded<'a>(
        &self,
        changed: bool,
        output: Option<&'a Output>,
    ) -> Result<Write<'a>, IllegalStepTransition> {
        let event = StepEvent::Succeeded;
        let (state, changed) = (self.state.next(event)?, Some(changed));
        Ok(Write::Step { step: self.id, event, state, reason: None, changed, output })
    }
}

/// A transaction for what a run is to record in which `owner` owns it.
pub(crate) async fn owned(store: &Store, run: RunId, owner: &str) -> Result<Writer, StoreError> {
    let mut db = store.write().await?;
    progress::record(&mut db, run, owner, &[], &[], crate::now()).await?;
    Ok(db)
}

/// Commits `writes` in one transaction in which `owner` owns the run, together with `if_running` when nothing else
/// was asked for than to go on; says whether that was so. The deployment that the run
/// makes, if it `deploys`, follows.
pub(crate) async fn commit(
    store: &Store,
    run: RunId,
    owner: &str,
    deploys: bool,
    writes: &[Write<'_>],
    if_running: &[Write<'_>],
) -> Result<bool, StoreError> {
    let mut db = store.write().await?;
    let now = crate::now();
    let goes_on = progress::record(&mut db, run, owner, writes, if_running, now).await?;
    let recorded = [writes, if goes_on { if_running } else { &[] }];
    if deploys {
        deployments::follow(&mut db, run, &recorded, now).await?;
    }
    outbox::add_end(&mut db, run, owner, &recorded, now).await?;
    db.commit().await?;
    Ok(goes_on)
}
