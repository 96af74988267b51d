//! Opening and closing Steadyhand.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use secrecy::SecretString;
use steadyhand_assistant::{Assistant, chat};
use steadyhand_deploy::AppStages;
use steadyhand_domain::{ProjectId, Trigger};
use steadyhand_engine::{AskedBy, Engine, EngineOptions, VAULT_KEY_VARIABLE};
use steadyhand_remote::Config;
use steadyhand_store::{
    Reader, Store, StoreError, Writer,
    vault::{Costs, Vault, VaultOptions},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    ApiError, AppInfo, HostStatus, Nothing, folders, hub::Hub, os_desktop, os_keyring::VaultKeyring,
    practicing::Practising, screenshots,
};

/// Which shell opens Steadyhand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// The desktop window.
    Window,
    /// `steady serve`.
    Server,
    /// Another command of `steady`.
    Command,
}

impl Shell {
    /// Who asks a server how it is: a page does so again and again.
    pub(crate) fn asks(self) -> AskedBy {
        match self {
            Self::Window | Self::Server => AskedBy::APage,
            Self::Command => AskedBy::APerson,
        }
    }

    /// What starts the runs that are begun in it.
    pub(crate) fn trigger(self) -> Trigger {
        match self {
            Self::Window | Self::Server => Trigger::Window,
            Self::Command => Trigger::CommandLine,
        }
    }
}

/// How Steadyhand is opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// The folder for data; [`crate::data_dir`] when none is named.
    pub data_dir: Option<PathBuf>,
    /// Which shell opens it.
    pub shell: Shell,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) vault: Vault,
    pub(crate) assistant: Assistant,
    pub(crate) hub: Arc<Hub>,
    pub(crate) shell: Shell,
    pub(crate) user: String,
    /// What is known of the way to each host, by project and name.
    pub(crate) reach: Mutex<HashMap<(ProjectId, String), HostStatus>>,
    /// A model key that no keyring would keep.
    pub(crate) key_in_memory: Mutex<Option<SecretString>>,
    /// The practice server, in the shells that run one.
    pub(crate) practice: Mutex<Option<Practising>>,
    pub(crate) tasks: TaskTracker,
    pub(crate) closing: CancellationToken,
}

/// An open Steadyhand. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub(crate) inner: Arc<Inner>,
}

impl Api {
    /// Opens Steadyhand: brings the database to this version, takes over runs whose process is gone, and begins to
    /// listen.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Storage`] when the data folder cannot be used or was written by a newer version.
    pub async fn open(options: OpenOptions) -> Result<Self, ApiError> {
        let folder = options.data_dir.unwrap_or_else(folders::data_dir);
        let store = Store::open(&folder).await?;
        let ssh = Config::default();
        let remote = Config {
            // Keys that are accepted here are kept here; those that the person's own ssh knows are known too.
            known_hosts_write: folder.join("known_hosts"),
            known_hosts_read: std::iter::once(ssh.known_hosts_write.clone())
                .chain(ssh.known_hosts_read.iter().cloned())
                .collect(),
            ..ssh
        };
        let vault = vault(&folder);
        let values = vault.clone();
        let engine = Engine::open(EngineOptions {
            store,
            remote,
            secrets: Arc::new(move |project| Ok(values.values(project)?)),
            stages: Arc::new(AppStages),
            // A command that only looks at something takes nothing over; those that ask something of a run do.
            takes_over: options.shell != Shell::Command,
        })
        .await?;
        engine.show_on_desktop_with(os_desktop::port());
        chat::end_orphans(&engine).await?;
        let user = folders::user();
        let assistant = Assistant::new(engine.clone(), user.clone());
        let hub = Arc::new(Hub::default());
        let tasks = TaskTracker::new();
        let closing = CancellationToken::new();
        tasks.spawn(Hub::run(hub.clone(), engine.clone(), closing.clone()));
        if options.shell != Shell::Command {
            tasks.spawn(screenshots::run(engine.clone(), closing.clone()));
        }
        let api = Self {
            inner: Arc::new(Inner {
                engine,
                vault,
                assistant,
                hub,
                shell: options.shell,
                user,
                reach: Mutex::default(),
                key_in_memory: Mutex::default(),
                practice: Mutex::default(),
                tasks,
                closing,
            }),
        };
        api.apply_model().await?;
        if options.shell != Shell::Command {
            api.begin_practice().await;
        }
        Ok(api)
    }

    /// Lets go of everything in good order. Commands on hosts go on, and the next process that opens the same folder
    /// attaches to them.
    pub async fn shutdown(&self) {
        let inner = &self.inner;
        inner.closing.cancel();
        inner.tasks.close();
        inner.tasks.wait().await;
        inner.assistant.close().await;
        inner.engine.close().await;
        self.end_practice().await;
    }

    pub(crate) async fn app_info(&self, _: Nothing) -> Result<AppInfo, ApiError> {
        let shell = match self.inner.shell {
            Shell::Window => "window",
            Shell::Server => "server",
            Shell::Command => "command",
        };
        Ok(AppInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_dir: self.inner.engine.store().folder().display().to_string(),
            shell: shell.to_owned(),
        })
    }

    pub(crate) async fn read(&self) -> Result<Reader, StoreError> {
        self.inner.engine.store().read().await
    }

    pub(crate) async fn write(&self) -> Result<Writer, StoreError> {
        self.inner.engine.store().write().await
    }

    /// Commits and tells listeners.
    pub(crate) async fn commit(&self, db: Writer) -> Result<(), StoreError> {
        db.commit().await.map_err(StoreError::from)?;
        self.inner.engine.committed();
        Ok(())
    }
}

/// The vault of a data folder.
fn vault(folder: &Path) -> Vault {
    let environment = std::env::var_os(VAULT_KEY_VARIABLE).filter(|key| !key.is_empty());
    Vault::new(VaultOptions {
        folder: folder.to_owned(),
        environment: environment.map(|key| key.to_string_lossy().into_owned().into()),
        keyring: Box::new(VaultKeyring::of(folder)),
        costs: Costs::default(),
    })
}

/// The content of a lock, also after a panic elsewhere: what it guards is replaced as a whole.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
