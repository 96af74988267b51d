//! The practice server as its clients see it: the real `ssh` of OpenSSH, wherever that can show what is meant.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of a test fail by panicking, like the test"
)]

mod support;

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use support::practice::{
    LIMIT, Practice, bytes, convert, finish, first_line, line_of_pipe, make_pipe, open_gate,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

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
    let killed = practice.ssh(&["-v"], "kill -KILL $$").output().await.unwrap();
    assert_eq!(killed.status.code(), Some(255), "OpenSSH's status for a command that a signal ended");
    assert!(String::from_utf8_lossy(&killed.stderr).contains("exit-signal"), "{killed:?}");
}

#[tokio::test]
async fn the_environment_is_that_of_a_login_and_not_of_the_app() {
    let practice = Practice::start().await;
    let mut command = practice.ssh(&["-oSendEnv=LANG LC_ALL SECRET"], "env");
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
        .ssh(&["-oControlMaster=yes", &master], "echo ready >&2; head -c 50000000 /dev/zero; echo end >&2")
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(stuck.stderr.take().unwrap());
    let mut line = String::new();
    timeout(LIMIT, errors.read_line(&mut line)).await.unwrap().unwrap();
    assert_eq!(line, "ready\n");
    for _ in 0..3 {
        let out = practice.exec_over(&[&master], "echo free").await;
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
    let mut deaf = practice.spawn_with(&["-oControlMaster=yes", &master], "echo ready; read line; wc -c");
    let (_, mut output) = first_line(&mut deaf).await;
    let mut stdin = deaf.stdin.take().unwrap();
    // More than is taken in without holding the client up, and no end of the line that the command waits for.
    let feed = async {
        stdin.write_all(&vec![b'x'; 8 << 20]).await.unwrap();
        let out = practice.exec_over(&[&master], "echo free").await;
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
    let out = practice.exec_over(&["-tt"], "tty; exit 3").await;
    assert!(out.stderr.contains("PTY allocation request failed"), "{}", out.stderr);
}

#[tokio::test]
async fn keepalives_are_answered_while_a_command_is_silent() {
    let practice = Practice::start().await;
    let out = practice
        .exec_over(&["-oServerAliveInterval=1", "-oServerAliveCountMax=1"], "sleep 3; echo still here")
        .await;
    assert_eq!((out.text().as_str(), out.code), ("still here\n", Some(0)), "{}", out.stderr);
}

#[tokio::test]
async fn a_closed_channel_hangs_the_command_up() {
    let practice = Practice::start().await;
    let pipe = practice.path("pipe");
    make_pipe(&pipe).await;
    let mut child = practice.spawn_hanging_up("", &pipe).await;
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
    let before = [start("setsid", "own"), start("nohup", "deaf")].join(" ");
    let mut child = practice.spawn_hanging_up(&before, &pipe("gone")).await;
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
