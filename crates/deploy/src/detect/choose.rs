//! Decides what a source is, out of everything that it may be.

use super::{
    Alternative, Application, Confidence, Detected, Framework, WarningCode,
    ecosystems::{AMOUNTS_TO_LITTLE, Candidate, candidates},
    folder::Folder,
    monorepo::{Place, places},
    needs,
    tree::Tree,
};

/// Folders in which a Dockerfile for another folder is kept.
const OF_OTHERS: [&str; 14] = [
    "docker",
    "dockerfiles",
    "deploy",
    "deployment",
    "deployments",
    "build",
    "ops",
    "infra",
    "ci",
    "container",
    "containers",
    "packaging",
    "package",
    "devops",
];

/// Candidates whose strengths are nearer to each other than this may each be meant.
const NEAR: u8 = 6;

/// Finds out what a source is. The same tree always gives the same answer.
#[must_use]
pub fn detect(tree: &Tree) -> Detected {
    let (places, workspaces, notes) = places(tree);
    let mut detected = Detected { workspaces, notes, ..Detected::default() };
    detected.notes.extend(tree.notes().iter().cloned());
    let mut leftovers = Vec::new();
    let mut strays: Vec<Candidate> = Vec::new();
    for place in &places {
        let Place { path, root, has_members } = place;
        let folder = Folder { tree, path, root, has_members: *has_members };
        let mut found = candidates(&folder);
        let stray = path != "." && path.split('/').any(|part| OF_OTHERS.contains(&part));
        if stray && found.iter().all(|other| is_container(&other.app) || other.strength <= AMOUNTS_TO_LITTLE)
        {
            strays.extend(found.drain(..).next());
            continue;
        }
        match found.first() {
            Some(first) if first.strength > AMOUNTS_TO_LITTLE => {
                detected.applications.push(decide(&folder, found));
            }
            Some(_) => leftovers.push((place, found)),
            None => {}
        }
    }
    belong(&mut detected, strays);
    for (place, found) in leftovers {
        let folder = Folder { tree, path: &place.path, root: &place.root, has_members: place.has_members };
        let alone = detected.applications.is_empty() && place.path == ".";
        match found.first() {
            Some(first) if alone && first.strength >= 8 => {
                let mut app = decide(&folder, found);
                app.at_most(Confidence::Guess);
                detected.applications.push(app);
            }
            Some(first) => detected.notes.extend(note(&first.app)),
            None => {}
        }
    }
    if detected.applications.is_empty() {
        detected.notes.insert(0, nothing(tree));
    }
    detected
}

fn nothing(tree: &Tree) -> String {
    let what = "a Dockerfile, a manifest (package.json, pyproject.toml, go.mod, …) or an index.html";
    if tree.below("").next().is_none() {
        return format!("The folder is empty. An application needs {what}.");
    }
    format!(
        "Nothing here says how an application is built or started. Add {what}, or say in the plan how it is built."
    )
}

/// What is said of a folder that is no application.
fn note(app: &Application) -> Option<String> {
    let reason = app.reasons.first()?;
    let why = app.warnings.iter().find(|warning| {
        matches!(warning.code, WarningCode::NotAServer | WarningCode::NoStart | WarningCode::Unreadable)
    });
    let why = why.map_or("nothing starts it", |warning| warning.message.as_str());
    Some(format!("{}: {}. {why}", reason.file, reason.seen))
}

fn is_container(app: &Application) -> bool {
    matches!(app.framework, Framework::Dockerfile | Framework::Compose)
}

/// Dockerfiles in folders of their own: alternatives to the application above them, or applications where there is none.
fn belong(detected: &mut Detected, strays: Vec<Candidate>) {
    for stray in strays {
        let mut app = stray.app;
        let above = detected
            .applications
            .iter_mut()
            .filter(|other| other.path == "." || app.path.starts_with(&format!("{}/", other.path)));
        if let Some(other) = above.max_by_key(|other| other.path.len()) {
            let file = app.reasons.first().map_or(app.path.clone(), |reason| reason.file.clone());
            other.alternatives.push(Alternative {
                framework: app.framework,
                lost: format!("{file} is not in the application's folder, and nothing says what it is for. Name it in the plan to build with it."),
                reasons: app.reasons,
            });
            if other.framework != Framework::Dockerfile {
                other.warn(WarningCode::Ambiguous, format!("{file} may be how it is built; it was not taken because it lies in a folder of its own."));
                other.at_most(Confidence::Likely);
            }
        } else if stray.strength > AMOUNTS_TO_LITTLE {
            app.at_most(Confidence::Likely);
            app.warn(
                WarningCode::Ambiguous,
                "It lies in a folder of its own, so it may be meant to build the folder above it.",
            );
            app.recipe.context = ".".to_owned();
            if let Some(entry) = &mut app.recipe.entry {
                *entry = format!("{}/{entry}", app.path);
            }
            detected.applications.push(app);
        } else {
            detected.notes.extend(note(&app));
        }
    }
}

