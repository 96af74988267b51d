//! From a run to the plan that takes it back.

use crate::{CompiledPlan, CompiledStep, CompiledTask, Rollout, compile::finish};

/// The plan that undoes those steps of `plan` that `is_done` and say how: backwards, one task after another, each host of a
/// task at the same time; and for each of its steps the index of the one that it undoes. `None` when there is nothing to
/// undo.
#[must_use]
pub fn undo(
    plan: &CompiledPlan,
    is_done: impl Fn(&CompiledStep) -> bool,
) -> Option<(CompiledPlan, Vec<u32>)> {
    let mut tasks: Vec<CompiledTask> = Vec::new();
    let (mut steps, mut undone): (Vec<CompiledStep>, Vec<u32>) = (Vec::new(), Vec::new());
    for task in plan.tasks.iter().rev() {
        let mut hosts = Vec::new();
        for host in &task.hosts {
            let of_unit = plan.steps.iter().rev().filter(|step| step.task == task.name && step.host == *host);
            let before = steps.len();
            for step in of_unit.filter(|step| is_done(step)) {
                let Some(undo) = &step.undo else { continue };
                undone.push(step.index);
                steps.push(CompiledStep {
                    index: u32::try_from(steps.len()).unwrap_or(u32::MAX),
                    task: task.name.clone(),
                    host: host.clone(),
                    name: format!("undo “{}”", step.name),
                    ..undo.as_ref().clone()
                });
            }
            if steps.len() > before {
                hosts.push(host.clone());
            }
        }
        if !hosts.is_empty() {
            let needs = tasks.last().map(|before| before.name.clone()).into_iter().collect();
            let name = task.name.clone();
            tasks.push(CompiledTask { name, needs, hosts, rollout: Rollout::default() });
        }
    }
    if steps.is_empty() {
        return None;
    }
    Some((finish(plan.name.clone(), &plan.hosts, tasks, steps, plan.notify.clone()), undone))
}
