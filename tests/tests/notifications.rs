//! Telling people how runs go: services that answer, that do not, and programs that are killed in between.
#![allow(clippy::expect_used, reason = "what goes wrong ends the test")]

use std::time::Instant;

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use steadyhand_tests::{
    app::App,
    command::{ended, steady},
    free_port,
    mail_server::MailServer,
    receiver::{Answer, Receiver},
};
use tokio::process::Command;

/// A plan on this machine with the entries of `notify`, and the command of its one step.
fn plan(entries: &str, command: &str) -> String {
    let command = command.replace('\n', "\n          ");
    format!(
        "name: shop\nsecrets: [TOKEN, URL, KEY]\nnotify:\n{entries}tasks:\n  deploy:\n    on: local\n    steps:\n      - name: Build image\n        run: |\n          {command}\n"
    )
}

/// The run `number` as soon as it has ended and `fits` says what is known of those who are told.
async fn untold(app: &App, project: &str, number: u64, fits: impl Fn(&[Value]) -> bool) -> Value {
    app.run(project, number, |detail| {
        let known = detail["run"]["untold"].as_array().cloned().unwrap_or_default();
        !detail["run"]["ended_at"].is_null() && fits(&known)
    })
    .await
}

#[tokio::test]
async fn every_service_is_told_of_a_failure_in_its_own_format() {
    let (mut receiver, data) = (Receiver::start([]).await, tempfile::tempdir().expect("a folder"));
    let base = &receiver.base;
    let entries = format!(
        "  - slack: {base}/slack\n  - {{ discord: '{base}/discord', on: [failed, started] }}\n  - teams: {{ url: '{base}/teams', on: always }}\n  - webhook: {{ url: '${{{{ secrets.URL }}}}/generic', secret: '${{{{ secrets.KEY }}}}', on: failed }}\n  - {{ slack: '{base}/never', on: [completed, recovered] }}\n  - desktop: true\n"
    );
    let app = App::start_with(data.path(), |app| {
        app.env("STEADYHAND_SECRET_URL", base).env("STEADYHAND_SECRET_KEY", "the key");
    })
    .await;
    let project = app.project("shop", &plan(&entries, "echo 'a <b> & @everyone'\nexit 7")).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(receiver.next().await);
    }
    let mut paths: Vec<&str> = seen.iter().map(|request| request.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/discord", "/discord", "/generic", "/slack", "/teams", "/teams"]);
    assert!(seen.iter().all(|request| request.headers["content-type"].starts_with("application/json")));
    let of = |path: &str, part: &str| {
        let mut found = seen.iter().filter(|request| request.path == path);
        let found = found.find(|request| String::from_utf8_lossy(&request.body).contains(part));
        found.expect("a request").json()
    };
    let slack = of("/slack", "failed");
    assert_eq!(slack["blocks"][0]["text"]["text"], "✗ shop: run 1 failed");
    assert!(slack.to_string().contains("a &lt;b&gt; &amp; @everyone"), "{slack}");
    let discord = of("/discord", "failed");
    assert_eq!(discord["embeds"][0]["title"], "shop\\: run 1 failed");
    assert_eq!(discord["allowed_mentions"], json!({ "parse": [] }));
    assert_eq!(of("/discord", "started")["embeds"][0]["title"], "shop\\: run 1 started");
    let teams = of("/teams", "failed");
    assert_eq!(teams["attachments"][0]["content"]["type"], "AdaptiveCard");
    let generic = seen.iter().find(|request| request.path == "/generic").expect("a request");
    let body = generic.json();
    assert_eq!((&body["event"], &body["failed_step"]["host"]), (&json!("failed"), &json!("local")));
    assert_eq!(body["failed_step"]["log"], json!(["a <b> & @everyone"]));
    assert_eq!(body["delivery"], generic.headers["x-steadyhand-delivery"].as_str());
    let mut mac = Hmac::<Sha256>::new_from_slice(b"the key").expect("a key");
    mac.update(generic.headers["x-steadyhand-timestamp"].as_bytes());
    mac.update(b".");
    mac.update(&generic.body);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(generic.headers["x-steadyhand-signature"], format!("sha256={digest}"));
    let run = untold(&app, &project, 1, <[Value]>::is_empty).await;
    assert_eq!(run["run"]["state"], "failed");
    assert!(receiver.is_quiet(), "everybody is told once");
    app.end().await;
}

