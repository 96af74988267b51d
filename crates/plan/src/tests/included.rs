//! Plans of several files.

use crate::{Checked, Files, Inputs, check, check_with, compile};

const MAIN: &str = "name: shop\ninclude: [hosts.yaml, ../common/base.yaml]\nvars: { port: 8080 }\ntasks:\n  deploy:\n    on: web\n    needs: [prepare]\n    steps:\n      - run: echo ${{ vars.port }} ${{ vars.region }} ${{ secrets.KEY }}\n";
const HOSTS: &str = "hosts: { w1: d@192.0.2.1 }\ngroups: { web: [w1] }\n";
const BASE: &str = "name: base\ninclude: secrets.yaml\nvars: { region: eu }\ntasks:\n  prepare:\n    on: web\n    steps:\n      - run: echo ${{ vars.region }}\n";
const SECRETS: &str = "secrets: [KEY]\n";

fn files(files: &[(&str, &str)]) -> Files {
    let mut all = Files::beside("plan.yaml");
    for (path, text) in files {
        all.insert(*path, Ok((*text).to_owned()));
    }
    all
}

fn all() -> Files {
    files(&[("hosts.yaml", HOSTS), ("../common/base.yaml", BASE), ("../common/secrets.yaml", SECRETS)])
}

fn said(checked: &Checked) -> Vec<String> {
    checked.diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn what_other_files_have_belongs_to_the_plan_and_comes_before_its_own() {
    let checked = check_with(MAIN, &all());
    assert_eq!(said(&checked), Vec::<String>::new());
    let plan = compile(&checked.plan.unwrap(), &Inputs::default()).unwrap();
    assert_eq!(plan.name, "shop");
    let tasks: Vec<&str> = plan.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(tasks, ["prepare", "deploy"]);
    assert_eq!(plan.tasks[1].hosts, ["w1"]);
    assert_eq!(plan.secrets, ["KEY"]);
    let (prepare, deploy) = (&checked.outline.tasks[0], &checked.outline.tasks[1]);
    assert_eq!((prepare.file.as_deref(), prepare.line), (Some("../common/base.yaml"), 5));
    assert_eq!((deploy.file.as_deref(), deploy.line), (None, 5));
    assert_eq!(checked.outline.vars, ["region", "port"]);
}

#[test]
fn who_is_told_by_an_included_file_is_told_and_each_once() {
    let told = |main: &str, base: &str| {
        let given = files(&[("base.yaml", base)]);
        let main = format!(
            "name: a\ninclude: [base.yaml]\n{main}tasks: {{ t: {{ on: local, steps: [ {{ run: x }} ] }} }}\n"
        );
        check_with(&main, &given).plan.unwrap().notify.len()
    };
    let notify = "notify: [ { desktop: true, on: [failed] } ]\n";
    assert_eq!((told("", notify), told(notify, ""), told(notify, notify)), (1, 1, 2));
}

#[test]
fn the_hash_covers_what_is_included() {
    let hash = |base: &str| {
        let mut files = all();
        files.insert("../common/base.yaml", Ok(base.to_owned()));
        compile(&check_with(MAIN, &files).plan.unwrap(), &Inputs::default()).unwrap().sha256
    };
    assert_eq!(hash(BASE), hash(&BASE.replace("name: base", "# a comment\nname: base")));
    assert_ne!(hash(BASE), hash(&BASE.replace("region: eu", "region: us")));
}

#[test]
fn a_plan_says_which_files_it_wants_until_it_has_them_and_nothing_about_what_they_may_have() {
    let wants = |given: &[(&str, &str)], expected: &[&str]| {
        let checked = check_with(MAIN, &files(given));
        assert_eq!((said(&checked), checked.plan.is_none()), (Vec::new(), true));
        assert_eq!(checked.wanted, expected);
    };
    wants(&[], &["../common/base.yaml", "hosts.yaml"]);
    wants(&[("hosts.yaml", HOSTS)], &["../common/base.yaml"]);
    wants(&[("hosts.yaml", HOSTS), ("../common/base.yaml", BASE)], &["../common/secrets.yaml"]);
    assert_eq!(check("name: a\ninclude: [b.yaml]\n").wanted, ["b.yaml"]);
    // What is wrong with the plan itself is said all the same.
    let checked = check("name: a\ninclude: [b.yaml]\nvras: {}\n");
    assert_eq!(said(&checked), ["3:1: error: a plan has no key `vras` (did you mean `vars`?)"]);
}

#[test]
fn a_mistake_is_named_with_its_file_line_and_column() {
    let check = |path: &str, text: &str, expected: &[&str]| {
        let mut files = all();
        files.insert(path, Ok(text.to_owned()));
        assert_eq!(said(&check_with(MAIN, &files)), expected);
    };
    check(
        "hosts.yaml",
        "hosts:\n  w1: {}\ngroups: { web: [w1] }\n",
        &[
            "hosts.yaml:2:3: error: a host needs `address` (write `address: 203.0.113.10`, or a name)",
            "hosts.yaml:3:17: error: there is no host or group `w1` (there are `local` and `web`)",
        ],
    );
    check(
        "../common/base.yaml",
        "include: secrets.yaml\nvars: { region: eu }\ntasks:\n  prepare:\n    on: wbe\n    steps:\n      - run: echo ${{ vars.x }}\n",
        &[
            "../common/base.yaml:5:9: error: there is no host or group `wbe` (did you mean `web`?)",
            "../common/base.yaml:7:19: error: the variable `x` is not defined (add it: `vars: { x: … }`)",
        ],
    );
    check(
        "hosts.yaml",
        "hosts: { w1: d@192.0.2.1\n",
        &[
            "hosts.yaml:2:1: error: not valid YAML: while parsing a flow mapping, did not find expected ',' or '}' (between brackets, a text with one of `[`, `]`, `{`, `}` or `,` in it needs quotes)",
        ],
    );
}

#[test]
fn a_name_in_two_files_is_an_error_with_both_places() {
    let mut files = all();
    files.insert(
        "hosts.yaml",
        Ok(format!("{HOSTS}vars: {{ port: 1 }}\ntasks:\n  prepare: {{ on: w1, steps: [ {{ run: x }} ] }}\n")),
    );
    let hint = "(a name means one thing in a plan and all that it includes: rename or remove one of them)";
    assert_eq!(
        said(&check_with(MAIN, &files)),
        [
            format!("3:9: error: the variable `port` stands here and in hosts.yaml, line 3 {hint}"),
            format!(
                "../common/base.yaml:5:3: error: the task `prepare` stands here and in hosts.yaml, line 5 {hint}"
            ),
        ]
    );
}

#[test]
fn files_that_include_each_other_are_shown_as_a_path() {
    let tasks = "tasks: { t: { on: local, steps: [ { run: x } ] } }\n";
    let given = files(&[("a/b.yaml", "include: [c.yaml]\n"), ("a/c.yaml", "include: [../plan.yaml]\n")]);
    let checked = check_with(&format!("name: a\ninclude: [a/b.yaml]\n{tasks}"), &given);
    let circle = "a/c.yaml:1:11: error: files include each other in a circle: plan.yaml → a/b.yaml → a/c.yaml → plan.yaml (take one of these `include` out)";
    assert_eq!(said(&checked), [circle]);
    // What is reached on two ways is no circle, and is there once.
    let given = files(&[
        ("a.yaml", "include: [c.yaml]\n"),
        ("b.yaml", "include: [c.yaml]\n"),
        ("c.yaml", "vars: { x: 1 }\n"),
    ]);
    let checked = check_with(&format!("name: a\ninclude: [a.yaml, b.yaml, ./a.yaml]\n{tasks}"), &given);
    assert_eq!(said(&checked), Vec::<String>::new());
}

#[test]
fn a_file_that_cannot_be_read_or_named_says_why_where_it_is_included() {
    let mut given = Files::default();
    given.insert("b.yaml", Err("No such file or directory".to_owned()));
    let checked = check_with("name: a\ninclude: [b.yaml]\n", &given);
    assert_eq!(
        said(&checked),
        [
            "2:11: error: the file `b.yaml` cannot be included: No such file or directory (it is looked for as seen from the file that includes it; check the path)"
        ]
    );
    let checked = check(
        "name: a\ninclude: ['${{ vars.x }}.yaml', {}]\ntasks: { t: { on: local, steps: [ { run: x } ] } }",
    );
    assert_eq!(checked.diagnostics.len(), 2, "{:?}", checked.diagnostics);
    given.insert("b.yaml", Ok("# nothing\n".to_owned()));
    assert_eq!(
        said(&check_with("name: a\ninclude: [b.yaml]\n", &given)),
        ["1:1: error: neither the plan nor a file that it includes has `tasks`, so there is nothing to do"]
    );
}

#[test]
fn a_mistake_in_the_values_of_a_run_is_named_with_its_file_too() {
    let mut files = all();
    files.insert(
        "hosts.yaml",
        Ok("hosts: { w1: 'd@${{ env.ADDRESS }}' }\ngroups: { web: [w1] }\n".to_owned()),
    );
    let problems = compile(&check_with(MAIN, &files).plan.unwrap(), &Inputs::default()).unwrap_err();
    assert!(
        problems[0].to_string().starts_with("hosts.yaml:1:17: error: the environment has no variable"),
        "{problems:?}"
    );
}
