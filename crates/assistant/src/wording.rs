//! Putting sentences together.

/// A message of another part as a sentence: with a capital letter and one full stop.
pub(crate) fn sentence(message: &str) -> String {
    let message = message.trim_end().trim_end_matches('.');
    if message.is_empty() { String::new() } else { format!("{}.", capitalized(message)) }
}

/// A text with a capital letter, unless it begins with a name: of a file (`plan.yaml`), a path, a host (`web1: …`).
#[must_use]
pub fn capitalized(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    if !word
        .trim_end_matches([',', '…'])
        .chars()
        .all(|letter| letter.is_alphabetic() || "'’-".contains(letter))
    {
        return text.to_owned();
    }
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_sentence_has_one_full_stop_and_a_capital_letter_unless_it_begins_with_a_name() {
        assert_eq!(sentence("web1: it is down. Check it."), "web1: it is down. Check it.");
        assert_eq!(sentence("rnd.yaml is not UTF-8 text"), "rnd.yaml is not UTF-8 text.");
        assert_eq!(sentence("nothing was run"), "Nothing was run.");
        assert_eq!(sentence("élan"), "Élan.");
        assert_eq!(sentence(""), "");
    }
}
