//! What happens when steps fail, wait, repeat or are ended: on a real server, through the real program.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, WAITS, states},
    process::alive,
    sshd::Sshd,
};

/// An application that a plan of six steps puts on a server. Its fourth step starts it, and fails with what it said
/// when it ends at once.
const SHOP: &str = r#"name: shop
hosts:
  web1: HOST
vars:
  port: PORT
tasks:
  deploy:
    on: web1
    steps:
      - name: Make the folder
        run: mkdir -p "$HOME/shop"
      - name: Write the application
        run: |
          cat > "$HOME/shop/server.js" <<'JS'
          const server = require('http').createServer((request, answer) => answer.end('the shop is open'));
          server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('open for business'));
          JS
      - name: Check the application
        run: node --check "$HOME/shop/server.js"
      - name: Start it
        cwd: "${{ host.home }}/shop"
        env: { PORT: "${{ vars.port }}" }
        run: |
          echo "starting on port $PORT"
          setsid node server.js > server.log 2>&1 < /dev/null &
          pid=$!
          echo "$pid" > server.pid
          until grep -q 'open for business' server.log; do
            kill -0 "$pid" 2>/dev/null || { wait "$pid"; status=$?; cat server.log; exit "$status"; }
            sleep 0.05
          done
      - name: Wait until it answers
        wait_for: { http: "http://127.0.0.1:${{ vars.port }}/", timeout: 30s }
      - name: Tell
        run: echo deployed
"#;

/// The plan of the shop, on this server and this port.
fn shop(sshd: &Sshd, port: u16) -> String {
    let home = sshd.home().display().to_string();
    SHOP.replace("HOST", &sshd.host())
        .replace("PORT\n", &format!("{port}\n"))
        .replace("${{ host.home }}", &home)
}

/// The process that a plan of the shop leaves behind; it ends when this is dropped.
struct Left(PathBuf);

impl Left {
    fn by(sshd: &Sshd) -> Self {
        Self(sshd.home().join("shop/server.pid"))
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        if let Ok(pid) = fs::read_to_string(&self.0) {
            let _ = Command::new("kill").arg(pid.trim()).stderr(Stdio::null()).status();
        }
    }
}

/// A process of its own that holds a port on the server; it ends when this is dropped.
struct Holder {
    port: u16,
    process: Child,
}

impl Holder {
    /// Holds a port below those that the system gives to outgoing connections, so that the next ones stay free.
    fn start() -> Self {
        let first = 20_000 + u16::try_from(std::process::id() % 5_000).expect("a small number");
        let free = |port: u16| (port..port + 4).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
        static TAKEN: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
        let port = (first..32_000)
            .skip(usize::from(TAKEN.fetch_add(50, std::sync::atomic::Ordering::Relaxed)))
            .find(|port| free(*port))
            .expect("a free port");
        let script = "require('net').createServer().listen(Number(process.argv[1]), '127.0.0.1')";
        let process =
            Command::new("node").args(["-e", script, &port.to_string()]).spawn().expect("node starts");
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Self { port, process }
    }

    /// How the system calls it.
    fn name(&self) -> String {
        let name = fs::read_to_string(format!("/proc/{}/comm", self.process.id())).expect("its name");
        name.trim().to_owned()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn card<'a>(message: &'a Value, kind: &str) -> Option<&'a Value> {
    message["cards"].as_array()?.iter().find(|card| card["kind"] == kind)
}

/// The explanation of a failure.
async fn finding(app: &App, project: &str) -> Value {
    app.answer(project, 0, |message| card(message, "finding").is_some()).await
}

async fn proposal(app: &App, message: &Value) -> Value {
    let id =
        &card(message, "proposal").unwrap_or_else(|| panic!("no proposal in {message:#}"))["proposal_id"];
    app.call("proposal", json!({ "proposal_id": id })).await
}

async fn the_shop_answers_at(port: u64) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = client.get(format!("http://127.0.0.1:{port}/")).send().await.expect("it answers");
    assert_eq!(answer.text().await.expect("its text"), "the shop is open");
}

