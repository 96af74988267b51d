//! Questions that only a person can answer.

use secrecy::SecretString;

use crate::{Answer, AnswerQuestion, Api, ApiError, ErrorCode, Nothing, Question};

impl Api {
    /// See the list of operations.
    pub async fn questions(&self, _: Nothing) -> Result<Vec<Question>, ApiError> {
        Ok(self.inner.engine.questions().pending())
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
