//! A container application: what a plan says about it, and the task that it becomes.
//!
//! The task's steps are its stages. What a stage does on a host is said elsewhere, in one script for each; here stand the
//! tables of what each is told.

use serde_json::{Value, json};
use steadyhand_domain::Stage;

use crate::{
    ast::{ActionSpec, Common, ElevateSpec, Entries, OnFailure, ParamValue, ResourceSpec, Step, Task},
    duration::Millis,
    resource::{
        Given::{Always, Maybe, Or},
        Kind,
        Of::{
            Choice, Commands, Duration, Line, Lines, Map, Number, PublicLine, PublicMap, Schedule, Sent,
            Text, Truth,
        },
        Param,
    },
    span::{Span, Spanned},
    template::Template,
    when::When,
};

/// The name of the task that the application becomes.
pub(crate) const TASK: &str = "app";

const DOMAINS: Param = param("domains", Lines, Maybe, "The names that it is reached by.");

const GIT: Param = param("git", PublicLine, Maybe, "The address of a git repository.");
const BRANCH: Param =
    param("branch", Line, Maybe, "Its branch, tag or commit; otherwise its default branch.");
const FOLDER: Param = param("path", Line, Maybe, "The folder of the application in its source.");
const KEY: Param =
    param("key", Text, Maybe, "A private key that may read the repository: `${{ secrets.NAME }}`.");
const TOKEN: Param =
    param("token", Line, Maybe, "A token that may read it over HTTPS: `${{ secrets.NAME }}`.");
const HERE: Param = param(
    "folder",
    PublicLine,
    Maybe,
    "A folder of this machine, with its changes that are in no repository. What `.gitignore` and `.dockerignore` leave out stays here.",
);
const ARCHIVE: Param = param(
    "archive",
    PublicLine,
    Maybe,
    "A file of this machine: a source in a tar or zip archive, or an image as `docker save` writes it.",
);
const BUNDLE: Param = param(
    "bundle",
    PublicLine,
    Maybe,
    "A folder or an archive of this machine with files that are served as they are.",
);
/// The same where they are sent.
static SENT: [Param; 3] = [
    param(HERE.name, Sent, Maybe, HERE.about),
    param(ARCHIVE.name, Sent, Maybe, ARCHIVE.about),
    param(BUNDLE.name, Sent, Maybe, BUNDLE.about),
];
const IMAGE: Param = param("image", Line, Maybe, "An image of a registry, instead of a repository.");

const BY: Param = param(
    "by",
    Choice(&["auto", "dockerfile"]),
    Or("auto"),
    "`dockerfile` builds with the application's own; `auto` makes one where it has none.",
);
const DOCKERFILE: Param =
    param("dockerfile", Line, Maybe, "The path of its Dockerfile; otherwise `Dockerfile`.");
const TARGET: Param = param("target", Line, Maybe, "The stage of the Dockerfile that is built.");
const BUILD_ARGS: Param =
    param("args", PublicMap, Maybe, "Build arguments. They stay visible in the image: no secrets.");
const BUILD_SECRETS: Param = param(
    "secrets",
    Map,
    Maybe,
    "Values for `RUN --mount=type=secret,id=NAME`, which leave no trace in the image.",
);
const BASES: Param = param("bases", Map, Maybe, "Images to build on instead of those of public registries.");

const SERVER: Param = param(
    "server",
    Line,
    Maybe,
    "Its name, such as `ghcr.io`; otherwise the registry of the image, or Docker Hub.",
);
const USER: Param = param("user", Line, Always, "Who logs in to it.");
const PASSWORD: Param = param("password", Line, Always, "A password or token: `${{ secrets.NAME }}`.");

