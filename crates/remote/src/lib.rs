//! Hosts: servers reached by SSH, and `local`, this machine.
//!
//! A [`Remote`] holds at most one connection a host and shares it. A [`Host`] runs supervised steps, asks short
//! questions, uploads and downloads files, and opens TCP connections through it. Nothing is installed on a host: `/bin/sh` and
//! coreutils or busybox are enough.
//!
//! A host keeps two small files an attempt in `~/.local/state/steadyhand` (mode 0700, outlives a logout) until they are
//! forgotten: the record of what happened, and the log. How they are written is told in `shell/common.sh`.
//!
//! What is deliberately absent: retrying after a lost connection (the caller holds the log's offset and knows
//! whether the run is still wanted), and any record of runs (that is the store's).

mod ask;
mod config;
mod elevate;
mod error;
mod facts;
mod host;
pub mod key_pair;
mod lane;
mod link;
mod message;
mod pipe;
pub mod practice;
mod probe;
mod request;
pub mod resource;
mod shell;
#[cfg(test)]
mod shells;
mod spec;
mod ssh;
mod step;
mod stop;
mod transfer;

pub use ask::{Ask, AskNobody, HostKeyQuestion, PassphraseQuestion, PasswordQuestion};
pub use config::Config;
pub use elevate::{ElevateBy, Elevation};
pub use error::{KeyFileProblem, RefusedMethod, RemoteError};
pub use host::{Duplex, Host, Remote, Tunnel};
pub use request::{
    Difference, Differs, Ended, FileProgress, Mirrored, Probe, SentFile, StepRequest, TransferProgress,
    TransferSummary,
};
pub use spec::{HostKind, HostSpec, SshSpec};
pub use ssh::config_hosts;
pub use transfer::Pick;
