//! SSH.
use crate::host::{Shared, Tunnel};
use crate::pipe::Pipe;
use crate::{RemoteError, SshSpec};
pub(crate) struct Connection;
impl Connection {
    pub(crate) async fn make(spec: &SshSpec, shared: &Shared) -> Result<Self, RemoteError> {
        let _ = &shared.ask;
        Err(RemoteError::Config { host: spec.address.clone(), detail: String::new() })
    }
    pub(crate) fn name(&self) -> &str {
        ""
    }
    pub(crate) fn lost(&self) -> Option<RemoteError> {
        None
    }
    pub(crate) async fn settle_lost(&self) -> Option<RemoteError> {
        None
    }
    pub(crate) async fn start(&self, _c: &str, purpose: &str) -> Result<Pipe, RemoteError> {
        Err(RemoteError::Config { host: purpose.into(), detail: String::new() })
    }
    pub(crate) fn has_had_session(&self) -> bool {
        true
    }
    pub(crate) async fn open_tcp(&self, address: &str, _p: u16) -> Result<Tunnel, RemoteError> {
        Err(RemoteError::Config { host: address.into(), detail: String::new() })
    }
    pub(crate) async fn close(&self) {}
}
