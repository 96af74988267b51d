//! The practice application deployed for real: the practice server, OpenSSH's client and git.

use std::collections::BTreeMap;
use std::time::Duration;

use steadyhand_plan::{Action, CompiledStep, Text};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;

const LIMIT: Duration = Duration::from_secs(60);

struct World {
    // Dropped first, while the folder is still there.
    _end: End,
    folder: TempDir,
    server: PracticeServer,
    practice: Practice,
}

/// Ends what a test has deployed, also when the test fails.
struct End(Practice);

#[derive(Debug)]
struct Ran {
    name: String,
    code: Option<i32>,
    log: String,
}

impl Drop for End {
    fn drop(&mut self) {
        let service = self.0.deployed.join("source/service");
        let _ = std::process::Command::new(service).arg("stop").arg(&self.0.deployed).output();
    }
}

impl World {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("with space/practice");
        let server = PracticeServer::start(&data).await.unwrap();
        // Tests run beside each other, and beside a real Steadyhand: each gets a port of its own.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        std::fs::write(data.join("application_port"), port.to_string()).unwrap();
        let practice = prepare(&data, &server).await.unwrap();
        std::fs::write(folder.path().join("known_hosts"), server.host_key_line()).unwrap();
        let _end = End(practice.clone());
        Self { _end, folder, server, practice }
    }

    /// Runs the steps of the plan in order, up to the first that fails: those of `local` by a shell, those of the practice
    /// server by `ssh`.
    async fn deploy(&self, plan: &str) -> Vec<Ran> {
        let mut all = Vec::new();
        for step in compiled(plan).expect("the plan is valid").steps {
            let ran = self.step(&step).await;
            let is_end = ran.code != Some(0);
            all.push(ran);
            if is_end {
                break;
            }
        }
        all
    }

    async fn step(&self, step: &CompiledStep) -> Ran {
        let name = step.name.clone();
        match &step.action {
            Action::Run { script, cwd, env, login_shell } => {
                assert!(!login_shell);
                let script = program(script, cwd.as_ref(), env);
                let mut command = if step.host == "local" { self.local() } else { self.ssh() };
                let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
                child.stdin.take().unwrap().write_all(script.as_bytes()).await.unwrap();
                let output = timeout(LIMIT, child.wait_with_output()).await.expect("the step ends").unwrap();
                Ran {
                    name,
                    code: output.status.code(),
                    log: String::from_utf8_lossy(&output.stdout).into_owned(),
                }
            }
            Action::WaitFor { probe: Probe::Http { url, status }, .. } => {
                let answer = get(url.as_literal().unwrap()).await.unwrap_or_default();
                let is_right = answer.split(' ').nth(1) == Some(status.to_string().as_str());
                Ran { name, code: Some(i32::from(!is_right)), log: answer }
            }
            other => panic!("the practice plan has a step of another kind: {other:?}"),
        }
    }

    fn local(&self) -> Command {
        let mut command = Command::new("sh");
        // A person who has never set git up.
        command
            .arg("-s")
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("BUILD_PAUSE", "0");
        command
    }

    fn ssh(&self) -> Command {
        let mut command = Command::new("ssh");
        let known = self.folder.path().join("known_hosts");
        command.args([
            "-F/dev/null",
            "-oBatchMode=yes",
            "-oIdentitiesOnly=yes",
            "-oStrictHostKeyChecking=yes",
        ]);
        command.arg(format!("-oUserKnownHostsFile=\"{}\"", known.display()));
        command.arg("-i").arg(self.server.client_key());
        command.arg("-p").arg(self.server.address().port().to_string());
        command.args(["practice@127.0.0.1", "sh -s"]);
        command
    }

    async fn page(&self) -> String {
        get(&self.practice.url("")).await.expect("the page is served")
    }
}

fn program(script: &Text, cwd: Option<&Text>, env: &BTreeMap<String, Text>) -> String {
    let literal = |text: &Text| text.as_literal().expect("the practice plan has no secrets").to_owned();
    let quote = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let mut out = String::from("exec 2>&1\n");
    if let Some(cwd) = cwd.map(literal) {
        let path = cwd.strip_prefix("~/").map_or_else(|| quote(&cwd), |rest| format!("~/{}", quote(rest)));
        out.push_str(&format!("cd {path} || exit\n"));
    }
    for (name, value) in env {
        out.push_str(&format!("export {name}={}\n", quote(&literal(value))));
    }
    // As a unit: the commands must not read the script as their input.
    out.push_str(&format!("{{\n{}\n}} </dev/null\n", literal(script)));
    out
}

