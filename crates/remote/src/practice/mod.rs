//! The practice server: an SSH server inside the app, for a machine that has nothing to deploy to.
//!
//! It listens on a loopback address, accepts one key, and runs commands as the current user in a folder of its own.
//! To everything else it is an ordinary server: nothing in Steadyhand asks whether a host is this one.
//!
//! ```text
//! <folder>/host_key     the server's key: made once, so that the known hosts of its clients stay valid
//! <folder>/client_key   the one key that it accepts
//! <folder>/port         the port: chosen once, kept while it is free, so that plans stay valid
//! <folder>/lock         held by the process that serves
//! <folder>/server/      the home folder of every command
//! ```
//!
//! **Two processes on one folder.** The one that holds the lock serves. Any other finds it answering, uses it, and
//! waits for the lock; the operating system hands the lock on the moment the first one ends, however it ends, and the
//! waiting one then listens on the same port. A client that connects in the few milliseconds between is refused and has to
//! try again, as with a server that restarts.
//!
//! **What outlives what.** As with `sshd`, a command whose channel or connection is closed loses its pipes. It is
//! also sent `SIGHUP`, with everything in its process group. What left that group (`setsid`) or ignores the signal
//! (`nohup`) goes on, after the end of the app too; so does what a finished command left in the background.
//!
//! What is deliberately absent: pseudo-terminals, passwords, agent, X11 and remote forwarding, and any address but
//! loopback. On Windows there is no practice server, since commands need a POSIX shell.

#[cfg(unix)]
mod command;
#[cfg(unix)]
mod connection;
#[cfg(unix)]
mod folder;
#[cfg(unix)]
mod forward;
#[cfg(unix)]
mod input;
#[cfg(unix)]
mod output;
#[cfg(unix)]
mod server;
#[cfg(not(unix))]
mod unsupported;

use std::path::PathBuf;

#[cfg(unix)]
pub use server::PracticeServer;
#[cfg(not(unix))]
pub use unsupported::PracticeServer;

/// Why the practice server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum PracticeError {
    /// This system has no POSIX shell.
    #[error(
        "the practice server needs a POSIX shell to run commands, and this system has none; deploy to a server, or use the Windows Subsystem for Linux"
    )]
    NoPosixShell,
    /// A file of the practice server can't be read or written.
    #[error("the practice server can't use {path}: {source}; check that the data folder may be written")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A key file does not hold what was written to it.
    #[error(
        "{path} is not an ed25519 private key in the format of OpenSSH: {reason}; remove the file, and a new key is made"
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No port on the loopback address can be listened on.
    #[error("the practice server can't listen on 127.0.0.1: {0}")]
    Listen(std::io::Error),
    /// Another process holds the lock and does not answer.
    #[error(
        "another Steadyhand holds {lock}, but its practice server doesn't answer; close the other Steadyhand and start this one again"
    )]
    NotAnswering {
        /// The lock.
        lock: PathBuf,
    },
}
