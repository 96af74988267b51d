//! What can be done from a chat, by the built-in assistant and by a model alike.

use std::sync::Arc;

use steadyhand_domain::{Choice, Desired, ProjectId, Reason, RunState, StepState, Trigger, duration};
use steadyhand_engine::{Again, EngineError, RunOptions};
use steadyhand_store::{
    StoreError, logs, plans,
    records::{Card, RunSummary, Step},
    runs, steps,
};

use super::{
    AssistantError, Shared,
    held::{self, Held},
};
use crate::{explain, intents::Which, wording::sentence};

/// At most so many errors of a plan are listed in an answer.
const SHOWN_ERRORS: usize = 5;

/// What came of an action.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    /// What a person reads.
    pub(crate) text: String,
    /// What is shown with it.
    pub(crate) cards: Vec<Card>,
    /// What a model reads beside the text.
    pub(crate) detail: Option<String>,
}

impl Reply {
    pub(crate) fn say(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(crate) fn with(mut self, card: Card) -> Self {
        self.cards.push(card);
        self
    }

    pub(super) fn detailed(mut self, detail: String) -> Self {
        self.detail = Some(detail);
        self
    }
}

/// What is asked of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Pause,
    Resume,
    Stop,
}

/// An error as an answer: what is wrong with the request is said in the chat.
pub(super) fn refusal(error: &EngineError) -> Reply {
    match error {
        EngineError::Plan { diagnostics } => {
            let mut text = String::from("The plan has errors, so nothing was started:\n");
            let errors: Vec<_> = diagnostics.iter().filter(|problem| problem.is_error()).collect();
            for problem in errors.iter().take(SHOWN_ERRORS) {
                let file = problem.file.as_ref().map(|file| format!("{file}, ")).unwrap_or_default();
                text.push_str(&format!("\n- {file}line {}: {}", problem.line, problem.message));
            }
            if let more @ 1.. = errors.len().saturating_sub(SHOWN_ERRORS) {
                text.push_str(&format!("\n- and {more} more"));
            }
            text.push_str("\n\nThe **Plan** tab shows each in its place.");
            Reply::say(text)
        }
        error => Reply::say(sentence(&error.to_string())),
    }
}

pub(crate) async fn redeploy(shared: &Arc<Shared>, project: ProjectId) -> Result<Reply, AssistantError> {
    let started =
        shared.engine.start_current(project, Trigger::Chat, &shared.user, None, &RunOptions::default()).await;
    match started {
        Ok(run) => {
            let steps = run.steps.pending + run.steps.running;
            let text = format!("Run {} has started: {}.", run.number, count(steps, "step"));
            Ok(Reply::say(text).with(Card::Run { run_id: run.id }))
        }
        Err(EngineError::Store(StoreError::RunUnderWay { number })) => {
            let run = by_number(shared, project, number).await?;
            let held = run.as_ref().map(held::of).unwrap_or_default();
            let mut reply = Reply::say(match held.is_empty() {
                true => format!(
                    "Run {number} has not ended yet, and a project does one thing at a time. Wait for it, or stop it first."
                ),
                false => format!(
                    "Run {number} has not ended yet, and a project does one thing at a time. It is held at {}. {} \
                     Or stop the run first.",
                    held::list(&held),
                    held::question(&held)
                ),
            });
            if let Some(run) = run {
                reply = reply.with(Card::Run { run_id: run.id });
            }
            Ok(reply.offering(shared, project, &["Status", "Stop"]).await?)
        }
        Err(error) => Ok(refusal(&error)),
    }
}

pub(super) async fn by_number(
    shared: &Shared,
    project: ProjectId,
    number: u32,
) -> Result<Option<RunSummary>, StoreError> {
    let mut db = shared.engine.store().read().await?;
    runs::by_number(&mut db, project, number).await
}

