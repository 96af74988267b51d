//! What has come and gone in the repositories of deployments.

use sqlx::SqliteConnection;
use steadyhand_domain::DeploymentId;

use crate::{
    StoreError,
    records::History,
    row::{self, Place},
};

/// Records what has come and gone in a deployment's repository.
///
/// # Errors
/// When the database cannot be written.
pub async fn set_history(
    db: &mut SqliteConnection,
    id: DeploymentId,
    history: &History,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE deployments SET history_json = ? WHERE id = ?")
        .bind(row::json(history))
        .bind(id.to_string())
        .execute(db)
        .await?;
    Ok(())
}

/// What has come and gone in a deployment's repository, if that is known.
///
/// # Errors
/// When the database cannot be read.
pub async fn history(db: &mut SqliteConnection, id: DeploymentId) -> Result<Option<History>, StoreError> {
    let id = id.to_string();
    let found: Option<Option<String>> =
        sqlx::query_scalar("SELECT history_json FROM deployments WHERE id = ?")
            .bind(&id)
            .fetch_optional(db)
            .await?;
    Place { table: "deployments", row: &id }.optional_json("history_json", found.flatten().as_deref())
}
