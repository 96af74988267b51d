//! The plans that come with the application, and the schema.

use std::path::PathBuf;

use serde_json::Value;

use super::compiled;
use crate::{
    Inputs, Severity, check, schema,
    yaml::{Kind, Node, ScalarType, Source, parse},
};

/// The name and the source of each plan in the folder `plans`.
fn shipped() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../plans");
    let mut plans: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap())
        })
        .collect();
    plans.sort();
    plans
}

/// What a program without spans reads.
fn json(source: &str) -> Value {
    fn value(node: &Node) -> Value {
        match &node.kind {
            Kind::Sequence(items) => items.iter().map(value).collect(),
            Kind::Mapping(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (value(key).as_str().unwrap().to_owned(), value(node)))
                    .collect(),
            ),
            Kind::Scalar(scalar) => match scalar.scalar_type() {
                ScalarType::Null => Value::Null,
                ScalarType::Bool => scalar.text.eq_ignore_ascii_case("true").into(),
                ScalarType::Number => serde_json::from_str(&scalar.text).unwrap(),
                ScalarType::Text => scalar.text.clone().into(),
            },
        }
    }
    value(&parse(source, &Source::new(source)).unwrap().unwrap())
}

fn schema_errors(source: &str) -> Vec<String> {
    let validator = jsonschema::draft7::new(&schema()).unwrap();
    validator.iter_errors(&json(source)).map(|error| error.to_string()).collect()
}

/// Plans without an error, each with another part of the language.
const VALID: [&str; 15] = [
    "name: a\nvars: { v: '1.2' }\nhosts: { h: x }\napp: { on: h, source: { folder: ., path: apps/web } }\n",
    "name: a\nvars: { v: '1.2' }\nhosts: { h: x }\napp: { on: h, source: { archive: 'dist/shop-${{ vars.v }}.tar.gz', path: web } }\n",
    "name: a\nhosts: { h: x }\napp: { on: h, source: { bundle: dist/ }, build: { bases: { files: 'caddy:2' } } }\n",
    "name: a\nsecrets: [S]\nhosts: { h: x }\napp:\n  on: [h]\n  needs: []\n  sudo: true\n  tags: [web]\n  source: { git: x, branch: main, path: apps/web, token: '${{ secrets.S }}' }\n  build: { by: auto, target: t, args: { A: 1 }, secrets: { N: '${{ secrets.S }}' }, bases: { node: x } }\n  port: 3000\n  replicas: 2\n  resources: { cpus: 1.5, memory: 512m }\n  env: { A: b }\n  volumes: { data: /data }\n  read_only: false\n  health: { path: /health, timeout: 1m }\n  hooks: { on_new: a, on_deploy: [b, c] }\n  domains: [a.example.com]\n  drain: 10s\n  keep: 3\n",
    "name: a\ndiscover:\n  - tailscale: { tag: web, into: g, match: w*, required: false, user: d, port: 22, identity: ~/.ssh/k, jump: b }\n  - ssh_config: { match: [a*, b], into: g }\n  - command: { run: ./list, timeout: 5s, group: x, into: g }\ngroups: { h: [g] }\ntasks: { t: { on: [g, h], steps: [ { run: x } ] } }",
    "name: a\nsecrets: [S]\nnotify:\n  - slack: https://x\n  - { slack: '${{ secrets.S }}', on: [failed, started] }\n  - discord: { url: https://x, on: always }\n  - { teams: https://x, on: recovered }\n  - webhook: https://x\n  - webhook: { url: https://x, secret: '${{ secrets.S }}', on: [completed] }\n  - email: { smtp: 'smtp://x:25', from: a@b, to: c@d }\n  - email: { smtp: smtps://x, user: u, password: '${{ secrets.S }}', from: a@b, to: [c@d] }\n    on: failed\n  - desktop: true\n  - desktop: { on: failed }\ntasks: { t: { on: local, steps: [ { run: x } ] } }",
    "name: a\ntasks:\n  t:\n    on: local\n    when: facts.os == 'linux'\n    steps:\n      - { run: 'echo ${{ facts.arch }}', when: true }\n      - { upload: { from: a, to: b }, when: \"'/' in facts.disks\" }\n      - { wait_for: { command: x }, when: defined(facts.fqdn) }\n",
    "name: a\ntasks: { t: { on: local, steps: [ { run: 'true' } ] } }",
    "name: a\nhosts:\ngroups:\nvars:\nsecrets:\ntasks: { t: { on: [local], steps: [ { name: n, run: 'x' } ] } }",
    "name: a\nhosts: { w: d@h, x: { address: h, user: d, port: 22, identity: ~/.ssh/k, jump: w, tags: [a] }, y: 'd@[::1]:22' }\ngroups: { g: [w, x] }\ntasks: { t: { on: [g, y], steps: [ { run: x } ] } }",
    "name: a\nvars: { n: 1, f: 1.5, t: true, s: text, p: 22 }\nhosts: { w: { address: h, port: '${{ vars.p }}' } }\ntasks: { t: { on: w, needs: [], steps: [ { run: x, env: { A: 1, B: true, C: '' } } ] } }",
    "name: a\ntasks:\n  t:\n    on: local\n    steps:\n      - run: x\n        cwd: /\n        shell: login\n        timeout: 5m\n        retries: { times: 3, backoff: 1s }\n        creates: /x\n        unless: a\n        onlyif: b\n  u: { on: local, needs: [t], steps: [ { upload: { from: a, to: b }, timeout: 1h30m, retries: { times: 1 } } ] }",
    "name: a\ntasks: { t: { on: local, steps: [ { wait_for: { http: 'http://x', status: 204, timeout: 1m, interval: 500ms } }, { wait_for: { tcp: 'x:1' } }, { wait_for: { command: x }, unless: y } ] } }",
    "name: a\nsecrets: [A]\ntasks: { t: { on: local, steps: [ { run: 'echo ${{ secrets.A }} ${{ env.HOME }} ${{ host.name }}' } ] } }",
    "name: a\ntasks: { one: &t { on: local, steps: [ { run: x } ] }, two: *t }",
];