#[tokio::test]
async fn the_fourth_of_six_steps_fails_is_explained_and_mended_and_all_of_it_is_kept() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let (holder, _left) = (Holder::start(), Left::by(&sshd));
    let app = App::start(data.path()).await;
    let project = app.project("shop", &shop(&sshd, holder.port)).await;
    app.say(&project, "Redeploy the application").await;

    let first = app.ended(&project, 1).await;
    assert_eq!(first["run"]["state"], "failed", "{first:#}");
    assert_eq!(states(&first), ["completed", "completed", "completed", "failed", "skipped", "skipped"]);
    let failed = &first["steps"][3];
    assert_eq!(failed["reason"], json!({ "kind": "outcome", "outcome": { "kind": "exited", "status": 1 } }));
    assert_eq!(failed["attempts"][0]["outcome"], json!({ "kind": "exited", "status": 1 }));
    for step in &first["steps"].as_array().expect("steps")[4..] {
        assert_eq!(step["reason"], json!({ "kind": "earlier_step_failed", "step": "Start it" }));
        assert_eq!(step["reason_text"], "“Start it” failed before it");
        assert_eq!(step["attempts"], json!([]), "a skipped step was never begun");
    }

    let said = finding(&app, &project).await;
    let text = said["text"].as_str().expect("a text");
    assert!(text.starts_with("Run 1 failed at **Start it** on web1: exit status 1."), "{text}");
    let found = card(&said, "finding").expect("a finding");
    assert_eq!(found["run_id"], first["run"]["id"]);
    assert_eq!(found["step_id"], failed["id"]);
    assert_eq!(found["title"], format!("Port {} is already in use", holder.port));
    let cited = &found["citations"][0];
    let expected = format!("Error: listen EADDRINUSE: address already in use 127.0.0.1:{}", holder.port);
    assert_eq!(cited["text"], expected, "{found:#}");
    let log = String::from_utf8(app.log(failed).await).expect("text");
    let line = usize::try_from(cited["line"].as_u64().expect("a number")).expect("a small number");
    assert_eq!(log.lines().nth(line - 1), Some(expected.as_str()), "{log}");

    let proposed = proposal(&app, &said).await;
    let accept = json!({ "proposal_id": proposed["id"], "sha256": proposed["sha256"], "run": true });
    let accepted = app.call("accept_proposal", accept).await;
    assert_eq!(accepted["state"]["kind"], "accepted");
    let second = app.ended(&project, 2).await;
    assert_eq!(second["run"]["state"], "completed", "{second:#}");
    assert_eq!(states(&second), ["completed"; 6]);
    assert_eq!(second["run"]["trigger"], "proposal");
    assert_eq!(second["run"]["plan_sha256"], proposed["sha256"]);

    let list = json!({ "project_id": project, "limit": 100 });
    let messages = app.call("messages", list.clone()).await;
    app.end().await;
    let app = App::start(data.path()).await;
    let runs = app.call("runs", list.clone()).await;
    let kept: Vec<_> =
        runs.as_array().expect("runs").iter().map(|run| (&run["number"], &run["state"])).collect();
    assert_eq!(kept, [(&json!(2), &json!("completed")), (&json!(1), &json!("failed"))]);
    assert_eq!(app.call("messages", list).await, messages);
    let again = app.call("run", json!({ "run_id": first["run"]["id"] })).await;
    assert_eq!(again["steps"], first["steps"]);
    assert_eq!(app.log(failed).await, log.as_bytes());
    app.end().await;
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_holder_and_the_redeploy_with_a_free_one_succeeds() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let (holder, _left) = (Holder::start(), Left::by(&sshd));
    let app = App::start(data.path()).await;
    let plan = shop(&sshd, holder.port);
    let project = app.project("shop", &plan).await;
    app.say(&project, "Redeploy the application").await;
    app.ended(&project, 1).await;

    let said = finding(&app, &project).await;
    let text = said["text"].as_str().expect("a text");
    let held =
        format!("Port {} on web1 is held by `{}` (pid {})", holder.port, holder.name(), holder.process.id());
    assert!(text.contains(&held), "{text:?} does not say: {held}");

    let proposed = proposal(&app, &said).await;
    assert_eq!(proposed["state"]["kind"], "open");
    assert_eq!(proposed["note"], "free on web1");
    let changed: Vec<(&str, &str)> = proposed["diff"]
        .as_array()
        .expect("a diff")
        .iter()
        .map(|line| (line["kind"].as_str().expect("a kind"), line["text"].as_str().expect("a text")))
        .filter(|(kind, _)| ["added", "removed"].contains(kind))
        .collect();
    let [("removed", removed), ("added", added)] = changed[..] else {
        panic!("more than one line: {changed:?}")
    };
    assert_eq!(removed, format!("  port: {}", holder.port));
    let free: u64 = added.trim().strip_prefix("port: ").and_then(|port| port.parse().ok()).expect("a port");
    assert_ne!(free, u64::from(holder.port));
    assert_eq!(proposed["source"], plan.replace(removed, added), "nothing else is changed");

    let accept = |sha256: &Value| json!({ "proposal_id": proposed["id"], "sha256": sha256, "run": true });
    let refused = app.try_call("accept_proposal", accept(&json!("0".repeat(64)))).await.expect_err("refused");
    assert_eq!(refused.code, "conflict");
    assert!(refused.message.contains("What was shown is not what this proposal says"), "{refused:?}");
    assert_eq!(app.call("plan", json!({ "project_id": project })).await["source"], plan, "nothing was saved");

    app.call("accept_proposal", accept(&proposed["sha256"])).await;
    let twice = app.try_call("accept_proposal", accept(&proposed["sha256"])).await.expect_err("refused");
    assert_eq!(twice.code, "conflict");
    assert!(twice.message.contains("accepted already"), "{twice:?}");
    let second = app.ended(&project, 2).await;
    assert_eq!(second["run"]["state"], "completed", "{second:#}");
    the_shop_answers_at(free).await;
    let runs = app.call("runs", json!({ "project_id": project, "limit": 100 })).await;
    assert_eq!(runs.as_array().map(Vec::len), Some(2), "accepting twice started one run");
    app.end().await;
}