/// The whole answer to a GET request, with its headers.
async fn get(url: &str) -> std::io::Result<String> {
    let rest = url.strip_prefix("http://").unwrap();
    let (address, path) = rest.split_once('/').unwrap();
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET /{path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    timeout(LIMIT, ask).await.expect("the page answers in time")
}

async fn head(practice: &Practice) -> String {
    Git::default().run(&practice.repository, &["rev-parse", "--short", "HEAD"]).await.unwrap()
}

#[tokio::test]
async fn preparing_twice_leaves_everything_as_it_was() {
    let world = World::start().await;
    let first = head(&world.practice).await;
    world.practice.save("<h1>mine</h1>\n").await.unwrap();
    let again = prepare(&world.folder.path().join("with space/practice"), &world.server).await.unwrap();
    assert_eq!(head(&again).await, first);
    let plan = again.plan().unwrap();
    assert_eq!(plan, world.practice.plan().unwrap());
    assert_eq!(again.source(&plan).await.unwrap().text, "<h1>mine</h1>\n");
    let left: Vec<_> = std::fs::read_dir(world.folder.path().join("with space/practice"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("app."))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test]
async fn preparing_at_the_same_time_makes_one_repository() {
    let folder = TempDir::new().unwrap();
    let server = PracticeServer::start(folder.path()).await.unwrap();
    let all = futures::future::join_all((0..4).map(|_| prepare(folder.path(), &server))).await;
    for practice in all {
        assert_eq!(head(&practice.unwrap()).await.len(), 7);
    }
    let count = std::fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("app"))
        .count();
    assert_eq!(count, 2, "app and application_port");
}

#[tokio::test]
async fn the_repository_is_made_without_and_despite_any_configuration_of_git() {
    let folder = TempDir::new().unwrap();
    let hostile = folder.path().join("gitconfig");
    let hooks = folder.path().join("hooks");
    std::fs::create_dir(&hooks).unwrap();
    std::fs::write(hooks.join("pre-commit"), "#!/bin/sh\nexit 1\n").unwrap();
    std::fs::set_permissions(hooks.join("pre-commit"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let config = format!(
        "[commit]\n\tgpgSign = true\n[core]\n\thooksPath = {hooks}\n\tautocrlf = true\n[init]\n\tdefaultBranch = trunk\n\ttemplateDir = {hooks}\n",
        hooks = hooks.display()
    );
    std::fs::write(&hostile, config).unwrap();
    for (name, global) in [("none", "/dev/null"), ("hostile", hostile.to_str().unwrap())] {
        let environment = [
            ("HOME", folder.path().to_str().unwrap()),
            ("GIT_CONFIG_GLOBAL", global),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("EMAIL", ""),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let git = Git { program: None, environment };
        let repository = folder.path().join(name);
        make_repository(&git, folder.path(), &repository).await.unwrap();
        assert_eq!(git.run(&repository, &["status", "--porcelain"]).await.unwrap(), "");
        assert_eq!(git.run(&repository, &["symbolic-ref", "HEAD"]).await.unwrap(), "refs/heads/main");
        assert_eq!(
            git.run(&repository, &["log", "--format=%an: %s"]).await.unwrap(),
            "Practice: The practice application"
        );
        let programs =
            git.run(&repository, &["ls-files", "--stage", "build", "serve", "service"]).await.unwrap();
        assert_eq!(programs.lines().filter(|line| line.starts_with("100755")).count(), 3, "{programs}");
        assert!(!std::fs::read_to_string(repository.join("build")).unwrap().contains('\r'));
    }
}

#[tokio::test]
async fn a_missing_git_is_named_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let git = Git { program: Some(folder.path().join("git")), environment: Vec::new() };
    let error = make_repository(&git, folder.path(), &folder.path().join("app")).await.unwrap_err();
    assert!(error.message.contains("needs git") && error.message.contains("apt install git"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn the_plan_names_this_machines_server_and_has_no_problems() {
    let world = World::start().await;
    let plan = world.practice.plan().unwrap();
    let checked = check(&plan);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    let compiled = compiled(&plan).unwrap();
    let CompiledHost::Ssh(host) = &compiled.hosts["practice"] else {
        panic!("the practice server is reached by SSH")
    };
    assert_eq!(host.port, Some(world.server.address().port()));
    assert_eq!(host.identity.as_deref(), world.server.client_key().to_str());
    let names: Vec<_> = compiled.steps.iter().map(|step| step.name.as_str()).collect();
    let expected = [
        "Save your changes",
        "Fetch repository",
        "Build",
        "Stop the old version",
        "Start the new version",
        "Health check",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_deployment_serves_the_page_and_the_next_one_what_was_edited() {
    let world = World::start().await;
    let plan = world.practice.plan().unwrap();
    let ran = world.deploy(&plan).await;
    assert!(ran.iter().all(|step| step.code == Some(0)) && ran.len() == 6, "{ran:#?}");
    let first = head(&world.practice).await;
    let page = world.page().await;
    assert!(page.contains(&format!("<code>{first}</code>")) && !page.contains("{{"), "{page}");
    assert!(ran[3].log.contains("Nothing is running"), "{}", ran[3].log);
    assert!(ran[5].log.ends_with(&format!("{first}\n")), "{}", ran[5].log);

    let source = world.practice.source(&plan).await.unwrap();
    assert_eq!(source.url, world.practice.url(&plan));
    let edited = source.text.replace("Hello from your practice server", "It’s mine & <em>new</em>");
    world.practice.save(&edited).await.unwrap();
    let ran = world.deploy(&plan).await;
    assert!(ran.iter().all(|step| step.code == Some(0)) && ran.len() == 6, "{ran:#?}");
    let second = head(&world.practice).await;
    assert_ne!(second, first);
    let page = world.page().await;
    assert!(page.contains(&second) && page.contains("<h1>It’s mine & <em>new</em></h1>"), "{page}");
    assert!(ran[3].log.contains("has ended"), "{}", ran[3].log);

    // Without a change there is nothing to commit, and it is deployed again all the same.
    let ran = world.deploy(&plan).await;
    assert!(ran.iter().all(|step| step.code == Some(0)) && ran.len() == 6, "{ran:#?}");
    assert_eq!(head(&world.practice).await, second);
    assert!(world.page().await.contains(&second));

    // It goes on without the server, until it is stopped.
    let World { _end, folder: _folder, server, practice } = world;
    server.stop().await;
    assert!(get(&practice.url(&plan)).await.is_ok());
    practice.stop_application().await.unwrap();
    assert!(get(&practice.url(&plan)).await.is_err());
    practice.stop_application().await.unwrap();
}

#[tokio::test]
async fn a_taken_port_fails_the_start_with_what_the_program_said_and_another_port_mends_it() {
    let world = World::start().await;
    let plan = world.practice.plan().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", world.practice.port)).unwrap();
    let ran = world.deploy(&plan).await;
    let last = ran.last().unwrap();
    assert_eq!((last.name.as_str(), last.code == Some(0)), ("Start the new version", false), "{ran:#?}");
    let log = last.log.to_lowercase();
    assert!(
        log.contains("address already in use") && log.contains(&world.practice.port.to_string()),
        "{}",
        last.log
    );

    // Bound and not listening, the port is nobody else's, and a server may still listen there.
    let reserved = tokio::net::TcpSocket::new_v4().unwrap();
    reserved.set_reuseaddr(true).unwrap();
    reserved.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let free = reserved.local_addr().unwrap().port();
    let mended = edit::replace_port(&plan, world.practice.port, free).unwrap();
    let ran = world.deploy(&mended).await;
    assert!(ran.iter().all(|step| step.code == Some(0)) && ran.len() == 6, "{ran:#?}");
    let url = world.practice.url(&mended);
    assert_eq!(url, format!("http://127.0.0.1:{free}/"));
    assert!(get(&url).await.unwrap().contains(&head(&world.practice).await));
    world.practice.stop_application().await.unwrap();
    drop(taken);
}

#[tokio::test]
async fn the_application_runs_with_each_program_that_is_installed_here() {
    let world = World::start().await;
    let plan = world.practice.plan().unwrap();
    for program in ["python3", "node", "perl", "busybox"] {
        let is_here =
            Command::new("sh").args(["-c", "command -v \"$0\"", program]).stdout(Stdio::null()).status();
        if !is_here.await.unwrap().success() {
            println!("{program} is not installed here");
            continue;
        }
        for step in compiled(&plan).unwrap().steps {
            let mut step = step;
            if let Action::Run { env, .. } = &mut step.action {
                env.insert("SERVE_WITH".to_owned(), Text::literal(program));
                env.insert("BUILD_PAUSE".to_owned(), Text::literal("0"));
            }
            let ran = world.step(&step).await;
            assert_eq!(ran.code, Some(0), "{program}: {ran:#?}");
            if ran.name == "Start the new version" {
                assert!(ran.log.contains(&format!("Starting {program}")), "{}", ran.log);
            }
        }
        let page = world.page().await;
        assert!(page.contains(&head(&world.practice).await), "{program}: {page}");
        // A port that is taken ends each of them.
        let other = world.practice.deployed.join("other");
        let mut second = Command::new(world.practice.deployed.join("source/service"));
        second
            .arg("start")
            .arg(&other)
            .arg(world.practice.deployed.join("releases").join(head(&world.practice).await));
        second.env("PORT", world.practice.port.to_string()).env("SERVE_WITH", program);
        let output = timeout(LIMIT, second.output()).await.expect("it does not hang").unwrap();
        let said = String::from_utf8_lossy(&output.stdout).to_lowercase();
        assert!(!output.status.success() && said.contains("address already in use"), "{program}: {said}");
    }
    world.practice.stop_application().await.unwrap();
}

#[tokio::test]
async fn a_page_that_refers_to_a_missing_file_fails_the_build_and_the_old_version_stays() {
    let world = World::start().await;
    let plan = world.practice.plan().unwrap();
    world.deploy(&plan).await;
    let before = world.page().await;
    let source = world.practice.source(&plan).await.unwrap();
    world.practice.save(&source.text.replace("icon.svg", "logo.png")).await.unwrap();
    let ran = world.deploy(&plan).await;
    let last = ran.last().unwrap();
    assert_eq!((last.name.as_str(), last.code), ("Build", Some(1)), "{ran:#?}");
    assert!(last.log.contains("refers to logo.png, but there is no such file"), "{}", last.log);
    let after = world.page().await;
    assert_eq!(after.split("\r\n\r\n").nth(1), before.split("\r\n\r\n").nth(1));
    world.practice.stop_application().await.unwrap();
}

#[tokio::test]
async fn a_process_that_only_has_the_number_of_the_old_one_is_left_alone() {
    let world = World::start().await;
    let plan = world.practice.plan().unwrap();
    world.deploy(&plan).await;
    world.practice.stop_application().await.unwrap();
    let mut other = Command::new("cat").stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let record = format!("{}\n1\n", other.id().unwrap());
    std::fs::write(world.practice.deployed.join("process"), record).unwrap();
    world.practice.stop_application().await.unwrap();
    assert!(other.try_wait().unwrap().is_none());
}

#[tokio::test]
async fn a_plan_follows_the_server_to_another_port_and_is_otherwise_left_alone() {
    let world = World::start().await;
    let plan = world.practice.plan().unwrap();
    assert_eq!(world.practice.follow_server(&plan), None);
    let stale = Practice { ssh_port: 1022, ..world.practice.clone() }.plan().unwrap();
    assert_eq!(world.practice.follow_server(&stale), Some(plan.clone()));
    assert_eq!(world.practice.follow_server("tasks: ["), None);
    let own = plan
        .replace("identity: ${{ vars.identity }}", "identity: ~/.ssh/id_ed25519")
        .replace(&format!("ssh_port: {}", world.practice.ssh_port), "ssh_port: 1022");
    assert_eq!(world.practice.follow_server(&own), None);
}

#[tokio::test]
async fn the_address_of_the_page_is_the_one_that_the_plan_asks() {
    let world = World::start().await;
    let plan = world.practice.plan().unwrap();
    let own = format!("http://127.0.0.1:{}/", world.practice.port);
    assert_eq!(world.practice.url(&plan), own);
    assert_eq!(world.practice.url("not a plan"), own);
    let moved = edit::set_var(&plan, "port", "9123").unwrap();
    assert_eq!(world.practice.url(&moved), "http://127.0.0.1:9123/");
}

#[tokio::test]
async fn a_page_that_is_not_text_is_named_and_not_damaged() {
    let world = World::start().await;
    std::fs::write(world.practice.page(), b"\xff\xfe").unwrap();
    let error = world.practice.source("").await.unwrap_err();
    assert!(error.message.contains("index.html is not UTF-8"), "{error}");
    std::fs::remove_file(world.practice.page()).unwrap();
    let error = world.practice.source("").await.unwrap_err();
    assert!(error.message.contains("index.html"), "{error}");
    world.practice.save("back").await.unwrap();
    assert_eq!(world.practice.source("").await.unwrap().text, "back");
}
