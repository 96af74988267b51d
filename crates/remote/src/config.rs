//! Settings of the pool of connections.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the pool of connections. The default is what OpenSSH's client would use for this user.
#[derive(Clone, Debug)]
pub struct Config {
    /// The known-hosts file to which newly trusted keys are appended.
    pub known_hosts_write: PathBuf,
    /// Further known-hosts files that are read. `known_hosts_write` is always read too.
    pub known_hosts_read: Vec<PathBuf>,
    /// Whether keys that are newly trusted are appended at all.
    pub records_host_keys: bool,
    /// The SSH configuration file; `None` reads none.
    pub ssh_config: Option<PathBuf>,
    /// The folder whose `id_*` files are tried when no identity is configured; `None` tries none.
    pub identities: Option<PathBuf>,
    /// The SSH agent's socket; `None` uses no agent.
    pub agent: Option<PathBuf>,
    /// How long name lookup, TCP and SSH handshake may each take; the time that a person thinks is not counted.
    pub connect_timeout: Duration,
    /// A keepalive is sent after this much silence.
    pub keepalive_interval: Duration,
    /// The connection is lost after this many unanswered keepalives.
    pub keepalive_max: usize,
    /// Steps that run at the same time on one host; more wait. Servers allow 10 sessions a connection by default,
    /// and some are kept for stopping steps, uploads and questions.
    pub steps_per_host: usize,
    /// `HOME` of steps on `local`, instead of this process's.
    pub local_home: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        let ssh = std::env::home_dir().unwrap_or_default().join(".ssh");
        Self {
            known_hosts_write: ssh.join("known_hosts"),
            known_hosts_read: vec![ssh.join("known_hosts2"), PathBuf::from("/etc/ssh/ssh_known_hosts")],
            records_host_keys: true,
            ssh_config: Some(ssh.join("config")),
            identities: Some(ssh),
            agent: std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from),
            connect_timeout: Duration::from_secs(8),
            keepalive_interval: Duration::from_secs(3),
            keepalive_max: 2,
            steps_per_host: 7,
            local_home: None,
        }
    }
}
