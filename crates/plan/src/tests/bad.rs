//! Plans with mistakes, and what is said about each.

use crate::{check, render};

/// A valid plan around a step.
fn step(step: &str) -> String {
    let step = step.replace('\n', "\n        ");
    format!(
        "name: a\nvars: {{ port: 8080 }}\nsecrets: [TOKEN]\ntasks:\n  t:\n    on: local\n    steps:\n      - {step}\n"
    )
}

/// A valid plan with something before its tasks.
fn top(text: &str) -> String {
    format!("name: a\n{text}\ntasks:\n  t:\n    on: local\n    steps:\n      - run: x\n")
}

/// What is said about each plan of a group, in one snapshot.
macro_rules! said {
    ($group:literal, $($source:expr),* $(,)?) => {{
        let mut out = String::new();
        for source in [$(String::from($source)),*] {
            let checked = check(&source);
            assert!(checked.plan.is_none(), "this plan has no error: {source}");
            let first = checked.diagnostics.first().unwrap();
            let lines: Vec<&str> = source.lines().collect();
            assert!(first.line as usize <= lines.len().max(1), "{first:?}");
            for problem in &checked.diagnostics {
                out.push_str(&render(problem, "plan.yaml", &source));
            }
            out.push_str("---\n");
        }
        insta::assert_snapshot!($group, out);
    }};
}

#[test]
fn what_is_no_yaml() {
    said!(
        "yaml",
        "name: a\n\ttasks: {}\n",
        "name: a\ntasks:\n\tt:\n\t  on: local\n",
        "name: 'a\ntasks: {}\n",
        "name: a\n  tasks: {}\n",
        "name: a\ntasks: { t: [ }\n",
        "name: a: b\n",
        "name: a\n---\nname: b\n",
        "name: !secret a\n",
        "name: *nothing\n",
        "name: \"a\\q\"\n",
    );
}

#[test]
fn what_is_empty() {
    said!(
        "empty",
        "",
        "# nothing but a comment\n",
        "name: a\n",
        "name: a\ntasks:\n",
        "name: a\ntasks: {}\n",
        "name: a\ntasks: { t: { on: local, steps: [] } }\n",
        "name: a\ntasks: { t: { on: local } }\n",
        "name: a\ntasks: { t: }\n",
        "name: ''\ntasks: { t: { on: local, steps: [ { run: '' } ] } }\n",
        "tasks: { t: { on: local, steps: [ { run: x } ] } }\n",
    );
}

#[test]
fn keys_that_plans_do_not_have() {
    said!(
        "keys",
        top("vras: {}"),
        top("variables: {}"),
        top("schedule: []"),
        top("environments: {}"),
        top("name: b"),
        top("vars: { a: 1, b: 2, a: 3 }"),
        top("<<: {}"),
        top("[a, b]: c"),
        top("banana: 1"),
        "name: a\ntasks: { t: { host: local, strategy: {}, steps: [ { run: x } ] } }\n",
        step("rnu: x"),
        step("command: x"),
        step("template: nginx.conf"),
        step("run: x\nworking_directory: /"),
        step("upload: { src: a, to: b }"),
        step("upload: { from: a, to: b }\ncwd: /"),
        step("wait_for: { url: 'http://x' }"),
        step("wait_for: { tcp: 'x:1', status: 200 }"),
        step("wait_for: { tcp: 'x:1' }\ntimeout: 5s\nretries: { times: 1 }"),
        step("run: x\nretries: { count: 3 }"),
    );
}

#[test]
fn values_of_the_wrong_kind() {
    said!(
        "kinds",
        "a text\n",
        "- a\n- list\n",
        "name: [a]\ntasks: []\n",
        "name: 5\ntasks: { t: { on: local, steps: { run: x } } }\n",
        "name: a\ntasks: { t: { on: {}, needs: a, steps: [ echo hello ] } }\n",
        "name: a\ntasks: { t: { on: [], steps: [ run x, null, [a] ] } }\n",
        "name: a\ntasks: { t: echo }\n",
        top("vars: [a]"),
        top("vars: { a: [1], b: }"),
        top("secrets: TOKEN"),
        top("hosts: [web]"),
        top("groups: { g: web, h: [] }"),
        step("run: 5"),
        step("run: true"),
        step("run: [a, b]"),
        step("run:"),
        step("run: x\nenv: [A=1]\ncwd: 5\ntimeout: [1]\nretries: 3\nshell: bash"),
        step("upload: dist"),
        step("upload: { from: a }"),
        step("wait_for: http://x"),
        step("wait_for: { timeout: 5s }"),
        step("wait_for: { http: 'http://x', status: ok }"),
    );
}

