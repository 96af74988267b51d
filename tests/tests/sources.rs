//! Applications that come from the machine of whoever deploys: folders, archives, images in files and files that are served as they
//! are, on a real host with a real Docker.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use serde_json::{Value, json};
use steadyhand_remote::{
    AskNobody, Config, ElevateBy, Elevation, Host, HostKind, HostSpec, Mirrored, Pick, Remote, SshSpec,
};
use steadyhand_tests::{
    command::{ended, steady},
    debian::{DEPLOY, Debian, WALLED},
    dockerd::IMAGE,
    proxy::Proxy,
    shop::{Shop, dockerfile, page},
};

/// What answers on port 3000 with the files in /w.
const SERVE: &str = "exec busybox httpd -f -p 3000 -h /w";

/// A host, and the application that a plan says comes from `source`.
async fn shop(source: &str) -> Shop {
    let shop = Shop::new("from git", "").await;
    shop.plans(&plan(&shop, source)).await;
    shop
}

fn plan(shop: &Shop, source: &str) -> String {
    Shop::plan(&shop.host, "").replace(r#"{ git: "file:///srv/shop.git", branch: main }"#, source)
}

/// Has a shell do something in a folder of this machine.
fn does(folder: &Path, script: &str) {
    let status = Command::new("sh").args(["-ec", script]).current_dir(folder).status().expect("sh starts");
    assert!(status.success(), "{script}");
}

/// A source in a folder of this machine that answers with `version`.
fn writes(folder: &Path, version: &str) {
    fs::create_dir_all(folder).expect("a folder");
    does(folder, &format!("{}{}", dockerfile(SERVE), page(version)));
}

/// The source of the newest deployment.
async fn source(shop: &Shop) -> Value {
    shop.deployments().await[0]["source"].clone()
}

#[tokio::test]
async fn of_a_folder_only_what_differs_travels_and_what_is_the_same_is_not_built_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    writes(here, "one");
    does(
        here,
        "mkdir -p .git node_modules/x docs; echo a >node_modules/x/a.js; echo secret >.env; echo ref >.git/HEAD
         echo '*.log' >.gitignore; echo b >a.log; echo c >docs/old.md; echo d >'docs/a b.md'",
    );
    let shop = shop(&format!("{{ folder: {} }}", here.display())).await;
    let run = shop.deployed(1).await;
    assert_eq!(shop.answers(), "one");
    let said = shop.log_of(&run, "Send the source").await;
    assert!(said.contains("Sent: 5 files, "), "{said}");
    let there = "cd /var/lib/steadyhand/apps/shop/source; find . ! -type d | sort";
    let files = shop.host.asked(there);
    assert_eq!(
        files.lines().collect::<Vec<_>>(),
        ["./.gitignore", "./Dockerfile", "./docs/a b.md", "./docs/old.md", "./index.html"]
    );
    let first = source(&shop).await;
    assert_eq!((&first["kind"], &first["from"]), (&json!("folder"), &json!(here)), "{first:#}");
    assert_eq!(first["sha256"].as_str().map(str::len), Some(64), "{first:#}");

    // One file is another, one is gone, and one is a folder now.
    does(
        here,
        "echo two >index.html; rm docs/old.md 'docs/a b.md'; mkdir 'docs/a b.md'; echo e >'docs/a b.md/c.md'",
    );
    let run = shop.deployed(2).await;
    assert_eq!(shop.answers(), "two");
    let said = shop.log_of(&run, "Send the source").await;
    assert!(
        said.contains("Sent: 2 files, 6 bytes; 2 files were the same already; 2 removed there"),
        "{said}"
    );
    let files = shop.host.asked(there);
    assert_eq!(
        files.lines().collect::<Vec<_>>(),
        ["./.gitignore", "./Dockerfile", "./docs/a b.md/c.md", "./index.html"]
    );
    assert_ne!(source(&shop).await["sha256"], first["sha256"]);

    // What does not travel changes nothing.
    does(here, "echo more >>a.log");
    let run = shop.deployed(3).await;
    let said = shop.log_of(&run, "Send the source").await;
    assert!(said.contains("Sent: no file differed; 4 files were the same already\n"), "{said}");
    let built = shop.log_of(&run, "Build the image").await;
    assert!(
        built.contains("those of deployment 2: its image is used again, and nothing is built"),
        "{built}"
    );

    // The first comes back without its source.
    fs::remove_dir_all(here).expect("it is removed");
    let (code, said) = ended(&mut steady(shop.data.path(), &["rollback", "shop", "--to", "1"])).await;
    assert_eq!((code, shop.answers().as_str()), (Some(0), "one"), "{said}");
    shop.app.end().await;
}

