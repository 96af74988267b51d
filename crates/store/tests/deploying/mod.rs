//! Runs that deploy, as an engine would record them.

use steadyhand_domain::{
    DeploymentId, EnvironmentId, ProjectId, Reason, RunEvent, RunId, RunState, Stage, StepEvent, StepId,
    StepState, Timestamp, Trigger,
};
use steadyhand_store::{
    Store, StoreError,
    deployments::{self, NewDeployment},
    progress::{self, Write},
    projects, runs,
    steps::{self, NewStep},
};
use uuid::Uuid;

pub(crate) const PROJECT: ProjectId = ProjectId(Uuid::from_u128(1));

/// A step of a run, as its engine keeps it in mind.
pub(crate) struct Step {
    pub(crate) id: StepId,
    pub(crate) stage: Option<Stage>,
    pub(crate) state: StepState,
}

/// A run under way.
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) state: RunState,
    pub(crate) owner: String,
    pub(crate) steps: Vec<Step>,
}

/// What one commit changes.
#[derive(Clone, Copy)]
pub(crate) enum Change<'a> {
    /// The step at this place.
    Step(usize, StepEvent, Option<&'a Reason>),
    /// The run.
    Run(RunEvent),
}

/// A store with one project, and a clock.
pub(crate) struct World {
    pub(crate) store: Store,
    folder: tempfile::TempDir,
    made: u128,
    clock: i64,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(folder.path()).await.expect("store");
        let mut world = Self { store, folder, made: 100, clock: 1_000_000 };
        let now = world.now();
        let mut db = world.store.write().await.expect("writer");
        projects::insert(&mut db, PROJECT, "shop", false, now).await.expect("project");
        db.commit().await.expect("commit");
        world
    }

    pub(crate) fn now(&mut self) -> Timestamp {
        self.clock += 1_000;
        Timestamp(self.clock)
    }

    fn id(&mut self) -> Uuid {
        self.made += 1;
        Uuid::from_u128(self.made)
    }

    /// Opens the same data again, as a process does that was started anew.
    pub(crate) async fn reopen(&mut self) {
        self.store.close().await;
        self.store = Store::open(self.folder.path()).await.expect("store");
    }

    /// Records a run with steps of these stages, of which the first `done` were done by an earlier run.
    pub(crate) async fn start(
        &mut self,
        environment: &str,
        takes_from: Option<DeploymentId>,
        stages: &[Option<Stage>],
        done: usize,
    ) -> Result<Run, StoreError> {
        let now = self.now();
        let id = RunId(self.id());
        let steps: Vec<Step> = stages
            .iter()
            .enumerate()
            .map(|(place, stage)| Step {
                id: StepId(self.id()),
                stage: *stage,
                state: if place < done { StepState::Skipped } else { StepState::Pending },
            })
            .collect();
        let deployment = NewDeployment {
            id: DeploymentId(self.id()),
            project_id: PROJECT,
            run_id: id,
            environment,
            environment_id: EnvironmentId(self.id()),
            takes_from,
            source: None,
            image: None,
        };
        let mut db = self.store.write().await?;
        deployments::admit(&mut db, PROJECT, environment).await?;
        let run = runs::NewRun {
            id,
            project_id: PROJECT,
            trigger: Trigger::Chat,
            started_by: "ada",
            plan_sha256: "p",
            rendered_sha256: "r",
            compiled_json: "{}",
        };
        runs::insert(&mut db, &run, now).await?;
        let names: Vec<String> = (0..steps.len()).map(|place| format!("step {place}")).collect();
        let new: Vec<NewStep<'_>> = (0..)
            .zip(steps.iter().zip(&names))
            .map(|(index, (step, name))| NewStep {
                id: step.id,
                index,
                task: "release",
                host: "web1",
                name,
                kind: "run",
                stage: step.stage,
                skipped: (step.state == StepState::Skipped).then_some(Reason::CompletedInRun { run: 1 }),
                changed: None,
                output: None,
            })
            .collect();
        steps::insert(&mut db, id, &new).await?;
        deployments::insert(&mut db, &deployment, now).await?;
        runs::claim(&mut db, id, "engine", None, now.plus_ms(15_000), now).await?;
        db.commit().await?;
        Ok(Run { id, state: RunState::Started, owner: "engine".to_owned(), steps })
    }

    /// Commits changes of a run together; when they are refused, nothing has changed.
    pub(crate) async fn commit(&mut self, run: &mut Run, changes: &[Change<'_>]) -> Result<(), StoreError> {
        self.record(run, changes, true).await
    }

    /// Does what a commit does, up to the commit itself: the process is killed before.
    pub(crate) async fn is_killed_in(
        &mut self,
        run: &mut Run,
        changes: &[Change<'_>],
    ) -> Result<(), StoreError> {
        self.record(run, changes, false).await
    }

    async fn record(
        &mut self,
        run: &mut Run,
        changes: &[Change<'_>],
        commits: bool,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let mut state = run.state;
        let mut states: Vec<StepState> = run.steps.iter().map(|step| step.state).collect();
        let mut writes = Vec::new();
        for change in changes {
            writes.push(match *change {
                Change::Step(place, event, reason) => {
                    states[place] = states[place].next(event).expect("a legal event of a step");
                    let (step, state) = (run.steps[place].id, states[place]);
                    Write::Step { step, event, state, reason, changed: None, output: None }
                }
                Change::Run(event) => {
                    state = state.next(event).expect("a legal event of a run");
                    Write::Run { event, state }
                }
            });
        }
        let mut db = self.store.write().await?;
        progress::record(&mut db, run.id, &run.owner, &writes, &[], now).await?;
        deployments::follow(&mut db, run.id, &[&writes], now).await?;
        if !commits {
            return Ok(());
        }
        db.commit().await?;
        run.state = state;
        for (step, state) in run.steps.iter_mut().zip(states) {
            step.state = state;
        }
        Ok(())
    }

    /// Another process goes on with a run.
    pub(crate) async fn take_over(&mut self, run: &mut Run, owner: &str) {
        let now = self.now();
        let mut db = self.store.write().await.expect("writer");
        let until = now.plus_ms(15_000);
        let claimed = runs::claim(&mut db, run.id, owner, Some(&run.owner), until, now).await.expect("claim");
        assert!(claimed, "its owner is gone");
        db.commit().await.expect("commit");
        owner.clone_into(&mut run.owner);
    }
}

/// The steps of a stage each, in order.
pub(crate) fn each(stages: &[Stage]) -> Vec<Option<Stage>> {
    stages.iter().copied().map(Some).collect()
}