#[test]
fn values_that_make_no_sense() {
    said!(
        "values",
        step("run: x\ntimeout: 30"),
        step("run: x\ntimeout: soon"),
        step("run: x\ntimeout: 0s"),
        step("run: x\ntimeout: 400d"),
        step("run: x\nretries: { times: 101, backoff: 1.5s }"),
        step("run: x\nretries: { times: -1 }"),
        step("run: x\nenv: { A-B: 1 }"),
        step("wait_for: { http: '127.0.0.1:80' }"),
        step("wait_for: { http: 'http://x/a b', status: 99 }"),
        step("wait_for: { tcp: 5432 }"),
        step("wait_for: { tcp: '127.0.0.1' }"),
        step("wait_for: { tcp: '127.0.0.1:70000' }"),
        step("wait_for: { tcp: 'x:1', http: 'http://x' }"),
        step("run: x\nupload: { from: a, to: b }"),
        step("name: nothing to do"),
        step("run: \"a\\0b\""),
        top("vars: { 'a b': 1, 2x: 3 }"),
    );
}

#[test]
fn hosts_and_groups_and_tasks() {
    said!(
        "names",
        top("hosts: { w: deploy@web:0, x: deploy@web:99999, y: 'ssh://x', z: deploy@ }"),
        top(
            "hosts: { w: { user: d }, x: { address: d@h }, y: { address: h, port: 70000 }, z: { address: '1:2' } }"
        ),
        top("hosts: { w: '-oProxyCommand=x', x: 'a:secret@h', y: 'd@[::1' }"),
        top("hosts: { local: d@h, 'a b': d@h, 5: 6 }"),
        top(
            "hosts: { a: { address: h, jump: b }, b: { address: h, jump: a }, c: { address: h, jump: local } }"
        ),
        top("hosts: { web: d@h }\ngroups: { web: [web], g: [wbe], h: [g] }"),
        top("hosts: { web: d@h }\ngroups: { g: [h, web], h: [k], k: [g], l: [l] }"),
        "name: a\nhosts: { web1: d@h }\ntasks: { t: { steps: [ { run: x } ] } }\n",
        "name: a\nhosts: { web1: d@h }\ntasks: { t: { on: web2, steps: [ { run: x } ] }, u: { on: [nowhere], steps: [ { run: x } ] } }\n",
        "name: a\ntasks: { build: { on: local, steps: [ { run: x } ] }, t: { on: local, needs: [biuld, other], steps: [ { run: x } ] } }\n",
        "name: a\ntasks:\n  a: { on: local, needs: [b], steps: [ { run: x } ] }\n  b: { on: local, needs: [a], steps: [ { run: x } ] }\n  c: { on: local, needs: [c], steps: [ { run: x } ] }\n  d: { on: local, needs: [a], steps: [ { run: x } ] }\n",
    );
}

#[test]
fn strategies() {
    let with = |strategy: &str| {
        format!(
            "name: a\nhosts: {{ w: d@h }}\ntasks:\n  t:\n    on: w\n    strategy: {strategy}\n    steps: [ {{ run: x }} ]\n"
        )
    };
    said!(
        "strategies",
        with("serail"),
        with("3"),
        with("{}"),
        with("{ serial: 1 }"),
        with("{ parallel: 0 }"),
        with("{ rolling: { batch: 1 }, canary: { hosts: 1 } }"),
        with("{ rolling: 25% }"),
        with("{ rolling: { batch: 0%, max_failures: -1, pause_between: 10, pause_after_canary: true } }"),
        with("{ rolling: { batch: half, canary: 1, pause_after_canary: maybe, health: { htpp: x } } }"),
        with("{ canary: { hosts: 0, then: wait, wait: soon } }"),
        with("{ canary: { health: x } }"),
    );
}

