//! Ruby, PHP, Elixir and Deno.

use super::{
    super::{Application, Framework, ServiceKind},
    Bases, Text, USER, base, list,
};

const CLEAN: &str = "rm -rf /var/lib/apt/lists/*";

fn needs(app: &Application, kind: ServiceKind) -> bool {
    app.services.iter().any(|service| service.kind == kind)
}

pub(super) fn ruby(text: &mut Text, app: &Application, bases: &Bases) {
    let image = base(&bases.ruby, app);
    let (mut build, mut run) =
        ("build-essential git pkg-config libyaml-dev".to_owned(), "libyaml-0-2 tzdata".to_owned());
    for (kind, dev, lib) in [
        (ServiceKind::Postgres, " libpq-dev", " libpq5"),
        (ServiceKind::Mysql, " default-libmysqlclient-dev", " libmariadb3"),
    ] {
        if needs(app, kind) {
            build.push_str(dev);
            run.push_str(lib);
        }
    }
    let locked = app.package_manager.as_ref().is_some_and(|manager| manager.lock_file.is_some());
    text.from(&image, Some("build"));
    text.line("WORKDIR /app");
    text.line(format!(
        "RUN apt-get update && apt-get install --yes --no-install-recommends {build} && {CLEAN}"
    ));
    let deployment = if locked { " BUNDLE_DEPLOYMENT=1" } else { "" };
    text.line(format!("ENV BUNDLE_PATH=/bundle BUNDLE_WITHOUT=development:test{deployment}"));
    text.say("The dependencies are fetched anew only when these files change.");
    text.copy(&app.recipe.manifests);
    text.run(&["/usr/local/bundle/cache"], "bundle install");
    text.0.push('\n');
    text.line("COPY . .");
    if let Some(assets) = &app.build {
        // Rails wants a secret to begin; this one is for the build alone and is no secret.
        text.line(format!("RUN RAILS_ENV=production SECRET_KEY_BASE_DUMMY=1 {assets}"));
    }
    text.from(&image, None);
    text.line("WORKDIR /app");
    text.line(format!(
        "RUN apt-get update && apt-get install --yes --no-install-recommends {run} && {CLEAN}"
    ));
    text.line(format!("ENV RAILS_ENV=production RACK_ENV=production RAILS_LOG_TO_STDOUT=1 BUNDLE_PATH=/bundle BUNDLE_WITHOUT=development:test{deployment}"));
    text.line("COPY --from=build /bundle /bundle");
    text.line(format!("COPY --from=build --chown={USER} /app /app"));
    text.ends(app, Some(USER));
}

