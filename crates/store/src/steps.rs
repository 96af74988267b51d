//! Steps and their attempts.

use std::collections::HashMap;

use sqlx::SqliteConnection;
use steadyhand_domain::{Reason, RunId, Stage, StepId, StepState, Timestamp};

use crate::{
    StoreError,
    events::{self, Event},
    logs::LogSize,
    records::{Attempt, Decision, Output, Step},
    row::{self, Place},
};

/// What a new step is made of.
#[derive(Clone, Debug)]
pub struct NewStep<'a> {
    /// Its identifier.
    pub id: StepId,
    /// Its place in the run, from 0.
    pub index: u32,
    /// Its task.
    pub task: &'a str,
    /// Its host.
    pub host: &'a str,
    /// What it is called.
    pub name: &'a str,
    /// `run`, `upload`, `download`, `wait_for`, or the kind of a resource.
    pub kind: &'a str,
    /// What it is there for, when it is of a deployment.
    pub stage: Option<Stage>,
    /// Why it is skipped from the beginning, if it is.
    pub skipped: Option<Reason>,
    /// Whether it has changed something in the run that this one goes on from.
    pub changed: Option<bool>,
    /// What it has written there.
    pub output: Option<Output>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    run_id: String,
    position: i64,
    task: String,
    host: String,
    name: String,
    kind: String,
    stage: Option<String>,
    state: String,
    reason_json: Option<String>,
    changed: Option<bool>,
    output: Option<String>,
    output_masked: Option<bool>,
    decision: Option<String>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct AttemptRow {
    step_id: String,
    number: i64,
    started_at: i64,
    ended_at: Option<i64>,
    outcome_json: Option<String>,
}

/// Sizes of the logs of a run, by step and attempt; they are kept in the other file.
pub type LogSizes = HashMap<(StepId, u32), LogSize>;

/// Records the steps of a new run.
///
/// # Errors
/// When the database cannot be written.
pub async fn insert(db: &mut SqliteConnection, run: RunId, steps: &[NewStep<'_>]) -> Result<(), StoreError> {
    let run = run.to_string();
    for batch in steps.chunks(500) {
        let mut insert = sqlx::QueryBuilder::new(
            "INSERT INTO steps (id, run_id, position, task, host, name, kind, stage, state, reason_json, changed, \
             output, output_masked) ",
        );
        insert.push_values(batch, |mut row, step| {
            row.push_bind(step.id.to_string())
                .push_bind(run.clone())
                .push_bind(i64::from(step.index))
                .push_bind(step.task.to_owned())
                .push_bind(step.host.to_owned())
                .push_bind(step.name.to_owned())
                .push_bind(step.kind.to_owned())
                .push_bind(step.stage.as_ref().map(row::word))
                .push_bind(row::word(if step.skipped.is_some() {
                    &StepState::Skipped
                } else {
                    &StepState::Pending
                }))
                .push_bind(step.skipped.as_ref().map(row::json))
                .push_bind(step.changed)
                .push_bind(step.output.as_ref().map(|output| output.text.clone()))
                .push_bind(step.output.as_ref().map(|output| output.masked));
        });
        insert.build().execute(&mut *db).await?;
    }
    Ok(())
}

/// The steps of a run, in order, with the sizes of their logs.
///
/// # Errors
/// When the database cannot be read.
pub async fn of_run(
    db: &mut SqliteConnection,
    run: RunId,
    sizes: &LogSizes,
) -> Result<Vec<Step>, StoreError> {
    let key = run.to_string();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, run_id, position, task, host, name, kind, stage, state, reason_json, changed, output, output_masked, decision,
                started_at, ended_at
         FROM steps WHERE run_id = ? ORDER BY position",
    )
    .bind(&key)
    .fetch_all(&mut *db)
    .await?;
    let attempts: Vec<AttemptRow> = sqlx::query_as(
        "SELECT step_id, number, attempts.started_at, attempts.ended_at, outcome_json
         FROM attempts JOIN steps ON steps.id = step_id WHERE run_id = ? ORDER BY number",
    )
    .bind(&key)
    .fetch_all(&mut *db)
    .await?;
    let mut by_step: HashMap<String, Vec<AttemptRow>> = HashMap::new();
    for attempt in attempts {
        by_step.entry(attempt.step_id.clone()).or_default().push(attempt);
    }
    rows.into_iter()
        .map(|row| {
            let attempts = by_step.remove(&row.id).unwrap_or_default();
            step(row, attempts, sizes)
        })
        .collect()
}

