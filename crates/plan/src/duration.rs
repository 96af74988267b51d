//! Lengths of time as plans write them: `5m`, `500ms`, `1h30m`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A length of time in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Millis(pub(crate) u64);

/// The longest one: a year.
const LONGEST: u64 = 365 * 24 * 60 * 60 * 1000;

/// The units, longest name first, so that `ms` is not read as `m`.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Millis {
    /// Reads numbers with units, one after the other. The error says what is wrong with `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err("is empty");
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = rest.split_at(digits);
            if number.is_empty() {
                return Err("is not a number with a unit");
            }
            let Some((unit, ms)) = UNITS.into_iter().find(|(unit, _)| after.starts_with(unit)) else {
                return Err(if after.is_empty() { "has no unit" } else { "has an unknown unit" });
            };
            let value = number.parse::<u64>().ok().and_then(|number| number.checked_mul(ms));
            total = value.and_then(|value| total.checked_add(value)).unwrap_or(u64::MAX);
            rest = &after[unit.len()..];
        }
        if total > LONGEST { Err("is longer than a year") } else { Ok(Self(total)) }
    }
}

impl JsonSchema for Millis {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^\\s*([0-9]+(ms|s|m|h|d))+\\s*$",
            "examples": ["30s", "5m", "1h30m", "500ms"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_add_up() {
        let check = |text: &str, expected: Result<u64, &str>| {
            assert_eq!(Millis::parse(text).map(|millis| millis.0), expected, "{text}");
        };
        check("500ms", Ok(500));
        check("1s", Ok(1000));
        check("5m", Ok(300_000));
        check("1h30m", Ok(5_400_000));
        check("2d", Ok(172_800_000));
        check("0s", Ok(0));
        check("1m500ms", Ok(60_500));
        check("", Err("is empty"));
        check("30", Err("has no unit"));
        check("5 m", Err("has an unknown unit"));
        check("-5m", Err("is not a number with a unit"));
        check("1.5s", Err("has an unknown unit"));
        check("5x", Err("has an unknown unit"));
        check("m", Err("is not a number with a unit"));
        check("366d", Err("is longer than a year"));
        check("99999999999999999999d", Err("is longer than a year"));
        check("٣s", Err("is not a number with a unit"));
    }
}
