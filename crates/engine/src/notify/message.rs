//! What is told, before it is written in anybody's format.

use secrecy::SecretString;
use steadyhand_domain::{RunId, StepState, Timestamp, Trigger, duration};
use steadyhand_plan::CompiledPlan;
use steadyhand_store::{
    Store, StoreError, logs,
    notifications::{Open, Told},
    projects,
    records::{RunSummary, Step, StepCounts},
    runs, steps,
};
use uuid::Uuid;

use super::text::{cut, length, listed, one_line, plain_line};
use crate::Masker;

/// Lines of the failed step's log that are told.
const LINES: usize = 10;
/// Lines that are read for that: a secret may begin in one of them that is not told.
const LINES_READ: u32 = 60;
/// The most of a line, of a name, and of a reason.
const LINE: usize = 200;
const NAME: usize = 150;
const REASON: usize = 700;
/// Names of hosts that are listed.
const HOSTS: usize = 8;

/// What is told of a run. No text of it has a secret, a control character or, but for the log, more than one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The identifier of the notification: the same however often it is sent.
    pub(super) id: Uuid,
    pub(super) told: Told,
    pub(super) run_id: RunId,
    pub(super) project: String,
    pub(super) plan: String,
    pub(super) number: u32,
    pub(super) started_by: String,
    pub(super) trigger: Trigger,
    pub(super) created_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) counts: StepCounts,
    pub(super) hosts: Vec<String>,
    pub(super) failed: Option<FailedStep>,
}

/// The first step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FailedStep {
    /// Its number in the run, from 1.
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) task: String,
    pub(super) host: String,
    pub(super) reason: String,
    /// The end of its log.
    pub(super) log: Vec<String>,
}

impl Message {
    /// What a notification tells, as it is recorded. None when the run or its project is there no more.
    pub(super) async fn compose(
        store: &Store,
        open: &Open,
        plan: &CompiledPlan,
        secrets: &[(String, SecretString)],
    ) -> Result<Option<Self>, StoreError> {
        let id = open.run_id;
        let (run, project, steps) = {
            let mut db = store.read().await?;
            let Some(run) = runs::get(&mut db, id).await? else { return Ok(None) };
            let Some(project) = projects::get(&mut db, run.project_id).await? else { return Ok(None) };
            let sizes = logs::sizes(&mut *store.read_logs().await?, id).await?;
            (run, project, steps::of_run(&mut db, id, &sizes).await?)
        };
        let failed = steps.iter().find(|step| step.state == StepState::Failed);
        let log = match failed.filter(|_| open.told == Told::Failed) {
            Some(step) => Some((step, end_of_log(store, step).await?)),
            None => None,
        };
        let masker = Masker::new(secrets);
        Ok(Some(Self::made(open, &run, &project.name, plan, log, masker.as_ref())))
    }

    pub(super) fn made(
        open: &Open,
        run: &RunSummary,
        project: &str,
        plan: &CompiledPlan,
        failed: Option<(&Step, String)>,
        masker: Option<&Masker>,
    ) -> Self {
        // Secrets are looked for in the whole text: what is cut off first could leave a part of one.
        let masked =
            |text: &str| masker.map_or_else(|| text.to_owned(), |masker| masker.text(text).into_owned());
        let name = |text: &str, most| cut(&one_line(&masked(text)), most);
        let is_end = open.told != Told::Started;
        let failed = failed.map(|(step, log)| FailedStep {
            number: step.index + 1,
            name: name(&step.name, NAME),
            task: name(&step.task, NAME),
            host: name(&step.host, NAME),
            reason: name(&step.reason.as_ref().map(ToString::to_string).unwrap_or_default(), REASON),
            log: last_lines(&masked(&log)),
        });
        let mut hosts: Vec<String> = Vec::new();
        for host in plan.tasks.iter().flat_map(|task| &task.hosts) {
            let host = name(host, NAME);
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        Self {
            id: open.id,
            told: open.told,
            run_id: run.id,
            project: name(project, NAME),
            plan: name(&plan.name, NAME),
            number: run.number,
            started_by: name(&run.started_by, NAME),
            trigger: run.trigger,
            created_at: run.created_at,
            ended_at: run.ended_at.filter(|_| is_end),
            counts: run.steps,
            hosts,
            failed,
        }
    }

    /// "shop: run 12 failed"
    pub(super) fn title(&self) -> String {
        let what = match self.told {
            Told::Started => "started",
            Told::Failed => "failed",
            Told::Completed => "completed",
            Told::Recovered => "completed, after a failure",
            Told::Stopped => "was stopped",
        };
        format!("{}: run {} {what}", self.project, self.number)
    }

    /// What is told beside the title: what it is, and what it is about.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("Project", self.project.clone())];
        if self.plan != self.project {
            facts.push(("Plan", self.plan.clone()));
        }
        facts.push(("Run", self.number.to_string()));
        if let Some(ended) = self.ended_at {
            facts.push(("Took", duration(ended.since(self.created_at))));
        }
        facts.push(("Started by", self.started_by.clone()));
        let name = if self.hosts.len() == 1 { "Host" } else { "Hosts" };
        facts.push((name, listed(&self.hosts, HOSTS)));
        facts
    }

    /// "Step 3, Build, failed on web1", when one did.
    pub(super) fn failure(&self) -> Option<(String, &FailedStep)> {
        let step = self.failed.as_ref()?;
        Some((format!("Step {}, {}, failed on {}", step.number, step.name, step.host), step))
    }

    /// The whole in plain text.
    pub(super) fn plain(&self) -> String {
        let mut out = self.title();
        out.push('\n');
        for (name, value) in self.facts() {
            out.push_str(&format!("\n{name}: {value}"));
        }
        if let Some((what, step)) = self.failure() {
            out.push_str(&format!("\n\n{what}: {}", step.reason));
            if !step.log.is_empty() {
                out.push_str("\n\nThe end of its log:\n");
                step.log.iter().for_each(|line| out.push_str(&format!("\n    {line}")));
            }
        }
        out.push('\n');
        out
    }

    /// The same in a line or two, for where there is no more room.
    pub(super) fn short(&self) -> String {
        match self.failure() {
            Some((what, step)) => format!("{what}: {}", step.reason),
            None => match self.ended_at {
                Some(ended) => {
                    format!("{} in {}", listed(&self.hosts, HOSTS), duration(ended.since(self.created_at)))
                }
                None => listed(&self.hosts, HOSTS),
            },
        }
    }
}

async fn end_of_log(store: &Store, step: &Step) -> Result<String, StoreError> {
    let Some(attempt) = step.attempts.last().filter(|attempt| attempt.lines > 0) else {
        return Ok(String::new());
    };
    let from = attempt.lines.saturating_sub(u64::from(LINES_READ)) + 1;
    let mut db = store.read_logs().await?;
    let window = logs::window(&mut db, step.id, attempt.number, from, LINES_READ).await?;
    Ok(window.lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n"))
}

/// The last lines that say something.
fn last_lines(log: &str) -> Vec<String> {
    let mut lines: Vec<String> = log
        .lines()
        .map(plain_line)
        .filter(|line| !line.trim().is_empty())
        .map(|line| if length(&line) > LINE { cut(&line, LINE) } else { line })
        .collect();
    lines.drain(..lines.len().saturating_sub(LINES));
    lines
}
