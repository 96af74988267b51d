//! From changes of the store to updates for pages.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::Stream;
use steadyhand_domain::{DeploymentId, EnvironmentId, RunId, StepId};
use steadyhand_engine::{Change, Engine};
use steadyhand_store::{
    StoreError, chat, deployments, environments, events::Event, logs, projects, records::Step, runs, steps,
};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep_until},
};
use tokio_stream::{StreamExt, wrappers::BroadcastStream};
use tokio_util::sync::CancellationToken;

use crate::{Api, Update};

/// Batches are at least this far apart.
const PACE: Duration = Duration::from_millis(50);
/// Batches that a slow listener may be behind.
const CAPACITY: usize = 256;
/// Above so many changed steps of one run they are read together.
const ALL_STEPS: usize = 8;

/// Makes updates once for all listeners of this process.
pub(crate) struct Hub {
    batches: broadcast::Sender<Arc<Vec<Update>>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { batches: broadcast::channel(CAPACITY).0 }
    }
}

/// What has changed since the last batch.
#[derive(Default)]
struct Changed {
    /// Runs, with the number of the last change before and the steps.
    runs: BTreeMap<RunId, (i64, HashSet<StepId>)>,
    logs: HashMap<(StepId, u32), logs::Grown>,
    /// Runs that know more of their deployments.
    learned: BTreeSet<RunId>,
    deployments: BTreeSet<DeploymentId>,
    environments: BTreeSet<EnvironmentId>,
    others: Vec<Event>,
    questions: bool,
    trouble: Option<Option<String>>,
    lagged: bool,
}

impl Changed {
    fn add(&mut self, change: Change) {
        match change {
            Change::Event(change) => {
                match change.event {
                    Event::EnvironmentRecorded { environment_id }
                    | Event::Environment { environment_id, .. } => {
                        self.environments.insert(environment_id);
                    }
                    Event::DeploymentRecorded { deployment_id } | Event::Deployment { deployment_id, .. } => {
                        self.deployments.insert(deployment_id);
                    }
                    Event::DeploymentLearned => self.learned.extend(change.run_id),
                    _ => {}
                }
                match (change.run_id, change.seq) {
                    (Some(run), Some(seq)) => {
                        let (_, steps) = self.runs.entry(run).or_insert((seq - 1, HashSet::new()));
                        steps.extend(change.event.step());
                    }
                    _ => {
                        self.others.retain(|event| *event != change.event);
                        self.others.push(change.event);
                    }
                }
            }
            Change::Log(grown) => {
                self.logs.insert((grown.step_id, grown.attempt), grown);
            }
            Change::Questions => self.questions = true,
            Change::Trouble(message) => self.trouble = Some(message),
        }
    }
}

impl Hub {
    /// Makes updates until the process closes.
    pub(crate) async fn run(hub: Arc<Self>, engine: Engine, closing: CancellationToken) {
        let mut changes = engine.changes();
        let mut known_questions = HashSet::new();
        loop {
            let mut changed = Changed::default();
            let first = tokio::select! {
                () = closing.cancelled() => return,
                first = changes.recv() => first,
            };
            let until = Instant::now() + PACE;
            let mut next = Some(first);
            while let Some(change) = next {
                match change {
                    Ok(change) => changed.add(change),
                    Err(RecvError::Lagged(_)) => changed.lagged = true,
                    Err(RecvError::Closed) => return,
                }
                next = changes.try_recv().ok().map(Ok);
            }
            match hub.batch(&engine, changed, &mut known_questions).await {
                Ok(batch) => hub.send(batch),
                Err(error) => {
                    tracing::warn!(%error, "changes could not be read; listeners are told to ask again");
                    hub.send(vec![Update::Lagged]);
                }
            }
            tokio::select! {
                () = closing.cancelled() => return,
                () = sleep_until(until) => {}
            }
        }
    }

    /// Tells listeners something that is about this process alone.
    pub(crate) fn send(&self, batch: Vec<Update>) {
        if !batch.is_empty() {
            // No listener is fine.
            let _ = self.batches.send(Arc::new(batch));
        }
    }

