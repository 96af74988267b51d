//! What names a host.

use serde::{Deserialize, Serialize};

/// A host as a plan names it. Two equal specs share one connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HostSpec {
    /// The name that people read, such as `web1`.
    pub name: String,
    /// How the host is reached.
    pub kind: HostKind,
}

/// How a host is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HostKind {
    /// This machine, without SSH.
    Local,
    /// A server reached by SSH.
    Ssh(SshSpec),
}

/// How a server is reached by SSH. What is `None` comes from the user's SSH configuration, and then from SSH's defaults.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SshSpec {
    /// A name, an address, or an alias in the SSH configuration.
    pub address: String,
    /// The user to log in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The TCP port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The path of a private key file; `~/` is the user's home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The host to go through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<Box<SshSpec>>,
}

impl HostSpec {
    /// This machine.
    #[must_use]
    pub fn local() -> Self {
        Self { name: "local".into(), kind: HostKind::Local }
    }

    /// A server with this name, reached at this address with what the SSH configuration says.
    #[must_use]
    pub fn ssh(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self { name: name.into(), kind: HostKind::Ssh(SshSpec::new(address)) }
    }
}

impl SshSpec {
    /// A server at this address, with all else from the SSH configuration.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), user: None, port: None, identity: None, jump: None }
    }
}
