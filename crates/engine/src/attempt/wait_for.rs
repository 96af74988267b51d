//! `wait_for`: until something answers.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use steadyhand_domain::Reason;
use steadyhand_plan::Probe;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Attempt, AttemptEnd, reach::Reached, refused, text::reveal};
use crate::{
    EngineError,
    execute::Execution,
    log::LogWriter,
    wait::{Question, Wait},
};

impl Execution<'_> {
    pub(super) async fn wait_for(
        &self,
        attempt: &Attempt,
        probe: &Probe,
        timeout: Duration,
        interval: Duration,
    ) -> Result<AttemptEnd, EngineError> {
        let question = match Question::reveal(probe, |text| reveal(text, &attempt.secrets)) {
            Ok(question) => question,
            Err(reason) => return Ok(AttemptEnd::failed(reason)),
        };
        let wait = Arc::new(Wait { probe: question, timeout, interval });
        let log =
            LogWriter::open(self.shared, self.masker.clone(), self.id, attempt.id, attempt.number).await?;
        let lines = log.input.clone();
        let begun = Instant::now();
        let (host, for_log) = (attempt.host.clone(), lines.clone());
        let operation = move |cancel: CancellationToken| {
            let (host, wait, lines) = (host.clone(), wait.clone(), for_log.clone());
            Box::pin(async move { wait.until_answered(&host, begun, &lines, &cancel).await })
                as BoxFuture<'_, _>
        };
        let end = match self.reach(&attempt.step.host, Box::new(operation)).await? {
            Reached::Done(Some(Ok(()))) => AttemptEnd::Succeeded { outcome: None, changed: false },
            Reached::Done(Some(Err(message))) => AttemptEnd::failed(Reason::Error { message }),
            Reached::Done(None) | Reached::Unreachable(_) | Reached::NotBegun => AttemptEnd::Stopped(None),
            Reached::Failed(error) => refused(&error),
        };
        drop(lines);
        log.close(true).await?;
        Ok(end)
    }
}
