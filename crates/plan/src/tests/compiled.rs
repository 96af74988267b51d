//! What comes out of a compilation.

use steadyhand_domain::Guard;

use super::compiled;
use crate::{
    Action, Code, CompiledHost, CompiledPlan, Diagnostic, FORMAT, Inputs, Probe, Retries, Rollout, check,
    compile, outline,
};

#[test]
fn strategies_say_how_many_hosts_come_in_each_wave() {
    let check = |strategy: &str, expected: Rollout| {
        let source = format!(
            "name: a\nhosts: {{ a: x, b: x, c: x, d: x, e: x }}\ntasks:\n  t:\n    on: [a, b, c, d, e]\n    strategy: {strategy}\n    steps: [ {{ run: x }} ]\n"
        );
        let plan = compiled(&source, &Inputs::default());
        assert_eq!(plan.tasks[0].rollout, expected, "{strategy}");
        plan.steps.len()
    };
    let all = Rollout::default();
    check("parallel", all);
    check("serial", Rollout { batch: 1, ..all });
    check("{ parallel: 2 }", Rollout { at_once: 2, ..all });
    check("{ rolling: {} }", Rollout { batch: 1, ..all });
    check("{ rolling: { batch: 50% } }", Rollout { batch: 2, ..all });
    check("{ rolling: { batch: 1% } }", Rollout { batch: 1, ..all });
    let full =
        "{ rolling: { batch: 2, max_failures: 1, pause_between: 3s, canary: 1, pause_after_canary: true } }";
    let expected = Rollout { at_once: 0, canary: 1, batch: 2, max_failures: 1, pause_ms: 3000, hold: true };
    check(full, expected);
    check("{ canary: { hosts: 2, then: go_on, wait: 1m } }", Rollout { canary: 2, pause_ms: 60_000, ..all });
    let steps = check("{ canary: { health: { tcp: 'h:80' } } }", Rollout { canary: 1, hold: true, ..all });
    assert_eq!(steps, 10, "what must answer is a step of each host");
}

const SHOP: &str = r#"# The shop
name: shop
hosts:
  web1: deploy@203.0.113.10
  web2: { address: "2001:db8::2", user: deploy, port: 2222, identity: ~/.ssh/deploy, jump: bastion, tags: [web, eu] }
  bastion: jump@bastion.example.com
  unused: deploy@203.0.113.99
groups: { web: [web1, web2] }
vars: { port: 8080, base: "http://127.0.0.1:${{ vars.port }}" }
secrets: [DATABASE_URL, OTHER]
tasks:
  deploy:
    on: [web, local, web1]
    needs: [build]
    steps:
      - upload: { from: dist/, to: "/opt/${{ host.name }}/" }
      - run: ./install ${{ secrets.DATABASE_URL }}
        cwd: /opt/shop
        env: { PORT: "${{ vars.port }}", URL: "db=${{ secrets.DATABASE_URL }}" }
        creates: /opt/shop/bin
        unless: test -e ${{ vars.port }}
        onlyif: "true"
        timeout: 5m
        retries: { times: 3, backoff: 2s }
        shell: login
      - wait_for: { http: "${{ vars.base }}/health", status: 204, timeout: 90s, interval: 250ms }
  build:
    on: local
    steps:
      - name: Build
        run: npm ci
        retries: { times: 1 }
      - wait_for: { tcp: "[::1]:5432" }
      - wait_for: { command: test -e dist }
"#;

fn shop() -> CompiledPlan {
    compiled(SHOP, &Inputs::default())
}

#[track_caller]
fn problems(source: &str, inputs: &Inputs) -> Vec<Diagnostic> {
    compile(&check(source).plan.unwrap(), inputs).unwrap_err()
}

