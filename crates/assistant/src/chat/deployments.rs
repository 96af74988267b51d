//! What is deployed, and going back to what was.

use std::{fmt::Write, sync::Arc};

use steadyhand_domain::{DeploymentState, EnvironmentState, ProjectId, duration};
use steadyhand_engine::now;
use steadyhand_store::{
    StoreError, deployments, environments, plans,
    records::{Card, Deployment, DeploymentKind, DeploymentSource, Environment},
};

use super::{
    AssistantError, Shared,
    actions::{self, Reply},
};
use crate::intents::Intent;

/// As much of a commit as people say.
const SHORT: usize = 8;
/// So many deployments are shown when no number was said.
const SHOWN: u32 = 5;

/// What is known of the deployments of a project: the place that they go to, and those that can be brought back, newest first.
pub(crate) struct Deployments {
    environment: Environment,
    kept: Vec<Deployment>,
}

impl Deployments {
    /// `None` when nothing was deployed yet.
    pub(crate) async fn look(shared: &Shared, project: ProjectId) -> Result<Option<Self>, StoreError> {
        let mut db = shared.engine.store().read().await?;
        let all = environments::of_project(&mut db, project).await?;
        let Some(environment) = all.into_iter().find(|one| one.state != EnvironmentState::Destroyed) else {
            return Ok(None);
        };
        let mut kept = deployments::kept(&mut db, environment.id).await?;
        kept.retain(|one| one.state == DeploymentState::Superseded);
        Ok(Some(Self { environment, kept }))
    }

    /// The one that served before the one that serves: of those that are kept, the one that was superseded last.
    pub(crate) fn before(&self) -> Option<&Deployment> {
        match &self.environment.current {
            Some(current) => {
                // What is the same image is nothing to go back to.
                let others = self.kept.iter().filter(|one| one.image != current.image || one.image.is_none());
                others.max_by_key(|one| one.superseded_at)
            }
            None => self.kept.first(),
        }
    }
}

/// "What is deployed?"
pub(crate) async fn live(shared: &Arc<Shared>, project: ProjectId) -> Result<Reply, AssistantError> {
    let Some(all) = Deployments::look(shared, project).await? else {
        return nothing_was_deployed(shared, project).await;
    };
    let mut text = match &all.environment.current {
        Some(current) if all.environment.state == EnvironmentState::Paused => {
            format!("Deployment {} is the current one, and it is stopped: {}.", current.number, told(current))
        }
        Some(current) => format!("Deployment {} serves: {}.", current.number, told(current)),
        None => "No deployment serves.".to_owned(),
    };
    if let Some(last) = &all.environment.last
        && all.environment.current.as_ref().is_none_or(|current| current.id != last.id)
    {
        let _ = match (&last.state, &last.error) {
            (state, _) if state.is_going() => {
                write!(text, " Deployment {} is under way in run {}.", last.number, last.run_number)
            }
            (DeploymentState::Failed, Some(error)) => {
                write!(
                    text,
                    " The last one, deployment {}, failed: {}.",
                    last.number,
                    error.trim_end_matches('.')
                )
            }
            (DeploymentState::Failed, None) => {
                write!(text, " The last one, deployment {}, failed.", last.number)
            }
            (DeploymentState::Cancelled, _) => {
                write!(text, " The last one, deployment {}, was cancelled.", last.number)
            }
            _ => Ok(()),
        };
    }
    let mut reply = Reply::say(text);
    if let Some(current) = &all.environment.current {
        reply = reply.with(Card::Run { run_id: current.run_id });
    }
    Ok(reply.offering(shared, project, &["Redeploy", "Roll back"]).await?)
}

