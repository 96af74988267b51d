//! What the user's SSH configuration says about a host.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::ssh::config_file;
use crate::{Config, SshSpec};

/// How long `ssh -G` may take; it may run `Match exec` commands of the user.
const ASK_SSH: Duration = Duration::from_secs(5);

/// What to do about host keys that are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strict {
    Ask,
    AcceptNew,
    Refuse,
}

/// All that is needed to reach one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The name or address to connect to.
    pub(crate) host: String,
    /// The name under which its key is on record.
    pub(crate) key_name: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    /// Key files that are configured; they come first.
    pub(crate) identities: Vec<PathBuf>,
    /// The one that the plan names: it must be usable.
    pub(crate) required_identity: Option<PathBuf>,
    pub(crate) identities_only: bool,
    pub(crate) agent: Option<PathBuf>,
    pub(crate) jumps: Vec<SshSpec>,
    pub(crate) known_hosts_write: PathBuf,
    pub(crate) known_hosts: Vec<PathBuf>,
    pub(crate) strict: Strict,
}

impl Settings {
    /// `host:port`, as messages name it.
    pub(crate) fn name(&self) -> String {
        name(&self.host, self.port)
    }

    /// Looks up what the specification leaves open.
    pub(crate) async fn find(spec: &SshSpec, config: &Config) -> Result<Self, String> {
        check(spec)?;
        let said = match &config.ssh_config {
            None => Vec::new(),
            Some(file) => match ask_ssh(spec, file).await? {
                Some(said) => said,
                None => config_file::read(file, &spec.address)?,
            },
        };
        Self::put_together(spec, config, &said)
    }

    /// `said` is `(option in lower case, value)`, the first value of an option counts.
    fn put_together(spec: &SshSpec, config: &Config, said: &[(String, String)]) -> Result<Self, String> {
        let all = |option: &'static str| {
            said.iter().filter(move |(o, _)| o == option).map(|(_, value)| value.as_str())
        };
        let first =
            |option: &'static str| all(option).next().filter(|value| *value != "none" && !value.is_empty());
        if spec.jump.is_none()
            && let Some(command) = first("proxycommand")
        {
            return Err(format!(
                "the SSH configuration uses ProxyCommand {command:?}, which is not supported. Use ProxyJump, or name the jump host in the plan."
            ));
        }
        let host =
            first("hostname").map_or_else(|| spec.address.clone(), |name| name.replace("%h", &spec.address));
        let port = match (spec.port, first("port")) {
            (Some(port), _) => port,
            (None, Some(port)) => {
                port.parse().map_err(|_| format!("the SSH configuration has the port {port:?}"))?
            }
            (None, None) => 22,
        };
        let user = spec
            .user
            .clone()
            .or_else(|| first("user").map(str::to_owned))
            .or_else(local_user)
            .ok_or("it is not known which user to log in as. Name one, as in user@host.")?;
        let expand = |path: &str| {
            let path = path
                .replace("%h", &host)
                .replace("%r", &user)
                .replace("%u", &local_user().unwrap_or_default());
            home_path(&path.replace("%d", "~"))
        };
        // `ssh -G` also lists the defaults, which may be missing.
        let configured: Vec<PathBuf> = all("identityfile")
            .filter(|path| *path != "none" && !is_default_identity(path))
            .map(expand)
            .collect();
        let required_identity = spec.identity.as_deref().map(home_path);
        let mut identities: Vec<PathBuf> = required_identity.iter().cloned().chain(configured).collect();
        identities.dedup();
        let jumps = match (&spec.jump, first("proxyjump")) {
            (Some(jump), _) => vec![(**jump).clone()],
            (None, Some(list)) => list.split(',').map(parse_jump).collect::<Result<_, _>>()?,
            (None, None) => Vec::new(),
        };
        let files = |option| {
            let files: Vec<PathBuf> =
                first(option).into_iter().flat_map(str::split_ascii_whitespace).map(expand).collect();
            let default = |path: &PathBuf| {
                path.ends_with(".ssh/known_hosts")
                    || path.ends_with(".ssh/known_hosts2")
                    || path.starts_with("/etc/ssh")
            };
            if files.iter().all(default) { Vec::new() } else { files }
        };
        let own_files = files("userknownhostsfile");
        let known_hosts_write =
            own_files.first().cloned().unwrap_or_else(|| config.known_hosts_write.clone());
        let mut known_hosts = vec![known_hosts_write.clone()];
        known_hosts.extend(own_files.into_iter().skip(1).chain(files("globalknownhostsfile")));
        known_hosts.extend(config.known_hosts_read.iter().cloned());
        let strict = match first("stricthostkeychecking") {
            Some("yes" | "true") => Strict::Refuse,
            Some("accept-new" | "no" | "off" | "false") => Strict::AcceptNew,
            _ => Strict::Ask,
        };
        let agent = match all("identityagent").next() {
            Some("none") => None,
            None | Some("" | "SSH_AUTH_SOCK" | "$SSH_AUTH_SOCK") => config.agent.clone(),
            Some(path) => Some(expand(path)),
        };
        let key_name = first("hostkeyalias").unwrap_or(&host).to_owned();
        let identities_only = matches!(first("identitiesonly"), Some("yes" | "true"));
        Ok(Self {
            key_name,
            host,
            port,
            user,
            identities,
            required_identity,
            identities_only,
            agent,
            jumps,
            known_hosts_write,
            known_hosts,
            strict,
        })
    }
}

