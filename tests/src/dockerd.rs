//! A docker daemon of its own, in namespaces of its own: nothing is left of it and its containers when it ends, and it takes
//! nothing from one that the machine has, whose network it would remove.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// The image that it has: busybox, and nothing else.
pub const IMAGE: &str = "shop";

/// A running daemon.
pub struct Dockerd {
    folder: TempDir,
    /// The network that it and its containers have.
    network: PathBuf,
    process: Child,
}

impl Dockerd {
    /// Starts it and waits until it answers. Its containers have no network.
    pub fn start() -> Self {
        Self::start_as(&["--bridge=none", "--iptables=false", "--ip6tables=false"])
    }

    /// The same, with a bridge that its containers are on, and ports that they can publish in its network.
    pub fn start_with_network() -> Self {
        Self::start_as(&["--bip=10.213.7.1/24"])
    }

    fn start_as(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        let log = std::fs::File::create(path.join("log")).expect("its log");
        let process = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "dockerd"])
            .args(options)
            .arg("--data-root")
            .arg(path.join("data"))
            .arg("--exec-root")
            .arg(path.join("exec"))
            .arg("--pidfile")
            .arg(path.join("pid"))
            .arg("--host")
            .arg(format!("unix://{}", path.join("socket").display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("its log"))
            .stderr(log)
            .spawn()
            .expect("unshare, of the package util-linux, starts");
        let network = PathBuf::from(format!("/proc/{}/ns/net", process.id()));
        let mut dockerd = Self { folder, network, process };
        // It listens before it knows whether it can work at all.
        while !answers(&dockerd.socket()) {
            let ended = dockerd.process.try_wait().expect("its state");
            let log = || std::fs::read_to_string(dockerd.folder.path().join("log"));
            assert!(ended.is_none(), "dockerd (as root; of the package docker.io) ended: {:?}", log());
            std::thread::yield_now();
        }
        let made = Command::new("sh")
            .args(["-ec", "mkdir -p bin; cp \"$(command -v busybox)\" bin; ln -s busybox bin/sh; tar -c bin | docker -H \"unix://$1\" import - \"$2\"", "sh"])
            .arg(dockerd.socket())
            .arg(IMAGE)
            .current_dir(dockerd.folder.path())
            .stdout(Stdio::null())
            .status()
            .expect("sh starts");
        assert!(made.success(), "the image is made");
        dockerd
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The network that it and its containers have, as `nsenter` takes it.
    #[must_use]
    pub fn network(&self) -> &Path {
        &self.network
    }

    /// The program with which it is talked to: that of the package, also where another one comes first, which may not be able
    /// to build.
    #[must_use]
    pub fn client() -> PathBuf {
        installed_in("/usr/bin")
            .or_else(|| {
                let path = std::env::var_os("PATH").expect("a PATH");
                std::env::split_paths(&path).find_map(installed_in)
            })
            .expect("docker, of the package docker.io")
    }
}

fn installed_in(folder: impl AsRef<Path>) -> Option<PathBuf> {
    Some(folder.as_ref().join("docker")).filter(|program| program.exists())
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether a daemon answers that it is there.
fn answers(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    let mut answer = [0; 12];
    stream.write_all(b"GET /_ping HTTP/1.0\r\n\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.ends_with(b"200")
}
