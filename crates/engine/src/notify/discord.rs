//! A webhook of Discord: one embed (<https://discord.com/developers/docs/resources/webhook#execute-webhook>,
//! <https://discord.com/developers/docs/resources/message#embed-object-embed-limits>).

use serde_json::{Value, json};
use steadyhand_store::notifications::Told;

use super::{message::Message, text::fitted};

/// The most characters of an embed's title, description, and of a field's value.
const TITLE: usize = 256;
const DESCRIPTION: usize = 4096;
const VALUE: usize = 1024;

pub(super) fn body(message: &Message) -> Value {
    let fields: Vec<Value> = message
        .facts()
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": fitted(value, VALUE / 4, written), "inline": true }))
        .collect();
    let mut embed = json!({
        "title": fitted(&message.title(), TITLE, written),
        "color": colour(message.told),
        "fields": fields,
    });
    if let Some((what, step)) = message.failure() {
        // The parts of an embed have at most 6,000 characters together.
        let (what, reason) =
            (fitted(&what, DESCRIPTION / 8, written), fitted(&step.reason, DESCRIPTION / 4, written));
        let mut description = format!("**{what}**\n{reason}");
        if !step.log.is_empty() {
            let log = fitted(&step.log.join("\n"), DESCRIPTION / 2 - 100, in_code);
            description.push_str(&format!("\n```\n{log}\n```"));
        }
        embed["description"] = description.into();
    }
    // Nobody is called by what a host or a plan says.
    json!({ "embeds": [embed], "allowed_mentions": { "parse": [] } })
}

fn colour(told: Told) -> u32 {
    match told {
        Told::Started => 0x1f_6feb,
        Told::Failed => 0xd1_242f,
        Told::Completed | Told::Recovered => 0x1a_7f37,
        Told::Stopped => 0x6e_7781,
    }
}

/// Markdown as text (<https://support.discord.com/hc/en-us/articles/210298617>).
fn written(letter: char) -> String {
    match letter {
        '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '#' | '-' | '[' | ']' | '(' | ')' | ':' => {
            format!("\\{letter}")
        }
        '@' => "@\u{200b}".to_owned(),
        letter => letter.to_string(),
    }
}

/// Between fences only a fence is more than text.
fn in_code(letter: char) -> String {
    match letter {
        '`' => "`\u{200b}".to_owned(),
        letter => letter.to_string(),
    }
}
