//! The built-in assistant: everyday requests, understood without a network.

use std::sync::Arc;

use steadyhand_domain::{Choice, RunState};
use steadyhand_plan::edit;
use steadyhand_store::{
    projects,
    records::{Card, Message, MessageState, Project},
};

use super::{
    AssistantError, Shared,
    actions::{self, Ask, Reply},
    changes, deployments,
    draft::Draft,
    drafting, held, looks, serving,
};
use crate::intents::{Context, CurrentRun, Intent, understand};
use crate::wording::sentence;

pub(super) const HELP: &str = "You can say, in your own words:\n
- **Deploy https://github.com/acme/shop to deploy@203.0.113.10**: I look at it, and show the plan first
- **Redeploy** to run the plan
- **Roll back**, or **what is deployed?**
- **Restart the app**, **take it offline**, or **bring it back up**
- **Pause**, **resume** or **stop** the current run
- **Status**, or **show the last 5 runs**
- **Why did it fail?**, and **retry**
- **Retry**, **skip it** or **let it fail**, when a run is held at a failed step
- **Compare run 4 and 5**, or **open the app**
- **Use port 3002**, or **set a variable to a value**: I show the change of the plan first\n
For everything else, connect a model in **Settings**.";

/// Answers a message.
pub(crate) async fn answer(shared: &Arc<Shared>, message: &Message) -> Result<(), AssistantError> {
    let mut draft = Draft::begin(shared, message.project_id).await?;
    let intent = read(shared, message).await?;
    let (reply, state) = match act(shared, message, &intent).await {
        Ok(reply) => (reply, MessageState::Complete),
        Err(error) => {
            (Reply::say(format!("That did not work. {}", sentence(&error.to_string()))), MessageState::Failed)
        }
    };
    draft.say(&reply.text);
    for card in reply.cards {
        draft.card(card);
    }
    draft.finish(state).await?;
    Ok(())
}

/// What a message asks for. A question that the assistant asked before is remembered for one message.
pub(crate) async fn read(shared: &Arc<Shared>, message: &Message) -> Result<Intent, AssistantError> {
    let project = message.project_id;
    let asked = shared.chats().entry(project).or_default().asked.take();
    let last = shared.last_run(project).await?;
    let run = match last.as_ref().map(|run| run.state) {
        Some(RunState::Started | RunState::InProgress) => CurrentRun::Running,
        Some(RunState::Paused) => CurrentRun::Paused,
        _ => CurrentRun::None,
    };
    let projects = projects::all(&mut *shared.engine.store().read().await?).await?;
    let (own, others): (Vec<_>, Vec<_>) = projects.into_iter().partition(|known| known.id == project);
    let names = |projects: Vec<Project>| projects.into_iter().map(|project| project.name).collect();
    let plan = actions::current_plan(shared, project).await?;
    let source = plan.map(|plan| plan.source).unwrap_or_default();
    let context = Context {
        run,
        asked,
        names: names(own),
        variables: edit::variables(&source).into_iter().map(|(name, _)| name).collect(),
        places: edit::places(&source),
        held: last.as_ref().map(held::names).unwrap_or_default(),
        others: names(others),
    };
    Ok(understand(&message.text, &context))
}

async fn act(shared: &Arc<Shared>, message: &Message, intent: &Intent) -> Result<Reply, AssistantError> {
    let project = message.project_id;
    match intent {
        Intent::Redeploy => actions::redeploy(shared, project).await,
        Intent::Pause => actions::ask(shared, project, None, Ask::Pause).await,
        Intent::Resume => actions::ask(shared, project, None, Ask::Resume).await,
        Intent::Stop => actions::ask(shared, project, None, Ask::Stop).await,
        Intent::Status => actions::status(shared, project).await,
        Intent::ShowRuns { count } => actions::show_runs(shared, project, count.unwrap_or(5)).await,
        Intent::ShowRun { run } => actions::show_run(shared, project, *run).await,
        Intent::WhyFailed { run } => actions::why_failed(shared, project, *run).await,
        Intent::Retry { run } => actions::retry(shared, project, *run).await,
        Intent::Decide { choice, which } => held::decide(shared, project, *choice, which).await,
        Intent::ChangePort { port, from } => changes::change_port(shared, project, *port, *from).await,
        Intent::FreePort => changes::free_port(shared, project).await,
        Intent::CompareRuns { first, second } => looks::compare(shared, project, *first, *second).await,
        Intent::OpenApp => looks::open_app(shared, project).await,
        Intent::Deploy(request) => drafting::draft(shared, project, request).await,
        Intent::RollBack { to } => deployments::roll_back(shared, project, *to).await,
        Intent::Serving(what) => serving::serve(shared, project, *what).await,
        Intent::Live => deployments::live(shared, project).await,
        Intent::Deployments { count } => deployments::list(shared, project, *count).await,
        Intent::Elsewhere { project: name, asked } => looks::elsewhere(shared, project, name, asked).await,
        Intent::SetVar { name, value } => changes::set_variable(shared, project, name, value).await,
        Intent::Help => Ok(Reply::say(HELP)),
        Intent::Greeting => {
            let reply = Reply::say("Hello. What shall we deploy?");
            Ok(reply.offering(shared, project, &["Redeploy", "Status", "Help"]).await?)
        }
        Intent::Thanks => Ok(Reply::say("You're welcome.")),
        Intent::NeverMind => Ok(Reply::say("All right, nothing was done.")),
        Intent::Declined { action } => Ok(Reply::say(format!("All right: I won't {}.", action.in_words()))),
        Intent::AskBack { did_you_mean } => {
            // There is no question to answer where there is nothing to decide.
            if let Intent::Decide { choice: choice @ (Choice::Skip | Choice::Fail), .. } = **did_you_mean
                && held::current(shared, project).await?.is_none()
            {
                return held::none_is_held(shared, project, choice).await;
            }
            shared.chats().entry(project).or_default().asked = Some((**did_you_mean).clone());
            // Named, since several projects may be open.
            let name = {
                let mut db = shared.engine.store().read().await?;
                projects::get(&mut db, project).await?.map(|project| project.name)
            };
            let mut question = did_you_mean.in_words();
            if let Some(name) = name {
                question = question.replace("the application", &format!("the application **{name}**"));
            }
            Ok(Reply::say(format!("Do you want me to {question}? I haven't done anything yet."))
                .with(Card::Replies { texts: vec!["Yes".into(), "No".into()] }))
        }
        Intent::Cannot { what, instead } => Ok(Reply::say(format!("I don't {what}. {instead}"))),
        Intent::Unknown { nearest } => {
            let reply = Reply::say(
                "I didn't understand that, and nothing was done. Without a model I know the everyday requests; \
                 say **help** to see them, or connect a model in **Settings**.",
            );
            Ok(reply.offering(shared, project, nearest).await?)
        }
    }
}

/// Whether the built-in assistant knows what to do with a message.
pub(crate) async fn understands(shared: &Arc<Shared>, message: &Message) -> Result<bool, AssistantError> {
    let intent = read(shared, message).await?;
    Ok(!matches!(intent, Intent::Unknown { .. } | Intent::Cannot { .. } | Intent::Greeting | Intent::Thanks))
}
