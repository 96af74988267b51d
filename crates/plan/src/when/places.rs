//! Where in the source each character of a condition stands.

use super::Bytes;
use crate::{span::Span, yaml::Source};

/// The places of the characters of one scalar.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    whole: Span,
    /// For each character of the text: its first byte, and its place.
    each: Vec<(usize, Span)>,
}

impl Places {
    /// YAML changes a text: it folds lines, takes indentation away, and knows escapes. The characters that remain
    /// are in the same order, so each is looked for behind the one before.
    pub(crate) fn of(text: &str, whole: Span, source: &Source) -> Self {
        let chars = source.slice(whole);
        let is_double = chars.first() == Some(&'"') && chars.len() > 1 && chars.last() == Some(&'"');
        let is_single = chars.first() == Some(&'\'') && chars.len() > 1 && chars.last() == Some(&'\'');
        let quoted = is_double || is_single;
        // Quotes of the text itself look like those of YAML when it is a block; then its first character tells.
        let quoted = quoted && (text.is_empty() || !is_same(text, chars));
        let mut at = usize::from(quoted);
        let mut each = Vec::new();
        for (byte, c) in text.char_indices() {
            let Some((from, to)) = find(chars, at, c, quoted && is_double) else {
                // The end of the last line does not belong to the place of a block.
                if text[byte..].trim().is_empty() {
                    break;
                }
                return Self { whole, each: Vec::new() };
            };
            let base = whole.start.index;
            each.push((byte, Span { start: source.position(base + from), end: source.position(base + to) }));
            at = to;
        }
        Self { whole, each }
    }

    /// The place of a range of the text.
    pub(crate) fn span(&self, bytes: Bytes) -> Span {
        let Some((_, last)) = self.each.last() else { return self.whole };
        let covered = |byte: usize| self.each.partition_point(|(start, _)| *start <= byte).saturating_sub(1);
        let first = covered(bytes.start);
        match self.each.get(first) {
            // Behind the last character: where something is missing.
            Some((start, span)) if bytes.start > *start && first + 1 == self.each.len() => {
                Span { start: span.end, end: span.end }
            }
            Some((_, span)) => {
                let end = covered(bytes.end.max(bytes.start + 1) - 1);
                Span { start: span.start, end: self.each.get(end).map_or(last.end, |(_, span)| span.end) }
            }
            None => self.whole,
        }
    }
}

fn is_same(text: &str, chars: &[char]) -> bool {
    text.chars().eq(chars.iter().copied())
}

/// The place of `c` at or behind `at`.
fn find(chars: &[char], mut at: usize, c: char, escapes: bool) -> Option<(usize, usize)> {
    while let Some(found) = chars.get(at) {
        if escapes && *found == '\\' {
            let length = match chars.get(at + 1) {
                Some('x') => 4,
                Some('u') => 6,
                Some('U') => 10,
                _ => 2,
            };
            // A line break after it stands for nothing; every other escape is one character.
            if chars.get(at + 1) != Some(&'\n') {
                return Some((at, (at + length).min(chars.len())));
            }
            at += 2;
            continue;
        }
        let same = *found == c || (found.is_whitespace() && c.is_whitespace());
        if same {
            return Some((at, at + 1));
        }
        at += 1;
    }
    None
}
