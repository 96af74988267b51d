//! A real OpenSSH server of one's own, and a proxy in front of it that can fail.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use steadyhand_remote::{
    Ask, Config, Host, HostKeyQuestion, HostKind, HostSpec, PassphraseQuestion, PasswordQuestion, Remote,
    SshSpec,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use super::Home;

/// A running `sshd`, with its own keys and a clean home for whoever logs in.
pub struct Sshd {
    pub home: Home,
    pub port: u16,
    child: Child,
}

impl Sshd {
    pub fn start() -> Self {
        Self::with("")
    }

    /// With further lines for its configuration.
    pub fn with(lines: &str) -> Self {
        let home = Home::new();
        keygen(&home.join("host_ed25519"), "ed25519", "");
        keygen(&home.join("id"), "ed25519", "");
        std::fs::copy(home.join("id.pub"), home.join("authorized_keys")).unwrap();
        let port = free_port();
        Self::launch(home, port, lines)
    }

    fn launch(home: Home, port: u16, lines: &str) -> Self {
        std::fs::create_dir_all("/run/sshd").unwrap();
        let path = home.path().display();
        let config = format!(
            "{lines}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {path}/host_ed25519\n\
             AuthorizedKeysFile {path}/authorized_keys\nPidFile none\nUsePAM no\nStrictModes no\n\
             PermitRootLogin yes\nSetEnv HOME={path}\nLogLevel ERROR\n"
        );
        std::fs::write(home.join("sshd_config"), config).unwrap();
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(home.join("sshd_config"))
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(home.join("sshd.log")).unwrap())
            .spawn()
            .unwrap();
        let mut sshd = Self { home, port, child };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = sshd.child.try_wait().unwrap();
            assert!(ended.is_none(), "sshd ended: {}", sshd.home.read("sshd.log"));
            std::thread::yield_now();
        }
        sshd
    }

    /// The same server with another host key.
    pub fn with_new_host_key(mut self, kind: &str) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let (home, port) = (Home::new(), self.port);
        for name in ["id", "id.pub", "authorized_keys"] {
            std::fs::copy(self.home.join(name), home.join(name)).unwrap();
        }
        drop(self);
        keygen(&home.join("host_ed25519"), kind, "");
        Self::launch(home, port, "")
    }

    pub fn spec(&self) -> HostSpec {
        self.spec_at(self.port)
    }

    pub fn ssh_spec(&self) -> SshSpec {
        SshSpec {
            user: Some("root".into()),
            port: Some(self.port),
            identity: Some(self.home.join("id").display().to_string()),
            ..SshSpec::new("127.0.0.1")
        }
    }

    /// At the port of a proxy before it.
    pub fn spec_at(&self, port: u16) -> HostSpec {
        HostSpec { name: "web1".into(), kind: HostKind::Ssh(SshSpec { port: Some(port), ..self.ssh_spec() }) }
    }

    pub fn config(&self) -> Config {
        self.home.config()
    }

    pub fn remote(&self) -> Remote {
        Remote::new(self.config(), Arc::new(Answers::yes()))
    }

    pub fn host(&self) -> Host {
        self.remote().host(&self.spec())
    }

    pub fn fingerprint(&self) -> String {
        let output =
            Command::new("ssh-keygen").arg("-lf").arg(self.home.join("host_ed25519.pub")).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn keygen(path: &std::path::Path, kind: &str, passphrase: &str) {
    let _ = std::fs::remove_file(path);
    let done = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(done.success());
}

/// A TCP port on loopback that nobody else gets while this process lives, and on which a server may listen.
///
/// A socket stays bound to it that never listens: one that did could live on for a moment in a program that another
/// thread is just starting, answer in the server's place, and keep the server from listening.
pub fn free_port() -> u16 {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let port = socket.local_addr().unwrap().port();
    std::mem::forget(socket);
    port
}

/// A person with prepared answers, who remembers what was asked.
pub struct Answers {
    pub trust: bool,
    pub secrets: Mutex<Vec<&'static str>>,
    pub asked: Mutex<Vec<String>>,
    /// Thinks for so long.
    pub thinks: Duration,
}

impl Answers {
    pub fn yes() -> Self {
        Self { trust: true, secrets: Mutex::default(), asked: Mutex::default(), thinks: Duration::ZERO }
    }

    pub fn no() -> Self {
        Self { trust: false, ..Self::yes() }
    }

    /// Says these, one after another, and then nothing.
    pub fn say(secrets: &[&'static str]) -> Self {
        Self { secrets: Mutex::new(secrets.to_vec()), ..Self::yes() }
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn answer(&self, question: String) -> BoxFuture<'_, Option<SecretString>> {
        self.asked.lock().unwrap().push(question);
        let mut secrets = self.secrets.lock().unwrap();
        let answer = if secrets.is_empty() { None } else { Some(SecretString::from(secrets.remove(0))) };
        Box::pin(async move {
            tokio::time::sleep(self.thinks).await;
            answer
        })
    }
}

impl Ask for Answers {
    fn host_key(&self, question: HostKeyQuestion) -> BoxFuture<'_, bool> {
        self.asked
            .lock()
            .unwrap()
            .push(format!("{} {} {}", question.host, question.algorithm, question.fingerprint));
        Box::pin(async move {
            tokio::time::sleep(self.thinks).await;
            self.trust
        })
    }

    fn passphrase(&self, question: PassphraseQuestion) -> BoxFuture<'_, Option<SecretString>> {
        self.answer(format!("passphrase {}", if question.was_wrong { "again" } else { "first" }))
    }

    fn password(&self, question: PasswordQuestion) -> BoxFuture<'_, Option<SecretString>> {
        self.answer(format!(
            "password {} {}",
            question.user,
            if question.was_wrong { "again" } else { "first" }
        ))
    }
}

/// A TCP proxy that can reset its connections, or fall silent.
pub struct Proxy {
    pub port: u16,
    pub cut: Arc<Mutex<CancellationToken>>,
    pub silent: Arc<AtomicBool>,
}

impl Proxy {
    pub async fn start(to: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(Mutex::new(CancellationToken::new()));
        let silent = Arc::new(AtomicBool::new(false));
        let proxy = Self { port, cut: Arc::clone(&cut), silent: Arc::clone(&silent) };
        tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                let to = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], to))).await.unwrap();
                tokio::spawn(pass(from, to, cut.lock().unwrap().clone(), Arc::clone(&silent)));
            }
        });
        proxy
    }

    /// Resets all connections that there are now.
    pub fn reset(&self) {
        std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
    }
}

async fn pass(mut from: TcpStream, mut to: TcpStream, cut: CancellationToken, silent: Arc<AtomicBool>) {
    let _ = from.set_nodelay(true);
    let _ = to.set_nodelay(true);
    let (mut there, mut back) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            () = cut.cancelled() => {
                // Closing with a linger of zero sends a reset.
                let _ = from.set_zero_linger();
                let _ = to.set_zero_linger();
                return;
            }
            read = from.read(&mut there) => match read {
                Ok(n) if n > 0 => {
                    if !silent.load(Ordering::Relaxed) && to.write_all(&there[..n]).await.is_err() { return }
                }
                _ => return,
            },
            read = to.read(&mut back) => match read {
                Ok(n) if n > 0 => {
                    if !silent.load(Ordering::Relaxed) && from.write_all(&back[..n]).await.is_err() { return }
                }
                _ => return,
            },
        }
    }
}

/// Where a home's known hosts are.
pub fn known_hosts(home: &Home) -> PathBuf {
    home.join("known_hosts")
}
