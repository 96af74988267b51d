//! Deployments: recording and reading them. Their states follow from what their runs record: see [`follow`].

use sqlx::{QueryBuilder, SqliteConnection};
use steadyhand_domain::{
    DeploymentId, DeploymentState, EnvironmentId, EnvironmentState, ProjectId, RunId, Stage, Timestamp,
};

use crate::{
    StoreError, environments,
    events::{self, Event},
    records::{Deployment, DeploymentKind, DeploymentSource, StageTimes, StepCounts},
    row::{self, Place},
};

mod follow;
mod history;

pub use follow::follow;
pub use history::{history, set_history};

/// What a new deployment is made of.
#[derive(Clone, Debug)]
pub struct NewDeployment<'a> {
    /// Its identifier.
    pub id: DeploymentId,
    /// Its project.
    pub project_id: ProjectId,
    /// The run that makes it.
    pub run_id: RunId,
    /// The name of its environment, which is made when it is not there.
    pub environment: &'a str,
    /// The identifier of the environment, if it is made.
    pub environment_id: EnvironmentId,
    /// The deployment whose image and settings it takes: then it is a rollback, or a restart of the one that serves.
    pub takes_from: Option<DeploymentId>,
    /// What it is made from, as far as that is known from the beginning. A rollback has that of the other one.
    pub source: Option<&'a DeploymentSource>,
    /// Its image, when an earlier run has made it. A rollback has that of the other one.
    pub image: Option<&'a str>,
}

/// Which deployments are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Only those to this environment.
    pub environment: Option<EnvironmentId>,
    /// Only those in one of these states; all when there are none.
    pub states: &'a [DeploymentState],
    /// Only those that were recorded before this one.
    pub before: Option<DeploymentId>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    project_id: String,
    environment_id: String,
    environment: String,
    number: i64,
    run_id: String,
    run_number: i64,
    trigger_kind: String,
    started_by: String,
    kind: String,
    takes_from: Option<String>,
    takes_from_number: Option<i64>,
    state: String,
    source_json: Option<String>,
    image: Option<String>,
    image_kept: bool,
    error: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
    superseded_at: Option<i64>,
    screenshot_at: Option<i64>,
    scanned_at: Option<i64>,
}

/// The columns of [`Row`]; `$rest` follows the tables, of which the first is called `d`.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, e.project_id, d.environment_id, e.name AS environment, d.number, d.run_id,
               r.number AS run_number, r.trigger_kind, r.started_by, d.kind, d.takes_from,
               t.number AS takes_from_number, d.state, d.source_json, d.image, d.image_kept, d.error, d.created_at,
               d.ended_at, d.superseded_at, d.screenshot_at, s.scanned_at
             FROM deployments d JOIN environments e ON e.id = d.environment_id JOIN runs r ON r.id = d.run_id
               LEFT JOIN deployments t ON t.id = d.takes_from LEFT JOIN scans s ON s.deployment_id = d.id ",
            $rest
        )
    };
}

impl Row {
    fn deployment(self) -> Result<Deployment, StoreError> {
        let place = Place { table: "deployments", row: &self.id };
        Ok(Deployment {
            id: place.id("id", &self.id)?,
            project_id: place.id("project_id", &self.project_id)?,
            environment_id: place.id("environment_id", &self.environment_id)?,
            environment: self.environment,
            number: place.count("number", self.number)?,
            run_id: place.id("run_id", &self.run_id)?,
            run_number: place.count("run_number", self.run_number)?,
            trigger: place.word("trigger_kind", &self.trigger_kind)?,
            started_by: self.started_by,
            kind: place.word("kind", &self.kind)?,
            takes_from: self.takes_from.map(|id| place.id("takes_from", &id)).transpose()?,
            takes_from_number: self
                .takes_from_number
                .map(|number| place.count("takes_from", number))
                .transpose()?,
            state: place.word("state", &self.state)?,
            source: place.optional_json("source_json", self.source_json.as_deref())?,
            image: self.image,
            image_kept: self.image_kept,
            error: self.error,
            created_at: Timestamp(self.created_at),
            ended_at: self.ended_at.map(Timestamp),
            superseded_at: self.superseded_at.map(Timestamp),
            screenshot_at: self.screenshot_at.map(Timestamp),
            scanned_at: self.scanned_at.map(Timestamp),
        })
    }
}

