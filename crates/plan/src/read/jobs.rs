//! Reads `cron:`, the jobs of an application.

use super::{Field, Reader};
use crate::{
    app::CRON,
    ast::{ParamValue, ResourceSpec},
    diagnostic::Code,
    template::{Piece, Template},
    yaml::{Kind, shorten},
};

/// The longest name of a job.
const LONGEST: usize = 40;
/// The most jobs of an application.
const MOST: usize = 50;

impl Reader<'_> {
    /// All jobs as one: names, schedules and commands, each in the same order.
    pub(super) fn jobs(&mut self, field: Field<'_>) -> Option<ResourceSpec> {
        let Kind::Sequence(items) = &field.node.kind else {
            let hint = "write cron: [ { schedule: \"0 3 * * *\", run: bin/cleanup } ]";
            self.wrong_type(field, "a list of jobs", Some(hint));
            return None;
        };
        if items.len() > MOST {
            let message = format!("`cron` has {} jobs; an application has at most {MOST}", items.len());
            self.error(Code::TooLarge, field.span, message, None);
            return None;
        }
        let (mut names, mut schedules, mut commands) = (Vec::new(), Vec::new(), Vec::new());
        let mut known: Vec<String> = Vec::new();
        for node in items {
            let span = if node.is_null() { field.span } else { node.span };
            let Some(spec) = self.resource(&CRON, Field { name: "cron", node, span }, span) else { continue };
            let said = |key: &str| {
                let (_, value) = spec.params.iter().find(|(param, _)| param.name == key)?;
                match value {
                    ParamValue::One(template) => Some(template.clone()),
                    ParamValue::Many(several) => several.first().filter(|_| several.len() == 1).cloned(),
                    ParamValue::Map(_) => None,
                }
            };
            let (Some(schedule), Some(command)) = (said("schedule"), said("run")) else {
                let hint = "make a job of its own for each, or join them with `&&`";
                self.error(Code::WrongType, span, "a job runs one command", Some(hint));
                continue;
            };
            let given = said("name");
            let name = given.as_ref().map_or_else(|| called(&command), Template::written);
            let place = given.as_ref().unwrap_or(&command).span;
            let is_name = (1..=LONGEST).contains(&name.len())
                && name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            if given.is_none() && !is_name {
                let message = "a name for this job cannot be made from what it runs";
                self.error(Code::MissingKey, place, message, Some("add `name:`"));
            } else if !is_name {
                let message = format!("`{}` is no name for a job", shorten(&name));
                let hint = format!("a name has letters, digits, `_` and `-`, at most {LONGEST}");
                self.error(Code::InvalidName, place, message, Some(&hint));
            } else if known.contains(&name) {
                let message = format!("two jobs are called `{name}`");
                self.error(Code::NameTaken, place, message, Some("give one of them another `name:`"));
            }
            names.push(Template::literal(&name, place));
            schedules.push(schedule);
            commands.push(command);
            known.push(name);
        }
        let values = [schedules, commands, names];
        let params = CRON.params.iter().zip(values).map(|(param, all)| (param, ParamValue::Many(all)));
        (!known.is_empty()).then(|| ResourceSpec { kind: &CRON, params: params.collect() })
    }
}

/// The name of the program that a command runs: `cleanup` of `bin/cleanup.sh --all`.
fn called(command: &Template) -> String {
    let Some(Piece::Text(text)) = command.pieces.first() else { return String::new() };
    let program = text.split_whitespace().next().unwrap_or_default();
    let file = program.rsplit('/').next().unwrap_or_default();
    file.split('.').next().unwrap_or_default().to_owned()
}
