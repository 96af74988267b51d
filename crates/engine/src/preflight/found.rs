//! What answers of a host mean.

use steadyhand_domain::{Check, CheckKind, ConnectionProblem, Facts, Sudo};
use steadyhand_remote::RemoteError;

/// Less free than this, and the next step may fail for it.
const LEAST_BYTES: u64 = 100 << 20;
/// Less of the whole than this, and somebody should know.
const LITTLE_PERCENT: u64 = 10;
/// Clocks that are further apart than this many seconds make certificates, tokens and caches go wrong.
const FAR_OFF: f64 = 5.0;

/// What the way to a host shows, up to where it ends.
pub(super) fn connection(error: &RemoteError) -> Vec<Check> {
    use CheckKind::{Connection, Disk, HostKey, Login, Name, Shell};
    let problem = error.problem();
    let cause = match error {
        // Its disk is full, or its home is read-only or not private.
        RemoteError::Record { .. } => "no_records".to_owned(),
        _ => word(problem),
    };
    let (what, verdict_is_warning) = match problem {
        ConnectionProblem::NoSuchName => (Name, false),
        ConnectionProblem::Refused
        | ConnectionProblem::TimedOut
        | ConnectionProblem::Unreachable
        | ConnectionProblem::Handshake
        | ConnectionProblem::Lost => (Connection, false),
        // A person may accept it when the run asks.
        ConnectionProblem::HostKeyUnknown => (HostKey, true),
        ConnectionProblem::HostKeyChanged
        | ConnectionProblem::HostKeyRevoked
        | ConnectionProblem::KnownHosts => (HostKey, false),
        // A person may type the passphrase when the run asks.
        ConnectionProblem::KeyLocked => (Login, true),
        ConnectionProblem::LoginRefused
        | ConnectionProblem::KeyMissing
        | ConnectionProblem::KeyUnreadable
        | ConnectionProblem::WrongPassphrase
        | ConnectionProblem::KeyUnusable => (Login, false),
        ConnectionProblem::NoShell => (Shell, false),
        ConnectionProblem::Other if matches!(error, RemoteError::Record { .. }) => (Disk, false),
        ConnectionProblem::Other if matches!(error, RemoteError::Facts { .. }) => (Shell, false),
        ConnectionProblem::Other => (Connection, false),
    };
    let mut checks = way(what);
    let message = error.to_string();
    checks.push(match problem {
        ConnectionProblem::HostKeyUnknown => Check::warn(what, &cause, unknown_key(error).unwrap_or(message)),
        _ if verdict_is_warning => Check::warn(what, &cause, message),
        _ => Check::fail(what, &cause, message),
    });
    checks
}

fn unknown_key(error: &RemoteError) -> Option<String> {
    let RemoteError::HostKeyUnknown { host, algorithm, fingerprint } = error else { return None };
    Some(format!(
        "{host}: its {algorithm} host key {fingerprint} is not known yet. Compare the fingerprint with the server's; the \
         first connection asks whether to trust it. What comes behind it was not looked at."
    ))
}

/// What was found to be well before `what` on the way to a host.
fn way(what: CheckKind) -> Vec<Check> {
    [
        (CheckKind::Name, "it resolves"),
        (CheckKind::Connection, "an SSH server answers"),
        (CheckKind::HostKey, "it is the known one"),
        (CheckKind::Login, "the user is let in"),
        (CheckKind::Shell, "a POSIX shell answers"),
    ]
    .into_iter()
    .take_while(|(passed, _)| *passed != what)
    .map(|(passed, message)| Check::ok(passed, message))
    .collect()
}

/// The way to a host that answers.
pub(super) fn reached(is_local: bool) -> Vec<Check> {
    let mut checks = way(CheckKind::Disk);
    if is_local {
        checks.retain(|check| check.what == CheckKind::Shell);
    }
    checks
}

