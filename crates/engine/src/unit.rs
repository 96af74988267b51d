//! One task on one host: its steps, one after another.

mod end;

use std::time::Duration;

use steadyhand_domain::{Desired, Reason, RunEvent, RunState, StepEvent, StepOutcome, StepState};
use steadyhand_store::progress::Write;
use tokio::time::timeout;

use self::end::Ending;
use crate::{
    EngineError,
    attempt::AttemptEnd,
    execute::{Execution, Progress, Status, lock},
    schedule::{UnitEnd, UnitId},
};

/// How long the feed may take to tell of what another process has stored, before the store is asked again.
const HEARD_WITHIN: Duration = Duration::from_millis(200);

/// What the conditions and guards of a step said.
pub(crate) enum Need {
    Needed,
    Held(Reason),
    Failed(Reason),
    Stopped,
}

/// What a unit does next, between two of its steps.
enum Go {
    On,
    Stop,
    /// This step failed elsewhere, and ends the run.
    Cut(String),
}

impl Progress {
    /// Its first attempt was recorded.
    fn begun(&self) -> Result<Self, EngineError> {
        Ok(Self { state: self.state.next(StepEvent::Started)?, attempt: 1, attempt_ended: false, ..*self })
    }

    fn after(&self, event: StepEvent) -> Result<Self, EngineError> {
        Ok(Self { state: self.state.next(event)?, ..*self })
    }
}

fn first_attempt(step: &Progress) -> Result<[Write<'static>; 2], EngineError> {
    Ok([step.write(StepEvent::Started, None)?, Write::AttemptBegan { step: step.id, attempt: 1 }])
}

/// How a step failed.
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    pub(crate) outcome: Option<StepOutcome>,
    /// That it began, where that is not recorded yet.
    pub(crate) began: Option<Write<'static>>,
}

