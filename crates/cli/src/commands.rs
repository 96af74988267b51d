//! The commands, each made of operations.

mod control;
mod list;
mod logs;
mod run;

pub(crate) use control::{pause, resume, stop};
pub(crate) use list::{runs, status};
pub(crate) use logs::{WhichLogs, logs};
pub(crate) use run::{run, validate};
