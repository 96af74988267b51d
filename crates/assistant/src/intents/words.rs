//! Splits a message into sentences of plain, spelled-out, well-spelled words.

use std::{collections::HashSet, sync::LazyLock};

use super::{Context, held, rules, spelling};

/// A sentence, ready for the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sentence {
    /// Lower-case words with one space between; a comma is a word of its own.
    pub(super) text: String,
    /// Whether it ended in a question mark.
    pub(super) asks: bool,
    /// Whether a word was mended into an action's word that it may not have been meant as ("shop" is not "stop").
    pub(super) doubtful: bool,
    /// The other project that it names; its name stands as [`NAME`] in the text.
    pub(super) other: Option<String>,
    /// The host or group that it names, which stands as [`PLACE`] in the text.
    pub(super) place: Option<String>,
    /// The held step that it names, which stands as [`STEP`] in the text.
    pub(super) step: Option<String>,
}

/// Stands for the project's name.
pub(super) const NAME: &str = "appname";
/// Stands for a host or a group of the plan.
pub(super) const PLACE: &str = "appplace";
/// Stands for a step that is held.
pub(super) const STEP: &str = "appstep";
/// Stands for quoted text, which is talked about and never obeyed.
pub(super) const QUOTE: &str = "quotedtext";

/// The sentences of a message.
pub(super) fn sentences(message: &str, context: &Context) -> Vec<Sentence> {
    // Shouting slips off the shift key: "now!!1".
    let folded = replace_quotes(&held::unquote(&fold(&message.replace("!1", "!")), context));
    let mut sentences = Vec::new();
    let mut current = String::new();
    let chars: Vec<char> = folded.chars().collect();
    for (at, &char) in chars.iter().enumerate() {
        let before_digit = chars.get(at + 1).is_some_and(char::is_ascii_digit);
        let ends = match char {
            '!' | '?' | ';' | '\n' => true,
            // Not within 3.2 or example.com.
            '.' => chars.get(at + 1).is_none_or(|next| next.is_whitespace() || *next == '.'),
            ':' => !before_digit && chars.get(at + 1).is_none_or(|next| next.is_whitespace()),
            _ => false,
        };
        if ends {
            // "Really?!" asks as well.
            if current.trim().is_empty() {
                if let (Some(last), '?') = (sentences.last_mut(), char) {
                    let last: &mut Sentence = last;
                    last.asks = true;
                }
            } else {
                sentences.push(sentence(&current, char == '?', context));
            }
            current.clear();
        } else {
            current.push(char);
        }
    }
    if !current.trim().is_empty() {
        sentences.push(sentence(&current, false, context));
    }
    sentences.retain(|sentence| !sentence.text.is_empty());
    sentences
}

/// Lower case, without accents, with plain quotes.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.to_lowercase().chars() {
        match char {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => out.push('a'),
            'è' | 'é' | 'ê' | 'ë' => out.push('e'),
            'ì' | 'í' | 'î' | 'ï' => out.push('i'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' => out.push('o'),
            'ù' | 'ú' | 'û' | 'ü' => out.push('u'),
            'ç' => out.push('c'),
            'ñ' => out.push('n'),
            'ß' => out.push_str("ss"),
            '’' | '‘' | '´' => out.push('\''),
            '“' | '”' | '„' | '«' | '»' | '`' => out.push('"'),
            '…' => out.push('.'),
            '–' | '—' => out.push_str(" , "),
            '¿' | '¡' => {}
            '👍' => out.push_str(" yes "),
            other => out.push(other),
        }
    }
    out
}

/// Quoted text becomes one word, unless the whole message is quoted.
fn replace_quotes(text: &str) -> String {
    let trimmed = text.trim();
    let mut parts = trimmed.split('"');
    let count = trimmed.matches('"').count();
    if count == 0 || count % 2 == 1 {
        return trimmed.replace('"', " ");
    }
    if count == 2 && trimmed.starts_with('"') && trimmed.ends_with('"') {
        return trimmed.replace('"', "");
    }
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (at, part) in parts.enumerate() {
        if at % 2 == 0 {
            out.push_str(&format!(" {QUOTE} "));
        } else {
            out.push_str(part);
        }
    }
    out
}

fn sentence(text: &str, asks: bool, context: &Context) -> Sentence {
    let (mut text, step, mut place) = held::replace_names(&text.replace(',', " , "), context);
    let folded = |name: &String| Some(fold(name.trim())).filter(|name| name.len() >= 2);
    let own = context.names.iter().map(|name| (name, false));
    let others = context.others.iter().map(|name| (name, true));
    let mut projects: Vec<(String, &String, bool)> =
        own.chain(others).filter_map(|(name, other)| Some((folded(name)?, name, other))).collect();
    // The longest first: "shop-web" is not "shop". Of two that are written alike this one is meant.
    projects.sort_by_key(|(name, _, other)| (std::cmp::Reverse(name.len()), *other));
    let mut other = None;
    for (name, written, is_other) in projects {
        // A project may be called "deploy" or "status"; then the word keeps its meaning, except at the end of "runs of
        // status".
        let replaced = if VOCABULARY.contains(name.as_str()) {
            replace_at_end(&text, &name)
        } else {
            replace_word(&text, &name, NAME)
        };
        if replaced != text {
            text = replaced;
            if is_other {
                other.get_or_insert_with(|| written.clone());
            }
        }
    }
    // Only after a word that says where to: a host may be called "web" or "production".
    let places = context.places.iter().chain(context.held.iter().map(|held| &held.host));
    let mut places: Vec<(String, &String)> = places.filter_map(|name| Some((folded(name)?, name))).collect();
    places.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, written) in places {
        let replaced = replace_place(&text, &name);
        if replaced != text {
            text = replaced;
            place.get_or_insert_with(|| written.clone());
        }
    }
    let mut words = Vec::new();
    let mut doubtful = false;
    for raw in text.split_whitespace() {
        let raw = raw.trim_matches(|char: char| !char.is_alphanumeric() && char != ',' && char != '\'');
        for part in expand(raw) {
            for word in part.split([' ', '\'']).filter(|word| !word.is_empty()) {
                let (word, doubt) = mend(word);
                doubtful |= doubt;
                words.push(word);
            }
        }
    }
    while words.first().is_some_and(|word| word == ",") {
        words.remove(0);
    }
    while words.last().is_some_and(|word| word == ",") {
        words.pop();
    }
    words.dedup_by(|second, first| first == "," && second == ",");
    Sentence { text: words.join(" "), asks, doubtful, other, place, step }
}

