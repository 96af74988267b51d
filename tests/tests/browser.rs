//! The main job in Chromium against `steady serve`: pause, resume and stop on a real server, the pages themselves, and how
//! they are let in.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::{fs, path::Path, time::Duration};

use serde_json::json;
use steadyhand_tests::{
    app::{App, PATIENCE},
    browser::Page,
    proxy::Proxy,
    sshd::Sshd,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Mutex,
    time::timeout,
};

/// One browser at a time: each takes most of a small machine.
static TURN: Mutex<()> = Mutex::const_new(());

/// A plan whose second step waits for the file `go`, and whose fourth goes on until it is stopped.
fn plan(sshd: &Sshd) -> String {
    sshd.plan(
        r#"      - name: First
        run: echo first
      - name: Second
        run: |
          echo waiting
          until [ -e "$HOME/go" ]; do [ -d ~ ] || exit 1; sleep 0.05; done
      - name: Third
        run: touch "$HOME/third"
      - name: Long
        run: |
          sleep 100000 &
          echo "$$ $!" > "$HOME/processes"
          echo working
          wait
      - name: Fifth
        run: touch "$HOME/fifth"
"#,
    )
}

/// The state of a step as the page shows it, for use in conditions.
fn step(index: usize) -> String {
    format!("at('step', \"[data-index='{index}']\")?.dataset.state")
}

/// Opens the pages of `app` at a project.
async fn open(page: &Page, app: &App, project: &str) {
    page.open(&app.address()).await;
    page.until("the pages are connected", "at('shell')?.dataset.connection === 'connected'").await;
    let name = serde_json::Value::from(project).to_string();
    page.until(
        "the project is in the list",
        &format!("all(\"[data-testid='project-row']\").some((row) => row.dataset.project === {name})"),
    )
    .await;
    page.run(&format!(
        "all(\"[data-testid='project-row']\").find((row) => row.dataset.project === {name}).click();"
    ))
    .await;
    page.until("the project is chosen", &format!("text(one('h1')) === {name}")).await;
}

/// Says "Redeploy the application", trusts the server, and waits until the run shows.
async fn redeploy(page: &Page) {
    page.say("Redeploy the application").await;
    page.click("[data-testid='question-trust']").await;
    page.until("the run appears", "at('run-view', \"[data-run='1']\")").await;
}

