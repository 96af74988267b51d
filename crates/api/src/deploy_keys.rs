//! Keys that are made for reading a repository: the private half is a secret of the project, the public one is for the repository's
//! settings.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use steadyhand_engine::now;
use steadyhand_remote::key_pair;
use ts_rs::TS;

use crate::{Api, ApiError, ErrorCode, OfSecret, check_secret_name};

/// A key whose private half is a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeployKey {
    /// The name of that secret.
    pub name: String,
    /// The public half, as one line of `authorized_keys`.
    pub public_key: String,
    /// Whether it was made now. Otherwise the project had it already.
    pub made: bool,
}

impl Api {
    /// See the list of operations.
    pub async fn deploy_key(&self, request: OfSecret) -> Result<DeployKey, ApiError> {
        let OfSecret { project_id, name } = request;
        let project = self.project(project_id).await?;
        check_secret_name(&name)?;
        let known = self.in_vault({
            let name = name.clone();
            move |vault| vault.value(project_id, &name)
        });
        let known: Option<SecretString> = known.await?;
        if let Some(known) = known {
            let Some(public_key) = key_pair::public_half(known.expose_secret()) else {
                let message = format!(
                    "{name} has a value that is no private key, or one with a passphrase; nothing was changed. Choose another name"
                );
                return Err(ApiError::new(ErrorCode::Conflict, message));
            };
            return Ok(DeployKey { name, public_key, made: false });
        }
        let key = key_pair::make(&format!("steadyhand {}", project.name))
            .map_err(|message| ApiError::new(ErrorCode::Internal, message))?;
        let public_key = key_pair::public_half(key.expose_secret()).ok_or_else(|| {
            ApiError::new(ErrorCode::Internal, "the key that was made cannot be read".to_owned())
        })?;
        let set = self.in_vault({
            let name = name.clone();
            move |vault| vault.set(project_id, &name, &key, now())
        });
        set.await?;
        Ok(DeployKey { name, public_key, made: true })
    }
}
