//! From the plan of a deployment to the plan that brings it back.

use steadyhand_domain::Stage;

use crate::{CompiledPlan, CompiledStep, CompiledTask, Rollout, compile::finish};

/// What is carried out to bring a deployment back: its image and its settings are kept, so nothing is fetched and nothing is built,
/// and its own commands (`hooks`), which change data, are left out. `None` when `plan` deploys nothing.
#[must_use]
pub fn release(plan: &CompiledPlan) -> Option<CompiledPlan> {
    let is_needed = |step: &&CompiledStep| match step.stage {
        Some(Stage::Prepare | Stage::Start | Stage::Health | Stage::Switch | Stage::Drain) => true,
        Some(Stage::Fetch | Stage::Detect | Stage::Build | Stage::Hooks | Stage::After) | None => false,
    };
    let steps: Vec<CompiledStep> = (0..)
        .zip(plan.steps.iter().filter(is_needed))
        .map(|(index, step)| CompiledStep { index, ..step.clone() })
        .collect();
    let first = steps.first()?;
    let task = CompiledTask {
        name: first.task.clone(),
        needs: Vec::new(),
        hosts: vec![first.host.clone()],
        rollout: Rollout::default(),
    };
    Some(finish(plan.name.clone(), &plan.hosts, vec![task], steps, plan.notify.clone()))
}
