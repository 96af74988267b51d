//! A real OpenSSH server on loopback, with keys of its own and a clean home.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::free_port;

/// A running `sshd`; it ends when this is dropped. Commands that it started go on, as on any server.
pub struct Sshd {
    /// Its keys, and the home of whoever logs in.
    folder: TempDir,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    process: Child,
}

impl Sshd {
    /// A server, and the data of an app that knows its key.
    pub fn known() -> (Self, TempDir) {
        let (sshd, data) = (Self::start(), tempfile::tempdir().expect("a folder"));
        sshd.is_known_in(data.path());
        (sshd, data)
    }

    /// Starts a server and waits until it answers.
    pub fn start() -> Self {
        Self::with("")
    }

    /// The same with further lines for its configuration, which come first.
    pub fn with(lines: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        for key in ["host_key", "client_key"] {
            keygen(&path.join(key), "");
        }
        std::fs::copy(path.join("client_key.pub"), path.join("authorized_keys")).expect("authorized_keys");
        std::fs::create_dir(path.join("home")).expect("home");
        // OpenSSH insists on this folder for its unprivileged child.
        std::fs::create_dir_all("/run/sshd").expect("/run/sshd");
        let port = free_port();
        let shown = path.display();
        let config = format!(
            "{lines}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {shown}/host_key\nAuthorizedKeysFile {shown}/authorized_keys\n\
             PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nSetEnv HOME={shown}/home\nLogLevel ERROR\n\
             MaxStartups 1000\n"
        );
        std::fs::write(path.join("sshd_config"), config).expect("sshd_config");
        let process = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(path.join("sshd_config"))
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(path.join("sshd.log")).expect("sshd.log"))
            .spawn()
            .expect("sshd, of the package openssh-server, starts");
        let mut sshd = Self { folder, port, process };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = sshd.process.try_wait().expect("its state");
            assert!(ended.is_none(), "sshd ended: {}", sshd.log());
            std::thread::yield_now();
        }
        sshd
    }

    /// The home of whoever logs in.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The private key that it accepts for root.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("client_key")
    }

    /// A host of a plan that is this server, reached at `port` (its own, or that of a proxy before it).
    #[must_use]
    pub fn host_at(&self, port: u16) -> String {
        format!("{{ address: 127.0.0.1, port: {port}, user: root, identity: {} }}", self.key().display())
    }

    /// A host of a plan that is this server.
    #[must_use]
    pub fn host(&self) -> String {
        self.host_at(self.port)
    }

    /// A plan called `shop` with these tasks, whose hosts are all this server.
    #[must_use]
    pub fn plan_on(&self, hosts: &[&str], tasks: &str) -> String {
        let host = self.host();
        let hosts: String = hosts.iter().map(|name| format!("  {name}: {host}\n")).collect();
        format!("name: shop\nhosts:\n{hosts}tasks:\n{tasks}")
    }

    /// A plan called `shop` whose only task has these steps, on this server as `web1`.
    #[must_use]
    pub fn plan(&self, steps: &str) -> String {
        self.plan_on(&["web1"], &format!("  deploy:\n    on: web1\n    steps:\n{steps}"))
    }

    /// The same, where the server is reached at another port, that of a proxy before it.
    #[must_use]
    pub fn plan_at(&self, port: u16, steps: &str) -> String {
        self.plan(steps).replace(&self.host(), &self.host_at(port))
    }

    /// The lines of the file `ran` in the home, to which the steps of a test write that they were run.
    #[must_use]
    pub fn ran(&self) -> Vec<String> {
        let ran = std::fs::read_to_string(self.home().join("ran")).unwrap_or_default();
        ran.lines().map(str::to_owned).collect()
    }

    /// Lets the app on this data know the server's key, as somebody who was there before.
    pub fn is_known_in(&self, data: &Path) {
        self.is_known_at(self.port, data);
    }

    /// The same, where it is reached at another port, that of a proxy before it.
    pub fn is_known_at(&self, port: u16, data: &Path) {
        std::fs::write(data.join("known_hosts"), self.known_line(port)).expect("known_hosts");
    }

    /// The line of a file of known hosts that says that this server's key is that of a port.
    #[must_use]
    pub fn known_line(&self, port: u16) -> String {
        let key = std::fs::read_to_string(self.folder.path().join("host_key.pub")).expect("the host key");
        format!("[127.0.0.1]:{port} {}\n", key.trim())
    }

    /// What it said.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("sshd.log")).unwrap_or_default()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Makes an ed25519 key pair.
pub fn keygen(path: &Path, passphrase: &str) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", passphrase, "-f"])
        .arg(path)
        .status()
        .expect("ssh-keygen");
    assert!(made.success(), "ssh-keygen makes {}", path.display());
}
