//! The source maps of images, kept on this machine for as long as the images are: a folder for each deployment, with the
//! paths of its bundles in `bundles.json` and a packed map for each. The text of the source is left out of them: it is not needed to tell a
//! place, and is nobody's who can read this folder alone.

use std::{
    fs, io,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::Value;
use steadyhand_domain::DeploymentId;

use super::{Maps, has_frames};
use crate::live::ContainerLog;

/// The most maps that are taken from a host.
const MOST: usize = 1000;
/// The longest map that is read, in bytes, and the most of all together.
const LONGEST: u64 = 32 << 20;
const MOST_BYTES: u64 = 128 << 20;
/// What stands behind the name of a bundle in which its map is.
const INLINE: &str = ".inline";
const BUNDLES: &str = "bundles.json";

/// Where the maps of a deployment are, in the data folder.
#[must_use]
pub fn folder(data: &Path) -> PathBuf {
    data.join("source_maps")
}

fn packed(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("{index}.map.gz"))
}

/// Keeps the maps that are in an archive from a host, in the place of those that were kept before.
///
/// # Errors
/// Why they cannot be, for people.
pub(crate) fn keep(data: &Path, id: DeploymentId, archive: &Path) -> Result<(), String> {
    let new = folder(data).join(format!("{id}.new"));
    let kept = folder(data).join(id.to_string());
    let kept = (|| {
        if new.exists() {
            fs::remove_dir_all(&new)?;
        }
        fs::create_dir_all(&new)?;
        unpack(archive, &new)?;
        if kept.exists() {
            fs::remove_dir_all(&kept)?;
        }
        fs::rename(&new, &kept)
    })();
    kept.map_err(|error: io::Error| format!("the source maps cannot be kept here: {error}"))
}

fn unpack(archive: &Path, to: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(fs::File::open(archive)?).take(MOST_BYTES));
    let mut bundles = Vec::new();
    for entry in archive.entries()?.take(MOST) {
        let entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let path = format!("/{}", path.trim_start_matches("./").trim_start_matches('/'));
        let mut text = Vec::new();
        if !entry.header().entry_type().is_file() || entry.size() > LONGEST {
            continue;
        }
        entry.take(LONGEST).read_to_end(&mut text)?;
        let (bundle, map) = match (path.strip_suffix(INLINE), path.strip_suffix(".map")) {
            (Some(bundle), _) => (bundle, inline(&text)),
            (None, Some(bundle)) => (bundle, Some(text)),
            (None, None) => continue,
        };
        // One that is no map helps nobody, and keeps no other from being kept.
        let Some(map) = map.and_then(|map| without_source(&map)) else { continue };
        let mut file = GzEncoder::new(fs::File::create(packed(to, bundles.len()))?, Compression::fast());
        file.write_all(&map)?;
        file.finish()?;
        bundles.push(bundle.to_owned());
    }
    fs::write(to.join(BUNDLES), serde_json::to_vec(&bundles)?)
}

/// The map in `//# sourceMappingURL=data:application/json;charset=utf-8;base64,…`.
fn inline(comment: &[u8]) -> Option<Vec<u8>> {
    let comment = std::str::from_utf8(comment).ok()?;
    let (_, base64) = comment.split_once(";base64,")?;
    STANDARD.decode(base64.trim()).ok()
}

fn without_source(map: &[u8]) -> Option<Vec<u8>> {
    // Some servers put `)]}'` in front of JSON, and so do some maps.
    let start = map.iter().position(|byte| *byte == b'{')?;
    let mut map: Value = serde_json::from_slice(&map[start..]).ok()?;
    let fields = map.as_object_mut()?;
    fields.remove("sourcesContent");
    for section in fields.get_mut("sections").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(inner) = section.get_mut("map").and_then(Value::as_object_mut) {
            inner.remove("sourcesContent");
        }
    }
    serde_json::to_vec(&map).ok()
}

/// The maps that are kept of a deployment; none when there are none.
#[must_use]
pub fn of(data: &Path, id: DeploymentId) -> Option<Maps<'static>> {
    let folder = folder(data).join(id.to_string());
    let bundles: Vec<String> = serde_json::from_slice(&fs::read(folder.join(BUNDLES)).ok()?).ok()?;
    Some(Maps::new(bundles, move |index| {
        let mut map = Vec::new();
        let file = fs::File::open(packed(&folder, index)).ok()?;
        GzDecoder::new(file).take(LONGEST).read_to_end(&mut map).ok()?;
        Some(map)
    }))
}

