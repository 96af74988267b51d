//! Going on from where an earlier run ended.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "what goes wrong ends the test")]

use std::fs;

use serde_json::json;
use steadyhand_tests::{
    app::{App, states},
    command::{ended, steady},
    sshd::Sshd,
};

/// Two hosts, of which `b` fails in its second step until there is a file; a third task needs them.
fn plan(sshd: &Sshd) -> String {
    sshd.plan_on(
        &["a", "b"],
        r#"  deploy:
    on: [a, b]
    strategy: serial
    steps:
      - name: First
        run: echo first-${{ host.name }} >> "$HOME/ran"
      - name: Second
        run: |
          [ ${{ host.name }} = a ] || [ -e "$HOME/mended" ] || exit 1
          echo second-${{ host.name }} >> "$HOME/ran"
  after:
    on: a
    needs: [deploy]
    steps:
      - name: Third
        run: echo third >> "$HOME/ran"
"#,
    )
}

#[tokio::test]
async fn a_run_goes_on_from_its_failed_step_and_says_which_run_did_the_rest() {
    let (sshd, data) = Sshd::known();
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&sshd)).await;
    let first = app.call("start_run", json!({ "project_id": project })).await;
    let failed = app.ended(&project, 1).await;
    assert_eq!(states(&failed), ["completed", "completed", "completed", "failed", "skipped"]);
    app.call("retry_run", json!({ "run_id": first["id"], "again": "rest" })).await;
    let failed = app.ended(&project, 2).await;
    assert_eq!(states(&failed), ["skipped", "skipped", "skipped", "failed", "skipped"], "{failed:#}");
    assert_eq!(sshd.ran(), ["first-a", "second-a", "first-b"], "nothing was done twice");

    fs::write(sshd.home().join("mended"), "").expect("mended");
    // Going on from the second run, the reasons still name the first one, which did it.
    let (code, said) = ended(&mut steady(data.path(), &["retry", "shop/2", "--from-failed"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("completed in run 1"), "{said}");
    let done = app.ended(&project, 3).await;
    assert_eq!(states(&done), ["skipped", "skipped", "skipped", "completed", "completed"]);
    assert_eq!(done["steps"][2]["reason"], json!({ "kind": "completed_in_run", "run": 1 }));
    assert_eq!(done["run"]["trigger"], "retry");
    assert_eq!(sshd.ran(), ["first-a", "second-a", "first-b", "second-b", "third"]);

    let refused = app.try_call("retry_run", json!({ "run_id": done["run"]["id"], "again": "rest" })).await;
    let refused = refused.expect_err("nothing is left");
    assert_eq!((refused.code.as_str(), refused.message.contains("left nothing to do")), ("conflict", true));
    app.end().await;
}

#[tokio::test]
async fn a_changed_plan_goes_on_from_the_failed_step_unless_what_was_done_is_another_thing_now() {
    let (sshd, data) = Sshd::known();
    let app = App::start(data.path()).await;
    let project = app.project("shop", &plan(&sshd)).await;
    let first = app.call("start_run", json!({ "project_id": project })).await;
    app.ended(&project, 1).await;
    let save = async |source: &str| {
        let view = app.call("plan", json!({ "project_id": project })).await;
        let base = view["sha256"].clone();
        app.call("save_plan", json!({ "project_id": project, "source": source, "base_sha256": base })).await;
    };
    let rest = json!({ "run_id": first["id"], "again": "rest_of_current_plan" });
    save(&plan(&sshd).replace("echo first-", "echo other-")).await;
    let refused =
        app.try_call("retry_run", rest.clone()).await.expect_err("a step that was done has changed");
    assert_eq!(refused.code, "conflict");
    assert!(
        refused.message.contains("“First” on a, which completed in run 1, is not in the plan any more"),
        "{refused:?}"
    );
    save(&plan(&sshd).replace("echo third", "echo changed")).await;
    fs::write(sshd.home().join("mended"), "").expect("mended");
    app.call("retry_run", rest).await;
    let done = app.ended(&project, 2).await;
    assert_eq!(states(&done), ["skipped", "skipped", "skipped", "completed", "completed"], "{done:#}");
    assert_eq!(sshd.ran(), ["first-a", "second-a", "first-b", "second-b", "changed"]);
    app.end().await;
}
