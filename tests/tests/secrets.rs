//! Secrets that commands print: they are neither stored nor shown.
#![allow(clippy::expect_used, reason = "what goes wrong ends the test")]

use std::fs;

use serde_json::json;
use steadyhand_tests::{
    app::{App, states},
    command::{ended, steady},
    files::files_with,
    process::Said,
    sshd::Sshd,
};

const SECRET: &str = "open/sesame \"now\" & later";

/// Prints the secret in several forms, and in two pieces between which the app is killed.
const PRINTS: &str = r#"      - name: Print
        env: { KEY: "${{ secrets.KEY }}" }
        run: |
          printf 'raw %s\n' "$KEY"
          printf 'basic %s\n' "$(printf 'user:%s' "$KEY" | base64)"
          printf 'hex %s\n' "$(printf %s "$KEY" | od -An -tx1 | tr -d ' \n')"
          printf 'in pieces %.8s' "$KEY"
          echo printed > "$HOME/half"
          until [ -e "$HOME/go" ]; do [ -d ~ ] || exit 1; sleep 0.02; done
          printf '%s\n' "$KEY" | tail -c +9
      - name: Fail
        wait_for: { command: "echo no ${{ secrets.KEY }}; false", timeout: 1s }
"#;

#[tokio::test]
async fn a_secret_is_stored_nowhere_also_when_the_app_is_killed_in_its_middle() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let half = Said::at(&sshd.home().join("half"));
    let plan = sshd.plan(PRINTS).replace("tasks:\n", "secrets: [KEY]\ntasks:\n");
    let with = |app: &mut tokio::process::Command| {
        app.env("STEADYHAND_SECRET_KEY", SECRET);
    };
    let mut app = App::start_with(data.path(), with).await;
    let project = app.project("shop", &plan).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let (_, _) = tokio::join!(
        half.heard(),
        app.run(&project, 1, |detail| detail["steps"][0]["attempts"][0]["lines"] == 4)
    );
    app.kill().await;
    fs::write(sshd.home().join("go"), "").expect("go");
    let app = App::start_with(data.path(), with).await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(states(&detail), ["completed", "failed"], "{detail:#}");

    let log = String::from_utf8(app.log(&detail["steps"][0]).await).expect("text");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines[0], lines[2], lines[3]), ("raw ***", "hex ***", "in pieces ***"), "{log}");
    assert!(lines[1].starts_with("basic dXNlcjp") && lines[1].contains("***"), "{log}");
    let reason = detail["steps"][1]["reason_text"].as_str().expect("a reason");
    assert!(reason.contains("no [secret KEY]"), "{reason}");
    let (_, said) = ended(&mut steady(data.path(), &["logs", "shop/1"])).await;
    app.end().await;

    for part in [SECRET, "open/sesame", "sesame", "b3Blbi9zZXNhbW", "6f70656e2f736573616d65"] {
        assert!(!said.contains(part) && !detail.to_string().contains(part), "{part:?} is shown");
        let found = files_with(data.path(), part.as_bytes());
        assert!(found.is_empty(), "{part:?} is in {found:?}");
    }
}
