//! One process's engine: what it is made of, starting runs, and what is asked of them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use secrecy::SecretString;
use steadyhand_domain::{
    DeploymentId, Desired, EnvironmentId, ProjectId, Reason, RunId, RunState, StepId, Trigger,
};
use steadyhand_plan::Action;
use steadyhand_remote::{AskNobody, Config, Host, Remote};
use steadyhand_store::{
    Store, StoreError, deployments, environments,
    records::{Hindrance, RunSummary},
    runs,
    steps::{self, NewStep},
};
use tokio::{sync::broadcast, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    Change, EngineError, NewDeployment, Questions, RunSpec,
    control::Control,
    discover::Answers,
    execute,
    feed::{self, Feed, Follower},
    hosts::host_spec,
    notify::{self, Courier, ShowOnDesktop},
    owner::Owner,
    recover,
    retry::Done,
    secrets::SecretLookup,
    stages::Stages,
};

/// What an engine is made of.
pub struct EngineOptions {
    /// The database.
    pub store: Store,
    /// How hosts are reached.
    pub remote: Config,
    /// Where the values of secrets come from that the environment does not have.
    pub secrets: SecretLookup,
    /// What the stages of deployments do.
    pub stages: Arc<dyn Stages>,
    /// Whether to take over runs of processes that are gone from the beginning; see [`Engine::take_over`].
    pub takes_over: bool,
}

/// What a new run is made of.
pub struct NewRun {
    /// Its project.
    pub project_id: ProjectId,
    /// What started it.
    pub trigger: Trigger,
    /// Who started it.
    pub started_by: String,
    /// The plan revision.
    pub plan_sha256: String,
    /// What it executes.
    pub spec: RunSpec,
    /// Steps that an earlier run did, as places in the plan, with that run's number.
    pub done: BTreeMap<u32, Done>,
    /// The deployment that it makes, if it makes one.
    pub deployment: Option<NewDeployment>,
    /// The environment that it stops, if it stops one.
    pub stops: Option<EnvironmentId>,
}

/// What the tasks of an engine share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) remote: Remote,
    /// Connects without asking anybody: for what nobody has asked for.
    pub(crate) quiet: Remote,
    pub(crate) questions: Arc<Questions>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) control: Arc<Control>,
    pub(crate) owner: Owner,
    pub(crate) secrets: SecretLookup,
    pub(crate) discovered: Answers,
    pub(crate) courier: Courier,
    pub(crate) stages: Arc<dyn Stages>,
    pub(crate) tasks: TaskTracker,
    /// Cancelled when the process is about to end: everything is let go of as it is.
    pub(crate) closing: CancellationToken,
    /// Whether runs of processes that are gone are taken over.
    pub(crate) takes_over: AtomicBool,
    /// Runs that this process cannot execute, with the reason told once.
    pub(crate) given_up: Mutex<HashSet<RunId>>,
}

/// One process's engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

impl Engine {
    /// Starts the engine.
    ///
    /// # Errors
    /// When the data folder cannot be used.
    pub async fn open(options: EngineOptions) -> Result<Self, EngineError> {
        let EngineOptions { store, remote, secrets, stages, takes_over } = options;
        let owner = register(&store)?;
        let questions = Arc::new(Questions::default());
        let follower = Follower::open(&store).await?;
        let shared = Arc::new(Shared {
            config: remote.clone(),
            quiet: Remote::new(remote.clone(), Arc::new(AskNobody)),
            remote: Remote::new(remote, questions.clone()),
            questions,
            feed: Arc::new(Feed::new()),
            control: Arc::new(Control::default()),
            owner,
            secrets,
            discovered: Answers::default(),
            courier: Courier::default(),
            stages,
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            takes_over: AtomicBool::new(takes_over),
            given_up: Mutex::default(),
            store,
        });
        let control = shared.control.clone();
        shared.tasks.spawn(feed::follow(
            follower,
            shared.feed.clone(),
            shared.closing.clone(),
            move |run, desired| control.tell(run, desired),
        ));
        shared.tasks.spawn(recover::watch(shared.clone()));
        shared.tasks.spawn(notify::deliver(shared.clone()));
        let questions = shared.clone();
        shared.tasks.spawn(async move {
            let mut changes = questions.questions.watch();
            while let Some(Ok(())) = questions.closing.run_until_cancelled(changes.changed()).await {
                questions.feed.tell(Change::Questions);
            }
        });
        Ok(Self { shared })
    }

