//! What a stage needs of this machine: it is sent before the script of the stage runs.
//!
//! What is sent twice does no harm, and what came before a connection was lost, or the app ended, is not sent again. So nothing of it is
//! recorded: whoever goes on begins with it anew, unless the script has been started.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use secrecy::SecretString;
use steadyhand_domain::Reason;
use steadyhand_plan::{ParamOf, ResourceParam};
use steadyhand_remote::{FileProgress, Mirrored, Pick, SentFile, TransferProgress};
use tokio::time::Instant;

use super::{
    Attempt, AttemptEnd, say,
    text::{resolve, reveal},
    transfer::{Moving, counted},
};
use crate::{
    EngineError,
    execute::Execution,
    log::LogWriter,
    stages::{Sent, Stages},
};

/// What is to be sent.
pub(crate) struct ToSend {
    /// Where it is on this machine.
    local: PathBuf,
    /// What travels of it, when it is a folder.
    pick: Option<Arc<Pick>>,
}

impl ToSend {
    /// What the parameters say is sent, if it is there; otherwise why it cannot be.
    pub(crate) fn find(
        stages: &dyn Stages,
        params: &[ResourceParam],
        base: &Path,
        secrets: &HashMap<String, SecretString>,
    ) -> Result<Option<Self>, Reason> {
        let Some(param) = params.iter().find(|param| param.of == ParamOf::Sent) else { return Ok(None) };
        let failed = |message: String| Reason::Error { message };
        let path = param.values.first().map(|text| reveal(text, secrets)).transpose()?.unwrap_or_default();
        let local = resolve(base, &path);
        let name = &param.name;
        let found = std::fs::metadata(&local).map_err(|error| {
            let why = match error.kind() {
                std::io::ErrorKind::NotFound => "there is nothing of that name".to_owned(),
                _ => error.to_string(),
            };
            failed(format!(
                "{} cannot be sent from this machine ({why}); make it first, or correct `{name}:` in the plan",
                local.display()
            ))
        })?;
        let pick = if found.is_dir() {
            // That is what is meant where a plan has no folder: not everything of a person is an application.
            let whole = std::fs::canonicalize(&local).unwrap_or_else(|_| local.clone());
            let home = std::env::home_dir().and_then(|home| std::fs::canonicalize(home).ok());
            if whole.parent().is_none() || Some(&whole) == home.as_ref() {
                return Err(failed(format!(
                    "`{name}` names {}, which has more than an application; name the application's own folder",
                    whole.display()
                )));
            }
            Some(stages.pick(name, &local).map_err(failed)?)
        } else if found.is_file() {
            stages.pick(name, &local).map_err(failed)?;
            None
        } else {
            return Err(failed(format!(
                "{} is no file and no folder; correct `{name}:` in the plan",
                local.display()
            )));
        };
        Ok(Some(Self { local, pick }))
    }
}