#[tokio::test]
async fn a_source_in_an_archive_travels_once_and_is_built() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, web) = (folder.path(), folder.path().join("shop-1.0/web"));
    writes(&web, "one");
    does(here, "tar -czf shop.tar.gz shop-1.0");
    let shop = shop(&format!("{{ archive: {}/shop.tar.gz, path: web }}", here.display())).await;
    let run = shop.deployed(1).await;
    assert_eq!(shop.answers(), "one");
    let said = shop.log_of(&run, "Send the source").await;
    assert!(said.contains("Sent: ") && said.contains("Unpacked: 2 files."), "{said}");
    let first = source(&shop).await;
    let file = format!("{}/shop.tar.gz", here.display());
    assert_eq!((&first["kind"], &first["from"]), (&json!("archive"), &json!(file)), "{first:#}");
    let sum = Command::new("sha256sum").arg(&file).output().expect("sha256sum runs").stdout;
    assert!(first["sha256"].as_str().is_some_and(|hash| sum.starts_with(hash.as_bytes())), "{first:#}");

    let run = shop.deployed(2).await;
    let said = shop.log_of(&run, "Send the source").await;
    assert!(said.contains("The host has it already") && said.contains("nothing was sent"), "{said}");
    let built = shop.log_of(&run, "Build the image").await;
    assert!(built.contains("nothing is built"), "{built}");

    // The same as a zip archive, for which the host has nothing yet.
    writes(&web, "two");
    does(here, "zip -qr shop.zip shop-1.0");
    shop.plans(&plan(&shop, &format!("{{ archive: {}/shop.zip, path: web }}", here.display()))).await;
    let run = shop.deploy(3).await;
    let said = shop.log_of(&run, "Send the source").await;
    assert!(
        said.contains("zip archives cannot be unpacked on this host: install the package unzip"),
        "{said}"
    );
    assert_eq!((run["run"]["state"].as_str(), shop.answers().as_str()), (Some("failed"), "one"));
    shop.host.does(&format!(
        "id=$(docker create {IMAGE} true); docker cp $id:/bin/busybox /usr/local/bin/busybox; docker rm $id"
    ));
    let run = shop.deployed(4).await;
    assert_eq!(shop.answers(), "two");
    let said = shop.log_of(&run, "Send the source").await;
    assert!(said.contains("The host has it already"), "{said}");
    let kept = shop.host.asked("ls /var/lib/steadyhand/apps/shop/uploads | wc -l");
    assert_eq!(kept.trim(), "1", "only the archive that serves is kept");

    // What leads out is refused, and so is what is no archive.
    does(
        here,
        "cd shop-1.0; echo x >../evil; tar -cPf ../out.tar web ../evil; echo text >../text.tar.gz; tar -cPf ../root.tar $PWD/web",
    );
    for (number, name, why) in [
        (5, "out.tar", "the archive has a path that leads out of it: ../evil"),
        (6, "root.tar", "the archive has a path that leads out of it: /"),
        (7, "text.tar.gz", "what was sent is no archive that can be unpacked here"),
    ] {
        shop.plans(&plan(&shop, &format!("{{ archive: {}/{name} }}", here.display()))).await;
        let run = shop.deploy(number).await;
        let said = shop.log_of(&run, "Send the source").await;
        assert!(said.contains(why) && said.contains("Deployment 4 goes on serving."), "{name}: {said}");
    }
    assert_eq!(shop.answers(), "two");
    shop.app.end().await;
}

