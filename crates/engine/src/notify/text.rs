//! Texts of people and hosts on their way into somebody else's format.

/// What follows a text that was cut.
const ELLIPSIS: &str = "…";

/// How long a text is in UTF-16 units, the most that any of the services counts for a character.
pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The text with each character as `escape` writes it, cut so that all of it has at most `most` UTF-16 units. What
/// stands for one character is never cut in two.
pub(super) fn fitted(text: &str, most: usize, escape: impl Fn(char) -> String) -> String {
    let mut out = String::new();
    let mut used = 0;
    // Where to cut, should the rest not fit.
    let mut cut = 0;
    for letter in text.chars() {
        let written = escape(letter);
        used += length(&written);
        if used > most {
            out.truncate(cut);
            if most > 0 {
                out.push_str(ELLIPSIS);
            }
            return out;
        }
        out.push_str(&written);
        if used < most {
            cut = out.len();
        }
    }
    out
}

/// The beginning of a text, as it is.
pub(super) fn cut(text: &str, most: usize) -> String {
    fitted(text, most, |letter| letter.to_string())
}

/// The text on one line, without control characters: for titles and names.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split(|letter: char| letter.is_whitespace() || is_unseen(letter)).collect();
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A line of a log as a terminal would leave it: without colours and other control sequences (ECMA-48), and of what was
/// written over the last text.
pub(super) fn plain_line(line: &str) -> String {
    let line = line.trim_end_matches('\r');
    let line = line.rsplit_once('\r').map_or(line, |(_, last)| last);
    let mut out = String::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => skip_sequence(&mut letters),
            '\t' => out.push_str("    "),
            letter if is_unseen(letter) => {}
            letter => out.push(letter),
        }
    }
    out.trim_end().to_owned()
}

/// Control characters, and those that turn the direction of what follows or hide in it.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn skip_sequence(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match letters.next() {
        // CSI: parameters, then one final byte.
        Some('[') => {
            letters.find(|letter| ('\u{40}'..='\u{7e}').contains(letter));
        }
        // OSC and others with a text: to BEL or ESC \.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(letter) = letters.next() {
                if letter == '\u{7}' {
                    break;
                }
                if letter == '\u{1b}' {
                    letters.next();
                    break;
                }
            }
        }
        _ => {}
    }
}

/// `a, b, c and 4 more`
pub(super) fn listed(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).map(|name| one_line(name)).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_counts_what_they_are_written_as() {
        let escape = |letter: char| if letter == '&' { "&amp;".to_owned() } else { letter.to_string() };
        let check = |text: &str, most, expected: &str| {
            let fitted = fitted(text, most, escape);
            assert_eq!(fitted, expected);
            assert!(length(&fitted) <= most);
        };
        check("abc", 3, "abc");
        check("abcd", 3, "ab…");
        check("a&b", 7, "a&amp;b");
        check("a&bc", 7, "a&amp;…");
        check("a&&", 7, "a&amp;…");
        check("a&&", 6, "a…");
        check("😀😀", 3, "😀…");
        check("😀😀", 2, "…");
        check("abc", 0, "");
    }

    #[test]
    fn a_line_of_a_log_is_what_a_terminal_leaves_of_it() {
        let check = |line: &str, expected: &str| assert_eq!(plain_line(line), expected);
        check("\u{1b}[31mred\u{1b}[0m\r", "red");
        check("10 %\r50 %\r100 %", "100 %");
        check("\u{1b}]0;title\u{7}text", "text");
        check("\u{1b}]8;;http://x\u{1b}\\link", "link");
        check("a\tb\u{7}\u{202e}c", "a    bc");
        check("\u{1b}[", "");
    }

    #[test]
    fn a_name_is_on_one_line() {
        assert_eq!(one_line("a\r\nBcc: b@c\u{0}d"), "a Bcc: b@c d");
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()], 2), "a, b and 1 more");
    }
}
