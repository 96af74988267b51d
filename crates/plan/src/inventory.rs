//! An inventory of Ansible: hosts, groups of them, and variables of both; from whatever form it was written in.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv6Addr,
};

use crate::{SshHost, hosts, yaml::shorten};

/// Variables, as texts.
pub(crate) type Vars = BTreeMap<String, String>;

/// The most hosts of an inventory; ranges could otherwise make any number of them.
pub(crate) const MOST_HOSTS: usize = 10_000;

/// Hosts, groups and their variables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inventory {
    /// The names of the hosts, each once, in the order in which they come.
    pub(crate) hosts: Vec<String>,
    /// What is said of a host alone.
    pub(crate) host_vars: BTreeMap<String, Vars>,
    /// The groups, in the order in which they come.
    pub(crate) groups: Vec<(String, Group)>,
    known: BTreeSet<String>,
}

/// A group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) hosts: Vec<String>,
    pub(crate) children: Vec<String>,
    pub(crate) vars: Vars,
}

impl Inventory {
    /// Adds a host, unless it is there.
    pub(crate) fn host(&mut self, name: &str) -> Result<(), String> {
        if self.known.insert(name.to_owned()) {
            self.hosts.push(name.to_owned());
        }
        if self.hosts.len() > MOST_HOSTS {
            return Err(format!("the inventory has more than {MOST_HOSTS} hosts"));
        }
        Ok(())
    }

    /// The group of a name, which is made when it is not there.
    pub(crate) fn group(&mut self, name: &str) -> &mut Group {
        let at = match self.groups.iter().position(|(known, _)| known == name) {
            Some(at) => at,
            None => {
                self.groups.push((name.to_owned(), Group::default()));
                self.groups.len() - 1
            }
        };
        &mut self.groups[at].1
    }

    /// Adds a host to a group.
    pub(crate) fn member(&mut self, group: &str, host: &str) -> Result<(), String> {
        self.host(host)?;
        let members = &mut self.group(group).hosts;
        if !members.iter().any(|member| member == host) {
            members.push(host.to_owned());
        }
        Ok(())
    }

    /// The hosts of a group and of those within it, each once. A group that contains itself is followed once.
    pub(crate) fn hosts_of(&self, group: &str) -> Vec<String> {
        let by_name = self.by_name();
        let (mut seen, mut hosts, mut known) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
        let mut waiting = vec![group];
        while let Some(name) = waiting.pop() {
            let Some(group) = by_name.get(name).filter(|_| seen.insert(name)) else { continue };
            hosts.extend(group.hosts.iter().filter(|host| known.insert(host.as_str())).cloned());
            waiting.extend(group.children.iter().rev().map(String::as_str));
        }
        hosts
    }

    fn by_name(&self) -> BTreeMap<&str, &Group> {
        self.groups.iter().map(|(name, group)| (name.as_str(), group)).collect()
    }

    /// For each host its groups (all that contain it, the outermost first) and its variables. As Ansible has it, a group within
    /// another one overrides it, of groups of the same depth the last one by name counts, and what is said of a host
    /// alone overrides all.
    pub(crate) fn resolved(&self) -> BTreeMap<String, (Vec<String>, Vars)> {
        let by_name = self.by_name();
        let depths = depths(&by_name);
        let mut order: Vec<&str> = by_name.keys().copied().collect();
        order.sort_by_key(|name| (*name != "all", depths.get(name).copied().unwrap_or(0), *name));
        let mut resolved: BTreeMap<String, (Vec<String>, Vars)> =
            self.hosts.iter().map(|host| (host.clone(), Default::default())).collect();
        for name in order {
            let Some(group) = by_name.get(name) else { continue };
            // Every host is in `all`, whether it says so or not.
            let hosts = if name == "all" { self.hosts.clone() } else { self.hosts_of(name) };
            for host in hosts {
                if let Some((groups, vars)) = resolved.get_mut(&host) {
                    groups.push(name.to_owned());
                    vars.extend(group.vars.clone());
                }
            }
        }
        for (host, own) in &self.host_vars {
            if let Some((_, vars)) = resolved.get_mut(host) {
                vars.extend(own.clone());
            }
        }
        resolved
    }
}

