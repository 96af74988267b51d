//! Every resource on a real Debian host: made, left alone, repaired, removed; and a check that tells beforehand what a run
//! does, and changes nothing.
#![allow(clippy::expect_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::collections::HashMap;

use serde_json::Value;
use steadyhand_tests::{
    command::steady,
    debian::{DEPLOY, Debian, WALLED},
    dockerd::Dockerd,
};
use tempfile::TempDir;

/// A resource: the step that makes it, how it is seen to be there, what somebody does to it, and the step that undoes it.
struct Row {
    present: &'static str,
    /// Succeeds on the host when all is as it should be.
    look: &'static str,
    drift: &'static str,
    absent: &'static str,
    /// Succeeds on the host when it is gone.
    gone: &'static str,
}

/// What needs nothing else of the plan.
const FIRST: &[Row] = &[
    Row {
        present: "package: { name: [tree, cron], recommends: false }",
        look: "tree --version; dpkg-query -W -f '${Status}' tree | grep -x 'install ok installed'",
        drift: "apt-get -y -qq remove tree >/dev/null 2>&1",
        absent: "package: { name: tree, state: absent }",
        gone: "! dpkg-query -W -f '${Status}' tree | grep -x 'install ok installed'",
    },
    Row {
        present: "group: { name: crew, gid: 1500 }",
        look: "grep -x 'crew:x:1500:' /etc/group",
        drift: "sed -i s/^crew:x:1500/crew:x:1501/ /etc/group",
        absent: "group: { name: crew, state: absent }",
        gone: "! grep ^crew: /etc/group",
    },
    Row {
        present: "user: { name: amy, uid: 1700, groups: [adm, games], home: /srv/amy, shell: /bin/sh, comment: 'Amy $A', \
                  password: '$6$salt$not.the.hash.of.anything' }",
        look: "grep -xF 'amy:x:1700:1700:Amy $A:/srv/amy:/bin/sh' /etc/passwd
               id -Gn amy | tr ' ' '\\n' | sort | tr '\\n' ' ' | grep -x 'adm amy games '
               grep -F 'amy:$6$salt$not.the.hash.of.anything:' /etc/shadow
               [ \"$(stat -c %U /srv/amy)\" = amy ]",
        drift: "sed -i 's/^amy:.*/amy:x:1701:1700:B:\\/srv\\/amy2:\\/bin\\/false/' /etc/passwd; mv /srv/amy /srv/amy2
                sed -i '/^games:/s/amy//;/^daemon:/s/$/amy/' /etc/group; chown -R 1701 /srv/amy2
                sed -i 's/^amy:[^:]*/amy:*/' /etc/shadow",
        absent: "user: { name: amy, state: absent, remove_home: true }",
        gone: "! grep ^amy: /etc/passwd; [ ! -e /srv/amy ]",
    },
    Row {
        present: "directory: { path: /opt/shop/data, owner: daemon, group: '1', mode: '0750' }",
        look: "stat -c '%U %G %a' /opt/shop/data | grep -x 'daemon daemon 750'",
        drift: "chown 0:60 /opt/shop/data; chmod 777 /opt/shop/data",
        absent: "directory: { path: /opt/shop/data, state: absent }",
        gone: "[ ! -e /opt/shop/data ]",
    },
    Row {
        present: r#"file: { path: /etc/shop.conf, content: "a'b \"c\"\n$x `y` \\n\n", owner: daemon, mode: "0640" }"#,
        look: r#"[ "$(cat /etc/shop.conf)" = "$(printf '%s\n' "a'b \"c\"" '$x `y` \n')" ]
                stat -c '%U %G %a' /etc/shop.conf | grep -x 'daemon root 640'"#,
        drift: "echo more >>/etc/shop.conf; chmod 666 /etc/shop.conf; chown 7 /etc/shop.conf",
        absent: "file: { path: /etc/shop.conf, state: absent }",
        gone: "[ ! -e /etc/shop.conf ]",
    },
    Row {
        present: "link: { path: /usr/local/bin/shop, to: '/opt/shop/a b' }",
        look: "[ \"$(readlink /usr/local/bin/shop)\" = '/opt/shop/a b' ]",
        drift: "ln -sfn /etc /usr/local/bin/shop",
        absent: "link: { path: /usr/local/bin/shop, state: absent }",
        gone: "[ ! -L /usr/local/bin/shop ]",
    },
    Row {
        present: "line: { path: /etc/profile, line: 'export SHOP=\"1 & \\2\"', match: '^export SHOP=', after: '^PATH' }",
        look: r#"[ "$(grep -c '^export SHOP="1 & \\2"$' /etc/profile)" = 1 ]"#,
        drift: "sed -i 's/^export SHOP=.*/export SHOP=2/' /etc/profile",
        absent: "line: { path: /etc/profile, match: '^export SHOP=', state: absent }",
        gone: "! grep SHOP /etc/profile",
    },
    Row {
        present: "cron: { name: backup, schedule: '0 3 * * *', run: \"date '+%F %T' >/tmp/last\" }",
        look: r#"crontab -l | grep -xF "0 3 * * * date '+\\%F \\%T' >/tmp/last"; crontab -l | grep -x '1 2 3 4 5 true'"#,
        drift: "crontab -l | sed 's/^0 3/0 4/' | crontab -",
        absent: "cron: { name: backup, state: absent }",
        gone: "[ \"$(crontab -l)\" = '1 2 3 4 5 true' ]",
    },
    Row {
        present: "service: { name: cron, state: running, enabled: false }",
        look: "service cron status; ! ls /etc/rc2.d/S*cron",
        drift: "service cron stop; update-rc.d cron enable",
        absent: "service: { name: cron, state: stopped, enabled: true }",
        gone: "! service cron status; ls /etc/rc2.d/S*cron",
    },
    Row {
        present: r#"systemd_unit: { name: shop, content: "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n", enabled: true }"#,
        look: "grep -x ExecStart=/bin/true /etc/systemd/system/shop.service; systemctl --root=/ is-enabled shop",
        drift: "sed -i s/true/false/ /etc/systemd/system/shop.service; systemctl --root=/ -q disable shop",
        absent: "systemd_unit: { name: shop, state: absent }",
        gone: "[ ! -e /etc/systemd/system/shop.service ]; ! ls /etc/systemd/system/*/shop.service",
    },
    Row {
        present: "git: { repo: /srv/shop.git, to: /opt/source, revision: v1 }",
        look: "[ \"$(cat /opt/source/file)\" = one ]",
        drift: "git -C /opt/source checkout -q origin/main",
        absent: "directory: { path: /opt/source, state: absent, recursive: true }",
        gone: "[ ! -e /opt/source ]",
    },
    Row {
        present: "archive: { from: /srv/shop.tgz, to: /opt/unpacked, strip: 1 }",
        look: "[ \"$(cat /opt/unpacked/bin/app)\" = app ]",
        drift: "rm -r /opt/unpacked",
        absent: "directory: { path: /opt/unpacked, state: absent, recursive: true }",
        gone: "[ ! -e /opt/unpacked ]",
    },
];

/// What needs what is in the first table.
const SECOND: &[Row] = &[
    Row {
        present: "authorized_key: { user: amy, key: 'no-pty ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB amy@home' }",
        look: "stat -c '%U %a' /srv/amy/.ssh /srv/amy/.ssh/authorized_keys | tr '\\n' ' ' | grep -x 'amy 700 amy 600 '
               grep -x 'no-pty ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB amy@home' /srv/amy/.ssh/authorized_keys",
        drift: "chmod 755 /srv/amy/.ssh; chmod 644 /srv/amy/.ssh/authorized_keys
                sed -i s/no-pty/no-X11-forwarding/ /srv/amy/.ssh/authorized_keys",
        absent: "authorized_key: { user: amy, key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB', state: absent }",
        gone: "[ ! -s /srv/amy/.ssh/authorized_keys ]",
    },
    Row {
        present: "file: { path: /opt/shop/data/list, owner: amy, group: crew }",
        look: "stat -c '%U %G %s' /opt/shop/data/list | grep -x 'amy crew 0'",
        drift: "chown root:root /opt/shop/data/list",
        absent: "file: { path: /opt/shop/data/list, state: absent }",
        gone: "[ ! -e /opt/shop/data/list ]",
    },
];

/// What concerns the network, for a host in one of its own.
const NETWORK: &[Row] = &[
    Row {
        present: "sysctl: { name: net.ipv4.ip_forward, value: '1' }",
        look: "[ \"$(cat /proc/sys/net/ipv4/ip_forward)\" = 1 ]
               grep -x 'net.ipv4.ip_forward = 1' /etc/sysctl.d/99-steadyhand-net.ipv4.ip_forward.conf",
        drift: "echo 0 >/proc/sys/net/ipv4/ip_forward; rm /etc/sysctl.d/99-steadyhand-net.ipv4.ip_forward.conf",
        absent: "sysctl: { name: net.ipv4.ip_forward, state: absent }",
        gone: "[ ! -e /etc/sysctl.d/99-steadyhand-net.ipv4.ip_forward.conf ]",
    },
    Row {
        present: "firewall: { port: 5432, from: 10.0.0.0/8, tool: nftables }",
        look: "nft list table inet steadyhand | grep -F 'ip saddr 10.0.0.0/8 tcp dport 5432 accept'
               nft -c -f /etc/nftables.conf; grep -F steadyhand.nft /etc/nftables.conf",
        drift: "nft delete table inet steadyhand; sed -i /steadyhand/d /etc/nftables.conf",
        absent: "firewall: { port: 5432, from: 10.0.0.0/8, tool: nftables, state: absent }",
        gone: "! nft list table inet steadyhand | grep 5432",
    },
];

/// A step of a run or a check: what was found, and what was said to differ.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    step: String,
    /// `change`, `ok`, `unknown`, `failed`.
    verdict: String,
    differences: Vec<String>,
}

