//! What a host is: one question, and the sense of its answer.
//!
//! The answer is data from a host. What cannot be read in it is left out: a fact is known or absent, never guessed.
//! Lines come in any order, from programs that ran at the same time, and the last may be missing.

use std::net::IpAddr;
use std::time::Duration;

use steadyhand_domain::{ContainerRuntime, Disk, Facts, Init, PackageManager, Sudo, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::link::{Link, Use};
use crate::{RemoteError, probe, shell};

/// How long a host may think. Its own patience with what may hang is two seconds.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest text of a fact, in bytes: the longest name of a host.
const LONGEST: usize = 255;
/// The most disks, and the most addresses.
const MOST: usize = 100;

/// Asks a host what it is.
pub(crate) async fn ask(
    link: &Link,
    now: fn() -> Timestamp,
    cancel: &CancellationToken,
) -> Result<Facts, RemoteError> {
    // A shell is opened first, so that the time that it takes is not counted as the way to the host.
    link.lane(Use::Control).await?.put_back();
    let asked = now();
    let answer = probe::ask(link, &shell::facts_question(), LIMIT, cancel).await?;
    let window = Window { asked, answered: now() };
    read(&answer.output, window).ok_or_else(|| {
        let shown: String = String::from_utf8_lossy(&answer.output).chars().take(200).collect();
        let detail = match (answer.status, shown.trim()) {
            (None, "") => format!("no answer within {} s", LIMIT.as_secs()),
            (_, "") => "its answer was empty".to_owned(),
            (_, shown) => format!("it wrote {shown:?}"),
        };
        RemoteError::Facts { host: link.name().to_owned(), detail }
    })
}

/// When this machine asked, and when it had the answer, by its own clock.
#[derive(Clone, Copy)]
struct Window {
    asked: Timestamp,
    answered: Timestamp,
}

/// The lines of an answer.
struct Answer<'a> {
    lines: Vec<(&'a str, &'a str)>,
}

impl<'a> Answer<'a> {
    fn of(output: &'a [u8]) -> Self {
        let lines = output.split(|byte| *byte == b'\n').filter_map(|line| {
            let line = std::str::from_utf8(line).ok()?;
            line.trim_end_matches('\r').split_once(' ')
        });
        Self { lines: lines.collect() }
    }

    fn all<'k>(&self, key: &'k str) -> impl Iterator<Item = &'a str> + use<'_, 'a, 'k> {
        self.lines.iter().filter(move |(found, _)| *found == key).map(|(_, value)| *value)
    }

    fn first(&self, key: &str) -> Option<&'a str> {
        self.all(key).next()
    }

    /// A text that is fit to be shown and put into commands.
    fn text(&self, key: &str) -> Option<String> {
        clean(self.first(key)?)
    }

    fn has(&self, key: &str, value: &str) -> bool {
        self.all(key).any(|found| found.trim() == value)
    }

    /// A value of `os-release`; its quotes are those of a shell.
    fn release(&self, name: &str) -> Option<String> {
        let value = self.all("release").find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?.trim();
        let bare = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        clean(bare.unwrap_or(value))
    }
}

fn clean(text: &str) -> Option<String> {
    let text = text.trim();
    let is_fit = !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    is_fit.then(|| text.to_owned())
}

/// A word that names a system: letters, digits, `.`, `_`, `-`.
fn name(text: String) -> Option<String> {
    let text = text.to_lowercase();
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')).then_some(text)
}

/// The facts in an answer; `None` when it is none.
fn read(output: &[u8], window: Window) -> Option<Facts> {
    let answer = Answer::of(output);
    let kernel_name = answer.text("kernel_name").and_then(name);
    if answer.first("begin").is_none() && kernel_name.is_none() {
        return None;
    }
    let is_mac = kernel_name.as_deref() == Some("darwin");
    let distribution = if is_mac { Some("macos".to_owned()) } else { answer.release("ID").and_then(name) };
    let like = answer.release("ID_LIKE").unwrap_or_default().to_lowercase();
    let os_family = if is_mac {
        Some("darwin".to_owned())
    } else {
        distribution.as_deref().map(|id| family(id, &like).to_owned())
    };
    let node = answer.text("node");
    let fqdn = match &node {
        Some(node) if node.contains('.') => Some(node.clone()),
        _ => answer.text("fqdn").filter(|fqdn| fqdn.contains('.') && !fqdn.contains(' ')),
    };
    Some(Facts {
        package_manager: package_manager(&answer, os_family.as_deref()),
        os: kernel_name,
        os_family,
        distribution,
        version: if is_mac { answer.text("product") } else { answer.release("VERSION_ID") },
        hostname: node,
        fqdn,
        arch: answer.text("arch"),
        kernel: answer.text("kernel"),
        cpu_count: answer.first("cpus").and_then(|text| text.trim().parse().ok()).filter(|count| *count > 0),
        memory: answer.first("memory").and_then(memory),
        disks: disks(&answer),
        addresses: addresses(&answer),
        init: init(&answer),
        container_runtime: answer.first("containers").and_then(|word| ContainerRuntime::of_word(word.trim())),
        user: answer.text("user"),
        uid: answer.first("uid").and_then(|text| text.trim().parse().ok()),
        sudo: answer.first("sudo").and_then(sudo),
        clock_offset: clock_offset(&answer, window),
    })
}

