//! Uploads: what differs is packed here, and unpacked and put in place there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::listing::{self, Kind, There};
use super::talk::{Talk, Trouble};
use super::tree::{self, Here, What};
use super::{Counts, Pick, archive, at, hash, mirror, mode, path_of};
use crate::lane::new_token;
use crate::link::Link;
use crate::shell::{self, Uploaded};
use crate::{Difference, Differs, Elevation, RemoteError, TransferProgress, TransferSummary};

/// Pieces that wait to be sent.
const WAITING: usize = 8;

/// Uploads `from` to `to`.
pub(crate) async fn upload(
    link: &Link,
    from: &Path,
    to: &str,
    elevation: Option<&Elevation>,
    progress: &(dyn Fn(TransferProgress) + Send + Sync),
) -> Result<TransferSummary, RemoteError> {
    let failed = failure(link, from, to);
    let surveyed = Surveyed::start(link, from, to, None, elevation).await.map_err(&failed)?;
    surveyed.send(progress).await.map_err(&failed)
}

/// What [`upload`] would send.
pub(crate) async fn compare_upload(
    link: &Link,
    from: &Path,
    to: &str,
    elevation: Option<&Elevation>,
) -> Result<Vec<Difference>, RemoteError> {
    let surveyed = Surveyed::start(link, from, to, None, elevation).await.map_err(failure(link, from, to))?;
    let (all, differs) = (&surveyed.all, &surveyed.differs);
    let differences = all.iter().zip(differs).filter_map(|(here, differs)| Some((here, (*differs)?)));
    Ok(differences.map(|(here, how)| Difference { path: surveyed.target(here), how }).collect())
}

pub(super) fn failure(link: &Link, from: &Path, to: &str) -> impl Fn(Trouble) -> RemoteError {
    move |trouble| match trouble {
        Trouble::Link(error) => error,
        Trouble::Said(detail) => RemoteError::Upload {
            host: link.name().to_owned(),
            from: from.display().to_string(),
            to: to.to_owned(),
            detail,
        },
    }
}

/// An upload whose host has said what it has.
pub(super) struct Surveyed<'a> {
    talk: Talk<'a>,
    what: Uploaded,
    /// The folder on the host, or the name of the file.
    to: String,
    pub(super) all: Vec<Here>,
    /// How each of `all` differs, if it does.
    differs: Vec<Option<Differs>>,
    /// What is there and is to be removed.
    pub(super) gone: Vec<Vec<u8>>,
}

impl<'a> Surveyed<'a> {
    /// With `mirrored` only what that picks travels, and what else is there is removed.
    pub(super) async fn start(
        link: &'a Link,
        from: &Path,
        to: &str,
        mirrored: Option<Arc<Pick>>,
        elevation: Option<&Elevation>,
    ) -> Result<Self, Trouble> {
        if to.is_empty() || to.contains('\0') {
            return Err("the target is no path".to_owned().into());
        }
        let metadata = fs::metadata(from).map_err(|e| at(from, "read", &e))?;
        let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut to = to.to_owned();
        let what = if metadata.is_dir() {
            if mirrored.is_none() && !from.as_os_str().as_encoded_bytes().ends_with(b"/") && !name.is_empty()
            {
                to = format!("{}/{name}", to.trim_end_matches('/'));
            }
            Uploaded::Tree { mode: mode(&metadata), mirrored: mirrored.is_some() }
        } else if mirrored.is_some() {
            return Err(format!("{} is no folder", from.display()).into());
        } else {
            Uploaded::File { name }
        };
        let (all, names, links) = {
            let (from, mirrored) = (from.to_path_buf(), mirrored.clone());
            let tree = matches!(what, Uploaded::Tree { .. });
            blocking(move || {
                let all = match &mirrored {
                    Some(pick) => tree::walk_picked(&from, pick.as_ref())?,
                    None => tree::walk(&from)?,
                };
                if mirrored.is_some() && all.len() < 2 {
                    return Err(io::Error::other(
                        "there is nothing in it to be sent: it is empty, or its ignore files leave everything out",
                    ));
                }
                let (names, links) = if tree { asked(&all) } else { Default::default() };
                Ok((all, names, links))
            })
            .await?
        };
        let token = new_token();
        let program = shell::upload_program(&token, &to, &what, (names.len(), links.len()), elevation)?;
        let mut talk = Talk::start(link, &token, program).await?;
        talk.send(names).await;
        talk.send(links).await;
        let found = if mirrored.is_some() { Some(talk.wait().await?) } else { None };
        let (listed, _) = talk.wait().await?;
        let (targets, _) = talk.wait().await?;
        let (all, differs, gone) = blocking(move || {
            let mut there = listing::parse(&listed, &token);
            let gone = found.as_ref().map(|(found, _)| mirror::gone(&all, &mut there, found));
            let differs = compare(&all, &there, &targets)?;
            if let Some((_, room)) = &found {
                mirror::fits(&all, &differs, room)?;
            }
            Ok((all, differs, gone.unwrap_or_default()))
        })
        .await?;
        Ok(Self { talk, what, to, all, differs, gone })
    }

