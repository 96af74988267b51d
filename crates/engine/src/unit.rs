//! One task on one host: its steps, one after another.

use std::time::Duration;

use steadyhand_domain::{Desired, Reason, RunEvent, RunState, StepEvent, StepOutcome, StepState};
use steadyhand_store::progress::Write;
use tokio::time::timeout;

use crate::{
    EngineError,
    attempt::AttemptEnd,
    execute::{Execution, Progress, Status, lock},
    schedule::{Ended, UnitEnd, UnitId},
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
    /// A step failed elsewhere, and ends the run.
    Cut(Reason),
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

impl Execution<'_> {
    /// Carries out what is left of a unit.
    pub(crate) async fn unit(&self, id: UnitId) -> Result<(), EngineError> {
        let steps = lock(&self.schedule).unit(id).steps.clone();
        let mut index = steps.start;
        while index < steps.end {
            let step = self.progress(index);
            if step.state.is_final() {
                index += 1;
                continue;
            }
            if step.state == StepState::Pending {
                match self.may_go_on(id).await? {
                    Go::On => {}
                    Go::Stop => return self.end(id, UnitEnd::Stopped, index, Vec::new(), None).await,
                    Go::Cut(reason) => {
                        return self.end(id, UnitEnd::Cut, index, Vec::new(), Some(&reason)).await;
                    }
                }
                match self.need(index).await? {
                    // It may have taken a while to find that out.
                    Need::Needed if lock(&self.schedule).unit_ended_by(id).is_some() => continue,
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
                        if self.is_last(id, index) {
                            self.note(index, after);
                            return self.end(id, UnitEnd::Done, steps.end, writes, None).await;
                        }
                        self.commit(&writes).await?;
                        self.note(index, after);
                        continue;
                    }
                    Need::Failed(reason) => return self.fail_guard(id, index, &reason).await,
                    Need::Stopped => continue,
                }
            }
            match self.attempts(index).await? {
                AttemptEnd::Succeeded(outcome) => {
                    let step = self.progress(index);
                    let outcome = outcome.as_ref();
                    let writes = vec![
                        Write::AttemptEnded { step: step.id, attempt: step.attempt, outcome },
                        step.write(StepEvent::Succeeded, None)?,
                    ];
                    let after = step.after(StepEvent::Succeeded)?;
                    if self.is_last(id, index) {
                        self.note(index, after);
                        return self.end(id, UnitEnd::Done, steps.end, writes, None).await;
                    }
                    self.complete(id, index, &writes, after).await?;
                }
                AttemptEnd::Stopped(outcome) => {
                    let stopped = self.failed(index, &Reason::RunStopped, outcome.as_ref())?;
                    return self.end(id, UnitEnd::Stopped, index + 1, stopped, None).await;
                }
                AttemptEnd::Failed { reason, outcome } => {
                    let reason = self.masked(&reason);
                    let failed = self.failed(index, &reason, outcome.as_ref())?;
                    return self.end_failed(id, index, failed).await;
                }
            }
        }
        self.end(id, UnitEnd::Done, steps.end, Vec::new(), None).await
    }

    /// Between two steps: waits as long as a pause is asked for.
    async fn may_go_on(&self, unit: UnitId) -> Result<Go, EngineError> {
        let mut desired = self.desired();
        loop {
            let wanted = *desired.borrow_and_update();
            if wanted == Desired::Stopped {
                return Ok(Go::Stop);
            }
            let cut = lock(&self.schedule).unit_ended_by(unit).map(str::to_owned);
            if let Some(step) = cut {
                return Ok(Go::Cut(Reason::EarlierStepFailed { step }));
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
                () = self.cut.cancelled(), if !self.cut.is_cancelled() => {}
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

    /// Whether no step of a unit is left to do after this one. Its end is then the unit's, in one commit: what follows
    /// from that, such as a person's decision, must not be lost in between.
    fn is_last(&self, unit: UnitId, index: usize) -> bool {
        let end = lock(&self.schedule).unit(unit).steps.end;
        (index + 1..end).all(|later| self.progress(later).state.is_final())
    }

    /// Records that a step succeeded, and in the same transaction that the next one of its unit is about to start, when
    /// nothing stands between them: one commit a step.
    async fn complete(
        &self,
        unit: UnitId,
        index: usize,
        writes: &[Write<'_>],
        after: Progress,
    ) -> Result<(), EngineError> {
        let stands_between = lock(&self.schedule).unit_ended_by(unit).is_some();
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

    /// A step's guard could not be asked: the step has failed without an attempt.
    async fn fail_guard(&self, unit: UnitId, index: usize, reason: &Reason) -> Result<(), EngineError> {
        let reason = &self.masked(reason);
        let step = self.progress(index);
        let started = step.after(StepEvent::Started)?;
        let writes =
            vec![step.write(StepEvent::Started, None)?, started.write(StepEvent::Failed, Some(reason))?];
        self.note(index, started);
        self.end_failed(unit, index, writes).await
    }

    /// A step failed: the rest of its unit is skipped.
    async fn end_failed(
        &self,
        unit: UnitId,
        index: usize,
        writes: Vec<Write<'_>>,
    ) -> Result<(), EngineError> {
        let reason = Reason::EarlierStepFailed { step: self.step(index).name.clone() };
        self.end(unit, UnitEnd::Failed, index + 1, writes, Some(&reason)).await
    }

    /// Ends a unit: commits `writes` together with what follows from its end. Its own steps from `from` on are skipped for
    /// `reason`, as are the units that will never begin now; and the run ends when nothing is left of it.
    async fn end<'w>(
        &self,
        id: UnitId,
        end: UnitEnd,
        from: usize,
        mut writes: Vec<Write<'w>>,
        reason: Option<&'w Reason>,
    ) -> Result<(), EngineError> {
        let mut status = self.status.lock().await;
        let (own, cuts, hold, run_end) = {
            let mut schedule = lock(&self.schedule);
            let own = from..schedule.unit(id).steps.end;
            let failed = from.checked_sub(1).map_or("", |index| self.step(index).name.as_str());
            let Ended { cuts, hold } = schedule.ended(id, end, failed);
            let cuts: Vec<_> =
                cuts.into_iter().map(|cut| (schedule.unit(cut.unit).steps.clone(), cut.reason)).collect();
            if schedule.ended_by().is_some() {
                self.cut.cancel();
            }
            (own, cuts, hold, schedule.end())
        };
        let mut skipped = Vec::new();
        for (steps, reason) in reason
            .map(|reason| (own, reason))
            .into_iter()
            .chain(cuts.iter().map(|(steps, reason)| (steps.clone(), reason)))
        {
            for index in steps {
                let step = self.progress(index);
                if step.state == StepState::Pending {
                    writes.push(step.write(StepEvent::Skipped, Some(reason))?);
                    skipped.push(index);
                }
            }
        }
        for index in skipped {
            self.note(index, self.progress(index).after(StepEvent::Skipped)?);
        }
        let mut state = status.state;
        if let Some(end) = run_end {
            let (last, after) = self.run_end(end, &self.all_steps(), state)?;
            writes.extend(last);
            state = after;
        }
        match hold {
            Some(between) => self.hold(&mut status, &writes, &between).await?,
            None if writes.is_empty() => {}
            None => self.commit(&writes).await?,
        }
        status.state = state;
        drop(status);
        // Those that wait may be the only ones now.
        self.pause_when_all_wait().await
    }
}
