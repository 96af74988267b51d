//! Secrets of projects: setting and removing them, their names, and the key that they are locked with. No operation
//! gives a value: that is for a command on this machine alone.

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use steadyhand_domain::{ProjectId, Timestamp};
use steadyhand_engine::{Masker, now};
use steadyhand_plan::is_secret_name;
use steadyhand_store::vault::{KeyPlace, NewKey, SecretName, Vault, VaultError, VaultState};
use ts_rs::TS;

use crate::{Api, ApiError, ErrorCode, Nothing};

/// The longest value in bytes. Every secret is looked for in every log, in many forms.
const LONGEST: usize = 64 * 1024;

/// A secret of a project, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SecretView {
    /// Its project.
    pub project_id: ProjectId,
    /// Its name in plans.
    pub name: String,
    /// When it got its value.
    pub set_at: Timestamp,
}

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SecretSet {
    /// Whether it took the place of another one.
    pub replaced: bool,
    /// Whether logs hide it: what is shorter than four characters occurs by chance, and is shown.
    pub hidden: bool,
}

/// Whether secrets can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VaultLock {
    /// There are none yet.
    Absent,
    /// The passphrase is needed.
    Locked,
    /// They can be used.
    Open,
}

/// What secrets are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct VaultView {
    /// Whether they can be used.
    pub state: VaultLock,
    /// Where the key is, or will be.
    pub key: KeyPlace,
}

/// Which secrets are listed.
#[derive(Clone, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ListSecrets {
    /// Of this project; of all when none is given.
    #[serde(default)]
    #[ts(optional)]
    pub project_id: Option<ProjectId>,
}

/// A value for a secret.
#[derive(Clone, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct SetSecret {
    /// The project.
    pub project_id: ProjectId,
    /// The name in plans.
    pub name: String,
    /// The value, as it is.
    pub value: String,
}

/// Names a secret.
#[derive(Clone, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct OfSecret {
    /// The project.
    pub project_id: ProjectId,
    /// The name in plans.
    pub name: String,
}

/// The passphrase of the vault.
#[derive(Clone, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct UnlockVault {
    /// It.
    pub passphrase: String,
}

/// A new key for the vault.
#[derive(Clone, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct RotateVault {
    /// Where it is to be; where the old one is when none is given.
    #[serde(default)]
    #[ts(optional)]
    pub to: Option<KeyPlace>,
    /// The new passphrase, when it is to be made from one.
    #[serde(default)]
    #[ts(optional)]
    pub passphrase: Option<String>,
}

impl Api {
    /// See the list of operations.
    pub async fn vault(&self, _: Nothing) -> Result<VaultView, ApiError> {
        self.in_vault(|vault| {
            Ok(match vault.state()? {
                VaultState::Absent(key) => VaultView { state: VaultLock::Absent, key },
                VaultState::Locked => VaultView { state: VaultLock::Locked, key: KeyPlace::Passphrase },
                VaultState::Open(key) => VaultView { state: VaultLock::Open, key },
            })
        })
        .await
    }

    /// See the list of operations.
    pub async fn unlock_vault(&self, request: UnlockVault) -> Result<VaultView, ApiError> {
        let passphrase = SecretString::from(request.passphrase);
        self.in_vault(move |vault| vault.unlock(&passphrase)).await?;
        self.vault(Nothing {}).await
    }

    /// See the list of operations.
    pub async fn rotate_vault(&self, request: RotateVault) -> Result<VaultView, ApiError> {
        let to = match (request.to, request.passphrase) {
            (None | Some(KeyPlace::Passphrase), Some(passphrase)) => NewKey::Passphrase(passphrase.into()),
            (None, None) => NewKey::InItsPlace,
            (Some(KeyPlace::Keyring), None) => NewKey::Keyring,
            (Some(KeyPlace::File), None) => NewKey::File,
            (Some(KeyPlace::Passphrase), None) => return Err(VaultError::PassphraseNeeded.into()),
            (Some(KeyPlace::Environment), _) => return Err(VaultError::EnvironmentKey.into()),
            (Some(KeyPlace::Keyring | KeyPlace::File), Some(_)) => {
                let message = "a key that is kept is not made from a passphrase; leave one of the two out";
                return Err(ApiError::new(ErrorCode::Invalid, message));
            }
        };
        let key = self.in_vault(move |vault| vault.rotate(to)).await?;
        Ok(VaultView { state: VaultLock::Open, key })
    }

    /// See the list of operations.
    pub async fn secrets(&self, request: ListSecrets) -> Result<Vec<SecretView>, ApiError> {
        if let Some(id) = request.project_id {
            self.project(id).await?;
        }
        let names = self.in_vault(move |vault| vault.names(request.project_id)).await?;
        let view = |secret: SecretName| SecretView {
            project_id: secret.project,
            name: secret.name,
            set_at: secret.set_at,
        };
        Ok(names.into_iter().map(view).collect())
    }

