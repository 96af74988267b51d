//! The practice server and its project: started with the app, ended with it.

use std::{
    io::{self, Write},
    path::Path,
};

use steadyhand_engine::now;
use steadyhand_plan::source_sha256;
use steadyhand_remote::practice::PracticeServer;
use steadyhand_store::{plans, projects, records::Project, settings};

use crate::{
    Api, ApiError, ErrorCode, Nothing, PracticeSource, Text,
    open::locked,
    practice::{self, Practice},
};

/// The practice project's name.
const NAME: &str = "Practice";
/// Set once the practice project was made, so that one that was removed stays removed.
const MADE: &str = "practice-made";
/// The largest page that is taken, in bytes.
const LARGEST: usize = 1024 * 1024;

/// The practice server and its application, or why there is none.
pub(crate) type Practising = Result<(PracticeServer, Practice), ApiError>;

impl Api {
    /// Starts the practice server and makes the practice project on first use. That there is none is no reason not to
    /// open Steadyhand: it is told to whoever asks for it.
    pub(crate) async fn begin_practice(&self) {
        let begun = self.try_practice().await;
        if let Err(error) = &begun {
            tracing::warn!(%error, "there is no practice server");
        }
        *locked(&self.inner.practice) = Some(begun);
    }

    async fn try_practice(&self) -> Practising {
        let data = self.inner.engine.store().folder().to_owned();
        let folder = data.join("practice");
        let server = PracticeServer::start(&folder)
            .await
            .map_err(|error| ApiError::new(ErrorCode::Storage, error.to_string()))?;
        let known = data.join("known_hosts");
        remember_key(&known, &server.host_key_line())
            .map_err(|error| ApiError::new(ErrorCode::Storage, format!("{}: {error}", known.display())))?;
        let practice = practice::prepare(&folder, &server).await?;
        self.keep_project(&practice).await?;
        Ok((server, practice))
    }

    /// Makes the practice project on first use; later keeps its plan at the port that the server has now.
    async fn keep_project(&self, practice: &Practice) -> Result<(), ApiError> {
        let made = settings::get(&mut *self.read().await?, MADE).await?.is_some();
        match self.practice_project().await? {
            Some(project) => {
                let mut db = self.write().await?;
                let plan = plans::current(&mut db, project.id).await?;
                if let Some(source) = plan.and_then(|plan| practice.follow_server(&plan.source)) {
                    let note = "the practice server has a new port";
                    plans::save(&mut db, project.id, &source_sha256(&source), &source, note, now()).await?;
                    self.commit(db).await?;
                }
            }
            None if !made => {
                self.insert_project(NAME, &practice.plan()?, "the practice plan", true).await?;
                let mut db = self.write().await?;
                settings::set(&mut db, MADE, Some("yes")).await?;
                self.commit(db).await?;
            }
            None => {}
        }
        Ok(())
    }

    async fn practice_project(&self) -> Result<Option<Project>, ApiError> {
        let projects = projects::all(&mut *self.read().await?).await?;
        Ok(projects.into_iter().find(|project| project.practice))
    }

    /// The practice application, with its project's current plan.
    async fn practice(&self) -> Result<(Practice, String), ApiError> {
        let practice = match &*locked(&self.inner.practice) {
            Some(Ok((_, practice))) => practice.clone(),
            Some(Err(error)) => return Err(error.clone()),
            None => {
                let message = "the practice server runs with the window and with `steady serve` only";
                return Err(ApiError::new(ErrorCode::NotFound, message));
            }
        };
        let project = self.practice_project().await?.ok_or_else(|| {
            ApiError::new(
                ErrorCode::NotFound,
                "the practice project was removed, so there is nothing to edit",
            )
        })?;
        let plan = plans::current(&mut *self.read().await?, project.id).await?;
        Ok((practice, plan.map(|plan| plan.source).unwrap_or_default()))
    }

    /// See the list of operations.
    pub async fn practice_source(&self, _: Nothing) -> Result<PracticeSource, ApiError> {
        let (practice, plan) = self.practice().await?;
        practice.source(&plan).await
    }

    /// See the list of operations.
    pub async fn save_practice_source(&self, request: Text) -> Result<PracticeSource, ApiError> {
        if request.text.len() > LARGEST {
            let message =
                format!("the page has {} bytes, and at most {LARGEST} are taken", request.text.len());
            return Err(ApiError::new(ErrorCode::Invalid, message));
        }
        let (practice, plan) = self.practice().await?;
        practice.save(&request.text).await?;
        practice.source(&plan).await
    }

    /// See the list of operations.
    pub async fn stop_practice_application(&self, _: Nothing) -> Result<Nothing, ApiError> {
        let (practice, _) = self.practice().await?;
        practice.stop_application().await?;
        Ok(Nothing {})
    }

    pub(crate) async fn end_practice(&self) {
        let practising = locked(&self.inner.practice).take();
        if let Some(Ok((server, _))) = practising {
            server.stop().await;
        }
    }
}

/// Adds the practice server's key to the known hosts, in place of an older key of the same address.
fn remember_key(path: &Path, line: &str) -> io::Result<()> {
    let known = match std::fs::read_to_string(path) {
        Ok(known) => known,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if known.lines().any(|found| found == line) {
        return Ok(());
    }
    let address = line.split(' ').next().unwrap_or_default();
    let kept = known.lines().filter(|found| found.split(' ').next() != Some(address));
    let mut new = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    for line in kept.chain([line]) {
        writeln!(new, "{line}")?;
    }
    new.persist(path).map_err(|error| error.error)?;
    Ok(())
}
