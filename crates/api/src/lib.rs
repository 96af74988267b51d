//! What a shell can ask for: the only door to Steadyhand.
//!
//! The window, the command line and the server call the same operations, which are listed once (in `operations.rs`),
//! and listen to the same [`Update`]s. A shell adds nothing but its own way of asking.
//!
//! Architecture invariant: no operation trusts a page. Text that comes in is data, limits are checked here, and every
//! error has a code for the page and a sentence for the person.

mod chats;
mod commits;
mod deploy_keys;
mod deployments;
mod detection;
mod difference;
mod error;
mod facts;
mod finding;
mod folders;
mod hosts;
mod hub;
mod open;
mod operations;
mod os_desktop;
mod os_keyring;
mod plan_files;
mod plans;
mod practice;
mod practicing;
mod preflight;
mod projects;
mod questions;
mod requests;
mod runs;
mod scans;
mod screenshots;
mod secrets;
mod settings;
mod typescript;
mod updates;
mod views;

pub use commits::CommitsBetween;
pub use deploy_keys::DeployKey;
pub use deployments::{DeploymentAction, DeploymentDetail, PossibleAction};
pub use detection::{ApplicationView, DetectFolder, SourceView, detect_folder};
pub use difference::{
    DeploymentDifference, Differing, DifferingSetting, HooksRan, ImageDifference, PlanDifference,
    SourceDifference,
};
pub use error::{ApiError, ErrorCode};
pub use folders::data_dir;
pub use open::{Api, OpenOptions, Shell};
pub use plan_files::{FirstPlan, check_plan_file, first_plan, import_ansible, plan_schema, shipped_plans};
pub use requests::*;
pub use scans::ScanView;
pub use screenshots::Screenshot;
pub use secrets::{
    ListSecrets, OfSecret, RotateVault, SecretSet, SecretView, SetSecret, UnlockVault, VaultLock, VaultView,
    check_secret_name,
};
pub use steadyhand_deploy::detect;
pub use steadyhand_deploy::jobs::{CronJob, CronJobs, CronLog, CronRun, CronRunState};
pub use steadyhand_deploy::live::{Container, ContainerLine, ContainerLog, Live};
pub use steadyhand_domain::{Question, QuestionKind};
pub use steadyhand_engine::Turn;
pub use steadyhand_engine::{CheckedStep, RunOptions, SECRET_VARIABLE, VAULT_KEY_VARIABLE, Verdict};
pub use steadyhand_plan::Selection;
pub use steadyhand_store::{records, vault::KeyPlace};
pub use typescript::typescript;
pub use updates::Update;
pub use views::*;
