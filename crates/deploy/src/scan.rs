//! Reads what a scanner has found in an image: the JSON of `trivy image --format json` and of `grype -o json`.

use std::{cmp::Ordering, collections::HashSet, fs::File, io::Read, path::Path};

use flate2::read::GzDecoder;
use serde::Deserialize;
use steadyhand_domain::Timestamp;
use steadyhand_store::records::{Scan, Scanner, Severity, SeverityCounts, Vulnerability};

/// The most that is read, in bytes.
const LARGEST: u64 = 256 << 20;
/// The most vulnerabilities that are listed; all are counted.
const MOST: usize = 1000;
/// The longest text of one that is kept, in characters.
const LONGEST: usize = 240;

/// Reads the packed answer of a scanner.
///
/// # Errors
/// Why it cannot be read, for people.
pub(crate) fn read(
    scanner: &str,
    version: Option<&str>,
    file: &Path,
    now: Timestamp,
) -> Result<Scan, String> {
    let mut text = Vec::new();
    let read =
        File::open(file).and_then(|file| GzDecoder::new(file).take(LARGEST + 1).read_to_end(&mut text));
    read.map_err(|error| format!("what the scanner has found cannot be read here: {error}"))?;
    if text.len() as u64 > LARGEST {
        return Err(format!("what the scanner has found is longer than {} MB", LARGEST >> 20));
    }
    scan(scanner, version, &text, now)
}

/// The same of what is unpacked.
fn scan(scanner: &str, version: Option<&str>, text: &[u8], now: Timestamp) -> Result<Scan, String> {
    let unreadable = |error: serde_json::Error| {
        format!("what {scanner} has written is not the JSON that it is known for: {error}")
    };
    let (scanner, own_version, found) = match scanner {
        "trivy" => {
            let answer: Trivy = serde_json::from_slice(text).map_err(unreadable)?;
            let version = answer.trivy.and_then(|trivy| trivy.version);
            let all = answer.results.into_iter().flatten().flat_map(|result| result.vulnerabilities);
            (Scanner::Trivy, version, all.flatten().map(TrivyFound::vulnerability).collect::<Vec<_>>())
        }
        "grype" => {
            let answer: Grype = serde_json::from_slice(text).map_err(unreadable)?;
            let version = answer.descriptor.and_then(|descriptor| descriptor.version);
            (Scanner::Grype, version, answer.matches.into_iter().map(Match::vulnerability).collect())
        }
        other => return Err(format!("this version of Steadyhand does not know the scanner {other}")),
    };
    let mut found = found;
    found.sort_by(order);
    // The same package may lie in an image more than once, and sources may call it severe in different degrees: the most severe stays.
    let mut seen = HashSet::new();
    found.retain(|one| seen.insert((one.id.clone(), one.package.clone(), one.installed.clone())));
    let mut counts = SeverityCounts::default();
    for one in &found {
        counts.add(one.severity);
    }
    let left_out = u32::try_from(found.len().saturating_sub(MOST)).unwrap_or(u32::MAX);
    found.truncate(MOST);
    let version = version.map(str::to_owned).or(own_version).as_deref().and_then(line);
    Ok(Scan { scanner, version, scanned_at: now, counts, found: Some(found), left_out })
}

/// The most severe first, then those that can be mended, then by package.
fn order(a: &Vulnerability, b: &Vulnerability) -> Ordering {
    let by = |one: &Vulnerability| (one.severity, one.fixed.is_none());
    by(a).cmp(&by(b)).then_with(|| (&a.package, &a.id, &a.installed).cmp(&(&b.package, &b.id, &b.installed)))
}

/// A text as one short line; none where there is nothing in it.
fn line(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let mut line = words.next()?.to_owned();
    for word in words {
        if line.len() + word.len() > 4 * LONGEST {
            break;
        }
        line.push(' ');
        line.push_str(word);
    }
    if line.chars().count() > LONGEST {
        line = line.chars().take(LONGEST - 1).chain(['…']).collect();
    }
    Some(line)
}

/// An address that a page may lead to.
fn web(address: String) -> Option<String> {
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    (is_web && address.len() <= 500 && !address.contains(char::is_whitespace)).then_some(address)
}

