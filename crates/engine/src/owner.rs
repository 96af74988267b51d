//! Who owns a run, and how others see that it is gone.
//!
//! Each process has a name and holds a lock on a file of that name for as long as it lives. The kernel lets go of
//! the lock when the process ends, however it ends, so a run of a process that was killed is taken over at once. A
//! process that lives but does not renew its leases (another machine, a suspended one) loses its runs when they
//! lapse.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use uuid::Uuid;

/// This process, as an owner of runs.
#[derive(Debug)]
pub(crate) struct Owner {
    name: String,
    path: PathBuf,
    /// Locked for as long as the process lives.
    _lock: File,
}

impl Owner {
    /// Makes and locks a file of this process in `folder`. Later ones have greater names.
    pub(crate) fn register(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let name = Uuid::now_v7().to_string();
        let path = folder.join(&name);
        // It gets its name once it is locked: before, it would look like that of a process that has ended.
        let new = path.with_extension("new");
        let lock = File::create(&new)?;
        lock.lock()?;
        fs::rename(&new, &path)?;
        Ok(Self { name, path, _lock: lock })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Where the owners of runs are, in the folder of the data.
pub(crate) fn folder(data: &Path) -> PathBuf {
    data.join("owners")
}

/// Whether the process `name` is known to have ended. A name without a file belongs to a process that has ended in
/// good order.
pub(crate) fn is_gone(folder: &Path, name: &str) -> bool {
    let path = folder.join(name);
    match File::open(&path) {
        Ok(file) => match file.try_lock() {
            Ok(()) => {
                let _ = fs::remove_file(&path);
                true
            }
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        },
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_is_not_gone_and_an_ended_one_is() {
        let folder = tempfile::tempdir().expect("folder");
        let owner = Owner::register(folder.path()).expect("registered");
        let name = owner.name().to_owned();
        assert!(!is_gone(folder.path(), &name));
        drop(owner);
        assert!(is_gone(folder.path(), &name));
    }

    #[test]
    fn a_file_that_nobody_has_locked_belongs_to_a_process_that_was_killed() {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(folder.path().join("killed"), "").expect("file");
        assert!(is_gone(folder.path(), "killed"));
    }
}
