//! Putting sentences together.

/// A message of another part as a sentence: with a capital letter and one full stop.
pub(crate) fn sentence(message: &str) -> String {
    let message = message.trim_end().trim_end_matches('.');
    if message.is_empty() { String::new() } else { format!("{}.", capitalized(message)) }
}

/// A text with a capital letter.
pub(crate) fn capitalized(text: &str) -> String {
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
    fn a_sentence_has_one_capital_letter_and_one_full_stop() {
        assert_eq!(sentence("web1: it is down. Check it."), "Web1: it is down. Check it.");
        assert_eq!(sentence("élan"), "Élan.");
        assert_eq!(sentence(""), "");
    }
}