/// The rows of the first table that stand on packages which busybox alone has not.
const PACKAGED: &[&str] = &["package:", "service:", "systemd_unit:", "git:"];

/// Services where there is no manager of them, only their scripts.
const SCRIPTS: &[Row] = &[Row {
    present: "service: shop",
    look: "[ -e /run/shop ]",
    drift: "rm /run/shop",
    absent: "service: { name: shop, state: stopped }",
    gone: "[ ! -e /run/shop ]",
}];

/// What docker runs.
const CONTAINERS: &[Row] = &[
    Row {
        present: "docker_container: { name: web, image: shop, env: { A: 'x y' }, labels: { tier: web }, network: host, \
                  restart: unless-stopped, command: [sh, -c, 'trap \"exit 0\" TERM; while :; do sleep 1 & wait; done'] }",
        look: "docker inspect -f '{{.State.Status}} {{index .Config.Env 0}} {{.Config.Labels.tier}}' web | grep -x 'running A=x y web'
               docker inspect -f '{{.HostConfig.NetworkMode}} {{.HostConfig.RestartPolicy.Name}}' web | grep -x 'host unless-stopped'
               [ \"$(docker ps -aq | wc -l)\" = 2 ]",
        drift: "docker rm -f web; docker run -d --name web --network host shop sh -c 'while :; do sleep 1; done'",
        absent: "docker_container: { name: web, state: absent }",
        gone: "! docker inspect web",
    },
    Row {
        present: "docker_compose: /opt/compose",
        look: "[ \"$(docker ps -q --filter label=com.docker.compose.project=compose | wc -l)\" = 1 ]",
        drift: "docker kill compose_app_1",
        absent: "docker_compose: { folder: /opt/compose, state: down }",
        gone: "[ ! \"$(docker ps -aq)\" ]",
    },
];

struct Bench<'a> {
    host: &'a Debian,
    user: &'a str,
    data: TempDir,
}

