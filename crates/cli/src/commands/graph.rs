//! `steady graph`: which task needs which.

use std::path::Path;

use steadyhand_api::OutlineTask;

use super::files::readable;
use crate::{
    documents::{Edge, Graph, Node},
    exit::Exit,
    output::{Failure, Output},
    words,
};

pub(super) fn graph(output: &mut Output, plan: Option<&Path>) -> Result<Exit, Failure> {
    let (plan, check) = readable(output, plan)?;
    let tasks = &check.outline.tasks;
    let edges =
        tasks.iter().flat_map(|task| task.needs.iter().map(|need| Edge { from: need, to: &task.name }));
    let nodes = tasks.iter().map(|task| {
        let OutlineTask { name, hosts, steps, tags, .. } = task;
        Node { task: name, hosts, steps: steps.len(), tags }
    });
    output.document(&Graph {
        plan: plan.display().to_string(),
        nodes: nodes.collect(),
        edges: edges.collect(),
    })?;
    for line in mermaid(tasks) {
        output.line(&line)?;
    }
    Ok(Exit::Done)
}

/// The lines of a Mermaid flowchart. Tasks are numbered, since their names may be any text.
fn mermaid(tasks: &[OutlineTask]) -> Vec<String> {
    let number = |name: &str| tasks.iter().position(|task| task.name == name);
    let mut lines = vec!["flowchart LR".to_owned()];
    for (at, task) in tasks.iter().enumerate() {
        let hosts = match task.hosts.len() {
            count @ 4.. => words::many(count, "host"),
            _ => task.hosts.join(", "),
        };
        let label =
            format!("{}<br/>{} on {}", text(&task.name), words::many(task.steps.len(), "step"), text(&hosts));
        lines.push(format!("  t{at}[\"{label}\"]"));
    }
    for (at, task) in tasks.iter().enumerate() {
        for need in task.needs.iter().filter_map(|need| number(need)) {
            lines.push(format!("  t{need} --> t{at}"));
        }
    }
    lines
}

/// A text within quotes of Mermaid, in which nothing has a meaning any more.
fn text(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_alphanumeric() || " .,-_/:()@".contains(c) => c.to_string(),
            c if c.is_control() => " ".to_owned(),
            c => format!("#{};", u32::from(c)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_is_a_flowchart_in_which_names_are_text() {
        let task = |name: &str, needs: &[&str], hosts: &[&str]| OutlineTask {
            name: name.to_owned(),
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            needs: needs.iter().map(|&need| need.to_owned()).collect(),
            steps: vec!["x".to_owned()],
            tags: Vec::new(),
            line: 1,
            file: None,
        };
        let tasks =
            [task("build", &[], &["local"]), task("say \"hi\" <b>", &["build"], &["a", "b", "c", "d"])];
        assert_eq!(
            mermaid(&tasks),
            [
                "flowchart LR",
                "  t0[\"build<br/>1 step on local\"]",
                "  t1[\"say #34;hi#34; #60;b#62;<br/>1 step on 4 hosts\"]",
                "  t0 --> t1"
            ]
        );
    }
}
