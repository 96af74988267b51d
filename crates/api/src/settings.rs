//! What a person can set: the model.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use steadyhand_assistant::model::{Model, ModelConfig};
use steadyhand_store::settings;

use crate::{
    Api, ApiError, ErrorCode, KeySource, ModelView, Nothing, SaveModel, Settings, open::locked, os_keyring,
};

/// The name of the setting.
const MODEL: &str = "model";
/// The environment variable that holds the key.
const KEY_VARIABLE: &str = "STEADYHAND_MODEL_KEY";

/// The model as it is stored: without its key.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    base_url: String,
    model: String,
}

impl Api {
    /// See the list of operations.
    pub async fn settings(&self, _: Nothing) -> Result<Settings, ApiError> {
        let Some(stored) = self.stored_model().await? else { return Ok(Settings { model: None }) };
        let (_, key) = self.model_key().await;
        Ok(Settings { model: Some(ModelView { base_url: stored.base_url, model: stored.model, key }) })
    }

    /// See the list of operations.
    pub async fn save_model(&self, request: SaveModel) -> Result<Settings, ApiError> {
        let stored =
            Stored { base_url: request.base_url.trim().to_owned(), model: request.model.trim().to_owned() };
        let key = request.key.filter(|key| !key.trim().is_empty()).map(|key| SecretString::from(key.trim()));
        self.make_model(&stored, key.clone())?;
        let before = self.stored_model().await?;
        if key.is_none() && before.is_some_and(|before| before.base_url != stored.base_url) {
            // A key is for the address that it was given for.
            self.forget_key().await;
        }
        if let Some(key) = key {
            let for_keyring = key.clone();
            let kept = self.in_keyring(move |entry| entry.set_password(for_keyring.expose_secret())).await;
            *locked(&self.inner.key_in_memory) = match kept {
                Ok(()) => None,
                Err(error) => {
                    tracing::warn!(%error, "no keyring keeps the model's key; it is forgotten when Steadyhand ends");
                    Some(key)
                }
            };
        }
        let mut db = self.write().await?;
        let json = serde_json::to_string(&stored)
            .map_err(|error| ApiError::new(ErrorCode::Internal, format!("settings: {error}")))?;
        settings::set(&mut db, MODEL, Some(&json)).await?;
        self.commit(db).await?;
        self.apply_model().await?;
        self.settings(Nothing {}).await
    }

    /// See the list of operations.
    pub async fn forget_model(&self, _: Nothing) -> Result<Settings, ApiError> {
        self.forget_key().await;
        let mut db = self.write().await?;
        settings::set(&mut db, MODEL, None).await?;
        self.commit(db).await?;
        self.apply_model().await?;
        self.settings(Nothing {}).await
    }

    async fn forget_key(&self) {
        *locked(&self.inner.key_in_memory) = None;
        if let Err(error) = self.in_keyring(|entry| entry.delete_credential()).await {
            tracing::debug!(%error, "the keyring held no key");
        }
    }

    /// Lets the stored model answer from now on.
    pub(crate) async fn apply_model(&self) -> Result<(), ApiError> {
        let model = match self.stored_model().await? {
            Some(stored) => {
                let (key, _) = self.model_key().await;
                match self.make_model(&stored, key) {
                    Ok(model) => Some(model),
                    Err(error) => {
                        tracing::warn!(%error, "the model cannot be used");
                        None
                    }
                }
            }
            None => None,
        };
        self.inner.assistant.set_model(model);
        Ok(())
    }

    fn make_model(&self, stored: &Stored, key: Option<SecretString>) -> Result<Model, ApiError> {
        let config = ModelConfig {
            base_url: stored.base_url.clone(),
            model: stored.model.clone(),
            key,
            ..ModelConfig::default()
        };
        Model::new(config).map_err(|error| ApiError::new(ErrorCode::Invalid, error.to_string()))
    }

    async fn stored_model(&self) -> Result<Option<Stored>, ApiError> {
        let json = settings::get(&mut *self.read().await?, MODEL).await?;
        Ok(json.and_then(|json| match serde_json::from_str(&json) {
            Ok(stored) => Some(stored),
            Err(error) => {
                tracing::warn!(%error, "the stored model cannot be read and is passed over");
                None
            }
        }))
    }

    async fn model_key(&self) -> (Option<SecretString>, KeySource) {
        if let Ok(key) = std::env::var(KEY_VARIABLE)
            && !key.is_empty()
        {
            return (Some(key.into()), KeySource::Environment);
        }
        if let Some(key) = locked(&self.inner.key_in_memory).clone() {
            return (Some(key), KeySource::Memory);
        }
        match self.in_keyring(|entry| entry.get_password()).await {
            Ok(key) => (Some(key.into()), KeySource::Keyring),
            Err(_) => (None, KeySource::None),
        }
    }
}

impl Api {
    /// Asks the operating system's keyring, which may take its time, on a thread of its own. Each data folder has a key
    /// of its own, as it has a model of its own.
    async fn in_keyring<T: Send + 'static>(
        &self,
        action: impl FnOnce(&keyring::Entry) -> keyring::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let account = os_keyring::account("model-key", self.inner.engine.store().folder());
        tokio::task::spawn_blocking(move || {
            let entry = keyring::Entry::new(os_keyring::SERVICE, &account);
            entry.and_then(|entry| action(&entry)).map_err(|error| error.to_string())
        })
        .await
        .map_err(|error| error.to_string())?
    }
}
