//! Everything that can be known about a plan before its inputs are.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Diagnostic, Outline,
    ast::{Plan, Step, WaitForSpec},
    compile::{compiled_step, conditions, needs},
    diagnostic::Code,
    graph::{order, path},
    groups, hosts, notify,
    outline::outline,
    read::{self, Reader, host_templates},
    scope::{Budget, HostScope, MAX_HINTS, Scope, raw_notes, variables},
    span::Spanned,
    suggest::did_you_mean,
    template::Template,
    when::When,
    yaml::{self, Source, shorten},
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
}

/// Reads and checks a plan. Any text is allowed: nothing is run, and what is wrong is in the diagnostics, all of it
/// at once (except that a text that is not YAML has one problem, where it ceases to be).
#[must_use]
pub fn check(source: &str) -> Checked {
    let text = source.strip_prefix('\u{feff}').unwrap_or(source);
    let lines = Source::new(text);
    let root = match yaml::parse(text, &lines) {
        Ok(root) => root,
        Err(problem) => {
            return Checked { plan: None, diagnostics: vec![problem], outline: Outline::default() };
        }
    };
    let mut reader = Reader::new(&lines);
    let plan = read::plan(&mut reader, root.as_ref());
    let mut problems = reader.problems;
    names(&plan, &mut problems);
    values(&plan, &mut problems);
    let diagnostics = tidy(problems);
    let outline = outline(&plan);
    let is_valid = !diagnostics.iter().any(Diagnostic::is_error);
    Checked { plan: is_valid.then_some(plan), diagnostics, outline }
}

/// Sorts the problems by place, and keeps of equal ones (a step on several hosts) the first.
pub(crate) fn tidy(mut problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    problems.sort_by(|a, b| {
        let key = |problem: &Diagnostic| (problem.line, problem.column, problem.severity);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    problems.dedup();
    if problems.len() > MAX_PROBLEMS {
        // An error must not be lost behind notes: what is invalid has to look so.
        problems.sort_by_key(|problem| problem.severity);
        problems.truncate(MAX_PROBLEMS);
        problems.sort_by_key(|problem| (problem.line, problem.column));
    }
    problems
}

/// Checks what names hosts, groups and tasks.
fn names(plan: &Plan, problems: &mut Vec<Diagnostic>) {
    let hosts: BTreeSet<&str> =
        plan.hosts.iter().map(|(name, _)| name.value.as_str()).chain(["local"]).collect();
    let groups: BTreeSet<&str> = plan.groups.iter().map(|(name, _)| name.value.as_str()).collect();
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
        None => problem.hint(format!("there are {}", read::listed(known.iter().copied()))),
    }
}

/// Puts the values in as far as they are known: what is wrong with any `${{ … }}` shows.
fn values(plan: &Plan, problems: &mut Vec<Diagnostic>) {
    let budget = Budget::default();
    let vars = variables(plan, None, &BTreeMap::new(), &budget, problems);
    let secrets = plan.secrets.iter().map(|name| name.value.clone()).collect();
    let scope =
        Scope { vars: &vars, secrets: &secrets, env: None, host: HostScope::None("a host"), budget: &budget };
    hosts::all(plan, &scope, problems);
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
    for step in plan.tasks.iter().flat_map(|(_, task)| &task.steps) {
        let (commands, others) = templates(step);
        commands.into_iter().for_each(|template| raw_notes(template, true, problems));
        others.into_iter().for_each(|template| raw_notes(template, false, problems));
        condition(step.common().when, &scope, problems);
        compiled_step(step, &scope, problems);
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
    let common = step.common();
    let mut commands: Vec<&Template> = [common.unless, common.onlyif].into_iter().flatten().collect();
    let mut others: Vec<&Template> = [common.name, common.creates].into_iter().flatten().collect();
    match step {
        Step::Run(step) => {
            commands.push(&step.run);
            others.extend(&step.cwd);
            others.extend(step.env.iter().map(|(_, value)| value));
        }
        Step::Upload(step) => others.extend([&step.upload.from, &step.upload.to]),
        Step::WaitFor(step) => match &step.wait_for {
            WaitForSpec::Http(probe) => others.push(&probe.http),
            WaitForSpec::Tcp(probe) => others.push(&probe.tcp),
            WaitForSpec::Command(probe) => commands.push(&probe.command),
        },
    }
    (commands, others)
}
