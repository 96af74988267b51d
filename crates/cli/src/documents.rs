//! What `--json` writes. Every document and every event is one of these types, and their schema is published: it is in
//! `schemas/events.json`, and `steady schema events` writes it.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};
use steadyhand_api::{
    ApiError, CheckReport, ContainerLine, CronJob, CronJobs, CronRun, DeploymentDifference, Live,
    OutlineTask, PlanCheck, Preview, Problem, Question, RunDetail, ScanView, SourceView, VaultView,
    records::{Card, Deployment, LogLine, Project, RunSummary, Step},
};
use steadyhand_domain::{Facts, Preflight, StepId, Timestamp};

/// Words that tell one kind of event from another.
macro_rules! kinds {
    ($($name:ident = $word:literal;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($word)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "const": $word })
            }
        }
    )*};
}

kinds! {
    RunKind = "run";
    LineKind = "line";
    EndKind = "end";
    ProblemsKind = "problems";
    ListeningKind = "listening";
    ContainerLineKind = "container_line";
    OpenedKind = "opened";
}

/// A run and some of its steps have changed: `steady run`, `steady retry` and `steady undo`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RunEvent<'a> {
    pub(crate) kind: RunKind,
    /// The run as it is now.
    pub(crate) run: &'a RunSummary,
    /// The number of the last change before these; who knows only an older one has missed something.
    pub(crate) since: i64,
    /// The steps that changed, as they are now.
    pub(crate) steps: &'a [Step],
}

/// A line of a log: `steady run`, `steady retry`, `steady undo` and `steady logs`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LineEvent<'a> {
    pub(crate) kind: LineKind,
    /// The step.
    pub(crate) step_id: StepId,
    /// The attempt, from 1.
    pub(crate) attempt: u32,
    #[serde(flatten)]
    pub(crate) line: &'a LogLine,
}

/// The last event of `steady run`, `steady retry` and `steady undo`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EndEvent<'a> {
    pub(crate) kind: EndKind,
    /// How the command ends.
    pub(crate) exit_code: u8,
    /// The run with all its steps.
    pub(crate) run: &'a RunDetail,
    /// Why it failed, when that is known.
    pub(crate) finding: Option<Card>,
}

/// What is wrong with a plan that was to be run: `steady run`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ProblemsEvent<'a> {
    pub(crate) kind: ProblemsKind,
    /// All of it.
    pub(crate) problems: &'a [Problem],
}

/// Where the server answers: `steady serve`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Listening<'a> {
    pub(crate) kind: ListeningKind,
    /// Address and port.
    pub(crate) address: String,
    /// What a browser opens; it has the token.
    pub(crate) url: &'a str,
}

/// A line that a container has written: `steady logs --container`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ContainerLineEvent<'a> {
    pub(crate) kind: ContainerLineKind,
    /// The number of its deployment.
    pub(crate) deployment: u32,
    #[serde(flatten)]
    pub(crate) line: &'a ContainerLine,
}

/// Where an application is reached: `steady open`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Opened<'a> {
    pub(crate) kind: OpenedKind,
    /// What a browser opens.
    pub(crate) address: &'a str,
    /// Whether that is a way through this command, which ends with it.
    pub(crate) through_here: bool,
    /// How the deployment is now.
    #[serde(flatten)]
    pub(crate) live: &'a Live,
}

/// A job of an application, and what a run of it has written: `steady jobs PROJECT JOB`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ShownJob<'a> {
    /// The name of its host in the plan.
    pub(crate) host: &'a str,
    /// The job.
    pub(crate) job: &'a CronJob,
    /// The run: the last one, unless another one was asked for. None when there was none yet.
    pub(crate) run: Option<&'a CronRun>,
    /// What that has written.
    pub(crate) text: Option<&'a str>,
}

/// Why a command could not be carried out. It is the last document of any command.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Refused<'a> {
    /// Why.
    pub(crate) error: &'a ApiError,
}

