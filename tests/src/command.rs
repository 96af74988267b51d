//! `steady` as it is called from a shell.

use std::{path::Path, process::Stdio};

use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use crate::app::{PATIENCE, program};

/// `steady` with these arguments, on this data, without the person's own keys, agent and keyring.
#[must_use]
pub fn steady(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("steady"));
    command
        .args(arguments)
        .env("STEADYHAND_DATA", data)
        .env("HOME", data)
        .env_remove("SSH_AUTH_SOCK")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// How a command ended, and what it wrote to standard output and then to standard error.
pub async fn ended(command: &mut Command) -> (Option<i32>, String) {
    let ended = timeout(PATIENCE, command.output()).await.expect("it ends").expect("it ran");
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code(), String::from_utf8(said).expect("text"))
}

/// As [`ended`], of a command that reads this from its standard input.
pub async fn told(command: &mut Command, input: &str) -> (Option<i32>, String) {
    let mut process = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = process.stdin.take().expect("its input");
    // It may have ended before it read everything.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let ended = timeout(PATIENCE, process.wait_with_output()).await.expect("it ends").expect("it ran");
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code(), String::from_utf8(said).expect("text"))
}

/// The documents and events that `steady --json` has written, each of which is as the published schema says of `command`.
#[must_use]
pub fn documents(command: &str, said: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/events.json");
    let text = std::fs::read_to_string(path).expect("the schema");
    let mut schema: Value = serde_json::from_str(&text).expect("JSON");
    schema["anyOf"] = schema["x-commands"][command].clone();
    let validator = jsonschema::draft7::new(&schema).expect("a schema");
    let lines: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    for line in &lines {
        assert!(validator.is_valid(line), "{line:#}");
    }
    lines
}
