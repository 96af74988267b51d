//! "Deploy https://… to my server": looks at the source, asks only what is missing, and drafts the plan.

mod server;
mod told;

use std::{fmt::Write, sync::Arc};

use steadyhand_deploy::detect::{Application, Framework, Variable};
use steadyhand_domain::ProjectId;
use steadyhand_engine::{EngineError, Look, RunOptions, RunSpec};
use steadyhand_plan::{
    check,
    edit::{self, NewApp, NewSource},
};
use steadyhand_store::{plans, projects, records::Card};

use super::{
    AssistantError, Shared,
    actions::{Reply, current_plan, refusal},
    reading,
};
use crate::{
    intents::{Intent, NewDeployment, Origin},
    proposals,
    sources::{self, Seen},
};
use server::{Server, Unclear, server};
use told::{short, what_is_to_be_set, what_to_know, what_was_seen};

/// The plan that a new project begins with.
const FIRST_PLAN: &str = include_str!("../../../../plans/first.yaml");

/// Drafts the plan, or asks what is missing.
pub(crate) async fn draft(
    shared: &Arc<Shared>,
    project: ProjectId,
    request: &NewDeployment,
) -> Result<Reply, AssistantError> {
    let Some(plan) = current_plan(shared, project).await? else { return Ok(refusal(&EngineError::NoPlan)) };
    if let Some(reply) = deploys_already(shared, project, &plan, request).await? {
        return Ok(reply);
    }
    if let Origin::Git(address) = &request.origin
        && has_password(address)
    {
        return Ok(Reply::say(
            "That address has a password or a token in it, which would stand in the plan. Say the address without it; the plan can \
             have it as a secret: `token: \"${{ secrets.GIT_TOKEN }}\"` under `source`.",
        ));
    }
    let host = match server(&plan, request) {
        Ok(host) => host,
        Err(Unclear { text, choices, asks }) => {
            if asks {
                remember(shared, project, request);
            }
            let texts: Vec<String> = choices.into_iter().take(4).collect();
            let reply = Reply::say(text);
            return Ok(if texts.is_empty() { reply } else { reply.with(Card::Replies { texts }) });
        }
    };
    let request = NewDeployment { to: Some(host.name.clone()), ..request.clone() };
    let seen = match &request.origin {
        Origin::Git(address) => {
            let Some(seen) =
                unless_ended(shared, project, sources::look(address, request.branch.as_deref())).await
            else {
                return Ok(Reply::say("That was ended before I had looked at it. Nothing was changed."));
            };
            Some(seen)
        }
        Origin::Image(_) => None,
    };
    let app = match &seen {
        Some(Ok(seen)) => match choose(seen, &request) {
            Ok(app) => Some(app),
            Err((text, choices)) => {
                if choices.is_empty() {
                    return Ok(Reply::say(text));
                }
                // The address, not the name: a new host has no name before the plan has it.
                let to = host.new.clone().unwrap_or_else(|| host.name.clone());
                remember(
                    shared,
                    project,
                    &NewDeployment { to: Some(to), choices: choices.clone(), ..request },
                );
                let texts: Vec<String> = choices.into_iter().take(4).collect();
                return Ok(Reply::say(text).with(Card::Replies { texts }));
            }
        },
        _ => None,
    };
    propose(shared, project, &plan, &request, &host, seen.as_ref(), app).await
}

/// What came of something that takes its time, unless the person or the program ends the answer before.
async fn unless_ended<T>(shared: &Shared, project: ProjectId, working: impl Future<Output = T>) -> Option<T> {
    let cancel = shared.chats().entry(project).or_default().cancel.clone();
    let working = cancel.run_until_cancelled(working);
    shared.closing.run_until_cancelled(working).await.flatten()
}

/// What was asked is kept for the next message, which may answer it.
fn remember(shared: &Shared, project: ProjectId, request: &NewDeployment) {
    shared.chats().entry(project).or_default().asked = Some(Intent::Deploy(request.clone()));
}

