//! Fails when a crate depends on, or names, what the layout of the project forbids it (ARCHITECTURE.md).

#![allow(clippy::expect_used, reason = "helpers of tests fail the test that calls them")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// What each package may depend on within the project, in the direction of the layout.
const ALLOWED: [(&str, &[&str]); 11] = [
    ("steadyhand-domain", &[]),
    ("steadyhand-plan", &["domain"]),
    ("steadyhand-remote", &["domain"]),
    ("steadyhand-store", &["domain"]),
    ("steadyhand-engine", &["domain", "plan", "remote", "store"]),
    ("steadyhand-deploy", &["domain", "plan", "remote", "store", "engine"]),
    ("steadyhand-assistant", &["domain", "plan", "remote", "store", "engine", "deploy"]),
    ("steadyhand-api", &["domain", "plan", "remote", "store", "engine", "deploy", "assistant"]),
    // The shells come to everything but the words of the domain through `api`.
    ("steadyhand-cli", &["domain", "api"]),
    ("steadyhand", &["domain", "api"]),
    ("steadyhand-tests", &["domain", "plan", "remote", "store", "engine", "deploy", "assistant", "api"]),
];

/// Libraries that belong to one crate, each with the only packages that may depend on it.
const AT_HOME: [(&str, &[&str]); 14] = [
    ("russh", &["steadyhand-remote"]),
    ("russh-sftp", &["steadyhand-remote"]),
    ("sqlx", &["steadyhand-store"]),
    ("rusqlite", &["steadyhand-store"]),
    ("tauri", &["steadyhand"]),
    ("tauri-build", &["steadyhand"]),
    ("wry", &["steadyhand"]),
    ("axum", &["steadyhand-cli", "steadyhand-tests"]),
    ("clap", &["steadyhand-cli", "steadyhand-tests"]),
    ("async-openai", &["steadyhand-assistant"]),
    ("saphyr-parser", &["steadyhand-plan", "steadyhand-deploy"]),
    ("keyring", &["steadyhand-api"]),
    ("aes-gcm", &["steadyhand-store"]),
    ("argon2", &["steadyhand-store"]),
];

/// Crates without input or output, and what their code may not name.
const PURE: [&str; 2] = ["domain", "plan"];
const IMPURE: [&str; 11] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "SystemTime",
    "Instant::now",
    "tokio",
    "reqwest",
    "rustix",
    "getrandom",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the project")
}

/// The members of the workspace: their names, and the names of what they depend on.
fn members() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let name = |value: &Value| value["name"].as_str().expect("has a name").to_owned();
    let packages = metadata["packages"].as_array().expect("has packages");
    let needed_to_run = |dependency: &&Value| dependency["kind"] != "dev";
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("has dependencies");
            (name(package), dependencies.iter().filter(needed_to_run).map(name).collect())
        })
        .collect()
}

/// Every file that belongs to the project: tracked, or new and not ignored.
fn files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git lists the files of the project");
    let names = String::from_utf8(output.stdout).expect("names are text");
    let files: Vec<_> =
        names.split_terminator('\0').map(PathBuf::from).filter(|file| root().join(file).is_file()).collect();
    assert!(files.len() > 50, "git lists the whole project");
    files
}

/// The files below a folder with one of these endings, with their text.
fn sources(folder: &str, endings: &[&str]) -> Vec<(PathBuf, String)> {
    let wanted = |file: &PathBuf| {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        file.starts_with(folder) && endings.contains(&ending)
    };
    let read = |file: PathBuf| {
        let text = fs::read_to_string(root().join(&file)).expect("sources are text");
        (file, text)
    };
    files().into_iter().filter(wanted).map(read).collect()
}

/// Whether a line of code names a word (or a path, when it ends with `::`), as a whole and outside of a comment of its
/// own.
fn names(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let goes_on = |rest: &str| !word.ends_with(':') && rest.starts_with(part_of_word);
    !line.trim_start().starts_with("//")
        && line
            .match_indices(word)
            .any(|(at, _)| !line[..at].ends_with(part_of_word) && !goes_on(&line[at + word.len()..]))
}

