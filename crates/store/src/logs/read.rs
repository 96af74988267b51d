//! Reading windows of lines.

use sqlx::SqliteConnection;
use steadyhand_domain::{StepId, Timestamp};

use super::find;
use crate::{
    StoreError,
    records::{LogLine, LogWindow},
};

/// The most bytes of one line that a window gives.
pub const LINE_CAP: usize = 8 * 1024;

/// One chunk of a log.
pub(super) struct Chunk {
    pub(super) offset: i64,
    pub(super) newlines_before: u64,
    pub(super) at: Timestamp,
    pub(super) data: Vec<u8>,
}

/// The chunk in which line `line` (from 0) begins or goes on, or the first one behind it.
async fn chunk_of_line(db: &mut SqliteConnection, log: i64, line: u64) -> Result<Option<Chunk>, StoreError> {
    // The line begins behind newline number `line` (from 1). The last chunk with fewer newlines before it holds it.
    let row: Option<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT byte_offset, newlines_before, at, data FROM chunks
         WHERE log_id = ?1 AND newlines_before < MAX(?2, 1)
         ORDER BY newlines_before DESC, byte_offset DESC LIMIT 1",
    )
    .bind(log)
    .bind(super::signed(line))
    .fetch_optional(&mut *db)
    .await?;
    if line > 0 {
        return Ok(row.map(chunk));
    }
    next_chunk(db, log, -1).await
}

/// The first chunk whose offset is larger than `offset`.
pub(super) async fn next_chunk(
    db: &mut SqliteConnection,
    log: i64,
    offset: i64,
) -> Result<Option<Chunk>, StoreError> {
    let row: Option<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT byte_offset, newlines_before, at, data FROM chunks WHERE log_id = ? AND byte_offset > ?
         ORDER BY byte_offset LIMIT 1",
    )
    .bind(log)
    .bind(offset)
    .fetch_optional(db)
    .await?;
    Ok(row.map(chunk))
}

/// The last chunk that begins within line `line` (from 0): the one in which the line ends.
async fn last_chunk_within(
    db: &mut SqliteConnection,
    log: i64,
    line: u64,
) -> Result<Option<Chunk>, StoreError> {
    let row: Option<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT byte_offset, newlines_before, at, data FROM chunks WHERE log_id = ? AND newlines_before = ?
         ORDER BY byte_offset DESC LIMIT 1",
    )
    .bind(log)
    .bind(super::signed(line))
    .fetch_optional(db)
    .await?;
    Ok(row.map(chunk))
}

fn chunk((offset, newlines_before, at, data): (i64, i64, i64, Vec<u8>)) -> Chunk {
    Chunk { offset, newlines_before: u64::try_from(newlines_before).unwrap_or(0), at: Timestamp(at), data }
}

/// The line that is being put together.
struct Open {
    begins_at: u64,
    at: Timestamp,
    text: Vec<u8>,
}

/// Lines `from` (from 1) to `from + count - 1` of a log, as far as they are there. A step that has no log yet has an
/// empty one.
///
/// # Errors
/// When the database cannot be read.
pub async fn window(
    db: &mut SqliteConnection,
    step: StepId,
    attempt: u32,
    from: u64,
    count: u32,
) -> Result<LogWindow, StoreError> {
    let Some((log, size)) = find(db, step, attempt).await? else {
        return Ok(LogWindow { total_lines: 0, total_bytes: 0, lines: Vec::new() });
    };
    let mut window = LogWindow { total_lines: size.lines, total_bytes: size.bytes, lines: Vec::new() };
    let first = from.max(1) - 1;
    // What has come since the size was read belongs to the next window.
    let end = first.saturating_add(u64::from(count)).min(size.lines);
    if first >= end {
        return Ok(window);
    }
    let mut current = chunk_of_line(db, log, first).await?;
    let mut line = current.as_ref().map_or(0, |chunk| chunk.newlines_before);
    let mut open: Option<Open> = None;
    while let Some(chunk) = current {
        let base = u64::try_from(chunk.offset).unwrap_or(0);
        let mut position = 0;
        loop {
            if line >= first && open.is_none() && position < chunk.data.len() {
                open = Some(Open { begins_at: base + position as u64, at: chunk.at, text: Vec::new() });
            }
            let rest = &chunk.data[position..];
            let newline = memchr::memchr(b'\n', rest);
            if let Some(open) = &mut open {
                let part = &rest[..newline.unwrap_or(rest.len())];
                let room = (LINE_CAP + 1).saturating_sub(open.text.len());
                open.text.extend_from_slice(&part[..part.len().min(room)]);
            }
            let Some(newline) = newline else { break };
            if let Some(open) = open.take() {
                window.lines.push(finish(open, line, base + (position + newline) as u64));
            }
            line += 1;
            position += newline + 1;
            if line >= end {
                return Ok(window);
            }
        }
        // A line that fills chunk after chunk is not read through: only where it ends matters.
        let skips = open.as_ref().map_or(line < first, |open| open.text.len() > LINE_CAP);
        current = match if skips { last_chunk_within(db, log, line).await? } else { None } {
            Some(last) if last.offset > chunk.offset => Some(last),
            _ => next_chunk(db, log, chunk.offset).await?,
        };
    }
    if let Some(open) = open.take() {
        // An unfinished last line ends where the log ends.
        window.lines.push(finish(open, line, size.bytes));
    }
    Ok(window)
}

fn finish(open: Open, line: u64, ends_at: u64) -> LogLine {
    let mut text = open.text;
    let mut bytes = ends_at.saturating_sub(open.begins_at);
    let cut = bytes > LINE_CAP as u64;
    if cut {
        text.truncate(LINE_CAP);
        // Not in the middle of a character: at most three bytes belong to one that has begun.
        for back in 1..=3.min(text.len()) {
            let lead = text[text.len() - back];
            if lead & 0xc0 == 0xc0 {
                text.truncate(text.len() - back);
                break;
            }
            if lead & 0x80 == 0 {
                break;
            }
        }
    } else if text.last() == Some(&b'\r') {
        text.pop();
        bytes -= 1;
    }
    LogLine { number: line + 1, text: String::from_utf8_lossy(&text).into_owned(), at: open.at, bytes, cut }
}

/// The bytes of a log from `offset` on: the rest of the chunk that holds them; empty at the end.
///
/// # Errors
/// When the database cannot be read.
pub async fn raw(
    db: &mut SqliteConnection,
    step: StepId,
    attempt: u32,
    offset: u64,
) -> Result<Vec<u8>, StoreError> {
    let Some((log, _)) = find(db, step, attempt).await? else { return Ok(Vec::new()) };
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT byte_offset, data FROM chunks WHERE log_id = ? AND byte_offset <= ? ORDER BY byte_offset DESC LIMIT 1",
    )
    .bind(log)
    .bind(super::signed(offset))
    .fetch_optional(db)
    .await?;
    let Some((begin, mut data)) = row else { return Ok(Vec::new()) };
    let skip = offset.saturating_sub(u64::try_from(begin).unwrap_or(0));
    let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(data.len());
    Ok(data.split_off(skip))
}