/// The answer where the plan has an application: it may be this one.
async fn deploys_already(
    shared: &Arc<Shared>,
    project: ProjectId,
    plan: &plans::Plan,
    request: &NewDeployment,
) -> Result<Option<Reply>, AssistantError> {
    let value = |section, key| edit::app_value(&plan.source, section, key);
    let Some(known) = value("source", "git").or_else(|| value("source", "image")) else {
        let has_app = check(&plan.source).outline.tasks.iter().any(|task| task.name == "app");
        return Ok(has_app.then(|| {
            Reply::say("The plan has an `app:` whose source cannot be read. Mend it in the **Plan** tab first; nothing was changed.")
        }));
    };
    let asked = match &request.origin {
        Origin::Git(address) => address,
        Origin::Image(image) => image,
    };
    let same = |address: &str| address.trim_end_matches('/').trim_end_matches(".git").to_ascii_lowercase();
    let on = value("", "on").map(|on| format!(" to **{on}**")).unwrap_or_default();
    if same(&known) == same(asked) {
        let text = format!(
            "The plan deploys it{on} already. **Redeploy** brings its newest state; another server or branch is set in the **Plan** tab."
        );
        return Ok(Some(Reply::say(text).offering(shared, project, &["Redeploy"]).await?));
    }
    let known = Origin::Git(known).shown();
    Ok(Some(Reply::say(format!(
        "This project deploys `{known}`{on}, and a project has one application. Make one for `{}` with **New project**, and say it there. \
         Nothing was changed.",
        request.origin.shown()
    ))))
}

fn has_password(address: &str) -> bool {
    let user = address
        .split_once("://")
        .and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@'))
        .map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':') || address.to_ascii_lowercase().starts_with("http"))
}

/// The application that is meant, or the question which one.
fn choose<'s>(seen: &'s Seen, request: &NewDeployment) -> Result<&'s Application, (String, Vec<String>)> {
    let all = &seen.found.applications;
    let paths = || all.iter().map(|app| app.path.clone()).collect::<Vec<_>>();
    if let Some(path) = &request.path {
        return all.iter().find(|app| app.path == *path).ok_or_else(|| {
            let others = if all.is_empty() {
                String::new()
            } else {
                format!(" There are some in {}.", paths().join(", "))
            };
            (
                format!(
                    "I found no application in `{path}` of that repository.{others} Nothing was changed."
                ),
                Vec::new(),
            )
        });
    }
    match all.as_slice() {
        [] => {
            let notes = seen.found.notes.join(" ");
            let text = format!(
                "I could not find out what kind of application that is. {notes} With a Dockerfile in it, it can be deployed. Nothing was changed."
            );
            Err((text, Vec::new()))
        }
        [one] => Ok(one),
        many => many.iter().find(|app| app.path == ".").ok_or_else(|| {
            let each: Vec<String> =
                many.iter().map(|app| format!("\n- `{}`: {}", app.path, app.framework.label())).collect();
            let text = format!(
                "There are {} applications in it:\n{}\n\nWhich one? I haven't done anything yet.",
                many.len(),
                each.concat()
            );
            (text, paths())
        }),
    }
}

/// Makes the plan, checks it, and shows it.
async fn propose(
    shared: &Arc<Shared>,
    project: ProjectId,
    plan: &plans::Plan,
    request: &NewDeployment,
    host: &Server,
    seen: Option<&Result<Seen, String>>,
    app: Option<&Application>,
) -> Result<Reply, AssistantError> {
    let new = new_app(request, host, app);
    let base = if is_untouched(&plan.source) {
        let name = check(&plan.source).outline.name;
        edit::new_plan(&name, &new)
    } else {
        edit::add_app(&plan.source, &new)
    };
    let Some(source) = base else {
        let text = "I could not add `app:` to the plan as it is laid out. With its tasks on lines of their own I can; nothing was changed.";
        return Ok(Reply::say(text));
    };
    let problems = reading::problems(&source);
    if !problems.is_empty() {
        let text = format!(
            "The plan that I drafted has errors, so it is not shown, and nothing was changed:\n\n{problems}"
        );
        return Ok(Reply::say(text));
    }
    let missing = missing_secrets(shared, project, &source).await?;
    let name = {
        let mut db = shared.engine.store().read().await?;
        projects::get(&mut db, project).await?
    };
    let mut text = what_was_seen(request, seen, app);
    let _ = write!(
        text,
        "Here is the plan that deploys it to {}. Nothing happens before you accept it.",
        host.shown
    );
    text.push_str(&what_is_to_be_set(&missing, name.as_ref()));
    if let Some(app) = app {
        text.push_str(&what_to_know(app));
    }
    let title = format!("Deploy {} to {}", short(&request.origin), host.name);
    let proposal = proposals::make(project, plan, source, &title, "");
    proposals::insert(shared, &proposal).await?;
    Ok(Reply::say(text).with(Card::Proposal { proposal_id: proposal.id }))
}

