//! The vault of secrets: set on the command line, used by runs, shown nowhere.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use steadyhand_tests::{
    app::{App, WAITS, states},
    command::{ended, steady, told},
    files::files_with,
    model_server::ModelServer,
    sshd::Sshd,
};
use tempfile::TempDir;

const SECRET: &str = "geheim/ni$s \"of\" the & shop";
/// Forms of it, or parts of forms.
const FORMS: [&str; 5] =
    ["geheim/ni", "ni$s \"of\"", "the & shop", "Z2VoZWltL25pJHMg", "67656865696d2f6e69247320"];
/// A secret of the same project that its plan does not name, and that lies on the host.
const OTHER: &str = "unnamed-but-known";
const PASSPHRASE: &str = "correct horse battery";

/// Uses the secret on the host, and prints it in several forms.
const USES: &str = r#"      - name: Use
        env: { KEY: "${{ secrets.KEY }}" }
        run: |
          printf %s "$KEY" > "$HOME/got"
          printf 'raw %s\n' "$KEY"
          printf 'base64 %s\n' "$(printf %s "$KEY" | base64)"
          printf 'hex %s\n' "$(printf %s "$KEY" | od -An -tx1 | tr -d ' \n')"
          printf 'other %s\n' "$(cat "$HOME/other")"
"#;

/// A host, a data folder that trusts it, and a folder for plans.
struct Place {
    sshd: Sshd,
    data: TempDir,
    plans: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = || tempfile::tempdir().expect("a folder");
        let (sshd, data, plans) = (Sshd::start(), folder(), folder());
        let key = fs::read_to_string(sshd.key().with_file_name("host_key.pub")).expect("the host key");
        let mut known = fs::File::create(data.path().join("known_hosts")).expect("known_hosts");
        writeln!(known, "[127.0.0.1]:{} {}", sshd.port, key.trim()).expect("known_hosts");
        fs::write(sshd.home().join("other"), OTHER).expect("a file on the host");
        Self { sshd, data, plans }
    }

    fn data(&self) -> &Path {
        self.data.path()
    }

    /// A plan of the project `name` that needs the secret `KEY`.
    fn source(&self, name: &str, steps: &str) -> String {
        let plan = self.sshd.plan(steps).replace("tasks:\n", "secrets: [KEY]\ntasks:\n");
        plan.replace("name: shop\n", &format!("name: {name}\n"))
    }

    fn plan(&self, name: &str, steps: &str) -> PathBuf {
        let path = self.plans.path().join(format!("{name}.yaml"));
        fs::write(&path, self.source(name, steps)).expect("the plan");
        path
    }

    async fn steady(&self, arguments: &[&str]) -> (Option<i32>, String) {
        ended(&mut steady(self.data(), arguments)).await
    }

    /// A command that must work; what it said.
    async fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.steady(arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    }

    async fn set(&self, project: &str, name: &str, value: &str) {
        let mut command = steady(self.data(), &["secret", "set", name, "--project", project]);
        let (code, said) = told(&mut command, value).await;
        assert_eq!(code, Some(0), "{name}: {said}");
        assert!(!said.contains(value.trim()), "{said}");
    }

    async fn run(&self, plan: &Path) -> (Option<i32>, String) {
        self.steady(&["run", plan.to_str().expect("a path")]).await
    }

    /// What the step on the host was given.
    fn got(&self) -> String {
        fs::read_to_string(self.sshd.home().join("got")).expect("what the step was given")
    }

    fn check_nothing_is_stored(&self) {
        for form in FORMS.into_iter().chain([OTHER]) {
            let found = files_with(self.data(), form.as_bytes());
            assert!(found.is_empty(), "{form:?} is in {found:?}");
        }
    }
}