#[tokio::test]
async fn an_image_in_a_file_is_loaded_and_files_are_served_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path().display();
    let shop = shop(&format!("{{ archive: {here}/image.tar.gz }}")).await;
    // What it is made of is told apart by what is in it: a source may have a manifest.json, too.
    shop.host.does(&format!(
        "cd /srv; id=$(docker create {IMAGE} true); mkdir w; echo loaded >w/index.html; docker cp w $id:/w
         docker commit -c 'EXPOSE 3000' -c 'CMD [\"sh\", \"-c\", \"{SERVE}\"]' $id saved:1; docker rm $id
         docker save saved:1 | gzip >image.tar.gz; docker image rm saved:1"
    ));
    let packed = shop.host.asked("base64 -w 0 /srv/image.tar.gz");
    fs::write(folder.path().join("packed"), packed).expect("a file");
    does(folder.path(), "base64 -d packed >image.tar.gz");
    let run = shop.deployed(1).await;
    assert_eq!(shop.answers(), "loaded");
    let said = shop.log_of(&run, "Build the image").await;
    assert!(said.contains("Loaded image: saved:1"), "{said}");
    assert_eq!(source(&shop).await["kind"], "image_archive");
    let names = shop.host.asked("docker images --format '{{.Repository}}' | sort -u");
    assert_eq!(names.split_whitespace().collect::<Vec<_>>(), [IMAGE, "steadyhand/shop"]);
    let run = shop.deployed(2).await;
    assert!(shop.log_of(&run, "Build the image").await.contains("nothing is built"));

    let bases = format!("\n  build: {{ bases: {{ files: {IMAGE}, files_server: busybox }} }}");
    does(
        folder.path(),
        "mkdir -p dist/more; echo files >dist/index.html; echo m >dist/more/a.txt; echo [] >dist/manifest.json; echo s >dist/.env",
    );
    shop.plans(&plan(&shop, &format!("{{ bundle: {here}/dist }}{bases}"))).await;
    let run = shop.deployed(3).await;
    assert_eq!(shop.answers(), "files");
    let said = shop.log_of(&run, "Detect").await;
    assert!(said.contains("The files are served as they are.\n"), "{said}");
    let get = |path: &str| {
        shop.host.asked_as(
            WALLED,
            &format!("curl -s -o /dev/null -w '%{{http_code}}' http://127.0.0.1:4100{path}"),
        )
    };
    assert_eq!([get("/more/a.txt"), get("/.env")], ["200", "404"]);
    assert_eq!(source(&shop).await["kind"], "bundle");

    does(folder.path(), "echo packed >dist/index.html; tar -cJf dist.tar.xz -C dist .");
    shop.plans(&plan(&shop, &format!("{{ bundle: {here}/dist.tar.xz }}{bases}"))).await;
    let run = shop.deploy(4).await;
    let said = shop.log_of(&run, "Send the source").await;
    assert!(said.contains("compressed with xz, which is not installed on this host"), "{said}");
    shop.host.does(&format!(
        "id=$(docker create {IMAGE} true); docker cp $id:/bin/busybox /usr/local/bin/xz; docker rm $id"
    ));
    shop.deployed(5).await;
    assert_eq!(shop.answers(), "packed");
    let (code, said) = ended(&mut steady(shop.data.path(), &["rollback", "shop", "--to", "1"])).await;
    assert_eq!((code, shop.answers().as_str()), (Some(0), "loaded"), "{said}");
    shop.app.end().await;
}

const MIB: u64 = 1 << 20;

/// A shop behind a proxy whose source is an archive of 48 MiB, and the size of that.
async fn large(folder: &Path) -> (Shop, Proxy, u64) {
    writes(&folder.join("shop"), "large");
    does(folder, "head -c 50331648 /dev/urandom >shop/film; tar -cf shop.tar shop");
    let size = fs::metadata(folder.join("shop.tar")).expect("the archive").len();
    let source = format!("{{ archive: {}/shop.tar }}", folder.display());
    let shop = Shop::new("from git", "").await;
    let proxy = Proxy::start(shop.host.port(), Duration::ZERO).await;
    let behind = plan(&shop, &source)
        .replace(&format!("port: {}", shop.host.port()), &format!("port: {}", proxy.port));
    shop.plans(&behind).await;
    shop.host.is_known_at(proxy.port, shop.data.path());
    (shop, proxy, size)
}

