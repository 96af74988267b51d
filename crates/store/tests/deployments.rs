//! Deployments in the database: how they follow the runs that make them.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

mod deploying;

use deploying::{Change, PROJECT, Run, World, each};
use steadyhand_domain::{
    DeploymentEvent, DeploymentState, EnvironmentEvent, EnvironmentState, Guard, Reason, RunEvent, Stage,
    StepEvent,
};
use steadyhand_store::{
    StoreError,
    deployments::{self, Filter},
    environments,
    events::{self, Event},
    progress::{self, Write},
    projects,
    records::{Deployment, DeploymentKind, DeploymentSource, Environment, SourceKind},
};

use DeploymentState as D;
use EnvironmentState as E;

const PIPELINE: [Stage; 6] =
    [Stage::Fetch, Stage::Build, Stage::Start, Stage::Health, Stage::Switch, Stage::Drain];
const RELEASE: [Stage; 3] = [Stage::Start, Stage::Switch, Stage::Drain];

const fn began(place: usize) -> Change<'static> {
    Change::Step(place, StepEvent::Started, None)
}

const fn done(place: usize) -> Change<'static> {
    Change::Step(place, StepEvent::Succeeded, None)
}

const fn failed<'a>(place: usize, reason: &'a Reason) -> Change<'a> {
    Change::Step(place, StepEvent::Failed, Some(reason))
}

const fn skipped<'a>(place: usize, reason: &'a Reason) -> Change<'a> {
    Change::Step(place, StepEvent::Skipped, Some(reason))
}

