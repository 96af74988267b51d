//! Downloads: the host lists what it has, and sends what differs here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::listing;
use super::talk::{Talk, Trouble};
use super::unpack::{Plan, Received};
use super::{Counts, at, path_of};
use crate::lane::new_token;
use crate::link::Link;
use crate::{Difference, Elevation, RemoteError, TransferProgress, TransferSummary, shell};

/// So many bytes the host sends when it is asked for more, as `shell/download.sh` says.
const MORE: usize = 1024 * 1024;
/// So often it is asked before anything has come: what is on its way, and all that may wait here.
const AHEAD: usize = 8;
/// Pieces that wait to be unpacked.
const WAITING: usize = 8;

/// Downloads `from` to `to`.
pub(crate) async fn download(
    link: &Link,
    from: &str,
    to: &Path,
    elevation: Option<&Elevation>,
    progress: &(dyn Fn(TransferProgress) + Send + Sync),
) -> Result<TransferSummary, RemoteError> {
    let failed = failure(link, from, to);
    let listed = Listed::start(link, from, to, elevation).await.map_err(&failed)?;
    let received = listed.receive(false, progress).await.map_err(&failed)?;
    Ok(received.summary)
}

/// What [`download`] would put here.
pub(crate) async fn compare_download(
    link: &Link,
    from: &str,
    to: &Path,
    elevation: Option<&Elevation>,
) -> Result<Vec<Difference>, RemoteError> {
    let failed = failure(link, from, to);
    let listed = Listed::start(link, from, to, elevation).await.map_err(&failed)?;
    let received = listed.receive(true, &|_| {}).await.map_err(&failed)?;
    Ok(received.differences)
}

fn failure(link: &Link, from: &str, to: &Path) -> impl Fn(Trouble) -> RemoteError {
    move |trouble| match trouble {
        Trouble::Link(error) => error,
        Trouble::Said(detail) => RemoteError::Download {
            host: link.name().to_owned(),
            from: from.to_owned(),
            to: to.display().to_string(),
            detail,
        },
    }
}

/// A download whose host has said what it has.
struct Listed<'a> {
    talk: Talk<'a>,
    plan: Plan,
}

impl<'a> Listed<'a> {
    async fn start(
        link: &'a Link,
        from: &str,
        to: &Path,
        elevation: Option<&Elevation>,
    ) -> Result<Self, Trouble> {
        if from.is_empty() || from.contains('\0') {
            return Err("the source is no path".to_owned().into());
        }
        let token = new_token();
        let program = shell::download_program(&token, from, elevation)?;
        let mut talk = Talk::start(link, &token, program).await?;
        let (_, kind) = talk.wait().await?;
        let (listed, _) = talk.wait().await?;
        let (from, to, tree) = (from.to_owned(), to.to_path_buf(), kind == "tree");
        let plan = tokio::task::spawn_blocking(move || {
            let listed = listing::parse(&listed, &token);
            if tree {
                Plan::of_tree(tree_target(&from, &to), listed)
            } else {
                Plan::of_file(file_target(&from, &to)?, listed)
            }
        });
        let plan = plan.await.map_err(|error| error.to_string())??;
        Ok(Self { talk, plan })
    }