fn check_nothing(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn a_name_is_found_as_a_whole_word_of_code() {
    assert!(names("    russh::client::connect()", "russh::"));
    assert!(names("use tauri;", "use tauri"));
    assert!(!names("use tauri_build;", "use tauri"));
    assert!(!names("my_russh::client()", "russh::"));
    assert!(!names("    // russh::client does it", "russh::"));
}

#[test]
fn crates_depend_on_each_other_in_one_direction() {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    let members = members();
    let mut found = Vec::new();
    for (package, dependencies) in &members {
        let Some(allowed) = allowed.get(package.as_str()) else {
            found.push(format!("{package} has no place in the layout"));
            continue;
        };
        for dependency in dependencies.iter().filter(|dependency| members.contains_key(*dependency)) {
            let short = dependency.strip_prefix("steadyhand-").unwrap_or(dependency);
            if !allowed.contains(&short) {
                found.push(format!("{package} depends on {dependency}"));
            }
        }
    }
    check_nothing(&found, "dependencies run one way");
}

#[test]
fn each_library_has_one_home() {
    let mut found = Vec::new();
    for (package, dependencies) in members() {
        for (library, homes) in AT_HOME {
            if dependencies.iter().any(|dependency| dependency == library)
                && !homes.contains(&package.as_str())
            {
                found.push(format!("{package} depends on {library}"));
            }
        }
    }
    check_nothing(&found, "a library that belongs to one crate is used by another");
}

#[test]
fn ssh_sql_and_the_window_are_each_named_in_one_crate_only() {
    let mut found = Vec::new();
    for (word, home) in [("russh", "crates/remote"), ("sqlx", "crates/store"), ("tauri", "src-tauri")] {
        let elsewhere: Vec<_> = ["crates", "src-tauri", "tests"]
            .into_iter()
            .flat_map(|folder| sources(folder, &["rs"]))
            .filter(|(file, _)| !file.starts_with(home) && !file.ends_with("tests/layout.rs"))
            .collect();
        for (file, text) in elsewhere {
            // A call or a path, such as `russh::client`; a host may well be called so.
            let path = format!("{word}::");
            if text.lines().any(|line| names(line, &path) || names(line, &format!("use {word}"))) {
                found.push(format!("{} names {word}", file.display()));
            }
        }
    }
    check_nothing(&found, "a library is named outside of its crate");
}

#[test]
fn the_domain_and_the_plan_language_do_no_input_or_output() {
    let mut found = Vec::new();
    for short in PURE {
        for (file, text) in sources(&format!("crates/{short}/src"), &["rs"]) {
            if file.components().any(|part| part.as_os_str() == "tests") || file.ends_with("tests.rs") {
                continue;
            }
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in IMPURE {
                if code.lines().any(|line| names(line, word)) {
                    found.push(format!("{} names {word}", file.display()));
                }
            }
        }
    }
    for (package, dependencies) in members() {
        let pure = PURE.iter().any(|short| package == format!("steadyhand-{short}"));
        let impure = dependencies.iter().filter(|dependency| IMPURE.contains(&dependency.as_str()));
        found.extend(impure.filter(|_| pure).map(|dependency| format!("{package} depends on {dependency}")));
    }
    check_nothing(&found, "pure crates stay pure");
}

#[test]
fn pages_put_text_into_the_document_and_never_markup() {
    let mut found = Vec::new();
    let forbidden =
        ["{@html", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "srcdoc"];
    for (file, text) in sources("ui/src", &["svelte", "ts", "js", "html"]) {
        let uses = forbidden.iter().filter(|word| text.contains(**word));
        found.extend(uses.map(|word| format!("{} uses {word}", file.display())));
    }
    check_nothing(&found, "text from elsewhere could become code");
}

#[test]
fn pages_are_layered_from_shared_to_domain_to_views() {
    let mut found = Vec::new();
    for (layer, above) in [("shared", ["domain/", "views/"].as_slice()), ("domain", &["views/"])] {
        for (file, text) in sources(&format!("ui/src/lib/{layer}"), &["svelte", "ts"]) {
            for line in text.lines().filter(|line| line.contains("from '") || line.contains("import '")) {
                let upwards = above.iter().filter(|folder| line.contains(&format!("/{folder}")));
                found.extend(upwards.map(|folder| format!("{} imports from {folder}", file.display())));
            }
        }
    }
    check_nothing(&found, "a lower layer of the pages knows a higher one");
}

#[test]
fn nothing_in_the_project_knows_the_machine_it_was_written_on() {
    let here = root().display().to_string();
    // In pieces, or this file would name them.
    let registries = [["registry.", "npmjs.org"], ["index.", "crates.io"], ["static.", "crates.io"]]
        .map(|host| host.concat());
    let caches = [[".cargo/", "registry"], ["/.npm/", "_cacache"]].map(|path| path.concat());
    let mut found = Vec::new();
    for file in files() {
        // What is no text (icons, pictures) is searched too, as far as it can be read as text.
        let bytes = fs::read(root().join(&file)).expect("is readable");
        let text = String::from_utf8_lossy(&bytes);
        if here.len() > 2 && text.contains(&format!("{here}/")) {
            found.push(format!("{} names {here}", file.display()));
        }
        for word in registries.iter().chain(&caches).filter(|word| text.contains(word.as_str())) {
            found.push(format!("{} names {word}", file.display()));
        }
    }
    check_nothing(&found, "machine paths and registry hosts do not belong into the tree");
}

#[test]
fn locked_crates_come_from_the_usual_registry() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("is there");
    let usual = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let others: Vec<_> = lock
        .lines()
        .filter(|line| line.starts_with("source = ") && *line != usual)
        .map(str::to_owned)
        .collect();
    check_nothing(&others, "crates from other sources");
}
