//! Steadyhand beside OpenSSH with a shared connection (ControlMaster), on the same machine, in the same run.
//!
//! What is measured is the whole way: steps are recorded in the database, logs are stored and published. Figures are
//! printed and nothing is asserted: they depend on the machine, the ratios less so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program that measures"
)]

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures::StreamExt;
use steadyhand_api::{LogLines, OfRun, RunDetail, Update};
use steadyhand_tests::{
    bench::{answer_questions, ended, median, memory_mib, ms, one_host, open, run_plan, ssh, start},
    proxy::Proxy,
    sshd::Sshd,
};

/// Lines of the flood, of 60 bytes each with their ends.
const FLOOD: u32 = 2_000_000;
/// Set for the process that takes the flood alone, so that its memory is its own.
const FLOOD_VARIABLE: &str = "STEADYHAND_BENCH_FLOOD";

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Ok(host) = std::env::var(FLOOD_VARIABLE) {
        runtime.block_on(take_flood(&host));
        return;
    }
    runtime.block_on(async {
        let sshd = Sshd::start();
        for trip in [0, 50] {
            let proxy = Proxy::start(sshd.port, Duration::from_millis(trip / 2)).await;
            // Without a delay nothing stands in between.
            let port = if trip == 0 { sshd.port } else { proxy.port };
            for count in [50, 110] {
                steps(&sshd, port, trip, count).await;
            }
        }
        flood(&sshd);
        echo(&sshd).await;
    });
}

async fn steps(sshd: &Sshd, port: u16, trip: u64, count: u32) {
    let plan: String =
        (0..count).map(|number| format!("      - {{ name: step {number}, run: 'true' }}\n")).collect();
    let detail = run(&sshd.host_at(port), &plan).await;
    // Both are measured on a connection that is open: ControlMaster's was opened before, this one by the first step.
    let (first, last) = (detail.steps.first().unwrap(), detail.steps.last().unwrap());
    let first_ended = first.ended_at.unwrap();
    let ours = last.ended_at.unwrap().since(first_ended) as f64 / f64::from(count - 1);
    let opening = first_ended.since(first.started_at.unwrap());
    let master = Master::open(sshd, port);
    let started = Instant::now();
    for _ in 0..count {
        assert!(master.command("true").status().unwrap().success());
    }
    let theirs = ms(started.elapsed()) / f64::from(count);
    println!(
        "{count:>3} steps of `true` at {trip:>2} ms round trip: {ours:6.2} ms a step, OpenSSH with ControlMaster {theirs:6.2} ms \
         (ratio {:.2}{}); the first step, with the connection: {opening} ms",
        ours / theirs,
        if trip > 0 { format!(", {:.2} round trips", ours / trip as f64) } else { String::new() },
    );
}

fn flood(sshd: &Sshd) {
    let started = Instant::now();
    let command = flood_command();
    let ssh = ssh(sshd, sshd.port).arg(&command).stdout(Stdio::null()).status().unwrap();
    let theirs = started.elapsed();
    assert!(ssh.success());
    let ours =
        Command::new(std::env::current_exe().unwrap()).env(FLOOD_VARIABLE, sshd.host()).output().unwrap();
    let said = String::from_utf8(ours.stdout).unwrap();
    let mut figures = said.split_whitespace();
    let seconds: f64 = figures.next().unwrap().parse().unwrap();
    let memory = figures.next().unwrap();
    println!(
        "{FLOOD} lines of 60 bytes through to the store: {seconds:.2} s and {memory} MiB at the most, plain ssh {:.2} s (ratio {:.2})",
        theirs.as_secs_f64(),
        seconds / theirs.as_secs_f64()
    );
}

fn flood_command() -> String {
    format!("yes {} | head -n {FLOOD}", "x".repeat(59))
}

async fn take_flood(host: &str) {
    let detail = run(host, &format!("      - {{ name: flood, run: {} }}\n", flood_command())).await;
    let step = &detail.steps[0];
    assert_eq!(step.attempts[0].lines, u64::from(FLOOD));
    let seconds = step.ended_at.unwrap().since(step.started_at.unwrap()) as f64 / 1000.0;
    println!("{seconds} {:.0}", memory_mib("VmHWM"));
}

async fn echo(sshd: &Sshd) {
    let steps = "      - name: clock\n        run: |\n          i=0\n          while [ $i -lt 100 ]; do i=$((i + 1)); \
                 date +%s%N; sleep 0.03; done\n";
    let data = tempfile::tempdir().unwrap();
    let api = open(data.path()).await;
    let mut updates = api.updates();
    let run = start(&api, one_host(&sshd.host(), steps)).await;
    let mut heard: Vec<(u64, f64)> = Vec::new();
    while let Some(batch) = updates.next().await {
        answer_questions(&api).await;
        for update in &batch {
            if let Update::Log { lines: lines @ 1.., .. } = update {
                heard.push((*lines, now_ms()));
            }
        }
        if ended(&batch) {
            break;
        }
    }
    let detail = api.run(OfRun { run_id: run }).await.unwrap();
    let lines = LogLines { step_id: detail.steps[0].id, attempt: 1, from: 1, count: 200 };
    let window = api.log_lines(lines).await.unwrap();
    let echoed = |number: u64| window.lines[number as usize - 1].text.parse::<f64>().unwrap() / 1e6;
    let stored: Vec<f64> = window.lines.iter().map(|line| line.at.0 as f64 - echoed(line.number)).collect();
    let published: Vec<f64> = heard.iter().map(|(lines, at)| at - echoed(*lines)).collect();
    println!(
        "From a line on the server to the store: median {:.1} ms; to a listener: median {:.1} ms",
        median(stored),
        median(published)
    );
    api.shutdown().await;
}

#[allow(clippy::disallowed_methods, reason = "a bench compares clocks")]
fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0
}

/// Runs a plan with these steps to its end.
async fn run(host: &str, steps: &str) -> RunDetail {
    let data = tempfile::tempdir().unwrap();
    run_plan(data.path(), one_host(host, steps)).await
}

/// A shared connection of OpenSSH.
struct Master {
    socket: tempfile::TempDir,
    process: std::process::Child,
    port: u16,
}

impl Master {
    fn open(sshd: &Sshd, port: u16) -> Self {
        let socket = tempfile::tempdir().unwrap();
        let mut command = ssh(sshd, port);
        let process = command.args(["-N", "-M", "-S"]).arg(socket.path().join("s")).spawn().unwrap();
        let master = Self { socket, process, port };
        while !master.command("true").stderr(Stdio::null()).status().unwrap().success() {}
        master
    }

    /// A command over the shared connection; it fails when there is none.
    fn command(&self, script: &str) -> Command {
        let mut command = Command::new("ssh");
        for option in ["ControlMaster=no", "BatchMode=yes", "PasswordAuthentication=no"] {
            command.args(["-o", option]);
        }
        command.args(["-F", "none", "-S"]).arg(self.socket.path().join("s"));
        command.args(["-p", &self.port.to_string(), "root@127.0.0.1", script]).stdin(Stdio::null());
        command
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
