//! Files to a host and from it, as tar archives over a shell's standard input and output: no SFTP server is needed.
//!
//! Both ways begin with a survey: the host tells mode and size of what it has, and the SHA-256 of files. This side compares,
//! and hashes only what has the same size on both. So what is the same does not travel, and nothing is hashed here for a
//! host that has nothing yet. A host that cannot hash is sent everything.

mod archive;
mod download;
mod listing;
mod mirror;
mod send;
mod talk;
mod tree;
mod unpack;
mod upload;

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::TransferProgress;

pub(crate) use download::{compare_download, download};
pub(crate) use mirror::mirror;
pub(crate) use send::send_file;
pub(crate) use upload::{compare_upload, upload};

/// Whether something in a folder travels, by its path in it and whether it is a folder: of one that does not, nothing in it is looked
/// at.
pub type Pick = dyn Fn(&Path, bool) -> bool + Send + Sync;

/// What was sent until now.
#[derive(Default)]
struct Counts {
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Counts {
    fn file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    fn bytes(&self, more: usize) {
        self.bytes.fetch_add(more as u64, Ordering::Relaxed);
    }

    fn now(&self) -> TransferProgress {
        TransferProgress {
            files: self.files.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

/// The SHA-256 of a file, in hexadecimal digits.
fn hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path).map_err(|e| at(path, "read", &e))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(n) => hash.update(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(at(path, "read", &e)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o7777
}

#[cfg(not(unix))]
fn mode(metadata: &Metadata) -> u32 {
    if metadata.is_dir() { 0o755 } else { 0o644 }
}

/// A path of bytes that came from a host.
#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(bytes).ok().map(PathBuf::from)
}

/// A failure that names its path. `done` is what cannot be done.
fn at(path: &Path, done: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{} cannot be {done}: {error}", path.display()))
}
