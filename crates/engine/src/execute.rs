//! Executing one run: its steps in order, each recorded before it is acted on.

use std::{collections::HashSet, sync::Arc, time::Duration};

use steadyhand_domain::{
    Desired, Reason, RunEvent, RunId, RunState, StepEvent, StepId, StepOutcome, StepState,
};
use steadyhand_plan::CompiledStep;
use steadyhand_store::{
    StoreError,
    progress::Write,
    records::Hindrance,
    runs,
    steps::{self, LogSizes},
};
use tokio::{sync::watch, time::timeout};
use tracing::Instrument;

use crate::{
    EngineError, Masker, RunSpec, attempt::AttemptEnd, engine::Shared, questions::ASKING, record, recover,
};

/// How long the feed may take to tell of what another process has stored, before the store is asked again.
const HEARD_WITHIN: Duration = Duration::from_millis(200);

/// Begins to execute a run that this process owns.
pub(crate) fn spawn(shared: &Arc<Shared>, id: RunId) {
    let Some(desired) = shared.control.begin(id, Desired::Running) else { return };
    let shared = shared.clone();
    let tasks = shared.tasks.clone();
    let span = tracing::info_span!("run", run.id = %id);
    let ending = Ending { shared: shared.clone(), id };
    tasks.spawn(
        ASKING
            .scope(id, async move {
                let _ending = ending;
                let closing = shared.closing.clone();
                match closing.run_until_cancelled(execute(&shared, id, desired)).await {
                    None => release(&shared, id).await,
                    Some(Ok(())) => {
                        // A host that has fallen silent does not keep the process from ending.
                        let tidied = closing.run_until_cancelled(recover::tidy(&shared, id)).await;
                        if let Some(Err(error)) = tidied {
                            tracing::debug!(%error, "its records stay on the hosts for now");
                        }
                    }
                    Some(Err(EngineError::Store(StoreError::OwnerLost(_)))) => {
                        tracing::info!("another process has taken it over");
                    }
                    Some(Err(error)) => {
                        tracing::error!(%error, "cannot be executed");
                        if let Err(error) = fail_as_a_whole(&shared, id, &error).await {
                            tracing::error!(%error, "and that could not be recorded");
                            shared.give_up(id);
                            release(&shared, id).await;
                        }
                    }
                }
            })
            .instrument(span),
    );
}

/// Lets requests of a run go unheard once it is no longer executed, however that came.
struct Ending {
    shared: Arc<Shared>,
    id: RunId,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.give_up(self.id);
        }
        self.shared.control.end(self.id);
    }
}

/// A run that cannot be executed for a reason of Steadyhand's own has failed: it neither holds its project nor says
/// "in progress" for ever.
async fn fail_as_a_whole(shared: &Shared, id: RunId, error: &EngineError) -> Result<(), EngineError> {
    let (steps, mut state) = {
        let mut db = shared.store.read().await?;
        let steps = steps::of_run(&mut db, id, &LogSizes::default()).await?;
        (steps, runs::state(&mut db, id).await?.0)
    };
    let message = format!("Steadyhand could not go on with this run: {error}");
    let reason = Reason::Error { message };
    let mut writes = Vec::new();
    for event in match state {
        RunState::Started => &[RunEvent::Began, RunEvent::StepFailed][..],
        RunState::Paused => &[RunEvent::Resumed, RunEvent::StepFailed],
        _ => &[RunEvent::StepFailed],
    } {
        state = state.next(*event)?;
        writes.push(Write::Run { event: *event, state });
    }
    let mut first = true;
    for step in steps.iter().filter(|step| !step.state.is_final()) {
        let mut step = Progress { id: step.id, state: step.state, attempt: 0, attempt_ended: true };
        if first && step.state == StepState::Pending {
            writes.push(step.write(StepEvent::Started, None)?);
            step.state = step.state.next(StepEvent::Started)?;
        }
        let event = if step.state == StepState::Running { StepEvent::Failed } else { StepEvent::Skipped };
        writes.push(step.write(event, Some(&reason))?);
        first = false;
    }
    record::commit(&shared.store, id, shared.owner.name(), &writes, &[]).await?;
    shared.feed.committed();
    Ok(())
}

