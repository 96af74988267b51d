//! `steady logs`: logs as they were received, byte for byte.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use steadyhand_api::{Api, ApiError, ErrorCode, OfRun, RunDetail, records::Step};
use steadyhand_domain::StepId;
use tokio::time::timeout;

use crate::{
    documents::{LineEvent, LineKind},
    exit::Exit,
    live::LogCursor,
    output::{Failure, Output},
    terminal_text::{at_its_end, plain},
};

/// A log that another process writes is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A line for a terminal is shown in pieces beyond this many bytes.
const LONGEST_LINE: usize = 64 * 1024;

pub(crate) struct WhichLogs {
    pub(crate) run: String,
    pub(crate) step: Option<String>,
    pub(crate) follow: bool,
    pub(crate) raw: bool,
}

pub(crate) async fn logs(api: &Api, output: &mut Output, which: &WhichLogs) -> Result<Exit, Failure> {
    let mut updates = Box::pin(api.updates());
    let run_id = api.find_run(&which.run).await?.id;
    let mut detail = api.run(OfRun { run_id }).await?;
    let chosen = choose(&detail, which.step.as_deref())?;
    if output.json() {
        return events(api, output, detail, &chosen, which.follow).await;
    }
    let mut sink = Sink::new(output, which.raw);
    let several = chosen.len() > 1;
    for id in chosen {
        let mut attempt = 0;
        let mut written = 0;
        while let Some(step) = detail.steps.iter().find(|step| step.id == id).cloned() {
            // The size belongs to the state: when the state is final, so is the size.
            for known in &step.attempts {
                if known.number < attempt {
                    continue;
                }
                if known.number > attempt {
                    (attempt, written) = (known.number, 0);
                    if several || step.attempts.len() > 1 {
                        sink.heading(&step, attempt);
                    }
                }
                if known.bytes > written {
                    written += sink.copy(api.log_bytes(id, attempt, written).await?).await?;
                }
            }
            sink.flush()?;
            if !which.follow || step.state.is_final() || detail.run.state.is_final() {
                break;
            }
            let _ = timeout(LOOK_AGAIN, updates.next()).await;
            detail = api.run(OfRun { run_id }).await?;
        }
        sink.end_of_log()?;
    }
    Ok(Exit::Done)
}

/// The lines as JSON events. Of a log that still grows, the last line is told when it is finished.
async fn events(
    api: &Api,
    output: &mut Output,
    mut detail: RunDetail,
    chosen: &[StepId],
    follow: bool,
) -> Result<Exit, Failure> {
    let mut updates = Box::pin(api.updates());
    let run_id = detail.run.id;
    for id in chosen {
        let mut cursors: BTreeMap<u32, LogCursor> = BTreeMap::new();
        while let Some(step) = detail.steps.iter().find(|step| step.id == *id).cloned() {
            let ended = step.state.is_final() || detail.run.state.is_final();
            for attempt in &step.attempts {
                let cursor = cursors.entry(attempt.number).or_default();
                let whole = ended || !follow || attempt.ended_at.is_some();
                loop {
                    let window = api.log_lines(cursor.request(*id, attempt.number)).await?;
                    let (lines, more) = cursor.take(window, false, whole);
                    for line in &lines {
                        let (kind, attempt) = (LineKind, attempt.number);
                        output.document(&LineEvent { kind, step_id: *id, attempt, line })?;
                    }
                    if !more {
                        break;
                    }
                }
            }
            if !follow || ended {
                break;
            }
            let _ = timeout(LOOK_AGAIN, updates.next()).await;
            detail = api.run(OfRun { run_id }).await?;
        }
    }
    Ok(Exit::Done)
}

/// The steps whose logs are meant: all, or the one with this number or name.
fn choose(detail: &RunDetail, text: Option<&str>) -> Result<Vec<StepId>, ApiError> {
    let Some(text) = text else { return Ok(detail.steps.iter().map(|step| step.id).collect()) };
    let by_number = text.parse::<u32>().ok().and_then(|number| number.checked_sub(1));
    let found: Vec<StepId> = detail
        .steps
        .iter()
        .filter(|step| Some(step.index) == by_number || step.name == text || step.id.to_string() == text)
        .map(|step| step.id)
        .collect();
    if found.is_empty() {
        let all = detail.steps.iter().map(|step| format!("\n  {}  {}", step.index + 1, plain(&step.name)));
        let message =
            format!("run {} has no step {text}; it has{}", detail.run.number, all.collect::<String>());
        return Err(ApiError { code: ErrorCode::NotFound, message });
    }
    Ok(found)
}

/// Where the bytes go: as they are, or through a filter when a terminal shows them.
struct Sink<'a> {
    output: &'a mut Output,
    filtered: bool,
    line: Vec<u8>,
}

impl<'a> Sink<'a> {
    fn new(output: &'a mut Output, raw: bool) -> Self {
        let filtered = output.terminal() && !raw;
        Self { output, filtered, line: Vec::new() }
    }

    /// On standard error, so that standard output holds the logs alone.
    fn heading(&mut self, step: &Step, attempt: u32) {
        let again = if attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
        let (number, name, host) = (step.index + 1, plain(&step.name), plain(&step.host));
        self.output.note(&format!("==> {number} {name} on {host}{again}"));
    }

    /// Writes all of it; answers how much that was.
    async fn copy(&mut self, bytes: impl Stream<Item = Result<Bytes, ApiError>>) -> Result<u64, Failure> {
        let mut bytes = Box::pin(bytes);
        let mut copied = 0;
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk?;
            copied += chunk.len() as u64;
            self.write(&chunk)?;
        }
        Ok(copied)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if !self.filtered {
            return self.output.bytes(bytes);
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.line.pop();
                self.show_line(b"\n")?;
            } else if self.line.len() >= LONGEST_LINE {
                // What is written over later need not be kept; only text that is not is shown in pieces.
                match self.line.iter().rposition(|byte| *byte == b'\r') {
                    Some(at) if at > 0 => drop(self.line.drain(..at)),
                    _ => self.show_line(b"")?,
                }
            }
        }
        Ok(())
    }

    fn show_line(&mut self, end: &[u8]) -> Result<(), Failure> {
        let shown = self.output.log_text(at_its_end(&String::from_utf8_lossy(&self.line)));
        self.line.clear();
        self.output.bytes(shown.as_bytes())?;
        self.output.bytes(end)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.output.flush()
    }

    fn end_of_log(&mut self) -> Result<(), Failure> {
        if !self.line.is_empty() {
            self.show_line(b"\n")?;
        }
        self.flush()
    }
}
