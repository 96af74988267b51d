//! An incoming webhook of Slack: blocks, with a text for where they are not shown
//! (<https://api.slack.com/messaging/webhooks>, <https://api.slack.com/reference/block-kit/blocks>).

use serde_json::{Value, json};
use steadyhand_store::notifications::Told;

use super::{message::Message, text::fitted};

/// The most characters of a header's text, of a section's text and of a section's field.
const HEADER: usize = 150;
const SECTION: usize = 3000;
const FIELD: usize = 2000;
/// The fence around a log, and what is left of a section for it.
const FENCE: &str = "```";

pub(super) fn body(message: &Message) -> Value {
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": fitted(&format!("{} {}", sign(message.told), message.title()), HEADER, escaped), "emoji": true },
    })];
    let fields: Vec<Value> = message
        .facts()
        .iter()
        .map(|(name, value)| text(format!("*{name}*\n{}", fitted(value, FIELD - 100, written))))
        .collect();
    blocks.push(json!({ "type": "section", "fields": fields }));
    if let Some((what, step)) = message.failure() {
        let (what, reason) =
            (fitted(&what, SECTION / 3, written), fitted(&step.reason, SECTION / 2, written));
        blocks.push(json!({ "type": "section", "text": text(format!("*{what}*\n{reason}")) }));
        if !step.log.is_empty() {
            let log = fitted(&step.log.join("\n"), SECTION - 10, in_code);
            blocks.push(json!({ "type": "section", "text": text(format!("{FENCE}\n{log}\n{FENCE}")) }));
        }
    }
    let short = fitted(&format!("{} — {}", message.title(), message.short()), SECTION, written);
    json!({ "text": short, "blocks": blocks })
}

/// `verbatim` keeps addresses, channels and names of people from becoming links.
fn text(text: String) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

fn sign(told: Told) -> &'static str {
    match told {
        Told::Started => "▶",
        Told::Failed => "✗",
        Told::Completed | Told::Recovered => "✓",
        Told::Stopped => "■",
    }
}

/// The three characters that control (<https://api.slack.com/reference/surfaces/formatting#escaping>): without them there
/// is no link, no `<!channel>` and no `<@somebody>`.
fn escaped(letter: char) -> String {
    match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        letter => letter.to_string(),
    }
}

/// Between fences only a fence is more than text.
fn in_code(letter: char) -> String {
    match letter {
        '`' => "`\u{200b}".to_owned(),
        letter => escaped(letter),
    }
}

/// In text with formatting, where a letter of no width behind it keeps a sign from being one of a pair.
fn written(letter: char) -> String {
    match letter {
        '*' | '_' | '~' | '`' => format!("{letter}\u{200b}"),
        letter => escaped(letter),
    }
}
