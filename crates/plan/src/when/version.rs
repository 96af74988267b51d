//! Comparing texts as versions.

use std::cmp::Ordering;

/// A part of a version, in the order of the kinds: `rc` < nothing and 0 < another word < 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// A word that comes before the version itself.
    Before(&'a str),
    /// Nothing more, or zeros.
    Zero,
    /// Another word.
    Word(&'a str),
    /// Digits without zeros in front: as many of them as there are, then which.
    Digits(usize, &'a str),
}

const BEFORE: [&str; 7] = ["alpha", "beta", "dev", "pre", "preview", "rc", "snapshot"];

/// Compares two versions part by part. A part is a run of digits or a run of letters; what stands between only parts
/// them. Digits are compared as numbers, letters as texts, and what is missing counts as 0, so that `12` equals
/// `12.0`. `alpha`, `beta`, `dev`, `pre`, `preview`, `rc` and `snapshot` come before what they are a beginning of
/// (`1.2-rc1` < `1.2`), other words after it (`6.1` < `6.1-generic` < `6.1.1`).
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Parts(a), Parts(b));
    loop {
        let (left, right) = (a.next(), b.next());
        if left.is_none() && right.is_none() {
            return Ordering::Equal;
        }
        match left.unwrap_or(Part::Zero).cmp(&right.unwrap_or(Part::Zero)) {
            Ordering::Equal => {}
            decided => return decided,
        }
    }
}

struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let text = self.0.trim_start_matches(|c: char| !c.is_alphanumeric());
        let is_digit = text.starts_with(|c: char| c.is_ascii_digit());
        let end =
            text.find(|c: char| !c.is_alphanumeric() || c.is_ascii_digit() != is_digit).unwrap_or(text.len());
        let (part, rest) = text.split_at(end);
        self.0 = rest;
        if part.is_empty() {
            return None;
        }
        Some(if is_digit {
            match part.trim_start_matches('0') {
                "" => Part::Zero,
                digits => Part::Digits(digits.len(), digits),
            }
        } else {
            match BEFORE.iter().position(|word| part.eq_ignore_ascii_case(word)) {
                Some(_) => Part::Before(part),
                None => Part::Word(part),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_part_by_part() {
        let sorted = [
            "",
            "1-alpha",
            "1-beta2",
            "1-rc1",
            "1.0",
            "1.0-generic",
            "1.0.1",
            "1.9",
            "1.10",
            "6.1.0-18-amd64",
            "6.11.3-arch1-1",
            "11",
            "12",
            "22.04",
            "24.04",
            "24.10",
            "99999999999999999999999",
            "100000000000000000000000",
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} {b}");
            }
        }
        for (a, b) in [("12", "12.0"), ("1.02", "1.2"), ("1.2", "1_2"), ("v1", "v1.0"), ("0", "")] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }
}
