//! What lies in a source: the names and sizes of its files, and the texts of its manifests.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The names of the files whose texts are looked at, as `find -name` takes them. Names with a folder before them are meant in
/// any folder. Files called `.env` are not among them: they have secrets.
pub const WANTED: &[&str] = &[
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "deno.lock",
    "pnpm-workspace.yaml",
    "lerna.json",
    "nx.json",
    "turbo.json",
    "project.json",
    "deno.json",
    "deno.jsonc",
    ".npmrc",
    ".nvmrc",
    ".node-version",
    ".python-version",
    ".ruby-version",
    ".java-version",
    ".tool-versions",
    "mise.toml",
    "runtime.txt",
    "rust-toolchain",
    "rust-toolchain.toml",
    "global.json",
    "Dockerfile",
    "Dockerfile.*",
    "*.Dockerfile",
    "Containerfile",
    ".dockerignore",
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
    "Procfile",
    "next.config.*",
    "nuxt.config.*",
    "vite.config.*",
    "svelte.config.*",
    "astro.config.*",
    "app.config.*",
    "rsbuild.config.*",
    "react-router.config.*",
    "remix.config.*",
    "docusaurus.config.*",
    "angular.json",
    "index.html",
    "server.js",
    "server.mjs",
    "server.cjs",
    "server.ts",
    "index.js",
    "index.mjs",
    "index.cjs",
    "index.ts",
    "app.js",
    "app.mjs",
    "app.ts",
    "main.js",
    "main.mjs",
    "main.ts",
    "requirements*.txt",
    "pyproject.toml",
    "Pipfile",
    "setup.py",
    "manage.py",
    "main.py",
    "app.py",
    "server.py",
    "api.py",
    "asgi.py",
    "wsgi.py",
    "settings.py",
    "run.py",
    "streamlit_app.py",
    "__init__.py",
    "__main__.py",
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "pdm.lock",
    "go.mod",
    "go.work",
    "main.go",
    "server.go",
    "app.go",
    "Cargo.toml",
    "Cargo.lock",
    "main.rs",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "settings.gradle.kts",
    "application.properties",
    "application.yml",
    "application.yaml",
    "Gemfile",
    "Gemfile.lock",
    "config.ru",
    "routes.rb",
    "puma.rb",
    "composer.json",
    "mix.exs",
    "*.csproj",
    "*.fsproj",
    "Program.cs",
    ".env.example",
    ".env.sample",
    ".env.template",
    ".env.dist",
    "env.example",
    "bootstrap/app.php",
    "runtime.exs",
];

/// Folders that are not looked into: what is fetched or built there is not the source.
pub const SKIPPED: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    "node_modules",
    "bower_components",
    "target",
    "vendor",
    ".venv",
    "venv",
    "__pycache__",
    ".next",
    ".nuxt",
    ".output",
    ".svelte-kit",
    ".turbo",
    ".nx",
    ".cache",
    ".gradle",
    ".idea",
    ".vscode",
    "dist",
    "_build",
    "deps",
    ".tox",
    ".mypy_cache",
    ".pytest_cache",
    ".terraform",
    "obj",
    "Pods",
    ".devcontainer",
];

/// Of these only the beginning is needed.
const HEADS: [&str; 11] = [
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "deno.lock",
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "pdm.lock",
    "index.html",
];

const HEAD: u64 = 4 * 1024;
const TEXT: u64 = 256 * 1024;
/// All texts together.
const TEXTS: u64 = 16 * 1024 * 1024;
/// How many files are listed.
const FILES: usize = 50_000;
/// How deep folders are looked into.
const DEPTH: usize = 12;

/// Whether the text of this file is looked at.
#[must_use]
pub fn wanted(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    WANTED.iter().any(|pattern| {
        if pattern.contains('/') {
            path == *pattern || path.ends_with(&format!("/{pattern}"))
        } else {
            matches(pattern, name)
        }
    })
}

/// How many bytes from its beginning are needed of a file whose text is looked at.
#[must_use]
pub fn limit(path: &str) -> u64 {
    let name = path.rsplit('/').next().unwrap_or(path);
    if HEADS.contains(&name) { HEAD } else { TEXT }
}

/// Whether a name fits a pattern in which `*` stands for any text.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Why a folder could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// There is nothing of that name.
    #[error("there is no folder {}; name the folder of an application's source", .0.display())]
    NotThere(PathBuf),
    /// It is something else.
    #[error("{} is not a folder; name the folder that it lies in", .0.display())]
    NotAFolder(PathBuf),
    /// It cannot be read.
    #[error("the folder {} cannot be read: {source}; give this user the right to read it", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What lies in a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<String, u64>,
    texts: BTreeMap<String, String>,
    notes: Vec<String>,
}

