//! Everything that can be known about a plan before its inputs are.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Diagnostic, Files, Outline,
    ast::{ActionSpec, ParamValue, Plan, Step, Task, WaitForSpec},
    compile::{compiled_step, conditions, needs},
    diagnostic::{Code, Severity},
    discovery,
    graph::{order, path},
    groups, hosts,
    include::{self, ReadPlan},
    notify,
    outline::outline,
    outputs::{Here, Ids},
    read::{self, host_templates},
    scope::{Budget, HostScope, MAX_HINTS, Scope, raw_notes, variables},
    span::Spanned,
    suggest::did_you_mean,
    template::Template,
    when::When,
    yaml::shorten,
};

/// The most problems that are reported.
const MAX_PROBLEMS: usize = 500;

/// What [`check`] found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The plan, when it has no errors.
    pub plan: Option<Plan>,
    /// Every problem, in the order of the source.
    pub diagnostics: Vec<Diagnostic>,
    /// What the plan consists of, as far as it can be read.
    pub outline: Outline,
    /// Files that it names and that were not given, as seen from its folder. While there are some, the plan is not complete:
    /// there is none, and nothing is said about names that those files may have.
    pub wanted: Vec<String>,
}

/// Reads and checks a plan. Any text is allowed: nothing is run, and what is wrong is in the diagnostics, all of it
/// at once (except that a text that is not YAML has one problem, where it ceases to be).
#[must_use]
pub fn check(source: &str) -> Checked {
    check_with(source, &Files::default())
}

/// As [`check`], with the files that the plan names, as far as they are given. A caller that finds some in
/// [`Checked::wanted`] reads them and checks again, until none is wanted any more.
#[must_use]
pub fn check_with(source: &str, files: &Files) -> Checked {
    let ReadPlan { plan, mut problems, wanted, is_unreadable, is_complete } = include::read(source, files);
    if is_unreadable {
        let outline = Outline::default();
        return Checked { plan: None, diagnostics: problems, outline, wanted: Vec::new() };
    }
    let read = problems.len();
    names(&plan, &mut problems);
    values(&plan, &mut problems);
    if !is_complete {
        // What is not there may be in a file that is not there.
        let mut number = 0;
        problems.retain(|problem| {
            number += 1;
            number <= read
                || !matches!(problem.code, Code::UnknownHost | Code::UnknownTask | Code::UndefinedName)
        });
    }
    let diagnostics = tidy(problems, &plan.files);
    let outline = outline(&plan);
    let is_valid = wanted.is_empty() && !diagnostics.iter().any(Diagnostic::is_error);
    let wanted = wanted.into_iter().collect();
    Checked { plan: is_valid.then_some(plan), diagnostics, outline, wanted }
}

