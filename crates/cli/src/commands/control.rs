//! `steady pause`, `resume`, `decide` and `stop`: requests that are stored with the run, so that they reach whichever process
//! executes it.

use std::time::Duration;

use futures::StreamExt;
use steadyhand_api::{Api, ApiError, DecideStep, ErrorCode, OfRun, records::RunSummary};
use steadyhand_domain::{Desired, RunState};
use tokio::time::{Instant, timeout_at};

use crate::{
    args::Choice,
    exit::Exit,
    output::{Failure, Output},
    terminal_text::plain,
    words,
};

/// How long a stop may take to be seen: it includes the grace period of what is running.
const STOP_IS_SEEN: Duration = Duration::from_secs(60);
/// A run that another process executes is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

pub(crate) async fn pause(api: &Api, output: &mut Output, run: &str) -> Result<Exit, Failure> {
    let run = api.find_run_under_way(run).await?;
    let run = api.pause_run(OfRun { run_id: run.id }).await?;
    say(api, output, &run).await?;
    Ok(Exit::Done)
}

pub(crate) async fn resume(api: &Api, output: &mut Output, run: &str) -> Result<Exit, Failure> {
    let run = api.find_run_under_way(run).await?;
    let run = api.resume_run(OfRun { run_id: run.id }).await?;
    say(api, output, &run).await?;
    Ok(Exit::Done)
}

pub(crate) async fn decide(
    api: &Api,
    output: &mut Output,
    run: &str,
    step: u32,
    choice: Choice,
) -> Result<Exit, Failure> {
    let run = api.find_run_under_way(run).await?;
    let detail = api.run(OfRun { run_id: run.id }).await?;
    let Some(step) = detail.steps.iter().find(|known| known.index + 1 == step) else {
        let message = format!("run {} has no step {step}; it has {}", run.number, detail.steps.len());
        return Err(ApiError { code: ErrorCode::NotFound, message }.into());
    };
    let choice = match choice {
        Choice::Retry => steadyhand_domain::Choice::Retry,
        Choice::Skip => steadyhand_domain::Choice::Skip,
        Choice::Fail => steadyhand_domain::Choice::Fail,
    };
    let run = api.decide_step(DecideStep { step_id: step.id, choice }).await?;
    say(api, output, &run).await?;
    Ok(Exit::Done)
}

/// Waits until the run has stopped: only then is nothing of it left running.
pub(crate) async fn stop(api: &Api, output: &mut Output, run: &str) -> Result<Exit, Failure> {
    let mut updates = Box::pin(api.updates());
    let run_id = api.find_run_under_way(run).await?.id;
    let mut run = api.stop_run(OfRun { run_id }).await?;
    let deadline = Instant::now() + STOP_IS_SEEN;
    while !run.state.is_final() && Instant::now() < deadline {
        // Which update it is does not matter: the run is asked for anyway, since it may be another process's.
        let _ = timeout_at(deadline.min(Instant::now() + LOOK_AGAIN), updates.next()).await;
        run = api.run(OfRun { run_id }).await?.run;
    }
    say(api, output, &run).await?;
    if run.state.is_final() {
        return Ok(Exit::Done);
    }
    output
        .note("The stop is recorded, but nothing has carried it out yet. `steady status` shows when it has.");
    Ok(Exit::LeftRunning)
}

async fn say(api: &Api, output: &mut Output, run: &RunSummary) -> Result<(), Failure> {
    output.document(run)?;
    let name = plain(&super::name_of(api, run).await?);
    let (word, colour) = words::run_state(run);
    let hint = match (run.state, run.desired) {
        (RunState::Paused, Desired::Paused) => format!(" (`steady resume {name}` lets it go on)"),
        _ => String::new(),
    };
    output.line(&format!("Run {name}: {}{hint}", output.paint(colour, word)))
}
