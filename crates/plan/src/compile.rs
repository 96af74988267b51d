//! From the plan and its inputs to the steps.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest, Sha256};
use steadyhand_domain::Guard;

mod action;

use crate::{
    CompiledHost, CompiledPlan, CompiledStep, CompiledTask, CompiledWhen, Diagnostic, FORMAT, Inputs,
    OnFailure, Retries,
    ast::{self, Plan, Step, Task},
    check::tidy,
    compiled::hex,
    diagnostic::Code,
    discovery,
    graph::order,
    groups::hosts_of,
    hosts,
    notify::{self, Notification},
    outputs::{Here, Ids},
    scope::{Budget, HostScope, Scope, variables},
    span::Spanned,
    title,
    when::{self, When},
};

/// The most steps of one run.
const MAX_STEPS: usize = 20_000;

/// Puts the inputs into the plan.
///
/// # Errors
/// Everything that is wrong with the inputs, each with the place in the source where it is needed.
pub fn compile(plan: &Plan, inputs: &Inputs) -> Result<CompiledPlan, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let budget = Budget::default();
    let vars = variables(plan, Some(&inputs.env), &inputs.vars, &budget, &mut problems);
    let declared = plan.secrets.iter().map(|name| name.value.clone()).collect();
    let scope = Scope {
        vars: &vars,
        secrets: &declared,
        env: Some(&inputs.env),
        host: HostScope::None("a host"),
        here: None,
        budget: &budget,
    };
    let hosts = hosts::all(plan, &scope, &mut problems);
    let notify = notify::compiled(&plan.notify, &scope, &mut problems);
    discovery::check_found(plan, &mut problems);
    let tasks: Vec<(&str, &Task)> =
        ordered(plan).into_iter().map(|(name, task)| (name.value.as_str(), task)).collect();
    let planned: usize =
        tasks.iter().map(|(_, task)| hosts_of(plan, task).len() * task.all_steps().count()).sum();
    if planned > MAX_STEPS {
        let message = format!("the plan has {planned} steps on all its hosts; at most {MAX_STEPS} can run");
        problems.push(Diagnostic::error(Code::TooLarge, plan.span, message));
        return Err(tidy(problems, &plan.files));
    }
    let ids = Ids::of(plan, &mut problems);
    let (mut steps, mut compiled_tasks): (Vec<CompiledStep>, Vec<CompiledTask>) = (Vec::new(), Vec::new());
    for (task, spec) in tasks {
        let on = hosts_of(plan, spec);
        for host in &on {
            let Some(compiled) = hosts.get(host) else { continue };
            let scope = Scope { host: HostScope::This(host, compiled), ..scope };
            let of_task = conditions(spec.when.as_ref(), &[], &scope, &mut problems);
            for (number, (handler, step)) in spec.placed_steps().enumerate() {
                let scope = Scope { here: Some(Here { ids: &ids, task, number }), ..scope };
                let when = conditions(step.common.when.as_ref(), &of_task, &scope, &mut problems);
                let compiled = compiled_step(spec, step, &scope, &mut problems);
                let index = u32::try_from(steps.len()).unwrap_or(u32::MAX);
                steps.extend(compiled.map(|step| CompiledStep {
                    index,
                    task: task.to_owned(),
                    host: host.clone(),
                    when,
                    handler: handler.map(str::to_owned),
                    ..step
                }));
            }
        }
        let needs = spec.needs.iter().map(|name| name.value.clone()).collect();
        let rollout = spec.strategy.as_ref().map(|strategy| strategy.rollout(on.len())).unwrap_or_default();
        compiled_tasks.push(CompiledTask { name: task.to_owned(), needs, hosts: on, rollout });
    }
    if problems.iter().any(Diagnostic::is_error) {
        return Err(tidy(problems, &plan.files));
    }
    Ok(finish(plan.name.value.trim().to_owned(), &hosts, compiled_tasks, steps, notify))
}

/// A compiled plan of these tasks and steps, with those of the hosts that they need.
pub(crate) fn finish(
    name: String,
    hosts: &BTreeMap<String, CompiledHost>,
    tasks: Vec<CompiledTask>,
    steps: Vec<CompiledStep>,
    notify: Vec<Notification>,
) -> CompiledPlan {
    let hosts = used(hosts, &tasks);
    let secrets: BTreeSet<String> = steps
        .iter()
        .flat_map(CompiledStep::texts)
        .flat_map(|text| text.secrets().map(str::to_owned))
        .collect();
    let sha256 = digest(&hosts, &tasks, &steps, &notify);
    let secrets = secrets.into_iter().collect();
    CompiledPlan { format: FORMAT, name, hosts, tasks, steps, secrets, notify, sha256 }
}

/// The hosts that a plan declares, and `local`, by name; also those that no task uses.
///
/// # Errors
/// Everything that is wrong with the inputs that they need.
pub fn compile_hosts(
    plan: &Plan,
    inputs: &Inputs,
) -> Result<BTreeMap<String, CompiledHost>, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let budget = Budget::default();
    let vars = variables(plan, Some(&inputs.env), &inputs.vars, &budget, &mut problems);
    let declared = plan.secrets.iter().map(|name| name.value.clone()).collect();
    let host = HostScope::None("a host");
    let scope =
        Scope { vars: &vars, secrets: &declared, env: Some(&inputs.env), host, here: None, budget: &budget };
    let hosts = hosts::all(plan, &scope, &mut problems);
    discovery::check_found(plan, &mut problems);
    if problems.iter().any(Diagnostic::is_error) { Err(tidy(problems, &plan.files)) } else { Ok(hosts) }
}

