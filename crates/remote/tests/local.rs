//! Steps on this machine: what every host must do with a step.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use secrecy::SecretString;
use steadyhand_domain::{LossReason, StepOutcome};
use steadyhand_remote::StepRequest;
use support::{Going, Home, alive, execute, exited, request, run, until};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_step_ends_with_its_status_and_its_log() {
    let home = Home::new();
    let host = home.local();
    let (ended, log) = run(&host, "a", "echo out; echo err >&2; exit 7").await.unwrap();
    assert_eq!(ended.outcome, exited(7));
    assert_eq!(log, b"out\nerr\n");
    assert_eq!(ended.log_size, 8);
    let (ended, log) = run(&host, "b", "true").await.unwrap();
    assert_eq!((ended.outcome, log), (exited(0), Vec::new()));
}

#[tokio::test]
async fn an_attempt_that_is_started_twenty_times_runs_once() {
    let home = Home::new();
    let host = home.local();
    let requests: Vec<StepRequest> =
        (0..20).map(|_| request("once", "echo started >>count; sleep 0.3; echo done")).collect();
    let all = requests.iter().map(|request| execute(&host, request, 0, CancellationToken::new()));
    for outcome in futures::future::join_all(all).await {
        let (ended, log) = outcome.unwrap();
        assert_eq!(ended.outcome, exited(0));
        assert_eq!(log, b"done\n");
    }
    assert_eq!(home.read("count"), "started\n");
}

#[tokio::test]
async fn every_byte_of_the_log_arrives_as_it_was_written() {
    let home = Home::new();
    let bytes: Vec<u8> = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(home.join("blob"), &bytes).unwrap();
    let (ended, log) = run(&home.local(), "blob", "cat blob").await.unwrap();
    assert_eq!(ended.log_size, 3_000_000);
    assert!(log == bytes);
}

#[tokio::test]
async fn a_short_binary_log_arrives_as_it_was_written() {
    let home = Home::new();
    let (_, log) = run(&home.local(), "b", r"printf '\000\377\n\n\001go'; exit 0").await.unwrap();
    assert_eq!(log, b"\0\xff\n\n\x01go");
}

#[tokio::test]
async fn output_is_seen_before_the_command_ends() {
    let home = Home::new();
    let mut going = Going::start(
        &home.local(),
        request("live", "echo first; until [ -e go ]; do sleep 0.02; done; echo last"),
        0,
    );
    going.sees("first").await;
    std::fs::write(home.join("go"), "").unwrap();
    let (ended, log) = going.ends().await.unwrap();
    assert_eq!((ended.outcome, log), (exited(0), b"first\nlast\n".to_vec()));
}

#[tokio::test]
async fn a_new_process_attaches_to_a_step_and_reads_on_where_the_old_one_stopped() {
    let home = Home::new();
    let script = "echo $$ >>pids; echo one; until [ -e go ]; do sleep 0.02; done; echo two; exit 3";
    let mut going = Going::start(&home.local(), request("k", script), 0);
    going.sees("one").await;
    going.end.abort();
    std::fs::write(home.join("go"), "").unwrap();
    let (ended, log) =
        execute(&home.local(), &request("k", script), 4, CancellationToken::new()).await.unwrap();
    assert_eq!((ended.outcome, log), (exited(3), b"two\n".to_vec()));
    assert_eq!(home.read("pids").lines().count(), 1);
}

