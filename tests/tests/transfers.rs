//! Files to a host and from it, by a plan: what is the same does not travel, and a check foretells what does.
#![allow(clippy::expect_used, reason = "what goes wrong ends the test")]

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use serde_json::{Value, json};
use steadyhand_tests::{app::App, sshd::Sshd};

/// Runs the project's plan, and tells of each step whether it changed anything.
async fn run(app: &App, project: &str, number: u64) -> (Value, Vec<Option<bool>>) {
    app.say(project, "Redeploy the application").await;
    let detail = app.ended(project, number).await;
    assert_eq!(detail["run"]["state"], "completed", "{detail:#}");
    let steps = detail["steps"].as_array().expect("steps").clone();
    let changed = steps.iter().map(|step| step["changed"].as_bool()).collect();
    (detail, changed)
}

/// The verdicts of a check, each with its text.
async fn check(app: &App, project: &str) -> Vec<(String, String)> {
    let report = app.call("check_run", json!({ "project_id": project })).await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let steps = report["steps"].as_array().expect("steps");
    steps.iter().map(|step| (text(&step["verdict"]), text(&step["text"]))).collect()
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).expect("the file").ino()
}

#[tokio::test]
async fn a_second_run_sends_nothing_and_a_check_foretells_each() {
    let (sshd, data) = Sshd::known();
    let here = tempfile::tempdir().expect("a folder");
    let (dist, logs) = (here.path().join("dist"), here.path().join("logs"));
    fs::create_dir_all(dist.join("assets")).expect("a folder");
    fs::write(dist.join("index.html"), "<h1>one</h1>").expect("a file");
    for i in 0..30 {
        fs::write(dist.join(format!("assets/part {i:02}.js")), format!("part {i}")).expect("a file");
    }
    let home = sshd.home();
    fs::create_dir_all(home.join("log")).expect("a folder");
    fs::write(home.join("log/today"), "a line\n").expect("a file");
    let app = App::start(data.path()).await;
    let plan = sshd.plan(&format!(
        "      - upload: {{ from: {}/, to: \"~/www/\" }}\n      - download: {{ from: \"~/log/\", to: {} }}\n",
        dist.display(),
        logs.display()
    ));
    let project = app.project("shop", &plan).await;
    let preview = app.call("preview", json!({ "project_id": project })).await;
    let shown = format!("download ~/log/ to {}", logs.display());
    assert_eq!(preview["steps"][1]["what"], shown, "{preview:#}");

    // Nothing is there.
    let foretold = check(&app, &project).await;
    assert_eq!((foretold[0].0.as_str(), foretold[1].0.as_str()), ("change", "change"));
    assert!(foretold[0].1.contains("+ ~/www/assets/part 00.js\n"), "{}", foretold[0].1);
    assert!(foretold[0].1.ends_with("\nand 13 more"), "{}", foretold[0].1);
    assert!(foretold[1].1.contains(&format!("+ {}/today", logs.display())), "{}", foretold[1].1);
    assert!(!home.join("www").exists() && !logs.exists(), "a check changes nothing");
    let (detail, changed) = run(&app, &project, 1).await;
    assert_eq!(changed, [Some(true), Some(true)]);
    assert_eq!(fs::read_to_string(home.join("www/index.html")).expect("it"), "<h1>one</h1>");
    assert_eq!(fs::read_to_string(logs.join("today")).expect("it"), "a line\n");
    let log = String::from_utf8(app.log(&detail["steps"][0]).await).expect("text");
    assert!(log.contains("Done: 31 files, 212 bytes; 2 folders made"), "{log}");

    // All is the same.
    let foretold = check(&app, &project).await;
    assert_eq!(foretold, [("ok".to_owned(), String::new()), ("ok".to_owned(), String::new())]);
    let before = (inode(&home.join("www/index.html")), inode(&logs.join("today")));
    let (detail, changed) = run(&app, &project, 2).await;
    assert_eq!(changed, [Some(false), Some(false)]);
    let log = String::from_utf8(app.log(&detail["steps"][0]).await).expect("text");
    assert!(log.contains("Done: no file differed; 31 files were the same already"), "{log}");
    assert_eq!((inode(&home.join("www/index.html")), inode(&logs.join("today"))), before);

    // Somebody changed a little on each side.
    fs::write(home.join("www/index.html"), "<h1>two</h1>").expect("a file");
    fs::remove_file(home.join("www/assets/part 07.js")).expect("a file");
    fs::write(home.join("log/today"), "a line\nanother\n").expect("a file");
    let foretold = check(&app, &project).await;
    let expected = [
        ("change".to_owned(), "+ ~/www/assets/part 07.js\n~ ~/www/index.html".to_owned()),
        ("change".to_owned(), format!("~ {}/today", logs.display())),
    ];
    assert_eq!(foretold, expected);
    let untouched = inode(&home.join("www/assets/part 08.js"));
    let (detail, changed) = run(&app, &project, 3).await;
    assert_eq!(changed, [Some(true), Some(true)]);
    let log = String::from_utf8(app.log(&detail["steps"][0]).await).expect("text");
    assert!(log.contains("Done: 2 files, 18 bytes; 29 files were the same already"), "{log}");
    assert_eq!(inode(&home.join("www/assets/part 08.js")), untouched);
    assert_eq!(fs::read_to_string(home.join("www/index.html")).expect("it"), "<h1>one</h1>");
    assert_eq!(fs::read_to_string(logs.join("today")).expect("it"), "a line\nanother\n");
    app.end().await;
}

