//! Reads `app:`, a container application.

use super::{Field, Fields, Keys, Reader};
use crate::{
    app::{App, PLAIN, SECTIONS, TASK},
    ast::{Entries, ResourceSpec, Task},
    diagnostic::Code,
};

/// The keys that do not come from the tables.
const PLACE: [&str; 7] = ["on", "needs", "when", "tags", "sudo", "become", "cron"];
const LATER: &[&str] = &["services", "previews", "screenshot", "static"];
const INSTEAD: &[(&str, &str)] = &[
    ("host", "on"),
    ("hosts", "on"),
    ("server", "on"),
    ("repo", "source"),
    ("repository", "source"),
    ("git", "source"),
    ("image", "source"),
    ("domain", "domains"),
    ("healthcheck", "health"),
    ("health_check", "health"),
    ("environment", "env"),
    ("variables", "env"),
    ("scale", "replicas"),
    ("instances", "replicas"),
    ("depends_on", "needs"),
    ("mounts", "volumes"),
    ("jobs", "cron"),
    ("schedule", "cron"),
];

impl Reader<'_> {
    /// The task that the application of a plan becomes, if it has one.
    pub(super) fn app(&mut self, fields: &Fields<'_>, tasks: &mut Entries<Task>) {
        let Some(field) = fields.get("app") else { return };
        let key = fields.key_span("app");
        let sections = SECTIONS.iter().map(|section| section.name);
        let plain = PLAIN.params.iter().map(|param| param.name);
        let known: Vec<&'static str> = PLACE.into_iter().chain(sections).chain(plain).collect();
        let keys = Keys { what: "`app`", known: &known, later: LATER, instead: INSTEAD };
        let Some(inner) = self.fields(field.node, "app", key, &keys) else { return };
        let before = self.problems.len();
        let mut says = Vec::new();
        for kind in SECTIONS {
            if let Some(field) = inner.get(kind.name) {
                says.extend(self.resource(kind, field, inner.key_span(kind.name)));
            }
        }
        says.push(self.plain(&inner));
        says.extend(inner.get("cron").and_then(|field| self.jobs(field)));
        let on = self.names(inner.get("on"), true);
        if on.is_empty() && self.problems.len() == before {
            self.missing(&inner, "on", "add `on:` with the host that it is to run on");
        }
        if let [_, second, ..] = on.as_slice() {
            let hint = "keep one; a plan of its own for each of the others is the way for now";
            self.error(Code::InvalidValue, second.span, "an application runs on one host", Some(hint));
        }
        let source = says.iter().find(|says| says.kind.name == "source");
        let is_given = |spec: &ResourceSpec| {
            let mut names = spec.params.iter().map(|(param, _)| param.name);
            names.any(|name| matches!(name, "git" | "image" | "folder" | "archive" | "bundle"))
        };
        if !source.is_some_and(is_given) && self.problems.len() == before {
            let hint = "add `source: { git: git@example.com:shop.git }`, `source: { folder: . }` for a folder of this machine, or `source: { image: nginx:1.27 }`";
            self.error(Code::MissingKey, key, "`app` does not say where it comes from", Some(hint));
        }
        let of = |section: &str, key: &str| {
            let section = says.iter().find(|says: &&ResourceSpec| says.kind.name == section)?;
            section.params.iter().map(|(param, _)| param.name).find(|name| key.is_empty() || *name == key)
        };
        if let (Some(_), Some(built)) = (of("source", "bundle"), of("build", ""))
            && built != "bases"
        {
            let message = format!("nothing of a bundle is built, so `{built}` says nothing");
            let hint = "remove it, or write `folder:` or `archive:` for a source that is built";
            self.error(Code::InvalidValue, inner.key_span("build"), message, Some(hint));
        }
        if let Some((other, _)) = tasks.iter().find(|(name, _)| name.value == TASK) {
            let message = "a task is called `app`, which is the name of the application's own";
            self.error(Code::NameTaken, other.span, message, Some("call it something else"));
            return;
        }
        let app = App {
            needs: self.names(inner.get("needs"), false),
            when: self.when(&inner),
            tags: self.names(inner.get("tags"), false),
            sudo: inner.get("sudo").and_then(|field| self.truth(field)),
            elevate: self.elevate(&inner),
            span: key,
            on,
            says,
        };
        tasks.push(app.task());
    }

    /// What stands beside the mappings.
    fn plain(&mut self, inner: &Fields<'_>) -> ResourceSpec {
        let mut params = Vec::new();
        for param in PLAIN.params {
            let Some(field) = inner.get(param.name) else { continue };
            let field = Field { name: param.name, ..field };
            params.extend(self.param(param, field).map(|value| (param, value)));
        }
        ResourceSpec { kind: &PLAIN, params }
    }
}