/// Whether a process runs; one that has ended and was not waited for does not.
fn runs(process: &str) -> bool {
    fs::read_to_string(Path::new("/proc").join(process).join("stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with(['Z', 'X']))
}

#[tokio::test]
async fn pause_holds_the_next_step_until_resume_and_stop_leaves_no_process_on_the_server() {
    let _turn = TURN.lock().await;
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    app.project("steps", &plan(&sshd)).await;
    let page = Page::chromium().await;
    open(&page, &app, "steps").await;
    redeploy(&page).await;

    page.until("the second step runs", &format!("{} === 'running'", step(1))).await;
    page.until(
        "its line shows while it runs",
        "all(\"[data-testid='log-line'] .tx\").some((line) => text(line) === 'waiting' && shows(line))",
    )
    .await;
    page.click("[data-testid='pause']").await;
    page.until("the page says so", "text(at('run-status')) === 'Pausing after this step…'").await;
    page.picture("browser-pausing").await;
    assert_eq!(page.ask(&step(1)).await, "running", "the running step goes on");
    fs::write(sshd.home().join("go"), "").expect("go");
    page.until("the run is paused", "text(at('run-status')) === 'Paused'").await;
    page.until("the second step is completed", &format!("{} === 'completed'", step(1))).await;
    page.picture("browser-paused").await;
    assert!(!sshd.home().join("third").exists(), "the third step left a trace while the run was paused");
    assert_eq!(page.ask(&step(2)).await, "pending");

    // What the third step leaves must be younger than this.
    fs::write(sshd.home().join("resumed"), "").expect("resumed");
    page.click("[data-testid='resume']").await;
    page.until("the third step completes", &format!("{} === 'completed'", step(2))).await;
    let written = |name: &str| fs::metadata(sshd.home().join(name)).expect(name).modified().expect("a time");
    assert!(written("third") >= written("resumed"), "the third step ran before the run was resumed");
    page.until(
        "the fourth step works",
        &format!(
            "{} === 'running' && all(\"[data-testid='log-line'] .tx\").some((line) => text(line) === 'working')",
            step(3)
        ),
    )
    .await;
    let processes = fs::read_to_string(sshd.home().join("processes")).expect("processes");
    let processes: Vec<&str> = processes.split_whitespace().collect();
    assert_eq!(processes.len(), 2);
    assert!(processes.iter().all(|process| runs(process)), "{processes:?} run");

    page.click("[data-testid='stop']").await;
    page.picture("browser-stop-asks").await;
    page.click("[data-testid='stop-confirm']").await;
    page.until("the run is stopped", "text(at('run-status')) === 'Stopped'").await;
    for process in processes {
        assert!(!runs(process), "process {process} of the stopped step still runs");
    }
    page.until("the fifth step is skipped", &format!("{} === 'skipped'", step(4))).await;
    page.until(
        "it says why it is skipped",
        "at('step', \"[data-index='4']\")?.querySelector('[title]')?.title.includes('stopped')",
    )
    .await;
    assert!(!sshd.home().join("fifth").exists());
    page.picture("browser-stopped").await;
    page.close().await;
}

#[tokio::test]
async fn what_comes_from_servers_and_people_stays_text_in_light_and_dark() {
    const MARKUP: &str = "<script>window.hacked=1</script><img src=x onerror=window.hacked=2><b>bold</b>";
    let _turn = TURN.lock().await;
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let name = "<img src=x onerror=window.hacked=3>";
    let plan = format!(
        r#"name: markup
hosts:
  web1: {}
tasks:
  deploy:
    on: web1
    steps:
      - name: "<i>Output</i>"
        run: echo '{MARKUP}'
"#,
        sshd.host()
    );
    app.project(name, &plan).await;
    let page = Page::chromium().await;
    open(&page, &app, name).await;
    redeploy(&page).await;
    page.until("the run completes", "at('run-status')?.dataset.state === 'completed'").await;
    let markup = serde_json::Value::from(MARKUP).to_string();
    page.until(
        "the output shows as text",
        &format!("text(one(\"[data-testid='log-line'] .tx\")) === {markup}"),
    )
    .await;
    page.until(
        "the name of the step shows as text",
        "text(at('step')?.querySelector('.name'))?.startsWith('<i>Output</i>')",
    )
    .await;

    page.say(MARKUP).await;
    page.until(
        "the message is in the chat, and answered",
        "all(\"[data-testid='message'][data-role='user']\").length === 2
         && all(\"[data-testid='message'][data-role='assistant']\").filter((it) => it.dataset.state !== 'streaming').length >= 2",
    )
    .await;
    page.until(
        "what was said shows as text",
        &format!("text(all(\"[data-testid='message'][data-role='user']\").at(-1)) === {markup}"),
    )
    .await;
    let strange = "all('img, script, b, i').filter((it) => it.getAttribute('src') === 'x' \
                   || it.textContent.includes('hacked') || ['bold', 'Output'].includes(it.textContent)).length";
    assert_eq!(page.ask(strange).await, 0, "markup became elements");
    assert_eq!(page.ask("window.hacked ?? null").await, json!(null), "something of it ran");

    for theme in ["light", "dark"] {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        page.devtools("Emulation.setEmulatedMedia", media).await;
        page.until("the theme follows", &format!("document.documentElement.dataset.theme === '{theme}'"))
            .await;
        page.picture(&format!("browser-{theme}")).await;
        let contrast = page
            .run(
                "const light = (colour) => {
                    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => (part /= 255) <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
                    return .2126 * r + .7152 * g + .0722 * b;
                 };
                 const style = getComputedStyle(document.body);
                 return [light(style.color), light(style.backgroundColor)];",
            )
            .await;
        let (text, ground) = (contrast[0].as_f64().expect("text"), contrast[1].as_f64().expect("ground"));
        assert_eq!(ground > 0.5, theme == "light", "the ground of {theme}: {ground}");
        assert!((text.max(ground) + 0.05) / (text.min(ground) + 0.05) > 7.0, "{theme}: {text} on {ground}");
    }
    page.close().await;
}

#[tokio::test]
async fn at_900_by_600_everything_can_be_reached_by_mouse_and_by_keys() {
    let _turn = TURN.lock().await;
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let project = app.project("steps", &plan(&sshd)).await;
    let page = Page::chromium().await;
    page.resize(900, 600).await;
    open(&page, &app, "steps").await;
    redeploy(&page).await;
    page.until("the second step runs", &format!("{} === 'running'", step(1))).await;
    let fits = "document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight";
    page.until("the page does not overflow", fits).await;
    for control in [
        "project-row",
        "new-project",
        "settings-open",
        "composer-input",
        "tab-runs",
        "tab-plan",
        "run-back",
        "pause",
        "stop",
        "step",
        "log-find",
        "log-wrap",
        "log-copy",
        "log-save",
        "log-full",
        "log-follow",
    ] {
        page.until(&format!("{control} can be seen and pressed"), &format!("shows(at('{control}'))")).await;
    }
    // What a person reads is not cut off at the side either.
    let whole = "all('button, h1, h2').filter(shows).every((it) => it.getBoundingClientRect().right <= innerWidth + 1)";
    page.until("nothing is beyond the right edge", whole).await;
    page.picture("browser-900x600").await;

    page.run("document.activeElement?.blur();").await;
    page.keys("?").await;
    page.until("the shortcuts show", "shows(at('shortcuts'))").await;
    page.picture("browser-900x600-shortcuts").await;
    page.keys("\u{e00c}").await;
    page.until("they are closed", "!at('shortcuts')").await;
    page.control('k').await;
    page.until("the palette shows", "shows(at('palette'))").await;
    page.focused("[data-testid='palette'] input").await;
    page.keys("pause\n").await;
    page.until("the palette paused the run", "text(at('run-status')) === 'Pausing after this step…'").await;
    page.run("document.activeElement?.blur();").await;
    page.keys("p").await;
    page.until("a key resumed it", "text(at('run-status')) === 'In progress'").await;
    page.keys("s").await;
    page.until("a key asks whether to stop", "shows(at('stop-confirm'))").await;
    page.click("[data-testid='stop-confirm']").await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(detail["run"]["state"], "stopped");
    page.close().await;
}

/// A condition: the pages have what they show.
const CONNECTED: &str = "at('shell')?.dataset.connection === 'connected'";

#[tokio::test]
async fn the_token_lets_in_one_tab_and_goes_to_no_other_server() {
    let _turn = TURN.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let app = App::start(data.path()).await;
    let page = Page::chromium().await;
    page.open(&app.address()).await;
    page.until("the pages are connected", CONNECTED).await;
    let here = format!("{}/", app.base);
    assert_eq!(page.ask("location.href").await, here, "the token is out of sight");
    page.client.refresh().await.expect("is loaded anew");
    page.until("a reload is let in", CONNECTED).await;
    let cookies = page.devtools("Network.getAllCookies", json!({})).await;
    assert_eq!(cookies["cookies"], json!([]));

    // Another server on the same address, which the same browser visits.
    let other = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let there = format!("http://{}/", other.local_addr().expect("an address"));
    let asked = tokio::spawn(async move {
        let (mut visitor, _) = other.accept().await.expect("a visitor");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(visitor.read_u8().await.expect("the request goes on"));
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
        visitor.write_all(answer).await.expect("is answered");
        String::from_utf8_lossy(&request).to_ascii_lowercase()
    });
    page.run(&format!("location.href = '{there}';")).await;
    let request = timeout(PATIENCE, asked).await.expect("in time").expect("a request");
    assert!(request.starts_with("get / http"), "{request}");
    for secret in [app.token.as_str(), "cookie:", "referer:", "authorization:"] {
        assert!(!request.contains(secret), "{secret} in {request}");
    }

    // Another tab is asked for the address, and says when there is no token in what was given.
    let tab = page.client.new_window(true).await.expect("a tab").handle;
    page.client.switch_to_window(tab).await.expect("it is there");
    page.open(&here).await;
    page.until("it says what it needs", "shows(at('token-field'))").await;
    page.picture("browser-needs-token").await;
    page.click("[data-testid='token-field']").await;
    page.focused("[data-testid='token-field']").await;
    page.keys(&format!("{here}\n")).await;
    page.until("there is no token", "text(one(\"[role='alert']\"))?.includes('#token=')").await;
    page.client.refresh().await.expect("is loaded anew");
    page.click("[data-testid='token-field']").await;
    page.focused("[data-testid='token-field']").await;
    page.keys(&format!("{here}#token={}\n", "0".repeat(64))).await;
    page.until("a wrong one is refused", "at('token-field')?.value === '' && shows(at('token-field'))").await;
    page.click("[data-testid='token-field']").await;
    page.focused("[data-testid='token-field']").await;
    page.keys(&format!("{}\n", app.address())).await;
    page.until("the right one lets in", CONNECTED).await;

    // The address pasted over the one of an open page changes the fragment alone.
    let tab = page.client.new_window(true).await.expect("a tab").handle;
    page.client.switch_to_window(tab).await.expect("it is there");
    page.open(&here).await;
    page.until("a third tab needs the token", "shows(at('token-field'))").await;
    page.open(&app.address()).await;
    page.until("the address lets it in", CONNECTED).await;
    assert_eq!(page.ask("location.href").await, here);
    page.close().await;
}

#[tokio::test]
async fn the_pages_hear_again_what_happens_after_their_connection_was_cut() {
    const PLAN: &str = "name: small\ntasks:\n  small:\n    on: local\n    steps:\n      - run: echo small\n";
    let _turn = TURN.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let app = App::start_with(data.path(), |command| {
        command.args(["--allow-host", "127.0.0.1"]);
    })
    .await;
    let port = app.base.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let between = Proxy::start(port, Duration::ZERO).await;
    let page = Page::chromium().await;
    page.open(&format!("http://127.0.0.1:{}/#token={}", between.port, app.token)).await;
    page.until("the pages are connected", CONNECTED).await;
    page.run(
        "window.lost = 0;
         new MutationObserver(() => { if (at('shell')?.dataset.connection === 'lost') window.lost += 1; })
             .observe(document, { subtree: true, attributes: true });",
    )
    .await;
    let listed = |name: &str| {
        format!("all(\"[data-testid='project-row']\").some((row) => row.dataset.project === '{name}')")
    };
    app.project("before", PLAN).await;
    page.until("they hear of a project", &listed("before")).await;
    between.reset();
    page.until("they noticed and are connected again", &format!("window.lost > 0 && {CONNECTED}")).await;
    app.project("after", PLAN).await;
    page.until("they hear of another project", &listed("after")).await;
    page.close().await;
}

#[tokio::test]
async fn save_downloads_the_whole_log_from_an_address_that_works_once() {
    let _turn = TURN.lock().await;
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let downloads = tempfile::tempdir().expect("a folder");
    let app = App::start(data.path()).await;
    let steps = "      - name: Count\n        run: seq 1 200000\n";
    let project = app.project("count", &sshd.plan(steps)).await;
    app.say(&project, "Redeploy the application").await;
    let detail = app.ended(&project, 1).await;
    let page = Page::chromium().await;
    let folder = json!({ "behavior": "allow", "downloadPath": downloads.path() });
    page.devtools("Browser.setDownloadBehavior", folder).await;
    open(&page, &app, "count").await;
    page.click("[data-testid='run-row'][data-run='1']").await;
    page.click("[data-testid='step'][data-index='0']").await;
    page.run(
        "window.tickets = [];
         const real = window.fetch;
         window.fetch = async (path, init) => {
             const response = await real(path, init);
             if (path.startsWith('/api/log/')) window.tickets.push((await response.clone().json()).address);
             return response;
         };",
    )
    .await;
    page.click("[data-testid='log-save']").await;
    let name = "count-run-1-count.log";
    // The browser holds the name with an empty file, which the whole one replaces.
    let whole = |found: &Path| found.metadata().is_ok_and(|file| file.len() > 0);
    timeout(PATIENCE, async {
        while !whole(&downloads.path().join(name)) {
            page.until("the page goes on", "true").await;
        }
    })
    .await
    .expect("the log is downloaded");
    let saved = fs::read(downloads.path().join(name)).expect("the log");
    assert!(saved == app.log(&detail["steps"][0]).await, "{} bytes are not the log", saved.len());

    let tickets = page.ask("window.tickets").await;
    assert_eq!(tickets.as_array().map(Vec::len), Some(1), "{tickets}");
    let ticket = tickets[0].as_str().expect("an address");
    assert!(!ticket.contains(&app.token), "the token is in no address");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let again = client.get(format!("{}{ticket}", app.base)).send().await.expect("an answer");
    assert_eq!(again.status(), reqwest::StatusCode::NOT_FOUND);
    page.close().await;
}