/// Begins a deployment, and waits until so much of the archive is on its way and no more passes.
async fn begins(shop: &Shop, proxy: &Proxy, mib: u64) {
    proxy.lets_pass(mib * MIB);
    shop.app.call("start_run", json!({ "project_id": shop.project })).await;
    proxy.holds_back().await;
}

/// The byte at which it went on, as the log says.
fn went_on_at(said: &str) -> u64 {
    let line = said.lines().find_map(|line| line.strip_prefix("Going on at byte ")).expect(said);
    line.split(' ').next().and_then(|number| number.parse().ok()).expect(said)
}

#[tokio::test]
async fn a_large_file_goes_on_where_it_was_when_its_connection_was_lost_or_steadyhand_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (shop, proxy, size) = large(folder.path()).await;
    begins(&shop, &proxy, 20).await;
    proxy.reset();
    proxy.lets_pass(20 * MIB);
    proxy.holds_back().await;
    // What the old connection still holds comes late, when the new one has gone on already.
    let shop = Shop { app: shop.app.kill_and_start_again().await, ..shop };
    proxy.lets_everything_pass();
    let run = shop.app.ended(&shop.project, 1).await;
    shop.completed(&run).await;
    assert_eq!(shop.answers(), "large");
    let said = shop.log_of(&run, "Send the source").await;
    assert!(went_on_at(&said) >= 8 * MIB, "{said}");
    assert_eq!(said.matches("Going on at byte ").count(), 2, "{said}");
    let passed = proxy.passed();
    // Without going on, each interruption would cost 20 MiB.
    assert!(passed < size + 16 * MIB, "{passed} bytes went to the host for {size}: {said}");
    shop.app.end().await;
}

#[tokio::test]
async fn what_is_stopped_or_does_not_fit_leaves_nothing_and_a_check_sends_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (shop, proxy, _) = large(folder.path()).await;
    // Paths are meant from where the plan is.
    let file = folder.path().join("plan.yaml");
    let check = async |source: &str| {
        fs::write(&file, plan(&shop, source)).expect("the plan");
        ended(&mut steady(shop.data.path(), &["run", file.to_str().expect("a path"), "--check"])).await
    };
    let (code, said) = check("{ archive: shop.tar }").await;
    assert!(
        code.is_some_and(|code| code != 1) && said.contains("is carried out when the run gets there"),
        "{code:?} {said}"
    );
    assert!(proxy.passed() < MIB, "{} bytes", proxy.passed());
    let there = || shop.host.asked("ls -A /var/lib/steadyhand/apps/shop/uploads 2>/dev/null || true");
    assert_eq!(there(), "");

    begins(&shop, &proxy, 10).await;
    let run = shop.app.run(&shop.project, 1, |_| true).await;
    shop.app.call("stop_run", json!({ "run_id": run["run"]["id"] })).await;
    proxy.lets_everything_pass();
    let run = shop.app.ended(&shop.project, 1).await;
    assert_eq!((run["run"]["state"].as_str(), there().as_str()), (Some("stopped"), ""), "{run:#}");

    shop.host.does(
        "mkdir -p /var/lib/steadyhand/apps/shop/uploads; mount -t tmpfs -o size=8m none /var/lib/steadyhand/apps/shop/uploads",
    );
    let run = shop.deploy(2).await;
    let said = shop.log_of(&run, "Send the source").await;
    assert!(said.contains("49 MiB are needed there, and 8 MiB are free; make room on the host"), "{said}");
    shop.host.does("umount /var/lib/steadyhand/apps/shop/uploads");

    let (nowhere, empty) = (folder.path().join("nowhere"), folder.path().join("empty"));
    fs::create_dir_all(empty.join("node_modules/x")).expect("a folder");
    for (number, source, why) in [
        (3, format!("{{ folder: {} }}", nowhere.display()), "there is nothing of that name"),
        (4, format!("{{ folder: {} }}", empty.display()), "there is nothing in it to be sent"),
        (5, "{ folder: ~/ }".to_owned(), "which has more than an application"),
        (6, format!("{{ archive: {} }}", empty.display()), "which is a folder; write `folder:`"),
        (7, format!("{{ folder: {}/shop.tar }}", folder.path().display()), "write `archive:`"),
    ] {
        shop.plans(&plan(&shop, &source)).await;
        let run = shop.deploy(number).await;
        let step = run["steps"].as_array().unwrap().iter().find(|step| step["name"] == "Send the source");
        let reason = step.unwrap()["reason_text"].as_str().unwrap_or_default();
        assert!(reason.contains(why), "{source}: {reason}");
    }
    let (code, said) = check("{ folder: shop.tar }").await;
    assert!(code != Some(0) && said.contains("write `archive:`"), "{code:?} {said}");
    shop.app.end().await;
}

