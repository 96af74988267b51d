//! The files that a plan names: it is read without them at first, says which it wants, and is read again with them.

use std::collections::BTreeMap;

/// The texts of files beside a plan, by their path as seen from the plan's folder; what could not be read has the reason
/// instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    plan: Option<String>,
    texts: BTreeMap<String, Result<String, String>>,
}

impl Files {
    /// The files beside a plan that has this name in its folder.
    #[must_use]
    pub fn beside(plan: impl Into<String>) -> Self {
        Self { plan: Some(plan.into()), ..Self::default() }
    }

    /// The name of the plan itself, where that is known.
    pub(crate) fn plan(&self) -> Option<&str> {
        self.plan.as_deref()
    }

    /// Adds a file, or why it cannot be read.
    pub fn insert(&mut self, path: impl Into<String>, text: Result<String, String>) {
        self.texts.insert(path.into(), text);
    }

    /// What is known of a file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Result<&str, &str>> {
        self.texts.get(path).map(|text| text.as_deref().map_err(String::as_str))
    }
}

/// The path that a file names by `named`, as seen from the plan's folder, when the file itself is `from` there (empty for
/// the plan). Both are written with `/`. `..` takes a name away: folders that are symbolic links are not looked through.
pub(crate) fn joined(from: &str, named: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_absolute = named.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    let absolute_folder = from.starts_with('/');
    let before = if is_absolute { "" } else { folder };
    for part in before.split('/').chain(named.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if is_absolute || absolute_folder => {}
            part => parts.push(part),
        }
    }
    let root = if is_absolute || absolute_folder { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_as_seen_from_the_plan() {
        let check = |from, named, expected: &str| assert_eq!(joined(from, named), expected, "{from} {named}");
        check("", "hosts.yaml", "hosts.yaml");
        check("", "./a//b.yaml", "a/b.yaml");
        check("", "../common/base.yaml", "../common/base.yaml");
        check("../common/base.yaml", "more.yaml", "../common/more.yaml");
        check("../common/base.yaml", "../plan.yaml", "../plan.yaml");
        check("a/b/c.yaml", "../../../d.yaml", "../d.yaml");
        check("a/b.yaml", "/etc/x.yaml", "/etc/x.yaml");
        check("/etc/x.yaml", "y.yaml", "/etc/y.yaml");
        check("/etc/x.yaml", "../../y.yaml", "/y.yaml");
    }
}
