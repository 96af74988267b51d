//! The stages of a deployment: what each does on the host, as a shell script, and what it reports.
//!
//! The scripts share `app.sh`, which tells how they are made and what is kept on the host.

use std::{io::Read, path::Path, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use steadyhand_domain::{Stage, Timestamp};
use steadyhand_engine::{Collected, Learned, Places, Sent, Stages, Told};
use steadyhand_plan::Schedule;
use steadyhand_remote::{
    Pick,
    resource::{self, Mode},
};
use steadyhand_store::records::{Commit, DeploymentSource, History, Scan, SourceKind};

use crate::{
    detect::{SKIPPED, WANTED},
    scan, source_maps, travels,
};

const SHARED: &str = include_str!("stage/app.sh");

/// Each stage's name in plans, and its script.
const SCRIPTS: &[(&str, &str)] = &[
    ("app_prepare", include_str!("stage/app_prepare.sh")),
    ("app_fetch", concat!(include_str!("stage/listing.sh"), include_str!("stage/app_fetch.sh"))),
    ("app_take", concat!(include_str!("stage/listing.sh"), include_str!("stage/app_take.sh"))),
    ("app_detect", include_str!("stage/app_detect.sh")),
    (
        "app_build",
        concat!(
            include_str!("stage/registry.sh"),
            include_str!("stage/guard.sh"),
            include_str!("stage/app_build.sh")
        ),
    ),
    ("app_pull", concat!(include_str!("stage/registry.sh"), include_str!("stage/app_pull.sh"))),
    ("app_start", include_str!("stage/app_start.sh")),
    ("app_health", include_str!("stage/app_health.sh")),
    ("app_hooks", include_str!("stage/app_hooks.sh")),
    ("app_switch", include_str!("stage/app_switch.sh")),
    ("app_drain", include_str!("stage/app_drain.sh")),
    ("app_stop", include_str!("stage/app_stop.sh")),
    ("app_cron", include_str!("stage/app_cron.sh")),
    ("app_maps", include_str!("stage/app_maps.sh")),
    ("app_scan", include_str!("stage/app_scan.sh")),
];
/// What cron starts on the host.
const RUN_JOB: &str = include_str!("stage/run_job.sh");

/// The most that is read of what a report has packed, in bytes.
const LARGEST: u64 = 8 << 20;

/// The stages of container applications.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppStages;

impl Stages for AppStages {
    fn script(&self, name: &str, params: &[(String, String)], told: Told<'_>) -> Result<String, String> {
        let Some((_, program)) = SCRIPTS.iter().find(|(script, _)| *script == name) else {
            return Err(format!(
                "this version of Steadyhand cannot carry out `{name}`; use the one that made this run"
            ));
        };
        let mut all: Vec<(String, String)> = params.to_vec();
        match name {
            "app_fetch" => all.push(("wanted".to_owned(), pathspecs())),
            "app_take" => all.extend(taken(params, told.sent)?),
            "app_detect" => all.extend(detected(params, told.reported)?),
            "app_cron" => {
                all.push(("calendars".to_owned(), calendars(params)?));
                all.push(("runner".to_owned(), RUN_JOB.trim_end().to_owned()));
            }
            _ => {}
        }
        Ok(compose(program, &all, told))
    }

    fn abandonment(&self, told: Told<'_>) -> String {
        compose(include_str!("stage/app_abandon.sh"), &[], told)
    }

    fn places(&self, told: Told<'_>) -> Places {
        let app = format!("/var/lib/steadyhand/apps/{}", told.environment);
        Places { folder: format!("{app}/source"), files: format!("{app}/uploads") }
    }

    fn pick(&self, param: &str, path: &Path) -> Result<Arc<Pick>, String> {
        travels::pick(param, path)
    }

    fn learned(&self, stage: Stage, report: &str, says: &dyn Fn(&str) -> Option<String>) -> Learned {
        match stage {
            Stage::Fetch => {
                let said = |key: &str| Some(said(report, key)?.to_owned());
                let kind = match said("is").as_deref() {
                    Some("folder") => SourceKind::Folder,
                    Some("archive") => SourceKind::Archive,
                    Some("image") => SourceKind::ImageArchive,
                    Some(_) => SourceKind::Bundle,
                    None => SourceKind::Git,
                };
                let (commit, from) =
                    (said("commit"), said("from").or_else(|| says("git")).unwrap_or_default());
                let is_git = kind == SourceKind::Git;
                let link = commit.as_deref().filter(|_| is_git).and_then(|commit| link_to(&from, commit));
                let source = DeploymentSource {
                    kind,
                    from: if is_git { without_password(&from) } else { from.clone() },
                    branch: said("branch"),
                    author: said("author"),
                    message: said("message"),
                    link,
                    commit,
                    sha256: said("sha256"),
                };
                let history = is_git.then(|| history(report, &from)).flatten();
                Learned { source: Some(source), history, ..Learned::default() }
            }
            Stage::Build => {
                let image = said(report, "image").map(str::to_owned);
                let source = said(report, "pulled").map(|from| DeploymentSource {
                    kind: SourceKind::Image,
                    from: from.to_owned(),
                    branch: None,
                    commit: None,
                    author: None,
                    message: None,
                    link: None,
                    sha256: None,
                });
                Learned { source, image, ..Learned::default() }
            }
            Stage::Drain => {
                // Each is called by its number and a part of its run's identifier.
                let names = said(report, "kept").map(str::split_whitespace);
                let number = |name: &str| name.split('-').next()?.parse().ok();
                Learned { kept: names.map(|names| names.filter_map(number).collect()), ..Learned::default() }
            }
            Stage::Prepare
            | Stage::Detect
            | Stage::Start
            | Stage::Health
            | Stage::Hooks
            | Stage::Switch
            | Stage::Stop => Learned::default(),
            Stage::After => {
                Learned { collect: said(report, "collect").map(str::to_owned), ..Learned::default() }
            }
        }
    }

    fn collected(&self, collected: Collected<'_>) -> Result<Option<Scan>, String> {
        let Collected { deployment, report, file, data, now } = collected;
        match said(report, "scanner") {
            Some(scanner) => {
                // A host that has scanned the same image before says when that was, by its own clock.
                let before = said(report, "at").and_then(|at| at.parse::<i64>().ok()?.checked_mul(1000));
                let at = before.map_or(now, |at| Timestamp(at).min(now));
                scan::read(scanner, said(report, "version"), file, at).map(Some)
            }
            None => source_maps::keep(data, deployment, file).map(|()| None),
        }
    }
}

/// A program with what every stage stands on, and with what it is told.
fn compose(program: &str, params: &[(String, String)], told: Told<'_>) -> String {
    let number = told.number.to_string();
    let of_deployment = [
        ("environment", told.environment),
        ("deployment", told.deployment),
        ("number", &number),
        ("takes_from", told.takes_from.unwrap_or_default()),
        ("project", told.project),
        ("who", told.who),
    ];
    let given = params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    resource::compose(&[SHARED, program], given.chain(of_deployment), Mode::Apply)
}

/// What a line of a report says: `KEY VALUE`.
fn said<'r>(report: &'r str, key: &str) -> Option<&'r str> {
    let lines = report.lines().take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}

