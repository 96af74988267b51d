//! What scanners have found in the images of deployments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_domain::{DeploymentState, StepState};
use steadyhand_store::{
    StoreError, deployments,
    records::{Deployment, Scan, Step},
    scans,
    steps::{self, LogSizes},
};
use ts_rs::TS;

use crate::{Api, ApiError, OfDeployment};

/// What was found in the image of a deployment, or why nobody has looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ScanView {
    /// It was looked through.
    Scanned {
        /// What was found.
        scan: Scan,
    },
    /// It was not.
    None {
        /// Why, for people.
        reason: String,
    },
}

impl Api {
    /// See the list of operations.
    pub async fn scan(&self, request: OfDeployment) -> Result<ScanView, ApiError> {
        let id = request.deployment_id;
        let mut db = self.read().await?;
        let deployment = deployments::get(&mut db, id).await?.ok_or(StoreError::UnknownDeployment(id))?;
        if let Some(scan) = scans::get(&mut db, id).await? {
            return Ok(ScanView::Scanned { scan });
        }
        let steps = steps::of_run(&mut db, deployment.run_id, &LogSizes::default()).await?;
        let step = steps.iter().find(|step| step.kind == "app_scan");
        Ok(ScanView::None { reason: why_none(&deployment, step) })
    }
}

/// Why nothing is known of the image of a deployment. `step` is the one of its run that scans.
fn why_none(deployment: &Deployment, step: Option<&Step>) -> String {
    let reported = |step: &Step| step.output.as_ref().map(|output| output.text.clone()).unwrap_or_default();
    match (deployment.state, step) {
        (DeploymentState::Failed | DeploymentState::Cancelled, _) => {
            "Only what serves is scanned, and it has never served.".to_owned()
        }
        (_, None) => "Its run has no step that scans its image.".to_owned(),
        (_, Some(step)) => match step.state {
            StepState::Pending => "It is scanned once it serves.".to_owned(),
            StepState::Running => "It is being scanned.".to_owned(),
            StepState::Skipped => "The step that scans it was skipped.".to_owned(),
            StepState::Completed if reported(step).contains("none off") => {
                "The plan says `scan: off`.".to_owned()
            }
            StepState::Completed if reported(step).contains("none memory") => format!(
                "There was too little memory to spare on {} (512 MB are needed): deploy again when there is more.",
                step.host
            ),
            StepState::Completed => format!(
                "Neither Trivy nor Grype is installed on {}: install one there, and deploy again.",
                step.host
            ),
            StepState::Failed => format!(
                "The scan failed: the log of the step “{}” of run {} says why.",
                step.name, deployment.run_number
            ),
        },
    }
}
