//! What an executor records: changes as data, committed together.

use steadyhand_domain::{
    Desired, IllegalStepTransition, Reason, RunEvent, RunId, RunState, StepEvent, StepId, StepOutcome,
    StepState, Timestamp,
};
use steadyhand_store::{Store, StoreError, Writer, records::Hindrance, runs, steps};

use crate::execute::Progress;

/// One change of a run.
#[derive(Clone)]
pub(crate) enum Write<'a> {
    /// The run's state.
    Run { event: RunEvent, state: RunState },
    /// What keeps it from going on.
    Hindrance(Option<&'a Hindrance>),
    /// A step's state.
    Step { step: StepId, event: StepEvent, state: StepState, reason: Option<&'a Reason> },
    /// An attempt is about to be made.
    AttemptBegan { step: StepId, attempt: u32 },
    /// An attempt ended.
    AttemptEnded { step: StepId, attempt: u32, outcome: Option<&'a StepOutcome> },
}

impl<'a> Write<'a> {
    /// The change of a step's state by `event`.
    pub(crate) fn step(
        step: &Progress,
        event: StepEvent,
        reason: Option<&'a Reason>,
    ) -> Result<Self, IllegalStepTransition> {
        Ok(Self::Step { step: step.id, event, state: step.state.next(event)?, reason })
    }

    async fn apply(
        &self,
        db: &mut Writer,
        run: RunId,
        owner: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match self {
            Self::Run { event, state } => runs::set_state(db, run, owner, *event, *state, now).await,
            Self::Hindrance(hindrance) => runs::set_hindrance(db, run, owner, *hindrance, now).await,
            Self::Step { step, event, state, reason } => {
                steps::set_state(db, run, *step, *event, *state, *reason, now).await
            }
            Self::AttemptBegan { step, attempt } => steps::begin_attempt(db, run, *step, *attempt, now).await,
            Self::AttemptEnded { step, attempt, outcome } => {
                steps::end_attempt(db, run, *step, *attempt, *outcome, now).await
            }
        }
    }
}

/// Commits `writes` in one transaction in which `owner` owns the run, together with `if_running` when nothing else
/// was asked for than to go on; says whether that was so.
pub(crate) async fn commit(
    store: &Store,
    run: RunId,
    owner: &str,
    writes: &[Write<'_>],
    if_running: &[Write<'_>],
) -> Result<bool, StoreError> {
    let mut db = store.write().await?;
    let now = crate::now();
    runs::check_owner(&mut db, run, owner).await?;
    for write in writes {
        write.apply(&mut db, run, owner, now).await?;
    }
    let goes_on = runs::state(&mut db, run).await?.1 == Desired::Running;
    if goes_on {
        for write in if_running {
            write.apply(&mut db, run, owner, now).await?;
        }
    }
    db.commit().await?;
    Ok(goes_on)
}
