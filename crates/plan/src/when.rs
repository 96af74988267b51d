//! `when:` — the conditions of steps and tasks.
//!
//! ```text
//! facts.os_family == "debian" and not defined(vars.skip)
//! facts.version >= "12" or host.name in ["web1", "web2"]
//! ```
//!
//! The way of a condition: text → [`lexer`] → [`parser`] (a tree with places) → [`check`] (names and types) → [`fold`]
//! (what is known without the host is put in) → [`CompiledWhen`], which a run asks with the facts of the host.
//!
//! What binds most tightly comes first: comparisons and `in`; `not`; `and`; `or`. Comparisons are not chained.
//!
//! **Kinds of values.** Texts, numbers, truth values and lists are never turned into each other, with one exception:
//! what stands in `vars` and `env` is a text as it is written, so beside a number it is read as a number, and where a
//! truth value is needed as `true` or `false`. What cannot be read like that is an error.
//!
//! **Order.** `<`, `<=`, `>` and `>=` compare numbers by value, and texts as versions; see [`version`]. `==` and `!=`
//! compare texts character by character.
//!
//! Everything here is pure, and bounded: the length of a condition, its depth and the number of its parts.

mod check;
mod compiled;
mod fold;
mod lexer;
mod number;
mod parser;
mod places;
mod tree;
mod value;
mod version;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

pub use compiled::CompiledWhen;
pub(crate) use fold::compile;
use places::Places;
use tree::Expression;

use crate::{
    diagnostic::{Code, Diagnostic},
    scope::Scope,
    span::Span,
    yaml::Source,
};

/// A condition as it is written.
#[derive(Clone, Debug)]
pub(crate) struct When {
    /// On one line, as it is shown.
    text: String,
    expression: Expression,
    places: Places,
}

/// A range of the text of a condition, in bytes; the end is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// What is wrong with a condition, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) bytes: Bytes,
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Bytes {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the start of this to the end of the other.
    pub(crate) fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end.max(self.start) }
    }
}

impl Problem {
    pub(crate) fn new(bytes: Bytes, message: impl Into<String>) -> Self {
        Self { bytes, code: Code::When, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    fn at(self, places: &Places) -> Diagnostic {
        let problem = Diagnostic::error(self.code, places.span(self.bytes), self.message);
        match self.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

impl When {
    /// Reads the `text` of the scalar at `span`. What is wrong with it is reported.
    pub(crate) fn parse(
        text: &str,
        span: Span,
        source: &Source,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let places = Places::of(text, span, source);
        match parser::parse(text) {
            Ok(expression) => {
                let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                Some(Self { text, expression, places })
            }
            Err(problem) => {
                problems.push(problem.at(&places));
                None
            }
        }
    }

    /// Reports everything about its names and types that is wrong whatever the host is.
    pub(crate) fn check(&self, scope: &Scope<'_>, problems: &mut Vec<Diagnostic>) {
        let found = check::check(&self.expression, scope);
        problems.extend(found.into_iter().map(|problem| problem.at(&self.places)));
    }
}

/// In the schema a condition is a text, or a truth value.
impl JsonSchema for When {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "boolean"],
            "examples": ["facts.os_family == \"debian\" and not defined(vars.skip)", "facts.version >= \"12\""],
        })
    }
}

#[cfg(test)]
mod tests;
