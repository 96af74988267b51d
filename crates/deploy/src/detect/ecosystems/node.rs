//! What runs on Node or Bun.

use super::{
    super::{Application, Confidence, Framework, Language, PackageTool, WarningCode, folder::Folder, shell},
    Candidate, in_file, in_tools,
    node_framework::{self, Kind},
    node_packages::{Package, manager, manifests},
    nx,
};

/// Files of code that are looked at, in the order in which one of them is likely the first to run.
const CODE: [&str; 26] = [
    "server.js",
    "server.mjs",
    "server.cjs",
    "server.ts",
    "index.js",
    "index.mjs",
    "index.cjs",
    "index.ts",
    "app.js",
    "app.mjs",
    "app.ts",
    "main.js",
    "main.mjs",
    "main.ts",
    "src/server.js",
    "src/server.ts",
    "src/index.js",
    "src/index.mjs",
    "src/index.ts",
    "src/app.js",
    "src/app.ts",
    "src/main.js",
    "src/main.ts",
    "src/server/index.ts",
    "src/server/index.js",
    "server/index.js",
];

pub(super) fn look(folder: &Folder<'_>) -> Option<Candidate> {
    if !folder.has("package.json") {
        return nx::look(folder);
    }
    let file = folder.full("package.json");
    let code: Vec<String> = super::present(folder, &CODE);
    let Some(package) = Package::of(folder) else {
        let mut app = Application::new(folder.path, Framework::Node, Confidence::Guess);
        app.because(&file, "there is a package.json");
        match folder.tree.is_cut(&file) {
            Some(_) => super::warn_if_cut(&mut app, folder, "package.json"),
            None => {
                app.warn(WarningCode::Unreadable, format!("{file} is no valid JSON; nothing of it is known."))
            }
        }
        manager(&mut app, folder);
        super::version(&mut app, Language::Node, [in_file(folder, &[".nvmrc", ".node-version"])]);
        app.warn(WarningCode::NoStart, "Nothing says how it is started; say it in the plan.");
        return Some(Candidate { app, strength: 15, code });
    };
    let mut app = Application::new(folder.path, Framework::Node, Confidence::Likely);
    super::warn_if_cut(&mut app, folder, "package.json");
    app.name = package.text("/name").map(str::to_owned);
    let strength = match node_framework::find(&package) {
        // The root of a workspace has the packages of its members, too.
        Some(found) if folder.has_members && !node_framework::is_run(&package, found) => return None,
        Some(found) => framework(&mut app, folder, &package, found, &file),
        None => plain(&mut app, folder, &package, &file)?,
    };
    app.depends_on(package.dependencies(), &file);
    manager(&mut app, folder);
    runtime(&mut app, folder, &package);
    build(&mut app, folder, &package);
    app.recipe.context = folder.root.to_owned();
    app.recipe.manifests = manifests(folder, &package);
    app.recipe.keeps_development = keeps_development(&app, &package);
    Some(Candidate { app, strength, code })
}

/// An application of a framework. Answers its strength.
fn framework(
    app: &mut Application,
    folder: &Folder<'_>,
    package: &Package,
    found: node_framework::Found,
    file: &str,
) -> u8 {
    app.framework = found.framework;
    app.confidence = Confidence::Certain;
    let kind = if package.runs_with(found.dependency) { "dependencies" } else { "devDependencies" };
    app.because(file, format!("{} is among the {kind}", found.dependency));
    match found.kind {
        Kind::Server => {
            let strength = serve(app, folder, package, file, found.framework).unwrap_or(30);
            // A server that nothing starts is a package for others to use.
            return if app.start.is_some() { strength.max(84) } else { 25 };
        }
        Kind::Full => {
            node_framework::full(app, folder, package);
            if let Some(script) = package.resolved("start").filter(|script| !is_development(script)) {
                if let Some(port) = shell::port(&script) {
                    app.listens_on(port, format!("the script `start` in {file}"));
                }
                // What the person starts it with, unless it is served as files.
                if app.output.is_none() {
                    app.start = Some(script);
                    app.recipe.standalone =
                        app.recipe.standalone.take().filter(|_| app.framework == Framework::Next);
                }
            }
            if let Some(port) = found.port.filter(|_| app.output.is_none()) {
                app.listens_on(port, format!("what {} listens on", found.framework.label()));
            }
        }
        Kind::Files => node_framework::files(app, folder),
    }
    if app.output.is_some() {
        app.listens_on(8080, "the server of static files");
        80
    } else {
        88
    }
}

