//! What is known about a host: facts that it tells about itself.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a host tells about itself. A fact that it cannot tell is absent; nothing is guessed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(default)]
pub struct Facts {
    /// The kernel's name in lower case: `linux`, `darwin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub os: Option<String>,
    /// What the distribution is a kind of: `debian`, `redhat`, `suse`, `arch`, `alpine`, …; `darwin` for macOS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub os_family: Option<String>,
    /// The distribution: `debian`, `ubuntu`, `alpine`, `macos`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub distribution: Option<String>,
    /// The version of the distribution: `12`, `24.04`, `3.20.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub version: Option<String>,
    /// The name that the host has for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hostname: Option<String>,
    /// That name with its domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub fqdn: Option<String>,
    /// The kind of processor, as `uname -m` names it: `x86_64`, `aarch64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub arch: Option<String>,
    /// The kernel's release: `6.1.0-18-amd64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub kernel: Option<String>,
    /// Processors that are online.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub cpu_count: Option<u32>,
    /// Main memory in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub memory: Option<u64>,
    /// Local file systems, each once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub disks: Option<Vec<Disk>>,
    /// IPv4 and IPv6 addresses that are not loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub addresses: Option<Vec<String>>,
    /// What installs packages there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub package_manager: Option<PackageManager>,
    /// What runs as process 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub init: Option<Init>,
    /// The program for containers that is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub container_runtime: Option<ContainerRuntime>,
    /// The name of the user who is logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub user: Option<String>,
    /// That user's number; 0 is root.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub uid: Option<u32>,
    /// What `sudo` wants of that user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub sudo: Option<Sudo>,
    /// Seconds that the host's clock is ahead of this machine's; negative when it is behind. What cannot be told from
    /// the time that the question took counts as 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub clock_offset: Option<f64>,
}

/// A local file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Disk {
    /// Where it is mounted.
    pub mount: String,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes that a user may still write.
    pub free: u64,
}

/// Enums whose values are single words.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$item_doc])* $item,)* }

        impl $name {
            /// The words for it, as plans and pages write them.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word for it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$item => $word,)* }
            }

            /// What the word stands for.
            #[must_use]
            pub fn of_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$item),)* _ => None }
            }
        }
    )*};
}

words! {
    /// What installs packages.
    PackageManager {
        /// Debian, Ubuntu.
        Apt = "apt",
        /// Fedora, RHEL 8 and later.
        Dnf = "dnf",
        /// RHEL before 8, Amazon Linux 2.
        Yum = "yum",
        /// Alpine.
        Apk = "apk",
        /// Arch.
        Pacman = "pacman",
        /// SUSE.
        Zypper = "zypper",
        /// Homebrew.
        Brew = "brew",
    }
    /// What runs as process 1.
    Init {
        /// systemd.
        Systemd = "systemd",
        /// OpenRC, whatever started it.
        Openrc = "openrc",
        /// System V init.
        Sysv = "sysv",
        /// macOS.
        Launchd = "launchd",
        /// No manager of services: a container's own command.
        None = "none",
    }
    /// A program for containers.
    ContainerRuntime {
        /// Docker.
        Docker = "docker",
        /// Podman, also where it answers to `docker`.
        Podman = "podman",
        /// None is installed.
        None = "none",
    }
    /// What `sudo` wants of a user.
    Sudo {
        /// It is not installed, or refuses this user.
        None = "none",
        /// It asks for nothing.
        Passwordless = "passwordless",
        /// It asks for a password; whether it then allows anything is not known.
        Password = "password",
    }
}

/// Of which kind the value of a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactKind {
    /// A text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A number.
    Number,
    /// A list of texts.
    List,
}

/// The value of a fact.
#[derive(Clone, Debug, PartialEq)]
pub enum FactValue {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// A whole number.
    Whole(u64),
    /// A list of texts.
    List(Vec<String>),
}

/// Every fact: its name and its kind, in the order in which they are shown.
pub const FACTS: [(&str, FactKind); 19] = [
    ("os", FactKind::Text),
    ("os_family", FactKind::Text),
    ("distribution", FactKind::Text),
    ("version", FactKind::Text),
    ("hostname", FactKind::Text),
    ("fqdn", FactKind::Text),
    ("arch", FactKind::Text),
    ("kernel", FactKind::Text),
    ("cpu_count", FactKind::Number),
    ("memory", FactKind::Number),
    ("disks", FactKind::List),
    ("addresses", FactKind::List),
    ("package_manager", FactKind::Word(PackageManager::WORDS)),
    ("init", FactKind::Word(Init::WORDS)),
    ("container_runtime", FactKind::Word(ContainerRuntime::WORDS)),
    ("user", FactKind::Text),
    ("uid", FactKind::Number),
    ("sudo", FactKind::Word(Sudo::WORDS)),
    ("clock_offset", FactKind::Number),
];

