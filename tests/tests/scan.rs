//! What is known to be vulnerable in the image of what serves, on a real host with a real Docker.
//!
//! Neither Trivy nor Grype comes with Debian, and both fetch their lists from elsewhere. So a stand-in of the name `trivy` (or
//! `grype`) is put into the PATH of the host: a script that writes what the real one does, in its format, whatever it is asked about.
#![allow(clippy::expect_used, clippy::panic, reason = "what goes wrong ends the test")]

use serde_json::{Value, json};
use steadyhand_tests::{
    command::{documents, ended, steady},
    shop::Shop,
};

/// The format of Trivy, with made-up contents.
const TRIVY: &str = include_str!("../../crates/deploy/tests/scans/trivy.json");
/// The format of Grype, with made-up contents.
const GRYPE: &str = include_str!("../../crates/deploy/tests/scans/grype.json");
const STEP: &str = "Scan the image";

/// Puts a stand-in for a scanner on the host, which notes what it was asked and then does `scans`.
fn stands_in(shop: &Shop, scanner: &str, scans: &str) {
    let text = format!(
        "#!/bin/sh\n# A stand-in for {scanner}, for tests.\ncase $1 in --version | version) echo 'Version: 0.70.0'; exit ;; esac\n\
         echo \"$0 $*\" >/run/asked; cat /proc/self/oom_score_adj >/run/badness\n{scans}\n"
    );
    shop.host.writes(&format!("/usr/local/bin/{scanner}"), &text);
    shop.host.does(&format!("chmod 755 /usr/local/bin/{scanner}"));
}

/// The newest deployment, and what is known of its image.
async fn scan(shop: &Shop) -> (Value, Value) {
    let deployment = shop.deployments().await[0].clone();
    let scan = shop.app.call("scan", json!({ "deployment_id": deployment["id"] })).await;
    (deployment, scan)
}

fn state(run: &Value) -> &str {
    let mut steps = run["steps"].as_array().expect("steps").iter();
    let step = steps.find(|step| step["name"] == STEP).expect("the step");
    step["state"].as_str().expect("a state")
}

/// What `steady deployment` writes, once for people and once as the published schema says.
async fn told(shop: &Shop, which: &str) -> (String, Value) {
    let (code, said) = ended(&mut steady(shop.data.path(), &["deployment", which])).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, document) = ended(&mut steady(shop.data.path(), &["deployment", which, "--json"])).await;
    assert_eq!(code, Some(0), "{document}");
    let document = documents("deployment", &document).remove(0);
    (said, document)
}

