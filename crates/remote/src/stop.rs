//! Ending the processes of an attempt: TERM, the grace period, KILL, and looks that nothing is left.

use std::time::Duration;

use tokio::time::Instant;

use crate::Elevation;
use crate::elevate::UP;
use crate::message::{Message, Process};

/// Between two looks, while processes are expected to end.
const LOOK_EVERY: Duration = Duration::from_millis(60);
/// How long processes may take to vanish after KILL. One that waits for a dead disk or server may not.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// An attempt that is being ended.
pub(crate) struct Stopping {
    grace: Duration,
    /// How to become the user as whom it runs: shell code.
    up: String,
    supervisor: Option<Process>,
    /// The command has ended.
    ended: bool,
    /// Only to see what is left; nothing is signalled.
    only_look: bool,
    /// Since when TERM was sent.
    since: Option<Instant>,
    terminated: Vec<u32>,
    look_at: Option<Instant>,
    seen: Vec<(Process, String)>,
    listed: Vec<Listed>,
}

#[derive(Clone)]
struct Listed {
    pid: u32,
    parent: u32,
    group: u32,
    zombie: bool,
    command: String,
}

/// What follows from a look.
pub(crate) enum Verdict {
    Wait,
    /// Call this.
    Signal(String),
    /// This is left, and will be.
    Left(Vec<String>),
}

impl Stopping {
    pub(crate) fn new(grace: Duration, elevation: Option<&Elevation>) -> Self {
        let up =
            elevation.map_or_else(|| format!("ups=\n{UP}"), |elevation| format!("ups=1\n{}", elevation.up()));
        Self {
            grace,
            up,
            supervisor: None,
            ended: false,
            only_look: false,
            since: None,
            terminated: Vec::new(),
            look_at: None,
            seen: Vec::new(),
            listed: Vec::new(),
        }
    }

    /// The command runs under this supervisor.
    pub(crate) fn know(&mut self, supervisor: Process) {
        if self.supervisor.is_none() {
            self.supervisor = Some(supervisor);
            self.look_at = Some(Instant::now());
        }
    }

    /// The command has ended. Unless it was `stopped`, what is left of it is only told.
    pub(crate) fn ended(&mut self, stopped: bool) {
        self.ended = true;
        self.only_look = !stopped;
        self.look_at = Some(Instant::now());
    }

    pub(crate) fn look_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// What to call for a look, when it is time for one.
    pub(crate) fn look(&mut self, now: Instant, attempt: &str) -> Option<String> {
        if self.look_at.is_none_or(|at| now < at) {
            return None;
        }
        self.look_at = None;
        self.seen.clear();
        self.listed.clear();
        Some(match &self.supervisor {
            Some(Process { pid, start }) => format!("{}\nlook {attempt} {pid} {start}", self.up),
            None => format!("{}\nlook {attempt} 0 -", self.up),
        })
    }

    /// Takes part of what a look has found.
    pub(crate) fn hear(&mut self, message: Message, over: bool) -> Verdict {
        match message {
            Message::Alive { process, command, .. } => {
                self.seen.push((process, command));
                Verdict::Wait
            }
            Message::Listed { pid, parent, group, zombie, command, .. } => {
                self.listed.push(Listed { pid, parent, group, zombie, command });
                Verdict::Wait
            }
            Message::Looked { supervisor, copier, .. } => {
                self.ended |= over;
                self.add_listed(supervisor, copier);
                self.judge(Instant::now())
            }
            _ => Verdict::Wait,
        }
    }

    /// Without a process file system: what is in the supervisor's process group, and what descends from it. Who copies
    /// to the log is no part of the command.
    fn add_listed(&mut self, supervisor: Option<u32>, copier: Option<u32>) {
        let Some(supervisor) = supervisor else { return };
        if let Some(copier) = copier {
            self.listed.retain(|listed| listed.pid != copier && listed.parent != copier);
        }
        let mut family = vec![supervisor];
        loop {
            let before = family.len();
            for listed in &self.listed {
                let related = listed.group == supervisor || family.contains(&listed.parent);
                if related && !family.contains(&listed.pid) {
                    family.push(listed.pid);
                }
            }
            if family.len() == before {
                break;
            }
        }
        for listed in self.listed.drain(..) {
            if listed.pid != supervisor && !listed.zombie && family.contains(&listed.pid) {
                self.seen.push((Process { pid: listed.pid, start: "-".into() }, listed.command));
            }
        }
    }

    fn judge(&mut self, now: Instant) -> Verdict {
        if self.seen.is_empty() && self.ended || self.only_look {
            return Verdict::Left(self.left());
        }
        self.look_at = Some(now + LOOK_EVERY);
        let since = *self.since.get_or_insert(now);
        let waited = now.duration_since(since);
        if self.seen.is_empty() {
            // The command is gone, and its supervisor is about to say so.
            return Verdict::Wait;
        }
        if waited >= self.grace + KILL_PATIENCE {
            return Verdict::Left(self.left());
        }
        let (signal, targets): (_, Vec<_>) = if waited >= self.grace {
            ("KILL", self.seen.iter().collect())
        } else {
            // Each once, and those that were started meanwhile too.
            let fresh = self.seen.iter().filter(|(process, _)| !self.terminated.contains(&process.pid));
            ("TERM", fresh.collect())
        };
        if targets.is_empty() {
            return Verdict::Wait;
        }
        let mut statement = format!("{}\nsignal {signal}", self.up);
        for (process, _) in &targets {
            statement.push_str(&format!(" {}:{}", process.pid, process.start));
        }
        let pids: Vec<u32> = targets.iter().map(|(process, _)| process.pid).collect();
        self.terminated.extend(pids);
        Verdict::Signal(statement)
    }

    fn left(&self) -> Vec<String> {
        self.seen.iter().map(|(process, command)| format!("{} {command}", process.pid)).collect()
    }
}
