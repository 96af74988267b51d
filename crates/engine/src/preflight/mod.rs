//! A look at everything that a run needs, before it: all hosts at once, in seconds.
//!
//! Nothing is changed: no host key is recorded, nobody is asked anything, and nothing is left on a host.

mod found;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::{StreamExt, stream};
use secrecy::ExposeSecret;
use steadyhand_domain::{Check, CheckKind, HostPreflight, Preflight};
use steadyhand_plan::{Action, CompiledStep, Elevate, ElevateMethod, ParamOf, Text};
use steadyhand_remote::{AskNobody, Host, HostKind, HostSpec, Remote};
use tokio::time::{Instant, timeout};

use crate::{Engine, EngineError, ProjectOfSecrets, RunSpec, attempt, hosts::host_spec};
use found::Look;

/// How long name, connection and greeting may each take; and everything of one host together.
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(9);
/// How long a host may look at its disks.
const LOOK: Duration = Duration::from_secs(6);
/// Hosts that are looked at at the same time.
const AT_ONCE: usize = 500;

const LOOK_SCRIPT: &str = include_str!("look.sh");

/// The hosts on which somebody must become root, and whether the plan has the password for it.
pub type NeedsSudo = BTreeMap<String, bool>;

impl Engine {
    /// Looks at everything that a run of this plan needs.
    ///
    /// # Errors
    /// [`EngineError::UnknownHost`], or when the database cannot be read. What is wrong with a host is no error.
    pub async fn preflight(&self, spec: &RunSpec, needs_sudo: &NeedsSudo) -> Result<Preflight, EngineError> {
        let begun = Instant::now();
        let needs_sudo = &with_steps(needs_sudo, &spec.plan.steps);
        let remote = self.remote_for_preflight();
        let mut servers: Vec<Server> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for step in &spec.plan.steps {
            let name = step.host.as_str();
            if names.contains(&name) {
                continue;
            }
            names.push(name);
            let host = host_spec(&spec.plan.hosts, name)?;
            let place = servers.iter().position(|server| server.host.kind == host.kind);
            let place = place.unwrap_or_else(|| {
                servers.push(Server { host, names: Vec::new(), programs: vec!["sh"], sudo: None });
                servers.len() - 1
            });
            let server = &mut servers[place];
            server.names.push(name.to_owned());
            if let Some(has_password) = needs_sudo.get(name) {
                server.sudo = Some(server.sudo.unwrap_or(true) && *has_password);
            }
        }
        for step in &spec.plan.steps {
            if let Some(server) = servers.iter_mut().find(|server| server.names.contains(&step.host)) {
                server.needs(programs(&step.action));
            }
        }
        let looking: Vec<_> = servers.into_iter().map(|server| server.look_at(remote.clone())).collect();
        let looking = stream::iter(looking).buffered(AT_ONCE).concat();
        let (mut hosts, here) = tokio::join!(looking, self.look_here(spec));
        hosts.sort_by_key(|found| names.iter().position(|name| *name == found.host));
        Ok(Preflight::new(here?, hosts, millis(begun)))
    }

    /// Connections of their own, for which nobody is asked and nothing is recorded.
    fn remote_for_preflight(&self) -> Remote {
        let mut config = self.remote_config().clone();
        config.connect_timeout = config.connect_timeout.min(CONNECT);
        config.records_host_keys = false;
        Remote::new(config, std::sync::Arc::new(AskNobody))
    }

    /// The values of secrets, and the files that are uploaded.
    async fn look_here(&self, spec: &RunSpec) -> Result<Vec<Check>, EngineError> {
        let mut checks = Vec::new();
        let project = self.project_of_secrets(spec).await?;
        match self.missing_secrets(spec).await {
            Ok(missing) => {
                checks.extend(missing.iter().map(|name| {
                    let message = format!(
                        "the secret {name} has no value, and the run would not start. Set it with `{}`.",
                        project.set_secret(name)
                    );
                    Check::fail(CheckKind::Secret, "missing_secret", message)
                }));
                if missing.is_empty() && !spec.plan.secrets.is_empty() {
                    checks.push(Check::ok(CheckKind::Secret, "every secret has a value"));
                }
                checks.extend(self.untellable(spec, &project));
            }
            Err(error) => checks.push(Check::fail(CheckKind::Secret, "vault", error.to_string())),
        }
        checks.extend(self.local_files(spec));
        Ok(checks)
    }

    /// Secrets without a value that only those need who are told of the run.
    fn untellable(&self, spec: &RunSpec, project: &ProjectOfSecrets) -> Vec<Check> {
        let notify = spec.plan.notify.iter();
        let needed: BTreeSet<&str> = notify.flat_map(|entry| entry.channel.secrets()).collect();
        let values = self.values_of_secrets(spec, |name| needed.contains(name));
        let missing = needed.into_iter().filter(|name| !values.contains_key(*name));
        missing
            .map(|name| {
                let message = format!(
                    "the secret {name} has no value, so somebody in `notify` would not be told. Set it with `{}`.",
                    project.set_secret(name)
                );
                Check::warn(CheckKind::Secret, "missing_secret", message)
            })
            .collect()
    }

