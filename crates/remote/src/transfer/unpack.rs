//! What becomes of a download on this machine. The host is not believed: nothing is written but where the plan says, and no
//! part of such a path below the target is a link.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::sync::mpsc;

use super::listing::{Kind, There};
use super::{Counts, at, hash, hex, mode, path_of};
use crate::{Difference, Differs, TransferSummary};

/// Bits of a mode that are taken over: what lets a file run as its owner is nothing for another machine to say.
const MODE: u32 = 0o777;
/// Stands for a line break in the names that are sent to the host.
const BREAK: u8 = 1;

/// What is to be there, by its name without `./`.
pub(super) struct Plan {
    target: PathBuf,
    entries: BTreeMap<Vec<u8>, Entry>,
    tree: bool,
}

struct Entry {
    path: PathBuf,
    there: There,
    differs: Option<Differs>,
}

/// What came of it.
pub(super) struct Received {
    pub(super) summary: TransferSummary,
    pub(super) differences: Vec<Difference>,
    /// Files that were changed after the host had listed them: it may have changed them while it sent them.
    late: Vec<(TempPath, PathBuf)>,
    /// Folders that were made, and get their modes at last.
    made: Vec<(PathBuf, u32)>,
}

impl Plan {
    /// A file becomes `target`.
    pub(super) fn of_file(target: PathBuf, listed: HashMap<Vec<u8>, There>) -> io::Result<Self> {
        let mut entries = BTreeMap::new();
        for (name, there) in listed {
            let entry = Entry { path: target.clone(), there, differs: None };
            entries.insert(plain_name(&name).to_vec(), entry);
        }
        if entries.len() != 1 {
            return Err(io::Error::other("the host did not say what the file is"));
        }
        Self { target, entries, tree: false }.compared()
    }

    /// What is in a folder goes into `target`.
    pub(super) fn of_tree(target: PathBuf, listed: HashMap<Vec<u8>, There>) -> io::Result<Self> {
        let mut entries = BTreeMap::new();
        for (name, there) in listed {
            let path = if name == b"." { target.clone() } else { target.join(inside(&name)?) };
            let name = if name == b"." { &[][..] } else { plain_name(&name) };
            entries.insert(name.to_vec(), Entry { path, there, differs: None });
        }
        for (name, entry) in &entries {
            let parent = match name.iter().rposition(|&b| b == b'/') {
                Some(at) => &name[..at],
                None => &[][..],
            };
            let known = name.is_empty()
                || entries.get(parent).is_some_and(|parent| parent.there.kind == Kind::Folder);
            if !known || (name.is_empty() && entry.there.kind != Kind::Folder) {
                let what = entry.path.display();
                return Err(io::Error::other(format!(
                    "the host changed while it was listed: {what} is in no folder"
                )));
            }
        }
        if entries.is_empty() {
            return Err(io::Error::other("the host did not say what is in the folder"));
        }
        Self { target, entries, tree: true }.compared()
    }

