//! Places in the source.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// A position between two characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The file that it is in: 0 is the plan itself, the others are those that it includes.
    pub(crate) file: u16,
    /// Characters before it in the whole file.
    pub(crate) index: usize,
    /// From 1.
    pub(crate) line: u32,
    /// From 1, in characters.
    pub(crate) column: u32,
}

/// A range of the source; the end is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: Position,
    pub(crate) end: Position,
}

/// A value and where it was read.
#[derive(Clone, Debug)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl Span {
    /// The start of the plan itself.
    pub(crate) const START: Self = {
        let position = Position { file: 0, index: 0, line: 1, column: 1 };
        Self { start: position, end: position }
    };
}

/// In the schema a value with a place is the value.
impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
