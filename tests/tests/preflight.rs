//! A look at what a run needs: each thing that can be wrong is told apart, and nothing is changed.
#![allow(clippy::expect_used, reason = "what goes wrong ends the test")]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command, time::Instant};

use serde_json::{Value, json};
use steadyhand_tests::{
    app::App,
    command::{ended, steady},
    free_port,
    sshd::{Sshd, keygen},
};
use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};

/// An address that nobody has (RFC 5737), and to which this machine has no way as long as this lives.
struct NoWay;

impl NoWay {
    const ADDRESS: &str = "192.0.2.77";

    fn make() -> Self {
        let route = |verb| Command::new("ip").args(["route", verb, "unreachable", Self::ADDRESS]).status();
        assert!(
            route("replace").is_ok_and(|status| status.success()),
            "ip, of the package iproute2, needs root"
        );
        Self
    }
}

impl Drop for NoWay {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["route", "del", "unreachable", Self::ADDRESS]).status();
    }
}

/// A port that gives no answer: its queue of connections is full, and the kernel drops what comes.
async fn silent_port() -> (u16, impl Sized) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let listener = socket.listen(1).expect("it listens");
    let port = listener.local_addr().expect("its address").port();
    let mut waiting = Vec::new();
    let moment = std::time::Duration::from_millis(300);
    while let Ok(Ok(stream)) = tokio::time::timeout(moment, TcpStream::connect(("127.0.0.1", port))).await {
        waiting.push(stream);
    }
    (port, (listener, waiting))
}

/// A folder with programs that stand before those of a server.
fn tools(programs: &[(&str, &str)]) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, script) in programs {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    let path = format!("SetEnv PATH={}:/usr/bin:/bin:/usr/sbin:/sbin", folder.path().display());
    (folder, path)
}

fn plan(hosts: &[(&str, String)], rest: &str) -> String {
    let list: String = hosts.iter().map(|(name, host)| format!("  {name}: {host}\n")).collect();
    let names: Vec<&str> = hosts.iter().map(|(name, _)| *name).collect();
    format!(
        "name: shop\nhosts:\n{list}tasks:\n  deploy:\n    on: [{}]\n    steps:\n      - run: touch \"$HOME/was-run\"\n{rest}",
        names.join(", ")
    )
}

/// Of each host, what is not well: what it is, how bad, and the word for it.
fn wrong(found: &Value) -> Vec<(String, String)> {
    let hosts = found["hosts"].as_array().expect("hosts").iter();
    hosts
        .map(|host| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let checks = host["checks"].as_array().expect("checks").iter();
            let bad: Vec<String> = checks
                .filter(|check| check["verdict"] != "ok")
                .map(|check| {
                    format!("{} {} {}", text(&check["what"]), text(&check["verdict"]), text(&check["cause"]))
                })
                .collect();
            (text(&host["host"]), bad.join(", "))
        })
        .collect()
}

fn records(sshd: &Sshd) -> usize {
    let folder = sshd.home().join(".local/state/steadyhand");
    fs::read_dir(folder).map_or(0, |entries| entries.flatten().filter(|entry| entry.path().is_file()).count())
}

