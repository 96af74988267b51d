//! From what a repository has to how its image is built.

use std::fmt::Write;

use crate::detect::{
    Application, Bases, Confidence, Detected, Dockerfile, Framework, Tree, detect, dockerfile,
};

/// What the stage that follows the fetch is told, by the names that its script has for it: `found` for people, and `made`,
/// `ignored` and `context` where a Dockerfile is made. `is` is what was sent, if it was, and `listing` what the host has said of the source.
///
/// # Errors
/// Why nothing can be built, for people.
pub(crate) fn build_with(
    params: &[(String, String)],
    is: Option<&str>,
    listing: &[u8],
) -> Result<Vec<(String, String)>, String> {
    let said = |key: &str| {
        let found = params.iter().find(|(name, value)| name == key && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    };
    let tree = tree(listing);
    if is == Some("bundle") {
        return served(&tree, &bases(said("bases"))?);
    }
    let Detected { applications, notes, .. } = detect(&tree);
    let wanted = match said("path").map(|path| path.trim_matches('/')) {
        None | Some("" | ".") => ".",
        Some(path) => path,
    };
    let app = applications.iter().find(|app| app.path == wanted);
    let own = said("dockerfile").is_some() || said("by") == Some("dockerfile");
    let has_own = app.is_some_and(|app| app.framework == Framework::Dockerfile);
    if own || has_own {
        let file = said("dockerfile").unwrap_or("Dockerfile");
        let found = format!("Built with its own {file}.");
        return Ok(vec![("found".to_owned(), found)]);
    }
    let Some(app) = app else { return Err(nothing(wanted, &applications, &notes)) };
    let bases = bases(said("bases"))?;
    let Some(made) = dockerfile(app, &bases) else {
        return Err(format!(
            "{}\nHow it is built or started could not be found out. Put a Dockerfile beside it; `steady detect` tells more",
            described(app)
        ));
    };
    Ok(with(format!("{}\nIt has no Dockerfile; this one is made for it:", described(app)), made))
}

fn with(found: String, made: Dockerfile) -> Vec<(String, String)> {
    vec![
        ("found".to_owned(), found),
        ("made".to_owned(), made.text.trim_end().to_owned()),
        ("ignored".to_owned(), made.ignore.trim_end().to_owned()),
        ("context".to_owned(), made.context),
    ]
}

/// The same for files that are served as they are.
fn served(tree: &Tree, bases: &Bases) -> Result<Vec<(String, String)>, String> {
    let mut app = Application::new(".", Framework::Static, Confidence::Certain);
    app.output = Some(".".to_owned());
    app.listens_on(8080, "the server of static files");
    let made = dockerfile(&app, bases).ok_or("there is no server for these files")?;
    let note = if tree.has("index.html") {
        ""
    } else {
        "\nNote: it has no index.html, so the address without a path shows nothing."
    };
    Ok(with(format!("The files are served as they are.{note}\nThis Dockerfile is made for them:"), made))
}

/// What was found, and why.
fn described(app: &Application) -> String {
    let sure = match app.confidence {
        Confidence::Certain => "certainly",
        Confidence::Likely => "probably",
        Confidence::Guess => "perhaps",
    };
    let mut text = format!("This is {sure} {}:", app.framework.label());
    for reason in &app.reasons {
        let _ = match reason.file.as_str() {
            "" => write!(text, " {};", reason.seen),
            file => write!(text, " {file}: {};", reason.seen),
        };
    }
    if text.ends_with(';') {
        text.truncate(text.len() - 1);
    }
    text.push('.');
    for warning in &app.warnings {
        let _ = write!(text, "\nNote: {}", warning.message);
    }
    text
}

fn nothing(path: &str, applications: &[Application], notes: &[String]) -> String {
    let others: Vec<&str> = applications.iter().map(|app| app.path.as_str()).collect();
    let mut text = match path {
        "." => "What kind of application this is could not be found out.".to_owned(),
        path => format!("What kind of application is in {path} could not be found out."),
    };
    if !others.is_empty() {
        let _ = write!(text, " There are applications in {}; name one with `path`.", others.join(", "));
    }
    for note in notes {
        let _ = write!(text, " {note}");
    }
    text.push_str(" Or put a Dockerfile beside it");
    text
}

/// The images to build on, with those that the plan names in their places.
fn bases(given: Option<&str>) -> Result<Bases, String> {
    let unreadable = |error: serde_json::Error| format!("the images to build on could not be read: {error}");
    let mut all = serde_json::to_value(Bases::default()).map_err(unreadable)?;
    for line in given.unwrap_or_default().lines() {
        let (name, image) = line.split_once('=').unwrap_or((line, ""));
        let Some(base) = all.get_mut(name) else {
            let known: Vec<String> =
                all.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
            return Err(format!("`bases` has no `{name}`; there are {}", known.join(", ")));
        };
        *base = image.into();
    }
    serde_json::from_value(all).map_err(unreadable)
}

/// Reads what the host has said: `F SIZE PATH` for each file, and `C LENGTH PATH` with so many bytes after it for those
/// whose texts were wanted. What is cut off is left out.
fn tree(listing: &[u8]) -> Tree {
    let (mut files, mut texts) = (Vec::new(), Vec::new());
    let mut rest = listing;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        let mut words = line.splitn(3, ' ');
        let (Some(kind), Some(size), Some(path)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let Ok(size) = size.parse::<u64>() else { continue };
        match kind {
            "F" => files.push((path.to_owned(), size)),
            "C" => {
                let length = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
                texts.push((path.to_owned(), rest[..length].to_vec()));
                rest = &rest[length..];
            }
            _ => {}
        }
    }
    Tree::new(files, texts)
}
