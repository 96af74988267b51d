//! The folder with the data: full, not to be written, shared by two, written by a newer version.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

use futures::StreamExt;
use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, PATIENCE, states},
    command::{ended, steady},
    sshd::Sshd,
};
use tempfile::TempDir;

/// A file system of its own in memory; it is gone when this is dropped.
struct Disk(TempDir);

impl Disk {
    /// Mounts one of this size. None, and a line that says so, where this user may not mount.
    fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "steadyhand-test"])
            .arg(folder.path())
            .output()
            .expect("mount, of the package mount, starts");
        if mounted.status.success() {
            return Some(Self(folder));
        }
        let _ = writeln!(
            io::stderr(),
            "NOT TESTED in full: a file system ({options}) cannot be mounted here: {}",
            String::from_utf8_lossy(&mounted.stderr).trim()
        );
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

async fn refuses_to_start(folder: &Path) {
    for arguments in [&["serve"][..], &["runs"]] {
        let (code, said) = ended(&mut steady(folder, arguments)).await;
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert!(said.contains("annot use the data folder") && said.contains("STEADYHAND_DATA"), "{said}");
        assert!(said.contains(folder.to_str().expect("a path")), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_written_is_named_and_nothing_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a-file");
    fs::write(&file, "not a folder").expect("a file");
    refuses_to_start(&file).await;
    refuses_to_start(&file.join("below")).await;
    assert_eq!(fs::read_to_string(&file).expect("the file"), "not a folder");
    if let Some(disk) = Disk::mount("ro") {
        refuses_to_start(disk.path()).await;
        refuses_to_start(&disk.path().join("below")).await;
    }
}

/// What the app says about its data, as a page hears it: every message of trouble, and none when it is over.
struct Troubles(futures::stream::BoxStream<'static, Option<String>>);

impl Troubles {
    async fn listen(app: &App) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = client.get(format!("{}/api/updates", app.base)).bearer_auth(&app.token);
        let mut pieces = request.send().await.expect("the updates").bytes_stream();
        let (say, hear) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut buffer = Vec::new();
            while let Some(Ok(piece)) = pieces.next().await {
                buffer.extend_from_slice(&piece);
                while let Some(end) = buffer.windows(2).position(|two| two == b"\n\n") {
                    let event: Vec<u8> = buffer.drain(..end + 2).collect();
                    let event = String::from_utf8(event).expect("text");
                    let Some(data) = event.trim_end().strip_prefix("data:") else { continue };
                    let batch: Vec<Value> = serde_json::from_str(data.trim()).expect("updates");
                    for update in batch.iter().filter(|update| update["kind"] == "trouble") {
                        if say.send(update["message"].as_str().map(str::to_owned)).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        let stream =
            futures::stream::unfold(hear, async |mut hear| hear.recv().await.map(|said| (said, hear)));
        Self(stream.boxed())
    }

    async fn until(&mut self, what: &str, fits: impl Fn(&Option<String>) -> bool) -> Option<String> {
        let waiting = async {
            loop {
                let said = self.0.next().await.expect("the updates go on");
                if fits(&said) {
                    return said;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} was not said"))
    }
}

/// Writes until nothing more fits.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("filler");
    let mut file = File::create(&path).expect("a file");
    for size in [64 * 1024, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    path
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_lost_once_there_is_space_again() {
    let Some(disk) = Disk::mount("size=16m") else { return };
    let sshd = Sshd::start();
    let app = App::start(disk.path()).await;
    let steps = r#"      - name: Long
        run: |
          : > "$HOME/written"
          seq -f 'line %.0f before the disk is full' 1 200 | tee -a "$HOME/written"
          until [ -e "$HOME/go" ]; do [ -d ~ ] || exit 1; sleep 0.02; done
          seq -f 'line %.0f while the disk is full, and it is a long one' 1 40000 | tee -a "$HOME/written"
      - name: After
        run: echo after
"#;
    let project = app.project("shop", &sshd.plan(steps)).await;
    let mut troubles = Troubles::listen(&app).await;
    app.call("start_run", json!({ "project_id": project })).await;
    app.run(&project, 1, |detail| detail["steps"][0]["attempts"][0]["lines"] == 200).await;

    let filler = fill(disk.path());
    fs::write(sshd.home().join("go"), "").expect("go");
    let said = troubles.until("that the disk is full", Option::is_some).await.expect("a message");
    assert!(said.contains("full") && said.contains("free some space"), "{said}");
    // The app answers, shows what it has, and says why it cannot take something new.
    let runs = app.call("runs", json!({ "project_id": project, "limit": 1 })).await;
    assert_eq!(runs[0]["state"], "in_progress");
    let text = "x".repeat(90_000);
    let refused =
        app.try_call("say", json!({ "project_id": project, "text": text })).await.expect_err("refused");
    assert_eq!(refused.code, "storage", "{refused:?}");
    assert!(refused.message.contains("full"), "{refused:?}");

    fs::remove_file(filler).expect("the filler");
    troubles.until("that it is over", Option::is_none).await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(states(&detail), ["completed", "completed"], "{detail:#}");
    let written = fs::read(sshd.home().join("written")).expect("written");
    let log = app.log(&detail["steps"][0]).await;
    assert!(log == written, "the log has {} bytes, and the command wrote {}", log.len(), written.len());
    app.say(&project, "status").await;
    app.answer(&project, 0, |message| message["state"] == "complete").await;
    app.end().await;
}

#[tokio::test]
async fn two_on_the_same_data_both_work_and_a_run_has_one_owner() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let steps = r#"      - name: First
        run: |
          echo started >> "$HOME/starts"
          echo waiting
          until [ -e "$HOME/go" ]; do [ -d ~ ] || exit 1; sleep 0.02; done
      - name: Second
        run: echo started >> "$HOME/starts"; echo oh no; exit 3
"#;
    let first = App::start(data.path()).await;
    let second = App::start(data.path()).await;
    let project = first.project("shop", &sshd.plan(steps)).await;
    let of = json!({ "project_id": project });
    first.call("start_run", of.clone()).await;
    // The one that executes is asked about the host key; the other sees the run.
    first.run(&project, 1, |detail| detail["steps"][0]["attempts"][0]["lines"] == 1).await;
    let seen = second.run(&project, 1, |detail| detail["steps"][0]["attempts"][0]["lines"] == 1).await;
    assert_eq!(second.log(&seen["steps"][0]).await, b"waiting\n");
    let refused = second.try_call("start_run", of).await.expect_err("refused");
    assert_eq!(refused.code, "conflict");

    let run = json!({ "run_id": seen["run"]["id"] });
    // The step ends at once after the pause was asked for: what is stored counts, not what the other has heard of.
    second.call("pause_run", run.clone()).await;
    fs::write(sshd.home().join("go"), "").expect("go");
    for app in [&first, &second] {
        let paused = app.run(&project, 1, |detail| detail["run"]["state"] == "paused").await;
        assert_eq!(states(&paused), ["completed", "pending"]);
    }
    second.call("resume_run", run).await;
    for app in [&second, &first] {
        let ended = app.ended(&project, 1).await;
        assert_eq!(states(&ended), ["completed", "failed"], "{ended:#}");
        app.answer(&project, 0, |message| message["cards"][0]["kind"] == "finding").await;
    }
    assert_eq!(fs::read_to_string(sshd.home().join("starts")).expect("starts"), "started\nstarted\n");

    // What one is told, the other shows, and a failure was explained once.
    second.say(&project, "Show the last runs").await;
    first.answer(&project, 0, |message| message["cards"][0]["kind"] == "runs").await;
    let messages = first.call("messages", json!({ "project_id": project, "limit": 100 })).await;
    let explained = messages
        .as_array()
        .expect("messages")
        .iter()
        .filter(|message| message["cards"][0]["kind"] == "finding");
    assert_eq!(explained.count(), 1, "{messages:#}");
    second.end().await;
    first.end().await;
}

#[tokio::test]
async fn the_second_of_two_takes_over_when_the_first_is_killed() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let steps = r#"      - name: Long
        run: |
          echo started >> "$HOME/starts"
          echo waiting
          until [ -e "$HOME/go" ]; do [ -d ~ ] || exit 1; sleep 0.02; done
          echo done
"#;
    let mut first = App::start(data.path()).await;
    let second = App::start(data.path()).await;
    let project = first.project("shop", &sshd.plan(steps)).await;
    first.call("start_run", json!({ "project_id": project })).await;
    first.run(&project, 1, |detail| detail["steps"][0]["attempts"][0]["lines"] == 1).await;
    first.kill().await;
    fs::write(sshd.home().join("go"), "").expect("go");
    let ended = second.ended(&project, 1).await;
    assert_eq!(ended["run"]["state"], "completed", "{ended:#}");
    assert_eq!(second.log(&ended["steps"][0]).await, b"waiting\ndone\n");
    assert_eq!(fs::read_to_string(sshd.home().join("starts")).expect("starts"), "started\n");
    second.end().await;
}

#[tokio::test]
async fn data_of_a_newer_version_is_left_alone_and_said_to_be_so() {
    let data = tempfile::tempdir().expect("a folder");
    let app = App::start(data.path()).await;
    app.call("create_project", json!({ "name": "kept" })).await;
    app.end().await;
    let later = |statement: &str| {
        let changed = Command::new("sqlite3").arg(data.path().join("steadyhand.db")).arg(statement).status();
        assert!(changed.expect("sqlite3, of the package sqlite3, starts").success());
    };
    later("INSERT INTO _sqlx_migrations VALUES (9999, 'from the future', '2030-01-01', TRUE, x'00', 0)");
    let before = fs::read(data.path().join("steadyhand.db")).expect("the database");
    for arguments in [&["serve"][..], &["runs"]] {
        let (code, said) = ended(&mut steady(data.path(), arguments)).await;
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert!(said.contains("was written by a newer version of Steadyhand"), "{said}");
        assert!(said.contains("steadyhand.db") && said.contains("STEADYHAND_DATA"), "{said}");
    }
    assert!(fs::read(data.path().join("steadyhand.db")).expect("the database") == before, "it was changed");
    later("DELETE FROM _sqlx_migrations WHERE version = 9999");
    let app = App::start(data.path()).await;
    let projects = app.call("projects", json!({})).await;
    let names: Vec<&Value> =
        projects.as_array().expect("projects").iter().map(|project| &project["name"]).collect();
    assert!(names.contains(&&json!("kept")), "{names:?}");
    app.end().await;
}