/// Takes the best candidate, with the others as alternatives.
fn decide(folder: &Folder<'_>, found: Vec<Candidate>) -> Application {
    let mut found = found.into_iter();
    let Some(Candidate { mut app, strength, mut code }) = found.next() else {
        return Application::new(folder.path, Framework::Static, Confidence::Guess);
    };
    for other in found {
        // A Dockerfile says nothing of services and variables, and a compose file beside it often does.
        let tells = is_container(&app) || other.app.framework == Framework::Compose;
        if tells && (other.strength > AMOUNTS_TO_LITTLE || other.app.framework == Framework::Compose) {
            for service in &other.app.services {
                for reason in &service.reasons {
                    app.needs(service.kind, &reason.file, reason.seen.clone());
                }
            }
            if is_container(&app) {
                code.extend(other.code.iter().cloned());
                if app.health.is_none() {
                    app.health.clone_from(&other.app.health);
                }
            }
        }
        let near = strength.abs_diff(other.strength) < NEAR
            && !is_container(&app)
            && other.strength > AMOUNTS_TO_LITTLE;
        let lost = why_lost(&app, strength, &other, near);
        if near {
            let (label, other) = (app.framework.label(), other.app.framework.label());
            app.warn(
                WarningCode::Ambiguous,
                format!("It may be {label} or {other}; {label} was taken. Say in the plan which is meant."),
            );
            app.at_most(Confidence::Likely);
        }
        app.alternatives.push(Alternative {
            framework: other.app.framework,
            reasons: other.app.reasons,
            lost,
        });
    }
    if !is_container(&app) {
        needs::procfile(&mut app, folder);
    }
    needs::look(&mut app, folder, &code);
    usual_port(&mut app);
    app
}

fn why_lost(app: &Application, strength: u8, other: &Candidate, near: bool) -> String {
    let (taken, lost) = (app.framework, other.app.framework);
    let label = taken.label();
    if other.strength <= AMOUNTS_TO_LITTLE {
        let why = other.app.warnings.iter().find(|warning| {
            matches!(warning.code, WarningCode::NoStart | WarningCode::NotAServer | WarningCode::Unreadable)
        });
        return why.map_or_else(|| "Nothing there is started.".to_owned(), |warning| warning.message.clone());
    }
    match (taken, lost) {
        (Framework::Dockerfile, Framework::Compose) => {
            "A compose file puts containers together; what the application's own image is made of is in the Dockerfile.".to_owned()
        }
        (Framework::Dockerfile, _) => "A Dockerfile says how it is built; everything else would only be inferred.".to_owned(),
        (_, Framework::Compose) => "A compose file puts several containers together; this folder's own application was taken.".to_owned(),
        (_, Framework::Static) => format!("The page is a part of the application of {label}."),
        _ if near => format!("{label} and {} fit about equally well; {label} says more about how it is started.", lost.label()),
        _ if strength >= 90 => format!("{label} brings a server of its own; {} is usually there for its pages or tools.", lost.label()),
        _ => format!("{label} says more about how it is started."),
    }
}

/// The port, where nothing said one.
fn usual_port(app: &mut Application) {
    if app.port.is_some() {
        return;
    }
    let (port, known) = match app.framework {
        Framework::Nest => (3000, true),
        Framework::Spring => (8080, true),
        Framework::Deno => (8000, true),
        Framework::Express
        | Framework::Fastify
        | Framework::Koa
        | Framework::Hono
        | Framework::Node
        | Framework::Bun => (3000, false),
        Framework::Python => (8000, false),
        Framework::Go
        | Framework::Rust
        | Framework::Maven
        | Framework::Gradle
        | Framework::Ruby
        | Framework::Elixir => (8080, false),
        // An image may not listen at all, and a program of .NET that is no server does not.
        _ => return,
    };
    let label = app.framework.label();
    if known {
        app.listens_on(port, format!("what {label} listens on"));
        return;
    }
    app.listens_on(port, "the usual one");
    if app.start.is_some() && !app.warnings.iter().any(|warning| warning.code == WarningCode::NotAServer) {
        app.warn(
            WarningCode::NoPort,
            format!("Nothing says on which port it listens; {port} is taken, and PORT is set to it."),
        );
    }
}
