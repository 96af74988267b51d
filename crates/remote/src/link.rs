//! What joins this machine and a host: an SSH connection, or nothing for `local`; and the lanes over it.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::host::{Shared, Tunnel};
use crate::lane::Lane;
use crate::pipe::Pipe;
use crate::shell::COUNTED;
use crate::ssh::Connection;
use crate::{HostKind, HostSpec, RemoteError};

/// Lanes that are kept for stops, questions and the like while all others run steps.
const CONTROL_LANES: usize = 2;
/// Uploads and downloads at a time. With the lanes they make the 10 sessions that servers allow by default.
const TRANSFERS: usize = 1;
/// Between two tries to open a channel, while the server refuses more of them than it has.
const CHANNEL_RETRY: Duration = Duration::from_millis(300);
/// So often a refused channel is tried again when none of ours is open.
const CHANNEL_TRIES: usize = 5;

/// What a lane is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Step,
    Control,
}

enum Way {
    Local { home: Option<std::path::PathBuf> },
    Ssh(Connection),
}

/// A host that can be worked on.
pub(crate) struct Link {
    name: String,
    way: Way,
    wait: Duration,
    idle: Arc<Mutex<Vec<Lane>>>,
    returned: Arc<Notify>,
    steps: Arc<Semaphore>,
    control: Arc<Semaphore>,
    transfers: Arc<Semaphore>,
    permits: usize,
}

/// A lane that is in use. Dropping it closes it; [`LaneInUse::put_back`] keeps it for the next.
pub(crate) struct LaneInUse {
    lane: Option<Lane>,
    idle: Arc<Mutex<Vec<Lane>>>,
    returned: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

impl Link {
    /// Reaches the host.
    pub(crate) async fn make(spec: &HostSpec, shared: &Shared) -> Result<Self, RemoteError> {
        let (name, way) = match &spec.kind {
            HostKind::Local => ("local".to_owned(), Way::Local { home: shared.config.local_home.clone() }),
            HostKind::Ssh(ssh) => {
                let connection = Connection::make(ssh, shared).await?;
                (connection.name().to_owned(), Way::Ssh(connection))
            }
        };
        let steps = shared.config.steps_per_host.max(1);
        Ok(Self {
            name,
            way,
            wait: shared.config.connect_timeout,
            idle: Arc::default(),
            returned: Arc::default(),
            steps: Arc::new(Semaphore::new(steps)),
            control: Arc::new(Semaphore::new(CONTROL_LANES)),
            transfers: Arc::new(Semaphore::new(TRANSFERS)),
            permits: steps + CONTROL_LANES,
        })
    }

    /// `host:port`, or `local`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Why the connection is lost, if it is.
    pub(crate) fn lost(&self) -> Option<RemoteError> {
        match &self.way {
            Way::Local { .. } => None,
            Way::Ssh(connection) => connection.lost(),
        }
    }

    /// The same, for somebody whose channel has just ended: the reason may be a moment behind.
    pub(crate) async fn settle_lost(&self) -> Option<RemoteError> {
        match &self.way {
            Way::Local { .. } => None,
            Way::Ssh(connection) => connection.settle_lost().await,
        }
    }

    /// A lane: an idle one, or a new one.
    pub(crate) async fn lane(&self, wanted: Use) -> Result<LaneInUse, RemoteError> {
        let from = if wanted == Use::Step { &self.steps } else { &self.control };
        let permit = Arc::clone(from).acquire_owned().await.map_err(|_| self.closed())?;
        let mut tries = 0;
        loop {
            if let Some(lane) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
                return Ok(self.in_use(lane, permit));
            }
            match self.new_lane().await {
                Ok(lane) => return Ok(self.in_use(lane, permit)),
                Err(error) => {
                    if let Some(lost) = self.settle_lost().await {
                        return Err(lost);
                    }
                    // The server allows fewer sessions than usual: then wait for one of ours.
                    if !matches!(error, RemoteError::Channel { .. }) {
                        return Err(error);
                    }
                    let free = self.steps.available_permits() + self.control.available_permits();
                    if free + 1 >= self.permits {
                        tries += 1;
                    }
                    if tries > CHANNEL_TRIES {
                        return Err(error);
                    }
                    let _ = tokio::time::timeout(CHANNEL_RETRY, self.returned.notified()).await;
                }
            }
        }
    }

