//! What a message asks for, understood without a network.
//!
//! [`understand`] is pure. Its one promise is that it never acts on a doubtful reading: an action is returned only when
//! the rules in [`rules`] account for every word of the sentence. A sentence that merely contains an action's words
//! ("how do I deploy?", "don't stop", "deploy tomorrow") becomes a question back, a help request or an honest "no".
//!
//! The way of a message: [`words`] splits it into sentences and mends spelling, [`rules`] holds the wordings as data,
//! and [`read`] decides.

mod beyond;
mod deployments;
mod held;
mod patterns;
mod read;
mod rules;
mod sources;
mod spelling;
#[cfg(test)]
mod tests;
mod variables;
mod words;

pub use held::{HeldStep, Which};
pub(crate) use read::answers;
pub use read::understand;
#[cfg(test)]
pub(crate) use rules::OFFERS;
pub use sources::{NewDeployment, Origin};
use steadyhand_domain::Choice;

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Run the accepted plan again, with the newest source.
    Redeploy,
    /// Hold the current run after its current step.
    Pause,
    /// Let a paused run go on.
    Resume,
    /// End the current run.
    Stop,
    /// Say what is happening.
    Status,
    /// Show the newest runs.
    ShowRuns {
        /// How many, when a number was said.
        count: Option<u32>,
    },
    /// Say why a run failed.
    WhyFailed {
        /// The run's number; without one, the last failed run.
        run: Option<u32>,
    },
    /// Run a failed or stopped run again.
    Retry {
        /// The run's number; without one, the last run.
        run: Option<u32>,
    },
    /// Decide about what has failed and is held.
    Decide {
        /// What becomes of it.
        choice: Choice,
        /// Which step is meant.
        which: Which,
    },
    /// Say what differs between two runs.
    CompareRuns {
        /// The one that is named first.
        first: u32,
        /// The other one.
        second: u32,
    },
    /// Say where the application is reached.
    OpenApp,
    /// Draft the plan that deploys something that the project does not deploy yet.
    Deploy(NewDeployment),
    /// Bring an earlier deployment back.
    RollBack {
        /// Its number; without one, the one that served before.
        to: Option<u32>,
    },
    /// Start what serves anew, stop it, or start it again.
    Serving(Serving),
    /// Say which deployment serves.
    Live,
    /// Show the newest deployments.
    Deployments {
        /// How many, when a number was said.
        count: Option<u32>,
    },
    /// Show one run.
    ShowRun {
        /// The run's number.
        run: u32,
    },
    /// Propose another port in the plan.
    ChangePort {
        /// The port asked for.
        port: u16,
        /// The port that it takes the place of, when that was said.
        from: Option<u16>,
    },
    /// Propose a free port instead of the one that kept the last run from going on.
    FreePort,
    /// Propose another value of a variable in the plan.
    SetVar {
        /// The variable's name, as it was written.
        name: String,
        /// Its new value, as it was written.
        value: String,
    },
    /// Asked of another project than the one of this chat.
    Elsewhere {
        /// The other project's name.
        project: String,
        /// What is asked of it.
        asked: Box<Intent>,
    },
    /// Say what can be asked for.
    Help,
    /// A greeting and nothing more.
    Greeting,
    /// Thanks and nothing more.
    Thanks,
    /// The person takes back what they said, or says no to a question.
    NeverMind,
    /// The message says not to do something: nothing is done, and the answer may say so.
    Declined {
        /// What is not to be done.
        action: Box<Intent>,
    },
    /// The message may ask for an action, but not plainly enough to act on.
    AskBack {
        /// What it may ask for. A "yes" to the question means this.
        did_you_mean: Box<Intent>,
    },
    /// Understood, but beyond what the built-in assistant does.
    Cannot {
        /// What it doesn't do, fitting into "I don't …": "deploy at a set time".
        what: &'static str,
        /// How the person gets it done, in sentences.
        instead: &'static str,
    },
    /// Not understood.
    Unknown {
        /// Wordings that would be understood, those that come nearest first.
        nearest: Vec<&'static str>,
    },
}

