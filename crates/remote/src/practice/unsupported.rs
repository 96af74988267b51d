//! Systems without a POSIX shell: the practice server can't be started there, and says why.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;

use super::PracticeError;

/// The practice server, which can't exist on this system.
pub struct PracticeServer(Infallible);

impl PracticeServer {
    /// Always fails.
    ///
    /// # Errors
    /// [`PracticeError::NoPosixShell`].
    pub async fn start(_folder: &Path) -> Result<Self, PracticeError> {
        Err(PracticeError::NoPosixShell)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match self.0 {}
    }

    /// The private key that it accepts.
    #[must_use]
    pub fn client_key(&self) -> &Path {
        match self.0 {}
    }

    /// The home folder of every command.
    #[must_use]
    pub fn home(&self) -> &Path {
        match self.0 {}
    }

    /// A line for a known hosts file.
    #[must_use]
    pub fn host_key_line(&self) -> String {
        match self.0 {}
    }

    /// Ends it.
    pub async fn stop(self) {
        match self.0 {}
    }
}
