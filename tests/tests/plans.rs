//! The plans that ship with the app, run for real: each twice and more, and what they deploy answers.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, states},
    free_port,
    sshd::Sshd,
};

/// The text of a plan that ships with the app.
fn shipped(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project");
    fs::read_to_string(folder.join("plans").join(name)).expect("the plan")
}

/// The plan with these values for its variables, as a person would write them there.
fn with(plan: &str, values: &[(&str, &str)]) -> String {
    let mut known = Vec::new();
    let lines: Vec<String> = plan
        .lines()
        .map(|line| {
            let value = values.iter().find(|(name, _)| line.starts_with(&format!("  {name}: ")));
            known.extend(value.map(|(name, _)| *name));
            value.map_or_else(|| line.to_owned(), |(name, value)| format!("  {name}: {}", json!(value)))
        })
        .collect();
    for (name, _) in values {
        assert!(known.contains(name), "the plan has no variable {name}");
    }
    lines.join("\n") + "\n"
}

/// Gives the person who runs the app the key of the server, where SSH looks for it.
fn give_key(home: &Path, sshd: &Sshd) {
    let folder = home.join(".ssh");
    fs::create_dir(&folder).expect(".ssh");
    let key = folder.join("id_ed25519");
    fs::copy(sshd.key(), &key).expect("the key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("its permissions");
}

async fn redeploy(app: &App, project: &str, number: u64) -> Value {
    app.say(project, "Redeploy the application").await;
    let detail = app.ended(project, number).await;
    if detail["run"]["state"] != "completed" {
        let failed =
            detail["steps"].as_array().and_then(|steps| steps.iter().find(|step| step["state"] == "failed"));
        let log = app.log(failed.expect("a failed step")).await;
        panic!("run {number}: {:#}\n{}", failed.expect("a failed step"), String::from_utf8_lossy(&log));
    }
    detail
}

async fn get(port: u16, host: &str) -> String {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client.get(format!("http://127.0.0.1:{port}/")).header("host", host);
    request.send().await.expect("an answer").text().await.expect("its text")
}

/// Whether no process of this group runs; what has ended and was not waited for yet does not run.
fn group_is_gone(leader: &str) -> bool {
    let entries = fs::read_dir("/proc").expect("/proc");
    let stats = entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    // proc_pid_stat(5): behind the name in parentheses stand the state, the parent and the group.
    let running = stats
        .filter_map(|stat| {
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            let state = fields.next()?;
            Some(state != "Z" && fields.nth(1)? == leader)
        })
        .any(|runs| runs);
    !running
}

/// Ends the group of the process whose number is in a file when this is dropped.
struct Left(PathBuf);

impl Drop for Left {
    fn drop(&mut self) {
        if let Ok(pid) = fs::read_to_string(&self.0) {
            // The `kill` of the shell: not every other one takes a group.
            let script = format!("kill -KILL -{}", pid.trim());
            let _ = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status();
        }
    }
}

/// A git repository with an application in one file.
struct Repository(PathBuf);

impl Repository {
    fn new(folder: PathBuf) -> Self {
        fs::create_dir(&folder).expect("a folder");
        let repository = Self(folder);
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    fn git(&self, arguments: &[&str]) {
        let done = Command::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.com"])
            .args(arguments)
            .current_dir(&self.0)
            .env("HOME", &self.0)
            .status()
            .expect("git");
        assert!(done.success(), "git {arguments:?}");
    }

    /// Commits a version that answers with its name.
    fn commit(&self, version: &str, more: &str) {
        let program = format!(
            "{more}\nrequire('http').createServer((request, answer) => answer.end('{version}'))\n\
             .listen(Number(process.env.PORT), '127.0.0.1', () => console.log('{version} listens'));\n"
        );
        fs::write(self.0.join("server.js"), program).expect("server.js");
        self.git(&["add", "server.js"]);
        self.git(&["commit", "--quiet", "-m", version]);
    }
}

#[tokio::test]
async fn the_git_application_is_deployed_again_and_again_and_the_old_process_ends() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    give_key(data.path(), &sshd);
    let (port, folder) = (free_port(), sshd.home().join("an app"));
    let pid_file = folder.join("process.pid");
    let _left = Left(pid_file.clone());
    let repository = Repository::new(data.path().join("repository"));
    repository.commit("version 1", "");
    let plan = with(
        &shipped("git-application.yaml"),
        &[
            ("server", &format!("root@127.0.0.1:{}", sshd.port)),
            ("repository", repository.0.to_str().expect("a path")),
            ("folder", folder.to_str().expect("a path")),
            ("build", "node --check server.js && echo built"),
            ("port", &port.to_string()),
        ],
    );
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan).await;
    let process = || fs::read_to_string(&pid_file).expect("its number").trim().to_owned();

    let first = redeploy(&app, &project, 1).await;
    assert_eq!(get(port, "shop").await, "version 1");
    let steps = ["completed", "completed", "completed", "skipped", "completed", "completed"];
    assert_eq!(states(&first), steps, "there was no process to stop");
    let one = process();

    repository.commit("version 2", "process.on('SIGTERM', () => console.log('not yet'));");
    let second = redeploy(&app, &project, 2).await;
    assert_eq!(get(port, "shop").await, "version 2");
    let steps = ["skipped", "completed", "completed", "completed", "completed", "completed"];
    assert_eq!(states(&second), steps, "the clone was there");
    assert!(group_is_gone(&one), "the process of version 1 is left");
    let two = process();

    // Version 2 ignores TERM; the plan gives it ten seconds.
    repository.commit("version 3", "");
    redeploy(&app, &project, 3).await;
    assert_eq!(get(port, "shop").await, "version 3");
    assert!(group_is_gone(&two), "the process of version 2 is left");
    app.end().await;
}

