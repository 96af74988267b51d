//! What a large plan costs before anything is run: reading and checking it, its order, and the steps of a run. Beside it,
//! where it is installed, Ansible listing as many tasks.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that measures")]

use std::{
    collections::BTreeMap,
    fmt::Write,
    hint::black_box,
    process::{Command, Stdio},
    time::Instant,
};

use steadyhand_plan::{Inputs, check, compile};
use steadyhand_tests::bench::{installed, median, ms};

const TASKS: u32 = 1000;
/// Each figure is the median of so many.
const TIMES: usize = 21;

fn main() {
    let source = plan();
    let checked = check(&source).plan.unwrap();
    let inputs = Inputs { env: BTreeMap::new(), vars: BTreeMap::new() };
    let compiled = compile(&checked, &inputs).unwrap();
    assert_eq!(compiled.steps.len(), TASKS as usize);
    let read = time(|| check(&source).plan.unwrap());
    let made = time(|| compile(&checked, &inputs).unwrap());
    let order = time(|| checked.order());
    println!(
        "A plan of {TASKS} tasks with {} needs ({} KiB): read and checked in {read:.2} ms, put in order in {order:.2} ms, its \
         steps compiled in {made:.2} ms",
        source.matches("t_").count() - TASKS as usize,
        source.len() / 1024
    );
    beside_ansible(read + made);
}

/// Milliseconds, the median of several times.
fn time<T>(mut work: impl FnMut() -> T) -> f64 {
    let times = (0..TIMES).map(|_| {
        let started = Instant::now();
        black_box(work());
        ms(started.elapsed())
    });
    median(times.collect())
}

/// Tasks of which each needs up to three of those before it, always the same ones.
fn plan() -> String {
    let mut source =
        "name: bench\nvars: { word: hello }\nhosts:\n  web1: root@127.0.0.1\ntasks:\n".to_owned();
    let mut random = 1_u32;
    for number in 0..TASKS {
        let mut needs = Vec::new();
        for _ in 0..3.min(number) {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            needs.push(format!("t_{}", (random >> 8) % number));
        }
        needs.sort();
        needs.dedup();
        let needs = needs.join(", ");
        writeln!(
            source,
            "  t_{number}:\n    on: web1\n    needs: [{needs}]\n    steps:\n      - name: Say {number}"
        )
        .unwrap();
        writeln!(source, "        run: echo ${{{{ vars.word }}}} {number}").unwrap();
    }
    source
}

fn beside_ansible(ours: f64) {
    if installed("ansible-playbook").is_none() {
        println!("    ansible-playbook is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut source = "- hosts: localhost\n  vars: { word: hello }\n  tasks:\n".to_owned();
    for number in 0..TASKS {
        writeln!(source, "    - name: Say {number}\n      shell: echo {{{{ word }}}} {number}").unwrap();
    }
    std::fs::write(folder.path().join("playbook.yaml"), source).unwrap();
    let started = Instant::now();
    let end = Command::new("ansible-playbook")
        .args(["-i", "localhost,", "--list-tasks", "playbook.yaml"])
        .current_dir(folder.path())
        .env("ANSIBLE_HOME", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(end.success());
    let theirs = ms(started.elapsed());
    println!(
        "    ansible-playbook --list-tasks of as many tasks: {theirs:.0} ms ({:.0} times as long)",
        theirs / ours
    );
}
