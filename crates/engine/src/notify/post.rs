//! One POST request to a webhook, and what its answer means.

use std::time::Duration;

use reqwest::{
    Client, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect,
};

use super::{
    Attempt,
    text::{cut, one_line},
};

/// How long the connection, and the whole request, may take.
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(15);
/// The longest pause that a receiver may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// How much of a refusal is told.
const SAID: usize = 200;

/// A client for webhooks. Redirects are not followed: they would make a GET of a POST, or send what is signed for one
/// server to another.
pub(super) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(concat!("steadyhand/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .build()
}

/// Sends a body of JSON. What is told of a failure has neither the address nor anything else of the request in it, since
/// the address of a webhook is a secret.
pub(super) async fn post(client: &Client, url: &str, headers: HeaderMap, body: Vec<u8>) -> Attempt {
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    let request = client.post(url).headers(headers).header(CONTENT_TYPE, json).body(body);
    let mut answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if error.is_builder() => {
            return Attempt::refused(
                "its address cannot be used; it must be a whole one that begins with https://",
            );
        }
        Err(error) => return Attempt::later(unreachable(&error)),
    };
    let status = answer.status();
    if status.is_success() {
        return Attempt::Delivered;
    }
    let after = pause(answer.headers());
    let mut said = Vec::new();
    while said.len() < 4096
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        said.extend_from_slice(&chunk);
    }
    let said = told_by(&said, url);
    let said = if said.is_empty() { said } else { format!(": {said}") };
    let problem = format!("it answered with status {}{said}", status.as_u16());
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            Attempt::Later { problem: "it wants fewer messages (status 429)".to_owned(), after }
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Attempt::Later { problem, after },
        status if status.is_server_error() => Attempt::Later { problem, after },
        status if status.is_redirection() => {
            Attempt::refused(format!("{problem}: it has moved; put the new address in its place"))
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => {
            Attempt::refused(format!("{problem}. Is its address right, and is it still in use?"))
        }
        _ => Attempt::refused(problem),
    }
}

/// What a refusal says, unless it is a page or repeats a part of the address.
fn told_by(said: &[u8], url: &str) -> String {
    /// Shorter parts of an address are words such as `services`.
    const TELLING: usize = 9;
    let said = one_line(&String::from_utf8_lossy(said));
    let is_page = said.starts_with('<');
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let mut parts = path.split(['/', '?', '&', '=']).filter(|part| part.len() >= TELLING);
    if is_page || parts.any(|part| said.contains(part)) { String::new() } else { cut(&said, SAID) }
}

fn unreachable(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it gave no answer in time".to_owned();
    }
    // The innermost cause says it best: "connection refused", "certificate has expired". The outer ones name the address.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let said = if cause.source().is_none() && std::ptr::addr_eq(cause, error) {
        "no answer".to_owned()
    } else {
        cut(&one_line(&cause.to_string()), SAID)
    };
    format!("it could not be reached ({said})")
}

/// What `Retry-After` says in seconds (RFC 9110, 10.2.3), with a fraction as Discord writes it. Dates are left to the
/// usual pauses.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok().map(|pause| pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_without_what_it_repeats_of_the_address() {
        let url = "https://hooks.example.com/services/T0AAAAAAA/XsecretX9?key=abcdefghij";
        let check = |said: &str, expected: &str| assert_eq!(told_by(said.as_bytes(), url), expected);
        check("invalid_payload\n", "invalid_payload");
        check("Cannot POST /services/T0AAAAAAA/XsecretX9", "");
        check("no key abcdefghij", "");
        check("no services here", "no services here");
        check("<html><body>404</body></html>", "");
    }

    #[test]
    fn a_pause_is_what_the_receiver_wants_within_reason() {
        let check = |text: &'static str, expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            assert_eq!(pause(&headers).map(|pause| pause.as_millis()), expected.map(u128::from), "{text}");
        };
        check("30", Some(30_000));
        check("0.25", Some(250));
        check("86400", Some(3_600_000));
        check("-1", None);
        check("NaN", None);
        check("Wed, 21 Oct 2026 07:28:00 GMT", None);
    }
}
