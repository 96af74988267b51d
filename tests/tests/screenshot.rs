//! Pictures of the pages of applications, with a real browser, a real host and real containers.
#![allow(clippy::expect_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use steadyhand_tests::{
    app::App,
    shop::{Shop, dockerfile},
};

/// A page that is drawn by its script, after it was loaded: in blue where it is asked for by its name.
const PAGE: &str = r#"cat >index.html <<'END'
<!doctype html><title>Shop</title><body><script>
setTimeout(() => { document.body.style.background = location.host === 'shop.test' ? '#336699' : '#ff0000'; }, 300);
</script>
END
"#;

/// Steadyhand that takes pictures with the browsers that are in `path`, instead of the one that runs.
async fn takes_pictures(shop: &mut Shop, path: &str) {
    let app = App::start_with(shop.data.path(), |command| {
        command.env("STEADYHAND_SCREENSHOTS", "on").env("PATH", path);
    })
    .await;
    std::mem::replace(&mut shop.app, app).end().await;
}

/// The newest deployment's picture, or why there is none, once either is known.
async fn known(shop: &Shop) -> Value {
    let deployment = json!({ "deployment_id": shop.deployments().await[0]["id"] });
    shop.app
        .wait_for("a picture", async |app| {
            let found = app.call("screenshot", deployment.clone()).await;
            let reason = found["reason"].as_str().unwrap_or_default();
            (!reason.starts_with("The window and")).then_some(found)
        })
        .await
}

/// The colour in the middle of a picture that is 1280 × 800 pixels.
fn colour(found: &Value) -> [u8; 3] {
    let png = STANDARD.decode(found["png_base64"].as_str().expect("a picture")).expect("base64");
    assert!(png.len() < 300_000, "{} bytes", png.len());
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    assert_eq!((info.width, info.height), (1280, 800));
    let at = 400 * info.line_size + 640 * info.color_type.samples();
    pixels[at..at + 3].try_into().expect("three of them")
}

fn pictures(data: &Path) -> usize {
    std::fs::read_dir(data.join("screenshots")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn the_page_of_what_serves_is_kept_as_a_picture_or_why_it_is_not() {
    let mut shop = Shop::new("one", "  domains: [\"http://shop.test\"]\n").await;
    let path = std::env::var("PATH").expect("folders of programs");
    takes_pictures(&mut shop, &path).await;
    shop.is_reached_from_here().await;
    shop.push(PAGE, "a page");
    shop.deployed(1).await;
    let found = known(&shop).await;
    assert_eq!(found["kind"], "taken", "{found:#}");
    assert_eq!(colour(&found), [0x33, 0x66, 0x99]);
    let first = shop.deployments().await[0].clone();
    assert_eq!(first["screenshot_at"], found["taken_at"], "{first:#}");
    assert_eq!(pictures(shop.data.path()), 1);

    // A page that waits for an answer that never comes, as those do that are told of what is new.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let asks = silent.local_addr().expect("its address");
    shop.push(
        &format!(
            "echo '<!doctype html><body style=\"background: #228833\"><script>fetch(\"http://{asks}/\", {{ mode: \"no-cors\" }})</script>' >index.html"
        ),
        "a page that waits",
    );
    shop.deployed(2).await;
    let found = known(&shop).await;
    assert_eq!(found["kind"], "taken", "{found:#}");
    assert_eq!(colour(&found), [0x22, 0x88, 0x33]);
    assert_eq!(pictures(shop.data.path()), 2);

    shop.push(&dockerfile("exec busybox httpd -f -p 3000 -h /tmp"), "no page");
    shop.deployed(3).await;
    let found = known(&shop).await;
    assert_eq!(found["reason"], "It answered 404 at /, so there is no page to show.", "{found:#}");

    takes_pictures(&mut shop, "/nonexistent").await;
    shop.deployed(4).await;
    let found = known(&shop).await;
    assert!(found["reason"].as_str().is_some_and(|why| why.starts_with("No browser")), "{found:#}");
    assert_eq!(shop.states().await, ["ready", "superseded", "superseded", "superseded"]);

    // That of an earlier deployment stays for as long as its image, and goes with its project.
    let earlier = shop.app.call("screenshot", json!({ "deployment_id": first["id"] })).await;
    assert_eq!(earlier["kind"], "taken", "{earlier:#}");
    shop.app.call("remove_project", json!({ "project_id": shop.project })).await;
    assert_eq!(pictures(shop.data.path()), 0);
    shop.host.does("pkill caddy || true");
    shop.app.end().await;
}
