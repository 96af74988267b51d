//! Hosts that a plan does not list: they are looked for before a run, shown, and bound by its hash.
//!
//! A tailnet cannot be had without its company's servers, so the program `tailscale` is a fake one here, which prints what
//! the real one prints. SSH configurations, commands and servers are real.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, PATIENCE, states},
    command::{ended, steady},
    sshd::Sshd,
};
use tokio::process::Command;

/// Writes a program into the folder `bin`, and gives the path that finds it there first.
fn program(folder: &Path, name: &str, script: &str) -> String {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).expect("bin");
    let path = bin.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}")).expect("the program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its permissions");
    format!("{}:{}", bin.display(), std::env::var("PATH").expect("a path"))
}

/// A plan whose only task asks each host of the group `web` for a file.
fn plan(folder: &Path, text: &str) -> String {
    let plan = folder.join("plan.yaml");
    let task = "tasks:\n  deploy:\n    on: web\n    steps:\n      - run: echo here > \"$HOME/was-here\"\n";
    fs::write(&plan, format!("name: shop\n{text}\n{task}")).expect("the plan");
    plan.display().to_string()
}

async fn documents(command: &mut Command) -> (Option<i32>, Vec<Value>, String) {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").expect("it ran");
    let text = String::from_utf8(output.stdout).expect("text");
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    (output.status.code(), text.lines().map(read).collect(), String::from_utf8(output.stderr).expect("text"))
}

#[tokio::test]
async fn machines_of_a_tailnet_are_shown_and_deployed_to() {
    let (sshd, data) = Sshd::known();
    let status = json!({
        "BackendState": "Running",
        "Peer": {
            "nodekey:a": { "HostName": "web1", "DNSName": "web1.tail1.ts.net.", "TailscaleIPs": ["fd7a::1", "127.0.0.1"],
                           "Tags": ["tag:web"], "Online": true },
            "nodekey:b": { "HostName": "web2", "DNSName": "web2.tail1.ts.net.", "TailscaleIPs": ["127.0.0.1"],
                           "Tags": ["tag:web"], "Online": false },
            "nodekey:c": { "HostName": "db", "DNSName": "db.tail1.ts.net.", "TailscaleIPs": ["127.0.0.1"], "Online": true }
        }
    });
    fs::write(data.path().join("status.json"), status.to_string()).expect("the status");
    let script =
        format!("[ \"$*\" = \"status --json\" ] || exit 64\ncat {}/status.json\n", data.path().display());
    let path = program(data.path(), "tailscale", &script);
    let entry = format!(
        "discover:\n  - tailscale: {{ tag: web, into: web, user: root, port: {}, identity: {} }}",
        sshd.port,
        sshd.key().display()
    );
    let plan = plan(data.path(), &entry);

    let (code, said) = ended(steady(data.path(), &["validate", &plan]).env("PATH", "/nowhere")).await;
    assert_eq!(code, Some(0), "nothing is asked: {said}");
    let (code, shown, _) =
        documents(steady(data.path(), &["run", &plan, "--dry-run", "--json"]).env("PATH", &path)).await;
    assert_eq!(code, Some(0));
    let by = "`tailscale status --json`";
    assert_eq!(
        shown[0]["discovered"],
        json!([{ "name": "web1", "address": format!("root@127.0.0.1:{}", sshd.port), "by": by }])
    );
    assert_eq!(shown[0]["notes"], json!([format!("{by}: `web2` is offline and left out")]));
    assert_eq!(shown[0]["steps"].as_array().expect("steps").len(), 1);
    let (code, said) = ended(steady(data.path(), &["run", &plan]).env("PATH", &path)).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("`tailscale status --json` has 1 host: web1 (root@127.0.0.1:"), "{said}");
    assert!(sshd.home().join("was-here").exists());

    // Another machine is another run.
    let more = status.to_string().replace("\"Online\":false", "\"Online\":true");
    fs::write(data.path().join("status.json"), more).expect("the status");
    let (_, now, _) =
        documents(steady(data.path(), &["run", &plan, "--dry-run", "--json"]).env("PATH", &path)).await;
    assert_ne!(shown[0]["rendered_sha256"], now[0]["rendered_sha256"]);
    // Hosts that were found can be chosen like others, by name and by tag.
    for (limit, steps) in [("web2", 1), ("web", 2)] {
        let arguments = ["run", &plan, "--dry-run", "--json", "--limit", limit];
        let (_, limited, _) = documents(steady(data.path(), &arguments).env("PATH", &path)).await;
        assert_eq!(limited[0]["steps"].as_array().expect("steps").len(), steps, "{limit}");
    }
    let (code, said) = ended(steady(data.path(), &["run", &plan]).env("PATH", "/nowhere")).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("`tailscale` was not found: install Tailscale"), "{said}");
}