/// What has come and gone in a repository, as the stage that fetches it reports it.
fn history(report: &str, address: &str) -> Option<History> {
    let all = |key: &'static str| {
        let lines = report.lines().take_while(|line| !line.is_empty());
        lines.filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' '))
    };
    let commits = |key| all(key).filter_map(|line| commit(line, address)).collect();
    Some(History {
        since: said(report, "since")?.to_owned(),
        is_whole: said(report, "whole").is_some(),
        came: commits("came"),
        went: commits("went"),
        migrations: all("migration").map(str::to_owned).collect(),
    })
}

/// A line of it: the commit's name, when it was made in seconds, who wrote it and its message, between tabs.
fn commit(line: &str, address: &str) -> Option<Commit> {
    let mut parts = line.splitn(4, '\t');
    let (commit, at, author) = (parts.next()?, parts.next()?, parts.next()?);
    let at: i64 = at.parse().ok()?;
    Some(Commit {
        commit: commit.to_owned(),
        committed_at: Timestamp(at.checked_mul(1000)?),
        author: author.to_owned(),
        message: parts.next().unwrap_or_default().to_owned(),
        link: link_to(address, commit),
    })
}

/// An address without a user and password in it.
fn without_password(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("{scheme}://{host}/{path}")
        }
        None => address.to_owned(),
    }
}

