//! Environments: places that a project's application is deployed to.

use sqlx::SqliteConnection;
use steadyhand_domain::{
    Before, EnvironmentEvent, EnvironmentId, EnvironmentState, ProjectId, RunId, Timestamp,
};

use crate::{
    StoreError, deployments,
    events::{self, Event},
    records::Environment,
    row::{self, Place},
};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    project_id: String,
    name: String,
    state: String,
    since: i64,
    created_at: i64,
}

/// The columns of [`Row`]; `{}` takes what follows `FROM environments`.
macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, project_id, name, state, since, created_at FROM environments ", $rest)
    };
}

/// The environments of a project, in the order in which they were made.
///
/// # Errors
/// When the database cannot be read.
pub async fn of_project(
    db: &mut SqliteConnection,
    project: ProjectId,
) -> Result<Vec<Environment>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE project_id = ? ORDER BY created_at, id"))
        .bind(project.to_string())
        .fetch_all(&mut *db)
        .await?;
    let mut environments = Vec::with_capacity(rows.len());
    for row in rows {
        environments.push(environment(db, row).await?);
    }
    Ok(environments)
}

/// An environment, if it is there.
///
/// # Errors
/// When the database cannot be read.
pub async fn get(db: &mut SqliteConnection, id: EnvironmentId) -> Result<Option<Environment>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = ?")).bind(id.to_string()).fetch_optional(&mut *db).await?;
    match row {
        Some(row) => environment(db, row).await.map(Some),
        None => Ok(None),
    }
}

/// The environment of a project of that name, if it is there.
///
/// # Errors
/// When the database cannot be read.
pub async fn by_name(
    db: &mut SqliteConnection,
    project: ProjectId,
    name: &str,
) -> Result<Option<Environment>, StoreError> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE project_id = ? AND name = ?"))
        .bind(project.to_string())
        .bind(name)
        .fetch_optional(&mut *db)
        .await?;
    match row {
        Some(row) => environment(db, row).await.map(Some),
        None => Ok(None),
    }
}

async fn environment(db: &mut SqliteConnection, row: Row) -> Result<Environment, StoreError> {
    let place = Place { table: "environments", row: &row.id };
    let id = place.id("id", &row.id)?;
    Ok(Environment {
        id,
        project_id: place.id("project_id", &row.project_id)?,
        state: place.word("state", &row.state)?,
        since: Timestamp(row.since),
        created_at: Timestamp(row.created_at),
        current: deployments::current(db, id).await?,
        last: deployments::last(db, id).await?,
        name: row.name,
    })
}

/// Records an environment to which nothing was deployed yet; its first deployment is made by `run`.
pub(crate) async fn insert(
    db: &mut SqliteConnection,
    id: EnvironmentId,
    project: ProjectId,
    name: &str,
    run: RunId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO environments (id, project_id, name, state, since, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
    )
    .bind(id.to_string())
    .bind(project.to_string())
    .bind(name)
    .bind(row::word(&EnvironmentState::Provisioning))
    .bind(now.0)
    .execute(&mut *db)
    .await?;
    events::append_to_run(db, now, run, &Event::EnvironmentRecorded { environment_id: id }).await?;
    Ok(())
}

/// What an environment is, and what it was before the operation that is going on, if one is.
pub(crate) async fn state(
    db: &mut SqliteConnection,
    id: EnvironmentId,
) -> Result<(EnvironmentState, Option<Before>), StoreError> {
    let key = id.to_string();
    let row: Option<(String, Option<String>)> =
        sqlx::query_as("SELECT state, before FROM environments WHERE id = ?")
            .bind(&key)
            .fetch_optional(db)
            .await?;
    let place = Place { table: "environments", row: &key };
    let (state, before) = row.ok_or(StoreError::UnknownEnvironment(id))?;
    let before = before.as_deref().map(|before| place.word("before", before)).transpose()?;
    Ok((place.word("state", &state)?, before))
}

/// Tells an environment what happened to it: changes its state, and records the event, with those of `run` when a run did it.
///
/// # Errors
/// [`StoreError::IllegalEnvironment`] when that cannot happen to it, or when the database cannot be written.
pub async fn tell(
    db: &mut SqliteConnection,
    id: EnvironmentId,
    event: EnvironmentEvent,
    run: Option<RunId>,
    now: Timestamp,
) -> Result<EnvironmentState, StoreError> {
    let (from, before) = state(db, id).await?;
    let to = from.next(event)?;
    let before = match to {
        // The first change of a deployment finds it as it was; a later one finds what the deployment has made of it.
        EnvironmentState::Building | EnvironmentState::Deploying => {
            Some(before.unwrap_or_else(|| from.before()))
        }
        _ => None,
    };
    sqlx::query("UPDATE environments SET state = ?, before = ?, since = ? WHERE id = ?")
        .bind(row::word(&to))
        .bind(before.as_ref().map(row::word))
        .bind(now.0)
        .bind(id.to_string())
        .execute(&mut *db)
        .await?;
    let event = Event::Environment { environment_id: id, event };
    match run {
        Some(run) => events::append_to_run(db, now, run, &event).await.map(|_| ())?,
        None => events::append(db, now, &event).await?,
    }
    Ok(to)
}

/// Records that a run, which is recorded already, stops an environment.
///
/// # Errors
/// When the database cannot be written.
pub async fn is_stopped_by(
    db: &mut SqliteConnection,
    id: EnvironmentId,
    run: RunId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE runs SET stops = ? WHERE id = ?")
        .bind(id.to_string())
        .bind(run.to_string())
        .execute(db)
        .await?;
    Ok(())
}

/// The environment that a run stops, if it stops one.
///
/// # Errors
/// When the database cannot be read.
pub async fn stopped_by(db: &mut SqliteConnection, run: RunId) -> Result<Option<EnvironmentId>, StoreError> {
    let key = run.to_string();
    let id: Option<Option<String>> =
        sqlx::query_scalar("SELECT stops FROM runs WHERE id = ?").bind(&key).fetch_optional(db).await?;
    let place = Place { table: "runs", row: &key };
    id.flatten().map(|id| place.id("stops", &id)).transpose()
}
