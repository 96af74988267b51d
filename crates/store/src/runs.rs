//! Runs: recording them, owning them, changing their state.

use sqlx::SqliteConnection;
use steadyhand_domain::{Desired, ProjectId, RunId, RunState, Stage, Timestamp, Trigger};

use crate::{
    StoreError,
    events::{self, Event},
    records::{Hindrance, RunSummary, StepCounts},
    row::{self, Place},
};

/// What a new run is made of.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    /// Its identifier.
    pub id: RunId,
    /// Its project.
    pub project_id: ProjectId,
    /// What started it.
    pub trigger: Trigger,
    /// Who started it.
    pub started_by: &'a str,
    /// The plan revision.
    pub plan_sha256: &'a str,
    /// SHA-256 of the rendered plan.
    pub rendered_sha256: &'a str,
    /// The compiled plan, as its own crate writes it.
    pub compiled_json: &'a str,
}

/// Who executes a run, and until when nobody else may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run_id: RunId,
    /// The process that owns it, if any.
    pub owner: Option<String>,
    /// When the ownership ends unless it is renewed.
    pub until: Timestamp,
    /// What was asked of it.
    pub desired: Desired,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    project_id: String,
    number: i64,
    state: String,
    desired: String,
    hindrances_json: Option<String>,
    trigger_kind: String,
    started_by: String,
    plan_sha256: String,
    rendered_sha256: String,
    created_at: i64,
    ended_at: Option<i64>,
    seq: i64,
    current_step: Option<String>,
    pending: i64,
    running: i64,
    completed: i64,
    failed: i64,
    skipped: i64,
    untold_json: Option<String>,
}

/// The columns of [`Row`]; `{}` takes what follows `FROM runs`.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, project_id, number, state, desired, hindrances_json, trigger_kind, started_by, plan_sha256,
               rendered_sha256, created_at, ended_at, seq,
               (SELECT name FROM steps WHERE run_id = runs.id AND state IN ('running', 'failed')
                ORDER BY state DESC, position LIMIT 1) AS current_step,
               (SELECT COUNT(*) FROM steps WHERE run_id = runs.id AND state = 'pending') AS pending,
               (SELECT COUNT(*) FROM steps WHERE run_id = runs.id AND state = 'running') AS running,
               (SELECT COUNT(*) FROM steps WHERE run_id = runs.id AND state = 'completed') AS completed,
               (SELECT COUNT(*) FROM steps WHERE run_id = runs.id AND state = 'failed') AS failed,
               (SELECT COUNT(*) FROM steps WHERE run_id = runs.id AND state = 'skipped') AS skipped,
               (SELECT json_group_array(json_object('channel', kind, 'problem', problem,
                         'again', json(iif(state = 'failed', 'false', 'true'))))
                FROM notifications WHERE run_id = runs.id AND problem IS NOT NULL AND state <> 'delivered') AS untold_json
             FROM runs ",
            $rest
        )
    };
}

impl Row {
    fn summary(self, typical_ms: Option<i64>) -> Result<RunSummary, StoreError> {
        let place = Place { table: "runs", row: &self.id };
        Ok(RunSummary {
            id: place.id("id", &self.id)?,
            project_id: place.id("project_id", &self.project_id)?,
            number: place.count("number", self.number)?,
            state: place.word("state", &self.state)?,
            desired: place.word("desired", &self.desired)?,
            hindrances: place
                .optional_json("hindrances_json", self.hindrances_json.as_deref())?
                .unwrap_or_default(),
            trigger: place.word("trigger_kind", &self.trigger_kind)?,
            started_by: self.started_by,
            plan_sha256: self.plan_sha256,
            rendered_sha256: self.rendered_sha256,
            created_at: Timestamp(self.created_at),
            ended_at: self.ended_at.map(Timestamp),
            steps: StepCounts {
                pending: place.count("steps", self.pending)?,
                running: place.count("steps", self.running)?,
                completed: place.count("steps", self.completed)?,
                failed: place.count("steps", self.failed)?,
                skipped: place.count("steps", self.skipped)?,
            },
            current_step: self.current_step,
            typical_ms,
            untold: place.optional_json("untold_json", self.untold_json.as_deref())?.unwrap_or_default(),
            seq: self.seq,
        })
    }
}

