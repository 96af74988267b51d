//! What can go wrong with the vault.

use std::{io, path::PathBuf};

use super::KeyPlace;

/// What can go wrong with the vault.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A file could not be read or written.
    #[error("cannot {doing} {path}: {cause}")]
    File {
        /// What was tried: `read`, `write`, `lock`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// Others can read a file that must be private.
    #[error(
        "others can read {path} (its mode is {mode:o}), so it is not used; make it yours alone with `chmod 600 {path}`, \
         and give the secrets a new key with `steady secret rotate` if somebody may have read it"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The vault is not as it was written.
    #[error(
        "the vault of secrets {path} is damaged ({what}); it was left as it is. Put a copy of it back, or move it away and \
         set the secrets again with `steady secret set`"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The vault was written by a newer Steadyhand.
    #[error("the vault of secrets {path} was written by a newer version of Steadyhand; install that version")]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase was not given yet.
    #[error(
        "the vault of secrets is locked; set STEADYHAND_VAULT_KEY to its passphrase, or use `steady` on a terminal, which \
         asks for it"
    )]
    Locked,
    /// The passphrase is another one.
    #[error("that is not the passphrase of the vault of secrets; try again")]
    WrongPassphrase,
    /// The passphrase could be guessed.
    #[error("a passphrase for the vault of secrets has at least {0} characters; choose a longer one")]
    ShortPassphrase(usize),
    /// A passphrase was given for a vault that has none.
    #[error("the vault of secrets has no passphrase: its key is {0}")]
    NoPassphrase(KeyPlace),
    /// `STEADYHAND_VAULT_KEY` is no key.
    #[error(
        "STEADYHAND_VAULT_KEY does not hold a key: that is 32 bytes in base64, as `openssl rand -base64 32` prints them"
    )]
    NotAKey,
    /// The key is of another vault.
    #[error(
        "the key {place} is not the one that {path} was locked with; put the right key back, or move the file away and set \
         the secrets again with `steady secret set`"
    )]
    WrongKey {
        /// Where the key is.
        place: KeyPlace,
        /// The vault.
        path: PathBuf,
    },
    /// There is no key anywhere.
    #[error(
        "the key of the vault of secrets was not found: {why}; put it back, or set STEADYHAND_VAULT_KEY to it. Without it, \
         move {path} away and set the secrets again with `steady secret set`"
    )]
    NoKey {
        /// Where it was looked for.
        why: String,
        /// The vault.
        path: PathBuf,
    },
    /// The keyring refused to keep a key.
    #[error("the operating system's keyring does not keep the key: {0}; choose another place with `--to`")]
    Keyring(String),
    /// The key is the environment's.
    #[error(
        "the key comes from STEADYHAND_VAULT_KEY, where Steadyhand cannot put a new one; put a new key (`openssl rand -base64 \
         32`) before the old one there, with a space between them, and rotate again; or choose another place with `--to`"
    )]
    EnvironmentKey,
    /// The place of the key was not said, or a passphrase is missing.
    #[error("a new passphrase is needed for that; give one")]
    PassphraseNeeded,
    /// There is nothing to do it with.
    #[error("there is no vault of secrets yet; `steady secret set` makes it")]
    Absent,
    /// The old key is still kept.
    #[error(
        "the secrets have a new key, but the old one could not be removed: {0}; rotate again to try it once more"
    )]
    OldKeyKept(Box<VaultError>),
    /// No text is this long.
    #[error("the secret is too long")]
    TooLong,
    /// The system gave no random numbers.
    #[error("the system gave no random numbers: {0}")]
    NoRandom(String),
}
