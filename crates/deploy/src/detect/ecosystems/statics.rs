//! Files that are served as they are.

use super::{
    super::{Application, Confidence, Framework, folder::Folder},
    Candidate,
};

pub(super) fn look(folder: &Folder<'_>) -> Option<Candidate> {
    let index = folder.first(&[
        "index.html",
        "public/index.html",
        "www/index.html",
        "site/index.html",
        "html/index.html",
    ])?;
    let mut app = Application::new(folder.path, Framework::Static, Confidence::Likely);
    let own = index == "index.html";
    if !own {
        app.confidence = Confidence::Guess;
    }
    app.because(folder.full(index), "a page");
    let output = index.strip_suffix("/index.html").unwrap_or(".");
    // A page that loads a source of TypeScript or JSX is made for a tool that builds it.
    let built = folder
        .text(index)
        .is_some_and(|text| [".tsx\"", ".ts\"", ".jsx\""].iter().any(|end| text.contains(end)));
    if built {
        app.confidence = Confidence::Guess;
        app.warn(
            super::WarningCode::NoBuild,
            format!(
                "{} loads a source that browsers do not understand; something has to build it.",
                folder.full(index)
            ),
        );
    }
    app.output = Some(output.to_owned());
    app.listens_on(8080, "the server of static files");
    Some(Candidate { app, strength: if own { 30 } else { 22 }, code: Vec::new() })
}
