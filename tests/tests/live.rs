//! An application that is deployed, as it is now: its containers, what they write, where it is reached, and starting it anew.
#![allow(clippy::expect_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::process::Stdio;

use serde_json::{Value, json};
use steadyhand_tests::{
    command::{ended, steady},
    shop::{Shop, dockerfile, page},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

/// An application that writes two lines when it starts.
const CHATTY: &str = "echo started $GREETING; echo second line; exec busybox httpd -f -p 3000 -h /w";

#[tokio::test]
async fn what_serves_tells_how_it_is_and_is_started_anew_without_a_build() {
    let shop =
        Shop::new("one", "  replicas: 2\n  resources: { memory: 64m }\n  domains: [\"http://shop.test\"]\n")
            .await;
    shop.push(&dockerfile(CHATTY), "chatty");
    let (code, said) = ended(&mut steady(shop.data.path(), &["deploy", "shop"])).await;
    assert_eq!(code, Some(0), "{said}");

    let first = shop.deployments().await[0].clone();
    let live = shop.app.call("live", json!({ "deployment_id": first["id"] })).await;
    assert_eq!(live["addresses"], json!(["http://shop.test"]), "{live:#}");
    assert_eq!((&live["host"], &live["port"]), (&json!("web1"), &json!(4100)));
    let containers = live["containers"].as_array().expect("containers");
    assert_eq!(containers.len(), 2, "{live:#}");
    for (container, replica) in containers.iter().zip(1..) {
        assert_eq!((&container["replica"], &container["state"]), (&json!(replica), &json!("running")));
        assert_eq!(container["memory_limit"], 64 << 20, "{container:#}");
        assert!(container["memory"].as_u64().is_some_and(|bytes| bytes > 0), "{container:#}");
    }

    let (code, said) = ended(&mut steady(shop.data.path(), &["logs", "shop", "--container"])).await;
    assert_eq!(code, Some(0), "{said}");
    for replica in ["1", "2"] {
        let line = format!(" {replica} started hello world");
        assert!(said.lines().any(|found| found.ends_with(&line)), "no “{line}” in {said}");
    }
    assert_eq!(said.matches("second line").count(), 2, "{said}");
    let (code, said) = ended(&mut steady(shop.data.path(), &["open", "shop", "--print"])).await;
    assert_eq!((code, said.trim()), (Some(0), "shop is at http://shop.test"));

    let (code, said) = ended(&mut steady(shop.data.path(), &["restart", "shop"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        (shop.answers().as_str(), shop.containers()),
        ("one", vec!["shop-2-1".to_owned(), "shop-2-2".to_owned()])
    );
    let second = &shop.deployments().await[0];
    assert_eq!((&second["kind"], &second["takes_from_number"]), (&json!("restart"), &json!(1)), "{second:#}");
    assert_eq!(second["image"], first["image"]);
    assert_eq!(shop.states().await, ["ready", "superseded"]);

    // Stopped, it is kept and answers nobody; then it is started again.
    let (code, said) = ended(&mut steady(shop.data.path(), &["down", "shop"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((shop.answers().as_str(), environment(&shop).await.as_str()), ("nothing", "paused"));
    assert_eq!(shop.containers(), ["shop-2-1", "shop-2-2"], "they are kept");
    let (code, said) = ended(&mut steady(shop.data.path(), &["down", "shop"])).await;
    assert!(code == Some(1) && said.contains("it is stopped already"), "{code:?} {said}");
    let (code, said) = ended(&mut steady(shop.data.path(), &["up", "shop"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((shop.answers().as_str(), environment(&shop).await.as_str()), ("one", "running"));
    assert_eq!(shop.containers(), ["shop-3-1", "shop-3-2"]);
    // A stop that fails leaves it running, and is tried again as what it is.
    shop.host.does("printf '#!/bin/sh\nexit 1\n' >/usr/local/bin/docker; chmod 755 /usr/local/bin/docker");
    let (code, said) = ended(&mut steady(shop.data.path(), &["down", "shop"])).await;
    shop.host.does("rm /usr/local/bin/docker");
    assert!(code == Some(1) && environment(&shop).await == "running", "{code:?} {said}");
    let number =
        shop.app.call("runs", json!({ "project_id": shop.project, "limit": 1 })).await[0]["number"].clone();
    let (code, said) = ended(&mut steady(shop.data.path(), &["retry", &format!("shop/{number}")])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((shop.answers().as_str(), environment(&shop).await.as_str()), ("nothing", "paused"));
    // The next deployment starts it, too.
    shop.push(&page("four"), "four");
    let (code, said) = ended(&mut steady(shop.data.path(), &["deploy", "shop"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((shop.answers().as_str(), environment(&shop).await.as_str()), ("four", "running"));

    // What serves no more is not started anew, and what serves is not brought back.
    let refused = shop.app.try_call("restart", json!({ "deployment_id": first["id"] })).await;
    assert!(refused.expect_err("a refusal").message.contains("it does not serve"));
    let current = &shop.deployments().await[0];
    let refused = shop.app.try_call("rollback", json!({ "deployment_id": current["id"] })).await;
    assert!(refused.expect_err("a refusal").message.contains("it serves now"));
    shop.host.does("pkill caddy || true");
    shop.app.end().await;
}

#[tokio::test]
async fn a_restart_is_nothing_to_go_back_to_and_a_start_that_fails_leaves_it_stopped() {
    let shop = Shop::new("one", "  keep: 1\n").await;
    shop.deployed(1).await;
    shop.push(&page("two"), "two");
    shop.deployed(2).await;
    for command in ["restart", "restart"] {
        let (code, said) = ended(&mut steady(shop.data.path(), &[command, "shop"])).await;
        assert_eq!(code, Some(0), "{said}");
    }
    assert_eq!((shop.answers().as_str(), shop.containers()), ("two", vec!["shop-4-1".to_owned()]));
    // What served before the restarts is kept, and it is what a rollback goes back to.
    let (code, said) = ended(&mut steady(shop.data.path(), &["rollback", "shop"])).await;
    assert_eq!((code, shop.answers().as_str()), (Some(0), "one"), "{said}");
    let back = shop.deployments().await[0].clone();
    assert_eq!((&back["kind"], &back["takes_from_number"]), (&json!("rollback"), &json!(1)), "{back:#}");

    let (code, said) = ended(&mut steady(shop.data.path(), &["down", "shop"])).await;
    assert_eq!(code, Some(0), "{said}");
    // Its image is gone: somebody has tidied up.
    shop.host.does("docker rm -f $(docker ps -aq) >/dev/null; docker rmi -f $(docker images -q steadyhand/shop) >/dev/null");
    let (code, said) = ended(&mut steady(shop.data.path(), &["up", "shop"])).await;
    assert!(code == Some(1) && said.contains("is not kept on this host any more"), "{code:?} {said}");
    assert_eq!((shop.answers().as_str(), environment(&shop).await.as_str()), ("nothing", "paused"));
    // Built anew it serves again.
    let (code, said) = ended(&mut steady(shop.data.path(), &["deploy", "shop"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((shop.answers().as_str(), environment(&shop).await.as_str()), ("two", "running"));
    shop.app.end().await;
}

#[tokio::test]
async fn a_deployment_that_serves_and_is_looked_at_still_gives_way_to_the_next() {
    let shop = Shop::new("one", "").await;
    shop.deployed(1).await;
    // A stand-in for a scanner, which takes its time.
    shop.host.does("printf '#!/bin/sh\n[ \"$1\" = --version ] || exec sleep 3456\n' >/usr/local/bin/trivy; chmod 755 /usr/local/bin/trivy");
    shop.push(&page("two"), "two");
    shop.app.call("start_run", json!({ "project_id": shop.project })).await;
    let scans = |detail: &Value| {
        let steps = detail["steps"].as_array().expect("steps");
        steps.iter().any(|step| step["name"] == "Scan the image" && step["state"] == "running")
    };
    shop.app.run(&shop.project, 2, scans).await;
    assert_eq!(shop.answers(), "two");
    shop.app.call("rollback", json!({ "deployment_id": shop.deployments().await[1]["id"] })).await;
    let looked = shop.app.ended(&shop.project, 2).await;
    assert_eq!(looked["run"]["state"], "stopped");
    shop.app.run(&shop.project, 3, scans).await;
    assert_eq!(
        (shop.answers().as_str(), shop.states().await),
        ("one", ["ready", "superseded", "superseded"].map(str::to_owned).to_vec())
    );
    // Nobody looks for ever.
    let run = shop.app.run(&shop.project, 3, |_| true).await;
    shop.app.call("stop_run", json!({ "run_id": run["run"]["id"] })).await;
    shop.app.ended(&shop.project, 3).await;
    assert_eq!(shop.states().await, ["ready", "superseded", "superseded"]);
    shop.app.end().await;
}

/// What the environment is.
async fn environment(shop: &Shop) -> String {
    let environments = shop.app.call("environments", json!({ "project_id": shop.project })).await;
    environments[0]["state"].as_str().expect("a state").to_owned()
}

#[tokio::test]
async fn what_containers_write_is_followed_from_one_deployment_to_the_next() {
    let shop = Shop::new("one", "").await;
    shop.push(&dockerfile(CHATTY), "chatty");
    shop.deployed(1).await;
    let mut logs: Command = steady(shop.data.path(), &["logs", "shop", "--container", "--follow", "--json"]);
    let mut logs = logs.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("steady starts");
    let mut lines = BufReader::new(logs.stdout.take().expect("its output")).lines();
    let mut next = async || -> Value {
        let line = lines.next_line().await.expect("readable").expect("a line");
        serde_json::from_str(&line).expect("JSON")
    };
    let line = next().await;
    assert_eq!((&line["kind"], &line["deployment"]), (&json!("container_line"), &json!(1)), "{line}");
    assert_eq!(line["text"], "started hello world");
    assert_eq!(next().await["text"], "second line");
    shop.host.does("docker exec $(docker ps -q) sh -c 'echo a visitor >/proc/1/fd/1'");
    assert_eq!(next().await["text"], "a visitor");
    shop.push(&page("two"), "two");
    shop.deployed(2).await;
    let line = next().await;
    assert_eq!((&line["deployment"], &line["text"]), (&json!(2), &json!("started hello world")), "{line}");
    shop.app.end().await;
}

#[tokio::test]
async fn one_without_a_name_is_reached_through_the_connection() {
    let shop = Shop::new("one", "").await;
    shop.is_reached_from_here().await;
    let (code, said) = ended(&mut steady(shop.data.path(), &["open", "shop"])).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("shop was never deployed; a plan with `app:` deploys it"), "{said}");
    shop.deployed(1).await;
    let mut open: Command = steady(shop.data.path(), &["open", "shop", "--json"]);
    let mut open = open.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("steady starts");
    let mut lines = BufReader::new(open.stdout.take().expect("its output")).lines();
    let line = lines.next_line().await.expect("readable").expect("a line");
    let opened: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(opened["through_here"], true, "{opened:#}");
    let address = opened["address"].as_str().expect("an address");
    let page = reqwest::get(address).await.expect("an answer").text().await.expect("a page");
    assert_eq!(page.trim(), "one");
    shop.app.end().await;
}
