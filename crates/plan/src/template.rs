//! Texts with `${{ … }}` in them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    diagnostic::{Code, Diagnostic},
    span::Span,
    yaml::{Source, shorten},
};

/// A text with `${{ … }}` in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    pub(crate) span: Span,
    pub(crate) pieces: Vec<Piece>,
}

/// A piece of a [`Template`].
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(String),
    Expression(Expression),
}

/// `${{ root.name }}`, or `${{ root.name | raw }}`.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) span: Span,
    pub(crate) root: Root,
    pub(crate) name: String,
    /// What is taken of a JSON document: keys, and places in lists. Only what a step has written is read so.
    pub(crate) json: Option<Vec<String>>,
    pub(crate) raw: bool,
}

/// Where the value of an [`Expression`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Root {
    Vars,
    Secrets,
    Env,
    Host,
    Facts,
    /// What a step has written.
    Steps,
}

/// What a host has for `${{ host.… }}`.
pub(crate) const HOST_FIELDS: [&str; 4] = ["name", "address", "user", "port"];
/// Roots that the design has and this version does not.
const LATER_ROOTS: [&str; 3] = ["git", "app", "matrix"];
const OPEN: &str = "${{";
const CLOSE: &str = "}}";

impl Root {
    const ALL: [Self; 6] = [Self::Vars, Self::Secrets, Self::Env, Self::Host, Self::Facts, Self::Steps];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Vars => "vars",
            Self::Secrets => "secrets",
            Self::Env => "env",
            Self::Host => "host",
            Self::Facts => "facts",
            Self::Steps => "steps",
        }
    }
}

impl Template {
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Expression(expression) => Some(expression),
            Piece::Text(_) => None,
        })
    }

    /// The text as it was written, with `${{ … }}` in it.
    pub(crate) fn written(&self) -> String {
        self.pieces.iter().fold(String::new(), |mut out, piece| {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Expression(expression) => out.push_str(&expression.written()),
            }
            out
        })
    }

    /// A text with nothing to put in.
    pub(crate) fn literal(text: &str, span: Span) -> Self {
        Self { span, pieces: vec![Piece::Text(text.to_owned())] }
    }

    /// Reads the `text` of the scalar at `span`. What cannot be read is reported and left out.
    pub(crate) fn parse(text: &str, span: Span, source: &Source, problems: &mut Vec<Diagnostic>) -> Self {
        let places = Places::of(span, source);
        let mut pieces = Vec::new();
        let mut rest = text;
        let mut number = 0;
        while let Some(start) = rest.find(OPEN) {
            if start > 0 {
                pieces.push(Piece::Text(rest[..start].to_owned()));
            }
            let after = &rest[start + OPEN.len()..];
            let Some(end) = after.find(CLOSE) else {
                let message = "`${{` has no `}}` after it";
                problems.push(Diagnostic::error(Code::Template, places.get(number), message));
                return Self { span, pieces };
            };
            match expression(&after[..end], places.get(number)) {
                Ok(expression) => pieces.push(Piece::Expression(expression)),
                Err(problem) => problems.push(*problem),
            }
            rest = &after[end + CLOSE.len()..];
            number += 1;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        if text.contains('\0') {
            let message = "the text has a NUL character (`\\0`), which neither commands nor paths can have";
            problems.push(Diagnostic::error(Code::InvalidValue, span, message));
        }
        Self { span, pieces }
    }
}

impl Expression {
    /// `vars.port`
    pub(crate) fn path(&self) -> String {
        let Self { root, name, json, .. } = self;
        match (root, json) {
            (Root::Steps, None) => format!("steps.{name}.stdout"),
            (Root::Steps, Some(keys)) => {
                let keys: String = keys.iter().map(|key| format!(".{key}")).collect();
                format!("json(steps.{name}.stdout){keys}")
            }
            _ => format!("{}.{name}", root.word()),
        }
    }

    /// `${{ vars.port }}`
    pub(crate) fn written(&self) -> String {
        let raw = if self.raw { " | raw" } else { "" };
        format!("${{{{ {}{raw} }}}}", self.path())
    }
}

/// The places of the expressions of one scalar in the source.
///
/// YAML changes the text of a scalar (escapes, folding, indentation) but hardly ever that of `${{`, so the n-th one
/// of the text is the n-th one of the source. Where the counts differ, the scalar is the place.
struct Places {
    whole: Span,
    each: Vec<Span>,
}