#[tokio::test]
async fn an_ended_attempt_tells_its_end_again() {
    let home = Home::new();
    run(&home.local(), "e", "echo text; exit 4").await.unwrap();
    let (ended, log) = run(&home.local(), "e", "echo text; exit 4").await.unwrap();
    assert_eq!((ended.outcome, ended.log_size, log), (exited(4), 5, b"text\n".to_vec()));
    let (ended, log) = execute(&home.local(), &request("e", ""), 5, CancellationToken::new()).await.unwrap();
    assert_eq!((ended.outcome, log), (exited(4), Vec::new()));
}

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
    let slow =
        StepRequest { timeout: Some(Duration::from_secs(3)), ..request("slow", "echo up; exec sleep 60") };
    let started = Instant::now();
    let mut going = Going::start(&home.local(), slow.clone(), 0);
    going.sees("up").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    going.end.abort();
    let (ended, _) = execute(&home.local(), &slow, 3, CancellationToken::new()).await.unwrap();
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
    let script = script.replace("sleep 64; ", "until [ \"$(wc -l <pids)\" -ge 3 ]; do sleep 0.02; done; ");
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
    let script =
        "trap 'echo cleaning; sleep 0.3; echo clean; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
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
async fn standard_input_is_empty_and_there_is_no_terminal() {
    let home = Home::new();
    let (ended, log) = run(
        &home.local(),
        "in",
        "cat; read x || echo empty; (: </dev/tty) 2>/dev/null || echo notty
        for fd in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$fd ] && echo $fd; done; echo end",
    )
    .await
    .unwrap();
    assert_eq!(ended.outcome, exited(0));
    // Nothing of the supervisor's is open either.
    assert_eq!(String::from_utf8(log).unwrap(), "empty\nnotty\nend\n");
}

#[tokio::test]
async fn the_folder_the_variables_and_the_umask_are_the_commands_own() {
    let home = Home::new();
    std::fs::create_dir(home.join("it's here")).unwrap();
    let mut request = request("env", "pwd; printf '%s|' \"$A\" \"$B\"; umask; echo $0");
    request.cwd = Some("~/it's here".into());
    request.env = vec![
        ("A".into(), SecretString::from("x'y \"z\" $HOME")),
        ("B".into(), SecretString::from("two\nlines")),
    ];
    let (ended, log) = execute(&home.local(), &request, 0, CancellationToken::new()).await.unwrap();
    assert_eq!(ended.outcome, exited(0));
    let own =
        String::from_utf8(std::process::Command::new("sh").args(["-c", "umask"]).output().unwrap().stdout)
            .unwrap();
    let expected = format!("{}\nx'y \"z\" $HOME|two\nlines|{own}sh\n", home.join("it's here").display());
    assert_eq!(String::from_utf8(log).unwrap(), expected);
    request.attempt = "nowhere".into();
    request.cwd = Some("/no/such/folder".into());
    let (ended, log) = execute(&home.local(), &request, 0, CancellationToken::new()).await.unwrap();
    assert_ne!(ended.outcome, exited(0));
    assert!(String::from_utf8(log).unwrap().contains("/no/such/folder"));
}

#[tokio::test]
async fn a_login_shell_reads_the_profile_and_runs_the_script() {
    let home = Home::new();
    std::fs::write(home.join(".profile"), "export FROM_PROFILE=yes\n").unwrap();
    std::fs::write(home.join(".bash_profile"), "export FROM_PROFILE=yes\n").unwrap();
    let mut request = request("login", "echo \"$FROM_PROFILE\"; cat; exit 6");
    let (_, log) = execute(&home.local(), &request, 0, CancellationToken::new()).await.unwrap();
    assert_eq!(log, b"\n");
    request.login_shell = true;
    request.attempt = "login2".into();
    let (ended, log) = execute(&home.local(), &request, 0, CancellationToken::new()).await.unwrap();
    assert_eq!((ended.outcome, String::from_utf8(log).unwrap()), (exited(6), "yes\n".into()));
}

#[tokio::test]
async fn a_long_script_runs_whole_or_not_at_all() {
    let home = Home::new();
    let filler = "x".repeat(90);
    let mut script: String = (0..20_000).map(|i| format!("# {i} {filler}\n")).collect();
    script.push_str("echo $$; echo 'end'");
    let (ended, log) = run(&home.local(), "long", &script).await.unwrap();
    assert_eq!(ended.outcome, exited(0));
    assert!(String::from_utf8(log).unwrap().ends_with("end\n"));
}