#[tokio::test]
async fn a_service_in_trouble_is_told_later_under_the_same_identifier() {
    let answers = [Answer::Status(500, ""), Answer::Closes, Answer::Status(429, "Retry-After: 1\r\n")];
    let (mut receiver, data) = (Receiver::start([]).await, tempfile::tempdir().expect("a folder"));
    let entries = format!("  - webhook: {}/hook\n", receiver.base);
    // One kind of trouble for each run, so that no pause is longer than the first.
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&entries, "true")).await;
    for (number, answer) in (1..).zip(answers) {
        receiver.then(answer);
        app.call("start_run", json!({ "project_id": project })).await;
        let first = receiver.next().await;
        let told = untold(&app, &project, number, |untold| !untold.is_empty()).await;
        assert_eq!(told["run"]["state"], "completed", "{told:#}");
        let problem = &told["run"]["untold"][0];
        assert_eq!((&problem["channel"], &problem["again"]), (&json!("webhook"), &json!(true)));
        assert!(!problem.to_string().contains(&receiver.base), "an address is a secret: {problem}");
        let second = receiver.next().await;
        assert_eq!(first.headers["x-steadyhand-delivery"], second.headers["x-steadyhand-delivery"]);
        assert_eq!(first.json(), second.json());
        untold(&app, &project, number, <[Value]>::is_empty).await;
    }
    assert!(receiver.is_quiet());
    app.end().await;
}

#[tokio::test]
async fn a_dead_service_changes_nothing_in_a_run_and_is_seen_beside_it() {
    let (receiver, data) = (Receiver::start([Answer::Hangs]).await, tempfile::tempdir().expect("a folder"));
    let gone = Receiver::start([Answer::Status(404, "")]).await;
    let closed = free_port();
    let entries = format!(
        "  - {{ webhook: '{}/hangs', on: started }}\n  - slack: http://127.0.0.1:{closed}/secret-part\n  - discord: {}/gone\n  - teams: ${{{{ secrets.URL }}}}\n",
        receiver.base, gone.base
    );
    let app = App::start(data.path()).await;
    let began = Instant::now();
    let project = app.project("shop", &plan(&entries, "echo done")).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let run = app.ended(&project, 1).await;
    assert!(began.elapsed().as_secs() < 10, "nobody waited for a service");
    assert_eq!(run["run"]["state"], "completed", "{run:#}");
    assert_eq!(run["steps"][0]["attempts"][0]["outcome"]["kind"], "exited");
    let run = untold(&app, &project, 1, |untold| untold.len() >= 3).await;
    let of = |channel: &str| {
        let all = run["run"]["untold"].as_array().expect("a list").iter();
        let mut fitting = all.filter(|untold| untold["channel"] == channel);
        let one = fitting.next().expect("it is listed");
        (one["problem"].as_str().expect("a text").to_owned(), one["again"] == true)
    };
    let (problem, again) = of("slack");
    assert!(problem.contains("refused") && again && !problem.contains("secret-part"), "{problem}");
    let (problem, again) = of("discord");
    assert!(problem.contains("404") && !again, "{problem}");
    let (problem, again) = of("teams");
    assert!(problem.contains("URL has no value") && !again, "{problem}");
    app.end().await;
}

#[tokio::test]
async fn a_command_says_who_could_not_be_told_and_ends_as_its_run_did() {
    let data = tempfile::tempdir().expect("a folder");
    let mut receiver = Receiver::start([]).await;
    let path = data.path().join("plan.yaml");
    let entries =
        format!("  - slack: http://127.0.0.1:{}/x\n  - discord: {}/y\n", free_port(), receiver.base);
    std::fs::write(&path, plan(&entries, "true")).expect("a plan");
    let path = path.to_str().expect("a path");
    let (code, said) = ended(&mut steady(data.path(), &["run", "--yes", path])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Not told by slack: it could not be reached"), "{said}");
    assert_eq!(receiver.next().await.path, "/y");
    let (code, said) = ended(&mut steady(data.path(), &["run", "--yes", "--format", "json", path])).await;
    assert_eq!(code, Some(0), "{said}");
    let end: Value = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|event| event["kind"] == "end")
        .expect("an end");
    assert_eq!(end["run"]["run"]["untold"][0]["channel"], "slack", "{end:#}");
    assert_eq!(end["run"]["run"]["untold"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn what_a_killed_program_had_to_tell_is_told_by_the_next_one() {
    // The first request is under way, and the second one waits for its time, when the program is killed.
    let mut hanging = Receiver::start([Answer::Hangs]).await;
    let mut troubled = Receiver::start([Answer::Status(500, "")]).await;
    let data = tempfile::tempdir().expect("a folder");
    let entries = format!("  - webhook: {}/a\n  - webhook: {}/b\n", hanging.base, troubled.base);
    let mut app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&entries, "exit 3")).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let (first, second) = (hanging.next().await, troubled.next().await);
    untold(&app, &project, 1, |untold| !untold.is_empty()).await;
    app.kill().await;
    let app = App::start(data.path()).await;
    for (before, receiver) in [(first, &mut hanging), (second, &mut troubled)] {
        let again = receiver.next().await;
        assert_eq!(again.headers["x-steadyhand-delivery"], before.headers["x-steadyhand-delivery"]);
        assert_eq!(again.json(), before.json());
    }
    untold(&app, &project, 1, <[Value]>::is_empty).await;
    assert!(hanging.is_quiet() && troubled.is_quiet());
    // What was told is told no more.
    let app = app.kill_and_start_again().await;
    untold(&app, &project, 1, <[Value]>::is_empty).await;
    assert!(hanging.is_quiet() && troubled.is_quiet());
    app.end().await;
}

#[tokio::test]
async fn a_run_that_is_taken_over_is_told_of_by_whoever_ends_it() {
    let (mut receiver, data) = (Receiver::start([]).await, tempfile::tempdir().expect("a folder"));
    let entries = format!("  - {{ webhook: '{}/x', on: always }}\n", receiver.base);
    let go = data.path().join("go");
    let command = format!(
        "echo waiting\nuntil [ -e '{0}' ]; do [ -d '{1}' ] || exit 1; sleep 0.02; done",
        go.display(),
        data.path().display()
    );
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&entries, &command)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    app.run(&project, 1, |detail| detail["steps"][0]["attempts"][0]["lines"] == 1).await;
    assert_eq!(receiver.next().await.json()["event"], "started");
    let app = app.kill_and_start_again().await;
    std::fs::write(go, "").expect("go");
    assert_eq!(receiver.next().await.json()["event"], "completed");
    app.ended(&project, 1).await;
    app.end().await;
}