fn severity(word: &str) -> Severity {
    match word.to_ascii_lowercase().as_str() {
        "critical" => Severity::Critical,
        "high" => Severity::High,
        "medium" => Severity::Medium,
        "low" | "negligible" => Severity::Low,
        _ => Severity::Unknown,
    }
}

/// What `trivy image --format json` writes: `SchemaVersion` 2, since 0.20. Fields without a value are left out by it, and
/// lists without one may be `null`.
#[derive(Deserialize)]
struct Trivy {
    /// There since 0.69.
    #[serde(rename = "Trivy")]
    trivy: Option<TrivyItself>,
    #[serde(rename = "Results", default)]
    results: Option<Vec<TrivyResult>>,
    /// Never left out, so that another document is not taken for one that has found nothing.
    #[serde(rename = "SchemaVersion")]
    _schema: u32,
}

#[derive(Deserialize)]
struct TrivyItself {
    #[serde(rename = "Version")]
    version: Option<String>,
}

/// What was found in the packages of the system, or in a lock file.
#[derive(Deserialize)]
struct TrivyResult {
    #[serde(rename = "Vulnerabilities", default)]
    vulnerabilities: Option<Vec<TrivyFound>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyFound {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    pkg_name: String,
    #[serde(default)]
    installed_version: String,
    #[serde(default)]
    fixed_version: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(rename = "PrimaryURL", default)]
    primary_url: String,
}

impl TrivyFound {
    fn vulnerability(self) -> Vulnerability {
        Vulnerability {
            id: line(&self.id).unwrap_or_default(),
            package: line(&self.pkg_name).unwrap_or_default(),
            installed: line(&self.installed_version).unwrap_or_default(),
            fixed: line(&self.fixed_version),
            severity: severity(&self.severity),
            title: line(&self.title).or_else(|| line(&self.description)),
            link: web(self.primary_url),
        }
    }
}

/// What `grype -o json` writes.
#[derive(Deserialize)]
struct Grype {
    matches: Vec<Match>,
    descriptor: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    version: Option<String>,
}

#[derive(Deserialize)]
struct Match {
    vulnerability: GrypeFound,
    artifact: Artifact,
}

#[derive(Deserialize)]
struct GrypeFound {
    id: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    description: String,
    #[serde(rename = "dataSource", default)]
    data_source: String,
    fix: Option<Fix>,
}

