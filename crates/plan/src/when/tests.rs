//! Conditions: what they mean, and what is said about those that mean nothing.

use std::collections::BTreeMap;

use steadyhand_domain::{Disk, Facts, Init, PackageManager, Sudo};

use super::{
    parser::parse,
    tree::{Expression, Kind},
};
use crate::{CompiledPlan, CompiledStep, Diagnostic, Inputs, check, compile};

mod any_text;

/// A plan with a condition on its one step.
fn plan(when: &str) -> String {
    format!(
        "name: a\nhosts:\n  web1: {{ address: 10.0.0.1, user: deploy, tags: [web, eu] }}\n\
         vars: {{ port: 8080, debug: true, name: shop, skip: \"\" }}\nsecrets: [TOKEN]\ntasks:\n  t:\n    on: web1\n    steps:\n\
         \x20     - run: x\n        when: {when}\n"
    )
}

fn compiled(source: &str) -> Result<CompiledPlan, Vec<Diagnostic>> {
    let env = BTreeMap::from([("CI".to_owned(), "1".to_owned())]);
    let checked = check(source);
    let Some(plan) = checked.plan else { return Err(checked.diagnostics) };
    compile(&plan, &Inputs { env, vars: BTreeMap::new() })
}

fn step(when: &str) -> CompiledStep {
    // In a block every character of a condition stands for itself.
    let source = plan(&format!("|\n          {when}"));
    compiled(&source).unwrap_or_else(|problems| panic!("{when}: {problems:?}")).steps.remove(0)
}

fn facts() -> Facts {
    Facts {
        os: Some("linux".to_owned()),
        os_family: Some("debian".to_owned()),
        version: Some("12.5".to_owned()),
        kernel: Some("6.1.0-18-amd64".to_owned()),
        cpu_count: Some(4),
        memory: Some(8_000_000_000),
        disks: Some(vec![Disk { mount: "/".to_owned(), size: 10, free: 5 }]),
        addresses: Some(vec!["10.0.0.1".to_owned(), "fe80::1".to_owned()]),
        package_manager: Some(PackageManager::Apt),
        init: Some(Init::Systemd),
        sudo: Some(Sudo::Passwordless),
        clock_offset: Some(-0.25),
        ..Facts::default()
    }
}

/// Whether a step with this condition is carried out.
fn holds(when: &str) -> Result<bool, String> {
    let step = step(when);
    // What a later process reads is what was compiled.
    let json = serde_json::to_string(&step).unwrap();
    let step: CompiledStep = serde_json::from_str(&json).unwrap();
    step.skipped(&facts()).map(|skipped| skipped.is_none())
}

#[test]
fn conditions_mean_what_they_say() {
    for (when, expected) in [
        ("true", true),
        ("false", false),
        ("facts.os_family == \"debian\" and not defined(vars.nothing)", true),
        ("facts.os_family == 'debian' and defined(vars.nothing)", false),
        ("facts.os_family != \"debian\"", false),
        ("facts.os_family in [\"debian\", \"redhat\"]", true),
        ("facts.os_family not in [\"debian\", \"redhat\"]", false),
        ("facts.version >= \"12\"", true),
        ("facts.version >= \"9\"", true),
        ("facts.version < \"12.10\"", true),
        ("facts.version == \"12\"", false),
        ("facts.kernel > \"5.15\"", true),
        ("facts.cpu_count >= 4", true),
        ("facts.cpu_count > 4", false),
        ("facts.memory >= 8000000000", true),
        ("facts.clock_offset < -0.2 and facts.clock_offset > -0.3", true),
        ("\"10.0.0.1\" in facts.addresses", true),
        ("\"10.0.0\" in facts.addresses", false),
        ("\"/\" in facts.disks", true),
        ("\"amd\" in facts.kernel", true),
        ("facts.package_manager == \"apt\"", true),
        ("facts.init in [\"systemd\"]", true),
        ("defined(facts.fqdn)", false),
        ("defined(facts.fqdn) and facts.fqdn == \"x\"", false),
        ("not defined(facts.fqdn) or facts.fqdn == \"x\"", true),
        ("vars.debug", true),
        ("not vars.debug", false),
        ("vars.debug == true", true),
        ("vars.port == 8080", true),
        ("vars.port == \"8080\"", true),
        ("vars.port > 80", true),
        ("vars.port in [80, 8080]", true),
        ("vars.port in [80, \"x\", true]", false),
        ("vars.name == 'shop'", true),
        ("vars.name in \"the shop\"", true),
        ("vars.skip == \"\"", true),
        ("defined(vars.skip)", true),
        ("env.CI == 1", true),
        ("env.CI == \"1\" and not defined(env.NOT_SET_ANYWHERE)", true),
        ("defined(env.NOT_SET_ANYWHERE) and env.NOT_SET_ANYWHERE == \"x\"", false),
        ("host.name == \"web1\"", true),
        ("\"web\" in host.tags", true),
        ("\"db\" in host.tags", false),
        ("host.port == 22", true),
        ("host.user == \"deploy\" and host.address == \"10.0.0.1\"", true),
        ("vars.port < facts.memory", true),
        ("\"it\\'s\" == 'it\\'s'", true),
        ("1 in []", false),
    ] {
        assert_eq!(holds(when), Ok(expected), "{when}");
    }
}

