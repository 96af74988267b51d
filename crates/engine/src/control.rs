//! What has been asked of the runs that this process executes.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use steadyhand_domain::{Desired, RunId};
use tokio::sync::watch;

/// The runs that this process executes, and what has been asked of each.
#[derive(Default)]
pub(crate) struct Control {
    runs: Mutex<HashMap<RunId, watch::Sender<Desired>>>,
}

impl Control {
    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, watch::Sender<Desired>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a run; `None` when it is executed by this process already.
    pub(crate) fn begin(&self, run: RunId, desired: Desired) -> Option<watch::Receiver<Desired>> {
        let mut runs = self.lock();
        if runs.contains_key(&run) {
            return None;
        }
        let (sender, receiver) = watch::channel(desired);
        runs.insert(run, sender);
        Some(receiver)
    }

    pub(crate) fn end(&self, run: RunId) {
        self.lock().remove(&run);
    }

    /// Tells what is asked of a run. A stop is never taken back, so it counts whatever comes after it.
    pub(crate) fn tell(&self, run: RunId, desired: Desired) {
        if let Some(sender) = self.lock().get(&run) {
            sender.send_if_modified(|known| {
                let changes = *known != Desired::Stopped && *known != desired;
                if changes {
                    *known = desired;
                }
                changes
            });
        }
    }

    pub(crate) fn executes(&self, run: RunId) -> bool {
        self.lock().contains_key(&run)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}
