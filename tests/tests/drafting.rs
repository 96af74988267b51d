//! A container application from a sentence in the chat to a release that serves, what the chat says when a release fails, and back.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use serde_json::{Value, json};
use steadyhand_tests::{
    app::App,
    debian::{Debian, WALLED},
    dockerd::{Dockerd, IMAGE},
    shop::{ADDRESS, Shop, dockerfile, page},
};

/// Says something and gives the text of the answer, and the answer.
async fn asked(app: &App, project: &str, text: &str) -> (String, Value) {
    let before = app.message_count(project).await;
    app.say(project, text).await;
    // What is told of a run may come between.
    let answer = app.answer(project, before, |message| card(message, "finding").is_none()).await;
    (answer["text"].as_str().expect("a text").to_owned(), answer)
}

fn card<'a>(message: &'a Value, kind: &str) -> Option<&'a Value> {
    message["cards"].as_array()?.iter().find(|card| card["kind"] == kind)
}

/// The proposal of an answer.
async fn proposal(app: &App, answer: &Value) -> Value {
    let id = &card(answer, "proposal").unwrap_or_else(|| panic!("no proposal: {answer:#}"))["proposal_id"];
    app.call("proposal", json!({ "proposal_id": id })).await
}

/// Makes a repository with these files, as a shell does it.
fn repository(at: &Path, files: &str) -> String {
    format!(
        "mkdir -p {at}; cd {at}; git init -q -b main .; git config user.name Ada; git config user.email ada@example.com\n{files}\n\
         git add -A; git commit -q -m one",
        at = at.display()
    )
}

