//! What can go wrong with what is kept.

use std::path::PathBuf;

use steadyhand_domain::{
    DeploymentId, EnvironmentId, IllegalDeploymentTransition, IllegalEnvironmentTransition, MessageId,
    ProjectId, ProposalId, RunId, StepId,
};

use crate::vault::VaultError;

/// What can go wrong with what is kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such project.
    #[error("project {0} is not in the store")]
    UnknownProject(ProjectId),
    /// No such run.
    #[error("run {0} is not in the store")]
    UnknownRun(RunId),
    /// No such step.
    #[error("step {0} is not in the store")]
    UnknownStep(StepId),
    /// No such message.
    #[error("message {0} is not in the store")]
    UnknownMessage(MessageId),
    /// No such proposal.
    #[error("proposal {0} is not in the store")]
    UnknownProposal(ProposalId),
    /// No such environment.
    #[error("environment {0} is not in the store")]
    UnknownEnvironment(EnvironmentId),
    /// No such deployment.
    #[error("deployment {0} is not in the store")]
    UnknownDeployment(DeploymentId),
    /// The run makes no deployment.
    #[error("run {0} makes no deployment, so nothing can be recorded of one")]
    NoDeployment(RunId),
    /// The environment was taken away.
    #[error("the environment “{0}” was destroyed; deploy to one of another name")]
    EnvironmentDestroyed(String),
    /// The environment is being deployed to.
    #[error(
        "deployment {number} to “{environment}” is under way in run {run}; wait for it, or cancel it first"
    )]
    DeploymentUnderWay {
        /// The name of the environment.
        environment: String,
        /// The number of that deployment.
        number: u32,
        /// The number of its run.
        run: u32,
    },
    /// A deployment that cannot be brought back.
    #[error("deployment {number} to “{environment}” cannot be brought back: {why}")]
    NotToBeBroughtBack {
        /// The name of the environment.
        environment: String,
        /// The number of the deployment.
        number: u32,
        /// Why not.
        why: &'static str,
    },
    /// A deployment was about to take an event that its state does not allow.
    #[error(transparent)]
    IllegalDeployment(#[from] IllegalDeploymentTransition),
    /// An environment was about to take an event that its state does not allow.
    #[error(transparent)]
    IllegalEnvironment(#[from] IllegalEnvironmentTransition),
    /// The name is taken.
    #[error("there is a project named “{0}” already; choose another name")]
    NameTaken(String),
    /// The run is executed by another process now.
    #[error("run {0} was taken over by another process")]
    OwnerLost(RunId),
    /// Another writer has added to the log.
    #[error("the log was written to by another process meanwhile")]
    LogMoved,
    /// The project has a run that has not ended.
    #[error("run {number} of this project has not ended; wait for it or stop it first")]
    RunUnderWay {
        /// The number of that run.
        number: u32,
    },
    /// A row holds something that no version of Steadyhand writes.
    #[error("the database is damaged: {table}.{column} of {row} holds {found:?}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// What is there.
        found: String,
    },
    /// The database was written by a newer Steadyhand.
    #[error(
        "{path} was written by a newer version of Steadyhand; install that version, or choose another data folder with STEADYHAND_DATA"
    )]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The data folder or a file in it cannot be used.
    #[error(
        "cannot use the data folder {path}: {cause}; make it writable, or choose another with STEADYHAND_DATA"
    )]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
    /// The disk is full.
    #[error("the disk that holds the data folder is full; free some space and try again")]
    DiskFull,
    /// The data folder cannot be written.
    #[error("the data folder cannot be written (read-only file system or missing permission)")]
    ReadOnly,
    /// The vault of secrets.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Anything else.
    #[error("database error: {0}")]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // SQLite's result codes: https://www.sqlite.org/rescode.html. Extended codes keep the primary one in their
        // low byte: 8 is READONLY, 10 IOERR, 13 FULL.
        if let sqlx::Error::Database(cause) = &error {
            match cause.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
                Some(8) => return Self::ReadOnly,
                Some(13) => return Self::DiskFull,
                _ => {}
            }
        }
        Self::Database(error)
    }
}

impl StoreError {
    /// Whether trying the same again later may help, because the disk is full or busy.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::DiskFull | Self::ReadOnly => true,
            Self::Database(sqlx::Error::Database(cause)) => {
                // 5 is BUSY, 6 LOCKED, 10 IOERR, 14 CANTOPEN: a new connection to a full disk.
                matches!(
                    cause.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff),
                    Some(5 | 6 | 10 | 14)
                )
            }
            Self::Database(sqlx::Error::PoolTimedOut | sqlx::Error::Io(_)) => true,
            _ => false,
        }
    }
}