impl Execution<'_> {
    /// Sends what the parameters of a stage say is sent.
    pub(super) async fn send(
        &self,
        attempt: &Attempt,
        params: &[ResourceParam],
    ) -> Result<Result<Sent, AttemptEnd>, EngineError> {
        if self.is_stopping() {
            return Ok(Err(AttemptEnd::Stopped(None)));
        }
        let stages = &self.shared.stages;
        let found = ToSend::find(stages.as_ref(), params, &self.spec.base(), &attempt.secrets);
        let ToSend { local, pick } = match found {
            Ok(Some(found)) => found,
            Ok(None) => {
                let message = "the plan does not say what is to be sent".to_owned();
                return Ok(Err(AttemptEnd::failed(Reason::Error { message })));
            }
            Err(reason) => return Ok(Err(AttemptEnd::failed(reason))),
        };
        let Some(names) = self.names_on_hosts().await? else {
            let message = "no deployment belongs to this run; start it again with a redeploy".to_owned();
            return Ok(Err(AttemptEnd::failed(Reason::Error { message })));
        };
        let places = stages.places(names.told(None));
        let log =
            LogWriter::open_before(self.shared, self.masker.clone(), self.id, attempt.id, attempt.number)
                .await?;
        let lines = log.input.clone();
        say(&lines, format!("Sending {} to {}", local.display(), attempt.step.host)).await;
        let begun = Instant::now();
        let shown = local.display().to_string();
        let sent = match pick {
            Some(pick) => {
                let (from, to) = (local, places.folder.clone());
                let work = move |moving: Moving| {
                    let (from, to, pick) = (from.clone(), to.clone(), pick.clone());
                    Box::pin(async move {
                        let progress = |TransferProgress { files, bytes }| {
                            moving.say(|| format!("{files} files, {bytes} bytes so far"));
                        };
                        moving.host.mirror(&from, &to, pick, moving.elevation.as_ref(), &progress).await
                    }) as _
                };
                let carried = self.carried::<Mirrored>(attempt, begun, &lines, work).await?;
                match carried {
                    Ok(done) => {
                        say(&lines, mirrored(&done)).await;
                        Ok(Sent { local: shown, there: places.folder, sha256: done.sha256, is_folder: true })
                    }
                    Err(end) => Err(end),
                }
            }
            None => {
                let (from, to) = (local, places.files.clone());
                let work = move |moving: Moving| {
                    let (from, to) = (from.clone(), to.clone());
                    Box::pin(async move {
                        let told = AtomicU64::new(0);
                        let progress = |FileProgress { begun_at, at, size }| {
                            if begun_at > 0 && told.swap(begun_at, Ordering::Relaxed) != begun_at {
                                moving.say_now(format!("Going on at byte {begun_at} of {size}"));
                            }
                            moving.say(|| format!("{at} of {size} bytes so far"));
                        };
                        moving.host.send_file(&from, &to, moving.elevation.as_ref(), &progress).await
                    }) as _
                };
                let carried = self.carried::<SentFile>(attempt, begun, &lines, work).await?;
                match carried {
                    Ok(done) => {
                        say(&lines, whole(&done)).await;
                        let there = format!("{}/{}", places.files, done.sha256);
                        Ok(Sent { local: shown, there, sha256: done.sha256, is_folder: false })
                    }
                    Err(end) => Err(end),
                }
            }
        };
        drop(lines);
        log.close(true).await?;
        Ok(sent)
    }
}

/// `Sent: 1 file, 20 bytes; 40 files were the same already; 2 removed there`.
fn mirrored(done: &Mirrored) -> String {
    let summary = &done.summary;
    let mut text = match summary.files {
        0 => "Sent: no file differed".to_owned(),
        files => format!("Sent: {}, {}", counted(files, "file"), counted(summary.bytes, "byte")),
    };
    if summary.unchanged > 0 {
        let were = if summary.unchanged == 1 { "was" } else { "were" };
        text.push_str(&format!("; {} {were} the same already", counted(summary.unchanged, "file")));
    }
    if done.removed > 0 {
        text.push_str(&format!("; {} removed there", done.removed));
    }
    text
}

/// `Sent: 104857600 bytes`.
fn whole(done: &SentFile) -> String {
    let SentFile { sha256, size, sent } = done;
    let sha256 = sha256.get(..12).unwrap_or(sha256);
    match *sent {
        0 => format!("The host has it already (SHA-256 {sha256}…): nothing was sent"),
        sent if sent < *size => {
            format!("Sent: {sent} bytes, after {} that had come before (SHA-256 {sha256}…)", size - sent)
        }
        sent => format!("Sent: {} (SHA-256 {sha256}…)", counted(sent, "byte")),
    }
}

#[cfg(test)]
mod tests {
    use steadyhand_remote::TransferSummary;

    use super::*;

    #[test]
    fn what_travelled_is_told() {
        let summary = TransferSummary { files: 1, bytes: 20, folders: 0, unchanged: 40 };
        let one = Mirrored { summary, removed: 2, sha256: String::new() };
        assert_eq!(mirrored(&one), "Sent: 1 file, 20 bytes; 40 files were the same already; 2 removed there");
        let none = Mirrored { summary: TransferSummary { files: 0, bytes: 0, ..summary }, removed: 0, ..one };
        assert_eq!(mirrored(&none), "Sent: no file differed; 40 files were the same already");
        let file = |sent| SentFile { sha256: "abcdef0123456789".into(), size: 100, sent };
        assert_eq!(whole(&file(0)), "The host has it already (SHA-256 abcdef012345…): nothing was sent");
        assert_eq!(whole(&file(30)), "Sent: 30 bytes, after 70 that had come before (SHA-256 abcdef012345…)");
        assert_eq!(whole(&file(100)), "Sent: 100 bytes (SHA-256 abcdef012345…)");
    }
}
