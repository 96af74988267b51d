//! What an application's source is.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_deploy::detect::{
    Application, Bases, DetectError, Dockerfile, Evidence, Tree, detect, dockerfile,
};
use ts_rs::TS;

use crate::{Api, ApiError, ErrorCode};

/// Which folder is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DetectFolder {
    /// Its path on the machine on which Steadyhand runs, in full.
    pub path: String,
}

/// What a folder's source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct SourceView {
    /// The folder.
    pub path: String,
    /// The applications in it: that of the folder itself first, the others by path.
    pub applications: Vec<ApplicationView>,
    /// What holds them together, when it is a monorepo.
    pub workspaces: Vec<Evidence>,
    /// What else is to be known: why nothing was found, what could not be read, what was left out.
    pub notes: Vec<String>,
}

/// An application, and the Dockerfile that is made for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ApplicationView {
    /// What was found out about it.
    #[serde(flatten)]
    pub application: Application,
    /// The Dockerfile, when it has none of its own and one can be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub dockerfile: Option<Dockerfile>,
}

impl Api {
    /// See the list of operations.
    pub async fn detect(&self, request: DetectFolder) -> Result<SourceView, ApiError> {
        let path = PathBuf::from(&request.path);
        if !path.is_absolute() {
            let message = format!("{} is not a full path; write the folder's path from / on", request.path);
            return Err(ApiError::new(ErrorCode::Invalid, message));
        }
        let looked = tokio::task::spawn_blocking(move || detect_folder(&path)).await;
        looked.map_err(|error| {
            ApiError::new(ErrorCode::Internal, format!("the folder was not looked at: {error}"))
        })?
    }
}

/// What the source in a folder is. It needs no data folder.
///
/// # Errors
/// [`ErrorCode::NotFound`] when there is no such folder, [`ErrorCode::Invalid`] when it is none or cannot be read.
pub fn detect_folder(path: &Path) -> Result<SourceView, ApiError> {
    let tree = Tree::of_folder(path).map_err(|error| {
        let code = match error {
            DetectError::NotThere(_) => ErrorCode::NotFound,
            DetectError::NotAFolder(_) | DetectError::Unreadable { .. } => ErrorCode::Invalid,
        };
        ApiError::new(code, error.to_string())
    })?;
    let found = detect(&tree);
    let bases = Bases::default();
    let applications = found
        .applications
        .into_iter()
        .map(|application| ApplicationView { dockerfile: dockerfile(&application, &bases), application });
    Ok(SourceView {
        path: path.display().to_string(),
        applications: applications.collect(),
        workspaces: found.workspaces,
        notes: found.notes,
    })
}
