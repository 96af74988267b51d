//! Decides what a message asks for.

use std::sync::LazyLock;

use regex::Regex;
use steadyhand_domain::Choice;

use super::{
    Context, CurrentRun, Intent, Serving,
    beyond::{AT_ANOTHER_TIME, PORT_OUT_OF_RANGE},
    held::{self, Which},
    patterns::{RULES, Rule, sure, whole_word},
    rules::{self, Kind},
    sources,
    variables::set_variable,
    words::{QUOTE, Sentence, sentences},
};

/// Longer messages than this are never a plain request for an action.
const MOST_WORDS: usize = 40;

/// What the message asks for. Pure: the same text in the same context means the same.
#[must_use]
pub fn understand(text: &str, context: &Context) -> Intent {
    let plain = held::answer(text, context)
        .or_else(|| sources::answer(text, context))
        .or_else(|| sources::request(text, context))
        .or_else(|| set_variable(text, context));
    if let Some(intent) = plain {
        return intent;
    }
    let sentences = sentences(text, context);
    let words: usize = sentences.iter().map(|sentence| sentence.text.split(' ').count()).sum();
    let mut readings: Vec<Intent> = sentences
        .iter()
        .filter(|sentence| !is_remark(sentence))
        .map(|sentence| read(sentence, context))
        .collect();
    if readings.is_empty() {
        // Nothing but remarks: the last one may still be a "yes", a "no" or a greeting.
        readings.extend(sentences.last().map(|sentence| read(sentence, context)));
    }
    if readings.len() > 1 {
        readings.retain(|reading| !matches!(reading, Intent::Greeting | Intent::Thanks));
    }
    let intent = match readings.as_slice() {
        [] => small_talk_of(&sentences, context),
        [one] => one.clone(),
        many => combine(many),
    };
    // A request about another project is never one about this project.
    let intent = match sentences.iter().find_map(|sentence| sentence.other.clone()) {
        Some(project) if intent.acts() || intent.looks() => {
            Intent::Elsewhere { project, asked: Box::new(intent) }
        }
        Some(project) => match intent {
            Intent::AskBack { did_you_mean } => Intent::Elsewhere { project, asked: did_you_mean },
            other => other,
        },
        None => intent,
    };
    if intent.acts() && words > MOST_WORDS { ask(intent) } else { intent }
}

/// Several sentences that each say something. One of them may ask for an action, but the others may take it back.
fn combine(readings: &[Intent]) -> Intent {
    let first = readings.iter().find(|reading| reading.acts());
    let same = readings.iter().all(|reading| Some(reading) == first);
    if let (Some(action), true) = (first, same) {
        // "Stop! Stop!"
        return action.clone();
    }
    let declined =
        readings.iter().find(|reading| matches!(reading, Intent::Declined { .. } | Intent::NeverMind));
    match (first, declined) {
        (Some(action), _) => ask(action.clone()),
        (None, Some(declined)) => declined.clone(),
        (None, None) => readings
            .iter()
            .find(|reading| !matches!(reading, Intent::Unknown { .. }))
            .or(readings.last())
            .cloned()
            .unwrap_or_else(|| unknown("")),
    }
}

fn small_talk_of(sentences: &[Sentence], context: &Context) -> Intent {
    sentences.first().map_or_else(|| unknown(""), |sentence| read(sentence, context))
}

/// Whether a message answers a question with yes or no: the question whether to do what was `asked` about.
pub(crate) fn answers(text: &str, asked: &Intent) -> bool {
    let context = Context { asked: Some(asked.clone()), ..Context::default() };
    let found = understand(text, &context);
    found == *asked || found == Intent::NeverMind
}

