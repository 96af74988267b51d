//! Questions that only a person can answer, asked on the terminal.

use std::{
    io::{self, BufRead, IsTerminal},
    pin::pin,
    time::Duration,
};

use futures::StreamExt;

use steadyhand_api::{
    Answer, AnswerQuestion, Api, ApiError, ErrorCode, Nothing, Question, QuestionKind, Update,
};
use steadyhand_domain::QuestionId;
use tokio::{
    sync::oneshot,
    time::{MissedTickBehavior, interval},
};

use crate::{
    output::{Failure, Output},
    terminal_text::plain,
};

/// How often open questions are looked for, should word of one be missed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Asks one question at a time, while the run goes on.
pub(crate) struct Asker {
    terminal: bool,
    waiting: Vec<Question>,
    asked: Option<Asked>,
}

struct Asked {
    id: QuestionId,
    answer: oneshot::Receiver<Answer>,
    _echo: Echo,
}

/// Waits for an operation, and meanwhile answers what only a person can.
pub(crate) async fn answering<T>(
    api: &Api,
    output: &mut Output,
    operation: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, Failure> {
    let mut updates = pin!(api.updates());
    let mut operation = pin!(operation);
    let mut asker = Asker::new();
    let mut look_again = interval(LOOK_AGAIN);
    look_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            done = &mut operation => return Ok(done?),
            Some(batch) = updates.next() => {
                asker.hear(api, output, batch).await?;
            }
            _ = look_again.tick() => {
                asker.look(api, output).await?;
            }
            said = asker.answered() => asker.reply(api, output, said).await?,
        }
    }
}

impl Asker {
    pub(crate) fn new() -> Self {
        Self { terminal: io::stdin().is_terminal(), waiting: Vec::new(), asked: None }
    }

    /// Takes up the questions of a batch of updates, and forgets those that were answered elsewhere.
    pub(crate) async fn hear(
        &mut self,
        api: &Api,
        output: &mut Output,
        updates: Vec<Update>,
    ) -> Result<(), ApiError> {
        for update in updates {
            match update {
                Update::Question { question } => self.ask(api, output, question).await?,
                Update::QuestionGone { id } => self.forget(output, id),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes up every question that is open: word of it may have come before anybody listened.
    pub(crate) async fn look(&mut self, api: &Api, output: &mut Output) -> Result<(), ApiError> {
        for question in api.questions(Nothing {}).await? {
            self.ask(api, output, question).await?;
        }
        Ok(())
    }

    /// Takes up a question: asks it on the terminal, or refuses it and says what to do.
    async fn ask(&mut self, api: &Api, output: &mut Output, question: Question) -> Result<(), ApiError> {
        let known =
            self.asked.iter().map(|asked| asked.id).chain(self.waiting.iter().map(|waiting| waiting.id));
        if known.into_iter().any(|id| id == question.id) {
            return Ok(());
        }
        if !self.terminal {
            output.note(&refusal(&question));
            return reply(api, question.id, Answer::Refuse).await;
        }
        self.waiting.push(question);
        self.ask_next(output);
        Ok(())
    }

    /// Forgets a question that was answered elsewhere.
    fn forget(&mut self, output: &mut Output, id: QuestionId) {
        self.waiting.retain(|waiting| waiting.id != id);
        if self.asked.as_ref().is_some_and(|asked| asked.id == id) {
            // The thread that reads cannot be called back; what it reads is thrown away.
            self.asked = None;
            output.note("\n(answered elsewhere; press Enter)");
        }
    }

    /// Waits for the answer to the question on the terminal. Never ends while nothing is asked. Can be dropped and
    /// called again; the answer then goes to [`Self::reply`].
    pub(crate) async fn answered(&mut self) -> Answer {
        match &mut self.asked {
            Some(asked) => (&mut asked.answer).await.unwrap_or(Answer::Refuse),
            None => std::future::pending().await,
        }
    }

    /// Passes the answer on and asks the next question.
    pub(crate) async fn reply(
        &mut self,
        api: &Api,
        output: &mut Output,
        answer: Answer,
    ) -> Result<(), ApiError> {
        if let Some(asked) = self.asked.take() {
            reply(api, asked.id, answer).await?;
        }
        self.ask_next(output);
        Ok(())
    }

    fn ask_next(&mut self, output: &mut Output) {
        if self.asked.is_some() || self.waiting.is_empty() {
            return;
        }
        let question = self.waiting.remove(0);
        let secret = !matches!(question.about, QuestionKind::HostKey { .. });
        output.prompt(&prompt(&question));
        let (sender, answer) = oneshot::channel();
        let echo = Echo::remember();
        // A thread, not a task: nothing can end a read from a terminal, and the process must still be able to end.
        std::thread::spawn(move || {
            let answer = if secret {
                rpassword::read_password().map_or(Answer::Refuse, |value| {
                    if value.is_empty() { Answer::Refuse } else { Answer::Secret { value } }
                })
            } else {
                let mut line = String::new();
                match io::stdin().lock().read_line(&mut line) {
                    Ok(_) if line.trim() == "yes" => Answer::Trust,
                    _ => Answer::Refuse,
                }
            };
            // Nobody waits any more when the question was answered elsewhere.
            let _ = sender.send(answer);
        });
        self.asked = Some(Asked { id: question.id, answer, _echo: echo });
    }
}

/// Asks for a yes or no before anything begins; Enter means yes.
pub(crate) async fn confirm(output: &mut Output, text: &str) -> bool {
    output.prompt(&format!("{text} [Y/n] "));
    let (sender, answer) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        let said = line.trim().to_lowercase();
        let _ = sender.send(matches!(read, Ok(1..)) && matches!(said.as_str(), "" | "y" | "yes"));
    });
    answer.await.unwrap_or(false)
}

/// Asks for a line of text; nothing when none can be read.
pub(crate) async fn text(output: &mut Output, text: &str) -> String {
    output.prompt(text);
    let (sender, answer) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        let _ = sender.send(if read.is_ok() { line.trim().to_owned() } else { String::new() });
    });
    answer.await.unwrap_or_default()
}

