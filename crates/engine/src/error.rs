//! What can go wrong when runs are started or asked for something.

use steadyhand_domain::{IllegalRunTransition, IllegalStepTransition, RunId, RunState};
use steadyhand_plan::{Diagnostic, SelectionError};
use steadyhand_remote::RemoteError;
use steadyhand_store::StoreError;

use crate::SECRET_VARIABLE;

/// A project as the commands about its secrets name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectOfSecrets {
    /// Its name.
    pub name: String,
    /// Whether it has not been made yet: a plan file makes it with its first run.
    pub is_new: bool,
}

impl ProjectOfSecrets {
    /// The command that gives a secret of it a value.
    #[must_use]
    pub fn set_secret(&self, secret: &str) -> String {
        let create = if self.is_new { " --create" } else { "" };
        format!("steady secret set {secret} --project {}{create}", word(&self.name))
    }
}

/// What can go wrong when runs are started or asked for something.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A host.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// A run was about to take an event that its state does not allow.
    #[error(transparent)]
    IllegalRun(#[from] IllegalRunTransition),
    /// A step was about to take an event that its state does not allow.
    #[error(transparent)]
    IllegalStep(#[from] IllegalStepTransition),
    /// What was asked of a run is not possible any more.
    #[error("run {number} is {} already; it cannot be {asked}", state_word(*state))]
    Ended {
        /// The run's number.
        number: u32,
        /// What it is.
        state: RunState,
        /// What was asked.
        asked: &'static str,
    },
    /// What was asked of a run contradicts what is under way.
    #[error("run {number} {why}")]
    NotNow {
        /// The run's number.
        number: u32,
        /// Why not.
        why: &'static str,
    },
    /// A decision about a step that is not held.
    #[error(
        "“{step}” on {host} of run {number} does not wait for a decision (any more); look at the run again"
    )]
    NotHeld {
        /// The step's name.
        step: String,
        /// Its host.
        host: String,
        /// The run's number.
        number: u32,
    },
    /// Nothing of a run is left to do.
    #[error(
        "run {number} left nothing to do: each of its steps was done or not needed; redeploy runs the plan again"
    )]
    NothingLeft {
        /// The run's number.
        number: u32,
    },
    /// Nothing of a run can be taken back.
    #[error(
        "no step that run {number} completed says how it is undone; give such steps an `undo:` in the plan, for the next time"
    )]
    NothingToUndo {
        /// The run's number.
        number: u32,
    },
    /// All of a run that can be taken back was taken back.
    #[error("run {number} was undone already, by run {by}; to have it again, redeploy")]
    AlreadyUndone {
        /// The run's number.
        number: u32,
        /// The number of the run that did so, the last if there are several.
        by: u32,
    },
    /// A deployment was made to another place than the one that serves.
    #[error(
        "deployment {number} was made to another host, or under another name of the plan, than the one that serves now; deploy its commit instead"
    )]
    Elsewhere {
        /// Its number.
        number: u32,
    },
    /// What an environment serves cannot be stopped or started now.
    #[error("{environment} cannot be changed so: {why}")]
    NotServing {
        /// The environment's name.
        environment: String,
        /// Why not.
        why: &'static str,
    },
    /// A host did not tell what it was asked about a deployment.
    #[error("{host} could not tell how the deployment is: {message}")]
    NotTold {
        /// The host's name in the plan.
        host: String,
        /// What it said.
        message: String,
    },
    /// A step that an earlier run completed is another one now.
    #[error(
        "“{step}” on {host}, which completed in run {number}, is not in the plan any more as it was then; redeploy runs all of the plan"
    )]
    ChangedBefore {
        /// The run's number.
        number: u32,
        /// The step's name then.
        step: String,
        /// Its host.
        host: String,
    },
    /// The project has no plan.
    #[error("this project has no plan yet; write one in the Plan tab")]
    NoPlan,
    /// The plan has errors.
    #[error("the plan has {}; see the Plan tab", problems(diagnostics))]
    Plan {
        /// Every problem.
        diagnostics: Vec<Diagnostic>,
    },
    /// The plan has not what was chosen of it.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// What was shown is not what would run now.
    #[error(
        "the plan or what it depends on has changed since it was shown; look at the new preview, then run it"
    )]
    Changed,
    /// The plan has nothing to do.
    #[error("the plan has no steps, so there is nothing to run; add a task with steps")]
    NoSteps,
    /// Secrets have no value.
    #[error("no value is set for the secret{} {}; set {} with {}, or start Steadyhand with {} in its environment",
        if names.len() == 1 { "" } else { "s" },
        names.join(", "),
        if names.len() == 1 { "it" } else { "them" },
        and(names.iter().map(|name| format!("`{}`", project.set_secret(name)))),
        and(names.iter().map(|name| format!("{SECRET_VARIABLE}{name}"))))]
    MissingSecrets {
        /// Their names.
        names: Vec<String>,
        /// The project that needs them.
        project: ProjectOfSecrets,
    },
    /// The recorded plan of a run cannot be read.
    #[error("the recorded plan of run {run} cannot be read: {detail}")]
    Recorded {
        /// The run.
        run: RunId,
        /// What is wrong with it.
        detail: String,
    },
    /// Hosts that the plan does not list could not be looked for.
    #[error("{0}")]
    Discovery(String),
    /// The plan names a host that it does not have.
    #[error("the recorded plan names the host “{0}” but does not say where it is")]
    UnknownHost(String),
}

/// "one", or "one and another".
fn and(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" and ")
}

/// A name as one word of a command line.
fn word(name: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if name.chars().all(plain) { name.to_owned() } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

fn state_word(state: RunState) -> &'static str {
    match state {
        RunState::Started => "started",
        RunState::InProgress => "in progress",
        RunState::Paused => "paused",
        RunState::Completed => "completed",
        RunState::Failed => "failed",
        RunState::Stopped => "stopped",
    }
}

/// "1 error: line 3: …" or "4 errors, the first in line 3: …".
fn problems(diagnostics: &[Diagnostic]) -> String {
    let place = |problem: &Diagnostic| match &problem.file {
        Some(file) => format!("{file}, line {}", problem.line),
        None => format!("line {}", problem.line),
    };
    let errors: Vec<&Diagnostic> = diagnostics.iter().filter(|problem| problem.is_error()).collect();
    match errors.as_slice() {
        [] => "errors".to_owned(),
        [only] => format!("an error in {}: {}", place(only), only.message),
        [first, ..] => {
            format!("{} errors, the first in {}: {}", errors.len(), place(first), first.message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_secret_is_told_with_the_command_that_sets_it() {
        let missing = |names: &[&str], project: &str| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            let project = ProjectOfSecrets { name: project.to_owned(), is_new: false };
            EngineError::MissingSecrets { names, project }.to_string()
        };
        assert_eq!(
            missing(&["KEY"], "shop"),
            "no value is set for the secret KEY; set it with `steady secret set KEY --project shop`, or start Steadyhand \
             with STEADYHAND_SECRET_KEY in its environment"
        );
        assert_eq!(
            missing(&["A", "B"], "Ana's shop"),
            "no value is set for the secrets A, B; set them with `steady secret set A --project 'Ana'\\''s shop'` and \
             `steady secret set B --project 'Ana'\\''s shop'`, or start Steadyhand with STEADYHAND_SECRET_A and \
             STEADYHAND_SECRET_B in its environment"
        );
    }
}