const PORT: Param = param(
    "port",
    Number(1, 65_535),
    Maybe,
    "The port that it listens on; otherwise the one that its image exposes, or 3000.",
);
const REPLICAS: Param = param("replicas", Number(1, 20), Or("1"), "How many containers share the traffic.");
const ENV: Param = param("env", Map, Maybe, "Variables for its containers.");
const VOLUMES: Param = param(
    "volumes",
    Map,
    Maybe,
    "Names of volumes, or folders of the host, and where they are in its containers.",
);
const READ_ONLY: Param =
    param("read_only", Truth, Or("yes"), "Whether its containers can write to volumes and /tmp only.");
const CPUS: Param = param("cpus", Line, Maybe, "How many processors each container may use, such as 1.5.");
const MEMORY: Param = param("memory", Line, Maybe, "How much memory each container may use, such as 512m.");
const HEALTH_PATH: Param =
    param("path", Line, Maybe, "A path that answers with a status from 200 to 399 once it is healthy.");
const HEALTH_TIMEOUT: Param =
    param("timeout", Duration, Or("60s"), "How long it may take to become healthy.");
const ON_NEW: Param =
    param("on_new", Commands, Maybe, "Commands in its container, before its first deployment serves.");
const ON_DEPLOY: Param =
    param("on_deploy", Commands, Maybe, "Commands in its container, before each deployment serves.");
const DRAIN: Param = param(
    "drain",
    Duration,
    Or("30s"),
    "How long the containers before it may take to end what they have begun.",
);
const KEEP: Param = param("keep", Number(1, 50), Or("5"), "How many images are kept to go back to.");

const SOURCE_MAPS: Param = param(
    "source_maps",
    Truth,
    Or("yes"),
    "Whether the source maps of its image are kept on the machine that deploys, to show stack traces in the original source.",
);
const SCAN: Param = param(
    "by",
    Choice(&["auto", "off"]),
    Or("auto"),
    "`auto` looks through the image with Trivy or Grype, whichever its host has; `off` does not.",
);
const SCAN_TIMEOUT: Param = param("timeout", Duration, Or("5m"), "How long that may take.");

const SCHEDULE: Param = param(
    "schedule",
    Schedule,
    Always,
    "When it is due by the clock of its host: five fields such as \"0 3 * * *\", or a word such as @daily.",
);
const JOB: Param =
    param("run", Commands, Always, "A command, run in a container of its own like those that serve then.");
const JOB_NAME: Param =
    param("name", Line, Maybe, "What the job is called; otherwise as the program that it runs.");

/// A job, of which there is a list.
pub(crate) const CRON: Kind = Kind {
    name: "cron",
    about: "A command that is run again and again.",
    short: None,
    params: &[SCHEDULE, JOB, JOB_NAME],
    exclusive: &[],
};

/// What stands beside the mappings.
pub(crate) const PLAIN: Kind = Kind {
    name: "app",
    about: "A container application: it is built, started beside what serves, and takes its place when it is healthy.",
    short: None,
    params: &[PORT, REPLICAS, ENV, VOLUMES, READ_ONLY, DOMAINS, DRAIN, KEEP, SOURCE_MAPS],
    exclusive: &[],
};

