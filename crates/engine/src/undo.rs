//! Taking back what a run has done.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use steadyhand_domain::{RunId, StepState, Trigger};
use steadyhand_plan::CompiledStep;
use steadyhand_store::{records::RunSummary, runs};

use crate::{Engine, EngineError, NewRun, RunSpec, retry::did};

/// Runs that are looked at together in the search for those that took a run back.
const PAGE: u32 = 100;

/// What a run takes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undoes {
    /// The run whose steps it undoes.
    pub run: RunId,
    /// For each of its own steps, the index of the step that it undoes.
    pub steps: Vec<u32>,
}

impl Engine {
    /// Takes back what a run has done, as far as its plan says how: a new run of the `undo` of its completed steps,
    /// backwards. What an earlier run has taken back already is left alone.
    ///
    /// # Errors
    /// As [`Engine::start`]; [`EngineError::NotNow`] while it has not ended, [`EngineError::NothingToUndo`],
    /// [`EngineError::AlreadyUndone`].
    pub async fn undo(&self, run: RunId, by: &str) -> Result<RunSummary, EngineError> {
        let (earlier, steps) = self.with_steps(run).await?;
        if !earlier.state.is_final() {
            let why = "has not ended yet; wait for it, or stop it first";
            return Err(EngineError::NotNow { number: earlier.number, why });
        }
        let (undone, undone_by) = self.undone(&earlier).await?;
        let spec = self.spec(run).await?;
        let is_done = |step: &CompiledStep| {
            let recorded = steps.get(step.index as usize);
            recorded.is_some_and(|step| step.state == StepState::Completed && step.changed != Some(false))
        };
        let left = |step: &CompiledStep| is_done(step) && !undone.contains(&step.index);
        let Some((plan, steps)) = steadyhand_plan::undo(&spec.plan, left) else {
            let number = earlier.number;
            return Err(match undone_by {
                Some(by) => EngineError::AlreadyUndone { number, by },
                None => EngineError::NothingToUndo { number },
            });
        };
        self.start(NewRun {
            project_id: earlier.project_id,
            trigger: Trigger::Undo,
            started_by: by.to_owned(),
            plan_sha256: earlier.plan_sha256,
            spec: RunSpec { plan, undoes: Some(Undoes { run, steps }), ..spec },
            done: BTreeMap::new(),
            deployment: None,
            stops: None,
        })
        .await
    }

    /// The steps of a run that later runs took back, and the number of the last of those runs.
    async fn undone(&self, earlier: &RunSummary) -> Result<(BTreeSet<u32>, Option<u32>), EngineError> {
        let (mut undone, mut by, mut before) = (BTreeSet::new(), None, None);
        loop {
            let mut db = self.store().read().await?;
            let page = runs::list(&mut db, earlier.project_id, before, PAGE).await?;
            drop(db);
            for later in &page {
                if later.number <= earlier.number {
                    return Ok((undone, by));
                }
                if !matches!(later.trigger, Trigger::Undo | Trigger::Retry) {
                    continue;
                }
                // A record that this version cannot read tells nothing.
                let Ok(spec) = self.spec(later.id).await else { continue };
                let Some(undoes) = spec.undoes.filter(|undoes| undoes.run == earlier.id) else { continue };
                let (later, steps) = self.with_steps(later.id).await?;
                let done = undoes.steps.iter().zip(&steps).filter(|(_, step)| did(&later, step).is_some());
                let count = undone.len();
                undone.extend(done.map(|(index, _)| *index));
                if undone.len() > count {
                    by = by.or(Some(later.number));
                }
            }
            let Some(last) = page.last() else { return Ok((undone, by)) };
            before = Some(last.number);
        }
    }
}
