//! Reads one step.

use std::sync::LazyLock;

use super::{Field, Fields, Keys, Reader, is_environment_name, listed};
use crate::{
    ast::{
        ActionSpec, CommandProbe, Common, DownloadSpec, ElevateSpec, Entries, HttpProbe, Method, OnFailure,
        RetriesSpec, RunSpec, Shell, Step, TcpProbe, UploadSpec, WaitForSpec,
    },
    diagnostic::Code,
    duration::Millis,
    resource::{self, KINDS},
    span::{Span, Spanned},
    suggest::did_you_mean,
    template::{Root, Template},
    yaml::{Kind, Node, Scalar, ScalarType, shorten},
};

fn is_action(key: &str) -> bool {
    ACTIONS.contains(&key) || resource::Kind::named(key).is_some()
}

/// What a step can do, beside being a resource.
const ACTIONS: [&str; 4] = ["run", "upload", "download", "wait_for"];

/// The keys of a step that do not say what it does.
const OTHERS: [&str; 17] = [
    "name",
    "id",
    "when",
    "cwd",
    "env",
    "shell",
    "sudo",
    "become",
    "timeout",
    "retries",
    "creates",
    "removes",
    "unless",
    "onlyif",
    "on_failure",
    "notify",
    "undo",
];

static KNOWN: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| ACTIONS.into_iter().chain(KINDS.iter().map(|kind| kind.name)).chain(OTHERS).collect());

fn step_keys() -> Keys<'static> {
    Keys { what: "a step", known: &KNOWN, later: LATER, instead: INSTEAD }
}

const LATER: &[&str] = &[
    "template",
    "download",
    "fetch",
    "copy",
    "register",
    "secret",
    "container",
    "image",
    "needs",
    "on",
    "with",
    "uses",
];

const INSTEAD: &[(&str, &str)] = &[
    ("command", "run"),
    ("cmd", "run"),
    ("script", "run"),
    ("exec", "run"),
    ("dir", "cwd"),
    ("chdir", "cwd"),
    ("working_directory", "cwd"),
    ("working-directory", "cwd"),
    ("environment", "env"),
    ("wait", "wait_for"),
    ("waitfor", "wait_for"),
    ("only_if", "onlyif"),
    ("not_if", "unless"),
    ("if", "when"),
    ("condition", "when"),
    ("retry", "retries"),
    ("sync", "upload"),
    ("fetch", "download"),
    ("title", "name"),
    ("register", "id"),
    ("become_user", "become"),
    ("ignore_errors", "on_failure"),
    ("continue_on_error", "on_failure"),
    ("packages", "package"),
    ("apt", "package"),
    ("systemd", "service"),
    ("lineinfile", "line"),
    ("symlink", "link"),
];

const ELEVATE: Keys = Keys {
    what: "`become`",
    known: &["user", "method", "password"],
    later: &[],
    instead: &[("name", "user"), ("become_user", "user"), ("by", "method"), ("pass", "password")],
};

const UPLOAD: Keys = Keys {
    what: "`upload`",
    known: &["from", "to"],
    later: &["mode", "owner", "group", "exclude", "delete"],
    instead: &[
        ("src", "from"),
        ("source", "from"),
        ("local", "from"),
        ("dest", "to"),
        ("destination", "to"),
        ("remote", "to"),
    ],
};

const DOWNLOAD: Keys = Keys {
    what: "`download`",
    known: &["from", "to"],
    later: &["exclude", "delete"],
    instead: &[
        ("src", "from"),
        ("source", "from"),
        ("remote", "from"),
        ("dest", "to"),
        ("destination", "to"),
        ("local", "to"),
    ],
};

const WAIT_FOR: Keys = Keys {
    what: "`wait_for`",
    known: &["http", "status", "tcp", "command", "timeout", "interval"],
    later: &["body", "headers", "method", "contains", "file", "log"],
    instead: &[
        ("url", "http"),
        ("https", "http"),
        ("port", "tcp"),
        ("run", "command"),
        ("every", "interval"),
        ("code", "status"),
    ],
};

const RETRIES: Keys = Keys {
    what: "`retries`",
    known: &["times", "backoff"],
    later: &["factor", "max"],
    instead: &[
        ("count", "times"),
        ("attempts", "times"),
        ("delay", "backoff"),
        ("interval", "backoff"),
        ("wait", "backoff"),
    ],
};

