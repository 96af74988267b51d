//! Runs and their logs.

use std::{path::PathBuf, time::Duration};

use futures::Stream;
use steadyhand_domain::{ProjectId, RunId, StepId};
use steadyhand_engine::{Again, RunOptions, Turn};
use steadyhand_store::{
    StoreError, logs,
    records::{LogMatches, LogWindow, RunSummary, Step},
    runs, steps,
};

use crate::{
    Api, ApiError, DecideStep, ErrorCode, ListRuns, LogLines, LogSearch, OfLog, OfRun, RetryPart, RetryRun,
    RunDetail, SavedFile, StartRun, folders, projects::words,
};

impl Api {
    /// Takes a place among those who wait until something of a project can be run. Not an operation: it is kept by the process
    /// that waits.
    ///
    /// # Errors
    /// [`ErrorCode::Storage`](crate::ErrorCode::Storage) when the data folder cannot be written.
    pub fn take_turn(&self, project: ProjectId) -> Result<Turn, ApiError> {
        Ok(self.inner.engine.take_turn(project)?)
    }

    /// See the list of operations.
    pub async fn start_run(&self, request: StartRun) -> Result<RunSummary, ApiError> {
        self.project(request.project_id).await?;
        let trigger = self.inner.shell.trigger();
        let (engine, user) = (&self.inner.engine, &self.inner.user);
        let shown = request.rendered_sha256.as_deref();
        Ok(engine.start_current(request.project_id, trigger, user, shown, &RunOptions::default()).await?)
    }

    /// See the list of operations.
    pub async fn retry_run(&self, request: RetryRun) -> Result<RunSummary, ApiError> {
        let again = match request.again.unwrap_or_default() {
            RetryPart::Whole => Again::Whole,
            RetryPart::Rest => Again::Rest,
            RetryPart::RestOfCurrentPlan => Again::RestOfCurrentPlan,
        };
        self.inner.engine.take_over();
        Ok(self.inner.engine.retry(request.run_id, again, &self.inner.user).await?)
    }

    /// See the list of operations.
    pub async fn pause_run(&self, request: OfRun) -> Result<RunSummary, ApiError> {
        self.inner.engine.take_over();
        Ok(self.inner.engine.pause(request.run_id, &self.inner.user).await?)
    }

    /// See the list of operations.
    pub async fn undo_run(&self, request: OfRun) -> Result<RunSummary, ApiError> {
        self.inner.engine.take_over();
        Ok(self.inner.engine.undo(request.run_id, &self.inner.user).await?)
    }

    /// See the list of operations.
    pub async fn decide_step(&self, request: DecideStep) -> Result<RunSummary, ApiError> {
        self.inner.engine.take_over();
        Ok(self.inner.engine.decide(request.step_id, request.choice, &self.inner.user).await?)
    }

    /// See the list of operations.
    pub async fn resume_run(&self, request: OfRun) -> Result<RunSummary, ApiError> {
        self.inner.engine.take_over();
        Ok(self.inner.engine.resume(request.run_id, &self.inner.user).await?)
    }

    /// See the list of operations.
    pub async fn stop_run(&self, request: OfRun) -> Result<RunSummary, ApiError> {
        self.inner.engine.take_over();
        Ok(self.inner.engine.stop(request.run_id, &self.inner.user).await?)
    }

    /// See the list of operations.
    pub async fn runs(&self, request: ListRuns) -> Result<Vec<RunSummary>, ApiError> {
        let mut db = self.read().await?;
        Ok(runs::list(&mut db, request.project_id, request.before, request.limit.min(100)).await?)
    }

    /// See the list of operations.
    pub async fn run(&self, request: OfRun) -> Result<RunDetail, ApiError> {
        let id = request.run_id;
        let sizes = logs::sizes(&mut *self.inner.engine.store().read_logs().await?, id).await?;
        let mut db = self.read().await?;
        let run = runs::get(&mut db, id).await?.ok_or(StoreError::UnknownRun(id))?;
        Ok(RunDetail { run, steps: steps::of_run(&mut db, id, &sizes).await? })
    }

    /// Waits until everybody whom the plan of an ended run names in `notify` was tried to be told once, at most for
    /// `patience`. Who could not be told then is in the run's `untold`, and is tried again.
    ///
    /// # Errors
    /// [`ErrorCode::Storage`] when the database cannot be read.
    pub async fn told(&self, run: RunId, patience: Duration) -> Result<(), ApiError> {
        Ok(self.inner.engine.told(run, patience).await?)
    }

    /// See the list of operations.
    pub async fn log_lines(&self, request: LogLines) -> Result<LogWindow, ApiError> {
        let mut db = self.inner.engine.store().read_logs().await?;
        let count = request.count.min(2000);
        Ok(logs::window(&mut db, request.step_id, request.attempt, request.from, count).await?)
    }

