//! What was found out about a source.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Makes an enumeration whose values have a word for programs and a label for people.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $value:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$of])* #[doc = $label] $value,)*
        }

        impl $name {
            /// What people call it.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$value => $label,)*
                }
            }
        }
    };
}

words! {
    /// What an application is made with.
    Framework {
        Dockerfile = "Dockerfile",
        Compose = "Compose file",
        Next = "Next.js",
        Nuxt = "Nuxt",
        Remix = "Remix",
        ReactRouter = "React Router",
        Astro = "Astro",
        SvelteKit = "SvelteKit",
        SolidStart = "SolidStart",
        Angular = "Angular",
        ViteReact = "Vite with React",
        ViteVue = "Vite with Vue",
        ViteSvelte = "Vite with Svelte",
        Vite = "Vite",
        CreateReactApp = "Create React App",
        Docusaurus = "Docusaurus",
        Rsbuild = "Rsbuild",
        Nest = "NestJS",
        Express = "Express",
        Fastify = "Fastify",
        Koa = "Koa",
        Hono = "Hono",
        Node = "Node.js",
        Bun = "Bun",
        Deno = "Deno",
        Django = "Django",
        Flask = "Flask",
        FastApi = "FastAPI",
        Streamlit = "Streamlit",
        Python = "Python",
        Go = "Go",
        Rust = "Rust",
        Spring = "Spring Boot",
        Maven = "Java with Maven",
        Gradle = "Java with Gradle",
        Rails = "Ruby on Rails",
        Ruby = "Ruby",
        Laravel = "Laravel",
        Php = "PHP",
        Phoenix = "Phoenix",
        Elixir = "Elixir",
        Dotnet = ".NET",
        Static = "static files",
    }
}

words! {
    /// How sure it is.
    Confidence {
        Guess = "a guess",
        Likely = "likely",
        Certain = "certain",
    }
}

words! {
    /// A language, or what executes it.
    Language {
        Node = "Node.js",
        Bun = "Bun",
        Deno = "Deno",
        Python = "Python",
        Go = "Go",
        Rust = "Rust",
        Java = "Java",
        Ruby = "Ruby",
        Php = "PHP",
        Elixir = "Elixir",
        Dotnet = ".NET",
    }
}

words! {
    /// What fetches the dependencies.
    PackageTool {
        Npm = "npm",
        Pnpm = "pnpm",
        Yarn = "Yarn 1",
        YarnBerry = "Yarn",
        Bun = "bun",
        Deno = "deno",
        Pip = "pip",
        Poetry = "Poetry",
        Uv = "uv",
        Pipenv = "Pipenv",
        Pdm = "PDM",
        GoModules = "Go modules",
        Cargo = "Cargo",
        Maven = "Maven",
        Gradle = "Gradle",
        Bundler = "Bundler",
        Composer = "Composer",
        Mix = "Mix",
        NuGet = "NuGet",
    }
}

words! {
    /// Something that an application needs beside it.
    ServiceKind {
        Postgres = "PostgreSQL",
        Mysql = "MySQL",
        Redis = "Redis",
        Mongodb = "MongoDB",
        Rabbitmq = "RabbitMQ",
        Kafka = "Kafka",
        Nats = "NATS",
        Elasticsearch = "Elasticsearch",
        Memcached = "Memcached",
        Clickhouse = "ClickHouse",
        Sqlserver = "SQL Server",
        S3 = "S3 storage",
        Smtp = "SMTP server",
    }
}

words! {
    /// What a warning is about, for programs.
    WarningCode {
        Ambiguous = "ambiguous",
        NoLockFile = "no lock file",
        SeveralLockFiles = "several lock files",
        NoStart = "no start command",
        NoBuild = "no build command",
        NotAServer = "not a server",
        DevelopmentServer = "development server",
        VersionNotPinned = "version not pinned",
        OldVersion = "old version",
        LatestImage = "latest image",
        RunsAsRoot = "runs as root",
        SecretInBuild = "secret in the build",
        Unreadable = "unreadable file",
        Adapter = "adapter",
        SeveralPrograms = "several programs",
        NoPort = "no port",
    }
}

/// Something that was seen, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Evidence {
    /// The file, from the source's folder; empty when it is about several.
    pub file: String,
    /// What was seen there.
    pub seen: String,
}

/// A version of a language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct LanguageVersion {
    /// Of what.
    pub language: Language,
    /// The version that is taken, as images are tagged with it.
    pub version: String,
    /// What was asked for, as it is written; absent when the version is the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub asked: Option<String>,
    /// Where it comes from.
    pub source: String,
}

/// What fetches the dependencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DependencyManager {
    /// Which.
    pub tool: PackageTool,
    /// Its version, where the source says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub version: Option<String>,
    /// Its lock file, from the source's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub lock_file: Option<String>,
}

/// The port that an application listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Port {
    /// Which.
    pub number: u16,
    /// Where it comes from.
    pub source: String,
}

