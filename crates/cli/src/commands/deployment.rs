//! `steady deployment`: one deployment, and how it differs from another one.

use std::fmt::Display;

use steadyhand_api::{
    Api, ApiError, AskDifference, CommitsBetween, DeploymentDifference, ErrorCode, HooksRan, OfDeployment,
    ScanView,
    records::{Deployment, DeploymentSource, DiffKind, Project, Scanner, Severity},
};
use steadyhand_domain::Timestamp;

use crate::{
    commands::deployments::{SHORT, head, line},
    documents::OneDeployment,
    exit::Exit,
    output::{Colour, Failure, Output},
    terminal_text::plain,
    words,
};

/// So many vulnerabilities are listed.
const LISTED: usize = 20;
/// How severe they are, in words.
const SEVERITIES: [(Severity, &str, Colour); 5] = [
    (Severity::Critical, "critical", Colour::Red),
    (Severity::High, "high", Colour::Red),
    (Severity::Medium, "medium", Colour::Yellow),
    (Severity::Low, "low", Colour::Grey),
    (Severity::Unknown, "unknown", Colour::Grey),
];

pub(crate) async fn deployment(
    api: &Api,
    output: &mut Output,
    which: &str,
    with: Option<u32>,
) -> Result<Exit, Failure> {
    let (project, deployment) = find(api, which).await?;
    let with = match with {
        Some(number) => Some(api.kept_deployment(&project, Some(number)).await?.id),
        None => None,
    };
    let request = AskDifference { deployment_id: deployment.id, with };
    let difference = api.deployment_difference(request).await?;
    let scan = api.scan(OfDeployment { deployment_id: deployment.id }).await?;
    if output.json() {
        let document = OneDeployment {
            project: &project.name,
            deployment: &deployment,
            difference: &difference,
            scan: &scan,
        };
        output.document(&document)?;
        return Ok(Exit::Done);
    }
    output.line(&output.paint(Colour::Grey, &head()))?;
    output.line(&line(output, &project.name, &deployment, api.now()))?;
    tell(output, &deployment, &difference)?;
    vulnerabilities(output, &scan, api.now())?;
    Ok(Exit::Done)
}

/// `shop/7`, or `shop` for the deployment that serves.
async fn find(api: &Api, which: &str) -> Result<(Project, Deployment), ApiError> {
    let Some((name, number)) = which.rsplit_once('/') else {
        let project = api.find_project(which).await?;
        let serving = api.serving(&project).await?;
        return Ok((project, serving));
    };
    let project = api.find_project(name).await?;
    let number = number.parse().map_err(|_| {
        let message = format!("“{number}” is not the number of a deployment; write shop/7");
        ApiError { code: ErrorCode::Invalid, message }
    })?;
    let found = api.kept_deployment(&project, Some(number)).await?;
    Ok((project, found))
}

fn tell(
    output: &mut Output,
    deployment: &Deployment,
    difference: &DeploymentDifference,
) -> Result<(), Failure> {
    let Some(with) = &difference.with else {
        return output.line("Nothing served before it.");
    };
    output.line(&format!("What is new since deployment {}:", with.number))?;
    if difference.nothing {
        output.line("  nothing but a new deployment (values of secrets are not compared)")?;
    }
    if let Some(source) = &difference.source {
        row(output, "source", commit(source.before.as_ref()), commit(source.after.as_ref()))?;
    }
    if let Some(commits) = &difference.commits {
        tell_commits(output, commits)?;
    }
    for variable in &difference.variables {
        let name = format!("variable {}", variable.name);
        row(output, &name, variable.before.clone(), variable.after.clone())?;
    }
    for setting in &difference.settings {
        row(output, &setting.name, listed(&setting.before), listed(&setting.after))?;
    }
    if let Some(image) = &difference.image {
        row(output, "image", image.before.clone(), image.after.clone())?;
    }
    if let Some(why) = &difference.not_compared {
        output.line(&format!("  {}", plain(why)))?;
    }
    if let Some(plan) = &difference.plan {
        let short = |sha256: &str| Some(sha256.chars().take(SHORT).collect::<String>());
        row(output, "plan", short(&plan.before_sha256), short(&plan.after_sha256))?;
        for line in &plan.diff {
            let (sign, colour) = match line.kind {
                DiffKind::Added => ('+', Colour::Green),
                DiffKind::Removed => ('-', Colour::Red),
                DiffKind::Context => (' ', Colour::Grey),
                DiffKind::Gap => ('…', Colour::Grey),
            };
            let text = format!("    {sign} {}", plain(&line.text));
            output.line(&output.paint(colour, text.trim_end()))?;
        }
    }
    // What ran before an earlier deployment is no news; that it is not taken back by going there is.
    if with.number > deployment.number && !difference.hooks_between.is_empty() {
        output.line(&not_taken_back(&difference.hooks_between))?;
    }
    Ok(())
}

