//! Texts of a compiled plan: literal, except for the places where a secret goes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text of a compiled plan. The values of secrets are not in it, only their names; [`Text::reveal`] puts them in
/// at the last moment, in memory.
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

/// A secret that a text needs and that has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret {name} has no value; set it in the project's settings, then run again")]
pub struct MissingSecret {
    /// The secret's name.
    pub name: String,
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
            Some(Part::Secret { .. }) | None => self.0.push(Part::Literal(text.to_owned())),
        }
    }

    /// Adds the place where a secret goes.
    pub fn push_secret(&mut self, name: impl Into<String>, quoting: Quoting) {
        self.0.push(Part::Secret { name: name.into(), quoting });
    }

    /// The names of the secrets that the text needs, in order of appearance, repetitions included.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Secret { name, .. } => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// The text when no secret is in it.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with the values of the secrets in it. The result is for the host alone: it must be neither stored
    /// nor logged.
    ///
    /// # Errors
    /// [`MissingSecret`] when `lookup` has no value for a secret that the text needs.
    pub fn reveal<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> Result<String, MissingSecret> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Secret { name, quoting } => {
                    let value = lookup(name).ok_or_else(|| MissingSecret { name: name.clone() })?;
                    match quoting {
                        Quoting::Plain => out.push_str(value),
                        Quoting::Word => out.push_str(&quote_word(value)),
                    }
                }
            }
        }
        Ok(out)
    }
}

/// Shows the text with `‹secret NAME›` where a secret goes.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Literal(text) => f.write_str(text)?,
                Part::Secret { name, .. } => write!(f, "‹secret {name}›")?,
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
        assert_eq!(missing.name, "TOKEN");
        assert!(missing.to_string().contains("TOKEN"), "{missing}");
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
