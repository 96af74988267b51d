//! Where the key of a vault is: in the environment, in the operating system's keyring, in a person's head, or in a file
//! beside the vault.
//!
//! A place may hold several keys, the newest first: while the key is changed both the old and the new one are kept, so
//! that whichever of them the vault is locked with is there.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{
    VaultError,
    crypt::{Costs, Key, Stretch},
    file,
    format::Header,
};

/// The shortest passphrase, in characters: whoever has the file can try as many as they like.
const SHORTEST: usize = 12;

/// Where the key of a vault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// The environment variable `STEADYHAND_VAULT_KEY`.
    Environment,
    /// The operating system's keyring.
    Keyring,
    /// It is made from a passphrase.
    Passphrase,
    /// A file in the data folder.
    File,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "in STEADYHAND_VAULT_KEY",
            Self::Keyring => "in the operating system's keyring",
            Self::Passphrase => "made from a passphrase",
            Self::File => "in the file secrets.key of the data folder",
        })
    }
}

/// The operating system's keyring, for one text. It is handed in: the store knows files.
pub trait Keyring: Send + Sync {
    /// The text that is kept, if there is one.
    ///
    /// # Errors
    /// Why the keyring does not answer.
    fn read(&self) -> Result<Option<SecretString>, String>;
    /// Keeps a text in the place of the one before.
    ///
    /// # Errors
    /// Why it does not.
    fn write(&self, text: &SecretString) -> Result<(), String>;
    /// Forgets the text.
    ///
    /// # Errors
    /// Why it does not.
    fn forget(&self) -> Result<(), String>;
}

/// What a vault's new key is to be.
pub enum NewKey {
    /// One in the place of the old one.
    InItsPlace,
    /// One in the operating system's keyring.
    Keyring,
    /// One in a file in the data folder.
    File,
    /// One that is made from this passphrase.
    Passphrase(SecretString),
}

/// A key, and where it is.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) key: Key,
    pub(super) place: KeyPlace,
}

/// Every place where a key may be.
pub(super) struct Keys {
    pub(super) environment: Option<SecretString>,
    pub(super) keyring: Box<dyn Keyring>,
    pub(super) file: PathBuf,
    pub(super) costs: Costs,
    /// The passphrase for a vault that is not made yet.
    pub(super) chosen: Mutex<Option<SecretString>>,
    /// The key that opened the vault last.
    pub(super) found: Mutex<Option<Found>>,
}

impl Keys {
    /// The key of a vault with this header.
    pub(super) fn of(&self, header: &Header, vault: &Path) -> Result<Found, VaultError> {
        if let Some(found) = locked(&self.found).as_ref().filter(|found| found.key.id() == header.key) {
            return Ok(found.clone());
        }
        let found = match &header.argon2id {
            Some(stretch) => self.stretched(header, stretch, vault)?,
            None => self.kept(header, vault)?,
        };
        *locked(&self.found) = Some(found.clone());
        Ok(found)
    }

    fn stretched(&self, header: &Header, stretch: &Stretch, vault: &Path) -> Result<Found, VaultError> {
        let given = self.environment.as_ref().ok_or(VaultError::Locked)?;
        let key = stretch.key(given).ok_or_else(|| strange(vault))?;
        let (place, path) = (KeyPlace::Environment, vault.to_owned());
        if key.id() == header.key {
            // What is in the environment is the passphrase here.
            return Ok(Found { key, place: KeyPlace::Passphrase });
        }
        Err(VaultError::WrongKey { place, path })
    }

