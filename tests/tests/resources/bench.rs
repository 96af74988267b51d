//! Checks and runs of plans for one host, and what is seen there before and after.

use std::collections::HashMap;

use serde_json::Value;
use steadyhand_tests::{
    command::steady,
    debian::{DEPLOY, Debian, WALLED},
};
use tempfile::TempDir;

use crate::tables::Row;

/// A step of a run or a check: what was found, and what was said to differ.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) step: String,
    /// `change`, `ok`, `unknown`, `failed`.
    pub(crate) verdict: String,
    pub(crate) differences: Vec<String>,
}

/// An app, and the host that its plans are about, as a user of it.
pub(crate) struct Bench<'a> {
    host: &'a Debian,
    user: &'a str,
    data: TempDir,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(host: &'a Debian, user: &'a str) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        host.is_known_in(data.path());
        let bench = Self { host, user, data };
        // What an app leaves on a host that it has not been on is there from now on.
        bench.run(&["run: 'true'"]);
        bench
    }

    fn plan(&self, steps: &[&str]) -> String {
        let sudo = if self.user == DEPLOY { "    sudo: true\n" } else { "" };
        let mut plan = format!(
            "name: shop\nhosts:\n  web1: {}\ntasks:\n  settle:\n    on: web1\n{sudo}    steps:\n",
            self.host.host(self.user)
        );
        for step in steps {
            plan.push_str(&format!("      - {step}\n"));
        }
        plan
    }

    /// What `steady --format json run` with these arguments writes, line by line.
    pub(crate) fn steady(&self, steps: &[&str], arguments: &[&str]) -> Vec<Value> {
        let plan = self.data.path().join("plan.yaml");
        std::fs::write(&plan, self.plan(steps)).expect("the plan");
        let plan = plan.to_str().expect("a path");
        let mut command = steady(self.data.path(), &[&["--format", "json", "run", plan], arguments].concat());
        let output = command.as_std_mut().output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    pub(crate) fn check(&self, steps: &[&str]) -> Vec<Told> {
        let said = self.steady(steps, &["--check"]);
        let steps = said[0]["steps"].as_array().unwrap_or_else(|| panic!("{said:?}"));
        let told = steps.iter().map(|step| {
            let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
            Told {
                step: text("step"),
                verdict: text("verdict"),
                differences: differences(text("text").lines()),
            }
        });
        told.collect()
    }

    pub(crate) fn run(&self, steps: &[&str]) -> Vec<Told> {
        let said = self.steady(steps, &[]);
        let mut logs: HashMap<String, String> = HashMap::new();
        for line in said.iter().filter(|line| line["kind"] == "line") {
            let log = logs.entry(line["step_id"].as_str().expect("a step").to_owned()).or_default();
            log.push_str(line["text"].as_str().expect("text"));
            log.push('\n');
        }
        let end = said.last().expect("an end");
        let steps = end["run"]["steps"].as_array().unwrap_or_else(|| panic!("{end}"));
        let told = steps.iter().map(|step| {
            let log = logs.get(step["id"].as_str().expect("an id")).cloned().unwrap_or_default();
            let verdict = match (step["state"].as_str(), step["changed"].as_bool()) {
                (Some("completed"), Some(true)) => "change",
                (Some("completed"), _) => "ok",
                _ => panic!("{step:#}\n{log}"),
            };
            Told {
                step: step["name"].as_str().unwrap_or_default().to_owned(),
                verdict: verdict.to_owned(),
                differences: differences(log.lines()),
            }
        });
        told.collect()
    }

    /// Checks, which changes nothing, and runs, which changes exactly what the check foretold, everywhere; then checks and
    /// runs once more, and neither finds nor changes anything.
    fn converges(&self, steps: &[&str]) {
        let before = self.host.everything();
        let foretold = self.check(steps);
        same(&before, &self.host.everything(), "a check changed the host");
        for told in &foretold {
            assert_eq!(told.verdict, "change", "{told:#?}");
            assert!(!told.differences.is_empty(), "{told:#?}");
        }
        assert_eq!(self.run(steps), foretold, "a run did not do what the check foretold");
        self.is_settled(steps);
    }

    pub(crate) fn is_settled(&self, steps: &[&str]) {
        let before = self.host.everything();
        for told in self.check(steps).iter().chain(&self.run(steps)) {
            assert_eq!(told.verdict, "ok", "{told:#?}");
            assert!(told.differences.is_empty(), "{told:#?}");
        }
        same(&before, &self.host.everything(), "what is as it should be was changed");
    }

    /// Everything that these say has to be so.
    fn sees<'t>(&self, looks: impl Iterator<Item = &'t str>) {
        let lines = looks.flat_map(str::lines).flat_map(|line| line.split("; ")).map(str::trim);
        // `set -e` takes no notice of what is negated.
        let script: String = lines
            .map(|line| format!("{{ {line}; }} >&2 || {{ echo 'not so: line '$LINENO; exit 1; }}\n"))
            .collect();
        let said = self.host.asked_as(self.user_there(), &format!("exec 2>/dev/null\n({script}) || true\n"));
        assert_eq!(said, "", "{script}");
    }

    /// Who looks and breaks: root, in the network of whoever the app logs in as.
    fn user_there(&self) -> &str {
        if self.user == WALLED { WALLED } else { "root" }
    }

    pub(crate) fn table<'r>(&self, rows: impl IntoIterator<Item = &'r Row>) {
        let rows: Vec<&Row> = rows.into_iter().collect();
        let present: Vec<&str> = rows.iter().map(|row| row.present).collect();
        self.converges(&present);
        self.sees(rows.iter().map(|row| row.look));
        let drift: String = rows.iter().map(|row| format!("{{ {}; }} >/dev/null\n", row.drift)).collect();
        let _ = self.host.asked_as(self.user_there(), &drift);
        self.converges(&present);
        self.sees(rows.iter().map(|row| row.look));
    }

    pub(crate) fn undoes<'r>(&self, rows: impl IntoIterator<Item = &'r Row>) {
        let rows: Vec<&Row> = rows.into_iter().collect();
        // What was made last goes first.
        let absent: Vec<&str> = rows.iter().rev().map(|row| row.absent).collect();
        self.converges(&absent);
        self.sees(rows.iter().map(|row| row.gone));
    }
}

/// The lines that name a difference.
fn differences<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<String> {
    lines.filter(|line| line.starts_with("~ ")).map(str::to_owned).collect()
}

pub(crate) fn same(before: &[String], after: &[String], what: &str) {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| those.binary_search(line).is_err()).cloned().collect()
    };
    let (gone, new) = (only(before, after), only(after, before));
    assert!(gone.is_empty() && new.is_empty(), "{what}:\n- {}\n+ {}", gone.join("\n- "), new.join("\n+ "));
}
