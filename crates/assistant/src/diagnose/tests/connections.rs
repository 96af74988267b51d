//! Every way in which a connection of our own fails has one explanation, which fits it.

use std::{path::PathBuf, time::Duration};

use steadyhand_domain::Reason;
use steadyhand_remote::{KeyFileProblem, RefusedMethod, RemoteError};

use super::super::{Diagnosis, Failure, LogTail, diagnose};
use super::failure;

/// What a program on the host may have written before; none of it is about our connection.
const MISLEADING: [&str; 3] = [
    "deploy@10.1.2.3: Permission denied (publickey,password).",
    "REMOTE HOST IDENTIFICATION HAS CHANGED",
    "curl: (6) Could not resolve host: example.com",
];

fn explain(error: &RemoteError, lines: &[&str]) -> Diagnosis {
    let outcome = Reason::Connection { message: error.to_string(), problem: error.problem() };
    let log = LogTail { first_line_number: 1, lines, truncated: false };
    diagnose(&Failure { script: Some("ssh deploy@10.1.2.3 true"), ..failure(&outcome, &log) })
}

fn key(problem: KeyFileProblem) -> RemoteError {
    RemoteError::KeyFile {
        host: "a.example:22".into(),
        path: PathBuf::from("/home/a/.ssh/deploy key"),
        problem,
    }
}

fn host() -> String {
    "a.example:22".into()
}

#[test]
fn every_kind_of_problem_with_a_connection_has_one_explanation_and_says_what_to_do() {
    let refused = RefusedMethod {
        method: "key /home/a/.ssh/id_ed25519".into(),
        why: "is encrypted and no passphrase was given".into(),
    };
    let cases = [
        (
            RemoteError::NoSuchName { host: host(), name: "a.example".into(), detail: "not known".into() },
            "The name a.example of web1 was not found",
        ),
        (RemoteError::Refused { host: host() }, "Nothing listens on the SSH port of web1"),
        (
            RemoteError::TimedOut { host: host(), during: "connecting", after: Duration::from_secs(10) },
            "web1 does not answer",
        ),
        (
            RemoteError::Unreachable { host: host(), detail: "no route to host".into() },
            "There is no way from this machine to web1",
        ),
        (
            RemoteError::Handshake { host: host(), detail: "connection refused".into() },
            "What answers at web1 is no SSH server that can be talked to",
        ),
        (
            RemoteError::HostKeyUnknown {
                host: host(),
                algorithm: "ED25519".into(),
                fingerprint: "SHA256:x".into(),
            },
            "The host key of web1 is not known and was not accepted",
        ),
        (
            RemoteError::HostKeyChanged {
                host: host(),
                expected: "SHA256:a".into(),
                found: "SHA256:b".into(),
                file: PathBuf::from("/home/a/.ssh/known_hosts"),
                line: 7,
            },
            "The host key of web1 is not the one that was known",
        ),
        (
            RemoteError::HostKeyRevoked {
                host: host(),
                fingerprint: "SHA256:b".into(),
                file: PathBuf::from("/home/a/.ssh/known_hosts"),
                line: 7,
            },
            "The host key of web1 is marked as revoked",
        ),
        (
            RemoteError::KnownHosts {
                host: host(),
                file: PathBuf::from("/home/a/.ssh/known_hosts"),
                action: "read",
                detail: "permission denied".into(),
            },
            "The file of known host keys cannot be used",
        ),
        (
            RemoteError::Authentication {
                host: host(),
                user: "deploy".into(),
                tried: vec![refused],
                next: "Add a key.".into(),
            },
            "web1 does not let deploy in",
        ),
        (key(KeyFileProblem::Missing), "The key file /home/a/.ssh/deploy key does not exist"),
        (
            key(KeyFileProblem::Unreadable("permission denied".into())),
            "The key file /home/a/.ssh/deploy key cannot be read",
        ),
        (
            key(KeyFileProblem::NoPassphrase),
            "The key /home/a/.ssh/deploy key is encrypted and nobody gave its passphrase",
        ),
        (key(KeyFileProblem::WrongPassphrase), "The passphrase of the key /home/a/.ssh/deploy key was wrong"),
        (
            key(KeyFileProblem::BadFormat("it is a public key".into())),
            "/home/a/.ssh/deploy key is not a private key that can be used",
        ),
        (
            RemoteError::ConnectionLost { host: host(), detail: "authentication timed out".into() },
            "The connection to web1 was lost and did not come back",
        ),
        (
            RemoteError::NoShell { host: host(), detail: "it said: host key unknown".into() },
            "web1 gives no shell to work with",
        ),
        (
            RemoteError::Channel { host: host(), purpose: "a step".into(), detail: "publickey".into() },
            "web1 cannot be reached",
        ),
    ];
    for (error, expected) in &cases {
        for log in [&[][..], &MISLEADING[..]] {
            let found = explain(error, log).findings;
            let titles: Vec<&str> = found.iter().map(|finding| finding.title.as_str()).collect();
            assert_eq!(titles, [*expected], "{error}");
            assert!(!found[0].fixes.is_empty(), "{error}: it says nothing to do");
            assert!(found[0].citations.is_empty(), "{error}: the log is not why");
        }
    }
}

#[test]
fn the_commands_name_the_file_and_quote_it() {
    let found = explain(&key(KeyFileProblem::NoPassphrase), &[]).findings;
    let commands: Vec<&str> = found[0].fixes.iter().filter_map(|fix| fix.command.as_deref()).collect();
    assert_eq!(commands, ["ssh-add '/home/a/.ssh/deploy key'"]);
}

#[test]
fn a_refusal_that_another_program_met_is_still_read_from_its_log() {
    let outcome = Reason::Outcome { outcome: steadyhand_domain::StepOutcome::Exited { status: 255 } };
    let log = LogTail { first_line_number: 1, lines: &MISLEADING[..1], truncated: false };
    assert_eq!(diagnose(&failure(&outcome, &log)).findings[0].id, "ssh_auth");
}
