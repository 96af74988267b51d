//! Sentences and their meanings live in `sentences.txt`; what depends on the context is here.

use steadyhand_domain::Choice;

use super::{
    Context, CurrentRun, HeldStep, Intent, NewDeployment, Origin, Serving, Which, answers,
    patterns::pattern_counts, understand,
};

fn context() -> Context {
    Context {
        run: CurrentRun::None,
        asked: None,
        names: vec!["shop".into()],
        variables: vec!["greeting".into(), "LOG_LEVEL".into()],
        places: vec!["web1".into()],
        others: vec!["blog".into(), "Practice".into(), "shop-api".into()],
        ..Context::default()
    }
}

/// With a run that is held at these steps, as `STEP on HOST`.
fn held_at(steps: &[&str]) -> Context {
    let held = steps.iter().map(|at| {
        let (step, host) = at.split_once(" on ").expect("`STEP on HOST`");
        HeldStep { step: step.into(), host: host.into() }
    });
    Context { run: CurrentRun::Paused, held: held.collect(), ..context() }
}

/// The intent in the words of `sentences.txt`.
fn name(intent: &Intent) -> String {
    let numbered = |word: &str, number: Option<u32>| match number {
        Some(number) => format!("{word} {number}"),
        None => word.to_owned(),
    };
    match intent {
        Intent::Redeploy => "redeploy".into(),
        Intent::Pause => "pause".into(),
        Intent::Resume => "resume".into(),
        Intent::Stop => "stop".into(),
        Intent::Status => "status".into(),
        Intent::ShowRuns { count } => numbered("runs", *count),
        Intent::WhyFailed { run } => numbered("why", *run),
        Intent::Retry { run } => numbered("retry", *run),
        Intent::Decide { choice, which: Which { step, host, all } } => {
            let choice = match choice {
                Choice::Retry => "retry step",
                Choice::Skip => "skip",
                Choice::Fail => "let fail",
            };
            let step = step.as_ref().map(|step| format!(" {step}")).unwrap_or_default();
            let host = host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
            format!("{choice}{}{step}{host}", if *all { " all" } else { "" })
        }
        Intent::ShowRun { run } => format!("run {run}"),
        Intent::ChangePort { port, .. } => format!("port {port}"),
        Intent::FreePort => "free port".into(),
        Intent::CompareRuns { first, second } => format!("compare {first} {second}"),
        Intent::OpenApp => "open".into(),
        Intent::RollBack { to } => numbered("rollback", *to),
        Intent::Serving(Serving::Anew) => "restart".into(),
        Intent::Serving(Serving::NoMore { .. }) => "offline".into(),
        Intent::Serving(Serving::Again) => "online".into(),
        Intent::Live => "live".into(),
        Intent::Deployments { count } => numbered("deployments", *count),
        Intent::Deploy(request) => {
            let what = match &request.origin {
                Origin::Git(address) => address.clone(),
                Origin::Image(image) => format!("image {image}"),
            };
            let more = [("branch", &request.branch), ("in", &request.path), ("to", &request.to)];
            let more =
                more.into_iter().filter_map(|(word, value)| Some(format!(" {word} {}", value.as_ref()?)));
            format!("draft {what}{}", more.collect::<String>())
        }
        Intent::Elsewhere { project, asked } => format!("at {project}: {}", name(asked)),
        Intent::SetVar { name, value } => format!("set {name}={value}"),
        Intent::Help => "help".into(),
        Intent::Greeting => "greeting".into(),
        Intent::Thanks => "thanks".into(),
        Intent::NeverMind => "nevermind".into(),
        Intent::Declined { action } => format!("declined {}", name(action)),
        Intent::AskBack { did_you_mean } => format!("ask {}", name(did_you_mean)),
        Intent::Cannot { .. } => "cannot".into(),
        Intent::Unknown { .. } => "unknown".into(),
    }
}