fn is_development(script: &str) -> bool {
    const PROGRAMS: [&str; 12] = [
        "nodemon",
        "ts-node-dev",
        "tsnd",
        "webpack-dev-server",
        "react-scripts",
        "ng",
        "docusaurus",
        "parcel",
        "vite",
        "astro",
        "rsbuild",
        "vinxi",
    ];
    const WORDS: [&str; 9] = [
        "next dev",
        "nuxt dev",
        "nuxi dev",
        "remix dev",
        "react-router dev",
        "tsx watch",
        "nest start",
        "--watch",
        "webpack serve",
    ];
    WORDS.iter().any(|word| script.contains(word))
        || shell::programs(script).iter().any(|program| PROGRAMS.contains(program))
}

/// Something that is started: by a script, by `main`, or by the name of its file. Answers its strength, or nothing when nothing is
/// started.
fn serve(
    app: &mut Application,
    folder: &Folder<'_>,
    package: &Package,
    file: &str,
    framework: Framework,
) -> Option<u8> {
    let scripts = ["start:prod", "start:production", "start"];
    let orchestrates = |script: &str| {
        ["turbo ", "nx ", "lerna ", "--filter", "--workspace", " -w ", "concurrently"]
            .iter()
            .any(|word| script.contains(word))
    };
    let found = scripts.iter().find_map(|name| Some((*name, package.resolved(name)?)));
    match found {
        Some((_, script)) if orchestrates(&script) && folder.has_members => return None,
        Some((name, script)) => {
            app.because(
                file,
                format!("the script `{name}` is `{}`", package.script(name).unwrap_or_default()),
            );
            if let Some(port) = shell::port(&script) {
                app.listens_on(port, format!("the script `{name}` in {file}"));
            }
            if is_development(&script) && framework != Framework::Nest {
                let message = format!(
                    "`{script}` is meant for development; a script `start:prod` with what runs in production is better."
                );
                app.warn(WarningCode::DevelopmentServer, message);
            }
            app.start = Some(script);
            if framework == Framework::Nest
                && app.start.as_deref().is_some_and(|start| start.starts_with("nest start"))
            {
                app.start = Some("node dist/main".to_owned());
            }
            app.confidence = Confidence::Certain;
        }
        None => {
            let main = package
                .text("/main")
                .map(|main| main.trim_start_matches("./"))
                .filter(|main| folder.has(main));
            let server =
                CODE[..14].iter().copied().find(|name| folder.has(name) && !name.starts_with("index.ts"));
            let (entry, seen, at) = match (main, server) {
                (Some(main), _) => (main, "main names it", file.to_owned()),
                (None, Some(name)) => {
                    (name, "a file of that name usually starts a server", folder.full(name))
                }
                (None, None) => return None,
            };
            // A library has a `main`, too: only what listens is started.
            let listens =
                folder.text(entry).is_some_and(|text| text.contains("listen(") || text.contains("serve("));
            if !listens && framework == Framework::Node {
                return None;
            }
            app.because(at, seen);
            app.at_most(Confidence::Likely);
            let typescript = entry.ends_with(".ts");
            app.start = Some(if typescript { format!("npx tsx {entry}") } else { format!("node {entry}") });
            app.warn(
                WarningCode::NoStart,
                format!(
                    "package.json has no script `start`; `{}` is taken.",
                    app.start.as_deref().unwrap_or_default()
                ),
            );
        }
    }
    Some(70)
}

fn plain(app: &mut Application, folder: &Folder<'_>, package: &Package, file: &str) -> Option<u8> {
    if let Some(strength) = serve(app, folder, package, file, Framework::Node) {
        return Some(strength);
    }
    app.confidence = Confidence::Guess;
    if package.0.get("workspaces").is_some() || folder.has("pnpm-workspace.yaml") || folder.has("lerna.json")
    {
        // The manifest of a workspace is no application.
        return None;
    }
    let library =
        ["main", "module", "exports", "types", "bin"].iter().any(|key| package.0.get(key).is_some());
    let seen = if library {
        "it has what a library has, and nothing starts it"
    } else {
        "it has no script `start` and no framework"
    };
    app.because(file, seen);
    app.warn(
        WarningCode::NoStart,
        "Nothing says how it is started; add a script `start` to package.json, or say it in the plan.",
    );
    Some(if library { 5 } else { 10 })
}

