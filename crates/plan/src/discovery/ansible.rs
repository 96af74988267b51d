//! The format of Ansible's dynamic inventories: groups with hosts, children and variables, and `_meta.hostvars`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Discovered, FoundHost};
use crate::{
    inventory::{Inventory, Vars, Way, way},
    suggest::did_you_mean,
    yaml::shorten,
};

/// The hosts of a group, or all of them. Its groups become the tags of a host.
pub(super) fn read(answer: &str, group: Option<&str>) -> Result<Discovered, String> {
    const FORM: &str = "it must print an object of groups, such as {\"web\": {\"hosts\": [\"web1\"]}}, as Ansible's dynamic \
                        inventories do with --list";
    if answer.trim().is_empty() {
        return Err(format!("it printed nothing; {FORM}"));
    }
    let answer: Value = serde_json::from_str(answer)
        .map_err(|error| format!("what it printed is not JSON ({error}); {FORM}"))?;
    let Value::Object(top) = answer else { return Err(format!("what it printed is no object; {FORM}")) };
    let inventory = inventory(&top)?;
    let mut found = Discovered::default();
    let wanted = match group {
        None => inventory.hosts.clone(),
        Some(group) if inventory.groups.iter().any(|(known, _)| known == group) => inventory.hosts_of(group),
        Some(group) => {
            let names = inventory.groups.iter().map(|(name, _)| name.as_str());
            let hint = match did_you_mean(group, names) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "correct `group`".to_owned(),
            };
            return Err(format!("it printed no group `{}`; {hint}", shorten(group)));
        }
    };
    let resolved = inventory.resolved();
    for name in wanted {
        let Some((groups, vars)) = resolved.get(&name) else { continue };
        let shown = shorten(&name);
        match way(&name, vars)?.0 {
            Way::Ssh(mut ssh) => {
                ssh.tags = groups
                    .iter()
                    .filter(|group| !["all", "ungrouped"].contains(&group.as_str()))
                    .cloned()
                    .collect();
                found.hosts.push(FoundHost { name, ssh });
            }
            Way::Local => {
                found.notes.push(format!("`{shown}` is this machine and left out: a plan calls it `local`"));
            }
            Way::Other(how) => {
                found.notes.push(format!("`{shown}` is reached by {how}, not by SSH, and left out"));
            }
        }
    }
    Ok(found)
}

fn inventory(top: &Map<String, Value>) -> Result<Inventory, String> {
    let mut inventory = Inventory::default();
    for (name, value) in top.iter().filter(|(name, _)| *name != "_meta") {
        let bad = |what: &str| format!("the group `{}` has {what}", shorten(name));
        let (hosts, children, vars) = match value {
            // The old form of a group.
            Value::Array(hosts) => (Some(hosts), None, None),
            Value::Object(group) => {
                let list = |key: &str| match group.get(key) {
                    None | Some(Value::Null) => Ok(None),
                    Some(Value::Array(list)) => Ok(Some(list)),
                    Some(_) => Err(bad(&format!("`{key}` that is no list"))),
                };
                (list("hosts")?, list("children")?, group.get("vars"))
            }
            _ => return Err(bad("neither an object nor a list of hosts")),
        };
        inventory.group(name);
        for host in hosts.into_iter().flatten() {
            let host = host.as_str().ok_or_else(|| bad("a host that is no text"))?;
            inventory.member(name, host)?;
        }
        for child in children.into_iter().flatten() {
            let child = child.as_str().ok_or_else(|| bad("a group in `children` that is no text"))?;
            inventory.group(name).children.push(child.to_owned());
        }
        inventory.group(name).vars = texts(vars);
    }
    let hostvars = top.get("_meta").and_then(|meta| meta.get("hostvars")).and_then(Value::as_object);
    let own: BTreeMap<String, Vars> =
        hostvars.into_iter().flatten().map(|(host, vars)| (host.clone(), texts(Some(vars)))).collect();
    for host in own.keys() {
        inventory.host(host)?;
    }
    inventory.host_vars = own;
    Ok(inventory)
}

/// The variables that are texts, numbers or truth values; nothing else says how a host is reached.
fn texts(vars: Option<&Value>) -> Vars {
    let vars = vars.and_then(Value::as_object).into_iter().flatten();
    vars.filter_map(|(name, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some((name.clone(), text))
    })
    .collect()
}