/// The word for a problem, as it is recorded everywhere.
fn word(problem: ConnectionProblem) -> String {
    match serde_json::to_value(problem) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// What `sudo` wants, where somebody must become root; `has_password` when the plan has one for it.
pub(super) fn sudo(facts: &Facts, has_password: bool) -> Check {
    let user = facts.user.as_deref().unwrap_or("the user");
    match (facts.uid, facts.sudo) {
        (Some(0), _) => Check::ok(CheckKind::Sudo, "the user is root"),
        (_, Some(Sudo::Passwordless)) => Check::ok(CheckKind::Sudo, "it wants no password"),
        (_, Some(Sudo::Password)) if has_password => {
            Check::ok(CheckKind::Sudo, "it wants a password, and the plan has one")
        }
        (_, Some(Sudo::Password)) => Check::fail(
            CheckKind::Sudo,
            "sudo_password",
            format!(
                "sudo wants the password of {user}, and nobody is there to type it. Allow {user} sudo without one \
                 (NOPASSWD), or log in as root."
            ),
        ),
        (_, Some(Sudo::None)) => Check::fail(
            CheckKind::Sudo,
            "no_sudo",
            format!(
                "{user} cannot become root: sudo is not installed there, or does not allow it. Add {user} to the \
                 sudoers, or log in as root."
            ),
        ),
        (_, None) => Check::warn(
            CheckKind::Sudo,
            "sudo_unknown",
            format!("sudo did not say whether {user} may become root. Try `sudo -n true` there."),
        ),
    }
}

/// How far the clock is off, if the host told.
pub(super) fn clock(facts: &Facts) -> Option<Check> {
    let offset = facts.clock_offset?;
    if offset.abs() <= FAR_OFF {
        return Some(Check::ok(CheckKind::Clock, "it agrees with this machine's"));
    }
    let how = if offset > 0.0 { "ahead of" } else { "behind" };
    let message = format!(
        "its clock is {:.0} s {how} this machine's. Set it there (timedatectl set-ntp true), or here.",
        offset.abs()
    );
    Some(Check::warn(CheckKind::Clock, "clock_offset", message))
}

/// What a host told of its disks and programs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    rooms: Vec<Room>,
    missing: Vec<String>,
    unwritable: Option<String>,
    is_whole: bool,
}

/// A file system.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Room {
    mount: String,
    /// The paths that were asked for and are on it.
    paths: Vec<String>,
    size: u64,
    free: u64,
    /// All and free ones, where the file system counts them.
    inodes: Option<(u64, u64)>,
}

impl Look {
    pub(super) fn read(output: &[u8]) -> Self {
        let text = String::from_utf8_lossy(output);
        let mut look = Self::default();
        let lines = || {
            text.lines().filter_map(|line| {
                let mut parts = line.splitn(3, '\t');
                Some((parts.next()?, parts.next()?, parts.next()?))
            })
        };
        for (key, path, rest) in lines() {
            match key {
                "space" => {
                    let Some((mount, blocks, free)) = df(rest) else { continue };
                    match look.rooms.iter_mut().find(|room| room.mount == mount) {
                        Some(room) if room.paths.iter().any(|known| known == path) => {}
                        Some(room) => room.paths.push(path.to_owned()),
                        None => look.rooms.push(Room {
                            mount,
                            paths: vec![path.to_owned()],
                            size: blocks.saturating_mul(1024),
                            free: free.saturating_mul(1024),
                            inodes: None,
                        }),
                    }
                }
                "missing" => look.missing.push(path.to_owned()),
                "unwritable" => look.unwritable = Some(path.to_owned()),
                "end" => look.is_whole = true,
                _ => {}
            }
        }
        for (_, _, rest) in lines().filter(|(key, ..)| *key == "inodes") {
            // File systems that make them as they need them count none.
            let Some((mount, all, free)) = df(rest).filter(|(_, all, _)| *all > 0) else { continue };
            if let Some(room) = look.rooms.iter_mut().find(|room| room.mount == mount) {
                room.inodes = Some((all, free));
            }
        }
        look.rooms.sort_by(|a, b| a.mount.cmp(&b.mount));
        look.rooms.iter_mut().for_each(|room| room.paths.sort());
        look
    }

    pub(super) fn checks(&self, programs: &[&str]) -> Vec<Check> {
        let mut checks: Vec<Check> = self.rooms.iter().filter_map(Room::check).collect();
        if let Some(home) = &self.unwritable {
            let message = format!(
                "{home}, the home of the user, cannot be written, and steps are recorded there. Give it to the user, or \
                 mount it writable."
            );
            checks.push(Check::fail(CheckKind::Disk, "read_only", message));
        }
        if self.rooms.is_empty() {
            let message = "df did not say how much room there is. Try `df -P / /tmp ~` there.";
            checks.push(Check::warn(CheckKind::Disk, "disk_unknown", message));
        } else if checks.is_empty() {
            let least = self.rooms.iter().map(|room| room.free).min().unwrap_or_default();
            checks.push(Check::ok(CheckKind::Disk, format!("at least {} free", bytes(least))));
        }
        if !self.missing.is_empty() {
            let names = self.missing.join(", ");
            let message = format!("{names}: not found there, and the steps need it. Install it first.");
            checks.push(Check::fail(CheckKind::Programs, "missing_program", message));
        } else if self.is_whole {
            checks.push(Check::ok(CheckKind::Programs, format!("{} found", programs.join(", "))));
        }
        checks
    }
}

