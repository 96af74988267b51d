//! Keys that are made for reading a repository: the private half is a secret of the project, the public one is for the repository's
//! settings.

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use steadyhand_engine::{SECRET_VARIABLE, now};
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
        let variable = format!("{SECRET_VARIABLE}{name}");
        if std::env::var_os(&variable).is_some() {
            let message = format!(
                "{variable} is set and goes before what the vault has; choose another name, or unset it"
            );
            return Err(ApiError::new(ErrorCode::Conflict, message));
        }
        let key = key_pair::make(&format!("steadyhand {}", project.name))
            .map_err(|message| ApiError::new(ErrorCode::Internal, message))?;
        let of = name.clone();
        let (made, kept) = self
            .in_vault(move |vault| {
                let made = vault.set_new(project_id, &of, &key, now())?;
                Ok((made, vault.value(project_id, &of)?))
            })
            .await?;
        let Some(public_key) = kept.and_then(|key| key_pair::public_half(key.expose_secret())) else {
            let message = format!(
                "{name} has a value that is no private key, or one with a passphrase; nothing was changed. Choose another name"
            );
            return Err(ApiError::new(ErrorCode::Conflict, message));
        };
        Ok(DeployKey { name, public_key, made })
    }
}
