//! `steady runs` and `steady status`.

use steadyhand_api::{
    Api, ListRuns, Nothing, QuestionKind,
    records::{Project, RunSummary},
};
use steadyhand_domain::{Timestamp, duration};

use crate::{
    documents::{ListedRun, Status},
    exit::Exit,
    output::{Colour, Failure, Output},
    terminal_text::plain,
    words,
};

pub(crate) async fn runs(
    api: &Api,
    output: &mut Output,
    of: Option<&str>,
    limit: u32,
) -> Result<Exit, Failure> {
    let projects = match of {
        Some(name) => vec![api.find_project(name).await?],
        None => api.projects(Nothing {}).await?,
    };
    let mut found: Vec<(&Project, RunSummary)> = Vec::new();
    for project in &projects {
        let runs = api.runs(ListRuns { project_id: project.id, before: None, limit }).await?;
        found.extend(runs.into_iter().map(|run| (project, run)));
    }
    found.sort_by_key(|(_, run)| std::cmp::Reverse(run.created_at));
    let listed = found.iter().map(|(project, run)| ListedRun { project: &project.name, run });
    output.document(&listed.collect::<Vec<_>>())?;
    if found.is_empty() {
        output.line("No runs yet. `steady run PLAN` starts one.")?;
    }
    let now = api.now();
    if !found.is_empty() {
        let head = columns("run", &format!("{:<12}", "state"), "took", "steps", "started", "by", "at");
        output.line(&output.paint(Colour::Grey, &head))?;
    }
    for (project, run) in &found {
        output.line(&line(output, &project.name, run, now))?;
    }
    Ok(Exit::Done)
}

pub(crate) async fn status(api: &Api, output: &mut Output) -> Result<Exit, Failure> {
    let projects = api.projects(Nothing {}).await?;
    let questions = api.questions(Nothing {}).await?;
    output.document(&Status { projects: &projects, questions: &questions })?;
    if projects.is_empty() {
        output.line("No projects yet. `steady run PLAN` makes one.")?;
    }
    let now = api.now();
    for project in &projects {
        match &project.last_run {
            Some(run) => output.line(&line(output, &project.name, run, now))?,
            None => output.line(&format!(
                "{:<24} {}",
                plain(&project.name),
                output.paint(Colour::Grey, "no runs yet")
            ))?,
        }
    }
    for question in &questions {
        let what = match &question.about {
            QuestionKind::HostKey { .. } => "whether its host key is the right one",
            QuestionKind::Passphrase { .. } => "the passphrase of a key",
            QuestionKind::Password { .. } => "a password",
        };
        output.line(&format!("{} waits to be told {what}", plain(&question.host)))?;
    }
    Ok(Exit::Done)
}

/// `shop/24   failed   12 s   4 of 6 steps   5 min ago   chat, alice   build`.
fn line(output: &Output, project: &str, run: &RunSummary, now: Timestamp) -> String {
    let (word, colour) = words::run_state(run);
    let name = format!("{}/{}", plain(project), run.number);
    let steps = &run.steps;
    let all = steps.pending + steps.running + steps.completed + steps.failed + steps.skipped;
    let done = format!("{} of {}", steps.completed, words::many(all as usize, "step"));
    let took = run.ended_at.map(|ended| duration(ended.since(run.created_at))).unwrap_or_default();
    let hindered = words::hindrances(&run.hindrances, &name);
    let rest = hindered.or_else(|| run.current_step.clone()).unwrap_or_default();
    // The padding is applied before the colour: colours have no width.
    let word = output.paint(colour, &format!("{word:<12}"));
    let started = words::ago(now.since(run.created_at));
    let by = format!("{}, {}", words::trigger(run.trigger), plain(&run.started_by));
    columns(&name, &word, &took, &done, &started, &by, &plain(&rest))
}

fn columns(name: &str, state: &str, took: &str, steps: &str, started: &str, by: &str, at: &str) -> String {
    let line = format!("{name:<24} {state} {took:>12}  {steps:<14} {started:<12} {by:<22} {at}");
    line.trim_end().to_owned()
}
