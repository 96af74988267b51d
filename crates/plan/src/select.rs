//! Running a part of a plan: some of its tasks, some of its hosts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    CompiledHost, CompiledPlan, CompiledTask, ast::Plan, compile::finish, groups::members,
    suggest::did_you_mean,
};

/// Which part of a plan is run. What is empty chooses everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// These tasks, and all that they need.
    pub tasks: Vec<String>,
    /// Only tasks with one of these tags.
    pub tags: Vec<String>,
    /// No task with one of these tags.
    pub skip_tags: Vec<String>,
    /// Only these hosts: names, groups, or tags of hosts.
    pub hosts: Vec<String>,
    /// This task and those after it, in the order of the plan's tasks.
    pub start_at: Option<String>,
}

/// A selection that the plan does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// Something is named that the plan does not have.
    #[error("the plan has no {what} `{name}`. {hint}Nothing was run.")]
    Unknown {
        /// What it should be: `task`, `tag`, or `host, group or tag of a host`.
        what: &'static str,
        /// The name.
        name: String,
        /// What may have been meant, or what there is.
        hint: String,
    },
    /// Nothing is left to run.
    #[error("nothing is left to run: no task of the plan has a step on these hosts and with these tags")]
    Nothing,
}

impl SelectionError {
    fn unknown(what: &'static str, name: &str, known: &BTreeSet<&str>) -> Self {
        let hint = match did_you_mean(name, known.iter().copied()) {
            Some(meant) => format!("Did you mean `{meant}`? "),
            None if known.is_empty() => String::from("It has none. "),
            None => {
                let some: Vec<&str> = known.iter().copied().take(12).collect();
                let more = if known.len() > some.len() { ", …" } else { "" };
                format!("It has {}{more}. ", some.join(", "))
            }
        };
        Self::Unknown { what, name: name.to_owned(), hint }
    }
}

/// The part of a compiled plan that is chosen. A task that needs one that was not chosen needs what
/// that one needs.
///
/// # Errors
/// [`SelectionError`].
pub fn select(
    plan: &Plan,
    compiled: CompiledPlan,
    selection: &Selection,
) -> Result<CompiledPlan, SelectionError> {
    if *selection == Selection::default() {
        return Ok(compiled);
    }
    let tasks = tasks(plan, &compiled, selection)?;
    let hosts = hosts(plan, &compiled, &selection.hosts)?;
    let is_chosen = |task: &str, host: &str| {
        tasks.contains(task) && hosts.as_ref().is_none_or(|hosts| hosts.contains(host))
    };
    let CompiledPlan { name, hosts: all_hosts, tasks: all_tasks, mut steps, notify, .. } = compiled;
    steps.retain(|step| is_chosen(&step.task, &step.host));
    for (index, step) in (0..).zip(&mut steps) {
        step.index = index;
    }
    let all = all_tasks.clone();
    let mut chosen = all_tasks;
    for task in &mut chosen {
        task.hosts.retain(|host| is_chosen(&task.name, host));
        task.needs = chosen_needs(&all, &task.name, &tasks);
        let written = plan.tasks.iter().find(|(name, _)| name.value == task.name);
        let strategy = written.and_then(|(_, task)| task.strategy.as_ref());
        task.rollout = strategy.map(|strategy| strategy.rollout(task.hosts.len())).unwrap_or_default();
    }
    // One without hosts stays: others may need it, and it is done at once.
    chosen.retain(|task| tasks.contains(task.name.as_str()));
    if steps.is_empty() {
        return Err(SelectionError::Nothing);
    }
    Ok(finish(name, &all_hosts, chosen, steps, notify))
}

