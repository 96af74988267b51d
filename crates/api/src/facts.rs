//! What hosts are.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use steadyhand_domain::Facts;
use steadyhand_engine::{EngineError, PlanPlace};
use steadyhand_plan::{CompiledHost, parse_host};
use steadyhand_store::plans;

use crate::{
    Api, ApiError, AskFacts, ErrorCode,
    plans::{in_file, read_plan},
};

impl Api {
    /// See the list of operations.
    pub async fn facts(&self, request: AskFacts) -> Result<Facts, ApiError> {
        let host = request.host.trim();
        if let Some(hosts) = without_plan(host)? {
            return Ok(self.inner.engine.facts(&hosts, host).await?);
        }
        let Some(project) = request.project_id else { return self.facts_of_alias(host).await };
        self.project(project).await?;
        let plan = plans::current(&mut *self.read().await?, project).await?.ok_or(EngineError::NoPlan)?;
        let place = self.inner.engine.place(project).await?;
        let hosts = self.inner.engine.hosts_of_source(&plan.source, &place).await?;
        declared(&hosts, host, "the plan")?;
        Ok(self.inner.engine.facts(&hosts, host).await?)
    }

    /// The facts of a host: one that the plan in the file `plan` names, `user@address[:port]`, or `local`. Without a plan
    /// any other name is one for the SSH configuration.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when the plan has no such host, [`ErrorCode::PlanInvalid`] when it has errors, or why the
    /// host does not answer.
    pub async fn facts_of(&self, host: &str, plan: Option<&Path>) -> Result<Facts, ApiError> {
        let host = host.trim();
        if let Some(hosts) = without_plan(host)? {
            return Ok(self.inner.engine.facts(&hosts, host).await?);
        }
        let Some(path) = plan else { return self.facts_of_alias(host).await };
        let hosts = self.inner.engine.hosts_of_source(&read_plan(path)?, &PlanPlace::of_file(path)).await;
        let hosts = hosts.map_err(|error| in_file(path, error))?;
        declared(&hosts, host, &format!("the plan {}", path.display()))?;
        Ok(self.inner.engine.facts(&hosts, host).await?)
    }

    async fn facts_of_alias(&self, host: &str) -> Result<Facts, ApiError> {
        Ok(self.inner.engine.facts(&alone(host)?, host).await?)
    }
}

/// A host that is written in a way that needs no plan.
fn without_plan(host: &str) -> Result<Option<BTreeMap<String, CompiledHost>>, ApiError> {
    if host == "local" {
        return Ok(Some(BTreeMap::from([(host.to_owned(), CompiledHost::Local)])));
    }
    if host.contains('@') || host.parse::<IpAddr>().is_ok() {
        return alone(host).map(Some);
    }
    Ok(None)
}

fn alone(host: &str) -> Result<BTreeMap<String, CompiledHost>, ApiError> {
    let ssh = parse_host(host).map_err(|message| ApiError::new(ErrorCode::Invalid, message))?;
    Ok(BTreeMap::from([(host.to_owned(), CompiledHost::Ssh(ssh))]))
}

fn declared(hosts: &BTreeMap<String, CompiledHost>, host: &str, plan: &str) -> Result<(), ApiError> {
    if hosts.contains_key(host) {
        return Ok(());
    }
    let names = hosts.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let message = format!("{plan} has no host `{host}`; it has {names}. For another one write user@address");
    Err(ApiError::new(ErrorCode::NotFound, message))
}