/// What becomes of what serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// It is started anew, in fresh containers.
    Anew,
    /// It is stopped, and answers nobody.
    NoMore {
        /// Whether the person was asked.
        sure: bool,
    },
    /// It is started again, after it was stopped.
    Again,
}

impl Intent {
    /// Whether acting on it starts, ends or changes something.
    #[must_use]
    pub fn acts(&self) -> bool {
        matches!(
            self,
            Self::Redeploy
                | Self::Pause
                | Self::Resume
                | Self::Stop
                | Self::Retry { .. }
                | Self::Decide { .. }
                | Self::ChangePort { .. }
                | Self::FreePort
                | Self::SetVar { .. }
                | Self::Deploy(_)
                | Self::RollBack { .. }
                | Self::Serving(_)
        )
    }

    /// Whether acting on it shows runs.
    fn looks(&self) -> bool {
        matches!(
            self,
            Self::Status
                | Self::ShowRuns { .. }
                | Self::ShowRun { .. }
                | Self::WhyFailed { .. }
                | Self::CompareRuns { .. }
                | Self::OpenApp
                | Self::Live
                | Self::Deployments { .. }
        )
    }

    /// The action in words that fit "Did you mean: …?".
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Redeploy => "redeploy the application".into(),
            Self::Pause => "pause the run".into(),
            Self::Resume => "resume the run".into(),
            Self::Stop => "stop the run".into(),
            Self::Status => "show what is happening".into(),
            Self::ShowRuns { count: Some(count) } => format!("show the last {count} runs"),
            Self::ShowRuns { count: None } => "show the last runs".into(),
            Self::WhyFailed { run: Some(run) } => format!("say why run {run} failed"),
            Self::WhyFailed { run: None } => "say why the last run failed".into(),
            Self::Retry { run: Some(run) } => format!("retry run {run}"),
            Self::Retry { run: None } => "retry the last run".into(),
            Self::Decide { choice, which } => held::in_words(*choice, which),
            Self::ShowRun { run } => format!("show run {run}"),
            Self::ChangePort { port, from: Some(from) } => format!("change the port from {from} to {port}"),
            Self::ChangePort { port, from: None } => format!("change the port to {port}"),
            Self::FreePort => "use a free port".into(),
            Self::CompareRuns { first, second } => format!("compare run {first} and {second}"),
            Self::OpenApp => "open the app".into(),
            Self::Deploy(request) => request.in_words(),
            Self::RollBack { to: Some(to) } => format!("roll back to deployment {to}"),
            Self::RollBack { to: None } => "roll back to the deployment before".into(),
            Self::Serving(Serving::Anew) => "restart the application".into(),
            Self::Serving(Serving::NoMore { .. }) => "take the application offline".into(),
            Self::Serving(Serving::Again) => "start the application again".into(),
            Self::Live => "say what is deployed".into(),
            Self::Deployments { .. } => "show the last deployments".into(),
            Self::SetVar { name, value } => format!("set {name} to {value}"),
            Self::Help => "show what I can do".into(),
            Self::Declined { action } => format!("not {}", action.in_words()),
            Self::AskBack { did_you_mean } => did_you_mean.in_words(),
            Self::Elsewhere { asked, .. } => asked.in_words(),
            Self::Greeting | Self::Thanks | Self::NeverMind | Self::Cannot { .. } | Self::Unknown { .. } => {
                "do nothing".into()
            }
        }
    }
}

/// What the chat knows when the message comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The state of the newest run.
    pub run: CurrentRun,
    /// The intent that the assistant just asked about ("Did you mean …?"), so that "yes" has a meaning.
    pub asked: Option<Intent>,
    /// Names of the project and its parts: words that may stand for the application and are never misspellings.
    pub names: Vec<String>,
    /// Names of the plan's variables.
    pub variables: Vec<String>,
    /// Names of the plan's hosts and groups: where it can deploy to.
    pub places: Vec<String>,
    /// The steps at which the newest run is held.
    pub held: Vec<HeldStep>,
    /// Names of the other projects.
    pub others: Vec<String>,
}

/// The newest run, as far as words depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CurrentRun {
    /// Nothing is running or held.
    #[default]
    None,
    /// A run is in progress.
    Running,
    /// A run is held between two steps.
    Paused,
}
