//! What is written in Go.

use super::{
    super::{
        Application, Confidence, DependencyManager, Framework, Language, PackageTool, WarningCode,
        folder::Folder,
    },
    Candidate, in_tools, present,
};

pub(super) fn look(folder: &Folder<'_>) -> Option<Candidate> {
    let text = folder.text("go.mod").or_else(|| folder.has("go.mod").then_some(""))?;
    let file = folder.full("go.mod");
    let mut app = Application::new(folder.path, Framework::Go, Confidence::Certain);
    let word = |name: &str| {
        text.lines().find_map(|line| {
            line.trim().strip_prefix(name)?.strip_prefix(' ').map(|rest| rest.trim().to_owned())
        })
    };
    app.name = word("module");
    app.because(&file, format!("the module {}", app.name.as_deref().unwrap_or("has no name")));
    let short = app.name.as_deref().and_then(|name| name.rsplit('/').next()).unwrap_or_default().to_owned();
    let in_root = ["main.go", "server.go", "app.go"]
        .into_iter()
        .find(|name| {
            folder.text(name).is_some_and(|text| text.lines().any(|line| line.trim() == "package main"))
        })
        .or_else(|| folder.first(&["main.go"]));
    let programs: Vec<String> = folder
        .below()
        .filter(|file| file.starts_with("cmd/") && file.ends_with("/main.go"))
        .filter_map(|file| file.strip_suffix("/main.go").map(str::to_owned))
        .collect();
    let usual = [short.as_str(), "server", "web", "api", "app", "main"];
    let mut code = Vec::new();
    let entry = if let Some(main) = in_root {
        app.because(folder.full(main), "the program");
        code.push(main.to_owned());
        Some(".".to_owned())
    } else {
        let named = usual
            .iter()
            .find_map(|name| programs.iter().find(|program| program.rsplit('/').next() == Some(*name)));
        let found = named.or(programs.first());
        if let Some(program) = found {
            app.because(folder.full(&format!("{program}/main.go")), "the program");
            code.push(format!("{program}/main.go"));
        }
        if programs.len() > 1 {
            let message = format!(
                "There are several programs ({}); {} is built. Say another in the plan.",
                programs.join(", "),
                found.map_or("", String::as_str)
            );
            app.warn(WarningCode::SeveralPrograms, message);
            app.at_most(Confidence::Likely);
        }
        found.map(|program| format!("./{program}"))
    };
    let modules =
        text.lines().filter_map(|line| line.trim().trim_start_matches("require ").split_whitespace().next());
    app.depends_on(modules.filter(|module| module.contains('/')), &file);
    let lock = ["go.sum"].into_iter().find(|name| folder.has(name)).map(|name| folder.full(name));
    if lock.is_none() && text.contains("require") {
        super::warn_of_no_lock(&mut app, "run `go mod tidy` and commit go.sum");
    }
    app.package_manager =
        Some(DependencyManager { tool: PackageTool::GoModules, version: None, lock_file: lock });
    super::version(
        &mut app,
        Language::Go,
        [
            word("toolchain")
                .map(|asked| (format!("toolchain in {file}"), asked.trim_start_matches("go").to_owned())),
            word("go").map(|asked| (file.clone(), asked)),
            in_tools(folder, &["golang", "go"]),
        ],
    );
    app.recipe.manifests = present(folder, &["go.mod", "go.sum"]);
    if folder.is_member() && folder.above().has("go.work") {
        // Members use each other's source, which is more than a module's own manifest says.
        app.recipe.context = folder.root.to_owned();
        app.recipe.manifests.clear();
    }
    code.extend(present(folder, &["server.go", "app.go"]));
    code.dedup();
    let strength = if let Some(entry) = entry {
        app.build = Some(format!("go build -o /out/app {entry}"));
        app.start = Some("/app".to_owned());
        app.recipe.entry = Some(entry);
        85
    } else {
        app.at_most(Confidence::Guess);
        app.warn(WarningCode::NotAServer, "There is no main.go, here or in cmd/: it is a library.");
        5
    };
    Some(Candidate { app, strength, code })
}
