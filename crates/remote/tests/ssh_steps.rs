//! Steps over a real sshd: the same promises as on this machine, and those about connections that break.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use steadyhand_domain::StepOutcome;
use steadyhand_remote::{Remote, RemoteError, StepRequest};
use support::sshd::{Answers, Proxy, Sshd};
use support::{Going, alive, execute, exited, request, run, until};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_step_ends_with_its_status_and_every_byte_of_its_log() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let (ended, log) = run(&host, "a", "echo out; echo err >&2; exit 7").await.unwrap();
    assert_eq!((ended.outcome, log), (exited(7), b"out\nerr\n".to_vec()));
    let bytes: Vec<u8> = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(sshd.home.join("blob"), &bytes).unwrap();
    let (ended, log) = run(&host, "blob", "cat blob").await.unwrap();
    assert_eq!((ended.outcome, ended.log_size), (exited(0), 3_000_000));
    assert!(log == bytes);
}

#[tokio::test]
async fn an_attempt_that_is_started_twenty_times_at_once_runs_once() {
    let sshd = Sshd::start();
    let (one, two) = (sshd.host(), sshd.host());
    let requests: Vec<StepRequest> =
        (0..20).map(|_| request("once", "echo started >>count; sleep 0.3; echo done")).collect();
    // Over two connections, as two processes would.
    let all = requests.iter().enumerate().map(|(i, request)| {
        execute(if i % 2 == 0 { &one } else { &two }, request, 0, CancellationToken::new())
    });
    for outcome in futures::future::join_all(all).await {
        let (ended, log) = outcome.unwrap();
        assert_eq!((ended.outcome, log), (exited(0), b"done\n".to_vec()));
    }
    assert_eq!(sshd.home.read("count"), "started\n");
}

#[tokio::test]
async fn after_a_reset_the_log_goes_on_at_the_next_byte() {
    let sshd = Sshd::start();
    let proxy = Proxy::start(sshd.port).await;
    let host = sshd.remote().host(&sshd.spec_at(proxy.port));
    let script = "echo $$ >>pids; echo one; until [ -e go ]; do [ -d ~ ] || exit 1; sleep 0.02; done; seq 1 50000; echo two; exit 3";
    let mut going = Going::start(&host, request("reset", script), 0);
    going.sees("one").await;
    let cut = Instant::now();
    proxy.reset();
    let seen = going.seen.len() as u64;
    let error = going.ends().await.unwrap_err();
    assert!(error.is_connection_lost(), "{error}");
    assert!(cut.elapsed() < Duration::from_secs(30), "a reset is seen at once");
    std::fs::write(sshd.home.join("go"), "").unwrap();
    let (ended, log) =
        execute(&host, &request("reset", script), seen, CancellationToken::new()).await.unwrap();
    let expected: String = (1..=50000).map(|i| format!("{i}\n")).chain(["two\n".to_owned()]).collect();
    assert_eq!(ended.outcome, exited(3));
    assert!(String::from_utf8(log).unwrap() == expected);
    assert_eq!(sshd.home.read("pids").lines().count(), 1);
}

#[tokio::test]
async fn a_silent_connection_is_found_within_seconds() {
    let sshd = Sshd::start();
    let proxy = Proxy::start(sshd.port).await;
    let mut config = sshd.config();
    config.keepalive_interval = Duration::from_millis(500);
    let host = Remote::new(config, Arc::new(Answers::yes())).host(&sshd.spec_at(proxy.port));
    let mut going = Going::start(
        &host,
        request("silent", "echo one; until [ -e go ]; do [ -d ~ ] || exit 1; sleep 0.02; done; echo two"),
        0,
    );
    going.sees("one").await;
    proxy.silent.store(true, std::sync::atomic::Ordering::Relaxed);
    let silent = Instant::now();
    let error = going.ends().await.unwrap_err();
    assert!(
        matches!(&error, RemoteError::ConnectionLost { detail, .. } if detail.contains("does not answer")),
        "{error}"
    );
    assert!(silent.elapsed() < Duration::from_secs(30), "{:?}", silent.elapsed());
    proxy.silent.store(false, std::sync::atomic::Ordering::Relaxed);
    std::fs::write(sshd.home.join("go"), "").unwrap();
    let (ended, log) = execute(&host, &request("silent", ""), 4, CancellationToken::new()).await.unwrap();
    assert_eq!((ended.outcome, log), (exited(0), b"two\n".to_vec()));
}

#[tokio::test]
async fn by_default_a_silent_connection_is_found_within_ten_seconds() {
    let config = steadyhand_remote::Config::default();
    let lives = u32::try_from(config.keepalive_max).unwrap() + 1;
    assert!(config.keepalive_interval * lives <= Duration::from_secs(10));
}

