//! Folders of this machine.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use super::*;

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_folder_is_read_without_what_is_fetched_or_built_and_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("package.json", r#"{"scripts": {"start": "node ."}}"#),
        ("node_modules/next/package.json", r#"{"dependencies": {"next": "1"}}"#),
        ("target/debug/Dockerfile", "FROM scratch"),
        (".git/config", "x"),
        (".env", "TOKEN=hunter2"),
        ("src/.env.example", "TOKEN="),
    ] {
        write(folder.path(), file, text);
    }
    symlink("/etc", folder.path().join("etc")).unwrap();
    symlink("package.json", folder.path().join("Dockerfile")).unwrap();
    let tree = Tree::of_folder(folder.path()).unwrap();
    assert_eq!(tree.below("").collect::<Vec<_>>(), [".env", "package.json", "src/.env.example"]);
    assert_eq!(tree.text(".env"), None);
    let app = &detect(&tree).applications[0];
    assert_eq!((app.framework, app.start.as_deref()), (Framework::Node, Some("node .")));
}

#[test]
fn a_large_manifest_is_read_only_at_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "package.json", &format!("{{\"name\": \"{}\"}}", "x".repeat(10 << 20)));
    let tree = Tree::of_folder(folder.path()).unwrap();
    assert_eq!(tree.text("package.json").unwrap().len() as u64, limit("package.json"));
    let app = &detect(&tree).applications[0];
    assert_eq!((app.framework, app.confidence), (Framework::Node, Confidence::Guess));
    assert!(
        app.warnings.iter().any(|warning| warning.message.contains("10485772 bytes")),
        "{:?}",
        app.warnings
    );
}

#[test]
fn a_folder_that_cannot_be_looked_at_says_why() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "file", "x");
    let error = |path: &Path| Tree::of_folder(path).unwrap_err().to_string();
    assert!(error(&folder.path().join("nowhere")).starts_with("there is no folder "));
    assert!(
        error(&folder.path().join("file")).ends_with("file is not a folder; name the folder that it lies in")
    );
    assert!(error(&folder.path().join("file/x")).contains("is not a folder"));
}

#[test]
fn what_cannot_be_read_within_a_folder_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "closed/go.mod", "module x");
    write(folder.path(), "index.html", "x");
    let closed = folder.path().join("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let detected = detect(&Tree::of_folder(folder.path()).unwrap());
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    // Root may read everything.
    let told = detected.notes.iter().any(|note| note.contains("The folder closed cannot be read"));
    let read = detected.notes.iter().any(|note| note.starts_with("closed/go.mod"));
    assert!(told != read, "{:?}", detected.notes);
}
