//! What has changed, read from the store: own changes at once, those of other processes within a tenth of a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use steadyhand_domain::{Desired, RunId, StepId, Timestamp};
use steadyhand_store::{
    Reader, Store, StoreError, data_version,
    events::{self, Event, Recorded},
    logs::{self, Grown, LogSize},
};
use tokio::{
    sync::{Notify, broadcast},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

/// How often changes of other processes are looked for.
const LOOK: Duration = Duration::from_millis(100);
/// Changes that are read at once.
const AT_ONCE: u32 = 500;
/// Changes that a slow listener may be behind.
const CAPACITY: usize = 4096;

/// Something that changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// A change of the state.
    Event(Box<Recorded>),
    /// A log grew.
    Log(Grown),
    /// The list of pending questions changed.
    Questions,
    /// The database cannot be written at the moment, or can be again.
    Trouble(Option<String>),
}

/// Tells listeners of changes.
pub(crate) struct Feed {
    changes: broadcast::Sender<Change>,
    committed: Notify,
    grown: Mutex<HashMap<(StepId, u32), Grown>>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self { changes: broadcast::channel(CAPACITY).0, committed: Notify::new(), grown: Mutex::default() }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// To be called after each commit of this process.
    pub(crate) fn committed(&self) {
        self.committed.notify_one();
    }

    pub(crate) fn log_grew(&self, grown: Grown) {
        self.grown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((grown.step_id, grown.attempt), grown);
        self.committed.notify_one();
    }

    /// A change that is not stored because it is about this process alone.
    pub(crate) fn tell(&self, change: Change) {
        // No listener is fine.
        let _ = self.changes.send(change);
    }

    fn take_grown(&self) -> Vec<Grown> {
        self.grown.lock().unwrap_or_else(PoisonError::into_inner).drain().map(|(_, grown)| grown).collect()
    }
}

/// Reads and tells changes until cancelled. `asked` hears what is asked of any run.
pub(crate) async fn follow(
    mut follower: Follower,
    feed: Arc<Feed>,
    cancel: CancellationToken,
    asked: impl Fn(RunId, Desired) + Send + 'static,
) {
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let own = tokio::select! {
            () = cancel.cancelled() => return,
            () = feed.committed.notified() => true,
            _ = tick.tick() => false,
        };
        if let Err(error) = follower.read(&feed, own, &asked).await {
            tracing::warn!(%error, "changes could not be read; trying again");
        }
        for grown in feed.take_grown() {
            follower.sizes.insert((grown.step_id, grown.attempt), grown.size);
            feed.tell(Change::Log(grown));
        }
    }
}

/// How far this process has read.
pub(crate) struct Follower {
    state: Reader,
    logs: Reader,
    position: i64,
    state_version: i64,
    logs_version: i64,
    logs_since: Timestamp,
    sizes: HashMap<(StepId, u32), LogSize>,
}

impl Follower {
    /// Begins with what is stored now.
    pub(crate) async fn open(store: &Store) -> Result<Self, StoreError> {
        let mut state = store.read().await?;
        let mut logs = store.read_logs().await?;
        Ok(Self {
            position: events::last_position(&mut state).await?,
            state_version: data_version(&mut state).await?,
            logs_version: data_version(&mut logs).await?,
            logs_since: crate::now(),
            sizes: HashMap::new(),
            state,
            logs,
        })
    }

    async fn read(
        &mut self,
        feed: &Feed,
        own: bool,
        asked: &impl Fn(RunId, Desired),
    ) -> Result<(), StoreError> {
        // What this process has committed is there for sure; what others have is told from the version.
        let version = if own { self.state_version } else { data_version(&mut self.state).await? };
        if own || version != self.state_version {
            loop {
                let changes = events::after(&mut self.state, self.position, AT_ONCE).await?;
                let more = changes.len() == AT_ONCE as usize;
                for change in changes {
                    self.position = change.position;
                    if let (Some(run), Event::Asked { desired, .. }) = (change.run_id, &change.event) {
                        asked(run, *desired);
                    }
                    feed.tell(Change::Event(Box::new(change)));
                }
                if !more {
                    break;
                }
            }
            self.state_version = version;
        }
        if own {
            return Ok(());
        }
        let version = data_version(&mut self.logs).await?;
        if version != self.logs_version {
            let until = crate::now();
            // Clocks of two processes agree on one machine, and commits are quick; two seconds cover both.
            for grown in logs::grown_since(&mut self.logs, self.logs_since.plus_ms(-2_000)).await? {
                let before = self.sizes.insert((grown.step_id, grown.attempt), grown.size);
                if before.is_none_or(|before| before.bytes < grown.size.bytes) {
                    feed.tell(Change::Log(grown));
                }
            }
            self.logs_since = until;
            self.logs_version = version;
        }
        Ok(())
    }
}
