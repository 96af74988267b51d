//! What kind of line a line is: the program's own words, a wrapper that repeats that something failed, clean-up after
//! a failure, an echoed command, a quoted piece of source code. The words are data (`catalogue/lines.toml`).

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::catalogue::with_ascii_boundaries;
use super::clean::{Line, Tries};
use super::telling;

/// What kind of line a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// None of the others.
    Plain,
    /// Repeats that a command failed, and with which status, but not why.
    Wrapper,
    /// Comes from tidying up after something else failed, or from a program whose complaints are usually harmless.
    Cleanup,
    /// A command that is shown before it runs, or the script's own `echo`.
    Echo,
    /// A piece of source code, a diff or a passed test.
    Quoted,
    /// A frame of a stack.
    Frame,
    /// Says that something worked.
    Success,
    /// Nothing visible, or only a ruler.
    Blank,
}

/// The level that a line gives itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Debug,
    Info,
    Warning,
    Unknown,
    Error,
}

impl Level {
    pub(super) fn from_word(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "trace" | "debug" | "verbose" | "silly" => Self::Debug,
            "info" | "notice" | "log" | "information" => Self::Info,
            "warn" | "warning" | "wrn" => Self::Warning,
            "error" | "err" | "fatal" | "critical" | "crit" | "panic" | "emerg" | "alert" | "severe"
            | "ftl" => Self::Error,
            _ => Self::Unknown,
        }
    }

    pub(super) fn from_number(number: u64) -> Self {
        match number {
            10 | 20 => Self::Debug,
            30 => Self::Info,
            40 => Self::Warning,
            50 | 60 => Self::Error,
            _ => Self::Unknown,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    wrapper: Vec<String>,
    cleanup: Vec<String>,
    echo: Vec<String>,
    quoted: Vec<String>,
    frame: Vec<String>,
    success: Vec<String>,
    failure: Vec<String>,
    harmless: Vec<String>,
    starts: Vec<String>,
    retry: Vec<String>,
    recovery: Vec<String>,
    went_on: Vec<String>,
    ending: Vec<String>,
    reference: Vec<String>,
}

/// The patterns of `lines.toml`, each list joined into one.
pub(super) struct Patterns {
    wrapper: Option<Regex>,
    cleanup: Option<Regex>,
    echo: Option<Regex>,
    quoted: Option<Regex>,
    frame: Option<Regex>,
    success: Option<Regex>,
    failure: Option<Regex>,
    harmless: Option<Regex>,
    starts: Option<Regex>,
    retry: Option<Regex>,
    recovery: Option<Regex>,
    went_on: Option<Regex>,
    ending: Option<Regex>,
    reference: Option<Regex>,
}

static WORDS: LazyLock<Patterns> = LazyLock::new(|| {
    let words: Option<Words> = toml::from_str(include_str!("../../catalogue/lines.toml")).ok();
    let joined = |list: fn(&Words) -> &Vec<String>| {
        let words = words.as_ref()?;
        let parts: Vec<String> = list(words).iter().map(|part| format!("(?:{part})")).collect();
        RegexBuilder::new(&with_ascii_boundaries(&parts.join("|")))
            .case_insensitive(true)
            .size_limit(50 << 20)
            .build()
            .ok()
    };
    Patterns {
        wrapper: joined(|words| &words.wrapper),
        cleanup: joined(|words| &words.cleanup),
        echo: joined(|words| &words.echo),
        quoted: joined(|words| &words.quoted),
        frame: joined(|words| &words.frame),
        success: joined(|words| &words.success),
        failure: joined(|words| &words.failure),
        harmless: joined(|words| &words.harmless),
        starts: joined(|words| &words.starts),
        retry: joined(|words| &words.retry),
        recovery: joined(|words| &words.recovery),
        went_on: joined(|words| &words.went_on),
        ending: joined(|words| &words.ending),
        reference: joined(|words| &words.reference),
    }
});

impl Patterns {
    /// Whether every list was read; the catalogue's check asks.
    pub(super) fn complete() -> bool {
        let all = [
            &WORDS.wrapper,
            &WORDS.cleanup,
            &WORDS.echo,
            &WORDS.quoted,
            &WORDS.frame,
            &WORDS.success,
            &WORDS.failure,
            &WORDS.harmless,
            &WORDS.starts,
            &WORDS.retry,
            &WORDS.recovery,
            &WORDS.went_on,
            &WORDS.ending,
            &WORDS.reference,
        ];
        all.into_iter().all(Option::is_some)
    }
}

fn fits(pattern: &Option<Regex>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Whether a text has words that failures use, whatever else it says.
pub(super) fn speaks_of_failure(text: &str) -> bool {
    fits(&WORDS.failure, text)
}

/// How many words of failure a text has, without those in harmless company ("0 errors", "error.log").
pub(super) fn failure_words(text: &str) -> usize {
    let (Some(failure), Some(harmless)) = (&WORDS.failure, &WORDS.harmless) else { return 0 };
    if !failure.is_match(text) {
        return 0;
    }
    failure.find_iter(&harmless.replace_all(text, " ")).count()
}

/// Whether a text begins as messages of failure do: `Error:`, `fatal:`, `TypeError:`, `panic:`.
pub(super) fn starts_as_failure(text: &str) -> bool {
    fits(&WORDS.starts, text)
}

/// Whether a text says that something went well, whatever else it says.
pub(super) fn speaks_of_success(text: &str) -> bool {
    fits(&WORDS.went_on, text)
}

/// Whether a text points to documentation, so that what it names has nothing to do with the failure.
pub(super) fn is_reference(text: &str) -> bool {
    fits(&WORDS.reference, text)
}

/// The level that the first word of a text gives it.
pub(super) fn level_of(text: &str) -> Level {
    let text = text.trim_start_matches(['[', '<', '(', '*', '!', ' ']);
    let text = text.strip_prefix("npm ").or_else(|| text.strip_prefix("pnpm ")).unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let after = &text[end..];
    // "Error handling enabled" gives no level, "ERROR handling" does: a level is set apart by case or by a mark.
    let word = &text[..end];
    let set_apart = after.starts_with([':', ']', '>', ')', '!', '\t', '['])
        || after.starts_with(" -")
        || (word.len() >= 3 && word.bytes().all(|b| b.is_ascii_uppercase()))
        || (after.starts_with(' ') && matches!(word, "warn" | "error" | "warning" | "info"));
    let mut level = if set_apart { Level::from_word(word) } else { Level::Unknown };
    if level == Level::Unknown {
        let lower = text.get(..160).unwrap_or(text).to_ascii_lowercase();
        if [" warning: ", "[warn]", "[warning]", " warn ", "deprecationwarning", "userwarning:", "(warning)"]
            .iter()
            .any(|mark| lower.contains(mark))
        {
            level = Level::Warning;
        } else if ["[error]", "[emerg]", "[crit]", "[fatal]", " fatal: ", " error: "]
            .iter()
            .any(|mark| lower.contains(mark))
        {
            level = Level::Error;
        } else if [" - info ", "[info]", "[notice]", "[debug]"].iter().any(|mark| lower.contains(mark)) {
            level = Level::Info;
        }
    }
    level
}

/// What the script itself says with `echo` and `printf`: each as the pieces of text between its variables.
pub(super) struct Echoes(Vec<Vec<String>>);

impl Echoes {
    pub(super) fn of(script: Option<&str>) -> Self {
        let mut echoes = Vec::new();
        for line in script.unwrap_or("").lines() {
            let line = line.trim();
            // Words on their way to standard error, or just before an exit, are the script's own complaint: those count.
            let complains = [">&2", "exit ", "stderr", "die "].iter().any(|mark| line.contains(mark));
            let Some(words) = line.strip_prefix("echo ").or_else(|| line.strip_prefix("printf ")) else {
                continue;
            };
            if complains {
                continue;
            }
            let words = words.trim().trim_start_matches("-e ").trim_start_matches("-n ");
            let words = words.split(" >").next().unwrap_or(words);
            let pieces: Vec<String> = pieces(words.trim_matches(['"', '\'', '\\', 'n']));
            if pieces.iter().map(String::len).sum::<usize>() >= 8 {
                echoes.push(pieces);
            }
        }
        Self(echoes)
    }

    fn holds(&self, text: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let text = &text.replace(['"', '\''], "");
        self.0.iter().any(|pieces| {
            let mut rest = text.as_str();
            pieces.iter().all(|piece| match rest.find(piece.as_str()) {
                Some(at) => {
                    rest = &rest[at + piece.len()..];
                    true
                }
                None => false,
            })
        })
    }
}

/// The text between the variables and substitutions of a shell word.
fn pieces(words: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut chars = words.chars().peekable();
    while let Some(c) = chars.next() {
        let closing = match (c, chars.peek()) {
            ('$', Some('{')) => Some('}'),
            ('$', Some('(')) => Some(')'),
            ('`', _) => Some('`'),
            ('$' | '%', Some(next)) if next.is_ascii_alphabetic() || *next == '_' => {
                while chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_').is_some() {}
                pieces.push(String::new());
                continue;
            }
            _ => None,
        };
        if let Some(closing) = closing {
            for c in chars.by_ref() {
                if c == closing {
                    break;
                }
            }
            pieces.push(String::new());
        } else if let Some(piece) = pieces.last_mut()
            && !matches!(c, '"' | '\'')
        {
            piece.push(c);
        }
    }
    pieces.into_iter().map(|piece| piece.trim().to_owned()).filter(|piece| !piece.is_empty()).collect()
}

/// Sets kind and alarm of every line.
pub(super) fn mark(lines: &mut [Line], echoes: &Echoes) {
    for line in lines.iter_mut() {
        line.kind = kind_of(line, echoes);
        line.tries = tries_of(line);
        line.alarm = telling::alarm(line);
    }
}

fn tries_of(line: &Line) -> Tries {
    let said = line.said.as_str();
    let well = line.kind != Kind::Echo && !fits(&WORDS.ending, said) && !speaks_of_failure(said);
    Tries {
        again: fits(&WORDS.retry, said),
        recovered: well && fits(&WORDS.recovery, said),
        went_on: well && fits(&WORDS.went_on, said),
    }
}

fn kind_of(line: &Line, echoes: &Echoes) -> Kind {
    let said = line.said.as_str();
    let trimmed = said.trim();
    if !trimmed.chars().any(char::is_alphanumeric) {
        return Kind::Blank;
    }
    if fits(&WORDS.quoted, said) {
        Kind::Quoted
    } else if fits(&WORDS.echo, trimmed) || echoes.holds(trimmed) {
        Kind::Echo
    } else if fits(&WORDS.wrapper, trimmed) {
        Kind::Wrapper
    } else if fits(&WORDS.cleanup, trimmed) {
        Kind::Cleanup
    } else if fits(&WORDS.frame, said) {
        Kind::Frame
    } else if fits(&WORDS.success, trimmed) && failure_words(trimmed) == 0 {
        Kind::Success
    } else {
        Kind::Plain
    }
}
