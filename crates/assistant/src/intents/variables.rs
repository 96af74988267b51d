//! Values of variables, read from a message as it was written, since names and values are case-sensitive.

use std::sync::LazyLock;

use regex::Regex;

use super::{Context, Intent, beyond::PORT_OUT_OF_RANGE, patterns::sure};

/// `set NAME to VALUE` and `NAME=VALUE`, read from the message as it was written, since both are case-sensitive.
pub(super) fn set_variable(text: &str, context: &Context) -> Option<Intent> {
    let found = SET.captures(text.trim()).or_else(|| ASSIGN.captures(text.trim()))?;
    let name = found.name("name")?.as_str();
    let value = found.name("value")?.as_str().trim();
    let value = value.strip_suffix(" please").unwrap_or(value).trim_end_matches([',', ' ']);
    let value = ['"', '\'', '`']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value);
    let known = context.variables.iter().find(|known| known.eq_ignore_ascii_case(name));
    let shouted = name.len() > 1
        && name.chars().all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_');
    let said_variable = found.name("variable").is_some();
    if known.is_none() && !shouted && !said_variable {
        return None;
    }
    if value.is_empty() || value.ends_with('?') {
        return None;
    }
    if name.eq_ignore_ascii_case("port") {
        return Some(match value.parse::<u16>() {
            Ok(port) if port > 0 => {
                let from = found.name("from").and_then(|from| from.as_str().parse().ok());
                Intent::ChangePort { port, from }
            }
            _ => PORT_OUT_OF_RANGE.intent(),
        });
    }
    let name = known.map_or_else(|| name.to_owned(), Clone::clone);
    Some(Intent::SetVar { name, value: value.to_owned() })
}

static SET: LazyLock<Regex> = LazyLock::new(|| {
    sure(
        r"(?is)^(?:please |can you |could you |can you please )?(?:set|change|make|update) (?:the )?(?:value of )?(?P<variable>(?:environment |env |plan )?(?:variable|var) |env |vars\.)?[`'“]?(?P<name>[A-Za-z_][A-Za-z0-9_]*)[`'”]?(?: from (?P<from>\S+))? (?:to|=|as|be) (?P<value>.+?)[.!]?$",
    )
});
static ASSIGN: LazyLock<Regex> = LazyLock::new(|| {
    sure(
        r"(?is)^(?:please )?(?:set |use |export )?(?P<variable>vars\.)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s?=\s?(?P<value>\S.*)$",
    )
});
