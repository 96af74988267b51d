//! Resources: what should be on a host, each with one script that compares, and that changes only what differs.
//!
//! The scripts need what every host has: a POSIX shell and coreutils or busybox, and the tool that a resource is about.
//! `lib.sh` tells how they are made. They run as ordinary steps do, or as ordinary questions where nothing may change.

use crate::shell;

const LIB: &str = include_str!("lib.sh");

/// The kinds of resources and their scripts.
const KINDS: &[(&str, &str)] =
    &[("directory", include_str!("directory.sh")), ("file", include_str!("file.sh"))];

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
    KINDS.iter().map(|(name, _)| *name)
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
    let (_, program) = KINDS.iter().find(|(name, _)| *name == kind)?;
    let mode = match mode {
        Mode::Check => "check",
        Mode::Apply => "apply",
    };
    let mut script = format!("mode={mode}\n");
    for (name, value) in params {
        script.push_str(&format!("p_{name}={}\n", shell::quote(value)));
    }
    script.push_str(&shell::strip(LIB));
    script.push_str(&shell::strip(program));
    script.push_str("finish\n");
    Some(script)
}