fn read(sentence: &Sentence, context: &Context) -> Intent {
    let text = sentence.text.as_str();
    if let Some(intent) = answer(text, context) {
        return intent;
    }
    if let Some((kind, found)) = RULES.small_talk.iter().find_map(|rule| rule.find(text)) {
        match kind {
            Kind::Greeting => return Intent::Greeting,
            Kind::Thanks => return Intent::Thanks,
            Kind::NeverMind => return Intent::NeverMind,
            _ => drop(found),
        }
    }
    if let Some(intent) = action(sentence, context) {
        return intent;
    }
    if let Some(intent) = part_that_acts(sentence, context) {
        return intent;
    }
    let named = action_named(text);
    if let Some(beyond) = RULES.beyond(text)
        && (named.is_none() || !(is_negated(text) || is_wondering(sentence)))
    {
        return beyond.intent();
    }
    if let Some(intent) = named.and_then(|named| about_an_action(sentence, named)) {
        return intent;
    }
    question(sentence).unwrap_or_else(|| {
        // What contains an action's word and nothing that explains it is asked about, if it is short enough to be a
        // request at all.
        match action_named(text) {
            Some(named) if text.split(' ').count() <= 12 && !text.contains(QUOTE) => ask(named),
            _ => unknown(text),
        }
    })
}

/// An answer to the question that the assistant asked.
fn answer(text: &str, context: &Context) -> Option<Intent> {
    let (kind, _) =
        RULES.small_talk.iter().filter(|rule| rule.kind == Kind::Yes).find_map(|rule| rule.find(text))?;
    let says_go = matches!(text, "go" | "go ahead" | "ok go" | "go for it");
    match (&context.asked, kind) {
        (Some(asked), Kind::Yes) => Some(asked.clone()),
        (None, _) if says_go && context.run == CurrentRun::Paused => Some(Intent::Resume),
        _ => None,
    }
}

/// A plain request: the rules account for every word.
fn action(sentence: &Sentence, context: &Context) -> Option<Intent> {
    let found = |rules: &[Rule]| rules.iter().find_map(|rule| rule.find(&sentence.text));
    // "Retry" and its like mean the step while one is held, and else the run.
    let tables = if context.held.is_empty() {
        [&RULES.actions, &RULES.decisions]
    } else {
        [&RULES.decisions, &RULES.actions]
    };
    let (kind, captures) = tables.iter().find_map(|rules| found(rules))?;
    let numbers: Vec<u64> =
        NUMBER.find_iter(&sentence.text).filter_map(|found| found.as_str().parse().ok()).collect();
    let last = numbers.last().copied();
    let run = last.and_then(|number| u32::try_from(number).ok()).filter(|run| *run > 0);
    let intent = match kind {
        Kind::Redeploy => Intent::Redeploy,
        Kind::Pause => Intent::Pause,
        Kind::Resume => Intent::Resume,
        Kind::Stop => Intent::Stop,
        Kind::Retry => Intent::Retry { run },
        Kind::RetryStep => held::decision(Choice::Retry, &captures, sentence),
        Kind::Skip => held::decision(Choice::Skip, &captures, sentence),
        Kind::Fail => held::decision(Choice::Fail, &captures, sentence),
        Kind::ChangePort => {
            let to = captures.name("instead").map_or(last, |_| numbers.first().copied())?;
            match u16::try_from(to) {
                Ok(port) if port > 0 => {
                    let from = FROM_PORT.captures(&sentence.text).and_then(|found| found[1].parse().ok());
                    Intent::ChangePort { port, from }
                }
                _ => return Some(PORT_OUT_OF_RANGE.intent()),
            }
        }
        Kind::FreePort => Intent::FreePort,
        Kind::OpenApp => Intent::OpenApp,
        Kind::RollBack => Intent::RollBack { to: run },
        Kind::ServeAnew => Intent::Serving(Serving::Anew),
        Kind::ServeNoMore => Intent::Serving(Serving::NoMore { sure: false }),
        Kind::ServeAgain => Intent::Serving(Serving::Again),
        Kind::Live => Intent::Live,
        Kind::Deployments => Intent::Deployments { count: count_in(&sentence.text) },
        Kind::CompareRuns => {
            let mut named = numbers.iter().filter_map(|number| u32::try_from(*number).ok());
            Intent::CompareRuns { first: named.next()?, second: named.next()? }
        }
        Kind::ShowRun => Intent::ShowRun { run: run? },
        Kind::ShowRuns => Intent::ShowRuns { count: count_in(&sentence.text) },
        Kind::Status => Intent::Status,
        _ => return None,
    };
    // "Can you deploy?" may ask what is possible.
    let requested = is_polite_request(&sentence.text) && !ABLE_TO.is_match(&sentence.text);
    let doubtful = sentence.doubtful || (sentence.asks && !requested) || is_scheduled_later(&sentence.text);
    Some(if intent.acts() && doubtful { ask(intent) } else { intent })
}