#[test]
fn every_shipped_plan_is_valid_and_satisfies_the_schema() {
    let plans = shipped();
    for name in [
        "certificates",
        "docker-compose",
        "git-application",
        "hardened-host",
        "postgres-backup",
        "rolling-release",
        "static-site",
    ] {
        assert!(plans.iter().any(|(file, _)| *file == format!("{name}.yaml")), "{name} is missing");
    }
    for (name, source) in plans {
        let checked = check(&source);
        let problems: Vec<_> =
            checked.diagnostics.iter().filter(|found| found.severity != Severity::Note).collect();
        assert!(problems.is_empty(), "{name}: {problems:#?}");
        assert_eq!(schema_errors(&source), Vec::<String>::new(), "{name}");
        let plan = compiled(&source, &Inputs::default());
        assert!(
            plan.steps.iter().all(|step| !step.name.is_empty() && step.name.chars().count() <= 80),
            "{name}"
        );
        assert!(source.starts_with("# "), "{name} begins with what it is for");
    }
}

#[test]
fn every_valid_plan_satisfies_the_schema() {
    for source in VALID {
        compiled(source, &Inputs { env: [("HOME".to_owned(), "/".to_owned())].into(), ..Inputs::default() });
        assert_eq!(schema_errors(source), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn a_key_that_plans_do_not_have_satisfies_neither_the_schema_nor_the_check() {
    let plan = "name: a\nhosts: { w: { address: h } }\ntasks: { t: { on: w, steps: [ { run: x }, { wait_for: { tcp: 'x:1' } }, { upload: { from: a, to: b }, retries: { times: 1 } } ] } }";
    assert_eq!(schema_errors(plan), Vec::<String>::new());
    for (before, after) in [
        ("name: a", "name: a\nnmae: b"),
        ("address: h", "address: h, adress: i"),
        ("on: w", "on: w, onn: w"),
        ("run: x", "run: x, rnu: y"),
        ("tcp: 'x:1'", "tcp: 'x:1', tpc: y"),
        ("from: a", "from: a, form: b"),
        ("times: 1", "times: 1, tiems: 2"),
        ("run: x", "run: x, upload: { from: a, to: b }"),
        ("run: x", "name: nothing"),
        ("on: w, ", ""),
        ("name: a\n", ""),
        ("run: x", "run: 1"),
        ("run: x", "run: x, timeout: 5"),
        ("run: x", "run: x, cwd:"),
        ("run: x", "run: x, when: [a]"),
        ("run: x", "run: x, when: 5"),
        ("on: w", "on: w, when: { a: b }"),
    ] {
        let source = plan.replacen(before, after, 1);
        assert_ne!(source, plan);
        assert!(!schema_errors(&source).is_empty(), "the schema takes {source}");
        assert!(check(&source).plan.is_none(), "the check takes {source}");
    }
}

#[test]
fn the_schema_explains_every_key() {
    fn look(schema: &Value, path: &str, missing: &mut Vec<String>) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (key, property) in properties {
                if property.get("description").is_none() {
                    missing.push(format!("{path}/{key}"));
                }
            }
        }
        match schema {
            Value::Object(fields) => {
                fields.iter().for_each(|(key, value)| look(value, &format!("{path}/{key}"), missing))
            }
            Value::Array(items) => items.iter().for_each(|item| look(item, path, missing)),
            _ => {}
        }
    }
    let mut missing = Vec::new();
    look(&schema(), "", &mut missing);
    assert_eq!(missing, Vec::<String>::new());
    assert_eq!(schema()["title"], "Steadyhand plan");
}
