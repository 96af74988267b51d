//! Every sentence that the assistant itself suggests is one that it understands.

use regex::Regex;

use super::builtin::HELP;
use crate::intents::{Context, Intent, understand};

/// The sources in which sentences are suggested. Reading them finds suggestions that nobody thought of listing.
const SOURCES: [&str; 13] = [
    include_str!("actions.rs"),
    include_str!("builtin.rs"),
    include_str!("changes.rs"),
    include_str!("deployments.rs"),
    include_str!("drafting.rs"),
    include_str!("drafting/server.rs"),
    include_str!("drafting/told.rs"),
    include_str!("held.rs"),
    include_str!("looks.rs"),
    include_str!("mod.rs"),
    include_str!("../explain.rs"),
    include_str!("../intents/beyond.rs"),
    include_str!("../intents/rules.rs"),
];

/// What is suggested in a text: what it says to say, and what it puts on buttons.
fn suggested(text: &str) -> Vec<String> {
    let said = Regex::new(r"(?i)\b(?:say|for instance|or) “([^”]+)”").expect("a pattern");
    let buttons = Regex::new(r#"(?s)(?:offering\([^&]*&|texts: &\[&str\] = |=> \{?\s*&)\[([^\]]*)\]"#)
        .expect("a pattern");
    let text_of = Regex::new(r#""([^"]+)""#).expect("a pattern");
    let bold = Regex::new(r"\*\*((?i:redeploy|retry run \{number\}))\*\*").expect("a pattern");
    let mut all: Vec<String> =
        said.captures_iter(text).chain(bold.captures_iter(text)).map(|found| found[1].to_owned()).collect();
    for list in buttons.captures_iter(text) {
        all.extend(text_of.captures_iter(&list[1]).map(|found| found[1].to_owned()));
    }
    all
}

#[test]
fn whatever_it_suggests_is_understood() {
    let mut all: Vec<String> = SOURCES
        .iter()
        .map(|source| source.split("#[cfg(test)]").next().unwrap_or_default())
        .flat_map(suggested)
        .collect();
    let bold = Regex::new(r"\*\*([^*]+)\*\*").expect("a pattern");
    let help = HELP.lines().filter(|line| line.starts_with("- "));
    all.extend(help.flat_map(|line| bold.captures_iter(line)).map(|found| found[1].to_owned()));
    assert!(all.len() >= 25, "{all:?}");
    let variables = vec!["port".to_owned(), "ssh_port".to_owned()];
    let context = Context { variables, ..Context::default() };
    for text in all {
        // "set a variable to a value" stands for many sentences.
        let text = text.replace("{number}", "4").replace("{port}", "48722").replace("{}", "port");
        let text = text.replace("set a variable to a value", "set ssh_port to 2222");
        let found = understand(&text, &context);
        let lost = matches!(found, Intent::Unknown { .. } | Intent::AskBack { .. } | Intent::Cannot { .. });
        assert!(!lost, "“{text}” is suggested, and is read as {found:?}");
    }
}

#[test]
fn advice_of_the_catalogue_that_changes_the_plan_is_understood_when_it_is_said() {
    for said in ["Use a free port instead", "use a free port", "Try again", "Redeploy"] {
        let found = understand(said, &Context::default());
        assert!(found.acts(), "{said}: {found:?}");
    }
}
