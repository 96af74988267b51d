//! The files of the practice server: its keys, its port and the lock that says who serves.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use russh::keys::{Algorithm, PrivateKey, PublicKey, ssh_key::LineEnding};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::PracticeError;

/// How long a port that was used before may stay occupied: the sockets of a process that just ended are closed one
/// after another, and its lock may be free before its port.
const PORT_PATIENCE: Duration = Duration::from_millis(500);

/// The folder of a practice server.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

/// The right to serve; it ends when this is dropped or the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Folder {
    /// Makes the folder where it is missing, for the current user only.
    pub(super) fn open(root: &Path) -> Result<Self, PracticeError> {
        let failed = |path: &Path, source| PracticeError::File { path: path.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(|e| failed(root, e))?;
        // Commands start elsewhere, so the path must not depend on the current folder.
        let root = root.canonicalize().map_err(|e| failed(root, e))?;
        let folder = Self { root };
        let home = folder.home();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&home).map_err(|e| failed(&home, e))?;
        Ok(folder)
    }

    pub(super) fn home(&self) -> PathBuf {
        self.root.join("server")
    }

    pub(super) fn client_key(&self) -> PathBuf {
        self.root.join("client_key")
    }

    pub(super) fn host_key(&self) -> PathBuf {
        self.root.join("host_key")
    }

    pub(super) fn lock_path(&self) -> PathBuf {
        self.root.join("lock")
    }

    fn port_path(&self) -> PathBuf {
        self.root.join("port")
    }

    fn open_lock(&self) -> Result<File, PracticeError> {
        let path = self.lock_path();
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| PracticeError::File { path, source })
    }

    /// Takes the lock, unless another process has it.
    pub(super) fn try_lock(&self) -> Result<Option<Lock>, PracticeError> {
        let file = self.open_lock()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(PracticeError::File { path: self.lock_path(), source }),
        }
    }

    /// Waits for the lock and takes it. It blocks the thread.
    pub(super) fn wait_for_lock(&self) -> Result<Lock, PracticeError> {
        let file = self.open_lock()?;
        file.lock().map_err(|source| PracticeError::File { path: self.lock_path(), source })?;
        Ok(Lock { _file: file })
    }

    /// The key in `path`, made when there is none. Only the holder of the lock makes keys.
    pub(super) fn key(&self, path: &Path, comment: &str, _lock: &Lock) -> Result<PrivateKey, PracticeError> {
        let failed = |source| PracticeError::File { path: path.to_owned(), source };
        let wrong = |e: russh::keys::ssh_key::Error| PracticeError::Key {
            path: path.to_owned(),
            reason: e.to_string(),
        };
        if path.try_exists().map_err(failed)? {
            return PrivateKey::read_openssh_file(path).map_err(wrong);
        }
        let mut key =
            PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).map_err(wrong)?;
        key.set_comment(comment);
        let text = key.to_openssh(LineEnding::LF).map_err(wrong)?;
        write_whole(path, text.as_bytes()).map_err(failed)?;
        Ok(key)
    }

    /// The server's public key, made by the process that serves.
    pub(super) fn host_public_key(&self) -> Result<PublicKey, PracticeError> {
        let path = self.host_key();
        match PrivateKey::read_openssh_file(&path) {
            Ok(key) => Ok(key.public_key().clone()),
            Err(e) => Err(PracticeError::Key { path, reason: e.to_string() }),
        }
    }

    /// The port that was chosen, if one was.
    pub(super) fn port(&self) -> Option<u16> {
        fs::read_to_string(self.port_path()).ok()?.trim().parse().ok()
    }

    /// Listens on the port that was chosen before. When that belongs to another program, or none was chosen yet,
    /// chooses one and records it.
    pub(super) async fn listen(&self, _lock: &Lock) -> Result<TcpListener, PracticeError> {
        if let Some(port) = self.port() {
            let since = Instant::now();
            loop {
                match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                    Ok(listener) => return Ok(listener),
                    Err(_) if since.elapsed() < PORT_PATIENCE => {
                        // That a port has become free is told to nobody.
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    Err(error) => {
                        tracing::warn!(port, %error, "the practice server's port is taken; choosing another");
                        break;
                    }
                }
            }
        }
        let listener = self.listen_anywhere().await.map_err(PracticeError::Listen)?;
        let port = listener.local_addr().map_err(PracticeError::Listen)?.port();
        let path = self.port_path();
        write_whole(&path, format!("{port}\n").as_bytes())
            .map_err(|source| PracticeError::File { path, source })?;
        Ok(listener)
    }

    /// Listens on a port between 20000 and 29999 where one is free: above them, systems take ports for outgoing
    /// connections, and the port would now and then be gone at the next start. Each folder begins to look elsewhere,
    /// so that the servers of two folders don't take each other's port while one of them is off.
    async fn listen_anywhere(&self) -> std::io::Result<TcpListener> {
        for attempt in 0..50_u64 {
            let mut hasher = DefaultHasher::new();
            (&self.root, attempt).hash(&mut hasher);
            let port = u16::try_from(20_000 + hasher.finish() % 10_000).unwrap_or(20_000);
            if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                return Ok(listener);
            }
        }
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
    }
}

/// Writes a file for the current user only, all of it or nothing.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)
}