/// The newest deployments.
pub(crate) async fn list(
    shared: &Arc<Shared>,
    project: ProjectId,
    count: Option<u32>,
) -> Result<Reply, AssistantError> {
    let listed = {
        let mut db = shared.engine.store().read().await?;
        let limit = count.unwrap_or(SHOWN).clamp(1, 50);
        deployments::list(&mut db, project, &deployments::Filter::default(), limit).await?
    };
    if listed.is_empty() {
        // A plan without an application has runs alone, which people call deployments as well.
        return actions::show_runs(shared, project, count.unwrap_or(SHOWN)).await;
    }
    let mut text = match listed.len() {
        1 => "The only deployment so far:\n".to_owned(),
        many => format!("The last {many} deployments, newest first:\n"),
    };
    for one in &listed {
        let kept = match one.state {
            DeploymentState::Ready => ", **it serves**",
            DeploymentState::Superseded if one.image_kept => ", can be brought back",
            _ => "",
        };
        let _ = write!(text, "\n- Deployment {}: {}{kept}", one.number, told(one));
        if let Some(error) = &one.error {
            let _ = write!(text, " ({})", error.trim_end_matches('.'));
        }
    }
    Ok(Reply::say(text).offering(shared, project, &["Roll back"]).await?)
}

/// Brings an earlier deployment back when it was named. Otherwise says what that would be, and asks.
pub(crate) async fn roll_back(
    shared: &Arc<Shared>,
    project: ProjectId,
    to: Option<u32>,
) -> Result<Reply, AssistantError> {
    let Some(all) = Deployments::look(shared, project).await? else {
        return nothing_was_deployed(shared, project).await;
    };
    match to {
        Some(number) => start(shared, &all, number).await,
        None => ask(shared, project, &all).await,
    }
}

async fn ask(shared: &Arc<Shared>, project: ProjectId, all: &Deployments) -> Result<Reply, AssistantError> {
    if let Some(last) = all.environment.last.as_ref().filter(|last| last.state.is_going()) {
        let text = format!(
            "Deployment {} is under way in run {}, and has not replaced anything unless it says so. Stop it first, or wait for it.",
            last.number, last.run_number
        );
        return Ok(Reply::say(text).with(Card::Run { run_id: last.run_id }));
    }
    let Some(before) = all.before() else {
        let text = match &all.environment.current {
            Some(current) => format!(
                "There is nothing to go back to: deployment {} serves, and no other one is kept.",
                current.number
            ),
            None => "There is nothing to go back to: nothing has served yet.".to_owned(),
        };
        return Ok(Reply::say(text));
    };
    let mut text = format!("Back to deployment {}: {}.", before.number, told(before));
    if let Some(current) = &all.environment.current {
        let _ = write!(text, " Deployment {} serves now: {}.", current.number, told(current));
    }
    text.push_str(&differs(shared, before).await?);
    text.push_str(
        " Its image is kept, so nothing is fetched or built; its variables and settings come back with it. Hooks are not run, and data \
         stays as it is.\n\nDo you want me to go back? I haven't done anything yet.",
    );
    let others: Vec<String> =
        all.kept.iter().filter(|one| one.id != before.id).map(|one| one.number.to_string()).collect();
    if !others.is_empty() {
        let _ = write!(text, " Others that are kept: {}.", others.join(", "));
    }
    shared.chats().entry(project).or_default().asked = Some(Intent::RollBack { to: Some(before.number) });
    Ok(Reply::say(text).with(Card::Replies { texts: vec!["Yes".into(), "No".into()] }))
}

/// What else than the source is another one.
async fn differs(shared: &Arc<Shared>, before: &Deployment) -> Result<String, AssistantError> {
    let sha256 = shared.engine.summary(before.run_id).await?.plan_sha256;
    let mut db = shared.engine.store().read().await?;
    let now = plans::current(&mut db, before.project_id).await?;
    Ok(match now {
        Some(now) if now.revision.sha256 != sha256 => {
            " The plan was another one then; it is not changed, and the next deployment goes by it as it is now.".to_owned()
        }
        _ => String::new(),
    })
}

