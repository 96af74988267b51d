//! Container applications on a real host with a real Docker: from a commit to a release that serves, what goes wrong on the
//! way, and back.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use serde_json::{Value, json};
use steadyhand_tests::{
    command::{ended, steady},
    debian::WALLED,
    dockerd::IMAGE,
    shop::{Shop, dockerfile, page},
};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::test]
async fn a_commit_becomes_a_release_that_serves_the_next_takes_its_place_and_the_first_is_brought_back() {
    let shop = Shop::new("one", "").await;
    shop.deployed(1).await;
    assert_eq!(shop.answers(), "one");
    assert_eq!(shop.containers(), ["shop-1-1"]);
    let first = &shop.deployments().await[0];
    assert_eq!((&first["state"], &first["number"]), (&json!("ready"), &json!(1)), "{first:#}");
    assert_eq!(first["source"]["message"], "one", "{first:#}");
    assert_eq!(first["source"]["author"], "Ada");
    assert_eq!(first["source"]["commit"].as_str().map(str::len), Some(40));

    shop.push(&page("two"), "two");
    let run = shop.deployed(2).await;
    assert_eq!(shop.answers(), "two");
    assert_eq!(shop.containers(), ["shop-2-1"]);
    assert_eq!(shop.states().await, ["ready", "superseded"]);
    let built = shop.log_of(&run, "Build the image").await;
    assert!(built.contains("CACHED") && built.contains("1 of 3 steps were cached"), "{built}");

    let run = shop.deploy(3).await;
    let built = shop.log_of(&run, "Build the image").await;
    assert!(
        built.contains("those of deployment 2: its image is used again, and nothing is built"),
        "{built}"
    );

    let (code, said) = ended(&mut steady(shop.data.path(), &["rollback", "shop", "--to", "1"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(shop.answers(), "one");
    assert_eq!(shop.containers(), ["shop-4-1"]);
    assert_eq!(shop.states().await, ["ready", "superseded", "superseded", "superseded"]);
    let back = &shop.deployments().await[0];
    assert_eq!((&back["kind"], &back["takes_from_number"]), (&json!("rollback"), &json!(1)), "{back:#}");
    let env = shop.host.asked(
        "docker inspect -f '{{json .Config.Env}}' $(docker ps -q --filter label=steadyhand.deployment=4)",
    );
    assert!(env.contains("GREETING=hello world"), "{env}");
    let run = shop.app.run(&shop.project, 4, |_| true).await;
    let names: Vec<&str> =
        run["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert!(!names.iter().any(|name| name.contains("Build") || name.contains("Fetch")), "{names:?}");
    shop.app.end().await;
}

#[tokio::test]
async fn what_never_gets_healthy_leaves_the_old_one_serving_and_says_why() {
    let shop = Shop::new("one", "  health: { path: /, timeout: 3s }\n").await;
    shop.deployed(1).await;

    // One that ends at once, with its last words.
    shop.push(&dockerfile("echo cannot find the database; exit 7"), "ends");
    let run = shop.deploy(2).await;
    assert_eq!(run["run"]["state"], "failed", "{run:#}");
    let said = shop.log_of(&run, "Wait until they are healthy").await;
    assert!(said.contains("cannot find the database") && said.contains("ended with status 7"), "{said}");
    let rest = json!({ "run_id": run["run"]["id"], "again": "rest" });
    assert!(shop.app.try_call("retry_run", rest).await.is_ok());
    let again = shop.app.ended(&shop.project, 3).await;
    assert_eq!(again["run"]["state"], "failed", "{again:#}");
    assert!(shop.log_of(&again, "Wait until they are healthy").await.contains("ended with status 7"));
    assert!(said.contains("Deployment 1 goes on serving."), "{said}");
    assert_eq!((shop.answers(), shop.containers()), ("one".to_owned(), vec!["shop-1-1".to_owned()]));

    // One that needs more memory than it may have.
    shop.plans(&Shop::plan(&shop.host, "  health: { path: /, timeout: 20s }\n  resources: { memory: 8m }\n"))
        .await;
    shop.push(&dockerfile("busybox tail /dev/zero"), "eats memory");
    let run = shop.deploy(4).await;
    let said = shop.log_of(&run, "Wait until they are healthy").await;
    assert!(said.contains("needed more memory than it may use (8m)"), "{said}");
    assert_eq!((shop.answers(), shop.containers()), ("one".to_owned(), vec!["shop-1-1".to_owned()]));

    // One that writes where it may not.
    shop.push(&dockerfile("set -e; busybox touch /w/made; exec busybox httpd -f -p 3000 -h /w"), "writes");
    let run = shop.deploy(5).await;
    let said = shop.log_of(&run, "Wait until they are healthy").await;
    assert!(said.contains("It may write to volumes, /tmp and /run only"), "{said}");

    // One that listens, and never answers well.
    shop.plans(&Shop::plan(&shop.host, "  health: { path: /, timeout: 3s }\n")).await;
    shop.push(&dockerfile("busybox rm /w/index.html; exec busybox httpd -f -p 3000 -h /nowhere"), "sick");
    let run = shop.deploy(6).await;
    let said = shop.log_of(&run, "Wait until they are healthy").await;
    assert_eq!(run["run"]["state"], "failed", "{run:#}");
    assert!(said.contains("was not healthy within 3 s") || said.contains("ended with status"), "{said}");

    // One that cannot be built.
    shop.push(&format!("{}echo 'RUN exit 3' >>Dockerfile", dockerfile("true")), "broken");
    let run = shop.deploy(7).await;
    let said = shop.log_of(&run, "Build the image").await;
    assert_eq!(run["run"]["state"], "failed", "{run:#}");
    assert!(said.contains("the image could not be built"), "{said}");
    assert_eq!((shop.answers(), shop.containers()), ("one".to_owned(), vec!["shop-1-1".to_owned()]));
    assert_eq!(shop.states().await, ["failed", "failed", "failed", "failed", "failed", "failed", "ready"]);
    let failed = &shop.deployments().await[0];
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("Build the image")), "{failed:#}");
    shop.app.end().await;
}

#[tokio::test]
async fn another_application_of_the_same_name_is_refused_and_so_is_who_deploys_at_the_same_time() {
    let shop = Shop::new("one", "").await;
    shop.deployed(1).await;
    shop.host.does("git clone -q --bare /srv/shop.git /srv/other.git 2>&1");
    let (app, other) = (&shop.app, Shop::plan(&shop.host, "").replace("/srv/shop.git", "/srv/other.git"));
    let project = app.project("other", &other).await;
    app.call("start_run", json!({ "project_id": project })).await;
    let run = app.ended(&project, 1).await;
    let said = String::from_utf8_lossy(&app.log(&run["steps"][0]).await).into_owned();
    assert_eq!(run["run"]["state"], "failed", "{run:#}");
    assert!(
        said.contains("another application is called shop here: it comes from file:///srv/shop.git"),
        "{said}"
    );

    shop.host.does("echo \"somebody $(($(date +%s) + 600)) ada\" >/var/lib/steadyhand/apps/shop/lease");
    let run = shop.deploy(2).await;
    let said = shop.log_of(&run, "Prepare").await;
    assert!(said.contains("ada is deploying to shop from another machine"), "{said}");
    assert_eq!((shop.answers(), shop.containers()), ("one".to_owned(), vec!["shop-1-1".to_owned()]));
    assert!(
        shop.host.asked("cat /var/lib/steadyhand/apps/shop/lease").starts_with("somebody"),
        "it is not taken away"
    );
    shop.app.end().await;
}

#[tokio::test]
async fn images_beyond_those_that_are_kept_are_removed_and_cannot_be_brought_back() {
    let shop = Shop::new("1", "  keep: 2\n").await;
    shop.deployed(1).await;
    for number in 2..=4 {
        shop.push(&page(&number.to_string()), &number.to_string());
        shop.deployed(number).await;
    }
    let tags = shop.host.asked("docker images --format '{{.Tag}}' steadyhand/shop | cut -d - -f 1 | sort");
    assert_eq!(tags.split_whitespace().collect::<Vec<_>>(), ["3", "4"]);
    let kept: Vec<bool> = shop.deployments().await.iter().map(|one| one["image_kept"] == true).collect();
    assert_eq!(kept, [true, true, false, false]);
    let (code, said) = ended(&mut steady(shop.data.path(), &["rollback", "shop", "--to", "1"])).await;
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(shop.answers(), "4");
    // What is kept comes back as it was.
    let (code, said) = ended(&mut steady(shop.data.path(), &["rollback", "shop", "--to", "3"])).await;
    assert_eq!((code, shop.answers().as_str()), (Some(0), "3"), "{said}");
    shop.app.end().await;
}

#[tokio::test]
async fn a_hook_that_fails_switches_nothing_and_hooks_have_the_variables() {
    let hooks = "  hooks: { on_new: [\"echo first $GREETING\"], on_deploy: [\"test ! -e /w/fail\"] }\n  replicas: 2\n";
    let shop = Shop::new("one", hooks).await;
    let run = shop.deployed(1).await;
    let said = shop.log_of(&run, "Run the hooks").await;
    assert!(said.contains("first hello world"), "{said}");
    assert_eq!(shop.containers(), ["shop-1-1", "shop-1-2"]);

    let fails = format!(
        "{}echo 'RUN busybox touch /w/fail' >>Dockerfile\n{}",
        dockerfile("exec busybox httpd -f -p 3000 -h /w"),
        page("two")
    );
    shop.push(&fails, "fails");
    let run = shop.deploy(2).await;
    let said = shop.log_of(&run, "Run the hooks").await;
    assert_eq!(run["run"]["state"], "failed", "{run:#}");
    assert!(
        said.contains("the hook `test ! -e /w/fail` ended with status 1") && !said.contains("first"),
        "{said}"
    );
    assert_eq!(
        (shop.answers(), shop.containers()),
        ("one".to_owned(), vec!["shop-1-1".to_owned(), "shop-1-2".to_owned()])
    );
    shop.app.end().await;
}

#[tokio::test]
async fn what_is_cancelled_while_it_is_built_leaves_no_build_and_no_container() {
    let shop = Shop::new("one", "").await;
    shop.deployed(1).await;
    shop.push(&format!("{}echo 'RUN busybox sleep 4321' >>Dockerfile", dockerfile("true")), "slow");
    shop.app.call("start_run", json!({ "project_id": shop.project })).await;
    let sleeps = |detail: &Value| {
        let steps = detail["steps"].as_array().expect("steps");
        steps.iter().any(|step| step["name"] == "Build the image" && step["state"] == "running")
    };
    let run = shop.app.run(&shop.project, 2, sleeps).await;
    // Containers have processes of their own, which only this machine sees.
    let is_built = || {
        let found = std::process::Command::new("pgrep").args(["-f", "sleep 4321"]).output();
        !found.expect("pgrep starts").stdout.is_empty()
    };
    shop.app.wait_for("the build sleeps", async |_| is_built().then_some(())).await;
    shop.app.call("stop_run", json!({ "run_id": run["run"]["id"] })).await;
    shop.app.ended(&shop.project, 2).await;
    shop.app.wait_for("the build has ended", async |_| (!is_built()).then_some(())).await;
    assert_eq!(shop.states().await, ["cancelled", "ready"]);
    assert_eq!((shop.answers(), shop.containers()), ("one".to_owned(), vec!["shop-1-1".to_owned()]));
    shop.app.end().await;
}

#[tokio::test]
async fn of_those_who_wait_for_a_deployment_only_the_one_that_came_last_deploys_what_is_newest_then() {
    let shop = Shop::new("one", "").await;
    shop.push(&format!("{}echo 'RUN busybox sleep 7654' >>Dockerfile", dockerfile("true")), "slow");
    let run = shop.app.call("start_run", json!({ "project_id": shop.project })).await;
    let (code, said) = ended(&mut steady(shop.data.path(), &["deploy", "shop"])).await;
    assert_eq!(code, Some(1), "{said}");
    // Each says that it waits before the next one comes.
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut child =
            steady(shop.data.path(), &["deploy", "shop", "--wait"]).spawn().expect("steady starts");
        let mut errors = BufReader::new(child.stderr.take().expect("its standard error")).lines();
        let said = errors.next_line().await.expect("text").expect("a line");
        assert!(said.contains("Waiting until it has ended."), "{said}");
        waiting.push((child, errors));
    }
    let (first, mut said) = waiting.remove(0);
    let ended_first = first.wait_with_output().await.expect("it ends");
    assert_eq!(ended_first.status.code(), Some(3));
    let said = said.next_line().await.expect("text").expect("a line");
    assert!(said.contains("Somebody who came later waits"), "{said}");
    shop.push(&dockerfile("exec busybox httpd -f -p 3000 -h /w"), "fast");
    shop.app.call("stop_run", json!({ "run_id": run["id"] })).await;
    let (second, _said) = waiting.remove(0);
    assert_eq!(second.wait_with_output().await.expect("it ends").status.code(), Some(0));
    assert_eq!(
        (shop.answers().as_str(), shop.states().await),
        ("one", vec!["ready".into(), "cancelled".to_owned()])
    );
    assert_eq!(shop.deployments().await[0]["source"]["message"], "fast");
    shop.app.end().await;
}

#[tokio::test]
async fn what_has_no_dockerfile_gets_one_and_a_source_that_is_nothing_is_told() {
    let shop = Shop::new("one", "").await;
    let found = format!("  build: {{ bases: {{ files: {IMAGE}, files_server: busybox }} }}\n");
    let plan = Shop::plan(&shop.host, &found);
    shop.plans(&plan).await;
    shop.push("git rm -q Dockerfile\necho '<!doctype html><title>static</title>' >index.html", "static");
    let run = shop.deploy(1).await;
    let said = shop.log_of(&run, "Detect").await;
    assert_eq!(run["run"]["state"], "completed", "{run:#}\n{said}");
    assert!(said.contains("this one is made for it") && said.contains(&format!("FROM {IMAGE}")), "{said}");
    assert!(shop.answers().contains("<title>static</title>"), "{}", shop.answers());

    shop.push("git rm -q index.html\necho text >notes.txt", "nothing");
    let run = shop.deploy(2).await;
    assert_eq!(run["run"]["state"], "failed", "{run:#}");
    let reason =
        run["steps"].as_array().unwrap().iter().find(|step| step["name"] == "Detect").unwrap()["reason"]
            .to_string();
    assert!(reason.contains("could not be found out") && reason.contains("put a Dockerfile"), "{reason}");
    shop.app.end().await;
}

#[tokio::test]
async fn names_are_served_by_caddy_and_sites_that_somebody_wrote_are_left_alone() {
    let shop = Shop::new("one", "  domains: [\"http://shop.test\", secure.test]\n").await;
    shop.host.does("printf 'http://mine.test {\\n\\trespond mine\\n}\\n' >/etc/caddy/Caddyfile");
    shop.deployed(1).await;
    let ask =
        |arguments: &str| shop.host.asked_as(WALLED, &format!("curl -s -m 5 {arguments}")).trim().to_owned();
    assert_eq!(ask("-H 'Host: shop.test' http://127.0.0.1/"), "one");
    assert_eq!(ask("-H 'Host: mine.test' http://127.0.0.1/"), "mine");
    assert_eq!(ask("-k --resolve secure.test:443:127.0.0.1 https://secure.test/"), "one");
    let loaded = shop.host.asked_as(WALLED, "curl -s http://127.0.0.1:2019/config/ | sha256sum");
    shop.push(&page("two"), "two");
    shop.deployed(2).await;
    assert_eq!(ask("-H 'Host: shop.test' http://127.0.0.1/"), "two");
    assert_eq!(loaded, shop.host.asked_as(WALLED, "curl -s http://127.0.0.1:2019/config/ | sha256sum"));
    shop.host.does("pkill caddy || true");
    shop.app.end().await;
}

#[tokio::test]
async fn a_secret_is_in_the_environment_of_its_containers_and_nowhere_else() {
    const SECRET: &str = "s3cret-of-the-shop";
    let more = "  build: { secrets: { npm: \"${{ secrets.TOKEN }}\" } }\nsecrets: [TOKEN]\n";
    let shop = Shop::new("one", more).await;
    let plan =
        Shop::plan(&shop.host, more).replace("GREETING: hello world", "TOKEN: \"${{ secrets.TOKEN }}\"");
    shop.plans(&plan).await;
    let set = json!({ "project_id": shop.project, "name": "TOKEN", "value": SECRET });
    shop.app.call("set_secret", set).await;
    let uses = "RUN --mount=type=secret,id=npm busybox sha256sum /run/secrets/npm > /w/sum";
    shop.push(&format!("echo '{uses}' >>Dockerfile"), "uses the secret");
    let run = shop.deployed(1).await;
    let sum = shop.host.asked("docker exec $(docker ps -q) busybox cat /w/sum");
    let expected = shop.host.asked(&format!("printf %s {SECRET} | sha256sum"));
    assert_eq!(sum.split_whitespace().next(), expected.split_whitespace().next(), "the build had it");
    let inspected = shop.host.asked("docker inspect $(docker ps -q)");
    assert_eq!(inspected.matches(SECRET).count(), 1, "in its environment, once: {inspected}");
    for (what, script) in [
        ("history", "docker history --no-trunc $(docker images -q steadyhand/shop)"),
        ("the image", "docker image inspect $(docker images -q steadyhand/shop)"),
        (
            "what is in the image",
            "docker run --rm --entrypoint /bin/busybox $(docker images -q steadyhand/shop) grep -rs s3cret /w /run /tmp || true",
        ),
        ("processes", "ps axww -o args | grep -v grep | grep s3cret-of || true"),
        (
            "files for all",
            &format!(
                "find / -xdev -type f -perm -o=r -newer /srv/shop.git/HEAD -print0 | xargs -0 grep -ls {SECRET} || true"
            ),
        ),
    ] {
        let said = shop.host.asked(script);
        assert!(!said.contains(SECRET) && !said.contains("s3cret"), "{what}: {said}");
    }
    for step in run["steps"].as_array().expect("steps") {
        let log = shop.app.log(step).await;
        assert!(!String::from_utf8_lossy(&log).contains(SECRET), "{}", step["name"]);
    }
    for file in std::fs::read_dir(shop.data.path()).expect("the data").filter_map(Result::ok) {
        if file.path().is_file() {
            let bytes = std::fs::read(file.path()).expect("a file");
            assert!(
                !bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()),
                "{:?}",
                file.path()
            );
        }
    }
    shop.app.end().await;
}
