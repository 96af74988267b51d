//! One attempt, driven over a lane: started or attached to, followed to its end, stopped when that is asked for.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use secrecy::ExposeSecret;
use steadyhand_domain::{LossReason, StepOutcome};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::lane::{Incoming, Lane};
use crate::message::{Copied, End, Message};
use crate::shell;
use crate::stop::{Stopping, Verdict};
use crate::{Ended, RemoteError, StepRequest};

/// A step that lasts longer than this is followed; a shorter one sends its log when it ends, which costs nothing.
const FOLLOW_AFTER: Duration = Duration::from_millis(25);
/// How often it is looked whether the supervisor still lives.
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// How often it is looked whether a step has ended whose supervisor answers to another lane.
const ATTACHED_CHECK_EVERY: Duration = Duration::from_millis(150);
/// A supervisor that has not written itself down after this will not; it is made sure of that before it is said.
const CLAIM_PATIENCE: Duration = Duration::from_secs(10);
/// The rest of a log that does not come is asked for again after this.
const REST_PATIENCE: Duration = Duration::from_secs(5);
/// Log bytes that wait for their receiver: above the first, the copying is held; below the second, it goes on.
const HIGH: usize = 4 << 20;
const LOW: usize = 1 << 20;

/// An attempt on its way, over as many lanes as it takes.
pub(crate) struct Step<'a> {
    request: &'a StepRequest,
    host: &'a str,
    output: mpsc::Sender<Bytes>,
    cancel: CancellationToken,
    /// Offset of the next byte from the host.
    received: u64,
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
    /// It is known to have been started.
    attach_only: bool,
    deadline: Option<Instant>,
}

/// How it went on one lane.
pub(crate) enum Went {
    /// The attempt has ended, and all of its log was handed over.
    Ended(Ended),
    /// The lane died; the attempt goes on.
    LaneGone(String),
}

/// What is known to have become of the command.
enum Fate {
    Ended(End),
    Lost { reason: LossReason, size: u64, stop: Option<String> },
}

impl Fate {
    fn size(&self) -> u64 {
        match self {
            Self::Ended(end) => end.size,
            Self::Lost { size, .. } => *size,
        }
    }

    fn stop(&self) -> Option<&str> {
        match self {
            Self::Ended(End { stop, .. }) | Self::Lost { stop, .. } => stop.as_deref(),
        }
    }
}

/// Whether a lane copies the log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Copying {
    Not,
    /// It was asked to, unless the supervisor has sent the log already.
    Lazily,
    Yes,
}

