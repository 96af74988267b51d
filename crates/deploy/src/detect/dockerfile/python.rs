//! Python.

use super::{
    super::{Application, Framework, PackageTool},
    Bases, Text, USER, base,
};

pub(super) fn python(text: &mut Text, app: &Application, bases: &Bases) {
    let image = base(&bases.python, app);
    let manager = app.package_manager.as_ref();
    let locked = manager.is_some_and(|manager| manager.lock_file.is_some());
    let tool = manager.map_or(PackageTool::Pip, |manager| manager.tool);
    text.from(&image, Some("build"));
    text.line("WORKDIR /app");
    text.line("ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1 PATH=/venv/bin:$PATH");
    let extra = |name: &str| app.recipe.extras.iter().any(|extra| extra == name);
    let (mut dev, mut lib) = (String::new(), String::new());
    for (name, with, against) in [
        ("psycopg2", " libpq-dev", " libpq5"),
        ("mysqlclient", " pkg-config default-libmysqlclient-dev", " libmariadb3"),
    ] {
        if extra(name) {
            dev.push_str(with);
            lib.push_str(against);
        }
    }
    let install = |packages: &str| {
        format!(
            "RUN apt-get update && apt-get install --yes --no-install-recommends{packages} && rm -rf /var/lib/apt/lists/*"
        )
    };
    if !dev.is_empty() {
        text.line(install(&format!(" build-essential{dev}")));
    }
    text.line("RUN python -m venv /venv");
    let pip = ["/root/.cache/pip"];
    // The tool is put beside the application's own environment, so that it is not in what runs.
    let beside = |text: &mut Text, tool: &str| {
        text.run(&pip, &format!("python -m venv /tool && /tool/bin/pip install {tool}"));
    };
    match tool {
        PackageTool::Uv => beside(text, "uv"),
        PackageTool::Poetry => beside(text, "poetry poetry-plugin-export"),
        PackageTool::Pipenv => beside(text, "pipenv"),
        PackageTool::Pdm => beside(text, "pdm"),
        _ => {}
    }
    text.say("The dependencies are fetched anew only when these files change.");
    let manifests = &app.recipe.manifests;
    if manifests.is_empty() {
        text.line("COPY . .");
    } else {
        text.copy(manifests);
    }
    match tool {
        PackageTool::Uv => {
            let frozen = if locked { " --frozen" } else { "" };
            text.line("ENV UV_PROJECT_ENVIRONMENT=/venv UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never");
            text.run(
                &["/root/.cache/uv"],
                &format!("/tool/bin/uv sync{frozen} --no-dev --no-install-project"),
            );
        }
        PackageTool::Poetry => {
            text.run(
                &["/root/.cache/pypoetry"],
                "VIRTUAL_ENV=/venv /tool/bin/poetry install --only main --no-root --no-interaction",
            );
        }
        PackageTool::Pipenv if locked => text.run(
            &pip,
            "/tool/bin/pipenv requirements > /tmp/requirements.txt && pip install -r /tmp/requirements.txt",
        ),
        PackageTool::Pipenv => text.run(&pip, "VIRTUAL_ENV=/venv /tool/bin/pipenv install --skip-lock"),
        PackageTool::Pdm => {
            let flag = if locked { " --frozen-lockfile" } else { "" };
            text.run(
                &["/root/.cache/pdm"],
                &format!("VIRTUAL_ENV=/venv /tool/bin/pdm sync{flag} --prod --no-self"),
            );
        }
        _ if manifests.is_empty() => {
            text.run(&pip, "if [ -f pyproject.toml ] || [ -f setup.py ]; then pip install .; fi")
        }
        _ => {
            let usual = [
                "requirements.txt",
                "requirements/production.txt",
                "requirements/prod.txt",
                "requirements/base.txt",
            ];
            let file = usual
                .into_iter()
                .find(|name| manifests.iter().any(|file| file == name))
                .unwrap_or(&manifests[0]);
            text.run(&pip, &format!("pip install -r {file}"));
        }
    }
    if !manifests.is_empty() {
        text.0.push('\n');
        text.line("COPY . .");
        if tool == PackageTool::Uv && app.start.as_deref().is_some_and(|start| !start.contains(' ')) {
            // The command is a script of the project itself.
            text.run(&["/root/.cache/uv"], "/tool/bin/uv sync --no-dev");
        }
    }
    if let Some(build) = &app.build {
        // Django wants its secret to begin. This one is for the build alone, and is none.
        let needs = app.variables.iter().filter(|variable| variable.name.ends_with("SECRET_KEY"));
        let stands_in: String = needs.map(|variable| format!("{}=none ", variable.name)).collect();
        text.line(format!("RUN {stands_in}{build}"));
    }
    text.from(&image, None);
    if !lib.is_empty() {
        text.line(install(&lib));
    }
    text.line("WORKDIR /app");
    text.line("ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/venv/bin:$PATH");
    if app.framework == Framework::Streamlit {
        text.line("ENV HOME=/tmp STREAMLIT_BROWSER_GATHER_USAGE_STATS=false");
    }
    text.line("COPY --from=build /venv /venv");
    text.line(format!("COPY --from=build --chown={USER} /app /app"));
    text.ends(app, Some(USER));
}
