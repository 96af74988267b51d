//! The one way to the terminal: standard output, standard error, colour, and what to do when nobody reads any more.

use std::io::{self, BufWriter, IsTerminal, Write};

use serde::Serialize;
use steadyhand_api::{ApiError, ErrorCode};

use crate::{args::Format, documents::Refused, terminal_text};

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The operation was refused or went wrong.
    Api(ApiError),
    /// Nobody reads standard output any more (`steady runs | head -1`); that is no error of ours.
    ReaderGone,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        Self::Api(ApiError {
            code: ErrorCode::Internal,
            message: format!("cannot write to standard output: {error}"),
        })
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Colour {
    Grey = 90,
    Red = 31,
    Green = 32,
    Yellow = 33,
    Blue = 34,
}

pub(crate) struct Output {
    format: Format,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    terminal: bool,
    out_colour: bool,
    err_colour: bool,
    /// Whether the last line of the terminal is one that will be written over.
    passing: bool,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        // https://no-color.org: any value but the empty one.
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let terminal = io::stdout().is_terminal();
        Self {
            format,
            out: Box::new(BufWriter::with_capacity(64 * 1024, io::stdout())),
            err: Box::new(io::stderr()),
            terminal,
            out_colour: wanted && terminal,
            err_colour: wanted && io::stderr().is_terminal(),
            passing: false,
        }
    }

    pub(crate) fn json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether standard output is a terminal.
    pub(crate) fn terminal(&self) -> bool {
        self.terminal
    }

    /// A line for people; nothing when the format is JSON.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        if self.format == Format::Text {
            self.clear_passing()?;
            self.out.write_all(text.as_bytes())?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Shows a line that is not finished, in the place of the one that was shown like this before; only where a
    /// terminal shows it. Whatever is written next takes its place.
    pub(crate) fn passing(&mut self, text: &str) -> Result<(), Failure> {
        if self.format == Format::Text && self.terminal {
            self.clear_passing()?;
            // A line that is wider than the terminal is cut there: what is wrapped could not be written over.
            write!(self.out, "\x1b[?7l{text}\x1b[?7h")?;
            self.passing = true;
        }
        Ok(())
    }

    fn clear_passing(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.passing) {
            self.out.write_all(b"\r\x1b[K")?;
        }
        Ok(())
    }

    /// A JSON document or event on a line of its own; nothing when the format is text.
    pub(crate) fn document(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        if self.format == Format::Json {
            let mut line = serde_json::to_vec(value).map_err(io::Error::from)?;
            line.push(b'\n');
            self.out.write_all(&line)?;
            self.out.flush()?;
        }
        Ok(())
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes)?;
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush()?;
        Ok(())
    }

    /// Something to know that is no result: on standard error, in both formats. Errors of writing are ignored, since
    /// there is nowhere left to report them.
    pub(crate) fn note(&mut self, text: &str) {
        let _ = self.clear_passing();
        let _ = self.out.flush();
        let _ = writeln!(self.err, "{text}");
    }

    /// A question without a line end, on standard error so that it is seen when standard output is redirected.
    pub(crate) fn prompt(&mut self, text: &str) {
        let _ = self.clear_passing();
        let _ = self.out.flush();
        let _ = write!(self.err, "{text}");
        let _ = self.err.flush();
    }

    pub(crate) fn error(&mut self, error: &ApiError) {
        if self.json() {
            let _ = self.document(&Refused { error });
        } else {
            let label = paint(self.err_colour, Colour::Red, "error:");
            let message = error.message.lines().map(terminal_text::plain).collect::<Vec<_>>().join("\n");
            self.note(&format!("{label} {message}"));
        }
    }

    /// The text in a colour, where standard output shows colours.
    pub(crate) fn paint(&self, colour: Colour, text: &str) -> String {
        paint(self.out_colour, colour, text)
    }

    /// A line of a log as it may be shown: with its colours where standard output shows colours, and never with any
    /// other control sequence.
    pub(crate) fn log_text(&self, text: &str) -> String {
        if self.out_colour { terminal_text::coloured(text) } else { terminal_text::plain(text) }
    }
}

fn paint(colours: bool, colour: Colour, text: &str) -> String {
    if colours { format!("\x1b[{}m{text}\x1b[0m", colour as u8) } else { text.to_owned() }
}
