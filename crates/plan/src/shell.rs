//! Puts values into shell commands so that no value can become code.
//!
//! A value is never written into the command. It goes into a shell variable of its own, which is set in front of the
//! command, in single quotes (where POSIX makes nothing special), and the command gets a reference to the variable:
//!
//! ```text
//! echo ${{ vars.name }} "port=${{ vars.port }}"
//! _vars_name='…'; _vars_port='…'; echo "${_vars_name}" "port=${_vars_port}"
//! ```
//!
//! A shell expands a parameter after it has parsed the command and does not parse the result again (IEEE Std
//! 1003.1-2017, 2.6), so even where this module misjudged the author's quoting, the value would come out as too many
//! words or as the reference itself, never as code. Quoting the value in place has no such second line, and cannot
//! serve here-documents. The variables are not exported: programs that the command starts do not see them.
//!
//! What the author means decides the form of the reference:
//!
//! | in | reference |
//! |---|---|
//! | a plain word, also within `$( … )` | `"${v}"`: one word, empty or not |
//! | double quotes, a here-document | `${v}` |
//! | single quotes | `'"${v}"'` |
//! | a comment | left as it is |
//!
//! Refused, with a hint: here-documents with a quoted delimiter (nothing is expanded in them), `` ` … ` ``, `$(( … ))`
//! and `${ … }`, `$'…'`, after a backslash or `$`, and every place whose text is itself run as code: `eval`, `trap`,
//! `sh -c`, `su -c`, commands of `ssh`. What other programs do with their arguments (`awk`, `sed`, `find -exec`) is
//! theirs to say; they get the value as part of one argument.

mod refusal;
mod scan;

use std::collections::BTreeMap;

use crate::{Output, Quoting, Text, text::quote_word};
pub(crate) use refusal::Refusal;
use scan::{Place, Token};

/// A piece of a command whose values are known.
#[derive(Clone, Debug)]
pub(crate) enum Piece<'a> {
    /// What the author wrote, or a value that goes in raw.
    Code(&'a str),
    /// A secret or a fact that goes in raw.
    Raw(Data<'a>),
    /// A value that must not become code. `name` is what the author called it; `number` is for the caller.
    Value { number: usize, name: String, written: String, value: Data<'a> },
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Data<'a> {
    Known(&'a str),
    Secret(&'a str),
    Fact(&'a str),
    Output(&'a Output),
}

impl Data<'_> {
    fn push(self, text: &mut Text, quoting: Quoting) {
        match (self, quoting) {
            (Self::Known(value), Quoting::Word) => text.push_str(&quote_word(value)),
            (Self::Known(value), Quoting::Plain) => text.push_str(value),
            (Self::Secret(name), quoting) => text.push_secret(name, quoting),
            (Self::Fact(name), quoting) => text.push_fact(name, quoting),
            (Self::Output(output), quoting) => text.push_output(output.clone(), quoting),
        }
    }
}

/// The command with references to its values, or, for each value that cannot go where it stands, its number and why.
pub(crate) fn command(pieces: &[Piece<'_>]) -> Result<Text, Vec<(usize, Refusal)>> {
    if !pieces.iter().any(|piece| matches!(piece, Piece::Value { .. })) {
        return Ok(without_values(pieces));
    }
    let mut tokens = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Code(code) => tokens.extend(code.chars().map(Token::Char)),
            // Its text is unknown here; for the scan it is a harmless character.
            Piece::Raw(_) => tokens.push(Token::Char('x')),
            Piece::Value { .. } => tokens.push(Token::Value(index)),
        }
    }
    let places = scan::places(&tokens);
    let refused: Vec<(usize, Refusal)> = pieces
        .iter()
        .enumerate()
        .filter_map(|(index, piece)| match (piece, places.get(&index)) {
            (Piece::Value { number, .. }, Some(Err(refusal))) => Some((*number, *refusal)),
            _ => None,
        })
        .collect();
    if !refused.is_empty() {
        return Err(refused);
    }
    let mut variables = Variables::new(pieces);
    let mut body = Text::default();
    for (index, piece) in pieces.iter().enumerate() {
        match (piece, places.get(&index)) {
            (Piece::Code(code), _) => body.push_str(code),
            (Piece::Raw(data), _) => data.push(&mut body, Quoting::Plain),
            (Piece::Value { written, .. }, Some(Ok(Place::Comment))) => {
                body.push_str(&written.replace('\n', " "))
            }
            (Piece::Value { name, value, .. }, place) => {
                let variable = variables.variable(name, *value);
                match place {
                    Some(Ok(Place::Double { after_dollar: true })) => {
                        body.push_str(&format!("\"\"${{{variable}}}"))
                    }
                    Some(Ok(Place::Double { after_dollar: false } | Place::HereDocument)) => {
                        body.push_str(&format!("${{{variable}}}"));
                    }
                    Some(Ok(Place::Single)) => body.push_str(&format!("'\"${{{variable}}}\"'")),
                    _ => body.push_str(&format!("\"${{{variable}}}\"")),
                }
            }
        }
    }
    let mut text = variables.settings;
    body.0.into_iter().for_each(|part| text.push_part(part));
    Ok(text)
}

fn without_values(pieces: &[Piece<'_>]) -> Text {
    let mut text = Text::default();
    for piece in pieces {
        match piece {
            Piece::Code(code) => text.push_str(code),
            Piece::Raw(data) => data.push(&mut text, Quoting::Plain),
            Piece::Value { .. } => {}
        }
    }
    text
}

/// The variables that hold the values of one command.
struct Variables<'a> {
    /// All that the author wrote: a name must not be in it.
    code: String,
    names: BTreeMap<(String, Data<'a>), String>,
    /// `_vars_port='8080'; `, for each.
    settings: Text,
}

impl<'a> Variables<'a> {
    fn new(pieces: &[Piece<'a>]) -> Self {
        let code = pieces.iter().filter_map(|piece| match piece {
            Piece::Code(code) => Some(*code),
            Piece::Raw(_) | Piece::Value { .. } => None,
        });
        Self { code: code.collect(), names: BTreeMap::new(), settings: Text::default() }
    }

    fn variable(&mut self, name: &str, value: Data<'a>) -> String {
        let key = (name.to_owned(), value);
        if let Some(variable) = self.names.get(&key) {
            return variable.clone();
        }
        let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
        let mut variable: String = std::iter::once('_').chain(letters).collect();
        while self.code.contains(&variable) || self.names.values().any(|taken| *taken == variable) {
            variable.push('_');
        }
        self.settings.push_str(&format!("{variable}="));
        value.push(&mut self.settings, Quoting::Word);
        self.settings.push_str("; ");
        self.names.insert(key, variable.clone());
        variable
    }
}
