//! What a person has set, by name.

use sqlx::SqliteConnection;

use crate::StoreError;

/// A setting's value, if it was set.
///
/// # Errors
/// When the database cannot be read.
pub async fn get(db: &mut SqliteConnection, name: &str) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT value FROM settings WHERE name = ?").bind(name).fetch_optional(db).await?)
}

/// Sets a value, or removes it.
///
/// # Errors
/// When the database cannot be written.
pub async fn set(db: &mut SqliteConnection, name: &str, value: Option<&str>) -> Result<(), StoreError> {
    match value {
        Some(value) => {
            sqlx::query(
                "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )
            .bind(name)
            .bind(value)
            .execute(db)
            .await?;
        }
        None => {
            sqlx::query("DELETE FROM settings WHERE name = ?").bind(name).execute(db).await?;
        }
    }
    Ok(())
}
