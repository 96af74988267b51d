//! The plan as a picture shows it: hosts, tasks, and what needs what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    CompiledHost,
    ast::{Host, Plan},
    hosts,
    scope::{Budget, HostScope, Scope, variables},
    title::written_title,
};

/// What a plan consists of, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Outline {
    /// The plan's name; empty when it has none.
    pub name: String,
    /// The hosts in the order of the source. `local` is among them where a task uses it.
    pub hosts: Vec<OutlineHost>,
    /// The tasks in the order of the source.
    pub tasks: Vec<OutlineTask>,
    /// The groups in the order of the source, and those that discovered hosts come into.
    pub groups: Vec<String>,
    /// The names of the variables, in the order of the source.
    pub vars: Vec<String>,
}

/// A host of an [`Outline`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OutlineHost {
    /// Its name in the plan.
    pub name: String,
    /// Its address, or the text that stands for it where that depends on the environment.
    pub address: String,
    /// The user to log in as, when the plan says so.
    pub user: Option<String>,
    /// The SSH port, when the plan says so.
    pub port: Option<u16>,
    /// The host to connect through.
    pub jump: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
}

/// A task of an [`Outline`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OutlineTask {
    /// Its name.
    pub name: String,
    /// The hosts and groups that it names, as written.
    pub on: Vec<String>,
    /// The tasks that it needs.
    pub needs: Vec<String>,
    /// The names of its steps.
    pub steps: Vec<String>,
    /// Words to choose it by.
    pub tags: Vec<String>,
    /// The line of the source (from 1) that its name is on.
    pub line: u32,
    /// The file that it is in, when it is not the plan itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub file: Option<String>,
}

/// What `plan` consists of. The values of variables are the plan's own.
#[must_use]
pub fn outline(plan: &Plan) -> Outline {
    // What is wrong is reported by the check; here it is only left out.
    let mut ignored = Vec::new();
    let budget = Budget::default();
    let vars = variables(plan, None, &BTreeMap::new(), &budget, &mut ignored);
    let secrets = plan.secrets.iter().map(|name| name.value.clone()).collect();
    let host = HostScope::None("a host");
    let scope = Scope { vars: &vars, secrets: &secrets, env: None, host, here: None, budget: &budget };
    let compiled = hosts::all(plan, &scope, &mut ignored);
    let mut shown: Vec<OutlineHost> = plan
        .hosts
        .iter()
        .map(|(name, declared)| match compiled.get(&name.value) {
            Some(CompiledHost::Ssh(ssh)) => OutlineHost {
                name: name.value.clone(),
                address: ssh.address.clone(),
                user: ssh.user.clone(),
                port: ssh.port,
                jump: ssh.jump.clone(),
                tags: ssh.tags.clone(),
            },
            Some(CompiledHost::Local) | None => unread(&name.value, declared),
        })
        .collect();
    let on = plan.tasks.iter().flat_map(|(_, task)| &task.on);
    if on.chain(plan.groups.iter().flat_map(|(_, hosts)| hosts)).any(|name| name.value == "local") {
        shown.push(OutlineHost {
            name: "local".to_owned(),
            address: "this machine".to_owned(),
            user: None,
            port: None,
            jump: None,
            tags: Vec::new(),
        });
    }
    let tasks = plan.tasks.iter().map(|(name, task)| OutlineTask {
        name: name.value.clone(),
        on: task.on.iter().map(|name| name.value.clone()).collect(),
        needs: task.needs.iter().map(|name| name.value.clone()).collect(),
        steps: task.steps.iter().map(written_title).collect(),
        tags: task.tags.iter().map(|tag| tag.value.clone()).collect(),
        line: name.span.start.line,
        file: plan.files.get(usize::from(name.span.start.file)).filter(|file| !file.is_empty()).cloned(),
    });
    let mut groups: Vec<String> = plan.groups.iter().map(|(name, _)| name.value.clone()).collect();
    for entry in &plan.discover {
        if !groups.contains(&entry.into.value) {
            groups.push(entry.into.value.clone());
        }
    }
    Outline {
        name: plan.name.value.trim().to_owned(),
        hosts: shown,
        tasks: tasks.collect(),
        groups,
        vars: plan.vars.iter().map(|(name, _)| name.value.clone()).collect(),
    }
}

/// A host that cannot be read, or not yet: as it is written.
fn unread(name: &str, host: &Host) -> OutlineHost {
    let (address, tags) = match host {
        Host::Short(template) => (template.written(), Vec::new()),
        Host::Long(long) => (long.address.written(), long.tags.iter().map(|tag| tag.value.clone()).collect()),
    };
    OutlineHost { name: name.to_owned(), address, user: None, port: None, jump: None, tags }
}
