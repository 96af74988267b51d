//! Files to a host, as a tar archive over a shell's standard input: no SFTP server is needed.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::lane::new_token;
use crate::link::Link;
use crate::pipe::Event;
use crate::shell::{self, Uploaded};
use crate::{Elevation, RemoteError, UploadProgress, UploadSummary};

/// Bytes that are read and sent at once.
const PIECE: usize = 128 * 1024;
/// How long the reason of a failure may be behind it.
const REASON: Duration = Duration::from_secs(2);
/// Pieces that wait to be sent.
const WAITING: usize = 8;

#[derive(Default)]
struct Counts {
    files: AtomicU64,
    bytes: AtomicU64,
}

/// Uploads `from` to `to`.
pub(crate) async fn upload(
    link: &Link,
    from: &Path,
    to: &str,
    elevation: Option<&Elevation>,
    progress: &(dyn Fn(UploadProgress) + Send + Sync),
) -> Result<UploadSummary, RemoteError> {
    let failed = |detail: String| RemoteError::Upload {
        host: link.name().to_owned(),
        from: from.display().to_string(),
        to: to.to_owned(),
        detail,
    };
    if to.is_empty() || to.contains('\0') {
        return Err(failed("the target is no path".into()));
    }
    let metadata =
        std::fs::metadata(from).map_err(|e| failed(format!("{} cannot be read: {e}", from.display())))?;
    let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let token = new_token();
    let program = if metadata.is_dir() {
        let content = from.as_os_str().as_encoded_bytes().ends_with(b"/") || name.is_empty();
        let to = if content { to.to_owned() } else { format!("{}/{name}", to.trim_end_matches('/')) };
        shell::upload_program(&token, &to, Uploaded::Tree { mode: mode(&metadata) }, elevation)
    } else {
        shell::upload_program(&token, to, Uploaded::File { name: &name }, elevation)
    };
    let program = program.map_err(failed)?;

    let (mut pipe, _permit) = link.upload_shell().await?;
    let input = pipe.take_input().ok_or_else(|| failed("the shell takes no input".into()))?;
    let counts = Arc::new(Counts::default());
    let (pieces, mut to_send) = mpsc::channel::<Bytes>(WAITING);
    let archive = {
        let (from, counts) = (from.to_path_buf(), Arc::clone(&counts));
        tokio::task::spawn_blocking(move || write_archive(&from, pieces, &counts))
    };
    let now = || UploadProgress {
        files: counts.files.load(Ordering::Relaxed),
        bytes: counts.bytes.load(Ordering::Relaxed),
    };

    let mut answer = Answer::new(token);
    {
        let sending = async {
            if input.send(Bytes::from(program)).await.is_err() {
                return;
            }
            while let Some(piece) = to_send.recv().await {
                if input.send(piece).await.is_err() {
                    return;
                }
                progress(now());
            }
            // The archive's end is the end of the input.
            drop(input);
        };
        tokio::pin!(sending);
        let mut sent = false;
        loop {
            tokio::select! {
                () = &mut sending, if !sent => sent = true,
                event = pipe.next() => match event {
                    Event::Out(bytes) => answer.out.extend_from_slice(&bytes),
                    Event::Err(bytes) => answer.note(&bytes),
                    Event::Exited(_) => {}
                    Event::Closed => break,
                },
            }
            if answer.verdict().is_some() {
                break;
            }
        }
    }
    if let Some(Err(_)) = answer.verdict() {
        // Why it failed is on standard error, which may come later than the verdict.
        let rest = async {
            loop {
                match pipe.next().await {
                    Event::Err(bytes) => answer.note(&bytes),
                    Event::Closed => return,
                    Event::Out(_) | Event::Exited(_) => {}
                }
            }
        };
        let _ = tokio::time::timeout(REASON, rest).await;
    }
    if answer.verdict().is_none()
        && let Some(lost) = link.settle_lost().await
    {
        return Err(lost);
    }
    let verdict = answer.verdict();
    // What could not be read here explains what did not arrive there.
    to_send.close();
    match archive.await {
        Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => return Err(failed(error.to_string())),
        _ => {}
    }
    match verdict {
        Some(Ok(())) => {
            progress(now());
            Ok(UploadSummary { files: now().files, bytes: now().bytes })
        }
        Some(Err(why)) => Err(failed(answer.explain(&why))),
        None => Err(failed(answer.explain("the host did not say that it was done"))),
    }
}

