//! Changes about the application of a plan: values of `app`, and the blocks of a plan that has none yet.

use super::{after_colon, changed, entries, fields, is_flow, read, scalar, text};
use crate::yaml::{Kind, Node, Scalar, Source};

/// An application that a plan does not have yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewApp {
    /// The name of its host.
    pub on: String,
    /// The address of that host, when the plan does not have it yet.
    pub address: Option<String>,
    /// Where it comes from.
    pub source: NewSource,
    /// The port that it listens on, when it has to be said.
    pub port: Option<u16>,
    /// A path that tells whether it is well.
    pub health: Option<String>,
    /// The names of the secrets that its containers have as variables.
    pub secrets: Vec<String>,
    /// Whether it becomes root with `sudo`.
    pub sudo: bool,
}

/// Where a new application comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewSource {
    /// A repository.
    Git {
        /// Its address.
        address: String,
        /// Its branch, when it is not the default one.
        branch: Option<String>,
        /// The folder of the application in it.
        path: Option<String>,
    },
    /// An image of a registry.
    Image(String),
}

impl Default for NewSource {
    fn default() -> Self {
        Self::Image(String::new())
    }
}

/// A value of `app` as it is written; `section` is the mapping in it, or empty for what stands beside the mappings.
#[must_use]
pub fn app_value(source: &str, section: &str, key: &str) -> Option<String> {
    let (_, root) = read(source)?;
    let app = value_of(&root, "app")?;
    let found = match section {
        "" => value_of(app, key)?,
        section => {
            let inner = value_of(app, section)?;
            match short_of(section) {
                Some(short) if short == key && text(inner).is_some() => inner,
                _ => value_of(inner, key)?,
            }
        }
    };
    Some(text(found)?.to_owned())
}

/// The source with a value of `app`, in the layout that it has there.
///
/// `None` when that changes nothing, or the source has no place for it.
#[must_use]
pub fn set_app(source: &str, section: &str, key: &str, value: &str) -> Option<String> {
    let (lines, root) = read(source)?;
    let (_, app) = pair(&root, "app")?;
    let written = scalar(value);
    let change = match (section, pair(app, section)) {
        ("", _) => set_in(&lines, app, key, &written)?,
        (_, Some((_, inner))) if matches!(inner.kind, Kind::Mapping(_)) => {
            set_in(&lines, inner, key, &written)?
        }
        (_, Some((_, inner))) if short_of(section) == Some(key) && !inner.is_null() => {
            (inner.span.start.index, inner.span.end.index, written)
        }
        (_, Some(_)) => return None,
        (_, None) => {
            let (at, text) = appended(&lines, app, &format!("{section}: {{ {key}: {written} }}"))?;
            (at, at, text)
        }
    };
    let new = changed(source, &[(change.0, change.1, &change.2)])?;
    // Whatever the layout was, the result is right or there is none.
    (app_value(&new, section, key).as_deref() == Some(value)).then_some(new)
}

/// The source of a plan with an application that it did not have: with its host, its secrets and a task that makes the host
/// ready for it, as far as the plan does not have them already.
///
/// `None` when the plan has an application, or has no place for what is to be added.
#[must_use]
pub fn add_app(source: &str, app: &NewApp) -> Option<String> {
    let (_, root) = read(source)?;
    if value_of(&root, "app").is_some() {
        return None;
    }
    let ready =
        entries(&root, "tasks").into_iter().find(|(_, task)| prepares(task)).map(|(name, _)| name.to_owned());
    let mut new = source.trim_end().to_owned();
    new.push('\n');
    if let Some(address) = &app.address {
        let host = format!("{}: {}", app.on, scalar(address));
        new =
            with_entry(&new, "hosts", &host, &["groups", "discover", "vars", "secrets", "notify", "tasks"])?;
    }
    for name in &app.secrets {
        new = with_secret(&new, name)?;
    }
    let needs = match ready {
        Some(task) => task,
        None => {
            let (_, root) = read(&new)?;
            let taken: Vec<&str> = entries(&root, "tasks").into_iter().map(|(name, _)| name).collect();
            let name = (1..)
                .map(|number: u32| if number == 1 { "server".to_owned() } else { format!("server-{number}") })
                .find(|name| !taken.contains(&name.as_str()))?;
            new = with_entry(&new, "tasks", &server_task(&name, app), &[])?;
            name
        }
    };
    new.push('\n');
    new.push_str(&block(app, &needs));
    // Whatever the layout was, the result is right or there is none.
    let (_, root) = read(&new)?;
    let on = value_of(&root, "app").and_then(|app| value_of(app, "on")).and_then(text);
    (on == Some(app.on.as_str())).then_some(new)
}

