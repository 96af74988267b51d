//! The jobs of an application, on a real host with a real Docker and the cron of Debian.
#![allow(clippy::expect_used, clippy::panic, reason = "what goes wrong ends the test")]

use serde_json::{Value, json};
use steadyhand_tests::{
    command::{self, ended, steady},
    shop::{Shop, page},
};

const CRONTAB: &str = "/etc/cron.d/steadyhand-shop";

/// The line of the table with which cron starts a job, without its time and user.
fn line(shop: &Shop, job: &str) -> String {
    let table = shop.host.asked(&format!("cat {CRONTAB}"));
    let line = table.lines().find(|line| line.ends_with(&format!(" {job}"))).expect("a line of the job");
    let (_, command) = line.split_once(" root ").expect("a user");
    command.to_owned()
}

/// Starts a job as cron does, with the little environment that it gives, and gives its status.
fn started_as_cron_does(shop: &Shop, job: &str) -> String {
    let line = line(shop, job);
    let cron = "env -i HOME=/root LOGNAME=root SHELL=/bin/sh PATH=/usr/bin:/bin /bin/sh -c";
    shop.host.asked(&format!("cd /root; {cron} '{line}' >/dev/null && echo 0 || echo $?")).trim().to_owned()
}

/// What `steady jobs` writes, each line of which is as the published schema says.
async fn documents(shop: &Shop, arguments: &[&str]) -> Vec<Value> {
    let (code, said) = ended(steady(shop.data.path(), &["jobs", "shop", "--json"]).args(arguments)).await;
    assert_eq!(code, Some(0), "{said}");
    command::documents("jobs", &said)
}

/// The state of the step that sets up the jobs.
fn state(run: &Value) -> &str {
    let mut steps = run["steps"].as_array().expect("steps").iter();
    let step = steps.find(|step| step["name"] == "Set up the jobs").expect("the step");
    step["state"].as_str().expect("a state")
}

/// The jobs, as the host of the newest deployment tells them.
async fn jobs(shop: &Shop) -> Vec<Value> {
    let id = shop.deployments().await[0]["id"].clone();
    let told = shop.app.call("cron_jobs", json!({ "deployment_id": id })).await;
    assert_eq!(told["host"], "web1", "{told:#}");
    told["jobs"].as_array().expect("jobs").clone()
}

async fn job(shop: &Shop, name: &str) -> Value {
    let all = jobs(shop).await;
    all.iter().find(|job| job["name"] == name).unwrap_or_else(|| panic!("{all:#?}")).clone()
}