    async fn batch(
        &self,
        engine: &Engine,
        changed: Changed,
        known_questions: &mut HashSet<steadyhand_domain::QuestionId>,
    ) -> Result<Vec<Update>, StoreError> {
        let mut batch = Vec::new();
        if changed.lagged {
            batch.push(Update::Lagged);
        }
        let mut db = engine.store().read().await?;
        for event in changed.others {
            match event {
                Event::Project { project_id } => {
                    batch.extend(
                        projects::get(&mut db, project_id).await?.map(|project| Update::Project { project }),
                    );
                }
                Event::ProjectRemoved { project_id } => batch.push(Update::ProjectRemoved { project_id }),
                Event::Plan { project_id, sha256 } => batch.push(Update::Plan { project_id, sha256 }),
                Event::Message { message_id } => {
                    batch.extend(
                        chat::get(&mut db, message_id).await?.map(|message| Update::Message { message }),
                    );
                }
                Event::Proposal { proposal_id } => {
                    let proposal = chat::proposal(&mut db, proposal_id).await?;
                    batch.extend(proposal.map(|proposal| Update::Proposal { proposal }));
                }
                // Changes of runs come with the run, those of deployments and environments below.
                _ => {}
            }
        }
        for (id, (since, ids)) in changed.runs {
            let sizes = logs::sizes(&mut *engine.store().read_logs().await?, id).await?;
            let Some(run) = runs::get(&mut db, id).await? else { continue };
            // The run is read as it is now, which may be later than the changes at hand. Once it has ended nobody waits
            // for more, so all its steps go with it.
            let changed: Vec<Step> = if run.state.is_final() {
                steps::of_run(&mut db, id, &sizes).await?
            } else if ids.len() > ALL_STEPS {
                let all = steps::of_run(&mut db, id, &sizes).await?;
                all.into_iter().filter(|step| ids.contains(&step.id)).collect()
            } else {
                let mut some = Vec::new();
                for step in ids {
                    some.extend(steps::get(&mut db, step, &sizes).await?);
                }
                some
            };
            batch.push(Update::Run { run, since, steps: changed });
        }
        let mut environments = changed.environments;
        let mut known = Vec::new();
        for id in changed.deployments {
            known.extend(deployments::get(&mut db, id).await?);
        }
        for run in changed.learned {
            let learned = deployments::of_run(&mut db, run).await?;
            known.extend(learned.filter(|learned| known.iter().all(|known| known.id != learned.id)));
        }
        for deployment in known {
            // An environment tells of its current deployment and of its last one.
            environments.insert(deployment.environment_id);
            batch.push(Update::Deployment { deployment });
        }
        for id in environments {
            let environment = environments::get(&mut db, id).await?;
            batch.extend(environment.map(|environment| Update::Environment { environment }));
        }
        for grown in changed.logs.into_values() {
            batch.push(Update::Log {
                run_id: grown.run_id,
                step_id: grown.step_id,
                attempt: grown.attempt,
                lines: grown.size.lines,
                bytes: grown.size.bytes,
            });
        }
        if changed.questions {
            let pending = engine.questions().pending();
            let now: HashSet<_> = pending.iter().map(|question| question.id).collect();
            for id in known_questions.difference(&now) {
                batch.push(Update::QuestionGone { id: *id });
            }
            for question in pending.into_iter().filter(|question| !known_questions.contains(&question.id)) {
                batch.push(Update::Question { question });
            }
            *known_questions = now;
        }
        if let Some(message) = changed.trouble {
            batch.push(Update::Trouble { message });
        }
        Ok(batch)
    }
}

impl Api {
    /// What changes from now on, in batches that are at least 50 ms apart. A listener that is too slow is told
    /// [`Update::Lagged`].
    pub fn updates(&self) -> impl Stream<Item = Vec<Update>> + Send + Unpin + 'static + use<> {
        BroadcastStream::new(self.inner.hub.batches.subscribe()).map(|batch| match batch {
            Ok(batch) => (*batch).clone(),
            Err(_) => vec![Update::Lagged],
        })
    }
}
