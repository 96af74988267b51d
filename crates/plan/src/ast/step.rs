//! A step as it is written.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json, json};

use super::{Entries, OneOrMany, Value};
use crate::{
    duration::Millis,
    resource::{KINDS, Kind, Param},
    span::Spanned,
    template::Template,
    when::When,
};

/// One action on one host.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) common: Common,
    pub(crate) action: ActionSpec,
}

/// What a step may have, whatever it does.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Common {
    /// What is shown for the step; otherwise it is made from what it does.
    pub(crate) name: Option<Template>,
    /// A name by which later steps use what the step has written: `${{ steps.ID.stdout }}`.
    #[schemars(with = "Option<String>")]
    pub(crate) id: Option<Spanned<String>>,
    /// A condition, such as `facts.os_family == "debian"`: when it is false, the step is skipped.
    pub(crate) when: Option<When>,
    /// A path on the host: when it exists, the step is skipped.
    pub(crate) creates: Option<Template>,
    /// A path on the host: when it does not exist, the step is skipped.
    pub(crate) removes: Option<Template>,
    /// A command: when it succeeds, the step is skipped.
    pub(crate) unless: Option<Template>,
    /// A command: when it does not succeed, the step is skipped.
    pub(crate) onlyif: Option<Template>,
    /// Whether it is carried out as root, by means of `sudo`.
    pub(crate) sudo: Option<bool>,
    /// As whom it is carried out, when not as the user that logs in.
    #[schemars(rename = "become")]
    pub(crate) elevate: Option<ElevateSpec>,
    /// How long one attempt may take, such as `5m`.
    pub(crate) timeout: Option<Spanned<Millis>>,
    /// How often to try again after it failed.
    pub(crate) retries: Option<RetriesSpec>,
    /// What happens when it fails: `fail` if not said otherwise.
    pub(crate) on_failure: Option<OnFailure>,
    /// The handlers of its task that come at the end when it has changed something.
    #[schemars(default, with = "Option<OneOrMany>")]
    pub(crate) notify: Vec<Spanned<String>>,
    /// What takes back what it did: a command or a step. It is run when somebody undoes the run.
    #[schemars(with = "Option<Undo>")]
    pub(crate) undo: Option<Box<Step>>,
}

/// What happens when a step fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum OnFailure {
    /// The task has failed on its host.
    Fail,
    /// It waits there until a person decides: try it again, go on without it, or let it fail.
    Hold,
    /// The task goes on as if it had not failed.
    Continue,
}

/// As whom a step is carried out.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct ElevateSpec {
    /// The user; `root` if not said otherwise.
    pub(crate) user: Option<Template>,
    /// By which program; `sudo` if not said otherwise.
    pub(crate) method: Option<Method>,
    /// The password that the program asks for: `${{ secrets.NAME }}`.
    pub(crate) password: Option<Template>,
}

/// A program that runs commands as another user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum Method {
    /// sudo
    Sudo,
    /// su
    Su,
    /// doas
    Doas,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(crate) enum ActionSpec {
    /// Runs a command.
    Run(Box<RunSpec>),
    /// Copies a file or a folder to the host.
    Upload(UploadSpec),
    /// Copies a file or a folder from the host.
    Download(DownloadSpec),
    /// Waits until something answers.
    WaitFor(WaitForSpec),
    /// Makes something be as it should be.
    Resource(ResourceSpec),
}

/// A command.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct RunSpec {
    /// The command, or several lines of them, for `/bin/sh`. The step fails when it ends with a status other than 0,
    /// which is the status of its last command unless it begins with `set -e`.
    pub(crate) run: Template,
    /// The folder to run it in; otherwise the home of the user, and on `local` the folder of the project.
    pub(crate) cwd: Option<Template>,
    /// Variables for its environment.
    #[schemars(default, with = "BTreeMap<String, Value>")]
    pub(crate) env: Entries<Template>,
    /// `login` runs it in a login shell, which reads the user's profile first.
    pub(crate) shell: Option<Shell>,
}

