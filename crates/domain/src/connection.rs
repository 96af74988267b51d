//! What keeps a host from being worked on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kept a host from being reached or worked on, so that it can be explained without reading the message.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionProblem {
    /// None of the others, or recorded before kinds were.
    #[default]
    Other,
    /// Its name does not resolve.
    NoSuchName,
    /// Nothing listens on its SSH port.
    Refused,
    /// It gives no answer.
    TimedOut,
    /// There is no way to it.
    Unreachable,
    /// Something answers that is no SSH server to talk to.
    Handshake,
    /// Its host key is not known and nobody accepted it.
    HostKeyUnknown,
    /// Its host key is not the one that is known.
    HostKeyChanged,
    /// Its host key is marked as revoked.
    HostKeyRevoked,
    /// The file of known host keys cannot be read or written.
    KnownHosts,
    /// It accepts neither the keys nor the password.
    LoginRefused,
    /// The key file that the plan names does not exist.
    KeyMissing,
    /// The key file that the plan names cannot be read.
    KeyUnreadable,
    /// The key is encrypted, and nobody gave the passphrase.
    KeyLocked,
    /// The key is encrypted, and the passphrase was wrong.
    WrongPassphrase,
    /// The key file that the plan names is no private key that can be used.
    KeyUnusable,
    /// The connection broke.
    Lost,
    /// It gives no POSIX shell.
    NoShell,
}
