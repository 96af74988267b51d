//! What runs on Deno.

use super::{
    super::{
        Application, Confidence, DependencyManager, Framework, Language, PackageTool, WarningCode,
        folder::Folder, read, shell,
    },
    Candidate, in_file, in_tools, present,
};

const CODE: [&str; 8] =
    ["main.ts", "server.ts", "app.ts", "index.ts", "main.js", "server.js", "src/main.ts", "src/server.ts"];

pub(super) fn look(folder: &Folder<'_>) -> Option<Candidate> {
    let manifest = folder.first(&["deno.json", "deno.jsonc", "deno.lock"])?;
    let file = folder.full(manifest);
    let json = folder.json(manifest).unwrap_or_default();
    let mut app = Application::new(folder.path, Framework::Deno, Confidence::Certain);
    app.name = read::text(&json, "/name").map(str::to_owned);
    app.because(&file, "a manifest of Deno");
    if json.is_null() {
        app.warn(WarningCode::Unreadable, format!("{file} is no valid JSON; nothing of it is known."));
        app.confidence = Confidence::Likely;
    }
    let imports = read::keys(&json, "/imports");
    let targets = imports.iter().filter_map(|name| json.get("imports")?.get(*name)?.as_str());
    let names: Vec<String> = targets
        .map(|target| {
            let name = target.trim_start_matches("npm:").trim_start_matches("jsr:");
            let end = name.get(1..).and_then(|rest| rest.find('@')).map_or(name.len(), |at| at + 1);
            name[..end].to_owned()
        })
        .collect();
    app.depends_on(names.iter().map(String::as_str), &file);
    let lock = folder.first(&["deno.lock"]).map(|name| folder.full(name));
    if lock.is_none() {
        super::warn_of_no_lock(&mut app, "run `deno install` and commit deno.lock");
    }
    app.package_manager = Some(DependencyManager { tool: PackageTool::Deno, version: None, lock_file: lock });
    super::version(
        &mut app,
        Language::Deno,
        [in_file(folder, &[".dvmrc", ".deno-version"]), in_tools(folder, &["deno"])],
    );
    let task = |name: &str| {
        let task = json.pointer(&format!("/tasks/{name}"))?;
        task.as_str().or_else(|| task.get("command")?.as_str()).map(str::to_owned)
    };
    let code = present(folder, &CODE);
    if let Some(start) = task("start") {
        app.because(&file, format!("the task `start` is `{start}`"));
        if let Some(port) = shell::port(&start) {
            app.listens_on(port, format!("the task `start` in {file}"));
        }
        if start.contains("--watch") {
            app.warn(
                WarningCode::DevelopmentServer,
                "The task `start` watches for changes, which is meant for development.",
            );
        }
        app.start = Some(start);
    } else if let Some(entry) = code.first() {
        app.because(folder.full(entry), "a file of that name is usually what is started");
        app.at_most(Confidence::Likely);
        app.start = Some(format!("deno run --allow-net --allow-env --allow-read {entry}"));
    } else {
        app.at_most(Confidence::Guess);
        app.warn(WarningCode::NoStart, "Nothing says how it is started; add a task `start`.");
    }
    if task("build").is_some() {
        app.build = Some("deno task build".to_owned());
    }
    app.recipe.manifests = present(folder, &["deno.json", "deno.jsonc", "deno.lock"]);
    app.recipe.entry = code.first().cloned();
    let strength = if app.start.is_some() { 89 } else { 20 };
    Some(Candidate { app, strength, code })
}