#[derive(Deserialize)]
struct Fix {
    #[serde(default)]
    versions: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Artifact {
    name: String,
    #[serde(default)]
    version: String,
}

impl Match {
    fn vulnerability(self) -> Vulnerability {
        let Self { vulnerability: found, artifact } = self;
        let fixed = found.fix.and_then(|fix| fix.versions).unwrap_or_default().join(", ");
        Vulnerability {
            id: line(&found.id).unwrap_or_default(),
            package: line(&artifact.name).unwrap_or_default(),
            installed: line(&artifact.version).unwrap_or_default(),
            fixed: line(&fixed),
            severity: severity(&found.severity),
            title: line(&found.description),
            link: web(found.data_source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made up, in the format of Trivy 0.70.
    const TRIVY: &str = include_str!("../tests/scans/trivy.json");
    /// Made up, in the format of Grype 0.90.
    const GRYPE: &str = include_str!("../tests/scans/grype.json");

    fn told(scan: &Scan) -> Vec<String> {
        let found = scan.found.iter().flatten();
        found
            .map(|one| {
                let fixed = one.fixed.as_deref().unwrap_or("-");
                let (title, link) = (one.title.as_deref(), one.link.as_deref());
                format!(
                    "{:?} {} {} {} → {fixed}: {} <{}>",
                    one.severity,
                    one.id,
                    one.package,
                    one.installed,
                    title.unwrap_or("-"),
                    link.unwrap_or("-")
                )
            })
            .collect()
    }

    #[test]
    fn what_trivy_has_found_is_read() {
        let scan = scan("trivy", Some("0.70.0"), TRIVY.as_bytes(), Timestamp(7)).expect("read");
        assert_eq!((scan.scanner, scan.version.as_deref()), (Scanner::Trivy, Some("0.70.0")));
        assert_eq!((scan.scanned_at, scan.left_out), (Timestamp(7), 0));
        let counts = SeverityCounts { critical: 1, high: 2, medium: 1, low: 1, unknown: 1 };
        assert_eq!(scan.counts, counts);
        insta::assert_snapshot!("trivy", told(&scan).join("\n"));
    }

    #[test]
    fn what_grype_has_found_is_read() {
        let scan = scan("grype", None, GRYPE.as_bytes(), Timestamp(7)).expect("read");
        assert_eq!((scan.scanner, scan.version.as_deref()), (Scanner::Grype, Some("0.90.0")));
        let counts = SeverityCounts { critical: 1, high: 1, medium: 0, low: 2, unknown: 1 };
        assert_eq!(scan.counts, counts);
        insta::assert_snapshot!("grype", told(&scan).join("\n"));
    }

    #[test]
    fn what_is_told_twice_is_listed_and_counted_once_as_severe_as_the_worst_says() {
        let one = |severity: &str, package: &str| {
            serde_json::json!({
                "vulnerability": { "id": "CVE-2099-1", "severity": severity, "dataSource": format!("https://x/{severity}") },
                "artifact": { "name": package, "version": "1" },
            })
        };
        // Another one stands between the two when they are sorted.
        let matches =
            [one("Low", "a"), one("High", "b"), one("Critical", "a"), one("Medium", "a"), one("High", "b")];
        let answer = serde_json::json!({ "matches": matches }).to_string();
        let scan = scan("grype", None, answer.as_bytes(), Timestamp(0)).expect("read");
        assert_eq!(scan.counts, SeverityCounts { critical: 1, high: 1, ..SeverityCounts::default() });
        let listed = told(&scan);
        assert_eq!(listed.len(), 2, "{listed:#?}");
        assert!(
            listed[0].starts_with("Critical CVE-2099-1 a 1") && listed[1].starts_with("High CVE-2099-1 b 1")
        );
    }

    #[test]
    fn an_image_in_which_nothing_was_found_is_told_from_what_is_no_answer() {
        let empty = |scanner: &str, text: &str| {
            let scan = scan(scanner, None, text.as_bytes(), Timestamp(0))?;
            assert_eq!((scan.counts, scan.found), (SeverityCounts::default(), Some(Vec::new())));
            Ok::<_, String>(scan.version)
        };
        assert_eq!(empty("trivy", r#"{"SchemaVersion": 2}"#), Ok(None));
        let clean = r#"{"SchemaVersion": 2, "Trivy": {"Version": "0.71.0"}, "Results": [{"Target": "x", "Vulnerabilities": null}]}"#;
        assert_eq!(empty("trivy", clean), Ok(Some("0.71.0".to_owned())));
        assert_eq!(empty("grype", r#"{"matches": []}"#), Ok(None));
        for (scanner, text) in
            [("trivy", "{}"), ("trivy", ""), ("trivy", "[]"), ("grype", "{}"), ("grype", "FATAL")]
        {
            let why = empty(scanner, text).expect_err("no answer of a scanner");
            assert!(why.contains(scanner), "{why}");
        }
        assert!(empty("clair", "{}").expect_err("unknown").contains("clair"));
    }

    #[test]
    fn of_very_many_the_most_severe_are_listed_and_all_are_counted() {
        let one = |number: usize| {
            let severity = if number.is_multiple_of(2) { "LOW" } else { "HIGH" };
            serde_json::json!({
                "VulnerabilityID": format!("CVE-{number}"), "PkgName": "p", "InstalledVersion": "1",
                "Severity": severity, "Title": "t".repeat(10_000), "PrimaryURL": "javascript:alert(1)",
            })
        };
        let all: Vec<_> = (0..3000).map(one).collect();
        let answer = serde_json::json!({ "SchemaVersion": 2, "Results": [{ "Vulnerabilities": all }] });
        let scan = scan("trivy", None, answer.to_string().as_bytes(), Timestamp(0)).expect("read");
        assert_eq!((scan.counts.high, scan.counts.low, scan.left_out), (1500, 1500, 2000));
        let found = scan.found.expect("a list");
        assert!(found.len() == MOST && found.iter().all(|one| one.severity == Severity::High));
        let title = found[0].title.as_deref().expect("a title");
        assert_eq!(title.chars().count(), LONGEST);
        assert_eq!(found[0].link, None);
    }
}