#[test]
fn comparisons_bind_most_tightly_then_not_then_and_then_or() {
    fn shape(expression: &Expression) -> String {
        let all = |parts: &[Expression], sign: &str| {
            format!("({})", parts.iter().map(shape).collect::<Vec<_>>().join(sign))
        };
        match &expression.kind {
            Kind::Text(text) => format!("{text:?}"),
            Kind::Number(number) => number.to_string(),
            Kind::Truth(truth) => truth.to_string(),
            Kind::List(items) => format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(",")),
            Kind::Name(name) => name.name.clone(),
            Kind::Defined(name, _) => format!("{}?", name.name),
            Kind::Not(part) => format!("!{}", shape(part)),
            Kind::All(parts) => all(parts, "&"),
            Kind::Any(parts) => all(parts, "|"),
            Kind::Compare(operator, a, b) => format!("({}{}{})", shape(a), operator.sign(), shape(b)),
            Kind::In(a, b) => format!("({}~{})", shape(a), shape(b)),
        }
    }
    let check = |text: &str, expected: &str| assert_eq!(shape(&parse(text).unwrap()), expected, "{text}");
    check("vars.a or vars.b and vars.c", "(a|(b&c))");
    check("vars.a and vars.b or vars.c", "((a&b)|c)");
    check("(vars.a or vars.b) and vars.c", "((a|b)&c)");
    check("vars.a and vars.b and vars.c", "(a&b&c)");
    check("not vars.a and vars.b", "(!a&b)");
    check("not (vars.a and vars.b)", "!(a&b)");
    check("not vars.a == 1", "!(a==1)");
    check("not not vars.a", "!!a");
    check("vars.a == 1 or vars.b != -2.50", "((a==1)|(b!=-2.5))");
    check("vars.a in [1, 'x',] and vars.b", "((a~[1,\"x\"])&b)");
    check("vars.a not in vars.b", "!(a~b)");
    check("not vars.a in vars.b", "!(a~b)");
    check("defined(vars.a-b)and(vars.c)", "(a-b?&c)");
    check("vars.a==1", "(a==1)");
    check("\n vars.a\n  and\tvars.b ", "(a&b)");
}

#[test]
fn what_is_known_before_the_run_is_decided_before_it() {
    let certain = |when: &str| {
        let step = step(when);
        match step.when.as_slice() {
            [] => Some(true),
            [only] => only.certain(),
            _ => panic!("{when}: {:?}", step.when),
        }
    };
    for (when, expected) in [
        ("vars.port == 8080", Some(true)),
        ("host.name == \"web2\"", Some(false)),
        ("facts.os == \"linux\" and vars.port == 1", Some(false)),
        ("vars.port == 1 and facts.os == \"linux\"", Some(false)),
        ("facts.os == \"linux\" or vars.debug", Some(true)),
        ("facts.os == \"linux\" and vars.debug", None),
        ("not facts.os == \"linux\"", None),
        ("defined(facts.os)", None),
    ] {
        assert_eq!(certain(when), expected, "{when}");
        let step = step(when);
        assert_eq!(step.needs_facts(), expected.is_none(), "{when}");
        assert_eq!(step.never().is_some(), expected == Some(false), "{when}");
    }
    let never = step("host.name ==\n            'web2'").never().unwrap();
    assert_eq!(never.to_string(), "not needed: `host.name == 'web2'` is false");
}