fn check_file(file: &str) -> (usize, usize) {
    let mut wrong = Vec::new();
    let (mut all, mut harmless) = (0, 0);
    for line in file.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (expected, sentence) = line.split_once(" | ").expect("a line is `expected | sentence`");
        let found = understand(sentence, &context());
        all += 1;
        let right = if expected == "no" {
            harmless += 1;
            !found.acts()
        } else {
            name(&found) == expected
        };
        if !right {
            wrong.push(format!("{sentence:?}: expected {expected}, found {}", name(&found)));
        }
    }
    assert!(wrong.is_empty(), "{} of {all} wrong:\n{}", wrong.len(), wrong.join("\n"));
    (all, harmless)
}

#[test]
fn every_sentence_means_what_the_list_says() {
    let (all, harmless) = check_file(include_str!("sentences.txt"));
    assert!(all >= 250 && harmless >= 80, "{all} sentences, of which {harmless} must not act");
}

#[test]
fn every_pattern_compiles() {
    let (written, read) = pattern_counts();
    assert_eq!(written, read);
}

#[test]
fn yes_means_what_was_asked_and_nothing_without_a_question() {
    let asked = Context { asked: Some(Intent::Stop), ..context() };
    for yes in ["yes", "Yes please", "yep", "do it", "ja", "oui", "sí", "go ahead", "👍"] {
        assert_eq!(understand(yes, &asked), Intent::Stop, "{yes}");
        assert!(!matches!(understand(yes, &context()), Intent::Stop | Intent::Redeploy), "{yes}");
    }
    for no in ["no", "No, thanks", "never mind", "nein"] {
        assert_eq!(understand(no, &asked), Intent::NeverMind, "{no}");
    }
}

#[test]
fn another_request_replaces_the_question() {
    let asked = Context { asked: Some(Intent::Stop), ..context() };
    assert_eq!(understand("redeploy", &asked), Intent::Redeploy);
}

#[test]
fn go_resumes_only_a_paused_run() {
    let paused = Context { run: CurrentRun::Paused, ..context() };
    assert_eq!(understand("go", &paused), Intent::Resume);
    assert!(!understand("go", &context()).acts());
}

#[test]
fn a_project_named_like_an_action_changes_no_meaning() {
    let named = Context { names: vec!["stop".into(), "status".into()], ..context() };
    assert_eq!(understand("stop", &named), Intent::Stop);
    assert_eq!(understand("status", &named), Intent::Status);
}

#[test]
fn a_project_name_near_an_action_is_not_mended_into_it() {
    let named = Context { names: vec!["deplog".into()], ..context() };
    assert!(!understand("deplog", &named).acts());
    assert_eq!(understand("redeploy deplog", &named), Intent::Redeploy);
}

#[test]
fn what_is_not_understood_comes_with_the_nearest_wordings() {
    let Intent::Unknown { nearest } = understand("the last five somethings", &context()) else {
        panic!("it was understood");
    };
    assert_eq!(nearest[0], "show the last 5 runs");
    for text in nearest {
        let understood = understand(text, &context());
        assert!(!matches!(understood, Intent::Unknown { .. } | Intent::AskBack { .. }), "{text}");
    }
}

#[test]
fn what_is_asked_of_another_project_is_never_done_here() {
    let cases = [
        ("deploy blog", "at blog: redeploy"),
        ("redeploy shop-api", "at shop-api: redeploy"),
        ("deploy shop", "redeploy"),
        ("retry run 1 on blog", "at blog: retry 1"),
        ("stop the run of blog", "at blog: stop"),
        ("pause blog", "at blog: pause"),
        ("show runs of Practice", "at Practice: runs"),
        ("show the last 3 runs of blog", "at blog: runs 3"),
        ("open blog", "at blog: open"),
        ("status of blog", "at blog: status"),
    ];
    for (sentence, expected) in cases {
        let found = understand(sentence, &context());
        assert_eq!(name(&found), expected, "{sentence}");
        assert!(expected.starts_with("redeploy") || !found.acts(), "{sentence}");
    }
}

