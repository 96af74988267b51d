//! What the owner of a run records while it executes it: writes as data, committed together.
//!
//! Each call costs a wake-up of the database's thread. So however many writes there are, they are two calls: one reads
//! what was asked of the run, one writes everything.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use steadyhand_domain::{
    Desired, Reason, RunEvent, RunId, RunState, StepEvent, StepId, StepOutcome, StepState, Timestamp,
};

use crate::{
    StoreError,
    events::{self, Event},
    records::{DeploymentSource, Hindrance, Output},
    row::{self, Place},
};

/// Above so many writes a statement is not kept: it is one of a kind.
const KEPT: usize = 8;

/// One write of a run.
#[derive(Clone, Debug)]
pub enum Write<'a> {
    /// The run's state.
    Run {
        /// What happened.
        event: RunEvent,
        /// What it led to.
        state: RunState,
    },
    /// What keeps hosts of the run from going on.
    Hindrances(&'a [Hindrance]),
    /// The run is to pause.
    Hold {
        /// Who wants it.
        by: &'a str,
    },
    /// A step's state.
    Step {
        /// The step.
        step: StepId,
        /// What happened.
        event: StepEvent,
        /// What it led to.
        state: StepState,
        /// Why.
        reason: Option<&'a Reason>,
        /// Whether it has changed something on its host, once that is known.
        changed: Option<bool>,
        /// What it has written, where later steps may use that.
        output: Option<&'a Output>,
    },
    /// An attempt is about to be made.
    AttemptBegan {
        /// Its step.
        step: StepId,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// An attempt ended.
    AttemptEnded {
        /// Its step.
        step: StepId,
        /// Which attempt, from 1.
        attempt: u32,
        /// How; none when no command was started.
        outcome: Option<&'a StepOutcome>,
    },
    /// What became known of the deployment that the run makes. What is none stays as it is.
    Deployment {
        /// What it is made from.
        source: Option<&'a DeploymentSource>,
        /// Its image, which is kept from now on.
        image: Option<&'a str>,
    },
}

impl Write<'_> {
    fn event(&self) -> Event {
        match *self {
            Self::Run { event, .. } => Event::Run { event },
            Self::Hindrances(hindrances) => Event::Hindrances { hindrances: hindrances.to_vec() },
            Self::Hold { by } => Event::Asked { desired: Desired::Paused, by: by.to_owned() },
            Self::Step { step, event, reason, .. } => {
                Event::Step { step_id: step, event, reason: reason.cloned() }
            }
            Self::AttemptBegan { step, attempt } => Event::AttemptBegan { step_id: step, attempt },
            Self::AttemptEnded { step, attempt, outcome } => {
                Event::AttemptEnded { step_id: step, attempt, outcome: outcome.cloned() }
            }
            Self::Deployment { .. } => Event::DeploymentLearned,
        }
    }

    /// Adds the statement that changes one row.
    fn push_to(&self, sql: &mut QueryBuilder<Sqlite>, run: RunId, now: Timestamp) {
        match *self {
            Self::Run { state, .. } => {
                sql.push("UPDATE runs SET state = ").push_bind(row::word(&state));
                if state.is_final() {
                    sql.push(", hindrances_json = NULL, ended_at = ").push_bind(now.0);
                }
                sql.push(" WHERE id = ").push_bind(run.to_string());
            }
            Self::Hindrances(hindrances) => {
                let json = (!hindrances.is_empty()).then(|| row::json(&hindrances));
                sql.push("UPDATE runs SET hindrances_json = ").push_bind(json);
                sql.push(" WHERE id = ").push_bind(run.to_string());
            }
            Self::Hold { .. } => {
                sql.push("UPDATE runs SET desired = ").push_bind(row::word(&Desired::Paused));
                sql.push(" WHERE id = ").push_bind(run.to_string());
            }
            Self::Step { step, event, state, reason, changed, output } => {
                sql.push("UPDATE steps SET state = ").push_bind(row::word(&state));
                sql.push(", reason_json = ").push_bind(reason.map(row::json));
                if changed.is_some() {
                    sql.push(", changed = ").push_bind(changed);
                }
                if let Some(Output { text, masked }) = output {
                    sql.push(", output = ").push_bind(text.clone());
                    sql.push(", output_masked = ").push_bind(*masked);
                }
                if event == StepEvent::Started {
                    sql.push(", started_at = ").push_bind(now.0);
                }
                if state.is_final() {
                    sql.push(", ended_at = ").push_bind(now.0);
                }
                sql.push(" WHERE id = ").push_bind(step.to_string());
            }
            Self::AttemptBegan { step, attempt } => {
                sql.push("INSERT INTO attempts (step_id, number, started_at) VALUES (");
                sql.push_bind(step.to_string()).push(", ").push_bind(i64::from(attempt));
                sql.push(", ").push_bind(now.0).push(")");
            }
            Self::AttemptEnded { step, attempt, outcome } => {
                sql.push("UPDATE attempts SET ended_at = ").push_bind(now.0);
                sql.push(", outcome_json = ").push_bind(outcome.map(row::json));
                sql.push(" WHERE step_id = ").push_bind(step.to_string());
                sql.push(" AND number = ").push_bind(i64::from(attempt));
            }
            Self::Deployment { source, image } => {
                sql.push("UPDATE deployments SET image_kept = image_kept OR ").push_bind(image.is_some());
                if let Some(source) = source {
                    sql.push(", source_json = ").push_bind(row::json(source));
                }
                if let Some(image) = image {
                    sql.push(", image = ").push_bind(image.to_owned());
                }
                sql.push(" WHERE run_id = ").push_bind(run.to_string());
            }
        }
        sql.push(";");
    }
}

