//! Looking for the hosts that a plan does not list. What is asked, and what an answer means, `plan` knows; here it is asked.
//!
//! An answer is kept for a while, so that what was shown before a run is what runs. Only a run, or a preview of one, asks:
//! a page that was opened shows what is known already.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::future::try_join_all;
use rustix::process::{Pid, Signal, kill_process_group};
use steadyhand_plan::{Discovered, Discovery, DiscoverySource, Inputs, Plan};
use steadyhand_remote::Config;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::{Instant, timeout},
};

use crate::{Engine, EngineError, Masker, PlanPlace, plans::OWN_VARIABLES};

/// How old an answer may be that a run is started with after it was shown.
const RECENT: Duration = Duration::from_secs(60);
/// So many answers are kept.
const MOST_ANSWERS: usize = 200;
/// How long Tailscale may take, which asks a process on this machine.
const TAILSCALE_PATIENCE: Duration = Duration::from_secs(30);
/// The most that is read of an answer, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;
/// So many lines of what a command said in the end are told.
const LAST_LINES: usize = 5;
/// Where Tailscale's command is on macOS when it is not on the path.
const TAILSCALE_OF_MACOS: &str = "/Applications/Tailscale.app/Contents/MacOS/Tailscale";

/// How new the answers must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Everything is asked now.
    Again,
    /// What was answered a moment ago counts.
    Recent,
    /// Nothing is asked: what is not known is left out.
    Known,
}

/// What was found before a plan was compiled, for whoever shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The hosts that the plan does not list.
    pub hosts: Vec<FoundAt>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// A host that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAt {
    /// Its name in the plan.
    pub name: String,
    /// Where it was found.
    pub by: String,
}

/// What was answered, by who asked what from which folder.
#[derive(Default)]
pub(crate) struct Answers(Mutex<HashMap<(PathBuf, Discovery), (Instant, Discovered)>>);

impl Answers {
    fn get(&self, folder: &Path, discovery: &Discovery, look: Look) -> Option<Discovered> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, found) = answers.get(&(folder.to_owned(), discovery.clone()))?;
        let is_new = match look {
            Look::Again => false,
            Look::Recent => at.elapsed() < RECENT,
            Look::Known => true,
        };
        is_new.then(|| found.clone())
    }

    fn keep(&self, folder: &Path, discovery: &Discovery, found: &Discovered) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Commands with values in them are new ones each time the values change.
        if answers.len() >= MOST_ANSWERS
            && let Some(oldest) = answers.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| key.clone())
        {
            answers.remove(&oldest);
        }
        answers.insert((folder.to_owned(), discovery.clone()), (Instant::now(), found.clone()));
    }
}

impl Engine {
    /// The plan with the hosts that are found where it looks for them.
    pub(crate) async fn discover(
        &self,
        plan: Plan,
        inputs: &Inputs,
        place: &PlanPlace,
        look: Look,
    ) -> Result<(Plan, Found), EngineError> {
        let in_plan = |diagnostics| EngineError::Plan { diagnostics };
        let discoveries = plan.discoveries(inputs).map_err(in_plan)?;
        if discoveries.is_empty() {
            return Ok((plan, Found::default()));
        }
        let folder = place.base();
        let answers = try_join_all(discoveries.iter().map(|discovery| self.answer(discovery, &folder, look)));
        let answers = answers.await?;
        let found: Vec<(Discovery, Discovered)> =
            discoveries.into_iter().zip(answers).filter_map(|(asked, found)| Some((asked, found?))).collect();
        let told = Found {
            hosts: found
                .iter()
                .flat_map(|(asked, found)| {
                    let by = asked.source.describe();
                    found.hosts.iter().map(move |host| FoundAt { name: host.name.clone(), by: by.clone() })
                })
                .collect(),
            notes: found
                .iter()
                .flat_map(|(asked, found)| {
                    found.notes.iter().map(|note| format!("{}: {note}", asked.source.describe()))
                })
                .collect(),
        };
        Ok((plan.with_discovered(&found).map_err(in_plan)?, told))
    }

    async fn answer(
        &self,
        discovery: &Discovery,
        folder: &Path,
        look: Look,
    ) -> Result<Option<Discovered>, EngineError> {
        let answers = &self.shared().discovered;
        if let Some(known) = answers.get(folder, discovery, look) {
            return Ok(Some(known));
        }
        if look == Look::Known {
            return Ok(None);
        }
        let what = discovery.source.describe();
        let read = match ask(&discovery.source, folder).await {
            Ok(answer) => discovery.read(&answer).map_err(|why| format!("{what} gives no hosts: {why}")),
            Err(why) => Err(why),
        };
        match read {
            Ok(found) => {
                answers.keep(folder, discovery, &found);
                Ok(Some(found))
            }
            // A command may have printed what nobody must see.
            Err(why) => {
                let masker = Masker::new(&self.known_secrets().await);
                Err(EngineError::Discovery(
                    masker.map_or(why.clone(), |masker| masker.text(&why).into_owned()),
                ))
            }
        }
    }
}