    /// Fetches what differs, and puts it in place unless it is `only_compared`.
    async fn receive(
        self,
        only_compared: bool,
        progress: &(dyn Fn(TransferProgress) + Send + Sync),
    ) -> Result<Received, Trouble> {
        let Self { mut talk, plan } = self;
        let names = plan.wanted(only_compared)?;
        let counts = Arc::new(Counts::default());
        let (pieces, to_unpack) = mpsc::channel::<Bytes>(WAITING);
        let nothing = names.is_empty();
        let unpacking = {
            let counts = Arc::clone(&counts);
            tokio::task::spawn_blocking(move || {
                if only_compared { plan.compare(to_unpack) } else { plan.unpack(to_unpack, &counts) }
            })
        };
        let mut said = None;
        if nothing {
            drop(pieces);
        } else {
            talk.send(format!("{}\n", names.len())).await;
            talk.send(names).await;
            talk.send("\n".repeat(AHEAD)).await;
            said = Some(stream(&mut talk, &pieces, &counts, progress).await);
            // An archive that ends in the middle is found out by who unpacks it.
            drop(pieces);
        }
        let received = unpacking.await.map_err(|error| error.to_string())?;
        // What failed there explains what is missing here, unless it was not taken here.
        match said {
            Some(Streamed::Ended(Err(trouble))) => return Err(trouble),
            Some(Streamed::Ended(Ok(0)) | Streamed::NotTaken) | None => {}
            Some(Streamed::Ended(Ok(_))) => {
                let why = match &received {
                    Ok(_) => "not everything could be read there".to_owned(),
                    Err(_) => "not everything could be read there, and so did not come".to_owned(),
                };
                return Err(talk.explain(&why).await);
            }
        }
        let received = received?.finish()?;
        progress(counts.now());
        Ok(received)
    }
}

/// How the stream of an archive ended.
enum Streamed {
    /// The host said so, with the status of what packed it.
    Ended(Result<u8, Trouble>),
    /// Here.
    NotTaken,
}

async fn stream(
    talk: &mut Talk<'_>,
    pieces: &mpsc::Sender<Bytes>,
    counts: &Counts,
    progress: &(dyn Fn(TransferProgress) + Send + Sync),
) -> Streamed {
    let mut taken = 0;
    loop {
        let answer = talk.answer();
        let ended = answer.is_some();
        let (bytes, words) = match answer {
            Some((before, words)) => (Bytes::from(before), words),
            None => (talk.take_settled(), String::new()),
        };
        taken += bytes.len();
        if !bytes.is_empty() && pieces.send(bytes).await.is_err() {
            return Streamed::NotTaken;
        }
        progress(counts.now());
        if ended {
            return Streamed::Ended(
                match words.strip_prefix("sent ").and_then(|status| status.parse().ok()) {
                    Some(status) => Ok(status),
                    None => Err(talk.explain(words.strip_prefix("failed ").unwrap_or(&words)).await),
                },
            );
        }
        // Whoever is slower here slows the host down.
        while taken >= MORE {
            taken -= MORE;
            talk.send(Bytes::from_static(b"\n")).await;
        }
        if !talk.hear().await && !talk.has_answer() {
            return Streamed::Ended(Err(talk.silence().await));
        }
    }
}

/// The folder that a folder becomes here.
fn tree_target(from: &str, to: &Path) -> PathBuf {
    match last_name(from) {
        Some(name) if !from.ends_with('/') => to.join(name),
        _ => to.to_path_buf(),
    }
}

/// The file that a file becomes here.
fn file_target(from: &str, to: &Path) -> std::io::Result<PathBuf> {
    if !to.as_os_str().as_encoded_bytes().ends_with(b"/") && !to.is_dir() {
        return Ok(to.to_path_buf());
    }
    let name = last_name(from).and_then(|name| path_of(name.as_bytes()));
    let name = name.ok_or_else(|| at(to, "written", &std::io::Error::other("the file has no name")))?;
    Ok(to.join(name))
}

/// The last part of a path, if it is a name.
fn last_name(path: &str) -> Option<&str> {
    let name = path.trim_end_matches('/').rsplit('/').next()?;
    (!matches!(name, "" | "." | ".." | "~")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_by_its_name_and_its_content_without_it() {
        let check =
            |from: &str, expected: &str| assert_eq!(tree_target(from, Path::new("/to")), Path::new(expected));
        check("/srv/app", "/to/app");
        check("app", "/to/app");
        check("/srv/app/", "/to");
        check("~", "/to");
        check("..", "/to");
        check("/srv/..", "/to");
        check("/", "/to");
    }
}
