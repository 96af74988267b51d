//! Frameworks of Node: which dependency stands for which, and what each leaves behind when it is built.

use super::{
    super::{Application, Confidence, Framework, WarningCode, folder::Folder, read},
    node_packages::Package,
};

/// How a framework's application runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The framework has a server of its own, or leaves files, as it is set.
    Full,
    /// Only files are left.
    Files,
    /// A library with which a server is written.
    Server,
}

/// A framework that was found.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) framework: Framework,
    pub(super) dependency: &'static str,
    pub(super) kind: Kind,
    pub(super) port: Option<u16>,
}

const fn is_full(dependency: &'static str, framework: Framework, port: u16) -> Found {
    Found { framework, dependency, kind: Kind::Full, port: Some(port) }
}

const fn is_files(dependency: &'static str, framework: Framework) -> Found {
    Found { framework, dependency, kind: Kind::Files, port: None }
}

const fn is_server(dependency: &'static str, framework: Framework) -> Found {
    Found { framework, dependency, kind: Kind::Server, port: Some(3000) }
}

/// In this order: what is built on another stands before it.
const FRAMEWORKS: [Found; 22] = [
    is_full("next", Framework::Next, 3000),
    is_full("nuxt", Framework::Nuxt, 3000),
    is_full("@remix-run/node", Framework::Remix, 3000),
    is_full("@remix-run/react", Framework::Remix, 3000),
    is_full("@react-router/dev", Framework::ReactRouter, 3000),
    is_full("astro", Framework::Astro, 4321),
    is_full("@sveltejs/kit", Framework::SvelteKit, 3000),
    is_full("@solidjs/start", Framework::SolidStart, 3000),
    is_full("@angular/core", Framework::Angular, 4000),
    is_files("@docusaurus/core", Framework::Docusaurus),
    is_files("react-scripts", Framework::CreateReactApp),
    is_files("@rsbuild/core", Framework::Rsbuild),
    is_server("@nestjs/core", Framework::Nest),
    is_files("vite", Framework::Vite),
    is_server("express", Framework::Express),
    is_server("fastify", Framework::Fastify),
    is_server("koa", Framework::Koa),
    is_server("@hono/node-server", Framework::Hono),
    is_server("hono", Framework::Hono),
    is_server("@hapi/hapi", Framework::Node),
    is_server("polka", Framework::Node),
    is_server("elysia", Framework::Bun),
];

/// The framework of a package.
pub(super) fn find(package: &Package) -> Option<Found> {
    let mut found = FRAMEWORKS.iter().filter(|known| package.needs(known.dependency));
    let mut first = *found.next()?;
    // Development servers of tests are not what runs.
    if first.kind == Kind::Server && !package.runs_with(first.dependency) {
        return None;
    }
    if first.framework == Framework::Vite {
        // Vite beside a server that is started: the server answers, and Vite builds what it gives out.
        let starts = package.resolved("start").is_some_and(|start| {
            super::super::shell::programs(&start)
                .iter()
                .any(|program| matches!(*program, "node" | "tsx" | "bun" | "ts-node"))
        });
        if let Some(server) =
            found.find(|other| other.kind == Kind::Server && package.runs_with(other.dependency) && starts)
        {
            return Some(*server);
        }
        let builds = ["build", "dev", "start"]
            .iter()
            .any(|name| package.script(name).is_some_and(|script| script.contains("vite")));
        // Vitest brings Vite to many who do not use it, and libraries are built with it.
        if !builds || package.0.get("exports").is_some() {
            return None;
        }
        first.framework = if package.needs("react") || package.needs("@vitejs/plugin-react") {
            Framework::ViteReact
        } else if package.needs("vue") {
            Framework::ViteVue
        } else if package.needs("svelte") {
            Framework::ViteSvelte
        } else {
            Framework::Vite
        };
    }
    Some(first)
}

/// Whether a script of the package starts or builds an application of the framework.
pub(super) fn is_run(package: &Package, found: Found) -> bool {
    let program = build(found.framework).and_then(|build| build.split(' ').next()).unwrap_or("node");
    let script = |name: &str| {
        package.script(name).is_some_and(|script| script.split_whitespace().any(|word| word == program))
    };
    ["build", "start", "start:prod"].into_iter().any(script)
}

