//! One large file: what has come of it over a connection that was lost need not come again.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::talk::{Talk, Trouble};
use super::upload::{blocking, failure};
use super::{at, hash};
use crate::lane::new_token;
use crate::link::Link;
use crate::{Elevation, FileProgress, RemoteError, SentFile, shell};

/// Bytes that are read and sent at once.
const PIECE: usize = 128 * 1024;
/// Pieces that wait to be sent.
const WAITING: usize = 8;
/// The host goes on at a multiple of this.
const BLOCK: u64 = 1 << 20;

/// Sends `from` into the folder `to`, where its name is its SHA-256.
pub(crate) async fn send_file(
    link: &Link,
    from: &Path,
    to: &str,
    elevation: Option<&Elevation>,
    progress: &(dyn Fn(FileProgress) + Send + Sync),
) -> Result<SentFile, RemoteError> {
    let failed = failure(link, from, to);
    let (sha256, size) = {
        let path = from.to_path_buf();
        let digest = blocking(move || {
            let size = std::fs::metadata(&path).map_err(|e| at(&path, "read", &e))?.len();
            Ok((hash(&path)?, size))
        });
        digest.await.map_err(&failed)?
    };
    // What had come before may have been damaged: then it is sent from its beginning.
    for _ in 0..2 {
        let sent = once(link, from, to, (&sha256, size), elevation, progress).await.map_err(&failed)?;
        if let Some(sent) = sent {
            return Ok(SentFile { sha256, size, sent });
        }
    }
    let why = "what arrived is not what was sent: it was changed meanwhile, or is damaged; deploy again";
    Err(failed(why.to_owned().into()))
}

/// Sends what is missing; says how much that was. `None` when what arrived in the end was something else, and was removed.
async fn once(
    link: &Link,
    from: &Path,
    to: &str,
    (sha256, size): (&str, u64),
    elevation: Option<&Elevation>,
    progress: &(dyn Fn(FileProgress) + Send + Sync),
) -> Result<Option<u64>, Trouble> {
    let token = new_token();
    let program = shell::send_program(&token, to, (sha256, size), elevation)?;
    let mut talk = Talk::start(link, &token, program).await?;
    let (_, words) = talk.wait().await?;
    let Some(blocks) = words.strip_prefix("at ") else { return Ok(Some(0)) };
    let begun_at = blocks.parse::<u64>().ok().and_then(|blocks| blocks.checked_mul(BLOCK));
    let begun_at = begun_at.filter(|begun| *begun <= size).ok_or("the host did not say what it has")?;
    let input = talk.take_input().ok_or("the shell takes no input")?;
    let (pieces, mut to_send) = mpsc::channel::<Bytes>(WAITING);
    let path = from.to_path_buf();
    let reading = tokio::task::spawn_blocking(move || read(&path, begun_at, size, &pieces));
    progress(FileProgress { begun_at, at: begun_at, size });
    let answered = {
        let sending = async {
            let mut at = begun_at;
            while let Some(piece) = to_send.recv().await {
                at += piece.len() as u64;
                if input.send(piece).await.is_err() {
                    return;
                }
                progress(FileProgress { begun_at, at, size });
            }
            // The file's end is the end of the input.
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
    to_send.close();
    let read = reading.await;
    match answered {
        Some(Err(Trouble::Link(lost))) => Err(lost.into()),
        Some(Err(said)) => match read {
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Err(said),
        },
        Some(Ok((_, words))) => Ok((words == "sent").then_some(size - begun_at)),
        None => Err("the host did not say that it was done".to_owned().into()),
    }
}

/// Reads a file from `begun_at` to `end`, in pieces.
fn read(path: &Path, begun_at: u64, end: u64, pieces: &mpsc::Sender<Bytes>) -> io::Result<()> {
    let mut file = File::open(path).map_err(|e| at(path, "read", &e))?;
    file.seek(SeekFrom::Start(begun_at)).map_err(|e| at(path, "read", &e))?;
    let mut left = end - begun_at;
    while left > 0 {
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        let n = match file.read(&mut piece) {
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(at(path, "read", &e)),
        };
        if n == 0 {
            return Err(io::Error::other(format!("{} became shorter while it was read", path.display())));
        }
        piece.truncate(n);
        left -= n as u64;
        pieces.blocking_send(Bytes::from(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
    }
    Ok(())
}
