//! `steady run` and `steady retry`.

use std::{collections::HashSet, io::IsTerminal, time::Duration};

use futures::{Stream, StreamExt};
use steadyhand_api::{
    Api, ApiError, DiscoveredHost, ErrorCode, ListMessages, OfDeployment, OfEnvironment, OfRun, Preview,
    Problem, ProblemSeverity, RetryPart, RetryRun, RunDetail, Update,
    records::{Card, RunSummary},
};
use steadyhand_domain::{RunId, RunState, StepState, duration};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::check;
use crate::{
    args::RunArgs,
    ask::{self, Asker},
    documents::{EndEvent, EndKind, ProblemsEvent, ProblemsKind},
    exit::Exit,
    live::Live,
    output::{Colour, Failure, Output},
    signals::{Signal, Signals},
    terminal_text::{at_its_end, plain},
    words,
};

/// How often the run is asked for although nothing was heard of it: it may be executed by another process.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long a last line without an end may stand still before it is shown.
const SETTLED: Duration = Duration::from_millis(300);
/// How long the explanation of a failure is waited for.
const EXPLANATION: Duration = Duration::from_secs(3);
/// How long those are waited for who are told of the run.
const TELLING: Duration = Duration::from_secs(10);
/// Lines of the failed step's log that are shown when there is no explanation.
const LAST_LINES: u32 = 10;

pub(crate) async fn run(api: &Api, output: &mut Output, given: RunArgs) -> Result<Exit, Failure> {
    let RunArgs { chosen, start_at, continue_on_error, dry_run, check, yes } = given;
    let (plan, mut options) = chosen.into_options();
    options.selection.start_at = start_at;
    options.continue_on_error = continue_on_error;
    let (_, read) = api.validate_file(&plan).await?;
    for problem in &read.problems {
        output.note(&words::problem(output, &plan, problem));
    }
    if has_errors(&read.problems) {
        output.document(&ProblemsEvent { kind: ProblemsKind, problems: &read.problems })?;
        let message = format!("{} has errors; nothing was run", plan.display());
        return Err(ApiError { code: ErrorCode::PlanInvalid, message }.into());
    }
    if check {
        return check::check(api, output, &plan, &options).await;
    }
    let preview = api.preview_file(&plan, &options).await?;
    if dry_run {
        return show(output, &preview).map(|()| Exit::Done);
    }
    discovered(output, &preview);
    let extent = extent_of(preview.steps.iter().map(|step| step.host.as_str()));
    if !yes && !output.json() && output.terminal() && std::io::stdin().is_terminal() {
        let question = format!("{}: {extent}. Run it?", plan.display());
        if !ask::confirm(output, &question).await {
            output.note("Nothing was run.");
            return Ok(Exit::Stopped);
        }
    }
    let (updates, signals) = (api.updates(), Signals::listen()?);
    let summary =
        unlocked(api, output, async || api.run_plan_file(&plan, &options, &preview.rendered_sha256).await)
            .await?;
    follow(api, output, &summary, updates, signals).await
}

pub(crate) async fn retry(
    api: &Api,
    output: &mut Output,
    run: &str,
    from_failed: bool,
    current_plan: bool,
) -> Result<Exit, Failure> {
    let run_id = api.find_run(run).await?.id;
    let again = match (from_failed, current_plan) {
        (false, _) => RetryPart::Whole,
        (true, false) => RetryPart::Rest,
        (true, true) => RetryPart::RestOfCurrentPlan,
    };
    let (updates, signals) = (api.updates(), Signals::listen()?);
    let retry = async || api.retry_run(RetryRun { run_id, again: Some(again) }).await;
    let summary = unlocked(api, output, retry).await?;
    follow(api, output, &summary, updates, signals).await
}

pub(crate) async fn undo(api: &Api, output: &mut Output, run: &str) -> Result<Exit, Failure> {
    let run_id = api.find_run(run).await?.id;
    let (updates, signals) = (api.updates(), Signals::listen()?);
    let summary = unlocked(api, output, async || api.undo_run(OfRun { run_id }).await).await?;
    follow(api, output, &summary, updates, signals).await
}

