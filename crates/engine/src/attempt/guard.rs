//! Conditions and guards: whether a step is needed at all.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use secrecy::SecretString;
use steadyhand_domain::{Guard, Reason};
use steadyhand_plan::{Action, CompiledStep, Text};
use steadyhand_remote::{Elevation, Probe};
use tokio_util::sync::CancellationToken;

use super::{
    AttemptEnd,
    facts::Asked,
    reach::Reached,
    text::{quoted, quoted_path, reveal},
};
use crate::{EngineError, execute::Execution, unit::Need};

/// The most time that a guard may take.
pub(crate) const GUARD_TIMEOUT: Duration = Duration::from_secs(60);

impl Execution<'_> {
    /// Asks the conditions of a step, and then its guards, whether it is needed.
    pub(crate) async fn need(&self, index: usize) -> Result<Need, EngineError> {
        let step = self.step(index);
        if step.handler.is_some() && !self.is_called_for(index) {
            return Ok(Need::Held(Reason::NotNotified));
        }
        if let Some(reason) = step.never() {
            return Ok(Need::Held(reason));
        }
        if !step.has_questions() {
            return Ok(Need::Needed);
        }
        let facts = match self.facts_for(step).await? {
            Asked::Known(facts) => facts,
            Asked::Stopped => return Ok(Need::Stopped),
            Asked::Failed(reason) => return Ok(Need::Failed(reason)),
        };
        match step.skipped(&facts) {
            Ok(None) => {}
            Ok(Some(reason)) => return Ok(Need::Held(reason)),
            Err(message) => return Ok(Need::Failed(Reason::Error { message })),
        }
        let step = match step.with_facts(&facts) {
            Ok(step) => step,
            Err(missing) => return Ok(Need::Failed(Reason::Error { message: missing.to_string() })),
        };
        if step.guards.is_empty() {
            return Ok(Need::Needed);
        }
        let step = match self.with_outputs(step).await? {
            Ok(step) => step,
            Err(reason) => return Ok(Need::Failed(reason)),
        };
        let host = self.host(&step.host)?;
        let secrets = self.shared.secrets_of(&self.spec);
        let elevation = match self.elevation(&step, &secrets).await? {
            Ok(elevation) => elevation,
            Err(AttemptEnd::Failed { reason, .. }) => return Ok(Need::Failed(reason)),
            Err(_) => return Ok(Need::Stopped),
        };
        for (guard, text) in &step.guards {
            let script = match question(&step, *guard, text, &secrets, elevation.as_ref()) {
                Ok(script) => script,
                Err(reason) => return Ok(Need::Failed(reason)),
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
                    return Ok(Need::Failed(Reason::Connection {
                        message: error.to_string(),
                        problem: error.problem(),
                    }));
                }
            };
            let Some(status) = probe.status else {
                let message = format!(
                    "the condition `{text}` gave no answer within {} s; make it quicker or remove it",
                    GUARD_TIMEOUT.as_secs()
                );
                return Ok(Need::Failed(Reason::Error { message }));
            };
            if holds(*guard, status) {
                return Ok(Need::Held(Reason::GuardHeld { guard: *guard, what: text.to_string() }));
            }
        }
        Ok(Need::Needed)
    }
}

/// The script that asks a guard.
pub(crate) fn question(
    step: &CompiledStep,
    guard: Guard,
    text: &Text,
    secrets: &HashMap<String, SecretString>,
    elevation: Option<&Elevation>,
) -> Result<String, Reason> {
    let (prelude, value) = (prelude(step, secrets)?, reveal(text, secrets)?);
    let script = match guard {
        Guard::Creates | Guard::Removes => format!("{prelude}[ -e {} ]", quoted_path(&value)),
        Guard::Unless | Guard::OnlyIf => format!("{prelude}{value}"),
    };
    match elevation {
        None => Ok(script),
        Some(elevation) => elevation.script(&script).map_err(|message| Reason::Error { message }),
    }
}

/// Whether a guard keeps its step from running, by the status of its question.
pub(crate) fn holds(guard: Guard, status: u8) -> bool {
    match guard {
        Guard::Creates | Guard::Unless => status == 0,
        Guard::Removes | Guard::OnlyIf => status != 0,
    }
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
