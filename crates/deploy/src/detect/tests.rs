//! Small sources and what is found in each: `tests/layouts.txt` has them, each with the lines that are expected.

use std::fmt::Write as _;

use super::*;

mod dockerfiles;
mod folders;
mod properties;

/// A source of the table, and what is expected of it.
struct Layout {
    name: String,
    tree: Tree,
    expected: String,
}

/// `== NAME`, then `-- FILE` with its text for each file (`SIZE=` says another size than the text's), then `=> LINE` for each line that
/// is expected.
fn layouts() -> Vec<Layout> {
    let text = include_str!("tests/layouts.txt");
    text.split("\n== ").map(|part| part.trim_start_matches("== ")).map(layout).collect()
}

fn layout(part: &str) -> Layout {
    let mut lines = part.lines();
    let name = lines.next().unwrap().to_owned();
    let (mut files, mut texts, mut expected) = (Vec::new(), Vec::<(String, Vec<u8>)>::new(), String::new());
    for line in lines {
        if let Some(file) = line.strip_prefix("-- ") {
            let (file, size) = file.split_once(" SIZE=").unwrap_or((file, "0"));
            files.push((file.to_owned(), size.parse::<u64>().unwrap()));
            texts.push((file.to_owned(), Vec::new()));
        } else if let Some(line) = line.strip_prefix("=> ") {
            writeln!(expected, "{line}").unwrap();
        } else {
            let (_, text) = texts.last_mut().unwrap();
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
    }
    for ((_, size), (_, text)) in files.iter_mut().zip(&texts) {
        *size = (*size).max(text.len() as u64);
    }
    // A source is asked for the texts of these files alone.
    texts.retain(|(file, _)| wanted(file));
    Layout { name, tree: Tree::new(files, texts), expected }
}

/// A layout of the table.
fn named(name: &str) -> Detected {
    let layout = layouts()
        .into_iter()
        .find(|layout| layout.name == name)
        .unwrap_or_else(|| panic!("no layout “{name}”"));
    detect(&layout.tree)
}

/// A line for each application: what matters of it.
fn summary(detected: &Detected) -> String {
    let mut text = String::new();
    for app in &detected.applications {
        let mut parts =
            vec![format!("{} is {}, {}", app.path, app.framework.label(), app.confidence.label())];
        if let Some(manager) = &app.package_manager {
            let version = manager.version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
            let lock = manager.lock_file.as_ref().map(|lock| format!(" ({lock})")).unwrap_or_default();
            parts.push(format!("{}{version}{lock}", manager.tool.label()));
        }
        if let Some(LanguageVersion { language, version, asked, .. }) = &app.version {
            let usual = if asked.is_some() { "" } else { "?" };
            parts.push(format!("{} {version}{usual}", language.label()));
        }
        if let Some(port) = &app.port {
            parts.push(format!("port {} ({})", port.number, port.source));
        }
        for (word, value) in [("build", &app.build), ("start", &app.start), ("files", &app.output)] {
            parts.extend(value.as_ref().map(|value| format!("{word} `{value}`")));
        }
        parts.extend(app.health.iter().map(|health| format!("health {}", health.path)));
        for (word, all) in [
            ("needs", app.services.iter().map(|service| service.kind.label()).collect::<Vec<_>>()),
            ("reads", app.variables.iter().map(|variable| variable.name.as_str()).collect()),
            ("not", app.alternatives.iter().map(|other| other.framework.label()).collect()),
            ("warns", app.warnings.iter().map(|warning| warning.code.label()).collect()),
        ] {
            if !all.is_empty() {
                parts.push(format!("{word} {}", all.join(", ")));
            }
        }
        writeln!(text, "{}", parts.join(" | ")).unwrap();
    }
    for workspace in &detected.workspaces {
        writeln!(text, "workspace: {} ({})", workspace.seen, workspace.file).unwrap();
    }
    for note in &detected.notes {
        writeln!(text, "note: {note}").unwrap();
    }
    text
}

#[test]
fn each_layout_of_the_table_is_what_it_is() {
    let layouts = layouts();
    assert!(layouts.len() >= 70, "{} layouts", layouts.len());
    let mut wrong = String::new();
    for layout in &layouts {
        let found = summary(&detect(&layout.tree));
        if found != layout.expected {
            let found: String = found.lines().map(|line| format!("=> {line}\n")).collect();
            write!(wrong, "\n== {}\nexpected:\n{}found:\n{found}", layout.name, layout.expected).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_application_says_why_and_every_alternative_why_not() {
    for layout in layouts() {
        for app in detect(&layout.tree).applications {
            assert!(!app.reasons.is_empty(), "{}: {app:#?}", layout.name);
            assert!(
                app.alternatives.iter().all(|other| !other.lost.is_empty() && !other.reasons.is_empty()),
                "{app:#?}"
            );
            // What is named as seen is there.
            for reason in &app.reasons {
                assert!(layout.tree.has(&reason.file), "{}: {reason:?}", layout.name);
            }
            // Something else that fits about as well is never hidden behind certainty.
            if app.warnings.iter().any(|warning| warning.code == WarningCode::Ambiguous)
                && app.framework != Framework::Dockerfile
            {
                assert_ne!(app.confidence, Confidence::Certain, "{}", layout.name);
            }
        }
    }
}
