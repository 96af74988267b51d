//! Which rules' words occur, where, and what they name.

use std::collections::BTreeMap;

use regex::{Captures, Regex};
use steadyhand_domain::{ConnectionProblem, Reason, StepOutcome};

use super::Failure;
use super::catalogue::{Catalogue, Context, Needs, Place, Rule};
use super::clean::{Line, Log};
use super::kind::{self, Kind};

/// The longest value of a capture, in characters.
const CAPTURE_LIMIT: usize = 200;
/// How many matches of one rule are kept.
const MATCHES_LIMIT: usize = 100;

/// A rule whose words were found.
#[derive(Clone)]
pub(super) struct Match {
    /// The rule's index.
    pub(super) rule: usize,
    /// The telling line's index, or nothing when the rule rests on how the step ended.
    pub(super) line: Option<usize>,
    /// What was named.
    pub(super) captures: BTreeMap<String, String>,
    /// How many things the telling line itself named.
    pub(super) named: usize,
    /// The other lines that named something.
    pub(super) context: Vec<usize>,
}

/// Every match of every rule.
pub(super) fn find(catalogue: &Catalogue, failure: &Failure<'_>, log: &Log) -> Vec<Match> {
    // A connection of our own says itself what is wrong; words of other programs in the log are not about it.
    if let Reason::Connection { message, problem } = failure.outcome {
        return of_connection(catalogue, *problem, message);
    }
    let mut matches = in_lines(catalogue, failure, log);
    matches.reverse();
    let seen = |matches: &[Match], rule| matches.iter().any(|found| found.rule == rule);
    for (index, rule) in catalogue.rules.iter().enumerate() {
        if !rule.needs.connection.is_empty() {
            continue;
        }
        if !rule.message.is_empty() {
            matches.extend(in_message(rule, index, failure, log));
        } else if rule.patterns.is_empty()
            && !seen(&matches, index)
            && holds(&rule.needs, failure, log)
            && !excluded(rule, log)
        {
            matches.push(Match {
                rule: index,
                line: None,
                captures: BTreeMap::new(),
                named: 0,
                context: Vec::new(),
            });
        }
    }
    matches
}

/// The rules for this kind of problem; their patterns only name things in the message.
fn of_connection(catalogue: &Catalogue, problem: ConnectionProblem, message: &str) -> Vec<Match> {
    let rules = catalogue.rules.iter().enumerate();
    rules
        .filter(|(_, rule)| rule.needs.connection.contains(&problem))
        .map(|(index, rule)| {
            let mut captures = BTreeMap::new();
            for regex in rule.message.iter().filter_map(|pattern| pattern.regex()) {
                if let Some(found) = regex.captures(message) {
                    add_captures(&mut captures, regex, &found);
                }
            }
            Match { rule: index, line: None, named: captures.len(), captures, context: Vec::new() }
        })
        .collect()
}

fn in_lines(catalogue: &Catalogue, failure: &Failure<'_>, log: &Log) -> Vec<Match> {
    let Some(finder) = &catalogue.finder else { return Vec::new() };
    let mut matches = Vec::new();
    let mut candidates: Vec<(usize, usize)> = Vec::new();
    let mut counts = vec![0_usize; catalogue.rules.len()];
    let mut possible: Vec<Option<bool>> = vec![None; catalogue.rules.len()];
    // From the end, because of a rule that matches very often the last matches count.
    for (index, line) in log.lines.iter().enumerate().rev() {
        if matches!(line.kind, Kind::Blank | Kind::Echo | Kind::Quoted) {
            continue;
        }
        candidates.clear();
        candidates.extend(
            finder.find_overlapping_iter(&line.said).map(|hit| catalogue.words[hit.pattern().as_usize()]),
        );
        candidates.sort_unstable();
        candidates.dedup();
        let mut found_by = None;
        for &(rule_index, pattern_index) in &candidates {
            if found_by == Some(rule_index) || counts[rule_index] >= MATCHES_LIMIT {
                continue;
            }
            let rule = &catalogue.rules[rule_index];
            let Some(regex) = rule.patterns[pattern_index].regex() else { continue };
            let Some(captures) = regex.captures(&line.said) else { continue };
            if rule.unless.iter().any(|unless| unless.is_match(&line.said))
                || !near_holds(&rule.needs, log, index)
                || !*possible[rule_index]
                    .get_or_insert_with(|| holds(&rule.needs, failure, log) && !excluded(rule, log))
            {
                continue;
            }
            found_by = Some(rule_index);
            counts[rule_index] += 1;
            let mut named = BTreeMap::new();
            add_captures(&mut named, regex, &captures);
            matches.push(Match {
                rule: rule_index,
                line: Some(index),
                named: named.len(),
                captures: named,
                context: Vec::new(),
            });
        }
    }
    matches
}

/// A step that failed without a command says why in its message.
fn in_message(rule: &Rule, index: usize, failure: &Failure<'_>, log: &Log) -> Option<Match> {
    let Reason::Error { message } = failure.outcome else { return None };
    let (regex, found) = rule.message.iter().find_map(|pattern| {
        let regex = pattern.regex()?;
        Some((regex, regex.captures(message)?))
    })?;
    if rule.unless.iter().any(|unless| unless.is_match(message)) || !holds(&rule.needs, failure, log) {
        return None;
    }
    let mut captures = BTreeMap::new();
    add_captures(&mut captures, regex, &found);
    Some(Match { rule: index, line: None, named: captures.len(), captures, context: Vec::new() })
}

