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
use crate::shell::Places;
use crate::step::{Step, Went};
use crate::{Ended, StepRequest};

/// A kind of host: the shell that everything runs in there, its tools, and whether it has a process file system.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    shell: &'static str,
    /// What the lane's own shell is given first.
    before: &'static str,
    only_busybox: bool,
    proc: &'static str,
}

const DASH: Kind = Kind { name: "dash", shell: "dash", before: "", only_busybox: false, proc: "/proc" };
const BASH: Kind = Kind { name: "bash", shell: "bash --posix", ..DASH };
const BUSYBOX: Kind = Kind { name: "busybox", shell: "/usr/bin/busybox sh", only_busybox: true, ..DASH };

const KINDS: [Kind; 7] = [
    DASH,
    BASH,
    // Here-documents of older ones are files.
    Kind { name: "bash 5.0", before: "export BASH_COMPAT=50", ..BASH },
    Kind { name: "ash", shell: "busybox sh", ..DASH },
    BUSYBOX,
    Kind { name: "no /proc", proc: "/nowhere", ..DASH },
    // Its `ps` cannot tell when a process started.
    Kind { name: "busybox, no /proc", proc: "/nowhere", ..BUSYBOX },
];

/// No file may be larger than 100 blocks here, which a write meets like a full disk.
const FULL: Kind = Kind { name: "full", before: "ulimit -f 100; trap '' XFSZ", ..DASH };

impl Kind {
    /// Whether a supervisor is started ahead here.
    fn starts_ahead(&self) -> bool {
        self.proc == "/proc" && !self.before.contains("BASH_COMPAT")
    }

    /// How the end of a command by KILL reads: bash says nothing of signals.
    fn killed(&self) -> StepOutcome {
        if self.shell.starts_with("bash") {
            StepOutcome::Exited { status: 137 }
        } else {
            StepOutcome::Killed { signal: "KILL".into() }
        }
    }
}

async fn lane(kind: &Kind, home: &Path) -> Lane {
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
    let start = format!("{}\nexec {}", kind.before, kind.shell);
    let args = ["-i", home_variable.as_str(), path.as_str(), "/bin/dash", "-c", start.as_str()];
    let pipe = Pipe::spawn("/usr/bin/env", &args, Some(home)).unwrap();
    let places = Places { proc: kind.proc, shell: kind.shell };
    Lane::open_with(pipe, kind.name, Duration::from_secs(10), places).await.unwrap()
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
        assert_eq!(ended.outcome, kind.killed(), "{name}");
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
    let kind = FULL;
    let home = tempfile::tempdir().unwrap();
    let mut lane = lane(&kind, home.path()).await;
    let script = "head -c 51190 /dev/zero; sleep 0.1; head -c 900000 /dev/zero && echo yes >ran;";
    let (ended, log) = run(&mut lane, "fails", &format!("{script} exit 4")).await;
    assert_eq!((ended.outcome, ended.log_cut), (StepOutcome::Exited { status: 4 }, true));
    assert_eq!(log.len(), 51_200);
    assert_eq!(std::fs::read_to_string(home.path().join("ran")).unwrap(), "yes\n");
    // Whoever still holds the pipe does not make it whole.
    for (attempt, left) in
        [("succeeds", ""), ("leaves", "until [ -e over ]; do [ -d ~ ] || exit 1; sleep 0.1; done & ")]
    {
        let (ended, _) = run(&mut lane, attempt, &format!("{script} {left} exit 0")).await;
        let StepOutcome::Lost { reason } = ended.outcome else { panic!("{attempt}: {:?}", ended.outcome) };
        assert!(reason.to_string().contains("cut off"), "{reason}");
        assert_eq!(writers(home.path(), attempt), 0);
    }
    std::fs::write(home.path().join("over"), "").unwrap();
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
        if kind.starts_ahead() {
            until("one waits for the next step", || supervisors(home.path()).len() == 2).await;
        }
        let killed = supervisors(home.path());
        for pid in &killed {
            let _ = Command::new("kill").args(["-9", pid]).stderr(std::process::Stdio::null()).status();
        }
        // Its command line goes before its pipes are closed.
        until("it is dead", || killed.iter().all(|pid| is_dead(pid))).await;
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

#[tokio::test]
async fn a_script_that_did_not_arrive_has_not_succeeded() {
    for (i, came) in ["", "{ exec 3<&-;eval 'echo yes >ran"].into_iter().enumerate() {
        let home = tempfile::tempdir().unwrap();
        let mut lane = lane(&DASH, home.path()).await;
        run(&mut lane, "first", "true").await;
        until("one waits for the next step", || supervisors(home.path()).len() == 2).await;
        // What this lane does when it runs a step, and it dies at it.
        let links = |fd: u8| {
            let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|process| process.path());
            processes.filter_map(move |process| {
                let link = std::fs::read_link(process.join(format!("fd/{fd}"))).ok()?;
                Some((process.file_name()?.to_str()?.to_owned(), link))
            })
        };
        let waiting = supervisors(home.path());
        let inputs: Vec<_> = links(0).filter(|(pid, _)| waiting.contains(pid)).collect();
        let (pid, _) = links(9).find(|(_, link)| inputs.iter().any(|(_, input)| input == link)).unwrap();
        let mut to = std::fs::OpenOptions::new().write(true).open(format!("/proc/{pid}/fd/9")).unwrap();
        let attempt = format!("cut{i}");
        std::fs::write(home.path().join(format!(".local/state/steadyhand/{attempt}.rec")), "claim\n")
            .unwrap();
        std::io::Write::write_all(&mut to, format!("{attempt}\n{came}").as_bytes()).unwrap();
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        drop(to);
        let mut lane = self::lane(&DASH, home.path()).await;
        let (ended, log) = run(&mut lane, &attempt, "echo yes >ran").await;
        let said = String::from_utf8_lossy(&log);
        assert_eq!(ended.outcome, StepOutcome::Exited { status: 2 }, "{said}");
        assert!(said.contains(if came.is_empty() { "did not arrive" } else { "yntax error" }), "{said}");
        assert!(!home.path().join("ran").exists());
    }
}

