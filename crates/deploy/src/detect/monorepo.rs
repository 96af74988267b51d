//! The folders of a source that may be applications, and the workspaces that hold them together.

use std::collections::{BTreeMap, BTreeSet};

use super::{Evidence, folder::Folder, read, tree, tree::Tree};

/// Files that make a folder worth looking at.
const MARKS: [&str; 40] = [
    "package.json",
    "project.json",
    "deno.json",
    "deno.jsonc",
    "pyproject.toml",
    "requirements.txt",
    "Pipfile",
    "manage.py",
    "setup.py",
    "go.mod",
    "Cargo.toml",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "Gemfile",
    "composer.json",
    "mix.exs",
    "*.csproj",
    "*.fsproj",
    "Dockerfile",
    "Containerfile",
    "Dockerfile.prod",
    "Dockerfile.production",
    "prod.Dockerfile",
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
    "compose.prod.yaml",
    "compose.prod.yml",
    "docker-compose.prod.yaml",
    "docker-compose.prod.yml",
    "go.work",
    "*.sln",
    "*.slnx",
    "pnpm-workspace.yaml",
    "lerna.json",
    "nx.json",
    "settings.gradle",
    "settings.gradle.kts",
];

/// Folders of what is no application, whatever lies in them.
const ASIDE: [&str; 20] = [
    "test",
    "tests",
    "testing",
    "testdata",
    "__tests__",
    "spec",
    "fixtures",
    "__fixtures__",
    "e2e",
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "bench",
    "benchmarks",
    "templates",
    "third_party",
    "playground",
];

/// How deep applications lie.
const DEPTH: usize = 4;
/// How many folders are looked at.
const FOLDERS: usize = 200;

/// A folder that is looked at.
pub(super) struct Place {
    pub(super) path: String,
    /// The root of the workspace that it is a member of, or itself.
    pub(super) root: String,
    pub(super) has_members: bool,
}

/// The folders that are looked at (the source's own first, the others by path), and what holds them together.
pub(super) fn places(tree: &Tree) -> (Vec<Place>, Vec<Evidence>, Vec<String>) {
    let mut marked: BTreeSet<&str> = BTreeSet::new();
    for file in tree.below("") {
        let (folder, name) = file.rsplit_once('/').unwrap_or((".", file));
        if MARKS.iter().any(|mark| tree::matches(mark, name)) {
            marked.insert(folder);
        }
    }
    let mut reasons = Vec::new();
    let mut root_of: BTreeMap<&str, &str> = BTreeMap::new();
    for root in marked.iter().copied() {
        if root_of.contains_key(root) {
            continue;
        }
        let folder = Folder { tree, path: root, root, has_members: false };
        for (reason, patterns) in workspaces(&folder) {
            let mut members = 0;
            for other in marked.iter().copied().filter(|other| *other != root) {
                let within = if root == "." {
                    Some(other)
                } else {
                    other.strip_prefix(root).and_then(|rest| rest.strip_prefix('/'))
                };
                if within.is_some_and(|within| is_member(within, &patterns)) {
                    root_of.entry(other).or_insert(root);
                    members += 1;
                }
            }
            if members > 0 {
                reasons.push(reason);
            }
        }
    }
    let mut notes = Vec::new();
    let aside = |path: &str| {
        path.split('/').any(|part| ASIDE.contains(&part) || part.starts_with('.') && part != ".")
            || path.matches('/').count() >= DEPTH
    };
    let mut places = vec![Place {
        path: ".".to_owned(),
        root: ".".to_owned(),
        has_members: root_of.values().any(|root| *root == "."),
    }];
    let others = marked
        .iter()
        .copied()
        .filter(|path| *path != ".")
        .filter(|path| root_of.contains_key(path) || !aside(path));
    for path in others {
        if places.len() == FOLDERS {
            notes.push(format!(
                "There are more than {FOLDERS} folders with manifests; the rest was not looked at."
            ));
            break;
        }
        // What a server of Phoenix gives out is built with it.
        if path == "assets" && tree.has("mix.exs")
            || path.ends_with("/assets") && tree.has(&format!("{}mix.exs", &path[..path.len() - 6]))
        {
            continue;
        }
        places.push(Place {
            path: path.to_owned(),
            root: root_of.get(path).copied().unwrap_or(path).to_owned(),
            has_members: root_of.values().any(|root| *root == path),
        });
    }
    (places, reasons, notes)
}

