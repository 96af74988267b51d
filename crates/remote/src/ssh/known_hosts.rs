//! Known-hosts files, as OpenSSH writes them (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
//!
//! `@cert-authority` lines are skipped: host certificates are not asked for.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use russh::keys::{HashAlg, PublicKey, parse_public_key_base64};
use sha1::Sha1;

/// What is on record about a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    file: PathBuf,
    line: usize,
    revoked: bool,
    /// The line names the host without its port.
    portless: bool,
    key: PublicKey,
}

/// What a host's key is, by the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Trusted,
    Unknown,
    Changed { expected: String, file: PathBuf, line: usize },
    Revoked { file: PathBuf, line: usize },
}

impl Known {
    /// Reads what `files` say about a host. Files that do not exist say nothing.
    pub(crate) fn read(files: &[PathBuf], host: &str, port: u16) -> Result<Self, (PathBuf, io::Error)> {
        let mut known = Self::default();
        for file in files {
            match fs::read(file) {
                Ok(bytes) => known.add(file, &String::from_utf8_lossy(&bytes), host, port),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err((file.clone(), error)),
            }
        }
        Ok(known)
    }

    fn add(&mut self, file: &Path, text: &str, host: &str, port: u16) {
        let host = host.to_ascii_lowercase();
        let named = name(&host, port);
        for (at, line) in text.lines().enumerate() {
            let mut words = line.split_ascii_whitespace();
            let Some(mut word) = words.next().filter(|word| !word.starts_with('#')) else { continue };
            let revoked = word == "@revoked";
            if word.starts_with('@') {
                if word == "@cert-authority" {
                    tracing::debug!(file = %file.display(), line = at + 1, "certificate authority skipped");
                }
                match words.next() {
                    Some(patterns) if revoked => word = patterns,
                    _ => continue,
                }
            }
            let exact = matches(word, &named);
            let portless = !exact && port != 22 && matches(word, &host);
            if !exact && !portless {
                continue;
            }
            let key = words.next().zip(words.next()).and_then(|(_, key)| parse_public_key_base64(key).ok());
            if let Some(key) = key {
                self.entries.push(Entry { file: file.to_path_buf(), line: at + 1, revoked, portless, key });
            }
        }
    }

    /// What `key` is.
    pub(crate) fn verdict(&self, key: &PublicKey) -> Verdict {
        let same = |entry: &&Entry| entry.key.key_data() == key.key_data();
        if let Some(entry) = self.entries.iter().filter(|entry| entry.revoked).find(same) {
            return Verdict::Revoked { file: entry.file.clone(), line: entry.line };
        }
        let mut trusted = self.entries.iter().filter(|entry| !entry.revoked);
        if trusted.clone().any(|entry| same(&entry)) {
            return Verdict::Trusted;
        }
        // A record for the host at another port does not make this one a change.
        let algorithm = key.algorithm();
        let exact = trusted.clone().filter(|entry| !entry.portless);
        let expected = exact.clone().find(|entry| entry.key.algorithm() == algorithm).or_else(|| {
            // The algorithms on record were asked for first, so a host that shows another one has lost its key.
            trusted.find(|entry| !entry.portless)
        });
        match expected {
            Some(entry) => Verdict::Changed {
                expected: format!("{} {}", entry.key.algorithm(), fingerprint(&entry.key)),
                file: entry.file.clone(),
                line: entry.line,
            },
            None => Verdict::Unknown,
        }
    }

    /// The key algorithms on record, to be asked for first.
    pub(crate) fn algorithms(&self) -> impl Iterator<Item = russh::keys::Algorithm> {
        self.entries.iter().filter(|entry| !entry.revoked).map(|entry| entry.key.algorithm())
    }
}

/// The fingerprint as OpenSSH prints it.
pub(crate) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Appends a key, whole or not at all, also when another program appends at the same time.
pub(crate) fn append(file: &Path, host: &str, port: u16, key: &PublicKey) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(folder)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(file)?;
    // Released when the file is closed.
    opened.lock()?;
    let before = fs::read(file)?;
    let mut line = String::new();
    if before.last().is_some_and(|&last| last != b'\n') {
        line.push('\n');
    }
    let text = key.to_openssh().map_err(io::Error::other)?;
    let mut words = text.split_ascii_whitespace();
    let (algorithm, data) =
        words.next().zip(words.next()).ok_or_else(|| io::Error::other("no public key"))?;
    line.push_str(&format!("{} {algorithm} {data}\n", name(&host.to_ascii_lowercase(), port)));
    opened.write_all(line.as_bytes())?;
    opened.sync_all()
}

/// A host as known-hosts files name it.
fn name(host: &str, port: u16) -> String {
    if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") }
}

/// Whether a line's first field is about a host.
fn matches(field: &str, host: &str) -> bool {
    if let Some(hashed) = field.strip_prefix("|1|") {
        return matches_hash(hashed, host).unwrap_or(false);
    }
    let mut found = false;
    for pattern in field.split(',') {
        let lower = pattern.to_ascii_lowercase();
        match lower.strip_prefix('!') {
            Some(pattern) if glob(pattern.as_bytes(), host.as_bytes()) => return false,
            Some(_) => {}
            None => found |= glob(lower.as_bytes(), host.as_bytes()),
        }
    }
    found
}

fn matches_hash(field: &str, host: &str) -> Option<bool> {
    let (salt, hash) = field.split_once('|')?;
    let mut mac = Hmac::<Sha1>::new_from_slice(&STANDARD.decode(salt).ok()?).ok()?;
    mac.update(host.as_bytes());
    Some(mac.verify_slice(&STANDARD.decode(hash).ok()?).is_ok())
}