/// What the newest run of a job has written.
async fn written(shop: &Shop, name: &str) -> String {
    let id = shop.deployments().await[0]["id"].clone();
    let job = job(shop, name).await;
    let request = json!({ "deployment_id": id, "job": name, "run": job["runs"][0]["id"] });
    shop.app.call("cron_log", request).await["text"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_job_runs_in_the_release_that_serves_and_each_run_is_recorded() {
    let tell = r#"  cron:
    - { schedule: "0 3 * * mon-fri", run: "echo $GREETING from $(busybox cat /w/index.html); echo worse >&2; exit 7", name: tell }
    - { schedule: "@daily", run: "busybox head -c 200000 /dev/zero | busybox tr '\\0' x; echo; echo the end", name: much }
"#;
    let shop = Shop::new("one", tell).await;
    shop.host.does("cron");
    let run = shop.deployed(1).await;
    let log = shop.log_of(&run, "Set up the jobs").await;
    assert!(log.contains("tell: 0 3 * * mon-fri: echo $GREETING"), "{log}");

    let tell = job(&shop, "tell").await;
    assert_eq!((&tell["schedule"], &tell["runs"]), (&json!("0 3 * * mon-fri"), &json!([])), "{tell:#}");
    assert!(tell["next"].is_number(), "{tell:#}");
    assert_eq!(started_as_cron_does(&shop, "tell"), "7");
    let run = job(&shop, "tell").await["runs"][0].clone();
    assert_eq!((&run["state"], &run["status"]), (&json!("failed"), &json!(7)), "{run:#}");
    assert_eq!((&run["deployment"], &run["skipped"]), (&json!(1), &json!(0)), "{run:#}");
    assert!(run["ended_at"].as_f64() >= run["started_at"].as_f64(), "{run:#}");
    assert_eq!(written(&shop, "tell").await, "hello world from one\nworse\n");

    // Of a lot, the beginning and the end are kept.
    assert_eq!(started_as_cron_does(&shop, "much"), "0");
    let much = written(&shop, "much").await;
    assert!(much.starts_with("xxx") && much.ends_with("x\nthe end\n"), "{}", much.len());
    assert!(much.contains("[What it wrote here is left out.]") && much.len() < 64 * 1024, "{}", much.len());

    // With the next deployment, the next run is of that one; with the way back, of the one before.
    shop.push(&page("two"), "two");
    shop.deployed(2).await;
    assert_eq!(started_as_cron_does(&shop, "tell"), "7");
    assert_eq!(written(&shop, "tell").await, "hello world from two\nworse\n");
    let (code, said) = ended(&mut steady(shop.data.path(), &["rollback", "shop", "--to", "1"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(started_as_cron_does(&shop, "tell"), "7");
    assert_eq!(written(&shop, "tell").await, "hello world from one\nworse\n");
    let deployments = job(&shop, "tell").await["runs"].as_array().expect("runs").clone();
    let deployments: Vec<&Value> = deployments.iter().map(|run| &run["deployment"]).collect();
    assert_eq!(deployments, [&json!(3), &json!(2), &json!(1)]);

    let (code, said) = ended(&mut steady(shop.data.path(), &["jobs", "shop"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("tell: echo $GREETING") && said.contains("failed (status 7)"), "{said}");
    let all = documents(&shop, &[]).await;
    assert_eq!((&all[0]["host"], &all[0]["jobs"][1]["name"]), (&json!("web1"), &json!("tell")), "{all:#?}");
    let shown = &documents(&shop, &["tell"]).await[0];
    assert_eq!(shown["text"], "hello world from one\nworse\n", "{shown:#}");
    let (code, said) = ended(&mut steady(shop.data.path(), &["jobs", "shop", "none"])).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("shop has no job none; there are: much, tell"), "{said}");
    shop.app.end().await;
}

#[tokio::test]
async fn a_job_that_runs_is_not_started_again_and_outlives_a_switch_and_its_removal() {
    // It waits for a file in a volume, and says that it has begun with another one.
    let more = r#"  volumes: { data: /data }
  cron:
    - { schedule: "*/5 * * * *", run: "echo $$ >/data/begun; until [ -f /data/go ]; do busybox sleep 0.1; done; busybox cat /w/index.html", name: wait }
"#;
    let shop = Shop::new("one", more).await;
    shop.host.does("cron");
    shop.deployed(1).await;
    let line = line(&shop, "wait");
    shop.host.does(&format!(
        "setsid {line} >/dev/null 2>&1 </dev/null &\nuntil docker exec $(docker ps -q --filter label=steadyhand.app=shop) busybox test -f /data/begun; do :; done"
    ));
    assert_eq!(started_as_cron_does(&shop, "wait"), "75");
    let run = job(&shop, "wait").await["runs"][0].clone();
    assert_eq!((&run["state"], &run["skipped"]), (&json!("running"), &json!(1)), "{run:#}");

    shop.push(&page("two"), "two");
    shop.deployed(2).await;
    assert_eq!((shop.answers().as_str(), started_as_cron_does(&shop, "wait").as_str()), ("two", "75"));

    // Its plan has it no more: it is never started again, and what runs goes on.
    shop.plans(&Shop::plan(&shop.host, "  volumes: { data: /data }\n")).await;
    let run = shop.deployed(3).await;
    let log = shop.log_of(&run, "Set up the jobs").await;
    assert!(log.contains("wait is no job any more. Its last run goes on"), "{log}");
    assert_eq!(jobs(&shop).await, Vec::<Value>::new());
    shop.host.does(&format!("test ! -e {CRONTAB}; docker inspect shop.wait >/dev/null"));
    let record = "/var/lib/steadyhand/apps/shop/cron/wait/runs/*/";
    let said = shop.host.asked(&format!(
        "docker exec $(docker ps -q --filter label=steadyhand.app=shop) busybox touch /data/go; until grep -q '^end' {record}record; do :; done; cat {record}log"
    ));
    assert_eq!(said, "one\n");
    let run = shop.deployed(4).await;
    let log = shop.log_of(&run, "Set up the jobs").await;
    assert!(log.contains("wait is no job any more: removed."), "{log}");
    shop.host.does("test ! -e /var/lib/steadyhand/apps/shop/cron");
    shop.app.end().await;
}

#[tokio::test]
async fn the_daemon_itself_starts_a_job_and_a_host_on_which_it_does_not_run_serves_all_the_same() {
    let more = r#"  cron:
    - { schedule: "* * * * *", run: 'echo "100 % of $(busybox cat /w/index.html)"', name: each }
    - { schedule: "*/15 8-18/2,20 1,15 JAN,jul-sep 7", run: bin/one }
    - { schedule: "0 3 * * mon-fri", run: bin/two.sh --all }
    - { schedule: "@annually", run: bin/three }
"#;
    let shop = Shop::new("one", more).await;
    let run = shop.deployed(1).await;
    assert_eq!(state(&run), "failed", "{run:#}");
    let log = shop.log_of(&run, "Set up the jobs").await;
    assert!(log.contains("cron is installed and does not run"), "{log}");
    assert_eq!((shop.answers().as_str(), shop.states().await), ("one", vec!["ready".to_owned()]));

    // Debian's own reader of tables takes every line of it; there the table of a user has no user.
    shop.host.does(&format!(
        "sed 's/ root / /' {CRONTAB} | crontab -n - && test $(stat -c %a:%U {CRONTAB}) = 644:root"
    ));
    // It looks at its tables at each full minute.
    shop.host.does("cron");
    let seen = "/var/lib/steadyhand/apps/shop/cron/each/runs/*/record";
    shop.host.does(&format!("until grep -qs '^end' {seen}; do sleep 0.2; done"));
    let run = job(&shop, "each").await["runs"][0].clone();
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert_eq!(written(&shop, "each").await, "100 % of one\n");
    let names: Vec<Value> = jobs(&shop).await.iter().map(|job| job["name"].clone()).collect();
    assert_eq!(names, ["each", "one", "three", "two"]);
    shop.host.does("pkill -x cron");
    shop.app.end().await;
}

#[tokio::test]
async fn a_host_with_systemd_gets_timers_that_systemd_understands_and_one_without_cron_is_told() {
    let more = "  cron: [ { schedule: \"0 9 13 * fri\", run: bin/lottery }, { schedule: \"@daily\", run: bin/tidy } ]\n";
    let shop = Shop::new("one", more).await;
    shop.host.does("mv /etc/cron.d /etc/cron.none");
    let run = shop.deployed(1).await;
    assert_eq!(state(&run), "failed", "{run:#}");
    let log = shop.log_of(&run, "Set up the jobs").await;
    assert!(log.contains("there is no cron that reads /etc/cron.d"), "{log}");

    // systemd itself cannot be the first process here. What stands in for its `systemctl` notes what it is told.
    shop.host.does(
        "mv /etc/cron.none /etc/cron.d; mkdir -p /run/systemd/system
         printf '#!/bin/sh\necho \"$@\" >>/run/told\n' >/usr/local/bin/systemctl; chmod 755 /usr/local/bin/systemctl",
    );
    let run = shop.deployed(2).await;
    assert_eq!(state(&run), "completed", "{run:#}");
    let units = "/etc/systemd/system/steadyhand-job-shop@";
    let said = shop.host.asked(&format!("cat {units}lottery.timer; grep . /run/told; test ! -e {CRONTAB}"));
    assert!(said.contains("OnCalendar=*-*-13 09:00:00\nOnCalendar=fri *-*-* 09:00:00\n"), "{said}");
    assert!(said.contains("restart steadyhand-job-shop@tidy.timer"), "{said}");
    let said =
        shop.host.asked(&format!("systemd-analyze verify {units}lottery.timer {units}tidy.timer 2>&1"));
    assert!(!said.contains("steadyhand"), "{said}");

    shop.plans(&Shop::plan(&shop.host, "")).await;
    assert_eq!(state(&shop.deployed(3).await), "completed");
    let left = shop.host.asked(&format!("ls {units}* 2>/dev/null || true; tail -n 2 /run/told"));
    assert!(
        !left.contains(units) && left.contains("disable -q --now steadyhand-job-shop@tidy.timer"),
        "{left}"
    );
    shop.app.end().await;
}
