//! Which of the matches is the cause. Every match starts with its rule's weight and loses points for what speaks
//! against it; what falls below [`LEAST`] is not claimed.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{Catalogue, Rule};
use super::clean::Log;
use super::kind::{self, Kind, Level};
use super::search::{self, Match};
use super::{Citation, Confidence, Failure, Finding, Fix, FixKind, fill, telling};

/// The least score that is claimed.
const LEAST: i32 = 40;
/// From this score on a finding is likely, and from the next certain.
const LIKELY: i32 = 56;
const CERTAIN: i32 = 76;
/// A finding this far behind the best is not shown.
const BEHIND: i32 = 32;
/// How many findings are shown.
const MOST: usize = 3;
/// How many lines after a failure the words "retrying" may follow.
const RETRY_REACH: usize = 3;

struct Scored<'m> {
    found: &'m Match,
    score: i32,
}

/// The best findings, best first.
pub(super) fn rank(
    catalogue: &Catalogue,
    failure: &Failure<'_>,
    log: &Log,
    matches: Vec<Match>,
) -> Vec<Finding> {
    let view = View::of(log, &matches, catalogue);
    let mut scored: Vec<Scored<'_>> = matches
        .iter()
        .map(|found| Scored { found, score: view.score(&catalogue.rules[found.rule], found) })
        .filter(|scored| scored.score >= LEAST)
        .collect();
    let rule = |scored: &Scored<'_>| &catalogue.rules[scored.found.rule];
    causes_before_effects(&mut scored, rule, &view);
    scored.retain(|scored| scored.score >= LEAST);
    // The earliest of lines that tell equally much is the one that the others follow from.
    scored.sort_by_key(|scored| (-scored.score, scored.found.line));
    let best = scored.first().map_or(0, |scored| scored.score);
    let mut findings: Vec<Finding> = Vec::new();
    let (mut lines, mut hidden) = (BTreeSet::new(), BTreeSet::new());
    for scored in &scored {
        let rule = rule(scored);
        let shown = findings.iter().any(|finding| finding.id == rule.id);
        let same_line = scored.found.line.is_some_and(|line| lines.contains(&line));
        if shown
            || same_line
            || hidden.contains(rule.id.as_str())
            || scored.score < best - BEHIND
            || findings.len() == MOST
        {
            continue;
        }
        lines.extend(scored.found.line);
        hidden.extend(rule.covers.iter().map(String::as_str));
        findings.push(finding(rule, scored, failure, log));
    }
    findings
}

/// What is known of the log as a whole.
struct View<'a> {
    log: &'a Log,
    ordinary_after: Vec<usize>,
    /// For each line: whether a complaint that no rule knows comes at least a few ordinary lines later.
    unknown_later: Vec<bool>,
    /// The line of "During handling of the above exception…".
    second_exception: Option<usize>,
    /// The lines on which each rule matched.
    places: BTreeMap<usize, Vec<usize>>,
    /// The last command that a shell showed before running it, without those that tidy up.
    last_command: Option<usize>,
}

impl<'a> View<'a> {
    fn of(log: &'a Log, matches: &[Match], catalogue: &Catalogue) -> Self {
        let ordinary_after = telling::ordinary_after(log);
        let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for found in matches {
            places.entry(found.rule).or_default().extend(found.line);
        }
        let known: BTreeSet<usize> = matches
            .iter()
            .filter(|found| catalogue.rules[found.rule].weight >= 50)
            .filter_map(|found| found.line)
            .collect();
        let mut unknown_later = vec![false; log.lines.len()];
        let mut last_unknown: Option<usize> = None;
        for (index, line) in log.lines.iter().enumerate().rev() {
            unknown_later[index] = last_unknown
                .is_some_and(|later| ordinary_after[index].saturating_sub(ordinary_after[later]) >= 2);
            let strong = line.alarm >= 52 && line.kind == Kind::Plain && kind::starts_as_failure(&line.said);
            if strong && last_unknown.is_none() && !known.iter().any(|at| at.abs_diff(index) <= 3) {
                last_unknown = Some(index);
            }
        }
        let second_exception =
            log.lines.iter().position(|line| line.said.starts_with("During handling of the above exception"));
        let tidies = |said: &str| {
            let command = said.trim_start_matches('+').trim_start();
            [
                "rm ",
                "exit",
                "docker rm",
                "docker stop",
                "docker compose down",
                "kill",
                "cleanup",
                "trap",
                "echo",
                "umount",
                "rmdir",
                "cat ",
                "true",
                "return",
                "cd ",
                "set ",
                "docker logs",
                "journalctl",
                "systemctl status",
                "'['",
                "[[",
            ]
            .iter()
            .any(|word| command.starts_with(word))
        };
        let last_command = log
            .lines
            .iter()
            .rposition(|line| line.kind == Kind::Echo && line.said.starts_with('+') && !tidies(&line.said));
        Self { log, ordinary_after, unknown_later, second_exception, places, last_command }
    }

