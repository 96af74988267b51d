//! Explaining a failure: what happened, the lines that it rests on, and what can be done.

use std::sync::Arc;

use steadyhand_domain::{ConnectionProblem, MessageId, Reason, RunId, StepState};
use steadyhand_engine::now;
use steadyhand_plan::{Action, CompiledStep, edit};
use steadyhand_store::{
    StoreError, chat, logs, plans,
    records::{Advice, Card, CitedLine, Message, MessageState, Proposal, Role, RunSummary, Step},
    runs,
};
use uuid::Uuid;

use crate::{
    chat::{
        AssistantError, Shared,
        actions::{self, Reply},
        changes,
        held::{self, Held},
    },
    diagnose::{Citation, Diagnosis, Failure, Finding, FixKind, LogTail, diagnose},
    mending, ports, proposals,
};

/// Lines of the end of a log that are looked at.
const TAIL: u32 = 2_000;

/// What is to say about a failed run, before it is said.
struct Explanation {
    reply: Reply,
    proposal: Option<Proposal>,
    /// Whether it failed because a port was in use.
    of_port: bool,
}

impl Explanation {
    fn only(reply: Reply) -> Self {
        Self { reply, proposal: None, of_port: false }
    }
}

/// Explains a failed run, on a person's request.
pub(crate) async fn explain(shared: &Arc<Shared>, run: &RunSummary) -> Result<Reply, AssistantError> {
    let explanation = compose(shared, run).await?;
    if let Some(proposal) = &explanation.proposal {
        proposals::insert(shared, proposal).await?;
    }
    Ok(explanation.reply)
}

/// The proposal of a free port and what it answers, when the run failed because its port was in use.
pub(crate) async fn free_port(
    shared: &Arc<Shared>,
    run: &RunSummary,
) -> Result<Option<Reply>, AssistantError> {
    let explanation = compose(shared, run).await?;
    let Some(proposal) = explanation.proposal.as_ref().filter(|_| explanation.of_port) else {
        return Ok(None);
    };
    proposals::insert(shared, proposal).await?;
    Ok(Some(explanation.reply))
}

/// Of so many steps at which a run is held the logs are read for an answer.
const HELD_EXPLAINED: usize = 3;

/// Explains why a run is held, on a person's request, and says what can be decided.
pub(crate) async fn explain_held(
    shared: &Arc<Shared>,
    run: &RunSummary,
    held: &[Held],
) -> Result<Reply, AssistantError> {
    let steps = actions::steps_of(shared, run).await?;
    let spec = shared.engine.spec(run.id).await?;
    let plan = plan_of(shared, run).await?;
    let mut text = match held {
        [one] => format!("Run {} is held at {}: {}.", run.number, one.name(), one.why),
        _ => {
            let each: Vec<String> =
                held.iter().map(|held| format!("\n- {}: {}", held.name(), held.why)).collect();
            format!("Run {} is held at {} steps:\n{}\n\n", run.number, held.len(), each.concat())
        }
    };
    let (mut cards, mut details) = (Vec::new(), String::new());
    for held in held.iter().take(HELD_EXPLAINED) {
        let Some(step) = steps.iter().find(|step| step.id == held.id) else { continue };
        let compiled = spec.plan.steps.get(step.index as usize);
        let port = plan.as_ref().and_then(|source| given_port(source, compiled?));
        let diagnosis = read_log(shared, step, &held.reason, compiled, port).await?;
        let best = diagnosis.findings.first();
        // A changed plan is of no use to this run, so none is proposed; but who is in the way can be told.
        if let Some(port) = best.and_then(port_in_use)
            && let Some(ports) = ports::look(&shared.engine.host(&spec, &step.host)?, port).await
            && let Some((pid, name)) = ports.holder
        {
            text.push_str(&format!(" Port {port} on {} is held by `{name}` (pid {pid}).", step.host));
        }
        if best.is_some() || diagnosis.telling_line.is_some() {
            cards.push(finding_card(run, step, &diagnosis, false));
        }
        details.push_str(&format!("{} on {}:\n{}\n", held.step, held.host, detail(&diagnosis)));
    }
    text.push_str(&format!(" {}", held::question(held)));
    let reply = cards.into_iter().fold(Reply::say(text.replace("\n\n ", "\n\n")), Reply::with);
    let mut reply = reply.offering(shared, run.project_id, &held::EACH_CHOICE).await?;
    reply.detail = Some(details);
    Ok(reply)
}

