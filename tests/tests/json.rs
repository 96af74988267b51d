//! What `--json` writes, against the schema that is published: every line of every command.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::{fs, path::Path, process::Output};

use serde_json::{Value, json};
use steadyhand_tests::{app::PATIENCE, command::steady, sshd::Sshd};
use tokio::{io::AsyncWriteExt, time::timeout};

fn published() -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project").join("schemas/events.json");
    serde_json::from_str(&fs::read_to_string(path).expect("the schema")).expect("JSON")
}

async fn output(data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = steady(data, arguments);
    command.arg("--json").stdin(std::process::Stdio::piped());
    let mut process = command.spawn().expect("it starts");
    let mut stdin = process.stdin.take().expect("its input");
    // It may have ended before it read everything.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    timeout(PATIENCE, process.wait_with_output()).await.expect("it ends").expect("it ran")
}

/// Runs a command and checks each line of its standard output against what the schema says that the command writes.
async fn check(data: &Path, command: &str, arguments: &[&str], input: &str, code: i32) -> Vec<Value> {
    let mut schema = published();
    let documents =
        schema["x-commands"][command].as_array().unwrap_or_else(|| panic!("no command {command}")).clone();
    let refused = schema["x-commands"]["any command that fails"].as_array().expect("refusals").clone();
    schema["anyOf"] = documents.into_iter().chain(refused).collect();
    let validator = jsonschema::draft7::new(&schema).expect("a schema");
    let Output { status, stdout, stderr } = output(data, arguments, input).await;
    let said = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(code), "{arguments:?}: {said}");
    let text = String::from_utf8(stdout).expect("text");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {line}"))
        })
        .collect();
    assert!(!lines.is_empty(), "{arguments:?} writes nothing: {said}");
    for line in &lines {
        if let Err(error) = validator.validate(line) {
            let known: Vec<&Value> = schema["anyOf"].as_array().expect("kinds").iter().collect();
            panic!("{arguments:?}: {error}\n{line:#}\nis none of {known:?}");
        }
    }
    lines
}

#[tokio::test]
async fn every_line_of_every_command_is_what_the_published_schema_says() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let data = data.path();
    sshd.is_known_in(data);
    let at = |name: &str| data.join(name).display().to_string();
    let (good, bad, broken) = (at("good.yaml"), at("bad.yaml"), at("broken.yaml"));
    let steps = "      - run: printf 'one\\ntwo \\377\\n'\n        creates: /nowhere\n      - { run: 'true', when: facts.os == 'linux' }\n";
    fs::write(&good, sshd.plan(steps)).expect("the plan");
    fs::write(
        &bad,
        sshd.plan(&format!("{steps}      - run: echo no such thing >&2; exit 4\n      - run: echo never\n")),
    )
    .expect("the plan");
    fs::write(&broken, "name: x\ntasks: { t: { on: nowhere, steps: [ { rnu: x } ] } }\n").expect("the plan");

    let run = check(data, "run", &["run", &good], "", 0).await;
    for kind in ["run", "line", "end"] {
        assert!(run.iter().any(|event| event["kind"] == kind), "no event of the kind {kind}");
    }
    let failed = check(data, "run", &["run", &bad], "", 1).await;
    assert_eq!(failed.last().expect("an end")["kind"], "end");
    let broken_run = check(data, "run", &["run", &broken], "", 2).await;
    assert_eq!(broken_run[0]["kind"], "problems");
    assert!(broken_run[1]["error"]["code"].is_string());
    check(data, "run --dry-run", &["run", &good, "--dry-run"], "", 0).await;
    check(data, "preflight", &["preflight", &good], "", 0).await;
    check(data, "run --check", &["run", &good, "--check"], "", 0).await;
    check(data, "undo", &["undo", "shop/2"], "", 1).await;
    check(data, "decide", &["decide", "shop/2", "1", "skip"], "", 1).await;
    check(data, "retry", &["retry", "shop/2", "--from-failed"], "", 1).await;
    let lines = check(data, "logs", &["logs", "shop/1"], "", 0).await;
    let texts: Vec<&str> = lines.iter().filter_map(|line| line["text"].as_str()).collect();
    assert_eq!(texts, ["one", "two \u{fffd}"]);
    let validated = check(data, "validate", &["validate", &good, &broken, &bad], "", 2).await;
    let valid: Vec<&Value> = validated.iter().map(|document| &document["valid"]).collect();
    assert_eq!(valid, [&json!(true), &json!(false), &json!(true)]);
    check(data, "list", &["list", &good], "", 0).await;
    check(data, "graph", &["graph", &good], "", 0).await;
    check(data, "list", &["list", &broken], "", 2).await;
    check(data, "init", &["init", &at("new.yaml")], "", 0).await;
    check(data, "facts", &["facts", "local"], "", 0).await;
    fs::write(at("index.html"), "<h1>Shop</h1>").expect("a page");
    check(data, "detect", &["detect", &at("")], "", 0).await;
    check(data, "runs", &["runs"], "", 0).await;
    check(data, "deployments", &["deployments"], "", 0).await;
    check(data, "deployment", &["deployment", "shop/1"], "", 2).await;
    check(data, "status", &["status"], "", 0).await;
    check(data, "pause", &["pause", "shop/1"], "", 1).await;
    fs::write(at("inventory"), "[web]\nweb1 http_port=80\n").expect("the inventory");
    check(data, "import", &["import", "ansible", &at("inventory")], "", 0).await;
    check(data, "secret set", &["secret", "set", "TOKEN", "--project", "shop"], "hunter22\n", 0).await;
    check(data, "secret get", &["secret", "get", "TOKEN", "--project", "shop"], "", 0).await;
    check(data, "secret list", &["secret", "list"], "", 0).await;
    check(data, "secret rotate", &["secret", "rotate"], "", 0).await;
    check(data, "secret rm", &["secret", "rm", "TOKEN", "--project", "shop"], "", 0).await;
}

#[tokio::test]
async fn the_schema_that_steady_writes_is_the_published_one() {
    let data = tempfile::tempdir().expect("a folder");
    let written = output(data.path(), &["schema", "events"], "").await;
    assert_eq!(serde_json::from_slice::<Value>(&written.stdout).expect("JSON"), published());
    let plan: Value =
        serde_json::from_slice(&output(data.path(), &["schema"], "").await.stdout).expect("JSON");
    assert_eq!(plan["title"], "Steadyhand plan");
    // What only writes files leaves nothing behind where the data would be.
    assert_eq!(fs::read_dir(data.path()).expect("the folder").count(), 0);
}
