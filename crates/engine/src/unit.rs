//! One task on one host: its steps, one after another.

use std::{ops::Range, time::Duration};

use steadyhand_domain::{Choice, Desired, Reason, RunEvent, RunState, StepEvent, StepOutcome, StepState};
use steadyhand_plan::OnFailure;
use steadyhand_store::progress::Write;
use tokio::time::timeout;

use crate::{
    EngineError,
    attempt::AttemptEnd,
    execute::{Execution, Left, Progress, Status, lock},
    held::Held,
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

/// Why a unit that still has handlers to run will end before its last step.
struct Ending {
    end: UnitEnd,
    /// The step that failed, in this unit or elsewhere.
    step: String,
}

impl Ending {
    fn reason(&self) -> Reason {
        Reason::EarlierStepFailed { step: self.step.clone() }
    }
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

    /// What becomes of a unit one of whose steps has failed; says whether it has ended.
    async fn after_failure(
        &self,
        id: UnitId,
        index: usize,
        failure: &Failure,
        ending: &mut Option<Ending>,
    ) -> Result<bool, EngineError> {
        let steps = lock(&self.schedule).unit(id).steps.clone();
        let on_failure = self.step(index).on_failure;
        let held = match on_failure {
            OnFailure::Hold => Some(self.hold_step(index, failure).await?),
            OnFailure::Fail | OnFailure::Continue => None,
        };
        match held {
            Some(Held::Decided(Choice::Retry)) => return Ok(false),
            Some(Held::Stopped) => {
                let stopped = self.failed(index, &failure.reason, None)?;
                return self.end(id, UnitEnd::Stopped, index + 1, stopped, None).await.map(|()| true);
            }
            Some(Held::Decided(Choice::Skip | Choice::Fail)) | None => {}
        }
        let mut failed: Vec<Write<'_>> = failure.began.iter().filter(|_| held.is_none()).cloned().collect();
        failed.extend(self.failed(index, &failure.reason, failure.outcome.as_ref())?);
        let after = self.progress(index).after(StepEvent::Failed)?;
        if on_failure == OnFailure::Continue || matches!(held, Some(Held::Decided(Choice::Skip))) {
            if ending.is_none() && self.is_last(id, index) {
                self.note(index, after);
                return self.end(id, UnitEnd::Done, steps.end, failed, None).await.map(|()| true);
            }
            self.commit(&failed).await?;
            self.note(index, after);
            return Ok(false);
        }
        let step = self.step(index).name.clone();
        let failed_here = Ending { end: UnitEnd::Failed, step: step.clone() };
        let owed = if self.step(index).handler.is_some() { Vec::new() } else { self.owed(&steps) };
        if owed.is_empty() {
            let reason = failed_here.reason();
            return self
                .end_of(id, UnitEnd::Failed, &step, index + 1, failed, Some(&reason))
                .await
                .map(|()| true);
        }
        self.note(index, after);
        self.skip_but_owed(&steps, failed, &failed_here.reason()).await?;
        *ending = Some(failed_here);
        Ok(false)
    }

    /// Whether a unit that an earlier process began was coming to its end, and only its handlers were left.
    fn ending_of(&self, steps: &Range<usize>) -> Option<Ending> {
        let mut left = steps.clone().filter_map(|index| Some((index, self.left.get(&index)?)));
        let failed = left.clone().find(|(_, left)| matches!(left, Left::Failed));
        let (index, left) = failed.or_else(|| left.next())?;
        Some(match left {
            Left::Failed => Ending { end: UnitEnd::Failed, step: self.step(index).name.clone() },
            Left::CutBy(step) => Ending { end: UnitEnd::Cut, step: step.clone() },
        })
    }

    /// The handlers of a unit that were called for and have not come.
    fn owed(&self, steps: &Range<usize>) -> Vec<usize> {
        let is_open = |index: &usize| self.progress(*index).state == StepState::Pending;
        steps.clone().filter(|index| is_open(index) && self.is_called_for(*index)).collect()
    }

    /// Whether a step of the same unit has changed something, and calls for the handler that this one belongs to.
    pub(crate) fn is_called_for(&self, index: usize) -> bool {
        let handler = self.step(index);
        let Some(name) = &handler.handler else { return false };
        self.spec
            .plan
            .steps
            .iter()
            .filter(|step| (&step.task, &step.host) == (&handler.task, &handler.host))
            .any(|step| step.notify.contains(name) && self.progress(step.index as usize).changed)
    }

    /// Commits `writes`, and that all of a unit that is left is skipped but for the handlers that were called for.
    async fn skip_but_owed(
        &self,
        steps: &Range<usize>,
        mut writes: Vec<Write<'_>>,
        reason: &Reason,
    ) -> Result<(), EngineError> {
        let mut skipped = Vec::new();
        for index in steps.clone() {
            let step = self.progress(index);
            if step.state == StepState::Pending && !self.is_called_for(index) {
                let not_notified = self.step(index).handler.is_some();
                let reason = if not_notified { &Reason::NotNotified } else { reason };
                writes.push(step.write(StepEvent::Skipped, Some(reason))?);
                skipped.push((index, step.after(StepEvent::Skipped)?));
            }
        }
        self.commit(&writes).await?;
        for (index, after) in skipped {
            self.note(index, after);
        }
        Ok(())
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

    async fn end<'w>(
        &self,
        id: UnitId,
        end: UnitEnd,
        from: usize,
        writes: Vec<Write<'w>>,
        reason: Option<&'w Reason>,
    ) -> Result<(), EngineError> {
        self.end_of(id, end, "", from, writes, reason).await
    }

    /// Ends a unit: commits `writes` together with what follows from its end. Its own steps from `from` on are skipped for
    /// `reason`, as are the units that will never begin now; and the run ends when nothing is left of it. `failed` is the step
    /// that failed, if one did.
    async fn end_of<'w>(
        &self,
        id: UnitId,
        end: UnitEnd,
        failed: &str,
        from: usize,
        mut writes: Vec<Write<'w>>,
        reason: Option<&'w Reason>,
    ) -> Result<(), EngineError> {
        let mut status = self.status.lock().await;
        let (own, cuts, hold, run_end) = {
            let mut schedule = lock(&self.schedule);
            let own = from..schedule.unit(id).steps.end;
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