/// How deep each group lies within others. Groups that contain each other in a circle are as deep as they were first met.
fn depths<'g>(groups: &BTreeMap<&'g str, &'g Group>) -> BTreeMap<&'g str, usize> {
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    let mut level: BTreeSet<&str> = groups.keys().copied().collect();
    // No group lies deeper than there are groups, unless in a circle.
    for depth in 0..groups.len() {
        depths.extend(level.iter().map(|name| (*name, depth)));
        let within = level.iter().filter_map(|name| groups.get(name)).flat_map(|group| &group.children);
        level = within
            .map(String::as_str)
            .filter_map(|name| groups.get_key_value(name))
            .map(|(name, _)| *name)
            .collect();
        if level.is_empty() {
            break;
        }
    }
    depths
}

/// What a host of an inventory is to a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A server that is reached by SSH.
    Ssh(SshHost),
    /// This machine.
    Local,
    /// It is reached in a way that there is not here.
    Other(String),
}

/// The variables that say how a host is reached, by what they mean; of several names the first counts.
const ADDRESS: [&str; 2] = ["ansible_host", "ansible_ssh_host"];
const USER: [&str; 2] = ["ansible_user", "ansible_ssh_user"];
const PORT: [&str; 2] = ["ansible_port", "ansible_ssh_port"];
const IDENTITY: [&str; 2] = ["ansible_ssh_private_key_file", "ansible_private_key_file"];
const CONNECTION: &str = "ansible_connection";
const ARGUMENTS: [&str; 2] = ["ansible_ssh_common_args", "ansible_ssh_extra_args"];

/// How a host is reached, and the names of the variables that say something else.
///
/// # Errors
/// What is wrong with a variable. Values are named, since all of those that are read here are shown in a plan anyway.
pub(crate) fn way(name: &str, vars: &Vars) -> Result<(Way, Vec<String>), String> {
    let first = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| vars.get(*name))
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    };
    let mut left: Vec<String> = vars
        .keys()
        .filter(|name| {
            let name = name.as_str();
            let known = [&ADDRESS, &USER, &PORT, &IDENTITY, &ARGUMENTS];
            name != CONNECTION && !known.iter().any(|names| names.contains(&name))
        })
        .cloned()
        .collect();
    match first(&[CONNECTION]) {
        Some("local" | "ansible.builtin.local") => return Ok((Way::Local, left)),
        None | Some("ssh" | "smart" | "paramiko" | "paramiko_ssh" | "ansible.builtin.ssh") => {}
        Some(other) => return Ok((Way::Other(shorten(other)), left)),
    }
    let read = |what: &str, value: &str| -> Result<String, String> {
        // In a plan it would be read, and what fills it in is not here.
        match ["{{", "{%", "${{"].iter().any(|sign| value.contains(sign)) {
            true => Err(format!("`{}` has its {what} from a template: `{}`", shorten(name), shorten(value))),
            false => Ok(value.to_owned()),
        }
    };
    let in_host = |problem: String| format!("`{}`: {problem}", shorten(name));
    let address = read("address", first(&ADDRESS).unwrap_or(name))?;
    let address = hosts::address(&address).map_err(in_host)?;
    let user = first(&USER).map(|user| hosts::user(&read("user", user)?).map_err(in_host)).transpose()?;
    let port = first(&PORT)
        .map(|port| {
            hosts::port(&read("port", port)?, crate::span::Span::START)
                .map_err(|problem| in_host(problem.message))
        })
        .transpose()?;
    let identity = first(&IDENTITY).map(|identity| read("key", identity)).transpose()?;
    if identity.as_deref().is_some_and(|path| path.chars().any(char::is_control)) {
        return Err(in_host("the path of its key has a control character".to_owned()));
    }
    let mut jump = None;
    for name in ARGUMENTS {
        let Some(arguments) = vars.get(name).filter(|arguments| !arguments.trim().is_empty()) else {
            continue;
        };
        match jump_of(arguments) {
            (Some(host), is_all) if hosts::parse_host(&host).is_ok() => {
                jump = jump.or(Some(host));
                if !is_all {
                    left.push(name.to_owned());
                }
            }
            _ => left.push(name.to_owned()),
        }
    }
    let ssh = SshHost { address, user, port, identity, jump, tags: Vec::new() };
    Ok((Way::Ssh(ssh), left))
}

