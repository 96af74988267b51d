//! What is built with Maven or Gradle.

use super::{
    super::{
        Application, Confidence, DependencyManager, Framework, HealthPath, Language, PackageTool,
        WarningCode, folder::Folder, read,
    },
    Candidate, in_file, in_tools, present,
};

const SETTINGS: [&str; 3] = [
    "src/main/resources/application.properties",
    "src/main/resources/application.yml",
    "src/main/resources/application.yaml",
];

pub(super) fn look(folder: &Folder<'_>) -> Option<Candidate> {
    let manifest = folder.first(&["pom.xml", "build.gradle.kts", "build.gradle"])?;
    let maven = manifest == "pom.xml";
    if folder.has_members {
        // What holds modules together has no archive of its own.
        return None;
    }
    let file = folder.full(manifest);
    let text = folder.text(manifest).unwrap_or_default();
    let framework = if maven { Framework::Maven } else { Framework::Gradle };
    let mut app = Application::new(folder.path, framework, Confidence::Certain);
    let spring = text.contains("spring-boot-starter") || text.contains("org.springframework.boot");
    if spring {
        app.framework = Framework::Spring;
        app.because(&file, "Spring Boot is among the dependencies");
    } else {
        app.because(&file, format!("a build with {}", if maven { "Maven" } else { "Gradle" }));
        app.at_most(Confidence::Likely);
    }
    for dependency in [
        "postgresql",
        "mysql-connector-j",
        "spring-boot-starter-data-redis",
        "spring-boot-starter-data-mongodb",
        "spring-boot-starter-amqp",
        "spring-kafka",
    ] {
        if text.contains(&format!(">{dependency}<")) || text.contains(&format!(":{dependency}")) {
            app.depends_on([dependency], &file);
        }
    }
    let wrapper = if maven { "mvnw" } else { "gradlew" };
    app.recipe.wrapper = folder.above().has(wrapper);
    let tool = if maven { PackageTool::Maven } else { PackageTool::Gradle };
    let lock = folder.first(&["gradle.lockfile"]).map(|name| folder.full(name));
    app.package_manager = Some(DependencyManager { tool, version: None, lock_file: lock });
    let names = [
        "java.version",
        "maven.compiler.release",
        "maven.compiler.target",
        "maven.compiler.source",
        "release",
    ];
    let in_pom = names
        .iter()
        .find_map(|name| Some((format!("{name} in {file}"), read::element(text, name)?.to_owned())));
    let in_gradle = [
        "JavaLanguageVersion.of(",
        "jvmToolchain(",
        "VERSION_",
        "sourceCompatibility = '",
        "sourceCompatibility = \"",
        "sourceCompatibility = ",
    ]
    .iter()
    .find_map(|before| {
        Some((file.clone(), read::number(&text[text.find(before)? + before.len()..])?.to_string()))
    });
    let plain = |(source, asked): (String, String)| {
        let asked =
            asked.trim_start_matches("1.").trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned();
        (source, asked)
    };
    super::version(
        &mut app,
        Language::Java,
        [
            if maven { in_pom } else { in_gradle }.map(plain),
            in_file(folder, &[".java-version"]).map(plain),
            in_tools(folder, &["java"]).map(plain),
        ],
    );
    // Images of Java have tags of whole versions.
    if let Some(version) = &mut app.version {
        version.version = version.version.split('.').next().unwrap_or_default().to_owned();
    }
    let program = match (maven, app.recipe.wrapper) {
        (true, true) => "./mvnw",
        (true, false) => "mvn",
        (false, true) => "./gradlew",
        (false, false) => "gradle",
    };
    let task = if spring { "bootJar" } else { "assemble" };
    let below = folder.path.strip_prefix(&format!("{}/", folder.root)).unwrap_or(folder.path);
    let (module, archive, context) = if folder.is_member() {
        app.recipe.context = folder.root.to_owned();
        (Some(below), format!("{below}/"), folder.above())
    } else {
        (None, String::new(), *folder)
    };
    app.build = Some(match (maven, module) {
        (true, Some(module)) => format!("{program} -B -DskipTests --projects {module} --also-make package"),
        (true, None) => format!("{program} -B -DskipTests package"),
        (false, Some(module)) => format!("{program} --no-daemon :{}:{task}", module.replace('/', ":")),
        (false, None) => format!("{program} --no-daemon {task}"),
    });
    app.start = Some("java -jar /app/app.jar".to_owned());
    app.recipe.standalone = Some(format!("{archive}{}", if maven { "target" } else { "build/libs" }));
    let names: &[&str] = if maven {
        &["pom.xml"]
    } else {
        &["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "gradle.properties"]
    };
    // Modules need each other, which no repository has: they are not fetched ahead.
    app.recipe.manifests = if module.is_some() { Vec::new() } else { present(&context, names) };
    for settings in SETTINGS {
        let Some(text) = folder.text(settings) else { continue };
        let yaml = folder.yaml(settings).filter(|_| !settings.ends_with("properties"));
        let port = match &yaml {
            Some(yaml) => read::text(yaml, "/server/port").and_then(read::number),
            None => text.lines().find_map(|line| read::number(line.trim().strip_prefix("server.port=")?)),
        };
        if let Some(port) = port {
            app.listens_on(port, format!("server.port in {}", folder.full(settings)));
        }
        for (part, service) in [("jdbc:postgresql", "postgresql"), ("jdbc:mysql", "mysql")] {
            if text.contains(part) {
                app.depends_on([service], &folder.full(settings));
            }
        }
    }
    if text.contains("spring-boot-starter-actuator") {
        app.health = Some(HealthPath {
            path: "/actuator/health".to_owned(),
            source: format!("the actuator in {file}"),
        });
    }
    let main = ["mainClass", "Main-Class", "application", "quarkus", "micronaut"]
        .iter()
        .any(|word| text.contains(word));
    let strength = if spring {
        91
    } else if folder.is_member() && !main {
        app.warn(WarningCode::NotAServer, "Nothing in it names a main class: it is a library.");
        5
    } else {
        app.warn(WarningCode::NoStart, "The archive is started with `java -jar`, which needs a manifest that names the main class and all dependencies in the archive.");
        75
    };
    Some(Candidate { app, strength, code: present(folder, &SETTINGS) })
}
