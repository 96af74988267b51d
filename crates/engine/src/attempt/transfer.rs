//! `upload` and `download`: files of this machine to a host, and files of a host to this machine.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use secrecy::SecretString;
use steadyhand_domain::{Reason, StepOutcome};
use steadyhand_plan::Text;
use steadyhand_remote::{Difference, Elevation, Host, RemoteError, TransferProgress, TransferSummary};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Attempt, AttemptEnd,
    reach::Reached,
    refused, say,
    text::{resolve, reveal},
};
use crate::{EngineError, execute::Execution, log::LogWriter};

/// How far a transfer came.
enum Carried<T> {
    All(T),
    Cancelled,
    TooSlow,
}

/// A transfer that is on its way, over one connection.
pub(super) struct Moving {
    pub(super) host: Host,
    pub(super) elevation: Option<Elevation>,
    lines: mpsc::Sender<Bytes>,
    said: Mutex<Instant>,
}

impl Moving {
    /// Adds a line to the log, unless there was one a moment ago.
    pub(super) fn say(&self, line: impl FnOnce() -> String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.elapsed() >= Duration::from_secs(1) {
            *said = Instant::now();
            self.say_now(line());
        }
    }

    /// Adds a line to the log.
    pub(super) fn say_now(&self, line: String) {
        // A full queue only means that this line is not needed.
        let _ = self.lines.try_send((line + "\n").into());
    }
}

/// Which way files go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From this machine to the host.
    Up,
    /// From the host to this machine.
    Down,
}

/// What goes where.
#[derive(Clone)]
pub(crate) struct Transfer {
    pub(crate) way: Way,
    /// The path on this machine.
    pub(crate) local: PathBuf,
    /// The path on the host.
    pub(crate) there: String,
}

impl Transfer {
    /// A transfer as the plan says it; `base` is what paths on this machine are relative to.
    pub(crate) fn new(
        way: Way,
        from: &Text,
        to: &Text,
        base: &Path,
        secrets: &HashMap<String, SecretString>,
    ) -> Result<Self, Reason> {
        let (from, to) = (reveal(from, secrets)?, reveal(to, secrets)?);
        Ok(match way {
            Way::Up => Self { way, local: resolve(base, &from), there: to },
            Way::Down => Self { way, local: resolve(base, &to), there: from },
        })
    }

    /// What to say when what is to be uploaded is not there.
    pub(crate) fn missing(&self) -> Option<String> {
        let Self { way: Way::Up, local, .. } = self else { return None };
        let error = std::fs::metadata(local).err()?;
        Some(format!(
            "{} cannot be read on this machine ({error}); build it first, or correct `from:` in the plan",
            local.display()
        ))
    }

    /// What would change.
    pub(crate) async fn compare(
        &self,
        host: &Host,
        elevation: Option<&Elevation>,
    ) -> Result<Vec<Difference>, RemoteError> {
        match self.way {
            Way::Up => host.compare_upload(&self.local, &self.there, elevation).await,
            Way::Down => host.compare_download(&self.there, &self.local, elevation).await,
        }
    }

    async fn carry_out(
        &self,
        host: &Host,
        elevation: Option<&Elevation>,
        progress: &(dyn Fn(TransferProgress) + Send + Sync),
    ) -> Result<TransferSummary, RemoteError> {
        match self.way {
            Way::Up => host.upload(&self.local, &self.there, elevation, progress).await,
            Way::Down => host.download(&self.there, &self.local, elevation, progress).await,
        }
    }

    /// The first line of its log.
    fn title(&self, host: &str) -> String {
        let (local, there) = (self.local.display(), &self.there);
        match self.way {
            Way::Up => format!("Uploading {local} to {host}:{there}"),
            Way::Down => format!("Downloading {host}:{there} to {local}"),
        }
    }
}

