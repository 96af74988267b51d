//! A registry of images in the network of a docker, which gives them to one user alone.

use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::dockerd::Dockerd;

/// What it is called in that network.
pub const SERVER: &str = "127.0.0.1:5000";
/// Who may have its images.
pub const USER: &str = "reader";
/// The password of that user.
pub const PASSWORD: &str = "only-for-tests";
/// The same, as bcrypt keeps it.
const KEPT: &str = "$2y$05$abcdefghijklmnopqrstuuDt8u8tY.Zm8YU.pieFNyF5h5afvnc0a";

/// A running registry.
pub struct Registry {
    _folder: TempDir,
    process: Child,
}

impl Registry {
    /// Starts it. It answers once `curl` to [`SERVER`] gets something.
    pub fn start(docker: &Dockerd) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().display();
        fs::write(folder.path().join("users"), format!("{USER}:{KEPT}\n")).expect("its users");
        let config = format!(
            "version: 0.1\nstorage: {{ filesystem: {{ rootdirectory: {at}/images }} }}\nhttp: {{ addr: \"{SERVER}\" }}\n\
             auth: {{ htpasswd: {{ realm: tests, path: {at}/users }} }}\n"
        );
        fs::write(folder.path().join("config.yml"), config).expect("its settings");
        let log = File::create(folder.path().join("log")).expect("its log");
        let process = Command::new("nsenter")
            .arg(format!("--net={}", docker.network().display()))
            .args(["docker-registry", "serve"])
            .arg(folder.path().join("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("nsenter, of the package util-linux, starts docker-registry");
        Self { _folder: folder, process }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
