//! Hosts of their own, with their own sshd, users, processes and mounts: Debian, and one with nothing but busybox.
//!
//! A root is made once, Debian's by `debootstrap`, and kept in the build's target folder. Each host is a layer in memory over it, so
//! that a test may change everything there, and nothing is left of it. The host has the machine's network, so that `apt` works
//! as it does outside; who logs in as [`WALLED`] is in a network of its own, in which a firewall may be tried out.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::{app::built, dockerd::Dockerd, free_port, sshd::keygen};

/// A user who may become root with sudo, without a password.
pub const DEPLOY: &str = "deploy";
/// Root, in a network that has nothing but a loopback, or the containers of the docker that the host has.
pub const WALLED: &str = "walled";

/// The folders of the roots. A name changes with what is done to a new root.
const DEBIAN: &str = "bookworm-2";
const BUSYBOX: &str = "busybox-1";
const PACKAGES: &str = "ca-certificates,caddy,cron,curl,git,nftables,openssh-server,procps,sudo,systemd";

/// What is done to a new root, once.
const PREPARE: &str = r#"set -e
rm -rf var/cache/apt/archives/*.deb var/lib/apt/lists/* etc/ssh/ssh_host_*
apt-config dump | grep -E '^Acquire::(http|https|ftp|Check)' >etc/apt/apt.conf.d/50machine || true
printf '#!/bin/sh\nexec nsenter --net=/run/steadyhand/net -- /bin/sh "$@"\n' >usr/local/bin/walled
chmod 755 usr/local/bin/walled
chroot . useradd -m -s /bin/sh -p '*' deploy
chroot . useradd -o -u 0 -g 0 -M -d /root -s /usr/local/bin/walled -p '*' walled
echo '127.0.0.1 localhost' >etc/hosts
echo 'deploy ALL=(ALL) NOPASSWD: ALL' >etc/sudoers.d/deploy
chmod 440 etc/sudoers.d/deploy
"#;

/// Makes the root of a host that has busybox and sshd, and nothing else: what Alpine begins with.
const PREPARE_BUSYBOX: &str = r#"set -e
mkdir -p bin dev etc/init.d home opt proc root run srv sys tmp usr/local/bin var/spool/cron/crontabs
chmod 700 root
chmod 1777 tmp
cp "$(command -v busybox)" bin/busybox
for name in $(bin/busybox --list); do
    [ "$name" = busybox ] || ln -s busybox "bin/$name"
done
for program in /usr/sbin/sshd /usr/lib/openssh/sshd-*; do
    [ -x "$program" ] || continue
    for file in "$program" $(ldd "$program" | grep -o '/[^ ]*'); do
        mkdir -p ".${file%/*}"
        cp -L "$file" ".$file"
    done
done
printf '%s\n' root:x:0:0:root:/root:/bin/sh daemon:x:1:1::/:/bin/false sshd:x:100:100::/run/sshd:/bin/false >etc/passwd
printf '%s\n' root:x:0: daemon:x:1: adm:x:4: games:x:60: sshd:x:100: >etc/group
printf '%s\n' 'root:*:19000:0:::::' 'daemon:*:19000:0:::::' 'sshd:*:19000:0:::::' >etc/shadow
chmod 640 etc/shadow
"#;

/// Begins a host: $1 is the root, $2 a folder with `ssh`, which is the host's own; $3 and $4 are the socket and the program of
/// a docker that it has, and $5 the network of that, if any.
const BEGIN: &str = r#"set -e
mount --make-rprivate /
cd "$2"
mkdir m
mount -t tmpfs -o mode=755 none m
mkdir m/up m/work m/root
# What differs from the root is in the layer alone, and nowhere else.
mount -t overlay -o "lowerdir=$1,upperdir=$2/m/up,workdir=$2/m/work" none m/root
cd m/root
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=755 none run
mkdir -p run/sshd run/lock run/steadyhand/layer
mount --bind ../up run/steadyhand/layer
cp "$2"/ssh/* run/steadyhand
chmod 600 run/steadyhand/host_key
if [ "$3" ]; then
    : >run/steadyhand/docker.sock
    : >usr/bin/docker
    ln -s steadyhand/docker.sock run
    mount --bind "$3" run/steadyhand/docker.sock
    mount --bind "$4" usr/bin/docker
    mount --rbind /sys sys
fi
: >run/steadyhand/net
if [ "$5" ]; then
    nsenter --net="$5" ip link set lo up
    mount --bind "$5" run/steadyhand/net
else
    unshare -n sh -c 'ip link set lo up; mount --bind /proc/self/ns/net run/steadyhand/net'
fi
exec chroot . /usr/sbin/sshd -D -e -f /run/steadyhand/sshd_config
"#;

/// Tells what differs from the root. Busybox's `find` and `stat` take all of this, too.
const EVERYTHING: &str = r#"keep() {
    find /run /run/steadyhand/layer -xdev \( -path '*/.local/state/steadyhand' -o -path '/run/steadyhand/[!l]*' \) -prune -o "$@"
}
keep -type d -exec stat -c '%n %f %u %g' {} +
keep ! -type d -exec stat -c '%N %f %u %g %s %y' {} +
keep -type f -exec sha256sum {} +
if command -v dpkg-query >/dev/null; then dpkg-query -W -f '${Package} ${Version} ${Status}\n'; fi
"#;

