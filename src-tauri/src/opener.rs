//! Opens web addresses in the person's browser, and nothing else.

use std::{io, process::Stdio};

use steadyhand_api::{ApiError, ErrorCode};
use tauri::Url;
use tokio::process::Command;

#[cfg(target_os = "macos")]
const OPENER: (&str, &[&str]) = ("open", &[]);
// `start` is a word of cmd.exe, which would read the address as a command line.
#[cfg(windows)]
const OPENER: (&str, &[&str]) = ("rundll32.exe", &["url.dll,FileProtocolHandler"]);
#[cfg(not(any(target_os = "macos", windows)))]
const OPENER: (&str, &[&str]) = ("xdg-open", &[]);

pub(crate) fn open(address: &str) -> Result<(), ApiError> {
    let url = web_address(address)?;
    let (program, arguments) = OPENER;
    let started = Command::new(program)
        .args(arguments)
        .arg(url.as_str())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        // The runtime waits for the process when it is dropped.
        Ok(_child) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let message = format!("{program} is not installed; open {url} in a browser");
            Err(ApiError { code: ErrorCode::NotFound, message })
        }
        Err(error) => {
            let message = format!("{program} cannot be started ({error}); open {url} in a browser");
            Err(ApiError { code: ErrorCode::Internal, message })
        }
    }
}

/// The address, when it is one of the web. Parsed and written again, so that what is handed on begins with `http`.
fn web_address(address: &str) -> Result<Url, ApiError> {
    let url = Url::parse(address).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()).ok_or_else(|| ApiError {
        code: ErrorCode::Invalid,
        message: format!("only web addresses (http and https) can be opened, not {address}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_opened() {
        let taken = |address: &str| web_address(address).map(String::from).ok();
        assert_eq!(
            taken("https://example.com/a b?c=\"d\""),
            Some("https://example.com/a%20b?c=%22d%22".into())
        );
        assert_eq!(taken("HTTP://localhost:8080"), Some("http://localhost:8080/".into()));
        for address in [
            "",
            "-a",
            "--help",
            "/etc/passwd",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://",
            "ssh://example.com",
            "C:\\Windows\\System32\\calc.exe",
            "x-apple:settings",
        ] {
            assert_eq!(taken(address), None, "{address:?}");
        }
    }
}
