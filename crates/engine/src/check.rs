//! What a run would change: every host is asked, and nothing is changed.
//!
//! The same conditions, guards and scripts are asked as in a run, in the same order; only nothing is done about the answers.
//! Hosts are asked at the same time, each about its own steps one after another.

mod transfer;

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use futures::{FutureExt, StreamExt, stream};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use steadyhand_domain::{Facts, Reason};
use steadyhand_plan::{Action, CompiledStep};
use steadyhand_remote::{
    Elevation, Host, RemoteError,
    resource::{CHANGED, Mode, UNKNOWN},
};
use tokio_util::sync::CancellationToken;
use ts_rs::TS;

use crate::{
    Engine, EngineError, Masker, RunSpec,
    attempt::{elevate, guard, resource, send, transfer::Way},
    hosts::host_spec,
    stages::Stages,
};

/// Hosts that are asked at the same time.
const AT_ONCE: usize = 256;
/// The most time that a check of one step may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// What a run would do about a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing: it is as it should be, or nothing is changed by it.
    Ok,
    /// It would change something.
    Change,
    /// That cannot be told before the steps before it have run.
    Unknown,
    /// It would be skipped.
    Skipped,
    /// It could not be asked, or would fail.
    Failed,
}

/// A step and what a run would do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct CheckedStep {
    /// Its place in the run, from 0.
    pub index: u32,
    /// Its task.
    pub task: String,
    /// Its host.
    pub host: String,
    /// What it is called.
    pub step: String,
    /// What a run would do.
    pub verdict: Verdict,
    /// What differs, with a diff where there is one; why it is skipped; what is not known. Without secrets.
    pub text: String,
}

impl Engine {
    /// Asks every host what a run of `spec` would change there. `cancel` gives it up; what was found until then is told.
    ///
    /// # Errors
    /// [`EngineError::MissingSecrets`], or when the database or the vault cannot be read.
    pub async fn check(
        &self,
        spec: &RunSpec,
        cancel: &CancellationToken,
    ) -> Result<Vec<CheckedStep>, EngineError> {
        let names = self.missing_secrets(spec).await?;
        if !names.is_empty() {
            let project = self.project_of_secrets(spec).await?;
            return Err(EngineError::MissingSecrets { names, project });
        }
        let shared = &self.shared;
        let secrets = shared.secrets_of(spec);
        let masker = Masker::new(&shared.all_secrets(spec));
        let mut by_host: BTreeMap<&str, Vec<&CompiledStep>> = BTreeMap::new();
        for step in &spec.plan.steps {
            by_host.entry(&step.host).or_default().push(step);
        }
        let mut asked = Vec::with_capacity(by_host.len());
        for (name, steps) in by_host {
            let host = shared.remote.host(&host_spec(&spec.plan.hosts, name)?);
            asked
                .push(OnHost::new(spec, host, &secrets, cancel, shared.stages.as_ref()).steps(steps).boxed());
        }
        let mut asked = stream::iter(asked).buffer_unordered(AT_ONCE);
        let mut all = Vec::with_capacity(spec.plan.steps.len());
        while let Some(steps) = asked.next().await {
            all.extend(steps);
        }
        all.sort_by_key(|step| step.index);
        if let Some(masker) = masker {
            for step in &mut all {
                step.text = masker.text(&step.text).into_owned();
            }
        }
        Ok(all)
    }
}

/// The questions to one host.
pub(super) struct OnHost<'a> {
    pub(super) spec: &'a RunSpec,
    pub(super) host: Host,
    pub(super) secrets: &'a HashMap<String, SecretString>,
    pub(super) cancel: &'a CancellationToken,
    stages: &'a dyn Stages,
    facts: Option<Facts>,
    /// As whom steps can be carried out here, or why not. A wrong password is tried once.
    elevated: HashMap<String, Result<(), String>>,
}

