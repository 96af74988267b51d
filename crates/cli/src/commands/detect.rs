//! `steady detect`.

use std::path::Path;

use steadyhand_api::{
    ApplicationView,
    detect::{Application, Confidence},
    detect_folder,
};

use crate::{
    exit::Exit,
    output::{Colour, Failure, Output},
    terminal_text::plain,
    words,
};

pub(super) fn detect(output: &mut Output, path: &Path, dockerfile: bool) -> Result<Exit, Failure> {
    let found = detect_folder(path)?;
    output.document(&found)?;
    for workspace in &found.workspaces {
        let line = format!("{} is {}", plain(&workspace.file), plain(&workspace.seen));
        output.line(&output.paint(Colour::Grey, &line))?;
    }
    for view in &found.applications {
        application(output, &view.application)?;
        if dockerfile {
            shown(output, view)?;
        }
        output.line("")?;
    }
    for note in &found.notes {
        output.line(&output.paint(Colour::Grey, &plain(note)))?;
    }
    Ok(if found.applications.is_empty() { Exit::Failed } else { Exit::Done })
}

fn application(output: &mut Output, app: &Application) -> Result<(), Failure> {
    let colour = match app.confidence {
        Confidence::Certain => Colour::Green,
        Confidence::Likely => Colour::Blue,
        Confidence::Guess => Colour::Yellow,
    };
    let place = if app.path == "." { "This folder".to_owned() } else { plain(&app.path) };
    let sure = output.paint(colour, app.confidence.label());
    output.line(&format!("{place}: {} ({sure})", app.framework.label()))?;
    for reason in &app.reasons {
        output.line(
            &output.paint(Colour::Grey, &format!("  {}: {}", plain(&reason.file), plain(&reason.seen))),
        )?;
    }
    for (name, value) in facts(app) {
        output.line(&format!("  {name:<10} {}", plain(&value)))?;
    }
    for service in &app.services {
        let why = service
            .reasons
            .first()
            .map_or(String::new(), |reason| format!("{} in {}", reason.seen, reason.file));
        output.line(&format!(
            "  {:<10} {} {}",
            "needs",
            service.kind.label(),
            output.paint(Colour::Grey, &plain(&format!("({why})")))
        ))?;
    }
    for warning in &app.warnings {
        output.line(&format!(
            "  {} {}",
            output.paint(Colour::Yellow, "warning:"),
            plain(&warning.message)
        ))?;
    }
    for other in &app.alternatives {
        let line = format!("  not {}: {}", other.framework.label(), other.lost);
        output.line(&output.paint(Colour::Grey, &plain(&line)))?;
    }
    Ok(())
}

/// What is known, each with its name.
fn facts(app: &Application) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(version) = &app.version {
        let asked = version.asked.as_ref().map(|asked| format!("{asked} in ")).unwrap_or_default();
        facts.push((
            "version",
            format!("{} {} ({asked}{})", version.language.label(), version.version, version.source),
        ));
    }
    if let Some(manager) = &app.package_manager {
        let version = manager.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let lock = manager.lock_file.as_ref().map_or("no lock file".to_owned(), Clone::clone);
        facts.push(("packages", format!("{}{version} ({lock})", manager.tool.label())));
    }
    for (name, value) in [("build", &app.build), ("start", &app.start), ("files", &app.output)] {
        facts.extend(value.clone().map(|value| (name, value)));
    }
    facts.extend(app.port.as_ref().map(|port| ("port", format!("{} ({})", port.number, port.source))));
    facts
        .extend(app.health.as_ref().map(|health| ("health", format!("{} ({})", health.path, health.source))));
    if !app.variables.is_empty() {
        let names: Vec<String> = app
            .variables
            .iter()
            .map(|variable| match (variable.secret, variable.at_build) {
                (true, true) => format!("{} (secret, for the build)", variable.name),
                (true, false) => format!("{} (secret)", variable.name),
                (false, true) => format!("{} (for the build)", variable.name),
                (false, false) => variable.name.clone(),
            })
            .collect();
        facts.push(("reads", format!("{}: {}", words::many(names.len(), "variable"), names.join(", "))));
    }
    facts
}

fn shown(output: &mut Output, view: &ApplicationView) -> Result<(), Failure> {
    let Some(made) = &view.dockerfile else {
        return output.line("  No Dockerfile is made for it.");
    };
    let place = if made.context == "." { "this folder".to_owned() } else { plain(&made.context) };
    for (name, text) in [("Dockerfile", &made.text), (".dockerignore", &made.ignore)] {
        output.line("")?;
        output.line(&output.paint(Colour::Grey, &format!("# --- {name}, for a build in {place}")))?;
        for line in text.lines() {
            output.line(&plain(line))?;
        }
    }
    Ok(())
}
