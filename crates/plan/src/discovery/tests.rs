//! Answers as they come, and plans that have what was found.

use super::*;
use crate::{CompiledHost, CompiledPlan, check, compile};

/// What `tailscale status --json` prints, shortened to what matters here. The machines are made up.
const STATUS: &str = r#"{
  "Version": "1.76.6-t1edcf9d46-gd0a6cd8b2", "TUN": true, "BackendState": "Running", "HaveNodeKey": true, "AuthURL": "",
  "TailscaleIPs": ["100.100.1.1", "fd7a:115c:a1e0::1"],
  "Self": {
    "ID": "n1CNTRL", "HostName": "laptop", "DNSName": "laptop.tail1a2b3.ts.net.", "OS": "linux", "UserID": 7,
    "TailscaleIPs": ["100.100.1.1", "fd7a:115c:a1e0::1"], "Tags": ["tag:web"], "Online": true
  },
  "Health": [], "MagicDNSSuffix": "tail1a2b3.ts.net", "CertDomains": null,
  "Peer": {
    "nodekey:ffff": {
      "ID": "n2CNTRL", "HostName": "web-1", "DNSName": "web-1.tail1a2b3.ts.net.", "OS": "linux", "UserID": 7,
      "TailscaleIPs": ["fd7a:115c:a1e0::2", "100.100.1.2"], "Tags": ["tag:web", "tag:prod"], "Online": true, "Relay": "fra"
    },
    "nodekey:aaaa": {
      "ID": "n3CNTRL", "HostName": "web-2", "DNSName": "web-2.tail1a2b3.ts.net.", "OS": "linux", "UserID": 7,
      "TailscaleIPs": ["fd7a:115c:a1e0::3"], "Tags": ["tag:web"], "Online": true
    },
    "nodekey:bbbb": {
      "ID": "n4CNTRL", "HostName": "web-3", "DNSName": "web-3.tail1a2b3.ts.net.", "OS": "linux", "UserID": 7,
      "TailscaleIPs": ["100.100.1.4"], "Tags": ["tag:web"], "Online": false, "LastSeen": "2026-11-01T10:00:00Z"
    },
    "nodekey:cccc": {
      "ID": "n5CNTRL", "HostName": "Ana's MacBook", "DNSName": "", "OS": "macOS", "UserID": 9,
      "TailscaleIPs": ["100.100.1.5"], "Online": true
    },
    "nodekey:dddd": {
      "ID": "n6CNTRL", "HostName": "web-1", "DNSName": "web-1.tail9z9z9.ts.net.", "OS": "linux", "UserID": 11,
      "TailscaleIPs": ["100.101.7.7"], "Tags": null, "Online": true
    },
    "nodekey:eeee": null,
    "nodekey:9999": {
      "ID": "n7CNTRL", "HostName": "web-9", "DNSName": "web-9.tail1a2b3.ts.net.", "TailscaleIPs": null,
      "Tags": ["tag:web"], "Online": true
    },
    "nodekey:8888": {
      "ID": "n8CNTRL", "HostName": "hello", "DNSName": "hello.ts.net.", "ShareeNode": true,
      "TailscaleIPs": ["100.101.102.103"], "Tags": ["tag:web"], "Online": true
    }
  },
  "User": { "7": { "ID": 7, "LoginName": "ana@example.com", "DisplayName": "Ana" } }
}"#;

fn plan(text: &str) -> Plan {
    let source = format!("name: a\n{text}\ntasks:\n  t:\n    on: web\n    steps:\n      - run: x\n");
    let checked = check(&source);
    checked.plan.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}

/// The plan with these answers to what it looks for.
fn found(text: &str, answers: &[&str]) -> Result<(CompiledPlan, Vec<String>), Vec<String>> {
    let plan = plan(text);
    let said = |problems: Vec<Diagnostic>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let discoveries = plan.discoveries(&Inputs::default()).map_err(said)?;
    assert_eq!(discoveries.len(), answers.len());
    let mut found = Vec::new();
    for (discovery, answer) in discoveries.into_iter().zip(answers) {
        let read = discovery.read(answer).map_err(|error| vec![error])?;
        found.push((discovery, read));
    }
    let notes = found.iter().flat_map(|(_, found)| found.notes.clone()).collect();
    let plan = plan.with_discovered(&found).map_err(said)?;
    Ok((compile(&plan, &Inputs::default()).map_err(said)?, notes))
}

/// Each host of a compiled plan as a person would write it.
fn hosts(plan: &CompiledPlan) -> Vec<String> {
    let shown = |(name, host): (&String, &CompiledHost)| match host {
        CompiledHost::Local => "local".to_owned(),
        CompiledHost::Ssh(ssh) => {
            let user = ssh.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
            let port = ssh.port.map(|port| format!(":{port}")).unwrap_or_default();
            let jump = ssh.jump.as_ref().map(|jump| format!(" via {jump}")).unwrap_or_default();
            format!("{name} {user}{}{port}{jump} {}", ssh.address, ssh.tags.join("+")).trim_end().to_owned()
        }
    };
    plan.hosts.iter().map(shown).collect()
}