#[tokio::test]
async fn a_secret_is_set_used_rotated_and_removed_and_shown_nowhere() {
    let place = Place::new();
    let plan = place.plan("shop", USES);
    let (code, said) = place.run(&plan).await;
    assert_eq!(code, Some(2), "{said}");
    for way in ["`steady secret set KEY --project shop`", "STEADYHAND_SECRET_KEY"] {
        assert!(said.contains(way), "{said}");
    }

    place.set("shop", "KEY", &format!("{SECRET}\n")).await;
    place.set("shop", "OTHER", OTHER).await;
    let (code, said) = place.run(&plan).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.got(), SECRET);
    for line in ["raw ***", "base64 ***", "hex ***", "other ***"] {
        assert!(said.lines().any(|shown| shown.trim() == line), "{line}: {said}");
    }
    let logs = place.done(&["logs", "shop/1"]).await;
    let listed = place.done(&["secret", "list", "--format", "json"]).await;
    let all: Value = serde_json::from_str(&listed).expect("JSON");
    let names: Vec<&str> =
        all.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["KEY", "OTHER"]);
    for form in FORMS.into_iter().chain([OTHER]) {
        assert!(![&said, &logs, &listed].iter().any(|text| text.contains(form)), "{form:?} is shown");
    }
    place.check_nothing_is_stored();

    let before = fs::read(place.data().join("secrets.vault")).expect("the vault");
    place.done(&["secret", "rotate"]).await;
    assert_ne!(fs::read(place.data().join("secrets.vault")).expect("the vault"), before);
    assert_eq!(place.done(&["secret", "get", "KEY", "--project", "shop"]).await, format!("{SECRET}\n"));
    assert_eq!(place.done(&["secret", "get", "OTHER", "--project", "shop"]).await, format!("{OTHER}\n"));
    fs::remove_file(place.sshd.home().join("got")).expect("it is forgotten");
    let (code, said) = place.run(&plan).await;
    assert_eq!((code, place.got().as_str()), (Some(0), SECRET), "{said}");

    place.done(&["secret", "rm", "KEY", "--project", "shop"]).await;
    let (code, said) = place.run(&plan).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("No value is set for the secret KEY; set it with `steady secret set KEY"),
        "{said}"
    );
    let (code, said) = place.steady(&["secret", "get", "KEY", "--project", "shop"]).await;
    assert_eq!(code, Some(2), "{said}");
    place.check_nothing_is_stored();
}

#[tokio::test]
async fn a_plan_has_no_secrets_of_another_project_whatever_it_is_called() {
    let place = Place::new();
    let app = App::start(place.data()).await;
    let plan = place.source("shop", USES);
    let shop = app.project("shop", &plan).await;
    let blog = app.project("blog", &plan).await;
    app.call("set_secret", json!({ "project_id": shop, "name": "KEY", "value": SECRET })).await;
    let start = async |project: &str| app.try_call("start_run", json!({ "project_id": project })).await;
    let refused = start(&blog).await.expect_err("the secret is the shop's");
    assert_eq!(refused.code, "invalid");
    assert!(refused.message.contains("`steady secret set KEY --project blog`"), "{}", refused.message);
    let preview = app.call("preview", json!({ "project_id": blog })).await;
    assert_eq!(preview["missing_secrets"], json!(["KEY"]));
    // Nor does it come to another one with the name.
    app.call("rename_project", json!({ "project_id": shop, "name": "old shop" })).await;
    app.call("rename_project", json!({ "project_id": blog, "name": "shop" })).await;
    start(&blog).await.expect_err("the name is not what it belongs to");
    start(&shop).await.expect("it has its secret under any name");
    assert_eq!(app.ended(&shop, 1).await["run"]["state"], "completed");
    assert_eq!(place.got(), SECRET);
    app.call("remove_project", json!({ "project_id": shop })).await;
    let left = app.call("secrets", json!({})).await;
    assert_eq!(left, json!([]), "a removed project leaves none");
    let again = app.project("old shop", &plan).await;
    start(&again).await.expect_err("a new project begins without secrets");
    app.end().await;
}

#[tokio::test]
async fn no_operation_gives_a_value() {
    let place = Place::new();
    let app = App::start(place.data()).await;
    let project = app.project("shop", &place.source("shop", USES)).await;
    let of = json!({ "project_id": project, "name": "KEY", "value": SECRET });
    let mut answers = vec![app.call("set_secret", of.clone()).await, app.call("set_secret", of).await];
    assert_eq!(
        answers,
        [json!({ "replaced": false, "hidden": true }), json!({ "replaced": true, "hidden": true })]
    );
    answers.push(app.call("secrets", json!({ "project_id": project })).await);
    answers.push(app.call("vault", json!({})).await);
    assert_eq!(answers[3], json!({ "state": "open", "key": "file" }));
    answers.push(app.call("rotate_vault", json!({})).await);
    answers.push(app.call("preview", json!({ "project_id": project })).await);
    let of = json!({ "project_id": project, "name": "KEY" });
    for operation in ["secret_value", "get_secret", "secret"] {
        let refused = app.try_call(operation, of.clone()).await.expect_err("there is no such operation");
        assert_eq!(refused.code, "not_found");
    }
    answers.push(app.call("remove_secret", of.clone()).await);
    assert_eq!(app.try_call("remove_secret", of).await.expect_err("it is gone").code, "not_found");
    for form in FORMS {
        assert!(!json!(answers).to_string().contains(form), "{answers:?}");
    }
    app.end().await;
}

