//! Steps that are carried out as another user: sudo, su and doas, with and without a password, on a real host.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::{fs, path::Path};

use serde_json::json;
use steadyhand_tests::{
    app::App,
    command::{ended, steady},
    debian::{DEPLOY, Debian},
};
use tokio::process::Command;

/// The password of `asks`, and another one.
const PASSWORD: &str = "it's a pass$word";
const ROOT_PASSWORD: &str = "r00t of this host";

/// A host with users: `asks` may use sudo with a password, `never` may not, and `other` may do nothing.
fn host() -> Debian {
    let host = Debian::start();
    host.does(&format!(
        "for name in asks never other; do useradd -m -s /bin/sh -p '*' \"$name\"; done
         chpasswd <<'X'\nasks:{PASSWORD}\nroot:{ROOT_PASSWORD}\nX
         echo 'asks ALL=(ALL) ALL' >/etc/sudoers.d/asks
         chmod 440 /etc/sudoers.d/asks"
    ));
    host
}

fn plan(data: &Path, host: &Debian, user: &str, tasks: &str) -> String {
    let source = format!(
        "name: shop\nsecrets: [PASSWORD]\nhosts: {{ web1: {} }}\ntasks:\n  t:\n    on: web1\n{tasks}",
        host.host(user)
    );
    fs::write(data.join("plan.yaml"), &source).expect("a plan");
    source
}

/// Runs the plan with this value of its secret; gives what was said.
async fn run(data: &Path, password: &str, code: i32) -> String {
    let path = data.join("plan.yaml");
    let mut command: Command = steady(data, &["run", path.to_str().unwrap(), "--yes"]);
    let (ended, said) = ended(command.env("STEADYHAND_SECRET_PASSWORD", password)).await;
    assert_eq!(ended, Some(code), "{said}");
    assert!(!said.contains(password), "the password is in what was said: {said}");
    said
}

/// What each way to another user has to do.
fn steps(elevate: &str) -> String {
    format!(
        r#"    {elevate}
    steps:
      - run: |
          umask 022
          id -un > /tmp/who; echo "$HOME" >> /tmp/who; echo "$SHOP" >> /tmp/who
          for line in /proc/[0-9]*/cmdline; do
            case $(tr '\0' ' ' <"$line" 2>/dev/null) in *"$LOOK_FOR"*) exit 9 ;; esac
          done
        env: {{ SHOP: "it's ${{{{ host.name }}}}", LOOK_FOR: "${{{{ secrets.PASSWORD }}}}" }}
      - name: Skipped
        run: exit 1
        creates: ~/.profile
      - file: {{ path: ~/made, content: "x", mode: "0600" }}
      - run: exit 1
        unless: test -O ~/made
"#
    )
}

async fn becomes(host: &Debian, user: &str, elevate: &str, expected: &str) {
    let data = tempfile::tempdir().expect("a folder");
    host.is_known_in(data.path());
    host.does("rm -f /tmp/who ~root/made ~other/made");
    plan(data.path(), host, user, &steps(elevate));
    let said = run(data.path(), PASSWORD, 0).await;
    assert_eq!(host.asked("cat /tmp/who"), expected, "{elevate}: {said}");
    assert!(said.contains("~/.profile exists already"), "the guard was asked as somebody else: {said}");
}

#[tokio::test]
async fn steps_guards_and_files_are_carried_out_as_another_user_by_each_program() {
    let host = host();
    host.does(
        "apt-get -qq update >/dev/null; apt-get -y -qq install opendoas >/dev/null 2>&1
               echo 'permit nopass deploy as other' >/etc/doas.conf",
    );
    let (root, other) = ("root\n/root\nit's web1\n", "other\n/home/other\nit's web1\n");
    becomes(&host, DEPLOY, "sudo: true", root).await;
    becomes(&host, DEPLOY, "become: { user: other }", other).await;
    becomes(&host, "asks", "become: { password: \"${{ secrets.PASSWORD }}\" }", root).await;
    becomes(&host, "asks", "become: { user: other, password: \"${{ secrets.PASSWORD }}\" }", other).await;
    becomes(&host, "root", "become: { user: other, method: su }", other).await;
    becomes(&host, DEPLOY, "become: { user: other, method: doas }", other).await;
    // With sudo that asks for no password, one that is given is not taken for a part of the script.
    becomes(&host, DEPLOY, "become: { password: \"${{ secrets.PASSWORD }}\" }", root).await;
}

#[tokio::test]
async fn su_takes_the_password_of_the_other_user() {
    let (host, data) = (host(), tempfile::tempdir().expect("a folder"));
    host.is_known_in(data.path());
    let elevate = "    become: { method: su, password: \"${{ secrets.PASSWORD }}\" }\n    steps:\n";
    plan(data.path(), &host, "never", &format!("{elevate}      - run: id -un > /tmp/su\n"));
    run(data.path(), ROOT_PASSWORD, 0).await;
    assert_eq!(host.asked("cat /tmp/su"), "root\n");
}

