//! Versions as manifests ask for them, and as images are tagged with them.

/// What is usual for an application that does not say, and the versions that are kept up, newest last.
pub(super) struct Known {
    pub(super) usual: &'static str,
    pub(super) supported: &'static [&'static str],
}

/// The versions that had support when this was written. An older one that is asked for is taken, with a warning.
pub(super) const NODE: Known = Known { usual: "22", supported: &["20", "22", "24"] };
pub(super) const PYTHON: Known =
    Known { usual: "3.13", supported: &["3.10", "3.11", "3.12", "3.13", "3.14"] };
pub(super) const GO: Known = Known { usual: "1.25", supported: &["1.24", "1.25"] };
pub(super) const RUST: Known = Known { usual: "1", supported: &[] };
pub(super) const JAVA: Known = Known { usual: "21", supported: &["8", "11", "17", "21", "25"] };
pub(super) const RUBY: Known = Known { usual: "3.4", supported: &["3.2", "3.3", "3.4"] };
pub(super) const PHP: Known = Known { usual: "8.4", supported: &["8.2", "8.3", "8.4"] };
pub(super) const ELIXIR: Known = Known { usual: "1.18", supported: &["1.15", "1.16", "1.17", "1.18"] };
pub(super) const DOTNET: Known = Known { usual: "9.0", supported: &["8.0", "9.0", "10.0"] };
pub(super) const DENO: Known = Known { usual: "2", supported: &[] };
pub(super) const BUN: Known = Known { usual: "1", supported: &[] };

/// The names of Node's long-term versions.
const NODE_NAMES: [(&str, &str); 6] = [
    ("gallium", "16"),
    ("hydrogen", "18"),
    ("iron", "20"),
    ("jod", "22"),
    ("krypton", "24"),
    ("fermium", "14"),
];

fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

/// The parts of a version that are numbers, as far as they go: `v20.11.x` is `20.11`.
fn cleaned(version: &str) -> String {
    let version = version.trim().trim_start_matches(['v', 'V', '=']).trim();
    let numbers: Vec<&str> = version
        .split('.')
        .take(3)
        .map_while(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            // More digits than any version has are none.
            (end > 0 && end < 6).then(|| (&part[..end], end == part.len()))
        })
        .scan(true, |whole, (part, is_whole)| std::mem::replace(whole, is_whole).then_some(part))
        .collect();
    numbers.join(".")
}

fn cut(version: &str, parts: usize) -> String {
    version.split('.').take(parts).collect::<Vec<_>>().join(".")
}

/// The version that is taken when this is asked for. `parts` is how many numbers make a line of versions: 1 for Node, 2 for Python.
/// `None` when it cannot be read, or asks for nothing.
pub(super) fn taken(asked: &str, known: &Known, parts: usize) -> Option<String> {
    let asked = asked.trim().trim_matches(['"', '\'']).trim();
    if matches!(
        asked,
        "" | "*" | "x" | "latest" | "current" | "stable" | "node" | "lts/*" | "lts" | "--lts" | "system"
    ) {
        return None;
    }
    if let Some(name) = asked.strip_prefix("lts/").or_else(|| asked.strip_prefix("lts-")) {
        return NODE_NAMES.iter().find(|(known, _)| *known == name).map(|(_, version)| (*version).to_owned());
    }
    // Of alternatives, the newest that is supported.
    let choices: Vec<String> = asked.split("||").filter_map(|range| range_of(range, known, parts)).collect();
    let supported = |choice: &&String| known.supported.contains(&cut(choice, parts).as_str());
    let newest =
        |choices: &mut dyn Iterator<Item = &String>| choices.max_by_key(|choice| numbers(choice)).cloned();
    newest(&mut choices.iter().filter(supported)).or_else(|| newest(&mut choices.iter()))
}

fn range_of(range: &str, known: &Known, parts: usize) -> Option<String> {
    // "1 - 3" is a range from here to there.
    if let Some((low, high)) = range.split_once(" - ") {
        return range_of(&format!(">={} <={}", low.trim(), high.trim()), known, parts);
    }
    let spaced = range.replace(',', " ");
    let (mut low, mut high, mut exact) = (None, None, None);
    let mut operator = String::new();
    for word in spaced.split_whitespace() {
        let end = word.find(|c: char| c.is_ascii_digit() || c == 'v' || c == '*').unwrap_or(word.len());
        operator.push_str(&word[..end]);
        let version = cleaned(&word[end..]);
        if version.is_empty() {
            continue;
        }
        match operator.as_str() {
            ">=" | ">" => low = Some(version),
            "<" => high = Some((version, false)),
            "<=" => high = Some((version, true)),
            "!=" => {}
            "" | "=" | "==" | "===" => exact = Some(version),
            // `^20.1`, `~> 3.2`, `~=3.11`: the newest of that line.
            _ => exact = Some(cut(&version, parts)),
        }
        operator.clear();
    }
    if exact.is_some() {
        return exact;
    }
    let least = low.as_deref().map(numbers).unwrap_or_default();
    let fits = |version: &str| {
        let line = numbers(version);
        let low_fits = line >= least.iter().copied().take(parts).collect::<Vec<_>>();
        let high_fits = high.as_ref().is_none_or(|(high, included)| {
            let high = numbers(high);
            if *included { line <= high.iter().copied().take(parts).collect() } else { line < high }
        });
        low_fits && high_fits
    };
    if low.is_none() && high.is_none() {
        return None;
    }
    if fits(known.usual) {
        return Some(known.usual.to_owned());
    }
    let newest = known.supported.iter().rev().find(|version| fits(version));
    newest.map(|version| (*version).to_owned()).or_else(|| low.map(|low| cut(&low, parts)))
}

/// Whether a version is older than all that are supported.
pub(super) fn is_old(version: &str, known: &Known, parts: usize) -> bool {
    let line: Vec<u64> = numbers(version).into_iter().take(parts).collect();
    known.supported.first().is_some_and(|oldest| !line.is_empty() && line < numbers(oldest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_becomes_a_version_that_images_have() {
        for (asked, expected) in [
            ("20", Some("20")),
            ("v20.11.1", Some("20.11.1")),
            ("20.x", Some("20")),
            ("^18.17.0 || >=20.5.0", Some("22")),
            ("18 || 20", Some("20")),
            (">=18", Some("22")),
            (">= 18.0.0 <21", Some("20")),
            (">=24", Some("24")),
            ("<=20", Some("20")),
            ("18 - 20", Some("20")),
            ("16.x", Some("16")),
            ("lts/iron", Some("20")),
            ("lts/*", None),
            ("*", None),
            ("node", None),
            (">=99", Some("99")),
            ("99999999999999999999", None),
            ("rubbish", None),
        ] {
            assert_eq!(taken(asked, &NODE, 1).as_deref(), expected, "{asked}");
        }
        for (asked, expected) in [
            (">=3.10", Some("3.13")),
            (">=3.10,<3.12", Some("3.11")),
            ("^3.11", Some("3.11")),
            ("~=3.11.2", Some("3.11")),
            ("3.12.*", Some("3.12")),
            ("==3.12.4", Some("3.12.4")),
            ("3.12.4", Some("3.12.4")),
        ] {
            assert_eq!(taken(asked, &PYTHON, 2).as_deref(), expected, "{asked}");
        }
        assert!(is_old("16.20", &NODE, 1) && !is_old("20.1", &NODE, 1) && is_old("3.8", &PYTHON, 2));
    }
}