#[test]
fn steps_come_task_by_task_then_host_by_host_then_in_the_order_of_the_task() {
    let plan = shop();
    let steps: Vec<String> = plan
        .steps
        .iter()
        .map(|step| format!("{} {} {} {}", step.index, step.task, step.host, step.name))
        .collect();
    insta::assert_snapshot!("steps", steps.join("\n"));
    let tasks: Vec<_> = plan.tasks.iter().map(|task| (task.name.as_str(), task.hosts.join(","))).collect();
    assert_eq!(tasks, [("build", "local".to_owned()), ("deploy", "web1,web2,local".to_owned())]);
    assert_eq!(plan.tasks[1].needs, ["build"]);
}

#[test]
fn hosts_are_those_of_the_tasks_and_those_on_the_way_to_them() {
    let plan = shop();
    assert_eq!(
        plan.hosts.keys().map(String::as_str).collect::<Vec<_>>(),
        ["bastion", "local", "web1", "web2"]
    );
    let CompiledHost::Ssh(web2) = &plan.hosts["web2"] else { panic!() };
    assert_eq!(
        (web2.address.as_str(), web2.user.as_deref(), web2.port),
        ("2001:db8::2", Some("deploy"), Some(2222))
    );
    assert_eq!((web2.identity.as_deref(), web2.jump.as_deref()), (Some("~/.ssh/deploy"), Some("bastion")));
    assert_eq!(web2.tags, ["web", "eu"]);
    assert_eq!(plan.hosts["local"], CompiledHost::Local);
}

#[test]
fn the_step_that_scans_may_take_longer_than_the_plan_allows_the_scanner() {
    for (says, minutes) in [("", 90), ("  scan: { timeout: 10m }\n", 90), ("  scan: { timeout: 3h }\n", 190)]
    {
        let source =
            format!("name: x\nhosts: {{ h: h }}\napp:\n  on: h\n  source: {{ git: 'https://x/y' }}\n{says}");
        let plan = compiled(&source, &Inputs::default());
        let step = plan.steps.iter().find(|step| step.name == "Scan the image").unwrap();
        assert_eq!(step.timeout_ms, Some(minutes * 60_000), "{says}");
    }
}

#[test]
fn a_step_has_all_that_its_plan_says() {
    let plan = shop();
    let step = plan.steps.iter().find(|step| step.name.starts_with("./install")).unwrap();
    assert_eq!(step.timeout_ms, Some(300_000));
    assert_eq!(step.retries, Retries { times: 3, backoff_ms: 2000 });
    let guards: Vec<_> = step.guards.iter().map(|(guard, text)| (*guard, text.to_string())).collect();
    assert_eq!(
        guards,
        [
            (Guard::Creates, "/opt/shop/bin".to_owned()),
            (Guard::Unless, "_vars_port='8080'; test -e \"${_vars_port}\"".to_owned()),
            (Guard::OnlyIf, "true".to_owned()),
        ]
    );
    let Action::Run { cwd, env, login_shell, .. } = &step.action else { panic!() };
    assert_eq!(cwd.as_ref().unwrap().as_literal(), Some("/opt/shop"));
    assert_eq!(env["PORT"].as_literal(), Some("8080"));
    assert_eq!(env["URL"].to_string(), "db=‹secret DATABASE_URL›");
    assert!(login_shell);
    assert_eq!(plan.secrets, ["DATABASE_URL"]);
    assert_eq!(plan.steps[0].retries, Retries { times: 1, backoff_ms: 1000 });
}

