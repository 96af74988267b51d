//! What a person means by what they type: a project's name, a run's number.

use steadyhand_domain::{RunId, Timestamp};
use steadyhand_store::{
    projects,
    records::{Project, RunSummary},
    runs,
};

use crate::{Api, ApiError, ErrorCode};

/// How many of the newest runs are looked at for one whose identifier begins with what was typed.
const RECENT_RUNS: u32 = 1000;

impl Api {
    /// What time it is for everything that is recorded.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        steadyhand_engine::now()
    }

    /// The project of this name; when none is written like that, the only one that differs in capital letters alone.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], or [`ErrorCode::Invalid`] when several projects fit.
    pub async fn find_project(&self, name: &str) -> Result<Project, ApiError> {
        let mut db = self.read().await?;
        if let Some(project) = projects::by_name(&mut db, name).await? {
            return Ok(project);
        }
        let wanted = name.to_lowercase();
        let mut fitting = projects::all(&mut db).await?;
        fitting.retain(|project| project.name.to_lowercase() == wanted);
        if fitting.len() > 1 {
            let names: Vec<&str> = fitting.iter().map(|project| project.name.as_str()).collect();
            let message =
                format!("several projects are called like that: {}; write it as it is", names.join(", "));
            return Err(ApiError::new(ErrorCode::Invalid, message));
        }
        fitting.pop().ok_or_else(|| {
            let message = format!("there is no project “{name}”; `steady status` lists the projects");
            ApiError::new(ErrorCode::NotFound, message)
        })
    }

    /// The run that a person means: `24`, `shop/24`, an identifier or the beginning of one.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], or [`ErrorCode::Invalid`] when several runs fit: nothing is guessed.
    pub async fn find_run(&self, text: &str) -> Result<RunSummary, ApiError> {
        self.find(text, false).await
    }

    /// As [`Api::find_run`], for a request that only a run that has not ended can take: of several runs with a number
    /// the only one that is under way is meant.
    ///
    /// # Errors
    /// As [`Api::find_run`].
    pub async fn find_run_under_way(&self, text: &str) -> Result<RunSummary, ApiError> {
        self.find(text, true).await
    }

    async fn find(&self, text: &str, under_way: bool) -> Result<RunSummary, ApiError> {
        let missing = |what: String| ApiError::new(ErrorCode::NotFound, what);
        if let Some((project, number)) = text.rsplit_once('/') {
            let found = self.find_project(project).await?;
            let number = number.parse().map_err(|_| {
                ApiError::new(ErrorCode::Invalid, format!("“{number}” is not the number of a run"))
            })?;
            return runs::by_number(&mut *self.read().await?, found.id, number)
                .await?
                .ok_or_else(|| missing(format!("the project “{}” has no run {number}", found.name)));
        }
        let mut db = self.read().await?;
        if let Ok(id) = text.parse::<RunId>() {
            return runs::get(&mut db, id).await?.ok_or_else(|| missing(format!("there is no run {text}")));
        }
        if let Ok(number) = text.parse::<u32>() {
            let mut fitting = Vec::new();
            for project in projects::all(&mut db).await? {
                if let Some(run) = runs::by_number(&mut db, project.id, number).await? {
                    fitting.push((format!("{}/{number}", project.name), run));
                }
            }
            return only_one(fitting, number, under_way);
        }
        let newest = runs::newest(&mut db, RECENT_RUNS).await?;
        let wanted = text.to_ascii_lowercase();
        let mut fitting: Vec<RunSummary> =
            newest.into_iter().filter(|run| run.id.to_string().starts_with(&wanted)).collect();
        match (fitting.pop(), fitting.is_empty()) {
            (Some(run), true) if text.len() >= 4 => Ok(run),
            (Some(_), _) => Err(ApiError::new(
                ErrorCode::Invalid,
                format!("several runs begin with “{text}”; write more of it"),
            )),
            (None, _) => Err(missing(format!("there is no run “{text}”; `steady runs` shows what there is"))),
        }
    }
}

/// The run of several projects with this number that is meant, if that is plain.
fn only_one(
    mut fitting: Vec<(String, RunSummary)>,
    number: u32,
    under_way: bool,
) -> Result<RunSummary, ApiError> {
    if fitting.len() > 1 && under_way {
        let going = fitting.iter().filter(|(_, run)| !run.state.is_final()).count();
        if going == 1 {
            fitting.retain(|(_, run)| !run.state.is_final());
        }
    }
    if fitting.len() > 1 {
        let names: Vec<&str> = fitting.iter().map(|(name, _)| name.as_str()).collect();
        let message = format!("several projects have a run {number}; say which: {}", names.join(", "));
        return Err(ApiError::new(ErrorCode::Invalid, message));
    }
    fitting.pop().map(|(_, run)| run).ok_or_else(|| {
        let message = format!("there is no run {number}; `steady runs` shows what there is");
        ApiError::new(ErrorCode::NotFound, message)
    })
}
