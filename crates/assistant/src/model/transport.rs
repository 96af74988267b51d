//! How a request reaches the server and what is made of the first thing that comes back.
//!
//! This is a service under async-openai's client, in the place of its own, for three reasons: `Retry-After` and the kind
//! of a refusal are in headers that the client drops; its retries are silent; and what a server says must have the key
//! removed before anyone else sees it.

use std::{
    error::Error as _,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use bytes::Bytes;
use futures::{Stream, StreamExt, future::BoxFuture, stream};
use reqwest::{
    Body, Response, StatusCode,
    header::{CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER},
};
use serde_json::Value;

use super::guard::{self, Guard};

/// The most of an error body that is read; servers have been seen to answer with whole web sites.
const LONGEST_ERROR_BODY: usize = 64 * 1024;

/// What went wrong on the way, before it is put into words.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Failure {
    /// A status other than success.
    #[error("status {status}")]
    Status { status: u16, retry_after: Option<Duration>, location: Option<String>, body: RefusalBody },
    /// A success that is no stream and no JSON.
    #[error("not a stream")]
    NotAStream { content_type: String },
    /// No connection, or it broke before an answer.
    #[error("{reason}")]
    Connection { kind: ConnectionKind, reason: String },
    /// Nothing came for too long.
    #[error("silent")]
    Silent { idle: Duration },
    /// The connection broke in the middle of the answer.
    #[error("{reason}")]
    Broken { reason: String },
}

/// The body of a refusal.
#[derive(Clone, Debug)]
pub(super) enum RefusalBody {
    /// Nothing useful.
    Empty,
    /// The message of an error in JSON, with its type and code.
    Message { text: String, code: String },
    /// A web page.
    Html,
    /// Plain text.
    Text(String),
}

/// Where a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionKind {
    /// The name has no address.
    Name,
    /// Nothing listens.
    Refused,
    /// The certificate or the TLS handshake.
    Tls,
    /// No answer in time.
    TimedOut,
    /// Anything else.
    Other,
}

/// Limits of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) first_byte: Duration,
    pub(super) idle: Duration,
}

/// The service for one request. What happens to its stream is left in `fate`, because async-openai passes a broken stream
/// on as text only.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    limits: Limits,
    fate: Arc<Mutex<Option<Failure>>>,
}

impl Transport {
    pub(super) fn new(http: reqwest::Client, limits: Limits) -> Self {
        Self { http, limits, fate: Arc::default() }
    }

    /// Why the stream ended early, if it did.
    pub(super) fn fate(&self) -> Option<Failure> {
        self.fate.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    async fn exchange(self, factory: HttpRequestFactory) -> Result<Response, OpenAIError> {
        let request = factory.build().await?;
        let answered = tokio::time::timeout(self.limits.first_byte, self.http.execute(request)).await;
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(boxed(connection_failure(&error))),
            Err(_) => return Err(boxed(Failure::Silent { idle: self.limits.first_byte })),
        };
        let status = response.status();
        let content_type = header(response.headers(), CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        if !status.is_success() {
            return Err(boxed(self.refusal(response, status).await));
        }
        if content_type.contains("text/html") {
            return Err(boxed(Failure::NotAStream { content_type }));
        }
        if content_type.contains("json")
            && !content_type.contains("json-seq")
            && !content_type.contains("ndjson")
        {
            // The server doesn't stream, or reports an error as a success: its one object becomes the only event.
            let body = self.read(response).await;
            return Ok(with_body(
                Vec::new(),
                stream::iter([Ok::<_, std::io::Error>(Bytes::from(guard::event(&body)))]),
            ));
        }
        Ok(with_body(vec![content_type], self.watched(response)))
    }

    async fn refusal(&self, response: Response, status: StatusCode) -> Failure {
        let retry_after = retry_after(response.headers());
        let location = header(response.headers(), LOCATION).map(str::to_owned);
        let content_type = header(response.headers(), CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        let body = body_of(&content_type, &self.read(response).await);
        Failure::Status { status: status.as_u16(), retry_after, location, body }
    }

    /// The body as far as it comes: what is said about a refusal must not depend on reading all of it.
    async fn read(&self, response: Response) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Ok(Some(Ok(chunk))) = tokio::time::timeout(self.limits.idle, chunks.next()).await {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LONGEST_ERROR_BODY * 16 {
                break;
            }
        }
        bytes
    }

    /// The body's readable events, with an idle limit on its bytes: a keep-alive comment counts as a sign of life.
    fn watched(
        &self,
        response: Response,
    ) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
        let chunks = response.bytes_stream().boxed();
        let (idle, fate) = (self.limits.idle, Arc::clone(&self.fate));
        stream::unfold(Some((chunks, fate, Guard::default())), move |state| async move {
            let (mut chunks, fate, mut guard) = state?;
            let failure = match tokio::time::timeout(idle, chunks.next()).await {
                Ok(Some(Ok(chunk))) => {
                    let events = Bytes::from(guard.feed(&chunk));
                    return Some((Ok(events), Some((chunks, fate, guard))));
                }
                Ok(None) => return Some((Ok(Bytes::from(guard.finish())), None)),
                Ok(Some(Err(error))) => Failure::Broken { reason: innermost(&error) },
                Err(_) => Failure::Silent { idle },
            };
            let error = std::io::Error::other(failure.to_string());
            *fate.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(failure);
            Some((Err(error), None))
        })
    }
}

