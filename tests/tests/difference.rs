//! What differs between deployments that were really made: what is new with each, and what a rollback would change.
#![allow(clippy::expect_used, clippy::panic, reason = "what goes wrong ends the test")]

use serde_json::{Value, json};
use steadyhand_tests::{
    command::{ended, steady},
    shop::{Shop, page},
};

/// A plan with these variables, settings and secrets.
fn plan(shop: &Shop, env: &str, more: &str) -> String {
    let all = Shop::plan(&shop.host, more);
    let all = all.replace("GREETING: hello world", env);
    all.replace("app:\n", "secrets: [OLD_KEY, NEW_KEY]\napp:\n")
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let all = list.as_array().expect("a list");
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name} in {list:#}"))
}

#[tokio::test]
async fn each_deployment_says_what_is_new_and_a_rollback_what_it_does_not_take_back() {
    let shop = Shop::new("one", "").await;
    for (name, value) in [("OLD_KEY", "old-secret-value"), ("NEW_KEY", "new-secret-value")] {
        let secret = json!({ "project_id": shop.project, "name": name, "value": value });
        shop.app.call("set_secret", secret).await;
    }
    shop.plans(&plan(&shop, "GREETING: hello, KEY: \"${{ secrets.OLD_KEY }}\", OLD: \"yes\"", "")).await;
    shop.deployed(1).await;
    shop.push(
        "mkdir -p db/migrate; echo 'CREATE TABLE visitors (n BIGINT);' >db/migrate/0001_visitors.sql",
        "Count visitors",
    );
    shop.push(&page("two"), "Say two");
    let more =
        "  replicas: 2\n  domains: [\"http://shop.test\"]\n  hooks: { on_deploy: [\"echo migrated\"] }\n";
    let env = "GREETING: hello world, KEY: \"${{ secrets.NEW_KEY }}\", NEW: \"a=b\"";
    shop.plans(&plan(&shop, env, more)).await;
    shop.deployed(2).await;
    shop.deployed(3).await;
    let deployments = shop.deployments().await;
    let [third, second, first] = &deployments[..] else { panic!("{deployments:#?}") };
    let of = async |this: &Value, with: Option<&Value>| {
        let mut request = json!({ "deployment_id": this["id"] });
        if let Some(with) = with {
            request["with"] = with["id"].clone();
        }
        shop.app.call("deployment_difference", request).await
    };

    let found = of(first, None).await;
    assert_eq!((&found["with"], &found["nothing"]), (&Value::Null, &json!(false)), "{found:#}");

    let found = of(second, None).await;
    assert_eq!((&found["with"]["number"], &found["nothing"]), (&json!(1), &json!(false)), "{found:#}");
    assert_eq!(found["source"]["before"]["message"], "one");
    assert_eq!(found["source"]["after"]["message"], "Say two");
    assert_eq!(found["source"]["after"]["author"], "Ada");
    assert_eq!(found["variables"].as_array().expect("variables").len(), 4, "{found:#}");
    for (name, before, after) in [
        ("GREETING", json!("hello"), json!("hello world")),
        ("KEY", json!("‹secret OLD_KEY›"), json!("‹secret NEW_KEY›")),
        ("NEW", Value::Null, json!("a=b")),
        ("OLD", json!("yes"), Value::Null),
    ] {
        let variable = named(&found["variables"], name);
        assert_eq!((&variable["before"], &variable["after"]), (&before, &after), "{name}");
    }
    let told: Vec<&Value> =
        found["settings"].as_array().expect("settings").iter().map(|one| &one["name"]).collect();
    assert_eq!(told, ["replicas", "domains", "hooks.on_deploy"], "{found:#}");
    let replicas = named(&found["settings"], "replicas");
    assert_eq!(replicas, &json!({ "name": "replicas", "before": ["1"], "after": ["2"], "stays": false }));
    assert_eq!(named(&found["settings"], "domains")["stays"], true);
    assert_eq!(found["image"]["after"], second["image"]);
    let diff = found["plan"]["diff"].as_array().expect("a difference");
    assert!(diff.iter().any(|line| line["kind"] == "added" && line["text"] == "  replicas: 2"), "{diff:#?}");
    assert_eq!(found["hooks_between"], json!([{ "number": 2, "commands": ["echo migrated"] }]));

    let messages = |list: &Value| -> Vec<String> {
        list.as_array()
            .expect("commits")
            .iter()
            .map(|one| one["message"].as_str().expect("text").to_owned())
            .collect()
    };
    let commits = &found["commits"];
    assert_eq!(messages(&commits["came"]), ["Say two", "Count visitors"], "{found:#}");
    assert_eq!((messages(&commits["went"]).len(), &commits["is_whole"]), (0, &json!(true)), "{found:#}");
    assert_eq!(commits["migrations"], json!(["db/migrate/0001_visitors.sql"]));

    let found = of(third, None).await;
    assert_eq!((&found["with"]["number"], &found["nothing"]), (&json!(2), &json!(true)), "{found:#}");

    // What going back to the first would change, and what it would leave as it is.
    let found = of(first, Some(third)).await;
    let numbers: Vec<&Value> =
        found["hooks_between"].as_array().expect("hooks").iter().map(|ran| &ran["number"]).collect();
    assert_eq!(numbers, [&json!(2), &json!(3)], "{found:#}");
    assert_eq!(named(&found["settings"], "replicas")["after"], json!(["1"]));
    let commits = &found["commits"];
    assert_eq!(messages(&commits["went"]), ["Say two", "Count visitors"], "{found:#}");
    assert_eq!(messages(&commits["came"]).len(), 0);

    let (code, said) = ended(&mut steady(shop.data.path(), &["deployment", "shop/2"])).await;
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "What is new since deployment 1:",
        "  variable GREETING: hello → hello world",
        "  variable NEW: added, a=b",
        "  variable OLD: removed, it was yes",
        "  replicas: 1 → 2",
        "    +   replicas: 2",
        "Say two (Ada)",
        "Count visitors (Ada)",
        "  migrations that differ: db/migrate/0001_visitors.sql",
    ] {
        assert!(said.contains(part), "no “{part}” in {said}");
    }
    assert!(!said.contains("secret-value"), "{said}");
    let (_, said) = ended(&mut steady(shop.data.path(), &["deployment", "shop"])).await;
    assert!(said.contains("nothing but a new deployment"), "{said}");
    let back = ["deployment", "shop/1", "--with", "3"];
    let (_, said) = ended(&mut steady(shop.data.path(), &back)).await;
    assert!(
        said.contains("not taken back: those of deployment 2 (echo migrated), 3 (echo migrated)"),
        "{said}"
    );
    let (code, said) = ended(&mut steady(shop.data.path(), &["deployment", "shop/9"])).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("has no deployment 9"), "{said}");

    // What was brought back has the variables of the one that it takes, and the names of the one that served.
    shop.app.call("rollback", json!({ "deployment_id": first["id"] })).await;
    let run = shop.app.ended(&shop.project, 4).await;
    shop.completed(&run).await;
    let fourth = shop.deployments().await[0].clone();
    let found = of(&fourth, Some(first)).await;
    assert_eq!(found["variables"], json!([]), "{found:#}");
    let told: Vec<&Value> =
        found["settings"].as_array().expect("settings").iter().map(|one| &one["name"]).collect();
    assert_eq!(told, ["domains"], "{found:#}");
    let found = of(&fourth, None).await;
    assert_eq!(named(&found["variables"], "GREETING")["after"], "hello");
    assert_eq!(messages(&found["commits"]["went"]), ["Say two", "Count visitors"], "{found:#}");

    // A branch that goes another way has lost commits, and one that was rebuilt from nothing is not compared in full.
    shop.host.does("cd /srv/work && git reset -q --hard HEAD~2");
    shop.push("echo other >other.txt; git add -A; git commit -q -m 'Another way'; git push -q -f origin main; echo more >>other.txt", "On and on");
    shop.deployed(5).await;
    let found = of(&shop.deployments().await[0], Some(third)).await;
    assert_eq!(messages(&found["commits"]["came"]), ["On and on", "Another way"], "{found:#}");
    assert_eq!(messages(&found["commits"]["went"]), ["Say two", "Count visitors"], "{found:#}");

    // More than anybody reads, and names that are no text, keep nobody from deploying.
    shop.push(
        "printf 'x' >\"$(printf 'migrations-\\374.sql')\"; git add -A; git commit -q -m \"$(head -c 5000 /dev/zero | tr '\\0' y)\"
         for n in $(seq 60); do git commit -q --allow-empty -m \"step $n\"; done; echo last >last.txt",
        "The last of many",
    );
    shop.deployed(6).await;
    let found = of(&shop.deployments().await[0], None).await;
    assert_eq!(found["commits"]["is_whole"], false, "{found:#}");
    let came = messages(&found["commits"]["came"]);
    assert_eq!((came.len(), came[0].as_str(), came[1].as_str()), (50, "The last of many", "step 60"));
    assert_eq!(found["commits"]["went"], json!([]));
    // One that has nothing in common with what serves is told without commits.
    shop.host.does("cd /srv/work && git checkout -q --orphan other && git commit -q -m 'From nothing' && git push -q -f origin other:main && git checkout -q -B main");
    shop.push("echo more >>other.txt", "Second");
    shop.deployed(7).await;
    let found = of(&shop.deployments().await[0], None).await;
    assert_eq!(
        (&found["commits"], &found["source"]["after"]["message"]),
        (&Value::Null, &json!("Second")),
        "{found:#}"
    );
    shop.host.does("pkill caddy || true");
    shop.app.end().await;
}
