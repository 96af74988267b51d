//! What is compiled: Go, Rust, Java, .NET. Compiled files of one application's own code are in no cache: caches are shared by all
//! builds of a host.

use super::{
    super::{Application, PackageTool},
    Bases, Text, USER, base,
};

/// Copies the manifests, fetches what they name, and copies the rest.
fn fetched(text: &mut Text, app: &Application, caches: &[&str], fetch: &str) {
    if !app.recipe.manifests.is_empty() {
        text.say("The dependencies are fetched anew only when these files change.");
        text.copy(&app.recipe.manifests);
        text.run(caches, fetch);
        text.0.push('\n');
    }
    text.line("COPY . .");
}

pub(super) fn go(text: &mut Text, app: &Application, bases: &Bases) {
    let caches = ["/go/pkg/mod", "/root/.cache/go-build"];
    text.from(&base(&bases.go, app), Some("build"));
    text.line("WORKDIR /src");
    fetched(text, app, &caches[..1], "go mod download");
    if app.recipe.context != app.path {
        let below = app.path.strip_prefix(&format!("{}/", app.recipe.context)).unwrap_or(&app.path);
        text.line(format!("WORKDIR /src/{below}"));
    }
    let entry = app.recipe.entry.as_deref().unwrap_or(".");
    text.run(&caches, &format!("CGO_ENABLED=0 go build -trimpath -ldflags=\"-s -w\" -o /out/app {entry}"));
    text.from(&bases.go_run, None);
    text.line("COPY --from=build /out/app /app");
    // The user `nonroot` of distroless images.
    text.ends(app, Some("65532:65532"));
}

pub(super) fn rust(text: &mut Text, app: &Application, bases: &Bases) {
    let program = app.recipe.entry.as_deref().unwrap_or("app");
    text.from(&base(&bases.rust, app), Some("build"));
    text.line("WORKDIR /src");
    let extra = |name: &str| app.recipe.extras.iter().any(|extra| extra == name);
    let install = |packages: &str| {
        format!(
            "RUN apt-get update && apt-get install --yes --no-install-recommends {packages} && rm -rf /var/lib/apt/lists/*"
        )
    };
    if extra("openssl") {
        text.line(install("pkg-config libssl-dev"));
    }
    let build = app.build.as_deref().unwrap_or("cargo build --release");
    let caches = ["/usr/local/cargo/registry", "/usr/local/cargo/git"];
    if !app.recipe.manifests.is_empty() {
        // A program of nothing stands in for the source. What cargo noted of it is removed, or it could be taken for the source's: cargo
        // compares times, and those of the source may be older.
        let locked = if build.contains(" --locked") { " --locked" } else { "" };
        let name = app.name.as_deref().unwrap_or(program);
        text.say("The dependencies are compiled anew only when these files change.");
        text.copy(&app.recipe.manifests);
        text.run(&caches, &format!("mkdir src && echo 'fn main() {{}}' > src/main.rs && touch src/lib.rs && cargo build --release{locked} && rm -rf src target/release/.fingerprint/{name}-*"));
        text.0.push('\n');
    }
    text.line("COPY . .");
    text.run(&caches, build);
    text.from(&bases.rust_run, None);
    let packages = [("ca-certificates", "ca-certificates"), ("openssl", "libssl3")];
    let packages: Vec<&str> =
        packages.into_iter().filter(|(name, _)| extra(name)).map(|(_, package)| package).collect();
    if !packages.is_empty() {
        text.line(install(&packages.join(" ")));
    }
    text.line("WORKDIR /srv");
    text.line(format!("COPY --from=build /src/target/release/{program} /app"));
    text.ends(app, Some(USER));
}

pub(super) fn java(text: &mut Text, app: &Application, bases: &Bases) {
    let maven = app.package_manager.as_ref().is_none_or(|manager| manager.tool == PackageTool::Maven);
    let image = if maven { &bases.maven } else { &bases.gradle };
    text.from(&base(image, app), Some("build"));
    text.line("WORKDIR /src");
    // The tool of the image is used rather than a wrapper, which would fetch one.
    let build =
        app.build.as_deref().unwrap_or_default().replace("./mvnw", "mvn").replace("./gradlew", "gradle");
    if maven {
        let cache = ["/root/.m2"];
        fetched(text, app, &cache, "mvn -B dependency:go-offline");
        text.run(&cache, &build);
    } else {
        text.line("ENV GRADLE_USER_HOME=/cache/gradle");
        let cache = ["/cache/gradle"];
        fetched(text, app, &cache, "gradle --no-daemon dependencies");
        text.run(&cache, &build);
    }
    let archive = app.recipe.standalone.as_deref().unwrap_or("target");
    text.line(format!(
        "RUN mkdir /out && cp \"$(ls {archive}/*.jar | grep -v -e '-plain.jar$' -e '-sources.jar$' -e '-javadoc.jar$' -e '^original-' | head -n 1)\" /out/app.jar"
    ));
    text.from(&base(&bases.java_run, app), None);
    text.line("WORKDIR /app");
    text.line("ENV JAVA_TOOL_OPTIONS=-XX:MaxRAMPercentage=75");
    text.line("COPY --from=build /out/app.jar /app/app.jar");
    text.ends(app, Some(USER));
}

pub(super) fn dotnet(text: &mut Text, app: &Application, bases: &Bases) {
    let cache = ["/root/.nuget/packages"];
    let project = app.recipe.entry.as_deref().unwrap_or(".");
    text.from(&base(&bases.dotnet, app), Some("build"));
    text.line("WORKDIR /src");
    fetched(text, app, &cache, &format!("dotnet restore {project}"));
    text.run(&cache, app.build.as_deref().unwrap_or_default());
    text.from(&base(&bases.dotnet_run, app), None);
    text.line("WORKDIR /app");
    if let Some(port) = &app.port {
        text.line(format!("ENV ASPNETCORE_HTTP_PORTS={}", port.number));
    }
    text.line("COPY --from=build /out .");
    text.ends(app, Some(USER));
}
