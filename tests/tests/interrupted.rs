//! Deployments whose Steadyhand is killed, whose connection is lost and which are stopped, in each stage and between any two of them.
#![allow(clippy::expect_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::time::Duration;

use serde_json::{Value, json};
use steadyhand_tests::{
    proxy::Proxy,
    shop::{Shop, page},
};

/// The stages, in order.
const STAGES: [&str; 9] = [
    "Prepare",
    "Fetch the repository",
    "Detect",
    "Build the image",
    "Start the containers",
    "Wait until they are healthy",
    "Run the hooks",
    "Switch traffic",
    "Drain and stop the old containers",
];
/// Each stage takes long enough to be interrupted.
const MORE: &str = "  hooks: { on_deploy: [\"sleep 1\"] }\n  health: { path: / }\n";

/// What happens to a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    /// Steadyhand is killed, and started again.
    Killed,
    /// Its connections to the host are reset.
    Cut,
}

/// The shop, reached by way of a proxy.
async fn shop() -> (Shop, Proxy) {
    let shop = Shop::new("version 1", MORE).await;
    let proxy = Proxy::start(shop.host.port(), Duration::ZERO).await;
    let behind = Shop::plan(&shop.host, MORE)
        .replace(&format!("port: {}", shop.host.port()), &format!("port: {}", proxy.port));
    shop.plans(&behind).await;
    shop.host.is_known_at(proxy.port, shop.data.path());
    shop.deployed(1).await;
    (shop, proxy)
}

async fn befalls(mishap: Mishap, shop: Shop, proxy: &Proxy) -> Shop {
    match mishap {
        Mishap::Killed => Shop { app: shop.app.kill_and_start_again().await, ..shop },
        Mishap::Cut => {
            proxy.reset();
            shop
        }
    }
}

/// Begins to deploy a new version.
async fn begins(shop: &Shop, number: u64) {
    let version = format!("version {number}");
    let slow = "sed -i '/^RUN busybox sleep/d; 2i RUN busybox sleep 1' Dockerfile\n";
    shop.push(&format!("{slow}{}", page(&version)), &version);
    shop.app.call("start_run", json!({ "project_id": shop.project })).await;
}

fn state<'d>(detail: &'d Value, stage: &str) -> &'d str {
    let steps = detail["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["name"] == stage).expect("the stage");
    step["state"].as_str().expect("a state")
}

/// Exactly this deployment serves: with one container, one route, and as the only one that is ready.
async fn serves(shop: &Shop, number: u64, what: &str) {
    let (answers, containers) = (shop.answers(), shop.containers());
    assert_eq!(
        (answers, containers),
        (format!("version {number}"), vec![format!("shop-{number}-1")]),
        "{what}"
    );
    let deployments = shop.deployments().await;
    let ready: Vec<&Value> = deployments.iter().filter(|one| one["state"] == "ready").collect();
    assert_eq!(ready.len(), 1, "{what}: {deployments:#?}");
    assert_eq!(ready[0]["number"], number, "{what}");
    let routes =
        shop.host.asked_as(steadyhand_tests::debian::WALLED, "nft list tables | grep -c steadyhand_");
    assert_eq!(routes.trim(), "1", "{what}");
    let lease = shop.host.asked("ls /var/lib/steadyhand/apps/shop | grep -cx lease || true");
    assert_eq!(lease.trim(), "0", "{what}: nobody deploys any more");
}

#[tokio::test]
async fn whatever_befalls_it_in_a_stage_a_deployment_ends_as_it_should() {
    let (mut shop, proxy) = shop().await;
    let mut number = 1;
    for mishap in [Mishap::Killed, Mishap::Cut] {
        for stage in STAGES {
            number += 1;
            begins(&shop, number).await;
            shop.app.run(&shop.project, number, |detail| state(detail, stage) != "pending").await;
            shop = befalls(mishap, shop, &proxy).await;
            let run = shop.app.ended(&shop.project, number).await;
            shop.completed(&run).await;
            serves(&shop, number, &format!("{mishap:?} in {stage}")).await;
        }
    }
    shop.app.end().await;
}

