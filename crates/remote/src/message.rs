//! What a lane says on standard error, line by line.

/// An answer of a lane. Each names the attempt that it is about, where it is about one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The lane is open.
    Ready,
    /// The lane cannot work on this host.
    Cannot(String),
    /// The command has ended.
    End(String, End),
    /// The attempt was started before.
    Exists(String),
    /// The attempt is not on record.
    None(String),
    /// The attempt is claimed, and its supervisor has not written itself down yet.
    Claimed { attempt: String, stop: Option<String> },
    /// The command runs.
    Running { attempt: String, supervisor: Process, seconds: u64, stop: Option<String> },
    /// The host was restarted since.
    Rebooted { attempt: String, size: u64 },
    /// The supervisor is dead and left no status.
    Gone { attempt: String, size: u64, stop: Option<String> },
    /// The record cannot be made.
    Refused { attempt: String, why: String },
    /// The supervisor could not start the command.
    Fail { attempt: String, why: String },
    /// The log is not there.
    NoLog(String),
    /// The log's size now.
    Size { attempt: String, size: u64 },
    /// A living process of the attempt.
    Alive { attempt: String, process: Process, command: String },
    /// A process of the host, where it takes more to tell whose it is.
    Listed { attempt: String, pid: u32, parent: u32, group: u32, zombie: bool, command: String },
    /// All processes were named; the supervisor, if it lives, and the one that copies to the log, if there ever was one.
    Looked { attempt: String, supervisor: Option<u32>, copier: Option<u32> },
    /// A question has started.
    Asked { name: String, process: Process },
    /// The answer to a ping.
    Pong,
}

/// A process and when it started, so that a reused number is told from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) start: String,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// `None` when it was never started, because it was stopped before.
    pub(crate) status: Option<u8>,
    pub(crate) size: u64,
    /// Whether the shell said that a signal ended it.
    pub(crate) signalled: bool,
    pub(crate) stop: Option<String>,
    pub(crate) copy: Copied,
    /// Whether the log lacks some of what the command wrote.
    pub(crate) cut: bool,
}

/// Who copies the log of a command that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copied {
    /// The supervisor, all of it.
    Sent,
    /// The lane, which follows it already.
    Followed,
    /// Nobody: it is too long to be sent unasked.
    Nobody,
    /// This was read from the record, which does not say.
    Unknown,
}

impl Message {
    /// Reads a line. `None` for what is not a message of the lane with this token: noise.
    pub(crate) fn parse(line: &str, token: &str) -> Option<Self> {
        let rest = &line[line.find(token)? + token.len()..];
        let mut words = rest.split_ascii_whitespace();
        let mut word = || words.next();
        let optional = |word: &str| (word != "-").then(|| word.to_owned());
        Some(match word()? {
            "ready" => Self::Ready,
            "pong" => Self::Pong,
            "cannot" => Self::Cannot(after(rest, 1)),
            "end" => {
                let attempt = word()?.to_owned();
                let status = match word()? {
                    "void" => None,
                    number => Some(number.parse::<u8>().ok()?),
                };
                let size = word()?.parse().ok()?;
                let signalled = word()? != "-";
                let stop = optional(word()?);
                let copy = match word()? {
                    "sent" => Copied::Sent,
                    "follow" => Copied::Followed,
                    "unknown" => Copied::Unknown,
                    _ => Copied::Nobody,
                };
                let cut = word() == Some("cut");
                Self::End(attempt, End { status, size, signalled, stop, copy, cut })
            }
            "exists" => Self::Exists(word()?.to_owned()),
            "state" => {
                let attempt = word()?.to_owned();
                match word()? {
                    "none" => Self::None(attempt),
                    "claimed" => Self::Claimed { attempt, stop: optional(word()?) },
                    "running" => Self::Running {
                        attempt,
                        supervisor: Process { pid: word()?.parse().ok()?, start: word()?.to_owned() },
                        // A clock that was set back counts as no time.
                        seconds: word()?.parse::<i64>().ok()?.max(0).unsigned_abs(),
                        stop: optional(word()?),
                    },
                    "rebooted" => Self::Rebooted { attempt, size: word()?.parse().ok()? },
                    "gone" => Self::Gone { attempt, size: word()?.parse().ok()?, stop: optional(word()?) },
                    _ => return None,
                }
            }
            "refused" => Self::Refused { attempt: word()?.to_owned(), why: after(rest, 2) },
            "fail" => Self::Fail { attempt: word()?.to_owned(), why: after(rest, 2) },
            "nolog" => Self::NoLog(word()?.to_owned()),
            "size" => Self::Size { attempt: word()?.to_owned(), size: word()?.parse().ok()? },
            "proc" => Self::Alive {
                attempt: word()?.to_owned(),
                process: Process { pid: word()?.parse().ok()?, start: word()?.to_owned() },
                command: after(rest, 4),
            },
            "ps" => Self::Listed {
                attempt: word()?.to_owned(),
                pid: word()?.parse().ok()?,
                parent: word()?.parse().ok()?,
                group: word()?.parse().ok()?,
                zombie: word()?.starts_with('Z'),
                command: after(rest, 6),
            },
            "looked" => Self::Looked {
                attempt: word()?.to_owned(),
                supervisor: word()?.parse().ok(),
                copier: word().and_then(|word| word.parse().ok()),
            },
            "asked" => Self::Asked {
                name: word()?.to_owned(),
                process: Process { pid: word()?.parse().ok()?, start: word()?.to_owned() },
            },
            _ => return None,
        })
    }