#[test]
fn what_is_waited_for_has_times_of_its_own() {
    let plan = shop();
    let waits: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| step.host == "local")
        .filter_map(|step| match &step.action {
            Action::WaitFor { probe, timeout_ms, interval_ms } => {
                let probe = match probe {
                    Probe::Http { url, status } => format!("{url} {status}"),
                    Probe::Tcp { address, port } => format!("{address} {port}"),
                    Probe::Command { script } => script.to_string(),
                };
                Some(format!("{probe} {timeout_ms} {interval_ms}"))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        waits,
        ["::1 5432 60000 1000", "test -e dist 60000 1000", "http://127.0.0.1:8080/health 204 90000 250"]
    );
}

#[test]
fn a_compiled_plan_survives_json_and_has_no_value_of_a_secret() {
    let plan = shop();
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<CompiledPlan>(&json).unwrap(), plan);
    assert!(json.starts_with(&format!(r#"{{"format":{FORMAT},"#)), "{json}");
}

#[test]
fn the_digest_changes_with_what_is_executed_and_with_nothing_else() {
    let digest = |source: &str| compiled(source, &Inputs::default()).sha256;
    let original = digest(SHOP);
    assert_eq!(original.len(), 64);
    let same = |before: &str, after: &str| {
        let source = SHOP.replacen(before, after, 1);
        assert_ne!(source, SHOP, "{before}");
        assert_eq!(digest(&source), original, "{before} → {after}");
    };
    let other = |before: &str, after: &str| {
        let source = SHOP.replacen(before, after, 1);
        assert_ne!(source, SHOP, "{before}");
        assert_ne!(digest(&source), original, "{before} → {after}");
    };
    same("# The shop", "# Another comment\n");
    same("groups: { web: [web1, web2] }", "groups:\n  web:\n    - web1\n    - web2");
    same("run: npm ci", "run: \"npm ci\"");
    same("  unused: deploy@203.0.113.99\n", "");
    same("timeout: 5m", "timeout: 300s");
    same("{ port: 8080,", "{ port: '8080', unused: 1,");
    other("run: npm ci", "run: npm  ci");
    other("port: 8080", "port: 8081");
    other("203.0.113.10", "203.0.113.11");
    other("jump@bastion", "root@bastion");
    other("[web1, web2]", "[web2, web1]");
    other("times: 3", "times: 4");
    other("creates: /opt/shop/bin", "creates: /opt/shop/lib");
    other("        shell: login\n", "");
    other("status: 204", "status: 200");
    other("env: { PORT:", "env: { PORTS:");
    other("    needs: [build]\n", "");
}

#[test]
fn given_values_replace_the_plans_own_and_are_data() {
    let source = "name: a\nvars: { a: '${{ vars.b }}!', b: 1 }\ntasks: { t: { on: local, steps: [ { run: x, cwd: '${{ vars.a }}' } ] } }";
    let cwd = |vars: &[(&str, &str)]| {
        let vars = vars.iter().map(|(name, value)| (String::from(*name), String::from(*value))).collect();
        let plan = compiled(source, &Inputs { vars, ..Inputs::default() });
        let Action::Run { cwd, .. } = &plan.steps[0].action else { panic!() };
        cwd.as_ref().unwrap().to_string()
    };
    assert_eq!(cwd(&[]), "1!");
    assert_eq!(cwd(&[("b", "2")]), "2!");
    assert_eq!(cwd(&[("a", "${{ vars.b }}")]), "${{ vars.b }}");
}

#[test]
fn hosts_can_depend_on_variables_and_on_the_environment() {
    let source = "name: a\nvars: { server: 'root@h:22' }\nhosts: { w: '${{ vars.server }}', x: { address: '${{ env.SERVER }}', port: '${{ env.PORT }}' } }\ntasks: { t: { on: [w, x], steps: [ { run: 'echo ${{ host.address }} ${{ host.port }} ${{ env.SERVER }}' } ] } }";
    let env = [("SERVER", "::1"), ("PORT", "2222")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let plan = compiled(
        source,
        &Inputs { env: env.into(), vars: [("server".to_owned(), "me@10.0.0.1:2022".to_owned())].into() },
    );
    let CompiledHost::Ssh(w) = &plan.hosts["w"] else { panic!() };
    assert_eq!((w.address.as_str(), w.user.as_deref(), w.port), ("10.0.0.1", Some("me"), Some(2022)));
    let CompiledHost::Ssh(x) = &plan.hosts["x"] else { panic!() };
    assert_eq!((x.address.as_str(), x.port), ("::1", Some(2222)));
    assert_eq!(plan.steps[1].name, "echo ::1 2222 ::1");
    let shown = outline(&check(source).plan.unwrap());
    assert_eq!((shown.hosts[0].address.as_str(), shown.hosts[0].port), ("h", Some(22)));
    assert_eq!(shown.hosts[1].address, "${{ env.SERVER }}");
}

#[test]
fn what_is_wrong_with_the_inputs_is_reported_together_and_where_it_is_needed() {
    let source = "name: a\nvars: { port: 1 }\nhosts: { w: 'd@${{ env.HOST }}' }\ntasks:\n  t:\n    on: [w, local]\n    steps:\n      - run: echo ${{ env.A }} ${{ host.user }}\n      - run: echo ${{ env.A }}";
    let inputs = Inputs { vars: [("prot".to_owned(), "1".to_owned())].into(), ..Inputs::default() };
    let shown: Vec<String> = problems(source, &inputs).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!("inputs", shown.join("\n"));
}

#[test]
fn a_value_that_makes_a_host_or_a_port_wrong_is_found_before_the_run() {
    let source = "name: a\nhosts: { w: { address: h, port: '${{ env.P }}' } }\ntasks: { t: { on: w, steps: [ { wait_for: { tcp: 'x:${{ env.P }}' } } ] } }";
    for bad in ["0", "65536", "http", "", "-1"] {
        let inputs = Inputs { env: [("P".to_owned(), bad.to_owned())].into(), ..Inputs::default() };
        let found = problems(source, &inputs);
        assert!(
            found.iter().all(|problem| problem.code == Code::InvalidValue) && !found.is_empty(),
            "{bad}: {found:?}"
        );
    }
}

#[test]
fn variables_that_grow_without_end_are_refused_quickly() {
    let mut vars = String::from("  v0: 0123456789\n");
    for n in 1..60 {
        vars.push_str(&format!("  v{n}: ${{{{ vars.v{0} }}}}${{{{ vars.v{0} }}}}\n", n - 1));
    }
    let source = format!("name: a\nvars:\n{vars}tasks: {{ t: {{ on: local, steps: [ {{ run: x }} ] }} }}");
    let found = check(&source).diagnostics;
    assert!(found.iter().any(|problem| problem.code == Code::TooLarge), "{found:#?}");
}

#[test]
fn a_name_is_made_from_the_action_on_one_short_line() {
    let name = |step: &str| {
        let source = format!("name: a\nvars: {{ v: x }}\ntasks: {{ t: {{ on: local, steps: [ {step} ] }} }}");
        compiled(&source, &Inputs::default()).steps[0].name.clone()
    };
    assert_eq!(name("{ run: 'echo   ${{ vars.v }}' }"), "echo x");
    assert_eq!(name(r##"{ run: "set -e\n# why\n\necho 1\necho 2\n" }"##), "echo 1 …");
    assert_eq!(name(r##"{ run: "# only a comment" }"##), "# only a comment");
    assert_eq!(name(r#"{ run: "a\tb\u001b[31m" }"#), "a b [31m");
    assert_eq!(name("{ upload: { from: a, to: '/${{ vars.v }}' } }"), "upload a → /x");
    assert_eq!(name("{ wait_for: { tcp: 'x:1' } }"), "wait for x:1");
    assert_eq!(name("{ name: 'Say ${{ vars.v }}', run: echo }"), "Say x");
    let long = name(&format!("{{ run: {} }}", "é".repeat(200)));
    assert_eq!((long.chars().count(), long.ends_with('…')), (80, true));
}

#[test]
fn the_outline_shows_what_can_be_read_of_a_plan_with_errors() {
    let checked = check(
        "name: a\nhosts: { w: 'd@h', bad: 5 }\ntasks:\n  one: { on: w, steps: [ { run: x }, { rnu: y } ] }\n  two: { on: nowhere, needs: [one, three], steps: [ { upload: { from: a, to: b } } ] }\n",
    );
    assert!(checked.plan.is_none());
    insta::assert_json_snapshot!("outline", checked.outline);
}
