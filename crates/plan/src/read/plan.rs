//! Reads the plan, its hosts and its tasks.

use super::{Field, Fields, Keys, Reader, is_host_name, is_task_name, is_variable_name};
use crate::{
    ast::{ActionSpec, Common, Entries, Host, LongHost, Plan, Step, StrategySpec, Task},
    diagnostic::Code,
    span::{Span, Spanned},
    template::Template,
    yaml::{Kind, Node, ScalarType, shorten},
};

const PLAN: Keys = Keys {
    what: "a plan",
    known: &["name", "include", "hosts", "groups", "discover", "vars", "secrets", "notify", "tasks", "app"],
    later: &["environments", "defaults", "strategy", "handlers", "schedule", "on_failure", "version", "ssh"],
    instead: &[
        ("variables", "vars"),
        ("env", "vars"),
        ("servers", "hosts"),
        ("inventory", "hosts"),
        ("imports", "include"),
        ("import", "include"),
        ("includes", "include"),
        ("jobs", "tasks"),
        ("title", "name"),
    ],
};

const HOST: Keys = Keys {
    what: "a host",
    known: &["address", "user", "port", "identity", "jump", "tags"],
    later: &["labels", "facts", "sudo", "become", "password", "shell", "env", "vars"],
    instead: &[
        ("host", "address"),
        ("hostname", "address"),
        ("ip", "address"),
        ("name", "address"),
        ("username", "user"),
        ("key", "identity"),
        ("identity_file", "identity"),
        ("proxy", "jump"),
        ("proxy_jump", "jump"),
        ("bastion", "jump"),
    ],
};

const TASK: Keys = Keys {
    what: "a task",
    known: &["on", "needs", "when", "tags", "strategy", "sudo", "become", "on_failure", "steps", "handlers"],
    later: &["notify", "env", "vars", "timeout", "retries", "name", "cwd", "matrix", "always"],
    instead: &[
        ("hosts", "on"),
        ("host", "on"),
        ("runs-on", "on"),
        ("depends_on", "needs"),
        ("after", "needs"),
        ("requires", "needs"),
        ("if", "when"),
        ("condition", "when"),
        ("tasks", "steps"),
        ("run", "steps"),
        ("commands", "steps"),
        ("parallel", "strategy"),
        ("serial", "strategy"),
        ("rolling", "strategy"),
        ("canary", "strategy"),
    ],
};

/// Whether a file must have all that makes a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// It is a plan: it has a name and tasks.
    Plan,
    /// It is included, and may have only a part.
    Part,
}

/// Reads a plan, or a file that one includes. What could not be read is missing from it and reported in `reader`.
pub(crate) fn plan(reader: &mut Reader<'_>, root: Option<&Node>, whole: Whole) -> Plan {
    let start = reader.source.span(0, 0);
    let mut plan = Plan::empty(Spanned { value: String::new(), span: start }, start);
    let Some(root) = root.filter(|root| !root.is_null()) else {
        if whole == Whole::Plan {
            let hint = "a plan begins with `name:` and `tasks:`";
            reader.error(Code::Empty, start, "the plan is empty", Some(hint));
        }
        return plan;
    };
    // The keys of a plan are the first thing in it, so what is missing is shown there and not on the whole text.
    let top = Span { start: root.span.start, end: root.span.start };
    let span = if matches!(root.kind, Kind::Mapping(_)) { top } else { root.span };
    let Some(fields) = reader.fields(root, "", span, &PLAN) else { return plan };
    plan.span = top;
    match fields.get("name") {
        Some(field) => {
            if let Some(name) = reader.text(field, "a text") {
                reader.check_one_line(&name);
                plan.name = name;
            }
        }
        None if whole == Whole::Part => {}
        None => reader.missing(&fields, "name", "write `name: my-application` in the first line"),
    }
    plan.include = reader.include(&fields);
    plan.discover = reader.discover(&fields);
    plan.hosts = reader.hosts(&fields);
    plan.groups = reader.groups(&fields);
    let vars = reader.named(fields.get("vars"), "a variable", is_variable_name);
    plan.vars = vars
        .into_iter()
        .filter_map(|(name, node)| Some((name.clone(), reader.value(&name, node)?)))
        .collect();
    let secrets = fields.get("secrets").filter(|field| !field.node.is_null());
    plan.secrets = reader.names(secrets, false);
    for name in &plan.secrets {
        reader.check_name(name, "a secret", is_variable_name);
    }
    plan.notify = reader.notify(&fields);
    let has_app = fields.get("app").is_some();
    if whole == Whole::Plan && plan.include.is_empty() && !has_app || fields.get("tasks").is_some() {
        plan.tasks = reader.tasks(&fields);
    }
    reader.app(&fields, &mut plan.tasks);
    plan
}

