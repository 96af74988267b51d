//! What is kept in the data folder: the database, in two SQLite files, and the vault of secrets.
//!
//! `steadyhand.db` holds the state, written with `synchronous=FULL`; `logs.db` holds the logs, written with
//! `synchronous=NORMAL`. Reading and writing are free functions on a connection, so that the caller decides what is
//! one transaction. Only this crate knows SQL.
//!
//! Architecture invariant: nothing here reads the clock or makes identifiers; both are handed in.

mod database;
mod error;
mod row;

pub mod chat;
pub mod deployments;
pub mod environments;
pub mod events;
pub mod logs;
pub mod notifications;
pub mod plans;
pub mod progress;
pub mod projects;
pub mod records;
pub mod runs;
pub mod scans;
pub mod settings;
pub mod steps;
pub mod vault;

pub use database::{Reader, Store, Writer, data_version};
pub use error::StoreError;