    /// Takes over runs of processes that are gone from now on. A process that only looks does not: it may lack what
    /// the runs need, and is gone in a moment.
    pub fn take_over(&self) {
        self.shared.takes_over.store(true, Ordering::Relaxed);
    }

    /// How notifications are shown on the desktop of this machine. Without, nobody sees them there.
    pub fn show_on_desktop_with(&self, port: ShowOnDesktop) {
        self.shared.courier.show_on_desktop_with(port);
    }

    /// Waits until everybody who is to be told of a run was tried to be told once, at most for `patience`. What could not be
    /// told then is tried again, by this process or the next one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn told(&self, run: RunId, patience: Duration) -> Result<(), EngineError> {
        Ok(notify::tried(&self.shared, run, patience).await?)
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The pool of connections, which asks a person where that is needed.
    pub(crate) fn remote(&self) -> &Remote {
        &self.shared.remote
    }

    /// How hosts are reached.
    pub(crate) fn remote_config(&self) -> &Config {
        &self.shared.config
    }

    /// The values of the secrets of a plan's project that are `needed`. They were looked up before, with those that are missing.
    pub(crate) fn values_of_secrets(
        &self,
        spec: &RunSpec,
        needed: impl Fn(&str) -> bool,
    ) -> HashMap<String, SecretString> {
        self.shared.secrets_named(spec, needed)
    }

    /// Questions that wait for a person.
    #[must_use]
    pub fn questions(&self) -> &Questions {
        &self.shared.questions
    }

