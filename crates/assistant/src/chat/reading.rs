//! Reading the plan and logs, for a model.

use std::sync::Arc;

use steadyhand_domain::ProjectId;
use steadyhand_engine::EngineError;
use steadyhand_plan::check;
use steadyhand_store::logs;

use super::{
    AssistantError, Shared,
    actions::{Reply, by_number, count, current_plan, no_such_run, refusal, steps_of},
};

pub(crate) async fn read_plan(shared: &Arc<Shared>, project: ProjectId) -> Result<Reply, AssistantError> {
    Ok(match current_plan(shared, project).await? {
        Some(plan) => Reply::say("Read the plan.").detailed(plan.source),
        None => refusal(&EngineError::NoPlan),
    })
}

pub(crate) fn check_plan(source: &str) -> Reply {
    let problems = problems(source);
    let detail = if problems.is_empty() { "The plan is right.".to_owned() } else { problems };
    Reply::say("Checked a plan.").detailed(detail)
}

/// The errors of a plan, a line each; empty when it has none.
pub(super) fn problems(source: &str) -> String {
    let checked = check(source);
    let errors: Vec<String> =
        checked.diagnostics.iter().filter(|problem| problem.is_error()).map(ToString::to_string).collect();
    errors.join("\n")
}

pub(crate) async fn read_log(
    shared: &Arc<Shared>,
    project: ProjectId,
    number: u32,
    step: u32,
    from: Option<u64>,
    limit: u32,
) -> Result<Reply, AssistantError> {
    let Some(run) = by_number(shared, project, number).await? else {
        return Ok(no_such_run(shared, project, number).await?);
    };
    let steps = steps_of(shared, &run).await?;
    let Some(step) = step.checked_sub(1).and_then(|index| steps.get(index as usize)) else {
        return Ok(Reply::say(format!("Run {number} has steps 1 to {}.", steps.len())));
    };
    let Some(attempt) = step.attempts.last() else {
        return Ok(Reply::say(format!("“{}” has not run, so it has no log.", step.name)));
    };
    let from = from.unwrap_or_else(|| attempt.lines.saturating_sub(u64::from(limit)) + 1);
    let mut db = shared.engine.store().read_logs().await?;
    let window = logs::window(&mut db, step.id, attempt.number, from, limit).await?;
    let mut detail = format!("Lines of the log of “{}” (it has {}):\n", step.name, window.total_lines);
    for line in &window.lines {
        let text: String = line.text.chars().filter(|letter| !letter.is_control()).take(2_000).collect();
        detail.push_str(&format!("{}: {text}\n", line.number));
    }
    Ok(Reply::say(format!("Read {} of “{}”.", count(window.lines.len() as u32, "log line"), step.name))
        .detailed(detail))
}
