//! Steadyhand on many hosts, beside OpenSSH started in parallel and, where they are installed, pyinfra and Ansible.
//!
//! All hosts are one server on this machine, which has the larger part of the work; the ratios say more than the figures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a program that measures")]

use std::{
    collections::BTreeSet,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use futures::StreamExt;
use steadyhand_api::Update;
use steadyhand_domain::StepState;
use steadyhand_tests::{
    bench::{Fleet, ended, installed, memory_mib, open, run_plan, ssh, start},
    proxy::Proxy,
    sshd::Sshd,
};

/// Hosts on which a step runs at the same time while the memory is looked at.
const LANES: u32 = 1000;
/// Set for the process that has the lanes alone, so that its memory is its own: the port of the server, its key, the
/// line of known hosts, and the file whose lock holds the steps, a line each.
const LANES_VARIABLE: &str = "STEADYHAND_BENCH_LANES";

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Ok(plan) = std::env::var(LANES_VARIABLE) {
        runtime.block_on(hold_lanes(Path::new(&plan)));
        return;
    }
    runtime.block_on(async {
        let sshd = Sshd::with("MaxStartups 2000");
        for trip in [0, 50] {
            let proxy = Proxy::start(sshd.port, Duration::from_millis(trip / 2)).await;
            // Without a delay nothing stands in between.
            let port = if trip == 0 { sshd.port } else { proxy.port };
            for count in [20, 200] {
                one_true(&Fleet { sshd: &sshd, port, count }, trip).await;
            }
        }
        facts(&Fleet { sshd: &sshd, port: sshd.port, count: 200 }).await;
        lanes(&sshd);
    });
}

/// One `true` on each host, from the start to the end of the run, with the connections that are made for it.
async fn one_true(fleet: &Fleet<'_>, trip: u64) {
    let ours = seconds_of(fleet, "steps: [ { run: 'true' } ]").await;
    let started = Instant::now();
    let clients: Vec<_> = (0..fleet.count)
        .map(|_| {
            let mut client = ssh(fleet.sshd, fleet.port);
            client.args(["-o", "KexAlgorithms=curve25519-sha256", "true"]).spawn().unwrap()
        })
        .collect();
    let failed =
        clients.into_iter().filter_map(|mut client| client.wait().ok()).filter(|end| !end.success()).count();
    let theirs = started.elapsed().as_secs_f64();
    println!("One `true` on {} hosts at {trip} ms round trip: {ours:.2} s", fleet.count);
    beside("ssh in parallel", ours, theirs, if failed == 0 { "" } else { "; some of them failed" });
    peers(fleet, ours, &["exec", "--", "true"], &["-m", "raw", "-a", "true"]);
}

/// What the facts cost beyond the run itself: they are gathered in one round trip more.
async fn facts(fleet: &Fleet<'_>) {
    let without = seconds_of(fleet, "steps: [ { run: 'true' } ]").await;
    let ours = seconds_of(fleet, "steps: [ { when: facts.os == 'linux', run: 'true' } ]").await;
    println!(
        "Facts of {} hosts, and one `true`: {ours:.2} s, {:+.2} s against the same without facts",
        fleet.count,
        ours - without
    );
    let names = [
        "server.Kernel",
        "server.LinuxDistribution",
        "server.Hostname",
        "server.Arch",
        "server.Date",
        "hardware.Cpus",
        "hardware.Memory",
        "hardware.BlockDevices",
        "hardware.NetworkDevices",
    ];
    peers(fleet, ours, &[&["fact"], &names[..]].concat(), &["-m", "setup"]);
}

/// Seconds from the start of a run to its end.
async fn seconds_of(fleet: &Fleet<'_>, task: &str) -> f64 {
    let data = tempfile::tempdir().unwrap();
    fleet.sshd.is_known_at(fleet.port, data.path());
    let run = run_plan(data.path(), fleet.plan(data.path(), task)).await.run;
    run.ended_at.unwrap().since(run.created_at) as f64 / 1000.0
}

fn beside(name: &str, ours: f64, theirs: f64, remark: &str) {
    println!("    {name:<16} {theirs:7.2} s  (Steadyhand takes {:.2} times as long{remark})", ours / theirs);
}

