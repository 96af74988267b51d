//! A plan and the files that it includes, read as one.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Diagnostic, Files,
    ast::{ActionSpec, Entries, ParamValue, Plan, Step},
    diagnostic::Code,
    files::joined,
    graph::path,
    read::{self, Reader, Whole},
    resource::Of,
    span::{Position, Span, Spanned},
    template::Template,
    yaml::{self, Source, shorten},
};

/// The most files of one plan.
const MAX_FILES: usize = 100;

/// What was read.
pub(crate) struct ReadPlan {
    pub(crate) plan: Plan,
    pub(crate) problems: Vec<Diagnostic>,
    /// Files that are included and that nobody has given: what they have is not known.
    pub(crate) wanted: BTreeSet<String>,
    /// The plan itself is no YAML.
    pub(crate) is_unreadable: bool,
    /// Whether everything that is included is there, so that a name that is nowhere is a mistake.
    pub(crate) is_complete: bool,
}

/// Reads a plan with the files that it includes, as far as they are given.
pub(crate) fn read(source: &str, files: &Files) -> ReadPlan {
    let mut including = Including {
        files,
        names: vec![String::new()],
        open: vec![files.plan().unwrap_or("the plan").to_owned()],
        problems: Vec::new(),
        wanted: BTreeSet::new(),
        is_complete: true,
    };
    let read = including.file(source, 0, Whole::Plan);
    let is_unreadable = read.is_none();
    let mut plan = read.unwrap_or_else(|| {
        let empty = Source::new("");
        read::plan(&mut Reader::new(&empty), None, Whole::Part)
    });
    let Including { mut problems, wanted, names, is_complete, .. } = including;
    if plan.tasks.is_empty() && !plan.include.is_empty() && wanted.is_empty() && problems.is_empty() {
        let message = "neither the plan nor a file that it includes has `tasks`, so there is nothing to do";
        problems.push(Diagnostic::error(Code::Empty, plan.span, message));
    }
    plan.files = names;
    ReadPlan { plan, problems, wanted, is_unreadable, is_complete }
}

/// Puts the names of files into problems that are known by numbers.
pub(crate) fn name_files(problems: &mut [Diagnostic], names: &[String]) {
    for problem in problems.iter_mut().filter(|problem| problem.number > 0) {
        problem.file = names.get(usize::from(problem.number)).cloned();
    }
}

struct Including<'f> {
    files: &'f Files,
    /// The files that were read, by number.
    names: Vec<String>,
    /// The files whose `include` is being followed, outermost first.
    open: Vec<String>,
    problems: Vec<Diagnostic>,
    wanted: BTreeSet<String>,
    is_complete: bool,
}

