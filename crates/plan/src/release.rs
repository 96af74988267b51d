//! From the plans of deployments to the plans that bring an earlier one back, or stop the one that serves.

use steadyhand_domain::Stage;

use crate::{Action, CompiledPlan, CompiledStep, CompiledTask, Rollout, compile::finish};

/// What is carried out to bring a deployment back whose plan was `earlier`, where the one of plan `current` serves. Its image
/// and its settings are kept by its host: nothing is fetched and nothing is built, and its own commands (`hooks`), which change
/// data, are left out. How it is healthy and which jobs it has are its own; under which names
/// it is reached is as it is now.
///
/// `None` when either plan deploys nothing, or when they deploy to different places.
#[must_use]
pub fn release(earlier: &CompiledPlan, current: &CompiledPlan) -> Option<CompiledPlan> {
    let of =
        |plan: &CompiledPlan, stage: Stage| plan.steps.iter().find(|step| step.stage == Some(stage)).cloned();
    let mut steps = vec![
        of(current, Stage::Prepare)?,
        of(current, Stage::Start)?,
        of(earlier, Stage::Health)?,
        of(current, Stage::Switch)?,
        of(current, Stage::Drain)?,
    ];
    steps.extend(earlier.steps.iter().filter(|step| step.stage == Some(Stage::After)).cloned());
    let (task, host) = (steps[0].task.clone(), steps[0].host.clone());
    if earlier.name != current.name || steps.iter().any(|step| step.host != host) {
        return None;
    }
    for (index, step) in (0..).zip(&mut steps) {
        *step = CompiledStep { index, task: task.clone(), ..step.clone() };
        if step.stage == Some(Stage::Start)
            && let Action::Resource { params, .. } = &mut step.action
        {
            // The host has them from then.
            params.retain(|param| param.name != "env");
        }
    }
    let task = CompiledTask { name: task, needs: Vec::new(), hosts: vec![host], rollout: Rollout::default() };
    Some(finish(current.name.clone(), &current.hosts, vec![task], steps, current.notify.clone()))
}

/// What is carried out to stop what a plan has deployed. `None` when it deploys nothing.
#[must_use]
pub fn standstill(current: &CompiledPlan) -> Option<CompiledPlan> {
    let switch = current.steps.iter().find(|step| step.stage == Some(Stage::Switch))?;
    let step = CompiledStep {
        index: 0,
        name: "Stop the containers".to_owned(),
        stage: Some(Stage::Stop),
        action: Action::Resource { resource: "app_stop".to_owned(), params: Vec::new() },
        id: None,
        ..switch.clone()
    };
    let (name, hosts) = (step.task.clone(), vec![step.host.clone()]);
    let task = CompiledTask { name, needs: Vec::new(), hosts, rollout: Rollout::default() };
    Some(finish(current.name.clone(), &current.hosts, vec![task], vec![step], current.notify.clone()))
}