impl tower::Service<HttpRequestFactory> for Transport {
    type Response = Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<Response, OpenAIError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, factory: HttpRequestFactory) -> Self::Future {
        Box::pin(self.clone().exchange(factory))
    }
}

/// The failure that [`Transport`] put into an error of async-openai, if it is one of those.
pub(super) fn failure_in(error: &OpenAIError) -> Option<Failure> {
    match error {
        OpenAIError::Boxed(inner) => inner.downcast_ref::<Failure>().cloned(),
        _ => None,
    }
}

fn boxed(failure: Failure) -> OpenAIError {
    OpenAIError::Boxed(Box::new(failure))
}

fn with_body(
    content_type: Vec<String>,
    body: impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static,
) -> Response {
    let mut response = http::Response::new(Body::wrap_stream(body));
    if let Some(Ok(value)) = content_type.first().map(|value| value.parse()) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    Response::from(response)
}

fn header(headers: &HeaderMap, name: reqwest::header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date, which is measured from the server's own `Date` so that two
/// clocks needn't agree. `retry-after-ms` is what some servers send besides.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    if let Some(millis) =
        headers.get("retry-after-ms").and_then(|value| value.to_str().ok()?.trim().parse().ok())
    {
        return Some(Duration::from_millis(millis));
    }
    let value = header(headers, RETRY_AFTER)?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let now = httpdate::parse_http_date(header(headers, DATE)?).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

fn body_of(content_type: &str, bytes: &[u8]) -> RefusalBody {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_ERROR_BODY)]);
    let text = text.trim();
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        return message_in(&value)
            .map_or(RefusalBody::Empty, |(text, code)| RefusalBody::Message { text, code });
    }
    let start: String = text.chars().take(100).collect::<String>().to_ascii_lowercase();
    if content_type.contains("html") || start.starts_with("<!doctype") || start.starts_with("<html") {
        RefusalBody::Html
    } else if text.is_empty() {
        RefusalBody::Empty
    } else {
        RefusalBody::Text(text.to_owned())
    }
}

/// The message and the type and code of an error object, in the shapes that servers use: `{"error":{"message":…}}`,
/// `{"error":"…"}`, `{"message":…}`, `{"detail":…}`, or a list of the first.
pub(super) fn message_in(value: &Value) -> Option<(String, String)> {
    let value = value.as_array().and_then(|list| list.first()).unwrap_or(value);
    let error = value.get("error").unwrap_or(value);
    let message = match error {
        Value::String(text) => text.clone(),
        Value::Null => return None,
        _ => ["message", "detail", "error_description", "msg"].iter().find_map(|key| {
            match error.get(key)? {
                Value::String(text) => Some(text.clone()),
                Value::Null => None,
                other => Some(other.to_string()),
            }
        })?,
    };
    let of = |key: &str| match error.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    Some((message, format!("{} {}", of("type"), of("code")).trim().to_owned()))
}

fn connection_failure(error: &reqwest::Error) -> Failure {
    // The wording of the layers below is the only thing that tells these apart; reqwest has no kinds for them.
    let mut chain = String::new();
    let mut refused = false;
    let mut source = error.source();
    while let Some(cause) = source {
        chain.push_str(&cause.to_string().to_ascii_lowercase());
        chain.push('\n');
        refused |= cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused);
        source = cause.source();
    }
    let has = |words: &[&str]| words.iter().any(|word| chain.contains(word));
    if has(&["connection closed before message", "incomplete message", "connection reset"]) {
        // It was connected and was heard; this is an answer cut off at its very beginning.
        return Failure::Broken { reason: innermost(error) };
    }
    let kind = if error.is_timeout() {
        ConnectionKind::TimedOut
    } else if has(&["dns error", "failed to lookup", "name or service not known", "no such host"]) {
        ConnectionKind::Name
    } else if refused {
        ConnectionKind::Refused
    } else if has(&["certificate", "tls", "handshake", "invalidcontenttype", "corrupt message"]) {
        ConnectionKind::Tls
    } else {
        ConnectionKind::Other
    };
    Failure::Connection { kind, reason: innermost(error) }
}

/// The innermost cause: the outer ones repeat it and name the whole address, which may hold a key.
fn innermost(error: &reqwest::Error) -> String {
    let mut reason = None;
    let mut source = error.source();
    while let Some(cause) = source {
        reason = Some(cause.to_string());
        source = cause.source();
    }
    reason.unwrap_or_else(|| "the request could not be sent".to_owned())
}
