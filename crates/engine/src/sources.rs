//! The files that a plan consists of.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use steadyhand_plan::{Checked, Files, check_with};

/// The largest file that is included, in bytes.
const LARGEST: u64 = 1024 * 1024;
/// Files within files are followed so far; the plan itself allows fewer of them.
const MOST_ROUNDS: usize = 200;

/// Where a plan stands: what it names is looked for from there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanPlace {
    /// Its folder; the person's home when there is none.
    pub folder: Option<PathBuf>,
    /// Its name there, where it is a file.
    pub name: Option<String>,
}

impl PlanPlace {
    /// The place of a plan's file.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Self { folder: path.parent().map(Path::to_owned), name }
    }

    /// The base of relative paths.
    #[must_use]
    pub fn base(&self) -> PathBuf {
        self.folder.clone().or_else(std::env::home_dir).unwrap_or_default()
    }
}

/// Reads and checks a plan with the files that it includes. Nothing is run.
#[must_use]
pub fn check_source(source: &str, place: &PlanPlace) -> Checked {
    let mut files = place.name.as_ref().map_or_else(Files::default, Files::beside);
    let mut checked = check_with(source, &files);
    for _ in 0..MOST_ROUNDS {
        if checked.wanted.is_empty() {
            break;
        }
        for path in std::mem::take(&mut checked.wanted) {
            let text = read(&place.base().join(&path));
            files.insert(path, text);
        }
        checked = check_with(source, &files);
    }
    checked
}

/// The text of a file, or why there is none.
fn read(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let kind = file.metadata().map_err(|error| error.to_string())?;
    if !kind.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it has more than {LARGEST} bytes"));
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("it is not UTF-8 text (byte {})", error.utf8_error().valid_up_to()))
}
