//! Which line to read first when nothing known fits.
//!
//! Every line has an *alarm*, from what it says alone:
//!
//! | what | points |
//! |---|---|
//! | begins as messages of failure do (`Error:`, `fatal:`, `TypeError:`, `name: cannot …`) | +40 |
//! | gives itself the level error | +15 |
//! | each word of failure, three at most, not counting harmless company ("0 errors", `error.log`) | +12 |
//! | gives itself the level warning / information / debug | −30 / −35 / −45 |
//! | wrapper / clean-up | −45 / −40 |
//! | stack frame | −30 |
//! | says that something is tried again / and that this worked | −15 / −50 |
//! | echoed command, quoted source code, passed test, blank | no alarm at all |
//!
//! The most telling line is the one with the highest sum of its alarm and of its place:
//!
//! | where | points |
//! |---|---|
//! | the first of a block of alarmed lines | +10 |
//! | a later member of the block | −1 for each alarmed line before it, at most −15 |
//! | after "During handling of the above exception, another exception occurred" | −20 |
//! | a later `Caused by:` of the same stack | +3 each |
//! | each four ordinary lines that follow the block: what was tolerated tells less | −3, at most −30 |
//!
//! Without any alarm it is the last line that is neither a wrapper nor clean-up nor echoed, and at the very last the
//! last visible line.

use super::clean::{Line, Log};
use super::kind::{self, Kind, Level};

/// The least alarm of a line that takes part.
pub(super) const ALARMED: i32 = 12;

/// How strongly a line speaks of a failure, from its own words.
pub(super) fn alarm(line: &Line) -> i32 {
    if matches!(line.kind, Kind::Echo | Kind::Quoted | Kind::Blank) {
        return 0;
    }
    let said = line.said.trim();
    let words = i32::try_from(kind::failure_words(said).min(3)).unwrap_or(3);
    let starts = words > 0
        && !matches!(line.level, Level::Warning | Level::Info | Level::Debug)
        && kind::starts_as_failure(said);
    if words == 0 && line.level != Level::Error {
        return 0;
    }
    let mut alarm = 12 * words + if starts { 40 } else { 0 };
    alarm += match line.level {
        Level::Error => 15,
        Level::Warning => -30,
        Level::Info => -35,
        Level::Debug => -45,
        Level::Unknown => 0,
    };
    alarm += match line.kind {
        Kind::Wrapper => -45,
        Kind::Cleanup => -40,
        Kind::Frame => -30,
        _ => 0,
    };
    if line.tries.again {
        alarm -= if kind::speaks_of_success(said) { 50 } else { 15 };
    }
    alarm
}

/// Whether a line is ordinary output, which shows that the program went on.
pub(super) fn is_ordinary(line: &Line) -> bool {
    line.alarm < ALARMED
        && matches!(line.kind, Kind::Plain | Kind::Success | Kind::Echo)
        && !line.said.starts_with(' ')
}

/// How many ordinary lines follow each line.
pub(super) fn ordinary_after(log: &Log) -> Vec<usize> {
    let mut after = vec![0; log.lines.len()];
    let mut count = 0;
    for (index, line) in log.lines.iter().enumerate().rev() {
        after[index] = count;
        count += usize::from(is_ordinary(line));
    }
    after
}

/// The index of the line to read first.
pub(super) fn most_telling(log: &Log) -> Option<usize> {
    let after = ordinary_after(log);
    let mut best: Option<(i32, usize)> = None;
    let (mut in_block, mut block_start, mut second_exception, mut causes) = (0, 0, false, 0);
    for (index, line) in log.lines.iter().enumerate() {
        if line.said.starts_with("During handling of the above exception") {
            second_exception = true;
        }
        let ended = index > 0 && after[block_start].saturating_sub(after[index]) > 3;
        if line.alarm < ALARMED {
            continue;
        }
        if in_block == 0 || ended {
            (in_block, block_start, causes) = (0, index, 0);
        }
        let mut score = line.alarm + if in_block == 0 { 10 } else { -in_block.min(15) };
        if second_exception {
            score -= 20;
        }
        if line.said.trim_start().starts_with("Caused by:") {
            causes += 1;
            score += 15 + 3 * causes;
        }
        score -= (i32::try_from(after[index]).unwrap_or(i32::MAX) / 4 * 3).min(30);
        in_block += 1;
        if best.is_none_or(|(top, _)| score > top) {
            best = Some((score, index));
        }
    }
    best.map(|(_, index)| index).or_else(|| last_words(log))
}

/// The last line that may say something, when no line speaks of failure.
pub(super) fn last_words(log: &Log) -> Option<usize> {
    let last = |wanted: fn(&Line) -> bool| log.lines.iter().rposition(wanted);
    last(|line| matches!(line.kind, Kind::Plain | Kind::Success) && !line.said.starts_with(' '))
        .or_else(|| last(|line| matches!(line.kind, Kind::Plain | Kind::Success | Kind::Frame)))
        .or_else(|| last(|line| line.kind != Kind::Blank && line.kind != Kind::Echo))
        .or_else(|| last(|line| line.kind != Kind::Blank))
        .or_else(|| last(|line| !line.shown.trim().is_empty()))
}
