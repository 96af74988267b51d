//! Ansible's inventories in INI: hosts in lines with their variables, and sections for groups, their children and their
//! variables.

use super::pairs;
use crate::{
    inventory::{Inventory, expanded, words},
    yaml::shorten,
};

/// What a section lists.
#[derive(Clone, Copy)]
enum Section {
    Hosts,
    Children,
    Vars,
}

pub(super) fn read(text: &str) -> Result<Inventory, String> {
    let mut inventory = Inventory::default();
    let mut section = Section::Hosts;
    let mut group = "ungrouped".to_owned();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let name = rest.split_once(']').map(|(name, _)| name.trim());
            let name = name.filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| format!("line {number}: `{}` is no section", shorten(line)))?;
            let (name, kind) = name.rsplit_once(':').unwrap_or((name, ""));
            section = match kind {
                "" => Section::Hosts,
                "children" => Section::Children,
                "vars" => Section::Vars,
                other => {
                    let other = shorten(other);
                    return Err(format!(
                        "line {number}: a section is [group], [group:children] or [group:vars], not `:{other}`"
                    ));
                }
            };
            group = name.to_owned();
            inventory.group(&group);
            continue;
        }
        let at = |problem: String| format!("line {number}: {problem}");
        match section {
            Section::Hosts => host(&mut inventory, &group, line).map_err(at)?,
            Section::Children => {
                let child = line.split_whitespace().next().unwrap_or_default().to_owned();
                inventory.group(&child);
                inventory.group(&group).children.push(child);
            }
            Section::Vars => {
                let (name, value) = line
                    .split_once('=')
                    .ok_or_else(|| at(format!("`{}` is not name=value", shorten(line))))?;
                inventory
                    .group(&group)
                    .vars
                    .insert(name.trim().to_owned(), unquoted(value.trim()).to_owned());
            }
        }
    }
    Ok(inventory)
}

/// `name[:port] name=value …`, where the name may have ranges.
fn host(inventory: &mut Inventory, group: &str, line: &str) -> Result<(), String> {
    let words = words(line)?;
    let Some((pattern, vars)) = words.split_first() else { return Ok(()) };
    let mut vars = pairs(vars)?;
    // A colon outside of a range parts the name from its port, unless there are several: then it is an IPv6 address.
    let outside = pattern.rfind(']').map_or(0, |end| end + 1);
    let (names, port) = match pattern[outside..].matches(':').count() {
        1 => {
            let at = outside + pattern[outside..].find(':').unwrap_or_default();
            (&pattern[..at], Some(pattern[at + 1..].to_owned()))
        }
        _ => (pattern.as_str(), None),
    };
    if let Some(port) = port {
        vars.entry("ansible_port".to_owned()).or_insert(port);
    }
    for name in expanded(names)? {
        inventory.member(group, &name)?;
        inventory.host_vars.entry(name).or_default().extend(vars.clone());
    }
    Ok(())
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}
