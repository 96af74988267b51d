//! The real program, as its users start it: `steady serve`, asked over HTTP.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// How long anything may take before a test gives up on it; a loaded machine is slow, and no test waits this long when
/// all is well.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The folder that this build's programs are in.
#[must_use]
pub fn built() -> PathBuf {
    let mut folder = std::env::current_exe().expect("the test's own path");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    folder
}

/// The program `name` of this build: `steady` or `steadyhand`. `./dev test` builds both before any test runs.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let path = built().join(name);
    assert!(path.exists(), "{} is not built; run `cargo build --workspace` first", path.display());
    path
}

/// Steps of a plan whose second goes on until the file `go` is in the home.
pub const WAITS: &str = r#"      - name: First
        run: echo first
      - name: Second
        run: |
          echo waiting
          until [ -e "$HOME/go" ]; do [ -d ~ ] || exit 1; sleep 0.02; done
      - name: Third
        run: touch "$HOME/third"
"#;

/// A running `steady serve`.
pub struct App {
    /// Where it answers: `http://127.0.0.1:port`.
    pub base: String,
    /// What lets a page in.
    pub token: String,
    folder: PathBuf,
    process: Child,
    http: reqwest::Client,
}

/// An error that the program answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its code.
    pub code: String,
    /// What a person reads.
    pub message: String,
}

impl App {
    /// Starts it on the data in `folder`.
    pub async fn start(folder: &Path) -> Self {
        Self::start_with(folder, |_| {}).await
    }

    /// Starts it with more environment or arguments.
    pub async fn start_with(folder: &Path, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(program("steady"));
        command
            // A browser for each deployment takes the time of everything else; who wants pictures says so.
            .env("STEADYHAND_SCREENSHOTS", "off")
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("STEADYHAND_DATA", folder)
            // Neither the person's own keys nor their agent: tests bring theirs.
            .env("HOME", folder)
            .env_remove("SSH_AUTH_SOCK")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env_remove("STEADYHAND_MODEL_KEY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        change(&mut command);
        let mut process = command.spawn().expect("steady starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let address = timeout(PATIENCE, async {
            loop {
                let line =
                    lines.next_line().await.expect("its output").expect("it says its address before it ends");
                if let Some(address) = line.split_whitespace().find(|word| word.contains("#token=")) {
                    return address.to_owned();
                }
            }
        })
        .await
        .expect("steady serve says its address");
        // Whatever else it says must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let (base, token) = address.split_once("/#token=").expect("an address with a token");
        Self {
            base: base.to_owned(),
            token: token.to_owned(),
            folder: folder.to_owned(),
            process,
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
        }
    }