#[test]
fn templates() {
    said!(
        "templates",
        step("run: echo ${{ vars.prot }}"),
        step("run: echo ${{ vars.nothing }} ${{ secrets.TOKNE }} ${{ host.ip }}"),
        step("run: |\n  # é\n  echo ${{ vars.port }} ${{ vars.prot }}"),
        step("run: >-\n  echo\n  ${{ vars.prot }}"),
        step("run: \"echo \\\"${{ vars.prot }}\\\"\""),
        step("run: echo ${{ vars.port"),
        step("run: echo ${{ }} ${{ port }} ${{ vars }} ${{ vars. }} ${{ vars.a.b }}"),
        step("run: echo ${{ git.sha }} ${{ steps.a.stdout }}"),
        step("run: echo ${{ facts.hostnam }} ${{ facts.colour }} ${{ fact.os }}"),
        step("name: ${{ facts.os }}\nrun: echo `${{ facts.os }}`"),
        step("wait_for: { tcp: '${{ facts.hostname }}:80' }"),
        top("vars: { a: '${{ facts.os }}' }\nhosts: { web: '${{ facts.user }}@web' }"),
        step("run: echo ${{ vars.port | upper }}"),
        step("run: echo `echo ${{ vars.port }}`"),
        step("run: sh -c \"echo ${{ vars.port }}\""),
        step("run: |\n  cat <<'EOF'\n  ${{ vars.port }}\n  EOF"),
        step("name: ${{ secrets.TOKEN }}\nrun: x"),
        step("wait_for: { tcp: 'x:${{ secrets.TOKEN }}' }"),
        top("vars: { a: '${{ vars.b }}', b: '${{ vars.c }}', c: '${{ vars.b }}' }"),
        top("secrets: [S]\nvars: { a: '${{ secrets.S }}', b: '${{ host.name }}' }"),
        top("secrets: [S]\nhosts: { w: 'd@${{ secrets.S }}', x: 'd@${{ vars.x }}' }"),
    );
}

#[test]
fn all_problems_are_reported_together_in_the_order_of_the_source() {
    let source = "name: a\nhost: {}\nvars: { a: '${{ vars.b }}' }\ntasks:\n  t:\n    on: web\n    needs: [u]\n    steps:\n      - run: echo ${{ vars.c }}\n        timeout: 5\n      - rnu: x\n";
    let found = check(source).diagnostics;
    let lines: Vec<u32> = found.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [2, 3, 6, 7, 9, 10, 11], "{found:#?}");
}

#[test]
fn a_long_line_is_shown_around_the_place_and_without_control_characters() {
    let source = format!(
        "name: a\ntasks: {{ t: {{ on: local, steps: [ {{ run: 'x{}\u{9b} ${{{{ vars.b }}}}' }} ] }} }}\n",
        "-".repeat(500)
    );
    let found = check(&source).diagnostics;
    let shown = render(&found[0], "plan.yaml", &source);
    assert!(shown.lines().all(|line| line.chars().count() < 140), "{shown}");
    assert!(shown.contains("${{ vars.b }}") && !shown.contains('\u{9b}'), "{shown}");
    let lines: Vec<&str> = shown.lines().collect();
    let (text, marks) = (lines[2].chars().collect::<Vec<_>>(), lines[3].chars().collect::<Vec<_>>());
    let first = marks.iter().position(|c| *c == '^').unwrap();
    assert_eq!(text[first..first + 13].iter().collect::<String>(), "${{ vars.b }}");
}

#[test]
fn hosts_that_cannot_be_discovered() {
    said!(
        "discover",
        top("discover: { tailscale: { tag: web } }"),
        top("discover: [ tailscale ]"),
        top("discover: [ { tailscale: { tag: web } } ]"),
        top("discover: [ { tailscale: web } ]"),
        top("discover: [ { tailscal: { into: web } } ]"),
        top("discover: [ { tailscale: { into: web }, command: { run: x, into: web } } ]"),
        top("discover: [ { tailscale: { into: local } } ]"),
        top("hosts: { web: d@h }\ndiscover: [ { tailscale: { into: web } } ]"),
        top("discover: [ { command: { into: web } } ]"),
        top("discover: [ { command: { run: x, into: web, timeout: 0s } } ]"),
        top("discover: [ { command: { run: 'x ${{ secrets.TOKEN }}', into: web } } ]\nsecrets: [TOKEN]"),
        top("discover: [ { command: { run: 'x ${{ host.name }}', into: web, user: '${{ facts.user }}' } } ]"),
        top("discover: [ { ssh_config: { into: web, port: none, required: maybe } } ]"),
        top("discover: [ { ssh_config: { into: a b, user: '${{ vars.x }}' } } ]"),
    );
}

