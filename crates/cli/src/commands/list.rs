//! `steady runs` and `steady status`.

use serde::Serialize;
use steadyhand_api::{
    Api, ApiError, ErrorCode, ListRuns, Nothing, Question, QuestionKind,
    records::{Project, RunSummary},
};

use crate::{
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
    let mut projects = api.projects(Nothing {}).await?;
    if let Some(name) = of {
        projects.retain(|project| project.name == name);
        if projects.is_empty() {
            let message = format!("there is no project {name}; `steady status` lists the projects");
            return Err(ApiError { code: ErrorCode::NotFound, message }.into());
        }
    }
    let mut found: Vec<(&Project, RunSummary)> = Vec::new();
    for project in &projects {
        let runs = api.runs(ListRuns { project_id: project.id, before: None, limit }).await?;
        found.extend(runs.into_iter().map(|run| (project, run)));
    }
    found.sort_by_key(|(_, run)| std::cmp::Reverse(run.created_at));
    output.document(&found.iter().map(|(_, run)| run).collect::<Vec<_>>())?;
    if found.is_empty() {
        output.line("No runs yet. `steady run PLAN` starts one.")?;
    }
    for (project, run) in &found {
        output.line(&line(output, &project.name, run))?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Status<'a> {
    projects: &'a [Project],
    questions: &'a [Question],
}

pub(crate) async fn status(api: &Api, output: &mut Output) -> Result<Exit, Failure> {
    let projects = api.projects(Nothing {}).await?;
    let questions = api.questions(Nothing {}).await?;
    output.document(&Status { projects: &projects, questions: &questions })?;
    if projects.is_empty() {
        output.line("No projects yet. `steady run PLAN` makes one.")?;
    }
    for project in &projects {
        match &project.last_run {
            Some(run) => output.line(&line(output, &project.name, run))?,
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

/// `shop/24   failed   12 s   4 of 6   build`.
fn line(output: &Output, project: &str, run: &RunSummary) -> String {
    let (word, colour) = words::run_state(run);
    let name = format!("{}/{}", plain(project), run.number);
    let steps = &run.steps;
    let all = steps.pending + steps.running + steps.completed + steps.failed + steps.skipped;
    let done = format!("{} of {}", steps.completed, words::many(all as usize, "step"));
    let took = run.ended_at.map(|ended| words::duration(ended.since(run.created_at))).unwrap_or_default();
    let hindered = run.hindrance.as_ref().map(words::hindrance);
    let rest = hindered.or_else(|| run.current_step.clone()).unwrap_or_default();
    // The padding is applied before the colour: colours have no width.
    let word = output.paint(colour, &format!("{word:<12}"));
    format!("{name:<24} {word} {took:>12}  {done:<16} {}", plain(&rest)).trim_end().to_owned()
}