#[tokio::test]
async fn a_recovery_is_told_of_as_one_and_a_stop_only_to_those_who_hear_everything() {
    let (mut receiver, data) = (Receiver::start([]).await, tempfile::tempdir().expect("a folder"));
    let base = &receiver.base;
    let entries = format!(
        "  - {{ webhook: '{base}/recovered', on: recovered }}\n  - {{ webhook: '{base}/completed', on: completed }}\n  - webhook: {base}/usual\n  - {{ webhook: '{base}/all', on: always }}\n"
    );
    let app = App::start(data.path()).await;
    let flag = data.path().join("flag");
    let command = format!("[ -e '{}' ]\n", flag.display());
    let project = app.project("shop", &plan(&entries, &command)).await;
    let mut told = async |runs: usize, number: u64| {
        app.call("start_run", json!({ "project_id": project })).await;
        let mut told = Vec::new();
        for _ in 0..runs {
            let request = receiver.next().await;
            told.push(format!("{} {}", request.path, request.json()["event"].as_str().expect("an event")));
        }
        untold(&app, &project, number, <[Value]>::is_empty).await;
        assert!(receiver.is_quiet(), "{told:?}");
        told.sort_unstable();
        told
    };
    assert_eq!(told(3, 1).await, ["/all failed", "/all started", "/usual failed"]);
    std::fs::write(&flag, "").expect("a flag");
    let recovered = [
        "/all recovered",
        "/all started",
        "/completed completed",
        "/recovered recovered",
        "/usual recovered",
    ];
    assert_eq!(told(5, 2).await, recovered);
    assert_eq!(
        told(4, 3).await,
        ["/all completed", "/all started", "/completed completed", "/usual completed"]
    );
    let view = app.call("plan", json!({ "project_id": project })).await;
    let source = view["source"].as_str().expect("a source").replace(&command, "sleep 300 #");
    let save = json!({ "project_id": project, "source": source, "base_sha256": view["sha256"] });
    app.call("save_plan", save).await;
    app.call("start_run", json!({ "project_id": project })).await;
    assert_eq!(receiver.next().await.json()["event"], "started");
    let run = app.run(&project, 4, |detail| detail["steps"][0]["state"] == "running").await;
    app.call("stop_run", json!({ "run_id": run["run"]["id"] })).await;
    let stopped = receiver.next().await;
    assert_eq!((stopped.path.as_str(), &stopped.json()["event"]), ("/all", &json!("stopped")));
    untold(&app, &project, 4, <[Value]>::is_empty).await;
    assert!(receiver.is_quiet());
    app.end().await;
}

