//! The pages as people see them: in Chromium, and in the app's own window on a display of its own.

use std::{path::Path, process::Stdio, time::Duration};

use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource, KeyAction, KeyActions},
    wd::{Capabilities, TimeoutConfiguration},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{
    app::{PATIENCE, program},
    free_port,
};

/// In the environment of everything that a page started, so that all of it can be found and ended.
const MARK: &str = "STEADYHAND_TEST_PAGE";

/// What every script may use: `all` and `one` find elements, `at` finds one by its test identifier, `shows` says whether
/// one can be seen and pressed.
const HELP: &str = r#"
    const all = (selector) => [...document.querySelectorAll(selector)];
    const one = (selector) => document.querySelector(selector);
    const at = (id, more = '') => one(`[data-testid='${id}']${more}`);
    const text = (element) => element?.textContent.trim();
    const shows = (element) => {
        const box = element?.getBoundingClientRect();
        if (!box || box.width === 0 || box.height === 0) return false;
        const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
        return hit !== null && (element.contains(hit) || hit.contains(element));
    };
"#;

/// A page under control; what it runs in ends when this is dropped.
pub struct Page {
    /// The WebDriver session.
    pub client: Client,
    driver: Child,
    address: String,
    display: Option<Child>,
    /// The profile of the browser, or the home of the window.
    folder: TempDir,
}

