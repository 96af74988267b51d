//! What is made with .NET.

use super::{
    super::{
        Application, Confidence, DependencyManager, Framework, Language, PackageTool, WarningCode,
        folder::Folder, read,
    },
    Candidate, in_file, present,
};

pub(super) fn look(folder: &Folder<'_>) -> Option<Candidate> {
    let projects: Vec<&str> =
        folder.names().filter(|name| name.ends_with(".csproj") || name.ends_with(".fsproj")).collect();
    let project = *projects.first()?;
    let file = folder.full(project);
    let text = folder.text(project).unwrap_or_default();
    let mut app = Application::new(folder.path, Framework::Dotnet, Confidence::Certain);
    let short = project.rsplit_once('.').map_or(project, |(name, _)| name);
    app.name = Some(read::element(text, "AssemblyName").unwrap_or(short).to_owned());
    let web = text.contains("Microsoft.NET.Sdk.Web") || text.contains("Microsoft.NET.Sdk.BlazorWebAssembly");
    let program =
        web || text.contains("<OutputType>Exe</OutputType>") || text.contains("Microsoft.NET.Sdk.Worker");
    app.because(&file, if web { "a web project" } else { "a project of .NET" });
    if projects.len() > 1 {
        app.warn(
            WarningCode::SeveralPrograms,
            format!("There are several projects ({}); {project} is built.", projects.join(", ")),
        );
    }
    for part in text.split("<PackageReference").skip(1) {
        app.depends_on(read::quoted_after(part, "Include="), &file);
    }
    let lock = folder.first(&["packages.lock.json"]).map(|name| folder.full(name));
    app.package_manager =
        Some(DependencyManager { tool: PackageTool::NuGet, version: None, lock_file: lock });
    let target = read::element(text, "TargetFramework").and_then(|target| target.strip_prefix("net"));
    let global =
        folder.json("global.json").and_then(|json| read::text(&json, "/sdk/version").map(str::to_owned));
    let line = |version: &str| version.split('.').take(2).collect::<Vec<_>>().join(".");
    super::version(
        &mut app,
        Language::Dotnet,
        [
            target.map(|asked| {
                (format!("TargetFramework in {file}"), line(asked.split('-').next().unwrap_or_default()))
            }),
            global.map(|asked| (folder.full("global.json"), line(&asked))),
            in_file(folder, &[".dotnet-version"]),
        ],
    );
    let beside = [
        "global.json",
        "NuGet.config",
        "nuget.config",
        "Directory.Build.props",
        "Directory.Packages.props",
        "packages.lock.json",
    ];
    app.start = Some(format!("dotnet {}.dll", app.name.as_deref().unwrap_or(short)));
    let entry = if folder.is_member() {
        // Projects of a solution refer to each other, so all of it is built.
        let root = folder.above();
        app.recipe.context = folder.root.to_owned();
        app.recipe.manifests = root
            .below()
            .filter(|file| file.ends_with(".csproj") || file.ends_with(".fsproj"))
            .map(str::to_owned)
            .collect();
        app.recipe.manifests.extend(present(&root, &beside));
        let prefix = if root.path == "." { String::new() } else { format!("{}/", root.path) };
        file.strip_prefix(&prefix).unwrap_or(&file).to_owned()
    } else {
        app.recipe.manifests = projects.iter().map(|name| (*name).to_owned()).collect();
        app.recipe.manifests.extend(present(folder, &beside));
        if text.contains("<ProjectReference") {
            app.recipe.manifests.clear();
            app.warn(WarningCode::NoBuild, format!("{file} refers to other projects, and no solution says where they are; those outside of its folder are not built."));
            app.at_most(Confidence::Likely);
        }
        project.to_owned()
    };
    app.build = Some(format!("dotnet publish {entry} -c Release -o /out"));
    app.recipe.entry = Some(entry);
    let strength = if web {
        app.listens_on(8080, "what images of ASP.NET set");
        90
    } else if program {
        app.warn(WarningCode::NotAServer, "It is a program without a web server.");
        app.at_most(Confidence::Likely);
        60
    } else {
        app.at_most(Confidence::Guess);
        app.start = None;
        app.warn(WarningCode::NotAServer, "It is a library.");
        5
    };
    Some(Candidate { app, strength, code: present(folder, &["Program.cs"]) })
}
