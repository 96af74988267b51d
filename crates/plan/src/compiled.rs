//! What a run executes: a plan with its inputs put in. It is stored as JSON and read back by later processes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use steadyhand_domain::{Facts, Guard, Reason, Stage};

use crate::{CompiledWhen, Missing, Notification, Output, Text};

/// The version of the stored form of [`CompiledPlan`]. A reader refuses any other.
pub const FORMAT: u32 = 4;

/// What a plan is compiled with, beside its source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// The environment of the process that starts the run: what `${{ env.NAME }}` reads.
    pub env: BTreeMap<String, String>,
    /// Values that replace those of the plan's `vars`. They are data: `${{ … }}` in them stays as it is.
    pub vars: BTreeMap<String, String>,
}

/// A plan with its inputs put in: what is shown before a run is exactly what runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompiledPlan {
    /// The version of this form: [`FORMAT`].
    pub format: u32,
    /// The plan's name.
    pub name: String,
    /// The hosts that steps run on or that other hosts are reached through, by name.
    pub hosts: BTreeMap<String, CompiledHost>,
    /// The tasks in order of execution.
    pub tasks: Vec<CompiledTask>,
    /// Every step in order of execution: task by task, within a task host by host, within a host step by step.
    pub steps: Vec<CompiledStep>,
    /// The secrets that the steps need, sorted, each once.
    pub secrets: Vec<String>,
    /// Who is told how the run goes. Their secrets are not among `secrets`: a run does not wait for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<Notification>,
    /// The SHA-256 (lower-case hexadecimal) of the hosts, tasks, steps and notifications. Comments and layout of the source do not
    /// change it; anything that is executed does.
    pub sha256: String,
}

/// A host of a compiled plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CompiledHost {
    /// This machine.
    Local,
    /// A server that is reached by SSH.
    Ssh(SshHost),
}

/// How a server is reached by SSH. What is `None` is left to the user's SSH configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshHost {
    /// A name, an IPv4 or IPv6 address (without brackets), or an alias of the SSH configuration.
    pub address: String,
    /// The user to log in as.
    pub user: Option<String>,
    /// The TCP port.
    pub port: Option<u16>,
    /// The path of a private key on this machine; it may begin with `~/`.
    pub identity: Option<String>,
    /// The host to connect through: a key of [`CompiledPlan::hosts`] when it is one, otherwise an address or an
    /// alias of the SSH configuration.
    pub jump: Option<String>,
    /// The tags of the plan, in its order.
    pub tags: Vec<String>,
}

/// A task of a compiled plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompiledTask {
    /// Its name.
    pub name: String,
    /// The tasks that come before it.
    pub needs: Vec<String>,
    /// The hosts that it runs on, in order.
    pub hosts: Vec<String>,
    /// In which order it comes to them.
    pub rollout: Rollout,
}

/// In which order a task comes to its hosts: in waves, of which each begins when the one before has ended well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// At most so many hosts at the same time; 0 leaves that to the engine.
    pub at_once: u32,
    /// Hosts of the first wave; 0 when the waves are all alike.
    pub canary: u32,
    /// Hosts of each wave after that; 0 when it has all that are left.
    pub batch: u32,
    /// So many hosts may fail, and the next wave still begins.
    pub max_failures: u32,
    /// The pause between two waves, in milliseconds.
    pub pause_ms: u64,
    /// Whether the run is paused after the first wave, so that a person decides.
    pub hold: bool,
}

impl Rollout {
    /// Whether there is more than one wave.
    #[must_use]
    pub fn is_in_waves(&self) -> bool {
        self.canary > 0 || self.batch > 0
    }
}

