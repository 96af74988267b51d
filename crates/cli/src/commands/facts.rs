//! `steady facts`.

use std::path::Path;

use steadyhand_api::Api;
use steadyhand_domain::{Disk, FACTS, Facts};

use crate::{
    ask,
    exit::Exit,
    output::{Colour, Failure, Output},
    terminal_text::plain,
    words,
};

/// The plan that is looked at when none is named, in the current folder.
const USUAL_PLAN: &str = "plan.yaml";

pub(crate) async fn facts(
    api: &Api,
    output: &mut Output,
    host: &str,
    plan: Option<&Path>,
) -> Result<Exit, Failure> {
    let usual = Path::new(USUAL_PLAN);
    let plan = plan.or_else(|| usual.exists().then_some(usual));
    let facts = ask::answering(api, output, api.facts_of(host, plan)).await?;
    output.document(&facts)?;
    for line in lines(&facts, |text| output.paint(Colour::Grey, text)) {
        output.line(&line)?;
    }
    Ok(Exit::Done)
}

/// A line for each fact; lists have one for each item.
fn lines(facts: &Facts, grey: impl Fn(&str) -> String) -> Vec<String> {
    let width = FACTS.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
    let mut lines = Vec::new();
    for (name, _) in FACTS {
        let values = values(facts, name);
        if values.is_empty() {
            lines.push(format!("{name:<width$}{}", grey("not known")));
        }
        for (number, value) in values.iter().enumerate() {
            let name = if number == 0 { name } else { "" };
            lines.push(format!("{name:<width$}{}", plain(value)));
        }
    }
    lines
}

fn values(facts: &Facts, name: &str) -> Vec<String> {
    match name {
        "disks" => {
            let disks = facts.disks.as_deref().unwrap_or_default();
            let width = disks.iter().map(|disk| disk.mount.chars().count()).max().unwrap_or(0);
            let line = |Disk { mount, size, free }: &Disk| {
                format!("{mount:<width$}  {} of {} free", words::bytes(*free), words::bytes(*size))
            };
            disks.iter().map(line).collect()
        }
        "addresses" => {
            facts.addresses.as_ref().map_or_else(Vec::new, |addresses| match addresses.as_slice() {
                [] => vec!["none".to_owned()],
                addresses => addresses.to_vec(),
            })
        }
        "memory" => {
            facts.memory.iter().map(|memory| format!("{memory} ({})", words::bytes(*memory))).collect()
        }
        "clock_offset" => facts
            .clock_offset
            .iter()
            .map(|seconds| match seconds {
                seconds if *seconds > 0.0 => format!("{seconds} (seconds ahead of this machine)"),
                seconds if *seconds < 0.0 => format!("{seconds} (seconds behind this machine)"),
                _ => "0 (as on this machine)".to_owned(),
            })
            .collect(),
        name => facts.get(name).iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_aligned_and_what_is_not_known_says_so() {
        let disk = |mount: &str| Disk { mount: mount.to_owned(), size: 3 << 30, free: 1 << 29 };
        let facts = Facts {
            os: Some("linux".to_owned()),
            memory: Some(8_589_934_592),
            disks: Some(vec![disk("/"), disk("/srv/data")]),
            addresses: Some(vec!["10.0.0.5".to_owned(), "fe80::1".to_owned()]),
            clock_offset: Some(-2.5),
            ..Facts::default()
        };
        let lines = lines(&facts, |text| format!("<{text}>"));
        assert_eq!(lines[0], "os                 linux");
        assert_eq!(lines[1], "os_family          <not known>");
        for line in [
            "memory             8589934592 (8.0 GiB)",
            "disks              /          512.0 MiB of 3.0 GiB free",
            "                   /srv/data  512.0 MiB of 3.0 GiB free",
            "addresses          10.0.0.5",
            "                   fe80::1",
            "clock_offset       -2.5 (seconds behind this machine)",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line:?}: {lines:#?}");
        }
        assert_eq!(lines.len(), FACTS.len() + 2);
    }
}