async fn release(shared: &Shared, id: RunId) {
    let released = async {
        let mut db = shared.store.write().await?;
        runs::release(&mut db, id, shared.owner.name()).await?;
        db.commit().await?;
        Ok::<_, StoreError>(())
    };
    if let Err(error) = released.await {
        tracing::warn!(%error, "could not be released; others take it over when its lease lapses");
    }
}

/// A step as its executor keeps it in mind.
#[derive(Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) id: StepId,
    pub(crate) state: StepState,
    /// The last attempt that was begun; 0 before the first.
    pub(crate) attempt: u32,
    /// Whether that attempt's end is recorded.
    pub(crate) attempt_ended: bool,
}

/// One run under execution.
pub(crate) struct Execution<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) id: RunId,
    pub(crate) spec: Arc<RunSpec>,
    pub(crate) steps: Vec<Progress>,
    pub(crate) desired: watch::Receiver<Desired>,
    /// Hosts on which something of this run has been begun.
    pub(crate) reached: HashSet<String>,
    pub(crate) hindrance: Option<Hindrance>,
    /// Finds the secrets that this process knows in logs and messages.
    pub(crate) masker: Option<Arc<Masker>>,
    state: RunState,
}

impl Progress {
    /// Its first attempt was recorded.
    fn begun(&mut self) -> Result<(), EngineError> {
        self.state = self.state.next(StepEvent::Started)?;
        (self.attempt, self.attempt_ended) = (1, false);
        Ok(())
    }
}

fn first_attempt(step: &Progress) -> Result<[Write<'static>; 2], EngineError> {
    Ok([step.write(StepEvent::Started, None)?, Write::AttemptBegan { step: step.id, attempt: 1 }])
}

/// What a guard said.
pub(crate) enum Need {
    Needed,
    Held(Reason),
    Failed(Reason),
    Stopped,
}

async fn execute(
    shared: &Arc<Shared>,
    id: RunId,
    desired: watch::Receiver<Desired>,
) -> Result<(), EngineError> {
    let mut execution = Execution::load(shared, id, desired).await?;
    if execution.state == RunState::Started {
        execution.transition(RunEvent::Began).await?;
    }
    execution.set_hindrance(None).await?;
    loop {
        let Some(index) = execution.steps.iter().position(|step| !step.state.is_final()) else {
            return execution.transition(RunEvent::EveryStepEnded).await;
        };
        if execution.steps[index].state == StepState::Pending {
            if !execution.may_go_on().await? {
                return execution.stop_here(index).await;
            }
            match execution.need(index).await? {
                Need::Needed => {
                    if !execution.begin(index).await? {
                        // Another process has stored a request a moment ago, and the feed is about to tell of it.
                        let _ = timeout(HEARD_WITHIN, execution.desired.changed()).await;
                        continue;
                    }
                }
                Need::Held(reason) => {
                    execution.step_transition(index, StepEvent::Skipped, Some(&reason)).await?;
                    continue;
                }
                Need::Failed(reason) => return execution.fail_guard(index, &reason).await,
                Need::Stopped => continue,
            }
        }
        match execution.attempts(index).await? {
            AttemptEnd::Succeeded(outcome) => execution.complete(index, outcome).await?,
            AttemptEnd::Stopped(outcome) => return execution.stop(index, outcome.as_ref()).await,
            AttemptEnd::Failed { reason, outcome } => {
                return execution.fail(index, &reason, outcome.as_ref()).await;
            }
        }
    }
}

impl<'a> Execution<'a> {
    async fn load(
        shared: &'a Arc<Shared>,
        id: RunId,
        desired: watch::Receiver<Desired>,
    ) -> Result<Self, EngineError> {
        let mut db = shared.store.read().await?;
        let spec = RunSpec::from_json(id, &runs::compiled_json(&mut db, id).await?)?;
        let steps = steps::of_run(&mut db, id, &LogSizes::default()).await?;
        let hindrance = runs::get(&mut db, id).await?.and_then(|run| run.hindrance);
        // Requests are heard already; this one may have come before.
        let (state, asked) = runs::state(&mut db, id).await?;
        shared.control.tell(id, asked);
        let reached =
            steps.iter().filter(|step| !step.attempts.is_empty()).map(|step| step.host.clone()).collect();
        let steps = steps
            .into_iter()
            .map(|step| Progress {
                id: step.id,
                state: step.state,
                attempt: step.attempts.last().map_or(0, |attempt| attempt.number),
                attempt_ended: step.attempts.last().is_some_and(|attempt| attempt.ended_at.is_some()),
            })
            .collect();
        let masker = Masker::new(&shared.all_secrets(&spec)).map(Arc::new);
        Ok(Self { shared, id, spec: Arc::new(spec), steps, desired, reached, hindrance, masker, state })
    }

