//! SSH: finding out how a host is reached, reaching it, and channels over the connection.

mod agent;
mod auth;
mod config_file;
mod connect;
mod connection;
mod keys;
mod known_hosts;
mod settings;

pub(crate) use auth::Secrets;
pub use config_file::hosts as config_hosts;
pub(crate) use connection::Connection;
