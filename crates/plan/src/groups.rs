//! Groups of hosts, which may contain other groups.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Diagnostic,
    ast::{Plan, Task},
    diagnostic::Code,
    graph::{order, path},
};

/// The hosts that a task runs on, each once, in the order in which it names them.
pub(crate) fn hosts_of(plan: &Plan, task: &Task) -> Vec<String> {
    members(plan, task.on.iter().map(|name| name.value.as_str()))
}

/// The hosts that these names of hosts and groups stand for, each once, in their order. A group that contains itself
/// is followed once.
pub(crate) fn members<'n>(plan: &'n Plan, names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    let groups: BTreeMap<&str, _> =
        plan.groups.iter().map(|(name, members)| (name.value.as_str(), members)).collect();
    let mut seen = BTreeSet::new();
    let mut hosts = Vec::new();
    let mut waiting: Vec<&str> = names.into_iter().collect();
    waiting.reverse();
    while let Some(name) = waiting.pop() {
        if !seen.insert(name) {
            continue;
        }
        match groups.get(name) {
            Some(members) => waiting.extend(members.iter().rev().map(|member| member.value.as_str())),
            None => hosts.push(name.to_owned()),
        }
    }
    hosts
}

/// Reports groups that contain themselves.
pub(crate) fn check(plan: &Plan, problems: &mut Vec<Diagnostic>) {
    let is_host = |name: &str| plan.hosts.iter().any(|(host, _)| host.value == name);
    let groups = plan.groups.iter().enumerate().map(|(number, (name, _))| (name.value.as_str(), number));
    let numbers: BTreeMap<&str, usize> = groups.filter(|(name, _)| !is_host(name)).collect();
    let contains: Vec<Vec<usize>> = plan
        .groups
        .iter()
        .map(|(_, members)| {
            members.iter().filter_map(|member| numbers.get(member.value.as_str()).copied()).collect()
        })
        .collect();
    for circle in order(&contains).cycles {
        let group = |number: &usize| plan.groups.get(*number).map(|(name, _)| name);
        let names = circle.iter().chain(circle.first()).filter_map(group).map(|name| name.value.as_str());
        let span = circle.first().and_then(group).map_or(plan.span, |name| name.span);
        let message = format!("groups contain each other in a circle: {}", path(names));
        problems.push(Diagnostic::error(Code::Cycle, span, message).hint("take one of them out of another"));
    }
}
