//! Secrets, found in whatever form programs print them, and replaced.
//!
//! A secret is looked for as it is, and base64-, hex-, percent-, JSON- and shell-encoded; a secret of several lines also
//! line by line. Base64 shows a text in one of three ways, by what stands before it, so it is looked for in all three.
//! Where forms overlap, all of what they cover is replaced, so the result does not depend on how a stream is cut.

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use secrecy::{ExposeSecret, SecretString};

/// Forms with fewer bytes than this are not replaced: they occur by chance, and replacing them would tell where.
const SHORTEST: usize = 4;
/// A part of a secret that stands alone, such as one line of several, must have this many bytes.
const SHORTEST_PART: usize = 8;
/// The widths at which programs break base64 into lines: `base64`, PEM.
const WIDTHS: [usize; 2] = [76, 64];
/// What stands in a log where a secret was.
const STARS: &[u8] = b"***";

/// Finds and replaces secrets.
pub struct Masker {
    finder: AhoCorasick,
    forms: Vec<Vec<u8>>,
    /// The name of the secret of each form.
    names: Vec<String>,
    longest: usize,
}

/// A stretch of bytes that secrets cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Covered {
    start: usize,
    end: usize,
    /// The longest of the forms in it.
    form: usize,
}

impl Masker {
    /// Finds these secrets. None when there is nothing to find.
    #[must_use]
    pub fn new<N: AsRef<str>>(secrets: &[(N, SecretString)]) -> Option<Self> {
        let mut found: Vec<(Vec<u8>, String)> = Vec::new();
        for (name, secret) in secrets {
            let forms = forms(secret.expose_secret()).into_iter();
            found.extend(forms.map(|form| (form, name.as_ref().to_owned())));
        }
        found.sort();
        found.dedup_by(|one, other| one.0 == other.0);
        if found.is_empty() {
            return None;
        }
        let (forms, names): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let longest = forms.iter().map(Vec::len).max().unwrap_or(0);
        // Fails only for patterns of gigabytes together.
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&forms)
            .ok()?;
        Some(Self { finder, forms, names, longest })
    }

    /// The text with every secret replaced by `[secret NAME]`.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let covered = self.covered(text.as_bytes());
        if covered.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut masked = String::with_capacity(text.len());
        let mut from = 0;
        for part in covered {
            // Forms are whole characters, so these are boundaries of characters.
            masked.push_str(text.get(from..part.start).unwrap_or_default());
            masked.push_str(&format!("[secret {}]", self.names[part.form]));
            from = part.end;
        }
        masked.push_str(text.get(from..).unwrap_or_default());
        Cow::Owned(masked)
    }

    /// Begins a stream of bytes.
    #[must_use]
    pub fn stream(&self) -> Stream<'_> {
        Stream { masker: self, held: Vec::new() }
    }

    /// Stretches that are covered by forms, each as long as forms overlap in it.
    fn covered(&self, bytes: &[u8]) -> Vec<Covered> {
        let mut found: Vec<Covered> = self
            .finder
            .find_overlapping_iter(bytes)
            .map(|found| Covered { start: found.start(), end: found.end(), form: found.pattern().as_usize() })
            .collect();
        found.sort_by_key(|part| (part.start, std::cmp::Reverse(part.end)));
        let mut covered: Vec<Covered> = Vec::new();
        for part in found {
            match covered.last_mut().filter(|last| part.start < last.end) {
                Some(last) => {
                    last.end = last.end.max(part.end);
                    if self.forms[part.form].len() > self.forms[last.form].len() {
                        last.form = part.form;
                    }
                }
                None => covered.push(part),
            }
        }
        covered
    }

    /// Where a form may begin that goes on behind `bytes`.
    fn open_from(&self, bytes: &[u8]) -> usize {
        let first = bytes.len().saturating_sub(self.longest.saturating_sub(1));
        let begins = |at: &usize| {
            let rest = &bytes[*at..];
            // Forms are sorted: one that begins with `rest` stands where `rest` would.
            let place = self.forms.partition_point(|form| form.as_slice() < rest);
            let mut behind = self.forms[place..].iter().take_while(|form| form.starts_with(rest));
            behind.any(|form| form.len() > rest.len())
        };
        (first..bytes.len()).find(begins).unwrap_or(bytes.len())
    }
}

/// A stream of bytes in which secrets are replaced by `***`.
pub struct Stream<'a> {
    masker: &'a Masker,
    /// Bytes with which a secret may begin that goes on in what follows.
    held: Vec<u8>,
}