    /// The address that a person opens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}/#token={}", self.base, self.token)
    }

    /// The folder with its data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id().expect("it runs")
    }

    /// Ends it with `kill -9` and starts it again on the same data.
    pub async fn kill_and_start_again(mut self) -> Self {
        self.kill().await;
        Self::start(&self.folder).await
    }

    /// Ends it with `kill -9`.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("kill -9");
    }

    /// Ends it with SIGTERM and waits until it has ended.
    pub async fn end(mut self) {
        let pid = self.pid().to_string();
        let told = Command::new("kill").arg(&pid).status().await.expect("kill");
        assert!(told.success());
        timeout(PATIENCE, self.process.wait()).await.expect("it ends").expect("its status");
    }

    /// Asks for an operation.
    pub async fn try_call(&self, operation: &str, request: Value) -> Result<Value, Refusal> {
        let answer = self
            .http
            .post(format!("{}/api/{operation}", self.base))
            .bearer_auth(&self.token)
            .json(&request)
            .send()
            .await
            .expect("an answer");
        let fine = answer.status().is_success();
        let value: Value = answer.json().await.expect("JSON");
        if fine {
            return Ok(value);
        }
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        Err(Refusal { code: text("code"), message: text("message") })
    }

    /// Asks for an operation that must work.
    pub async fn call(&self, operation: &str, request: Value) -> Value {
        match self.try_call(operation, request).await {
            Ok(value) => value,
            Err(error) => panic!("{operation}: {error:?}"),
        }
    }

    /// Asks again with every change until `found` says what it wanted. Waits for events, not for time.
    pub async fn wait_for<T>(&self, what: &str, mut found: impl AsyncFnMut(&Self) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let events = self
                    .http
                    .get(format!("{}/api/updates", self.base))
                    .bearer_auth(&self.token)
                    .send()
                    .await
                    .expect("the events");
                let mut events = events.bytes_stream();
                // The first event says that the listener is heard; only then is it safe to look.
                while let Some(Ok(_)) = events.next().await {
                    if let Some(value) = found(self).await {
                        return value;
                    }
                }
            }
        };
        match timeout(PATIENCE, waiting).await {
            Ok(value) => value,
            Err(_) => panic!("{what} did not happen within {} s", PATIENCE.as_secs()),
        }
    }

    /// Makes a project with this plan; gives its identifier.
    pub async fn project(&self, name: &str, plan: &str) -> String {
        let project = self.call("create_project", json!({ "name": name, "source": plan })).await;
        let id = project["id"].as_str().expect("an identifier").to_owned();
        let view = self.call("plan", json!({ "project_id": id })).await;
        let errors: Vec<&Value> = view["check"]["problems"]
            .as_array()
            .expect("problems")
            .iter()
            .filter(|problem| problem["severity"] == "error")
            .collect();
        assert!(errors.is_empty(), "the test's plan has errors: {errors:?}\n{plan}");
        id
    }

    /// Says something in a project's chat.
    pub async fn say(&self, project: &str, text: &str) {
        self.call("say", json!({ "project_id": project, "text": text })).await;
    }

    /// Waits until a chat has a message of the assistant, after the first `after` messages, that fits.
    pub async fn answer(&self, project: &str, after: usize, fits: impl Fn(&Value) -> bool) -> Value {
        self.wait_for("an answer", async |app| {
            let messages = app.call("messages", json!({ "project_id": project, "limit": 200 })).await;
            let messages = messages.as_array().expect("messages").clone();
            messages.into_iter().skip(after).find(|message| {
                message["role"] == "assistant" && message["state"] != "streaming" && fits(message)
            })
        })
        .await
    }

    /// How many messages a chat has.
    pub async fn message_count(&self, project: &str) -> usize {
        let messages = self.call("messages", json!({ "project_id": project, "limit": 200 })).await;
        messages.as_array().expect("messages").len()
    }

    /// Waits until the run `number` of a project is as `fits` says; answers the host keys that are asked meanwhile.
    pub async fn run(&self, project: &str, number: u64, fits: impl Fn(&Value) -> bool) -> Value {
        self.wait_for(&format!("what is wanted of run {number}"), async |app| {
            for question in app.call("questions", json!({})).await.as_array().expect("questions") {
                if question["about"]["kind"] == "host_key" {
                    let answer = json!({ "question_id": question["id"], "answer": { "kind": "trust" } });
                    // It may have been answered a moment ago.
                    let _ = app.try_call("answer_question", answer).await;
                }
            }
            let runs = app.call("runs", json!({ "project_id": project, "limit": 100 })).await;
            let run = runs.as_array()?.iter().find(|run| run["number"] == number)?.clone();
            let detail = app.call("run", json!({ "run_id": run["id"] })).await;
            fits(&detail).then_some(detail)
        })
        .await
    }

    /// Waits until the second step of a plan with [`WAITS`] waits.
    pub async fn waiting(&self, project: &str, number: u64) -> Value {
        self.run(project, number, |detail| detail["steps"][1]["attempts"][0]["lines"] == 1).await
    }

    /// Waits until the run `number` has ended.
    pub async fn ended(&self, project: &str, number: u64) -> Value {
        self.run(project, number, |detail| {
            ["completed", "failed", "stopped"].contains(&detail["run"]["state"].as_str().unwrap_or_default())
        })
        .await
    }

    /// The whole log of the last attempt of a step, byte for byte.
    pub async fn log(&self, step: &Value) -> Vec<u8> {
        let attempt = step["attempts"].as_array().expect("attempts").len();
        let id = step["id"].as_str().expect("an identifier");
        let answer = self
            .http
            .get(format!("{}/api/log/{id}/{attempt}", self.base))
            .bearer_auth(&self.token)
            .send()
            .await
            .expect("the log");
        assert!(answer.status().is_success(), "the log of {id}: {}", answer.status());
        answer.bytes().await.expect("its bytes").to_vec()
    }
}

/// The states of a run's steps, in order.
#[must_use]
pub fn states(detail: &Value) -> Vec<String> {
    let steps = detail["steps"].as_array().expect("steps");
    steps.iter().map(|step| step["state"].as_str().expect("a state").to_owned()).collect()
}
