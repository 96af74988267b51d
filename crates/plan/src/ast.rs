//! The plan as it is written: the Rust types of the language. The JSON Schema is generated from them, so their
//! documentation is what an editor shows.

mod step;

use std::collections::BTreeMap;

use schemars::JsonSchema;

pub(crate) use self::step::*;
use crate::{
    discovery::{Discover, DiscoverValue},
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
    /// Other files, as seen from this one, whose hosts, groups, variables, secrets and tasks belong to the plan too. Their
    /// tasks come before those that stand here.
    #[schemars(default, with = "OneOrMany")]
    pub(crate) include: Vec<Spanned<String>>,
    /// Where hosts are looked for that do not stand here, when a run is started or shown.
    #[schemars(default, with = "Vec<DiscoverValue>")]
    pub(crate) discover: Vec<Discover>,
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
    #[schemars(default, with = "BTreeMap<String, Task>", length(min = 1))]
    pub(crate) tasks: Entries<Task>,
    /// Where to point for what concerns the plan as a whole.
    #[schemars(skip)]
    pub(crate) span: Span,
    /// The files that it was read from, by the numbers in places. The first is the plan itself and has no name.
    #[schemars(skip)]
    pub(crate) files: Vec<String>,
}

impl Plan {
    /// A plan of this name that has nothing yet.
    pub(crate) fn empty(name: Spanned<String>, span: Span) -> Self {
        Self {
            name,
            hosts: Vec::new(),
            include: Vec::new(),
            discover: Vec::new(),
            groups: Vec::new(),
            vars: Vec::new(),
            secrets: Vec::new(),
            notify: Vec::new(),
            tasks: Vec::new(),
            span,
            files: Vec::new(),
        }
    }
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
    /// Whether its steps are carried out as root, by means of `sudo`.
    pub(crate) sudo: Option<bool>,
    /// As whom its steps are carried out, when not as the user that logs in.
    #[schemars(rename = "become")]
    pub(crate) elevate: Option<ElevateSpec>,
    /// What happens when a step fails, where the step does not say it itself.
    pub(crate) on_failure: Option<OnFailure>,
    /// What it does, in order.
    #[schemars(length(min = 1))]
    pub(crate) steps: Vec<Step>,
    /// Steps that wait until a step of the task has changed something and names them in its `notify`. They come once,
    /// at the end of the task on that host.
    #[schemars(default, with = "BTreeMap<String, Handler>")]
    pub(crate) handlers: Entries<Vec<Step>>,
    /// What the strategy asks in the end, like any other step.
    #[schemars(skip)]
    pub(crate) health: Option<Step>,
}

impl Task {
    /// The same, each with the name of the handler that it belongs to.
    pub(crate) fn placed_steps(&self) -> impl Iterator<Item = (Option<&str>, &Step)> {
        let handlers = self
            .handlers
            .iter()
            .flat_map(|(name, steps)| steps.iter().map(move |step| (Some(name.value.as_str()), step)));
        let plain = |step| (None, step);
        self.steps.iter().map(plain).chain(handlers).chain(self.health.iter().map(plain))
    }

    /// Everything that it may do on a host, to be changed.
    pub(crate) fn all_steps_mut(&mut self) -> impl Iterator<Item = &mut Step> {
        let handlers = self.handlers.iter_mut().flat_map(|(_, steps)| steps);
        self.steps.iter_mut().chain(handlers)
    }

    /// Everything that it may do on a host, in order: its steps, its handlers, and what its strategy asks in the end.
    pub(crate) fn all_steps(&self) -> impl Iterator<Item = &Step> {
        let handlers = self.handlers.iter().flat_map(|(_, steps)| steps);
        self.steps.iter().chain(handlers).chain(&self.health)
    }
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

/// One step or a list of them.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it only gives the schema its shape")]
pub(crate) enum Handler {
    /// One step.
    One(Box<Step>),
    /// Several, one after another.
    Many(#[schemars(length(min = 1))] Vec<Step>),
}
