//! The access token: 256 random bits, kept in a file that only its owner can read, so that the printed
//! address goes on working after a restart with the same port. `--new-token` replaces it.

use std::{fs, io, io::Write, path::Path};

use steadyhand_api::{ApiError, ErrorCode};
use subtle::ConstantTimeEq;

/// The shortest token that is accepted from a file which a person wrote.
const SHORTEST: usize = 32;

pub(crate) fn load(file: &Path, new: bool) -> Result<String, ApiError> {
    if !new {
        match fs::read_to_string(file) {
            Ok(text) => return check(file, text.trim()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read", file, &error)),
        }
    }
    let token = random()?;
    write(file, &token).map_err(|error| failed("write", file, &error))?;
    Ok(token)
}

fn check(file: &Path, token: &str) -> Result<String, ApiError> {
    let fits = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if token.len() < SHORTEST || !fits {
        let message = format!(
            "{} holds no usable token: it must be at least {SHORTEST} letters, digits, `-` or `_`. \
             Remove the file, or use --new-token, to have one made",
            file.display()
        );
        return Err(ApiError { code: ErrorCode::Invalid, message });
    }
    close_to_others(file).map_err(|error| failed("protect", file, &error))?;
    Ok(token.to_owned())
}

/// Compares in a time that does not depend on where the texts differ.
pub(crate) fn equal(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// 256 random bits, as text.
pub(crate) fn random() -> Result<String, ApiError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| ApiError {
        code: ErrorCode::Internal,
        message: format!("the system gave no random numbers: {error}"),
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Written beside and renamed, so that the token is never in a file that others can read, nor half there.
fn write(file: &Path, token: &str) -> io::Result<()> {
    let beside = file.with_extension(format!("new-{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(&beside)?.write_all(format!("{token}\n").as_bytes())?;
    fs::rename(&beside, file)
}

fn close_to_others(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let permissions = fs::metadata(file)?.permissions();
        if permissions.mode() & 0o077 != 0 {
            fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

fn failed(what: &str, file: &Path, error: &io::Error) -> ApiError {
    ApiError {
        code: ErrorCode::Storage,
        message: format!("cannot {what} the token in {}: {error}", file.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_kept_until_a_new_one_is_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("serve.token");
        let first = load(&file, false).expect("is made");
        assert_eq!(first.len(), 64);
        assert_eq!(load(&file, false).expect("is read"), first);
        let second = load(&file, true).expect("is replaced");
        assert_ne!(second, first);
        assert_eq!(load(&file, false).expect("is read"), second);
    }

    #[test]
    fn a_token_that_could_be_guessed_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("serve.token");
        for text in ["", "secret\n", "0123456789012345678901234567890 "] {
            fs::write(&file, text).expect("is written");
            assert_eq!(load(&file, false).expect_err("is refused").code, ErrorCode::Invalid, "{text:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("serve.token");
        let mode = || fs::metadata(&file).expect("is there").permissions().mode() & 0o777;
        load(&file, false).expect("is made");
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("is opened");
        load(&file, false).expect("is read");
        assert_eq!(mode(), 0o600);
    }
}
