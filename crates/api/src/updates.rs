//! What is told to whoever listens. Nothing is published that is not stored.

use serde::{Deserialize, Serialize};
use steadyhand_domain::{ProjectId, Question, QuestionId, RunId, StepId};
use steadyhand_store::records::{Deployment, Environment, Message, Project, Proposal, RunSummary, Step};
use ts_rs::TS;

use crate::views::HostStatus;

/// One thing that changed. Each replaces what the listener knew of that thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Update {
    /// A run and some of its steps: those that changed after the run's change number `since`. A listener that knows
    /// only an older state of the run (its `seq` is below `since`) has missed something and asks for the run again.
    Run {
        /// The run as it is now.
        run: RunSummary,
        /// The number of the last change before these.
        since: i64,
        /// The steps that changed, as they are now.
        steps: Vec<Step>,
    },
    /// An environment is new or has changed, or one of its deployments.
    Environment {
        /// The environment as it is now.
        environment: Environment,
    },
    /// A deployment is new or has changed.
    Deployment {
        /// The deployment as it is now.
        deployment: Deployment,
    },
    /// A log grew; at most 20 times a second for one step.
    Log {
        /// The run.
        run_id: RunId,
        /// The step.
        step_id: StepId,
        /// The attempt.
        attempt: u32,
        /// Lines now.
        lines: u64,
        /// Bytes now.
        bytes: u64,
    },
    /// A message of a chat is new or has changed.
    Message {
        /// The message as it is now.
        message: Message,
    },
    /// A proposal is new or has changed.
    Proposal {
        /// The proposal as it is now.
        proposal: Proposal,
    },
    /// A project is new or has changed.
    Project {
        /// The project as it is now.
        project: Project,
    },
    /// A project was removed.
    ProjectRemoved {
        /// Which.
        project_id: ProjectId,
    },
    /// A project's plan has a new current revision.
    Plan {
        /// The project.
        project_id: ProjectId,
        /// The revision.
        sha256: String,
    },
    /// Something only a person can answer.
    Question {
        /// The question.
        question: Question,
    },
    /// A question was answered or is no longer asked.
    QuestionGone {
        /// Which.
        id: QuestionId,
    },
    /// A host was measured.
    Host {
        /// The project.
        project_id: ProjectId,
        /// The host.
        host: HostStatus,
    },
    /// The database cannot be written at the moment (the disk is full, say); nothing is lost, and work goes on when it
    /// can be again.
    Trouble {
        /// What is wrong; none when it is over.
        message: Option<String>,
    },
    /// Updates were lost; ask for everything that is shown again.
    Lagged,
}
