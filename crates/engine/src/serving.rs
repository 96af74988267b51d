//! Asking the host of a deployment how it is, outside of any run.

use std::time::Duration;

use steadyhand_domain::{DeploymentId, Stage};
use steadyhand_plan::{Action, CompiledStep};
use steadyhand_remote::Tunnel;
use steadyhand_store::{StoreError, deployments, records::Deployment};

use crate::{
    Engine, EngineError, Masker, RunSpec,
    attempt::elevate::revealed,
    hosts::host_spec,
    stages::{environment_on_hosts, on_hosts},
};

/// How long a host may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct AskedAbout<'a> {
    /// The environment, as its host knows it.
    pub environment: &'a str,
    /// The deployment, as its host knows it.
    pub deployment: &'a str,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// A person, who can answer what connecting may ask.
    APerson,
    /// A page that asks again and again: nobody is asked anything for it.
    APage,
}

/// What a host has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSays {
    /// The host's name in the plan.
    pub host: String,
    /// The names that the application is reached by.
    pub domains: Vec<String>,
    /// The answer, in which secrets are replaced; of a long one its beginning.
    pub text: String,
}

impl Engine {
    /// Asks the host of a deployment something, as who has deployed it. `script` is to end with 0.
    ///
    /// # Errors
    /// [`StoreError::UnknownDeployment`], why the host cannot be reached, or [`EngineError::NotTold`] with what it said.
    pub async fn ask_about(
        &self,
        id: DeploymentId,
        by: AskedBy,
        script: impl FnOnce(AskedAbout<'_>) -> String,
    ) -> Result<HostSays, EngineError> {
        let (deployment, spec, switch) = self.switched_by(id).await?;
        self.shared.missing_secrets(&spec).await?;
        let step = &spec.plan.steps[switch];
        let script = script(AskedAbout {
            environment: &environment_on_hosts(&spec.plan),
            deployment: &on_hosts(deployment.number, deployment.run_id),
        });
        let host = step.host.clone();
        let not_told = |message: String| EngineError::NotTold { host: host.clone(), message };
        let script = match &step.elevate {
            None => script,
            Some(elevate) => {
                let elevation = revealed(elevate, &self.shared.secrets_of(&spec))
                    .map_err(|reason| not_told(reason.to_string()))?;
                elevation.script(&script).map_err(not_told)?
            }
        };
        let mut connected = self.remote().host(&host_spec(&spec.plan.hosts, &step.host)?);
        if by == AskedBy::APage && !connected.is_connected().await {
            connected = self.shared.quiet.host(connected.spec());
        }
        let probe = connected.probe(&script, PATIENCE).await?;
        let text = String::from_utf8_lossy(&probe.output).into_owned();
        let masker = Masker::new(&self.shared.all_secrets(&spec));
        let text = masker.map_or_else(|| text.clone(), |masker| masker.text(&text).into_owned());
        match probe.status {
            Some(0) => Ok(HostSays { host, domains: domains(step), text }),
            Some(_) => Err(not_told(text.trim().to_owned())),
            None => Err(not_told(format!("there was no answer within {} s", PATIENCE.as_secs()))),
        }
    }

    /// A way to a port of the host of a deployment, on its loopback.
    ///
    /// # Errors
    /// [`StoreError::UnknownDeployment`], or why the host cannot be reached.
    pub async fn way_to(&self, id: DeploymentId, port: u16) -> Result<Tunnel, EngineError> {
        let (_, spec, switch) = self.switched_by(id).await?;
        let host = host_spec(&spec.plan.hosts, &spec.plan.steps[switch].host)?;
        Ok(self.remote().host(&host).open_tcp("127.0.0.1", port).await?)
    }

    /// A deployment, what its run was made of, and which of its steps switches traffic.
    async fn switched_by(&self, id: DeploymentId) -> Result<(Deployment, RunSpec, usize), EngineError> {
        let unknown = StoreError::UnknownDeployment(id);
        let deployment = deployments::get(&mut *self.store().read().await?, id).await?;
        let Some(deployment) = deployment else { return Err(unknown.into()) };
        let spec = self.spec(deployment.run_id).await?;
        let switch = spec.plan.steps.iter().position(|step| step.stage == Some(Stage::Switch));
        Ok((deployment, spec, switch.ok_or(unknown)?))
    }
}

/// The names that a switch makes the application be reached by.
fn domains(switch: &CompiledStep) -> Vec<String> {
    let Action::Resource { params, .. } = &switch.action else { return Vec::new() };
    let domains = params.iter().find(|param| param.name == "domains");
    domains.map(|param| param.values.iter().map(ToString::to_string).collect()).unwrap_or_default()
}