#[tokio::test]
async fn commands_at_the_same_time_lose_nothing() {
    let place = Place::new();
    let plan = place.plan("shop", USES);
    place.run(&plan).await;
    let names: Vec<String> = (0..12).map(|number| format!("KEY_{number}")).collect();
    let values: Vec<String> = names.iter().map(|name| format!("value of {name}")).collect();
    let all = names.iter().zip(&values).map(|(name, value)| place.set("shop", name, value));
    futures::future::join_all(all).await;
    let listed: Value =
        serde_json::from_str(&place.done(&["secret", "list", "--format", "json"]).await).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(12), "{listed:#}");
    for name in &names {
        let value = place.done(&["secret", "get", name, "--project", "shop"]).await;
        assert_eq!(value, format!("value of {name}\n"));
    }
}

#[tokio::test]
async fn a_value_that_is_changed_while_a_run_waits_is_for_the_next_run() {
    let place = Place::new();
    let app = App::start(place.data()).await;
    let steps = WAITS.replace(
        "run: touch \"$HOME/third\"",
        "run: 'printf \"%s \" ${{ secrets.KEY }}; cat \"$HOME/other\"'",
    );
    let project = app.project("shop", &place.source("shop", &steps)).await;
    place.set("shop", "KEY", SECRET).await;
    app.call("start_run", json!({ "project_id": project })).await;
    app.waiting(&project, 1).await;
    // Nothing that the run could print has not been known since it began.
    place.set("shop", "KEY", OTHER).await;
    fs::write(place.sshd.home().join("go"), "").expect("go");
    let first = app.ended(&project, 1).await;
    assert_eq!(app.log(&first["steps"][2]).await, format!("*** {OTHER}").as_bytes());
    app.call("start_run", json!({ "project_id": project })).await;
    let second = app.ended(&project, 2).await;
    assert_eq!(states(&second), ["completed"; 3]);
    assert_eq!(app.log(&second["steps"][2]).await, b"*** ***");
    app.end().await;
}