fn add_captures(named: &mut BTreeMap<String, String>, regex: &Regex, captures: &Captures<'_>) -> bool {
    let before = named.len();
    for name in regex.capture_names().flatten() {
        let value = captures.name(name).map_or("", |value| value.as_str());
        let value =
            value.trim_matches(|c: char| c.is_whitespace() || "'\"`,;‘’“”".contains(c)).trim_end_matches('.');
        if !value.is_empty() {
            named.entry(name.to_owned()).or_insert_with(|| value.chars().take(CAPTURE_LIMIT).collect());
        }
    }
    named.len() > before
}

fn ended(outcome: &Reason) -> &'static str {
    match outcome {
        Reason::Outcome { outcome } => match outcome {
            StepOutcome::Exited { .. } => "exited",
            StepOutcome::Killed { .. } => "killed",
            StepOutcome::TimedOut => "timed_out",
            StepOutcome::Stopped => "stopped",
            StepOutcome::Lost { .. } => "lost",
        },
        Reason::Connection { .. } => "connection",
        Reason::Error { .. } => "error",
        Reason::RunStopped => "stopped",
        Reason::GuardHeld { .. }
        | Reason::WhenFalse { .. }
        | Reason::NotNotified
        | Reason::EarlierStepFailed { .. }
        | Reason::NeedFailed { .. }
        | Reason::CompletedInRun { .. } => "skipped",
    }
}

/// The exit status, where a death by signal counts as shells count it.
fn status(outcome: &Reason) -> Option<u8> {
    match outcome {
        Reason::Outcome { outcome: StepOutcome::Exited { status } } => Some(*status),
        _ => None,
    }
}

/// Whether what a rule needs from the step and the whole log is there.
fn holds(needs: &Needs, failure: &Failure<'_>, log: &Log) -> bool {
    let status = status(failure.outcome);
    if !needs.status.is_empty() && !status.is_some_and(|status| needs.status.contains(&status)) {
        return false;
    }
    if !needs.ended.is_empty() && !needs.ended.iter().any(|word| word == ended(failure.outcome)) {
        return false;
    }
    if !needs.signal.is_empty() {
        let Reason::Outcome { outcome: StepOutcome::Killed { signal } } = failure.outcome else {
            return false;
        };
        if !needs.signal.contains(signal) {
            return false;
        }
    }
    if !needs.action.is_empty() && !needs.action.iter().any(|action| action == failure.action) {
        return false;
    }
    if let Some(script) = &needs.script
        && !failure.script.is_some_and(|text| script.is_match(text))
    {
        return false;
    }
    if let Some(pattern) = &needs.log
        && !log.lines.iter().any(|line| pattern.is_match(&line.said))
    {
        return false;
    }
    true
}

/// Whether the line that a rule needs nearby is there.
fn near_holds(needs: &Needs, log: &Log, at: usize) -> bool {
    let Some(near) = &needs.near else { return true };
    let end = (at + needs.reach + 1).min(log.lines.len());
    log.lines[at.saturating_sub(needs.reach)..end].iter().any(|line| near.is_match(&line.said))
}

fn excluded(rule: &Rule, log: &Log) -> bool {
    rule.unless_log.iter().any(|pattern| log.lines.iter().any(|line| pattern.is_match(&line.said)))
}

/// Looks elsewhere for what the telling line does not name.
pub(super) fn look_around(rule: &Rule, found: &mut Match, failure: &Failure<'_>, log: &Log) {
    for context in &rule.context {
        let Some(regex) = context.pattern.regex() else { continue };
        let wanted = regex.capture_names().flatten().any(|name| !found.captures.contains_key(name));
        if !wanted {
            continue;
        }
        if context.place == Place::Script {
            if let Some(captures) = failure.script.and_then(|script| regex.captures(script)) {
                add_captures(&mut found.captures, regex, &captures);
            }
            continue;
        }
        let source = found.line.and_then(|at| log.lines[at].source.as_ref());
        let told = |same: bool| {
            near(context, found.line, log).into_iter().find_map(|at| {
                let line: &Line = &log.lines[at];
                if (same && line.source.as_ref() != source) || kind::is_reference(&line.said) {
                    return None;
                }
                let captures = regex.captures(&line.said).or_else(|| regex.captures(&line.shown))?;
                Some((at, captures))
            })
        };
        // Of interleaved programs the one that failed is asked first.
        let Some((at, captures)) = told(true).or_else(|| told(false)) else { continue };
        if add_captures(&mut found.captures, regex, &captures)
            && Some(at) != found.line
            && !found.context.contains(&at)
        {
            found.context.push(at);
        }
    }
}

/// The lines that a context looks at, the nearest first.
fn near(context: &Context, line: Option<usize>, log: &Log) -> Vec<usize> {
    let total = log.lines.len();
    let Some(at) = line else { return (0..total).rev().collect() };
    let reach = if context.place == Place::Log { total } else { context.reach };
    // The line itself comes first: a pattern of the rule may have taken something else from it.
    let before = (at.saturating_sub(reach)..=at).rev();
    let after = at..(at + 1 + reach).min(total);
    match context.place {
        Place::Before => before.collect(),
        Place::After => after.collect(),
        Place::Around | Place::Log | Place::Script => {
            let mut all: Vec<usize> = before.chain(after).collect();
            all.sort_by_key(|other| other.abs_diff(at));
            all
        }
    }
}
