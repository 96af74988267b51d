//! The one window.

use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindowBuilder};

use crate::startup::{self, Refusal};

pub(crate) fn open(app: &AppHandle) -> tauri::Result<()> {
    let page = match app.try_state::<Refusal>() {
        Some(_) => WebviewUrl::CustomProtocol(startup::address()),
        None => WebviewUrl::App("index.html".into()),
    };
    WebviewWindowBuilder::new(app, "main", page)
        .title("Steadyhand")
        .inner_size(1280.0, 820.0)
        .min_inner_size(700.0, 560.0)
        .devtools(cfg!(debug_assertions))
        .on_navigation(is_own)
        .build()?;
    Ok(())
}

/// Whether an address is one of this program's own pages; the window shows no other.
fn is_own(url: &Url) -> bool {
    match (url.scheme(), url.host_str()) {
        ("tauri" | startup::SCHEME, Some("localhost")) => true,
        // Where the system's web view knows no schemes of its own.
        ("http", Some("tauri.localhost" | startup::HOST)) => cfg!(any(windows, target_os = "android")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_shows_no_other_page() {
        let own = |address: &str| is_own(&Url::parse(address).expect("an address"));
        assert!(own("tauri://localhost/index.html#/runs"));
        assert!(own("startup://localhost/"));
        for address in [
            "https://example.com/",
            "http://localhost:5173/",
            "tauri://example.com/",
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
            "javascript:alert(1)",
        ] {
            assert!(!own(address), "{address}");
        }
    }
}
