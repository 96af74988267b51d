//! Sentences with placeholders. `{port}` is the capture, `{port|the port}` the capture or these words. What is put into
//! a command is quoted for the shell, because logs are written by strangers.

use std::collections::BTreeMap;

/// Placeholders that every rule has: the host of the step, and the step's name.
pub(super) const GIVEN: &[&str] = &["server", "step"];

/// A piece of a template.
enum Piece<'a> {
    Words(&'a str),
    Placeholder { name: &'a str, otherwise: Option<&'a str> },
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let Some(length) = rest[open..].find('}') else { break };
        let inner = &rest[open + 1..open + length];
        let (name, otherwise) =
            inner.split_once('|').map_or((inner, None), |(name, words)| (name, Some(words)));
        // Other braces, such as those of `docker inspect --format`, stay as they are.
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            pieces.push(Piece::Words(&rest[..=open]));
            rest = &rest[open + 1..];
            continue;
        }
        pieces.push(Piece::Words(&rest[..open]));
        pieces.push(Piece::Placeholder { name, otherwise });
        rest = &rest[open + length + 1..];
    }
    pieces.push(Piece::Words(rest));
    pieces
}

/// The names of a template's placeholders.
pub(super) fn placeholders(template: &str) -> Vec<&str> {
    let name = |piece| match piece {
        Piece::Placeholder { name, .. } => Some(name),
        Piece::Words(_) => None,
    };
    pieces(template).into_iter().filter_map(name).collect()
}

/// The template with its placeholders filled, or nothing when one is unknown and has no other words.
pub(super) fn fill(template: &str, captures: &BTreeMap<String, String>) -> Option<String> {
    let mut out = String::with_capacity(template.len() + 32);
    for piece in pieces(template) {
        out.push_str(match piece {
            Piece::Words(words) => words,
            Piece::Placeholder { name, otherwise } => captures.get(name).map(String::as_str).or(otherwise)?,
        });
    }
    Some(out)
}

/// A command with its placeholders filled and quoted, or nothing when one is unknown or could be taken for an option.
pub(super) fn command(template: &str, captures: &BTreeMap<String, String>) -> Option<String> {
    let mut out = String::with_capacity(template.len() + 32);
    for piece in pieces(template) {
        match piece {
            Piece::Words(words) => out.push_str(words),
            Piece::Placeholder { name, otherwise } => match captures.get(name) {
                Some(value) if value.starts_with('-') || value.chars().any(char::is_control) => return None,
                Some(value) => out.push_str(&quoted(value)),
                None => out.push_str(otherwise?),
            },
        }
    }
    Some(out)
}

fn quoted(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/:@%+=,".contains(&b);
    if !value.is_empty() && value.bytes().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}