/// Records a run without its steps, in the state `started`, owned by nobody.
///
/// # Errors
/// [`StoreError::RunUnderWay`] when the project has a run that has not ended, or when the database cannot be written.
pub async fn insert(db: &mut SqliteConnection, run: &NewRun<'_>, now: Timestamp) -> Result<u32, StoreError> {
    let project = run.project_id.to_string();
    let under_way: Option<i64> = sqlx::query_scalar(
        "SELECT number FROM runs WHERE project_id = ? AND state IN ('started', 'in_progress', 'paused')",
    )
    .bind(&project)
    .fetch_optional(&mut *db)
    .await?;
    let key = run.id.to_string();
    let place = Place { table: "runs", row: &key };
    if let Some(number) = under_way {
        return Err(StoreError::RunUnderWay { number: place.count("number", number)? });
    }
    let number: i64 = sqlx::query_scalar(
        "INSERT INTO runs (id, project_id, number, state, desired, trigger_kind, started_by, plan_sha256,
           rendered_sha256, compiled_json, created_at, seq, lease_until, explained, tidied)
         SELECT ?1, ?2, COALESCE(MAX(number), 0) + 1, 'started', 'running', ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, FALSE, FALSE
         FROM runs WHERE project_id = ?2 RETURNING number",
    )
    .bind(&key)
    .bind(&project)
    .bind(row::word(&run.trigger))
    .bind(run.started_by)
    .bind(run.plan_sha256)
    .bind(run.rendered_sha256)
    .bind(run.compiled_json)
    .bind(now.0)
    .fetch_one(&mut *db)
    .await?;
    events::append_to_run(db, now, run.id, &Event::RunRecorded).await?;
    place.count("number", number)
}

/// The run of a project that goes on and of which nothing is left but steps that come after its deployment serves, beyond the
/// first of these.
///
/// # Errors
/// When the database cannot be read.
pub async fn only_looks_still(
    db: &mut SqliteConnection,
    project: ProjectId,
) -> Result<Option<RunId>, StoreError> {
    let found: Option<String> = sqlx::query_scalar(
        "SELECT id FROM runs WHERE project_id = ?1 AND state IN ('started', 'in_progress', 'paused')
           AND EXISTS (SELECT 1 FROM steps WHERE run_id = runs.id AND state IN ('pending', 'running'))
           AND EXISTS (SELECT 1 FROM steps WHERE run_id = runs.id AND stage = ?2 AND state NOT IN ('pending', 'running'))
           AND NOT EXISTS (SELECT 1 FROM steps WHERE run_id = runs.id AND state IN ('pending', 'running')
                             AND stage IS NOT ?2)",
    )
    .bind(project.to_string())
    .bind(row::word(&Stage::After))
    .fetch_optional(db)
    .await?;
    found.map(|id| Place { table: "runs", row: &id }.id("id", &id)).transpose()
}

/// A run, if it is there.
///
/// # Errors
/// When the database cannot be read.
pub async fn get(db: &mut SqliteConnection, id: RunId) -> Result<Option<RunSummary>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = ?")).bind(id.to_string()).fetch_optional(&mut *db).await?;
    let Some(row) = row else { return Ok(None) };
    let typical = typical_ms(db, &row.project_id).await?;
    row.summary(typical).map(Some)
}

/// The newest runs of a project (with numbers below `before`, when given), newest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn list(
    db: &mut SqliteConnection,
    project: ProjectId,
    before: Option<u32>,
    limit: u32,
) -> Result<Vec<RunSummary>, StoreError> {
    let rows: Vec<Row> =
        sqlx::query_as(select!("WHERE project_id = ? AND number < ? ORDER BY number DESC LIMIT ?"))
            .bind(project.to_string())
            .bind(before.map_or(i64::MAX, i64::from))
            .bind(i64::from(limit))
            .fetch_all(&mut *db)
            .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let typical = typical_ms(db, &project.to_string()).await?;
    rows.into_iter().map(|row| row.summary(typical)).collect()
}

/// The newest runs of all projects, newest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn newest(db: &mut SqliteConnection, limit: u32) -> Result<Vec<RunSummary>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select!("ORDER BY created_at DESC, id DESC LIMIT ?"))
        .bind(i64::from(limit))
        .fetch_all(&mut *db)
        .await?;
    rows.into_iter().map(|row| row.summary(None)).collect()
}

