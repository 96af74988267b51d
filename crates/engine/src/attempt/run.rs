//! `run`: a command on a host.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use steadyhand_domain::{Reason, StepOutcome};
use steadyhand_plan::Text;
use steadyhand_remote::{Ended, RemoteError, StepRequest};
use steadyhand_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::{Attempt, AttemptEnd, reach::Reached, refused, text::reveal};
use crate::{EngineError, execute::Execution, log::LogWriter, recover::attempt_name};

/// Time that a command has between TERM and KILL.
const GRACE: Duration = Duration::from_secs(10);

/// What is run.
pub(super) struct Command<'a> {
    pub(super) script: &'a Text,
    pub(super) cwd: Option<&'a Text>,
    pub(super) env: &'a BTreeMap<String, Text>,
    pub(super) login_shell: bool,
}

impl Execution<'_> {
    pub(super) async fn run(
        &self,
        attempt: &Attempt,
        command: &Command<'_>,
    ) -> Result<AttemptEnd, EngineError> {
        let request = self.request(attempt, command);
        let capture = attempt.step.id.is_some();
        let end = self.execute(attempt, request.map(|request| StepRequest { capture, ..request })).await?;
        if capture && matches!(end, AttemptEnd::Succeeded { .. }) {
            return Ok(match self.fetch_output(attempt).await? {
                Ok(()) => end,
                Err(reason) => {
                    AttemptEnd::Failed { reason, outcome: Some(StepOutcome::Exited { status: 0 }) }
                }
            });
        }
        Ok(end)
    }

    /// Has a host carry out a request, if it could be made.
    pub(super) async fn execute(
        &self,
        attempt: &Attempt,
        request: Result<StepRequest, Reason>,
    ) -> Result<AttemptEnd, EngineError> {
        let mut request = match request {
            Ok(request) => StepRequest { elevation: attempt.elevation.clone(), ..request },
            // What is stopped is never started, so its script need not be known.
            Err(_) if self.is_stopping() => StepRequest::new(self.attempt_name(attempt), ""),
            Err(reason) => return Ok(AttemptEnd::failed(reason)),
        };
        if attempt.step.host == "local" && request.cwd.is_none() {
            request.cwd = self.spec.folder.as_ref().map(|folder| folder.display().to_string());
        }
        let masker = self.masker.clone();
        let (shared, run, id, number) = (self.shared.clone(), self.id, attempt.id, attempt.number);
        let (host, request) = (attempt.host.clone(), Arc::new(request));
        let operation = move |cancel: CancellationToken| {
            let (shared, masker) = (shared.clone(), masker.clone());
            let (host, request) = (host.clone(), request.clone());
            Box::pin(async move {
                let log = match LogWriter::open(&shared, masker, run, id, number).await {
                    Ok(log) => log,
                    Err(error) => return Ok(Err(error)),
                };
                // Bytes of its log are proof that the command was started.
                let started_before = request.started_before || log.offset > 0;
                let request = StepRequest { started_before, ..(*request).clone() };
                let ended = host.execute(&request, log.offset, log.input.clone(), cancel).await;
                match (log.close(ended.is_ok()).await, ended) {
                    // The process that had the run before had not quite ended: what it added is a part of the
                    // same log, which goes on behind it.
                    (Err(StoreError::LogMoved), _) => Err(RemoteError::ConnectionLost {
                        host: host.spec().name.clone(),
                        detail: "another process was still reading the log".to_owned(),
                    }),
                    (Err(error), _) => Ok(Err(error)),
                    (Ok(()), Ok(ended)) => Ok(Ok(ended)),
                    (Ok(()), Err(error)) => Err(error),
                }
            }) as BoxFuture<'_, _>
        };
        Ok(match self.reach(&attempt.step.host, Box::new(operation)).await? {
            Reached::Done(ended) => command_end(&attempt.step.host, ended?),
            Reached::Failed(error) => refused(&error),
            Reached::Unreachable(error) => not_stopped(&attempt.step.host, &error),
            Reached::NotBegun => AttemptEnd::Stopped(None),
        })
    }

    pub(super) fn attempt_name(&self, attempt: &Attempt) -> String {
        attempt_name(self.id, attempt.step.index, attempt.number)
    }

    fn request(&self, attempt: &Attempt, command: &Command<'_>) -> Result<StepRequest, Reason> {
        let reveal = |text| reveal(text, &attempt.secrets);
        Ok(StepRequest {
            script: reveal(command.script)?.into(),
            login_shell: command.login_shell,
            cwd: command.cwd.map(reveal).transpose()?,
            env: command
                .env
                .iter()
                .map(|(name, value)| Ok((name.clone(), reveal(value)?.into())))
                .collect::<Result<_, Reason>>()?,
            timeout: attempt.step.timeout_ms.map(Duration::from_millis),
            grace: GRACE,
            ..StepRequest::new(self.attempt_name(attempt), "")
        })
    }
}

fn command_end(host: &str, ended: Ended) -> AttemptEnd {
    let Ended { outcome, left_running, log_cut, .. } = ended;
    if !left_running.is_empty() {
        let message = format!(
            "{outcome}, but these processes on {host} would not end: {}; end them there by hand",
            left_running.join(", ")
        );
        return AttemptEnd::Failed { reason: Reason::Error { message }, outcome: Some(outcome) };
    }
    if log_cut && matches!(outcome, StepOutcome::Exited { .. } | StepOutcome::Killed { .. }) {
        let message = format!(
            "{outcome}, and its log is cut off: the disk of {host} is full, or what writes the log there was killed"
        );
        return AttemptEnd::Failed { reason: Reason::Error { message }, outcome: Some(outcome) };
    }
    if outcome.is_success() {
        AttemptEnd::Succeeded { outcome: Some(outcome), changed: true }
    } else if outcome == StepOutcome::Stopped {
        AttemptEnd::Stopped(Some(outcome))
    } else {
        AttemptEnd::Failed { reason: Reason::Outcome { outcome: outcome.clone() }, outcome: Some(outcome) }
    }
}

fn not_stopped(host: &str, error: &RemoteError) -> AttemptEnd {
    let message = format!(
        "the run was to be stopped, but {host} could not be reached, so the command may still be running there: {error}"
    );
    AttemptEnd::failed(Reason::Connection { message, problem: error.problem() })
}
