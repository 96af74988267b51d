//! `steady jobs`: what an application runs again and again on its host, and how that went.

use steadyhand_api::{
    Api, ApiError, AskCronLog, CronJob, CronJobs, CronRun, CronRunState, ErrorCode, OfDeployment,
};
use steadyhand_domain::{Timestamp, duration};

use crate::{
    documents::ShownJob,
    exit::Exit,
    output::{Colour, Failure, Output},
    terminal_text::plain,
    words,
};

pub(crate) async fn jobs(
    api: &Api,
    output: &mut Output,
    project: &str,
    job: Option<&str>,
    run: Option<&str>,
) -> Result<Exit, Failure> {
    let project = api.find_project(project).await?;
    let deployment_id = api.serving(&project).await?.id;
    let known = api.cron_jobs(OfDeployment { deployment_id }).await?;
    let Some(wanted) = job else { return all(api, output, &known) };
    let not_found = |message: String| ApiError { code: ErrorCode::NotFound, message };
    let Some(job) = known.jobs.iter().find(|job| job.name == wanted) else {
        let names: Vec<&str> = known.jobs.iter().map(|job| job.name.as_str()).collect();
        let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(not_found(format!("{} has no job {wanted}; there are: {there}", project.name)).into());
    };
    let shown = match run {
        None => job.runs.first(),
        Some(wanted) => {
            let found = job.runs.iter().find(|run| run.id == wanted);
            Some(found.ok_or_else(|| {
                not_found(format!(
                    "{} has no run {wanted}; without --run, those that are kept are listed",
                    job.name
                ))
            })?)
        }
    };
    let log = match shown {
        None => None,
        Some(run) => {
            let (job, run) = (job.name.clone(), run.id.clone());
            Some(api.cron_log(AskCronLog { deployment_id, job, run }).await?)
        }
    };
    if output.json() {
        let text = log.as_ref().map(|log| log.text.as_str());
        output.document(&ShownJob { host: &known.host, job, run: shown, text })?;
        return Ok(Exit::Done);
    }
    let now = api.now();
    if run.is_none() {
        output.line(&format!("{}: {}", plain(&job.name), plain(&job.run)))?;
        output.line(&due(job, now))?;
        for run in &job.runs {
            output.line(&one(output, run, now))?;
        }
    }
    if let (Some(run), Some(log)) = (shown, log) {
        output.line(&output.paint(Colour::Grey, &format!("What run {} has written:", run.id)))?;
        for line in log.text.lines() {
            output.line(&output.log_text(line))?;
        }
    }
    Ok(Exit::Done)
}

fn all(api: &Api, output: &mut Output, known: &CronJobs) -> Result<Exit, Failure> {
    output.document(known)?;
    if known.jobs.is_empty() {
        output.line(&format!("No jobs on {}; `app.cron` in the plan has them.", plain(&known.host)))?;
    }
    let now = api.now();
    for job in &known.jobs {
        output.line(&format!("{}: {}", plain(&job.name), plain(&job.run)))?;
        output.line(&due(job, now))?;
        match job.runs.first() {
            Some(run) => output.line(&one(output, run, now))?,
            None => output.line("  never run yet")?,
        }
    }
    Ok(Exit::Done)
}

/// `  0 3 * * *, next in 4 h 10 min`
fn due(job: &CronJob, now: Timestamp) -> String {
    let next = job.next.map(|next| format!(", next in {}", duration(next.since(now)))).unwrap_or_default();
    format!("  {}{next}", plain(&job.schedule))
}

/// `  1795330164  failed (status 7)  2 s  5 min ago  deployment 4`
fn one(output: &Output, run: &CronRun, now: Timestamp) -> String {
    let (word, colour) = match run.state {
        CronRunState::Running => ("runs".to_owned(), Colour::Blue),
        CronRunState::Succeeded => ("done".to_owned(), Colour::Green),
        CronRunState::Failed => {
            let status = run.status.map(|status| format!(" (status {status})")).unwrap_or_default();
            (format!("failed{status}"), Colour::Red)
        }
        CronRunState::Lost => ("interrupted".to_owned(), Colour::Red),
    };
    let took = run.ended_at.map(|ended| duration(ended.since(run.started_at))).unwrap_or_default();
    let deployment = run.deployment.map(|number| format!("deployment {number}")).unwrap_or_default();
    let skipped = match run.skipped {
        0 => String::new(),
        times => format!(", due {} more meanwhile", words::many(times as usize, "time")),
    };
    let word = output.paint(colour, &format!("{word:<18}"));
    let started = words::ago(now.since(run.started_at));
    format!("  {:<12} {word} {took:>10}  {started:<12} {deployment}{skipped}", run.id).trim_end().to_owned()
}
