//! Resources: what should be on a host, each with one script that compares, and that changes only what differs.
//!
//! The scripts need what every host has: a POSIX shell and coreutils or busybox, and the tool that a resource is about.
//! `lib.sh` tells how they are made. They run as ordinary steps do, or as ordinary questions where nothing may change.

use crate::shell;

const LIB: &str = include_str!("lib.sh");

/// What several kinds share.
const ACCOUNTS: &str = include_str!("accounts.sh");
const SERVICES: &str = include_str!("services.sh");

/// The kinds of resources, what each shares with others, and its script.
const KINDS: &[(&str, &str, &str)] = &[
    ("archive", "", include_str!("archive.sh")),
    ("authorized_key", "", include_str!("authorized_key.sh")),
    ("cron", "", include_str!("cron.sh")),
    ("directory", "", include_str!("directory.sh")),
    ("docker_compose", "", include_str!("docker_compose.sh")),
    ("docker_container", "", include_str!("docker_container.sh")),
    ("file", "", include_str!("file.sh")),
    ("firewall", "", include_str!("firewall.sh")),
    ("git", "", include_str!("git.sh")),
    ("group", ACCOUNTS, include_str!("group.sh")),
    ("line", "", include_str!("line.sh")),
    ("link", "", include_str!("link.sh")),
    ("package", "", include_str!("package.sh")),
    ("service", SERVICES, include_str!("service.sh")),
    ("sysctl", "", include_str!("sysctl.sh")),
    ("systemd_unit", SERVICES, include_str!("systemd_unit.sh")),
    ("user", ACCOUNTS, include_str!("user.sh")),
];

/// The parameter that names the run, for scripts that do something once a run. No plan can set it: no kind has it.
pub const RUN: &str = "run_id";
/// The exit status of a script that has changed something, or in a check, would.
pub const CHANGED: u8 = 80;
/// The exit status of a check that cannot tell.
pub const UNKNOWN: u8 = 81;

/// What a script is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only compare, and say what differs.
    Check,
    /// Change what differs, too.
    Apply,
}

/// The names of all kinds.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(name, ..)| *name)
}

/// The script of a resource of this kind with these parameters; `None` when there is no such kind.
///
/// A parameter's name is `[a-z0-9_]+`. What its value may be is said in `lib.sh`.
#[must_use]
pub fn script<'a>(
    kind: &str,
    params: impl IntoIterator<Item = (&'a str, &'a str)>,
    mode: Mode,
) -> Option<String> {
    let (_, shared, program) = KINDS.iter().find(|(name, ..)| *name == kind)?;
    Some(compose(&[shared, program], params, mode))
}

/// A script made like those of resources from `programs`, which may use what is in `lib.sh`.
#[must_use]
pub fn compose<'a>(
    programs: &[&str],
    params: impl IntoIterator<Item = (&'a str, &'a str)>,
    mode: Mode,
) -> String {
    let mode = match mode {
        Mode::Check => "check",
        Mode::Apply => "apply",
    };
    let mut script = format!("mode={mode}\n");
    for (name, value) in params {
        script.push_str(&format!("p_{name}={}\n", shell::quote(value)));
    }
    for program in [LIB].iter().chain(programs) {
        script.push_str(&shell::strip(program));
    }
    script.push_str("finish\n");
    script
}
