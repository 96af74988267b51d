//! What is asked of a host, and what it answers.

use std::{fmt, time::Duration};

use secrecy::SecretString;
use steadyhand_domain::StepOutcome;

use crate::Elevation;

/// One attempt of a step: what runs, and under which name it is claimed on the host.
#[derive(Clone, Debug)]
pub struct StepRequest {
    /// The attempt's name, `[A-Za-z0-9._-]+`, unique for ever: an attempt is executed at most once.
    pub attempt: String,
    /// Shell code. It reaches the host on standard input and is on no command line and in no file there.
    pub script: SecretString,
    /// Run by the user's login shell, as a login shell, instead of by `/bin/sh`.
    pub login_shell: bool,
    /// The working directory; the user's home when `None`. `~/` is the user's home.
    pub cwd: Option<String>,
    /// Environment variables, exported before the script runs.
    pub env: Vec<(String, SecretString)>,
    /// As whom it runs, when not as the user that logs in. Then its home is that one's, and so is `~/`.
    pub elevation: Option<Elevation>,
    /// Whether what it writes to standard output is kept apart, too, for [`Host::output`](crate::Host::output).
    pub capture: bool,
    /// How long the command may run, counted on the host from its start.
    pub timeout: Option<Duration>,
    /// Whether the attempt is known to have been started before. Then it is only attached to: should its record be
    /// gone from the host, it is lost, and does not run a second time.
    pub started_before: bool,
    /// How long the command has between TERM and KILL when it is stopped or timed out.
    pub grace: Duration,
}

impl StepRequest {
    /// `script` under `/bin/sh` in the user's home, without a timeout and with a grace of 10 seconds.
    #[must_use]
    pub fn new(attempt: impl Into<String>, script: impl Into<String>) -> Self {
        Self {
            attempt: attempt.into(),
            script: SecretString::from(script.into()),
            login_shell: false,
            cwd: None,
            env: Vec::new(),
            elevation: None,
            capture: false,
            timeout: None,
            started_before: false,
            grace: Duration::from_secs(10),
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its outcome, as the host recorded it.
    pub outcome: StepOutcome,
    /// The log's length in bytes. Every byte of it, from the offset asked for, was sent.
    pub log_size: u64,
    /// Whether the command wrote more than that, which the host could not keep: its disk was full, or what writes the
    /// log was killed. With an exit status of 0 the outcome is then a loss and no success.
    pub log_cut: bool,
    /// After a stop or timeout: processes that survived KILL, as `pid command`. Empty says that it was looked for
    /// and nothing is left.
    pub left_running: Vec<String>,
}

/// The answer to a short question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The script's exit status; `None` when it ran too long and was ended.
    pub status: Option<u8>,
    /// What it wrote to standard output and standard error, cut at 64 KiB.
    pub output: Vec<u8>,
}

/// How far an upload or a download has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferProgress {
    /// Files sent.
    pub files: u64,
    /// Bytes of files sent.
    pub bytes: u64,
}

/// What was uploaded or downloaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferSummary {
    /// Files and symbolic links that differed, and so were sent. A downloaded file of which only the mode differed has
    /// got that without being sent.
    pub files: u64,
    /// Bytes of files that were sent.
    pub bytes: u64,
    /// Folders that were missing.
    pub folders: u64,
    /// Files and symbolic links that were there already, the same.
    pub unchanged: u64,
}

impl TransferSummary {
    /// Whether anything was other than it is now.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.files > 0 || self.folders > 0
    }
}

/// A folder that a host has now exactly as it is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrored {
    /// What was sent.
    pub summary: TransferSummary,
    /// Files, links and folders that were removed there; of a folder, what was in it does not count.
    pub removed: u64,
    /// A SHA-256 over the sorted names, contents and modes of all that is in it.
    pub sha256: String,
}

/// How far a large file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileProgress {
    /// The byte from which on this connection sends it.
    pub begun_at: u64,
    /// The byte that comes next.
    pub at: u64,
    /// How many it has.
    pub size: u64,
}

/// A file that a host has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentFile {
    /// Its SHA-256, which is its name there.
    pub sha256: String,
    /// How many bytes it has.
    pub size: u64,
    /// How many of them were sent over the last connection.
    pub sent: u64,
}

/// What an upload or a download would put somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where it would be put.
    pub path: String,
    /// How what is there differs.
    pub how: Differs,
}

/// How what is in a place differs from what is to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differs {
    /// There is nothing.
    Missing,
    /// It has another content, or leads elsewhere.
    Content,
    /// Only its mode is another.
    Mode {
        /// The mode that it has.
        from: u32,
        /// The mode that it is to have.
        to: u32,
    },
    /// It is a link where a file is to be, or the other way round.
    Kind,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match self.how {
            Differs::Missing => write!(f, "+ {path}"),
            Differs::Content | Differs::Kind => write!(f, "~ {path}"),
            Differs::Mode { from, to } => write!(f, "~ {path} (mode {from:04o} → {to:04o})"),
        }
    }
}
