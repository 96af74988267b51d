//! Searching logs.

use regex::bytes::{Regex, RegexBuilder};
use sqlx::SqliteConnection;
use steadyhand_domain::StepId;

use super::{find, read::next_chunk};
use crate::{StoreError, records::LogMatches};

/// Bytes that one call looks at before it answers; the caller goes on with `next`.
const BUDGET: u64 = 64 * 1024 * 1024;
/// The most bytes of one line that are searched.
const LINE_LIMIT: usize = 1024 * 1024;

/// The lines from `from` (from 1) on that contain `query`, at most `limit`. Letter case counts only when the query
/// has an upper-case letter. Colours and other control sequences within a line are passed over.
///
/// # Errors
/// When the database cannot be read.
pub async fn search(
    db: &mut SqliteConnection,
    step: StepId,
    attempt: u32,
    query: &str,
    from: u64,
    limit: usize,
) -> Result<LogMatches, StoreError> {
    let mut matches = LogMatches { lines: Vec::new(), next: None };
    let Some(pattern) = pattern(query) else { return Ok(matches) };
    let Some((log, _)) = find(db, step, attempt).await? else { return Ok(matches) };
    let first = from.max(1) - 1;
    let start: Option<i64> = sqlx::query_scalar(
        "SELECT byte_offset FROM chunks WHERE log_id = ? AND newlines_before < MAX(?, 1)
         ORDER BY newlines_before DESC, byte_offset DESC LIMIT 1",
    )
    .bind(log)
    .bind(super::signed(first))
    .fetch_optional(&mut *db)
    .await?;
    let mut offset = if first == 0 { -1 } else { start.unwrap_or(0) - 1 };
    let mut line: Option<u64> = None;
    let mut held: Vec<u8> = Vec::new();
    let mut looked_at = 0;
    while let Some(chunk) = next_chunk(db, log, offset).await? {
        offset = chunk.offset;
        let line = line.get_or_insert(chunk.newlines_before);
        looked_at += chunk.data.len() as u64;
        let mut rest: &[u8] = &chunk.data;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            hold(&mut held, &rest[..end]);
            if *line >= first && pattern.is_match(&plain(&held)) {
                matches.lines.push(*line + 1);
            }
            held.clear();
            rest = &rest[end + 1..];
            *line += 1;
            if matches.lines.len() >= limit {
                matches.next = Some(*line + 1);
                return Ok(matches);
            }
        }
        hold(&mut held, rest);
        if looked_at >= BUDGET {
            // The open line is searched again by the next call; a line longer than the budget is passed over.
            matches.next = Some(if *line > first { *line + 1 } else { *line + 2 });
            return Ok(matches);
        }
    }
    if let Some(line) = line.filter(|_| !held.is_empty())
        && line >= first
        && pattern.is_match(&plain(&held))
    {
        matches.lines.push(line + 1);
    }
    Ok(matches)
}

/// What matches `query`; none for an empty one.
fn pattern(query: &str) -> Option<Regex> {
    if query.is_empty() {
        return None;
    }
    RegexBuilder::new(&regex::escape(query))
        .case_insensitive(!query.chars().any(char::is_uppercase))
        .size_limit(16 * 1024 * 1024)
        .build()
        .ok()
}

fn hold(held: &mut Vec<u8>, part: &[u8]) {
    let room = LINE_LIMIT.saturating_sub(held.len());
    held.extend_from_slice(&part[..part.len().min(room)]);
}

/// The line without escape sequences (ECMA-48: `ESC [ … final byte`, `ESC ] … BEL`, `ESC x`).
fn plain(line: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if memchr::memchr(0x1b, line).is_none() {
        return line.into();
    }
    let mut text = Vec::with_capacity(line.len());
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != 0x1b {
            text.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'[') => {
                bytes.by_ref().find(|byte| (0x40..=0x7e).contains(byte));
            }
            Some(b']') => {
                bytes.by_ref().find(|byte| *byte == 0x07);
            }
            _ => {}
        }
    }
    text.into()
}
