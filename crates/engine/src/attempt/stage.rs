//! The stages of a deployment: resources with scripts from outside the engine, and with reports.

use futures::future::BoxFuture;
use steadyhand_domain::{LossReason, Reason, Stage, StepOutcome};
use steadyhand_plan::{Action, CompiledStep, ParamOf, ResourceParam};
use steadyhand_remote::{StepRequest, TransferSummary};
use steadyhand_store::{StoreError, Writer, deployments, progress::Write, records::Scan, scans};
use tokio_util::sync::CancellationToken;

use super::{Attempt, AttemptEnd, reach::Reached, resource};
use crate::{
    EngineError,
    execute::Execution,
    record,
    stages::{Collected, Learned, Sent, Told, environment_on_hosts, on_hosts},
};

impl Execution<'_> {
    pub(super) async fn stage(
        &self,
        attempt: &Attempt,
        stage: Stage,
        name: &str,
        params: &[ResourceParam],
    ) -> Result<AttemptEnd, EngineError> {
        let sent = if params.iter().any(|param| param.of == ParamOf::Sent) {
            // What was begun stands on what was sent then, whatever is here now.
            if let Some(end) = self.begun_before(attempt).await? {
                return self.reported(attempt, stage, end).await;
            }
            match self.send(attempt, params).await? {
                Ok(sent) => Some(sent),
                Err(end) => return Ok(end),
            }
        } else {
            None
        };
        let script = self.stage_script(attempt, stage, name, params, sent.as_ref()).await?;
        let request = script.map(|script| {
            let timeout = attempt.step.timeout_ms.map(std::time::Duration::from_millis);
            StepRequest { timeout, ..StepRequest::new(self.attempt_name(attempt), script) }
        });
        let end = resource::end(self.execute(attempt, request).await?);
        self.reported(attempt, stage, end).await
    }

    /// How the script of an attempt ends that an earlier process may have begun, if it has.
    async fn begun_before(&self, attempt: &Attempt) -> Result<Option<AttemptEnd>, EngineError> {
        if !self.was_running.contains(&(attempt.step.index as usize)) {
            return Ok(None);
        }
        let request = StepRequest::new(self.attempt_name(attempt), "");
        let end = self.execute(attempt, Ok(StepRequest { started_before: true, ..request })).await?;
        let is_unknown = matches!(
            end,
            AttemptEnd::Failed {
                outcome: Some(StepOutcome::Lost { reason: LossReason::RecordGone { .. } }),
                ..
            }
        );
        Ok((!is_unknown).then(|| resource::end(end)))
    }

    /// Takes the report of a stage that has succeeded, if it makes one.
    pub(super) async fn reported(
        &self,
        attempt: &Attempt,
        stage: Stage,
        end: AttemptEnd,
    ) -> Result<AttemptEnd, EngineError> {
        if attempt.step.id.is_none() {
            return Ok(end);
        }
        let index = attempt.step.index as usize;
        if !matches!(end, AttemptEnd::Succeeded { .. }) {
            // Who stops a switch in its last moment does not undo it: what the host says has happened has happened.
            let has_switched = stage == Stage::Switch
                && self.fetch_output(attempt).await?.is_ok()
                && self.recorded_output(index).is_some_and(|output| output.text == "switched");
            return Ok(if has_switched {
                AttemptEnd::Succeeded { outcome: Some(StepOutcome::Exited { status: 0 }), changed: true }
            } else {
                end
            });
        }
        if let Err(reason) = self.fetch_output(attempt).await? {
            return Ok(AttemptEnd::Failed { reason, outcome: Some(StepOutcome::Exited { status: 0 }) });
        }
        let Some(report) = self.recorded_output(index) else { return Ok(end) };
        let says = |name: &str| said(&attempt.step, name);
        let Learned { source, image, history, kept, collect } =
            self.shared.stages.learned(stage, &report.text, &says);
        if let (Some(history), Some(deployment)) = (history, &self.deployment) {
            let mut db = self.owned().await?;
            deployments::set_history(&mut db, deployment.id, &history).await?;
            db.commit().await.map_err(StoreError::from)?;
        }
        if source.is_some() || image.is_some() {
            self.commit(&[Write::Deployment { source: source.as_ref(), image: image.as_deref() }]).await?;
        }
        if let (Some(kept), Some(deployment)) = (kept, &self.deployment) {
            let mut db = self.owned().await?;
            deployments::keep_only(&mut db, deployment.environment_id, &kept).await?;
            db.commit().await.map_err(StoreError::from)?;
        }
        match collect {
            Some(there) => self.collect(attempt, &there, &report.text, end).await,
            None => Ok(end),
        }
    }

    /// A transaction for what became known besides, as long as the run is this process's.
    async fn owned(&self) -> Result<Writer, EngineError> {
        Ok(record::owned(&self.shared.store, self.id, self.shared.owner.name()).await?)
    }

    /// Fetches the file that a stage has left on its host, and keeps what is in it. Doing it again does no harm, so nothing of it is
    /// recorded before the step is.
    async fn collect(
        &self,
        attempt: &Attempt,
        there: &str,
        report: &str,
        end: AttemptEnd,
    ) -> Result<AttemptEnd, EngineError> {
        let Some(deployment) = &self.deployment else { return Ok(end) };
        let failed = |message: String| {
            let outcome = Some(StepOutcome::Exited { status: 0 });
            Ok(AttemptEnd::Failed { reason: Reason::Error { message }, outcome })
        };
        let data = self.shared.store.folder();
        let file = data.join(format!("collected-{}", attempt.id));
        let (host, from, to) = (attempt.host.clone(), there.to_owned(), file.clone());
        let elevation = attempt.elevation.clone();
        let operation = move |cancel: CancellationToken| {
            let (host, from, to) = (host.clone(), from.clone(), to.clone());
            let elevation = elevation.clone();
            Box::pin(async move {
                tokio::select! {
                    done = host.download(&from, &to, elevation.as_ref(), &|_| {}) => done.map(Some),
                    () = cancel.cancelled() => Ok(None),
                }
            }) as BoxFuture<'_, _>
        };
        let reached = self.reach::<Option<TransferSummary>>(&attempt.step.host, Box::new(operation)).await?;
        match reached {
            Reached::Done(Some(_)) => {}
            Reached::Done(None) | Reached::Unreachable(_) | Reached::NotBegun => {
                // What came of it is of no use.
                let _ = tokio::fs::remove_file(&file).await;
                return Ok(AttemptEnd::Stopped(None));
            }
            Reached::Failed(error) => return failed(error.to_string()),
        }
        let (stages, report, folder) = (self.shared.stages.clone(), report.to_owned(), data.to_owned());
        let (id, kept) = (deployment.id, file.clone());
        let taken = tokio::task::spawn_blocking(move || {
            let now = crate::now();
            stages.collected(Collected { deployment: id, report: &report, file: &kept, data: &folder, now })
        });
        let taken = taken.await;
        let _ = tokio::fs::remove_file(&file).await;
        match taken {
            Ok(Ok(None)) => Ok(end),
            Ok(Ok(Some(mut scan))) => {
                self.hide_in(&mut scan);
                let mut db = self.owned().await?;
                scans::set(&mut db, deployment.id, self.id, &scan, crate::now()).await?;
                db.commit().await.map_err(StoreError::from)?;
                self.shared.feed.committed();
                Ok(end)
            }
            Ok(Err(message)) => failed(message),
            Err(error) => failed(format!("what came from {} could not be read: {error}", attempt.step.host)),
        }
    }

    /// What a scanner tells comes from a host, as a log does.
    fn hide_in(&self, scan: &mut Scan) {
        let hide = |text: &mut String| *text = self.hidden(text);
        scan.version.iter_mut().for_each(hide);
        for one in scan.found.iter_mut().flatten() {
            [&mut one.id, &mut one.package, &mut one.installed].into_iter().for_each(hide);
            [&mut one.fixed, &mut one.title, &mut one.link].into_iter().flatten().for_each(hide);
        }
    }

    async fn stage_script(
        &self,
        attempt: &Attempt,
        stage: Stage,
        name: &str,
        params: &[ResourceParam],
        sent: Option<&Sent>,
    ) -> Result<Result<String, Reason>, EngineError> {
        let failed = |message: String| Ok(Err(Reason::Error { message }));
        let Some(names) = self.names_on_hosts().await? else {
            return failed("no deployment belongs to this run; start it again with a redeploy".to_owned());
        };
        let run = self.id.to_string();
        let given = match resource::given(&run, &self.spec.base(), params, &attempt.secrets) {
            Ok(given) => given,
            Err(reason) => return Ok(Err(reason)),
        };
        let reported = if stage == Stage::Detect {
            let steps = &self.spec.plan.steps;
            let fetch = steps
                .iter()
                .position(|step| step.stage == Some(Stage::Fetch) && step.host == attempt.step.host);
            match fetch {
                Some(index) => match self.said_by(index).await? {
                    Ok(text) => Some(text),
                    Err(reason) => return Ok(Err(reason)),
                },
                None => None,
            }
        } else {
            None
        };
        let told = Told { sent, ..names.told(reported.as_deref()) };
        Ok(self.shared.stages.script(name, &given, told).map_err(|message| Reason::Error { message }))
    }

    /// What the deployment of this run is called on its hosts, if it makes one.
    pub(super) async fn names_on_hosts(&self) -> Result<Option<Names>, EngineError> {
        let Some(deployment) = &self.deployment else { return Ok(None) };
        let takes_from = match deployment.takes_from {
            None => None,
            Some(from) => {
                let found = deployments::get(&mut *self.shared.store.read().await?, from).await?;
                found.map(|from| on_hosts(from.number, from.run_id))
            }
        };
        Ok(Some(Names {
            environment: environment_on_hosts(&self.spec.plan),
            deployment: on_hosts(deployment.number, deployment.run_id),
            number: deployment.number,
            takes_from,
            project: deployment.project_id.to_string(),
            who: deployment.started_by.clone(),
        }))
    }
}

/// What stages are told of their deployment.
pub(super) struct Names {
    environment: String,
    deployment: String,
    number: u32,
    takes_from: Option<String>,
    project: String,
    who: String,
}

impl Names {
    pub(super) fn told<'a>(&'a self, reported: Option<&'a str>) -> Told<'a> {
        Told {
            environment: &self.environment,
            deployment: &self.deployment,
            number: self.number,
            takes_from: self.takes_from.as_deref(),
            project: &self.project,
            who: &self.who,
            reported,
            sent: None,
        }
    }
}

/// What a step says of a parameter, where that is no secret.
fn said(step: &CompiledStep, name: &str) -> Option<String> {
    let Action::Resource { params, .. } = &step.action else { return None };
    let param = params.iter().find(|param| param.name == name)?;
    Some(param.values.first()?.to_string())
}
