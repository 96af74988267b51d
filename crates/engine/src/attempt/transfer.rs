//! `upload` and `download`: files of this machine to a host, and files of a host to this machine.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use secrecy::SecretString;
use steadyhand_domain::{Reason, StepOutcome};
use steadyhand_plan::Text;
use steadyhand_remote::{Difference, Elevation, Host, RemoteError, TransferProgress, TransferSummary};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    Attempt, AttemptEnd,
    reach::Reached,
    refused, say,
    text::{resolve, reveal},
};
use crate::{EngineError, execute::Execution, log::LogWriter};

/// How far a transfer came.
enum Sent {
    All(TransferSummary),
    Cancelled,
    TooSlow,
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
        let (host, for_log, elevation) = (attempt.host.clone(), lines.clone(), attempt.elevation.clone());
        let limit = attempt.step.timeout_ms.map(Duration::from_millis);
        let begun = Instant::now();
        let operation = move |cancel: CancellationToken| {
            let (host, transfer, lines) = (host.clone(), transfer.clone(), for_log.clone());
            let elevation = elevation.clone();
            Box::pin(async move {
                let told = Mutex::new(Instant::now());
                let progress = move |progress: TransferProgress| {
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    if told.elapsed() >= Duration::from_secs(1) {
                        *told = Instant::now();
                        let line = format!("{} files, {} bytes so far\n", progress.files, progress.bytes);
                        // A full queue only means that this line is not needed.
                        let _ = lines.try_send(line.into());
                    }
                };
                let time_is_over = async {
                    match limit {
                        Some(limit) => sleep_until(begun + limit).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    done = transfer.carry_out(&host, elevation.as_ref(), &progress) => done.map(Sent::All),
                    () = cancel.cancelled() => Ok(Sent::Cancelled),
                    () = time_is_over => Ok(Sent::TooSlow),
                }
            }) as BoxFuture<'_, _>
        };
        let end = match self.reach::<Sent>(&attempt.step.host, Box::new(operation)).await? {
            Reached::Done(Sent::All(done)) => {
                say(&lines, told(&done)).await;
                AttemptEnd::Succeeded { outcome: None, changed: done.changed() }
            }
            Reached::Done(Sent::TooSlow) => {
                let outcome = StepOutcome::TimedOut;
                let reason = Reason::Outcome { outcome: outcome.clone() };
                AttemptEnd::Failed { reason, outcome: Some(outcome) }
            }
            Reached::Failed(error) => {
                say(&lines, error.to_string()).await;
                refused(&error)
            }
            Reached::Done(Sent::Cancelled) | Reached::Unreachable(_) | Reached::NotBegun => {
                AttemptEnd::Stopped(None)
            }
        };
        drop(lines);
        log.close(true).await?;
        Ok(end)
    }
}

/// `Done: 3 files, 120 bytes; 1 folder made; 40 files were the same already`.
fn told(done: &TransferSummary) -> String {
    let counted = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
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