/// The mappings in it.
pub(crate) const SECTIONS: &[Kind] = &[
    Kind {
        name: "source",
        about: "Where the application comes from.",
        short: Some("git"),
        params: &[GIT, BRANCH, FOLDER, KEY, TOKEN, HERE, ARCHIVE, BUNDLE, IMAGE],
        exclusive: &[
            &["git", "image", "folder", "archive", "bundle"],
            &["branch", "image", "folder", "archive", "bundle"],
            &["path", "image", "bundle"],
            &["key", "token", "image", "folder", "archive", "bundle"],
        ],
    },
    Kind {
        name: "build",
        about: "How its image is built.",
        short: Some("by"),
        params: &[BY, DOCKERFILE, TARGET, BUILD_ARGS, BUILD_SECRETS, BASES],
        exclusive: &[],
    },
    Kind {
        name: "registry",
        about: "A registry that is not open to everybody, for the image and for those that it is built on. The login ends with the stage that needs it.",
        short: None,
        params: &[SERVER, USER, PASSWORD],
        exclusive: &[],
    },
    Kind {
        name: "resources",
        about: "What each of its containers may use.",
        short: None,
        params: &[CPUS, MEMORY],
        exclusive: &[],
    },
    Kind {
        name: "health",
        about: "When it is healthy; otherwise once its port is open, and its image's own check succeeds.",
        short: Some("path"),
        params: &[HEALTH_PATH, HEALTH_TIMEOUT],
        exclusive: &[],
    },
    Kind {
        name: "hooks",
        about: "Its own commands. When one fails, nothing is switched.",
        short: None,
        params: &[ON_NEW, ON_DEPLOY],
        exclusive: &[],
    },
    Kind {
        name: "scan",
        about: "Whether its image is looked through for what is known to be vulnerable, once it serves.",
        short: Some("by"),
        params: &[SCAN, SCAN_TIMEOUT],
        exclusive: &[],
    },
];

/// A stage as a step.
struct StageKind {
    stage: Stage,
    /// What is shown for it.
    title: &'static str,
    /// The name of its script.
    kind: Kind,
    /// What its script is told: mappings and keys in them.
    takes: &'static [(&'static str, &'static str)],
    /// How long it may take.
    minutes: u64,
}

const fn stage(
    stage: Stage,
    title: &'static str,
    name: &'static str,
    minutes: u64,
    takes: &'static [(&'static str, &'static str)],
) -> StageKind {
    StageKind {
        stage,
        title,
        kind: Kind { name, about: "", short: None, params: &[], exclusive: &[] },
        takes,
        minutes,
    }
}

static PREPARE: StageKind = stage(
    Stage::Prepare,
    "Prepare",
    "app_prepare",
    5,
    &[
        ("source", "git"),
        ("source", "image"),
        ("source", "folder"),
        ("source", "archive"),
        ("source", "bundle"),
        ("app", "domains"),
    ],
);
static FETCH: StageKind = stage(
    Stage::Fetch,
    "Fetch the repository",
    "app_fetch",
    30,
    &[
        ("source", "git"),
        ("source", "branch"),
        ("source", "path"),
        ("source", "key"),
        ("source", "token"),
        ("build", "dockerfile"),
    ],
);
/// The same of what this machine has.
static TAKE: StageKind = stage(
    Stage::Fetch,
    "Send the source",
    "app_take",
    180,
    &[("source", "folder"), ("source", "archive"), ("source", "bundle"), ("source", "path")],
);
static DETECT: StageKind = stage(
    Stage::Detect,
    "Detect",
    "app_detect",
    5,
    &[("source", "path"), ("build", "by"), ("build", "dockerfile"), ("build", "bases")],
);
static BUILD: StageKind = stage(
    Stage::Build,
    "Build the image",
    "app_build",
    120,
    &[
        ("source", "path"),
        ("app", "env"),
        ("build", "dockerfile"),
        ("build", "target"),
        ("build", "args"),
        ("build", "secrets"),
        ("registry", "server"),
        ("registry", "user"),
        ("registry", "password"),
    ],
);
/// How an image comes to be that is there already.
static PULL: StageKind = stage(
    Stage::Build,
    "Pull the image",
    "app_pull",
    60,
    &[("source", "image"), ("registry", "server"), ("registry", "user"), ("registry", "password")],
);
/// From the image to a release that serves.
static RELEASE: [StageKind; 5] = [
    stage(
        Stage::Start,
        "Start the containers",
        "app_start",
        10,
        &[
            ("app", "port"),
            ("app", "replicas"),
            ("app", "env"),
            ("app", "volumes"),
            ("app", "read_only"),
            ("resources", "cpus"),
            ("resources", "memory"),
        ],
    ),
    stage(
        Stage::Health,
        "Wait until they are healthy",
        "app_health",
        60,
        &[("health", "path"), ("health", "timeout")],
    ),
    stage(Stage::Hooks, "Run the hooks", "app_hooks", 60, &[("hooks", "on_new"), ("hooks", "on_deploy")]),
    stage(Stage::Switch, "Switch traffic", "app_switch", 5, &[("app", "domains"), ("health", "path")]),
    stage(
        Stage::Drain,
        "Drain and stop the old containers",
        "app_drain",
        60,
        &[("app", "drain"), ("app", "keep")],
    ),
];

