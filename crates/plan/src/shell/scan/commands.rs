//! The words of the commands that are being scanned, as far as they say which of their arguments are run as code.

use super::Refusal;

/// Programs whose argument after `-c` is code.
const SHELLS: [&str; 13] = [
    "sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "fish", "busybox", "su", "runuser", "script", "flock",
];
/// Words after which a command begins.
const OPENERS: [&str; 13] =
    ["if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "command", "builtin", "exec"];
/// Options of `ssh` that take an argument.
const SSH_OPTIONS: &str = "BbcDEeFIiJLlmOoPpQRSWw";

/// Which arguments of the current command are code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    /// None that is known.
    None,
    /// Those after `-c`.
    AfterC,
    /// The next one.
    Next(Refusal),
    /// All that follow.
    Rest(Refusal),
    /// Those after the host's name; the next one is the argument of an option when `true`.
    Ssh(bool),
}

/// A list of commands: the whole text, or that of one `$( … )`.
pub(super) struct Commands {
    is_nested: bool,
    /// Parentheses that are open in it.
    pub(super) parentheses: u32,
    /// `case` without its `esac`.
    cases: u32,
    /// The word that is being read; `None` between words.
    word: Option<String>,
    /// Whether a part of the word is not known before it runs.
    is_unknown: bool,
    words: u32,
    code: Code,
    /// Whether a shell was called on the current line, which may read a here-document as code.
    line_has_shell: bool,
}

impl Commands {
    pub(super) fn new(is_nested: bool) -> Self {
        Self {
            is_nested,
            parentheses: 0,
            cases: 0,
            word: None,
            is_unknown: false,
            words: 0,
            code: Code::None,
            line_has_shell: false,
        }
    }

    pub(super) fn begin_word(&mut self) {
        self.word.get_or_insert_default();
    }

    pub(super) fn in_word(&self) -> bool {
        self.word.is_some()
    }

    pub(super) fn at_start(&self) -> bool {
        self.words == 0 && self.word.is_none()
    }

    pub(super) fn add(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    pub(super) fn add_unknown(&mut self) {
        self.begin_word();
        self.is_unknown = true;
    }

    /// Why a value in the current word, or in one that begins here, would be run as code.
    pub(super) fn code_here(&self) -> Option<Refusal> {
        match self.code {
            Code::Next(refusal) | Code::Rest(refusal) => Some(refusal),
            Code::AfterC if self.word.as_ref().is_some_and(|word| word.starts_with("--command=")) => {
                Some(Refusal::CodeOfShell)
            }
            Code::None | Code::AfterC | Code::Ssh(_) => None,
        }
    }

    pub(super) fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        let is_unknown = std::mem::take(&mut self.is_unknown);
        if self.words == 0 && !is_unknown {
            match word.as_str() {
                "case" => self.cases += 1,
                "esac" => self.cases = self.cases.saturating_sub(1),
                _ => {}
            }
            let is_setting = word.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            });
            if is_setting || OPENERS.contains(&word.as_str()) {
                return;
            }
        }
        self.words = self.words.saturating_add(1);
        self.code = self.code_after(&word, is_unknown);
        self.line_has_shell |= matches!(self.code, Code::AfterC | Code::Ssh(_));
    }

    fn code_after(&self, word: &str, is_unknown: bool) -> Code {
        // A path is a program only where programs are: `/etc/ssh` is none.
        let program = match word.rsplit_once('/') {
            None => word,
            Some((folder, file)) if folder.ends_with("bin") => file,
            Some(_) => "",
        };
        let is_option = word.starts_with('-');
        match self.code {
            Code::Rest(refusal) => return Code::Rest(refusal),
            Code::Ssh(true) => return Code::Ssh(false),
            Code::Ssh(false) if is_option && !is_unknown => {
                let takes_one =
                    word.len() == 2 && word.chars().nth(1).is_some_and(|c| SSH_OPTIONS.contains(c));
                return Code::Ssh(takes_one);
            }
            Code::Ssh(false) if word.starts_with('-') => return Code::Ssh(false),
            Code::Ssh(false) => return Code::Rest(Refusal::CodeOfSsh),
            Code::AfterC if is_after_c(word) => return Code::Next(Refusal::CodeOfShell),
            Code::Next(refusal) if word == "--" => return Code::Next(refusal),
            Code::None | Code::AfterC | Code::Next(_) => {}
        }
        match program {
            _ if is_unknown => self.kept(),
            "eval" if self.words == 1 => Code::Rest(Refusal::CodeOfShell),
            "trap" if self.words == 1 => Code::Next(Refusal::CodeOfShell),
            "ssh" => Code::Ssh(false),
            program if SHELLS.contains(&program) => Code::AfterC,
            _ => self.kept(),
        }
    }

    /// After the code of `sh -c` come its arguments.
    fn kept(&self) -> Code {
        if self.code == Code::AfterC { Code::AfterC } else { Code::None }
    }

    /// After `<<<`: a shell runs the next word as code.
    pub(super) fn here_string(&mut self) {
        self.end_word();
        if matches!(self.code, Code::AfterC | Code::Ssh(_)) {
            self.code = Code::Next(Refusal::CodeOfShell);
        }
    }

    /// At the end of a line: whether a shell was called on it.
    pub(super) fn end_line(&mut self) -> bool {
        self.end_command();
        std::mem::take(&mut self.line_has_shell)
    }

    pub(super) fn end_command(&mut self) {
        self.end_word();
        self.words = 0;
        self.code = Code::None;
    }

    /// A closing parenthesis: whether it ends this list of commands.
    pub(super) fn close(&mut self) -> bool {
        self.end_command();
        if self.parentheses > 0 {
            self.parentheses -= 1;
        } else if self.cases == 0 {
            return self.is_nested;
        }
        false
    }
}

/// `-c`, also among other letters (`-lc`), or `--command`.
fn is_after_c(word: &str) -> bool {
    word == "--command"
        || (word.starts_with('-') && !word.starts_with("--") && word.chars().skip(1).any(|c| c == 'c'))
}