#[test]
fn machines_of_a_tailnet_come_by_tag_with_ipv4_before_ipv6_and_offline_ones_left_out() {
    let (plan, notes) =
        found("discover: [ { tailscale: { tag: web, into: web, user: deploy } } ]", &[STATUS]).unwrap();
    assert_eq!(hosts(&plan), ["web-1 deploy@100.100.1.2 web+prod", "web-2 deploy@fd7a:115c:a1e0::3 web"]);
    assert_eq!(notes, ["`web-9` has no address and is left out", "`web-3` is offline and left out"]);
    assert_eq!(plan.tasks[0].hosts, ["web-1", "web-2"]);
    let (same, _) =
        found("discover: [ { tailscale: { tag: 'tag:web', into: web, user: deploy } } ]", &[STATUS]).unwrap();
    assert_eq!(same.sha256, plan.sha256);
}

#[test]
fn machines_of_one_name_are_told_apart_and_names_become_those_of_hosts() {
    let (plan, _) = found("discover: [ { tailscale: { into: web } } ]", &[STATUS]).unwrap();
    assert_eq!(
        hosts(&plan),
        [
            "ana-s-macbook 100.100.1.5",
            "web-1.tail1a2b3.ts.net 100.100.1.2 web+prod",
            "web-1.tail9z9z9.ts.net 100.101.7.7",
            "web-2 fd7a:115c:a1e0::3 web"
        ]
    );
    let (plan, _) =
        found("discover: [ { tailscale: { into: web, match: ['web-1.*', 'ANA*'] } } ]", &[STATUS]).unwrap();
    assert_eq!(plan.tasks[0].hosts, ["ana-s-macbook", "web-1.tail1a2b3.ts.net", "web-1.tail9z9z9.ts.net"]);
}

#[test]
fn a_tailnet_that_is_empty_or_not_connected_says_so() {
    let empty = r#"{ "BackendState": "Running", "Peer": null }"#;
    let said = found("discover: [ { tailscale: { tag: web, into: web } } ]", &[empty]).unwrap_err();
    assert!(said[0].contains("`tailscale status --json` has no host for `web`"), "{said:?}");
    let fine = "discover: [ { tailscale: { tag: web, into: web, required: false } } ]";
    let (plan, _) = found(fine, &[empty]).unwrap();
    assert!(plan.steps.is_empty() && plan.tasks[0].hosts.is_empty());
    let stopped = r#"{ "BackendState": "NeedsLogin", "Peer": {} }"#;
    let said = found(fine, &[stopped]).unwrap_err();
    assert!(
        said[0].contains("not connected (its state is NeedsLogin)") && said[0].contains("tailscale up"),
        "{said:?}"
    );
    assert!(
        found(fine, &["tailscale: command failed"]).unwrap_err()[0].contains("not what Tailscale prints")
    );
}

#[test]
fn hosts_of_the_ssh_configuration_leave_to_it_how_they_are_reached() {
    let text = "groups: { web: [db] }\nhosts: { db: d@192.0.2.1 }\ndiscover: [ { ssh_config: { match: web*, into: web } } ]";
    let (plan, _) = found(text, &["web1\nother\nweb2\n"]).unwrap();
    assert_eq!(hosts(&plan), ["db d@192.0.2.1", "web1 web1", "web2 web2"]);
    // What was found comes behind what is declared.
    assert_eq!(plan.tasks[0].hosts, ["db", "web1", "web2"]);
}

const DYNAMIC: &str = r#"{
  "_meta": { "hostvars": {
    "web1": { "ansible_host": "192.0.2.11", "ansible_user": "root", "secret": "x" },
    "db1": { "ansible_host": "192.0.2.21", "ansible_port": 2222, "ansible_ssh_common_args": "-o ProxyJump=bastion" },
    "here": { "ansible_connection": "local" },
    "box": { "ansible_connection": "docker" }
  } },
  "all": { "children": ["ungrouped", "site"], "vars": { "ansible_user": "deploy" } },
  "site": { "children": ["web", "db"], "vars": { "ansible_ssh_private_key_file": "~/.ssh/site" } },
  "web": { "hosts": ["web1", "web2.example.com"] },
  "db": { "hosts": ["db1"], "vars": {} },
  "ungrouped": ["here", "box"]
}"#;