/// The host that `ssh` with these arguments connects through, and whether they say nothing else.
fn jump_of(arguments: &str) -> (Option<String>, bool) {
    let Ok(words) = words(arguments) else { return (None, false) };
    let (mut jump, mut is_all) = (None, true);
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let (is_option, value) = match word {
            "-J" | "-o" => (word == "-o", words.next().unwrap_or_default()),
            word if word.starts_with("-J") => (false, &word[2..]),
            word if word.starts_with("-o") => (true, word[2..].trim_start()),
            _ => {
                is_all = false;
                continue;
            }
        };
        let host = if is_option { option_jump(value) } else { Some(value.to_owned()) };
        match host.filter(|host| !host.is_empty() && !host.contains(',')) {
            Some(host) => jump = jump.or(Some(host)),
            None => is_all = false,
        }
    }
    (jump, is_all)
}

/// `ProxyJump=host`, or a `ProxyCommand` of `ssh -W` that does the same.
fn option_jump(option: &str) -> Option<String> {
    let (name, value) = option.split_once(['=', ' '])?;
    let value = value.trim().trim_matches(['"', '\'']);
    if name.eq_ignore_ascii_case("proxyjump") {
        return Some(value.to_owned()).filter(|value| value != "none");
    }
    if !name.eq_ignore_ascii_case("proxycommand") {
        return None;
    }
    let words = words(value).ok()?;
    let (program, rest) = words.split_first()?;
    let rest: Vec<&str> = rest.iter().map(String::as_str).filter(|word| *word != "-q").collect();
    match (program.as_str(), rest.as_slice()) {
        ("ssh", ["-W", "%h:%p", host] | [host, "-W", "%h:%p"]) => Some((*host).to_owned()),
        ("ssh", ["-W", "%h:%p", "-p", port, host] | ["-p", port, "-W", "%h:%p", host]) => {
            Some(format!("{host}:{port}"))
        }
        _ => None,
    }
}

/// The words of a line as a shell would part them.
///
/// # Errors
/// A quote that is not closed.
pub(crate) fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            // A comment begins a word.
            ('#', None) if word.is_none() => break,
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(format!("a quote ({open}) is not closed"));
    }
    words.extend(word);
    Ok(words)
}

