//! `package.json`, and what fetches the dependencies that it names.

use serde_json::Value;

use super::super::{
    Application, DependencyManager, PackageTool, Variable, WarningCode, folder::Folder, read,
};

/// A `package.json`.
pub(super) struct Package(pub(super) Value);

const KINDS: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

impl Package {
    pub(super) fn of(folder: &Folder<'_>) -> Option<Self> {
        folder.json("package.json").filter(Value::is_object).map(Self)
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        read::text(&self.0, path)
    }

    /// Whether it needs a package, for whatever.
    pub(super) fn needs(&self, name: &str) -> bool {
        KINDS.iter().any(|kind| self.0.get(kind).and_then(|kind| kind.get(name)).is_some())
    }

    /// Whether it needs a package to run.
    pub(super) fn runs_with(&self, name: &str) -> bool {
        self.0.get("dependencies").and_then(|kind| kind.get(name)).is_some()
    }

    /// What it needs to run.
    pub(super) fn dependencies(&self) -> Vec<&str> {
        read::keys(&self.0, "/dependencies")
    }

    /// The major version that it asks of a package.
    pub(super) fn major(&self, name: &str) -> Option<u32> {
        let asked = KINDS.iter().find_map(|kind| self.0.get(kind)?.get(name)?.as_str())?;
        let digits = asked.trim_start_matches(|c: char| !c.is_ascii_digit());
        digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }

    pub(super) fn script(&self, name: &str) -> Option<&str> {
        let script = self.0.get("scripts")?.get(name)?.as_str()?.trim();
        (!script.is_empty()).then_some(script)
    }

    /// What a script runs in the end: scripts that it runs stand in it themselves, since a package manager between a container
    /// and its program keeps signals from it.
    pub(super) fn resolved(&self, name: &str) -> Option<String> {
        self.resolve(name, 5)
    }

    fn resolve(&self, name: &str, depth: u8) -> Option<String> {
        let script = self.script(name)?;
        let parts = script.split("&&").map(|part| {
            let part = part.trim();
            let words: Vec<&str> = part.split_whitespace().collect();
            let called = match words.as_slice() {
                ["npm" | "pnpm" | "yarn" | "bun", "run", called] => Some(*called),
                ["npm", called @ ("start" | "test")] => Some(*called),
                ["pnpm" | "yarn", called] if self.script(called).is_some() => Some(*called),
                _ => None,
            };
            match called {
                Some(called) if depth > 0 && called != name => {
                    self.resolve(called, depth - 1).unwrap_or_else(|| part.to_owned())
                }
                _ => part.to_owned(),
            }
        });
        let script = parts.collect::<Vec<_>>().join(" && ");
        // A long chain of scripts that each run others several times would grow without end.
        if script.len() > 4000 {
            return self.script(name).map(str::to_owned);
        }
        Some(match self.script(&format!("pre{name}")) {
            Some(_) if depth > 0 => {
                let before = self.resolve(&format!("pre{name}"), depth - 1)?;
                format!("{before} && {script}")
            }
            _ => script,
        })
    }
}

const LOCKS: [(&str, PackageTool); 6] = [
    ("pnpm-lock.yaml", PackageTool::Pnpm),
    ("yarn.lock", PackageTool::Yarn),
    ("bun.lock", PackageTool::Bun),
    ("bun.lockb", PackageTool::Bun),
    ("package-lock.json", PackageTool::Npm),
    ("npm-shrinkwrap.json", PackageTool::Npm),
];

