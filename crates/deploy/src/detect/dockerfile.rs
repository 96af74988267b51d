//! Dockerfiles for applications that have none.
//!
//! What all of them have: the dependencies are a layer of their own, made of the manifests alone, with the package manager's cache kept
//! by BuildKit; the last stage has only what runs; it runs as a user without rights; and the program is started as a list of words, so
//! that it gets the signals that end it. No value is taken as a build argument: arguments stay in the image's history.
//! No `# syntax` line is written, since it would have BuildKit fetch a frontend first.
//!
//! Where manifests alone are not enough (workspaces of Cargo and Go, modules of Maven, packages that lie in the source, hooks of an
//! installation), all of the source comes first, and only the caches are left to make a second build faster.

mod compiled;
mod ignore;
mod node;
mod others;
mod python;
mod statics;

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Application, Framework, Language, shell};

/// The user that runs in the last stage. A number needs no entry in the base's list of users.
pub(super) const USER: &str = "1000:1000";

/// The build secret with the variables that a build needs: lines of `NAME='value'`, as a shell reads them. BuildKit does not
/// notice that a secret has changed: whoever gives another value has the stage `build` built anew.
pub const VARIABLES: &str = "build_variables";

/// A Dockerfile, and what is kept away from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Dockerfile {
    /// The folder that is built, from the source's.
    pub context: String,
    /// The text of the Dockerfile.
    pub text: String,
    /// The text of the `.dockerignore` beside it.
    pub ignore: String,
}

/// What serves static files in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaticServer {
    /// Caddy: compression, `index.html` for paths of a single page, the page `404.html`.
    Caddy,
    /// The `httpd` of busybox, which has none of that.
    Busybox,
}

/// The images that are built on. `{version}` stands for the version of the language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bases {
    /// Node.
    pub node: String,
    /// Bun.
    pub bun: String,
    /// Deno.
    pub deno: String,
    /// Python, to build and to run.
    pub python: String,
    /// Go, to build.
    pub go: String,
    /// What a program of Go runs on: nothing but certificates and time zones.
    pub go_run: String,
    /// Rust, to build.
    pub rust: String,
    /// What a program of Rust runs on: a C library of the same age as the builder's.
    pub rust_run: String,
    /// Maven with a JDK.
    pub maven: String,
    /// Gradle with a JDK.
    pub gradle: String,
    /// A Java runtime.
    pub java_run: String,
    /// Ruby.
    pub ruby: String,
    /// PHP with Apache.
    pub php: String,
    /// Composer.
    pub composer: String,
    /// Elixir.
    pub elixir: String,
    /// .NET with its SDK.
    pub dotnet: String,
    /// The runtime of ASP.NET.
    pub dotnet_run: String,
    /// What static files are served from.
    pub files: String,
    /// What serves them there.
    pub files_server: StaticServer,
}

impl Default for Bases {
    fn default() -> Self {
        let image = str::to_owned;
        Self {
            node: image("node:{version}-slim"),
            bun: image("oven/bun:{version}-slim"),
            deno: image("denoland/deno:{version}"),
            python: image("python:{version}-slim"),
            go: image("golang:{version}"),
            go_run: image("gcr.io/distroless/static-debian12:nonroot"),
            rust: image("rust:{version}-slim-bookworm"),
            rust_run: image("debian:bookworm-slim"),
            maven: image("maven:3.9-eclipse-temurin-{version}"),
            gradle: image("gradle:8-jdk{version}"),
            java_run: image("eclipse-temurin:{version}-jre"),
            ruby: image("ruby:{version}-slim"),
            php: image("php:{version}-apache"),
            composer: image("composer:2"),
            elixir: image("elixir:{version}-slim"),
            dotnet: image("mcr.microsoft.com/dotnet/sdk:{version}"),
            dotnet_run: image("mcr.microsoft.com/dotnet/aspnet:{version}"),
            files: image("caddy:2-alpine"),
            files_server: StaticServer::Caddy,
        }
    }
}

/// The Dockerfile of an application; `None` when it has one, when it is a compose file, or when it is not known how it is
/// started.
#[must_use]
pub fn dockerfile(app: &Application, bases: &Bases) -> Option<Dockerfile> {
    if matches!(app.framework, Framework::Dockerfile | Framework::Compose) || !is_plain(app) {
        return None;
    }
    if app.framework != Framework::Static && app.start.is_none() && app.output.is_none() {
        return None;
    }
    let language = app.version.as_ref().map(|version| version.language);
    let mut text = Text::default();
    match language {
        None => statics::as_they_are(&mut text, app, bases),
        Some(Language::Node | Language::Bun) => node::node(&mut text, app, bases),
        Some(Language::Python) => python::python(&mut text, app, bases),
        Some(Language::Go) => compiled::go(&mut text, app, bases),
        Some(Language::Rust) => compiled::rust(&mut text, app, bases),
        Some(Language::Java) => compiled::java(&mut text, app, bases),
        Some(Language::Dotnet) => compiled::dotnet(&mut text, app, bases),
        Some(Language::Ruby) => others::ruby(&mut text, app, bases),
        Some(Language::Php) => others::php(&mut text, app, bases),
        Some(Language::Elixir) => others::elixir(&mut text, app, bases),
        Some(Language::Deno) => others::deno(&mut text, app, bases),
    }
    Some(Dockerfile { context: app.recipe.context.clone(), text: text.0, ignore: ignore::ignore(app) })
}