#[test]
fn resources_and_what_goes_with_them() {
    said!(
        "resources",
        step("package:"),
        step("package: []"),
        step("package: { state: present }"),
        step("package: { name: nginx, state: presnt }"),
        step("package: { name: nginx, versoin: 1 }"),
        step("package: [nginx, [a]]"),
        step("service: { name: nginx, enabled: maybe }"),
        step("file: { path: /etc/x, content: a, template: b }"),
        step("file: { path: /etc/x, mode: rw-r--r-- }"),
        step("file: { path: /etc/x, owner: [a] }"),
        step("file: { path: \"/etc/x\\n/etc/y\", content: a }"),
        step("file: { path: /etc/x, state: \"${{ secrets.TOKEN }}\" }"),
        step("file: { path: /etc/x, template: \"${{ vars.port }}.conf\" }"),
        step("link: /etc/x"),
        step("package: nginx\nfile: /etc/x"),
        step("package: nginx\ncwd: /"),
        step("directory: /x\nid: made"),
        step("run: x\nsudo: yes please"),
        step("run: x\nbecome: root"),
        step("run: x\nbecome: { user: root, password: hunter2 }"),
        step("run: x\nbecome: { method: runas }"),
        step("run: x\nbecome: { method: doas, password: \"${{ secrets.TOKEN }}\" }"),
        step("run: x\non_failure: ignore"),
        step("run: x\nnotify: reload"),
        step("run: x\nundo: { run: y, undo: z }"),
        step("run: x\nundo: [a]"),
        "name: a\ntasks: { t: { on: local, steps: [ { run: x, notify: relod } ], handlers: { reload: { run: y } } } }\n",
        "name: a\ntasks: { t: { on: local, steps: [ { run: x } ], handlers: { reload: [] } } }\n",
        "name: a\ntasks: { t: { on: local, steps: [ { run: x, notify: h } ], handlers: { h: { run: y, notify: h } } } }\n",
    );
}

/// A valid plan with an entry of `notify`.
fn told(entry: &str) -> String {
    let entry = entry.replace('\n', "\n    ");
    top(&format!("secrets: [URL]\nnotify:\n  - {entry}"))
}

#[test]
fn who_cannot_be_told() {
    said!(
        "notify",
        top("notify: { slack: 'https://x' }"),
        top("notify: [slack]"),
        told("{ slak: 'https://x' }"),
        told("{ on: failed }"),
        told("{ telegram: 1 }"),
        told("{ slack: 'https://x', teams: 'https://y' }"),
        told("slack: hooks.slack.com/services/x"),
        told("slack: https:///services"),
        told("slack: [https://x]"),
        told("discord: { on: failed }"),
        told("discord: { webhook_url: 'https://x' }"),
        told("discord: { url: 'https://x y' }"),
        told("{ slack: 'https://x', on: failure }"),
        told("{ slack: 'https://x', on: [failed, paused] }"),
        told("{ slack: 'https://x', on: [] }"),
        told("{ slack: { url: 'https://x', on: failed }, on: completed }"),
        told("slack: ${{ secrets.URLS }}"),
        told("slack: ${{ host.address }}"),
        told("slack: ${{ facts.hostname }}"),
        told("webhook: { url: 'https://x', secret: }"),
        told("email: deploy@example.com"),
        told("email: { smtp: mail.example.com, from: a@b, to: c@d }"),
        told("email: { smtp: 'smtp://mail.example.com:0', from: a@b, to: c@d }"),
        told("email: { smtp: 'smtps://me:pw@mail.example.com', from: a@b, to: c@d }"),
        told(
            "email:\n  smtp: smtps://mail.example.com\n  from: nobody\n  to: [\"a@b\\nBcc: c@d\", Team <team>]"
        ),
        told("email: { smtp: 'smtp://x', password: '${{ secrets.URL }}', to: [] }"),
        told("desktop: false"),
        told("desktop: yes"),
    );
}

/// A valid plan but for something in its application.
fn app(text: &str) -> String {
    let text = text.replace('\n', "\n  ");
    format!("name: a\nhosts: {{ h: x, i: y }}\nsecrets: [TOKEN]\napp:\n  {text}\n")
}

