//! How a deployment differs from another one of its environment.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_assistant::difference;
use steadyhand_domain::{DeploymentId, DeploymentState, Stage};
use steadyhand_engine::EngineError;
use steadyhand_plan::{Action, CompiledPlan, ResourceParam, Text};
use steadyhand_store::{
    Reader, StoreError,
    deployments::{self, Filter},
    plans,
    records::{Deployment, DeploymentKind, DeploymentSource, DiffLine},
    runs,
};
use ts_rs::TS;

use crate::{
    Api, ApiError, AskDifference, ErrorCode,
    commits::{self, CommitsBetween},
};

/// Deployments between two are looked through for hooks, so many at most.
const MOST_BETWEEN: u32 = 100;
/// What is shown of a value that may be secret, though the plan says it openly.
const NOT_SHOWN: &str = "‹not shown›";

/// How a deployment differs from another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DeploymentDifference {
    /// The other one; none when nothing served before.
    pub with: Option<Deployment>,
    /// Whether there is nothing to tell: it is nothing but a new deployment.
    pub nothing: bool,
    /// Where both come from, when that differs.
    pub source: Option<SourceDifference>,
    /// The commits between the two, when that is known.
    pub commits: Option<CommitsBetween>,
    /// The variables of its containers that differ, by name.
    pub variables: Vec<Differing>,
    /// The settings that differ.
    pub settings: Vec<DifferingSetting>,
    /// The images, when they differ.
    pub image: Option<ImageDifference>,
    /// The revisions of the plan, when they differ.
    pub plan: Option<PlanDifference>,
    /// Why variables and settings are not compared; none when they are.
    pub not_compared: Option<String>,
    /// The deployments that ran their own commands (`on_deploy`) after the older of the two, up to the newer one, oldest first.
    /// No rollback takes back what those have changed.
    pub hooks_between: Vec<HooksRan>,
}

/// Where two deployments come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct SourceDifference {
    /// Where the other one comes from.
    pub before: Option<DeploymentSource>,
    /// Where this one comes from.
    pub after: Option<DeploymentSource>,
}

/// Something with a name, as it was and as it is. The value of a secret is never in it, only the secret's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Differing {
    /// Its name.
    pub name: String,
    /// What it is for the other deployment; none when that does not have it.
    pub before: Option<String>,
    /// What it is for this one; none when it does not have it.
    pub after: Option<String>,
}

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DifferingSetting {
    /// What the plan calls it, such as `health.path`.
    pub name: String,
    /// Its values for the other deployment; none when that does not have it.
    pub before: Vec<String>,
    /// Its values for this one; none when it does not have it.
    pub after: Vec<String>,
    /// Whether a rollback leaves it as it is for the one that serves.
    pub stays: bool,
}

/// The images of two deployments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ImageDifference {
    /// That of the other one, as far as it is known.
    pub before: Option<String>,
    /// That of this one, as far as it is known.
    pub after: Option<String>,
}

/// Two revisions of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct PlanDifference {
    /// The revision that the other one was made by.
    pub before_sha256: String,
    /// The revision that this one was made by.
    pub after_sha256: String,
    /// From the one to the other; empty when one of them is not there any more.
    pub diff: Vec<DiffLine>,
}

/// A deployment that ran its own commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct HooksRan {
    /// The number of the deployment.
    pub number: u32,
    /// The commands.
    pub commands: Vec<String>,
}

/// A setting: the stage that is told, what it calls it, what people call it.
struct Setting(Stage, &'static str, &'static str);

/// What comes with the image and is kept beside it: a rollback brings it back.
const KEPT: &[Setting] = &[
    Setting(Stage::Fetch, "git", "source.git"),
    Setting(Stage::Fetch, "branch", "source.branch"),
    Setting(Stage::Fetch, "path", "source.path"),
    Setting(Stage::Build, "image", "source.image"),
    Setting(Stage::Detect, "by", "build.by"),
    Setting(Stage::Build, "dockerfile", "build.dockerfile"),
    Setting(Stage::Build, "target", "build.target"),
    Setting(Stage::Build, "args", "build.args"),
    Setting(Stage::Detect, "bases", "build.bases"),
    Setting(Stage::Build, "server", "registry.server"),
    Setting(Stage::Build, "user", "registry.user"),
    Setting(Stage::Start, "port", "port"),
    Setting(Stage::Start, "replicas", "replicas"),
    Setting(Stage::Start, "cpus", "resources.cpus"),
    Setting(Stage::Start, "memory", "resources.memory"),
    Setting(Stage::Start, "volumes", "volumes"),
    Setting(Stage::Start, "read_only", "read_only"),
];
/// What is said anew by each deployment, and by a rollback as the one says that comes back.
const SAID: &[Setting] =
    &[Setting(Stage::Health, "path", "health.path"), Setting(Stage::Health, "timeout", "health.timeout")];
