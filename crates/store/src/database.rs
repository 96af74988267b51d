//! Opening the two files, and who may read and write them.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::{
    Connection, Sqlite, SqliteConnection, SqlitePool, Transaction,
    migrate::{MigrateError, Migrator},
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::StoreError;

/// Pages of 4 KiB that may stand in the logs' write-ahead log before they are moved to their place: 64 MiB. Each move
/// waits for the disk twice; SQLite's own 1,000 pages made a fast command wait for most of its time.
const LOG_PAGES: &str = "16000";
/// Bytes to which the file of the write-ahead log is cut when all of it was moved.
const LOG_KEPT: &str = "4194304";

static STATE: Migrator = sqlx::migrate!("../../migrations/state");
static LOGS: Migrator = sqlx::migrate!("../../migrations/logs");

/// A connection to read with.
pub type Reader = PoolConnection<Sqlite>;
/// A transaction to write with; dropping it undoes it.
pub type Writer = Transaction<'static, Sqlite>;

/// One of the two files: one connection writes, several read.
#[derive(Clone, Debug)]
struct File {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    state: File,
    logs: File,
    folder: PathBuf,
}

impl Store {
    /// Opens the database in `folder`, makes what is missing and brings it to this version.
    ///
    /// # Errors
    /// [`StoreError::Folder`] when the folder cannot be used, [`StoreError::Newer`] when a newer version wrote it.
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        let cause = |path: &Path, error: &dyn std::fmt::Display| StoreError::Folder {
            path: path.to_owned(),
            cause: error.to_string(),
        };
        std::fs::create_dir_all(folder).map_err(|error| cause(folder, &error))?;
        restrict(folder).map_err(|error| cause(folder, &error))?;
        // SQLite reports an unwritable folder in several ways, some only at the first write.
        tempfile_probe(folder).map_err(|error| cause(folder, &error))?;
        let options = SqliteConnectOptions::from_str("sqlite:")?;
        let state =
            options.clone().filename(folder.join("steadyhand.db")).synchronous(SqliteSynchronous::Full);
        let logs = options
            .filename(folder.join("logs.db"))
            .synchronous(SqliteSynchronous::Normal)
            .pragma("wal_autocheckpoint", LOG_PAGES)
            .pragma("journal_size_limit", LOG_KEPT);
        let (state, logs) = (File::open(state, &STATE).await?, File::open(logs, &LOGS).await?);
        Ok(Self { state, logs, folder: folder.to_owned() })
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A connection that reads the state.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn read(&self) -> Result<Reader, StoreError> {
        Ok(self.state.readers.acquire().await?)
    }

    /// A transaction that writes the state. It holds the write lock from its beginning, so it never fails half-way
    /// because another process wrote in between.
    ///
    /// # Errors
    /// When the database cannot be reached, or is locked for longer than ten seconds.
    pub async fn write(&self) -> Result<Writer, StoreError> {
        Ok(self.state.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// A connection that reads the logs.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn read_logs(&self) -> Result<Reader, StoreError> {
        Ok(self.logs.readers.acquire().await?)
    }

    /// A transaction that writes the logs.
    ///
    /// # Errors
    /// When the database cannot be reached, or is locked for longer than ten seconds.
    pub async fn write_logs(&self) -> Result<Writer, StoreError> {
        Ok(self.logs.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Makes sure that the logs as they are now survive a loss of power. Until then the host's own copy does.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn sync_logs(&self) -> Result<(), StoreError> {
        // Its first act is to wait until the write-ahead log is on the disk.
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&self.logs.writer).await?;
        Ok(())
    }

    /// Closes every connection.
    pub async fn close(&self) {
        for file in [&self.state, &self.logs] {
            file.readers.close().await;
            file.writer.close().await;
        }
    }
}

/// One process at a time brings a database to the newest form: two that start at once would do it twice.
struct Alone(std::fs::File);

impl Alone {
    async fn with(database: &Path) -> Result<Self, StoreError> {
        let path = database.with_extension("lock");
        let lock = {
            let path = path.clone();
            move || std::fs::File::create(path).and_then(|file| file.lock().map(|()| file))
        };
        let failed = |cause: String| StoreError::Folder { path: path.clone(), cause };
        match tokio::task::spawn_blocking(lock).await {
            Ok(Ok(file)) => Ok(Self(file)),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // Closing it would do; this is at once, also where a program that was just started still has it.
        let _ = self.0.unlock();
    }
}

impl File {
    async fn open(options: SqliteConnectOptions, migrations: &Migrator) -> Result<Self, StoreError> {
        let path = options.get_filename().to_owned();
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(200);
        // The connections are of this process: there is nothing that could have been cut.
        let pool = SqlitePoolOptions::new().test_before_acquire(false);
        let writer = pool
            .clone()
            .max_connections(1)
            .after_release(|connection, _| Box::pin(is_between_transactions(connection)))
            .connect_with(options.clone())
            .await
            .map_err(|error| StoreError::Folder { path: path.clone(), cause: error.to_string() })?;
        let alone = Alone::with(&path).await?;
        let migrated = migrations.run(&writer).await;
        drop(alone);
        migrated.map_err(|error| match error {
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
                StoreError::Newer { path: path.clone() }
            }
            MigrateError::Execute(error) => StoreError::from(error),
            other => StoreError::Folder { path, cause: other.to_string() },
        })?;
        let readers = pool.max_connections(4).connect_lazy_with(options.read_only(true));
        Ok(Self { writer, readers })
    }
}

/// Whether a connection that comes back can be used again. When the disk is full SQLite ends a transaction by itself
/// (<https://www.sqlite.org/lang_transaction.html>, "Response To Errors Within A Transaction"); the pool's own attempt
/// to undo it then fails, and the connection would count as within a transaction for ever.
async fn is_between_transactions(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // Undoing goes on in the background; the answer comes behind it.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// A number that changes whenever another connection has committed something to the file of `connection`.
///
/// # Errors
/// When the database cannot be read.
pub async fn data_version(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await?)
}

/// The folder holds logs and plans: only its owner may look into it.
fn restrict(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut permissions = std::fs::metadata(folder)?.permissions();
        if permissions.mode() & 0o077 != 0 {
            permissions.set_mode(0o700);
            // A read-only folder is reported by the probe, in clearer words.
            let _ = std::fs::set_permissions(folder, permissions);
        }
    }
    Ok(())
}

/// Writes and removes a small file, so that an unwritable folder is told before SQLite meets it.
fn tempfile_probe(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".writable-{}", std::process::id()));
    std::fs::write(&probe, b"steadyhand")?;
    std::fs::remove_file(&probe)
}
