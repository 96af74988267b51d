//! Bodies against the published formats of the services.

use secrecy::SecretString;
use serde_json::{Value, json};
use steadyhand_domain::{Desired, ProjectId, Reason, RunId, RunState, StepId, StepState, Timestamp, Trigger};
use steadyhand_plan::{CompiledPlan, CompiledTask, FORMAT, Rollout};
use steadyhand_store::{
    notifications::{Open, Told},
    records::{RunSummary, Step, StepCounts},
};
use uuid::Uuid;

use super::{discord, email, message::Message, slack, teams, text::length, webhook};
use crate::Masker;

const ALL: [Told; 5] = [Told::Started, Told::Failed, Told::Completed, Told::Recovered, Told::Stopped];

/// Names, a reason and a log as people and hosts might have them.
struct Said {
    project: String,
    plan: String,
    step: String,
    reason: String,
    log: String,
    hosts: Vec<String>,
}

impl Said {
    fn usual() -> Self {
        Self {
            project: "shop".into(),
            plan: "shop".into(),
            step: "Build image".into(),
            reason: "exit status 7".into(),
            log: "one\ntwo\n".into(),
            hosts: vec!["web1".into()],
        }
    }

    /// Everything that controls anything, everywhere.
    fn hostile() -> Self {
        let evil = "<!channel> <@U1> @everyone @here *b* _i_ ~s~ `c` ``` ||x|| [l](http://e) # h > q & \\ \u{1b}[31m\r\nBcc: e@x\u{0}\u{202e}";
        Self {
            project: evil.into(),
            plan: format!("plan {evil}"),
            step: evil.into(),
            reason: evil.into(),
            log: format!("{evil}\n```\n{evil}"),
            hosts: vec![evil.into()],
        }
    }

    /// As long as anything gets, in characters that take most room.
    fn huge() -> Self {
        let long = "😀&<*`".repeat(4000);
        Self {
            project: long.clone(),
            plan: format!("p{long}"),
            step: long.clone(),
            reason: long.clone(),
            log: format!("{long}\n").repeat(50),
            hosts: (0..1000).map(|number| format!("{number}{long}")).collect(),
        }
    }

    fn message(&self, told: Told, secrets: &[(&str, SecretString)]) -> Message {
        let open = Open {
            id: Uuid::from_u128(7),
            run_id: RunId(Uuid::from_u128(8)),
            channel: 0,
            told,
            sending: false,
            attempts: 0,
            next_at: Timestamp(0),
            holder: String::new(),
            created_at: Timestamp(0),
        };
        let run = RunSummary {
            id: open.run_id,
            project_id: ProjectId(Uuid::from_u128(9)),
            number: 12,
            state: RunState::Failed,
            desired: Desired::Running,
            hindrances: Vec::new(),
            trigger: Trigger::CommandLine,
            started_by: "ada".into(),
            plan_sha256: String::new(),
            rendered_sha256: String::new(),
            created_at: Timestamp(1_700_000_000_000),
            ended_at: Some(Timestamp(1_700_000_065_000)),
            steps: StepCounts { completed: 2, failed: 1, skipped: 3, ..StepCounts::default() },
            current_step: None,
            typical_ms: None,
            untold: Vec::new(),
            seq: 1,
        };
        let step = Step {
            id: StepId(Uuid::from_u128(10)),
            run_id: run.id,
            index: 2,
            task: "deploy".into(),
            host: self.hosts[0].clone(),
            name: self.step.clone(),
            kind: "run".into(),
            stage: None,
            state: StepState::Failed,
            reason: Some(Reason::Error { message: self.reason.clone() }),
            reason_text: None,
            started_at: None,
            ended_at: None,
            attempts: Vec::new(),
            changed: None,
            output: None,
            decision: None,
        };
        let plan = CompiledPlan {
            format: FORMAT,
            name: self.plan.clone(),
            hosts: Default::default(),
            tasks: vec![CompiledTask {
                name: "deploy".into(),
                needs: Vec::new(),
                hosts: self.hosts.clone(),
                rollout: Rollout::default(),
            }],
            steps: Vec::new(),
            secrets: Vec::new(),
            notify: Vec::new(),
            sha256: String::new(),
        };
        let failed = (told == Told::Failed).then(|| (&step, self.log.clone()));
        Message::made(&open, &run, &self.project, &plan, failed, Masker::new(secrets).as_ref())
    }
}

