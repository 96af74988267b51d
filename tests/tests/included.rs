//! Plans of several files, from the command line and in the window.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::fs;

use serde_json::json;
use steadyhand_tests::{
    app::{App, states},
    command::{ended, steady},
};

const PLAN: &str = "name: shop\ninclude: [../common/base.yaml]\ntasks:\n  deploy:\n    on: local\n    needs: [prepare]\n    steps:\n      - run: echo deployed to ${{ vars.region }}\n";
const BASE: &str = "vars: { region: eu }\ntasks:\n  prepare:\n    on: local\n    steps:\n      - run: echo prepared for ${{ vars.region }}\n";

#[tokio::test]
async fn a_plan_runs_with_what_it_includes_wherever_it_is_started_from() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    for name in ["shop", "common"] {
        fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    let (plan, base) = (folder.path().join("shop/plan.yaml"), folder.path().join("common/base.yaml"));
    fs::write(&plan, PLAN).expect("the plan");
    fs::write(&base, BASE).expect("the file");
    let path = plan.to_str().expect("a path");
    let (code, said) = ended(&mut steady(data.path(), &["run", path, "--var", "region=us"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("prepared for us") && said.contains("deployed to us"), "{said}");
    let (code, said) = ended(&mut steady(data.path(), &["run", path, "--var", "regoin=us"])).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("has no variable `regoin` to set; it has region"), "{said}");

    // The window has the plan, and finds what it includes where the file was.
    let app = App::start(data.path()).await;
    let projects = app.call("projects", json!({})).await;
    let project = projects[0]["id"].as_str().expect("a project").to_owned();
    let of = json!({ "project_id": project });
    let view = app.call("plan", of.clone()).await;
    assert_eq!(view["check"]["problems"], json!([]));
    assert_eq!(view["check"]["outline"]["tasks"][0]["file"], "../common/base.yaml");
    let shown = app.call("preview", of.clone()).await;
    // What is included belongs to what is shown: when it changes, what was shown does not run.
    fs::write(&base, BASE.replace("region: eu", "region: asia")).expect("the file");
    let start = json!({ "project_id": project, "rendered_sha256": shown["rendered_sha256"] });
    let refused = app.try_call("start_run", start).await.expect_err("it has changed");
    assert_eq!(refused.code, "conflict");
    app.say(&project, "Redeploy the application").await;
    assert_eq!(states(&app.ended(&project, 2).await), ["completed", "completed"]);
    // A plan that is being written is checked with the files of its project.
    let wrong = PLAN.replace("vars.region", "vars.regoin");
    let check = app.call("check_plan", json!({ "source": wrong, "project_id": project })).await;
    assert_eq!(check["problems"][0]["hint"], "did you mean `vars.region`?");
    app.end().await;
}

#[tokio::test]
async fn a_mistake_in_a_file_that_is_included_is_told_with_that_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let path = at("plan.yaml").display().to_string();
    fs::write(at("plan.yaml"), PLAN.replace("../common/base.yaml", "base.yaml")).expect("the plan");
    let validate = async || ended(&mut steady(folder.path(), &["validate", &path])).await;
    let (code, said) = validate().await;
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("plan.yaml:2:11: error: the file `base.yaml` cannot be included: No such file"),
        "{said}"
    );
    fs::write(at("base.yaml"), BASE.replace("- run:", "- rnu:")).expect("the file");
    let (code, said) = validate().await;
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains(&format!("{}:6:9: error: a step has no key `rnu`", at("base.yaml").display())),
        "{said}"
    );
    let (code, said) = ended(&mut steady(folder.path(), &["run", &path])).await;
    assert_eq!(code, Some(2), "{said}");
    fs::write(at("base.yaml"), format!("include: [plan.yaml]\n{BASE}")).expect("the file");
    let (_, said) = validate().await;
    assert!(
        said.contains("files include each other in a circle: plan.yaml → base.yaml → plan.yaml"),
        "{said}"
    );
}