#[tokio::test]
async fn a_refusal_is_one_clear_error() {
    let host = host();
    for (user, elevate, password, expected) in [
        (
            "asks",
            "sudo: true",
            PASSWORD,
            "sudo on web1 does not let this user become root: sudo: a password is required; give `become` a `password`",
        ),
        (
            "asks",
            "become: { password: \"${{ secrets.PASSWORD }}\" }",
            "another password",
            "sudo on web1 does not let this user become root",
        ),
        (
            "never",
            "become: { password: \"${{ secrets.PASSWORD }}\" }",
            PASSWORD,
            "sudo on web1 does not let this user become root",
        ),
        (DEPLOY, "become: { method: doas }", PASSWORD, "install doas there"),
        (DEPLOY, "become: { user: nobody-there }", PASSWORD, "unknown user"),
    ] {
        let data = tempfile::tempdir().expect("a folder");
        host.is_known_in(data.path());
        plan(data.path(), &host, user, &format!("    {elevate}\n    steps: [ {{ run: touch /tmp/ran }} ]\n"));
        let said = run(data.path(), password, 1).await;
        assert!(said.contains(expected), "{user}, {elevate}: {said}");
        host.does("[ ! -e /tmp/ran ]");
    }
}

#[tokio::test]
async fn an_upload_belongs_to_the_other_user() {
    let host = host();
    for (user, elevate) in
        [(DEPLOY, "sudo: true"), ("asks", "become: { password: \"${{ secrets.PASSWORD }}\" }")]
    {
        let data = tempfile::tempdir().expect("a folder");
        host.is_known_in(data.path());
        fs::create_dir(data.path().join("dist")).expect("a folder");
        fs::write(data.path().join("dist/page"), "one").expect("a file");
        host.does("rm -rf /srv/site");
        plan(
            data.path(),
            &host,
            user,
            &format!("    {elevate}\n    steps: [ {{ upload: {{ from: dist/, to: /srv/site/ }} }} ]\n"),
        );
        run(data.path(), PASSWORD, 0).await;
        assert_eq!(host.asked("stat -c %U /srv/site/page; cat /srv/site/page"), "root\none");
    }
}

#[tokio::test]
async fn a_stop_ends_what_runs_as_another_user_and_leaves_nothing() {
    let host = host();
    for (user, elevate) in
        [(DEPLOY, "sudo: true"), ("asks", "become: { password: \"${{ secrets.PASSWORD }}\" }")]
    {
        let data = tempfile::tempdir().expect("a folder");
        host.is_known_in(data.path());
        host.does("rm -f /tmp/begun");
        let source = plan(
            data.path(),
            &host,
            user,
            &format!(
                "    {elevate}\n    steps:\n      - run: |\n          setsid sleep 4321 &\n          touch /tmp/begun\n          sleep 4321\n"
            ),
        );
        let app = App::start_with(data.path(), |command| {
            command.env("STEADYHAND_SECRET_PASSWORD", PASSWORD);
        })
        .await;
        let project = app.project("shop", &source).await;
        let run = app.call("start_run", json!({ "project_id": project })).await;
        app.run(&project, 1, |run| run["steps"][0]["state"] == "running").await;
        host.does("until [ -e /tmp/begun ]; do sleep 0.05; done");
        app.call("stop_run", json!({ "run_id": run["id"] })).await;
        let run = app.ended(&project, 1).await;
        assert_eq!(run["run"]["state"], "stopped", "{user}: {run:#}");
        assert_eq!(host.asked("pgrep -fx 'sleep 4321' || echo none"), "none\n", "{user}");
        app.end().await;
    }
}

#[tokio::test]
async fn what_was_begun_as_another_user_is_followed_to_its_end_though_the_host_refuses_now() {
    let (host, data) = (host(), tempfile::tempdir().expect("a folder"));
    host.is_known_in(data.path());
    let steps = "    sudo: true\n    steps:\n      - run: |\n          echo began >> /tmp/began\n          until [ -e /tmp/go ]; do sleep 0.05; done\n        retries: { times: 1, backoff: 10ms }\n";
    let source = plan(data.path(), &host, DEPLOY, steps);
    let app = App::start_with(data.path(), |command| {
        command.env("STEADYHAND_SECRET_PASSWORD", PASSWORD);
    })
    .await;
    let project = app.project("shop", &source).await;
    app.call("start_run", json!({ "project_id": project })).await;
    app.run(&project, 1, |run| run["steps"][0]["state"] == "running").await;
    host.does("until [ -e /tmp/began ]; do sleep 0.05; done; mv /etc/sudoers.d/deploy /root/");
    let mut app = app;
    app.kill().await;
    let app = App::start_with(data.path(), |command| {
        command.env("STEADYHAND_SECRET_PASSWORD", PASSWORD);
    })
    .await;
    host.does("touch /tmp/go");
    let run = app.ended(&project, 1).await;
    assert_eq!(run["run"]["state"], "completed", "{run:#}");
    assert_eq!(host.asked("cat /tmp/began"), "began\n");
    app.end().await;
}