fn text(value: &Value, least: usize, most: usize) -> &str {
    let text = value.as_str().unwrap_or_else(|| panic!("a text: {value}"));
    let length = length(text);
    assert!((least..=most).contains(&length), "{length} characters of {least} to {most}: {text}");
    text
}

fn keys(value: &Value, allowed: &[&str]) {
    let object = value.as_object().unwrap_or_else(|| panic!("an object: {value}"));
    for key in object.keys() {
        assert!(allowed.contains(&key.as_str()), "`{key}` is no key of {value}");
    }
}

/// <https://api.slack.com/reference/block-kit/blocks> and the rules of `chat.postMessage`.
fn is_for_slack(body: &Value) {
    keys(body, &["text", "blocks"]);
    let fallback = text(&body["text"], 1, 40_000);
    assert_no_control_of_slack(fallback);
    let blocks = body["blocks"].as_array().unwrap();
    assert!((1..=50).contains(&blocks.len()));
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "header" => {
                keys(block, &["type", "text", "block_id"]);
                assert_eq!(block["text"]["type"], "plain_text");
                assert_no_control_of_slack(text(&block["text"]["text"], 1, 150));
            }
            "section" => {
                keys(block, &["type", "text", "fields", "block_id", "accessory", "expand"]);
                assert!(block.get("text").is_some() || block.get("fields").is_some());
                if let Some(object) = block.get("text") {
                    assert_eq!(object["type"], "mrkdwn");
                    keys(object, &["type", "text", "verbatim"]);
                    let section = text(&object["text"], 1, 3000);
                    assert_no_control_of_slack(section);
                    assert!(section.matches("```").count().is_multiple_of(2), "a fence is closed: {section}");
                }
                if let Some(fields) = block.get("fields") {
                    let fields = fields.as_array().unwrap();
                    assert!((1..=10).contains(&fields.len()));
                    for field in fields {
                        assert_eq!(field["type"], "mrkdwn");
                        assert_no_control_of_slack(text(&field["text"], 1, 2000));
                    }
                }
            }
            other => panic!("{other}"),
        }
    }
}

fn assert_no_control_of_slack(text: &str) {
    assert!(!text.contains(['<', '>']), "{text}");
    for (at, _) in text.match_indices('&') {
        let rest = &text[at..];
        assert!(["&amp;", "&lt;", "&gt;"].iter().any(|entity| rest.starts_with(entity)), "{rest}");
    }
}

/// <https://discord.com/developers/docs/resources/message#embed-object-embed-limits>
fn is_for_discord(body: &Value) {
    keys(body, &["embeds", "allowed_mentions"]);
    assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
    let embeds = body["embeds"].as_array().unwrap();
    assert!((1..=10).contains(&embeds.len()));
    let mut all = 0;
    for embed in embeds {
        keys(embed, &["title", "description", "color", "fields"]);
        all += length(text(&embed["title"], 1, 256));
        if let Some(description) = embed.get("description") {
            let description = text(description, 1, 4096);
            assert!(description.matches("```").count().is_multiple_of(2), "{description}");
            all += length(description);
        }
        assert!(embed["color"].as_u64().unwrap() <= 0xff_ffff);
        let fields = embed["fields"].as_array().unwrap();
        assert!(fields.len() <= 25);
        for field in fields {
            all += length(text(&field["name"], 1, 256)) + length(text(&field["value"], 1, 1024));
            assert!(field["inline"].is_boolean());
        }
    }
    assert!(all <= 6000, "{all}");
    // Between fences nothing calls anybody.
    let written: String = body.to_string().split("```").step_by(2).collect();
    assert!(!written.contains("@everyone") && !written.contains("@here"), "{written}");
}

