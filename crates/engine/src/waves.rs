//! What comes between two waves of a task: a pause, or a person's decision.

use steadyhand_domain::{Desired, RunEvent, RunState};
use steadyhand_store::{progress::Write, records::Hindrance};
use tokio::time::sleep;

use crate::{
    EngineError,
    execute::{Execution, Status, lock},
    schedule::Between,
};

impl Execution<'_> {
    /// Commits `writes`, and in the same transaction that a person is to decide and the run is to pause for that; nothing
    /// is decided in a run that is to stop.
    pub(crate) async fn hold(
        &self,
        status: &mut Status,
        writes: &[Write<'_>],
        between: &Between,
    ) -> Result<(), EngineError> {
        let Between { name, done, of, .. } = between.clone();
        let mut hindrances = status.hindrances.clone();
        hindrances.insert(format!("task {name}"), Hindrance::Held { task: name, done, of });
        let listed: Vec<Hindrance> = hindrances.values().cloned().collect();
        let writes = [writes, &[Write::Hindrances(&listed)]].concat();
        // Where a pause was asked for already, the decision is made with that.
        if self.commit_and(&writes, &[Write::Hold { by: "the plan" }]).await? {
            self.shared.control.tell(self.id, Desired::Paused);
        }
        status.hindrances = hindrances;
        Ok(())
    }

    /// The run goes on: a person has decided what there was to decide.
    pub(crate) async fn resumed(&self, status: &mut Status) -> Result<(), EngineError> {
        let mut writes = Vec::new();
        let mut state = status.state;
        if state == RunState::Paused {
            state = state.next(RunEvent::Resumed)?;
            writes.push(Write::Run { event: RunEvent::Resumed, state });
        }
        let mut hindrances = status.hindrances.clone();
        hindrances.retain(|_, hindrance| !matches!(hindrance, Hindrance::Held { .. }));
        let listed: Vec<Hindrance> = hindrances.values().cloned().collect();
        if listed.len() < status.hindrances.len() {
            writes.push(Write::Hindrances(&listed));
        }
        if !writes.is_empty() {
            self.commit(&writes).await?;
        }
        (status.state, status.hindrances) = (state, hindrances);
        Ok(())
    }

    /// Waits between two waves, unless the run is to end.
    pub(crate) async fn rest(&self, between: Between) -> Result<(), EngineError> {
        let Between { task, name, done, of, pause, .. } = between;
        let key = format!("rest {name}");
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
