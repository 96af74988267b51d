//! From the declaration of a host to the way it is reached.

use std::{collections::BTreeMap, net::Ipv6Addr};

use crate::{
    ast::{Host, Plan},
    compiled::{CompiledHost, SshHost},
    diagnostic::{Code, Diagnostic},
    graph::{order, path},
    scope::{Rendered, Scope},
    span::Span,
    template::Template,
    yaml::shorten,
};

/// Reads one host; `None` when something about it is wrong, which is then in `problems`, or not known yet.
pub(crate) fn host(host: &Host, scope: &Scope<'_>, problems: &mut Vec<Diagnostic>) -> Option<SshHost> {
    let before = problems.len();
    let ssh = match host {
        Host::Short(template) => {
            let text = whole(scope.open(template, "a host", problems))?;
            short(text.trim()).map_err(|problem| problems.push(problem.at(template.span))).ok()?
        }
        Host::Long(long) => {
            let mut part = |template: Option<&Template>| match template {
                None => Some(None),
                Some(template) => {
                    whole(scope.open(template, "a host", problems)).map(|text| Some((text, template.span)))
                }
            };
            let address = part(Some(&long.address))?;
            let (user, port) = (part(long.user.as_ref())?, part(long.port.as_ref())?);
            let (identity, jump) = (part(long.identity.as_ref())?, part(long.jump.as_ref())?);
            let mut read = |value: Option<(String, Span)>, read: fn(&str) -> Result<String, Problem>| {
                let (text, span) = value?;
                read(&text).map_err(|problem| problems.push(problem.at(span))).ok()
            };
            let address = read(address, address_alone);
            let user = read(user, user_alone);
            let jump = read(jump, jump_alone);
            let port = port.and_then(|(text, span)| {
                port_alone(&text).map_err(|problem| problems.push(problem.at(span))).ok()
            });
            let identity = identity.map(|(text, _)| text);
            let tags = long.tags.iter().map(|tag| tag.value.clone()).collect();
            SshHost { address: address.unwrap_or_default(), user, port, identity, jump, tags }
        }
    };
    (problems.len() == before).then_some(ssh)
}

fn whole(rendered: Rendered) -> Option<String> {
    rendered.is_complete.then_some(rendered.text)
}