impl Plan {
    /// The names of its tasks in order of execution: each after those that it needs, otherwise as in the source.
    #[must_use]
    pub fn order(&self) -> Vec<&str> {
        ordered(self).into_iter().map(|(name, _)| name.value.as_str()).collect()
    }
}

/// The tasks in order of execution.
pub(crate) fn ordered(plan: &Plan) -> Vec<&(Spanned<String>, Task)> {
    order(&needs(plan)).sorted.into_iter().filter_map(|number| plan.tasks.get(number)).collect()
}

/// For each task, the numbers of the tasks that it needs.
pub(crate) fn needs(plan: &Plan) -> Vec<Vec<usize>> {
    let numbers: BTreeMap<&str, usize> =
        plan.tasks.iter().enumerate().map(|(number, (name, _))| (name.value.as_str(), number)).collect();
    let number = |name: &Spanned<String>| numbers.get(name.value.as_str()).copied();
    plan.tasks.iter().map(|(_, task)| task.needs.iter().filter_map(number).collect()).collect()
}

/// The hosts of the tasks, and those that they are reached through.
fn used(hosts: &BTreeMap<String, CompiledHost>, tasks: &[CompiledTask]) -> BTreeMap<String, CompiledHost> {
    let mut used = BTreeMap::new();
    let mut waiting: Vec<&str> =
        tasks.iter().flat_map(|task| task.hosts.iter().map(String::as_str)).collect();
    while let Some(name) = waiting.pop() {
        let Some(host) = hosts.get(name) else { continue };
        if used.insert(name.to_owned(), host.clone()).is_none()
            && let CompiledHost::Ssh(ssh) = host
        {
            waiting.extend(ssh.jump.as_deref());
        }
    }
    used
}

/// Compiles one step. Its place among the others is not known here: index, task, host, conditions and handler are empty.
pub(crate) fn compiled_step(
    task: &Task,
    step: &Step,
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<CompiledStep> {
    let before = problems.len();
    let common = &step.common;
    let action = action::compiled(&step.action, scope, problems);
    let mut guards = Vec::new();
    for (guard, path) in [(Guard::Creates, &common.creates), (Guard::Removes, &common.removes)] {
        guards.extend(path.as_ref().map(|path| (guard, scope.plain(path, problems).0)));
    }
    for (guard, command) in [(Guard::Unless, &common.unless), (Guard::OnlyIf, &common.onlyif)] {
        guards.extend(command.as_ref().map(|command| (guard, scope.command(command, problems))));
    }
    let name = title::title(step, scope, problems);
    let retries = common.retries.as_ref().map_or(Retries::default(), |retries| Retries {
        times: retries.times,
        backoff_ms: retries.backoff.as_ref().map_or(1000, |backoff| backoff.value.0),
    });
    let elevate = action::elevate(task, common, scope, problems);
    let undo = common.undo.as_deref().map(|undo| compiled_undo(task, undo, scope, problems));
    let on_failure = match common.on_failure.or(task.on_failure) {
        None | Some(ast::OnFailure::Fail) => OnFailure::Fail,
        Some(ast::OnFailure::Hold) => OnFailure::Hold,
        Some(ast::OnFailure::Continue) => OnFailure::Continue,
    };
    let step = CompiledStep {
        index: 0,
        task: String::new(),
        host: String::new(),
        name,
        action: action?,
        timeout_ms: common.timeout.as_ref().map(|timeout| timeout.value.0),
        retries,
        when: Vec::new(),
        guards,
        elevate,
        on_failure,
        notify: common.notify.iter().map(|name| name.value.clone()).collect(),
        handler: None,
        id: common.id.as_ref().map(|id| id.value.clone()),
        stage: match &step.action {
            ast::ActionSpec::Resource(spec) => crate::app::stage_named(spec.kind.name),
            _ => None,
        },
        undo: undo.flatten().map(Box::new),
    };
    (problems.len() == before).then_some(step)
}

/// What takes a step back, with its own condition.
fn compiled_undo(
    task: &Task,
    undo: &Step,
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<CompiledStep> {
    let when = conditions(undo.common.when.as_ref(), &[], scope, problems);
    Some(CompiledStep { when, ..compiled_step(task, undo, scope, problems)? })
}

/// The conditions `before`, and `when` behind them, up to the first that is false on whatever host.
pub(crate) fn conditions(
    when: Option<&When>,
    before: &[CompiledWhen],
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<CompiledWhen> {
    let mut all = before.to_vec();
    if all.last().is_some_and(|last| last.certain() == Some(false)) {
        return all;
    }
    if let Some(compiled) = when.and_then(|when| when::compile(when, scope, problems)) {
        match compiled.certain() {
            Some(true) => {}
            // What is false wherever it is asked needs no other answer first.
            Some(false) => all = vec![compiled],
            None => all.push(compiled),
        }
    }
    all
}

/// The SHA-256 of what is executed. The JSON is canonical because its mappings are sorted and its fields are written
/// in the order of their declaration; a change of that order needs a new [`FORMAT`].
///
/// Who is told belongs to it: what was accepted says where data goes, too.
fn digest(
    hosts: &BTreeMap<String, CompiledHost>,
    tasks: &[CompiledTask],
    steps: &[CompiledStep],
    notify: &[Notification],
) -> String {
    #[derive(Serialize)]
    struct Executed<'a> {
        format: u32,
        hosts: &'a BTreeMap<String, CompiledHost>,
        tasks: &'a [CompiledTask],
        steps: &'a [CompiledStep],
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        notify: &'a [Notification],
    }
    // Serialising plain data of strings and numbers to memory has no way to fail.
    let json =
        serde_json::to_vec(&Executed { format: FORMAT, hosts, tasks, steps, notify }).unwrap_or_default();
    hex(&Sha256::digest(json))
}
