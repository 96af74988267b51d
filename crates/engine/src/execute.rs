//! Executing one run: every task on each of its hosts as soon as its turn comes, each step recorded before it is acted on.

mod load;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use steadyhand_domain::{Desired, Reason, RunEvent, RunId, RunState, StepEvent, StepId, StepState};
use steadyhand_plan::CompiledStep;
use steadyhand_store::{
    StoreError,
    progress::Write,
    records::{Deployment, Hindrance},
    runs,
    steps::{self, LogSizes},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

pub(crate) use self::load::Left;
use crate::{
    EngineError, Masker, RunSpec,
    attempt::{Elevated, KnownFacts, KnownOutputs},
    engine::Shared,
    record, recover,
    schedule::{Between, RunEnd, Schedule, UnitId},
};

/// Begins to execute a run that this process owns.
pub(crate) fn spawn(shared: &Arc<Shared>, id: RunId) {
    let Some(desired) = shared.control.begin(id, Desired::Running) else { return };
    let shared = shared.clone();
    let tasks = shared.tasks.clone();
    let span = tracing::info_span!("run", run.id = %id);
    let ending = Ending { shared: shared.clone(), id };
    tasks.spawn(
        async move {
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
        }
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
        let mut step =
            Progress { id: step.id, state: step.state, attempt: 0, attempt_ended: true, changed: false };
        if first && step.state == StepState::Pending {
            writes.push(step.write(StepEvent::Started, None)?);
            step.state = step.state.next(StepEvent::Started)?;
        }
        let event = if step.state == StepState::Running { StepEvent::Failed } else { StepEvent::Skipped };
        writes.push(step.write(event, Some(&reason))?);
        first = false;
    }
    // Whether it deploys may be what could not be found out.
    record::commit(&shared.store, id, shared.owner.name(), true, &writes, &[]).await?;
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
    /// Whether it has changed something, or in the run that this one goes on from, and its handlers are still to come.
    pub(crate) changed: bool,
}

/// One run under execution. Its units share it; each changes only the steps of its own.
pub(crate) struct Execution<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) id: RunId,
    /// The deployment that it makes, as it was when this process took the run: what becomes of it follows from what is recorded.
    pub(crate) deployment: Option<Deployment>,
    pub(crate) spec: Arc<RunSpec>,
    /// Finds the secrets that this process knows in logs and messages.
    pub(crate) masker: Option<Arc<Masker>>,
    desired: watch::Receiver<Desired>,
    steps: Mutex<Vec<Progress>>,
    /// Steps after which their units had only handlers left, when this process took the run over.
    pub(crate) left: HashMap<usize, Left>,
    /// What the hosts have told about themselves.
    pub(crate) facts: KnownFacts,
    /// Steps of which an attempt was running when this process took the run over.
    pub(crate) was_running: HashSet<usize>,
    /// What steps have written, for later ones.
    pub(crate) outputs: KnownOutputs,
    /// As whom steps can be carried out.
    pub(crate) elevated: Elevated,
    /// Held while a host is asked that.
    pub(crate) asking: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Hosts on which something of this run has been begun.
    reached: Mutex<HashSet<String>>,
    pub(crate) schedule: Mutex<Schedule>,
    /// Cancelled once a failure keeps everything else from beginning.
    pub(crate) cut: CancellationToken,
    /// Changes of it are committed one after another, in the order in which they are made.
    pub(crate) status: tokio::sync::Mutex<Status>,
}

/// What is recorded of a run as a whole.
pub(crate) struct Status {
    pub(crate) state: RunState,
    /// Whether the process before left something that kept the run from going on.
    was_hindered: bool,
    /// What keeps a host or a task from going on, by its name.
    pub(crate) hindrances: BTreeMap<String, Hindrance>,
    /// Units that wait because a pause was asked for.
    pub(crate) paused: usize,
}

async fn execute(
    shared: &Arc<Shared>,
    id: RunId,
    desired: watch::Receiver<Desired>,
) -> Result<(), EngineError> {
    let execution = Execution::load(shared, id, desired).await?;
    execution.begin_run().await?;
    let mut going = FuturesUnordered::new();
    loop {
        while let Some(unit) = execution.next_unit() {
            going.push(execution.unit(unit).boxed());
        }
        while let Some(between) = execution.next_rest() {
            going.push(execution.rest(between).boxed());
        }
        // Nothing else may be awaited here: what a unit holds, it lets go of only when it is polled.
        match going.next().await {
            Some(ended) => ended?,
            None => break,
        }
    }
    execution.end_run().await
}