#[tokio::test]
async fn a_run_waits_for_the_passphrase_and_goes_on_once_it_is_given() {
    let place = Place::new();
    let steps = WAITS.replace("echo waiting", "echo ${{ secrets.KEY }} | wc -c; : waiting");
    let with = |app: &mut tokio::process::Command| {
        app.env("STEADYHAND_VAULT_KEY", PASSPHRASE);
    };
    let mut app = App::start_with(place.data(), with).await;
    let project = app.project("shop", &place.source("shop", &steps)).await;
    app.call("set_secret", json!({ "project_id": project, "name": "KEY", "value": "open sesame" })).await;
    assert_eq!(app.call("vault", json!({})).await, json!({ "state": "open", "key": "passphrase" }));
    app.call("start_run", json!({ "project_id": project })).await;
    app.waiting(&project, 1).await;
    app.kill().await;

    let app = App::start(place.data()).await;
    let waiting = app.run(&project, 1, |detail| detail["run"]["hindrances"] != json!([])).await;
    assert_eq!(waiting["run"]["hindrances"], json!([{ "kind": "missing_secrets", "names": ["KEY"] }]));
    assert_eq!(app.call("vault", json!({})).await["state"], "locked");
    let of = json!({ "project_id": project, "name": "MORE", "value": "more" });
    assert_eq!(app.try_call("set_secret", of).await.expect_err("it is locked").code, "locked");
    let (code, said) = place.steady(&["secret", "get", "KEY", "--project", "shop"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("STEADYHAND_VAULT_KEY"), "{said}");
    let wrong = json!({ "passphrase": "wrong horse battery" });
    assert_eq!(app.try_call("unlock_vault", wrong).await.expect_err("it is another one").code, "locked");
    app.call("unlock_vault", json!({ "passphrase": PASSPHRASE })).await;
    app.run(&project, 1, |detail| detail["run"]["hindrances"] == json!([])).await;
    fs::write(place.sshd.home().join("go"), "").expect("go");
    let ended = app.ended(&project, 1).await;
    assert_eq!(states(&ended), ["completed"; 3]);
    assert_eq!(app.log(&ended["steps"][1]).await, b"12\n");
    app.end().await;
    for part in ["open sesame", PASSPHRASE] {
        assert!(files_with(place.data(), part.as_bytes()).is_empty(), "{part}");
    }
}

#[tokio::test]
async fn a_model_is_sent_no_secret_of_the_vault_and_a_plan_no_key_of_it() {
    let place = Place::new();
    let key = "cXVpdGUgYSByYW5kb20ga2V5LCBpcyBpdCBub3Q/ISE=";
    let server = ModelServer::start("chat").await.expect("the model server");
    let app = App::start_with(place.data(), |app| {
        app.env("STEADYHAND_VAULT_KEY", key);
    })
    .await;
    app.call("save_model", json!({ "base_url": server.base_url(), "model": "test-model" })).await;
    let project = app.project("shop", &place.source("shop", USES)).await;
    app.call("set_secret", json!({ "project_id": project, "name": "KEY", "value": SECRET })).await;
    app.say(&project, &format!("My password is {SECRET} and the key is {key}. How are you?")).await;
    app.answer(&project, 0, |_| true).await;
    let sent = json!(server.requests().await.expect("what it received")).to_string();
    assert!(sent.contains("[secret KEY]") && sent.contains("[secret STEADYHAND_VAULT_KEY]"), "{sent}");
    assert!(!sent.contains("geheim") && !sent.contains(key), "{sent}");

    let asks = place.source("asks", "      - run: echo ${{ env.STEADYHAND_VAULT_KEY }}\n");
    let asks = app.call("create_project", json!({ "name": "asks", "source": asks })).await;
    let refused =
        app.try_call("preview", json!({ "project_id": asks["id"] })).await.expect_err("it is not given");
    assert_eq!(refused.code, "plan_invalid");
    assert!(refused.message.contains("STEADYHAND_VAULT_KEY"), "{}", refused.message);
    app.end().await;
}

#[tokio::test]
async fn what_a_person_gets_wrong_is_told_and_nothing_is_lost() {
    let place = Place::new();
    let set = async |arguments: &[&str], input: &str| {
        let arguments = [&["secret", "set"], arguments].concat();
        told(&mut steady(place.data(), &arguments), input).await
    };
    let (code, said) = set(&["KEY", "--project", "shop"], SECRET).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no project “shop”") && said.contains("--create"), "{said}");
    let (code, said) = set(&["KEY", "--project", "shop", "--create"], SECRET).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = set(&["KEY", SECRET, "--project", "shop"], "").await;
    assert_eq!(code, Some(2), "a value is never an argument: {said}");
    for (name, value, problem) in [
        ("NO NAME", "value", "cannot be the name of a secret"),
        ("EMPTY", "\n", "no value was given"),
        ("NUL", "a\0b", "NUL"),
        ("LONG", &"x".repeat(70_000), "longer than 64 KiB"),
    ] {
        let (code, said) = set(&[name, "--project", "shop"], value).await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.to_lowercase().contains(&problem.to_lowercase()), "{said}");
    }
    let (code, said) = set(&["SHORT", "--project", "shop"], "abc").await;
    assert!(code == Some(0) && said.contains("too short to be hidden"), "{said}");

    let lines = "-----BEGIN-----\nlines\n-----END-----\n";
    place.set("shop", "LINES", lines).await;
    assert_eq!(place.done(&["secret", "get", "LINES", "--project", "shop"]).await, lines);

    let vault = place.data().join("secrets.vault");
    let whole = fs::read(&vault).expect("the vault");
    fs::write(&vault, &whole[..whole.len() - 9]).expect("it is cut off");
    for arguments in [&["get", "KEY"][..], &["rm", "KEY"]] {
        let arguments = [&["secret"], arguments, &["--project", "shop"]].concat();
        let (code, said) = place.steady(&arguments).await;
        assert!(code == Some(1) && said.contains("is damaged"), "{said}");
    }
    let (code, said) = place.run(&place.plan("shop", USES)).await;
    assert!(code == Some(1) && said.contains("is damaged"), "{said}");
    assert_eq!(fs::read(&vault).expect("the vault").len(), whole.len() - 9, "it is left as it is");
    fs::write(&vault, &whole).expect("it is put back");
    assert_eq!(place.done(&["secret", "get", "KEY", "--project", "shop"]).await, format!("{SECRET}\n"));
}
