//! Finds out in which quoting of a shell command each value stands.
//!
//! It follows the token recognition of the POSIX shell (IEEE Std 1003.1-2017, 2.3) as far as quoting goes. It keeps
//! its own stack and looks at each character a bounded number of times, so no command can exhaust it.

mod commands;
mod here_document;

use std::collections::{BTreeMap, VecDeque};

use commands::Commands;
use here_document::HereDocument;

use super::Refusal;

/// The deepest nesting of quotes and commands that is followed.
const MAX_DEPTH: usize = 100;

/// A character of the command, or a value that stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Char(char),
    Value(usize),
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Bare,
    Double { after_dollar: bool },
    Single,
    HereDocument,
    Comment,
}

/// What encloses the current character, innermost last.
enum Frame {
    /// Commands: the whole text, or `$( … )`.
    Commands(Commands),
    Double,
    /// `${ … }`
    Parameter {
        in_double: bool,
    },
    /// `$(( … ))` or `(( … ))`, with the number of parentheses that are open.
    Arithmetic {
        open: u32,
    },
    Backquotes,
    /// The body of a here-document: where its delimiter's line begins and ends.
    HereDocument {
        end: usize,
        after: usize,
        is_code: bool,
    },
}

struct Scan<'t> {
    tokens: &'t [Token],
    at: usize,
    frames: Vec<Frame>,
    waiting: VecDeque<HereDocument>,
    /// Shells disagree about where a quote ended.
    ambiguous: bool,
    places: BTreeMap<usize, Result<Place, Refusal>>,
}

