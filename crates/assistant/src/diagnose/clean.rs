//! Raw lines to readable ones: colours and control characters removed, overwritten progress dropped, and whatever other
//! programs wrote before the words (a container's name, a time, a JSON object around the message) peeled off.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::kind::{self, Kind, Level};
use super::{Citation, LogTail};

/// The longest part of a line that is looked at, in bytes.
const LINE_LIMIT: usize = 4096;
/// The longest text of a citation, in characters.
const CITED_LIMIT: usize = 400;
/// How much is looked at in all, in bytes: when the lines are long, less of each.
const TEXT_LIMIT: usize = 1 << 20;
/// The least that is looked at of each line.
const LEAST_OF_A_LINE: usize = 400;
/// How many lines are looked at, from the start and from the end.
const HEAD_LINES: usize = 200;
const TAIL_LINES: usize = 2000;

/// The lines of a log that are looked at.
pub(super) struct Log {
    pub(super) lines: Vec<Line>,
}

/// One line, cleaned.
pub(super) struct Line {
    /// Its number in the log, counted from 1.
    pub(super) number: u64,
    /// What a person saw.
    pub(super) shown: String,
    /// What the program itself wrote: `shown` without what others put around it.
    pub(super) said: String,
    /// Which of several interleaved programs wrote it, where its prefix tells.
    pub(super) source: Option<String>,
    /// What kind of line it is.
    pub(super) kind: Kind,
    /// The level that the line gives itself.
    pub(super) level: Level,
    /// What the line says about other tries.
    pub(super) tries: Tries,
    /// How strongly the line speaks of a failure; see [`super::telling`].
    pub(super) alarm: i32,
}

/// What a line says about trying again.
#[derive(Clone, Copy, Default)]
pub(super) struct Tries {
    /// Something is or will be tried again.
    pub(super) again: bool,
    /// What failed before works now.
    pub(super) recovered: bool,
    /// Something went well, which after words of trying again is a recovery too.
    pub(super) went_on: bool,
}

impl Log {
    pub(super) fn cite(&self, index: usize) -> Citation {
        let line = &self.lines[index];
        let mut text: String = line.shown.trim().chars().take(CITED_LIMIT).collect();
        if text.len() < line.shown.trim().len() {
            text.push('…');
        }
        Citation { line: line.number, text }
    }
}

/// Cleans the lines of the window and tells what kind each is.
pub(super) fn read(tail: &LogTail<'_>, script: Option<&str>) -> Log {
    let total = tail.lines.len();
    let echoes = kind::Echoes::of(script);
    let window = || {
        let numbered = tail.lines.iter().zip(tail.first_line_number..).enumerate();
        numbered
            .filter(|(index, _)| *index < HEAD_LINES || *index + TAIL_LINES >= total)
            .map(|(_, line)| line)
    };
    let text: usize = window().map(|(raw, _)| raw.len().min(LINE_LIMIT)).sum();
    let limit = (LINE_LIMIT * TEXT_LIMIT / text.max(TEXT_LIMIT)).max(LEAST_OF_A_LINE);
    let mut lines: Vec<Line> = window().map(|(raw, number)| line(raw, number, limit)).collect();
    kind::mark(&mut lines, &echoes);
    Log { lines }
}

fn line(raw: &str, number: u64, limit: usize) -> Line {
    let shown = visible(raw, limit);
    let mut said = Peeled { text: shown.clone(), source: None, level: Level::Unknown };
    said.peel();
    let level = if said.level == Level::Unknown { kind::level_of(&said.text) } else { said.level };
    Line {
        number,
        shown,
        said: said.text,
        source: said.source,
        kind: Kind::Plain,
        level,
        tries: Tries::default(),
        alarm: 0,
    }
}

/// What a terminal would have shown of a line: without escape sequences, and of text that was overwritten after a
/// carriage return only the last part, unless an earlier part speaks of a failure.
fn visible(raw: &str, limit: usize) -> String {
    let raw = raw.trim_end_matches(['\r', '\n']);
    let cut = cut(raw, limit);
    let part = if cut.contains('\r') {
        let parts = || cut.split('\r').filter(|part| !part.trim().is_empty());
        parts().rfind(|part| kind::speaks_of_failure(part)).or_else(|| parts().next_back()).unwrap_or("")
    } else {
        &cut
    };
    without_escapes(part)
}

/// About `limit` bytes of a line: its start and its end.
fn cut(raw: &str, limit: usize) -> std::borrow::Cow<'_, str> {
    if raw.len() <= limit {
        return raw.into();
    }
    let head = floor_boundary(raw, limit - limit / 4);
    let tail = floor_boundary(raw, raw.len() - limit / 4);
    format!("{} ... {}", &raw[..head], &raw[tail..]).into()
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_until_final(&mut chars),
            '\t' => out.push(' '),
            // Characters that steer the direction of text are dropped with the controls: they can make a line show
            // other words than it holds.
            '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn skip_escape(chars: &mut Chars<'_>) {
    match chars.next() {
        Some('[') => skip_until_final(chars),
        // An operating system command, a string: ends with BEL or with ESC and a backslash.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        Some('(' | ')' | '#' | '%') => {
            chars.next();
        }
        _ => {}
    }
}

fn skip_until_final(chars: &mut Chars<'_>) {
    // Parameter and intermediate bytes are 0x20..=0x3f; the first character beyond them ends the sequence.
    while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
    chars.next_if(|c| ('@'..='~').contains(c));
}

/// A line on its way from what was shown to what was said.
struct Peeled {
    text: String,
    source: Option<String>,
    level: Level,
}

