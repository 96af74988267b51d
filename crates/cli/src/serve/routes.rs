//! The HTTP API: every operation, the updates, and whole logs.

use std::{
    convert::Infallible,
    io,
    time::{Duration, Instant},
};

use axum::{
    Json,
    body::Body,
    extract::{Path, Request, State, rejection::JsonRejection},
    http::{StatusCode, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use steadyhand_api::{ApiError, ErrorCode};

use super::{Server, tickets::Log};

/// Proxies and browsers give up on a stream that says nothing for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// An error as an answer.
pub(crate) struct Refusal(StatusCode, ApiError);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let status = match error.code {
            ErrorCode::Invalid => StatusCode::BAD_REQUEST,
            ErrorCode::PlanInvalid => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::Conflict => StatusCode::CONFLICT,
            ErrorCode::Locked => StatusCode::LOCKED,
            ErrorCode::Unreachable => StatusCode::BAD_GATEWAY,
            ErrorCode::Storage => StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error)
    }
}

pub(crate) fn refusal(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Refusal {
    Refusal(status, ApiError { code, message: message.into() })
}

/// `POST /api/<operation>`: the request and the response are the operation's, as JSON.
///
/// Only `application/json` is taken: forms of other sites cannot send it.
pub(crate) async fn call(
    State(server): State<Server>,
    Path(operation): Path<String>,
    request: Result<Json<Value>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(request) = request.map_err(|error| {
        let too_large = error.status() == StatusCode::PAYLOAD_TOO_LARGE;
        let message = if too_large { "a request may have 1 MiB".to_owned() } else { error.body_text() };
        refusal(error.status(), ErrorCode::Invalid, message)
    })?;
    Ok(Json(server.api.call(&operation, request).await?))
}

/// `GET /api/updates`: server-sent events, each an array of updates. The first one is empty; whoever has it misses
/// nothing that happens from then on.
pub(crate) async fn updates(State(server): State<Server>) -> impl IntoResponse {
    let updates = server.api.updates().take_until(server.ending.cancelled_owned());
    let batches = stream::once(async { Vec::new() }).chain(updates);
    let events = batches.filter_map(|batch| async move {
        Event::default()
            .json_data(batch)
            .inspect_err(|error| tracing::error!(%error, "an update is no JSON"))
            .ok()
    });
    let buffered_nowhere = [("x-accel-buffering", "no")];
    (
        buffered_nowhere,
        Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)),
    )
}

/// `GET /api/log/<step>/<attempt>`: a whole log, byte for byte.
pub(crate) async fn log(
    State(server): State<Server>,
    Path(log): Path<(String, String)>,
) -> Result<Response, Refusal> {
    give_log(server, named(log)?).await
}

/// `POST /api/log/<step>/<attempt>`: an address below `/download/` that gives this log once, within half a minute, to
/// whoever asks. A browser downloads from it without the token.
pub(crate) async fn log_ticket(
    State(server): State<Server>,
    Path(log): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let log = named(log)?;
    // Whoever has a ticket need not be told that the log does not exist.
    drop(server.api.log_bytes(log.step, log.attempt, 0).await?);
    let ticket = server.tickets.issue(log, Instant::now())?;
    Ok(Json(json!({ "address": format!("/download/{ticket}") })))
}

/// `GET /download/<ticket>`: the log that the ticket is for.
pub(crate) async fn download(
    State(server): State<Server>,
    Path(ticket): Path<String>,
) -> Result<Response, Refusal> {
    let Some(log) = server.tickets.redeem(&ticket, Instant::now()) else {
        let message =
            "this address was for one download, which has begun or came too late; save the log again";
        return Err(refusal(StatusCode::NOT_FOUND, ErrorCode::NotFound, message));
    };
    give_log(server, log).await
}

fn named((step, attempt): (String, String)) -> Result<Log, Refusal> {
    match (step.parse(), attempt.parse()) {
        (Ok(step), Ok(attempt)) => Ok(Log { step, attempt }),
        _ => Err(refusal(StatusCode::NOT_FOUND, ErrorCode::NotFound, "there is no such log")),
    }
}

async fn give_log(server: Server, Log { step, attempt }: Log) -> Result<Response, Refusal> {
    let name = server.api.log_name(step, attempt).await?;
    let bytes = server.api.log_bytes(step, attempt, 0).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.log\"")),
    ];
    Ok((headers, Body::from_stream(end_with(server, bytes))).into_response())
}

/// A download does not keep the server from ending. It is broken off then, so that what came is not taken for the whole.
fn end_with(
    server: Server,
    bytes: impl Stream<Item = Result<Bytes, ApiError>> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some(bytes.boxed()), move |bytes| {
        let ending = server.ending.clone();
        async move {
            let mut bytes = bytes?;
            Some(match ending.run_until_cancelled(bytes.next()).await {
                Some(piece) => (piece?.map_err(io::Error::other), Some(bytes)),
                None => (Err(io::Error::other("the server is ending")), None),
            })
        }
    })
}

pub(crate) async fn no_such_address(request: Request) -> Refusal {
    let message = format!("there is nothing at {}", request.uri().path());
    refusal(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
}

pub(crate) async fn wrong_method() -> Refusal {
    let message = "operations are called with POST; updates, logs and downloads are read with GET";
    refusal(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Invalid, message)
}