/// "It's stuck, kill it", "stop, don't deploy": a part between commas is plain, the rest is not, so it is asked about.
fn part_that_acts(sentence: &Sentence, context: &Context) -> Option<Intent> {
    if !sentence.text.contains(" , ") || WONDERING.is_match(&sentence.text) {
        return None;
    }
    let parts = sentence.text.split(" , ").map(|part| Sentence { text: part.to_owned(), ..sentence.clone() });
    let mut acting = parts.filter_map(|part| action(&part, context)).map(|intent| match intent {
        Intent::AskBack { did_you_mean } => *did_you_mean,
        plain => plain,
    });
    acting.find(Intent::acts).map(ask)
}

/// A sentence that talks about an action without plainly asking for it.
fn about_an_action(sentence: &Sentence, named: Intent) -> Option<Intent> {
    let text = sentence.text.as_str();
    let wondering = is_wondering(sentence);
    if is_negated(text) && !wondering {
        return Some(Intent::Declined { action: Box::new(named) });
    }
    if wondering {
        if ASKS_LEAVE.is_match(text) {
            return Some(ask(named));
        }
        return question(sentence).or(Some(Intent::Help));
    }
    if SCHEDULED.is_match(text) {
        return Some(AT_ANOTHER_TIME.intent());
    }
    let other_doing = STOP_DOING_ELSE.captures(text).is_some_and(|found| !found[1].ends_with("thing"));
    if other_doing {
        return Some(unknown(text));
    }
    None
}

fn question(sentence: &Sentence) -> Option<Intent> {
    let text = sentence.text.as_str();
    let (kind, _) = RULES.questions.iter().find_map(|rule| rule.find(text))?;
    let run = RUN_NUMBER.captures(text).and_then(|found| found[1].parse().ok());
    Some(match kind {
        Kind::WhyFailed => Intent::WhyFailed { run },
        Kind::Help => Intent::Help,
        _ => run.map_or(Intent::Status, |run| Intent::ShowRun { run }),
    })
}

fn is_remark(sentence: &Sentence) -> bool {
    RULES.small_talk.iter().any(|rule| rule.kind == Kind::Remark && rule.find(&sentence.text).is_some())
}

fn is_negated(text: &str) -> bool {
    NEGATIONS.is_match(text)
}

/// Whether the sentence asks about something rather than for something.
fn is_wondering(sentence: &Sentence) -> bool {
    WONDERING.is_match(&sentence.text) || (sentence.asks && !is_polite_request(&sentence.text))
}

fn is_polite_request(text: &str) -> bool {
    POLITE.is_match(text)
}

fn is_scheduled_later(text: &str) -> bool {
    LATER.is_match(text)
}

/// The action that a word of the sentence begins, the first one if several do.
fn action_named(text: &str) -> Option<Intent> {
    rules::WORD_MEANS
        .iter()
        .zip(RULES.named.iter())
        .filter_map(|((kind, _), pattern)| Some((pattern.find(text)?.start(), *kind)))
        .min_by_key(|(at, _)| *at)
        .map(|(_, kind)| match kind {
            Kind::Stop => Intent::Stop,
            Kind::Pause => Intent::Pause,
            Kind::Resume => Intent::Resume,
            Kind::Retry => Intent::Retry { run: None },
            Kind::ServeAnew => Intent::Serving(Serving::Anew),
            Kind::RollBack => Intent::RollBack { to: None },
            Kind::Skip => Intent::Decide { choice: Choice::Skip, which: Which::default() },
            Kind::Fail => Intent::Decide { choice: Choice::Fail, which: Which::default() },
            _ => Intent::Redeploy,
        })
}