#[tokio::test]
async fn what_is_wrong_with_a_host_is_told_apart_on_all_of_them_at_once() {
    let (good, unknown, changed) = (Sshd::start(), Sshd::start(), Sshd::start());
    let (_sudo, path) = tools(&[
        ("id", "[ \"$1\" = -u ] && echo 1000 || echo deploy"),
        ("sudo", "echo 'Sorry, user deploy may not run sudo' >&2; exit 1"),
    ]);
    let no_sudo = Sshd::with(&path);
    let df = "case \"$*\" in *-i*) echo 'f 100 50 50 50% /';; *) echo 'f 1000000 990000 10000 99% /';; esac";
    let (_df, path) = tools(&[("df", df)]);
    let full = Sshd::with(&path);
    let df = "case \"$*\" in *-i*) echo 'f 100 100 0 100% /';; *) echo 'f 9000000 1 8000000 1% /';; esac";
    let (_inodes, path) =
        tools(&[("df", df), ("date", "case \"$1\" in *N) echo 1700000000.5;; *) echo 1700000000;; esac")]);
    let no_inodes = Sshd::with(&path);
    let (silent, _held) = silent_port().await;
    let _no_way = NoWay::make();

    let data = tempfile::tempdir().expect("a folder");
    let other_key = data.path().join("other_key");
    keygen(&other_key, "");
    let known: String = [&good, &no_sudo, &full, &no_inodes].map(|sshd| sshd.known_line(sshd.port)).concat();
    // The key of another server under the port of this one.
    let known = known + &good.known_line(changed.port);
    fs::write(data.path().join("known_hosts"), &known).expect("known_hosts");
    let hosts = [
        ("good", good.host()),
        ("good_too", good.host()),
        ("no_name", "root@no-such-name.invalid".to_owned()),
        ("refused", format!("{{ address: 127.0.0.1, port: {}, user: root }}", free_port())),
        ("silent", format!("{{ address: 127.0.0.1, port: {silent}, user: root }}")),
        ("no_way", format!("root@{}", NoWay::ADDRESS)),
        ("unknown", unknown.host()),
        ("changed", changed.host()),
        (
            "wrong_key",
            good.host().replace(&good.key().display().to_string(), &other_key.display().to_string()),
        ),
        ("no_sudo", no_sudo.host()),
        ("full", full.host()),
        ("no_inodes", no_inodes.host()),
    ];
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&hosts, "")).await;
    let before = fs::read_to_string(data.path().join("known_hosts")).expect("known_hosts");
    let begun = Instant::now();
    let found = app.call("preflight", json!({ "project_id": project, "sudo_on": ["good", "no_sudo"] })).await;
    let took = begun.elapsed();
    assert!(took.as_secs() < 10, "{took:?}");
    let expected = [
        ("good", ""),
        ("good_too", ""),
        ("no_name", "name fail no_such_name"),
        ("refused", "connection fail refused"),
        ("silent", "connection fail timed_out"),
        ("no_way", "connection fail unreachable"),
        ("unknown", "host_key warn host_key_unknown"),
        ("changed", "host_key fail host_key_changed"),
        ("wrong_key", "login fail login_refused"),
        ("no_sudo", "sudo fail no_sudo"),
        ("full", "disk fail disk_full"),
        ("no_inodes", "disk fail no_inodes, clock warn clock_offset"),
    ];
    let mut judged = wrong(&found);
    // What the disks of this machine have is not the test's.
    for (host, wrong) in &mut judged {
        if ["good", "good_too", "no_sudo"].contains(&host.as_str()) {
            let parts = wrong.split(", ").filter(|part| !part.starts_with("disk warn"));
            *wrong = parts.collect::<Vec<_>>().join(", ");
        }
    }
    let expected: Vec<(String, String)> =
        expected.iter().map(|(host, wrong)| ((*host).to_owned(), (*wrong).to_owned())).collect();
    assert_eq!(judged, expected, "{found:#}");
    assert_eq!(found["verdict"], "fail");
    let unknown_key = &found["hosts"][6]["checks"][2]["message"];
    assert!(unknown_key.as_str().is_some_and(|message| message.contains("SHA256:")), "{unknown_key}");

    // Nobody was asked, and nothing was changed.
    assert_eq!(app.call("questions", json!({})).await, json!([]));
    assert_eq!(fs::read_to_string(data.path().join("known_hosts")).expect("known_hosts"), before);
    assert_eq!(app.call("runs", json!({ "project_id": project, "limit": 10 })).await, json!([]));
    for sshd in [&good, &no_sudo, &full] {
        assert!(!sshd.home().join("was-run").exists());
        assert_eq!(records(sshd), 0, "no record is left");
    }
    app.end().await;
}

