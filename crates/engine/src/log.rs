//! From the bytes of a running step to its log.

use std::time::Duration;

use bytes::Bytes;
use steadyhand_domain::{RunId, StepId};
use steadyhand_store::{
    Store, StoreError,
    logs::{Appender, Grown},
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::engine::Shared;

/// The most bytes that are written in one transaction.
const BATCH: usize = 1024 * 1024;
/// Writes are at least this far apart, so that a command that prints a word at a time does not cost a row a word.
const PACE: Duration = Duration::from_millis(10);
/// Messages between the reader and the writer: with 32 KiB each, about 2 MiB, which bounds the memory of a step.
const QUEUE: usize = 64;

/// The writer of one attempt's log.
pub(crate) struct LogWriter {
    /// Where bytes go in; bounded, so that a fast command waits for a slow disk.
    pub(crate) input: mpsc::Sender<Bytes>,
    task: JoinHandle<Result<(), StoreError>>,
    /// The offset at which the log goes on.
    pub(crate) offset: u64,
}

impl LogWriter {
    pub(crate) async fn open(
        shared: &std::sync::Arc<Shared>,
        run_id: RunId,
        step_id: StepId,
        attempt: u32,
    ) -> Result<Self, StoreError> {
        let mut patience = shared.patience();
        let mut appender = loop {
            if let Some(result) = patience.settle(open(&shared.store, run_id, step_id, attempt).await).await {
                break result?;
            }
        };
        let offset = appender.size().bytes;
        let (input, mut output) = mpsc::channel::<Bytes>(QUEUE);
        let shared = shared.clone();
        let tasks = shared.tasks.clone();
        let task = tasks.spawn(async move {
            let mut batch: Vec<u8> = Vec::new();
            let mut next_write = Instant::now();
            while let Some(bytes) = output.recv().await {
                batch.extend_from_slice(&bytes);
                if next_write > Instant::now() {
                    let pause = sleep_until(next_write);
                    tokio::pin!(pause);
                    while batch.len() < BATCH {
                        tokio::select! {
                            () = &mut pause => break,
                            more = output.recv() => match more {
                                Some(more) => batch.extend_from_slice(&more),
                                None => break,
                            },
                        }
                    }
                }
                while batch.len() < BATCH
                    && let Ok(more) = output.try_recv()
                {
                    batch.extend_from_slice(&more);
                }
                next_write = Instant::now() + PACE;
                let mut patience = shared.patience();
                appender = loop {
                    if let Some(result) =
                        patience.settle(append(&shared.store, &appender, &batch).await).await
                    {
                        break result?;
                    }
                };
                shared.feed.log_grew(Grown {
                    run_id,
                    step_id,
                    attempt,
                    size: appender.size(),
                    at: crate::now(),
                });
                batch.clear();
                batch.shrink_to(BATCH);
            }
            Ok(())
        });
        Ok(Self { input, task, offset })
    }

    /// Waits until every byte that went in is stored.
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        drop(self.input);
        match self.task.await {
            Ok(result) => result,
            // The task is never aborted; it can only have panicked.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

async fn open(store: &Store, run: RunId, step: StepId, attempt: u32) -> Result<Appender, StoreError> {
    Appender::open(&mut *store.read_logs().await?, run, step, attempt).await
}

/// Adds `data` to a log; gives its new end. The old one stays good when this fails.
async fn append(store: &Store, appender: &Appender, data: &[u8]) -> Result<Appender, StoreError> {
    let mut appender = appender.clone();
    let mut db = store.write_logs().await?;
    appender.append(&mut db, data, crate::now()).await?;
    db.commit().await?;
    Ok(appender)
}