/// One step, if it is there.
///
/// # Errors
/// When the database cannot be read.
pub async fn get(
    db: &mut SqliteConnection,
    id: StepId,
    sizes: &LogSizes,
) -> Result<Option<Step>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, run_id, position, task, host, name, kind, stage, state, reason_json, changed, output, output_masked, decision,
                started_at, ended_at
         FROM steps WHERE id = ?",
    )
    .bind(id.to_string())
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let attempts: Vec<AttemptRow> = sqlx::query_as(
        "SELECT step_id, number, started_at, ended_at, outcome_json FROM attempts WHERE step_id = ? ORDER BY number",
    )
    .bind(id.to_string())
    .fetch_all(db)
    .await?;
    step(row, attempts, sizes).map(Some)
}

/// Records what a person decided about a failure of a step.
///
/// # Errors
/// When the database cannot be written.
pub async fn decide(
    db: &mut SqliteConnection,
    run: RunId,
    step: StepId,
    decision: Decision,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE steps SET decision = ? WHERE id = ?")
        .bind(row::json(&decision))
        .bind(step.to_string())
        .execute(&mut *db)
        .await?;
    let event = Event::Decided { step_id: step, choice: decision.choice, by: by.to_owned() };
    events::append_to_run(db, now, run, &event).await?;
    Ok(())
}

/// What a person decided about a failure of a step, if anybody did.
///
/// # Errors
/// When the database cannot be read.
pub async fn decision(db: &mut SqliteConnection, step: StepId) -> Result<Option<Decision>, StoreError> {
    let key = step.to_string();
    let decision: Option<Option<String>> =
        sqlx::query_scalar("SELECT decision FROM steps WHERE id = ?").bind(&key).fetch_optional(db).await?;
    Place { table: "steps", row: &key }.optional_json("decision", decision.flatten().as_deref())
}

fn step(row: Row, attempts: Vec<AttemptRow>, sizes: &LogSizes) -> Result<Step, StoreError> {
    let place = Place { table: "steps", row: &row.id };
    let id: StepId = place.id("id", &row.id)?;
    let reason: Option<Reason> = place.optional_json("reason_json", row.reason_json.as_deref())?;
    Ok(Step {
        id,
        run_id: place.id("run_id", &row.run_id)?,
        index: place.count("position", row.position)?,
        reason_text: reason.as_ref().map(ToString::to_string),
        reason,
        stage: row.stage.as_deref().map(|stage| place.word("stage", stage)).transpose()?,
        state: place.word("state", &row.state)?,
        changed: row.changed,
        output: row.output.map(|text| Output { text, masked: row.output_masked == Some(true) }),
        decision: place.optional_json("decision", row.decision.as_deref())?,
        task: row.task,
        host: row.host,
        name: row.name,
        kind: row.kind,
        started_at: row.started_at.map(Timestamp),
        ended_at: row.ended_at.map(Timestamp),
        attempts: attempts
            .into_iter()
            .map(|attempt| {
                let place = Place { table: "attempts", row: &attempt.step_id };
                let number = place.count("number", attempt.number)?;
                let size = sizes.get(&(id, number)).copied().unwrap_or_default();
                Ok(Attempt {
                    number,
                    started_at: Timestamp(attempt.started_at),
                    ended_at: attempt.ended_at.map(Timestamp),
                    outcome: place.optional_json("outcome_json", attempt.outcome_json.as_deref())?,
                    lines: size.lines,
                    bytes: size.bytes,
                })
            })
            .collect::<Result<_, StoreError>>()?,
    })
}
