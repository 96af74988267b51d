//! Stack traces of what serves in the original source: in what its containers write, and in the chat.
#![allow(clippy::expect_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use steadyhand_tests::{
    app::PATIENCE,
    command::{documents, ended, steady},
    dockerd::IMAGE,
    model_server::ModelServer,
    shop::{Shop, page},
};
use tokio::time::timeout;

const BUNDLE: &str = include_str!("../../crates/deploy/tests/source_maps/dist/server.js");
const MAP: &str = include_str!("../../crates/deploy/tests/source_maps/dist/server.js.map");
/// What Node 20 writes when it runs that bundle in /app/dist.
const TRACE: &str = "Error: A cup has no price
    at e (/app/dist/server.js:1:39)
    at t (/app/dist/server.js:1:134)
    at r.pay (/app/dist/server.js:1:312)
    at async i (/app/dist/server.js:1:353)";
const ORIGINAL: [&str; 4] = [
    "    at src/routes/cart.ts:11:15 (costOf)",
    "    at src/routes/cart.ts:20:12 (total)",
    "    at src/server.ts:13:12 (pay)",
    "    at async src/server.ts:18:16",
];
const STEP: &str = "Keep the source maps";

/// Puts the bundle and its map into the image of the application, and has its container write the trace when it starts. There is no
/// Node in the image: a shell writes what Node writes.
fn with_a_bundle(shop: &Shop) -> String {
    shop.host.writes("/srv/work/server.js", BUNDLE);
    shop.host.writes("/srv/work/server.js.map", MAP);
    shop.host.writes("/srv/work/trace", TRACE);
    // One that has its map in itself, and one of a package, which is none of the application's.
    let inline = STANDARD.encode(MAP);
    let code = BUNDLE.replace(
        "sourceMappingURL=server.js.map",
        &format!("sourceMappingURL=data:application/json;charset=utf-8;base64,{inline}"),
    );
    shop.host.writes("/srv/work/inline.mjs", &code);
    format!(
        "cat >Dockerfile <<'END'\nFROM {IMAGE}\nRUN busybox mkdir -p /w /app/dist /app/node_modules/x\nCOPY index.html /w/\n\
         COPY server.js server.js.map inline.mjs trace /app/dist/\nCOPY server.js.map /app/node_modules/x/index.js.map\nEXPOSE 3000\n\
         CMD [\"sh\", \"-c\", \"busybox cat /app/dist/trace; exec busybox httpd -f -p 3000 -h /w\"]\nEND\n"
    )
}

/// The lines that the containers of a deployment have written.
async fn written(shop: &Shop, deployment: &Value) -> Vec<Value> {
    let request = json!({ "deployment_id": deployment["id"], "lines": 100 });
    let log = shop.app.call("container_log", request).await;
    log["lines"].as_array().expect("lines").clone()
}

/// What is answered to a message.
async fn asked(shop: &Shop, text: &str) -> String {
    let before = shop.app.message_count(&shop.project).await;
    shop.app.say(&shop.project, text).await;
    let answer = shop.app.answer(&shop.project, before, |_| true).await;
    answer["text"].as_str().expect("a text").to_owned()
}

/// Has the host unpack with busybox from now on; the image that is there has one.
fn has_the_tar_of_busybox(shop: &Shop) {
    shop.host.does(&format!(
        "id=$(docker create {IMAGE} sh); docker cp -q $id:/bin/busybox /usr/local/bin/busybox 2>/dev/null || \
         docker cp $id:/bin/busybox /usr/local/bin/busybox >/dev/null; docker rm $id >/dev/null
         ln -sf busybox /usr/local/bin/tar; tar --help 2>&1 | grep -q BusyBox"
    ));
}

