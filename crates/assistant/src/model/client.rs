//! The client of one model.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_openai::{Client, config::Config, error::OpenAIError};
use futures::StreamExt;
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    assemble::{Assembly, Piece},
    error::ModelError,
    message::{ChatMessage, ModelEvent, Turn},
    tools::ToolSpec,
    transport::{ConnectionKind, Failure, Limits, RefusalBody, Transport, failure_in},
};

/// Which model, where.
#[derive(Clone, Debug, Default)]
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
/// The most characters of a server's message that are shown.
const LONGEST_MESSAGE: usize = 300;

/// A model behind an OpenAI-compatible endpoint.
pub struct Model {
    endpoint: Endpoint,
    model: String,
    timeouts: Timeouts,
    http: reqwest::Client,
    /// Cleared once the server has refused `stream_options`.
    counts_tokens: AtomicBool,
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
        Ok(Self { endpoint, model, timeouts: config.timeouts, http, counts_tokens: AtomicBool::new(true) })
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
        let messages: Vec<Value> = messages.iter().map(ChatMessage::to_wire).collect();
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
            if let Some(raw) = broken.take() {
                if piece.is_ok() {
                    return Err(self.not_an_endpoint(&raw, std::mem::take(&mut assembly.text)));
                }
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
                    Piece::Foreign => {
                        return Err(
                            self.not_an_endpoint(&value.to_string(), std::mem::take(&mut assembly.text))
                        );
                    }
                },
                Err(OpenAIError::JSONDeserialize(_, raw)) => broken = Some(raw),
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

    fn cut_off(&self, text: String, reason: Option<String>) -> ModelError {
        ModelError::CutOff { address: self.endpoint.shown.clone(), text, reason }
    }

    fn in_stream(&self, message: &str, code: &str, text: String) -> ModelError {
        let address = self.endpoint.shown.clone();
        let said = self.said(message);
        match code.split(' ').next_back().unwrap_or_default() {
            "429" | "rate_limit_exceeded" => {
                ModelError::RateLimited { address, retry_after: None, message: said }
            }
            "insufficient_quota" => ModelError::NoCredit { message: said },
            _ => ModelError::InStream { address, message: said, text },
        }
    }

    fn not_an_endpoint(&self, found: &str, text: String) -> ModelError {
        if !text.is_empty() {
            return self.cut_off(text, self.said(&format!("a piece could not be read: {found}")));
        }
        ModelError::NotAnEndpoint {
            address: self.endpoint.shown.clone(),
            found: self.said(found).map_or_else(|| "nothing".to_owned(), |found| format!("`{found}`")),
            hint: self.endpoint.address_hint(),
        }
    }

    fn explain(&self, failure: Failure, text: String) -> ModelError {
        let address = self.endpoint.shown.clone();
        match failure {
            Failure::Status { status, retry_after, location, body } => {
                self.explain_status(status, retry_after, location, &body)
            }
            Failure::NotAStream { content_type } => ModelError::NotAnEndpoint {
                address,
                found: if content_type.contains("html") { "a web page".to_owned() } else { content_type },
                hint: self.endpoint.address_hint(),
            },
            Failure::Silent { idle } => ModelError::Silent { address, idle, text },
            Failure::Broken { reason } => self.cut_off(text, self.said(&reason)),
            Failure::Connection { kind, reason } => {
                let reason = self.said(&reason).unwrap_or_default();
                let (reason, hint) = match kind {
                    ConnectionKind::Name => (
                        "the name can't be found".to_owned(),
                        "check the spelling of the address, and that this machine is online",
                    ),
                    ConnectionKind::Refused => (
                        "nothing listens there (connection refused)".to_owned(),
                        "start the model server, or check the port in the address",
                    ),
                    ConnectionKind::Tls if self.endpoint.is_https => (
                        format!("no secure connection ({reason})"),
                        "check the certificate, or use http:// if the server doesn't speak TLS",
                    ),
                    ConnectionKind::TimedOut => (
                        "no connection in time".to_owned(),
                        "check the address, and whether a firewall or proxy is in the way",
                    ),
                    ConnectionKind::Tls | ConnectionKind::Other => {
                        (reason, "check the address, and http:// or https:// at its start")
                    }
                };
                ModelError::Unreachable { address, reason, hint: hint.to_owned() }
            }
        }
    }

    fn explain_status(
        &self,
        status: u16,
        retry_after: Option<Duration>,
        location: Option<String>,
        body: &RefusalBody,
    ) -> ModelError {
        let address = self.endpoint.shown.clone();
        let message = match body {
            RefusalBody::Message { text, .. } | RefusalBody::Text(text) => self.said(text),
            RefusalBody::Empty | RefusalBody::Html => None,
        };
        match status {
            401 | 403 => ModelError::Key { address, status, had_key: self.endpoint.key.is_some(), message },
            402 => ModelError::NoCredit { message },
            404 | 405 => self.explain_not_found(address, body, message),
            429 if no_credit(body) => ModelError::NoCredit { message },
            429 => ModelError::RateLimited { address, retry_after, message },
            300..=399 => ModelError::NotAnEndpoint {
                address,
                found: "a redirect".to_owned(),
                hint: match location.as_deref().and_then(|location| self.endpoint.base.join(location).ok()) {
                    Some(target) => {
                        let target = shown(&target);
                        let target = target.trim_end_matches("/chat/completions");
                        format!("use the address it points to: {}", self.said(target).unwrap_or_default())
                    }
                    None => self.endpoint.address_hint(),
                },
            },
            500.. => ModelError::Server { address, status, message },
            _ => match body {
                RefusalBody::Html => ModelError::NotAnEndpoint {
                    address,
                    found: format!("a web page (status {status})"),
                    hint: self.endpoint.address_hint(),
                },
                _ => ModelError::Refused { address, status, message },
            },
        }
    }

