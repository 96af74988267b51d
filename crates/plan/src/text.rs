//! Texts of a compiled plan: literal, except for the places where a secret or a fact goes.

use std::fmt;

use serde::{Deserialize, Serialize};
use steadyhand_domain::Facts;

/// A text of a compiled plan. The values of secrets are not in it, only their names; [`Text::reveal`] puts them in
/// at the last moment, in memory. Nor are the facts of its host, which [`Text::with_facts`] puts in first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub Vec<Part>);

/// One piece of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Characters that stand for themselves.
    Literal(String),
    /// The value of a secret.
    Secret {
        /// Its name, as the plan's `secrets` lists it.
        name: String,
        /// How the value is written into the text.
        quoting: Quoting,
    },
    /// The value of a fact of the host.
    Fact {
        /// Its name.
        name: String,
        /// How the value is written into the text.
        quoting: Quoting,
    },
    /// What an earlier step has written.
    Output {
        /// What, of which step.
        output: Output,
        /// How the value is written into the text.
        quoting: Quoting,
    },
}

/// What an earlier step has written, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Output {
    /// The task of the step.
    pub task: String,
    /// Its host.
    pub host: String,
    /// Its `id`.
    pub id: String,
    /// What is taken of it when it is a JSON document: keys, and places in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Vec<String>>,
}

/// How a value is written into a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quoting {
    /// As it is.
    Plain,
    /// As one word of a POSIX shell, in single quotes.
    Word,
}

/// What a text needs and does not get.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// A secret has no value.
    #[error("the secret {name} has no value; set it in the project's settings, then run again")]
    Secret {
        /// Its name.
        name: String,
    },
    /// The host does not tell a fact.
    #[error(
        "the host does not tell `facts.{name}`, which the step needs; give the value in `vars`, or skip the step with `when: defined(facts.{name})`"
    )]
    Fact {
        /// Its name.
        name: String,
    },
    /// An earlier step has not written what is needed.
    #[error("the step needs `steps.{id}.stdout`, but {why}")]
    Output {
        /// The step's `id`.
        id: String,
        /// Why it is not there.
        why: String,
    },
}

impl Text {
    /// The text of characters that stand for themselves.
    pub fn literal(text: impl Into<String>) -> Self {
        let mut out = Self::default();
        out.push_str(&text.into());
        out
    }

    /// Adds characters that stand for themselves.
    pub fn push_str(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(Part::Literal(last)) => last.push_str(text),
            Some(Part::Secret { .. } | Part::Fact { .. } | Part::Output { .. }) | None => {
                self.0.push(Part::Literal(text.to_owned()))
            }
        }
    }

    /// Adds the place where a secret goes.
    pub fn push_secret(&mut self, name: impl Into<String>, quoting: Quoting) {
        self.0.push(Part::Secret { name: name.into(), quoting });
    }

    /// Adds the place where a fact goes.
    pub fn push_fact(&mut self, name: impl Into<String>, quoting: Quoting) {
        self.0.push(Part::Fact { name: name.into(), quoting });
    }

    /// Adds the place where goes what an earlier step has written.
    pub(crate) fn push_output(&mut self, output: Output, quoting: Quoting) {
        self.0.push(Part::Output { output, quoting });
    }

    /// What the text needs of what earlier steps have written.
    pub fn outputs(&self) -> impl Iterator<Item = &Output> {
        self.0.iter().filter_map(|part| match part {
            Part::Output { output, .. } => Some(output),
            Part::Literal(_) | Part::Secret { .. } | Part::Fact { .. } => None,
        })
    }

    /// The text with what earlier steps have written in it.
    ///
    /// # Errors
    /// What `lookup` says about what is not there.
    pub fn with_outputs(
        &self,
        lookup: &impl Fn(&Output) -> Result<String, Missing>,
    ) -> Result<Self, Missing> {
        let mut out = Self::default();
        for part in &self.0 {
            match part {
                Part::Output { output, quoting } => out.push_str(&quoting.apply(&lookup(output)?)),
                other => out.push_part(other.clone()),
            }
        }
        Ok(out)
    }

    /// Adds a part as it is.
    pub(crate) fn push_part(&mut self, part: Part) {
        match part {
            Part::Literal(text) => self.push_str(&text),
            Part::Secret { .. } | Part::Fact { .. } | Part::Output { .. } => self.0.push(part),
        }
    }

    /// Whether the text needs facts of its host.
    #[must_use]
    pub fn needs_facts(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Fact { .. }))
    }

    /// The names of the secrets that the text needs, in order of appearance, repetitions included.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Secret { name, .. } => Some(name.as_str()),
            Part::Literal(_) | Part::Fact { .. } | Part::Output { .. } => None,
        })
    }

    /// The text when neither secrets nor facts are in it.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with the facts of its host in it.
    ///
    /// # Errors
    /// [`Missing::Fact`] when the host does not tell one that the text needs.
    pub fn with_facts(&self, facts: &Facts) -> Result<Self, Missing> {
        let mut out = Self::default();
        for part in &self.0 {
            match part {
                Part::Fact { name, quoting } => {
                    let value = facts.get(name).ok_or_else(|| Missing::Fact { name: name.clone() })?;
                    out.push_str(&quoting.apply(&value.to_string()));
                }
                other => out.push_part(other.clone()),
            }
        }
        Ok(out)
    }

    /// The text with the values of the secrets in it. The result is for the host alone: it must be neither stored
    /// nor logged.
    ///
    /// # Errors
    /// [`Missing`] when `lookup` has no value for a secret that the text needs, or a fact has not been put in.
    pub fn reveal<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> Result<String, Missing> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Secret { name, quoting } => {
                    let value = lookup(name).ok_or_else(|| Missing::Secret { name: name.clone() })?;
                    out.push_str(&quoting.apply(value));
                }
                Part::Fact { name, .. } => return Err(Missing::Fact { name: name.clone() }),
                Part::Output { output, .. } => {
                    let why = "it was not looked up".to_owned();
                    return Err(Missing::Output { id: output.id.clone(), why });
                }
            }
        }
        Ok(out)
    }
}

