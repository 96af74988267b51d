//! Hosts that a plan does not list: where it looks for them, and what was found there becoming part of it.
//!
//! Nothing is asked here. [`Plan::discoveries`] says what is to be asked, [`Discovery::read`] makes sense of the answer,
//! and [`Plan::with_discovered`] makes a plan of it that has the hosts as if they stood there. What was found is data:
//! its texts are never read as `${{ … }}`, and they are checked like those of the plan.

mod ansible;
mod found;
mod tailscale;

use std::collections::BTreeMap;

use schemars::JsonSchema;

pub use found::{Discovered, FoundHost};

use crate::{
    Diagnostic, Inputs, SshHost,
    ast::{OneOrMany, Plan, PortValue},
    check::tidy,
    diagnostic::Code,
    duration::Millis,
    include::place,
    read::is_host_name,
    scope::{Budget, HostScope, Scope, variables},
    span::{Span, Spanned},
    template::{Root, Template},
    yaml::shorten,
};

/// How long a command may take that prints hosts, if the plan does not say otherwise.
const PATIENCE: Millis = Millis(30_000);

/// An entry of `discover`.
#[derive(Clone, Debug)]
pub(crate) struct Discover {
    /// Where to point: its kind.
    pub(crate) span: Span,
    pub(crate) source: SourceSpec,
    /// Patterns of names; all when there is none.
    pub(crate) matching: Vec<Spanned<String>>,
    pub(crate) into: Spanned<String>,
    pub(crate) required: bool,
    pub(crate) user: Option<Template>,
    pub(crate) port: Option<Template>,
    pub(crate) identity: Option<Template>,
    pub(crate) jump: Option<Template>,
}

/// Where an entry looks.
#[derive(Clone, Debug)]
pub(crate) enum SourceSpec {
    Tailscale { tag: Option<Spanned<String>> },
    SshConfig,
    Command { run: Template, timeout: Option<Spanned<Millis>>, group: Option<Spanned<String>> },
}

/// A place where hosts are looked for: `tailscale`, `ssh_config` or `command`.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it only gives the schema its shape")]
pub(crate) enum DiscoverValue {
    /// The machines of the tailnet that this machine is in.
    Tailscale(TailscaleValue),
    /// The hosts of the SSH configuration that are no patterns.
    SshConfig(SshConfigValue),
    /// What a command prints.
    Command(CommandValue),
}

/// The machines of the tailnet that this machine is in.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "it only gives the schema its shape")]
pub(crate) struct TailscaleValue {
    /// Which of them, and what becomes of them.
    tailscale: TailscaleFields,
}

/// The hosts of the SSH configuration that are no patterns.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "it only gives the schema its shape")]
pub(crate) struct SshConfigValue {
    /// Which of them, and what becomes of them.
    ssh_config: SshConfigFields,
}

/// What a command prints, in the format of Ansible's dynamic inventories.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "it only gives the schema its shape")]
pub(crate) struct CommandValue {
    /// The command, and what becomes of its hosts.
    command: CommandFields,
}

/// The fields of each kind of entry: its own, and those that all have.
macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $ty:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(JsonSchema)]
        #[schemars(deny_unknown_fields)]
        #[expect(dead_code, reason = "it only gives the schema its shape")]
        pub(crate) struct $name {
            $($(#[$fdoc])* $field: $ty,)*
            /// Only hosts whose names fit one of these patterns, such as `web*`.
            #[schemars(rename = "match")]
            matching: Option<OneOrMany>,
            /// The group that the hosts come into; it may be one of `groups`.
            into: String,
            /// Whether it is an error when there are none; true if not said otherwise.
            required: Option<bool>,
            /// The user to log in as, where what was found does not say.
            user: Option<String>,
            /// The SSH port, where what was found does not say.
            port: Option<PortValue>,
            /// The path of a private key on this machine, where what was found does not say.
            identity: Option<String>,
            /// The host to connect through, where what was found does not say.
            jump: Option<String>,
        }
    )*};
}

shapes! {
    /// Machines of a tailnet.
    TailscaleFields {
        /// Only machines with this tag, such as `web` for `tag:web`.
        tag: Option<String>,
    }
    /// Hosts of the SSH configuration.
    SshConfigFields {}
    /// Hosts that a command prints.
    CommandFields {
        /// The command, for `/bin/sh` on this machine, in the folder of the plan. It prints JSON.
        run: String,
        /// How long it may take, 30s if not said otherwise.
        timeout: Option<Millis>,
        /// Only hosts of this group of what it prints.
        group: Option<String>,
    }
}