/// What is to say about a plan: `steady validate`, a line for each.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Validated<'a> {
    /// Its file.
    pub(crate) plan: String,
    /// Whether it has no errors.
    pub(crate) valid: bool,
    #[serde(flatten)]
    pub(crate) check: &'a PlanCheck,
}

/// The tasks of a plan: `steady list`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TaskList<'a> {
    /// Its file.
    pub(crate) plan: String,
    /// In the order in which they run.
    pub(crate) tasks: &'a [OutlineTask],
}

/// Which task needs which: `steady graph`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Graph<'a> {
    /// The plan's file.
    pub(crate) plan: String,
    /// The tasks.
    pub(crate) nodes: Vec<Node<'a>>,
    /// What they need.
    pub(crate) edges: Vec<Edge<'a>>,
}

/// A task.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Node<'a> {
    /// Its name.
    pub(crate) task: &'a str,
    /// Its hosts, or the groups as they are written where the hosts are not known yet.
    pub(crate) hosts: &'a [String],
    /// How many steps it has on each of them.
    pub(crate) steps: usize,
    /// Its tags.
    pub(crate) tags: &'a [String],
}

/// `to` begins when `from` is done.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Edge<'a> {
    /// The task that is needed.
    pub(crate) from: &'a str,
    /// The task that needs it.
    pub(crate) to: &'a str,
}

/// The plan that was written: `steady init`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Written {
    /// Its file.
    pub(crate) plan: String,
    /// Its name.
    pub(crate) name: String,
}

/// What was taken over of an inventory: `steady import ansible`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Taken<'a> {
    /// Hosts and groups as a plan has them, unless they were written to a file.
    pub(crate) text: Option<&'a str>,
    /// That file.
    pub(crate) out: Option<String>,
    /// How many hosts.
    pub(crate) hosts: usize,
    /// How many groups.
    pub(crate) groups: usize,
    /// What was not taken over.
    pub(crate) left_out: &'a [String],
}

/// A run with the name of its project: `steady runs`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ListedRun<'a> {
    /// The project.
    pub(crate) project: &'a str,
    #[serde(flatten)]
    pub(crate) run: &'a RunSummary,
}

/// A deployment with the name of its project: `steady deployments`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ListedDeployment<'a> {
    /// The project.
    pub(crate) project: &'a str,
    #[serde(flatten)]
    pub(crate) deployment: &'a Deployment,
}

/// A deployment, and how it differs from another one: `steady deployment`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OneDeployment<'a> {
    /// The project.
    pub(crate) project: &'a str,
    /// The deployment.
    pub(crate) deployment: &'a Deployment,
    /// How it differs from the one that served before it, or from the one that was asked for.
    pub(crate) difference: &'a DeploymentDifference,
    /// What is known to be vulnerable in its image.
    pub(crate) scan: &'a ScanView,
}

/// `steady status`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Status<'a> {
    /// The projects with their last runs.
    pub(crate) projects: &'a [Project],
    /// What waits for a person.
    pub(crate) questions: &'a [Question],
}

/// A secret that was given a value: `steady secret set`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SecretWasSet<'a> {
    /// The project.
    pub(crate) project: &'a str,
    /// The secret.
    pub(crate) name: &'a str,
    /// Whether it had one before.
    pub(crate) replaced: bool,
}

/// A key whose private half is a secret: `steady secret key`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct KeyMade<'a> {
    /// The project.
    pub(crate) project: &'a str,
    /// The secret.
    pub(crate) name: &'a str,
    /// The public half, as one line of `authorized_keys`.
    pub(crate) public_key: &'a str,
    /// Whether it was made now. Otherwise the project had it already.
    pub(crate) made: bool,
}

/// A secret with its value: `steady secret get`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SecretValue<'a> {
    /// The project.
    pub(crate) project: &'a str,
    /// The secret.
    pub(crate) name: &'a str,
    /// Its value.
    pub(crate) value: &'a str,
}