#[tokio::test]
async fn secrets_are_in_no_process_list_and_in_no_file() {
    let home = Home::new();
    let secret = "hunter2-not-to-be-seen";
    let mut request =
        request("secret", &format!(": {secret}-script; echo up; until [ -e go ]; do sleep 0.02; done"));
    request.env = vec![("TOKEN".into(), SecretString::from(format!("{secret}-env")))];
    let mut going = Going::start(&home.local(), request, 0);
    going.sees("up").await;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&command).contains(secret), "{:?}", entry.path());
    }
    let files = std::process::Command::new("grep").args(["-rl", secret]).arg(home.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&files.stdout), "");
    std::fs::write(home.join("go"), "").unwrap();
    let (ended, log) = going.ends().await.unwrap();
    assert_eq!((ended.outcome, log), (exited(0), b"up\n".to_vec()));
}

#[tokio::test]
async fn a_slow_reader_slows_the_log_down_and_nothing_else() {
    let home = Home::new();
    let host = home.local();
    let (output, mut bytes) = mpsc::channel::<Bytes>(1);
    let request = request("flood", "head -c 60000000 /dev/zero; echo done >flooded");
    let (reader_host, cancel) = (host.clone(), CancellationToken::new());
    let going = tokio::spawn(async move { reader_host.execute(&request, 0, output, cancel).await });
    until("the command ends", || home.join("flooded").exists()).await;
    // Nobody has read a byte yet; other steps run meanwhile.
    assert_eq!(run(&host, "other", "echo fine").await.unwrap().1, b"fine\n");
    let mut size = 0;
    while let Some(more) = bytes.recv().await {
        assert!(more.iter().all(|&b| b == 0));
        size += more.len();
    }
    assert_eq!(size, 60_000_000);
    assert_eq!(going.await.unwrap().unwrap().outcome, exited(0));
}

#[tokio::test]
async fn a_receiver_that_goes_away_does_not_end_the_step() {
    let home = Home::new();
    let host = home.local();
    let (output, bytes) = mpsc::channel::<Bytes>(1);
    drop(bytes);
    let request = request("unheard", "seq 1 100000; sleep 0.1; echo yes >ran");
    let ended = host.execute(&request, 0, output, CancellationToken::new()).await.unwrap();
    assert_eq!(ended.outcome, exited(0));
    assert_eq!(home.read("ran"), "yes\n");
}

#[tokio::test]
async fn a_step_whose_log_was_cut_off_is_no_success() {
    for (attempt, both) in [("cat", false), ("both", true)] {
        let home = Home::new();
        let script = "echo up; until [ -e go ]; do sleep 0.02; done; echo more; echo yes >ran";
        let mut going = Going::start(&home.local(), request(attempt, script), 0);
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
    }
}

#[tokio::test]
async fn a_lane_that_is_killed_is_replaced_and_the_step_goes_on() {
    let home = Home::new();
    let host = home.local();
    let script = "echo one; until [ -e go ]; do sleep 0.02; done; echo two";
    let mut going = Going::start(&host, request("lane", script), 0);
    going.sees("one").await;
    // The lane is this process's child; the step is not.
    let children = std::process::Command::new("ps")
        .args(["-o", "pid=,args=", "--ppid", &std::process::id().to_string()])
        .output()
        .unwrap();
    let home_path = home.path().display().to_string();
    let lane = String::from_utf8(children.stdout).unwrap();
    let lane = lane.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).find(|pid| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environ).contains(&format!("HOME={home_path}\0"))
    });
    std::process::Command::new("kill").args(["-9", &lane.unwrap()]).status().unwrap();
    std::fs::write(home.join("go"), "").unwrap();
    let (ended, log) = going.ends().await.unwrap();
    assert_eq!((ended.outcome, log), (exited(0), b"one\ntwo\n".to_vec()));
}

