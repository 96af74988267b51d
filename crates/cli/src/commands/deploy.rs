//! `steady deploy`.

use futures::StreamExt;
use steadyhand_api::{Api, ErrorCode, Nothing, StartRun, records::Project};
use tokio::{select, time::sleep};

use super::run::{LOOK_AGAIN, follow, unlocked};
use crate::{
    exit::Exit,
    output::{Failure, Output},
    signals::Signals,
    terminal_text::plain,
};

pub(crate) async fn deploy(
    api: &Api,
    output: &mut Output,
    project: &str,
    wait: bool,
) -> Result<Exit, Failure> {
    let project = api.find_project(project).await?;
    // Before it is asked for the first time, so that who came earlier knows of it.
    let turn = if wait { Some(api.take_turn(project.id)?) } else { None };
    let (mut updates, mut signals) = (Box::pin(api.updates()), Signals::listen()?);
    let mut told = false;
    let summary = loop {
        if turn.as_ref().is_some_and(|turn| turn.is_overtaken()) {
            output.note("Somebody who came later waits, too, and deploys what is newest then: nothing was deployed here.");
            return Ok(Exit::Stopped);
        }
        let start = async || api.start_run(StartRun { project_id: project.id, rendered_sha256: None }).await;
        let refused = match unlocked(api, output, start).await {
            Ok(summary) => break summary,
            Err(refused) => refused,
        };
        let Some(turn) = &turn else { return Err(refused) };
        match &refused {
            Failure::Api(error) if error.code == ErrorCode::Conflict && is_busy(api, &project).await? => {
                if !told {
                    output.note(&format!("{}. Waiting until it has ended.", plain(&error.message)));
                    told = true;
                }
            }
            _ => return Err(refused),
        }
        while is_busy(api, &project).await? {
            select! {
                _ = updates.next() => {}
                // Another process may execute it.
                () = sleep(LOOK_AGAIN) => {}
                _ = signals.next() => {
                    output.note("Nothing was deployed.");
                    return Ok(Exit::Stopped);
                }
            }
            if turn.is_overtaken() {
                break;
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
