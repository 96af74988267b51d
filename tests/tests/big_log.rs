//! A log of a million lines, opened in Chromium.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use serde_json::json;
use steadyhand_tests::{app::App, browser::Page, sshd::Sshd};

const LINES: u64 = 1_000_000;
const JUMPS: u64 = 200;

/// The lines that can be seen in the full log: `shown.numbers`, `shown.texts`, and whether all of them have come.
const SHOWN: &str = r#"(() => {
    const scroller = one("[data-testid='full-log'] [data-testid='log-lines']");
    const box = scroller.getBoundingClientRect();
    const lines = [...scroller.querySelectorAll("[data-testid='log-line']")].filter((line) => {
        const { top, bottom } = line.getBoundingClientRect();
        return bottom > box.top + 1 && top < box.bottom - 1;
    });
    return {
        numbers: lines.map((line) => Number(line.querySelector('i').textContent)),
        texts: lines.map((line) => line.querySelector('.tx').textContent),
        come: lines.length > 0 && lines.every((line) => line.dataset.loaded === 'true'),
    };
})()"#;

/// A condition on the lines that can be seen: all have come, follow each other, say what they should, and `also`.
fn right(also: &str) -> String {
    format!(
        "(() => {{
            const shown = {SHOWN};
            const right = shown.come && shown.numbers.length > 15
                && shown.numbers.every((number, i) => (i === 0 || number === shown.numbers[i - 1] + 1) && shown.texts[i] === `line ${{number}}`);
            return right && ({also}) && shown;
        }})()"
    )
}

/// The heap of the page in MB, after everything was collected that can be, and how many nodes the page has.
async fn memory(page: &Page) -> (f64, u64) {
    page.devtools("HeapProfiler.collectGarbage", json!({})).await;
    let measured =
        page.ask("[performance.memory.usedJSHeapSize, document.getElementsByTagName('*').length]").await;
    (measured[0].as_f64().expect("a size") / 1e6, measured[1].as_u64().expect("a count"))
}

/// Pulls the scroll bar to a share of its way, and waits until the right lines show there.
async fn jump(page: &Page, share: f64) {
    page.run(&format!(
        "const scroller = one(\"[data-testid='full-log'] [data-testid='log-lines']\");
         scroller.scrollTop = (scroller.scrollHeight - scroller.clientHeight) * {share};"
    ))
    .await;
    // The bar has fewer pixels than the log has lines, so that a place is exact to some lines.
    let expected = share * (LINES as f64);
    page.until(
        &format!("the lines around {expected:.0}"),
        &right(&format!("Math.abs((shown.numbers[0] + shown.numbers.at(-1)) / 2 - {expected}) < 60")),
    )
    .await;
}

#[tokio::test]
async fn a_log_of_a_million_lines_opens_scrolls_and_is_searched_with_flat_memory() {
    let (sshd, data) = (Sshd::start(), tempfile::tempdir().expect("a folder"));
    let app = App::start(data.path()).await;
    let plan = format!(
        r#"name: numbers
hosts:
  web1: {}
tasks:
  count:
    on: web1
    steps:
      - name: Count
        run: seq -f 'line %.0f' {LINES}
"#,
        sshd.host()
    );
    let project = app.project("numbers", &plan).await;
    app.say(&project, "Redeploy the application").await;
    let detail = app.ended(&project, 1).await;
    assert_eq!(detail["run"]["state"], "completed", "{detail:#}");
    assert_eq!(detail["steps"][0]["attempts"][0]["lines"], LINES);

    let page = Page::chromium().await;
    page.open(&app.address()).await;
    page.click("[data-testid='project-row'][data-project='numbers']").await;
    page.click("[data-testid='run-row'][data-run='1']").await;
    page.click("[data-testid='step'][data-index='0']").await;
    let began = tokio::time::Instant::now();
    page.click("[data-testid='log-full']").await;
    page.until("the end shows", &right(&format!("shown.numbers.at(-1) === {LINES}"))).await;
    let opened = began.elapsed();
    page.picture("big-log-end").await;
    let (at_first, nodes) = memory(&page).await;

    page.run("document.activeElement?.blur();").await;
    page.keys("g").await;
    page.until("g shows the beginning", &right("shown.numbers[0] === 1")).await;
    page.keys("G").await;
    page.until("G shows the end", &right(&format!("shown.numbers.at(-1) === {LINES}"))).await;
    // From the middle, a page further with the keyboard.
    jump(&page, 0.5).await;
    let before = page.ask(&format!("{SHOWN}.numbers[0]")).await.as_u64().expect("a number");
    page.run("one(\"[data-testid='full-log'] [data-testid='log-lines']\").focus();").await;
    page.keys("\u{e00f}").await;
    let after = page
        .until(
            "Page Down goes on",
            &right(&format!("shown.numbers[0] > {before} && shown.numbers[0] < {before} + 60")),
        )
        .await;
    assert!(after["numbers"].as_array().expect("numbers").len() < 500);
    page.picture("big-log-middle").await;

    let mut at_50 = at_first;
    let began = tokio::time::Instant::now();
    for count in 1..=JUMPS {
        // Every place once, in an order that goes to and fro.
        jump(&page, ((count * 77) % JUMPS) as f64 / JUMPS as f64 * 0.998 + 0.001).await;
        if count == 50 {
            at_50 = memory(&page).await.0;
        }
    }
    let each = began.elapsed() / u32::try_from(JUMPS).expect("few");
    let (at_200, nodes_after) = memory(&page).await;
    let rows = page.ask("all(\"[data-testid='log-line']\").length").await.as_u64().expect("a count");
    println!(
        "{LINES} lines: open in {opened:.0?}; heap {at_first:.1} MB after opening, {at_50:.1} MB after 50 jumps, \
         {at_200:.1} MB after {JUMPS} jumps ({each:.0?} each); {nodes} nodes after opening, {nodes_after} at the end, \
         {rows} of them lines"
    );
    assert!(rows < 500, "{rows} lines are in the page");
    assert!(nodes_after < nodes + 1_000, "the nodes grew from {nodes} to {nodes_after}");
    assert!(at_200 - at_50 < 30.0, "the heap grew from {at_50:.1} to {at_200:.1} MB");

    page.run("document.activeElement?.blur();").await;
    page.keys("/777777").await;
    page.until(
        "the search shows the line",
        &right("shown.numbers.includes(777777) && text(at('full-log', \" [data-line='777777'] mark\")) === '777777'"),
    )
    .await;
    page.until("it is the only one", "text(at('full-log', \" [data-testid='log-found']\")) === '1 of 1'")
        .await;
    page.picture("big-log-found").await;
    page.close().await;
}