    fn score(&self, rule: &Rule, found: &Match) -> i32 {
        let Some(at) = found.line else { return rule.weight };
        let line = &self.log.lines[at];
        let mut score = rule.weight;
        if !rule.always {
            score -= match line.level {
                Level::Error | Level::Unknown => 0,
                Level::Warning => 32,
                Level::Info => 35,
                Level::Debug => 45,
            };
            score -= match line.kind {
                Kind::Wrapper => 15,
                Kind::Cleanup => 32,
                Kind::Success => 15,
                Kind::Frame => 10,
                Kind::Plain | Kind::Echo | Kind::Quoted | Kind::Blank => 0,
            };
        }
        // Of lines that say the same, the one that names things and uses whole sentences is the telling one.
        score += if found.named > 0 { 3 } else { 0 };
        score -= if line.said.split_whitespace().nth(4).is_none() { 2 } else { 0 };
        // What other output follows was written although this had happened.
        score -= match self.ordinary_after[at] {
            0..=6 => 0,
            7..=20 => 4,
            21..=100 => 9,
            101..=500 => 14,
            _ => 18,
        };
        if self.last_command.is_some_and(|command| at < command) {
            score -= 25;
        }
        if self.unknown_later[at] {
            score -= 30;
        }
        if self.second_exception.is_some_and(|second| at > second) {
            score -= 15;
        }
        if self.passed(rule, found.rule, at) {
            score -= 60;
        }
        score
    }

    /// Whether a later line shows that what failed here worked in the end.
    fn passed(&self, rule: &Rule, rule_index: usize, at: usize) -> bool {
        let lines = &self.log.lines;
        let again = self.places.get(&rule_index).and_then(|places| places.last()).copied().unwrap_or(at);
        let from = at.saturating_sub(1);
        let until = (at + RETRY_REACH + 1).min(lines.len());
        let tried_again = lines[from..until].iter().any(|line| line.tries.again);
        if !tried_again && !rule.transient {
            return false;
        }
        let source = &lines[at].source;
        let after = again.max(at) + 1;
        let recovered = lines[after.min(lines.len())..].iter().any(|line| {
            (line.source == *source || line.source.is_none() || source.is_none() || rule.transient)
                && (line.tries.recovered || tried_again && line.tries.went_on)
        });
        // Words of recovery, or at least that it went on for a while after the last time this was tried.
        recovered || (tried_again && self.ordinary_after[again.max(at)] >= 6 && !rule.always)
    }
}

/// An effect gives way to a cause, and of two causes that are not far apart the first is the better one.
fn causes_before_effects<'c, 'm>(
    scored: &mut [Scored<'m>],
    rule: impl Fn(&Scored<'m>) -> &'c Rule,
    view: &View<'_>,
) {
    let cause = |one: &Scored<'m>| !rule(one).consequence && one.score >= LIKELY - 6;
    let has_cause = scored.iter().any(cause);
    let first = scored
        .iter()
        .filter(|one| cause(one))
        .filter_map(|one| Some((one.found.line?, one.found.rule)))
        .min();
    for one in scored.iter_mut() {
        if rule(one).consequence && has_cause {
            one.score -= 25;
        } else if let (Some(at), Some((first, first_rule))) = (one.found.line, first) {
            let between = view.ordinary_after[first].saturating_sub(view.ordinary_after[at]);
            if one.found.rule != first_rule && between <= 4 && !rule(one).consequence && at > first {
                one.score -= 14;
            }
        }
    }
}

fn finding(rule: &Rule, scored: &Scored<'_>, failure: &Failure<'_>, log: &Log) -> Finding {
    let mut found = scored.found.clone();
    search::look_around(rule, &mut found, failure, log);
    if let (Some(port), true) = (failure.port, rule.fixes.iter().any(|fix| fix.kind == FixKind::ChangePort)) {
        found.captures.entry("port".to_owned()).or_insert_with(|| port.to_string());
    }
    let mut values = found.captures.clone();
    values.entry("server".to_owned()).or_insert_with(|| failure.host.to_owned());
    values.entry("step".to_owned()).or_insert_with(|| failure.step_name.to_owned());
    let filled = |template: &str| fill::fill(template, &values);
    let title = rule.title.all().iter().find_map(|title| filled(title)).unwrap_or_else(|| rule.id.clone());
    let fixes = rule.fixes.iter().filter_map(|fix| {
        let command = fix.command.as_ref().and_then(|command| fill::command(command, &values));
        Some(Fix { title: filled(&fix.title)?, kind: fix.kind, detail: filled(&fix.detail)?, command })
    });
    let confidence = match scored.score {
        CERTAIN.. => Confidence::Certain,
        LIKELY.. => Confidence::Likely,
        _ => Confidence::Possible,
    };
    Finding {
        id: rule.id.clone(),
        title,
        explanation: filled(&rule.explanation).unwrap_or_default(),
        confidence: rule.most.map_or(confidence, |most| most.min(confidence)),
        citations: citations(&found, !rule.needs.connection.is_empty(), log),
        captures: found.captures,
        fixes: fixes.collect(),
    }
}

fn citations(found: &Match, about_connection: bool, log: &Log) -> Vec<Citation> {
    // What the log says is not why a connection of our own failed.
    let of_log = || (!about_connection).then(|| telling::most_telling(log)).flatten();
    let telling = found.line.or_else(of_log);
    let mut lines: Vec<usize> = telling.into_iter().collect();
    lines.extend(found.context.iter().filter(|at| Some(**at) != telling).take(2));
    lines.into_iter().map(|at| log.cite(at)).collect()
}
