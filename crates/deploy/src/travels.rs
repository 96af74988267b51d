//! What of a folder of this machine travels to a host: what is source, and neither what was made of it nor what is secret.
//!
//! The rules of `.gitignore` hold as they do for git, those of the folders above it within its repository included, and so do those of the
//! `.dockerignore` in the folder itself. The last rule that fits decides, and `.dockerignore` comes last: `!dist` in it lets a folder travel
//! that git ignores. What everybody leaves out is the first rule.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use steadyhand_remote::Pick;

use crate::detect::SKIPPED;

/// What never travels.
const NEVER: [&str; 5] = [".git", ".hg", ".svn", ".DS_Store", "__MACOSX"];
/// Of what is not looked at to find out what an application is, this may be its source nevertheless: then no rule leaves it out.
const MAY_BE_SOURCE: [&str; 7] = ["vendor", "dist", "_build", "deps", "obj", "Pods", ".devcontainer"];
/// Ends of names of files with variables that show which there are, and have no secrets.
const EXAMPLES: [&str; 4] = ["example", "sample", "template", "dist"];

/// What travels of what the parameter `param` of a plan names.
///
/// # Errors
/// When that is no such thing as the parameter is for.
pub(crate) fn pick(param: &str, path: &Path) -> Result<Arc<Pick>, String> {
    let shown = path.display();
    match (param, path.is_dir()) {
        ("folder", false) => Err(format!(
            "`folder` names {shown}, which is a file; write `archive:` for an archive of a source, or name a folder"
        )),
        ("archive", true) => Err(format!(
            "`archive` names {shown}, which is a folder; write `folder:`, or name an archive of it"
        )),
        ("bundle", _) => Ok(Arc::new(|path: &Path, _| !is_never(name_of(path)) && !is_secret(name_of(path)))),
        _ => {
            let rules = Travels::of(path);
            Ok(Arc::new(move |path: &Path, is_folder| rules.takes(path, is_folder)))
        }
    }
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn is_never(name: &str) -> bool {
    NEVER.contains(&name)
}

/// Whether a file of this name is one of variables: their values are given in the plan, or by its secrets.
fn is_secret(name: &str) -> bool {
    let end = name.strip_prefix(".env");
    end.is_some_and(|end| {
        end.is_empty()
            || (end.starts_with('.') && !EXAMPLES.iter().any(|example| end[1..].ends_with(example)))
    })
}

/// The rules of a folder.
struct Travels {
    folder: PathBuf,
    /// Those of the folders above it, outermost first, with the path from each to this one.
    above: Vec<(Vec<Rule>, String)>,
    docker: Vec<Rule>,
    /// Those of `.gitignore` files in it, by their folders, once they were read.
    inner: Mutex<HashMap<PathBuf, Arc<Vec<Rule>>>>,
}

impl Travels {
    fn of(folder: &Path) -> Self {
        let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let mut above = Vec::new();
        let root = whole.ancestors().find(|folder| folder.join(".git").exists());
        for outer in
            whole.ancestors().skip(1).filter(|outer| root.is_some_and(|root| outer.starts_with(root)))
        {
            let to_here = whole.strip_prefix(outer).unwrap_or(Path::new("")).to_string_lossy().into_owned();
            above.push((git_rules(&outer.join(".gitignore")), to_here));
        }
        if let Some(root) = root {
            let to_here = whole.strip_prefix(root).unwrap_or(Path::new("")).to_string_lossy().into_owned();
            above.push((git_rules(&root.join(".git/info/exclude")), to_here));
        }
        above.reverse();
        let docker = text(&folder.join(".dockerignore"));
        let docker = docker.lines().filter_map(Rule::of_docker).collect();
        Self { folder: folder.to_owned(), above, docker, inner: Mutex::default() }
    }

    /// Whether something travels, whose folder does.
    fn takes(&self, path: &Path, is_folder: bool) -> bool {
        let name = name_of(path);
        if is_never(name) {
            return false;
        }
        let whole = path.to_string_lossy();
        let is_left = SKIPPED.contains(&name) && !MAY_BE_SOURCE.contains(&name) && is_folder;
        let mut takes = !is_left && !is_secret(name);
        for (rules, to_here) in &self.above {
            let from_there =
                if to_here.is_empty() { whole.to_string() } else { format!("{to_here}/{whole}") };
            decide(&mut takes, rules, |rule| rule.fits_git(&from_there, is_folder));
        }
        let mut folders: Vec<&Path> = path.ancestors().skip(1).collect();
        folders.reverse();
        for folder in folders {
            let below = path.strip_prefix(folder).unwrap_or(path).to_string_lossy();
            decide(&mut takes, &self.rules_in(folder), |rule| rule.fits_git(&below, is_folder));
        }
        // Docker takes these files whatever is said of them.
        let is_of_docker = name.contains("Dockerfile") || name == "Containerfile" || name == ".dockerignore";
        if !is_of_docker {
            decide(&mut takes, &self.docker, |rule| rule.fits_docker(&whole));
        }
        // What is in a folder may be taken that is left out itself.
        takes || (is_folder && self.docker.iter().any(|rule| rule.takes && rule.may_be_below(&whole)))
    }

    fn rules_in(&self, folder: &Path) -> Arc<Vec<Rule>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = inner.entry(folder.to_owned());
        let read = || Arc::new(git_rules(&self.folder.join(folder).join(".gitignore")));
        rules.or_insert_with(read).clone()
    }
}

