//! How states, times and places are said to people.

use std::path::Path;

use steadyhand_api::{
    Problem, ProblemSeverity, SECRET_VARIABLE,
    records::{Hindrance, RunSummary, Step, Untold},
};
use steadyhand_domain::{DeploymentState, Desired, RunState, StepState, Trigger, duration};

use crate::output::{Colour, Output};

pub(crate) fn run_state(run: &RunSummary) -> (&'static str, Colour) {
    match (run.state, run.desired) {
        (RunState::Started | RunState::InProgress | RunState::Paused, Desired::Stopped) => {
            ("stopping", Colour::Yellow)
        }
        (RunState::Started | RunState::InProgress, Desired::Paused) => {
            ("pausing after this step", Colour::Yellow)
        }
        (RunState::Started, _) => ("started", Colour::Blue),
        (RunState::InProgress, _) => ("in progress", Colour::Blue),
        (RunState::Paused, Desired::Running) if run.hindrances.iter().any(is_held) => {
            ("held", Colour::Yellow)
        }
        (RunState::Paused, Desired::Running) => ("going on", Colour::Blue),
        (RunState::Paused, _) => ("paused", Colour::Yellow),
        (RunState::Completed, _) => ("completed", Colour::Green),
        (RunState::Failed, _) => ("failed", Colour::Red),
        (RunState::Stopped, _) => ("stopped", Colour::Grey),
    }
}

fn is_held(hindrance: &Hindrance) -> bool {
    matches!(hindrance, Hindrance::StepHeld { .. })
}

pub(crate) fn deployment_state(state: DeploymentState) -> (&'static str, Colour) {
    match state {
        DeploymentState::Pending => ("pending", Colour::Grey),
        DeploymentState::Building => ("building", Colour::Blue),
        DeploymentState::Built => ("built", Colour::Blue),
        DeploymentState::Deploying => ("deploying", Colour::Blue),
        DeploymentState::Ready => ("ready", Colour::Green),
        DeploymentState::Superseded => ("superseded", Colour::Grey),
        DeploymentState::Failed => ("failed", Colour::Red),
        DeploymentState::Cancelled => ("cancelled", Colour::Grey),
    }
}

pub(crate) fn step_sign(state: StepState) -> (&'static str, Colour) {
    match state {
        StepState::Pending => ("○", Colour::Grey),
        StepState::Running => ("▸", Colour::Blue),
        StepState::Completed => ("✓", Colour::Green),
        StepState::Failed => ("✗", Colour::Red),
        StepState::Skipped => ("–", Colour::Grey),
    }
}

/// What keeps the run `name` from going on: the first thing, and how many more there are.
pub(crate) fn hindrances(hindrances: &[Hindrance], name: &str) -> Option<String> {
    let (first, more) = hindrances.split_first()?;
    let first = hindrance(first, name);
    Some(if more.is_empty() { first } else { format!("{first} (and {} more)", more.len()) })
}

/// "Not told by slack: it gave no answer in time. The next Steadyhand that runs tries again."
pub(crate) fn untold(untold: &Untold) -> String {
    let Untold { channel, problem, again } = untold;
    let problem = problem.trim_end_matches('.');
    let then = if *again { ". The next Steadyhand that runs tries again." } else { "." };
    format!("Not told by {channel}: {problem}{then}")
}

