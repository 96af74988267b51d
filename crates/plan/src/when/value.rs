//! The values of conditions, and comparing them.

use serde::{Deserialize, Serialize};
use steadyhand_domain::FactValue;

use super::{number::Number, tree::Operator, version};
use crate::yaml::shorten;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Value {
    /// A text that is one.
    Text(String),
    /// A text of `vars` or `env`, which may be written like a number or a truth value.
    Written(String),
    Number(Number),
    Truth(bool),
    List(Vec<Value>),
}

impl Value {
    pub(crate) fn texts(texts: impl IntoIterator<Item = String>) -> Self {
        Self::List(texts.into_iter().map(Self::Text).collect())
    }

    pub(crate) fn of_fact(value: FactValue) -> Option<Self> {
        Some(match value {
            FactValue::Text(text) => Self::Text(text),
            FactValue::Whole(number) => Self::Number(Number::parse(&number.to_string())?),
            FactValue::Number(number) => Self::Number(Number::parse(&format!("{number:.6}"))?),
            FactValue::List(items) => Self::texts(items),
        })
    }

    /// The truth value that it is, or is written as.
    pub(crate) fn truth(&self) -> Option<bool> {
        match self {
            Self::Truth(truth) => Some(*truth),
            Self::Written(text) => written_truth(text),
            Self::Text(_) | Self::Number(_) | Self::List(_) => None,
        }
    }

    /// For messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Text(text) | Self::Written(text) => format!("the text `{}`", shorten(text)),
            Self::Number(number) => format!("the number {number}"),
            Self::Truth(truth) => format!("{truth}"),
            Self::List(_) => "a list".to_owned(),
        }
    }
}

/// The truth values of YAML's core schema.
pub(crate) fn written_truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Whether the comparison holds; the error says why the two cannot be compared.
pub(crate) fn compare(operator: Operator, a: &Value, b: &Value) -> Result<bool, String> {
    let order =
        match (a, b) {
            (Value::Text(a) | Value::Written(a), Value::Text(b) | Value::Written(b)) => {
                if operator.is_order() { version::compare(a, b) } else { a.cmp(b) }
            }
            (Value::Number(a), Value::Number(b)) => a.cmp(b),
            (Value::Truth(a), Value::Truth(b)) if !operator.is_order() => a.cmp(b),
            (Value::Number(a), Value::Written(text)) => a.cmp(&number(text)?),
            (Value::Written(text), Value::Number(b)) => number(text)?.cmp(b),
            (Value::Truth(truth), Value::Written(text)) | (Value::Written(text), Value::Truth(truth))
                if !operator.is_order() =>
            {
                let written = written_truth(text)
                    .ok_or_else(|| format!("`{}` is neither true nor false", shorten(text)))?;
                truth.cmp(&written)
            }
            _ => {
                return Err(format!(
                    "{} and {} cannot be compared with `{}`",
                    a.describe(),
                    b.describe(),
                    operator.sign()
                ));
            }
        };
    Ok(operator.holds(order))
}

fn number(text: &str) -> Result<Number, String> {
    Number::parse(text.trim()).ok_or_else(|| format!("`{}` is no number", shorten(text)))
}

/// Whether `item` is an item of the list, or a part of the text, `within`.
pub(crate) fn is_in(item: &Value, within: &Value) -> Result<bool, String> {
    match (item, within) {
        // What cannot be read as a number equals none.
        (item, Value::List(items)) => {
            Ok(items.iter().any(|other| compare(Operator::Equal, item, other) == Ok(true)))
        }
        (Value::Text(part) | Value::Written(part), Value::Text(text) | Value::Written(text)) => {
            Ok(text.contains(part.as_str()))
        }
        _ => Err(format!("{} cannot be looked for in {}", item.describe(), within.describe())),
    }
}