pub(crate) async fn ask(
    shared: &Arc<Shared>,
    project: ProjectId,
    number: Option<u32>,
    ask: Ask,
) -> Result<Reply, AssistantError> {
    let run = match number {
        Some(number) => match by_number(shared, project, number).await? {
            Some(run) => run,
            None => return Ok(no_such_run(shared, project, number).await?),
        },
        None => match shared.last_run(project).await? {
            Some(run) if !run.state.is_final() => run,
            _ => {
                let word = match ask {
                    Ask::Pause => "pause",
                    Ask::Resume => "resume",
                    Ask::Stop => "stop",
                };
                let reply = Reply::say(format!("Nothing is running, so there is nothing to {word}."));
                return Ok(reply.offering(shared, project, &["Redeploy"]).await?);
            }
        },
    };
    let (held, was_paused) = (held::of(&run), run.desired == Desired::Paused);
    let asked = match ask {
        Ask::Pause => shared.engine.pause(run.id, &shared.user).await,
        Ask::Resume => shared.engine.resume(run.id, &shared.user).await,
        Ask::Stop => shared.engine.stop(run.id, &shared.user).await,
    };
    let number = run.number;
    Ok(match asked {
        Ok(run) => {
            let at_work = run.steps.running > held.len() as u32;
            let step = run.current_step.as_deref().filter(|_| at_work);
            let text = match (ask, step) {
                (Ask::Resume, _) if !held.is_empty() => resumed(number, &held, was_paused),
                (Ask::Pause, None) if !held.is_empty() => format!(
                    "Run {number} is held at {} already. When that is decided, it pauses before the next step.",
                    held::list(&held)
                ),
                (Ask::Pause, Some(step)) => format!("Run {number} pauses after **{step}**."),
                (Ask::Pause, None) => format!("Run {number} is held before its next step."),
                (Ask::Resume, _) => format!("Run {number} goes on."),
                (Ask::Stop, Some(step)) => {
                    format!("Run {number} is being stopped; **{step}** is ended on its server.")
                }
                (Ask::Stop, None) => format!("Run {number} is being stopped."),
            };
            let reply = Reply::say(text).with(Card::Run { run_id: run.id });
            let texts: &[&str] = if ask == Ask::Pause { &["Resume", "Stop"] } else { &[] };
            reply.offering(shared, project, texts).await?
        }
        Err(error) => refusal(&error).with(Card::Run { run_id: run.id }),
    })
}

pub(crate) async fn retry(
    shared: &Arc<Shared>,
    project: ProjectId,
    number: Option<u32>,
) -> Result<Reply, AssistantError> {
    let run = match number {
        Some(number) => by_number(shared, project, number).await?,
        None => shared.last_run(project).await?,
    };
    if let Some((current, held)) = held::current(shared, project).await? {
        if number.is_none() {
            return held::decide(shared, project, Choice::Retry, &Which::default()).await;
        }
        if run.as_ref().is_some_and(|run| run.id == current.id) {
            return Ok(held_instead(&current, &held).offering(shared, project, &held::EACH_CHOICE).await?);
        }
    }
    let Some(run) = run else {
        return Ok(match number {
            Some(number) => no_such_run(shared, project, number).await?,
            None => {
                let reply = Reply::say("There is no run to repeat.");
                reply.offering(shared, project, &["Redeploy"]).await?
            }
        });
    };
    let changed = plan_changed_since(shared, &run).await?;
    if changed && number.is_none() {
        let number = run.number;
        let reply = Reply::say(format!(
            "The plan has changed since run {number}. **Redeploy** runs the plan as it is now; **retry run {number}** \
             repeats that run with its old plan. Which do you mean? I haven't done anything yet."
        ));
        return Ok(reply.offering(shared, project, &["Redeploy", &format!("Retry run {number}")]).await?);
    }
    let with =
        if changed { "the plan of that time, not with the plan as it is now" } else { "the same plan" };
    Ok(match shared.engine.retry(run.id, Again::Whole, &shared.user).await {
        Ok(new) => Reply::say(format!("Run {} repeats run {} with {with}.", new.number, run.number))
            .with(Card::Run { run_id: new.id }),
        Err(error) => refusal(&error).with(Card::Run { run_id: run.id }),
    })
}

/// What resuming a run with held steps does: it tries them again, unless the run was paused besides.
fn resumed(number: u32, held: &[Held], was_paused: bool) -> String {
    let (names, is) = (held::list(held), if held.len() == 1 { "is" } else { "are" });
    if was_paused {
        return format!("Run {number} is no longer paused, and is held at {names}. {}", held::question(held));
    }
    format!(
        "Run {number} goes on: {names} {is} tried again. To go on without it when it fails again, say “skip it”."
    )
}