#[test]
fn a_place_that_the_plan_does_not_have_is_not_deployed_to_whatever_it_is_called() {
    for place in ["production", "staging", "prod", "the test server", "web2"] {
        assert_eq!(name(&understand(&format!("deploy to {place}"), &context())), "cannot", "{place}");
    }
    let places = vec!["production".to_owned(), "staging".to_owned(), "web1".to_owned()];
    let has = Context { places, ..context() };
    for place in ["production", "staging", "web1", "the web1"] {
        assert_eq!(understand(&format!("deploy to {place}"), &has), Intent::Redeploy, "{place}");
    }
}

#[test]
fn nonsense_is_not_answered_with_guesses() {
    for text in ["rm -rf /", "asdf qwer zxcv", "lorem ipsum dolor sit amet", "{}"] {
        let Intent::Unknown { nearest } = understand(text, &context()) else {
            panic!("{text} was understood")
        };
        assert_eq!(nearest, ["help"], "{text}");
    }
}

#[test]
fn a_port_that_is_to_be_replaced_is_told_from_the_new_one() {
    let both = Intent::ChangePort { port: 48722, from: Some(8319) };
    for text in [
        "change port from 8319 to 48722",
        "change the port from 8319 to 48722 please",
        "use port 48722 instead of 8319",
        "set port from 8319 to 48722",
    ] {
        assert_eq!(understand(text, &context()), both, "{text}");
    }
}

#[test]
fn a_long_message_never_acts_by_itself() {
    let long = "please ".repeat(60) + "stop";
    assert_eq!(name(&understand(&long, &context())), "ask stop");
}

#[test]
fn no_text_makes_it_panic_or_slow() {
    let texts = [
        "",
        " ",
        "\u{0}",
        "\"",
        "\"\"\"",
        "'",
        "''s",
        "n't",
        ",,,,",
        "…",
        "🙂🙂",
        "ß",
        "İ",
        "port 0",
        "run 99999999999999",
        "ﷺ",
    ];
    for text in texts {
        assert!(!understand(text, &context()).acts(), "{text}");
    }
    let long = "stop the run and ".repeat(20_000);
    assert!(!understand(&long, &context()).acts());
}

#[test]
fn sentences_written_without_looking_at_the_rules_are_understood_too() {
    let (all, _) = check_file(include_str!("sentences_blind.txt"));
    assert!(all >= 60, "{all}");
}

#[test]
fn a_decision_names_its_host_or_its_step_or_all_of_them() {
    let held = held_at(&["Restart on web1", "Restart on web2", "Run the migrations on db-1"]);
    for (text, expected) in [
        ("retry", "retry"),
        ("try it again", "retry"),
        ("skip it", "skip"),
        ("skip it on web2", "skip on web2"),
        ("Skip web2.", "skip on web2"),
        ("please skip this step on db-1", "skip on db-1"),
        ("retry on web1", "retry step on web1"),
        ("try it again on web1", "retry step on web1"),
        ("try again on web1 please", "retry step on web1"),
        ("let it fail on web2", "let fail on web2"),
        ("let web2 fail", "let fail on web2"),
        ("give up on web2", "let fail on web2"),
        ("skip Restart on web1", "skip Restart on web1"),
        ("retry \"Run the migrations\"", "retry step Run the migrations"),
        ("let the step run the migrations fail", "let fail Run the migrations"),
        ("try restart again", "retry step Restart"),
        ("skip them all", "skip all"),
        ("skip all of them", "skip all"),
        ("skip it everywhere", "skip all"),
        ("skip all of the held steps", "skip all"),
        ("retry all", "retry step all"),
        ("retry them all", "retry step all"),
        ("let them all fail", "let fail all"),
        ("give up on all of them", "let fail all"),
        ("skip it on all hosts", "skip all"),
        ("retry run 12", "retry 12"),
        ("continue", "resume"),
        ("stop", "stop"),
    ] {
        assert_eq!(name(&understand(text, &held)), expected, "{text}");
    }
}

