//! What is kept away from the build: what is built or fetched anew there, the history, and files with secrets.

use super::super::{Application, Language};

const ALWAYS: [&str; 13] = [
    ".git",
    ".gitignore",
    ".github",
    ".gitlab-ci.yml",
    ".vscode",
    ".idea",
    ".DS_Store",
    "**/.env",
    "**/.env.*",
    "Dockerfile*",
    ".dockerignore",
    "compose*.y*ml",
    "docker-compose*.y*ml",
];

/// What a build leaves; where nothing is built, it is the source that has it.
const BUILT: [&str; 8] =
    ["**/.next", "**/.nuxt", "**/.output", "**/.svelte-kit", "**/.turbo", "dist", "*/*/dist", "build"];

pub(super) fn ignore(app: &Application) -> String {
    let of_language: &[&str] = match app.version.as_ref().map(|version| version.language) {
        Some(Language::Node | Language::Bun | Language::Deno) => &["**/node_modules", "coverage", "**/*.log"],
        Some(Language::Python) => &[
            "**/__pycache__",
            "**/*.pyc",
            "**/.venv",
            "**/venv",
            "**/.pytest_cache",
            "**/.mypy_cache",
            "**/*.sqlite3",
        ],
        Some(Language::Rust) => &["target"],
        Some(Language::Java) => &["target", "build", "*/target", "*/build", "**/.gradle"],
        Some(Language::Ruby) => &["log", "tmp", "vendor/bundle", "node_modules", "config/master.key"],
        Some(Language::Php) => &["vendor", "node_modules", "storage/logs/*", "bootstrap/cache/*.php"],
        Some(Language::Elixir) => &["_build", "deps", "**/node_modules", "priv/static/assets"],
        Some(Language::Dotnet) => &["**/bin", "**/obj"],
        Some(Language::Go) | None => &[],
    };
    let node =
        matches!(app.version.as_ref().map(|version| version.language), Some(Language::Node | Language::Bun));
    let built: &[&str] = if node && app.build.is_some() { &BUILT } else { &[] };
    let mut text = String::new();
    for line in ALWAYS.iter().chain(of_language).chain(built) {
        text.push_str(line);
        text.push('\n');
    }
    text
}
