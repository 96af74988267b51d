//! What is to be told of runs, and what became of it.
//!
//! An entry is written in the transaction that records what it tells. Whoever delivers it claims it first; one whose
//! holder is gone is delivered by somebody else, under the same identifier.

use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use steadyhand_domain::{RunId, RunState, Timestamp};
use uuid::Uuid;

use crate::{
    StoreError,
    events::{self, Event},
    row::{self, Place},
};

/// What is told of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// It was started.
    Started,
    /// It failed.
    Failed,
    /// It completed.
    Completed,
    /// It completed, and the one before it had failed.
    Recovered,
    /// A person stopped it.
    Stopped,
}

/// Something that is to be told.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// Its identifier, which its receivers see.
    pub id: Uuid,
    /// The place of the channel in the plan.
    pub channel: u32,
    /// The word for the channel.
    pub kind: &'static str,
    /// What is told.
    pub told: Told,
}

/// Something that has not been told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its identifier, which its receivers see.
    pub id: Uuid,
    /// The run that it is about.
    pub run_id: RunId,
    /// The place of the channel in the run's plan.
    pub channel: u32,
    /// What is told.
    pub told: Told,
    /// Whether its holder is about to send it.
    pub sending: bool,
    /// How often that was begun.
    pub attempts: u32,
    /// When it is to be tried; while it is being sent, when its holder is no longer waited for.
    pub next_at: Timestamp,
    /// The process that delivers it.
    pub holder: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// Writes what is to be told of a run, held by `holder`.
///
/// # Errors
/// When the database cannot be written.
pub async fn insert(
    db: &mut SqliteConnection,
    run: RunId,
    holder: &str,
    all: &[NewNotification],
    now: Timestamp,
) -> Result<(), StoreError> {
    for new in all {
        sqlx::query(
            "INSERT INTO notifications
               (id, run_id, channel, kind, event, state, attempts, next_at, holder, problem, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'pending', 0, ?6, ?7, NULL, ?6) ON CONFLICT DO NOTHING",
        )
        .bind(new.id.to_string())
        .bind(run.to_string())
        .bind(i64::from(new.channel))
        .bind(new.kind)
        .bind(row::word(&new.told))
        .bind(now.0)
        .bind(holder)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Whether the last run of the project that completed or failed before this one had failed.
///
/// # Errors
/// When the database cannot be read.
pub async fn failed_before(db: &mut SqliteConnection, run: RunId) -> Result<bool, StoreError> {
    let state: Option<String> = sqlx::query_scalar(
        "SELECT earlier.state FROM runs JOIN runs AS earlier
           ON earlier.project_id = runs.project_id AND earlier.number < runs.number
         WHERE runs.id = ? AND earlier.state IN ('completed', 'failed') ORDER BY earlier.number DESC LIMIT 1",
    )
    .bind(run.to_string())
    .fetch_optional(db)
    .await?;
    Ok(state.is_some_and(|state| state == row::word(&RunState::Failed)))
}

/// Everything that has not been told yet, oldest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn open(db: &mut SqliteConnection) -> Result<Vec<Open>, StoreError> {
    type Row = (String, String, i64, String, String, i64, i64, String, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, run_id, channel, event, state, attempts, next_at, holder, created_at
         FROM notifications WHERE state IN ('pending', 'sending') ORDER BY created_at, channel",
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|(id, run_id, channel, event, state, attempts, next_at, holder, created_at)| {
            let place = Place { table: "notifications", row: &id };
            Ok(Open {
                id: place.id("id", &id)?,
                run_id: place.id("run_id", &run_id)?,
                channel: place.count("channel", channel)?,
                told: place.word("event", &event)?,
                sending: state == "sending",
                attempts: place.count("attempts", attempts)?,
                next_at: Timestamp(next_at),
                holder,
                created_at: Timestamp(created_at),
            })
        })
        .collect()
}

/// Takes an entry as it was seen, to send it: until `until` nobody else does, unless the holder is gone. Says whether
/// it was still so.
///
/// # Errors
/// When the database cannot be written.
pub async fn claim(
    db: &mut SqliteConnection,
    seen: &Open,
    holder: &str,
    until: Timestamp,
) -> Result<bool, StoreError> {
    let claimed = sqlx::query(
        "UPDATE notifications SET state = 'sending', attempts = attempts + 1, holder = ?, next_at = ?
         WHERE id = ? AND state IN ('pending', 'sending') AND attempts = ? AND next_at = ? AND holder = ?",
    )
    .bind(holder)
    .bind(until.0)
    .bind(seen.id.to_string())
    .bind(i64::from(seen.attempts))
    .bind(seen.next_at.0)
    .bind(&seen.holder)
    .execute(db)
    .await?;
    Ok(claimed.rows_affected() > 0)
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// It was told.
    Delivered,
    /// It was not, and is tried again.
    Later {
        /// Why not.
        problem: String,
        /// When.
        at: Timestamp,
    },
    /// It was not, and is not tried again.
    Failed {
        /// Why not.
        problem: String,
    },
}

/// Records what became of an attempt of `holder`. What is seen of that in the run is a change of the run.
///
/// # Errors
/// When the database cannot be written.
pub async fn settle(
    db: &mut SqliteConnection,
    entry: &Open,
    holder: &str,
    became: &Became,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (state, problem, at) = match became {
        Became::Delivered => ("delivered", None, now),
        Became::Later { problem, at } => ("pending", Some(problem), *at),
        Became::Failed { problem } => ("failed", Some(problem), now),
    };
    let key = entry.id.to_string();
    let before: Option<(Option<String>,)> =
        sqlx::query_as("SELECT problem FROM notifications WHERE id = ? AND holder = ?")
            .bind(&key)
            .bind(holder)
            .fetch_optional(&mut *db)
            .await?;
    let Some((before,)) = before else { return Ok(()) };
    sqlx::query("UPDATE notifications SET state = ?, problem = ?, next_at = ? WHERE id = ?")
        .bind(state)
        .bind(problem)
        .bind(at.0)
        .bind(&key)
        .execute(&mut *db)
        .await?;
    if before.as_ref() != problem || matches!(became, Became::Failed { .. }) {
        events::append_to_run(db, now, entry.run_id, &Event::Notification { channel: entry.channel }).await?;
    }
    Ok(())
}

/// Whether something is to be told of a run that nobody has tried to tell yet, or is being told.
///
/// # Errors
/// When the database cannot be read.
pub async fn is_untried(db: &mut SqliteConnection, run: RunId) -> Result<bool, StoreError> {
    let number: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM notifications
         WHERE run_id = ? AND (state = 'sending' OR (state = 'pending' AND attempts = 0))",
    )
    .bind(run.to_string())
    .fetch_one(db)
    .await?;
    Ok(number > 0)
}