    fn in_use(&self, lane: Lane, permit: OwnedSemaphorePermit) -> LaneInUse {
        LaneInUse {
            lane: Some(lane),
            idle: Arc::clone(&self.idle),
            returned: Arc::clone(&self.returned),
            _permit: permit,
        }
    }

    fn closed(&self) -> RemoteError {
        RemoteError::ConnectionLost { host: self.name.clone(), detail: "it was closed here".into() }
    }

    async fn new_lane(&self) -> Result<Lane, RemoteError> {
        let pipe = self.start("exec /bin/sh", &[], "a shell").await?;
        Lane::open(pipe, &self.name, self.wait).await
    }

    /// Starts a shell for an upload or a download.
    pub(crate) async fn transfer_shell(&self) -> Result<(Pipe, OwnedSemaphorePermit), RemoteError> {
        let permit = Arc::clone(&self.transfers).acquire_owned().await.map_err(|_| self.closed())?;
        let mut tries = 0;
        loop {
            match self
                .start(&format!("exec /bin/sh -c '{COUNTED}'"), &["-c", COUNTED], "a transfer of files")
                .await
            {
                Err(RemoteError::Channel { .. }) if tries < 20 => {
                    tries += 1;
                    let _ = tokio::time::timeout(CHANNEL_RETRY, self.returned.notified()).await;
                }
                other => return Ok((other?, permit)),
            }
        }
    }

    async fn start(&self, command: &str, args: &[&str], purpose: &str) -> Result<Pipe, RemoteError> {
        match &self.way {
            Way::Local { home } => {
                Pipe::spawn("/bin/sh", args, home.as_deref()).map_err(|e| RemoteError::NoShell {
                    host: self.name.clone(),
                    detail: format!("/bin/sh cannot be started: {e}"),
                })
            }
            Way::Ssh(connection) => connection.start(command, purpose).await,
        }
    }

    /// A TCP connection from the host.
    pub(crate) async fn open_tcp(&self, address: &str, port: u16) -> Result<Tunnel, RemoteError> {
        match &self.way {
            Way::Local { .. } => {
                let stream = TcpStream::connect((address, port)).await.map_err(|e| RemoteError::Channel {
                    host: self.name.clone(),
                    purpose: format!("a connection to {address}:{port}"),
                    detail: e.to_string(),
                })?;
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            Way::Ssh(connection) => {
                // The first forwarding on a connection is slow until a session was opened on it.
                if !connection.has_had_session() {
                    self.lane(Use::Control).await?.put_back();
                }
                connection.open_tcp(address, port).await
            }
        }
    }

    /// Ends the connection.
    pub(crate) async fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if let Way::Ssh(connection) = &self.way {
            connection.close().await;
        }
    }
}

impl LaneInUse {
    /// Keeps the lane for the next who needs one.
    pub(crate) fn put_back(mut self) {
        if let Some(mut lane) = self.lane.take()
            && lane.quiet()
        {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(lane);
        }
    }
}

impl Drop for LaneInUse {
    fn drop(&mut self) {
        self.lane = None;
        self.returned.notify_one();
    }
}

impl Deref for LaneInUse {
    type Target = Lane;

    #[expect(clippy::expect_used, reason = "only put_back takes the lane, and it takes self")]
    fn deref(&self) -> &Lane {
        self.lane.as_ref().expect("a lane in use")
    }
}

impl DerefMut for LaneInUse {
    #[expect(clippy::expect_used, reason = "only put_back takes the lane, and it takes self")]
    fn deref_mut(&mut self) -> &mut Lane {
        self.lane.as_mut().expect("a lane in use")
    }
}