pub(crate) async fn rollback(
    api: &Api,
    output: &mut Output,
    project: &str,
    to: Option<u32>,
) -> Result<Exit, Failure> {
    let project = api.find_project(project).await?;
    let deployment_id = api.kept_deployment(&project, to).await?.id;
    let (updates, signals) = (api.updates(), Signals::listen()?);
    let summary = unlocked(api, output, async || api.rollback(OfDeployment { deployment_id }).await).await?;
    follow(api, output, &summary, updates, signals).await
}

pub(crate) async fn restart(api: &Api, output: &mut Output, project: &str) -> Result<Exit, Failure> {
    let project = api.find_project(project).await?;
    let deployment_id = api.serving(&project).await?.id;
    let (updates, signals) = (api.updates(), Signals::listen()?);
    let summary = unlocked(api, output, async || api.restart(OfDeployment { deployment_id }).await).await?;
    follow(api, output, &summary, updates, signals).await
}

pub(crate) async fn down(api: &Api, output: &mut Output, project: &str) -> Result<Exit, Failure> {
    let project = api.find_project(project).await?;
    let environment_id = api.serving(&project).await?.environment_id;
    let (updates, signals) = (api.updates(), Signals::listen()?);
    let stop = async || api.stop_environment(OfEnvironment { environment_id }).await;
    let summary = unlocked(api, output, stop).await?;
    follow(api, output, &summary, updates, signals).await
}

pub(crate) async fn up(api: &Api, output: &mut Output, project: &str) -> Result<Exit, Failure> {
    let project = api.find_project(project).await?;
    let environment_id = api.serving(&project).await?.environment_id;
    let (updates, signals) = (api.updates(), Signals::listen()?);
    let start = async || api.start_environment(OfEnvironment { environment_id }).await;
    let summary = unlocked(api, output, start).await?;
    follow(api, output, &summary, updates, signals).await
}

/// An operation, once more when the vault had to be unlocked for it.
pub(super) async fn unlocked<T>(
    api: &Api,
    output: &mut Output,
    start: impl AsyncFn() -> Result<T, ApiError>,
) -> Result<T, Failure> {
    match start().await {
        Err(error) if error.code == ErrorCode::Locked && super::unlock(api, output).await? => {
            Ok(start().await?)
        }
        started => Ok(started?),
    }
}

/// Shows a run that was just started until it has ended.
pub(super) async fn follow(
    api: &Api,
    output: &mut Output,
    run: &RunSummary,
    updates: impl Stream<Item = Vec<Update>>,
    signals: Signals,
) -> Result<Exit, Failure> {
    let detail = api.run(OfRun { run_id: run.id }).await?;
    let name = super::name_of(api, run).await?;
    let extent = extent_of(detail.steps.iter().map(|step| step.host.as_str()));
    output.line(&format!("Run {}: {extent}", plain(&name)))?;
    let mut live = Live::new(detail, name);
    let left = watch(api, output, &mut live, updates, signals).await?;
    if left {
        return Ok(Exit::LeftRunning);
    }
    if output.json() {
        // The last event says everything.
        told(api, &mut live).await?;
        return verdict(api, output, &live).await;
    }
    let exit = verdict(api, output, &live).await?;
    output.flush()?;
    told(api, &mut live).await?;
    for untold in &live.detail().run.untold {
        output.note(&plain(&words::untold(untold)));
    }
    Ok(exit)
}

/// Waits for those who are told of the run; whoever cannot be reached is left to the next Steadyhand.
async fn told(api: &Api, live: &mut Live) -> Result<(), Failure> {
    api.told(live.detail().run.id, TELLING).await?;
    Ok(live.refetch(api).await?)
}

/// The hosts that were found where the plan looks for them, and what was left out there.
fn discovered(output: &mut Output, preview: &Preview) {
    for note in &preview.notes {
        output.note(&format!("{}.", plain(note)));
    }
    let mut places: Vec<(&str, Vec<String>)> = Vec::new();
    for DiscoveredHost { name, address, by } in &preview.discovered {
        let host = match address {
            Some(address) => format!("{} ({})", plain(name), plain(address)),
            None => plain(name),
        };
        match places.iter_mut().find(|(place, _)| place == by) {
            Some((_, hosts)) => hosts.push(host),
            None => places.push((by, vec![host])),
        }
    }
    for (place, hosts) in places {
        let count = words::many(hosts.len(), "host");
        output.note(&format!("{} has {count}: {}.", plain(place), hosts.join(", ")));
    }
}