/// An nginx of its own: what a plan calls `nginx` on this server is the real one with a configuration of its own.
fn own_nginx(sshd: &Sshd) -> Left {
    let home = sshd.home();
    let shown = home.display();
    for folder in ["bin", "conf.d", "temp"] {
        fs::create_dir(home.join(folder)).expect("a folder");
    }
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {shown}/temp/{kind};\n"))
        .concat();
    // As root its workers would be somebody who may not read a folder of root's.
    let user = if fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        "user root;\n"
    } else {
        ""
    };
    let configuration = format!(
        "{user}pid {shown}/nginx.pid;\nerror_log {shown}/nginx.log;\nworker_processes 1;\nevents {{}}\n\
         http {{\n  access_log off;\n{temp}  include {shown}/conf.d/*.conf;\n}}\n"
    );
    fs::write(home.join("nginx.conf"), configuration).expect("nginx.conf");
    let program = home.join("bin/nginx");
    let script =
        format!("#!/bin/sh\nexec /usr/sbin/nginx -e {shown}/nginx.log -c {shown}/nginx.conf \"$@\"\n");
    fs::write(&program, script).expect("nginx");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its permissions");
    // bash, the login shell of root, reads this for every command that sshd starts.
    fs::write(home.join(".bashrc"), format!("export PATH={shown}/bin:$PATH\n")).expect(".bashrc");
    Left(home.join("nginx.pid"))
}

#[tokio::test]
async fn the_static_site_is_built_here_and_served_by_nginx_there_and_again() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    give_key(data.path(), &sshd);
    let _nginx = own_nginx(&sshd);
    let (port, site) = (free_port(), data.path().join("site"));
    fs::create_dir(&site).expect("a folder");
    fs::write(site.join("source.html"), "<h1>version 1</h1>\n").expect("the source");
    let shown = site.display();
    let folder = sshd.home().join("served");
    let plan = with(
        &shipped("static-site.yaml"),
        &[
            ("server", &format!("root@127.0.0.1:{}", sshd.port)),
            ("build", &format!("mkdir -p {shown}/dist && cp {shown}/source.html {shown}/dist/index.html")),
            ("output", &format!("{shown}/dist/")),
            ("folder", folder.to_str().expect("a path")),
            ("domain", "shop.example"),
            ("port", &port.to_string()),
            ("nginx", sshd.home().join("conf.d/site.conf").to_str().expect("a path")),
        ],
    );
    let app = App::start(data.path()).await;
    let project = app.project("site", &plan).await;

    let first = redeploy(&app, &project, 1).await;
    assert!(sshd.home().join("nginx.pid").exists(), "the nginx of the test was started");
    assert_eq!(get(port, "shop.example").await, "<h1>version 1</h1>\n");
    assert_eq!(first["steps"][4]["reason_text"], "not needed: `command -v nginx` succeeded");

    fs::write(site.join("source.html"), "<h1>version 2</h1>\n").expect("the source");
    redeploy(&app, &project, 2).await;
    assert_eq!(get(port, "shop.example").await, "<h1>version 2</h1>\n");
    let versions = fs::read_dir(&folder)
        .expect("the folder")
        .filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("version-"))
        })
        .count();
    assert_eq!(versions, 2, "the version before stays for a way back");

    // A build that fails leaves what is served as it is.
    fs::remove_file(site.join("source.html")).expect("the source");
    app.say(&project, "Redeploy the application").await;
    assert_eq!(app.ended(&project, 3).await["run"]["state"], "failed");
    assert_eq!(get(port, "shop.example").await, "<h1>version 2</h1>\n");
    app.end().await;
}
