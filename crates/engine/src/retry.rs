//! Running what an earlier run executed once more, from the beginning or from where it ended.

use std::collections::{BTreeMap, HashMap};

use steadyhand_domain::{DeploymentState, Reason, RunId, StepState, Trigger};
use steadyhand_plan::{Action, CompiledPlan, CompiledStep};
use steadyhand_store::{
    StoreError, deployments, environments,
    records::{Deployment, DeploymentSource, Output, RunSummary, Step},
    runs,
    steps::{self, LogSizes},
};

use crate::{Engine, EngineError, Look, NewDeployment, NewRun};

/// What is run again of an earlier run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Again {
    /// All of it.
    #[default]
    Whole,
    /// What it did not complete.
    Rest,
    /// What it did not complete, as the current plan has it.
    RestOfCurrentPlan,
}

impl Engine {
    pub(crate) async fn with_steps(&self, run: RunId) -> Result<(RunSummary, Vec<Step>), EngineError> {
        let mut db = self.store().read().await?;
        let earlier = runs::get(&mut db, run).await?.ok_or(StoreError::UnknownRun(run))?;
        Ok((earlier, steps::of_run(&mut db, run, &LogSizes::default()).await?))
    }

    /// Runs what an earlier run executed again.
    ///
    /// # Errors
    /// As [`Engine::spec`] and [`Engine::start`]; for a part of it [`EngineError::NotNow`] while it has not ended,
    /// [`EngineError::NothingLeft`], and [`EngineError::ChangedBefore`] when a step that it completed is another one in
    /// the current plan.
    pub async fn retry(&self, run: RunId, again: Again, by: &str) -> Result<RunSummary, EngineError> {
        let (earlier, steps) = self.with_steps(run).await?;
        let (mut spec, mut plan_sha256) = (self.spec(run).await?, earlier.plan_sha256.clone());
        let mut done = BTreeMap::new();
        if again != Again::Whole {
            if !earlier.state.is_final() {
                let why = "has not ended yet; wait for it, or stop it first";
                return Err(EngineError::NotNow { number: earlier.number, why });
            }
            let before = spec.plan.clone();
            if again == Again::RestOfCurrentPlan {
                (plan_sha256, spec) =
                    self.compile_current(earlier.project_id, &spec.options, Look::Again).await?;
            }
            done = done_before(&earlier, &steps, &before, &spec.plan)?;
            let is_left = |step: &CompiledStep| match (&step.handler, done.get(&step.index)) {
                (None, done) => done.is_none(),
                (Some(handler), _) => {
                    let owes =
                        |other: &&CompiledStep| other.notify.contains(handler) && same_unit(step, other);
                    let mut notifying = spec.plan.steps.iter().filter(owes);
                    notifying.any(|step| done.get(&step.index).is_some_and(|done| done.notifies))
                }
            };
            if !spec.plan.steps.iter().any(is_left) {
                return Err(EngineError::NothingLeft { number: earlier.number });
            }
        }
        // The stages of a deployment stand on what those before have left on the host under its name: it is made again as a whole.
        let is_left = |step: &CompiledStep| is_stage(step) && !done.contains_key(&step.index);
        let mut again = again;
        if again != Again::Whole && spec.plan.steps.iter().any(is_left) {
            let stages: Vec<u32> =
                spec.plan.steps.iter().filter(|step| is_stage(step)).map(|step| step.index).collect();
            done.retain(|index, _| !stages.contains(index));
            again = Again::Whole;
        }
        let deployment = self.deployed_again(&earlier, again).await?;
        let stops = environments::stopped_by(&mut *self.store().read().await?, run).await?;
        if let Some(environment) = stops {
            let current = deployments::current(&mut *self.store().read().await?, environment).await?;
            if let Some(current) = current.filter(|current| current.run_number > earlier.number) {
                let why = "a later deployment serves now, which this was not about; stop that one instead";
                return Err(EngineError::NotServing { environment: current.environment, why });
            }
        }
        self.start(NewRun {
            project_id: earlier.project_id,
            trigger: Trigger::Retry,
            started_by: by.to_owned(),
            plan_sha256,
            spec,
            done,
            deployment,
            stops,
        })
        .await
    }

