//! What ends a unit, and what follows from its end: for its own steps, for other units, and for the run.

use std::ops::Range;

use steadyhand_domain::{Choice, Reason, StepEvent, StepState};
use steadyhand_plan::OnFailure;
use steadyhand_store::progress::Write;

use super::Failure;
use crate::{
    EngineError,
    execute::{Execution, Left, lock},
    held::Held,
    schedule::{Ended, UnitEnd, UnitId},
};

/// Why a unit that still has handlers to run will end before its last step.
pub(super) struct Ending {
    pub(super) end: UnitEnd,
    /// The step that failed, in this unit or elsewhere.
    pub(super) step: String,
}

impl Ending {
    pub(super) fn reason(&self) -> Reason {
        Reason::EarlierStepFailed { step: self.step.clone() }
    }
}

impl Execution<'_> {
    /// What becomes of a unit one of whose steps has failed; says whether it has ended.
    pub(super) async fn after_failure(
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
    pub(super) fn ending_of(&self, steps: &Range<usize>) -> Option<Ending> {
        let mut left = steps.clone().filter_map(|index| Some((index, self.left.get(&index)?)));
        let failed = left.clone().find(|(_, left)| matches!(left, Left::Failed));
        let (index, left) = failed.or_else(|| left.next())?;
        Some(match left {
            Left::Failed => Ending { end: UnitEnd::Failed, step: self.step(index).name.clone() },
            Left::CutBy(step) => Ending { end: UnitEnd::Cut, step: step.clone() },
        })
    }

    /// The handlers of a unit that were called for and have not come.
    pub(super) fn owed(&self, steps: &Range<usize>) -> Vec<usize> {
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
    pub(super) async fn skip_but_owed(
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

    /// Whether no step of a unit is left to do after this one. Its end is then the unit's, in one commit: what follows
    /// from that, such as a person's decision, must not be lost in between.
    pub(super) fn is_last(&self, unit: UnitId, index: usize) -> bool {
        let end = lock(&self.schedule).unit(unit).steps.end;
        (index + 1..end).all(|later| self.progress(later).state.is_final())
    }

    pub(super) async fn end<'w>(
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
    pub(super) async fn end_of<'w>(
        &self,
        id: UnitId,
        end: UnitEnd,
        failed: &str,
        from: usize,
        mut writes: Vec<Write<'w>>,
        reason: Option<&'w Reason>,
    ) -> Result<(), EngineError> {
        if end != UnitEnd::Done {
            self.abandon(id).await?;
        }
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