/// What comes once it serves, and cannot keep it from serving.
static AFTER: [StageKind; 3] = [
    stage(
        Stage::After,
        "Set up the jobs",
        "app_cron",
        5,
        &[("cron", "name"), ("cron", "schedule"), ("cron", "run")],
    ),
    stage(Stage::After, "Keep the source maps", "app_maps", 10, &[("app", "source_maps")]),
    // It keeps to a limit of its own, which the plan says.
    stage(Stage::After, "Scan the image", "app_scan", 90, &[("scan", "by"), ("scan", "timeout")]),
];

/// A container application, as it is written.
pub(crate) struct App {
    pub(crate) on: Vec<Spanned<String>>,
    pub(crate) needs: Vec<Spanned<String>>,
    pub(crate) when: Option<When>,
    pub(crate) tags: Vec<Spanned<String>>,
    pub(crate) sudo: Option<bool>,
    pub(crate) elevate: Option<ElevateSpec>,
    /// What it says, by the mappings that it is in.
    pub(crate) says: Vec<ResourceSpec>,
    /// Where it is written.
    pub(crate) span: Span,
}

impl App {
    /// The task that it becomes.
    pub(crate) fn task(&self) -> (Spanned<String>, Task) {
        let source: &[&StageKind] = if self.given("source", IMAGE.name).is_some() {
            &[&PULL]
        } else if self.given("source", GIT.name).is_some() {
            &[&FETCH, &DETECT, &BUILD]
        } else {
            &[&TAKE, &DETECT, &BUILD]
        };
        let stages = std::iter::once(&PREPARE).chain(source.iter().copied()).chain(&RELEASE).chain(&AFTER);
        let task = Task {
            on: self.on.clone(),
            needs: self.needs.clone(),
            when: self.when.clone(),
            tags: self.tags.clone(),
            strategy: None,
            sudo: self.sudo,
            elevate: self.elevate.clone(),
            on_failure: Some(OnFailure::Fail),
            steps: stages.map(|stage| self.step(stage)).collect(),
            handlers: Entries::new(),
            health: None,
        };
        (Spanned { value: TASK.to_owned(), span: self.span }, task)
    }

    fn given(&self, section: &str, key: &str) -> Option<&(&'static Param, ParamValue)> {
        let says = self.says.iter().find(|says| says.kind.name == section)?;
        says.params.iter().find(|(param, _)| param.name == key)
    }

    fn step(&self, stage: &'static StageKind) -> Step {
        let params = stage.takes.iter().filter_map(|(section, key)| {
            let (param, value) =
                self.given(section, key).cloned().or_else(|| self.otherwise(section, key))?;
            let sent = SENT.iter().find(|sent| stage.kind.name == TAKE.kind.name && sent.name == param.name);
            Some((sent.unwrap_or(param), value))
        });
        let title = Template::literal(stage.title, self.span);
        let mut limit = Millis(stage.minutes * 60_000);
        if let ("app_scan", Some((_, ParamValue::One(timeout)))) =
            (stage.kind.name, self.given("scan", SCAN_TIMEOUT.name))
        {
            // The step outlasts what the plan allows the scanner, so that it is the scanner that is ended.
            if let Ok(Millis(own)) = Millis::parse(&timeout.written()) {
                limit = limit.max(Millis(own + 10 * 60_000));
            }
        }
        let timeout = Spanned { value: limit, span: self.span };
        // What it reports is kept, for the stages after it and for what is known of the deployment.
        let reports = matches!(stage.stage, Stage::Fetch | Stage::Build | Stage::Switch | Stage::Drain)
            || matches!(stage.kind.name, "app_maps" | "app_scan");
        let id = reports.then(|| Spanned { value: stage.kind.name.to_owned(), span: self.span });
        let on_failure = (stage.stage == Stage::After).then_some(OnFailure::Continue);
        let common =
            Common { name: Some(title), timeout: Some(timeout), id, on_failure, ..Common::default() };
        Step {
            common,
            action: ActionSpec::Resource(ResourceSpec { kind: &stage.kind, params: params.collect() }),
        }
    }

