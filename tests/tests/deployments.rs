//! Deployments of real runs: they follow what the engine records, whichever process executes it.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use futures::StreamExt;
use steadyhand_api::{
    Api, DeploymentAction, ListDeployments, OfDeployment, OfProject, OpenOptions, Shell, Update,
    records::{Deployment, DeploymentSource, RunSummary, SourceKind},
};
use steadyhand_deploy::AppStages;
use steadyhand_domain::{DeploymentState, EnvironmentState, ProjectId, RunId, RunState, Stage, Trigger};
use steadyhand_engine::{
    Again, Engine, EngineError, EngineOptions, Look, NewDeployment, NewRun, PlanPlace, RunOptions, RunSpec,
};
use steadyhand_remote::Config;
use steadyhand_store::{Store, StoreError, deployments, environments, projects};
use steadyhand_tests::{app::PATIENCE, command::steady};
use tokio::time::timeout;

const STAGES: [Stage; 5] = [Stage::Fetch, Stage::Build, Stage::Start, Stage::Switch, Stage::Drain];

fn project() -> ProjectId {
    "00000000-0000-0000-0000-000000000001".parse().expect("an identifier")
}

async fn engine(folder: &Path) -> Engine {
    let store = Store::open(&folder.join("data")).await.expect("a store");
    let remote = Config { local_home: Some(folder.to_owned()), ..Config::default() };
    let secrets = Arc::new(|_| Ok(Vec::new()));
    let stages = Arc::new(AppStages);
    Engine::open(EngineOptions { store, remote, secrets, stages, takes_over: true }).await.expect("an engine")
}

/// An engine whose store has a project.
async fn with_project(folder: &Path) -> Engine {
    let engine = engine(folder).await;
    let mut db = engine.store().write().await.expect("writer");
    projects::insert(&mut db, project(), "shop", false, steadyhand_engine::now()).await.expect("a project");
    db.commit().await.expect("commit");
    engine
}

/// A run on this machine with a step of each stage. Each adds its name to `ran`, then runs its part of `scripts`.
async fn new(engine: &Engine, folder: &Path, scripts: [&str; STAGES.len()]) -> NewRun {
    let mut source = "name: shop\ntasks:\n  release:\n    on: local\n    steps:\n".to_owned();
    for (stage, script) in STAGES.iter().zip(scripts) {
        source.push_str(&format!(
            "      - name: {stage:?}\n        run: |\n          echo {stage:?} >> ran\n          {script}\n"
        ));
    }
    let place = PlanPlace { folder: Some(folder.to_owned()), name: None };
    let compiled =
        engine.compile(&source, &place, &RunOptions::default(), Look::Again).await.expect("a plan");
    let mut plan = compiled.plan;
    for (step, stage) in plan.steps.iter_mut().zip(STAGES) {
        step.stage = Some(stage);
    }
    let from = "https://example.com/shop.git".to_owned();
    let (branch, commit) = (Some("main".to_owned()), Some("1a2b3c4d5e6f".to_owned()));
    let (author, message, link, sha256) = (None, None, None, None);
    let kind = SourceKind::Git;
    let source = DeploymentSource { kind, from, branch, commit, author, message, link, sha256 };
    NewRun {
        project_id: project(),
        trigger: Trigger::Window,
        started_by: "ada".to_owned(),
        plan_sha256: "p".to_owned(),
        spec: RunSpec::new(Some(project()), plan, Some(folder.to_owned())),
        done: BTreeMap::new(),
        deployment: Some(NewDeployment {
            environment: "production".to_owned(),
            takes_from: None,
            source: Some(source),
            image: None,
        }),
        stops: None,
    }
}

/// Waits until what is stored of a run's deployment is as wanted.
async fn until(engine: &Engine, run: RunId, is_so: impl Fn(&Deployment, &RunSummary) -> bool) -> Deployment {
    let mut changes = engine.changes();
    loop {
        // A commit may come between two looks: the deployment is looked at last, so that it is not older than the run.
        let known = engine.summary(run).await.expect("a run");
        let found = {
            let mut db = engine.store().read().await.expect("reader");
            deployments::of_run(&mut db, run).await.expect("read").expect("there")
        };
        if is_so(&found, &known) {
            return found;
        }
        // A listener that has missed something looks again as well.
        let _ = timeout(PATIENCE, changes.recv()).await.unwrap_or_else(|_| panic!("it stays {found:?}"));
    }
}