/// The state of a stage, and how many lines its log has.
fn stands(detail: &Value, stage: &str) -> (String, u64) {
    let step = detail["steps"].as_array().unwrap().iter().find(|step| step["name"] == stage).unwrap();
    let lines = step["attempts"].as_array().and_then(|attempts| attempts.last()?["lines"].as_u64());
    (step["state"].as_str().unwrap().to_owned(), lines.unwrap_or_default())
}

#[tokio::test]
async fn whatever_befalls_it_while_a_folder_is_sent_what_is_here_is_deployed() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path().join("shop");
    writes(&here, "version 1");
    let shop = Shop::new("from git", "").await;
    let proxy = Proxy::start(shop.host.port(), Duration::ZERO).await;
    let behind = plan(&shop, &format!("{{ folder: {} }}", here.display()))
        .replace(&format!("port: {}", shop.host.port()), &format!("port: {}", proxy.port));
    shop.plans(&behind).await;
    shop.host.is_known_at(proxy.port, shop.data.path());
    shop.deployed(1).await;
    let mut shop = shop;
    let mut number = 1;
    // Before anything was sent, while it is, and when the host has been told what to do with it.
    for (is_killed, lines) in [(true, 0), (false, 0), (true, 1), (false, 1), (true, 2), (false, 2)] {
        number += 1;
        let version = format!("version {number}");
        does(
            &here,
            &format!(
                "{}\nhead -c 3000000 /dev/urandom >film{number}; rm -f film{}",
                page(&version),
                number - 1
            ),
        );
        shop.app.call("start_run", json!({ "project_id": shop.project })).await;
        shop.app
            .run(&shop.project, number, |detail| {
                let (state, has) = stands(detail, "Send the source");
                state != "pending" && has >= lines
            })
            .await;
        if is_killed {
            shop = Shop { app: shop.app.kill_and_start_again().await, ..shop };
        } else {
            proxy.reset();
        }
        let run = shop.app.ended(&shop.project, number).await;
        shop.completed(&run).await;
        assert_eq!((shop.answers(), shop.containers()), (version, vec![format!("shop-{number}-1")]));
        let files = shop.host.asked("ls -A /var/lib/steadyhand/apps/shop/source");
        let expected = ["Dockerfile".to_owned(), format!("film{number}"), "index.html".to_owned()];
        assert_eq!(files.split_whitespace().collect::<Vec<_>>(), expected);
    }
    shop.app.end().await;
}

/// A host as it is reached without a run.
fn reached(host: &Debian, user: &str, data: &Path) -> Host {
    host.is_known_in(data);
    let config = Config {
        known_hosts_write: data.join("known_hosts"),
        known_hosts_read: Vec::new(),
        ssh_config: None,
        identities: None,
        agent: None,
        ..Config::default()
    };
    let kind = HostKind::Ssh(SshSpec {
        address: "127.0.0.1".to_owned(),
        user: Some(user.to_owned()),
        port: Some(host.port()),
        identity: Some(host.key().display().to_string()),
        jump: None,
    });
    Remote::new(config, Arc::new(AskNobody)).host(&HostSpec { name: "host".to_owned(), kind })
}