/// `host:port`, with brackets around an IPv6 address.
pub(crate) fn name(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The default key files, in the order in which they are tried.
pub(crate) const DEFAULT_IDENTITIES: [&str; 4] = ["id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk"];

fn is_default_identity(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(folder, name)| {
        folder.ends_with(".ssh")
            && matches!(
                name,
                "id_rsa" | "id_ecdsa" | "id_ecdsa_sk" | "id_ed25519" | "id_ed25519_sk" | "id_xmss" | "id_dsa"
            )
    })
}

/// Refuses what OpenSSH would take for an option, or what no host can be called.
fn check(spec: &SshSpec) -> Result<(), String> {
    let bad = |text: &str| {
        text.is_empty() || text.starts_with('-') || text.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    if bad(&spec.address) || spec.address.contains(['/', '@', ',', '\'', '"', '`', '$', ';', '|', '&']) {
        return Err(format!("{:?} is not the name or address of a host", spec.address));
    }
    match &spec.user {
        Some(user) if bad(user) => Err(format!("{user:?} is not the name of a user")),
        _ => Ok(()),
    }
}

/// `[user@]host[:port]`, or `ssh://` before it.
fn parse_jump(text: &str) -> Result<SshSpec, String> {
    let plain = text.trim().trim_start_matches("ssh://").trim_end_matches('/');
    let (user, rest) = match plain.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, plain),
    };
    let (address, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (address, port.strip_prefix(':')),
        None => match rest.split_once(':') {
            Some((address, port)) if !port.contains(':') => (address, Some(port)),
            _ => (rest, None),
        },
    };
    let port =
        port.map(str::parse).transpose().map_err(|_| format!("the jump host {text:?} has no proper port"))?;
    let jump = SshSpec { address: address.to_owned(), user, port, identity: None, jump: None };
    check(&jump)?;
    Ok(jump)
}

