//! Looking at a source before it is deployed: a shallow copy of it on this machine, which is gone afterwards.
//!
//! Architecture invariant: nothing of the source is executed. git fetches it without hooks, filters, submodules and questions,
//! and what it is is told from its files alone (`steadyhand_deploy::detect`).

use std::{path::Path, process::Stdio, time::Duration};

use steadyhand_deploy::detect::{Detected, Tree, detect};
use tokio::process::Command;

/// How long a source may take to come.
const PATIENCE: Duration = Duration::from_secs(60);
/// Variables of this process that would make git work elsewhere.
const NOT_FOR_GIT: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_ASKPASS"];
/// As much of git's words as is told.
const SAID: usize = 200;

/// What was seen of a source.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) found: Detected,
    /// The commit that was looked at: its short name and the first line of its message.
    pub(crate) commit: String,
}

/// Looks at a repository; otherwise says why it could not be seen, without a full stop.
pub(crate) async fn look(address: &str, branch: Option<&str>) -> Result<Seen, String> {
    look_with("git", address, branch, PATIENCE).await
}

async fn look_with(
    program: &str,
    address: &str,
    branch: Option<&str>,
    patience: Duration,
) -> Result<Seen, String> {
    let folder = tempfile::Builder::new()
        .prefix("steadyhand-source-")
        .tempdir()
        .map_err(|error| format!("no temporary folder could be made: {error}"))?;
    let into = folder.path().join("source");
    let mut clone = git(program);
    clone.args(["clone", "--quiet", "--depth", "1", "--no-tags", "--single-branch"]);
    if let Some(branch) = branch {
        clone.arg(format!("--branch={branch}"));
    }
    clone.arg("--").arg(address).arg(&into);
    ended(clone, program, patience).await?;
    let mut log = git(program);
    log.arg("-C").arg(&into).args(["log", "-1", "--format=%h %s"]);
    let commit = ended(log, program, patience).await.unwrap_or_default();
    let found = tokio::task::spawn_blocking(move || detected(&into))
        .await
        .map_err(|error| format!("its files were not looked at: {error}"))??;
    drop(folder);
    Ok(Seen { found, commit: commit.trim().to_owned() })
}

fn detected(folder: &Path) -> Result<Detected, String> {
    let tree = Tree::of_folder(folder).map_err(|error| error.to_string())?;
    Ok(detect(&tree))
}

/// git as it asks nobody, and executes nothing of a repository.
fn git(program: &str) -> Command {
    let mut git = Command::new(program);
    git.args([
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "protocol.ext.allow=never",
    ])
    .env("GIT_TERMINAL_PROMPT", "0")
    .env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
    .env("GIT_LFS_SKIP_SMUDGE", "1")
    .env("GCM_INTERACTIVE", "never")
    .env("SSH_ASKPASS_REQUIRE", "never")
    .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=15")
    .stdin(Stdio::null())
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .kill_on_drop(true);
    // Who has set another one has a reason.
    if std::env::var_os("GIT_SSH_COMMAND").is_none() {
        git.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=15");
    }
    for name in NOT_FOR_GIT {
        git.env_remove(name);
    }
    git
}

async fn ended(mut command: Command, program: &str, patience: Duration) -> Result<String, String> {
    let output = match tokio::time::timeout(patience, command.output()).await {
        Err(_) => return Err(format!("it did not come within {} s", patience.as_secs())),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("{program} is not installed on this machine"));
        }
        Ok(Err(error)) => return Err(format!("{program} could not be started: {error}")),
        Ok(Ok(output)) => output,
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines()
        .find(|line| line.starts_with("fatal: ") || line.starts_with("ERROR: "))
        .or_else(|| lines().next_back());
    let line = line
        .map(|line| line.trim_start_matches("fatal: ").trim_end_matches('.'))
        .unwrap_or("git gave no reason");
    // Words of another machine: no layout in a message.
    Err(line.chars().filter(|c| !c.is_control() && !"`*[]<>".contains(*c)).take(SAID).collect())
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command as Plain};

    use super::*;

    /// A repository with these files, and its address.
    fn repository(files: &[(&str, &str)]) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let script = "git init -q -b main . && git add -A && git -c user.name=Ada -c user.email=ada@example.com commit -q -m first";
        let made = Plain::new("sh").args(["-ec", script]).current_dir(folder.path()).status().unwrap();
        assert!(made.success());
        let address = format!("file://{}", folder.path().display());
        (folder, address)
    }

    #[tokio::test]
    async fn a_repository_is_looked_at_and_nothing_of_it_is_left() {
        let (_folder, address) = repository(&[(
            "package.json",
            r#"{"dependencies":{"express":"4"},"scripts":{"start":"node ."}}"#,
        )]);
        let seen = look(&address, None).await.unwrap();
        assert_eq!(seen.found.applications.len(), 1);
        assert!(seen.commit.ends_with(" first"), "{}", seen.commit);
        let seen = look(&address, Some("main")).await;
        assert!(seen.is_ok());
    }

    #[tokio::test]
    async fn what_cannot_be_seen_says_why() {
        let (_folder, address) = repository(&[("a", "b")]);
        let why = look(&address, Some("nosuch")).await.unwrap_err();
        assert!(why.contains("nosuch"), "{why}");
        let why = look("/nonexistent/shop.git", None).await.unwrap_err();
        assert!(why.contains("/nonexistent/shop.git"), "{why}");
        let why = look("ext::sh -c touch% /tmp/owned", None).await.unwrap_err();
        assert!(why.contains("not allowed"), "{why}");
        let why = look_with("git-that-is-not-there", &address, None, PATIENCE).await.unwrap_err();
        assert_eq!(why, "git-that-is-not-there is not installed on this machine");
        let why = look_with("git", &address, None, Duration::ZERO).await.unwrap_err();
        assert_eq!(why, "it did not come within 0 s");
    }
}
