//! Which replies are offered as buttons: only what would work now.

use steadyhand_domain::{Desired, ProjectId, RunState};
use steadyhand_plan::{check, edit};
use steadyhand_store::{
    StoreError,
    records::{Card, RunSummary},
    runs,
};

use super::{
    Shared,
    actions::{self, Reply},
    changes::PortMeant,
    deployments::Deployments,
    held,
};
use crate::{
    intents::{Context, Intent, understand},
    wording::capitalized,
};

/// At most so many buttons.
const MOST: usize = 3;

/// How many of the newest runs are looked at for one that failed, as the answer to "why did it fail?" does.
const RECENT_RUNS: u32 = 50;

/// What a project's requests depend on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Now {
    /// The newest run.
    last: Option<RunSummary>,
    some_failed: bool,
    some_completed: bool,
    /// There is a plan, and it has no errors.
    can_start: bool,
    /// The variables of the plan.
    variables: Vec<(String, String)>,
    /// Something was deployed.
    some_deployed: bool,
    /// There is a deployment to go back to.
    can_go_back: bool,
}

impl Now {
    pub(crate) async fn look(shared: &Shared, project: ProjectId) -> Result<Self, StoreError> {
        let recent = {
            let mut db = shared.engine.store().read().await?;
            runs::list(&mut db, project, None, RECENT_RUNS).await?
        };
        let plan = actions::current_plan(shared, project).await?;
        let deployed = Deployments::look(shared, project).await?;
        Ok(Self {
            some_deployed: deployed.is_some(),
            can_go_back: deployed.is_some_and(|all| all.before().is_some()),
            some_failed: recent.iter().any(|run| run.state == RunState::Failed),
            some_completed: recent.iter().any(|run| run.state == RunState::Completed),
            last: recent.into_iter().next(),
            can_start: plan.as_ref().is_some_and(|plan| {
                !check(&plan.source).diagnostics.iter().any(|problem| problem.is_error())
            }),
            variables: plan.map(|plan| edit::variables(&plan.source)).unwrap_or_default(),
        })
    }

    /// A wording that would work now: the one given, or one for what there is. None when nothing of its kind would.
    fn fitting(&self, text: &str) -> Option<String> {
        let names = self.variables.iter().map(|(name, _)| name.clone()).collect();
        let last = self.last.as_ref();
        let going = last.filter(|run| !run.state.is_final());
        let held = last.map(held::names).unwrap_or_default();
        let is_held = !held.is_empty();
        let context = Context { variables: names, held: held.clone(), ..Context::default() };
        let works = match understand(text, &context) {
            Intent::Redeploy => self.can_start && going.is_none(),
            Intent::Pause => going.is_some_and(|run| run.desired == Desired::Running),
            Intent::Resume => going.is_some_and(|run| run.desired == Desired::Paused),
            Intent::Stop => going.is_some_and(|run| run.desired != Desired::Stopped),
            Intent::Retry { run: None } => is_held || (last.is_some() && going.is_none()),
            Intent::Decide { which, .. } => held.iter().any(|held| which.fits(&held.step, &held.host)),
            Intent::Retry { run: Some(number) } => {
                going.is_none() && last.is_some_and(|run| number <= run.number)
            }
            Intent::WhyFailed { .. } => self.some_failed || is_held,
            Intent::Status | Intent::ShowRuns { .. } => last.is_some(),
            Intent::ShowRun { run } => {
                let last = last?;
                if run > last.number {
                    return Some(format!("show run {}", last.number));
                }
                true
            }
            Intent::ChangePort { port, from } => matches!(
                PortMeant::among(&self.variables, from),
                PortMeant::One(_, current) if current != port
            ),
            Intent::FreePort => last.is_some_and(|run| run.state == RunState::Failed),
            Intent::CompareRuns { first, second } => {
                let last = last?;
                if first.max(second) > last.number {
                    let before = last.number.checked_sub(1).filter(|number| *number > 0)?;
                    return Some(format!("compare run {before} and {}", last.number));
                }
                true
            }
            Intent::OpenApp => self.some_completed,
            Intent::RollBack { .. } => self.can_go_back && going.is_none(),
            Intent::Serving(_) => self.some_deployed && going.is_none(),
            Intent::Live | Intent::Deployments { .. } => self.some_deployed,
            Intent::SetVar { name, value } => {
                self.variables.iter().any(|(known, now)| *known == name && *now != value)
            }
            Intent::Help => true,
            _ => false,
        };
        works.then(|| text.to_owned())
    }

    /// The reply with those of these wordings that would work, in their order.
    pub(crate) fn offer(&self, reply: Reply, texts: &[&str]) -> Reply {
        let fitting = texts.iter().filter_map(|text| self.fitting(text));
        let texts: Vec<String> = fitting.take(MOST).map(|text| capitalized(&text)).collect();
        if texts.is_empty() { reply } else { reply.with(Card::Replies { texts }) }
    }
}

