//! From a project's current plan to a run of it.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use steadyhand_domain::{ProjectId, Trigger};
use steadyhand_plan::{CompiledPlan, Inputs, Selection, compile, select};
use steadyhand_store::{StoreError, plans, records::RunSummary, settings};

use crate::{Engine, EngineError, Found, Look, NewDeployment, NewRun, PlanPlace, RunSpec, check_source};

/// What the environment variables begin with that are meant for Steadyhand itself, such as those that hold secrets. A
/// plan has the secrets that it names, and no other way to them.
pub(crate) const OWN_VARIABLES: &str = "STEADYHAND_";

/// How a run differs from what the plan says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Values that replace those of the plan's variables.
    pub vars: BTreeMap<String, String>,
    /// The part of the plan that is run.
    pub selection: Selection,
    /// Whether a failure ends only what needs the task that failed.
    pub continue_on_error: bool,
}

/// The name of the setting that holds the folder of a project's plan file.
fn folder_setting(project: ProjectId) -> String {
    format!("folder:{project}")
}

/// What would run.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The plan with its inputs put in.
    pub plan: CompiledPlan,
    /// What was found before that.
    pub found: Found,
}

/// The environment of this process, as plans read it. Variables whose names or values are not Unicode cannot be written
/// in a plan.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !name.starts_with(OWN_VARIABLES))
        .collect()
}

impl Engine {
    /// A plan's source with the files that it includes, the hosts that it looks for, and its inputs put in, as far as it is to
    /// be run.
    ///
    /// # Errors
    /// [`EngineError::Plan`] with every problem, [`EngineError::Discovery`], or [`EngineError::Selection`].
    pub async fn compile(
        &self,
        source: &str,
        place: &PlanPlace,
        options: &RunOptions,
        look: Look,
    ) -> Result<Compiled, EngineError> {
        let checked = check_source(source, place);
        let Some(plan) = checked.plan else {
            return Err(EngineError::Plan { diagnostics: checked.diagnostics });
        };
        let inputs = Inputs { env: environment(), vars: options.vars.clone() };
        let (plan, found) = self.discover(plan, &inputs, place, look).await?;
        let compiled = compile(&plan, &inputs).map_err(|diagnostics| EngineError::Plan { diagnostics })?;
        Ok(Compiled { plan: select(&plan, compiled, &options.selection)?, found })
    }

    /// The current plan of a project, compiled, with the SHA-256 of its source.
    ///
    /// # Errors
    /// [`EngineError::NoPlan`], as [`Engine::compile`], or when the database cannot be read.
    pub async fn compile_current(
        &self,
        project: ProjectId,
        options: &RunOptions,
        look: Look,
    ) -> Result<(String, RunSpec), EngineError> {
        let plan = {
            let mut db = self.store().read().await?;
            plans::current(&mut db, project).await?.ok_or(EngineError::NoPlan)?
        };
        let place = self.place(project).await?;
        let Compiled { plan: compiled, found } = self.compile(&plan.source, &place, options, look).await?;
        let spec = RunSpec::new(Some(project), compiled, place.folder);
        Ok((plan.revision.sha256, RunSpec { options: options.clone(), found, ..spec }))
    }

    /// Where a project's plan stands.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn place(&self, project: ProjectId) -> Result<PlanPlace, EngineError> {
        let mut db = self.store().read().await?;
        let folder = settings::get(&mut db, &folder_setting(project)).await?.map(PathBuf::from);
        Ok(PlanPlace { folder, name: None })
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
        options: &RunOptions,
    ) -> Result<RunSummary, EngineError> {
        // What was shown a moment ago is what was looked at.
        let look = if shown.is_some() { Look::Recent } else { Look::Again };
        let (plan_sha256, spec) = self.compile_current(project, options, look).await?;
        if shown.is_some_and(|shown| shown != spec.plan.sha256) {
            return Err(EngineError::Changed);
        }
        let started_by = by.to_owned();
        let done = BTreeMap::new();
        let deployment = NewDeployment::of(&spec.plan);
        let stops = None;
        self.start(NewRun {
            project_id: project,
            trigger,
            started_by,
            plan_sha256,
            spec,
            done,
            deployment,
            stops,
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
