//! Whatever happens to runs that deploy, in whatever order: after every commit the database holds what deployments and
//! environments promise.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

mod deploying;

use std::collections::{BTreeMap, HashMap};

use deploying::{Change, PROJECT, Run, World, each};
use proptest::prelude::*;
use steadyhand_domain::{
    DeploymentId, DeploymentState, EnvironmentEvent, EnvironmentId, EnvironmentState, Reason, RunEvent,
    RunId, Stage, StepEvent, StepState,
};
use steadyhand_store::{
    deployments::{self, Filter},
    environments,
    events::{self, Event},
    progress::{self, Write},
    records::{Deployment, DeploymentKind, Environment},
    runs,
    steps::{self, LogSizes},
};

use Stage::{After, Build, Detect, Drain, Fetch, Health, Hooks, Prepare, Start, Switch};

/// Plans: of one host and of two, with and without stages, with steps that are of no stage.
fn plans() -> Vec<Vec<Option<Stage>>> {
    let whole = [Prepare, Fetch, Detect, Build, Start, Health, Hooks, Switch, Drain, After];
    let two =
        [[Fetch, Build], [Fetch, Build], [Start, Health], [Start, Health], [Switch, Drain], [Switch, Drain]];
    vec![
        each(&whole),
        each(two.as_flattened()),
        each(&[Fetch, Build, Start, Switch]),
        each(&[Start, Health, Switch, Drain]),
        vec![None, Some(Fetch), Some(Build), None, Some(Start), Some(Switch), None],
        vec![Some(Prepare), None],
    ]
}

/// One thing that happens. Numbers choose among what is there, the first one most often.
#[derive(Clone, Debug)]
enum Happening {
    Starts { environment: usize, plan: usize, done: usize, brings_back: Option<usize> },
    Steps { which: usize, then: Then, also: bool },
    Ends { how: RunEvent },
    Killed,
    Learns,
    Environment { which: usize, event: EnvironmentEvent },
}

/// What becomes of a step.
#[derive(Clone, Copy, Debug)]
enum Then {
    GoesOn,
    Fails,
    IsUnnecessary,
    IsNotReached,
}

fn happening() -> impl Strategy<Value = Happening> {
    let mostly_first = prop_oneof![6 => Just(0), 1 => 0..6_usize];
    let then = prop_oneof![
        12 => Just(Then::GoesOn),
        1 => Just(Then::Fails),
        1 => Just(Then::IsUnnecessary),
        1 => Just(Then::IsNotReached),
    ];
    let ends = prop_oneof![
        3 => Just(RunEvent::EveryStepEnded),
        1 => Just(RunEvent::StepFailed),
        1 => Just(RunEvent::Stopped),
    ];
    let of_environment = prop_oneof![
        4 => Just(EnvironmentEvent::Paused),
        4 => Just(EnvironmentEvent::Resumed),
        1 => Just(EnvironmentEvent::Destroyed),
    ];
    let starts =
        (0..2_usize, 0..6_usize, prop_oneof![4 => Just(0), 1 => 0..10_usize], prop::option::of(0..3_usize));
    prop_oneof![
        4 => starts.prop_map(|(environment, plan, done, brings_back)| Happening::Starts { environment, plan, done, brings_back }),
        24 => (mostly_first, then, any::<bool>()).prop_map(|(which, then, also)| Happening::Steps { which, then, also }),
        2 => ends.prop_map(|how| Happening::Ends { how }),
        1 => Just(Happening::Killed),
        2 => Just(Happening::Learns),
        1 => (0..2_usize, of_environment).prop_map(|(which, event)| Happening::Environment { which, event }),
    ]
}

const NAMES: [&str; 2] = ["production", "staging"];

/// Everything that the database says of deployments and environments.
#[derive(Clone, Debug, Default, PartialEq)]
struct Picture {
    environments: Vec<Environment>,
    deployments: Vec<Deployment>,
    events: usize,
}

struct Random {
    world: World,
    run: Option<Run>,
    before: Picture,
    processes: usize,
    /// How often each state of a deployment was come to.
    seen: HashMap<DeploymentState, usize>,
}

