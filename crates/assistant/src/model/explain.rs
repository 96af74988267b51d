//! Failures of a server, in sentences that name the next action.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::{
    client::Model,
    endpoint::shown,
    error::ModelError,
    transport::{ConnectionKind, Failure, RefusalBody},
};

/// The most characters of a server's message that are shown.
const LONGEST_MESSAGE: usize = 300;

impl Model {
    pub(super) fn cut_off(&self, text: String, reason: Option<String>) -> ModelError {
        ModelError::CutOff { address: self.endpoint.shown.clone(), text, reason }
    }

    pub(super) fn in_stream(&self, message: &str, code: &str, text: String) -> ModelError {
        let address = self.endpoint.shown.clone();
        let said = self.said(message);
        match code.split(' ').next_back().unwrap_or_default() {
            "429" | "rate_limit_exceeded" => {
                ModelError::RateLimited { address, retry_after: None, message: said }
            }
            "insufficient_quota" => ModelError::NoCredit { message: said },
            _ => ModelError::InStream { address, message: said, text },
        }
    }

    pub(super) fn not_an_endpoint(&self, found: &str, text: String) -> ModelError {
        if !text.is_empty() {
            return self.cut_off(text, self.said(&format!("a piece could not be read: {found}")));
        }
        ModelError::NotAnEndpoint {
            address: self.endpoint.shown.clone(),
            found: self.said(found).map_or_else(|| "nothing".to_owned(), |found| format!("`{found}`")),
            hint: self.endpoint.address_hint(),
        }
    }

    pub(super) fn explain(&self, failure: Failure, text: String) -> ModelError {
        let address = self.endpoint.shown.clone();
        match failure {
            Failure::Status { status, retry_after, location, body } => {
                self.explain_status(status, retry_after, location, &body)
            }
            Failure::NotAStream { content_type } => ModelError::NotAnEndpoint {
                address,
                found: if content_type.contains("html") { "a web page".to_owned() } else { content_type },
                hint: self.endpoint.address_hint(),
            },
            Failure::Silent { idle } => ModelError::Silent { address, idle, text },
            Failure::Broken { reason } => self.cut_off(text, self.said(&reason)),
            Failure::Connection { kind, reason } => {
                let reason = self.said(&reason).unwrap_or_default();
                let (reason, hint) = match kind {
                    ConnectionKind::Name => (
                        "the name can't be found".to_owned(),
                        "check the spelling of the address, and that this machine is online",
                    ),
                    ConnectionKind::Refused => (
                        "nothing listens there (connection refused)".to_owned(),
                        "start the model server, or check the port in the address",
                    ),
                    ConnectionKind::Tls if self.endpoint.is_https => (
                        format!("no secure connection ({reason})"),
                        "check the certificate, or use http:// if the server doesn't speak TLS",
                    ),
                    ConnectionKind::TimedOut => (
                        "no connection in time".to_owned(),
                        "check the address, and whether a firewall or proxy is in the way",
                    ),
                    ConnectionKind::Tls | ConnectionKind::Other => {
                        (reason, "check the address, and http:// or https:// at its start")
                    }
                };
                ModelError::Unreachable { address, reason, hint: hint.to_owned() }
            }
        }
    }

    fn explain_status(
        &self,
        status: u16,
        retry_after: Option<Duration>,
        location: Option<String>,
        body: &RefusalBody,
    ) -> ModelError {
        let address = self.endpoint.shown.clone();
        let message = match body {
            RefusalBody::Message { text, .. } | RefusalBody::Text(text) => self.said(text),
            RefusalBody::Empty | RefusalBody::Html => None,
        };
        match status {
            401 | 403 => ModelError::Key { address, status, had_key: self.endpoint.key.is_some(), message },
            402 => ModelError::NoCredit { message },
            404 | 405 => self.explain_not_found(address, body, message),
            429 if no_credit(body) => ModelError::NoCredit { message },
            429 => ModelError::RateLimited { address, retry_after, message },
            300..=399 => ModelError::NotAnEndpoint {
                address,
                found: "a redirect".to_owned(),
                hint: match location.as_deref().and_then(|location| self.endpoint.base.join(location).ok()) {
                    Some(target) => {
                        let target = shown(&target);
                        let target = target.trim_end_matches("/chat/completions");
                        format!("use the address it points to: {}", self.said(target).unwrap_or_default())
                    }
                    None => self.endpoint.address_hint(),
                },
            },
            500.. => ModelError::Server { address, status, message },
            _ => match body {
                RefusalBody::Html => ModelError::NotAnEndpoint {
                    address,
                    found: format!("a web page (status {status})"),
                    hint: self.endpoint.address_hint(),
                },
                _ => ModelError::Refused { address, status, message },
            },
        }
    }

    fn explain_not_found(&self, address: String, body: &RefusalBody, message: Option<String>) -> ModelError {
        if matches!(body, RefusalBody::Html) {
            let hint = self.endpoint.address_hint();
            return ModelError::NotAnEndpoint { address, found: "a web page (status 404)".to_owned(), hint };
        }
        let about_model = match body {
            RefusalBody::Message { text, code } => {
                let text = text.to_ascii_lowercase();
                code.contains("model")
                    || text.contains(&self.model.to_ascii_lowercase())
                    || text.contains("model")
            }
            _ => false,
        };
        let (model, hint) = if about_model {
            (Some(self.model.clone()), "check the model's name, or load the model on the server".to_owned())
        } else {
            (None, self.endpoint.address_hint())
        };
        ModelError::NotFound { address, model, message, hint }
    }

    /// What a server said, fit to be shown: short, on one line, without control characters and without the key.
    fn said(&self, message: &str) -> Option<String> {
        let mut text = message.split_whitespace().collect::<Vec<_>>().join(" ");
        text.retain(|char| !char.is_control());
        if let Some(key) = self.endpoint.key.as_ref().map(ExposeSecret::expose_secret) {
            text = text.replace(key, "[key]");
        }
        if text.chars().count() > LONGEST_MESSAGE {
            text = text.chars().take(LONGEST_MESSAGE).chain(['…']).collect();
        }
        let text = text.trim_end_matches(['.', ';', ' ']).to_owned();
        (!text.is_empty()).then_some(text)
    }
}

/// Whether the refusal is about money, which no waiting brings.
pub(super) fn no_credit(body: &RefusalBody) -> bool {
    matches!(body, RefusalBody::Message { code, .. } if code.contains("insufficient_quota") || code.contains("billing"))
}