fn all(rows: Vec<Row>) -> Result<Vec<Deployment>, StoreError> {
    rows.into_iter().map(Row::deployment).collect()
}

/// Whether an environment can be deployed to now.
///
/// # Errors
/// [`StoreError::EnvironmentDestroyed`], [`StoreError::DeploymentUnderWay`], or when the database cannot be read.
pub async fn admit(
    db: &mut SqliteConnection,
    project: ProjectId,
    environment: &str,
) -> Result<(), StoreError> {
    let Some(found) = environments::by_name(db, project, environment).await? else { return Ok(()) };
    if found.state == EnvironmentState::Destroyed {
        return Err(StoreError::EnvironmentDestroyed(found.name));
    }
    match found.last {
        Some(last) if last.state.is_going() => Err(StoreError::DeploymentUnderWay {
            environment: found.name,
            number: last.number,
            run: last.run_number,
        }),
        _ => Ok(()),
    }
}

/// Records a deployment whose run and steps are recorded already, in the same transaction as those. Says which number it has
/// in its environment. What the steps tell from the beginning, because an earlier run did them, is followed at once.
///
/// # Errors
/// As [`admit`]; [`StoreError::UnknownDeployment`] or [`StoreError::NotToBeBroughtBack`] for a rollback to one that is not
/// kept, or when the database cannot be written.
pub async fn insert(
    db: &mut SqliteConnection,
    new: &NewDeployment<'_>,
    now: Timestamp,
) -> Result<u32, StoreError> {
    admit(db, new.project_id, new.environment).await?;
    let environment = match environments::by_name(db, new.project_id, new.environment).await? {
        Some(known) => known.id,
        None => {
            let id = new.environment_id;
            environments::insert(db, id, new.project_id, new.environment, new.run_id, now).await?;
            id
        }
    };
    let other = match new.takes_from {
        Some(id) => Some(to_bring_back(db, id, environment).await?),
        None => None,
    };
    let source = other.as_ref().map_or(new.source, |other| other.source.as_ref());
    let image = other.as_ref().map_or(new.image, |other| other.image.as_deref());
    let kind = match &other {
        None => DeploymentKind::Deploy,
        Some(current) if current.state == DeploymentState::Ready => DeploymentKind::Restart,
        Some(_) => DeploymentKind::Rollback,
    };
    let number: i64 = sqlx::query_scalar(
        "INSERT INTO deployments (id, environment_id, number, run_id, kind, takes_from, state, source_json, image,
           image_kept, created_at)
         SELECT ?1, ?2, COALESCE(MAX(number), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
         FROM deployments WHERE environment_id = ?2 RETURNING number",
    )
    .bind(new.id.to_string())
    .bind(environment.to_string())
    .bind(new.run_id.to_string())
    .bind(row::word(&kind))
    .bind(new.takes_from.map(|id| id.to_string()))
    .bind(row::word(&DeploymentState::Pending))
    .bind(source.map(row::json))
    .bind(image)
    .bind(image.is_some())
    .bind(now.0)
    .fetch_one(&mut *db)
    .await?;
    let event = Event::DeploymentRecorded { deployment_id: new.id };
    events::append_to_run(db, now, new.run_id, &event).await?;
    follow::begin(db, new.run_id, other.is_some(), now).await?;
    Place { table: "deployments", row: &new.id.to_string() }.count("number", number)
}

/// The deployment that a rollback takes its image from.
async fn to_bring_back(
    db: &mut SqliteConnection,
    id: DeploymentId,
    environment: EnvironmentId,
) -> Result<Deployment, StoreError> {
    let other = get(db, id).await?.ok_or(StoreError::UnknownDeployment(id))?;
    let has_served = matches!(other.state, DeploymentState::Ready | DeploymentState::Superseded);
    let why = if other.environment_id != environment {
        "it is of another environment"
    } else if !has_served {
        "it has never served"
    } else if !other.image_kept {
        "its image is not kept any more"
    } else {
        return Ok(other);
    };
    Err(StoreError::NotToBeBroughtBack { environment: other.environment, number: other.number, why })
}