    /// The attempt or question that the message is about.
    pub(crate) fn about(&self) -> Option<&str> {
        match self {
            Self::Ready | Self::Cannot(_) | Self::Pong => None,
            Self::End(attempt, _) | Self::None(attempt) | Self::NoLog(attempt) | Self::Exists(attempt) => {
                Some(attempt)
            }
            Self::Claimed { attempt, .. }
            | Self::Running { attempt, .. }
            | Self::Rebooted { attempt, .. }
            | Self::Gone { attempt, .. }
            | Self::Refused { attempt, .. }
            | Self::Fail { attempt, .. }
            | Self::Size { attempt, .. }
            | Self::Alive { attempt, .. }
            | Self::Listed { attempt, .. }
            | Self::Looked { attempt, .. } => Some(attempt),
            Self::Asked { name, .. } => Some(name),
        }
    }
}

/// What follows the first `words` words.
fn after(text: &str, words: usize) -> String {
    let mut rest = text.trim_start();
    for _ in 0..words {
        rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
    }
    rest.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_read_with_all_its_parts() {
        assert_eq!(
            Message::parse("T end a.1 137 12 1 stopped -", "T"),
            Some(Message::End(
                "a.1".into(),
                End {
                    status: Some(137),
                    size: 12,
                    signalled: true,
                    stop: Some("stopped".into()),
                    copy: Copied::Nobody,
                    cut: false
                }
            ))
        );
        let cut = Message::parse("T end a 0 12 - - sent cut", "T");
        assert!(matches!(cut, Some(Message::End(_, End { cut: true, .. }))));
        assert!(matches!(
            Message::parse("T end a void 0 - stopped -", "T"),
            Some(Message::End(_, End { status: None, .. }))
        ));
    }

    #[test]
    fn noise_and_torn_lines_are_no_messages() {
        for line in
            ["", "hello", "T", "T end", "T end a", "T end a x 1 - - -", "T end a 256 1 - - -", "U ready"]
        {
            assert_eq!(Message::parse(line, "T"), None, "{line:?}");
        }
    }

    #[test]
    fn a_message_after_noise_without_a_line_break_is_found() {
        assert_eq!(Message::parse("warning: xT ready 12", "T"), Some(Message::Ready));
    }

    #[test]
    fn texts_keep_their_spaces() {
        assert_eq!(
            Message::parse("T refused a sh: cannot create: No space left", "T"),
            Some(Message::Refused { attempt: "a".into(), why: "sh: cannot create: No space left".into() })
        );
        assert_eq!(
            Message::parse("T cannot be done here", "T"),
            Some(Message::Cannot("be done here".into()))
        );
    }
}