fn decide(takes: &mut bool, rules: &[Rule], fits: impl Fn(&Rule) -> bool) {
    if let Some(last) = rules.iter().rev().find(|rule| fits(rule)) {
        *takes = last.takes;
    }
}

fn git_rules(file: &Path) -> Vec<Rule> {
    text(file).lines().filter_map(Rule::of_git).collect()
}

/// The text of a file of rules; none where there is none.
fn text(file: &Path) -> String {
    let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}

/// A line of `.gitignore` or `.dockerignore`.
struct Rule {
    /// Whether what fits travels.
    takes: bool,
    /// What is between `/`, from the folder of the file.
    parts: Vec<String>,
    of_folders: bool,
}

impl Rule {
    /// As gitignore(5) says it.
    fn of_git(line: &str) -> Option<Self> {
        let mut line = line.trim_end_matches('\r');
        while let Some(shorter) = line.strip_suffix(' ').filter(|shorter| !shorter.ends_with('\\')) {
            line = shorter;
        }
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (takes, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (of_folders, line) = line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
        let is_anchored = line.contains('/');
        let mut parts: Vec<String> =
            line.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        if parts.is_empty() {
            return None;
        }
        if !is_anchored {
            parts.insert(0, "**".to_owned());
        }
        // `a/**` is what is in a folder, and not the folder.
        if parts.last().is_some_and(|last| last == "**") {
            parts.push("*".to_owned());
        }
        Some(Self { takes, parts, of_folders })
    }

    /// As the reference of Dockerfiles says it: paths are always meant from the folder of the file.
    fn of_docker(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (takes, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
        let parts: Vec<String> =
            line.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect();
        (!parts.is_empty()).then_some(Self { takes, parts, of_folders: false })
    }

    fn fits_git(&self, path: &str, is_folder: bool) -> bool {
        (is_folder || !self.of_folders) && all_fit(&self.parts, &split(path))
    }

    /// Whether the path or a folder that it is in fits.
    fn fits_docker(&self, path: &str) -> bool {
        let parts = split(path);
        (1..=parts.len()).any(|length| all_fit(&self.parts, &parts[..length]))
    }

    /// Whether something in this folder may fit.
    fn may_be_below(&self, folder: &str) -> bool {
        let folder = split(folder);
        let known = self.parts.iter().position(|part| part == "**").unwrap_or(self.parts.len());
        let both = known.min(folder.len());
        (known < self.parts.len() || self.parts.len() > folder.len())
            && self.parts[..both].iter().zip(&folder).all(|(pattern, part)| part_fits(pattern, part))
    }
}

fn split(path: &str) -> Vec<&str> {
    path.split('/').collect()
}

/// Whether parts of a path fit those of a pattern, in which `**` stands for any number of them.
fn all_fit(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "**" => {
            (0..=path.len()).any(|skipped| all_fit(rest, &path[skipped..]))
        }
        (Some((first, rest)), Some((part, others))) => part_fits(first, part) && all_fit(rest, others),
        _ => false,
    }
}

/// Whether a name fits a pattern with `*`, `?`, `[a-z]` and `\`.
fn part_fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // Where to go on when what follows the last `*` does not fit: a `*` before that need not be tried again.
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() || at < pattern.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at + 1, in_name));
            at += 1;
            continue;
        }
        let next = name.get(in_name).and_then(|c| one_fits(&pattern[at..], *c));
        match (next, star) {
            (Some(used), _) => (at, in_name) = (at + used, in_name + 1),
            (None, Some((after, taken))) if taken < name.len() => {
                star = Some((after, taken + 1));
                (at, in_name) = (after, taken + 1);
            }
            (None, _) => return false,
        }
    }
    true
}

/// How many characters of the pattern stand for this one, if they do.
fn one_fits(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '\\' => (pattern.get(1) == Some(&c)).then_some(2),
        '[' => {
            let Some(length) = pattern.iter().skip(2).position(|c| *c == ']') else {
                return (c == '[').then_some(1);
            };
            let inside = &pattern[1..length + 2];
            let (is_not, inside) = match inside.split_first() {
                Some(('!' | '^', rest)) if !rest.is_empty() => (true, rest),
                _ => (false, inside),
            };
            (in_class(inside, c) != is_not).then_some(length + 3)
        }
        other => (*other == c).then_some(1),
    }
}

