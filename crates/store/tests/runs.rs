//! Runs in the database: who may change them, and what is told of it.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::path::Path;

use steadyhand_domain::{
    Desired, ProjectId, Reason, RunEvent, RunId, RunState, StepEvent, StepId, StepOutcome, StepState,
    Timestamp, Trigger,
};
use steadyhand_store::{
    Store, StoreError, Writer,
    events::{self, Event},
    progress::{self, Write},
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
    let step = NewStep {
        id: STEP,
        index: 0,
        task: "deploy",
        host: "web1",
        name: "Build",
        kind: "run",
        stage: None,
        skipped: None,
        changed: None,
        output: None,
    };
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
    let began = Write::Run { event: RunEvent::Began, state: RunState::InProgress };
    for writes in [&[began][..], &[]] {
        let refused = progress::record(&mut db, RUN, "first", writes, &[], NOW).await;
        assert!(matches!(refused, Err(StoreError::OwnerLost(RUN))), "{refused:?}");
    }
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
    let stopped = Write::Run { event: RunEvent::Stopped, state: RunState::Stopped };
    progress::record(&mut db, RUN, "me", &[stopped], &[], NOW).await.expect("stopped");
    assert_eq!(record(&mut db, second, NOW).await.expect("run"), 2);
}

#[tokio::test]
async fn the_events_of_a_run_count_from_one_without_a_gap() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path()).await;
    let mut db = store.write().await.expect("writer");
    runs::claim(&mut db, RUN, "me", None, LATER, NOW).await.expect("claim");
    let began = [
        Write::Run { event: RunEvent::Began, state: RunState::InProgress },
        Write::Step {
            step: STEP,
            event: StepEvent::Started,
            state: StepState::Running,
            reason: None,
            changed: None,
            output: None,
        },
        Write::AttemptBegan { step: STEP, attempt: 1 },
    ];
    assert!(progress::record(&mut db, RUN, "me", &[], &began, NOW).await.expect("began"));
    runs::ask(&mut db, RUN, Desired::Paused, "bob", NOW).await.expect("asked");
    let outcome = StepOutcome::Exited { status: 7 };
    let ended = [Write::AttemptEnded { step: STEP, attempt: 1, outcome: Some(&outcome) }];
    let next = [Write::AttemptBegan { step: STEP, attempt: 2 }];
    let goes_on = progress::record(&mut db, RUN, "me", &ended, &next, LATER).await.expect("ended");
    assert!(!goes_on, "a pause was asked for");
    db.commit().await.expect("commit");
    let mut db = store.read().await.expect("reader");
    let told = events::of_run(&mut db, RUN).await.expect("events");
    let numbers: Vec<i64> = told.iter().filter_map(|event| event.seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert_eq!(told[4].event, Event::Asked { desired: Desired::Paused, by: "bob".into() });
    assert_eq!(runs::get(&mut db, RUN).await.expect("run").expect("there").seq, 6);
    let step = steps::get(&mut db, STEP, &LogSizes::default()).await.expect("step").expect("there");
    assert_eq!(
        step.attempts.iter().map(|attempt| attempt.outcome.clone()).collect::<Vec<_>>(),
        [Some(outcome)]
    );
    assert_eq!((step.started_at, step.ended_at), (Some(NOW), None));
}

#[tokio::test]
async fn a_write_about_a_step_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path()).await;
    let mut db = store.write().await.expect("writer");
    runs::claim(&mut db, RUN, "me", None, LATER, NOW).await.expect("claim");
    let unknown = StepId(Uuid::from_u128(99));
    let write = Write::Step {
        step: unknown,
        event: StepEvent::Started,
        state: StepState::Running,
        reason: None,
        changed: None,
        output: None,
    };
    let refused = progress::record(&mut db, RUN, "me", &[write], &[], NOW).await;
    assert!(matches!(refused, Err(StoreError::UnknownStep(step)) if step == unknown), "{refused:?}");
}

#[tokio::test]
async fn thousands_of_steps_are_skipped_in_one_commit() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path()).await;
    let mut db = store.write().await.expect("writer");
    runs::claim(&mut db, RUN, "me", None, LATER, NOW).await.expect("claim");
    let ids: Vec<StepId> = (0..5_000).map(|id| StepId(Uuid::from_u128(1_000 + id))).collect();
    let more: Vec<NewStep<'_>> = (1..)
        .zip(&ids)
        .map(|(index, id)| NewStep {
            id: *id,
            index,
            task: "t",
            host: "h",
            name: "n",
            kind: "run",
            stage: None,
            skipped: None,
            changed: None,
            output: None,
        })
        .collect();
    steps::insert(&mut db, RUN, &more).await.expect("steps");
    let reason = Reason::RunStopped;
    let skip = |step: &StepId| {
        let (event, state) = (StepEvent::Skipped, StepState::Skipped);
        Write::Step { step: *step, event, state, reason: Some(&reason), changed: None, output: None }
    };
    let writes: Vec<Write<'_>> = ids.iter().map(skip).collect();
    progress::record(&mut db, RUN, "me", &writes, &[], NOW).await.expect("skipped");
    let run = runs::get(&mut db, RUN).await.expect("run").expect("there");
    assert_eq!((run.steps.skipped, run.steps.pending, run.seq), (5_000, 1, 5_001));
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
    let failed = Write::Run { event: RunEvent::StepFailed, state: RunState::Failed };
    progress::record(&mut db, RUN, "me", &[failed], &[], NOW).await.expect("failed");
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
