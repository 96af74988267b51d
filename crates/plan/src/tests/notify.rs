//! Who is told how a run goes.

use std::collections::BTreeMap;

use super::compiled;
use crate::{Channel, Inputs, NotifyOn, Selection, Severity, Text, check, select};

fn plan(notify: &str) -> String {
    format!(
        "name: a\nvars: {{ hook: 'https://hooks.example.com/x' }}\nsecrets: [URL, KEY]\nnotify:\n{notify}tasks:\n  t:\n    on: local\n    steps:\n      - run: x\n"
    )
}

#[test]
fn both_spellings_mean_the_same() {
    let check = |one: &str, other: &str| {
        let [one, other] =
            [one, other].map(|entry| compiled(&plan(&format!("  - {entry}\n")), &Inputs::default()));
        assert_eq!(one.notify, other.notify);
        assert_eq!(one.notify.len(), 1);
        assert_eq!(one.sha256, other.sha256);
    };
    check("slack: https://x", "{ slack: { url: https://x } }");
    check("{ slack: https://x, on: failed }", "slack: { url: https://x, on: [failed, failed] }");
    check("{ slack: https://x, on: [completed, failed] }", "{ slack: https://x, on: [failed, completed] }");
    check("{ teams: https://x, on: [failed, completed, recovered] }", "teams: https://x");
    check("webhook: https://x", "webhook: { url: https://x }");
    check("{ desktop: true, on: always }", "desktop: { on: always }");
    check("email: { smtp: smtp://x, from: a@b, to: c@d }", "email: { smtp: smtp://x, from: a@b, to: [c@d] }");
}

#[test]
fn values_are_put_in_and_secrets_stay_names_that_no_run_waits_for() {
    let source = plan(
        "  - slack: ${{ secrets.URL }}\n  - { discord: '${{ vars.hook }}/${{ env.ID }}', on: started }\n  - webhook: { url: https://x, secret: '${{ secrets.KEY }}' }\n",
    );
    let inputs = Inputs { env: BTreeMap::from([("ID".to_owned(), "7".to_owned())]), ..Inputs::default() };
    let plan = compiled(&source, &inputs);
    let channels: Vec<&Channel> = plan.notify.iter().map(|entry| &entry.channel).collect();
    assert!(
        matches!(channels[0], Channel::Slack { url } if url.to_string() == "‹secret URL›"),
        "{channels:?}"
    );
    assert_eq!(channels[0].secrets().collect::<Vec<_>>(), ["URL"]);
    assert_eq!(*channels[1], Channel::Discord { url: Text::literal("https://hooks.example.com/x/7") });
    assert_eq!(channels[2].secrets().collect::<Vec<_>>(), ["KEY"]);
    assert_eq!(plan.secrets, Vec::<String>::new());
    assert!(plan.notify[1].tells(NotifyOn::Started) && !plan.notify[1].tells(NotifyOn::Failed));
    assert!(plan.notify[0].tells(NotifyOn::Failed) && !plan.notify[0].tells(NotifyOn::Started));
}

#[test]
fn who_is_told_belongs_to_what_was_accepted_and_a_plan_that_tells_nobody_is_as_before() {
    let none = compiled(&plan("").replace("notify:\n", ""), &Inputs::default());
    let nobody = compiled(&plan(""), &Inputs::default());
    let somebody = compiled(&plan("  - desktop: true\n"), &Inputs::default());
    let otherwise = compiled(&plan("  - { desktop: true, on: failed }\n"), &Inputs::default());
    assert_eq!(none.sha256, nobody.sha256);
    assert_ne!(nobody.sha256, somebody.sha256);
    assert_ne!(somebody.sha256, otherwise.sha256);
    assert!(!serde_json::to_string(&none).unwrap().contains("notify"), "older records stay readable");
}

#[test]
fn a_part_of_a_plan_tells_the_same_people() {
    let source = plan("  - desktop: true\n") + "  u: { on: local, steps: [ { run: y } ] }\n";
    let whole = compiled(&source, &Inputs::default());
    let selection = Selection { tasks: vec!["u".to_owned()], ..Selection::default() };
    let part = select(&check(&source).plan.unwrap(), whole.clone(), &selection).unwrap();
    assert_eq!(part.notify, whole.notify);
}

#[test]
fn what_had_better_be_a_secret_is_warned_of() {
    let warnings = |entry: &str| -> Vec<String> {
        let found = check(&plan(&format!("  - {entry}\n"))).diagnostics;
        assert!(found.iter().all(|problem| problem.severity == Severity::Warning), "{found:?}");
        found.into_iter().map(|problem| problem.hint.unwrap()).collect()
    };
    assert!(
        warnings("slack: https://hooks.slack.com/services/T/B/x")[0].contains("${{ secrets.SLACK_URL }}")
    );
    assert!(warnings("webhook: { url: https://x, secret: abc }")[0].contains("WEBHOOK_KEY"));
    let mail = "email: { smtp: smtp://x, user: u, password: hunter2, from: a@b, to: c@d }";
    assert!(warnings(mail)[0].contains("SMTP_PASSWORD"));
    assert!(warnings("slack: ${{ secrets.URL }}").is_empty());
    assert!(warnings("slack: http://127.0.0.1:9/x").is_empty());
    assert!(warnings("webhook: https://example.com/x").is_empty());
}
