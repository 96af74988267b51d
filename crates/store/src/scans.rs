//! What scanners have found in the images of deployments.

use sqlx::SqliteConnection;
use steadyhand_domain::{DeploymentId, RunId, Timestamp};

use crate::{
    StoreError,
    events::{self, Event},
    records::Scan,
    row::{self, Place},
};

#[derive(sqlx::FromRow)]
struct Row {
    scanned_at: i64,
    scanner: String,
    version: Option<String>,
    counts_json: String,
    found_json: Option<String>,
    left_out: i64,
}

/// Records what was found in the image of the deployment that a run makes. What was found before is forgotten.
///
/// # Errors
/// When the database cannot be written.
pub async fn set(
    db: &mut SqliteConnection,
    id: DeploymentId,
    run: RunId,
    scan: &Scan,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR REPLACE INTO scans (deployment_id, scanned_at, scanner, version, counts_json, found_json, left_out)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.to_string())
    .bind(scan.scanned_at.0)
    .bind(row::word(&scan.scanner))
    .bind(&scan.version)
    .bind(row::json(&scan.counts))
    .bind(scan.found.as_ref().map(row::json))
    .bind(i64::from(scan.left_out))
    .execute(&mut *db)
    .await?;
    events::append_to_run(db, now, run, &Event::DeploymentLearned).await?;
    Ok(())
}

/// What was found in the image of a deployment, if it was scanned.
///
/// # Errors
/// When the database cannot be read.
pub async fn get(db: &mut SqliteConnection, id: DeploymentId) -> Result<Option<Scan>, StoreError> {
    let key = id.to_string();
    let found: Option<Row> = sqlx::query_as(
        "SELECT scanned_at, scanner, version, counts_json, found_json, left_out FROM scans WHERE deployment_id = ?",
    )
    .bind(&key)
    .fetch_optional(db)
    .await?;
    let Some(found) = found else { return Ok(None) };
    let place = Place { table: "scans", row: &key };
    Ok(Some(Scan {
        scanner: place.word("scanner", &found.scanner)?,
        version: found.version,
        scanned_at: Timestamp(found.scanned_at),
        counts: place.json("counts_json", &found.counts_json)?,
        found: place.optional_json("found_json", found.found_json.as_deref())?,
        left_out: place.count("left_out", found.left_out)?,
    }))
}
