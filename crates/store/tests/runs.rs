//! Runs in the database: who may change them, and what is told of it.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::path::Path;

use steadyhand_domain::{
    Desired, ProjectId, RunEvent, RunId, RunState, StepEvent, StepId, StepOutcome, StepState, Timestamp,
    Trigger,
};
use steadyhand_store::{
    Store, StoreError, Writer,
    events::{self, Event},
    projects, runs,
    steps::{self, LogSizes, NewStep},
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_000_000);
const LATER: Timestamp = Timestamp(1_010_000);
const PROJECT: ProjectId = ProjectId(Uuid::from_u128(1));
const RUN: RunId = RunId(Uuid::from_u128(2));
const STEP: StepId = StepId(Uuid::from_u128(3));

async fn record(db: &mut Writer, id: RunId, now: Timestamp) -> Result<u32, StoreError> {
    let run = runs::NewRun {
        id,
        project_id: PROJECT,
        trigger: Trigger::Chat,
        started_by: "ada",
        plan_sha256: "p",
        rendered_sha256: "r",
        compiled_json: "{}",
    };
    runs::insert(db, &run, now).await
}

/// A store with one project, one run and one step.
async fn store(folder: &Path) -> Store {
    let store = Store::open(folder).await.expect("store");
    let mut db = store.write().await.expect("writer");
    projects::insert(&mut db, PROJECT, "shop", false, NOW).await.expect("project");
    record(&mut db, RUN, NOW).await.expect("run");
    let step = NewStep { id: STEP, index: 0, task: "deploy", host: "web1", name: "Build", kind: "run" };
    steps::insert(&mut db, RUN, &[step]).await.expect("step");
    db.commit().await.expect("commit");
    store
}

#[tokio::test]
async fn a_run_is_taken_by_another_owner_only_when_its_lease_has_lapsed_or_its_owner_is_gone() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path()).await;
    let mut db = store.write().await.expect("writer");
    assert!(runs::claim(&mut db, RUN, "first", None, LATER, NOW).await.expect("claim"));
    assert!(!runs::claim(&mut db, RUN, "second", None, LATER, NOW).await.expect("claim"), "the lease holds");
    assert!(!runs::claim(&mut db, RUN, "second", Some("third"), LATER, NOW).await.expect("claim"));
    assert!(
        runs::claim(&mut db, RUN, "second", Some("first"), LATER, NOW).await.expect("claim"),
        "first is gone"
    );
    let lapsed = LATER.plus_ms(1);
    assert!(runs::claim(&mut db, RUN, "third", None, lapsed.plus_ms(10), lapsed).await.expect("claim"));
}

#[tokio::test]
async fn an_owner_that_lost_its_run_can_change_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path()).await;
    let mut db = store.write().await.expect("writer");
    runs::claim(&mut db, RUN, "first", None, NOW, NOW).await.expect("claim");
    runs::claim(&mut db, RUN, "second", Some("first"), LATER, NOW).await.expect("claim");
    let refused = runs::set_state(&mut db, RUN, "first", RunEvent::Began, RunState::InProgress, NOW).await;
    assert!(matches!(refused, Err(StoreError::OwnerLost(RUN))), "{refused:?}");
    assert!(matches!(runs::check_owner(&mut db, RUN, "first").await, Err(StoreError::OwnerLost(RUN))));
    assert_eq!(runs::state(&mut db, RUN).await.expect("state"), (RunState::Started, Desired::Running));
}

#[tokio::test]
async fn a_project_runs_one_thing_at_a_time_and_counts_its_runs_from_one() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path()).await;
    let mut db = store.write().await.expect("writer");
    let second = RunId(Uuid::from_u128(20));
    let refused = record(&mut db, second, NOW).await;
    assert!(matches!(refused, Err(StoreError::RunUnderWay { number: 1 })), "{refused:?}");
    runs::claim(&mut db, RUN, "me", None, LATER, NOW).await.expect("claim");
    runs::set_state(&mut db, RUN, "me", RunEvent::Stopped, RunState::Stopped, NOW).await.expect("stopped");
    assert_eq!(record(&mut db, second, NOW).await.expect("run"), 2);
}

#[tokio::test]
async fn the_events_of_a_run_count_from_one_without_a_gap() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path()).await;
    let mut db = store.write().await.expect("writer");
    runs::claim(&mut db, RUN, "me", None, LATER, NOW).await.expect("claim");
    runs::set_state(&mut db, RUN, "me", RunEvent::Began, RunState::InProgress, NOW).await.expect("began");
    steps::set_state(&mut db, RUN, STEP, StepEvent::Started, StepState::Running, None, NOW)
        .await
        .expect("step");
    steps::begin_attempt(&mut db, RUN, STEP, 1, NOW).await.expect("attempt");
    runs::ask(&mut db, RUN, Desired::Paused, "bob", NOW).await.expect("asked");
    let outcome = StepOutcome::Exited { status: 7 };
    steps::end_attempt(&mut db, RUN, STEP, 1, Some(&outcome), LATER).await.expect("attempt");
    db.commit().await.expect("commit");
    let mut db = store.read().await.expect("reader");
    let told = events::of_run(&mut db, RUN).await.expect("events");
    let numbers: Vec<i64> = told.iter().filter_map(|event| event.seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert_eq!(told[4].event, Event::Asked { desired: Desired::Paused, by: "bob".into() });
    assert_eq!(runs::get(&mut db, RUN).await.expect("run").expect("there").seq, 6);
    let step = steps::get(&mut db, STEP, &LogSizes::default()).await.expect("step").expect("there");
    assert_eq!(step.attempts[0].outcome, Some(outcome));
}

#[tokio::test]
async fn what_was_not_committed_did_not_happen() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path()).await;
    let before = events::last_position(&mut store.read().await.expect("reader")).await.expect("position");
    let mut db = store.write().await.expect("writer");
    runs::ask(&mut db, RUN, Desired::Stopped, "bob", NOW).await.expect("asked");
    drop(db);
    let mut db = store.read().await.expect("reader");
    assert_eq!(runs::state(&mut db, RUN).await.expect("state").1, Desired::Running);
    assert_eq!(events::last_position(&mut db).await.expect("position"), before);
}

#[tokio::test]
async fn a_failure_is_explained_once() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path()).await;
    let mut db = store.write().await.expect("writer");
    runs::claim(&mut db, RUN, "me", None, LATER, NOW).await.expect("claim");
    runs::set_state(&mut db, RUN, "me", RunEvent::StepFailed, RunState::Failed, NOW).await.expect("failed");
    assert_eq!(runs::unexplained(&mut db).await.expect("runs"), [RUN]);
    assert!(runs::mark_explained(&mut db, RUN).await.expect("marked"));
    assert!(!runs::mark_explained(&mut db, RUN).await.expect("marked"));
    assert!(runs::unexplained(&mut db).await.expect("runs").is_empty());
}

#[tokio::test]
async fn opening_again_keeps_everything_and_two_may_open_at_once() {
    let folder = tempfile::tempdir().expect("folder");
    let first = store(folder.path()).await;
    let second = Store::open(folder.path()).await.expect("a second one");
    let mut db = second.write().await.expect("writer");
    runs::ask(&mut db, RUN, Desired::Paused, "bob", NOW).await.expect("asked");
    db.commit().await.expect("commit");
    let seen = runs::state(&mut first.read().await.expect("reader"), RUN).await.expect("state");
    assert_eq!(seen.1, Desired::Paused);
}
