//! The facts of a host, asked outside of any run.

use std::collections::BTreeMap;

use steadyhand_domain::Facts;
use steadyhand_plan::{CompiledHost, Inputs, check, compile_hosts};

use crate::{Engine, EngineError, hosts::host_spec, plans::environment};

/// The hosts that a plan's source declares, also those that no task uses.
///
/// # Errors
/// [`EngineError::Plan`] with every problem.
pub fn hosts_of_source(source: &str) -> Result<BTreeMap<String, CompiledHost>, EngineError> {
    let checked = check(source);
    let Some(plan) = checked.plan else { return Err(EngineError::Plan { diagnostics: checked.diagnostics }) };
    let inputs = Inputs { env: environment(), vars: BTreeMap::new() };
    compile_hosts(&plan, &inputs).map_err(|diagnostics| EngineError::Plan { diagnostics })
}

impl Engine {
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