impl Page {
    /// Chromium, without a display, with an empty profile.
    pub async fn chromium() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let driver = |port: u16| {
            let mut command = Command::new("chromedriver");
            command.arg(format!("--port={port}"));
            command
        };
        let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                "--disable-dev-shm-usage", "--enable-precise-memory-info", "--window-size=1280,820", profile,
            ] },
        });
        Self::start(folder, driver, capabilities, None).await
    }

    /// The window of the app itself, on the data in `data`.
    pub async fn window(data: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (display, number) = display().await;
        let driver = |port: u16| {
            let mut command = Command::new("WebKitWebDriver");
            command
                .arg(format!("--port={port}"))
                .env("DISPLAY", format!(":{number}"))
                .env("TAURI_AUTOMATION", "true")
                .env("TAURI_WEBVIEW_AUTOMATION", "true")
                .env("STEADYHAND_DATA", data)
                .env_remove("WAYLAND_DISPLAY")
                .env_remove("STEADYHAND_MODEL_KEY")
                .env_remove("SSH_AUTH_SOCK");
            command
        };
        let capabilities = json!({
            "browserName": "wry",
            "webkitgtk:browserOptions": { "binary": program("steadyhand"), "args": [] },
        });
        Self::start(folder, driver, capabilities, Some(display)).await
    }

    async fn start(
        folder: TempDir,
        driver: impl FnOnce(u16) -> Command,
        capabilities: Value,
        display: Option<Child>,
    ) -> Self {
        let port = free_port();
        let address = format!("http://127.0.0.1:{port}");
        let mut command = driver(port);
        command
            .env("HOME", folder.path())
            .env(MARK, folder.path())
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let name = command.as_std().get_program().to_owned();
        let mut driver = command.spawn().unwrap_or_else(|error| panic!("{} starts: {error}", name.display()));
        timeout(PATIENCE, async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                let ended = driver.try_wait().expect("its state");
                assert!(ended.is_none(), "{} ended: {ended:?}", name.display());
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the driver answers");
        let capabilities: Capabilities = serde_json::from_value(capabilities).expect("capabilities");
        let client = timeout(
            PATIENCE,
            ClientBuilder::rustls().expect("TLS").capabilities(capabilities).connect(&address),
        )
        .await
        .expect("a session in time")
        .expect("a session");
        let longer = PATIENCE + Duration::from_secs(30);
        client
            .update_timeouts(TimeoutConfiguration::new(Some(longer), Some(PATIENCE), Some(Duration::ZERO)))
            .await
            .expect("timeouts");
        Self { client, driver, address, display, folder }
    }

    /// Opens an address.
    pub async fn open(&self, address: &str) {
        self.client.goto(address).await.expect("the page opens");
    }

    /// Runs the body of a function in the page; gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        match self.client.execute(&format!("{HELP}{script}"), Vec::new()).await {
            Ok(value) => value,
            Err(error) => panic!("{error}, from the script\n{script}"),
        }
    }

    /// What an expression is in the page now.
    pub async fn ask(&self, expression: &str) -> Value {
        self.run(&format!("return ({expression});")).await
    }

    /// Waits until an expression is true in the page, looking at every change and every frame; gives its value.
    pub async fn until(&self, what: &str, expression: &str) -> Value {
        let patience = PATIENCE.as_millis();
        let script = format!(
            r#"{HELP}
            const done = arguments[arguments.length - 1];
            const end = performance.now() + {patience};
            let over = false;
            let problem = '';
            const look = () => {{
                if (over) return;
                let value;
                try {{ value = ({expression}); problem = ''; }} catch (error) {{ problem = String(error); }}
                if (value) {{ over = true; observer.disconnect(); done({{ value }}); }}
                else if (performance.now() > end) {{
                    over = true;
                    observer.disconnect();
                    done({{ problem, text: document.body.innerText }});
                }}
            }};
            const observer = new MutationObserver(look);
            observer.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
            const frame = () => {{ look(); if (!over) requestAnimationFrame(frame); }};
            frame();"#
        );
        match self.client.execute_async(&script, Vec::new()).await {
            Ok(mut answer) if answer.get("value").is_some() => answer["value"].take(),
            Ok(answer) => {
                self.picture("gave-up").await;
                panic!(
                    "{what}: not within {} s. {}\nThe page says:\n{}",
                    PATIENCE.as_secs(),
                    answer["problem"].as_str().unwrap_or_default(),
                    answer["text"].as_str().unwrap_or_default()
                )
            }
            Err(error) => panic!("{what}: {error}, from\n{expression}"),
        }
    }

    /// Waits until an element can be pressed, and presses it with the mouse.
    pub async fn click(&self, selector: &str) {
        let quoted = Value::from(selector).to_string();
        loop {
            self.until(
                &format!("{selector} can be pressed"),
                &format!("shows(one({quoted})) && !one({quoted}).disabled"),
            )
            .await;
            let element = self.client.find(Locator::Css(selector)).await.expect("an element");
            match element.click().await {
                Ok(()) => return,
                // The page has drawn it anew in between.
                Err(error) if error.is_stale_element_reference() => {}
                Err(error) => panic!("{selector}: {error}"),
            }
        }
    }

    /// Waits until an element has the focus; keys that are pressed before that go elsewhere.
    pub async fn focused(&self, selector: &str) {
        let quoted = Value::from(selector).to_string();
        self.until(
            &format!("{selector} has the focus"),
            &format!("document.activeElement !== null && document.activeElement === one({quoted})"),
        )
        .await;
    }

    /// Presses keys one after another, into what has the focus; `\n` is Enter.
    pub async fn keys(&self, text: &str) {
        let strokes = text.chars().flat_map(|key| {
            let value = if key == '\n' { '\u{e007}' } else { key };
            [KeyAction::Down { value }, KeyAction::Up { value }]
        });
        self.strokes(strokes).await;
    }

    /// Presses Ctrl together with a key.
    pub async fn control(&self, key: char) {
        const CONTROL: char = '\u{e009}';
        self.strokes([
            KeyAction::Down { value: CONTROL },
            KeyAction::Down { value: key },
            KeyAction::Up { value: key },
            KeyAction::Up { value: CONTROL },
        ])
        .await;
    }

    async fn strokes(&self, strokes: impl IntoIterator<Item = KeyAction>) {
        let keys =
            strokes.into_iter().fold(KeyActions::new("keys".to_owned()), |keys, stroke| keys.then(stroke));
        self.client.perform_actions(keys).await.expect("keys are pressed");
    }

    /// Types a message into the chat and sends it with Enter.
    pub async fn say(&self, message: &str) {
        self.click("[data-testid='composer-input']").await;
        self.focused("[data-testid='composer-input']").await;
        self.keys(message).await;
        self.until(
            "the message is in its field",
            &format!("at('composer-input').value === {}", Value::from(message)),
        )
        .await;
        self.keys("\n").await;
    }

    /// Asks Chromium for something that WebDriver has no word for.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let session = self.client.session_id().await.expect("a session").expect("its identifier");
        let mut answer: Value = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client")
            .post(format!("{}/session/{session}/goog/cdp/execute", self.address))
            .json(&json!({ "cmd": command, "params": parameters }))
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        assert!(answer["value"].get("error").is_none(), "{command}: {answer}");
        answer["value"].take()
    }

    /// Makes the page of Chromium this large, and waits until it is.
    pub async fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        self.until("the page has its size", &format!("innerWidth === {width} && innerHeight === {height}"))
            .await;
    }

    /// Saves a picture of the page into the folder that `STEADYHAND_SHOTS` names, if it names one.
    pub async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("STEADYHAND_SHOTS") else { return };
        std::fs::create_dir_all(&folder).expect("the folder for pictures");
        let picture = self.client.screenshot().await.expect("a picture");
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture)
            .expect("the picture is written");
    }

    /// Ends the session, as closing the window does.
    pub async fn close(self) {
        self.client.clone().close().await.expect("the session ends");
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.driver.start_kill();
        if let Some(display) = &mut self.display {
            let _ = display.start_kill();
        }
        // What a driver started does not end with it.
        let mark = format!("{MARK}={}", self.folder.path().display());
        for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
                let _ = std::process::Command::new("kill").arg("-9").arg(process.file_name()).status();
            }
        }
    }
}

/// A display of its own, which chooses a number that is free.
async fn display() -> (Child, String) {
    let mut process = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1280x820x24", "-nolisten", "tcp"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Xvfb, of the package xvfb, starts");
    let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
    let number =
        timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("its output").expect("a number");
    (process, number)
}
