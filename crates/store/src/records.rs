//! What the database holds, as the rest of Steadyhand and its pages see it.
//!
//! The pages' TypeScript types are generated from these, so that nothing is described twice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_domain::{
    Choice, Desired, MessageId, ProjectId, ProposalId, Reason, RunId, RunState, Stage, StepId, StepOutcome,
    StepState, Timestamp, Trigger,
};
use ts_rs::TS;

mod deployments;
mod history;
mod scans;

pub use deployments::{Deployment, DeploymentKind, DeploymentSource, Environment, SourceKind, StageTimes};
pub use history::{Commit, History};
pub use scans::{Scan, Scanner, Severity, SeverityCounts, Vulnerability};

/// An application: its plan, its runs, its chat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Project {
    /// Its identifier.
    pub id: ProjectId,
    /// What people call it; unique.
    pub name: String,
    /// Whether it is the project that deploys to the practice server.
    pub practice: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its newest run.
    pub last_run: Option<RunSummary>,
}

/// One saved state of a project's plan. Immutable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct PlanRevision {
    /// SHA-256 of the source, in lower-case hexadecimal.
    pub sha256: String,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// Why it was saved, in a few words.
    pub note: String,
}

/// How many steps of a run are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct StepCounts {
    /// Not begun.
    pub pending: u32,
    /// Running now.
    pub running: u32,
    /// Done.
    pub completed: u32,
    /// Failed.
    pub failed: u32,
    /// Not needed or not reached.
    pub skipped: u32,
}

/// What keeps a run, or one host of it, from going on at this moment, though nothing has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Hindrance {
    /// The connection to a host broke, and is being made again.
    Reconnecting {
        /// The host's name in the plan.
        host: String,
        /// How many attempts have failed so far.
        failures: u32,
        /// Why the last one failed.
        message: String,
    },
    /// A person must answer a question about a host first.
    Waiting {
        /// The host's name in the plan.
        host: String,
    },
    /// The first hosts of a task are done, and the run is paused until a person lets it go on.
    Held {
        /// The task.
        task: String,
        /// Hosts that are done.
        done: u32,
        /// Of how many.
        of: u32,
    },
    /// A step has failed, and a person decides what becomes of it.
    StepHeld {
        /// The step.
        step_id: StepId,
        /// Its place in the run, from 0.
        index: u32,
        /// Its name.
        step: String,
        /// Its host.
        host: String,
        /// Why it failed.
        reason: Reason,
        /// The same in words.
        reason_text: String,
    },
    /// Some hosts of a task are done, and the plan has a pause before the next ones.
    Resting {
        /// The task.
        task: String,
        /// Hosts that are done.
        done: u32,
        /// Of how many.
        of: u32,
    },
    /// The process that executed the run is gone, and the one that looked cannot read the vault with the secrets of its
    /// project, so that it could not hide them.
    VaultLocked,
    /// The process that executed the run is gone, and the one that looked has not the secrets to go on with it.
    MissingSecrets {
        /// Their names in the plan.
        names: Vec<String>,
    },
}

impl Hindrance {
    /// Whether a person is to decide something, which stays so whoever executes the run.
    #[must_use]
    pub fn awaits_a_decision(&self) -> bool {
        matches!(self, Self::Held { .. } | Self::StepHeld { .. })
    }
}

/// What a step has written, for later steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its text, without secrets.
    pub text: String,
    /// Whether there was a secret in it, so that it is not what the step has written.
    pub masked: bool,
}

/// What a person decided about a failure of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What becomes of it.
    pub choice: Choice,
    /// After which attempt.
    pub attempt: u32,
}

/// Somebody who was to be told of a run, and could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Untold {
    /// The word for the channel in the plan: `slack`, `email`, …
    pub channel: String,
    /// Why, and what to do.
    pub problem: String,
    /// Whether it is tried again.
    pub again: bool,
}

/// A run without its steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct RunSummary {
    /// Its identifier.
    pub id: RunId,
    /// The project that it belongs to.
    pub project_id: ProjectId,
    /// Counts the project's runs from 1; what people call it ("run 24").
    pub number: u32,
    /// What it is.
    pub state: RunState,
    /// What has been asked for; differs from the state while a request is under way.
    pub desired: Desired,
    /// What keeps it, or one of its hosts or tasks, from going on.
    pub hindrances: Vec<Hindrance>,
    /// What started it.
    pub trigger: Trigger,
    /// Who started it: a user name of this machine.
    pub started_by: String,
    /// The plan revision that it executes.
    pub plan_sha256: String,
    /// SHA-256 of the rendered plan: what was shown is what runs.
    pub rendered_sha256: String,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it reached its final state.
    pub ended_at: Option<Timestamp>,
    /// How its steps stand.
    pub steps: StepCounts,
    /// The name of the step that is running, or else of the one that failed.
    pub current_step: Option<String>,
    /// How long this project's completed runs have taken lately: the median, in milliseconds.
    pub typical_ms: Option<i64>,
    /// Who could not be told of it so far, of those that its plan names in `notify`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Untold>>", optional)]
    pub untold: Vec<Untold>,
    /// The number of the latest event of the run.
    pub seq: i64,
}

/// One attempt of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When its end was recorded.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<StepOutcome>,
    /// Lines in its log; an unfinished last line counts.
    pub lines: u64,
    /// Bytes in its log.
    pub bytes: u64,
}

