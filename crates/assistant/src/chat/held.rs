//! Steps that have failed and are held: what is told of them, and what a person decides.

use std::sync::Arc;

use steadyhand_domain::{Choice, Desired, ProjectId, Reason, RunState, StepId};
use steadyhand_engine::EngineError;
use steadyhand_store::{
    StoreError,
    records::{Card, Hindrance, RunSummary},
};

use super::{
    AssistantError, Shared,
    actions::{self, Reply, count},
};
use crate::intents::{HeldStep, Intent, Which};

/// What a person can decide, as an answer names it.
pub(crate) const CHOICES: &str =
    "**retry** runs it again, **skip it** goes on without it, and **let it fail** gives it up";
/// The same as wordings.
pub(crate) const EACH_CHOICE: [&str; 3] = ["Retry", "Skip it", "Let it fail"];
/// At most so many of several steps are named.
const NAMED: usize = 5;

/// A step at which a run is held.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) id: StepId,
    pub(crate) index: u32,
    pub(crate) step: String,
    pub(crate) host: String,
    pub(crate) reason: Reason,
    pub(crate) why: String,
}

impl Held {
    /// "**Restart** on web1".
    pub(crate) fn name(&self) -> String {
        format!("**{}** on {}", self.step, self.host)
    }

    /// How its command ended. Other reasons may hold words of a host, which a model must not take for a person's.
    pub(crate) fn outcome(&self) -> Option<String> {
        match &self.reason {
            Reason::Outcome { outcome } => Some(outcome.to_string()),
            _ => None,
        }
    }
}

/// The steps at which a run is held, in the order of the run. In a run that is being stopped nothing is left to decide.
pub(crate) fn of(run: &RunSummary) -> Vec<Held> {
    if run.state.is_final() || run.desired == Desired::Stopped {
        return Vec::new();
    }
    let mut held: Vec<Held> = run
        .hindrances
        .iter()
        .filter_map(|hindrance| match hindrance {
            Hindrance::StepHeld { step_id, index, step, host, reason, reason_text } => Some(Held {
                id: *step_id,
                index: *index,
                step: step.clone(),
                host: host.clone(),
                reason: reason.clone(),
                why: reason_text.trim_end_matches('.').to_owned(),
            }),
            _ => None,
        })
        .collect();
    held.sort_by_key(|held| held.index);
    held
}

/// The same, as far as words depend on it.
pub(crate) fn names(run: &RunSummary) -> Vec<HeldStep> {
    of(run).into_iter().map(|held| HeldStep { step: held.step, host: held.host }).collect()
}

/// "**Restart** on web1 and **Restart** on web2"; of many the first ones.
pub(crate) fn list<'a>(held: impl IntoIterator<Item = &'a Held>) -> String {
    let mut names: Vec<String> = held.into_iter().map(Held::name).collect();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => String::new(),
    }
}

/// What there is to decide, in a sentence.
pub(crate) fn question(held: &[Held]) -> String {
    match held {
        [_] => format!("It waits for your decision: {CHOICES}."),
        _ => format!("Each waits for your decision: {CHOICES}; say on which host, or “retry them all”."),
    }
}

/// A decision as a person would say it.
pub(crate) fn wording(choice: Choice, which: &Which) -> String {
    let what = match (&which.step, which.all) {
        (Some(step), _) => step.as_str(),
        (None, true) => "them all",
        (None, false) => "it",
    };
    let on = which.host.as_deref().map(|host| format!(" on {host}")).unwrap_or_default();
    match choice {
        Choice::Retry => format!("Retry {what}{on}"),
        Choice::Skip => format!("Skip {what}{on}"),
        Choice::Fail => format!("Let {what} fail{on}"),
    }
}

/// Decides about the steps of the newest run that are meant. Of several of which one is meant, it is asked which.
pub(crate) async fn decide(
    shared: &Arc<Shared>,
    project: ProjectId,
    choice: Choice,
    which: &Which,
) -> Result<Reply, AssistantError> {
    let run = shared.last_run(project).await?;
    let held = run.as_ref().map(of).unwrap_or_default();
    let Some(run) = run.filter(|_| !held.is_empty()) else {
        return none_is_held(shared, project, choice).await;
    };
    let (meant, others): (Vec<Held>, Vec<Held>) =
        held.into_iter().partition(|held| which.fits(&held.step, &held.host));
    if meant.is_empty() {
        let said = match (&which.step, &which.host) {
            (Some(step), Some(host)) => format!("“{step}” is not held on {host}"),
            (Some(step), None) => format!("“{step}” is not held"),
            (None, Some(host)) => format!("No step is held on {host}"),
            (None, None) => "No step is held".to_owned(),
        };
        let number = run.number;
        let text = format!(
            "{said}, so nothing was decided. Run {number} is held at {}. {}",
            list(&others),
            question(&others)
        );
        return Ok(Reply::say(text).with(Card::Run { run_id: run.id }));
    }
    if meant.len() > 1 && !which.all {
        return ask_which(shared, project, &run, choice, which, &meant).await;
    }
    let mut done = Vec::new();
    let mut refused = None;
    for held in meant {
        match shared.engine.decide(held.id, choice, &shared.user).await {
            Ok(_) => done.push(held),
            // Somebody else was faster.
            Err(error @ EngineError::NotHeld { .. }) => refused = Some(error),
            Err(error) => return Ok(actions::refusal(&error).with(Card::Run { run_id: run.id })),
        }
    }
    if let (true, Some(error)) = (done.is_empty(), refused) {
        return Ok(actions::refusal(&error).with(Card::Run { run_id: run.id }));
    }
    let mut text = decided(run.number, choice, &done);
    if !others.is_empty() {
        text.push_str(&format!(" Still held: {}.", list(&others)));
    } else if run.desired == Desired::Paused {
        text.push_str(&format!(" Run {} is paused besides; **resume** lets it go on.", run.number));
    }
    Ok(Reply::say(text).with(Card::Run { run_id: run.id }))
}

