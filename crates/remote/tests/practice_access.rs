//! Who gets into the practice server, how many at once, and where it is found.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of a test fail by panicking, like the test"
)]

mod support;

use std::process::Stdio;
use std::time::Duration;

use steadyhand_remote::practice::{PracticeError, PracticeServer};
use support::practice::{LIMIT, Practice, bytes, convert, finish, first_line, line_of_pipe, make_pipe};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;

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
    let mut master = practice.spawn_with(&["-oControlMaster=yes", &path], "echo up; cat");
    let (_, _up) = first_line(&mut master).await;

    let mut others = Vec::new();
    for number in 2..=10 {
        let mut child = practice.spawn_with(&[&path], &format!("echo {number}; cat"));
        let (line, stdout) = first_line(&mut child).await;
        assert_eq!(line, format!("{number}\n"));
        others.push((child, stdout));
    }
    // A refused session makes this client open a connection of its own, which it says.
    let eleventh = practice.exec_over(&[&path], "echo own").await;
    assert!(eleventh.stderr.contains("Session open refused by peer"), "{}", eleventh.stderr);

    drop(others.pop());
    let (mut child, mut stdout) = others.pop().unwrap();
    drop(child.stdin.take());
    timeout(LIMIT, stdout.read_to_string(&mut String::new())).await.unwrap().unwrap();
    assert_eq!(timeout(LIMIT, child.wait()).await.unwrap().unwrap().code(), Some(0));
    let next = practice.exec_over(&[&path], "echo room").await;
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
    let to = |address: &str| practice.client("ssh", &["-W", address, "practice@127.0.0.1"]);
    let mut child = to(&format!("localhost:{port}")).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"stressed").await.unwrap();
    let out = convert(timeout(LIMIT, child.wait_with_output()).await.unwrap().unwrap());
    assert_eq!(out.text(), "desserts", "{}", out.stderr);

    let refused = finish(&mut to("192.0.2.1:80")).await;
    assert!(refused.stderr.contains("administratively prohibited"), "{}", refused.stderr);
    let nobody = finish(&mut to(&format!("127.0.0.1:{}", support::sshd::free_port()))).await;
    assert!(nobody.stderr.contains("connect failed"), "{}", nobody.stderr);

    // -L: a port of the client, several connections, more than one window each way.
    let local = practice.path("local.sock");
    let forward = format!("{}:127.0.0.1:{port}", local.display());
    let mut tunnel = practice.spawn_with(&["-oExitOnForwardFailure=yes", "-L", &forward], "echo up; cat");
    let (_, _up) = first_line(&mut tunnel).await;
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
    let mut child = practice.spawn_hanging_up("", &pipe).await;
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
