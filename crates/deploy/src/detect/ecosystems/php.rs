//! What runs on PHP.

use super::{
    super::{
        Application, Confidence, DependencyManager, Framework, Language, PackageTool, folder::Folder, read,
    },
    Candidate, in_tools, present,
};

pub(super) fn look(folder: &Folder<'_>) -> Option<Candidate> {
    let composer = folder.json("composer.json");
    let index = folder.first(&["public/index.php", "index.php", "web/index.php"]);
    if composer.is_none() && index.is_none() {
        return None;
    }
    let file = folder.full("composer.json");
    let mut app = Application::new(folder.path, Framework::Php, Confidence::Likely);
    let manifest = composer.clone().unwrap_or_default();
    let packages = read::keys(&manifest, "/require");
    app.name = read::text(&manifest, "/name").map(str::to_owned);
    let laravel = packages.contains(&"laravel/framework");
    if laravel {
        app.framework = Framework::Laravel;
        app.confidence = Confidence::Certain;
        app.because(&file, "laravel/framework is among the requirements");
    } else if composer.is_some() {
        app.because(&file, "requirements of PHP");
    }
    if let Some(index) = index.filter(|_| !laravel) {
        app.because(folder.full(index), "the page that answers");
    }
    app.depends_on(packages.iter().copied(), &file);
    app.recipe.extras =
        packages.iter().filter_map(|name| name.strip_prefix("ext-")).map(str::to_owned).collect();
    if composer.is_some() {
        let lock = folder.first(&["composer.lock"]).map(|name| folder.full(name));
        if lock.is_none() && !packages.is_empty() {
            super::warn_of_no_lock(&mut app, "run `composer update` and commit composer.lock");
        }
        app.package_manager =
            Some(DependencyManager { tool: PackageTool::Composer, version: None, lock_file: lock });
    }
    super::version(
        &mut app,
        Language::Php,
        [
            read::text(&manifest, "/config/platform/php")
                .map(|asked| (format!("platform in {file}"), asked.to_owned())),
            read::text(&manifest, "/require/php").map(|asked| (format!("php in {file}"), asked.to_owned())),
            in_tools(folder, &["php"]),
        ],
    );
    let root = match index {
        _ if laravel => Some("public"),
        Some("index.php") => Some("."),
        Some(index) => index.strip_suffix("/index.php"),
        None => None,
    };
    app.recipe.manifests = present(folder, &["composer.json", "composer.lock"]);
    app.recipe.entry = root.map(str::to_owned);
    super::warn_of_pages(&mut app, folder);
    let strength = match root {
        Some(_) => {
            app.start = Some("apache2-foreground".to_owned());
            app.listens_on(8080, "the web server beside it");
            if laravel { 92 } else { 72 }
        }
        None => {
            app.at_most(Confidence::Guess);
            app.warn(
                super::WarningCode::NoStart,
                "There is no index.php, so nothing of it answers requests.",
            );
            8
        }
    };
    let code = present(folder, &["bootstrap/app.php", "index.php", "public/index.php"]);
    Some(Candidate { app, strength, code })
}