/// The steps that would run, under their tasks and hosts.
fn show(output: &mut Output, preview: &Preview) -> Result<(), Failure> {
    output.document(preview)?;
    discovered(output, preview);
    let mut under = None;
    for (number, step) in (1..).zip(&preview.steps) {
        if under != Some((&step.task, &step.host)) {
            let heading = format!("{} on {}", plain(&step.task), plain(&step.host));
            output.line(&output.paint(Colour::Blue, &heading))?;
            under = Some((&step.task, &step.host));
        }
        output.line(&format!("  {number}. {}", plain(&step.name)))?;
        if let Some(condition) = &step.condition {
            output.line(&output.paint(Colour::Yellow, &format!("     {}", plain(condition))))?;
        }
        for line in step.what.lines().filter(|line| *line != step.name) {
            output.line(&output.paint(Colour::Grey, &format!("     {}", plain(line))))?;
        }
    }
    if !preview.missing_secrets.is_empty() {
        output.note(&format!("Secrets without a value: {}.", plain(&preview.missing_secrets.join(", "))));
    }
    let extent = extent_of(preview.steps.iter().map(|step| step.host.as_str()));
    output.line(&format!("{extent}; nothing was run."))
}

pub(super) fn has_errors(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == ProblemSeverity::Error)
}

/// "6 steps on web1, web2", of the hosts of the steps.
pub(super) fn extent_of<'h>(of_steps: impl Iterator<Item = &'h str>) -> String {
    let mut hosts: Vec<&str> = Vec::new();
    let mut known = HashSet::new();
    let mut steps = 0;
    for host in of_steps {
        steps += 1;
        if known.insert(host) {
            hosts.push(host);
        }
    }
    let named = if hosts.len() > 5 { words::many(hosts.len(), "host") } else { hosts.join(", ") };
    format!("{} on {}", words::many(steps, "step"), plain(&named))
}