fn count_in(text: &str) -> Option<u32> {
    if let Some(found) = NUMBER.find(text) {
        return found.as_str().parse().ok().filter(|count| *count > 0);
    }
    if text.ends_with(" run")
        || text.ends_with(" one")
        || text.ends_with(" deployment")
        || text.ends_with(" deploy")
    {
        return Some(1);
    }
    const WORDS: &[(&str, u32)] = &[
        ("one", 1),
        ("two", 2),
        ("couple", 2),
        ("three", 3),
        ("few", 3),
        ("four", 4),
        ("five", 5),
        ("six", 6),
        ("seven", 7),
        ("eight", 8),
        ("nine", 9),
        ("ten", 10),
        ("twelve", 12),
        ("dozen", 12),
        ("fifteen", 15),
        ("twenty", 20),
    ];
    WORDS.iter().find(|(word, _)| text.split(' ').any(|other| other == *word)).map(|(_, count)| *count)
}

fn ask(intent: Intent) -> Intent {
    Intent::AskBack { did_you_mean: Box::new(intent) }
}

/// Words that two sentences share without being about the same thing.
const IDLE_WORDS: [&str; 3] = ["the", "did", "and"];

/// How alike a message and a wording that share no word must be for the one to be a guess at the other.
const ALIKE: f64 = 0.8;

/// What comes nearest, by the words that are shared and then by spelling.
fn unknown(text: &str) -> Intent {
    let mut offers: Vec<(f64, &'static str)> = rules::OFFERS
        .iter()
        .filter_map(|offer| {
            let shared = offer
                .split(' ')
                .filter(|word| word.len() > 2 && !IDLE_WORDS.contains(word))
                .filter(|word| text.split(' ').any(|other| other == *word))
                .count();
            let alike = strsim::jaro_winkler(text, offer);
            // What has nothing in common with the message is no guess at what it means.
            (shared > 0 || alike >= ALIKE || *offer == "help").then_some((alike + shared as f64, *offer))
        })
        .collect();
    offers.sort_by(|a, b| b.0.total_cmp(&a.0));
    Intent::Unknown { nearest: offers.into_iter().map(|(_, offer)| offer).collect() }
}

pub(super) static NEGATIONS: LazyLock<Regex> = LazyLock::new(|| whole_word(rules::NEGATIONS));
pub(super) static SCHEDULED: LazyLock<Regex> = LazyLock::new(|| whole_word(rules::SCHEDULED));
pub(super) static WONDERING: LazyLock<Regex> = LazyLock::new(|| {
    sure(&format!(
        r"^(?:(?:and|so|but|well|hey|hi|hello|ok|okay|oh|hmm|sorry|please|wait)(?: ,)? )*(?:{})\b",
        rules::WONDERING
    ))
});
pub(super) static POLITE: LazyLock<Regex> = LazyLock::new(|| {
    sure(
        r"\b(?:(?:can|could|would|will) you|please|pls|kindly|would you mind|do you mind|let us|kannst du|konntest du|bitte|peux tu|pouvez vous|s il (?:te|vous) plait|stp|svp|puedes|podrias|por favor)\b",
    )
});
/// Words that are harmless after most actions but move a deployment: "today" may be "later today".
static LATER: LazyLock<Regex> = LazyLock::new(|| sure(r"\btoday\b"));
/// "Should I …?", "can we …?": asks whether, so the answer is the question back.
static ASKS_LEAVE: LazyLock<Regex> = LazyLock::new(|| {
    sure(
        r"^(?:(?:and|so|but|well|hey|ok)(?: ,)? )*(?:should|shall|may|can|could|must|might) (?:i|we|it|you)\b|^(?:soll|sollen|darf|dois|debo)\b",
    )
});
/// "Stop asking me": not about the run.
static STOP_DOING_ELSE: LazyLock<Regex> =
    LazyLock::new(|| sure(r"\b(?:stop|quit|cancel|end) (?:[a-z]+ ){0,2}([a-z]+ing)\b"));
static ABLE_TO: LazyLock<Regex> = LazyLock::new(|| sure("^can you [a-z]+$"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| sure(r"\b[0-9]+\b"));
static FROM_PORT: LazyLock<Regex> = LazyLock::new(|| sure(r"\b(?:from|instead of) (?:port )?([0-9]{1,5})\b"));
static RUN_NUMBER: LazyLock<Regex> = LazyLock::new(|| sure(r"\brun (?:number |no )?([0-9]{1,9})\b"));