/// The chosen tasks that a task needs: in the place of one that was not chosen, those that it needs.
fn chosen_needs(all: &[CompiledTask], name: &str, chosen: &BTreeSet<String>) -> Vec<String> {
    let needs = |name: &str| all.iter().find(|task| task.name == name).map_or(&[][..], |task| &task.needs);
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    let mut waiting: Vec<&String> = needs(name).iter().rev().collect();
    while let Some(need) = waiting.pop() {
        if !seen.insert(need) {
            continue;
        }
        if chosen.contains(need) {
            found.push(need.clone());
        } else {
            waiting.extend(needs(need).iter().rev());
        }
    }
    found
}

/// The names of the chosen tasks.
fn tasks(
    plan: &Plan,
    compiled: &CompiledPlan,
    selection: &Selection,
) -> Result<BTreeSet<String>, SelectionError> {
    let known: BTreeSet<&str> = compiled.tasks.iter().map(|task| task.name.as_str()).collect();
    let number = |name: &String| {
        let found = compiled.tasks.iter().position(|task| task.name == *name);
        found.ok_or_else(|| SelectionError::unknown("task", name, &known))
    };
    let mut chosen: BTreeSet<usize> = (0..compiled.tasks.len()).collect();
    if !selection.tasks.is_empty() {
        let mut waiting = selection.tasks.iter().map(number).collect::<Result<Vec<usize>, _>>()?;
        chosen.clear();
        while let Some(number_of) = waiting.pop() {
            if chosen.insert(number_of) {
                for need in &compiled.tasks[number_of].needs {
                    waiting.push(number(need)?);
                }
            }
        }
    }
    if let Some(first) = &selection.start_at {
        let first = number(first)?;
        chosen.retain(|task| *task >= first);
    }
    let tags_of = |task: usize| {
        let name = &compiled.tasks[task].name;
        let written = plan.tasks.iter().find(|(known, _)| known.value == *name);
        written.map_or(&[][..], |(_, task)| task.tags.as_slice())
    };
    let all_tags: BTreeSet<&str> =
        plan.tasks.iter().flat_map(|(_, task)| &task.tags).map(|tag| tag.value.as_str()).collect();
    for tag in selection.tags.iter().chain(&selection.skip_tags) {
        if !all_tags.contains(tag.as_str()) {
            return Err(SelectionError::unknown("tag", tag, &all_tags));
        }
    }
    let has = |task: usize, tags: &[String]| tags_of(task).iter().any(|tag| tags.contains(&tag.value));
    chosen.retain(|task| {
        (selection.tags.is_empty() || has(*task, &selection.tags)) && !has(*task, &selection.skip_tags)
    });
    Ok(chosen.into_iter().map(|task| compiled.tasks[task].name.clone()).collect())
}

/// The names of the chosen hosts; none when all are.
fn hosts(
    plan: &Plan,
    compiled: &CompiledPlan,
    names: &[String],
) -> Result<Option<BTreeSet<String>>, SelectionError> {
    if names.is_empty() {
        return Ok(None);
    }
    let used: BTreeSet<&str> =
        compiled.tasks.iter().flat_map(|task| &task.hosts).map(String::as_str).collect();
    let tags = |host: &CompiledHost| match host {
        CompiledHost::Ssh(host) => host.tags.clone(),
        CompiledHost::Local => Vec::new(),
    };
    let declared = plan.hosts.iter().map(|(name, _)| name.value.as_str());
    let groups = plan.groups.iter().map(|(name, _)| name.value.as_str());
    let all_tags: Vec<String> = compiled.hosts.values().flat_map(tags).collect();
    let known: BTreeSet<&str> = declared
        .chain(groups)
        .chain(used.iter().copied())
        .chain(all_tags.iter().map(String::as_str))
        .collect();
    let mut chosen = BTreeSet::new();
    for name in names {
        if !known.contains(name.as_str()) {
            return Err(SelectionError::unknown("host, group or tag of a host", name, &known));
        }
        chosen.extend(members(plan, [name.as_str()]));
        let tagged = compiled.hosts.iter().filter(|(_, host)| tags(host).contains(name));
        chosen.extend(tagged.map(|(host, _)| host.clone()));
    }
    Ok(Some(chosen))
}