/// One action on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompiledStep {
    /// Its place in [`CompiledPlan::steps`], from 0.
    pub index: u32,
    /// The name of its task.
    pub task: String,
    /// The name of its host.
    pub host: String,
    /// What is shown for it: given in the plan, or made from the action. One line of at most 80 characters.
    pub name: String,
    /// What it does.
    pub action: Action,
    /// How long one attempt may take, in milliseconds. A [`Action::WaitFor`] has its own time instead.
    pub timeout_ms: Option<u64>,
    /// How often it is tried again after it failed.
    pub retries: Retries,
    /// The conditions of its task and its own, in the order to ask them: when one is false, the step is skipped. Those that
    /// are true on whatever host are left out. They are asked before everything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<CompiledWhen>,
    /// The conditions that make it unnecessary, in the order to ask them. `creates` holds a path, the others a
    /// script for `/bin/sh`. They are asked in the folder and with the environment of the step.
    pub guards: Vec<(Guard, Text)>,
    /// As whom it is carried out, when not as the user that logs in. That goes for its guards, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elevate: Option<Elevate>,
    /// What happens when it fails.
    #[serde(default, skip_serializing_if = "OnFailure::is_fail")]
    pub on_failure: OnFailure,
    /// The handlers of its task that come when it has changed something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
    /// The handler that it belongs to: then it comes only when a step of its task on its host notified that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// The name by which later steps use what it writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it is there for, when it is of a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// What takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Box<CompiledStep>>,
}

/// As whom a step is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elevate {
    /// By which program.
    pub method: ElevateMethod,
    /// The name of the user.
    pub user: Text,
    /// What the program asks for, if it does.
    pub password: Option<Text>,
}

/// A program that runs commands as another user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ElevateMethod {
    /// sudo
    Sudo,
    /// su
    Su,
    /// doas
    Doas,
}

/// What happens when a step fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The task has failed on its host.
    #[default]
    Fail,
    /// It waits there until a person decides.
    Hold,
    /// The task goes on.
    Continue,
}

impl OnFailure {
    /// Whether it is what happens when the plan does not say.
    #[must_use]
    pub fn is_fail(&self) -> bool {
        *self == Self::Fail
    }
}

/// How often a step is tried again after it failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// How many attempts may follow the first one.
    pub times: u32,
    /// The pause before the first of them, in milliseconds.
    pub backoff_ms: u64,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// Run a script.
    Run {
        /// The script, for `/bin/sh`.
        script: Text,
        /// The folder to run it in; otherwise the user's home, and on `local` the folder of the project.
        cwd: Option<Text>,
        /// Variables that are added to its environment.
        env: BTreeMap<String, Text>,
        /// Whether a login shell runs it, which reads the user's profile first.
        login_shell: bool,
    },
    /// Copy a file or a folder from this machine to the host.
    Upload {
        /// The path on this machine. A folder that ends in `/` means what is in it.
        from: Text,
        /// The path on the host.
        to: Text,
    },
    /// Copy a file or a folder from the host to this machine.
    Download {
        /// The path on the host. A folder that ends in `/` means what is in it.
        from: Text,
        /// The path on this machine.
        to: Text,
    },
    /// Ask again and again until the answer is the wanted one.
    WaitFor {
        /// What is asked, on the host.
        probe: Probe,
        /// How long to go on asking, in milliseconds.
        timeout_ms: u64,
        /// The pause between two questions, in milliseconds.
        interval_ms: u64,
    },
    /// Make something be as it should be.
    Resource {
        /// Which kind of thing: the name of its script.
        resource: String,
        /// What is said about it.
        params: Vec<ResourceParam>,
    },
}

/// A parameter of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceParam {
    /// Its name.
    pub name: String,
    /// Its values: one, or the items of a list, or of a mapping as `NAME=VALUE`. The script gets a line for each.
    pub values: Vec<Text>,
    /// What they are.
    pub of: ParamOf,
}

/// What the values of a [`ResourceParam`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamOf {
    /// Texts of one line each.
    Lines,
    /// One text, which may have several lines.
    Text,
    /// The path of a file on this machine, whose content is the value.
    File,
    /// The path of a file or a folder on this machine, which is sent to the host before the script runs.
    Sent,
}

/// What a [`Action::WaitFor`] asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Probe {
    /// A GET request is answered with a status.
    Http {
        /// The URL.
        url: Text,
        /// The wanted status.
        status: u16,
    },
    /// A TCP connection is accepted.
    Tcp {
        /// A name or an IP address (IPv6 without brackets).
        address: String,
        /// The port.
        port: u16,
    },
    /// A script ends with status 0.
    Command {
        /// The script, for `/bin/sh`.
        script: Text,
    },
}