/// The run of a project with that number, if it is there.
///
/// # Errors
/// When the database cannot be read.
pub async fn by_number(
    db: &mut SqliteConnection,
    project: ProjectId,
    number: u32,
) -> Result<Option<RunSummary>, StoreError> {
    Ok(list(db, project, number.checked_add(1), 1).await?.into_iter().find(|run| run.number == number))
}

/// The median time of the last ten completed runs of a project, in milliseconds.
async fn typical_ms(db: &mut SqliteConnection, project: &str) -> Result<Option<i64>, StoreError> {
    let mut times: Vec<i64> = sqlx::query_scalar(
        "SELECT ended_at - created_at FROM runs WHERE project_id = ? AND state = 'completed'
         ORDER BY number DESC LIMIT 10",
    )
    .bind(project)
    .fetch_all(db)
    .await?;
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied())
}

/// The compiled plan of a run, as it was recorded.
///
/// # Errors
/// [`StoreError::UnknownRun`], or when the database cannot be read.
pub async fn compiled_json(db: &mut SqliteConnection, id: RunId) -> Result<String, StoreError> {
    sqlx::query_scalar("SELECT compiled_json FROM runs WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(db)
        .await?
        .ok_or(StoreError::UnknownRun(id))
}

/// The leases of the runs that have not ended.
///
/// # Errors
/// When the database cannot be read.
pub async fn unfinished(db: &mut SqliteConnection) -> Result<Vec<Lease>, StoreError> {
    let rows: Vec<(String, Option<String>, i64, String)> = sqlx::query_as(
        "SELECT id, owner, lease_until, desired FROM runs WHERE state IN ('started', 'in_progress', 'paused') ORDER BY created_at",
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|(id, owner, until, desired)| {
            let place = Place { table: "runs", row: &id };
            Ok(Lease {
                run_id: place.id("id", &id)?,
                owner,
                until: Timestamp(until),
                desired: place.word("desired", &desired)?,
            })
        })
        .collect()
}

/// Takes a run for `owner` until `until`, when it has no owner, when its lease has lapsed, or when its owner is
/// `gone`. Says whether it was taken.
///
/// # Errors
/// When the database cannot be written.
pub async fn claim(
    db: &mut SqliteConnection,
    id: RunId,
    owner: &str,
    gone: Option<&str>,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let before: Option<Option<String>> = sqlx::query_scalar("SELECT owner FROM runs WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(&mut *db)
        .await?;
    let claimed = sqlx::query(
        "UPDATE runs SET owner = ?1, lease_until = ?2
         WHERE id = ?3 AND state IN ('started', 'in_progress', 'paused')
           AND (owner IS NULL OR owner = ?1 OR owner = ?4 OR lease_until < ?5)",
    )
    .bind(owner)
    .bind(until.0)
    .bind(id.to_string())
    .bind(gone)
    .bind(now.0)
    .execute(&mut *db)
    .await?;
    if claimed.rows_affected() == 0 {
        return Ok(false);
    }
    if before.flatten().is_some_and(|before| before != owner) {
        events::append_to_run(db, now, id, &Event::TakenOver).await?;
    }
    Ok(true)
}

/// Notes on a run that `owner` left why nobody goes on with it, unless that is noted already.
///
/// # Errors
/// When the database cannot be written.
pub async fn note_hindrance(
    db: &mut SqliteConnection,
    id: RunId,
    owner: Option<&str>,
    hindrance: &Hindrance,
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = id.to_string();
    let known: Option<Option<String>> =
        sqlx::query_scalar("SELECT hindrances_json FROM runs WHERE id = ? AND owner IS ?")
            .bind(&key)
            .bind(owner)
            .fetch_optional(&mut *db)
            .await?;
    let Some(known) = known else { return Ok(()) };
    let place = Place { table: "runs", row: &key };
    let mut hindrances: Vec<Hindrance> =
        place.optional_json("hindrances_json", known.as_deref())?.unwrap_or_default();
    // What hindered its connections went with its owner; what a person is to decide did not.
    hindrances.retain(|known| known.awaits_a_decision() || known == hindrance);
    if hindrances.contains(hindrance) {
        return Ok(());
    }
    hindrances.push(hindrance.clone());
    sqlx::query("UPDATE runs SET hindrances_json = ? WHERE id = ?")
        .bind(row::json(&hindrances))
        .bind(&key)
        .execute(&mut *db)
        .await?;
    events::append_to_run(db, now, id, &Event::Hindrances { hindrances }).await?;
    Ok(())
}

/// Renews every lease of `owner`.
///
/// # Errors
/// When the database cannot be written.
pub async fn renew(db: &mut SqliteConnection, owner: &str, until: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE runs SET lease_until = ? WHERE owner = ? AND state IN ('started', 'in_progress', 'paused')",
    )
    .bind(until.0)
    .bind(owner)
    .execute(db)
    .await?;
    Ok(())
}

/// Lets go of a run, so that another process can take it at once.
///
/// # Errors
/// When the database cannot be written.
pub async fn release(db: &mut SqliteConnection, id: RunId, owner: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE runs SET owner = NULL, lease_until = 0 WHERE id = ? AND owner = ?")
        .bind(id.to_string())
        .bind(owner)
        .execute(db)
        .await?;
    Ok(())
}

/// What a run is and what was asked of it.
///
/// # Errors
/// [`StoreError::UnknownRun`], or when the database cannot be read.
pub async fn state(db: &mut SqliteConnection, id: RunId) -> Result<(RunState, Desired), StoreError> {
    let key = id.to_string();
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT state, desired FROM runs WHERE id = ?").bind(&key).fetch_optional(db).await?;
    let (state, desired) = row.ok_or(StoreError::UnknownRun(id))?;
    let place = Place { table: "runs", row: &key };
    Ok((place.word("state", &state)?, place.word("desired", &desired)?))
}

/// Stores what a person asks of a run.
///
/// # Errors
/// [`StoreError::UnknownRun`], or when the database cannot be written.
pub async fn ask(
    db: &mut SqliteConnection,
    id: RunId,
    desired: Desired,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE runs SET desired = ? WHERE id = ?")
        .bind(row::word(&desired))
        .bind(id.to_string())
        .execute(&mut *db)
        .await?;
    events::append_to_run(db, now, id, &Event::Asked { desired, by: by.to_owned() }).await?;
    Ok(())
}

/// The process that executes a run, or executed it.
///
/// # Errors
/// [`StoreError::UnknownRun`], or when the database cannot be read.
pub async fn owner(db: &mut SqliteConnection, id: RunId) -> Result<Option<String>, StoreError> {
    let owner: Option<Option<String>> = sqlx::query_scalar("SELECT owner FROM runs WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(db)
        .await?;
    owner.ok_or(StoreError::UnknownRun(id))
}

/// Failed runs whose failure nobody has explained yet, oldest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn unexplained(db: &mut SqliteConnection) -> Result<Vec<RunId>, StoreError> {
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT id FROM runs WHERE state = 'failed' AND NOT explained ORDER BY ended_at")
            .fetch_all(db)
            .await?;
    ids.iter().map(|id| Place { table: "runs", row: id }.id("id", id)).collect()
}

/// Marks a run's failure as explained. Says whether it was not so before, so that one explanation is written.
///
/// # Errors
/// When the database cannot be written.
pub async fn mark_explained(db: &mut SqliteConnection, id: RunId) -> Result<bool, StoreError> {
    let updated = sqlx::query("UPDATE runs SET explained = TRUE WHERE id = ? AND NOT explained")
        .bind(id.to_string())
        .execute(db)
        .await?;
    Ok(updated.rows_affected() > 0)
}

/// Ended runs whose records on the hosts have not been removed yet.
///
/// # Errors
/// When the database cannot be read.
pub async fn untidied(db: &mut SqliteConnection) -> Result<Vec<RunId>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM runs WHERE state IN ('completed', 'failed', 'stopped') AND NOT tidied ORDER BY ended_at",
    )
    .fetch_all(db)
    .await?;
    ids.iter().map(|id| Place { table: "runs", row: id }.id("id", id)).collect()
}

/// Marks the records of a run on the hosts as removed.
///
/// # Errors
/// When the database cannot be written.
pub async fn mark_tidied(db: &mut SqliteConnection, id: RunId) -> Result<(), StoreError> {
    sqlx::query("UPDATE runs SET tidied = TRUE WHERE id = ?").bind(id.to_string()).execute(db).await?;
    Ok(())
}
