//! Private key files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use russh::keys::ssh_key::PrivateKey;
use russh::keys::{self, PublicKey, decode_secret_key};
use secrecy::{ExposeSecret, SecretString};

use crate::KeyFileProblem;

/// A key file's content.
pub(crate) enum KeyFile {
    Open(Arc<PrivateKey>),
    /// It needs a passphrase. The public half is told where the file, or the one beside it, says it.
    Locked {
        text: SecretString,
        public: Option<PublicKey>,
    },
}

/// Reads a key file.
pub(crate) fn read(path: &Path) -> Result<KeyFile, KeyFileProblem> {
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => KeyFileProblem::Missing,
        io::ErrorKind::InvalidData => KeyFileProblem::BadFormat("it is no text".into()),
        _ => KeyFileProblem::Unreadable(error.to_string()),
    })?;
    if !text.contains("PRIVATE KEY") && !text.starts_with("PuTTY-User-Key-File") {
        return Err(KeyFileProblem::BadFormat("there is no private key in it".into()));
    }
    match decode_secret_key(&text, None) {
        Ok(key) => Ok(KeyFile::Open(Arc::new(key))),
        Err(keys::Error::KeyIsEncrypted) => Ok(locked(path, text)),
        Err(_) if text.contains("Proc-Type: 4,ENCRYPTED") || text.contains("BEGIN ENCRYPTED PRIVATE KEY") => {
            Ok(locked(path, text))
        }
        Err(error) => Err(KeyFileProblem::BadFormat(error.to_string())),
    }
}

fn locked(path: &Path, text: String) -> KeyFile {
    let inside = PrivateKey::from_openssh(&text).ok().map(|key| key.public_key().clone());
    let public = inside.or_else(|| beside(path));
    KeyFile::Locked { text: SecretString::from(text), public }
}

/// The public key in the `.pub` file beside a key file.
fn beside(path: &Path) -> Option<PublicKey> {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PublicKey::from_openssh(&std::fs::read_to_string(name).ok()?).ok()
}

/// The public half of a key file, without its passphrase.
pub(crate) fn public_half(path: &Path) -> Option<PublicKey> {
    match read(path) {
        Ok(KeyFile::Open(key)) => Some(key.public_key().clone()),
        Ok(KeyFile::Locked { public, .. }) => public,
        Err(_) => beside(path),
    }
}

/// Unlocks a key.
pub(crate) fn unlock(
    text: &SecretString,
    passphrase: &SecretString,
) -> Result<Arc<PrivateKey>, KeyFileProblem> {
    decode_secret_key(text.expose_secret(), Some(passphrase.expose_secret()))
        .map(Arc::new)
        .map_err(|_| KeyFileProblem::WrongPassphrase)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn make(folder: &Path, name: &str, args: &[&str]) -> std::path::PathBuf {
        let path = folder.join(name);
        let done = Command::new("ssh-keygen").args(["-q", "-f"]).arg(&path).args(args).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        path
    }

    #[test]
    fn keys_of_all_common_types_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let kinds: [(&str, &[&str]); 5] = [
            ("ed25519", &["-t", "ed25519", "-N", ""]),
            ("ecdsa", &["-t", "ecdsa", "-b", "384", "-N", ""]),
            ("rsa", &["-t", "rsa", "-b", "2048", "-N", ""]),
            ("pem", &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""]),
            ("pkcs8", &["-t", "ecdsa", "-m", "PKCS8", "-N", ""]),
        ];
        for (name, args) in kinds {
            let path = make(folder.path(), name, args);
            let Ok(KeyFile::Open(key)) = read(&path) else { panic!("{name} is not read") };
            assert_eq!(key.public_key().key_data(), beside(&path).unwrap().key_data(), "{name}");
        }
    }

    #[test]
    fn locked_keys_are_unlocked_by_the_right_passphrase_only() {
        let folder = tempfile::tempdir().unwrap();
        let kinds: [(&str, &[&str]); 4] = [
            ("ed25519", &["-t", "ed25519"]),
            ("rsa", &["-t", "rsa", "-b", "2048"]),
            ("pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
            ("pkcs8", &["-t", "ecdsa", "-m", "PKCS8"]),
        ];
        for (name, args) in kinds {
            let path = make(folder.path(), name, &[args, &["-N", "open sesame"]].concat());
            let Ok(KeyFile::Locked { text, public }) = read(&path) else {
                panic!("{name} is not seen as locked")
            };
            assert_eq!(public.unwrap().key_data(), beside(&path).unwrap().key_data(), "{name}");
            let key =
                unlock(&text, &SecretString::from("open sesame")).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(key.public_key().key_data(), beside(&path).unwrap().key_data(), "{name}");
            assert!(
                matches!(unlock(&text, &SecretString::from("wrong")), Err(KeyFileProblem::WrongPassphrase)),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_no_private_key_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = make(folder.path(), "k", &["-t", "ed25519", "-N", ""]);
        assert!(matches!(read(&folder.path().join("none")), Err(KeyFileProblem::Missing)));
        assert!(matches!(read(&path.with_extension("pub")), Err(KeyFileProblem::BadFormat(_))));
        assert!(matches!(read(folder.path()), Err(KeyFileProblem::Unreadable(_))));
        std::fs::write(
            &path,
            "-----BEGIN OPENSSH PRIVATE KEY-----\nbroken\n-----END OPENSSH PRIVATE KEY-----\n",
        )
        .unwrap();
        assert!(matches!(read(&path), Err(KeyFileProblem::BadFormat(_))));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(read(&path), Err(KeyFileProblem::BadFormat(_))));
    }
}