impl<'a> Bench<'a> {
    fn new(host: &'a Debian, user: &'a str) -> Self {
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
    fn steady(&self, steps: &[&str], arguments: &[&str]) -> Vec<Value> {
        let plan = self.data.path().join("plan.yaml");
        std::fs::write(&plan, self.plan(steps)).expect("the plan");
        let plan = plan.to_str().expect("a path");
        let mut command = steady(self.data.path(), &[&["--format", "json", "run", plan], arguments].concat());
        let output = command.as_std_mut().output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn check(&self, steps: &[&str]) -> Vec<Told> {
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

    fn run(&self, steps: &[&str]) -> Vec<Told> {
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

    fn is_settled(&self, steps: &[&str]) {
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

    fn table<'r>(&self, rows: impl IntoIterator<Item = &'r Row>) {
        let rows: Vec<&Row> = rows.into_iter().collect();
        let present: Vec<&str> = rows.iter().map(|row| row.present).collect();
        self.converges(&present);
        self.sees(rows.iter().map(|row| row.look));
        let drift: String = rows.iter().map(|row| format!("{{ {}; }} >/dev/null\n", row.drift)).collect();
        let _ = self.host.asked_as(self.user_there(), &drift);
        self.converges(&present);
        self.sees(rows.iter().map(|row| row.look));
    }

    fn undoes<'r>(&self, rows: impl IntoIterator<Item = &'r Row>) {
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

fn same(before: &[String], after: &[String], what: &str) {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| those.binary_search(line).is_err()).cloned().collect()
    };
    let (gone, new) = (only(before, after), only(after, before));
    assert!(gone.is_empty() && new.is_empty(), "{what}:\n- {}\n+ {}", gone.join("\n- "), new.join("\n+ "));
}

/// What the tables need to be there, which is no resource.
fn furnished() -> Debian {
    let host = Debian::start();
    host.does(
        "echo '1 2 3 4 5 true' | crontab -
         export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
         git init -q -b main /tmp/work; cd /tmp/work
         echo one >file; git add file; git commit -qm one; git tag v1
         echo two >file; git commit -qam two
         git clone -q --bare /tmp/work /srv/shop.git
         mkdir -p /tmp/top/bin; echo app >/tmp/top/bin/app; tar -C /tmp -czf /srv/shop.tgz top",
    );
    host
}

fn every_resource_as(user: &str) {
    let host = furnished();
    let bench = Bench::new(&host, user);
    bench.table(FIRST);
    bench.table(SECOND);
    bench.undoes(SECOND);
    bench.undoes(FIRST);
}

#[test]
fn every_resource_is_made_left_alone_repaired_and_removed_by_root() {
    every_resource_as("root");
}

#[test]
fn every_resource_is_made_left_alone_repaired_and_removed_with_sudo() {
    every_resource_as(DEPLOY);
}

#[test]
fn rules_of_the_firewall_and_parameters_of_the_kernel_are_kept() {
    let host = Debian::start();
    let bench = Bench::new(&host, WALLED);
    bench.table(NETWORK);
    bench.undoes(NETWORK);
}

#[test]
fn containers_and_what_compose_makes_of_them_are_kept() {
    let docker = Dockerd::start();
    let host = Debian::start_with(&docker);
    host.does(
        "mkdir /opt/compose; cat >/opt/compose/compose.yaml <<END
version: '3'
services:
  app:
    image: shop
    network_mode: host
    command: sh -c 'while :; do sleep 1; done'
    stop_grace_period: 1s
END
         export DEBIAN_FRONTEND=noninteractive
         apt-get -qq update
         apt-get -y -qq --no-install-recommends install docker-compose >/dev/null 2>&1",
    );
    let bench = Bench::new(&host, "root");
    bench.table(CONTAINERS);
    bench.undoes(CONTAINERS);
}

#[test]
fn what_needs_no_package_does_the_same_on_a_host_with_nothing_but_busybox() {
    let host = Debian::start_busybox();
    host.does(
        "echo '1 2 3 4 5 true' | crontab -
         echo PATH=/bin >/etc/profile
         mkdir -p /tmp/top/bin; echo app >/tmp/top/bin/app; tar -C /tmp -czf /srv/shop.tgz top
         printf '%s\\n' '#!/bin/sh' 'case $1 in start) : >/run/shop ;; stop) rm /run/shop ;; status) [ -e /run/shop ] ;; esac' >/etc/init.d/shop
         chmod 755 /etc/init.d/shop",
    );
    let bench = Bench::new(&host, "root");
    let plain = || FIRST.iter().filter(|row| !PACKAGED.iter().any(|name| row.present.starts_with(name)));
    bench.table(plain().chain(SCRIPTS));
    bench.table(SECOND);
    bench.undoes(SECOND);
    bench.undoes(plain().chain(SCRIPTS));
}

#[test]
fn whatever_changes_on_a_host_is_seen() {
    let host = Debian::start();
    let mut before = host.everything();
    same(&before, &host.everything(), "looking changed the host");
    for change in [
        "echo >>/etc/profile",
        "chmod 600 /etc/passwd",
        "rm /etc/hostname",
        "mkdir /opt/new",
        "chgrp games /srv",
        "ln -sfn /x /etc/mtab",
        ": >/run/new",
        "cp -p /etc/profile /tmp/p; sed -i s/PATH/PITH/ /etc/profile; touch -r /tmp/p /etc/profile; rm /tmp/p",
    ] {
        host.does(change);
        let after = host.everything();
        assert_ne!(before, after, "{change}");
        before = after;
    }
}

#[test]
fn a_check_says_what_it_cannot_know_and_what_would_fail() {
    let host = Debian::start();
    let bench = Bench::new(&host, "root");
    let before = host.everything();
    let said = bench.steady(
        &[
            "service: nothere",
            "file: { path: /tmp/x, content: x, owner: nobody-there }",
            "authorized_key: { user: nobody-there, key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB }",
            "archive: { from: /srv/not.tgz, to: /opt/not }",
            "line: { path: /etc/not, line: x }",
            "docker_container: { name: web, image: shop }",
            "directory: /etc/passwd",
            "link: { path: /etc/passwd, to: /etc/shadow }",
            "git: { repo: /srv/not.git, to: /opt/not }",
            "user: { name: amy, password: secret }",
        ],
        &["--check"],
    );
    let told: Vec<(&str, &str)> = said[0]["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| (step["verdict"].as_str().expect("a verdict"), step["text"].as_str().expect("a text")))
        .collect();
    assert_eq!(
        told,
        [
            ("unknown", "? there is no service nothere yet"),
            ("unknown", "? there is no owner nobody-there yet"),
            ("unknown", "? there is no user nobody-there yet"),
            ("unknown", "? there is no /srv/not.tgz yet"),
            ("unknown", "? there is no file /etc/not yet"),
            ("unknown", "? there is no docker on this host yet"),
            ("failed", "/etc/passwd is there, and is not a directory"),
            ("failed", "/etc/passwd is there, and is no link; say force: true to have it replaced"),
            (
                "failed",
                "/srv/not.git does not answer: fatal: '/srv/not.git' does not appear to be a git repository"
            ),
            (
                "failed",
                "password: is to be a hash, such as `openssl passwd -6` prints, and not the password itself"
            ),
        ]
    );
    same(&before, &host.everything(), "a check changed the host");
}

#[test]
fn a_version_is_exact_and_a_package_that_somebody_else_installs_is_waited_for() {
    let host = Debian::start();
    let bench = Bench::new(&host, "root");
    host.does("apt-get -qq update");
    let version = host.asked("apt-cache policy bc | sed -n 's/^  Candidate: //p'");
    let step = format!("package: {{ name: bc, version: '{}' }}", version.trim());
    // Whoever has this lock is installing something.
    host.does(
        "setsid perl -e 'open(F, \">\", \"/var/lib/dpkg/lock-frontend\"); require \"fcntl.ph\" if 0; \
         use Fcntl; my $l = pack(\"s s x4 q q i x4\", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; \
         open(M, \">\", \"/run/held\"); close M; sleep 1 while -e \"/run/held\"' </dev/null >/dev/null 2>&1 & \
         while [ ! -e /run/held ]; do :; done",
    );
    let waiting = std::thread::scope(|scope| {
        let run = scope.spawn(|| bench.run(&[&step]));
        // The script looks once a second; it has seen the lock when it says so, and it goes on when the lock is gone.
        host.does("until [ -e /run/steadyhand.packages ] || pgrep -f 'sleep 1' >/dev/null; do :; done; rm /run/held");
        run.join().expect("it ends")
    });
    assert_eq!(waiting[0].verdict, "change");
    assert_eq!(waiting[0].differences, [format!("~ bc: install {}", version.trim())]);
    bench.is_settled(&[&step]);
    let wrong = bench.check(&["package: { name: bc, version: '0.1' }"]);
    assert_eq!(wrong[0].differences, [format!("~ bc: {} → 0.1", version.trim())]);
}
