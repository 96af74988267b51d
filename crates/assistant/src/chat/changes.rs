//! Changes of the plan that are asked for in a chat: each becomes a proposal, which a person accepts.

use std::sync::Arc;

use steadyhand_domain::{ProjectId, RunState};
use steadyhand_engine::EngineError;
use steadyhand_plan::edit;
use steadyhand_store::{plans, records::Card, runs};

use super::{
    AssistantError, Shared,
    actions::{Reply, current_plan, refusal},
    reading::problems,
};
use crate::{explain, proposals};

/// How many of the newest runs are looked at for one that a port in use made fail.
const RECENT_RUNS: u32 = 20;

/// Which variable of a plan is meant by "the port".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PortMeant {
    /// This one, with its present value.
    One(String, u16),
    /// There is no variable that is a port.
    None,
    /// None of these has the value that was said.
    OtherValues(Vec<(String, u16)>),
    /// It could be each of these.
    Several(Vec<String>),
}

impl PortMeant {
    /// A variable that has the value `from` wins, when one was said; then the one that is called `port`; then the only
    /// one there is.
    pub(crate) fn among(variables: &[(String, String)], from: Option<u16>) -> Self {
        let ports = variables.iter().filter_map(|known| Some((known.0.clone(), port_value(known)?)));
        let mut ports: Vec<(String, u16)> = ports.collect();
        if let Some(from) = from {
            let all = ports.clone();
            ports.retain(|(_, value)| *value == from);
            if ports.is_empty() && !all.is_empty() {
                return Self::OtherValues(all);
            }
        }
        let named = ports.iter().position(|(name, _)| name == "port");
        match (ports.len(), named) {
            (0, _) => Self::None,
            (1, _) => Self::first(ports, 0),
            (_, Some(at)) => Self::first(ports, at),
            _ => Self::Several(ports.into_iter().map(|(name, _)| name).collect()),
        }
    }

    fn first(mut ports: Vec<(String, u16)>, at: usize) -> Self {
        let (name, value) = ports.swap_remove(at);
        Self::One(name, value)
    }
}

/// The value of a variable that is a port, by its name and its value.
pub(crate) fn port_value((name, value): &(String, String)) -> Option<u16> {
    let name = name.to_ascii_lowercase();
    if name != "port" && !name.ends_with("_port") {
        return None;
    }
    value.parse().ok()
}

pub(crate) async fn change_port(
    shared: &Arc<Shared>,
    project: ProjectId,
    port: u16,
    from: Option<u16>,
) -> Result<Reply, AssistantError> {
    let Some(plan) = current_plan(shared, project).await? else { return Ok(refusal(&EngineError::NoPlan)) };
    match PortMeant::among(&edit::variables(&plan.source), from) {
        PortMeant::One(_, current) if current == port => {
            Ok(Reply::say(format!("The plan uses port {port} already.")))
        }
        PortMeant::One(name, _) => {
            let source = edit::set_var(&plan.source, &name, &port.to_string());
            propose(shared, project, &plan, source, &format!("Use port {port}")).await
        }
        PortMeant::None => Ok(Reply::say(
            "The plan has no variable called `port`, so it isn't plain which port is meant. Change it in the **Plan** tab.",
        )),
        PortMeant::OtherValues(all) => {
            let all: Vec<String> = all.iter().map(|(name, value)| format!("`{name}` is {value}")).collect();
            let from = from.unwrap_or_default();
            Ok(Reply::say(format!("No port of the plan is {from}: {}. Nothing was changed.", all.join(", "))))
        }
        PortMeant::Several(names) => Ok(Reply::say(which_port(&names, port))),
    }
}

fn which_port(names: &[String], port: u16) -> String {
    format!(
        "The plan has several ports: {}. Say which, for instance “set {} to {port}”.",
        names.join(", "),
        names.first().map_or("port", String::as_str)
    )
}