/// A running host; it ends, with all that runs on it, when this is dropped.
pub struct Debian {
    folder: TempDir,
    address: String,
    port: u16,
    process: Child,
}

impl Debian {
    /// Starts a host and waits until it answers. The first one on a machine takes a minute or two.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1", free_port())
    }

    /// Starts a host with another address on loopback, so that several can use the same ports.
    pub fn start_at(address: &str, port: u16) -> Self {
        Self::over(&debian(), address, port, None)
    }

    /// Starts a host on which `docker` talks to this daemon.
    pub fn start_with(docker: &Dockerd) -> Self {
        Self::over(&debian(), "127.0.0.1", free_port(), Some(docker))
    }

    /// Starts a host that has busybox and nothing else, as Alpine in the beginning. It knows only root.
    pub fn start_busybox() -> Self {
        let root = root(BUSYBOX, |new, log| {
            fs::create_dir(new).expect("a folder for the root");
            succeed(Command::new("sh").args(["-c", PREPARE_BUSYBOX]).current_dir(new), log);
        });
        Self::over(&root, "127.0.0.1", free_port(), None)
    }

    fn over(root: &Path, address: &str, port: u16, docker: Option<&Dockerd>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ssh = folder.path().join("ssh");
        fs::create_dir(&ssh).expect("its folder");
        keygen(&ssh.join("host_key"), "");
        keygen(&folder.path().join("client_key"), "");
        fs::copy(folder.path().join("client_key.pub"), ssh.join("authorized_keys"))
            .expect("the client's key");
        let config = format!(
            "Port {port}\nListenAddress {address}\nHostKey /run/steadyhand/host_key\n\
             AuthorizedKeysFile /run/steadyhand/authorized_keys\nPidFile none\nUsePAM no\nStrictModes no\n\
             PermitRootLogin yes\nLogLevel ERROR\nMaxStartups 1000\nSubsystem sftp internal-sftp\n"
        );
        fs::write(ssh.join("sshd_config"), config).expect("sshd_config");
        let log = File::create(folder.path().join("log")).expect("its log");
        let process = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", BEGIN, "sh"])
            .arg(root)
            .arg(folder.path())
            .arg(docker.map(Dockerd::socket).unwrap_or_default())
            .arg(docker.map(|_| Dockerd::client()).unwrap_or_default())
            .arg(docker.map(Dockerd::network).unwrap_or(Path::new("")))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("its log"))
            .stderr(log)
            .spawn()
            .expect("unshare, of the package util-linux, starts");
        let mut host = Self { folder, address: address.to_owned(), port, process };
        while std::net::TcpStream::connect((address, port)).is_err() {
            let ended = host.process.try_wait().expect("its state");
            assert!(ended.is_none(), "the host ended (it needs root): {}", host.log());
            std::thread::yield_now();
        }
        host
    }

    /// A host of a plan that is this one, for this user.
    #[must_use]
    pub fn host(&self, user: &str) -> String {
        let (address, port, key) = (&self.address, self.port, self.key());
        format!("{{ address: {address}, port: {port}, user: {user}, identity: {} }}", key.display())
    }

    /// The key that lets in; beside it is its public half, with the ending `pub`.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("client_key")
    }

    /// The port of its sshd.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets the app on this data know the host's key.
    pub fn is_known_in(&self, data: &Path) {
        self.is_known_at(self.port, data);
    }

    /// The same where the host is reached at another port.
    pub fn is_known_at(&self, port: u16, data: &Path) {
        let key = fs::read_to_string(self.folder.path().join("ssh/host_key.pub")).expect("the host key");
        let line = format!("[{}]:{port} {}\n", self.address, key.trim());
        let mut known = fs::read_to_string(data.join("known_hosts")).unwrap_or_default();
        known.push_str(&line);
        fs::write(data.join("known_hosts"), known).expect("known_hosts");
    }

    /// What a script says on the host, carried out by root there; it has to succeed.
    #[must_use]
    pub fn asked(&self, script: &str) -> String {
        self.asked_as("root", script)
    }

    /// The same, of another user.
    #[must_use]
    pub fn asked_as(&self, user: &str, script: &str) -> String {
        let mut ssh = Command::new("ssh")
            .args(["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-p", &self.port.to_string(), "-i"])
            .arg(self.key())
            .args([&format!("{user}@{}", self.address), "sh -e"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ssh, of the package openssh-client, starts");
        ssh.stdin.take().expect("its input").write_all(script.as_bytes()).expect("it reads the script");
        let output = ssh.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{script}\nended with {}: {}", output.status, self.log());
        String::from_utf8(output.stdout).expect("text")
    }

    /// Has root do something on the host.
    pub fn does(&self, script: &str) {
        let _ = self.asked(script);
    }

    /// Writes a file there.
    pub fn writes(&self, path: &str, text: &str) {
        self.does(&format!("cat >{path} <<'END OF FILE'\n{text}\nEND OF FILE"));
    }

    /// Every file that differs from those of the root, or is gone, with its mode, owner, time and content, and every package,
    /// one a line. The layer has all of them, and all of what is only in memory is looked at. What the app itself keeps
    /// there is left out.
    #[must_use]
    pub fn everything(&self) -> Vec<String> {
        let said = self.asked(EVERYTHING);
        let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn debian() -> PathBuf {
    root(DEBIAN, |new, log| {
        let mut debootstrap = Command::new("debootstrap");
        debootstrap.args(["--variant=minbase", &format!("--include={PACKAGES}"), "bookworm"]).arg(new);
        succeed(&mut debootstrap, log);
        succeed(Command::new("sh").args(["-c", PREPARE]).current_dir(new), log);
    })
}

/// The root of this name, for hosts to be layers over. It is made where there is none; whoever else needs it meanwhile waits.
fn root(name: &str, make: impl FnOnce(&Path, &Path)) -> PathBuf {
    let target = built().parent().expect("the target folder").to_owned();
    let hosts = target.join("hosts");
    fs::create_dir_all(&hosts).expect("a folder for hosts");
    let lock = File::create(hosts.join("lock")).expect("a lock");
    lock.lock().expect("the lock");
    let root = hosts.join(name);
    if root.exists() {
        return root;
    }
    let new = hosts.join("new");
    if new.exists() {
        fs::remove_dir_all(&new).expect("what was left of an attempt is removed");
    }
    make(&new, &hosts.join("log"));
    fs::rename(&new, &root).expect("the root is in its place");
    root
}

fn succeed(command: &mut Command, log: &Path) {
    let file = File::create(log).expect("a log");
    let status = command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("a log"))
        .stderr(file)
        .status();
    let mut said = String::new();
    File::open(log).and_then(|mut log| log.read_to_string(&mut said)).expect("the log");
    let last: Vec<&str> = said.lines().rev().take(20).collect();
    let mut end = String::new();
    for line in last.iter().rev() {
        writeln!(end, "{line}").expect("memory");
    }
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "{command:?} (as root; of the package debootstrap) gave {status:?}:\n{end}"
    );
}
