//! What is left of a condition once everything but the facts of the host is known.

use serde::{Deserialize, Serialize};
use steadyhand_domain::{FactKind, Facts};

use super::{
    tree::Operator,
    value::{Value, compare, is_in},
};

/// A condition of a compiled plan: whether the step is carried out on its host. It is asked before anything else of the
/// step is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompiledWhen {
    /// The condition as the plan has it, on one line.
    pub when: String,
    /// What is left of it.
    pub(crate) rest: Node,
}

/// A part of what is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Node {
    Value(Value),
    /// The fact of that name.
    Fact(String),
    /// Whether the host tells the fact of that name.
    Defined(String),
    List(Vec<Node>),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Compare {
        operator: Operator,
        left: Box<Node>,
        right: Box<Node>,
    },
    In {
        item: Box<Node>,
        within: Box<Node>,
    },
    /// What is not known while a plan is checked. A compiled plan has none.
    Unknown,
}

/// What kind of value a part has, as far as that is known without the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Truth,
    Other,
}

impl Node {
    pub(crate) fn truth(truth: bool) -> Self {
        Self::Value(Value::Truth(truth))
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Value(Value::Number(_)) => Kind::Number,
            Self::Fact(name) if Facts::kind(name) == Some(FactKind::Number) => Kind::Number,
            Self::Value(Value::Truth(_))
            | Self::Defined(_)
            | Self::Not(_)
            | Self::All(_)
            | Self::Any(_)
            | Self::Compare { .. }
            | Self::In { .. } => Kind::Truth,
            Self::Value(_) | Self::Fact(_) | Self::List(_) | Self::Unknown => Kind::Other,
        }
    }

    fn evaluate(&self, facts: &Facts) -> Result<Value, String> {
        Ok(match self {
            Self::Value(value) => value.clone(),
            Self::Fact(name) => facts.get(name).and_then(Value::of_fact).ok_or_else(|| {
                format!("the host does not tell `facts.{name}`; ask first: `defined(facts.{name}) and …`")
            })?,
            Self::Defined(name) => Value::Truth(facts.get(name).is_some()),
            Self::List(items) => {
                Value::List(items.iter().map(|item| item.evaluate(facts)).collect::<Result<_, _>>()?)
            }
            Self::Not(node) => Value::Truth(!node.holds(facts)?),
            Self::All(nodes) => {
                for node in nodes {
                    if !node.holds(facts)? {
                        return Ok(Value::Truth(false));
                    }
                }
                Value::Truth(true)
            }
            Self::Any(nodes) => {
                for node in nodes {
                    if node.holds(facts)? {
                        return Ok(Value::Truth(true));
                    }
                }
                Value::Truth(false)
            }
            Self::Compare { operator, left, right } => {
                Value::Truth(compare(*operator, &left.evaluate(facts)?, &right.evaluate(facts)?)?)
            }
            Self::In { item, within } => {
                Value::Truth(is_in(&item.evaluate(facts)?, &within.evaluate(facts)?)?)
            }
            Self::Unknown => return Err("a part of it was never known".to_owned()),
        })
    }

    fn holds(&self, facts: &Facts) -> Result<bool, String> {
        let value = self.evaluate(facts)?;
        value.truth().ok_or_else(|| format!("{} is neither true nor false", value.describe()))
    }

    fn needs_facts(&self) -> bool {
        match self {
            Self::Value(_) | Self::Unknown => false,
            Self::Fact(_) | Self::Defined(_) => true,
            Self::List(nodes) | Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(Self::needs_facts),
            Self::Not(node) => node.needs_facts(),
            Self::Compare { left, right, .. } => left.needs_facts() || right.needs_facts(),
            Self::In { item, within } => item.needs_facts() || within.needs_facts(),
        }
    }
}

impl CompiledWhen {
    /// Whether the condition holds on a host with these facts.
    ///
    /// # Errors
    /// What cannot be told: a fact that the host does not tell, or a value that is not of the kind that is needed.
    pub fn evaluate(&self, facts: &Facts) -> Result<bool, String> {
        self.rest.holds(facts).map_err(|why| format!("the condition `{}` has no answer: {why}", self.when))
    }

    /// The answer, where it is the same on whatever host.
    #[must_use]
    pub fn certain(&self) -> Option<bool> {
        match &self.rest {
            Node::Value(value) => value.truth(),
            _ => None,
        }
    }

    /// Whether the answer depends on the facts of the host.
    #[must_use]
    pub fn needs_facts(&self) -> bool {
        self.rest.needs_facts()
    }
}