/// Every host of the plan that can be read, by name, and `local`. Reports jumps in a circle.
pub(crate) fn all(
    plan: &Plan,
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> BTreeMap<String, CompiledHost> {
    let mut hosts = BTreeMap::from([("local".to_owned(), CompiledHost::Local)]);
    for (name, declared) in &plan.hosts {
        if let Some(ssh) = host(declared, scope, problems) {
            hosts.insert(name.value.clone(), CompiledHost::Ssh(ssh));
        }
    }
    let numbers: BTreeMap<&str, usize> =
        plan.hosts.iter().enumerate().map(|(number, (name, _))| (name.value.as_str(), number)).collect();
    let jump = |name: &str| match hosts.get(name) {
        Some(CompiledHost::Ssh(ssh)) => ssh.jump.as_deref(),
        Some(CompiledHost::Local) | None => None,
    };
    let needs: Vec<Vec<usize>> = plan
        .hosts
        .iter()
        .map(|(name, _)| jump(&name.value).and_then(|jump| numbers.get(jump)).copied().into_iter().collect())
        .collect();
    for cycle in order(&needs).cycles {
        let names = || cycle.iter().chain(cycle.first()).filter_map(|number| plan.hosts.get(*number));
        if let Some((name, _)) = names().next() {
            let message = format!(
                "hosts are reached through each other in a circle: {}",
                path(names().map(|(name, _)| name.value.as_str()))
            );
            let problem = Diagnostic::error(Code::Cycle, name.span, message);
            problems.push(problem.hint("one of them must be reachable without `jump`"));
        }
    }
    hosts
}

/// What is wrong with a part of a host, and what to do.
struct Problem {
    message: String,
    hint: Option<&'static str>,
}

impl Problem {
    fn new(message: String, hint: Option<&'static str>) -> Self {
        Self { message, hint }
    }

    fn at(self, span: Span) -> Diagnostic {
        let problem = Diagnostic::error(Code::InvalidValue, span, self.message);
        match self.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// `user@address`, `user@address:port`, `user@[IPv6]:port`, `user@IPv6`, each without `user@` too.
fn short(text: &str) -> Result<SshHost, Problem> {
    if let Some((scheme, _)) = text.split_once("://") {
        let message = format!("`{}` is a URL (`{}://`), not a host", shorten(text), shorten(scheme));
        return Err(Problem::new(message, Some("write user@address or user@address:port")));
    }
    let (user, place) = match text.rsplit_once('@') {
        Some((user, place)) => (Some(user_alone(user)?), place),
        None => (None, text),
    };
    let (address, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let Some((address, after)) = rest.split_once(']') else {
                return Err(Problem::new(format!("`{}` has no `]`", shorten(place)), None));
            };
            match after.strip_prefix(':') {
                Some(port) => (address, Some(port)),
                None if after.is_empty() => (address, None),
                None => {
                    let message = format!("`{}` has `{}` after `]`", shorten(place), shorten(after));
                    return Err(Problem::new(message, Some("after `]` only `:` and a port can come")));
                }
            }
        }
        None if place.matches(':').count() == 1 => {
            place.split_once(':').map_or((place, None), |(address, port)| (address, Some(port)))
        }
        None => (place, None),
    };
    let address = address_alone(address)?;
    let port = port.map(port_alone).transpose()?;
    Ok(SshHost { address, user, port, identity: None, jump: None, tags: Vec::new() })
}

/// Reads `user@address`, `user@address:port`, `user@[IPv6]:port`, each without `user@` too.
///
/// # Errors
/// What is wrong with the text, and what to do about it.
pub fn parse_host(text: &str) -> Result<SshHost, String> {
    short(text.trim()).map_err(|problem| match problem.hint {
        Some(hint) => format!("{}; {hint}", problem.message),
        None => problem.message,
    })
}

fn address_alone(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let text = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if text.is_empty() {
        return Err(Problem::new("the address of the host is empty".to_owned(), Some("write user@address")));
    }
    if let Some((user, _)) = text.split_once('@') {
        let message = format!("the address `{}` has a user in it", shorten(text));
        let hint = if user.is_empty() { "remove the `@`" } else { "in a mapping the user goes into `user:`" };
        return Err(Problem::new(message, Some(hint)));
    }
    if text.contains(':') {
        let without_zone = text.split_once('%').map_or(text, |(address, _)| address);
        if without_zone.parse::<Ipv6Addr>().is_err() {
            let message = format!("`{}` is no IPv6 address", shorten(text));
            return Err(Problem::new(
                message,
                Some("with a port, write user@[IPv6]:port; in a mapping, use `port:`"),
            ));
        }
        return Ok(text.to_owned());
    }
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !text.chars().all(is_name) || text.starts_with(['-', '.']) {
        let message = format!("`{}` is neither a name nor an IP address", shorten(text));
        return Err(Problem::new(message, Some("write user@address, such as deploy@203.0.113.10")));
    }
    Ok(text.to_owned())
}

fn user_alone(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let is_fine = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '$' | '+' | '\\' | '@');
    if text.is_empty() || text.starts_with('-') || !text.chars().all(is_fine) {
        let message = match text.split_once(':') {
            Some((user, _)) => {
                format!("`{}` has a password; plans never have one", shorten(&format!("{user}:…")))
            }
            None => format!("`{}` is no name of a user", shorten(text)),
        };
        return Err(Problem::new(message, Some("write user@address, such as deploy@203.0.113.10")));
    }
    Ok(text.to_owned())
}

fn jump_alone(text: &str) -> Result<String, Problem> {
    if text == "local" {
        let message = "`jump` cannot be `local`: every connection starts there".to_owned();
        return Err(Problem::new(message, Some("remove `jump`")));
    }
    // What is no host of the plan is given to the SSH configuration, and has the form that a host has.
    short(text).map(|_| text.to_owned())
}

fn port_alone(text: &str) -> Result<u16, Problem> {
    let number = text.trim().parse::<u32>().ok();
    match number.and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0) {
        Some(port) if text.trim().chars().all(|c| c.is_ascii_digit()) => Ok(port),
        _ => {
            let message =
                format!("`{}` is no port; ports are the whole numbers from 1 to 65535", shorten(text));
            Err(Problem::new(message, None))
        }
    }
}