impl Execution<'_> {
    /// Says that this process executes the run, and that nothing hinders it any more.
    async fn begin_run(&self) -> Result<(), EngineError> {
        let mut status = self.status.lock().await;
        let mut writes = Vec::new();
        let mut state = status.state;
        let hindrances: Vec<Hindrance> = status.hindrances.values().cloned().collect();
        if status.was_hindered {
            writes.push(Write::Hindrances(&hindrances));
        }
        if state == RunState::Started {
            state = state.next(RunEvent::Began)?;
            writes.push(Write::Run { event: RunEvent::Began, state });
        }
        if !writes.is_empty() {
            self.commit(&writes).await?;
        }
        (status.state, status.was_hindered) = (state, false);
        let holds = lock(&self.schedule).holds();
        for between in &holds {
            self.hold(&mut status, &[], between).await?;
        }
        Ok(())
    }

    /// Ends a run in which nothing is left to begin, unless the last unit did so: the process before may have been killed
    /// in between.
    async fn end_run(&self) -> Result<(), EngineError> {
        let mut status = self.status.lock().await;
        if status.state.is_final() {
            return Ok(());
        }
        let stopped = *self.desired.borrow() == Desired::Stopped;
        let otherwise = if stopped { RunEnd::Stopped } else { RunEnd::Failed };
        let end = lock(&self.schedule).end().unwrap_or(otherwise);
        let steps = lock(&self.steps).clone();
        let (writes, state) = self.run_end(end, &steps, status.state)?;
        self.commit(&writes).await?;
        status.state = state;
        Ok(())
    }

    /// The writes of a run's end: what is still pending is skipped.
    pub(crate) fn run_end(
        &self,
        end: RunEnd,
        steps: &[Progress],
        from: RunState,
    ) -> Result<(Vec<Write<'static>>, RunState), EngineError> {
        let event = match end {
            RunEnd::Completed => RunEvent::EveryStepEnded,
            RunEnd::Failed => RunEvent::StepFailed,
            RunEnd::Stopped => RunEvent::Stopped,
        };
        let pending = steps.iter().filter(|step| step.state == StepState::Pending);
        let mut writes = pending
            .map(|step| step.write(StepEvent::Skipped, Some(&Reason::RunStopped)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut state = from;
        if state == RunState::Paused && event != RunEvent::Stopped {
            state = state.next(RunEvent::Resumed)?;
            writes.push(Write::Run { event: RunEvent::Resumed, state });
        }
        state = state.next(event)?;
        writes.push(Write::Run { event, state });
        Ok((writes, state))
    }

    fn next_unit(&self) -> Option<UnitId> {
        lock(&self.schedule).begin()
    }

    fn next_rest(&self) -> Option<Between> {
        lock(&self.schedule).begin_rest()
    }

    pub(crate) fn step(&self, index: usize) -> &CompiledStep {
        &self.spec.plan.steps[index]
    }

    pub(crate) fn progress(&self, index: usize) -> Progress {
        lock(&self.steps)[index]
    }

    /// Notes what was committed of a step.
    pub(crate) fn note(&self, index: usize, progress: Progress) {
        lock(&self.steps)[index] = progress;
    }

    pub(crate) fn all_steps(&self) -> Vec<Progress> {
        lock(&self.steps).clone()
    }

    /// What is asked of the run, for somebody who waits for changes of it.
    pub(crate) fn desired(&self) -> watch::Receiver<Desired> {
        self.desired.clone()
    }

    pub(crate) fn was_reached(&self, host: &str) -> bool {
        lock(&self.reached).contains(host)
    }

    pub(crate) fn note_reached(&self, host: &str) {
        lock(&self.reached).insert(host.to_owned());
    }

    /// Commits `writes` in one transaction.
    pub(crate) async fn commit(&self, writes: &[Write<'_>]) -> Result<(), EngineError> {
        self.commit_and(writes, &[]).await.map(|_| ())
    }

    /// Commits `writes` in one transaction, together with `if_running` when nothing else was asked for than to go on;
    /// says whether that was so.
    pub(crate) async fn commit_and(
        &self,
        writes: &[Write<'_>],
        if_running: &[Write<'_>],
    ) -> Result<bool, EngineError> {
        let mut patience = self.shared.patience();
        let went_on = loop {
            let owner = self.shared.owner.name();
            let result = record::commit(
                &self.shared.store,
                self.id,
                owner,
                self.deployment.is_some(),
                writes,
                if_running,
            )
            .await;
            if let Some(result) = patience.settle(result).await {
                break result?;
            }
        };
        self.shared.feed.committed();
        Ok(went_on)
    }

    /// Records what keeps a host from going on, or that nothing does.
    pub(crate) async fn set_hindrance(
        &self,
        host: &str,
        hindrance: Option<Hindrance>,
    ) -> Result<(), EngineError> {
        let mut status = self.status.lock().await;
        if status.state.is_final() || status.hindrances.get(host) == hindrance.as_ref() {
            return Ok(());
        }
        match hindrance {
            Some(hindrance) => status.hindrances.insert(host.to_owned(), hindrance),
            None => status.hindrances.remove(host),
        };
        let hindrances: Vec<Hindrance> = status.hindrances.values().cloned().collect();
        self.commit(&[Write::Hindrances(&hindrances)]).await
    }

    /// Waits until a stop is asked for.
    pub(crate) async fn stop_asked(desired: &mut watch::Receiver<Desired>) {
        if desired.wait_for(|desired| *desired == Desired::Stopped).await.is_err() {
            // The sender lives as long as this run is executed.
            std::future::pending::<()>().await;
        }
    }
}

/// What a panic left is as good as what it found: each change of it is one assignment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
