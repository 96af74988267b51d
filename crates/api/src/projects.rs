//! Projects.

use steadyhand_domain::ProjectId;
use steadyhand_engine::now;
use steadyhand_plan::source_sha256;
use steadyhand_store::{StoreError, logs, plans, projects, records::Project, runs};
use uuid::Uuid;

use crate::{Api, ApiError, CreateProject, ErrorCode, Nothing, OfProject, RenameProject, screenshots};

/// The longest name of a project, in characters.
const LONGEST_NAME: usize = 60;

/// The plan that a new project begins with: it runs as it is, and says what to change.
pub(crate) const FIRST_PLAN: &str = include_str!("../../../plans/first.yaml");

impl Api {
    /// See the list of operations.
    pub async fn projects(&self, _: Nothing) -> Result<Vec<Project>, ApiError> {
        Ok(projects::all(&mut *self.read().await?).await?)
    }

    /// See the list of operations.
    pub async fn create_project(&self, request: CreateProject) -> Result<Project, ApiError> {
        let name = checked(&request.name)?;
        let source = request.source.filter(|source| !source.trim().is_empty());
        let source = source.unwrap_or_else(|| FIRST_PLAN.replace("first-steps", &slug(name)));
        self.insert_project(name, &source, "first plan", false).await
    }

    pub(crate) async fn insert_project(
        &self,
        name: &str,
        source: &str,
        note: &str,
        practice: bool,
    ) -> Result<Project, ApiError> {
        let id = ProjectId(Uuid::now_v7());
        let mut db = self.write().await?;
        projects::insert(&mut db, id, name, practice, now()).await?;
        plans::save(&mut db, id, &source_sha256(source), source, note, now()).await?;
        self.commit(db).await?;
        self.project(id).await
    }

    pub(crate) async fn project(&self, id: ProjectId) -> Result<Project, ApiError> {
        let mut db = self.read().await?;
        Ok(projects::get(&mut db, id).await?.ok_or(StoreError::UnknownProject(id))?)
    }

    /// See the list of operations.
    pub async fn rename_project(&self, request: RenameProject) -> Result<Project, ApiError> {
        let name = checked(&request.name)?;
        let mut db = self.write().await?;
        projects::rename(&mut db, request.project_id, name, now()).await?;
        self.commit(db).await?;
        self.project(request.project_id).await
    }

    /// See the list of operations.
    pub async fn remove_project(&self, request: OfProject) -> Result<Nothing, ApiError> {
        let id = request.project_id;
        let mut db = self.write().await?;
        let last = runs::list(&mut db, id, None, 1).await?.pop();
        if let Some(run) = last.filter(|run| !run.state.is_final()) {
            return Err(StoreError::RunUnderWay { number: run.number }.into());
        }
        let mut ids = Vec::new();
        let mut before = None;
        loop {
            let page = runs::list(&mut db, id, before, 200).await?;
            let Some(oldest) = page.last() else { break };
            before = Some(oldest.number);
            ids.extend(page.iter().map(|run| run.id));
        }
        projects::remove(&mut db, id, now()).await?;
        self.commit(db).await?;
        self.forget_secrets(id).await;
        screenshots::prune(&self.inner.engine).await?;
        let mut db = self.inner.engine.store().write_logs().await?;
        for run in ids {
            logs::remove_run(&mut db, run).await?;
        }
        db.commit().await.map_err(StoreError::from)?;
        Ok(Nothing {})
    }
}

/// A project's name as a person has written it, without the spaces around it.
fn checked(name: &str) -> Result<&str, ApiError> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > LONGEST_NAME || name.chars().any(char::is_control) {
        let message = format!("a project's name has 1 to {LONGEST_NAME} characters and no line breaks");
        return Err(ApiError::new(ErrorCode::Invalid, message));
    }
    Ok(name)
}

/// A plan's name for a project's name: `My shop` becomes `my-shop`.
fn slug(name: &str) -> String {
    let words = words(name);
    if words.is_empty() { "project".to_owned() } else { words }
}

/// The letters and digits of a name, in lower case and joined by hyphens, which any file system and header takes; empty
/// when there are none.
pub(crate) fn words(name: &str) -> String {
    let words: Vec<String> = name
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-")
}
