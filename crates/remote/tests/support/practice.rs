//! A practice server, and the real `ssh` of OpenSSH as its client.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use steadyhand_remote::practice::PracticeServer;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// No test waits longer than this for anything.
pub const LIMIT: Duration = Duration::from_secs(60);

pub struct Practice {
    pub folder: TempDir,
    pub server: PracticeServer,
}

pub struct Output {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Output {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

impl Practice {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let server = PracticeServer::start(&folder.path().join("practice")).await.unwrap();
        std::fs::write(folder.path().join("known_hosts"), format!("{}\n", server.host_key_line())).unwrap();
        Self { folder, server }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn options(&self) -> Vec<String> {
        let key = self.server.client_key().display().to_string();
        let known = self.path("known_hosts").display().to_string();
        [
            "-F/dev/null".to_owned(),
            "-oBatchMode=yes".to_owned(),
            "-oIdentitiesOnly=yes".to_owned(),
            "-oStrictHostKeyChecking=yes".to_owned(),
            format!("-oUserKnownHostsFile={known}"),
            "-oGlobalKnownHostsFile=/dev/null".to_owned(),
            format!("-oIdentityFile={key}"),
            format!("-oPort={}", self.server.address().port()),
        ]
        .into()
    }

    pub fn client(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(self.options()).args(arguments).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A client that runs `line`.
    pub fn ssh(&self, options: &[&str], line: &str) -> Command {
        self.client("ssh", &[options, &["practice@127.0.0.1", line]].concat())
    }

    /// The same, started, whose streams the test holds.
    pub fn spawn_with(&self, options: &[&str], line: &str) -> Child {
        self.ssh(options, line).stdin(Stdio::piped()).spawn().unwrap()
    }

    pub fn spawn(&self, line: &str) -> Child {
        self.spawn_with(&[], line)
    }

    /// Runs `before`, and then what writes `hung up` into the named pipe `pipe` when it is; gives it as soon as it runs.
    pub async fn spawn_hanging_up(&self, before: &str, pipe: &Path) -> Child {
        let pipe = pipe.display();
        let line = format!(
            "{before} trap 'echo hung up > {pipe}; exit' HUP; echo ready; while :; do sleep 1 & wait; done"
        );
        let mut child = self.spawn(&line);
        let (line, output) = first_line(&mut child).await;
        assert_eq!(line, "ready\n");
        child.stdout = Some(output.into_inner());
        child
    }

    pub async fn exec(&self, line: &str) -> Output {
        self.exec_over(&[], line).await
    }

    /// What `line` does, with options of the client.
    pub async fn exec_over(&self, options: &[&str], line: &str) -> Output {
        finish(&mut self.ssh(options, line)).await
    }

    pub async fn exec_with(&self, line: &str, input: &[u8]) -> Output {
        let mut child = self.spawn(line);
        let mut stdin = child.stdin.take().unwrap();
        let feed = async move {
            // A command need not read everything.
            let _ = stdin.write_all(input).await;
        };
        let (output, ()) = tokio::join!(timeout(LIMIT, child.wait_with_output()), feed);
        convert(output.unwrap().unwrap())
    }
}

/// The first line that a client writes, and its output from there on.
pub async fn first_line(child: &mut Child) -> (String, BufReader<ChildStdout>) {
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    timeout(LIMIT, output.read_line(&mut line)).await.unwrap().unwrap();
    (line, output)
}

pub async fn finish(command: &mut Command) -> Output {
    convert(timeout(LIMIT, command.output()).await.expect("the client ends in time").unwrap())
}

pub fn convert(output: std::process::Output) -> Output {
    Output {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The line that something writes into the named pipe `path`: an event that needs no clock. Opening a pipe blocks until the
/// other end is there, so it is done in a thread that nobody has to wait for.
pub async fn line_of_pipe(path: &Path) -> String {
    let (sender, receiver) = oneshot::channel();
    let path = path.to_owned();
    std::thread::spawn(move || sender.send(std::fs::read_to_string(path)));
    let text = timeout(LIMIT, receiver).await.expect("something writes into the pipe").unwrap().unwrap();
    text.trim_end().to_owned()
}

/// Lets whoever reads the named pipe `path` go on.
pub fn open_gate(path: &Path) {
    let path = path.to_owned();
    std::thread::spawn(move || std::fs::write(path, "go\n"));
}

pub async fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().await.unwrap().success());
}

/// Bytes that no text encoding or line discipline leaves alone.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        })
        .collect()
}
