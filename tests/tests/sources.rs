//! Applications that come from the machine of whoever deploys: folders, archives, images in files and files that are served as they
//! are, on a real host with a real Docker.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::{fs, path::Path, process::Command, time::Duration};

use serde_json::{Value, json};
use steadyhand_tests::{
    app::App,
    command::{ended, steady},
    debian::WALLED,
    dockerd::IMAGE,
    proxy::Proxy,
    shop::{Shop, dockerfile, page},
};

/// What answers on port 3000 with the files in /w.
const SERVE: &str = "exec busybox httpd -f -p 3000 -h /w";

/// A host, and the application that a plan says comes from `source`.
async fn shop(source: &str) -> Shop {
    let shop = Shop::new("from git", "").await;
    shop.plans(&plan(&shop, source)).await;
    shop
}

fn plan(shop: &Shop, source: &str) -> String {
    Shop::plan(&shop.host, "").replace(r#"{ git: "file:///srv/shop.git", branch: main }"#, source)
}

/// Has a shell do something in a folder of this machine.
fn does(folder: &Path, script: &str) {
    let status = Command::new("sh").args(["-ec", script]).current_dir(folder).status().expect("sh starts");
    assert!(status.success(), "{script}");
}

/// A source in a folder of this machine that answers with `version`.
fn writes(folder: &Path, version: &str) {
    fs::create_dir_all(folder).expect("a folder");
    does(folder, &format!("{}{}", dockerfile(SERVE), page(version)));
}

/// The source of the newest deployment.
async fn source(shop: &Shop) -> Value {
    shop.deployments().await[0]["source"].clone()
}

#[tokio::test]
async fn of_a_folder_only_what_differs_travels_and_what_is_the_same_is_not_built_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    writes(here, "one");
    does(
        here,
        "mkdir -p .git node_modules/x docs; echo a >node_modules/x/a.js; echo secret >.env; echo ref >.git/HEAD
         echo '*.log' >.gitignore; echo b >a.log; echo c >docs/old.md; echo d >'docs/a b.md'",
    );
    let shop = shop(&format!("{{ folder: {} }}", here.display())).await;
    let run = shop.deployed(1).await;
    assert_eq!(shop.answers(), "one");
    let said = shop.log_of(&run, "Send the source").await;
    assert!(said.contains("Sent: 5 files, "), "{said}");
    let there = "cd /var/lib/steadyhand/apps/shop/source; find . ! -type d | sort";
    let files = shop.host.asked(there);
    assert_eq!(
        files.lines().collect::<Vec<_>>(),
        ["./.gitignore", "./Dockerfile", "./docs/a b.md", "./docs/old.md", "./index.html"]
    );
    let first = source(&shop).await;
    assert_eq!((&first["kind"], &first["from"]), (&json!("folder"), &json!(here)), "{first:#}");
    assert_eq!(first["sha256"].as_str().map(str::len), Some(64), "{first:#}");

    // One file is another, one is gone, and one is a folder now.
    does(
        here,
        "echo two >index.html; rm docs/old.md 'docs/a b.md'; mkdir 'docs/a b.md'; echo e >'docs/a b.md/c.md'",
    );
    let run = shop.deployed(2).await;
    assert_eq!(shop.answers(), "two");
    let said = shop.log_of(&run, "Send the source").await;
    assert!(
        said.contains("Sent: 2 files, 6 bytes; 2 files were the same already; 2 removed there"),
        "{said}"
    );
    let files = shop.host.asked(there);
    assert_eq!(
        files.lines().collect::<Vec<_>>(),
        ["./.gitignore", "./Dockerfile", "./docs/a b.md/c.md", "./index.html"]
    );
    assert_ne!(source(&shop).await["sha256"], first["sha256"]);

    // What does not travel changes nothing.
    does(here, "echo more >>a.log");
    let run = shop.deployed(3).await;
    let said = shop.log_of(&run, "Send the source").await;
    assert!(said.contains("Sent: no file differed; 4 files were the same already\n"), "{said}");
    let built = shop.log_of(&run, "Build the image").await;
    assert!(
        built.contains("those of deployment 2: its image is used again, and nothing is built"),
        "{built}"
    );

    // The first comes back without its source.
    fs::remove_dir_all(here).expect("it is removed");
    let (code, said) = ended(&mut steady(shop.data.path(), &["rollback", "shop", "--to", "1"])).await;
    assert_eq!((code, shop.answers().as_str()), (Some(0), "one"), "{said}");
    shop.app.end().await;
}
