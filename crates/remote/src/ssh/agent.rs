//! The SSH agent.

use std::path::Path;
use std::time::Duration;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::{AgentClient, AgentStream};
use russh::keys::{HashAlg, PublicKey};
use tokio::time::timeout;

use crate::ssh::connect::Client;

/// An agent lists its keys at once.
const LIST: Duration = Duration::from_secs(5);

/// An agent that answers.
pub(crate) struct Agent {
    client: AgentClient<Box<dyn AgentStream + Send + Unpin>>,
    keys: Vec<(PublicKey, String)>,
}

impl Agent {
    /// Connects, and asks which keys it holds.
    pub(crate) async fn connect(path: &Path) -> Result<Self, String> {
        let asking = async {
            #[cfg(unix)]
            let client = AgentClient::connect_uds(path).await.map_err(|e| e.to_string())?;
            #[cfg(windows)]
            let client = AgentClient::connect_named_pipe(path).await.map_err(|e| e.to_string())?;
            let mut client = client.dynamic();
            let held = client.request_identities().await.map_err(|e| e.to_string())?;
            let keys = held.into_iter().filter_map(|identity| match identity {
                AgentIdentity::PublicKey { key, comment } => Some((key, comment)),
                // The certificate's key is listed too.
                AgentIdentity::Certificate { .. } => None,
            });
            Ok(Self { client, keys: keys.collect() })
        };
        timeout(LIST, asking).await.unwrap_or_else(|_| Err("it does not answer".into()))
    }

    pub(crate) fn keys(&self) -> Vec<(PublicKey, String)> {
        self.keys.clone()
    }

    /// Logs in with a key that the agent holds.
    pub(crate) async fn authenticate(
        &mut self,
        handle: &mut Handle<Client>,
        user: &str,
        key: PublicKey,
        hash: Option<HashAlg>,
    ) -> Result<AuthResult, String> {
        handle
            .authenticate_publickey_with(user, key, hash, &mut self.client)
            .await
            .map_err(|error| format!("the agent does not sign with it: {error}"))
    }
}

/// Signs nothing: to see whether a server would take a key.
pub(crate) struct Refuse;

/// That the server asked for a signature.
#[derive(Debug)]
pub(crate) struct Wanted;

impl From<russh::SendError> for Wanted {
    fn from(_: russh::SendError) -> Self {
        Self
    }
}

impl russh::Signer for Refuse {
    type Error = Wanted;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        _: Option<HashAlg>,
        _: Vec<u8>,
    ) -> Result<Vec<u8>, Self::Error> {
        Err(Wanted)
    }
}