/// The text of a framework's configuration, without lines that are comments.
fn config(folder: &Folder<'_>, name: &str) -> Option<(String, String)> {
    let file = folder
        .names()
        .find(|file| file.strip_prefix(name).is_some_and(|rest| rest.starts_with(".config.")))?;
    let text = folder.text(file)?;
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    Some((folder.full(file), lines.collect::<Vec<_>>().join("\n")))
}

/// What a setting of a configuration is, where it is written out.
fn setting<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.match_indices(name).find_map(|(at, _)| {
        let rest = text[at + name.len()..].trim_start().trim_start_matches(['"', '\'']).trim_start();
        let rest = rest.strip_prefix(':')?.trim_start();
        if rest.starts_with(['"', '\'', '`']) {
            read::quoted_after(rest, "")
        } else {
            rest.split([',', '\n', '}']).next().map(str::trim)
        }
    })
}

/// What the server or the files of a framework are after a build.
pub(super) fn full_of(framework: Framework) -> Option<&'static str> {
    Some(match framework {
        Framework::Next => "next start",
        Framework::Nuxt | Framework::SolidStart => "node .output/server/index.mjs",
        Framework::Remix => "remix-serve ./build/server/index.js",
        Framework::ReactRouter => "react-router-serve ./build/server/index.js",
        Framework::Astro => "node ./dist/server/entry.mjs",
        Framework::SvelteKit => "node build",
        _ => return None,
    })
}

pub(super) fn full_app(app: &mut Application, framework: Framework) {
    app.start = full_of(framework).map(str::to_owned);
    if matches!(framework, Framework::Nuxt | Framework::SolidStart) {
        app.recipe.standalone = Some(".output".to_owned());
    }
}

/// The build of a framework, when there is no script for it.
pub(super) fn build(framework: Framework) -> Option<&'static str> {
    Some(match framework {
        Framework::Next => "next build",
        Framework::Nuxt => "nuxt build",
        Framework::Remix => "remix vite:build",
        Framework::ReactRouter => "react-router build",
        Framework::Astro => "astro build",
        Framework::SvelteKit
        | Framework::Vite
        | Framework::ViteReact
        | Framework::ViteVue
        | Framework::ViteSvelte => "vite build",
        Framework::SolidStart => "vinxi build",
        Framework::Angular => "ng build",
        Framework::CreateReactApp => "react-scripts build",
        Framework::Docusaurus => "docusaurus build",
        Framework::Rsbuild => "rsbuild build",
        Framework::Nest => "nest build",
        _ => return None,
    })
}

fn gives_files(app: &mut Application, output: &str, single_page: bool) {
    app.start = None;
    app.output = Some(output.to_owned());
    app.recipe.single_page = single_page;
    app.recipe.standalone = None;
}

/// What an application of a framework with a server is: that, or files when it is set so.
pub(super) fn full(app: &mut Application, folder: &Folder<'_>, package: &Package) {
    full_app(app, app.framework);
    match app.framework {
        Framework::Next => {
            if let Some((file, text)) = config(folder, "next") {
                match setting(&text, "output") {
                    Some("export") => {
                        app.because(file, "output is `export`: only files are left");
                        gives_files(app, setting(&text, "distDir").unwrap_or("out"), false);
                    }
                    Some("standalone") => {
                        app.because(file, "output is `standalone`: a small server is left");
                        app.recipe.standalone = Some(".next/standalone".to_owned());
                    }
                    _ => {}
                }
            }
        }
        Framework::Nuxt if package.script("build").is_some_and(|script| script.contains("generate")) => {
            app.because(folder.full("package.json"), "the build generates files");
            gives_files(app, ".output/public", true);
        }
        Framework::Remix | Framework::ReactRouter => {
            let name = if app.framework == Framework::Remix { "vite" } else { "react-router" };
            if let Some((file, text)) = config(folder, name)
                && setting(&text, "ssr") == Some("false")
            {
                app.because(file, "ssr is `false`: only files are left");
                gives_files(app, "build/client", true);
            }
        }
        Framework::Astro => {
            if package.needs("@astrojs/node") {
                app.because(folder.full("package.json"), "@astrojs/node makes it a server");
            } else {
                for other in ["@astrojs/vercel", "@astrojs/netlify", "@astrojs/cloudflare"] {
                    if package.needs(other) {
                        app.warn(WarningCode::Adapter, format!("{other} builds for another platform; use @astrojs/node for a server of your own."));
                        app.at_most(Confidence::Likely);
                    }
                }
                gives_files(app, "dist", false);
            }
        }
        Framework::SvelteKit => svelte_kit(app, folder, package),
        Framework::Angular => angular(app, folder, package),
        _ => {}
    }
}

