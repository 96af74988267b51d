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
use serde_json::{Value, json};
use steadyhand_domain::DeploymentId;

use super::{Maps, has_frames};
use crate::live::ContainerLog;

/// The most maps that are taken from a host.
const MOST: usize = 1000;
/// The longest map that is read, in bytes, and the most of all together.
const LONGEST: u64 = 32 << 20;
const MOST_BYTES: u64 = 128 << 20;
/// The extension of what is no map by itself, but the line of a bundle that has its map in it.
const INLINE: &str = "inline";
/// All that is kept of a map, and of the maps in it. `sourcesContent` is none of it, and what bundlers add may be of the source, too.
const FIELDS: &[&str] = &["version", "file", "sourceRoot", "sources", "names", "mappings", "sections"];
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

/// Each file of the archive is a map with the path of its bundle in a line before it.
fn unpack(archive: &Path, to: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(fs::File::open(archive)?).take(MOST_BYTES));
    let mut bundles = Vec::new();
    let is_file = |entry: &io::Result<tar::Entry<'_, _>>| {
        entry.as_ref().map_or(true, |entry| entry.header().entry_type().is_file())
    };
    for entry in archive.entries()?.filter(is_file).take(MOST) {
        let entry = entry?;
        let is_inline = entry.path()?.extension().is_some_and(|extension| extension == INLINE);
        if entry.size() > LONGEST {
            continue;
        }
        let mut text = Vec::new();
        entry.take(LONGEST).read_to_end(&mut text)?;
        let Some(end) = text.iter().position(|byte| *byte == b'\n') else { continue };
        let bundle = String::from_utf8_lossy(&text[..end]).into_owned();
        text.drain(..=end);
        let map = if is_inline { inline(&text) } else { Some(text) };
        // One that is no map helps nobody, and keeps no other from being kept.
        let Some(map) = map.and_then(|map| without_source(&map)) else { continue };
        let mut file = GzEncoder::new(fs::File::create(packed(to, bundles.len()))?, Compression::fast());
        file.write_all(&map)?;
        file.finish()?;
        bundles.push(bundle);
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
    let map: Value = serde_json::from_slice(&map[start..]).ok()?;
    serde_json::to_vec(&places(map)?).ok()
}

/// The names and places of a map, and nothing else of it.
fn places(map: Value) -> Option<Value> {
    let Value::Object(mut fields) = map else { return None };
    fields.retain(|name, _| FIELDS.contains(&name.as_str()));
    // They are numbers and texts, and lists of texts. Another thing in their place is nothing that is known.
    fields.retain(|name, value| match value {
        Value::Object(_) => false,
        Value::Array(all) if name != "sections" => {
            !all.iter().any(|one| matches!(one, Value::Array(_) | Value::Object(_)))
        }
        _ => true,
    });
    match fields.remove("sections") {
        Some(Value::Array(sections)) => {
            let sections = sections.into_iter().filter_map(section).collect();
            fields.insert("sections".to_owned(), Value::Array(sections));
        }
        Some(_) => return None,
        None => {}
    }
    Some(Value::Object(fields))
}

