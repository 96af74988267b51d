//! Logs: raw bytes exactly as received, in chunks with a line and a time index.
//!
//! Any window of lines of a log of any size is read in constant memory; decoding happens here, when lines are shown.

mod read;
mod search;

pub use read::{LINE_CAP, raw, window};
pub use search::search;

use sqlx::SqliteConnection;
use steadyhand_domain::{RunId, StepId, Timestamp};

use crate::{StoreError, row::Place, steps::LogSizes};

/// The most bytes that one chunk holds.
pub const CHUNK: usize = 64 * 1024;

/// How large a log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogSize {
    /// Lines; an unfinished last line counts.
    pub lines: u64,
    /// Bytes.
    pub bytes: u64,
}

/// How large the log of one attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grown {
    /// The run.
    pub run_id: RunId,
    /// The step.
    pub step_id: StepId,
    /// The attempt.
    pub attempt: u32,
    /// Its size now.
    pub size: LogSize,
    /// When it last grew.
    pub at: Timestamp,
}

/// The end of a log, where bytes are added. Each log has one writer: the run's owner.
#[derive(Clone, Debug)]
pub struct Appender {
    log: i64,
    bytes: u64,
    newlines: u64,
    open_line: bool,
}

impl Appender {
    /// The end of the log of an attempt, which is made when it is missing.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn open(
        db: &mut SqliteConnection,
        run: RunId,
        step: StepId,
        attempt: u32,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        sqlx::query(
            "INSERT INTO logs (run_id, step_id, attempt, bytes, newlines, open_line, updated_at)
             VALUES (?, ?, ?, 0, 0, FALSE, ?) ON CONFLICT (step_id, attempt) DO NOTHING",
        )
        .bind(run.to_string())
        .bind(step.to_string())
        .bind(i64::from(attempt))
        .bind(now.0)
        .execute(&mut *db)
        .await?;
        let (log, bytes, newlines, open_line): (i64, i64, i64, bool) = sqlx::query_as(
            "SELECT id, bytes, newlines, open_line FROM logs WHERE step_id = ? AND attempt = ?",
        )
        .bind(step.to_string())
        .bind(i64::from(attempt))
        .fetch_one(db)
        .await?;
        let key = log.to_string();
        let place = Place { table: "logs", row: &key };
        Ok(Self {
            log,
            bytes: place.count("bytes", bytes)?,
            newlines: place.count("newlines", newlines)?,
            open_line,
        })
    }

    /// Adds `data` to the log. On an error the log and `self` are as before, and the same bytes can be added again.
    ///
    /// # Errors
    /// [`StoreError::LogMoved`] when another writer has added to it, or when the database cannot be written.
    pub async fn append(
        &mut self,
        db: &mut SqliteConnection,
        data: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(last) = data.last() else { return Ok(()) };
        let open_line = *last != b'\n';
        let (mut bytes, mut newlines) = (self.bytes, self.newlines);
        // First of all: whoever wrote to this log meanwhile has the later bytes too.
        let moved = sqlx::query(
            "UPDATE logs SET bytes = ?, newlines = ?, open_line = ?, updated_at = ? WHERE id = ? AND bytes = ?",
        )
        .bind(signed(bytes + data.len() as u64))
        .bind(signed(newlines + memchr::memchr_iter(b'\n', data).count() as u64))
        .bind(open_line)
        .bind(now.0)
        .bind(self.log)
        .bind(signed(self.bytes))
        .execute(&mut *db)
        .await?;
        if moved.rows_affected() == 0 {
            return Err(StoreError::LogMoved);
        }
        for chunk in data.chunks(CHUNK) {
            sqlx::query(
                "INSERT INTO chunks (log_id, byte_offset, newlines_before, at, data) VALUES (?, ?, ?, ?, ?)",
            )
            .bind(self.log)
            .bind(signed(bytes))
            .bind(signed(newlines))
            .bind(now.0)
            .bind(chunk)
            .execute(&mut *db)
            .await?;
            bytes += chunk.len() as u64;
            newlines += memchr::memchr_iter(b'\n', chunk).count() as u64;
        }
        (self.bytes, self.newlines, self.open_line) = (bytes, newlines, open_line);
        Ok(())
    }

    /// How large the log is.
    #[must_use]
    pub fn size(&self) -> LogSize {
        LogSize { lines: self.newlines + u64::from(self.open_line), bytes: self.bytes }
    }
}

/// SQLite's integers are signed; no log comes near 2^63 bytes.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

type SizeRow = (String, String, i64, i64, i64, bool, i64);

fn grown((run, step, attempt, bytes, newlines, open_line, at): SizeRow) -> Result<Grown, StoreError> {
    let place = Place { table: "logs", row: &step };
    Ok(Grown {
        run_id: place.id("run_id", &run)?,
        step_id: place.id("step_id", &step)?,
        attempt: place.count("attempt", attempt)?,
        size: LogSize {
            lines: place.count::<u64>("newlines", newlines)? + u64::from(open_line),
            bytes: place.count("bytes", bytes)?,
        },
        at: Timestamp(at),
    })
}

/// The sizes of the logs of a run.
///
/// # Errors
/// When the database cannot be read.
pub async fn sizes(db: &mut SqliteConnection, run: RunId) -> Result<LogSizes, StoreError> {
    let rows: Vec<SizeRow> = sqlx::query_as(
        "SELECT run_id, step_id, attempt, bytes, newlines, open_line, updated_at FROM logs WHERE run_id = ?",
    )
    .bind(run.to_string())
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| grown(row).map(|grown| ((grown.step_id, grown.attempt), grown.size))).collect()
}

/// Logs that grew at `since` or later.
///
/// # Errors
/// When the database cannot be read.
pub async fn grown_since(db: &mut SqliteConnection, since: Timestamp) -> Result<Vec<Grown>, StoreError> {
    let rows: Vec<SizeRow> = sqlx::query_as(
        "SELECT run_id, step_id, attempt, bytes, newlines, open_line, updated_at FROM logs WHERE updated_at >= ?",
    )
    .bind(since.0)
    .fetch_all(db)
    .await?;
    rows.into_iter().map(grown).collect()
}

/// Removes the logs of a run.
///
/// # Errors
/// When the database cannot be written.
pub async fn remove_run(db: &mut SqliteConnection, run: RunId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM logs WHERE run_id = ?").bind(run.to_string()).execute(db).await?;
    Ok(())
}

/// A log's identifier and size, if there is one.
async fn find(
    db: &mut SqliteConnection,
    step: StepId,
    attempt: u32,
) -> Result<Option<(i64, LogSize)>, StoreError> {
    let row: Option<(i64, i64, i64, bool)> =
        sqlx::query_as("SELECT id, bytes, newlines, open_line FROM logs WHERE step_id = ? AND attempt = ?")
            .bind(step.to_string())
            .bind(i64::from(attempt))
            .fetch_optional(db)
            .await?;
    let Some((log, bytes, newlines, open_line)) = row else { return Ok(None) };
    let key = log.to_string();
    let place = Place { table: "logs", row: &key };
    let size = LogSize {
        lines: place.count::<u64>("newlines", newlines)? + u64::from(open_line),
        bytes: place.count("bytes", bytes)?,
    };
    Ok(Some((log, size)))
}

#[cfg(test)]
mod tests;
