//! The shell programs that run on hosts, and the statements that are sent to them.

use secrecy::{ExposeSecret, SecretString};

use crate::StepRequest;

const COMMON: &str = include_str!("common.sh");
const LANE: &str = include_str!("lane.sh");
const SUPERVISOR: &str = include_str!("supervisor.sh");
const PROBE: &str = include_str!("probe.sh");
const UPLOAD: &str = include_str!("upload.sh");

/// Scripts up to this size are run as they are read. Longer ones do not fit into a pipe at once, so they are read
/// whole before their first command runs: half a script must never run.
const READ_WHOLE: usize = 16 * 1024;

/// `text` as one word of shell code.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for (i, part) in text.split('\'').enumerate() {
        if i > 0 {
            quoted.push_str("'\\''");
        }
        quoted.push_str(part);
    }
    quoted.push('\'');
    quoted
}

/// The program of a lane. `proc` is where the host's process file system is, `/proc` but in tests.
pub(crate) fn lane_program(token: &str, proc: &str) -> String {
    let supervisor = format!("{}{}", strip(COMMON), strip(SUPERVISOR));
    let probe = format!("{}{}", strip(COMMON), strip(PROBE));
    let lane = strip(LANE).replacen("proc=PROC\n", &format!("proc={}\n", quote(proc)), 1);
    format!("k={token} F=\nS={}\nQ={}\n{}{lane}", quote(&supervisor), quote(&probe), strip(COMMON))
}

/// The shell that takes an upload reads a number, a program of so many bytes, and then the program's own input. It
/// must not read one byte too many, which the shell's own reading of scripts would.
pub(crate) const COUNTED: &str = r#"IFS= read -r n; eval "$(dd bs=1 count="$n" 2>/dev/null)""#;

/// The program that takes an upload, for [`COUNTED`].
pub(crate) fn upload_program(token: &str, to: &str, what: Uploaded<'_>) -> String {
    let (kind, name, mode) = match what {
        Uploaded::File { name } => ("file", name, 0),
        Uploaded::Tree { mode } => ("tree", "", mode),
    };
    let program = format!(
        "k={token} t={} kind={kind} name={} mode={mode:o}\n{}",
        quote_path(to),
        quote(name),
        strip(UPLOAD)
    );
    format!("{}\n{program}", program.len())
}

/// What an upload is.
pub(crate) enum Uploaded<'a> {
    File { name: &'a str },
    Tree { mode: u32 },
}

/// Removes comments and indentation.
fn strip(program: &str) -> String {
    let mut stripped = String::with_capacity(program.len());
    for line in program.lines() {
        let line = line.trim_start();
        if !line.is_empty() && !line.starts_with('#') {
            stripped.push_str(line);
            stripped.push('\n');
        }
    }
    stripped
}

/// What is wrong with a request, if anything is.
pub(crate) fn check(request: &StepRequest) -> Result<(), String> {
    check_attempt(&request.attempt)?;
    let texts = [request.script.expose_secret()].into_iter().chain(request.cwd.as_deref());
    if texts.chain(request.env.iter().map(|(_, value)| value.expose_secret())).any(|text| text.contains('\0'))
    {
        return Err("a script, folder or variable contains a NUL character, which no shell can take".into());
    }
    let named = |name: &str| {
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    match request.env.iter().find(|(name, _)| name.is_empty() || !named(name)) {
        Some((name, _)) => Err(format!("{name:?} cannot be the name of an environment variable")),
        None => Ok(()),
    }
}

/// What is wrong with an attempt's name, if anything is.
pub(crate) fn check_attempt(attempt: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if attempt.is_empty() || attempt.len() > 200 || !attempt.chars().all(allowed) {
        return Err(format!("{attempt:?} cannot name an attempt: 1 to 200 of A-Z a-z 0-9 . _ -"));
    }
    Ok(())
}

/// The shell code that the attempt's own shell reads: environment and folder on the script's first line, so that the
/// line numbers in error messages are the script's.
pub(crate) fn payload(request: &StepRequest) -> SecretString {
    let mut code = String::from("exec 3<&-;");
    for (name, value) in &request.env {
        code.push_str(&format!("export {name}={};", quote(value.expose_secret())));
    }
    if let Some(cwd) = &request.cwd {
        code.push_str(&format!("CDPATH= cd -- {} || exit;", quote_path(cwd)));
    }
    let script = request.script.expose_secret();
    if request.login_shell {
        code.push_str(&format!(
            "printf '%s\\n' {} | {{ exec 3<&0 </dev/null; exec \"${{SHELL:-/bin/sh}}\" -l /dev/fd/3; }}",
            quote(script)
        ));
    } else if script.len() > READ_WHOLE {
        code.push_str(&format!("eval {}", quote(script)));
    } else {
        code.push_str(script);
    }
    code.push('\n');
    SecretString::from(code)
}

/// A path on a host as one word of shell code; `~` is the user's home.
pub(crate) fn quote_path(path: &str) -> String {
    match path.strip_prefix('~') {
        Some("") => "\"$HOME\"".into(),
        Some(rest) if rest.starts_with('/') => format!("\"$HOME\"{}", quote(rest)),
        _ => quote(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_survives_every_shell_character() {
        let text = "a'b\"c$d`e\\f\n\tg!h;i&j|k*l?m~n{o}p#q";
        for shell in ["dash", "bash", "busybox"] {
            let mut command = std::process::Command::new(shell);
            if shell == "busybox" {
                command.arg("sh");
            }
            let output = command.arg("-c").arg(format!("printf %s {}", quote(text))).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), text, "{shell}");
        }
    }

    #[test]
    fn a_home_path_is_expanded_and_its_rest_is_not() {
        assert_eq!(quote_path("~/a b$x"), "\"$HOME\"'/a b$x'");
        assert_eq!(quote_path("~"), "\"$HOME\"");
        assert_eq!(quote_path("~other/x"), "'~other/x'");
    }

    #[test]
    fn names_that_could_be_code_or_paths_are_refused() {
        for bad in ["", "a/b", "a b", "a'b", "$x", "a\n", &"x".repeat(201)] {
            assert!(check_attempt(bad).is_err(), "{bad:?}");
        }
        assert!(check_attempt("run-12.step_4.1").is_ok());
        let mut request = StepRequest::new("a", "true");
        request.env = vec![("1X".into(), SecretString::from("v"))];
        assert!(check(&request).is_err());
        request.env = vec![("X;Y".into(), SecretString::from("v"))];
        assert!(check(&request).is_err());
        request.env = vec![("X".into(), SecretString::from("v\0"))];
        assert!(check(&request).is_err());
    }
}
