//! Hostile values in every quoting, run by real shells.

use std::{path::Path, process::Command};

use super::{compiled, script};
use crate::{Action, Code, Inputs, check, yaml::Source};
use steadyhand_domain::Facts;

const HOSTILE: [&str; 22] = [
    "plain",
    "",
    " two  words ",
    "it's",
    "\"double\"",
    "$(touch x)",
    "`touch x`",
    "'; touch x; '",
    "\"; touch x; \"",
    "'\"'\"'; touch x; '\"'\"'",
    "; touch x #",
    "\ntouch x\n",
    "a\nEOF\ntouch x\nEOF\n",
    "\\",
    "\\'; touch x; \\'",
    "-n",
    "--",
    "$HOME ${HOME} $$",
    "* ? [a-z] ~ {a,b}",
    "a && touch x || touch x & touch x | touch x",
    "ünïcödé \u{1f600} \u{7f}\u{1b}[31m",
    "${_vars_v}$_vars_v",
];

/// Every shell of this machine that calls itself POSIX.
fn shells() -> Vec<Vec<&'static str>> {
    let all = [
        vec!["sh"],
        vec!["dash"],
        vec!["bash"],
        vec!["bash", "--posix"],
        vec!["busybox", "sh"],
        vec!["ksh"],
        vec!["mksh"],
    ];
    let works = |shell: &Vec<&str>| {
        let run = Command::new(shell[0]).args(&shell[1..]).args(["-c", "exit 7"]).output();
        run.is_ok_and(|output| output.status.code() == Some(7))
    };
    let found: Vec<_> = all.into_iter().filter(works).collect();
    assert!(!found.is_empty(), "this machine has no POSIX shell");
    found
}

