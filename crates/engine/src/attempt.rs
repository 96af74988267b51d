//! The attempts of one step: carrying it out, attaching to it again, retrying it.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use steadyhand_domain::{Desired, Guard, Reason, StepOutcome};
use steadyhand_plan::{Action, CompiledStep, Text};
use steadyhand_remote::{Ended, Host, Probe, RemoteError, StepRequest, UploadProgress, UploadSummary};
use steadyhand_store::{StoreError, records::Hindrance};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    EngineError,
    execute::{Execution, Need},
    hosts::host_spec,
    log::LogWriter,
    record::Write,
    recover::attempt_name,
    wait,
};

/// Time that a command has between TERM and KILL.
const GRACE: Duration = Duration::from_secs(10);
/// The most time that a guard may take.
const GUARD_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest pause between two attempts to connect again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a host is tried when the run is to be stopped there.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// How the last attempt of a step ended.
pub(crate) enum AttemptEnd {
    /// It did what it should.
    Succeeded(Option<StepOutcome>),
    /// It was stopped, and nothing of it is left running.
    Stopped(Option<StepOutcome>),
    /// It did not.
    Failed { reason: Reason, outcome: Option<StepOutcome> },
}

/// What an operation on a host came to.
enum Reached<T> {
    Done(T),
    /// It could not be carried out, for a reason that trying again does not mend.
    Failed(RemoteError),
    /// The run is to be stopped, and the host was not reached any more.
    Unreachable(RemoteError),
    /// The run is to be stopped, and nothing of it was ever begun on the host.
    NotBegun,
}

/// Something done on a host that may have to be done again on a new connection.
type Operation<'a, T> = dyn FnMut(CancellationToken) -> BoxFuture<'a, Result<T, RemoteError>> + Send + 'a;

