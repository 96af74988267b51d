//! The attempts of one step: carrying it out, attaching to it again, retrying it.

mod abandon;
pub(crate) mod elevate;
mod facts;
pub(crate) mod guard;
mod output;
mod reach;
pub(crate) mod resource;
mod run;
pub(crate) mod send;
mod stage;
pub(crate) mod text;
pub(crate) mod transfer;
mod wait_for;

use std::{collections::HashMap, time::Duration};

use secrecy::SecretString;
use steadyhand_domain::{Desired, LossReason, Reason, StepId, StepOutcome};
use steadyhand_plan::{Action, CompiledStep, Missing};
use steadyhand_remote::{Elevation, Host, RemoteError, StepRequest};
use steadyhand_store::progress::Write;
use tokio::time::sleep;

use self::{facts::Asked, transfer::Way};
use crate::{
    EngineError,
    execute::{Execution, Progress},
    hosts::host_spec,
};

pub(crate) use self::text::resolve;
pub(crate) use self::{elevate::Elevated, facts::KnownFacts, output::KnownOutputs};

/// How the last attempt of a step ended.
pub(crate) enum AttemptEnd {
    /// It did what it should.
    Succeeded {
        outcome: Option<StepOutcome>,
        /// Whether it has changed something on its host, or may have.
        changed: bool,
    },
    /// It was stopped, and nothing of it is left running.
    Stopped(Option<StepOutcome>),
    /// It did not.
    Failed { reason: Reason, outcome: Option<StepOutcome> },
}

impl AttemptEnd {
    /// It failed without an outcome of its own: no command was started.
    fn failed(reason: Reason) -> Self {
        Self::Failed { reason, outcome: None }
    }
}

/// One attempt of a step.
struct Attempt {
    step: CompiledStep,
    id: StepId,
    number: u32,
    host: Host,
    /// As whom it is carried out, when not as the user that logs in.
    elevation: Option<Elevation>,
    secrets: HashMap<String, SecretString>,
}

