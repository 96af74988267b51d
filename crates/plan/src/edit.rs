//! Small changes of a plan's source that keep its comments and layout.

mod app;

use std::collections::BTreeSet;

pub use app::{NewApp, NewSource, add_app, app_value, new_plan, set_app};

use crate::{
    read::is_variable_name,
    yaml::{self, Kind, Node, Scalar, Source},
};

/// Keys of a step whose numbers are no ports.
const NOT_TEXTS: [&str; 6] = ["timeout", "interval", "retries", "status", "shell", "when"];

/// The source with the port `to` instead of `from`, by the smallest change that does it.
///
/// When variables have the port as their value, only they are changed. Otherwise it is changed wherever it stands as
/// a number of its own in the texts of variables and steps; of a mapping of ports such as `8080:8080`, only the first
/// half, which is the one outside of the container. Hosts are never changed: their ports are those of SSH.
///
/// `None` when there is nothing to change or the source cannot be read.
#[must_use]
pub fn replace_port(source: &str, from: u16, to: u16) -> Option<String> {
    let (lines, root) = read(source)?;
    let number = from.to_string();
    let vars = entries(&root, "vars");
    let exact: Vec<&Node> = vars
        .iter()
        .map(|(_, value)| *value)
        .filter(|value| text(value).is_some_and(|text| text.trim() == number))
        .collect();
    let places = if exact.is_empty() {
        let mut places: Vec<&Node> = vars.iter().map(|(_, value)| *value).collect();
        for (_, task) in entries(&root, "tasks") {
            for (_, steps) in fields(task).into_iter().filter(|(key, _)| *key == "steps") {
                texts(steps, &mut places);
            }
        }
        places
    } else {
        exact
    };
    let from: Vec<char> = number.chars().collect();
    // A set: through an alias, one place can be met many times.
    let starts: BTreeSet<usize> = places
        .into_iter()
        .filter(|node| text(node).is_some())
        .flat_map(|node| {
            let chars = lines.slice(node.span);
            let start = node.span.start.index;
            tokens(chars, &from).into_iter().map(move |at| start + at)
        })
        .collect();
    let to = to.to_string();
    let changes = starts.into_iter().map(|start| (start, start + from.len(), to.as_str()));
    changed(source, &changes.collect::<Vec<_>>())
}

/// The source with the variable `name` set to `value`; a new variable is put before the others.
///
/// `None` when that changes nothing, `name` is no name, or the source has no place for it.
#[must_use]
pub fn set_var(source: &str, name: &str, value: &str) -> Option<String> {
    if !is_variable_name(name) || value.contains('\0') {
        return None;
    }
    let (lines, root) = read(source)?;
    let (start, end, text) = place_of_var(&lines, &root, name, &scalar(value))?;
    let new = changed(source, &[(start, end, &text)])?;
    // Whatever the layout was, the result is right or there is none.
    let (_, root) = read(&new)?;
    let vars = entries(&root, "vars");
    let is_set = vars.iter().any(|(key, node)| *key == name && self::text(node) == Some(value));
    is_set.then_some(new)
}

/// The source with another name of the plan. `None` when it has none that can be replaced, or when `name` cannot be one.
#[must_use]
pub fn set_name(source: &str, name: &str) -> Option<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return None;
    }
    let (_, root) = read(source)?;
    let (_, node) = fields(&root).into_iter().find(|(key, _)| *key == "name")?;
    let written = scalar(name);
    // What looks like a number or a truth value is one without quotes.
    let is_word = written.starts_with(|c: char| c.is_ascii_alphabetic() || c == '"')
        && !["true", "false"].contains(&written.to_ascii_lowercase().as_str());
    let written = if is_word { written } else { format!("\"{written}\"") };
    if text(node)? == name {
        return Some(source.to_owned());
    }
    let new = changed(source, &[(node.span.start.index, node.span.end.index, &written)])?;
    let (_, root) = read(&new)?;
    let is_set = fields(&root).into_iter().any(|(key, node)| key == "name" && text(node) == Some(name));
    is_set.then_some(new)
}

/// Whether `number` stands in the text as a number of its own, as a port would.
#[must_use]
pub fn names_number(text: &str, number: u16) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let number: Vec<char> = number.to_string().chars().collect();
    !tokens(&chars, &number).is_empty()
}