impl Stream<'_> {
    /// Takes more bytes; gives what is certain by now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let mut cut = self.masker.open_from(&self.held);
        let covered = self.masker.covered(&self.held);
        // What overlaps with a form that may go on is replaced together with it.
        while let Some(part) = covered.iter().find(|part| part.start < cut && cut < part.end) {
            cut = part.start;
        }
        self.give(cut, &covered)
    }

    /// The end of the stream: gives the rest.
    pub fn end(&mut self) -> Vec<u8> {
        let covered = self.masker.covered(&self.held);
        self.give(self.held.len(), &covered)
    }

    /// How many bytes were taken and not given yet.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn give(&mut self, cut: usize, covered: &[Covered]) -> Vec<u8> {
        let mut given = Vec::with_capacity(cut);
        let mut from = 0;
        for part in covered.iter().take_while(|part| part.end <= cut) {
            given.extend_from_slice(&self.held[from..part.start]);
            given.extend_from_slice(STARS);
            from = part.end;
        }
        given.extend_from_slice(&self.held[from..cut]);
        self.held.drain(..cut);
        given
    }
}

/// The forms in which a secret is looked for.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let trimmed = value.trim();
    let mut texts = vec![value.to_owned(), trimmed.to_owned()];
    texts.extend(percent_encoded(trimmed));
    texts.extend(json_encoded(trimmed));
    texts.extend(shell_quoted(trimmed));
    texts.extend(hex(trimmed.as_bytes()));
    let mut parts: Vec<String> = trimmed.lines().map(|line| line.trim().to_owned()).collect();
    for alphabet in [STANDARD, URL_SAFE] {
        for before in 0..3 {
            let whole = base64_known(trimmed.as_bytes(), before, alphabet);
            if before == 0 {
                for width in WIDTHS {
                    parts.extend(
                        whole.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned()),
                    );
                }
            }
            parts.push(whole);
        }
    }
    texts.retain(|text| text.len() >= SHORTEST);
    parts.retain(|part| part.len() >= SHORTEST_PART);
    texts.into_iter().chain(parts).map(String::into_bytes).collect()
}

/// RFC 3986, with capital and small digits, and as forms send it, with `+` for a space.
fn percent_encoded(value: &str) -> [String; 3] {
    let encode = |digits: fn(u8) -> String| -> String {
        let letter = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => digits(byte),
        };
        value.bytes().map(letter).collect()
    };
    let capital = encode(|byte| format!("%{byte:02X}"));
    let form = capital.replace("%20", "+");
    [capital, encode(|byte| format!("%{byte:02x}")), form]
}

/// As a string in JSON, also with `/` escaped, and with everything but ASCII as `\u….`.
fn json_encoded(value: &str) -> Vec<String> {
    let Ok(json) = serde_json::to_string(value) else { return Vec::new() };
    let json = json[1..json.len() - 1].to_owned();
    let ascii = json
        .chars()
        .flat_map(|letter| {
            let mut units = [0; 2];
            let escaped = |unit: &u16| format!("\\u{unit:04x}");
            match letter {
                ' '..='~' => vec![letter.to_string()],
                _ => letter.encode_utf16(&mut units).iter().map(escaped).collect(),
            }
        })
        .collect();
    vec![json.replace('/', "\\/"), json, ascii]
}

/// As shells print words: between single quotes, and with backslashes (`printf %q`).
fn shell_quoted(value: &str) -> Vec<String> {
    let escaped = |letter: char| match letter {
        'A'..='Z'
        | 'a'..='z'
        | '0'..='9'
        | '-'
        | '.'
        | '_'
        | '/'
        | '%'
        | '@'
        | ':'
        | '='
        | '+'
        | '\u{80}'.. => letter.to_string(),
        _ => format!("\\{letter}"),
    };
    vec![
        value.replace('\'', r"'\''"),
        value.replace('\'', r#"'"'"'"#),
        value.replace('\\', r"\\").replace('"', "\\\"").replace('$', r"\$").replace('`', r"\`"),
        value.chars().map(escaped).collect(),
    ]
}

fn hex(bytes: &[u8]) -> [String; 2] {
    let small: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [small.to_uppercase(), small]
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The letters of the base64 (RFC 4648) of `bytes` behind `before` other ones (modulo 3) that are the same whatever
/// stands around them: at each end at most four bits are left out.
fn base64_known(bytes: &[u8], before: usize, alphabet: &[u8; 64]) -> String {
    let bit = |at: usize| -> Option<usize> {
        let at = at.checked_sub(before * 8)?;
        Some(usize::from(bytes.get(at / 8)? >> (7 - at % 8) & 1))
    };
    let letters = ((before + bytes.len()) * 8).div_ceil(6);
    (0..letters)
        .filter_map(|letter| (0..6).try_fold(0, |index, at| Some(index << 1 | bit(letter * 6 + at)?)))
        .map(|index| char::from(alphabet[index]))
        .collect()
}

#[cfg(test)]
mod tests;
