//! `steady detect`: what a folder's source is, and images that are built from the Dockerfiles that are made.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use serde_json::Value;
use steadyhand_deploy::detect::{Application, Bases, StaticServer, Tree, VARIABLES, detect, dockerfile};
use steadyhand_tests::{
    command::{ended, steady},
    dockerd::{Dockerd, IMAGE},
    images::{CADDY, GO, NODE, PYTHON, RUST},
};
use tempfile::TempDir;

fn source(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (file, text) in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

async fn said(folder: &Path, more: &[&str]) -> (Option<i32>, String) {
    let data = tempfile::tempdir().expect("a folder");
    let path = folder.display().to_string();
    ended(&mut steady(data.path(), &[&["detect", &path], more].concat())).await
}

#[tokio::test]
async fn a_folder_is_told_in_words() {
    let shop = source(&[
        (
            "package.json",
            r#"{"engines": {"node": ">=20"}, "dependencies": {"next": "15", "pg": "8"}, "scripts": {"build": "next build", "start": "next start -p 4000"}}"#,
        ),
        ("package-lock.json", "{}"),
        (".env.example", "DATABASE_URL=postgres://x\nNEXT_PUBLIC_NAME=\n"),
        (".env", "DATABASE_URL=postgres://shop:hunter2@db/shop\nHIDDEN=1\n"),
    ]);
    let (status, text) = said(shop.path(), &[]).await;
    assert_eq!(status, Some(0), "{text}");
    for line in [
        "This folder: Next.js (certain)",
        "  package.json: next is among the dependencies",
        "  version    Node.js 22 (>=20 in engines in package.json)",
        "  packages   npm (package-lock.json)",
        "  build      npm run build",
        "  start      next start -p 4000",
        "  port       4000 (the script `start` in package.json)",
        "  reads      2 variables: DATABASE_URL (secret), NEXT_PUBLIC_NAME (for the build)",
        "  needs      PostgreSQL (the dependency pg in package.json)",
    ] {
        assert!(text.lines().any(|found| found == line), "no line “{line}” in\n{text}");
    }
    assert!(!text.contains("hunter2") && !text.contains("HIDDEN") && !text.contains("FROM"), "{text}");
    let (_, text) = said(shop.path(), &["--dockerfile"]).await;
    assert!(text.contains("\nFROM node:22-slim AS build\n") && text.contains("\n**/.env\n"), "{text}");
}

#[tokio::test]
async fn a_monorepo_lists_its_applications_as_json() {
    let shop = source(&[
        ("package.json", r#"{"workspaces": ["apps/*"]}"#),
        ("package-lock.json", "{}"),
        (
            "apps/web/package.json",
            r#"{"name": "web", "devDependencies": {"vite": "6", "vue": "3"}, "scripts": {"build": "vite build"}}"#,
        ),
        (
            "apps/api/package.json",
            r#"{"name": "api", "dependencies": {"fastify": "5"}, "scripts": {"start": "node x.js --port 4001"}}"#,
        ),
        ("worker/go.mod", "module acme.dev/worker\ngo 1.25\n"),
        ("worker/main.go", "package main\n"),
    ]);
    let (status, text) = said(shop.path(), &["--json"]).await;
    assert_eq!(status, Some(0), "{text}");
    let found: Value = serde_json::from_str(&text).expect("one document of JSON");
    let applications = found["applications"].as_array().expect("applications");
    let of = |key: &str| applications.iter().map(|app| app[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("path"), ["apps/api", "apps/web", "worker"]);
    assert_eq!(of("framework"), ["fastify", "vite_vue", "go"]);
    assert_eq!(applications[0]["port"]["number"], 4001);
    assert_eq!(applications[1]["dockerfile"]["context"], ".");
    assert_eq!(found["workspaces"][0]["file"], "package.json");
}

#[tokio::test]
async fn what_is_no_application_says_what_is_missing() {
    let (status, text) = said(source(&[("README.md", "x")]).path(), &[]).await;
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.starts_with("Nothing here says how an application is built or started. Add a Dockerfile"),
        "{text}"
    );
}

#[tokio::test]
async fn folders_that_cannot_be_looked_at_say_why() {
    let folder = source(&[("file", "x")]);
    let (status, text) = said(&folder.path().join("nowhere"), &[]).await;
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("nowhere; name the folder of an application's source"), "{text}");
    let (status, text) = said(&folder.path().join("file"), &["--json"]).await;
    assert_eq!(status, Some(2), "{text}");
    let refused: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(refused["error"]["code"], "invalid");
}

/// A daemon with images of what this machine has.
struct Images {
    docker: Dockerd,
    client: PathBuf,
}

impl Images {
    fn start() -> Self {
        let images = Self { docker: Dockerd::start(), client: Dockerd::client() };
        for base in [NODE, PYTHON, RUST, GO, CADDY] {
            base.import(&images.docker);
        }
        images
    }

    fn docker(&self) -> Command {
        let mut command = Command::new(&self.client);
        command
            .env("DOCKER_HOST", format!("unix://{}", self.docker.socket().display()))
            .env("DOCKER_BUILDKIT", "1");
        command
    }

    /// Builds the only application in a folder with the Dockerfile that is made for it. Answers what was written meanwhile.
    fn build(&self, folder: &Path, image: &str, more: &[&str]) -> String {
        self.build_on(&bases(), folder, image, more)
    }

    fn build_on(&self, bases: &Bases, folder: &Path, image: &str, more: &[&str]) -> String {
        let app = only(folder);
        let made = dockerfile(&app, bases).expect("a Dockerfile");
        fs::write(folder.join("Dockerfile"), &made.text).expect("a Dockerfile");
        fs::write(folder.join(".dockerignore"), &made.ignore).expect("what is kept away");
        // No network is needed: nothing is fetched.
        let output = self
            .docker()
            .args(["build", "--progress", "plain", "--network", "none", "--tag", image])
            .args(more)
            .arg(folder)
            .output()
            .expect("docker runs");
        fs::remove_file(folder.join("Dockerfile")).expect("removed");
        succeeded(&made.text, &output)
    }

    /// What a command answers within a container.
    fn asked(&self, container: &str, script: &str) -> Output {
        self.docker()
            .args(["exec", container, "/bin/busybox", "sh", "-c", script])
            .output()
            .expect("docker runs")
    }

    /// Starts a container, as it is deployed: nothing may be written, nothing more may be gained.
    fn start_container(&self, image: &str, name: &str) {
        let output = self
            .docker()
            .args([
                "run",
                "--detach",
                "--network",
                "none",
                "--read-only",
                "--tmpfs",
                "/tmp",
                "--cap-drop",
                "ALL",
            ])
            .args(["--security-opt", "no-new-privileges", "--name", name, image])
            .output()
            .expect("docker runs");
        succeeded(image, &output);
    }

    /// What a path answers once the server in the container listens.
    fn got(&self, container: &str, port: u16, path: &str) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let output =
                self.asked(container, &format!("/bin/busybox wget -q -O - http://127.0.0.1:{port}{path}"));
            if output.status.success() {
                return String::from_utf8(output.stdout).expect("text");
            }
            let logs = || self.docker().args(["logs", container]).output().expect("docker runs");
            assert!(Instant::now() < until, "{output:?}\n{:?}", logs());
        }
    }

    /// Stops a container as a deployment does, and answers how it ended.
    fn stopped(&self, container: &str) -> String {
        succeeded(
            "stop",
            &self.docker().args(["stop", "--time", "30", container]).output().expect("docker runs"),
        );
        let state = ["inspect", "--format", "{{.State.ExitCode}}", container];
        succeeded("inspect", &self.docker().args(state).output().expect("docker runs")).trim().to_owned()
    }
}