#[test]
fn the_condition_of_a_task_is_that_of_each_of_its_steps_first() {
    let source = |task: &str, step: &str| {
        format!(
            "name: a\nhosts: {{ a: u@a, b: u@b }}\ntasks:\n  t:\n    on: [a, b]\n    when: {task}\n    steps:\n\
             \x20     - run: x\n        when: {step}\n      - upload: {{ from: a, to: b }}\n      - wait_for: {{ tcp: \"a:1\" }}\n        when: {step}\n"
        )
    };
    let plan = compiled(&source("facts.os == 'linux'", "facts.cpu_count > 1")).unwrap();
    let conditions: Vec<usize> = plan.steps.iter().map(|step| step.when.len()).collect();
    assert_eq!(conditions, [2, 1, 2, 2, 1, 2]);
    assert_eq!(plan.steps[0].when[0].when, "facts.os == 'linux'");
    let plan = compiled(&source("host.name == 'a'", "facts.cpu_count > 1")).unwrap();
    let never: Vec<bool> = plan.steps.iter().map(|step| step.never().is_some()).collect();
    assert_eq!(never, [false, false, false, true, true, true]);
    let plan = compiled(&source("facts.os == 'linux'", "false")).unwrap();
    assert_eq!(plan.steps[0].never().unwrap().to_string(), "not needed: `false` is false");
    assert!(plan.steps[1].never().is_none());
    // What is executed is bound by its name.
    let other = compiled(&source("facts.os == 'darwin'", "false")).unwrap();
    assert_ne!(plan.sha256, other.sha256);
}

#[test]
fn a_condition_that_has_no_answer_on_a_host_is_an_error_there() {
    let error = holds("facts.fqdn == \"a.example\"").unwrap_err();
    assert!(error.contains("the host does not tell `facts.fqdn`"), "{error}");
    assert!(error.contains("`facts.fqdn == \"a.example\"`"), "{error}");
}

/// Every mistake, with its place: line 11, and the columns of what is marked.
#[test]
fn every_mistake_has_its_place_and_says_what_to_do() {
    let mut said = String::new();
    for when in [
        // Words and signs.
        "vars.debug && vars.skip",
        "vars.debug || true",
        "!vars.debug",
        "vars.name = 'x'",
        "vars.name === 'x'",
        "vars.name <> 'x'",
        "vars.name =~ 'x'",
        "${{ vars.debug }}",
        "$HOME == 'x'",
        "vars.name | lower == 'x'",
        "vars.port + 1 == 2",
        "vars.name == 'x",
        "vars.name == 'x\\n'",
        "facts.version >= 12.04.1",
        "facts.memory > 2GB",
        "vars.name == “x”",
        "vars.debug; reboot",
        // Shape.
        "vars.debug and",
        "and vars.debug",
        "(vars.debug",
        "vars.debug)",
        "(vars.debug vars.debug)",
        "vars.name in [1, 2",
        "vars.name in [1 2]",
        "vars.name ==",
        "1 < vars.port < 9",
        "vars.name == 'x' == true",
        "vars.name is defined",
        "vars.name is not defined",
        "vars.debug AND vars.debug",
        "vars.name contains 'x'",
        "vars.name not 'x'",
        "defined vars.name",
        "defined('x')",
        "defined(vars.name, vars.port)",
        "len(vars.name) > 1",
        "facts.disks[0] == '/'",
        "not",
        "()",
        // Names.
        "debian",
        "facts.os_family == debian",
        "True and vars.debug",
        "os_family == 'debian'",
        "facts",
        "facts.os_famly == 'debian'",
        "facts.colour == 'red'",
        "fact.os == 'linux'",
        "ansible.os == 'linux'",
        "secrets.TOKEN == 'x'",
        "steps.a.stdout == 'x'",
        "vars.prot == 1",
        "vars.nothing == 1",
        "host.nmae == 'x'",
        "vars. == 1",
        "host.a.b == 1",
        "defined(facts.os_famly)",
        // Types.
        "vars.name",
        "facts.os",
        "facts.cpu_count",
        "host.tags",
        "'facts.os == \"linux\"'",
        "12",
        "[vars.debug]",
        "not facts.os",
        "facts.cpu_count == '4'",
        "facts.version >= 12",
        "facts.os > true",
        "vars.debug > true",
        "true > false",
        "facts.disks == '/'",
        "facts.disks in ['/']",
        "facts.cpu_count in facts.addresses",
        "facts.cpu_count in 'x'",
        "'x' in facts.cpu_count",
        "facts.os in [1, 'x']",
        "'x' in [['x']]",
        "facts.init == 'systmd'",
        "facts.package_manager in ['apt', 'rpm']",
        "vars.name == 5",
        "vars.name == true",
        "vars.name > facts.cpu_count",
    ] {
        let source = plan(&format!("|\n          {when}"));
        let problems = compiled(&source).expect_err(when);
        for problem in problems {
            assert_eq!(problem.line, 12, "{when}: {problem:?}");
            let from = usize::try_from(problem.column).unwrap() - 11;
            let to = usize::try_from(problem.end_column).unwrap() - 11;
            let length = when.chars().count();
            assert!(from <= to && to <= length, "{when}: {problem:?}");
            let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            let marks = "^".repeat((to - from).max(1));
            said.push_str(&format!("{when}\n{}{marks} {}{hint}\n", " ".repeat(from), problem.message));
        }
        said.push('\n');
    }
    insta::assert_snapshot!(said);
}

