//! Inventories of others as the hosts and groups of a plan.

mod ini;
mod yaml;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use crate::{
    SshHost,
    inventory::{Inventory, Vars, Way, way},
    read::is_host_name,
    yaml::shorten,
};

/// What became of an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// `hosts:` and `groups:` as a plan has them, with comments that say what was not taken over. A file of its own, to be
    /// included, or the beginning of a plan.
    pub text: String,
    /// How many hosts it has.
    pub hosts: usize,
    /// How many groups it has.
    pub groups: usize,
    /// What was not taken over, a sentence each; the same as in the comments.
    pub left_out: Vec<String>,
}

/// Reads an inventory of Ansible in INI, YAML or JSON. `name` is the name of its file, whose ending tells the form where there
/// is one.
///
/// # Errors
/// What is wrong with it, with the line.
pub fn ansible(name: &str, text: &str) -> Result<Imported, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let inventory = match ending.as_str() {
        "yaml" | "yml" | "json" => yaml::read(text)?,
        "ini" | "cfg" => ini::read(text)?,
        _ if yaml::is_yaml(text) => yaml::read(text)?,
        _ => ini::read(text)?,
    };
    written(&inventory)
}

/// What one host becomes.
enum Host {
    Ssh(SshHost),
    Local,
}

fn written(inventory: &Inventory) -> Result<Imported, String> {
    let mut left_out = Vec::new();
    let mut names = Names::default();
    let mut hosts: BTreeMap<&str, (String, Host)> = BTreeMap::new();
    let resolved = inventory.resolved();
    for name in &inventory.hosts {
        let Some((_, vars)) = resolved.get(name) else { continue };
        let shown = shorten(name);
        let (host, mut left) = match way(name, vars) {
            Ok((Way::Ssh(ssh), left)) => (Host::Ssh(ssh), left),
            Ok((Way::Local, left)) => (Host::Local, left),
            Ok((Way::Other(how), _)) => {
                left_out.push(format!("host {shown}: it is reached by {how}, not by SSH"));
                continue;
            }
            Err(why) => {
                left_out.push(format!("host {why}"));
                continue;
            }
        };
        let new = match &host {
            Host::Local => "local".to_owned(),
            Host::Ssh(_) => names.given(name, &["local"]),
        };
        if new != *name {
            left_out.push(match &host {
                Host::Local => format!("host {shown}: it is this machine, which a plan calls local"),
                Host::Ssh(_) => format!("name {shown}: the host is called {new} here"),
            });
        }
        left.sort();
        if !left.is_empty() {
            left_out.push(format!("variables of {shown}: {}", listed(&left)));
        }
        hosts.insert(name, (new, host));
    }
    let mut text = String::new();
    let mut count = 0;
    for name in &inventory.hosts {
        if let Some((new, Host::Ssh(ssh))) = hosts.get(name.as_str()) {
            if count == 0 {
                text.push_str("hosts:\n");
            }
            count += 1;
            let _ = writeln!(text, "  {new}: {}", declaration(ssh));
        }
    }
    let groups = groups(inventory, &hosts, &mut names, &mut left_out);
    if !groups.is_empty() {
        text.push_str("groups:\n");
    }
    for (name, members) in &groups {
        let _ = writeln!(text, "  {name}: [{}]", members.join(", "));
    }
    if count == 0 && groups.is_empty() {
        return Err(
            "the inventory has no host that is reached by SSH, so there is nothing to take over".to_owned()
        );
    }
    let mut comments = String::new();
    if !left_out.is_empty() {
        comments.push_str("# Not taken over:\n");
        for line in &left_out {
            let _ = writeln!(comments, "#   {}", line.replace(['\n', '\r'], " "));
        }
    }
    Ok(Imported { text: comments + &text, hosts: count, groups: groups.len(), left_out })
}