/// Asks OpenSSH, which knows its own configuration best. `None` when it is not installed.
async fn ask_ssh(spec: &SshSpec, file: &Path) -> Result<Option<Vec<(String, String)>>, String> {
    let mut command = Command::new("ssh");
    command.arg("-G");
    let default = std::env::home_dir().is_some_and(|home| file == home.join(".ssh/config"));
    if !default {
        // Without -F the system's configuration counts too.
        if !file.exists() {
            return Ok(Some(Vec::new()));
        }
        command.arg("-F").arg(file);
    }
    if let Some(user) = &spec.user {
        command.args(["-l", user]);
    }
    if let Some(port) = spec.port {
        command.args(["-p", &port.to_string()]);
    }
    command.arg("--").arg(&spec.address).stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(ASK_SSH, command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            Ok(Some(pairs(&String::from_utf8_lossy(&output.stdout))))
        }
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("the SSH configuration {} cannot be used: {}", file.display(), said.trim()))
        }
        Ok(Err(_)) => Ok(None),
        Err(_) => Err(format!("reading the SSH configuration {} took too long", file.display())),
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |line: &str| {
        let (option, value) = line.split_once(' ')?;
        Some((option.to_ascii_lowercase(), value.trim().to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

/// `~` is this user's home.
pub(crate) fn home_path(path: &str) -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_default();
    match path.strip_prefix('~') {
        Some("") => home(),
        Some(rest) if rest.starts_with('/') => home().join(&rest[1..]),
        _ => PathBuf::from(path),
    }
}

fn local_user() -> Option<String> {
    whoami::username().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(file: Option<PathBuf>) -> Config {
        Config {
            ssh_config: file,
            agent: None,
            known_hosts_write: "/kh".into(),
            known_hosts_read: vec![],
            ..Config::default()
        }
    }

    const TEXT: &str = "
Host web1 web-?
    HostName 10.0.0.1
    User deploy
    Port 2222
    IdentityFile ~/.ssh/deploy
    IdentityFile \"/keys/with space\"
    IdentitiesOnly yes
Host *.internal !db.internal
    ProxyJump ops@bastion:2200,second
    StrictHostKeyChecking accept-new
Host=equal
\tHostName=10.0.0.9
Host pinned
    UserKnownHostsFile /my/known /my/other
    HostKeyAlias cluster
    StrictHostKeyChecking yes
Match host never
    User wrong
Host *
    User everyone
";

    async fn both(address: &str) -> Vec<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, TEXT).unwrap();
        let spec = SshSpec::new(address);
        let asked = Settings::find(&spec, &config(Some(file.clone()))).await.unwrap();
        let own = config_file::read(&file, address).unwrap();
        let parsed = Settings::put_together(&spec, &config(Some(file)), &own).unwrap();
        vec![asked, parsed]
    }

    #[tokio::test]
    async fn openssh_and_the_own_reader_agree() {
        for address in ["web1", "web-7", "a.internal", "db.internal", "equal", "pinned", "other"] {
            let [asked, parsed] = both(address).await.try_into().unwrap();
            assert_eq!(asked, parsed, "{address}");
        }
    }

    #[tokio::test]
    async fn what_the_configuration_says_is_used() {
        let web = both("web1").await.remove(0);
        assert_eq!((web.host.as_str(), web.port, web.user.as_str()), ("10.0.0.1", 2222, "deploy"));
        assert_eq!(web.identities, [home_path("~/.ssh/deploy"), "/keys/with space".into()]);
        assert!(web.identities_only);
        let inner = both("a.internal").await.remove(0);
        assert_eq!(inner.jumps.len(), 2);
        assert_eq!(
            inner.jumps[0],
            SshSpec { user: Some("ops".into()), port: Some(2200), ..SshSpec::new("bastion") }
        );
        assert_eq!(inner.strict, Strict::AcceptNew);
        assert!(both("db.internal").await[0].jumps.is_empty());
        let pinned = both("pinned").await.remove(0);
        assert_eq!(pinned.known_hosts, [PathBuf::from("/my/known"), "/my/other".into()]);
        assert_eq!((pinned.key_name.as_str(), pinned.strict), ("cluster", Strict::Refuse));
        assert_eq!(both("equal").await[0].host, "10.0.0.9");
    }

    #[tokio::test]
    async fn the_plan_wins_over_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, TEXT).unwrap();
        let spec = SshSpec {
            user: Some("me".into()),
            port: Some(23),
            identity: Some("/k".into()),
            jump: Some(Box::new(SshSpec::new("j"))),
            ..SshSpec::new("web1")
        };
        let settings = Settings::find(&spec, &config(Some(file))).await.unwrap();
        assert_eq!((settings.user.as_str(), settings.port), ("me", 23));
        assert_eq!(settings.identities[0], PathBuf::from("/k"));
        assert_eq!(settings.jumps, [SshSpec::new("j")]);
    }

    #[tokio::test]
    async fn names_that_would_be_options_or_code_are_refused() {
        for bad in ["", "-oProxyCommand=x", "a b", "a;b", "a/b", "$(x)", "a\nb"] {
            assert!(Settings::find(&SshSpec::new(bad), &config(None)).await.is_err(), "{bad:?}");
        }
        let spec = SshSpec { user: Some("-x".into()), ..SshSpec::new("a") };
        assert!(Settings::find(&spec, &config(None)).await.is_err());
    }

    #[tokio::test]
    async fn a_proxy_command_and_a_broken_configuration_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, "Host a\n ProxyCommand nc %h %p\n").unwrap();
        let error = Settings::find(&SshSpec::new("a"), &config(Some(file.clone()))).await.unwrap_err();
        assert!(error.contains("ProxyCommand"), "{error}");
        std::fs::write(&file, "Nonsense yes\n").unwrap();
        let error = Settings::find(&SshSpec::new("a"), &config(Some(file))).await.unwrap_err();
        assert!(error.contains("onsense"), "{error}");
    }

    #[test]
    fn jump_hosts_are_read_in_all_their_forms() {
        let jump = |text: &str| parse_jump(text).unwrap();
        assert_eq!(jump("b"), SshSpec::new("b"));
        assert_eq!(
            jump("ssh://u@b:23/"),
            SshSpec { user: Some("u".into()), port: Some(23), ..SshSpec::new("b") }
        );
        assert_eq!(jump("[::1]:23"), SshSpec { port: Some(23), ..SshSpec::new("::1") });
        assert!(parse_jump("b:x").is_err());
    }
}