#[tokio::test]
async fn a_host_with_nothing_but_busybox_takes_folders_and_large_files_and_so_does_one_by_sudo() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path().join("here");
    let root = Elevation { by: ElevateBy::Sudo, user: "root".to_owned(), password: None };
    for (host, user, elevation) in
        [(Debian::start_busybox(), "root", None), (Debian::start(), DEPLOY, Some(root))]
    {
        let remote = reached(&host, user, folder.path());
        let _ = fs::remove_dir_all(&here);
        fs::create_dir_all(&here).expect("a folder");
        does(
            &here,
            "mkdir -p 'a b/c' x; echo 1 >'a b/c/one'; echo 2 >-two; printf 3 >x/y; ln -s x link; mkdir left; echo >left/out",
        );
        let mirrors = async || -> Mirrored {
            let pick: Arc<Pick> = Arc::new(|path: &Path, _| path != Path::new("left"));
            let done = remote.mirror(&here, "/opt/deep/there", pick, elevation.as_ref(), &|_| {}).await;
            done.unwrap_or_else(|error| panic!("{user}: {error}"))
        };
        let there = || host.asked("cd /opt/deep/there; find . | sort; cat 'a b/c/one' 2>/dev/null || true");
        let first = mirrors().await;
        assert_eq!((first.summary.files, first.removed), (4, 0), "{first:?}");
        assert_eq!(there(), ".\n./-two\n./a b\n./a b/c\n./a b/c/one\n./link\n./x\n./x/y\n1\n");
        let same = mirrors().await;
        assert_eq!((same.summary.files, same.summary.unchanged, same.removed), (0, 4, 0), "{same:?}");
        assert_eq!(same.sha256, first.sha256);
        // What is more there goes, and what is a link there to a folder is none.
        host.does("cd /opt/deep/there; mkdir /etc/safe; echo safe >/etc/safe/one; rm -r 'a b/c'; ln -s /etc/safe 'a b/c'; echo >-more; mkdir -- -n; rm link; mkdir link; echo >link/z");
        let again = mirrors().await;
        assert_eq!((again.summary.files, again.removed), (2, 4), "{again:?}");
        assert_eq!(there(), ".\n./-two\n./a b\n./a b/c\n./a b/c/one\n./link\n./x\n./x/y\n1\n");
        assert_eq!(host.asked("cat /etc/safe/one; ls /etc/safe"), "safe\none\n");

        let film = folder.path().join("film");
        does(folder.path(), "head -c 5000001 /dev/urandom >film");
        let sends =
            async || remote.send_file(&film, "/opt/films", elevation.as_ref(), &|_| {}).await.expect(user);
        let sent = sends().await;
        assert_eq!((sent.size, sent.sent), (5_000_001, 5_000_001));
        assert_eq!(sends().await.sent, 0);
        let name = format!("/opt/films/{}", sent.sha256);
        host.does(&format!("head -c 3000000 {name} >{name}.part; rm {name}"));
        assert_eq!(sends().await.sent, 5_000_001 - 2 * MIB);
        // What is damaged is not gone on with.
        host.does(&format!("head -c 3000000 /dev/zero >{name}.part; rm {name}"));
        assert_eq!(sends().await.sent, 5_000_001);
        let sum = Command::new("sha256sum").arg(&film).output().expect("sha256sum runs").stdout;
        let sum = String::from_utf8_lossy(&sum).split(' ').next().expect("a sum").to_owned();
        assert_eq!(sum, sent.sha256);
        let listed =
            host.asked(&format!("ls /opt/films; sha256sum {name} | cut -d ' ' -f 1; stat -c '%u %a' {name}"));
        assert_eq!(listed, format!("{sum}\n{sum}\n0 600\n"));
    }
}
