//! `steady deployments`.

use steadyhand_api::{
    Api, ListDeployments, Nothing,
    records::{Deployment, DeploymentKind, DeploymentSource, Project},
};
use steadyhand_domain::{Timestamp, duration};

use crate::{
    documents::ListedDeployment,
    exit::Exit,
    output::{Colour, Failure, Output},
    terminal_text::plain,
    words,
};

/// As much of a commit as people say.
pub(super) const SHORT: usize = 8;

pub(crate) async fn deployments(
    api: &Api,
    output: &mut Output,
    of: Option<&str>,
    limit: u32,
) -> Result<Exit, Failure> {
    let projects = match of {
        Some(name) => vec![api.find_project(name).await?],
        None => api.projects(Nothing {}).await?,
    };
    let mut found: Vec<(&Project, Deployment)> = Vec::new();
    for project in &projects {
        let (project_id, states) = (project.id, Vec::new());
        let request = ListDeployments { project_id, environment_id: None, states, before: None, limit };
        found.extend(api.deployments(request).await?.into_iter().map(|deployment| (project, deployment)));
    }
    found.sort_by_key(|(_, deployment)| std::cmp::Reverse(deployment.created_at));
    let listed =
        found.iter().map(|(project, deployment)| ListedDeployment { project: &project.name, deployment });
    output.document(&listed.collect::<Vec<_>>())?;
    if found.is_empty() {
        output.line("No deployments yet.")?;
        return Ok(Exit::Done);
    }
    output.line(&output.paint(Colour::Grey, &head()))?;
    let now = api.now();
    for (project, deployment) in &found {
        output.line(&line(output, &project.name, deployment, now))?;
    }
    Ok(Exit::Done)
}

/// What stands above [`line`]s.
pub(super) fn head() -> String {
    columns("deployment", &format!("{:<10}", "state"), "took", "run", "started", "by", "of")
}

/// `shop/production/7   ready   41 s   run 24   5 min ago   chat, alice   main 1a2b3c4d: Faster search`.
pub(super) fn line(output: &Output, project: &str, deployment: &Deployment, now: Timestamp) -> String {
    let (word, colour) = words::deployment_state(deployment.state);
    let name = format!("{}/{}/{}", plain(project), plain(&deployment.environment), deployment.number);
    // The padding is applied before the colour: colours have no width.
    let word = output.paint(colour, &format!("{word:<10}"));
    let took =
        deployment.ended_at.map(|ended| duration(ended.since(deployment.created_at))).unwrap_or_default();
    let run = format!("run {}", deployment.run_number);
    let started = words::ago(now.since(deployment.created_at));
    let by = format!("{}, {}", words::trigger(deployment.trigger), plain(&deployment.started_by));
    columns(&name, &word, &took, &run, &started, &by, &plain(&of(deployment)))
}

/// What a deployment brings, and why it failed if it did.
fn of(deployment: &Deployment) -> String {
    let brings = match (deployment.kind, deployment.takes_from_number) {
        (DeploymentKind::Rollback, Some(number)) => format!("back to {number}"),
        (DeploymentKind::Restart, Some(number)) => format!("{number} anew"),
        _ => deployment.source.as_ref().map(source).or_else(|| deployment.image.clone()).unwrap_or_default(),
    };
    match &deployment.error {
        Some(error) if brings.is_empty() => error.clone(),
        Some(error) => format!("{brings} ({error})"),
        None => brings,
    }
}

/// `main 1a2b3c4d: Faster search`, or where it comes from when no commit is known.
fn source(source: &DeploymentSource) -> String {
    let commit = source.commit.as_deref().map(|commit| commit.chars().take(SHORT).collect::<String>());
    let known: Vec<String> = source.branch.clone().into_iter().chain(commit).collect();
    let known = if known.is_empty() { source.from.clone() } else { known.join(" ") };
    match &source.message {
        Some(message) => format!("{known}: {message}"),
        None => known,
    }
}

fn columns(name: &str, state: &str, took: &str, run: &str, started: &str, by: &str, of: &str) -> String {
    let line = format!("{name:<28} {state} {took:>12}  {run:<9} {started:<12} {by:<22} {of}");
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use steadyhand_api::records::SourceKind;

    use super::*;

    #[test]
    fn a_source_is_told_by_its_branch_commit_and_message_or_else_by_where_it_comes_from() {
        let check = |branch: Option<&str>, commit: Option<&str>, message: Option<&str>, expected: &str| {
            let known = DeploymentSource {
                kind: SourceKind::Git,
                from: "https://example.com/shop.git".to_owned(),
                branch: branch.map(str::to_owned),
                commit: commit.map(str::to_owned),
                author: None,
                message: message.map(str::to_owned),
                link: None,
                sha256: None,
            };
            assert_eq!(source(&known), expected);
        };
        check(Some("main"), Some("1a2b3c4d5e6f"), Some("Faster search"), "main 1a2b3c4d: Faster search");
        check(Some("main"), None, None, "main");
        check(None, Some("1a2b3c4d5e6f"), None, "1a2b3c4d");
        check(None, None, None, "https://example.com/shop.git");
    }
}