/// A path that tells whether an application is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct HealthPath {
    /// The path, from `/`.
    pub path: String,
    /// Where it comes from.
    pub source: String,
}

/// Something that an application needs beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Service {
    /// What.
    pub kind: ServiceKind,
    /// Why it is thought so.
    pub reasons: Vec<Evidence>,
}

/// An environment variable that an application reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// The file that names it.
    pub source: String,
    /// Whether its name is one that secrets have.
    pub secret: bool,
    /// Whether the build needs it: its value goes into what is built (`VITE_…`, `NEXT_PUBLIC_…`), so that a change of it needs a new
    /// build, or it is a token for fetching dependencies.
    pub at_build: bool,
}

/// Something to know before it is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Warning {
    /// What it is about.
    pub code: WarningCode,
    /// What was found, and what to do about it.
    pub message: String,
}

/// Something else that the folder could be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Alternative {
    /// What.
    pub framework: Framework,
    /// Why it could be that.
    pub reasons: Vec<Evidence>,
    /// Why it was not taken.
    pub lost: String,
}

/// What a Dockerfile needs to know beyond what people are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Recipe {
    /// The folder that is built, from the source's: the root of a workspace, else the application's own.
    pub context: String,
    /// The files that the dependencies depend on, from the context.
    pub manifests: Vec<String>,
    /// What is built or started: a Go package, a binary, a project, a Dockerfile, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub entry: Option<String>,
    /// A finished server that the build leaves, which needs nothing else: a folder, or an archive of Java.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub standalone: Option<String>,
    /// Whether a path that is no file is answered with `index.html`.
    pub single_page: bool,
    /// Whether what runs needs what is only a dependency of development.
    pub keeps_development: bool,
    /// Whether a wrapper of the build tool (`mvnw`, `gradlew`) comes with the source.
    pub wrapper: bool,
    /// Further packages that are needed: of PHP its extensions, of Python what is installed beside the dependencies.
    pub extras: Vec<String>,
}

/// An application, and how it is built and run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Application {
    /// Its folder, from the source's; `.` is the source's own.
    pub path: String,
    /// Its name, where its manifest has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
    /// What it is made with.
    pub framework: Framework,
    /// How sure that is.
    pub confidence: Confidence,
    /// Why.
    pub reasons: Vec<Evidence>,
    /// What fetches its dependencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub package_manager: Option<DependencyManager>,
    /// The version of its language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub version: Option<LanguageVersion>,
    /// The command that builds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub build: Option<String>,
    /// The command that starts it; absent for static files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub start: Option<String>,
    /// The folder of static files that it is, or that its build leaves; from its own folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub output: Option<String>,
    /// The port that it listens on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub port: Option<Port>,
    /// The path that tells whether it is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub health: Option<HealthPath>,
    /// What it needs beside it.
    pub services: Vec<Service>,
    /// The variables that it reads, by name.
    pub variables: Vec<Variable>,
    /// What to know before it is built.
    pub warnings: Vec<Warning>,
    /// What else it could be, best first.
    pub alternatives: Vec<Alternative>,
    /// What a Dockerfile needs to know.
    pub recipe: Recipe,
}

/// What was found in a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Detected {
    /// The applications: that of the source's own folder first, the others by path.
    pub applications: Vec<Application>,
    /// What holds them together (`npm workspaces`, `Cargo workspace`, …), when it is a monorepo.
    pub workspaces: Vec<Evidence>,
    /// What else is to be known: why nothing was found, what could not be read, what was left out.
    pub notes: Vec<String>,
}

impl Application {
    /// An application in this folder of which nothing more is known.
    pub(crate) fn new(path: &str, framework: Framework, confidence: Confidence) -> Self {
        Self {
            path: path.to_owned(),
            name: None,
            framework,
            confidence,
            reasons: Vec::new(),
            package_manager: None,
            version: None,
            build: None,
            start: None,
            output: None,
            port: None,
            health: None,
            services: Vec::new(),
            variables: Vec::new(),
            warnings: Vec::new(),
            alternatives: Vec::new(),
            recipe: Recipe { context: path.to_owned(), ..Recipe::default() },
        }
    }

    pub(super) fn because(&mut self, file: impl Into<String>, seen: impl Into<String>) {
        self.reasons.push(Evidence { file: file.into(), seen: seen.into() });
    }

    pub(super) fn warn(&mut self, code: WarningCode, message: impl Into<String>) {
        self.warnings.push(Warning { code, message: message.into() });
    }

    /// The port, unless one is known already.
    pub(crate) fn listens_on(&mut self, number: u16, source: impl Into<String>) {
        if self.port.is_none() {
            self.port = Some(Port { number, source: source.into() });
        }
    }

    /// At most this sure.
    pub(super) fn at_most(&mut self, confidence: Confidence) {
        self.confidence = self.confidence.min(confidence);
    }
}
