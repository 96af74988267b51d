//! The address and the key of a model server.

use async_openai::config::Config;
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};

use super::error::ModelError;

/// Where requests go, in async-openai's terms. Its own configuration reads keys and organisations from the environment,
/// which would send them to whatever server is configured here.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) base: Url,
    /// The address without user, password and query.
    pub(super) shown: String,
    pub(super) key: Option<SecretString>,
    no_key: SecretString,
    authorization: Option<HeaderValue>,
    pub(super) is_loopback: bool,
    pub(super) is_https: bool,
}

impl Endpoint {
    pub(super) fn new(address: &str, key: Option<SecretString>) -> Result<Self, ModelError> {
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

    pub(super) fn address_hint(&self) -> String {
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

pub(super) fn read_address(address: &str) -> Result<Url, ModelError> {
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
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}