/// Whether everything that becomes a line of the Dockerfile is one line: a manifest is not to add instructions.
fn is_plain(app: &Application) -> bool {
    let recipe = &app.recipe;
    let texts = [&app.build, &app.start, &app.output, &recipe.entry, &recipe.standalone, &app.name];
    let version = app.version.as_ref().map(|version| &version.version);
    let manager = app.package_manager.as_ref().and_then(|manager| manager.version.as_ref());
    let mut all = texts
        .into_iter()
        .filter_map(Option::as_ref)
        .chain(version)
        .chain(manager)
        .chain(&recipe.manifests)
        .chain(&recipe.extras)
        .chain([&app.path, &recipe.context]);
    let safe = |text: &String| !text.chars().any(char::is_control) && !text.ends_with('\\');
    let words = |text: &String| text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_+".contains(c));
    all.all(safe) && version.into_iter().chain(manager).chain(&recipe.extras).all(words)
}

/// The lines of a Dockerfile.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        self.0.push_str(line.as_ref());
        self.0.push('\n');
    }

    /// A comment, with an empty line before it.
    pub(super) fn say(&mut self, comment: &str) {
        self.0.push('\n');
        self.line(format!("# {comment}"));
    }

    pub(super) fn from(&mut self, image: &str, stage: Option<&str>) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        match stage {
            Some(stage) => self.line(format!("FROM {image} AS {stage}")),
            None => self.line(format!("FROM {image}")),
        }
    }

    /// A command, with folders that BuildKit keeps between builds.
    pub(super) fn run(&mut self, caches: &[&str], command: &str) {
        let mut line = String::from("RUN");
        for cache in caches {
            let _ = write!(line, " --mount=type=cache,target={cache},sharing=locked");
        }
        self.line(format!("{line} {command}"));
    }

    /// Copies files, those of a folder at once.
    pub(super) fn copy(&mut self, files: &[String]) {
        let mut folders: Vec<(&str, Vec<&str>)> = Vec::new();
        for file in files {
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            match folders.iter_mut().find(|(known, _)| *known == folder) {
                Some((_, names)) => names.push(file),
                None => folders.push((folder, vec![file])),
            }
        }
        for (folder, names) in folders {
            let words: Vec<String> = names
                .iter()
                .map(|name| (*name).to_owned())
                .chain([format!("./{folder}{}", if folder.is_empty() { "" } else { "/" })])
                .collect();
            // A list takes names with spaces.
            if words.iter().any(|word| word.contains([' ', '"', '$'])) {
                self.line(format!("COPY {}", list(&words)));
            } else {
                self.line(format!("COPY {}", words.join(" ")));
            }
        }
    }

    /// The port and the user, and what is started.
    pub(super) fn ends(&mut self, app: &Application, user: Option<&str>) {
        if let Some(port) = &app.port {
            self.line(format!("ENV PORT={}", port.number));
            self.line(format!("EXPOSE {}", port.number));
        }
        if let Some(user) = user {
            self.line(format!("USER {user}"));
        }
        if let Some(start) = &app.start {
            self.line(format!("CMD {}", list(&shell::exec_form(start))));
        }
    }
}

/// A command of a build that needs variables: they come as the build secret [`VARIABLES`], which is a file that is there only while the
/// command runs, and in no layer and no history. Without that secret the command runs without them.
pub(super) fn with_variables(app: &Application, command: &str) -> String {
    if !app.variables.iter().any(|variable| variable.at_build) {
        return command.to_owned();
    }
    format!(
        "--mount=type=secret,id={VARIABLES} if [ -f /run/secrets/{VARIABLES} ]; then set -a && . /run/secrets/{VARIABLES} && set +a; fi && {command}"
    )
}

/// A list as Dockerfiles have it, which is JSON.
pub(super) fn list(words: &[String]) -> String {
    let quoted: Vec<String> =
        words.iter().map(|word| serde_json::Value::from(word.as_str()).to_string()).collect();
    format!("[{}]", quoted.join(", "))
}

/// An image for the version of the application's language.
pub(super) fn base(image: &str, app: &Application) -> String {
    image.replace("{version}", app.version.as_ref().map_or("latest", |version| &version.version))
}