/// A run that is held cannot be repeated, but its step can.
fn held_instead(run: &RunSummary, held: &[Held]) -> Reply {
    Reply::say(format!(
        "Run {} has not ended, so it cannot be repeated. It is held at {}. {}",
        run.number,
        held::list(held),
        held::question(held)
    ))
}

/// Whether the plan is another revision now than the one that the run executed.
pub(crate) async fn plan_changed_since(shared: &Shared, run: &RunSummary) -> Result<bool, StoreError> {
    let plan = current_plan(shared, run.project_id).await?;
    Ok(plan.is_some_and(|plan| plan.revision.sha256 != run.plan_sha256))
}

pub(crate) async fn status(shared: &Arc<Shared>, project: ProjectId) -> Result<Reply, AssistantError> {
    let Some(run) = shared.last_run(project).await? else {
        return nothing_has_run(shared, project).await;
    };
    let steps = steps_of(shared, &run).await?;
    let done = run.steps.completed + run.steps.skipped + run.steps.failed;
    let total = done + run.steps.pending + run.steps.running;
    let number = run.number;
    let at = run.current_step.as_deref().unwrap_or("its next step");
    let held = held::of(&run);
    let text = match run.state {
        _ if !held.is_empty() => held_status(&run, &held, &format!("{done} of {total} steps done")),
        RunState::Started => format!("Run {number} is about to start."),
        RunState::InProgress => format!("Run {number} is at **{at}**, {done} of {total} steps done."),
        RunState::Paused => format!("Run {number} is paused, {done} of {total} steps done."),
        RunState::Completed => format!("Nothing is running. Run {number} completed."),
        RunState::Failed => format!("Nothing is running. Run {number} failed at **{at}**."),
        RunState::Stopped => format!("Nothing is running. Run {number} was stopped."),
    };
    let reply = Reply::say(text).with(Card::Run { run_id: run.id }).detailed(describe(&run, &steps));
    let again = format!("Retry run {number}");
    let texts: &[&str] = match run.state {
        _ if !held.is_empty() => &["Why did it fail?", "Stop"],
        RunState::Paused => &["Resume", "Stop"],
        RunState::Failed if plan_changed_since(shared, &run).await? => {
            &["Redeploy", "Why did it fail?", &again]
        }
        RunState::Failed => &["Why did it fail?", "Retry"],
        _ => &[],
    };
    Ok(reply.offering(shared, project, texts).await?)
}

/// Where a run is held, and for what it waits.
fn held_status(run: &RunSummary, held: &[Held], done: &str) -> String {
    let number = run.number;
    let why = match held {
        [one] => one.outcome().map(|outcome| format!(" ({outcome})")).unwrap_or_default(),
        _ => String::new(),
    };
    let other = match run.steps.running.saturating_sub(held.len() as u32) {
        0 if run.state == RunState::Paused => String::new(),
        0 => " The other hosts go on.".to_owned(),
        1 => " Another step is running.".to_owned(),
        running => format!(" {running} other steps are running."),
    };
    format!("Run {number} is held at {}{why}, {done}.{other} {}", held::list(held), held::question(held))
}

pub(crate) async fn show_runs(
    shared: &Arc<Shared>,
    project: ProjectId,
    limit: u32,
) -> Result<Reply, AssistantError> {
    let runs = {
        let mut db = shared.engine.store().read().await?;
        runs::list(&mut db, project, None, limit.clamp(1, 50)).await?
    };
    if runs.is_empty() {
        return nothing_has_run(shared, project).await;
    }
    let detail = runs.iter().map(one_line).collect::<Vec<_>>().join("\n");
    let text = match runs.len() {
        1 => "The only run so far:".to_owned(),
        many => format!("The last {many} runs, newest first:"),
    };
    Ok(Reply::say(text)
        .with(Card::Runs { run_ids: runs.iter().map(|run| run.id).collect() })
        .detailed(detail))
}

pub(crate) async fn show_run(
    shared: &Arc<Shared>,
    project: ProjectId,
    number: u32,
) -> Result<Reply, AssistantError> {
    let Some(run) = by_number(shared, project, number).await? else {
        return Ok(no_such_run(shared, project, number).await?);
    };
    let steps = steps_of(shared, &run).await?;
    Ok(Reply::say(format!("Run {number}:"))
        .with(Card::Run { run_id: run.id })
        .detailed(describe(&run, &steps)))
}