impl Places {
    fn of(whole: Span, source: &Source) -> Self {
        let chars = source.slice(whole);
        let (open, close): (Vec<char>, Vec<char>) = (OPEN.chars().collect(), CLOSE.chars().collect());
        let mut each = Vec::new();
        let mut at = 0;
        while let Some(start) = find(chars, &open, at) {
            let end = find(chars, &close, start).map_or(start + open.len(), |end| end + close.len());
            each.push(source.span(whole.start.index + start, whole.start.index + end));
            at = end;
        }
        Self { whole, each }
    }

    fn get(&self, number: usize) -> Span {
        self.each.get(number).copied().unwrap_or(self.whole)
    }
}

fn find(chars: &[char], what: &[char], from: usize) -> Option<usize> {
    chars.get(from..)?.windows(what.len()).position(|window| window == what).map(|at| at + from)
}

fn expression(inner: &str, span: Span) -> Result<Expression, Box<Diagnostic>> {
    let error = |message: String| Diagnostic::error(Code::Template, span, message);
    const FORM: &str = "write `${{ vars.NAME }}`, `${{ secrets.NAME }}`, `${{ env.NAME }}`, `${{ host.address }}` or `${{ facts.os }}`";
    let mut parts = inner.split('|').map(str::trim);
    let path = parts.next().unwrap_or_default();
    let mut raw = false;
    for filter in parts {
        if filter != "raw" {
            let filter = shorten(filter);
            let message = format!("`{filter}` is not known here; the only filter is `raw`");
            return Err(Box::new(error(message)));
        }
        raw = true;
    }
    if path.is_empty() {
        return Err(Box::new(error("`${{ }}` names nothing".to_owned()).hint(FORM)));
    }
    let (path, json) = match path.strip_prefix("json(") {
        None => (path, None),
        Some(rest) => {
            let parts =
                rest.split_once(')').and_then(|(argument, after)| Some((argument, json_path(after)?)));
            let Some((argument, keys)) = parts else {
                let message = format!("`{}` cannot be read", shorten(path));
                let hint = "write `${{ json(steps.ID.stdout).key }}`, or `[0]` for a place in a list";
                return Err(Box::new(error(message).hint(hint)));
            };
            (argument.trim(), Some(keys))
        }
    };
    let (root, name) = path.split_once('.').unwrap_or((path, ""));
    let (path, word) = (shorten(path), shorten(root));
    let Some(root) = Root::ALL.into_iter().find(|known| known.word() == root) else {
        if LATER_ROOTS.contains(&root) {
            let message = format!("`{path}` is not supported by this version");
            return Err(Box::new(Diagnostic::error(Code::Unsupported, span, message)));
        }
        let message = format!(
            "`{path}` begins with `{word}`, which is none of `vars`, `secrets`, `env`, `host`, `facts`, `steps`"
        );
        return Err(Box::new(error(message).hint(FORM)));
    };
    let name = match (root, name.strip_suffix(".stdout")) {
        (Root::Steps, Some(id)) => id,
        (Root::Steps, None) => {
            let message = format!("`{path}` is nothing that a step has");
            return Err(Box::new(error(message).hint("write `${{ steps.ID.stdout }}`: what it wrote")));
        }
        _ if json.is_some() => {
            let message = "only what a step has written is read as JSON".to_owned();
            return Err(Box::new(error(message).hint("write `${{ json(steps.ID.stdout).key }}`")));
        }
        _ => name,
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !is_name {
        let message =
            format!("`{path}` has no name of letters, digits, `_` and `-` after `{}.`", root.word());
        return Err(Box::new(error(message).hint(FORM)));
    }
    Ok(Expression { span, root, name: name.to_owned(), json, raw })
}

/// `.key[0].other`, in parts.
fn json_path(written: &str) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    let mut rest = written.trim();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (place, after) = after.split_once(']')?;
            keys.push(place.trim().parse::<usize>().ok()?.to_string());
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (key, after) = after.split_at(end);
            let is_key =
                !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            keys.push(is_key.then(|| key.to_owned())?);
            rest = after;
        }
    }
    Some(keys)
}

/// In the schema a template is a text.
impl JsonSchema for Template {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}