impl Execution<'_> {
    pub(super) async fn transfer(
        &self,
        attempt: &Attempt,
        way: Way,
        from: &Text,
        to: &Text,
    ) -> Result<AttemptEnd, EngineError> {
        let transfer = match Transfer::new(way, from, to, &self.spec.base(), &attempt.secrets) {
            Ok(transfer) => transfer,
            Err(reason) => return Ok(AttemptEnd::failed(reason)),
        };
        if let Some(message) = transfer.missing() {
            return Ok(AttemptEnd::failed(Reason::Error { message }));
        }
        let log =
            LogWriter::open(self.shared, self.masker.clone(), self.id, attempt.id, attempt.number).await?;
        let lines = log.input.clone();
        say(&lines, transfer.title(&attempt.step.host)).await;
        let begun = Instant::now();
        let carried = self
            .carried(attempt, begun, &lines, move |moving: Moving| {
                let transfer = transfer.clone();
                Box::pin(async move {
                    let progress = |progress: TransferProgress| {
                        moving.say(|| format!("{} files, {} bytes so far", progress.files, progress.bytes));
                    };
                    transfer.carry_out(&moving.host, moving.elevation.as_ref(), &progress).await
                })
            })
            .await?;
        let end = match carried {
            Ok(done) => {
                say(&lines, told(&done)).await;
                AttemptEnd::Succeeded { outcome: None, changed: done.changed() }
            }
            Err(end) => end,
        };
        drop(lines);
        log.close(true).await?;
        Ok(end)
    }

    /// Moves files over as many connections as it takes, until it is done, the run is to be stopped, or the time of the step is over.
    pub(super) async fn carried<T: Send + 'static>(
        &self,
        attempt: &Attempt,
        begun: Instant,
        lines: &mpsc::Sender<Bytes>,
        work: impl Fn(Moving) -> BoxFuture<'static, Result<T, RemoteError>> + Send,
    ) -> Result<Result<T, AttemptEnd>, EngineError> {
        let (host, for_log, elevation) = (attempt.host.clone(), lines.clone(), attempt.elevation.clone());
        let limit = attempt.step.timeout_ms.map(Duration::from_millis);
        let operation = move |cancel: CancellationToken| {
            let work = work(Moving {
                host: host.clone(),
                elevation: elevation.clone(),
                lines: for_log.clone(),
                said: Mutex::new(Instant::now()),
            });
            Box::pin(async move {
                let time_is_over = async {
                    match limit {
                        Some(limit) => sleep_until(begun + limit).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    done = work => done.map(Carried::All),
                    () = cancel.cancelled() => Ok(Carried::Cancelled),
                    () = time_is_over => Ok(Carried::TooSlow),
                }
            }) as BoxFuture<'_, _>
        };
        Ok(match self.reach::<Carried<T>>(&attempt.step.host, Box::new(operation)).await? {
            Reached::Done(Carried::All(done)) => Ok(done),
            Reached::Done(Carried::TooSlow) => {
                let outcome = StepOutcome::TimedOut;
                let reason = Reason::Outcome { outcome: outcome.clone() };
                Err(AttemptEnd::Failed { reason, outcome: Some(outcome) })
            }
            Reached::Failed(error) => {
                say(lines, error.to_string()).await;
                Err(refused(&error))
            }
            Reached::Done(Carried::Cancelled) | Reached::Unreachable(_) | Reached::NotBegun => {
                Err(AttemptEnd::Stopped(None))
            }
        })
    }
}

/// `Done: 3 files, 120 bytes; 1 folder made; 40 files were the same already`.
pub(super) fn told(done: &TransferSummary) -> String {
    let mut text = if done.files == 0 {
        "Done: no file differed".to_owned()
    } else {
        format!("Done: {}, {}", counted(done.files, "file"), counted(done.bytes, "byte"))
    };
    if done.folders > 0 {
        text.push_str(&format!("; {} made", counted(done.folders, "folder")));
    }
    if done.unchanged > 0 {
        let were = if done.unchanged == 1 { "was" } else { "were" };
        text.push_str(&format!("; {} {were} the same already", counted(done.unchanged, "file")));
    }
    text
}

pub(super) fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
