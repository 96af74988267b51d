//! How states, times and places are said to people.

use std::path::Path;

use steadyhand_api::{
    Problem, ProblemSeverity, SECRET_VARIABLE,
    records::{Hindrance, RunSummary, Step},
};
use steadyhand_domain::{Desired, RunState, StepState};

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
        (RunState::Paused, Desired::Running) => ("going on", Colour::Blue),
        (RunState::Paused, _) => ("paused", Colour::Yellow),
        (RunState::Completed, _) => ("completed", Colour::Green),
        (RunState::Failed, _) => ("failed", Colour::Red),
        (RunState::Stopped, _) => ("stopped", Colour::Grey),
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

pub(crate) fn hindrance(hindrance: &Hindrance) -> String {
    match hindrance {
        Hindrance::Reconnecting { host, failures: 0, message } => {
            format!("reconnecting to {host}: {message}")
        }
        Hindrance::Reconnecting { host, failures, message } => {
            format!("reconnecting to {host} ({failures} failed so far): {message}")
        }
        Hindrance::Waiting { host } => format!("waiting for an answer about {host}"),
        Hindrance::MissingSecrets { names } => {
            let variables = names.iter().map(|name| format!("{SECRET_VARIABLE}{name}")).collect::<Vec<_>>();
            format!(
                "the Steadyhand that executed it is gone; start one with {} to go on",
                variables.join(" and ")
            )
        }
    }
}

/// A duration in milliseconds, as precise as it matters: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`.
pub(crate) fn duration(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match seconds {
        0..10 => {
            let tenths = ms.max(0) / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// How long a step took, when it has begun and ended.
pub(crate) fn step_duration(step: &Step) -> Option<String> {
    Some(duration(step.ended_at?.since(step.started_at?)))
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
    format!("{}:{line}:{column}: {}: {}{hint}", plan.display(), output.paint(colour, label), problem.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_precise_as_matters() {
        let said: Vec<_> = [-5, 0, 449, 9_999, 10_000, 59_999, 185_000, 7_800_000].map(duration).into();
        assert_eq!(said, ["0.0 s", "0.0 s", "0.4 s", "9.9 s", "10 s", "59 s", "3 min 05 s", "2 h 10 min"]);
    }
}