/// What a rollback leaves as it is.
const STAYING: &[Setting] = &[
    Setting(Stage::Switch, "domains", "domains"),
    Setting(Stage::Drain, "drain", "drain"),
    Setting(Stage::Drain, "keep", "keep"),
];
/// The commands of a deployment, which a rollback does not run.
const HOOKS: &[Setting] =
    &[Setting(Stage::Hooks, "on_new", "hooks.on_new"), Setting(Stage::Hooks, "on_deploy", "hooks.on_deploy")];
/// What may be secret. Only names of secrets are shown of it.
const HIDDEN: &[Setting] = &[
    Setting(Stage::Fetch, "key", "source.key"),
    Setting(Stage::Fetch, "token", "source.token"),
    Setting(Stage::Build, "secrets", "build.secrets"),
    Setting(Stage::Build, "password", "registry.password"),
];

/// What a deployment was made by.
struct Made {
    /// What its run executed.
    own: CompiledPlan,
    /// What the run executed whose image and settings it has: its own, unless it brought something back.
    kept: CompiledPlan,
}

impl Api {
    /// See the list of operations.
    pub async fn deployment_difference(
        &self,
        request: AskDifference,
    ) -> Result<DeploymentDifference, ApiError> {
        let mut db = self.read().await?;
        let this = found(&mut db, request.deployment_id).await?;
        let with = match request.with {
            Some(id) => Some(found(&mut db, id).await?),
            None => before(&mut db, &this).await?,
        };
        let Some(with) = with else { return Ok(first()) };
        if with.environment_id != this.environment_id {
            let message =
                "deployments of two environments are not compared; name one of the same environment";
            return Err(ApiError::new(ErrorCode::Invalid, message));
        }
        let plan = plan_difference(&mut db, &with, &this).await?;
        let commits = if with.number < this.number {
            commits::between(&mut db, &with, &this).await?
        } else {
            commits::between(&mut db, &this, &with).await?.map(CommitsBetween::reversed)
        };
        drop(db);
        let hooks_between = self.hooks_between(&with, &this).await?;
        let (variables, settings, not_compared) = match (self.made(&with).await, self.made(&this).await) {
            (Ok(before), Ok(after)) => (variables(&before, &after), settings(&before, &after), None),
            (Err(EngineError::Recorded { .. }), _) => (Vec::new(), Vec::new(), Some(other_version(&with))),
            (_, Err(EngineError::Recorded { .. })) => (Vec::new(), Vec::new(), Some(other_version(&this))),
            (Err(error), _) | (_, Err(error)) => return Err(error.into()),
        };
        let source = (with.source != this.source)
            .then(|| SourceDifference { before: with.source.clone(), after: this.source.clone() });
        let image = (with.image != this.image)
            .then(|| ImageDifference { before: with.image.clone(), after: this.image.clone() });
        let nothing = source.is_none()
            && image.is_none()
            && plan.is_none()
            && not_compared.is_none()
            && variables.is_empty()
            && settings.is_empty();
        let with = Some(with);
        Ok(DeploymentDifference {
            with,
            nothing,
            source,
            commits,
            variables,
            settings,
            image,
            plan,
            not_compared,
            hooks_between,
        })
    }

    async fn made(&self, deployment: &Deployment) -> Result<Made, EngineError> {
        let mut origin = deployment.clone();
        while let Some(from) = origin.takes_from {
            let other = deployments::get(&mut *self.read().await?, from).await?;
            origin = other.ok_or(StoreError::UnknownDeployment(from))?;
        }
        let own = self.inner.engine.spec(deployment.run_id).await?.plan;
        let kept = if origin.id == deployment.id {
            own.clone()
        } else {
            self.inner.engine.spec(origin.run_id).await?.plan
        };
        Ok(Made { own, kept })
    }

    /// The deployments between two, without the older one, whose own commands have run, wholly or in part.
    async fn hooks_between(&self, one: &Deployment, other: &Deployment) -> Result<Vec<HooksRan>, ApiError> {
        let numbers = one.number.min(other.number) + 1..=one.number.max(other.number);
        let mut ran = Vec::new();
        for number in numbers.rev().take(MOST_BETWEEN as usize) {
            let mut db = self.read().await?;
            let between = deployments::by_number(&mut db, one.environment_id, number).await?;
            let Some(between) = between.filter(|between| between.kind == DeploymentKind::Deploy) else {
                continue;
            };
            let stages = deployments::stages(&mut db, between.run_id).await?;
            drop(db);
            let have_begun =
                stages.iter().any(|times| times.stage == Stage::Hooks && times.started_at.is_some());
            if !have_begun {
                continue;
            }
            let commands = match self.inner.engine.spec(between.run_id).await {
                Ok(spec) => values(&spec.plan, Stage::Hooks, "on_deploy"),
                // What it ran cannot be read: that it may have is told all the same.
                Err(EngineError::Recorded { .. }) => vec!["…".to_owned()],
                Err(error) => return Err(error.into()),
            };
            if !commands.is_empty() {
                ran.push(HooksRan { number, commands });
            }
        }
        ran.reverse();
        Ok(ran)
    }
}

async fn found(db: &mut Reader, id: DeploymentId) -> Result<Deployment, StoreError> {
    deployments::get(db, id).await?.ok_or(StoreError::UnknownDeployment(id))
}