/// The texts of a step, to be read or to be replaced.
macro_rules! texts {
    ($guards:expr, $action:expr, $elevate:expr, $iter:ident, $values:ident) => {{
        let mut texts: Vec<_> = ($guards).$iter().map(|(_, text)| text).collect();
        match $action {
            Action::Run { script, cwd, env, .. } => {
                texts.push(script);
                texts.extend(cwd);
                texts.extend(env.$values());
            }
            Action::Upload { from, to } | Action::Download { from, to } => texts.extend([from, to]),
            Action::WaitFor {
                probe: Probe::Http { url: text, .. } | Probe::Command { script: text },
                ..
            } => texts.push(text),
            Action::WaitFor { probe: Probe::Tcp { .. }, .. } => {}
            Action::Resource { params, .. } => {
                for param in params {
                    texts.extend(param.values.$iter());
                }
            }
        }
        if let Some(Elevate { user, password, .. }) = $elevate {
            texts.push(user);
            texts.extend(password);
        }
        texts
    }};
}

impl CompiledStep {
    /// Whether anything of the step depends on the facts of its host.
    #[must_use]
    pub fn needs_facts(&self) -> bool {
        self.when.iter().any(CompiledWhen::needs_facts) || self.texts().iter().any(|text| text.needs_facts())
    }

    /// Whether something is asked before the step begins: a condition, a guard, or whether a handler is called for.
    #[must_use]
    pub fn has_questions(&self) -> bool {
        !self.when.is_empty() || !self.guards.is_empty() || self.handler.is_some()
    }

    /// Why the step is skipped on whatever host, if that is certain.
    #[must_use]
    pub fn never(&self) -> Option<Reason> {
        // A condition before it that has no answer would be an error of the run, so only the first one tells.
        let when = self.when.first().filter(|when| when.certain() == Some(false))?;
        Some(Reason::WhenFalse { when: when.when.clone() })
    }

    /// Why the step is skipped on a host with these facts, if it is.
    ///
    /// # Errors
    /// A condition that has no answer, and why.
    pub fn skipped(&self, facts: &Facts) -> Result<Option<Reason>, String> {
        for when in &self.when {
            if !when.evaluate(facts)? {
                return Ok(Some(Reason::WhenFalse { when: when.when.clone() }));
            }
        }
        Ok(None)
    }

    /// The step with the facts of its host in its texts.
    ///
    /// # Errors
    /// [`Missing::Fact`] when the host does not tell one that a text needs.
    pub fn with_facts(&self, facts: &Facts) -> Result<Self, Missing> {
        let mut step = self.clone();
        for text in step.texts_mut() {
            if text.needs_facts() {
                *text = text.with_facts(facts)?;
            }
        }
        Ok(step)
    }

    /// What the step needs of what earlier steps have written.
    #[must_use]
    pub fn outputs(&self) -> Vec<&Output> {
        self.texts().into_iter().flat_map(Text::outputs).collect()
    }

    /// The step with what earlier steps have written in its texts.
    ///
    /// # Errors
    /// What `lookup` says about what is not there.
    pub fn with_outputs(
        &self,
        lookup: &impl Fn(&Output) -> Result<String, Missing>,
    ) -> Result<Self, Missing> {
        let mut step = self.clone();
        for text in step.texts_mut() {
            if text.outputs().next().is_some() {
                *text = text.with_outputs(lookup)?;
            }
        }
        Ok(step)
    }

    /// Every text that may need secrets, facts or outputs.
    pub(crate) fn texts(&self) -> Vec<&Text> {
        texts!(&self.guards, &self.action, &self.elevate, iter, values)
    }

    /// The same ones, to be replaced.
    fn texts_mut(&mut self) -> Vec<&mut Text> {
        texts!(&mut self.guards, &mut self.action, &mut self.elevate, iter_mut, values_mut)
    }
}

/// The name of a revision of a plan: the SHA-256 of its source, in lower-case hexadecimal.
#[must_use]
pub fn source_sha256(source: &str) -> String {
    hex(&Sha256::digest(source.as_bytes()))
}

/// `bytes` in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_named_by_the_sha256_of_its_source() {
        assert_eq!(source_sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
