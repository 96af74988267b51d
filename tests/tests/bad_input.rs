//! What is wrong from outside, and what it gets: plans, keys, hosts, output and pages of others. Each gets a clear
//! message, and the app goes on.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use reqwest::{StatusCode, header};
use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, states},
    command::{ended, steady},
    free_port,
    sshd::{Sshd, keygen},
};
use tokio::time::Instant;

/// A plan of one task with these steps on this host.
fn plan(host: &str, steps: &str) -> String {
    format!("name: shop\nhosts:\n  web1: {host}\ntasks:\n  deploy:\n    on: web1\n    steps:\n{steps}")
}

/// The step that a run comes to when the host can be reached.
const HELLO: &str = "      - run: echo hello\n";

/// Starts a run of the plan in a project of its own, and gives its end and how long it took.
async fn run(app: &App, name: &str, plan: &str) -> (Value, Duration) {
    let project = app.project(name, plan).await;
    let begun = Instant::now();
    app.call("start_run", json!({ "project_id": project })).await;
    (app.ended(&project, 1).await, begun.elapsed())
}

/// That a run of this plan fails at its only step because of the connection, and what it says.
async fn not_connected(app: &App, name: &str, host: &str) -> String {
    let (detail, took) = run(app, name, &plan(host, HELLO)).await;
    assert_eq!(states(&detail), ["failed"], "{detail:#}");
    assert_eq!(detail["steps"][0]["reason"]["kind"], "connection", "{detail:#}");
    assert!(took < Duration::from_secs(30), "it took {took:?}");
    detail["steps"][0]["reason"]["message"].as_str().expect("a message").to_owned()
}

/// That the app works as before.
async fn goes_on(app: &App, sshd: &Sshd) {
    let (detail, _) = run(app, "afterwards", &plan(&sshd.host(), HELLO)).await;
    assert_eq!(detail["run"]["state"], "completed", "{detail:#}");
}

#[tokio::test]
async fn a_plan_that_cannot_be_read_is_refused_with_every_problem_in_its_place() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path();
    let check = async |name: &str, content: &[u8], says: &[&str]| {
        let path = folder.join(name);
        fs::write(&path, content).expect("the plan");
        let path = path.to_str().expect("a path");
        for command in ["validate", "run"] {
            let (code, said) = ended(&mut steady(folder, &[command, path])).await;
            assert_eq!(code, Some(2), "{command} {name}: {said}");
            for says in says {
                assert!(said.contains(says), "{command} {name} does not say {says:?}: {said}");
            }
        }
    };
    check("latin.yaml", b"name: caf\xe9\n", &["latin.yaml", "UTF-8"]).await;
    check("open.yaml", b"name: [shop\ntasks: {", &["open.yaml:"]).await;
    check("empty.yaml", b"", &["empty.yaml"]).await;
    let several = b"name: shop\ntasks:\n  deploy:\n    on: web9\n    steps:\n      - runn: echo hi\n      - run: echo ${{ vars.missing }}\n";
    check(
        "several.yaml",
        several,
        &["several.yaml:4:", "web9", "several.yaml:6:", "did you mean", "several.yaml:7:", "missing"],
    )
    .await;
    let (code, said) =
        ended(&mut steady(folder, &["run", folder.join("nowhere.yaml").to_str().expect("a path")])).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("nowhere.yaml"), "{said}");
    let (code, said) = ended(&mut steady(folder, &["run", folder.to_str().expect("a path")])).await;
    assert_eq!(code, Some(2), "a folder is no plan: {said}");
    let (_, runs) = ended(&mut steady(folder, &["runs", "--format", "json"])).await;
    assert!(!runs.contains("\"number\""), "nothing was run: {runs}");
}

#[tokio::test]
async fn a_project_keeps_a_plan_with_errors_and_refuses_to_run_it() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let source = "name: shop\ntasks:\n  deploy:\n    on: web9\n    steps:\n      - run: echo hi\n";
    let project = app.call("create_project", json!({ "name": "shop", "source": source })).await;
    let of = json!({ "project_id": project["id"] });
    let refused = app.try_call("start_run", of.clone()).await.expect_err("refused");
    assert_eq!(refused.code, "plan_invalid");
    assert!(refused.message.contains("line 4") && refused.message.contains("web9"), "{refused:?}");
    assert_eq!(app.call("plan", of).await["source"], source, "work in progress is kept");
    goes_on(&app, &sshd).await;
    app.end().await;
}

#[tokio::test]
async fn a_missing_key_file_is_named() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let missing = data.path().join("no-such-key");
    let host =
        format!("{{ address: 127.0.0.1, port: {}, user: root, identity: {} }}", sshd.port, missing.display());
    let message = not_connected(&app, "shop", &host).await;
    assert!(message.contains(&format!("the key file {} does not exist", missing.display())), "{message}");
    goes_on(&app, &sshd).await;
    app.end().await;
}

