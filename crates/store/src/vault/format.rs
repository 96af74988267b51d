//! The vault's file: lines of JSON. The first names the key, each of the others is a secret, and the last says whether
//! the file is whole.
//!
//! ```text
//! {"steadyhand_vault":1,"key":"…"}
//! {"project":"…","name":"DATABASE_URL","set_at":1700000000000,"locked":"…"}
//! {"seal":"…","sum":"…"}
//! ```
//!
//! Names are readable; `locked` is nonce, ciphertext and tag in base64, and project, name and time are authenticated with
//! it. The seal is an empty text locked with everything above it, so that no entry can be taken out, put back or
//! changed without the key. The sum needs no key: it tells a damaged file from a wrong key.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use steadyhand_domain::{ProjectId, Timestamp};

use super::{
    VaultError,
    crypt::{self, Key, Stretch},
};

/// The version of the format.
const FORMAT: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    steadyhand_vault: u32,
    /// The key, by its name.
    pub(super) key: String,
    /// How the key is made, when it is made from a passphrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) argon2id: Option<Stretch>,
}

impl Header {
    pub(super) fn new(key: &Key, argon2id: Option<Stretch>) -> Self {
        Self { steadyhand_vault: FORMAT, key: key.id(), argon2id }
    }
}

/// A secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) project: ProjectId,
    pub(super) name: String,
    pub(super) set_at: Timestamp,
    pub(super) locked: String,
}

impl Entry {
    pub(super) fn lock(
        key: &Key,
        project: ProjectId,
        name: &str,
        set_at: Timestamp,
        value: &SecretString,
    ) -> Result<Self, VaultError> {
        let mut entry = Self { project, name: name.to_owned(), set_at, locked: String::new() };
        entry.locked = key.lock(&entry.known(), value.expose_secret().as_bytes())?;
        Ok(entry)
    }

    /// The value; none when the entry is not as it was written, or was locked with another key.
    pub(super) fn open(&self, key: &Key) -> Option<SecretString> {
        let text = key.open(&self.known(), &self.locked)?;
        let text = std::str::from_utf8(&text).ok()?;
        // Of exactly this size, so that nothing of it is left behind when it is put into its box.
        let mut value = String::with_capacity(text.len());
        value.push_str(text);
        Some(value.into())
    }

    /// What is authenticated with the value. JSON, because there no two different entries are written alike.
    fn known(&self) -> Vec<u8> {
        serde_json::json!(["steadyhand secret", FORMAT, self.project, self.name, self.set_at])
            .to_string()
            .into_bytes()
    }
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    seal: String,
    sum: String,
}

/// Why a text is not a vault.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is not as it was written.
    Damaged(String),
    /// It is of a version that is not known here.
    Newer,
}

/// A vault's file as it was read.
pub(super) struct Sealed {
    pub(super) header: Header,
    pub(super) entries: Vec<Entry>,
    /// Everything before the last line.
    body: String,
    seal: String,
}

impl Sealed {
    /// Reads a whole file. Whether it is the key's own is not known before [`Sealed::is_of`].
    pub(super) fn read(text: &[u8]) -> Result<Self, Unreadable> {
        let damaged = |what: &str| Unreadable::Damaged(what.to_owned());
        let text = std::str::from_utf8(text).map_err(|_| damaged("it is not text"))?;
        #[derive(Deserialize)]
        struct Version {
            steadyhand_vault: u32,
        }
        let first = text.lines().next().unwrap_or_default();
        if serde_json::from_str::<Version>(first).is_ok_and(|version| version.steadyhand_vault > FORMAT) {
            return Err(Unreadable::Newer);
        }
        let whole = text.strip_suffix('\n').ok_or_else(|| damaged("its end is missing"))?;
        let (body, last) = whole.rsplit_once('\n').ok_or_else(|| damaged("its end is missing"))?;
        let body = &text[..body.len() + 1];
        let end: End = serde_json::from_str(last).map_err(|_| damaged("its end is missing"))?;
        if end.sum != sum(body, &end.seal) || line(&end) != format!("{last}\n") {
            return Err(damaged("its checksum does not fit"));
        }
        let mut lines = body.lines().zip(1..);
        let unread = |number: u32| move |_| Unreadable::Damaged(format!("line {number} cannot be read"));
        let header = match lines.next() {
            Some((first, number)) => serde_json::from_str(first).map_err(unread(number))?,
            None => return Err(damaged("it is empty")),
        };
        let entries = lines
            .map(|(line, number)| serde_json::from_str(line).map_err(unread(number)))
            .collect::<Result<_, _>>()?;
        Ok(Self { header, entries, body: body.to_owned(), seal: end.seal })
    }

    /// Whether it was written with this key, as it is.
    pub(super) fn is_of(&self, key: &Key) -> bool {
        key.open(&sealed(&self.body), &self.seal).is_some()
    }
}

/// The text of a vault's file.
pub(super) fn write(header: &Header, entries: &[Entry], key: &Key) -> Result<String, VaultError> {
    let mut body = line(header);
    body.extend(entries.iter().map(line));
    let seal = key.lock(&sealed(&body), &[])?;
    let sum = sum(&body, &seal);
    Ok(body + &line(&End { seal, sum }))
}

/// What the seal authenticates; it begins like no entry's.
fn sealed(body: &str) -> Vec<u8> {
    [b"steadyhand vault\0", body.as_bytes()].concat()
}

fn sum(body: &str, seal: &str) -> String {
    crypt::checksum([body, seal].concat().as_bytes())
}

fn line(value: &impl Serialize) -> String {
    // None of these types has anything that JSON cannot say.
    serde_json::to_string(value).unwrap_or_default() + "\n"
}
