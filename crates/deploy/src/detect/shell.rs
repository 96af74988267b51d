//! Commands as manifests have them, and as a container starts them.

/// What makes a command more than words.
const META: [char; 20] =
    ['|', '&', ';', '<', '>', '(', ')', '$', '`', '\\', '"', '\'', '*', '?', '[', '#', '~', '\n', '{', '!'];

/// The words of a command that is nothing but words.
pub(super) fn words(command: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let plain = !command.contains(META) && words.first().is_some_and(|first| !first.contains('='));
    plain.then_some(words)
}

/// How a container starts a command: as a list, so that the program itself gets the signals that end it. What needs a shell
/// replaces it with the last program.
pub(super) fn exec_form(command: &str) -> Vec<String> {
    if let Some(words) = words(command) {
        return words.into_iter().map(str::to_owned).collect();
    }
    let quoted = command.contains(['"', '\'', '`', '\\', '(', '\n']);
    let joined = command.contains(['|', ';']) || command.replace("&&", "").contains('&');
    let script = if quoted && command.contains("&&") || joined {
        command.to_owned()
    } else {
        let (before, last) = command.rsplit_once("&&").map_or(("", command), |(before, last)| (before, last));
        let last = last.trim();
        let assigns = last.split_whitespace().next().is_some_and(|first| first.contains('='));
        let program = if last.starts_with("exec ") {
            last.to_owned()
        } else if assigns {
            format!("exec env {last}")
        } else {
            format!("exec {last}")
        };
        if before.is_empty() { program } else { format!("{} && {program}", before.trim()) }
    };
    vec!["/bin/sh".to_owned(), "-c".to_owned(), script]
}

/// The programs that a command starts, without assignments and `cross-env` before them.
pub(super) fn programs(command: &str) -> Vec<&str> {
    command
        .split(['&', '|', ';'])
        .filter_map(|part| part.split_whitespace().find(|word| !word.contains('=') && *word != "exec"))
        .collect()
}

/// The port that a command's options or assignments say.
pub(super) fn port(command: &str) -> Option<u16> {
    let words: Vec<&str> = command.split_whitespace().collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let next = || words.get(at + 1).copied().unwrap_or_default();
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, value),
            None => (*word, next()),
        };
        let value = value.trim_matches(['"', '\'']);
        match name {
            "--port" | "-p" | "PORT" | "--server.port" | "-Dserver.port" | "--http-port" => {
                value.parse().ok()
            }
            "--bind" | "-b" | "--listen" | "-l" | "-S" => {
                value.rsplit(':').next().and_then(|port| port.parse().ok())
            }
            _ => None,
        }
        .filter(|port| *port > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_gets_its_signals_itself() {
        for (command, expected) in [
            ("node server.js", "node|server.js"),
            ("node a && node b", "/bin/sh|-c|node a && exec node b"),
            ("PORT=3 node b", "/bin/sh|-c|exec env PORT=3 node b"),
            ("gunicorn -b 0.0.0.0:$PORT a:b", "/bin/sh|-c|exec gunicorn -b 0.0.0.0:$PORT a:b"),
            ("a | b", "/bin/sh|-c|a | b"),
            ("node -e 'a && b'", "/bin/sh|-c|node -e 'a && b'"),
            ("node 'a b'", "/bin/sh|-c|exec node 'a b'"),
        ] {
            assert_eq!(exec_form(command).join("|"), expected);
        }
    }

    #[test]
    fn ports_are_found_in_commands() {
        for (command, expected) in [
            ("next start -p 4000", Some(4000)),
            ("PORT=5000 node x", Some(5000)),
            ("serve --port=81", Some(81)),
            ("gunicorn --bind 0.0.0.0:9000 x", Some(9000)),
            ("x --port $PORT", None),
            ("x -p", None),
            ("x -p 99999", None),
        ] {
            assert_eq!(port(command), expected, "{command}");
        }
    }
}
