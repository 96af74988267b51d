//! What serves is started anew, stopped, and started again.

use std::sync::Arc;

use steadyhand_domain::{EnvironmentState, ProjectId, Trigger};
use steadyhand_store::{
    environments,
    records::{Card, Environment},
};

use super::{
    AssistantError, Shared,
    actions::{self, Reply},
};
use crate::intents::{Intent, Serving};

pub(crate) async fn serve(
    shared: &Arc<Shared>,
    project: ProjectId,
    what: Serving,
) -> Result<Reply, AssistantError> {
    let all = environments::of_project(&mut *shared.engine.store().read().await?, project).await?;
    let environment = all.into_iter().find(|one| one.state != EnvironmentState::Destroyed);
    let Some((environment, number)) = environment.and_then(|environment| {
        let number = environment.current.as_ref()?.number;
        Some((environment, number))
    }) else {
        let reply = Reply::say(
            "No deployment serves yet, so there are no containers to start or stop. What a plan without `app` starts is started \
             again by its own steps.",
        );
        return Ok(reply.offering(shared, project, &["Redeploy", "Status"]).await?);
    };
    let is_stopped = environment.state == EnvironmentState::Paused;
    match what {
        Serving::NoMore { .. } if is_stopped => {
            let reply = Reply::say(format!("Deployment {number} is stopped already. Nobody is answered."));
            Ok(reply.offering(shared, project, &["Bring it back up"]).await?)
        }
        Serving::Again if !is_stopped => {
            let reply = Reply::say(format!("Deployment {number} serves already."));
            Ok(reply.offering(shared, project, &["Restart the app", "Open the app"]).await?)
        }
        Serving::NoMore { sure: false } => {
            shared.chats().entry(project).or_default().asked =
                Some(Intent::Serving(Serving::NoMore { sure: true }));
            let text = format!(
                "Deployment {number} serves. Stopped, **it answers nobody** until it is started again or deployed anew; its \
                 containers are kept. Do you want me to stop it? I haven't done anything yet."
            );
            Ok(Reply::say(text).with(Card::Replies { texts: vec!["Yes".into(), "No".into()] }))
        }
        Serving::NoMore { sure: true } | Serving::Anew | Serving::Again => {
            act(shared, &environment, number, what).await
        }
    }
}

async fn act(
    shared: &Arc<Shared>,
    environment: &Environment,
    number: u32,
    what: Serving,
) -> Result<Reply, AssistantError> {
    let (engine, by) = (&shared.engine, &shared.user);
    let (started, does) = match what {
        Serving::NoMore { .. } => {
            (engine.stop_serving(environment.id, Trigger::Chat, by).await, "stops the containers")
        }
        Serving::Anew | Serving::Again => {
            let Some(current) = &environment.current else { return Ok(Reply::say("No deployment serves.")) };
            (
                engine.restart(current.id, Trigger::Chat, by).await,
                "starts fresh containers with the image, the variables and the settings",
            )
        }
    };
    Ok(match started {
        Ok(run) => Reply::say(format!("Run {} {does} of deployment {number}.", run.number))
            .with(Card::Run { run_id: run.id }),
        Err(error) => actions::refusal(&error),
    })
}
