//! The rules, read from `catalogue/*.toml`. `catalogue/README.md` explains every key for those who write them.

use std::collections::BTreeSet;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use steadyhand_domain::ConnectionProblem;

use super::{Confidence, FixKind, fill, kind, literals};

/// The files of the catalogue, one for each area.
const FILES: &[(&str, &str)] = &[
    ("connection", include_str!("../../catalogue/connection.toml")),
    ("network", include_str!("../../catalogue/network.toml")),
    ("tls", include_str!("../../catalogue/tls.toml")),
    ("files", include_str!("../../catalogue/files.toml")),
    ("resources", include_str!("../../catalogue/resources.toml")),
    ("processes", include_str!("../../catalogue/processes.toml")),
    ("services", include_str!("../../catalogue/services.toml")),
    ("docker", include_str!("../../catalogue/docker.toml")),
    ("containers", include_str!("../../catalogue/containers.toml")),
    ("git", include_str!("../../catalogue/git.toml")),
    ("packages", include_str!("../../catalogue/packages.toml")),
    ("javascript", include_str!("../../catalogue/javascript.toml")),
    ("python", include_str!("../../catalogue/python.toml")),
    ("languages", include_str!("../../catalogue/languages.toml")),
    ("databases", include_str!("../../catalogue/databases.toml")),
    ("configuration", include_str!("../../catalogue/configuration.toml")),
];

/// What is wrong with the catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A file is not what the rules are written in.
    #[error("catalogue/{file}.toml cannot be read: {source}")]
    Unreadable {
        /// The file's name without its ending.
        file: &'static str,
        /// What the reader expected.
        source: Box<toml::de::Error>,
    },
    /// The lists that tell lines apart are incomplete.
    #[error("catalogue/lines.toml cannot be read: a list is missing or one of its patterns is not valid")]
    Lines,
    /// Rules contradict themselves.
    #[error("rules of the catalogue are wrong:{0}")]
    Rules(String),
}

/// All rules, and the index from words to patterns.
pub(super) struct Catalogue {
    pub(super) rules: Vec<Rule>,
    /// Finds words; the pattern at the same index of `words` needs the word.
    pub(super) finder: Option<AhoCorasick>,
    pub(super) words: Vec<(usize, usize)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<Rule>,
}

/// A known failure.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) id: String,
    /// How specific the rule is, 40 to 100.
    pub(super) weight: i32,
    pub(super) title: Titles,
    pub(super) explanation: String,
    #[serde(default)]
    pub(super) patterns: Vec<Pattern>,
    /// Matched on the message of a step that failed without a command (`Reason::Error`). Of a rule about a connection
    /// they only name things.
    #[serde(default)]
    pub(super) message: Vec<Pattern>,
    #[serde(default)]
    pub(super) unless: Vec<Pattern>,
    #[serde(default)]
    pub(super) unless_log: Vec<Pattern>,
    #[serde(default)]
    pub(super) needs: Needs,
    #[serde(default)]
    pub(super) context: Vec<Context>,
    /// What the rule shows usually follows from something else, which is the cause when it is there too.
    #[serde(default)]
    pub(super) consequence: bool,
    /// It passes by itself, so it tells nothing once the log shows that it passed.
    #[serde(default)]
    pub(super) transient: bool,
    /// The words count at any level and in any kind of line: they cannot be harmless.
    #[serde(default)]
    pub(super) always: bool,
    /// Rules that say the same less well, and are not shown beside this one.
    #[serde(default)]
    pub(super) covers: Vec<String>,
    /// The highest confidence that the rule can have.
    pub(super) most: Option<Confidence>,
    #[serde(default, rename = "fix")]
    pub(super) fixes: Vec<FixTemplate>,
}

/// One title, or several: the first whose every placeholder is known is used.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Titles {
    One(String),
    Several(Vec<String>),
}

impl Titles {
    pub(super) fn all(&self) -> &[String] {
        match self {
            Self::One(title) => std::slice::from_ref(title),
            Self::Several(titles) => titles,
        }
    }
}

/// What must hold besides the pattern. A rule without patterns rests on this alone.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Needs {
    #[serde(default)]
    pub(super) status: Vec<u8>,
    /// How the step ended: `exited`, `killed`, `timed_out`, `lost`, `connection`, `error`.
    #[serde(default)]
    pub(super) ended: Vec<String>,
    /// What kept the host from being worked on; only such rules speak of a connection of our own.
    #[serde(default)]
    pub(super) connection: Vec<ConnectionProblem>,
    #[serde(default)]
    pub(super) signal: Vec<String>,
    #[serde(default)]
    pub(super) action: Vec<String>,
    /// A line nearby.
    pub(super) near: Option<Pattern>,
    /// How many lines away `near` may be.
    #[serde(default = "default_reach")]
    pub(super) reach: usize,
    /// A line anywhere in the log.
    pub(super) log: Option<Pattern>,
    /// Something in the step's script.
    pub(super) script: Option<Pattern>,
}

/// Where else to look for what the telling line does not name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Context {
    pub(super) pattern: Pattern,
    #[serde(default)]
    pub(super) place: Place,
    #[serde(default = "default_reach")]
    pub(super) reach: usize,
}

/// Which lines a context looks at.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// Those nearby, the nearest first.
    #[default]
    Around,
    /// Those before, the nearest first.
    Before,
    /// Those after, the nearest first.
    After,
    /// The whole log, the nearest first.
    Log,
    /// The step's script.
    Script,
}

fn default_reach() -> usize {
    12
}

/// A fix with placeholders.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FixTemplate {
    pub(super) title: String,
    pub(super) kind: FixKind,
    pub(super) detail: String,
    pub(super) command: Option<String>,
}

