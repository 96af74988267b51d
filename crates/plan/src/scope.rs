//! The values that `${{ … }}` can have, and putting them into texts.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use steadyhand_domain::{FACTS, Facts};

use crate::{
    Output, Quoting, Text,
    ast::Plan,
    compiled::CompiledHost,
    diagnostic::{Code, Diagnostic, Severity},
    graph::{order, path},
    outputs::Here,
    read::{listed, there_are},
    shell::{self, Data},
    suggest::did_you_mean,
    template::{Expression, HOST_FIELDS, Piece, Root, Template},
};

/// The longest text with its values put in, in bytes. Variables that use each other could otherwise grow without end.
const MAX_TEXT: usize = 1 << 20;
/// The most values in one command.
const MAX_VALUES: usize = 1000;

/// How many problems get a "did you mean".
pub(crate) const MAX_HINTS: usize = 100;

/// How many bytes all texts of one plan may have together.
#[derive(Debug)]
pub(crate) struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(16 << 20))
    }
}

impl Budget {
    /// Whether `more` bytes, after which `template` has `size`, are still allowed. What is reported once is not
    /// reported again for every later text.
    fn take(&self, more: usize, size: usize, template: &Template, problems: &mut Vec<Diagnostic>) -> bool {
        let too_large = |message: String| Diagnostic::error(Code::TooLarge, template.span, message);
        let left = self.0.get();
        if more > left {
            if left > 0 {
                problems.push(too_large(
                    "with their values put in, the texts of this plan are too large".to_owned(),
                ));
            }
            self.0.set(0);
            return false;
        }
        self.0.set(left - more);
        if size > MAX_TEXT {
            problems
                .push(too_large(format!("with its values put in, this text has more than {MAX_TEXT} bytes")));
        }
        size <= MAX_TEXT
    }
}

/// What `${{ … }}` reads. A plan is checked before its inputs are known; then `env` or `host` are `None`, and what
/// depends on them is unknown but not wrong.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) vars: &'a BTreeMap<String, Rendered>,
    pub(crate) secrets: &'a BTreeSet<String>,
    pub(crate) env: Option<&'a BTreeMap<String, String>>,
    pub(crate) host: HostScope<'a>,
    /// Where in the plan it is, for what steps have written; nowhere for what belongs to no step.
    pub(crate) here: Option<Here<'a>>,
    pub(crate) budget: &'a Budget,
}

/// What `${{ host.… }}` reads.
#[derive(Clone, Copy)]
pub(crate) enum HostScope<'a> {
    /// Not here: variables and hosts are the same for all hosts.
    None(&'static str),
    /// One that is not known yet.
    Some,
    /// This one.
    This(&'a str, &'a CompiledHost),
}

/// A text with its values put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    /// Whether all of its values were known; otherwise they are missing from the text.
    pub(crate) is_complete: bool,
}

enum Value {
    Known(String),
    Secret,
    Fact,
    Output(Output),
    Unknown,
}

type Problems = Vec<Diagnostic>;