/// The whole plan of a new project.
#[must_use]
pub fn new_plan(name: &str, app: &NewApp) -> Option<String> {
    add_app(&format!("name: {}\n", scalar(name)), app)
}

/// Whether a task makes a host ready for containers: it installs docker, or runs it.
fn prepares(task: &Node) -> bool {
    let Some(steps) = value_of(task, "steps") else { return false };
    let Kind::Sequence(steps) = &steps.kind else { return false };
    let mut texts = Vec::new();
    for step in steps {
        for (_, value) in fields(step).into_iter().filter(|(key, _)| matches!(*key, "package" | "service")) {
            super::texts(value, &mut texts);
        }
    }
    texts
        .into_iter()
        .filter_map(text)
        .any(|text| text == "docker" || text.starts_with("docker.") || text.starts_with("docker-ce"))
}

/// The task that makes a fresh Debian or Ubuntu ready. What is there already, from wherever, is left as it is.
fn server_task(name: &str, app: &NewApp) -> String {
    let (packages, needed) = match app.source {
        NewSource::Git { .. } => ("docker.io, caddy, nftables, git, curl", "docker caddy nft git curl"),
        NewSource::Image(_) => ("docker.io, caddy, nftables, curl", "docker caddy nft curl"),
    };
    let sudo = if app.sudo { "  sudo: true\n" } else { "" };
    let each: Vec<String> = needed.split(' ').map(|tool| format!("command -v {tool}")).collect();
    format!(
        "{name}:\n  on: {on}\n{sudo}  steps:\n    - name: Docker, Caddy and what deployments need\n      package: [{packages}]\n      \
         unless: {each}\n    - name: Docker runs\n      service: {{ name: docker, state: running, enabled: true }}\n      \
         unless: docker version",
        on = app.on,
        each = each.join(" && "),
    )
}

/// `app:` and what stands in it.
fn block(app: &NewApp, needs: &str) -> String {
    let mut out = format!("app:\n  on: {}\n  needs: [{needs}]\n", app.on);
    if app.sudo {
        out.push_str("  sudo: true\n");
    }
    let source = match &app.source {
        NewSource::Image(image) => format!("image: {}", scalar(image)),
        NewSource::Git { address, branch, path } => {
            let mut text = format!("git: {}", scalar(address));
            for (key, value) in [("branch", branch), ("path", path)] {
                if let Some(value) = value {
                    text.push_str(&format!(", {key}: {}", scalar(value)));
                }
            }
            text
        }
    };
    out.push_str(&format!("  source: {{ {source} }}\n"));
    if let Some(port) = app.port {
        out.push_str(&format!("  port: {port}\n"));
    }
    if !app.secrets.is_empty() {
        out.push_str("  env:\n");
        for name in &app.secrets {
            out.push_str(&format!("    {name}: \"${{{{ secrets.{name} }}}}\"\n"));
        }
    }
    if let Some(path) = &app.health {
        out.push_str(&format!("  health: {{ path: {} }}\n", scalar(path)));
    }
    out
}

/// The source with an entry in the mapping `key` of the plan, which is made before the first of these keys when it is not there.
fn with_entry(source: &str, key: &str, entry: &str, before: &[&str]) -> Option<String> {
    let (lines, root) = read(source)?;
    if let Some((at, node)) = pair(&root, key) {
        if node.is_null() {
            let at = after_colon(&lines, at)?;
            return changed(source, &[(at, at, &format!("\n{}", indented(entry, 2)))]);
        }
        let (at, text) = appended(&lines, node, entry)?;
        return changed(source, &[(at, at, &text)]);
    }
    let new = format!("{key}:\n{}\n\n", indented(entry, 2));
    let Kind::Mapping(top) = &root.kind else { return None };
    let place = top.iter().find(|(key, _)| text(key).is_some_and(|key| before.contains(&key)));
    match place {
        Some((key, _)) if key.span.start.column == 1 => {
            let at = key.span.start.index;
            changed(source, &[(at, at, &new)])
        }
        _ => Some(format!("{source}\n{}", new.trim_end().to_owned() + "\n")),
    }
}