    /// The name of this process, as an owner.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.shared.owner.name()
    }

    /// Whether the process of that name is known to have ended.
    #[must_use]
    pub fn is_gone(&self, owner: &str) -> bool {
        crate::owner::is_gone(&crate::owner::folder(self.shared.store.folder()), owner)
    }

    /// What changes from now on, in this process and in others.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.shared.feed.subscribe()
    }

    /// To be called after each commit that was made outside the engine.
    pub fn committed(&self) {
        self.shared.feed.committed();
    }

    /// A host of a plan.
    ///
    /// # Errors
    /// [`EngineError::UnknownHost`].
    pub fn host(&self, spec: &RunSpec, name: &str) -> Result<Host, EngineError> {
        Ok(self.shared.remote.host(&host_spec(&spec.plan.hosts, name)?))
    }

    /// One round trip to a host of a plan. Nobody is asked anything: where that would be needed, it is an error.
    ///
    /// # Errors
    /// [`EngineError::UnknownHost`], or why the host does not answer.
    pub async fn measure(&self, spec: &RunSpec, name: &str) -> Result<Duration, EngineError> {
        let host = self.host(spec, name)?;
        if host.is_connected().await {
            return Ok(host.latency().await?);
        }
        let host = self.shared.quiet.host(host.spec());
        let measured = host.latency().await;
        host.disconnect().await;
        Ok(measured?)
    }

    /// Records a run and begins to execute it. One that only looks still at what it has deployed is ended for it.
    ///
    /// # Errors
    /// [`EngineError::NoSteps`], [`EngineError::MissingSecrets`], [`StoreError::RunUnderWay`], for a deployment those of
    /// [`deployments::insert`], or when the database cannot be written or the secrets not be read. Nothing was started then.
    pub async fn start(&self, mut new: NewRun) -> Result<RunSummary, EngineError> {
        let shared = &self.shared;
        new.spec.project = Some(new.project_id);
        if new.spec.plan.steps.is_empty() {
            return Err(EngineError::NoSteps);
        }
        let names = shared.missing_secrets(&new.spec).await?;
        if !names.is_empty() {
            let project = self.project_of_secrets(&new.spec).await?;
            return Err(EngineError::MissingSecrets { names, project });
        }
        self.let_give_way(new.project_id, &new.started_by).await?;
        let id = RunId(Uuid::now_v7());
        let now = crate::now();
        let compiled = new.spec.to_json();
        let steps: Vec<NewStep<'_>> = new
            .spec
            .plan
            .steps
            .iter()
            .map(|step| NewStep {
                id: StepId(Uuid::now_v7()),
                index: step.index,
                task: &step.task,
                host: &step.host,
                name: &step.name,
                kind: kind(&step.action),
                stage: step.stage,
                skipped: new.done.get(&step.index).map(|done| Reason::CompletedInRun { run: done.run }),
                changed: new.done.get(&step.index).map(|done| done.notifies),
                output: new.done.get(&step.index).and_then(|done| done.output.clone()),
            })
            .collect();
        let mut db = shared.store.write().await?;
        let run = runs::NewRun {
            id,
            project_id: new.project_id,
            trigger: new.trigger,
            started_by: &new.started_by,
            plan_sha256: &new.plan_sha256,
            rendered_sha256: &new.spec.plan.sha256,
            compiled_json: &compiled,
        };
        if let Some(deployment) = &new.deployment {
            // Before the run is refused because another one is under way: this names what holds the environment.
            deployments::admit(&mut db, new.project_id, &deployment.environment).await?;
        }
        runs::insert(&mut db, &run, now).await?;
        steps::insert(&mut db, id, &steps).await?;
        if let Some(deployment) = &new.deployment {
            let new = deployments::NewDeployment {
                id: DeploymentId(Uuid::now_v7()),
                project_id: new.project_id,
                run_id: id,
                environment: &deployment.environment,
                environment_id: EnvironmentId(Uuid::now_v7()),
                takes_from: deployment.takes_from,
                source: deployment.source.as_ref(),
                image: deployment.image.as_deref(),
            };
            deployments::insert(&mut db, &new, now).await?;
        }
        if let Some(environment) = new.stops {
            environments::is_stopped_by(&mut db, environment, id).await?;
        }
        runs::claim(&mut db, id, shared.owner.name(), None, now.plus_ms(recover::LEASE_MS), now).await?;
        notify::outbox::add_start(&mut db, id, shared.owner.name(), &new.spec.plan.notify, now).await?;
        db.commit().await.map_err(StoreError::from)?;
        shared.feed.committed();
        execute::spawn(shared, id);
        self.summary(id).await
    }

    /// A run as it is now.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], or when the database cannot be read.
    pub async fn summary(&self, id: RunId) -> Result<RunSummary, EngineError> {
        let mut db = self.shared.store.read().await?;
        Ok(runs::get(&mut db, id).await?.ok_or(StoreError::UnknownRun(id))?)
    }

    /// The secrets of a plan that have no value here.
    ///
    /// # Errors
    /// When the project has secrets in the vault that cannot be read.
    pub async fn missing_secrets(&self, spec: &RunSpec) -> Result<Vec<String>, EngineError> {
        Ok(self.shared.missing_secrets(spec).await?)
    }

    /// Every secret that this process knows, with its name, whatever project it belongs to: what is hidden from others.
    pub async fn known_secrets(&self) -> Vec<(String, SecretString)> {
        self.shared.known_secrets().await
    }

    /// What a run executes.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`EngineError::Recorded`], or when the database cannot be read.
    pub async fn spec(&self, id: RunId) -> Result<RunSpec, EngineError> {
        let mut db = self.shared.store.read().await?;
        RunSpec::from_json(id, &runs::compiled_json(&mut db, id).await?)
    }

    /// Holds a run after its current step. Asking again changes nothing.
    ///
    /// # Errors
    /// When the run has ended or is being stopped, or when the database cannot be written.
    pub async fn pause(&self, id: RunId, by: &str) -> Result<RunSummary, EngineError> {
        self.ask(id, Desired::Paused, by).await
    }

    /// Lets a paused run go on. In a run that is not paused, steps that are held are tried again.
    ///
    /// # Errors
    /// When the run has ended or is being stopped, or when the database cannot be written.
    pub async fn resume(&self, id: RunId, by: &str) -> Result<RunSummary, EngineError> {
        let was_paused = self.summary(id).await?.desired == Desired::Paused;
        let run = self.ask(id, Desired::Running, by).await?;
        if !was_paused
            && run.hindrances.iter().any(|hindrance| matches!(hindrance, Hindrance::StepHeld { .. }))
        {
            self.retry_held(id, by).await?;
            return self.summary(id).await;
        }
        Ok(run)
    }

    /// Ends a run and what it is running. Asking again changes nothing.
    ///
    /// # Errors
    /// When the run has ended, or when the database cannot be written.
    pub async fn stop(&self, id: RunId, by: &str) -> Result<RunSummary, EngineError> {
        self.ask(id, Desired::Stopped, by).await
    }

    async fn ask(&self, id: RunId, desired: Desired, by: &str) -> Result<RunSummary, EngineError> {
        let mut db = self.shared.store.write().await?;
        let run = runs::get(&mut db, id).await?.ok_or(StoreError::UnknownRun(id))?;
        let number = run.number;
        if run.desired != desired || run.state.is_final() {
            let asked = match desired {
                Desired::Running => "resumed",
                Desired::Paused => "paused",
                Desired::Stopped => "stopped",
            };
            if run.state.is_final() {
                if run.state == RunState::Stopped && desired == Desired::Stopped {
                    return Ok(run);
                }
                return Err(EngineError::Ended { number, state: run.state, asked });
            }
            if run.desired == Desired::Stopped {
                return Err(EngineError::NotNow {
                    number,
                    why: "is being stopped; start a new one when it has ended",
                });
            }
            runs::ask(&mut db, id, desired, by, crate::now()).await?;
            db.commit().await.map_err(StoreError::from)?;
            self.shared.feed.committed();
            self.shared.control.tell(id, desired);
        }
        self.summary(id).await
    }

    /// Lets go of everything: commands on hosts go on, and the next process attaches to them.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        self.shared.store.close().await;
    }
}