impl Scope<'_> {
    fn value(&self, expression: &Expression, problems: &mut Problems) -> Option<Value> {
        let Expression { span, root, name, .. } = expression;
        let undefined = |message: String| Diagnostic::error(Code::UndefinedName, *span, message);
        // Nobody reads the hint of the hundredth problem, and looking for it takes time.
        let limit = if problems.len() < MAX_HINTS { usize::MAX } else { 0 };
        let with_guess =
            |problem: Diagnostic, known: &mut dyn Iterator<Item = &str>, otherwise: &str| match did_you_mean(
                name,
                known.take(limit),
            ) {
                Some(meant) => problem.hint(format!("did you mean `{}.{meant}`?", root.word())),
                None => problem.hint(otherwise.to_owned()),
            };
        match root {
            Root::Vars => match self.vars.get(name) {
                Some(value) if value.is_complete => Some(Value::Known(value.text.clone())),
                Some(_) => Some(Value::Unknown),
                None => {
                    let problem = undefined(format!("the variable `{name}` is not defined"));
                    let otherwise = format!("add it: `vars: {{ {name}: … }}`");
                    problems.push(with_guess(problem, &mut self.vars.keys().map(String::as_str), &otherwise));
                    None
                }
            },
            Root::Secrets if self.secrets.contains(name) => Some(Value::Secret),
            Root::Secrets => {
                let problem = undefined(format!("the secret `{name}` is not listed in `secrets`"));
                let otherwise = format!("add it: `secrets: [{name}]`");
                problems.push(with_guess(problem, &mut self.secrets.iter().map(String::as_str), &otherwise));
                None
            }
            Root::Env => match self.env.map(|env| env.get(name)) {
                None => Some(Value::Unknown),
                Some(Some(value)) => Some(Value::Known(value.clone())),
                Some(None) => {
                    let message =
                        format!("the environment has no variable `{name}` where the run is started");
                    problems.push(undefined(message).hint("set it there, or use `vars`"));
                    None
                }
            },
            Root::Host => self.host_value(expression, problems),
            Root::Steps => {
                let host = match self.host {
                    HostScope::This(host, _) => Some(host),
                    HostScope::Some | HostScope::None(_) => None,
                };
                let Some(here) = &self.here else {
                    let message = "only steps can use what other steps have written".to_owned();
                    problems.push(undefined(message));
                    return None;
                };
                match here.output(expression, host) {
                    Ok(Some(output)) => Some(Value::Output(output)),
                    Ok(None) => Some(Value::Unknown),
                    Err(problem) => {
                        problems.push(problem);
                        None
                    }
                }
            }
            Root::Facts if Facts::kind(name).is_some() => Some(Value::Fact),
            Root::Facts => {
                let problem = undefined(format!("there is no fact `{name}`"));
                let names = || FACTS.iter().map(|(fact, _)| *fact);
                let otherwise = there_are(names());
                problems.push(with_guess(problem, &mut names(), &otherwise));
                None
            }
        }
    }

    fn host_value(
        &self,
        Expression { span, name, .. }: &Expression,
        problems: &mut Problems,
    ) -> Option<Value> {
        let undefined = |message: String| Diagnostic::error(Code::UndefinedName, *span, message);
        if !HOST_FIELDS.contains(&name.as_str()) {
            let problem = undefined(format!("a host has no `{name}`"));
            let hint = match did_you_mean(name, HOST_FIELDS) {
                Some(meant) => format!("did you mean `host.{meant}`?"),
                None => format!("it has {}", listed(HOST_FIELDS.into_iter())),
            };
            problems.push(problem.hint(hint));
            return None;
        }
        let (host, compiled) = match self.host {
            HostScope::None(place) => {
                problems.push(undefined(format!(
                    "{place} cannot use `host.{name}`: it is the same for all hosts"
                )));
                return None;
            }
            HostScope::Some => return Some(Value::Unknown),
            HostScope::This(host, compiled) => (host, compiled),
        };
        let value = match (name.as_str(), compiled) {
            ("name", _) => Some(host.to_owned()),
            ("address", CompiledHost::Local) => Some("localhost".to_owned()),
            (_, CompiledHost::Local) => None,
            ("address", CompiledHost::Ssh(ssh)) => Some(ssh.address.clone()),
            ("user", CompiledHost::Ssh(ssh)) => ssh.user.clone(),
            (_, CompiledHost::Ssh(ssh)) => Some(ssh.port.unwrap_or(22).to_string()),
        };
        if value.is_none() {
            let message = format!("the host `{host}` has no `{name}` in this plan");
            let hint = match compiled {
                CompiledHost::Local => "`local` has only `host.name` and `host.address`; use `vars`",
                CompiledHost::Ssh(_) => "add it to the host: user@address",
            };
            problems.push(undefined(message).hint(hint));
        }
        value.map(Value::Known)
    }

    /// A text outside of shell commands: values go in as they are.
    pub(crate) fn plain(&self, template: &Template, problems: &mut Problems) -> (Text, bool) {
        let (mut text, mut is_complete, mut size) = (Text::default(), true, 0);
        for piece in &template.pieces {
            let literal = match piece {
                Piece::Text(literal) => literal.clone(),
                Piece::Expression(expression) => match self.value(expression, problems) {
                    Some(Value::Known(value)) => value,
                    Some(Value::Secret) => {
                        text.push_secret(&expression.name, Quoting::Plain);
                        continue;
                    }
                    Some(Value::Fact) => {
                        text.push_fact(&expression.name, Quoting::Plain);
                        continue;
                    }
                    Some(Value::Output(output)) => {
                        text.push_output(output, Quoting::Plain);
                        continue;
                    }
                    Some(Value::Unknown) | None => {
                        is_complete = false;
                        continue;
                    }
                },
            };
            size += literal.len();
            if !self.budget.take(literal.len(), size, template, problems) {
                return (text, false);
            }
            check_nul(&literal, template, problems);
            text.push_str(&literal);
        }
        (text, is_complete)
    }

    /// A text that must be known before the run: no secrets and no facts.
    pub(crate) fn open(&self, template: &Template, what: &str, problems: &mut Problems) -> Rendered {
        for expression in template.expressions().filter(|expression| expression.root == Root::Secrets) {
            let message = format!("{what} cannot use secrets: it is shown and stored as it is");
            problems.push(Diagnostic::error(Code::UndefinedName, expression.span, message));
        }
        for expression in template.expressions().filter(|expression| expression.root == Root::Facts) {
            let message = format!("{what} cannot use facts: it must be known before any host is asked");
            problems.push(Diagnostic::error(Code::UndefinedName, expression.span, message));
        }
        for expression in template.expressions().filter(|expression| expression.root == Root::Steps) {
            let message =
                format!("{what} cannot use what steps have written: it must be known before the run");
            problems.push(Diagnostic::error(Code::UndefinedName, expression.span, message));
        }
        let (text, is_complete) = self.plain(template, problems);
        match text.as_literal() {
            Some(literal) => Rendered { text: literal.to_owned(), is_complete },
            None => Rendered { text: text.to_string(), is_complete: false },
        }
    }

    /// A shell command: values go in so that they cannot become code.
    pub(crate) fn command(&self, template: &Template, problems: &mut Problems) -> Text {
        let before = problems.len();
        let mut size = 0;
        if template.expressions().count() > MAX_VALUES {
            let message = format!("the command has more than {MAX_VALUES} `${{{{ … }}}}`");
            problems.push(Diagnostic::error(Code::TooLarge, template.span, message));
            return Text::default();
        }
        let values: Vec<Option<Value>> = template
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(_) => None,
                Piece::Expression(expression) => self.value(expression, problems),
            })
            .collect();
        let mut pieces = Vec::new();
        for (number, (piece, value)) in template.pieces.iter().zip(&values).enumerate() {
            let expression = match piece {
                Piece::Text(literal) => {
                    size += literal.len();
                    pieces.push(shell::Piece::Code(literal));
                    continue;
                }
                Piece::Expression(expression) => expression,
            };
            let known = match value {
                Some(Value::Known(value)) => value.as_str(),
                Some(Value::Secret | Value::Fact | Value::Output(_) | Value::Unknown) | None => "",
            };
            size += known.len();
            check_nul(known, template, problems);
            if !self.budget.take(known.len(), size, template, problems) {
                return Text::default();
            }
            let data = match value {
                Some(Value::Secret) => Data::Secret(&expression.name),
                Some(Value::Fact) => Data::Fact(&expression.name),
                Some(Value::Output(output)) => Data::Output(output),
                Some(Value::Known(_) | Value::Unknown) | None => Data::Known(known),
            };
            pieces.push(match (data, expression.raw) {
                (Data::Known(known), true) => shell::Piece::Code(known),
                (data, true) => shell::Piece::Raw(data),
                (value, false) => shell::Piece::Value {
                    number,
                    name: format!("{}_{}", expression.root.word(), expression.name),
                    written: expression.written(),
                    value,
                },
            });
        }
        if problems.len() > before {
            return Text::default();
        }
        shell::command(&pieces).unwrap_or_else(|refused| {
            for (number, refusal) in refused {
                if let Some(Piece::Expression(expression)) = template.pieces.get(number) {
                    let (why, hint) = refusal.explain();
                    let message = format!("`{}` {why}", expression.written());
                    let problem = Diagnostic::error(Code::UnsafeTemplate, expression.span, message);
                    problems.push(problem.hint(hint));
                }
            }
            Text::default()
        })
    }
}

