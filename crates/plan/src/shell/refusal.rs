//! The places where no value may go.

/// Why a value cannot go where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    QuotedHereDocument,
    HereDocumentDelimiter,
    Backquotes,
    Arithmetic,
    Parameter,
    DollarQuote,
    AfterBackslash,
    AfterDollar,
    CodeOfShell,
    CodeOfSsh,
    Ambiguous,
}

impl Refusal {
    /// What is wrong, and what to do.
    pub(crate) fn explain(self) -> (&'static str, &'static str) {
        const ENV: &str = "pass it through `env:` and use the variable here";
        match self {
            Self::QuotedHereDocument => (
                "stands in a here-document with a quoted delimiter, in which the shell puts in nothing",
                "take the quotes off the delimiter (and write `\\$` for the `$` that stay), or upload a file",
            ),
            Self::HereDocumentDelimiter => {
                ("stands in the delimiter of a here-document", "write a fixed word there")
            }
            Self::Backquotes => (
                "stands in backquotes, whose quoting differs between shells",
                "write $( … ) instead of backquotes",
            ),
            Self::Arithmetic => ("stands in arithmetic, which some shells run as code", ENV),
            Self::Parameter => ("stands within ${…} of the shell, where it cannot be quoted reliably", ENV),
            Self::DollarQuote => ("stands in $'…', which not every shell knows", "use \"…\" quotes"),
            Self::AfterBackslash => (
                "follows a backslash, which would undo its quoting",
                "remove the backslash; for the characters `${{` themselves write '$''{{'",
            ),
            Self::AfterDollar => {
                ("follows a `$`, which would change its meaning", "put the `$` in single quotes: '$'")
            }
            Self::CodeOfShell => (
                "stands in a text that another shell runs as code, so its value could become code",
                "hand it over as an argument: sh -c 'echo \"$1\"' sh ${{ … }}; `| raw` puts it in as code on purpose",
            ),
            Self::CodeOfSsh => (
                "stands in a command for ssh, which a shell on that host runs as code",
                "make it a step of a task on that host; `| raw` puts it in as code on purpose",
            ),
            Self::Ambiguous => ("stands where shells disagree about the quotes before it", ENV),
        }
    }
}
