//! What is to be uploaded: files, folders and links of this machine.

use std::collections::HashSet;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use super::{Pick, at, hash, mode};

/// Something to be uploaded.
pub(super) struct Here {
    /// Its place in the tree, without a leading `/`; empty for the tree itself.
    pub(super) name: PathBuf,
    pub(super) path: PathBuf,
    pub(super) mode: u32,
    pub(super) what: What,
    /// The SHA-256 of a file, where it was asked for: then exactly that travels.
    pub(super) hash: Option<String>,
}

pub(super) enum What {
    Folder,
    File { size: u64 },
    Link { target: PathBuf },
}

/// All of `from` that is picked, each folder before what is in it. Folders in which nothing is picked are left out.
pub(super) fn walk_picked(from: &Path, pick: &Pick) -> io::Result<Vec<Here>> {
    let metadata = std::fs::metadata(from).map_err(|e| at(from, "read", &e))?;
    let mut all = Vec::new();
    folder(from, Path::new(""), &metadata, Some(pick), &mut all)?;
    for here in &mut all {
        if matches!(here.what, What::File { .. }) {
            here.hash = Some(hash(&here.path)?);
        }
    }
    Ok(all)
}

/// All of `from`, each folder before what is in it.
pub(super) fn walk(from: &Path) -> io::Result<Vec<Here>> {
    let metadata = std::fs::metadata(from).map_err(|e| at(from, "read", &e))?;
    let mut all = Vec::new();
    if metadata.is_dir() {
        folder(from, Path::new(""), &metadata, None, &mut all)?;
    } else if metadata.is_file() {
        all.push(Here {
            name: PathBuf::from("file"),
            path: from.to_path_buf(),
            mode: mode(&metadata),
            what: What::File { size: metadata.len() },
            hash: None,
        });
    } else {
        return Err(strange(from));
    }
    Ok(all)
}

fn folder(
    path: &Path,
    name: &Path,
    metadata: &Metadata,
    pick: Option<&Pick>,
    all: &mut Vec<Here>,
) -> io::Result<()> {
    let before = all.len();
    all.push(Here {
        name: name.to_path_buf(),
        path: path.to_path_buf(),
        mode: mode(metadata),
        what: What::Folder,
        hash: None,
    });
    let mut entries = std::fs::read_dir(path)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .map_err(|e| at(path, "read", &e))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        let metadata = entry.metadata().map_err(|e| at(&path, "read", &e))?;
        if pick.is_some_and(|pick| !pick(&name, metadata.is_dir())) {
            continue;
        }
        let what = if metadata.is_dir() {
            folder(&path, &name, &metadata, pick, all)?;
            continue;
        } else if metadata.is_symlink() {
            What::Link { target: std::fs::read_link(&path).map_err(|e| at(&path, "read", &e))? }
        } else if metadata.is_file() {
            What::File { size: metadata.len() }
        } else if pick.is_some() {
            // A socket or the like is not a part of what is picked.
            continue;
        } else {
            return Err(strange(&path));
        };
        all.push(Here { name, path, mode: mode(&metadata), what, hash: None });
    }
    if pick.is_some() && all.len() == before + 1 && !name.as_os_str().is_empty() {
        all.truncate(before);
    }
    Ok(())
}

fn strange(path: &Path) -> io::Error {
    io::Error::other(format!("{} is no file, folder or link", path.display()))
}

/// Those of `all` that `differs` says differ, with the folders that they are in.
pub(super) fn with_folders(all: Vec<Here>, differs: &[bool]) -> Vec<Here> {
    let mut folders: HashSet<PathBuf> = HashSet::new();
    for (here, _) in all.iter().zip(differs).filter(|(_, differs)| **differs) {
        for folder in here.name.ancestors().skip(1) {
            if !folders.insert(folder.to_path_buf()) {
                break;
            }
        }
    }
    let wanted =
        all.into_iter().zip(differs).filter(|(here, differs)| **differs || folders.contains(&here.name));
    wanted.map(|(here, _)| here).collect()
}
