//! How an application of Python is started. A server such as gunicorn is only used where it is a dependency.

use super::{
    super::{
        Application, Confidence, Framework, HealthPath, PackageTool, WarningCode, folder::Folder, read, shell,
    },
    python::Packages,
};

/// Finds the command. Answers whether there is one.
pub(super) fn start(
    app: &mut Application,
    folder: &Folder<'_>,
    packages: &Packages,
    code: &[String],
) -> bool {
    match app.framework {
        Framework::Django => django(app, folder, packages),
        Framework::FastApi => asgi(app, folder, packages, code),
        Framework::Flask => flask(app, folder, packages, code),
        Framework::Streamlit => streamlit(app, folder, code),
        _ => plain(app, folder, packages, code),
    }
    app.start.is_some()
}

fn develops(app: &mut Application, server: &str) {
    let message = format!(
        "No production server is among the dependencies, so the one for development is started; add {server}."
    );
    app.warn(WarningCode::DevelopmentServer, message);
    app.at_most(Confidence::Likely);
}

fn django(app: &mut Application, folder: &Folder<'_>, packages: &Packages) {
    let set = folder.text("manage.py").and_then(|text| {
        read::quoted_after(text, "\"DJANGO_SETTINGS_MODULE\",")
            .or_else(|| read::quoted_after(text, "'DJANGO_SETTINGS_MODULE',"))
    });
    let from_settings =
        set.and_then(|module| module.split_once(".settings")).map(|(project, _)| project.to_owned());
    let of_file = || {
        let file = folder.ending(&["/wsgi.py", "/asgi.py"])?;
        Some(file.rsplit_once('/')?.0.replace('/', "."))
    };
    let project = from_settings.or_else(of_file);
    app.recipe.entry.clone_from(&project);
    app.listens_on(8000, "the command that starts it");
    let module = project.as_deref().unwrap_or("config");
    let path = module.replace('.', "/");
    app.start = Some(if packages.needs("gunicorn") {
        format!("gunicorn --bind 0.0.0.0:8000 {module}.wsgi")
    } else if packages.needs("uvicorn") && folder.has(&format!("{path}/asgi.py")) {
        format!("uvicorn {module}.asgi:application --host 0.0.0.0 --port 8000")
    } else if packages.needs("daphne") {
        format!("daphne -b 0.0.0.0 -p 8000 {module}.asgi:application")
    } else {
        develops(app, "gunicorn");
        "python manage.py runserver 0.0.0.0:8000".to_owned()
    });
    if project.is_none() {
        app.at_most(Confidence::Likely);
        app.warn(WarningCode::NoStart, "Nothing says in which package the settings are; `config` is taken.");
    }
    let settings = folder.below().filter(|file| file.ends_with("settings.py") || file.contains("settings/"));
    let collects = settings.filter_map(|file| folder.text(file)).any(|text| text.contains("STATIC_ROOT"));
    if collects {
        app.build = Some("python manage.py collectstatic --noinput".to_owned());
    }
}

/// The module and the variable of an application object that some file makes: `app.main`, `app`.
fn object(folder: &Folder<'_>, code: &[String], class: &str) -> Option<(String, String, String)> {
    code.iter().find_map(|file| {
        let text = folder.text(file)?;
        let line = text.lines().find(|line| {
            line.split_once('=').is_some_and(|(name, value)| {
                let value = value.trim();
                let made =
                    value.strip_prefix(class).or_else(|| value.rsplit_once('.')?.1.strip_prefix(class));
                made.is_some_and(|rest| rest.starts_with('(')) && !name.starts_with([' ', '\t', '#'])
            })
        })?;
        let name = line.split(['=', ':']).next()?.trim().to_owned();
        Some((module(file), name, file.clone()))
    })
}

fn module(file: &str) -> String {
    file.trim_end_matches(".py").trim_end_matches("/__init__").replace('/', ".")
}

fn asgi(app: &mut Application, folder: &Folder<'_>, packages: &Packages, code: &[String]) {
    let found = object(folder, code, "FastAPI");
    let target = match &found {
        Some((module, name, file)) => {
            app.because(folder.full(file), format!("`{name}` is a FastAPI application"));
            format!("{module}:{name}")
        }
        None => {
            app.at_most(Confidence::Likely);
            let file = code.iter().find(|file| !file.ends_with("__init__.py"));
            app.warn(
                WarningCode::NoStart,
                "The file that makes the FastAPI application was not found; a usual name is taken.",
            );
            format!("{}:app", file.map_or_else(|| "main".to_owned(), |file| module(file)))
        }
    };
    app.listens_on(8000, "the command that starts it");
    if packages.needs("gunicorn") && packages.needs("uvicorn") {
        app.start = Some(format!(
            "gunicorn --bind 0.0.0.0:8000 --worker-class uvicorn.workers.UvicornWorker {target}"
        ));
    } else if packages.needs("uvicorn") || packages.needs("fastapi-standard") || packages.needs("fastapi-cli")
    {
        app.start = Some(format!("uvicorn {target} --host 0.0.0.0 --port 8000"));
    } else if packages.needs("hypercorn") {
        app.start = Some(format!("hypercorn {target} --bind 0.0.0.0:8000"));
    } else {
        app.at_most(Confidence::Likely);
        app.warn(
            WarningCode::NoStart,
            "No server (uvicorn, hypercorn, gunicorn) is among the dependencies; add uvicorn.",
        );
    }
}

