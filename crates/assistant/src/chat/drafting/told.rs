//! What is told about a source and its draft.

use std::fmt::Write;

use steadyhand_deploy::detect::{Application, Confidence};
use steadyhand_store::records::Project;

use crate::{
    intents::{NewDeployment, Origin},
    sources::Seen,
};

/// At most so many variables are named.
const NAMED: usize = 12;

/// What it is and why, or why that could not be seen.
pub(super) fn what_was_seen(
    request: &NewDeployment,
    seen: Option<&Result<Seen, String>>,
    app: Option<&Application>,
) -> String {
    let what = request.origin.shown();
    match (seen, app) {
        (None, _) => format!("The image `{what}` is pulled by the server when it runs. "),
        (Some(Err(why)), _) => format!(
            "I could not look at `{what}` from here: {why}. The server fetches it by itself in the run, and looks at it then. "
        ),
        (Some(Ok(seen)), Some(app)) => {
            let sure = match app.confidence {
                Confidence::Certain => "This is",
                Confidence::Likely => "This is probably",
                Confidence::Guess => "This may be",
            };
            let place = if app.path == "." { String::new() } else { format!(" (`{}`)", app.path) };
            let mut text = format!("{sure} **{}**{place}", app.framework.label());
            if let Some(reason) = app.reasons.first() {
                let file =
                    if reason.file.is_empty() { String::new() } else { format!("`{}`: ", reason.file) };
                let _ = write!(text, " ({file}{})", reason.seen);
            }
            if !seen.commit.is_empty() {
                let _ = write!(text, ", at commit `{}`", seen.commit.split(' ').next().unwrap_or_default());
            }
            text.push('.');
            if let Some(port) = &app.port {
                let _ = write!(text, " It listens on port {} ({}).", port.number, port.source);
            }
            for service in &app.services {
                let why = service
                    .reasons
                    .first()
                    .map(|why| format!(" ({} in {})", why.seen, why.file))
                    .unwrap_or_default();
                let _ = write!(text, " It seems to need {}{why}.", service.kind.label());
            }
            text.push_str("\n\n");
            text
        }
        (Some(Ok(_)), None) => String::new(),
    }
}

/// How the secrets that have no value get one.
pub(super) fn what_is_to_be_set(missing: &[String], project: Option<&Project>) -> String {
    if missing.is_empty() {
        return String::new();
    }
    let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
    let project = project.map_or("PROJECT", |project| project.name.as_str());
    let quoted = if project.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
        format!("\"{project}\"")
    } else {
        project.to_owned()
    };
    format!(
        "\n\nBefore it runs, set {} in the **Secrets** tab, or with `steady secret set {} --project {quoted}`.",
        names.join(", "),
        missing.first().map_or("NAME", String::as_str),
    )
}

/// What else is to be minded.
pub(super) fn what_to_know(app: &Application) -> String {
    let mut text = String::new();
    let others: Vec<String> = app
        .variables
        .iter()
        .filter(|one| !one.secret)
        .take(NAMED)
        .map(|one| format!("`{}`", one.name))
        .collect();
    if !others.is_empty() {
        let _ = write!(
            text,
            "\n\nIt also reads {}; what it needs of those goes into `env:` of `app`.",
            others.join(", ")
        );
    }
    let services: Vec<&str> = app.services.iter().map(|service| service.kind.label()).collect();
    if !services.is_empty() {
        let _ = write!(
            text,
            " The plan does not set up {}: its variables lead to where that is.",
            services.join(" and ")
        );
    }
    for warning in &app.warnings {
        let _ = write!(text, "\n- {}", warning.message);
    }
    text
}

/// "acme/shop", "nginx:1.27".
pub(super) fn short(origin: &Origin) -> String {
    match origin {
        Origin::Image(image) => image.clone(),
        Origin::Git(_) => {
            let shown = origin.shown();
            let path = shown.split_once("://").map_or(shown.as_str(), |(_, rest)| rest).trim_end_matches('/');
            let parts: Vec<&str> = path.split(['/', ':']).filter(|part| !part.is_empty()).collect();
            let last = parts.len().saturating_sub(2);
            parts
                .get(last.max(usize::from(parts.len() > 2))..)
                .unwrap_or_default()
                .join("/")
                .trim_end_matches(".git")
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_called_by_the_end_of_its_address() {
        for (address, name) in [
            ("https://github.com/acme/shop.git", "acme/shop"),
            ("git@github.com:acme/shop.git", "acme/shop"),
            ("file:///srv/shop.git", "srv/shop"),
            ("https://git.example.com/shop", "git.example.com/shop"),
        ] {
            assert_eq!(short(&Origin::Git(address.into())), name);
        }
    }
}
