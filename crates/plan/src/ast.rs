//! The plan as it is written: the Rust types of the language. The JSON Schema is generated from them, so their
//! documentation is what an editor shows.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use crate::{
    duration::Millis,
    notify::NotifySpec,
    span::{Span, Spanned},
    template::Template,
    when::When,
};

/// The entries of a mapping, in the order of the source.
pub(crate) type Entries<T> = Vec<(Spanned<String>, T)>;

/// An infrastructure plan: what to do, on which servers, in which order.
///
/// It is inert data: reading or checking a plan runs nothing.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(title = "Steadyhand plan", deny_unknown_fields)]
pub struct Plan {
    /// The name of the plan, as it is shown.
    pub(crate) name: Spanned<String>,
    /// The servers, by name. `local`, this machine, is always there and needs no declaration.
    #[schemars(default, with = "BTreeMap<String, Host>")]
    pub(crate) hosts: Entries<Host>,
    /// Groups of hosts: each name stands for the listed hosts.
    #[schemars(default, with = "BTreeMap<String, Vec<String>>")]
    pub(crate) groups: Entries<Vec<Spanned<String>>>,
    /// Values for `${{ vars.NAME }}`. They may use `${{ vars.OTHER }}` and `${{ env.NAME }}`, but no secrets.
    #[schemars(default, with = "BTreeMap<String, Value>")]
    pub(crate) vars: Entries<Template>,
    /// The names of the secrets that the plan uses as `${{ secrets.NAME }}`. Their values are kept elsewhere.
    #[schemars(default, with = "Vec<String>")]
    pub(crate) secrets: Vec<Spanned<String>>,
    /// Who is told how a run of the plan goes. It can neither delay a run nor make it fail.
    #[schemars(default)]
    pub(crate) notify: Vec<NotifySpec>,
    /// The tasks, by name. They run in the order in which they stand here, except that a task runs after those that
    /// it needs.
    #[schemars(with = "BTreeMap<String, Task>", length(min = 1))]
    pub(crate) tasks: Entries<Task>,
    /// Where to point for what concerns the plan as a whole.
    #[schemars(skip)]
    pub(crate) span: Span,
}

/// A server: `user@address`, `user@address:port`, `user@[IPv6]:port`, or a mapping.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Host {
    /// `user@address`, `user@address:port`, `user@[IPv6]:port`; without `user@`, the SSH configuration decides.
    Short(Template),
    /// The parts by name.
    Long(Box<LongHost>),
}

/// A server, part by part.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct LongHost {
    /// A name, an IPv4 or IPv6 address, or an alias of `~/.ssh/config`.
    pub(crate) address: Template,
    /// The user to log in as.
    pub(crate) user: Option<Template>,
    /// The SSH port, 22 if not said otherwise.
    #[schemars(with = "Option<PortValue>")]
    pub(crate) port: Option<Template>,
    /// The path of a private key on this machine.
    pub(crate) identity: Option<Template>,
    /// The host to connect through: another host of this plan, or an address or alias of the SSH configuration.
    pub(crate) jump: Option<Template>,
    /// Words to find the host by.
    #[schemars(default, with = "Vec<String>")]
    pub(crate) tags: Vec<Spanned<String>>,
}

/// A named group of steps, run on all of its hosts at the same time.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Task {
    /// Where it runs: a host, a group, `local`, or a list of them.
    #[schemars(with = "OneOrMany")]
    pub(crate) on: Vec<Spanned<String>>,
    /// The tasks that come before this one.
    #[schemars(default, with = "Vec<String>")]
    pub(crate) needs: Vec<Spanned<String>>,
    /// A condition on each of its hosts; when it is false there, all steps are skipped there.
    pub(crate) when: Option<When>,
    /// Words to choose it by, with `--tags` and `--skip-tags`.
    #[schemars(default, with = "Vec<String>")]
    pub(crate) tags: Vec<Spanned<String>>,
    /// In which order it comes to its hosts; otherwise to all at the same time.
    pub(crate) strategy: Option<StrategySpec>,
    /// What it does, in order.
    #[schemars(length(min = 1))]
    pub(crate) steps: Vec<Step>,
}

/// In which order a task comes to its hosts.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum StrategySpec {
    /// By a word.
    Word(StrategyWord),
    /// All at the same time, but no more than a number.
    Parallel(ParallelSpec),
    /// Some hosts after the others.
    Rolling(RollingStrategy),
    /// A few hosts first.
    Canary(CanaryStrategy),
}

/// A strategy that needs no more than its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum StrategyWord {
    /// All hosts at the same time.
    Parallel,
    /// One host after another.
    Serial,
}

/// All hosts at the same time, but no more than a number.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct ParallelSpec {
    /// At most so many hosts at the same time.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) parallel: u32,
}

