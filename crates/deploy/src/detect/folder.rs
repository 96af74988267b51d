//! A folder of a source, seen from within.

use serde_json::Value;

use super::{read, tree::Tree};

/// A folder that may be an application.
#[derive(Clone, Copy)]
pub(super) struct Folder<'a> {
    pub(super) tree: &'a Tree,
    /// From the source's folder; `.` is that itself.
    pub(super) path: &'a str,
    /// The root of the workspace that it is a member of, in the same way.
    pub(super) root: &'a str,
    /// Whether others are members of a workspace of which it is the root.
    pub(super) has_members: bool,
}

impl<'a> Folder<'a> {
    /// A path from the source's folder of a path from this one.
    pub(super) fn full(&self, name: &str) -> String {
        if self.path == "." { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// The folder that holds the workspace together, or this one.
    pub(super) fn above(&self) -> Self {
        Self { path: self.root, ..*self }
    }

    pub(super) fn is_member(&self) -> bool {
        self.path != self.root
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tree.has(&self.full(name))
    }

    /// The first of these that is there.
    pub(super) fn first<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().find(|name| self.has(name)).copied()
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.tree.text(&self.full(name))
    }

    pub(super) fn json(&self, name: &str) -> Option<Value> {
        read::json(self.text(name)?)
    }

    pub(super) fn toml(&self, name: &str) -> Option<Value> {
        read::toml(self.text(name)?)
    }

    pub(super) fn yaml(&self, name: &str) -> Option<Value> {
        read::yaml(self.text(name)?)
    }

    /// The first line of a small file of one value.
    pub(super) fn line(&self, name: &str) -> Option<&'a str> {
        self.text(name)?.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))
    }

    /// The files below it, from it, in order.
    pub(super) fn below(&self) -> impl Iterator<Item = &'a str> {
        let path = self.path;
        let files: Vec<&'a str> = if path == "." {
            self.tree.below("").collect()
        } else {
            let prefix = format!("{path}/");
            // The tree outlives the prefix, which is only to be found by it.
            let found: Vec<String> = self.tree.below(&prefix).map(str::to_owned).collect();
            found.iter().filter_map(|file| self.tree.name(file)?.get(prefix.len()..)).collect()
        };
        files.into_iter()
    }

    /// The files in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.below().filter(|file| !file.contains('/'))
    }

    /// The first file below it, nearest first, that ends so.
    pub(super) fn ending(&self, endings: &[&str]) -> Option<&'a str> {
        self.below()
            .filter(|file| endings.iter().any(|ending| file.ends_with(ending)))
            .min_by_key(|file| (file.matches('/').count(), *file))
    }

    /// The first of these files that is here, else in the root of the workspace: with its path from the source's folder.
    pub(super) fn nearest(&self, names: &[&str]) -> Option<(String, &'a str)> {
        [*self, self.above()]
            .into_iter()
            .find_map(|folder| names.iter().find_map(|name| Some((folder.full(name), folder.line(name)?))))
    }

    /// What the files of version managers (asdf, mise) say of a tool, with the file.
    pub(super) fn tool_version(&self, tools: &[&str]) -> Option<(String, String)> {
        [*self, self.above()].into_iter().find_map(|folder| {
            let asdf = folder.text(".tool-versions").and_then(|text| {
                text.lines().find_map(|line| {
                    let mut words = line.split_whitespace();
                    tools.contains(&words.next()?).then(|| words.next())?.map(str::to_owned)
                })
            });
            let mise = || {
                let mise = folder.toml("mise.toml")?;
                tools.iter().find_map(|tool| read::text(&mise, &format!("/tools/{tool}")).map(str::to_owned))
            };
            asdf.map(|version| (folder.full(".tool-versions"), version))
                .or_else(|| Some((folder.full("mise.toml"), mise()?)))
        })
    }
}