fn svelte_kit(app: &mut Application, folder: &Folder<'_>, package: &Package) {
    let file = folder.full("package.json");
    if package.needs("@sveltejs/adapter-node") {
        app.because(file, "@sveltejs/adapter-node makes it a server");
    } else if package.needs("@sveltejs/adapter-static") {
        app.because(file, "@sveltejs/adapter-static leaves only files");
        let fallback = config(folder, "svelte").is_some_and(|(_, text)| text.contains("fallback"));
        gives_files(app, "build", fallback);
    } else {
        app.start = None;
        app.at_most(Confidence::Likely);
        let message = "The adapter of SvelteKit builds nothing that a server of your own can run; use @sveltejs/adapter-node or @sveltejs/adapter-static.";
        app.warn(WarningCode::Adapter, message);
    }
}

/// Where Angular leaves what it builds is written in `angular.json`.
fn angular(app: &mut Application, folder: &Folder<'_>, package: &Package) {
    let workspace = folder.json("angular.json").unwrap_or_default();
    let projects = read::keys(&workspace, "/projects");
    let is_application =
        |name: &&str| read::text(&workspace, &format!("/projects/{name}/projectType")) != Some("library");
    let usual = read::text(&workspace, "/defaultProject").map(str::to_owned);
    let named: Vec<&str> = projects.into_iter().filter(is_application).collect();
    if named.len() > 1 {
        let message =
            format!("angular.json has several applications ({}); the first is built.", named.join(", "));
        app.warn(WarningCode::SeveralPrograms, message);
    }
    let name = usual
        .or_else(|| named.first().map(|name| (*name).to_owned()))
        .or_else(|| app.name.clone())
        .unwrap_or_default();
    let target = format!("/projects/{name}/architect/build");
    let builder = read::text(&workspace, &format!("{target}/builder")).unwrap_or_default();
    let output = read::text(&workspace, &format!("{target}/options/outputPath"))
        .or_else(|| read::text(&workspace, &format!("{target}/options/outputPath/base")))
        .map_or_else(|| format!("dist/{name}"), str::to_owned);
    // The builder `application` keeps what browsers get apart from what a server gets.
    let apart = builder.ends_with(":application")
        || builder.is_empty() && package.major("@angular/core").is_none_or(|major| major >= 17);
    if package.needs("@angular/ssr") && apart {
        app.because(folder.full("package.json"), "@angular/ssr makes it a server");
        app.start = Some(format!("node {output}/server/server.mjs"));
    } else {
        gives_files(app, &if apart { format!("{output}/browser") } else { output }, true);
    }
}

/// Frameworks of which only files are left.
pub(super) fn files_of(framework: Framework) -> (&'static str, &'static str, bool) {
    match framework {
        Framework::Docusaurus => ("docusaurus", "build", false),
        Framework::CreateReactApp => ("", "build", true),
        Framework::Rsbuild => ("rsbuild", "dist", true),
        Framework::Vite => ("vite", "dist", false),
        _ => ("vite", "dist", true),
    }
}

pub(super) fn files(app: &mut Application, folder: &Folder<'_>) {
    let (name, usual, single_page) = files_of(app.framework);
    let set = config(folder, name).filter(|_| name == "vite").and_then(|(file, text)| {
        let output = setting(&text, "outDir")?.trim_start_matches("./").to_owned();
        (!output.is_empty() && !output.starts_with("..") && !output.contains(['(', '$']))
            .then_some((file, output))
    });
    match set {
        Some((file, output)) => {
            app.because(file, format!("outDir is `{output}`"));
            gives_files(app, &output, single_page);
        }
        None => gives_files(app, usual, single_page),
    }
}
