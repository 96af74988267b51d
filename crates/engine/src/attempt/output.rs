//! What steps have written, for later steps: `${{ steps.ID.stdout }}`.
//!
//! The host keeps what a step with an `id` wrote to standard output beside its log until the run is recorded. What is stored
//! here is without secrets, as logs are. So where a secret was in it, only the host can say what it was.

use std::{collections::HashMap, sync::Mutex};

use futures::future::BoxFuture;
use steadyhand_domain::{Reason, StepState};
use steadyhand_plan::{CompiledStep, Missing, Output};
use steadyhand_remote::Host;
use steadyhand_store::records::{self, Step};
use tokio_util::sync::CancellationToken;

use super::{Attempt, reach::Reached};
use crate::{
    EngineError,
    execute::{Execution, lock},
    recover::attempt_name,
};

/// What is known of the outputs of a run's steps, by their places.
#[derive(Default)]
pub(crate) struct KnownOutputs(Mutex<HashMap<usize, Known>>);

#[derive(Clone)]
enum Known {
    /// What it has written.
    Whole(String),
    /// The same without its secrets, which is not what later steps need.
    Masked(String),
}

impl KnownOutputs {
    /// What is stored of the steps of a run.
    pub(crate) fn recorded(steps: &[Step]) -> Self {
        let known = steps.iter().enumerate().filter_map(|(index, step)| {
            let records::Output { text, masked } = step.output.clone()?;
            Some((index, if masked { Known::Masked(text) } else { Known::Whole(text) }))
        });
        Self(Mutex::new(known.collect()))
    }
}

