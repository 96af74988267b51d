//! The practice server and Steadyhand's own client, which must not know that it is no ordinary server.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of a test fail by panicking, like the test"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use steadyhand_domain::StepOutcome;
use steadyhand_remote::practice::PracticeServer;
use steadyhand_remote::{
    AskNobody, Config, Host, HostKind, HostSpec, Remote, RemoteError, SshSpec, StepRequest,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(60);

struct Practice {
    folder: TempDir,
    server: PracticeServer,
    host: Host,
}

impl Practice {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let server = PracticeServer::start(&folder.path().join("practice")).await.unwrap();
        let known_hosts = folder.path().join("known_hosts");
        std::fs::write(&known_hosts, format!("{}\n", server.host_key_line())).unwrap();
        let config = Config {
            known_hosts_write: known_hosts,
            known_hosts_read: Vec::new(),
            ssh_config: None,
            identities: None,
            agent: None,
            ..Config::default()
        };
        let kind = HostKind::Ssh(SshSpec {
            user: Some("practice".to_owned()),
            port: Some(server.address().port()),
            identity: server.client_key().to_str().map(str::to_owned),
            ..SshSpec::new("127.0.0.1")
        });
        // Nobody is there to answer: the known key and the given identity must be enough.
        let host =
            Remote::new(config, Arc::new(AskNobody)).host(&HostSpec { name: "practice".to_owned(), kind });
        Self { folder, server, host }
    }

    fn pipe(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }
}

/// Runs or follows a step, and gives its outcome with the log from `from` on.
async fn execute(
    host: &Host,
    request: &StepRequest,
    from: u64,
) -> Result<(StepOutcome, Vec<u8>), RemoteError> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(16);
    let gather = async {
        let mut log = Vec::new();
        while let Some(bytes) = receiver.recv().await {
            log.extend_from_slice(&bytes);
        }
        log
    };
    let run = host.execute(request, from, sender, CancellationToken::new());
    let (ended, log) =
        timeout(LIMIT, async { tokio::join!(run, gather) }).await.expect("the step ends in time");
    ended.map(|ended| (ended.outcome, log))
}

#[tokio::test]
async fn steps_run_with_their_logs_and_statuses() {
    let practice = Practice::start().await;
    let (outcome, log) =
        execute(&practice.host, &StepRequest::new("one", "pwd; echo to stderr >&2; exit 3"), 0)
            .await
            .unwrap();
    assert_eq!(outcome, StepOutcome::Exited { status: 3 });
    assert_eq!(String::from_utf8_lossy(&log), format!("{}\nto stderr\n", practice.server.home().display()));

    let big = StepRequest::new("big", "head -c 50000000 /dev/zero");
    let (outcome, log) = execute(&practice.host, &big, 0).await.unwrap();
    assert_eq!((outcome, log.len()), (StepOutcome::Exited { status: 0 }, 50_000_000));

    let requests: Vec<_> =
        (0..20).map(|n| StepRequest::new(format!("many-{n}"), format!("echo {n}"))).collect();
    let all = requests.iter().map(|request| execute(&practice.host, request, 0));
    for (number, ended) in futures::future::join_all(all).await.into_iter().enumerate() {
        assert_eq!(ended.unwrap(), (StepOutcome::Exited { status: 0 }, format!("{number}\n").into_bytes()));
    }
}

#[tokio::test]
async fn a_folder_is_uploaded_and_a_port_is_reached() {
    let practice = Practice::start().await;
    let from = practice.folder.path().join("site");
    std::fs::create_dir_all(from.join("deep")).unwrap();
    let content: Vec<u8> = (0..30_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(from.join("deep/large"), &content).unwrap();
    practice.host.upload(&from, "there/", None, &|_| {}).await.unwrap();
    assert!(std::fs::read(practice.server.home().join("there/site/deep/large")).unwrap() == content);

    let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = service.local_addr().unwrap().port();
    let answer = tokio::spawn(async move {
        let (mut stream, _) = service.accept().await.unwrap();
        let mut asked = [0; 4];
        stream.read_exact(&mut asked).await.unwrap();
        stream.write_all(b"pong").await.unwrap();
        asked
    });
    let mut tunnel = practice.host.open_tcp("127.0.0.1", port).await.unwrap();
    tunnel.write_all(b"ping").await.unwrap();
    let mut answered = String::new();
    timeout(LIMIT, tunnel.read_to_string(&mut answered)).await.unwrap().unwrap();
    assert_eq!((answered.as_str(), &answer.await.unwrap()), ("pong", b"ping"));
}

#[tokio::test]
async fn a_step_outlives_the_server_and_is_found_again_after_it_was_restarted() {
    let practice = Practice::start().await;
    let gate = practice.pipe("gate");
    let script = format!("echo before; read line < '{}'; echo \"$line\"; echo once >> ran", gate.display());
    let mut request = StepRequest::new("outlives", script);

    let (sender, mut receiver) = mpsc::channel::<Bytes>(16);
    let (host, first) = (practice.host.clone(), request.clone());
    let running =
        tokio::spawn(async move { host.execute(&first, 0, sender, CancellationToken::new()).await });
    let mut log = Vec::new();
    while !log.ends_with(b"before\n") {
        log.extend_from_slice(&timeout(LIMIT, receiver.recv()).await.unwrap().expect("the step writes"));
    }
    let Practice { folder, server, host } = practice;
    server.stop().await;
    let lost = timeout(LIMIT, running).await.expect("the loss is noticed").unwrap();
    assert!(lost.is_err(), "{lost:?}");
    while let Some(bytes) = receiver.recv().await {
        log.extend_from_slice(&bytes);
    }

    let server = PracticeServer::start(&folder.path().join("practice")).await.unwrap();
    std::thread::spawn(move || std::fs::write(gate, "after\n"));
    request.started_before = true;
    let (outcome, rest) = execute(&host, &request, log.len() as u64).await.unwrap();
    log.extend(rest);
    assert_eq!((outcome, log.as_slice()), (StepOutcome::Exited { status: 0 }, b"before\nafter\n".as_slice()));
    assert_eq!(std::fs::read_to_string(server.home().join("ran")).unwrap(), "once\n");
}

#[tokio::test]
async fn a_stopped_step_leaves_nothing_running() {
    let practice = Practice::start().await;
    let (sender, mut receiver) = mpsc::channel::<Bytes>(16);
    let cancel = CancellationToken::new();
    let request = StepRequest::new("stopped", "setsid sleep 1000 & sleep 1000 & echo up; wait");
    let run = practice.host.execute(&request, 0, sender, cancel.clone());
    let stop = async {
        assert_eq!(timeout(LIMIT, receiver.recv()).await.unwrap().as_deref(), Some(b"up\n".as_slice()));
        cancel.cancel();
        while receiver.recv().await.is_some() {}
    };
    let (ended, ()) = timeout(LIMIT, async { tokio::join!(run, stop) }).await.expect("it stops in time");
    let ended = ended.unwrap();
    assert_eq!((ended.outcome, ended.left_running), (StepOutcome::Stopped, Vec::<String>::new()));
}
