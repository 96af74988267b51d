//! The plans for whole servers that ship with the app, on Debian hosts: a check foretells what a run does, a second run has
//! nothing to do, and what a plan promises is looked at.
//!
//! These hosts have no systemd, share the machine's network and kernel, and start nothing when a package is installed, as in
//! any container. What that rules out is left out by the plans' own conditions and variables: docker is installed and its settings are
//! validated, but it does not run; the application is a plain process; kernel and firewall are changed in a second
//! run, in a network of its own.
#![allow(clippy::expect_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::Value;
use steadyhand_tests::{
    command::steady,
    debian::{Debian, WALLED},
    free_port,
};
use tempfile::TempDir;

/// Who runs plans: a home with the key of the hosts, and the data of the app.
struct Person {
    home: TempDir,
    plan: PathBuf,
    vars: Vec<(&'static str, String)>,
}

/// A step of a run or of a check.
#[derive(Debug)]
struct Told {
    host: String,
    step: String,
    /// `change`, `ok`, `skipped`, `failed`; of a check also `unknown`.
    verdict: String,
    text: String,
}

impl Person {
    /// Who runs this plan on these hosts, of which the first one's key opens all.
    fn new(plan: &str, hosts: &[&Debian]) -> Self {
        let home = tempfile::tempdir().expect("a home");
        let key = home.path().join(".ssh/id_ed25519");
        fs::create_dir(home.path().join(".ssh")).expect(".ssh");
        fs::copy(hosts[0].key(), &key).expect("the key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("its mode");
        for host in hosts {
            host.is_known_in(home.path());
            // Sudo looks for the host's own name, and elsewhere when it does not know it.
            host.does(&format!(
                "echo '{}' >>/run/steadyhand/authorized_keys
                 echo \"127.0.0.1 localhost $(hostname)\" >>/etc/hosts
                 printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d",
                public_key(hosts[0])
            ));
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project").join("plans");
        // Files that a plan uploads are looked for beside it.
        let copy = home.path().join(plan);
        fs::copy(folder.join(plan), &copy).expect("the plan");
        let mut person = Self { home, plan: copy, vars: Vec::new() };
        person.set("server", format!("root@127.0.0.1:{}", hosts[0].port()));
        person
    }

    fn set(&mut self, name: &'static str, value: impl ToString) {
        self.vars.retain(|(other, _)| *other != name);
        self.vars.push((name, value.to_string()));
    }

    /// What `steady run` of the plan writes, line by line.
    fn steady(&self, more: &[&str]) -> Vec<Value> {
        let vars: Vec<String> =
            self.vars.iter().map(|(name, value)| format!("--var={name}={value}")).collect();
        let mut arguments = vec!["--format", "json", "run", self.plan.to_str().expect("a path")];
        arguments.extend(vars.iter().map(String::as_str));
        arguments.extend(more);
        let mut command = steady(self.home.path(), &arguments);
        let command = command.as_std_mut().env("STEADYHAND_SECRET_BALANCER_PASSWORD", "correct horse");
        let output = command.output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn check(&self, more: &[&str]) -> Vec<Told> {
        let said = self.steady(&[more, &["--check"]].concat());
        let steps = said[0]["steps"].as_array().unwrap_or_else(|| panic!("{said:?}"));
        let text = |step: &Value, name: &str| step[name].as_str().expect("a text").to_owned();
        let told = |step| Told {
            host: text(step, "host"),
            step: text(step, "step"),
            verdict: text(step, "verdict"),
            text: text(step, "text"),
        };
        steps.iter().map(told).collect()
    }

    /// Runs it to whatever end.
    fn run(&self, more: &[&str]) -> Vec<Told> {
        let said = self.steady(more);
        let end = said.last().expect("an end");
        let steps = end["run"]["steps"].as_array().unwrap_or_else(|| panic!("{end}"));
        let told = |step: &Value| {
            let of = said.iter().filter(|line| line["kind"] == "line" && line["step_id"] == step["id"]);
            let lines: Vec<&str> = of.filter_map(|line| line["text"].as_str()).collect();
            let verdict = match (step["state"].as_str(), step["changed"].as_bool()) {
                (Some("completed"), Some(true)) => "change",
                (Some("completed"), _) => "ok",
                (state, _) => state.expect("a state"),
            };
            let text = |name: &str| step[name].as_str().expect("a text").to_owned();
            Told {
                host: text("host"),
                step: text("name"),
                verdict: verdict.to_owned(),
                text: format!("{}\n{}", step["reason"], lines.join("\n")),
            }
        };
        steps.iter().map(told).collect()
    }

    /// A check tells what a run then does, as far as it says that it can know.
    fn does_what_was_foretold(&self, more: &[&str]) {
        let foretold = self.check(more);
        let done = self.run(more);
        assert_eq!(foretold.len(), done.len());
        // Handlers come for what a step changes of which nothing was known.
        let is_certain = !foretold.iter().any(|told| told.verdict == "unknown");
        for (foretold, done) in foretold.iter().zip(&done) {
            assert_eq!((&foretold.host, &foretold.step), (&done.host, &done.step));
            let is_as_foretold = match foretold.verdict.as_str() {
                "unknown" => done.verdict != "failed",
                "skipped" => done.verdict == "skipped" || (!is_certain && done.verdict == "change"),
                verdict => done.verdict == verdict,
            };
            assert!(is_as_foretold, "foretold: {foretold:#?}\ndone: {done:#?}");
        }
    }

    /// Neither a check nor a run finds anything to do. An upload looks at its files when it gets there, in a run alone.
    fn is_settled(&self, more: &[&str]) {
        let foretold = self.check(more);
        let open = foretold.iter().filter(|told| !told.text.starts_with("copies what is there"));
        for told in open.chain(&self.run(more)) {
            assert!(["ok", "skipped"].contains(&told.verdict.as_str()), "{told:#?}");
        }
    }

    /// Runs it, and gives the step with which it fails.
    fn fails_at(&self) -> Told {
        let done = self.run(&[]);
        let failed = done.into_iter().find(|told| told.verdict == "failed");
        failed.expect("it was to fail")
    }
}

fn public_key(host: &Debian) -> String {
    fs::read_to_string(host.key().with_extension("pub")).expect("the key").trim().to_owned()
}

/// A check changes nothing on a host that has nothing of the plan yet.
fn is_left_alone(host: &Debian, person: &Person) {
    // What an app leaves on a host that it has not been on is there from now on.
    person.check(&[]);
    let before = host.everything();
    person.check(&[]);
    let after = host.everything();
    let changed: Vec<&String> = before.iter().filter(|line| !after.contains(line)).collect();
    assert_eq!((changed, before.len()), (Vec::new(), after.len()), "a check changed the host");
}

/// What curl gives for these arguments, on this machine.
fn curl(arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("curl");
    let output =
        command.args(["--silent", "--show-error", "--fail", "--noproxy", "*"]).args(arguments).output();
    let output = output.expect("curl starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[test]
fn a_bare_server_becomes_a_hardened_host_with_docker_and_caddy() {
    let host = Debian::start();
    let mut person = Person::new("hardened-host.yaml", &[&host]);
    let (web, admin_api, door) = (free_port(), free_port(), free_port());
    let page = format!("http://127.0.0.1:{web}/");
    person.set("admin_key", public_key(&host));
    person.set("site", format!(":{web}"));
    person.set("check_url", &page);
    person.set("caddy_admin", format!("127.0.0.1:{admin_api}"));
    person.set("network", false);
    is_left_alone(&host, &person);
    person.does_what_was_foretold(&[]);

    assert!(curl(&[&page]).expect("the page").contains("This server is ready"));
    let sshd = host.asked("sshd -T -C user=ops,host=a,addr=1.2.3.4");
    for line in ["permitrootlogin no", "passwordauthentication no", "allowusers ops", "maxauthtries 3"] {
        assert!(sshd.lines().any(|is| is == line), "{line}: {sshd}");
    }
    host.does(
        "docker --version
         apt-config dump | grep -xF 'Unattended-Upgrade::Automatic-Reboot-Time \"04:30\";'
         [ \"$(getent shadow ops | cut -d: -f2)\" = '*' ]",
    );

    let docker: Value = serde_json::from_str(&host.asked("cat /etc/docker/daemon.json")).expect("JSON");
    assert_eq!(docker["ip"], "127.0.0.1");

    // From now on the server has the door that the plan has made: only the administrator comes in.
    host.does(&format!("/usr/sbin/sshd -o ListenAddress=127.0.0.1:{door} -o PidFile=/run/sshd.pid"));
    let key = host.asked("cat /etc/ssh/ssh_host_ed25519_key.pub");
    let known = person.home.path().join("known_hosts");
    let before = fs::read_to_string(&known).expect("known_hosts");
    fs::write(&known, format!("{before}[127.0.0.1]:{door} {key}")).expect("known_hosts");
    person.set("server", format!("root@127.0.0.1:{door}"));
    let refused = person.check(&[]);
    assert!(refused.iter().all(|told| told.verdict == "failed" || told.verdict == "skipped"), "{refused:#?}");
    person.set("server", format!("ops@127.0.0.1:{door}"));
    person.is_settled(&[]);

    // A mistake reaches neither sshd nor Caddy: they go on as they are.
    person.set("site", ":99999999");
    let failed = person.fails_at();
    assert!(failed.step.contains("caddy validate"), "{failed:#?}");
    assert!(curl(&[&page]).expect("the page").contains("This server is ready"));
    person.set("site", format!(":{web}"));
    host.does("echo 'PermitRootLogin yes' >/etc/ssh/sshd_config.d/10-hardened.conf");
    person.does_what_was_foretold(&[]);
    person.is_settled(&[]);

    // The firewall and the parameters of the kernel, in a network of its own.
    person.set("server", format!("{WALLED}@127.0.0.1:{}", host.port()));
    person.set("network", true);
    let network = ["network"];
    person.does_what_was_foretold(&network);
    let rules = host
        .asked_as(WALLED, "nft list table inet steadyhand; cat /proc/sys/net/ipv4/conf/all/send_redirects");
    for part in ["policy drop", "tcp dport 80 accept", "tcp dport 443 accept", "tcp dport 22 accept"] {
        assert!(rules.contains(part), "{part}: {rules}");
    }
    assert!(rules.ends_with("\n0\n"), "{rules}");
    person.is_settled(&network);
}

#[test]
fn backups_of_a_database_are_made_proved_and_the_newest_are_kept() {
    let host = Debian::start();
    let mut person = Person::new("postgres-backup.yaml", &[&host]);
    person.set("keep", 2);
    // It is reached by its socket alone: the port would be the machine's.
    host.does(
        "mkdir -p /etc/postgresql-common/createcluster.d
         echo \"listen_addresses = ''\" >/etc/postgresql-common/createcluster.d/socket.conf
         apt-get -qq update
         DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install postgresql >/run/log 2>&1
         service postgresql start >/run/log 2>&1",
    );
    let sql =
        |statement: &str| host.asked(&format!("cd /; sudo -u postgres psql -Atq shop -c \"{statement}\""));
    host.does("cd /; sudo -u postgres createdb shop");
    sql("CREATE TABLE orders (id int, item text); INSERT INTO orders VALUES (1, 'tea'), (2, 'cups')");
    is_left_alone(&host, &person);
    person.does_what_was_foretold(&[]);
    person.is_settled(&[]);
    let backups = || host.asked("ls /var/backups/postgresql | grep dump || true");
    assert_eq!(backups().lines().count(), 1);
    assert_eq!(host.asked("stat -c '%U %a' /var/backups/postgresql"), "postgres 700\n");

    // Each night one more; only the newest stay.
    host.does("cd /var/backups/postgresql; touch shop-20200101-000000.dump shop-20200102-000000.dump notes");
    let job = host.asked("crontab -l -u postgres | sed -n 's/^30 2 [*] [*] [*] //p'");
    host.does(&format!("cd /; sudo -u postgres sh -c '{}'", job.trim()));
    assert!(!backups().contains("2020"), "{}", backups());
    assert!(host.asked("ls /var/backups/postgresql").contains("notes"));
    person.is_settled(&[]);

    // A backup that cannot be restored is told.
    host.does("cp /etc/passwd /var/backups/postgresql/shop-29990101-000000.dump");
    let failed = person.fails_at();
    assert_eq!(failed.step, "prove that the newest backup can be restored");
    assert!(failed.text.contains("does not appear to be a valid archive"), "{failed:#?}");
    host.does("rm /var/backups/postgresql/shop-29990101-000000.dump");
    person.is_settled(&[]);

    // What was lost comes back.
    sql("DROP TABLE orders");
    host.does(
        "cd /var/backups/postgresql; sudo -u postgres pg_restore -d shop $(ls shop-*.dump | tail -n 1)",
    );
    assert_eq!(sql("SELECT item FROM orders ORDER BY id"), "tea\ncups\n");
    assert_eq!(sql("SELECT count(*) FROM pg_database WHERE datname = 'shop_restored'"), "0\n");
}

#[test]
fn a_site_has_a_certificate_of_its_own_authority_and_gets_a_new_one_in_time() {
    let host = Debian::start();
    let mut person = Person::new("certificates.yaml", &[&host]);
    let port = free_port();
    person.set("port", port);
    person.set("repository", "/srv/site.git");
    host.does(
        "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
         git init -q -b main /tmp/site; cd /tmp/site
         echo welcome >index.html; git add index.html; git commit -qm welcome
         git clone -q --bare /tmp/site /srv/site.git",
    );
    is_left_alone(&host, &person);
    person.does_what_was_foretold(&[]);
    person.is_settled(&[]);

    let authority = person.home.path().join("ca.crt");
    fs::write(&authority, host.asked("cat /etc/steady-ca/ca.crt")).expect("the certificate");
    let page = |path: &str| {
        curl(&[
            "--cacert",
            authority.to_str().expect("a path"),
            "--resolve",
            &format!("shop.internal:{port}:127.0.0.1"),
            &format!("https://shop.internal:{port}/{path}"),
        ])
    };
    assert_eq!(page("").expect("verified"), "welcome\n");
    let other = curl(&[
        "--resolve",
        &format!("shop.internal:{port}:127.0.0.1"),
        &format!("https://shop.internal:{port}/"),
    ]);
    assert!(other.expect_err("nobody else trusts it").contains("certificate"));
    assert_eq!(host.asked("stat -c %a /etc/steady-ca/ca.key /etc/steady-ca/site.key"), "600\n600\n");

    // What the server shows, not what lies in the file.
    let shown = || {
        host.asked(&format!(
            "openssl s_client -connect 127.0.0.1:{port} -servername shop.internal </dev/null 2>/dev/null | openssl x509 -noout -serial"
        ))
    };
    let first = shown();
    person.set("days", 20);
    person.run(&[]);
    assert_eq!(shown(), first, "it holds long enough");
    // One that ends within the thirty days is made anew by what cron runs, and the server shows it without a restart.
    host.does(
        "cd /etc/steady-ca; sed -i 's/-checkend [$]((30/-checkend $((100/' /usr/local/sbin/renew-certificate",
    );
    let job = host.asked("crontab -l | sed -n 's/^@daily //p'");
    let pid = host.asked("cat /run/nginx.pid");
    host.does(&format!("{} 2>/run/log", job.trim()));
    let wait = format!(
        "until [ \"$(openssl s_client -connect 127.0.0.1:{port} </dev/null 2>/dev/null | openssl x509 -noout -serial)\" != '{}' ]; do :; done",
        first.trim()
    );
    host.does(&wait);
    assert_eq!(host.asked("cat /run/nginx.pid"), pid);
    assert_eq!(page("").expect("verified"), "welcome\n");
    // The plan repairs what was done to the script; a certificate of 20 days is too short for it.
    person.set("days", 90);
    host.does(
        "cd /tmp/site; echo changed >index.html
         git -c user.name=a -c user.email=a@b commit -qam changed; git push -q /srv/site.git main",
    );
    person.does_what_was_foretold(&[]);
    assert_eq!(page("").expect("verified"), "changed\n");
    assert!(page(".git/HEAD").is_err(), "the repository itself is not served");
    person.is_settled(&[]);
}

/// An application in a tarball, whose health may be bad.
fn tarball(person: &Person, version: u32, health: &str) {
    let folder = person.home.path().join("dist").join(format!("shop-{version}"));
    fs::create_dir_all(folder.join("bin")).expect("a folder");
    let serve = folder.join("bin/serve");
    let program = format!(
        r#"#!/usr/bin/perl
use IO::Socket::INET;
my $door = IO::Socket::INET->new(LocalAddr => $ENV{{HOST}}, LocalPort => $ENV{{PORT}}, Listen => 50, ReuseAddr => 1) or die $!;
while (my $visitor = $door->accept) {{
    my $asked = <$visitor>;
    while (<$visitor>) {{ last if /^\r?$/ }}
    my $status = $asked =~ m(/health) ? "{health}" : "200 OK";
    print $visitor "HTTP/1.0 $status\r\nContent-Length: 10\r\n\r\nversion {version}\n";
    close $visitor;
}}
"#
    );
    fs::write(&serve, program).expect("the program");
    fs::set_permissions(&serve, fs::Permissions::from_mode(0o755)).expect("its mode");
    let mut tar = Command::new("tar");
    let tar = tar.arg("-C").arg(person.home.path().join("dist"));
    let tar = tar.args(["-czf", &format!("{}.tar.gz", folder.display()), &format!("shop-{version}")]);
    assert!(tar.status().expect("tar").success());
}

/// One visit: what is answered, or nothing when the visitor gets no answer, or one that tells of a failure.
fn visit(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.contains(" 200 ").then(|| body.trim().to_owned())
}

fn visits(port: u16) -> BTreeSet<Option<String>> {
    (0..9).map(|_| visit(port)).collect()
}

#[test]
fn a_release_goes_over_the_hosts_behind_a_balancer_and_no_visitor_notices() {
    let app_ssh = free_port();
    let apps = ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(|address| Debian::start_at(address, app_ssh));
    let balancer = Debian::start_at("127.0.0.1", app_ssh);
    let mut person = Person::new("rolling-release.yaml", &[&balancer, &apps[0], &apps[1], &apps[2]]);
    person.vars.clear();
    for (name, address) in ["balancer", "app1", "app2", "app3"].into_iter().zip(1..) {
        person.set(name, format!("127.0.0.{address}"));
    }
    let port = free_port();
    person.set("ssh_port", app_ssh);
    person.set("port", port);
    person.set("balancer_port", free_port());
    person.set("app_port", free_port());
    person.set("keep", 2);
    for (version, health) in [(1, "200 OK"), (2, "200 OK"), (3, "500 sick")] {
        tarball(&person, version, health);
    }
    let all = |version: u32| BTreeSet::from([Some(format!("version {version}"))]);
    person.set("version", 1);
    is_left_alone(&apps[0], &person);
    person.does_what_was_foretold(&[]);
    assert_eq!(visits(port), all(1));
    person.is_settled(&[]);

    // While the next version comes, everybody who asks is answered.
    person.set("version", 2);
    let is_over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let visitors = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !is_over.load(Ordering::Relaxed) {
                seen.insert(visit(port));
            }
            seen
        });
        person.does_what_was_foretold(&[]);
        is_over.store(true, Ordering::Relaxed);
        visitors.join().expect("they end")
    });
    assert_eq!(seen, &all(1) | &all(2), "nobody went without an answer");
    assert_eq!(visits(port), all(2));
    person.is_settled(&[]);

    // A sick version ends on the first host, and no visitor gets it.
    person.set("version", 3);
    let failed = person.fails_at();
    assert_eq!(
        (failed.host.as_str(), failed.step.as_str()),
        ("app1", "wait until it is healthy"),
        "{failed:#?}"
    );
    assert_eq!(visits(port), all(2));
    let current =
        |app: &Debian| app.asked("readlink /opt/shop/current; cat /opt/shop/serving 2>/dev/null || true");
    assert_eq!(apps.each_ref().map(current), ["releases/3\n", "releases/2\n2\n", "releases/2\n2\n"]);

    // Back to the version before, on that host alone; the oldest is no longer kept.
    person.set("version", 2);
    person.does_what_was_foretold(&[]);
    assert_eq!(apps.each_ref().map(current), ["releases/2\n2\n", "releases/2\n2\n", "releases/2\n2\n"]);
    assert_eq!(apps.each_ref().map(|app| app.asked("ls /opt/shop/releases")), ["2\n3\n", "2\n3\n", "2\n3\n"]);
    person.is_settled(&[]);
}
