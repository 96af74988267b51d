//! The practice server as its clients see it: the real `ssh` of OpenSSH, wherever that can show what is meant.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of a test fail by panicking, like the test"
)]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use steadyhand_remote::practice::{PracticeError, PracticeServer};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// No test waits longer than this for anything.
const LIMIT: Duration = Duration::from_secs(60);

struct Practice {
    folder: TempDir,
    server: PracticeServer,
}

struct Output {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

impl Output {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

impl Practice {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let server = PracticeServer::start(&folder.path().join("practice")).await.unwrap();
        std::fs::write(folder.path().join("known_hosts"), format!("{}\n", server.host_key_line())).unwrap();
        Self { folder, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn options(&self) -> Vec<String> {
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

    fn client(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(self.options()).args(arguments).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A client that runs `line`, whose streams the test holds.
    fn spawn(&self, line: &str) -> Child {
        self.client("ssh", &["practice@127.0.0.1", line]).stdin(Stdio::piped()).spawn().unwrap()
    }

    async fn exec(&self, line: &str) -> Output {
        finish(&mut self.client("ssh", &["practice@127.0.0.1", line])).await
    }

    async fn exec_with(&self, line: &str, input: &[u8]) -> Output {
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

async fn finish(command: &mut Command) -> Output {
    convert(timeout(LIMIT, command.output()).await.expect("the client ends in time").unwrap())
}

fn convert(output: std::process::Output) -> Output {
    Output {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The line that something writes into the named pipe `path`: an event that needs no clock. Opening a pipe blocks until the
/// other end is there, so it is done in a thread that nobody has to wait for.
async fn line_of_pipe(path: &Path) -> String {
    let (sender, receiver) = oneshot::channel();
    let path = path.to_owned();
    std::thread::spawn(move || sender.send(std::fs::read_to_string(path)));
    let text = timeout(LIMIT, receiver).await.expect("something writes into the pipe").unwrap().unwrap();
    text.trim_end().to_owned()
}

/// Lets whoever reads the named pipe `path` go on.
fn open_gate(path: &Path) {
    let path = path.to_owned();
    std::thread::spawn(move || std::fs::write(path, "go\n"));
}

async fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().await.unwrap().success());
}

/// Bytes that no text encoding or line discipline leaves alone.
fn bytes(length: usize) -> Vec<u8> {
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

#[tokio::test]
async fn a_command_runs_in_the_servers_own_folder_as_the_current_user() {
    let practice = Practice::start().await;
    let out = practice.exec("pwd; echo \"$HOME\"; id -u; echo oops >&2").await;
    let home = practice.server.home().display().to_string();
    let me = finish(Command::new("id").arg("-u")).await.text();
    assert_eq!(out.text(), format!("{home}\n{home}\n{me}"));
    assert_eq!(out.stderr, "oops\n");
    assert_eq!(out.code, Some(0));
}

#[tokio::test]
async fn exit_statuses_and_signals_reach_the_client() {
    let practice = Practice::start().await;
    assert_eq!(practice.exec("exit 7").await.code, Some(7));
    assert_eq!(practice.exec("no-such-program-here").await.code, Some(127));
    let killed =
        practice.client("ssh", &["-v", "practice@127.0.0.1", "kill -KILL $$"]).output().await.unwrap();
    assert_eq!(killed.status.code(), Some(255), "OpenSSH's status for a command that a signal ended");
    assert!(String::from_utf8_lossy(&killed.stderr).contains("exit-signal"), "{killed:?}");
}

#[tokio::test]
async fn the_environment_is_that_of_a_login_and_not_of_the_app() {
    let practice = Practice::start().await;
    let mut command = practice.client("ssh", &["-oSendEnv=LANG LC_ALL SECRET", "practice@127.0.0.1", "env"]);
    let out = finish(command.env("LANG", "de_DE.UTF-8").env("LC_ALL", "C").env("SECRET", "s3cret")).await;
    let environment = out.text();
    for expected in ["LANG=de_DE.UTF-8", "LC_ALL=C", "SHELL=/bin/sh", "SSH_CONNECTION=127.0.0.1 "] {
        assert!(environment.contains(expected), "{expected} in {environment}");
    }
    for unexpected in ["SECRET", "CARGO"] {
        assert!(!environment.contains(unexpected), "{unexpected} in {environment}");
    }
}

#[tokio::test]
async fn input_reaches_the_command_and_its_end_too() {
    let practice = Practice::start().await;
    let out = practice.exec_with("wc -c; echo done", b"twelve bytes").await;
    assert_eq!(out.text().split_whitespace().collect::<Vec<_>>(), ["12", "done"]);
}

#[tokio::test]
async fn a_shell_without_a_command_takes_its_commands_from_the_input() {
    let practice = Practice::start().await;
    let mut child = practice.client("ssh", &["practice@127.0.0.1"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"echo one\nexit 4\n").await.unwrap();
    let out = convert(timeout(LIMIT, child.wait_with_output()).await.unwrap().unwrap());
    assert_eq!((out.text().as_str(), out.code), ("one\n", Some(4)));
}

#[tokio::test]
async fn all_bytes_pass_unchanged_in_both_directions() {
    let practice = Practice::start().await;
    let sent = bytes(3 << 20);
    let out = practice.exec_with("cat", &sent).await;
    assert!(out.stdout == sent, "{} of {} bytes came back", out.stdout.len(), sent.len());
}

#[tokio::test]
async fn a_hundred_megabytes_pass_at_good_speed() {
    let practice = Practice::start().await;
    let since = Instant::now();
    let out = practice.exec("head -c 104857600 /dev/zero").await;
    let down = since.elapsed();
    assert_eq!(out.stdout.len(), 100 << 20);

    let since = Instant::now();
    let sent = vec![0; 100 << 20];
    let counted = practice.exec_with("wc -c", &sent).await;
    let up = since.elapsed();
    assert_eq!(counted.text().trim(), "104857600");
    println!("100 MiB: down in {down:?}, up in {up:?}");
    assert!(down < Duration::from_secs(20) && up < Duration::from_secs(20), "down {down:?}, up {up:?}");
}

#[tokio::test]
async fn a_command_that_echoes_more_than_every_buffer_holds_does_not_lock_up() {
    let practice = Practice::start().await;
    let sent = vec![42; 100 << 20];
    let since = Instant::now();
    let out = practice.exec_with("cat", &sent).await;
    println!("100 MiB there and back in {:?}", since.elapsed());
    assert_eq!(out.stdout.len(), sent.len());
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_command_back_and_nothing_else() {
    let practice = Practice::start().await;
    let control = practice.path("control");
    let master = format!("-oControlPath={}", control.display());
    // The client's standard output is a pipe that nobody reads: the command can't finish writing.
    let mut stuck = practice
        .client(
            "ssh",
            &[
                "-oControlMaster=yes",
                &master,
                "practice@127.0.0.1",
                "echo ready >&2; head -c 50000000 /dev/zero; echo end >&2",
            ],
        )
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(stuck.stderr.take().unwrap());
    let mut line = String::new();
    timeout(LIMIT, errors.read_line(&mut line)).await.unwrap().unwrap();
    assert_eq!(line, "ready\n");
    for _ in 0..3 {
        let out = finish(&mut practice.client("ssh", &[&master, "practice@127.0.0.1", "echo free"])).await;
        assert_eq!(out.text(), "free\n", "{}", out.stderr);
    }
    assert!(stuck.try_wait().unwrap().is_none(), "the first command is still writing");
    let mut all = Vec::new();
    timeout(LIMIT, stuck.stdout.take().unwrap().read_to_end(&mut all)).await.unwrap().unwrap();
    assert_eq!(all.len(), 50_000_000);
}

#[tokio::test]
async fn a_command_that_does_not_read_holds_its_client_back_and_nothing_else() {
    let practice = Practice::start().await;
    let control = practice.path("control");
    let master = format!("-oControlPath={}", control.display());
    let mut deaf = practice
        .client(
            "ssh",
            &["-oControlMaster=yes", &master, "practice@127.0.0.1", "echo ready; read line; wc -c"],
        )
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(deaf.stdout.take().unwrap());
    let mut line = String::new();
    timeout(LIMIT, output.read_line(&mut line)).await.unwrap().unwrap();
    let mut stdin = deaf.stdin.take().unwrap();
    // More than is taken in without holding the client up, and no end of the line that the command waits for.
    let feed = async {
        stdin.write_all(&vec![b'x'; 8 << 20]).await.unwrap();
        let out = finish(&mut practice.client("ssh", &[&master, "practice@127.0.0.1", "echo free"])).await;
        assert_eq!(out.text(), "free\n", "{}", out.stderr);
        stdin.write_all(b"\n").await.unwrap();
        stdin.write_all(&vec![b'y'; 1_000_000]).await.unwrap();
        drop(stdin);
    };
    timeout(LIMIT, feed).await.unwrap();
    let mut rest = String::new();
    timeout(LIMIT, output.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert_eq!(rest.trim(), "1000000");
}

#[tokio::test]
async fn another_key_is_refused_and_so_are_passwords() {
    let practice = Practice::start().await;
    let other = practice.path("other");
    let made =
        finish(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&other)).await;
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let identity = format!("-oIdentityFile={}", other.display());
    let mut options = practice.options();
    options.retain(|option| !option.starts_with("-oIdentityFile"));
    let mut command = Command::new("ssh");
    command.args(options).args([&identity, "practice@127.0.0.1", "echo in"]).stdin(Stdio::null());
    let out = finish(&mut command).await;
    assert_eq!((out.code, out.text().as_str()), (Some(255), ""));
    assert!(out.stderr.contains("Permission denied (publickey)"), "{}", out.stderr);
}

#[tokio::test]
async fn ten_sessions_run_at_once_and_the_eleventh_is_refused() {
    let practice = Practice::start().await;
    let control = practice.path("control");
    let path = format!("-oControlPath={}", control.display());
    let mut master = practice
        .client("ssh", &["-oControlMaster=yes", &path, "practice@127.0.0.1", "echo up; cat"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut up = BufReader::new(master.stdout.take().unwrap());
    timeout(LIMIT, up.read_line(&mut String::new())).await.unwrap().unwrap();

    let mut others = Vec::new();
    for number in 2..=10 {
        let mut child = practice
            .client("ssh", &[&path, "practice@127.0.0.1", &format!("echo {number}; cat")])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        timeout(LIMIT, stdout.read_line(&mut line)).await.unwrap().unwrap();
        assert_eq!(line, format!("{number}\n"));
        others.push((child, stdout));
    }
    // A refused session makes this client open a connection of its own, which it says.
    let eleventh = finish(&mut practice.client("ssh", &[&path, "practice@127.0.0.1", "echo own"])).await;
    assert!(eleventh.stderr.contains("Session open refused by peer"), "{}", eleventh.stderr);

    drop(others.pop());
    let (mut child, mut stdout) = others.pop().unwrap();
    drop(child.stdin.take());
    timeout(LIMIT, stdout.read_to_string(&mut String::new())).await.unwrap().unwrap();
    assert_eq!(timeout(LIMIT, child.wait()).await.unwrap().unwrap().code(), Some(0));
    let next = finish(&mut practice.client("ssh", &[&path, "practice@127.0.0.1", "echo room"])).await;
    assert_eq!((next.text().as_str(), next.stderr.as_str()), ("room\n", ""));
}

#[tokio::test]
async fn ten_connections_work_at_once() {
    let practice = Practice::start().await;
    let all = (0..10).map(|number| {
        let practice = &practice;
        async move { (number, practice.exec(&format!("echo {number}; exit {number}")).await) }
    });
    for (number, out) in futures::future::join_all(all).await {
        assert_eq!((out.text(), out.code), (format!("{number}\n"), Some(number)), "{}", out.stderr);
    }
}

#[tokio::test]
async fn a_port_is_forwarded_to_this_machine_and_to_no_other() {
    let practice = Practice::start().await;
    let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = service.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = service.accept().await {
            tokio::spawn(async move {
                let mut all = Vec::new();
                stream.read_to_end(&mut all).await.unwrap();
                all.reverse();
                stream.write_all(&all).await.unwrap();
            });
        }
    });

    // -W: the client's own streams are the connection.
    let mut child = practice
        .client("ssh", &["-W", &format!("localhost:{port}"), "practice@127.0.0.1"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"stressed").await.unwrap();
    let out = convert(timeout(LIMIT, child.wait_with_output()).await.unwrap().unwrap());
    assert_eq!(out.text(), "desserts", "{}", out.stderr);

    let refused = finish(&mut practice.client("ssh", &["-W", "192.0.2.1:80", "practice@127.0.0.1"])).await;
    assert!(refused.stderr.contains("administratively prohibited"), "{}", refused.stderr);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody =
        finish(&mut practice.client("ssh", &["-W", &closed.to_string(), "practice@127.0.0.1"])).await;
    assert!(nobody.stderr.contains("connect failed"), "{}", nobody.stderr);

    // -L: a port of the client, several connections, more than one window each way.
    let local = practice.path("local.sock");
    let forward = format!("{}:127.0.0.1:{port}", local.display());
    let mut tunnel = practice
        .client("ssh", &["-oExitOnForwardFailure=yes", "-L", &forward, "practice@127.0.0.1", "echo up; cat"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut up = BufReader::new(tunnel.stdout.take().unwrap());
    timeout(LIMIT, up.read_line(&mut String::new())).await.unwrap().unwrap();
    for _ in 0..3 {
        let mut stream = tokio::net::UnixStream::connect(&local).await.unwrap();
        let mut sent = bytes(5 << 20);
        stream.write_all(&sent).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut back = Vec::new();
        timeout(LIMIT, stream.read_to_end(&mut back)).await.unwrap().unwrap();
        sent.reverse();
        assert!(back == sent, "{} of {} bytes came back", back.len(), sent.len());
    }
}

#[tokio::test]
async fn files_are_copied_by_scp_and_by_tar() {
    let practice = Practice::start().await;
    let source = practice.path("source");
    std::fs::create_dir_all(source.join("deep/er")).unwrap();
    let content = bytes(300_000);
    std::fs::write(source.join("deep/er/file with spaces"), &content).unwrap();

    for (protocol, folder) in [("-s", "by-sftp"), ("-O", "by-scp")] {
        let target = format!("practice@127.0.0.1:{folder}");
        let out =
            finish(&mut practice.client("scp", &[protocol, "-q", "-r", source.to_str().unwrap(), &target]))
                .await;
        assert_eq!(out.code, Some(0), "{}", out.stderr);
        assert!(
            std::fs::read(practice.server.home().join(folder).join("deep/er/file with spaces")).unwrap()
                == content
        );
    }

    let archive = finish(Command::new("tar").arg("-C").arg(&source).args(["-cf", "-", "."])).await;
    let out = practice.exec_with("mkdir by-tar && tar -C by-tar -xf -", &archive.stdout).await;
    assert_eq!(out.code, Some(0), "{}", out.stderr);
    assert!(
        std::fs::read(practice.server.home().join("by-tar/deep/er/file with spaces")).unwrap() == content
    );
}

#[tokio::test]
async fn a_terminal_is_refused() {
    let practice = Practice::start().await;
    let out = finish(&mut practice.client("ssh", &["-tt", "practice@127.0.0.1", "tty; exit 3"])).await;
    assert!(out.stderr.contains("PTY allocation request failed"), "{}", out.stderr);
}

#[tokio::test]
async fn keepalives_are_answered_while_a_command_is_silent() {
    let practice = Practice::start().await;
    let out = finish(&mut practice.client(
        "ssh",
        &[
            "-oServerAliveInterval=1",
            "-oServerAliveCountMax=1",
            "practice@127.0.0.1",
            "sleep 3; echo still here",
        ],
    ))
    .await;
    assert_eq!((out.text().as_str(), out.code), ("still here\n", Some(0)), "{}", out.stderr);
}

#[tokio::test]
async fn a_closed_channel_hangs_the_command_up() {
    let practice = Practice::start().await;
    let pipe = practice.path("pipe");
    make_pipe(&pipe).await;
    let line = format!(
        "trap 'echo hung up > {}; exit' HUP; echo ready; while :; do sleep 1 & wait; done",
        pipe.display()
    );
    let mut child = practice.spawn(&line);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    timeout(LIMIT, stdout.read_line(&mut String::new())).await.unwrap().unwrap();
    child.kill().await.unwrap();
    assert_eq!(line_of_pipe(&pipe).await, "hung up");
}

#[tokio::test]
async fn what_has_its_own_session_or_ignores_the_signal_survives_a_closed_channel() {
    let practice = Practice::start().await;
    let pipe = |name: &str| practice.path(name);
    for name in ["gone", "own", "own-up", "own-gate", "deaf", "deaf-up", "deaf-gate"] {
        make_pipe(&pipe(name)).await;
    }
    // Both say that they are up, since `setsid` and `nohup` take a moment. Then they wait at their gates, which open only
    // after the command that started them was hung up, and report.
    let start = |how: &str, name: &str| {
        let [up, gate, report] = [format!("{name}-up"), format!("{name}-gate"), name.to_owned()]
            .map(|n| pipe(&n).display().to_string());
        let script = format!("echo up > {up}; read x < {gate}; echo alive > {report}");
        format!("{how} sh -c '{script}' </dev/null >/dev/null 2>&1 & read x < {up};")
    };
    let line = format!(
        "{} {} trap 'echo hung up > {}; exit' HUP; echo ready; while :; do sleep 1 & wait; done",
        start("setsid", "own"),
        start("nohup", "deaf"),
        pipe("gone").display(),
    );
    let mut child = practice.spawn(&line);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    timeout(LIMIT, stdout.read_line(&mut String::new())).await.unwrap().unwrap();
    child.kill().await.unwrap();
    assert_eq!(line_of_pipe(&pipe("gone")).await, "hung up");
    let (own, deaf) = (pipe("own"), pipe("deaf"));
    let (own_gate, deaf_gate) = (pipe("own-gate"), pipe("deaf-gate"));
    practice.server.stop().await;

    for (gate, report) in [(own_gate, own), (deaf_gate, deaf)] {
        open_gate(&gate);
        assert_eq!(line_of_pipe(&report).await, "alive");
    }
}

#[tokio::test]
async fn what_a_finished_command_left_in_the_background_goes_on() {
    let practice = Practice::start().await;
    let (pipe, gate) = (practice.path("pipe"), practice.path("gate"));
    make_pipe(&pipe).await;
    make_pipe(&gate).await;
    let line = format!(
        "sh -c 'read x < {}; echo alive > {}' </dev/null >/dev/null 2>&1 & echo started",
        gate.display(),
        pipe.display()
    );
    assert_eq!(practice.exec(&line).await.text(), "started\n");
    open_gate(&gate);
    assert_eq!(line_of_pipe(&pipe).await, "alive");
}

#[tokio::test]
async fn keys_and_port_stay_and_belong_to_the_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let practice = Practice::start().await;
    let (address, line) = (practice.server.address(), practice.server.host_key_line());
    for name in ["host_key", "client_key", "port", "lock"] {
        let mode = std::fs::metadata(practice.path("practice").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let mode = std::fs::metadata(practice.path("practice")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    practice.server.stop().await;
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens after the end");

    let again = PracticeServer::start(&practice.folder.path().join("practice")).await.unwrap();
    assert_eq!((again.address(), again.host_key_line()), (address, line));
}

#[tokio::test]
async fn another_port_is_chosen_when_a_program_has_taken_it() {
    let practice = Practice::start().await;
    let (address, line) = (practice.server.address(), practice.server.host_key_line());
    practice.server.stop().await;
    let _taken = TcpListener::bind(address).await.unwrap();
    let again = PracticeServer::start(&practice.folder.path().join("practice")).await.unwrap();
    assert_ne!(again.address(), address);
    assert_eq!(again.host_key_line().split(' ').nth(2), line.split(' ').nth(2), "the key stays");
}

#[tokio::test]
async fn a_second_app_uses_the_first_ones_server_and_takes_over_when_that_ends() {
    let first = Practice::start().await;
    let second = PracticeServer::start(&first.folder.path().join("practice")).await.unwrap();
    let third = PracticeServer::start(&first.folder.path().join("practice")).await.unwrap();
    assert_eq!(second.address(), first.server.address());
    assert_eq!(second.host_key_line(), first.server.host_key_line());
    assert_eq!(first.exec("echo one").await.text(), "one\n");

    // One that only uses the server may end without a trace.
    third.stop().await;
    assert_eq!(first.exec("echo two").await.text(), "two\n");

    let Practice { folder, server } = first;
    server.stop().await;
    let first = Practice { folder, server: second };
    // A client that comes in between is refused, and tries again.
    let comes_back = async {
        loop {
            let out = first.exec("echo three").await;
            if out.code == Some(0) {
                break out.text();
            }
            assert!(out.stderr.contains("Connection refused"), "{}", out.stderr);
        }
    };
    assert_eq!(timeout(LIMIT, comes_back).await.unwrap(), "three\n");
}

#[tokio::test]
async fn a_stopped_server_hangs_up_its_commands_and_closes_its_connections() {
    let practice = Practice::start().await;
    let pipe = practice.path("pipe");
    make_pipe(&pipe).await;
    let line = format!(
        "trap 'echo hung up > {}; exit' HUP; echo ready; while :; do sleep 1 & wait; done",
        pipe.display()
    );
    let mut child = practice.spawn(&line);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    timeout(LIMIT, stdout.read_line(&mut String::new())).await.unwrap().unwrap();
    timeout(Duration::from_secs(5), practice.server.stop()).await.unwrap();
    assert_eq!(line_of_pipe(&pipe).await, "hung up");
    assert_eq!(timeout(LIMIT, child.wait()).await.unwrap().unwrap().code(), Some(255));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = PracticeServer::start(&file.join("practice")).await.unwrap_err();
    assert!(matches!(&error, PracticeError::File { .. }), "{error}");
    assert!(error.to_string().contains(&*file.to_string_lossy()), "{error}");
}

#[tokio::test]
async fn a_damaged_key_is_named_and_not_replaced() {
    let practice = Practice::start().await;
    practice.server.stop().await;
    let key = practice.folder.path().join("practice/host_key");
    std::fs::write(&key, "damaged").unwrap();
    let error = PracticeServer::start(&practice.folder.path().join("practice")).await.unwrap_err();
    assert!(matches!(&error, PracticeError::Key { path, .. } if path.ends_with("host_key")), "{error}");
    assert_eq!(std::fs::read_to_string(&key).unwrap(), "damaged");
}

/// Accepts any server: which one it is, others have tested.
struct AnyServer;

impl russh::client::Handler for AnyServer {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

#[tokio::test]
async fn signals_are_passed_on_which_the_client_of_openssh_never_asks_for() {
    use russh::ChannelMsg;
    let practice = Practice::start().await;
    let mut client =
        russh::client::connect(Arc::default(), practice.server.address(), AnyServer).await.unwrap();
    let key = russh::keys::load_secret_key(practice.server.client_key(), None).unwrap();
    let key = russh::keys::PrivateKeyWithHashAlg::new(Arc::new(key), None);
    assert!(client.authenticate_publickey("anybody", key).await.unwrap().success());
    let mut channel = client.channel_open_session().await.unwrap();
    channel.exec(true, "trap 'echo usr1' USR1; echo ready; while :; do sleep 1 & wait; done").await.unwrap();

    let mut said = String::new();
    let mut signal = None;
    while let Some(message) = timeout(LIMIT, channel.wait()).await.unwrap() {
        match message {
            ChannelMsg::Data { data } => said.push_str(&String::from_utf8_lossy(&data)),
            ChannelMsg::ExitSignal { signal_name, .. } => signal = Some(signal_name),
            _ => continue,
        }
        match said.as_str() {
            "ready\n" => channel.signal(russh::Sig::USR1).await.unwrap(),
            "ready\nusr1\n" if signal.is_none() => channel.signal(russh::Sig::TERM).await.unwrap(),
            _ => {}
        }
    }
    assert_eq!(said, "ready\nusr1\n");
    assert!(matches!(signal, Some(russh::Sig::TERM)), "{signal:?}");
}