async fn must(world: &mut World, run: &mut Run, changes: &[Change<'_>]) {
    world.commit(run, changes).await.expect("recorded");
}

impl World {
    async fn deployment(&self, run: &Run) -> Deployment {
        let mut db = self.store.read().await.expect("reader");
        deployments::of_run(&mut db, run.id).await.expect("read").expect("there")
    }

    async fn environment(&self, name: &str) -> Environment {
        let mut db = self.store.read().await.expect("reader");
        environments::by_name(&mut db, PROJECT, name).await.expect("read").expect("there")
    }

    /// What the deployment of a run is, and its environment.
    async fn states(&self, run: &Run) -> (DeploymentState, EnvironmentState) {
        let deployment = self.deployment(run).await;
        let state = deployment.state;
        (state, self.environment(&deployment.environment).await.state)
    }
}

/// Deploys the whole pipeline well.
async fn deploy(world: &mut World, environment: &str) -> Run {
    let mut run = world.start(environment, None, &each(&PIPELINE), 0).await.expect("started");
    must(world, &mut run, &[Change::Run(RunEvent::Began)]).await;
    for place in 0..PIPELINE.len() {
        must(world, &mut run, &[began(place), done(place)]).await;
    }
    must(world, &mut run, &[Change::Run(RunEvent::EveryStepEnded)]).await;
    run
}

/// Says that the image of a run's deployment is there and kept.
async fn learn(world: &mut World, run: &Run, image: &str) {
    let now = world.now();
    let mut db = world.store.write().await.expect("writer");
    let learned = Write::Deployment { source: None, image: Some(image) };
    progress::record(&mut db, run.id, &run.owner, &[learned], &[], now).await.expect("learned");
    db.commit().await.expect("commit");
}

#[tokio::test]
async fn a_deployment_goes_through_its_states_as_its_steps_do() {
    let mut world = World::new().await;
    let mut run = world.start("production", None, &each(&PIPELINE), 0).await.expect("started");
    assert_eq!(world.states(&run).await, (D::Pending, E::Provisioning));
    for (changes, expected) in [
        (&[Change::Run(RunEvent::Began), began(0)][..], (D::Building, E::Building)),
        (&[done(0), began(1)], (D::Building, E::Building)),
        // The end of one step and the beginning of the next are one commit.
        (&[done(1), began(2)], (D::Deploying, E::Deploying)),
        (&[done(2), began(3)], (D::Deploying, E::Deploying)),
        (&[done(3), began(4)], (D::Deploying, E::Deploying)),
        (&[done(4), began(5)], (D::Ready, E::Running)),
        (&[done(5), Change::Run(RunEvent::EveryStepEnded)], (D::Ready, E::Running)),
    ] {
        must(&mut world, &mut run, changes).await;
        assert_eq!(world.states(&run).await, expected);
    }
    let deployment = world.deployment(&run).await;
    let mut db = world.store.read().await.expect("reader");
    let told: Vec<DeploymentEvent> = events::of_run(&mut db, run.id)
        .await
        .expect("events")
        .into_iter()
        .filter_map(|recorded| match recorded.event {
            Event::Deployment { deployment_id, event } if deployment_id == deployment.id => Some(event),
            _ => None,
        })
        .collect();
    use DeploymentEvent::{BuildBegan, ImageReady, ReleaseBegan, Switched};
    assert_eq!(told, [BuildBegan, ImageReady, ReleaseBegan, Switched]);
    assert_eq!((deployment.number, deployment.error, deployment.superseded_at), (1, None, None));
}

#[tokio::test]
async fn the_one_before_is_superseded_when_a_later_one_serves() {
    let mut world = World::new().await;
    let first = deploy(&mut world, "production").await;
    let elsewhere = deploy(&mut world, "staging").await;
    let second = deploy(&mut world, "production").await;
    let (first, second) = (world.deployment(&first).await, world.deployment(&second).await);
    assert_eq!((first.state, first.superseded_at), (D::Superseded, second.ended_at));
    assert_eq!((second.state, second.number), (D::Ready, 2));
    assert_eq!(world.deployment(&elsewhere).await.state, D::Ready);
    let production = world.environment("production").await;
    assert_eq!(production.current.map(|current| current.id), Some(second.id));
}

#[tokio::test]
async fn a_failure_before_the_switch_leaves_the_old_one_serving_and_says_which_step_it_was() {
    let mut world = World::new().await;
    let first = deploy(&mut world, "production").await;
    let mut run = world.start("production", None, &each(&PIPELINE), 3).await.expect("started");
    assert_eq!(world.states(&run).await, (D::Built, E::Running));
    must(&mut world, &mut run, &[Change::Run(RunEvent::Began), began(3)]).await;
    assert_eq!(world.states(&run).await, (D::Deploying, E::Deploying));
    let reason = Reason::Error { message: "it answered 502".to_owned() };
    let after = Reason::EarlierStepFailed { step: "step 3".to_owned() };
    let end = [failed(3, &reason), skipped(4, &after), skipped(5, &after), Change::Run(RunEvent::StepFailed)];
    must(&mut world, &mut run, &end).await;
    assert_eq!(world.states(&run).await, (D::Failed, E::Running));
    let deployment = world.deployment(&run).await;
    assert_eq!(deployment.error.as_deref(), Some("“step 3” on web1: it answered 502"));
    assert_eq!(world.states(&first).await.0, D::Ready);
    let production = world.environment("production").await;
    assert_eq!(production.last.map(|last| last.state), Some(D::Failed));
}

#[tokio::test]
async fn a_failure_after_the_switch_does_not_fail_the_deployment() {
    let mut world = World::new().await;
    let mut run = world.start("production", None, &each(&PIPELINE), 0).await.expect("started");
    must(&mut world, &mut run, &[Change::Run(RunEvent::Began)]).await;
    for place in 0..5 {
        must(&mut world, &mut run, &[began(place), done(place)]).await;
    }
    let reason = Reason::RunStopped;
    must(&mut world, &mut run, &[began(5), failed(5, &reason), Change::Run(RunEvent::StepFailed)]).await;
    assert_eq!(world.states(&run).await, (D::Ready, E::Running));
    assert_eq!(world.deployment(&run).await.error, None);
}

#[tokio::test]
async fn a_stopped_run_cancels_its_deployment_also_before_any_step_has_begun() {
    let mut world = World::new().await;
    let mut run = world.start("production", None, &each(&PIPELINE), 0).await.expect("started");
    must(&mut world, &mut run, &[Change::Run(RunEvent::Began), Change::Run(RunEvent::Stopped)]).await;
    assert_eq!(world.states(&run).await, (D::Cancelled, E::Failed));
    let first = deploy(&mut world, "production").await;
    let mut run = world.start("production", None, &each(&PIPELINE), 0).await.expect("started");
    must(&mut world, &mut run, &[Change::Run(RunEvent::Began), began(0)]).await;
    let stopped = [failed(0, &Reason::RunStopped), Change::Run(RunEvent::Stopped)];
    must(&mut world, &mut run, &stopped).await;
    assert_eq!(world.states(&run).await, (D::Cancelled, E::Running));
    assert_eq!(world.states(&first).await.0, D::Ready);
}

#[tokio::test]
async fn a_switch_that_completes_while_the_run_is_stopped_has_switched() {
    let mut world = World::new().await;
    let mut run = world.start("production", None, &each(&PIPELINE), 4).await.expect("started");
    must(&mut world, &mut run, &[Change::Run(RunEvent::Began), began(4)]).await;
    let stopped = [done(4), skipped(5, &Reason::RunStopped), Change::Run(RunEvent::Stopped)];
    must(&mut world, &mut run, &stopped).await;
    assert_eq!(world.states(&run).await, (D::Ready, E::Running));
}

#[tokio::test]
async fn a_run_that_completes_without_a_switch_has_not_deployed() {
    let not_wanted = Reason::WhenFalse { when: "false".to_owned() };
    for carried_out in [0, 2, 4] {
        let mut world = World::new().await;
        let mut run = world.start("production", None, &each(&PIPELINE), 0).await.expect("started");
        must(&mut world, &mut run, &[Change::Run(RunEvent::Began)]).await;
        for place in 0..carried_out {
            must(&mut world, &mut run, &[began(place), done(place)]).await;
        }
        let mut rest: Vec<Change<'_>> =
            (carried_out..PIPELINE.len()).map(|place| skipped(place, &not_wanted)).collect();
        rest.push(Change::Run(RunEvent::EveryStepEnded));
        must(&mut world, &mut run, &rest).await;
        assert_eq!(world.states(&run).await, (D::Failed, E::Failed), "{carried_out}");
        let error = world.deployment(&run).await.error.expect("a cause");
        assert!(error.contains("without switching traffic"), "{error}");
    }
}

#[tokio::test]
async fn unnecessary_steps_do_not_hold_a_deployment_up() {
    let mut world = World::new().await;
    let held = Reason::GuardHeld { guard: Guard::Creates, what: "/img".to_owned() };
    let mut run = world.start("production", None, &each(&PIPELINE), 0).await.expect("started");
    let first = [Change::Run(RunEvent::Began), skipped(0, &held), skipped(1, &held), skipped(2, &held)];
    must(&mut world, &mut run, &first).await;
    assert_eq!(world.states(&run).await, (D::Built, E::Provisioning));
    must(&mut world, &mut run, &[began(3)]).await;
    assert_eq!(world.states(&run).await, (D::Deploying, E::Deploying));
    must(&mut world, &mut run, &[done(3), began(4), done(4)]).await;
    assert_eq!(world.states(&run).await, (D::Ready, E::Running));
}

#[tokio::test]
async fn the_image_is_there_and_traffic_is_switched_when_that_is_so_on_all_hosts() {
    let mut world = World::new().await;
    let two = [Stage::Build, Stage::Start, Stage::Switch];
    let stages = each(&[two, two].concat());
    let mut run = world.start("production", None, &stages, 0).await.expect("started");
    must(&mut world, &mut run, &[Change::Run(RunEvent::Began), began(0), began(3)]).await;
    // One host is ahead of the other.
    must(&mut world, &mut run, &[done(0), began(1)]).await;
    assert_eq!(world.states(&run).await.0, D::Building);
    must(&mut world, &mut run, &[done(3)]).await;
    assert_eq!(world.states(&run).await.0, D::Deploying);
    must(&mut world, &mut run, &[done(1), began(2), done(2), began(4), done(4), began(5)]).await;
    assert_eq!(world.states(&run).await.0, D::Deploying);
    must(&mut world, &mut run, &[done(5)]).await;
    assert_eq!(world.states(&run).await.0, D::Ready);
}

#[tokio::test]
async fn a_failure_of_the_build_that_does_not_count_does_not_keep_the_release_from_beginning() {
    let mut world = World::new().await;
    let stages = each(&[Stage::Build, Stage::Build, Stage::Start, Stage::Switch]);
    let mut run = world.start("production", None, &stages, 0).await.expect("started");
    let reason = Reason::Error { message: "no cache".to_owned() };
    must(&mut world, &mut run, &[Change::Run(RunEvent::Began), began(0), failed(0, &reason)]).await;
    must(&mut world, &mut run, &[began(1), done(1)]).await;
    assert_eq!(world.states(&run).await.0, D::Building);
    must(&mut world, &mut run, &[began(2), done(2), began(3), done(3)]).await;
    assert_eq!(world.states(&run).await.0, D::Ready);
}

#[tokio::test]
async fn a_rollback_has_its_image_from_the_start() {
    let mut world = World::new().await;
    let first = deploy(&mut world, "production").await;
    let kept = world.deployment(&first).await.id;
    let refused = world.start("production", Some(kept), &each(&RELEASE), 0).await;
    assert!(matches!(refused, Err(StoreError::NotToBeBroughtBack { number: 1, .. })));
    learn(&mut world, &first, "sha256:1").await;
    let second = deploy(&mut world, "production").await;
    let elsewhere = world.start("staging", Some(kept), &each(&RELEASE), 0).await;
    assert!(matches!(elsewhere, Err(StoreError::NotToBeBroughtBack { .. })));
    let mut run = world.start("production", Some(kept), &each(&RELEASE), 0).await.expect("started");
    let deployment = world.deployment(&run).await;
    assert_eq!((deployment.state, deployment.kind), (D::Built, DeploymentKind::Rollback));
    assert_eq!((deployment.image.as_deref(), deployment.takes_from_number), (Some("sha256:1"), Some(1)));
    must(&mut world, &mut run, &[Change::Run(RunEvent::Began), began(0), done(0), began(1), done(1)]).await;
    assert_eq!(world.states(&run).await, (D::Ready, E::Running));
    assert_eq!(world.states(&second).await.0, D::Superseded);
    assert_eq!(world.states(&first).await.0, D::Superseded);
    let production = world.environment("production").await.id;
    let mut db = world.store.read().await.expect("reader");
    let kept = deployments::kept(&mut db, production).await.expect("kept");
    assert_eq!(kept.iter().map(|kept| kept.number).collect::<Vec<_>>(), [3, 1]);
}

#[tokio::test]
async fn a_build_that_begins_though_the_image_is_there_is_refused_by_name_and_the_run_can_still_fail() {
    let mut world = World::new().await;
    let first = deploy(&mut world, "production").await;
    learn(&mut world, &first, "sha256:1").await;
    let kept = world.deployment(&first).await.id;
    let mut run = world.start("production", Some(kept), &each(&PIPELINE), 0).await.expect("started");
    let refused = world.commit(&mut run, &[Change::Run(RunEvent::Began), began(0)]).await;
    let message = refused.expect_err("refused").to_string();
    assert_eq!(message, "a deployment that is Built cannot take the event BuildBegan");
    assert_eq!(world.states(&run).await, (D::Built, E::Running));
    let reason = Reason::Error { message };
    let mut end =
        vec![Change::Run(RunEvent::Began), Change::Run(RunEvent::StepFailed), began(0), failed(0, &reason)];
    end.extend((1..PIPELINE.len()).map(|place| skipped(place, &reason)));
    must(&mut world, &mut run, &end).await;
    assert_eq!(world.states(&run).await, (D::Failed, E::Running));
}

#[tokio::test]
async fn a_paused_environment_is_paused_again_when_a_deployment_comes_to_nothing() {
    let mut world = World::new().await;
    deploy(&mut world, "production").await;
    let id = world.environment("production").await.id;
    let now = world.now();
    let mut db = world.store.write().await.expect("writer");
    environments::tell(&mut db, id, EnvironmentEvent::Paused, None, now).await.expect("paused");
    db.commit().await.expect("commit");
    let mut run = world.start("production", None, &each(&PIPELINE), 0).await.expect("started");
    must(&mut world, &mut run, &[Change::Run(RunEvent::Began), began(0), done(0), began(1), done(1)]).await;
    must(&mut world, &mut run, &[began(2)]).await;
    assert_eq!(world.states(&run).await, (D::Deploying, E::Deploying));
    must(&mut world, &mut run, &[failed(2, &Reason::RunStopped), Change::Run(RunEvent::Stopped)]).await;
    assert_eq!(world.states(&run).await, (D::Cancelled, E::Paused));
}

#[tokio::test]
async fn an_environment_is_not_deployed_to_twice_at_once_nor_once_it_was_destroyed() {
    let mut world = World::new().await;
    let mut run = world.start("production", None, &each(&PIPELINE), 0).await.expect("started");
    must(&mut world, &mut run, &[Change::Run(RunEvent::Began), began(0)]).await;
    let refused = world.start("production", None, &each(&PIPELINE), 0).await.err().expect("refused");
    assert_eq!(
        refused.to_string(),
        "deployment 1 to “production” is under way in run 1; wait for it, or cancel it first"
    );
    let id = world.environment("production").await.id;
    let now = world.now();
    let mut db = world.store.write().await.expect("writer");
    environments::tell(&mut db, id, EnvironmentEvent::Destroyed, None, now).await.expect("destroyed");
    db.commit().await.expect("commit");
    must(&mut world, &mut run, &[done(0), began(1), done(1)]).await;
    let refused = world.commit(&mut run, &[began(2)]).await.expect_err("refused");
    assert_eq!(refused.to_string(), "an environment that is Destroyed cannot take the event ReleaseBegan");
    // The engine fails the run as a whole then.
    let reason = Reason::Error { message: refused.to_string() };
    let mut end = vec![Change::Run(RunEvent::StepFailed), began(2), failed(2, &reason)];
    end.extend((3..PIPELINE.len()).map(|place| skipped(place, &reason)));
    must(&mut world, &mut run, &end).await;
    assert_eq!(world.states(&run).await, (D::Failed, E::Destroyed));
    let refused = world.start("production", None, &each(&PIPELINE), 0).await.err().expect("refused");
    assert!(matches!(refused, StoreError::EnvironmentDestroyed(name) if name == "production"));
}

#[tokio::test]
async fn another_process_goes_on_where_a_killed_one_was() {
    let mut world = World::new().await;
    let mut run = world.start("production", None, &each(&PIPELINE), 0).await.expect("started");
    must(&mut world, &mut run, &[Change::Run(RunEvent::Began), began(0), done(0), began(1)]).await;
    world.is_killed_in(&mut run, &[done(1), began(2)]).await.expect("recorded");
    world.reopen().await;
    assert_eq!(world.states(&run).await, (D::Building, E::Building));
    world.take_over(&mut run, "another").await;
    must(&mut world, &mut run, &[done(1), began(2), done(2), began(3), done(3), began(4), done(4)]).await;
    assert_eq!(world.states(&run).await, (D::Ready, E::Running));
}

#[tokio::test]
async fn what_a_step_has_learned_is_recorded_with_it() {
    let mut world = World::new().await;
    let run = world.start("production", None, &each(&PIPELINE), 0).await.expect("started");
    let source = DeploymentSource {
        kind: SourceKind::Git,
        from: "git@example.com:acme/shop.git".to_owned(),
        branch: Some("main".to_owned()),
        commit: Some("0123456789abcdef".to_owned()),
        author: Some("Ada".to_owned()),
        message: None,
        link: None,
        sha256: None,
    };
    let now = world.now();
    let mut db = world.store.write().await.expect("writer");
    let learned = Write::Deployment { source: Some(&source), image: None };
    progress::record(&mut db, run.id, &run.owner, &[learned], &[], now).await.expect("learned");
    db.commit().await.expect("commit");
    learn(&mut world, &run, "sha256:1").await;
    let deployment = world.deployment(&run).await;
    assert_eq!((deployment.source, deployment.image.as_deref()), (Some(source), Some("sha256:1")));
    assert!(deployment.image_kept);
    let mut db = world.store.read().await.expect("reader");
    let told = events::of_run(&mut db, run.id).await.expect("events");
    assert_eq!(told.iter().filter(|told| told.event == Event::DeploymentLearned).count(), 2);
}

#[tokio::test]
async fn stages_have_their_times_from_their_steps() {
    let mut world = World::new().await;
    let stages = each(&[Stage::Build, Stage::Build, Stage::Switch]);
    let mut run = world.start("production", None, &stages, 0).await.expect("started");
    must(&mut world, &mut run, &[Change::Run(RunEvent::Began), began(0)]).await;
    must(&mut world, &mut run, &[began(1), done(0)]).await;
    let times = |world: &World, run: &Run| {
        let (store, id) = (world.store.clone(), run.id);
        async move {
            let mut db = store.read().await.expect("reader");
            deployments::stages(&mut db, id).await.expect("stages")
        }
    };
    let [build, switch] = &times(&world, &run).await[..] else { panic!("two stages") };
    assert_eq!((build.stage, build.ended_at, build.steps.running), (Stage::Build, None, 1));
    assert!(build.started_at.is_some());
    assert_eq!((switch.stage, switch.started_at, switch.steps.pending), (Stage::Switch, None, 1));
    must(&mut world, &mut run, &[done(1)]).await;
    let build = times(&world, &run).await.remove(0);
    assert!(build.ended_at > build.started_at);
}

#[tokio::test]
async fn lists_are_filtered_and_paged_and_go_with_their_project() {
    let mut world = World::new().await;
    for environment in ["production", "staging", "production", "production"] {
        deploy(&mut world, environment).await;
    }
    let production = world.environment("production").await.id;
    let list = |filter: Filter<'static>, limit| {
        let store = world.store.clone();
        async move {
            let mut db = store.read().await.expect("reader");
            let found = deployments::list(&mut db, PROJECT, &filter, limit).await.expect("list");
            found
                .into_iter()
                .map(|found| (found.environment.clone(), found.number, found.id))
                .collect::<Vec<_>>()
        }
    };
    let names = |found: &[(String, u32, _)]| {
        found.iter().map(|(name, number, _)| format!("{name} {number}")).collect::<Vec<_>>()
    };
    let all = list(Filter::default(), 10).await;
    assert_eq!(names(&all), ["production 3", "production 2", "staging 1", "production 1"]);
    let before = Some(all[1].2);
    let older = list(Filter { before, ..Filter::default() }, 1).await;
    assert_eq!(names(&older), ["staging 1"]);
    let states = &[DeploymentState::Superseded];
    let gone = list(Filter { environment: Some(production), states, before: None }, 10).await;
    assert_eq!(names(&gone), ["production 2", "production 1"]);
    let mut db = world.store.write().await.expect("writer");
    let second = deployments::by_number(&mut db, production, 2).await.expect("read").expect("there");
    assert_eq!(deployments::get(&mut db, second.id).await.expect("read"), Some(second));
    projects::remove(&mut db, PROJECT, steadyhand_domain::Timestamp(9_000_000)).await.expect("removed");
    assert!(environments::of_project(&mut db, PROJECT).await.expect("read").is_empty());
    assert!(deployments::list(&mut db, PROJECT, &Filter::default(), 10).await.expect("read").is_empty());
}