/// What the host says.
struct Answer {
    token: String,
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Answer {
    fn new(token: String) -> Self {
        Self { token, out: Vec::new(), err: Vec::new() }
    }

    fn note(&mut self, bytes: &[u8]) {
        if self.err.len() < 4000 {
            self.err.extend_from_slice(bytes);
        }
    }

    fn verdict(&self) -> Option<Result<(), String>> {
        let out = String::from_utf8_lossy(&self.out);
        let (line, _) = out.split_once(&format!("\n{} ", self.token))?.1.split_once('\n')?;
        Some(match line.strip_prefix("failed ") {
            Some(why) => Err(why.to_owned()),
            None => Ok(()),
        })
    }

    fn explain(&self, why: &str) -> String {
        let said = String::from_utf8_lossy(&self.err);
        match said.trim() {
            "" => why.to_owned(),
            said => format!("{why} ({})", said.lines().take(4).collect::<Vec<_>>().join("; ")),
        }
    }
}

/// Writes the archive of `from`, in pieces.
fn write_archive(from: &Path, pieces: mpsc::Sender<Bytes>, counts: &Counts) -> io::Result<()> {
    let mut archive = tar::Builder::new(Pieces { pieces, buffer: Vec::with_capacity(PIECE) });
    archive.follow_symlinks(false);
    let metadata = std::fs::metadata(from).map_err(|e| at(from, &e))?;
    if metadata.is_dir() {
        add_folder(&mut archive, from, Path::new("data"), &metadata, counts)?;
    } else {
        add_file(&mut archive, from, Path::new("data/file"), &metadata, counts)?;
    }
    let mut done = tar::Header::new_gnu();
    done.set_entry_type(tar::EntryType::Regular);
    done.set_mode(0o600);
    done.set_size(0);
    archive.append_data(&mut done, "done", io::empty())?;
    archive.into_inner()?.flush()
}

fn add_folder<W: Write>(
    archive: &mut tar::Builder<W>,
    path: &Path,
    name: &Path,
    metadata: &Metadata,
    counts: &Counts,
) -> io::Result<()> {
    let mut header = header(metadata, tar::EntryType::Directory);
    header.set_size(0);
    archive.append_data(&mut header, name, io::empty())?;
    let mut entries = std::fs::read_dir(path)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .map_err(|e| at(path, &e))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        let metadata = entry.metadata().map_err(|e| at(&path, &e))?;
        if metadata.is_dir() {
            add_folder(archive, &path, &name, &metadata, counts)?;
        } else if metadata.is_symlink() {
            let target = std::fs::read_link(&path).map_err(|e| at(&path, &e))?;
            let mut header = self::header(&metadata, tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, &name, &target)?;
            counts.files.fetch_add(1, Ordering::Relaxed);
        } else if metadata.is_file() {
            add_file(archive, &path, &name, &metadata, counts)?;
        } else {
            return Err(io::Error::other(format!("{} is no file, folder or link", path.display())));
        }
    }
    Ok(())
}

fn add_file<W: Write>(
    archive: &mut tar::Builder<W>,
    path: &Path,
    name: &Path,
    metadata: &Metadata,
    counts: &Counts,
) -> io::Result<()> {
    let file = File::open(path).map_err(|e| at(path, &e))?;
    let mut header = header(metadata, tar::EntryType::Regular);
    header.set_size(metadata.len());
    let mut content = Counted { inner: file.take(metadata.len()), read: 0, counts };
    archive.append_data(&mut header, name, &mut content)?;
    // A file that grows is cut at the size it had; one that shrinks would break the archive.
    if content.read != metadata.len() {
        return Err(io::Error::other(format!("{} became shorter while it was read", path.display())));
    }
    counts.files.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn header(metadata: &Metadata, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_metadata(metadata);
    header.set_entry_type(kind);
    header.set_mode(mode(metadata));
    header
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o7777
}

#[cfg(not(unix))]
fn mode(metadata: &Metadata) -> u32 {
    if metadata.is_dir() { 0o755 } else { 0o644 }
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{} cannot be read: {error}", path.display()))
}

struct Counted<'a, R> {
    inner: R,
    read: u64,
    counts: &'a Counts,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read += n as u64;
        self.counts.bytes.fetch_add(n as u64, Ordering::Relaxed);
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