/// What was found out about a step, or why nothing was.
pub(super) type Found = Result<(Verdict, String), Unasked>;

pub(super) enum Unasked {
    /// The step would fail there.
    Step(String),
    /// The host does not answer.
    Host(RemoteError),
}

impl From<RemoteError> for Unasked {
    fn from(error: RemoteError) -> Self {
        Self::Host(error)
    }
}

impl From<Reason> for Unasked {
    fn from(reason: Reason) -> Self {
        Self::Step(reason.to_string())
    }
}

impl<'a> OnHost<'a> {
    fn new(
        spec: &'a RunSpec,
        host: Host,
        secrets: &'a HashMap<String, SecretString>,
        cancel: &'a CancellationToken,
        stages: &'a dyn Stages,
    ) -> Self {
        Self { spec, host, secrets, cancel, stages, facts: None, elevated: HashMap::new() }
    }

    async fn steps(mut self, steps: Vec<&CompiledStep>) -> Vec<CheckedStep> {
        let mut checked: Vec<CheckedStep> = Vec::with_capacity(steps.len());
        let mut called: HashMap<(String, String), Verdict> = HashMap::new();
        let mut unreachable = None;
        let mut is_certain = true;
        for step in steps {
            let called_for = step.handler.as_ref().map(|name| {
                called.get(&(step.task.clone(), name.clone())).copied().unwrap_or(Verdict::Skipped)
            });
            let (verdict, text) = match &unreachable {
                Some(message) => (Verdict::Failed, message),
                None => match self.step(step, called_for).await {
                    Ok((verdict, text)) => (verdict, &text.clone()),
                    Err(Unasked::Step(message)) => (Verdict::Failed, &message.clone()),
                    Err(Unasked::Host(error)) => (Verdict::Failed, &*unreachable.insert(error.to_string())),
                },
            };
            if matches!(verdict, Verdict::Change | Verdict::Unknown) {
                for name in &step.notify {
                    let known = called.entry((step.task.clone(), name.clone())).or_insert(verdict);
                    if verdict == Verdict::Change {
                        *known = verdict;
                    }
                }
            }
            // What a step would change, a guard after it does not see yet.
            let text = match (verdict, is_certain) {
                (Verdict::Skipped, false) if step.handler.is_none() => &format!("{text} (as things are now)"),
                _ => text,
            };
            is_certain &= !matches!(verdict, Verdict::Change | Verdict::Unknown);
            checked.push(CheckedStep {
                index: step.index,
                task: step.task.clone(),
                host: step.host.clone(),
                step: step.name.clone(),
                verdict,
                text: text.clone(),
            });
        }
        checked
    }

