//! Stack traces in the original source: the places in bundles that a text names become the places in what they were made from.
//!
//! [`Maps::original`] is the one way from the one to the other, for what containers write and for what people paste. What
//! no map is known for stays as it is written, to the last character.

use std::{collections::HashMap, fmt::Write, ops::Range, sync::LazyLock};

use regex::{Captures, Regex};
use sourcemap::DecodedMap;

mod kept;

pub(crate) use kept::keep;
pub use kept::{folder, in_log, of};

/// The most frames of one text that are looked up.
const MOST_FRAMES: usize = 2000;

/// Frames as engines write them. V8 has `at f (PLACE)`, `at async f (PLACE)` and `at PLACE`; Firefox and Safari have `f@PLACE`, where
/// a place is an address. They are found in the middle of a line, too: many programs write an error as one line of JSON.
static FRAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    const FILE: &str = r#"[^\s()@"'`\\]+?\.[cm]?js(?:\?[^\s():@"']*)?"#;
    let place = format!(r"{FILE}:\d{{1,9}}:\d{{1,9}}");
    let v8 = format!(
        r#"\bat (?P<async>async )?(?:(?P<name>[^\n()"\\]{{1,200}}?) \((?P<in>{place})\)|(?P<bare>{place}))"#
    );
    let gecko = format!(r#"(?P<named>[^\s()@"'`\\]{{0,200}})@(?P<at>(?:https?|file)://{place})"#);
    Regex::new(&format!("{v8}|{gecko}")).ok()
});

/// The source maps of an image, which are read when they are needed.
pub struct Maps<'a> {
    /// The paths of the bundles in the image.
    paths: Vec<String>,
    load: Box<dyn Fn(usize) -> Option<Vec<u8>> + Send + 'a>,
    read: HashMap<usize, Option<DecodedMap>>,
}

/// A frame of a stack trace.
struct Frame {
    /// Where it is written.
    range: Range<usize>,
    is_async: bool,
    is_v8: bool,
    /// What it calls its function.
    name: Option<String>,
    /// Where it is in the original source.
    origin: Option<Origin>,
}

/// A place in the original source.
struct Origin {
    file: String,
    line: u32,
    column: u32,
    /// What stands there, where the bundle calls it something else. In a frame that calls, that is the function of the frame before.
    called: Option<String>,
}

/// Whether a text has a frame of a stack trace in it.
#[must_use]
pub fn has_frames(text: &str) -> bool {
    FRAME.as_ref().is_some_and(|frame| frame.is_match(text))
}

/// Whether a text is a stack trace, or has one in it: at least one of its lines is a frame and nothing else.
#[must_use]
pub fn is_trace(text: &str) -> bool {
    let Some(frame) = FRAME.as_ref() else { return false };
    text.lines().map(str::trim).any(|line| frame.find(line).is_some_and(|found| found.as_str() == line))
}

impl<'a> Maps<'a> {
    /// Maps of the bundles at these paths; `load` gives the map of one of them as JSON.
    pub(crate) fn new(paths: Vec<String>, load: impl Fn(usize) -> Option<Vec<u8>> + Send + 'a) -> Self {
        Self { paths, load: Box::new(load), read: HashMap::new() }
    }

    /// The text with its frames in the original source; none when there is nothing in it that a map is known for.
    #[must_use]
    pub fn original(&mut self, text: &str) -> Option<String> {
        let frames: Vec<Frame> = FRAME
            .as_ref()?
            .captures_iter(text)
            .take(MOST_FRAMES)
            .filter_map(|found| self.frame(&found))
            .collect();
        if frames.iter().all(|frame| frame.origin.is_none()) {
            return None;
        }
        let (mut out, mut from) = (String::with_capacity(text.len()), 0);
        for (index, frame) in frames.iter().enumerate() {
            let Some(Origin { file, line, column, .. }) = &frame.origin else { continue };
            out.push_str(&text[from..frame.range.start]);
            from = frame.range.end;
            if frame.is_v8 {
                out.push_str(if frame.is_async { "at async " } else { "at " });
            }
            let _ = write!(out, "{file}:{line}:{column}");
            let caller = frames.get(index + 1).filter(|caller| {
                let between = &text[frame.range.end..caller.range.start];
                !caller.is_async && between.replace("\\n", "").trim().is_empty()
            });
            let called = caller.and_then(|caller| caller.origin.as_ref()?.called.clone());
            if let Some(name) = called.or_else(|| frame.name.as_deref().and_then(telling)) {
                let _ = write!(out, " ({name})");
            }
        }
        out.push_str(&text[from..]);
        Some(out)
    }

