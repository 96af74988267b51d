//! `upload`: files of this machine to a host.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use steadyhand_domain::{Reason, StepOutcome};
use steadyhand_plan::Text;
use steadyhand_remote::{UploadProgress, UploadSummary};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    Attempt, AttemptEnd,
    reach::Reached,
    refused, say,
    text::{resolve, reveal},
};
use crate::{EngineError, execute::Execution, log::LogWriter};

/// How far an upload came.
enum Sent {
    All(UploadSummary),
    Cancelled,
    TooSlow,
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
            let message = format!(
                "{} cannot be read on this machine ({error}); build it first, or correct `from:` in the plan",
                local.display()
            );
            return Ok(AttemptEnd::failed(Reason::Error { message }));
        }
        let log =
            LogWriter::open(self.shared, self.masker.clone(), self.id, attempt.id, attempt.number).await?;
        let lines = log.input.clone();
        say(&lines, format!("Uploading {} to {}:{to}", local.display(), attempt.step.host)).await;
        let (host, for_log, elevation) = (attempt.host.clone(), lines.clone(), attempt.elevation.clone());
        let limit = attempt.step.timeout_ms.map(Duration::from_millis);
        let begun = Instant::now();
        let operation = move |cancel: CancellationToken| {
            let (host, path, to, lines) = (host.clone(), local.clone(), to.clone(), for_log.clone());
            let elevation = elevation.clone();
            Box::pin(async move {
                let told = Mutex::new(Instant::now());
                let progress = move |progress: UploadProgress| {
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
                    done = host.upload(&path, &to, elevation.as_ref(), &progress) => done.map(Sent::All),
                    () = cancel.cancelled() => Ok(Sent::Cancelled),
                    () = time_is_over => Ok(Sent::TooSlow),
                }
            }) as BoxFuture<'_, _>
        };
        let end = match self.reach::<Sent>(&attempt.step.host, Box::new(operation)).await? {
            Reached::Done(Sent::All(done)) => {
                say(&lines, format!("Done: {} files, {} bytes", done.files, done.bytes)).await;
                AttemptEnd::Succeeded { outcome: None, changed: done.files > 0 }
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
