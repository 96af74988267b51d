//! Messages and proposals.

use sqlx::SqliteConnection;
use steadyhand_domain::{MessageId, ProjectId, ProposalId, Timestamp};

use crate::{
    StoreError,
    events::{self, Event},
    records::{Message, MessageState, Proposal, ProposalState},
    row::{self, Place},
};

#[derive(sqlx::FromRow)]
struct MessageRow {
    id: String,
    project_id: String,
    at: i64,
    role: String,
    state: String,
    text: String,
    cards_json: String,
}

impl TryFrom<MessageRow> for Message {
    type Error = StoreError;

    fn try_from(row: MessageRow) -> Result<Self, StoreError> {
        let place = Place { table: "messages", row: &row.id };
        Ok(Self {
            id: place.id("id", &row.id)?,
            project_id: place.id("project_id", &row.project_id)?,
            at: Timestamp(row.at),
            role: place.word("role", &row.role)?,
            state: place.word("state", &row.state)?,
            cards: place.json("cards_json", &row.cards_json)?,
            text: row.text,
        })
    }
}

/// Adds a message at the end of its chat. `writer` names the process that writes it while it is streaming.
///
/// # Errors
/// When the database cannot be written.
pub async fn insert(db: &mut SqliteConnection, message: &Message, writer: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO messages (id, project_id, position, at, role, state, text, cards_json, writer)
         SELECT ?1, ?2, COALESCE(MAX(position), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8 FROM messages WHERE project_id = ?2",
    )
    .bind(message.id.to_string())
    .bind(message.project_id.to_string())
    .bind(message.at.0)
    .bind(row::word(&message.role))
    .bind(row::word(&message.state))
    .bind(&message.text)
    .bind(row::json(&message.cards))
    .bind(writer)
    .execute(&mut *db)
    .await?;
    events::append(db, message.at, &Event::Message { message_id: message.id }).await
}

/// Writes the text, the cards and the state of a message again.
///
/// # Errors
/// [`StoreError::UnknownMessage`], or when the database cannot be written.
pub async fn update(db: &mut SqliteConnection, message: &Message, now: Timestamp) -> Result<(), StoreError> {
    let updated = sqlx::query("UPDATE messages SET state = ?, text = ?, cards_json = ? WHERE id = ?")
        .bind(row::word(&message.state))
        .bind(&message.text)
        .bind(row::json(&message.cards))
        .bind(message.id.to_string())
        .execute(&mut *db)
        .await?;
    if updated.rows_affected() == 0 {
        return Err(StoreError::UnknownMessage(message.id));
    }
    events::append(db, now, &Event::Message { message_id: message.id }).await
}

/// A message, if it is there.
///
/// # Errors
/// When the database cannot be read.
pub async fn get(db: &mut SqliteConnection, id: MessageId) -> Result<Option<Message>, StoreError> {
    let row: Option<MessageRow> =
        sqlx::query_as("SELECT id, project_id, at, role, state, text, cards_json FROM messages WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(db)
            .await?;
    row.map(Message::try_from).transpose()
}

/// The newest messages of a chat (before `before`, when given), oldest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn list(
    db: &mut SqliteConnection,
    project: ProjectId,
    before: Option<MessageId>,
    limit: u32,
) -> Result<Vec<Message>, StoreError> {
    let rows: Vec<MessageRow> = sqlx::query_as(
        "SELECT id, project_id, at, role, state, text, cards_json FROM messages
         WHERE project_id = ?1
           AND (?2 IS NULL OR position < (SELECT position FROM messages WHERE id = ?2))
         ORDER BY position DESC LIMIT ?3",
    )
    .bind(project.to_string())
    .bind(before.map(|id| id.to_string()))
    .bind(i64::from(limit))
    .fetch_all(db)
    .await?;
    rows.into_iter().rev().map(Message::try_from).collect()
}

