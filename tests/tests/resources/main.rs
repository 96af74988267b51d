//! Every resource on a real Debian host: made, left alone, repaired, removed; and a check that tells beforehand what a run
//! does, and changes nothing.
#![allow(clippy::expect_used, clippy::panic, reason = "what goes wrong ends the test")]

mod bench;
mod tables;

use steadyhand_tests::{
    debian::{DEPLOY, Debian, WALLED},
    dockerd::Dockerd,
};

use self::{
    bench::{Bench, same},
    tables::{CONTAINERS, FIRST, NETWORK, PACKAGED, SCRIPTS, SECOND},
};

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