#[tokio::test]
async fn editing_the_plan_voids_the_open_proposal() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let (holder, _left) = (Holder::start(), Left::by(&sshd));
    let app = App::start(data.path()).await;
    let project = app.project("shop", &shop(&sshd, holder.port)).await;
    app.say(&project, "Redeploy the application").await;
    app.ended(&project, 1).await;
    let proposed = proposal(&app, &finding(&app, &project).await).await;

    let plan = app.call("plan", json!({ "project_id": project })).await;
    let source = format!("{}# Edited by hand.\n", plan["source"].as_str().expect("a source"));
    let edit = json!({ "project_id": project, "source": source, "base_sha256": plan["sha256"] });
    app.call("save_plan", edit).await;
    let voided = app.call("proposal", json!({ "proposal_id": proposed["id"] })).await;
    assert_eq!(voided["state"]["kind"], "void", "{voided:#}");
    let accept = json!({ "proposal_id": proposed["id"], "sha256": proposed["sha256"], "run": true });
    let refused = app.try_call("accept_proposal", accept).await.expect_err("refused");
    assert_eq!(refused.code, "conflict");
    assert_eq!(app.call("plan", json!({ "project_id": project })).await["source"], source);
    app.end().await;
}

async fn lines(app: &App, step: &Value, attempt: u64) -> Vec<String> {
    let request = json!({ "step_id": step["id"], "attempt": attempt, "from": 1, "count": 100 });
    let window = app.call("log_lines", request).await;
    let lines = window["lines"].as_array().expect("lines");
    lines.iter().map(|line| line["text"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn the_third_attempt_of_a_step_succeeds_and_each_has_its_own_log_and_outcome() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let plan = r#"      - name: Third time lucky
        run: |
          echo x >> "$HOME/tries"
          tries=$(grep -c x "$HOME/tries")
          echo "attempt $tries"
          test "$tries" -ge 3 || exit $((40 + tries))
        retries: { times: 2, backoff: 50ms }
      - name: Never lucky
        run: exit 7
        retries: { times: 1, backoff: 50ms }
"#;
    let project = app.project("shop", &sshd.plan(plan)).await;
    app.say(&project, "Redeploy the application").await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(states(&detail), ["completed", "failed"], "{detail:#}");
    let lucky = &detail["steps"][0];
    let outcomes: Vec<&Value> = lucky["attempts"]
        .as_array()
        .expect("attempts")
        .iter()
        .map(|attempt| &attempt["outcome"]["status"])
        .collect();
    assert_eq!(outcomes, [41, 42, 0]);
    for attempt in 1..=3 {
        assert_eq!(lines(&app, lucky, attempt).await, [format!("attempt {attempt}")]);
    }
    let unlucky = &detail["steps"][1];
    assert_eq!(unlucky["attempts"].as_array().map(Vec::len), Some(2));
    assert_eq!(unlucky["reason"]["outcome"]["status"], 7);
    app.end().await;
}

/// A command with two descendants that are hard to end: a child that ignores TERM, and a grandchild in a session of its
/// own. All three write their numbers into `pids`, and the command says "ready" when all run.
const HARD_TO_END: &str = r#"
          echo $$ >> "$HOME/pids"
          sh -c 'trap "" TERM; echo $$ >> "$HOME/pids"; while :; do sleep 1; done' &
          sh -c 'setsid sh -c "echo \$\$ >> \"\$HOME/pids\"; while :; do sleep 1; done" & wait' &
          until [ "$(grep -c . "$HOME/pids")" -eq 3 ]; do [ -d ~ ] || exit 1; sleep 0.02; done
          echo ready
          wait
"#;

fn pids(sshd: &Sshd) -> Vec<String> {
    let pids = fs::read_to_string(sshd.home().join("pids")).expect("pids");
    pids.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_step_that_takes_too_long_is_ended_with_all_that_it_started() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let plan = format!(
        "      - name: Too long\n        timeout: 3s\n        run: |{HARD_TO_END}      - run: echo never\n"
    );
    let project = app.project("shop", &sshd.plan(&plan)).await;
    app.say(&project, "Redeploy the application").await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(states(&detail), ["failed", "skipped"], "{detail:#}");
    assert_eq!(detail["steps"][0]["reason"]["outcome"]["kind"], "timed_out");
    let started = pids(&sshd);
    assert_eq!(started.len(), 3);
    let left: Vec<_> = started.iter().filter(|pid| alive(pid)).collect();
    assert!(left.is_empty(), "still running when the run was said to have ended: {left:?} of {started:?}");
    let said = finding(&app, &project).await;
    assert!(said["text"].as_str().is_some_and(|text| text.contains("timed out")), "{said:#}");
    app.end().await;
}

#[tokio::test]
async fn stopping_leaves_no_process_behind() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let plan = format!(
        "      - name: Long\n        run: |{HARD_TO_END}      - name: After\n        run: echo never\n"
    );
    let project = app.project("shop", &sshd.plan(&plan)).await;
    app.say(&project, "Redeploy the application").await;
    let detail = app.run(&project, 1, |detail| detail["steps"][0]["attempts"][0]["lines"] == 1).await;
    let started = pids(&sshd);
    assert!(started.len() == 3 && started.iter().all(|pid| alive(pid)), "{started:?}");
    let asked = app.call("stop_run", json!({ "run_id": detail["run"]["id"] })).await;
    assert_eq!(asked["desired"], "stopped");

    let ended = app.ended(&project, 1).await;
    let left: Vec<_> = started.iter().filter(|pid| alive(pid)).collect();
    assert!(
        left.is_empty(),
        "still running when the run was said to have been stopped: {left:?} of {started:?}"
    );
    assert_eq!(ended["run"]["state"], "stopped");
    assert_eq!(states(&ended), ["failed", "skipped"]);
    for step in ended["steps"].as_array().expect("steps") {
        assert_eq!(step["reason"]["kind"], "run_stopped");
    }
    assert_eq!(ended["steps"][0]["attempts"][0]["outcome"]["kind"], "stopped");
    app.end().await;
}

#[tokio::test]
async fn guards_skip_what_is_not_needed_and_say_why() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let home = sshd.home().display().to_string();
    let plan = format!(
        r#"      - {{ name: make, run: touch "$HOME/made", creates: "{home}/made" }}
      - {{ name: made, run: touch "$HOME/ran-1", creates: "{home}/made" }}
      - {{ name: unless, run: touch "$HOME/ran-2", unless: test -e "$HOME/made" }}
      - {{ name: onlyif, run: touch "$HOME/ran-3", onlyif: test -e "$HOME/missing" }}
      - {{ name: needed, run: touch "$HOME/needed", creates: "{home}/needed", unless: 'false', onlyif: 'true' }}
"#
    );
    let project = app.project("shop", &sshd.plan(&plan)).await;
    app.say(&project, "Redeploy the application").await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(detail["run"]["state"], "completed", "{detail:#}");
    assert_eq!(states(&detail), ["completed", "skipped", "skipped", "skipped", "completed"]);
    let held = |guard: &str, what: &str| json!({ "kind": "guard_held", "guard": guard, "what": what });
    assert_eq!(detail["steps"][1]["reason"], held("creates", &format!("{home}/made")));
    assert_eq!(detail["steps"][2]["reason"], held("unless", r#"test -e "$HOME/made""#));
    assert_eq!(detail["steps"][3]["reason"], held("only_if", r#"test -e "$HOME/missing""#));
    assert_eq!(detail["steps"][1]["reason_text"], format!("{home}/made exists already"));
    for file in ["ran-1", "ran-2", "ran-3"] {
        assert!(!sshd.home().join(file).exists(), "{file}: a skipped step was run");
    }
    assert!(sshd.home().join("needed").exists());
    app.end().await;
}

#[tokio::test]
async fn a_pause_takes_effect_after_the_current_step_and_the_next_leaves_no_trace_until_resume() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan(WAITS)).await;
    app.say(&project, "Redeploy the application").await;
    let detail = app.waiting(&project, 1).await;
    let of = json!({ "run_id": detail["run"]["id"] });
    let asked = app.call("pause_run", of.clone()).await;
    assert_eq!((&asked["state"], &asked["desired"]), (&json!("in_progress"), &json!("paused")));
    fs::write(sshd.home().join("go"), "").expect("go");
    let paused = app.run(&project, 1, |detail| detail["run"]["state"] == "paused").await;
    assert_eq!(states(&paused), ["completed", "completed", "pending"]);
    // That nothing happens is what is tested here.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(!sshd.home().join("third").exists());
    app.call("resume_run", of).await;
    let ended = app.ended(&project, 1).await;
    assert_eq!(ended["run"]["state"], "completed");
    assert!(sshd.home().join("third").exists());
    app.end().await;
}

#[tokio::test]
async fn a_second_run_while_one_is_under_way_is_refused_and_names_it() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let project = app.project("shop", &sshd.plan(WAITS)).await;
    let start = json!({ "project_id": project });
    app.call("start_run", start.clone()).await;
    app.waiting(&project, 1).await;
    let refused = app.try_call("start_run", start.clone()).await.expect_err("refused");
    assert_eq!(refused.code, "conflict");
    assert!(refused.message.contains("un 1 of this project has not ended"), "{refused:?}");
    let before = app.message_count(&project).await;
    app.say(&project, "Redeploy the application").await;
    let said = app.answer(&project, before, |_| true).await;
    assert!(said["text"].as_str().is_some_and(|text| text.contains("un 1")), "{said:#}");
    fs::write(sshd.home().join("go"), "").expect("go");
    assert_eq!(app.ended(&project, 1).await["run"]["state"], "completed");
    app.call("start_run", start).await;
    assert_eq!(app.ended(&project, 2).await["run"]["state"], "completed");
    app.end().await;
}
