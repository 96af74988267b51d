use steadyhand_domain::{RunId, StepId, Timestamp};
use uuid::Uuid;

use super::*;
use crate::Store;

const NOW: Timestamp = Timestamp(1_000);

/// A store whose one log holds `parts`, each received a second after the one before.
async fn log(parts: &[&[u8]]) -> (tempfile::TempDir, Store, StepId) {
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(folder.path()).await.expect("store");
    let step = StepId(Uuid::from_u128(7));
    let mut db = store.write_logs().await.expect("writer");
    let mut log = Appender::open(&mut db, RunId(Uuid::from_u128(1)), step, 1).await.expect("log");
    for (second, part) in (0i64..).zip(parts) {
        log.append(&mut db, part, part.len() as u64, NOW.plus_ms(second * 1_000)).await.expect("append");
    }
    db.commit().await.expect("commit");
    (folder, store, step)
}

async fn lines(store: &Store, step: StepId, from: u64, count: u32) -> Vec<(u64, String)> {
    let mut db = store.read_logs().await.expect("reader");
    let window = window(&mut db, step, 1, from, count).await.expect("window");
    window.lines.into_iter().map(|line| (line.number, line.text)).collect()
}

#[tokio::test]
async fn a_window_joins_lines_that_arrived_in_pieces() {
    let (_folder, store, step) = log(&[b"one\ntw", b"o\r\nthr", b"ee\n\nlast"]).await;
    let all = lines(&store, step, 1, 100).await;
    let expected = [(1, "one"), (2, "two"), (3, "three"), (4, ""), (5, "last")];
    assert_eq!(all, expected.map(|(number, text)| (number, text.to_owned())));
    for (number, text) in expected {
        assert_eq!(lines(&store, step, number, 1).await, [(number, text.to_owned())]);
    }
    assert!(lines(&store, step, 6, 10).await.is_empty());
}

#[tokio::test]
async fn a_line_carries_the_time_at_which_it_began_to_arrive() {
    let (_folder, store, step) = log(&[b"a\nb", b"b\nc\n"]).await;
    let mut db = store.read_logs().await.expect("reader");
    let window = window(&mut db, step, 1, 1, 10).await.expect("window");
    let times: Vec<i64> = window.lines.iter().map(|line| line.at.0).collect();
    assert_eq!(times, [1_000, 1_000, 2_000]);
}

#[tokio::test]
async fn every_window_of_a_large_log_equals_the_same_lines_of_the_whole() {
    let mut text = Vec::new();
    for number in 1..=20_000u32 {
        text.extend_from_slice(format!("line {number} {}\n", "x".repeat(number as usize % 97)).as_bytes());
    }
    let parts: Vec<&[u8]> = text.chunks(10_007).collect();
    let (_folder, store, step) = log(&parts).await;
    for from in [1, 2, 999, 1_000, 7_777, 19_990, 20_000] {
        let expected: Vec<(u64, String)> = (from..(from + 25).min(20_001))
            .map(|number| (number, format!("line {number} {}", "x".repeat(number as usize % 97))))
            .collect();
        assert_eq!(lines(&store, step, from, 25).await, expected, "window at {from}");
    }
}

#[tokio::test]
async fn a_giant_line_is_cut_in_the_window_and_whole_in_the_bytes() {
    let giant = vec![b'g'; 10_000_000];
    let (_folder, store, step) = log(&[b"before\n", &giant, b"\nafter\n"]).await;
    let mut db = store.read_logs().await.expect("reader");
    let found = window(&mut db, step, 1, 1, 10).await.expect("window");
    assert_eq!(found.total_lines, 3);
    assert_eq!(found.lines[0].text, "before");
    assert_eq!((found.lines[1].bytes, found.lines[1].cut), (10_000_000, true));
    assert_eq!(found.lines[1].text.len(), LINE_CAP);
    assert_eq!((found.lines[2].text.as_str(), found.lines[2].cut), ("after", false));
    let mut offset = 0;
    loop {
        let part = raw(&mut db, step, 1, offset).await.expect("bytes");
        if part.is_empty() {
            break;
        }
        offset += part.len() as u64;
    }
    assert_eq!(offset, 10_000_014);
}