fn in_class(class: &[char], c: char) -> bool {
    let mut rest = class;
    while let Some((first, others)) = rest.split_first() {
        if let (Some('-'), Some(last)) = (others.first(), others.get(1)) {
            if (*first..=*last).contains(&c) {
                return true;
            }
            rest = &others[2..];
        } else {
            if *first == c {
                return true;
            }
            rest = others;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What travels of these files in the folder `shop` of a repository with these rules, but for the files of rules.
    fn travelling(above: &str, files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(".git/info")).unwrap();
        fs::write(folder.path().join(".gitignore"), above).unwrap();
        let shop = folder.path().join("shop");
        for (name, text) in files {
            let path = shop.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let pick = pick("folder", &shop).unwrap();
        let mut found = Vec::new();
        walk(&shop, Path::new(""), pick.as_ref(), &mut found);
        found.retain(|name| !name.ends_with("ignore"));
        found.sort();
        found
    }

    fn walk(folder: &Path, name: &Path, pick: &Pick, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder.join(name)).unwrap() {
            let entry = entry.unwrap();
            let (name, is_folder) = (name.join(entry.file_name()), entry.file_type().unwrap().is_dir());
            if pick(&name, is_folder) {
                if is_folder {
                    walk(folder, &name, pick, found)
                } else {
                    found.push(name.display().to_string())
                }
            }
        }
    }

    fn check(above: &str, files: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(travelling(above, files), expected, "{above} {files:?}");
    }

    #[test]
    fn what_everybody_leaves_out_stays_here() {
        check(
            "",
            &[
                (".git/config", ""),
                ("node_modules/a/index.js", ""),
                ("web/node_modules/a/index.js", ""),
                ("target/debug/shop", ""),
                (".env", ""),
                (".env.local", ""),
                (".env.example", ""),
                ("web/.env.production", ""),
                (".DS_Store", ""),
                ("src/target", "a file of that name"),
                ("vendor/modules.txt", ""),
                ("dist/app.js", ""),
                (".envrc", ""),
                ("src/main.rs", ""),
            ],
            &[".env.example", ".envrc", "dist/app.js", "src/main.rs", "src/target", "vendor/modules.txt"],
        );
    }

    #[test]
    fn rules_of_git_hold_as_they_do_for_git() {
        check(
            "*.tmp\n/shop/private/\n",
            &[
                (
                    ".gitignore",
                    "# a comment\n*.log\n!keep.log\n/dist/\nbuild\ndocs/*.pdf\na/**/z\n\\#x\ntrail \nq?[a-c].txt\n",
                ),
                ("a.log", ""),
                ("web/b.log", ""),
                ("web/keep.log", ""),
                ("dist/app.js", ""),
                ("web/dist/app.js", ""),
                ("web/build/app.js", ""),
                ("docs/a.pdf", ""),
                ("docs/more/a.pdf", ""),
                ("a/z", ""),
                ("a/b/c/z", ""),
                ("a/b/y", ""),
                ("#x", ""),
                ("trail", ""),
                ("q1b.txt", ""),
                ("q1d.txt", ""),
                ("x.tmp", ""),
                ("private/key", ""),
                ("web/.gitignore", "*.md\n!/README.md\n"),
                ("web/a.md", ""),
                ("web/README.md", ""),
                ("web/x/README.md", ""),
                ("a.md", ""),
            ],
            &[
                "a.md",
                "a/b/y",
                "docs/more/a.pdf",
                "q1d.txt",
                "web/README.md",
                "web/dist/app.js",
                "web/keep.log",
            ],
        );
    }

    #[test]
    fn rules_of_docker_come_last_and_are_meant_from_the_folder() {
        let files = [
            ("Dockerfile", ""),
            ("src/a.js", ""),
            ("src/b.md", ""),
            ("docs/c.md", ""),
            ("dist/app.js", ""),
            ("node_modules/x/y.js", ""),
        ];
        let with = |rules: &'static str| [&[(".dockerignore", rules)][..], &files].concat();
        check("dist/\n", &with("*\n!src\n!dist\n"), &["Dockerfile", "dist/app.js", "src/a.js", "src/b.md"]);
        check("", &with("**/*.md\n!docs/c.md\n/dist\n"), &["Dockerfile", "docs/c.md", "src/a.js"]);
        check("", &with("src\ndocs\ndist\n!src/b.md\nDockerfile\n"), &["Dockerfile", "src/b.md"]);
        check("", &with("src\ndocs\ndist\n!node_modules\n"), &["Dockerfile", "node_modules/x/y.js"]);
    }

    #[test]
    fn of_a_bundle_everything_travels_but_secrets_and_history() {
        let folder = tempfile::tempdir().unwrap();
        let pick = pick("bundle", folder.path()).unwrap();
        for (name, is_folder, takes) in [
            ("node_modules", true, true),
            ("index.html", false, true),
            (".well-known", true, true),
            (".git", true, false),
            (".env", false, false),
        ] {
            assert_eq!(pick(Path::new(name), is_folder), takes, "{name}");
        }
    }

    #[test]
    fn a_file_is_no_folder_and_a_folder_no_archive() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.tar");
        fs::write(&file, "").unwrap();
        assert!(pick("folder", &file).err().unwrap().contains("write `archive:`"));
        assert!(pick("archive", folder.path()).err().unwrap().contains("write `folder:`"));
        assert!(pick("archive", &file).is_ok() && pick("bundle", &file).is_ok());
    }
}
