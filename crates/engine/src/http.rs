//! One GET request over a connection that is already open, to see how a server on a host answers.

use std::{fmt, sync::Arc};

use hyper_util::rt::TokioIo;
use steadyhand_remote::Tunnel;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

/// An address as a `wait_for` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    tls: bool,
    /// A name or an IP address, IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    authority: String,
    path: String,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!("`{text}` is not an address that can be asked: {why}; write http://host:port/path")
        };
        let uri: hyper::Uri = text.parse().map_err(|error| wrong(&format!("{error}")))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("it must begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self {
            tls,
            host,
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authority: authority.as_str().to_owned(),
            path: uri.path_and_query().map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned()),
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "https" } else { "http" }, self.authority, self.path)
    }
}

/// The status with which the server answers. Redirects are answers, not followed.
pub(crate) async fn get(stream: Tunnel, url: &Url) -> Result<u16, String> {
    if !url.tls {
        return ask(stream, url).await;
    }
    let config =
        rustls_platform_verifier_config().map_err(|error| format!("TLS cannot be used here: {error}"))?;
    let name = ServerName::try_from(url.host.clone()).map_err(|error| format!("{}: {error}", url.host))?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| format!("TLS handshake failed: {error}"))?;
    ask(stream, url).await
}

fn rustls_platform_verifier_config() -> Result<ClientConfig, tokio_rustls::rustls::Error> {
    use rustls_platform_verifier::BuilderVerifierExt;
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth())
}

async fn ask<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    url: &Url,
) -> Result<u16, String> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake::<_, String>(TokioIo::new(stream))
        .await
        .map_err(|error| format!("no HTTP answer ({error})"))?;
    let request = hyper::Request::get(&url.path)
        .header("host", &url.authority)
        .header("user-agent", "steadyhand")
        .header("connection", "close")
        .body(String::new())
        .map_err(|error| format!("the request cannot be made: {error}"))?;
    let answer = async {
        let answer =
            sender.send_request(request).await.map_err(|error| match error.is_incomplete_message() {
                true => "the connection was closed without an answer".to_owned(),
                false => format!("no HTTP answer ({error})"),
            })?;
        Ok(answer.status().as_u16())
    };
    tokio::pin!(connection);
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        // The connection may end with the answer already read.
        ended = &mut connection => match ended {
            Ok(()) => answer.await,
            Err(error) => Err(format!("no HTTP answer ({error})")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parts = |text: &str| {
            let url = Url::parse(text).expect("an address");
            (url.tls, url.host.clone(), url.port, url.path.clone(), url.to_string())
        };
        assert_eq!(
            parts("http://127.0.0.1:8080/health?x=1"),
            (
                false,
                "127.0.0.1".into(),
                8080,
                "/health?x=1".into(),
                "http://127.0.0.1:8080/health?x=1".into()
            )
        );
        assert_eq!(parts("https://[::1]/"), (true, "::1".into(), 443, "/".into(), "https://[::1]/".into()));
        assert!(Url::parse("ftp://x").is_err_and(|error| error.contains("http://")));
        assert!(Url::parse("localhost:80").is_err());
    }
}
