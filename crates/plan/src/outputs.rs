//! Which step's output a `${{ steps.ID.stdout }}` means.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Diagnostic, Output,
    ast::{Plan, Task},
    diagnostic::Code,
    groups::hosts_of,
    suggest::did_you_mean,
    template::Expression,
};

/// The steps of a plan that have an `id`.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    of: BTreeMap<String, Place>,
    /// For each task, those that come before it, near or far.
    before: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug)]
struct Place {
    task: String,
    /// Which of the steps of its task it is.
    number: usize,
    hosts: Vec<String>,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
pub(crate) struct Here<'a> {
    pub(crate) ids: &'a Ids,
    pub(crate) task: &'a str,
    /// Which of the steps of its task it belongs to.
    pub(crate) number: usize,
}

impl Ids {
    /// Those of `plan`. One that stands twice is reported.
    pub(crate) fn of(plan: &Plan, problems: &mut Vec<Diagnostic>) -> Self {
        let mut ids = Self::default();
        for (name, task) in &plan.tasks {
            let mut hosts = None;
            for (number, step) in task.all_steps().enumerate() {
                let Some(id) = &step.common.id else { continue };
                if ids.of.contains_key(&id.value) {
                    let message = format!("two steps have the id `{}`", id.value);
                    let problem = Diagnostic::error(Code::NameTaken, id.span, message);
                    problems.push(problem.hint("give one of them another one"));
                    continue;
                }
                let hosts = hosts.get_or_insert_with(|| hosts_of(plan, task)).clone();
                ids.of.insert(id.value.clone(), Place { task: name.value.clone(), number, hosts });
            }
        }
        if !ids.of.is_empty() {
            let tasks: BTreeMap<&str, &Task> =
                plan.tasks.iter().map(|(name, task)| (name.value.as_str(), task)).collect();
            for (name, task) in &plan.tasks {
                let mut before = BTreeSet::new();
                let mut waiting: Vec<&str> = task.needs.iter().map(|need| need.value.as_str()).collect();
                while let Some(need) = waiting.pop() {
                    if before.insert(need.to_owned())
                        && let Some(task) = tasks.get(need)
                    {
                        waiting.extend(task.needs.iter().map(|need| need.value.as_str()));
                    }
                }
                ids.before.insert(name.value.clone(), before);
            }
        }
        ids
    }
}

impl Here<'_> {
    /// The output that an expression means, on `host`; `None` where the host is not known yet.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn output(
        &self,
        expression: &Expression,
        host: Option<&str>,
    ) -> Result<Option<Output>, Diagnostic> {
        let Expression { span, name, json, .. } = expression;
        let error = |message: String| Diagnostic::error(Code::UndefinedName, *span, message);
        let Some(place) = self.ids.of.get(name) else {
            let problem = error(format!("no step has the id `{name}`"));
            return Err(match did_you_mean(name, self.ids.of.keys().map(String::as_str)) {
                Some(meant) => problem.hint(format!("did you mean `steps.{meant}.stdout`?")),
                None => problem.hint(format!("give the step one: id: {name}")),
            });
        };
        let is_own = place.task == self.task;
        let is_before = match is_own {
            true => place.number < self.number,
            false => self.ids.before.get(self.task).is_some_and(|before| before.contains(&place.task)),
        };
        if !is_before {
            let problem = error(format!("the step `{name}` does not come before this one"));
            return Err(match is_own {
                true => problem.hint("put it further up"),
                false => problem.hint(format!("add `{}` to the `needs` of this task", place.task)),
            });
        }
        let Some(host) = host else { return Ok(None) };
        let of = match place.hosts.as_slice() {
            hosts if hosts.iter().any(|known| known == host) => host,
            [only] => only.as_str(),
            hosts => {
                let message = format!(
                    "the step `{name}` runs on {} hosts, and {host} is none of them, so it is not clear whose output is meant",
                    hosts.len()
                );
                return Err(error(message).hint("let it run on one host, or on this one"));
            }
        };
        Ok(Some(Output {
            task: place.task.clone(),
            host: of.to_owned(),
            id: name.clone(),
            json: json.clone(),
        }))
    }
}