    /// See the list of operations.
    pub async fn log_search(&self, request: LogSearch) -> Result<LogMatches, ApiError> {
        if request.query.len() > 1000 {
            return Err(ApiError::new(
                ErrorCode::Invalid,
                "the text to find has more than 1,000 characters; shorten it",
            ));
        }
        let mut db = self.inner.engine.store().read_logs().await?;
        let limit = request.limit.clamp(1, 10_000) as usize;
        let LogSearch { step_id, attempt, query, from, .. } = request;
        Ok(logs::search(&mut db, step_id, attempt, &query, from, limit).await?)
    }

    /// The bytes of a log from byte `from` (from 0) as far as it goes now, exactly as received.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such step.
    pub async fn log_bytes(
        &self,
        step_id: StepId,
        attempt: u32,
        from: u64,
    ) -> Result<impl Stream<Item = Result<bytes::Bytes, ApiError>> + Send + use<>, ApiError> {
        self.step(step_id).await?;
        let store = self.inner.engine.store().clone();
        Ok(futures::stream::try_unfold(from, move |offset| {
            let store = store.clone();
            async move {
                let mut db = store.read_logs().await?;
                let part = logs::raw(&mut db, step_id, attempt, offset).await?;
                let next = offset + part.len() as u64;
                Ok((!part.is_empty()).then(|| (part.into(), next)))
            }
        }))
    }

    async fn step(&self, id: StepId) -> Result<Step, ApiError> {
        let mut db = self.read().await?;
        Ok(steps::get(&mut db, id, &Default::default()).await?.ok_or(StoreError::UnknownStep(id))?)
    }

    /// The name of a file for a log, without its ending: `shop-run-4-build-image`. An attempt after the first is named too.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such step.
    pub async fn log_name(&self, step_id: StepId, attempt: u32) -> Result<String, ApiError> {
        let step = self.step(step_id).await?;
        let run = {
            let mut db = self.read().await?;
            runs::get(&mut db, step.run_id).await?.ok_or(StoreError::UnknownRun(step.run_id))?
        };
        let project = self.project(run.project_id).await?;
        Ok(log_name(&project.name, run.number, &step.name, step.index, attempt))
    }

    /// See the list of operations.
    pub async fn save_log(&self, request: OfLog) -> Result<SavedFile, ApiError> {
        let base = self.log_name(request.step_id, request.attempt).await?;
        let (path, mut file) = new_file(&base).await?;
        let mut offset = 0;
        loop {
            let part = {
                let mut db = self.inner.engine.store().read_logs().await?;
                logs::raw(&mut db, request.step_id, request.attempt, offset).await?
            };
            if part.is_empty() {
                break;
            }
            offset += part.len() as u64;
            tokio::io::AsyncWriteExt::write_all(&mut file, &part)
                .await
                .map_err(|error| not_written(&path, &error))?;
        }
        tokio::io::AsyncWriteExt::flush(&mut file).await.map_err(|error| not_written(&path, &error))?;
        Ok(SavedFile { path: path.display().to_string() })
    }
}

/// The longest part of a log's file name that comes from a name, in bytes.
const LONGEST_PART: usize = 60;

fn log_name(project: &str, run: u32, step: &str, index: u32, attempt: u32) -> String {
    let part = |name: &str, instead: String| {
        let mut words = words(name);
        words.truncate(LONGEST_PART);
        let words = words.trim_end_matches('-');
        if words.is_empty() { instead } else { words.to_owned() }
    };
    let project = part(project, "project".to_owned());
    let step = part(step, format!("step-{}", index + 1));
    let again = if attempt > 1 { format!("-attempt-{attempt}") } else { String::new() };
    format!("{project}-run-{run}-{step}{again}")
}

/// A new file in the downloads folder; one that is there already is left alone.
async fn new_file(base: &str) -> Result<(PathBuf, tokio::fs::File), ApiError> {
    let folder = folders::downloads();
    let mut number = 1;
    loop {
        let name = if number == 1 { format!("{base}.log") } else { format!("{base} ({number}).log") };
        let path = folder.join(name);
        match tokio::fs::OpenOptions::new().write(true).create_new(true).open(&path).await {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && number < 1000 => number += 1,
            Err(error) => return Err(not_written(&path, &error)),
        }
    }
}

fn not_written(path: &std::path::Path, error: &std::io::Error) -> ApiError {
    ApiError::new(ErrorCode::Storage, format!("{} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::log_name;

    #[test]
    fn a_saved_log_is_named_after_project_run_and_step() {
        let check = |project, step, attempt, expected| {
            assert_eq!(log_name(project, 4, step, 2, attempt), expected);
        };
        check("shop", "many lines", 1, "shop-run-4-many-lines");
        check("shop", "Detect: Node 20, Vite", 3, "shop-run-4-detect-node-20-vite-attempt-3");
        check("../My shop", "rm -rf /\r\n\"x\"", 1, "my-shop-run-4-rm-rf-x");
        check("店", "構築", 1, "project-run-4-step-3");
        let long = "a".repeat(59) + " bcd";
        check("shop", &long, 1, &format!("shop-run-4-{}", "a".repeat(59)));
    }
}
