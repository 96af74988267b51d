//! What `steady` says, and to which run it does something, when that is not plain.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::{fs, path::Path};

use serde_json::Value;
use steadyhand_tests::{
    app::{App, PATIENCE, WAITS},
    command::{ended, steady},
    sshd::{Sshd, keygen},
};

/// A plan of this name with these steps on this machine.
fn here(name: &str, steps: &str) -> String {
    format!("name: {name}\ntasks:\n  a:\n    on: local\n    steps:\n{steps}")
}

fn write(folder: &Path, name: &str, source: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, source).expect("the plan");
    path.to_str().expect("a path").to_owned()
}

#[tokio::test]
async fn a_number_that_runs_of_several_projects_have_is_refused_unless_only_one_can_be_meant() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let plan = sshd.plan(WAITS);
    let shop = app.project("shop", &plan).await;
    let blog = app.project("Blog", &plan).await;
    for project in [&shop, &blog] {
        app.say(project, "Redeploy the application").await;
        app.waiting(project, 1).await;
    }
    for command in ["pause", "resume", "stop", "logs"] {
        let (code, said) = ended(&mut steady(data.path(), &[command, "1"])).await;
        assert_eq!(code, Some(2), "{command}: {said}");
        assert!(said.contains("Blog/1") && said.contains("shop/1"), "{command}: {said}");
    }
    for project in [&shop, &blog] {
        let run = app.run(project, 1, |_| true).await;
        assert_eq!(run["run"]["desired"], "running", "nothing was done to either");
    }
    let (code, said) = ended(&mut steady(data.path(), &["stop", "blog/1"])).await;
    assert_eq!(code, Some(0), "a name is found without its capital letters: {said}");
    let (code, said) = ended(&mut steady(data.path(), &["logs", "1"])).await;
    assert_eq!(code, Some(2), "both have a log: {said}");
    let (code, said) = ended(&mut steady(data.path(), &["stop", "1"])).await;
    assert_eq!(code, Some(0), "only one is under way: {said}");
    assert!(said.contains("Run shop/1: stopped"), "{said}");

    let (code, said) = ended(&mut steady(data.path(), &["runs", "--project", "blog"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Blog/1") && said.contains("chat, ") && said.contains("now"), "{said}");
    assert!(!said.contains("shop/1"), "{said}");
    let (_, said) = ended(&mut steady(data.path(), &["runs", "--format", "json"])).await;
    let runs: Vec<Value> = serde_json::from_str(&said).expect("JSON");
    let mut projects: Vec<&str> = runs.iter().filter_map(|run| run["project"].as_str()).collect();
    projects.sort_unstable();
    assert_eq!(projects, ["Blog", "shop"]);
    let (code, said) = ended(&mut steady(data.path(), &["runs", "--project", "nothing"])).await;
    assert_eq!(code, Some(2), "{said}");
    app.end().await;
}

/// Sixty updates of one line, some of them slow enough to look finished.
const PROGRESS: &str = r"      - run: |
          i=0
          while [ $i -lt 60 ]; do
            i=$((i + 1))
            printf '\rDownloading %s%%' $i
            case $i in *0) sleep 0.7 ;; *) sleep 0.01 ;; esac
          done
          printf '\ndone\n'
";

#[tokio::test]
async fn a_line_that_is_written_over_is_told_once_as_it_is_at_its_end() {
    let data = tempfile::tempdir().expect("a folder");
    let plan = write(data.path(), "plan.yaml", &here("progress", PROGRESS));
    let (code, said) = ended(&mut steady(data.path(), &["run", &plan])).await;
    assert_eq!(code, Some(0), "{said}");
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("Downloading")).collect();
    assert_eq!(lines, ["  Downloading 60%"], "{said}");

    let mut command = steady(data.path(), &["run", &plan, "--format", "json"]);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").expect("it ran");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|event: &Value| event["kind"] == "line")
        .collect();
    let numbers: Vec<u64> = lines.iter().filter_map(|line| line["number"].as_u64()).collect();
    assert_eq!(numbers, [1, 2], "each line once");
    let raw = lines[0]["text"].as_str().expect("a text");
    assert!(
        raw.starts_with("\rDownloading 1%\rDownloading 2%") && raw.ends_with("\rDownloading 60%"),
        "{raw:?}"
    );

    let (_, said) = ended(&mut steady(data.path(), &["logs", "progress/1"])).await;
    assert!(said.contains("\rDownloading 1%\rDownloading 2%\r"), "byte for byte where it is piped: {said:?}");
}

#[tokio::test]
async fn wrong_files_and_variables_are_named_as_they_are() {
    let data = tempfile::tempdir().expect("a folder");
    fs::write(data.path().join("rnd.yaml"), b"name: \xff\xfe").expect("a file");
    let mut command = steady(data.path(), &["validate", "rnd.yaml"]);
    let (code, said) = ended(command.current_dir(data.path())).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("The plan rnd.yaml is not UTF-8 text"), "{said}");

    let source =
        here("shop", "      - run: echo ${{ vars.n }}\n").replace("tasks:", "vars: { n: 1 }\ntasks:");
    let plan = write(data.path(), "plan.yaml", &source);
    let (code, said) = ended(&mut steady(data.path(), &["run", &plan, "--var", "m=2"])).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("has no variable `m` to set; it has n"), "{said}");
    assert!(!said.contains("Plan tab") && !said.contains("line 1"), "{said}");
}

/// What `steady run` says of a plan whose only host is this one.
async fn run_on(data: &Path, host: &str) -> (Option<i32>, String) {
    let source = format!(
        "name: shop\nhosts:\n  web1: {host}\ntasks:\n  a:\n    on: web1\n    steps:\n      - run: echo well done\n"
    );
    let plan = write(data, "plan.yaml", &source);
    ended(&mut steady(data, &["run", &plan])).await
}

#[tokio::test]
async fn what_keeps_a_host_from_being_reached_is_explained_once_and_rightly() {
    let (sshd, data) = Sshd::known();
    let (locked, stranger) = (data.path().join("locked"), data.path().join("stranger"));
    keygen(&locked, "secret");
    keygen(&stranger, "");
    // The server would take it, if somebody unlocked it.
    let accepted = fs::read_to_string(locked.with_extension("pub")).expect("a key");
    fs::write(sshd.key().with_file_name("authorized_keys"), accepted).expect("authorized_keys");
    let host = |port: u16, key: &Path| {
        format!("{{ address: 127.0.0.1, port: {port}, user: root, identity: {} }}", key.display())
    };
    let cases = [
        (host(sshd.port, &locked), "is encrypted and nobody gave its passphrase", "ssh-add "),
        (host(sshd.port, &stranger), "web1 does not let root in", "authorized_keys"),
        (host(sshd.port, &data.path().join("missing")), "missing does not exist", "`identity` of web1"),
    ];
    for (host, title, advice) in &cases {
        let (code, said) = run_on(data.path(), host).await;
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains(title) && said.contains(advice), "{title}: {said}");
        let claims = ["accepts none of the keys", "cannot be resolved", "SSH login was refused"];
        assert!(!claims.iter().any(|claim| said.contains(claim)), "{title}: {said}");
    }
    let other = data.path().join("other");
    keygen(&other, "");
    let other = fs::read_to_string(other.with_extension("pub")).expect("a key");
    fs::write(data.path().join("known_hosts"), format!("[127.0.0.1]:{} {other}", sshd.port))
        .expect("known_hosts");
    let (code, said) = run_on(data.path(), &sshd.host()).await;
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("The host key of web1 is not the one that was known"), "{said}");
    assert!(said.contains("remove line 1 of "), "{said}");
}
