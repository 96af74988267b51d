//! The vault: secrets of projects, encrypted, in a file of the data folder.
//!
//! A secret belongs to a project's identifier, not to its name: it stays with a project that is renamed, and a new
//! project that takes an old name has none of its secrets. `format.rs` says what the file looks like, `keys.rs` where
//! its key is.
//!
//! Architecture invariant: a file that cannot be read and verified as a whole is never replaced. Every change is made
//! under a lock between processes, from the file as it is then, and takes the place of the old file in one step.
//!
//! These functions wait for the disk, for a passphrase to be stretched and for the keyring: not on a thread that others
//! need.

mod crypt;
mod error;
mod file;
mod format;
mod keys;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use secrecy::SecretString;
use steadyhand_domain::{ProjectId, Timestamp};

pub use self::{
    crypt::Costs,
    error::VaultError,
    keys::{KeyPlace, Keyring, NewKey},
};
use self::{
    file::Lock,
    format::{Entry, Header, Sealed, Unreadable},
    keys::{Found, Keys, locked},
};

/// What a vault is made of.
pub struct VaultOptions {
    /// The data folder.
    pub folder: PathBuf,
    /// What `STEADYHAND_VAULT_KEY` holds: a key, several with the newest first, or the passphrase.
    pub environment: Option<SecretString>,
    /// The operating system's keyring.
    pub keyring: Box<dyn Keyring>,
    /// What making a key from a new passphrase costs.
    pub costs: Costs,
}

/// A secret without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretName {
    /// Whose it is.
    pub project: ProjectId,
    /// Its name in plans.
    pub name: String,
    /// When it got its value.
    pub set_at: Timestamp,
}

/// Whether a vault can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VaultState {
    /// There is none yet; its key would be there.
    Absent(KeyPlace),
    /// Its passphrase is needed.
    Locked,
    /// It can be used; its key is there.
    Open(KeyPlace),
}

/// The vault of a data folder. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    lock: PathBuf,
    keys: Keys,
}

/// A vault's file with the key that it was locked with.
struct Opened {
    sealed: Sealed,
    found: Found,
}

/// What became of a secret that was to be set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Put {
    /// There was none of that name.
    New,
    /// It has another value now.
    Replaced,
    /// It was there, and stays as it is.
    Kept,
}

impl Vault {
    /// The vault of a data folder. Nothing is read or made yet.
    #[must_use]
    pub fn new(options: VaultOptions) -> Self {
        let VaultOptions { folder, environment, keyring, costs } = options;
        let keys = Keys {
            environment,
            keyring,
            file: folder.join("secrets.key"),
            costs,
            chosen: Mutex::default(),
            found: Mutex::default(),
        };
        let inner = Inner { path: folder.join("secrets.vault"), lock: folder.join("secrets.lock"), keys };
        Self { inner: Arc::new(inner) }
    }

    /// Whether it can be used.
    ///
    /// # Errors
    /// When it can be used by nobody as it is, or not with the key that there is.
    pub fn state(&self) -> Result<VaultState, VaultError> {
        match self.opened() {
            Ok(Some(opened)) => Ok(VaultState::Open(opened.found.place)),
            Ok(None) => Ok(VaultState::Absent(self.inner.keys.expected())),
            Err(VaultError::Locked) => Ok(VaultState::Locked),
            Err(error) => Err(error),
        }
    }

    /// Opens it with its passphrase, for as long as this process lives. When there is no vault yet, this will be its
    /// passphrase.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`], [`VaultError::NoPassphrase`], [`VaultError::ShortPassphrase`], or when it
    /// cannot be read.
    pub fn unlock(&self, passphrase: &SecretString) -> Result<(), VaultError> {
        let keys = &self.inner.keys;
        if let Some(sealed) = self.read()? {
            return keys.unlock(&sealed.header, passphrase, &self.inner.path);
        }
        keys::check_passphrase(passphrase)?;
        *locked(&keys.chosen) = Some(passphrase.clone());
        Ok(())
    }

