//! Steps on this machine that are stopped, that take too long, or whose processes meet with something.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use steadyhand_domain::{LossReason, StepOutcome};
use steadyhand_remote::StepRequest;
use support::{Going, Home, alive, execute, exited, request, run, until};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_signal_is_told_from_an_exit_status() {
    let home = Home::new();
    let host = home.local();
    let killed = |signal: &str| StepOutcome::Killed { signal: signal.into() };
    assert_eq!(run(&host, "k", "kill -9 $$").await.unwrap().0.outcome, killed("KILL"));
    assert_eq!(run(&host, "t", "kill -TERM $$; sleep 5").await.unwrap().0.outcome, killed("TERM"));
    assert_eq!(run(&host, "s", "exec sh -c 'kill -SEGV $$'").await.unwrap().0.outcome, killed("SEGV"));
    assert_eq!(run(&host, "x", "exit 137").await.unwrap().0.outcome, exited(137));
}

#[tokio::test]
async fn a_script_that_signals_its_own_group_does_not_take_its_supervisor_along() {
    let home = Home::new();
    let (ended, log) =
        run(&home.local(), "g", "trap 'echo bye; exit 9' TERM; kill 0; sleep 1").await.unwrap();
    assert_eq!((ended.outcome, log), (exited(9), b"bye\n".to_vec()));
}

#[tokio::test]
async fn signals_are_not_ignored_by_what_a_step_starts() {
    let home = Home::new();
    let script = r#"grep SigIgn /proc/self/status; sh -c 'trap "echo caught" INT; kill -INT $$'"#;
    let (_, log) = run(&home.local(), "i", script).await.unwrap();
    let log = String::from_utf8(log).unwrap();
    let ignored = u64::from_str_radix(log.split_whitespace().nth(1).unwrap(), 16).unwrap();
    // HUP, INT, QUIT, TERM: bits 0, 1, 2, 14.
    assert_eq!(ignored & 0b100_0000_0000_0111, 0, "{log}");
    assert!(log.ends_with("caught\n"), "{log}");
}

#[tokio::test]
async fn a_killed_supervisor_is_a_lost_step_and_never_success() {
    let home = Home::new();
    let mut going = Going::start(&home.local(), request("lost", "echo up; echo $PPID; sleep 60 & wait"), 0);
    going.sees("up\n").await;
    until("the pid is in the log", || {
        std::fs::read_to_string(home.records().join("lost.log")).unwrap().lines().count() == 2
    })
    .await;
    let parent =
        std::fs::read_to_string(home.records().join("lost.log")).unwrap().lines().nth(1).unwrap().to_owned();
    assert!(std::process::Command::new("kill").args(["-9", &parent]).status().unwrap().success());
    let (ended, _) = going.ends().await.unwrap();
    assert_eq!(ended.outcome, StepOutcome::Lost { reason: LossReason::SupervisorGone });
    assert!(ended.left_running.iter().any(|left| left.ends_with(" sleep")), "{:?}", ended.left_running);
    for left in ended.left_running {
        std::process::Command::new("kill").args(["-9", left.split(' ').next().unwrap()]).status().unwrap();
    }
}

#[tokio::test]
async fn a_reboot_and_a_removed_record_are_told_apart() {
    let home = Home::new();
    run(&home.local(), "old", "echo hello").await.unwrap();
    let path = home.records().join("old.rec");
    let record = std::fs::read_to_string(&path).unwrap();
    let sup = record.lines().find(|line| line.starts_with("sup")).unwrap();
    let mut words: Vec<&str> = sup.split(' ').collect();
    words[3] = "00000000-1111-2222-3333-444444444444";
    std::fs::write(&path, format!("claim\n{}\n", words.join(" "))).unwrap();
    let (ended, log) = run(&home.local(), "old", "echo hello").await.unwrap();
    assert_eq!(ended.outcome, StepOutcome::Lost { reason: LossReason::Rebooted });
    assert_eq!(log, b"hello\n");
    let known = StepRequest { started_before: true, ..request("never", "echo no >ran") };
    let (ended, _) = execute(&home.local(), &known, 0, CancellationToken::new()).await.unwrap();
    assert!(matches!(ended.outcome, StepOutcome::Lost { reason: LossReason::RecordGone { .. } }));
    assert!(!home.join("ran").exists());
}

