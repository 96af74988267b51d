//! Ansible's inventories in YAML: groups within groups, each with hosts, children and variables.

use crate::{
    inventory::{Inventory, Vars, expanded},
    yaml::{Kind, Node, ScalarType, Source, parse_foreign, shorten},
};

/// Whether a text looks like an inventory in YAML rather than in INI.
pub(super) fn is_yaml(text: &str) -> bool {
    let root = parse_foreign(text, &Source::new(text));
    matches!(root, Ok(Some(Node { kind: Kind::Mapping(_), .. })))
}

pub(super) fn read(text: &str) -> Result<Inventory, String> {
    let root = parse_foreign(text, &Source::new(text))
        .map_err(|problem| format!("line {}: {}", problem.line, problem.message))?;
    let mut inventory = Inventory::default();
    let Some(root) = root.filter(|root| !root.is_null()) else {
        return Err("the inventory is empty".to_owned());
    };
    for (name, group) in fields(&root, "the inventory")? {
        if name != "_meta" {
            read_group(&mut inventory, &name, group)?;
        }
    }
    Ok(inventory)
}

fn read_group(inventory: &mut Inventory, name: &str, node: &Node) -> Result<(), String> {
    inventory.group(name);
    if node.is_null() {
        return Ok(());
    }
    for (key, value) in fields(node, &format!("the group `{}`", shorten(name)))? {
        if value.is_null() {
            continue;
        }
        match key.as_str() {
            "hosts" => {
                for (pattern, vars) in named(value, "`hosts`")? {
                    let vars = vars.map(texts).transpose()?.unwrap_or_default();
                    for host in expanded(&pattern).map_err(|problem| at(value, &problem))? {
                        inventory.member(name, &host)?;
                        inventory.host_vars.entry(host).or_default().extend(vars.clone());
                    }
                }
            }
            "children" => {
                for (child, group) in named(value, "`children`")? {
                    inventory.group(name).children.push(child.clone());
                    match group {
                        Some(group) => read_group(inventory, &child, group)?,
                        None => drop(inventory.group(&child)),
                    }
                }
            }
            "vars" => {
                let vars = texts(value)?;
                inventory.group(name).vars.extend(vars);
            }
            other => {
                let message = format!("a group has `hosts`, `children` and `vars`, not `{}`", shorten(other));
                return Err(at(value, &message));
            }
        }
    }
    Ok(())
}

fn at(node: &Node, problem: &str) -> String {
    format!("line {}: {problem}", node.span.start.line)
}

fn fields<'n>(node: &'n Node, what: &str) -> Result<Vec<(String, &'n Node)>, String> {
    let Kind::Mapping(entries) = &node.kind else {
        return Err(at(node, &format!("{what} must be a mapping, but is {}", node.describe())));
    };
    entries
        .iter()
        .map(|(key, value)| match &key.kind {
            Kind::Scalar(scalar) => Ok((scalar.text.clone(), value)),
            Kind::Sequence(_) | Kind::Mapping(_) => Err(at(key, "a key must be a text")),
        })
        .collect()
}

/// Names with what is said of each: a mapping, a list of names (in JSON), or one name.
fn named<'n>(node: &'n Node, what: &str) -> Result<Vec<(String, Option<&'n Node>)>, String> {
    let name = |node: &Node| match &node.kind {
        Kind::Scalar(scalar) => Ok(scalar.text.clone()),
        Kind::Sequence(_) | Kind::Mapping(_) => Err(at(node, "a name must be a text")),
    };
    match &node.kind {
        Kind::Scalar(_) => Ok(vec![(name(node)?, None)]),
        Kind::Sequence(items) => items.iter().map(|item| Ok((name(item)?, None))).collect(),
        Kind::Mapping(_) => {
            let entries = fields(node, what)?.into_iter();
            Ok(entries.map(|(name, value)| (name, Some(value).filter(|value| !value.is_null()))).collect())
        }
    }
}

/// The variables that are texts, numbers or truth values; the names of the others are kept with nothing, so that it can be said
/// that they were not taken over.
fn texts(node: &Node) -> Result<Vars, String> {
    Ok(fields(node, "variables")?
        .into_iter()
        .map(|(name, value)| match &value.kind {
            Kind::Scalar(scalar) if scalar.scalar_type() != ScalarType::Null => (name, scalar.text.clone()),
            _ => (name, String::new()),
        })
        .collect())
}
