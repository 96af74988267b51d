//! Files that belong to one person alone: replaced as a whole, and by one process at a time.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::VaultError;

/// Held while the vault is changed. The kernel lets go of it however the process ends.
pub(super) struct Lock(#[expect(dead_code, reason = "what is locked while it is open")] File);

impl Lock {
    /// Waits until no other process changes the vault.
    pub(super) fn take(path: PathBuf) -> Result<Self, VaultError> {
        let take = || {
            let file = private(OpenOptions::new().write(true).create(true)).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        take().map(Self).map_err(|cause| VaultError::File { doing: "lock", path, cause })
    }
}

/// The content of a file that only its owner may read; none when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, VaultError> {
    let failed = |cause| VaultError::File { doing: "read", path: path.to_owned(), cause };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(VaultError::Exposed { path: path.to_owned(), mode });
        }
    }
    let mut content = Vec::new();
    io::Read::read_to_end(&mut file, &mut content).map_err(failed)?;
    Ok(Some(content))
}

/// Puts this content in the place of the file's. Whenever the process or the machine stops, the file holds the old
/// content or the new one, whole. To be called under the lock.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), VaultError> {
    let beside = path.with_added_extension("new");
    let replace = || {
        // What a process that was killed has left.
        remove(&beside)?;
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        // The name is on the disk when the folder is.
        #[cfg(unix)]
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    };
    replace().map_err(|cause| {
        let _ = fs::remove_file(&beside);
        VaultError::File { doing: "write", path: path.to_owned(), cause }
    })
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}
