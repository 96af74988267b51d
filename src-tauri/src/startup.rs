//! The data is opened before the window shows anything. When that fails, the window says why, since a program that was
//! started with a click has no other place to say it.

use std::borrow::Cow;

use steadyhand_api::{Api, ApiError, OpenOptions, Shell};
use tauri::{
    AppHandle, Manager, Url,
    http::{Response, header},
};

/// The scheme of the page that says why the start failed.
pub(crate) const SCHEME: &str = "startup";
/// The same where the system's web view knows no schemes of its own.
pub(crate) const HOST: &str = "startup.localhost";

/// Why the data could not be opened.
pub(crate) struct Refusal(ApiError);

/// Opens the data; keeps the operations, or why there are none.
pub(crate) fn open(app: &AppHandle) {
    match tauri::async_runtime::block_on(Api::open(OpenOptions { data_dir: None, shell: Shell::Window })) {
        Ok(api) => {
            app.manage(api);
        }
        Err(error) => {
            tracing::error!(%error, "the data cannot be opened");
            app.manage(Refusal(error));
        }
    }
}

#[allow(clippy::expect_used, reason = "these addresses are written here and a test parses them")]
pub(crate) fn address() -> Url {
    let address = if cfg!(any(windows, target_os = "android")) {
        format!("http://{HOST}/")
    } else {
        format!("{SCHEME}://localhost/")
    };
    address.parse().expect("is an address")
}

pub(crate) fn page(app: &AppHandle) -> Response<Cow<'static, [u8]>> {
    let message = app.try_state::<Refusal>().map(|refusal| refusal.0.message.clone()).unwrap_or_default();
    let body = PAGE.replace("{message}", &escaped(&message)).into_bytes();
    let mut response = Response::new(Cow::Owned(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    headers.insert(header::CONTENT_SECURITY_POLICY, header::HeaderValue::from_static(policy));
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Steadyhand</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { margin: 20vh auto; max-width: 36rem; padding: 0 2rem; }
  h1 { font-size: 1.3rem; }
  p { white-space: pre-wrap; overflow-wrap: anywhere; }
  .quiet { opacity: 0.75; }
</style>
<h1>Steadyhand cannot open its data</h1>
<p role="alert">{message}</p>
<p class="quiet">Nothing was changed. Close this window, mend the cause and start Steadyhand again.</p>
</html>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_page_is_one() {
        assert!(address().as_str().contains(SCHEME));
    }

    #[test]
    fn a_message_is_text_and_never_markup() {
        assert_eq!(escaped("<img src=x> & co"), "&lt;img src=x&gt; &amp; co");
    }
}