/// The groups with their members, and `all`. Groups without hosts are left out, since a plan has none.
fn groups(
    inventory: &Inventory,
    hosts: &BTreeMap<&str, (String, Host)>,
    names: &mut Names,
    left_out: &mut Vec<String>,
) -> Vec<(String, Vec<String>)> {
    let has_hosts =
        |group: &str| inventory.hosts_of(group).iter().any(|host| hosts.contains_key(host.as_str()));
    let known: Vec<&(String, super::inventory::Group)> =
        inventory.groups.iter().filter(|(name, _)| !["all", "ungrouped"].contains(&name.as_str())).collect();
    let (full, empty): (Vec<_>, Vec<_>) = known.into_iter().partition(|(name, _)| has_hosts(name));
    for (name, _) in empty {
        left_out.push(format!("group {}: it has no hosts", shorten(name)));
    }
    let mut new_names: BTreeMap<&str, String> = BTreeMap::new();
    for (name, _) in &full {
        let new = names.given(name, &["local", "all"]);
        if new != *name {
            left_out.push(format!("name {}: the group is called {new} here", shorten(name)));
        }
        new_names.insert(name, new);
    }
    let mut written = Vec::new();
    for (name, group) in &full {
        let mut seen = BTreeSet::new();
        let children = group.children.iter().filter_map(|child| new_names.get(child.as_str()));
        let members = group.hosts.iter().filter_map(|host| hosts.get(host.as_str()).map(|(new, _)| new));
        let members: Vec<String> =
            children.chain(members).filter(|member| seen.insert((*member).clone())).cloned().collect();
        written.extend(new_names.get(name.as_str()).map(|new| (new.clone(), members)));
    }
    let all: Vec<String> = inventory
        .hosts
        .iter()
        .filter_map(|host| hosts.get(host.as_str()))
        .map(|(new, _)| new.clone())
        .collect();
    if !all.is_empty() && !names.taken.contains("all") {
        written.push(("all".to_owned(), all));
    }
    written
}

/// Names that are given already: in a plan, hosts and groups share them.
#[derive(Default)]
struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// `name`, or one like it that fits a plan and that nobody has.
    fn given(&mut self, name: &str, reserved: &[&str]) -> String {
        let fits = |name: &str, taken: &BTreeSet<String>| {
            is_host_name(name) && !reserved.contains(&name) && !taken.contains(name)
        };
        let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let dashed: String = name.chars().map(|c| if is_letter(c) { c } else { '-' }).take(80).collect();
        let base = dashed.trim_start_matches(['-', '.']);
        let base = if base.is_empty() { "host" } else { base };
        let new = if fits(name, &self.taken) {
            name.to_owned()
        } else {
            let numbered = (2_u32..).map(|number| format!("{base}-{number}"));
            let found = std::iter::once(base.to_owned()).chain(numbered).find(|name| fits(name, &self.taken));
            found.unwrap_or_default()
        };
        self.taken.insert(new.clone());
        new
    }
}

/// `user@address`, or a mapping where that does not say everything.
fn declaration(ssh: &SshHost) -> String {
    let SshHost { address, user, port, identity, jump, .. } = ssh;
    if let (Some(user), None, None, false) = (user, identity, jump, address.contains(':')) {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        return scalar(&format!("{user}@{address}{port}"));
    }
    let port = port.map(|port| port.to_string());
    let fields = [
        ("address", Some(scalar(address))),
        ("user", user.as_deref().map(scalar)),
        ("port", port),
        ("identity", identity.as_deref().map(scalar)),
        ("jump", jump.as_deref().map(scalar)),
    ];
    let fields: Vec<String> =
        fields.into_iter().filter_map(|(key, value)| Some(format!("{key}: {}", value?))).collect();
    format!("{{ {} }}", fields.join(", "))
}

/// A text of YAML: plain where nobody could take it for anything else.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '~'))
        && text.len() > 1
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '~' | '@'))
        && !["true", "false", "null"].contains(&text.to_ascii_lowercase().as_str());
    // JSON's texts are texts of YAML, and have no control characters.
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| shorten(name)).collect::<Vec<_>>().join(", ")
}

/// The variables that stand in a line as `name=value`.
fn pairs(words: &[String]) -> Result<Vars, String> {
    words
        .iter()
        .map(|word| match word.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(format!("`{}` is not name=value", shorten(word))),
        })
        .collect()
}

#[cfg(test)]
mod tests;
