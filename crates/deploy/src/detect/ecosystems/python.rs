//! What runs on Python.

use serde_json::Value;

use super::{
    super::{
        Application, Confidence, DependencyManager, Framework, Language, PackageTool, WarningCode,
        folder::Folder, read,
    },
    Candidate, in_file, in_tools, present,
    python_start::start,
};

const MANIFESTS: [&str; 5] = ["pyproject.toml", "requirements.txt", "Pipfile", "setup.py", "manage.py"];

/// Files in which the application usually is, in this order.
pub(super) const CODE: [&str; 24] = [
    "main.py",
    "app.py",
    "server.py",
    "api.py",
    "asgi.py",
    "wsgi.py",
    "run.py",
    "streamlit_app.py",
    "app/main.py",
    "app/app.py",
    "app/__init__.py",
    "app/api.py",
    "app/server.py",
    "src/main.py",
    "src/app.py",
    "src/server.py",
    "api/main.py",
    "api/app.py",
    "backend/main.py",
    "server/main.py",
    "server/app.py",
    "src/app/main.py",
    "__main__.py",
    "manage.py",
];

/// What the manifests say.
#[derive(Default)]
pub(super) struct Packages {
    /// The names of the dependencies, small and with `-`, each with its file.
    pub(super) names: Vec<(String, String)>,
    /// `pyproject.toml`.
    pub(super) project: Value,
}

impl Packages {
    pub(super) fn needs(&self, name: &str) -> bool {
        self.names.iter().any(|(known, _)| known == name)
    }

    fn file_of(&self, name: &str) -> Option<&str> {
        self.names.iter().find(|(known, _)| known == name).map(|(_, file)| file.as_str())
    }

    fn add(&mut self, requirement: &str, file: &str) {
        let requirement = requirement.split('#').next().unwrap_or_default().trim();
        let end = requirement
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'))
            .unwrap_or(requirement.len());
        let name = requirement[..end].to_ascii_lowercase().replace(['_', '.'], "-");
        if !name.is_empty() && !name.starts_with('-') {
            // Extras bring their own: `fastapi[standard]` has a server.
            if name == "fastapi" && (requirement.contains("[standard") || requirement.contains("[all")) {
                self.names.push(("fastapi-standard".to_owned(), file.to_owned()));
            }
            if name == "psycopg" || name == "uvicorn" || !self.needs(&name) {
                self.names.push((name, file.to_owned()));
            }
        }
    }

    pub(super) fn of(folder: &Folder<'_>) -> Self {
        let mut packages =
            Self { project: folder.toml("pyproject.toml").unwrap_or_default(), ..Self::default() };
        let files = folder.below().filter(|file| {
            let name = file.strip_prefix("requirements/").unwrap_or(file);
            (file.len() != name.len() || name.starts_with("requirements"))
                && !name.contains('/')
                && name.ends_with(".txt")
        });
        for file in
            files.filter(|file| !["dev", "test", "lint", "docs"].iter().any(|word| file.contains(word)))
        {
            for line in folder.text(file).into_iter().flat_map(str::lines) {
                packages.add(line, &folder.full(file));
            }
        }
        let project = packages.project.clone();
        let file = folder.full("pyproject.toml");
        for requirement in read::texts(&project, "/project/dependencies") {
            packages.add(requirement, &file);
        }
        for name in
            read::keys(&project, "/tool/poetry/dependencies").into_iter().filter(|name| *name != "python")
        {
            packages.add(name, &file);
        }
        let pipfile = folder.toml("Pipfile").unwrap_or_default();
        for name in read::keys(&pipfile, "/packages") {
            packages.add(name, &folder.full("Pipfile"));
        }
        packages
    }
}

