//! Logging in: agent, key files, password.

mod key;
mod password;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::client::{AuthResult, Handle};
use russh::keys::ssh_key::PrivateKey;
use russh::{MethodKind, MethodSet};
use secrecy::SecretString;
use tokio::time::timeout;

use self::key::Way;
use crate::host::Shared;
use crate::ssh::agent::Agent;
use crate::ssh::connect::Client;
use crate::ssh::settings::Settings;
use crate::{RefusedMethod, RemoteError};

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