    /// What is so where the plan does not say it.
    fn otherwise(&self, section: &str, key: &str) -> Option<(&'static Param, ParamValue)> {
        let kind = if section == PLAIN.name { &PLAIN } else { section_named(section)? };
        let param = kind.param(key)?;
        let Or(otherwise) = param.given else { return None };
        let otherwise = match (param.of, otherwise) {
            (Truth, "yes") => "true",
            (Truth, _) => "false",
            (_, otherwise) => otherwise,
        };
        Some((param, ParamValue::One(Template::literal(otherwise, self.span))))
    }
}

/// The JSON Schema of `app`.
pub(crate) fn schema() -> Value {
    let mut whole = PLAIN.schema();
    let list = |about: &str| json!({ "type": "array", "items": { "type": "string" }, "description": about });
    let own = [
        (
            "cron",
            json!({ "type": "array", "items": CRON.schema(), "description": "Its jobs: commands that are run again and again." }),
        ),
        (
            "on",
            json!({
                "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "maxItems": 1 }],
                "description": "The host that it runs on.",
            }),
        ),
        ("needs", list("The tasks that come before it.")),
        ("tags", list("Words to choose it by, with `--tags` and `--skip-tags`.")),
        (
            "when",
            json!({ "type": ["string", "boolean"], "description": "A condition: when it is false, nothing is deployed." }),
        ),
        (
            "sudo",
            json!({ "type": "boolean", "description": "Whether it is carried out as root, by means of `sudo`. A deployment needs root." }),
        ),
        (
            "become",
            json!({
                "type": "object",
                "description": "As whom it is carried out, when not as the user that logs in.",
                "properties": {
                    "user": { "type": "string", "description": "The user; `root` if not said otherwise." },
                    "method": { "enum": ["sudo", "su", "doas"], "description": "By which program; `sudo` if not said otherwise." },
                    "password": { "type": "string", "description": "The password that the program asks for: `${{ secrets.NAME }}`." },
                },
                "additionalProperties": false,
            }),
        ),
    ];
    if let Some(fields) = whole.pointer_mut("/properties").and_then(Value::as_object_mut) {
        fields.extend(SECTIONS.iter().map(|section| (section.name.to_owned(), section.schema())));
        fields.extend(own.map(|(name, schema)| (name.to_owned(), schema)));
    }
    whole["required"] = json!(["on", "source"]);
    whole
}

/// The mapping of this name.
pub(crate) fn section_named(name: &str) -> Option<&'static Kind> {
    SECTIONS.iter().find(|section| section.name == name)
}

/// The stage whose script has this name.
pub(crate) fn stage_named(script: &str) -> Option<Stage> {
    let all = [&PREPARE, &FETCH, &TAKE, &DETECT, &BUILD, &PULL].into_iter().chain(&RELEASE).chain(&AFTER);
    all.into_iter().find(|stage| stage.kind.name == script).map(|stage| stage.stage)
}

const fn param(
    name: &'static str,
    of: crate::resource::Of,
    given: crate::resource::Given,
    about: &'static str,
) -> Param {
    Param { name, about, of, given }
}
