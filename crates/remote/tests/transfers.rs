//! What travels of an upload and of a download, and what must not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use steadyhand_remote::{Differs, Host, RemoteError, TransferSummary};
use support::Home;
use support::sshd::Sshd;

fn write(path: &Path, content: impl AsRef<[u8]>, mode: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A tree with names and kinds of all sorts: 7 files and links.
fn odd_tree(at: &Path) {
    write(&at.join("a b"), "one", 0o644);
    write(&at.join("-rf"), "two", 0o755);
    write(&at.join("sub/back\\slash"), "three", 0o600);
    write(&at.join("sub/'q\" $x *"), "four", 0o644);
    write(&at.join("sub/.hidden/\u{e9}"), "five", 0o640);
    write(&at.join("line\nbreak"), "six", 0o644);
    std::fs::create_dir_all(at.join("empty")).unwrap();
    symlink("a b", at.join("link")).unwrap();
}

/// What a tree is: each path with its type, mode and content.
fn picture(at: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![at.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = std::fs::symlink_metadata(&path).unwrap();
            let content = if metadata.is_symlink() {
                std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if metadata.is_file() {
                std::fs::read(&path).unwrap()
            } else {
                folders.push(path.clone());
                Vec::new()
            };
            all.push((path.strip_prefix(at).unwrap().to_path_buf(), metadata.permissions().mode(), content));
        }
    }
    all.sort();
    all
}

fn slash(path: &Path) -> String {
    format!("{}/", path.display())
}

async fn up(host: &Host, from: &Path, to: &Path) -> TransferSummary {
    host.upload(Path::new(&slash(from)), &slash(to), None, &|_| {}).await.unwrap()
}

async fn down(host: &Host, from: &Path, to: &Path) -> TransferSummary {
    host.download(&slash(from), to, None, &|_| {}).await.unwrap()
}

/// Which way a transfer goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

impl Way {
    async fn go(self, host: &Host, from: &Path, to: &Path) -> TransferSummary {
        match self {
            Self::Up => up(host, from, to).await,
            Self::Down => down(host, from, to).await,
        }
    }

    async fn would_go(self, host: &Host, from: &Path, to: &Path) -> Vec<(String, Differs)> {
        let compared = match self {
            Self::Up => host.compare_upload(Path::new(&slash(from)), &slash(to), None).await,
            Self::Down => host.compare_download(&slash(from), to, None).await,
        };
        let named = |path: &str| path.strip_prefix(&slash(to)).unwrap_or(".").to_owned();
        compared.unwrap().iter().map(|it| (named(&it.path), it.how)).collect()
    }
}

/// A server, and this machine without one.
fn hosts(sshd: &Sshd) -> [Host; 2] {
    [sshd.host(), sshd.home.local()]
}

/// Sends a tree this way again and again, and makes the other side differ in between.
async fn only_what_differs_goes(way: Way) {
    let sshd = Sshd::start();
    for host in hosts(&sshd) {
        let home = Home::new();
        let (from, to) = (home.join("from"), home.join("to/deep"));
        odd_tree(&from);
        let first = way.go(&host, &from, &to).await;
        assert_eq!((first.files, first.unchanged, first.folders), (7, 0, 4));
        assert_eq!(picture(&to), picture(&from));
        // What has a line break in its name has no hash, and travels always.
        let again = way.go(&host, &from, &to).await;
        assert_eq!((again.files, again.bytes, again.unchanged, again.folders), (1, 3, 6, 0));
        std::fs::remove_file(from.join("line\nbreak")).unwrap();
        let same = way.go(&host, &from, &to).await;
        assert_eq!(same, TransferSummary { unchanged: 6, ..TransferSummary::default() });
        assert!(!same.changed());
        assert_eq!(way.would_go(&host, &from, &to).await, []);

        // The same size, another content; another mode; another target; something missing.
        std::fs::write(to.join("a b"), "ONE").unwrap();
        std::fs::set_permissions(to.join("-rf"), std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::remove_file(to.join("link")).unwrap();
        symlink("-rf", to.join("link")).unwrap();
        std::fs::remove_dir_all(to.join("sub/.hidden")).unwrap();
        let expected = [
            ("-rf".to_owned(), Differs::Mode { from: 0o600, to: 0o755 }),
            ("a b".to_owned(), Differs::Content),
            ("link".to_owned(), Differs::Content),
            ("sub/.hidden".to_owned(), Differs::Missing),
            ("sub/.hidden/\u{e9}".to_owned(), Differs::Missing),
        ];
        let before = picture(&to);
        assert_eq!(way.would_go(&host, &from, &to).await, expected);
        assert_eq!(picture(&to), before, "comparing changes nothing");
        let repaired = way.go(&host, &from, &to).await;
        assert_eq!((repaired.files, repaired.folders, repaired.unchanged), (4, 1, 2));
        if way == Way::Down {
            assert_eq!(repaired.bytes, 7, "of a file of which only the mode differs nothing is sent");
        }
        std::fs::remove_file(to.join("line\nbreak")).unwrap();
        assert_eq!(picture(&to), picture(&from));
    }
}

#[tokio::test]
async fn what_is_the_same_is_not_uploaded_again() {
    only_what_differs_goes(Way::Up).await;
}

#[tokio::test]
async fn what_is_the_same_is_not_downloaded_again() {
    only_what_differs_goes(Way::Down).await;
}

#[tokio::test]
async fn a_file_alone_is_compared_too() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let file = sshd.home.join("a file");
    write(&file, "one", 0o640);
    for to in ["to/name", "folder/", "-dash", "~/at home"] {
        let first = host.upload(&file, to, None, &|_| {}).await.unwrap();
        assert_eq!((first.files, first.unchanged), (1, 0), "{to}");
        let again = host.upload(&file, to, None, &|_| {}).await.unwrap();
        assert_eq!((again.files, again.unchanged), (0, 1), "{to}");
    }
    // A link in its place becomes a file; what it leads to is left alone.
    std::fs::remove_file(sshd.home.join("to/name")).unwrap();
    symlink(&file, sshd.home.join("to/name")).unwrap();
    assert_eq!(host.upload(&file, "to/name", None, &|_| {}).await.unwrap().files, 1);
    assert!(std::fs::symlink_metadata(sshd.home.join("to/name")).unwrap().is_file());

    let here = Home::new();
    std::fs::create_dir(here.join("dir")).unwrap();
    for (from, to, name) in [
        ("a file", "new/name", "new/name"),
        ("~/a file", "in/", "in/a file"),
        ("to/name", "dir", "dir/name"),
        ("-dash", "x", "x"),
    ] {
        for files in [1, 0] {
            let done = host.download(from, &here.join(to), None, &|_| {}).await.unwrap();
            assert_eq!((done.files, done.unchanged), (files, 1 - files), "{from}");
        }
        assert_eq!((here.read(name).as_str(), mode(&here.join(name))), ("one", 0o640), "{from}");
    }
    // A link to a file is the file, as its owner reads it.
    symlink("a file", sshd.home.join("current")).unwrap();
    host.download("current", &here.join("current"), None, &|_| {}).await.unwrap();
    assert!(std::fs::symlink_metadata(here.join("current")).unwrap().is_file());
    // Without the slash it is the folder itself.
    host.download("to", &here.join("parent"), None, &|_| {}).await.unwrap();
    assert_eq!(here.read("parent/to/name"), "one");
}

#[tokio::test]
async fn what_is_in_the_way_is_named_and_left_alone() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let home = Home::new();
    let (one, other, elsewhere) = (home.join("one"), home.join("other"), home.join("elsewhere"));
    let clear = || {
        for folder in [&one, &other, &elsewhere] {
            let _ = std::fs::remove_dir_all(folder);
            std::fs::create_dir(folder).unwrap();
        }
    };
    let up = async || host.upload(Path::new(&slash(&one)), &slash(&other), None, &|_| {}).await;
    let down = async || host.download(&slash(&one), &other, None, &|_| {}).await;
    // A folder where a file is to be.
    clear();
    write(&one.join("sub/x"), "file", 0o644);
    write(&other.join("sub/x/y"), "kept", 0o644);
    for error in [up().await.unwrap_err(), down().await.unwrap_err()] {
        assert!(error.to_string().contains("sub/x is a folder"), "{error}");
    }
    assert_eq!(std::fs::read_to_string(other.join("sub/x/y")).unwrap(), "kept");
    // A file where a folder is to be.
    clear();
    write(&one.join("sub/x"), "file", 0o644);
    write(&other.join("sub"), "kept", 0o644);
    for error in [up().await.unwrap_err(), down().await.unwrap_err()] {
        assert!(
            error.to_string().contains("sub") && error.to_string().contains("a folder is to be there"),
            "{error}"
        );
    }
    assert_eq!(std::fs::read_to_string(other.join("sub")).unwrap(), "kept");
    // A link to a folder: a host's own is followed there; on this machine nothing is written past one.
    clear();
    write(&one.join("sub/x"), "file", 0o644);
    symlink(&elsewhere, other.join("sub")).unwrap();
    let error = down().await.unwrap_err();
    assert!(error.to_string().contains("a folder is to be there"), "{error}");
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    assert_eq!(up().await.unwrap().files, 1);
    assert_eq!(std::fs::read_to_string(elsewhere.join("x")).unwrap(), "file");
    assert_eq!(up().await.unwrap().unchanged, 1);
    // A pipe there is replaced, and not waited for.
    clear();
    write(&one.join("x"), "file", 0o644);
    let made = std::process::Command::new("mkfifo").arg(other.join("x")).status().unwrap();
    assert!(made.success());
    assert_eq!(up().await.unwrap().files, 1);
    assert_eq!(picture(&other), picture(&one));
}

