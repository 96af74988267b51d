//! The deployment that a run makes.

use steadyhand_domain::{DeploymentId, Stage};
use steadyhand_plan::CompiledPlan;
use steadyhand_store::records::DeploymentSource;

/// A deployment that a new run makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeployment {
    /// The name of the environment, which is made when the project has none of that name.
    pub environment: String,
    /// The deployment to bring back: then this is a rollback.
    pub takes_from: Option<DeploymentId>,
    /// What it is made from, as far as that is known. A rollback has that of the other one.
    pub source: Option<DeploymentSource>,
    /// Its image, when an earlier run has made it. A rollback has that of the other one.
    pub image: Option<String>,
}

impl NewDeployment {
    /// The environment that plans deploy to.
    pub const ENVIRONMENT: &str = "production";

    /// The deployment that a run of this plan makes, if it switches traffic.
    #[must_use]
    pub fn of(plan: &CompiledPlan) -> Option<Self> {
        plan.steps.iter().any(|step| step.stage == Some(Stage::Switch)).then(|| Self {
            environment: Self::ENVIRONMENT.to_owned(),
            takes_from: None,
            source: None,
            image: None,
        })
    }
}
