//! What survives: the end of the app, the end of the connection.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::{fs, time::Duration};

use steadyhand_tests::{
    app::{App, states},
    proxy::{Proxy, Weather},
    sshd::Sshd,
};

/// Steps of which the second writes a line every few milliseconds for about four seconds, counts how often it was
/// started, and keeps what it wrote in a file of its own.
const STEPS: &str = r#"      - name: Before
        run: echo before
      - name: Long
        run: |
          echo started >> "$HOME/starts"
          : > "$HOME/written"
          i=0
          while [ $i -lt 400 ]; do
            i=$((i + 1))
            printf 'line %s \377\000 end\n' $i | tee -a "$HOME/written"
            sleep 0.01
          done
      - name: After
        run: echo after
"#;

/// Waits until the long step has written something, so that what follows happens in its middle.
async fn in_the_middle(app: &App, project: &str) {
    app.run(project, 1, |detail| {
        detail["steps"][1]["attempts"][0]["lines"].as_u64().is_some_and(|lines| lines > 20)
    })
    .await;
}

async fn ran_once_and_completed(app: &App, project: &str, sshd: &Sshd) {
    let detail = app.ended(project, 1).await;
    assert_eq!(detail["run"]["state"], "completed", "{detail:#}");
    assert_eq!(states(&detail), ["completed", "completed", "completed"]);
    assert_eq!(fs::read_to_string(sshd.home().join("starts")).expect("starts"), "started\n");
    let written = fs::read(sshd.home().join("written")).expect("written");
    assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), 400);
    let log = app.log(&detail["steps"][1]).await;
    assert!(log == written, "the log has {} bytes, and the command wrote {}", log.len(), written.len());
}

/// An app that reaches a server through a proxy, and a run of [`STEPS`] there that is in its middle.
struct World {
    app: App,
    project: String,
    proxy: Proxy,
    _data: tempfile::TempDir,
    sshd: Sshd,
}

impl World {
    async fn start() -> Self {
        let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
        let proxy = Proxy::start(sshd.port, Duration::ZERO).await;
        let app = App::start(data.path()).await;
        let project = app.project("durable", &sshd.plan_at(proxy.port, STEPS)).await;
        app.say(&project, "Redeploy the application").await;
        in_the_middle(&app, &project).await;
        Self { app, project, proxy, _data: data, sshd }
    }

    async fn ran_once_and_completed(&self) {
        ran_once_and_completed(&self.app, &self.project, &self.sshd).await;
    }
}

#[tokio::test]
async fn killed_in_mid_step_and_started_again_the_step_ran_once_and_the_run_completes() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let project = app.project("durable", &sshd.plan(STEPS)).await;
    app.say(&project, "Redeploy the application").await;
    in_the_middle(&app, &project).await;
    let app = app.kill_and_start_again().await;
    ran_once_and_completed(&app, &project, &sshd).await;
}

#[tokio::test]
async fn a_connection_that_is_reset_in_mid_step_is_made_again_and_nothing_is_lost() {
    let world = World::start().await;
    let before = world.proxy.taken();
    world.proxy.reset();
    world.ran_once_and_completed().await;
    assert!(world.proxy.taken() > before, "it connected again");
}

#[tokio::test]
async fn a_connection_that_falls_silent_in_mid_step_is_found_and_made_again() {
    let world = World::start().await;
    world.proxy.set(Weather::Silent);
    let hindered = world
        .app
        .run(&world.project, 1, |detail| detail["run"]["hindrances"][0]["kind"] == "reconnecting")
        .await;
    assert_eq!(hindered["run"]["hindrances"][0]["host"], "web1");
    // The silence itself is what is tested: together with the time to find it, it lasts for about 20 seconds.
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.proxy.set(Weather::Fair);
    world.ran_once_and_completed().await;
}