    /// Compares with what is here. The links that are links here too are compared when they come.
    fn compared(mut self) -> io::Result<Self> {
        for entry in self.entries.values_mut() {
            let (path, there) = (&entry.path, &entry.there);
            // The folder that was named may be a link; what is in it may not.
            let found = if *path == self.target && there.kind == Kind::Folder {
                fs::metadata(path)
            } else {
                fs::symlink_metadata(path)
            };
            let found = match found {
                Ok(found) => found,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    entry.differs = Some(Differs::Missing);
                    match there.kind {
                        Kind::Other => return Err(strange(path)),
                        _ => continue,
                    }
                }
                Err(e) => return Err(at(path, "read", &e)),
            };
            let (is, ours) = (mode(&found) & MODE, there.mode & MODE);
            entry.differs = match there.kind {
                Kind::Other => return Err(strange(path)),
                Kind::Folder if found.is_dir() => None,
                Kind::Folder => return Err(in_the_way(path, "is no folder, and a folder is to be there")),
                _ if found.is_dir() => {
                    return Err(in_the_way(path, "is a folder, and a file is to be there"));
                }
                Kind::Link if found.is_symlink() => None,
                Kind::Link => Some(Differs::Kind),
                Kind::File if !found.is_file() => Some(Differs::Kind),
                Kind::File if found.len() != there.size || there.hash.is_none() => Some(Differs::Content),
                Kind::File if there.hash != Some(hash(path)?) => Some(Differs::Content),
                Kind::File if is != ours => Some(Differs::Mode { from: is, to: ours }),
                Kind::File => None,
            };
        }
        Ok(self)
    }

    /// The names to ask the host for: files that differ, unless it is only compared, and links.
    pub(super) fn wanted(&self, only_compared: bool) -> io::Result<Vec<u8>> {
        let mut names = Vec::new();
        for (name, entry) in &self.entries {
            let wanted = match (entry.there.kind, entry.differs) {
                (Kind::Link, None) => true,
                (Kind::Link, Some(_))
                | (Kind::File, Some(Differs::Missing | Differs::Content | Differs::Kind)) => !only_compared,
                _ => false,
            };
            if !wanted {
                continue;
            }
            if name.contains(&BREAK) {
                return Err(in_the_way(
                    &entry.path,
                    "cannot be asked for: its name has a control character (1) in it",
                ));
            }
            if !names.is_empty() {
                names.push(b'\n');
            }
            names.extend_from_slice(b"./");
            names.extend(name.iter().map(|&byte| if byte == b'\n' { BREAK } else { byte }));
        }
        Ok(names)
    }

    /// Finds out about links, and puts nothing in place.
    pub(super) fn compare(mut self, pieces: mpsc::Receiver<Bytes>) -> io::Result<Received> {
        let mut archive = tar::Archive::new(Pieces { pieces, piece: Bytes::new() });
        archive.set_ignore_zeros(true);
        for member in archive.entries()? {
            let member = member?;
            let entry = asked_for(&mut self.entries, &member.path_bytes())?;
            if fs::read_link(&entry.path).ok() != Some(link_target(&member)?) {
                entry.differs = Some(Differs::Content);
            }
        }
        let differences = self.entries.values().filter_map(|entry| {
            Some(Difference { path: entry.path.display().to_string(), how: entry.differs? })
        });
        Ok(Received { differences: differences.collect(), ..Received::nothing() })
    }

    /// Puts everything in place as it comes.
    pub(super) fn unpack(mut self, pieces: mpsc::Receiver<Bytes>, counts: &Counts) -> io::Result<Received> {
        let mut received = Received::nothing();
        self.make_folders(&mut received)?;
        let mut come: HashMap<Vec<u8>, PathBuf> = HashMap::new();
        let mut archive = tar::Archive::new(Pieces { pieces, piece: Bytes::new() });
        archive.set_ignore_zeros(true);
        for member in archive.entries()? {
            let mut member = member?;
            let entry = asked_for(&mut self.entries, &member.path_bytes())?;
            let (path, kind) = (entry.path.clone(), entry.there.kind);
            match (member.header().entry_type(), kind) {
                (tar::EntryType::Symlink, Kind::Link) => {
                    let target = link_target(&member)?;
                    if fs::read_link(&path).ok() != Some(target.clone()) {
                        link(&target, &path)?;
                        entry.differs.get_or_insert(Differs::Content);
                        counts.file();
                    }
                }
                (tar::EntryType::Link, Kind::File) => {
                    // Two names of one file: it has come under the other one.
                    let other = member.link_name_bytes().unwrap_or_default();
                    let from = come.get(plain_name(&other)).ok_or_else(|| unasked(&other))?;
                    let mut file = fs::File::open(from).map_err(|e| at(from, "read", &e))?;
                    let there = entry.there.clone();
                    let written = write(&mut file, None, &path, &there, counts)?;
                    come.insert(
                        plain_name(&member.path_bytes()).to_vec(),
                        received.keep(written, &path, &there)?,
                    );
                }
                (tar::EntryType::Regular | tar::EntryType::Continuous, Kind::File) => {
                    let (there, size) = (entry.there.clone(), member.size());
                    let written = write(&mut member, Some(size), &path, &there, counts)?;
                    come.insert(
                        plain_name(&member.path_bytes()).to_vec(),
                        received.keep(written, &path, &there)?,
                    );
                }
                _ => {
                    return Err(in_the_way(&path, "is no longer there what it was when the host listed it"));
                }
            }
            entry.there.kind = Kind::Other;
        }
        self.tally(&mut received, counts)?;
        Ok(received)
    }

    /// Makes what folders are missing. They can be written in until all is there.
    fn make_folders(&self, received: &mut Received) -> io::Result<()> {
        let above = if self.tree { Some(self.target.as_path()) } else { self.target.parent() };
        if let Some(above) = above.filter(|above| !above.as_os_str().is_empty()) {
            fs::create_dir_all(above).map_err(|e| at(above, "made", &e))?;
        }
        for entry in self.entries.values().filter(|entry| entry.there.kind == Kind::Folder) {
            if entry.differs.is_none() {
                continue;
            }
            if entry.path != self.target {
                make_folder(&entry.path, entry.there.mode)?;
            }
            received.made.push((entry.path.clone(), entry.there.mode & MODE));
        }
        Ok(())
    }

    /// Counts, gives files their modes of which only that differs, and sees that everything has come.
    fn tally(&self, received: &mut Received, counts: &Counts) -> io::Result<()> {
        let summary = &mut received.summary;
        for entry in self.entries.values() {
            match (entry.there.kind, entry.differs) {
                (Kind::Folder, Some(_)) => summary.folders += 1,
                (Kind::Folder, None) => {}
                (Kind::File, Some(Differs::Mode { to, .. })) => {
                    set_mode(&entry.path, to)?;
                    counts.file();
                }
                (Kind::File | Kind::Other, None) => summary.unchanged += 1,
                // It has come.
                (Kind::Other, Some(_)) => {}
                (Kind::File, Some(_)) | (Kind::Link, _) => {
                    return Err(in_the_way(&entry.path, "did not come"));
                }
            }
        }
        let sent = counts.now();
        (summary.files, summary.bytes) = (sent.files, sent.bytes);
        Ok(())
    }
}