#[tokio::test]
async fn a_download_that_fails_says_why() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let home = Home::new();
    let fails = async |from: &str| match host.download(from, &home.join("to"), None, &|_| {}).await {
        Err(error @ RemoteError::Download { .. }) => error.to_string(),
        other => panic!("{from}: {other:?}"),
    };
    let missing = fails("none").await;
    assert!(missing.contains("there is no none"), "{missing}");
    symlink("nowhere", sshd.home.join("broken")).unwrap();
    let broken = fails("broken").await;
    assert!(broken.contains("leads nowhere"), "{broken}");
    std::fs::create_dir(sshd.home.join("strange")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(sshd.home.join("strange/pipe")).status().unwrap();
    assert!(made.success());
    let strange = fails("strange/").await;
    assert!(strange.contains("pipe is no file, folder or link"), "{strange}");
    let device = fails("/dev/null").await;
    assert!(device.contains("no file or folder"), "{device}");
    // What cannot be written here.
    write(&home.join("plain"), "", 0o644);
    write(&sshd.home.join("x"), "x", 0o644);
    let inside = host.download("x", &home.join("plain/x"), None, &|_| {}).await.unwrap_err().to_string();
    assert!(inside.contains("Not a directory"), "{inside}");
    assert!(!home.join("to").exists());
}

