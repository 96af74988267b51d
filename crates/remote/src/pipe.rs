//! A running program's standard input, output and error, over SSH or on this machine.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use russh::ChannelMsg;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Extended data of this type is standard error (RFC 4254, section 5.2).
const STDERR: u32 = 1;
/// Data that waits to be written: so many pieces.
const WAITING: usize = 64;

/// What a program did.
#[derive(Debug)]
pub(crate) enum Event {
    /// It wrote this to standard output.
    Out(Bytes),
    /// It wrote this to standard error.
    Err(Bytes),
    /// It ended; what it wrote before may still come.
    Exited(String),
    /// Nothing more comes.
    Closed,
}

/// A running program. Dropping it closes its channel, or its standard input here.
pub(crate) struct Pipe {
    input: Option<mpsc::Sender<Bytes>>,
    events: mpsc::UnboundedReceiver<Event>,
    _closer: DropGuard,
}

impl Pipe {
    /// Takes over a channel on which a program was started.
    pub(crate) fn over(channel: russh::Channel<russh::client::Msg>) -> Self {
        let (input, mut to_write) = mpsc::channel::<Bytes>(WAITING);
        let (report, events) = mpsc::unbounded_channel();
        let closed = CancellationToken::new();
        let (mut read, write) = channel.split();
        let dropped = closed.clone();
        tokio::spawn(async move {
            let writing = async {
                while let Some(bytes) = to_write.recv().await {
                    if write.data_bytes(bytes).await.is_err() {
                        return;
                    }
                }
                let _ = write.eof().await;
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = writing => {}
                () = dropped.cancelled() => {}
            }
            // A channel that is only dropped stays open and takes one of the server's few sessions.
            let _ = write.close().await;
        });
        tokio::spawn(async move {
            while let Some(message) = read.wait().await {
                let event = match message {
                    ChannelMsg::Data { data } => Event::Out(data),
                    ChannelMsg::ExtendedData { data, ext: STDERR } => Event::Err(data),
                    ChannelMsg::ExitStatus { exit_status } => {
                        Event::Exited(format!("exit status {exit_status}"))
                    }
                    ChannelMsg::ExitSignal { signal_name, .. } => {
                        Event::Exited(format!("signal {signal_name:?}"))
                    }
                    ChannelMsg::Failure => Event::Exited("the server refused to start it".into()),
                    _ => continue,
                };
                // Nobody listens any more; but the channel is read to its end, or it would hold up the connection.
                let _ = report.send(event);
            }
            let _ = report.send(Event::Closed);
        });
        Self { input: Some(input), events, _closer: closed.drop_guard() }
    }

    /// Starts a program on this machine.
    pub(crate) fn spawn(program: &str, args: &[&str], home: Option<&Path>) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let home = home.map(Path::to_path_buf).or_else(std::env::home_dir);
        if let Some(home) = home {
            command.env("HOME", &home).current_dir(home);
        }
        // What is meant for Steadyhand itself, such as secrets of other projects, is not a step's business.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STEADYHAND_") {
                command.env_remove(&name);
            }
        }
        // Not in this program's group, so that Ctrl-C in a terminal does not reach it.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let (input, to_write) = mpsc::channel(WAITING);
        let (report, events) = mpsc::unbounded_channel();
        let closed = CancellationToken::new();
        if let Some(stdin) = child.stdin.take() {
            tokio::spawn(write_to(stdin, to_write, closed.clone()));
        }
        tokio::spawn(read_from(child, report));
        Ok(Self { input: Some(input), events, _closer: closed.drop_guard() })
    }

    /// Hands over bytes without waiting. False when the program does not take them.
    pub(crate) fn try_write(&self, bytes: Bytes) -> bool {
        self.input.as_ref().is_some_and(|input| input.try_send(bytes).is_ok())
    }

    /// A way to write much, which waits while the program does not read.
    pub(crate) fn take_input(&mut self) -> Option<mpsc::Sender<Bytes>> {
        self.input.take()
    }

    /// What happens next. It may be dropped and called again without losing anything.
    pub(crate) async fn next(&mut self) -> Event {
        self.events.recv().await.unwrap_or(Event::Closed)
    }
}

async fn write_to(mut stdin: ChildStdin, mut to_write: mpsc::Receiver<Bytes>, dropped: CancellationToken) {
    loop {
        tokio::select! {
            () = dropped.cancelled() => return,
            bytes = to_write.recv() => {
                let Some(bytes) = bytes else { return };
                tokio::select! {
                    () = dropped.cancelled() => return,
                    written = stdin.write_all(&bytes) => if written.is_err() { return },
                }
            }
        }
    }
}

async fn read_from(mut child: Child, report: mpsc::UnboundedSender<Event>) {
    let out = child.stdout.take();
    let err = child.stderr.take();
    let reading = async {
        tokio::join!(read_all(out, &report, Event::Out), read_all(err, &report, Event::Err));
    };
    tokio::pin!(reading);
    let exited = |status: std::io::Result<std::process::ExitStatus>| {
        Event::Exited(status.map_or_else(|e| e.to_string(), |status| status.to_string()))
    };
    tokio::select! {
        () = &mut reading => {
            let _ = report.send(exited(child.wait().await));
        }
        status = child.wait() => {
            // What it started in the background may hold its output open: only what is there already is awaited.
            let _ = tokio::time::timeout(Duration::from_millis(200), &mut reading).await;
            let _ = report.send(exited(status));
        }
    }
    let _ = report.send(Event::Closed);
}

async fn read_all(
    from: Option<impl AsyncRead + Unpin>,
    report: &mpsc::UnboundedSender<Event>,
    event: fn(Bytes) -> Event,
) {
    let Some(mut from) = from else { return };
    loop {
        let mut buffer = BytesMut::with_capacity(64 * 1024);
        match from.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let _ = report.send(event(buffer.freeze()));
            }
        }
    }
}