/// Where in the source a mistake is, whatever YAML made of the text.
#[test]
fn a_mistake_is_found_in_every_style_of_yaml() {
    for when in [
        "vars.debug and vars.prot == 1",
        "'vars.debug and vars.prot == 1'",
        "\"vars.debug and vars.prot == 1\"",
        "\"vars.name == \\\"x\\\" and vars.prot == 1\"",
        "'vars.name == ''x'' and vars.prot == 1'",
        ">\n          vars.debug\n          and vars.prot == 1",
        "|\n          vars.debug\n          and vars.prot == 1",
        "vars.debug and\n          vars.prot == 1",
        "\"vars.debug \\\n          and vars.prot == 1\"",
        "\"vars.name == '\\x41' and vars.prot == 1\"",
        "vars.name == 'ä→😀' and vars.prot == 1",
        "  vars.prot == 1 # vars.port",
    ] {
        let source = plan(when);
        let (line, text) = source.lines().enumerate().find(|(_, line)| line.contains("vars.prot")).unwrap();
        let column = text[..text.find("vars.prot").unwrap()].chars().count();
        let problem = compiled(&source).expect_err(when).remove(0);
        let start = (problem.line as usize - 1, problem.column as usize - 1);
        let end = (problem.end_line as usize - 1, problem.end_column as usize - 1);
        assert_eq!((start, end), ((line, column), (line, column + 9)), "{when}: {problem:?}");
    }
    // What is missing is missed at the end.
    let problem = compiled(&plan("vars.debug and")).unwrap_err().remove(0);
    assert_eq!((problem.line, problem.column, problem.end_column), (11, 29, 29));
}

#[test]
fn yaml_values_that_are_no_condition_are_refused() {
    for (when, message) in [
        ("", "must be a condition, but is nothing"),
        ("[vars.debug]", "must be a condition, but is a list"),
        ("{ a: b }", "must be a condition, but is a mapping"),
        ("\" \"", "must be a condition"),
        ("12", "expected a condition"),
    ] {
        let problems = compiled(&plan(when)).expect_err(when);
        assert!(problems[0].message.contains(message), "{when}: {problems:?}");
    }
    assert!(compiled(&plan("true")).unwrap().steps[0].when.is_empty());
    assert!(compiled(&plan("false")).unwrap().steps[0].never().is_some());
    assert!(compiled(&plan("False")).is_err());
}

#[test]
fn what_needs_an_environment_variable_that_is_not_there_is_said_before_the_run() {
    let source = plan("env.NOT_SET_ANYWHERE == 'x'");
    assert!(check(&source).plan.is_some());
    let problems = compiled(&source).unwrap_err();
    assert!(problems[0].message.contains("no variable `NOT_SET_ANYWHERE`"), "{problems:?}");
    assert_eq!((problems[0].line, problems[0].column), (11, 15));
}

#[test]
fn size_and_depth_are_bounded() {
    let check = |text: &str, is_fine: bool| assert_eq!(parse(text).is_ok(), is_fine, "{}", text.len());
    check(&format!("{}true{}", "(".repeat(16), ")".repeat(16)), true);
    check(&format!("{}true{}", "(".repeat(17), ")".repeat(17)), false);
    check(&format!("{}true", "not ".repeat(16)), true);
    check(&format!("{}true", "not ".repeat(17)), false);
    check(&"(".repeat(100_000), false);
    check(&"not ".repeat(2000), false);
    check(&format!("true{}", " and true".repeat(400)), true);
    check(&format!("true{}", " and true".repeat(600)), false);
    // The deepest one that is taken comes back from its JSON.
    let deepest = (1..16).rev().find_map(|levels| {
        let text = format!(
            "{}facts.os == 'a'{}",
            "facts.os == 'b' or not (facts.cpu_count > 1 and true == (".repeat(levels),
            "))".repeat(levels)
        );
        parse(&text).is_ok().then_some(text)
    });
    assert!(holds(&deepest.unwrap()).is_ok());
}
