//! Problems of a plan, each with its place in the source.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::span::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The plan cannot run.
    Error,
    /// The plan can run, but probably not as meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// What kind of problem it is; for programs, which never compare messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The source is not YAML.
    Syntax,
    /// The source is larger or more deeply nested than any plan.
    TooLarge,
    /// YAML that plans do not use (tags, several documents, merge keys).
    YamlFeature,
    /// The plan has nothing to do.
    Empty,
    /// A key that plans do not have.
    UnknownKey,
    /// Something that a later version may have.
    Unsupported,
    /// A key that stands twice.
    DuplicateKey,
    /// A key that must be there and is not.
    MissingKey,
    /// Another kind of value was expected.
    WrongType,
    /// A value of the right kind that makes no sense here.
    InvalidValue,
    /// A name that does not look like one.
    InvalidName,
    /// A name that two things have.
    NameTaken,
    /// A host or a group that is not declared.
    UnknownHost,
    /// A task that is not declared.
    UnknownTask,
    /// A handler that the task does not have.
    UnknownHandler,
    /// Something that nothing uses.
    Unused,
    /// Tasks, variables or jump hosts that wait for each other.
    Cycle,
    /// A step without exactly one action.
    Action,
    /// `${{ … }}` that cannot be read.
    Template,
    /// A condition (`when:`) that cannot be read, or whose types do not fit.
    When,
    /// `${{ … }}` that names something that is not there.
    UndefinedName,
    /// `${{ … }}` where its value could not be put in safely.
    UnsafeTemplate,
    /// `| raw`: a value that is put into a shell command as it is.
    Raw,
    /// A file that the plan includes and that cannot be read.
    File,
    /// What was discovered does not fit the plan.
    Discovery,
}

/// A problem of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of problem it is.
    pub code: Code,
    /// What was expected and what was found.
    pub message: String,
    /// The file, when it is not the plan itself but one that it includes: as seen from the plan's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub file: Option<String>,
    /// The number of that file, until its name is put in.
    #[serde(skip)]
    #[ts(skip)]
    pub(crate) number: u16,
    /// The line of the source, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The line of the end.
    pub end_line: u32,
    /// The column just after the end.
    pub end_column: u32,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    pub(crate) fn new(severity: Severity, code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            message: message.into(),
            file: None,
            number: span.start.file,
            line: span.start.line,
            column: span.start.column,
            end_line: span.end.line,
            end_column: span.end.column,
            hint: None,
        }
    }

    pub(crate) fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, span, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the plan cannot run because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// `12:7: error: message (hint)`; a caller puts the name of the plan's file before it. In another file, its name comes first.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
        }
        write!(f, "{}:{}: {}: {}", self.line, self.column, self.severity, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// The longest piece of a source line that [`render`] shows, in characters.
const WIDTH: usize = 120;

/// The diagnostic as a terminal shows it: place, message, the line of the source with the place underlined, hint.
/// `file` and `source` are the plan's; of what is in another file no line is shown.
#[must_use]
pub fn render(diagnostic: &Diagnostic, file: &str, source: &str) -> String {
    let Diagnostic { severity, message, line, column, .. } = diagnostic;
    let source = if diagnostic.file.is_some() { "" } else { source };
    let file = diagnostic.file.as_deref().unwrap_or(file);
    let mut out = format!("{file}:{line}:{column}: {severity}: {message}\n");
    let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    if let Some(text) = source.lines().nth(index) {
        // Control characters would move the caret or drive the terminal.
        let all: Vec<char> = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let start = usize::try_from(column.saturating_sub(1)).unwrap_or(0).min(all.len());
        let from = if start < WIDTH * 2 / 3 { 0 } else { start - WIDTH / 2 };
        let to = all.len().min(from + WIDTH);
        let end = if diagnostic.end_line == *line {
            usize::try_from(diagnostic.end_column.saturating_sub(1)).unwrap_or(0)
        } else {
            text.trim_end().chars().count()
        };
        let marks = end.clamp(start + 1, (to + 1).max(start + 1)) - start;
        let (left, right) = (if from > 0 { "…" } else { "" }, if to < all.len() { "…" } else { "" });
        let shown: String = all[from..to].iter().collect();
        let gutter = " ".repeat(line.to_string().len());
        let pad = " ".repeat(start - from + left.chars().count());
        out.push_str(&format!(
            "{gutter} |\n{line} | {left}{shown}{right}\n{gutter} | {pad}{}\n",
            "^".repeat(marks)
        ));
    }
    if let Some(hint) = &diagnostic.hint {
        out.push_str(&format!("  hint: {hint}\n"));
    }
    out
}