    /// Where on the host something belongs.
    fn target(&self, here: &Here) -> String {
        match &self.what {
            Uploaded::File { name } if self.to.ends_with('/') => format!("{}{name}", self.to),
            Uploaded::File { .. } => self.to.clone(),
            Uploaded::Tree { .. } if here.name.as_os_str().is_empty() => self.to.clone(),
            Uploaded::Tree { .. } => format!("{}/{}", self.to.trim_end_matches('/'), here.name.display()),
        }
    }

    pub(super) async fn send(
        self,
        progress: &(dyn Fn(TransferProgress) + Send + Sync),
    ) -> Result<TransferSummary, Trouble> {
        let Self { mut talk, all, differs, gone, .. } = self;
        let mut summary = TransferSummary::default();
        for (here, differs) in all.iter().zip(&differs) {
            match (&here.what, differs) {
                (What::Folder, Some(_)) => summary.folders += 1,
                (What::Folder, None) | (_, Some(_)) => {}
                (_, None) => summary.unchanged += 1,
            }
        }
        let differs: Vec<bool> = differs.iter().map(Option::is_some).collect();
        if !differs.contains(&true) && gone.is_empty() {
            return Ok(summary);
        }
        let input = talk.take_input().ok_or_else(|| "the shell takes no input".to_owned())?;
        let counts = Arc::new(Counts::default());
        let (pieces, mut to_send) = mpsc::channel::<Bytes>(WAITING);
        let packing = {
            let counts = Arc::clone(&counts);
            tokio::task::spawn_blocking(move || {
                archive::write(&tree::with_folders(all, &differs), pieces, &counts)
            })
        };
        let answered = {
            let sending = async {
                let removed: Vec<u8> = gone.iter().flat_map(|name| [&name[..], b"\0"].concat()).collect();
                let go = [format!("go {}\n", removed.len()).as_bytes(), &removed].concat();
                if input.send(Bytes::from(go)).await.is_err() {
                    return;
                }
                while let Some(piece) = to_send.recv().await {
                    if input.send(piece).await.is_err() {
                        return;
                    }
                    progress(counts.now());
                }
                // The archive's end is the end of the input.
                drop(input);
            };
            let both = async {
                sending.await;
                std::future::pending().await
            };
            tokio::select! {
                () = both => None,
                answered = talk.wait() => Some(answered),
            }
        };
        // What could not be read here explains what did not arrive there; a lost connection explains itself.
        to_send.close();
        let packed = packing.await;
        match answered {
            Some(Err(Trouble::Link(lost))) => return Err(lost.into()),
            answered => {
                if let Ok(Err(error)) = packed
                    && error.kind() != io::ErrorKind::BrokenPipe
                {
                    return Err(error.into());
                }
                if let Some(Err(trouble)) = answered {
                    return Err(trouble);
                }
            }
        }
        progress(counts.now());
        let sent = counts.now();
        Ok(TransferSummary { files: sent.files, bytes: sent.bytes, ..summary })
    }
}

