//! What is wrong with the names and the types of a condition, whatever the host is.

use std::collections::BTreeSet;

use steadyhand_domain::{FACTS, FactKind, Facts};

use super::{
    Bytes, Problem,
    number::Number,
    tree::{Expression, HOST_NAMES, Kind, Name, NameRoot, Operator},
};
use crate::{
    Code,
    read::{listed, there_are},
    scope::Scope,
    suggest::did_you_mean,
    yaml::shorten,
};

/// The type of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    /// A text that is one of these.
    Word(&'static [&'static str]),
    /// A text of `vars` or `env`, which may be written like a number or a truth value.
    Written,
    Number,
    Truth,
    List,
}

impl Type {
    fn describe(self) -> &'static str {
        match self {
            Self::Text | Self::Word(_) | Self::Written => "a text",
            Self::Number => "a number",
            Self::Truth => "true or false",
            Self::List => "a list",
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Word(_) | Self::Written)
    }

    /// Whether values of the two can be equal.
    fn fits(self, other: Self) -> bool {
        match (self, other) {
            (Self::List, _) | (_, Self::List) => false,
            (Self::Written, _) | (_, Self::Written) => true,
            (a, b) => a == b || (a.is_text() && b.is_text()),
        }
    }
}

struct Checker<'a> {
    scope: &'a Scope<'a>,
    /// The names that the condition asks about with `defined`: they may be missing.
    asked: BTreeSet<String>,
    problems: Vec<Problem>,
}

/// Every problem of a condition.
pub(crate) fn check(expression: &Expression, scope: &Scope<'_>) -> Vec<Problem> {
    let mut asked = BTreeSet::new();
    names_asked(expression, &mut asked);
    let mut checker = Checker { scope, asked, problems: Vec::new() };
    checker.condition(expression);
    checker.problems
}

fn names_asked(expression: &Expression, asked: &mut BTreeSet<String>) {
    match &expression.kind {
        Kind::Text(_) | Kind::Number(_) | Kind::Truth(_) | Kind::Name(_) => {}
        Kind::Defined(name, _) => {
            asked.insert(name.path());
        }
        Kind::List(parts) | Kind::All(parts) | Kind::Any(parts) => {
            parts.iter().for_each(|part| names_asked(part, asked));
        }
        Kind::Not(part) => names_asked(part, asked),
        Kind::Compare(_, a, b) | Kind::In(a, b) => {
            names_asked(a, asked);
            names_asked(b, asked);
        }
    }
}

