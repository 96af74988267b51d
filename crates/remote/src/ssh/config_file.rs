//! A small reader of SSH configuration files, for machines without OpenSSH. It knows `Host`, `Include` and
//! `Match all`; other `Match` blocks are skipped, since what they ask cannot be known here.

use std::path::Path;

use crate::ssh::known_hosts::glob;
use crate::ssh::settings::home_path;

/// Includes within includes are followed so deep.
const DEEP: usize = 8;

/// What the file says about a host: options in lower case, in order; of an option the first counts.
pub(crate) fn read(file: &Path, host: &str) -> Result<Vec<(String, String)>, String> {
    let mut said = Vec::new();
    if file.exists() {
        read_into(file, host, true, DEEP, &mut said)?;
    }
    Ok(said)
}

fn read_into(
    file: &Path,
    host: &str,
    mut applies: bool,
    deep: usize,
    said: &mut Vec<(String, String)>,
) -> Result<(), String> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| format!("the SSH configuration {} cannot be read: {e}", file.display()))?;
    let outer = applies;
    for line in text.lines() {
        let Some((option, values)) = split(line) else { continue };
        match option.as_str() {
            "host" => applies = outer && host_matches(&values, host),
            "match" => applies = outer && values.len() == 1 && values[0].eq_ignore_ascii_case("all"),
            "include" if applies && deep > 0 => {
                for pattern in &values {
                    for included in expand(pattern, file) {
                        read_into(&included, host, true, deep - 1, said)?;
                    }
                }
            }
            // These may be given several times, and all count.
            "identityfile" if applies => said.extend(values.into_iter().map(|value| (option.clone(), value))),
            _ if applies && !said.iter().any(|(known, _)| *known == option) => {
                said.push((option, values.join(" ")))
            }
            _ => {}
        }
    }
    Ok(())
}

/// An option in lower case and its arguments: `Key value`, `Key=value`, `Key "a value"`.
fn split(line: &str) -> Option<(String, Vec<String>)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let (option, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let mut values = Vec::new();
    let mut value: Option<String> = None;
    let mut quoted = false;
    for c in rest.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                value.get_or_insert_default();
            }
            '#' if !quoted && value.is_none() => break,
            c if c.is_whitespace() && !quoted => values.extend(value.take()),
            c => value.get_or_insert_default().push(c),
        }
    }
    values.extend(value);
    Some((option.to_ascii_lowercase(), values))
}

fn host_matches(patterns: &[String], host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let mut found = false;
    for pattern in patterns {
        let pattern = pattern.to_ascii_lowercase();
        match pattern.strip_prefix('!') {
            Some(pattern) if glob(pattern.as_bytes(), host.as_bytes()) => return false,
            Some(_) => {}
            None => found |= glob(pattern.as_bytes(), host.as_bytes()),
        }
    }
    found
}

/// The files that an `Include` names: relative to the file's folder, with patterns in the last part.
fn expand(pattern: &str, file: &Path) -> Vec<std::path::PathBuf> {
    let path = home_path(pattern);
    let path = if path.is_absolute() { path } else { file.parent().unwrap_or(Path::new(".")).join(path) };
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| glob(name.as_bytes(), entry.file_name().as_encoded_bytes()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// The names of hosts that a configuration file has, patterns left out, each once and in order. A file that is not there
/// has none.
///
/// # Errors
/// When it, or a file that it includes, cannot be read.
pub fn hosts(file: &Path) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    if file.exists() {
        hosts_into(file, &[], DEEP, &mut found)?;
    }
    Ok(found)
}

/// `within`: the patterns of the blocks that the file is included in. A host that does not fit them is none: OpenSSH reads
/// the file for other hosts alone.
fn hosts_into(
    file: &Path,
    within: &[Vec<String>],
    deep: usize,
    found: &mut Vec<String>,
) -> Result<(), String> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| format!("the SSH configuration {} cannot be read: {e}", file.display()))?;
    let any = || Some(vec!["*".to_owned()]);
    let mut block = any();
    for line in text.lines() {
        let Some((option, values)) = split(line) else { continue };
        match option.as_str() {
            "host" => {
                for name in values.iter().filter(|name| !name.contains(['*', '?', '!'])) {
                    if !found.contains(name) && within.iter().all(|patterns| host_matches(patterns, name)) {
                        found.push(name.clone());
                    }
                }
                block = Some(values);
            }
            "match" => {
                block = if values.len() == 1 && values[0].eq_ignore_ascii_case("all") { any() } else { None };
            }
            "include" if deep > 0 => {
                let Some(block) = &block else { continue };
                let within: Vec<Vec<String>> = within.iter().chain([block]).cloned().collect();
                for included in values.iter().flat_map(|pattern| expand(pattern, file)) {
                    hosts_into(&included, &within, deep - 1, found)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_listed_without_patterns_and_through_includes() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("conf.d")).unwrap();
        std::fs::write(folder.path().join("conf.d/a.conf"), "Host web1 web2\n  User d\nHost db\n").unwrap();
        std::fs::write(folder.path().join("conf.d/b.conf"), "Host=\"web3\" web?\nhost web1\n").unwrap();
        std::fs::write(folder.path().join("inner"), "Host web4 other\n").unwrap();
        let file = folder.path().join("config");
        let text = "Include conf.d/*.conf\nHost *.example !no\n  User x\nHost bastion # the way in\nMatch all\nHost web*\n  \
                    Include inner\nMatch exec \"true\"\n  Include conf.d/a.conf\n";
        std::fs::write(&file, text).unwrap();
        assert_eq!(hosts(&file).unwrap(), ["web1", "web2", "db", "web3", "bastion", "web4"]);
        assert_eq!(hosts(&folder.path().join("none")).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn includes_are_read_where_they_stand() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("conf.d")).unwrap();
        std::fs::write(folder.path().join("conf.d/a.conf"), "Host web\n  User inner\n").unwrap();
        std::fs::write(folder.path().join("conf.d/b.txt"), "User no\n").unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, "Include conf.d/*.conf\nHost web\n  User outer\n  Port 7 # why\n").unwrap();
        let said = read(&file, "web").unwrap();
        assert_eq!(said, [("user".into(), "inner".into()), ("port".into(), "7".into())]);
        // An include in a block that does not apply is not read.
        std::fs::write(&file, "Host other\n  Include conf.d/*.conf\nMatch all\n  Port 8\n").unwrap();
        assert_eq!(read(&file, "web").unwrap(), [("port".into(), "8".into())]);
        assert_eq!(read(&folder.path().join("none"), "web").unwrap(), []);
    }
}