    /// See the list of operations.
    pub async fn set_secret(&self, request: SetSecret) -> Result<SecretSet, ApiError> {
        let SetSecret { project_id, name, value } = request;
        let value = SecretString::from(value);
        self.project(project_id).await?;
        check_secret_name(&name)?;
        check_value(&name, value.expose_secret())?;
        let shown = |masker: Masker| masker.text(value.expose_secret()) == value.expose_secret();
        let hidden = !Masker::new(&[("", value.clone())]).is_none_or(shown);
        let replaced = self.in_vault(move |vault| vault.set(project_id, &name, &value, now())).await?;
        Ok(SecretSet { replaced, hidden })
    }

    /// See the list of operations.
    pub async fn remove_secret(&self, request: OfSecret) -> Result<Nothing, ApiError> {
        let OfSecret { project_id, name } = request.clone();
        if !self.in_vault(move |vault| vault.remove(project_id, &name)).await? {
            return Err(self.no_such_secret(request).await?);
        }
        Ok(Nothing {})
    }

    /// The value of a secret. Not an operation: a page or a program that may ask for anything else gets no value.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when the project has no such secret, [`ErrorCode::Locked`] when the passphrase is needed.
    pub async fn secret_value(&self, request: OfSecret) -> Result<SecretString, ApiError> {
        let OfSecret { project_id, name } = request.clone();
        match self.in_vault(move |vault| vault.value(project_id, &name)).await? {
            Some(value) => Ok(value),
            None => Err(self.no_such_secret(request).await?),
        }
    }

    async fn no_such_secret(&self, of: OfSecret) -> Result<ApiError, ApiError> {
        let project = self.project(of.project_id).await?.name;
        let message = format!(
            "the vault has no secret “{}” of the project “{project}”; `steady secret list` shows what there is",
            of.name
        );
        Ok(ApiError::new(ErrorCode::NotFound, message))
    }

    /// Forgets the secrets of a project that is no more. When they cannot be removed they stay, and belong to nobody:
    /// no other project will have its identifier.
    pub(crate) async fn forget_secrets(&self, project: ProjectId) {
        if let Err(error) = self.in_vault(move |vault| vault.remove_project(project)).await {
            tracing::warn!(%error, project.id = %project, "the secrets of a removed project stay in the vault");
        }
    }

    /// Uses the vault on a thread where it can take its time.
    pub(crate) async fn in_vault<T: Send + 'static>(
        &self,
        action: impl FnOnce(&Vault) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let vault = self.inner.vault.clone();
        let done = tokio::task::spawn_blocking(move || action(&vault)).await;
        let done = done.map_err(|error| ApiError::new(ErrorCode::Internal, format!("the vault: {error}")))?;
        done.map_err(ApiError::from)
    }
}

/// Whether a plan can have a secret of this name.
///
/// # Errors
/// [`ErrorCode::Invalid`] when it cannot.
pub fn check_secret_name(name: &str) -> Result<(), ApiError> {
    if is_secret_name(name) {
        return Ok(());
    }
    let shown: String = name.chars().take(100).collect();
    let message = format!(
        "“{shown}” cannot be the name of a secret: that begins with a letter or `_`, goes on with letters, digits, `_` and \
         `-`, and has at most 100 of them"
    );
    Err(ApiError::new(ErrorCode::Invalid, message))
}

/// Whether a command can be given this value.
fn check_value(name: &str, value: &str) -> Result<(), ApiError> {
    let problem = match value {
        "" => format!("no value was given for {name}; nothing was changed"),
        _ if value.contains('\0') => {
            format!("the value of {name} has a NUL byte in it, which no command could be given")
        }
        _ if value.len() > LONGEST => {
            format!("the value of {name} is longer than {} KiB; keep it in a file", LONGEST / 1024)
        }
        _ => return Ok(()),
    };
    Err(ApiError::new(ErrorCode::Invalid, problem))
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        let code = match &error {
            VaultError::Locked | VaultError::WrongPassphrase => ErrorCode::Locked,
            VaultError::ShortPassphrase(_)
            | VaultError::NoPassphrase(_)
            | VaultError::NotAKey
            | VaultError::PassphraseNeeded
            | VaultError::TooLong => ErrorCode::Invalid,
            VaultError::EnvironmentKey | VaultError::Keyring(_) => ErrorCode::Conflict,
            VaultError::Absent => ErrorCode::NotFound,
            VaultError::File { .. }
            | VaultError::Exposed { .. }
            | VaultError::Damaged { .. }
            | VaultError::Newer { .. }
            | VaultError::WrongKey { .. }
            | VaultError::NoKey { .. }
            | VaultError::OldKeyKept(_) => ErrorCode::Storage,
            VaultError::NoRandom(_) => ErrorCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}
