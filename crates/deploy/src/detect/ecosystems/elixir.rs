//! What is written in Elixir.

use super::{
    super::{
        Application, Confidence, DependencyManager, Framework, Language, PackageTool, folder::Folder, read,
    },
    Candidate, in_tools, present,
};

pub(super) fn look(folder: &Folder<'_>) -> Option<Candidate> {
    let text = folder.text("mix.exs")?;
    let file = folder.full("mix.exs");
    let mut app = Application::new(folder.path, Framework::Elixir, Confidence::Likely);
    let rest = text.split_once("app: :").map_or("", |(_, rest)| rest);
    let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
    app.name = (!name.is_empty()).then(|| name.to_owned());
    let packages: Vec<&str> = text
        .match_indices("{:")
        .filter_map(|(at, _)| text[at + 2..].split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next())
        .collect();
    let phoenix = packages.contains(&"phoenix");
    if phoenix {
        app.framework = Framework::Phoenix;
        app.confidence = Confidence::Certain;
        app.because(&file, "phoenix is among the dependencies");
        app.listens_on(4000, "what Phoenix listens on");
        if folder.below().any(|file| file.starts_with("assets/")) {
            app.build = Some("mix assets.deploy".to_owned());
        }
    } else {
        app.because(&file, "a project of Mix");
    }
    app.depends_on(packages.iter().copied(), &file);
    let lock = folder.first(&["mix.lock"]).map(|name| folder.full(name));
    if lock.is_none() {
        super::warn_of_no_lock(&mut app, "run `mix deps.get` and commit mix.lock");
    }
    app.package_manager = Some(DependencyManager { tool: PackageTool::Mix, version: None, lock_file: lock });
    super::version(
        &mut app,
        Language::Elixir,
        [
            in_tools(folder, &["elixir"])
                .map(|(file, asked)| (file, asked.split("-otp").next().unwrap_or_default().to_owned())),
            read::quoted_after(text, "elixir:").map(|asked| (file.clone(), asked.to_owned())),
        ],
    );
    let release = app.name.clone().unwrap_or_else(|| "app".to_owned());
    app.start = Some(format!("bin/{release} start"));
    app.recipe.entry = Some(release);
    app.recipe.manifests = present(folder, &["mix.exs", "mix.lock"]);
    let code = present(folder, &["config/runtime.exs"]);
    Some(Candidate { app, strength: if phoenix { 92 } else { 75 }, code })
}
