//! What is recorded of a run, for the process that is to execute it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use steadyhand_domain::{Choice, Desired, Reason, RunId, StepState};
use steadyhand_plan::{CompiledStep, OnFailure};
use steadyhand_store::{
    deployments, environments,
    records::{Decision, Hindrance, Step},
    runs,
    steps::{self, LogSizes},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Execution, Progress, Status};
use crate::{
    EngineError, Masker, RunSpec,
    attempt::{Elevated, KnownFacts, KnownOutputs},
    engine::Shared,
    schedule::{Schedule, StepPlace},
};

/// Why a unit is to end, as an earlier process has recorded it.
pub(crate) enum Left {
    /// This step of it failed.
    Failed,
    /// A step of this name failed elsewhere.
    CutBy(String),
}

/// A step of which a person has decided that it is not tried again, where the process before could not record its end.
fn decided(index: u32, step: &Step) -> Option<Hindrance> {
    let last = step.attempts.last();
    let is_over = last.is_none_or(|last| last.ended_at.is_some());
    let decision = step.decision.as_ref()?;
    let is_about_it = decision.attempt == last.map_or(0, |last| last.number);
    if step.state != StepState::Running || !is_over || !is_about_it || decision.choice == Choice::Retry {
        return None;
    }
    let reason = match last.and_then(|last| last.outcome.clone()) {
        Some(outcome) => Reason::Outcome { outcome },
        None => Reason::Error { message: "it could not be carried out".to_owned() },
    };
    Some(Hindrance::StepHeld {
        step_id: step.id,
        index,
        step: step.name.clone(),
        host: step.host.clone(),
        reason_text: reason.to_string(),
        reason,
    })
}

/// Whether the failure of a step does not count, because the plan or a person says so.
fn is_tolerated(compiled: &CompiledStep, step: &Step) -> bool {
    let is_skipped = |decision: &Decision| {
        decision.choice == Choice::Skip
            && step.attempts.last().map_or(0, |attempt| attempt.number) == decision.attempt
    };
    match compiled.on_failure {
        OnFailure::Fail => false,
        OnFailure::Continue => true,
        OnFailure::Hold => step.decision.as_ref().is_some_and(is_skipped),
    }
}

impl<'a> Execution<'a> {
    /// The run as it is recorded, with what can be told of it from that alone.
    pub(super) async fn load(
        shared: &'a Arc<Shared>,
        id: RunId,
        desired: watch::Receiver<Desired>,
    ) -> Result<Self, EngineError> {
        let mut db = shared.store.read().await?;
        let spec = RunSpec::from_json(id, &runs::compiled_json(&mut db, id).await?)?;
        let steps = steps::of_run(&mut db, id, &LogSizes::default()).await?;
        let mut deployment = deployments::of_run(&mut db, id).await?;
        if let Some(environment) = environments::stopped_by(&mut db, id).await? {
            // Its stage is told about what it stops.
            deployment = deployments::current(&mut db, environment).await?;
        }
        let before = runs::get(&mut db, id).await?.map(|run| run.hindrances).unwrap_or_default();
        // What a person was asked to look at is still to be looked at; the rest was the other process's.
        let hindrances: BTreeMap<String, Hindrance> = before
            .iter()
            .filter_map(|hindrance| match hindrance {
                Hindrance::Held { task, .. } => Some((format!("task {task}"), hindrance.clone())),
                Hindrance::StepHeld { index, .. } => Some((format!("step {index}"), hindrance.clone())),
                _ => None,
            })
            .collect();
        let was_hindered = hindrances.len() < before.len();
        // Requests are heard already; this one may have come before.
        let (state, asked) = runs::state(&mut db, id).await?;
        shared.control.tell(id, asked);
        drop(db);
        // Without the values nothing could be hidden in what the hosts say.
        shared.missing_secrets(&spec).await?;
        let reached =
            steps.iter().filter(|step| !step.attempts.is_empty()).map(|step| step.host.clone()).collect();
        let schedule = Schedule::new(&spec.plan, spec.options.continue_on_error, |index| {
            let step = steps.get(index);
            let of = |step: &Step| match StepPlace::of(step.state, step.reason.as_ref()) {
                StepPlace::Failed if is_tolerated(&spec.plan.steps[index], step) => StepPlace::Done,
                place => place,
            };
            step.map_or(StepPlace::Open, of)
        });
        let left = (0..).zip(&steps).filter_map(|(index, step)| {
            let left = match (step.state, &step.reason) {
                (StepState::Skipped, Some(Reason::EarlierStepFailed { step })) => Left::CutBy(step.clone()),
                (StepState::Failed, _) if !is_tolerated(&spec.plan.steps[index], step) => Left::Failed,
                _ => return None,
            };
            Some((index, left))
        });
        let left = left.collect();
        let is_running = |step: &Step| {
            step.state == StepState::Running
                && step.attempts.last().is_some_and(|last| last.ended_at.is_none())
        };
        let was_running =
            (0..).zip(&steps).filter(|(_, step)| is_running(step)).map(|(index, _)| index).collect();
        let mut hindrances = hindrances;
        hindrances.extend(
            (0..)
                .zip(&steps)
                .filter_map(|(index, step)| decided(index, step).map(|held| (format!("step {index}"), held))),
        );
        let outputs = KnownOutputs::recorded(&steps);
        let steps = steps
            .into_iter()
            .map(|step| Progress {
                id: step.id,
                state: step.state,
                attempt: step.attempts.last().map_or(0, |attempt| attempt.number),
                attempt_ended: step.attempts.last().is_some_and(|attempt| attempt.ended_at.is_some()),
                changed: step.changed == Some(true),
            })
            .collect();
        Ok(Self {
            masker: Masker::new(&shared.all_secrets(&spec)).map(Arc::new),
            shared,
            id,
            deployment,
            spec: Arc::new(spec),
            desired,
            steps: Mutex::new(steps),
            left,
            facts: KnownFacts::default(),
            elevated: Elevated::default(),
            asking: Mutex::default(),
            outputs,
            was_running,
            reached: Mutex::new(reached),
            schedule: Mutex::new(schedule),
            cut: CancellationToken::new(),
            status: tokio::sync::Mutex::new(Status { state, was_hindered, hindrances, paused: 0 }),
        })
    }
}