/// What was decided, in a sentence.
fn decided(number: u32, choice: Choice, done: &[Held]) -> String {
    let one = done.len() == 1;
    let names = list(done);
    match (choice, one) {
        (Choice::Retry, true) => format!("{names} is tried again."),
        (Choice::Retry, false) => format!("{names} are tried again."),
        (Choice::Skip, true) => format!("{names} is skipped: run {number} goes on without it."),
        (Choice::Skip, false) => format!("{names} are skipped: run {number} goes on without them."),
        (Choice::Fail, true) => {
            format!("{names} has failed: what comes after it there, and what needs its task, is not run.")
        }
        (Choice::Fail, false) => {
            format!(
                "{names} have failed: what comes after them there, and what needs their tasks, is not run."
            )
        }
    }
}

async fn ask_which(
    shared: &Arc<Shared>,
    project: ProjectId,
    run: &RunSummary,
    choice: Choice,
    which: &Which,
    meant: &[Held],
) -> Result<Reply, AssistantError> {
    shared.chats().entry(project).or_default().asked = Some(Intent::Decide { choice, which: which.clone() });
    let verb = match choice {
        Choice::Retry => "is to be tried again",
        Choice::Skip => "is to be skipped",
        Choice::Fail => "is to fail",
    };
    let mut text = format!("Run {} is held at {}:\n", run.number, count(meant.len() as u32, "step"));
    for held in meant.iter().take(NAMED) {
        let why = held.outcome().map(|outcome| format!(": {outcome}")).unwrap_or_default();
        text.push_str(&format!("\n- {}{why}", held.name()));
    }
    if let more @ 1.. = meant.len().saturating_sub(NAMED) {
        text.push_str(&format!("\n- and {more} more"));
    }
    text.push_str(&format!(
        "\n\nWhich one {verb}? Name its host, or say **all**. I haven't done anything yet."
    ));
    let all = Which { all: true, ..which.clone() };
    let hosts: std::collections::BTreeSet<&str> = meant.iter().map(|held| held.host.as_str()).collect();
    let tells = hosts.len() == meant.len();
    let single = meant.iter().map(|held| Which {
        step: Some(held.step.clone()).filter(|_| !tells),
        host: Some(held.host.clone()),
        all: false,
    });
    // With more than two the buttons would leave some out at random; all of them is one button.
    let texts: Vec<String> = match meant.len() {
        2 => single.chain([all]).map(|which| wording(choice, &which)).collect(),
        _ => vec![wording(choice, &all)],
    };
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Ok(Reply::say(text).offering(shared, project, &texts).await?)
}

/// The answer to a decision where there is nothing to decide, and what can be done instead.
pub(super) async fn none_is_held(
    shared: &Arc<Shared>,
    project: ProjectId,
    choice: Choice,
) -> Result<Reply, AssistantError> {
    let nothing = match choice {
        Choice::Retry => "No step is held, so there is none to retry by itself.",
        Choice::Skip => "No step is held, so there is none to skip.",
        Choice::Fail => "No step is held, so there is none to give up.",
    };
    let plan = "A run asks what becomes of a failed step where the plan says `on_failure: hold`.";
    let run = shared.last_run(project).await?;
    let (instead, texts): (String, &[&str]) = match run.as_ref().map(|run| (run, run.state)) {
        Some((run, state)) if !state.is_final() => (
            format!("Run {} has not ended; you can pause or stop it.", run.number),
            &["Status", "Pause", "Stop"],
        ),
        Some((run, RunState::Failed | RunState::Stopped)) => {
            let leave = match choice {
                Choice::Skip => {
                    " To leave a step out, take it out of the plan in the **Plan** tab, or give it `on_failure: continue`."
                }
                Choice::Retry | Choice::Fail => "",
            };
            let text =
                format!("Run {} has ended; **retry** repeats it, with all its steps.{leave}", run.number);
            (text, &["Why did it fail?", "Retry"])
        }
        _ => ("Nothing is running.".to_owned(), &["Redeploy"]),
    };
    let reply = Reply::say(format!("{nothing} {plan} {instead}"));
    Ok(reply.offering(shared, project, texts).await?)
}

/// The run that is held, if the newest one is, and where.
pub(crate) async fn current(
    shared: &Shared,
    project: ProjectId,
) -> Result<Option<(RunSummary, Vec<Held>)>, StoreError> {
    let run = shared.last_run(project).await?;
    Ok(run.map(|run| (of(&run), run)).filter(|(held, _)| !held.is_empty()).map(|(held, run)| (run, held)))
}