#[tokio::test]
async fn a_check_says_what_it_cannot_know_and_what_would_fail() {
    let (sshd, data) = Sshd::known();
    let here = tempfile::tempdir().expect("a folder");
    let folder = here.path().display();
    fs::write(here.path().join("there"), "x").expect("a file");
    let app = App::start(data.path()).await;
    let plan = format!(
        r#"name: shop
hosts:
  web1: {}
tasks:
  before:
    on: web1
    steps:
      - upload: {{ from: {folder}/nothing, to: "~/x" }}
      - download: {{ from: "~/nothing", to: {folder}/x }}
  build:
    on: local
    needs: [before]
    steps:
      - {{ name: Build, run: "echo y > {folder}/built" }}
  deploy:
    on: web1
    needs: [build]
    steps:
      - upload: {{ from: {folder}/built, to: "~/built" }}
      - {{ name: Dump, run: "echo z > ~/dump" }}
      - download: {{ from: "~/dump", to: {folder}/dump }}
"#,
        sshd.host()
    );
    let project = app.project("shop", &plan).await;
    let foretold = check(&app, &project).await;
    let verdicts: Vec<&str> = foretold.iter().map(|(verdict, _)| verdict.as_str()).collect();
    assert_eq!(verdicts, ["failed", "failed", "change", "unknown", "change", "unknown"], "{foretold:#?}");
    assert!(foretold[0].1.contains("nothing cannot be read on this machine"), "{}", foretold[0].1);
    assert!(foretold[1].1.contains("there is no") && foretold[1].1.contains("/nothing"), "{}", foretold[1].1);
    assert!(
        foretold[3].1.ends_with("built is not there yet; the step “Build” before it may make it"),
        "{}",
        foretold[3].1
    );
    assert!(foretold[5].1.contains("the step “Dump” before it may make it"), "{}", foretold[5].1);
    // Once all is there: what a command makes of it is not known, but what differs now is.
    fs::write(here.path().join("built"), "y\n").expect("a file");
    fs::write(sshd.home().join("built"), "y\n").expect("a file");
    fs::write(sshd.home().join("dump"), "z\n").expect("a file");
    let foretold = check(&app, &project).await;
    assert_eq!(foretold[3].0, "unknown");
    assert!(
        foretold[3].1.contains("nothing differs now, but the step “Build” before it may change"),
        "{}",
        foretold[3].1
    );
    assert_eq!(foretold[5], ("change".to_owned(), format!("+ {folder}/dump")));
    app.end().await;
}

#[tokio::test]
async fn a_download_that_is_missing_fails_its_step_with_the_reason() {
    let (sshd, data) = Sshd::known();
    let app = App::start(data.path()).await;
    let to = data.path().join("fetched");
    let plan = sshd.plan(&format!("      - download: {{ from: /nowhere/at-all, to: {} }}\n", to.display()));
    let project = app.project("shop", &plan).await;
    app.say(&project, "Redeploy the application").await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(detail["run"]["state"], "failed", "{detail:#}");
    let reason = detail["steps"][0]["reason_text"].as_str().expect("a reason");
    assert!(reason.contains("the download of /nowhere/at-all to"), "{reason}");
    assert!(reason.contains("there is no /nowhere/at-all, or this user cannot see it"), "{reason}");
    assert!(!to.exists());
    app.end().await;
}
