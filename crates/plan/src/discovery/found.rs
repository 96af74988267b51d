//! What was found, and how it becomes part of a plan.

use std::collections::BTreeMap;

use super::{Discover, Discovery};
use crate::{
    Diagnostic, SshHost,
    ast::{Host, LongHost, Plan},
    diagnostic::Code,
    include::place,
    read::is_host_name,
    span::{Span, Spanned},
    template::{Piece, Template},
    yaml::shorten,
};

/// The most hosts that are taken from one place.
const MOST: usize = 10_000;

/// What was found in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovered {
    /// The hosts, in order.
    pub hosts: Vec<FoundHost>,
    /// What was left out, and why: one sentence each, without a full stop.
    pub notes: Vec<String>,
}

/// A host that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundHost {
    /// The name that it has in the plan.
    pub name: String,
    /// How it is reached.
    pub ssh: SshHost,
}

/// Where a host of the plan comes from.
#[derive(Clone)]
enum Origin {
    Declared(Span),
    Found { entry: usize, ssh: SshHost },
}

/// Adds what was found to the hosts and groups of the plan.
pub(super) fn add(plan: &mut Plan, found: &[(Discovery, Discovered)], problems: &mut Vec<Diagnostic>) {
    let mut origins: BTreeMap<String, Origin> =
        plan.hosts.iter().map(|(name, _)| (name.value.clone(), Origin::Declared(name.span))).collect();
    let groups: BTreeMap<String, Span> = plan
        .groups
        .iter()
        .map(|(name, _)| (name.value.clone(), name.span))
        .chain(plan.discover.iter().map(|entry| (entry.into.value.clone(), entry.into.span)))
        .collect();
    for (discovery, Discovered { hosts, notes }) in found {
        let Some(entry) = plan.discover.get(discovery.entry).cloned() else { continue };
        let what = discovery.source.describe();
        let mut error = |message: String, hint: &str| {
            problems.push(Diagnostic::error(Code::Discovery, entry.span, message).hint(hint));
        };
        if hosts.is_empty() && entry.required {
            let why = notes.iter().map(|note| format!("; {note}")).collect::<String>();
            let message = format!("{what} has no host for `{}`{why}", shorten(&discovery.into));
            error(message, "correct what is looked for, or write `required: false` where none is fine");
        }
        if hosts.len() > MOST {
            error(
                format!("{what} has {} hosts; at most {MOST} are taken", hosts.len()),
                "choose some of them with `match`",
            );
            continue;
        }
        for FoundHost { name, ssh } in hosts {
            let shown = shorten(name);
            if !is_host_name(name) || name == "local" {
                let message = format!("{what} has a host `{shown}`, which is no name for a host");
                error(message, "a name has letters, digits and `_`, and after the first one `-` and `.` too");
                continue;
            }
            if let Some(group) = groups.get(name) {
                let group = place(&plan.files, group.start);
                let message = format!("{what} has a host `{shown}`, and `{shown}` is a group ({group})");
                error(message, "give the group another name, or leave the host out with `match`");
                continue;
            }
            match origins.get(name) {
                None => {
                    plan.hosts.push((Spanned { value: name.clone(), span: entry.span }, host(ssh, &entry)));
                    let origin = Origin::Found { entry: discovery.entry, ssh: ssh.clone() };
                    origins.insert(name.clone(), origin);
                }
                // Found twice, and it is the same.
                Some(Origin::Found { ssh: known, .. }) if known == ssh => {}
                Some(origin) => {
                    let (other, span) = match origin {
                        Origin::Declared(span) => ("the plan declares another one", Some(*span)),
                        Origin::Found { entry, .. } => {
                            ("another entry has one", plan.discover.get(*entry).map(|entry| entry.span))
                        }
                    };
                    let place = span.map(|span| place(&plan.files, span.start)).unwrap_or_default();
                    let message = format!("{what} has a host `{shown}`, and {other} of that name ({place})");
                    error(message, "rename one of them, or leave it out with `match`");
                    continue;
                }
            }
            into_group(plan, &entry, name);
        }
        // A group without hosts is one all the same.
        into_group_of(plan, &entry);
    }
}

fn into_group_of<'p>(plan: &'p mut Plan, entry: &Discover) -> Option<&'p mut Vec<Spanned<String>>> {
    if !plan.groups.iter().any(|(group, _)| group.value == entry.into.value) {
        plan.groups.push((entry.into.clone(), Vec::new()));
    }
    plan.groups.iter_mut().find(|(group, _)| group.value == entry.into.value).map(|(_, members)| members)
}

fn into_group(plan: &mut Plan, entry: &Discover, name: &str) {
    if let Some(members) = into_group_of(plan, entry)
        && !members.iter().any(|member| member.value == name)
    {
        members.push(Spanned { value: name.to_owned(), span: entry.span });
    }
}

/// The declaration that stands for a host that was found. Its texts are literal.
fn host(ssh: &SshHost, entry: &Discover) -> Host {
    let literal = |text: &str| Template { span: entry.span, pieces: vec![Piece::Text(text.to_owned())] };
    Host::Long(Box::new(LongHost {
        address: literal(&ssh.address),
        user: ssh.user.as_deref().map(literal),
        port: ssh.port.map(|port| literal(&port.to_string())),
        identity: ssh.identity.as_deref().map(literal),
        jump: ssh.jump.as_deref().map(literal),
        tags: ssh.tags.iter().map(|tag| Spanned { value: tag.clone(), span: entry.span }).collect(),
    }))
}