pub(super) fn php(text: &mut Text, app: &Application, bases: &Bases) {
    let image = base(&bases.php, app);
    let composer = app.package_manager.is_some();
    if composer {
        text.from(&bases.composer, Some("vendor"));
        text.line("WORKDIR /app");
        text.say("The dependencies are fetched anew only when these files change.");
        text.copy(&app.recipe.manifests);
        text.run(&["/tmp/cache"], "COMPOSER_CACHE_DIR=/tmp/cache composer install --no-dev --no-scripts --no-autoloader --no-interaction --ignore-platform-reqs");
        text.0.push('\n');
        text.line("COPY . .");
        text.line("RUN composer dump-autoload --no-dev --no-scripts --optimize");
    }
    text.from(&image, None);
    text.line("WORKDIR /app");
    // Of the extensions that are asked for, those that the image has to be given.
    const INSTALLED: [&str; 12] = [
        "bcmath",
        "calendar",
        "exif",
        "gettext",
        "mysqli",
        "opcache",
        "pcntl",
        "pdo_mysql",
        "shmop",
        "soap",
        "sockets",
        "sysvsem",
    ];
    let mut extensions: Vec<&str> = app
        .recipe
        .extras
        .iter()
        .map(String::as_str)
        .filter(|name| INSTALLED.contains(name) && *name != "soap")
        .collect();
    let mut packages = String::new();
    if app.framework == Framework::Laravel || app.recipe.extras.iter().any(|name| name == "pdo_mysql") {
        extensions.extend(["bcmath", "pcntl", "pdo_mysql"]);
    }
    if needs(app, ServiceKind::Postgres) || app.recipe.extras.iter().any(|name| name == "pdo_pgsql") {
        extensions.push("pdo_pgsql");
        packages.push_str(" libpq-dev");
    }
    if app.recipe.extras.iter().any(|name| name == "intl") {
        extensions.push("intl");
        packages.push_str(" libicu-dev");
    }
    if app.recipe.extras.iter().any(|name| name == "gd") {
        extensions.push("gd");
        packages.push_str(" libpng-dev");
    }
    extensions.sort_unstable();
    extensions.dedup();
    if !packages.is_empty() {
        text.line(format!(
            "RUN apt-get update && apt-get install --yes --no-install-recommends{packages} && {CLEAN}"
        ));
    }
    if !extensions.is_empty() {
        text.line(format!("RUN docker-php-ext-install {}", extensions.join(" ")));
    }
    let port = app.port.as_ref().map_or(8080, |port| port.number);
    let root = match app.recipe.entry.as_deref() {
        Some(".") | None => "/app".to_owned(),
        Some(folder) => format!("/app/{folder}"),
    };
    text.line(format!(
        "RUN a2enmod rewrite && sed -i 's/^Listen 80$/Listen {port}/' /etc/apache2/ports.conf && printf '<VirtualHost *:{port}>\\n\\tDocumentRoot {root}\\n\\t<Directory {root}>\\n\\t\\tAllowOverride All\\n\\t\\tRequire all granted\\n\\t</Directory>\\n</VirtualHost>\\n' > /etc/apache2/sites-available/000-default.conf"
    ));
    let from = if composer { "--from=vendor " } else { "" };
    let source = if composer { "/app" } else { "." };
    text.line(format!("COPY {from}--chown={USER} {}", list(&[source.to_owned(), "/app".to_owned()])));
    if app.framework == Framework::Laravel {
        text.line(format!("RUN mkdir -p storage/framework/cache storage/framework/sessions storage/framework/views storage/logs bootstrap/cache && chown -R {USER} storage bootstrap/cache"));
    }
    text.ends(app, Some(USER));
}

pub(super) fn elixir(text: &mut Text, app: &Application, bases: &Bases) {
    let image = base(&bases.elixir, app);
    let release = app.recipe.entry.as_deref().unwrap_or("app");
    text.from(&image, Some("build"));
    text.line("WORKDIR /app");
    text.line(format!(
        "RUN apt-get update && apt-get install --yes --no-install-recommends build-essential git && {CLEAN}"
    ));
    text.line("ENV MIX_ENV=prod");
    text.line("RUN mix local.hex --force && mix local.rebar --force");
    text.say("The dependencies are fetched anew only when these files change.");
    text.copy(&app.recipe.manifests);
    text.run(&["/root/.cache"], "mix deps.get --only prod && mix deps.compile");
    text.0.push('\n');
    text.line("COPY . .");
    if let Some(assets) = &app.build {
        text.line(format!("RUN {assets}"));
    }
    text.line(format!("RUN mix release {release} --path /out"));
    // The same image: what was built is bound to its version of Erlang's libraries.
    text.from(&image, None);
    text.line("WORKDIR /app");
    text.line("ENV MIX_ENV=prod PHX_SERVER=true LANG=C.UTF-8");
    text.line(format!("COPY --from=build --chown={USER} /out ./"));
    text.ends(app, Some(USER));
}

pub(super) fn deno(text: &mut Text, app: &Application, bases: &Bases) {
    text.from(&base(&bases.deno, app), None);
    text.line("WORKDIR /app");
    text.line("ENV DENO_DIR=/deno-dir");
    if !app.recipe.manifests.is_empty() {
        text.say("The dependencies are fetched anew only when these files change. They stay in the image: a start fetches nothing.");
        text.copy(&app.recipe.manifests);
        text.line("RUN deno install");
        text.0.push('\n');
    }
    text.line("COPY . .");
    if let Some(entry) = &app.recipe.entry {
        text.line(format!("RUN deno cache {entry}"));
    }
    if let Some(build) = &app.build {
        text.line(format!("RUN {build}"));
    }
    text.line(format!("RUN chown -R {USER} /app /deno-dir"));
    text.ends(app, Some(USER));
}
