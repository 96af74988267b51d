//! Reaching a server, and everything that can keep one from it; uploads and tunnels.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use steadyhand_remote::{Config, Host, HostKind, HostSpec, KeyFileProblem, Remote, RemoteError, SshSpec};
use support::sshd::{Answers, Sshd, free_port, keygen, known_hosts};
use support::{Home, exited, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn host_of(spec: SshSpec, config: Config, answers: &Arc<Answers>) -> Host {
    let spec = HostSpec { name: "web1".into(), kind: HostKind::Ssh(spec) };
    Remote::new(config, Arc::clone(answers) as _).host(&spec)
}

/// Nothing that an upload needs on its way is left on the host.
fn leaves_nothing(sshd: &Sshd) {
    let left = std::process::Command::new("find")
        .arg(sshd.home.path())
        .args(["-name", ".steadyhand*"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}

/// The server's key is known: nobody is asked about it.
async fn connects_unasked(sshd: &Sshd) {
    let answers = Arc::new(Answers::no());
    host_of(sshd.ssh_spec(), sshd.config(), &answers).connect().await.unwrap();
    assert!(answers.asked().is_empty());
}

#[tokio::test]
async fn an_unknown_host_key_is_asked_about_once_and_recorded() {
    let sshd = Sshd::start();
    let answers = Arc::new(Answers::yes());
    let host = host_of(sshd.ssh_spec(), sshd.config(), &answers);
    host.connect().await.unwrap();
    let expected = format!("127.0.0.1:{} ssh-ed25519 {}", sshd.port, sshd.fingerprint());
    assert_eq!(answers.asked(), [expected]);
    // OpenSSH finds what was written.
    let found = std::process::Command::new("ssh-keygen")
        .args(["-F", &format!("[127.0.0.1]:{}", sshd.port), "-f"])
        .arg(known_hosts(&sshd.home))
        .output()
        .unwrap();
    assert!(found.status.success());
    connects_unasked(&sshd).await;
}

#[tokio::test]
async fn a_host_key_that_is_not_accepted_ends_the_attempt_and_is_not_recorded() {
    let sshd = Sshd::start();
    let host = host_of(sshd.ssh_spec(), sshd.config(), &Arc::new(Answers::no()));
    let error = host.connect().await.unwrap_err();
    assert!(matches!(&error, RemoteError::HostKeyUnknown { .. }), "{error:?}");
    assert!(error.to_string().contains(&sshd.fingerprint()), "{error}");
    assert!(!known_hosts(&sshd.home).exists());
}

#[tokio::test]
async fn the_person_may_think_longer_than_any_timeout() {
    let sshd = Sshd::with("LoginGraceTime 1");
    let mut config = sshd.config();
    config.connect_timeout = Duration::from_secs(2);
    let thinker = Answers { thinks: Duration::from_secs(3), ..Answers::yes() };
    host_of(sshd.ssh_spec(), config, &Arc::new(thinker)).connect().await.unwrap();
    // The server has long hung up when the passphrase comes.
    keygen(&sshd.home.join("id"), "ed25519", "open");
    std::fs::copy(sshd.home.join("id.pub"), sshd.home.join("authorized_keys")).unwrap();
    let thinker = Arc::new(Answers { thinks: Duration::from_secs(3), ..Answers::say(&["open"]) });
    host_of(sshd.ssh_spec(), sshd.config(), &thinker).connect().await.unwrap();
    assert_eq!(thinker.asked(), ["passphrase first"]);
}

#[tokio::test]
async fn a_changed_host_key_is_a_hard_stop_that_shows_both_fingerprints() {
    let sshd = Sshd::start();
    let before = sshd.fingerprint();
    sshd.host().connect().await.unwrap();
    let records = std::fs::read_to_string(known_hosts(&sshd.home)).unwrap();
    for kind in ["ed25519", "ecdsa"] {
        let port = sshd.port;
        let other = Sshd::start();
        let record = records.replace(&port.to_string(), &other.port.to_string());
        let changed = other.with_new_host_key(kind);
        std::fs::write(known_hosts(&changed.home), format!("# a comment\n{record}")).unwrap();
        let answers = Arc::new(Answers::yes());
        let error = host_of(changed.ssh_spec(), changed.config(), &answers).connect().await.unwrap_err();
        assert!(matches!(&error, RemoteError::HostKeyChanged { line: 2, .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&before) && text.contains(&changed.fingerprint()), "{text}");
        assert!(answers.asked().is_empty(), "nobody is asked about a changed key");
    }
}

#[tokio::test]
async fn a_host_with_several_keys_shows_the_one_that_is_known() {
    let home = Home::new();
    keygen(&home.join("rsa"), "rsa", "");
    let sshd = Sshd::with(&format!("HostKey {}", home.join("rsa").display()));
    let public = std::fs::read_to_string(home.join("rsa.pub")).unwrap();
    std::fs::write(known_hosts(&sshd.home), format!("[127.0.0.1]:{} {public}", sshd.port)).unwrap();
    connects_unasked(&sshd).await;
}

#[tokio::test]
async fn a_revoked_host_key_is_refused() {
    let sshd = Sshd::start();
    let public = sshd.home.read("host_ed25519.pub");
    std::fs::write(known_hosts(&sshd.home), format!("@revoked * {public}")).unwrap();
    let error = sshd.host().connect().await.unwrap_err();
    assert!(matches!(error, RemoteError::HostKeyRevoked { line: 1, .. }), "{error:?}");
}

#[tokio::test]
async fn each_connection_failure_has_its_name_within_seconds() {
    let home = Home::new();
    let mut config = home.config();
    config.connect_timeout = Duration::from_secs(2);
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (silent_port, other_port) = (silent.local_addr().unwrap().port(), other.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = other.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
        }
    });
    // A backlog that is full drops what comes: nothing answers, as behind a firewall.
    let full =
        rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None).unwrap();
    rustix::net::bind(&full, &std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    rustix::net::listen(&full, 0).unwrap();
    let full = std::net::TcpListener::from(full);
    let full_port = full.local_addr().unwrap().port();
    let _waiting = tokio::net::TcpStream::connect(("127.0.0.1", full_port)).await.unwrap();
    let spec =
        |address: &str, port| SshSpec { user: Some("u".into()), port: Some(port), ..SshSpec::new(address) };
    type Check = fn(&RemoteError) -> bool;
    let cases: [(SshSpec, Check); 5] = [
        (spec("no-such-host.invalid", 22), |e| matches!(e, RemoteError::NoSuchName { .. })),
        (spec("127.0.0.1", free_port()), |e| matches!(e, RemoteError::Refused { .. })),
        (spec("127.0.0.1", silent_port), |e| {
            matches!(e, RemoteError::TimedOut { during: "greeting the SSH server", .. })
        }),
        (spec("127.0.0.1", other_port), |e| matches!(e, RemoteError::Handshake { .. })),
        (spec("127.0.0.1", full_port), |e| matches!(e, RemoteError::TimedOut { during: "connecting", .. })),
    ];
    for (spec, expected) in cases {
        let started = Instant::now();
        let name = format!("{}:{}", spec.address, spec.port.unwrap());
        let error = host_of(spec, config.clone(), &Arc::new(Answers::yes())).connect().await.unwrap_err();
        assert!(expected(&error), "{name}: {error:?}");
        assert!(started.elapsed() < Duration::from_secs(30), "{name}: {:?}", started.elapsed());
        assert!(error.to_string().starts_with(&name) && !error.is_connection_lost(), "{error}");
    }
}

#[tokio::test]
async fn keys_of_all_common_types_log_in() {
    let sshd = Sshd::start();
    for (kind, name) in [("ecdsa", "k1"), ("rsa", "k2"), ("ed25519", "k3")] {
        keygen(&sshd.home.join(name), kind, "");
        std::fs::copy(sshd.home.join(&format!("{name}.pub")), sshd.home.join("authorized_keys")).unwrap();
        let spec = SshSpec { identity: Some(sshd.home.join(name).display().to_string()), ..sshd.ssh_spec() };
        let host = host_of(spec, sshd.config(), &Arc::new(Answers::yes()));
        assert_eq!(run(&host, name, "echo in").await.unwrap().1, b"in\n", "{kind}");
    }
}

#[tokio::test]
async fn a_passphrase_is_asked_for_until_it_is_right_and_then_remembered() {
    let sshd = Sshd::start();
    keygen(&sshd.home.join("id"), "ed25519", "open sesame");
    std::fs::copy(sshd.home.join("id.pub"), sshd.home.join("authorized_keys")).unwrap();
    let answers = Arc::new(Answers::say(&["wrong", "open sesame"]));
    let host = host_of(sshd.ssh_spec(), sshd.config(), &answers);
    host.connect().await.unwrap();
    assert_eq!(answers.asked()[1..], ["passphrase first", "passphrase again"]);
    host.disconnect().await;
    host.connect().await.unwrap();
    assert_eq!(answers.asked().len(), 3);
    let answers = Arc::new(Answers::say(&["wrong", "wronger", "wrongest"]));
    let error = host_of(sshd.ssh_spec(), sshd.config(), &answers).connect().await.unwrap_err();
    assert!(
        matches!(&error, RemoteError::KeyFile { problem: KeyFileProblem::WrongPassphrase, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_key_file_that_cannot_be_used_says_why() {
    let sshd = Sshd::start();
    let with = |identity: &str| SshSpec { identity: Some(identity.into()), ..sshd.ssh_spec() };
    let answers = Arc::new(Answers::yes());
    type Check = fn(&KeyFileProblem) -> bool;
    let cases: [(String, Check); 2] = [
        (sshd.home.join("none").display().to_string(), |p| *p == KeyFileProblem::Missing),
        (sshd.home.join("id.pub").display().to_string(), |p| matches!(p, KeyFileProblem::BadFormat(_))),
    ];
    for (path, expected) in cases {
        let error = host_of(with(&path), sshd.config(), &answers).connect().await.unwrap_err();
        let RemoteError::KeyFile { problem, .. } = &error else { panic!("{error:?}") };
        assert!(expected(problem), "{problem:?}");
        assert!(error.to_string().contains(&path), "{error}");
    }
    let none = Arc::new(Answers::yes());
    keygen(&sshd.home.join("locked"), "ed25519", "x");
    std::fs::copy(sshd.home.join("locked.pub"), sshd.home.join("authorized_keys")).unwrap();
    let path = sshd.home.join("locked").display().to_string();
    let error = host_of(with(&path), sshd.config(), &none).connect().await.unwrap_err();
    assert!(matches!(error, RemoteError::KeyFile { problem: KeyFileProblem::NoPassphrase, .. }), "{error:?}");
}

#[tokio::test]
async fn a_refused_login_names_all_that_was_tried() {
    let sshd = Sshd::with("PasswordAuthentication yes");
    keygen(&sshd.home.join("other"), "ed25519", "");
    let spec = SshSpec { identity: Some(sshd.home.join("other").display().to_string()), ..sshd.ssh_spec() };
    let answers = Arc::new(Answers::say(&["guess one", "guess two"]));
    let error = host_of(spec, sshd.config(), &answers).connect().await.unwrap_err();
    let RemoteError::Authentication { user, tried, .. } = &error else { panic!("{error:?}") };
    assert_eq!(user, "root");
    assert!(
        tried.iter().any(|it| it.method.ends_with("/other") && it.why.contains("not accept")),
        "{tried:?}"
    );
    assert!(tried.iter().any(|it| it.method == "password"), "{tried:?}");
    assert_eq!(answers.asked()[1..], ["password root first", "password root again", "password root again"]);
}

#[tokio::test]
async fn a_locked_key_that_the_server_would_not_take_is_not_asked_about() {
    let sshd = Sshd::start();
    let folder = Home::new();
    keygen(&folder.join("id_ed25519"), "ed25519", "locked");
    std::fs::copy(sshd.home.join("id"), folder.join("id_rsa")).unwrap();
    let config = Config { identities: Some(folder.path().to_path_buf()), ..sshd.config() };
    let answers = Arc::new(Answers::yes());
    let spec = SshSpec { identity: None, ..sshd.ssh_spec() };
    host_of(spec, config, &answers).connect().await.unwrap();
    assert!(!answers.asked().iter().any(|asked| asked.starts_with("passphrase")), "{:?}", answers.asked());
}

#[tokio::test]
async fn the_agent_logs_in() {
    let sshd = Sshd::start();
    let socket = sshd.home.join("agent");
    let mut agent = std::process::Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    support::until("the agent listens", || socket.exists()).await;
    let added = std::process::Command::new("ssh-add")
        .arg("-q")
        .arg(sshd.home.join("id"))
        .env("SSH_AUTH_SOCK", &socket)
        .status()
        .unwrap();
    assert!(added.success());
    std::fs::remove_file(sshd.home.join("id")).unwrap();
    let config = Config { agent: Some(socket), ..sshd.config() };
    let spec = SshSpec { identity: None, ..sshd.ssh_spec() };
    let went = host_of(spec, config, &Arc::new(Answers::yes())).connect().await;
    agent.kill().unwrap();
    agent.wait().unwrap();
    went.unwrap();
}

#[tokio::test]
async fn the_users_ssh_configuration_is_followed() {
    let sshd = Sshd::start();
    let file = sshd.home.join("config");
    let text = format!(
        "Host shop\n HostName 127.0.0.1\n Port {}\n User root\n IdentityFile {}\n",
        sshd.port,
        sshd.home.join("id").display()
    );
    std::fs::write(&file, text).unwrap();
    let config = Config { ssh_config: Some(file), ..sshd.config() };
    let host = host_of(SshSpec::new("shop"), config, &Arc::new(Answers::yes()));
    assert_eq!(run(&host, "c", "echo in").await.unwrap().1, b"in\n");
}

#[tokio::test]
async fn a_server_behind_two_jump_hosts_is_reached_and_each_is_verified() {
    let (first, second, target) = (Sshd::start(), Sshd::start(), Sshd::start());
    let spec = SshSpec {
        jump: Some(Box::new(SshSpec { jump: Some(Box::new(first.ssh_spec())), ..second.ssh_spec() })),
        ..target.ssh_spec()
    };
    let answers = Arc::new(Answers::yes());
    let host = host_of(spec.clone(), target.config(), &answers);
    let (ended, log) = run(&host, "j", "echo $HOME").await.unwrap();
    assert_eq!(ended.outcome, exited(0));
    assert_eq!(String::from_utf8(log).unwrap().trim(), target.home.path().display().to_string());
    let asked: Vec<String> =
        answers.asked().iter().map(|asked| asked.split(' ').next().unwrap().to_owned()).collect();
    let expected: Vec<String> =
        [&first, &second, &target].iter().map(|sshd| format!("127.0.0.1:{}", sshd.port)).collect();
    assert_eq!(asked, expected);
    let declined = host_of(spec, Home::new().config(), &Arc::new(Answers::no())).connect().await.unwrap_err();
    assert!(declined.to_string().starts_with(&format!("127.0.0.1:{}", first.port)), "{declined}");
}

#[tokio::test]
async fn an_upload_arrives_whole_with_its_modes_links_and_odd_names() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let from = Home::new();
    let tree = from.join("dist");
    std::fs::create_dir_all(tree.join("sub/empty")).unwrap();
    std::fs::write(tree.join("run.sh"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(tree.join("run.sh"), std::fs::Permissions::from_mode(0o750)).unwrap();
    std::fs::write(tree.join("sub/with 'odd' name\n$x"), vec![7; 300_000]).unwrap();
    std::fs::write(tree.join(".hidden"), "h").unwrap();
    std::fs::write(tree.join("-dash"), "d").unwrap();
    std::os::unix::fs::symlink("run.sh", tree.join("link")).unwrap();
    let to = sshd.home.join("srv/app");
    std::fs::create_dir_all(to.join("sub")).unwrap();
    std::fs::write(to.join("run.sh"), "old").unwrap();
    std::fs::write(to.join("kept"), "kept").unwrap();
    let seen = std::sync::Mutex::new(0);
    let content = std::path::PathBuf::from(format!("{}/", tree.display()));
    let summary = host
        .upload(&content, &to.display().to_string(), None, &|progress| *seen.lock().unwrap() = progress.bytes)
        .await
        .unwrap();
    assert_eq!((summary.files, summary.bytes), (5, 300_012));
    assert_eq!(*seen.lock().unwrap(), 300_012);
    let same = std::process::Command::new("diff")
        .arg("-r")
        .arg("--no-dereference")
        .arg(&tree)
        .arg(&to)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&same.stdout).trim(), format!("Only in {}: kept", to.display()));
    assert_eq!(std::fs::metadata(to.join("run.sh")).unwrap().permissions().mode() & 0o777, 0o750);
    // Without the slash it is the folder itself; missing folders are made.
    let deep = sshd.home.join("new/deep");
    host.upload(&tree, &deep.display().to_string(), None, &|_| {}).await.unwrap();
    assert!(deep.join("dist/sub/empty").is_dir());
    leaves_nothing(&sshd);
}

#[tokio::test]
async fn a_file_is_uploaded_to_a_name_or_into_a_folder() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let file = sshd.home.join("a file");
    std::fs::write(&file, "one").unwrap();
    for to in ["to/name", "folder/", "~/at home", "relative"] {
        host.upload(&file, to, None, &|_| {}).await.unwrap();
    }
    for name in ["to/name", "folder/a file", "at home", "relative"] {
        assert_eq!(sshd.home.read(name), "one", "{name}");
    }
    std::fs::write(&file, "two").unwrap();
    host.upload(&file, "folder", None, &|_| {}).await.unwrap();
    assert_eq!(sshd.home.read("folder/a file"), "two");
}

#[tokio::test]
async fn an_upload_that_fails_says_why_and_leaves_nothing() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let from = Home::new();
    std::fs::create_dir(from.join("dist")).unwrap();
    std::fs::write(from.join("dist/x"), vec![1; 5_000_000]).unwrap();
    let missing = host.upload(&from.join("none"), "x", None, &|_| {}).await.unwrap_err().to_string();
    assert!(missing.contains("none") && missing.contains("No such file"), "{missing}");
    std::fs::create_dir_all(sshd.home.join("t/dist/x")).unwrap();
    let blocked = host.upload(&from.join("dist"), "t/", None, &|_| {}).await.unwrap_err().to_string();
    assert!(blocked.contains("x is a folder"), "{blocked}");
    std::fs::write(sshd.home.join("plain"), "").unwrap();
    let inside = host.upload(&from.join("dist"), "plain/sub", None, &|_| {}).await.unwrap_err().to_string();
    assert!(inside.contains("Not a directory"), "{inside}");
    leaves_nothing(&sshd);
    assert!(!sshd.home.join("t/dist/x/x").exists());
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing_either() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let from = Home::new();
    std::fs::write(from.join("big"), vec![1; 30_000_000]).unwrap();
    let (started, has_started) = tokio::sync::watch::channel(false);
    let (path, uploader) = (from.join("big"), host.clone());
    let mut has_started = has_started;
    let going = tokio::spawn(async move {
        uploader
            .upload(&path, "big", None, &|progress| {
                started.send_replace(progress.bytes > 1_000_000);
            })
            .await
    });
    has_started.wait_for(|started| *started).await.unwrap();
    going.abort();
    let _ = going.await;
    support::until("the host tidies up", || {
        let left = std::process::Command::new("find")
            .arg(sshd.home.path())
            .args(["-name", ".steadyhand*"])
            .output()
            .unwrap();
        left.stdout.is_empty()
    })
    .await;
    assert!(!sshd.home.join("big").exists());
    assert_eq!(run(&host, "after", "echo fine").await.unwrap().1, b"fine\n");
}

#[tokio::test]
async fn tcp_connections_go_through_the_host_and_do_not_leak() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let echo = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    for i in 0..50u8 {
        let mut stream = host.open_tcp("127.0.0.1", port).await.unwrap();
        stream.write_all(&[i; 1000]).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut back = Vec::new();
        stream.read_to_end(&mut back).await.unwrap();
        assert_eq!(back, [i; 1000]);
    }
    echo.abort();
    let error = host.open_tcp("127.0.0.1", free_port()).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, RemoteError::Channel { .. }), "{error:?}");
    assert_eq!(run(&host, "after", "echo fine").await.unwrap().1, b"fine\n");
}

#[tokio::test]
async fn one_connection_is_shared_by_all() {
    let sshd = Sshd::start();
    let remote = sshd.remote();
    let hosts: Vec<Host> = (0..10).map(|_| remote.host(&sshd.spec())).collect();
    for connected in futures::future::join_all(hosts.iter().map(Host::connect)).await {
        connected.unwrap();
    }
    let sessions = std::process::Command::new("ss")
        .args(["-Htn", "state", "established", &format!("sport = :{}", sshd.port)])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&sessions.stdout).lines().count(), 1);
    assert!(hosts[0].is_connected().await);
    hosts[0].disconnect().await;
    assert!(!hosts[1].is_connected().await);
    assert!(hosts[1].latency().await.unwrap() < Duration::from_secs(1));
}