    pub(crate) fn step(&self, index: usize) -> &CompiledStep {
        &self.spec.plan.steps[index]
    }

    /// Commits `writes` in one transaction.
    pub(crate) async fn commit(&self, writes: &[Write<'_>]) -> Result<(), EngineError> {
        self.commit_and(writes, &[]).await.map(|_| ())
    }

    /// Commits `writes` in one transaction, together with `if_running` when nothing else was asked for than to go on;
    /// says whether that was so.
    async fn commit_and(&self, writes: &[Write<'_>], if_running: &[Write<'_>]) -> Result<bool, EngineError> {
        let mut patience = self.shared.patience();
        let went_on = loop {
            let owner = self.shared.owner.name();
            let result = record::commit(&self.shared.store, self.id, owner, writes, if_running).await;
            if let Some(result) = patience.settle(result).await {
                break result?;
            }
        };
        self.shared.feed.committed();
        Ok(went_on)
    }

    async fn transition(&mut self, event: RunEvent) -> Result<(), EngineError> {
        let state = self.state.next(event)?;
        self.commit(&[Write::Run { event, state }]).await?;
        self.state = state;
        Ok(())
    }

    pub(crate) async fn set_hindrance(&mut self, hindrance: Option<Hindrance>) -> Result<(), EngineError> {
        if self.hindrance == hindrance {
            return Ok(());
        }
        self.commit(&[Write::Hindrance(hindrance.as_ref())]).await?;
        self.hindrance = hindrance;
        Ok(())
    }

    async fn step_transition(
        &mut self,
        index: usize,
        event: StepEvent,
        reason: Option<&Reason>,
    ) -> Result<(), EngineError> {
        let write = self.steps[index].write(event, reason)?;
        self.commit(&[write]).await?;
        self.steps[index].state = self.steps[index].state.next(event)?;
        Ok(())
    }

    /// Between two steps: pauses as long as that is asked for. Says false when the run is to stop.
    async fn may_go_on(&mut self) -> Result<bool, EngineError> {
        loop {
            let desired = *self.desired.borrow_and_update();
            match desired {
                Desired::Stopped => return Ok(false),
                Desired::Running => {
                    if self.state == RunState::Paused {
                        self.transition(RunEvent::Resumed).await?;
                    }
                    return Ok(true);
                }
                Desired::Paused => {
                    if self.state == RunState::InProgress {
                        self.transition(RunEvent::PausedBetweenSteps).await?;
                    }
                    // The sender lives as long as this run is executed.
                    let _ = self.desired.changed().await;
                }
            }
        }
    }

    /// Records that a step and its first attempt are about to start, unless something else was asked for in the
    /// meantime; says whether it did.
    async fn begin(&mut self, index: usize) -> Result<bool, EngineError> {
        let began = self.commit_and(&[], &first_attempt(&self.steps[index])?).await?;
        if began {
            self.steps[index].begun()?;
        }
        Ok(began)
    }

    /// Records that a step succeeded, and in the same transaction that the next one is about to start, when nothing
    /// stands between them: one commit a step.
    async fn complete(&mut self, index: usize, outcome: Option<StepOutcome>) -> Result<(), EngineError> {
        let step = &self.steps[index];
        let writes = [
            Write::AttemptEnded { step: step.id, attempt: step.attempt, outcome: outcome.as_ref() },
            step.write(StepEvent::Succeeded, None)?,
        ];
        let next = match self.steps.get(index + 1) {
            Some(next) if next.state == StepState::Pending && self.step(index + 1).guards.is_empty() => {
                first_attempt(next)?.to_vec()
            }
            _ => Vec::new(),
        };
        let began = self.commit_and(&writes, &next).await? && !next.is_empty();
        self.steps[index].state = self.steps[index].state.next(StepEvent::Succeeded)?;
        if began { self.steps[index + 1].begun() } else { Ok(()) }
    }

    /// The end of a step that failed or was stopped.
    fn failed<'w>(
        &self,
        index: usize,
        reason: &'w Reason,
        outcome: Option<&'w StepOutcome>,
    ) -> Result<Vec<Write<'w>>, EngineError> {
        let step = &self.steps[index];
        let mut writes = vec![step.write(StepEvent::Failed, Some(reason))?];
        if step.attempt > 0 && !step.attempt_ended {
            writes.push(Write::AttemptEnded { step: step.id, attempt: step.attempt, outcome });
        }
        Ok(writes)
    }

    /// A step failed: the rest is skipped, and the run has failed, all in one commit.
    async fn fail(
        &mut self,
        index: usize,
        reason: &Reason,
        outcome: Option<&StepOutcome>,
    ) -> Result<(), EngineError> {
        let reason = &self.masked(reason);
        let failed = self.failed(index, reason, outcome)?;
        let step = self.step(index).name.clone();
        self.end_from(index + 1, &Reason::EarlierStepFailed { step }, RunEvent::StepFailed, failed).await
    }

    /// A reason without the secrets that a command or a server may have put into its message.
    fn masked(&self, reason: &Reason) -> Reason {
        let mut reason = reason.clone();
        if let (Some(masker), Reason::Error { message } | Reason::Connection { message, .. }) =
            (&self.masker, &mut reason)
        {
            *message = masker.text(message).into_owned();
        }
        reason
    }

    /// A step was stopped: the rest is skipped, and the run has been stopped, all in one commit.
    async fn stop(&mut self, index: usize, outcome: Option<&StepOutcome>) -> Result<(), EngineError> {
        let stopped = self.failed(index, &Reason::RunStopped, outcome)?;
        self.end_from(index + 1, &Reason::RunStopped, RunEvent::Stopped, stopped).await
    }

    /// A step's guard could not be asked: the step has failed without an attempt, and the run with it, all in one commit.
    async fn fail_guard(&mut self, index: usize, reason: &Reason) -> Result<(), EngineError> {
        let reason = &self.masked(reason);
        let step = &self.steps[index];
        let begun = Progress { state: step.state.next(StepEvent::Started)?, ..*step };
        let writes =
            vec![step.write(StepEvent::Started, None)?, begun.write(StepEvent::Failed, Some(reason))?];
        let step = self.step(index).name.clone();
        self.end_from(index + 1, &Reason::EarlierStepFailed { step }, RunEvent::StepFailed, writes).await
    }

    /// The run was stopped before the step `index`.
    async fn stop_here(&mut self, index: usize) -> Result<(), EngineError> {
        self.end_from(index, &Reason::RunStopped, RunEvent::Stopped, Vec::new()).await
    }

    /// Ends the run: commits `before`, skips what is left from `index` on, and takes `event`.
    async fn end_from<'w>(
        &mut self,
        index: usize,
        reason: &'w Reason,
        event: RunEvent,
        before: Vec<Write<'w>>,
    ) -> Result<(), EngineError> {
        let state = self.state.next(event)?;
        let mut writes = before;
        let skipped = self.steps[index.min(self.steps.len())..]
            .iter()
            .filter(|step| step.state == StepState::Pending)
            .map(|step| step.write(StepEvent::Skipped, Some(reason)))
            .collect::<Result<Vec<_>, _>>()?;
        writes.extend(skipped);
        writes.push(Write::Run { event, state });
        self.commit(&writes).await?;
        self.state = state;
        Ok(())
    }

    /// Waits until a stop is asked for.
    pub(crate) async fn stop_asked(desired: &mut watch::Receiver<Desired>) {
        if desired.wait_for(|desired| *desired == Desired::Stopped).await.is_err() {
            // The sender lives as long as this run is executed.
            std::future::pending::<()>().await;
        }
    }
}