/// Sorts the problems by place, keeps of equal ones (a step on several hosts) the first, and puts in the names of the files
/// that they are in.
pub(crate) fn tidy(mut problems: Vec<Diagnostic>, files: &[String]) -> Vec<Diagnostic> {
    include::name_files(&mut problems, files);
    problems.sort_by(|a, b| {
        let key = |problem: &Diagnostic| (problem.number, problem.line, problem.column, problem.severity);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    problems.dedup();
    if problems.len() > MAX_PROBLEMS {
        // An error must not be lost behind notes: what is invalid has to look so.
        problems.sort_by_key(|problem| problem.severity);
        problems.truncate(MAX_PROBLEMS);
        problems.sort_by_key(|problem| (problem.number, problem.line, problem.column));
    }
    problems
}

/// Checks what names hosts, groups and tasks.
fn names(plan: &Plan, problems: &mut Vec<Diagnostic>) {
    let hosts: BTreeSet<&str> =
        plan.hosts.iter().map(|(name, _)| name.value.as_str()).chain(["local"]).collect();
    let groups: BTreeSet<&str> = plan
        .groups
        .iter()
        .map(|(name, _)| name.value.as_str())
        .chain(plan.discover.iter().map(|entry| entry.into.value.as_str()))
        .collect();
    discovery::check(plan, problems);
    let places: BTreeSet<&str> = hosts.union(&groups).copied().collect();
    let tasks: BTreeSet<&str> = plan.tasks.iter().map(|(name, _)| name.value.as_str()).collect();
    for (name, members) in &plan.groups {
        if hosts.contains(name.value.as_str()) {
            let message = format!("`{}` is a host already; a group cannot have its name", name.value);
            problems.push(Diagnostic::error(Code::NameTaken, name.span, message));
        }
        for member in members.iter().filter(|member| !places.contains(member.value.as_str())) {
            problems.push(unknown(Code::UnknownHost, "host or group", member, &places, problems.len()));
        }
    }
    groups::check(plan, problems);
    for (_, task) in &plan.tasks {
        for name in task.on.iter().filter(|name| !places.contains(name.value.as_str())) {
            let problem = unknown(Code::UnknownHost, "host or group", name, &places, problems.len());
            problems.push(problem);
        }
        for name in task.needs.iter().filter(|name| !tasks.contains(name.value.as_str())) {
            let problem = unknown(Code::UnknownTask, "task", name, &tasks, problems.len());
            problems.push(problem);
        }
        handlers(task, problems);
    }
    for cycle in order(&needs(plan)).cycles {
        let names = cycle
            .iter()
            .chain(cycle.first())
            .filter_map(|number| plan.tasks.get(*number))
            .map(|(name, _)| name.value.as_str());
        let span =
            cycle.first().and_then(|number| plan.tasks.get(*number)).map_or(plan.span, |(name, _)| name.span);
        let message = format!("tasks need each other in a circle: {}", path(names));
        problems.push(Diagnostic::error(Code::Cycle, span, message).hint("remove one of these `needs`"));
    }
}

/// Checks what steps notify.
fn handlers(task: &Task, problems: &mut Vec<Diagnostic>) {
    let known: BTreeSet<&str> = task.handlers.iter().map(|(name, _)| name.value.as_str()).collect();
    let named = || task.steps.iter().flat_map(|step| &step.common.notify);
    for name in named().filter(|name| !known.contains(name.value.as_str())) {
        let problem = unknown(Code::UnknownHandler, "handler", name, &known, problems.len());
        let problem = match known.is_empty() {
            true => problem.hint(format!("add it to the task: handlers: {{ {}: {{ run: … }} }}", name.value)),
            false => problem,
        };
        problems.push(problem);
    }
    for (name, _) in &task.handlers {
        if !named().any(|named| named.value == name.value) {
            let message = format!("no step notifies the handler `{}`, so it never comes", name.value);
            problems.push(Diagnostic::new(Severity::Warning, Code::Unused, name.span, message));
        }
    }
}

/// `before` is the number of problems that were found before this one.
fn unknown(
    code: Code,
    what: &str,
    name: &Spanned<String>,
    known: &BTreeSet<&str>,
    before: usize,
) -> Diagnostic {
    let problem =
        Diagnostic::error(code, name.span, format!("there is no {what} `{}`", shorten(&name.value)));
    if before >= MAX_HINTS {
        return problem;
    }
    match did_you_mean(&name.value, known.iter().copied()) {
        Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
        None if known.is_empty() => problem,
        None => problem.hint(read::there_are(known.iter().copied())),
    }
}

/// Puts the values in as far as they are known: what is wrong with any `${{ … }}` shows.
fn values(plan: &Plan, problems: &mut Vec<Diagnostic>) {
    let budget = Budget::default();
    let vars = variables(plan, None, &BTreeMap::new(), &budget, problems);
    let secrets = plan.secrets.iter().map(|name| name.value.clone()).collect();
    let scope = Scope {
        vars: &vars,
        secrets: &secrets,
        env: None,
        host: HostScope::None("a host"),
        here: None,
        budget: &budget,
    };
    hosts::all(plan, &scope, problems);
    discovery::check_values(plan, &scope, problems);
    notify::compiled(&plan.notify, &scope, problems);
    notify::notes(&plan.notify, problems);
    for (_, template) in &plan.vars {
        raw_notes(template, false, problems);
    }
    for template in plan.hosts.iter().flat_map(|(_, host)| host_templates(host)) {
        raw_notes(template, false, problems);
    }
    let scope = Scope { host: HostScope::Some, ..scope };
    for (_, task) in &plan.tasks {
        condition(task.when.as_ref(), &scope, problems);
    }
    let ids = Ids::of(plan, problems);
    let steps = plan.tasks.iter().flat_map(|(name, task)| {
        task.all_steps().enumerate().map(move |(number, step)| (&name.value, task, number, step))
    });
    for (name, task, number, step) in steps {
        let scope = Scope { here: Some(Here { ids: &ids, task: name, number }), ..scope };
        let (commands, others) = templates(step);
        commands.into_iter().for_each(|template| raw_notes(template, true, problems));
        others.into_iter().for_each(|template| raw_notes(template, false, problems));
        condition(step.common.when.as_ref(), &scope, problems);
        compiled_step(task, step, &scope, problems);
    }
}

/// Checks a condition as far as that is possible without inputs and host.
fn condition(when: Option<&When>, scope: &Scope<'_>, problems: &mut Vec<Diagnostic>) {
    let Some(when) = when else { return };
    let before = problems.len();
    when.check(scope, problems);
    if problems.len() == before {
        // Values that are known already may be of the wrong kind.
        conditions(Some(when), &[], scope, problems);
    }
}

/// The templates of a step: shell commands, and others.
fn templates(step: &Step) -> (Vec<&Template>, Vec<&Template>) {
    let common = &step.common;
    let mut commands: Vec<&Template> = [&common.unless, &common.onlyif].into_iter().flatten().collect();
    let mut others: Vec<&Template> =
        [&common.name, &common.creates, &common.removes].into_iter().flatten().collect();
    others.extend(common.elevate.iter().flat_map(|elevate| [&elevate.user, &elevate.password]).flatten());
    match &step.action {
        ActionSpec::Run(spec) => {
            commands.push(&spec.run);
            others.extend(&spec.cwd);
            others.extend(spec.env.iter().map(|(_, value)| value));
        }
        ActionSpec::Upload(spec) => others.extend([&spec.from, &spec.to]),
        ActionSpec::Download(spec) => others.extend([&spec.from, &spec.to]),
        ActionSpec::WaitFor(spec) => match spec {
            WaitForSpec::Http(probe) => others.push(&probe.http),
            WaitForSpec::Tcp(probe) => others.push(&probe.tcp),
            WaitForSpec::Command(probe) => commands.push(&probe.command),
        },
        ActionSpec::Resource(spec) => {
            for (_, value) in &spec.params {
                match value {
                    ParamValue::One(template) => others.push(template),
                    ParamValue::Many(templates) => others.extend(templates),
                    ParamValue::Map(entries) => others.extend(entries.iter().map(|(_, value)| value)),
                }
            }
        }
    }
    if let Some(undo) = &common.undo {
        let (more_commands, more_others) = templates(undo);
        commands.extend(more_commands);
        others.extend(more_others);
    }
    (commands, others)
}