fn run(shell: &[&str], script: &str, folder: &Path) -> (Vec<u8>, String) {
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .args(["-c", script])
        .current_dir(folder)
        .env("set", "1")
        .output()
        .unwrap();
    (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn plan(command: &str) -> String {
    let command = command.replace('\n', "\n          ");
    format!(
        "name: a\nvars: {{ v: x }}\nsecrets: [S]\ntasks:\n  t:\n    on: local\n    steps:\n      - run: |\n          {command}\n"
    )
}

fn with(value: &str) -> Inputs {
    Inputs { vars: [("v".to_owned(), value.to_owned())].into(), ..Inputs::default() }
}

/// Runs `command` with each hostile value in each shell; its output must be `expected`, where `<v>` is the value.
#[track_caller]
fn check_output(command: &str, expected: &str) {
    let source = plan(command);
    for value in HOSTILE {
        let script = script(&compiled(&source, &with(value)));
        for shell in shells() {
            let folder = tempfile::tempdir().unwrap();
            let (output, errors) = run(&shell, &script, folder.path());
            let expected = expected.replace("<v>", value);
            assert_eq!(
                String::from_utf8_lossy(&output),
                expected,
                "{shell:?} with {value:?}\n--- script\n{script}\n--- errors\n{errors}"
            );
            let left: Vec<_> =
                std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert!(left.is_empty(), "{shell:?} with {value:?} made {left:?}\n{script}");
        }
    }
}

#[test]
fn a_plain_word_is_one_argument() {
    check_output("printf '<%s>' ${{ vars.v }} end", "<<v>><end>");
    check_output("printf '<%s>' --port=${{ vars.v }}/x end", "<--port=<v>/x><end>");
    check_output("printf '<%s>' ${{ vars.v }}${{ vars.v }}", "<<v><v>>");
    check_output("a=${{ vars.v }}; printf '<%s>' \"$a\"", "<<v>>");
    check_output("printf '<%s>' a\\\n${{ vars.v }}", "<a<v>>");
}

#[test]
fn in_double_quotes_the_value_belongs_to_the_word() {
    check_output("printf '<%s>' \"port=${{ vars.v }}!\"", "<port=<v>!>");
    check_output("printf '<%s>' \"${{ vars.v }}\" \"\"", "<<v>><>");
    check_output("printf '<%s>' \"\\\"${{ vars.v }}\\\"\"", "<\"<v>\">");
    check_output("printf '<%s>' \"cost: $${{ vars.v }}\"", "<cost: $<v>>");
    check_output("printf '<%s>' \"it's ${{ vars.v }}\"", "<it's <v>>");
}

#[test]
fn in_single_quotes_the_value_belongs_to_the_word() {
    check_output("printf '<%s>' 'port=${{ vars.v }}!'", "<port=<v>!>");
    check_output("printf '<%s>' '${{ vars.v }}' '\"$x\\' end", "<<v>><\"$x\\><end>");
}

#[test]
fn in_a_command_substitution_quoting_begins_anew() {
    check_output("printf '<%s>' \"$(printf '%s.' ${{ vars.v }})\"", "<<v>.>");
    check_output("printf '<%s>' \"a $(printf '%s' \"b ${{ vars.v }}.\" 'c') d\"", "<a b <v>.c d>");
    check_output(
        "printf '<%s>' \"$(case x in x) printf '%s.' ${{ vars.v }} ;; esac)\" ${{ vars.v }}",
        "<<v>.><<v>>",
    );
    check_output("(printf '<%s>' ${{ vars.v }}) | cat", "<<v>>");
}

#[test]
fn in_a_here_document_the_value_is_text() {
    check_output(
        "cat <<EOF\na ${{ vars.v }} \"b\" 'c' \\$d\nEOF\nprintf '<%s>' ${{ vars.v }}",
        "a <v> \"b\" 'c' $d\n<<v>>",
    );
    check_output("cat <<-EOF | cat\n\t${{ vars.v }}\n\tEOF", "<v>\n");
    check_output("cat <<A; cat <<B\n${{ vars.v }}\nA\n2 ${{ vars.v }}\nB", "<v>\n2 <v>\n");
    check_output("cat <<EOF\n$(printf '%s.' ${{ vars.v }})\nEOF", "<v>.\n");
    check_output("cat <<'EOF'\n$x `\nEOF\nprintf '<%s>' ${{ vars.v }}", "$x `\n<<v>>");
}

#[test]
fn after_comments_and_odd_quotes_the_place_is_still_known() {
    check_output("# it's ${{ vars.v }}\nprintf '<%s>' '${{ vars.v }}'", "<<v>>");
    check_output("printf '<%s>' a#'b' \"${{ vars.v }}\"", "<a#b><<v>>");
    check_output("printf '<%s>' \\' ${{ vars.v }} \\\"", "<'><<v>><\">");
    check_output(": \"${x:-\"it's\"}\" $((1 + (2))) ${x#\\'}\nprintf '<%s>' '${{ vars.v }}'", "<<v>>");
    check_output(": `echo \"it's\"`; printf '<%s>' '${{ vars.v }}'", "<<v>>");
}

#[test]
fn no_quoting_however_odd_lets_a_value_become_code() {
    const PIECES: [&str; 24] = [
        "@",
        "@",
        "@",
        "'",
        "\"",
        "$(",
        ")",
        "(",
        "\\",
        "$",
        " ",
        " ",
        "\n",
        ";",
        "#",
        "echo ",
        "cat <<EOF\n",
        "\nEOF\n",
        "cat <<'EOF'\n",
        "`",
        "${y:-",
        "}",
        "case a in a) ",
        ";; esac",
    ];
    const VALUES: [&str; 4] = [
        "$(touch x)`touch x`",
        "';touch x;'\"$(touch x)\";touch x;",
        "\nEOF\ntouch x\n\\",
        "\\';touch x;)}touch x;#",
    ];
    let mut numbers = super::inert::Numbers(0x9e37_79b9_7f4a_7c15);
    let folder = tempfile::tempdir().unwrap();
    let (shells, mut ran) = (shells(), 0);
    for _ in 0..800 {
        let command: String =
            (0..3 + numbers.below(12)).map(|_| PIECES[numbers.below(PIECES.len())]).collect();
        let source = plan(&format!(": start\n{}", command.replace('@', "${{ vars.v }}")));
        let Some(plan) = check(&source).plan else { continue };
        let value = VALUES[numbers.below(VALUES.len())];
        // With its value, `raw` aside, a command that is accepted once is accepted always.
        let script = script(&crate::compile(&plan, &with(value)).unwrap());
        ran += 1;
        for shell in &shells {
            let (_, errors) = run(shell, &script, folder.path());
            let made = std::fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(made, 0, "{shell:?} ran the value in\n{script}\n--- errors\n{errors}");
        }
    }
    assert!(ran > 80, "only {ran} commands were accepted");
}

#[test]
fn an_argument_of_another_shell_is_data() {
    check_output("sh -c 'printf \"<%s>\" \"$1\"' sh ${{ vars.v }}", "<<v>>");
}

#[test]
fn two_values_are_not_confused_and_the_authors_variables_are_kept() {
    let source = "name: a\nvars: { a-b: 1, a_b: 2 }\ntasks: { t: { on: local, steps: [ { run: '_vars_a_b=mine; echo ${{ vars.a-b }} ${{ vars.a_b }} $_vars_a_b' } ] } }";
    let script = script(&compiled(source, &Inputs::default()));
    let (output, _) = run(&["sh"], &script, Path::new("/"));
    assert_eq!(String::from_utf8_lossy(&output), "1 2 mine\n", "{script}");
}

#[test]
fn programs_that_the_command_starts_do_not_see_the_value() {
    let source = plan("env; echo ${{ vars.v }} >/dev/null");
    let script = script(&compiled(&source, &with("hidden-value")));
    let (output, _) = run(&["sh"], &script, Path::new("/"));
    assert!(!String::from_utf8_lossy(&output).contains("hidden-value"));
}

#[test]
fn a_secret_goes_in_like_any_value_and_only_when_it_is_revealed() {
    let compiled =
        compiled(&plan("printf '<%s>' \"a ${{ secrets.S }}\" ${{ secrets.S }}"), &Inputs::default());
    let Action::Run { script, .. } = &compiled.steps[0].action else { panic!() };
    assert!(script.to_string().contains("‹secret S›"), "{script}");
    for value in HOSTILE {
        let revealed = script.reveal(|name| (name == "S").then_some(value)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (output, errors) = run(&["sh"], &revealed, folder.path());
        assert_eq!(String::from_utf8_lossy(&output), format!("<a {value}><{value}>"), "{errors}");
    }
}

#[test]
fn a_fact_goes_in_like_any_value_once_the_host_has_told_it() {
    let compiled = compiled(
        &plan("printf '<%s>' \"a ${{ facts.hostname }}\" ${{ facts.hostname }} '${{ facts.cpu_count }}'"),
        &Inputs::default(),
    );
    let step = &compiled.steps[0];
    assert!(step.needs_facts());
    for value in HOSTILE {
        let facts = Facts { hostname: Some(value.to_owned()), cpu_count: Some(2), ..Facts::default() };
        let step = step.with_facts(&facts).unwrap();
        let Action::Run { script, .. } = &step.action else { panic!() };
        let script = script.as_literal().unwrap();
        for shell in shells() {
            let folder = tempfile::tempdir().unwrap();
            let (output, errors) = run(&shell, script, folder.path());
            let expected = format!("<a {value}><{value}><2>");
            assert_eq!(String::from_utf8_lossy(&output), expected, "{shell:?}: {errors}");
        }
    }
}

#[test]
fn raw_puts_the_value_in_as_code_and_the_check_says_so() {
    let source = plan("${{ vars.v | raw }} ${{ vars.v }}");
    let script = script(&compiled(&source, &with("echo a;")));
    let (output, _) = run(&["sh"], &format!("{script} 2>/dev/null"), Path::new("/"));
    assert_eq!(String::from_utf8_lossy(&output), "a\n", "{script}");
    let notes = check(&source).diagnostics;
    assert_eq!(notes.len(), 1, "{notes:#?}");
    assert_eq!((notes[0].code, notes[0].line, notes[0].column), (Code::Raw, 9, 11));
}

#[test]
fn where_a_value_could_become_code_it_is_refused_at_its_place() {
    for command in [
        "cat <<'EOF'\n@\nEOF",
        "cat <<\"EOF\"\n@\nEOF",
        "cat <<\\EOF\n@\nEOF",
        "cat <<@\nx\n@",
        "echo `echo @`",
        "echo \"`echo @`\"",
        "echo $((@ + 1))",
        "((@ > 1))",
        "echo ${x:-@}",
        "echo \"${x:-@}\"",
        "echo $'a @'",
        "echo \\@",
        "echo \"\\@\"",
        "echo $@",
        "cat <<EOF\n$@\nEOF",
        "cat <<EOF\n\\@\nEOF",
        "eval echo @",
        "eval \"echo @\"",
        "x=1 eval 'echo @'",
        "if true; then eval @; fi",
        "command eval @",
        "trap 'rm -f @' EXIT",
        "sh -c \"echo @\"",
        "sh -c 'echo @'",
        "sudo -u web /bin/bash -lc \"echo @\"",
        "docker exec shop sh -c 'echo @'",
        "su - web -c @",
        "su web --command=@",
        "ssh web \"cd @ && ls\"",
        "ssh -p 22 -o A=b web ls @",
        "sh <<EOF\necho @\nEOF",
        "cat <<EOF | sudo sh\necho @\nEOF",
        "ssh web sh <<EOF\necho @\nEOF",
        "bash <<< @",
        "echo $'it\\'s' @",
        "echo \"${x:-'}\" @",
    ] {
        let value = "${{ vars.v }}";
        let source = plan(&command.replace('@', value));
        let found = check(&source).diagnostics;
        let errors: Vec<_> = found.iter().filter(|problem| problem.code == Code::UnsafeTemplate).collect();
        assert!(!errors.is_empty() && errors.len() == found.len(), "{command}: {found:#?}");
        for error in errors {
            assert!(error.hint.is_some(), "{command}");
            let lines: Vec<&str> = source.lines().collect();
            let line: Vec<char> = lines[error.line as usize - 1].chars().collect();
            let shown: String =
                line[error.column as usize - 1..error.end_column as usize - 1].iter().collect();
            assert_eq!(shown, value, "{command}");
        }
    }
}

#[test]
fn harmless_places_that_look_like_code_are_allowed() {
    for command in [
        "ssh ${{ vars.v }}",
        "ssh -p ${{ vars.v }} web uptime",
        "ls /etc/ssh ${{ vars.v }} ${{ vars.v }}",
        "npm run eval ${{ vars.v }}",
        "bash build.sh ${{ vars.v }}",
        "sh -c 'echo \"$1\"' sh ${{ vars.v }}",
        "sh -c true; echo ${{ vars.v }}",
        "echo $$${{ vars.v }}",
        "echo $# ${{ vars.v }} $? \"$@\"",
        "apt-get install -y bash curl ${{ vars.v }}",
        "case ${{ vars.v }} in a) echo ${{ vars.v }} ;; (b) ;; esac; echo '${{ vars.v }}'",
        "for i in ${{ vars.v }}; do echo \"$i\"; done > ${{ vars.v }} 2>&1",
    ] {
        assert!(check(&plan(command)).plan.is_some(), "{command}: {:#?}", check(&plan(command)).diagnostics);
    }
}

#[test]
fn a_value_outside_of_commands_goes_in_as_it_is() {
    let source = "name: a\nvars: { v: x }\ntasks: { t: { on: local, steps: [ { run: x, cwd: '/${{ vars.v }}', env: { A: '${{ vars.v }}' }, creates: '${{ vars.v }}' } ] } }";
    let plan = compiled(source, &with("it's $(touch x)"));
    let Action::Run { cwd, env, .. } = &plan.steps[0].action else { panic!() };
    assert_eq!(cwd.as_ref().unwrap().as_literal(), Some("/it's $(touch x)"));
    assert_eq!(env["A"].as_literal(), Some("it's $(touch x)"));
    assert_eq!(plan.steps[0].guards[0].1.as_literal(), Some("it's $(touch x)"));
}

#[test]
fn places_are_found_whatever_characters_come_before() {
    let source = Source::new("aé\n\u{1f600}b\r\nc");
    let at = |index| (source.position(index).line, source.position(index).column);
    assert_eq!([at(0), at(2), at(3), at(4), at(7), at(99)], [(1, 1), (1, 3), (2, 1), (2, 2), (3, 1), (3, 2)]);
}
