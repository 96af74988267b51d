//! Reads manifests. What cannot be read is `None`, and is told by whoever looks at it.

use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};

/// How deep a YAML document may be nested.
const DEPTH: usize = 64;
/// How many nodes a YAML document may have.
const NODES: usize = 100_000;

/// A JSON document, in which comments and commas before a closing bracket are passed over.
pub(super) fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&plain_json(text)).ok())
}

fn plain_json(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut in_text = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' if in_text => {
                plain.push(c);
                plain.extend(rest.next());
                continue;
            }
            '"' => in_text = !in_text,
            '/' if !in_text && rest.peek() == Some(&'/') => {
                while rest.peek().is_some_and(|c| *c != '\n') {
                    rest.next();
                }
                continue;
            }
            '/' if !in_text && rest.peek() == Some(&'*') => {
                let mut last = ' ';
                rest.next();
                for c in rest.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
                continue;
            }
            '}' | ']' if !in_text => {
                let end = plain.trim_end().len();
                if plain[..end].ends_with(',') {
                    plain.truncate(end - 1);
                }
            }
            _ => {}
        }
        plain.push(c);
    }
    plain
}

/// A TOML document.
pub(super) fn toml(text: &str) -> Option<Value> {
    let table: ::toml::Table = text.parse().ok()?;
    serde_json::to_value(table).ok()
}

/// The first YAML document. Every scalar is a text, and an alias is nothing: none of what is looked for is written so.
pub(super) fn yaml(text: &str) -> Option<Value> {
    enum Open {
        List(Vec<Value>),
        Pairs(Map<String, Value>, Option<String>),
    }
    let mut open: Vec<Open> = Vec::new();
    for (count, event) in Parser::new_from_str(text).enumerate() {
        if count > NODES || open.len() > DEPTH {
            return None;
        }
        let done = match event.ok()?.0 {
            Event::Scalar(value, ..) => Value::String(value.into_owned()),
            Event::Alias(_) => Value::Null,
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Pairs(Map::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop()? {
                Open::List(items) => Value::Array(items),
                Open::Pairs(pairs, _) => Value::Object(pairs),
            },
            Event::DocumentEnd => return None,
            _ => continue,
        };
        match open.last_mut() {
            None => return Some(done),
            Some(Open::List(items)) => items.push(done),
            Some(Open::Pairs(pairs, key)) => match key.take() {
                Some(key) => {
                    pairs.insert(key, done);
                }
                None => *key = Some(done.as_str().unwrap_or_default().to_owned()),
            },
        }
    }
    None
}

/// The text of the first element of this name, of XML.
pub(super) fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}

/// The first text in quotes behind a word: what a call or an assignment is given.
pub(super) fn quoted_after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let line = text[text.find(word)? + word.len()..].lines().next()?;
    let open = line.find(['"', '\'', '`'])?;
    let quote = &line[open..=open];
    line[open + 1..].split_once(quote).map(|(value, _)| value)
}

/// The number that begins a text, after spaces.
pub(super) fn number(text: &str) -> Option<u16> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok().filter(|number| *number > 0)
}

/// A text within a JSON value.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path)?.as_str()
}

/// The keys of an object within a JSON value, by name.
pub(super) fn keys<'a>(value: &'a Value, path: &str) -> Vec<&'a str> {
    let mut keys: Vec<&str> = value
        .pointer(path)
        .and_then(Value::as_object)
        .map(|object| object.keys().map(String::as_str).collect())
        .unwrap_or_default();
    keys.sort_unstable();
    keys
}

/// The texts of a list within a JSON value.
pub(super) fn texts<'a>(value: &'a Value, path: &str) -> Vec<&'a str> {
    let list = value.pointer(path).and_then(Value::as_array);
    list.map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn manifests_are_read_and_broken_ones_are_nothing() {
        assert_eq!(
            super::json("{ // a\n \"a\": [1, /* b */ 2,], \"u\": \"http://x\", }"),
            Some(json!({"a": [1, 2], "u": "http://x"}))
        );
        assert_eq!(super::json("{"), None);
        assert_eq!(
            super::yaml("packages:\n  - 'apps/*'\n  - a: {b: 1}\n"),
            Some(json!({"packages": ["apps/*", {"a": {"b": "1"}}]}))
        );
        assert_eq!(super::yaml("a: [\n"), None);
        assert_eq!(super::yaml(&"[".repeat(10_000)), None);
        assert_eq!(super::toml("[a]\nb = 1"), Some(json!({"a": {"b": 1}})));
        assert_eq!(super::quoted_after("x = a(\n'b')", "a("), None);
        assert_eq!(super::quoted_after("ruby '3.2'", "ruby"), Some("3.2"));
    }
}