    /// The deployment that is made when a run is run again. What is left of one that has served comes after the switch, and
    /// makes none.
    async fn deployed_again(
        &self,
        earlier: &RunSummary,
        again: Again,
    ) -> Result<Option<NewDeployment>, EngineError> {
        let mut db = self.store().read().await?;
        let Some(before) = deployments::of_run(&mut db, earlier.id).await? else { return Ok(None) };
        let Deployment { environment, takes_from, state, source, image, .. } = before;
        let has_served = matches!(state, DeploymentState::Ready | DeploymentState::Superseded);
        Ok(match again {
            // The commit is found out anew, and so is all that is known of it.
            Again::Whole => {
                let source = source.map(|source| DeploymentSource {
                    commit: None,
                    author: None,
                    message: None,
                    link: None,
                    sha256: None,
                    ..source
                });
                Some(NewDeployment { environment, takes_from, source, image: None })
            }
            Again::Rest | Again::RestOfCurrentPlan if has_served => None,
            Again::Rest | Again::RestOfCurrentPlan => {
                Some(NewDeployment { environment, takes_from, source, image })
            }
        })
    }
}

/// The run that did a step, if one did.
pub(crate) fn did(earlier: &RunSummary, step: &Step) -> Option<u32> {
    match (step.state, &step.reason) {
        (StepState::Completed, _) | (StepState::Skipped, Some(Reason::GuardHeld { .. })) => {
            Some(earlier.number)
        }
        (StepState::Skipped, Some(Reason::CompletedInRun { run })) => Some(*run),
        _ => None,
    }
}

/// Whether a step is carried out as a stage of a deployment.
fn is_stage(step: &CompiledStep) -> bool {
    step.stage.is_some() && matches!(step.action, Action::Resource { .. })
}

fn same_unit(a: &CompiledStep, b: &CompiledStep) -> bool {
    (&a.task, &a.host) == (&b.task, &b.host)
}

/// Whether a step has called for a handler that did not come.
fn notifies(step: &CompiledStep, before: &CompiledPlan, steps: &[Step]) -> bool {
    let recorded = |step: &CompiledStep| steps.get(step.index as usize);
    let changed = recorded(step).is_some_and(|recorded| recorded.changed == Some(true));
    let open = |handler: &CompiledStep| {
        recorded(handler).is_some_and(|recorded| recorded.state != StepState::Completed)
    };
    let handlers = before.steps.iter().filter(|other| {
        same_unit(step, other) && other.handler.as_ref().is_some_and(|name| step.notify.contains(name))
    });
    changed && handlers.into_iter().any(open)
}

/// What was done of a step before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The number of the run that did it.
    pub run: u32,
    /// Whether it has called for a handler that did not come.
    pub notifies: bool,
    /// What it has written, for later steps.
    pub output: Option<Output>,
}

/// The steps of `now` that were done when `before` was run: by their place in `now`, with the number of the run that did
/// each.
fn done_before(
    earlier: &RunSummary,
    steps: &[Step],
    before: &CompiledPlan,
    now: &CompiledPlan,
) -> Result<BTreeMap<u32, Done>, EngineError> {
    let places: HashMap<(&str, &str, usize), &CompiledStep> = placed(now).collect();
    let mut done = BTreeMap::new();
    // A handler comes when it is called for, whatever it did before.
    for (place, step) in placed(before).filter(|(_, step)| step.handler.is_none()) {
        let Some(run) = steps.get(step.index as usize).and_then(|recorded| did(earlier, recorded)) else {
            continue;
        };
        let same =
            places.get(&place).filter(|now| CompiledStep { index: step.index, ..(**now).clone() } == *step);
        let now = same.ok_or_else(|| EngineError::ChangedBefore {
            number: earlier.number,
            step: step.name.clone(),
            host: step.host.clone(),
        })?;
        let output = steps.get(step.index as usize).and_then(|recorded| recorded.output.clone());
        done.insert(now.index, Done { run, notifies: notifies(step, before, steps), output });
    }
    Ok(done)
}

/// Each step with its task, its host, and which of the steps there it is.
fn placed(plan: &CompiledPlan) -> impl Iterator<Item = ((&str, &str, usize), &CompiledStep)> {
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    plan.steps.iter().map(move |step| {
        let count = counts.entry((&step.task, &step.host)).or_insert(0);
        *count += 1;
        ((step.task.as_str(), step.host.as_str(), *count), step)
    })
}