/// The page of a commit, where the address is of a kind of which that is known.
fn link_to(address: &str, commit: &str) -> Option<String> {
    let rest = match address.split_once("://") {
        Some(("https" | "http" | "ssh", rest)) => rest.to_owned(),
        Some(_) => return None,
        None => address.replacen(':', "/", 1),
    };
    let rest = rest.split_once('@').map_or(rest.as_str(), |(_, rest)| rest);
    let path = rest.strip_suffix(".git").unwrap_or(rest);
    let between = match path.split('/').next()? {
        "github.com" | "codeberg.org" => "commit",
        "gitlab.com" => "-/commit",
        "bitbucket.org" => "commits",
        _ => return None,
    };
    Some(format!("https://{path}/{between}/{commit}"))
}

/// The files whose texts are wanted, as git takes them: a line each, in whatever folder they are but in those that are skipped.
fn pathspecs() -> String {
    let wanted = WANTED.iter().map(|name| format!(":(glob)**/{name}"));
    let skipped = SKIPPED.iter().map(|name| format!(":(glob,exclude)**/{name}/**"));
    wanted.chain(skipped).collect::<Vec<_>>().join("\n")
}

/// What the stage is told that takes what was sent.
fn taken(params: &[(String, String)], sent: Option<&Sent>) -> Result<Vec<(String, String)>, String> {
    let sent = sent.ok_or("what was sent is not known; run the whole deployment")?;
    let is = params.iter().map(|(name, _)| name.as_str());
    let is = is.into_iter().find(|name| matches!(*name, "folder" | "archive" | "bundle"));
    let told = [
        ("is", is.unwrap_or("folder").to_owned()),
        ("here", sent.local.lines().collect::<Vec<_>>().join(" ")),
        ("sent", sent.there.clone()),
        ("sha256", sent.sha256.clone()),
        ("wanted", WANTED.join("\n")),
        ("skipped", SKIPPED.join("\n")),
    ];
    Ok(told.map(|(name, value)| (name.to_owned(), value)).into())
}

/// When each job is due, as timers of systemd are told it: a line for each job, with `;` between two times.
fn calendars(params: &[(String, String)]) -> Result<String, String> {
    let schedules = params.iter().find(|(name, _)| name == "schedule").map_or("", |(_, value)| value);
    let lines: Result<Vec<String>, String> = schedules
        .lines()
        .map(|line| match Schedule::parse(line) {
            Ok(schedule) => Ok(schedule.calendars().join(";")),
            Err(why) => Err(format!("a schedule of the plan {why}")),
        })
        .collect();
    Ok(lines?.join("\n"))
}

/// What the stage that follows the fetch is told about what was found out.
fn detected(params: &[(String, String)], report: Option<&str>) -> Result<Vec<(String, String)>, String> {
    let report = report.ok_or("what the source has is not known; run the whole deployment")?;
    if said(report, "is") == Some("image") {
        let found = "It is an image already: it is loaded, and nothing is built.";
        return Ok(vec![("found".to_owned(), found.to_owned())]);
    }
    let packed: String =
        report.lines().skip_while(|line| !line.is_empty()).flat_map(|line| line.chars()).collect();
    let unreadable =
        |error: &dyn std::fmt::Display| format!("what the host said of the source cannot be read: {error}");
    // Of a very large source the host sends only the beginning.
    let whole = packed.len() - packed.len() % 4;
    let bytes = STANDARD.decode(&packed[..whole]).map_err(|error| unreadable(&error))?;
    let mut listing = Vec::new();
    let read = GzDecoder::new(bytes.as_slice()).take(LARGEST).read_to_end(&mut listing);
    if let (Err(error), true) = (read, listing.is_empty()) {
        return Err(unreadable(&error));
    }
    crate::release::build_with(params, said(report, "is"), &listing)
}