/// Writes what is to say about failures that nobody has explained yet, each once.
pub(crate) async fn explain_pending(shared: &Arc<Shared>) -> Result<(), AssistantError> {
    let pending = {
        let mut db = shared.engine.store().read().await?;
        runs::unexplained(&mut db).await?
    };
    for id in pending {
        if !is_ours(shared, id).await? {
            continue;
        }
        let run = shared.engine.summary(id).await?;
        let explanation = match compose(shared, &run).await {
            Ok(explanation) => explanation,
            Err(error) => {
                tracing::warn!(run.id = %id, %error, "a failure could not be explained");
                Explanation::only(Reply::say(format!("Run {} failed.", run.number)))
            }
        };
        let message = Message {
            id: MessageId(Uuid::now_v7()),
            project_id: run.project_id,
            at: now(),
            role: Role::Assistant,
            state: MessageState::Complete,
            text: explanation.reply.text,
            cards: explanation.reply.cards,
        };
        // One transaction: told exactly once, also when two processes look at the same failure.
        let mut db = shared.engine.store().write().await?;
        if runs::mark_explained(&mut db, id).await? {
            if let Some(proposal) = &explanation.proposal {
                chat::insert_proposal(&mut db, proposal, now()).await?;
            }
            chat::insert(&mut db, &message, shared.engine.owner()).await?;
            db.commit().await.map_err(StoreError::from)?;
            shared.engine.committed();
        }
    }
    Ok(())
}

/// Whether this process executed the run, or the one that did is gone.
async fn is_ours(shared: &Shared, id: RunId) -> Result<bool, StoreError> {
    let mut db = shared.engine.store().read().await?;
    let owner = runs::owner(&mut db, id).await?;
    Ok(owner.is_none_or(|owner| owner == shared.engine.owner() || shared.engine.is_gone(&owner)))
}

async fn compose(shared: &Arc<Shared>, run: &RunSummary) -> Result<Explanation, AssistantError> {
    let steps = actions::steps_of(shared, run).await?;
    let Some(step) = steps.iter().find(|step| step.state == StepState::Failed) else {
        let reply = Reply::say(format!("Run {} failed before any step began.", run.number));
        return Ok(Explanation::only(reply));
    };
    let spec = shared.engine.spec(run.id).await?;
    let compiled = spec.plan.steps.get(step.index as usize);
    let plan = plan_of(shared, run).await?;
    let port = plan.as_ref().and_then(|source| given_port(source, compiled?));
    let reason = step.reason.clone().unwrap_or(Reason::RunStopped);
    let diagnosis = read_log(shared, step, &reason, compiled, port).await?;
    let best = diagnosis.findings.first();
    let why = step.reason_text.as_deref().unwrap_or("it failed");
    let why = why.trim_end_matches('.');
    let mut text = format!("Run {} failed at **{}** on {}: {why}.", run.number, step.name, step.host);
    // What a stage of a deployment says itself is told beside what it follows from.
    let of_stage = |finding: &&Finding| finding.id.starts_with("container_");
    if let Some(said) = diagnosis.findings.iter().skip(1).find(of_stage) {
        text.push_str(&format!(" {}.", said.title));
    }
    let mut proposal = None;
    let mut of_port = false;
    if let Some(port) = best.and_then(port_in_use) {
        let found = find_port(shared, run, &spec, step, port).await?;
        if let Some(holder) = found.holder {
            text.push_str(&format!(" Port {port} on {} is held by {holder}.", step.host));
        }
        (proposal, of_port) = (found.proposal, true);
    } else if let Some(best) = best {
        if let Some(port) = mending::port_of_names(best)
            && let Some(ports) = ports::look(&shared.engine.host(&spec, &step.host)?, port).await
            && let Some((pid, name)) = ports.holder
        {
            text.push_str(&format!(" Port {port} on {} is held by `{name}` (pid {pid}).", step.host));
        }
        if let Some(plan) = actions::current_plan(shared, run.project_id).await?
            && let Some(mended) = mending::mended(&plan.source, best)
        {
            proposal =
                Some(proposals::make(run.project_id, &plan, mended.source, &mended.title, &mended.note));
        }
    }
    let bad_key = step.reason.as_ref().is_some_and(is_bad_key);
    if bad_key
        && let Some((line, path)) = plan.as_ref().and_then(|plan| edit::identity_of_host(plan, &step.host))
    {
        text.push_str(&format!(" The plan names it in line {line}: `identity: {path}`."));
    }
    let changed = actions::plan_changed_since(shared, run).await?;
    if run.steps.skipped > 0 {
        text.push_str(" Nothing after that step was run.");
    }
    if changed {
        text.push_str(
            " The plan has changed since: **redeploy** runs the plan as it is now, a retry repeats the old revision.",
        );
    }
    let mut reply = Reply::say(text);
    // With neither a log nor a known cause, the sentence has said all that is known.
    if best.is_some() || diagnosis.telling_line.is_some() {
        reply = reply.with(finding_card(run, step, &diagnosis, proposal.is_some()));
    }
    if let Some(proposal) = &proposal {
        reply = reply.with(Card::Proposal { proposal_id: proposal.id });
    } else {
        // Without a number, the newest run is meant.
        let newest = shared.last_run(run.project_id).await?.is_some_and(|last| last.id == run.id);
        let numbered = format!("Retry run {}", run.number);
        let texts: &[&str] = match (bad_key, changed, newest) {
            // The same plan would name the same key again.
            (true, false, _) => &["Redeploy"],
            (_, true, _) => &["Redeploy", &numbered],
            (_, _, true) => &["Retry"],
            _ => &[&numbered],
        };
        reply = reply.offering(shared, run.project_id, texts).await?;
    }
    reply.detail = Some(detail(&diagnosis));
    Ok(Explanation { reply, proposal, of_port })
}