impl Reply {
    /// With those of these wordings as buttons that would work now, in their order.
    pub(crate) async fn offering(
        self,
        shared: &Shared,
        project: ProjectId,
        texts: &[&str],
    ) -> Result<Self, StoreError> {
        Ok(Now::look(shared, project).await?.offer(self, texts))
    }
}

#[cfg(test)]
mod tests {
    use steadyhand_domain::{RunId, Timestamp, Trigger};
    use steadyhand_store::records::StepCounts;

    use super::*;
    use crate::intents::OFFERS;

    fn run(number: u32, state: RunState, desired: Desired) -> RunSummary {
        RunSummary {
            id: RunId(uuid::Uuid::nil()),
            project_id: ProjectId(uuid::Uuid::nil()),
            number,
            state,
            desired,
            hindrances: Vec::new(),
            trigger: Trigger::Chat,
            started_by: "somebody".into(),
            plan_sha256: String::new(),
            rendered_sha256: String::new(),
            created_at: Timestamp(0),
            ended_at: None,
            steps: StepCounts::default(),
            current_step: None,
            typical_ms: None,
            untold: Vec::new(),
            seq: 1,
        }
    }

    #[track_caller]
    fn check(now: &Now, expected: &[&str]) {
        let offered: Vec<String> = OFFERS.iter().filter_map(|text| now.fitting(text)).collect();
        assert_eq!(offered, expected);
    }

    #[test]
    fn only_what_would_work_is_offered() {
        check(&Now::default(), &["help"]);
        let new = Now { can_start: true, ..Now::default() };
        check(&new, &["redeploy the application", "help"]);
        let at = |state, desired| Now { last: Some(run(3, state, desired)), ..new.clone() };
        let look = ["status", "show the last 5 runs"];
        let with = |first: &[&'static str], last: &[&'static str]| [first, &look, last].concat();
        check(
            &at(RunState::InProgress, Desired::Running),
            &with(&["pause", "stop"], &["show run 3", "compare run 2 and 3", "help"]),
        );
        check(
            &at(RunState::Paused, Desired::Paused),
            &with(&["resume", "stop"], &["show run 3", "compare run 2 and 3", "help"]),
        );
        check(
            &at(RunState::InProgress, Desired::Stopped),
            &with(&[], &["show run 3", "compare run 2 and 3", "help"]),
        );
        check(
            &at(RunState::Completed, Desired::Running),
            &with(&["redeploy the application"], &["retry", "show run 3", "compare run 2 and 3", "help"]),
        );
        let failed = Now { some_failed: true, ..at(RunState::Failed, Desired::Running) };
        check(
            &failed,
            &with(
                &["redeploy the application"],
                &["why did it fail?", "retry", "show run 3", "compare run 2 and 3", "help"],
            ),
        );
        let many = Now { last: Some(run(12, RunState::Completed, Desired::Running)), ..Now::default() };
        let first = Now {
            last: Some(run(1, RunState::Completed, Desired::Running)),
            some_completed: true,
            ..Now::default()
        };
        check(&first, &with(&[], &["retry", "show run 1", "open the app", "help"]));
        let deployed = Now { some_deployed: true, can_go_back: true, ..first };
        let offered = ["retry", "show run 1", "open the app", "what is deployed?", "roll back", "help"];
        check(&deployed, &with(&[], &offered));
        let going = Now { last: Some(run(1, RunState::InProgress, Desired::Running)), ..deployed };
        let offered = ["show run 1", "open the app", "what is deployed?", "help"];
        check(&going, &with(&["pause", "stop"], &offered));
        check(&many, &with(&[], &["retry", "show run 12", "compare run 4 and 5", "help"]));
    }

    #[test]
    fn changes_are_offered_where_the_plan_has_what_they_change() {
        let with = |variables: &[(&str, &str)]| Now {
            variables: variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            ..Now::default()
        };
        check(&with(&[("port", "3000")]), &["use port 3002", "help"]);
        check(&with(&[("port", "3002")]), &["help"]);
        check(&with(&[("web_port", "3000"), ("db_port", "5432")]), &["help"]);
        check(&with(&[("port", "${{ vars.other }}")]), &["help"]);
        check(&with(&[("LOG_LEVEL", "info")]), &["set LOG_LEVEL to debug", "help"]);
        check(&with(&[("LOG_LEVEL", "debug")]), &["help"]);
    }

    #[test]
    fn at_most_three_are_shown_and_none_when_nothing_would_work() {
        let failed = Now {
            last: Some(run(3, RunState::Failed, Desired::Running)),
            some_failed: true,
            can_start: true,
            ..Now::default()
        };
        let Some(Card::Replies { texts }) = failed.offer(Reply::say(""), OFFERS).cards.pop() else {
            panic!("nothing is offered");
        };
        assert_eq!(texts, ["Redeploy the application", "Status", "Show the last 5 runs"]);
        assert!(failed.offer(Reply::say(""), &["pause", "stop"]).cards.is_empty());
    }
}
