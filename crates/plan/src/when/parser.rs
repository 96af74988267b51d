//! From words and signs to the tree of a condition: a Pratt parser, with one level of binding for each kind of operator.

use super::{
    Bytes, Problem,
    lexer::{Placed, Token, tokens},
    tree::{Expression, HOST_NAMES, Kind, Name, NameRoot},
};
use crate::{Code, suggest::did_you_mean, yaml::shorten};

/// The deepest nesting of parentheses, lists and `not`.
const MAX_NESTING: usize = 16;
/// The deepest tree: it is kept as JSON, which is read back to a depth of 128.
const MAX_DEPTH: usize = 40;
/// The most words and signs.
const MAX_TOKENS: usize = 1000;

/// How tightly an operator binds.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARE: u8 = 4;

/// Reads a condition.
pub(crate) fn parse(text: &str) -> Result<Expression, Problem> {
    let tokens = tokens(text)?;
    if tokens.len() > MAX_TOKENS {
        let message = format!("the condition has more than {MAX_TOKENS} words and signs");
        return Err(Problem::new(Bytes::new(0, text.len()), message).code(Code::TooLarge));
    }
    let mut parser = Parser { tokens: &tokens, at: 0, end: text.trim_end().len(), nesting: 0 };
    let expression = parser.expression(0)?;
    if let Some(placed) = parser.peek() {
        return Err(parser.left_over(placed));
    }
    if expression.depth() > MAX_DEPTH {
        return Err(too_deep(expression.bytes));
    }
    Ok(expression)
}

struct Parser<'t> {
    tokens: &'t [Placed],
    at: usize,
    /// The end of the text.
    end: usize,
    nesting: usize,
}

