//! What is shown for a step: the name that the plan gives it, or one made from its action.

use crate::{
    Diagnostic,
    ast::{ActionSpec, ParamValue, ResourceSpec, Step, WaitForSpec},
    scope::Scope,
    template::{Piece, Template},
};

/// The longest name, in characters.
const LONGEST: usize = 80;

/// The name of a step, with its values put in.
pub(crate) fn title(step: &Step, scope: &Scope<'_>, problems: &mut Vec<Diagnostic>) -> String {
    match &step.common.name {
        Some(name) => one_line(&scope.open(name, "the name of a step", problems).text),
        // What is wrong with the action is reported for the action.
        None => made(step, |template| scope.plain(template, &mut Vec::new()).0.to_string()),
    }
}

/// The name of a step as it is written, before anything is known about its values.
pub(crate) fn written_title(step: &Step) -> String {
    match &step.common.name {
        Some(name) => one_line(&name.written()),
        None => made(step, Template::written),
    }
}

fn made(step: &Step, mut show: impl FnMut(&Template) -> String) -> String {
    match &step.action {
        // Rendering the first line alone keeps long scripts cheap.
        ActionSpec::Run(spec) => one_line(&show(&first_lines(&spec.run))),
        ActionSpec::Upload(spec) => one_line(&format!("upload {} → {}", show(&spec.from), show(&spec.to))),
        ActionSpec::Download(spec) => {
            one_line(&format!("download {} → {}", show(&spec.from), show(&spec.to)))
        }
        ActionSpec::Resource(spec) => one_line(&resource(spec, show)),
        ActionSpec::WaitFor(spec) => match spec {
            WaitForSpec::Http(probe) => one_line(&format!("wait for {}", show(&probe.http))),
            WaitForSpec::Tcp(probe) => one_line(&format!("wait for {}", show(&probe.tcp))),
            WaitForSpec::Command(probe) => {
                one_line(&format!("wait for: {}", show(&first_lines(&probe.command))))
            }
        },
    }
}

/// Its kind, what it is about, and what is to become of that, where the plan says so: `service nginx reloaded`.
fn resource(spec: &ResourceSpec, mut show: impl FnMut(&Template) -> String) -> String {
    let mut words = vec![spec.kind.name.replace('_', " ")];
    let about = spec.kind.short.or_else(|| spec.kind.params.first().map(|param| param.name));
    for (param, value) in &spec.params {
        if Some(param.name) != about && param.name != "state" {
            continue;
        }
        match value {
            ParamValue::One(template) => words.push(show(template)),
            ParamValue::Many(templates) => {
                words.push(templates.iter().map(&mut show).collect::<Vec<_>>().join(", "));
            }
            ParamValue::Map(_) => {}
        }
    }
    words.join(" ")
}

/// The template up to the end of a piece by which it is surely longer than a name.
fn first_lines(template: &Template) -> Template {
    let mut length = 0;
    let pieces = template.pieces.iter().take_while(|piece| {
        let goes_on = length <= LONGEST;
        length += match piece {
            Piece::Text(text) => text.trim().chars().count(),
            Piece::Expression(_) => 0,
        };
        goes_on
    });
    Template { span: template.span, pieces: pieces.cloned().collect() }
}

/// The first line that says something, without control characters, cut where it is too long.
fn one_line(text: &str) -> String {
    let says =
        |line: &&str| !line.is_empty() && !line.starts_with('#') && !matches!(*line, "set -e" | "set -eu");
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.clone().find(says).or_else(|| lines.next()).unwrap_or_default();
    let has_more = text.lines().map(str::trim).filter(says).count() > 1;
    let clean: String = first.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = clean.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() > LONGEST {
        return line.chars().take(LONGEST - 1).chain(['…']).collect();
    }
    if has_more && line.chars().count() + 2 <= LONGEST { format!("{line} …") } else { line }
}