/// The names that a name with ranges stands for: `web[01:03]`, `db-[a:c]`, `n[1:9:2]`.
///
/// # Errors
/// A range that cannot be read, or one that is too long.
pub(crate) fn expanded(pattern: &str) -> Result<Vec<String>, String> {
    let Some((before, rest)) = pattern.split_once('[') else { return Ok(vec![pattern.to_owned()]) };
    let bad = |why: &str| format!("the range in `{}` {why}; write web[01:10] or db-[a:f]", shorten(pattern));
    let (range, after) = rest.split_once(']').ok_or_else(|| bad("has no `]`"))?;
    if pattern.starts_with('[') && range.parse::<Ipv6Addr>().is_ok() {
        return Ok(vec![pattern.to_owned()]);
    }
    let parts: Vec<&str> = range.split(':').collect();
    let (first, last, step) = match parts.as_slice() {
        [first, last] => (*first, *last, 1),
        [first, last, step] => (
            *first,
            *last,
            step.parse::<u32>().ok().filter(|step| *step > 0).ok_or_else(|| bad("has a bad step"))?,
        ),
        _ => return Err(bad("is not two ends with `:` between them")),
    };
    let first = if first.is_empty() { "0" } else { first };
    let letter = |text: &str| text.chars().next().filter(|c| c.is_ascii_alphabetic() && text.len() == 1);
    let middles: Vec<String> = match (first.parse::<u32>(), last.parse::<u32>(), letter(first), letter(last))
    {
        (Ok(low), Ok(high), ..) if low <= high => {
            let count = ((high - low) / step) as usize;
            if count >= MOST_HOSTS {
                return Err(bad(&format!("stands for more than {MOST_HOSTS} hosts")));
            }
            let width = first.len();
            // With a zero in front, all have as many digits as the first.
            let pad = if first.starts_with('0') { width } else { 0 };
            (low..=high).step_by(step as usize).map(|number| format!("{number:0pad$}")).collect()
        }
        (_, _, Some(low), Some(high)) if low <= high => {
            (low..=high).step_by(step as usize).map(String::from).collect()
        }
        _ => return Err(bad("does not go from a smaller end to a larger one")),
    };
    let afters = expanded(after)?;
    if middles.len().saturating_mul(afters.len()) > MOST_HOSTS {
        return Err(bad(&format!("stands for more than {MOST_HOSTS} hosts")));
    }
    Ok(middles
        .iter()
        .flat_map(|middle| afters.iter().map(move |after| format!("{before}{middle}{after}")))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_stands_for_its_names() {
        let check =
            |pattern, expected: &[&str]| assert_eq!(expanded(pattern).unwrap(), expected, "{pattern}");
        check("web", &["web"]);
        check("web[01:03].example.com", &["web01.example.com", "web02.example.com", "web03.example.com"]);
        check("web[8:11]", &["web8", "web9", "web10", "web11"]);
        check("n[1:7:3]", &["n1", "n4", "n7"]);
        check("db-[a:c]", &["db-a", "db-b", "db-c"]);
        check("r[1:2]-s[a:b]", &["r1-sa", "r1-sb", "r2-sa", "r2-sb"]);
        check("[::1]", &["[::1]"]);
        for bad in [
            "web[1:2",
            "web[1]",
            "web[b:a]",
            "web[2:1]",
            "web[1:99999]",
            "a[1:999]b[1:999]",
            "w[1:2:0]",
            "w[1:x]",
        ] {
            assert!(expanded(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_host_that_ssh_connects_through_is_found_in_its_arguments() {
        let check = |arguments, host: Option<&str>, is_all| {
            assert_eq!(jump_of(arguments), (host.map(str::to_owned), is_all), "{arguments}");
        };
        check("-J bastion", Some("bastion"), true);
        check("-Jdeploy@bastion:2222", Some("deploy@bastion:2222"), true);
        check("-o ProxyJump=bastion", Some("bastion"), true);
        check("-oProxyJump=bastion -o StrictHostKeyChecking=no", Some("bastion"), false);
        check("-o ProxyCommand=\"ssh -W %h:%p -q me@bastion\"", Some("me@bastion"), true);
        check("-o 'ProxyCommand=ssh -p 2222 -W %h:%p me@bastion'", Some("me@bastion:2222"), true);
        check("-o ProxyCommand=\"nc -x proxy %h %p\"", None, false);
        check("-J one,two", None, false);
        check("-o ControlMaster=auto", None, false);
        check("-J 'open", None, false);
    }

    #[test]
    fn a_group_within_another_overrides_it_and_a_host_overrides_all() {
        let mut inventory = Inventory::default();
        inventory.member("web", "w1").unwrap();
        inventory.member("web", "w2").unwrap();
        inventory.group("site").children.push("web".to_owned());
        let var = |name: &str, value: &str| Vars::from([(name.to_owned(), value.to_owned())]);
        inventory.group("all").vars = var("ansible_user", "all");
        inventory.group("site").vars = var("ansible_user", "site");
        inventory.group("web").vars = var("ansible_user", "web");
        inventory.host_vars.insert("w2".to_owned(), var("ansible_user", "own"));
        let resolved = inventory.resolved();
        assert_eq!(resolved["w1"].1["ansible_user"], "web");
        assert_eq!(resolved["w2"].1["ansible_user"], "own");
        assert_eq!(resolved["w1"].0, ["all", "site", "web"]);
        // A circle ends.
        inventory.group("web").children.push("site".to_owned());
        assert_eq!(inventory.resolved()["w2"].1["ansible_user"], "own");
    }

    #[test]
    fn an_address_that_would_be_an_option_is_refused() {
        let vars = |name: &str, value: &str| Vars::from([(name.to_owned(), value.to_owned())]);
        for (name, value) in [
            ("ansible_host", "-oProxyCommand=id"),
            ("ansible_host", "a b"),
            ("ansible_host", "{{ other }}"),
            ("ansible_user", "-l"),
            ("ansible_port", "0"),
            ("ansible_port", "22; id"),
            ("ansible_ssh_private_key_file", "${{ env.HOME }}"),
        ] {
            assert!(way("web", &vars(name, value)).is_err(), "{name}={value}");
        }
        assert!(way("-web", &Vars::new()).is_err());
        let jump = way("web", &vars("ansible_ssh_common_args", "-J -oProxyCommand=id")).unwrap();
        assert!(
            matches!(jump, (Way::Ssh(SshHost { jump: None, .. }), left) if left == ["ansible_ssh_common_args"])
        );
    }
}