/// What fetches the dependencies of a folder: the lock file's tool, unless `packageManager` says another.
pub(super) fn manager(app: &mut Application, folder: &Folder<'_>) {
    registry(app, folder);
    let mut folders = vec![*folder];
    if folder.is_member() {
        folders.push(folder.above());
    }
    let said = folders.iter().find_map(|folder| {
        let package = Package::of(folder)?;
        let said =
            package.text("/packageManager").or_else(|| package.text("/devEngines/packageManager/name"))?;
        Some((folder.full("package.json"), said.to_owned()))
    });
    let (at, locks) = folders
        .iter()
        .map(|folder| (*folder, LOCKS.iter().filter(|(name, _)| folder.has(name)).collect::<Vec<_>>()))
        .find(|(_, locks)| !locks.is_empty())
        .unwrap_or((*folder, Vec::new()));
    let (tool, version) = match &said {
        Some((file, said)) => {
            let (name, version) = said.split_once('@').unwrap_or((said, ""));
            let version = version.split('+').next().filter(|version| !version.is_empty()).map(str::to_owned);
            let tool = match name {
                "pnpm" => Some(PackageTool::Pnpm),
                "yarn" if version.as_deref().is_some_and(|version| !version.starts_with('1')) => {
                    Some(PackageTool::YarnBerry)
                }
                "yarn" => Some(PackageTool::Yarn),
                "bun" => Some(PackageTool::Bun),
                "npm" => Some(PackageTool::Npm),
                _ => None,
            };
            if tool.is_some() {
                app.because(file, format!("packageManager is {said}"));
            }
            (tool, version)
        }
        None => (None, None),
    };
    let of_lock = |tool: PackageTool| if tool == PackageTool::YarnBerry { PackageTool::Yarn } else { tool };
    let lock = match tool {
        Some(tool) => locks.iter().find(|(_, of)| *of == of_lock(tool)),
        None => locks.first(),
    };
    let mut tool = tool.or(lock.map(|(_, tool)| *tool)).unwrap_or_else(|| {
        let workspace = folders.iter().any(|folder| folder.has("pnpm-workspace.yaml"));
        if workspace { PackageTool::Pnpm } else { PackageTool::Npm }
    });
    let text = lock.and_then(|(name, _)| at.text(name)).unwrap_or_default();
    let berry = text.contains("__metadata:") || folders.iter().any(|folder| folder.has(".yarnrc.yml"));
    if tool == PackageTool::Yarn && berry {
        tool = PackageTool::YarnBerry;
    }
    // The version of a lock file tells which versions of pnpm can read it.
    let version = version.or_else(|| {
        let written = text.lines().find_map(|line| line.strip_prefix("lockfileVersion:"))?;
        let written = written.trim().trim_matches(['\'', '"']);
        Some(
            if written.starts_with('5') {
                "7"
            } else if written.starts_with('6') {
                "8"
            } else {
                "9"
            }
            .to_owned(),
        )
        .filter(|_| tool == PackageTool::Pnpm)
    });
    match lock {
        Some((name, _)) => {
            if locks.iter().any(|(_, other)| *other != of_lock(tool)) {
                let names: Vec<&str> = locks.iter().map(|(name, _)| *name).collect();
                let message = format!(
                    "There are lock files of several tools ({}); {name} is used. Remove the others.",
                    names.join(", ")
                );
                app.warn(WarningCode::SeveralLockFiles, message);
            }
        }
        None => super::warn_of_no_lock(app, "run the package manager's install and commit what it writes"),
    }
    let lock_file = lock.map(|(name, _)| at.full(name));
    app.package_manager = Some(DependencyManager { tool, version, lock_file });
}

/// The files that the dependencies depend on, from the folder that is built; `None` when all of the source may be needed to install
/// them.
pub(super) fn manifests(folder: &Folder<'_>, package: &Package) -> Vec<String> {
    let hooks =
        ["preinstall", "install", "postinstall", "prepare"].iter().filter_map(|name| package.script(name));
    let harmless = |hook: &str| {
        ["husky", "prisma", "patch-package", "lefthook", "simple-git-hooks"]
            .iter()
            .any(|tool| hook.contains(tool))
    };
    if hooks.into_iter().any(|hook| !harmless(hook)) {
        return Vec::new();
    }
    // Packages that lie in the source itself.
    let values =
        KINDS.iter().filter_map(|kind| package.0.get(kind)?.as_object()).flat_map(|kind| kind.values());
    let local = |value: &Value| {
        value
            .as_str()
            .is_some_and(|asked| ["file:", "link:", "portal:"].iter().any(|kind| asked.starts_with(kind)))
    };
    if values.into_iter().any(local) {
        return Vec::new();
    }
    let context = folder.above();
    let names = LOCKS.iter().map(|(name, _)| *name).chain([
        "package.json",
        ".npmrc",
        ".yarnrc.yml",
        "pnpm-workspace.yaml",
        "prisma/schema.prisma",
    ]);
    let mut files: Vec<String> = names.filter(|name| context.has(name)).map(str::to_owned).collect();
    let beside = [".yarn/releases/", ".yarn/plugins/", ".yarn/patches/", "patches/"];
    files.extend(
        context
            .below()
            .filter(|file| beside.iter().any(|folder| file.starts_with(folder)))
            .map(str::to_owned),
    );
    if folder.is_member() {
        // Every member's manifest: with one of them missing, the lock file does not fit.
        files.extend(context.below().filter(|file| file.ends_with("/package.json")).map(str::to_owned));
        files.extend(
            context.below().filter(|file| file.ends_with("/prisma/schema.prisma")).map(str::to_owned),
        );
    }
    files.sort();
    files.dedup();
    // A workspace of very many packages is copied as a whole.
    if files.len() > 60 { Vec::new() } else { files }
}

/// The variables that `.npmrc` takes its tokens from: they are needed to fetch the dependencies.
fn registry(app: &mut Application, folder: &Folder<'_>) {
    for folder in [*folder, folder.above()] {
        for part in folder.text(".npmrc").unwrap_or_default().split("${").skip(1) {
            let Some((name, _)) = part.split_once('}') else { continue };
            let known = app.variables.iter().any(|variable| variable.name == name);
            if !known && !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                let source = folder.full(".npmrc");
                app.variables.push(Variable { name: name.to_owned(), source, secret: true, at_build: true });
            }
        }
    }
}
