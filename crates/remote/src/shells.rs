//! Tests: the shell programs under the shells and tools that servers have.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use steadyhand_domain::StepOutcome;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::lane::Lane;
use crate::pipe::Pipe;
use crate::step::{Step, Went};
use crate::{Ended, StepRequest};

/// A kind of host: its shell, its tools, and whether it has a process file system.
struct Kind<'a> {
    name: &'static str,
    shell: &'a [&'static str],
    only_busybox: bool,
    proc: &'static str,
}

const KINDS: [Kind<'static>; 5] = [
    Kind { name: "dash", shell: &["dash"], only_busybox: false, proc: "/proc" },
    Kind { name: "bash", shell: &["bash", "--posix"], only_busybox: false, proc: "/proc" },
    Kind { name: "ash", shell: &["busybox", "sh"], only_busybox: false, proc: "/proc" },
    Kind { name: "busybox", shell: &["/usr/bin/busybox", "sh"], only_busybox: true, proc: "/proc" },
    Kind { name: "no /proc", shell: &["dash"], only_busybox: false, proc: "/nowhere" },
];

async fn lane(kind: &Kind<'_>, home: &Path) -> Lane {
    let home_variable = format!("HOME={}", home.display());
    let mut path = format!("PATH={}", std::env::var("PATH").unwrap());
    if kind.only_busybox {
        let applets = home.join("applets");
        std::fs::create_dir_all(&applets).unwrap();
        let listed = Command::new("busybox").arg("--list").output().unwrap();
        for name in String::from_utf8(listed.stdout).unwrap().lines() {
            let _ = std::os::unix::fs::symlink("/usr/bin/busybox", applets.join(name));
        }
        path = format!("PATH={}", applets.display());
    }
    let args = [&["-i", home_variable.as_str(), path.as_str()], kind.shell].concat();
    let pipe = Pipe::spawn("/usr/bin/env", &args, Some(home)).unwrap();
    Lane::open_with(pipe, kind.name, Duration::from_secs(10), kind.proc).await.unwrap()
}

async fn go(
    lane: &mut Lane,
    request: &StepRequest,
    from: u64,
    cancel: &CancellationToken,
    stop_at: &str,
) -> (Ended, Vec<u8>) {
    let (output, mut bytes) = mpsc::channel::<Bytes>(64);
    let mut step = Step::new(request, "test", from, output, cancel.clone());
    let running = async {
        let went = step.on(lane).await.unwrap();
        drop(step);
        went
    };
    let collecting = async {
        let mut log = Vec::new();
        while let Some(more) = bytes.recv().await {
            log.extend_from_slice(&more);
            if !stop_at.is_empty() && String::from_utf8_lossy(&log).contains(stop_at) {
                cancel.cancel();
            }
        }
        log
    };
    let both = async { tokio::join!(running, collecting) };
    let (went, log) = tokio::time::timeout(Duration::from_secs(30), both).await.expect("the step should end");
    // As when it is put away: the next step finds a supervisor that was started ahead, where there may be one.
    assert!(lane.quiet());
    match went {
        Went::Ended(ended) => (ended, log),
        Went::LaneGone(how) => panic!("the lane ended: {how}"),
    }
}

async fn run(lane: &mut Lane, attempt: &str, script: &str) -> (Ended, Vec<u8>) {
    go(lane, &StepRequest::new(attempt, script), 0, &CancellationToken::new(), "").await
}

