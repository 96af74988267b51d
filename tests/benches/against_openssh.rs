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
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures::StreamExt;
use steadyhand_api::{
    Answer, AnswerQuestion, Api, CreateProject, LogLines, Nothing, OfRun, OpenOptions, RunDetail, Shell,
    StartRun, Update,
};
use steadyhand_domain::RunState;
use steadyhand_tests::{proxy::Proxy, sshd::Sshd};

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
        for trip in [0, 50] {
            let proxy = Proxy::start(sshd.port, Duration::from_millis(trip / 2)).await;
            let port = if trip == 0 { sshd.port } else { proxy.port };
            for count in [20, 200] {
                fan_out(&sshd, port, trip, count).await;
            }
        }
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

/// One `true` on many hosts at the same time, each with a connection of its own that is made first.
async fn fan_out(sshd: &Sshd, port: u16, trip: u64, count: u32) {
    let data = tempfile::tempdir().unwrap();
    // Hosts that are reached in the same way share a connection, so each has a key file of its own.
    let host = |number: u32| {
        let key = data.path().join(format!("key{number}"));
        std::fs::copy(sshd.key(), &key).unwrap();
        format!(
            "  h{number}: {{ address: 127.0.0.1, port: {port}, user: root, identity: {} }}\n",
            key.display()
        )
    };
    let hosts: String = (0..count).map(host).collect();
    let names: Vec<String> = (0..count).map(|number| format!("h{number}")).collect();
    let plan = format!(
        "name: bench\nhosts:\n{hosts}tasks:\n  all:\n    on: [{}]\n    steps: [ {{ run: 'true' }} ]\n",
        names.join(", ")
    );
    sshd.is_known_at(port, data.path());
    let run = run_plan(data.path(), plan).await.run;
    let ours = run.ended_at.unwrap().since(run.created_at) as f64 / 1000.0;
    let started = Instant::now();
    let clients: Vec<_> = (0..count)
        .map(|_| ssh(sshd, port).args(["-o", "KexAlgorithms=curve25519-sha256", "true"]).spawn().unwrap())
        .collect();
    let failed =
        clients.into_iter().filter_map(|mut client| client.wait().ok()).filter(|end| !end.success()).count();
    let theirs = started.elapsed().as_secs_f64();
    println!(
        "One `true` on {count:>3} hosts at {trip:>2} ms round trip: {ours:5.2} s, ssh started in parallel {theirs:5.2} s \
         ({failed} of them failed; ratio {:.2})",
        ours / theirs
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
    println!("{seconds} {}", peak_mib());
}

/// The most memory that this process has held, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
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

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[allow(clippy::disallowed_methods, reason = "a bench compares clocks")]
fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

async fn open(folder: &Path) -> Api {
    let options = OpenOptions { data_dir: Some(folder.to_owned()), shell: Shell::Command };
    Api::open(options).await.unwrap()
}

async fn start(api: &Api, source: String) -> steadyhand_domain::RunId {
    let project =
        api.create_project(CreateProject { name: "bench".into(), source: Some(source) }).await.unwrap();
    api.start_run(StartRun { project_id: project.id, rendered_sha256: None }).await.unwrap().id
}

/// A plan with these steps on one host.
fn one_host(host: &str, steps: &str) -> String {
    format!("name: bench\nhosts:\n  web1: {host}\ntasks:\n  all:\n    on: web1\n    steps:\n{steps}")
}

/// Runs a plan with these steps to its end.
async fn run(host: &str, steps: &str) -> RunDetail {
    let data = tempfile::tempdir().unwrap();
    run_plan(data.path(), one_host(host, steps)).await
}

/// Runs a plan to its end, on the data in a folder.
async fn run_plan(folder: &Path, source: String) -> RunDetail {
    let api = open(folder).await;
    let mut updates = api.updates();
    let run_id = start(&api, source).await;
    while let Some(batch) = updates.next().await {
        answer_questions(&api).await;
        if ended(&batch) {
            break;
        }
    }
    let detail = api.run(OfRun { run_id }).await.unwrap();
    assert_eq!(detail.run.state, RunState::Completed, "{:?}", detail.steps.last());
    api.shutdown().await;
    detail
}

async fn answer_questions(api: &Api) {
    for question in api.questions(Nothing {}).await.unwrap() {
        let _ = api.answer_question(AnswerQuestion { question_id: question.id, answer: Answer::Trust }).await;
    }
}

fn ended(batch: &[Update]) -> bool {
    batch.iter().any(|update| matches!(update, Update::Run { run, .. } if run.state.is_final()))
}

fn ssh(sshd: &Sshd, port: u16) -> Command {
    let mut command = Command::new("ssh");
    command
        .args([
            "-F",
            "none",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ])
        .arg("-i")
        .arg(sshd.key())
        .args(["-p", &port.to_string()]);
    command.arg("root@127.0.0.1").stdin(Stdio::null());
    command
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
        let process = Command::new("ssh")
            .args([
                "-F",
                "none",
                "-N",
                "-M",
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
            ])
            .args(["-o", "LogLevel=ERROR", "-S"])
            .arg(socket.path().join("s"))
            .arg("-i")
            .arg(sshd.key())
            .args(["-p", &port.to_string(), "root@127.0.0.1"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let master = Self { socket, process, port };
        while !master.command("true").stderr(Stdio::null()).status().unwrap().success() {}
        master
    }

    /// A command over the shared connection; it fails when there is none.
    fn command(&self, script: &str) -> Command {
        let mut command = Command::new("ssh");
        command
            .args([
                "-F",
                "none",
                "-o",
                "ControlMaster=no",
                "-o",
                "BatchMode=yes",
                "-o",
                "PasswordAuthentication=no",
                "-S",
            ])
            .arg(self.socket.path().join("s"))
            .args(["-p", &self.port.to_string(), "root@127.0.0.1", script])
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
