//! Facts of hosts: in conditions, in texts, and as `steady facts` tells them.
#![allow(clippy::expect_used, reason = "what goes wrong ends the test")]

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, WAITS, states},
    command::{ended, steady},
    free_port,
    sshd::Sshd,
};

/// The name that this machine has for itself.
fn hostname() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").expect("the name").trim().to_owned()
}

fn when_false(when: &str) -> Value {
    json!({ "kind": "when_false", "when": when })
}

#[tokio::test]
async fn a_step_whose_condition_is_false_is_skipped_and_says_so() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let plan = sshd.plan(
        r#"      - { name: mac, run: touch "$HOME/mac", when: facts.os == "darwin" }
      - { name: linux, run: touch "$HOME/linux", when: facts.os == "linux" and facts.cpu_count >= 1 }
      - { name: never, run: touch "$HOME/never", when: host.name == "web2" }
      - { name: guarded, run: touch "$HOME/guarded", when: facts.os == "darwin", unless: touch "$HOME/asked" }
      - { name: upload, upload: { from: /etc/hostname, to: "~/up" }, when: not (facts.os == "linux") }
      - { name: wait, wait_for: { tcp: "127.0.0.1:1", timeout: 60s }, when: "'nothing' in facts.disks" }
"#,
    );
    let project = app.project("shop", &plan).await;
    let preview = app.call("preview", json!({ "project_id": project })).await;
    assert_eq!(preview["steps"][0]["condition"], "only when `facts.os == \"darwin\"`");
    assert_eq!(preview["steps"][2]["condition"], "skipped: `host.name == \"web2\"` is false");
    app.say(&project, "Redeploy the application").await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(detail["run"]["state"], "completed", "{detail:#}");
    assert_eq!(states(&detail), ["skipped", "completed", "skipped", "skipped", "skipped", "skipped"]);
    assert_eq!(detail["steps"][0]["reason"], when_false("facts.os == \"darwin\""));
    assert_eq!(detail["steps"][0]["reason_text"], "not needed: `facts.os == \"darwin\"` is false");
    assert_eq!(detail["steps"][2]["reason"], when_false("host.name == \"web2\""));
    assert!(sshd.home().join("linux").exists());
    // A guard is asked only when the condition holds.
    for file in ["mac", "never", "guarded", "asked", "up"] {
        assert!(!sshd.home().join(file).exists(), "{file}");
    }
    app.end().await;
}

#[tokio::test]
async fn the_condition_of_a_task_skips_all_its_steps_and_what_needs_it_goes_on() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let host = sshd.host();
    let plan = format!(
        r#"name: shop
hosts:
  web1: {host}
tasks:
  mac:
    on: [web1, local]
    when: facts.os == "darwin" or host.name == "local" and facts.os == "linux"
    steps:
      - {{ name: one, run: echo one }}
      - {{ name: two, run: echo two, when: facts.arch != "none" }}
  after:
    on: web1
    needs: [mac]
    steps:
      - {{ name: three, run: touch "$HOME/three" }}
"#
    );
    let project = app.project("shop", &plan).await;
    app.say(&project, "Redeploy the application").await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(detail["run"]["state"], "completed", "{detail:#}");
    assert_eq!(states(&detail), ["skipped", "skipped", "completed", "completed", "completed"]);
    let when = when_false("facts.os == \"darwin\" or host.name == \"local\" and facts.os == \"linux\"");
    assert_eq!((&detail["steps"][0]["reason"], &detail["steps"][1]["reason"]), (&when, &when));
    assert!(sshd.home().join("three").exists());
    app.end().await;
}

