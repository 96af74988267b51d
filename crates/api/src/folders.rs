//! Where things are on this machine.

use std::path::PathBuf;

/// The folder for data when none is named: `STEADYHAND_DATA`, or `steadyhand` in the user's data folder.
#[must_use]
pub fn data_dir() -> PathBuf {
    if let Some(folder) = std::env::var_os("STEADYHAND_DATA").filter(|folder| !folder.is_empty()) {
        return folder.into();
    }
    dirs::data_dir().or_else(std::env::home_dir).unwrap_or_else(|| PathBuf::from(".")).join("steadyhand")
}

/// The folder in which files for the person are put.
pub(crate) fn downloads() -> PathBuf {
    dirs::download_dir()
        .filter(|folder| folder.is_dir())
        .or_else(std::env::home_dir)
        .unwrap_or_else(std::env::temp_dir)
}

/// Who uses this machine, for "started by".
pub(crate) fn user() -> String {
    whoami::username().unwrap_or_else(|_| "someone".to_owned())
}