pub(crate) async fn why_failed(
    shared: &Arc<Shared>,
    project: ProjectId,
    number: Option<u32>,
) -> Result<Reply, AssistantError> {
    let run = match number {
        Some(number) => match by_number(shared, project, number).await? {
            Some(run) => run,
            None => return Ok(no_such_run(shared, project, number).await?),
        },
        None => {
            let mut db = shared.engine.store().read().await?;
            let runs = runs::list(&mut db, project, None, 50).await?;
            // What waits for a person comes before what failed earlier.
            let held = runs.first().filter(|run| !held::of(run).is_empty()).cloned();
            match held.or_else(|| runs.into_iter().find(|run| run.state == RunState::Failed)) {
                Some(run) => run,
                None => {
                    let reply = Reply::say("None of the last runs failed.");
                    return Ok(reply.offering(shared, project, &["Show the last runs"]).await?);
                }
            }
        }
    };
    let held = held::of(&run);
    if !held.is_empty() {
        return explain::explain_held(shared, &run, &held).await;
    }
    if run.state != RunState::Failed {
        let number = run.number;
        let text = match run.state {
            RunState::Completed => format!("Run {number} did not fail; it completed."),
            RunState::Stopped => format!("Run {number} did not fail; it was stopped."),
            _ => format!("Run {number} has not ended yet."),
        };
        return Ok(Reply::say(text).with(Card::Run { run_id: run.id }));
    }
    explain::explain(shared, &run).await
}

pub(crate) async fn current_plan(
    shared: &Shared,
    project: ProjectId,
) -> Result<Option<plans::Plan>, StoreError> {
    let mut db = shared.engine.store().read().await?;
    plans::current(&mut db, project).await
}

pub(crate) async fn steps_of(shared: &Shared, run: &RunSummary) -> Result<Vec<Step>, StoreError> {
    let sizes = logs::sizes(&mut *shared.engine.store().read_logs().await?, run.id).await?;
    let mut db = shared.engine.store().read().await?;
    steps::of_run(&mut db, run.id, &sizes).await
}

pub(super) async fn no_such_run(
    shared: &Shared,
    project: ProjectId,
    number: u32,
) -> Result<Reply, StoreError> {
    let reply = Reply::say(format!("This project has no run {number}."));
    reply.offering(shared, project, &["Show the last runs"]).await
}

pub(super) async fn nothing_has_run(shared: &Shared, project: ProjectId) -> Result<Reply, AssistantError> {
    Ok(Reply::say("Nothing has run yet.").offering(shared, project, &["Redeploy"]).await?)
}

/// A run in a line, for a model.
pub(crate) fn one_line(run: &RunSummary) -> String {
    let state = word(&run.state);
    let mut line =
        format!("run {}: {state}, started by {} ({})", run.number, run.started_by, word(&run.trigger));
    if let Some(ended) = run.ended_at {
        line.push_str(&format!(", took {}", duration(ended.since(run.created_at))));
    }
    if let (RunState::Failed | RunState::InProgress, Some(step)) = (run.state, &run.current_step) {
        line.push_str(&format!(", at “{step}”"));
    }
    for held in held::of(run) {
        line.push_str(&format!(", held at “{}” on {}", held.step, held.host));
    }
    line
}

fn describe(run: &RunSummary, steps: &[Step]) -> String {
    let mut text = one_line(run);
    let held = held::of(run);
    for step in steps {
        text.push_str(&format!(
            "\n{}. {} on {}: {}",
            step.index + 1,
            step.name,
            step.host,
            word(&step.state)
        ));
        // Other reasons may hold words of a host, which a model must not take for a person's.
        if let (StepState::Failed, Some(Reason::Outcome { outcome })) = (step.state, &step.reason) {
            text.push_str(&format!(" ({outcome})"));
        }
        if let Some(held) = held.iter().find(|held| held.id == step.id) {
            let why = held.outcome().map(|outcome| format!(": {outcome}")).unwrap_or_default();
            text.push_str(&format!(" (it has failed and is held until the person decides{why})"));
        }
    }
    text
}

/// The word by which a state is stored and shown.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(|word| word.replace('_', " ")))
        .unwrap_or_default()
}

/// "1 step", "6 steps".
pub(super) fn count(number: u32, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