/// Waits for a question of this kind, answering those about host keys, and gives it.
async fn question(app: &App, again: bool) -> Value {
    app.wait_for("a question", async |app| {
        let questions = app.call("questions", json!({})).await;
        for question in questions.as_array()? {
            if question["about"]["kind"] == "host_key" {
                let trust = json!({ "question_id": question["id"], "answer": { "kind": "trust" } });
                let _ = app.try_call("answer_question", trust).await;
            } else if question["again"] == again {
                return Some(question.clone());
            }
        }
        None
    })
    .await
}

#[tokio::test]
async fn a_wrong_passphrase_is_asked_for_again_and_no_passphrase_ends_the_run() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let key = data.path().join("locked");
    fs::copy(sshd.key(), &key).expect("the key");
    let locked = Command::new("ssh-keygen")
        .args(["-q", "-p", "-P", "", "-N", "open sesame", "-f"])
        .arg(&key)
        .stdout(Stdio::null())
        .status()
        .expect("ssh-keygen");
    assert!(locked.success());
    let host =
        format!("{{ address: 127.0.0.1, port: {}, user: root, identity: {} }}", sshd.port, key.display());
    let project = app.project("shop", &plan(&host, HELLO)).await;
    let answer = |question: &Value, answer: Value| json!({ "question_id": question["id"], "answer": answer });

    app.call("start_run", json!({ "project_id": project })).await;
    let asked = question(&app, false).await;
    assert_eq!(asked["about"], json!({ "kind": "passphrase", "path": key }));
    app.call("answer_question", answer(&asked, json!({ "kind": "refuse" }))).await;
    let refused = app.ended(&project, 1).await;
    let message = refused["steps"][0]["reason"]["message"].as_str().expect("a message");
    assert!(message.contains("is encrypted and no passphrase was given"), "{message}");

    app.call("start_run", json!({ "project_id": project })).await;
    let asked = question(&app, false).await;
    app.call("answer_question", answer(&asked, json!({ "kind": "secret", "value": "wrong" }))).await;
    let again = question(&app, true).await;
    assert_eq!(again["about"]["kind"], "passphrase", "{again:#}");
    app.call("answer_question", answer(&again, json!({ "kind": "secret", "value": "open sesame" }))).await;
    assert_eq!(app.ended(&project, 2).await["run"]["state"], "completed");
    app.end().await;
}

/// A port whose packets get no answer, as behind a firewall that drops them: its queue of connections is full.
struct BlackHole {
    port: u16,
    _listener: tokio::net::TcpListener,
    _waiting: Vec<tokio::net::TcpStream>,
}

impl BlackHole {
    async fn start() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let listener = socket.listen(1).expect("it listens");
        let port = listener.local_addr().expect("its address").port();
        let mut waiting = Vec::new();
        // Full is what no longer answers within a time in which loopback answers a thousand times.
        while let Ok(stream) = tokio::time::timeout(
            Duration::from_millis(500),
            tokio::net::TcpStream::connect(("127.0.0.1", port)),
        )
        .await
        {
            waiting.push(stream.expect("a connection"));
        }
        Self { port, _listener: listener, _waiting: waiting }
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_told_within_seconds_and_why() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let host = |address: &str, port: u16| format!("{{ address: {address}, port: {port}, user: root }}");

    let message = not_connected(&app, "refused", &host("127.0.0.1", free_port())).await;
    assert!(message.contains("the connection was refused"), "{message}");

    let message = not_connected(&app, "nameless", &host("no-such-host.invalid", 22)).await;
    assert!(message.contains("the name no-such-host.invalid was not found"), "{message}");

    // Connections are taken and nothing is ever said.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let port = mute.local_addr().expect("an address").port();
    let message = not_connected(&app, "mute", &host("127.0.0.1", port)).await;
    assert!(message.contains("no answer within"), "{message}");

    let hole = BlackHole::start().await;
    let message = not_connected(&app, "hole", &host("127.0.0.1", hole.port)).await;
    assert!(message.contains("no answer within") && message.contains("while connecting"), "{message}");

    let (detail, _) =
        run(&app, "local", "name: local\ntasks:\n  t:\n    on: local\n    steps:\n      - run: 'true'\n")
            .await;
    assert_eq!(detail["run"]["state"], "completed");
    goes_on(&app, &sshd).await;
    app.end().await;
}

fn fingerprint(key: &Path) -> String {
    let listed = Command::new("ssh-keygen").arg("-lf").arg(key).output().expect("ssh-keygen");
    let listed = String::from_utf8(listed.stdout).expect("text");
    listed.split_whitespace().nth(1).expect("a fingerprint").to_owned()
}

