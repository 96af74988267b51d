//! Shows a run while it happens: what changed of its steps, and the lines of their logs.

mod log_cursor;

use std::collections::BTreeMap;

pub(crate) use log_cursor::LogCursor;
use steadyhand_api::{
    Api, ApiError, OfRun, RunDetail, Update,
    records::{Hindrance, Step},
};
use steadyhand_domain::{Desired, RunState, StepId, StepState};

use crate::{
    documents::{LineEvent, LineKind, RunEvent, RunKind},
    output::{Colour, Failure, Output},
    terminal_text::{at_its_end, plain},
    words,
};

/// What has been shown of a run.
pub(crate) struct Live {
    detail: RunDetail,
    /// What a person can type to mean the run.
    name: String,
    /// What was said last about the run as a whole.
    said: (RunState, Desired, Vec<Hindrance>),
    steps: BTreeMap<StepId, Shown>,
    /// Lines of logs name their host when there are several.
    name_hosts: bool,
}

/// What has been shown of a step.
#[derive(Default)]
struct Shown {
    state: Option<StepState>,
    /// The attempt whose log is being shown.
    attempt: u32,
    log: LogCursor,
}

impl Live {
    pub(crate) fn new(detail: RunDetail, name: String) -> Self {
        let run = &detail.run;
        let said = (RunState::InProgress, Desired::Running, Vec::new());
        let name_hosts = detail.steps.iter().any(|step| step.host != detail.steps[0].host);
        tracing::debug!(run.id = %run.id, "shown live");
        Self { detail, name, said, steps: BTreeMap::new(), name_hosts }
    }

