//! A container application: what a plan says about it, and the task that it becomes.
//!
//! The task's steps are its stages. What a stage does on a host is said elsewhere, in one script for each; here stand the
//! tables of what each is told, and in [`keys`] what may be written.

use serde_json::{Value, json};
use steadyhand_domain::Stage;

use crate::{
    ast::{ActionSpec, Common, ElevateSpec, Entries, OnFailure, ParamValue, ResourceSpec, Step, Task},
    duration::Millis,
    resource::{Given::Or, Kind, Of::Truth, Param},
    span::{Span, Spanned},
    template::Template,
    when::When,
};

mod keys;

pub(crate) use keys::{CRON, PLAIN, SECTIONS};
use keys::{GIT, IMAGE, SCAN_TIMEOUT, SENT};

/// The name of the task that the application becomes.
pub(crate) const TASK: &str = "app";

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
