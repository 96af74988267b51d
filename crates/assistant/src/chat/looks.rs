//! Looking at what was run, beyond a single run: another project's runs, two runs side by side, the application itself.

use std::{fmt::Write, sync::Arc};

use steadyhand_domain::{ProjectId, RunState, StepState};
use steadyhand_plan::{Action, CompiledHost, Probe};
use steadyhand_store::{
    projects,
    records::{Card, RunSummary, Step},
    runs,
};

use super::{
    AssistantError, Shared,
    actions::{self, Reply},
};
use crate::intents::Intent;

/// How many of the newest runs are looked at for one that completed.
const RECENT_RUNS: u32 = 50;

/// What differs between two runs: how they ended, their plans, how long they took, and the first step that differs.
pub(crate) async fn compare(
    shared: &Arc<Shared>,
    project: ProjectId,
    first: u32,
    second: u32,
) -> Result<Reply, AssistantError> {
    let mut both = Vec::new();
    for number in [first, second] {
        let Some(run) = actions::by_number(shared, project, number).await? else {
            return Ok(actions::no_such_run(shared, project, number).await?);
        };
        let steps = actions::steps_of(shared, &run).await?;
        both.push((run, steps));
    }
    let [(one, one_steps), (other, other_steps)] = both.as_slice() else { return Ok(Reply::default()) };
    let mut text = String::new();
    for run in [one, other] {
        let _ = writeln!(text, "- {}", capital_run(run));
    }
    let same = one.plan_sha256 == other.plan_sha256;
    let plan = if same {
        "Both ran the same revision of the plan."
    } else {
        "They ran different revisions of the plan."
    };
    let _ = write!(text, "\n{plan} {}", first_difference(one_steps, other_steps));
    let cards = [one, other].map(|run| Card::Run { run_id: run.id });
    Ok(cards.into_iter().fold(Reply::say(text), Reply::with))
}

/// "Run 4: failed, …".
fn capital_run(run: &RunSummary) -> String {
    crate::wording::sentence(&actions::one_line(run))
}

/// The first step that is another one, or that ended otherwise.
fn first_difference(one: &[Step], other: &[Step]) -> String {
    for (a, b) in one.iter().zip(other) {
        let number = a.index + 1;
        if (&a.name, &a.host) != (&b.name, &b.host) {
            return format!(
                "The first difference is step {number}: **{}** on {} and **{}** on {}.",
                a.name, a.host, b.name, b.host
            );
        }
        if a.state != b.state {
            return format!(
                "The first difference is step {number}, **{}** on {}: {} and {}.",
                a.name,
                a.host,
                ended(a),
                ended(b)
            );
        }
    }
    match one.len().cmp(&other.len()) {
        std::cmp::Ordering::Equal => "Every step ended in the same way.".to_owned(),
        _ => format!("One has {} steps, the other {}.", one.len(), other.len()),
    }
}

fn ended(step: &Step) -> String {
    let state = actions::word(&step.state);
    match (&step.reason_text, step.state) {
        (Some(why), StepState::Failed | StepState::Skipped) => format!("{state} ({why})"),
        _ => state,
    }
}

/// Where the application answers, as the last run that completed found it.
pub(crate) async fn open_app(shared: &Arc<Shared>, project: ProjectId) -> Result<Reply, AssistantError> {
    let runs = {
        let mut db = shared.engine.store().read().await?;
        runs::list(&mut db, project, None, RECENT_RUNS).await?
    };
    let Some(run) = runs.iter().find(|run| run.state == RunState::Completed) else {
        let reply =
            Reply::say("No run has completed yet, so I know of no address at which the application answers.");
        return Ok(reply.offering(shared, project, &["Redeploy", "Status"]).await?);
    };
    let spec = shared.engine.spec(run.id).await?;
    let found = spec.plan.steps.iter().rev().find_map(|step| match &step.action {
        Action::WaitFor { probe: Probe::Http { url, .. }, .. } => Some((step, url.to_string())),
        _ => None,
    });
    let Some((step, url)) = found else {
        return Ok(Reply::say(
            "The plan does not say at which address the application answers. A `wait_for` step with `http:` says it, and \
             makes sure of it.",
        ));
    };
    let number = run.number;
    let text = match spec.plan.hosts.get(&step.host) {
        Some(CompiledHost::Ssh(host)) if !is_this_machine(&host.address) => {
            let public = from_elsewhere(&url, &host.address);
            let elsewhere = public.map_or_else(String::new, |public| {
                format!(" From elsewhere that is {public}, if it listens there and no firewall is between.")
            });
            format!("In run {number} the application answered on {} at {url}.{elsewhere}", step.host)
        }
        _ => format!("In run {number} the application answered at {url} on this machine."),
    };
    Ok(Reply::say(text))
}

fn is_this_machine(address: &str) -> bool {
    address == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The address with the host's own instead of the one that means the machine itself; none when it names another.
fn from_elsewhere(url: &str, address: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, format!(":{port}")),
        _ => (authority, String::new()),
    };
    if !is_this_machine(host.trim_matches(['[', ']'])) {
        return None;
    }
    let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    Some(format!("{scheme}://{address}{port}{path}"))
}

/// What is asked of another project is shown when it is a list of runs; nothing is done there from this chat.
pub(crate) async fn elsewhere(
    shared: &Arc<Shared>,
    project: ProjectId,
    name: &str,
    asked: &Intent,
) -> Result<Reply, AssistantError> {
    let (here, other) = {
        let mut db = shared.engine.store().read().await?;
        (projects::get(&mut db, project).await?, projects::by_name(&mut db, name).await?)
    };
    let Some(other) = other else {
        return Ok(Reply::say(format!("There is no project **{name}** any more.")));
    };
    if let Intent::ShowRuns { count } = asked {
        let runs = {
            let mut db = shared.engine.store().read().await?;
            runs::list(&mut db, other.id, None, count.unwrap_or(5).clamp(1, 50)).await?
        };
        if runs.is_empty() {
            return Ok(Reply::say(format!("Nothing has run in the project **{name}** yet.")));
        }
        let mut text = format!("The last runs of the project **{name}**, newest first:\n");
        for run in &runs {
            let _ = write!(text, "\n- {}", capital_run(run));
        }
        return Ok(Reply::say(text));
    }
    let here = here.map_or_else(|| "this project".to_owned(), |here| format!("**{}**", here.name));
    Ok(Reply::say(format!(
        "**{name}** is another project, and this is the chat of {here}. Open **{name}** and ask there to {}. \
         Nothing was done.",
        asked.in_words()
    )))
}

#[cfg(test)]
mod tests {
    use super::from_elsewhere;

    #[test]
    fn an_address_of_the_machine_itself_becomes_one_for_others() {
        let check = |url, address, expected: Option<&str>| {
            assert_eq!(from_elsewhere(url, address).as_deref(), expected, "{url}");
        };
        check("http://127.0.0.1:8080/health", "203.0.113.10", Some("http://203.0.113.10:8080/health"));
        check("https://localhost", "shop.example.com", Some("https://shop.example.com"));
        check("http://[::1]:80/?a#b", "2001:db8::1", Some("http://[2001:db8::1]:80/?a#b"));
        check("https://shop.example.com/", "203.0.113.10", None);
    }
}
