//! Decisions about steps that have failed and are held: their wordings, and which step is meant.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use steadyhand_domain::Choice;

use super::{
    Context, Intent,
    patterns::{expand, sure},
    rules::Kind,
    words::{PLACE, STEP, Sentence, fold},
};

/// A step at which the run is held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldStep {
    /// Its name.
    pub step: String,
    /// Its host.
    pub host: String,
}

/// Which of the steps that are held is meant; with nothing said, the only one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// The step's name, when it was said.
    pub step: Option<String>,
    /// The host's name, when it was said.
    pub host: Option<String>,
    /// Whether all that fit are meant.
    pub all: bool,
}

impl Which {
    /// Whether a step may be meant.
    #[must_use]
    pub fn fits(&self, step: &str, host: &str) -> bool {
        let is = |said: &Option<String>, name: &str| said.as_deref().is_none_or(|said| said == name);
        is(&self.step, step) && is(&self.host, host)
    }

    /// "the step that is held on web1".
    fn in_words(&self) -> String {
        let on = self.host.as_deref().map(|host| format!(" on {host}")).unwrap_or_default();
        match (&self.step, self.all) {
            (Some(step), false) => format!("“{step}”{on}"),
            (Some(step), true) => format!("“{step}”{on} wherever it is held"),
            (None, false) => format!("the step that is held{on}"),
            (None, true) => format!("all steps that are held{on}"),
        }
    }
}

/// A decision in words that fit "Do you want me to …?".
pub(super) fn in_words(choice: Choice, which: &Which) -> String {
    let which = which.in_words();
    match choice {
        Choice::Retry => format!("retry {which}"),
        Choice::Skip => format!("skip {which}"),
        Choice::Fail => format!("let {which} fail"),
    }
}

/// Classes of words. `all` and `everywhere` are names of groups, so a pattern may have each once.
pub(super) const CLASSES: &[(&str, &str)] = &[
    ("heldword", "held|failed|failing|broken|stuck|waiting|current"),
    ("thestep", "appstep|(the |this |that |my |our )?(<heldword> )*step( appstep)?"),
    (
        "heldstep",
        "it|this|that|<thestep>|(the |this |that )(<heldword> )*one|es|ihn|den schritt|diesen schritt|cette etape|l etape|este paso|el paso|ese paso",
    ),
    (
        "heldall",
        "(?P<all>them( all| both)?|all|both|everything|all of (them|it)|both of them|(all|both)( of)?( the| these| those)?( <heldword>)* (steps|ones|hosts)|every( <heldword>)* (step|one)|each( one| of them| step)?|(the |these |those )(<heldword> )*(steps|ones)|alle|tous|todos)",
    ),
    (
        "heldwhere",
        "on (the |our |my )?appplace|(?P<everywhere>on (all|both|every|each)( of them| of the| the)?( hosts| host)?|everywhere)",
    ),
    ("oncemore", "again|once more|one more time|another time|once again"),
];

/// Sentences that decide. They stand beside the other actions: where a step is held they come first.
pub(super) const ACTIONS: &[(Kind, &[&str])] = &[
    (
        Kind::Skip,
        &[
            "(skip|bypass|omit|leave out|jump over|step over|skip over|skip past)( <heldstep>| <heldall>)?( <heldwhere>)?",
            "leave (<heldstep>|<heldall>) out( <heldwhere>)?",
            "(go on|continue|carry on|proceed|move on|keep going|go ahead) without (<heldstep>|<heldall>)( <heldwhere>)?",
            "skip to the next (step|one)",
            "ignore (<heldstep>|the failure|the error|this failure|this error) and (go on|continue|carry on|proceed|move on|keep going)",
            "mark (<heldstep>|<heldall>) (as )?skipped( <heldwhere>)?",
            "(uberspring|uberspringe|uberspringen|auslassen)( <heldstep>| <heldall>)?",
            "(<heldstep>|<heldall>) (uberspringen|auslassen)",
            "lass <heldstep> (weg|aus)",
            "(saute|sauter|sautez|passe|passer|passez|ignore|ignorer) (cette etape|l etape)",
            "(salta|saltar|saltate|omite|omitir)( este paso| el paso| ese paso)",
            "(saltalo|omitelo|sautela|saute la)",
        ],
    ),
    (
        Kind::Fail,
        &[
            "(let|make|have) (<heldstep>|<heldall>|<therun>) fail( <heldwhere>)?",
            "(let|make|have)( <heldstep>)? <heldwhere> fail",
            "fail( <heldstep>| <heldall>)?( <heldwhere>)?",
            "give up( on)? (<heldstep>|<heldall>)( <heldwhere>)?",
            "give up <heldwhere>",
            "give (<heldstep>|<heldall>) up( <heldwhere>)?",
            "(i|we) give up on (<heldstep>|<heldall>)( <heldwhere>)?",
            "(mark|count|treat|consider|declare) (<heldstep>|<heldall>) (as )?(a )?(failed|failure)( <heldwhere>)?",
            "abandon (<heldstep>|<heldall>)( <heldwhere>)?",
            "(gib|gebt) (<heldstep> )?auf|aufgeben|<heldstep> aufgeben",
            "lass (<heldstep> )?(fehlschlagen|scheitern)",
            "(laisse|laissez)( le| la)? echouer( cette etape| l etape)?",
            "(abandonne|abandonner|abandonnez) (cette etape|l etape)",
            "deja que falle|dejalo fallar|(abandona|abandonar) (este paso|el paso)",
        ],
    ),
    (
        Kind::RetryStep,
        &[
            "(retry|rerun|redo|repeat) <thestep>( <heldwhere>)?",
            "(retry|rerun|redo|repeat)( <heldstep>)? <heldwhere>",
            "(retry|rerun|redo|repeat) <heldall>( <heldwhere>)?",
            "(try|run|do|attempt|start|execute) <thestep> <oncemore>( <heldwhere>)?",
            "(try|run|do|attempt)( <heldstep>)? <oncemore> <heldwhere>",
            "(try|run|do|attempt)( <heldstep>)? <heldwhere> <oncemore>",
            "(try|run|do|attempt) <heldall> <oncemore>( <heldwhere>)?",
            "give (<thestep>|<heldall>) (another|a second|one more) (go|try|shot|attempt|chance)( <heldwhere>)?",
            "(wiederhole|wiederholen) (den|diesen) schritt|(den|diesen) schritt (wiederholen|nochmal versuchen|noch einmal versuchen)",
            "(reessaie|reessayer|relance|relancer|refais) (cette etape|l etape)",
            "(reintenta|reintentar|repite|repetir) (este|el|ese) paso",
        ],
    ),
];

