//! As whom a step is carried out: whether the host allows it is asked once, before anything depends on it.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use futures::future::BoxFuture;
use secrecy::SecretString;
use steadyhand_domain::Reason;
use steadyhand_plan::{CompiledStep, Elevate, ElevateMethod};
use steadyhand_remote::{ElevateBy, Elevation, Probe};
use tokio_util::sync::CancellationToken;

use super::{AttemptEnd, reach::Reached, text::reveal};
use crate::{
    EngineError,
    execute::{Execution, lock},
};

/// How long `sudo` may take to say yes. It may look up a directory service, and waits after a wrong password.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Whether steps can be carried out as another user, by `HOST PROGRAM USER`: yes, or why not. A refusal is kept, too: asking again
/// with a wrong password can lock an account.
#[derive(Default)]
pub(crate) struct Elevated(Mutex<HashMap<String, Result<(), String>>>);

impl Execution<'_> {
    /// As whom a step is carried out, when that is not who logs in; or how its attempt ends, because the host does not
    /// allow it.
    pub(super) async fn elevation(
        &self,
        step: &CompiledStep,
        secrets: &HashMap<String, SecretString>,
    ) -> Result<Result<Option<Elevation>, AttemptEnd>, EngineError> {
        let Some(elevate) = &step.elevate else { return Ok(Ok(None)) };
        let elevation = match revealed(elevate, secrets) {
            Ok(elevation) => elevation,
            Err(reason) => return Ok(Err(AttemptEnd::failed(reason))),
        };
        let key = format!("{} {} {}", step.host, elevation.by, elevation.user);
        let failed = |message: String| Ok(Err(AttemptEnd::failed(Reason::Error { message })));
        if self.is_stopping() {
            return Ok(Ok(Some(elevation)));
        }
        // Who asks for the same at the same time waits for the answer.
        let asked = lock(&self.asking).entry(key.clone()).or_default().clone();
        let _asking = asked.lock().await;
        let known = lock(&self.elevated.0).get(&key).cloned();
        match known {
            Some(Ok(())) => return Ok(Ok(Some(elevation))),
            Some(Err(message)) => return failed(message),
            None => {}
        }
        let script = match elevation.question() {
            Ok(script) => script,
            Err(what) => return failed(what),
        };
        let host = self.host(&step.host)?;
        let operation = move |cancel: CancellationToken| {
            let (host, script) = (host.clone(), script.clone());
            Box::pin(async move {
                let probe = host.probe_until(&script, PATIENCE, &cancel).await?;
                Ok((!cancel.is_cancelled()).then_some(probe))
            }) as BoxFuture<'_, _>
        };
        match self.reach::<Option<Probe>>(&step.host, Box::new(operation)).await? {
            Reached::Done(Some(probe)) if probe.status == Some(0) => {
                lock(&self.elevated.0).insert(key, Ok(()));
                Ok(Ok(Some(elevation)))
            }
            Reached::Done(Some(probe)) => {
                let message = refusal(&step.host, &elevation, &probe.output, probe.status);
                lock(&self.elevated.0).insert(key, Err(message.clone()));
                failed(message)
            }
            // What is stopped is never started.
            Reached::Done(None) | Reached::Unreachable(_) | Reached::NotBegun => Ok(Ok(Some(elevation))),
            Reached::Failed(error) => Ok(Err(AttemptEnd::failed(Reason::Connection {
                message: error.to_string(),
                problem: error.problem(),
            }))),
        }
    }
}

/// As whom a step is carried out, with the values of secrets.
pub(crate) fn revealed(
    elevate: &Elevate,
    secrets: &HashMap<String, SecretString>,
) -> Result<Elevation, Reason> {
    Ok(Elevation {
        by: match elevate.method {
            ElevateMethod::Sudo => ElevateBy::Sudo,
            ElevateMethod::Su => ElevateBy::Su,
            ElevateMethod::Doas => ElevateBy::Doas,
        },
        user: reveal(&elevate.user, secrets)?,
        password: elevate.password.as_ref().map(|text| reveal(text, secrets)).transpose()?.map(Into::into),
    })
}

/// One sentence of what was refused, what was said about it, and what to do.
pub(crate) fn refusal(host: &str, elevation: &Elevation, output: &[u8], status: Option<u8>) -> String {
    let Elevation { by, user, password } = elevation;
    let said = String::from_utf8_lossy(output);
    // sudo says what is wrong, and then what follows from that.
    let says = |line: &&str| !line.is_empty() && !line.contains("error initializing");
    let said: Vec<&str> = said.lines().map(str::trim).filter(says).collect();
    let is_missing = said.iter().any(|line| line.contains("not found"));
    let wants_password = said.iter().any(|line| {
        let line = line.to_lowercase();
        line.contains("password is required")
            || line.contains("authentication")
            || line.contains("a terminal")
    });
    let advice = match password {
        _ if is_missing => format!("install {by} there, or log in as {user}"),
        Some(_) => "correct the password in the secrets of the project".to_owned(),
        None if wants_password => {
            format!("give `become` a `password` from the secrets, or let {by} there ask for none")
        }
        None => format!("let {by} there allow it, or log in as {user}"),
    };
    let said = match (said.last(), status) {
        (Some(last), _) => format!(": {last}"),
        (None, None) => format!(": no answer within {} s", PATIENCE.as_secs()),
        (None, Some(_)) => String::new(),
    };
    format!("{by} on {host} does not let this user become {user}{said}; {advice}")
}
