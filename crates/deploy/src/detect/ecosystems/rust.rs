//! What is written in Rust.

use super::{
    super::{
        Application, Confidence, DependencyManager, Framework, Language, PackageTool, WarningCode,
        folder::Folder, read,
    },
    Candidate, in_tools,
};

pub(super) fn look(folder: &Folder<'_>) -> Option<Candidate> {
    if !folder.has("Cargo.toml") {
        return None;
    }
    let file = folder.full("Cargo.toml");
    let mut app = Application::new(folder.path, Framework::Rust, Confidence::Certain);
    let Some(manifest) = folder.toml("Cargo.toml") else {
        app.confidence = Confidence::Guess;
        app.because(&file, "there is a Cargo.toml");
        app.warn(WarningCode::Unreadable, format!("{file} is no valid TOML; nothing of it is known."));
        return Some(Candidate { app, strength: 15, code: Vec::new() });
    };
    // The root of a workspace is no program itself.
    let name = read::text(&manifest, "/package/name")?.to_owned();
    app.because(&file, format!("the package {name}"));
    app.name = Some(name.clone());
    let tables = manifest.pointer("/bin").and_then(|bins| bins.as_array().cloned()).unwrap_or_default();
    let mut programs: Vec<String> =
        tables.iter().filter_map(|bin| read::text(bin, "/name").map(str::to_owned)).collect();
    if folder.has("src/main.rs") && !tables.iter().any(|bin| read::text(bin, "/path") == Some("src/main.rs"))
    {
        programs.push(name.clone());
    }
    for file in folder.below().filter_map(|file| file.strip_prefix("src/bin/")) {
        let program = file
            .strip_suffix("/main.rs")
            .or_else(|| file.strip_suffix(".rs").filter(|name| !name.contains('/')));
        programs.extend(program.map(str::to_owned));
    }
    programs.sort();
    programs.dedup();
    let usual = read::text(&manifest, "/package/default-run").map(str::to_owned);
    let program =
        usual.or_else(|| programs.iter().find(|program| **program == name).or(programs.first()).cloned());
    let dependencies = dependencies(&manifest);
    app.depends_on(dependencies.iter().map(String::as_str), &file);
    let server = [
        "axum",
        "actix-web",
        "rocket",
        "warp",
        "poem",
        "tide",
        "salvo",
        "hyper",
        "tonic",
        "ntex",
        "tiny_http",
    ]
    .into_iter()
    .find(|server| dependencies.iter().any(|dependency| dependency == server));
    let above = folder.above();
    let lock = [*folder, above]
        .into_iter()
        .find(|folder| folder.has("Cargo.lock"))
        .map(|folder| folder.full("Cargo.lock"));
    if lock.is_none() {
        super::warn_of_no_lock(&mut app, "commit Cargo.lock");
    }
    // What is linked against the system's libraries, or trusts the system's certificates, is in the lock file by name.
    let text = [*folder, above].into_iter().find_map(|folder| {
        folder.text("Cargo.lock").filter(|_| folder.tree.is_cut(&folder.full("Cargo.lock")).is_none())
    });
    let names = |package: &str| text.is_none_or(|text| text.contains(&format!("name = \"{package}\"")));
    if names("openssl-sys") {
        app.recipe.extras.push("openssl".to_owned());
    }
    if names("openssl-probe") || names("rustls-platform-verifier") || names("openssl-sys") {
        app.recipe.extras.push("ca-certificates".to_owned());
    }
    let locked = lock.is_some();
    app.package_manager =
        Some(DependencyManager { tool: PackageTool::Cargo, version: None, lock_file: lock });
    let toolchain = [*folder, above].into_iter().find_map(|folder| {
        let channel = |name: &str| {
            let channel = read::text(&folder.toml(name)?, "/toolchain/channel")?.to_owned();
            Some((folder.full(name), channel))
        };
        channel("rust-toolchain.toml").or_else(|| channel("rust-toolchain")).or_else(|| {
            let line = folder.line("rust-toolchain")?;
            Some((folder.full("rust-toolchain"), line.to_owned()))
        })
    });
    if toolchain
        .as_ref()
        .is_some_and(|(_, channel)| channel.starts_with("nightly") || channel.starts_with("beta"))
    {
        app.warn(
            WarningCode::VersionNotPinned,
            "A nightly or beta toolchain has no official image; give one in the plan, or use a stable one.",
        );
    }
    super::version(&mut app, Language::Rust, [toolchain, in_tools(folder, &["rust"])]);
    if app.version.as_ref().is_some_and(|version| version.asked.is_none())
        && let Some(least) = read::text(&manifest, "/package/rust-version")
    {
        app.because(&file, format!("rust-version is {least}, which the newest fits"));
    }
    app.recipe.context = folder.root.to_owned();
    // Where the manifest names files of the source, cargo does not even read it without them.
    let names_files = ["bin", "lib", "example", "test", "bench"].iter().any(|kind| {
        let tables = manifest
            .get(*kind)
            .map_or(Vec::new(), |tables| tables.as_array().cloned().unwrap_or_else(|| vec![tables.clone()]));
        !tables.is_empty()
    });
    let builds = manifest.pointer("/package/build").is_some() || folder.has("build.rs");
    let paths = read::keys(&manifest, "/dependencies")
        .into_iter()
        .any(|name| manifest.get("dependencies").and_then(|all| all.get(name)?.get("path")).is_some());
    if !folder.is_member() && !folder.has_members && !names_files && !builds && !paths {
        app.recipe.manifests = super::present(
            folder,
            &["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "rust-toolchain", ".cargo/config.toml"],
        );
    }
    let mut code: Vec<String> = super::present(folder, &["src/main.rs"]);
    let strength = match &program {
        Some(program) => {
            if programs.len() > 1 {
                let message = format!(
                    "There are several programs ({}); {program} is built. Say another in the plan.",
                    programs.join(", ")
                );
                app.warn(WarningCode::SeveralPrograms, message);
            }
            let locked = if locked { " --locked" } else { "" };
            let package = if folder.is_member() { format!(" --package {name}") } else { String::new() };
            app.build = Some(format!("cargo build --release{locked}{package} --bin {program}"));
            app.start = Some("/app".to_owned());
            app.recipe.entry = Some(program.clone());
            let window = dependencies.iter().any(|dependency| {
                matches!(dependency.as_str(), "tauri" | "eframe" | "iced" | "gtk4" | "bevy")
            });
            match server {
                Some(server) => {
                    app.because(&file, format!("{server} is among the dependencies"));
                    if server == "rocket" {
                        app.listens_on(8000, "what Rocket listens on");
                    }
                    85
                }
                None if window => {
                    app.at_most(Confidence::Guess);
                    app.warn(WarningCode::NotAServer, "It opens windows; a server has no use for it.");
                    5
                }
                None => {
                    app.at_most(Confidence::Likely);
                    app.warn(
                        WarningCode::NotAServer,
                        "No library of servers is among the dependencies; it may not listen on a port.",
                    );
                    60
                }
            }
        }
        None => {
            app.at_most(Confidence::Guess);
            app.warn(WarningCode::NotAServer, "It has no program: it is a library.");
            5
        }
    };
    code.retain(|_| program.is_some());
    Some(Candidate { app, strength, code })
}

/// The names of the dependencies, and `sqlx/postgres` for those whose features tell a service.
fn dependencies(manifest: &serde_json::Value) -> Vec<String> {
    let mut all = Vec::new();
    for name in read::keys(manifest, "/dependencies") {
        all.push(name.to_owned());
        let features =
            manifest.pointer("/dependencies").and_then(|all| all.get(name)).cloned().unwrap_or_default();
        all.extend(
            read::texts(&features, "/features").into_iter().map(|feature| format!("{name}/{feature}")),
        );
    }
    all
}
