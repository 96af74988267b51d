//! From the tree to the typed plan. Every problem is recorded and reading goes on, so that all are reported at once;
//! what could not be read is left out.

mod app;
mod discover;
mod jobs;
mod notify;
mod plan;
mod resource;
mod step;
mod strategy;

pub(crate) use plan::{Whole, host_templates, plan};

use crate::{
    ast::Entries,
    diagnostic::{Code, Diagnostic},
    duration::Millis,
    span::{Span, Spanned},
    suggest::did_you_mean,
    template::Template,
    when::When,
    yaml::{Kind, Node, Scalar, ScalarType, Source, shorten},
};

/// Reads nodes and records problems.
pub(crate) struct Reader<'s> {
    source: &'s Source,
    pub(crate) problems: Vec<Diagnostic>,
}

/// The keys that a mapping may have.
pub(crate) struct Keys<'k> {
    /// What the mapping is: "a step".
    what: &'k str,
    known: &'k [&'static str],
    /// Keys that a later version may have.
    later: &'static [&'static str],
    /// What people write, and the key that they mean. One that is not known is not meant.
    instead: &'static [(&'static str, &'static str)],
}

/// The fields of a mapping whose keys were checked.
pub(crate) struct Fields<'n> {
    what: String,
    /// The place of the mapping, or of the key that it belongs to: where to say what is missing.
    span: Span,
    fields: Vec<(Spanned<String>, &'n Node)>,
    /// The keys that unknown ones were probably meant to be: that they are missing goes without saying.
    meant: Vec<&'static str>,
}

/// A field that is there.
#[derive(Clone, Copy)]
pub(crate) struct Field<'n> {
    name: &'n str,
    node: &'n Node,
    /// Where to point: the value, or the key when there is no value to see.
    span: Span,
}

impl<'n> Fields<'n> {
    pub(crate) fn get(&self, name: &'static str) -> Option<Field<'n>> {
        let (key, node) = self.fields.iter().find(|(key, _)| key.value == name)?;
        Some(Field { name, node, span: if node.is_null() { key.span } else { node.span } })
    }

    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(key, _)| key.value == name)
    }

    fn key_span(&self, name: &str) -> Span {
        self.fields.iter().find(|(key, _)| key.value == name).map_or(self.span, |(key, _)| key.span)
    }
}

impl<'s> Reader<'s> {
    pub(crate) fn new(source: &'s Source) -> Self {
        Self { source, problems: Vec::new() }
    }