/// The plan that the run executed, as it was written.
async fn plan_of(shared: &Shared, run: &RunSummary) -> Result<Option<String>, StoreError> {
    let mut db = shared.engine.store().read().await?;
    let plan = plans::by_sha256(&mut db, run.project_id, &run.plan_sha256).await?;
    Ok(plan.map(|plan| plan.source))
}

/// Whether the key that the plan names is what kept the host from being reached.
fn is_bad_key(reason: &Reason) -> bool {
    use ConnectionProblem::{KeyMissing, KeyUnreadable, KeyUnusable};
    matches!(reason, Reason::Connection { problem: KeyMissing | KeyUnreadable | KeyUnusable, .. })
}

/// The port that a step was given: the one of the only port variable that occurs in it, or else the only number that
/// can be a port.
fn given_port(source: &str, step: &CompiledStep) -> Option<u16> {
    let Action::Run { script, env, .. } = &step.action else { return None };
    let texts: Vec<String> = std::iter::once(script).chain(env.values()).map(ToString::to_string).collect();
    let occurs = |port: u16| texts.iter().any(|text| edit::names_number(text, port));
    let mut variables: Vec<u16> =
        edit::variables(source).iter().filter_map(changes::port_value).filter(|port| occurs(*port)).collect();
    variables.sort_unstable();
    variables.dedup();
    if !variables.is_empty() {
        return Some(variables).filter(|ports| ports.len() == 1).and_then(|ports| ports.first().copied());
    }
    let numbers = texts.iter().flat_map(|text| text.split(|letter: char| !letter.is_ascii_digit()));
    let mut ports: Vec<u16> = numbers
        .filter_map(|number| number.parse().ok())
        .filter(|port| *port >= 1024 || matches!(port, 80 | 443))
        .filter(|port| occurs(*port))
        .collect();
    ports.sort_unstable();
    ports.dedup();
    Some(ports).filter(|ports| ports.len() == 1).and_then(|ports| ports.first().copied())
}

async fn read_log(
    shared: &Shared,
    step: &Step,
    reason: &Reason,
    compiled: Option<&CompiledStep>,
    port: Option<u16>,
) -> Result<Diagnosis, AssistantError> {
    let mut lines = Vec::new();
    if let Some(attempt) = step.attempts.last() {
        let from = attempt.lines.saturating_sub(u64::from(TAIL)) + 1;
        let mut db = shared.engine.store().read_logs().await?;
        lines = logs::window(&mut db, step.id, attempt.number, from, TAIL).await?.lines;
    }
    let script = compiled.and_then(|step| match &step.action {
        Action::Run { script, .. } => Some(script.to_string()),
        Action::Upload { .. }
        | Action::Download { .. }
        | Action::WaitFor { .. }
        | Action::Resource { .. } => None,
    });
    let (step, outcome) = (step.clone(), reason.clone());
    // Reading thousands of lines takes tens of milliseconds: not on a thread that serves others.
    let diagnosis = tokio::task::spawn_blocking(move || {
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let first_line_number = lines.first().map_or(1, |line| line.number);
        let log = LogTail { first_line_number, lines: &texts, truncated: first_line_number > 1 };
        diagnose(&Failure {
            step_name: &step.name,
            script: script.as_deref(),
            action: &step.kind,
            host: &step.host,
            outcome: &outcome,
            port,
            log: &log,
        })
    })
    .await;
    Ok(diagnosis.unwrap_or_else(|error| {
        tracing::error!(%error, "the diagnosis failed");
        Diagnosis { findings: Vec::new(), telling_line: None }
    }))
}

