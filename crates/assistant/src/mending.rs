//! Changes of the plan that mend a failed deployment: small ones, which a rule of the catalogue asks for and nothing else.

use steadyhand_plan::{check, edit};

use crate::diagnose::{Finding, FixKind};

/// A plan that may do better, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mended {
    pub(crate) source: String,
    pub(crate) title: String,
    pub(crate) note: String,
}

/// The plan with the first change that a finding asks for and that is sure to be the right one, if there is any.
pub(crate) fn mended(source: &str, finding: &Finding) -> Option<Mended> {
    let named = |name: &str| finding.captures.get(name).map(String::as_str);
    let mended = finding.fixes.iter().find_map(|fix| match fix.kind {
        FixKind::RaiseMemory => more_memory(source, named("memory")),
        FixKind::AllowWriting => writable(source),
        FixKind::ChangeAppPort => other_port(source, named("port"), named("other"), named("loopback")),
        FixKind::ChangeHealthPath => other_path(source, named("path")),
        FixKind::ChangePort | FixKind::Command | FixKind::Retry | FixKind::Advice => None,
    })?;
    let is_right = !check(&mended.source).diagnostics.iter().any(|problem| problem.is_error());
    is_right.then_some(mended)
}

/// The port that Caddy could not have, so that it can be told who has it.
pub(crate) fn port_of_names(finding: &Finding) -> Option<u16> {
    (finding.id == "container_names_port_taken").then(|| finding.captures.get("port")?.parse().ok()).flatten()
}

fn more_memory(source: &str, limit: Option<&str>) -> Option<Mended> {
    let now = edit::app_value(source, "resources", "memory")?;
    // A plan that was changed since may have more already.
    if limit.is_some_and(|limit| !limit.eq_ignore_ascii_case(&now)) {
        return None;
    }
    let more = doubled(&now)?;
    let source = edit::set_app(source, "resources", "memory", &more)?;
    let note = format!("twice the {now} that its container may use now");
    Some(Mended { source, title: format!("Give it {more} of memory"), note })
}

/// Twice as much memory, as plans write it.
fn doubled(memory: &str) -> Option<String> {
    let digits = memory.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = memory.split_at(digits);
    let twice = number.parse::<u64>().ok()?.checked_mul(2)?;
    let larger = match unit.to_ascii_lowercase().as_str() {
        "k" => "m",
        "m" => "g",
        "" | "b" | "g" => return Some(format!("{twice}{unit}")),
        _ => return None,
    };
    Some(if twice % 1024 == 0 { format!("{}{larger}", twice / 1024) } else { format!("{twice}{unit}") })
}

fn writable(source: &str) -> Option<Mended> {
    let source = edit::set_app(source, "", "read_only", "false")?;
    let note = "what it writes outside of volumes is lost with each deployment".to_owned();
    Some(Mended { source, title: "Let its containers write anywhere".to_owned(), note })
}

/// What listens on its own loopback alone is not reached at any port.
fn other_port(
    source: &str,
    port: Option<&str>,
    other: Option<&str>,
    loopback: Option<&str>,
) -> Option<Mended> {
    let (port, other) = (port?, other?);
    let number: u16 = other.parse().ok().filter(|number| *number > 0)?;
    let now = edit::app_value(source, "", "port");
    if loopback.is_some() || other == port || now.is_some_and(|now| now != port) {
        return None;
    }
    let source = edit::set_app(source, "", "port", other)?;
    let note = "the port that its log names".to_owned();
    Some(Mended { source, title: format!("Use port {number} of the container"), note })
}

fn other_path(source: &str, path: Option<&str>) -> Option<Mended> {
    let path = path.filter(|path| *path != "/")?;
    if edit::app_value(source, "health", "path")? != path {
        return None;
    }
    let source = edit::set_app(source, "health", "path", "/")?;
    Some(Mended { source, title: format!("Ask / instead of {path}"), note: "its first page".to_owned() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::diagnose::{Confidence, Fix};

    const PLAN: &str = "name: shop\nhosts: { web1: deploy@203.0.113.10 }\napp:\n  on: web1\n  source: { image: \"nginx:1.27\" }\n  \
                        resources: { memory: 512m }\n  health: { path: /health }\n";

    fn finding(kind: FixKind, captures: &[(&str, &str)]) -> Finding {
        let captures = captures.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Finding {
            id: "x".into(),
            title: String::new(),
            explanation: String::new(),
            confidence: Confidence::Certain,
            citations: Vec::new(),
            captures: captures.collect::<BTreeMap<_, _>>(),
            fixes: vec![Fix { title: String::new(), kind, detail: String::new(), command: None }],
        }
    }

    #[track_caller]
    fn check(kind: FixKind, captures: &[(&str, &str)], expected: Option<(&str, &str)>) {
        let found = mended(PLAN, &finding(kind, captures));
        assert_eq!(found.map(|found| found.source), expected.map(|(old, new)| PLAN.replace(old, new)));
    }

    #[test]
    fn what_a_finding_asks_for_is_the_only_change() {
        check(FixKind::RaiseMemory, &[("memory", "512m")], Some(("memory: 512m", "memory: 1g")));
        check(FixKind::RaiseMemory, &[], Some(("memory: 512m", "memory: 1g")));
        check(FixKind::AllowWriting, &[], Some(("/health }\n", "/health }\n  read_only: false\n")));
        let other = [("port", "3000"), ("other", "8080")];
        check(FixKind::ChangeAppPort, &other, Some(("/health }\n", "/health }\n  port: 8080\n")));
        check(FixKind::ChangeHealthPath, &[("path", "/health")], Some(("path: /health", "path: /")));
    }

    #[test]
    fn what_would_not_help_is_not_proposed() {
        check(FixKind::RaiseMemory, &[("memory", "256m")], None);
        check(FixKind::ChangeAppPort, &[("port", "3000")], None);
        check(FixKind::ChangeAppPort, &[("port", "3000"), ("other", "3000")], None);
        check(FixKind::ChangeAppPort, &[("port", "3000"), ("other", "99999")], None);
        let loopback = [("port", "3000"), ("other", "5000"), ("loopback", "127.0.0.1:5000")];
        check(FixKind::ChangeAppPort, &loopback, None);
        check(FixKind::ChangeHealthPath, &[("path", "/up")], None);
        check(FixKind::Advice, &[], None);
        let writes = PLAN.replace("app:\n", "app:\n  read_only: false\n");
        assert_eq!(mended(&writes, &finding(FixKind::AllowWriting, &[])), None);
    }

    #[test]
    fn memory_is_doubled_in_the_unit_that_it_has_or_the_next() {
        for (memory, twice) in
            [("512m", "1g"), ("64m", "128m"), ("768M", "1536M"), ("2g", "4g"), ("512k", "1m")]
        {
            assert_eq!(doubled(memory).as_deref(), Some(twice), "{memory}");
        }
        for memory in ["${{ vars.memory }}", "", "1.5g", "lots"] {
            assert_eq!(doubled(memory), None, "{memory}");
        }
    }
}
