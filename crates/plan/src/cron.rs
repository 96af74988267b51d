//! When a job is due, as the tables of cron say it (POSIX `crontab`, with the names, steps and words such as `@daily` that the
//! cron of Debian takes).
//!
//! It is read here so that a mistake is found with the plan. What is read goes into a table of cron as it was written; for
//! timers of systemd it is written anew.

use std::fmt::Write;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WORDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];
const DAY: i64 = 24 * 60;
/// The longest that anything waits: 29 February, around a year such as 2100 that has none.
const LONGEST_DAYS: i64 = 8 * 366;

/// A field: its name for people, the numbers that it may have, and names for them from the lowest on.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "the minute", low: 0, high: 59, names: &[] },
    Field { name: "the hour", low: 0, high: 23, names: &[] },
    Field { name: "the day of the month", low: 1, high: 31, names: &[] },
    Field { name: "the month", low: 1, high: 12, names: &MONTHS },
    // Sunday is 0, and 7 too.
    Field { name: "the day of the week", low: 0, high: 7, names: &WEEKDAYS },
];

/// When a job is due. Bits are the numbers of each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether one of the fields of days begins with `*`: then a day has to be in both, and otherwise in either.
    in_both: bool,
}

impl Schedule {
    /// Reads five fields, or a word such as `@daily`.
    ///
    /// # Errors
    /// What is wrong, as what follows the name of it: "has 4 fields, …".
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let text = match WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            Some((_, fields)) => fields,
            None if text.starts_with('@') => {
                let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
                return Err(format!("is `{text}`; the words are {}", words.join(", ")));
            }
            None => text,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let &[minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!(
                "has {} field{}, and cron takes five: minute, hour, day of the month, month and day of the week",
                fields.len(),
                if fields.len() == 1 { "" } else { "s" }
            ));
        };
        let mut sets = [0; 5];
        for ((set, kind), field) in sets.iter_mut().zip(&FIELDS).zip([minute, hour, day, month, weekday]) {
            *set = kind.read(field)?;
        }
        let [minutes, hours, days, months, weekdays] = sets;
        // Both numbers of Sunday are one day.
        let weekdays = (weekdays | (weekdays >> 7)) & 0x7f;
        let in_both = day.starts_with('*') || weekday.starts_with('*');
        let schedule = Self { minutes, hours, days, months, weekdays, in_both };
        match schedule.next(0) {
            Some(_) => Ok(schedule),
            None => Err(format!("is `{text}`, a day that never comes")),
        }
    }

    /// The first time that it is due after the minute `now`. Minutes are counted from the beginning of 1970 by the clock on the
    /// wall, wherever that is; where it is put forward or back in between, that is not known here.
    #[must_use]
    pub fn next(&self, now: i64) -> Option<i64> {
        let first = now + 1;
        (0..=LONGEST_DAYS).find_map(|later| {
            let day = first.div_euclid(DAY) + later;
            if !self.is_on(day) {
                return None;
            }
            let from = if later == 0 { first.rem_euclid(DAY) } else { 0 };
            let due = |minute: &i64| has(self.hours, minute / 60) && has(self.minutes, minute % 60);
            (from..DAY).find(due).map(|minute| day * DAY + minute)
        })
    }

    fn is_on(&self, day: i64) -> bool {
        let (month, date) = month_and_date(day);
        // 1 January 1970 was a Thursday.
        let weekday = (day + 4).rem_euclid(7);
        let (in_month, in_week) = (has(self.days, date), has(self.weekdays, weekday));
        has(self.months, month) && if self.in_both { in_month && in_week } else { in_month || in_week }
    }

    /// The same for a timer of systemd, as values of `OnCalendar`.
    #[must_use]
    pub fn calendars(&self) -> Vec<String> {
        let list = |set: u64, kind: &Field| {
            let all: Vec<u32> = (kind.low..=kind.high).filter(|number| has(set, (*number).into())).collect();
            if all.len() as u32 == kind.high - kind.low + 1 {
                return "*".to_owned();
            }
            all.iter().map(|number| format!("{number:02}")).collect::<Vec<_>>().join(",")
        };
        let [minutes, hours, days, months, _] = &FIELDS;
        let month = list(self.months, months);
        let time = format!("{}:{}:00", list(self.hours, hours), list(self.minutes, minutes));
        let days = list(self.days, days);
        let mut weekdays = String::new();
        for (number, name) in (0..).zip(WEEKDAYS) {
            if self.weekdays != 0x7f && has(self.weekdays, number) {
                let _ = write!(weekdays, "{}{name}", if weekdays.is_empty() { "" } else { "," });
            }
        }
        let weekdays = if weekdays.is_empty() { weekdays } else { format!("{weekdays} ") };
        if self.in_both {
            return vec![format!("{weekdays}*-{month}-{days} {time}")];
        }
        vec![format!("*-{month}-{days} {time}"), format!("{weekdays}*-{month}-* {time}")]
    }
}