/// The source with the name of a secret.
fn with_secret(source: &str, name: &str) -> Option<String> {
    let (lines, root) = read(source)?;
    let Some((key, node)) = pair(&root, "secrets") else {
        let new = format!("secrets: [{name}]\n\n");
        let Kind::Mapping(top) = &root.kind else { return None };
        let place =
            top.iter().find(|(key, _)| text(key).is_some_and(|key| matches!(key, "notify" | "tasks")));
        return match place {
            Some((key, _)) if key.span.start.column == 1 => {
                changed(source, &[(key.span.start.index, key.span.start.index, &new)])
            }
            _ => Some(format!("{source}\n{}", new.trim_end().to_owned() + "\n")),
        };
    };
    if node.is_null() {
        let at = after_colon(&lines, key)?;
        return changed(source, &[(at, at, &format!(" [{name}]"))]);
    }
    let Kind::Sequence(items) = &node.kind else { return None };
    if items.iter().any(|item| text(item) == Some(name)) {
        return Some(source.to_owned());
    }
    let last = items.last();
    let (at, new) = if is_flow(&lines, node) {
        match last {
            Some(last) => (end_of(&lines, last), format!(", {name}")),
            None => (node.span.start.index + 1, name.to_owned()),
        }
    } else {
        let column = usize::try_from(node.span.start.column).ok()?;
        (end_of_line(&lines, end_of(&lines, last?)), format!("\n{}- {name}", " ".repeat(column - 1)))
    };
    changed(source, &[(at, at, &new)])
}

/// Where to put what, so that a key of a mapping has a value.
fn set_in(lines: &Source, mapping: &Node, key: &str, written: &str) -> Option<(usize, usize, String)> {
    let Some((name, node)) = pair(mapping, key) else {
        let (at, text) = appended(lines, mapping, &format!("{key}: {written}"))?;
        return Some((at, at, text));
    };
    let Kind::Scalar(Scalar { is_block: false, .. }) = &node.kind else { return None };
    // The value of an alias stands elsewhere, and others may use it there.
    if !node.is_null() && node.span.start < name.span.end {
        return None;
    }
    if node.span.start == node.span.end {
        let at = after_colon(lines, name)?;
        return Some((at, at, format!(" {written}")));
    }
    Some((node.span.start.index, node.span.end.index, written.to_owned()))
}

/// Where a further entry goes in a mapping, and how it is written there.
fn appended(lines: &Source, mapping: &Node, entry: &str) -> Option<(usize, String)> {
    let Kind::Mapping(entries) = &mapping.kind else { return None };
    let start = mapping.span.start.index;
    if is_flow(lines, mapping) {
        if entry.contains('\n') {
            return None;
        }
        return Some(match entries.last() {
            Some((key, last)) => (end_of(lines, last).max(key.span.end.index), format!(", {entry}")),
            None => (start + 1, format!(" {entry} ")),
        });
    }
    let (first, _) = entries.first()?;
    let (key, last) = entries.last()?;
    let at = end_of_line(lines, end_of(lines, last).max(key.span.end.index));
    let column = usize::try_from(first.span.start.column).ok()?;
    Some((at, format!("\n{}", indented(entry, column - 1))))
}

/// The index after the last character of a node.
fn end_of(lines: &Source, node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar(_) => node.span.end.index,
        _ if is_flow(lines, node) => node.span.end.index,
        Kind::Sequence(items) => {
            items.iter().map(|item| end_of(lines, item)).max().unwrap_or(node.span.end.index)
        }
        Kind::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| end_of(lines, value).max(key.span.end.index))
            .max()
            .unwrap_or(node.span.end.index),
    }
}

fn end_of_line(lines: &Source, from: usize) -> usize {
    let rest = lines.slice(lines.span(from, usize::MAX));
    from + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len())
}

fn indented(text: &str, by: usize) -> String {
    let lines = text.lines().map(|line| format!("{}{line}", " ".repeat(by)));
    lines.collect::<Vec<_>>().join("\n")
}

fn pair<'n>(node: &'n Node, key: &str) -> Option<(&'n Node, &'n Node)> {
    let Kind::Mapping(entries) = &node.kind else { return None };
    entries.iter().find(|(found, _)| text(found) == Some(key)).map(|(key, value)| (key, value))
}

fn value_of<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    pair(node, key).map(|(_, value)| value)
}

