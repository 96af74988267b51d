//! A look at what a run needs, before it.

use std::{collections::BTreeMap, path::Path};

use steadyhand_domain::Preflight;
use steadyhand_engine::{Compiled, Look, PlanPlace, RunOptions, RunSpec};
use steadyhand_store::projects;

use crate::{
    Api, ApiError, AskPreflight,
    plans::{in_file, known_variables, read_plan},
};

impl Api {
    /// See the list of operations.
    pub async fn preflight(&self, request: AskPreflight) -> Result<Preflight, ApiError> {
        self.project(request.project_id).await?;
        let (_, spec) = self
            .inner
            .engine
            .compile_current(request.project_id, &RunOptions::default(), Look::Again)
            .await?;
        let needs_sudo = request.sudo_on.into_iter().map(|host| (host, false)).collect();
        Ok(self.inner.engine.preflight(&spec, &needs_sudo).await?)
    }

    /// Looks at everything that a run of a plan file needs; with `sudo`, whether its users can become root on all hosts, too.
    ///
    /// # Errors
    /// [`ErrorCode::PlanInvalid`], or [`ErrorCode::Invalid`] when the file or what is chosen of it cannot be read.
    pub async fn preflight_file(
        &self,
        path: &Path,
        options: &RunOptions,
        sudo: bool,
    ) -> Result<Preflight, ApiError> {
        let source = read_plan(path)?;
        let place = PlanPlace::of_file(path);
        known_variables(path, &source, &place, &options.vars)?;
        let compiled = self.inner.engine.compile(&source, &place, options, Look::Again).await;
        let Compiled { plan, .. } = compiled.map_err(|error| in_file(path, error))?;
        let project = projects::by_name(&mut *self.read().await?, &plan.name).await?;
        let folder = std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_owned));
        let needs_sudo = if sudo {
            plan.hosts.keys().map(|host| (host.clone(), false)).collect()
        } else {
            BTreeMap::new()
        };
        let spec = RunSpec::new(project.map(|project| project.id), plan, folder);
        Ok(self.inner.engine.preflight(&spec, &needs_sudo).await?)
    }
}
