//! What each language's manifests say of a folder. Every module looks at the same folder, and knows nothing of the others.

mod container;
mod deno;
mod dotnet;
mod elixir;
mod golang;
mod java;
mod node;
mod node_framework;
mod node_packages;
mod nx;
mod php;
mod python;
mod python_start;
mod ruby;
mod rust;
mod statics;

use super::{
    Application, Confidence, Framework, Language, LanguageVersion, WarningCode, folder::Folder, needs,
    versions,
};

/// Something that a folder may be.
pub(super) struct Candidate {
    pub(super) app: Application,
    /// How much speaks for it beside others, from 0 to 100. At [`AMOUNTS_TO_LITTLE`] or less it is only what is left of
    /// an ecosystem: tools of development, a library.
    pub(super) strength: u8,
    /// The files of code that are its own, from its folder.
    pub(super) code: Vec<String>,
}

/// See [`Candidate::strength`].
pub(super) const AMOUNTS_TO_LITTLE: u8 = 20;

/// Everything that a folder may be.
pub(super) fn candidates(folder: &Folder<'_>) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = [
        container::dockerfile(folder),
        container::compose(folder),
        node::look(folder),
        deno::look(folder),
        python::look(folder),
        golang::look(folder),
        rust::look(folder),
        java::look(folder),
        ruby::look(folder),
        php::look(folder),
        elixir::look(folder),
        dotnet::look(folder),
        statics::look(folder),
    ]
    .into_iter()
    .flatten()
    .collect();
    all.sort_by_key(|candidate| std::cmp::Reverse(candidate.strength));
    // A Procfile starts whatever the folder is of a language.
    let of_language = |app: &Application| {
        !matches!(app.framework, Framework::Dockerfile | Framework::Compose | Framework::Static)
    };
    if needs::has_web(folder)
        && let Some(first) = all.iter_mut().find(|candidate| of_language(&candidate.app))
        && first.strength <= AMOUNTS_TO_LITTLE
    {
        first.strength = 66;
        first.app.confidence = Confidence::Likely;
        all.sort_by_key(|candidate| std::cmp::Reverse(candidate.strength));
    }
    all
}

/// The kinds of places where a version may stand, best first: where, and what is asked for.
type Asked = Option<(String, String)>;

/// Takes the first version that is asked for, or the usual one with a warning.
fn version(app: &mut Application, language: Language, asked: impl IntoIterator<Item = Asked>) {
    let (known, parts) = match language {
        Language::Node => (&versions::NODE, 1),
        Language::Python => (&versions::PYTHON, 2),
        Language::Go => (&versions::GO, 2),
        Language::Rust => (&versions::RUST, 3),
        Language::Java => (&versions::JAVA, 1),
        Language::Ruby => (&versions::RUBY, 2),
        Language::Php => (&versions::PHP, 2),
        Language::Elixir => (&versions::ELIXIR, 2),
        Language::Dotnet => (&versions::DOTNET, 2),
        Language::Deno => (&versions::DENO, 1),
        Language::Bun => (&versions::BUN, 1),
    };
    let label = language.label();
    for (source, asked) in asked.into_iter().flatten() {
        if let Some(version) = versions::taken(&asked, known, parts) {
            if versions::is_old(&version, known, parts) {
                let message = format!(
                    "{label} {version} ({source}) gets no fixes any more; {} is usual now.",
                    known.usual
                );
                app.warn(WarningCode::OldVersion, message);
            }
            app.version = Some(LanguageVersion { language, version, asked: Some(asked), source });
            return;
        }
    }
    let message = format!("Nothing says which version of {label} is needed; {} is taken.", known.usual);
    app.warn(WarningCode::VersionNotPinned, message);
    let version = known.usual.to_owned();
    app.version =
        Some(LanguageVersion { language, version, asked: None, source: "the usual one".to_owned() });
}

/// The version that a file of one line has.
fn in_file(folder: &Folder<'_>, names: &[&str]) -> Asked {
    folder.nearest(names).map(|(file, line)| (file, line.to_owned()))
}

/// The version that a file of a version manager has.
fn in_tools(folder: &Folder<'_>, tools: &[&str]) -> Asked {
    folder.tool_version(tools)
}

/// Says that a manifest cannot be read whole, where that is so.
fn warn_if_cut(app: &mut Application, folder: &Folder<'_>, name: &str) {
    if let Some(size) = folder.tree.is_cut(&folder.full(name)) {
        let file = folder.full(name);
        let message = match folder.text(name) {
            Some(_) => format!("{file} has {size} bytes, and only its beginning is looked at."),
            None => format!("{file} was not read."),
        };
        app.warn(WarningCode::Unreadable, message);
        app.at_most(Confidence::Guess);
    }
}

/// Says that dependencies are not locked.
fn warn_of_no_lock(app: &mut Application, how: &str) {
    let message = format!("There is no lock file, so two builds may get different dependencies; {how}.");
    app.warn(WarningCode::NoLockFile, message);
}

/// Those of these files that are there.
fn present(folder: &Folder<'_>, names: &[&str]) -> Vec<String> {
    names.iter().filter(|name| folder.has(name)).map(|name| (*name).to_owned()).collect()
}

/// Says that what Node builds of an application of another language is left to the person.
fn warn_of_pages(app: &mut Application, folder: &Folder<'_>) {
    let builds =
        folder.json("package.json").is_some_and(|package| package.pointer("/scripts/build").is_some());
    if builds {
        let file = folder.full("package.json");
        let message = format!(
            "{file} has a script `build`, which needs Node; a Dockerfile that is made does not run it. Commit what it builds, or add a stage with Node."
        );
        app.warn(WarningCode::NoBuild, message);
    }
}