/// What a rule above means in a sentence.
pub(super) fn decision(choice: Choice, found: &Captures<'_>, sentence: &Sentence) -> Intent {
    let said = |word: &str, name: &Option<String>| name.clone().filter(|_| sentence.text.contains(word));
    let which = Which {
        step: said(STEP, &sentence.step),
        host: said(PLACE, &sentence.place),
        all: found.name("all").is_some() || found.name("everywhere").is_some(),
    };
    Intent::Decide { choice, which }
}

/// The answer to "which?": a host, a step, or all of them.
pub(super) fn answer(text: &str, context: &Context) -> Option<Intent> {
    let Some(Intent::Decide { choice, which }) = &context.asked else { return None };
    let said = fold(text);
    let trim = |text: &'static str| move |char: char| char.is_whitespace() || text.contains(char);
    let mut said = said.trim_matches(trim("\".!,"));
    said = said.strip_suffix(" please").unwrap_or(said).trim_end_matches(trim(","));
    let before = ["only ", "just ", "the one ", "the step ", "that ", "it ", "on "];
    for word in before {
        said = said.strip_prefix(word).unwrap_or(said);
    }
    let is = |name: &str| fold(name.trim()) == said.trim_matches('"');
    let decide = |which| Some(Intent::Decide { choice: *choice, which });
    if let Some(held) = context.held.iter().find(|held| is(&held.host)) {
        return decide(Which { host: Some(held.host.clone()), ..which.clone() });
    }
    if let Some(held) = context.held.iter().find(|held| is(&held.step)) {
        return decide(Which { step: Some(held.step.clone()), ..which.clone() });
    }
    if let Some(held) = context.held.iter().find(|held| is(&format!("{} on {}", held.step, held.host))) {
        let which = Which { step: Some(held.step.clone()), host: Some(held.host.clone()), all: false };
        return decide(which);
    }
    ALL.is_match(said).then(|| Which { all: true, ..which.clone() }).and_then(decide)
}

static ALL: LazyLock<Regex> =
    LazyLock::new(|| sure(&format!("^(?:on )?(?:{})$", expand("<heldall>|all hosts|both hosts|everywhere"))));

/// Words after which the name of a held step may stand, or of the host on which it is held.
const LEADS: [&str; 14] = [
    "skip", "omit", "bypass", "retry", "rerun", "redo", "repeat", "try", "run", "fail", "let", "leave",
    "abandon", "step",
];
/// What may stand between.
const ARTICLES: [&str; 5] = ["", "the ", "step ", "the step ", "this step "];
/// Names that are read as words all the same.
const NO_NAMES: [&str; 10] =
    ["it", "this", "that", "them", "all", "both", "everything", "again", "step", "the step"];

/// The text with "skip restart" as `skip` and [`STEP`], and "skip web2" as `skip on` and [`PLACE`]; and what was named.
/// Names of several words and of hosts are known only while a step is held there, so that they change nothing else.
pub(super) fn replace_names(text: &str, context: &Context) -> (String, Option<String>, Option<String>) {
    let (mut step, mut place) = (None, None);
    let mut text = text.to_owned();
    let steps = context.held.iter().map(|held| (&held.step, true));
    let hosts = context.held.iter().map(|held| (&held.host, false));
    let mut names: Vec<(String, &String, bool)> = steps
        .chain(hosts)
        .map(|(name, is_step)| (fold(name.trim()).replace(',', " , "), name, is_step))
        .collect();
    names.retain(|(folded, _, _)| folded.len() >= 2 && !NO_NAMES.contains(&folded.as_str()));
    // The longest first: "web-2" is not "web".
    names.sort_by_key(|(folded, _, is_step)| (std::cmp::Reverse(folded.len()), !*is_step));
    names.dedup();
    for (folded, name, is_step) in names {
        for lead in LEADS {
            for article in ARTICLES {
                let by = if is_step { format!("{lead} {STEP}") } else { format!("{lead} on {PLACE}") };
                let replaced = super::words::replace_word(&text, &format!("{lead} {article}{folded}"), &by);
                if replaced != text {
                    text = replaced;
                    let named = if is_step { &mut step } else { &mut place };
                    named.get_or_insert_with(|| name.clone());
                }
            }
        }
    }
    (text, step, place)
}

/// The message with names of held steps and their hosts out of their quotes, so that they are names and no quotation.
pub(super) fn unquote(folded: &str, context: &Context) -> String {
    let names = context.held.iter().flat_map(|held| [&held.step, &held.host]);
    names.fold(folded.to_owned(), |text, name| {
        let name = fold(name.trim());
        text.replace(&format!("\"{name}\""), &name)
    })
}
