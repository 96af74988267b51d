//! The client of one model.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_openai::{Client, error::OpenAIError};
use futures::StreamExt;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    assemble::{Assembly, Piece},
    endpoint::{Endpoint, read_address, shown},
    error::ModelError,
    explain::no_credit,
    message::{ChatMessage, ModelEvent, Turn},
    tools::ToolSpec,
    transport::{Failure, Limits, Transport, failure_in},
};

/// Which model, where.
#[derive(Clone, Default)]
pub struct ModelConfig {
    /// The address up to and with the version: `https://api.openai.com/v1`, `http://localhost:11434/v1`.
    pub base_url: String,
    /// The model's name, as the server calls it.
    pub model: String,
    /// The key, where the server wants one.
    pub key: Option<SecretString>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

impl fmt::Debug for ModelConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelConfig")
            .field("base_url", &read_address(&self.base_url).map(|url| shown(&url)).ok())
            .field("model", &self.model)
            .field("has_key", &self.key.is_some())
            .field("timeouts", &self.timeouts)
            .finish()
    }
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// From the request to the first byte of the answer. Long, because a local server loads the model first.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// For a server that asks to come back later. One that asks for more is an error that says when.
    pub busy: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(180),
            idle: Duration::from_secs(60),
            busy: Duration::from_secs(20),
        }
    }
}

/// How long to wait when a busy server doesn't say.
const UNSAID_WAIT: Duration = Duration::from_secs(2);
/// How often a request is repeated because the server is busy.
const MOST_WAITS: u32 = 2;
/// How long to wait for the token count once the answer is complete.
const AFTER_FINISH: Duration = Duration::from_secs(3);

/// A model behind an OpenAI-compatible endpoint.
pub struct Model {
    pub(super) endpoint: Endpoint,
    pub(super) model: String,
    timeouts: Timeouts,
    http: reqwest::Client,
    /// Cleared once the server has refused `stream_options`.
    counts_tokens: AtomicBool,
    /// What stands below the newest message of the person in each request.
    note: Option<String>,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("address", &self.endpoint.shown)
            .field("model", &self.model)
            .field("has_key", &self.endpoint.key.is_some())
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

impl Model {
    /// Checks the settings. No connection is made yet.
    pub fn new(config: ModelConfig) -> Result<Self, ModelError> {
        let endpoint = Endpoint::new(&config.base_url, config.key)?;
        let model = config.model.trim().to_owned();
        if model.is_empty() {
            return Err(ModelError::Settings(
                "the model's name is missing; enter it as the server calls it".to_owned(),
            ));
        }
        let mut http = reqwest::Client::builder()
            .connect_timeout(config.timeouts.connect)
            // A redirected POST would arrive as a GET; the person is told the right address instead.
            .redirect(reqwest::redirect::Policy::none());
        if endpoint.is_loopback {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| {
            ModelError::Settings(format!("no secure connection can be set up: {}", error.without_url()))
        })?;
        Ok(Self {
            endpoint,
            model,
            timeouts: config.timeouts,
            http,
            counts_tokens: AtomicBool::new(true),
            note: None,
        })
    }

    /// The same model, which is told `note` below the newest message of the person, each time that it is asked.
    #[must_use]
    pub fn with_note(&self, note: String) -> Self {
        Self {
            endpoint: self.endpoint.clone(),
            model: self.model.clone(),
            timeouts: self.timeouts,
            http: self.http.clone(),
            counts_tokens: AtomicBool::new(self.counts_tokens.load(Ordering::Relaxed)),
            note: Some(note),
        }
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.model
    }

    /// The server's address, without anything secret.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.endpoint.shown
    }

    /// Sends the conversation and streams the answer: pieces go to `on` as they come, the whole is returned. A listener
    /// that has gone away does not end the answer; `cancel` does, at once.
    pub async fn answer(
        &self,
        messages: &[ChatMessage],
        tools: &[ToolSpec],
        cancel: CancellationToken,
        on: mpsc::Sender<ModelEvent>,
    ) -> Result<Turn, ModelError> {
        let mut assembly = Assembly::default();
        let outcome = cancel.run_until_cancelled(self.converse(messages, tools, &on, &mut assembly)).await;
        match outcome {
            None => Err(ModelError::Cancelled { text: assembly.text }),
            Some(Err(error)) => Err(error),
            Some(Ok(())) => {
                let text = assembly.text.clone();
                assembly.into_turn().ok_or_else(|| self.cut_off(text, None))
            }
        }
    }

