//! A deployment beside the same done by hand in a shell script, the time from "healthy" to "all new traffic", and going back.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a program that measures")]

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use futures::StreamExt;
use steadyhand_api::{
    Api, CreateProject, ListDeployments, OfDeployment, OfRun, RunDetail, StartRun, records::Project,
};
use steadyhand_domain::{RunId, RunState, Stage, Timestamp};
use steadyhand_tests::{
    bench::{ended, median, ms, open},
    debian::{Debian, WALLED},
    dockerd::Dockerd,
    images::GO,
    shop::{Shop, makes_repository, page, pushes},
};

/// Each figure is the median of so many.
const TIMES: u32 = 5;

/// What people write who deploy by hand: it fetches, builds, starts beside, waits, has Caddy lead to the new one, and removes the
/// old one. It loses requests when Caddy loads its configuration anew.
const BY_HAND: &str = r#"set -e
number=$1
if [ -d /srv/hand ]; then cd /srv/hand; git fetch -q --depth 1 origin main; git reset -q --hard FETCH_HEAD
else git clone -q --depth 1 file:///srv/shop.git /srv/hand; cd /srv/hand; fi
DOCKER_BUILDKIT=1 docker build -q -t hand:$number . >/dev/null
port=$((9000 + number))
docker run -d --name hand-$number -p 127.0.0.1:$port:3000 hand:$number >/dev/null
until curl -sf -o /dev/null http://127.0.0.1:$port/; do sleep 0.1; done
printf 'http://hand.test {\n\treverse_proxy 127.0.0.1:%s\n}\n' $port >/etc/caddy/hand
grep -q 'import hand' /etc/caddy/Caddyfile || printf '\nimport hand\n' >>/etc/caddy/Caddyfile
pgrep -x caddy >/dev/null || caddy start --config /etc/caddy/Caddyfile --adapter caddyfile >/dev/null 2>&1 </dev/null
caddy reload --config /etc/caddy/Caddyfile --adapter caddyfile >/dev/null 2>&1
curl -sf -o /dev/null -H 'Host: hand.test' http://127.0.0.1/
old=$((number - 1))
docker rm -f hand-$old >/dev/null 2>&1 || true
"#;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let docker = Dockerd::start_with_network();
    GO.import(&docker);
    let host = Debian::start_with(&docker);
    makes_repository(&host);
    let data = tempfile::tempdir().expect("a folder");
    host.is_known_in(data.path());
    let api = open(data.path()).await;
    let source = Shop::plan(&host, "  health: { path: / }\n  domains: [\"http://shop.test\"]\n");
    let project = api.create_project(CreateProject { name: "shop".into(), source: Some(source) }).await;
    let project = project.expect("a project");

    // A program that is compiled: its first build takes what builds take.
    pushes(&host, &format!("{}{}", program(), page("0")), "0");
    let first = deploy(&api, &project).await;
    let build = until(&first, Stage::Switch);

    let (mut ours, mut serving, mut switching, mut by_hand) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    hand(&host, 0);
    for number in 1..=TIMES {
        pushes(&host, &page(&number.to_string()), &number.to_string());
        let started = Instant::now();
        hand(&host, number);
        by_hand.push(ms(started.elapsed()));
        let started = Instant::now();
        let run = deploy(&api, &project).await;
        ours.push(ms(started.elapsed()));
        serving.push(until(&run, Stage::Switch));
        switching.push(until(&run, Stage::Switch) - until(&run, Stage::Health));
    }
    let (ours, serving, switching, by_hand) =
        (median(ours), median(serving), median(switching), median(by_hand));
    println!(
        "A deployment of a small change: {serving:.0} ms until it serves and {ours:.0} ms until the one before is drained and gone; \
         a shell script by hand, which does not drain: {by_hand:.0} ms ({:.2} times)",
        serving / by_hand
    );
    println!("From healthy to all new traffic: {switching:.0} ms");

    let mut back = Vec::new();
    for _ in 0..TIMES {
        let request = ListDeployments {
            project_id: project.id,
            environment_id: None,
            states: Vec::new(),
            before: None,
            limit: 10,
        };
        let all = api.deployments(request).await.expect("the deployments");
        let run = api.rollback(OfDeployment { deployment_id: all[1].id }).await.expect("the way back");
        back.push(until(&wait(&api, run.id).await, Stage::Switch));
    }
    let back = median(back);
    println!(
        "Going back: {back:.0} ms until it serves; the first deployment, with its build, {build:.0} ms ({:.1} times), one with a \
         cached build {:.1} times",
        build / back,
        serving / back
    );
    host.does("pkill caddy || true");
    api.shutdown().await;
}

/// Writes a program and a Dockerfile that compiles it.
fn program() -> String {
    format!(
        r#"cat >main.go <<'END'
package main

import "net/http"

func main() {{
	panic(http.ListenAndServe(":3000", http.FileServer(http.Dir("/w"))))
}}
END
printf 'module acme.example/shop\n\ngo 1.19\n' >go.mod
cat >Dockerfile <<'END'
FROM {} AS build
WORKDIR /src
COPY go.mod main.go ./
RUN CGO_ENABLED=0 go build -o /out/shop .
FROM {}
COPY --from=build /out/shop /shop
COPY index.html /w/
EXPOSE 3000
CMD ["/shop"]
END
"#,
        GO.name,
        steadyhand_tests::dockerd::IMAGE
    )
}

fn hand(host: &Debian, number: u32) {
    let mut ssh = Command::new("ssh")
        .args(["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-p", &host.port().to_string(), "-i"])
        .arg(host.key())
        .args([&format!("{WALLED}@127.0.0.1"), &format!("set -- {number}\n{BY_HAND}")])
        .stdin(Stdio::null())
        .spawn()
        .expect("ssh starts");
    assert!(ssh.wait().expect("it ends").success(), "the script by hand");
}

async fn deploy(api: &Api, project: &Project) -> RunDetail {
    let run = api.start_run(StartRun { project_id: project.id, rendered_sha256: None }).await;
    wait(api, run.expect("the run starts").id).await
}

async fn wait(api: &Api, run_id: RunId) -> RunDetail {
    let mut updates = api.updates();
    loop {
        let detail = api.run(OfRun { run_id }).await.expect("the run");
        if detail.run.state.is_final() {
            assert_eq!(detail.run.state, RunState::Completed, "{:?}", detail.steps);
            return detail;
        }
        while let Some(batch) = updates.next().await {
            if ended(&batch) {
                break;
            }
        }
    }
}

/// Milliseconds from the request to the end of a stage.
fn until(run: &RunDetail, stage: Stage) -> f64 {
    let step = run.steps.iter().find(|step| step.stage == Some(stage)).expect("the stage");
    let ended: Timestamp = step.ended_at.expect("it has ended");
    f64::from(u32::try_from(ended.since(run.run.created_at)).expect("less than a month"))
}
