//! Every crate and npm package that this is built from has a licence that deny.toml allows.

#![allow(clippy::expect_used, reason = "helpers of tests fail the test that calls them")]

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::Value;
use spdx::{Expression, ParseMode};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the project")
}

fn allowed() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("deny.toml")).expect("is there");
    let rules: toml::Table = toml::from_str(&text).expect("is TOML");
    let allow = rules["licenses"]["allow"].as_array().expect("is a list");
    allow.iter().map(|licence| licence.as_str().expect("is a name").to_owned()).collect()
}

/// What does not satisfy the list, each as `name: licence`.
fn refused(packages: impl IntoIterator<Item = (String, Option<String>)>) -> Vec<String> {
    let allowed = allowed();
    let refused = |licence: &Option<String>| {
        let Some(text) = licence else { return true };
        // Older crates write `MIT/Apache-2.0`.
        let Ok(expression) = Expression::parse_mode(text, ParseMode::LAX) else { return true };
        !expression.evaluate(|requirement| allowed.contains(&requirement.to_string()))
    };
    packages
        .into_iter()
        .filter(|(_, licence)| refused(licence))
        .map(|(name, licence)| format!("{name}: {}", licence.unwrap_or_else(|| "no licence".to_owned())))
        .collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn this_platform() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let said = String::from_utf8(output.stdout).expect("is text");
    said.lines().find_map(|line| line.strip_prefix("host: ")).expect("names its platform").to_owned()
}

#[test]
fn every_crate_has_a_licence_that_is_allowed() {
    let output = Command::new(env!("CARGO"))
        // For all platforms cargo would have to download crates that are not built here.
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &this_platform()])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("has packages");
    assert!(packages.len() > 100, "all dependencies are listed");
    let refused = refused(
        packages
            .iter()
            .map(|package| (text(&package["name"]).expect("has a name"), text(&package["license"]))),
    );
    assert!(refused.is_empty(), "deny.toml does not allow:\n  {}", refused.join("\n  "));
}

#[test]
fn every_npm_package_has_a_licence_that_is_allowed() {
    for folder in ["ui", "tests"] {
        let lock = fs::read_to_string(root().join(folder).join("package-lock.json")).expect("is there");
        let lock: Value = serde_json::from_str(&lock).expect("is JSON");
        let packages = lock["packages"].as_object().expect("has packages");
        assert!(packages.len() > 1, "{folder} has packages");
        let foreign = packages.iter().filter(|(path, _)| path.contains("node_modules/"));
        let refused = refused(foreign.map(|(path, package)| (path.clone(), text(&package["license"]))));
        assert!(refused.is_empty(), "deny.toml does not allow, in {folder}:\n  {}", refused.join("\n  "));
    }
}

#[test]
fn a_licence_that_is_not_listed_is_refused() {
    let check = |licence: &str| refused([("x".to_owned(), Some(licence.to_owned()))]).is_empty();
    assert!(check("MIT OR GPL-3.0-only"));
    assert!(check("Apache-2.0 WITH LLVM-exception"));
    assert!(!check("GPL-3.0-only"));
    assert!(!check("MIT AND GPL-3.0-only"));
    assert!(!check("Our own licence"));
    assert!(!refused([("x".to_owned(), None)]).is_empty());
}
