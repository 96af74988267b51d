//! The kinds of resources: what a step may say should be on a host, and with which parameters.
//!
//! They are data: the reader, the JSON Schema and the compiler all go by these tables. How a resource is compared and
//! changed on a host is said elsewhere, in one script for each kind.

mod kinds;

use serde_json::{Map, Value, json};

pub(crate) use kinds::KINDS;

use crate::{cron::Schedule, duration::Millis, read::listed, yaml::shorten};

/// A kind of resource.
pub(crate) struct Kind {
    /// The key of the step.
    pub(crate) name: &'static str,
    /// What it does, for editors.
    pub(crate) about: &'static str,
    /// The parameter that a value alone stands for: `package: nginx`.
    pub(crate) short: Option<&'static str>,
    /// All of them.
    pub(crate) params: &'static [Param],
    /// Of each of these sets at most one may be given.
    pub(crate) exclusive: &'static [&'static [&'static str]],
}

/// A parameter of a kind of resource.
pub(crate) struct Param {
    /// Its key.
    pub(crate) name: &'static str,
    /// What it says, for editors.
    pub(crate) about: &'static str,
    /// What its value is.
    pub(crate) of: Of,
    /// Whether it has to be given, or what it is when it is not.
    pub(crate) given: Given,
}

/// Whether a parameter has to be given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// It has to.
    Always,
    /// It may be left out, and nothing is said then.
    Maybe,
    /// It may be left out, and is this then.
    Or(&'static str),
}

/// What the value of a parameter is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// A text, which may have several lines.
    Text,
    /// A text of one line.
    Line,
    /// One text of one line, or a list of them: lines for the script.
    Lines,
    /// Names with texts of one line: lines `NAME=VALUE` for the script.
    Map,
    /// The same with values that everybody may see: no secrets.
    PublicMap,
    /// A text of one line that everybody may see: no secret.
    PublicLine,
    /// One command for a shell, or a list of them: values that are put in are quoted, and are no secrets.
    Commands,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`: `yes` or `no` for the script.
    Truth,
    /// A whole number in this range.
    Number(i64, i64),
    /// A length of time such as `30s`: whole seconds for the script.
    Duration,
    /// When a job is due, as cron takes it.
    Schedule,
    /// The mode of a file, in octal: three or four digits.
    Mode,
    /// A file on this machine, whose content the script gets as `content`, or as `content_base64` where it is no text.
    Source,
    /// The same, with `${{ … }}` in it put in first.
    Template,
    /// A file or a folder on this machine, which is sent to the host first; the script is told where it is there.
    Sent,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl std::fmt::Debug for Param {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Kind {
    /// The kind of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// Its parameter of this name.
    pub(crate) fn param(&self, name: &str) -> Option<&'static Param> {
        self.params.iter().find(|param| param.name == name)
    }

    /// The JSON Schema of what stands behind its key.
    pub(crate) fn schema(&self) -> Value {
        let properties: Map<String, Value> = self
            .params
            .iter()
            .map(|param| {
                let mut schema = param.of.schema();
                schema["description"] = param.about.into();
                if let Given::Or(otherwise) = param.given {
                    schema["default"] = match otherwise {
                        "yes" => true.into(),
                        "no" => false.into(),
                        other => other.into(),
                    };
                }
                (param.name.to_owned(), schema)
            })
            .collect();
        let required: Vec<&str> =
            self.params.iter().filter(|param| param.given == Given::Always).map(|param| param.name).collect();
        let mut whole = json!({
            "type": "object",
            "description": self.about,
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        });
        let short = self.short.and_then(|short| self.param(short));
        match short {
            Some(short) if required.iter().all(|name| *name == short.name) => {
                whole["description"] = Value::Null;
                if let Some(fields) = whole.as_object_mut() {
                    fields.remove("description");
                }
                json!({ "description": self.about, "anyOf": [short.of.schema(), whole] })
            }
            _ => whole,
        }
    }
}

impl Of {
    fn schema(self) -> Value {
        let expression = json!({ "type": "string", "pattern": r"\$\{\{" });
        match self {
            Self::Text | Self::Line | Self::PublicLine => json!({ "type": ["string", "number", "boolean"] }),
            Self::Source | Self::Template | Self::Sent => json!({ "type": "string" }),
            Self::Lines | Self::Commands => {
                let one = json!({ "type": ["string", "number"] });
                json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
            }
            Self::Map | Self::PublicMap => {
                let one = json!({ "type": ["string", "number", "boolean"] });
                json!({ "type": "object", "additionalProperties": one })
            }
            Self::Choice(words) => json!({ "anyOf": [{ "enum": words }, expression] }),
            Self::Truth => json!({ "anyOf": [{ "type": "boolean" }, expression] }),
            Self::Number(low, high) => {
                json!({ "anyOf": [{ "type": "integer", "minimum": low, "maximum": high }, expression] })
            }
            Self::Duration | Self::Schedule => json!({ "type": "string" }),
            Self::Mode => json!({ "type": ["string", "integer"] }),
        }
    }

    /// What is wrong with a value that is known, if anything is; otherwise the value as the script gets it.
    pub(crate) fn settle(self, value: &str) -> Result<String, String> {
        let is = |expected: &str| Err(format!("must be {expected}, but is `{}`", shorten(value)));
        match self {
            Self::Text => Ok(value.to_owned()),
            Self::Line
            | Self::Lines
            | Self::Map
            | Self::PublicMap
            | Self::PublicLine
            | Self::Commands
            | Self::Source
            | Self::Template
            | Self::Sent => {
                if value.contains('\n') {
                    is("one line")
                } else {
                    Ok(value.to_owned())
                }
            }
            Self::Choice(words) if words.contains(&value) => Ok(value.to_owned()),
            Self::Choice(words) => is(&format!("one of {}", listed(words.iter().copied()))),
            Self::Truth => match value {
                "true" => Ok("yes".to_owned()),
                "false" => Ok("no".to_owned()),
                _ => is("true or false"),
            },
            Self::Number(low, high) => match value.parse::<i64>() {
                Ok(number) if (low..=high).contains(&number) => Ok(number.to_string()),
                _ => is(&format!("a whole number from {low} to {high}")),
            },
            Self::Duration => match Millis::parse(value) {
                Ok(Millis(ms)) if ms >= 1000 => Ok((ms / 1000).to_string()),
                Ok(_) | Err(_) => is("a length of time of at least a second, such as 30s or 5m"),
            },
            Self::Schedule => {
                let words: Vec<&str> = value.split_whitespace().collect();
                Schedule::parse(value).map(|_| words.join(" "))
            }
            Self::Mode => {
                let is_octal = value.chars().all(|c| ('0'..='7').contains(&c));
                if is_octal && (3..=5).contains(&value.len()) {
                    Ok(value.to_owned())
                } else {
                    is("an octal mode such as \"0644\"")
                }
            }
        }
    }

    /// Whether a value may be put in only when the run is under way: a secret or a fact.
    pub(crate) fn may_be_unknown(self) -> bool {
        matches!(self, Self::Text | Self::Line | Self::Lines | Self::Map)
    }
}
