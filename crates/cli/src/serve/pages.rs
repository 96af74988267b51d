//! The pages, which the binary carries.

use axum::{
    extract::{Query, State},
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;
use serde::Deserialize;

use super::Server;

#[derive(RustEmbed)]
#[folder = "../../ui/dist"]
struct Pages;

#[derive(Deserialize)]
pub(crate) struct Entry {
    token: Option<String>,
}

/// A file of the pages. They hold nothing secret, so they need no token; with the right one in the address the browser
/// is let in, and the address goes out of sight.
pub(crate) async fn page(
    State(server): State<Server>,
    method: Method,
    uri: Uri,
    Query(entry): Query<Entry>,
) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if let (Some(token), true) = (&entry.token, path.is_empty()) {
        if server.access.is_token(token) {
            let headers = [(header::SET_COOKIE, server.access.cookie()), (header::LOCATION, "/".to_owned())];
            return (StatusCode::SEE_OTHER, headers).into_response();
        }
        let message =
            "This token is not, or no longer, the right one. Open the address that `steady serve` printed.\n";
        return (StatusCode::UNAUTHORIZED, message).into_response();
    }
    let path = if path.is_empty() { "index.html" } else { path };
    let Some(file) = Pages::get(path) else {
        return (StatusCode::NOT_FOUND, "There is no such page.\n").into_response();
    };
    // Vite puts a hash of the content into the names under assets/.
    let cache = if path.starts_with("assets/") { "private, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, file.metadata.mimetype()), (header::CACHE_CONTROL, cache)];
    (headers, file.data).into_response()
}