fn new_app(request: &NewDeployment, host: &Server, app: Option<&Application>) -> NewApp {
    let source = match &request.origin {
        Origin::Image(image) => NewSource::Image(image.clone()),
        Origin::Git(address) => NewSource::Git {
            address: address.clone(),
            branch: request.branch.clone(),
            path: app.map(|app| app.path.clone()).or_else(|| request.path.clone()).filter(|path| path != "."),
        },
    };
    // An image says itself on which port it listens.
    let exposes = app.is_some_and(|app| app.framework == Framework::Dockerfile);
    NewApp {
        on: host.name.clone(),
        address: host.new.clone(),
        source,
        port: app.filter(|_| !exposes).and_then(|app| app.port.as_ref()).map(|port| port.number),
        health: app.and_then(|app| app.health.as_ref()).map(|health| health.path.clone()),
        secrets: app
            .map(|app| secrets(app).map(|variable| variable.name.clone()).collect())
            .unwrap_or_default(),
        sudo: host.sudo,
    }
}

fn secrets(app: &Application) -> impl Iterator<Item = &Variable> {
    app.variables.iter().filter(|variable| variable.secret && steadyhand_plan::is_secret_name(&variable.name))
}

/// Whether a plan is the one that every new project begins with, whatever its name.
fn is_untouched(source: &str) -> bool {
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.trim_end().to_owned());
        lines.filter(|line| !line.starts_with("name:") && !line.is_empty()).collect()
    };
    lines(source) == lines(FIRST_PLAN) || lines(source).iter().all(|line| line.starts_with('#'))
}

async fn missing_secrets(
    shared: &Arc<Shared>,
    project: ProjectId,
    source: &str,
) -> Result<Vec<String>, AssistantError> {
    let place = shared.engine.place(project).await?;
    let compiled = match shared.engine.compile(source, &place, &RunOptions::default(), Look::Known).await {
        Ok(compiled) => compiled,
        // What is still to be found is found when it is run; what secrets lack is said then.
        Err(_) => return Ok(Vec::new()),
    };
    let spec = RunSpec::new(Some(project), compiled.plan, place.folder);
    Ok(shared.engine.missing_secrets(&spec).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_plan_of_a_new_project_is_replaced() {
        assert!(is_untouched(FIRST_PLAN));
        assert!(is_untouched(&FIRST_PLAN.replace("first-steps", "shop")));
        assert!(is_untouched("name: shop\n"));
        assert!(!is_untouched(&FIRST_PLAN.replace("uname -a", "uname")));
        assert!(!is_untouched("name: x\ntasks: { a: { on: local, steps: [ run: x ] } }\n"));
    }

    #[test]
    fn an_address_with_a_password_is_not_taken() {
        for (address, has) in [
            ("https://ada:secret@github.com/acme/shop", true),
            ("https://token@github.com/acme/shop", true),
            ("https://github.com/acme/shop", false),
            ("ssh://git@github.com/acme/shop", false),
            ("git@github.com:acme/shop.git", false),
            ("https://github.com/acme/shop@next", false),
        ] {
            assert_eq!(has_password(address), has, "{address}");
        }
    }
}
