//! Visitors of an application who must not notice that it is deployed.
#![allow(clippy::expect_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::{
    io::{self, Write},
    process::Stdio,
};

use serde_json::Value;
use steadyhand_tests::{
    command::{ended, steady},
    images::PYTHON,
    shop::Shop,
};
use tokio::io::AsyncWriteExt;

/// The application, and those who visit it.
const SERVER: &str = include_str!("visitors/server.py");
const VISITORS: &str = include_str!("visitors/visitors.py");
/// So many deployments, and so many times back and forth.
const DEPLOYMENTS: u64 = 20;
const ROLLBACKS: u64 = 5;

/// The plan's part: who talks over a websocket is given two seconds to leave.
const MORE: &str = "  domains: [\"http://plain.test\", shop.test]\n  drain: 2s\n  health: { path: / }\n";

#[tokio::test]
async fn no_visitor_notices_that_deployments_take_each_others_place() {
    let shop = Shop::new("1", MORE).await;
    PYTHON.import(&shop.docker);
    shop.host.writes("/srv/work/server.py", SERVER);
    let dockerfile = format!(
        "FROM {}\nCOPY server.py version /app/\nEXPOSE 3000\n\
         CMD [\"/bin/python\", \"-u\", \"/app/server.py\"]\n",
        PYTHON.name
    );
    shop.host.writes("/srv/work/Dockerfile", &dockerfile);
    shop.push("echo 1 >version", "version 1");
    shop.deployed(1).await;
    let mut visitors = tokio::process::Command::new("nsenter")
        .arg(format!("--net={}", shop.docker.network().display()))
        .args(["/usr/bin/python3", "-c", VISITORS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("nsenter and python3 start");
    let mut input = visitors.stdin.take().expect("its input");
    let mut say = async |least: u64| {
        input.write_all(format!("{least}\n").as_bytes()).await.expect("it listens");
    };
    for number in 2..=DEPLOYMENTS {
        shop.push(&format!("echo {number} >version"), &format!("version {number}"));
        shop.deployed(number).await;
        say(number).await;
    }
    for back in 0..ROLLBACKS {
        // What comes back first is an earlier version: from now on it will do.
        let to = if back % 2 == 0 { DEPLOYMENTS - 1 } else { DEPLOYMENTS };
        say(DEPLOYMENTS - 1).await;
        let (code, said) =
            ended(&mut steady(shop.data.path(), &["rollback", "shop", "--to", &to.to_string()])).await;
        assert_eq!(code, Some(0), "{said}");
        say(to).await;
    }
    drop(input);
    let said = visitors.wait_with_output().await.expect("they end").stdout;
    let said: Value = serde_json::from_slice(&said).expect("what they saw");
    // Where it is seen also when the test succeeds: what is printed is shown of tests that fail alone.
    writeln!(io::stderr(), "{DEPLOYMENTS} deployments and {ROLLBACKS} rollbacks under load: {said}")
        .expect("the figures are told");
    for kind in ["http/1.1", "http/1.1 slow", "https/1.1", "http/2", "websocket"] {
        assert!(said["answered"][kind].as_u64().is_some_and(|count| count > 50), "{kind}: {said}");
    }
    assert_eq!(said["failed"], serde_json::json!({}), "{said}");
    assert_eq!(said["stale"], serde_json::json!({}), "{said}");
    // Each application that goes says so to who talks with it, and nobody else hangs up.
    assert!(said["reconnected"].as_u64().is_some_and(|count| count <= DEPLOYMENTS + ROLLBACKS), "{said}");
    shop.host.does("pkill caddy || true");
    shop.app.end().await;
}