impl Field {
    /// The numbers that a field says, as bits.
    fn read(&self, text: &str) -> Result<u64, String> {
        let mut set = 0;
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(step)),
                None => (part, None),
            };
            let (from, to) = match range.split_once('-') {
                _ if range == "*" => (self.low, self.high),
                Some((from, to)) => (self.number(from, text)?, self.number(to, text)?),
                None if step.is_some() => {
                    return Err(format!(
                        "has `{part}` for {}; a step follows `*` or a range, as in `*/5` or `10-20/5`",
                        self.name
                    ));
                }
                None => {
                    let number = self.number(range, text)?;
                    (number, number)
                }
            };
            if from > to {
                return Err(format!(
                    "has `{range}` for {}, where the end comes before the beginning",
                    self.name
                ));
            }
            let step = match step.map(str::parse) {
                None => 1,
                Some(Ok(step)) if (1..=100).contains(&step) => step,
                Some(_) => {
                    return Err(format!("has `{part}` for {}; a step is a whole number from 1", self.name));
                }
            };
            set |= (from..=to).step_by(step).fold(0, |set, number| set | (1 << number));
        }
        Ok(set)
    }

    fn number(&self, word: &str, field: &str) -> Result<u32, String> {
        let named = self.names.iter().zip(self.low..).find(|(name, _)| name.eq_ignore_ascii_case(word));
        if let Some((_, number)) = named {
            return Ok(number);
        }
        let digits = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
        match word.parse::<u32>() {
            Ok(number) if digits && (self.low..=self.high).contains(&number) => Ok(number),
            _ => {
                let (first, last) = (self.names.first(), self.names.last());
                let names = match (first, last) {
                    (Some(first), Some(last)) => format!(", or from {first} to {last}"),
                    _ => String::new(),
                };
                Err(format!(
                    "has `{field}` for {}, which goes from {} to {}{names}",
                    self.name, self.low, self.high
                ))
            }
        }
    }
}

fn has(set: u64, number: i64) -> bool {
    u32::try_from(number).is_ok_and(|number| set.checked_shr(number).is_some_and(|rest| rest & 1 == 1))
}

/// The month and the date of a day that is counted from 1 January 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`).
fn month_and_date(day: i64) -> (i64, i64) {
    let day = (day + 719_468).rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    (if month < 10 { month + 3 } else { month - 9 }, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 22 November 2026, a Sunday, at 06:49.
    const NOW: i64 = 20_779 * DAY + 6 * 60 + 49;

    fn is_due_in(text: &str, days: i64, time: &str) {
        let next = Schedule::parse(text).unwrap().next(NOW).unwrap();
        let (hour, minute) = time.split_once(':').unwrap();
        let expected = (NOW.div_euclid(DAY) + days) * DAY
            + hour.parse::<i64>().unwrap() * 60
            + minute.parse::<i64>().unwrap();
        assert_eq!(next, expected, "{text}: {} min off", next - expected);
    }

    #[test]
    fn a_schedule_says_when_it_is_due_next() {
        is_due_in("* * * * *", 0, "6:50");
        is_due_in("49 6 * * *", 1, "6:49");
        is_due_in("0 3 * * *", 1, "3:00");
        is_due_in("*/15 * * * *", 0, "7:00");
        is_due_in("5,50-52 6-8/2 * * *", 0, "6:50");
        is_due_in("@hourly", 0, "7:00");
        is_due_in("@Weekly", 7, "0:00");
        is_due_in("0 0 * * 7", 7, "0:00");
        is_due_in("0 9 * * mon-FRI", 1, "9:00");
        is_due_in("30 4 1 DEC,jan *", 9, "4:30");
        // A day that is either the 30th or a Monday; with a `*`, one that is both.
        is_due_in("0 1 30 * mon", 1, "1:00");
        is_due_in("0 1 */2 * mon", 1, "1:00");
        is_due_in("0 0 29 2 *", 464, "0:00");
    }

    #[test]
    fn timers_of_systemd_are_told_the_same() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(Schedule::parse(text).unwrap().calendars(), expected, "{text}");
        };
        check("* * * * *", &["*-*-* *:*:00"]);
        check("0 3 * * *", &["*-*-* 03:00:00"]);
        check("*/30 6,18 * 1-2 *", &["*-01,02-* 06,18:00,30:00"]);
        check("0 9 * * 1-5", &["mon,tue,wed,thu,fri *-*-* 09:00:00"]);
        check("0 9 13 * 5", &["*-*-13 09:00:00", "fri *-*-* 09:00:00"]);
        check("@weekly", &["sun *-*-* 00:00:00"]);
    }

    #[test]
    fn what_is_wrong_with_a_schedule_is_said() {
        let check = |text: &str, expected: &str| {
            let said = Schedule::parse(text).unwrap_err();
            assert!(said.contains(expected), "{text}: {said}");
        };
        check("", "has 0 fields");
        check("0 3 * *", "has 4 fields, and cron takes five");
        check("0 0 3 * * *", "has 6 fields");
        check("60 * * * *", "has `60` for the minute, which goes from 0 to 59");
        check("0 24 * * *", "for the hour");
        check("0 0 0 * *", "for the day of the month, which goes from 1 to 31");
        check("0 0 * janu *", "for the month, which goes from 1 to 12, or from jan to dec");
        check("0 0 * * sunday", "or from sun to sat");
        check("5/10 * * * *", "a step follows `*` or a range");
        check("*/0 * * * *", "a step is a whole number from 1");
        check("*/x * * * *", "a step is a whole number from 1");
        check("20-10 * * * *", "the end comes before the beginning");
        check("1,,2 * * * *", "has `1,,2` for the minute");
        check("+1 * * * *", "has `+1` for the minute");
        check("-1 * * * *", "has `-1` for the minute");
        check("0 0 31 2 *", "a day that never comes");
        check("@reboot", "is `@reboot`; the words are @hourly");
    }
}
