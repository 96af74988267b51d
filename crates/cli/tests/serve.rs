//! `steady serve` as a browser, and as somebody who should not, meets it: the real program over a real socket.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE},
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    process: Child,
    base: String,
    authority: String,
    port: u16,
    token: String,
    client: reqwest::Client,
    _data: Option<tempfile::TempDir>,
}

impl Server {
    fn start() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut server = Self::start_in(data.path(), &[]);
        server._data = Some(data);
        server
    }

    fn start_in(data: &Path, options: &[&str]) -> Self {
        let mut process = steady(data)
            .args(["serve", "--format", "json"])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("steady starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("is piped"))
            .read_line(&mut line)
            .expect("says where it listens");
        let listening: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON line, but {line:?}"));
        let url = listening["url"].as_str().expect("an address");
        let (base, token) = url.split_once("/#token=").expect("has the token");
        let authority = base.strip_prefix("http://").expect("is plain HTTP").to_owned();
        let port = authority.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("a client");
        Self { process, base: base.into(), authority, port, token: token.into(), client, _data: None }
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// A request that is in order: everything that tests take away or add is a change of this one.
    fn app_info(&self) -> RequestBuilder {
        self.ask(Method::POST, "/api/app_info").bearer_auth(&self.token).json(&json!({}))
    }

    /// Ends it with a signal, as a terminal or the system does.
    fn end(&mut self, signal: &str) -> ExitStatus {
        let sent =
            Command::new("kill").args([signal, &self.process.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
        self.process.wait().expect("ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where the test ended it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn steady(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steady"));
    command.env("STEADYHAND_DATA", data).env("HOME", data).stdin(Stdio::null());
    command
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test)
}

async fn status(request: RequestBuilder) -> StatusCode {
    request.send().await.expect("is answered").status()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Sends bytes as they are, for requests that an HTTP client would not send; answers the first line.
fn raw(server: &Server, request: &str) -> String {
    let mut connection = TcpStream::connect(&server.authority).expect("connects");
    connection.set_read_timeout(Some(PATIENCE)).expect("is set");
    connection.write_all(request.as_bytes()).expect("is sent");
    let mut answer = String::new();
    BufReader::new(connection).take(4096).read_line(&mut answer).expect("is answered");
    answer
}

#[test]
fn the_pages_need_no_token_and_hold_none() {
    run(async {
        let server = Server::start();
        let page = server.ask(Method::GET, "/").send().await.expect("answers");
        assert_eq!(page.status(), StatusCode::OK);
        assert!(header(&page, "content-type").starts_with("text/html"));
        let text = page.text().await.expect("is text");
        assert!(!text.contains(&server.token));
        let script = text.split('"').find(|part| part.ends_with(".js")).expect("has a script");
        let script = server.ask(Method::GET, script.trim_start_matches('.')).send().await.expect("answers");
        assert_eq!(script.status(), StatusCode::OK);
        assert!(header(&script, "content-type").starts_with("text/javascript"));
        assert!(!script.text().await.expect("is text").contains(&server.token));
        let info: Value = server.app_info().send().await.expect("answers").json().await.expect("is JSON");
        assert!(info["version"].is_string(), "{info}");
    });
}

#[test]
fn no_answer_sets_a_cookie_and_none_gives_access() {
    run(async {
        let server = Server::start();
        let (token, port) = (&server.token, server.port);
        let in_address = format!("/?token={token}");
        for request in [
            server.ask(Method::GET, "/"),
            server.ask(Method::GET, &in_address),
            server.ask(Method::GET, "/").bearer_auth(token),
            server.ask(Method::GET, "/no/such/page"),
            server.ask(Method::GET, "/download/nothing"),
            server.ask(Method::GET, "/api/updates").bearer_auth(token),
            server.ask(Method::POST, "/api/app_info"),
            server.app_info(),
        ] {
            let response = request.send().await.expect("is answered");
            assert!(!response.headers().contains_key(SET_COOKIE), "{}", response.url());
        }
        for name in
            [format!("steadyhand-{port}"), "steadyhand".into(), "token".into(), "Authorization".into()]
        {
            for value in [token.clone(), format!("Bearer {token}")] {
                let cookie = format!("{name}={value}");
                let call = server.ask(Method::POST, "/api/app_info").json(&json!({}));
                assert_eq!(status(call.header(COOKIE, &cookie)).await, StatusCode::UNAUTHORIZED, "{cookie}");
                let listen = server.ask(Method::GET, "/api/updates").header(COOKIE, &cookie);
                assert_eq!(status(listen).await, StatusCode::UNAUTHORIZED, "{cookie}");
            }
        }
    });
}

#[test]
fn nothing_under_api_is_done_without_the_token() {
    run(async {
        let server = Server::start();
        assert_eq!(status(server.app_info()).await, StatusCode::OK);
        let bare = |method: Method, path: &str| server.ask(method, path).json(&json!({}));
        for (method, path) in [
            (Method::POST, "/api/app_info"),
            (Method::GET, "/api/updates"),
            (Method::GET, "/api/log/00000000-0000-0000-0000-000000000000/1"),
            (Method::POST, "/api/log/00000000-0000-0000-0000-000000000000/1"),
            (Method::GET, "/api/nothing/here"),
            (Method::POST, "/api/no_such_operation"),
        ] {
            let wrong = "0".repeat(64);
            let shorter = &server.token[..63];
            let unauthorized = StatusCode::UNAUTHORIZED;
            assert_eq!(status(bare(method.clone(), path)).await, unauthorized, "{path}");
            assert_eq!(status(bare(method.clone(), path).bearer_auth(&wrong)).await, unauthorized, "{path}");
            assert_eq!(status(bare(method.clone(), path).bearer_auth(shorter)).await, unauthorized, "{path}");
            assert_eq!(status(bare(method.clone(), path).bearer_auth("")).await, unauthorized, "{path}");
            // In an address that is sent it would end up in logs.
            let in_address = bare(method, &format!("{path}?token={}", server.token));
            assert_eq!(status(in_address).await, unauthorized, "{path}");
        }
        let basic =
            server.ask(Method::POST, "/api/app_info").header(AUTHORIZATION, &server.token).json(&json!({}));
        assert_eq!(status(basic).await, StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn a_request_under_another_name_is_refused() {
    run(async {
        let server = Server::start();
        let port = server.port;
        for host in [
            format!("evil.example:{port}"),
            "evil.example".into(),
            format!("127.0.0.1.evil.example:{port}"),
            format!("192.0.2.1:{port}"),
            "127.0.0.1".into(),
            format!("127.0.0.1:{}", port ^ 1),
        ] {
            let refused = StatusCode::MISDIRECTED_REQUEST;
            assert_eq!(status(server.app_info().header(HOST, &host)).await, refused, "{host}");
            assert_eq!(status(server.ask(Method::GET, "/").header(HOST, &host)).await, refused, "{host}");
            let download = server.ask(Method::GET, "/download/nothing").header(HOST, &host);
            assert_eq!(status(download).await, refused, "{host}");
        }
        assert_eq!(status(server.app_info().header(HOST, format!("localhost:{port}"))).await, StatusCode::OK);
        let answer = raw(&server, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        let two = format!("GET / HTTP/1.1\r\nHost: {0}\r\nHost: evil.example\r\n\r\n", server.authority);
        assert!(raw(&server, &two).starts_with("HTTP/1.1 400"));
    });
}

#[test]
fn a_page_of_another_origin_is_refused_even_with_the_token() {
    run(async {
        let server = Server::start();
        let port = server.port;
        for origin in [
            "http://evil.example".into(),
            "null".into(),
            format!("https://127.0.0.1:{port}"),
            format!("http://localhost:{port}"),
            format!("http://127.0.0.1:{}", port ^ 1),
        ] {
            for (method, path) in [
                (Method::POST, "/api/app_info"),
                (Method::GET, "/api/updates"),
                (Method::GET, "/download/nothing"),
                (Method::GET, "/"),
                (Method::HEAD, "/"),
            ] {
                let request = server.ask(method, path).bearer_auth(&server.token).header(ORIGIN, &origin);
                assert_eq!(status(request.json(&json!({}))).await, StatusCode::FORBIDDEN, "{origin} {path}");
            }
        }
        let own = server.app_info().header(ORIGIN, &server.base);
        assert_eq!(status(own).await, StatusCode::OK);
        // What a browser sends for a page that only embeds or fetches this without an `Origin`.
        for site in ["cross-site", "same-site"] {
            for path in ["/api/updates", "/download/nothing"] {
                let request = server.ask(Method::GET, path).bearer_auth(&server.token);
                let answer = status(request.header("sec-fetch-site", site)).await;
                assert_eq!(answer, StatusCode::FORBIDDEN, "{site} {path}");
            }
        }
    });
}

#[test]
fn only_json_up_to_a_mebibyte_is_taken() {
    run(async {
        let server = Server::start();
        let with = |kind: &str, body: String| {
            let request = server.ask(Method::POST, "/api/app_info").bearer_auth(&server.token);
            request.header(CONTENT_TYPE, kind).body(body)
        };
        let padded = |length: usize| format!("{{}}{}", " ".repeat(length - 2));
        let cases = [
            (with("application/json", "{}".into()), StatusCode::OK),
            (with("text/plain", "{}".into()), StatusCode::UNSUPPORTED_MEDIA_TYPE),
            (with("application/x-www-form-urlencoded", "{}".into()), StatusCode::UNSUPPORTED_MEDIA_TYPE),
            (with("application/json", "{".into()), StatusCode::BAD_REQUEST),
            (with("application/json", "\"text\"".into()), StatusCode::BAD_REQUEST),
            (with("application/json", padded(1024 * 1024)), StatusCode::OK),
            (with("application/json", padded(1024 * 1024 + 1)), StatusCode::PAYLOAD_TOO_LARGE),
        ];
        for (request, expected) in cases {
            let response = request.send().await.expect("is answered");
            assert_eq!(response.status(), expected);
            if !expected.is_success() {
                let error: Value = response.json().await.expect("is JSON");
                assert_eq!(error["code"], "invalid", "{error}");
            }
        }
    });
}

#[test]
fn what_does_not_exist_is_not_found() {
    run(async {
        let server = Server::start();
        let asked =
            |method: Method, path: &str| server.ask(method, path).bearer_auth(&server.token).json(&json!({}));
        for (method, path) in [
            (Method::POST, "/api/no_such_operation"),
            (Method::POST, "/api/APP_INFO"),
            (Method::GET, "/api/log/0/1"),
            (Method::GET, "/api/log/00000000-0000-0000-0000-000000000000/1"),
            (Method::POST, "/api/log/0/1"),
            (Method::POST, "/api/log/00000000-0000-0000-0000-000000000000/1"),
            (Method::GET, "/api/nothing/at/all"),
            (Method::GET, "/download/nothing"),
        ] {
            let response = asked(method, path).send().await.expect("is answered");
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
            let error: Value = response.json().await.expect("is JSON");
            assert_eq!(error["code"], "not_found", "{path}: {error}");
        }
        assert_eq!(status(asked(Method::GET, "/api/app_info")).await, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(status(asked(Method::POST, "/")).await, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(status(asked(Method::HEAD, "/download/nothing")).await, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(status(asked(Method::POST, "/download/nothing")).await, StatusCode::METHOD_NOT_ALLOWED);
    });
}

#[test]
fn no_path_leads_out_of_the_pages() {
    run(async {
        let server = Server::start();
        for path in [
            "/../Cargo.toml",
            "/../../Cargo.toml",
            "/..%2f..%2fCargo.toml",
            "/%2e%2e/%2e%2e/Cargo.toml",
            "/assets/../../package.json",
            "/....//Cargo.toml",
            "//etc/passwd",
            "/etc/passwd",
            "/..\\..\\Cargo.toml",
            "/index.html%00",
        ] {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.authority);
            let answer = raw(&server, &request);
            assert!(answer.starts_with("HTTP/1.1 40"), "{path}: {answer}");
        }
    });
}

#[test]
fn every_answer_says_what_a_browser_may_do_with_it() {
    run(async {
        let server = Server::start();
        let foreign = server.ask(Method::GET, "/").header(ORIGIN, "http://evil.example");
        let missing = server.ask(Method::GET, "/no/such/page");
        let unauthorized = server.ask(Method::POST, "/api/app_info");
        for request in [server.ask(Method::GET, "/"), server.app_info(), foreign, missing, unauthorized] {
            let response = request.send().await.expect("is answered");
            let policy = header(&response, "content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(header(&response, "x-content-type-options"), "nosniff");
            assert_eq!(header(&response, "referrer-policy"), "no-referrer");
            assert_eq!(header(&response, "cross-origin-resource-policy"), "same-origin");
            assert!(!response.headers().contains_key("access-control-allow-origin"));
        }
    });
}

#[test]
fn a_listener_knows_at_once_that_it_is_connected() {
    run(async {
        let mut server = Server::start();
        let request = server.ask(Method::GET, "/api/updates").bearer_auth(&server.token);
        let mut response = request.send().await.expect("is answered");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), "text/event-stream");
        let mut text = String::new();
        while !text.contains("\n\n") {
            let chunk = response.chunk().await.expect("goes on").expect("does not end");
            text.push_str(std::str::from_utf8(&chunk).expect("is text"));
        }
        assert_eq!(text, "data: []\n\n");
        // A stream that never ends by itself does not keep the server from ending.
        assert!(server.end("-TERM").success());
    });
}

#[test]
fn ctrl_c_ends_the_server_and_the_address_survives_a_restart() {
    run(async {
        let data = tempfile::tempdir().expect("a folder");
        let mut first = Server::start_in(data.path(), &[]);
        assert_eq!(status(first.app_info()).await, StatusCode::OK);
        let token = first.token.clone();
        let listen = first.authority.clone();
        assert!(first.end("-INT").success());
        let mut second = Server::start_in(data.path(), &["--listen", &listen]);
        assert_eq!((&second.token, &second.authority), (&token, &listen));
        assert!(second.end("-INT").success());
        let third = Server::start_in(data.path(), &["--new-token"]);
        assert_ne!(third.token, token);
        let old = third.ask(Method::POST, "/api/app_info").bearer_auth(&token).json(&json!({}));
        assert_eq!(status(old).await, StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn a_port_in_use_is_said_in_one_line() {
    let server = Server::start();
    let data = tempfile::tempdir().expect("a folder");
    let refused =
        steady(data.path()).args(["serve", "--listen", &server.authority]).output().expect("steady starts");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains(&server.authority) && said.contains("--listen"), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
    assert!(refused.stdout.is_empty());
}