    fn frame(&mut self, found: &Captures<'_>) -> Option<Frame> {
        let place = ["in", "bare", "at"].into_iter().find_map(|name| found.name(name))?;
        let mut parts = place.as_str().rsplitn(3, ':');
        let (column, line, file) = (parts.next()?, parts.next()?, parts.next()?);
        let name = found.name("name").or_else(|| found.name("named"));
        Some(Frame {
            range: found.get(0)?.range(),
            is_async: found.name("async").is_some(),
            is_v8: found.name("at").is_none(),
            name: name.map(|name| name.as_str().to_owned()),
            origin: self.origin(file, line.parse().ok()?, column.parse().ok()?),
        })
    }

    /// Engines count lines and columns from 1, maps from 0.
    fn origin(&mut self, file: &str, line: u32, column: u32) -> Option<Origin> {
        let index = self.find(file)?;
        let (line, column) = (line.checked_sub(1)?, column.checked_sub(1)?);
        let load = &self.load;
        let map = self.read.entry(index).or_insert_with(|| sourcemap::decode_slice(&load(index)?).ok());
        let token = map.as_ref()?.lookup_token(line, column)?;
        // What is before the first place of a line that is known is not what the line before ends with.
        if token.get_dst_line() != line || !token.has_source() {
            return None;
        }
        let is_exact = token.get_dst_col() == column;
        Some(Origin {
            file: shown(token.get_source()?),
            line: token.get_src_line().saturating_add(1),
            column: token.get_src_col().saturating_add(1),
            called: token.get_name().filter(|_| is_exact).map(plain),
        })
    }

    /// The bundle that a frame names: by its path in the image; or of an address, by as much of the end of its path as possible.
    fn find(&self, file: &str) -> Option<usize> {
        let file = file.split('?').next().unwrap_or(file);
        if let Some((_, rest)) = file.strip_prefix("http").and_then(|rest| rest.split_once("://")) {
            let asked: Vec<&str> = rest.split('/').skip(1).collect();
            let alike = |path: &str| {
                let known = path.rsplit('/');
                known.zip(asked.iter().rev()).take_while(|(known, asked)| known == *asked).count()
            };
            let best = self.paths.iter().map(|path| alike(path)).max().filter(|best| *best > 0)?;
            let mut found = (0..self.paths.len()).filter(|index| alike(&self.paths[*index]) == best);
            // Of two that fit equally well, neither is claimed to be it.
            return found.next().filter(|_| found.next().is_none());
        }
        let path = file.strip_prefix("file://").unwrap_or(file);
        self.paths.iter().position(|known| known == path)
    }
}

/// The path of a source as it is in its repository, as far as a map tells: without `webpack://NAME/`, and without the way up from the
/// folder of the bundle.
fn shown(source: &str) -> String {
    let mut path = match source.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, path)| path),
        None => source,
    };
    while let Some(rest) = path.strip_prefix("./").or_else(|| path.strip_prefix("../")) {
        path = rest;
    }
    plain(path)
}

/// A text of a map as one line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(500).collect()
}