/// The key that a mapping of `app` stands for when it is written as one value.
fn short_of(section: &str) -> Option<&'static str> {
    crate::app::section_named(section)?.short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;

    fn app() -> NewApp {
        NewApp {
            on: "web1".into(),
            address: Some("deploy@203.0.113.10".into()),
            source: NewSource::Git {
                address: "https://github.com/acme/shop.git".into(),
                branch: None,
                path: None,
            },
            port: Some(8080),
            health: Some("/health".into()),
            secrets: vec!["DATABASE_URL".into(), "API_KEY".into()],
            sudo: true,
        }
    }

    #[track_caller]
    fn is_right(source: &str) {
        let problems: Vec<String> = check(source)
            .diagnostics
            .iter()
            .filter(|problem| problem.is_error())
            .map(ToString::to_string)
            .collect();
        assert!(problems.is_empty(), "{problems:?}\n{source}");
    }

    #[test]
    fn a_new_project_gets_a_whole_plan() {
        let plan = new_plan("shop", &app()).unwrap();
        is_right(&plan);
        insta::assert_snapshot!(plan);
    }

    #[test]
    fn an_application_is_added_to_plans_of_every_layout_and_all_else_stays() {
        for plan in [
            "# mine\nname: shop\nhosts:\n  db: root@203.0.113.11 # the old one\ntasks:\n  backup:\n    on: db\n    steps:\n      - run: |\n          pg_dump\n          # end\n",
            "name: shop\nhosts: { db: root@203.0.113.11 }\nsecrets: [OTHER]\ntasks: { backup: { on: db, steps: [ run: pg_dump ] } }\n",
            "name: shop\nhosts: {}\nsecrets:\n  - OTHER # x\n  - DATABASE_URL\nvars: { a: b }\n",
            "name: shop\nhosts:\nsecrets:\ntasks:\n  server:\n    on: local\n    steps:\n      - run: \"true\"\n",
            "name: shop\nsecrets: []\ntasks:\n    docker:\n        on: web1\n        steps:\n            - package: [docker.io, git]\n",
        ] {
            let one_line = plan.contains("tasks: {");
            let Some(new) = add_app(plan, &app()) else {
                // A task of several lines has no place in a mapping of one line.
                assert!(one_line, "{plan}");
                continue;
            };
            is_right(&new);
            for line in
                plan.lines().filter(|line| !line.starts_with("hosts:") && !line.starts_with("secrets:"))
            {
                assert!(new.contains(line), "{line} is lost:\n{new}");
            }
            assert_eq!(new.contains("needs: [docker]"), plan.contains("docker:"), "{new}");
            assert_eq!(new.contains("needs: [server-2]"), plan.contains("server:"), "{new}");
            assert_eq!(new.matches("DATABASE_URL").count(), 3, "{new}");
        }
        assert_eq!(add_app(&new_plan("x", &app()).unwrap(), &app()), None);
    }

    #[test]
    fn an_image_needs_no_git_and_root_no_sudo() {
        let image = NewApp { source: NewSource::Image("nginx:1.27".into()), sudo: false, ..app() };
        let plan = new_plan("shop", &image).unwrap();
        is_right(&plan);
        assert!(!plan.contains("git") && !plan.contains("sudo"), "{plan}");
        assert!(plan.contains("source: { image: \"nginx:1.27\" }"), "{plan}");
    }

    #[test]
    fn a_value_of_the_application_is_changed_where_it_stands_and_added_where_it_does_not() {
        let check = |before: &str, section: &str, key: &str, value: &str, after: &str| {
            assert_eq!(set_app(before, section, key, value).as_deref(), Some(after), "{before}");
        };
        let with = |more: &str| format!("app:\n  on: web1 # here\n{more}tasks: {{}}\n");
        check(
            &with("  resources: { memory: 512m } # small\n"),
            "resources",
            "memory",
            "1g",
            &with("  resources: { memory: 1g } # small\n"),
        );
        check(
            &with("  resources:\n    cpus: 1 # one\n"),
            "resources",
            "memory",
            "1g",
            &with("  resources:\n    cpus: 1 # one\n    memory: 1g\n"),
        );
        check(&with(""), "", "read_only", "false", &with("  read_only: false\n"));
        check(&with("  read_only: true\n"), "", "read_only", "false", &with("  read_only: false\n"));
        check(&with(""), "resources", "memory", "1g", &with("  resources: { memory: 1g }\n"));
        check(&with("  health: /health # a\n"), "health", "path", "/", &with("  health: / # a\n"));
        check("app: { on: web1 }\n", "", "port", "80", "app: { on: web1, port: 80 }\n");
        let block =
            "app:\n  on: web1\n  hooks:\n    on_deploy:\n      - |\n        a\n        b\n\n# after\n";
        check(block, "", "port", "80", &block.replace("        b\n", "        b\n  port: 80\n"));
        assert_eq!(set_app("tasks: {}\n", "", "port", "80"), None);
        assert_eq!(set_app(&with("  port: 80\n"), "", "port", "80"), None);
        assert_eq!(app_value(&with("  health: /up\n"), "health", "path").as_deref(), Some("/up"));
        assert_eq!(app_value(&with("  health: { path: /up }\n"), "health", "path").as_deref(), Some("/up"));
    }
}
