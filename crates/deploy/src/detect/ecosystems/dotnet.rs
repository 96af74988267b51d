//! What is made with .NET.

use super::{
    super::{
        Application, Confidence, Framework, Language, PackageManager, PackageTool, WarningCode,
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
    app.package_manager = Some(PackageManager { tool: PackageTool::NuGet, version: None, lock_file: lock });
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
    app.build = Some(format!("dotnet publish {project} -c Release -o /out"));
    app.start = Some(format!("dotnet {}.dll", app.name.as_deref().unwrap_or(short)));
    app.recipe.entry = Some(project.to_owned());
    app.recipe.manifests = projects.iter().map(|name| (*name).to_owned()).collect();
    app.recipe.manifests.extend(present(
        folder,
        &[
            "global.json",
            "NuGet.config",
            "nuget.config",
            "Directory.Build.props",
            "Directory.Packages.props",
            "packages.lock.json",
        ],
    ));
    if text.contains("ProjectReference") {
        // What it refers to lies beside its folder.
        app.recipe.manifests.clear();
        if text.contains("\"..") {
            app.warn(WarningCode::NoBuild, format!("{file} refers to projects outside of its folder; build it from the folder above with a Dockerfile of your own."));
            app.at_most(Confidence::Likely);
        }
    }
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
