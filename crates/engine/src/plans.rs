//! From a project's current plan to a run of it.

use std::{collections::BTreeMap, path::PathBuf};

use secrecy::SecretString;
use steadyhand_domain::{ProjectId, RunId, Trigger};
use steadyhand_plan::{Inputs, check, compile};
use steadyhand_store::{StoreError, plans, records::RunSummary, runs, settings};

use crate::{Engine, EngineError, NewRun, RunSpec};

/// What the environment variables begin with that hold the values of secrets.
pub const SECRET_VARIABLE: &str = "STEADYHAND_SECRET_";

/// Every secret that this process knows, by name, whatever plan it belongs to.
#[must_use]
pub fn known_secrets() -> Vec<(String, SecretString)> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.to_str()?.strip_prefix(SECRET_VARIABLE)?.to_owned();
            Some((name, SecretString::from(value.into_string().ok()?)))
        })
        .collect()
}

/// The name of the setting that holds the folder of a project's plan file.
fn folder_setting(project: ProjectId) -> String {
    format!("folder:{project}")
}

/// A plan's source with its inputs put in.
///
/// # Errors
/// [`EngineError::Plan`] with every problem.
pub fn compile_source(
    source: &str,
    vars: BTreeMap<String, String>,
) -> Result<steadyhand_plan::CompiledPlan, EngineError> {
    let checked = check(source);
    let Some(plan) = checked.plan else { return Err(EngineError::Plan { diagnostics: checked.diagnostics }) };
    compile(&plan, &Inputs { env: environment(), vars })
        .map_err(|diagnostics| EngineError::Plan { diagnostics })
}

/// The environment of this process, as plans read it. Variables whose names or values are not Unicode cannot be written
/// in a plan.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

impl Engine {
    /// The current plan of a project, compiled, with the SHA-256 of its source.
    ///
    /// # Errors
    /// [`EngineError::NoPlan`], [`EngineError::Plan`], or when the database cannot be read.
    pub async fn compile_current(
        &self,
        project: ProjectId,
        vars: BTreeMap<String, String>,
    ) -> Result<(String, RunSpec), EngineError> {
        let mut db = self.store().read().await?;
        let plan = plans::current(&mut db, project).await?.ok_or(EngineError::NoPlan)?;
        let folder = settings::get(&mut db, &folder_setting(project)).await?.map(PathBuf::from);
        let compiled = compile_source(&plan.source, vars)?;
        Ok((plan.revision.sha256, RunSpec { plan: compiled, folder, goes_on: false }))
    }

    /// Starts a run of the current plan; when `shown` is given, only if that is still what would run.
    ///
    /// # Errors
    /// As [`Engine::compile_current`] and [`Engine::start`], and [`EngineError::Changed`].
    pub async fn start_current(
        &self,
        project: ProjectId,
        trigger: Trigger,
        by: &str,
        shown: Option<&str>,
        vars: BTreeMap<String, String>,
    ) -> Result<RunSummary, EngineError> {
        let (plan_sha256, spec) = self.compile_current(project, vars).await?;
        if shown.is_some_and(|shown| shown != spec.plan.sha256) {
            return Err(EngineError::Changed);
        }
        self.start(NewRun { project_id: project, trigger, started_by: by.to_owned(), plan_sha256, spec })
            .await
    }

    /// Runs what an earlier run executed again.
    ///
    /// # Errors
    /// As [`Engine::spec`] and [`Engine::start`].
    pub async fn retry(&self, run: RunId, by: &str) -> Result<RunSummary, EngineError> {
        let earlier = {
            let mut db = self.store().read().await?;
            runs::get(&mut db, run).await?.ok_or(StoreError::UnknownRun(run))?
        };
        let spec = self.spec(run).await?;
        self.start(NewRun {
            project_id: earlier.project_id,
            trigger: Trigger::Retry,
            started_by: by.to_owned(),
            plan_sha256: earlier.plan_sha256,
            spec,
        })
        .await
    }

    /// Remembers the folder that relative paths of a project's plan are meant from.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_folder(&self, project: ProjectId, folder: Option<&str>) -> Result<(), EngineError> {
        let mut db = self.store().write().await?;
        settings::set(&mut db, &folder_setting(project), folder).await?;
        db.commit().await.map_err(StoreError::from)?;
        Ok(())
    }
}