/// Records `writes` of a run that `owner` owns, together with `if_running` when nothing else was asked for than to go
/// on; says whether that was so.
///
/// # Errors
/// [`StoreError::OwnerLost`] when another process owns it now, [`StoreError::UnknownStep`] or
/// [`StoreError::NoDeployment`] when a write is about nothing that is recorded, or when the database cannot be written. The transaction is to be dropped then.
pub async fn record(
    db: &mut SqliteConnection,
    run: RunId,
    owner: &str,
    writes: &[Write<'_>],
    if_running: &[Write<'_>],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let key = run.to_string();
    let owned: Option<(String, i64)> =
        sqlx::query_as("SELECT desired, seq FROM runs WHERE id = ? AND owner = ?")
            .bind(&key)
            .bind(owner)
            .fetch_optional(&mut *db)
            .await?;
    let (desired, seq) = owned.ok_or(StoreError::OwnerLost(run))?;
    let desired: Desired = Place { table: "runs", row: &key }.word("desired", &desired)?;
    let goes_on = desired == Desired::Running;
    let if_running = if goes_on { if_running } else { &[] };
    let all: Vec<&Write<'_>> = writes.iter().chain(if_running).collect();
    if all.is_empty() {
        return Ok(goes_on);
    }
    let mut sql = QueryBuilder::new("");
    for write in &all {
        write.push_to(&mut sql, run, now);
    }
    let events: Vec<Event> = all.iter().map(|write| write.event()).collect();
    let last = events::write_of_run(&mut sql, now, run, seq, &events);
    sql.push("UPDATE runs SET seq = ").push_bind(last).push(" WHERE id = ").push_bind(key);
    let written = sql.build().persistent(all.len() <= KEPT).execute(db).await?;
    // A row a write, a row an event, and the run's own.
    if written.rows_affected() != 2 * all.len() as u64 + 1 {
        let is_learned = |event: &Event| matches!(event, Event::DeploymentLearned);
        return Err(match events.iter().find_map(Event::step) {
            Some(step) => StoreError::UnknownStep(step),
            None if events.iter().any(is_learned) => StoreError::NoDeployment(run),
            None => StoreError::UnknownRun(run),
        });
    }
    Ok(goes_on)
}
