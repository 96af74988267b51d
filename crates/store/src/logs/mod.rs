//! Logs: raw bytes as received, but for secrets, in chunks with a line and a time index.
//!
//! Any window of lines of a log of any size is read in constant memory; decoding happens here, when lines are shown.

mod read;
mod search;

pub use read::{LINE_CAP, raw, window};
pub use search::search;

use sqlx::{QueryBuilder, SqliteConnection};
use steadyhand_domain::{RunId, StepId, Timestamp};

use crate::{StoreError, row::Place, steps::LogSizes};

/// The most bytes that one chunk holds.
pub const CHUNK: usize = 64 * 1024;
/// The most chunks that are written by one statement.
const CHUNKS_A_CALL: usize = 16;

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
    run: RunId,
    step: StepId,
    attempt: u32,
    /// None before its first byte.
    log: Option<i64>,
    received: u64,
    bytes: u64,
    newlines: u64,
    open_line: bool,
}

impl Appender {
    /// The end of the log of an attempt. A log is only made with its first bytes.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open(
        db: &mut SqliteConnection,
        run: RunId,
        step: StepId,
        attempt: u32,
    ) -> Result<Self, StoreError> {
        let row: Option<(i64, i64, i64, i64, bool)> = sqlx::query_as(
            "SELECT id, received, bytes, newlines, open_line FROM logs WHERE step_id = ? AND attempt = ?",
        )
        .bind(step.to_string())
        .bind(i64::from(attempt))
        .fetch_optional(db)
        .await?;
        let empty =
            Self { run, step, attempt, log: None, received: 0, bytes: 0, newlines: 0, open_line: false };
        let Some((log, received, bytes, newlines, open_line)) = row else { return Ok(empty) };
        let key = log.to_string();
        let place = Place { table: "logs", row: &key };
        Ok(Self {
            log: Some(log),
            received: place.count("received", received)?,
            bytes: place.count("bytes", bytes)?,
            newlines: place.count("newlines", newlines)?,
            open_line,
            ..empty
        })
    }

    /// Adds `data` to the log: what is to be kept of the next `received` bytes from the host. On an error the log and
    /// `self` are as before, and the same can be added again.
    ///
    /// # Errors
    /// [`StoreError::LogMoved`] when another writer has added to it, or when the database cannot be written.
    pub async fn append(
        &mut self,
        db: &mut SqliteConnection,
        data: &[u8],
        received: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if received == 0 && data.is_empty() {
            return Ok(());
        }
        let (mut bytes, mut newlines) = (self.bytes, self.newlines);
        let end = Self {
            received: self.received + received,
            bytes: bytes + data.len() as u64,
            newlines: newlines + memchr::memchr_iter(b'\n', data).count() as u64,
            open_line: data.last().map_or(self.open_line, |last| *last != b'\n'),
            ..*self
        };
        // First of all: whoever wrote to this log meanwhile has the later bytes too.
        let log = match self.log {
            Some(log) => end.moved_on(db, log, self.received, now).await?,
            None => end.made(db, now).await?,
        };
        for some in data.chunks(CHUNK * CHUNKS_A_CALL) {
            let mut insert =
                QueryBuilder::new("INSERT INTO chunks (log_id, byte_offset, newlines_before, at, data) ");
            insert.push_values(some.chunks(CHUNK), |mut values, chunk| {
                values
                    .push_bind(log)
                    .push_bind(signed(bytes))
                    .push_bind(signed(newlines))
                    .push_bind(now.0)
                    .push_bind(chunk);
                bytes += chunk.len() as u64;
                newlines += memchr::memchr_iter(b'\n', chunk).count() as u64;
            });
            insert.build().execute(&mut *db).await?;
        }
        *self = Self { log: Some(log), ..end };
        Ok(())
    }

    /// Makes the log, which ends here.
    async fn made(&self, db: &mut SqliteConnection, now: Timestamp) -> Result<i64, StoreError> {
        sqlx::query_scalar(
            "INSERT INTO logs (run_id, step_id, attempt, received, bytes, newlines, open_line, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (step_id, attempt) DO NOTHING RETURNING id",
        )
        .bind(self.run.to_string())
        .bind(self.step.to_string())
        .bind(i64::from(self.attempt))
        .bind(signed(self.received))
        .bind(signed(self.bytes))
        .bind(signed(self.newlines))
        .bind(self.open_line)
        .bind(now.0)
        .fetch_optional(db)
        .await?
        .ok_or(StoreError::LogMoved)
    }

    /// Moves the end of a log for which `before` bytes had come to here.
    async fn moved_on(
        &self,
        db: &mut SqliteConnection,
        log: i64,
        before: u64,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let moved = sqlx::query(
            "UPDATE logs SET received = ?, bytes = ?, newlines = ?, open_line = ?, updated_at = ?
             WHERE id = ? AND received = ?",
        )
        .bind(signed(self.received))
        .bind(signed(self.bytes))
        .bind(signed(self.newlines))
        .bind(self.open_line)
        .bind(now.0)
        .bind(log)
        .bind(signed(before))
        .execute(db)
        .await?;
        if moved.rows_affected() == 0 { Err(StoreError::LogMoved) } else { Ok(log) }
    }

    /// How many bytes from the host it stands for: where to go on.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
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