/// What should be on a host.
#[derive(Clone, Debug)]
pub(crate) struct ResourceSpec {
    /// Which kind of thing that is.
    pub(crate) kind: &'static Kind,
    /// What is said about it, in the order of the kind's table.
    pub(crate) params: Vec<(&'static Param, ParamValue)>,
}

/// The value of a parameter, before anything is put in.
#[derive(Clone, Debug)]
pub(crate) enum ParamValue {
    /// One text, number or truth value, as it is written.
    One(Template),
    /// Several.
    Many(Vec<Template>),
    /// Names with values.
    Map(Entries<Template>),
}

/// The shape of `undo`, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it only gives the schema its shape")]
enum Undo {
    /// A command.
    Command(String),
    /// A step.
    Step(Box<Step>),
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    /// One schema for each action: its own key, with what all steps may have.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let common = properties(&Common::json_schema(generator));
        let with = |about: &str, action: &str, own: Map<String, Json>, without: &[&str]| {
            let mut all = own;
            all.extend(common.clone().into_iter().filter(|(key, _)| !without.contains(&key.as_str())));
            json_schema!({
                "description": about,
                "type": "object",
                "properties": all,
                "required": [action],
                "additionalProperties": false,
            })
            .to_value()
        };
        let run = properties(&RunSpec::json_schema(generator));
        let own = |key: &str, about: &str, schema: Schema| {
            let schema = json!({ "description": about, "allOf": [schema.to_value()] });
            Map::from_iter([(key.to_owned(), schema)])
        };
        let upload = own("upload", "What to copy, and where to.", generator.subschema_for::<UploadSpec>());
        let download = own(
            "download",
            "What to copy, and where to on this machine.",
            generator.subschema_for::<DownloadSpec>(),
        );
        let probe = own("wait_for", "What to wait for.", generator.subschema_for::<WaitForSpec>());
        let mut choices = vec![
            with("Runs a command.", "run", run, &[]),
            with("Copies a file or a folder to the host.", "upload", upload, &["id"]),
            with("Copies a file or a folder from the host.", "download", download, &["id"]),
            with(
                "Waits until something answers.",
                "wait_for",
                probe,
                &["timeout", "retries", "notify", "id"],
            ),
        ];
        for kind in KINDS {
            let own = Map::from_iter([(kind.name.to_owned(), kind.schema())]);
            choices.push(with(kind.about, kind.name, own, &["id"]));
        }
        json_schema!({ "description": "One action on one host.", "anyOf": choices })
    }
}

fn properties(schema: &Schema) -> Map<String, Json> {
    schema.get("properties").and_then(Json::as_object).cloned().unwrap_or_default()
}

/// What to copy, and where to.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct UploadSpec {
    /// A path on this machine. A folder that ends in `/` means what is in it.
    pub(crate) from: Template,
    /// A path on the host.
    pub(crate) to: Template,
}

/// What to fetch, and where to.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct DownloadSpec {
    /// A path on the host. A folder that ends in `/` means what is in it.
    pub(crate) from: Template,
    /// A path on this machine.
    pub(crate) to: Template,
}

/// How often to try again.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct RetriesSpec {
    /// How many attempts may follow the first one.
    #[schemars(with = "u8", range(min = 0, max = 100))]
    pub(crate) times: u32,
    /// The pause before the first of them, 1s if not said otherwise.
    pub(crate) backoff: Option<Spanned<Millis>>,
}

/// What to wait for: an answer over HTTP, an open TCP port, or a command that succeeds.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum WaitForSpec {
    /// An answer over HTTP.
    Http(HttpProbe),
    /// An open TCP port.
    Tcp(TcpProbe),
    /// A command that succeeds.
    Command(CommandProbe),
}

/// Waits for an answer over HTTP.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct HttpProbe {
    /// The URL to get, as the host reaches it.
    pub(crate) http: Template,
    /// The status that is waited for, 200 if not said otherwise.
    #[schemars(range(min = 100, max = 599))]
    pub(crate) status: Option<u16>,
    /// How long to go on, 60s if not said otherwise.
    pub(crate) timeout: Option<Spanned<Millis>>,
    /// The pause between two attempts, 1s if not said otherwise.
    pub(crate) interval: Option<Spanned<Millis>>,
}

/// Waits for an open TCP port.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct TcpProbe {
    /// `address:port`, as the host reaches it.
    pub(crate) tcp: Template,
    /// How long to go on, 60s if not said otherwise.
    pub(crate) timeout: Option<Spanned<Millis>>,
    /// The pause between two attempts, 1s if not said otherwise.
    pub(crate) interval: Option<Spanned<Millis>>,
}

/// Waits for a command that succeeds.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct CommandProbe {
    /// The command, run again and again on the host.
    pub(crate) command: Template,
    /// How long to go on, 60s if not said otherwise.
    pub(crate) timeout: Option<Spanned<Millis>>,
    /// The pause between two attempts, 1s if not said otherwise.
    pub(crate) interval: Option<Spanned<Millis>>,
}

/// How a command is run, when not simply by `/bin/sh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum Shell {
    /// By a login shell.
    Login,
}