#[tokio::test]
async fn what_a_scanner_of_the_host_finds_is_counted_and_listed() {
    let shop = Shop::new("one", "  keep: 1\n").await;
    stands_in(&shop, "trivy", &format!("cat <<'END OF REPORT'\n{TRIVY}\nEND OF REPORT"));
    let run = shop.deployed(1).await;
    assert_eq!(state(&run), "completed", "{run:#}");
    let (first, found) = scan(&shop).await;
    assert_eq!(found["kind"], "scanned", "{found:#}");
    let known = &found["scan"];
    assert_eq!((&known["scanner"], &known["version"]), (&json!("trivy"), &json!("0.70.0")), "{known:#}");
    assert_eq!(known["scanned_at"], first["scanned_at"], "{first:#}");
    assert_eq!(known["counts"], json!({ "critical": 1, "high": 2, "medium": 1, "low": 1, "unknown": 1 }));
    let list = known["found"].as_array().expect("a list");
    assert_eq!((list.len(), &list[0]["severity"]), (6, &json!("critical")), "{list:#?}");
    assert_eq!(list[1]["fixed"], "3.0.17-1", "{list:#?}");
    // It was asked about the image that was deployed.
    let asked = shop.host.asked("cat /run/asked");
    assert!(asked.contains("trivy image --quiet --format json"), "{asked}");
    assert!(asked.trim_end().contains(" steadyhand/shop:1-"), "{asked}");

    let (said, document) = told(&shop, "shop/1").await;
    assert!(
        said.contains("Vulnerabilities: 1 critical, 2 high, 1 medium, 1 low, 1 unknown (Trivy 0.70.0, "),
        "{said}"
    );
    assert!(said.contains("CVE-2099-0001 libssl3 3.0.16-1 → 3.0.17-1  openssl: a made-up flaw"), "{said}");
    assert_eq!(document["scan"]["scan"]["counts"]["critical"], 1, "{document:#}");

    // It is the first to go when memory is short, and no registry is asked for the image.
    assert!(asked.contains(" --image-src docker "), "{asked}");
    assert_eq!(shop.host.asked("cat /run/badness"), "1000\n");

    // The same image is not scanned again on the same day, and what was found is known of it as well.
    shop.host.does("rm /run/asked");
    let (code, said) = ended(&mut steady(shop.data.path(), &["restart", "shop"])).await;
    assert_eq!(code, Some(0), "{said}");
    let run = shop.app.ended(&shop.project, 2).await;
    let log = shop.log_of(&run, STEP).await;
    assert!(log.starts_with("The same image was scanned ") && log.contains("with trivy 0.70.0"), "{log}");
    shop.host.does("! [ -e /run/asked ]");
    let (again, found) = scan(&shop).await;
    assert_eq!((&again["number"], &found["scan"]["found"]), (&json!(2), &known["found"]), "{found:#}");
    assert_eq!(found["scan"]["counts"], known["counts"]);
    // After a day it is.
    shop.host.does(
        "for file in /var/lib/steadyhand/apps/shop/releases/*/scanned; do
         read -r id at rest <$file; echo $id $((at - 86401)) $rest >$file; done",
    );
    assert_eq!(state(&shop.deployed(3).await), "completed");
    shop.host.does("[ -e /run/asked ]");

    // The next one says `off`, and is not scanned; nor is one on a host that has no scanner.
    shop.plans(&Shop::plan(&shop.host, "  keep: 1\n  scan: off\n")).await;
    assert_eq!(state(&shop.deployed(4).await), "completed");
    let (_, found) = scan(&shop).await;
    assert_eq!(found, json!({ "kind": "none", "reason": "The plan says `scan: off`." }));
    shop.host.does("rm /usr/local/bin/trivy");
    shop.push(&steadyhand_tests::shop::page("three"), "three");
    shop.plans(&Shop::plan(&shop.host, "  keep: 1\n")).await;
    let run = shop.deployed(5).await;
    let log = shop.log_of(&run, STEP).await;
    assert!(log.contains("neither Trivy nor Grype is installed here") && log.lines().count() == 1, "{log}");
    assert_eq!(state(&run), "completed");
    let (_, found) = scan(&shop).await;
    assert!(
        found["reason"].as_str().expect("a reason").contains("Neither Trivy nor Grype is installed on web1")
    );
    let (said, _) = told(&shop, "shop").await;
    assert!(said.contains("Vulnerabilities: not known. Neither Trivy"), "{said}");

    // Where Grype is there, it is asked. Of an image that is kept no more, the counts are still known.
    stands_in(&shop, "grype", &format!("cat <<'END OF REPORT'\n{GRYPE}\nEND OF REPORT"));
    shop.push(&steadyhand_tests::shop::page("four"), "four");
    shop.deployed(6).await;
    let (_, found) = scan(&shop).await;
    assert_eq!((&found["scan"]["scanner"], &found["scan"]["counts"]["low"]), (&json!("grype"), &json!(2)));
    let deployments = shop.deployments().await;
    let first = deployments.last().expect("the first");
    assert_eq!(first["image_kept"], false, "{first:#}");
    let found = shop.app.call("scan", json!({ "deployment_id": first["id"] })).await;
    assert_eq!((&found["scan"]["found"], &found["scan"]["counts"]["high"]), (&Value::Null, &json!(2)));
    shop.app.end().await;
}

