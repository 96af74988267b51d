//! Questions that only a person can answer.

use secrecy::SecretString;
use steadyhand_engine::{Pending, PendingKind};

use crate::{Answer, AnswerQuestion, Api, ApiError, ErrorCode, Nothing, Question, QuestionKind};

pub(crate) fn view(pending: Pending) -> Question {
    Question {
        id: pending.id,
        run_id: pending.run_id,
        reaching: pending.reaching,
        host: pending.host,
        about: match pending.kind {
            PendingKind::HostKey { algorithm, fingerprint } => {
                QuestionKind::HostKey { algorithm, fingerprint }
            }
            PendingKind::Passphrase { path } => QuestionKind::Passphrase { path },
            PendingKind::Password { user } => QuestionKind::Password { user },
        },
        again: pending.again,
        asked_at: pending.asked_at,
    }
}

impl Api {
    /// See the list of operations.
    pub async fn questions(&self, _: Nothing) -> Result<Vec<Question>, ApiError> {
        Ok(self.inner.engine.questions().pending().into_iter().map(view).collect())
    }

    /// See the list of operations.
    pub async fn answer_question(&self, request: AnswerQuestion) -> Result<Nothing, ApiError> {
        let answer = match request.answer {
            Answer::Trust => steadyhand_engine::Answer::Trust,
            Answer::Secret { value } => steadyhand_engine::Answer::Secret(SecretString::from(value)),
            Answer::Refuse => steadyhand_engine::Answer::Refuse,
        };
        if self.inner.engine.questions().answer(request.question_id, answer) {
            Ok(Nothing {})
        } else {
            Err(ApiError::new(ErrorCode::NotFound, "this question is no longer asked; nothing was done"))
        }
    }
}