#[tokio::test]
async fn bytes_that_are_not_utf8_are_kept_and_shown_as_replacement_characters() {
    let (_folder, store, step) = log(&[b"ok \xff\xfe bad\n", "grüße\n".as_bytes()]).await;
    assert_eq!(lines(&store, step, 1, 2).await, [(1, "ok \u{fffd}\u{fffd} bad".into()), (2, "grüße".into())]);
    let mut db = store.read_logs().await.expect("reader");
    assert_eq!(raw(&mut db, step, 1, 3).await.expect("bytes"), b"\xff\xfe bad\n");
}

#[tokio::test]
async fn an_appender_goes_on_where_the_last_one_ended() {
    let (_folder, store, step) = log(&[b"one\ntw"]).await;
    let mut db = store.write_logs().await.expect("writer");
    let mut again = Appender::open(&mut db, RunId(Uuid::from_u128(1)), step, 1).await.expect("log");
    assert_eq!(again.size(), LogSize { lines: 2, bytes: 6 });
    again.append(&mut db, b"o\n", 2, NOW).await.expect("append");
    db.commit().await.expect("commit");
    assert_eq!(lines(&store, step, 2, 5).await, [(2, "two".into())]);
}

#[tokio::test]
async fn what_is_kept_may_differ_from_what_came_and_the_place_to_go_on_is_counted_in_what_came() {
    let (_folder, store, step) = log(&[]).await;
    let mut db = store.write_logs().await.expect("writer");
    let mut log = Appender::open(&mut db, RunId(Uuid::from_u128(1)), step, 1).await.expect("log");
    for (kept, came) in [(&b"key: ***\n"[..], 30), (b"", 5), (b"end", 3)] {
        log.append(&mut db, kept, came, NOW).await.expect("append");
    }
    let again = Appender::open(&mut db, RunId(Uuid::from_u128(1)), step, 1).await.expect("log");
    assert_eq!((again.received(), again.size()), (38, LogSize { lines: 2, bytes: 12 }));
    db.commit().await.expect("commit");
    assert_eq!(lines(&store, step, 1, 9).await, [(1, "key: ***".into()), (2, "end".into())]);
}

#[tokio::test]
async fn the_second_of_two_writers_is_refused_and_adds_nothing() {
    let (_folder, store, step) = log(&[]).await;
    let mut db = store.write_logs().await.expect("writer");
    let mut writers = Vec::new();
    for _ in 0..2 {
        writers.push(Appender::open(&mut db, RunId(Uuid::from_u128(1)), step, 1).await.expect("log"));
    }
    // Before the log has its first byte, and behind it.
    for part in [b"one\n", b"two\n"] {
        writers[0].append(&mut db, part, 4, NOW).await.expect("append");
        let refused = writers[1].append(&mut db, b"no\n", 3, NOW).await;
        assert!(matches!(refused, Err(StoreError::LogMoved)), "{refused:?}");
        writers[1] = Appender::open(&mut db, RunId(Uuid::from_u128(1)), step, 1).await.expect("log");
    }
    db.commit().await.expect("commit");
    assert_eq!(lines(&store, step, 1, 9).await, [(1, "one".into()), (2, "two".into())]);
}

#[tokio::test]
async fn search_finds_lines_across_chunks_and_colours() {
    let (_folder, store, step) =
        log(&[b"alpha\nBe", b"ta\n\x1b[31mga\x1b[1mmma\x1b[0m\nbeta again\n", b"unfinished beta"]).await;
    let mut db = store.read_logs().await.expect("reader");
    let found = async |db: &mut SqliteConnection, query: &str, from, limit| {
        let matches = search(db, step, 1, query, from, limit).await.expect("search");
        (matches.lines, matches.next)
    };
    assert_eq!(found(&mut db, "beta", 1, 10).await, (vec![2, 4, 5], None));
    assert_eq!(found(&mut db, "Beta", 1, 10).await, (vec![2], None));
    assert_eq!(found(&mut db, "gamma", 1, 10).await, (vec![3], None));
    assert_eq!(found(&mut db, "beta", 3, 10).await, (vec![4, 5], None));
    assert_eq!(found(&mut db, "beta", 1, 1).await, (vec![2], Some(3)));
    assert_eq!(found(&mut db, "", 1, 10).await, (vec![], None));
}