#[tokio::test]
async fn steps_run_the_same_under_all_shells() {
    for kind in &KINDS {
        let home = tempfile::tempdir().unwrap();
        let mut lane = lane(kind, home.path()).await;
        let name = kind.name;
        let (ended, log) = run(&mut lane, "quick", "echo out; echo err >&2; exit 7").await;
        assert_eq!(
            (ended.outcome, log),
            (StepOutcome::Exited { status: 7 }, b"out\nerr\n".to_vec()),
            "{name}"
        );
        let (ended, log) =
            run(&mut lane, "slow", "echo one; sleep 0.3; printf 'two\\0\\377'; sleep 0.3; echo three").await;
        assert_eq!(
            (ended.outcome, log),
            (StepOutcome::Exited { status: 0 }, b"one\ntwo\0\xff\x74hree\n".to_vec()),
            "{name}"
        );
        let (ended, log) = run(&mut lane, "quick", "echo again").await;
        assert_eq!(
            (ended.outcome, log),
            (StepOutcome::Exited { status: 7 }, b"out\nerr\n".to_vec()),
            "{name}"
        );
        let (ended, _) = run(&mut lane, "killed", "kill -9 $$").await;
        assert_eq!(ended.outcome, StepOutcome::Killed { signal: "KILL".into() }, "{name}");
        let long = format!("{}echo end", "# a script that does not fit into a pipe\n".repeat(5000));
        let (ended, log) = run(&mut lane, "long", &long).await;
        assert_eq!((ended.outcome, log), (StepOutcome::Exited { status: 0 }, b"end\n".to_vec()), "{name}");
        let (ended, log) = run(&mut lane, "big", "head -c 9000000 /dev/zero; echo x").await;
        assert_eq!((ended.outcome, log.len()), (StepOutcome::Exited { status: 0 }, 9_000_002), "{name}");
    }
}

#[tokio::test]
async fn a_log_cannot_be_emptied_by_its_own_script_under_all_shells() {
    for kind in &KINDS {
        let home = tempfile::tempdir().unwrap();
        let mut lane = lane(kind, home.path()).await;
        let script = "echo one; echo two >/dev/stderr; echo three | tee /dev/stderr; echo four >/dev/stdout; echo five";
        for attempt in ["first", "second"] {
            let (ended, log) = run(&mut lane, attempt, script).await;
            let expected = "one\ntwo\nthree\nthree\nfour\nfive\n";
            assert_eq!(ended.outcome, StepOutcome::Exited { status: 0 }, "{}", kind.name);
            assert_eq!(String::from_utf8_lossy(&log), expected, "{}", kind.name);
        }
        assert_eq!(writers(home.path(), "second"), 0, "{}", kind.name);
    }
}