impl Received {
    fn nothing() -> Self {
        Self {
            summary: TransferSummary::default(),
            differences: Vec::new(),
            late: Vec::new(),
            made: Vec::new(),
        }
    }

    /// Puts a file in place, or keeps it until the host has said that it was whole. Says where it is.
    fn keep(
        &mut self,
        (file, hash): (NamedTempFile, String),
        path: &Path,
        there: &There,
    ) -> io::Result<PathBuf> {
        if there.hash.as_ref() == Some(&hash) {
            file.persist(path).map_err(|e| at(path, "replaced", &e.error))?;
            return Ok(path.to_path_buf());
        }
        let now = file.path().to_path_buf();
        self.late.push((file.into_temp_path(), path.to_path_buf()));
        Ok(now)
    }

    /// The host has sent everything as it was.
    pub(super) fn finish(mut self) -> io::Result<Self> {
        for (file, path) in std::mem::take(&mut self.late) {
            file.persist(&path).map_err(|e| at(&path, "replaced", &e.error))?;
        }
        for (path, mode) in self.made.iter().rev() {
            set_mode(path, *mode)?;
        }
        Ok(self)
    }
}

/// Writes a file beside its place.
fn write(
    content: &mut impl Read,
    size: Option<u64>,
    path: &Path,
    there: &There,
    counts: &Counts,
) -> io::Result<(NamedTempFile, String)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".steadyhand-")
        .tempfile_in(folder)
        .map_err(|e| at(path, "written", &e))?;
    let (mut hash, mut come, mut buffer) = (Sha256::new(), 0, vec![0; 128 * 1024]);
    loop {
        let n = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        file.write_all(&buffer[..n]).map_err(|e| at(path, "written", &e))?;
        hash.update(&buffer[..n]);
        counts.bytes(n);
        come += n as u64;
    }
    if size.is_some_and(|size| size != come) {
        return Err(in_the_way(path, "did not come whole"));
    }
    set_mode(file.path(), there.mode & MODE)?;
    counts.file();
    Ok((file, hex(&hash.finalize())))
}

