//! The catalogue against its examples and cases (`catalogue/examples`, `catalogue/cases`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use steadyhand_domain::{ConnectionProblem, LossReason, Reason, StepOutcome};

mod connections;

use super::{Confidence, Diagnosis, Failure, FixKind, LogTail, catalogue, check_catalogue, diagnose};

/// A log and what should be said about it. `␛`, `␍`, `␈` and `␇` stand for the control characters of those names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    misleading: bool,
    log: String,
    script: Option<String>,
    #[serde(default = "one")]
    status: u8,
    /// How the step ended, where it was not with an exit status.
    ended: Option<String>,
    /// The message of a step that ended without a command, or the signal.
    #[serde(default)]
    message: String,
    #[serde(default = "run")]
    action: String,
    /// The best finding, or `none`.
    expect: String,
    /// The telling line, counted from 1.
    line: Option<u64>,
    #[serde(default)]
    captures: BTreeMap<String, String>,
}

fn one() -> u8 {
    1
}

fn run() -> String {
    "run".to_owned()
}

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

fn data(folder: &str) -> Vec<(String, String)> {
    let folder = format!("{}/catalogue/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

fn controls(text: &str) -> String {
    text.replace('␛', "\u{1b}").replace('␍', "\r").replace('␈', "\u{8}").replace('␇', "\u{7}")
}

fn outcome(ended: Option<&str>, status: u8, message: &str) -> Reason {
    let message = message.to_owned();
    let outcome = match ended {
        None | Some("exited") => StepOutcome::Exited { status },
        Some("killed") => StepOutcome::Killed { signal: message },
        Some("timed_out") => StepOutcome::TimedOut,
        Some("lost") => StepOutcome::Lost { reason: LossReason::Rebooted },
        Some("connection") => return Reason::Connection { message, problem: ConnectionProblem::Other },
        Some("error") => return Reason::Error { message },
        Some(other) => panic!("unknown end {other}"),
    };
    Reason::Outcome { outcome }
}

/// A failure of the step `deploy` on `web1`, of which nothing more is known.
fn failure<'a>(outcome: &'a Reason, log: &'a LogTail<'a>) -> Failure<'a> {
    Failure { step_name: "deploy", script: None, action: "run", host: "web1", outcome, port: None, log }
}

fn look(log: &str, script: Option<&str>, action: &str, outcome: &Reason) -> Diagnosis {
    let log = controls(log);
    let lines: Vec<&str> = log.lines().collect();
    let tail = LogTail { first_line_number: 1, lines: &lines, truncated: false };
    diagnose(&Failure { script, action, ..failure(outcome, &tail) })
}

fn plain(log: &str) -> Diagnosis {
    look(log, None, "run", &outcome(None, 1, ""))
}