/// The variables of a plan with their values as they are written, in the order of the source; empty when the source
/// cannot be read.
#[must_use]
pub fn variables(source: &str) -> Vec<(String, String)> {
    let Some((_, root)) = read(source) else { return Vec::new() };
    entries(&root, "vars")
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), text(value)?.to_owned())))
        .collect()
}

/// The line, from 1, in which a host names its private key, and the key's file as it is written there.
#[must_use]
pub fn identity_of_host(source: &str, host: &str) -> Option<(usize, String)> {
    let (_, root) = read(source)?;
    let hosts = entries(&root, "hosts");
    let (_, declared) = hosts.into_iter().find(|(name, _)| *name == host)?;
    let (_, identity) = fields(declared).into_iter().find(|(key, _)| *key == "identity")?;
    Some((usize::try_from(identity.span.start.line).ok()?, text(identity)?.to_owned()))
}

/// The names of a plan's hosts and groups, which its tasks can be run on; empty when the source cannot be read.
#[must_use]
pub fn places(source: &str) -> Vec<String> {
    let Some((_, root)) = read(source) else { return Vec::new() };
    let names =
        ["hosts", "groups"].map(|key| entries(&root, key).into_iter().map(|(name, _)| name.to_owned()));
    names.into_iter().flatten().collect()
}

/// Where to put what, so that the variable has the value `scalar`.
fn place_of_var(lines: &Source, root: &Node, name: &str, scalar: &str) -> Option<(usize, usize, String)> {
    let Kind::Mapping(top) = &root.kind else { return None };
    let Some((vars_key, vars)) = top.iter().find(|(key, _)| text(key) == Some("vars")) else {
        let (before, _) = top.iter().find(|(key, _)| text(key) == Some("tasks"))?;
        let start = before.span.start;
        return (start.column == 1)
            .then(|| (start.index, start.index, format!("vars:\n  {name}: {scalar}\n\n")));
    };
    let Kind::Mapping(entries) = &vars.kind else {
        let at = after_colon(lines, vars_key)?;
        let indent = " ".repeat(usize::try_from(vars_key.span.start.column).ok()? + 1);
        return vars.is_null().then(|| (at, at, format!("\n{indent}{name}: {scalar}")));
    };
    let start = vars.span.start.index;
    let is_flow = is_flow(lines, vars);
    let found = entries.iter().find(|(key, _)| text(key) == Some(name));
    let Some((key, node)) = found else {
        return match entries.first() {
            None => is_flow.then(|| (start + 1, start + 1, format!(" {name}: {scalar} "))),
            Some((first, _)) => {
                let at = first.span.start;
                let column = usize::try_from(at.column).ok()?;
                let separator =
                    if is_flow { ", ".to_owned() } else { format!("\n{}", " ".repeat(column - 1)) };
                Some((at.index, at.index, format!("{name}: {scalar}{separator}")))
            }
        };
    };
    let Kind::Scalar(Scalar { is_block, .. }) = &node.kind else { return None };
    // The value of an alias stands elsewhere, and others may use it there.
    if node.span.start < key.span.end {
        return None;
    }
    let (start, end) = (node.span.start.index, node.span.end.index);
    if *is_block || start == end {
        let at = after_colon(lines, key)?;
        return Some((at, end.max(at), format!(" {scalar}")));
    }
    Some((start, end, scalar.to_owned()))
}

/// The index after the colon that follows a key.
fn after_colon(lines: &Source, key: &Node) -> Option<usize> {
    let end = key.span.end.index;
    let colon = lines.slice(lines.span(end, end + 20)).iter().position(|c| *c == ':')?;
    Some(end + colon + 1)
}

/// Whether a mapping or a sequence is written in one line, with brackets.
fn is_flow(lines: &Source, node: &Node) -> bool {
    let start = node.span.start.index;
    matches!(lines.slice(lines.span(start, start + 1)), ['{' | '['])
}