impl Room {
    fn check(&self) -> Option<Check> {
        let (mount, free) = (&self.mount, bytes(self.free));
        let others: Vec<&str> = self.paths.iter().filter(|path| *path != mount).map(String::as_str).collect();
        let what =
            if others.is_empty() { mount.clone() } else { format!("{mount} (with {})", others.join(", ")) };
        let advice = "Remove what is not needed there, or make it larger.";
        if let Some((_, 0)) = self.inodes {
            let message = format!("{what} has no inodes left, so no file can be made. {advice}");
            return Some(Check::fail(CheckKind::Disk, "no_inodes", message));
        }
        if self.free < LEAST_BYTES {
            let message = format!("{what} is full: {free} of {} free. {advice}", bytes(self.size));
            return Some(Check::fail(CheckKind::Disk, "disk_full", message));
        }
        if self.free < self.size / 100 * LITTLE_PERCENT {
            let percent = self.free / (self.size / 100).max(1);
            let message = format!("{what} is nearly full: {free}, {percent} %, free. {advice}");
            return Some(Check::warn(CheckKind::Disk, "disk_nearly_full", message));
        }
        let (all, left) = self.inodes?;
        (left < all / 100 * LITTLE_PERCENT).then(|| {
            let message = format!("{what} has few inodes left: {left} of {all}. {advice}");
            Check::warn(CheckKind::Disk, "few_inodes", message)
        })
    }
}

/// Mount, all and free of a line of `df -P`: device, all, used, free, share, mount. Device and mount may have spaces.
fn df(line: &str) -> Option<(String, u64, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let numbers = |at: usize| -> Option<(u64, u64)> {
        let number = |at: usize| words.get(at)?.parse::<u64>().ok();
        number(at + 1)?;
        Some((number(at)?, number(at + 2)?))
    };
    let is_share = |word: &&&str| {
        **word == "-" || word.strip_suffix('%').is_some_and(|share| share.parse::<u64>().is_ok())
    };
    (1..words.len()).find_map(|at| {
        let (all, free) = numbers(at)?;
        words.get(at + 3).filter(is_share)?;
        let mount = words.get(at + 4..)?.join(" ");
        mount.starts_with('/').then_some((mount, all, free))
    })
}

fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.iter().find(|(size, _)| bytes >= *size);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(size, name)| {
            let tenths = u128::from(bytes) * 10 / u128::from(*size);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        },
    )
}

#[cfg(test)]
mod tests {
    use steadyhand_domain::PreflightVerdict;

    use super::*;

    fn found(output: &str) -> Vec<(CheckKind, PreflightVerdict, String)> {
        let checks = Look::read(output.as_bytes()).checks(&["tar"]);
        checks.into_iter().map(|check| (check.what, check.verdict, check.cause.unwrap_or_default())).collect()
    }

    #[test]
    fn room_is_told_by_file_system_and_not_by_path() {
        let output = "space\t/\t/dev/sda1 100000000 1 50000000 50% /\nspace\t/tmp\ttmpfs 1000000 990000 10000 99% /tmp\nspace\t/root\t/dev/sda1 100000000 1 50000000 50% /\ninodes\t/\t/dev/sda1 100 1 99 1% /\nend\t\t\n";
        let tmp = (CheckKind::Disk, PreflightVerdict::Fail, "disk_full".to_owned());
        assert_eq!(found(output), [tmp, (CheckKind::Programs, PreflightVerdict::Ok, String::new())]);
        let checks = Look::read(output.as_bytes()).checks(&[]);
        assert!(checks[0].message.starts_with("/tmp is full: 9.7 MiB of 976.5 MiB free"), "{checks:?}");
        assert_eq!(Look::read(output.as_bytes()).rooms[0].paths, ["/", "/root"]);
    }

    #[test]
    fn little_room_is_a_warning_and_none_an_error() {
        let check = |line: &str, inodes: &str, expected: Option<(PreflightVerdict, &str)>| {
            let output = format!("space\t/\t{line}\ninodes\t/\t{inodes}\n");
            let first = found(&output).into_iter().next().expect("a check");
            let expected = expected.unwrap_or((PreflightVerdict::Ok, ""));
            assert_eq!((first.1, first.2.as_str()), expected, "{line} {inodes}");
        };
        check("/dev/x 10000000 1 5000000 50% /", "/dev/x 100 1 99 1% /", None);
        check(
            "/dev/x 10000000 1 900000 91% /",
            "/dev/x 100 1 99 1% /",
            Some((PreflightVerdict::Warn, "disk_nearly_full")),
        );
        check(
            "/dev/x 10000000 1 102399 99% /",
            "/dev/x 100 1 99 1% /",
            Some((PreflightVerdict::Fail, "disk_full")),
        );
        check(
            "/dev/x 10000000 1 5000000 50% /",
            "/dev/x 100 100 0 100% /",
            Some((PreflightVerdict::Fail, "no_inodes")),
        );
        check(
            "/dev/x 10000000 1 5000000 50% /",
            "/dev/x 1000 950 50 95% /",
            Some((PreflightVerdict::Warn, "few_inodes")),
        );
        check("/dev/x 10000000 1 5000000 50% /", "/dev/x 0 0 0 - /", None);
        check("a b 10000000 1 5000000 50% /", "", None);
    }