#[tokio::test]
async fn facts_are_put_into_every_text_and_are_never_code() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let plan = sshd.plan(
        r#"      - name: all
        run: |
          echo ${{ facts.hostname }} "on ${{ facts.os }}" '${{ facts.uid }}' $FROM_ENV
          pwd
        cwd: ~/${{ facts.os }}
        env: { FROM_ENV: "a-${{ facts.arch }}-${{ facts.memory }}" }
        creates: /nowhere/${{ facts.kernel }}
        unless: test ${{ facts.user }} = nobody-at-all
      - name: up
        upload: { from: /etc/hostname, to: "~/up-${{ facts.distribution }}" }
"#,
    );
    fs::create_dir(sshd.home().join("linux")).expect("a folder");
    let project = app.project("shop", &plan).await;
    app.say(&project, "Redeploy the application").await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(detail["run"]["state"], "completed", "{detail:#}");
    let log = String::from_utf8(app.log(&detail["steps"][0]).await).expect("text");
    let first = log.lines().next().unwrap_or_default();
    assert!(first.starts_with(&format!("{} on linux 0 a-", hostname())), "{log}");
    assert!(log.ends_with("/linux\n"), "{log}");
    assert!(
        fs::read_dir(sshd.home())
            .expect("home")
            .any(|entry| { entry.expect("a file").file_name().to_string_lossy().starts_with("up-") })
    );
    app.end().await;
}

fn program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
}

#[tokio::test]
async fn a_host_is_asked_once_a_run_and_only_when_a_step_needs_it() {
    let (tools, data) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let asked = tools.path().join("asked");
    // Every question for facts looks for the version of macOS.
    program(tools.path(), "sw_vers", &format!("echo asked >>{}", asked.display()));
    let path = format!("{}:/usr/bin:/bin", tools.path().display());
    let app = App::start_with(data.path(), |command| {
        command.env("PATH", path);
    })
    .await;
    let plan = |when: &str| {
        let steps: String =
            (0..4).map(|n| format!("      - {{ name: s{n}, run: echo x{when} }}\n")).collect();
        // Tasks of the same host that run at the same time.
        format!(
            "name: shop\ntasks:\n  a:\n    on: local\n    steps:\n{steps}  b:\n    on: local\n    steps:\n{steps}"
        )
    };
    let project = app.project("plain", &plan("")).await;
    app.say(&project, "Redeploy the application").await;
    assert_eq!(app.ended(&project, 1).await["run"]["state"], "completed");
    assert!(!asked.exists());
    let project = app.project("facts", &plan(", when: facts.os == 'linux'")).await;
    app.say(&project, "Redeploy the application").await;
    assert_eq!(app.ended(&project, 1).await["run"]["state"], "completed");
    assert_eq!(fs::read_to_string(&asked).expect("it was asked"), "asked\n");
    app.end().await;
}

#[tokio::test]
async fn a_condition_without_an_answer_fails_the_step_and_says_what_to_do() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let plan = sshd.plan(
        r#"      - { name: asks, run: echo no, when: facts.clock_offset < 1000 and facts.fqdn == "a.example" }
      - { name: rest, run: echo no }
"#,
    );
    let told = Command::told(&data, &sshd).await;
    let project = app.project("shop", &plan).await;
    app.say(&project, "Redeploy the application").await;
    let detail = app.ended(&project, 1).await;
    if told.get("fqdn").is_some() {
        // This machine has a domain; then the condition has an answer.
        assert_eq!(states(&detail), ["skipped", "completed"]);
    } else {
        assert_eq!(states(&detail), ["failed", "skipped"]);
        let said = detail["steps"][0]["reason_text"].as_str().expect("a reason");
        assert!(
            said.contains("the host does not tell `facts.fqdn`; ask first: `defined(facts.fqdn)"),
            "{said}"
        );
    }
    app.end().await;
}

/// `steady facts`.
struct Command;

impl Command {
    /// The facts of a server that is `web1` of a plan.
    async fn told(data: &tempfile::TempDir, sshd: &Sshd) -> Value {
        let plan = data.path().join("a-plan.yaml");
        fs::write(&plan, sshd.plan("      - run: x\n")).expect("a plan");
        known(data.path(), sshd);
        let plan = plan.display().to_string();
        let arguments = ["facts", "web1", "--plan", &plan, "--format", "json"];
        let (status, said) = ended(&mut steady(data.path(), &arguments)).await;
        assert_eq!(status, Some(0), "{said}");
        serde_json::from_str(&said).expect("one document of JSON")
    }
}