/// "Use a free port": the answer to a run that failed because its port was in use.
pub(crate) async fn free_port(shared: &Arc<Shared>, project: ProjectId) -> Result<Reply, AssistantError> {
    let runs = {
        let mut db = shared.engine.store().read().await?;
        runs::list(&mut db, project, None, RECENT_RUNS).await?
    };
    if let Some(run) = runs.first().filter(|run| run.state == RunState::Failed)
        && let Some(reply) = explain::free_port(shared, run).await?
    {
        return Ok(reply);
    }
    Ok(Reply::say(
        "I look for a free port after a run failed because its port was in use, which the last run did not. \
         To change the port of the plan, say which you want, for instance “use port 3002”.",
    ))
}

pub(crate) async fn set_variable(
    shared: &Arc<Shared>,
    project: ProjectId,
    name: &str,
    value: &str,
) -> Result<Reply, AssistantError> {
    let Some(plan) = current_plan(shared, project).await? else { return Ok(refusal(&EngineError::NoPlan)) };
    let variables = edit::variables(&plan.source);
    match variables.iter().find(|(known, _)| known == name) {
        Some((_, current)) if current == value => Ok(Reply::say(format!("`{name}` is `{value}` already."))),
        Some(_) => {
            let source = edit::set_var(&plan.source, name, value);
            propose(shared, project, &plan, source, &format!("Set {name} to {value}")).await
        }
        None => {
            let known: Vec<String> = variables.iter().map(|(name, _)| format!("`{name}`")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Ok(Reply::say(format!("The plan has no variable called `{name}`. It has: {known}.")))
        }
    }
}

pub(crate) async fn propose_plan(
    shared: &Arc<Shared>,
    project: ProjectId,
    source: String,
    title: &str,
) -> Result<Reply, AssistantError> {
    let Some(plan) = current_plan(shared, project).await? else { return Ok(refusal(&EngineError::NoPlan)) };
    let problems = problems(&source);
    if !problems.is_empty() {
        return Ok(Reply::say("The proposed plan has errors and was not shown.").detailed(problems));
    }
    propose(shared, project, &plan, Some(source), title).await
}

async fn propose(
    shared: &Arc<Shared>,
    project: ProjectId,
    plan: &plans::Plan,
    source: Option<String>,
    title: &str,
) -> Result<Reply, AssistantError> {
    let Some(source) = source.filter(|source| *source != plan.source) else {
        return Ok(Reply::say("That changes nothing in the plan."));
    };
    let proposal = proposals::make(project, plan, source, title, "");
    proposals::insert(shared, &proposal).await?;
    Ok(Reply::say("Here is the change. Nothing happens before you accept it.")
        .with(Card::Proposal { proposal_id: proposal.id }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intents::{Context, Intent, understand};

    fn variables(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_port_that_is_named_exactly_or_by_its_value_is_the_one() {
        let one = |name: &str, value| PortMeant::One(name.to_owned(), value);
        let practice = variables(&[("greeting", "hi"), ("ssh_port", "22"), ("port", "48721")]);
        assert_eq!(PortMeant::among(&practice, None), one("port", 48721));
        assert_eq!(PortMeant::among(&practice, Some(22)), one("ssh_port", 22));
        let others = PortMeant::OtherValues(vec![("ssh_port".into(), 22), ("port".into(), 48721)]);
        assert_eq!(PortMeant::among(&practice, Some(8319)), others);
        let two = variables(&[("web_port", "80"), ("db_port", "5432")]);
        let several = PortMeant::Several(vec!["web_port".into(), "db_port".into()]);
        assert_eq!(PortMeant::among(&two, None), several);
        assert_eq!(PortMeant::among(&two, Some(5432)), one("db_port", 5432));
        assert_eq!(PortMeant::among(&variables(&[("app_port", "80")]), None), one("app_port", 80));
        assert_eq!(PortMeant::among(&variables(&[("port", "${{ vars.x }}")]), None), PortMeant::None);
    }

    #[test]
    fn the_sentence_that_tells_ports_apart_is_understood() {
        let names: Vec<String> = vec!["web_port".into(), "db_port".into()];
        let said = which_port(&names, 48722);
        let (_, suggested) = said
            .split_once('“')
            .and_then(|(_, rest)| rest.split_once('”').map(|(text, _)| ((), text)))
            .unwrap();
        let context = Context { variables: names, ..Context::default() };
        let expected = Intent::SetVar { name: "web_port".into(), value: "48722".into() };
        assert_eq!(understand(suggested, &context), expected);
    }
}
