//! Pictures of the pages of applications, taken on this machine once a deployment serves.
//!
//! Architecture invariant: no run waits for a picture, and none fails for want of one. Pictures are taken one after another by
//! the process that has made the deployment, after its traffic was switched; they are kept for as long as its image is.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use steadyhand_deploy::{live, source_maps};
use steadyhand_domain::{DeploymentEvent, DeploymentId, DeploymentState, RunEvent, Timestamp};
use steadyhand_engine::{AskedBy, Change, Engine, now};
use steadyhand_store::{StoreError, deployments, events::Event, records::Deployment, runs};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::TcpListener,
    sync::{broadcast::error::RecvError, mpsc},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use ts_rs::TS;

use crate::{Api, ApiError, OfDeployment};

mod browser;

/// Says with `off` that no pictures are taken.
const VARIABLE: &str = "STEADYHAND_SCREENSHOTS";
/// How long the application may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// A picture of the page of a deployment, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Screenshot {
    /// It was taken.
    Taken {
        /// When.
        taken_at: Timestamp,
        /// The picture, a PNG in base64.
        png_base64: String,
    },
    /// There is none.
    None {
        /// Why, for people.
        reason: String,
    },
}

impl Api {
    /// See the list of operations.
    pub async fn screenshot(&self, request: OfDeployment) -> Result<Screenshot, ApiError> {
        let id = request.deployment_id;
        let mut db = self.read().await?;
        let deployment = deployments::get(&mut db, id).await?.ok_or(StoreError::UnknownDeployment(id))?;
        let Some(taken_at) = deployment.screenshot_at else {
            let noted = deployments::why_no_screenshot(&mut db, id).await?;
            return Ok(Screenshot::None {
                reason: noted.unwrap_or_else(|| why_none(&deployment).to_owned()),
            });
        };
        drop(db);
        match tokio::fs::read(path(self.inner.engine.store().folder(), id)).await {
            Ok(png) => Ok(Screenshot::Taken { taken_at, png_base64: STANDARD.encode(png) }),
            Err(error) => Ok(Screenshot::None { reason: format!("The picture cannot be read: {error}") }),
        }
    }
}

/// Why there is no picture of a deployment for which nothing was noted.
fn why_none(deployment: &Deployment) -> &'static str {
    match deployment.state {
        DeploymentState::Pending
        | DeploymentState::Building
        | DeploymentState::Built
        | DeploymentState::Deploying => "It does not serve yet.",
        DeploymentState::Failed | DeploymentState::Cancelled => "It has never served.",
        DeploymentState::Ready | DeploymentState::Superseded if !deployment.image_kept => {
            "Pictures are kept for as long as images are."
        }
        DeploymentState::Ready | DeploymentState::Superseded if is_off() => {
            "No pictures are taken: STEADYHAND_SCREENSHOTS is off."
        }
        DeploymentState::Ready | DeploymentState::Superseded => {
            "The window and `steady serve` take a picture of what they deploy once it serves."
        }
    }
}

fn is_off() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| value == "off")
}

fn path(data: &Path, id: DeploymentId) -> PathBuf {
    folder(data).join(format!("{id}.png"))
}

fn folder(data: &Path) -> PathBuf {
    data.join("screenshots")
}

/// What there is to do, in its order.
enum Task {
    Take(DeploymentId),
    Prune,
}

/// Takes pictures of what this process deploys, until it closes.
pub(crate) async fn run(engine: Engine, closing: CancellationToken) {
    let (tasks, mut wanted) = mpsc::unbounded_channel();
    let mut changes = engine.changes();
    let listens = async {
        // What was left behind when this process was not there.
        let _ = tasks.send(Task::Prune);
        loop {
            let change = match changes.recv().await {
                Ok(Change::Event(change)) => change,
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let task = match change.event {
                Event::Deployment { deployment_id, event: DeploymentEvent::Switched } if !is_off() => {
                    Task::Take(deployment_id)
                }
                // The images of earlier ones may not be kept from now on.
                Event::DeploymentLearned | Event::Run { event: RunEvent::EveryStepEnded } => Task::Prune,
                _ => continue,
            };
            let _ = tasks.send(task);
        }
    };
    let works = async {
        while let Some(task) = wanted.recv().await {
            let done = match task {
                Task::Take(id) => take(&engine, id).await,
                Task::Prune => prune(&engine).await,
            };
            if let Err(error) = done {
                tracing::warn!(%error, "pictures of deployments cannot be kept");
            }
        }
    };
    tokio::select! {
        () = closing.cancelled() => {}
        ((), ()) = async { tokio::join!(listens, works) } => {}
    }
}

/// Takes the picture of a deployment that this process has made and that serves still.
async fn take(engine: &Engine, id: DeploymentId) -> Result<(), StoreError> {
    let mut db = engine.store().read().await?;
    let Some(deployment) = deployments::get(&mut db, id).await? else { return Ok(()) };
    let is_own = runs::owner(&mut db, deployment.run_id).await?.as_deref() == Some(engine.owner());
    drop(db);
    if !is_own || deployment.state != DeploymentState::Ready {
        return Ok(());
    }
    let taken = match picture(engine, id).await {
        Ok(png) => keep(engine.store().folder(), id, &png)
            .map_err(|error| format!("The picture could not be written: {error}")),
        Err(reason) => Err(reason),
    };
    let mut db = engine.store().write().await?;
    deployments::set_screenshot(&mut db, id, taken.as_ref().err().map(String::as_str), now()).await?;
    db.commit().await?;
    engine.committed();
    Ok(())
}

/// The picture, or why there is none.
async fn picture(engine: &Engine, id: DeploymentId) -> Result<Vec<u8>, String> {
    let browser = browser::find().ok_or(
        "No browser that takes pictures was found on this machine: install Chromium, Chrome or Edge.",
    )?;
    let live = live::live(engine, id, AskedBy::APage).await.map_err(|error| error.to_string())?;
    let port = live.port.ok_or("It has no port on its host.")?;
    let name = live.addresses.iter().find_map(|address| plain_name(address));
    let status = status(engine, id, port, name.as_deref()).await?;
    if status >= 400 {
        return Err(format!("It answered {status} at /, so there is no page to show."));
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| error.to_string())?;
    let here = listener.local_addr().map_err(|error| error.to_string())?;
    tokio::select! {
        () = hand_on(engine, id, port, &listener) => Err("The way to its host has ended.".to_owned()),
        png = browser::picture(&browser, here, name.as_deref()) => png,
    }
}

/// Hands what comes to a port here on to the port of a deployment.
async fn hand_on(engine: &Engine, id: DeploymentId, port: u16, listener: &TcpListener) {
    let mut open = JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        let engine = engine.clone();
        open.spawn(async move {
            if let Ok(mut way) = engine.way_to(id, port).await {
                // Either side may end it, and nobody is to be told.
                let _ = copy_bidirectional(&mut stream, &mut way).await;
            }
        });
        while open.try_join_next().is_some() {}
    }
}