impl Facts {
    /// The kind of the fact of that name, if there is one.
    #[must_use]
    pub fn kind(name: &str) -> Option<FactKind> {
        FACTS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// The value of the fact of that name; `None` when the host does not tell it. Of disks it is where they are
    /// mounted.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<FactValue> {
        let text = |text: &Option<String>| text.clone().map(FactValue::Text);
        let word = |word: Option<&str>| word.map(|word| FactValue::Text(word.to_owned()));
        match name {
            "os" => text(&self.os),
            "os_family" => text(&self.os_family),
            "distribution" => text(&self.distribution),
            "version" => text(&self.version),
            "hostname" => text(&self.hostname),
            "fqdn" => text(&self.fqdn),
            "arch" => text(&self.arch),
            "kernel" => text(&self.kernel),
            "cpu_count" => self.cpu_count.map(|count| FactValue::Whole(count.into())),
            "memory" => self.memory.map(FactValue::Whole),
            "disks" => {
                let mounts = self.disks.as_ref().map(|disks| disks.iter().map(|disk| disk.mount.clone()));
                mounts.map(|mounts| FactValue::List(mounts.collect()))
            }
            "addresses" => self.addresses.clone().map(FactValue::List),
            "package_manager" => word(self.package_manager.map(PackageManager::word)),
            "init" => word(self.init.map(Init::word)),
            "container_runtime" => word(self.container_runtime.map(ContainerRuntime::word)),
            "user" => text(&self.user),
            "uid" => self.uid.map(|uid| FactValue::Whole(uid.into())),
            "sudo" => word(self.sudo.map(Sudo::word)),
            "clock_offset" => self.clock_offset.map(FactValue::Number),
            _ => None,
        }
    }
}

/// As it is written into a text; lists with spaces between.
impl fmt::Display for FactValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Whole(number) => number.fmt(f),
            Self::List(items) => f.write_str(&items.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Facts {
        let text = |text: &str| Some(text.to_owned());
        Facts {
            os: text("linux"),
            os_family: text("debian"),
            distribution: text("debian"),
            version: text("12"),
            hostname: text("web1"),
            fqdn: text("web1.example.com"),
            arch: text("x86_64"),
            kernel: text("6.1.0"),
            cpu_count: Some(2),
            memory: Some(8_000_000_000),
            disks: Some(vec![Disk { mount: "/".to_owned(), size: 10, free: 5 }]),
            addresses: Some(vec!["10.0.0.5".to_owned(), "fe80::1".to_owned()]),
            package_manager: Some(PackageManager::Apt),
            init: Some(Init::Systemd),
            container_runtime: Some(ContainerRuntime::None),
            user: text("deploy"),
            uid: Some(1000),
            sudo: Some(Sudo::Password),
            clock_offset: Some(-1.5),
        }
    }

    #[test]
    fn every_fact_has_a_name_a_kind_and_a_value() {
        let json = serde_json::to_value(all()).unwrap();
        let names: Vec<&str> = FACTS.iter().map(|(name, _)| *name).collect();
        let mut fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        fields.sort_unstable();
        assert_eq!(sorted, fields);
        for (name, kind) in FACTS {
            let value = all().get(name);
            let fits = match kind {
                FactKind::Text => matches!(value, Some(FactValue::Text(_))),
                FactKind::Word(words) => {
                    matches!(&value, Some(FactValue::Text(word)) if words.contains(&word.as_str()))
                }
                FactKind::Number => matches!(value, Some(FactValue::Number(_) | FactValue::Whole(_))),
                FactKind::List => matches!(value, Some(FactValue::List(_))),
            };
            assert!(fits, "{name}: {value:?}");
            assert_eq!(Facts::default().get(name), None, "{name}");
        }
        assert_eq!(Facts::kind("colour"), None);
    }

    #[test]
    fn words_are_the_same_in_plans_and_in_json() {
        for word in Init::WORDS {
            let read: Init = serde_json::from_value((*word).into()).unwrap();
            assert_eq!((read.word(), Init::of_word(word)), (*word, Some(read)));
        }
        for word in PackageManager::WORDS {
            let read: PackageManager = serde_json::from_value((*word).into()).unwrap();
            assert_eq!((read.word(), PackageManager::of_word(word)), (*word, Some(read)));
        }
    }

    #[test]
    fn what_a_host_cannot_tell_is_not_in_the_json() {
        assert_eq!(serde_json::to_string(&Facts::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Facts>("{}").unwrap(), Facts::default());
        let json = serde_json::to_string(&all()).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), all());
    }
}