fn check_nul(text: &str, template: &Template, problems: &mut Problems) {
    if text.contains('\0') {
        let message = "a value has a NUL character, which neither commands nor paths can have";
        problems.push(Diagnostic::error(Code::InvalidValue, template.span, message));
    }
}

/// The values of the plan's variables. Those in `given` replace the plan's own.
pub(crate) fn variables(
    plan: &Plan,
    env: Option<&BTreeMap<String, String>>,
    given: &BTreeMap<String, String>,
    budget: &Budget,
    problems: &mut Problems,
) -> BTreeMap<String, Rendered> {
    let numbers: BTreeMap<&str, usize> =
        plan.vars.iter().enumerate().map(|(number, (name, _))| (name.value.as_str(), number)).collect();
    for name in given.keys().filter(|name| !numbers.contains_key(name.as_str())) {
        let message = format!("the plan has no variable `{name}` to set");
        let hint = match did_you_mean(name, numbers.keys().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if plan.vars.is_empty() => "it has no `vars` at all".to_owned(),
            None => format!("it has {}", listed(plan.vars.iter().map(|(name, _)| name.value.as_str()))),
        };
        problems.push(Diagnostic::error(Code::UndefinedName, plan.span, message).hint(hint));
    }
    let needs: Vec<Vec<usize>> = plan
        .vars
        .iter()
        .map(|(name, template)| {
            if given.contains_key(&name.value) {
                return Vec::new();
            }
            let used = template.expressions().filter(|expression| expression.root == Root::Vars);
            used.filter_map(|expression| numbers.get(expression.name.as_str()).copied()).collect()
        })
        .collect();
    let order = order(&needs);
    for cycle in &order.cycles {
        let names = || cycle.iter().chain(cycle.first()).filter_map(|number| plan.vars.get(*number));
        if let Some((name, _)) = names().next() {
            let message = format!(
                "variables use each other in a circle: {}",
                path(names().map(|(name, _)| name.value.as_str()))
            );
            problems.push(
                Diagnostic::error(Code::Cycle, name.span, message)
                    .hint("give one of them a value of its own"),
            );
        }
    }
    let secrets = plan.secrets.iter().map(|name| name.value.clone()).collect();
    // What is in a circle is reported; what uses it is not wrong for that.
    let mut values: BTreeMap<String, Rendered> =
        plan.vars.iter().map(|(name, _)| (name.value.clone(), Rendered::default())).collect();
    for number in order.sorted {
        let Some((name, template)) = plan.vars.get(number) else { continue };
        let value = match given.get(&name.value) {
            Some(text) => Rendered { text: text.clone(), is_complete: true },
            None => {
                let host = HostScope::None("a variable");
                let scope = Scope { vars: &values, secrets: &secrets, env, host, here: None, budget };
                scope.open(template, "a variable", problems)
            }
        };
        values.insert(name.value.clone(), value);
    }
    values
}

/// Every `| raw`, as a note: that is where a value can become code.
pub(crate) fn raw_notes(template: &Template, is_command: bool, problems: &mut Problems) {
    for expression in template.expressions().filter(|expression| expression.raw) {
        let message = if is_command {
            format!("`{}` goes into the command as it is and can become code", expression.written())
        } else {
            format!("`raw` changes nothing here: `{}` goes in as it is anyway", expression.written())
        };
        problems.push(Diagnostic::new(Severity::Note, Code::Raw, expression.span, message));
    }
}
