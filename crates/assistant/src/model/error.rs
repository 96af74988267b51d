//! What can go wrong between Steadyhand and a model, in sentences that a person can act on.

use std::time::Duration;

/// Why no complete answer came. No variant holds the key, and texts of the server have had it removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The settings can't be used.
    #[error("the model settings can't be used: {0}")]
    Settings(String),
    /// The person stopped the answer.
    #[error("the answer was stopped")]
    Cancelled {
        /// What had come until then.
        text: String,
    },
    /// The stream ended before the model had finished.
    #[error("the model server at {address} cut the answer off in the middle{}; ask again", after(.reason))]
    CutOff {
        /// The server's address.
        address: String,
        /// What had come until then.
        text: String,
        /// What the connection said, when it said something.
        reason: Option<String>,
    },
    /// Nothing came for too long.
    #[error(
        "the model server at {address} sent nothing for {} s, so the answer was given up; ask again, or choose a smaller \
         model",
        idle.as_secs()
    )]
    Silent {
        /// The server's address.
        address: String,
        /// How long was waited.
        idle: Duration,
        /// What had come until then.
        text: String,
    },
    /// The key was refused (401 or 403).
    #[error("the model server at {address} refused the key ({status}){}; {}", after(.message), key_hint(.had_key))]
    Key {
        /// The server's address.
        address: String,
        /// The HTTP status.
        status: u16,
        /// Whether a key was sent.
        had_key: bool,
        /// What the server said.
        message: Option<String>,
    },
    /// The model or the address doesn't exist (404).
    #[error("the model server at {address} doesn't know {}{}; {hint}", what(.model), after(.message))]
    NotFound {
        /// The server's address.
        address: String,
        /// The model, when it is the model that is not known.
        model: Option<String>,
        /// What the server said.
        message: Option<String>,
        /// What to do.
        hint: String,
    },
    /// Too many requests (429), and waiting politely was not enough or would take too long.
    #[error("the model server at {address} is busy or the limit of this key is reached{}; try again {}", after(.message), when(.retry_after))]
    RateLimited {
        /// The server's address.
        address: String,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
        /// What the server said.
        message: Option<String>,
    },
    /// The account has no credit left; waiting doesn't help.
    #[error("the account of this key has no credit left{}; add credit, or use another key or model", after(.message))]
    NoCredit {
        /// What the server said.
        message: Option<String>,
    },
    /// The server could not use the request (another 4xx).
    #[error("the model server at {address} refused the request ({status}){}; check the model's name and what it supports", after(.message))]
    Refused {
        /// The server's address.
        address: String,
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: Option<String>,
    },
    /// The server failed (5xx).
    #[error("the model server at {address} failed ({status}){}; try again in a minute, or look at the server's own log", after(.message))]
    Server {
        /// The server's address.
        address: String,
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: Option<String>,
    },
    /// The server reported an error in the middle of an answer.
    #[error("the model server at {address} reported an error while answering{}; ask again", after(.message))]
    InStream {
        /// The server's address.
        address: String,
        /// What the server said.
        message: Option<String>,
        /// What had come until then.
        text: String,
    },
    /// What came back is not of the OpenAI protocol, as a web page is.
    #[error("{address} doesn't look like an OpenAI-compatible endpoint: it answered with {found}; {hint}")]
    NotAnEndpoint {
        /// The server's address.
        address: String,
        /// What came instead.
        found: String,
        /// What to do.
        hint: String,
    },
    /// No connection could be made.
    #[error("no connection to the model server at {address}: {reason}; {hint}")]
    Unreachable {
        /// The server's address.
        address: String,
        /// What failed: the name, the connection, TLS, the time.
        reason: String,
        /// What to do.
        hint: String,
    },
}

impl ModelError {
    /// What had come of the answer before it failed.
    #[must_use]
    pub fn text_so_far(&self) -> &str {
        match self {
            Self::Cancelled { text }
            | Self::CutOff { text, .. }
            | Self::Silent { text, .. }
            | Self::InStream { text, .. } => text,
            _ => "",
        }
    }
}

fn after(message: &Option<String>) -> String {
    message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
}

fn key_hint(had_key: &bool) -> &'static str {
    if *had_key { "check the key in the settings" } else { "enter a key in the settings" }
}

fn what(model: &Option<String>) -> String {
    model.as_ref().map_or_else(|| "this address".to_owned(), |model| format!("the model {model}"))
}

fn when(retry_after: &Option<Duration>) -> String {
    let Some(wait) = retry_after else { return "in a minute".to_owned() };
    let seconds = wait.as_secs().max(1);
    match seconds {
        1 => "in 1 second".to_owned(),
        2..=90 => format!("in {seconds} seconds"),
        91..=5400 => format!("in {} minutes", seconds.div_ceil(60)),
        _ => format!("in {} hours", seconds.div_ceil(3600)),
    }
}
