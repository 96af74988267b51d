//! Running a part of a plan.

use super::compiled;
use crate::{CompiledPlan, Inputs, Selection, SelectionError, check, compile, select};

const FLEET: &str = r#"name: fleet
hosts:
  a1: deploy@203.0.113.1
  a2: { address: 203.0.113.2, tags: [old] }
  b1: { address: 203.0.113.3, tags: [old] }
groups: { a: [a1, a2], b: [b1], all: [b, a, a1] }
secrets: [KEY]
tasks:
  build: { on: local, tags: [slow], steps: [ { run: make } ] }
  deploy: { on: all, needs: [build], tags: [web], steps: [ { run: one }, { run: "two ${{ secrets.KEY }}" } ] }
  check: { on: a, needs: [deploy], tags: [web, slow], steps: [ { run: three } ] }
  other: { on: b1, steps: [ { run: four } ] }
"#;

fn chosen(selection: &Selection) -> Result<CompiledPlan, SelectionError> {
    let plan = check(FLEET).plan.expect("a plan");
    select(&plan, compile(&plan, &Inputs::default()).expect("its steps"), selection)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[track_caller]
fn runs(selection: &Selection, expected: &[&str]) {
    let plan = chosen(selection).expect("something is left");
    let steps: Vec<String> =
        plan.steps.iter().map(|step| format!("{} {} {}", step.task, step.host, step.name)).collect();
    assert_eq!(steps, expected);
    assert!((0..).zip(&plan.steps).all(|(index, step)| step.index == index));
    let known: Vec<&str> = plan.tasks.iter().map(|task| task.name.as_str()).collect();
    assert!(plan.tasks.iter().flat_map(|task| &task.needs).all(|need| known.contains(&need.as_str())));
    assert!(plan.steps.iter().all(|step| plan.hosts.contains_key(&step.host)));
}

#[test]
fn groups_contain_groups_and_each_host_comes_once() {
    let plan = compiled(FLEET, &Inputs::default());
    assert_eq!(plan.tasks[1].hosts, ["b1", "a1", "a2"]);
}

#[test]
fn everything_runs_when_nothing_is_chosen() {
    assert_eq!(chosen(&Selection::default()), Ok(compiled(FLEET, &Inputs::default())));
}

#[test]
fn a_task_comes_with_all_that_it_needs() {
    let selection = Selection { tasks: words(&["deploy"]), ..Selection::default() };
    runs(
        &selection,
        &[
            "build local make",
            "deploy b1 one",
            "deploy b1 two ‹secret KEY›",
            "deploy a1 one",
            "deploy a1 two ‹secret KEY›",
            "deploy a2 one",
            "deploy a2 two ‹secret KEY›",
        ],
    );
}

#[test]
fn tags_choose_tasks_alone_and_leave_tasks_out() {
    let tagged = Selection { tags: words(&["slow"]), ..Selection::default() };
    runs(&tagged, &["build local make", "check a1 three", "check a2 three"]);
    let without = Selection { skip_tags: words(&["web"]), ..Selection::default() };
    runs(&without, &["build local make", "other b1 four"]);
    assert_eq!(chosen(&without).expect("a plan").secrets, [] as [&str; 0], "nothing that is left needs one");
}

#[test]
fn a_task_in_the_middle_that_is_left_out_leaves_the_order_of_the_others() {
    let selection = Selection { tags: words(&["slow"]), ..Selection::default() };
    let plan = chosen(&selection).expect("something is left");
    let needs: Vec<_> = plan.tasks.iter().map(|task| (task.name.as_str(), task.needs.as_slice())).collect();
    assert_eq!(needs, [("build", &[][..]), ("check", &["build".to_owned()][..])]);
}

#[test]
fn a_share_of_the_hosts_is_a_share_of_those_that_were_chosen() {
    let source = FLEET.replace("needs: [build],", "needs: [build], strategy: { rolling: { batch: 67% } },");
    let plan = check(&source).plan.expect("a plan");
    let compiled = compile(&plan, &Inputs::default()).expect("its steps");
    assert_eq!(compiled.tasks[1].rollout.batch, 2);
    let selection = Selection { hosts: words(&["a"]), ..Selection::default() };
    let chosen = select(&plan, compiled, &selection).expect("something is left");
    assert_eq!(chosen.tasks[1].rollout.batch, 1);
}

#[test]
fn hosts_are_chosen_by_name_by_group_and_by_tag() {
    let on = |hosts: &[&str]| Selection { hosts: words(hosts), ..Selection::default() };
    runs(&on(&["b"]), &["deploy b1 one", "deploy b1 two ‹secret KEY›", "other b1 four"]);
    runs(
        &on(&["old"]),
        &[
            "deploy b1 one",
            "deploy b1 two ‹secret KEY›",
            "deploy a2 one",
            "deploy a2 two ‹secret KEY›",
            "check a2 three",
            "other b1 four",
        ],
    );
    let both = Selection { tasks: words(&["check"]), hosts: words(&["a1"]), ..Selection::default() };
    runs(&both, &["deploy a1 one", "deploy a1 two ‹secret KEY›", "check a1 three"]);
}

#[test]
fn tasks_before_the_first_one_are_left_out() {
    let selection = Selection { start_at: Some("check".into()), ..Selection::default() };
    runs(&selection, &["check a1 three", "check a2 three", "other b1 four"]);
}

#[test]
fn what_the_plan_does_not_have_is_named_with_what_was_meant() {
    let says = |selection: Selection, message: &str| {
        assert_eq!(chosen(&selection).expect_err("it is refused").to_string(), message);
    };
    says(
        Selection { tasks: words(&["deplyo"]), ..Selection::default() },
        "the plan has no task `deplyo`. Did you mean `deploy`? Nothing was run.",
    );
    says(
        Selection { skip_tags: words(&["nightly"]), ..Selection::default() },
        "the plan has no tag `nightly`. It has slow, web. Nothing was run.",
    );
    says(
        Selection { hosts: words(&["loca"]), ..Selection::default() },
        "the plan has no host, group or tag of a host `loca`. Did you mean `local`? Nothing was run.",
    );
    says(
        Selection { tags: words(&["slow"]), hosts: words(&["b"]), ..Selection::default() },
        "nothing is left to run: no task of the plan has a step on these hosts and with these tags",
    );
}