#[tokio::test]
async fn a_repository_that_is_named_in_the_chat_of_a_new_project_is_drafted_deployed_and_brought_back() {
    let docker = Dockerd::start_with_network();
    let host = Debian::start_with(&docker);
    let (data, home) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    host.is_known_in(data.path());
    // Who says only an address is let in with the keys of the home folder.
    let ssh = home.path().join(".ssh");
    fs::create_dir(&ssh).expect("a folder");
    fs::copy(host.key(), ssh.join("id_ed25519")).expect("the key");
    fs::set_permissions(ssh.join("id_ed25519"), fs::Permissions::from_mode(0o600)).expect("its mode");
    // The server has the repository under the address that it has here.
    let at = data.path().join("acme/shop");
    let files = format!(
        "{}cat >Dockerfile <<'END'\nFROM {IMAGE}\nRUN busybox mkdir /w\nCOPY index.html /w/\nEXPOSE 3000\n\
         CMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"3000\", \"-h\", \"/w\"]\nEND\necho 'API_TOKEN=\nLOG_LEVEL=info' >.env.example",
        page("one")
    );
    let script = repository(&at, &files);
    assert!(Command::new("sh").args(["-ec", &script]).status().expect("sh starts").success());
    host.does(&script);
    let app = App::start_with(data.path(), |command| {
        command.env("HOME", home.path()).env_remove("SSH_AUTH_SOCK");
    })
    .await;
    let project = app.call("create_project", json!({ "name": "shop" })).await;
    let project = project["id"].as_str().expect("an identifier").to_owned();

    let address = format!("file://{}", at.display());
    let (said, _) = asked(&app, &project, &format!("Deploy {address} to my server")).await;
    assert!(said.contains("To which server?"), "{said}");
    let (said, answer) = asked(&app, &project, &format!("{WALLED}@127.0.0.1:{}", host.port())).await;
    for part in [
        "**Dockerfile**",
        "port 3000",
        "`API_TOKEN`",
        "`LOG_LEVEL`",
        "steady secret set API_TOKEN --project shop",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let draft = proposal(&app, &answer).await;
    let source = draft["source"].as_str().expect("a source");
    assert!(
        source.contains(&format!("git: \"{address}\"")) && source.contains("needs: [server]"),
        "{source}"
    );
    assert!(draft["diff"].as_array().is_some_and(|lines| lines.iter().any(|line| line["kind"] == "added")));
    let runs = app.call("runs", json!({ "project_id": project, "limit": 9 })).await;
    assert_eq!(runs, json!([]), "nothing runs before it is accepted");

    let secret = json!({ "project_id": project, "name": "API_TOKEN", "value": "t0ken-of-the-shop" });
    app.call("set_secret", secret).await;
    let accept = json!({ "proposal_id": draft["id"], "sha256": draft["sha256"], "run": true });
    app.call("accept_proposal", accept).await;
    let shop = Shop { host, data, app, project, docker };
    let run = shop.app.ended(&shop.project, 1).await;
    shop.completed(&run).await;
    assert_eq!(shop.answers(), "one", "{ADDRESS}");
    let env = shop.host.asked("docker inspect -f '{{json .Config.Env}}' $(docker ps -q)");
    assert!(env.contains("API_TOKEN=t0ken-of-the-shop"), "{env}");

    let (said, _) = asked(&shop.app, &shop.project, "What is deployed?").await;
    assert!(said.starts_with("Deployment 1 serves: ") && said.contains("“one” by Ada"), "{said}");
    let (said, _) = asked(&shop.app, &shop.project, &format!("deploy {address}")).await;
    assert!(said.contains("The plan deploys it to **web1** already"), "{said}");
    let (said, _) = asked(&shop.app, &shop.project, "deploy https://github.com/acme/other").await;
    assert!(said.contains("a project has one application"), "{said}");
    let (said, _) = asked(&shop.app, &shop.project, "roll back").await;
    assert!(said.contains("There is nothing to go back to: deployment 1 serves"), "{said}");

    shop.host.does(&format!("cd {}\n{}git commit -q -a -m two", at.display(), page("two")));
    asked(&shop.app, &shop.project, "redeploy").await;
    let run = shop.app.ended(&shop.project, 2).await;
    shop.completed(&run).await;
    assert_eq!(shop.answers(), "two");

    let (said, _) = asked(&shop.app, &shop.project, "roll back").await;
    assert!(
        said.starts_with("Back to deployment 1: ") && said.contains("“one”") && said.contains("“two”"),
        "{said}"
    );
    assert!(said.contains("I haven't done anything yet"), "{said}");
    assert_eq!(shop.states().await, ["ready", "superseded"]);
    let (said, answer) = asked(&shop.app, &shop.project, "yes").await;
    assert!(said.contains("Run 3 brings deployment 1 back") && card(&answer, "run").is_some(), "{said}");
    let run = shop.app.ended(&shop.project, 3).await;
    shop.completed(&run).await;
    assert_eq!(shop.answers(), "one");

    let (said, _) = asked(&shop.app, &shop.project, "list deployments").await;
    for part in [
        "The last 3 deployments",
        "Deployment 3: what deployment 1 was",
        "**it serves**",
        "can be brought back",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (said, _) = asked(&shop.app, &shop.project, "roll back to deployment 7").await;
    assert!(said.contains("There is no deployment 7. These can be brought back: 2, 1."), "{said}");
    asked(&shop.app, &shop.project, "roll back to deployment 2").await;
    let run = shop.app.ended(&shop.project, 4).await;
    shop.completed(&run).await;
    assert_eq!(shop.answers(), "two");

    asked(&shop.app, &shop.project, "restart the app").await;
    let run = shop.app.ended(&shop.project, 5).await;
    shop.completed(&run).await;
    assert_eq!(shop.deployments().await[0]["kind"], "restart");
    let (said, _) = asked(&shop.app, &shop.project, "take it offline").await;
    assert!(said.contains("it answers nobody") && said.contains("I haven't done anything yet"), "{said}");
    assert_eq!(shop.answers(), "two");
    asked(&shop.app, &shop.project, "yes").await;
    let run = shop.app.ended(&shop.project, 6).await;
    shop.completed(&run).await;
    assert_eq!(shop.answers(), "nothing");
    let (said, _) = asked(&shop.app, &shop.project, "take the app down").await;
    assert!(said.contains("is stopped already"), "{said}");
    asked(&shop.app, &shop.project, "bring it back up").await;
    let run = shop.app.ended(&shop.project, 7).await;
    shop.completed(&run).await;
    assert_eq!(shop.answers(), "two");
    shop.app.end().await;
}

/// Deploys what has to fail, and gives what the chat says of it: its text, and the title of what it found.
async fn fails(shop: &Shop, number: u64, script: &str) -> (String, String, Value) {
    shop.push(script, &format!("release {number}"));
    let before = shop.app.message_count(&shop.project).await;
    let run = shop.deploy(number).await;
    assert_eq!(run["run"]["state"], "failed", "{run:#}");
    let of_run =
        |message: &Value| card(message, "finding").is_some_and(|card| card["run_id"] == run["run"]["id"]);
    let message = shop.app.answer(&shop.project, before, of_run).await;
    let text = message["text"].as_str().expect("a text").to_owned();
    let title =
        card(&message, "finding").expect("a finding")["title"].as_str().unwrap_or_default().to_owned();
    (text, title, message)
}

#[tokio::test]
async fn a_release_that_fails_is_explained_by_its_cause_with_the_change_that_mends_it() {
    let more = "  health: { path: /, timeout: 4s }\n  resources: { memory: 64m }\n  hooks: { on_deploy: [\"test ! -e /w/fail\"] }\n";
    let shop = Shop::new("one", more).await;
    shop.deployed(1).await;
    let serves = "exec busybox httpd -f -p 3000 -h /w";

    let (text, title, message) = fails(&shop, 2, &dockerfile("busybox sort </dev/zero")).await;
    assert_eq!(
        title, "The container was killed: it needed more memory than the 64m that it may use",
        "{text}"
    );
    let mends = proposal(&shop.app, &message).await;
    assert!(mends["source"].as_str().is_some_and(|source| source.contains("memory: 128m")), "{mends:#}");

    let (text, title, _) = fails(&shop, 3, &dockerfile("echo the flux is not capacitated; exit 7")).await;
    assert_eq!(
        title, "The container ended with status 7, after saying “the flux is not capacitated”",
        "{text}"
    );

    let (text, title, message) =
        fails(&shop, 4, &dockerfile("echo listening on port 8080; exec busybox httpd -f -p 8080 -h /w"))
            .await;
    assert_eq!(title, "Nothing listens on port 3000 in the container; its log speaks of port 8080", "{text}");
    let mends = proposal(&shop.app, &message).await;
    assert!(mends["source"].as_str().is_some_and(|source| source.contains("port: 8080")), "{mends:#}");

    let (text, title, _) = fails(&shop, 5, &dockerfile("exec busybox httpd -f -p 3000 -h /tmp")).await;
    assert!(title.starts_with("/ answers with status 404"), "{title}: {text}");

    let (text, title, message) = fails(&shop, 6, &dockerfile("echo x >/w/cache || exit 1")).await;
    assert_eq!(title, "The program wants to write to /w/cache, and its container is read-only", "{text}");
    let mends = proposal(&shop.app, &message).await;
    assert!(mends["source"].as_str().is_some_and(|source| source.contains("read_only: false")), "{mends:#}");

    let broken = format!("{}echo 'RUN exit 3' >>Dockerfile", dockerfile(serves));
    let (text, title, _) = fails(&shop, 7, &broken).await;
    // Newer versions of docker say its line, too.
    assert!(
        title.starts_with("The image could not be built: ") && title.contains("`RUN exit 3`"),
        "{title}: {text}"
    );

    let hook = format!("{}echo 'RUN busybox touch /w/fail' >>Dockerfile", dockerfile(serves));
    let (text, title, _) = fails(&shop, 8, &hook).await;
    assert_eq!(title, "The hook `test ! -e /w/fail` ended with status 1", "{text}");

    // All the while the first one serves; what the chat proposed first is what brings the next release up.
    assert_eq!((shop.answers(), shop.containers()), ("one".to_owned(), vec!["shop-1-1".to_owned()]));
    let (said, _) = asked(&shop.app, &shop.project, "what is deployed?").await;
    assert!(said.starts_with("Deployment 1 serves") && said.contains("deployment 8, failed"), "{said}");
    shop.app.end().await;
}

#[tokio::test]
async fn a_source_that_cannot_be_fetched_is_told_by_what_is_wrong_with_it() {
    let shop = Shop::new("one", "").await;
    let view = shop.app.call("plan", json!({ "project_id": shop.project })).await;
    let plan = view["source"].as_str().expect("a source").replace("branch: main", "branch: nosuch");
    let saved = json!({ "project_id": shop.project, "source": plan, "base_sha256": view["sha256"] });
    let view = shop.app.call("save_plan", saved).await;
    let (text, title, _) = fails(&shop, 1, "echo 1 >more").await;
    assert_eq!(title, "The repository has no branch, tag or commit nosuch", "{text}");

    let plan = plan.replace("/srv/shop.git", "/srv/none.git").replace("name: shop", "name: none");
    let saved = json!({ "project_id": shop.project, "source": plan, "base_sha256": view["sha256"] });
    shop.app.call("save_plan", saved).await;
    let (text, title, _) = fails(&shop, 2, "echo 2 >more").await;
    assert!(
        title.starts_with("There is no repository at ") && title.contains("/srv/none.git"),
        "{title}: {text}"
    );
    shop.app.end().await;
}

#[tokio::test]
async fn only_what_is_missing_is_asked_and_the_layout_of_the_plan_stays() {
    let data = tempfile::tempdir().expect("a folder");
    let at = data.path().join("acme/mono");
    let package = |name: &str| {
        let text = json!({ "name": name, "scripts": { "start": "node server.js" }, "dependencies": { "express": "4", "pg": "8" } });
        format!(
            "mkdir -p apps/{name}; echo '{text}' >apps/{name}/package.json; echo 'process.env.DATABASE_URL' >apps/{name}/server.js\n"
        )
    };
    let script = repository(&at, &(package("web") + &package("api")));
    assert!(Command::new("sh").args(["-ec", &script]).status().expect("sh starts").success());
    let app = App::start(data.path()).await;
    let plan = "# ours\nname: mono\nhosts:\n  web1: deploy@203.0.113.10 # in the cellar\n  db: deploy@203.0.113.11\ntasks:\n  backup:\n    on: db\n    \
                steps:\n      - run: pg_dump\n";
    let project = app.project("mono", plan).await;
    let address = format!("file://{}", at.display());

    let (said, answer) = asked(&app, &project, &format!("deploy {address}")).await;
    assert!(said.contains("To which server: web1, db?"), "{said}");
    assert_eq!(card(&answer, "replies").expect("buttons")["texts"], json!(["web1", "db"]));
    let (said, answer) = asked(&app, &project, "web1").await;
    assert!(
        said.contains("There are 2 applications in it") && said.contains("`apps/api`: Express"),
        "{said}"
    );
    assert_eq!(card(&answer, "replies").expect("buttons")["texts"], json!(["apps/api", "apps/web"]));
    let (said, answer) = asked(&app, &project, "the web one").await;
    assert!(card(&answer, "proposal").is_none(), "{said}");
    asked(&app, &project, &format!("deploy {address} to web1")).await;
    let (said, answer) = asked(&app, &project, "apps/web").await;
    assert!(
        said.contains("**Express** (`apps/web`)") && said.contains("It seems to need PostgreSQL"),
        "{said}"
    );
    let source = proposal(&app, &answer).await["source"].as_str().expect("a source").to_owned();
    assert!(
        source.starts_with(plan.trim_end_matches('\n').split("tasks:").next().expect("its beginning")),
        "{source}"
    );
    for part in ["# in the cellar", "path: apps/web", "      - run: pg_dump\n", "\n  server:\n    on: web1\n"]
    {
        assert!(source.contains(part), "{part}: {source}");
    }

    // What is taken back is not remembered.
    asked(&app, &project, &format!("deploy {address}")).await;
    asked(&app, &project, "never mind").await;
    let (said, answer) = asked(&app, &project, "web1").await;
    assert!(card(&answer, "proposal").is_none() && said.contains("didn't understand"), "{said}");

    let (said, answer) = asked(&app, &project, "deploy file:///nonexistent/shop.git to web1").await;
    assert!(said.contains("I could not look at") && said.contains("fetches it by itself"), "{said}");
    assert!(
        proposal(&app, &answer).await["source"]
            .as_str()
            .is_some_and(|source| source.contains("/nonexistent/shop.git"))
    );
    let (said, answer) = asked(&app, &project, "deploy the image nginx:1.27 to root@203.0.113.12").await;
    let source = proposal(&app, &answer).await["source"].as_str().expect("a source").to_owned();
    assert!(
        source.contains("web2: \"root@203.0.113.12\"") || source.contains("web2: root@203.0.113.12"),
        "{said}\n{source}"
    );
    for (text, part) in [
        ("deploy https://ada:secret@git.example.com/shop to web1", "has a password or a token in it"),
        ("deploy the image nginx:1.27 to web9", "no server called **web9**"),
        (&format!("deploy {address} folder apps/none to web1"), "no application in `apps/none`"),
    ] {
        let (said, answer) = asked(&app, &project, text).await;
        assert!(said.contains(part) && card(&answer, "proposal").is_none(), "{text}: {said}");
    }
    app.end().await;
}

#[tokio::test]
async fn a_look_at_a_source_that_does_not_come_ends_with_the_answer() {
    let data = tempfile::tempdir().expect("a folder");
    let app = App::start(data.path()).await;
    let plan =
        "name: shop\nhosts: { web1: deploy@203.0.113.10 }\ntasks: { a: { on: web1, steps: [ run: ls ] } }\n";
    let project = app.project("shop", plan).await;
    // Somebody who takes connections, and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("its address");
    let before = app.message_count(&project).await;
    app.say(&project, &format!("deploy http://{address}/acme/shop.git")).await;
    let connection = silent.accept().await.expect("git comes");
    app.call("cancel_answer", json!({ "project_id": project })).await;
    let answer = app.answer(&project, before, |_| true).await;
    assert!(card(&answer, "proposal").is_none(), "{answer:#}");
    assert!(answer["text"].as_str().is_some_and(|text| text.contains("Nothing was changed")), "{answer:#}");
    drop(connection);
    app.end().await;
}
