//! The pool of hosts, and what can be done on each.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{Ask, Config, Ended, HostSpec, Probe, RemoteError, StepRequest, UploadProgress, UploadSummary};

/// A stream in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A TCP connection made by a host.
pub type Tunnel = Box<dyn Duplex>;

/// The pool of connections: at most one a host, shared. Cheap to clone.
#[derive(Clone)]
pub struct Remote {
    shared: Arc<Shared>,
}

struct Shared {
    _config: Config,
    _ask: Arc<dyn Ask>,
}

/// A host of the pool. Cheap to clone; every operation connects when needed.
#[derive(Clone)]
pub struct Host {
    spec: HostSpec,
    _remote: Remote,
}

impl Remote {
    /// A pool without connections.
    #[must_use]
    pub fn new(config: Config, ask: Arc<dyn Ask>) -> Self {
        Self { shared: Arc::new(Shared { _config: config, _ask: ask }) }
    }

    /// The host that `spec` names. Nothing is connected yet.
    #[must_use]
    pub fn host(&self, spec: &HostSpec) -> Host {
        let _ = &self.shared;
        Host { spec: spec.clone(), _remote: self.clone() }
    }
}

impl Host {
    /// What names this host.
    #[must_use]
    pub fn spec(&self) -> &HostSpec {
        &self.spec
    }

    fn not_yet(&self) -> RemoteError {
        RemoteError::Config { host: self.spec.name.clone(), detail: "not built yet".into() }
    }

    /// Connects, if there is no connection. Operations do so themselves; this one says early what is wrong.
    pub async fn connect(&self) -> Result<(), RemoteError> {
        Err(self.not_yet())
    }

    /// Runs an attempt of a step, or attaches to it when it was started before, and sends its log's bytes from
    /// offset `from` on, in order, exactly as written. Returns when the step has ended and all of its log was sent.
    ///
    /// `output` is bounded: a slow receiver slows the log down, not the command. When the receiver is dropped the
    /// step goes on and its log is not read further.
    ///
    /// `cancel` stops the command: TERM, the grace period, KILL, and a look that nothing is left. Cancelled before
    /// the attempt was ever started, it is made sure that it never starts.
    ///
    /// # Errors
    /// [`RemoteError::ConnectionLost`] when the link broke: call again with the offset that you have.
    pub async fn execute(
        &self,
        request: &StepRequest,
        from: u64,
        output: mpsc::Sender<Bytes>,
        cancel: CancellationToken,
    ) -> Result<Ended, RemoteError> {
        let _ = (request, from, output, cancel);
        Err(self.not_yet())
    }

    /// Asks a short read-only question. No record of it is left on the host.
    pub async fn probe(&self, script: &str, timeout: Duration) -> Result<Probe, RemoteError> {
        let _ = (script, timeout);
        Err(self.not_yet())
    }

    /// Uploads a file or a folder. As with rsync, `from/` means the folder's content and `from` the folder itself;
    /// `to/` is a folder to put things in. Modes are kept, missing folders made, every file appears whole or not
    /// at all, and nothing temporary is left.
    pub async fn upload(
        &self,
        from: &Path,
        to: &str,
        progress: &(dyn Fn(UploadProgress) + Send + Sync),
    ) -> Result<UploadSummary, RemoteError> {
        let _ = (from, to, progress);
        Err(self.not_yet())
    }

    /// Opens a TCP connection from the host to `address`, as seen from there.
    pub async fn open_tcp(&self, address: &str, port: u16) -> Result<Tunnel, RemoteError> {
        let _ = (address, port);
        Err(self.not_yet())
    }

    /// Removes the records and logs of attempts. Those that still run are left alone.
    pub async fn forget(&self, attempts: &[String]) -> Result<(), RemoteError> {
        let _ = attempts;
        Err(self.not_yet())
    }

    /// The processes of an attempt that are alive, as `pid command`.
    pub async fn processes(&self, attempt: &str) -> Result<Vec<String>, RemoteError> {
        let _ = attempt;
        Err(self.not_yet())
    }

    /// The time of one round trip through the open shell.
    pub async fn latency(&self) -> Result<Duration, RemoteError> {
        Err(self.not_yet())
    }

    /// Closes the connection. Steps go on; the next operation connects again.
    pub async fn disconnect(&self) {}
}