#[tokio::test]
async fn a_changed_host_key_is_a_hard_stop_that_shows_both_fingerprints() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let (other, known) = (data.path().join("other_key"), data.path().join("known_hosts"));
    keygen(&other, "");
    let public = other.with_extension("pub");
    let key = fs::read_to_string(&public).expect("a key");
    let record = format!("# kept\n[127.0.0.1]:{} {}\n", sshd.port, key.trim());
    fs::write(&known, &record).expect("known_hosts");
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&sshd.host(), "      - run: touch \"$HOME/touched\"\n")).await;
    app.call("start_run", json!({ "project_id": project })).await;
    // Not `ended`, which would answer questions: none may be asked.
    let detail = app
        .wait_for("the end of the run", async |app| {
            assert_eq!(app.call("questions", json!({})).await, json!([]), "a changed key is not asked about");
            let runs = app.call("runs", json!({ "project_id": project, "limit": 1 })).await;
            (runs[0]["state"] == "failed").then_some(runs[0]["id"].clone())
        })
        .await;
    let detail = app.call("run", json!({ "run_id": detail })).await;
    let message = detail["steps"][0]["reason"]["message"].as_str().expect("a message");
    let (expected, found) = (fingerprint(&public), fingerprint(&sshd.key().with_file_name("host_key.pub")));
    assert_ne!(expected, found);
    for part in ["THE HOST KEY HAS CHANGED", &expected, &found, &format!("{} line 2", known.display())] {
        assert!(message.contains(part), "{message} does not say {part}");
    }
    assert!(!sshd.home().join("touched").exists());
    // Other servers (that for practice) may be added meanwhile.
    let recorded = fs::read_to_string(&known).expect("known_hosts");
    assert!(recorded.starts_with(&record), "the record is as it was: {recorded}");
    assert_eq!(recorded.matches(&format!("]:{} ", sshd.port)).count(), 1, "{recorded}");
    // The person removes the line, as the message says, and trusts the new key.
    fs::write(&known, recorded.replace(&record, "# kept\n")).expect("known_hosts");
    app.call("start_run", json!({ "project_id": project })).await;
    assert_eq!(app.ended(&project, 2).await["run"]["state"], "completed");
    app.end().await;
}

async fn window(app: &App, step: &Value, from: u64, count: u64) -> Value {
    let request = json!({ "step_id": step["id"], "attempt": 1, "from": from, "count": count });
    app.call("log_lines", request).await
}

#[tokio::test]
async fn output_that_is_not_text_is_kept_byte_for_byte_and_shown_as_far_as_it_can_be() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let steps = r#"      - name: Not UTF-8
        run: printf 'caf\351 \000 \303\050 \377\376\nna\303\257ve\n'
      - name: A line of 10 MB
        run: |
          head -c 10000000 /dev/zero | tr '\000' x
          echo; echo the end
      - name: A million colour codes
        run: yes "$(printf '\033[31mred\033[0m')" | head -n 500000
      - name: A line of colour codes
        run: |
          yes "$(printf '\033[1;32mgreen\033[0m')" | head -n 100000 | tr -d '\n'
          echo; echo the end
"#;
    let (detail, _) = run(&app, "shop", &plan(&sshd.host(), steps)).await;
    assert_eq!(states(&detail), ["completed"; 4], "{detail:#}");
    let steps = detail["steps"].as_array().expect("steps");

    let raw = b"caf\xe9 \0 \xc3\x28 \xff\xfe\nna\xc3\xafve\n";
    assert_eq!(app.log(&steps[0]).await, raw);
    let shown = window(&app, &steps[0], 1, 10).await;
    assert_eq!(shown["lines"][0]["text"], "caf\u{fffd} \0 \u{fffd}( \u{fffd}\u{fffd}");
    assert_eq!(shown["lines"][1]["text"], "naïve");

    let log = app.log(&steps[1]).await;
    assert_eq!((log.len(), log.iter().filter(|byte| **byte == b'x').count()), (10_000_009, 10_000_000));
    let shown = window(&app, &steps[1], 1, 10).await;
    assert_eq!((&shown["total_lines"], &shown["lines"][1]["text"]), (&json!(2), &json!("the end")));
    let line = &shown["lines"][0];
    assert_eq!((&line["bytes"], &line["cut"]), (&json!(10_000_000), &json!(true)));
    assert!(line["text"].as_str().is_some_and(|text| text.len() < 1_000_000), "only its beginning is sent");

    assert_eq!(steps[2]["attempts"][0]["lines"], 500_000);
    assert_eq!(app.log(&steps[2]).await, "\x1b[31mred\x1b[0m\n".repeat(500_000).as_bytes());
    let begun = Instant::now();
    let shown = window(&app, &steps[2], 499_000, 2_000).await;
    assert_eq!(shown["lines"].as_array().map(Vec::len), Some(1_001));
    assert_eq!(shown["lines"][1_000]["text"], "\u{1b}[31mred\u{1b}[0m");
    assert!(begun.elapsed() < Duration::from_secs(5), "a window took {:?}", begun.elapsed());

    let shown = window(&app, &steps[3], 1, 10).await;
    assert_eq!((&shown["lines"][0]["cut"], &shown["lines"][1]["text"]), (&json!(true), &json!("the end")));
    app.end().await;
}

