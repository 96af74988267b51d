//! Texts of a plan on their way to a host: secrets put in, words quoted, paths resolved.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};
use steadyhand_domain::Reason;
use steadyhand_plan::Text;

/// A text with the values of its secrets.
pub(crate) fn reveal(text: &Text, secrets: &HashMap<String, SecretString>) -> Result<String, Reason> {
    text.reveal(|name| secrets.get(name).map(ExposeSecret::expose_secret))
        .map_err(|missing| Reason::Error { message: missing.to_string() })
}

/// One word of a POSIX shell.
pub(super) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A path as one word, with `~/` meaning the home on the host.
pub(super) fn quoted_path(path: &str) -> String {
    match path.strip_prefix("~/") {
        Some(rest) => format!("\"$HOME\"/{}", quoted(rest)),
        None => quoted(path),
    }
}

/// A path on this machine, as the plan means it. A trailing `/` is kept: it says what is copied.
pub(crate) fn resolve(base: &Path, path: &str) -> PathBuf {
    match path.strip_prefix("~/") {
        Some(rest) => std::env::home_dir().unwrap_or_default().join(rest),
        None => base.join(path),
    }
}
