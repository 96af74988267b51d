//! What a host says that it has.

use std::collections::HashMap;

use crate::lane::find;

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    Other,
}

/// Something on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct There {
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) size: u64,
    /// The SHA-256 of a file, where the host told it.
    pub(super) hash: Option<String>,
}

/// The answer of `survey` in `shell/transfer.sh`, by names as they were asked for. What makes no sense is left out: for all
/// that is known then, it differs.
pub(super) fn parse(answer: &[u8], token: &str) -> HashMap<Vec<u8>, There> {
    let mut all = HashMap::new();
    let mark = format!("/{token} ").into_bytes();
    let mut rest = answer;
    while !rest.is_empty() {
        // A name may have line breaks in it; the line of a hash begins with no dot.
        if rest.starts_with(b".") {
            let Some(end) = find(rest, &mark) else { return all };
            let (name, after) = (&rest[..end], &rest[end + mark.len()..]);
            let line = after.iter().position(|&b| b == b'\n').unwrap_or(after.len());
            if let Some(there) = standing(&after[..line]) {
                all.insert(name.to_vec(), there);
            }
            rest = after.get(line + 1..).unwrap_or_default();
        } else {
            let line = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
            if let Some((hash, name)) = hashed(&rest[..line])
                && let Some(there) = all.get_mut(&name)
            {
                there.hash = Some(hash);
            }
            rest = rest.get(line + 1..).unwrap_or_default();
        }
    }
    all
}

/// `81a4 1234`: type and mode in hexadecimal digits, and the size.
fn standing(line: &[u8]) -> Option<There> {
    let (mode, size) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let mode = u32::from_str_radix(mode, 16).ok()?;
    let kind = match mode & 0o170_000 {
        0o100_000 => Kind::File,
        0o040_000 => Kind::Folder,
        0o120_000 => Kind::Link,
        _ => Kind::Other,
    };
    Some(There { kind, mode: mode & 0o7777, size: size.parse().ok()?, hash: None })
}

/// A line of `sha256sum`. GNU marks a line with escapes in its name by a backslash before it; that of busybox has none.
fn hashed(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let escaped = line.starts_with(b"\\");
    let line = if escaped { &line[1..] } else { line };
    let (hash, name) = (line.get(..64)?, line.get(66..)?);
    if !hash.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let hash = String::from_utf8_lossy(hash).to_ascii_lowercase();
    if !escaped {
        return Some((hash, name.to_vec()));
    }
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                other => *other,
            },
            other => other,
        });
    }
    Some((hash, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_kinds_are_told_apart_from_hashes() {
        let hash = "a".repeat(64);
        let answer = format!(
            "./a b/T 81a4 12\n./x\ny/T 81ed 0\n./d//T 41ed 4096\n./back\\slash/T 8180 3\n{hash}  ./a b\n\
             \\{hash}  ./back\\\\slash\nnonsense\n./l/T a1ff 7\n{hash}  ./not asked\n./cut/T 8"
        );
        let all = parse(answer.as_bytes(), "T");
        let there = |kind, mode, size, hash: Option<&String>| There { kind, mode, size, hash: hash.cloned() };
        let expected = HashMap::from([
            (b"./a b".to_vec(), there(Kind::File, 0o644, 12, Some(&hash))),
            (b"./x\ny".to_vec(), there(Kind::File, 0o755, 0, None)),
            (b"./d/".to_vec(), there(Kind::Folder, 0o755, 4096, None)),
            (b"./back\\slash".to_vec(), there(Kind::File, 0o600, 3, Some(&hash))),
            (b"./l".to_vec(), there(Kind::Link, 0o777, 7, None)),
        ]);
        assert_eq!(all, expected);
    }
}
