//! A plan is inert data: no text makes reading it panic, or take long.

use std::time::{Duration, Instant};

use crate::{Code, Inputs, check, compile, edit, render};

const PLAN: &str = r#"# The shop, with every part of the language
name: "shöp"
hosts:
  web1: deploy@203.0.113.10
  web2: { address: "2001:db8::2", user: deploy, port: 2222, identity: ~/.ssh/k, jump: web1, tags: [web] }
groups: { web: [web1, web2] }
vars: { port: &port 8080, base: "http://127.0.0.1:${{ vars.port }}", again: *port }
secrets: [DATABASE_URL]
tasks:
  build:
    on: local
    steps:
      - run: |
          cat <<EOF
          "it's" $(echo ${{ vars.base }}) `x` ${y:-'z'}
          EOF
          case "$(echo '${{ secrets.DATABASE_URL }}')" in a) echo $((1)) ;; esac # ${{ vars.port | raw }}
        retries: { times: 3, backoff: 1s }
  deploy:
    on: [web]
    needs: [build]
    steps:
      - upload: { from: dist/, to: '/opt/${{ host.name }}' }
        timeout: 1h30m
      - wait_for: { http: "${{ vars.base }}/\u00e9", status: 200 }
"#;

/// Everything that takes a source or what was read from it.
fn use_all(source: &str) {
    let checked = check(source);
    for problem in &checked.diagnostics {
        assert!(problem.line >= 1 && problem.column >= 1, "{problem:?}");
        assert!(
            (problem.line, problem.column) <= (problem.end_line, problem.end_column),
            "{problem:?}\n{source}"
        );
        assert!(!render(problem, "plan.yaml", source).is_empty());
    }
    if let Some(plan) = &checked.plan {
        let _ = compile(plan, &Inputs::default());
    }
    let _ = edit::replace_port(source, 8080, 9090);
    if let Some(new) = edit::set_var(source, "port", "1: #'\"") {
        assert_ne!(new, source);
    }
}

/// Numbers without a pattern, but always the same ones (Marsaglia's xorshift).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

#[test]
fn the_plan_to_mutate_is_valid() {
    assert!(check(PLAN).plan.is_some(), "{:#?}", check(PLAN).diagnostics);
}

#[test]
fn no_truncation_panics() {
    let chars: Vec<char> = PLAN.chars().collect();
    for length in 0..=chars.len() {
        use_all(&chars[..length].iter().collect::<String>());
        use_all(&chars[length..].iter().collect::<String>());
    }
}

#[test]
fn no_mutation_panics() {
    const PIECES: [&str; 40] = [
        "\n",
        " ",
        "\t",
        "'",
        "\"",
        "\\",
        "$",
        "${{",
        "}}",
        "{",
        "}",
        "[",
        "]",
        ":",
        ": ",
        "- ",
        "#",
        "|",
        ">",
        "&a ",
        "*a",
        "!t ",
        "%",
        "@",
        "`",
        "$(",
        ")",
        "<<EOF\n",
        "\r",
        "\0",
        "é",
        "\u{feff}",
        "\u{1f600}",
        "\u{2028}",
        "---\n",
        "...\n",
        "? ",
        "<<: ",
        "9999999999999999999999",
        "vars",
    ];
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let original: Vec<char> = PLAN.chars().collect();
    for _ in 0..4000 {
        let mut chars = original.clone();
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(chars.len());
            match numbers.below(4) {
                0 => {
                    chars.remove(at);
                }
                1 => {
                    let piece = PIECES[numbers.below(PIECES.len())];
                    chars.splice(at..at, piece.chars());
                }
                2 => {
                    let end = (at + numbers.below(40)).min(chars.len());
                    let copy: Vec<char> = chars[at..end].to_vec();
                    let to = numbers.below(chars.len());
                    chars.splice(to..to, copy);
                }
                _ => {
                    let end = (at + numbers.below(40)).min(chars.len());
                    chars.drain(at..end);
                }
            }
            if chars.is_empty() {
                break;
            }
        }
        use_all(&chars.into_iter().collect::<String>());
    }
}

/// Checks a source that nobody writes by hand.
#[track_caller]
fn ends_quickly(source: &str) -> Vec<Code> {
    let start = Instant::now();
    let checked = check(source);
    let taken = start.elapsed();
    // A wide limit for an unoptimised build on a busy machine; what grows without bound takes minutes.
    assert!(taken < Duration::from_secs(20), "took {taken:?}");
    assert!(checked.diagnostics.iter().all(|problem| render(problem, "p", source).len() < 10_000));
    checked.diagnostics.iter().map(|problem| problem.code).collect()
}

#[test]
fn deep_nesting_ends_with_an_error() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("[{a: ", "}]")] {
        for count in [40, 300, 100_000] {
            let found = ends_quickly(&format!("{}x{}", open.repeat(count), close.repeat(count)));
            assert!(!found.is_empty(), "{open} {count}");
        }
    }
    let deep: String = (0..1200).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    assert_eq!(ends_quickly(&deep), [Code::TooLarge]);
}

#[test]
fn aliases_cannot_multiply_without_end() {
    let mut source = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..30 {
        let list = vec![format!("*a{}", n - 1); 9].join(", ");
        source.push_str(&format!("a{n}: &a{n} [{list}]\n"));
    }
    assert_eq!(ends_quickly(&source), [Code::TooLarge]);
    assert!(!ends_quickly("a: &a [*a]").is_empty());
    assert!(!ends_quickly("a: *nothing").is_empty());
}

#[test]
fn a_large_text_is_refused_at_once() {
    let source =
        format!("name: a\ntasks: {{ t: {{ on: local, steps: [ {{ run: '{}' }} ] }} }}", "x".repeat(10 << 20));
    assert_eq!(ends_quickly(&source), [Code::TooLarge]);
}

#[test]
fn many_problems_end_quickly_and_are_reported_up_to_a_limit() {
    let unknown: String = (0..20_000).map(|n| format!("k{n}: 1\n")).collect();
    assert_eq!(ends_quickly(&unknown).len(), 500);
    let vars: String = (0..10_000).map(|n| format!("  a{n}: ${{{{ vars.b{n} }}}}\n")).collect();
    assert!(ends_quickly(&format!("name: a\nvars:\n{vars}tasks: {{}}")).contains(&Code::UndefinedName));
    let tasks: String =
        (0..5_000).map(|n| format!("  t{n}: {{ on: local, needs: [t{}] }}\n", (n + 1) % 5_000)).collect();
    assert!(ends_quickly(&format!("name: a\ntasks:\n{tasks}")).contains(&Code::Cycle));
}

#[test]
fn commands_that_nest_without_end_are_scanned_quickly() {
    for piece in ["$(", "\"$(", "${x:-", "`", "((", "<<A ", "<<A\n", "$(<<A\n", "case x in ", "'", "\\", "$'"]
    {
        let command = piece.repeat(200_000 / piece.len()).replace('\n', "\n    ");
        let block = format!(
            "name: a\nvars: {{ v: 1 }}\ntasks:\n t:\n  on: local\n  steps:\n  - run: |\n    {command} ${{{{ vars.v }}}}\n"
        );
        ends_quickly(&block);
    }
}
