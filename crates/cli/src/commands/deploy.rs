//! `steady deploy`.

use futures::StreamExt;
use steadyhand_api::{Api, ErrorCode, Nothing, StartRun, Turn, records::Project};
use tokio::{select, time::sleep};

use super::run::{LOOK_AGAIN, follow, unlocked};
use crate::{
    exit::Exit,
    output::{Failure, Output},
    signals::Signals,
    terminal_text::plain,
};

/// How often it is tried again although nothing goes on.
const AGAIN: u32 = 3;

pub(crate) async fn deploy(
    api: &Api,
    output: &mut Output,
    project: &str,
    wait: bool,
) -> Result<Exit, Failure> {
    let project = api.find_project(project).await?;
    let (mut updates, mut signals) = (Box::pin(api.updates()), Signals::listen()?);
    let mut turn = None;
    let mut again = AGAIN;
    let summary = loop {
        if turn.as_ref().is_some_and(Turn::is_overtaken) {
            output.note("Somebody who came later waits, too, and deploys what is newest then: nothing was deployed here.");
            return Ok(Exit::Stopped);
        }
        let start = async || api.start_run(StartRun { project_id: project.id, rendered_sha256: None }).await;
        let refused = match unlocked(api, output, start).await {
            Ok(summary) => break summary,
            Err(refused) => refused,
        };
        match &refused {
            Failure::Api(error) if wait && error.code == ErrorCode::Conflict => {
                if !is_busy(api, &project).await? {
                    // What it was refused for may have ended since, or is nothing that ends by waiting.
                    again -= 1;
                    if again == 0 {
                        return Err(refused);
                    }
                } else if turn.is_none() {
                    // Only who could go on has a place among those who wait.
                    turn = Some(api.take_turn(project.id)?);
                    output.note(&format!("{}. Waiting until it has ended.", plain(&error.message)));
                }
            }
            _ => return Err(refused),
        }
        while is_busy(api, &project).await? && !turn.as_ref().is_some_and(Turn::is_overtaken) {
            select! {
                _ = updates.next() => {}
                // Another process may execute it.
                () = sleep(LOOK_AGAIN) => {}
                _ = signals.next() => {
                    output.note("Nothing was deployed.");
                    return Ok(Exit::Stopped);
                }
            }
        }
    };
    drop(turn);
    follow(api, output, &summary, updates, signals).await
}

/// Whether a run of a project goes on.
async fn is_busy(api: &Api, project: &Project) -> Result<bool, Failure> {
    let all = api.projects(Nothing {}).await?;
    let last = all.into_iter().find(|known| known.id == project.id).and_then(|known| known.last_run);
    Ok(last.is_some_and(|run| !run.state.is_final()))
}