impl Random {
    /// What changes of the run under way are recorded as; says whether they were not refused.
    async fn commit(&mut self, changes: &[Change<'_>]) -> bool {
        let Some(run) = &mut self.run else { return false };
        let committed = self.world.commit(run, changes).await.is_ok();
        if run.state.is_final() {
            self.run = None;
        }
        committed
    }

    async fn happens(&mut self, happening: &Happening) -> bool {
        match *happening {
            Happening::Starts { environment, plan, done, brings_back } => {
                if self.run.is_some() {
                    return false;
                }
                let to = self.before.environments.iter().find(|known| known.name == NAMES[environment]);
                let takes_from = match (to, brings_back) {
                    (Some(to), Some(which)) => {
                        let mut db = self.world.store.read().await.expect("reader");
                        let kept = deployments::kept(&mut db, to.id).await.expect("kept");
                        kept.get(which).map(|kept| kept.id)
                    }
                    _ => None,
                };
                let plans = plans();
                let plan = if takes_from.is_some() { &plans[3] } else { &plans[plan] };
                let done = if done < plan.len() { done } else { 0 };
                let started = self.world.start(NAMES[environment], takes_from, plan, done).await;
                self.run = started.ok();
                self.run.is_some() && self.commit(&[Change::Run(RunEvent::Began)]).await
            }
            Happening::Steps { which, then, also } => self.steps(which, then, also).await,
            Happening::Ends { how } => self.ends(how).await,
            Happening::Killed => {
                self.processes += 1;
                let Some(run) = &mut self.run else { return false };
                let first = run.steps.iter().position(|step| step.state == StepState::Pending);
                if let Some(first) = first {
                    // Whether it would have been refused does not matter any more.
                    let _ =
                        self.world.is_killed_in(run, &[Change::Step(first, StepEvent::Started, None)]).await;
                }
                self.world.reopen().await;
                let owner = format!("engine {}", self.processes);
                self.world.take_over(run, &owner).await;
                true
            }
            Happening::Learns => {
                let now = self.world.now();
                let Some(run) = &self.run else { return false };
                let mut db = self.world.store.write().await.expect("writer");
                let image = run.id.to_string();
                let learned = Write::Deployment { source: None, image: Some(&image) };
                progress::record(&mut db, run.id, &run.owner, &[learned], &[], now).await.expect("learned");
                db.commit().await.expect("commit");
                true
            }
            Happening::Environment { which, event } => {
                let Some(environment) = self.before.environments.get(which) else { return false };
                let now = self.world.now();
                let mut db = self.world.store.write().await.expect("writer");
                if environments::tell(&mut db, environment.id, event, None, now).await.is_err() {
                    return false;
                }
                db.commit().await.expect("commit");
                true
            }
        }
    }

    /// A step that is not over goes on, maybe together with the beginning of the next one.
    async fn steps(&mut self, which: usize, then: Then, also: bool) -> bool {
        let Some(run) = &self.run else { return false };
        let open: Vec<usize> =
            (0..run.steps.len()).filter(|place| !run.steps[*place].state.is_final()).collect();
        let Some(&place) = open.get(which % open.len().max(1)) else { return false };
        let next = open.iter().copied().find(|other| *other > place);
        let failed = Reason::Error { message: "it did not work".to_owned() };
        let unnecessary = Reason::WhenFalse { when: "false".to_owned() };
        let not_reached = Reason::EarlierStepFailed { step: "another".to_owned() };
        let mut changes = Vec::new();
        match (run.steps[place].state, then) {
            (StepState::Pending, Then::IsUnnecessary) => {
                changes.push(Change::Step(place, StepEvent::Skipped, Some(&unnecessary)));
            }
            (StepState::Pending, Then::IsNotReached) => {
                changes.push(Change::Step(place, StepEvent::Skipped, Some(&not_reached)));
            }
            (StepState::Pending, Then::GoesOn | Then::Fails) => {
                changes.push(Change::Step(place, StepEvent::Started, None));
            }
            (_, Then::Fails) => changes.push(Change::Step(place, StepEvent::Failed, Some(&failed))),
            _ => changes.push(Change::Step(place, StepEvent::Succeeded, None)),
        }
        let is_pending = |place: &usize| run.steps[*place].state == StepState::Pending;
        if let Some(next) = next.filter(is_pending).filter(|_| also) {
            changes.push(Change::Step(next, StepEvent::Started, None));
        }
        self.commit(&changes).await
    }

    /// The run ends as an engine ends it: what runs has ended, what is left is skipped.
    async fn ends(&mut self, how: RunEvent) -> bool {
        let Some(run) = &self.run else { return false };
        let reason = Reason::RunStopped;
        let mut changes = Vec::new();
        for (place, step) in run.steps.iter().enumerate() {
            match (step.state, how) {
                (StepState::Running, RunEvent::EveryStepEnded) => {
                    changes.push(Change::Step(place, StepEvent::Succeeded, None));
                }
                (StepState::Running, _) => {
                    changes.push(Change::Step(place, StepEvent::Failed, Some(&reason)))
                }
                (StepState::Pending, _) => {
                    changes.push(Change::Step(place, StepEvent::Skipped, Some(&reason)))
                }
                _ => {}
            }
        }
        changes.push(Change::Run(how));
        assert!(self.commit(&changes).await, "a run can always end");
        true
    }

    async fn picture(&self) -> Picture {
        let mut db = self.world.store.read().await.expect("reader");
        Picture {
            environments: environments::of_project(&mut db, PROJECT).await.expect("environments"),
            deployments: deployments::list(&mut db, PROJECT, &Filter::default(), 1_000).await.expect("list"),
            events: events::after(&mut db, 0, u32::MAX).await.expect("events").len(),
        }
    }

    async fn look(&mut self, committed: bool) {
        let now = self.picture().await;
        if !committed {
            // A start may have gone through, and the beginning of its run been refused: that does not happen.
            assert_eq!(now, self.before, "what was refused has changed nothing");
        }
        self.one_serves_and_one_is_on_its_way(&now);
        self.every_transition_has_its_event(&now).await;
        self.environments_agree_with_their_deployments(&now);
        self.deployments_agree_with_their_runs(&now).await;
        for old in &self.before.environments {
            if old.state == EnvironmentState::Destroyed {
                let now = now.environments.iter().find(|now| now.id == old.id).expect("kept");
                assert_eq!(now.state, EnvironmentState::Destroyed, "destroyed is final");
            }
        }
        for old in &self.before.deployments {
            let new = now.deployments.iter().find(|new| new.id == old.id).expect("kept");
            if old.state.is_final() {
                assert_eq!(
                    old,
                    &Deployment { image: old.image.clone(), image_kept: old.image_kept, ..new.clone() }
                );
            }
        }
        for deployment in &now.deployments {
            *self.seen.entry(deployment.state).or_default() += 1;
        }
        self.before = now;
    }

    fn one_serves_and_one_is_on_its_way(&self, now: &Picture) {
        for environment in &now.environments {
            let mut of: Vec<&Deployment> =
                now.deployments.iter().filter(|other| other.environment_id == environment.id).collect();
            of.sort_by_key(|deployment| deployment.number);
            let numbers: Vec<u32> = of.iter().map(|deployment| deployment.number).collect();
            assert_eq!(numbers, (1..).take(of.len()).collect::<Vec<u32>>());
            assert!(of.iter().filter(|deployment| deployment.state.is_going()).count() <= 1);
            let mut served: Vec<_> = of
                .iter()
                .filter(|one| matches!(one.state, DeploymentState::Ready | DeploymentState::Superseded))
                .collect();
            served.sort_by_key(|deployment| deployment.ended_at);
            if let Some(current) = served.pop() {
                assert_eq!(current.state, DeploymentState::Ready, "the last that became ready serves");
                assert_eq!(environment.current.as_ref().map(|found| found.id), Some(current.id));
                let mut later = current;
                while let Some(earlier) = served.pop() {
                    assert_eq!(earlier.state, DeploymentState::Superseded);
                    assert_eq!(earlier.superseded_at, later.ended_at, "in the same transaction");
                    later = earlier;
                }
            } else {
                assert_eq!(environment.current, None);
            }
            assert_eq!(environment.last.as_ref(), of.last().copied());
        }
    }

    /// What the events lead to, by `next` alone, is what is stored.
    async fn every_transition_has_its_event(&self, now: &Picture) {
        let mut of_deployments: BTreeMap<DeploymentId, DeploymentState> = BTreeMap::new();
        let mut of_environments: BTreeMap<EnvironmentId, EnvironmentState> = BTreeMap::new();
        let mut db = self.world.store.read().await.expect("reader");
        for recorded in events::after(&mut db, 0, u32::MAX).await.expect("events") {
            match recorded.event {
                Event::DeploymentRecorded { deployment_id } => {
                    assert!(of_deployments.insert(deployment_id, DeploymentState::Pending).is_none());
                }
                Event::Deployment { deployment_id, event } => {
                    let state = of_deployments.get_mut(&deployment_id).expect("recorded before");
                    *state = state.next(event).expect("legal");
                }
                Event::EnvironmentRecorded { environment_id } => {
                    let first = EnvironmentState::Provisioning;
                    assert!(of_environments.insert(environment_id, first).is_none());
                }
                Event::Environment { environment_id, event } => {
                    let state = of_environments.get_mut(&environment_id).expect("recorded before");
                    *state = state.next(event).expect("legal");
                }
                _ => {}
            }
        }
        let stored = now.deployments.iter().map(|deployment| (deployment.id, deployment.state)).collect();
        assert_eq!(of_deployments, stored);
        let stored = now.environments.iter().map(|environment| (environment.id, environment.state)).collect();
        assert_eq!(of_environments, stored);
    }

    fn environments_agree_with_their_deployments(&self, now: &Picture) {
        use EnvironmentState as E;
        for environment in &now.environments {
            if environment.state == E::Destroyed {
                continue;
            }
            let last = environment.last.as_ref().expect("made by its first deployment");
            let has_current = environment.current.is_some();
            let state = environment.state;
            let is_at_rest = matches!(state, E::Running | E::Paused) == has_current
                && !matches!(state, E::Building | E::Deploying);
            let agrees = match last.state {
                DeploymentState::Pending => is_at_rest,
                DeploymentState::Building => state == E::Building,
                // What had its image from the beginning has not built.
                DeploymentState::Built => state == E::Building || is_at_rest,
                DeploymentState::Deploying => state == E::Deploying,
                DeploymentState::Ready => matches!(state, E::Running | E::Paused),
                DeploymentState::Superseded => false,
                DeploymentState::Failed | DeploymentState::Cancelled => {
                    is_at_rest && state != E::Provisioning
                }
            };
            assert!(agrees, "{state:?} with {:?}, and a current one: {has_current}", last.state);
        }
    }

    async fn deployments_agree_with_their_runs(&self, now: &Picture) {
        let mut db = self.world.store.read().await.expect("reader");
        for deployment in &now.deployments {
            let run: RunId = deployment.run_id;
            let (state, _) = runs::state(&mut db, run).await.expect("run");
            assert!(!(state.is_final() && deployment.state.is_going()), "none goes on without its run");
            assert_eq!(deployment.ended_at.is_none(), deployment.state.is_going());
            assert_eq!(deployment.error.is_some(), deployment.state == DeploymentState::Failed);
            assert_eq!(deployment.kind == DeploymentKind::Deploy, deployment.takes_from.is_none());
            let steps = steps::of_run(&mut db, run, &LogSizes::default()).await.expect("steps");
            let is_done = |step: &steadyhand_store::records::Step| {
                step.state == StepState::Completed
                    || matches!(step.reason, Some(Reason::CompletedInRun { .. }))
            };
            let of_switch = || steps.iter().filter(|step| step.stage == Some(Switch));
            let is_over = of_switch()
                .all(|step| is_done(step) || matches!(step.reason, Some(Reason::WhenFalse { .. })));
            let has_switched = is_over && of_switch().any(is_done);
            let serves = matches!(deployment.state, DeploymentState::Ready | DeploymentState::Superseded);
            assert!(!serves || has_switched, "it serves only when traffic was switched to it");
            let environment = now.environments.iter().find(|one| one.id == deployment.environment_id);
            let is_there = environment.is_some_and(|one| one.state != EnvironmentState::Destroyed);
            assert!(!(state.is_final() && has_switched && is_there) || serves, "and then always");
        }
    }
}

#[test]
fn whatever_happens_to_runs_the_promises_of_deployments_hold_in_the_database() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let mut seen: HashMap<DeploymentState, usize> = HashMap::new();
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let seen_in_all = std::cell::RefCell::new(&mut seen);
    let result = runner.run(&prop::collection::vec(happening(), 20..140), |happenings| {
        let seen = runtime.block_on(async {
            let world = World::new().await;
            let mut random =
                Random { before: Picture::default(), world, run: None, processes: 0, seen: HashMap::new() };
            random.before = random.picture().await;
            for happening in &happenings {
                let committed = random.happens(happening).await;
                random.look(committed).await;
            }
            random.seen
        });
        for (state, times) in seen {
            *seen_in_all.borrow_mut().entry(state).or_default() += times;
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    for state in [
        DeploymentState::Pending,
        DeploymentState::Building,
        DeploymentState::Built,
        DeploymentState::Deploying,
        DeploymentState::Ready,
        DeploymentState::Superseded,
        DeploymentState::Failed,
        DeploymentState::Cancelled,
    ] {
        assert!(seen.contains_key(&state), "no sequence has come to {state:?}");
    }
}
