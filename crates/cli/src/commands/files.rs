//! What only reads and writes files: `steady validate`, `list`, `detect`, `import`, `schema` and `completions`.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::CommandFactory;
use clap_complete::Shell;
use steadyhand_api::{
    ApiError, ErrorCode, OutlineTask, PlanCheck, check_plan_file, import_ansible, plan_schema,
};

use super::{
    detect, graph, init,
    run::{extent_of, has_errors},
};
use crate::{
    args::{Cli, CompletedShell, FileCommand, Import, SchemaOf},
    documents::{self, Taken, TaskList, Validated},
    exit::Exit,
    output::{Colour, Failure, Output},
    terminal_text::plain,
    words,
};

/// The plan that is meant when none is named, in the current folder.
pub(super) const USUAL_PLAN: &str = "plan.yaml";

pub(crate) async fn files(output: &mut Output, command: FileCommand) -> Result<Exit, Failure> {
    match command {
        FileCommand::Validate { plans } => validate(output, &plans),
        FileCommand::List { plan } => list(output, plan.as_deref()),
        FileCommand::Graph { plan } => graph::graph(output, plan.as_deref()),
        FileCommand::Init(options) => init::init(output, options).await,
        FileCommand::Detect { path, dockerfile } => detect::detect(output, &path, dockerfile),
        FileCommand::Import { command: Import::Ansible { inventory, out } } => {
            import(output, &inventory, out.as_deref())
        }
        FileCommand::Schema { of } => schema(output, of),
        FileCommand::Completions { shell } => completions(output, shell),
    }
}

fn validate(output: &mut Output, plans: &[PathBuf]) -> Result<Exit, Failure> {
    let usual = [PathBuf::from(USUAL_PLAN)];
    let mut exit = Exit::Done;
    for plan in if plans.is_empty() { &usual } else { plans } {
        let check = check_plan_file(plan)?;
        let valid = !has_errors(&check.problems);
        output.document(&Validated { plan: plan.display().to_string(), valid, check: &check })?;
        for problem in &check.problems {
            output.line(&words::problem(output, plan, problem))?;
        }
        if valid {
            output.line(&format!("{}: valid; {}", plan.display(), extent(&check)))?;
        } else {
            exit = Exit::Usage;
        }
    }
    Ok(exit)
}

fn extent(check: &PlanCheck) -> String {
    let steps = check.outline.tasks.iter().flat_map(|task| {
        task.hosts.iter().flat_map(|host| std::iter::repeat_n(host.as_str(), task.steps.len()))
    });
    extent_of(steps)
}

/// The plan that is named, or the usual one; an error when it has errors, which are told first.
pub(super) fn readable(output: &mut Output, plan: Option<&Path>) -> Result<(PathBuf, PlanCheck), Failure> {
    let plan = plan.unwrap_or(Path::new(USUAL_PLAN)).to_owned();
    let check = check_plan_file(&plan)?;
    if has_errors(&check.problems) {
        for problem in &check.problems {
            output.note(&words::problem(output, &plan, problem));
        }
        let message = format!("{} has errors", plan.display());
        return Err(ApiError { code: ErrorCode::PlanInvalid, message }.into());
    }
    Ok((plan, check))
}

fn list(output: &mut Output, plan: Option<&Path>) -> Result<Exit, Failure> {
    let (plan, check) = readable(output, plan)?;
    let tasks = &check.outline.tasks;
    output.document(&TaskList { plan: plan.display().to_string(), tasks })?;
    let width = |longest: usize, name: &str| longest.max(name.chars().count());
    let name_width =
        tasks.iter().map(|task| plain(&task.name)).fold(4, |longest, name| width(longest, &name));
    let hosts = |task: &OutlineTask| match task.hosts.len() {
        count @ 6.. => words::many(count, "host"),
        _ => plain(&task.hosts.join(", ")),
    };
    let host_width = tasks.iter().map(hosts).fold(2, |longest, hosts| width(longest, &hosts));
    let steps = |task: &OutlineTask| words::many(task.steps.len(), "step");
    let line = |name: &str, on: &str, steps: &str, rest: &str| {
        format!("{name:<name_width$}  {on:<host_width$}  {steps:<9} {rest}").trim_end().to_owned()
    };
    let head = line("task", "on", "steps", "needs, tags");
    output.line(&output.paint(Colour::Grey, &head))?;
    for task in tasks {
        let needs = (!task.needs.is_empty()).then(|| format!("needs {}", plain(&task.needs.join(", "))));
        let tags = (!task.tags.is_empty()).then(|| format!("tagged {}", plain(&task.tags.join(", "))));
        let rest: Vec<String> = [needs, tags].into_iter().flatten().collect();
        output.line(&line(&plain(&task.name), &hosts(task), &steps(task), &rest.join("; ")))?;
    }
    Ok(Exit::Done)
}

fn import(output: &mut Output, inventory: &Path, out: Option<&Path>) -> Result<Exit, Failure> {
    let imported = import_ansible(inventory)?;
    if let Some(out) = out {
        new_file(out, &imported.text)?;
    }
    output.document(&Taken {
        text: out.is_none().then_some(imported.text.as_str()),
        out: out.map(|out| out.display().to_string()),
        hosts: imported.hosts,
        groups: imported.groups,
        left_out: &imported.left_out,
    })?;
    let hosts = words::many(imported.hosts, "host");
    match out {
        Some(out) => {
            let groups = words::many(imported.groups, "group");
            output.line(&format!("{}: {hosts}, {groups}.", out.display()))?;
            for line in &imported.left_out {
                output.note(&format!("Not taken over: {}", plain(line)));
            }
        }
        None => {
            for line in imported.text.lines() {
                output.line(&plain(line))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// Writes a file that is not there yet.
pub(super) fn new_file(path: &Path, text: &str) -> Result<(), Failure> {
    let shown = path.display();
    let written = OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| {
        let (code, message) = match error.kind() {
            io::ErrorKind::AlreadyExists => (
                ErrorCode::Conflict,
                format!("{shown} is there already and stays as it is; name another file"),
            ),
            _ => (ErrorCode::Invalid, format!("{shown} cannot be written: {error}")),
        };
        ApiError { code, message }.into()
    })
}

/// A schema is a document whatever the format.
fn schema(output: &mut Output, of: SchemaOf) -> Result<Exit, Failure> {
    let schema = match of {
        SchemaOf::Plan => plan_schema(),
        SchemaOf::Events => documents::schema(),
    };
    let mut text = serde_json::to_vec_pretty(&schema).map_err(io::Error::from)?;
    text.push(b'\n');
    output.bytes(&text)?;
    Ok(Exit::Done)
}

fn completions(output: &mut Output, shell: CompletedShell) -> Result<Exit, Failure> {
    let shell = match shell {
        CompletedShell::Bash => Shell::Bash,
        CompletedShell::Zsh => Shell::Zsh,
        CompletedShell::Fish => Shell::Fish,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "steady", &mut text);
    output.bytes(&text)?;
    Ok(Exit::Done)
}