fn bases() -> Bases {
    Bases {
        node: "node:local".to_owned(),
        python: "python:local".to_owned(),
        rust: "rust:local".to_owned(),
        // It has a C library, which is all that a program of Rust needs.
        rust_run: "node:local".to_owned(),
        go: "golang:local".to_owned(),
        go_run: IMAGE.to_owned(),
        files: IMAGE.to_owned(),
        files_server: StaticServer::Busybox,
        ..Bases::default()
    }
}

fn succeeded(what: &str, output: &Output) -> String {
    let said = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{what}\n{said}");
    said
}

fn only(folder: &Path) -> Application {
    let mut found = detect(&Tree::of_folder(folder).expect("a folder")).applications;
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

const SERVER: &str = r#"
const { createServer } = require("node:http");
const shape = require("./shape.json");
const server = createServer((request, response) => response.end(JSON.stringify({ path: request.url, user: process.getuid(), shape })));
server.listen(process.env.PORT || 3456, "0.0.0.0");
process.on("SIGTERM", () => server.close(() => process.exit(7)));
"#;

fn node_source() -> TempDir {
    source(&[
        (
            "package.json",
            r#"{"name": "shop", "version": "1.0.0", "scripts": {"build": "node build.js", "prestart": "node -e 1", "start": "npm run serve", "serve": "node server.js"}}"#,
        ),
        (
            "package-lock.json",
            r#"{"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {"": {"name": "shop", "version": "1.0.0"}}}"#,
        ),
        (
            "build.js",
            r#"require("fs").writeFileSync("shape.json", JSON.stringify({ name: process.env.VITE_NAME ?? null }))"#,
        ),
        ("server.js", SERVER),
        (".env.example", "VITE_NAME=\n"),
        (".env", "SECRET=hunter2\n"),
    ])
}

/// One daemon for all: making its images takes longest.
#[test]
fn images_are_built_from_the_dockerfiles_and_answer() {
    let images = Images::start();
    rust(&images);
    go(&images);
    static_files(&images);
    node(&images);
    files_that_node_builds(&images);
    python(&images);
    python_with_a_procfile(&images);
    a_single_page_behind_caddy(&images);
    pages_behind_caddy(&images);
}

fn static_files(images: &Images) {
    let page = source(&[("index.html", "<h1>Hello</h1>"), (".env", "SECRET=hunter2"), (".git/config", "x")]);
    images.build(page.path(), "page", &[]);
    images.start_container("page", "page");
    assert_eq!(images.got("page", 8080, "/"), "<h1>Hello</h1>");
    let files = images.asked("page", "find /srv -type f; /bin/busybox id -u");
    assert_eq!(String::from_utf8_lossy(&files.stdout), "/srv/index.html\n1000\n");
}

fn node(images: &Images) {
    let shop = node_source();
    let variables = shop.path().join("variables");
    fs::write(&variables, "VITE_NAME='Anna'\"'\"'s shop'\n").expect("a file");
    let secret = format!("id={VARIABLES},src={}", variables.display());
    let cached = |log: &str| log.lines().filter(|line| line.ends_with(" CACHED")).count();
    let first = images.build(shop.path(), "server", &["--secret", &secret]);
    images.start_container("server", "server");
    assert_eq!(
        images.got("server", 3456, "/x"),
        r#"{"path":"/x","user":1000,"shape":{"name":"Anna's shop"}}"#
    );
    // The program itself got the signal, and ended as it wanted to.
    assert_eq!(images.stopped("server"), "7");
    let history = images.docker().args(["history", "--no-trunc", "server"]).output().expect("docker runs");
    assert!(!succeeded("history", &history).contains("Anna"), "a build's variables are in no history");
    // A change of the source leaves the layer of dependencies as it is.
    fs::write(shop.path().join("server.js"), format!("{SERVER}\n// changed")).expect("a file");
    let second = images.build(shop.path(), "server", &[]);
    assert!(cached(&second) > cached(&first), "{first}\n{second}");
    let install = second.split("npm ci").nth(1).expect("the step that installs");
    assert!(install.split("\n\n").next().is_some_and(|step| step.contains("CACHED")), "{second}");
}

fn site() -> TempDir {
    let site = source(&[
        (
            "package.json",
            r#"{"name": "site", "version": "1.0.0", "devDependencies": {"vite": "file:./vite", "vue": "file:./vue"}, "scripts": {"build": "vite build"}}"#,
        ),
        ("vue/package.json", r#"{"name": "vue", "version": "3.0.0", "main": "x.js"}"#),
        // A stand-in of a few lines, since no package can be fetched here: it builds what Vite would.
        ("vite/package.json", r#"{"name": "vite", "version": "6.0.0", "bin": {"vite": "vite.js"}}"#),
        (
            "vite/vite.js",
            "#!/usr/bin/env node\nconst fs = require('fs'); fs.mkdirSync('dist'); fs.writeFileSync('dist/index.html', 'built');\n",
        ),
    ]);
    fs::set_permissions(site.path().join("vite/vite.js"), fs::Permissions::from_mode(0o755))
        .expect("its mode");
    symlink("nowhere", site.path().join("left-behind")).expect("a link");
    site
}

fn files_that_node_builds(images: &Images) {
    let site = site();
    images.build(site.path(), "site", &[]);
    images.start_container("site", "site");
    assert_eq!(images.got("site", 8080, "/index.html"), "built");
    let size = images
        .docker()
        .args(["image", "inspect", "--format", "{{.Size}}", "site"])
        .output()
        .expect("docker runs");
    let size: u64 = succeeded("inspect", &size).trim().parse().expect("a number");
    assert!(size < 5_000_000, "the image has {size} bytes: Node is not in it");
}

const PYTHON_SERVER: &str = r#"
import os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{os.getuid()} {sys.prefix}".encode())
HTTPServer(("0.0.0.0", 8765), Handler).serve_forever()
"#;

fn python(images: &Images) {
    let api = source(&[("main.py", PYTHON_SERVER), ("requirements.txt", "# nothing\n")]);
    assert_eq!(only(api.path()).port.map(|port| port.number), Some(8765));
    images.build(api.path(), "api", &[]);
    images.start_container("api", "api");
    assert_eq!(images.got("api", 8765, "/"), "1000 /venv");
    assert_eq!(images.stopped("api"), "7");
}

fn python_with_a_procfile(images: &Images) {
    let api = source(&[
        ("requirements.txt", "# nothing\n"),
        ("app.py", "import shop\n"),
        ("Procfile", "web: python -m http.server --bind 0.0.0.0 --directory /app $PORT\n"),
        ("hello.txt", "hello"),
    ]);
    images.build(api.path(), "procfile", &[]);
    images.start_container("procfile", "procfile");
    // Nothing says a port, so PORT is the usual one, and the Procfile's command is given it.
    assert_eq!(images.got("procfile", 8000, "/hello.txt"), "hello");
}

/// The usual server of static files, with the program that this machine has.
fn a_single_page_behind_caddy(images: &Images) {
    let site = site();
    let bases = Bases { files: "caddy:local".to_owned(), files_server: StaticServer::Caddy, ..bases() };
    images.build_on(&bases, site.path(), "single", &[]);
    images.start_container("single", "single");
    assert_eq!(images.got("single", 8080, "/orders/7"), "built");
    assert_eq!(images.stopped("single"), "0");
}

/// Pages each of which is a file of its own, and one for what is not there.
fn pages_behind_caddy(images: &Images) {
    let pages = source(&[
        ("index.html", "home"),
        ("about.html", "about"),
        ("docs/index.html", "docs"),
        ("404.html", "nothing here"),
    ]);
    let bases = Bases { files: "caddy:local".to_owned(), files_server: StaticServer::Caddy, ..bases() };
    images.build_on(&bases, pages.path(), "pages", &[]);
    images.start_container("pages", "pages");
    for (path, expected) in [("/", "home"), ("/about", "about"), ("/docs/", "docs")] {
        assert_eq!(images.got("pages", 8080, path), expected, "{path}");
    }
    let missing =
        images.asked("pages", "printf 'GET /nowhere HTTP/1.0\\r\\n\\r\\n' | /bin/busybox nc 127.0.0.1 8080");
    let answer = String::from_utf8_lossy(&missing.stdout).into_owned();
    assert!(answer.starts_with("HTTP/1.0 404 ") && answer.ends_with("nothing here"), "{answer}");
}

const RUST_SERVER: &str = r#"
use std::io::{Read, Write};
fn main() {
    let listener = std::net::TcpListener::bind("0.0.0.0:8091").unwrap();
    for connection in listener.incoming() {
        let mut connection = connection.unwrap();
        let _ = connection.read(&mut [0; 1000]);
        let _ = connection.write_all(b"HTTP/1.0 200 OK\r\n\r\nfirst");
    }
}
"#;

const GO_SERVER: &str = r#"package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		os.Exit(7)
	}()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s for %d", r.URL.Path, os.Getuid())
	})
	panic(http.ListenAndServe(":8092", nil))
}
"#;