    /// The secrets of a project, or of all, without their values. No key is needed.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub fn names(&self, project: Option<ProjectId>) -> Result<Vec<SecretName>, VaultError> {
        let Some(sealed) = self.read()? else { return Ok(Vec::new()) };
        let of = sealed.entries.into_iter().filter(|entry| is_of(entry, project));
        let name = |Entry { project, name, set_at, .. }| SecretName { project, name, set_at };
        Ok(of.map(name).collect())
    }

    /// The secrets of a project, or of all, with their values. No key is needed when there are none.
    ///
    /// # Errors
    /// When the vault cannot be read or opened.
    pub fn values(&self, project: Option<ProjectId>) -> Result<Vec<(String, SecretString)>, VaultError> {
        let Some(sealed) = self.read()? else { return Ok(Vec::new()) };
        if !sealed.entries.iter().any(|entry| is_of(entry, project)) {
            return Ok(Vec::new());
        }
        let Some(opened) = self.opened()? else { return Ok(Vec::new()) };
        let of = opened.sealed.entries.iter().filter(|entry| is_of(entry, project));
        of.map(|entry| Ok((entry.name.clone(), self.open(entry, &opened.found)?))).collect()
    }

    /// The value of a secret.
    ///
    /// # Errors
    /// When the vault cannot be read or opened.
    pub fn value(&self, project: ProjectId, name: &str) -> Result<Option<SecretString>, VaultError> {
        let Some(opened) = self.opened()? else { return Ok(None) };
        let entry = opened.sealed.entries.iter().find(|entry| entry.project == project && entry.name == name);
        entry.map(|entry| self.open(entry, &opened.found)).transpose()
    }

    /// Gives a secret a value; says whether it had one before. The first makes the vault.
    ///
    /// # Errors
    /// When the vault cannot be read, opened or written.
    pub fn set(
        &self,
        project: ProjectId,
        name: &str,
        value: &SecretString,
        now: Timestamp,
    ) -> Result<bool, VaultError> {
        Ok(self.put(project, name, value, now, true)? == Put::Replaced)
    }

    /// Sets a secret that is not there yet; says whether it was set.
    ///
    /// # Errors
    /// As [`Vault::set`].
    pub fn set_new(
        &self,
        project: ProjectId,
        name: &str,
        value: &SecretString,
        now: Timestamp,
    ) -> Result<bool, VaultError> {
        Ok(self.put(project, name, value, now, false)? == Put::New)
    }

    fn put(
        &self,
        project: ProjectId,
        name: &str,
        value: &SecretString,
        now: Timestamp,
        replaces: bool,
    ) -> Result<Put, VaultError> {
        let _lock = self.lock()?;
        let (header, mut entries, found) = match self.opened()? {
            Some(Opened { sealed, found }) => (sealed.header, sealed.entries, found),
            None => {
                let (found, stretch) = self.inner.keys.first()?;
                *locked(&self.inner.keys.found) = Some(found.clone());
                (Header::new(&found.key, stretch), Vec::new(), found)
            }
        };
        let before = entries.len();
        entries.retain(|entry| entry.project != project || entry.name != name);
        let replaced = entries.len() < before;
        if replaced && !replaces {
            return Ok(Put::Kept);
        }
        entries.push(Entry::lock(&found.key, project, name, now, value)?);
        entries.sort_by(|one, other| (one.project, &one.name).cmp(&(other.project, &other.name)));
        self.write(&header, &entries, &found)?;
        Ok(if replaced { Put::Replaced } else { Put::New })
    }

    /// Removes a secret; says whether it was there.
    ///
    /// # Errors
    /// When the vault cannot be read, opened or written.
    pub fn remove(&self, project: ProjectId, name: &str) -> Result<bool, VaultError> {
        self.retain(|entry| entry.project != project || entry.name != name)
    }

    /// Removes the secrets of a project.
    ///
    /// # Errors
    /// When it has some, and the vault cannot be read, opened or written.
    pub fn remove_project(&self, project: ProjectId) -> Result<(), VaultError> {
        if !self.names(Some(project))?.is_empty() {
            self.retain(|entry| entry.project != project)?;
        }
        Ok(())
    }

    /// Makes a new key and locks every secret with it; says where the key is. However this is interrupted, the vault
    /// is locked with the old key or the new one, and that key is kept.
    ///
    /// # Errors
    /// When there is no vault, when it cannot be read, opened or written, or when the new key cannot be kept; then
    /// the old key goes on. [`VaultError::OldKeyKept`] when everything but the removal of the old key was done.
    pub fn rotate(&self, to: NewKey) -> Result<KeyPlace, VaultError> {
        let _lock = self.lock()?;
        let Opened { sealed, found: old } = self.opened()?.ok_or(VaultError::Absent)?;
        let keys = &self.inner.keys;
        let (new, stretch) = keys.renewed(&old, to)?;
        let again = |entry: &Entry| {
            Entry::lock(&new.key, entry.project, &entry.name, entry.set_at, &self.open(entry, &old)?)
        };
        let entries: Vec<Entry> = sealed.entries.iter().map(again).collect::<Result<_, _>>()?;
        if new.place == old.place {
            keys.keep(new.place, &[&new.key, &old.key])?;
        } else {
            keys.keep(new.place, &[&new.key])?;
        }
        self.write(&Header::new(&new.key, stretch), &entries, &new)?;
        *locked(&keys.found) = Some(new.clone());
        let old_is_gone =
            if new.place == old.place { keys.keep(new.place, &[&new.key]) } else { keys.forget(old.place) };
        old_is_gone.map_err(|error| VaultError::OldKeyKept(Box::new(error)))?;
        Ok(new.place)
    }

    fn lock(&self) -> Result<Lock, VaultError> {
        Lock::take(self.inner.lock.clone())
    }

    fn retain(&self, stays: impl Fn(&Entry) -> bool) -> Result<bool, VaultError> {
        let _lock = self.lock()?;
        let Some(Opened { mut sealed, found }) = self.opened()? else { return Ok(false) };
        let before = sealed.entries.len();
        sealed.entries.retain(stays);
        let removed = sealed.entries.len() < before;
        if removed {
            self.write(&sealed.header, &sealed.entries, &found)?;
        }
        Ok(removed)
    }

    /// The file, whole but not verified with its key.
    fn read(&self) -> Result<Option<Sealed>, VaultError> {
        let path = &self.inner.path;
        let Some(text) = file::read(path)? else { return Ok(None) };
        Sealed::read(&text).map(Some).map_err(|unreadable| match unreadable {
            Unreadable::Damaged(what) => VaultError::Damaged { path: path.clone(), what },
            Unreadable::Newer => VaultError::Newer { path: path.clone() },
        })
    }

    /// The file, verified with its key.
    fn opened(&self) -> Result<Option<Opened>, VaultError> {
        let Some(mut sealed) = self.read()? else { return Ok(None) };
        let found = loop {
            let error = match self.inner.keys.of(&sealed.header, &self.inner.path) {
                Ok(found) => break found,
                Err(error) => error,
            };
            // Between the two looks another process may have changed the key.
            match self.read()? {
                Some(again) if again.header != sealed.header => sealed = again,
                _ => return Err(error),
            }
        };
        if !sealed.is_of(&found.key) {
            let what = "it was changed by something else than Steadyhand".to_owned();
            return Err(VaultError::Damaged { path: self.inner.path.clone(), what });
        }
        Ok(Some(Opened { sealed, found }))
    }

    fn open(&self, entry: &Entry, found: &Found) -> Result<SecretString, VaultError> {
        entry.open(&found.key).ok_or_else(|| {
            let what = format!("the secret {} was changed by something else than Steadyhand", entry.name);
            VaultError::Damaged { path: self.inner.path.clone(), what }
        })
    }

    fn write(&self, header: &Header, entries: &[Entry], found: &Found) -> Result<(), VaultError> {
        let text = format::write(header, entries, &found.key)?;
        file::replace(&self.inner.path, text.as_bytes())
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }
}

fn is_of(entry: &Entry, project: Option<ProjectId>) -> bool {
    project.is_none_or(|project| entry.project == project)
}

#[cfg(test)]
mod tests;