#[tokio::test]
async fn a_home_on_a_real_file_system_without_room_is_full() {
    let (sshd, data) = Sshd::known();
    let home = sshd.home();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&home).status();
    assert!(mounted.is_ok_and(|status| status.success()), "mount needs root");
    let unmount = Unmount(&home);
    // Until nothing more goes in.
    let _ = fs::write(home.join("everything"), vec![b'x'; 2 << 20]);
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&[("web1", sshd.host())], "")).await;
    let found = app.call("preflight", json!({ "project_id": project })).await;
    let wrong = wrong(&found).remove(0).1;
    assert!(wrong.contains("disk fail"), "{found:#}");
    app.end().await;
    drop(unmount);
}

struct Unmount<'p>(&'p Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test]
async fn the_command_looks_at_secrets_and_files_too_and_its_status_says_whether_a_run_would_fail() {
    let (sshd, data) = Sshd::known();
    let rest = "      - upload: { from: dist/app.txt, to: /tmp/never }\n  second:\n    on: web1\n    steps:\n      - run: echo ${{ secrets.TOKEN }}\n";
    let file = data.path().join("plan.yaml");
    let source = plan(&[("web1", sshd.host()), ("gone", "root@no-such-name.invalid".to_owned())], rest)
        .replace("tasks:\n", "secrets: [TOKEN, URL]\nnotify:\n  - slack: ${{ secrets.URL }}\ntasks:\n");
    fs::write(&file, source).expect("a plan");
    let file = file.to_str().expect("a path");
    let (code, said) = ended(&mut steady(data.path(), &["preflight", file])).await;
    assert_eq!(code, Some(4), "{said}");
    for part in [
        "✗ gone",
        "name: no-such-name.invalid:22: the name no-such-name.invalid was not found",
        "✗ this machine",
        "secret: the secret TOKEN has no value",
        "secret: the secret URL has no value, so somebody in `notify` would not be told",
        "local file: dist/app.txt, which is uploaded, cannot be read on this machine",
        "3 failures",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    fs::create_dir(data.path().join("dist")).expect("dist");
    fs::write(data.path().join("dist/app.txt"), "x").expect("a file");
    let limited = ["preflight", file, "--limit", "web1", "--sudo", "--format", "json"];
    let mut command = steady(data.path(), &limited);
    command.env("STEADYHAND_SECRET_TOKEN", "t").env("STEADYHAND_SECRET_URL", "https://example.com/x");
    let (code, said) = ended(&mut command).await;
    assert_eq!(code, Some(0), "{said}");
    let found: Value = serde_json::from_str(&said).expect("one document");
    assert_eq!(found["hosts"].as_array().map(Vec::len), Some(1));
    let kinds: Vec<&str> = found["hosts"][0]["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .filter_map(|check| check["what"].as_str())
        .collect();
    for kind in ["name", "connection", "host_key", "login", "shell", "sudo", "disk", "programs", "clock"] {
        assert!(kinds.contains(&kind), "{kind}: {found:#}");
    }
    assert_eq!(found["here"].as_array().map(Vec::len), Some(2), "{found:#}");
}

#[tokio::test]
async fn a_program_that_steps_need_is_missed() {
    // Whoever logs in is in a file system of their own in which tar is no program.
    let without = "exec unshare -m sh -c 'mount --bind /dev/null \"$(readlink -f \"$(command -v tar)\")\" && eval \"$SSH_ORIGINAL_COMMAND\"'";
    let (folder, _) = tools(&[("without_tar", without)]);
    let sshd = Sshd::with(&format!("ForceCommand {}/without_tar", folder.path().display()));
    let data = tempfile::tempdir().expect("a folder");
    sshd.is_known_in(data.path());
    fs::write(data.path().join("file"), "x").expect("a file");
    let upload = format!("      - upload: {{ from: {}/file, to: /tmp/never }}\n", data.path().display());
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&[("web1", sshd.host())], &upload)).await;
    let found = app.call("preflight", json!({ "project_id": project })).await;
    let wrong = wrong(&found).remove(0).1;
    assert!(wrong.contains("programs fail missing_program"), "{found:#}");
    assert!(found.to_string().contains("tar: not found there, and the steps need it"), "{found:#}");
    app.end().await;
}