    async fn converse(
        &self,
        messages: &[ChatMessage],
        tools: &[ToolSpec],
        on: &mpsc::Sender<ModelEvent>,
        assembly: &mut Assembly,
    ) -> Result<(), ModelError> {
        let mut waits = 0;
        let mut count_tokens = self.counts_tokens.load(Ordering::Relaxed);
        loop {
            let transport = Transport::new(
                self.http.clone(),
                Limits { first_byte: self.timeouts.first_byte, idle: self.timeouts.idle },
            );
            let client =
                Client::build(self.http.clone(), self.endpoint.clone()).with_http_service(transport.clone());
            let request = self.request(messages, tools, count_tokens);
            let opened = client.chat().create_stream_byot::<_, Value>(request).await;
            let failure = match opened {
                Ok(pieces) => {
                    if !count_tokens {
                        self.counts_tokens.store(false, Ordering::Relaxed);
                    }
                    return self.follow(pieces, &transport, on, assembly).await;
                }
                Err(error) => failure_in(&error).unwrap_or(Failure::Broken { reason: error.to_string() }),
            };
            match &failure {
                // Some servers refuse the option that asks for the token count; the answer matters more.
                Failure::Status { status: 400 | 422, .. } if count_tokens => count_tokens = false,
                Failure::Status { status: 429 | 503, retry_after, body, .. }
                    if waits < MOST_WAITS && !no_credit(body) =>
                {
                    let wait = retry_after.unwrap_or(UNSAID_WAIT);
                    if wait > self.timeouts.busy {
                        return Err(self.explain(failure, String::new()));
                    }
                    waits += 1;
                    let seconds = wait.as_millis().div_ceil(1000);
                    let _ = on
                        .send(ModelEvent::Waiting { seconds: u64::try_from(seconds).unwrap_or(u64::MAX) })
                        .await;
                    tokio::time::sleep(wait).await;
                }
                _ => return Err(self.explain(failure, String::new())),
            }
        }
    }

    fn request(&self, messages: &[ChatMessage], tools: &[ToolSpec], count_tokens: bool) -> Value {
        let newest = messages.iter().rposition(|message| matches!(message, ChatMessage::User(_)));
        let wire = |(index, message): (usize, &ChatMessage)| match (message, &self.note) {
            (ChatMessage::User(text), Some(note)) if newest == Some(index) => {
                ChatMessage::User(format!("{text}\n\n{note}")).to_wire()
            }
            _ => message.to_wire(),
        };
        let messages: Vec<Value> = messages.iter().enumerate().map(wire).collect();
        let mut request = json!({ "model": self.model, "messages": messages, "stream": true });
        if !tools.is_empty() {
            request["tools"] = tools.iter().map(ToolSpec::to_wire).collect();
        }
        if count_tokens {
            request["stream_options"] = json!({ "include_usage": true });
        }
        request
    }

    async fn follow(
        &self,
        mut pieces: impl futures::Stream<Item = Result<Value, OpenAIError>> + Unpin,
        transport: &Transport,
        on: &mpsc::Sender<ModelEvent>,
        assembly: &mut Assembly,
    ) -> Result<(), ModelError> {
        // The raw text of a piece that is not JSON. It decides only if nothing comes after it: then it was cut.
        let mut broken: Option<String> = None;
        loop {
            let next = if assembly.finished() {
                // Only the token count may still come; a server that forgets to close is not waited for.
                tokio::time::timeout(AFTER_FINISH, pieces.next()).await.ok().flatten()
            } else {
                pieces.next().await
            };
            let Some(piece) = next else { break };
            if let (Some(raw), Ok(_)) = (broken.take(), &piece) {
                return Err(self.not_an_endpoint(&raw, std::mem::take(&mut assembly.text)));
            }
            match piece {
                Ok(value) => match assembly.add(&value) {
                    Piece::Events(events) => {
                        for event in events {
                            let _ = on.send(event).await;
                        }
                    }
                    Piece::Error { message, code } => {
                        return Err(self.in_stream(&message, &code, std::mem::take(&mut assembly.text)));
                    }
                    Piece::Unreadable(raw) => broken = Some(raw),
                    Piece::Foreign => {
                        return Err(
                            self.not_an_endpoint(&value.to_string(), std::mem::take(&mut assembly.text))
                        );
                    }
                },
                Err(_) if assembly.finished() => break,
                Err(error) => {
                    let failure = transport.fate().unwrap_or(Failure::Broken { reason: error.to_string() });
                    return Err(self.explain(failure, std::mem::take(&mut assembly.text)));
                }
            }
        }
        if assembly.finished() {
            return Ok(());
        }
        Err(self.cut_off(std::mem::take(&mut assembly.text), None))
    }
}