async fn start(shared: &Arc<Shared>, all: &Deployments, number: u32) -> Result<Reply, AssistantError> {
    let wanted = {
        let mut db = shared.engine.store().read().await?;
        deployments::by_number(&mut db, all.environment.id, number).await?
    };
    let Some(wanted) = wanted else {
        return Ok(Reply::say(format!("There is no deployment {number}. {}", kept(&all.kept))));
    };
    let why_not = match wanted.state {
        DeploymentState::Ready => Some("it serves already"),
        DeploymentState::Failed | DeploymentState::Cancelled => Some("it has never served"),
        DeploymentState::Superseded if !wanted.image_kept => Some("its image is not kept any more"),
        DeploymentState::Superseded => None,
        _ => Some("it has not served yet"),
    };
    if let Some(why) = why_not {
        let text = format!("Deployment {number} is not brought back: {why}. {}", kept(&all.kept));
        return Ok(Reply::say(text));
    }
    Ok(match shared.engine.rollback(wanted.id, &shared.user).await {
        Ok(run) => {
            let text = format!("Run {} brings deployment {number} back: {}.", run.number, told(&wanted));
            Reply::say(text).with(Card::Run { run_id: run.id })
        }
        Err(error) => actions::refusal(&error),
    })
}

fn kept(kept: &[Deployment]) -> String {
    let numbers: Vec<String> = kept.iter().map(|one| one.number.to_string()).collect();
    match numbers.as_slice() {
        [] => "None is kept that could be brought back.".to_owned(),
        numbers => format!("These can be brought back: {}.", numbers.join(", ")),
    }
}

async fn nothing_was_deployed(shared: &Arc<Shared>, project: ProjectId) -> Result<Reply, AssistantError> {
    let reply = Reply::say(
        "Nothing is deployed from here yet: deployments, which can be brought back, are made by plans with an `app:`. To run the \
         plan of an earlier run once more, say “retry run 4”, with its number; earlier revisions of the plan are restored in \
         the **Plan** tab.",
    );
    Ok(reply.offering(shared, project, &["Redeploy", "Show the last runs"]).await?)
}

/// "`1a2b3c4d` of main, “Faster search” by Ada, 5 min ago".
fn told(one: &Deployment) -> String {
    let mut text = match (one.kind, one.takes_from_number) {
        (DeploymentKind::Rollback, Some(number)) => format!("what deployment {number} was, "),
        _ => String::new(),
    };
    text.push_str(&one.source.as_ref().map_or_else(
        || {
            one.image
                .as_ref()
                .map_or_else(|| "its source is not known".to_owned(), |image| format!("`{}`", plain(image)))
        },
        source,
    ));
    let since = one.ended_at.unwrap_or(one.created_at);
    let _ = write!(text, ", {} ago", duration(now().since(since)));
    text
}

fn source(source: &DeploymentSource) -> String {
    let Some(commit) = &source.commit else { return format!("`{}`", plain(&source.from)) };
    let mut text = format!("`{}`", commit.chars().take(SHORT).collect::<String>());
    if let Some(branch) = &source.branch {
        let _ = write!(text, " of {}", plain(branch));
    }
    if let Some(message) = &source.message {
        let _ = write!(text, ", “{}”", plain(message));
    }
    if let Some(author) = &source.author {
        let _ = write!(text, " by {}", plain(author));
    }
    text
}

/// Words of a repository, which must not look like something else in a message.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !"`*[]<>".contains(*c)).take(120).collect()
}

#[cfg(test)]
mod tests {
    use steadyhand_store::records::SourceKind;

    use super::*;

    #[test]
    fn a_source_is_told_by_its_commit_and_words_of_a_commit_are_no_layout() {
        let mut from = DeploymentSource {
            kind: SourceKind::Git,
            from: "https://example.com/shop.git".into(),
            branch: Some("main".into()),
            commit: Some("1a2b3c4d5e6f".into()),
            author: Some("Ada".into()),
            message: Some("**Faster** [search](x)".into()),
            link: None,
            sha256: None,
        };
        assert_eq!(source(&from), "`1a2b3c4d` of main, “Faster search(x)” by Ada");
        from.commit = None;
        assert_eq!(source(&from), "`https://example.com/shop.git`");
    }
}
