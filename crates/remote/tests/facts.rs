//! What hosts tell about themselves: over SSH, on this machine, and where something there hangs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use steadyhand_domain::{Facts, Sudo, Timestamp};
use steadyhand_remote::RemoteError;
use support::Home;
use support::sshd::Sshd;
use tokio_util::sync::CancellationToken;

#[allow(clippy::disallowed_methods, reason = "the clock of a host is compared with it")]
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

/// Builds and other tests write meanwhile.
fn without_free(mut facts: Facts) -> Facts {
    facts.disks.iter_mut().flatten().for_each(|disk| disk.free = 0);
    facts
}

fn program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn this_machine_tells_what_it_is_over_ssh_and_without() {
    let sshd = Sshd::start();
    let remote = sshd.host();
    let by_ssh = remote.facts(now).await.unwrap();
    let local = Home::new().local().facts(now).await.unwrap();
    assert_eq!(without_free(by_ssh.clone()), without_free(local));
    assert_eq!(by_ssh.os.as_deref(), Some("linux"));
    assert_eq!(
        by_ssh.hostname,
        Some(std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned())
    );
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(by_ssh.kernel.as_deref(), Some(kernel.trim()));
    assert!(by_ssh.memory.unwrap() > 100_000_000 && by_ssh.cpu_count.unwrap() > 0, "{by_ssh:?}");
    // In a changed root, that is not `/`.
    let df = std::process::Command::new("df").args(["-P", "/"]).output().unwrap();
    let df = String::from_utf8(df.stdout).unwrap();
    let mount = df.lines().last().unwrap().split_whitespace().last().unwrap();
    let disks = by_ssh.disks.unwrap();
    let root = disks.iter().find(|disk| disk.mount == mount).unwrap_or_else(|| panic!("{mount}: {disks:?}"));
    assert!(root.free > 0 && root.free < root.size, "{root:?}");
    // It is the same clock.
    assert_eq!(by_ssh.clock_offset, Some(0.0));
    // Nothing was left there.
    assert!(!remote_records(&sshd).any(|name| name.contains("ask-")));
}

fn remote_records(sshd: &Sshd) -> impl Iterator<Item = String> {
    let records = std::fs::read_dir(sshd.home.records()).into_iter().flatten();
    records.map(|entry| entry.unwrap().file_name().display().to_string())
}

#[tokio::test]
async fn what_hangs_there_is_given_up_and_the_rest_is_told() {
    let tools = tempfile::tempdir().unwrap();
    for name in ["df", "sudo"] {
        program(tools.path(), name, "sleep 600");
    }
    let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", tools.path().display());
    let sshd = Sshd::with(&format!("SetEnv PATH={path}"));
    let begun = Instant::now();
    let facts = sshd.host().facts(now).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!((facts.disks, facts.sudo), (None, None));
    assert!(facts.os.is_some() && facts.memory.is_some() && facts.addresses.is_some());
    assert_eq!(facts.clock_offset, Some(0.0));
}

#[tokio::test]
async fn sudo_is_asked_what_it_wants() {
    let tools = tempfile::tempdir().unwrap();
    let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", tools.path().display());
    let sshd = Sshd::with(&format!("SetEnv PATH={path}"));
    let host = sshd.host();
    for (script, expected) in [
        ("exit 0", Sudo::Passwordless),
        (
            "echo 'sudo: unable to resolve host' >&2; echo 'sudo: a password is required' >&2; exit 1",
            Sudo::Password,
        ),
        ("echo 'Sorry, user a may not run sudo on b.' >&2; exit 1", Sudo::None),
    ] {
        program(tools.path(), "sudo", script);
        assert_eq!(host.facts(now).await.unwrap().sudo, Some(expected), "{script}");
    }
}

#[tokio::test]
async fn a_host_that_answers_with_something_else_is_an_error_that_says_so() {
    let tools = tempfile::tempdir().unwrap();
    let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", tools.path().display());
    for name in ["date", "uname"] {
        program(tools.path(), name, "exit 0");
    }
    let sshd = Sshd::with(&format!("SetEnv PATH={path}"));
    let error = sshd.host().facts(now).await.unwrap_err();
    assert!(matches!(error, RemoteError::Facts { .. }), "{error}");
    assert!(error.to_string().contains("it did not tell what it is"), "{error}");
}

#[tokio::test]
async fn a_question_for_facts_can_be_given_up() {
    let tools = tempfile::tempdir().unwrap();
    program(tools.path(), "uname", "sleep 600");
    let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", tools.path().display());
    let sshd = Sshd::with(&format!("SetEnv PATH={path}"));
    let host = sshd.host();
    host.connect().await.unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let begun = Instant::now();
    assert!(host.facts_until(now, &cancel).await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
