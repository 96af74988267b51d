//! A lane: one `/bin/sh` kept open on a host, through which steps are started and followed.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::timeout;

use crate::RemoteError;
use crate::message::Message;
use crate::pipe::{Event, Pipe};
use crate::shell;

/// So much of what is not the protocol is kept, to say what came instead.
const NOISE: usize = 2000;

/// What comes from a lane.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// Bytes of standard output, after the mark that was waited for.
    Data(Bytes),
    /// An answer.
    Message(Message),
    /// The lane is dead.
    Gone(String),
}

/// A lane that is open.
pub(crate) struct Lane {
    pipe: Pipe,
    token: String,
    mark: u64,
    /// What is looked for in standard output; `None` once it was found.
    gate: Option<Vec<u8>>,
    before_gate: BytesMut,
    line: Vec<u8>,
    noise: String,
    messages: VecDeque<Message>,
}

impl Lane {
    /// Makes a lane of a shell that was just started.
    pub(crate) async fn open(pipe: Pipe, host: &str, wait: Duration) -> Result<Self, RemoteError> {
        Self::open_with(pipe, host, wait, shell::USUAL).await
    }

    /// The same, on a host that has things elsewhere.
    pub(crate) async fn open_with(
        pipe: Pipe,
        host: &str,
        wait: Duration,
        places: shell::Places<'_>,
    ) -> Result<Self, RemoteError> {
        let token = new_token();
        let program = shell::lane_program(&token, places);
        let mut lane = Self {
            pipe,
            token,
            mark: 0,
            gate: Some(Vec::new()),
            before_gate: BytesMut::new(),
            line: Vec::new(),
            noise: String::new(),
            messages: VecDeque::new(),
        };
        let no_shell = |lane: &Self, what: &str| RemoteError::NoShell {
            host: host.to_owned(),
            detail: match lane.noise.trim() {
                "" => what.to_owned(),
                noise => format!("{what}; it wrote {noise:?}"),
            },
        };
        if !lane.pipe.try_write(Bytes::from(program)) {
            return Err(no_shell(&lane, "it took no input"));
        }
        let ready = async {
            loop {
                match lane.next().await {
                    Incoming::Message(Message::Ready) => return Ok(()),
                    Incoming::Message(Message::Cannot(why)) => {
                        return Err(RemoteError::Record { host: host.to_owned(), detail: why });
                    }
                    Incoming::Gone(how) => return Err(no_shell(&lane, &format!("it ended at once ({how})"))),
                    Incoming::Data(_) | Incoming::Message(_) => {}
                }
            }
        };
        match timeout(wait, ready).await {
            Ok(Ok(())) => Ok(lane),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(no_shell(&lane, &format!("no answer within {} s", wait.as_secs()))),
        }
    }

    /// The next number to mark standard output with. What comes before the mark is dropped.
    pub(crate) fn new_mark(&mut self) -> u64 {
        self.mark += 1;
        self.gate = Some(format!("\n{} go {}\n", self.token, self.mark).into_bytes());
        self.before_gate.clear();
        self.mark
    }

    /// The token that marks this lane's lines.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Calls a function of the lane's program. False when the lane takes nothing more.
    pub(crate) fn call(&self, statement: String) -> bool {
        let mut bytes = statement.into_bytes();
        bytes.push(b'\n');
        self.pipe.try_write(Bytes::from(bytes))
    }

    /// Ends what is copied to standard output, before the lane is put away, and gets it ready for another step.
    pub(crate) fn quiet(&mut self) -> bool {
        let mark = self.new_mark();
        self.call(format!("go {mark}\nahead"))
    }

    /// What comes next. It may be dropped and called again without losing anything.
    pub(crate) async fn next(&mut self) -> Incoming {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Incoming::Message(message);
            }
            match self.pipe.next().await {
                Event::Out(bytes) => {
                    if let Some(data) = self.pass(bytes) {
                        return Incoming::Data(data);
                    }
                }
                Event::Err(bytes) => self.read_lines(&bytes),
                Event::Exited(how) => return Incoming::Gone(how),
                Event::Closed => return Incoming::Gone("its channel was closed".into()),
            }
        }
    }

    /// Lets bytes through once the mark was seen.
    fn pass(&mut self, bytes: Bytes) -> Option<Bytes> {
        let Some(mark) = &self.gate else { return Some(bytes) };
        if mark.is_empty() {
            keep_noise(&mut self.noise, &bytes);
            return None;
        }
        self.before_gate.extend_from_slice(&bytes);
        if let Some(at) = find(&self.before_gate, mark) {
            let rest = self.before_gate.split_off(at + mark.len()).freeze();
            self.gate = None;
            self.before_gate = BytesMut::new();
            return (!rest.is_empty()).then_some(rest);
        }
        let keep = self.before_gate.len().min(mark.len() - 1);
        self.before_gate = self.before_gate.split_off(self.before_gate.len() - keep);
        None
    }

    fn read_lines(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&b| b == b'\n') {
            self.line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let line = String::from_utf8_lossy(&self.line);
            match Message::parse(&line, &self.token) {
                Some(message) => self.messages.push_back(message),
                None => keep_noise(&mut self.noise, format!("{line}\n").as_bytes()),
            }
            self.line.clear();
        }
        self.line.extend_from_slice(rest);
        // No message is that long.
        if self.line.len() > 64 * 1024 {
            self.line.clear();
        }
    }

    /// The last of what came and was no answer.
    pub(crate) fn noise(&self) -> &str {
        self.noise.trim()
    }
}

fn keep_noise(noise: &mut String, bytes: &[u8]) {
    noise.push_str(&String::from_utf8_lossy(bytes));
    if noise.len() > NOISE {
        let cut = noise.len() - NOISE;
        let cut = (cut..noise.len()).find(|&i| noise.is_char_boundary(i)).unwrap_or(0);
        noise.drain(..cut);
    }
}

/// Where `needle` starts in `haystack`.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// A word that nobody else will write.
pub(crate) fn new_token() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