/// One action on one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Step {
    /// Its identifier.
    pub id: StepId,
    /// The run that it belongs to.
    pub run_id: RunId,
    /// Its place in the run, from 0.
    pub index: u32,
    /// The task that it belongs to.
    pub task: String,
    /// The host that it acts on.
    pub host: String,
    /// What it is called.
    pub name: String,
    /// What it does: `run`, `upload`, `download`, `wait_for` or the kind of a resource.
    pub kind: String,
    /// What it is there for, when it is of a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub stage: Option<Stage>,
    /// What it is.
    pub state: StepState,
    /// What it has written, where later steps may use that.
    #[ts(skip)]
    #[serde(skip)]
    pub output: Option<Output>,
    /// What a person decided about its last failure.
    #[ts(skip)]
    #[serde(skip)]
    pub decision: Option<Decision>,
    /// Whether it has changed something on its host; not known while it has not completed.
    pub changed: Option<bool>,
    /// Why it failed or was skipped.
    pub reason: Option<Reason>,
    /// The same as a sentence.
    pub reason_text: Option<String>,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it reached its final state.
    pub ended_at: Option<Timestamp>,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct LogLine {
    /// Counts from 1.
    pub number: u64,
    /// The line without its end, as far as it is given; bytes that are not UTF-8 are shown as U+FFFD. May contain
    /// terminal control sequences.
    pub text: String,
    /// When it was received.
    pub at: Timestamp,
    /// Its whole length in bytes, without its end.
    pub bytes: u64,
    /// Whether `text` is only its beginning.
    pub cut: bool,
}

/// A window of lines of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct LogWindow {
    /// Lines in the whole log so far; an unfinished last line counts.
    pub total_lines: u64,
    /// Bytes in the whole log so far.
    pub total_bytes: u64,
    /// The lines asked for, as far as they exist.
    pub lines: Vec<LogLine>,
}

/// The answer to a search in a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct LogMatches {
    /// The numbers of the lines that match, ascending.
    pub lines: Vec<u64>,
    /// Where to go on searching; none when the whole log was searched.
    pub next: Option<u64>,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person.
    User,
    /// Steadyhand.
    Assistant,
}

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Still being written.
    Streaming,
    /// Whole.
    Complete,
    /// Ended early by the person.
    Cancelled,
    /// Ended early by an error, which its text ends with.
    Failed,
}

/// One line of a log that an answer rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct CitedLine {
    /// The line's number in the log, from 1.
    pub line: u64,
    /// Its text without control sequences.
    pub text: String,
}

/// A way to mend a failure that the person carries out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Advice {
    /// What to do, in one sentence.
    pub title: String,
    /// How and why.
    pub detail: String,
    /// A shell command that does it.
    pub command: Option<String>,
}

/// Something in a message that is more than text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Card {
    /// A run, shown live.
    Run {
        /// Which.
        run_id: RunId,
    },
    /// Several runs, newest first.
    Runs {
        /// Which.
        run_ids: Vec<RunId>,
    },
    /// What is known about a failed step.
    Finding {
        /// The run.
        run_id: RunId,
        /// The step that failed.
        step_id: StepId,
        /// The attempt whose log is cited.
        attempt: u32,
        /// The cause in one sentence; none when it is not known.
        title: Option<String>,
        /// The cause in a few sentences.
        explanation: Option<String>,
        /// The lines that this rests on, the telling one first.
        citations: Vec<CitedLine>,
        /// What the person can do.
        advice: Vec<Advice>,
    },
    /// A change that waits for the person.
    Proposal {
        /// Which.
        proposal_id: ProposalId,
    },
    /// An address to open.
    Link {
        /// What it is.
        label: String,
        /// An `http:` or `https:` address.
        url: String,
    },
    /// Things to say next, as buttons.
    Replies {
        /// What each button says and sends.
        texts: Vec<String>,
    },
    /// What the model was asked to do by itself.
    ToolCall {
        /// The tool's name.
        tool: String,
        /// What came of it, in one sentence.
        result: String,
    },
    /// What an answer of a model took.
    Usage {
        /// Tokens sent.
        prompt_tokens: u32,
        /// Tokens received.
        completion_tokens: u32,
        /// The model's name.
        model: String,
    },
}

/// One message of a project's chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Message {
    /// Its identifier.
    pub id: MessageId,
    /// The project whose chat it is in.
    pub project_id: ProjectId,
    /// When it was begun.
    pub at: Timestamp,
    /// Who wrote it.
    pub role: Role,
    /// How far it is.
    pub state: MessageState,
    /// Its text: paragraphs, `**bold**` and `` `code` ``, lists with `- `.
    pub text: String,
    /// What it carries beside the text.
    pub cards: Vec<Card>,
}

/// How a line of a diff differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffKind {
    /// In both.
    Context,
    /// Only in the new text.
    Added,
    /// Only in the old text.
    Removed,
    /// Lines that are the same were left out here.
    Gap,
}

/// One line of a diff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DiffLine {
    /// How it differs.
    pub kind: DiffKind,
    /// The line without its end.
    pub text: String,
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProposalState {
    /// Waits for the person.
    Open,
    /// Accepted and carried out.
    Accepted,
    /// Refused.
    Dismissed,
    /// No longer possible.
    Void {
        /// Why.
        why: String,
    },
}

/// A change of the plan that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Proposal {
    /// Its identifier.
    pub id: ProposalId,
    /// The project whose plan it changes.
    pub project_id: ProjectId,
    /// What it does, in one sentence.
    pub title: String,
    /// What speaks for it, in a few words ("free on web1").
    pub note: String,
    /// The revision that it changes.
    pub base_sha256: String,
    /// The whole plan as it would be.
    pub source: String,
    /// SHA-256 of that source; accepting names it, so that only what was shown is carried out.
    pub sha256: String,
    /// The change.
    pub diff: Vec<DiffLine>,
    /// What became of it.
    pub state: ProposalState,
}