#[test]
fn a_command_prints_an_inventory_whose_groups_become_tags() {
    let (plan, notes) =
        found("discover: [ { command: { run: ./inventory.sh --list, into: web, port: 22 } } ]", &[DYNAMIC])
            .unwrap();
    assert_eq!(
        hosts(&plan),
        [
            "db1 deploy@192.0.2.21:2222 via bastion site+db",
            "web1 root@192.0.2.11:22 site+web",
            "web2.example.com deploy@web2.example.com:22 site+web"
        ]
    );
    assert_eq!(
        notes,
        [
            "`here` is this machine and left out: a plan calls it `local`",
            "`box` is reached by docker, not by SSH, and left out"
        ]
    );
    let one = "discover: [ { command: { run: x, into: web, group: db } } ]";
    assert_eq!(found(one, &[DYNAMIC]).unwrap().0.tasks[0].hosts, ["db1"]);
    let said = found("discover: [ { command: { run: x, into: web, group: wbe } } ]", &[DYNAMIC]).unwrap_err();
    assert_eq!(said, ["it printed no group `wbe`; did you mean `web`?"]);
}

#[test]
fn what_is_no_inventory_is_refused() {
    let check = |answer: &str, expected: &str| {
        let said = found("discover: [ { command: { run: x, into: web } } ]", &[answer]).unwrap_err();
        assert!(said[0].contains(expected), "{answer}: {said:?}");
    };
    check("", "it printed nothing");
    check("oops", "not JSON");
    check("[]", "no object");
    check(r#"{ "web": "web1" }"#, "neither an object nor a list");
    check(r#"{ "web": { "hosts": "web1" } }"#, "`hosts` that is no list");
    check(r#"{ "web": ["-oProxyCommand=id"] }"#, "`-oProxyCommand=id`");
    check(
        r#"{ "web": ["a"], "_meta": { "hostvars": { "a": { "ansible_host": "-oProxyCommand=id" } } } }"#,
        "`-oProxyCommand=id`",
    );
    check(
        r#"{ "web": ["a"], "_meta": { "hostvars": { "a": { "ansible_host": "${{ env.HOME }}" } } } }"#,
        "template",
    );
    check(r#"{ "web": ["a b"] }"#, "`a b`");
    check(r#"{ "web": ["local"] }"#, "no name for a host");
    check(r#"{ "web": ["2001:db8::1"] }"#, "no name for a host");
}

#[test]
fn what_is_found_is_data() {
    let text = "secrets: [S]\ndiscover: [ { command: { run: x, into: web } } ]";
    let answer = r#"{ "web": ["a"], "_meta": { "hostvars": { "a": { "ansible_ssh_private_key_file": "k ${{ secrets.S }}" } } } }"#;
    assert!(found(text, &[answer]).unwrap_err()[0].contains("template"));
}

#[test]
fn a_name_that_the_plan_has_already_is_an_error_with_both_places() {
    let check = |text: &str, answers: &[&str], expected: &[&str]| {
        let said = found(text, answers).unwrap_err().join("\n");
        expected.iter().for_each(|part| assert!(said.contains(part), "{part}: {said}"));
    };
    let one = r#"{ "g": ["web1"] }"#;
    check(
        "hosts: { web1: d@192.0.2.1 }\ndiscover:\n  - command: { run: x, into: web }",
        &[one],
        &[
            "4:5: error: `x` has a host `web1`, and the plan declares another one of that name (line 2 of the plan)",
        ],
    );
    check(
        "discover:\n  - command: { run: x, into: web }\n  - command: { run: y, into: web, user: other }",
        &[one, one],
        &["4:5: error: `y` has a host `web1`, and another entry has one of that name (line 3 of the plan)"],
    );
    check(
        "hosts: { h: d@192.0.2.1 }\ngroups: { web1: [h] }\ndiscover:\n  - command: { run: x, into: web }",
        &[one],
        &["`web1` is a group (line 3 of the plan)"],
    );
    // The same host twice is one.
    let twice = "discover:\n  - command: { run: x, into: web }\n  - command: { run: y, into: other }";
    assert_eq!(hosts(&found(twice, &[one, one]).unwrap().0), ["web1 web1 g"]);
}

#[test]
fn a_plan_is_checked_without_looking_and_not_compiled_without() {
    let plan = plan(
        "vars: { who: deploy }\ndiscover: [ { command: { run: 'list ${{ vars.who }}', into: web, user: '${{ vars.who }}' } } ]",
    );
    let problems = compile(&plan, &Inputs::default()).unwrap_err();
    assert_eq!(problems[0].code, Code::Discovery);
    let discoveries = plan.discoveries(&Inputs::default()).unwrap();
    let DiscoverySource::Command { script, timeout_ms } = &discoveries[0].source else {
        panic!("{discoveries:?}")
    };
    assert!(script.ends_with("list \"$vars_who\"") || script.contains("list"), "{script}");
    assert!(script.contains("deploy") && *timeout_ms == 30_000);
    assert_eq!(discoveries[0].user.as_deref(), Some("deploy"));
}