#[tokio::test]
async fn a_daemon_goes_on_writing_when_its_step_has_ended_under_all_shells() {
    for kind in &KINDS {
        let home = tempfile::tempdir().unwrap();
        let mut lane = lane(kind, home.path()).await;
        let script =
            "(until [ -e end ]; do echo noise; sleep 0.05; done; echo over >ended) & echo done; exit 3";
        let (ended, log) = run(&mut lane, "daemon", script).await;
        assert_eq!(ended.outcome, StepOutcome::Exited { status: 3 }, "{}", kind.name);
        assert_eq!(ended.log_size, log.len() as u64);
        assert!(String::from_utf8_lossy(&log).contains("done\n"), "{}: {log:?}", kind.name);
        assert!(writers(home.path(), "daemon") > 0, "somebody still takes what the daemon writes");
        std::fs::write(home.path().join("end"), "").unwrap();
        until("the copier ends with the daemon", || {
            home.path().join("ended").exists() && writers(home.path(), "daemon") == 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_command_whose_log_cannot_be_kept_goes_on_and_its_end_says_so() {
    // No file may be larger than 100 blocks here, which a write meets like a full disk.
    let full = "ulimit -f 100; trap '' XFSZ; exec dash";
    let shell = ["dash", "-c", full];
    let kind = Kind { name: "full", shell: &shell, only_busybox: false, proc: "/proc" };
    let home = tempfile::tempdir().unwrap();
    let mut lane = lane(&kind, home.path()).await;
    let script = "head -c 51190 /dev/zero; sleep 0.1; head -c 900000 /dev/zero && echo yes >ran; exit ";
    let (ended, log) = run(&mut lane, "fails", &format!("{script} 4")).await;
    assert_eq!((ended.outcome, ended.log_cut), (StepOutcome::Exited { status: 4 }, true));
    assert_eq!(log.len(), 51_200);
    assert_eq!(std::fs::read_to_string(home.path().join("ran")).unwrap(), "yes\n");
    let (ended, _) = run(&mut lane, "succeeds", &format!("{script} 0")).await;
    let StepOutcome::Lost { reason } = ended.outcome else { panic!("{:?}", ended.outcome) };
    assert!(reason.to_string().contains("cut off"), "{reason}");
    let (again, _) = run(&mut lane, "fails", "").await;
    assert_eq!((again.outcome, again.log_cut), (StepOutcome::Exited { status: 4 }, true));
}

#[tokio::test]
async fn logs_of_all_kinds_arrive_as_they_were_written_under_all_shells() {
    let texts = [
        "line\n".to_owned(),
        "\n\n  a\tb \\c %s ]-~!^ `x` $y \"q\" 'r'\n-n\n".to_owned(),
        "no line end".to_owned(),
        "\r\n".to_owned(),
        "\u{1b}[1mbold\u{1b}[0m\n".to_owned(),
        "h\u{e9}\n".to_owned(),
        "nul\0\n".to_owned(),
        "x".repeat(999) + "\n",
        "x".repeat(1000) + "\n",
    ];
    for kind in &KINDS {
        let home = tempfile::tempdir().unwrap();
        let mut lane = lane(kind, home.path()).await;
        for (i, text) in texts.iter().enumerate() {
            std::fs::write(home.path().join("text"), text).unwrap();
            let (_, log) = run(&mut lane, &format!("t{i}"), "cat text").await;
            assert_eq!(String::from_utf8_lossy(&log), *text, "{}", kind.name);
        }
    }
}

#[tokio::test]
async fn a_supervisor_that_was_started_ahead_is_done_without_when_it_is_dead_under_all_shells() {
    for kind in &KINDS {
        let home = tempfile::tempdir().unwrap();
        let mut lane = lane(kind, home.path()).await;
        run(&mut lane, "first", "true").await;
        if kind.proc == "/proc" {
            until("one waits for the next step", || supervisors(home.path()).len() == 2).await;
        }
        for pid in supervisors(home.path()) {
            let _ = Command::new("kill").args(["-9", &pid]).stderr(std::process::Stdio::null()).status();
        }
        until("it is dead", || supervisors(home.path()).is_empty()).await;
        let (ended, log) = run(&mut lane, "second", "echo second").await;
        assert_eq!((ended.outcome, log), (StepOutcome::Exited { status: 0 }, b"second\n".to_vec()));
        // The one that waits ends with its lane, and has left nothing.
        drop(lane);
        until("none is left", || supervisors(home.path()).is_empty()).await;
        assert_eq!(
            std::fs::read_dir(home.path().join(".local/state/steadyhand")).unwrap().count(),
            4,
            "{}",
            kind.name
        );
    }
}

/// The supervisors of a home, each with the one that copies its log.
fn supervisors(home: &Path) -> Vec<String> {
    let folder = format!("\0{}\0", home.join(".local/state/steadyhand").display());
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter(|process| {
        let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(&folder)
    });
    processes.map(|process| process.file_name().into_string().unwrap()).collect()
}

/// Waits for something that gives no event.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap_or_else(|_| panic!("{what}"));
}

/// How many processes have the log of an attempt open as their standard output.
fn writers(home: &Path, attempt: &str) -> usize {
    let log = home.join(format!(".local/state/steadyhand/{attempt}.log"));
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| std::fs::read_link(process.path().join("fd/1")).is_ok_and(|to| to == log))
        .count()
}

#[tokio::test]
async fn a_stop_ends_everything_under_all_shells() {
    for kind in &KINDS {
        let home = tempfile::tempdir().unwrap();
        let mut lane = lane(kind, home.path()).await;
        // Without a process file system, what leaves both group and parents cannot be found.
        let leave = if kind.proc == "/proc" { "setsid" } else { "" };
        let script = format!(
            "trap '' TERM; {leave} sh -c 'trap \"\" TERM; sleep 71; sleep 71' & sleep 72 & echo ready; sleep 73; sleep 73"
        );
        let request = StepRequest { grace: Duration::from_millis(300), ..StepRequest::new("stop", script) };
        let (ended, _) = go(&mut lane, &request, 0, &CancellationToken::new(), "ready").await;
        assert_eq!((ended.outcome, ended.left_running), (StepOutcome::Stopped, Vec::new()), "{}", kind.name);
        assert_eq!(writers(home.path(), "stop"), 0, "{}", kind.name);
    }
    let left = Command::new("pgrep").args(["-fx", "sleep 7[123]"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}