async fn ended(engine: &Engine, run: RunId) -> Deployment {
    until(engine, run, |_, run| run.state.is_final()).await
}

async fn environment(engine: &Engine) -> EnvironmentState {
    let mut db = engine.store().read().await.expect("reader");
    let found = environments::by_name(&mut db, project(), "production").await.expect("read");
    found.expect("there").state
}

fn ran(folder: &Path) -> Vec<String> {
    fs::read_to_string(folder.join("ran")).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_release_that_fails_leaves_the_old_one_serving_and_the_rest_of_it_can_be_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let engine = with_project(folder).await;
    let good = new(&engine, folder, ["true"; 5]).await;
    let first = engine.start(good).await.expect("started").id;
    assert_eq!(ended(&engine, first).await.state, DeploymentState::Ready);
    fs::remove_file(folder.join("ran")).expect("the first one's traces");

    let bad = new(&engine, folder, ["true", "true", "[ -e mended ]", "true", "true"]).await;
    let second = engine.start(bad).await.expect("started").id;
    let failed = ended(&engine, second).await;
    assert_eq!(failed.state, DeploymentState::Failed);
    assert_eq!(failed.error.as_deref(), Some("“Start” on local: exit status 1"));
    assert_eq!(environment(&engine).await, EnvironmentState::Running);
    let current = |engine: &Engine| {
        let engine = engine.clone();
        async move {
            let mut db = engine.store().read().await.expect("reader");
            let found = environments::by_name(&mut db, project(), "production").await.expect("read");
            found.expect("there").current.expect("a current one").run_id
        }
    };
    assert_eq!(current(&engine).await, first);

    fs::write(folder.join("mended"), "").expect("mended");
    let third = engine.retry(second, Again::Rest, "ada").await.expect("started").id;
    let ready = ended(&engine, third).await;
    assert_eq!((ready.state, ready.number), (DeploymentState::Ready, 3));
    assert_eq!(ready.source, failed.source, "its source was fetched by the run before");
    assert_eq!(current(&engine).await, third);
    assert_eq!(ran(folder), ["Fetch", "Build", "Start", "Start", "Switch", "Drain"]);

    let fourth = engine.retry(third, Again::Whole, "ada").await.expect("started").id;
    let again = ended(&engine, fourth).await;
    let source = again.source.expect("where it comes from");
    assert_eq!((source.branch.as_deref(), source.commit), (Some("main"), None));
    engine.close().await;
}

#[tokio::test]
async fn what_fails_after_the_switch_is_tried_again_without_another_deployment() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let engine = with_project(folder).await;
    let run = new(&engine, folder, ["true", "true", "true", "true", "[ -e mended ]"]).await;
    let run = engine.start(run).await.expect("started").id;
    assert_eq!(ended(&engine, run).await.state, DeploymentState::Ready);
    assert_eq!(engine.summary(run).await.expect("a run").state, RunState::Failed);
    fs::write(folder.join("mended"), "").expect("mended");
    let rest = engine.retry(run, Again::Rest, "ada").await.expect("started").id;
    let mut changes = engine.changes();
    while !engine.summary(rest).await.expect("a run").state.is_final() {
        let _ = timeout(PATIENCE, changes.recv()).await.expect("it ends");
    }
    let mut db = engine.store().read().await.expect("reader");
    assert_eq!(deployments::of_run(&mut db, rest).await.expect("read"), None);
    drop(db);
    assert_eq!(environment(&engine).await, EnvironmentState::Running);
    engine.close().await;
}