fn too_deep(bytes: Bytes) -> Problem {
    Problem::new(bytes, "the condition is nested too deeply").code(Code::TooLarge)
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Placed> {
        self.tokens.get(self.at)
    }

    fn is_next(&self, token: &Token) -> bool {
        self.peek().is_some_and(|placed| placed.token == *token)
    }

    fn take(&mut self, token: &Token) -> bool {
        let is_next = self.is_next(token);
        self.at += usize::from(is_next);
        is_next
    }

    /// What was expected, and what is there.
    fn expected(&self, what: &str) -> Problem {
        match self.peek() {
            Some(placed) => {
                Problem::new(placed.bytes, format!("expected {what}, found {}", describe(&placed.token)))
            }
            None => Problem::new(
                Bytes::new(self.end, self.end),
                format!("expected {what}, but the condition ends"),
            ),
        }
    }

    /// Reads as far as operators bind at least as tightly as `binding`.
    fn expression(&mut self, binding: u8) -> Result<Expression, Problem> {
        let mut left = self.operand()?;
        while let Some(placed) = self.peek() {
            let next = self.tokens.get(self.at + 1).map(|placed| &placed.token);
            let (level, length) = match &placed.token {
                Token::Or => (OR, 1),
                Token::And => (AND, 1),
                Token::Compare(_) | Token::In => (COMPARE, 1),
                Token::Not if next == Some(&Token::In) => (COMPARE, 2),
                _ => break,
            };
            if level < binding {
                break;
            }
            self.at += length;
            let right = self.expression(level + 1)?;
            let bytes = left.bytes.to(right.bytes);
            let kind = match &placed.token {
                Token::Or => joined(left, right, Kind::Any),
                Token::And => joined(left, right, Kind::All),
                Token::Compare(operator) => Kind::Compare(*operator, Box::new(left), Box::new(right)),
                _ => {
                    let within = Kind::In(Box::new(left), Box::new(right));
                    if length == 1 { within } else { Kind::Not(Box::new(Expression { bytes, kind: within })) }
                }
            };
            left = Expression { bytes, kind };
            if level == COMPARE {
                self.not_chained()?;
            }
        }
        Ok(left)
    }

    /// `1 < x < 9` would compare a truth value with a number.
    fn not_chained(&self) -> Result<(), Problem> {
        match self.peek() {
            Some(Placed { token: Token::Compare(_) | Token::In, bytes }) => {
                let problem = Problem::new(*bytes, "comparisons cannot be chained");
                Err(problem.hint("join two of them: `a < b and b < c`"))
            }
            _ => Ok(()),
        }
    }

    fn operand(&mut self) -> Result<Expression, Problem> {
        let Some(Placed { token, bytes }) = self.peek() else { return Err(self.expected(VALUE)) };
        let bytes = *bytes;
        let kind = match token {
            Token::Text(text) => Kind::Text(text.clone()),
            Token::Number(number) => Kind::Number(*number),
            Token::Truth(truth) => Kind::Truth(*truth),
            Token::Not => {
                self.at += 1;
                let operand = self.nested(bytes, |parser| parser.expression(NOT))?;
                let bytes = bytes.to(operand.bytes);
                return Ok(Expression { bytes, kind: Kind::Not(Box::new(operand)) });
            }
            Token::Open => {
                self.at += 1;
                let inner = self.nested(bytes, |parser| parser.expression(0))?;
                let end = self.closing(&Token::Close, "`)`", bytes)?;
                return Ok(Expression { bytes: bytes.to(end), ..inner });
            }
            Token::OpenList => {
                self.at += 1;
                let items = self.nested(bytes, Self::items)?;
                let end = self.closing(&Token::CloseList, "`,` or `]`", bytes)?;
                return Ok(Expression { bytes: bytes.to(end), kind: Kind::List(items) });
            }
            Token::Word(word) if word == "defined" => return self.defined(bytes),
            Token::Word(word) => {
                let opens = self.tokens.get(self.at + 1).is_some_and(|placed| placed.token == Token::Open);
                let kind = Kind::Name(name(word, bytes, opens)?);
                self.at += 1;
                return Ok(Expression { bytes, kind });
            }
            _ => return Err(self.expected(VALUE)),
        };
        self.at += 1;
        Ok(Expression { bytes, kind })
    }

    fn nested<T>(
        &mut self,
        bytes: Bytes,
        read: impl FnOnce(&mut Self) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        if self.nesting >= MAX_NESTING {
            return Err(too_deep(bytes));
        }
        self.nesting += 1;
        let read = read(self);
        self.nesting -= 1;
        read
    }

    /// The bracket that closes the one at `open`.
    fn closing(&mut self, token: &Token, what: &str, open: Bytes) -> Result<Bytes, Problem> {
        match self.peek() {
            Some(placed) if placed.token == *token => {
                self.at += 1;
                Ok(placed.bytes)
            }
            Some(placed) if *token == Token::Close => Err(self.left_over(placed)),
            Some(_) => Err(self.expected(what)),
            None => {
                let message = format!("this is never closed: expected {what}, but the condition ends");
                Err(Problem::new(open, message))
            }
        }
    }

    fn items(&mut self) -> Result<Vec<Expression>, Problem> {
        let mut items = Vec::new();
        while !self.is_next(&Token::CloseList) {
            items.push(self.expression(0)?);
            if !self.take(&Token::Comma) {
                break;
            }
        }
        Ok(items)
    }

    fn defined(&mut self, start: Bytes) -> Result<Expression, Problem> {
        const HINT: &str = "write defined(vars.NAME)";
        self.at += 1;
        if !self.take(&Token::Open) {
            return Err(self.expected("`(` after `defined`").hint(HINT));
        }
        let Some(Placed { token: Token::Word(word), bytes }) = self.peek() else {
            return Err(self.expected("the name of a value").hint(HINT));
        };
        let name = name(word, *bytes, false)?;
        self.at += 1;
        let Some(Placed { token: Token::Close, bytes: end }) = self.peek() else {
            return Err(self.expected("`)`").hint("`defined` takes one name"));
        };
        self.at += 1;
        Ok(Expression { bytes: start.to(*end), kind: Kind::Defined(name, *bytes) })
    }

    /// A complete condition, and something behind it.
    fn left_over(&self, placed: &Placed) -> Problem {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map(|placed| &placed.token);
        let next = self.tokens.get(self.at + 1).map(|placed| &placed.token);
        if placed.token == Token::Close {
            return Problem::new(placed.bytes, "this `)` closes nothing");
        }
        let problem = self.expected("`and`, `or`, a comparison, or the end");
        match (&placed.token, before, next) {
            (Token::Word(is), Some(Token::Word(name)), _) if is == "is" => {
                let hint = match next {
                    Some(Token::Not) => format!("write not defined({name}), or `{name} != …`"),
                    _ => format!("write defined({name}), or `{name} == …`"),
                };
                problem.hint(hint)
            }
            (Token::Word(word), ..) => match word.to_lowercase().as_str() {
                lower @ ("and" | "or" | "not" | "in") => {
                    problem.hint(format!("write `{lower}` in small letters"))
                }
                "eq" | "equals" => problem.hint("write `==`"),
                "contains" | "has" => problem.hint("write it the other way round: `\"item\" in list`"),
                "matches" | "like" => problem.hint("use `in` to look for a part of a text"),
                _ => problem,
            },
            (Token::Open | Token::OpenList, Some(Token::Word(_)), _) => {
                problem.hint("the only function is `defined(…)`, and lists have no numbers")
            }
            _ => problem,
        }
    }
}