/// Shows a run until it has ended; answers true when it was left before that.
async fn watch(
    api: &Api,
    output: &mut Output,
    live: &mut Live,
    updates: impl Stream<Item = Vec<Update>>,
    mut signals: Signals,
) -> Result<bool, Failure> {
    let mut updates = Box::pin(updates);
    let mut asker = Asker::new();
    let mut look_again = interval(LOOK_AGAIN);
    let mut settle = interval(SETTLED);
    look_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    settle.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let run_id = live.detail().run.id;
    let mut stopping = false;
    loop {
        let mut settled = false;
        tokio::select! {
            Some(batch) = updates.next() => {
                if live.apply(output, &batch)? {
                    live.refetch(api).await?;
                }
                asker.hear(api, output, batch).await?;
            }
            _ = look_again.tick() => {
                live.refetch(api).await?;
                asker.look(api, output).await?;
            }
            _ = settle.tick() => settled = true,
            answer = asker.answered() => asker.reply(api, output, answer).await?,
            signal = signals.next() => {
                if stopping || signal == Signal::Terminate {
                    return leave(output, live);
                }
                stopping = true;
                output.note("Stopping the run. Press Ctrl-C again to leave it as it is.");
                match api.stop_run(OfRun { run_id }).await {
                    // It may have ended in this very moment.
                    Err(ApiError { code: ErrorCode::Conflict, .. }) | Ok(_) => live.refetch(api).await?,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        live.show(api, output, settled).await?;
        if live.ended() {
            return Ok(false);
        }
    }
}

fn leave(output: &mut Output, live: &Live) -> Result<bool, Failure> {
    output.note(&format!(
        "Left run {} as it is; what it is running goes on. The next Steadyhand that starts takes it over.",
        plain(live.name())
    ));
    output.document(&end(live.detail(), Exit::LeftRunning, None))?;
    Ok(true)
}

fn end(run: &RunDetail, exit: Exit, finding: Option<Card>) -> EndEvent<'_> {
    EndEvent { kind: EndKind, exit_code: exit as u8, run, finding }
}

async fn verdict(api: &Api, output: &mut Output, live: &Live) -> Result<Exit, Failure> {
    let detail = live.detail();
    let exit = Exit::of_run(detail);
    let run = &detail.run;
    let finding = if run.state == RunState::Failed { finding(api, detail).await? } else { None };
    output.document(&end(detail, exit, finding.clone()))?;
    let (word, colour) = words::run_state(run);
    let took = run.ended_at.map(|ended| duration(ended.since(run.created_at))).unwrap_or_default();
    let failed = detail.steps.iter().find(|step| step.state == StepState::Failed);
    let after = if run.state == RunState::Completed { "in" } else { "after" };
    let place = match failed {
        Some(step) if run.state == RunState::Failed => {
            format!(" in step {}, {}", step.index + 1, plain(&step.name))
        }
        _ => String::new(),
    };
    output
        .line(&output.paint(colour, &format!("Run {} {word} {after} {took}{place}.", plain(live.name()))))?;
    if run.state == RunState::Failed {
        explain(api, output, detail, finding).await?;
    }
    Ok(exit)
}

/// What the assistant found out about the failure; it may still be reading the log.
async fn finding(api: &Api, detail: &RunDetail) -> Result<Option<Card>, Failure> {
    let run_id = detail.run.id;
    let deadline = Instant::now() + EXPLANATION;
    let mut updates = Box::pin(api.updates());
    let said =
        api.messages(ListMessages { project_id: detail.run.project_id, before: None, limit: 20 }).await?;
    let mut cards: Vec<Card> = said.into_iter().rev().flat_map(|message| message.cards).collect();
    loop {
        if let Some(found) = cards.into_iter().find(|card| is_finding(card, run_id)) {
            return Ok(Some(found));
        }
        let Ok(Some(batch)) = timeout_at(deadline, updates.next()).await else { return Ok(None) };
        cards = Vec::new();
        for update in batch {
            if let Update::Message { message } = update {
                cards.extend(message.cards);
            }
        }
    }
}

fn is_finding(card: &Card, of: RunId) -> bool {
    matches!(card, Card::Finding { run_id, .. } if *run_id == of)
}

async fn explain(
    api: &Api,
    output: &mut Output,
    detail: &RunDetail,
    finding: Option<Card>,
) -> Result<(), Failure> {
    let Some(Card::Finding { title, explanation, citations, advice, .. }) = finding else {
        return last_lines(api, output, detail).await;
    };
    if let Some(title) = title {
        output.line(&plain(&title))?;
    }
    if let Some(explanation) = explanation {
        output.line(&plain(&explanation))?;
    }
    for cited in citations {
        let number = output.paint(Colour::Grey, &format!("{:>6}", cited.line));
        output.line(&format!("{number}  {}", plain(at_its_end(&cited.text))))?;
    }
    for advice in advice {
        output.line(&format!("→ {}", plain(&advice.title)))?;
        output.line(&format!("    {}", plain(&advice.detail)))?;
        if let Some(command) = advice.command {
            output.line(&output.paint(Colour::Blue, &format!("    {}", plain(&command))))?;
        }
    }
    Ok(())
}

/// The end of the failed step's log, when nothing better is known.
async fn last_lines(api: &Api, output: &mut Output, detail: &RunDetail) -> Result<(), Failure> {
    let Some(step) = detail.steps.iter().find(|step| step.state == StepState::Failed) else { return Ok(()) };
    let Some(attempt) = step.attempts.last().filter(|attempt| attempt.lines > 0) else { return Ok(()) };
    let from = attempt.lines.saturating_sub(u64::from(LAST_LINES)) + 1;
    let request =
        steadyhand_api::LogLines { step_id: step.id, attempt: attempt.number, from, count: LAST_LINES };
    output.line("The end of its log:")?;
    for line in api.log_lines(request).await?.lines {
        let number = output.paint(Colour::Grey, &format!("{:>6}", line.number));
        output.line(&format!("{number}  {}", plain(at_its_end(&line.text))))?;
    }
    Ok(())
}