/// What is to be asked for hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Discovery {
    /// Whom to ask.
    pub source: DiscoverySource,
    /// Which entry of the plan it is.
    entry: usize,
    matching: Vec<String>,
    tag: Option<String>,
    group: Option<String>,
    into: String,
    user: Option<String>,
    port: Option<u16>,
    identity: Option<String>,
    jump: Option<String>,
}

/// Whom to ask for hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DiscoverySource {
    /// `tailscale status --json`; the answer is what it prints.
    Tailscale,
    /// The person's SSH configuration; the answer is the names of its hosts without patterns, a line each.
    SshConfig,
    /// A command; the answer is what it prints.
    Command {
        /// The script, for `/bin/sh` on this machine, in the folder of the plan.
        script: String,
        /// How long it may take, in milliseconds.
        timeout_ms: u64,
    },
}

impl DiscoverySource {
    /// What is asked, as a person would name it.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Tailscale => "`tailscale status --json`".to_owned(),
            Self::SshConfig => "the SSH configuration".to_owned(),
            Self::Command { script, .. } => format!("`{}`", shorten(script.trim())),
        }
    }
}

impl Discovery {
    /// The hosts of an answer.
    ///
    /// # Errors
    /// What is wrong with the answer, and what to do about it.
    pub fn read(&self, answer: &str) -> Result<Discovered, String> {
        let mut found = match &self.source {
            DiscoverySource::Tailscale => tailscale::read(answer, self.tag.as_deref())?,
            DiscoverySource::SshConfig => aliases(answer),
            DiscoverySource::Command { .. } => ansible::read(answer, self.group.as_deref())?,
        };
        if !self.matching.is_empty() {
            found.hosts.retain(|found| self.matching.iter().any(|pattern| glob(pattern, &found.name)));
        }
        for FoundHost { ssh, .. } in &mut found.hosts {
            ssh.user = ssh.user.take().or_else(|| self.user.clone());
            ssh.port = ssh.port.or(self.port);
            ssh.identity = ssh.identity.take().or_else(|| self.identity.clone());
            ssh.jump = ssh.jump.take().or_else(|| self.jump.clone());
        }
        Ok(found)
    }
}

/// The hosts of the SSH configuration, which knows the rest.
fn aliases(names: &str) -> Discovered {
    let (names, others): (Vec<&str>, Vec<&str>) = names.lines().partition(|name| is_host_name(name));
    let host = |name: &str| {
        let address = name.to_owned();
        let ssh = SshHost { address, user: None, port: None, identity: None, jump: None, tags: Vec::new() };
        FoundHost { name: name.to_owned(), ssh }
    };
    let left_out =
        |name: &str| format!("`{}` cannot be the name of a host here and is left out", shorten(name));
    Discovered {
        hosts: names.into_iter().map(host).collect(),
        notes: others.into_iter().map(left_out).collect(),
    }
}