#[tokio::test]
async fn hosts_of_the_ssh_configuration_are_deployed_to() {
    let (sshd, data) = Sshd::known();
    let ssh = data.path().join(".ssh");
    fs::create_dir_all(ssh.join("conf.d")).expect(".ssh");
    fs::write(ssh.join("conf.d/shop.conf"), "Host 127.0.0.1 other\n  User x\nHost 127.*\n").expect("a file");
    fs::write(ssh.join("config"), "Include conf.d/*.conf\nHost db\n  User y\n").expect("the configuration");
    // How its own hosts are reached, OpenSSH looks up in the home that the system knows, which is another one here.
    let entry = format!(
        "discover: [ {{ ssh_config: {{ match: '127*', into: web, user: root, port: {}, identity: {} }} }} ]",
        sshd.port,
        sshd.key().display()
    );
    let plan = plan(data.path(), &entry);
    let (code, said) = ended(&mut steady(data.path(), &["run", &plan])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the SSH configuration has 1 host: 127.0.0.1 (root@127.0.0.1:"), "{said}");
    assert!(sshd.home().join("was-here").exists());
}

/// An inventory program in the plan's folder whose answer is in a file, and that counts how often it is asked.
fn inventory_program(folder: &Path, sshds: &[&Sshd]) {
    let mut hostvars = serde_json::Map::new();
    for (number, sshd) in (1..).zip(sshds) {
        let vars = json!({
            "ansible_host": "127.0.0.1", "ansible_port": sshd.port, "ansible_user": "root",
            "ansible_ssh_private_key_file": sshd.key(),
        });
        hostvars.insert(format!("web{number}"), vars);
    }
    let hosts: Vec<&String> = hostvars.keys().collect();
    let answer = json!({ "web": { "hosts": hosts }, "_meta": { "hostvars": hostvars } });
    fs::write(folder.join("answer.json"), answer.to_string()).expect("the answer");
    let script = "#!/bin/sh\n[ \"$1\" = --list ] || exit 64\necho asked >> asked\n[ -z \"$STEADYHAND_SECRET_TOKEN\" ] || exit 65\ncat answer.json\n";
    fs::write(folder.join("inventory.sh"), script).expect("the program");
    fs::set_permissions(folder.join("inventory.sh"), fs::Permissions::from_mode(0o755))
        .expect("its permissions");
}

fn asked(folder: &Path) -> usize {
    fs::read_to_string(folder.join("asked")).unwrap_or_default().lines().count()
}

#[tokio::test]
async fn a_command_prints_hosts_and_is_asked_again_only_for_what_is_new() {
    let (one, two) = (Sshd::start(), Sshd::start());
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let keys = [&one, &two].map(|sshd| {
        sshd.is_known_in(data.path());
        fs::read_to_string(data.path().join("known_hosts")).expect("known_hosts")
    });
    fs::write(data.path().join("known_hosts"), keys.concat()).expect("known_hosts");
    inventory_program(folder.path(), &[&one, &two]);
    let entry = "vars: { how: --list }\ndiscover: [ { command: { run: './inventory.sh ${{ vars.how }}', into: web } } ]";
    let plan = plan(folder.path(), entry);
    let mut run = steady(data.path(), &["run", &plan, "--json"]);
    let (code, events, said) = documents(run.env("STEADYHAND_SECRET_TOKEN", "hunter22")).await;
    assert_eq!(code, Some(0), "{said}");
    let end = events.last().expect("an end");
    assert_eq!(states(&end["run"]), ["completed", "completed"]);
    assert!(one.home().join("was-here").exists() && two.home().join("was-here").exists());
    assert_eq!(asked(folder.path()), 1, "the preview asks; the run has what was shown");

    let facts = ["facts", "web2", "--plan", &plan, "--json"];
    let (code, facts, _) = documents(&mut steady(data.path(), &facts)).await;
    assert_eq!((code, &facts[0]["os"]), (Some(0), &json!("linux")));
    fs::remove_file(folder.path().join("asked")).expect("it was asked");

    // A page that is opened asks nothing; a preview does, and a run of what was shown does not ask again.
    let app = App::start(data.path()).await;
    let projects = app.call("projects", json!({})).await;
    let project = projects[0]["id"].as_str().expect("a project").to_owned();
    let of = json!({ "project_id": project });
    assert_eq!(app.call("hosts", of.clone()).await, json!([]));
    assert_eq!(asked(folder.path()), 0);
    let preview = app.call("preview", of.clone()).await;
    assert_eq!(preview["discovered"].as_array().expect("hosts").len(), 2);
    assert_eq!(app.call("hosts", of.clone()).await.as_array().expect("hosts").len(), 2);
    assert_eq!(asked(folder.path()), 1);
    let start = json!({ "project_id": project, "rendered_sha256": preview["rendered_sha256"] });
    app.call("start_run", start).await;
    assert_eq!(app.ended(&project, 2).await["run"]["state"], "completed");
    assert_eq!(asked(folder.path()), 1);
    // Asked to redeploy without having been shown anything, it looks again.
    inventory_program(folder.path(), &[&one]);
    app.say(&project, "Redeploy the application").await;
    let third = app.ended(&project, 3).await;
    assert_eq!((states(&third).len(), asked(folder.path())), (1, 2));
    app.end().await;
}

#[tokio::test]
async fn a_command_that_fails_or_hangs_is_named_with_what_it_said() {
    let data = tempfile::tempdir().expect("a folder");
    let said = async |run: &str, more: &str| {
        let entry = format!("discover: [ {{ command: {{ run: {}, into: web{more} }} }} ]", json!(run));
        let plan = plan(data.path(), &entry);
        let mut command = steady(data.path(), &["run", &plan]);
        let (code, said) = ended(command.env("STEADYHAND_SECRET_TOKEN", "hunter22")).await;
        assert_eq!(code, Some(1), "{said}");
        said
    };
    let failed =
        said("for n in 1 2 3 4 5 6 7; do echo line $n >&2; done; echo hunter22 >&2; exit 3", "").await;
    assert!(failed.contains("ended with exit status 3; try it yourself in"), "{failed}");
    assert!(failed.contains("line 7\n  [secret TOKEN]") && !failed.contains("line 2"), "{failed}");
    let nothing = said("true", "").await;
    assert!(nothing.contains("it printed nothing; it must print an object of groups"), "{nothing}");
    // What it started is ended with it: nobody holds its output any more.
    let hung = said("sleep 1000 & sleep 1000", ", timeout: 200ms").await;
    assert!(hung.contains("did not end within 0.2 s and was ended"), "{hung}");
}

#[tokio::test]
async fn a_host_that_would_be_an_option_and_a_name_that_is_taken_are_refused() {
    let data = tempfile::tempdir().expect("a folder");
    let said = async |answer: Value, more: &str| {
        fs::write(data.path().join("answer.json"), answer.to_string()).expect("the answer");
        let entry = format!("discover: [ {{ command: {{ run: cat answer.json, into: web }} }} ]\n{more}");
        let (code, said) = ended(&mut steady(data.path(), &["run", &plan(data.path(), &entry)])).await;
        (code, said)
    };
    let option = json!({ "web": ["a"], "_meta": { "hostvars": { "a": { "ansible_host": "-oProxyCommand=touch pwned" } } } });
    let (code, text) = said(option, "").await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("`-oProxyCommand=touch pwned` is neither a name nor an IP address"), "{text}");
    let (code, text) = said(json!({ "web": ["web1"] }), "hosts: { web1: root@192.0.2.1 }").await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("plan.yaml:2: `cat answer.json` has a host `web1`, and the plan declares another one of that name (line 3 of the plan)"), "{text}");
}