#[tokio::test]
async fn a_scanner_that_fails_hangs_or_writes_nonsense_fails_no_deployment() {
    let shop = Shop::new("one", "").await;
    let mut number = 0;
    for (scans, plan, says) in [
        ("echo 'FATAL cannot fetch the list' >&2; exit 1", "", "trivy ended with status 1"),
        // It would end after an hour.
        ("exec sleep 3600", "  scan: { timeout: 1s }\n", "trivy was not done within 1 s"),
        ("echo no JSON", "", ""),
    ] {
        stands_in(&shop, "trivy", scans);
        shop.plans(&Shop::plan(&shop.host, plan)).await;
        number += 1;
        let run = shop.deploy(number).await;
        assert_eq!((run["run"]["state"].as_str(), state(&run)), (Some("completed"), "failed"), "{run:#}");
        let log = shop.log_of(&run, STEP).await;
        assert!(log.contains(says), "{log}");
        let (deployment, found) = scan(&shop).await;
        assert_eq!((&deployment["state"], shop.answers().as_str()), (&json!("ready"), "one"));
        let reason = found["reason"].as_str().expect("a reason");
        assert!(reason.contains("“Scan the image”") && reason.contains(&format!("run {number}")), "{reason}");
        if says.is_empty() {
            let steps = run["steps"].as_array().expect("steps");
            let step = steps.iter().find(|step| step["name"] == STEP).expect("the step");
            let why = step["reason_text"].as_str().expect("a reason");
            assert!(why.contains("is not the JSON that it is known for"), "{why}");
        }
    }
    // Nothing of it is left running, and nothing of what it wrote.
    shop.host
        .does("! pgrep -f 'sleep 3600'; ! ls /var/lib/steadyhand/apps/shop/releases/*/scan.json 2>/dev/null");
    shop.app.end().await;
}

/// Waits until a scanner has begun, and has its run still going on.
async fn until_it_scans(shop: &Shop, number: u64) {
    shop.app.run(&shop.project, number, |detail| state(detail) == "running").await;
    shop.host.does("read -r begun </run/begun");
}

#[tokio::test]
async fn a_scan_outlives_the_app_and_a_stop_of_it_leaves_what_serves_alone() {
    let mut shop = Shop::new("one", "").await;
    let waits =
        format!("echo >/run/begun; read -r go </run/go\ncat <<'END OF REPORT'\n{TRIVY}\nEND OF REPORT");
    shop.host.does("mkfifo /run/begun /run/go");
    stands_in(&shop, "trivy", &waits);
    shop.app.call("start_run", json!({ "project_id": shop.project })).await;
    until_it_scans(&shop, 1).await;
    let app = shop.app.kill_and_start_again().await;
    shop = Shop { app, ..shop };
    shop.host.does("echo >/run/go");
    let run = shop.app.ended(&shop.project, 1).await;
    assert_eq!((run["run"]["state"].as_str(), state(&run)), (Some("completed"), "completed"), "{run:#}");
    let (_, found) = scan(&shop).await;
    assert_eq!(found["scan"]["counts"]["critical"], 1, "{found:#}");
    assert!(
        std::fs::read_dir(shop.data.path()).expect("the data folder").all(|entry| {
            !entry.expect("an entry").file_name().to_string_lossy().starts_with("collected")
        })
    );

    shop.push(&steadyhand_tests::shop::page("two"), "another image");
    shop.app.call("start_run", json!({ "project_id": shop.project })).await;
    until_it_scans(&shop, 2).await;
    let run = shop.app.run(&shop.project, 2, |_| true).await;
    shop.app.call("stop_run", json!({ "run_id": run["run"]["id"] })).await;
    let run = shop.app.ended(&shop.project, 2).await;
    assert_eq!(run["run"]["state"], "stopped", "{run:#}");
    assert_eq!(
        (shop.answers().as_str(), shop.states().await),
        ("two", vec!["ready".into(), "superseded".into()])
    );
    shop.host.does("! pgrep -f /usr/local/bin/trivy; ! ls /var/lib/steadyhand/apps/shop/releases/*/scan.json 2>/dev/null");
    shop.app.end().await;
}