impl Execution<'_> {
    /// What is stored of what a step has written.
    pub(crate) fn recorded_output(&self, index: usize) -> Option<records::Output> {
        let known = lock(&self.outputs.0).get(&index).cloned()?;
        Some(match known {
            Known::Masked(text) => records::Output { text, masked: true },
            Known::Whole(text) => {
                let hidden = self.hidden(&text);
                records::Output { masked: hidden != text, text: hidden }
            }
        })
    }

    /// Asks the host what an attempt that has succeeded wrote, and remembers it.
    pub(super) async fn fetch_output(&self, attempt: &Attempt) -> Result<Result<(), Reason>, EngineError> {
        let name = attempt_name(self.id, attempt.step.index, attempt.number);
        self.fetch(&attempt.step.host, attempt.step.index as usize, name).await
    }

    async fn fetch(&self, on: &str, index: usize, name: String) -> Result<Result<(), Reason>, EngineError> {
        let host = self.host(on)?;
        let operation = move |cancel: CancellationToken| {
            let (host, name) = (host.clone(), name.clone());
            Box::pin(async move { host.output(&name, &cancel).await }) as BoxFuture<'_, _>
        };
        let failed = |message: String| Ok(Err(Reason::Error { message }));
        let bytes = match self.reach::<Option<Vec<u8>>>(on, Box::new(operation)).await? {
            Reached::Done(Some(bytes)) => bytes,
            // It has done its work. Who needs what it wrote says that it is not there.
            Reached::Done(None) | Reached::Unreachable(_) | Reached::NotBegun | Reached::Failed(_) => {
                return Ok(Ok(()));
            }
        };
        if bytes.len() > Host::LONGEST_OUTPUT {
            let longest = Host::LONGEST_OUTPUT;
            return failed(format!(
                "it has an `id`, and wrote more than {longest} bytes to standard output; write to a file what is long, or remove the `id`"
            ));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => text.trim_end_matches(['\n', '\r']).to_owned(),
            Ok(_) | Err(_) => {
                return failed(
                    "the step has an `id`, and what it wrote to standard output is no UTF-8 text; write to a file what is none"
                        .to_owned(),
                );
            }
        };
        lock(&self.outputs.0).insert(index, Known::Whole(text));
        Ok(Ok(()))
    }

    /// The step with what earlier steps have written in its texts, or why that is not there.
    pub(super) async fn with_outputs(
        &self,
        step: CompiledStep,
    ) -> Result<Result<CompiledStep, Reason>, EngineError> {
        let needed: Vec<Output> = step.outputs().into_iter().cloned().collect();
        if needed.is_empty() {
            return Ok(Ok(step));
        }
        if let Err(reason) = self.kept(&needed).await? {
            return Ok(Err(reason));
        }
        let lookup = |output: &Output| self.output_of(output);
        Ok(step.with_outputs(&lookup).map_err(|missing| Reason::Error { message: missing.to_string() }))
    }

    /// Asks the hosts again for what is not stored, and is there still.
    async fn kept(&self, needed: &[Output]) -> Result<Result<(), Reason>, EngineError> {
        for output in needed {
            // After a crash, the host still has what was not stored because of its secrets.
            if let Some(index) = self.place_of(output)
                && self.progress(index).state == StepState::Completed
                && !matches!(lock(&self.outputs.0).get(&index), Some(Known::Whole(_)))
            {
                let name = attempt_name(self.id, self.step(index).index, self.progress(index).attempt);
                if let Err(reason) = self.fetch(&output.host, index, name).await? {
                    return Ok(Err(reason));
                }
            }
        }
        Ok(Ok(()))
    }

    /// What the step at a place has written, or why that is not there.
    pub(super) async fn said_by(&self, index: usize) -> Result<Result<String, Reason>, EngineError> {
        let step = self.step(index);
        let output = Output {
            id: step.id.clone().unwrap_or_default(),
            task: step.task.clone(),
            host: step.host.clone(),
            json: None,
        };
        Ok(match self.kept(std::slice::from_ref(&output)).await? {
            Ok(()) => {
                self.output_of(&output).map_err(|missing| Reason::Error { message: missing.to_string() })
            }
            Err(reason) => Err(reason),
        })
    }

    fn place_of(&self, output: &Output) -> Option<usize> {
        self.spec.plan.steps.iter().position(|step| {
            (step.id.as_ref(), &step.task, &step.host) == (Some(&output.id), &output.task, &output.host)
        })
    }

    fn output_of(&self, output: &Output) -> Result<String, Missing> {
        let missing = |why: String| Missing::Output { id: output.id.clone(), why };
        let Some(index) = self.place_of(output) else {
            return Err(missing("that step is not a part of this run; run it, too".to_owned()));
        };
        let known = lock(&self.outputs.0).get(&index).cloned();
        let text = match (known, self.progress(index).state) {
            (Some(Known::Whole(text)), _) => text,
            (Some(Known::Masked(_)), _) => {
                return Err(missing(
                    "there was a secret in it, so it was not kept when that run ended; redeploy runs the step again".to_owned(),
                ));
            }
            (None, StepState::Skipped) => return Err(missing("that step was skipped".to_owned())),
            (None, _) => return Err(missing(format!("{} has not kept what that step wrote", output.host))),
        };
        match &output.json {
            None => Ok(text),
            Some(keys) => part_of(&text, keys).map_err(missing),
        }
    }
}

/// A part of a JSON document: a text as it is, anything else as JSON.
fn part_of(text: &str, keys: &[String]) -> Result<String, String> {
    let document: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("what that step wrote is no JSON: {error}"))?;
    let mut part = &document;
    let mut path = String::new();
    for key in keys {
        path = format!("{path}.{key}");
        let found = match part {
            serde_json::Value::Array(items) => key.parse::<usize>().ok().and_then(|place| items.get(place)),
            other => other.get(key),
        };
        part = found.ok_or_else(|| format!("what that step wrote has no `{path}`"))?;
    }
    Ok(part.as_str().map_or_else(|| part.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_document_is_found_by_keys_and_places() {
        let check = |keys: &[&str], expected: Result<&str, &str>| {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            let found = part_of(r#"{"a": {"b": ["x", 2, null]}, "c": true}"#, &keys);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{keys:?}");
        };
        check(&["a", "b", "0"], Ok("x"));
        check(&["a", "b", "1"], Ok("2"));
        check(&["a"], Ok(r#"{"b":["x",2,null]}"#));
        check(&["c"], Ok("true"));
        check(&["a", "b", "3"], Err("what that step wrote has no `.a.b.3`"));
        check(&["d"], Err("what that step wrote has no `.d`"));
        assert!(part_of("plain", &[]).unwrap_err().contains("no JSON"));
    }
}