/// `\b` for letters of ASCII: the other kind makes the engine take its slow way at the first other character.
pub(super) fn with_ascii_boundaries(pattern: &str) -> String {
    pattern.replace(r"\b", r"(?-u:\b)")
}

/// A regular expression that is compiled when it is first needed: most never are.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(super) struct Pattern {
    pub(super) text: String,
    regex: OnceLock<Option<Regex>>,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self { text, regex: OnceLock::new() }
    }
}

impl Pattern {
    /// The compiled pattern; nothing when it is not valid, which [`load`] reports.
    pub(super) fn regex(&self) -> Option<&Regex> {
        let compile = || {
            RegexBuilder::new(&with_ascii_boundaries(&self.text))
                .case_insensitive(!self.text.contains("(?-i)"))
                .build()
                .ok()
        };
        self.regex.get_or_init(compile).as_ref()
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }
}

impl Rule {
    /// Every pattern that can capture something.
    fn capturing(&self) -> impl Iterator<Item = &Pattern> {
        let context = self.context.iter().map(|context| &context.pattern);
        self.patterns
            .iter()
            .chain(&self.message)
            .chain(context)
            .chain(&self.needs.near)
            .chain(&self.needs.log)
    }

    fn all_patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.capturing().chain(&self.unless).chain(&self.unless_log).chain(&self.needs.script)
    }

    fn templates(&self) -> impl Iterator<Item = &str> {
        let fixes = self.fixes.iter().flat_map(|fix| {
            [Some(&fix.title), Some(&fix.detail), fix.command.as_ref()].into_iter().flatten()
        });
        self.title.all().iter().chain([&self.explanation]).chain(fixes).map(String::as_str)
    }

    fn check(&self) -> Result<(), String> {
        if let Some(pattern) = self.all_patterns().find(|pattern| pattern.regex().is_none()) {
            return Err(format!("the pattern {} is not a valid regular expression", pattern.text));
        }
        if let Some(pattern) =
            self.patterns.iter().find(|pattern| literals::required(&pattern.text).is_none())
        {
            return Err(format!("the pattern {} has no words that every match must hold", pattern.text));
        }
        if !(40..=100).contains(&self.weight) {
            return Err(format!("its weight {} is not between 40 and 100", self.weight));
        }
        if self.patterns.is_empty()
            && self.message.is_empty()
            && self.needs.ended.is_empty()
            && self.needs.status.is_empty()
            && self.needs.connection.is_empty()
        {
            return Err("it has neither patterns nor an end of the step to rest on".to_owned());
        }
        let names: BTreeSet<&str> = self
            .capturing()
            .filter_map(Pattern::regex)
            .flat_map(|regex| regex.capture_names().flatten())
            .collect();
        for template in self.templates() {
            for placeholder in fill::placeholders(template) {
                if !names.contains(placeholder) && !fill::GIVEN.contains(&placeholder) {
                    return Err(format!("no pattern captures {{{placeholder}}}"));
                }
            }
        }
        let last = self.title.all().last().ok_or("it has no title")?;
        let given = fill::GIVEN.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        if fill::fill(last, &given).is_none() {
            return Err("its last title needs a capture, so there may be none to show".to_owned());
        }
        if fill::fill(&self.explanation, &given).is_none() {
            return Err("its explanation needs a capture: give the placeholder a default".to_owned());
        }
        if self.fixes.is_empty() {
            return Err("it has no fix".to_owned());
        }
        Ok(())
    }
}

/// Reads and checks the whole catalogue.
pub(super) fn load() -> Result<Catalogue, CatalogueError> {
    let catalogue = read()?;
    if !kind::Patterns::complete() {
        return Err(CatalogueError::Lines);
    }
    let ids: BTreeSet<&str> = catalogue.rules.iter().map(|rule| rule.id.as_str()).collect();
    let mut wrong = String::new();
    let mut seen = BTreeSet::new();
    for rule in &catalogue.rules {
        let twice = (!seen.insert(rule.id.as_str())).then(|| "another rule has the same id".to_owned());
        let unknown = rule.covers.iter().find(|id| !ids.contains(id.as_str()));
        let unknown = unknown.map(|id| format!("it covers {id}, which is no rule"));
        for problem in rule.check().err().into_iter().chain(twice).chain(unknown) {
            wrong.push_str(&format!("\n{}: {problem}", rule.id));
        }
    }
    if !wrong.is_empty() {
        return Err(CatalogueError::Rules(wrong));
    }
    Ok(catalogue)
}

fn read() -> Result<Catalogue, CatalogueError> {
    let mut rules = Vec::new();
    for (file, text) in FILES {
        let read: File = toml::from_str(text)
            .map_err(|source| CatalogueError::Unreadable { file, source: Box::new(source) })?;
        rules.extend(read.rule);
    }
    Ok(index(rules))
}

fn index(rules: Vec<Rule>) -> Catalogue {
    let (mut literals, mut words) = (Vec::new(), Vec::new());
    for (at, rule) in rules.iter().enumerate() {
        for (pattern_at, pattern) in rule.patterns.iter().enumerate() {
            for literal in literals::required(&pattern.text).unwrap_or_default() {
                literals.push(literal);
                words.push((at, pattern_at));
            }
        }
    }
    let finder = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .build(&literals)
        .ok();
    Catalogue { rules, finder, words }
}

static SHIPPED: LazyLock<Catalogue> = LazyLock::new(|| read().unwrap_or_else(|_| index(Vec::new())));

/// The catalogue that is part of the program. Its files are checked by tests; one that could not be read would give a
/// catalogue without rules, which claims nothing.
pub(super) fn shipped() -> &'static Catalogue {
    &SHIPPED
}
