//! The words that a line must hold for a pattern to match it, so that hundreds of patterns cost one pass over the log.

use regex_syntax::hir::{Hir, HirKind};

/// Literals of which every match holds at least one (compared without regard to ASCII case), or nothing when the
/// pattern has no such words of three characters or more.
pub(super) fn required(pattern: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let found = of(&hir)?;
    (found.iter().map(String::len).min()? >= 3).then_some(found)
}

fn of(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).ok().map(|text| vec![text]),
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub),
        // Any one part of a sequence must be there: the one whose shortest word is longest says most.
        HirKind::Concat(parts) => {
            parts.iter().filter_map(of).max_by_key(|words| words.iter().map(String::len).min())
        }
        // One of the branches must be there, so each must have words.
        HirKind::Alternation(branches) => {
            let words: Vec<Vec<String>> = branches.iter().map(of).collect::<Option<_>>()?;
            Some(words.concat())
        }
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) | HirKind::Repetition(_) => None,
    }
}