/// The name that a frame gives its function, where it is not likely to be one that only the bundle has.
fn telling(name: &str) -> Option<String> {
    let name = name.strip_prefix("new ").unwrap_or(name);
    let name = name.split(" [as ").next().unwrap_or(name);
    // Bundlers leave the names of properties alone.
    let (last, shortest) = match name.rsplit_once('.') {
        Some((_, property)) => (property, 3),
        None => (name, 4),
    };
    let is_name = last.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '#'));
    (is_name && last.chars().count() >= shortest).then(|| last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &[u8] = include_bytes!("../tests/source_maps/dist/server.js.map");
    /// What Node 20 writes when it runs the bundle in /app/dist.
    const V8: &str = "Error: A cup has no price
    at e (/app/dist/server.js:1:39)
    at t (/app/dist/server.js:1:134)
    at r.pay (/app/dist/server.js:1:312)
    at async i (/app/dist/server.js:1:353)";
    const ORIGINAL: &str = "Error: A cup has no price
    at src/routes/cart.ts:11:15 (costOf)
    at src/routes/cart.ts:20:12 (total)
    at src/server.ts:13:12 (pay)
    at async src/server.ts:18:16";

    fn mapped(paths: &[&str], text: &str) -> Option<String> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        Maps::new(paths, |_| Some(MAP.to_vec())).original(text)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(mapped(&["/app/dist/server.js"], text).as_deref(), Some(expected));
    }

    #[track_caller]
    fn stays(text: &str) {
        assert_eq!(mapped(&["/app/dist/server.js"], text), None);
    }

    #[test]
    fn what_node_writes_is_shown_in_the_original_source() {
        check(V8, ORIGINAL);
        check(&V8.replace("/app", "file:///app"), ORIGINAL);
        check("  at /app/dist/server.js:1:39\n", "  at src/routes/cart.ts:11:15\n");
        check("    at new total (/app/dist/server.js:1:134)", "    at src/routes/cart.ts:20:12 (total)");
        check(
            "    at async Promise.all (index 0)\n    at async pay (/app/dist/server.js:1:312)",
            "    at async Promise.all (index 0)\n    at async src/server.ts:13:12",
        );
    }

    #[test]
    fn an_error_that_is_written_as_a_line_of_json_is_understood() {
        let line = format!(r#"{{"level":50,"err":"{}"}}"#, V8.replace('\n', "\\n"));
        check(&line, &format!(r#"{{"level":50,"err":"{}"}}"#, ORIGINAL.replace('\n', "\\n")));
    }

    #[test]
    fn what_browsers_write_is_found_by_the_end_of_its_address() {
        let safari = "e@https://shop.test/dist/server.js:1:39\nt@https://shop.test/dist/server.js?v=3:1:134\nhttps://shop.test/dist/server.js:1:1";
        check(
            safari,
            "src/routes/cart.ts:11:15 (costOf)\nsrc/routes/cart.ts:20:12\nhttps://shop.test/dist/server.js:1:1",
        );
        check("@https://shop.test:8443/server.js:1:39", "src/routes/cart.ts:11:15");
        check("    at e (https://shop.test/x/server.js:1:39)", "    at src/routes/cart.ts:11:15");
        stays("e@https://shop.test/other.js:1:39");
        let two = ["/srv/a/index.js", "/srv/b/index.js"];
        assert_eq!(mapped(&two, "e@https://shop.test/index.js:1:39"), None, "it may be either");
        assert!(mapped(&two, "e@https://shop.test/b/index.js:1:39").is_some());
    }

    #[test]
    fn what_no_map_is_known_for_stays_as_it_is() {
        stays("    at e (/app/dist/other.js:1:39)");
        stays("    at e (server.js:1:39)");
        stays("    at e (/app/dist/server.js:0:0)");
        stays("    at e (/app/dist/server.js:7:1)");
        stays("    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)");
        stays("we meet at noon (room 3:1:39)");
        stays("");
        let mixed = "    at Array.map (<anonymous>)\n    at e (/app/dist/other.js:1:2)\n";
        check(&format!("{mixed}{V8}"), &format!("{mixed}{ORIGINAL}"));
        let no_map = Maps::new(vec!["/app/dist/server.js".to_owned()], |_| None).original(V8);
        assert_eq!(no_map, None);
        let nonsense =
            Maps::new(vec!["/app/dist/server.js".to_owned()], |_| Some(b"{}".to_vec())).original(V8);
        assert_eq!(nonsense, None);
    }

    #[test]
    fn a_name_is_not_taken_from_a_caller_that_is_not_the_next_frame() {
        check(
            "    at e (/app/dist/server.js:1:39)\n    at Array.map (<anonymous>)\n    at t (/app/dist/server.js:1:134)",
            "    at src/routes/cart.ts:11:15\n    at Array.map (<anonymous>)\n    at src/routes/cart.ts:20:12",
        );
    }

    #[test]
    fn paths_are_shown_as_their_repository_has_them() {
        for (source, expected) in [
            ("../src/routes/cart.ts", "src/routes/cart.ts"),
            ("../../src/main.ts", "src/main.ts"),
            ("webpack://shop/./src/cart.ts", "src/cart.ts"),
            ("webpack:///src/cart.ts", "src/cart.ts"),
            ("cart.ts", "cart.ts"),
            ("a\n\u{1b}[2J.ts", "a\u{fffd}\u{fffd}[2J.ts"),
        ] {
            assert_eq!(shown(source), expected, "{source}");
        }
    }

    #[test]
    fn a_sentence_is_no_stack_trace() {
        assert!(is_trace(V8));
        assert!(is_trace("this happened today:\n    at t (/app/dist/server.js:1:134)\nwhat is it?"));
        assert!(is_trace("t@https://shop.test/assets/index-abc.js:1:234"));
        for sentence in [
            "Deploy the shop at noon",
            "look at /app/dist/server.js:1:39 please",
            "why does server.js fail?",
            "retry",
            "mail ada@https://example.com",
        ] {
            assert!(!is_trace(sentence), "{sentence}");
        }
    }
}