impl Execution<'_> {
    /// Carries out what is left of a step: attaches to an attempt that was begun, retries when the plan says so.
    pub(crate) async fn attempts(&self, index: usize) -> Result<AttemptEnd, EngineError> {
        loop {
            let mut step = self.progress(index);
            if !step.attempt_ended && step.attempt > 0 {
                let end = self.attempt(index).await?;
                let AttemptEnd::Failed { outcome, .. } = &end else { return Ok(end) };
                if !self.may_retry(index, outcome.as_ref()) {
                    return Ok(end);
                }
                let outcome = outcome.as_ref();
                self.commit(&[Write::AttemptEnded { step: step.id, attempt: step.attempt, outcome }]).await?;
                step.attempt_ended = true;
                self.note(index, step);
            }
            let retries = self.step(index).retries;
            // One that a person asks for comes at once.
            if (1..=retries.times).contains(&step.attempt) {
                let backoff = Duration::from_millis(retries.backoff_ms)
                    .saturating_mul(1 << (step.attempt - 1).min(6))
                    .min(Duration::from_secs(300).max(Duration::from_millis(retries.backoff_ms)));
                let mut desired = self.desired();
                tokio::select! {
                    () = sleep(backoff) => {}
                    () = Self::stop_asked(&mut desired) => return Ok(AttemptEnd::Stopped(None)),
                }
            }
            step.attempt += 1;
            self.commit(&[Write::AttemptBegan { step: step.id, attempt: step.attempt }]).await?;
            step.attempt_ended = false;
            self.note(index, step);
        }
    }

    /// Whether the plan allows another attempt. A lost command may have done its work: it is never run again unasked.
    fn may_retry(&self, index: usize, outcome: Option<&StepOutcome>) -> bool {
        self.progress(index).attempt <= self.step(index).retries.times
            && !matches!(outcome, Some(StepOutcome::Lost { .. } | StepOutcome::Stopped))
            // What has done its work, and failed only afterwards, is not done again.
            && !outcome.is_some_and(StepOutcome::is_success)
            && !self.is_stopping()
    }

    /// Whether the run was asked to stop.
    fn is_stopping(&self) -> bool {
        *self.desired().borrow() == Desired::Stopped
    }

    async fn attempt(&self, index: usize) -> Result<AttemptEnd, EngineError> {
        let attempt = match self.prepared(index).await? {
            Ok(attempt) => attempt,
            Err(end) if self.was_running.contains(&index) => return self.attached(index, end).await,
            Err(end) => return Ok(end),
        };
        match &attempt.step.action {
            Action::Run { script, cwd, env, login_shell } => {
                let command = run::Command { script, cwd: cwd.as_ref(), env, login_shell: *login_shell };
                self.run(&attempt, &command).await
            }
            Action::Resource { resource, params } => match attempt.step.stage {
                Some(stage) => self.stage(&attempt, stage, resource, params).await,
                None => self.resource(&attempt, resource, params).await,
            },
            // They are carried out from here: what an earlier process did of them ends when its connection does.
            Action::Upload { .. } | Action::Download { .. } | Action::WaitFor { .. }
                if self.is_stopping() =>
            {
                Ok(AttemptEnd::Stopped(None))
            }
            Action::Upload { from, to } => self.transfer(&attempt, Way::Up, from, to).await,
            Action::Download { from, to } => self.transfer(&attempt, Way::Down, from, to).await,
            Action::WaitFor { probe, timeout_ms, interval_ms } => {
                let (timeout, interval) =
                    (Duration::from_millis(*timeout_ms), Duration::from_millis(*interval_ms));
                self.wait_for(&attempt, probe, timeout, interval).await
            }
        }
    }

    /// An attempt with all that it needs, or how it ends without.
    async fn prepared(&self, index: usize) -> Result<Result<Attempt, AttemptEnd>, EngineError> {
        let step = match self.with_facts(self.step(index)).await? {
            Ok(step) => step,
            Err(end) => return Ok(Err(end)),
        };
        let secrets = self.shared.secrets_of(&self.spec);
        let elevation = match self.elevation(&step, &secrets).await? {
            Ok(elevation) => elevation,
            Err(end) => return Ok(Err(end)),
        };
        self.attempt_of(index, step, elevation).map(Ok)
    }

    fn attempt_of(
        &self,
        index: usize,
        step: CompiledStep,
        elevation: Option<Elevation>,
    ) -> Result<Attempt, EngineError> {
        let Progress { id, attempt: number, .. } = self.progress(index);
        let (host, secrets) = (self.host(&step.host)?, self.shared.secrets_of(&self.spec));
        Ok(Attempt { id, number, host, elevation, secrets, step })
    }

    /// An attempt that an earlier process began, and that could not be begun now: what its host has of it counts. Only when it
    /// has nothing, the attempt ends as `otherwise`.
    async fn attached(&self, index: usize, otherwise: AttemptEnd) -> Result<AttemptEnd, EngineError> {
        let attempt = self.attempt_of(index, self.step(index).clone(), None)?;
        let end = match &attempt.step.action {
            Action::Run { .. } | Action::Resource { .. } => {
                let request = StepRequest::new(self.attempt_name(&attempt), "");
                self.execute(&attempt, Ok(StepRequest { started_before: true, ..request })).await?
            }
            Action::Upload { .. } | Action::Download { .. } | Action::WaitFor { .. } => return Ok(otherwise),
        };
        Ok(match (&end, &attempt.step.action) {
            (
                AttemptEnd::Failed {
                    outcome: Some(StepOutcome::Lost { reason: LossReason::RecordGone { .. } }),
                    ..
                },
                _,
            ) => otherwise,
            (_, Action::Resource { .. }) => {
                let end = resource::end(end);
                match attempt.step.stage {
                    Some(stage) => self.reported(&attempt, stage, end).await?,
                    None => end,
                }
            }
            _ => end,
        })
    }

    /// The step with the facts of its host in its texts, or how its attempt ends without them.
    async fn with_facts(&self, step: &CompiledStep) -> Result<Result<CompiledStep, AttemptEnd>, EngineError> {
        Ok(match self.facts_for(step).await? {
            Asked::Known(facts) => {
                let failed =
                    |missing: Missing| AttemptEnd::failed(Reason::Error { message: missing.to_string() });
                match step.with_facts(&facts) {
                    Ok(step) => self.with_outputs(step).await?.map_err(AttemptEnd::failed),
                    Err(missing) => Err(failed(missing)),
                }
            }
            // What is stopped is never started, and what was started is known by its name: its texts are not needed.
            Asked::Stopped => Ok(step.clone()),
            Asked::Failed(reason) => Err(AttemptEnd::failed(reason)),
        })
    }

    fn host(&self, name: &str) -> Result<Host, EngineError> {
        Ok(self.shared.remote.host(&host_spec(&self.spec.plan.hosts, name)?))
    }
}

/// A step that its host refused, or whose host could not be reached.
fn refused(error: &RemoteError) -> AttemptEnd {
    let message = error.to_string();
    let reason = match error {
        RemoteError::Upload { .. }
        | RemoteError::Download { .. }
        | RemoteError::Record { .. }
        | RemoteError::Config { .. } => Reason::Error { message },
        _ => Reason::Connection { message, problem: error.problem() },
    };
    AttemptEnd::failed(reason)
}

async fn say(lines: &tokio::sync::mpsc::Sender<bytes::Bytes>, line: String) {
    // The log's writer lives until this sender is dropped.
    let _ = lines.send((line + "\n").into()).await;
}