#[tokio::test]
async fn a_reused_process_number_is_not_taken_for_the_supervisor() {
    let home = Home::new();
    run(&home.local(), "r", "true").await.unwrap();
    let path = home.records().join("r.rec");
    let record = std::fs::read_to_string(&path).unwrap();
    let sup = record.lines().find(|line| line.starts_with("sup")).unwrap();
    let mut words: Vec<String> = sup.split(' ').map(str::to_owned).collect();
    // This test's own process lives, but started at another time.
    words[1] = std::process::id().to_string();
    std::fs::write(&path, format!("claim\n{}\n", words.join(" "))).unwrap();
    let (ended, _) = run(&home.local(), "r", "true").await.unwrap();
    assert_eq!(ended.outcome, StepOutcome::Lost { reason: LossReason::SupervisorGone });
    assert_eq!(ended.left_running, Vec::<String>::new());
}

#[tokio::test]
async fn a_timeout_ends_the_command_and_says_so() {
    let home = Home::new();
    let slow = StepRequest {
        timeout: Some(Duration::from_millis(400)),
        ..request("slow", "echo go; sleep 60; echo no")
    };
    let started = Instant::now();
    let (ended, log) = execute(&home.local(), &slow, 0, CancellationToken::new()).await.unwrap();
    assert_eq!((ended.outcome, ended.left_running), (StepOutcome::TimedOut, Vec::new()));
    assert_eq!(log, b"go\n");
    assert!(started.elapsed() >= Duration::from_millis(400) && started.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_timeout_counts_from_the_start_of_the_command_also_after_attaching() {
    let home = Home::new();
    let slow = StepRequest {
        timeout: Some(Duration::from_secs(3)),
        ..request("slow", "echo up; sleep 1.5; echo later; exec sleep 60")
    };
    let started = Instant::now();
    let mut going = Going::start(&home.local(), slow.clone(), 0);
    going.sees("later").await;
    going.end.abort();
    let (ended, _) = execute(&home.local(), &slow, 9, CancellationToken::new()).await.unwrap();
    assert_eq!(ended.outcome, StepOutcome::TimedOut);
    // The host tells whole seconds.
    let took = started.elapsed();
    assert!(took > Duration::from_millis(2000) && took < Duration::from_millis(4500), "{took:?}");
}

#[tokio::test]
async fn a_stop_ends_what_ignores_term_and_what_left_its_session() {
    let home = Home::new();
    let script = "trap '' TERM
        (trap '' TERM; echo $$; exec sleep 61) &
        setsid sh -c 'echo $$ >>pids; trap \"\" TERM; sleep 62; sleep 62' &
        setsid env -i sh -c 'echo $$ >>pids; sleep 63; sleep 63' &
        echo $$ >>pids
        sleep 64; echo ready; sleep 65; sleep 65";
    let script = script.replace(
        "sleep 64; ",
        "until [ \"$(wc -l <pids)\" -ge 3 ]; do [ -d ~ ] || exit 1; sleep 0.02; done; ",
    );
    let mut going = Going::start(&home.local(), request("stop", &script), 0);
    going.sees("ready").await;
    let processes = home.local().processes("stop").await.unwrap();
    assert!(processes.len() >= 6, "{processes:?}");
    going.cancel.cancel();
    let (ended, _) = going.ends().await.unwrap();
    assert_eq!((ended.outcome, ended.left_running), (StepOutcome::Stopped, Vec::new()));
    for pid in home.read("pids").lines() {
        assert!(!alive(pid), "{pid} lives");
    }
    for process in processes {
        assert!(!alive(process.split(' ').next().unwrap()), "{process} lives");
    }
    assert_eq!(home.local().processes("stop").await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_command_that_cleans_up_on_term_has_the_grace_period_for_it() {
    let home = Home::new();
    let script = "trap 'echo cleaning; sleep 0.3; echo clean; exit 0' TERM; echo ready; while :; do [ -d ~ ] || exit 1; sleep 0.05; done";
    let request = StepRequest { grace: Duration::from_secs(10), ..request("clean", script) };
    let mut going = Going::start(&home.local(), request, 0);
    going.sees("ready").await;
    let asked = Instant::now();
    going.cancel.cancel();
    let (ended, log) = going.ends().await.unwrap();
    assert_eq!(ended.outcome, StepOutcome::Stopped);
    let log = String::from_utf8(log).unwrap();
    assert!(log.contains("cleaning\n") && log.ends_with("clean\n"), "{log:?}");
    assert!(asked.elapsed() < Duration::from_secs(9), "the grace period is not waited out");
}

#[tokio::test]
async fn a_stop_before_the_start_makes_sure_that_it_never_starts() {
    let home = Home::new();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let request = request("early", "echo no >ran");
    let (ended, _) = execute(&home.local(), &request, 0, cancel).await.unwrap();
    assert_eq!((ended.outcome, ended.log_size), (StepOutcome::Stopped, 0));
    let (ended, _) = execute(&home.local(), &request, 0, CancellationToken::new()).await.unwrap();
    assert_eq!(ended.outcome, StepOutcome::Stopped);
    assert!(!home.join("ran").exists());
}

#[tokio::test]
async fn a_stop_of_another_process_is_seen_by_the_one_that_follows() {
    let home = Home::new();
    let mut going = Going::start(&home.local(), request("two", "echo up; exec sleep 60"), 0);
    going.sees("up").await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let (ended, _) = execute(&home.local(), &request("two", ""), 0, cancel).await.unwrap();
    assert_eq!(ended.outcome, StepOutcome::Stopped);
    assert_eq!(going.ends().await.unwrap().0.outcome, StepOutcome::Stopped);
}

#[tokio::test]
async fn a_stop_that_comes_too_late_changes_nothing() {
    let home = Home::new();
    run(&home.local(), "late", "exit 5").await.unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let (ended, _) = execute(&home.local(), &request("late", ""), 0, cancel).await.unwrap();
    assert_eq!(ended.outcome, exited(5));
}

#[tokio::test]
async fn a_daemon_that_is_left_behind_does_not_hold_the_step() {
    let home = Home::new();
    let started = Instant::now();
    let script = "setsid sh -c 'echo $$ >daemon; while :; do echo noise; sleep 0.01; done' & until [ -s daemon ]; do sleep 0.01; done; echo done";
    let host = home.local();
    let (ended, _) = run(&host, "daemon", script).await.unwrap();
    assert_eq!(ended.outcome, exited(0));
    assert!(started.elapsed() < Duration::from_secs(30));
    // It goes on, and its noise is in no other step's log.
    for i in 0..5 {
        let (ended, log) = run(&host, &format!("next{i}"), "sleep 0.06; echo clean").await.unwrap();
        assert_eq!((ended.outcome, String::from_utf8_lossy(&log)), (exited(0), "clean\n".into()));
    }
    let pid = home.read("daemon");
    assert!(alive(&pid));
    std::process::Command::new("kill").args(["-9", pid.trim()]).status().unwrap();
}

#[tokio::test]
async fn a_step_whose_log_was_cut_off_is_no_success() {
    for (attempt, both, left) in [
        ("cat", false, ""),
        ("both", true, ""),
        // Whoever still holds the pipe does not make it whole.
        ("cat-left", false, "until [ -e over ]; do [ -d ~ ] || exit 1; sleep 0.02; done &"),
    ] {
        let home = Home::new();
        let script =
            "echo up; until [ -e go ]; do [ -d ~ ] || exit 1; sleep 0.02; done; echo more; echo yes >ran\n";
        let mut going = Going::start(&home.local(), request(attempt, &format!("{script}{left}")), 0);
        going.sees("up").await;
        let record = std::fs::read_to_string(home.records().join(format!("{attempt}.rec"))).unwrap();
        let sup = record.lines().find(|line| line.starts_with("sup")).unwrap();
        let copier = sup.split(' ').nth(5).unwrap();
        let children = std::process::Command::new("pgrep").args(["-P", copier]).output().unwrap();
        let child = String::from_utf8(children.stdout).unwrap();
        let mut kill = std::process::Command::new("kill");
        kill.arg("-9").args(both.then_some(copier)).arg(child.trim());
        assert!(kill.status().unwrap().success());
        until("it is dead", || !alive(&child)).await;
        std::fs::write(home.join("go"), "").unwrap();
        let (ended, log) = going.ends().await.unwrap();
        assert_eq!((ended.outcome.is_success(), ended.log_cut), (false, true), "{:?}", ended.outcome);
        assert_eq!(log, b"up\n");
        // What takes the rest of its output keeps the command from harm, unless that is gone, too.
        assert_eq!(home.join("ran").exists(), !both);
        std::fs::write(home.join("over"), "").unwrap();
    }
}