impl Execution<'_> {
    /// Carries out what is left of a unit.
    pub(crate) async fn unit(&self, id: UnitId) -> Result<(), EngineError> {
        let steps = lock(&self.schedule).unit(id).steps.clone();
        let mut ending = self.ending_of(&steps);
        let mut index = steps.start;
        while index < steps.end {
            let step = self.progress(index);
            if step.state.is_final() {
                index += 1;
                continue;
            }
            if step.state == StepState::Pending {
                match self.may_go_on(id, ending.is_some()).await? {
                    Go::On => {}
                    Go::Stop => return self.end(id, UnitEnd::Stopped, index, Vec::new(), None).await,
                    Go::Cut(step) => {
                        let cut = Ending { end: UnitEnd::Cut, step };
                        if self.owed(&steps).is_empty() {
                            let reason = cut.reason();
                            return self.end(id, UnitEnd::Cut, index, Vec::new(), Some(&reason)).await;
                        }
                        self.skip_but_owed(&steps, Vec::new(), &cut.reason()).await?;
                        ending = Some(cut);
                        continue;
                    }
                }
                match self.need(index).await? {
                    // It may have taken a while to find that out.
                    Need::Needed if ending.is_none() && lock(&self.schedule).unit_ended_by(id).is_some() => {
                        continue;
                    }
                    Need::Needed => {
                        let mut desired = self.desired();
                        desired.mark_unchanged();
                        if !self.begin(index).await? {
                            // Another process has stored a request a moment ago, and the feed is about to tell of it.
                            let _ = timeout(HEARD_WITHIN, desired.changed()).await;
                            continue;
                        }
                    }
                    Need::Held(reason) => {
                        let writes = vec![step.write(StepEvent::Skipped, Some(&reason))?];
                        let after = step.after(StepEvent::Skipped)?;
                        if ending.is_none() && self.is_last(id, index) {
                            self.note(index, after);
                            return self.end(id, UnitEnd::Done, steps.end, writes, None).await;
                        }
                        self.commit(&writes).await?;
                        self.note(index, after);
                        continue;
                    }
                    Need::Failed(reason) => {
                        // Its guard could not be asked: it fails without an attempt.
                        let began = step.write(StepEvent::Started, None)?;
                        self.note(index, step.after(StepEvent::Started)?);
                        let failure =
                            Failure { reason: self.masked(&reason), outcome: None, began: Some(began) };
                        if self.after_failure(id, index, &failure, &mut ending).await? {
                            return Ok(());
                        }
                        continue;
                    }
                    Need::Stopped => continue,
                }
            }
            let held = self.held_for(index).await;
            if held.is_none() && step.state == StepState::Running && step.attempt == 0 {
                // Its guard could not be asked before, and a person wants it to be tried again.
                match self.need(index).await? {
                    Need::Needed | Need::Stopped => {}
                    Need::Held(_) => {
                        let after = step.after(StepEvent::Succeeded)?;
                        self.commit(&[step.succeeded(false, None)?]).await?;
                        self.note(index, after);
                        continue;
                    }
                    Need::Failed(reason) => {
                        let failure = Failure { reason: self.masked(&reason), outcome: None, began: None };
                        if self.after_failure(id, index, &failure, &mut ending).await? {
                            return Ok(());
                        }
                        continue;
                    }
                }
            }
            let attempted = match held {
                // The process before was waiting for a person, and so does this one.
                Some(reason) => AttemptEnd::Failed { reason, outcome: None },
                None => self.attempts(index).await?,
            };
            match attempted {
                AttemptEnd::Succeeded { outcome, changed } => {
                    let step = self.progress(index);
                    let outcome = outcome.as_ref();
                    let ended = Write::AttemptEnded { step: step.id, attempt: step.attempt, outcome };
                    let output = self.recorded_output(index);
                    let writes = vec![ended, step.succeeded(changed, output.as_ref())?];
                    let after = Progress { changed, ..step.after(StepEvent::Succeeded)? };
                    if ending.is_none() && self.is_last(id, index) {
                        self.note(index, after);
                        return self.end(id, UnitEnd::Done, steps.end, writes, None).await;
                    }
                    self.complete(id, index, &writes, after, ending.is_some()).await?;
                }
                AttemptEnd::Stopped(outcome) => {
                    let stopped = self.failed(index, &Reason::RunStopped, outcome.as_ref())?;
                    return self.end(id, UnitEnd::Stopped, index + 1, stopped, None).await;
                }
                AttemptEnd::Failed { reason, outcome } => {
                    let failure = Failure { reason: self.masked(&reason), outcome, began: None };
                    if self.after_failure(id, index, &failure, &mut ending).await? {
                        return Ok(());
                    }
                }
            }
        }
        match ending {
            None => self.end(id, UnitEnd::Done, steps.end, Vec::new(), None).await,
            Some(Ending { end, step }) => self.end_of(id, end, &step, steps.end, Vec::new(), None).await,
        }
    }

    /// Between two steps: waits as long as a pause is asked for.
    async fn may_go_on(&self, unit: UnitId, is_ending: bool) -> Result<Go, EngineError> {
        let mut desired = self.desired();
        loop {
            let wanted = *desired.borrow_and_update();
            if wanted == Desired::Stopped {
                return Ok(Go::Stop);
            }
            let cut = lock(&self.schedule).unit_ended_by(unit).map(str::to_owned);
            if let Some(step) = cut.filter(|_| !is_ending) {
                return Ok(Go::Cut(step));
            }
            if wanted == Desired::Running {
                let mut status = self.status.lock().await;
                // A decision that a person is to make is told while this is held.
                if *desired.borrow() == Desired::Running {
                    self.resumed(&mut status).await?;
                    return Ok(Go::On);
                }
                continue;
            }
            self.status.lock().await.paused += 1;
            self.pause_when_all_wait().await?;
            tokio::select! {
                // The sender lives as long as this run is executed.
                _ = desired.changed() => {}
                () = self.cut.cancelled(), if !is_ending && !self.cut.is_cancelled() => {}
            }
            self.status.lock().await.paused -= 1;
        }
    }

    /// The run is paused once each of its units waits between two steps.
    pub(crate) async fn pause_when_all_wait(&self) -> Result<(), EngineError> {
        let mut status = self.status.lock().await;
        let going = lock(&self.schedule).going();
        if going > 0 && status.paused == going && status.state == RunState::InProgress {
            self.transition(&mut status, RunEvent::PausedBetweenSteps).await?;
        }
        Ok(())
    }

    pub(crate) async fn transition(&self, status: &mut Status, event: RunEvent) -> Result<(), EngineError> {
        let state = status.state.next(event)?;
        self.commit(&[Write::Run { event, state }]).await?;
        status.state = state;
        Ok(())
    }

    /// Records that a step and its first attempt are about to start, unless something else was asked for in the
    /// meantime; says whether it did.
    async fn begin(&self, index: usize) -> Result<bool, EngineError> {
        let step = self.progress(index);
        let began = self.commit_and(&[], &first_attempt(&step)?).await?;
        if began {
            self.note(index, step.begun()?);
        }
        Ok(began)
    }

    /// Records that a step succeeded, and in the same transaction that the next one of its unit is about to start, when
    /// nothing stands between them: one commit a step.
    async fn complete(
        &self,
        unit: UnitId,
        index: usize,
        writes: &[Write<'_>],
        after: Progress,
        is_ending: bool,
    ) -> Result<(), EngineError> {
        let unit_end = lock(&self.schedule).unit(unit).steps.end;
        let stands_between =
            is_ending || index + 1 == unit_end || lock(&self.schedule).unit_ended_by(unit).is_some();
        let next = if stands_between || self.step(index + 1).has_questions() {
            None
        } else {
            Some(self.progress(index + 1)).filter(|next| next.state == StepState::Pending)
        };
        let beginning = next.as_ref().map(first_attempt).transpose()?;
        let beginning = beginning.as_ref().map_or(&[][..], |writes| writes);
        let began = self.commit_and(writes, beginning).await?;
        self.note(index, after);
        if let Some(next) = next.filter(|_| began) {
            self.note(index + 1, next.begun()?);
        }
        Ok(())
    }

    /// The end of a step that failed or was stopped.
    fn failed<'w>(
        &self,
        index: usize,
        reason: &'w Reason,
        outcome: Option<&'w StepOutcome>,
    ) -> Result<Vec<Write<'w>>, EngineError> {
        let step = self.progress(index);
        let mut writes = vec![step.write(StepEvent::Failed, Some(reason))?];
        if step.attempt > 0 && !step.attempt_ended {
            writes.push(Write::AttemptEnded { step: step.id, attempt: step.attempt, outcome });
        }
        Ok(writes)
    }

    /// A reason without the secrets that a command or a server may have put into its message.
    fn masked(&self, reason: &Reason) -> Reason {
        let mut reason = reason.clone();
        if let Reason::Error { message } | Reason::Connection { message, .. } = &mut reason {
            *message = self.hidden(message);
        }
        reason
    }

    /// A text without the secrets that this process knows.
    pub(crate) fn hidden(&self, text: &str) -> String {
        self.masker.as_ref().map_or_else(|| text.to_owned(), |masker| masker.text(text).into_owned())
    }
}
