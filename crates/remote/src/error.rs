//! Everything that can go wrong between this machine and a host.

use std::path::PathBuf;
use std::time::Duration;

use steadyhand_domain::ConnectionProblem;

/// A failure to reach a host or to work on it. Every message says what happened, where, and what to do next.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RemoteError {
    /// The name does not resolve.
    #[error("{host}: the name {name} was not found ({detail}). Check its spelling, or your network and DNS.")]
    NoSuchName {
        /// `host:port`.
        host: String,
        /// The name that was looked up.
        name: String,
        /// What the resolver said.
        detail: String,
    },
    /// Nothing listens.
    #[error(
        "{host}: the connection was refused. Nothing listens on that port: check that the SSH server runs, and the port."
    )]
    Refused {
        /// `host:port`.
        host: String,
    },
    /// No answer in time.
    #[error(
        "{host}: no answer within {} s while {during}. Check the address, that the server is up, and that no firewall drops the connection.",
        after.as_secs_f32()
    )]
    TimedOut {
        /// `host:port`.
        host: String,
        /// What was being done.
        during: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// No route, or the network is down.
    #[error("{host}: it cannot be reached ({detail}). Check your network connection or VPN.")]
    Unreachable {
        /// `host:port`.
        host: String,
        /// What the system said.
        detail: String,
    },
    /// Something answers, but not as an SSH server that can be talked to.
    #[error("{host}: the SSH handshake failed: {detail}. Check that an SSH server listens on that port.")]
    Handshake {
        /// `host:port`.
        host: String,
        /// What went wrong.
        detail: String,
    },
    /// The host's key is not known, and was not accepted.
    #[error(
        "{host}: its {algorithm} host key {fingerprint} is not known and was not accepted. Compare the fingerprint with the server's, then connect again and accept it."
    )]
    HostKeyUnknown {
        /// `host:port`.
        host: String,
        /// The key's algorithm.
        algorithm: String,
        /// `SHA256:…`.
        fingerprint: String,
    },
    /// The host's key is not the one that is known.
    #[error(
        "{host}: THE HOST KEY HAS CHANGED. It showed {found}; {} line {line} says {expected}. Somebody may be intercepting the connection, or the server was reinstalled. If you know that it was, remove that line and connect again.",
        file.display()
    )]
    HostKeyChanged {
        /// `host:port`.
        host: String,
        /// The fingerprint that is on record.
        expected: String,
        /// The fingerprint that the host showed.
        found: String,
        /// The file that holds the record.
        file: PathBuf,
        /// The record's line, from 1.
        line: usize,
    },
    /// The host's key is marked as revoked.
    #[error(
        "{host}: its host key {fingerprint} is marked as revoked in {} line {line}. Do not connect; ask the server's administrator for its new key.",
        file.display()
    )]
    HostKeyRevoked {
        /// `host:port`.
        host: String,
        /// The fingerprint that the host showed.
        fingerprint: String,
        /// The file that holds the record.
        file: PathBuf,
        /// The record's line, from 1.
        line: usize,
    },
    /// A known-hosts file cannot be read or written.
    #[error("{host}: the known-hosts file {} cannot be {action}: {detail}. Check its permissions.", file.display())]
    KnownHosts {
        /// `host:port`.
        host: String,
        /// The file.
        file: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// What the system said.
        detail: String,
    },
    /// Nobody could be logged in.
    #[error(
        "{host}: {user} was not let in. Tried: {}. {next}",
        tried.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    Authentication {
        /// `host:port`.
        host: String,
        /// The user.
        user: String,
        /// Each way that was tried, and why it was refused.
        tried: Vec<RefusedMethod>,
        /// What to do.
        next: String,
    },
    /// The key file that is configured cannot be used.
    #[error("{host}: the key file {} {problem}", path.display())]
    KeyFile {
        /// `host:port`.
        host: String,
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        problem: KeyFileProblem,
    },
    /// The host refused to open a channel.
    #[error("{host}: the server refused to open a channel for {purpose}: {detail}")]
    Channel {
        /// `host:port`.
        host: String,
        /// What the channel was for.
        purpose: String,
        /// What the server said.
        detail: String,
    },
    /// The connection broke. Connecting again may help; steps go on without it.
    #[error("{host}: the connection was lost ({detail})")]
    ConnectionLost {
        /// `host:port`.
        host: String,
        /// How it was noticed.
        detail: String,
    },
    /// It was given up while the connection waits for what a person must answer.
    #[error(
        "{host}: stopped while a question about the connection was open. Answer that, and connect again if need be."
    )]
    Unanswered {
        /// The host's name.
        host: String,
    },
    /// The host gives no POSIX shell.
    #[error(
        "{host}: no POSIX shell answered: {detail}. Steadyhand needs /bin/sh there; check the user's login shell and its start-up files."
    )]
    NoShell {
        /// `host:port`.
        host: String,
        /// What came instead.
        detail: String,
    },
    /// The host cannot keep the records of steps: its disk is full, its home is read-only or not private.
    #[error("{host}: steps cannot be recorded there: {detail}")]
    Record {
        /// `host:port`.
        host: String,
        /// What is wrong, and what to do.
        detail: String,
    },
    /// The host did not answer with facts about itself.
    #[error(
        "{host}: it did not tell what it is: {detail}. Try `ssh` there, and look at what its /bin/sh prints."
    )]
    Facts {
        /// The host's name.
        host: String,
        /// What came instead.
        detail: String,
    },
    /// Files could not be uploaded.
    #[error("{host}: the upload of {from} to {to} failed: {detail}")]
    Upload {
        /// `host:port`.
        host: String,
        /// The local path.
        from: String,
        /// The path on the host.
        to: String,
        /// What went wrong.
        detail: String,
    },
    /// Files could not be downloaded.
    #[error("{host}: the download of {from} to {to} failed: {detail}")]
    Download {
        /// `host:port`.
        host: String,
        /// The path on the host.
        from: String,
        /// The local path.
        to: String,
        /// What went wrong.
        detail: String,
    },
    /// The settings or the request make no sense.
    #[error("{host}: {detail}")]
    Config {
        /// `host:port`.
        host: String,
        /// What is wrong.
        detail: String,
    },
}

