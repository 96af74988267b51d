//! `upload` and `download`: files of this machine to a host, and files of a host to this machine.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use steadyhand_domain::{Reason, StepOutcome};
use steadyhand_plan::Text;
use steadyhand_remote::{Elevation, Host, RemoteError, TransferProgress, TransferSummary};
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

/// What goes where.
#[derive(Clone)]
enum Transfer {
    Upload { local: PathBuf, to: String },
    Download { from: String, local: PathBuf },
}

impl Transfer {
    async fn carry_out(
        &self,
        host: &Host,
        elevation: Option<&Elevation>,
        progress: &(dyn Fn(TransferProgress) + Send + Sync),
    ) -> Result<TransferSummary, RemoteError> {
        match self {
            Self::Upload { local, to } => host.upload(local, to, elevation, progress).await,
            Self::Download { from, local } => host.download(from, local, elevation, progress).await,
        }
    }
}

impl Execution<'_> {
    pub(super) async fn upload(
        &self,
        attempt: &Attempt,
        from: &Text,
        to: &Text,
    ) -> Result<AttemptEnd, EngineError> {
        let (from, to) = match (reveal(from, &attempt.secrets), reveal(to, &attempt.secrets)) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(reason), _) | (_, Err(reason)) => return Ok(AttemptEnd::failed(reason)),
        };
        let local = resolve(&self.spec.base(), &from);
        if let Err(error) = std::fs::metadata(&local) {
            return Ok(AttemptEnd::failed(Reason::Error { message: missing(&local, &error) }));
        }
        let title = format!("Uploading {} to {}:{to}", local.display(), attempt.step.host);
        self.transfer(attempt, title, Transfer::Upload { local, to }).await
    }

    pub(super) async fn download(
        &self,
        attempt: &Attempt,
        from: &Text,
        to: &Text,
    ) -> Result<AttemptEnd, EngineError> {
        let (from, to) = match (reveal(from, &attempt.secrets), reveal(to, &attempt.secrets)) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(reason), _) | (_, Err(reason)) => return Ok(AttemptEnd::failed(reason)),
        };
        let local = resolve(&self.spec.base(), &to);
        let title = format!("Downloading {}:{from} to {}", attempt.step.host, local.display());
        self.transfer(attempt, title, Transfer::Download { from, local }).await
    }

    async fn transfer(
        &self,
        attempt: &Attempt,
        title: String,
        transfer: Transfer,
    ) -> Result<AttemptEnd, EngineError> {
        let log =
            LogWriter::open(self.shared, self.masker.clone(), self.id, attempt.id, attempt.number).await?;
        let lines = log.input.clone();
        say(&lines, title).await;
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

/// What to say when what is to be uploaded is not there.
pub(crate) fn missing(local: &std::path::Path, error: &std::io::Error) -> String {
    format!(
        "{} cannot be read on this machine ({error}); build it first, or correct `from:` in the plan",
        local.display()
    )
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