fn register(store: &Store) -> Result<Owner, EngineError> {
    let path = crate::owner::folder(store.folder());
    Owner::register(&path)
        .map_err(|error: io::Error| EngineError::Store(StoreError::Folder { path, cause: error.to_string() }))
}

/// The word for what a step does.
pub(crate) fn kind(action: &Action) -> &str {
    match action {
        Action::Run { .. } => "run",
        Action::Upload { .. } => "upload",
        Action::Download { .. } => "download",
        Action::WaitFor { .. } => "wait_for",
        Action::Resource { resource, .. } => resource,
    }
}

impl Shared {
    /// Patience with a database that cannot be written for a while.
    pub(crate) fn patience(&self) -> Patience<'_> {
        Patience { shared: self, pause: Duration::from_millis(100), told: false }
    }

    pub(crate) fn give_up(&self, run: RunId) {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).insert(run);
    }

    pub(crate) fn has_given_up(&self, run: RunId) -> bool {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).contains(&run)
    }
}

/// When the disk is full or busy, says so and waits, so that nothing that happened on a host is lost.
pub(crate) struct Patience<'a> {
    shared: &'a Shared,
    pause: Duration,
    told: bool,
}

impl Patience<'_> {
    /// The result, unless it is an error that may pass: then waits and gives none, and the caller tries again.
    pub(crate) async fn settle<T>(&mut self, result: Result<T, StoreError>) -> Option<Result<T, StoreError>> {
        let shared = self.shared;
        match result {
            Err(error) if error.is_passing() && !shared.closing.is_cancelled() => {
                tracing::warn!(%error, "the database cannot be written; trying again");
                shared.feed.tell(Change::Trouble(Some(error.to_string())));
                self.told = true;
                // A disk does not tell when there is room again, nor another process when it lets go of the database.
                shared.closing.run_until_cancelled(sleep(self.pause)).await;
                self.pause = (self.pause * 2).min(Duration::from_secs(2));
                None
            }
            result => {
                if self.told {
                    shared.feed.tell(Change::Trouble(None));
                }
                Some(result)
            }
        }
    }
}