/// Prefixes that other programs write before a line. A group `source` tells interleaved programs apart; a group
/// `rest` is what remains.
static PREFIXES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // 2026-01-02T03:04:05.678Z, [2026-01-02 03:04:05,678], 2026/01/02 03:04:05
        r"^[\[(]?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,:]\d+)?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?[\])]?[:,]?\s*(?:-\s+|\|\s+)?(?P<rest>.*)$",
        // Jan  2 03:04:05 web1 shop[812]: …
        r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:\S+ )?(?P<source>[A-Za-z][\w@./-]*?)(?:\[\d+\])?: (?P<rest>.*)$",
        // [Fri Jan 02 03:04:05.678901 2026] …
        r"^\[[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d(?:\.\d+)? \d{4}\]\s*(?P<rest>.*)$",
        // [12:34:56] …, 12:34:56.789 …
        r"^\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\s?(?:[AP]M)?\]?:?\s+(?P<rest>.*)$",
        // [   12.345678] …
        r"^\[\s*\d+\.\d{6}\]\s(?P<rest>.*)$",
        // #11 3.377 …, #11 ERROR: …
        r"^(?P<source>#\d+)\s+(?:\d+\.\d+\s)?(?P<rest>.*)$",
        // 3.377 npm error …, in the summary that BuildKit prints after a failure
        r"^\d{1,4}\.\d{2,4} (?P<rest>.*)$",
        // web-1  | …, api.1   | …, 0|shop  | …
        r"^(?P<source>(?:\d+\|)?[A-Za-z][\w.@/-]*)\s*\| ?(?P<rest>.*)$",
        r"^(?:remote|stderr|stdout|STDERR|STDOUT|err|out): (?P<rest>.*)$",
        // [web1] …, [shop:build] …, but not [error] …
        r"^\[(?P<source>[a-z][\w-]*[\d:/][\w:./@-]*)\]:?\s+(?P<rest>.*)$",
        // @acme/web:build: …
        r"^(?P<source>@?[\w-]+(?:/[\w-]+)?:(?:build|test|dev|lint|start|deploy)): (?P<rest>.*)$",
        // packages/web build: …, apps/api postinstall$ …
        r"^(?P<source>(?:packages|apps|services|libs)/[\w./-]+ \w+): (?P<rest>.*)$",
    ]
    .into_iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

static LOGFMT_FIELD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?:^|\s)(level|lvl|severity|msg|message|error|err|reason)=("(?:[^"\\]|\\.)*"|\S+)"#).ok()
});

impl Peeled {
    fn peel(&mut self) {
        // Prefixes nest (a time in a container's line in a time); six deep is more than anyone was seen to write.
        for _ in 0..6 {
            if !(self.peel_json() || self.peel_logfmt() || self.peel_prefix()) {
                break;
            }
        }
    }

    fn peel_prefix(&mut self) -> bool {
        let Some(first) = self.text.bytes().next() else { return false };
        if !(first.is_ascii_alphanumeric() || matches!(first, b'[' | b'(' | b'#' | b'@')) {
            return false;
        }
        let Some(captures) = PREFIXES.iter().find_map(|prefix| prefix.captures(&self.text)) else {
            return false;
        };
        if let Some(source) = captures.name("source") {
            self.source = Some(source.as_str().to_owned());
        }
        let rest = captures.name("rest").map_or("", |rest| rest.as_str()).to_owned();
        if self.level == Level::Unknown {
            self.level = kind::level_of(&rest);
        }
        self.text = rest;
        true
    }

    fn peel_json(&mut self) -> bool {
        let text = self.text.trim();
        if !(text.starts_with("{\"") && text.ends_with('}')) {
            return false;
        }
        let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(text) else { return false };
        let text_of = |name: &str| match fields.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Object(inner)) => ["message", "msg", "stack"]
                .iter()
                .find_map(|key| inner.get(*key)?.as_str().map(str::to_owned)),
            _ => None,
        };
        let words = ["msg", "message", "log", "event", "text"].iter().find_map(|name| text_of(name));
        let cause =
            ["error", "err", "exception", "reason", "cause", "detail"].iter().find_map(|name| text_of(name));
        let said = match (words, cause) {
            (Some(words), Some(cause)) if !words.contains(&cause) => format!("{words}: {cause}"),
            (Some(words), _) => words,
            (None, Some(cause)) => cause,
            (None, None) => return false,
        };
        match ["level", "severity", "lvl", "levelname"].iter().find_map(|name| fields.get(*name)) {
            Some(Value::String(word)) => self.level = Level::from_word(word),
            // The numbers of bunyan and pino.
            Some(Value::Number(number)) => self.level = Level::from_number(number.as_u64().unwrap_or(0)),
            _ => {}
        }
        self.text = visible(&said.replace('\n', " "), LINE_LIMIT);
        true
    }

    fn peel_logfmt(&mut self) -> bool {
        if !(self.text.contains("msg=\"") || self.text.contains("level=")) {
            return false;
        }
        let Some(pattern) = LOGFMT_FIELD.as_ref() else { return false };
        let (mut words, mut cause, mut level) = (None, None, Level::Unknown);
        for captures in pattern.captures_iter(&self.text) {
            let value = unquoted(&captures[2]);
            match &captures[1] {
                "msg" | "message" => words = Some(value),
                "level" | "lvl" | "severity" => level = Level::from_word(&value),
                _ => cause = Some(value),
            }
        }
        let said = match (words, cause) {
            (Some(words), Some(cause)) => format!("{words}: {cause}"),
            (Some(words), None) => words,
            _ => return false,
        };
        self.level = level;
        self.text = visible(&said.replace('\n', " "), LINE_LIMIT);
        true
    }
}

fn unquoted(value: &str) -> String {
    match serde_json::from_str::<String>(value) {
        Ok(text) => text,
        Err(_) => value.trim_matches('"').to_owned(),
    }
}