/// The deployments whose maps are kept.
fn kept(data: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(data.join("source_maps")).expect("the folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_trace_in_a_containers_log_or_in_the_chat_is_shown_in_the_original_source() {
    let shop = Shop::new("one", "  keep: 1\n").await;
    let run = shop.deployed(1).await;
    assert_eq!(shop.log_of(&run, STEP).await, "It has no source maps.\n");
    assert!(!shop.data.path().join("source_maps").exists());
    assert!(!asked(&shop, TRACE).await.contains("cart.ts"), "nothing is known of it");

    shop.push(&with_a_bundle(&shop), "a bundle");
    let run = shop.deployed(2).await;
    assert_eq!(shop.log_of(&run, STEP).await, "Kept: 2 source maps.\n");
    let second = shop.deployments().await[0].clone();
    let lines = written(&shop, &second).await;
    assert_eq!(lines[0]["text"], "Error: A cup has no price", "{lines:#?}");
    assert_eq!(lines[0].get("original"), None, "{lines:#?}");
    for (line, (raw, original)) in lines[1..].iter().zip(TRACE.lines().skip(1).zip(ORIGINAL)) {
        assert_eq!((&line["text"], &line["original"]), (&json!(raw), &json!(original)));
    }
    let (code, said) = ended(&mut steady(shop.data.path(), &["logs", "shop", "--container"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(ORIGINAL.iter().all(|line| said.contains(line)) && !said.contains("server.js"), "{said}");
    let (_, said) = ended(&mut steady(shop.data.path(), &["logs", "shop", "--container", "--json"])).await;
    let told = documents("logs --container", &said);
    assert_eq!((&told[1]["text"], &told[1]["original"]), (&lines[1]["text"], &lines[1]["original"]));

    // What is kept has nothing of the source but names of files and of what is in them.
    let id = second["id"].as_str().expect("an identifier");
    assert_eq!(kept(shop.data.path()), [id]);

    let answer = asked(&shop, &format!("A customer sent me this:\n\n{TRACE}")).await;
    assert!(answer.starts_with("In the source of deployment 2, which serves (commit "), "{answer}");
    assert!(ORIGINAL.iter().all(|line| answer.contains(line)), "{answer}");
    let of_a_browser =
        "e@https://shop.example.com/dist/inline.mjs:1:39\nt@https://shop.example.com/dist/inline.mjs:1:134";
    let answer = asked(&shop, of_a_browser).await;
    assert!(answer.contains("src/routes/cart.ts:11:15 (costOf)"), "{answer}");
    let other = asked(&shop, "why does /app/dist/server.js:1:39 fail?").await;
    assert!(!other.contains("cart.ts"), "{other}");

    // A fresh container of the same release takes them over, without another look into the image.
    let (code, said) = ended(&mut steady(shop.data.path(), &["restart", "shop"])).await;
    assert_eq!(code, Some(0), "{said}");
    let third = shop.deployments().await[0].clone();
    assert_eq!(written(&shop, &third).await[1]["original"], ORIGINAL[0]);

    // The tar of busybox does it as well.
    has_the_tar_of_busybox(&shop);
    shop.push(&page("three"), "three");
    let run = shop.deployed(4).await;
    assert_eq!(shop.log_of(&run, STEP).await, "Kept: 2 source maps.\n");
    let fourth = shop.deployments().await[0].clone();
    assert_eq!(written(&shop, &fourth).await[1]["original"], ORIGINAL[0]);

    // With a model, the question beside a trace is answered, by a model that is told where the trace is.
    let server = ModelServer::start("chat").await.expect("the model server");
    let model = json!({ "base_url": server.base_url(), "model": "test-model" });
    shop.app.call("save_model", model).await;
    let question = format!("How are you? And what is this:\n\n{TRACE}");
    assert_eq!(asked(&shop, &question).await, "Well, and ready to go on.");
    let requests = server.requests().await.expect("what it received");
    let messages = requests.last().expect("a request")["messages"].as_array().expect("messages");
    let told = messages.last().expect("a message")["content"].as_str().expect("a text");
    assert!(told.starts_with(&question) && ORIGINAL.iter().all(|line| told.contains(line)), "{told}");
    let said = shop.app.call("messages", json!({ "project_id": shop.project, "limit": 2 })).await;
    assert_eq!(said[0]["text"], question, "what was said stays as it is: {said:#}");
    // When no model answers, the maps do.
    let other = json!({ "base_url": "http://127.0.0.1:9", "model": "test-model" });
    shop.app.call("save_model", other).await;
    let before = shop.app.message_count(&shop.project).await;
    shop.app.say(&shop.project, TRACE).await;
    let is_told = |text: &str| ORIGINAL.iter().all(|line| text.contains(line));
    shop.app.answer(&shop.project, before, |answer| is_told(answer["text"].as_str().expect("a text"))).await;

    // They go with their image.
    for number in 5..=6 {
        shop.push(&page(&number.to_string()), "again");
        shop.plans(&Shop::plan(&shop.host, "  keep: 1\n  source_maps: false\n")).await;
        let run = shop.deployed(number).await;
        assert_eq!(shop.log_of(&run, STEP).await, "The plan says `source_maps: no`.\n");
    }
    let gone = async {
        while !kept(shop.data.path()).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("they are removed");
    let lines = written(&shop, &shop.deployments().await[0]).await;
    assert!(lines.iter().all(|line| line.get("original").is_none()), "{lines:#?}");
    shop.app.end().await;
}

#[tokio::test]
async fn names_and_links_in_an_image_do_nothing_on_its_host() {
    let shop = Shop::new("one", "").await;
    shop.host.writes("/srv/victim", "as it was");
    shop.host.writes("/srv/work/server.js", BUNDLE);
    shop.host.writes("/srv/work/server.js.map", MAP);
    let inline = format!("//# sourceMappingURL=data:application/json;base64,{}", STANDARD.encode(MAP));
    shop.host.writes("/srv/work/inline.js", &inline);
    // Names that are options of tar, one of them below a folder that is called like a bundle; and links in that folder to what is of
    // the host, where the map of a bundle could come to lie.
    let dockerfile = |names: &[&str]| {
        let names = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(" ");
        format!(
            "cat >Dockerfile <<'END'\nFROM {IMAGE}\nRUN busybox mkdir -p /w /app /d.js '/app/[slug]'\nCOPY index.html /w/\n\
             COPY server.js server.js.map /app/\nCOPY server.js.map /app/[slug]/page.js.map\nCOPY inline.js /d.js/a.js\n\
             RUN busybox ln -s /srv/victim /d.js/a.js.inline && busybox ln -s /srv/victim /d.js/a.js.map && \
             busybox ln -s /srv /d.js/out.js && busybox ln -s /srv/victim /victim.js && \
             for name in {names}; do echo x >\"/$name\" && echo x >\"/d.js/$name\"; done\nEXPOSE 3000\n\
             CMD [\"sh\", \"-c\", \"exec busybox httpd -f -p 3000 -h /w\"]\nEND\n"
        )
    };
    // An option that busybox does not know would keep its tar from doing anything, so it gets none but one that it knows.
    let of_both = "--to-command=cd ~; touch pwned;:.js";
    let of_gnu = [
        of_both,
        " --to-command=cd ~; touch pwned;:.js",
        "--checkpoint=1.js",
        "--checkpoint-action=exec=cd ~; touch pwned;:.js",
        "--use-compress-program=cd ~; touch pwned;:.js.map",
    ];
    // One of those names is that of a map, below a folder; what is in it is none, which shows when it is read.
    for (number, tar, names, count) in [(1, "GNU", &of_gnu[..], 4), (2, "busybox", &[of_both][..], 3)] {
        if number == 2 {
            has_the_tar_of_busybox(&shop);
        }
        shop.push(&format!("{}{}", dockerfile(names), page(tar)), tar);
        let run = shop.deployed(number).await;
        let log = shop.log_of(&run, STEP).await;
        assert_eq!(log, format!("Kept: {count} source maps.\n"), "{tar}");
        let newest = shop.deployments().await[0].clone();
        let id = newest["id"].as_str().expect("an identifier");
        let folder = shop.data.path().join("source_maps").join(id);
        let mut bundles: Vec<String> =
            serde_json::from_slice(&std::fs::read(folder.join("bundles.json")).expect("kept"))
                .expect("a list");
        bundles.sort();
        assert_eq!(bundles, ["/app/[slug]/page.js", "/app/server.js", "/d.js/a.js"], "{tar}");
        assert_eq!(shop.host.asked("cat /srv/victim"), "as it was\n", "{tar}");
        assert_eq!(shop.host.asked("find /root /srv /tmp /var/lib/steadyhand -name pwned"), "", "{tar}");
        // Nothing of what was unpacked is left.
        shop.host.does("! ls -d /var/lib/steadyhand/apps/shop/releases/*/maps.d 2>/dev/null");
    }
    shop.app.end().await;
}
