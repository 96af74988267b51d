//! What is looked at before a run, and what was found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What was looked at.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// Whether the host's name resolves.
    Name,
    /// Whether an SSH server answers there.
    Connection,
    /// Whether its host key is the known one.
    HostKey,
    /// Whether it lets the user in.
    Login,
    /// Whether it gives a POSIX shell.
    Shell,
    /// Whether the user may become root, where the plan needs that.
    Sudo,
    /// Room on its disks.
    Disk,
    /// The programs that steps need.
    Programs,
    /// How far its clock is from this machine's.
    Clock,
    /// The files of this machine that are uploaded.
    LocalFile,
    /// The values of secrets.
    Secret,
}

impl CheckKind {
    /// What people call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Connection => "connection",
            Self::HostKey => "host key",
            Self::Login => "login",
            Self::Shell => "shell",
            Self::Sudo => "sudo",
            Self::Disk => "disk",
            Self::Programs => "programs",
            Self::Clock => "clock",
            Self::LocalFile => "local file",
            Self::Secret => "secret",
        }
    }
}

/// What is to be thought of it, from good to bad.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PreflightVerdict {
    /// As it should be.
    Ok,
    /// The run can go well, and may not.
    Warn,
    /// The run would fail.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Check {
    /// What.
    pub what: CheckKind,
    /// What is to be thought of it.
    pub verdict: PreflightVerdict,
    /// What is the matter, in a word for programs: `no_such_name`, `refused`, `timed_out`, `host_key_changed`,
    /// `login_refused`, `no_sudo`, `disk_full`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub cause: Option<String>,
    /// What was found, and what to do about it.
    pub message: String,
}

impl Check {
    /// Something that is as it should be.
    #[must_use]
    pub fn ok(what: CheckKind, message: impl Into<String>) -> Self {
        Self { what, verdict: PreflightVerdict::Ok, cause: None, message: message.into() }
    }

    /// Something to look at.
    #[must_use]
    pub fn warn(what: CheckKind, cause: &str, message: impl Into<String>) -> Self {
        Self { what, verdict: PreflightVerdict::Warn, cause: Some(cause.to_owned()), message: message.into() }
    }

    /// Something that a run would fail of.
    #[must_use]
    pub fn fail(what: CheckKind, cause: &str, message: impl Into<String>) -> Self {
        Self { what, verdict: PreflightVerdict::Fail, cause: Some(cause.to_owned()), message: message.into() }
    }
}

/// What was found of one host. What could not be looked at because something before it failed is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct HostPreflight {
    /// Its name in the plan.
    pub host: String,
    /// What was looked at, in order.
    pub checks: Vec<Check>,
    /// How long that took, in milliseconds.
    pub took_ms: u64,
}

/// What was found before a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Preflight {
    /// The worst of all.
    pub verdict: PreflightVerdict,
    /// What concerns this machine and the plan as a whole.
    pub here: Vec<Check>,
    /// What concerns each host, in the order of the plan.
    pub hosts: Vec<HostPreflight>,
    /// How long everything took, in milliseconds.
    pub took_ms: u64,
}

impl Preflight {
    /// What was found, together.
    #[must_use]
    pub fn new(here: Vec<Check>, hosts: Vec<HostPreflight>, took_ms: u64) -> Self {
        let all = here.iter().chain(hosts.iter().flat_map(|host| &host.checks));
        let verdict = all.map(|check| check.verdict).max().unwrap_or(PreflightVerdict::Ok);
        Self { verdict, here, hosts, took_ms }
    }
}