/// What is wrong with the diagnosis of a case, or nothing.
fn check(case: &Case) -> Result<(), String> {
    let outcome = outcome(case.ended.as_deref(), case.status, &case.message);
    let diagnosis = look(&case.log, case.script.as_deref(), &case.action, &outcome);
    let found = diagnosis.findings.first();
    let said = found.map_or("none", |finding| finding.id.as_str());
    let telling = diagnosis.telling_line.as_ref().map(|citation| citation.line);
    let mut wrong = String::new();
    if said != case.expect {
        let all: Vec<_> =
            diagnosis.findings.iter().map(|finding| (&finding.id, finding.citations.first())).collect();
        let _ = write!(wrong, "\n    expected {}, found {said} {all:?}", case.expect);
    }
    if case.line.is_some() && telling != case.line {
        let _ = write!(wrong, "\n    telling line {:?}, found {:?}", case.line, diagnosis.telling_line);
    }
    for (name, value) in &case.captures {
        let found = found.and_then(|finding| finding.captures.get(name));
        if found != Some(value) {
            let _ = write!(wrong, "\n    {name} should be {value:?}, found {found:?}");
        }
    }
    if let Some(finding) = found
        && (finding.title.contains('{') || finding.title.is_empty() || finding.citations.len() > 3)
    {
        let _ = write!(wrong, "\n    not presentable: {finding:?}");
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn cases() -> Vec<(String, Case)> {
    let read = |(file, text): (String, String)| {
        let cases: Cases = toml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        cases.case.into_iter().map(move |case| (file.clone(), case))
    };
    data("cases").into_iter().flat_map(read).collect()
}

#[test]
fn every_case_gets_its_answer() {
    let cases = cases();
    let mut wrong = String::new();
    let mut failed = 0;
    for (file, case) in &cases {
        if let Err(what) = check(case) {
            failed += 1;
            let _ = write!(wrong, "\n{file}: {}{what}", case.name);
        }
    }
    assert!(wrong.is_empty(), "{failed} of {} cases are wrong:{wrong}", cases.len());
}

#[test]
fn the_cases_hold_enough_that_mislead_and_enough_that_nobody_knows() {
    let cases = cases();
    let misleading = cases.iter().filter(|(_, case)| case.misleading).count();
    let unknown = cases.iter().filter(|(_, case)| case.expect == "none").count();
    assert!(
        cases.len() >= 120 && misleading >= 35 && unknown >= 15,
        "{} {misleading} {unknown}",
        cases.len()
    );
}

/// What a rule must say to short logs and what it must not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Examples {
    yes: Vec<Example>,
    no: Vec<Example>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Example {
    Log(String),
    Step {
        #[serde(default)]
        log: String,
        script: Option<String>,
        #[serde(default = "one")]
        status: u8,
        ended: Option<String>,
        #[serde(default)]
        message: String,
        #[serde(default = "run")]
        action: String,
    },
}

impl Example {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Log(log) => plain(log),
            Self::Step { log, script, status, ended, message, action } => {
                look(log, script.as_deref(), action, &outcome(ended.as_deref(), *status, message))
            }
        }
    }
}

