//! Dockerfiles and compose files.

use serde_json::Value;

use super::{
    super::{Application, Confidence, Framework, HealthPath, WarningCode, folder::Folder, needs, read},
    Candidate,
};

/// What a Dockerfile may be called, best first.
const NAMES: [&str; 6] = [
    "Dockerfile",
    "Containerfile",
    "Dockerfile.prod",
    "Dockerfile.production",
    "dockerfile",
    "prod.Dockerfile",
];
const COMPOSE: [&str; 8] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
    "compose.prod.yaml",
    "compose.prod.yml",
    "docker-compose.prod.yaml",
    "docker-compose.prod.yml",
];

/// The instructions of a Dockerfile, with their names in capitals. Lines that end with `\` go on.
fn instructions(text: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        match line.strip_suffix('\\') {
            Some(begun) => open = format!("{open}{begun} "),
            None => {
                let whole = format!("{open}{line}");
                open.clear();
                if let Some((name, rest)) = whole.trim().split_once(char::is_whitespace) {
                    all.push((name.to_ascii_uppercase(), rest.trim().to_owned()));
                }
            }
        }
    }
    all
}

pub(super) fn dockerfile(folder: &Folder<'_>) -> Option<Candidate> {
    let name = folder.first(&NAMES)?;
    let file = folder.full(name);
    let mut app = Application::new(folder.path, Framework::Dockerfile, Confidence::Certain);
    app.because(&file, "it says how the image is built");
    app.recipe.entry = Some(name.to_owned());
    let Some(text) = folder.text(name) else {
        app.confidence = Confidence::Likely;
        app.warn(WarningCode::Unreadable, format!("{file} was not read; only its name is known."));
        return Some(Candidate { app, strength: 95, code: Vec::new() });
    };
    let instructions = instructions(text);
    let of = |name: &'static str| {
        instructions.iter().filter(move |(known, _)| known == name).map(|(_, rest)| rest.as_str())
    };
    if of("FROM").next().is_none() {
        app.confidence = Confidence::Guess;
        app.warn(WarningCode::Unreadable, format!("{file} has no FROM, so no image can be built from it."));
        return Some(Candidate { app, strength: 20, code: Vec::new() });
    }
    // What counts is the last stage.
    let last = instructions.iter().rposition(|(name, _)| name == "FROM").unwrap_or(0);
    let stage = &instructions[last..];
    let in_stage =
        |name: &str| stage.iter().rev().find(|(known, _)| known == name).map(|(_, rest)| rest.as_str());
    if let Some(exposed) = in_stage("EXPOSE") {
        let ports: Vec<u16> = exposed.split_whitespace().filter_map(read::number).collect();
        if let Some(port) = ports.first() {
            app.listens_on(*port, format!("EXPOSE in {file}"));
        }
        if ports.len() > 1 {
            app.warn(
                WarningCode::Ambiguous,
                format!("{file} exposes several ports ({exposed}); the first is taken."),
            );
        }
    }
    let in_env = stage.iter().filter(|(name, _)| name == "ENV").find_map(|(_, rest)| {
        rest.strip_prefix("PORT").and_then(|value| read::number(value.trim_start_matches(['=', ' ', '"'])))
    });
    if let Some(port) = in_env {
        app.listens_on(port, format!("ENV PORT in {file}"));
    }
    if let Some(check) = in_stage("HEALTHCHECK").filter(|check| !check.starts_with("NONE")) {
        let path = check.split_once("://").and_then(|(_, rest)| {
            let rest = rest.split([' ', '"', '\'', ',', ')']).next()?;
            Some(format!("/{}", rest.split_once('/')?.1))
        });
        app.health = path.map(|path| HealthPath { path, source: format!("HEALTHCHECK in {file}") });
    }
    app.start = in_stage("CMD").or(in_stage("ENTRYPOINT")).map(str::to_owned);
    images(&mut app, &file, &of("FROM").collect::<Vec<_>>());
    if !in_stage("USER").is_some_and(|user| !matches!(user, "root" | "0" | "0:0" | "root:root")) {
        app.warn(
            WarningCode::RunsAsRoot,
            format!(
                "{file} names no user in its last stage, so it runs as root unless its base says otherwise."
            ),
        );
    }
    for argument in of("ARG").chain(of("ENV")) {
        let name = argument.split(['=', ' ']).next().unwrap_or_default();
        let secret =
            ["SECRET", "TOKEN", "PASSWORD", "PRIVATE_KEY", "API_KEY"].iter().any(|part| name.contains(part));
        if secret {
            let message = format!(
                "{file} takes {name} as a build argument or variable, which stays in the image's history; use `RUN --mount=type=secret`."
            );
            app.warn(WarningCode::SecretInBuild, message);
        }
    }
    Some(Candidate { app, strength: 95, code: Vec::new() })
}