/// Whether a name fits a pattern of `*` and `?`, whatever its case.
fn glob(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.to_lowercase().chars().collect(), name.to_lowercase().chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while let Some(c) = name.get(n) {
        match (pattern.get(p), star) {
            (Some('*'), _) => {
                star = Some((p, n));
                p += 1;
            }
            (Some(wanted), _) if wanted == c || *wanted == '?' => (p, n) = (p + 1, n + 1),
            (_, Some((at, from))) => {
                (p, n) = (at + 1, from + 1);
                star = Some((at, n));
            }
            (_, None) => return false,
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

impl Plan {
    /// What is to be asked for hosts before this plan can be compiled.
    ///
    /// # Errors
    /// What is wrong with the inputs that it needs.
    pub fn discoveries(&self, inputs: &Inputs) -> Result<Vec<Discovery>, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let budget = Budget::default();
        let vars = variables(self, Some(&inputs.env), &inputs.vars, &budget, &mut problems);
        let secrets = self.secrets.iter().map(|name| name.value.clone()).collect();
        let host = HostScope::None("`discover`");
        let scope = Scope {
            vars: &vars,
            secrets: &secrets,
            env: Some(&inputs.env),
            host,
            here: None,
            budget: &budget,
        };
        let read = |(number, entry)| resolved(number, entry, &scope, &mut problems);
        let discoveries = self.discover.iter().enumerate().filter_map(read).collect();
        if problems.iter().any(Diagnostic::is_error) {
            return Err(tidy(problems, &self.files));
        }
        Ok(discoveries)
    }

    /// The plan with what was found, which is then not looked for any more.
    ///
    /// # Errors
    /// Names that the plan or another entry has already, and entries that found nothing although they must.
    pub fn with_discovered(mut self, found: &[(Discovery, Discovered)]) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        found::add(&mut self, found, &mut problems);
        self.discover.clear();
        if problems.is_empty() { Ok(self) } else { Err(tidy(problems, &self.files)) }
    }
}

/// Reports groups of discovered hosts that have the name of a host.
pub(crate) fn check(plan: &Plan, problems: &mut Vec<Diagnostic>) {
    let hosts: BTreeMap<&str, Span> =
        plan.hosts.iter().map(|(name, _)| (name.value.as_str(), name.span)).collect();
    for Discover { into, .. } in &plan.discover {
        let other = match hosts.get(into.value.as_str()) {
            Some(host) => format!("a host ({})", place(&plan.files, host.start)),
            None if into.value == "local" => "this machine".to_owned(),
            None => continue,
        };
        let message = format!("`{}` is {other}; a group cannot have its name", shorten(&into.value));
        problems.push(Diagnostic::error(Code::NameTaken, into.span, message));
    }
}

/// Puts the values in as far as they are known: what is wrong with any `${{ … }}` shows.
pub(crate) fn check_values(plan: &Plan, scope: &Scope<'_>, problems: &mut Vec<Diagnostic>) {
    let scope = Scope { host: HostScope::None("`discover`"), ..*scope };
    for (number, entry) in plan.discover.iter().enumerate() {
        resolved(number, entry, &scope, problems);
    }
}

/// Reports that hosts are still to be looked for: what is compiled without them would leave them out in silence.
pub(crate) fn check_found(plan: &Plan, problems: &mut Vec<Diagnostic>) {
    if let Some(entry) = plan.discover.first() {
        let message = "the hosts that `discover` finds are not known yet";
        problems.push(Diagnostic::error(Code::Discovery, entry.span, message));
    }
}

/// An entry with its values put in; nothing when something is wrong or not known yet.
fn resolved(
    number: usize,
    entry: &Discover,
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Discovery> {
    let before = problems.len();
    let mut is_complete = true;
    let mut part = |template: Option<&Template>| {
        let rendered = scope.open(template?, "`discover`", problems);
        is_complete &= rendered.is_complete;
        Some(rendered.text)
    };
    let [user, identity, jump] =
        [&entry.user, &entry.identity, &entry.jump].map(|template| part(template.as_ref()));
    let port = part(entry.port.as_ref());
    let (mut tag, mut group) = (None, None);
    let source = match &entry.source {
        SourceSpec::Tailscale { tag: wanted } => {
            tag = wanted.as_ref().map(|tag| tag.value.trim_start_matches("tag:").to_owned());
            DiscoverySource::Tailscale
        }
        SourceSpec::SshConfig => DiscoverySource::SshConfig,
        SourceSpec::Command { run, timeout, group: wanted } => {
            group = wanted.as_ref().map(|group| group.value.clone());
            let timeout_ms = timeout.as_ref().map_or(PATIENCE, |timeout| timeout.value).0;
            let hidden = [Root::Secrets, Root::Facts];
            for expression in run.expressions().filter(|expression| hidden.contains(&expression.root)) {
                let word = expression.root.word();
                let message =
                    format!("the command of `discover` cannot use `{word}`: it runs before any step");
                problems.push(Diagnostic::error(Code::UndefinedName, expression.span, message));
            }
            let script = scope.command(run, problems);
            DiscoverySource::Command { script: script.as_literal()?.to_owned(), timeout_ms }
        }
    };
    if !is_complete || problems.len() > before {
        return None;
    }
    let span = entry.port.as_ref().map_or(entry.span, |port| port.span);
    let port = match port.map(|text| crate::hosts::port(&text, span)).transpose() {
        Ok(port) => port,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    Some(Discovery {
        source,
        entry: number,
        matching: entry.matching.iter().map(|pattern| pattern.value.clone()).collect(),
        tag,
        group,
        into: entry.into.value.clone(),
        user,
        port,
        identity,
        jump,
    })
}

#[cfg(test)]
mod tests;