/// Says in a log of containers what its stack traces are in the original source. A trace goes over several lines, each container's
/// for itself.
pub fn in_log(data: &Path, id: DeploymentId, log: &mut ContainerLog) {
    if !log.lines.iter().any(|line| has_frames(&line.text)) {
        return;
    }
    let Some(mut maps) = of(data, id) else { return };
    let mut replicas: Vec<u32> = log.lines.iter().map(|line| line.replica).collect();
    replicas.sort_unstable();
    replicas.dedup();
    for replica in replicas {
        let mut own: Vec<_> = log.lines.iter_mut().filter(|line| line.replica == replica).collect();
        let texts: Vec<&str> = own.iter().map(|line| line.text.as_str()).collect();
        let Some(original) = maps.original(&texts.join("\n")) else { continue };
        for (line, text) in own.iter_mut().zip(original.split('\n')) {
            if line.text != text {
                line.original = Some(text.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::ContainerLine;

    const MAP: &[u8] = include_bytes!("../../tests/source_maps/dist/server.js.map");

    fn archive(files: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut tar = tar::Builder::new(GzEncoder::new(file.reopen().expect("open"), Compression::fast()));
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o600);
            tar.append_data(&mut header, path, *text).expect("added");
        }
        tar.into_inner().expect("tar").finish().expect("packed");
        file
    }

    fn id(number: u128) -> DeploymentId {
        uuid_text(number).parse().expect("an identifier")
    }

    fn uuid_text(number: u128) -> String {
        format!("00000000-0000-0000-0000-{number:012x}")
    }

    #[test]
    fn maps_are_kept_without_the_source_and_found_again() {
        let data = tempfile::tempdir().expect("a folder");
        let comment = format!(
            "//# sourceMappingURL=data:application/json;charset=utf-8;base64,{}\n",
            STANDARD.encode(MAP)
        );
        let files = archive(&[
            ("./app/dist/server.js.map", MAP),
            ("./app/inline.js.inline", comment.as_bytes()),
            ("./app/broken.js.map", b"no map"),
            ("./app/other.txt", b"x"),
        ]);
        keep(data.path(), id(1), files.path()).expect("kept");
        let mut maps = of(data.path(), id(1)).expect("there");
        assert_eq!(maps.paths, ["/app/dist/server.js", "/app/inline.js"]);
        let found = maps.original("at e (/app/inline.js:1:39)");
        assert_eq!(found.as_deref(), Some("at src/routes/cart.ts:11:15"));
        let map = (maps.load)(0).expect("a map");
        assert!(!String::from_utf8_lossy(&map).contains("has no price"), "the source is left out");

        // Doing it again does no harm, and what is kept is what came last.
        keep(data.path(), id(1), archive(&[("./b.mjs.map", MAP)]).path()).expect("kept");
        assert_eq!(of(data.path(), id(1)).expect("there").paths, ["/b.mjs"]);
        assert!(of(data.path(), id(2)).is_none());
        let nonsense = tempfile::NamedTempFile::new().expect("a file");
        assert!(keep(data.path(), id(3), nonsense.path()).expect_err("no archive").contains("source maps"));
    }

    #[test]
    fn traces_of_several_containers_are_told_apart() {
        let data = tempfile::tempdir().expect("a folder");
        keep(data.path(), id(1), archive(&[("./app/server.js.map", MAP)]).path()).expect("kept");
        let line = |replica, text: &str| ContainerLine {
            at: String::new(),
            replica,
            text: text.to_owned(),
            original: None,
        };
        let mut log = ContainerLog {
            lines: vec![
                line(1, "    at e (/app/server.js:1:39)"),
                line(2, "ready"),
                line(1, "    at t (/app/server.js:1:134)"),
                line(2, "    at e (/app/server.js:1:39)"),
            ],
            after: String::new(),
        };
        in_log(data.path(), id(1), &mut log);
        let told: Vec<Option<&str>> = log.lines.iter().map(|line| line.original.as_deref()).collect();
        assert_eq!(
            told,
            [
                Some("    at src/routes/cart.ts:11:15 (costOf)"),
                None,
                Some("    at src/routes/cart.ts:20:12"),
                Some("    at src/routes/cart.ts:11:15"),
            ]
        );
    }
}
