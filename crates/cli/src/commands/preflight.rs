//! `steady preflight`.

use steadyhand_api::Api;
use steadyhand_domain::{Check, CheckKind, PreflightVerdict, duration};

use crate::{
    args::PreflightArgs,
    exit::Exit,
    output::{Colour, Failure, Output},
    terminal_text::plain,
    words,
};

pub(crate) async fn preflight(api: &Api, output: &mut Output, given: PreflightArgs) -> Result<Exit, Failure> {
    let PreflightArgs { chosen, sudo } = given;
    let (plan, options) = chosen.into_options();
    output.passing("Looking at every host…")?;
    let found = api.preflight_file(&plan, &options, sudo).await?;
    output.document(&found)?;
    for host in &found.hosts {
        show(output, &host.host, &host.checks)?;
    }
    if !found.here.is_empty() {
        show(output, "this machine", &found.here)?;
    }
    let all = || found.here.iter().chain(found.hosts.iter().flat_map(|host| &host.checks));
    let number = |verdict| all().filter(|check| check.verdict == verdict).count();
    let (failing, warnings) = (number(PreflightVerdict::Fail), number(PreflightVerdict::Warn));
    let hosts = words::many(found.hosts.len(), "host");
    let took = duration(i64::try_from(found.took_ms).unwrap_or(i64::MAX));
    let judged = match (failing, warnings) {
        (0, 0) => "nothing is in the way of a run".to_owned(),
        (0, _) => words::many(warnings, "warning"),
        (_, 0) => words::many(failing, "failure"),
        _ => format!("{}, {}", words::many(failing, "failure"), words::many(warnings, "warning")),
    };
    output.line(&output.paint(colour(found.verdict), &format!("{hosts} in {took}: {judged}.")))?;
    let unreachable = all().any(|check| check.verdict == PreflightVerdict::Fail && is_way(check.what));
    Ok(match found.verdict {
        PreflightVerdict::Fail if unreachable => Exit::Unreachable,
        PreflightVerdict::Fail => Exit::Failed,
        PreflightVerdict::Warn | PreflightVerdict::Ok => Exit::Done,
    })
}

/// A line of what is well, and a line for each thing that is not.
fn show(output: &mut Output, name: &str, checks: &[Check]) -> Result<(), Failure> {
    let worst = checks.iter().map(|check| check.verdict).max().unwrap_or(PreflightVerdict::Ok);
    let well: Vec<&str> = checks
        .iter()
        .filter(|check| check.verdict == PreflightVerdict::Ok)
        .map(|check| check.what.label())
        .collect();
    let sign = output.paint(colour(worst), sign(worst));
    let well = output.paint(Colour::Grey, &well.join(", "));
    output.line(format!("{sign} {}  {well}", plain(name)).trim_end())?;
    for check in checks.iter().filter(|check| check.verdict != PreflightVerdict::Ok) {
        let what = output.paint(colour(check.verdict), check.what.label());
        output.line(&format!("    {what}: {}", plain(&check.message)))?;
    }
    Ok(())
}

fn is_way(what: CheckKind) -> bool {
    matches!(what, CheckKind::Name | CheckKind::Connection | CheckKind::HostKey | CheckKind::Login)
}

fn sign(verdict: PreflightVerdict) -> &'static str {
    match verdict {
        PreflightVerdict::Ok => "✓",
        PreflightVerdict::Warn => "!",
        PreflightVerdict::Fail => "✗",
    }
}

fn colour(verdict: PreflightVerdict) -> Colour {
    match verdict {
        PreflightVerdict::Ok => Colour::Green,
        PreflightVerdict::Warn => Colour::Yellow,
        PreflightVerdict::Fail => Colour::Red,
    }
}