/// Says which bases have no version.
fn images(app: &mut Application, file: &str, froms: &[&str]) {
    let mut stages: Vec<&str> = Vec::new();
    for from in froms {
        let mut words = from.split_whitespace().filter(|word| !word.starts_with("--"));
        let image = words.next().unwrap_or_default();
        let known =
            stages.contains(&image) || image == "scratch" || image.contains('$') || image.contains('@');
        let tag = image.rsplit('/').next().and_then(|name| name.split_once(':')).map(|(_, tag)| tag);
        if !known && tag.is_none_or(|tag| tag == "latest") {
            app.warn(
                WarningCode::LatestImage,
                format!("{file} builds on {image} without a version, so two builds may differ."),
            );
        }
        if let (Some(word), Some(stage)) = (words.next(), words.next())
            && word.eq_ignore_ascii_case("as")
        {
            stages.push(stage);
        }
    }
}

pub(super) fn compose(folder: &Folder<'_>) -> Option<Candidate> {
    let name = folder.first(&COMPOSE)?;
    let file = folder.full(name);
    let mut app = Application::new(folder.path, Framework::Compose, Confidence::Certain);
    app.recipe.entry = Some(name.to_owned());
    let Some(services) = folder.yaml(name).and_then(|yaml| yaml.get("services")?.as_object().cloned()) else {
        app.confidence = Confidence::Guess;
        app.because(&file, "a compose file");
        app.warn(WarningCode::Unreadable, format!("{file} has no services that could be read."));
        return Some(Candidate { app, strength: 12, code: Vec::new() });
    };
    let mut own: Vec<&str> = Vec::new();
    let mut names: Vec<&String> = services.keys().collect();
    names.sort();
    for name in names {
        let Some(service) = services.get(name) else { continue };
        let image = read::text(service, "/image");
        match image.and_then(needs::service_of_image) {
            Some(kind) => app.needs(
                kind,
                &file,
                format!("the service {name} with the image {}", image.unwrap_or_default()),
            ),
            None => own.push(name),
        }
        if let Some(image) = image
            && service.get("build").is_none()
        {
            images(&mut app, &file, &[image]);
        }
    }
    let builds: Vec<&str> = own
        .iter()
        .copied()
        .filter(|name| services.get(*name).is_some_and(|service| service.get("build").is_some()))
        .collect();
    let first =
        builds.first().or(own.first()).and_then(|name| services.get(*name).map(|service| (*name, service)));
    if let Some((name, service)) = first
        && let Some(port) = container_port(service)
    {
        app.listens_on(port, format!("the service {name} in {file}"));
    }
    let strength = if own.is_empty() {
        app.because(&file, format!("{} services that others made", services.len()));
        app.confidence = Confidence::Guess;
        app.warn(
            WarningCode::NotAServer,
            format!("All services of {file} are databases and the like; it looks like help for development."),
        );
        14
    } else if builds.is_empty() {
        app.because(&file, format!("services from images: {}", own.join(", ")));
        app.at_most(Confidence::Likely);
        45
    } else {
        app.because(&file, format!("services that are built: {}", builds.join(", ")));
        60
    };
    Some(Candidate { app, strength, code: Vec::new() })
}

/// The port within the container of the first that a service publishes.
fn container_port(service: &Value) -> Option<u16> {
    let list = |key: &str| service.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let published = list("ports").into_iter().find_map(|port| match &port {
        Value::String(port) => port.split('/').next()?.rsplit(':').next().and_then(read::number),
        _ => read::text(&port, "/target").and_then(read::number),
    });
    published.or_else(|| list("expose").iter().find_map(|port| read::number(port.as_str()?)))
}