/// A way to log in that was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} ({why})")]
pub struct RefusedMethod {
    /// What was tried, such as `key /home/a/.ssh/id_ed25519`.
    pub method: String,
    /// Why it did not work.
    pub why: String,
}

/// What is wrong with a key file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileProblem {
    /// There is no such file.
    #[error("does not exist. Check the path of the identity.")]
    Missing,
    /// The file cannot be read.
    #[error("cannot be read: {0}. Check its permissions.")]
    Unreadable(String),
    /// The passphrase was wrong.
    #[error("was not unlocked: the passphrase is wrong. Try again.")]
    WrongPassphrase,
    /// The key is encrypted and no passphrase was given.
    #[error(
        "is encrypted and no passphrase was given. Connect again and type it, or add the key to your SSH agent."
    )]
    NoPassphrase,
    /// The file is not a private key that can be used.
    #[error("is not a private key that can be used: {0}. Name the private key, not the .pub file.")]
    BadFormat(String),
}

impl RemoteError {
    /// Whether the link broke under work that was going on: reconnecting and attaching is the right answer. All
    /// other failures need a person, or more patience than a retry at once.
    #[must_use]
    pub fn is_connection_lost(&self) -> bool {
        matches!(self, Self::ConnectionLost { .. })
    }

    /// Which kind of problem it is.
    #[must_use]
    pub fn problem(&self) -> ConnectionProblem {
        match self {
            Self::NoSuchName { .. } => ConnectionProblem::NoSuchName,
            Self::Refused { .. } => ConnectionProblem::Refused,
            Self::TimedOut { .. } => ConnectionProblem::TimedOut,
            Self::Unreachable { .. } => ConnectionProblem::Unreachable,
            Self::Handshake { .. } => ConnectionProblem::Handshake,
            Self::HostKeyUnknown { .. } => ConnectionProblem::HostKeyUnknown,
            Self::HostKeyChanged { .. } => ConnectionProblem::HostKeyChanged,
            Self::HostKeyRevoked { .. } => ConnectionProblem::HostKeyRevoked,
            Self::KnownHosts { .. } => ConnectionProblem::KnownHosts,
            Self::Authentication { .. } => ConnectionProblem::LoginRefused,
            Self::KeyFile { problem, .. } => match problem {
                KeyFileProblem::Missing => ConnectionProblem::KeyMissing,
                KeyFileProblem::Unreadable(_) => ConnectionProblem::KeyUnreadable,
                KeyFileProblem::NoPassphrase => ConnectionProblem::KeyLocked,
                KeyFileProblem::WrongPassphrase => ConnectionProblem::WrongPassphrase,
                KeyFileProblem::BadFormat(_) => ConnectionProblem::KeyUnusable,
            },
            Self::ConnectionLost { .. } => ConnectionProblem::Lost,
            Self::NoShell { .. } => ConnectionProblem::NoShell,
            Self::Channel { .. }
            | Self::Unanswered { .. }
            | Self::Record { .. }
            | Self::Facts { .. }
            | Self::Upload { .. }
            | Self::Download { .. }
            | Self::Config { .. } => ConnectionProblem::Other,
        }
    }

    /// Whether connecting again later may help without a person: the host or the network is down for now.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::ConnectionLost { .. }
                | Self::NoSuchName { .. }
                | Self::Refused { .. }
                | Self::TimedOut { .. }
                | Self::Unreachable { .. }
                | Self::Handshake { .. }
                | Self::Channel { .. }
        )
    }
}
