//! Who may use the server, and what a browser may do with its answers.
//!
//! A page of another site can make a browser send requests here, and can make its own name resolve to this address (DNS
//! rebinding). So every request must name this server in `Host`, a request that a page sends must come from this server's
//! own page, and the operations need the token.
//!
//! The token is only ever in `Authorization`. There is no cookie: browsers send the cookies of one server to every other
//! server on the same address, whatever its port.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{self, HeaderName},
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use steadyhand_api::ErrorCode;

use super::{Server, routes::refusal, token};

/// The same as the window's, without its bridge to Tauri. Style attributes are allowed: virtual lists place their rows
/// with them.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

const FOREIGN: &str = "pages of other origins cannot use this server";

/// What a request must show.
pub(crate) struct Access {
    address: SocketAddr,
    names: Vec<String>,
    token: String,
}

impl Access {
    pub(crate) fn new(address: SocketAddr, names: Vec<String>, token: String) -> Self {
        let names = names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { address, names, token }
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .is_some_and(|given| token::equal(&self.token, given.trim()))
    }

    /// Whether a `Host` names this server. Where it listens on all addresses any IP address is as good as another: only
    /// names can be made to point here by somebody else.
    fn is_here(&self, host: &str) -> bool {
        if host.contains('@') {
            return false;
        }
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let name = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        if self.names.contains(&name) {
            return true;
        }
        if authority.port_u16().unwrap_or(80) != self.address.port() {
            return false;
        }
        let own = self.address.ip();
        match name.parse::<IpAddr>() {
            Ok(address) => own.is_unspecified() || address == own,
            Err(_) => name == "localhost" && (own.is_loopback() || own.is_unspecified()),
        }
    }

    /// Whether a page of this origin is one of this server's, as reached by this `Host`.
    fn is_own_origin(&self, origin: &str, host: &str) -> bool {
        let behind_tls = || {
            let authority = host.parse::<Authority>().ok();
            authority.is_some_and(|host| self.names.contains(&host.host().to_ascii_lowercase()))
        };
        match origin.split_once("://") {
            Some(("http", authority)) => authority.eq_ignore_ascii_case(host),
            Some(("https", authority)) => authority.eq_ignore_ascii_case(host) && behind_tls(),
            _ => false,
        }
    }

    fn refuse(&self, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else {
            return Some((StatusCode::BAD_REQUEST, "the request names no host"));
        };
        if !self.is_here(host) {
            let message = "this server does not go by the name in the request; `steady serve --allow-host NAME` adds one";
            return Some((StatusCode::MISDIRECTED_REQUEST, message));
        }
        let foreign = headers
            .get_all(header::ORIGIN)
            .iter()
            .any(|origin| !origin.to_str().is_ok_and(|origin| self.is_own_origin(origin, host)));
        foreign.then_some((StatusCode::FORBIDDEN, FOREIGN))
    }
}

/// Refuses what does not name this server, and what a page of another origin sends.
pub(crate) async fn refuse_other_origins(
    State(server): State<Server>,
    request: Request,
    next: Next,
) -> Response {
    match server.access.refuse(request.headers()) {
        Some((status, message)) => refusal(status, ErrorCode::Invalid, message).into_response(),
        None => next.run(request).await,
    }
}

/// Refuses what another site made a browser ask for. Browsers say so also where they send no `Origin`. The pages
/// themselves may be asked for: that is what a link to them does.
pub(crate) async fn refuse_other_sites(request: Request, next: Next) -> Response {
    let own = |site: &HeaderValue| site == "same-origin" || site == "none";
    if request.headers().get("sec-fetch-site").is_some_and(|site| !own(site)) {
        return refusal(StatusCode::FORBIDDEN, ErrorCode::Invalid, FOREIGN).into_response();
    }
    next.run(request).await
}

/// Refuses what does not carry the token.
pub(crate) async fn need_token(State(server): State<Server>, request: Request, next: Next) -> Response {
    if !server.access.has_token(request.headers()) {
        let message = "open the address that `steady serve` printed: this browser has not been let in";
        return refusal(StatusCode::UNAUTHORIZED, ErrorCode::Invalid, message).into_response();
    }
    next.run(request).await
}

/// Adds to every answer what a browser may do with it.
pub(crate) async fn protect_answers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policies: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in policies {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(address: &str) -> Access {
        Access::new(address.parse().expect("an address"), vec!["Shop.Example".into()], "t".repeat(64))
    }

    #[test]
    fn only_names_of_this_server_are_taken() {
        let check = |address: &str, host: &str, expected: bool| {
            assert_eq!(access(address).is_here(host), expected, "{host:?} at {address}");
        };
        check("127.0.0.1:8000", "127.0.0.1:8000", true);
        check("127.0.0.1:8000", "localhost:8000", true);
        check("127.0.0.1:8000", "LOCALHOST:8000", true);
        check("127.0.0.1:8000", "127.0.0.1:8001", false);
        check("127.0.0.1:8000", "127.0.0.1", false);
        check("127.0.0.1:80", "127.0.0.1", true);
        check("127.0.0.1:8000", "evil.example:8000", false);
        check("127.0.0.1:8000", "127.0.0.1.evil.example:8000", false);
        check("127.0.0.1:8000", "localhost@evil.example:8000", false);
        check("127.0.0.1:8000", "evil@localhost:8000", false);
        check("127.0.0.1:8000", "192.0.2.1:8000", false);
        check("127.0.0.1:8000", "shop.example", true);
        check("127.0.0.1:8000", "", false);
        check("[::1]:8000", "[::1]:8000", true);
        check("[::1]:8000", "localhost:8000", true);
        check("0.0.0.0:8000", "192.0.2.1:8000", true);
        check("0.0.0.0:8000", "evil.example:8000", false);
        check("192.0.2.1:8000", "localhost:8000", false);
    }

    #[test]
    fn only_its_own_pages_may_send_requests() {
        let check = |origin: &str, host: &str, expected: bool| {
            assert_eq!(
                access("127.0.0.1:8000").is_own_origin(origin, host),
                expected,
                "{origin:?} to {host}"
            );
        };
        check("http://127.0.0.1:8000", "127.0.0.1:8000", true);
        check("http://localhost:8000", "127.0.0.1:8000", false);
        check("https://127.0.0.1:8000", "127.0.0.1:8000", false);
        check("http://127.0.0.1:8001", "127.0.0.1:8000", false);
        check("http://evil.example", "127.0.0.1:8000", false);
        check("null", "127.0.0.1:8000", false);
        check("", "127.0.0.1:8000", false);
        check("https://shop.example", "shop.example", true);
    }

    #[test]
    fn the_pages_are_held_to_the_same_policy_in_the_browser_and_in_the_window() {
        let configuration = include_str!("../../../../src-tauri/tauri.conf.json");
        let configuration: serde_json::Value = serde_json::from_str(configuration).expect("is JSON");
        let window = configuration["app"]["security"]["csp"].as_str().expect("is a text");
        assert_eq!(window.replace(" ipc: http://ipc.localhost", ""), CONTENT_SECURITY_POLICY);
    }
}
