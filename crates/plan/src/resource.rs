//! The kinds of resources: what a step may say should be on a host, and with which parameters.
//!
//! They are data: the reader, the JSON Schema and the compiler all go by these tables. How a resource is compared and
//! changed on a host is said elsewhere, in one script for each kind.

mod kinds;

pub(crate) use kinds::KINDS;

/// A kind of resource.
pub(crate) struct Kind {
    /// The key of the step.
    pub(crate) name: &'static str,
    /// What it does, for editors.
    pub(crate) about: &'static str,
    /// The parameter that a value alone stands for: `package: nginx`.
    pub(crate) short: Option<&'static str>,
    /// All of them.
    pub(crate) params: &'static [Param],
    /// Of each of these sets at most one may be given.
    pub(crate) exclusive: &'static [&'static [&'static str]],
}

/// A parameter of a kind of resource.
pub(crate) struct Param {
    /// Its key.
    pub(crate) name: &'static str,
    /// What it says, for editors.
    pub(crate) about: &'static str,
    /// What its value is.
    pub(crate) of: Of,
    /// Whether it has to be given, or what it is when it is not.
    pub(crate) given: Given,
}

/// Whether a parameter has to be given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// It has to.
    Always,
    /// It may be left out, and nothing is said then.
    Maybe,
    /// It may be left out, and is this then.
    Or(&'static str),
}

/// What the value of a parameter is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// A text, which may have several lines.
    Text,
    /// A text of one line.
    Line,
    /// One text of one line, or a list of them: lines for the script.
    Lines,
    /// Names with texts of one line: lines `NAME=VALUE` for the script.
    Map,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`: `yes` or `no` for the script.
    Truth,
    /// A whole number in this range.
    Number(i64, i64),
    /// The mode of a file, in octal: three or four digits.
    Mode,
    /// A file on this machine, whose content the script gets as `content`, or as `content_base64` where it is no text.
    Source,
    /// The same, with `${{ … }}` in it put in first.
    Template,
}