/// The place of each value.
pub(super) fn places(tokens: &[Token]) -> BTreeMap<usize, Result<Place, Refusal>> {
    let frames = vec![Frame::Commands(Commands::new(false))];
    let mut scan =
        Scan { tokens, at: 0, frames, waiting: VecDeque::new(), ambiguous: false, places: BTreeMap::new() };
    while scan.at < tokens.len() {
        scan.step();
    }
    scan.places
}

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> Option<Token> {
        self.tokens.get(self.at + ahead).copied()
    }

    fn next_is(&self, ahead: usize, c: char) -> bool {
        self.peek(ahead) == Some(Token::Char(c))
    }

    fn place(&mut self, value: usize, place: Result<Place, Refusal>) {
        let place = if self.ambiguous { place.and(Err(Refusal::Ambiguous)) } else { place };
        self.places.entry(value).or_insert(place);
    }

    fn commands(&mut self) -> Option<&mut Commands> {
        // The commands that the current word belongs to: a double quote is a part of it, nothing else is.
        self.frames.iter_mut().rev().find(|frame| !matches!(frame, Frame::Double)).and_then(|frame| {
            match frame {
                Frame::Commands(commands) => Some(commands),
                _ => None,
            }
        })
    }

    fn step(&mut self) {
        if self.frames.len() > MAX_DEPTH {
            for token in &self.tokens[self.at..] {
                if let Token::Value(value) = token {
                    self.places.entry(*value).or_insert(Err(Refusal::Ambiguous));
                }
            }
            self.at = self.tokens.len();
            return;
        }
        let ended = self
            .frames
            .iter()
            .position(|frame| matches!(frame, Frame::HereDocument { end, .. } if *end <= self.at));
        if let Some(position) = ended {
            if let Some(Frame::HereDocument { after, .. }) = self.frames.get(position) {
                self.at = (*after).max(self.at);
            }
            self.frames.truncate(position);
            self.start_here_documents();
            return;
        }
        match self.frames.last() {
            None => self.frames.push(Frame::Commands(Commands::new(false))),
            Some(Frame::Commands(_)) => self.in_commands(),
            Some(Frame::Double) => self.in_double(),
            Some(Frame::Parameter { in_double }) => {
                let in_double = *in_double;
                self.in_braces(in_double);
            }
            Some(Frame::Arithmetic { .. }) => self.in_arithmetic(),
            Some(Frame::Backquotes) => self.in_backquotes(),
            Some(Frame::HereDocument { is_code, .. }) => {
                let is_code = *is_code;
                self.in_here_document(is_code);
            }
        }
    }

    /// A backslash: the next character is itself, and a value after it is refused.
    fn backslash(&mut self) {
        match self.peek(1) {
            Some(Token::Value(value)) => {
                self.place(value, Err(Refusal::AfterBackslash));
                self.at += 2;
            }
            _ => self.at += 2,
        }
    }

    /// `$` and what it begins. Says whether a value comes right after a lone `$`.
    fn dollar(&mut self) {
        let in_double = matches!(self.frames.last(), Some(Frame::Double));
        if self.next_is(1, '(') && self.next_is(2, '(') {
            self.frames.push(Frame::Arithmetic { open: 2 });
            self.at += 3;
        } else if self.next_is(1, '(') {
            self.frames.push(Frame::Commands(Commands::new(true)));
            self.at += 2;
        } else if self.next_is(1, '{') {
            self.frames.push(Frame::Parameter { in_double });
            self.at += 2;
        } else if self.next_is(1, '$') {
            self.at += 2;
        } else if let Some(Token::Value(value)) = self.peek(1) {
            let place =
                if in_double { Ok(Place::Double { after_dollar: true }) } else { Err(Refusal::AfterDollar) };
            let place = self.unless_code(place);
            self.place(value, place);
            self.at += 2;
        } else {
            self.at += 1;
        }
    }

    /// Refuses a value in a text that is run as code.
    fn unless_code(&mut self, place: Result<Place, Refusal>) -> Result<Place, Refusal> {
        let in_backquotes = self.frames.iter().any(|frame| matches!(frame, Frame::Backquotes));
        let code = self.commands().and_then(|commands| commands.code_here());
        match (place, code) {
            (Ok(_), _) if in_backquotes => Err(Refusal::Backquotes),
            (Ok(_), Some(refusal)) => Err(refusal),
            (place, _) => place,
        }
    }

    fn value(&mut self, value: usize, place: Place) {
        let place = self.unless_code(Ok(place));
        self.place(value, place);
        if let Some(commands) = self.commands() {
            commands.add_unknown();
        }
        self.at += 1;
    }

    /// From the opening `'` to after the closing one.
    fn single(&mut self) {
        self.at += 1;
        while let Some(token) = self.peek(0) {
            match token {
                Token::Char('\'') => {
                    self.at += 1;
                    return;
                }
                Token::Char(c) => {
                    if let Some(commands) = self.commands() {
                        commands.add(c);
                    }
                    self.at += 1;
                }
                Token::Value(value) => self.value(value, Place::Single),
            }
        }
    }

    /// `$'…'`, with escapes: shells that do not know it end it at another quote.
    fn dollar_quote(&mut self) {
        self.at += 2;
        while let Some(token) = self.peek(0) {
            match token {
                Token::Char('\'') => {
                    self.at += 1;
                    return;
                }
                Token::Char('\\') => {
                    self.ambiguous |= self.next_is(1, '\'');
                    self.backslash();
                }
                Token::Char(_) => self.at += 1,
                Token::Value(value) => {
                    self.place(value, Err(Refusal::DollarQuote));
                    self.at += 1;
                }
            }
        }
    }

    fn in_commands(&mut self) {
        let Some(token) = self.peek(0) else { return };
        let c = match token {
            Token::Value(value) => return self.value(value, Place::Bare),
            Token::Char(c) => c,
        };
        let (next, next_but_one) = (self.peek(1), self.peek(2));
        let doubled = next == Some(Token::Char('<'));
        let previous = self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).copied();
        let Some(Frame::Commands(commands)) = self.frames.last_mut() else { return };
        match c {
            '\\' if next == Some(Token::Char('\n')) => self.at += 2,
            '\\' => {
                if let Some(Token::Char(c)) = next {
                    commands.add(c);
                }
                self.backslash();
            }
            '\'' => {
                commands.begin_word();
                self.single();
            }
            '"' => {
                commands.begin_word();
                self.frames.push(Frame::Double);
                self.at += 1;
            }
            '`' => {
                commands.add_unknown();
                self.frames.push(Frame::Backquotes);
                self.at += 1;
            }
            '$' => {
                commands.add_unknown();
                if self.next_is(1, '\'') { self.dollar_quote() } else { self.dollar() }
            }
            '#' if !commands.in_word() => self.comment(),
            ' ' | '\t' => {
                commands.end_word();
                self.at += 1;
            }
            '\n' => {
                let is_code = commands.end_line();
                self.waiting.iter_mut().for_each(|document| document.is_code = is_code);
                self.at += 1;
                self.start_here_documents();
            }
            '&' if matches!(previous, Some(Token::Char('<' | '>'))) => self.at += 1,
            ';' | '&' | '|' => {
                commands.end_command();
                self.at += 1;
            }
            '(' => {
                let arithmetic = commands.at_start() && next == Some(Token::Char('('));
                commands.end_command();
                if arithmetic {
                    self.frames.push(Frame::Arithmetic { open: 2 });
                    self.at += 2;
                } else {
                    commands.parentheses += 1;
                    self.at += 1;
                }
            }
            ')' => {
                let closes = commands.close();
                self.at += 1;
                if closes {
                    self.frames.pop();
                }
            }
            '<' if doubled && next_but_one == Some(Token::Char('<')) => {
                commands.here_string();
                self.at += 3;
            }
            '<' if doubled => {
                self.end_word_and_skip(2);
                self.here_document();
            }
            '<' | '>' => self.end_word_and_skip(1),
            c => {
                commands.add(c);
                self.at += 1;
            }
        }
    }

    fn end_word_and_skip(&mut self, count: usize) {
        if let Some(commands) = self.commands() {
            commands.end_word();
        }
        self.at += count;
    }

    fn comment(&mut self) {
        while let Some(token) = self.peek(0) {
            match token {
                Token::Char('\n') => return,
                Token::Char(_) => {}
                Token::Value(value) => self.place(value, Ok(Place::Comment)),
            }
            self.at += 1;
        }
    }

    fn in_double(&mut self) {
        match self.peek(0) {
            Some(Token::Value(value)) => self.value(value, Place::Double { after_dollar: false }),
            Some(Token::Char('\\')) => self.backslash(),
            Some(Token::Char('"')) => {
                self.frames.pop();
                self.at += 1;
            }
            Some(Token::Char('$')) => self.dollar(),
            Some(Token::Char('`')) => self.backquotes(),
            Some(Token::Char(c)) => {
                if let Some(commands) = self.commands() {
                    commands.add(c);
                }
                self.at += 1;
            }
            None => {}
        }
    }

    fn backquotes(&mut self) {
        self.frames.push(Frame::Backquotes);
        self.at += 1;
    }

    fn in_braces(&mut self, in_double: bool) {
        match self.peek(0) {
            Some(Token::Char('}')) => {
                self.frames.pop();
                self.at += 1;
            }
            // Within "${x:-'}" a single quote is itself for some operators and a quote for others.
            Some(Token::Char('\'')) if in_double => {
                self.ambiguous = true;
                self.at += 1;
            }
            _ => self.in_nested(Refusal::Parameter),
        }
    }

    fn in_arithmetic(&mut self) {
        let parenthesis = match self.peek(0) {
            Some(Token::Char(c @ ('(' | ')'))) => c,
            _ => return self.in_nested(Refusal::Arithmetic),
        };
        self.at += 1;
        let Some(Frame::Arithmetic { open }) = self.frames.last_mut() else { return };
        *open = if parenthesis == '(' { open.saturating_add(1) } else { open.saturating_sub(1) };
        if *open == 0 {
            self.frames.pop();
        }
    }

    /// What `${ … }` and arithmetic have in common.
    fn in_nested(&mut self, refusal: Refusal) {
        match self.peek(0) {
            Some(Token::Value(value)) => {
                self.place(value, Err(refusal));
                self.at += 1;
            }
            Some(Token::Char('\\')) => self.backslash(),
            Some(Token::Char('\'')) => self.nested_single(refusal),
            Some(Token::Char('"')) => {
                self.frames.push(Frame::Double);
                self.at += 1;
            }
            Some(Token::Char('$')) => self.dollar(),
            Some(Token::Char('`')) => self.backquotes(),
            Some(Token::Char(_)) | None => self.at += 1,
        }
    }

    fn nested_single(&mut self, refusal: Refusal) {
        self.at += 1;
        while let Some(token) = self.peek(0) {
            self.at += 1;
            match token {
                Token::Char('\'') => return,
                Token::Char(_) => {}
                Token::Value(value) => self.place(value, Err(refusal)),
            }
        }
    }

    fn in_backquotes(&mut self) {
        match self.peek(0) {
            Some(Token::Value(value)) => {
                self.place(value, Err(Refusal::Backquotes));
                self.at += 1;
            }
            Some(Token::Char('\\')) => self.backslash(),
            Some(Token::Char('`')) => {
                self.frames.pop();
                self.at += 1;
            }
            Some(Token::Char(_)) | None => self.at += 1,
        }
    }
}
