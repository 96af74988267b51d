//! What is to be told of runs: who may send it, and what is seen of it.
#![allow(clippy::expect_used, reason = "what goes wrong ends the test")]

use std::path::Path;

use steadyhand_domain::{ProjectId, RunEvent, RunId, RunState, Timestamp, Trigger};
use steadyhand_store::{
    Store,
    events::{self, Event},
    notifications::{self, Became, NewNotification, Told},
    progress::{self, Write},
    projects, runs,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_000_000);
const LATER: Timestamp = Timestamp(1_010_000);
const PROJECT: ProjectId = ProjectId(Uuid::from_u128(1));

fn run(number: u128) -> RunId {
    RunId(Uuid::from_u128(100 + number))
}

/// A store with a run for each of these ends, one after another.
async fn store(folder: &Path, ends: &[RunEvent]) -> Store {
    let store = Store::open(folder).await.expect("store");
    let mut db = store.write().await.expect("writer");
    projects::insert(&mut db, PROJECT, "shop", false, NOW).await.expect("project");
    for (number, end) in (1..).zip(ends) {
        let new = runs::NewRun {
            id: run(number),
            project_id: PROJECT,
            trigger: Trigger::Chat,
            started_by: "ada",
            plan_sha256: "p",
            rendered_sha256: "r",
            compiled_json: "{}",
        };
        runs::insert(&mut db, &new, NOW).await.expect("run");
        runs::claim(&mut db, run(number), "one", None, LATER, NOW).await.expect("claim");
        let began = Write::Run { event: RunEvent::Began, state: RunState::InProgress };
        let state = RunState::InProgress.next(*end).expect("an end");
        let writes = [began, Write::Run { event: *end, state }];
        progress::record(&mut db, run(number), "one", &writes, &[], NOW).await.expect("recorded");
    }
    db.commit().await.expect("commit");
    store
}

#[tokio::test]
async fn a_notification_is_sent_by_one_process_and_its_trouble_is_seen_in_the_run() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path(), &[RunEvent::StepFailed]).await;
    let mut db = store.write().await.expect("writer");
    let new = NewNotification { id: Uuid::from_u128(7), channel: 2, kind: "slack", told: Told::Failed };
    notifications::insert(&mut db, run(1), "one", std::slice::from_ref(&new), NOW).await.expect("inserted");
    // Once is enough, whoever writes it.
    let again = NewNotification { id: Uuid::from_u128(8), ..new };
    notifications::insert(&mut db, run(1), "two", &[again], NOW).await.expect("inserted");
    let open = notifications::open(&mut db).await.expect("open");
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].id, open[0].channel, open[0].told), (Uuid::from_u128(7), 2, Told::Failed));
    assert!(notifications::is_untried(&mut db, run(1)).await.expect("asked"));
    assert!(notifications::claim(&mut db, &open[0], "two", LATER).await.expect("claimed"));
    assert!(!notifications::claim(&mut db, &open[0], "three", LATER).await.expect("not claimed"));
    let open = notifications::open(&mut db).await.expect("open").remove(0);
    assert_eq!((open.sending, open.attempts, open.holder.as_str()), (true, 1, "two"));
    // What a process says that lost it counts for nothing.
    notifications::settle(&mut db, &open, "one", &Became::Delivered, NOW).await.expect("settled");
    assert!(notifications::is_untried(&mut db, run(1)).await.expect("asked"));
    let later = Became::Later { problem: "no \"answer\"".to_owned(), at: LATER };
    notifications::settle(&mut db, &open, "two", &later, NOW).await.expect("settled");
    let summary = runs::get(&mut db, run(1)).await.expect("read").expect("a run");
    assert_eq!((summary.untold[0].channel.as_str(), summary.untold[0].again), ("slack", true));
    assert_eq!(summary.untold[0].problem, "no \"answer\"");
    assert!(!notifications::is_untried(&mut db, run(1)).await.expect("asked"));
    let told = |all: &[events::Recorded]| {
        all.iter().filter(|change| change.event == Event::Notification { channel: 2 }).count()
    };
    assert_eq!(told(&events::of_run(&mut db, run(1)).await.expect("events")), 1);
    // The same trouble again is no news; that it is over is.
    notifications::settle(&mut db, &open, "two", &later, NOW).await.expect("settled");
    assert_eq!(told(&events::of_run(&mut db, run(1)).await.expect("events")), 1);
    notifications::settle(&mut db, &open, "two", &Became::Delivered, NOW).await.expect("settled");
    assert_eq!(told(&events::of_run(&mut db, run(1)).await.expect("events")), 2);
    assert!(notifications::open(&mut db).await.expect("open").is_empty());
    assert!(runs::get(&mut db, run(1)).await.expect("read").expect("a run").untold.is_empty());
}

#[tokio::test]
async fn a_run_recovers_when_the_last_one_that_was_not_stopped_had_failed() {
    use RunEvent::{EveryStepEnded, StepFailed, Stopped};
    let folder = tempfile::tempdir().expect("folder");
    let ends = [EveryStepEnded, StepFailed, Stopped, EveryStepEnded, EveryStepEnded];
    let store = store(folder.path(), &ends).await;
    let mut db = store.read().await.expect("reader");
    for (number, expected) in [(1, false), (2, false), (3, true), (4, true), (5, false)] {
        let found = notifications::failed_before(&mut db, run(number)).await.expect("read");
        assert_eq!(found, expected, "{number}");
    }
}