/// What is going on on one lane.
struct Scene<'l> {
    lane: &'l mut Lane,
    copying: Copying,
    held: bool,
    attached: bool,
    started: Instant,
    check_at: Instant,
    claimed_since: Option<Instant>,
    fate: Option<Fate>,
    progress: Instant,
    asked_again: bool,
    stopping: Option<Stopping>,
    /// What was left when it was last looked.
    left: Option<Vec<String>>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(
        request: &'a StepRequest,
        host: &'a str,
        from: u64,
        output: mpsc::Sender<Bytes>,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            request,
            host,
            output,
            cancel,
            received: from,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            attach_only: request.started_before || from > 0,
            deadline: None,
        }
    }

    /// Drives the attempt on `lane`.
    pub(crate) async fn on(&mut self, lane: &mut Lane) -> Result<Went, RemoteError> {
        let now = Instant::now();
        let output = self.output.clone();
        let mut scene = Scene {
            lane,
            copying: Copying::Not,
            held: false,
            attached: self.attach_only,
            started: now,
            check_at: now + CHECK_EVERY,
            claimed_since: None,
            fate: None,
            progress: now,
            asked_again: false,
            stopping: None,
            left: None,
        };
        let attempt = &self.request.attempt;
        let mark = scene.lane.new_mark();
        let called = if self.cancel.is_cancelled() {
            scene.attached = true;
            scene.stopping = Some(Stopping::new(self.request.grace, self.request.elevation.as_ref()));
            scene.lane.call(format!("go {mark}\nstop {attempt} stopped"))
        } else if self.attach_only {
            scene.lane.call(format!("attach {mark} {attempt}"))
        } else {
            self.deadline = self.request.timeout.map(|timeout| now + timeout);
            let payload = shell::payload(self.request);
            scene.lane.call(format!("run {mark} {attempt} {}", shell::quote(payload.expose_secret())))
        };
        if !called {
            return Ok(Went::LaneGone("it takes no input".into()));
        }
        loop {
            if let Some(ended) = self.ended(&scene) {
                return Ok(Went::Ended(ended));
            }
            let wake = self.wake_at(&scene);
            tokio::select! {
                incoming = scene.lane.next() => match incoming {
                    Incoming::Data(bytes) => self.take(&mut scene, bytes),
                    Incoming::Message(message) if message.about() == Some(&self.request.attempt) => {
                        self.hear(&mut scene, message)?;
                    }
                    Incoming::Message(_) => {}
                    Incoming::Gone(how) => return Ok(Went::LaneGone(how)),
                },
                room = output.reserve(), if !self.waiting.is_empty() => self.hand_over(&mut scene, room.ok()),
                () = self.cancel.cancelled(), if scene.stopping.is_none() && scene.fate.is_none() => {
                    self.stop(&mut scene, "stopped");
                }
                () = sleep_until(wake) => self.tick(&mut scene),
            }
        }
    }

    /// Takes bytes of the log from the host.
    fn take(&mut self, scene: &mut Scene<'_>, bytes: Bytes) {
        scene.progress = Instant::now();
        let mut bytes = bytes;
        if let Some(fate) = &scene.fate {
            // What a process left behind writes after the command's end is not of its log.
            let room = fate.size().saturating_sub(self.received);
            bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        }
        if bytes.is_empty() {
            return;
        }
        self.received += bytes.len() as u64;
        self.waiting_bytes += bytes.len();
        self.waiting.push_back(bytes);
        if self.waiting_bytes > HIGH && !scene.held {
            scene.held = true;
            scene.lane.call("hold".into());
        }
    }

    /// Hands bytes to the receiver, which has room for them.
    fn hand_over(&mut self, scene: &mut Scene<'_>, room: Option<mpsc::Permit<'_, Bytes>>) {
        match (room, self.waiting.pop_front()) {
            (Some(room), Some(bytes)) => {
                self.waiting_bytes -= bytes.len();
                room.send(bytes);
            }
            // Nobody receives: the step goes on, and its log stays on the host.
            _ => {
                self.waiting.clear();
                self.waiting_bytes = 0;
            }
        }
        if self.waiting_bytes < LOW && scene.held {
            scene.held = false;
            scene.progress = Instant::now();
            scene.lane.call("cont".into());
        }
    }

    fn hear(&mut self, scene: &mut Scene<'_>, message: Message) -> Result<(), RemoteError> {
        let now = Instant::now();
        match message {
            Message::Exists(_) => {
                scene.attached = true;
                self.deadline = None;
            }
            Message::End(_, end) => self.hear_end(scene, end),
            Message::Running { supervisor, seconds, stop, .. } => {
                scene.claimed_since = None;
                if let Some(timeout) = self.request.timeout {
                    let left = timeout.saturating_sub(Duration::from_secs(seconds));
                    self.deadline.get_or_insert(now + left);
                }
                if scene.attached && scene.copying == Copying::Not {
                    self.follow(scene);
                }
                if stop.is_some() || scene.stopping.is_some() {
                    let request = self.request;
                    let stopping = || Stopping::new(request.grace, request.elevation.as_ref());
                    scene.stopping.get_or_insert_with(stopping).know(supervisor);
                }
                scene.check_at = now + if scene.attached { ATTACHED_CHECK_EVERY } else { CHECK_EVERY };
            }
            Message::Claimed { stop: Some(stop), .. } => {
                // Its supervisor will see that and not start it.
                let (size, copy) = (0, Copied::Sent);
                let end = End { status: None, size, signalled: false, stop: Some(stop), copy, cut: false };
                self.settle(scene, Fate::Ended(end));
            }
            Message::Claimed { stop: None, .. } => {
                scene.attached = true;
                let since = *scene.claimed_since.get_or_insert(now);
                if now.duration_since(since) > CLAIM_PATIENCE {
                    self.stop(scene, "lost");
                }
                scene.check_at = now + ATTACHED_CHECK_EVERY;
            }
            Message::None(_) => {
                let reason = LossReason::RecordGone { detail: "the host has no record of it".into() };
                self.settle(scene, Fate::Lost { reason, size: self.received, stop: None });
            }
            Message::Rebooted { size, .. } => {
                self.settle(scene, Fate::Lost { reason: LossReason::Rebooted, size, stop: None });
                self.rest(scene);
            }
            Message::Gone { size, stop, .. } => {
                self.settle(scene, Fate::Lost { reason: LossReason::SupervisorGone, size, stop });
                self.rest(scene);
            }
            Message::NoLog(_) => {
                let reason = LossReason::RecordGone { detail: "its log is not on the host any more".into() };
                scene.fate = Some(Fate::Lost { reason, size: self.received, stop: None });
            }
            Message::Size { size, .. } => {
                // Somebody cut the log: what came is all there is.
                let missing = scene.fate.as_ref().is_some_and(|fate| size < fate.size());
                match &mut scene.fate {
                    Some(Fate::Ended(end)) if missing => {
                        end.size = self.received;
                        end.cut = true;
                    }
                    Some(Fate::Lost { size, .. }) if missing => *size = self.received,
                    Some(_) => self.follow(scene),
                    None => {}
                }
            }
            Message::Refused { why, .. } | Message::Fail { why, .. } => {
                let noise = scene.lane.noise();
                let detail = if noise.is_empty() { why } else { format!("{why} ({noise})") };
                return Err(RemoteError::Record { host: self.host.to_owned(), detail });
            }
            Message::Alive { .. } | Message::Listed { .. } | Message::Looked { .. } => {
                let Some(stopping) = &mut scene.stopping else { return Ok(()) };
                let over = scene.fate.is_some();
                match stopping.hear(message, over) {
                    Verdict::Wait => {}
                    Verdict::Signal(statement) => {
                        scene.lane.call(statement);
                    }
                    Verdict::Left(left) => scene.left = Some(left),
                }
            }
            Message::Ready | Message::Cannot(_) | Message::Asked { .. } | Message::Pong => {}
        }
        Ok(())
    }

    /// What became of the command is known now.
    fn settle(&mut self, scene: &mut Scene<'_>, fate: Fate) {
        if scene.fate.is_some() {
            return;
        }
        scene.progress = Instant::now();
        if fate.stop().is_some() || matches!(fate, Fate::Lost { reason: LossReason::SupervisorGone, .. }) {
            // Nothing may be left of a command that was stopped, and what is left of a lost one is told.
            let request = self.request;
            let stopped = fate.stop().is_some();
            let stopping = || Stopping::new(request.grace, request.elevation.as_ref());
            scene.stopping.get_or_insert_with(stopping).ended(stopped);
        } else {
            // It ended before it was stopped.
            scene.stopping = None;
        }
        scene.fate = Some(fate);
    }

    fn hear_end(&mut self, scene: &mut Scene<'_>, end: End) {
        if scene.fate.is_some() {
            return;
        }
        if end.copy == Copied::Unknown && !scene.attached && !scene.asked_again {
            // The supervisor has not said so itself yet, and may be about to send the log.
            scene.asked_again = true;
            scene.check_at = Instant::now() + Duration::from_secs(1);
            return;
        }
        let coming = match end.copy {
            Copied::Sent | Copied::Followed => true,
            Copied::Nobody => false,
            Copied::Unknown => scene.copying == Copying::Yes,
        };
        let missing = self.received < end.size;
        self.settle(scene, Fate::Ended(end));
        if missing && !coming {
            self.follow(scene);
        }
    }

    /// Has the lane copy the log from where it is known, whatever it copied before.
    fn follow(&mut self, scene: &mut Scene<'_>) {
        let mark = scene.lane.new_mark();
        scene.copying = Copying::Yes;
        scene.held = false;
        scene.progress = Instant::now();
        scene.lane.call(format!("go {mark}\nfollow {} {}", self.request.attempt, self.received));
    }

    /// Sees to it that the rest of the log comes.
    fn rest(&mut self, scene: &mut Scene<'_>) {
        let missing = scene.fate.as_ref().is_some_and(|fate| self.received < fate.size());
        if missing && scene.copying != Copying::Yes {
            self.follow(scene);
        }
    }

    fn stop(&mut self, scene: &mut Scene<'_>, reason: &str) {
        scene.lane.call(format!("stop {} {reason}", self.request.attempt));
        scene.stopping = Some(Stopping::new(self.request.grace, self.request.elevation.as_ref()));
    }

    fn wake_at(&self, scene: &Scene<'_>) -> Instant {
        let mut wake = scene.check_at;
        if scene.fate.is_some() {
            wake = scene.progress + REST_PATIENCE;
        } else if scene.copying == Copying::Not && !scene.attached {
            wake = wake.min(scene.started + FOLLOW_AFTER);
        }
        if let (Some(deadline), None, None) = (self.deadline, &scene.stopping, &scene.fate) {
            wake = wake.min(deadline);
        }
        if let Some(at) = scene.stopping.as_ref().and_then(Stopping::look_at) {
            wake = wake.min(at);
        }
        wake
    }

    fn tick(&mut self, scene: &mut Scene<'_>) {
        let now = Instant::now();
        let attempt = &self.request.attempt;
        if let Some(statement) = scene.stopping.as_mut().and_then(|stopping| stopping.look(now, attempt)) {
            scene.lane.call(statement);
        }
        if let Some(fate) = &scene.fate {
            if now >= scene.progress + REST_PATIENCE {
                scene.progress = now;
                if self.received < fate.size() && !scene.held {
                    scene.lane.call(format!("measure {attempt}"));
                }
            }
            return;
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) && scene.stopping.is_none() {
            self.stop(scene, "timeout");
            return;
        }
        if scene.copying == Copying::Not && !scene.attached && now >= scene.started + FOLLOW_AFTER {
            scene.copying = Copying::Lazily;
            scene.lane.call(format!("follow {attempt} {} lazily", self.received));
        }
        if now >= scene.check_at {
            scene.lane.call(format!("state {}", self.request.attempt));
            scene.check_at = now + CHECK_EVERY;
        }
    }

    /// The end, once everything that belongs to it was seen.
    fn ended(&self, scene: &Scene<'_>) -> Option<Ended> {
        let fate = scene.fate.as_ref()?;
        if self.received < fate.size() || !self.waiting.is_empty() {
            return None;
        }
        if scene.stopping.is_some() && scene.left.is_none() {
            return None;
        }
        let outcome = match fate.stop() {
            Some("timeout") => StepOutcome::TimedOut,
            Some("lost") => StepOutcome::Lost { reason: LossReason::SupervisorGone },
            Some(_) => StepOutcome::Stopped,
            None => match fate {
                Fate::Lost { reason, .. } => StepOutcome::Lost { reason: reason.clone() },
                Fate::Ended(end) => match end.status {
                    Some(0) if end.cut => StepOutcome::Lost { reason: LossReason::LogCut },
                    Some(status) if end.signalled && status > 128 => {
                        StepOutcome::Killed { signal: signal_name(status - 128) }
                    }
                    Some(status) => StepOutcome::Exited { status },
                    None => StepOutcome::Stopped,
                },
            },
        };
        let left_running = scene.left.clone().unwrap_or_default();
        let log_cut = matches!(fate, Fate::Ended(End { cut: true, .. }));
        Some(Ended { outcome, log_size: self.received, log_cut, left_running })
    }
}

/// The name of a signal whose number is the same on all systems; else its number.
fn signal_name(number: u8) -> String {
    let name = match number {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        5 => "TRAP",
        6 => "ABRT",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        _ => return number.to_string(),
    };
    name.to_owned()
}