/// Some hosts after the others.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct RollingStrategy {
    /// How.
    pub(crate) rolling: RollingSpec,
}

/// Batches of hosts: a batch begins when the one before has ended well.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct RollingSpec {
    /// Hosts in a batch: a number, or a share such as `25%`; 1 if not said otherwise.
    #[schemars(with = "Option<BatchValue>")]
    pub(crate) batch: Option<Batch>,
    /// So many hosts may fail, and the next batch still begins; 0 if not said otherwise.
    #[schemars(range(min = 0, max = 10000))]
    pub(crate) max_failures: Option<u32>,
    /// The pause between two batches.
    pub(crate) pause_between: Option<Spanned<Millis>>,
    /// So many hosts go first, before the batches.
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) canary: Option<u32>,
    /// Whether the run is paused when these have ended well, so that a person decides.
    pub(crate) pause_after_canary: Option<bool>,
    /// What must answer on a host once its steps are done.
    pub(crate) health: Option<WaitForSpec>,
}

/// A few hosts first.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct CanaryStrategy {
    /// How.
    pub(crate) canary: CanarySpec,
}

/// A few hosts first, and when they have ended well, all others.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct CanarySpec {
    /// How many hosts go first; 1 if not said otherwise.
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) hosts: Option<u32>,
    /// The pause after them.
    pub(crate) wait: Option<Spanned<Millis>>,
    /// What must answer on a host once its steps are done.
    pub(crate) health: Option<WaitForSpec>,
    /// What comes after them; `pause` if not said otherwise.
    pub(crate) then: Option<Then>,
}

/// What comes after the first hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum Then {
    /// The run is paused, and a person decides.
    Pause,
    /// The others.
    GoOn,
}

/// How many hosts a batch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Batch {
    /// So many.
    Hosts(u32),
    /// So many of a hundred.
    Percent(u32),
}

/// A number of hosts, or a share of them.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it only gives the schema its shape")]
pub(crate) enum BatchValue {
    /// A number.
    Number(#[schemars(range(min = 1, max = 10000))] u32),
    /// A share, such as `25%`.
    Share(#[schemars(regex(pattern = r"^([1-9][0-9]?|100)%$"))] String),
}

/// One action on one host: `run`, `upload` or `wait_for`.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Step {
    /// Runs a command.
    Run(Box<RunStep>),
    /// Copies a file or a folder to the host.
    Upload(Box<UploadStep>),
    /// Waits until something answers.
    WaitFor(Box<WaitForStep>),
}

/// A step that runs a command.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct RunStep {
    /// What is shown for the step; otherwise it is made from the command.
    pub(crate) name: Option<Template>,
    /// The command, or several lines of them, for `/bin/sh`. The step fails when it ends with a status other than 0,
    /// which is the status of its last command unless it begins with `set -e`.
    pub(crate) run: Template,
    /// The folder to run it in; otherwise the home of the user, and on `local` the folder of the project.
    pub(crate) cwd: Option<Template>,
    /// Variables for its environment.
    #[schemars(default, with = "BTreeMap<String, Value>")]
    pub(crate) env: Entries<Template>,
    /// `login` runs it in a login shell, which reads the user's profile first.
    pub(crate) shell: Option<Shell>,
    /// How long one attempt may take, such as `5m`.
    pub(crate) timeout: Option<Spanned<Millis>>,
    /// How often to try again after it failed.
    pub(crate) retries: Option<RetriesSpec>,
    /// A path on the host: when it exists, the step is skipped.
    pub(crate) creates: Option<Template>,
    /// A command: when it succeeds, the step is skipped.
    pub(crate) unless: Option<Template>,
    /// A command: when it does not succeed, the step is skipped.
    pub(crate) onlyif: Option<Template>,
    /// A condition, such as `facts.os_family == "debian"`: when it is false, the step is skipped.
    pub(crate) when: Option<When>,
}

/// A step that copies a file or a folder to the host.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct UploadStep {
    /// What is shown for the step; otherwise it is made from the paths.
    pub(crate) name: Option<Template>,
    /// What to copy, and where to.
    pub(crate) upload: UploadSpec,
    /// How long one attempt may take, such as `5m`.
    pub(crate) timeout: Option<Spanned<Millis>>,
    /// How often to try again after it failed.
    pub(crate) retries: Option<RetriesSpec>,
    /// A path on the host: when it exists, the step is skipped.
    pub(crate) creates: Option<Template>,
    /// A command: when it succeeds, the step is skipped.
    pub(crate) unless: Option<Template>,
    /// A command: when it does not succeed, the step is skipped.
    pub(crate) onlyif: Option<Template>,
    /// A condition, such as `facts.os_family == "debian"`: when it is false, the step is skipped.
    pub(crate) when: Option<When>,
}