/// What a distribution is a kind of. One that is like no other is of its own kind.
fn family<'a>(id: &'a str, like: &str) -> &'a str {
    let of = |id: &str| {
        Some(match id {
            "debian" | "ubuntu" | "raspbian" | "linuxmint" | "devuan" => "debian",
            "rhel" | "fedora" | "centos" | "rocky" | "almalinux" | "amzn" | "ol" => "redhat",
            "suse" | "sles" | "opensuse" | "opensuse-leap" | "opensuse-tumbleweed" => "suse",
            "arch" | "manjaro" | "archarm" => "arch",
            "alpine" | "postmarketos" => "alpine",
            "gentoo" => "gentoo",
            _ => return None,
        })
    };
    of(id).or_else(|| like.split_whitespace().find_map(of)).unwrap_or(id)
}

/// What installs packages: where several are there, the one of the family.
fn package_manager(answer: &Answer<'_>, family: Option<&str>) -> Option<PackageManager> {
    let found: Vec<PackageManager> = answer
        .all("manager")
        .filter_map(|word| {
            PackageManager::of_word(if word.trim() == "apt-get" { "apt" } else { word.trim() })
        })
        .collect();
    let own: &[PackageManager] = match family {
        Some("debian") => &[PackageManager::Apt],
        Some("redhat") => &[PackageManager::Dnf, PackageManager::Yum],
        Some("suse") => &[PackageManager::Zypper],
        Some("arch") => &[PackageManager::Pacman],
        Some("alpine") => &[PackageManager::Apk],
        _ => &[],
    };
    own.iter().find(|own| found.contains(own)).or(found.first()).copied()
}

/// What runs as process 1. The name `init` is that of several, which leave different traces.
fn init(answer: &Answer<'_>) -> Option<Init> {
    let first = answer.first("first").map(|path| path.trim().rsplit('/').next().unwrap_or_default());
    match first {
        Some("systemd") => Some(Init::Systemd),
        Some("launchd") => Some(Init::Launchd),
        Some("openrc-init") => Some(Init::Openrc),
        Some("init") | None => [("systemd", Init::Systemd), ("openrc", Init::Openrc), ("sysv", Init::Sysv)]
            .into_iter()
            .find_map(|(trace, init)| answer.has("booted", trace).then_some(init)),
        // Managers of services that are none of these.
        Some("runit" | "s6-svscan" | "dinit" | "upstart" | "shepherd" | "busybox" | "") => None,
        Some(_) => Some(Init::None),
    }
}

/// `STATUS MESSAGE` of `sudo -n true`.
fn sudo(said: &str) -> Option<Sudo> {
    if said.trim() == "absent" {
        return Some(Sudo::None);
    }
    let (status, message) = said.trim().split_once(' ').unwrap_or((said.trim(), ""));
    let refuses = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match status.parse::<u8>().ok()? {
        0 => Some(Sudo::Passwordless),
        _ if refuses(&["not in the sudoers", "may not run", "not allowed"]) => Some(Sudo::None),
        _ if refuses(&["password", "askpass"]) => Some(Sudo::Password),
        _ => None,
    }
}

/// `8000000 kB`, as the kernel says it, or bytes.
fn memory(text: &str) -> Option<u64> {
    let mut words = text.split_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    match words.next() {
        Some("kB") => number.checked_mul(1024),
        Some(_) => None,
        None => Some(number),
    }
    .filter(|bytes| *bytes > 0)
}