/// The status that the application answers with.
async fn status(engine: &Engine, id: DeploymentId, port: u16, name: Option<&str>) -> Result<u16, String> {
    let mut way = engine.way_to(id, port).await.map_err(|error| error.to_string())?;
    let name = name.unwrap_or("127.0.0.1");
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {name}\r\nAccept: text/html\r\nUser-Agent: Steadyhand\r\nConnection: close\r\n\r\n"
    );
    let asked = async {
        way.write_all(request.as_bytes()).await?;
        let mut head = [0; 12];
        way.read_exact(&mut head).await?;
        io::Result::Ok(head)
    };
    let head = match timeout(PATIENCE, asked).await {
        Ok(Ok(head)) => head,
        Ok(Err(error)) => return Err(format!("It did not answer at /: {error}")),
        Err(_) => return Err(format!("It did not answer at / within {} s.", PATIENCE.as_secs())),
    };
    read_status(&head).ok_or_else(|| "What it answered at / is not HTTP.".to_owned())
}

/// `HTTP/1.1 200`, the beginning of an answer.
fn read_status(head: &[u8]) -> Option<u16> {
    let head = std::str::from_utf8(head).ok()?;
    let (version, status) = head.split_once(' ')?;
    version.starts_with("HTTP/1.").then(|| status.parse().ok())?
}

/// The name in an address of the plan, when it is one that a browser can be told where it leads to.
fn plain_name(address: &str) -> Option<String> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let name = rest.split(['/', ':', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let is_plain = name.contains(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    is_plain.then_some(name)
}

/// Keeps a picture, whole or not at all.
fn keep(data: &Path, id: DeploymentId, png: &[u8]) -> io::Result<()> {
    let folder = folder(data);
    std::fs::create_dir_all(&folder)?;
    let mut file = tempfile::NamedTempFile::new_in(&folder)?;
    io::Write::write_all(&mut file, png)?;
    file.persist(path(data, id))?;
    Ok(())
}

/// Removes the pictures and source maps of deployments that are gone, or whose images are not kept any more.
pub(crate) async fn prune(engine: &Engine) -> Result<(), StoreError> {
    let data = engine.store().folder();
    prune_in(engine, &folder(data), Some("png")).await?;
    prune_in(engine, &source_maps::folder(data), None).await
}

/// The same of one folder, in which things are called by their deployments, with this extension.
async fn prune_in(engine: &Engine, folder: &Path, extension: Option<&str>) -> Result<(), StoreError> {
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else {
        // None was kept yet.
        return Ok(());
    };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let path = entry.path();
        // Another process may be writing one that does not have its name yet.
        let has = path.extension().and_then(|extension| extension.to_str());
        // A folder of maps is written under the name of its deployment, with `.new`.
        if has != extension && !(extension.is_none() && has == Some("new")) {
            continue;
        }
        let id = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        let is_kept = match id {
            Some(id) => deployments::get(&mut *engine.store().read().await?, id)
                .await?
                .is_some_and(|deployment| deployment.image_kept),
            None => false,
        };
        let removed = match extension {
            _ if is_kept => Ok(()),
            Some(_) => tokio::fs::remove_file(&path).await,
            None => tokio::fs::remove_dir_all(&path).await,
        };
        if let Err(error) = removed {
            tracing::warn!(%error, path = %path.display(), "what was kept of a deployment cannot be removed");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_read_from_the_beginning_of_an_answer() {
        assert_eq!(read_status(b"HTTP/1.1 200"), Some(200));
        assert_eq!(read_status(b"HTTP/1.0 503"), Some(503));
        for other in [&b"SSH-2.0-Open"[..], b"HTTP/1.1 2xx", b"HTTP/1.1200 ", b"\xff\xfe HTTP/1.1"] {
            assert_eq!(read_status(other), None, "{other:?}");
        }
    }

    #[test]
    fn only_a_plain_name_is_told_to_a_browser() {
        let check = |address: &str, expected: Option<&str>| {
            assert_eq!(plain_name(address).as_deref(), expected, "{address}");
        };
        check("https://Shop.example.com", Some("shop.example.com"));
        check("http://shop.test:8080/path", Some("shop.test"));
        check("https://*.example.com", None);
        check("https://203.0.113.7", None);
        check("https://a,MAP * evil", None);
        check("https://[::1]:80", None);
        check("https://", None);
    }
}
