//! Carrying something out as another user, by means of `sudo`, `su` or `doas`.
//!
//! The code reaches the other user's shell on standard input, behind a mark, and the password before it: neither is in a
//! command line. A program that does not ask for the password leaves it to the shell, which drops all before the mark. Of
//! `su`, which may read more of its input than the password, the shell has the code from its environment.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::shell::{quote, whole};

/// Between the password and the code. A program that asks again after a wrong password reads empty lines before it.
const MARK: &str = "#steadyhand:";
/// The longest code that the environment takes (Linux: `MAX_ARG_STRLEN`, 128 KiB).
const LONGEST: usize = 120_000;

/// Which program changes the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElevateBy {
    /// sudo
    Sudo,
    /// su
    Su,
    /// doas
    Doas,
}

/// As whom something is carried out.
#[derive(Clone, Debug)]
pub struct Elevation {
    /// By which program.
    pub by: ElevateBy,
    /// The name of the user.
    pub user: String,
    /// What the program asks for, if it does.
    pub password: Option<SecretString>,
}

impl fmt::Display for ElevateBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sudo => "sudo",
            Self::Su => "su",
            Self::Doas => "doas",
        })
    }
}

impl Elevation {
    /// What is wrong with it, if anything is.
    pub(crate) fn check(&self) -> Result<(), String> {
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '$');
        if self.user.is_empty() || self.user.starts_with('-') || !self.user.chars().all(named) {
            return Err(format!("{:?} cannot be the name of a user to become", self.user));
        }
        if self.password.as_ref().is_some_and(|password| password.expose_secret().contains(['\n', '\0'])) {
            return Err(format!("the password for {} has a line break or a NUL character in it", self.by));
        }
        if self.by == ElevateBy::Doas && self.password.is_some() {
            return Err(
                "doas asks for passwords on a terminal only; allow it there with `nopass`, or use sudo"
                    .into(),
            );
        }
        Ok(())
    }

    /// One line of shell code that carries out `code`, itself one line of it, as the other user, in that one's home. Its status
    /// is that of `code`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn wrap(&self, code: &str) -> Result<String, String> {
        self.check()?;
        let whole = whole(code);
        let user = quote(&self.user);
        let home = r#"cd "$HOME" 2>/dev/null || cd /"#;
        if let (ElevateBy::Su, Some(password)) = (self.by, &self.password) {
            if whole.len() > LONGEST {
                return Err(format!(
                    "the script has more than {LONGEST} bytes, which su with a password cannot take; use sudo"
                ));
            }
            let inner =
                format!("s=$STEADYHAND_CODE; unset STEADYHAND_CODE; exec </dev/null; {home}; eval \"$s\"");
            return Ok(format!(
                "printf '%s\\n' {} | STEADYHAND_CODE={} su {user} -c {}",
                quote(password.expose_secret()),
                quote(&whole),
                quote(&inner)
            ));
        }
        let inner = format!(
            "export STEADYHAND_ATTEMPT=\"$1\"; s=$(cat; echo .); exec </dev/null; \
             case $s in *{MARK}*) ;; *) echo 'The script did not arrive: nothing was run.'; exit 2 ;; esac; \
             s=${{s#*{MARK}}}; {home}; eval \"${{s%.}}\"",
            MARK = quote(MARK),
        );
        let input = match &self.password {
            Some(password) => format!(
                "printf '%s\\n\\n\\n%s' {} {}",
                quote(password.expose_secret()),
                quote(&format!("{MARK}{whole}"))
            ),
            None => format!("printf %s {}", quote(&format!("{MARK}{whole}"))),
        };
        let inner = quote(&inner);
        Ok(match self.by {
            ElevateBy::Su => format!("{input} | su {user} -s /bin/sh -c {inner} sh \"$STEADYHAND_ATTEMPT\""),
            ElevateBy::Sudo | ElevateBy::Doas => {
                format!("{input} | {} /bin/sh -c {inner} sh \"$STEADYHAND_ATTEMPT\"", self.command())
            }
        })
    }

    /// A script that runs `script` as the other user.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn script(&self, script: &str) -> Result<String, String> {
        self.wrap(&format!("eval {}", quote(script)))
    }

    /// A script that tells, by its status, whether this user may become the other one. A wrong password is tried once.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn question(&self) -> Result<String, String> {
        match (self.by, &self.password) {
            (ElevateBy::Sudo, Some(password)) => {
                self.check()?;
                Ok(format!("printf '%s\\n' {} | {} true", quote(password.expose_secret()), self.command()))
            }
            _ => self.script("exit 0"),
        }
    }

    /// The same for a program that goes on to read standard input.
    pub(crate) fn with_input(&self, program: &str) -> Result<String, String> {
        self.check()?;
        let user = quote(&self.user);
        Ok(match (self.by, &self.password) {
            (ElevateBy::Su, None) => format!("exec su {user} -s /bin/sh -c {}", quote(program)),
            (ElevateBy::Su, Some(_)) => {
                return Err("su with a password cannot take an upload; use sudo".into());
            }
            (_, None) => format!("exec {} /bin/sh -c {}", self.command(), quote(program)),
            (_, Some(password)) => {
                let past = format!("while IFS= read -r l && [ \"$l\" != {} ]; do :; done\n", quote(MARK));
                format!(
                    "{{ printf '%s\\n\\n\\n%s\\n' {} {}; exec cat; }} | {} /bin/sh -c {}",
                    quote(password.expose_secret()),
                    quote(MARK),
                    self.command(),
                    quote(&format!("{past}{program}"))
                )
            }
        })
    }

    /// The program with its options, before a command.
    fn command(&self) -> String {
        let user = quote(&self.user);
        match (self.by, &self.password) {
            (ElevateBy::Sudo, None) => format!("sudo -n -H -u {user} --"),
            (ElevateBy::Sudo, Some(_)) => format!("sudo -S -k -p '' -H -u {user} --"),
            (ElevateBy::Su, _) => "su".to_owned(),
            (ElevateBy::Doas, _) => format!("doas -n -u {user} --"),
        }
    }

    /// A shell function `up` that runs a command as the other user: to end what was carried out so.
    pub(crate) fn up(&self) -> String {
        match (self.by, &self.password) {
            (ElevateBy::Sudo, Some(password)) => format!(
                "up() {{ printf '%s\\n' {} | {} \"$@\"; }}",
                quote(password.expose_secret()),
                self.command()
            ),
            // Only root uses it without one, and needs no help to end something.
            (ElevateBy::Su, _) => UP.to_owned(),
            _ => format!("up() {{ {} \"$@\" </dev/null; }}", self.command()),
        }
    }
}

/// The same for what was not carried out as somebody else, but may have become so by itself.
pub(crate) const UP: &str = "up() { sudo -n \"$@\" </dev/null; }";