/// The names to ask about, and those that may be links there, each with a NUL after it. A folder is asked about twice: with
/// a `/`, it is there also when a link leads to it.
fn asked(all: &[Here]) -> (Vec<u8>, Vec<u8>) {
    let (mut names, mut links) = (Vec::new(), Vec::new());
    for here in all {
        let name = asked_name(here);
        if matches!(here.what, What::Link { .. }) {
            links.extend_from_slice(&name);
            links.push(0);
        }
        if matches!(here.what, What::Folder) && !here.name.as_os_str().is_empty() {
            names.extend_from_slice(&name);
            names.extend_from_slice(b"/\0");
        }
        names.extend_from_slice(&name);
        names.push(0);
    }
    (names, links)
}

/// As what something is asked about.
pub(super) fn asked_name(here: &Here) -> Vec<u8> {
    [b"./", here.name.as_os_str().as_encoded_bytes()].concat()
}

/// How each of `all` differs from what is there, if it does. `targets` is an archive of the links that are there.
fn compare(
    all: &[Here],
    there: &HashMap<Vec<u8>, There>,
    targets: &[u8],
) -> io::Result<Vec<Option<Differs>>> {
    let targets = link_targets(targets);
    let compared = all.iter().map(|here| {
        let name = asked_name(here);
        let (found, shown) = (there.get(&name), here.name.display());
        Ok(match &here.what {
            What::Folder if here.name.as_os_str().is_empty() => found.is_none().then_some(Differs::Missing),
            What::Folder => {
                if there.contains_key(&[&name[..], b"/"].concat()) {
                    return Ok(None);
                }
                if found.is_some() {
                    return Err(io::Error::other(format!(
                        "{shown} is in the way there: a folder is to be there"
                    )));
                }
                Some(Differs::Missing)
            }
            What::File { size } => {
                // A file alone may have another name there: it is the only one that was asked about.
                let found = if all.len() == 1 { there.values().next() } else { found };
                let Some(found) = found else { return Ok(Some(Differs::Missing)) };
                match found.kind {
                    Kind::Folder => return Err(in_the_way(&here.name)),
                    Kind::Link | Kind::Other => Some(Differs::Kind),
                    Kind::File if found.size != *size || found.hash.is_none() => Some(Differs::Content),
                    Kind::File if found.hash != Some(hash_of(here)?) => Some(Differs::Content),
                    Kind::File if found.mode != here.mode => {
                        Some(Differs::Mode { from: found.mode, to: here.mode })
                    }
                    Kind::File => None,
                }
            }
            What::Link { target } => match found.map(|found| found.kind) {
                None => Some(Differs::Missing),
                Some(Kind::Folder) => return Err(in_the_way(&here.name)),
                Some(Kind::Link) => (targets.get(&here.name) != Some(target)).then_some(Differs::Content),
                Some(Kind::File | Kind::Other) => Some(Differs::Kind),
            },
        })
    });
    compared.collect()
}

/// The SHA-256 of a file.
fn hash_of(here: &Here) -> io::Result<String> {
    here.hash.clone().map_or_else(|| hash(&here.path), Ok)
}

fn in_the_way(name: &Path) -> io::Error {
    io::Error::other(format!("{} is a folder there, and a file is to be there", name.display()))
}

/// Where the links of an archive lead. One that cannot be read says nothing.
fn link_targets(archive: &[u8]) -> HashMap<PathBuf, PathBuf> {
    let mut archive = tar::Archive::new(archive);
    archive.set_ignore_zeros(true);
    let mut targets = HashMap::new();
    let Ok(entries) = archive.entries() else { return targets };
    for entry in entries.map_while(Result::ok) {
        if entry.header().entry_type() != tar::EntryType::Symlink {
            continue;
        }
        let name = entry.path_bytes();
        let name = path_of(name.strip_prefix(b"./").unwrap_or(&name));
        if let (Some(name), Some(target)) =
            (name, entry.link_name_bytes().and_then(|target| path_of(&target)))
        {
            targets.insert(name, target);
        }
    }
    targets
}

/// Does what takes long on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Trouble> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(error.to_string().into()),
    }
}