#[test]
fn every_rule_knows_its_examples_and_is_silent_at_the_others() {
    let mut examples = BTreeMap::new();
    for (file, text) in data("examples") {
        let read: BTreeMap<String, Examples> =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        examples.extend(read);
    }
    let mut wrong = String::new();
    for rule in &catalogue::shipped().rules {
        let Some(of_rule) = examples.remove(&rule.id) else {
            if !rule.needs.connection.is_empty() {
                // Chosen by the kind alone; every kind has its test in `tests/connections.rs`.
                continue;
            }
            let _ = write!(wrong, "\n{} has no examples", rule.id);
            continue;
        };
        if of_rule.yes.len() < 2 || of_rule.no.is_empty() {
            let _ = write!(wrong, "\n{} has too few examples", rule.id);
        }
        let findings = |example: &Example| -> Vec<String> {
            example.diagnosis().findings.into_iter().map(|finding| finding.id).collect()
        };
        for (at, example) in of_rule.yes.iter().enumerate() {
            let found = findings(example);
            if found.first() != Some(&rule.id) {
                let _ = write!(wrong, "\n{}: its example {} gives {found:?}", rule.id, at + 1);
            }
        }
        for (at, example) in of_rule.no.iter().enumerate() {
            if findings(example).contains(&rule.id) {
                let _ = write!(wrong, "\n{}: its counter-example {} fits", rule.id, at + 1);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(examples.is_empty(), "examples of unknown rules: {:?}", examples.keys());
}

#[test]
fn the_catalogue_is_whole() {
    let rules = check_catalogue().unwrap_or_else(|error| panic!("{error}"));
    assert!(rules >= 55, "only {rules} rules");
}

#[test]
fn what_a_log_names_is_quoted_in_commands() {
    let log = "cp: cannot stat '/srv/$(touch /tmp/owned); x': No such file or directory";
    let finding = plain(log).findings.remove(0);
    let command = finding.fixes.iter().find_map(|fix| fix.command.clone()).unwrap();
    assert!(command.contains("'/srv/$(touch /tmp/owned); x'"), "{command}");
    let option = plain("ls: cannot access '-rf': No such file or directory").findings.remove(0);
    assert!(option.fixes.iter().all(|fix| fix.command.is_none()), "{option:?}");
}

#[test]
fn a_port_that_no_line_names_is_the_one_that_the_step_was_given() {
    let lines = ["Traceback (most recent call last):", "OSError: [Errno 98] Address already in use"];
    let log = LogTail { first_line_number: 1, lines: &lines, truncated: false };
    let outcome = outcome(None, 1, "");
    let with = |port| {
        let script = Some("exec python3 -m http.server \"$PORT\"");
        diagnose(&Failure { script, port, ..failure(&outcome, &log) }).findings.remove(0)
    };
    let named = with(Some(48721));
    assert_eq!(named.title, "Port 48721 is already in use");
    let commands: Vec<&str> = named.fixes.iter().filter_map(|fix| fix.command.as_deref()).collect();
    assert_eq!(commands, ["sudo ss -ltnp | grep -w 48721"]);
    let unnamed = with(None);
    assert_eq!(unnamed.title, "A port that the program needs is already in use");
    assert!(unnamed.fixes.iter().any(|fix| fix.command.as_deref() == Some("sudo ss -ltnp | grep -w LISTEN")));
}

#[test]
fn port_in_use_offers_another_port_first_and_is_certain() {
    let finding = plain("Error: listen EADDRINUSE: address already in use :::3000").findings.remove(0);
    assert_eq!(finding.title, "Port 3000 is already in use");
    assert_eq!((finding.fixes[0].kind, finding.confidence), (FixKind::ChangePort, Confidence::Certain));
    let command = finding.fixes.iter().find_map(|fix| fix.command.as_deref());
    assert_eq!(command, Some("sudo ss -ltnp | grep -w 3000"));
}

#[test]
fn lines_keep_their_numbers_in_a_log_that_is_not_given_from_its_start() {
    let lines = ["building", "sh: 3: pnpm: not found"];
    let outcome = outcome(None, 127, "");
    let log = LogTail { first_line_number: 90_001, lines: &lines, truncated: true };
    assert_eq!(diagnose(&failure(&outcome, &log)).telling_line.map(|citation| citation.line), Some(90_002));
}

#[test]
fn a_line_of_ten_megabytes_is_cut_before_it_is_looked_at() {
    let giant = format!("{} Error: listen EADDRINUSE: address already in use :::3000", "x".repeat(10 << 20));
    let diagnosis = plain(&giant);
    assert_eq!(diagnosis.findings[0].id, "port_in_use");
    assert!(diagnosis.telling_line.unwrap().text.len() < 2_000);
}

#[test]
fn the_cause_is_found_behind_five_thousand_lines_of_ordinary_output() {
    let line = "web-1  | 2026-01-02T03:04:05.678Z INFO  request finished status=200 path=/cart duration=13ms error=none";
    let mut log = vec![line; 5_000].join("\n");
    log.push_str("\nError: connect ECONNREFUSED 127.0.0.1:5432");
    assert_eq!(plain(&log).findings[0].id, "database_refused");
}

/// Bytes without a pattern, the same in every run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..length).map(|_| next().to_le_bytes()[3]).collect()
}

#[test]
fn no_bytes_make_it_panic() {
    let telling: Vec<String> = cases().into_iter().map(|(_, case)| controls(&case.log)).collect();
    for seed in 0..300_u64 {
        let mut bytes = noise(seed, 400);
        // Half of them are real logs, cut and spoiled at places that noise chooses.
        if seed % 2 == 0 {
            let mut real = telling[usize::try_from(seed).unwrap() % telling.len()].clone().into_bytes();
            for pair in bytes.chunks(2).take(12) {
                let at = (usize::from(pair[0]) * 7) % real.len().max(1);
                real.insert(at.min(real.len()), pair[1]);
            }
            bytes = real;
        }
        let text = String::from_utf8_lossy(&bytes);
        let diagnosis = look(&text, Some(&text), "run", &outcome(None, 1, ""));
        assert!(diagnosis.findings.len() <= 3);
        let visible = text.lines().any(|line| line.chars().any(char::is_alphanumeric));
        if visible {
            assert!(diagnosis.telling_line.is_some(), "seed {seed}: {text:?}");
        }
    }
}

/// Without the limits of text and matches this takes minutes.
#[test]
fn long_lines_that_hold_many_words_of_failure_are_read_to_a_limit() {
    let line = "error: failed: permission denied, connection refused, No such file or directory: not found "
        .repeat(60);
    let log = vec![line.as_str(); 3_000].join("\n");
    let diagnosis = plain(&log);
    assert!(diagnosis.telling_line.is_some() && diagnosis.findings.len() <= 3);
}
