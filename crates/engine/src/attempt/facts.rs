//! The facts of hosts: each host is asked once a run, when the first step on it needs them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use steadyhand_domain::{Facts, Reason};
use steadyhand_plan::CompiledStep;
use tokio_util::sync::CancellationToken;

use super::reach::Reached;
use crate::{
    EngineError,
    execute::{Execution, lock},
};

/// What is known of the hosts of a run.
#[derive(Default)]
pub(crate) struct KnownFacts(Mutex<BTreeMap<String, Arc<OfHost>>>);

/// The facts of a host, once it has told them. Who waits for the lock waits for the answer to another's question.
type OfHost = tokio::sync::Mutex<Option<Arc<Facts>>>;

/// The facts that a step is to be carried out with.
pub(super) enum Asked {
    Known(Arc<Facts>),
    /// The run is to be stopped.
    Stopped,
    Failed(Reason),
}

impl Execution<'_> {
    /// The facts of the host of a step, if anything of it depends on them.
    pub(super) async fn facts_for(&self, step: &CompiledStep) -> Result<Asked, EngineError> {
        if !step.needs_facts() {
            return Ok(Asked::Known(Arc::default()));
        }
        let of_host = lock(&self.facts.0).entry(step.host.clone()).or_default().clone();
        let mut known = of_host.lock().await;
        if let Some(facts) = &*known {
            return Ok(Asked::Known(facts.clone()));
        }
        if self.is_stopping() {
            return Ok(Asked::Stopped);
        }
        let host = self.host(&step.host)?;
        let operation = move |cancel: CancellationToken| {
            let host = host.clone();
            Box::pin(async move {
                let facts = host.facts_until(crate::now, &cancel).await;
                // What is given up has no answer that makes sense.
                if cancel.is_cancelled() { Ok(None) } else { facts.map(Some) }
            }) as BoxFuture<'_, _>
        };
        Ok(match self.reach::<Option<Facts>>(&step.host, Box::new(operation)).await? {
            Reached::Done(Some(facts)) => Asked::Known(known.insert(Arc::new(facts)).clone()),
            Reached::Done(None) | Reached::Unreachable(_) | Reached::NotBegun => Asked::Stopped,
            Reached::Failed(error) => {
                Asked::Failed(Reason::Connection { message: error.to_string(), problem: error.problem() })
            }
        })
    }
}
