//! Logging in: agent, key files, password.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::ssh_key::PrivateKey;
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey};
use russh::{MethodKind, MethodSet};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use crate::host::Shared;
use crate::ssh::agent::{Agent, Refuse};
use crate::ssh::connect::Client;
use crate::ssh::keys::{self, KeyFile};
use crate::ssh::known_hosts::fingerprint;
use crate::ssh::settings::{DEFAULT_IDENTITIES, Settings};
use crate::{KeyFileProblem, PassphraseQuestion, PasswordQuestion, RefusedMethod, RemoteError};

/// A question is asked again so often after a wrong answer.
const ASKED: usize = 3;
/// A server may think about one try for so long; some wait a little after a wrong password, on purpose.
const ANSWER: Duration = Duration::from_secs(20);

/// What people have typed, kept in memory as long as the pool lives.
#[derive(Default)]
pub(crate) struct Secrets {
    keys: Mutex<HashMap<PathBuf, Arc<PrivateKey>>>,
    passwords: Mutex<HashMap<String, SecretString>>,
}

/// How a login went on one connection.
pub(crate) enum LoggedIn {
    Yes(Handle<Client>),
    /// The server closed the connection; there are ways left that were not tried.
    Again,
}

/// A login, over as many connections as it takes.
pub(crate) struct Login<'a> {
    settings: &'a Settings,
    shared: &'a Shared,
    tried: Vec<RefusedMethod>,
    /// Ways that were used up.
    spent: HashSet<String>,
    password: Option<SecretString>,
    passwords_asked: usize,
    passwords_over: bool,
}

/// A way to log in with a key.
enum Way {
    Agent(PublicKey, String),
    File { path: PathBuf, default: bool },
}

impl Way {
    fn name(&self) -> String {
        match self {
            Self::Agent(key, comment) => format!("agent key {comment} {}", fingerprint(key)),
            Self::File { path, .. } => format!("key {}", path.display()),
        }
    }
}

/// The answer to one try.
enum Answer {
    In,
    No { methods: MethodSet, more_needed: bool },
    Closed,
}

impl<'a> Login<'a> {
    pub(crate) fn new(settings: &'a Settings, shared: &'a Shared) -> Self {
        Self {
            settings,
            shared,
            tried: Vec::new(),
            spent: HashSet::new(),
            password: None,
            passwords_asked: 0,
            passwords_over: false,
        }
    }

    /// Tries what was not tried yet.
    pub(crate) async fn on(&mut self, mut handle: Handle<Client>) -> Result<LoggedIn, RemoteError> {
        let user = self.settings.user.clone();
        let first = handle.authenticate_none(&user);
        let mut methods = match self.answer(first).await? {
            Answer::In => return Ok(LoggedIn::Yes(handle)),
            Answer::No { methods, .. } => methods,
            Answer::Closed => return Ok(LoggedIn::Again),
        };
        let mut agent = match &self.settings.agent {
            Some(path) => match Agent::connect(path).await {
                Ok(agent) => Some(agent),
                Err(why) => {
                    self.note("SSH agent", &why);
                    None
                }
            },
            None => None,
        };
        for way in self.ways(agent.as_ref()) {
            if !methods.contains(&MethodKind::PublicKey) {
                break;
            }
            let name = way.name();
            if !self.spent.insert(name.clone()) {
                continue;
            }
            let answer = match &way {
                Way::Agent(key, _) => match agent.as_mut() {
                    Some(agent) => self.with_agent(&mut handle, agent, key, &name).await?,
                    None => continue,
                },
                Way::File { path, default } => self.with_file(&mut handle, path, *default).await?,
            };
            match answer {
                None => {}
                Some(Answer::In) => return Ok(LoggedIn::Yes(handle)),
                Some(Answer::No { methods: left, more_needed: true }) => methods = left,
                Some(Answer::No { methods: left, .. }) => {
                    self.note(&name, "the server does not accept it");
                    methods = left;
                }
                Some(Answer::Closed) => {
                    self.note(&name, "the server closed the connection");
                    return Ok(LoggedIn::Again);
                }
            }
            if handle.is_closed() {
                // It waited too long for a passphrase. With it at hand, the same way is gone again.
                self.spent.remove(&name);
                return Ok(LoggedIn::Again);
            }
        }
        match self.with_password(&mut handle, &methods).await? {
            Answer::In => Ok(LoggedIn::Yes(handle)),
            Answer::Closed => Ok(LoggedIn::Again),
            Answer::No { .. } => Err(self.refused()),
        }
    }

    fn note(&mut self, method: &str, why: &str) {
        let refused = RefusedMethod { method: method.to_owned(), why: why.to_owned() };
        if !self.tried.contains(&refused) {
            self.tried.push(refused);
        }
    }

    /// That nothing worked.
    pub(crate) fn refused(&self) -> RemoteError {
        let user = &self.settings.user;
        let next = if self.tried.is_empty() {
            "There was no key to try: name an identity, or add a key to your SSH agent.".to_owned()
        } else {
            format!(
                "Check the user name, and that one of the keys is in the file .ssh/authorized_keys of {user} on the server."
            )
        };
        let mut tried = self.tried.clone();
        if tried.is_empty() {
            tried.push(RefusedMethod { method: "nothing".into(), why: "no key and no password".into() });
        }
        RemoteError::Authentication { host: self.settings.name(), user: user.clone(), tried, next }
    }