/// The workspaces that a folder is the root of: what says so, and the patterns of the members' folders.
fn workspaces(folder: &Folder<'_>) -> Vec<(Evidence, Vec<String>)> {
    let mut found = Vec::new();
    let mut add = |file: &str, seen: &str, patterns: Vec<String>| {
        if !patterns.is_empty() {
            found.push((Evidence { file: folder.full(file), seen: seen.to_owned() }, patterns));
        }
    };
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let json = |name: &str| folder.json(name).unwrap_or_default();
    let package = json("package.json");
    let mut npm = owned(read::texts(&package, "/workspaces"));
    npm.extend(owned(read::texts(&package, "/workspaces/packages")));
    add("package.json", "workspaces of npm, Yarn or bun", npm);
    let pnpm = folder.yaml("pnpm-workspace.yaml").unwrap_or_default();
    add("pnpm-workspace.yaml", "a workspace of pnpm", owned(read::texts(&pnpm, "/packages")));
    if folder.has("lerna.json") {
        let mut lerna = owned(read::texts(&json("lerna.json"), "/packages"));
        if lerna.is_empty() {
            lerna.push("packages/*".to_owned());
        }
        add("lerna.json", "a workspace of Lerna", lerna);
    }
    if folder.has("nx.json") {
        let projects =
            folder.below().filter_map(|file| file.strip_suffix("/project.json")).map(str::to_owned);
        add("nx.json", "a workspace of Nx", projects.collect());
    }
    let cargo = folder.toml("Cargo.toml").unwrap_or_default();
    let mut members = owned(read::texts(&cargo, "/workspace/members"));
    members.extend(read::texts(&cargo, "/workspace/exclude").into_iter().map(|path| format!("!{path}")));
    add("Cargo.toml", "a workspace of Cargo", members);
    let uv = folder.toml("pyproject.toml").unwrap_or_default();
    add("pyproject.toml", "a workspace of uv", owned(read::texts(&uv, "/tool/uv/workspace/members")));
    let used = folder.text("go.work").unwrap_or_default().lines().filter_map(|line| {
        let word = line.trim().trim_start_matches("use").trim().trim_matches(['(', ')', '"']).trim();
        let word = word.strip_prefix("./")?;
        (!word.is_empty()).then(|| word.to_owned())
    });
    add("go.work", "a workspace of Go", used.collect());
    let pom = folder.text("pom.xml").and_then(|text| read::element(text, "modules")).unwrap_or_default();
    let modules = pom
        .split("<module>")
        .skip(1)
        .filter_map(|part| Some(part.split_once("</module>")?.0.trim().to_owned()));
    add("pom.xml", "modules of Maven", modules.collect());
    for name in ["settings.gradle", "settings.gradle.kts"] {
        let text = folder.text(name).unwrap_or_default();
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("include") && !line.starts_with("includeBuild"));
        let paths = lines.flat_map(|line| line.split(['"', '\'']).skip(1).step_by(2));
        add(
            name,
            "projects of Gradle",
            paths.map(|path| path.trim_start_matches(':').replace(':', "/")).collect(),
        );
    }
    let solution = folder.names().find(|name| name.ends_with(".sln") || name.ends_with(".slnx"));
    if let Some(solution) = solution {
        let projects = folder.below().filter(|file| file.ends_with(".csproj") || file.ends_with(".fsproj"));
        let folders = projects.filter_map(|file| Some(file.rsplit_once('/')?.0.to_owned()));
        add(solution, "a solution of .NET", folders.collect());
    }
    found
}

/// Whether a folder fits the patterns, of which those with `!` leave out.
fn is_member(path: &str, patterns: &[String]) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |pattern: &str| {
        let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
        // A pattern with many `**` is tried out at every place; nobody writes more than a few.
        pattern.matches("**").count() < 4 && glob(&pattern.split('/').collect::<Vec<_>>(), &parts)
    };
    let (out, within): (Vec<&String>, Vec<&String>) =
        patterns.iter().partition(|pattern| pattern.starts_with('!'));
    within.iter().any(|pattern| fits(pattern)) && !out.iter().any(|pattern| fits(&pattern[1..]))
}

fn glob(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => (0..=path.len()).any(|skipped| glob(rest, &path[skipped..])),
        (Some((first, rest)), Some((name, names))) => tree::matches(first, name) && glob(rest, names),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_member;

    #[test]
    fn members_fit_the_patterns_of_their_workspace() {
        let patterns = ["apps/*", "packages/**", "!**/test", "tools"].map(str::to_owned);
        for (path, fits) in [
            ("apps/web", true),
            ("apps/web/x", false),
            ("packages/a/b", true),
            ("packages/a/test", false),
            ("tools", true),
            ("other", false),
        ] {
            assert_eq!(is_member(path, &patterns), fits, "{path}");
        }
    }
}
