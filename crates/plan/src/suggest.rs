//! "Did you mean …?"

/// The candidate that `wrong` is most likely a slip of, if one is near enough.
pub(crate) fn did_you_mean<'c>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    /// Names are short; comparing a long text with each candidate would only take time.
    const LONGEST: usize = 100;
    /// The same goes for very many candidates.
    const MOST: usize = 500;
    if wrong.len() > LONGEST {
        return None;
    }
    let lower = wrong.to_lowercase();
    candidates
        .into_iter()
        .take(MOST)
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count().max(3) / 3).min(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let check =
            |wrong, expected| assert_eq!(did_you_mean(wrong, ["tasks", "vars", "on", "wait_for"]), expected);
        check("taks", Some("tasks"));
        check("Vars", Some("vars"));
        check("waitfor", Some("wait_for"));
        check("no", Some("on"));
        check("banana", None);
        check("", None);
        check(&"x".repeat(1000), None);
    }
}