/// The deployment that served before another one.
async fn before(db: &mut Reader, this: &Deployment) -> Result<Option<Deployment>, StoreError> {
    let states = [DeploymentState::Ready, DeploymentState::Superseded];
    let filter = Filter { environment: Some(this.environment_id), states: &states, before: Some(this.id) };
    Ok(deployments::list(db, this.project_id, &filter, 1).await?.pop())
}

/// What is to tell of one before which nothing served.
fn first() -> DeploymentDifference {
    DeploymentDifference {
        with: None,
        nothing: false,
        source: None,
        commits: None,
        variables: Vec::new(),
        settings: Vec::new(),
        image: None,
        plan: None,
        not_compared: None,
        hooks_between: Vec::new(),
    }
}

fn other_version(deployment: &Deployment) -> String {
    format!(
        "Another version of Steadyhand recorded deployment {}: its variables and settings cannot be compared.",
        deployment.number
    )
}

async fn plan_difference(
    db: &mut Reader,
    with: &Deployment,
    this: &Deployment,
) -> Result<Option<PlanDifference>, StoreError> {
    let mut revisions = Vec::new();
    for deployment in [with, this] {
        let run = runs::get(db, deployment.run_id).await?;
        revisions.push(run.ok_or(StoreError::UnknownRun(deployment.run_id))?.plan_sha256);
    }
    let [before_sha256, after_sha256] = <[String; 2]>::try_from(revisions).unwrap_or_default();
    if before_sha256 == after_sha256 {
        return Ok(None);
    }
    let before = plans::by_sha256(db, this.project_id, &before_sha256).await?;
    let after = plans::by_sha256(db, this.project_id, &after_sha256).await?;
    let diff = match (before, after) {
        (Some(before), Some(after)) => difference(&before.source, &after.source),
        _ => Vec::new(),
    };
    Ok(Some(PlanDifference { before_sha256, after_sha256, diff }))
}

/// What a stage is told of something.
fn said<'a>(plan: &'a CompiledPlan, stage: Stage, name: &str) -> &'a [Text] {
    let steps = plan.steps.iter().filter(|step| step.stage == Some(stage));
    let mut params = steps.flat_map(|step| match &step.action {
        Action::Resource { params, .. } => params.as_slice(),
        _ => &[],
    });
    let found: Option<&ResourceParam> = params.find(|param| param.name == name);
    found.map_or(&[], |param| &param.values)
}

fn values(plan: &CompiledPlan, stage: Stage, name: &str) -> Vec<String> {
    said(plan, stage, name).iter().map(ToString::to_string).collect()
}

fn variables(before: &Made, after: &Made) -> Vec<Differing> {
    let of = |made: &Made| -> BTreeMap<String, String> {
        let all = values(&made.kept, Stage::Start, "env").into_iter();
        all.filter_map(|line| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect()
    };
    let (before, after) = (of(before), of(after));
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let mut differing: Vec<Differing> = names
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| Differing {
            name: name.clone(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        })
        .collect();
    differing.sort_by(|a, b| a.name.cmp(&b.name));
    differing
}

fn settings(before: &Made, after: &Made) -> Vec<DifferingSetting> {
    let kept = |made: &Made, Setting(stage, key, _): &Setting| values(&made.kept, *stage, key);
    let own = |made: &Made, Setting(stage, key, _): &Setting| values(&made.own, *stage, key);
    let mut all = Vec::new();
    let mut add = |name: &str, before: Vec<String>, after: Vec<String>, stays| {
        if before != after {
            all.push(DifferingSetting { name: name.to_owned(), before, after, stays });
        }
    };
    add("on", hosts(&before.own), hosts(&after.own), true);
    for setting in KEPT {
        add(setting.2, kept(before, setting), kept(after, setting), false);
    }
    for setting in SAID {
        add(setting.2, own(before, setting), own(after, setting), false);
    }
    for setting in STAYING {
        add(setting.2, own(before, setting), own(after, setting), true);
    }
    for setting in HOOKS {
        add(setting.2, kept(before, setting), kept(after, setting), true);
    }
    for Setting(stage, key, name) in HIDDEN {
        let (before, after) = (said(&before.kept, *stage, key), said(&after.kept, *stage, key));
        // They may look alike where they differ.
        if before != after {
            let (before, after) = (hidden(before), hidden(after));
            all.push(DifferingSetting { name: (*name).to_owned(), before, after, stays: false });
        }
    }
    all
}

/// The hosts that are deployed to.
fn hosts(plan: &CompiledPlan) -> Vec<String> {
    let steps = plan.steps.iter().filter(|step| step.stage == Some(Stage::Start));
    steps.map(|step| step.host.clone()).collect()
}

/// What may be shown of values that may be secret.
fn hidden(values: &[Text]) -> Vec<String> {
    values
        .iter()
        .map(|value| {
            let names: Vec<String> = value.secrets().map(|name| format!("‹secret {name}›")).collect();
            if names.is_empty() { NOT_SHOWN.to_owned() } else { names.join(" ") }
        })
        .collect()
}
