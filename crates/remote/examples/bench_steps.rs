//! Measures steps and logs over a real sshd on loopback, beside OpenSSH's own client.
//!
//! `cargo run --release -p steadyhand-remote --example bench_steps`, with `-- steps` for the steps alone.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use steadyhand_remote::{Host, StepRequest};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[path = "../tests/support/mod.rs"]
mod support;

use support::sshd::Sshd;

const LINES: usize = 2_000_000;

#[tokio::main]
async fn main() {
    let only_steps = std::env::args().any(|argument| argument == "steps");
    let sshd = Sshd::start();
    let host = sshd.host();
    let started = Instant::now();
    host.connect().await.unwrap();
    println!("first connection with its shell: {:.1} ms", ms(started.elapsed()));
    println!("latency through the shell: {:.2} ms", ms(host.latency().await.unwrap()));
    for round in 0..3 {
        for (what, script, pause) in
            [("true", "true", 0), ("echo hi", "echo hi", 0), ("true, 4 ms apart", "true", 4)]
        {
            let mut times = Vec::new();
            for i in 0..110 {
                // What is done between two steps, such as storing the first one's end.
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let started = Instant::now();
                step(&host, &format!("{round}-{}-{i}", what.len()), script).await;
                times.push(ms(started.elapsed()));
            }
            times.sort_by(f64::total_cmp);
            let (mean, half) = (times.iter().sum::<f64>() / times.len() as f64, times.len() / 2);
            println!("step {what:?}: median {:.2} ms, fastest {:.2}, mean {mean:.2}", times[half], times[0]);
        }
        if only_steps {
            continue;
        }
        control_master(&sshd);
        let flood = format!("yes {} | head -n {LINES}", "x".repeat(59));
        let started = Instant::now();
        let size = step(&host, &format!("flood{round}"), &flood).await;
        let ours = started.elapsed();
        let started = Instant::now();
        let theirs = ssh(&sshd, &flood);
        println!(
            "{LINES} lines, {size} bytes: {:.2} s; plain ssh {:.2} s ({theirs} bytes); peak memory {} MiB",
            ours.as_secs_f64(),
            started.elapsed().as_secs_f64(),
            peak() >> 10
        );
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

async fn step(host: &Host, attempt: &str, script: &str) -> usize {
    let (output, mut bytes) = mpsc::channel::<Bytes>(64);
    let request = StepRequest::new(attempt, script);
    let counting = async {
        let mut size = 0;
        while let Some(more) = bytes.recv().await {
            size += more.len();
        }
        size
    };
    let (ended, size) = tokio::join!(host.execute(&request, 0, output, CancellationToken::new()), counting);
    assert!(ended.unwrap().outcome.is_success());
    size
}

/// OpenSSH's client, about to run a command on the server.
fn client(sshd: &Sshd, options: &[&str], command: &str) -> Command {
    let mut client = Command::new("ssh");
    client
        .args(["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "LogLevel=ERROR", "-i"])
        .arg(sshd.home.join("id"))
        .args(["-p", &sshd.port.to_string()])
        .args(options)
        .args(["root@127.0.0.1", command])
        .stdin(Stdio::null());
    client
}

/// How many bytes a command writes through plain `ssh`.
fn ssh(sshd: &Sshd, command: &str) -> u64 {
    let mut child = client(sshd, &[], command).stdout(Stdio::piped()).spawn().unwrap();
    let size = std::io::copy(&mut child.stdout.take().unwrap(), &mut std::io::sink()).unwrap();
    assert!(child.wait().unwrap().success());
    size
}

fn control_master(sshd: &Sshd) {
    let socket = sshd.home.join("master").display().to_string();
    let path = format!("ControlPath={socket}");
    let options = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-o", &path];
    // The master stays behind as a process that holds standard output.
    let quiet = |command: &str| {
        let done =
            client(sshd, &options, command).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(done.success());
    };
    quiet("true");
    let started = Instant::now();
    for _ in 0..50 {
        quiet("true");
    }
    println!("ssh with ControlMaster, \"true\": {:.2} ms each", ms(started.elapsed()) / 50.0);
    let _ = Command::new("ssh")
        .args(["-F", "none", "-o", &path, "-O", "exit", "x"])
        .stderr(Stdio::null())
        .status();
}

/// This process's peak memory in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