/// The same with pyinfra and with Ansible, all hosts at once.
fn peers(fleet: &Fleet<'_>, ours: f64, of_pyinfra: &[&str], of_ansible: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let (all, key, port) = (fleet.count.to_string(), fleet.sshd.key(), fleet.port);
    let key = key.display();
    let inventory = folder.path().join("inventory.py");
    std::fs::write(
        &inventory,
        format!(
            "hosts = [(f'h{{number}}', {{'ssh_hostname': '127.0.0.1', 'ssh_port': {port}, 'ssh_user': 'root', 'ssh_key': '{key}', \
             'ssh_strict_host_key_checking': 'no', 'ssh_known_hosts_file': '/dev/null'}}) for number in range({all})]\n"
        ),
    )
    .unwrap();
    let mut pyinfra = Command::new("pyinfra");
    pyinfra.args(["--parallel", &all]).arg(&inventory).args(of_pyinfra);
    peer("pyinfra", &mut pyinfra, folder.path(), ours);

    let inventory = folder.path().join("inventory.ini");
    let mut file = std::fs::File::create(&inventory).unwrap();
    for number in 0..fleet.count {
        let of_host = "ansible_host=127.0.0.1 ansible_user=root";
        writeln!(file, "h{number} {of_host} ansible_port={port} ansible_ssh_private_key_file={key}").unwrap();
    }
    let mut ansible = Command::new("ansible");
    ansible.args(["all", "-f", &all, "-i"]).arg(&inventory).args(of_ansible);
    // Its shared connections would be kept for the next measurement.
    ansible.env("ANSIBLE_SSH_ARGS", "-o ControlMaster=no").env("ANSIBLE_PIPELINING", "True");
    ansible.env("ANSIBLE_HOST_KEY_CHECKING", "False").env("ANSIBLE_HOME", folder.path());
    peer("ansible", &mut ansible, folder.path(), ours);
}

fn peer(name: &str, command: &mut Command, folder: &Path, ours: f64) {
    if installed(name).is_none() {
        println!("    {name:<16} is not installed");
        return;
    }
    let log = folder.join(format!("{name}.log"));
    let file = std::fs::File::create(&log).unwrap();
    command.current_dir(folder).stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
    let started = Instant::now();
    let end = command.status().unwrap();
    let theirs = started.elapsed().as_secs_f64();
    beside(name, ours, theirs, if end.success() { "" } else { "; it failed" });
    if !end.success() {
        let said = std::fs::read_to_string(&log).unwrap();
        let last: Vec<&str> = said.lines().rev().take(5).collect();
        println!("      {}", last.into_iter().rev().collect::<Vec<_>>().join("\n      "));
    }
}

/// The memory of a process of its own in which a step runs on each of many hosts at the same time.
fn lanes(sshd: &Sshd) {
    let folder = tempfile::tempdir().unwrap();
    let gate = sshd.home().join("gate");
    let task = format!(
        "strategy: {{ parallel: {LANES} }}\nsteps: [ {{ run: 'flock --shared {} true' }} ]",
        gate.display()
    );
    let plan = Fleet { sshd, port: sshd.port, count: LANES }.plan(folder.path(), &task);
    std::fs::write(folder.path().join("plan.yaml"), plan).unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    sshd.is_known_in(&folder.path().join("data"));
    std::fs::write(folder.path().join("gate"), gate.display().to_string()).unwrap();
    let said = Command::new(std::env::current_exe().unwrap())
        .env(LANES_VARIABLE, folder.path())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let figures: Vec<f64> = said.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    let [before, during, most, seconds] = figures[..] else {
        println!("The lanes could not be measured: {said}");
        return;
    };
    println!(
        "{LANES} hosts with a running step each: {during:.0} MiB, {before:.0} MiB before the run, {most:.0} MiB at the most; \
         all of them ran after {seconds:.1} s. Beside it {LANES} clients of ssh: {:.0} MiB",
        f64::from(LANES) * memory_of_ssh(sshd)
    );
}

async fn hold_lanes(folder: &Path) {
    let gate = std::fs::File::create(std::fs::read_to_string(folder.join("gate")).unwrap()).unwrap();
    gate.lock().unwrap();
    let api = open(&folder.join("data")).await;
    let before = memory_mib("VmRSS");
    let mut updates = api.updates();
    let begun = Instant::now();
    start(&api, std::fs::read_to_string(folder.join("plan.yaml")).unwrap()).await;
    let (mut running, mut figures) = (BTreeSet::new(), None);
    while let Some(batch) = updates.next().await {
        for update in &batch {
            if let Update::Run { steps, .. } = update {
                running.extend(
                    steps.iter().filter(|step| step.state == StepState::Running).map(|step| step.index),
                );
            }
        }
        if running.len() == LANES as usize && figures.is_none() {
            figures = Some((memory_mib("VmRSS"), begun.elapsed().as_secs_f64()));
            gate.unlock().unwrap();
        }
        if ended(&batch) {
            break;
        }
    }
    let (during, seconds) = figures.expect("all were running at the same time");
    println!("{before} {during} {} {seconds}", memory_mib("VmHWM"));
    api.shutdown().await;
}

/// What one more client of ssh takes for itself, in MiB.
fn memory_of_ssh(sshd: &Sshd) -> f64 {
    let mut client = ssh(sshd, sshd.port)
        .args(["echo here; cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut here = [0; 4];
    std::io::Read::read_exact(client.stdout.as_mut().unwrap(), &mut here).unwrap();
    let smaps = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", client.id())).unwrap();
    drop(client.stdin.take());
    client.wait().unwrap();
    let own = smaps.lines().filter(|line| line.starts_with("Private_"));
    own.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum::<f64>() / 1024.0
}
