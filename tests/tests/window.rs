//! The main job in the app's own window.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::process::Command;

use steadyhand_tests::browser::Page;

const HEADLINE: &str = "Version two of the practice page";

/// Whether a colour as the browser computes it, `rgb(r, g, b)`, is mostly its channel number `which`.
fn mostly(which: usize, colour: &str) -> bool {
    let channels: Vec<f64> = colour
        .split(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .filter_map(|number| number.parse().ok())
        .collect();
    (0..3).all(|other| other == which || channels[which] > channels[other] * 1.3)
}

#[tokio::test]
async fn typing_redeploy_the_application_brings_out_the_page_that_was_edited_step_by_step() {
    let data = tempfile::tempdir().expect("a folder");
    let page = Page::window(data.path()).await;
    page.click("[data-testid='project-row'][data-project='Practice']").await;

    // The headline of the application is marked and typed over.
    page.click("[data-testid='tab-plan']").await;
    page.click("[data-testid='plan-part-application']").await;
    page.click("[data-testid='practice-source']").await;
    page.focused("[data-testid='practice-source']").await;
    page.until("the source is there", "at('practice-source').value.includes('</h1>')").await;
    page.run(
        "const area = at('practice-source');
         const from = area.value.indexOf('<h1>') + '<h1>'.length;
         area.setSelectionRange(from, area.value.indexOf('</h1>'));",
    )
    .await;
    page.until(
        "the headline is marked",
        "at('practice-source').selectionStart < at('practice-source').selectionEnd",
    )
    .await;
    page.keys(HEADLINE).await;
    page.until(
        "the headline is typed",
        &format!("at('practice-source').value.includes('<h1>{HEADLINE}</h1>')"),
    )
    .await;
    page.picture("window-application").await;
    page.click("[data-testid='practice-save']").await;
    // The button rests also while it is being saved.
    page.until(
        "the application is saved",
        "at('practice-save').disabled && text(one(\"[data-testid='practice'] [role='status']\")) === 'Saved'",
    )
    .await;
    let site = page.until("its address shows", "text(at('practice-link'))?.split(' ')[0]").await;
    let site = format!("http://{}/", site.as_str().expect("an address"));

    page.click("[data-testid='tab-runs']").await;

    // From here on, the page notes what every step looked like and when lines came to the screen.
    page.run(
        "window.seen = {};
         window.lines = {};
         window.builtAt = 0;
         const note = () => {
            for (const step of all(\"[data-testid='step']\")) {
                const states = window.seen[step.dataset.index] ??= {};
                if (text(step).startsWith('Build') && step.dataset.state === 'completed') window.builtAt ||= performance.now();
                states[step.dataset.state] ??= getComputedStyle(step.firstElementChild).color;
            }
            for (const line of all(\"[data-testid='log-line']\")) {
                if (shows(line)) window.lines[text(line.querySelector('.tx'))] ??= performance.now();
            }
         };
         new MutationObserver(note).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });",
    )
    .await;
    page.say("Redeploy the application").await;
    page.until("the run appears", "at('run-view', \"[data-run='1']\")").await;

    let build = "all(\"[data-testid='step']\").find((step) => text(step).startsWith('Build'))";
    let line = page
        .until(
            "a line of the build shows while the build runs",
            &format!(
                "{build}?.dataset.state === 'running'
                 && all(`[data-testid='step-log'][data-step='${{{build}.dataset.index}}'] [data-testid='log-line']`)
                    .filter(shows).map((line) => text(line.querySelector('.tx'))).find((line) => line.startsWith('Building version'))"
            ),
        )
        .await;
    page.picture("window-running").await;
    page.until("the run completes", "at('run-status')?.dataset.state === 'completed'").await;
    page.until(
        "every step is completed",
        "all(\"[data-testid='step']\").length === 6 && all(\"[data-testid='step']\").every((step) => step.dataset.state === 'completed')",
    )
    .await;
    page.picture("window-completed").await;

    let seen = page.ask("window.seen").await;
    let colour = |step: &str, state: &str| seen[step][state].as_str().unwrap_or_default().to_owned();
    for step in ["0", "1", "2", "3", "4", "5"] {
        assert!(mostly(1, &colour(step, "completed")), "step {step} is green when it has completed: {seen}");
    }
    let running: Vec<&str> = ["0", "1", "2", "3", "4", "5"]
        .into_iter()
        .filter(|step| seen[step].get("running").is_some())
        .collect();
    assert!(running.contains(&"2"), "the build was seen running: {seen}");
    for step in running {
        assert!(mostly(2, &colour(step, "running")), "step {step} is blue while it runs: {seen}");
    }

    // The line was on the screen long before the build ended.
    let came = page.ask("window.lines").await[line.as_str().expect("a line")].as_f64().expect("when it came");
    let ended = page.ask("window.builtAt").await.as_f64().expect("when the build ended");
    assert!(ended - came > 1_000.0, "the line came {} ms before the end of the build", ended - came);

    let answer = reqwest::Client::builder().no_proxy().build().expect("a client").get(&site).send().await;
    let html = answer.expect("the application answers").text().await.expect("its page");
    assert!(html.contains(HEADLINE), "{site} answers with\n{html}");
    page.close().await;
    // What was deployed would go on; nobody else knows of it.
    let hello = data.path().join("practice/server/hello");
    let ended = Command::new(hello.join("source/service")).arg("stop").arg(&hello).status();
    assert!(ended.expect("the application's own program starts").success());
}
