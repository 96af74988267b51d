//! A look at what a run needs, before it.

use std::{collections::BTreeMap, path::Path};

use steadyhand_domain::Preflight;
use steadyhand_engine::{Look, RunOptions};

use crate::{Api, ApiError, AskPreflight};

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
        let spec = self.spec_of_file(path, options).await?;
        let needs_sudo = if sudo {
            spec.plan.hosts.keys().map(|host| (host.clone(), false)).collect()
        } else {
            BTreeMap::new()
        };
        Ok(self.inner.engine.preflight(&spec, &needs_sudo).await?)
    }
}
