//! Key pairs that are made here and used elsewhere, such as for reading a repository from a host.

use russh::keys::{Algorithm, PrivateKey, decode_secret_key, key::safe_rng, ssh_key::LineEnding};
use secrecy::SecretString;

/// A private key that opens nothing yet: Ed25519, in OpenSSH's format, without a passphrase. `comment` is for people.
///
/// # Errors
/// Why there is none, for people.
pub fn make(comment: &str) -> Result<SecretString, String> {
    let wrong = |error: russh::keys::ssh_key::Error| format!("no key could be made: {error}");
    let mut key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(wrong)?;
    key.set_comment(comment);
    let text = key.to_openssh(LineEnding::LF).map_err(wrong)?;
    Ok(SecretString::from(text.as_str().to_owned()))
}

/// The public half of a private key, as one line of `authorized_keys`; `None` when the text is no private key, or one with a
/// passphrase.
#[must_use]
pub fn public_half(private: &str) -> Option<String> {
    decode_secret_key(private, None).ok()?.public_key().to_openssh().ok()
}

#[cfg(all(test, unix))]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_key_is_one_that_openssh_reads_and_its_public_half_is_the_one_that_ssh_keygen_tells() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let key = make("shop").expect("a key");
        std::fs::write(&path, key.expose_secret()).expect("written");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
        let told =
            std::process::Command::new("ssh-keygen").arg("-yf").arg(&path).output().expect("ssh-keygen");
        let told = String::from_utf8(told.stdout).expect("text");
        let own = public_half(key.expose_secret()).expect("a public half");
        assert_eq!(told.trim(), own);
        assert!(own.starts_with("ssh-ed25519 ") && own.ends_with(" shop"), "{own}");
        assert_eq!(public_half("-----BEGIN OPENSSH PRIVATE KEY-----\n"), None);
        assert_eq!(public_half("a password"), None);
    }
}
