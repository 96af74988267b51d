//! Projects of Nx that have no `package.json` of their own: the packages are the root's, and the build is Nx's.

use super::{
    super::{Application, Confidence, Framework, WarningCode, folder::Folder, read},
    Candidate,
    node::runtime,
    node_packages::{Package, manager, manifests},
    present,
};

pub(super) fn look(folder: &Folder<'_>) -> Option<Candidate> {
    let project = folder.json("project.json")?;
    let root = folder.above();
    if !root.has("nx.json") || read::text(&project, "/projectType") != Some("application") {
        return None;
    }
    let package = Package::of(&root)?;
    let file = folder.full("project.json");
    let usual = folder.path.rsplit('/').next().unwrap_or(folder.path);
    let name = read::text(&project, "/name").unwrap_or(usual).to_owned();
    let executor = read::text(&project, "/targets/build/executor").unwrap_or_default();
    let configured = |name: &str| folder.names().any(|file| file.starts_with(&format!("{name}.config.")));
    // Nx finds out what a project is by its configuration, too.
    let is = |word: &str| executor.contains(word) || executor.is_empty() && configured(word);
    let output = read::text(&project, "/targets/build/options/outputPath")
        .map_or_else(|| format!("dist/{}", folder.path), |path| path.replace("{projectRoot}", folder.path));
    let output = output.replace("{workspaceRoot}/", "");
    let up = "../".repeat(folder.path.split('/').count());
    let mut app = Application::new(folder.path, Framework::Node, Confidence::Likely);
    let seen = if executor.is_empty() {
        "an application of Nx".to_owned()
    } else {
        format!("Nx builds it with {executor}")
    };
    app.because(&file, seen);
    let files = |app: &mut Application, framework: Framework, below: &str| {
        app.framework = framework;
        app.output = Some(format!("{up}{output}{below}"));
        app.recipe.single_page = true;
        app.listens_on(8080, "the server of static files");
    };
    if is("next") {
        app.framework = Framework::Next;
        app.start = Some("next start".to_owned());
        app.listens_on(3000, "what Next.js listens on");
    } else if is("angular") {
        files(&mut app, Framework::Angular, "/browser");
    } else if is("vite") || is("rspack") {
        let framework =
            [("react", Framework::ViteReact), ("vue", Framework::ViteVue), ("svelte", Framework::ViteSvelte)]
                .into_iter()
                .find(|(dependency, _)| package.needs(dependency));
        files(&mut app, framework.map_or(Framework::Vite, |(_, framework)| framework), "");
    } else if executor.is_empty() && !folder.below().any(|file| file.starts_with("src/main.")) {
        return None;
    } else {
        let servers = [
            ("@nestjs/core", Framework::Nest),
            ("express", Framework::Express),
            ("fastify", Framework::Fastify),
            ("koa", Framework::Koa),
        ];
        if let Some((_, framework)) = servers.into_iter().find(|(dependency, _)| package.needs(dependency)) {
            app.framework = framework;
        }
        app.start = Some(format!("node {up}{output}/main.js"));
    }
    app.build = Some(format!("npx nx run {name}:build"));
    app.name = Some(name);
    app.depends_on(package.dependencies(), &root.full("package.json"));
    manager(&mut app, folder);
    runtime(&mut app, folder, &package);
    app.recipe.context = folder.root.to_owned();
    app.recipe.manifests = manifests(folder, &package);
    app.warn(WarningCode::Ambiguous, "Which packages of the workspace it needs cannot be told; those of the whole workspace are installed.");
    Some(Candidate { app, strength: 80, code: present(folder, &["src/main.ts", "src/main.js"]) })
}
