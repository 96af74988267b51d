//! The plan as a picture shows it: hosts, tasks, and what needs what.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a plan consists of, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Outline {
    /// The plan's name; empty when it has none.
    pub name: String,
    /// The hosts in the order of the source. `local` is among them where a task uses it.
    pub hosts: Vec<OutlineHost>,
    /// The tasks in the order of the source.
    pub tasks: Vec<OutlineTask>,
}

/// A host of an [`Outline`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OutlineHost {
    /// Its name in the plan.
    pub name: String,
    /// Its address, or the text that stands for it where that depends on the environment.
    pub address: String,
    /// The user to log in as, when the plan says so.
    pub user: Option<String>,
    /// The SSH port, when the plan says so.
    pub port: Option<u16>,
    /// The host to connect through.
    pub jump: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
}

/// A task of an [`Outline`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OutlineTask {
    /// Its name.
    pub name: String,
    /// The hosts and groups that it names, as written.
    pub on: Vec<String>,
    /// The tasks that it needs.
    pub needs: Vec<String>,
    /// The names of its steps.
    pub steps: Vec<String>,
    /// The line of the source (from 1) that its name is on.
    pub line: u32,
}