const VALUE: &str = "a value";

/// `left` with `right` added, where `left` is of the same kind already.
fn joined(left: Expression, right: Expression, kind: fn(Vec<Expression>) -> Kind) -> Kind {
    let mut parts = match left.kind {
        Kind::All(parts) if matches!(kind(Vec::new()), Kind::All(_)) => parts,
        Kind::Any(parts) if matches!(kind(Vec::new()), Kind::Any(_)) => parts,
        _ => vec![left],
    };
    parts.push(right);
    kind(parts)
}

fn describe(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{}`", shorten(word)),
        Token::Text(text) => format!("the text \"{}\"", shorten(text)),
        Token::Number(number) => format!("the number {number}"),
        Token::And => "`and`".to_owned(),
        Token::Or => "`or`".to_owned(),
        Token::Not => "`not`".to_owned(),
        Token::In => "`in`".to_owned(),
        Token::Truth(truth) => format!("`{truth}`"),
        Token::Compare(operator) => format!("`{}`", operator.sign()),
        Token::Open => "`(`".to_owned(),
        Token::Close => "`)`".to_owned(),
        Token::OpenList => "`[`".to_owned(),
        Token::CloseList => "`]`".to_owned(),
        Token::Comma => "`,`".to_owned(),
    }
}

/// The name of a value, or why the word is none.
fn name(word: &str, bytes: Bytes, is_call: bool) -> Result<Name, Problem> {
    let shown = shorten(word);
    let problem = |message: String| Problem::new(bytes, message);
    if is_call {
        return Err(problem(format!("there is no function `{shown}`")).hint("the only one is `defined(…)`"));
    }
    let Some((root, name)) = word.split_once('.') else {
        let undefined = problem(format!("`{shown}` is neither the name of a value nor a text in quotes"));
        let lower = word.to_lowercase();
        return Err(match lower.as_str() {
            "true" | "false" | "and" | "or" | "not" | "in" => {
                undefined.hint(format!("write `{lower}` in small letters"))
            }
            "yes" | "on" => undefined.hint("write `true`"),
            "no" | "off" | "null" | "none" => undefined.hint("write `false`, or ask with `defined(…)`"),
            _ if NameRoot::ALL.iter().any(|root| root.word() == word) => {
                undefined.hint(format!("add what is meant of it: `{shown}.NAME`"))
            }
            _ if steadyhand_domain::Facts::kind(word).is_some() => {
                undefined.hint(format!("did you mean `facts.{word}`?"))
            }
            _ => undefined.hint(format!("for a text write \"{shown}\"; for a variable, vars.{shown}")),
        });
    };
    let Some(root) = NameRoot::ALL.into_iter().find(|known| known.word() == root) else {
        let unknown = problem(format!("`{shown}` begins with none of `vars`, `facts`, `env`, `host`"))
            .code(Code::UndefinedName);
        return Err(match root {
            "secrets" => {
                problem("a condition cannot use secrets: it is shown and stored as it is".to_owned())
                    .code(Code::UndefinedName)
            }
            "steps" | "git" | "app" => {
                problem(format!("`{shown}` is not supported by this version")).code(Code::Unsupported)
            }
            _ => match did_you_mean(root, NameRoot::ALL.map(NameRoot::word)) {
                Some(meant) => unknown.hint(format!("did you mean `{meant}.{}`?", shorten(name))),
                None => unknown.hint("put a text in quotes"),
            },
        });
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !is_name {
        let message =
            format!("`{shown}` has no name of letters, digits, `_` and `-` after `{}.`", root.word());
        let hint = match root {
            NameRoot::Facts => "such as facts.os_family".to_owned(),
            NameRoot::Host => format!("such as host.{}", HOST_NAMES[0]),
            NameRoot::Vars | NameRoot::Env => format!("such as {}.NAME", root.word()),
        };
        return Err(problem(message).hint(hint));
    }
    Ok(Name { root, name: name.to_owned() })
}