/// A name or an address, alone.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn address(text: &str) -> Result<String, String> {
    address_alone(text).map_err(|problem| problem.message)
}

/// The name of a user.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn user(text: &str) -> Result<String, String> {
    user_alone(text).map_err(|problem| problem.message)
}

/// A port.
pub(crate) fn port(text: &str, span: Span) -> Result<u16, Diagnostic> {
    port_alone(text).map_err(|problem| problem.at(span))
}

/// `address:port`, as `wait_for: { tcp: … }` has it.
pub(crate) fn address_and_port(text: &str, span: Span) -> Result<(String, u16), Diagnostic> {
    let hint = "write an address and a port, such as \"127.0.0.1:5432\" or \"[::1]:5432\"";
    let read = || {
        let (address, port) = text
            .trim()
            .rsplit_once(':')
            .ok_or_else(|| Problem::new(format!("`{}` has no port", shorten(text)), Some(hint)))?;
        if address.contains(':') && !address.starts_with('[') {
            return Err(Problem::new(
                format!("`{}` has no brackets around its IPv6 address", shorten(text)),
                Some(hint),
            ));
        }
        Ok((address_alone(address)?, port_alone(port)?))
    };
    read().map_err(|problem: Problem| problem.at(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_an_address_are_understood() {
        let check = |text: &str, expected: Option<(Option<&str>, &str, Option<u16>)>| {
            let read = short(text).ok();
            let read = read.as_ref().map(|host| (host.user.as_deref(), host.address.as_str(), host.port));
            assert_eq!(read, expected, "{text}");
        };
        check("deploy@203.0.113.10", Some((Some("deploy"), "203.0.113.10", None)));
        check("deploy@web.example.com:2222", Some((Some("deploy"), "web.example.com", Some(2222))));
        check("deploy@[2001:db8::1]:2222", Some((Some("deploy"), "2001:db8::1", Some(2222))));
        check("deploy@[2001:db8::1]", Some((Some("deploy"), "2001:db8::1", None)));
        check("deploy@2001:db8::1", Some((Some("deploy"), "2001:db8::1", None)));
        check("deploy@fe80::1%eth0", Some((Some("deploy"), "fe80::1%eth0", None)));
        check("bastion", Some((None, "bastion", None)));
        check("me@corp.example@web", Some((Some("me@corp.example"), "web", None)));
        for bad in [
            "",
            "@",
            "deploy@",
            "@web",
            "deploy@web:0",
            "deploy@web:65536",
            "deploy@web:+22",
            "deploy@web:",
            "ssh://web",
            "deploy@[::1",
            "deploy@[::1]x",
            "deploy@1:2:3",
            "-oProxyCommand=x",
            "deploy@-oProxyCommand=x",
            "-l@web",
            "deploy:password@web",
            "web one",
            "web;id",
            "deploy@web\nx",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_probe_needs_an_address_and_a_port() {
        let check = |text, expected: Option<(&str, u16)>| {
            let read = address_and_port(text, Span::START).ok();
            assert_eq!(read.as_ref().map(|(address, port)| (address.as_str(), *port)), expected, "{text}");
        };
        check("127.0.0.1:80", Some(("127.0.0.1", 80)));
        check("[::1]:80", Some(("::1", 80)));
        check("localhost:5432", Some(("localhost", 5432)));
        check("::1:80", None);
        check("5432", None);
        check(":80", None);
        check("localhost:http", None);
    }
}