/// A deployment, if it is there.
///
/// # Errors
/// When the database cannot be read.
pub async fn get(db: &mut SqliteConnection, id: DeploymentId) -> Result<Option<Deployment>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE d.id = ?")).bind(id.to_string()).fetch_optional(db).await?;
    row.map(Row::deployment).transpose()
}

/// The deployment that a run makes, if it makes one.
///
/// # Errors
/// When the database cannot be read.
pub async fn of_run(db: &mut SqliteConnection, run: RunId) -> Result<Option<Deployment>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE d.run_id = ?")).bind(run.to_string()).fetch_optional(db).await?;
    row.map(Row::deployment).transpose()
}

/// The deployment to an environment with that number, if it is there.
///
/// # Errors
/// When the database cannot be read.
pub async fn by_number(
    db: &mut SqliteConnection,
    environment: EnvironmentId,
    number: u32,
) -> Result<Option<Deployment>, StoreError> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE d.environment_id = ? AND d.number = ?"))
        .bind(environment.to_string())
        .bind(i64::from(number))
        .fetch_optional(db)
        .await?;
    row.map(Row::deployment).transpose()
}

/// The deployment that serves in an environment, if one does.
///
/// # Errors
/// When the database cannot be read.
pub async fn current(
    db: &mut SqliteConnection,
    environment: EnvironmentId,
) -> Result<Option<Deployment>, StoreError> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE d.environment_id = ? AND d.state = 'ready'"))
        .bind(environment.to_string())
        .fetch_optional(db)
        .await?;
    row.map(Row::deployment).transpose()
}

/// The newest deployment to an environment.
pub(crate) async fn last(
    db: &mut SqliteConnection,
    environment: EnvironmentId,
) -> Result<Option<Deployment>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE d.environment_id = ? ORDER BY d.number DESC LIMIT 1"))
            .bind(environment.to_string())
            .fetch_optional(db)
            .await?;
    row.map(Row::deployment).transpose()
}

/// Records that the picture of a deployment's page was taken, or why it could not be.
///
/// # Errors
/// When the database cannot be written.
pub async fn set_screenshot(
    db: &mut SqliteConnection,
    id: DeploymentId,
    why_not: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let run: Option<String> = sqlx::query_scalar(
        "UPDATE deployments SET screenshot_at = ?, no_screenshot = ? WHERE id = ? AND image_kept RETURNING run_id",
    )
    .bind(why_not.is_none().then_some(now.0))
    .bind(why_not)
    .bind(id.to_string())
    .fetch_optional(&mut *db)
    .await?;
    // It may be gone meanwhile, or its image: then there is nothing to tell.
    let Some(run) = run else { return Ok(()) };
    let run = Place { table: "deployments", row: &id.to_string() }.id("run_id", &run)?;
    events::append_to_run(db, now, run, &Event::DeploymentLearned).await?;
    Ok(())
}

/// Why no picture of a deployment's page could be taken, if that was tried.
///
/// # Errors
/// When the database cannot be read.
pub async fn why_no_screenshot(
    db: &mut SqliteConnection,
    id: DeploymentId,
) -> Result<Option<String>, StoreError> {
    let why: Option<Option<String>> =
        sqlx::query_scalar("SELECT no_screenshot FROM deployments WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(db)
            .await?;
    Ok(why.flatten())
}

/// Records that of an environment's deployments the images of these alone are kept still, and with them their pictures and what
/// scanners have found in them.
///
/// # Errors
/// When the database cannot be written.
pub async fn keep_only(
    db: &mut SqliteConnection,
    environment: EnvironmentId,
    numbers: &[u32],
) -> Result<(), StoreError> {
    let mut sql = QueryBuilder::new(
        "UPDATE deployments SET image_kept = FALSE, screenshot_at = NULL WHERE image_kept AND environment_id = ",
    );
    sql.push_bind(environment.to_string()).push(" AND number NOT IN (");
    let mut list = sql.separated(", ");
    for number in numbers {
        list.push_bind(i64::from(*number));
    }
    sql.push(")");
    sql.build().execute(&mut *db).await?;
    // How many there were is known on.
    sqlx::query(
        "UPDATE scans SET found_json = NULL WHERE found_json IS NOT NULL
           AND deployment_id IN (SELECT id FROM deployments WHERE environment_id = ? AND NOT image_kept)",
    )
    .bind(environment.to_string())
    .execute(db)
    .await?;
    Ok(())
}

/// The deployments to an environment that have served and whose images are kept, newest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn kept(
    db: &mut SqliteConnection,
    environment: EnvironmentId,
) -> Result<Vec<Deployment>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE d.environment_id = ? AND d.image_kept AND d.state IN ('ready', 'superseded') ORDER BY d.number DESC"
    ))
    .bind(environment.to_string())
    .fetch_all(db)
    .await?;
    all(rows)
}