impl Tree {
    /// A tree of these files (paths from the source's folder, with their sizes in bytes) and the texts of some of them, which
    /// may be cut off at [`limit`]. Paths that lead out of the source are left out.
    pub fn new(
        files: impl IntoIterator<Item = (String, u64)>,
        texts: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Self {
        let files: BTreeMap<String, u64> =
            files.into_iter().filter_map(|(path, size)| Some((normal(&path)?, size))).take(FILES).collect();
        let mut tree = Self { files, ..Self::default() };
        for (path, bytes) in texts {
            if let Some(path) = normal(&path) {
                tree.files.entry(path.clone()).or_insert(bytes.len() as u64);
                tree.put(path, &bytes);
            }
        }
        tree
    }

    fn put(&mut self, path: String, bytes: &[u8]) {
        let kept = usize::try_from(limit(&path)).map_or(bytes, |limit| &bytes[..bytes.len().min(limit)]);
        // A mark of the byte order is no part of the text.
        let text = String::from_utf8_lossy(kept.strip_prefix(b"\xef\xbb\xbf").unwrap_or(kept)).into_owned();
        self.texts.insert(path, text);
    }

    /// What lies in a folder of this machine. Symbolic links are not followed, and [`SKIPPED`] is left out.
    ///
    /// # Errors
    /// When the folder is not there, is none, or cannot be read. What cannot be read within it is told with what is
    /// found.
    pub fn of_folder(folder: &Path) -> Result<Self, DetectError> {
        let unreadable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => DetectError::NotThere(folder.to_owned()),
            io::ErrorKind::NotADirectory => DetectError::NotAFolder(folder.to_owned()),
            _ => DetectError::Unreadable { path: folder.to_owned(), source },
        };
        if !fs::metadata(folder).map_err(unreadable)?.is_dir() {
            return Err(DetectError::NotAFolder(folder.to_owned()));
        }
        let first = fs::read_dir(folder).map_err(unreadable)?;
        let mut tree = Self::default();
        let mut waiting = vec![(String::new(), 0, Ok(first))];
        let mut left = TEXTS;
        while let Some((prefix, depth, entries)) = waiting.pop() {
            let Ok(entries) = entries else {
                tree.notes.push(format!("The folder {prefix} cannot be read and was left out."));
                continue;
            };
            for entry in entries.flatten() {
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() {
                    if depth + 1 < DEPTH && !SKIPPED.contains(&name.as_str()) {
                        waiting.push((path, depth + 1, fs::read_dir(entry.path())));
                    }
                } else if kind.is_file() {
                    if tree.files.len() == FILES {
                        tree.notes.push(format!("Only the first {FILES} files were looked at."));
                        tree.notes.sort();
                        return Ok(tree);
                    }
                    let size = entry.metadata().map_or(0, |metadata| metadata.len());
                    if wanted(&path) && limit(&path).min(size) <= left {
                        let mut bytes = Vec::new();
                        let read = fs::File::open(entry.path())
                            .and_then(|file| file.take(limit(&path)).read_to_end(&mut bytes));
                        match read {
                            Ok(_) => {
                                left = left.saturating_sub(bytes.len() as u64);
                                tree.put(path.clone(), &bytes);
                            }
                            Err(_) => tree.notes.push(format!("{path} cannot be read.")),
                        }
                    }
                    tree.files.insert(path, size);
                }
            }
        }
        tree.notes.sort();
        Ok(tree)
    }

    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// The name of a file as the tree has it.
    pub(super) fn name(&self, path: &str) -> Option<&str> {
        self.files.get_key_value(path).map(|(path, _)| path.as_str())
    }

    /// Whether a file is there whose text is not whole: too large, or not readable.
    pub(super) fn is_cut(&self, path: &str) -> Option<u64> {
        let size = *self.files.get(path)?;
        let whole = self.texts.contains_key(path) && size <= limit(path);
        (!whole).then_some(size)
    }

    /// The files below a folder, from the source's folder, with `/` behind the folder's name or nothing for all.
    pub(super) fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.files
            .range(prefix.to_owned()..)
            .map(|(path, _)| path.as_str())
            .take_while(move |path| path.starts_with(prefix))
    }
}

/// A path with `/` between its parts that does not lead out of the source.
fn normal(path: &str) -> Option<String> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let well = !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    (well && !path.contains(['\0', '\n'])).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_those_of_find_do() {
        for (pattern, name, fits) in [
            ("Dockerfile", "Dockerfile", true),
            ("Dockerfile", "Dockerfile.dev", false),
            ("Dockerfile.*", "Dockerfile.dev", true),
            ("*.csproj", "Shop.csproj", true),
            ("requirements*.txt", "requirements-dev.txt", true),
            ("requirements*.txt", "requirements.in", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn secrets_are_not_wanted() {
        for path in [".env", "apps/web/.env.local", ".env.production", "id_rsa", "secrets.json"] {
            assert!(!wanted(path), "{path}");
        }
        assert!(wanted("apps/web/.env.example") && wanted("bootstrap/app.php") && !wanted("app.php"));
    }

    #[test]
    fn paths_that_lead_out_of_the_source_are_left_out() {
        let files =
            ["/etc/passwd", "../x", "a/../b", "a//b", "", "./go.mod"].map(|path| (path.to_owned(), 1));
        let tree = Tree::new(files, []);
        assert_eq!(tree.below("").collect::<Vec<_>>(), ["go.mod"]);
    }
}
