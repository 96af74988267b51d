//! Those who wait until something of a project can be run. What they wait with is the newest when it runs, so of several only the one
//! that came last has to go on.

use std::{fs, path::PathBuf};

use steadyhand_domain::ProjectId;
use steadyhand_store::StoreError;

use crate::{
    Engine, EngineError,
    owner::{Owner, is_gone},
};

/// A place among those who wait. It is given up when this is dropped, or with the process.
#[derive(Debug)]
pub struct Turn {
    folder: PathBuf,
    own: Owner,
}

impl Engine {
    /// Takes a place among those who wait for a project, in whatever process.
    ///
    /// # Errors
    /// When the data folder cannot be written.
    pub fn take_turn(&self, project: ProjectId) -> Result<Turn, EngineError> {
        let folder = self.shared.store.folder().join("waiting").join(project.to_string());
        let failed = |cause: String| EngineError::Store(StoreError::Folder { path: folder.clone(), cause });
        let own = Owner::register(&folder).map_err(|error| failed(error.to_string()))?;
        Ok(Turn { folder, own })
    }
}

impl Turn {
    /// Whether somebody else came later and waits still.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        let Ok(all) = fs::read_dir(&self.folder) else { return false };
        let names = all.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let whole = names.filter(|name| !name.contains('.'));
        whole.into_iter().any(|name| name.as_str() > self.own.name() && !is_gone(&self.folder, &name))
    }
}