/// Whether a secret can be asked for although standard input may be something else than a terminal.
pub(crate) fn can_ask_for_secrets() -> bool {
    io::stderr().is_terminal()
}

/// Asks for something that is not shown while it is typed.
///
/// # Errors
/// [`ErrorCode::Conflict`] when it was left with Ctrl-C, or when nothing can be read.
pub(crate) async fn secret(output: &mut Output, text: &str) -> Result<String, ApiError> {
    output.prompt(text);
    let (sender, answer) = oneshot::channel();
    let _echo = Echo::remember();
    std::thread::spawn(move || {
        // Nobody waits any more when it was left.
        let _ = sender.send(rpassword::read_password());
    });
    let left = |message: String| ApiError { code: ErrorCode::Conflict, message };
    tokio::select! {
        answer = answer => match answer {
            Ok(Ok(typed)) => Ok(typed),
            Ok(Err(error)) => Err(left(format!("Cannot read from the terminal: {error}"))),
            Err(_) => Err(left("Cannot read from the terminal".to_owned())),
        },
        _ = tokio::signal::ctrl_c() => {
            output.note("");
            Err(left("Left with Ctrl-C; nothing was changed".to_owned()))
        }
    }
}

async fn reply(api: &Api, question_id: QuestionId, answer: Answer) -> Result<(), ApiError> {
    api.answer_question(AnswerQuestion { question_id, answer }).await.map(|_| ())
}

fn prompt(question: &Question) -> String {
    let host = plain(&question.host);
    let again = if question.again { "That was not right. " } else { "" };
    match &question.about {
        QuestionKind::HostKey { algorithm, fingerprint } => format!(
            "{host} was never seen before. Its {} key is\n  {}\nIs this the right server? Type yes to trust it: ",
            plain(algorithm),
            plain(fingerprint),
        ),
        QuestionKind::Passphrase { path } => format!("{again}Passphrase of {} (for {host}): ", plain(path)),
        QuestionKind::Password { user } => format!("{again}Password of {} on {host}: ", plain(user)),
    }
}

/// What is said when there is no terminal to ask on.
fn refusal(question: &Question) -> String {
    let host = plain(&question.host);
    match &question.about {
        QuestionKind::HostKey { algorithm, fingerprint } => format!(
            "{host} was never seen before ({} {}), and there is no terminal to ask whether it is the right server. \
             Connect to it once with `ssh`, or run this on a terminal.",
            plain(algorithm),
            plain(fingerprint),
        ),
        QuestionKind::Passphrase { path } => format!(
            "{} (for {host}) needs its passphrase, and there is no terminal to ask for it. \
             Add the key to the SSH agent with `ssh-add`, or run this on a terminal.",
            plain(path),
        ),
        QuestionKind::Password { user } => format!(
            "{host} asks for the password of {}, and there is no terminal to ask for it. \
             Set up a key for it, or run this on a terminal.",
            plain(user),
        ),
    }
}

/// Shows typing again when a process ends in the middle of a password.
struct Echo {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Echo {
    fn remember() -> Self {
        Self {
            #[cfg(unix)]
            before: rustix::termios::tcgetattr(io::stdin()).ok(),
        }
    }
}

#[cfg(unix)]
impl Drop for Echo {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // The terminal may be gone; then there is nothing to restore.
            let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, before);
        }
    }
}