async fn ask(source: &DiscoverySource, folder: &Path) -> Result<String, String> {
    match source {
        DiscoverySource::Tailscale => {
            let missing = "`tailscale` was not found: install Tailscale on this machine and connect it with `tailscale up`";
            for program in ["tailscale", TAILSCALE_OF_MACOS] {
                let mut command = Command::new(program);
                command.args(["status", "--json"]);
                let hint = "try `tailscale status` yourself";
                match output(command, folder, "`tailscale status --json`", TAILSCALE_PATIENCE, hint).await {
                    Err(Trouble::Start(error)) if error.kind() == io::ErrorKind::NotFound => {}
                    other => return other.map_err(|trouble| trouble.to_string()),
                }
            }
            Err(missing.to_owned())
        }
        DiscoverySource::SshConfig => {
            let file = Config::default().ssh_config.unwrap_or_default();
            steadyhand_remote::config_hosts(&file).map(|hosts| hosts.join("\n"))
        }
        DiscoverySource::Command { script, timeout_ms } => {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            let patience = Duration::from_millis(*timeout_ms);
            let hint = format!("try it yourself in {}", folder.display());
            output(command, folder, &source.describe(), patience, &hint)
                .await
                .map_err(|trouble| trouble.to_string())
        }
    }
}

/// Why a command gave no answer.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("cannot be started: {0}")]
    Start(io::Error),
    #[error("{0}")]
    Other(String),
}

/// What a command prints. It has no standard input and no variable that is meant for Steadyhand itself; what it started is
/// ended with it when it takes too long.
async fn output(
    mut command: Command,
    folder: &Path,
    what: &str,
    patience: Duration,
    hint: &str,
) -> Result<String, Trouble> {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(OWN_VARIABLES) {
            command.env_remove(&name);
        }
    }
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.process_group(0).kill_on_drop(true).spawn().map_err(|error| {
        // A folder that is not there looks like a program that is not there.
        if folder.is_dir() { Trouble::Start(error) } else { Trouble::Other(no_folder(what, folder)) }
    })?;
    let mut group = Group::of(&process);
    let ended = timeout(patience, wait(&mut process)).await;
    if ended.is_ok() {
        // It was waited for: its number may be another's soon.
        group.0 = None;
    }
    drop(group);
    let Ok(ended) = ended else {
        let message = format!(
            "{what} did not end within {} s and was ended; {hint}, or allow more with `timeout`",
            patience.as_secs_f64()
        );
        return Err(Trouble::Other(message));
    };
    let (status, out, err) =
        ended.map_err(|error| Trouble::Other(format!("what {what} prints cannot be read: {error}")))?;
    if !status.success() {
        let said = if err.iter().all(u8::is_ascii_whitespace) { &out } else { &err };
        return Err(Trouble::Other(format!("{what} ended with {}; {hint}{}", how(status), last_lines(said))));
    }
    if out.len() as u64 > LARGEST {
        return Err(Trouble::Other(format!("{what} prints more than {LARGEST} bytes")));
    }
    String::from_utf8(out).map_err(|_| Trouble::Other(format!("what {what} prints is not UTF-8 text")))
}

async fn wait(process: &mut Child) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
    let (out, err) = tokio::try_join!(all(stdout), all(stderr))?;
    Ok((process.wait().await?, out, err))
}

/// All of a stream; of what is too much the beginning is kept, and the rest is read so that its writer can end.
async fn all(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let mut limited = stream.take(LARGEST + 1);
        limited.read_to_end(&mut bytes).await?;
        tokio::io::copy(&mut limited.into_inner(), &mut tokio::io::sink()).await?;
    }
    Ok(bytes)
}

/// Ends a group of processes when it is dropped: the command took too long, or nobody waits for its answer any more.
struct Group(Option<Pid>);

impl Group {
    fn of(process: &Child) -> Self {
        Self(process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Nobody may be left in it, which is as it should be.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn no_folder(what: &str, folder: &Path) -> String {
    format!("{what} cannot be started: there is no folder {}", folder.display())
}

fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => status.to_string(),
    }
}

/// The last lines of what was said, each on a line of its own behind the message.
fn last_lines(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<&str> = said.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let shown = lines.iter().skip(lines.len().saturating_sub(LAST_LINES));
    shown
        .map(|line| format!("\n  {}", line.chars().filter(|c| !c.is_control()).take(300).collect::<String>()))
        .collect()
}
