//! A step that has failed and whose plan says `on_failure: hold`: it waits until a person decides.
//!
//! While it is held its state is `running`: another attempt may follow, and attempts are of one step. The other hosts go on.

use steadyhand_domain::{Choice, Reason, RunEvent, RunId, RunState, StepId};
use steadyhand_store::{
    StoreError,
    events::Event,
    progress::Write,
    records::{Decision, Hindrance, RunSummary},
    runs,
    steps::{self, LogSizes},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{Change, Engine, EngineError, execute::Execution, unit::Failure};

/// What was decided, or that the run is to stop.
pub(crate) enum Held {
    Decided(Choice),
    Stopped,
}

impl Engine {
    /// Decides what becomes of a step that has failed and is held.
    ///
    /// # Errors
    /// [`EngineError::NotHeld`] when the step is not, or when the database cannot be written.
    pub async fn decide(&self, step: StepId, choice: Choice, by: &str) -> Result<RunSummary, EngineError> {
        let mut db = self.shared.store.write().await?;
        let known =
            steps::get(&mut db, step, &LogSizes::default()).await?.ok_or(StoreError::UnknownStep(step))?;
        let run = runs::get(&mut db, known.run_id).await?.ok_or(StoreError::UnknownRun(known.run_id))?;
        let is_held = |hindrance: &Hindrance| matches!(hindrance, Hindrance::StepHeld { step_id, .. } if *step_id == step);
        if run.state.is_final() || !run.hindrances.iter().any(is_held) {
            return Err(EngineError::NotHeld { step: known.name, host: known.host, number: run.number });
        }
        let attempt = known.attempts.last().map_or(0, |attempt| attempt.number);
        steps::decide(&mut db, run.id, step, Decision { choice, attempt }, by, crate::now()).await?;
        db.commit().await.map_err(StoreError::from)?;
        self.shared.feed.committed();
        self.summary(run.id).await
    }

    /// Lets every held step of a run be tried again.
    pub(crate) async fn retry_held(&self, run: RunId, by: &str) -> Result<(), EngineError> {
        let known = self.summary(run).await?;
        for hindrance in &known.hindrances {
            let Hindrance::StepHeld { step_id, .. } = hindrance else { continue };
            match self.decide(*step_id, Choice::Retry, by).await {
                // Somebody decided meanwhile.
                Ok(_) | Err(EngineError::NotHeld { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The key of a held step among what keeps a run from going on.
fn key(index: usize) -> String {
    format!("step {index}")
}

impl Execution<'_> {
    /// Why a step is held, if it is: by the process before, or by this one.
    pub(crate) async fn held_for(&self, index: usize) -> Option<Reason> {
        match self.status.lock().await.hindrances.get(&key(index)) {
            Some(Hindrance::StepHeld { reason, .. }) => Some(reason.clone()),
            _ => None,
        }
    }

    /// Holds a step that has failed until a person decides.
    pub(crate) async fn hold_step(&self, index: usize, failure: &Failure) -> Result<Held, EngineError> {
        let mut changes = self.shared.feed.subscribe();
        let step = self.progress(index);
        {
            let mut status = self.status.lock().await;
            let mut hindrances = status.hindrances.clone();
            let compiled = self.step(index);
            let held = Hindrance::StepHeld {
                step_id: step.id,
                index: compiled.index,
                step: compiled.name.clone(),
                host: compiled.host.clone(),
                reason: failure.reason.clone(),
                reason_text: failure.reason.to_string(),
            };
            hindrances.insert(key(index), held);
            let listed: Vec<Hindrance> = hindrances.values().cloned().collect();
            let mut writes: Vec<Write<'_>> = failure.began.iter().cloned().collect();
            writes.push(Write::Hindrances(&listed));
            if step.attempt > 0 && !step.attempt_ended {
                let outcome = failure.outcome.as_ref();
                writes.push(Write::AttemptEnded { step: step.id, attempt: step.attempt, outcome });
            }
            self.commit(&writes).await?;
            status.hindrances = hindrances;
        }
        self.note(index, crate::execute::Progress { attempt_ended: true, ..step });
        self.status.lock().await.paused += 1;
        self.pause_when_all_wait().await?;
        let held = self.decided(step.id, step.attempt, &mut changes).await?;
        let mut status = self.status.lock().await;
        status.paused -= 1;
        let mut hindrances = status.hindrances.clone();
        hindrances.remove(&key(index));
        let listed: Vec<Hindrance> = hindrances.values().cloned().collect();
        let mut writes = vec![Write::Hindrances(&listed)];
        let mut state = status.state;
        if state == RunState::Paused && !matches!(held, Held::Stopped) {
            state = state.next(RunEvent::Resumed)?;
            writes.push(Write::Run { event: RunEvent::Resumed, state });
        }
        self.commit(&writes).await?;
        (status.state, status.hindrances) = (state, hindrances);
        Ok(held)
    }

    /// Waits until something was decided after an attempt of a step.
    async fn decided(
        &self,
        step: StepId,
        attempt: u32,
        changes: &mut Receiver<Change>,
    ) -> Result<Held, EngineError> {
        let mut desired = self.desired();
        loop {
            let decision = steps::decision(&mut *self.shared.store.read().await?, step).await?;
            if let Some(decision) = decision.filter(|decision| decision.attempt == attempt) {
                return Ok(Held::Decided(decision.choice));
            }
            tokio::select! {
                () = Self::stop_asked(&mut desired) => return Ok(Held::Stopped),
                () = heard(changes, step) => {}
            }
        }
    }
}

/// Waits until something was decided about a step, or some changes were missed.
async fn heard(changes: &mut Receiver<Change>, step: StepId) {
    loop {
        match changes.recv().await {
            Ok(Change::Event(change)) => {
                if matches!(change.event, Event::Decided { step_id, .. } if step_id == step) {
                    return;
                }
            }
            Ok(Change::Log(_) | Change::Questions | Change::Trouble(_)) => {}
            Err(RecvError::Lagged(_)) => return,
            // The feed lives as long as the engine.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
