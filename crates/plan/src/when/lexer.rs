//! From the text of a condition to its words and signs.

use super::{Bytes, Problem, number::Number, tree::Operator};
use crate::yaml::shorten;

/// The longest condition, in bytes.
const LONGEST: usize = 10_000;

/// A word or sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// `vars.port`, `defined`, `debian`
    Word(String),
    Text(String),
    Number(Number),
    And,
    Or,
    Not,
    In,
    Truth(bool),
    Compare(Operator),
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
}

/// A word or sign and its place.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) token: Token,
    pub(crate) bytes: Bytes,
}

/// What people write for something else, longest first, with what is meant.
const INSTEAD: [(&str, &str, &str); 22] = [
    ("${{", "a condition is an expression already", "leave `${{` and `}}` out"),
    ("{{", "a condition is an expression already", "leave `{{` and `}}` out"),
    ("}}", "a condition is an expression already", "leave `{{` and `}}` out"),
    ("===", "there is no `===`", "write `==`"),
    ("!==", "there is no `!==`", "write `!=`"),
    ("<>", "there is no `<>`", "write `!=`"),
    ("=~", "there are no regular expressions here", "use `in` to look for a part of a text"),
    ("&&", "there is no `&&`", "write `and`"),
    ("||", "there is no `||`", "write `or`"),
    ("|", "there are no filters here", "write `or` for one of several conditions"),
    ("&", "there is no `&`", "write `and`"),
    ("!", "there is no `!`", "write `not`"),
    ("=", "there is no `=`", "write `==`"),
    ("$", "variables have no `$` here", "write `vars.NAME` or `env.NAME`"),
    ("+", "there is no arithmetic here", "compute the value in a step, or give it in `vars`"),
    ("*", "there is no arithmetic here", "compute the value in a step, or give it in `vars`"),
    ("/", "there is no arithmetic here", "compute the value in a step, or give it in `vars`"),
    ("%", "there is no arithmetic here", "compute the value in a step, or give it in `vars`"),
    ("-", "there is no arithmetic here", "a number may have a `-` right in front of it"),
    ("?", "there is no `?` here", "write `and` and `or`"),
    ("“", "these are not quotes of a text", "put a text in \"…\" or '…'"),
    ("‘", "these are not quotes of a text", "put a text in \"…\" or '…'"),
];

/// The words and signs of `text`.
pub(crate) fn tokens(text: &str) -> Result<Vec<Placed>, Problem> {
    if text.len() > LONGEST {
        let message = format!("the condition has {} bytes, but at most {LONGEST} are read", text.len());
        return Err(Problem::new(Bytes::new(0, text.len()), message).code(crate::Code::TooLarge));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, length) = token(text, at, c)?;
        tokens.push(Placed { token, bytes: Bytes::new(at, at + length) });
        at += length;
    }
    Ok(tokens)
}

/// The word or sign at `at`, where `c` is, and its length in bytes.
fn token(text: &str, at: usize, c: char) -> Result<(Token, usize), Problem> {
    let rest = &text[at..];
    if c == '"' || c == '\'' {
        return quoted(text, at, c);
    }
    if c.is_ascii_digit() || (c == '-' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
        return number(rest, at);
    }
    if c.is_alphabetic() || c == '_' {
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        return Ok((word(&rest[..end]), end));
    }
    // Where a sign that is known begins like one that is not, the longer one is meant.
    let instead = INSTEAD.into_iter().find(|(wrong, ..)| rest.starts_with(wrong));
    let sign = [
        ("==", Token::Compare(Operator::Equal)),
        ("!=", Token::Compare(Operator::Unequal)),
        ("<=", Token::Compare(Operator::AtMost)),
        (">=", Token::Compare(Operator::AtLeast)),
        ("<", Token::Compare(Operator::Less)),
        (">", Token::Compare(Operator::Greater)),
        ("(", Token::Open),
        (")", Token::Close),
        ("[", Token::OpenList),
        ("]", Token::CloseList),
        (",", Token::Comma),
    ]
    .into_iter()
    .find(|(sign, _)| rest.starts_with(sign));
    match (sign, instead) {
        (Some((sign, token)), wrong) if wrong.is_none_or(|(wrong, ..)| wrong.len() <= sign.len()) => {
            Ok((token, sign.len()))
        }
        (_, Some((wrong, why, hint))) => Err(Problem::new(Bytes::new(at, at + wrong.len()), why).hint(hint)),
        _ => {
            let message = format!("`{}` means nothing here", shorten(&c.to_string()));
            Err(Problem::new(Bytes::new(at, at + c.len_utf8()), message))
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn word(word: &str) -> Token {
    match word {
        "and" => Token::And,
        "or" => Token::Or,
        "not" => Token::Not,
        "in" => Token::In,
        "true" => Token::Truth(true),
        "false" => Token::Truth(false),
        _ => Token::Word(word.to_owned()),
    }
}

fn number(rest: &str, at: usize) -> Result<(Token, usize), Problem> {
    let after = rest[1..].find(|c: char| !is_word(c)).map_or(rest.len(), |end| end + 1);
    let written = &rest[..after];
    match Number::parse(written) {
        Some(number) => Ok((Token::Number(number), after)),
        None => {
            let problem =
                Problem::new(Bytes::new(at, at + after), format!("`{}` is no number", shorten(written)));
            let hint = if written.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-')) {
                format!("put a version in quotes: \"{}\"", shorten(written))
            } else {
                "a number has no unit, memory and disks are in bytes; a text needs quotes".to_owned()
            };
            Err(problem.hint(hint))
        }
    }
}

/// A text in quotes. A backslash may stand before a quote and before a backslash.
fn quoted(text: &str, at: usize, quote: char) -> Result<(Token, usize), Problem> {
    let mut out = String::new();
    let mut chars = text[at + 1..].char_indices();
    while let Some((offset, c)) = chars.next() {
        let here = at + 1 + offset;
        if c == quote {
            return Ok((Token::Text(out), here + 1 - at));
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some((_, escaped @ ('"' | '\'' | '\\'))) => out.push(escaped),
            Some((_, other)) => {
                let end = here + 1 + other.len_utf8();
                let message = format!("`\\{}` is not known in a text", shorten(&other.to_string()));
                let hint =
                    "write `\\\\` for a backslash; only quotes and backslashes can have one before them";
                return Err(Problem::new(Bytes::new(here, end), message).hint(hint));
            }
            None => break,
        }
    }
    let message = format!("the text that begins here has no {quote} at its end");
    Err(Problem::new(Bytes::new(at, text.len()), message).hint(format!("add {quote} where the text ends")))
}
