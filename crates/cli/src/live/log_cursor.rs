//! How far a log has been shown.

use steadyhand_api::{
    LogLines,
    records::{LogLine, LogWindow},
};
use steadyhand_domain::StepId;

/// Lines that are asked for at once.
const WINDOW: u32 = 2000;

/// The place in a log up to which it has been shown. The last line may still grow, so it is shown when a line follows
/// it, when the log is whole, or once when it has stopped growing for a while (a prompt); in that case it is shown again,
/// whole, when it is finished, if it grew after all. A line that is written over, as progress is, is only shown when it
/// is finished.
#[derive(Debug, Default)]
pub(crate) struct LogCursor {
    /// Lines that were shown and cannot change.
    done: u64,
    /// The unfinished line behind them.
    unfinished: Option<Unfinished>,
}

/// A line that has no end yet.
#[derive(Debug)]
struct Unfinished {
    /// As it was last seen.
    text: String,
    /// As it was when it was shown, if it was.
    shown: Option<String>,
}

impl LogCursor {
    /// The unfinished line as it was last seen.
    pub(crate) fn unfinished(&self) -> Option<&str> {
        self.unfinished.as_ref().map(|line| line.text.as_str())
    }

    pub(crate) fn request(&self, step_id: StepId, attempt: u32) -> LogLines {
        LogLines { step_id, attempt, from: self.done + 1, count: WINDOW }
    }

    /// The lines to show now, and whether to ask for more at once. `settled`: enough time has gone by since the last
    /// call that a line that did not grow may be taken for finished. `whole`: the log will not grow any more.
    pub(crate) fn take(&mut self, window: LogWindow, settled: bool, whole: bool) -> (Vec<LogLine>, bool) {
        let more = window.lines.last().is_some_and(|last| last.number < window.total_lines);
        let mut lines = window.lines;
        let last = if whole || more { None } else { lines.pop() };
        let seen = self.unfinished.take();
        if let (Some(first), Some(Unfinished { shown: Some(text), .. })) = (lines.first(), &seen) {
            self.done = first.number;
            if first.text == *text {
                lines.remove(0);
            }
        }
        self.done = lines.last().map_or(self.done, |line| line.number);
        if let Some(last) = last {
            let before = seen.filter(|_| lines.is_empty() && last.number == self.done + 1);
            let same = before.as_ref().is_some_and(|before| before.text == last.text);
            let shown = before.and_then(|before| before.shown);
            let show = settled && same && shown.is_none() && !last.text.contains('\r');
            let shown = if show { Some(last.text.clone()) } else { shown };
            self.unfinished = Some(Unfinished { text: last.text.clone(), shown });
            if show {
                lines.push(last);
            }
        }
        (lines, more)
    }
}

#[cfg(test)]
mod tests {
    use steadyhand_domain::Timestamp;

    use super::*;

    /// Calls `take` for each state of a growing log; the expected lines are those shown each time.
    fn check(states: &[(&[&str], bool, bool, &[&str])]) {
        let mut cursor = LogCursor::default();
        for (turn, (log, settled, whole, expected)) in states.iter().enumerate() {
            let lines = (1..).zip(*log).skip(usize::try_from(cursor.done).expect("is small"));
            let lines = lines.map(|(number, text)| LogLine {
                number,
                text: (*text).to_owned(),
                at: Timestamp(0),
                bytes: 0,
                cut: false,
            });
            let window = LogWindow { total_lines: log.len() as u64, total_bytes: 0, lines: lines.collect() };
            let (shown, more) = cursor.take(window, *settled, *whole);
            let shown: Vec<_> = shown.iter().map(|line| line.text.as_str()).collect();
            assert_eq!((shown.as_slice(), more), (*expected, false), "turn {turn}");
        }
    }

    #[test]
    fn a_line_is_shown_when_the_next_one_begins_or_the_log_is_whole() {
        check(&[
            (&[], false, false, &[]),
            (&["a"], false, false, &[]),
            (&["a", "b"], false, false, &["a"]),
            (&["a", "b", "c", "d"], false, false, &["b", "c"]),
            (&["a", "b", "c", "d"], false, true, &["d"]),
        ]);
    }

    #[test]
    fn a_line_that_stopped_growing_is_shown_once() {
        check(&[
            (&["a", "wor"], true, false, &["a"]),
            (&["a", "working"], true, false, &[]),
            (&["a", "working"], false, false, &[]),
            (&["a", "working"], true, false, &["working"]),
            (&["a", "working"], true, false, &[]),
            (&["a", "working", "b"], true, false, &[]),
            (&["a", "working", "b"], true, true, &["b"]),
        ]);
    }

    #[test]
    fn a_line_that_grew_after_it_was_shown_is_shown_whole() {
        check(&[
            (&["50%"], true, false, &[]),
            (&["50%"], true, false, &["50%"]),
            (&["50% 100%"], true, false, &[]),
            (&["50% 100%"], true, false, &[]),
            (&["50% 100% done"], false, false, &[]),
            (&["50% 100% done", "b"], false, false, &["50% 100% done"]),
            (&["50% 100% done", "b"], false, true, &["b"]),
        ]);
    }

    #[test]
    fn a_line_that_is_written_over_is_shown_once_when_it_is_finished() {
        check(&[
            (&["a", "\r1%"], true, false, &["a"]),
            (&["a", "\r1%"], true, false, &[]),
            (&["a", "\r1%\r2%"], true, false, &[]),
            (&["a", "\r1%\r2%"], true, false, &[]),
            (&["a", "\r1%\r2%\r3%", "b"], true, false, &["\r1%\r2%\r3%"]),
            (&["a", "\r1%\r2%\r3%", "b"], true, true, &["b"]),
        ]);
    }

    #[test]
    fn a_whole_log_of_one_line_that_was_shown_is_not_shown_again() {
        check(&[
            (&["a"], true, false, &[]),
            (&["a"], true, false, &["a"]),
            (&["a"], true, true, &[]),
            (&["a"], true, true, &[]),
        ]);
    }
}
