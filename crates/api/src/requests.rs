//! What operations take.

use serde::{Deserialize, Serialize};
use steadyhand_domain::{
    Choice, DeploymentId, DeploymentState, EnvironmentId, ProjectId, QuestionId, RunId, StepId,
};
use ts_rs::TS;

/// A decision about a step that has failed and is held.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct DecideStep {
    /// The step.
    pub step_id: StepId,
    /// What becomes of it.
    pub choice: Choice,
}

/// How much of an earlier run is run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RetryPart {
    /// All of it.
    #[default]
    Whole,
    /// What it did not complete.
    Rest,
    /// What it did not complete, as the current plan has it.
    RestOfCurrentPlan,
}

/// A person's answer.
#[derive(Clone, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    /// The host key is the right one; remember it.
    Trust,
    /// A passphrase or a password.
    Secret {
        /// It.
        value: String,
    },
    /// Do not connect.
    Refuse,
}

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $ty:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Serialize, Deserialize, TS)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$fdoc])* pub $field: $ty),* }
    )*};
}

requests! {
    /// Names a project.
    OfProject {
        /// Which.
        project_id: ProjectId,
    }
    /// A look at what a run needs.
    AskPreflight {
        /// The project whose current plan would run.
        project_id: ProjectId,
        /// Hosts of the plan on which `sudo` is looked at, too.
        #[serde(default)]
        sudo_on: Vec<String>,
    }
    /// Names a run.
    OfRun {
        /// Which.
        run_id: RunId,
    }
    /// A new project.
    CreateProject {
        /// Its name, unique.
        name: String,
        /// Its plan; a small example when none is given.
        #[serde(default)]
        #[ts(optional)]
        source: Option<String>,
    }
    /// Another name for a project.
    RenameProject {
        /// Which.
        project_id: ProjectId,
        /// Its new name, unique.
        name: String,
    }
    /// A plan's source.
    Source {
        /// The text.
        source: String,
        /// The project whose plan it is: files that it includes are looked for in that one's folder.
        #[serde(default)]
        #[ts(optional)]
        project_id: Option<ProjectId>,
    }
    /// A new revision of a plan.
    SavePlan {
        /// The project.
        project_id: ProjectId,
        /// The text.
        source: String,
        /// The revision that was edited; refused when it is no longer the current one.
        base_sha256: String,
    }
    /// A revision of a plan.
    OfRevision {
        /// The project.
        project_id: ProjectId,
        /// The revision.
        sha256: String,
    }
    /// An earlier revision of a plan that is to be the current one again.
    RestorePlan {
        /// The project.
        project_id: ProjectId,
        /// The revision to restore.
        sha256: String,
        /// The revision that it was compared with; refused when it is no longer the current one.
        base_sha256: String,
    }
    /// A request for a run.
    StartRun {
        /// The project.
        project_id: ProjectId,
        /// The rendered plan that was shown, when one was: refused when it has changed since.
        #[serde(default)]
        #[ts(optional)]
        rendered_sha256: Option<String>,
    }
    /// A request to run what an earlier run executed again.
    RetryRun {
        /// The run.
        run_id: RunId,
        /// How much of it; all when nothing is said.
        #[serde(default)]
        #[ts(optional)]
        again: Option<RetryPart>,
    }
    /// A page of runs, newest first.
    ListRuns {
        /// The project.
        project_id: ProjectId,
        /// Only runs with smaller numbers.
        #[serde(default)]
        #[ts(optional)]
        before: Option<u32>,
        /// At most this many (100 at most).
        limit: u32,
    }
    /// Names an environment.
    OfEnvironment {
        /// Which.
        environment_id: EnvironmentId,
    }
    /// Names a deployment.
    OfDeployment {
        /// Which.
        deployment_id: DeploymentId,
    }
    /// Asks how a deployment differs from another one.
    AskDifference {
        /// The deployment.
        deployment_id: DeploymentId,
        /// The other one, of the same environment; the one that served before it when none is named.
        #[serde(default)]
        #[ts(optional)]
        with: Option<DeploymentId>,
    }
    /// Asks for what the containers of a deployment have written.
    AskContainerLog {
        /// The deployment.
        deployment_id: DeploymentId,
        /// Only what came after an earlier answer: its `after`.
        #[serde(default)]
        #[ts(optional)]
        after: Option<String>,
        /// At most so many lines of each container, the last ones (1,000 at most).
        lines: u32,
    }
    /// Asks for what a run of a job has written.
    AskCronLog {
        /// A deployment of the job's environment.
        deployment_id: DeploymentId,
        /// The job.
        job: String,
        /// The run: its `id`.
        run: String,
    }
    /// A page of deployments, newest first.
    ListDeployments {
        /// The project.
        project_id: ProjectId,
        /// Only those to this environment.
        #[serde(default)]
        #[ts(optional)]
        environment_id: Option<EnvironmentId>,
        /// Only those in one of these states; all when there are none.
        #[serde(default)]
        states: Vec<DeploymentState>,
        /// Only those that were recorded before this one.
        #[serde(default)]
        #[ts(optional)]
        before: Option<DeploymentId>,
        /// At most this many (100 at most).
        limit: u32,
    }
    /// A window of a log.
    LogLines {
        /// The step.
        step_id: StepId,
        /// The attempt.
        attempt: u32,
        /// The first line wanted, from 1.
        from: u64,
        /// How many lines (2,000 at most).
        count: u32,
    }
    /// A search in a log.
    LogSearch {
        /// The step.
        step_id: StepId,
        /// The attempt.
        attempt: u32,
        /// What to find; letter case counts only when it has an upper-case letter.
        query: String,
        /// The line to begin at, from 1.
        from: u64,
        /// At most this many matches (10,000 at most).
        limit: u32,
    }
    /// Names a log.
    OfLog {
        /// The step.
        step_id: StepId,
        /// The attempt.
        attempt: u32,
    }
    /// A page of a chat, newest last.
    ListMessages {
        /// The project.
        project_id: ProjectId,
        /// Only messages before this one.
        #[serde(default)]
        #[ts(optional)]
        before: Option<steadyhand_domain::MessageId>,
        /// At most this many (200 at most).
        limit: u32,
    }
    /// Something said in a chat.
    Say {
        /// The project.
        project_id: ProjectId,
        /// The words.
        text: String,
    }
    /// Names a proposal.
    OfProposal {
        /// Which.
        proposal_id: steadyhand_domain::ProposalId,
    }
    /// Accepts a proposal.
    AcceptProposal {
        /// Which.
        proposal_id: steadyhand_domain::ProposalId,
        /// SHA-256 of the plan that was shown.
        sha256: String,
        /// Whether to start a run of the new plan.
        run: bool,
    }
    /// Answers a question.
    AnswerQuestion {
        /// Which.
        question_id: QuestionId,
        /// How.
        answer: Answer,
    }
    /// Sets the model.
    SaveModel {
        /// Such as `http://localhost:11434/v1`.
        base_url: String,
        /// Such as `qwen3:8b`.
        model: String,
        /// A new key; the old one is kept when none is given.
        #[serde(default)]
        #[ts(optional)]
        key: Option<String>,
    }
    /// A text to keep.
    Text {
        /// It.
        text: String,
    }
}
