//! Everything that changed, in the order of the commits.

use serde::{Deserialize, Serialize};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use steadyhand_domain::{
    Choice, DeploymentEvent, DeploymentId, Desired, EnvironmentEvent, EnvironmentId, MessageId, ProjectId,
    ProposalId, Reason, RunEvent, RunId, StepEvent, StepId, StepOutcome, Timestamp,
};

use crate::{StoreError, records::Hindrance, row};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A run was recorded.
    RunRecorded,
    /// The state of a run changed.
    Run {
        /// What happened.
        event: RunEvent,
    },
    /// Something was asked of a run.
    Asked {
        /// What.
        desired: Desired,
        /// Who asked.
        by: String,
    },
    /// A run was taken over from a process that is gone.
    TakenOver,
    /// What keeps a run from going on changed.
    Hindrances {
        /// What it is now.
        hindrances: Vec<Hindrance>,
    },
    /// The state of a step changed.
    Step {
        /// The step.
        step_id: StepId,
        /// What happened.
        event: StepEvent,
        /// Why.
        reason: Option<Reason>,
    },
    /// An attempt was begun.
    AttemptBegan {
        /// The step.
        step_id: StepId,
        /// Which attempt.
        attempt: u32,
    },
    /// An attempt ended.
    AttemptEnded {
        /// The step.
        step_id: StepId,
        /// Which attempt.
        attempt: u32,
        /// How; none when no command was started.
        outcome: Option<StepOutcome>,
    },
    /// A person decided about a step that has failed.
    Decided {
        /// The step.
        step_id: StepId,
        /// What.
        choice: Choice,
        /// Who.
        by: String,
    },
    /// What is known of the delivery of a notification changed.
    Notification {
        /// The place of the channel in the run's plan.
        channel: u32,
    },
    /// A place to deploy to was recorded.
    EnvironmentRecorded {
        /// Which.
        environment_id: EnvironmentId,
    },
    /// The state of an environment changed.
    Environment {
        /// The environment.
        environment_id: EnvironmentId,
        /// What happened.
        event: EnvironmentEvent,
    },
    /// A deployment was recorded.
    DeploymentRecorded {
        /// Which.
        deployment_id: DeploymentId,
    },
    /// The state of a deployment changed.
    Deployment {
        /// The deployment.
        deployment_id: DeploymentId,
        /// What happened.
        event: DeploymentEvent,
    },
    /// More is known of the deployment that the run makes: its source, its image.
    DeploymentLearned,
    /// A project was made or changed.
    Project {
        /// Which.
        project_id: ProjectId,
    },
    /// A project was removed.
    ProjectRemoved {
        /// Which.
        project_id: ProjectId,
    },
    /// A plan has a new revision.
    Plan {
        /// Whose.
        project_id: ProjectId,
        /// The revision.
        sha256: String,
    },
    /// A message was written or changed.
    Message {
        /// Which.
        message_id: MessageId,
    },
    /// A proposal was made or changed.
    Proposal {
        /// Which.
        proposal_id: ProposalId,
    },
}

impl Event {
    /// The step that the event is about, if it is about one.
    #[must_use]
    pub fn step(&self) -> Option<StepId> {
        match self {
            Self::Step { step_id, .. }
            | Self::AttemptBegan { step_id, .. }
            | Self::AttemptEnded { step_id, .. } => Some(*step_id),
            _ => None,
        }
    }
}

/// A change with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place among all changes, ascending.
    pub position: i64,
    /// When it was recorded.
    pub at: Timestamp,
    /// The run that it is about, if it is about one.
    pub run_id: Option<RunId>,
    /// Its number among the changes of that run, from 1.
    pub seq: Option<i64>,
    /// What changed.
    pub event: Event,
}

/// Appends a change that is not about a run.
///
/// # Errors
/// When the database cannot be written.
pub async fn append(db: &mut SqliteConnection, at: Timestamp, event: &Event) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO events (at, event_json) VALUES (?, ?)")
        .bind(at.0)
        .bind(row::json(event))
        .execute(db)
        .await?;
    Ok(())
}

/// Appends a change of a run, and counts the run's `seq` up.
///
/// # Errors
/// [`StoreError::UnknownRun`], or when the database cannot be written.
pub async fn append_to_run(
    db: &mut SqliteConnection,
    at: Timestamp,
    run: RunId,
    event: &Event,
) -> Result<i64, StoreError> {
    let seq: Option<i64> = sqlx::query_scalar("UPDATE runs SET seq = seq + 1 WHERE id = ? RETURNING seq")
        .bind(run.to_string())
        .fetch_optional(&mut *db)
        .await?;
    let seq = seq.ok_or(StoreError::UnknownRun(run))?;
    sqlx::query("INSERT INTO events (at, run_id, seq, event_json) VALUES (?, ?, ?, ?)")
        .bind(at.0)
        .bind(run.to_string())
        .bind(seq)
        .bind(row::json(event))
        .execute(db)
        .await?;
    Ok(seq)
}

/// Adds the statements that append `events` to a run whose last one has the number `seq`; gives the new last number.
pub(crate) fn write_of_run(
    sql: &mut QueryBuilder<Sqlite>,
    at: Timestamp,
    run: RunId,
    seq: i64,
    events: &[Event],
) -> i64 {
    let mut seq = seq;
    // SQLite takes 32,766 values in one statement.
    for some in events.chunks(1_000) {
        sql.push("INSERT INTO events (at, run_id, seq, event_json) ");
        sql.push_values(some, |mut values, event| {
            seq += 1;
            values.push_bind(at.0).push_bind(run.to_string()).push_bind(seq).push_bind(row::json(event));
        });
        sql.push(";");
    }
    seq
}

/// The position of the newest change; 0 when there is none.
///
/// # Errors
/// When the database cannot be read.
pub async fn last_position(db: &mut SqliteConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COALESCE(MAX(position), 0) FROM events").fetch_one(db).await?)
}

/// Changes after `position`, oldest first, at most `limit`.
///
/// # Errors
/// When the database cannot be read or holds an event that no version writes.
pub async fn after(
    db: &mut SqliteConnection,
    position: i64,
    limit: u32,
) -> Result<Vec<Recorded>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT position, at, run_id, seq, event_json FROM events WHERE position > ? ORDER BY position LIMIT ?",
    )
    .bind(position)
    .bind(i64::from(limit))
    .fetch_all(db)
    .await?;
    rows.into_iter().map(recorded).collect()
}

/// The changes of a run, oldest first.
///
/// # Errors
/// When the database cannot be read or holds an event that no version writes.
pub async fn of_run(db: &mut SqliteConnection, run: RunId) -> Result<Vec<Recorded>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT position, at, run_id, seq, event_json FROM events WHERE run_id = ? ORDER BY seq",
    )
    .bind(run.to_string())
    .fetch_all(db)
    .await?;
    rows.into_iter().map(recorded).collect()
}

/// Forgets changes that are about no run and older than `before`: nobody reads them any more.
///
/// # Errors
/// When the database cannot be written.
pub async fn prune(db: &mut SqliteConnection, before: Timestamp) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM events WHERE run_id IS NULL AND at < ?").bind(before.0).execute(db).await?;
    Ok(())
}

type Row = (i64, i64, Option<String>, Option<i64>, String);

fn recorded((position, at, run_id, seq, event): Row) -> Result<Recorded, StoreError> {
    let key = position.to_string();
    let place = row::Place { table: "events", row: &key };
    Ok(Recorded {
        position,
        at: Timestamp(at),
        run_id: run_id.map(|id| place.id("run_id", &id)).transpose()?,
        seq,
        event: place.json("event_json", &event)?,
    })
}
