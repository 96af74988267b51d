//! Steps on this machine: what every host must do with a step.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use secrecy::SecretString;
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
        request("live", "echo first; until [ -e go ]; do [ -d ~ ] || exit 1; sleep 0.02; done; echo last"),
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
    let script = "echo $$ >>pids; echo one; until [ -e go ]; do [ -d ~ ] || exit 1; sleep 0.02; done; echo two; exit 3";
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
    let mut request = request(
        "secret",
        &format!(": {secret}-script; echo up; until [ -e go ]; do [ -d ~ ] || exit 1; sleep 0.02; done"),
    );
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
async fn a_lane_that_is_killed_is_replaced_and_the_step_goes_on() {
    let home = Home::new();
    let host = home.local();
    let script = "echo one; until [ -e go ]; do [ -d ~ ] || exit 1; sleep 0.02; done; echo two";
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
    let mut going = Going::start(
        &host,
        request("f2", "echo up; until [ -e go ]; do [ -d ~ ] || exit 1; sleep 0.02; done"),
        0,
    );
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