#[test]
fn a_decision_about_a_host_or_step_that_is_not_understood_is_asked_about() {
    let held = held_at(&["Restart on web1"]);
    for text in [
        "skip it on web9",
        "skip it on web1 and web2",
        "skip it on web-1",
        "skip the tests",
        "skip Restart and Migrate",
        "don't skip Restart",
        "should I skip Restart?",
        "skip it tomorrow",
        "skip it if it fails again",
        "let it fail when it fails again",
        "skip it on web1 on blog",
        "what if I skip it on web1?",
        "never let it fail on web1",
        "if you retry it on web1, what happens?",
    ] {
        let found = understand(text, &held);
        assert!(!found.acts(), "{text}: {found:?}");
    }
}

#[test]
fn the_answer_to_which_step_is_a_host_a_step_or_all() {
    let asked = Intent::Decide { choice: Choice::Skip, which: Which::default() };
    let held = Context { asked: Some(asked), ..held_at(&["Restart on web1", "Reload on web2"]) };
    for (text, expected) in [
        ("web2", "skip on web2"),
        ("On web2, please", "skip on web2"),
        ("only web1", "skip on web1"),
        ("“Reload”", "skip Reload"),
        ("Reload on web2", "skip Reload on web2"),
        ("all", "skip all"),
        ("Both!", "skip all"),
        ("all of them", "skip all"),
        ("no", "nevermind"),
        ("retry on web1", "retry step on web1"),
        ("stop", "stop"),
    ] {
        assert_eq!(name(&understand(text, &held)), expected, "{text}");
    }
    for text in ["web9", "web", "not web1"] {
        assert!(!understand(text, &held).acts(), "{text}");
    }
    let nothing_asked = held_at(&["Restart on web1", "Reload on web2"]);
    assert!(!understand("web2", &nothing_asked).acts());
}

#[test]
fn a_step_named_like_a_request_changes_no_meaning() {
    let held = held_at(&["Stop on stop", "again on web1", "it on web2"]);
    for (text, expected) in
        [("stop", "stop"), ("try again", "retry"), ("skip it", "skip"), ("status", "status")]
    {
        assert_eq!(name(&understand(text, &held)), expected, "{text}");
    }
}

#[test]
fn the_answer_to_to_which_server_or_which_application_completes_the_request() {
    let Intent::Deploy(request) = understand("deploy https://github.com/acme/mono", &context()) else {
        panic!("it was not understood")
    };
    let asked = |choices: &[&str]| {
        let choices = choices.iter().map(|path| (*path).to_owned()).collect();
        let request = NewDeployment { choices, ..request.clone() };
        Context { asked: Some(Intent::Deploy(request)), ..context() }
    };
    for (text, expected) in [
        ("web1", "draft https://github.com/acme/mono to web1"),
        ("To web1, please.", "draft https://github.com/acme/mono to web1"),
        ("deploy@203.0.113.10", "draft https://github.com/acme/mono to deploy@203.0.113.10"),
        ("to my server at 203.0.113.10:2222", "draft https://github.com/acme/mono to 203.0.113.10:2222"),
        ("no", "nevermind"),
        ("redeploy", "redeploy"),
    ] {
        assert_eq!(name(&understand(text, &asked(&[]))), expected, "{text}");
    }
    for (text, expected) in [
        ("apps/web", "draft https://github.com/acme/mono in apps/web"),
        ("the api", "draft https://github.com/acme/mono in apps/api"),
        ("`apps/api`", "draft https://github.com/acme/mono in apps/api"),
        ("use web please", "draft https://github.com/acme/mono in apps/web"),
    ] {
        assert_eq!(name(&understand(text, &asked(&["apps/web", "apps/api"]))), expected, "{text}");
    }
    for text in ["web9", "what?", "none of them"] {
        assert!(!understand(text, &asked(&["apps/web"])).acts(), "{text}");
    }
}

#[test]
fn only_a_plain_yes_or_no_answers_what_was_asked() {
    let asked = Intent::Serving(Serving::NoMore { sure: true });
    for text in ["yes", "Yes please", "go ahead", "no", "no thanks", "never mind"] {
        assert!(answers(text, &asked), "{text}");
    }
    for text in ["yes, but what does it cost?", "why?", "status", "redeploy", "is it safe?", ""] {
        assert!(!answers(text, &asked), "{text}");
    }
}