    fn error(&mut self, code: Code, span: Span, message: impl Into<String>, hint: Option<&str>) {
        let problem = Diagnostic::error(code, span, message);
        self.problems.push(match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
    }

    fn wrong_type(&mut self, field: Field<'_>, expected: &str, hint: Option<&str>) {
        let message =
            format!("`{}` must be {expected}, but is {}", shorten(field.name), field.node.describe());
        self.error(Code::WrongType, field.span, message, hint);
    }

    /// The fields of a mapping that may have `keys`; `None` when it is no mapping.
    fn fields<'n>(&mut self, node: &'n Node, name: &str, span: Span, keys: &Keys<'_>) -> Option<Fields<'n>> {
        let entries = self.entries(node, name, span, keys.what)?;
        let (mut fields, mut meant) = (Vec::new(), Vec::new());
        for (key, value) in entries {
            if keys.known.contains(&key.value.as_str()) {
                fields.push((key, value));
            } else {
                meant.extend(self.unknown_key(&key, keys));
            }
        }
        Some(Fields { what: keys.what.to_owned(), span, fields, meant })
    }

    /// Reports a key that is not known, and says which one it was probably meant to be.
    fn unknown_key(&mut self, key: &Spanned<String>, keys: &Keys<'_>) -> Option<&'static str> {
        let name = shorten(&key.value);
        if name == "<<" {
            let message = "merge keys (`<<`) are not part of YAML 1.2, and plans do not use them";
            let hint = "write the keys out, or use an alias for a whole value";
            self.error(Code::YamlFeature, key.span, message, Some(hint));
            return None;
        }
        if keys.later.contains(&key.value.as_str()) {
            let message = format!("`{name}` is not supported by this version");
            self.error(Code::Unsupported, key.span, message, None);
            return None;
        }
        let message = format!("{} has no key `{name}`", keys.what);
        let meant =
            keys.instead.iter().find(|(wrong, right)| *wrong == key.value && keys.known.contains(right));
        let meant = meant.map(|(_, right)| *right);
        let meant = meant.or_else(|| did_you_mean(&key.value, keys.known.iter().copied()));
        let hint = match meant {
            Some(right) => format!("did you mean `{right}`?"),
            None => format!("the keys are {}", listed(keys.known.iter().copied())),
        };
        self.error(Code::UnknownKey, key.span, message, Some(&hint));
        meant
    }

    /// The entries of a mapping with any keys, each key once.
    fn entries<'n>(
        &mut self,
        node: &'n Node,
        name: &str,
        span: Span,
        what: &str,
    ) -> Option<Vec<(Spanned<String>, &'n Node)>> {
        let Kind::Mapping(pairs) = &node.kind else {
            let message =
                format!("{what} must be a mapping (`key: value` lines), but is {}", node.describe());
            let message = if name.is_empty() { message } else { format!("`{}`: {message}", shorten(name)) };
            self.error(Code::WrongType, span, message, None);
            return None;
        };
        let mut seen: std::collections::BTreeMap<&str, Span> = std::collections::BTreeMap::new();
        let mut entries = Vec::new();
        for (key, value) in pairs {
            let Kind::Scalar(Scalar { text, .. }) = &key.kind else {
                let message = format!("a key must be a text, but is {}", key.describe());
                let hint = "a text that begins with `{` or `[` needs quotes";
                self.error(Code::WrongType, key.span, message, Some(hint));
                continue;
            };
            if let Some(first) = seen.get(text.as_str()) {
                let message = format!("the key `{}` stands twice", shorten(text));
                let hint = format!("the first one is on line {}; keep one of them", first.start.line);
                self.error(Code::DuplicateKey, key.span, message, Some(&hint));
                continue;
            }
            seen.insert(text, key.span);
            entries.push((Spanned { value: text.clone(), span: key.span }, value));
        }
        Some(entries)
    }

    /// The entries of an optional mapping whose keys are names; nothing after the colon is an empty mapping.
    fn named<'n>(
        &mut self,
        field: Option<Field<'n>>,
        what: &str,
        is_name: fn(&str) -> bool,
    ) -> Entries<&'n Node> {
        let Some(field) = field.filter(|field| !field.node.is_null()) else { return Vec::new() };
        let entries =
            self.entries(field.node, "", field.span, &format!("`{}`", field.name)).unwrap_or_default();
        for (name, _) in &entries {
            self.check_name(name, what, is_name);
        }
        entries
    }

    fn check_name(&mut self, name: &Spanned<String>, what: &str, is_name: fn(&str) -> bool) {
        if !is_name(&name.value) {
            let message = format!("`{}` is no name for {what}", shorten(&name.value));
            let hint = match what {
                "a task" | "a handler" => {
                    "a name is one line of at most 100 characters, without spaces around it"
                }
                "a host" | "a group" => {
                    "a name has letters, digits and `_`, and after the first one `-` and `.` too"
                }
                "an environment variable" | "a step" => {
                    "a name has letters, digits and `_`, and does not begin with a digit"
                }
                _ => "a name begins with a letter or `_`, and goes on with letters, digits, `_` and `-`",
            };
            self.error(Code::InvalidName, name.span, message, Some(hint));
        }
    }

    fn missing(&mut self, fields: &Fields<'_>, key: &str, hint: &str) {
        if fields.meant.contains(&key) {
            return;
        }
        let message = format!("{} needs `{key}`", fields.what);
        self.error(Code::MissingKey, fields.span, message, Some(hint));
    }

    /// A text: no number and no truth value, which YAML would not keep as written.
    fn text(&mut self, field: Field<'_>, expected: &str) -> Option<Spanned<String>> {
        match &field.node.kind {
            Kind::Scalar(scalar) => match scalar.scalar_type() {
                ScalarType::Text if scalar.text.trim().is_empty() => {
                    let message = format!("`{}` is empty", field.name);
                    self.error(Code::InvalidValue, field.span, message, None);
                    None
                }
                ScalarType::Text => Some(Spanned { value: scalar.text.clone(), span: field.node.span }),
                ScalarType::Null => {
                    self.wrong_type(field, expected, None);
                    None
                }
                ScalarType::Bool | ScalarType::Number => {
                    let hint = format!("put it in quotes: \"{}\"", shorten(&scalar.text));
                    self.wrong_type(field, expected, Some(&hint));
                    None
                }
            },
            Kind::Sequence(_) | Kind::Mapping(_) => {
                let hint = (field.name == "run").then_some(
                    "several commands go on lines of their own after `run: |`, or into several steps",
                );
                self.wrong_type(field, expected, hint);
                None
            }
        }
    }

    /// A text with `${{ … }}`.
    fn template(&mut self, field: Field<'_>, expected: &str) -> Option<Template> {
        let text = self.text(field, expected)?;
        Some(Template::parse(&text.value, text.span, self.source, &mut self.problems))
    }

    /// The condition of a task or a step.
    fn when(&mut self, fields: &Fields<'_>) -> Option<When> {
        const HINT: &str = "write an expression: when: facts.os_family == \"debian\"";
        let field = fields.get("when")?;
        match &field.node.kind {
            Kind::Scalar(scalar)
                if scalar.scalar_type() != ScalarType::Null && !scalar.text.trim().is_empty() =>
            {
                When::parse(&scalar.text, field.node.span, self.source, &mut self.problems)
            }
            Kind::Sequence(_) => {
                let hint = "join conditions with `and`; a condition that begins with `[` goes into quotes";
                self.wrong_type(field, "a condition", Some(hint));
                None
            }
            Kind::Scalar(_) | Kind::Mapping(_) => {
                self.wrong_type(field, "a condition", Some(HINT));
                None
            }
        }
    }

    /// A text, number or truth value, taken as it is written.
    fn value(&mut self, name: &Spanned<String>, node: &Node) -> Option<Template> {
        let span = if node.is_null() { name.span } else { node.span };
        match &node.kind {
            Kind::Scalar(scalar) if scalar.scalar_type() != ScalarType::Null => {
                Some(Template::parse(&scalar.text, node.span, self.source, &mut self.problems))
            }
            _ => {
                let hint = node.is_null().then_some("write \"\" for an empty text");
                let field = Field { name: &name.value, node, span };
                self.wrong_type(field, "a text, a number, true or false", hint);
                None
            }
        }
    }

    fn truth(&mut self, field: Field<'_>) -> Option<bool> {
        match &field.node.kind {
            Kind::Scalar(scalar) if scalar.scalar_type() == ScalarType::Bool => {
                Some(scalar.text.eq_ignore_ascii_case("true"))
            }
            _ => {
                self.wrong_type(field, "true or false", None);
                None
            }
        }
    }

    fn whole_number(&mut self, field: Field<'_>, low: u32, high: u32) -> Option<u32> {
        let expected = format!("a whole number from {low} to {high}");
        match &field.node.kind {
            Kind::Scalar(scalar) if scalar.scalar_type() == ScalarType::Number => {
                let number = scalar.text.parse::<u32>().ok().filter(|number| (low..=high).contains(number));
                if number.is_none() {
                    let message =
                        format!("`{}` must be {expected}, but is {}", field.name, shorten(&scalar.text));
                    self.error(Code::InvalidValue, field.span, message, None);
                }
                number
            }
            _ => {
                self.wrong_type(field, &expected, None);
                None
            }
        }
    }

    fn duration(&mut self, field: Field<'_>, at_least: Millis) -> Option<Spanned<Millis>> {
        const HINT: &str = "write numbers with units, such as 30s, 5m, 1h30m or 500ms";
        let scalar = match &field.node.kind {
            Kind::Scalar(scalar) if matches!(scalar.scalar_type(), ScalarType::Text | ScalarType::Number) => {
                scalar
            }
            _ => {
                self.wrong_type(field, "a length of time", Some(HINT));
                return None;
            }
        };
        match Millis::parse(&scalar.text) {
            Ok(value) if value >= at_least => Some(Spanned { value, span: field.span }),
            Ok(_) => {
                let message = format!("`{}` must be longer than nothing", field.name);
                self.error(Code::InvalidValue, field.span, message, Some(HINT));
                None
            }
            Err(problem) => {
                let message =
                    format!("`{}`: the length of time `{}` {problem}", field.name, shorten(&scalar.text));
                let hint = match problem {
                    "has no unit" => {
                        format!("write {0}s for seconds or {0}m for minutes", scalar.text.trim())
                    }
                    _ => HINT.to_owned(),
                };
                self.error(Code::InvalidValue, field.span, message, Some(&hint));
                None
            }
        }
    }

    /// A list of names; one alone is allowed where `or_one`.
    fn names(&mut self, field: Option<Field<'_>>, or_one: bool) -> Vec<Spanned<String>> {
        let Some(field) = field else { return Vec::new() };
        let items = match &field.node.kind {
            Kind::Sequence(items) => items.as_slice(),
            Kind::Scalar(scalar) if or_one && scalar.scalar_type() != ScalarType::Null => {
                std::slice::from_ref(field.node)
            }
            _ => {
                let expected = if or_one { "a name or a list of names" } else { "a list of names" };
                let hint = (!or_one).then(|| format!("write {}: [name]", field.name));
                self.wrong_type(field, expected, hint.as_deref());
                return Vec::new();
            }
        };
        let mut names: Vec<Spanned<String>> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for item in items {
            let span = if item.is_null() { field.span } else { item.span };
            let item = Field { name: field.name, node: item, span };
            match &item.node.kind {
                Kind::Scalar(scalar)
                    if scalar.scalar_type() != ScalarType::Null && !scalar.text.is_empty() =>
                {
                    if seen.insert(scalar.text.clone()) {
                        names.push(Spanned { value: scalar.text.clone(), span });
                    }
                }
                _ => {
                    let message =
                        format!("`{}` lists names, but here is {}", field.name, item.node.describe());
                    self.error(Code::WrongType, span, message, None);
                }
            }
        }
        names
    }
}