#[tokio::test]
async fn an_inventory_of_ansible_becomes_a_file_that_a_plan_includes_and_runs_on() {
    let (sshd, data) = Sshd::known();
    let inventory = format!(
        "[web]\nweb1 ansible_host=127.0.0.1 ansible_port={} http_port=80\n[web:vars]\nansible_user=root\nansible_ssh_private_key_file={}\n",
        sshd.port,
        sshd.key().display()
    );
    fs::write(data.path().join("inventory"), inventory).expect("the inventory");
    fs::create_dir(data.path().join("group_vars")).expect("group_vars");
    let at = |name: &str| data.path().join(name).display().to_string();
    let (inventory, hosts) = (at("inventory"), at("hosts.yaml"));
    let (code, shown) = ended(&mut steady(data.path(), &["import", "ansible", &inventory])).await;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("# Not read: the variables in group_vars/\n# Not taken over:\n#   variables of web1: http_port\nhosts:\n"), "{shown}");
    let (code, said) =
        ended(&mut steady(data.path(), &["import", "ansible", &inventory, "--out", &hosts])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(fs::read_to_string(&hosts).expect("the file"), shown);
    let (code, said) =
        ended(&mut steady(data.path(), &["import", "ansible", &inventory, "--out", &hosts])).await;
    assert_eq!(code, Some(1), "it is there already: {said}");
    let plan = plan(data.path(), "include: [hosts.yaml]");
    let (code, said) = ended(&mut steady(data.path(), &["run", &plan])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(sshd.home().join("was-here").exists());
}