/// A value as YAML writes it: plain where that is safe, otherwise in double quotes.
fn scalar(value: &str) -> String {
    let is_plain = value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_' | '-' | '@'))
        && !matches!(value, "null" | "Null" | "NULL");
    if is_plain {
        return value.to_owned();
    }
    let mut out = String::from('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn read(source: &str) -> Option<(Source, Node)> {
    let lines = Source::new(source);
    let root = yaml::parse(source, &lines).ok()??;
    Some((lines, root))
}

fn text(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Scalar(scalar) => Some(&scalar.text),
        Kind::Sequence(_) | Kind::Mapping(_) => None,
    }
}

fn fields(node: &Node) -> Vec<(&str, &Node)> {
    match &node.kind {
        Kind::Mapping(entries) => {
            entries.iter().filter_map(|(key, value)| Some((text(key)?, value))).collect()
        }
        Kind::Scalar(_) | Kind::Sequence(_) => Vec::new(),
    }
}

/// The entries of the mapping `key` of the plan.
fn entries<'n>(root: &'n Node, key: &str) -> Vec<(&'n str, &'n Node)> {
    fields(root).into_iter().filter(|(found, _)| *found == key).flat_map(|(_, node)| fields(node)).collect()
}

/// The scalars of steps, except those that are no texts.
fn texts<'n>(node: &'n Node, out: &mut Vec<&'n Node>) {
    match &node.kind {
        Kind::Scalar(_) => out.push(node),
        Kind::Sequence(items) => items.iter().for_each(|item| texts(item, out)),
        Kind::Mapping(_) => {
            for (_, value) in fields(node).into_iter().filter(|(key, _)| !NOT_TEXTS.contains(key)) {
                texts(value, out);
            }
        }
    }
}

/// Where `number` stands in `chars` as a number of its own: not in a longer number, a word, an IP address or a
/// version, and not as the inner half of a mapping of ports.
fn tokens(chars: &[char], number: &[char]) -> Vec<usize> {
    let is_word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric() || *c == '_');
    let is_digit = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
    let before = |at: usize, count: usize| at.checked_sub(count).and_then(|at| chars.get(at));
    let mut found = Vec::new();
    for at in 0..chars.len().saturating_sub(number.len() - 1) {
        if chars.get(at..at + number.len()) != Some(number) {
            continue;
        }
        let end = at + number.len();
        let joined = is_word(before(at, 1)) || is_word(chars.get(end));
        let dotted = (before(at, 1) == Some(&'.') && is_digit(before(at, 2)))
            || (chars.get(end) == Some(&'.') && is_digit(chars.get(end + 1)));
        let inner =
            before(at, 1) == Some(&':') && found.last().is_some_and(|last| last + number.len() + 1 == at);
        if !joined && !dotted && !inner {
            found.push(at);
        }
    }
    found
}