/// The schema of adaptive cards 1.4 as far as these cards go, and what Teams takes.
fn is_for_teams(body: &Value) {
    keys(body, &["type", "attachments"]);
    assert_eq!(body["type"], "message");
    assert!(body.to_string().len() <= 28 * 1024, "{}", body.to_string().len());
    let attachments = body["attachments"].as_array().unwrap();
    assert_eq!(attachments.len(), 1);
    keys(&attachments[0], &["contentType", "contentUrl", "content"]);
    assert_eq!(attachments[0]["contentType"], "application/vnd.microsoft.card.adaptive");
    assert!(attachments[0]["contentUrl"].is_null());
    let card = &attachments[0]["content"];
    keys(card, &["$schema", "type", "version", "fallbackText", "msteams", "body"]);
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
    for block in card["body"].as_array().unwrap() {
        keys(block, &["type", "inlines", "spacing", "separator"]);
        assert_eq!(block["type"], "RichTextBlock");
        if let Some(spacing) = block.get("spacing") {
            assert!(["None", "Small", "Default"].contains(&spacing.as_str().unwrap()));
        }
        let inlines = block["inlines"].as_array().unwrap();
        assert!(!inlines.is_empty());
        for run in inlines {
            keys(run, &["type", "text", "size", "weight", "color", "isSubtle", "fontType"]);
            assert_eq!(run["type"], "TextRun");
            assert!(run["text"].is_string());
            if let Some(colour) = run.get("color") {
                let known = ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"];
                assert!(known.contains(&colour.as_str().unwrap()));
            }
        }
    }
}

/// The mail as its readers take it apart: headers, then text.
fn is_mail(mail: &lettre::Message) -> (Vec<(String, String)>, String) {
    let bytes = String::from_utf8(mail.formatted()).unwrap();
    let (head, body) = bytes.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let headers: Vec<(String, String)> = unfolded
        .split("\r\n")
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("a header: {line}"));
            assert!(name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-'), "{line}");
            (name.to_ascii_lowercase(), value.to_owned())
        })
        .collect();
    assert!(bytes.lines().all(|line| line.len() <= 998), "RFC 5322, 2.1.1");
    (headers, body.to_owned())
}

#[test]
fn every_body_is_as_its_service_wants_it_whatever_is_in_it() {
    for said in [Said::usual(), Said::hostile(), Said::huge()] {
        for told in ALL {
            let message = said.message(told, &[]);
            is_for_slack(&slack::body(&message));
            is_for_discord(&discord::body(&message));
            is_for_teams(&teams::body(&message));
            let mail =
                email::mail(&message, "Deploy <deploy@example.com>", &["a@example.com".into()]).unwrap();
            let (headers, _) = is_mail(&mail);
            let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            let expected = [
                "auto-submitted",
                "content-transfer-encoding",
                "content-type",
                "date",
                "from",
                "message-id",
                "mime-version",
                "subject",
                "to",
                "x-steadyhand-delivery",
            ];
            assert_eq!(names, expected, "nothing that is told became a header");
        }
    }
}

#[test]
fn what_people_want_to_know_is_in_every_body() {
    let message =
        Said { hosts: vec!["web1".into(), "web2".into()], ..Said::usual() }.message(Told::Failed, &[]);
    let mail =
        email::mail(&message, "d@example.com", &["a@example.com".into(), "b@example.com".into()]).unwrap();
    let (headers, mail) = is_mail(&mail);
    assert!(headers.contains(&("subject".into(), "shop: run 12 failed".into())), "{headers:?}");
    assert!(headers.contains(&("to".into(), "a@example.com, b@example.com".into())), "{headers:?}");
    let plain = |body: Value| body.to_string().replace("\\\\", "").replace('\u{200b}', "");
    for body in [
        plain(slack::body(&message)),
        plain(discord::body(&message)),
        plain(teams::body(&message)),
        plain(webhook::body(&message)),
        mail,
    ] {
        for part in ["shop", "12", "failed", "Build image", "web1", "web2", "exit status 7", "two", "ada"] {
            assert!(body.contains(part), "{part}: {body}");
        }
    }
}