/// `*` is any text and `?` any character; brackets mean themselves.
pub(super) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";
    const E: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";

    fn key(line: &str) -> PublicKey {
        parse_public_key_base64(line.split(' ').nth(1).unwrap()).unwrap()
    }

    fn check(text: &str, host: &str, port: u16, shown: &str) -> Verdict {
        let mut known = Known::default();
        known.add(Path::new("kh"), text, host, port);
        known.verdict(&key(shown))
    }

    fn changed(line: usize) -> impl Fn(Verdict) -> bool {
        move |verdict| matches!(verdict, Verdict::Changed { line: at, .. } if at == line)
    }

    #[test]
    fn names_ports_patterns_and_negation_decide_which_lines_count() {
        assert_eq!(check(&format!("web1 {A}"), "web1", 22, A), Verdict::Trusted);
        assert_eq!(check(&format!("WEB1,10.0.0.1 {A}"), "Web1", 22, A), Verdict::Trusted);
        assert_eq!(check(&format!("web1 {A}"), "web2", 22, A), Verdict::Unknown);
        assert_eq!(check(&format!("[web1]:2222 {A}"), "web1", 2222, A), Verdict::Trusted);
        assert_eq!(check(&format!("[web1]:2222 {A}"), "web1", 22, A), Verdict::Unknown);
        assert_eq!(
            check(&format!("*.example.com,!bad.example.com {A}"), "a.example.com", 22, A),
            Verdict::Trusted
        );
        assert_eq!(
            check(&format!("*.example.com,!bad.example.com {A}"), "bad.example.com", 22, A),
            Verdict::Unknown
        );
        assert_eq!(check(&format!("10.0.0.? {A}"), "10.0.0.7", 22, A), Verdict::Trusted);
        assert_eq!(check(&format!("# web1 {A}\n\n  web1   {A} a comment"), "web1", 22, A), Verdict::Trusted);
    }

    #[test]
    fn a_host_at_another_port_may_be_trusted_by_its_name_but_is_not_changed_by_it() {
        assert_eq!(check(&format!("web1 {A}"), "web1", 2222, A), Verdict::Trusted);
        assert_eq!(check(&format!("web1 {A}"), "web1", 2222, B), Verdict::Unknown);
    }

    #[test]
    fn hashed_names_are_found() {
        // Made by `ssh-keygen -H` of "web1" and "[web1]:2222".
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kh");
        fs::write(&file, format!("web1 {A}\n[web1]:2222 {B}\n")).unwrap();
        let done = std::process::Command::new("ssh-keygen").arg("-H").arg("-f").arg(&file).output().unwrap();
        assert!(done.status.success());
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("web1"), "{text}");
        assert_eq!(check(&text, "web1", 22, A), Verdict::Trusted);
        assert_eq!(check(&text, "web1", 2222, B), Verdict::Trusted);
        assert!(changed(1)(check(&text, "web1", 22, B)));
        assert_eq!(check(&text, "web2", 22, A), Verdict::Unknown);
    }

    #[test]
    fn a_different_key_is_a_change_and_the_line_of_the_same_type_is_named() {
        let text = format!("web1 {E}\nweb1 {A}\n");
        assert!(changed(2)(check(&text, "web1", 22, B)));
        assert_eq!(check(&text, "web1", 22, A), Verdict::Trusted);
        assert_eq!(check(&text, "web1", 22, E), Verdict::Trusted);
        // Several keys of one type are all good.
        assert_eq!(check(&format!("web1 {A}\nweb1 {B}\n"), "web1", 22, B), Verdict::Trusted);
        // Another type is none to be asked about, where one was known.
        assert!(changed(1)(check(&format!("web1 {E}"), "web1", 22, A)));
    }

    #[test]
    fn a_revoked_key_is_refused_wherever_else_it_is_trusted() {
        let text = format!("web1 {A}\n@revoked * {A}\n");
        assert_eq!(check(&text, "web1", 22, A), Verdict::Revoked { file: "kh".into(), line: 2 });
        assert_eq!(check(&format!("@revoked * {A}"), "web1", 22, B), Verdict::Unknown);
        assert_eq!(check(&format!("@cert-authority * {A}"), "web1", 22, A), Verdict::Unknown);
    }

    #[test]
    fn broken_lines_are_skipped() {
        let text = format!("web1\nweb1 ssh-ed25519\nweb1 ssh-ed25519 !!!!\n|1|x|y {A}\n@revoked\nweb1 {A}");
        assert_eq!(check(&text, "web1", 22, A), Verdict::Trusted);
    }

    #[test]
    fn appending_keeps_what_was_there_and_openssh_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/kh");
        append(&file, "Web1", 2222, &key(A)).unwrap();
        fs::write(&file, fs::read_to_string(&file).unwrap().trim_end()).unwrap();
        append(&file, "web2", 22, &key(B)).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("[web1]:2222 {A}\nweb2 {B}\n"));
        let found = |name: &str| {
            std::process::Command::new("ssh-keygen")
                .args(["-F", name, "-f"])
                .arg(&file)
                .output()
                .unwrap()
                .status
                .success()
        };
        assert!(found("[web1]:2222") && found("web2") && !found("web1"));
        let known = Known::read(&[folder.path().join("missing"), file], "web2", 22).unwrap();
        assert_eq!(known.verdict(&key(B)), Verdict::Trusted);
        assert_eq!(known.algorithms().count(), 1);
    }
}
