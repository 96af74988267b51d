//! An open SSH connection, and the channels over it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use russh::Disconnect;
use russh::client::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::RemoteError;
use crate::host::Tunnel;
use crate::pipe::Pipe;
use crate::ssh::connect::Client;

/// How long the reason of a loss may be behind the end of a channel.
const SETTLE: Duration = Duration::from_millis(300);

/// An open connection. Dropping it closes it, and the connections that it goes through.
pub(crate) struct Connection {
    pub(super) name: String,
    pub(super) handle: Handle<Client>,
    /// Why its task has ended. The other half is the task's, and goes with it.
    pub(super) lost: watch::Receiver<Option<String>>,
    /// That it was this process that closed it.
    pub(super) closed_here: AtomicBool,
    pub(super) wait: Duration,
    pub(super) had_session: AtomicBool,
    pub(super) via: Option<Box<Connection>>,
}

impl Connection {
    /// `host:port`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Why it is lost, if it is.
    pub(crate) fn lost(&self) -> Option<RemoteError> {
        let detail = match self.lost.borrow().as_ref() {
            _ if self.closed_here.load(Ordering::Relaxed) => "it was closed here".to_owned(),
            Some(detail) => detail.clone(),
            None if self.handle.is_closed() => "it was closed".to_owned(),
            None => return None,
        };
        Some(RemoteError::ConnectionLost { host: self.name.clone(), detail })
    }

    /// The same, a moment later.
    pub(crate) async fn settle_lost(&self) -> Option<RemoteError> {
        if self.lost().is_none() {
            let _ = timeout(SETTLE, self.lost.clone().wait_for(Option::is_some)).await;
        }
        self.lost()
    }

    /// Whether a session was opened on it before.
    pub(crate) fn has_had_session(&self) -> bool {
        self.had_session.load(Ordering::Relaxed)
    }

    /// Starts a program on the host.
    pub(crate) async fn start(&self, command: &str, purpose: &str) -> Result<Pipe, RemoteError> {
        let channel = match timeout(self.wait, self.handle.channel_open_session()).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => return Err(self.refused(purpose, &error).await),
            Err(_) => return Err(self.silent()),
        };
        self.had_session.store(true, Ordering::Relaxed);
        if let Err(error) = channel.exec(true, command).await {
            let _ = channel.close().await;
            return Err(self.refused(purpose, &error).await);
        }
        Ok(Pipe::over(channel))
    }

    /// A TCP connection from the host.
    pub(crate) async fn open_tcp(&self, address: &str, port: u16) -> Result<Tunnel, RemoteError> {
        let purpose = format!("a connection to {address}:{port}");
        let opening = self.handle.channel_open_direct_tcpip(address, u32::from(port), "127.0.0.1", 0);
        match timeout(self.wait, opening).await {
            Ok(Ok(channel)) => Ok(Box::new(channel.into_stream())),
            Ok(Err(error)) => Err(self.refused(&purpose, &error).await),
            Err(_) => Err(RemoteError::Channel {
                host: self.name.clone(),
                purpose,
                detail: format!("no answer within {} s", self.wait.as_secs_f32()),
            }),
        }
    }

    async fn refused(&self, purpose: &str, error: &russh::Error) -> RemoteError {
        let detail = match error {
            russh::Error::ChannelOpenFailure(reason) => format!("{reason:?}"),
            other => {
                if let Some(lost) = self.settle_lost().await {
                    return lost;
                }
                other.to_string()
            }
        };
        RemoteError::Channel { host: self.name.clone(), purpose: purpose.to_owned(), detail }
    }

    fn silent(&self) -> RemoteError {
        let detail = format!("no answer within {} s", self.wait.as_secs_f32());
        RemoteError::ConnectionLost { host: self.name.clone(), detail }
    }

    /// Says goodbye.
    pub(crate) async fn close(&self) {
        // What was lost before is not closed here.
        let was_open = self.lost.borrow().is_none();
        self.closed_here.fetch_or(was_open, Ordering::Relaxed);
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
        if let Some(via) = &self.via {
            Box::pin(via.close()).await;
        }
    }
}
