//! Doing something on a host, over as many connections as it takes.

use std::{pin::pin, time::Duration};

use futures::future::BoxFuture;
use steadyhand_domain::Desired;
use steadyhand_remote::RemoteError;
use steadyhand_store::records::Hindrance;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    EngineError,
    execute::Execution,
    questions::{ASKING, Asking},
};

/// The longest pause between two attempts to connect again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a host is tried when the run is to be stopped there.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// What an operation on a host came to.
pub(super) enum Reached<T> {
    Done(T),
    /// It could not be carried out, for a reason that trying again does not mend.
    Failed(RemoteError),
    /// The run is to be stopped, and the host was not reached any more.
    Unreachable(RemoteError),
    /// The run is to be stopped, and nothing of it was ever begun on the host.
    NotBegun,
}

/// Something done on a host that may have to be done again on a new connection.
pub(super) type Operation<'a, T> =
    dyn FnMut(CancellationToken) -> BoxFuture<'a, Result<T, RemoteError>> + Send + 'a;

impl Execution<'_> {
    /// Does something on a host; connects again and does it again when the connection is lost. A host that was never
    /// reached in this run is not waited for: its name or address may be wrong.
    pub(super) async fn reach<T: Send>(
        &self,
        name: &str,
        operation: Box<Operation<'_, T>>,
    ) -> Result<Reached<T>, EngineError> {
        let mut hindered = false;
        let reached = self.reach_somehow(name, operation, &mut hindered).await?;
        if hindered {
            self.set_hindrance(name, None).await?;
        }
        Ok(reached)
    }

    /// The same, and notes whether it left word of a hindrance.
    async fn reach_somehow<T: Send>(
        &self,
        name: &str,
        mut operation: Box<Operation<'_, T>>,
        hindered: &mut bool,
    ) -> Result<Reached<T>, EngineError> {
        let mut failures = 0;
        let mut was_asked = false;
        let mut given_until: Option<Instant> = None;
        let mut questions = self.shared.questions.watch();
        // A question may be open already: it is looked for once at the beginning.
        questions.mark_changed();
        loop {
            let cancel = CancellationToken::new();
            let mut desired = self.desired();
            if *desired.borrow_and_update() == Desired::Stopped {
                // Known from the beginning, so that nothing is begun on the host only to be stopped.
                given_until.get_or_insert_with(|| Instant::now() + STOP_PATIENCE);
                cancel.cancel();
            }
            let asking = Asking { run: self.id, host: name.to_owned() };
            let mut attempt = pin!(ASKING.scope(asking, operation(cancel.clone())));
            let result = loop {
                tokio::select! {
                    result = &mut attempt => break result,
                    () = Self::stop_asked(&mut desired), if !cancel.is_cancelled() => {
                        given_until.get_or_insert_with(|| Instant::now() + STOP_PATIENCE);
                        cancel.cancel();
                        self.shared.questions.refuse(self.id);
                    }
                    Ok(()) = questions.changed() => {
                        let waits = self.shared.questions.holds(self.id, name);
                        let hindrance = waits.then(|| Hindrance::Waiting { host: name.to_owned() });
                        // A connection that is being made again is still so when nothing was asked.
                        if waits || was_asked {
                            self.set_hindrance(name, hindrance).await?;
                            *hindered = waits;
                        }
                        was_asked = waits;
                    }
                }
            };
            let error = match result {
                Ok(value) => {
                    self.note_reached(name);
                    return Ok(Reached::Done(value));
                }
                Err(error) => error,
            };
            if error.is_connection_lost() {
                self.note_reached(name);
            }
            if !self.was_reached(name) && cancel.is_cancelled() {
                return Ok(Reached::NotBegun);
            }
            if !error.is_transient() || !self.was_reached(name) {
                if cancel.is_cancelled() {
                    return Ok(Reached::Unreachable(error));
                }
                return Ok(Reached::Failed(error));
            }
            if given_until.is_some_and(|until| Instant::now() >= until) {
                return Ok(Reached::Unreachable(error));
            }
            failures += 1;
            tracing::info!(host = name, failures, %error, "reconnecting");
            let message = self.hidden(&error.to_string());
            let hindrance = Hindrance::Reconnecting { host: name.to_owned(), failures, message };
            self.set_hindrance(name, Some(hindrance)).await?;
            *hindered = true;
            if failures > 1 {
                let pause =
                    Duration::from_millis(250).saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
                let mut desired = self.desired();
                tokio::select! {
                    () = sleep(pause) => {}
                    () = Self::stop_asked(&mut desired), if given_until.is_none() => {}
                }
            }
        }
    }
}
