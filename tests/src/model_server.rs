//! A model server that answers from files: `@copilotkit/aimock`, an offline server of the OpenAI protocol.

use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// How long the server may take to start; a loaded machine takes a few seconds for `node` alone.
const START: Duration = Duration::from_secs(60);

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct ModelServer {
    address: String,
    _process: Child,
}

impl ModelServer {
    /// Starts a server on a free port that answers from `aimock/<fixtures>.json` of this crate, and waits until it
    /// listens.
    pub async fn start(fixtures: &str) -> io::Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::start_with(&here.join("aimock").join(fixtures).with_extension("json")).await
    }

    /// The same with a file from anywhere.
    pub async fn start_with(fixtures: &Path) -> io::Result<Self> {
        let program = program()?;
        let mut process = Command::new("node")
            .arg(program)
            .args(["--host", "127.0.0.1", "--port", "0", "--strict", "--fixtures"])
            .arg(fixtures)
            // No request leaves the machine, whatever the environment holds.
            .env_remove("OPENAI_API_KEY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                io::Error::new(error.kind(), format!("node can't be started: {error}; install Node 20"))
            })?;
        let Some(stdout) = process.stdout.take() else {
            return Err(io::Error::other("the model server has no output"));
        };
        let mut lines = BufReader::new(stdout).lines();
        let listening = async {
            let mut said = String::new();
            while let Some(line) = lines.next_line().await? {
                if let Some((_, address)) = line.split_once("listening on ") {
                    return Ok(address.trim().to_owned());
                }
                said.push_str(&line);
                said.push('\n');
            }
            Err(io::Error::other(format!("the model server ended before it listened:\n{said}")))
        };
        let address = tokio::time::timeout(START, listening)
            .await
            .map_err(|_| io::Error::other("the model server did not listen within a minute"))??;
        // Keeps the pipe from filling up, which would stop the server.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { address, _process: process })
    }

    /// The address to configure as a model's.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.address)
    }

    /// The bodies of the requests so far, oldest first, as the server read them.
    pub async fn requests(&self) -> Result<Vec<serde_json::Value>, reqwest::Error> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let journal =
            client.get(format!("{}/__aimock/journal", self.address)).send().await?.error_for_status()?;
        let entries: Vec<serde_json::Value> = journal.json().await?;
        Ok(entries.into_iter().map(|mut entry| entry["body"].take()).collect())
    }
}

fn program() -> io::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = here.join("node_modules/@copilotkit/aimock/dist/cli.js");
    if program.is_file() {
        return Ok(program);
    }
    let message = format!("{} is missing; run `npm ci` in {}", program.display(), here.display());
    Err(io::Error::new(io::ErrorKind::NotFound, message))
}
