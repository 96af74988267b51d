//! Logging in with a password, asked for by Steadyhand or by the server.

use std::sync::PoisonError;

use russh::client::{Handle, KeyboardInteractiveAuthResponse};
use russh::{MethodKind, MethodSet};
use secrecy::{ExposeSecret, SecretString};

use super::{ASKED, Answer, Login};
use crate::ssh::connect::Client;
use crate::{PasswordQuestion, RemoteError};

impl Login<'_> {
    pub(super) async fn with_password(
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
}