#[tokio::test]
async fn thirty_steps_run_at_once_on_one_host() {
    let home = Home::new();
    let host = home.local();
    let names: Vec<String> = (0..30).map(|i| format!("p{i}")).collect();
    let all = names.iter().map(|name| run(&host, name, "echo ${STEADYHAND_ATTEMPT#$HOME}"));
    for (name, outcome) in names.iter().zip(futures::future::join_all(all).await) {
        assert_eq!(
            String::from_utf8(outcome.unwrap().1).unwrap(),
            format!("/.local/state/steadyhand/{name}/\n")
        );
    }
}

#[tokio::test]
async fn a_home_that_cannot_hold_records_is_a_clear_error() {
    let home = Home::new();
    // A file where the folder must be: it cannot be made, whoever asks.
    std::fs::write(home.join(".local"), "").unwrap();
    let error = run(&home.local(), "ro", "echo no >ran").await.unwrap_err().to_string();
    assert!(
        error.contains("local") && error.contains("Not a directory") && error.contains("writable"),
        "{error}"
    );
    assert!(!home.join("ran").exists());
}

#[tokio::test]
async fn a_record_folder_of_somebody_else_is_refused() {
    let home = Home::new();
    std::fs::create_dir_all(home.records()).unwrap();
    let done = std::process::Command::new("chown").arg("12345").arg(home.records()).status().unwrap();
    assert!(done.success(), "this test needs root, as the tests against sshd do");
    let error = run(&home.local(), "own", "true").await.unwrap_err().to_string();
    assert!(error.contains("belongs to somebody else"), "{error}");
}

#[tokio::test]
async fn records_are_private_and_can_be_forgotten_once_the_step_has_ended() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let host = home.local();
    run(&host, "f1", "echo x").await.unwrap();
    assert_eq!(std::fs::metadata(home.records()).unwrap().permissions().mode() & 0o777, 0o700);
    let mut going = Going::start(&host, request("f2", "echo up; until [ -e go ]; do sleep 0.02; done"), 0);
    going.sees("up").await;
    host.forget(&["f1".into(), "f2".into(), "unknown".into()]).await.unwrap();
    assert!(!home.records().join("f1.rec").exists() && !home.records().join("f1.log").exists());
    std::fs::write(home.join("go"), "").unwrap();
    assert_eq!(going.ends().await.unwrap().0.outcome, exited(0));
    assert!(host.forget(&["../x".into()]).await.is_err());
}

#[tokio::test]
async fn a_question_leaves_nothing_behind() {
    let home = Home::new();
    let host = home.local();
    let answer = host.probe("echo hello; echo err >&2; exit 3", Duration::from_secs(5)).await.unwrap();
    assert_eq!((answer.status, answer.output), (Some(3), b"hello\nerr\n".to_vec()));
    let answer = host.probe("printf 'no line end'", Duration::from_secs(5)).await.unwrap();
    assert_eq!((answer.status, answer.output), (Some(0), b"no line end".to_vec()));
    let answer = host.probe("head -c 1000000 /dev/zero", Duration::from_secs(5)).await.unwrap();
    assert_eq!((answer.status, answer.output.len()), (Some(0), 65536));
    let started = Instant::now();
    let answer =
        host.probe("echo before; echo $$ >pid; sleep 60", Duration::from_millis(1500)).await.unwrap();
    assert_eq!((answer.status, answer.output), (None, b"before\n".to_vec()));
    assert!(started.elapsed() < Duration::from_secs(30) && !alive(&home.read("pid")));
    assert_eq!(std::fs::read_dir(home.records()).unwrap().count(), 0);
    assert!(host.latency().await.unwrap() < Duration::from_secs(1));
}

#[tokio::test]
async fn tcp_connections_of_this_machine_are_plain_ones() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let home = Home::new();
    let mut stream = home.local().open_tcp("127.0.0.1", port).await.unwrap();
    let (mut served, _) = listener.accept().await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    let mut got = [0; 4];
    served.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"ping");
    drop(listener);
    assert!(home.local().open_tcp("127.0.0.1", port).await.is_err());
}
