//! What a deployment is follows from what its run records, in the same transaction.
//!
//! Nobody tells a deployment that it is built or ready: the states of the steps do. So it cannot differ from them, whoever
//! executes the run, and whoever was killed in between. What is due is made out anew from all steps at each commit of a
//! run that makes a deployment.

use sqlx::SqliteConnection;
use steadyhand_domain::{
    DeploymentEvent, DeploymentId, DeploymentState, EnvironmentEvent, EnvironmentId, EnvironmentState,
    Reason, RunEvent, RunId, Stage, StepEvent, StepState, Timestamp,
};

use crate::{
    StoreError, environments,
    events::{self, Event},
    progress::Write,
    row::{self, Place},
};

/// All of them, in order.
const STAGES: [Stage; 10] = [
    Stage::Prepare,
    Stage::Fetch,
    Stage::Detect,
    Stage::Build,
    Stage::Start,
    Stage::Health,
    Stage::Hooks,
    Stage::Switch,
    Stage::Drain,
    Stage::After,
];
/// Why a deployment has failed of which no step did.
const NOT_SWITCHED: &str =
    "the run completed without switching traffic to this deployment: no step that does so was carried out";

/// The same, where its environment is gone.
const DESTROYED: &str = "its environment was destroyed before it served";

/// Lets the deployment that a run makes follow `writes`, which were recorded before in the same transaction: what its steps
/// have come to, and how it ended. Where the run makes none, that is found out with one query of an index; where nothing that
/// a deployment depends on was written, with none.
///
/// # Errors
/// [`StoreError::IllegalDeployment`] or [`StoreError::IllegalEnvironment`] when what was recorded cannot happen to the
/// deployment or its environment, or when the database cannot be written. The transaction is to be dropped then.
pub async fn follow(
    db: &mut SqliteConnection,
    run: RunId,
    writes: &[&[Write<'_>]],
    now: Timestamp,
) -> Result<(), StoreError> {
    let writes = || writes.iter().copied().flatten();
    let end = writes().rev().find_map(|write| match write {
        Write::Run { event, state } if state.is_final() => Some(*event),
        _ => None,
    });
    if end.is_none() && !writes().any(|write| matches!(write, Write::Step { .. })) {
        return Ok(());
    }
    let Some(mut deployment) = Followed::read(db, run).await? else {
        return stopped(db, run, now).await;
    };
    let steps = Step::of_run(db, run).await?;
    let Some(end) = end else {
        deployment.check_order(&steps, writes())?;
        return deployment.catch_up(db, &steps, now).await;
    };
    // A run can always end, also when the environment was taken away meanwhile and could not be told anything.
    let is_destroyed =
        environments::state(db, deployment.environment).await?.0 == EnvironmentState::Destroyed;
    if !is_destroyed {
        deployment.catch_up(db, &steps, now).await?;
    }
    deployment.end(db, end, if is_destroyed { DESTROYED } else { NOT_SWITCHED }, now).await
}

/// Lets the environment that a run stops follow: it is paused once all steps that stop it are done.
async fn stopped(db: &mut SqliteConnection, run: RunId, now: Timestamp) -> Result<(), StoreError> {
    let Some(environment) = environments::stopped_by(db, run).await? else { return Ok(()) };
    let steps = Step::of_run(db, run).await?;
    let is_stopped = {
        let mut stop = steps.iter().filter(|step| step.stage == Stage::Stop).peekable();
        stop.peek().is_some() && stop.all(Step::is_done)
    };
    let (state, _) = environments::state(db, environment).await?;
    if is_stopped && state == EnvironmentState::Running {
        environments::tell(db, environment, EnvironmentEvent::Paused, Some(run), now).await?;
    }
    Ok(())
}

/// Lets a deployment that was just recorded follow the steps of its run: some may be done from the beginning.
pub(super) async fn begin(
    db: &mut SqliteConnection,
    run: RunId,
    has_image: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut deployment) = Followed::read(db, run).await? else { return Ok(()) };
    if has_image {
        deployment.tell(db, DeploymentEvent::ImageReady, None, now).await?;
    }
    let steps = Step::of_run(db, run).await?;
    deployment.catch_up(db, &steps, now).await
}

/// What a deployment is told once a step of `stage` or of a later one has begun, up to the next stage that tells it
/// something else. The first step of a stage may have been unnecessary, so it is not waited for.
fn begins(stage: Stage) -> Option<DeploymentEvent> {
    STAGES.into_iter().rev().filter(|earlier| *earlier <= stage).find_map(Stage::began)
}

/// A step of a deployment.
struct Step {
    id: String,
    stage: Stage,
    state: StepState,
    reason: Option<Reason>,
}

impl Step {
    async fn of_run(db: &mut SqliteConnection, run: RunId) -> Result<Vec<Self>, StoreError> {
        let rows: Vec<(String, String, String, Option<String>)> = sqlx::query_as(
            "SELECT id, stage, state, reason_json FROM steps WHERE run_id = ? AND stage IS NOT NULL",
        )
        .bind(run.to_string())
        .fetch_all(db)
        .await?;
        rows.into_iter()
            .map(|(id, stage, state, reason)| {
                let place = Place { table: "steps", row: &id };
                Ok(Self {
                    stage: place.word("stage", &stage)?,
                    state: place.word("state", &state)?,
                    reason: place.optional_json("reason_json", reason.as_deref())?,
                    id,
                })
            })
            .collect()
    }

    fn has_begun(&self) -> bool {
        matches!(self.state, StepState::Running | StepState::Completed | StepState::Failed)
    }

    /// Whether what it is there for was done, by this run or by the one that this one goes on from.
    fn is_done(&self) -> bool {
        self.state == StepState::Completed
            || (self.state == StepState::Skipped
                && matches!(self.reason, Some(Reason::CompletedInRun { .. })))
    }

    /// Whether it was found that there is nothing to do.
    fn is_unnecessary(&self) -> bool {
        let is_so = match &self.reason {
            Some(Reason::GuardHeld { .. } | Reason::WhenFalse { .. } | Reason::NotNotified) => true,
            Some(
                Reason::EarlierStepFailed { .. }
                | Reason::NeedFailed { .. }
                | Reason::CompletedInRun { .. }
                | Reason::RunStopped
                | Reason::Outcome { .. }
                | Reason::Connection { .. }
                | Reason::Error { .. },
            )
            | None => false,
        };
        self.state == StepState::Skipped && is_so
    }
}

/// Whether the steps say that `event` has come, which a stage tells when one of its steps begins.
fn has_begun(steps: &[Step], event: DeploymentEvent) -> bool {
    steps.iter().any(|step| step.has_begun() && begins(step.stage) == Some(event))
}

/// Whether a stage that tells `event` at its end has come to it: each of its steps, on all hosts, is done or unnecessary.
fn has_ended(steps: &[Step], event: DeploymentEvent) -> bool {
    let mut of_stage = steps.iter().filter(|step| step.stage.ended() == Some(event)).peekable();
    of_stage.peek().is_some() && of_stage.all(|step| step.is_done() || step.is_unnecessary())
}

/// What is to be told to a deployment in this state, with its steps as they are.
fn due(state: DeploymentState, steps: &[Step]) -> Option<DeploymentEvent> {
    use DeploymentEvent::{BuildBegan, ImageReady, ReleaseBegan, Switched};
    // A step of the build whose failure does not count has not kept the next ones from beginning. While one host still
    // builds, the image is not there yet, whatever another host has begun.
    let has_image = || {
        let is_building = |step: &&Step| !step.state.is_final() && begins(step.stage) == Some(BuildBegan);
        has_ended(steps, ImageReady)
            || (has_begun(steps, ReleaseBegan) && steps.iter().find(is_building).is_none())
    };
    // It is not taken for served because every step that does so was unnecessary.
    let has_switched = || {
        let does = |step: &Step| step.stage.ended() == Some(Switched) && step.is_done();
        has_ended(steps, Switched) && steps.iter().any(does)
    };
    match state {
        DeploymentState::Pending if has_begun(steps, BuildBegan) => Some(BuildBegan),
        DeploymentState::Pending | DeploymentState::Building => has_image().then_some(ImageReady),
        DeploymentState::Built => (has_begun(steps, ReleaseBegan) || has_switched()).then_some(ReleaseBegan),
        DeploymentState::Deploying => has_switched().then_some(Switched),
        DeploymentState::Ready
        | DeploymentState::Superseded
        | DeploymentState::Failed
        | DeploymentState::Cancelled => None,
    }
}

/// The deployment of a run that is on its way.
struct Followed {
    id: DeploymentId,
    environment: EnvironmentId,
    run: RunId,
    state: DeploymentState,
}

impl Followed {
    /// The deployment that a run makes, unless it has ended or serves: then nothing that the run still does changes it.
    async fn read(db: &mut SqliteConnection, run: RunId) -> Result<Option<Self>, StoreError> {
        let row: Option<(String, String, String)> =
            sqlx::query_as("SELECT id, environment_id, state FROM deployments WHERE run_id = ?")
                .bind(run.to_string())
                .fetch_optional(db)
                .await?;
        let Some((id, environment, state)) = row else { return Ok(None) };
        let place = Place { table: "deployments", row: &id };
        let deployment = Self {
            id: place.id("id", &id)?,
            environment: place.id("environment_id", &environment)?,
            run,
            state: place.word("state", &state)?,
        };
        Ok(Some(deployment).filter(|deployment| deployment.state.is_going()))
    }

    /// Refuses what the order of a plan makes impossible: a build that begins though the image is there.
    fn check_order<'a>(
        &self,
        steps: &[Step],
        mut writes: impl Iterator<Item = &'a Write<'a>>,
    ) -> Result<(), StoreError> {
        let builds = |step: &&Step| begins(step.stage) == Some(DeploymentEvent::BuildBegan);
        let builds = |id: &str| steps.iter().filter(builds).any(|step| step.id == id);
        let begins_to_build = writes.any(|write| {
            matches!(write, Write::Step { step, event: StepEvent::Started, .. } if builds(&step.to_string()))
        });
        if begins_to_build && matches!(self.state, DeploymentState::Built | DeploymentState::Deploying) {
            self.state.next(DeploymentEvent::BuildBegan)?;
        }
        Ok(())
    }

    /// Tells the deployment everything that has come to it.
    async fn catch_up(
        &mut self,
        db: &mut SqliteConnection,
        steps: &[Step],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        while let Some(event) = due(self.state, steps) {
            self.tell(db, event, None, now).await?;
        }
        Ok(())
    }

    /// The end of its run is the deployment's, unless it serves. `otherwise` says why it does not though nothing failed.
    async fn end(
        &mut self,
        db: &mut SqliteConnection,
        end: RunEvent,
        otherwise: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !self.state.is_going() {
            return Ok(());
        }
        match end {
            RunEvent::Stopped => self.tell(db, DeploymentEvent::Cancelled, None, now).await,
            RunEvent::StepFailed => {
                let error = cause(db, self.run).await?;
                self.tell(db, DeploymentEvent::Failed, Some(&error), now).await
            }
            RunEvent::Began | RunEvent::PausedBetweenSteps | RunEvent::Resumed | RunEvent::EveryStepEnded => {
                self.tell(db, DeploymentEvent::Failed, Some(otherwise), now).await
            }
        }
    }

    /// Tells the deployment and its environment that something has happened.
    async fn tell(
        &mut self,
        db: &mut SqliteConnection,
        event: DeploymentEvent,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let to = self.state.next(event)?;
        if event == DeploymentEvent::Switched {
            self.supersede(db, now).await?;
        }
        let ended_at = (!to.is_going()).then_some(now.0);
        sqlx::query("UPDATE deployments SET state = ?, error = ?, ended_at = ? WHERE id = ?")
            .bind(row::word(&to))
            .bind(error)
            .bind(ended_at)
            .bind(self.id.to_string())
            .execute(&mut *db)
            .await?;
        let told = Event::Deployment { deployment_id: self.id, event };
        events::append_to_run(db, now, self.run, &told).await?;
        self.state = to;
        let told = match event {
            DeploymentEvent::BuildBegan => Some(EnvironmentEvent::BuildBegan),
            DeploymentEvent::ReleaseBegan => Some(EnvironmentEvent::ReleaseBegan),
            DeploymentEvent::Switched => Some(EnvironmentEvent::Switched),
            DeploymentEvent::Failed | DeploymentEvent::Cancelled => self.not_switched(db).await?,
            DeploymentEvent::ImageReady | DeploymentEvent::Superseded => None,
        };
        if let Some(told) = told {
            environments::tell(db, self.environment, told, Some(self.run), now).await?;
        }
        Ok(())
    }

    /// What its environment is told when the deployment comes to nothing: nothing when that has not touched it, or when it was
    /// taken away.
    async fn not_switched(&self, db: &mut SqliteConnection) -> Result<Option<EnvironmentEvent>, StoreError> {
        let (state, before) = environments::state(db, self.environment).await?;
        Ok(match state {
            EnvironmentState::Provisioning | EnvironmentState::Building | EnvironmentState::Deploying => {
                Some(EnvironmentEvent::NotSwitched { before: before.unwrap_or_else(|| state.before()) })
            }
            EnvironmentState::Running
            | EnvironmentState::Paused
            | EnvironmentState::Failed
            | EnvironmentState::Destroyed => None,
        })
    }

    /// Takes the place of the deployment that serves, if one does.
    async fn supersede(&self, db: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
        let served: Option<String> =
            sqlx::query_scalar("SELECT id FROM deployments WHERE environment_id = ? AND state = 'ready'")
                .bind(self.environment.to_string())
                .fetch_optional(&mut *db)
                .await?;
        let Some(served) = served else { return Ok(()) };
        let event = DeploymentEvent::Superseded;
        let state = DeploymentState::Ready.next(event)?;
        sqlx::query("UPDATE deployments SET state = ?, superseded_at = ? WHERE id = ?")
            .bind(row::word(&state))
            .bind(now.0)
            .bind(&served)
            .execute(&mut *db)
            .await?;
        let deployment_id = Place { table: "deployments", row: &served }.id("id", &served)?;
        events::append_to_run(db, now, self.run, &Event::Deployment { deployment_id, event }).await?;
        Ok(())
    }
}

/// Why a run failed: the step that failed last, since the failures before it may be of those that do not count.
async fn cause(db: &mut SqliteConnection, run: RunId) -> Result<String, StoreError> {
    let failed: Option<(String, String, String, Option<String>)> = sqlx::query_as(
        "SELECT id, name, host, reason_json FROM steps WHERE run_id = ? AND state = 'failed'
         ORDER BY ended_at DESC, position LIMIT 1",
    )
    .bind(run.to_string())
    .fetch_optional(db)
    .await?;
    let Some((id, name, host, reason)) = failed else { return Ok("its run failed".to_owned()) };
    let reason: Option<Reason> =
        Place { table: "steps", row: &id }.optional_json("reason_json", reason.as_deref())?;
    let why = reason.map_or_else(|| "it failed".to_owned(), |reason| reason.to_string());
    Ok(format!("“{name}” on {host}: {why}"))
}
