//! Questions that only a person can answer while a connection is made.

use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::watch;

/// Answers what a connection needs from a person. An answer may take minutes: no timeout runs meanwhile.
pub trait Ask: Send + Sync {
    /// Whether to trust a host key that is not known yet. It is remembered when the answer is yes.
    fn host_key(&self, question: HostKeyQuestion) -> BoxFuture<'_, bool>;

    /// The passphrase of an encrypted key file; `None` skips the key.
    fn passphrase(&self, question: PassphraseQuestion) -> BoxFuture<'_, Option<SecretString>>;

    /// The password of a user on a host; `None` gives up.
    fn password(&self, question: PasswordQuestion) -> BoxFuture<'_, Option<SecretString>>;
}

/// A host showed a key that is in none of the known-hosts files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKeyQuestion {
    /// The host's address and port, `host:port`.
    pub host: String,
    /// The key's algorithm, such as `ssh-ed25519`.
    pub algorithm: String,
    /// The fingerprint as OpenSSH prints it, `SHA256:…`.
    pub fingerprint: String,
}

/// A key file is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassphraseQuestion {
    /// The host that is connected to, `host:port`.
    pub host: String,
    /// The key file's path.
    pub path: String,
    /// Whether an earlier answer to this question was wrong.
    pub was_wrong: bool,
}

/// A host wants a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordQuestion {
    /// The host's address and port, `host:port`.
    pub host: String,
    /// The user who logs in.
    pub user: String,
    /// What the host asked, where it said so (keyboard-interactive).
    pub prompt: Option<String>,
    /// Whether an earlier answer to this question was wrong.
    pub was_wrong: bool,
}

/// Counts the questions that wait for an answer.
pub(crate) struct Counted {
    pub(crate) ask: Arc<dyn Ask>,
    pub(crate) open: watch::Sender<usize>,
}

/// One more question is open as long as this lives.
struct Open<'a>(&'a watch::Sender<usize>);

impl<'a> Open<'a> {
    fn new(open: &'a watch::Sender<usize>) -> Self {
        open.send_modify(|open| *open += 1);
        Self(open)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Ask for Counted {
    fn host_key(&self, question: HostKeyQuestion) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let _open = Open::new(&self.open);
            self.ask.host_key(question).await
        })
    }

    fn passphrase(&self, question: PassphraseQuestion) -> BoxFuture<'_, Option<SecretString>> {
        Box::pin(async move {
            let _open = Open::new(&self.open);
            self.ask.passphrase(question).await
        })
    }

    fn password(&self, question: PasswordQuestion) -> BoxFuture<'_, Option<SecretString>> {
        Box::pin(async move {
            let _open = Open::new(&self.open);
            self.ask.password(question).await
        })
    }
}

/// Nobody is there to answer: unknown host keys are declined, encrypted keys skipped, passwords not given.
#[derive(Clone, Copy, Debug, Default)]
pub struct AskNobody;

impl Ask for AskNobody {
    fn host_key(&self, _: HostKeyQuestion) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(false))
    }

    fn passphrase(&self, _: PassphraseQuestion) -> BoxFuture<'_, Option<SecretString>> {
        Box::pin(std::future::ready(None))
    }

    fn password(&self, _: PasswordQuestion) -> BoxFuture<'_, Option<SecretString>> {
        Box::pin(std::future::ready(None))
    }
}
