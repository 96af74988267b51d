//! What comes between two waves of a task: a pause, or a person's decision.

use steadyhand_domain::{Desired, RunEvent};
use steadyhand_store::{progress::Write, records::Hindrance};
use tokio::time::sleep;

use crate::{
    EngineError,
    execute::{Execution, Status, lock},
    schedule::Between,
};

impl Execution<'_> {
    /// Commits `writes`, and in the same transaction that the run is to pause until a person has decided, unless
    /// something else was asked for.
    pub(crate) async fn hold(
        &self,
        status: &mut Status,
        writes: &[Write<'_>],
        between: &Between,
    ) -> Result<(), EngineError> {
        let Between { name, done, of, .. } = between.clone();
        let mut hindrances = status.hindrances.clone();
        hindrances.insert(key(&name), Hindrance::Held { task: name, done, of });
        let listed: Vec<Hindrance> = hindrances.values().cloned().collect();
        let held = [Write::Hold { by: "the plan" }, Write::Hindrances(&listed)];
        if self.commit_and(writes, &held).await? {
            status.hindrances = hindrances;
            self.shared.control.tell(self.id, Desired::Paused);
        }
        Ok(())
    }

    /// A paused run goes on: whatever a person was asked to look at was looked at.
    pub(crate) async fn resumed(&self, status: &mut Status) -> Result<(), EngineError> {
        let mut hindrances = status.hindrances.clone();
        hindrances.retain(|_, hindrance| !matches!(hindrance, Hindrance::Held { .. }));
        let listed: Vec<Hindrance> = hindrances.values().cloned().collect();
        let state = status.state.next(RunEvent::Resumed)?;
        let mut writes = vec![Write::Run { event: RunEvent::Resumed, state }];
        if listed.len() < status.hindrances.len() {
            writes.push(Write::Hindrances(&listed));
        }
        self.commit(&writes).await?;
        (status.state, status.hindrances) = (state, hindrances);
        Ok(())
    }

    /// Waits between two waves, unless the run is to end.
    pub(crate) async fn rest(&self, between: Between) -> Result<(), EngineError> {
        let Between { task, name, done, of, pause, .. } = between;
        let key = key(&name);
        self.set_hindrance(&key, Some(Hindrance::Resting { task: name, done, of })).await?;
        let mut desired = self.desired();
        let stopped = tokio::select! {
            () = sleep(pause) => false,
            () = self.cut.cancelled() => false,
            () = Self::stop_asked(&mut desired) => true,
        };
        self.set_hindrance(&key, None).await?;
        lock(&self.schedule).rested(task, stopped);
        Ok(())
    }
}

/// Where a task stands among what keeps the hosts of a run: no host has such a name.
pub(crate) fn key(task: &str) -> String {
    format!("task {task}")
}