    fn explain_not_found(&self, address: String, body: &RefusalBody, message: Option<String>) -> ModelError {
        if matches!(body, RefusalBody::Html) {
            let hint = self.endpoint.address_hint();
            return ModelError::NotAnEndpoint { address, found: "a web page (status 404)".to_owned(), hint };
        }
        let about_model = match body {
            RefusalBody::Message { text, code } => {
                let text = text.to_ascii_lowercase();
                code.contains("model")
                    || text.contains(&self.model.to_ascii_lowercase())
                    || text.contains("model")
            }
            _ => false,
        };
        let (model, hint) = if about_model {
            (Some(self.model.clone()), "check the model's name, or load the model on the server".to_owned())
        } else {
            (None, self.endpoint.address_hint())
        };
        ModelError::NotFound { address, model, message, hint }
    }

    /// What a server said, fit to be shown: short, on one line, without control characters and without the key.
    fn said(&self, message: &str) -> Option<String> {
        let mut text = message.split_whitespace().collect::<Vec<_>>().join(" ");
        text.retain(|char| !char.is_control());
        if let Some(key) = self.endpoint.key.as_ref().map(ExposeSecret::expose_secret) {
            text = text.replace(key, "[key]");
        }
        if text.chars().count() > LONGEST_MESSAGE {
            text = text.chars().take(LONGEST_MESSAGE).chain(['…']).collect();
        }
        let text = text.trim_end_matches(['.', ';', ' ']).to_owned();
        (!text.is_empty()).then_some(text)
    }
}

fn no_credit(body: &RefusalBody) -> bool {
    matches!(body, RefusalBody::Message { code, .. } if code.contains("insufficient_quota") || code.contains("billing"))
}

/// Where requests go, in async-openai's terms. Its own configuration reads keys and organisations from the environment,
/// which would send them to whatever server is configured here.
#[derive(Clone)]
struct Endpoint {
    base: Url,
    /// The address without user, password and query.
    shown: String,
    key: Option<SecretString>,
    no_key: SecretString,
    authorization: Option<HeaderValue>,
    is_loopback: bool,
    is_https: bool,
}

impl Endpoint {
    fn new(address: &str, key: Option<SecretString>) -> Result<Self, ModelError> {
        let mut base = read_address(address)?;
        let path = base.path().trim_end_matches('/').to_owned();
        let path = ["/chat/completions", "/completions", "/chat", "/models"]
            .iter()
            .find_map(|end| path.strip_suffix(end))
            .unwrap_or(&path)
            .to_owned();
        base.set_path(&path);
        base.set_fragment(None);
        let key = key
            .map(|key| key.expose_secret().trim().to_owned())
            .filter(|key| !key.is_empty())
            .map(SecretString::from);
        let authorization = match &key {
            None => None,
            Some(key) => {
                let mut value =
                    HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).map_err(|_| {
                        ModelError::Settings(
                            "the key holds characters that no key has; paste it again".to_owned(),
                        )
                    })?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let host = base.host_str().unwrap_or_default();
        let is_loopback = is_loopback(host);
        let is_https = base.scheme() == "https";
        Ok(Self {
            shown: shown(&base),
            key,
            no_key: SecretString::from(""),
            authorization,
            is_loopback,
            is_https,
            base,
        })
    }

    fn address_hint(&self) -> String {
        let has_version = self.base.path().split('/').any(|part| {
            part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        });
        if has_version {
            "check the address, up to and with /v1".to_owned()
        } else {
            format!("the address usually ends in /v1: try {}/v1", self.shown)
        }
    }
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.authorization.iter().map(|value| (AUTHORIZATION, value.clone())).collect()
    }

    fn url(&self, path: &str) -> String {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url.into()
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.shown
    }

    fn api_key(&self) -> &SecretString {
        self.key.as_ref().unwrap_or(&self.no_key)
    }
}

fn read_address(address: &str) -> Result<Url, ModelError> {
    let address = address.trim();
    if address.is_empty() {
        return Err(ModelError::Settings(
            "the address is missing; it looks like http://localhost:11434/v1".to_owned(),
        ));
    }
    let with_scheme = if address.contains("://") {
        address.to_owned()
    } else {
        // What runs on this machine speaks plain HTTP, what runs elsewhere should not.
        let host = address.split(['/', ':']).next().unwrap_or_default();
        format!("{}://{address}", if is_loopback(host) { "http" } else { "https" })
    };
    let invalid = |why: String| {
        ModelError::Settings(format!(
            "the address is not one ({why}); it looks like http://localhost:11434/v1"
        ))
    };
    let url = Url::parse(&with_scheme).map_err(|error| invalid(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid(format!("{}:// is not http:// or https://", url.scheme())));
    }
    Ok(url)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The address without user, password, query and fragment, which may hold a key.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}