    pub(crate) fn detail(&self) -> &RunDetail {
        &self.detail
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn ended(&self) -> bool {
        self.detail.run.state.is_final()
    }

    /// Takes a batch of updates in; answers whether the run must be asked for again because some were missed.
    pub(crate) fn apply(&mut self, output: &mut Output, updates: &[Update]) -> Result<bool, Failure> {
        let mut missed = false;
        for update in updates {
            match update {
                Update::Run { run, since, steps } if run.id == self.detail.run.id => {
                    output.document(&RunEvent { kind: RunKind, run, since: *since, steps })?;
                    missed |= self.detail.run.seq < *since;
                    if run.seq >= self.detail.run.seq {
                        self.detail.run = run.clone();
                        for step in steps {
                            if let Some(known) =
                                self.detail.steps.iter_mut().find(|known| known.id == step.id)
                            {
                                *known = step.clone();
                            }
                        }
                    }
                }
                Update::Log { run_id, step_id, attempt, lines, bytes } if *run_id == self.detail.run.id => {
                    let step = self.detail.steps.iter_mut().find(|step| step.id == *step_id);
                    let log =
                        step.and_then(|step| step.attempts.iter_mut().find(|known| known.number == *attempt));
                    if let Some(log) = log {
                        (log.lines, log.bytes) = (*lines, *bytes);
                    }
                }
                Update::Lagged => missed = true,
                Update::Trouble { message } => {
                    let over = "What kept Steadyhand from writing its data is over.";
                    output.note(&plain(message.as_deref().unwrap_or(over)));
                }
                _ => {}
            }
        }
        Ok(missed)
    }

    /// Asks for the whole run.
    pub(crate) async fn refetch(&mut self, api: &Api) -> Result<(), ApiError> {
        let detail = api.run(OfRun { run_id: self.detail.run.id }).await?;
        // An update may have been faster than the answer.
        if detail.run.seq >= self.detail.run.seq {
            self.detail = detail;
        }
        Ok(())
    }

    /// Shows what is new. `settled`: a last line that did not grow since the last time is shown although it has no
    /// end yet (a prompt).
    pub(crate) async fn show(
        &mut self,
        api: &Api,
        output: &mut Output,
        settled: bool,
    ) -> Result<(), Failure> {
        // Steps run at the same time on several hosts; each is brought up to date in the order of the run.
        for index in 0..self.detail.steps.len() {
            let step = &self.detail.steps[index];
            let is_told = |shown: &Shown| shown.state == Some(step.state) && step.state.is_final();
            if step.state == StepState::Pending || self.steps.get(&step.id).is_some_and(is_told) {
                continue;
            }
            let step = step.clone();
            let mut shown = self.steps.remove(&step.id).unwrap_or_default();
            let result = self.show_step(api, output, &step, &mut shown, settled).await;
            self.steps.insert(step.id, shown);
            result?;
        }
        self.say_run(output)?;
        output.flush()
    }

    async fn show_step(
        &self,
        api: &Api,
        output: &mut Output,
        step: &Step,
        shown: &mut Shown,
        settled: bool,
    ) -> Result<(), Failure> {
        if shown.state.is_none() && !step.attempts.is_empty() {
            let (sign, colour) = words::step_sign(StepState::Running);
            output.line(&format!("{} {}", output.paint(colour, sign), self.title(step)))?;
        }
        let last = step.attempts.last().map_or(0, |attempt| attempt.number);
        for attempt in &step.attempts {
            if attempt.number < shown.attempt {
                continue;
            }
            if attempt.number > shown.attempt {
                *shown = Shown { state: shown.state, attempt: attempt.number, log: LogCursor::default() };
            }
            let whole = step.state.is_final() || attempt.ended_at.is_some() || attempt.number < last;
            self.show_log(api, output, step, shown, settled, whole).await?;
            if attempt.number < last {
                let ended = attempt.outcome.as_ref().map_or_else(|| "ended".to_owned(), ToString::to_string);
                let said = format!("  attempt {}: {ended}; trying again", attempt.number);
                output.line(&output.paint(Colour::Yellow, &said))?;
            }
        }
        if step.state.is_final() {
            output.line(&self.ending(output, step))?;
        }
        shown.state = Some(step.state);
        Ok(())
    }

    async fn show_log(
        &self,
        api: &Api,
        output: &mut Output,
        step: &Step,
        shown: &mut Shown,
        settled: bool,
        whole: bool,
    ) -> Result<(), Failure> {
        let attempt = shown.attempt;
        let prefix = if self.name_hosts { format!("{} | ", plain(&step.host)) } else { "  ".to_owned() };
        let prefix = output.paint(Colour::Grey, &prefix);
        loop {
            let window = api.log_lines(shown.log.request(step.id, attempt)).await?;
            // As JSON, a line is told once, when it is finished; a terminal shows it while it grows.
            let settled = settled && !output.json() && !output.terminal();
            let (lines, more) = shown.log.take(window, settled, whole);
            for line in &lines {
                if output.json() {
                    output.document(&LineEvent { kind: LineKind, step_id: step.id, attempt, line })?;
                } else {
                    let cut = if line.cut { format!(" … ({} bytes)", line.bytes) } else { String::new() };
                    let text = output.log_text(at_its_end(&line.text));
                    output.line(&format!("{prefix}{text}{cut}"))?;
                }
            }
            if !more {
                return match shown.log.unfinished() {
                    Some(text) => output.passing(&format!("{prefix}{}", output.log_text(at_its_end(text)))),
                    None => Ok(()),
                };
            }
        }
    }

    fn title(&self, step: &Step) -> String {
        let host = if self.name_hosts { format!(" on {}", plain(&step.host)) } else { String::new() };
        format!("[{}/{}] {}{host}", step.index + 1, self.detail.steps.len(), plain(&step.name))
    }

    fn ending(&self, output: &Output, step: &Step) -> String {
        let (sign, colour) = words::step_sign(step.state);
        let reason =
            step.reason_text.as_deref().map(|reason| format!(": {}", plain(reason))).unwrap_or_default();
        let took = words::step_duration(step);
        let how = match (step.state, took) {
            (StepState::Completed, _) if step.changed == Some(false) && step.kind != "wait_for" => {
                "nothing to change".to_owned()
            }
            (StepState::Completed, Some(took)) => format!("completed in {took}"),
            (StepState::Completed, None) => "completed".to_owned(),
            (StepState::Failed, Some(took)) => format!("failed after {took}{reason}"),
            (StepState::Failed, None) => format!("failed{reason}"),
            _ => format!("skipped{reason}"),
        };
        format!("{} {} · {}", output.paint(colour, sign), self.title(step), output.paint(colour, &how))
    }

    fn say_run(&mut self, output: &mut Output) -> Result<(), Failure> {
        let run = &self.detail.run;
        let now = (run.state, run.desired, run.hindrances.clone());
        if now == self.said || run.state.is_final() {
            return Ok(());
        }
        let name = plain(&self.name);
        let said = match &now {
            (_, Desired::Stopped, _) => Some("Stopping…".to_owned()),
            (RunState::Paused, Desired::Paused, _) => {
                Some(format!("Paused. `steady resume {name}` lets it go on."))
            }
            (_, Desired::Paused, _) => Some("Pausing after this step…".to_owned()),
            (_, _, hindrances) if !hindrances.is_empty() => {
                words::hindrances(hindrances, &name).map(|said| capitalised(&plain(&said)))
            }
            _ if self.said.1 == Desired::Paused => Some("Going on.".to_owned()),
            _ if self.said.2.iter().any(|before| matches!(before, Hindrance::Reconnecting { .. })) => {
                Some("Connected again.".to_owned())
            }
            _ if !self.said.2.is_empty() => Some("Going on.".to_owned()),
            _ => None,
        };
        self.said = now;
        match said {
            Some(said) => output.line(&output.paint(Colour::Yellow, &said)),
            None => Ok(()),
        }
    }
}

/// A sentence that begins with a capital letter, where it begins with a letter.
fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
