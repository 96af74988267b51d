//! A folder of a host that is to be exactly as one of this machine is.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::listing::{Kind, There};
use super::tree::{Here, What};
use super::upload::{Surveyed, asked_name, failure};
use super::{Pick, hex};
use crate::link::Link;
use crate::{Differs, Elevation, Mirrored, RemoteError, TransferProgress};

/// Makes `to` be as `from` is, as far as `pick` takes what is in it.
pub(crate) async fn mirror(
    link: &Link,
    from: &Path,
    to: &str,
    pick: Arc<Pick>,
    elevation: Option<&Elevation>,
    progress: &(dyn Fn(TransferProgress) + Send + Sync),
) -> Result<Mirrored, RemoteError> {
    let failed = failure(link, from, to);
    let surveyed = Surveyed::start(link, from, to, Some(pick), elevation).await.map_err(&failed)?;
    let (removed, sha256) = (surveyed.gone.len() as u64, digest(&surveyed.all));
    let summary = surveyed.send(progress).await.map_err(&failed)?;
    Ok(Mirrored { summary, removed, sha256 })
}

/// What is to be removed of what is there (`found`: names, each with a NUL after it), and forgets that it is there.
pub(super) fn gone(all: &[Here], there: &mut HashMap<Vec<u8>, There>, found: &[u8]) -> Vec<Vec<u8>> {
    let mut wanted: HashSet<Vec<u8>> = HashSet::with_capacity(all.len());
    let mut gone: HashSet<Vec<u8>> = HashSet::new();
    for here in all {
        let name = asked_name(here);
        let is_folder = matches!(here.what, What::Folder);
        let stands = there.get(&name).is_some_and(|there| (there.kind == Kind::Folder) != is_folder);
        // A link may lead to a folder, which is not a part of what is here.
        if stands && !here.name.as_os_str().is_empty() {
            gone.insert(name.clone());
        }
        if gone.contains(&name) || ancestors(&name).any(|above| gone.contains(above)) {
            there.remove(&name);
            there.remove(&[&name[..], b"/"].concat());
        }
        wanted.insert(name);
    }
    let found = found.split(|byte| *byte == 0).filter(|name| name.starts_with(b"./"));
    gone.extend(found.filter(|name| !wanted.contains(*name)).map(<[u8]>::to_vec));
    let mut top: Vec<Vec<u8>> =
        gone.iter().filter(|name| !ancestors(name).any(|above| gone.contains(above))).cloned().collect();
    top.sort();
    top
}

/// The folders that a name is in: of `./a/b/c`, `./a/b` and `./a`.
fn ancestors(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = name.iter().enumerate().skip(2).filter(|(_, byte)| **byte == b'/');
    ends.map(|(end, _)| &name[..end])
}

/// Whether there is room for what differs, where the host says how much it has.
pub(super) fn fits(all: &[Here], differs: &[Option<Differs>], room: &str) -> io::Result<()> {
    let Some(free) = room.split_whitespace().nth(1).and_then(|free| free.parse::<u64>().ok()) else {
        return Ok(());
    };
    let needed: u64 = all
        .iter()
        .zip(differs)
        .filter(|(_, differs)| differs.is_some())
        .map(|(here, _)| if let What::File { size } = here.what { size } else { 0 })
        .sum();
    if needed / 1024 < free {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{} MiB are needed there, and {} MiB are free; make room on the host, for instance with `docker system prune`",
        needed / (1 << 20) + 1,
        free / 1024
    )))
}

/// A SHA-256 over all names, contents and modes.
fn digest(all: &[Here]) -> String {
    let mut lines: Vec<Vec<u8>> = all
        .iter()
        .filter(|here| !here.name.as_os_str().is_empty())
        .map(|here| {
            let said = match &here.what {
                What::Folder => "folder".to_owned(),
                What::File { .. } => format!("{:o} {}", here.mode, here.hash.as_deref().unwrap_or_default()),
                What::Link { target } => format!("link {}", target.display()),
            };
            [&asked_name(here)[..], b"\0", said.as_bytes(), b"\0"].concat()
        })
        .collect();
    lines.sort();
    let mut digest = Sha256::new();
    for line in lines {
        digest.update(line);
    }
    hex(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(name: &str, what: What) -> Here {
        Here { name: name.into(), path: name.into(), mode: 0o644, what, hash: Some("a".repeat(64)) }
    }

    fn there(kind: Kind) -> There {
        There { kind, mode: 0o644, size: 1, hash: None }
    }

    #[test]
    fn what_is_not_here_is_gone_and_so_is_what_is_of_another_kind() {
        let all = [
            here("", What::Folder),
            here("folder", What::Folder),
            here("folder/file", What::File { size: 1 }),
            here("file", What::File { size: 1 }),
            here("same", What::File { size: 1 }),
        ];
        let mut standing: HashMap<Vec<u8>, There> = [
            ("./", Kind::Folder),
            // A link to a folder that has a file of that name.
            ("./folder", Kind::Link),
            ("./folder/", Kind::Folder),
            ("./folder/file", Kind::File),
            ("./file", Kind::Folder),
            ("./same", Kind::File),
        ]
        .map(|(name, kind)| (name.as_bytes().to_vec(), there(kind)))
        .into();
        let found = b".\0./folder\0./file\0./file/x\0./same\0./old\0./old/a\0./old/a/b\0";
        let gone: Vec<String> = gone(&all, &mut standing, found)
            .into_iter()
            .map(|name| String::from_utf8(name).unwrap())
            .collect();
        assert_eq!(gone, ["./file", "./folder", "./old"]);
        let mut left: Vec<&[u8]> = standing.keys().map(Vec::as_slice).collect();
        left.sort_unstable();
        assert_eq!(left, [&b"./"[..], b"./same"]);
    }

    #[test]
    fn a_digest_is_of_names_contents_and_modes() {
        let one = || here("a", What::File { size: 1 });
        let of = |all: &[Here]| digest(all);
        let first = of(&[one()]);
        assert_eq!(first, of(&[here("", What::Folder), one()]));
        assert_ne!(first, of(&[Here { mode: 0o755, ..one() }]));
        assert_ne!(first, of(&[Here { hash: Some("b".repeat(64)), ..one() }]));
        assert_ne!(first, of(&[here("b", What::File { size: 1 })]));
        assert_ne!(first, of(&[one(), here("b", What::Folder)]));
    }

    #[test]
    fn what_does_not_fit_is_said_before_anything_is_sent() {
        let all = [here("a", What::File { size: 5 << 20 })];
        assert!(fits(&all, &[Some(Differs::Missing)], "found 6000").is_ok());
        let said = fits(&all, &[Some(Differs::Missing)], "found 2048").unwrap_err().to_string();
        assert!(said.starts_with("6 MiB are needed there, and 2 MiB are free;"), "{said}");
        assert!(fits(&all, &[None], "found 2048").is_ok() && fits(&all, &[None], "found").is_ok());
    }
}