impl Including<'_> {
    /// One file with all that it includes; nothing when it is no YAML.
    fn file(&mut self, text: &str, number: u16, whole: Whole) -> Option<Plan> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = Source::of_file(text, number);
        let root = match yaml::parse(text, &lines) {
            Ok(root) => root,
            Err(problem) => {
                self.problems.push(problem);
                self.is_complete = false;
                return None;
            }
        };
        let mut reader = Reader::new(&lines);
        let mut own = read::plan(&mut reader, root.as_ref(), whole);
        self.problems.append(&mut reader.problems);
        for (_, task) in &mut own.tasks {
            task.all_steps_mut().for_each(|step| self.template(step, number));
        }
        if own.include.is_empty() {
            return Some(own);
        }
        let mut all = Plan { include: own.include.clone(), ..Plan::empty(own.name.clone(), own.span) };
        for include in &own.include {
            if let Some(included) = self.included(include, number) {
                self.merge(&mut all, included);
            }
        }
        self.merge(&mut all, own);
        Some(all)
    }

    /// Puts the text of the template in that a step of file `by` names, as the content of its resource.
    fn template(&mut self, step: &mut Step, by: u16) {
        if let Some(undo) = &mut step.common.undo {
            self.template(undo, by);
        }
        let ActionSpec::Resource(spec) = &mut step.action else { return };
        for (param, value) in &mut spec.params {
            let (Of::Template, ParamValue::One(named)) = (param.of, &*value) else { continue };
            let mut problem = |code, message: String, hint: &str| {
                self.problems.push(Diagnostic::error(code, named.span, message).hint(hint));
            };
            if named.expressions().next().is_some() {
                let message = "the path of a template must be written out".to_owned();
                problem(Code::InvalidValue, message, "make a step for each, with `when`");
                continue;
            }
            let from = self.names.get(usize::from(by)).cloned().unwrap_or_default();
            let name = joined(&from, &named.written());
            let text = match self.files.get(&name) {
                None => {
                    self.wanted.insert(name);
                    continue;
                }
                Some(Err(why)) => {
                    let message = format!("the template `{}` cannot be read: {why}", shorten(&name));
                    problem(
                        Code::File,
                        message,
                        "it is looked for as seen from the file that names it; check the path",
                    );
                    continue;
                }
                Some(Ok(text)) => text,
            };
            let known = self.names.iter().position(|known| *known == name);
            let number = known.unwrap_or_else(|| {
                self.names.push(name);
                self.names.len() - 1
            });
            let lines = Source::of_file(text, u16::try_from(number).unwrap_or(u16::MAX));
            let whole = lines.span(0, text.chars().count());
            let parsed = Template::parse(text, whole, &lines, &mut self.problems);
            if let Some(content) = spec.kind.param("content") {
                (*param, *value) = (content, ParamValue::One(parsed));
            }
        }
    }

    /// A file that `include` names; nothing when it is there already or cannot be read.
    fn included(&mut self, include: &Spanned<String>, by: u16) -> Option<Plan> {
        let from = self.names.get(usize::from(by)).cloned().unwrap_or_default();
        let name = joined(&from, &include.value);
        let mut problem = |code, message: String, hint: &str| {
            self.problems.push(Diagnostic::error(code, include.span, message).hint(hint));
        };
        if let Some(first) = self.open.iter().position(|open| *open == name) {
            let circle = self.open.get(first..).unwrap_or_default();
            let names = circle.iter().chain([&name]).map(String::as_str);
            let message = format!("files include each other in a circle: {}", path(names));
            problem(Code::Cycle, message, "take one of these `include` out");
            return None;
        }
        // What is included on two ways is there once.
        if self.names.contains(&name) {
            return None;
        }
        if self.names.len() > MAX_FILES {
            let message = format!("the plan includes more than {MAX_FILES} files");
            problem(Code::TooLarge, message, "join some of them");
            return None;
        }
        let text = match self.files.get(&name) {
            None => {
                self.is_complete = false;
                self.wanted.insert(name);
                return None;
            }
            Some(Err(why)) => {
                let message = format!("the file `{}` cannot be included: {why}", shorten(&name));
                let hint = "it is looked for as seen from the file that includes it; check the path";
                problem(Code::File, message, hint);
                self.is_complete = false;
                return None;
            }
            Some(Ok(text)) => text.to_owned(),
        };
        let number = u16::try_from(self.names.len()).unwrap_or(u16::MAX);
        self.names.push(name.clone());
        self.open.push(name);
        let plan = self.file(&text, number, Whole::Part);
        self.open.pop();
        plan
    }

    /// Adds what a file has to what there is already.
    fn merge(&mut self, all: &mut Plan, more: Plan) {
        let Plan { hosts, groups, vars, tasks, secrets, discover, notify, .. } = more;
        self.entries("host", &mut all.hosts, hosts);
        self.entries("group", &mut all.groups, groups);
        self.entries("variable", &mut all.vars, vars);
        self.entries("task", &mut all.tasks, tasks);
        // A secret that two files list is one that both need.
        for secret in secrets {
            if !all.secrets.iter().any(|known| known.value == secret.value) {
                all.secrets.push(secret);
            }
        }
        all.discover.extend(discover);
        all.notify.extend(notify);
    }

    fn entries<T>(&mut self, what: &str, all: &mut Entries<T>, more: Entries<T>) {
        let known: BTreeMap<String, Span> =
            all.iter().map(|(name, _)| (name.value.clone(), name.span)).collect();
        for (name, entry) in more {
            match known.get(&name.value) {
                None => all.push((name, entry)),
                Some(other) => {
                    let place = self.place(other.start);
                    let message = format!("the {what} `{}` stands here and in {place}", shorten(&name.value));
                    let hint = "a name means one thing in a plan and all that it includes: rename or remove one of them";
                    self.problems.push(Diagnostic::error(Code::NameTaken, name.span, message).hint(hint));
                }
            }
        }
    }

    fn place(&self, at: Position) -> String {
        place(&self.names, at)
    }
}

/// `hosts.yaml, line 3`.
pub(crate) fn place(names: &[String], at: Position) -> String {
    match names.get(usize::from(at.file)).filter(|name| !name.is_empty()) {
        Some(name) => format!("{name}, line {}", at.line),
        None => format!("line {} of the plan", at.line),
    }
}