/// Makes a link beside its place, and puts it there.
#[cfg(unix)]
fn link(target: &Path, path: &Path) -> io::Result<()> {
    let beside = path.with_file_name(format!(".steadyhand-{}", crate::lane::new_token()));
    std::os::unix::fs::symlink(target, &beside).map_err(|e| at(path, "made", &e))?;
    fs::rename(&beside, path).map_err(|e| {
        let _ = fs::remove_file(&beside);
        at(path, "replaced", &e)
    })
}

#[cfg(not(unix))]
fn link(_target: &Path, path: &Path) -> io::Result<()> {
    Err(in_the_way(path, "is a link there, and links are not made on this system"))
}

/// Makes a folder that nobody else sees more of than in the end, and in which can be written until then.
#[cfg(unix)]
fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(mode & MODE | 0o700).create(path).map_err(|e| at(path, "made", &e))
}

#[cfg(not(unix))]
fn make_folder(path: &Path, _mode: u32) -> io::Result<()> {
    fs::create_dir(path).map_err(|e| at(path, "made", &e))
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|e| at(path, "given its mode", &e))
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// The entry of a member of the archive, which comes once at most.
fn asked_for<'a>(entries: &'a mut BTreeMap<Vec<u8>, Entry>, name: &[u8]) -> io::Result<&'a mut Entry> {
    let wanted = entries.get_mut(plain_name(name));
    wanted.filter(|entry| matches!(entry.there.kind, Kind::File | Kind::Link)).ok_or_else(|| unasked(name))
}

fn unasked(name: &[u8]) -> io::Error {
    let name = String::from_utf8_lossy(name);
    io::Error::other(format!("the host sent {name:?}, which it was not asked for"))
}

fn link_target<R: Read>(member: &tar::Entry<'_, R>) -> io::Result<PathBuf> {
    let target = member.link_name_bytes().and_then(|target| path_of(&target));
    target.ok_or_else(|| io::Error::other("the host sent a link that leads nowhere"))
}

/// A name without `./` before it.
fn plain_name(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"./").unwrap_or(name)
}

/// A name as a path below a folder.
fn inside(name: &[u8]) -> io::Result<PathBuf> {
    let path = name.strip_prefix(b"./").and_then(path_of);
    let path = path.filter(|path| {
        let parts = path.components().all(|part| matches!(part, Component::Normal(_)));
        // What the system reads in another way than it is written could be the same place under two names.
        let plain = path.components().collect::<PathBuf>().as_os_str() == path.as_os_str();
        parts && plain && !path.as_os_str().is_empty()
    });
    path.ok_or_else(|| {
        let name = String::from_utf8_lossy(name);
        io::Error::other(format!("the host names {name:?}, which is no file in that folder"))
    })
}

fn strange(path: &Path) -> io::Error {
    in_the_way(path, "is no file, folder or link on the host")
}

fn in_the_way(path: &Path, what: &str) -> io::Error {
    io::Error::other(format!("{} {what}", path.display()))
}

/// Reads the pieces of an archive as they come.
struct Pieces {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let n = buffer.len().min(self.piece.len());
        buffer[..n].copy_from_slice(&self.piece.split_to(n));
        Ok(n)
    }
}