/// A step that waits until something answers.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct WaitForStep {
    /// What is shown for the step; otherwise it is made from what is waited for.
    pub(crate) name: Option<Template>,
    /// What to wait for.
    pub(crate) wait_for: WaitForSpec,
    /// A path on the host: when it exists, the step is skipped.
    pub(crate) creates: Option<Template>,
    /// A command: when it succeeds, the step is skipped.
    pub(crate) unless: Option<Template>,
    /// A command: when it does not succeed, the step is skipped.
    pub(crate) onlyif: Option<Template>,
    /// A condition, such as `facts.os_family == "debian"`: when it is false, the step is skipped.
    pub(crate) when: Option<When>,
}

/// What to copy, and where to.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct UploadSpec {
    /// A path on this machine. A folder that ends in `/` means what is in it.
    pub(crate) from: Template,
    /// A path on the host.
    pub(crate) to: Template,
}

/// How often to try again.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct RetriesSpec {
    /// How many attempts may follow the first one.
    #[schemars(with = "u8", range(min = 0, max = 100))]
    pub(crate) times: u32,
    /// The pause before the first of them, 1s if not said otherwise.
    pub(crate) backoff: Option<Spanned<Millis>>,
}

/// What to wait for: an answer over HTTP, an open TCP port, or a command that succeeds.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum WaitForSpec {
    /// An answer over HTTP.
    Http(HttpProbe),
    /// An open TCP port.
    Tcp(TcpProbe),
    /// A command that succeeds.
    Command(CommandProbe),
}

/// Waits for an answer over HTTP.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct HttpProbe {
    /// The URL to get, as the host reaches it.
    pub(crate) http: Template,
    /// The status that is waited for, 200 if not said otherwise.
    #[schemars(range(min = 100, max = 599))]
    pub(crate) status: Option<u16>,
    /// How long to go on, 60s if not said otherwise.
    pub(crate) timeout: Option<Spanned<Millis>>,
    /// The pause between two attempts, 1s if not said otherwise.
    pub(crate) interval: Option<Spanned<Millis>>,
}

/// Waits for an open TCP port.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct TcpProbe {
    /// `address:port`, as the host reaches it.
    pub(crate) tcp: Template,
    /// How long to go on, 60s if not said otherwise.
    pub(crate) timeout: Option<Spanned<Millis>>,
    /// The pause between two attempts, 1s if not said otherwise.
    pub(crate) interval: Option<Spanned<Millis>>,
}

/// Waits for a command that succeeds.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct CommandProbe {
    /// The command, run again and again on the host.
    pub(crate) command: Template,
    /// How long to go on, 60s if not said otherwise.
    pub(crate) timeout: Option<Spanned<Millis>>,
    /// The pause between two attempts, 1s if not said otherwise.
    pub(crate) interval: Option<Spanned<Millis>>,
}

/// How a command is run, when not simply by `/bin/sh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum Shell {
    /// By a login shell.
    Login,
}

/// A value of `vars` or `env`: a text, a number or a truth value, taken as it is written.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it only gives the schema its shape")]
pub(crate) enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// A truth value.
    Truth(bool),
}

/// One name or a list of names.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it only gives the schema its shape")]
pub(crate) enum OneOrMany {
    /// One name.
    One(String),
    /// A list of names.
    Many(#[schemars(length(min = 1))] Vec<String>),
}

/// A port, or a text that becomes one.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it only gives the schema its shape")]
pub(crate) enum PortValue {
    /// A port.
    Number(#[schemars(range(min = 1, max = 65535))] u16),
    /// A text that becomes one.
    Text(String),
}

/// What every kind of step may have.
pub(crate) struct Common<'s> {
    pub(crate) name: Option<&'s Template>,
    pub(crate) timeout: Option<Millis>,
    pub(crate) retries: Option<&'s RetriesSpec>,
    pub(crate) creates: Option<&'s Template>,
    pub(crate) unless: Option<&'s Template>,
    pub(crate) onlyif: Option<&'s Template>,
    pub(crate) when: Option<&'s When>,
}

impl Step {
    pub(crate) fn common(&self) -> Common<'_> {
        macro_rules! common {
            ($step:expr, $timeout:expr, $retries:expr) => {
                Common {
                    name: $step.name.as_ref(),
                    timeout: $timeout,
                    retries: $retries,
                    creates: $step.creates.as_ref(),
                    unless: $step.unless.as_ref(),
                    onlyif: $step.onlyif.as_ref(),
                    when: $step.when.as_ref(),
                }
            };
        }
        match self {
            Self::Run(step) => common!(step, step.timeout.as_ref().map(|t| t.value), step.retries.as_ref()),
            Self::Upload(step) => {
                common!(step, step.timeout.as_ref().map(|t| t.value), step.retries.as_ref())
            }
            Self::WaitFor(step) => common!(step, None, None),
        }
    }
}