#[test]
fn what_is_wrong_with_an_application() {
    said!(
        "app",
        app("{}"),
        app("on: h"),
        app("on: h\nsource: {}"),
        app("source: { git: x }"),
        app("on: [h, i]\nsource: { git: x }"),
        app("on: nobody\nsource: { git: x }"),
        app("on: h\nsource: { git: x, image: y }"),
        app("on: h\nsource: { folder: ., git: x }"),
        app("on: h\nsource: { folder: ., archive: x.tar.gz }"),
        app("on: h\nsource: { archive: x.tar.gz, branch: main }"),
        app("on: h\nsource: { bundle: dist, path: web }"),
        app("on: h\nsource: { folder: ., key: '${{ secrets.TOKEN }}' }"),
        app("on: h\nsource: { folder: '${{ secrets.TOKEN }}' }"),
        app("on: h\nsource: { directory: . }"),
        app("on: h\nsource: { tarball: x }"),
        app("on: h\nsource: { path: web }"),
        app("on: h\nsource: { bundle: dist }\nbuild: { dockerfile: Dockerfile, bases: { files: x } }"),
        app("on: h\nrepo: x"),
        app("on: h\nsource: { git: x, brunch: y }"),
        app("on: h\nsource: { git: 'https://${{ secrets.TOKEN }}@x' }"),
        app("on: h\nsource: { git: x }\nhooks: { on_deploy: 'a ${{ secrets.TOKEN }}' }"),
        app("on: h\nsource: { git: x }\nport: 70000"),
        app("on: h\nsource: { git: x }\nreplicas: many"),
        app("on: h\nsource: { git: x }\nhealth: { path: /, timeout: soon }"),
        app("on: h\nsource: { git: x }\nbuild: nixpacks"),
        app("on: h\nsource: { git: x, token: '${{ secrets.NONE }}' }"),
        app("on: h\nsource: { git: x }\nenv: [A]"),
        app("on: h\nsource: { git: x }\nbuild: { args: { T: '${{ secrets.TOKEN }}' } }"),
        app("on: h\nsource: { git: x }\npreviews: []"),
        app("on: h\nsource: { git: x }\nneeds: [none]"),
        format!(
            "{}tasks: {{ app: {{ on: h, steps: [ {{ run: x }} ] }} }}\n",
            app("on: h\nsource: { git: x }")
        ),
    );
}

#[test]
fn what_is_wrong_with_a_scan() {
    let scan = |text: &str| app(&format!("on: h\nsource: {{ git: x }}\nscan: {text}"));
    said!("scan", scan("never"), scan("{ by: trivy }"), scan("{ timeout: soon }"), scan("{ fail: high }"));
}

#[test]
fn what_is_wrong_with_a_job() {
    let jobs = |text: &str| app(&format!("on: h\nsource: {{ git: x }}\ncron:\n{text}"));
    said!(
        "jobs",
        jobs("  schedule: x"),
        jobs("  - bin/cleanup"),
        jobs("  - { run: bin/cleanup }"),
        jobs("  - { schedule: '@daily' }"),
        jobs("  - { schedule: '0 3 * *', run: bin/cleanup }"),
        jobs("  - { schedule: '0 25 * * *', run: bin/cleanup }"),
        jobs("  - { schedule: '@reboot', run: bin/cleanup }"),
        jobs("  - { schedule: '0 0 31 2 *', run: bin/cleanup }"),
        jobs("  - { schedule: '@daily', run: [a, b] }"),
        jobs("  - { schedule: '@daily', run: \"a\\nb\" }"),
        jobs("  - { schedule: '@daily', run: 'a ${{ secrets.TOKEN }}' }"),
        jobs("  - { schedule: '${{ secrets.TOKEN }}', run: a }"),
        jobs("  - { schedule: '@daily', run: a, nmae: b }"),
        jobs("  - { schedule: '@daily', run: a, name: 'b c' }"),
        jobs("  - { schedule: '@daily', run: '[ -f x ]' }"),
        jobs("  - { schedule: '@daily', run: bin/a.sh }\n  - { schedule: '@daily', run: a }"),
        app("on: h\nsource: { git: x }\njobs: []"),
    );
}