/// The port that a finding says is in use.
fn port_in_use(finding: &Finding) -> Option<u16> {
    finding
        .fixes
        .iter()
        .any(|fix| fix.kind == FixKind::ChangePort)
        .then(|| finding.captures.get("port")?.parse().ok())
        .flatten()
}

#[derive(Default)]
struct FoundPort {
    holder: Option<String>,
    proposal: Option<Proposal>,
}

/// Who holds the port, and a plan that uses a free one instead.
async fn find_port(
    shared: &Arc<Shared>,
    run: &RunSummary,
    spec: &steadyhand_engine::RunSpec,
    step: &Step,
    port: u16,
) -> Result<FoundPort, AssistantError> {
    let task = spec.plan.tasks.iter().find(|task| task.name == step.task);
    let names = task.map_or_else(|| vec![step.host.clone()], |task| task.hosts.clone());
    let mut found = FoundPort::default();
    let mut looked_at = Vec::new();
    for name in &names {
        let Some(ports) = ports::look(&shared.engine.host(spec, name)?, port).await else { return Ok(found) };
        if *name == step.host {
            found.holder = ports.holder.as_ref().map(|(pid, name)| format!("`{name}` (pid {pid})"));
        }
        looked_at.push(ports);
    }
    let Some(free) = ports::free_on_all(port, &looked_at) else { return Ok(found) };
    let Some(plan) = actions::current_plan(shared, run.project_id).await? else { return Ok(found) };
    found.proposal = edit::replace_port(&plan.source, port, free).map(|source| {
        let note = format!("free on {}", names.join(" and "));
        proposals::make(run.project_id, &plan, source, &format!("Use port {free} instead"), &note)
    });
    Ok(found)
}

fn cited(citation: &Citation) -> CitedLine {
    CitedLine { line: citation.line, text: citation.text.clone() }
}

fn finding_card(run: &RunSummary, step: &Step, diagnosis: &Diagnosis, has_proposal: bool) -> Card {
    let best = diagnosis.findings.first();
    let citations = match best {
        Some(finding) => finding.citations.iter().map(cited).collect(),
        None => diagnosis.telling_line.iter().map(cited).collect(),
    };
    let advice = best.map_or_else(Vec::new, |finding| {
        finding
            .fixes
            .iter()
            .filter(|fix| !(has_proposal && fix.kind.changes_plan()))
            .map(|fix| Advice {
                title: fix.title.clone(),
                detail: fix.detail.clone(),
                command: fix.command.clone(),
            })
            .collect()
    });
    Card::Finding {
        run_id: run.id,
        step_id: step.id,
        attempt: step.attempts.last().map_or(1, |attempt| attempt.number),
        title: best.map(|finding| finding.title.clone()),
        explanation: best.map(|finding| finding.explanation.clone()),
        citations,
        advice,
    }
}

/// The diagnosis for a model.
fn detail(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for finding in &diagnosis.findings {
        text.push_str(&format!("{}: {}\n", finding.title, finding.explanation));
        for citation in &finding.citations {
            text.push_str(&format!("  log line {}: {}\n", citation.line, citation.text));
        }
        for fix in &finding.fixes {
            text.push_str(&format!("  fix: {} ({})\n", fix.title, fix.detail));
        }
    }
    match &diagnosis.telling_line {
        Some(line) if diagnosis.findings.is_empty() => {
            format!("The cause is not known. The most telling line is {}: {}", line.line, line.text)
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The port that the only step of a plan was given.
    fn given(vars: &str, run: &str) -> Option<u16> {
        let source = format!(
            "name: x\nvars: {{ {vars} }}\ntasks:\n  a:\n    on: local\n    steps:\n      - run: {run}\n"
        );
        let plan = steadyhand_plan::check(&source).plan.expect("a plan");
        let plan = steadyhand_plan::compile(&plan, &Default::default()).expect("its steps");
        given_port(&source, &plan.steps[0])
    }

    #[test]
    fn the_port_that_a_step_was_given_is_the_one_variable_or_the_one_number() {
        let two = "port: 8123, admin_port: 8124, workers: 4";
        assert_eq!(given(two, "python3 -m http.server ${{ vars.port }}"), Some(8123));
        assert_eq!(given(two, "serve ${{ vars.port }} 9000"), Some(8123));
        assert_eq!(given(two, "serve ${{ vars.port }} ${{ vars.admin_port }}"), None);
        assert_eq!(given(two, "serve --listen 0.0.0.0:9000 --workers 12"), Some(9000));
        assert_eq!(given(two, "serve 9000 9001"), None);
        assert_eq!(given(two, "serve -p 9000:9000"), Some(9000));
        assert_eq!(given(two, "./serve"), None);
    }
}
