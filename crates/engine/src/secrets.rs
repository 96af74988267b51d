//! The values of secrets: where a run has them from, and which are hidden.
//!
//! The environment goes first, then the vault of the run's project. A run has the values that its project had when this
//! process first needed them: one that is changed meanwhile is for the next run, so that no value can appear in a log
//! that was not known when its hiding began.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, OnceLock},
};

use secrecy::SecretString;
use steadyhand_domain::ProjectId;
use steadyhand_store::{StoreError, projects, vault::VaultError};

use crate::{Engine, EngineError, ProjectOfSecrets, RunSpec, engine::Shared};

/// What the environment variables begin with that hold the values of secrets.
pub const SECRET_VARIABLE: &str = "STEADYHAND_SECRET_";
/// The environment variable that holds the key of the vault.
pub const VAULT_KEY_VARIABLE: &str = "STEADYHAND_VAULT_KEY";

/// The letters of a key.
const KEY_LETTERS: usize = 44;

/// Names and values.
pub(crate) type Secrets = Vec<(String, SecretString)>;

/// The vault's secrets of a project; of all projects when none is named, which is for hiding them. It may wait for the
/// disk and for the keyring.
pub type SecretLookup = Arc<dyn Fn(Option<ProjectId>) -> Result<Secrets, StoreError> + Send + Sync>;

/// What the vault had for a run when this process first looked. It is not recorded, and not compared.
#[derive(Clone, Default)]
pub(crate) struct Snapshot(OnceLock<Arc<Secrets>>);

impl PartialEq for Snapshot {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Snapshot {}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot(..)")
    }
}

/// The secrets in this process's environment.
fn in_environment() -> Secrets {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.to_str()?.strip_prefix(SECRET_VARIABLE)?.to_owned();
            Some((name, SecretString::from(value.into_string().ok()?)))
        })
        .collect()
}

/// What else in the environment must not be shown.
fn hidden_in_environment() -> Secrets {
    let Ok(text) = std::env::var(VAULT_KEY_VARIABLE) else { return Vec::new() };
    let hidden = |text: &str| (VAULT_KEY_VARIABLE.to_owned(), text.into());
    // One of several keys is hidden by itself; the words of a passphrase are words like others.
    let keys = text.split_whitespace().filter(|word| word.len() >= KEY_LETTERS);
    std::iter::once(text.as_str()).chain(keys).map(hidden).collect()
}

/// The secrets of a plan that have no value in the environment.
pub(crate) fn not_in_environment(spec: &RunSpec) -> Vec<String> {
    let there = in_environment();
    let is_there = |name: &&String| there.iter().any(|(known, _)| known == *name);
    spec.plan.secrets.iter().filter(|name| !is_there(name)).cloned().collect()
}

impl Shared {
    /// What the vault has for a run. When it cannot be read the run goes on without: were its values found later, nothing
    /// would hide them.
    fn in_vault(&self, spec: &RunSpec) -> Arc<Secrets> {
        if let Some(known) = spec.secrets.0.get() {
            return known.clone();
        }
        let Some(project) = spec.project else { return Arc::default() };
        let found = (self.secrets)(Some(project)).unwrap_or_else(|error| {
            tracing::warn!(%error, "the secrets of the vault are not known");
            Vec::new()
        });
        spec.secrets.0.get_or_init(|| Arc::new(found)).clone()
    }

    /// The values of all secrets that the steps of a plan need.
    pub(crate) fn secrets_of(&self, spec: &RunSpec) -> HashMap<String, SecretString> {
        self.secrets_named(spec, |name| spec.plan.secrets.iter().any(|needed| needed == name))
    }

    /// The values of the secrets of a run's project that are `needed`.
    pub(crate) fn secrets_named(
        &self,
        spec: &RunSpec,
        needed: impl Fn(&str) -> bool,
    ) -> HashMap<String, SecretString> {
        let mut values: HashMap<String, SecretString> =
            self.in_vault(spec).iter().filter(|(name, _)| needed(name)).cloned().collect();
        values.extend(in_environment().into_iter().filter(|(name, _)| needed(name)));
        values
    }

    /// Every secret that this process knows of a run, whether its plan names it or not: what is hidden.
    pub(crate) fn all_secrets(&self, spec: &RunSpec) -> Secrets {
        let known = self.in_vault(spec);
        in_environment().into_iter().chain(known.iter().cloned()).chain(hidden_in_environment()).collect()
    }

    /// The secrets of a plan that have no value here. Looks them up on a thread where it can take its time.
    ///
    /// # Errors
    /// When the project has secrets in the vault and they cannot be read: they could not be hidden either.
    pub(crate) async fn missing_secrets(&self, spec: &RunSpec) -> Result<Vec<String>, StoreError> {
        if let Some(project) = spec.project
            && spec.secrets.0.get().is_none()
        {
            let known = self.look_up(Some(project)).await?;
            spec.secrets.0.get_or_init(|| Arc::new(known));
        }
        let values = self.secrets_of(spec);
        Ok(spec.plan.secrets.iter().filter(|name| !values.contains_key(*name)).cloned().collect())
    }

    /// Every secret that this process knows, of whatever project.
    pub(crate) async fn known_secrets(&self) -> Secrets {
        let known = self.look_up(None).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the secrets of the vault are not known");
            Vec::new()
        });
        in_environment().into_iter().chain(known).chain(hidden_in_environment()).collect()
    }

    async fn look_up(&self, project: Option<ProjectId>) -> Result<Secrets, StoreError> {
        let lookup = self.secrets.clone();
        match tokio::task::spawn_blocking(move || lookup(project)).await {
            Ok(found) => found,
            // A panic there, or the end of the process.
            Err(error) => {
                let (doing, path) = ("read", self.store.folder().join("secrets.vault"));
                Err(VaultError::File { doing, path, cause: std::io::Error::other(error) }.into())
            }
        }
    }
}

impl Engine {
    /// The project of a run, or of one that is only looked at, as the commands about its secrets name it.
    pub(crate) async fn project_of_secrets(&self, spec: &RunSpec) -> Result<ProjectOfSecrets, EngineError> {
        let known = match spec.project {
            Some(id) => projects::get(&mut *self.shared.store.read().await?, id).await?,
            None => None,
        };
        let is_new = known.is_none();
        Ok(ProjectOfSecrets {
            name: known.map_or_else(|| spec.plan.name.clone(), |project| project.name),
            is_new,
        })
    }
}
