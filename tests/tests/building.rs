//! What a build may have: images of a registry that is not open to everybody, and no more than the host can spare.
#![allow(clippy::expect_used, reason = "what goes wrong ends the test")]

use serde_json::{Value, json};
use steadyhand_tests::{
    command::steady,
    debian::WALLED,
    dockerd::IMAGE,
    registry::{PASSWORD, Registry, SERVER, USER},
    shop::{Shop, dockerfile, page},
};

const IMAGE_IN_REGISTRY: &str = "127.0.0.1:5000/acme/shop";

/// How much of the processor builds get, as hosts have it.
const SHARES: &str = "/sys/fs/cgroup/cpu/docker/buildkit/cpu.shares /sys/fs/cgroup/docker/buildkit/cpu.weight \
                      /sys/fs/cgroup/system.slice/system.slice:docker:*/cpu.weight";

fn login(secret: &str) -> String {
    format!(
        "  registry: {{ server: \"{SERVER}\", user: {USER}, password: \"${{{{ secrets.{secret} }}}}\" }}\n"
    )
}

/// Deploys what has to fail in a stage, and gives why.
async fn refused(shop: &Shop, number: u64, stage: &str) -> String {
    let run = shop.deploy(number).await;
    why(shop, &run, stage).await
}

async fn why(shop: &Shop, run: &Value, stage: &str) -> String {
    assert_eq!(run["run"]["state"], "failed", "{run:#}");
    let steps = run["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["name"] == stage).expect("the stage");
    assert_eq!(step["state"], "failed", "{run:#}");
    shop.log_of(run, stage).await
}

#[tokio::test]
async fn images_of_a_registry_that_is_not_open_to_everybody_are_pulled_and_built_on_and_no_login_is_left() {
    let shop = Shop::new("one", "").await;
    let registry = Registry::start(&shop.docker);
    let answers = || {
        shop.host.asked_as(
            WALLED,
            &format!("curl -s -o /dev/null -w '%{{http_code}}' http://{SERVER}/v2/ || true"),
        )
    };
    shop.app.wait_for("the registry answers", async |_| (answers() == "401").then_some(())).await;
    // Somebody puts an image and a base there, and the host has none of them any more.
    shop.host.does(&format!(
        "cd /srv/work && docker build -q -t {IMAGE_IN_REGISTRY}:1 . >/dev/null && docker tag {IMAGE} {SERVER}/acme/base:1
         export DOCKER_CONFIG=/tmp/somebody
         printf %s '{PASSWORD}' | docker login -u {USER} --password-stdin {SERVER} >/dev/null 2>&1
         docker push -q {IMAGE_IN_REGISTRY}:1 >/dev/null && docker push -q {SERVER}/acme/base:1 >/dev/null
         docker rmi {IMAGE_IN_REGISTRY}:1 {SERVER}/acme/base:1 >/dev/null; rm -rf /tmp/somebody"
    ));
    for (name, value) in [("REGISTRY", PASSWORD), ("OLD", "no-longer-right")] {
        let secret = json!({ "project_id": shop.project, "name": name, "value": value });
        shop.app.call("set_secret", secret).await;
    }
    let plan = |image: bool, login: &str| {
        let plan = Shop::plan(&shop.host, login).replace("app:\n", "secrets: [REGISTRY, OLD]\napp:\n");
        if image {
            plan.replace(
                "git: \"file:///srv/shop.git\", branch: main",
                &format!("image: \"{IMAGE_IN_REGISTRY}:1\""),
            )
        } else {
            plan
        }
    };

    shop.plans(&plan(true, "")).await;
    let why = refused(&shop, 1, "Pull the image").await;
    assert!(why.contains("could not be pulled") && why.contains("registry: {"), "{why}");
    shop.plans(&plan(true, &login("OLD"))).await;
    let why = refused(&shop, 2, "Pull the image").await;
    assert!(why.contains(&format!("the login to the registry {SERVER} as {USER}")), "{why}");
    assert!(!why.contains("no-longer-right"), "{why}");

    shop.plans(&plan(true, &login("REGISTRY").replace(&format!("server: \"{SERVER}\", "), ""))).await;
    shop.deployed(3).await;
    assert_eq!(shop.answers(), "one");
    let image = shop.deployments().await[0]["image"].to_string();
    assert!(image.contains(&format!("{IMAGE_IN_REGISTRY}@sha256:")), "{image}");

    // The same application, built on a base of that registry. Its repository is another origin.
    shop.host.does("rm /var/lib/steadyhand/apps/shop/origin");
    let built_on = dockerfile("exec busybox httpd -f -p 3000 -h /w")
        .replace(&format!("FROM {IMAGE}"), &format!("FROM {SERVER}/acme/base:1"));
    shop.push(&format!("{built_on}{}", page("two")), "two");
    shop.plans(&plan(false, "")).await;
    refused(&shop, 4, "Build the image").await;
    shop.plans(&plan(false, &login("REGISTRY"))).await;
    let run = shop.deployed(5).await;
    assert_eq!(shop.answers(), "two");
    let built = shop.log_of(&run, "Build the image").await;
    assert!(built.contains(&format!("{SERVER}/acme/base:1")), "{built}");

    // Neither the login nor the password is anywhere on the host.
    let left = shop.host.asked(&format!(
        "grep -rlE '{PASSWORD}|'\"$(printf %s '{USER}:{PASSWORD}' | base64)\" /root /home /tmp /dev/shm /var/lib/steadyhand /srv 2>/dev/null || true"
    ));
    assert_eq!(left, "");
    drop(registry);
    shop.app.end().await;
}

#[tokio::test]
async fn a_repository_that_is_not_public_is_read_with_a_key_that_was_made_for_it() {
    let shop = Shop::new("one", "").await;
    // The server of the repository, which the host reaches by SSH.
    shop.host.does("chown -R deploy /srv/shop.git && install -d -o deploy -m 700 /home/deploy/.ssh");
    let _ = shop.host.asked_as(
        WALLED,
        "/usr/sbin/sshd -f /run/steadyhand/sshd_config -o ListenAddress=127.0.0.1:2222 -o AuthorizedKeysFile=/home/deploy/.ssh/authorized_keys",
    );
    let address = "ssh://deploy@127.0.0.1:2222/srv/shop.git";
    let source = format!("git: \"{address}\", key: \"${{{{ secrets.DEPLOY_KEY }}}}\"");
    let plan = Shop::plan(&shop.host, "").replace("app:\n", "secrets: [DEPLOY_KEY]\napp:\n");
    shop.plans(&plan.replace("git: \"file:///srv/shop.git\"", &source)).await;
    let key = async || {
        let mut command = steady(shop.data.path(), &["secret", "key", "--project", "shop", "--json"]);
        let output = command.output().await.expect("steady starts");
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    let made = key().await;
    assert_eq!((&made["name"], &made["made"]), (&json!("DEPLOY_KEY"), &json!(true)), "{made}");

    let why = refused(&shop, 1, "Fetch the repository").await;
    assert!(why.contains("Permission denied (publickey"), "{why}");
    let public = made["public_key"].as_str().expect("its public half");
    let allowed = format!("restrict,command=\"git-upload-pack /srv/shop.git\" {public}\n");
    shop.host.writes("/home/deploy/.ssh/authorized_keys", &allowed);
    shop.deployed(2).await;
    assert_eq!(shop.answers(), "one");
    let again = key().await;
    assert_eq!((&again["public_key"], &again["made"]), (&made["public_key"], &json!(false)), "{again}");
    let taken = json!({ "project_id": shop.project, "name": "PASSWORD", "value": "no key at all" });
    shop.app.call("set_secret", taken.clone()).await;
    let request = json!({ "project_id": shop.project, "name": "PASSWORD" });
    let refusal = shop.app.try_call("deploy_key", request).await.expect_err("it is no key");
    assert_eq!(refusal.code, "conflict", "{}", refusal.message);
    shop.app.end().await;
}

#[tokio::test]
async fn a_build_gets_a_processor_last_and_ends_when_the_host_has_too_little_memory_left() {
    let shop = Shop::new("one", "").await;
    shop.deployed(1).await;
    // Containers have processes of their own, which only this machine sees.
    let is_built = || {
        let found = std::process::Command::new("pgrep").args(["-f", "sleep 5432"]).output();
        !found.expect("pgrep starts").stdout.is_empty()
    };
    shop.push(&format!("{}echo 'RUN busybox sleep 5432' >>Dockerfile", dockerfile("true")), "greedy");
    // Groups are there from one build to the next, and for all dockers of a machine.
    shop.host.does(&format!("for file in {SHARES}; do [ ! -e $file ] || echo 1000 >$file; done"));
    shop.app.call("start_run", json!({ "project_id": shop.project })).await;
    let is_low = || {
        let shares = shop.host.asked(&format!("cat {SHARES} 2>/dev/null || true"));
        shares.lines().any(|share| matches!(share, "10" | "102"))
    };
    shop.app.wait_for("builds yield the processor", async |_| is_low().then_some(())).await;
    shop.app.wait_for("the build sleeps", async |_| is_built().then_some(())).await;
    assert_eq!(shop.app.run(&shop.project, 2, |_| true).await["run"]["state"], "in_progress");
    // A stand-in for what takes the memory of the host.
    shop.host
        .does("echo 'MemAvailable:       2048 kB' >/tmp/meminfo; mount --bind /tmp/meminfo /proc/meminfo");
    let run = shop.app.ended(&shop.project, 2).await;
    let why = why(&shop, &run, "Build the image").await;
    assert!(why.contains("the build was ended, as the host had only 2 MB of memory left"), "{why}");
    shop.app.wait_for("the build has ended", async |_| (!is_built()).then_some(())).await;
    assert_eq!(shop.answers(), "one");
    assert_eq!(shop.states().await, ["failed", "ready"]);
    let why = refused(&shop, 3, "Build the image").await;
    assert!(why.contains("nothing was built: the host had only 2 MB of memory left"), "{why}");
    shop.app.end().await;
}
