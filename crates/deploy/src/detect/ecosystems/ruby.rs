//! What runs on Ruby.

use super::{
    super::{
        Application, Confidence, DependencyManager, Framework, Language, PackageTool, WarningCode,
        folder::Folder, read,
    },
    Candidate, in_file, in_tools, present,
};

pub(super) fn look(folder: &Folder<'_>) -> Option<Candidate> {
    let text = folder.text("Gemfile")?;
    let file = folder.full("Gemfile");
    let mut app = Application::new(folder.path, Framework::Ruby, Confidence::Likely);
    let gems: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("gem ").or_else(|| line.trim().strip_prefix("gem(")))
        .filter_map(|rest| read::quoted_after(rest, ""))
        .collect();
    let has = |gem: &str| gems.contains(&gem);
    app.depends_on(gems.iter().copied(), &file);
    let lock = folder.first(&["Gemfile.lock"]).map(|name| folder.full(name));
    if lock.is_none() {
        super::warn_of_no_lock(&mut app, "run `bundle lock` and commit Gemfile.lock");
    }
    app.package_manager =
        Some(DependencyManager { tool: PackageTool::Bundler, version: None, lock_file: lock });
    let in_gemfile = text.lines().find_map(|line| read::quoted_after(line.trim().strip_prefix("ruby ")?, ""));
    let in_lock = folder.text("Gemfile.lock").and_then(|lock| {
        let (_, rest) = lock.split_once("RUBY VERSION")?;
        Some(rest.trim().strip_prefix("ruby ")?.split(['p', '\n']).next()?.to_owned())
    });
    super::version(
        &mut app,
        Language::Ruby,
        [
            in_file(folder, &[".ruby-version"])
                .map(|(file, line)| (file, line.trim_start_matches("ruby-").to_owned())),
            in_gemfile.map(|asked| (file.clone(), asked.to_owned())),
            in_lock.map(|asked| (folder.full("Gemfile.lock"), asked)),
            in_tools(folder, &["ruby"]),
        ],
    );
    app.recipe.manifests = present(folder, &["Gemfile", "Gemfile.lock", ".ruby-version"]);
    super::warn_of_pages(&mut app, folder);
    let code = present(
        folder,
        &["config/routes.rb", "config/puma.rb", "config.ru", "app.rb", "main.rb", "server.rb"],
    );
    let strength = if has("rails") {
        app.framework = Framework::Rails;
        app.confidence = Confidence::Certain;
        app.because(&file, "rails is among the gems");
        app.start = Some("bundle exec rails server --binding 0.0.0.0 --port 3000".to_owned());
        if has("sprockets-rails")
            || has("propshaft")
            || has("vite_rails")
            || folder.below().any(|file| file.starts_with("app/assets/"))
        {
            app.build = Some("bundle exec rails assets:precompile".to_owned());
        }
        app.listens_on(3000, "the command that starts it");
        92
    } else {
        app.because(&file, "gems of Ruby");
        let script = folder.first(&["app.rb", "server.rb", "main.rb"]);
        if folder.has("config.ru") {
            app.because(folder.full("config.ru"), "an application of Rack");
            app.confidence = Confidence::Certain;
            app.start = Some("bundle exec rackup --host 0.0.0.0 --port 9292".to_owned());
            if has("puma") {
                app.start = Some("bundle exec puma --bind tcp://0.0.0.0:9292".to_owned());
            }
            app.listens_on(9292, "the command that starts it");
            75
        } else if let Some(script) = script {
            app.because(folder.full(script), "a file of that name is usually what is started");
            app.start = Some(format!("bundle exec ruby {script}"));
            if has("sinatra") {
                app.listens_on(4567, "what Sinatra listens on");
            }
            65
        } else {
            app.at_most(Confidence::Guess);
            app.warn(
                WarningCode::NoStart,
                "Nothing says how it is started; add a config.ru, or a Procfile with `web:`.",
            );
            15
        }
    };
    Some(Candidate { app, strength, code })
}