impl Quoting {
    fn apply(self, value: &str) -> String {
        match self {
            Self::Plain => value.to_owned(),
            Self::Word => quote_word(value),
        }
    }
}

/// Shows the text with `‹secret NAME›` where a secret goes, `‹facts.NAME›` where a fact does, and `‹steps.ID.stdout›` where
/// goes what a step has written.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Literal(text) => f.write_str(text)?,
                Part::Secret { name, .. } => write!(f, "‹secret {name}›")?,
                Part::Fact { name, .. } => write!(f, "‹facts.{name}›")?,
                Part::Output { output, .. } => write!(f, "‹steps.{}.stdout›", output.id)?,
            }
        }
        Ok(())
    }
}

/// `value` as one word of a POSIX shell (IEEE Std 1003.1-2017, 2.2.2: nothing is special between single quotes).
///
/// Always quoted, even where it looks harmless: a bare `2` before `>` would be a file descriptor, a bare `if` a
/// keyword.
#[must_use]
pub(crate) fn quote_word(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Text {
        let mut text = Text::literal("token=");
        text.push_secret("TOKEN", Quoting::Word);
        text.push_str("; ");
        text.push_str("echo");
        text
    }

    #[test]
    fn a_text_shows_the_names_of_its_secrets_and_never_a_value() {
        assert_eq!(text().to_string(), "token=‹secret TOKEN›; echo");
        assert_eq!(text().secrets().collect::<Vec<_>>(), ["TOKEN"]);
        assert_eq!(text().as_literal(), None);
    }

    #[test]
    fn reveal_quotes_the_value_as_one_word() {
        let revealed = text().reveal(|name| (name == "TOKEN").then_some("it's $HOME"));
        assert_eq!(revealed.unwrap(), r"token='it'\''s $HOME'; echo");
    }

    #[test]
    fn a_secret_without_value_is_named() {
        let missing = text().reveal(|_| None).unwrap_err();
        assert_eq!(missing, Missing::Secret { name: "TOKEN".to_owned() });
        assert!(missing.to_string().contains("TOKEN"), "{missing}");
    }

    #[test]
    fn facts_go_in_first_and_are_quoted_as_secrets_are() {
        let mut text = Text::literal("echo ");
        text.push_fact("hostname", Quoting::Word);
        text.push_str(" ");
        text.push_secret("TOKEN", Quoting::Word);
        assert!(text.needs_facts());
        assert_eq!(text.to_string(), "echo ‹facts.hostname› ‹secret TOKEN›");
        let missing = Missing::Fact { name: "hostname".to_owned() };
        assert_eq!(text.with_facts(&Facts::default()), Err(missing.clone()));
        assert_eq!(text.reveal(|_| Some("t")), Err(missing));
        let facts = Facts { hostname: Some("it's".to_owned()), ..Facts::default() };
        let text = text.with_facts(&facts).unwrap();
        assert!(!text.needs_facts());
        assert_eq!(text.reveal(|_| Some("t")).unwrap(), r"echo 'it'\''s' 't'");
    }

    #[test]
    fn a_text_survives_json() {
        let json = serde_json::to_string(&text()).unwrap();
        assert_eq!(
            json,
            r#"[{"literal":"token="},{"secret":{"name":"TOKEN","quoting":"word"}},{"literal":"; echo"}]"#
        );
        assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), text());
    }
}