impl Reader<'_> {
    /// Reads a step of the list at `list`.
    pub(super) fn step(&mut self, node: &Node, list: Span) -> Option<Step> {
        let span = if node.is_null() { list } else { node.span };
        if let Kind::Scalar(Scalar { text, .. }) = &node.kind
            && !node.is_null()
        {
            let message = format!("a step must be a mapping, but is {}", node.describe());
            let hint = match text.split_once(' ') {
                Some((word, _)) if is_action(word) => format!("put a colon after `{word}`"),
                _ => "put `run: ` before a command".to_owned(),
            };
            self.error(Code::WrongType, span, message, Some(&hint));
            return None;
        }
        // Only the first line of a step is shown for what concerns it as a whole.
        let first = match &node.kind {
            Kind::Mapping(entries) => entries.first().map_or(span, |(key, _)| key.span),
            Kind::Scalar(_) | Kind::Sequence(_) => span,
        };
        let fields = self.fields(node, "", first, &step_keys())?;
        let found: Vec<&str> =
            fields.fields.iter().map(|(key, _)| key.value.as_str()).filter(|key| is_action(key)).collect();
        let action = match found.as_slice() {
            [action] => self.action(&fields, action),
            [] => {
                // An unknown key has most likely been meant to be the action and is reported already.
                let Kind::Mapping(entries) = &node.kind else { return None };
                if entries.len() == fields.fields.len() {
                    let message = "the step has no action";
                    let hint = "say what it does, with `run`, `upload`, `download`, `wait_for`, or a resource such as `package` or `file`";
                    self.error(Code::Action, first, message, Some(hint));
                }
                return None;
            }
            [one, other, ..] => {
                let message = format!("the step has two actions, `{one}` and `{other}`");
                let hint = "make two steps of it: begin the second with `- `";
                self.error(Code::Action, fields.key_span(other), message, Some(hint));
                return None;
            }
        };
        let common = self.common(&fields);
        Some(Step { common, action: action? })
    }

    fn common(&mut self, fields: &Fields<'_>) -> Common {
        let id = fields.get("id").and_then(|field| self.text(field, "a name"));
        if let Some(id) = &id {
            self.check_name(id, "a step", is_environment_name);
        }
        Common {
            name: self.optional(fields, "name", "a text"),
            id,
            when: self.when(fields),
            creates: self.optional(fields, "creates", "a path"),
            removes: self.optional(fields, "removes", "a path"),
            unless: self.optional(fields, "unless", "a command"),
            onlyif: self.optional(fields, "onlyif", "a command"),
            sudo: fields.get("sudo").and_then(|field| self.truth(field)),
            elevate: self.elevate(fields),
            timeout: self.timeout(fields, "timeout"),
            retries: self.retries(fields),
            on_failure: self.on_failure(fields),
            notify: self.names(fields.get("notify"), true),
            undo: self.undo(fields).map(Box::new),
        }
    }

    fn action(&mut self, fields: &Fields<'_>, action: &str) -> Option<ActionSpec> {
        let what = format!("`{action}`");
        if action != "run" {
            self.refuse(fields, &["cwd", "env", "shell"], &what, "remove it; only `run` has it");
            self.refuse(fields, &["id"], &what, "remove it; only what `run` writes can be used later");
        }
        match action {
            "run" => {
                let run = fields.get("run").and_then(|field| self.template(field, "a command"));
                let shell = fields.get("shell").and_then(|field| self.shell(field));
                let (cwd, env) = (self.optional(fields, "cwd", "a path"), self.env(fields));
                Some(ActionSpec::Run(Box::new(RunSpec { run: run?, cwd, env, shell })))
            }
            "upload" => self.upload(fields).map(ActionSpec::Upload),
            "download" => self.download(fields).map(ActionSpec::Download),
            "wait_for" => {
                let hint = "put it inside: wait_for: { http: …, timeout: 60s }";
                self.refuse(fields, &["timeout"], &what, hint);
                let hint = "remove it: `wait_for` goes on trying until its own `timeout`";
                self.refuse(fields, &["retries"], &what, hint);
                self.refuse(fields, &["notify"], &what, "remove it: `wait_for` changes nothing");
                let key = fields.key_span("wait_for");
                fields.get("wait_for").and_then(|field| self.wait_for(field, key)).map(ActionSpec::WaitFor)
            }
            _ => {
                let kind = resource::Kind::named(action)?;
                let key = fields.key_span(action);
                fields
                    .get(kind.name)
                    .and_then(|field| self.resource(kind, field, key))
                    .map(ActionSpec::Resource)
            }
        }
    }

    fn upload(&mut self, fields: &Fields<'_>) -> Option<UploadSpec> {
        let field = fields.get("upload")?;
        if matches!(field.node.kind, Kind::Scalar(_) | Kind::Sequence(_)) {
            self.wrong_type(field, "a mapping", Some("write upload: { from: dist/, to: /opt/shop/ }"));
            return None;
        }
        let inner = self.fields(field.node, "upload", fields.key_span("upload"), &UPLOAD)?;
        let from = self.required(&inner, "from", "a path on this machine");
        let to = self.required(&inner, "to", "a path on the host");
        Some(UploadSpec { from: from?, to: to? })
    }

    fn download(&mut self, fields: &Fields<'_>) -> Option<DownloadSpec> {
        let field = fields.get("download")?;
        if matches!(field.node.kind, Kind::Scalar(_) | Kind::Sequence(_)) {
            self.wrong_type(field, "a mapping", Some("write download: { from: /var/log/shop/, to: logs/ }"));
            return None;
        }
        let inner = self.fields(field.node, "download", fields.key_span("download"), &DOWNLOAD)?;
        let from = self.required(&inner, "from", "a path on the host");
        let to = self.required(&inner, "to", "a path on this machine");
        Some(DownloadSpec { from: from?, to: to? })
    }

    pub(super) fn elevate(&mut self, fields: &Fields<'_>) -> Option<ElevateSpec> {
        let field = fields.get("become")?;
        if matches!(field.node.kind, Kind::Scalar(_) | Kind::Sequence(_)) {
            let hint = "write become: { user: postgres }, or sudo: true for root";
            self.wrong_type(field, "a mapping", Some(hint));
            return None;
        }
        let inner = self.fields(field.node, "become", fields.key_span("become"), &ELEVATE)?;
        let method = inner.get("method").and_then(|field| {
            self.word(field, &[("sudo", Method::Sudo), ("su", Method::Su), ("doas", Method::Doas)])
        });
        let user = self.optional(&inner, "user", "the name of a user");
        let password = self.optional(&inner, "password", "a secret");
        if let Some(password) = &password
            && !password.expressions().any(|expression| expression.root == Root::Secrets)
        {
            let message = "a password must not stand in a plan";
            let hint = "list it in `secrets`, and write password: ${{ secrets.NAME }}";
            self.error(Code::InvalidValue, password.span, message, Some(hint));
        }
        Some(ElevateSpec { user, method, password })
    }

    pub(super) fn on_failure(&mut self, fields: &Fields<'_>) -> Option<OnFailure> {
        let words = [("fail", OnFailure::Fail), ("hold", OnFailure::Hold), ("continue", OnFailure::Continue)];
        fields.get("on_failure").and_then(|field| self.word(field, &words))
    }

    /// One of some words.
    fn word<T: Copy>(&mut self, field: Field<'_>, words: &[(&'static str, T)]) -> Option<T> {
        let names = || words.iter().map(|(word, _)| *word);
        let text = self.text(field, &format!("one of {}", listed(names())))?;
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
        if found.is_none() {
            let message = format!("`{}` cannot be `{}`", field.name, shorten(&text.value));
            let hint = match did_you_mean(&text.value, names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("it is one of {}", listed(names())),
            };
            self.error(Code::InvalidValue, field.span, message, Some(&hint));
        }
        found
    }

    /// What takes a step back: a command or a step.
    fn undo(&mut self, fields: &Fields<'_>) -> Option<Step> {
        let field = fields.get("undo")?;
        if matches!(field.node.kind, Kind::Mapping(_)) {
            let step = self.step(field.node, field.span)?;
            for (is_there, key) in [
                (step.common.undo.is_some(), "undo"),
                (!step.common.notify.is_empty(), "notify"),
                (step.common.id.is_some(), "id"),
            ] {
                if is_there {
                    let message = format!("what undoes a step has no `{key}`");
                    self.error(Code::UnknownKey, field.span, message, Some("remove it"));
                }
            }
            return Some(step);
        }
        let run = self.template(field, "a command or a step")?;
        let run = RunSpec { run, cwd: None, env: Vec::new(), shell: None };
        Some(Step { common: Common::default(), action: ActionSpec::Run(Box::new(run)) })
    }

    pub(super) fn wait_for(&mut self, field: Field<'_>, key: Span) -> Option<WaitForSpec> {
        const HINT: &str = "write wait_for: { http: \"http://127.0.0.1:8080/\" }, { tcp: \"127.0.0.1:5432\" } or { command: … }";
        if matches!(field.node.kind, Kind::Scalar(_) | Kind::Sequence(_)) {
            self.wrong_type(field, "a mapping", Some(HINT));
            return None;
        }
        let fields = self.fields(field.node, "wait_for", key, &WAIT_FOR)?;
        let found: Vec<&str> =
            ["http", "tcp", "command"].into_iter().filter(|probe| fields.has(probe)).collect();
        let timeout = self.timeout(&fields, "timeout");
        let interval = self.timeout(&fields, "interval");
        if found.as_slice() != ["http"] {
            self.refuse(
                &fields,
                &["status"],
                "`wait_for` without `http`",
                "remove it; only `http` has a status",
            );
        }
        match found.as_slice() {
            ["http"] => {
                let status = fields.get("status").and_then(|field| self.whole_number(field, 100, 599));
                let status = status.and_then(|status| u16::try_from(status).ok());
                let http = self.required(&fields, "http", "a URL")?;
                Some(WaitForSpec::Http(HttpProbe { http, status, timeout, interval }))
            }
            ["tcp"] => {
                let field = fields.get("tcp")?;
                let tcp = self.tcp(field)?;
                Some(WaitForSpec::Tcp(TcpProbe { tcp, timeout, interval }))
            }
            [_] => {
                let command = self.required(&fields, "command", "a command")?;
                Some(WaitForSpec::Command(CommandProbe { command, timeout, interval }))
            }
            [] if ["http", "tcp", "command"].iter().any(|probe| fields.meant.contains(probe)) => None,
            [] => {
                self.error(Code::Action, key, "`wait_for` does not say what to wait for", Some(HINT));
                None
            }
            [one, other, ..] => {
                let message = format!("`wait_for` waits for one thing, but has both `{one}` and `{other}`");
                self.error(Code::Action, fields.key_span(other), message, Some("make two steps of it"));
                None
            }
        }
    }

    /// `address:port`. A port alone is a number to YAML; it is read as a text, so that the message is about the address.
    fn tcp(&mut self, field: Field<'_>) -> Option<Template> {
        match &field.node.kind {
            Kind::Scalar(scalar) if scalar.scalar_type() == ScalarType::Number => {
                Some(Template::parse(&scalar.text, field.node.span, self.source, &mut self.problems))
            }
            _ => self.template(field, "an address with a port"),
        }
    }

    fn required(&mut self, fields: &Fields<'_>, key: &'static str, expected: &str) -> Option<Template> {
        match fields.get(key) {
            Some(field) => self.template(field, expected),
            None => {
                self.missing(fields, key, &format!("add `{key}:` with {expected}"));
                None
            }
        }
    }

    fn optional(&mut self, fields: &Fields<'_>, key: &'static str, expected: &str) -> Option<Template> {
        fields.get(key).and_then(|field| self.template(field, expected))
    }

    fn timeout(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<Spanned<Millis>> {
        fields.get(key).and_then(|field| self.duration(field, Millis(1)))
    }

    /// Reports keys that steps have, but not this kind of step.
    fn refuse(&mut self, fields: &Fields<'_>, keys: &[&'static str], what: &str, hint: &str) {
        for key in keys.iter().filter(|key| fields.has(key)) {
            let message = format!("{what} has no `{key}`");
            self.error(Code::UnknownKey, fields.key_span(key), message, Some(hint));
        }
    }

    fn shell(&mut self, field: Field<'_>) -> Option<Shell> {
        let text = self.text(field, "`login`")?;
        if text.value == "login" {
            return Some(Shell::Login);
        }
        let message = format!("`shell` must be `login`, but is `{}`", crate::yaml::shorten(&text.value));
        let hint =
            "commands run in /bin/sh; for another one, write its name in the command: run: bash script.sh";
        self.error(Code::InvalidValue, field.span, message, Some(hint));
        None
    }

    fn retries(&mut self, fields: &Fields<'_>) -> Option<RetriesSpec> {
        const HINT: &str = "write retries: { times: 3, backoff: 1s }";
        let field = fields.get("retries")?;
        if matches!(field.node.kind, Kind::Scalar(_) | Kind::Sequence(_)) {
            self.wrong_type(field, "a mapping", Some(HINT));
            return None;
        }
        let inner = self.fields(field.node, "retries", fields.key_span("retries"), &RETRIES)?;
        let Some(times) = inner.get("times") else {
            self.missing(&inner, "times", HINT);
            return None;
        };
        let times = self.whole_number(times, 0, 100);
        let backoff = inner.get("backoff").and_then(|field| self.duration(field, Millis(0)));
        Some(RetriesSpec { times: times?, backoff })
    }

    fn env(&mut self, fields: &Fields<'_>) -> Entries<Template> {
        let entries = self.named(fields.get("env"), "an environment variable", is_environment_name);
        entries
            .into_iter()
            .filter_map(|(name, node)| Some((name.clone(), self.value(&name, node)?)))
            .collect()
    }
}
