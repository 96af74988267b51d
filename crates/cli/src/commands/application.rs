//! `steady open` and `steady logs --container`: the application that a project has deployed, as it is now.

use std::{process::Stdio, time::Duration};

use steadyhand_api::{Api, ApiError, AskContainerLog, ContainerLine, ErrorCode, Live, OfDeployment};
use steadyhand_domain::DeploymentId;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    process::Command,
    time::sleep,
};

use crate::{
    ask,
    documents::{ContainerLineEvent, ContainerLineKind, Opened, OpenedKind},
    exit::Exit,
    output::{Colour, Failure, Output},
    signals::Signals,
    terminal_text::plain,
};

/// What a container writes is asked for this often: docker tells nobody that there is more.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The most lines of each container that are told at once.
const MOST_LINES: u32 = 1000;

pub(crate) async fn container_logs(
    api: &Api,
    output: &mut Output,
    project: &str,
    follow: bool,
    lines: u32,
) -> Result<Exit, Failure> {
    let project = api.find_project(project).await?;
    let mut deployment = api.serving(&project).await?;
    let (mut after, mut most) = (None, lines);
    loop {
        let request = AskContainerLog { deployment_id: deployment.id, after: after.take(), lines: most };
        let ask = async || api.container_log(request.clone()).await;
        let log = answered(api, output, ask).await?;
        // What came since is told whole, as far as the host gives it at once.
        most = MOST_LINES;
        let several = log.lines.iter().any(|line| line.replica != 1);
        for line in &log.lines {
            write(output, deployment.number, line, several)?;
        }
        output.flush()?;
        if !follow {
            return Ok(Exit::Done);
        }
        sleep(LOOK_AGAIN).await;
        after = Some(log.after);
        let now = api.serving(&project).await?;
        if now.id != deployment.id {
            output.note(&format!("Deployment {} serves now.", now.number));
            (deployment, after) = (now, None);
            most = lines;
        }
    }
}

fn write(output: &mut Output, deployment: u32, line: &ContainerLine, several: bool) -> Result<(), Failure> {
    if output.json() {
        return output.document(&ContainerLineEvent { kind: ContainerLineKind, deployment, line });
    }
    let head = if several { format!("{} {}", line.at, line.replica) } else { line.at.clone() };
    output.line(&format!(
        "{} {}",
        output.paint(Colour::Grey, &head),
        output.log_text(line.original.as_ref().unwrap_or(&line.text))
    ))
}

pub(crate) async fn open(
    api: &Api,
    output: &mut Output,
    project: &str,
    print: bool,
) -> Result<Exit, Failure> {
    let project = api.find_project(project).await?;
    let deployment_id = api.serving(&project).await?.id;
    let live = answered(api, output, async || api.live(OfDeployment { deployment_id }).await).await?;
    if let Some(address) = live.addresses.first() {
        tell(output, address, false, &live, &format!("{} is at {address}", plain(&project.name)))?;
        if !print && output.terminal() && !show(address).await {
            output.note("No browser could be opened here.");
        }
        return Ok(Exit::Done);
    }
    let Some(port) = live.port else {
        let message = format!("{} has no port on {} yet; deploy it first", project.name, live.host);
        return Err(ApiError { code: ErrorCode::NotFound, message }.into());
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let words = format!(
        "{} on {} is at {address} for as long as this command runs. Ctrl-C ends it.",
        plain(&project.name),
        plain(&live.host)
    );
    let mut signals = Signals::listen()?;
    tell(output, &address, true, &live, &words)?;
    // An opener may go on for as long as its browser does.
    let opens = !print && output.terminal();
    let mut opening = Box::pin(show(&address));
    let mut is_open = !opens;
    loop {
        tokio::select! {
            opened = &mut opening, if !is_open => {
                is_open = true;
                if !opened {
                    output.note("No browser could be opened here.");
                }
            }
            taken = listener.accept() => {
                let (stream, _) = taken?;
                tokio::spawn(hand_on(api.clone(), deployment_id, port, stream));
            }
            _ = signals.next() => return Ok(Exit::Done),
        }
    }
}

fn tell(
    output: &mut Output,
    address: &str,
    through_here: bool,
    live: &Live,
    words: &str,
) -> Result<(), Failure> {
    if output.json() {
        output.document(&Opened { kind: OpenedKind, address, through_here, live })?;
    } else {
        output.line(words)?;
    }
    output.flush()
}

/// An operation that may meet what a person is to answer, or a vault that is locked.
async fn answered<T>(
    api: &Api,
    output: &mut Output,
    ask: impl AsyncFn() -> Result<T, ApiError>,
) -> Result<T, Failure> {
    match ask::answering(api, output, ask()).await {
        Err(Failure::Api(error)) if error.code == ErrorCode::Locked && super::unlock(api, output).await? => {
            ask::answering(api, output, ask()).await
        }
        answered => answered,
    }
}

/// Has the desktop open an address; says whether it did.
async fn show(address: &str) -> bool {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut opener = Command::new(program);
    opener.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    opener.status().await.is_ok_and(|status| status.success())
}

/// What a browser says is handed on to the host, and what that answers is handed back.
async fn hand_on(api: Api, deployment: DeploymentId, port: u16, mut stream: TcpStream) {
    match api.way_to(deployment, port).await {
        Ok(mut way) => {
            // Either side may end it, and nobody is to be told.
            let _ = copy_bidirectional(&mut stream, &mut way).await;
        }
        Err(error) => tracing::warn!(%error, "the application cannot be reached"),
    }
}
