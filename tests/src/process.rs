//! Processes of servers, which are processes of this machine here.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tokio::time::timeout;

use crate::app::PATIENCE;

/// Whether a process of this number runs; one that has ended and was not waited for does not.
#[must_use]
pub fn alive(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

/// A named pipe through which a command on a server says something to the test.
pub struct Said(PathBuf);

impl Said {
    /// Makes the pipe.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        let made = Command::new("mkfifo").arg(path).status().expect("mkfifo, of coreutils, starts");
        assert!(made.success(), "mkfifo {}", path.display());
        Self(path.to_owned())
    }

    /// Waits until a command has written something and closed the pipe; gives its lines.
    pub async fn heard(&self) -> Vec<String> {
        let reading = tokio::fs::read_to_string(&self.0);
        let Ok(text) = timeout(PATIENCE, reading).await else {
            // Who opens a pipe waits for its other end, and a test ends only when nobody waits.
            drop(fs::OpenOptions::new().read(true).write(true).open(&self.0));
            panic!("nobody said anything through {}", self.0.display());
        };
        text.expect("text").lines().map(str::to_owned).collect()
    }
}