impl Reader<'_> {
    pub(super) fn check_one_line(&mut self, name: &Spanned<String>) {
        if name.value.trim_end().chars().any(char::is_control) {
            self.error(Code::InvalidName, name.span, "a name is one line of text", None);
        }
    }

    fn hosts(&mut self, fields: &Fields<'_>) -> Entries<Host> {
        let entries = self.named(fields.get("hosts"), "a host", is_host_name);
        let mut hosts = Vec::new();
        for (name, node) in entries {
            if name.value == "local" {
                let message = "`local` is this machine and is always there; a host cannot have its name";
                self.error(Code::NameTaken, name.span, message, Some("remove it, or call it something else"));
                continue;
            }
            if let Some(host) = self.host(&name, node) {
                hosts.push((name, host));
            }
        }
        hosts
    }

    fn host(&mut self, name: &Spanned<String>, node: &Node) -> Option<Host> {
        let field =
            Field { name: &name.value, node, span: if node.is_null() { name.span } else { node.span } };
        match &node.kind {
            Kind::Scalar(scalar) if scalar.scalar_type() == ScalarType::Text => {
                self.template(field, "`user@address` or a mapping").map(Host::Short)
            }
            Kind::Scalar(_) | Kind::Sequence(_) => {
                let hint = "write user@address, or { address: …, user: … }";
                self.wrong_type(field, "`user@address` or a mapping", Some(hint));
                None
            }
            Kind::Mapping(_) => {
                let fields = self.fields(node, &name.value, name.span, &HOST)?;
                let Some(address) = fields.get("address") else {
                    self.missing(&fields, "address", "write `address: 203.0.113.10`, or a name");
                    return None;
                };
                let address = self.template(address, "a name or an IP address");
                let mut text =
                    |key, expected| fields.get(key).and_then(|field| self.template(field, expected));
                let user = text("user", "the name of a user");
                let identity = text("identity", "the path of a private key");
                let jump = text("jump", "the name of a host");
                let port = fields.get("port").and_then(|field| self.port(field));
                let tags = self.names(fields.get("tags"), false);
                Some(Host::Long(Box::new(LongHost { address: address?, user, port, identity, jump, tags })))
            }
        }
    }

    /// A port stays a text until its `${{ … }}` are put in.
    pub(super) fn port(&mut self, field: Field<'_>) -> Option<Template> {
        match &field.node.kind {
            Kind::Scalar(scalar) if matches!(scalar.scalar_type(), ScalarType::Number | ScalarType::Text) => {
                Some(Template::parse(&scalar.text, field.node.span, self.source, &mut self.problems))
            }
            _ => {
                self.wrong_type(field, "a port, a whole number from 1 to 65535", None);
                None
            }
        }
    }

    fn include(&mut self, fields: &Fields<'_>) -> Vec<Spanned<String>> {
        const HINT: &str = "name files as seen from this one: `include: [hosts.yaml, ../common/base.yaml]`";
        let field = fields.get("include").filter(|field| !field.node.is_null());
        let files = self.names(field, true);
        let is_fine = |file: &Spanned<String>| {
            !file.value.contains("${{")
                && !file.value.ends_with('/')
                && !file.value.chars().any(char::is_control)
        };
        for file in files.iter().filter(|file| !is_fine(file)) {
            let message = format!("`{}` cannot be included: it is no name of a file", shorten(&file.value));
            self.error(Code::InvalidValue, file.span, message, Some(HINT));
        }
        files.into_iter().filter(is_fine).collect()
    }

    fn groups(&mut self, fields: &Fields<'_>) -> Entries<Vec<Spanned<String>>> {
        let entries = self.named(fields.get("groups"), "a group", is_host_name);
        let mut groups = Vec::new();
        for (name, node) in entries {
            let span = if node.is_null() { name.span } else { node.span };
            let before = self.problems.len();
            let members = self.names(Some(Field { name: &name.value, node, span }), false);
            if members.is_empty() && self.problems.len() == before {
                let message = format!("the group `{}` has no hosts", name.value);
                self.error(Code::InvalidValue, name.span, message, None);
            }
            groups.push((name, members));
        }
        groups
    }

    fn tasks(&mut self, fields: &Fields<'_>) -> Entries<Task> {
        const HINT: &str = "add a task: `tasks: { deploy: { on: local, steps: [ { run: echo hello } ] } }`";
        let Some(field) = fields.get("tasks") else {
            self.error(
                Code::Empty,
                fields.span,
                "the plan has no `tasks`, so there is nothing to do",
                Some(HINT),
            );
            return Vec::new();
        };
        if matches!(field.node.kind, Kind::Sequence(_)) {
            let hint = "give each task a name: `tasks:`, and in the next lines `  deploy:` with its `on` and `steps`";
            self.wrong_type(field, "a mapping from names to tasks", Some(hint));
            return Vec::new();
        }
        let before = self.problems.len();
        let entries = self.named(Some(field), "a task", is_task_name);
        if entries.is_empty() && self.problems.len() == before {
            self.error(Code::Empty, field.span, "`tasks` is empty, so there is nothing to do", Some(HINT));
        }
        entries.into_iter().filter_map(|(name, node)| Some((name.clone(), self.task(&name, node)?))).collect()
    }

    fn task(&mut self, name: &Spanned<String>, node: &Node) -> Option<Task> {
        let fields = self.fields(node, &name.value, name.span, &TASK)?;
        let on = match fields.get("on") {
            None if fields.meant.contains(&"on") => Vec::new(),
            None => {
                let message = format!("the task `{}` does not say where it runs", name.value);
                let hint = "add `on:` with a host, a group, a list of them, or `local` for this machine";
                self.error(Code::MissingKey, name.span, message, Some(hint));
                Vec::new()
            }
            Some(field) => {
                let before = self.problems.len();
                let on = self.names(Some(field), true);
                if on.is_empty() && self.problems.len() == before {
                    let message = format!("the task `{}` has no hosts", name.value);
                    self.error(
                        Code::InvalidValue,
                        field.span,
                        message,
                        Some("name a host, a group, or `local`"),
                    );
                }
                on
            }
        };
        let needs = self.names(fields.get("needs"), false);
        let tags = self.names(fields.get("tags"), false);
        let strategy = fields.get("strategy").and_then(|field| self.strategy(field));
        let steps = match fields.get("steps") {
            None => {
                self.missing(
                    &fields,
                    "steps",
                    "add `steps:` with a list of actions, such as `- run: echo hello`",
                );
                Vec::new()
            }
            Some(field) => self.steps(field),
        };
        // What must answer in the end is asked like any other step.
        let health = strategy.as_ref().and_then(StrategySpec::health).cloned();
        let health =
            health.map(|wait_for| Step { common: Common::default(), action: ActionSpec::WaitFor(wait_for) });
        let (sudo, elevate) = (fields.get("sudo").and_then(|field| self.truth(field)), self.elevate(&fields));
        let (when, on_failure) = (self.when(&fields), self.on_failure(&fields));
        let handlers = self.handlers(&fields);
        Some(Task { on, needs, when, tags, strategy, sudo, elevate, on_failure, steps, handlers, health })
    }

    fn handlers(&mut self, fields: &Fields<'_>) -> Entries<Vec<Step>> {
        let entries = self.named(fields.get("handlers"), "a handler", is_task_name);
        let mut handlers = Vec::new();
        for (name, node) in entries {
            let span = if node.is_null() { name.span } else { node.span };
            let steps = match &node.kind {
                Kind::Sequence(_) => self.steps(Field { name: &name.value, node, span }),
                _ => self.step(node, span).into_iter().collect(),
            };
            for notify in steps.iter().flat_map(|step| &step.common.notify) {
                let hint = "put its steps into this one, or let the step notify both";
                self.error(Code::InvalidValue, notify.span, "a handler does not notify another", Some(hint));
            }
            handlers.push((name, steps));
        }
        handlers
    }

    fn steps(&mut self, field: Field<'_>) -> Vec<Step> {
        let Kind::Sequence(items) = &field.node.kind else {
            self.wrong_type(
                field,
                "a list of steps",
                Some("begin each step with `- `, such as `- run: echo hello`"),
            );
            return Vec::new();
        };
        if items.is_empty() {
            self.error(
                Code::Empty,
                field.span,
                "`steps` is empty",
                Some("add a step, such as `- run: echo hello`"),
            );
        }
        items.iter().filter_map(|item| self.step(item, field.span)).collect()
    }
}

/// Everything in a host's declaration that may have `${{ … }}`.
pub(crate) fn host_templates(host: &Host) -> Vec<&Template> {
    match host {
        Host::Short(template) => vec![template],
        Host::Long(long) => {
            let LongHost { address, user, port, identity, jump, .. } = long.as_ref();
            [Some(address), user.as_ref(), port.as_ref(), identity.as_ref(), jump.as_ref()]
                .into_iter()
                .flatten()
                .collect()
        }
    }
}
