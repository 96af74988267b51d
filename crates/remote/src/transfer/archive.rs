//! The archive of an upload.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::tree::{Here, What};
use super::{Counts, at, hex};

/// Bytes that are read and sent at once.
const PIECE: usize = 128 * 1024;

/// Writes the archive of `all`, in pieces.
pub(super) fn write(all: &[Here], pieces: mpsc::Sender<Bytes>, counts: &Counts) -> io::Result<()> {
    let mut archive = tar::Builder::new(Pieces { pieces, buffer: Vec::with_capacity(PIECE) });
    for here in all {
        let name = Path::new("data").join(&here.name);
        match &here.what {
            What::Folder => {
                let mut header = header(here, tar::EntryType::Directory)?;
                archive.append_data(&mut header, name, io::empty())?;
            }
            What::Link { target } => {
                let mut header = header(here, tar::EntryType::Symlink)?;
                archive.append_link(&mut header, name, target)?;
                counts.file();
            }
            What::File { .. } => add_file(&mut archive, here, &name, counts)?,
        }
    }
    let mut done = tar::Header::new_gnu();
    done.set_entry_type(tar::EntryType::Regular);
    done.set_mode(0o600);
    done.set_size(0);
    archive.append_data(&mut done, "done", io::empty())?;
    archive.into_inner()?.flush()
}

fn add_file<W: Write>(
    archive: &mut tar::Builder<W>,
    here: &Here,
    name: &Path,
    counts: &Counts,
) -> io::Result<()> {
    let path = &here.path;
    let file = File::open(path).map_err(|e| at(path, "read", &e))?;
    let size = file.metadata().map_err(|e| at(path, "read", &e))?.len();
    let mut header = header(here, tar::EntryType::Regular)?;
    header.set_size(size);
    let digest = here.hash.is_some().then(Sha256::new);
    let mut content = Counted { inner: file.take(size), read: 0, digest, counts };
    archive.append_data(&mut header, name, &mut content)?;
    // A file that grows is cut at the size it had; one that shrinks would break the archive.
    if content.read != size {
        return Err(io::Error::other(format!("{} became shorter while it was read", path.display())));
    }
    if content.digest.map(|digest| hex(&digest.finalize())) != here.hash {
        return Err(io::Error::other(format!(
            "{} was changed while it was sent; deploy again",
            path.display()
        )));
    }
    counts.file();
    Ok(())
}

fn header(here: &Here, kind: tar::EntryType) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_gnu();
    let metadata = match &here.what {
        What::Link { .. } => std::fs::symlink_metadata(&here.path),
        What::File { .. } | What::Folder => std::fs::metadata(&here.path),
    };
    header.set_metadata(&metadata.map_err(|e| at(&here.path, "read", &e))?);
    header.set_entry_type(kind);
    header.set_mode(here.mode);
    header.set_size(0);
    Ok(header)
}

struct Counted<'a, R> {
    inner: R,
    read: u64,
    digest: Option<Sha256>,
    counts: &'a Counts,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read += n as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(&buffer[..n]);
        }
        self.counts.bytes(n);
        Ok(n)
    }
}

/// Hands the archive over in pieces, and waits while they are not taken.
struct Pieces {
    pieces: mpsc::Sender<Bytes>,
    buffer: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        self.pieces.blocking_send(Bytes::from(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
