//! Shared by the tests: homes, requests, and collecting a log.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use steadyhand_domain::StepOutcome;
use steadyhand_remote::{AskNobody, Config, Ended, Host, HostSpec, Remote, RemoteError, StepRequest};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[cfg(unix)]
pub mod practice;
pub mod sshd;

pub type Outcome = Result<(Ended, Vec<u8>), RemoteError>;

/// A folder that is a user's home.
pub struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.join(name)).unwrap()
    }

    pub fn records(&self) -> PathBuf {
        self.join(".local/state/steadyhand")
    }

    /// Settings that touch nothing outside this home.
    pub fn config(&self) -> Config {
        Config {
            known_hosts_write: self.join("known_hosts"),
            known_hosts_read: Vec::new(),
            ssh_config: None,
            identities: None,
            agent: None,
            local_home: Some(self.path().to_path_buf()),
            ..Config::default()
        }
    }

    pub fn local(&self) -> Host {
        Remote::new(self.config(), Arc::new(AskNobody)).host(&HostSpec::local())
    }
}

pub fn request(attempt: &str, script: &str) -> StepRequest {
    StepRequest { grace: Duration::from_millis(500), ..StepRequest::new(attempt, script) }
}

pub async fn run(host: &Host, attempt: &str, script: &str) -> Outcome {
    execute(host, &request(attempt, script), 0, CancellationToken::new()).await
}

pub async fn execute(host: &Host, request: &StepRequest, from: u64, cancel: CancellationToken) -> Outcome {
    let (output, mut bytes) = mpsc::channel::<Bytes>(8);
    let collect = async {
        let mut log = Vec::new();
        while let Some(more) = bytes.recv().await {
            log.extend_from_slice(&more);
        }
        log
    };
    let (ended, log) = tokio::join!(host.execute(request, from, output, cancel), collect);
    Ok((ended?, log))
}

/// A step on its way, whose log can be waited for.
pub struct Going {
    pub log: mpsc::Receiver<Bytes>,
    pub seen: Vec<u8>,
    pub cancel: CancellationToken,
    pub end: tokio::task::JoinHandle<Result<Ended, RemoteError>>,
}

impl Going {
    pub fn start(host: &Host, request: StepRequest, from: u64) -> Self {
        let (output, log) = mpsc::channel::<Bytes>(1024);
        let cancel = CancellationToken::new();
        let (host, stop) = (host.clone(), cancel.clone());
        let end = tokio::spawn(async move { host.execute(&request, from, output, stop).await });
        Self { log, seen: Vec::new(), cancel, end }
    }

    /// Waits until the log contains `text`.
    pub async fn sees(&mut self, text: &str) {
        let wait = async {
            while !String::from_utf8_lossy(&self.seen).contains(text) {
                match self.log.recv().await {
                    Some(bytes) => self.seen.extend_from_slice(&bytes),
                    None => panic!("{text:?} never came: {:?}", String::from_utf8_lossy(&self.seen)),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the log should say so");
    }

    pub async fn ends(mut self) -> Outcome {
        while let Some(bytes) = self.log.recv().await {
            self.seen.extend_from_slice(&bytes);
        }
        Ok((self.end.await.unwrap()?, self.seen))
    }
}

pub fn exited(status: u8) -> StepOutcome {
    StepOutcome::Exited { status }
}

/// Waits for something outside that gives no event, such as a file that another process writes.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Whether the process is there and no zombie.
pub fn alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