impl Checker<'_> {
    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// A part that must be true or false.
    fn condition(&mut self, expression: &Expression) {
        let Some(found) = self.type_of(expression) else { return };
        if matches!(found, Type::Truth | Type::Written) {
            return;
        }
        let what = match &expression.kind {
            Kind::Name(name) => format!("`{}`", name.path()),
            _ => "this".to_owned(),
        };
        let problem = Problem::new(
            expression.bytes,
            format!("expected a condition, which is true or false, but {what} is {}", found.describe()),
        );
        let hint = match (&expression.kind, found) {
            (Kind::Text(text), _) if text.contains("==") || text.contains(" and ") => {
                "leave out the quotes around the condition".to_owned()
            }
            (Kind::Name(name), Type::List) => format!("ask for an item: `\"…\" in {}`", name.path()),
            (Kind::Name(name), Type::Number) => format!("compare it: `{} > 0`", name.path()),
            (Kind::Name(name), _) => format!("compare it: `{} == \"…\"`", name.path()),
            _ => "compare it with something".to_owned(),
        };
        self.problem(problem.hint(hint));
    }

    /// The type of a part; `None` when it has none because of what was reported.
    fn type_of(&mut self, expression: &Expression) -> Option<Type> {
        Some(match &expression.kind {
            Kind::Text(_) => Type::Text,
            Kind::Number(_) => Type::Number,
            Kind::Truth(_) => Type::Truth,
            Kind::List(items) => {
                for item in items {
                    if self.type_of(item) == Some(Type::List) {
                        self.problem(Problem::new(
                            item.bytes,
                            "a list has texts, numbers and truth values in it",
                        ));
                    }
                }
                Type::List
            }
            Kind::Name(name) => self.name(name, expression.bytes)?,
            Kind::Defined(name, bytes) => {
                self.known(name, *bytes);
                Type::Truth
            }
            Kind::Not(operand) => {
                self.condition(operand);
                Type::Truth
            }
            Kind::All(operands) | Kind::Any(operands) => {
                operands.iter().for_each(|operand| self.condition(operand));
                Type::Truth
            }
            Kind::Compare(operator, a, b) => {
                if let (Some(x), Some(y)) = (self.type_of(a), self.type_of(b)) {
                    self.comparison(expression.bytes, *operator, (a, x), (b, y));
                }
                Type::Truth
            }
            Kind::In(item, within) => {
                if let (Some(x), Some(y)) = (self.type_of(item), self.type_of(within)) {
                    self.membership((item, x), (within, y));
                }
                Type::Truth
            }
        })
    }

    /// Whether what the name begins with has such a name at all.
    fn known(&mut self, name: &Name, bytes: Bytes) -> bool {
        let (names, what): (Vec<&str>, _) = match name.root {
            NameRoot::Facts => (FACTS.iter().map(|(fact, _)| *fact).collect(), "there is no fact"),
            NameRoot::Host => (HOST_NAMES.to_vec(), "a host has no"),
            NameRoot::Vars | NameRoot::Env => return true,
        };
        if names.contains(&name.name.as_str()) {
            return true;
        }
        let problem =
            Problem::new(bytes, format!("{what} `{}`", shorten(&name.name))).code(Code::UndefinedName);
        let hint = match did_you_mean(&name.name, names.iter().copied()) {
            Some(meant) => format!("did you mean `{}.{meant}`?", name.root.word()),
            None => there_are(names.into_iter()),
        };
        self.problem(problem.hint(hint));
        false
    }

    fn name(&mut self, name: &Name, bytes: Bytes) -> Option<Type> {
        if !self.known(name, bytes) {
            return None;
        }
        Some(match name.root {
            NameRoot::Facts => match Facts::kind(&name.name)? {
                FactKind::Text => Type::Text,
                FactKind::Word(words) => Type::Word(words),
                FactKind::Number => Type::Number,
                FactKind::List => Type::List,
            },
            NameRoot::Env => Type::Written,
            NameRoot::Host => match name.name.as_str() {
                "tags" => Type::List,
                "port" => Type::Written,
                _ => Type::Text,
            },
            NameRoot::Vars => {
                let is_known = self.scope.vars.contains_key(&name.name) || self.asked.contains(&name.path());
                if !is_known {
                    let message = format!("the variable `{}` is not defined", shorten(&name.name));
                    let hint = match did_you_mean(&name.name, self.scope.vars.keys().map(String::as_str)) {
                        Some(meant) => format!("did you mean `vars.{meant}`?"),
                        None => format!("add it to `vars`, or ask first: `defined({}) and …`", name.path()),
                    };
                    self.problem(Problem::new(bytes, message).code(Code::UndefinedName).hint(hint));
                    return None;
                }
                Type::Written
            }
        })
    }

    fn comparison(
        &mut self,
        bytes: Bytes,
        operator: Operator,
        (a, x): (&Expression, Type),
        (b, y): (&Expression, Type),
    ) {
        if x == Type::List || y == Type::List {
            let message = format!("a list cannot be compared with `{}`", operator.sign());
            self.problem(Problem::new(bytes, message).hint("ask for an item: `\"…\" in list`"));
            return;
        }
        if !x.fits(y) {
            let message = format!("{} cannot be compared with {}", x.describe(), y.describe());
            let problem = Problem::new(bytes, message);
            let number = |part: &Expression| match &part.kind {
                Kind::Number(number) => Some(format!(
                    "put the number in quotes: \"{number}\"; versions are compared part by part"
                )),
                Kind::Text(text) => {
                    Number::parse(text).map(|number| format!("leave out the quotes: {number}"))
                }
                _ => None,
            };
            let hint = if x.is_text() == y.is_text() { None } else { number(a).or_else(|| number(b)) };
            self.problem(match hint {
                Some(hint) => problem.hint(hint),
                None => problem,
            });
            return;
        }
        if operator.is_order() && (x == Type::Truth || y == Type::Truth) {
            let message = format!("true and false have no order for `{}`", operator.sign());
            self.problem(Problem::new(bytes, message));
            return;
        }
        if !operator.is_order() {
            self.word((a, x), b);
            self.word((b, y), a);
        }
    }

    fn membership(&mut self, (item, x): (&Expression, Type), (within, y): (&Expression, Type)) {
        if x == Type::List {
            let message = "a list cannot be looked for; ask for one item";
            self.problem(Problem::new(item.bytes, message).hint("write `a in list and b in list`"));
            return;
        }
        if let Kind::List(items) = &within.kind {
            for other in items {
                // What is wrong with the item itself is reported already.
                let known = self.problems.len();
                let Some(z) = self.type_of(other) else { continue };
                self.problems.truncate(known);
                if z != Type::List && !x.fits(z) {
                    let message = format!("{} is looked for, but this is {}", x.describe(), z.describe());
                    self.problem(Problem::new(other.bytes, message));
                }
                self.word((item, x), other);
            }
            return;
        }
        match y {
            Type::List if x.is_text() => {}
            Type::List => {
                let message = format!("expected a text, which the list has, but this is {}", x.describe());
                self.problem(Problem::new(item.bytes, message));
            }
            y if y.is_text() && x.is_text() => {}
            y if y.is_text() => {
                let message = format!("expected a text to look for in a text, but this is {}", x.describe());
                self.problem(Problem::new(item.bytes, message).hint("put it in quotes"));
            }
            _ => {
                let message = format!("expected a list or a text after `in`, but this is {}", y.describe());
                self.problem(Problem::new(within.bytes, message).hint("write a list: [\"a\", \"b\"]"));
            }
        }
    }

    /// Reports a text that a value with few words can never be.
    fn word(&mut self, (part, of): (&Expression, Type), other: &Expression) {
        let (Type::Word(words), Kind::Text(text)) = (of, &other.kind) else { return };
        let Kind::Name(name) = &part.kind else { return };
        if !words.contains(&text.as_str()) {
            let problem =
                Problem::new(other.bytes, format!("`{}` is never \"{}\"", name.path(), shorten(text)));
            let hint = match did_you_mean(text, words.iter().copied()) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => format!("it is one of {}", listed(words.iter().copied())),
            };
            self.problem(problem.hint(hint));
        }
    }
}
