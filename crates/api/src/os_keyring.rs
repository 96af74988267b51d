//! The operating system's keyring. Each data folder has entries of its own there.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use steadyhand_store::vault::Keyring;

/// Under which name Steadyhand's entries are.
pub(crate) const SERVICE: &str = "steadyhand";

/// The account of what is kept for a data folder.
pub(crate) fn account(what: &str, folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    format!("{what} {}", folder.display())
}

/// The place of the vault's key.
pub(crate) struct VaultKeyring {
    account: String,
}

impl VaultKeyring {
    pub(crate) fn of(folder: &Path) -> Self {
        Self { account: account("vault-key", folder) }
    }

    /// Asks on a thread of its own: the way to the keyring waits in a manner that threads which serve many tasks forbid.
    fn ask<T: Send>(
        &self,
        action: impl FnOnce(&keyring::Entry) -> keyring::Result<T> + Send,
    ) -> Result<T, String> {
        let ask = || keyring::Entry::new(SERVICE, &self.account).and_then(|entry| action(&entry));
        let asked = std::thread::scope(|scope| scope.spawn(ask).join());
        match asked {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("asking it went wrong".to_owned()),
        }
    }
}

/// Nothing there is an answer too.
fn if_there<T>(answer: keyring::Result<T>) -> keyring::Result<Option<T>> {
    match answer {
        Ok(there) => Ok(Some(there)),
        Err(keyring::Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Keyring for VaultKeyring {
    fn read(&self) -> Result<Option<SecretString>, String> {
        Ok(self.ask(|entry| if_there(entry.get_password()))?.map(SecretString::from))
    }

    fn write(&self, text: &SecretString) -> Result<(), String> {
        self.ask(|entry| entry.set_password(text.expose_secret()))
    }

    fn forget(&self) -> Result<(), String> {
        self.ask(|entry| if_there(entry.delete_credential())).map(|_| ())
    }
}
