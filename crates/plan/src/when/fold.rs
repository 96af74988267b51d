//! Puts what is known without the host into a condition.

use super::{
    Bytes, CompiledWhen, Problem, When,
    compiled::{Kind as Known, Node},
    number::Number,
    tree::{Expression, Kind, Name, NameRoot, Operator},
    value::{Value, compare, is_in, written_truth},
};
use crate::{
    Code,
    compiled::CompiledHost,
    diagnostic::Diagnostic,
    scope::{HostScope, Scope},
    yaml::shorten,
};

/// The condition with everything put in that `scope` knows; `None` when something about its values is wrong, which is
/// then in `problems`.
pub(crate) fn compile(
    when: &When,
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<CompiledWhen> {
    match condition(&when.expression, scope) {
        Ok(rest) => Some(CompiledWhen { when: when.text.clone(), rest }),
        Err(problem) => {
            problems.push(problem.at(&when.places));
            None
        }
    }
}

/// A part that must be true or false.
fn condition(expression: &Expression, scope: &Scope<'_>) -> Result<Node, Problem> {
    let node = fold(expression, scope)?;
    let Node::Value(value) = &node else { return Ok(node) };
    match value.truth() {
        Some(truth) => Ok(Node::truth(truth)),
        None => {
            let name = match &expression.kind {
                Kind::Name(name) => format!("`{}`", name.path()),
                _ => "this".to_owned(),
            };
            let message = format!("{name} is {}, and a condition is true or false", value.describe());
            Err(Problem::new(expression.bytes, message).hint("compare it with something: `… == \"…\"`"))
        }
    }
}

fn fold(expression: &Expression, scope: &Scope<'_>) -> Result<Node, Problem> {
    let value = |value| Ok(Node::Value(value));
    match &expression.kind {
        Kind::Text(text) => value(Value::Text(text.clone())),
        Kind::Number(number) => value(Value::Number(*number)),
        Kind::Truth(truth) => value(Value::Truth(*truth)),
        Kind::Name(name) => named(name, expression.bytes, scope),
        Kind::Defined(name, _) => Ok(match lookup(name, scope) {
            Lookup::Value(_) => Node::truth(true),
            Lookup::Missing => Node::truth(false),
            Lookup::Fact => Node::Defined(name.name.clone()),
            Lookup::Unknown => Node::Unknown,
        }),
        Kind::List(items) => {
            let nodes: Vec<Node> = items.iter().map(|item| fold(item, scope)).collect::<Result<_, _>>()?;
            let values: Option<Vec<Value>> = nodes
                .iter()
                .map(|node| match node {
                    Node::Value(value) => Some(value.clone()),
                    _ => None,
                })
                .collect();
            Ok(values.map_or(Node::List(nodes), |values| Node::Value(Value::List(values))))
        }
        Kind::Not(operand) => Ok(match condition(operand, scope)? {
            Node::Value(Value::Truth(truth)) => Node::truth(!truth),
            node => Node::Not(Box::new(node)),
        }),
        Kind::All(operands) => logic(operands, scope, false),
        Kind::Any(operands) => logic(operands, scope, true),
        Kind::Compare(operator, left, right) => comparison(expression.bytes, *operator, left, right, scope),
        Kind::In(item, within) => match (fold(item, scope)?, fold(within, scope)?) {
            (Node::Value(item), Node::Value(within)) => match is_in(&item, &within) {
                Ok(truth) => Ok(Node::truth(truth)),
                Err(why) => Err(Problem::new(expression.bytes, why)),
            },
            (item, within) => Ok(Node::In { item: Box::new(item), within: Box::new(within) }),
        },
    }
}

/// `and`, which one `false` decides, or `or`, which one `true` does. What stands behind what decides is not looked at.
fn logic(operands: &[Expression], scope: &Scope<'_>, decisive: bool) -> Result<Node, Problem> {
    let mut open = Vec::new();
    for operand in operands {
        match condition(operand, scope)? {
            Node::Value(Value::Truth(truth)) if truth == decisive => return Ok(Node::truth(decisive)),
            Node::Value(_) => {}
            node => open.push(node),
        }
    }
    Ok(match open.pop() {
        None => Node::truth(!decisive),
        Some(only) if open.is_empty() => only,
        Some(last) => {
            open.push(last);
            if decisive { Node::Any(open) } else { Node::All(open) }
        }
    })
}

fn comparison(
    bytes: Bytes,
    operator: Operator,
    left: &Expression,
    right: &Expression,
    scope: &Scope<'_>,
) -> Result<Node, Problem> {
    let (a, b) = (fold(left, scope)?, fold(right, scope)?);
    let (kind_a, kind_b) = (a.kind(), b.kind());
    let a = as_kind(a, kind_b, left)?;
    let b = as_kind(b, kind_a, right)?;
    match (&a, &b) {
        (Node::Value(x), Node::Value(y)) => match compare(operator, x, y) {
            Ok(truth) => Ok(Node::truth(truth)),
            Err(why) => Err(Problem::new(bytes, why)),
        },
        _ => Ok(Node::Compare { operator, left: Box::new(a), right: Box::new(b) }),
    }
}

/// A text of `vars` or `env`, read as the kind of value that it stands beside.
fn as_kind(node: Node, kind: Known, expression: &Expression) -> Result<Node, Problem> {
    let Node::Value(Value::Written(text)) = &node else { return Ok(node) };
    let wrong = |what: &str, hint: &str| {
        let name = match &expression.kind {
            Kind::Name(name) => name.path(),
            _ => "this".to_owned(),
        };
        let message = format!("`{name}` is `{}`, which is {what}", shorten(text));
        Problem::new(expression.bytes, message).code(Code::InvalidValue).hint(hint)
    };
    match kind {
        Known::Number => match Number::parse(text.trim()) {
            Some(number) => Ok(Node::Value(Value::Number(number))),
            None => Err(wrong("no number", "versions are compared as texts: put the other side in quotes")),
        },
        Known::Truth => match written_truth(text.trim()) {
            Some(truth) => Ok(Node::truth(truth)),
            None => {
                Err(wrong("neither true nor false", "compare it with a text: put the other side in quotes"))
            }
        },
        Known::Other => Ok(node),
    }
}

/// What a name stands for.
enum Lookup {
    Value(Value),
    Fact,
    Missing,
    /// Not before the inputs of the plan are known.
    Unknown,
}

fn lookup(name: &Name, scope: &Scope<'_>) -> Lookup {
    let written = |text: &str| Lookup::Value(Value::Written(text.to_owned()));
    match name.root {
        NameRoot::Facts => Lookup::Fact,
        NameRoot::Vars => match scope.vars.get(&name.name) {
            Some(value) if value.is_complete => written(&value.text),
            Some(_) => Lookup::Unknown,
            None => Lookup::Missing,
        },
        NameRoot::Env => match scope.env.map(|env| env.get(&name.name)) {
            None => Lookup::Unknown,
            Some(None) => Lookup::Missing,
            Some(Some(value)) => written(value),
        },
        NameRoot::Host => {
            let HostScope::This(host, compiled) = scope.host else { return Lookup::Unknown };
            let text = |text: &str| Lookup::Value(Value::Text(text.to_owned()));
            match (name.name.as_str(), compiled) {
                ("name", _) => text(host),
                ("tags", CompiledHost::Local) => Lookup::Value(Value::texts([])),
                ("tags", CompiledHost::Ssh(ssh)) => Lookup::Value(Value::texts(ssh.tags.iter().cloned())),
                ("address", CompiledHost::Local) => text("localhost"),
                ("address", CompiledHost::Ssh(ssh)) => text(&ssh.address),
                ("user", CompiledHost::Ssh(ssh)) => ssh.user.as_deref().map_or(Lookup::Missing, text),
                ("port", CompiledHost::Ssh(ssh)) => written(&ssh.port.unwrap_or(22).to_string()),
                _ => Lookup::Missing,
            }
        }
    }
}

fn named(name: &Name, bytes: Bytes, scope: &Scope<'_>) -> Result<Node, Problem> {
    let missing = |message: String, hint: String| {
        Err(Problem::new(bytes, message).code(Code::UndefinedName).hint(hint))
    };
    let ask = format!("ask first: `defined({}) and …`", name.path());
    match (lookup(name, scope), name.root) {
        (Lookup::Value(value), _) => Ok(Node::Value(value)),
        (Lookup::Fact, _) => Ok(Node::Fact(name.name.clone())),
        (Lookup::Unknown, _) => Ok(Node::Unknown),
        (Lookup::Missing, NameRoot::Env) => missing(
            format!("the environment has no variable `{}` where the run is started", name.name),
            format!("set it there, or {ask}"),
        ),
        (Lookup::Missing, NameRoot::Host) => {
            let host = if let HostScope::This(host, _) = scope.host { host } else { "" };
            missing(format!("the host `{host}` has no `{}` in this plan", name.name), ask)
        }
        (Lookup::Missing, NameRoot::Vars | NameRoot::Facts) => {
            missing(format!("the variable `{}` is not defined", name.name), ask)
        }
    }
}