fn rust(images: &Images) {
    let source = source(&[
        ("Cargo.toml", "[package]\nname = \"small-shop\"\nversion = \"1.0.0\"\nedition = \"2024\"\n"),
        ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"small-shop\"\nversion = \"1.0.0\"\n"),
        ("src/main.rs", RUST_SERVER),
    ]);
    images.build(source.path(), "rusty", &[]);
    images.start_container("rusty", "rusty");
    assert_eq!(images.got("rusty", 8091, "/"), "first");
    // A file that is older than what was compiled before it came is compiled all the same.
    let main = source.path().join("src/main.rs");
    fs::write(&main, RUST_SERVER.replace("first", "second")).expect("a file");
    let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&main).and_then(|file| file.set_modified(old)).expect("its time");
    images.build(source.path(), "rusty:2", &[]);
    images.start_container("rusty:2", "rusty2");
    assert_eq!(images.got("rusty2", 8091, "/"), "second");
}

fn go(images: &Images) {
    let source = source(&[("go.mod", "module acme.example/shop\n\ngo 1.19\n"), ("main.go", GO_SERVER)]);
    images.build(source.path(), "gopher", &[]);
    images.start_container("gopher", "gopher");
    assert_eq!(images.got("gopher", 8092, "/x"), "/x for 65532");
    assert_eq!(images.stopped("gopher"), "7");
}