fn flask(app: &mut Application, folder: &Folder<'_>, packages: &Packages, code: &[String]) {
    let factory =
        code.iter().find(|file| folder.text(file).is_some_and(|text| text.contains("def create_app(")));
    let target = match (object(folder, code, "Flask"), object(folder, code, "create_app"), factory) {
        (_, Some((module, name, file)), _) => {
            app.because(folder.full(&file), "an application is made there");
            format!("{module}:{name}")
        }
        (Some((module, name, file)), None, _) => {
            app.because(folder.full(&file), format!("`{name}` is a Flask application"));
            format!("{module}:{name}")
        }
        (None, None, Some(file)) => {
            app.because(folder.full(file), "create_app makes the application");
            format!("{}:create_app()", module(file))
        }
        (None, None, None) => {
            app.at_most(Confidence::Likely);
            app.warn(
                WarningCode::NoStart,
                "The file that makes the Flask application was not found; a usual name is taken.",
            );
            let file = code.iter().find(|file| !file.ends_with("__init__.py"));
            format!("{}:app", file.map_or_else(|| "app".to_owned(), |file| module(file)))
        }
    };
    let quoted = if target.contains('(') { format!("'{target}'") } else { target.clone() };
    if packages.needs("gunicorn") {
        app.listens_on(8000, "the command that starts it");
        app.start = Some(format!("gunicorn --bind 0.0.0.0:8000 {quoted}"));
    } else if packages.needs("waitress") {
        app.listens_on(8000, "the command that starts it");
        let call = if target.contains('(') { "--call " } else { "" };
        app.start =
            Some(format!("waitress-serve --listen=0.0.0.0:8000 {call}{}", target.trim_end_matches("()")));
    } else {
        develops(app, "gunicorn");
        app.listens_on(5000, "the command that starts it");
        let target = target.trim_end_matches("()");
        app.start = Some(format!("flask --app {target} run --host 0.0.0.0 --port 5000"));
    }
}

fn streamlit(app: &mut Application, folder: &Folder<'_>, code: &[String]) {
    let imports = |file: &&String| folder.text(file).is_some_and(|text| text.contains("import streamlit"));
    let names = ["streamlit_app.py", "app.py", "main.py"].map(str::to_owned);
    let known = code.iter().find(imports).or_else(|| names.iter().find(|name| folder.has(name)));
    let any = || folder.names().find(|name| name.ends_with(".py")).map(str::to_owned);
    match known.cloned().or_else(any) {
        Some(file) => {
            app.because(folder.full(&file), "the page");
            app.start = Some(format!(
                "streamlit run {file} --server.address 0.0.0.0 --server.port 8501 --server.headless true"
            ));
        }
        None => app.warn(
            WarningCode::NoStart,
            "The file with the page was not found; say how it is started in the plan.",
        ),
    }
    app.listens_on(8501, "the command that starts it");
    app.health =
        Some(HealthPath { path: "/_stcore/health".to_owned(), source: "what Streamlit answers".to_owned() });
}

fn plain(app: &mut Application, folder: &Folder<'_>, packages: &Packages, code: &[String]) {
    if app.package_manager.as_ref().is_some_and(|manager| manager.tool == PackageTool::Uv)
        || packages.project.pointer("/project/scripts").is_some()
    {
        let scripts = read::keys(&packages.project, "/project/scripts");
        if let [script] = scripts.as_slice() {
            app.because(folder.full("pyproject.toml"), format!("the only script is `{script}`"));
            app.start = Some((*script).to_owned());
        }
    }
    let file = code.iter().find(|file| !file.contains('/') && *file != "manage.py");
    if let (None, Some(file)) = (&app.start, file) {
        app.because(folder.full(file), "a file of that name is usually what is started");
        app.start = Some(format!("python {file}"));
    }
    match &app.start {
        None => {
            app.at_most(Confidence::Guess);
            app.warn(
                WarningCode::NoStart,
                "Nothing says how it is started; add a Procfile with `web:`, or say it in the plan.",
            );
        }
        Some(start) => {
            if let Some(port) = shell::port(start) {
                app.listens_on(port, "the command that starts it");
            }
            let serves = ["listen", "serve", "port", "http"];
            let listens = code
                .iter()
                .filter_map(|file| folder.text(file))
                .any(|text| serves.iter().any(|word| text.contains(word)));
            if !listens {
                app.warn(WarningCode::NotAServer, "Nothing was seen that listens on a port.");
            }
        }
    }
}
