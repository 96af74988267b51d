//! Commands of a session: started, fed, listened to, and told when their channel is closed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use russh::server::{Handle, Msg};
use russh::{ChannelWriteHalf, Sig};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::input::Input;
use super::output::{Starved, pump};

/// Where programs are looked for when the app's own environment doesn't say.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
/// Where systems keep the program behind the `sftp` subsystem, which `scp` uses too.
const SFTP_SERVERS: [&str; 5] = [
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/lib/ssh/sftp-server",
    "/usr/lib/sftp-server",
];
/// The type of extended data that is standard error (RFC 4254, section 5.2).
const STDERR: u32 = 1;

/// What a session is asked to run.
#[derive(Debug)]
pub(super) enum Request<'a> {
    /// A command line for the shell.
    Exec(&'a [u8]),
    /// The shell itself; commands come on its standard input.
    Shell,
    /// The program behind file transfers.
    Sftp,
}

/// A command that was started and has not been attended to yet.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    pid: Option<Pid>,
}

/// Starts a command in a session of its own, as `sshd` does, with an environment that holds only what a login gives.
pub(super) fn start(
    request: &Request<'_>,
    home: &Path,
    environment: &BTreeMap<String, String>,
) -> std::io::Result<Running> {
    let path = std::env::var_os("PATH").filter(|p| !p.is_empty()).unwrap_or_else(|| DEFAULT_PATH.into());
    let mut words: Vec<&OsStr> = Vec::new();
    let sftp;
    match request {
        Request::Exec(line) => {
            words.extend([OsStr::new("/bin/sh"), OsStr::new("-c"), OsStr::from_bytes(line)])
        }
        Request::Shell => words.push(OsStr::new("/bin/sh")),
        Request::Sftp => {
            sftp = sftp_server().ok_or_else(|| {
                std::io::Error::new(std::io::ErrorKind::NotFound, "no sftp-server is installed")
            })?;
            words.push(sftp.as_os_str());
        }
    }
    let setsid = find("setsid", &path);
    if let Some(setsid) = &setsid {
        words.insert(0, setsid.as_os_str());
    }

    let mut command = Command::new(words.remove(0));
    command.args(words);
    if setsid.is_none() {
        // macOS has no `setsid` program. A group of its own is enough to be signalled as one.
        command.process_group(0);
    }
    command.env_clear().env("PATH", path).env("HOME", home).env("SHELL", "/bin/sh").current_dir(home);
    for name in ["USER", "LOGNAME", "TMPDIR", "TZ"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(environment);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok(Running { child, pid })
}

/// Attends to a command until it has ended and its output has been sent, then closes the channel. When the channel is closed
/// before, the command loses its pipes and is sent `SIGHUP`.
pub(super) async fn attend(
    running: Running,
    channel: &ChannelWriteHalf<Msg>,
    session: &Handle,
    input: Input,
    mut signals: mpsc::UnboundedReceiver<Sig>,
    starved: &Starved,
    closed: &CancellationToken,
) {
    let Running { mut child, pid } = running;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // A pid belongs to another process once its own has been waited for: nothing is sent to it after that.
    let ended = AtomicBool::new(false);
    let tell = |signal| {
        if let Some(pid) = pid.filter(|_| !ended.load(Ordering::Relaxed)) {
            send(pid, signal);
        }
    };

    let out = async {
        if let Some(stdout) = stdout {
            let _ = pump(stdout, None, channel, starved).await;
        }
    };
    let err = async {
        if let Some(stderr) = stderr {
            let _ = pump(stderr, Some(STDERR), channel, starved).await;
        }
    };
    let exit = async {
        let status = child.wait().await;
        ended.store(true, Ordering::Relaxed);
        report(status, channel, session).await;
    };
    // Like `sshd`: the channel stays open as long as anything that the command left behind holds its output.
    let work = async { tokio::join!(out, err, exit) };
    let feeding = async {
        if let Some(stdin) = stdin {
            input.drain(stdin).await;
        }
        std::future::pending::<()>().await;
    };
    let signalling = async {
        while let Some(signal) = signals.recv().await {
            if let Some(signal) = number(&signal) {
                tell(signal);
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = work => {
            let _ = channel.eof().await;
            let _ = channel.close().await;
        }
        () = feeding => {}
        () = signalling => {}
        () = closed.cancelled() => tell(Signal::HUP),
    }
    if !ended.load(Ordering::Relaxed) {
        // Nobody listens any more; it only must not stay behind as a zombie.
        tokio::spawn(async move { child.wait().await });
    }
}

async fn report(status: std::io::Result<ExitStatus>, channel: &ChannelWriteHalf<Msg>, session: &Handle) {
    let _ = match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => channel.exit_status(u32::try_from(code).unwrap_or(255)).await.map_err(drop),
            (None, Some(signal)) => {
                let core = status.core_dumped();
                let (message, language) = (String::new(), String::new());
                session.exit_signal_request(channel.id(), name(signal), core, message, language).await
            }
            (None, None) => Ok(()),
        },
        Err(error) => {
            tracing::warn!(%error, "can't tell how a command on the practice server ended");
            Ok(())
        }
    };
}

/// Sends a signal to a command's group, or to the command alone in the moment before it has one.
fn send(pid: Pid, signal: Signal) {
    if kill_process_group(pid, signal).is_err() {
        let _ = kill_process(pid, signal);
    }
}

/// The signal that a client names (RFC 4254, section 6.10). Others are not passed on.
fn number(signal: &Sig) -> Option<Signal> {
    Some(match signal {
        Sig::ABRT => Signal::ABORT,
        Sig::ALRM => Signal::ALARM,
        Sig::FPE => Signal::FPE,
        Sig::HUP => Signal::HUP,
        Sig::ILL => Signal::ILL,
        Sig::INT => Signal::INT,
        Sig::KILL => Signal::KILL,
        Sig::PIPE => Signal::PIPE,
        Sig::QUIT => Signal::QUIT,
        Sig::SEGV => Signal::SEGV,
        Sig::TERM => Signal::TERM,
        Sig::USR1 => Signal::USR1,
        Sig::Custom(name) if name == "USR2" => Signal::USR2,
        Sig::Custom(_) => return None,
    })
}

/// The name of the signal that ended a command. Those without a standard name get one of the form that RFC 4254 leaves to
/// implementations.
fn name(signal: i32) -> Sig {
    let known = [
        Sig::ABRT,
        Sig::ALRM,
        Sig::FPE,
        Sig::HUP,
        Sig::ILL,
        Sig::INT,
        Sig::KILL,
        Sig::PIPE,
        Sig::QUIT,
        Sig::SEGV,
        Sig::TERM,
        Sig::USR1,
    ];
    known
        .into_iter()
        .find(|known| number(known).is_some_and(|n| n.as_raw() == signal))
        .unwrap_or_else(|| Sig::Custom(format!("SIG{signal}@steadyhand")))
}

fn sftp_server() -> Option<PathBuf> {
    SFTP_SERVERS.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// The program of this name in `path`.
fn find(program: &str, path: &OsString) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
