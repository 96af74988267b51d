//! Detection takes anything, and says the same of it each time.

use proptest::prelude::*;

use super::*;

/// Names that detection knows, names that it does not, and folders.
fn path() -> impl Strategy<Value = String> {
    let names: Vec<String> = WANTED.iter().map(|name| name.replace('*', "x")).collect();
    let folder = prop_oneof![
        Just(""),
        Just("apps/web/"),
        Just("docker/"),
        Just("packages/a/"),
        Just("cmd/x/"),
        Just("é/"),
        Just("../")
    ];
    (folder, prop_oneof![4 => proptest::sample::select(names), 1 => ".{0,12}"])
        .prop_map(|(folder, name)| format!("{folder}{name}"))
}

/// Texts of the table put together anew, cut anywhere, and anything else.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let table = include_str!("layouts.txt");
    prop_oneof![
        4 => (0..table.len(), 0..600usize).prop_map(move |(at, length)| table.as_bytes()[at..(at + length).min(table.len())].to_vec()),
        2 => (0..table.len()).prop_map(move |at| {
            let at = (0..=at).rev().find(|at| table.is_char_boundary(*at)).unwrap_or(0);
            let from = table[..at].rfind("\n-- ").map_or(0, |at| at + 1);
            let part = &table[from..];
            part.split_once('\n').map_or("", |(_, rest)| rest.split("\n-- ").next().unwrap_or_default().split("\n==").next().unwrap_or_default()).as_bytes().to_vec()
        }),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => ".{0,200}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_is_told_about_and_twice_the_same(
        files in proptest::collection::vec((path(), text(), any::<u64>()), 0..12),
    ) {
        let sizes = || files.iter().map(|(path, _, size)| (path.clone(), *size));
        let texts = || files.iter().map(|(path, text, _)| (path.clone(), text.clone()));
        let detected = detect(&Tree::new(sizes(), texts()));
        prop_assert_eq!(&detected, &detect(&Tree::new(sizes(), texts())));
        prop_assert!(!detected.applications.is_empty() || !detected.notes.is_empty());
        for app in &detected.applications {
            if let Some(made) = dockerfile(app, &Bases::default()) {
                // A manifest adds no instruction: each line begins with one that is ours, and only comments and empty lines do not.
                let known = ["FROM ", "RUN ", "COPY ", "ENV ", "WORKDIR ", "EXPOSE ", "USER ", "CMD ", "# "];
                for line in made.text.lines().filter(|line| !line.is_empty()) {
                    prop_assert!(known.iter().any(|known| line.starts_with(known)), "{line}");
                    prop_assert!(!line.starts_with("ARG"));
                }
                prop_assert!(made.text.contains("\nUSER "));
            }
        }
    }
}