#[test]
fn the_generic_body_is_this() {
    let body = webhook::body(&Said::usual().message(Told::Failed, &[]));
    let expected = json!({
        "version": 1,
        "delivery": "00000000-0000-0000-0000-000000000007",
        "event": "failed",
        "title": "shop: run 12 failed",
        "project": "shop",
        "plan": "shop",
        "run": {
            "id": "00000000-0000-0000-0000-000000000008",
            "number": 12,
            "state": "failed",
            "trigger": "command_line",
            "started_by": "ada",
            "created_at_ms": 1_700_000_000_000_i64,
            "ended_at_ms": 1_700_000_065_000_i64,
            "duration_ms": 65_000,
            "steps": { "completed": 2, "failed": 1, "skipped": 3, "total": 6 },
        },
        "hosts": ["web1"],
        "failed_step": {
            "number": 3,
            "name": "Build image",
            "task": "deploy",
            "host": "web1",
            "reason": "exit status 7",
            "log": ["one", "two"],
        },
    });
    assert_eq!(body, expected);
    let started = webhook::body(&Said::usual().message(Told::Started, &[]));
    assert_eq!((&started["run"]["ended_at_ms"], &started["failed_step"]), (&Value::Null, &Value::Null));
}

/// A secret in each form in which programs print it, wherever a text may have it.
#[test]
fn no_body_has_a_secret_in_whatever_form() {
    use base64_forms as forms;
    let value = "s3cr3t/va&lue \"q\" $x";
    let secrets = [
        ("TOKEN", SecretString::from(value)),
        ("PEM", SecretString::from("first-line-of-it\nsecond-line-of-it")),
    ];
    let mut seen = forms(value);
    seen.extend(["first-line-of-it".to_owned(), "second-line-of-it".to_owned()]);
    for form in seen {
        let said = Said {
            project: format!("p {form}"),
            plan: format!("n {form}"),
            step: format!("Step {form}"),
            // The form is where the text is cut.
            reason: format!("{}{form} tail", "r".repeat(690)),
            log: format!("{}\n{form}\n{}{form}", "x".repeat(500), "y".repeat(195)),
            hosts: vec![format!("h{form}")],
        };
        for told in ALL {
            let message = said.message(told, &secrets.clone());
            let mail = email::mail(&message, "d@example.com", &["a@example.com".into()]).unwrap();
            let bodies = [
                message.plain(),
                message.short(),
                slack::body(&message).to_string(),
                discord::body(&message).to_string(),
                teams::body(&message).to_string(),
                webhook::body(&message).to_string(),
                String::from_utf8(mail.formatted()).unwrap(),
            ];
            for body in bodies {
                let unescaped = body.replace("\\\\", "\\").replace('\u{200b}', "").replace("=\r\n", "");
                for text in [&body, &unescaped] {
                    assert!(!text.contains(&form), "{form} in {text}");
                    // Nor a part of it, where a text was cut.
                    let part: String = form.chars().take(10).collect();
                    assert!(!text.contains(&part), "{part} in {text}");
                }
            }
        }
    }
}

/// Raw, as JSON, percent-encoded, for a shell, in hexadecimal, and in base64 at each offset.
fn base64_forms(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).unwrap();
    let percent: String = value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms =
        vec![value.to_owned(), json[1..json.len() - 1].to_owned(), percent, hex.to_uppercase(), hex];
    forms.push(value.replace('\\', r"\\").replace('"', "\\\"").replace('$', r"\$"));
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for before in 0..3 {
        let bytes: Vec<u8> = std::iter::repeat_n(b'x', before).chain(value.bytes()).collect();
        let bits: Vec<u8> =
            bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
        let whole: String = bits
            .chunks_exact(6)
            .map(|six| char::from(letters[six.iter().fold(0, |index, bit| index * 2 + usize::from(*bit))]))
            .collect();
        // What stands before the secret belongs to its first letters.
        forms.push(whole[[0, 2, 3][before]..].to_owned());
    }
    forms
}

#[test]
fn mails_go_to_addresses_alone() {
    let message = Said::usual().message(Told::Completed, &[]);
    let mail = |from: &str, to: &str| email::mail(&message, from, &[to.to_owned()]);
    assert!(mail("a@example.com\r\nBcc: e@example.com", "b@example.com").is_err());
    assert!(mail("a@example.com", "b@example.com\nBcc: e@example.com").is_err());
    assert!(mail("nobody", "b@example.com").is_err());
    assert!(mail("Deploy <a@example.com>", "Team <b@example.com>").is_ok());
}
