//! Node and Bun.

use super::{
    super::{Application, Framework, Language, PackageTool},
    Bases, Text, USER, base, statics, with_variables,
};

struct Tool {
    /// Gets the package manager itself, where the image does not have it.
    setup: Option<String>,
    cache: &'static str,
    install: String,
    install_to_run: String,
    prune: Option<&'static str>,
}

fn tool(app: &Application) -> Tool {
    let manager = app.package_manager.as_ref();
    let locked = manager.is_some_and(|manager| manager.lock_file.is_some());
    let version = manager.and_then(|manager| manager.version.clone());
    let kind = manager.map_or(PackageTool::Npm, |manager| manager.tool);
    let either =
        |with_lock: &str, without: &str| if locked { with_lock.to_owned() } else { without.to_owned() };
    match kind {
        PackageTool::Pnpm => Tool {
            setup: Some(format!("npm install --global pnpm@{}", version.unwrap_or_else(|| "9".to_owned()))),
            cache: "/root/.local/share/pnpm/store",
            install: either("pnpm install --frozen-lockfile", "pnpm install"),
            install_to_run: either("pnpm install --frozen-lockfile --prod", "pnpm install --prod"),
            prune: Some("pnpm prune --prod --ignore-scripts"),
        },
        PackageTool::Yarn => Tool {
            setup: None,
            cache: "/usr/local/share/.cache/yarn",
            install: either("yarn install --frozen-lockfile", "yarn install"),
            install_to_run: either(
                "yarn install --frozen-lockfile --production",
                "yarn install --production",
            ),
            prune: Some("yarn install --production --ignore-scripts --prefer-offline"),
        },
        PackageTool::YarnBerry => Tool {
            setup: Some("corepack enable".to_owned()),
            cache: "/root/.yarn/berry/cache",
            install: either("yarn install --immutable", "yarn install"),
            install_to_run: either("yarn install --immutable", "yarn install"),
            prune: None,
        },
        PackageTool::Bun => Tool {
            setup: None,
            cache: "/root/.bun/install/cache",
            install: either("bun install --frozen-lockfile", "bun install"),
            install_to_run: either("bun install --frozen-lockfile --production", "bun install --production"),
            prune: Some("rm -rf node_modules && bun install --production --ignore-scripts"),
        },
        _ => Tool {
            setup: version.map(|version| format!("npm install --global npm@{version}")),
            cache: "/root/.npm",
            install: either("npm ci", "npm install"),
            install_to_run: either("npm ci --omit=dev", "npm install --omit=dev"),
            prune: Some("npm prune --omit=dev --ignore-scripts"),
        },
    }
}

pub(super) fn node(text: &mut Text, app: &Application, bases: &Bases) {
    let bun = app.version.as_ref().is_some_and(|version| version.language == Language::Bun);
    let image = base(if bun { &bases.bun } else { &bases.node }, app);
    let tool = tool(app);
    let recipe = &app.recipe;
    // A member of a workspace keeps everything: what its neighbours need cannot be told apart.
    let member = recipe.context != app.path;
    let below = if !member {
        String::new()
    } else if recipe.context == "." {
        format!("/{}", app.path)
    } else {
        app.path.strip_prefix(&recipe.context).unwrap_or_default().to_owned()
    };
    let alone = app.build.is_none() && !recipe.keeps_development && !member;
    text.from(&image, Some("build"));
    text.line("WORKDIR /app");
    // Tools of development that hook into git have nothing to do here, and package managers are not to ask.
    text.line("ENV CI=true HUSKY=0 NEXT_TELEMETRY_DISABLED=1");
    if let Some(setup) = &tool.setup {
        text.run(&["/root/.npm"], setup);
    }
    let install = if alone { &tool.install_to_run } else { &tool.install };
    if recipe.manifests.is_empty() {
        text.say("The dependencies need more of the source than manifests.");
        text.line("COPY . .");
        text.run(&[tool.cache], &with_variables(app, install));
    } else {
        text.say("The dependencies are fetched anew only when these files change.");
        text.copy(&recipe.manifests);
        text.run(&[tool.cache], &with_variables(app, install));
        text.0.push('\n');
        text.line("COPY . .");
    }
    if app.framework == Framework::Next && recipe.standalone.is_some() {
        // What runs is given this folder, which the source need not have.
        text.line(format!("RUN mkdir -p /app{below}/public"));
    }
    if let Some(build) = &app.build {
        text.run(&[], &with_variables(app, build));
    }
    if let Some(output) = &app.output {
        statics::serve(text, app, bases, Some("build"), &format!("/app{below}/{output}"));
        return;
    }
    if let Some(standalone) = &recipe.standalone {
        return finished(text, app, &image, &below, standalone);
    }
    if let Some(prune) = tool.prune.filter(|_| !alone && !recipe.keeps_development && !member) {
        text.run(&[tool.cache], prune);
    }
    text.from(&image, None);
    text.line(format!("WORKDIR /app{below}"));
    let bins = if member {
        format!("/app{below}/node_modules/.bin:/app/node_modules/.bin")
    } else {
        "/app/node_modules/.bin".to_owned()
    };
    text.line(format!("ENV NODE_ENV=production PATH={bins}:$PATH"));
    if matches!(
        app.framework,
        Framework::Nuxt | Framework::Astro | Framework::SvelteKit | Framework::SolidStart
    ) {
        text.line("ENV HOST=0.0.0.0");
    }
    text.line(format!("COPY --from=build --chown={USER} /app /app"));
    text.ends(app, Some(USER));
}

/// A server that the build has put together with all that it needs.
fn finished(text: &mut Text, app: &Application, image: &str, below: &str, standalone: &str) {
    let from = format!("COPY --from=build --chown={USER} /app{below}");
    text.from(image, None);
    if app.framework == Framework::Next {
        text.line("WORKDIR /app");
        text.line("ENV NODE_ENV=production HOSTNAME=0.0.0.0");
        text.line(format!("{from}/{standalone} ./"));
        text.line(format!("{from}/.next/static .{below}/.next/static"));
        text.line(format!("{from}/public .{below}/public"));
        let started = Application {
            start: Some(format!(
                "node {}server.js",
                below.strip_prefix('/').map(|below| format!("{below}/")).unwrap_or_default()
            )),
            ..app.clone()
        };
        text.ends(&started, Some(USER));
    } else {
        text.line("WORKDIR /app");
        text.line("ENV NODE_ENV=production HOST=0.0.0.0");
        text.line(format!("{from}/{standalone} ./{standalone}"));
        text.ends(app, Some(USER));
    }
}
