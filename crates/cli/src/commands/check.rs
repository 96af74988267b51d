//! `steady run --check`: what a run would change.

use std::path::Path;

use crate::{
    ask,
    exit::Exit,
    output::{Colour, Failure, Output},
    terminal_text::plain,
    words,
};
use steadyhand_api::{Api, CheckReport, CheckedStep, ErrorCode, RunOptions, Verdict};

pub(super) async fn check(
    api: &Api,
    output: &mut Output,
    plan: &Path,
    options: &RunOptions,
) -> Result<Exit, Failure> {
    let ask = || api.check_file(plan, options);
    let report = match ask::answering(api, output, ask()).await {
        Err(Failure::Api(error)) if error.code == ErrorCode::Locked && super::unlock(api, output).await? => {
            ask::answering(api, output, ask()).await?
        }
        asked => asked?,
    };
    show(output, &report)?;
    let failed = report.steps.iter().any(|step| step.verdict == Verdict::Failed);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn show(output: &mut Output, report: &CheckReport) -> Result<(), Failure> {
    output.document(report)?;
    let mut under = None;
    for step in &report.steps {
        if under != Some((&step.task, &step.host)) {
            let heading = format!("{} on {}", plain(&step.task), plain(&step.host));
            output.line(&output.paint(Colour::Blue, &heading))?;
            under = Some((&step.task, &step.host));
        }
        show_step(output, step)?;
    }
    let count = |verdict| report.steps.iter().filter(|step| step.verdict == verdict).count();
    let mut totals = vec![
        format!("{} would change", count(Verdict::Change)),
        format!("{} as they should be", count(Verdict::Ok)),
    ];
    for (verdict, word) in
        [(Verdict::Unknown, "not known yet"), (Verdict::Skipped, "skipped"), (Verdict::Failed, "failed")]
    {
        if count(verdict) > 0 {
            totals.push(format!("{} {word}", count(verdict)));
        }
    }
    output.line(&format!(
        "{}: {}; nothing was changed.",
        words::many(report.steps.len(), "step"),
        totals.join(", ")
    ))
}

fn show_step(output: &mut Output, step: &CheckedStep) -> Result<(), Failure> {
    let (mark, colour) = match step.verdict {
        Verdict::Ok => ("=", Colour::Green),
        Verdict::Change => ("~", Colour::Yellow),
        Verdict::Unknown => ("?", Colour::Yellow),
        Verdict::Skipped => ("-", Colour::Grey),
        Verdict::Failed => ("!", Colour::Red),
    };
    let number = step.index + 1;
    output.line(&output.paint(colour, &format!("  {mark} {number}. {}", plain(&step.step))))?;
    // The scripts mark what differs as the line above is marked.
    let text = step.text.lines().map(|line| line.strip_prefix("~ ").unwrap_or(line));
    for line in text.filter(|_| step.verdict != Verdict::Ok) {
        let colour = match line.as_bytes().first() {
            Some(b'+') => Colour::Green,
            Some(b'-') => Colour::Red,
            _ => Colour::Grey,
        };
        output.line(&output.paint(colour, &format!("      {}", plain(line))))?;
    }
    Ok(())
}
