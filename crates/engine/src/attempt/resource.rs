//! Resources: making something be as it should be, or asking whether it is.

use std::{collections::HashMap, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use steadyhand_domain::{Reason, StepOutcome};
use steadyhand_plan::{ParamOf, ResourceParam};
use steadyhand_remote::{
    StepRequest,
    resource::{self, CHANGED, Mode},
};

use super::{
    Attempt, AttemptEnd,
    text::{resolve, reveal},
};
use crate::{EngineError, execute::Execution};

/// The largest file that is sent as a part of a script, in bytes.
const LARGEST: u64 = 4 << 20;

impl Execution<'_> {
    pub(super) async fn resource(
        &self,
        attempt: &Attempt,
        kind: &str,
        params: &[ResourceParam],
    ) -> Result<AttemptEnd, EngineError> {
        let (run, base) = (self.id.to_string(), self.spec.base());
        let script = script(&run, &base, kind, params, &attempt.secrets, Mode::Apply);
        let timeout = attempt.step.timeout_ms.map(Duration::from_millis);
        let name = self.attempt_name(attempt);
        let request = script.map(|script| StepRequest { timeout, ..StepRequest::new(name, script) });
        Ok(end(self.execute(attempt, request).await?))
    }
}

/// What the end of a resource's script means.
pub(super) fn end(end: AttemptEnd) -> AttemptEnd {
    match end {
        AttemptEnd::Succeeded { outcome, .. } => AttemptEnd::Succeeded { outcome, changed: false },
        AttemptEnd::Failed { outcome: Some(StepOutcome::Exited { status: CHANGED }), .. } => {
            AttemptEnd::Succeeded { outcome: Some(StepOutcome::Exited { status: 0 }), changed: true }
        }
        other => other,
    }
}

/// The script of a resource, with all that is said about it, as [`given`] takes it.
pub(crate) fn script(
    run: &str,
    base: &Path,
    kind: &str,
    params: &[ResourceParam],
    secrets: &HashMap<String, SecretString>,
    mode: Mode,
) -> Result<String, Reason> {
    let given = given(run, base, params, secrets)?;
    let params = given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    resource::script(kind, params, mode).ok_or_else(|| Reason::Error {
        message: format!(
            "this version of Steadyhand cannot carry out `{kind}`; use the one that made this run"
        ),
    })
}

/// All that is said about a resource, by the names that its script has for it. `run` names the run, or the check; `base` is the folder that
/// relative paths on this machine are meant from.
pub(super) fn given(
    run: &str,
    base: &Path,
    params: &[ResourceParam],
    secrets: &HashMap<String, SecretString>,
) -> Result<Vec<(String, String)>, Reason> {
    let failed = |message: String| Reason::Error { message };
    let mut given: Vec<(String, String)> = vec![(resource::RUN.to_owned(), run.to_owned())];
    for ResourceParam { name, values, of } in params {
        let mut texts = Vec::new();
        for value in values {
            let text = reveal(value, secrets)?;
            if *of != ParamOf::Text && text.contains('\n') {
                return Err(failed(format!(
                    "`{name}` must be one line, but the value that it got has several"
                )));
            }
            texts.push(text);
        }
        if *of == ParamOf::File {
            let path = resolve(base, texts.first().map_or("", String::as_str));
            given.push(content_of(&path).map_err(failed)?);
        } else {
            given.push((name.clone(), texts.join("\n")));
        }
    }
    Ok(given)
}

/// The content of a file of this machine, as the script of a resource takes it.
fn content_of(path: &Path) -> Result<(String, String), String> {
    let unreadable = |what: String| {
        format!("{} cannot be used ({what}); make it first, or correct its path in the plan", path.display())
    };
    let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if size > LARGEST {
        return Err(format!("{} has more than {} MiB; use `upload` for it", path.display(), LARGEST >> 20));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => ("content".to_owned(), text),
        Ok(text) => ("content_base64".to_owned(), STANDARD.encode(text)),
        Err(error) => ("content_base64".to_owned(), STANDARD.encode(error.into_bytes())),
    })
}
