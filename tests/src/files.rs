//! What lies in a folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The files in a folder, and in those within it, that contain these bytes.
#[must_use]
pub fn files_with(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if let Ok(content) = fs::read(&path)
            && content.windows(bytes.len()).any(|part| part == bytes)
        {
            found.push(path);
        }
    }
    found
}