/// `a`, `b` and `c`
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 20;
    let mut quoted: Vec<String> = names.map(|name| format!("`{}`", shorten(name))).collect();
    if quoted.len() > MOST {
        let more = quoted.len() - MOST;
        quoted.truncate(MOST);
        return format!("{} and {more} more", quoted.join(", "));
    }
    match quoted.pop() {
        None => String::new(),
        Some(only) if quoted.is_empty() => only,
        Some(last) => format!("{} and {last}", quoted.join(", ")),
    }
}

/// What there is instead of what was named: `there are `a` and `b``.
pub(crate) fn there_are<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let verb = if names.len() == 1 { "is only" } else { "are" };
    format!("there {verb} {}", listed(names.into_iter()))
}

/// Names of hosts and groups.
pub(crate) fn is_host_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        && name.len() <= 100
}

/// Whether a variable or a secret can be called so, for `${{ vars.… }}` and `${{ secrets.… }}` to read it.
#[must_use]
pub fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && name.len() <= 100
}

/// Names of environment variables (IEEE Std 1003.1-2017, 3.235).
pub(crate) fn is_environment_name(name: &str) -> bool {
    is_variable_name(name) && !name.contains('-')
}

/// Names of tasks: any words on one line.
pub(crate) fn is_task_name(name: &str) -> bool {
    !name.trim().is_empty() && name.trim() == name && !name.chars().any(char::is_control) && name.len() <= 100
}
