//! A conversation with the program of a transfer on a host.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::RemoteError;
use crate::link::Link;
use crate::pipe::{Event, Pipe};

/// How long the reason of a failure may be behind it.
const REASON: Duration = Duration::from_secs(2);
/// No more of what it says about failures is kept.
const REASONS: usize = 4000;

/// Why a transfer failed.
pub(super) enum Trouble {
    /// The connection did.
    Link(RemoteError),
    /// Something else.
    Said(String),
}

impl From<RemoteError> for Trouble {
    fn from(error: RemoteError) -> Self {
        Self::Link(error)
    }
}

impl From<String> for Trouble {
    fn from(said: String) -> Self {
        Self::Said(said)
    }
}

impl From<&str> for Trouble {
    fn from(said: &str) -> Self {
        Self::Said(said.to_owned())
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Said(error.to_string())
    }
}

/// A program of a transfer. When it is dropped, the program finds its input ended.
pub(super) struct Talk<'a> {
    link: &'a Link,
    pipe: Pipe,
    input: Option<mpsc::Sender<Bytes>>,
    mark: Vec<u8>,
    out: Vec<u8>,
    /// So much of `out` was searched.
    searched: usize,
    err: Vec<u8>,
    closed: bool,
    _permit: OwnedSemaphorePermit,
}

impl<'a> Talk<'a> {
    /// Starts `program`, whose answers are marked with `token`.
    pub(super) async fn start(link: &'a Link, token: &str, program: String) -> Result<Self, Trouble> {
        let (mut pipe, permit) = link.transfer_shell().await?;
        let input = pipe.take_input();
        let talk = Self {
            link,
            pipe,
            input,
            mark: format!("\n{token} ").into_bytes(),
            out: Vec::new(),
            searched: 0,
            err: Vec::new(),
            closed: false,
            _permit: permit,
        };
        talk.send(Bytes::from(program)).await;
        Ok(talk)
    }

    /// Sends something. When the program takes nothing more, its answer says why.
    pub(super) async fn send(&self, bytes: impl Into<Bytes>) {
        if let Some(input) = &self.input {
            let _ = input.send(bytes.into()).await;
        }
    }

    /// The way to send more, whose end is the end of the program's input.
    pub(super) fn take_input(&mut self) -> Option<mpsc::Sender<Bytes>> {
        self.input.take()
    }

    /// Waits until more has come; false when nothing more comes. It may be dropped and called again without losing anything.
    pub(super) async fn hear(&mut self) -> bool {
        match self.pipe.next().await {
            Event::Out(bytes) => self.out.extend_from_slice(&bytes),
            Event::Err(bytes) => {
                if self.err.len() < REASONS {
                    self.err.extend_from_slice(&bytes);
                }
            }
            Event::Exited(_) => {}
            Event::Closed => self.closed = true,
        }
        !self.closed
    }

    /// An answer that has come: the bytes before it, and its words.
    pub(super) fn answer(&mut self) -> Option<(Vec<u8>, String)> {
        let at =
            self.searched + find_line(&self.out[self.searched..], &self.mark).or_else(|| self.keep_mark())?;
        let words = at + self.mark.len();
        let Some(end) = self.out[words..].iter().position(|&b| b == b'\n') else {
            self.searched = at;
            return None;
        };
        let said = String::from_utf8_lossy(&self.out[words..words + end]).into_owned();
        let rest = self.out.split_off(words + end + 1);
        let mut before = std::mem::replace(&mut self.out, rest);
        before.truncate(at);
        self.searched = 0;
        Some((before, said))
    }

    /// Whether the rest of what came has an answer in it.
    pub(super) fn has_answer(&self) -> bool {
        find_line(&self.out, &self.mark).is_some()
    }

    fn keep_mark(&mut self) -> Option<usize> {
        self.searched = (self.out.len() + 1).saturating_sub(self.mark.len());
        None
    }

    /// What has come and belongs to no answer, once there is none in it.
    pub(super) fn take_settled(&mut self) -> Bytes {
        let rest = self.out.split_off(self.searched);
        self.searched = 0;
        Bytes::from(std::mem::replace(&mut self.out, rest))
    }

    /// Waits for an answer that is no failure.
    pub(super) async fn wait(&mut self) -> Result<(Vec<u8>, String), Trouble> {
        loop {
            if let Some((before, words)) = self.answer() {
                return match words.strip_prefix("failed ") {
                    Some(why) => Err(self.explain(why).await),
                    None => Ok((before, words)),
                };
            }
            if !self.hear().await {
                return Err(self.silence().await);
            }
        }
    }

    /// What to say when nothing more comes.
    pub(super) async fn silence(&mut self) -> Trouble {
        match self.link.settle_lost().await {
            Some(lost) => Trouble::Link(lost),
            None => self.explain("the host did not say that it was done").await,
        }
    }

    /// A failure with its reasons, which are on standard error and may come later.
    pub(super) async fn explain(&mut self, why: &str) -> Trouble {
        let rest = async { while !self.closed && self.hear().await {} };
        let _ = tokio::time::timeout(REASON, rest).await;
        let said = String::from_utf8_lossy(&self.err);
        Trouble::Said(match said.trim() {
            "" => why.to_owned(),
            said => format!("{why} ({})", said.lines().take(4).collect::<Vec<_>>().join("; ")),
        })
    }
}

/// Where `mark`, which begins with a line break, is in what may be many bytes without one.
fn find_line(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&b| b == b'\n') {
        if bytes[from + at..].starts_with(mark) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}
