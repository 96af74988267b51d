//! Keys, and what is locked with them: AES-256-GCM (NIST SP 800-38D), and Argon2id (RFC 9106) for passphrases.

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce, Tag,
    aead::{AeadInOut, array::Array},
};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::VaultError;

/// Bytes of a key.
const KEY: usize = 32;
/// Bytes of a nonce; each is random. A key may lock 2^32 texts with random nonces (NIST SP 800-38D, 8.3).
const NONCE: usize = 12;
/// Bytes of a tag.
const TAG: usize = 16;
/// Bytes of a salt, as RFC 9106 (3.1) recommends.
const SALT: usize = 16;

/// A key of a vault. Wiped when it is dropped.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; KEY]>);

impl Key {
    pub(super) fn random() -> Result<Self, VaultError> {
        let mut key = Zeroizing::new([0; KEY]);
        fill(key.as_mut())?;
        Ok(Self(key))
    }

    /// The key that this text is: 32 bytes in base64.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
        let mut key = Zeroizing::new([0; KEY]);
        if bytes.len() != KEY {
            return None;
        }
        key.copy_from_slice(&bytes);
        Some(Self(key))
    }

    pub(super) fn to_text(&self) -> SecretString {
        STANDARD.encode(self.0.as_slice()).into()
    }

    /// What a vault calls this key. It tells nothing of the key: that is 256 random bits, or as costly to guess as
    /// the passphrase that it is made from.
    pub(super) fn id(&self) -> String {
        let hash = Sha256::new().chain_update(b"steadyhand vault key\0").chain_update(self.0.as_slice());
        STANDARD.encode(&hash.finalize()[..SALT])
    }

    /// Locks a text. `known` is not hidden, and must be the same when it is opened.
    pub(super) fn lock(&self, known: &[u8], text: &[u8]) -> Result<String, VaultError> {
        let mut nonce = [0; NONCE];
        fill(&mut nonce)?;
        let mut sealed = Vec::with_capacity(NONCE + text.len() + TAG);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(text);
        let buffer = &mut sealed[NONCE..];
        let tag = self
            .cipher()
            .encrypt_inout_detached(&Nonce::from(nonce), known, buffer.into())
            .map_err(|_| VaultError::TooLong)?;
        sealed.extend_from_slice(&tag);
        Ok(STANDARD.encode(sealed))
    }

    /// What was locked; none when it, or what is known of it, was changed, or when another key locked it.
    pub(super) fn open(&self, known: &[u8], sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let sealed = STANDARD.decode(sealed).ok()?;
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let (text, tag) = rest.split_last_chunk::<TAG>()?;
        let mut text = Zeroizing::new(text.to_vec());
        let tag: Tag = Array::from(*tag);
        let opened = self.cipher().decrypt_inout_detached(
            &Nonce::from(*nonce),
            known,
            text.as_mut_slice().into(),
            &tag,
        );
        opened.ok().map(|()| text)
    }

    /// It wipes its own copy of the key.
    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.0).into())
    }
}

/// How a key is made from a passphrase; kept beside what it locks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stretch {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

/// What making a key from a passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Costs {
    /// The second recommended choice of RFC 9106 (4.): for when 2 GiB of memory are too much.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 }
    }
}

impl Stretch {
    pub(super) fn new(costs: Costs) -> Result<Self, VaultError> {
        let mut salt = [0; SALT];
        fill(&mut salt)?;
        let Costs { memory_kib, passes, lanes } = costs;
        Ok(Self { memory_kib, passes, lanes, salt: STANDARD.encode(salt) })
    }

    /// The key that the passphrase makes. None when the parameters are not ones that this program writes: they come
    /// from a file, and must not take all memory.
    pub(super) fn key(&self, passphrase: &SecretString) -> Option<Key> {
        if self.memory_kib > 1024 * 1024 || self.passes > 64 || self.lanes > 16 {
            return None;
        }
        let salt = STANDARD.decode(&self.salt).ok()?;
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY)).ok()?;
        let mut key = Zeroizing::new([0; KEY]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose_secret().as_bytes(), &salt, key.as_mut())
            .ok()?;
        Some(Key(key))
    }
}

/// SHA-256, in base64.
pub(super) fn checksum(text: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(text))
}

fn fill(bytes: &mut [u8]) -> Result<(), VaultError> {
    getrandom::fill(bytes).map_err(|error| VaultError::NoRandom(error.to_string()))
}