/// "of practice", "to the project practice" at the end of a text.
fn replace_at_end(text: &str, name: &str) -> String {
    let trimmed = text.trim_end();
    for before in ["of", "for", "in", "from", "on", "to", "onto"] {
        for article in ["", "the ", "project ", "the project "] {
            let said = format!(" {before} {article}{name}");
            if let Some(start) = trimmed.strip_suffix(said.as_str()) {
                return format!("{start} {before} {NAME}");
            }
        }
    }
    text.to_owned()
}

/// "to web1", "on the web1": the name of a place after a word that says where.
fn replace_place(text: &str, place: &str) -> String {
    let mut text = text.to_owned();
    for before in ["to", "on", "onto", "in", "into"] {
        for article in ["", "the ", "our ", "my "] {
            let said = format!("{before} {article}{place}");
            text = replace_word(&text, &said, &format!("{before} {article}{PLACE}"));
        }
    }
    text
}

pub(super) fn replace_word(text: &str, word: &str, by: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let whole = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        out.push_str(before);
        out.push_str(if whole { by } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Contractions and spellings of one word, written out.
fn expand(word: &str) -> Vec<String> {
    if let Some((_, full)) = spelling::SPELLED_OUT.iter().find(|(short, _)| *short == word) {
        return vec![(*full).to_owned()];
    }
    for (end, full) in
        [("n't", "not"), ("'re", "are"), ("'ll", "will"), ("'ve", "have"), ("'m", "am"), ("'d", "would")]
    {
        if let Some(start) = word.strip_suffix(end).filter(|start| !start.is_empty()) {
            return vec![start.to_owned(), full.to_owned()];
        }
    }
    if let Some(start) = word.strip_suffix("'s") {
        // "it's" is "it is"; "the app's" is left as two words, which no rule of an action knows.
        return vec![start.to_owned(), "is".to_owned()];
    }
    if let Some(rest) = word.strip_prefix("re-") {
        return vec![format!("re{rest}")];
    }
    vec![word.replace(['-', '/'], " ")]
}

/// Every word that a rule knows.
static VOCABULARY: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    rules::sources()
        .flat_map(|source| source.split(|char: char| !char.is_ascii_lowercase()))
        .filter(|word| word.len() >= 2)
        .chain([NAME, PLACE, STEP, QUOTE])
        .collect()
});

static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| spelling::COMMON.split_whitespace().collect());

/// The word as it was probably meant, and whether that is doubtful.
fn mend(word: &str) -> (String, bool) {
    let keep = word.len() < 4
        || !word.bytes().all(|byte| byte.is_ascii_lowercase())
        || VOCABULARY.contains(word)
        || COMMON.contains(word);
    if keep {
        return (word.to_owned(), false);
    }
    // Plurals and the like of common words are common words.
    let stem = ["s", "ed", "d", "ing", "er", "ly"]
        .iter()
        .any(|end| word.strip_suffix(end).is_some_and(|stem| stem.len() >= 4 && COMMON.contains(stem)));
    if stem {
        return (word.to_owned(), false);
    }
    let short = without_stretching(word);
    if VOCABULARY.contains(short.as_str()) {
        return (short, false);
    }
    let most = if word.len() >= 8 { 2 } else { 1 };
    let best = VOCABULARY
        .iter()
        .filter(|known| known.len() >= 4 && known.len().abs_diff(word.len()) <= most)
        .filter_map(|known| {
            let distance = strsim::osa_distance(word, known);
            let near = distance <= 1 || (distance <= most && word.as_bytes()[..2] == known.as_bytes()[..2]);
            // Among equally near words the one with the same letters, then one that starts no action, and then the first
            // in the alphabet, so that the answer is always the same.
            near.then_some((distance, !same_letters(word, known), is_action(known), *known))
        })
        .min();
    match best {
        Some((distance, other_letters, action, known)) => {
            let doubtful = action && other_letters && (known.len() <= 5 || distance > 1);
            (known.to_owned(), doubtful)
        }
        None => (word.to_owned(), false),
    }
}

/// "stoooop" and "STOPPPP": a letter written three times or more is meant once.
fn without_stretching(word: &str) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some(letter) = rest.chars().next() {
        let after = rest.trim_start_matches(letter);
        let times = rest.len() - after.len();
        out.extend(std::iter::repeat_n(letter, if times >= 3 { 1 } else { times }));
        rest = after;
    }
    out
}

fn is_action(word: &str) -> bool {
    rules::ACTION_WORDS.split('|').any(|action| action == word)
}

/// Whether only the order of letters differs, or a letter is doubled: what fingers do, not another word.
fn same_letters(a: &str, b: &str) -> bool {
    let sorted = |word: &str| {
        let mut bytes: Vec<u8> = word.bytes().collect();
        bytes.sort_unstable();
        bytes.dedup();
        bytes
    };
    sorted(a) == sorted(b)
}