#[tokio::test]
async fn whatever_befalls_it_between_two_stages_a_deployment_ends_as_it_should() {
    let (mut shop, proxy) = shop().await;
    for (number, mishap) in [(2, Mishap::Killed), (3, Mishap::Cut)] {
        begins(&shop, number).await;
        for stages in STAGES.windows(2) {
            shop = pauses_after(shop, number, stages[0]).await;
            shop = befalls(mishap, shop, &proxy).await;
            let run = shop.app.run(&shop.project, number, |detail| detail["run"]["state"] == "paused").await;
            assert_eq!(state(&run, stages[1]), "pending");
            shop.app.call("resume_run", json!({ "run_id": run["run"]["id"] })).await;
        }
        let run = shop.app.ended(&shop.project, number).await;
        shop.completed(&run).await;
        serves(&shop, number, &format!("{mishap:?} between all stages")).await;
    }
    shop.app.end().await;
}

/// Has the run pause after a stage that has not ended.
async fn pauses_after(shop: Shop, number: u64, stage: &str) -> Shop {
    let run = shop.app.run(&shop.project, number, |detail| state(detail, stage) != "pending").await;
    shop.app.call("pause_run", json!({ "run_id": run["run"]["id"] })).await;
    let run = shop.app.run(&shop.project, number, |detail| detail["run"]["state"] == "paused").await;
    assert_eq!(state(&run, stage), "completed", "{run:#}");
    shop
}

#[tokio::test]
async fn a_deployment_that_is_stopped_leaves_nothing_and_the_one_before_serves() {
    let (mut shop, _proxy) = shop().await;
    let mut number = 1;
    // Between two stages of those before the switch.
    for stages in STAGES[..8].windows(2) {
        number += 1;
        begins(&shop, number).await;
        shop = pauses_after(shop, number, stages[0]).await;
        stops(&shop, number, &format!("after {}", stages[0])).await;
        serves(&shop, 1, &format!("stopped after {}", stages[0])).await;
    }
    // And in each of them.
    for stage in &STAGES[..7] {
        number += 1;
        begins(&shop, number).await;
        shop.app.run(&shop.project, number, |detail| state(detail, stage) != "pending").await;
        stops(&shop, number, stage).await;
        serves(&shop, 1, &format!("stopped in {stage}")).await;
    }
    // In the switch it has happened, or it has not; the one or the other serves.
    number += 1;
    begins(&shop, number).await;
    shop.app.run(&shop.project, number, |detail| state(detail, "Switch traffic") != "pending").await;
    shop.app.call("stop_run", json!({ "run_id": run_id(&shop, number).await })).await;
    let run = shop.app.ended(&shop.project, number).await;
    let now = if state(&run, "Switch traffic") == "completed" { number } else { 1 };
    assert_eq!(shop.answers(), format!("version {now}"));
    // The next one is not kept from anything by those before.
    number += 1;
    begins(&shop, number).await;
    let run = shop.app.ended(&shop.project, number).await;
    shop.completed(&run).await;
    serves(&shop, number, "after all those that were stopped").await;
    shop.app.end().await;
}

async fn run_id(shop: &Shop, number: u64) -> Value {
    shop.app.run(&shop.project, number, |_| true).await["run"]["id"].clone()
}

async fn stops(shop: &Shop, number: u64, what: &str) {
    shop.app.call("stop_run", json!({ "run_id": run_id(shop, number).await })).await;
    let run = shop.app.ended(&shop.project, number).await;
    assert_eq!(run["run"]["state"], "stopped", "{what}: {run:#}");
    let state = shop.deployments().await[0]["state"].clone();
    assert!(state == "cancelled" || state == "failed", "{what}: {state}");
}