/// The place of a map within another one, and that map.
fn section(section: Value) -> Option<Value> {
    let Value::Object(mut fields) = section else { return None };
    let number = |name: &str| fields.get("offset")?.get(name)?.as_u64();
    let offset = json!({ "line": number("line")?, "column": number("column")? });
    let map = places(fields.remove("map")?)?;
    Some(json!({ "offset": offset, "map": map }))
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

    /// An archive as hosts make it, of maps with the paths of their bundles; a name without a path is one of a folder.
    fn archive(files: &[(&str, &str, &[u8])]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut tar = tar::Builder::new(GzEncoder::new(file.reopen().expect("open"), Compression::fast()));
        for (name, bundle, map) in files {
            let mut header = tar::Header::new_gnu();
            let text = [bundle.as_bytes(), b"\n", map].concat();
            let text: &[u8] = if bundle.is_empty() { &[] } else { &text };
            if bundle.is_empty() {
                header.set_entry_type(tar::EntryType::Directory);
            }
            header.set_size(text.len() as u64);
            header.set_mode(0o700);
            tar.append_data(&mut header, name, text).expect("added");
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
            ("./", "", b""),
            ("./1.map", "/app/dist/server.js", MAP),
            ("./2.map", "/app/broken.js", b"no map"),
            ("./3.inline", "/app/inline.js", comment.as_bytes()),
        ]);
        keep(data.path(), id(1), files.path()).expect("kept");
        let mut maps = of(data.path(), id(1)).expect("there");
        assert_eq!(maps.paths, ["/app/dist/server.js", "/app/inline.js"]);
        let found = maps.original("at e (/app/inline.js:1:39)");
        assert_eq!(found.as_deref(), Some("at src/routes/cart.ts:11:15"));
        let map = (maps.load)(0).expect("a map");
        assert!(!String::from_utf8_lossy(&map).contains("has no price"), "the source is left out");

        // Doing it again does no harm, and what is kept is what came last.
        keep(data.path(), id(1), archive(&[("./1.map", "/b.mjs", MAP)]).path()).expect("kept");
        assert_eq!(of(data.path(), id(1)).expect("there").paths, ["/b.mjs"]);
        assert!(of(data.path(), id(2)).is_none());
        let nonsense = tempfile::NamedTempFile::new().expect("a file");
        assert!(keep(data.path(), id(3), nonsense.path()).expect_err("no archive").contains("source maps"));
    }

    #[test]
    fn folders_are_not_counted_among_the_maps() {
        let data = tempfile::tempdir().expect("a folder");
        let names: Vec<String> = (0..MOST + 5).map(|number| format!("./{number}/")).collect();
        let folders = names.iter().map(|name| (name.as_str(), "", b"".as_slice()));
        let files: Vec<_> = folders.chain([("./1.map", "/app/server.js", MAP)]).collect();
        keep(data.path(), id(1), archive(&files).path()).expect("kept");
        assert_eq!(of(data.path(), id(1)).expect("there").paths, ["/app/server.js"]);
    }

    #[test]
    fn nothing_but_names_and_places_is_kept_of_a_map_at_any_depth() {
        let whole = |mut more: Value| {
            let mut map = json!({
                "version": 3, "file": "a.js", "sourceRoot": "", "sources": ["a.ts"], "names": ["f", null], "mappings": "AAAA",
                "sourcesContent": ["secret"], "x_webpack": { "code": "secret" }, "debugId": "secret", "ignoreList": ["secret"],
            });
            map.as_object_mut().expect("a map").append(more.as_object_mut().expect("more"));
            map
        };
        let mut map = whole(json!({}));
        for depth in 0..4 {
            let kept = without_source(map.to_string().as_bytes()).expect("a map");
            let kept = String::from_utf8(kept).expect("text");
            assert!(!kept.contains("secret"), "{kept}");
            assert_eq!(kept.matches("AAAA").count(), depth + 1, "{kept}");
            map = whole(json!({ "sections": [
                { "offset": { "line": 1, "column": 0, "x": "secret" }, "map": map, "url": "secret" },
                { "offset": "secret", "map": {} },
            ] }));
        }
        let hidden = json!({ "version": 3, "sources": [{ "text": "secret" }], "names": { "a": "secret" }, "mappings": ["secret", []] });
        assert_eq!(
            without_source(hidden.to_string().as_bytes()).as_deref(),
            Some(br#"{"version":3}"#.as_slice())
        );
    }

    #[test]
    fn traces_of_several_containers_are_told_apart() {
        let data = tempfile::tempdir().expect("a folder");
        keep(data.path(), id(1), archive(&[("./1.map", "/app/server.js", MAP)]).path()).expect("kept");
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
