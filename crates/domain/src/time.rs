//! Points in time, as data. Reading the clock is left to the crates that do I/O.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Milliseconds since 1970-01-01 00:00:00 UTC.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(transparent)]
#[ts(as = "f64")]
pub struct Timestamp(pub i64);

/// A duration in milliseconds, as precise as it matters and as the pages say it: `0.4 s`, `38 s`, `4 min 05 s`,
/// `2 h 10 min`, `3 d 4 h`.
#[must_use]
pub fn duration(ms: i64) -> String {
    const SECOND: i64 = 1_000;
    const MINUTE: i64 = 60 * SECOND;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let ms = ms.max(0);
    let seconds = (ms + SECOND / 2) / SECOND;
    let minutes = ms / MINUTE;
    match ms {
        // Half a tenth is rounded up.
        0..9_950 => {
            let tenths = (ms + 50) / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        _ if ms < MINUTE - SECOND / 2 => format!("{seconds} s"),
        _ if ms < HOUR => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ if ms < DAY => format!("{} h {:02} min", minutes / 60, minutes % 60),
        _ => format!("{} d {} h", ms / DAY, ms % DAY / HOUR),
    }
}

impl Timestamp {
    /// The time `ms` milliseconds later (earlier when negative), held at the ends of the range.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is the later one.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_as_precise_as_matters() {
        let cases = [
            (-5, "0.0 s"),
            (449, "0.4 s"),
            (450, "0.5 s"),
            (9_949, "9.9 s"),
            (9_999, "10 s"),
            (12_400, "12 s"),
            (12_600, "13 s"),
            (59_499, "59 s"),
            (59_700, "1 min 00 s"),
            (185_000, "3 min 05 s"),
            (7_800_000, "2 h 10 min"),
            (273_600_000, "3 d 4 h"),
        ];
        for (ms, expected) in cases {
            assert_eq!(duration(ms), expected, "{ms}");
        }
    }
}
