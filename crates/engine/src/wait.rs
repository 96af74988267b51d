//! `wait_for`: asking again and again until the answer is the wanted one.

use std::time::Duration;

use bytes::Bytes;
use steadyhand_domain::Reason;
use steadyhand_plan::{Probe, Text};
use steadyhand_remote::{Host, RemoteError};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::http;

/// How long one question may take.
const ONE_QUESTION: Duration = Duration::from_secs(10);
/// How often an unchanged answer is written to the log.
const REMIND: Duration = Duration::from_secs(5);

/// What is asked, with secrets in it.
pub(crate) enum Question {
    Http { url: http::Url, status: u16 },
    Tcp { address: String, port: u16 },
    Command { script: String },
}

/// A `wait_for` step.
pub(crate) struct Wait {
    pub(crate) probe: Question,
    pub(crate) timeout: Duration,
    pub(crate) interval: Duration,
}

impl Question {
    pub(crate) fn reveal(
        probe: &Probe,
        reveal: impl Fn(&Text) -> Result<String, Reason>,
    ) -> Result<Self, Reason> {
        Ok(match probe {
            Probe::Http { url, status } => {
                let url = http::Url::parse(&reveal(url)?).map_err(|message| Reason::Error { message })?;
                Self::Http { url, status: *status }
            }
            Probe::Tcp { address, port } => Self::Tcp { address: address.clone(), port: *port },
            Probe::Command { script } => Self::Command { script: reveal(script)? },
        })
    }

    fn goal(&self) -> String {
        match self {
            Self::Http { url, status } => format!("{url} to answer with status {status}"),
            Self::Tcp { address, port } => format!("{address} port {port} to accept a connection"),
            Self::Command { .. } => "the command to succeed".to_owned(),
        }
    }

    /// Asks once: `Ok(Ok)` is the wanted answer, `Ok(Err)` says what came instead.
    async fn ask(
        &self,
        host: &Host,
        patience: Duration,
        cancel: &CancellationToken,
    ) -> Result<Result<String, String>, RemoteError> {
        let asked = async {
            match self {
                Self::Http { url, status } => {
                    let stream = match host.open_tcp(&url.host, url.port).await {
                        Ok(stream) => stream,
                        Err(error) => return not_open(error),
                    };
                    Ok(match http::get(stream, url).await {
                        Ok(found) if found == *status => Ok(format!("status {found}")),
                        Ok(found) => Err(format!("status {found}")),
                        Err(error) => Err(error),
                    })
                }
                Self::Tcp { address, port } => match host.open_tcp(address, *port).await {
                    Ok(_) => Ok(Ok("connection accepted".to_owned())),
                    Err(error) => not_open(error),
                },
                Self::Command { script } => {
                    let probe = host.probe_until(script, patience, cancel).await?;
                    let output = String::from_utf8_lossy(&probe.output);
                    let last = output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
                    let told = if last.is_empty() { String::new() } else { format!(": {last}") };
                    Ok(match probe.status {
                        Some(0) => Ok(format!("status 0{told}")),
                        Some(status) => Err(format!("status {status}{told}")),
                        None => Err(format!("no end within {} s", patience.as_secs_f32())),
                    })
                }
            }
        };
        // A command ends by its own limit or by the stop, and what it started with it: it is waited for.
        if matches!(self, Self::Command { .. }) {
            return asked.await;
        }
        tokio::select! {
            answer = asked => answer,
            () = sleep(patience) => Ok(Err(format!("no answer within {} s", patience.as_secs_f32()))),
            () = cancel.cancelled() => Ok(Err("stopped".to_owned())),
        }
    }
}

/// A port that nobody listens on is an answer; a lost connection to the host is not.
fn not_open(error: RemoteError) -> Result<Result<String, String>, RemoteError> {
    match error {
        RemoteError::Channel { detail, .. } => Ok(Err(format!("no connection ({detail})"))),
        RemoteError::Refused { .. } => Ok(Err("connection refused".to_owned())),
        error => Err(error),
    }
}

impl Wait {
    /// Asks until the answer is the wanted one (`Ok`), the time is over (`Err` with what to tell), or it is cancelled
    /// (none).
    pub(crate) async fn until_answered(
        &self,
        host: &Host,
        begun: Instant,
        lines: &mpsc::Sender<Bytes>,
        cancel: &CancellationToken,
    ) -> Result<Option<Result<(), String>>, RemoteError> {
        let goal = self.probe.goal();
        let say = async |line: String| {
            // The log's writer lives until every sender is dropped.
            let _ = lines.send((line + "\n").into()).await;
        };
        say(format!("Waiting for {goal}, at most {} s", self.timeout.as_secs_f32())).await;
        let mut last: Option<(String, Instant)> = None;
        loop {
            let patience =
                ONE_QUESTION.min(self.timeout.saturating_sub(begun.elapsed()).max(Duration::from_secs(1)));
            let asked = self.probe.ask(host, patience, cancel).await?;
            if cancel.is_cancelled() {
                return Ok(None);
            }
            let answer = match asked {
                Ok(answer) => {
                    say(format!("{:6.1} s  {answer}", begun.elapsed().as_secs_f32())).await;
                    return Ok(Some(Ok(())));
                }
                Err(answer) => answer,
            };
            let told = last.as_ref().is_some_and(|(before, at)| *before == answer && at.elapsed() < REMIND);
            if !told {
                say(format!("{:6.1} s  {answer}", begun.elapsed().as_secs_f32())).await;
                last = Some((answer.clone(), Instant::now()));
            }
            let left = self.timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                let message = format!(
                    "waited {} s for {goal}; the last answer was: {answer}",
                    self.timeout.as_secs_f32()
                );
                say(message.clone()).await;
                return Ok(Some(Err(message)));
            }
            tokio::select! {
                () = sleep(self.interval.min(left)) => {}
                () = cancel.cancelled() => return Ok(None),
            }
        }
    }
}