/// The source with the characters `start..end` replaced, for each change in order; `None` when it stays as it is.
fn changed(source: &str, changes: &[(usize, usize, &str)]) -> Option<String> {
    let mut out = String::with_capacity(source.len());
    let mut chars = source.chars();
    let mut at = 0;
    for (start, end, text) in changes {
        out.extend(chars.by_ref().take(start.checked_sub(at)?));
        out.push_str(text);
        chars.by_ref().take(end - start).for_each(drop);
        at = *end;
    }
    out.extend(chars);
    (out != source).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "\
# a shop
name: shop
hosts:
  web: { address: 203.0.113.1, port: 8080 } # ssh
vars: { port: 8080, other: 18080 }   # keep
tasks:
  deploy:
    on: web
    steps:
      - run: ./shop --port ${{ vars.port }} --metrics 8080
        timeout: 8080s
";

    #[test]
    fn the_line_that_names_the_key_of_a_host_is_found() {
        let source =
            "name: x\nhosts:\n  a: b\n  web1:\n    address: c\n    identity: ~/.ssh/deploy\ntasks: {}\n";
        assert_eq!(identity_of_host(source, "web1"), Some((6, "~/.ssh/deploy".to_owned())));
        assert_eq!(identity_of_host(source, "a"), None);
        assert_eq!(identity_of_host(source, "c"), None);
    }

    #[test]
    fn hosts_and_groups_are_the_places_of_a_plan() {
        let source = "hosts: { web1: a@b, web2: { address: c } }\ngroups: { web: [web1] }\ntasks: {}\n";
        assert_eq!(places(source), ["web1", "web2", "web"]);
        assert!(places("{").is_empty());
    }

    #[test]
    fn a_variable_that_is_the_port_is_the_only_change() {
        let new = replace_port(PLAN, 8080, 9090).unwrap();
        assert_eq!(new, PLAN.replace("port: 8080, other", "port: 9090, other"));
    }

    #[test]
    fn without_a_variable_every_number_of_its_own_in_a_step_is_changed() {
        let check = |before: &str, after: Option<&str>| {
            let plan =
                |run: &str| PLAN.replace("port: 8080, other: 18080", "a: b").replace("--metrics 8080", run);
            let plan = |run: &str| plan(run).replace("${{ vars.port }}", "1");
            assert_eq!(replace_port(&plan(before), 8080, 9090), after.map(plan), "{before}");
        };
        check("curl http://127.0.0.1:8080/", Some("curl http://127.0.0.1:9090/"));
        check("-p 8080:8080 -e PORT=8080", Some("-p 9090:8080 -e PORT=9090"));
        check("-p 127.0.0.1:8080:8080", Some("-p 127.0.0.1:9090:8080"));
        check("a8080 8080b 18080 80801 1.8080 8080.5 _8080", None);
        check("(8080) '8080',8080; é8080 8080.", Some("(9090) '9090',9090; é8080 9090."));
    }

    #[test]
    fn quoted_ports_and_blocks_keep_their_form() {
        let source = "vars:\n  port: \"80\" # web\ntasks:\n  t: { on: local, steps: [run: x] }\n";
        assert_eq!(replace_port(source, 80, 81).unwrap(), source.replace("80", "81"));
        let source = "tasks:\n  t:\n    on: local\n    steps:\n      - run: |\n          # ö 80\n          serve 80\n      - wait_for: { http: 'http://x:80/', status: 80, timeout: 80s }\n        retries: { times: 80 }\n";
        let expected = source.replace("ö 80", "ö 81").replace("serve 80", "serve 81").replace("x:80", "x:81");
        assert_eq!(replace_port(source, 80, 81).unwrap(), expected);
    }

    #[test]
    fn nothing_to_change_is_none() {
        assert_eq!(replace_port(PLAN, 2222, 1), None);
        assert_eq!(replace_port(PLAN, 8080, 8080), None);
        assert_eq!(replace_port("{", 8080, 1), None);
        assert_eq!(replace_port("", 8080, 1), None);
        assert_eq!(set_var(PLAN, "port", "8080"), None);
        assert_eq!(set_var(PLAN, "no name", "8080"), None);
        assert_eq!(set_var("[]", "port", "1"), None);
    }

    #[test]
    fn a_variable_is_set_in_every_layout() {
        let check = |before: &str, value: &str, after: &str| {
            assert_eq!(set_var(before, "port", value).as_deref(), Some(after), "{before}");
        };
        check("vars: { port: 80 } # c\n", "81", "vars: { port: 81 } # c\n");
        check("vars:\n  a: b\n  port: '80' # c\n", "81", "vars:\n  a: b\n  port: 81 # c\n");
        check("vars:\n  port: 80\n", "it's: # \"x\"\n\\", "vars:\n  port: \"it's: # \\\"x\\\"\\n\\\\\"\n");
        check("vars:\n  port: |\n    1\n    2\n  b: c\n", "81", "vars:\n  port: 81\n  b: c\n");
        check("vars:\n  port:\n  b: c\n", "81", "vars:\n  port: 81\n  b: c\n");
        check("vars:\n  b: c\n", "81", "vars:\n  port: 81\n  b: c\n");
        check("vars: { b: c }\n", "81", "vars: { port: 81, b: c }\n");
        check("vars: {}\n", "81", "vars: { port: 81 }\n");
        check("vars:\ntasks: {}\n", "81", "vars:\n  port: 81\ntasks: {}\n");
        check("name: x\n# t\ntasks: {}\n", "81", "name: x\n# t\nvars:\n  port: 81\n\ntasks: {}\n");
        check("vars: { port: 80 }\n", "", "vars: { port: \"\" }\n");
        check("vars: { port: 80 }\n", "null", "vars: { port: \"null\" }\n");
    }

    #[test]
    fn the_value_of_an_alias_is_left_alone() {
        assert_eq!(set_var("vars:\n  a: &a 80\n  port: *a\n", "port", "81"), None);
    }
}