#[tokio::test]
async fn a_command_gets_no_input_and_no_terminal_and_what_it_leaves_behind_does_not_hold_the_step() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let steps = r#"      - name: Reads its input
        timeout: 30s
        run: |
          cat
          read -r answer
          echo "read: $?"
      - name: Leaves daemons behind
        timeout: 30s
        run: |
          setsid sleep 300 > "$HOME/out" 2>&1 < /dev/null &
          echo $! > "$HOME/quiet"
          sh -c 'echo $$ > "$HOME/loud"; exec sleep 300' &
          until [ -s "$HOME/loud" ]; do sleep 0.02; done
          echo left
      - name: Asks on the terminal
        timeout: 30s
        run: |
          echo before
          printf 'Password: ' > /dev/tty && read -r password < /dev/tty
"#;
    let (detail, took) = run(&app, "shop", &plan(&sshd.host(), steps)).await;
    let pids: Vec<String> = ["quiet", "loud"]
        .iter()
        .map(|name| fs::read_to_string(sshd.home().join(name)).unwrap_or_default().trim().to_owned())
        .collect();
    let running: Vec<bool> = pids.iter().map(|pid| Path::new(&format!("/proc/{pid}/exe")).exists()).collect();
    let _ = Command::new("kill").args(&pids).stderr(Stdio::null()).status();
    assert_eq!(states(&detail), ["completed", "completed", "failed"], "{detail:#}");
    assert!(took < Duration::from_secs(25), "nothing waited: {took:?}");
    assert_eq!(app.log(&detail["steps"][0]).await, b"read: 1\n");
    assert_eq!(app.log(&detail["steps"][1]).await, b"left\n");
    assert_eq!(running, [true, true], "the daemons run on after the step: {pids:?}");
    let log = String::from_utf8(app.log(&detail["steps"][2]).await).expect("text");
    assert!(log.starts_with("before\n") && log.contains("/dev/tty"), "{log}");
    assert_eq!(detail["steps"][2]["reason"]["outcome"]["kind"], "exited");
    app.end().await;
}

#[tokio::test]
async fn a_page_of_another_origin_cannot_use_the_server() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&sshd.host(), HELLO)).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let start = || {
        client
            .post(format!("{}/api/start_run", app.base))
            .bearer_auth(&app.token)
            .json(&json!({ "project_id": project }))
    };
    let refused = async |request: reqwest::RequestBuilder, status: StatusCode, says: &str| {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{says}");
        assert!(answer.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN).is_none(), "{says}");
        let error: Value = answer.json().await.expect("JSON");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(says)), "{error:#}");
    };
    let foreign = "pages of other origins cannot use this server";
    refused(start().header(header::ORIGIN, "https://evil.example"), StatusCode::FORBIDDEN, foreign).await;
    refused(start().header(header::ORIGIN, "null"), StatusCode::FORBIDDEN, foreign).await;
    refused(start().header("sec-fetch-site", "cross-site"), StatusCode::FORBIDDEN, foreign).await;
    let name = "does not go by the name";
    refused(start().header(header::HOST, "evil.example"), StatusCode::MISDIRECTED_REQUEST, name).await;
    let form = client
        .post(format!("{}/api/start_run", app.base))
        .bearer_auth(&app.token)
        .header(header::CONTENT_TYPE, "text/plain")
        .body(json!({ "project_id": project }).to_string());
    assert_eq!(form.send().await.expect("an answer").status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let nobody = client.post(format!("{}/api/start_run", app.base)).json(&json!({ "project_id": project }));
    refused(nobody, StatusCode::UNAUTHORIZED, "has not been let in").await;
    let listening =
        client.get(format!("{}/api/updates", app.base)).header(header::ORIGIN, "https://evil.example");
    refused(listening.bearer_auth(&app.token), StatusCode::FORBIDDEN, foreign).await;

    let runs = app.call("runs", json!({ "project_id": project, "limit": 10 })).await;
    assert_eq!(runs, json!([]), "nothing was started");
    let own = start().header(header::ORIGIN, &app.base).send().await.expect("an answer");
    assert_eq!(own.status(), StatusCode::OK, "its own page may");
    assert_eq!(app.ended(&project, 1).await["run"]["state"], "completed");
    app.end().await;
}