fn hindrance(hindrance: &Hindrance, name: &str) -> String {
    match hindrance {
        Hindrance::Reconnecting { host, failures: 0, message } => {
            format!("reconnecting to {host}: {message}")
        }
        Hindrance::Reconnecting { host, failures, message } => {
            format!("reconnecting to {host} ({failures} failed so far): {message}")
        }
        Hindrance::Waiting { host } => format!("waiting for an answer about {host}"),
        Hindrance::Held { task, done, of } => {
            let of = many(*of as usize, "host");
            format!("{task}: {done} of {of} done; look at it, then resume the run to go on, or stop it")
        }
        Hindrance::StepHeld { step, host, reason_text, index, .. } => format!(
            "“{step}” on {host} has failed and is held: {reason_text}; decide with `steady decide {name} {} retry`, `skip` or `fail`",
            index + 1
        ),
        Hindrance::Resting { task, done, of } => {
            let of = many(*of as usize, "host");
            format!("{task}: {done} of {of} done; the plan has a pause before the next ones")
        }
        Hindrance::VaultLocked => {
            "the Steadyhand that executed it is gone, and this one cannot open the vault with its secrets; start one with \
             STEADYHAND_VAULT_KEY, unlock the vault, or stop the run"
                .to_owned()
        }
        Hindrance::MissingSecrets { names } => {
            let variables = names.iter().map(|name| format!("{SECRET_VARIABLE}{name}")).collect::<Vec<_>>();
            format!(
                "the Steadyhand that executed it is gone, and this one has no value for the secret {}; use `steady secret \
                 set`, start one with {} to go on, or stop the run",
                names.join(", "),
                variables.join(" and ")
            )
        }
    }
}

/// How long ago, as the pages say it: `now`, `5 min ago`, `3 h ago`, `2 d ago`, `7 w ago`.
pub(crate) fn ago(ms: i64) -> String {
    let minutes = ms / 60_000;
    let (hours, days) = (minutes / 60, minutes / (60 * 24));
    match () {
        () if minutes < 1 => "now".to_owned(),
        () if hours < 1 => format!("{minutes} min ago"),
        () if days < 1 => format!("{hours} h ago"),
        () if days < 14 => format!("{days} d ago"),
        () if days < 365 => format!("{} w ago", days / 7),
        () => format!("{} y ago", days / 365),
    }
}

/// What started a run.
pub(crate) fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Chat => "chat",
        Trigger::Window => "window",
        Trigger::CommandLine => "command line",
        Trigger::Retry => "retry",
        Trigger::Undo => "undo",
        Trigger::Rollback => "rollback",
        Trigger::Proposal => "proposal",
    }
}

/// How long a step took, when it has begun and ended.
pub(crate) fn step_duration(step: &Step) -> Option<String> {
    Some(duration(step.ended_at?.since(step.started_at?)))
}

/// A number of bytes, as precise as it matters: `512 B`, `1.5 GiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut units = UNITS.into_iter().peekable();
    while value >= 1023.95 && units.len() > 1 {
        value /= 1024.0;
        units.next();
    }
    format!("{value:.1} {}", units.next().unwrap_or_default())
}

pub(crate) fn many(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// `plan.yaml:3:5: error: …`, as editors and terminals find it, with the hint below.
pub(crate) fn problem(output: &Output, plan: &Path, problem: &Problem) -> String {
    let (label, colour) = match problem.severity {
        ProblemSeverity::Error => ("error", Colour::Red),
        ProblemSeverity::Warning => ("warning", Colour::Yellow),
        ProblemSeverity::Note => ("note", Colour::Blue),
    };
    let hint = problem.hint.as_ref().map(|hint| format!("\n    {hint}")).unwrap_or_default();
    let (line, column) = (problem.line, problem.column);
    let file =
        problem.file.as_ref().map_or_else(|| plan.to_owned(), |file| plan.with_file_name("").join(file));
    format!("{}:{line}:{column}: {}: {}{hint}", file.display(), output.paint(colour, label), problem.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_said_in_the_largest_unit() {
        let said = [0, 1023, 1024, 1536, 1_048_575, 1 << 30, 25_276_502_016, u64::MAX].map(bytes);
        let expected =
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 GiB", "23.5 GiB", "16384.0 PiB"];
        assert_eq!(said, expected);
    }

    #[test]
    fn how_long_ago_is_said_in_the_largest_unit() {
        let minute = 60_000;
        let said: Vec<_> = [
            -5,
            59_999,
            minute,
            59 * minute,
            60 * minute,
            1440 * minute,
            14 * 1440 * minute,
            365 * 1440 * minute,
        ]
        .map(ago)
        .into();
        assert_eq!(
            said,
            ["now", "now", "1 min ago", "59 min ago", "1 h ago", "1 d ago", "2 w ago", "1 y ago"]
        );
    }
}
