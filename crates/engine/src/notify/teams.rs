//! A webhook of a workflow of Microsoft Teams: a message with an adaptive card
//! (<https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>,
//! <https://adaptivecards.io/explorer/>). A message has at most 28 KB.

use serde_json::{Value, json};
use steadyhand_store::notifications::Told;

use super::{
    message::Message,
    text::{cut, length},
};

/// What a card may have in bytes, with room for the message around it.
const CARD: usize = 24 * 1024;

pub(super) fn body(message: &Message) -> Value {
    let mut lines = usize::MAX;
    loop {
        let body = with_log(message, lines);
        let left = message.failed.as_ref().map_or(0, |step| step.log.len().min(lines));
        if left == 0 || body.to_string().len() <= CARD {
            return body;
        }
        lines = left - 1;
    }
}

/// With so many of the log's last lines.
fn with_log(message: &Message, lines: usize) -> Value {
    let mut card = vec![json!({
        "type": "RichTextBlock",
        "inlines": [run(&message.title(), |run| {
            run["size"] = "Large".into();
            run["weight"] = "Bolder".into();
            run["color"] = colour(message.told).into();
        })],
    })];
    for (name, value) in message.facts() {
        card.push(json!({
            "type": "RichTextBlock",
            "spacing": "Small",
            "inlines": [run(&format!("{name}: "), |run| run["isSubtle"] = true.into()), run(&value, |_| {})],
        }));
    }
    if let Some((what, step)) = message.failure() {
        card.push(json!({
            "type": "RichTextBlock",
            "separator": true,
            "inlines": [run(&what, |run| run["weight"] = "Bolder".into())],
        }));
        if !step.reason.is_empty() {
            card.push(json!({ "type": "RichTextBlock", "spacing": "Small", "inlines": [run(&step.reason, |_| {})] }));
        }
        for line in step.log.iter().skip(step.log.len().saturating_sub(lines)) {
            let line = run(line, |run| run["fontType"] = "Monospace".into());
            card.push(json!({ "type": "RichTextBlock", "spacing": "None", "inlines": [line] }));
        }
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "fallbackText": message.title(),
                "msteams": { "width": "Full" },
                "body": card,
            },
        }],
    })
}

/// A run of text, in which, unlike in a `TextBlock`, no Markdown is looked for: nothing has to be escaped.
fn run(text: &str, change: impl FnOnce(&mut Value)) -> Value {
    const MOST: usize = 1000;
    let text = if length(text) > MOST { cut(text, MOST) } else { text.to_owned() };
    let mut run = json!({ "type": "TextRun", "text": text });
    change(&mut run);
    run
}

fn colour(told: Told) -> &'static str {
    match told {
        Told::Started => "Accent",
        Told::Failed => "Attention",
        Told::Completed | Told::Recovered => "Good",
        Told::Stopped => "Default",
    }
}