#[tokio::test]
async fn a_new_pool_attaches_after_the_old_one_vanished() {
    let sshd = Sshd::start();
    let script = "echo one; until [ -e go ]; do [ -d ~ ] || exit 1; sleep 0.02; done; echo two; exit 3";
    let remote = sshd.remote();
    let mut going = Going::start(&remote.host(&sshd.spec()), request("vanish", script), 0);
    going.sees("one").await;
    going.end.abort();
    drop(remote);
    std::fs::write(sshd.home.join("go"), "").unwrap();
    let (ended, log) =
        execute(&sshd.host(), &request("vanish", script), 4, CancellationToken::new()).await.unwrap();
    assert_eq!((ended.outcome, log), (exited(3), b"two\n".to_vec()));
}

#[tokio::test]
async fn a_stop_leaves_nothing_behind() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let script = "trap '' TERM
        setsid sh -c 'echo $$ >>pids; trap \"\" TERM; sleep 62; sleep 62' &
        sh -c 'echo $$ >>pids; trap \"\" TERM; sleep 63; sleep 63' &
        echo $$ >>pids; until [ \"$(wc -l <pids)\" -ge 3 ]; do [ -d ~ ] || exit 1; sleep 0.02; done; echo ready; sleep 65; sleep 65";
    let mut going = Going::start(&host, request("stop", script), 0);
    going.sees("ready").await;
    going.cancel.cancel();
    let (ended, _) = going.ends().await.unwrap();
    assert_eq!((ended.outcome, ended.left_running), (StepOutcome::Stopped, Vec::new()));
    for pid in sshd.home.read("pids").lines() {
        assert!(!alive(pid), "{pid} lives");
    }
    assert_eq!(host.processes("stop").await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_stop_that_was_cut_off_is_finished_after_reconnecting() {
    let sshd = Sshd::start();
    let proxy = Proxy::start(sshd.port).await;
    let host = sshd.remote().host(&sshd.spec_at(proxy.port));
    let slow = StepRequest {
        grace: Duration::from_secs(2),
        ..request("cut", "trap 'echo term' TERM; echo up; while :; do [ -d ~ ] || exit 1; sleep 0.05; done")
    };
    let mut going = Going::start(&host, slow.clone(), 0);
    going.sees("up").await;
    going.cancel.cancel();
    going.sees("term").await;
    proxy.reset();
    assert!(going.ends().await.unwrap_err().is_connection_lost());
    // Nobody asks for the stop again: it is on record.
    let (ended, _) = execute(&host, &slow, 0, CancellationToken::new()).await.unwrap();
    assert_eq!((ended.outcome, ended.left_running), (StepOutcome::Stopped, Vec::new()));
}

#[tokio::test]
async fn a_timeout_ends_the_command() {
    let sshd = Sshd::start();
    let slow = StepRequest {
        timeout: Some(Duration::from_millis(300)),
        ..request("slow", "echo go; exec sleep 60")
    };
    let (ended, log) = execute(&sshd.host(), &slow, 0, CancellationToken::new()).await.unwrap();
    assert_eq!(
        (ended.outcome, ended.left_running, log),
        (StepOutcome::TimedOut, Vec::new(), b"go\n".to_vec())
    );
}

#[tokio::test]
async fn what_the_shells_start_up_files_write_is_in_no_log() {
    let sshd = Sshd::start();
    std::fs::write(
        sshd.home.join(".bashrc"),
        "echo noise from bashrc; echo more >&2; printf 'no line end'\n",
    )
    .unwrap();
    let host = sshd.host();
    let (ended, log) = run(&host, "n", "echo clean").await.unwrap();
    assert_eq!((ended.outcome, log), (exited(0), b"clean\n".to_vec()));
    assert_eq!(host.probe("echo clean", Duration::from_secs(5)).await.unwrap().output, b"clean\n");
    std::fs::write(sshd.home.join("file"), "content").unwrap();
    let to = sshd.home.join("there").display().to_string();
    host.upload(&sshd.home.join("file"), &to, None, &|_| {}).await.unwrap();
    assert_eq!(sshd.home.read("there"), "content");
}

#[tokio::test]
async fn an_account_without_a_shell_says_what_came_instead() {
    let sshd = Sshd::start();
    std::fs::write(sshd.home.join(".bashrc"), "echo 'This account is currently not available.'; exit 1\n")
        .unwrap();
    let error = run(&sshd.host(), "n", "true").await.unwrap_err();
    assert!(matches!(error, RemoteError::NoShell { .. }), "{error:?}");
    assert!(error.to_string().contains("not available"), "{error}");
}

#[tokio::test]
async fn standard_input_is_empty_and_there_is_no_terminal() {
    let sshd = Sshd::start();
    let script = "cat; read x || echo empty; (: </dev/tty) 2>/dev/null || echo notty; tty";
    let (_, log) = run(&sshd.host(), "in", script).await.unwrap();
    assert_eq!(String::from_utf8(log).unwrap(), "empty\nnotty\nnot a tty\n");
}

#[tokio::test]
async fn a_daemon_that_is_left_behind_does_not_hold_the_step() {
    let sshd = Sshd::start();
    let started = Instant::now();
    let script =
        "sh -c 'echo $$ >daemon; exec sleep 600' & until [ -s daemon ]; do sleep 0.01; done; echo done";
    let (ended, log) = run(&sshd.host(), "d", script).await.unwrap();
    assert_eq!((ended.outcome, log), (exited(0), b"done\n".to_vec()));
    assert!(started.elapsed() < Duration::from_secs(30));
    let pid = sshd.home.read("daemon");
    assert!(alive(&pid));
    std::process::Command::new("kill").args(["-9", pid.trim()]).status().unwrap();
}

#[tokio::test]
async fn a_thousand_steps_run_one_after_another() {
    let sshd = Sshd::start();
    let host = sshd.host();
    for i in 0..1000 {
        let (ended, log) = run(&host, &format!("s{i}"), "true").await.unwrap();
        assert_eq!((ended.outcome, log), (exited(0), Vec::new()));
    }
    assert_eq!(std::fs::read_dir(sshd.home.records()).unwrap().count(), 2000);
    let names: Vec<String> = (0..1000).map(|i| format!("s{i}")).collect();
    host.forget(&names).await.unwrap();
    assert_eq!(std::fs::read_dir(sshd.home.records()).unwrap().count(), 0);
}

#[tokio::test]
async fn thirty_steps_run_at_once_on_one_host_whose_sessions_are_limited() {
    for limit in ["", "MaxSessions 3"] {
        let sshd = Sshd::with(limit);
        let host = sshd.host();
        let names: Vec<String> = (0..30).map(|i| format!("p{i}")).collect();
        let all =
            names.iter().map(|name| run(&host, name, "sleep 0.1; echo ${STEADYHAND_ATTEMPT##*steadyhand}"));
        for (name, outcome) in names.iter().zip(futures::future::join_all(all).await) {
            let (ended, log) = outcome.unwrap();
            assert_eq!((ended.outcome, String::from_utf8(log).unwrap()), (exited(0), format!("/{name}/\n")));
        }
    }
}

#[tokio::test]
async fn a_step_can_be_stopped_while_all_lanes_are_taken() {
    let sshd = Sshd::with("MaxSessions 2");
    let host = sshd.host();
    let mut first = Going::start(&host, request("w1", "echo up; exec sleep 60"), 0);
    let mut second = Going::start(&host, request("w2", "echo up; exec sleep 60"), 0);
    first.sees("up").await;
    second.sees("up").await;
    let waiting = Going::start(&host, request("w3", "echo never >ran"), 0);
    waiting.cancel.cancel();
    first.cancel.cancel();
    second.cancel.cancel();
    for going in [first, second, waiting] {
        assert_eq!(going.ends().await.unwrap().0.outcome, StepOutcome::Stopped);
    }
    assert!(!sshd.home.join("ran").exists());
}

#[tokio::test]
async fn a_flood_nobody_reads_holds_up_neither_other_steps_nor_the_connection() {
    let sshd = Sshd::start();
    let mut config = sshd.config();
    config.keepalive_interval = Duration::from_millis(300);
    let host = Remote::new(config, Arc::new(Answers::yes())).host(&sshd.spec());
    let (output, mut bytes) = mpsc::channel::<Bytes>(1);
    let flood = request("flood", "head -c 100000000 /dev/zero; echo done >flooded");
    let reader = host.clone();
    let going =
        tokio::spawn(async move { reader.execute(&flood, 0, output, CancellationToken::new()).await });
    until("the command ends", || sshd.home.join("flooded").exists()).await;
    let before = resident();
    for i in 0..20 {
        assert_eq!(run(&host, &format!("other{i}"), "sleep 0.05; echo fine").await.unwrap().1, b"fine\n");
    }
    let mut size = 0;
    while let Some(more) = bytes.recv().await {
        size += more.len();
    }
    assert_eq!(size, 100_000_000);
    assert_eq!(going.await.unwrap().unwrap().outcome, exited(0));
    let grown = resident().saturating_sub(before);
    assert!(grown < 60 << 20, "{} MiB more", grown >> 20);
}

/// This process's memory in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn secrets_are_in_no_process_list_and_in_no_file() {
    let sshd = Sshd::start();
    let secret = "hunter2-over-ssh";
    let mut request = request(
        "secret",
        &format!(": {secret}-script; echo up; until [ -e go ]; do [ -d ~ ] || exit 1; sleep 0.02; done"),
    );
    request.env = vec![("TOKEN".into(), format!("{secret}-env").into())];
    let mut going = Going::start(&sshd.host(), request, 0);
    going.sees("up").await;
    let processes = std::process::Command::new("ps").args(["-eo", "args"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&processes.stdout).contains(secret));
    let files =
        std::process::Command::new("grep").args(["-rl", secret]).arg(sshd.home.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&files.stdout), "");
    std::fs::write(sshd.home.join("go"), "").unwrap();
    assert_eq!(going.ends().await.unwrap().0.outcome, exited(0));
}