/// Makes the server's key known, as connecting with `ssh` once does.
fn known(data: &Path, sshd: &Sshd) {
    let scanned = std::process::Command::new("ssh-keyscan")
        .args(["-p", &sshd.port.to_string(), "127.0.0.1"])
        .output()
        .expect("ssh-keyscan");
    fs::create_dir_all(data.join(".ssh")).expect("a folder");
    fs::write(data.join(".ssh/known_hosts"), scanned.stdout).expect("known_hosts");
}

#[tokio::test]
async fn steady_facts_tells_what_a_host_of_a_plan_is() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let facts = Command::told(&data, &sshd).await;
    assert_eq!((&facts["os"], &facts["uid"]), (&json!("linux"), &json!(0)));
    assert_eq!(facts["hostname"], hostname());
    assert!(facts["memory"].as_u64().is_some_and(|memory| memory > 100_000_000), "{facts:#}");
    assert_eq!(facts["clock_offset"], 0.0);
    let (status, said) = ended(&mut steady(data.path(), &["facts", "local"])).await;
    assert_eq!(status, Some(0), "{said}");
    let kernel = format!("kernel             {}\n", facts["kernel"].as_str().expect("a text"));
    assert!(said.contains(&kernel), "{said}");
    // In a folder with a `plan.yaml`, no plan need be named.
    fs::rename(data.path().join("a-plan.yaml"), data.path().join("plan.yaml")).expect("renamed");
    let mut command = steady(data.path(), &["facts", "web1"]);
    let (status, said) = ended(command.current_dir(data.path())).await;
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains(&kernel), "{said}");
    let mut command = steady(data.path(), &["facts", "web2"]);
    let (status, said) = ended(command.current_dir(data.path())).await;
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("plan.yaml has no host `web2`; it has local, web1"), "{said}");
}

#[tokio::test]
async fn steady_facts_says_why_a_host_cannot_be_asked() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let nobody = format!("root@127.0.0.1:{}", free_port());
    let (status, said) = ended(&mut steady(data.path(), &["facts", &nobody])).await;
    assert_eq!(status, Some(4), "{said}");
    assert!(said.contains("the connection was refused"), "{said}");
    let unknown = format!("root@127.0.0.1:{}", sshd.port);
    let (status, said) = ended(&mut steady(data.path(), &["facts", &unknown])).await;
    assert_eq!(status, Some(4), "{said}");
    assert!(said.contains("was never seen before"), "{said}");
    let (status, said) = ended(&mut steady(data.path(), &["facts", "root@web:0"])).await;
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("`0` is no port"), "{said}");
    let missing = ["facts", "web1", "--plan", "/nowhere/plan.yaml"];
    let (status, said) = ended(&mut steady(data.path(), &missing)).await;
    assert_eq!(status, Some(2), "{said}");
}

#[tokio::test]
async fn conditions_are_asked_again_after_a_crash() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let steps = WAITS.replace(
        "touch \"$HOME/third\"",
        "echo ${{ facts.os }} >\"$HOME/third\"\n        when: facts.os == 'linux'",
    );
    let steps = format!("{steps}      - {{ name: mac, run: echo no, when: facts.os == 'darwin' }}\n");
    let project = app.project("shop", &sshd.plan(&steps)).await;
    app.say(&project, "Redeploy the application").await;
    app.waiting(&project, 1).await;
    let app = app.kill_and_start_again().await;
    fs::write(sshd.home().join("go"), "").expect("go");
    let detail = app.ended(&project, 1).await;
    assert_eq!(states(&detail), ["completed", "completed", "completed", "skipped"], "{detail:#}");
    assert_eq!(fs::read_to_string(sshd.home().join("third")).expect("it ran"), "linux\n");
    app.end().await;
}
