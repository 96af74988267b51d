//! Text from servers, made harmless for the terminal that shows it.
//!
//! A log may contain sequences that set the clipboard, rename the window, move the cursor over what was shown before or
//! make the terminal type an answer. Only colours (SGR, `ESC [ … m`) and tabs are let through.

/// The text without any control character.
pub(crate) fn plain(text: &str) -> String {
    filter(text, false)
}

/// The text with its colours, which end with it, and without any other control sequence.
pub(crate) fn coloured(text: &str) -> String {
    filter(text, true)
}

/// What a terminal shows of a line at its end: what follows the last carriage return that visible text follows, as a
/// line of progress is written over.
pub(crate) fn at_its_end(text: &str) -> &str {
    text.rsplit('\r').find(|part| !plain(part).is_empty()).unwrap_or_default()
}

fn filter(text: &str, keep_colours: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut coloured = false;
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let sequence = sequence_length(rest);
        if keep_colours && is_colour(&rest[..sequence]) {
            shown.push_str(&rest[..sequence]);
            coloured = true;
        }
        rest = &rest[sequence..];
    }
    shown.push_str(rest);
    if coloured {
        shown.push_str("\x1b[0m");
    }
    shown
}

/// The length in bytes of the control sequence at the start of the text (ECMA-48, sections 5.4 and 5.6).
fn sequence_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let first = text.chars().next().map_or(0, char::len_utf8);
    let (kind, start) = match (bytes.first(), bytes.get(1)) {
        (Some(0x1b), Some(&kind)) if kind.is_ascii() => (kind, 2),
        // The same as one character (C1).
        (Some(0xc2), Some(&kind)) if kind >= 0x80 => (kind - 0x40, 2),
        _ => return first,
    };
    match kind {
        b'[' => bytes[start..]
            .iter()
            .position(|byte| !(0x20..0x40).contains(byte))
            // A sequence that breaks off ends before what cannot belong to it.
            .map_or(bytes.len(), |at| start + at + usize::from((0x40..0x7f).contains(&bytes[start + at]))),
        b']' | b'P' | b'X' | b'^' | b'_' => end_of_string(text, start),
        0x20..0x7f if start == 2 && bytes[0] == 0x1b => 2,
        _ => first,
    }
}

/// Strings (titles, clipboards, …) end with BEL or ST; one that does not end takes the whole rest.
fn end_of_string(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    [("\x07", 1), ("\x1b\\", 2), ("\u{9c}", 2)]
        .into_iter()
        .filter_map(|(end, length)| rest.find(end).map(|at| start + at + length))
        .min()
        .unwrap_or(text.len())
}

fn is_colour(sequence: &str) -> bool {
    sequence.strip_prefix("\x1b[").and_then(|rest| rest.strip_suffix('m')).is_some_and(|parameters| {
        parameters.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected_plain: &str, expected_coloured: &str) {
        assert_eq!(plain(text), expected_plain, "plain {text:?}");
        assert_eq!(coloured(text), expected_coloured, "coloured {text:?}");
    }

    #[test]
    fn of_a_line_that_was_written_over_the_last_text_is_shown() {
        let cases = [
            ("plain", "plain"),
            ("1%\r2%\r100%", "100%"),
            ("\r1%\r2%\r", "2%"),
            ("windows\r", "windows"),
            ("50%\r\u{1b}[K", "50%"),
            ("50%\r\u{1b}[2Kdone", "\u{1b}[2Kdone"),
            ("\r\r", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(at_its_end(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_colours_reach_the_terminal() {
        check("a\tb é", "a\tb é", "a\tb é");
        check("\x1b[1;31mred\x1b[0m.", "red.", "\x1b[1;31mred\x1b[0m.\x1b[0m");
        check("\x1b[38:2::1:2:3mx", "x", "\x1b[38:2::1:2:3mx\x1b[0m");
        check("50%\r100%\n\x08", "50%100%", "50%100%");
        check("\x1b]0;title\x07x", "x", "x");
        check("\x1b]52;c;aGk=\x1b\\x", "x", "x");
        check("\x1b]0;never ends", "", "");
        check("\x1b[2J\x1b[1;1Hx\x1b[6n", "x", "x");
        check("\x1b[?25l\x1b[>4mx\x1bcx\x1b7", "xx", "xx");
        check("\u{9b}31mx\u{9d}0;t\u{9c}y", "xy", "xy");
        check("\x1b[31", "", "");
        check("\x1b[31é", "é", "é");
        check("\x1bé\x1b", "é", "é");
        check("\x1bPq\x1b\\a\x1b_b\x1b\\c", "ac", "ac");
    }
}
