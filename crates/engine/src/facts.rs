//! The facts of a host, asked outside of any run.

use std::collections::BTreeMap;

use steadyhand_domain::Facts;
use steadyhand_plan::{CompiledHost, Inputs, compile_hosts};

use crate::{Engine, EngineError, Look, PlanPlace, check_source, hosts::host_spec, plans::environment};

impl Engine {
    /// The hosts that a plan's source declares, also those that no task uses, and those that it finds.
    ///
    /// # Errors
    /// [`EngineError::Plan`] with every problem, or [`EngineError::Discovery`].
    pub async fn hosts_of_source(
        &self,
        source: &str,
        place: &PlanPlace,
    ) -> Result<BTreeMap<String, CompiledHost>, EngineError> {
        let checked = check_source(source, place);
        let Some(plan) = checked.plan else {
            return Err(EngineError::Plan { diagnostics: checked.diagnostics });
        };
        let inputs = Inputs { env: environment(), vars: BTreeMap::new() };
        let (plan, _) = self.discover(plan, &inputs, place, Look::Recent).await?;
        compile_hosts(&plan, &inputs).map_err(|diagnostics| EngineError::Plan { diagnostics })
    }

    /// Asks the host `name`, one of `hosts`, what it is. What only a person can answer is asked.
    ///
    /// # Errors
    /// [`EngineError::UnknownHost`], or why the host does not answer.
    pub async fn facts(
        &self,
        hosts: &BTreeMap<String, CompiledHost>,
        name: &str,
    ) -> Result<Facts, EngineError> {
        Ok(self.remote().host(&host_spec(hosts, name)?).facts(crate::now).await?)
    }
}
