//! Short questions over a lane: nothing of them is left on the host.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::lane::{Incoming, Lane, find};
use crate::link::{Link, Use};
use crate::message::Message;
use crate::stop::{Stopping, Verdict};
use crate::{Probe, RemoteError, shell};

/// So much of an answer is kept.
const KEEP: usize = 64 * 1024;
/// A lane answers at once; the link is the slow part, and its own keepalive finds it dead before this.
const ANSWER: Duration = Duration::from_secs(60);

/// Asks one question. When the time is over, or when it is cancelled, what it started is ended first.
pub(crate) async fn ask(
    link: &Link,
    script: &str,
    limit: Duration,
    cancel: &CancellationToken,
) -> Result<Probe, RemoteError> {
    if script.contains('\0') {
        let detail = "a question contains a NUL character, which no shell can take".into();
        return Err(RemoteError::Config { host: link.name().to_owned(), detail });
    }
    let mut lane = link.lane(Use::Control).await?;
    let name = format!("ask-{}", uuid::Uuid::new_v4().simple());
    let mark = lane.new_mark();
    let code = shell::whole(&format!("eval {}", shell::quote(script)));
    lane.call(format!("ask {mark} {name} {}", shell::quote(&code)));
    let deadline = Instant::now() + limit;
    let end = format!("\n{} done {name} ", lane.token()).into_bytes();
    let mut output = Vec::new();
    let mut tail = Vec::new();
    let mut process = None;
    loop {
        let incoming = tokio::select! {
            incoming = timeout_at(deadline, lane.next()) => incoming.ok(),
            () = cancel.cancelled() => None,
        };
        match incoming {
            Some(Incoming::Data(bytes)) => {
                // All is searched for the end; only the first part is kept.
                tail.extend_from_slice(&bytes);
                if let Some(at) = find(&tail, &end) {
                    let Some(line) = tail[at + end.len()..].iter().position(|&b| b == b'\n') else {
                        continue;
                    };
                    let status =
                        String::from_utf8_lossy(&tail[at + end.len()..at + end.len() + line]).parse().ok();
                    keep(&mut output, &tail[..at]);
                    lane.put_back();
                    return Ok(Probe { status, output });
                }
                let settled = tail.len().saturating_sub(end.len() - 1);
                keep(&mut output, &tail[..settled]);
                tail.drain(..settled);
            }
            Some(Incoming::Message(Message::Asked { name: asked, process: it })) if asked == name => {
                process = Some(it);
            }
            Some(Incoming::Message(Message::Fail { attempt, why })) if attempt == name => {
                return Err(RemoteError::NoShell { host: link.name().to_owned(), detail: why });
            }
            Some(Incoming::Message(_)) => {}
            Some(Incoming::Gone(how)) => return Err(gone(link, how).await),
            None => {
                let mut stopping = Stopping::new(Duration::ZERO, None);
                if let Some(process) = process {
                    stopping.know(process);
                }
                stopping.ended(true);
                // What it started is ended; the lane, which its leftovers may write to, is not used again.
                let _ = timeout(ANSWER, end_all(&mut lane, &name, stopping)).await;
                keep(&mut output, &tail);
                return Ok(Probe { status: None, output });
            }
        }
    }
}

fn keep(output: &mut Vec<u8>, more: &[u8]) {
    let room = KEEP.saturating_sub(output.len()).min(more.len());
    output.extend_from_slice(&more[..room]);
}

async fn end_all(lane: &mut Lane, name: &str, mut stopping: Stopping) {
    loop {
        if let Some(statement) = stopping.look(Instant::now(), name) {
            lane.call(statement);
        }
        let at = stopping.look_at().unwrap_or_else(|| Instant::now() + ANSWER);
        match timeout_at(at, lane.next()).await {
            Ok(Incoming::Message(message)) if message.about() == Some(name) => {
                match stopping.hear(message, true) {
                    Verdict::Wait => {}
                    Verdict::Signal(statement) => {
                        lane.call(statement);
                    }
                    Verdict::Left(_) => return,
                }
            }
            Ok(Incoming::Gone(_)) => return,
            Ok(_) | Err(_) => {}
        }
    }
}

/// The processes of an attempt that are alive.
pub(crate) async fn processes(link: &Link, attempt: &str) -> Result<Vec<String>, RemoteError> {
    let mut lane = link.lane(Use::Control).await?;
    lane.call(format!("state {attempt}"));
    let mut looking = Stopping::new(Duration::ZERO, None);
    let answer = async {
        loop {
            match lane.next().await {
                Incoming::Message(message) if message.about() == Some(attempt) => {
                    match &message {
                        Message::Alive { .. } | Message::Listed { .. } | Message::Looked { .. } => {
                            if let Verdict::Left(left) = looking.hear(message, true) {
                                return Ok(left);
                            }
                            continue;
                        }
                        Message::Running { supervisor, .. } => looking.know(supervisor.clone()),
                        _ => {}
                    }
                    looking.ended(false);
                    if let Some(statement) = looking.look(Instant::now(), attempt) {
                        lane.call(statement);
                    }
                }
                Incoming::Gone(how) => return Err(gone(link, how).await),
                _ => {}
            }
        }
    };
    let left = timeout(ANSWER, answer).await.map_err(|_| silent(link))??;
    lane.put_back();
    Ok(left)
}

/// Removes the records of attempts.
pub(crate) async fn forget(link: &Link, attempts: &[String]) -> Result<(), RemoteError> {
    let mut lane = link.lane(Use::Control).await?;
    lane.call(format!("forget {}", attempts.join(" ")));
    ping(link, &mut lane).await?;
    lane.put_back();
    Ok(())
}

/// Waits until the lane has done all that it was told.
pub(crate) async fn ping(link: &Link, lane: &mut Lane) -> Result<(), RemoteError> {
    lane.call("say pong".into());
    let answer = async {
        loop {
            match lane.next().await {
                Incoming::Message(Message::Pong) => return Ok(()),
                Incoming::Gone(how) => return Err(gone(link, how).await),
                _ => {}
            }
        }
    };
    timeout(ANSWER, answer).await.map_err(|_| silent(link))?
}

async fn gone(link: &Link, how: String) -> RemoteError {
    link.settle_lost().await.unwrap_or_else(|| RemoteError::NoShell {
        host: link.name().to_owned(),
        detail: format!("its shell ended ({how})"),
    })
}

fn silent(link: &Link) -> RemoteError {
    RemoteError::ConnectionLost { host: link.name().to_owned(), detail: "its shell does not answer".into() }
}
