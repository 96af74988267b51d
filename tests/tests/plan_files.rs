//! Commands about a plan's file: what it lists and draws, and how a first one is written.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test that calls them")]

use std::{fs, process::Stdio};

use steadyhand_tests::{
    app::program,
    command::{ended, steady, told},
};
use tokio::process::Command;

const PLAN: &str = "name: shop\nhosts: { w1: d@192.0.2.1, w2: d@192.0.2.2 }\ngroups: { web: [w1, w2] }\ntasks:\n  deploy:\n    on: web\n    needs: [build, test]\n    tags: [release]\n    steps: [ { run: x }, { run: y } ]\n  build: { on: local, steps: [ { run: x } ] }\n  test: { on: local, needs: [build], steps: [ { run: x } ] }\n";

#[tokio::test]
async fn the_tasks_of_a_plan_are_listed_and_drawn_in_the_order_in_which_they_run() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("plan.yaml"), PLAN).expect("the plan");
    // Without a name it is the usual one of this folder.
    let (code, said) = ended(steady(folder.path(), &["list"]).current_dir(folder.path())).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        said,
        "task    on      steps     needs, tags\n\
         build   local   1 step\n\
         test    local   1 step    needs build\n\
         deploy  w1, w2  2 steps   needs build, test; tagged release\n"
    );
    let (code, said) = ended(steady(folder.path(), &["graph"]).current_dir(folder.path())).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        said,
        "flowchart LR\n  t0[\"build<br/>1 step on local\"]\n  t1[\"test<br/>1 step on local\"]\n  \
         t2[\"deploy<br/>2 steps on w1, w2\"]\n  t0 --> t1\n  t0 --> t2\n  t1 --> t2\n"
    );
    let (code, said) = ended(steady(folder.path(), &["list", "none.yaml"]).current_dir(folder.path())).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("the plan none.yaml cannot be read")
            || said.contains("The plan none.yaml cannot be read"),
        "{said}"
    );
}

#[tokio::test]
async fn a_first_plan_is_written_once_is_right_and_runs() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let shop = folder.path().join("shop");
    fs::create_dir(&shop).expect("a folder");
    let at = |arguments: &[&str]| {
        let mut command = steady(data.path(), arguments);
        command.current_dir(&shop);
        command
    };
    let (code, said) = told(&mut at(&["init"]), "not a terminal, so nothing is asked\n").await;
    assert_eq!(code, Some(0), "{said}");
    let written = fs::read_to_string(shop.join("plan.yaml")).expect("the plan");
    assert!(written.contains("\nname: shop\n"), "{written}");
    let (code, said) = ended(&mut at(&["run", "plan.yaml"])).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = ended(&mut at(&["init"])).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("plan.yaml is there already and stays as it is"), "{said}");
    assert_eq!(fs::read_to_string(shop.join("plan.yaml")).expect("the plan"), written);

    let host = ["init", "host.yaml", "--name", "Ana's shop", "--host", "deploy@192.0.2.7:2222"];
    assert_eq!(ended(&mut at(&host)).await.0, Some(0));
    let (code, said) = ended(&mut at(&["list", "host.yaml"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("hello  web1"), "{said}");
    let (code, said) = ended(&mut at(&["init", "bad.yaml", "--host", "-oProxyCommand=x"])).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(!shop.join("bad.yaml").exists());
    let (code, said) = ended(&mut at(&["init", "site.yaml", "--from", "static-site"])).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = ended(&mut at(&["validate", "site.yaml", "host.yaml", "plan.yaml"])).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.lines().filter(|line| line.contains(": valid; ")).count(), 3, "{said}");
    let (code, said) = ended(&mut at(&["init", "x.yaml", "--from", "nothing"])).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("static-site"), "it says what there is: {said}");
}

#[tokio::test]
async fn on_a_terminal_a_first_plan_is_made_of_answers() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let init = format!("{} init", program("steady").display());
    // `script` gives the command a terminal.
    let mut command = Command::new("script");
    command.args(["-qec", &init, "/dev/null"]).current_dir(folder.path()).env("STEADYHAND_DATA", data.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let (code, said) = told(&mut command, "my shop\ndeploy@192.0.2.9\n").await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Name of the plan [") && said.contains("Server to deploy to"), "{said}");
    let written = fs::read_to_string(folder.path().join("plan.yaml")).expect("the plan");
    assert!(
        written.contains("name: \"my shop\"\n") && written.contains("  web1: \"deploy@192.0.2.9\"\n"),
        "{written}"
    );
}

#[tokio::test]
async fn a_shell_reads_what_completes_commands() {
    let data = tempfile::tempdir().expect("a folder");
    for (shell, sign) in
        [("bash", "complete -F _steady"), ("zsh", "#compdef steady"), ("fish", "complete -c steady")]
    {
        let (code, text) = ended(&mut steady(data.path(), &["completions", shell])).await;
        assert_eq!(code, Some(0), "{text}");
        assert!(
            text.contains(sign) && text.contains("dry-run") && text.contains("completions"),
            "{shell}: {text}"
        );
        let path = data.path().join(shell);
        fs::write(&path, text).expect("the completions");
        if shell == "bash" {
            // bash itself offers what it was told.
            let script = format!(
                ". {}; COMP_WORDS=(steady va); COMP_CWORD=1; _steady steady va steady; echo \"${{COMPREPLY[@]}}\"",
                path.display()
            );
            let offered = Command::new("bash").args(["-c", &script]).stdin(Stdio::null()).output().await;
            assert_eq!(String::from_utf8_lossy(&offered.expect("bash").stdout).trim(), "validate");
        }
    }
    let (code, _) = ended(&mut steady(data.path(), &["completions", "csh"])).await;
    assert_eq!(code, Some(2));
}