    #[test]
    fn what_is_missing_and_what_was_not_told_is_said() {
        let full = "space\t/\t/dev/x 10000000 1 5000000 50% /\n";
        let missing = (CheckKind::Programs, PreflightVerdict::Fail, "missing_program".to_owned());
        assert_eq!(found(&format!("{full}missing\ttar\t\nend\t\t\n"))[1], missing);
        let unknown = (CheckKind::Disk, PreflightVerdict::Warn, "disk_unknown".to_owned());
        assert_eq!(found("end\t\t\n")[0], unknown);
        let read_only = (CheckKind::Disk, PreflightVerdict::Fail, "read_only".to_owned());
        assert_eq!(found(&format!("{full}unwritable\t/home/a\t\nend\t\t\n"))[0], read_only);
        assert_eq!(found("rubbish\n\u{0}")[0], unknown);
    }

    #[test]
    fn a_connection_is_told_up_to_where_it_ends() {
        let host = || "web1:22".to_owned();
        let check = |error: RemoteError, passed: usize, what, verdict, cause: &str| {
            let checks = connection(&error);
            assert!(checks[..passed].iter().all(|check| check.verdict == PreflightVerdict::Ok), "{checks:?}");
            let last = &checks[passed];
            assert_eq!((last.what, last.verdict, last.cause.as_deref()), (what, verdict, Some(cause)));
            assert_eq!(checks.len(), passed + 1);
        };
        let no_name = RemoteError::NoSuchName { host: host(), name: "web1".into(), detail: String::new() };
        check(no_name, 0, CheckKind::Name, PreflightVerdict::Fail, "no_such_name");
        check(
            RemoteError::Refused { host: host() },
            1,
            CheckKind::Connection,
            PreflightVerdict::Fail,
            "refused",
        );
        let unknown = RemoteError::HostKeyUnknown {
            host: host(),
            algorithm: "ssh-ed25519".into(),
            fingerprint: "SHA256:x".into(),
        };
        assert!(connection(&unknown)[2].message.contains("SHA256:x"));
        check(unknown, 2, CheckKind::HostKey, PreflightVerdict::Warn, "host_key_unknown");
        let refused = RemoteError::Authentication {
            host: host(),
            user: "a".into(),
            tried: vec![],
            next: String::new(),
        };
        check(refused, 3, CheckKind::Login, PreflightVerdict::Fail, "login_refused");
        let no_shell = RemoteError::NoShell { host: host(), detail: String::new() };
        check(no_shell, 4, CheckKind::Shell, PreflightVerdict::Fail, "no_shell");
        let full = RemoteError::Record { host: host(), detail: String::new() };
        check(full, 5, CheckKind::Disk, PreflightVerdict::Fail, "no_records");
    }

    #[test]
    fn sudo_and_clock_are_judged_by_what_the_host_told() {
        let check = |uid, told, has_password, verdict| {
            let facts = Facts { uid: Some(uid), sudo: told, ..Facts::default() };
            assert_eq!(sudo(&facts, has_password).verdict, verdict);
        };
        check(0, Some(Sudo::None), false, PreflightVerdict::Ok);
        check(1000, Some(Sudo::Passwordless), false, PreflightVerdict::Ok);
        check(1000, Some(Sudo::Password), true, PreflightVerdict::Ok);
        check(1000, Some(Sudo::Password), false, PreflightVerdict::Fail);
        check(1000, Some(Sudo::None), true, PreflightVerdict::Fail);
        check(1000, None, false, PreflightVerdict::Warn);
        let offset = |seconds| clock(&Facts { clock_offset: Some(seconds), ..Facts::default() });
        assert_eq!(offset(4.9).map(|check| check.verdict), Some(PreflightVerdict::Ok));
        let behind = offset(-3600.0).expect("a check");
        assert!(
            behind.verdict == PreflightVerdict::Warn && behind.message.contains("3600 s behind"),
            "{behind:?}"
        );
        assert_eq!(clock(&Facts::default()), None);
    }
}