    fn kept(&self, header: &Header, vault: &Path) -> Result<Found, VaultError> {
        let wrong = |place| VaultError::WrongKey { place, path: vault.to_owned() };
        let fitting = |keys: Vec<Key>, place| {
            let key = keys.into_iter().find(|key| key.id() == header.key);
            key.map(|key| Found { key, place })
        };
        if let Some(text) = &self.environment {
            let keys = keys_in(text).ok_or(VaultError::NotAKey)?;
            return fitting(keys, KeyPlace::Environment).ok_or_else(|| wrong(KeyPlace::Environment));
        }
        let keyring = self.keyring.read();
        if let Ok(Some(text)) = &keyring
            && let Some(found) = fitting(keys_in(text).unwrap_or_default(), KeyPlace::Keyring)
        {
            return Ok(found);
        }
        if let Some(keys) = self.in_file()? {
            return fitting(keys, KeyPlace::File).ok_or_else(|| wrong(KeyPlace::File));
        }
        let why = match keyring {
            Ok(Some(_)) => return Err(wrong(KeyPlace::Keyring)),
            Ok(None) => "the operating system's keyring has none".to_owned(),
            Err(cause) => format!("the operating system's keyring does not answer ({cause})"),
        };
        let why = format!("{why}, and there is no {}", self.file.display());
        Err(VaultError::NoKey { why, path: vault.to_owned() })
    }

    /// Opens a vault with a passphrase.
    pub(super) fn unlock(
        &self,
        header: &Header,
        passphrase: &SecretString,
        vault: &Path,
    ) -> Result<(), VaultError> {
        let Some(stretch) = &header.argon2id else {
            return Err(VaultError::NoPassphrase(self.of(header, vault)?.place));
        };
        let key = stretch.key(passphrase).ok_or_else(|| strange(vault))?;
        if key.id() != header.key {
            return Err(VaultError::WrongPassphrase);
        }
        *locked(&self.found) = Some(Found { key, place: KeyPlace::Passphrase });
        Ok(())
    }

    /// Where the key of a new vault will be.
    pub(super) fn expected(&self) -> KeyPlace {
        match &self.environment {
            Some(text) if keys_in(text).is_some() => KeyPlace::Environment,
            Some(_) => KeyPlace::Passphrase,
            None if locked(&self.chosen).is_some() => KeyPlace::Passphrase,
            None if self.keyring.read().is_ok() => KeyPlace::Keyring,
            None => KeyPlace::File,
        }
    }

    /// The key of a new vault. One that is there already is taken: its vault may come back.
    pub(super) fn first(&self) -> Result<(Found, Option<Stretch>), VaultError> {
        if let Some(text) = &self.environment {
            return match keys_in(text).and_then(|keys| keys.into_iter().next()) {
                Some(key) => Ok((Found { key, place: KeyPlace::Environment }, None)),
                None => self.stretch(text),
            };
        }
        let chosen = locked(&self.chosen).clone();
        if let Some(passphrase) = chosen {
            return self.stretch(&passphrase);
        }
        if let Ok(text) = self.keyring.read() {
            let there = text.and_then(|text| keys_in(&text)?.into_iter().next());
            let key = match there {
                Some(key) => key,
                None => Key::random()?,
            };
            match self.keep_in_keyring(&[&key]) {
                Ok(()) => return Ok((Found { key, place: KeyPlace::Keyring }, None)),
                Err(error) => tracing::warn!(%error, "the key of the secrets is kept in a file instead"),
            }
        }
        let there = self.in_file()?.and_then(|keys| keys.into_iter().next());
        let key = match there {
            Some(key) => key,
            None => Key::random()?,
        };
        self.keep_in_file(&[&key])?;
        Ok((Found { key, place: KeyPlace::File }, None))
    }

    /// A new key in the place of `old`, or elsewhere.
    pub(super) fn renewed(&self, old: &Found, to: NewKey) -> Result<(Found, Option<Stretch>), VaultError> {
        let place = match (to, old.place) {
            (NewKey::Passphrase(passphrase), _) => return self.stretch(&passphrase),
            (NewKey::InItsPlace, KeyPlace::Passphrase) => return Err(VaultError::PassphraseNeeded),
            (NewKey::InItsPlace, KeyPlace::Environment) => {
                let newest = self.environment.as_ref().and_then(|text| keys_in(text)?.into_iter().next());
                let key = newest.filter(|key| key.id() != old.key.id()).ok_or(VaultError::EnvironmentKey)?;
                return Ok((Found { key, place: KeyPlace::Environment }, None));
            }
            (NewKey::InItsPlace, place) => place,
            (NewKey::Keyring, _) => KeyPlace::Keyring,
            (NewKey::File, _) => KeyPlace::File,
        };
        Ok((Found { key: Key::random()?, place }, None))
    }

