//! Why a step failed, told from its log.
//!
//! [`diagnose`] is pure: it reads the end of a log and answers which known failures it shows, best first, each with the
//! lines that it rests on. What is known is data (`catalogue/*.toml`); this module only reads it. When nothing known
//! fits, nothing is claimed, and the answer is the line that a person should read first.
//!
//! The way of a log through the module: [`clean`] makes lines readable and peels off what other programs put around
//! them, [`kind`] tells wrappers, clean-up, echoes and warnings apart, [`search`] finds the rules whose words occur,
//! [`rank`] weighs them against each other, [`telling`] finds the most telling line without any rule, and [`fill`]
//! puts what was found into the sentences.
//!
//! Log text is data: it never becomes a command unquoted (see [`fill`]).

mod catalogue;
mod clean;
mod fill;
mod kind;
mod literals;
mod rank;
mod search;
mod telling;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use steadyhand_domain::Reason;
use ts_rs::TS;

pub use catalogue::CatalogueError;

/// A failed step, as far as a diagnosis needs it.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// The step's name as people see it.
    pub step_name: &'a str,
    /// The shell script of a `run` step, as it was sent.
    pub script: Option<&'a str>,
    /// What the step does: `run`, `upload`, `download` or `wait_for`.
    pub action: &'a str,
    /// The name of the host it ran on.
    pub host: &'a str,
    /// Why the step failed.
    pub outcome: &'a Reason,
    /// The port that the step was given to listen on, when it is plain which one that is.
    pub port: Option<u16>,
    /// The end of the log of the last attempt.
    pub log: &'a LogTail<'a>,
}

/// The lines of a log that are looked at.
#[derive(Clone, Copy, Debug)]
pub struct LogTail<'a> {
    /// The number of the first line given, counted from 1.
    pub first_line_number: u64,
    /// The lines without their line feeds, otherwise raw: colours, carriage returns and replacement characters included.
    pub lines: &'a [&'a str],
    /// Whether the log has more lines before these.
    pub truncated: bool,
}

/// What a failed step's log shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Diagnosis {
    /// The known failures that fit, best first, at most three; empty when nothing known fits.
    pub findings: Vec<Finding>,
    /// The line to read first; absent only when the log holds no visible character.
    pub telling_line: Option<Citation>,
}

/// A known failure that fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Finding {
    /// The failure's name in the catalogue, such as `port_in_use`.
    pub id: String,
    /// One sentence that says what happened, without a full stop.
    pub title: String,
    /// Why it happens, in plain words.
    pub explanation: String,
    /// How sure this is.
    pub confidence: Confidence,
    /// The lines that this rests on, at most three, the telling one first; empty only when there is no log and the
    /// way in which the step ended says enough.
    pub citations: Vec<Citation>,
    /// What the lines name: `port`, `path`, `host`, `package`, `variable`, `command`, `user`, `service` and so on.
    pub captures: BTreeMap<String, String>,
    /// What can be done, the best first.
    pub fixes: Vec<Fix>,
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// It fits, but other causes leave the same traces.
    Possible,
    /// It fits well.
    Likely,
    /// The log says so in words that have no other meaning.
    Certain,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Citation {
    /// The line's number in the log, counted from 1.
    #[ts(type = "number")]
    pub line: u64,
    /// The line without colours and control characters, shortened when it is very long.
    pub text: String,
}

/// Something that can be done about a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Fix {
    /// What it does, as a short imperative sentence.
    pub title: String,
    /// What kind of thing it is.
    pub kind: FixKind,
    /// How to do it, or what to know first.
    pub detail: String,
    /// A shell command that a person can run on the host of the step, unless the detail names another place. What it
    /// takes from the log is quoted.
    pub command: Option<String>,
}

/// What kind of thing a fix is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FixKind {
    /// Use another port: a change of the plan.
    ChangePort,
    /// Give an application's containers more memory: a change of the plan.
    RaiseMemory,
    /// Let an application's containers write anywhere: a change of the plan.
    AllowWriting,
    /// Say on which port an application listens: a change of the plan.
    ChangeAppPort,
    /// Ask about an application's health at another path: a change of the plan.
    ChangeHealthPath,
    /// A command to run.
    Command,
    /// Run the step again.
    Retry,
    /// Something that only a person can decide or do.
    Advice,
}

impl FixKind {
    /// Whether it is a change of the plan, which may be proposed.
    #[must_use]
    pub fn changes_plan(self) -> bool {
        match self {
            Self::ChangePort
            | Self::RaiseMemory
            | Self::AllowWriting
            | Self::ChangeAppPort
            | Self::ChangeHealthPath => true,
            Self::Command | Self::Retry | Self::Advice => false,
        }
    }
}

/// Tells which known failures a failed step's log shows, and which line to read first. Never panics, whatever the log
/// holds, and looks at no more than the first 200 and the last 2,000 of the lines given, each cut at 4 KiB.
#[must_use]
pub fn diagnose(failure: &Failure<'_>) -> Diagnosis {
    let log = clean::read(failure.log, failure.script);
    let catalogue = catalogue::shipped();
    let found = search::find(catalogue, failure, &log);
    let findings = rank::rank(catalogue, failure, &log, found);
    let telling_line = findings
        .iter()
        .find_map(|finding| finding.citations.first().cloned())
        .or_else(|| telling::most_telling(&log).map(|index| log.cite(index)));
    Diagnosis { findings, telling_line }
}

/// Reads the shipped catalogue and says what is wrong with it. The catalogue is part of the program and tests keep it
/// whole, so this is for those who change it.
///
/// # Errors
/// [`CatalogueError`] names the rule and what is wrong.
pub fn check_catalogue() -> Result<usize, CatalogueError> {
    catalogue::load().map(|catalogue| catalogue.rules.len())
}