pub(super) fn look(folder: &Folder<'_>) -> Option<Candidate> {
    let manifest = folder.first(&MANIFESTS);
    let mut code = present(folder, &CODE);
    let packages = Packages::of(folder);
    if manifest.is_none() && packages.names.is_empty() && !code.iter().any(|file| !file.contains('/')) {
        return None;
    }
    let mut app = Application::new(folder.path, Framework::Python, Confidence::Likely);
    if folder.has("pyproject.toml") && packages.project.is_null() {
        let message = format!("{} is no valid TOML; nothing of it is known.", folder.full("pyproject.toml"));
        app.warn(WarningCode::Unreadable, message);
    }
    app.name = read::text(&packages.project, "/project/name")
        .or_else(|| read::text(&packages.project, "/tool/poetry/name"))
        .map(str::to_owned);
    for (framework, dependency) in [
        (Framework::Django, "django"),
        (Framework::Streamlit, "streamlit"),
        (Framework::FastApi, "fastapi"),
        (Framework::Flask, "flask"),
    ] {
        if let Some(file) = packages.file_of(dependency) {
            app.framework = framework;
            app.confidence = Confidence::Certain;
            app.because(file, format!("{dependency} is among the dependencies"));
            break;
        }
    }
    if folder.has("manage.py") {
        app.because(folder.full("manage.py"), "Django's command");
        if app.framework != Framework::Django {
            app.framework = Framework::Django;
            app.confidence = Confidence::Likely;
        }
    }
    if let (Framework::Python, Some(manifest)) = (app.framework, manifest) {
        app.because(folder.full(manifest), "a manifest of Python");
    }
    for (name, file) in &packages.names {
        app.depends_on([name.as_str()], file);
    }
    manager(&mut app, folder, &packages);
    let pipfile = folder.toml("Pipfile").unwrap_or_default();
    let pyproject = folder.full("pyproject.toml");
    let python = |path: &str| {
        read::text(&packages.project, path).map(|asked| {
            let key = path.rsplit('/').next().unwrap_or_default();
            (format!("{key} in {pyproject}"), asked.to_owned())
        })
    };
    super::version(
        &mut app,
        Language::Python,
        [
            in_file(folder, &[".python-version"]),
            in_tools(folder, &["python"]),
            in_file(folder, &["runtime.txt"])
                .map(|(file, line)| (file, line.trim_start_matches("python-").to_owned())),
            python("/project/requires-python"),
            python("/tool/poetry/dependencies/python"),
            read::text(&pipfile, "/requires/python_version")
                .map(|asked| (folder.full("Pipfile"), asked.to_owned())),
        ],
    );
    if app.framework == Framework::Django {
        code.extend(folder.below().filter(|file| file.ends_with("/settings.py")).map(str::to_owned));
    }
    let started = start(&mut app, folder, &packages, &code);
    let library = !started && (packages.project.pointer("/project").is_some() || folder.has("setup.py"));
    let tooling = !started && packages.names.is_empty();
    let strength = match app.framework {
        Framework::Django => 91,
        Framework::Python if library || tooling => 8,
        Framework::Python if manifest.is_none() && packages.names.is_empty() => {
            app.at_most(Confidence::Guess);
            25
        }
        Framework::Python if started => 65,
        Framework::Python => 18,
        _ if started => 86,
        _ => 40,
    };
    app.recipe.manifests = manifests(folder, &app);
    // These are compiled against the library of their database.
    let compiled = ["psycopg2", "mysqlclient"].into_iter().filter(|name| packages.needs(name));
    app.recipe.extras = compiled.map(str::to_owned).collect();
    Some(Candidate { app, strength, code })
}

fn manager(app: &mut Application, folder: &Folder<'_>, packages: &Packages) {
    let above = folder.above();
    let lock = |name: &str| {
        [*folder, above].into_iter().find(|folder| folder.has(name)).map(|folder| folder.full(name))
    };
    let poetry = packages.project.pointer("/tool/poetry").is_some();
    let known = [
        (PackageTool::Uv, "uv.lock", packages.project.pointer("/tool/uv").is_some()),
        (PackageTool::Poetry, "poetry.lock", poetry),
        (PackageTool::Pdm, "pdm.lock", packages.project.pointer("/tool/pdm").is_some()),
        (PackageTool::Pipenv, "Pipfile.lock", folder.has("Pipfile")),
    ];
    let with_lock = known.iter().find_map(|(tool, file, _)| Some((*tool, Some(lock(file)?))));
    let requirements = folder.below().any(|file| file.starts_with("requirements") && file.ends_with(".txt"));
    let said = known.iter().find(|(_, _, said)| *said && !requirements).map(|(tool, ..)| (*tool, None));
    let (tool, lock_file) = with_lock.or(said).unwrap_or((PackageTool::Pip, None));
    let pinned = || {
        let lines = folder.text("requirements.txt").unwrap_or_default().lines().map(str::trim);
        let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '-']));
        lines.all(|line| line.contains("==") || line.contains('@'))
    };
    // What is pinned line by line is as good as a lock file.
    if lock_file.is_none()
        && !packages.names.is_empty()
        && !(tool == PackageTool::Pip && requirements && pinned())
    {
        super::warn_of_no_lock(app, "pin versions with `==`, or use uv, Poetry or Pipenv");
    }
    app.package_manager = Some(DependencyManager { tool, version: None, lock_file });
}

/// What is needed to install the dependencies. A project that is itself installed needs all of its source.
fn manifests(folder: &Folder<'_>, app: &Application) -> Vec<String> {
    let tool = app.package_manager.as_ref().map(|manager| manager.tool);
    let names: Vec<&str> = match tool {
        Some(PackageTool::Uv) => vec!["pyproject.toml", "uv.lock", ".python-version"],
        Some(PackageTool::Poetry) => vec!["pyproject.toml", "poetry.lock"],
        Some(PackageTool::Pdm) => vec!["pyproject.toml", "pdm.lock"],
        Some(PackageTool::Pipenv) => vec!["Pipfile", "Pipfile.lock"],
        _ => {
            let all = folder.below().filter(|file| {
                file.starts_with("requirements") && file.ends_with(".txt") && file.matches('/').count() < 2
            });
            return all.map(str::to_owned).collect();
        }
    };
    present(folder, &names)
}