/// Messages that are still streaming, with the process that writes each.
///
/// # Errors
/// When the database cannot be read.
pub async fn streaming(db: &mut SqliteConnection) -> Result<Vec<(Message, String)>, StoreError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT id, writer FROM messages WHERE state = 'streaming'")
            .fetch_all(&mut *db)
            .await?;
    let mut found = Vec::with_capacity(rows.len());
    for (id, writer) in rows {
        let id = Place { table: "messages", row: &id }.id("id", &id)?;
        if let Some(message) = get(db, id).await?.filter(|message| message.state == MessageState::Streaming) {
            found.push((message, writer));
        }
    }
    Ok(found)
}

#[derive(sqlx::FromRow)]
struct ProposalRow {
    id: String,
    project_id: String,
    title: String,
    note: String,
    base_sha256: String,
    source: String,
    sha256: String,
    diff_json: String,
    state_json: String,
}

impl TryFrom<ProposalRow> for Proposal {
    type Error = StoreError;

    fn try_from(row: ProposalRow) -> Result<Self, StoreError> {
        let place = Place { table: "proposals", row: &row.id };
        Ok(Self {
            id: place.id("id", &row.id)?,
            project_id: place.id("project_id", &row.project_id)?,
            diff: place.json("diff_json", &row.diff_json)?,
            state: place.json("state_json", &row.state_json)?,
            title: row.title,
            note: row.note,
            base_sha256: row.base_sha256,
            source: row.source,
            sha256: row.sha256,
        })
    }
}

/// Adds a proposal.
///
/// # Errors
/// When the database cannot be written.
pub async fn insert_proposal(
    db: &mut SqliteConnection,
    proposal: &Proposal,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO proposals
           (id, project_id, title, note, base_sha256, source, sha256, diff_json, state_json, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(proposal.id.to_string())
    .bind(proposal.project_id.to_string())
    .bind(&proposal.title)
    .bind(&proposal.note)
    .bind(&proposal.base_sha256)
    .bind(&proposal.source)
    .bind(&proposal.sha256)
    .bind(row::json(&proposal.diff))
    .bind(row::json(&proposal.state))
    .bind(now.0)
    .execute(&mut *db)
    .await?;
    events::append(db, now, &Event::Proposal { proposal_id: proposal.id }).await
}

/// A proposal, if it is there.
///
/// # Errors
/// When the database cannot be read.
pub async fn proposal(db: &mut SqliteConnection, id: ProposalId) -> Result<Option<Proposal>, StoreError> {
    let row: Option<ProposalRow> = sqlx::query_as(
        "SELECT id, project_id, title, note, base_sha256, source, sha256, diff_json, state_json
         FROM proposals WHERE id = ?",
    )
    .bind(id.to_string())
    .fetch_optional(db)
    .await?;
    row.map(Proposal::try_from).transpose()
}

/// Sets what became of a proposal.
///
/// # Errors
/// [`StoreError::UnknownProposal`], or when the database cannot be written.
pub async fn set_proposal_state(
    db: &mut SqliteConnection,
    id: ProposalId,
    state: &ProposalState,
    now: Timestamp,
) -> Result<(), StoreError> {
    let updated = sqlx::query("UPDATE proposals SET state_json = ? WHERE id = ?")
        .bind(row::json(state))
        .bind(id.to_string())
        .execute(&mut *db)
        .await?;
    if updated.rows_affected() == 0 {
        return Err(StoreError::UnknownProposal(id));
    }
    events::append(db, now, &Event::Proposal { proposal_id: id }).await
}

/// The open proposals of a project, oldest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn open_proposals(
    db: &mut SqliteConnection,
    project: ProjectId,
) -> Result<Vec<Proposal>, StoreError> {
    let rows: Vec<ProposalRow> = sqlx::query_as(
        "SELECT id, project_id, title, note, base_sha256, source, sha256, diff_json, state_json
         FROM proposals WHERE project_id = ? AND state_json = '{\"kind\":\"open\"}' ORDER BY created_at, id",
    )
    .bind(project.to_string())
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Proposal::try_from).collect()
}