/// The newest deployments of a project, newest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn list(
    db: &mut SqliteConnection,
    project: ProjectId,
    filter: &Filter<'_>,
    limit: u32,
) -> Result<Vec<Deployment>, StoreError> {
    // A project has one run at a time, so its runs are in the order of their deployments.
    let mut sql = QueryBuilder::new(select!("WHERE e.project_id = "));
    sql.push_bind(project.to_string());
    if let Some(environment) = filter.environment {
        sql.push(" AND d.environment_id = ").push_bind(environment.to_string());
    }
    if !filter.states.is_empty() {
        sql.push(" AND d.state IN (");
        let mut states = sql.separated(", ");
        for state in filter.states {
            states.push_bind(row::word(state));
        }
        sql.push(")");
    }
    if let Some(before) = filter.before {
        sql.push(
            " AND r.number < (SELECT number FROM runs WHERE id = (SELECT run_id FROM deployments WHERE id = ",
        )
        .push_bind(before.to_string())
        .push("))");
    }
    sql.push(" ORDER BY r.number DESC LIMIT ").push_bind(i64::from(limit));
    all(sql.build_query_as().fetch_all(db).await?)
}

/// When each part of a deployment began and ended, in the order of [`Stage`]; parts that it does not have are left out.
///
/// # Errors
/// When the database cannot be read.
pub async fn stages(db: &mut SqliteConnection, run: RunId) -> Result<Vec<StageTimes>, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Times {
        stage: String,
        started_at: Option<i64>,
        ended_at: Option<i64>,
        pending: i64,
        running: i64,
        completed: i64,
        failed: i64,
        skipped: i64,
    }
    let key = run.to_string();
    let rows: Vec<Times> = sqlx::query_as(
        "SELECT stage, MIN(started_at) AS started_at, MAX(ended_at) AS ended_at,
           COUNT(CASE WHEN state = 'pending' THEN 1 END) AS pending,
           COUNT(CASE WHEN state = 'running' THEN 1 END) AS running,
           COUNT(CASE WHEN state = 'completed' THEN 1 END) AS completed,
           COUNT(CASE WHEN state = 'failed' THEN 1 END) AS failed,
           COUNT(CASE WHEN state = 'skipped' THEN 1 END) AS skipped
         FROM steps WHERE run_id = ? AND stage IS NOT NULL GROUP BY stage",
    )
    .bind(&key)
    .fetch_all(db)
    .await?;
    let place = Place { table: "steps", row: &key };
    let mut stages = Vec::with_capacity(rows.len());
    for times in rows {
        let steps = StepCounts {
            pending: place.count("steps", times.pending)?,
            running: place.count("steps", times.running)?,
            completed: place.count("steps", times.completed)?,
            failed: place.count("steps", times.failed)?,
            skipped: place.count("steps", times.skipped)?,
        };
        let is_over = steps.pending + steps.running == 0;
        stages.push(StageTimes {
            stage: place.word::<Stage>("stage", &times.stage)?,
            started_at: times.started_at.map(Timestamp),
            ended_at: times.ended_at.filter(|_| is_over).map(Timestamp),
            steps,
        });
    }
    stages.sort_by_key(|times| times.stage);
    Ok(stages)
}
