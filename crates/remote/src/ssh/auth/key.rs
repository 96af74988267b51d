//! Logging in with a key, of an agent or of a file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use russh::client::Handle;
use russh::keys::ssh_key::PrivateKey;
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey};
use secrecy::SecretString;
use tokio::time::timeout;

use super::{ANSWER, ASKED, Answer, Login, read_result};
use crate::ssh::agent::{Agent, Refuse};
use crate::ssh::connect::Client;
use crate::ssh::keys::{self, KeyFile};
use crate::ssh::known_hosts::fingerprint;
use crate::ssh::settings::DEFAULT_IDENTITIES;
use crate::{KeyFileProblem, PassphraseQuestion, RemoteError};

/// A way to log in with a key.
pub(super) enum Way {
    Agent(PublicKey, String),
    File { path: PathBuf, default: bool },
}

impl Way {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Agent(key, comment) => format!("agent key {comment} {}", fingerprint(key)),
            Self::File { path, .. } => format!("key {}", path.display()),
        }
    }
}

impl Login<'_> {
    /// The keys to try: those that are configured, then the agent's others, then the default files.
    pub(super) fn ways(&self, agent: Option<&Agent>) -> Vec<Way> {
        let held = agent.map(Agent::keys).unwrap_or_default();
        let mut ways = Vec::new();
        let mut used: Vec<PublicKey> = Vec::new();
        let mut add = |path: PathBuf, default: bool, ways: &mut Vec<Way>| {
            let public = keys::public_half(&path);
            let in_agent = public
                .as_ref()
                .and_then(|public| held.iter().find(|(key, _)| key.key_data() == public.key_data()));
            // The agent needs no passphrase.
            if let Some((key, comment)) = in_agent {
                ways.push(Way::Agent(key.clone(), comment.clone()));
                used.push(key.clone());
            }
            ways.push(Way::File { path, default });
        };
        for path in &self.settings.identities {
            add(path.clone(), false, &mut ways);
        }
        let mut defaults = Vec::new();
        if let Some(folder) =
            self.shared.config.identities.as_ref().filter(|_| self.settings.identities.is_empty())
        {
            for name in DEFAULT_IDENTITIES {
                let path = folder.join(name);
                if path.exists() {
                    add(path, true, &mut defaults);
                }
            }
        }
        if !self.settings.identities_only {
            let others =
                held.iter().filter(|(key, _)| !used.iter().any(|it| it.key_data() == key.key_data()));
            ways.extend(others.map(|(key, comment)| Way::Agent(key.clone(), comment.clone())));
        }
        ways.extend(defaults);
        ways
    }

    pub(super) async fn with_agent(
        &mut self,
        handle: &mut Handle<Client>,
        agent: &mut Agent,
        key: &PublicKey,
        name: &str,
    ) -> Result<Option<Answer>, RemoteError> {
        let hash = rsa_hash(handle, key).await;
        // No limit: the agent may wait for a touch.
        match agent.authenticate(handle, &self.settings.user, key.clone(), hash).await {
            Ok(result) => Ok(Some(read_result(handle, result))),
            Err(why) => {
                self.note(name, &why);
                Ok(None)
            }
        }
    }

    /// Tries a key file. `None`: it could not be tried, and that was noted.
    pub(super) async fn with_file(
        &mut self,
        handle: &mut Handle<Client>,
        path: &Path,
        default: bool,
    ) -> Result<Option<Answer>, RemoteError> {
        let cached =
            self.shared.secrets.keys.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        let key = match cached {
            Some(key) => key,
            None => match keys::read(path) {
                Ok(KeyFile::Open(key)) => key,
                Ok(KeyFile::Locked { text, public }) => {
                    // A passphrase is only asked for when the server would take the key.
                    if let Some(public) = public
                        && let Some(answer) = self.would_refuse(handle, &public).await?
                    {
                        return Ok(Some(answer));
                    }
                    match self.unlock(path, &text).await? {
                        Some(key) => key,
                        None => return Ok(None),
                    }
                }
                Err(problem) => return self.unusable(path, problem, default),
            },
        };
        if handle.is_closed() {
            return Ok(None);
        }
        let hash = rsa_hash(handle, key.public_key()).await;
        let key = PrivateKeyWithHashAlg::new(key, hash);
        let user = self.settings.user.clone();
        let result = self.answer(handle.authenticate_publickey(user, key)).await?;
        Ok(Some(if handle.is_closed() && !matches!(result, Answer::In) { Answer::Closed } else { result }))
    }

    /// Offers a public key only. The answer, when it is no.
    async fn would_refuse(
        &mut self,
        handle: &mut Handle<Client>,
        public: &PublicKey,
    ) -> Result<Option<Answer>, RemoteError> {
        let hash = rsa_hash(handle, public).await;
        let mut refuse = Refuse;
        let offered =
            handle.authenticate_publickey_with(&self.settings.user, public.clone(), hash, &mut refuse);
        match timeout(ANSWER, offered).await {
            // The server asked for a signature, so it would take the key.
            Ok(Err(_)) => Ok(None),
            Ok(Ok(result)) => Ok(Some(read_result(handle, result))),
            Err(_) => Err(self.silent()),
        }
    }

    async fn unlock(
        &mut self,
        path: &Path,
        text: &SecretString,
    ) -> Result<Option<Arc<PrivateKey>>, RemoteError> {
        for asked in 0..ASKED {
            let question = PassphraseQuestion {
                host: self.settings.name(),
                path: path.display().to_string(),
                was_wrong: asked > 0,
            };
            let Some(passphrase) = self.shared.ask.passphrase(question).await else {
                self.unusable(path, KeyFileProblem::NoPassphrase, false)?;
                return Ok(None);
            };
            let text = text.clone();
            // The key derivation takes its time, on purpose.
            let unlocked = tokio::task::spawn_blocking(move || keys::unlock(&text, &passphrase)).await;
            if let Ok(Ok(key)) = unlocked {
                let mut keys = self.shared.secrets.keys.lock().unwrap_or_else(PoisonError::into_inner);
                keys.insert(path.to_path_buf(), Arc::clone(&key));
                return Ok(Some(key));
            }
        }
        self.unusable(path, KeyFileProblem::WrongPassphrase, false)?;
        Ok(None)
    }

    /// A key file cannot be used: an error if the plan names it, a note else.
    fn unusable(
        &mut self,
        path: &Path,
        problem: KeyFileProblem,
        default: bool,
    ) -> Result<Option<Answer>, RemoteError> {
        if self.settings.required_identity.as_deref() == Some(path) {
            return Err(RemoteError::KeyFile {
                host: self.settings.name(),
                path: path.to_path_buf(),
                problem,
            });
        }
        if !(default && problem == KeyFileProblem::Missing) {
            self.note(&format!("key {}", path.display()), problem.to_string().trim_end_matches('.'));
        }
        Ok(None)
    }
}

/// The hash for an RSA key's signatures: the best that the server says it knows, and never SHA-1.
async fn rsa_hash(handle: &Handle<Client>, key: &PublicKey) -> Option<HashAlg> {
    if !key.algorithm().is_rsa() {
        return None;
    }
    match handle.best_supported_rsa_hash().await {
        Ok(Some(Some(hash))) => Some(hash),
        _ => Some(HashAlg::Sha256),
    }
}
