//! Projects.

use sqlx::SqliteConnection;
use steadyhand_domain::{ProjectId, Timestamp};

use crate::{
    StoreError,
    events::{self, Event},
    records::Project,
    row, runs,
};

type Row = (String, String, bool, i64);

/// Adds a project.
///
/// # Errors
/// [`StoreError::NameTaken`], or when the database cannot be written.
pub async fn insert(
    db: &mut SqliteConnection,
    id: ProjectId,
    name: &str,
    practice: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO projects (id, name, practice, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
    )
    .bind(id.to_string())
    .bind(name)
    .bind(practice)
    .bind(now.0)
    .execute(&mut *db)
    .await?;
    if inserted.rows_affected() == 0 {
        return Err(StoreError::NameTaken(name.to_owned()));
    }
    events::append(db, now, &Event::Project { project_id: id }).await
}

/// Gives a project another name.
///
/// # Errors
/// [`StoreError::UnknownProject`], [`StoreError::NameTaken`], or when the database cannot be written.
pub async fn rename(
    db: &mut SqliteConnection,
    id: ProjectId,
    name: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    if by_name(db, name).await?.is_some_and(|other| other.id != id) {
        return Err(StoreError::NameTaken(name.to_owned()));
    }
    let renamed = sqlx::query("UPDATE projects SET name = ? WHERE id = ?")
        .bind(name)
        .bind(id.to_string())
        .execute(&mut *db)
        .await?;
    if renamed.rows_affected() == 0 {
        return Err(StoreError::UnknownProject(id));
    }
    events::append(db, now, &Event::Project { project_id: id }).await
}

/// Removes a project with its plan, runs and chat. Its logs are removed by [`crate::logs::remove_run`].
///
/// # Errors
/// [`StoreError::UnknownProject`], or when the database cannot be written.
pub async fn remove(db: &mut SqliteConnection, id: ProjectId, now: Timestamp) -> Result<(), StoreError> {
    let removed =
        sqlx::query("DELETE FROM projects WHERE id = ?").bind(id.to_string()).execute(&mut *db).await?;
    if removed.rows_affected() == 0 {
        return Err(StoreError::UnknownProject(id));
    }
    events::append(db, now, &Event::ProjectRemoved { project_id: id }).await
}

/// All projects, by name; the practice project last.
///
/// # Errors
/// When the database cannot be read.
pub async fn all(db: &mut SqliteConnection) -> Result<Vec<Project>, StoreError> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT id, name, practice, created_at FROM projects ORDER BY practice, LOWER(name)")
            .fetch_all(&mut *db)
            .await?;
    let mut projects = Vec::with_capacity(rows.len());
    for row in rows {
        projects.push(project(db, row).await?);
    }
    Ok(projects)
}

/// One project, if it is there.
///
/// # Errors
/// When the database cannot be read.
pub async fn get(db: &mut SqliteConnection, id: ProjectId) -> Result<Option<Project>, StoreError> {
    let row: Option<Row> = sqlx::query_as("SELECT id, name, practice, created_at FROM projects WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(&mut *db)
        .await?;
    match row {
        Some(row) => project(db, row).await.map(Some),
        None => Ok(None),
    }
}

/// The project of that name, if it is there.
///
/// # Errors
/// When the database cannot be read.
pub async fn by_name(db: &mut SqliteConnection, name: &str) -> Result<Option<Project>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as("SELECT id, name, practice, created_at FROM projects WHERE name = ?")
            .bind(name)
            .fetch_optional(&mut *db)
            .await?;
    match row {
        Some(row) => project(db, row).await.map(Some),
        None => Ok(None),
    }
}

async fn project(
    db: &mut SqliteConnection,
    (id, name, practice, created_at): Row,
) -> Result<Project, StoreError> {
    let id = row::Place { table: "projects", row: &id }.id("id", &id)?;
    let last_run = runs::list(db, id, None, 1).await?.pop();
    Ok(Project { id, name, practice, created_at: Timestamp(created_at), last_run })
}