    /// The keys to try: those that are configured, then the agent's others, then the default files.
    fn ways(&self, agent: Option<&Agent>) -> Vec<Way> {
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

    async fn with_agent(
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
    async fn with_file(
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

    async fn with_password(
        &mut self,
        handle: &mut Handle<Client>,
        methods: &MethodSet,
    ) -> Result<Answer, RemoteError> {
        let plain = methods.contains(&MethodKind::Password);
        let interactive = methods.contains(&MethodKind::KeyboardInteractive);
        let no = || Answer::No { methods: methods.clone(), more_needed: false };
        if !(plain || interactive) {
            return Ok(no());
        }
        while !self.passwords_over {
            let answer = if plain {
                let Some(password) = self.password(None).await else { break };
                let user = self.settings.user.clone();
                let answer =
                    self.answer(handle.authenticate_password(user, password.expose_secret())).await?;
                self.remember(&answer, password);
                answer
            } else {
                match self.interactive(handle).await? {
                    Some(answer) => answer,
                    None => break,
                }
            };
            match answer {
                Answer::No { .. } if handle.is_closed() => return Ok(Answer::Closed),
                Answer::No { .. } => {}
                answer => return Ok(answer),
            }
        }
        Ok(no())
    }

    /// Answers the server's prompts. `None`: nobody answers.
    async fn interactive(&mut self, handle: &mut Handle<Client>) -> Result<Option<Answer>, RemoteError> {
        let user = self.settings.user.clone();
        let mut said = handle.authenticate_keyboard_interactive_start(user, None).await;
        let mut single: Option<SecretString> = None;
        loop {
            match said {
                Ok(KeyboardInteractiveAuthResponse::Success) => {
                    if let Some(password) = single {
                        self.remember(&Answer::In, password);
                    }
                    return Ok(Some(Answer::In));
                }
                Ok(KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success }) => {
                    let answer = Answer::No { methods: remaining_methods, more_needed: partial_success };
                    if let Some(password) = single {
                        self.remember(&answer, password);
                    }
                    return Ok(Some(answer));
                }
                Ok(KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. }) => {
                    let mut answers = Vec::new();
                    for prompt in &prompts {
                        let Some(answer) = self.password(Some(prompt.prompt.trim().to_owned())).await else {
                            return Ok(None);
                        };
                        answers.push(answer.expose_secret().to_owned());
                        single = (prompts.len() == 1).then_some(answer);
                    }
                    said = handle.authenticate_keyboard_interactive_respond(answers).await;
                }
                Err(_) => return Ok(Some(Answer::Closed)),
            }
        }
    }

    /// The password: the one that worked before, the one that was just typed, or a newly typed one.
    async fn password(&mut self, prompt: Option<String>) -> Option<SecretString> {
        if let Some(password) = self.password.take() {
            return Some(password);
        }
        if self.passwords_asked == 0 {
            let remembered = self.shared.secrets.passwords.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(password) = remembered.get(&self.password_name()) {
                self.passwords_asked = 1;
                return Some(password.clone());
            }
        }
        if self.passwords_asked >= ASKED {
            self.passwords_over = true;
            return None;
        }
        let question = PasswordQuestion {
            host: self.settings.name(),
            user: self.settings.user.clone(),
            prompt,
            was_wrong: self.passwords_asked > 0,
        };
        self.passwords_asked += 1;
        let password = self.shared.ask.password(question).await;
        if password.is_none() {
            self.passwords_over = true;
            self.note("password", "none was given");
        }
        password
    }

    fn password_name(&self) -> String {
        format!("{}@{}", self.settings.user, self.settings.name())
    }

    fn remember(&mut self, answer: &Answer, password: SecretString) {
        let mut passwords = self.shared.secrets.passwords.lock().unwrap_or_else(PoisonError::into_inner);
        let name = self.password_name();
        match answer {
            Answer::In | Answer::No { more_needed: true, .. } => {
                passwords.insert(name, password);
            }
            Answer::No { .. } => {
                passwords.remove(&name);
                drop(passwords);
                self.note("password", "it is wrong, or the server does not allow it");
            }
            // The server did not wait for it: it is tried on the next connection.
            Answer::Closed => self.password = Some(password),
        }
    }

    /// Waits for the answer to a try.
    async fn answer(
        &self,
        trying: impl Future<Output = Result<AuthResult, russh::Error>>,
    ) -> Result<Answer, RemoteError> {
        match timeout(ANSWER, trying).await {
            Ok(Ok(AuthResult::Success)) => Ok(Answer::In),
            Ok(Ok(AuthResult::Failure { remaining_methods, .. })) if remaining_methods.is_empty() => {
                Ok(Answer::Closed)
            }
            Ok(Ok(AuthResult::Failure { remaining_methods, partial_success })) => {
                Ok(Answer::No { methods: remaining_methods, more_needed: partial_success })
            }
            Ok(Err(_)) => Ok(Answer::Closed),
            Err(_) => Err(self.silent()),
        }
    }

    fn silent(&self) -> RemoteError {
        RemoteError::TimedOut { host: self.settings.name(), during: "logging in", after: ANSWER }
    }
}

fn read_result(handle: &Handle<Client>, result: AuthResult) -> Answer {
    match result {
        AuthResult::Success => Answer::In,
        AuthResult::Failure { .. } if handle.is_closed() => Answer::Closed,
        AuthResult::Failure { remaining_methods, partial_success } => {
            Answer::No { methods: remaining_methods, more_needed: partial_success }
        }
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
