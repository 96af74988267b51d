//! The stages of deployments, which are carried out like resources, with scripts from outside the engine.

use std::{fmt, path::Path, sync::Arc};

use steadyhand_domain::{DeploymentId, RunId, Stage, Timestamp};
use steadyhand_plan::CompiledPlan;
use steadyhand_remote::Pick;
use steadyhand_store::records::{DeploymentSource, History, Scan};

/// What a stage is told beside what the plan says.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// What is deployed to, as hosts know it: `[a-z0-9-]+`.
    pub environment: &'a str,
    /// The name of the deployment there: see [`on_hosts`].
    pub deployment: &'a str,
    /// Its number.
    pub number: u32,
    /// The name of the deployment whose image and settings it takes, when it goes back to one.
    pub takes_from: Option<&'a str>,
    /// Who deploys, so that two that do at the same time know of each other.
    pub project: &'a str,
    /// The same for people.
    pub who: &'a str,
    /// What the stage before has reported, if it has.
    pub reported: Option<&'a str>,
    /// What was sent to the host before, if the plan says that something is.
    pub sent: Option<&'a Sent>,
}

/// A file or a folder of this machine that the host has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Where it is on this machine.
    pub local: String,
    /// Where it is there.
    pub there: String,
    /// Its SHA-256; of a folder one over the names, contents and modes of what is in it.
    pub sha256: String,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// Where on a host things are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The folder that becomes as one that is sent is. Everything else in it is removed.
    pub folder: String,
    /// The folder in which files get their SHA-256 as their names.
    pub files: String,
}

/// What became known of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// What it is made from.
    pub source: Option<DeploymentSource>,
    /// Its image.
    pub image: Option<String>,
    /// What has come and gone in its repository since the deployment that served when it was fetched.
    pub history: Option<History>,
    /// The numbers of the deployments of its environment whose images are kept.
    pub kept: Option<Vec<u32>>,
    /// The path of a file on the host that is fetched, because it is too long for a report.
    pub collect: Option<String>,
}

/// A file that a stage has left on its host, once it is here.
#[derive(Clone, Copy, Debug)]
pub struct Collected<'a> {
    /// The deployment.
    pub deployment: DeploymentId,
    /// What the stage has reported.
    pub report: &'a str,
    /// The file. It is removed afterwards.
    pub file: &'a Path,
    /// The data folder.
    pub data: &'a Path,
    /// The time.
    pub now: Timestamp,
}

/// What the stages of deployments do on their hosts.
pub trait Stages: fmt::Debug + Send + Sync {
    /// The script of a stage, with the parameters of its step. What it writes into a file beside its log is its report.
    ///
    /// # Errors
    /// Why there is none, for people.
    fn script(&self, name: &str, params: &[(String, String)], told: Told<'_>) -> Result<String, String>;

    /// The script that removes what a deployment has started that will not serve. Doing it twice does no harm.
    fn abandonment(&self, told: Told<'_>) -> String;

    /// Where on the host the stages of a deployment find what is sent to them.
    fn places(&self, told: Told<'_>) -> Places;

    /// What travels of a folder that the parameter of this name says is sent.
    ///
    /// # Errors
    /// Why that is not known, for people.
    fn pick(&self, param: &str, folder: &Path) -> Result<Arc<Pick>, String>;

    /// What the report of a stage says of its deployment. `says` is what the plan says of a parameter.
    fn learned(&self, stage: Stage, report: &str, says: &dyn Fn(&str) -> Option<String>) -> Learned;

    /// Takes what [`Learned::collect`] has asked for, and says what a scanner has found if that is what it tells.
    ///
    /// # Errors
    /// Why it cannot be used or kept, for people.
    fn collected(&self, collected: Collected<'_>) -> Result<Option<Scan>, String>;
}

/// A deployment as hosts know it: its number, and the end of its run's identifier, as several people may count.
#[must_use]
pub(crate) fn on_hosts(number: u32, run: RunId) -> String {
    let id = run.0.simple().to_string();
    format!("{number}-{}", &id[id.len() - 6..])
}

/// What is deployed to, as hosts know it: the plan's name in lower-case letters, digits and `-`. So it is the same for
/// everybody who has the plan.
#[must_use]
pub fn environment_on_hosts(plan: &CompiledPlan) -> String {
    let mut word = String::new();
    for c in plan.name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            word.push(c);
        } else if !word.is_empty() && !word.ends_with('-') {
            word.push('-');
        }
    }
    word.truncate(40);
    let word = word.trim_end_matches('-');
    if word.is_empty() { "app".to_owned() } else { word.to_owned() }
}
