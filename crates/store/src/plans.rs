//! Plan revisions: immutable, named by the SHA-256 of their source.

use sqlx::SqliteConnection;
use steadyhand_domain::{ProjectId, Timestamp};

use crate::{
    StoreError,
    events::{self, Event},
    records::PlanRevision,
};

/// A revision with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which.
    pub revision: PlanRevision,
    /// The source.
    pub source: String,
}

/// Saves a revision and makes it the current one. Saving what is current already changes nothing.
///
/// # Errors
/// When the project is unknown or the database cannot be written.
pub async fn save(
    db: &mut SqliteConnection,
    project: ProjectId,
    sha256: &str,
    source: &str,
    note: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    if current(db, project).await?.is_some_and(|plan| plan.revision.sha256 == sha256) {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO plan_revisions (project_id, position, sha256, source, saved_at, note)
         SELECT ?1, COALESCE(MAX(position), 0) + 1, ?2, ?3, ?4, ?5 FROM plan_revisions WHERE project_id = ?1",
    )
    .bind(project.to_string())
    .bind(sha256)
    .bind(source)
    .bind(now.0)
    .bind(note)
    .execute(&mut *db)
    .await?;
    events::append(db, now, &Event::Plan { project_id: project, sha256: sha256.to_owned() }).await
}

/// The current revision, if the project has a plan.
///
/// # Errors
/// When the database cannot be read.
pub async fn current(db: &mut SqliteConnection, project: ProjectId) -> Result<Option<Plan>, StoreError> {
    let row: Option<(String, String, i64, String)> = sqlx::query_as(
        "SELECT sha256, source, saved_at, note FROM plan_revisions WHERE project_id = ? ORDER BY position DESC LIMIT 1",
    )
    .bind(project.to_string())
    .fetch_optional(db)
    .await?;
    Ok(row.map(plan))
}

/// A revision by its SHA-256, if the project has had it.
///
/// # Errors
/// When the database cannot be read.
pub async fn by_sha256(
    db: &mut SqliteConnection,
    project: ProjectId,
    sha256: &str,
) -> Result<Option<Plan>, StoreError> {
    let row: Option<(String, String, i64, String)> = sqlx::query_as(
        "SELECT sha256, source, saved_at, note FROM plan_revisions WHERE project_id = ? AND sha256 = ?
         ORDER BY position DESC LIMIT 1",
    )
    .bind(project.to_string())
    .bind(sha256)
    .fetch_optional(db)
    .await?;
    Ok(row.map(plan))
}

/// The revisions of a plan, newest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn revisions(
    db: &mut SqliteConnection,
    project: ProjectId,
) -> Result<Vec<PlanRevision>, StoreError> {
    let rows: Vec<(String, i64, String)> = sqlx::query_as(
        "SELECT sha256, saved_at, note FROM plan_revisions WHERE project_id = ? ORDER BY position DESC LIMIT 500",
    )
    .bind(project.to_string())
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(sha256, saved_at, note)| PlanRevision { sha256, saved_at: Timestamp(saved_at), note })
        .collect())
}

fn plan((sha256, source, saved_at, note): (String, String, i64, String)) -> Plan {
    Plan { revision: PlanRevision { sha256, saved_at: Timestamp(saved_at), note }, source }
}
