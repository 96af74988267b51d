//! The shell programs that run on hosts, and the statements that are sent to them.

use secrecy::{ExposeSecret, SecretString};

use crate::{Elevation, StepRequest};

const COMMON: &str = include_str!("common.sh");
const LANE: &str = include_str!("lane.sh");
const SUPERVISOR: &str = include_str!("supervisor.sh");
const PROBE: &str = include_str!("probe.sh");
const TRANSFER: &str = include_str!("transfer.sh");
const UPLOAD: &str = include_str!("upload.sh");
const SEND: &str = include_str!("send.sh");
const DOWNLOAD: &str = include_str!("download.sh");
const FACTS: &str = include_str!("facts.sh");

/// Where a host has what the programs need. All but the hosts of tests are [`USUAL`].
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    /// The process file system.
    pub(crate) proc: &'a str,
    /// The shell that supervisors, commands and questions run in: words.
    pub(crate) shell: &'a str,
}

/// The places of every host.
pub(crate) const USUAL: Places<'static> = Places { proc: "/proc", shell: "/bin/sh" };

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

/// The program of a lane.
pub(crate) fn lane_program(token: &str, places: Places<'_>) -> String {
    let supervisor = format!("{}{}", strip(COMMON), strip(SUPERVISOR));
    let probe = format!("{}{}", strip(COMMON), strip(PROBE));
    let lane = strip(LANE).replacen("proc=PROC\n", &format!("proc={}\n", quote(places.proc)), 1).replacen(
        "sh=SHELL\n",
        &format!("sh={}\n", quote(places.shell)),
        1,
    );
    format!("k={token} F=\nS={}\nQ={}\n{}{lane}", quote(&supervisor), quote(&probe), strip(COMMON))
}

/// The shell of a transfer reads a number, a program of so many bytes, and then the program's own input. It must not
/// read one byte too many, which the shell's own reading of scripts would.
pub(crate) const COUNTED: &str = r#"IFS= read -r n; eval "$(dd bs=1 count="$n" 2>/dev/null)""#;

/// The program that takes an upload, for [`COUNTED`]. `names` and `links` say how many bytes of names follow.
///
/// # Errors
/// What is wrong with `elevation`.
pub(crate) fn upload_program(
    token: &str,
    to: &str,
    what: &Uploaded,
    (names, links): (usize, usize),
    elevation: Option<&Elevation>,
) -> Result<String, String> {
    let (kind, name, mode, mirror) = match what {
        Uploaded::File { name } => ("file", name.as_str(), 0, ""),
        Uploaded::Tree { mode, mirrored } => ("tree", "", *mode, if *mirrored { "1" } else { "" }),
    };
    let variables = format!(
        "t={} kind={kind} name={} mode={mode:o} mirror={mirror} a={names} b={links}",
        quote_path(&no_option(to)),
        quote(name)
    );
    transfer_program(token, &variables, UPLOAD, elevation)
}

/// The program that takes a large file, for [`COUNTED`]: of `size` bytes with this SHA-256, into a folder.
///
/// # Errors
/// What is wrong with `elevation`.
pub(crate) fn send_program(
    token: &str,
    folder: &str,
    (sha256, size): (&str, u64),
    elevation: Option<&Elevation>,
) -> Result<String, String> {
    let variables = format!("d={} h={} n={size}", quote_path(&no_option(folder)), quote(sha256));
    transfer_program(token, &variables, SEND, elevation)
}

/// The program that sends a download, for [`COUNTED`].
///
/// # Errors
/// What is wrong with `elevation`.
pub(crate) fn download_program(
    token: &str,
    from: &str,
    elevation: Option<&Elevation>,
) -> Result<String, String> {
    transfer_program(token, &format!("f={}", quote_path(&no_option(from))), DOWNLOAD, elevation)
}