#[tokio::test]
async fn a_stop_while_it_builds_cancels_it_and_until_then_it_holds_its_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let engine = with_project(folder).await;
    let slow =
        new(&engine, folder, ["true", "while [ ! -e go ]; do sleep 0.05; done", "true", "true", "true"])
            .await;
    let run = engine.start(slow).await.expect("started").id;
    until(&engine, run, |found, _| found.state == DeploymentState::Building).await;
    assert_eq!(environment(&engine).await, EnvironmentState::Building);
    let other = new(&engine, folder, ["true"; 5]).await;
    let refused = engine.start(other).await.expect_err("refused");
    assert!(matches!(refused, EngineError::Store(StoreError::DeploymentUnderWay { number: 1, run: 1, .. })));
    engine.stop(run, "ada").await.expect("asked");
    let cancelled = ended(&engine, run).await;
    assert_eq!((cancelled.state, cancelled.error), (DeploymentState::Cancelled, None));
    assert_eq!(environment(&engine).await, EnvironmentState::Failed);
    engine.close().await;
}

#[tokio::test]
async fn another_process_goes_on_with_a_deployment_and_whoever_listens_hears_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let first = with_project(folder).await;
    let slow =
        new(&first, folder, ["true", "while [ ! -e go ]; do sleep 0.05; done", "true", "true", "true"]).await;
    let run = first.start(slow).await.expect("started").id;
    // Its second step has begun.
    until(&first, run, |found, run| found.state == DeploymentState::Building && run.steps.completed == 1)
        .await;
    first.close().await;
    let options = OpenOptions { data_dir: Some(folder.join("data")), shell: Shell::Command };
    let api = Api::open(options).await.expect("open");
    let mut updates = api.updates();
    let second = engine(folder).await;
    fs::write(folder.join("go"), "").expect("it may go on");
    let ready = ended(&second, run).await;
    assert_eq!(ready.state, DeploymentState::Ready);
    assert_eq!(ran(folder), ["Fetch", "Build", "Start", "Switch", "Drain"], "nothing was done twice");

    let (mut deployment, mut environment) = (None, None);
    while deployment != Some(DeploymentState::Ready) || environment != Some(EnvironmentState::Running) {
        for update in timeout(PATIENCE, updates.next()).await.expect("it is told").expect("it goes on") {
            match update {
                Update::Deployment { deployment: told } => deployment = Some(told.state),
                Update::Environment { environment: told } => environment = Some(told.state),
                _ => {}
            }
        }
    }
    let environments = api.environments(OfProject { project_id: project() }).await.expect("environments");
    assert_eq!(environments[0].current.as_ref().map(|current| current.id), Some(ready.id));
    let list = |states| ListDeployments {
        project_id: project(),
        environment_id: Some(environments[0].id),
        states,
        before: None,
        limit: 10,
    };
    assert_eq!(api.deployments(list(Vec::new())).await.expect("a list"), std::slice::from_ref(&ready));
    assert!(api.deployments(list(vec![DeploymentState::Failed])).await.expect("a list").is_empty());
    let detail = api.deployment(OfDeployment { deployment_id: ready.id }).await.expect("the deployment");
    assert_eq!(detail.stages.iter().map(|times| times.stage).collect::<Vec<_>>(), STAGES);
    assert!(
        detail.stages.iter().all(|times| times.started_at <= times.ended_at && times.started_at.is_some())
    );
    assert_eq!(detail.run.id, run);
    let rollback = detail.actions.iter().find(|action| action.action == DeploymentAction::Rollback);
    assert_eq!(rollback.and_then(|action| action.why_not.as_deref()), Some("It is the current one."));
    api.shutdown().await;
    second.close().await;

    let listed = steady(&folder.join("data"), &["deployments"]).output().await.expect("it runs");
    let listed = String::from_utf8(listed.stdout).expect("text");
    let of: Vec<&str> = listed.lines().filter(|line| line.contains("shop/production/1")).collect();
    assert!(of.len() == 1 && of[0].contains("ready") && of[0].contains("main 1a2b3c4d"), "{listed}");
}

#[tokio::test]
async fn a_run_of_steps_without_stages_does_not_leave_its_deployment_on_its_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let engine = with_project(folder).await;
    let mut run = new(&engine, folder, ["true"; 5]).await;
    for step in &mut run.spec.plan.steps {
        step.stage = None;
    }
    let run = engine.start(run).await.expect("started").id;
    let failed = ended(&engine, run).await;
    assert_eq!(failed.state, DeploymentState::Failed);
    assert!(failed.error.is_some_and(|error| error.contains("without switching traffic")));
    assert_eq!(engine.summary(run).await.expect("a run").state, RunState::Completed);
    engine.close().await;
}
