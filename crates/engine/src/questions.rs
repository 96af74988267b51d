//! Questions that only a person can answer while a connection is made.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use secrecy::SecretString;
use steadyhand_domain::{Question, QuestionId, QuestionKind, RunId};
use steadyhand_remote::{Ask, HostKeyQuestion, PassphraseQuestion, PasswordQuestion};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

tokio::task_local! {
    /// Whose connection is being made: that is done by whoever needs it.
    pub(crate) static ASKING: Asking;
}

/// A run that connects to a host.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(crate) run: RunId,
    /// The host's name in the plan.
    pub(crate) host: String,
}

/// A person's answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The host key is the right one.
    Trust,
    /// A passphrase or a password.
    Secret(SecretString),
    /// Do not connect.
    Refuse,
}

struct Waiting {
    question: Question,
    answer: oneshot::Sender<Answer>,
}

/// The questions of this process that wait for an answer.
pub struct Questions {
    waiting: Mutex<BTreeMap<QuestionId, Waiting>>,
    /// Counts up with every change of the list.
    version: watch::Sender<u64>,
}

impl Default for Questions {
    fn default() -> Self {
        Self { waiting: Mutex::default(), version: watch::channel(0).0 }
    }
}

impl Questions {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<QuestionId, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The questions that wait, oldest first.
    #[must_use]
    pub fn pending(&self) -> Vec<Question> {
        self.lock().values().map(|waiting| waiting.question.clone()).collect()
    }

    /// Answers a question. Says whether it was still waiting.
    #[must_use]
    pub fn answer(&self, id: QuestionId, answer: Answer) -> bool {
        let waiting = self.lock().remove(&id);
        self.version.send_modify(|version| *version += 1);
        waiting.is_some_and(|waiting| waiting.answer.send(answer).is_ok())
    }

    /// Whether a host of a run waits for an answer.
    pub(crate) fn holds(&self, run: RunId, host: &str) -> bool {
        let holds = |waiting: &Waiting| {
            waiting.question.run_id == Some(run) && waiting.question.reaching.as_deref() == Some(host)
        };
        self.lock().values().any(holds)
    }

    /// Answers the questions of a run that is to be stopped: nothing is to be connected to any more.
    pub(crate) fn refuse(&self, run: RunId) {
        for question in self.pending().into_iter().filter(|question| question.run_id == Some(run)) {
            // It may have been answered a moment ago.
            let _ = self.answer(question.id, Answer::Refuse);
        }
    }

    /// Wakes whenever the list changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    async fn ask(&self, host: String, about: QuestionKind, again: bool) -> Answer {
        // The same question asked twice (two runs, one host) is one question to the person only if it is answered
        // once; connections are shared, so this does not happen for one host.
        let id = QuestionId(Uuid::now_v7());
        let (answer, answered) = oneshot::channel();
        let asking = ASKING.try_with(Clone::clone).ok();
        let (run_id, reaching) = asking.map(|asking| (asking.run, asking.host)).unzip();
        let question = Question { id, run_id, reaching, host, about, again, asked_at: crate::now() };
        self.lock().insert(id, Waiting { question, answer });
        self.version.send_modify(|version| *version += 1);
        let withdrawn = Withdraw { questions: self, id };
        let answer = answered.await.unwrap_or(Answer::Refuse);
        drop(withdrawn);
        answer
    }
}

/// Takes a question back when whoever asked it no longer waits.
struct Withdraw<'a> {
    questions: &'a Questions,
    id: QuestionId,
}

impl Drop for Withdraw<'_> {
    fn drop(&mut self) {
        if self.questions.lock().remove(&self.id).is_some() {
            self.questions.version.send_modify(|version| *version += 1);
        }
    }
}

impl Ask for Questions {
    fn host_key(&self, question: HostKeyQuestion) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let HostKeyQuestion { host, algorithm, fingerprint, .. } = question;
            let about = QuestionKind::HostKey { algorithm, fingerprint };
            matches!(self.ask(host, about, false).await, Answer::Trust)
        })
    }

    fn passphrase(&self, question: PassphraseQuestion) -> BoxFuture<'_, Option<SecretString>> {
        Box::pin(async move {
            let about = QuestionKind::Passphrase { path: question.path };
            secret(self.ask(question.host, about, question.was_wrong).await)
        })
    }

    fn password(&self, question: PasswordQuestion) -> BoxFuture<'_, Option<SecretString>> {
        Box::pin(async move {
            let about = QuestionKind::Password { user: question.user };
            secret(self.ask(question.host, about, question.was_wrong).await)
        })
    }
}

fn secret(answer: Answer) -> Option<SecretString> {
    match answer {
        Answer::Secret(secret) => Some(secret),
        Answer::Trust | Answer::Refuse => None,
    }
}