    fn local_files(&self, spec: &RunSpec) -> Vec<Check> {
        let needed: BTreeSet<&str> = spec.plan.secrets.iter().map(String::as_str).collect();
        let values = self.values_of_secrets(spec, |name| needed.contains(name));
        let reveal = |text: &Text| text.reveal(|name| values.get(name).map(ExposeSecret::expose_secret)).ok();
        let mut seen = BTreeSet::new();
        let mut checks = Vec::new();
        let mut made_here = false;
        for step in &spec.plan.steps {
            made_here |= step.host == "local" && matches!(step.action, Action::Run { .. });
            let Some((key, from)) = sent(&step.action) else { continue };
            // What depends on facts of a host is known when the host is.
            let Some(path) = reveal(from).filter(|path| seen.insert(path.clone())) else { continue };
            let local = attempt::resolve(&spec.base(), &path);
            // A secret in the path is not shown.
            let shown = from.to_string();
            let Err(error) = std::fs::metadata(&local) else { continue };
            checks.push(if made_here {
                let message =
                    format!("{shown} is not there yet; a step on this machine before its upload must make it.");
                Check::warn(CheckKind::LocalFile, "missing_file", message)
            } else {
                let message = format!(
                    "{shown}, which is uploaded, cannot be read on this machine ({error}). Build it first, or correct \
                     `{key}:` in the plan."
                );
                Check::fail(CheckKind::LocalFile, "missing_file", message)
            });
        }
        if checks.is_empty() && !seen.is_empty() {
            checks.push(Check::ok(CheckKind::LocalFile, "everything that is uploaded is there"));
        }
        checks
    }
}

/// A server, which may have several names in a plan. It is looked at once.
struct Server {
    host: HostSpec,
    names: Vec<String>,
    programs: Vec<&'static str>,
    /// Whether somebody must become root there, and has the password for it.
    sudo: Option<bool>,
}

impl Server {
    fn needs(&mut self, programs: &'static [&'static str]) {
        for program in programs {
            if !self.programs.contains(program) {
                self.programs.push(program);
            }
        }
    }

    async fn look_at(self, remote: Remote) -> Vec<HostPreflight> {
        let begun = Instant::now();
        let host = remote.host(&self.host);
        let looked = timeout(WHOLE, async {
            let checks = match looked_at(&host, &self.programs, self.sudo).await {
                Ok(checks) => checks,
                Err(error) => found::connection(&error),
            };
            host.disconnect().await;
            checks
        });
        let checks = looked.await.unwrap_or_else(|_| {
            let message = format!(
                "{}: no answer within {} s. Check that the server is up and not overloaded, and the way to it.",
                self.host.name,
                WHOLE.as_secs()
            );
            vec![Check::fail(CheckKind::Connection, "timed_out", message)]
        });
        let took_ms = millis(begun);
        let found = |host: String| HostPreflight { host, checks: checks.clone(), took_ms };
        self.names.into_iter().map(found).collect()
    }
}

/// The same with the hosts on which steps become root by `sudo`. Whether it lets them become somebody else is not asked.
fn with_steps(needs_sudo: &NeedsSudo, steps: &[CompiledStep]) -> NeedsSudo {
    let mut needs = needs_sudo.clone();
    for step in steps {
        let is_root = |elevate: &&Elevate| {
            elevate.method == ElevateMethod::Sudo && elevate.user.as_literal() == Some("root")
        };
        let Some(elevate) = step.elevate.as_ref().filter(is_root) else { continue };
        let has_password = elevate.password.is_some();
        let known = needs.entry(step.host.clone()).or_insert(has_password);
        *known &= has_password;
    }
    needs
}

/// The programs that an action needs beside the shell.
fn programs(action: &Action) -> &'static [&'static str] {
    match action {
        action if sent(action).is_some() => &["tar", "dd"],
        _ => &[],
    }
}

/// What an action sends of this machine, if it does, with the key by which the plan says so.
fn sent(action: &Action) -> Option<(&str, &Text)> {
    match action {
        Action::Upload { from, .. } => Some(("from", from)),
        Action::Resource { params, .. } => {
            let param = params.iter().find(|param| param.of == ParamOf::Sent)?;
            Some((&param.name, param.values.first()?))
        }
        _ => None,
    }
}

async fn looked_at(
    host: &Host,
    programs: &[&str],
    sudo: Option<bool>,
) -> Result<Vec<Check>, steadyhand_remote::RemoteError> {
    host.connect().await?;
    let script = format!("programs='{}'\n{LOOK_SCRIPT}", programs.join(" "));
    let (facts, look) = tokio::join!(host.facts(crate::now), host.probe(&script, LOOK));
    let (facts, look) = (facts?, Look::read(&look?.output));
    let mut checks = found::reached(host.spec().kind == HostKind::Local);
    checks.extend(sudo.map(|has_password| found::sudo(&facts, has_password)));
    checks.extend(look.checks(programs));
    if host.spec().kind != HostKind::Local {
        checks.extend(found::clock(&facts));
    }
    Ok(checks)
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