impl Execution<'_> {
    /// Carries out what is left of a step: attaches to an attempt that was begun, retries when the plan says so.
    pub(crate) async fn attempts(&mut self, index: usize) -> Result<AttemptEnd, EngineError> {
        loop {
            if !self.steps[index].attempt_ended && self.steps[index].attempt > 0 {
                let end = self.attempt(index).await?;
                let AttemptEnd::Failed { outcome, .. } = &end else { return Ok(end) };
                if !self.may_retry(index, outcome.as_ref()) {
                    return Ok(end);
                }
                let (id, attempt, outcome) =
                    (self.steps[index].id, self.steps[index].attempt, outcome.clone());
                self.commit(&[Write::AttemptEnded { step: id, attempt, outcome: outcome.as_ref() }]).await?;
                self.steps[index].attempt_ended = true;
            }
            let attempt = self.steps[index].attempt;
            if attempt > 0 {
                let retries = self.step(index).retries;
                let backoff = Duration::from_millis(retries.backoff_ms)
                    .saturating_mul(1 << (attempt - 1).min(6))
                    .min(Duration::from_secs(300).max(Duration::from_millis(retries.backoff_ms)));
                let mut desired = self.desired.clone();
                tokio::select! {
                    () = sleep(backoff) => {}
                    () = Self::stop_asked(&mut desired) => return Ok(AttemptEnd::Stopped(None)),
                }
            }
            let id = self.steps[index].id;
            self.commit(&[Write::AttemptBegan { step: id, attempt: attempt + 1 }]).await?;
            self.steps[index].attempt = attempt + 1;
            self.steps[index].attempt_ended = false;
        }
    }

    /// Whether the plan allows another attempt. A lost command may have done its work: it is never run again unasked.
    fn may_retry(&self, index: usize, outcome: Option<&StepOutcome>) -> bool {
        self.steps[index].attempt <= self.step(index).retries.times
            && !matches!(outcome, Some(StepOutcome::Lost { .. } | StepOutcome::Stopped))
            && *self.desired.borrow() != Desired::Stopped
    }

    async fn attempt(&mut self, index: usize) -> Result<AttemptEnd, EngineError> {
        let step = self.step(index).clone();
        let (id, attempt) = (self.steps[index].id, self.steps[index].attempt);
        let host = self.host(&step.host)?;
        let secrets = self.shared.secrets_of(&self.spec);
        match &step.action {
            Action::Run { script, cwd, env, login_shell } => {
                let name = attempt_name(self.id, step.index, attempt);
                let request = match request(&name, &step, script, cwd.as_ref(), env, *login_shell, &secrets) {
                    Ok(mut request) => {
                        if step.host == "local" && request.cwd.is_none() {
                            request.cwd =
                                self.spec.folder.as_ref().map(|folder| folder.display().to_string());
                        }
                        Arc::new(request)
                    }
                    Err(reason) => return Ok(AttemptEnd::Failed { reason, outcome: None }),
                };
                let (shared, run) = (self.shared.clone(), self.id);
                let operation = move |cancel: CancellationToken| {
                    let (shared, host, request) = (shared.clone(), host.clone(), request.clone());
                    Box::pin(async move {
                        let log = match LogWriter::open(&shared, run, id, attempt).await {
                            Ok(log) => log,
                            Err(error) => return Ok(Err(error)),
                        };
                        // Bytes of its log are proof that the command was started.
                        let request = StepRequest { started_before: log.offset > 0, ..(*request).clone() };
                        let ended = host.execute(&request, log.offset, log.input.clone(), cancel).await;
                        match (log.close().await, ended) {
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
                Ok(match self.reach(&step.host, Box::new(operation)).await? {
                    Reached::Done(ended) => command_end(&step.host, ended?),
                    Reached::Failed(error) => refused(&error),
                    Reached::Unreachable(error) => not_stopped(&step.host, &error),
                    Reached::NotBegun => AttemptEnd::Stopped(None),
                })
            }
            Action::Upload { from, to } => {
                let (from, to) = match (reveal(from, &secrets), reveal(to, &secrets)) {
                    (Ok(from), Ok(to)) => (from, to),
                    (Err(reason), _) | (_, Err(reason)) => {
                        return Ok(AttemptEnd::Failed { reason, outcome: None });
                    }
                };
                let local = resolve(&self.spec.base(), &from);
                if let Err(error) = std::fs::metadata(&local) {
                    let message = format!(
                        "{} cannot be read on this machine ({error}); build it first, or correct `from:` in the plan",
                        local.display()
                    );
                    return Ok(AttemptEnd::Failed { reason: Reason::Error { message }, outcome: None });
                }
                let log = LogWriter::open(self.shared, self.id, id, attempt).await?;
                let lines = log.input.clone();
                say(&lines, format!("Uploading {} to {}:{to}", local.display(), step.host)).await;
                let (for_log, path, target) = (lines.clone(), local.clone(), to.clone());
                let limit = step.timeout_ms.map(Duration::from_millis);
                let begun = Instant::now();
                let operation = move |cancel: CancellationToken| {
                    let (host, path, to, lines) =
                        (host.clone(), path.clone(), target.clone(), for_log.clone());
                    Box::pin(async move {
                        let told = std::sync::Mutex::new(Instant::now());
                        let progress = move |progress: UploadProgress| {
                            let mut told = told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                            if told.elapsed() >= Duration::from_secs(1) {
                                *told = Instant::now();
                                let line =
                                    format!("{} files, {} bytes so far\n", progress.files, progress.bytes);
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
                            done = host.upload(&path, &to, &progress) => done.map(Sent::All),
                            () = cancel.cancelled() => Ok(Sent::Cancelled),
                            () = time_is_over => Ok(Sent::TooSlow),
                        }
                    }) as BoxFuture<'_, _>
                };
                let end = match self.reach::<Sent>(&step.host, Box::new(operation)).await? {
                    Reached::Done(Sent::All(done)) => {
                        say(&lines, format!("Done: {} files, {} bytes", done.files, done.bytes)).await;
                        AttemptEnd::Succeeded(None)
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
                log.close().await?;
                Ok(end)
            }
            Action::WaitFor { probe, timeout_ms, interval_ms } => {
                let wait = wait::Wait {
                    probe: match wait::Question::reveal(probe, |text| reveal(text, &secrets)) {
                        Ok(question) => question,
                        Err(reason) => return Ok(AttemptEnd::Failed { reason, outcome: None }),
                    },
                    timeout: Duration::from_millis(*timeout_ms),
                    interval: Duration::from_millis(*interval_ms),
                };
                let log = LogWriter::open(self.shared, self.id, id, attempt).await?;
                let lines = log.input.clone();
                let wait = Arc::new(wait);
                let begun = Instant::now();
                let for_log = lines.clone();
                let operation = move |cancel: CancellationToken| {
                    let (host, wait, lines) = (host.clone(), wait.clone(), for_log.clone());
                    Box::pin(async move { wait.until_answered(&host, begun, &lines, &cancel).await })
                        as BoxFuture<'_, _>
                };
                let end = match self.reach(&step.host, Box::new(operation)).await? {
                    Reached::Done(Some(Ok(()))) => AttemptEnd::Succeeded(None),
                    Reached::Done(Some(Err(message))) => {
                        AttemptEnd::Failed { reason: Reason::Error { message }, outcome: None }
                    }
                    Reached::Done(None) | Reached::Unreachable(_) | Reached::NotBegun => {
                        AttemptEnd::Stopped(None)
                    }
                    Reached::Failed(error) => refused(&error),
                };
                drop(lines);
                log.close().await?;
                Ok(end)
            }
        }
    }

    fn host(&self, name: &str) -> Result<Host, EngineError> {
        Ok(self.shared.remote.host(&host_spec(&self.spec.plan.hosts, name)?))
    }

    /// Does something on a host; connects again and does it again when the connection is lost. A host that was never
    /// reached in this run is not waited for: its name or address may be wrong.
    async fn reach<T: Send>(
        &mut self,
        name: &str,
        mut operation: Box<Operation<'_, T>>,
    ) -> Result<Reached<T>, EngineError> {
        let mut failures = 0;
        let mut given_until: Option<Instant> = None;
        let mut questions = self.shared.questions.watch();
        // A question may be open already: it is looked for once at the beginning.
        questions.mark_changed();
        loop {
            let cancel = CancellationToken::new();
            let mut desired = self.desired.clone();
            let mut attempt = operation(cancel.clone());
            let result = loop {
                tokio::select! {
                    result = &mut attempt => break result,
                    () = Self::stop_asked(&mut desired), if !cancel.is_cancelled() => {
                        given_until = Some(Instant::now() + STOP_PATIENCE);
                        cancel.cancel();
                        self.shared.questions.refuse(self.id);
                    }
                    Ok(()) = questions.changed() => {
                        if self.shared.questions.holds(self.id) {
                            self.set_hindrance(Some(Hindrance::Waiting { host: name.to_owned() })).await?;
                        } else if matches!(self.hindrance, Some(Hindrance::Waiting { .. })) {
                            self.set_hindrance(None).await?;
                        }
                    }
                }
            };
            let error = match result {
                Ok(value) => {
                    self.reached.insert(name.to_owned());
                    self.set_hindrance(None).await?;
                    return Ok(Reached::Done(value));
                }
                Err(error) => error,
            };
            if error.is_connection_lost() {
                self.reached.insert(name.to_owned());
            }
            if !self.reached.contains(name) && cancel.is_cancelled() {
                self.set_hindrance(None).await?;
                return Ok(Reached::NotBegun);
            }
            if !error.is_transient() || !self.reached.contains(name) {
                self.set_hindrance(None).await?;
                if cancel.is_cancelled() {
                    return Ok(Reached::Unreachable(error));
                }
                return Ok(Reached::Failed(error));
            }
            if given_until.is_some_and(|until| Instant::now() >= until) {
                self.set_hindrance(None).await?;
                return Ok(Reached::Unreachable(error));
            }
            failures += 1;
            tracing::info!(host = name, failures, %error, "reconnecting");
            let message = error.to_string();
            self.set_hindrance(Some(Hindrance::Reconnecting { host: name.to_owned(), failures, message }))
                .await?;
            if failures > 1 {
                let pause =
                    Duration::from_millis(250).saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
                let mut desired = self.desired.clone();
                tokio::select! {
                    () = sleep(pause) => {}
                    () = Self::stop_asked(&mut desired), if given_until.is_none() => {}
                }
            }
        }
    }

    /// Asks the guards of a step whether it is needed.
    pub(crate) async fn need(&mut self, index: usize) -> Result<Need, EngineError> {
        let step = self.step(index).clone();
        if step.guards.is_empty() {
            return Ok(Need::Needed);
        }
        let host = self.host(&step.host)?;
        let secrets = self.shared.secrets_of(&self.spec);
        let prelude = match prelude(&step, &secrets) {
            Ok(prelude) => prelude,
            Err(reason) => return Ok(Need::Failed(reason)),
        };
        for (guard, text) in &step.guards {
            let value = match reveal(text, &secrets) {
                Ok(value) => value,
                Err(reason) => return Ok(Need::Failed(reason)),
            };
            let script = match guard {
                Guard::Creates => format!("{prelude}[ -e {} ]", quoted_path(&value)),
                Guard::Unless | Guard::OnlyIf => format!("{prelude}{value}"),
            };
            let (host, script) = (host.clone(), Arc::new(script));
            let operation = move |cancel: CancellationToken| {
                let (host, script) = (host.clone(), script.clone());
                Box::pin(async move {
                    let probe = host.probe_until(&script, GUARD_TIMEOUT, &cancel).await?;
                    Ok((!cancel.is_cancelled()).then_some(probe))
                }) as BoxFuture<'_, _>
            };
            let probe = match self.reach::<Option<Probe>>(&step.host, Box::new(operation)).await? {
                Reached::Done(Some(probe)) => probe,
                Reached::Done(None) | Reached::Unreachable(_) | Reached::NotBegun => {
                    return Ok(Need::Stopped);
                }
                Reached::Failed(error) => {
                    return Ok(Need::Failed(Reason::Connection { message: error.to_string() }));
                }
            };
            let Some(status) = probe.status else {
                let message = format!(
                    "the condition `{text}` gave no answer within {} s; make it quicker or remove it",
                    GUARD_TIMEOUT.as_secs()
                );
                return Ok(Need::Failed(Reason::Error { message }));
            };
            let held = match guard {
                Guard::Creates | Guard::Unless => status == 0,
                Guard::OnlyIf => status != 0,
            };
            if held {
                return Ok(Need::Held(Reason::GuardHeld { guard: *guard, what: text.to_string() }));
            }
        }
        Ok(Need::Needed)
    }
}

fn command_end(host: &str, ended: Ended) -> AttemptEnd {
    let Ended { outcome, left_running, .. } = ended;
    if !left_running.is_empty() {
        let message = format!(
            "{outcome}, but these processes on {host} would not end: {}; end them there by hand",
            left_running.join(", ")
        );
        return AttemptEnd::Failed { reason: Reason::Error { message }, outcome: Some(outcome) };
    }
    if outcome.is_success() {
        AttemptEnd::Succeeded(Some(outcome))
    } else if outcome == StepOutcome::Stopped {
        AttemptEnd::Stopped(Some(outcome))
    } else {
        AttemptEnd::Failed { reason: Reason::Outcome { outcome: outcome.clone() }, outcome: Some(outcome) }
    }
}

/// How far an upload came.
enum Sent {
    All(UploadSummary),
    Cancelled,
    TooSlow,
}

/// A step that its host refused, or whose host could not be reached.
fn refused(error: &RemoteError) -> AttemptEnd {
    let message = error.to_string();
    let reason = match error {
        RemoteError::Upload { .. } | RemoteError::Record { .. } | RemoteError::Config { .. } => {
            Reason::Error { message }
        }
        _ => Reason::Connection { message },
    };
    AttemptEnd::Failed { reason, outcome: None }
}

fn not_stopped(host: &str, error: &RemoteError) -> AttemptEnd {
    let message = format!(
        "the run was to be stopped, but {host} could not be reached, so the command may still be running there: {error}"
    );
    AttemptEnd::Failed { reason: Reason::Connection { message }, outcome: None }
}

async fn say(lines: &tokio::sync::mpsc::Sender<bytes::Bytes>, line: String) {
    // The log's writer lives until this sender is dropped.
    let _ = lines.send((line + "\n").into()).await;
}

fn reveal(text: &Text, secrets: &HashMap<String, SecretString>) -> Result<String, Reason> {
    text.reveal(|name| secrets.get(name).map(ExposeSecret::expose_secret))
        .map_err(|missing| Reason::Error { message: missing.to_string() })
}

fn request(
    name: &str,
    step: &CompiledStep,
    script: &Text,
    cwd: Option<&Text>,
    env: &std::collections::BTreeMap<String, Text>,
    login_shell: bool,
    secrets: &HashMap<String, SecretString>,
) -> Result<StepRequest, Reason> {
    Ok(StepRequest {
        attempt: name.to_owned(),
        script: reveal(script, secrets)?.into(),
        login_shell,
        cwd: cwd.map(|cwd| reveal(cwd, secrets)).transpose()?,
        env: env
            .iter()
            .map(|(name, value)| Ok((name.clone(), reveal(value, secrets)?.into())))
            .collect::<Result<_, Reason>>()?,
        timeout: step.timeout_ms.map(Duration::from_millis),
        started_before: false,
        grace: GRACE,
    })
}

/// The folder and the environment of a step, for the script of a guard.
fn prelude(step: &CompiledStep, secrets: &HashMap<String, SecretString>) -> Result<String, Reason> {
    let Action::Run { cwd, env, .. } = &step.action else { return Ok(String::new()) };
    let mut prelude = String::new();
    for (name, value) in env {
        prelude.push_str(&format!("export {name}={}\n", quoted(&reveal(value, secrets)?)));
    }
    if let Some(cwd) = cwd {
        prelude.push_str(&format!("cd {} || exit 1\n", quoted_path(&reveal(cwd, secrets)?)));
    }
    Ok(prelude)
}

/// One word of a POSIX shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A path as one word, with `~/` meaning the home on the host.
fn quoted_path(path: &str) -> String {
    match path.strip_prefix("~/") {
        Some(rest) => format!("\"$HOME\"/{}", quoted(rest)),
        None => quoted(path),
    }
}

/// A path on this machine, as the plan means it. A trailing `/` is kept: it says what is copied.
fn resolve(base: &std::path::Path, path: &str) -> PathBuf {
    match path.strip_prefix("~/") {
        Some(rest) => std::env::home_dir().unwrap_or_default().join(rest),
        None => base.join(path),
    }
}
