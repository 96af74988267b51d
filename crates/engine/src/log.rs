//! From the bytes of a running step to its log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

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

use crate::{engine::Shared, mask::Masker};

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
    /// Whether what went in is all there is.
    ended: Arc<AtomicBool>,
    /// The offset at which the log goes on.
    pub(crate) offset: u64,
}

impl LogWriter {
    /// Secrets that `masker` knows are replaced before anything is stored.
    pub(crate) async fn open(
        shared: &Arc<Shared>,
        masker: Option<Arc<Masker>>,
        run_id: RunId,
        step_id: StepId,
        attempt: u32,
    ) -> Result<Self, StoreError> {
        Self::opened(shared, masker, (run_id, step_id, attempt), true).await
    }

    /// The same for what is said here of a command that the host has not been told of: it is no proof that the command was started, and
    /// the log of the host goes on behind it.
    pub(crate) async fn open_before(
        shared: &Arc<Shared>,
        masker: Option<Arc<Masker>>,
        run_id: RunId,
        step_id: StepId,
        attempt: u32,
    ) -> Result<Self, StoreError> {
        Self::opened(shared, masker, (run_id, step_id, attempt), false).await
    }

    async fn opened(
        shared: &Arc<Shared>,
        masker: Option<Arc<Masker>>,
        (run_id, step_id, attempt): (RunId, StepId, u32),
        is_of_host: bool,
    ) -> Result<Self, StoreError> {
        let mut patience = shared.patience();
        let mut appender = loop {
            if let Some(result) = patience.settle(open(&shared.store, run_id, step_id, attempt).await).await {
                break result?;
            }
        };
        let offset = appender.received();
        let (input, mut output) = mpsc::channel::<Bytes>(QUEUE);
        let ended = Arc::new(AtomicBool::new(false));
        let whole = ended.clone();
        let shared = shared.clone();
        let tasks = shared.tasks.clone();
        let task = tasks.spawn(async move {
            let mut mask = masker.as_deref().map(Masker::stream);
            let mut batch: Vec<u8> = Vec::new();
            let mut next_write = Instant::now();
            let mut open = true;
            while open {
                match output.recv().await {
                    Some(bytes) => batch.extend_from_slice(&bytes),
                    None => open = false,
                }
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
                let mut received = batch.len();
                if let Some(mask) = &mut mask {
                    received += mask.held();
                    batch = mask.push(&batch);
                    // What is held of a stream that was cut off comes again, together with what goes on behind it.
                    if !open && whole.load(Ordering::Acquire) {
                        batch.extend(mask.end());
                    }
                    received -= mask.held();
                }
                if received == 0 {
                    continue;
                }
                let received = if is_of_host { received as u64 } else { 0 };
                next_write = Instant::now() + PACE;
                let mut patience = shared.patience();
                appender = loop {
                    if let Some(result) =
                        patience.settle(append(&shared.store, &appender, &batch, received).await).await
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
        Ok(Self { input, task, ended, offset })
    }

    /// Waits until every byte that went in is stored. `ended` says that no more will come; otherwise bytes with which a
    /// secret may have begun are left to whoever goes on.
    pub(crate) async fn close(self, ended: bool) -> Result<(), StoreError> {
        self.ended.store(ended, Ordering::Release);
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
async fn append(
    store: &Store,
    appender: &Appender,
    data: &[u8],
    received: u64,
) -> Result<Appender, StoreError> {
    let mut appender = appender.clone();
    let mut db = store.write_logs().await?;
    appender.append(&mut db, data, received, crate::now()).await?;
    db.commit().await?;
    Ok(appender)
}