pub(super) fn runtime(app: &mut Application, folder: &Folder<'_>, package: &Package) {
    let file = folder.full("package.json");
    let bun = app.package_manager.as_ref().is_some_and(|manager| manager.tool == PackageTool::Bun);
    let starts_bun = app
        .start
        .as_deref()
        .is_some_and(|start| shell::programs(start).iter().any(|program| matches!(*program, "bun" | "bunx")));
    if bun || starts_bun {
        if app.framework == Framework::Node {
            app.framework = Framework::Bun;
        }
        let of_manager =
            app.package_manager.as_ref().filter(|_| bun).and_then(|manager| manager.version.clone());
        super::version(
            app,
            Language::Bun,
            [
                of_manager.map(|version| (format!("packageManager in {file}"), version)),
                package.text("/engines/bun").map(|asked| (format!("engines in {file}"), asked.to_owned())),
                in_file(folder, &[".bun-version"]),
                in_tools(folder, &["bun"]),
            ],
        );
        return;
    }
    let root = Package::of(&folder.above());
    let in_root = root.as_ref().and_then(|root| root.text("/engines/node"));
    super::version(
        app,
        Language::Node,
        [
            in_file(folder, &[".nvmrc", ".node-version"]),
            in_tools(folder, &["nodejs", "node"]),
            package.text("/volta/node").map(|asked| (format!("volta in {file}"), asked.to_owned())),
            package.text("/engines/node").map(|asked| (format!("engines in {file}"), asked.to_owned())),
            in_root.map(|asked| {
                (format!("engines in {}", folder.above().full("package.json")), asked.to_owned())
            }),
        ],
    );
}

/// The command that builds it: the script `build`, through what holds a workspace together.
fn build(app: &mut Application, folder: &Folder<'_>, package: &Package) {
    let tool = app.package_manager.as_ref().map_or(PackageTool::Npm, |manager| manager.tool);
    let script =
        ["build:prod", "build:production", "build"].into_iter().find(|name| package.script(name).is_some());
    let root = folder.above();
    let name = app.name.clone().unwrap_or_else(|| folder.path.to_owned());
    let run = match tool {
        PackageTool::Pnpm => "pnpm exec",
        PackageTool::Yarn | PackageTool::YarnBerry => "yarn",
        PackageTool::Bun => "bunx",
        _ => "npx",
    };
    app.build = match script {
        Some(script) if folder.is_member() && root.has("turbo.json") => {
            Some(format!("{run} turbo run {script} --filter={name}"))
        }
        Some(script) if folder.is_member() && root.has("nx.json") => {
            Some(format!("{run} nx run {name}:{script}"))
        }
        Some(script) if folder.is_member() => Some(match tool {
            PackageTool::Pnpm => format!("pnpm --filter {name}... run {script}"),
            PackageTool::Yarn | PackageTool::YarnBerry => format!("yarn workspace {name} run {script}"),
            PackageTool::Bun => format!("bun run --filter {name} {script}"),
            _ => format!("npm run {script} --workspace {}", folder.path),
        }),
        Some(script) => Some(match tool {
            PackageTool::Pnpm => format!("pnpm run {script}"),
            PackageTool::Yarn | PackageTool::YarnBerry => format!("yarn run {script}"),
            PackageTool::Bun => format!("bun run {script}"),
            _ => format!("npm run {script}"),
        }),
        None => {
            let usual = node_framework::build(app.framework);
            if let Some(usual) = usual {
                app.warn(
                    WarningCode::NoBuild,
                    format!("package.json has no script `build`; `{usual}` is taken."),
                );
                app.at_most(Confidence::Likely);
            }
            usual.map(|usual| format!("{run} {usual}"))
        }
    };
    if app.package_manager.is_some()
        && script.is_none()
        && app.framework == Framework::Node
        && app.start.is_some()
    {
        app.build = None;
    }
}

/// Whether the start needs a package that only development has.
fn keeps_development(app: &Application, package: &Package) -> bool {
    let of_program = |program: &str| match program {
        "remix-serve" => "@remix-run/serve".to_owned(),
        "react-router-serve" => "@react-router/serve".to_owned(),
        "nest" => "@nestjs/cli".to_owned(),
        "dotenv" => "dotenv-cli".to_owned(),
        other => other.to_owned(),
    };
    let Some(start) = app.start.as_deref() else { return false };
    let mut words = start.split(|c: char| c.is_whitespace() || c == '&').filter(|word| !word.is_empty());
    words.any(|word| {
        let package_of = of_program(word);
        package.needs(&package_of) && !package.runs_with(&package_of)
    })
}