/// A secret: `steady secret list`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ListedSecret<'a> {
    /// The project.
    pub(crate) project: &'a str,
    /// The secret.
    pub(crate) name: &'a str,
    /// When it was given its value.
    pub(crate) set_at: Timestamp,
}

/// A secret that is gone: `steady secret rm`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SecretRemoved<'a> {
    /// The project.
    pub(crate) project: &'a str,
    /// The secret.
    pub(crate) name: &'a str,
}

/// The JSON Schema of every line that `--json` writes, and for each command which of them.
pub(crate) fn schema() -> Value {
    let mut generator = SchemaSettings::draft07().for_serialize().into_generator();
    let mut commands = Map::new();
    let mut lines: Vec<Value> = Vec::new();
    macro_rules! writes {
        ($($command:literal: $($document:ty),+;)*) => {$(
            let documents = [$(generator.subschema_for::<$document>().to_value()),+];
            lines.extend(documents.iter().filter(|line| !lines.contains(line)).cloned().collect::<Vec<_>>());
            commands.insert($command.to_owned(), json!(documents));
        )*};
    }
    writes! {
        "run": RunEvent<'_>, LineEvent<'_>, EndEvent<'_>, ProblemsEvent<'_>;
        "run --dry-run": Preview, ProblemsEvent<'_>;
        "run --check": CheckReport, ProblemsEvent<'_>;
        "preflight": Preflight;
        "retry": RunEvent<'_>, LineEvent<'_>, EndEvent<'_>;
        "undo": RunEvent<'_>, LineEvent<'_>, EndEvent<'_>;
        "rollback": RunEvent<'_>, LineEvent<'_>, EndEvent<'_>;
        "restart": RunEvent<'_>, LineEvent<'_>, EndEvent<'_>;
        "down": RunEvent<'_>, LineEvent<'_>, EndEvent<'_>;
        "up": RunEvent<'_>, LineEvent<'_>, EndEvent<'_>;
        "deploy": RunEvent<'_>, LineEvent<'_>, EndEvent<'_>;
        "open": Opened<'_>;
        "jobs": CronJobs, ShownJob<'_>;
        "logs --container": ContainerLineEvent<'_>;
        "decide": RunSummary;
        "logs": LineEvent<'_>;
        "validate": Validated<'_>;
        "list": TaskList<'_>;
        "graph": Graph<'_>;
        "init": Written;
        "import": Taken<'_>;
        "facts": Facts;
        "detect": SourceView;
        "runs": Vec<ListedRun<'_>>;
        "deployments": Vec<ListedDeployment<'_>>;
        "deployment": OneDeployment<'_>;
        "status": Status<'_>;
        "pause": RunSummary;
        "resume": RunSummary;
        "stop": RunSummary;
        "secret set": SecretWasSet<'_>;
        "secret key": KeyMade<'_>;
        "secret get": SecretValue<'_>;
        "secret list": Vec<ListedSecret<'_>>;
        "secret rm": SecretRemoved<'_>;
        "secret rotate": VaultView;
        "serve": Listening<'_>;
        "any command that fails": Refused<'_>;
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A line that `steady --json` writes",
        "description": "Each line of standard output is one document or one event. `x-commands` says which a command writes.",
        "anyOf": lines,
        "x-commands": commands,
        "definitions": generator.take_definitions(true),
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// With `UPDATE_TYPES=1` (which `./dev types` sets) the files are written instead.
    #[test]
    fn the_published_schemas_are_those_of_this_version() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
        for (name, schema) in [("events", super::schema()), ("plan", steadyhand_api::plan_schema())] {
            let path = folder.join(format!("{name}.json"));
            let generated = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            if std::env::var_os("UPDATE_TYPES").is_some() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &generated).unwrap();
            }
            let found = fs::read_to_string(&path).unwrap_or_default();
            assert!(found == generated, "{} is out of date: run `./dev types`", path.display());
        }
    }
}
