//! A condition as a tree whose parts know their places.

use serde::{Deserialize, Serialize};

use super::{Bytes, number::Number};

/// A part of a condition.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) bytes: Bytes,
    pub(crate) kind: Kind,
}

/// What a part of a condition is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Text(String),
    Number(Number),
    Truth(bool),
    List(Vec<Expression>),
    Name(Name),
    Defined(Name, Bytes),
    Not(Box<Expression>),
    /// Two or more.
    All(Vec<Expression>),
    /// Two or more.
    Any(Vec<Expression>),
    Compare(Operator, Box<Expression>, Box<Expression>),
    In(Box<Expression>, Box<Expression>),
}

/// `vars.port`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) root: NameRoot,
    pub(crate) name: String,
}

/// What a name begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRoot {
    Vars,
    Facts,
    Env,
    Host,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// What a host has for `host.…`.
pub(crate) const HOST_NAMES: [&str; 5] = ["name", "address", "user", "port", "tags"];

impl NameRoot {
    pub(crate) const ALL: [Self; 4] = [Self::Vars, Self::Facts, Self::Env, Self::Host];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Vars => "vars",
            Self::Facts => "facts",
            Self::Env => "env",
            Self::Host => "host",
        }
    }
}

impl Name {
    /// `vars.port`
    pub(crate) fn path(&self) -> String {
        format!("{}.{}", self.root.word(), self.name)
    }
}

impl Operator {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Whether it asks for an order, and not only for equality.
    pub(crate) fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::Unequal)
    }

    pub(crate) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

impl Expression {
    /// How many parts lie within each other at most.
    pub(crate) fn depth(&self) -> usize {
        let deepest = |parts: &[Self]| parts.iter().map(Self::depth).max().unwrap_or(0);
        1 + match &self.kind {
            Kind::Text(_) | Kind::Number(_) | Kind::Truth(_) | Kind::Name(_) | Kind::Defined(..) => 0,
            Kind::List(parts) | Kind::All(parts) | Kind::Any(parts) => deepest(parts),
            Kind::Not(part) => part.depth(),
            Kind::Compare(_, a, b) | Kind::In(a, b) => a.depth().max(b.depth()),
        }
    }
}