#[tokio::test]
async fn a_question_ends_with_its_lane_under_all_shells() {
    for kind in &KINDS {
        let home = tempfile::tempdir().unwrap();
        // Without a process file system, what leaves its group cannot be found.
        let leave = if kind.proc == "/proc" { "setsid" } else { "" };
        let script = format!(
            "echo $$ >>pids; {leave} sh -c 'echo $$ >>pids; sleep 300' & sleep 300 & echo $! >>pids; wait"
        );
        let ask = |script: &str| {
            let code = crate::shell::whole(&format!("eval {}", crate::shell::quote(script)));
            format!("ask 1 question {}", crate::shell::quote(&code))
        };
        let lane = lane(kind, home.path()).await;
        assert!(lane.call(ask("echo yes >answered")));
        until("nothing is left of a question", || {
            home.path().join("answered").exists() && supervisors(home.path()).is_empty()
        })
        .await;
        assert!(lane.call(ask(&script)));
        let pids = || std::fs::read_to_string(home.path().join("pids")).unwrap_or_default();
        until("it runs", || pids().lines().count() == 3).await;
        let there = |pid: &str| Path::new("/proc").join(pid).join("exe").exists();
        assert!(pids().lines().all(there), "{}", kind.name);
        drop(lane);
        until(&format!("all of it is gone: {}", kind.name), || {
            !pids().lines().any(there) && supervisors(home.path()).is_empty()
        })
        .await;
    }
}

#[tokio::test]
async fn a_command_whose_log_can_have_no_pipe_is_not_run() {
    let before = "mkdir bin; echo exit 1 >bin/mkfifo; chmod +x bin/mkfifo; PATH=$PWD/bin:$PATH";
    let kind = Kind { name: "no pipe", before, proc: "/nowhere", ..DASH };
    let home = tempfile::tempdir().unwrap();
    let mut lane = lane(&kind, home.path()).await;
    let (output, _log) = mpsc::channel::<Bytes>(64);
    let request = StepRequest::new("a", "echo yes >ran");
    let mut step = Step::new(&request, "test", 0, output, CancellationToken::new());
    let error = step.on(&mut lane).await.err().expect("it cannot run").to_string();
    assert!(error.contains("its pipe cannot be made"), "{error}");
    assert!(!home.path().join("ran").exists());
}

#[tokio::test]
async fn a_status_that_cannot_be_written_is_kept_also_when_the_lane_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let lane = lane(&FULL, home.path()).await;
    let code = crate::shell::whole("until [ -e go ]; do [ -d ~ ] || exit 1; sleep 0.02; done; exit 6");
    assert!(lane.call(format!("run 1 a {}", crate::shell::quote(&code))));
    let path = home.path().join(".local/state/steadyhand/a.rec");
    let record = || std::fs::read_to_string(&path).unwrap_or_default();
    until("it runs", || record().contains("sup ")).await;
    let (before, full) = (record(), "follow\n".repeat(7_500));
    let supervisor = before.lines().find(|line| line.starts_with("sup ")).unwrap().split(' ').nth(1).unwrap();
    std::fs::write(&path, format!("{before}{full}")).unwrap();
    drop(lane);
    std::fs::write(home.path().join("go"), "").unwrap();
    until("it waits for room", || {
        Command::new("pgrep").args(["-P", supervisor, "-fx", "sleep 5"]).output().unwrap().status.success()
    })
    .await;
    std::fs::write(&path, &before).unwrap();
    until("the status is written", || record().contains("\nrc 6 ")).await;
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

/// Whether a process has ended: then it is gone, or a zombie.
fn is_dead(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.trim_start().starts_with(['Z', 'X']))
}

/// Waits for something that gives no event here: what processes on a host do to each other and to files.
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
            "trap '' TERM; ({leave} sh -c 'trap \"\" TERM; sleep 71; sleep 71' &); sleep 72 & echo ready; sleep 73; sleep 73"
        );
        let request = StepRequest { grace: Duration::from_millis(300), ..StepRequest::new("stop", script) };
        let (ended, _) = go(&mut lane, &request, 0, &CancellationToken::new(), "ready").await;
        assert_eq!((ended.outcome, ended.left_running), (StepOutcome::Stopped, Vec::new()), "{}", kind.name);
        assert_eq!(writers(home.path(), "stop"), 0, "{}", kind.name);
    }
    let left = Command::new("pgrep").args(["-fx", "sleep 7[123]"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}