    async fn step(&mut self, step: &CompiledStep, called_for: Option<Verdict>) -> Found {
        let skipped = |reason: &Reason| Ok((Verdict::Skipped, reason.to_string()));
        match called_for {
            Some(Verdict::Skipped) => return skipped(&Reason::NotNotified),
            Some(Verdict::Unknown) => {
                return Ok((Verdict::Unknown, "depends on a step of which that is not known".to_owned()));
            }
            _ => {}
        }
        if let Some(reason) = step.never() {
            return skipped(&reason);
        }
        let facts = self.facts_for(step).await?;
        if let Some(reason) = step.skipped(&facts).map_err(Unasked::Step)? {
            return skipped(&reason);
        }
        let step = &step.with_facts(&facts).map_err(|missing| Unasked::Step(missing.to_string()))?;
        if let Some(output) = step.outputs().first() {
            return Ok((Verdict::Unknown, format!("depends on what the step `{}` will write", output.id)));
        }
        let elevation = self.elevation(step).await?;
        for (guard, text) in &step.guards {
            let script = guard::question(step, *guard, text, self.secrets, elevation.as_ref())?;
            let Some(status) = self.ask(&script, guard::GUARD_TIMEOUT).await?.0 else {
                return Err(Unasked::Step(format!("the condition `{text}` gave no answer")));
            };
            if guard::holds(*guard, status) {
                return skipped(&Reason::GuardHeld { guard: *guard, what: text.to_string() });
            }
        }
        if step.stage.is_some() {
            if let Action::Resource { params, .. } = &step.action
                && let Err(reason) = send::ToSend::find(self.stages, params, &self.spec.base(), self.secrets)
            {
                let steps = self.spec.plan.steps.iter();
                let mut before = steps.filter(|other| other.index < step.index && other.never().is_none());
                return match before.find(|other| other.host == "local") {
                    Some(maker) => {
                        Ok((Verdict::Unknown, format!("{reason}. But the step “{}” may make it", maker.name)))
                    }
                    None => Err(reason.into()),
                };
            }
            return Ok((Verdict::Change, "is carried out when the run gets there".to_owned()));
        }
        match &step.action {
            Action::Run { .. } => Ok((Verdict::Change, "runs the command".to_owned())),
            Action::Upload { from, to } => self.transfer(step, Way::Up, from, to, elevation.as_ref()).await,
            Action::Download { from, to } => {
                self.transfer(step, Way::Down, from, to, elevation.as_ref()).await
            }
            Action::WaitFor { .. } => Ok((Verdict::Ok, "asks when the run gets there".to_owned())),
            Action::Resource { resource: kind, params } => {
                let base = self.spec.base();
                let script = resource::script("check", &base, kind, params, self.secrets, Mode::Check)?;
                let script = match &elevation {
                    None => script,
                    Some(elevation) => elevation.script(&script).map_err(Unasked::Step)?,
                };
                let (status, text) = self.ask(&script, PATIENCE).await?;
                let verdict = match status {
                    Some(0) => Verdict::Ok,
                    Some(CHANGED) => Verdict::Change,
                    Some(UNKNOWN) => Verdict::Unknown,
                    Some(_) => Verdict::Failed,
                    None => {
                        let waited = PATIENCE.as_secs();
                        return Err(Unasked::Step(format!("the check gave no answer within {waited} s")));
                    }
                };
                Ok((verdict, text))
            }
        }
    }

    async fn facts_for(&mut self, step: &CompiledStep) -> Result<Facts, Unasked> {
        if !step.needs_facts() {
            return Ok(Facts::default());
        }
        if self.facts.is_none() {
            self.facts = Some(self.host.facts_until(crate::now, self.cancel).await?);
        }
        Ok(self.facts.clone().unwrap_or_default())
    }

    /// As whom a step is carried out, if its host allows that.
    async fn elevation(&mut self, step: &CompiledStep) -> Result<Option<Elevation>, Unasked> {
        let Some(elevate) = &step.elevate else { return Ok(None) };
        let elevation = elevate::revealed(elevate, self.secrets)?;
        let key = format!("{} {}", elevation.by, elevation.user);
        match self.elevated.get(&key) {
            Some(Ok(())) => return Ok(Some(elevation)),
            Some(Err(message)) => return Err(Unasked::Step(message.clone())),
            None => {}
        }
        let script = elevation.question().map_err(Unasked::Step)?;
        let (status, output) = self.ask(&script, elevate::PATIENCE).await?;
        if status != Some(0) {
            let message = elevate::refusal(&step.host, &elevation, output.as_bytes(), status);
            self.elevated.insert(key, Err(message.clone()));
            return Err(Unasked::Step(message));
        }
        self.elevated.insert(key, Ok(()));
        Ok(Some(elevation))
    }

    async fn ask(&self, script: &str, limit: Duration) -> Result<(Option<u8>, String), Unasked> {
        let probe = self.host.probe_until(script, limit, self.cancel).await?;
        if self.cancel.is_cancelled() {
            return Err(Unasked::Step("the check was given up".to_owned()));
        }
        let text = String::from_utf8_lossy(&probe.output).trim_end().to_owned();
        Ok((probe.status, text))
    }
}
