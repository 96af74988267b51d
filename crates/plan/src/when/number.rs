//! Numbers as conditions have them: decimal, and exact.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A decimal number, in billionths. Enough for the bytes of any disk and the fractions of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Number(i128);

const FRACTION_DIGITS: usize = 9;
const WHOLE_DIGITS: usize = 20;

impl Number {
    /// Reads `-12.5`; `None` when it is no such number, or has more digits than any that is needed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (digits, sign) = text.strip_prefix('-').map_or((text, 1), |rest| (rest, -1));
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (digits, ""),
        };
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) {
            return None;
        }
        if whole.len() > WHOLE_DIGITS || fraction.len() > FRACTION_DIGITS {
            return None;
        }
        format!("{whole}{fraction:0<FRACTION_DIGITS$}").parse().ok().map(|number: i128| Self(sign * number))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let digits = format!("{:0>1$}", self.0.unsigned_abs(), FRACTION_DIGITS + 1);
        let (whole, fraction) = digits.split_at(digits.len() - FRACTION_DIGITS);
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            fraction => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

impl From<Number> for String {
    fn from(number: Number) -> Self {
        number.to_string()
    }
}

impl TryFrom<String> for Number {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no number"))
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn numbers_are_exact_and_come_back_as_they_were() {
        let check = |text: &str, expected: Option<&str>| {
            let shown = Number::parse(text).map(|number| number.to_string());
            assert_eq!(shown.as_deref(), expected, "{text}");
        };
        check("0", Some("0"));
        check("-0", Some("0"));
        check("08", Some("8"));
        check("12.50", Some("12.5"));
        check("-0.001", Some("-0.001"));
        check("18446744073709551615", Some("18446744073709551615"));
        check("0.000000001", Some("0.000000001"));
        for bad in
            ["", "-", ".5", "1.", "1.2.3", "1e3", "+1", "٣", "0.0000000001", "999999999999999999999", " 1"]
        {
            check(bad, None);
        }
        assert!(Number::parse("9") < Number::parse("10"));
        assert!(Number::parse("-2") < Number::parse("-1.5"));
        assert_eq!(Number::parse("1.0"), Number::parse("1"));
    }
}