/// The lines of `df -P -k`: device, 1024-blocks, used, available, capacity, mount. Device and mount may have spaces.
fn disks(answer: &Answer<'_>) -> Option<Vec<Disk>> {
    let mut by_device: Vec<(&str, Disk)> = Vec::new();
    for line in answer.all("disk") {
        let Some((device, disk)) = disk(line) else { continue };
        match by_device.iter().position(|(known, _)| *known == device) {
            // One file system that is mounted at several places counts once, where its path is shortest.
            Some(at) if disk.mount.len() < by_device[at].1.mount.len() => by_device[at].1 = disk,
            Some(_) => {}
            None if by_device.len() < MOST => by_device.push((device, disk)),
            None => {}
        }
    }
    let mut disks: Vec<Disk> = by_device.into_iter().map(|(_, disk)| disk).collect();
    disks.sort_by(|a, b| a.mount.cmp(&b.mount));
    (!disks.is_empty()).then_some(disks)
}

fn disk(line: &str) -> Option<(&str, Disk)> {
    let percent = line.match_indices("% ").find(|(at, _)| {
        let before: Vec<&str> = line[..*at].split_whitespace().rev().take(4).collect();
        before.len() == 4 && before.iter().all(|word| word.parse::<u64>().is_ok())
    });
    let (at, _) = percent?;
    let mount = clean(&line[at + 2..]).filter(|mount| mount.starts_with('/'))?;
    // macOS keeps volumes of its own beside that of the person.
    if mount.starts_with("/System/Volumes/") && mount != "/System/Volumes/Data" {
        return None;
    }
    let mut numbers = line[..at].split_whitespace().rev().skip(1);
    let free: u64 = numbers.next()?.parse().ok()?;
    let size: u64 = numbers.nth(1)?.parse().ok()?;
    let device = line[..at].split_whitespace().next()?;
    let (size, free) = (size.checked_mul(1024)?, free.checked_mul(1024)?);
    (size > 0).then_some((device, Disk { mount, size, free }))
}

/// Addresses as `ip`, one of the kinds of `ifconfig`, or `hostname -I` write them.
fn addresses(answer: &Answer<'_>) -> Option<Vec<String>> {
    let after_inet = answer.all("ip").chain(answer.all("inet")).filter_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| !matches!(*word, "inet" | "inet6"));
        words.next()?;
        // `inet addr:10.0.0.5`, `inet6 addr: fe80::1/64`
        match words.next()?.strip_prefix("addr:") {
            Some("") => words.next(),
            Some(address) => Some(address),
            None => line.split_whitespace().skip_while(|word| !matches!(*word, "inet" | "inet6")).nth(1),
        }
    });
    let alone = answer.all("address").flat_map(str::split_whitespace);
    let mut found: Vec<String> = Vec::new();
    let mut is_told = false;
    for text in after_inet.chain(alone) {
        let text = text.split('/').next().unwrap_or_default();
        let (address, zone) = text.split_once('%').unwrap_or((text, ""));
        let Ok(address) = address.parse::<IpAddr>() else { continue };
        is_told = true;
        let address_text = address.to_string();
        if !address.is_loopback()
            && !address.is_unspecified()
            && !zone.starts_with("lo")
            && !found.contains(&address_text)
            && found.len() < MOST
        {
            found.push(address_text);
        }
    }
    is_told.then_some(found)
}

/// A point in time as a host tells it, in milliseconds, and by how much it may be off.
fn host_time(text: &str) -> Option<(f64, f64)> {
    let text = text.trim();
    if text.len() > 30 || !text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let seconds: f64 = text.parse().ok().filter(|seconds| *seconds < 1e11)?;
    // Whole seconds are cut off: half of one more is the middle of what it may be.
    Some(if text.contains('.') { (seconds * 1000.0, 0.0) } else { (seconds * 1000.0 + 500.0, 500.0) })
}

/// How far the host's clock is ahead, in seconds, as NTP reckons it (RFC 5905, section 8): from when the question left
/// and came there, and when the answer left there and came back. Half of the time on the way is uncertain.
fn clock_offset(answer: &Answer<'_>, window: Window) -> Option<f64> {
    let (begin, coarse) = host_time(answer.first("begin")?)?;
    let (end, _) = host_time(answer.first("end")?)?;
    let here = |time: Timestamp| time.0 as f64;
    let (asked, answered) = (here(window.asked), here(window.answered));
    if end < begin || answered < asked {
        return None;
    }
    let offset = ((begin - asked) + (end - answered)) / 2.0;
    let on_the_way = ((answered - asked) - (end - begin)).max(0.0);
    let uncertain = on_the_way / 2.0 + coarse + 1.0;
    if offset.abs() <= uncertain {
        return Some(0.0);
    }
    let digits = if coarse > 0.0 { 1000.0 } else { 1.0 };
    Some((offset / digits).round() * digits / 1000.0)
}

#[cfg(test)]
mod tests;