#[tokio::test]
async fn a_mail_is_sent_through_a_mail_server_that_takes_it_the_second_time() {
    let mut server = MailServer::start(["451 4.3.0 try again later"]).await;
    let data = tempfile::tempdir().expect("a folder");
    let entries = format!(
        "  - email:\n      smtp: smtp://127.0.0.1:{}\n      user: deploy\n      password: ${{{{ secrets.KEY }}}}\n      from: Deploy <deploy@example.com>\n      to: [ops@example.com, \"Ada L. <ada@example.com>\"]\n      on: failed\n",
        server.port
    );
    let app = App::start_with(data.path(), |app| {
        app.env("STEADYHAND_SECRET_KEY", "hunter2 of mine");
    })
    .await;
    let project = app.project("shop", &plan(&entries, "echo 'Grüße\n.\n.dot'\nexit 7")).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let first = server.next().await;
    let run = untold(&app, &project, 1, |untold| !untold.is_empty()).await;
    let problem = run["run"]["untold"][0]["problem"].as_str().expect("a text");
    assert!(problem.contains("try again later"), "{problem}");
    let mail = server.next().await;
    assert_eq!(mail.from, "deploy@example.com");
    assert_eq!(mail.to, ["ops@example.com", "ada@example.com"]);
    // printf '\0deploy\0hunter2 of mine' | base64
    assert_eq!(mail.login.as_deref(), Some("AGRlcGxveQBodW50ZXIyIG9mIG1pbmU="));
    assert!(mail.text.contains("\r\nSubject: shop: run 1 failed\r\n"), "{}", mail.text);
    let identifier = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("Message-ID: ")).expect("an identifier");
        line.to_owned()
    };
    assert_eq!(identifier(&first.text), identifier(&mail.text));
    for part in ["Step 1, Build image, failed on local", "exit status 7", ".dot"] {
        assert!(mail.text.contains(part), "{part}: {}", mail.text);
    }
    untold(&app, &project, 1, <[Value]>::is_empty).await;
    app.end().await;
}

#[tokio::test]
async fn no_service_is_told_a_secret_in_whatever_form() {
    let (mut receiver, data) = (Receiver::start([]).await, tempfile::tempdir().expect("a folder"));
    let mut mails = MailServer::start([]).await;
    let (base, value) = (receiver.base.clone(), "pa$$/w&rd \"of\" mine");
    let entries = format!(
        "  - slack: {base}/a\n  - discord: {base}/b\n  - teams: {base}/c\n  - webhook: {base}/d\n  - email: {{ smtp: 'smtp://127.0.0.1:{}', from: a@example.com, to: b@example.com }}\n",
        mails.port
    );
    let with = |app: &mut Command| {
        app.env("STEADYHAND_SECRET_TOKEN", value);
    };
    let command = "t=${{ secrets.TOKEN }}\necho \"$t\"\nprintf %s \"$t\" | base64\nprintf %s \"x$t\" | base64\nprintf %s \"xy$t\" | base64\nprintf %s \"$t\" | od -An -tx1 | tr -d ' \\n'; echo\nexit 1";
    let app = App::start_with(data.path(), with).await;
    let project = app.project("shop", &plan(&entries, command)).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let mut bodies = vec![mails.next().await.text];
    for _ in 0..4 {
        bodies.push(String::from_utf8(receiver.next().await.body).expect("text"));
    }
    for body in bodies {
        assert!(body.contains("***"), "the log is told, with stars: {body}");
        for form in [
            "pa$$",
            "w&rd",
            "mine",
            "cGEkJC93JnJkICJvZiIgbWluZ",
            "YSQkL3cmcmQgIm9mIiBtaW5l",
            "hJCQvdyZyZCAib2YiIG1pbm",
            "7061",
        ] {
            assert!(!body.contains(form), "{form} in {body}");
        }
    }
    app.end().await;
}

#[tokio::test]
async fn a_desktop_is_asked_to_show_it_where_there_is_one() {
    let data = tempfile::tempdir().expect("a folder");
    let path = data.path().join("plan.yaml");
    std::fs::write(&path, plan("  - desktop: true\n", "true")).expect("a plan");
    let path = path.to_str().expect("a path");
    // Without one nobody is missed.
    let (code, said) = ended(&mut steady(data.path(), &["run", "--yes", path])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("Not told"), "{said}");
    // A session with a message bus, and somebody who writes down what is asked of its desktop.
    let script = "dbus-monitor --session interface=org.freedesktop.Notifications >\"$1/asked\" 2>&1 & monitor=$!\nuntil [ -s \"$1/asked\" ]; do sleep 0.05; done\n\"$2\" run --yes \"$3\"; status=$?\nuntil grep -q 'member=Notify' \"$1/asked\"; do [ -d \"$1\" ] || exit 1; sleep 0.05; done\nkill $monitor\nexit $status";
    let mut session = Command::new("dbus-run-session");
    session
        .args(["--", "sh", "-c", script, "sh"])
        .arg(data.path())
        .arg(steadyhand_tests::app::program("steady"))
        .arg(path)
        .env("STEADYHAND_DATA", data.path())
        .env("HOME", data.path())
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    let (code, said) = ended(&mut session).await;
    assert_eq!(code, Some(0), "{said}");
    let asked = std::fs::read_to_string(data.path().join("asked")).expect("what was asked");
    assert!(asked.contains("string \"shop: run 2 completed\""), "{asked}");
}
