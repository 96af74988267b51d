//! The rules as regular expressions.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{
    beyond::{BEYOND, Beyond},
    deployments, held,
    rules::{self, Kind},
};

pub(super) struct Rule {
    pub(super) kind: Kind,
    pattern: Regex,
}

impl Rule {
    pub(super) fn find<'t>(&self, text: &'t str) -> Option<(Kind, Captures<'t>)> {
        self.pattern.captures(text).map(|found| (self.kind, found))
    }
}

pub(super) struct Rules {
    pub(super) actions: Vec<Rule>,
    pub(super) decisions: Vec<Rule>,
    pub(super) questions: Vec<Rule>,
    pub(super) small_talk: Vec<Rule>,
    beyond: Vec<(&'static Beyond, Regex)>,
    pub(super) named: Vec<Regex>,
}

impl Rules {
    pub(super) fn beyond(&self, text: &str) -> Option<&'static Beyond> {
        self.beyond.iter().find(|(_, pattern)| pattern.is_match(text)).map(|(beyond, _)| *beyond)
    }
}

/// How many patterns there are, so that a test can tell whether one was left out.
#[cfg(test)]
pub(super) fn pattern_counts() -> (usize, usize) {
    let tables = [rules::ACTIONS, deployments::ACTIONS, held::ACTIONS, rules::QUESTIONS, rules::SMALL_TALK];
    let written =
        tables.iter().flat_map(|table| table.iter()).map(|(_, patterns)| patterns.len()).sum::<usize>();
    let written =
        written + BEYOND.iter().map(|beyond| beyond.patterns.len()).sum::<usize>() + rules::WORD_MEANS.len();
    let read = RULES.actions.len()
        + RULES.decisions.len()
        + RULES.questions.len()
        + RULES.small_talk.len()
        + RULES.beyond.len()
        + RULES.named.len();
    (written, read)
}

pub(super) static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let before = format!("(?:(?:{})(?: ,)? )*", rules::BEFORE);
    let after = format!("(?:(?: ,)? (?:{}))*", rules::AFTER);
    let table =
        |table: &'static [(Kind, &'static [&'static str])], form: &dyn Fn(&str) -> String| -> Vec<Rule> {
            table
                .iter()
                .flat_map(|(kind, patterns)| patterns.iter().map(|pattern| (*kind, *pattern)))
                .filter_map(|(kind, pattern)| Some(Rule { kind, pattern: compile(&form(&expand(pattern)))? }))
                .collect()
        };
    let plain = |pattern: &str| format!("^{before}(?:{pattern}){after}$");
    Rules {
        actions: [deployments::ACTIONS, rules::ACTIONS]
            .into_iter()
            .flat_map(|rules| table(rules, &plain))
            .collect(),
        decisions: table(held::ACTIONS, &plain),
        questions: table(rules::QUESTIONS, &|pattern| format!(r"(?:^|\b)(?:{pattern})(?:\b|$)")),
        small_talk: table(rules::SMALL_TALK, &|pattern| format!("^(?:{pattern})$")),
        beyond: BEYOND
            .iter()
            .flat_map(|beyond| beyond.patterns.iter().map(move |pattern| (beyond, *pattern)))
            .filter_map(|(beyond, pattern)| {
                let pattern = pattern.replace("<polite>", &before);
                Some((beyond, compile(&format!(r"(?:^|\b)(?:{})", expand(&pattern)))?))
            })
            .collect(),
        named: rules::WORD_MEANS
            .iter()
            .filter_map(|(_, words)| compile(&format!(r"\b(?:{words})\b")))
            .collect(),
    }
});

/// Replaces classes by their words, inmost last, and `{n}` by a number.
pub(super) fn expand(pattern: &str) -> String {
    let mut pattern = pattern.to_owned();
    // Classes name classes, four deep at most; a class that named itself would end here too.
    for _ in 0..5 {
        for (name, words) in rules::CLASSES.iter().chain(deployments::CLASSES).chain(held::CLASSES) {
            pattern = pattern.replace(&format!("<{name}>"), &format!("(?:{words})"));
        }
    }
    pattern.replace("instead of {n}", "(?P<instead>instead of) {n}").replace("{n}", "[0-9]+")
}

/// A pattern that doesn't compile is left out; a test sees to it that there is none.
fn compile(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

pub(super) fn whole_word(words: &str) -> Regex {
    sure(&format!(r"\b(?:{words})\b"))
}

/// For patterns that are fixed in this file; the fallback matches nothing and is never reached, which tests show.
pub(super) fn sure(pattern: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "the pattern is fixed here, and every test compiles it")]
    Regex::new(pattern).expect("a fixed pattern is a regular expression")
}
