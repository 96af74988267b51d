//! Reads one step.

use super::{Field, Fields, Keys, Reader, is_environment_name};
use crate::{
    ast::{
        CommandProbe, Entries, HttpProbe, RetriesSpec, RunStep, Shell, Step, TcpProbe, UploadSpec,
        UploadStep, WaitForSpec, WaitForStep,
    },
    diagnostic::Code,
    duration::Millis,
    span::{Span, Spanned},
    template::Template,
    yaml::{Kind, Node, Scalar, ScalarType},
};

const ACTIONS: [&str; 3] = ["run", "upload", "wait_for"];

const STEP: Keys = Keys {
    what: "a step",
    known: &[
        "name", "run", "upload", "wait_for", "cwd", "env", "shell", "timeout", "retries", "creates",
        "unless", "onlyif", "when",
    ],
    later: &[
        "package",
        "directory",
        "service",
        "file",
        "template",
        "user",
        "cron",
        "git",
        "notify",
        "id",
        "become",
        "sudo",
        "download",
        "fetch",
        "link",
        "copy",
        "register",
        "ignore_errors",
        "continue_on_error",
        "secret",
        "container",
        "image",
        "needs",
        "on",
        "with",
        "uses",
        "removes",
    ],
    instead: &[
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
        ("title", "name"),
    ],
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
                Some((word, _)) if ACTIONS.contains(&word) => format!("put a colon after `{word}`"),
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
        let fields = self.fields(node, "", first, &STEP)?;
        let found: Vec<&str> = ACTIONS.into_iter().filter(|action| fields.has(action)).collect();
        match found.as_slice() {
            ["run"] => self.run_step(&fields).map(|step| Step::Run(Box::new(step))),
            ["upload"] => self.upload_step(&fields).map(|step| Step::Upload(Box::new(step))),
            [_] => self.wait_for_step(&fields).map(|step| Step::WaitFor(Box::new(step))),
            [] => {
                // An unknown key has most likely been meant to be the action and is reported already.
                let Kind::Mapping(entries) = &node.kind else { return None };
                if entries.len() == fields.fields.len() {
                    let message = "the step has no action";
                    self.error(
                        Code::Action,
                        first,
                        message,
                        Some("add one of `run`, `upload` and `wait_for`"),
                    );
                }
                None
            }
            [one, other, ..] => {
                let message = format!("the step has two actions, `{one}` and `{other}`");
                let hint = "make two steps of it: begin the second with `- `";
                self.error(Code::Action, fields.key_span(other), message, Some(hint));
                None
            }
        }
    }

    fn run_step(&mut self, fields: &Fields<'_>) -> Option<RunStep> {
        let run = fields.get("run").and_then(|field| self.template(field, "a command"));
        let shell = fields.get("shell").and_then(|field| self.shell(field));
        let step = RunStep {
            name: self.step_name(fields),
            run: run.clone().unwrap_or_default(),
            cwd: self.optional(fields, "cwd", "a path"),
            env: self.env(fields),
            shell,
            timeout: self.timeout(fields, "timeout"),
            retries: self.retries(fields),
            creates: self.optional(fields, "creates", "a path"),
            unless: self.optional(fields, "unless", "a command"),
            onlyif: self.optional(fields, "onlyif", "a command"),
            when: self.when(fields),
        };
        run.map(|_| step)
    }

    fn upload_step(&mut self, fields: &Fields<'_>) -> Option<UploadStep> {
        self.refuse(fields, &["cwd", "env", "shell"], "`upload`", "remove it; only `run` has it");
        let upload = fields.get("upload").and_then(|field| {
            if matches!(field.node.kind, Kind::Scalar(_) | Kind::Sequence(_)) {
                self.wrong_type(field, "a mapping", Some("write upload: { from: dist/, to: /opt/shop/ }"));
                return None;
            }
            let inner = self.fields(field.node, "upload", fields.key_span("upload"), &UPLOAD)?;
            let from = self.required(&inner, "from", "a path on this machine");
            let to = self.required(&inner, "to", "a path on the host");
            Some(UploadSpec { from: from?, to: to? })
        });
        let name = self.step_name(fields);
        let timeout = self.timeout(fields, "timeout");
        let retries = self.retries(fields);
        let creates = self.optional(fields, "creates", "a path");
        let unless = self.optional(fields, "unless", "a command");
        let onlyif = self.optional(fields, "onlyif", "a command");
        let when = self.when(fields);
        Some(UploadStep { name, upload: upload?, timeout, retries, creates, unless, onlyif, when })
    }

    fn wait_for_step(&mut self, fields: &Fields<'_>) -> Option<WaitForStep> {
        self.refuse(fields, &["cwd", "env", "shell"], "`wait_for`", "remove it; only `run` has it");
        let hint = "put it inside: wait_for: { http: …, timeout: 60s }";
        self.refuse(fields, &["timeout"], "`wait_for`", hint);
        let hint = "remove it: `wait_for` goes on trying until its own `timeout`";
        self.refuse(fields, &["retries"], "`wait_for`", hint);
        let wait_for =
            fields.get("wait_for").and_then(|field| self.wait_for(field, fields.key_span("wait_for")));
        let name = self.step_name(fields);
        let creates = self.optional(fields, "creates", "a path");
        let unless = self.optional(fields, "unless", "a command");
        let onlyif = self.optional(fields, "onlyif", "a command");
        let when = self.when(fields);
        Some(WaitForStep { name, wait_for: wait_for?, creates, unless, onlyif, when })
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

    fn step_name(&mut self, fields: &Fields<'_>) -> Option<Template> {
        self.optional(fields, "name", "a text")
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