    fn stretch(&self, passphrase: &SecretString) -> Result<(Found, Option<Stretch>), VaultError> {
        check_passphrase(passphrase)?;
        let stretch = Stretch::new(self.costs)?;
        let key = stretch.key(passphrase).ok_or_else(|| strange(&self.file))?;
        Ok((Found { key, place: KeyPlace::Passphrase }, Some(stretch)))
    }

    /// Keeps these keys in a place, and none of those that were there before.
    pub(super) fn keep(&self, place: KeyPlace, keys: &[&Key]) -> Result<(), VaultError> {
        match place {
            KeyPlace::Keyring => self.keep_in_keyring(keys),
            KeyPlace::File => self.keep_in_file(keys),
            KeyPlace::Environment | KeyPlace::Passphrase => Ok(()),
        }
    }

    /// Forgets what a place keeps.
    pub(super) fn forget(&self, place: KeyPlace) -> Result<(), VaultError> {
        match place {
            KeyPlace::Keyring => self.keyring.forget().map_err(VaultError::Keyring),
            KeyPlace::File => file::remove(&self.file).map_err(|cause| VaultError::File {
                doing: "remove",
                path: self.file.clone(),
                cause,
            }),
            KeyPlace::Environment | KeyPlace::Passphrase => Ok(()),
        }
    }

    /// Some keyrings take a text and have forgotten it a moment later.
    fn keep_in_keyring(&self, keys: &[&Key]) -> Result<(), VaultError> {
        let text = text_of(keys);
        self.keyring.write(&text).map_err(VaultError::Keyring)?;
        match self.keyring.read() {
            Ok(Some(kept)) if kept.expose_secret() == text.expose_secret() => Ok(()),
            Ok(_) => Err(VaultError::Keyring("it gave another text back".to_owned())),
            Err(cause) => Err(VaultError::Keyring(cause)),
        }
    }

    fn keep_in_file(&self, keys: &[&Key]) -> Result<(), VaultError> {
        file::replace(&self.file, text_of(keys).expose_secret().as_bytes())
    }

    fn in_file(&self) -> Result<Option<Vec<Key>>, VaultError> {
        let Some(content) = file::read(&self.file)? else { return Ok(None) };
        let text = SecretString::from(String::from_utf8_lossy(&content).into_owned());
        drop(zeroize::Zeroizing::new(content));
        let damaged = || {
            let (path, what) = (self.file.clone(), "it holds no key".to_owned());
            VaultError::Damaged { path, what }
        };
        keys_in(&text).map(Some).ok_or_else(damaged)
    }
}

/// Whether a passphrase may be one.
pub(super) fn check_passphrase(passphrase: &SecretString) -> Result<(), VaultError> {
    let long = passphrase.expose_secret().chars().count() >= SHORTEST;
    if long { Ok(()) } else { Err(VaultError::ShortPassphrase(SHORTEST)) }
}

/// The keys that a text holds, if it holds keys and nothing else.
fn keys_in(text: &SecretString) -> Option<Vec<Key>> {
    let keys: Vec<Key> =
        text.expose_secret().split_whitespace().map(Key::from_text).collect::<Option<_>>()?;
    (!keys.is_empty()).then_some(keys)
}

fn text_of(keys: &[&Key]) -> SecretString {
    let mut text = String::with_capacity(keys.len() * 64);
    for key in keys {
        text.push_str(key.to_text().expose_secret());
        text.push('\n');
    }
    text.into()
}

fn strange(vault: &Path) -> VaultError {
    let (path, what) = (vault.to_owned(), "its parameters for a passphrase are not usable".to_owned());
    VaultError::Damaged { path, what }
}

/// The content of a lock, also after a panic elsewhere: what it guards is replaced as a whole.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
