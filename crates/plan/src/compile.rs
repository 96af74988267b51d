//! From the plan and its inputs to the steps.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest, Sha256};
use steadyhand_domain::Guard;

use crate::{
    Action, CompiledHost, CompiledPlan, CompiledStep, CompiledTask, CompiledWhen, Diagnostic, FORMAT, Inputs,
    Probe, Retries,
    ast::{Plan, RunStep, Shell, Step, Task, WaitForSpec},
    check::tidy,
    compiled::hex,
    diagnostic::Code,
    duration::Millis,
    graph::order,
    groups::hosts_of,
    hosts,
    notify::{self, Notification},
    scope::{Budget, HostScope, Scope, variables},
    span::Spanned,
    template::Template,
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
        budget: &budget,
    };
    let hosts = hosts::all(plan, &scope, &mut problems);
    let notify = notify::compiled(&plan.notify, &scope, &mut problems);
    let tasks: Vec<(&str, &Task)> =
        ordered(plan).into_iter().map(|(name, task)| (name.value.as_str(), task)).collect();
    let planned: usize = tasks.iter().map(|(_, task)| hosts_of(plan, task).len() * task.steps.len()).sum();
    if planned > MAX_STEPS {
        let message = format!("the plan has {planned} steps on all its hosts; at most {MAX_STEPS} can run");
        problems.push(Diagnostic::error(Code::TooLarge, plan.span, message));
        return Err(tidy(problems));
    }
    let (mut steps, mut compiled_tasks): (Vec<CompiledStep>, Vec<CompiledTask>) = (Vec::new(), Vec::new());
    for (task, spec) in tasks {
        let on = hosts_of(plan, spec);
        for host in &on {
            let Some(compiled) = hosts.get(host) else { continue };
            let scope = Scope { host: HostScope::This(host, compiled), ..scope };
            let of_task = conditions(spec.when.as_ref(), &[], &scope, &mut problems);
            for step in &spec.steps {
                let when = conditions(step.common().when, &of_task, &scope, &mut problems);
                let compiled = compiled_step(step, &scope, &mut problems);
                let index = u32::try_from(steps.len()).unwrap_or(u32::MAX);
                steps.extend(compiled.map(|step| CompiledStep {
                    index,
                    task: task.to_owned(),
                    host: host.clone(),
                    when,
                    ..step
                }));
            }
        }
        let needs = spec.needs.iter().map(|name| name.value.clone()).collect();
        let rollout = spec.strategy.as_ref().map(|strategy| strategy.rollout(on.len())).unwrap_or_default();
        compiled_tasks.push(CompiledTask { name: task.to_owned(), needs, hosts: on, rollout });
    }
    if problems.iter().any(Diagnostic::is_error) {
        return Err(tidy(problems));
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
    let scope = Scope { vars: &vars, secrets: &declared, env: Some(&inputs.env), host, budget: &budget };
    let hosts = hosts::all(plan, &scope, &mut problems);
    if problems.iter().any(Diagnostic::is_error) { Err(tidy(problems)) } else { Ok(hosts) }
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

/// Compiles one step. Its place among the others is not known here: index, task, host and conditions are empty.
pub(crate) fn compiled_step(
    step: &Step,
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<CompiledStep> {
    let before = problems.len();
    let common = step.common();
    let action = action(step, scope, problems);
    let mut guards = Vec::new();
    if let Some(path) = common.creates {
        guards.push((Guard::Creates, scope.plain(path, problems).0));
    }
    if let Some(command) = common.unless {
        guards.push((Guard::Unless, scope.command(command, problems)));
    }
    if let Some(command) = common.onlyif {
        guards.push((Guard::OnlyIf, scope.command(command, problems)));
    }
    let name = title::title(step, scope, problems);
    let retries = common.retries.map_or(Retries::default(), |retries| Retries {
        times: retries.times,
        backoff_ms: retries.backoff.as_ref().map_or(1000, |backoff| backoff.value.0),
    });
    let step = CompiledStep {
        index: 0,
        task: String::new(),
        host: String::new(),
        name,
        action: action?,
        timeout_ms: common.timeout.map(|timeout| timeout.0),
        retries,
        when: Vec::new(),
        guards,
    };
    (problems.len() == before).then_some(step)
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

fn action(step: &Step, scope: &Scope<'_>, problems: &mut Vec<Diagnostic>) -> Option<Action> {
    Some(match step {
        Step::Run(step) => {
            let RunStep { run, cwd, env, shell, .. } = step.as_ref();
            Action::Run {
                script: scope.command(run, problems),
                cwd: cwd.as_ref().map(|cwd| scope.plain(cwd, problems).0),
                env: env
                    .iter()
                    .map(|(name, value)| (name.value.clone(), scope.plain(value, problems).0))
                    .collect(),
                login_shell: *shell == Some(Shell::Login),
            }
        }
        Step::Upload(step) => Action::Upload {
            from: scope.plain(&step.upload.from, problems).0,
            to: scope.plain(&step.upload.to, problems).0,
        },
        Step::WaitFor(step) => {
            let (probe, timeout, interval) = match &step.wait_for {
                WaitForSpec::Http(spec) => {
                    (http(&spec.http, spec.status, scope, problems), &spec.timeout, &spec.interval)
                }
                WaitForSpec::Tcp(spec) => (tcp(&spec.tcp, scope, problems)?, &spec.timeout, &spec.interval),
                WaitForSpec::Command(spec) => {
                    let script = scope.command(&spec.command, problems);
                    (Probe::Command { script }, &spec.timeout, &spec.interval)
                }
            };
            let ms = |given: &Option<Spanned<Millis>>, otherwise| {
                given.as_ref().map_or(otherwise, |ms| ms.value.0)
            };
            Action::WaitFor { probe, timeout_ms: ms(timeout, 60_000), interval_ms: ms(interval, 1000) }
        }
    })
}

fn http(
    template: &Template,
    status: Option<u16>,
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Probe {
    let (url, is_complete) = scope.plain(template, problems);
    let shown = url.to_string();
    let begins = ["http://", "https://"].iter().any(|scheme| shown.starts_with(scheme));
    if is_complete && url.0.first().is_some_and(|part| matches!(part, crate::Part::Literal(_))) {
        let url_problem = |message: String, hint: &str| {
            Diagnostic::error(Code::InvalidValue, template.span, message).hint(hint.to_owned())
        };
        let short = crate::yaml::shorten(&shown);
        if !begins {
            let hint = format!("write http://{short}");
            problems.push(url_problem(format!("`{short}` does not begin with http:// or https://"), &hint));
        } else if shown.chars().any(char::is_whitespace) && url.as_literal().is_some() {
            problems.push(url_problem(
                format!("the URL `{short}` has white space in it"),
                "write %20 for a space",
            ));
        }
    }
    Probe::Http { url, status: status.unwrap_or(200) }
}

fn tcp(template: &Template, scope: &Scope<'_>, problems: &mut Vec<Diagnostic>) -> Option<Probe> {
    let rendered = scope.open(template, "`tcp`", problems);
    if !rendered.is_complete {
        return Some(Probe::Tcp { address: String::new(), port: 0 });
    }
    match hosts::address_and_port(&rendered.text, template.span) {
        Ok((address, port)) => Some(Probe::Tcp { address, port }),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
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