fn tell_commits(output: &mut Output, commits: &CommitsBetween) -> Result<(), Failure> {
    for (sign, colour, list) in [('+', Colour::Green, &commits.came), ('-', Colour::Red, &commits.went)] {
        for one in list {
            let name: String = one.commit.chars().take(SHORT).collect();
            let text = format!("    {sign} {name} {} ({})", one.message, one.author);
            output.line(&output.paint(colour, &plain(&text)))?;
        }
    }
    if !commits.is_whole {
        output.line(&output.paint(Colour::Grey, "    … and earlier ones"))?;
    }
    if !commits.migrations.is_empty() {
        output.line(&plain(&format!("  migrations that differ: {}", commits.migrations.join(", "))))?;
    }
    Ok(())
}

/// What is known to be vulnerable, or why nobody has looked.
fn vulnerabilities(output: &mut Output, scan: &ScanView, now: Timestamp) -> Result<(), Failure> {
    let scan = match scan {
        ScanView::Scanned { scan } => scan,
        ScanView::None { reason } => {
            return output.line(&format!("Vulnerabilities: not known. {}", plain(reason)));
        }
    };
    let of_each = SEVERITIES.iter().filter(|(severity, ..)| scan.counts.of(*severity) > 0);
    let counts: Vec<String> =
        of_each.map(|(severity, word, _)| format!("{} {word}", scan.counts.of(*severity))).collect();
    let counts = if counts.is_empty() { "none found".to_owned() } else { counts.join(", ") };
    let by = match scan.scanner {
        Scanner::Trivy => "Trivy",
        Scanner::Grype => "Grype",
    };
    let by =
        scan.version.as_ref().map_or_else(|| by.to_owned(), |version| format!("{by} {}", plain(version)));
    let ago = words::ago(now.since(scan.scanned_at));
    output.line(&format!("Vulnerabilities: {counts} ({by}, {ago})"))?;
    let Some(found) = &scan.found else {
        return output.line("  They are listed for as long as the image is kept.");
    };
    for one in found.iter().take(LISTED) {
        let (_, word, colour) = SEVERITIES
            .iter()
            .find(|(severity, ..)| *severity == one.severity)
            .copied()
            .unwrap_or((one.severity, "", Colour::Grey));
        let fixed = one.fixed.as_ref().map_or_else(String::new, |fixed| format!(" → {fixed}"));
        let title = one.title.as_deref().unwrap_or_default();
        let told = format!("{} {} {}{fixed}  {title}", one.id, one.package, one.installed);
        let word = output.paint(colour, &format!("{word:<8}"));
        output.line(&format!("  {word} {}", plain(told.trim_end())))?;
    }
    let left = u32::try_from(found.len().saturating_sub(LISTED)).unwrap_or(u32::MAX) + scan.left_out;
    if left > 0 {
        output.line(&format!("  … and {left} more; the deployment's page lists them, and `--json` does"))?;
    }
    Ok(())
}

/// `  replicas: 1 → 2`.
fn row(
    output: &mut Output,
    name: impl Display,
    before: Option<String>,
    after: Option<String>,
) -> Result<(), Failure> {
    let told = match (before, after) {
        (None, Some(after)) => format!("added, {after}"),
        (Some(before), None) => format!("removed, it was {before}"),
        (before, after) => format!("{} → {}", before.unwrap_or_default(), after.unwrap_or_default()),
    };
    output.line(&format!("  {}: {}", plain(&name.to_string()), plain(&told)))
}

fn listed(values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| values.join(", "))
}

/// `1a2b3c4d Faster search (Ada)`, or where it comes from when no commit is known.
fn commit(source: Option<&DeploymentSource>) -> Option<String> {
    let source = source?;
    let Some(commit) = &source.commit else { return Some(source.from.clone()) };
    let mut told: String = commit.chars().take(SHORT).collect();
    if let Some(message) = &source.message {
        told = format!("{told} {message}");
    }
    if let Some(author) = &source.author {
        told = format!("{told} ({author})");
    }
    Some(told)
}

fn not_taken_back(ran: &[HooksRan]) -> String {
    let told: Vec<String> =
        ran.iter().map(|ran| format!("{} ({})", ran.number, ran.commands.join("; "))).collect();
    let what = format!("Hooks that ran since are not taken back: those of deployment {}.", told.join(", "));
    plain(&what)
}