#[tokio::test]
async fn thousands_of_files_are_compared_quickly() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let home = Home::new();
    let (from, to, back) = (home.join("from"), home.join("to"), home.join("back"));
    for i in 0..5000 {
        write(&from.join(format!("folder {}/file number {i}", i % 50)), format!("content {i}\n"), 0o644);
    }
    assert_eq!(up(&host, &from, &to).await.files, 5000);
    let begun = Instant::now();
    let again = up(&host, &from, &to).await;
    let took = begun.elapsed();
    assert_eq!((again.files, again.unchanged), (0, 5000));
    assert!(took < Duration::from_secs(5), "{took:?}");
    std::fs::write(to.join("folder 7/file number 7"), "changed 7\n").unwrap();
    assert_eq!(up(&host, &from, &to).await.files, 1);
    assert_eq!(down(&host, &to, &back).await.files, 5000);
    let begun = Instant::now();
    assert_eq!(down(&host, &to, &back).await.unchanged, 5000);
    let took_down = begun.elapsed();
    assert!(took_down < Duration::from_secs(5), "{took_down:?}");
    assert_eq!(picture(&back), picture(&from));
    eprintln!("5,000 unchanged files: up {took:?}, down {took_down:?}");
}

#[tokio::test]
async fn two_names_of_one_file_and_files_of_many_pieces_come_whole() {
    let sshd = Sshd::start();
    for host in hosts(&sshd) {
        let home = Home::new();
        let (from, to) = (home.join("from"), home.join("to"));
        let large: Vec<u8> = (0..30_000_000u32).map(|i| (i / 7 % 251) as u8).collect();
        write(&from.join("large"), &large, 0o644);
        std::fs::hard_link(from.join("large"), from.join("same")).unwrap();
        write(&from.join("deep").join("x".repeat(200)).join("y".repeat(200)), "long", 0o644);
        let done = down(&host, &from, &to).await;
        assert_eq!((done.files, done.bytes), (3, 60_000_004));
        assert!(picture(&to) == picture(&from));
        assert_eq!(down(&host, &from, &to).await.unchanged, 3);
    }
}

#[tokio::test]
async fn a_download_that_is_given_up_leaves_nothing_half() {
    let sshd = Sshd::start();
    let host = sshd.host();
    let here = Home::new();
    write(&sshd.home.join("dir/big"), vec![1; 60_000_000], 0o644);
    write(&here.join("to/big"), "old", 0o644);
    let (started, mut has_started) = tokio::sync::watch::channel(false);
    let (to, downloader) = (here.join("to"), host.clone());
    let going = tokio::spawn(async move {
        let progress = move |progress: steadyhand_remote::TransferProgress| {
            started.send_replace(progress.bytes > 1_000_000);
        };
        downloader.download("dir/", &to, None, &progress).await
    });
    has_started.wait_for(|started| *started).await.unwrap();
    going.abort();
    assert!(going.await.unwrap_err().is_cancelled(), "it was in the middle");
    support::until("what was begun is removed", || std::fs::read_dir(here.join("to")).unwrap().count() == 1)
        .await;
    assert_eq!(here.read("to/big"), "old");
    assert_eq!(support::run(&host, "after", "echo fine").await.unwrap().1, b"fine\n");
}