fn transfer_program(
    token: &str,
    variables: &str,
    program: &str,
    elevation: Option<&Elevation>,
) -> Result<String, String> {
    let program = format!("k={token} {variables}\n{}{}", strip(TRANSFER), strip(program));
    let program = match elevation {
        Some(elevation) => elevation.with_input(&program)?,
        None => program,
    };
    Ok(format!("{}\n{program}", program.len()))
}

/// A path that no program takes for an option.
fn no_option(path: &str) -> String {
    if path.starts_with('-') { format!("./{path}") } else { path.to_owned() }
}

/// The question that a host answers with facts about itself.
pub(crate) fn facts_question() -> String {
    strip(FACTS)
}

/// What an upload is.
pub(crate) enum Uploaded {
    File {
        name: String,
    },
    /// With `mirrored`, what else is there is removed.
    Tree {
        mode: u32,
        mirrored: bool,
    },
}

/// Removes comments and indentation.
pub(crate) fn strip(program: &str) -> String {
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
    if let Some(elevation) = &request.elevation {
        elevation.wrap(&code(request))?;
    }
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
    let code = code(request);
    let code = match &request.elevation {
        None => code,
        // What cannot be carried out as somebody else is not carried out.
        Some(elevation) => {
            elevation.wrap(&code).unwrap_or_else(|why| format!("printf '%s\\n' {} >&2;exit 2", quote(&why)))
        }
    };
    SecretString::from(whole(&if request.capture { captured(&code) } else { code }))
}

/// `code`, with what it writes to standard output in a file beside its log, which goes into the log when it has ended. What
/// it leaves behind may go on to write, and is not waited for. Its status is that of `code`.
fn captured(code: &str) -> String {
    format!(
        "o=\"${{STEADYHAND_ATTEMPT%/}}.out\";({code}) >\"$o\";r=$?;cat <\"$o\" || [ \"$r\" != 0 ] || r=1;exit \"$r\""
    )
}

/// What is run: one command line.
fn code(request: &StepRequest) -> String {
    let mut code = String::new();
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
    } else {
        code.push_str(&format!("eval {}", quote(script)));
    }
    code
}

/// `code` for a shell that reads it from descriptor 3. A shell runs what it reads as it comes, a pipe takes a long text in
/// pieces, and who writes it may die in between, so that half a script would run. No beginning of this has its closing
/// brace: a shell finds a syntax error in it and runs nothing. Whole, it ends with an exit: a shell that goes on after it
/// has read nothing at all. `code` must be one command line, with scripts as quoted words in it: then what is in it
/// cannot close the brace either, and an `eval` reads it as it would read a file.
pub(crate) fn whole(code: &str) -> String {
    format!("{{ exec 3<&-;{code};exit;}}\n")
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
    fn a_script_that_was_cut_off_runs_nothing_of_it() {
        let script = "echo 'a' >>ran\necho \"it's\" >>ran\n# '\ncat <<X >>ran\nb";
        let mut request = StepRequest::new("a", script);
        request.env = vec![("X".into(), SecretString::from("it's"))];
        request.cwd = Some("~/".into());
        let code = payload(&request);
        let code = code.expose_secret();
        let home = tempfile::tempdir().unwrap();
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let run = |length: usize| {
                let script = home.path().join("script");
                std::fs::write(&script, &code[..length]).unwrap();
                let mut command = std::process::Command::new(shell[0]);
                command.args(&shell[1..]).args(["-c", ". /dev/fd/0"]).env("HOME", home.path());
                command.stdin(std::fs::File::open(script).unwrap()).output().unwrap().status.code()
            };
            for length in 1..code.len() - 1 {
                assert_ne!(run(length), Some(0), "{shell:?}: {:?}", &code[..length]);
                assert!(!home.path().join("ran").exists(), "{shell:?}: {:?}", &code[..length]);
            }
            assert_eq!(run(code.len()), Some(0), "{shell:?}");
            let ran = std::fs::read_to_string(home.path().join("ran")).unwrap();
            assert_eq!(ran.trim_end(), "a\nit's\nb", "{shell:?}");
            std::fs::remove_file(home.path().join("ran")).unwrap();
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
