//! Reads who is told how a run goes.

use super::{Field, Fields, Keys, Reader};
use crate::{
    diagnostic::Code,
    notify::{ChannelSpec, DEFAULT_ON, EmailSpec, NotifyOn, NotifySpec, Service},
    suggest::did_you_mean,
    template::Template,
    yaml::{Kind, Node, ScalarType, shorten},
};

/// The most entries of one plan.
const MOST: usize = 50;

const HINT: &str = "write `notify:`, and in the next line `  - slack: \"${{ secrets.SLACK_URL }}\"`";

const ENTRY: Keys = Keys {
    what: "an entry of `notify`",
    known: &["slack", "discord", "teams", "webhook", "email", "desktop", "on"],
    later: &[
        "sms",
        "telegram",
        "matrix",
        "mattermost",
        "pagerduty",
        "opsgenie",
        "ntfy",
        "gotify",
        "pushover",
    ],
    instead: &[
        ("mail", "email"),
        ("smtp", "email"),
        ("msteams", "teams"),
        ("microsoft_teams", "teams"),
        ("http", "webhook"),
        ("hook", "webhook"),
        ("url", "webhook"),
        ("when", "on"),
        ("events", "on"),
        ("event", "on"),
    ],
};
const CHANNELS: [&str; 6] = ["slack", "discord", "teams", "webhook", "email", "desktop"];

const ADDRESS: Keys = Keys {
    what: "a channel",
    known: &["url", "on"],
    later: &["channel", "username", "icon", "mention", "template", "text"],
    instead: &[
        ("webhook", "url"),
        ("webhook_url", "url"),
        ("address", "url"),
        ("when", "on"),
        ("events", "on"),
    ],
};

const WEBHOOK: Keys = Keys {
    what: "`webhook`",
    known: &["url", "secret", "on"],
    later: &["headers", "method", "template", "body"],
    instead: &[
        ("key", "secret"),
        ("token", "secret"),
        ("hmac", "secret"),
        ("address", "url"),
        ("when", "on"),
    ],
};

const EMAIL: Keys = Keys {
    what: "`email`",
    known: &["smtp", "user", "password", "from", "to", "on"],
    later: &["cc", "bcc", "reply_to", "subject"],
    instead: &[
        ("server", "smtp"),
        ("host", "smtp"),
        ("url", "smtp"),
        ("username", "user"),
        ("login", "user"),
        ("pass", "password"),
        ("sender", "from"),
        ("recipient", "to"),
        ("recipients", "to"),
        ("when", "on"),
    ],
};

const DESKTOP: Keys = Keys { what: "`desktop`", known: &["on"], later: &["sound", "icon"], instead: &[] };

const EVENTS: [(&str, &str); 8] = [
    ("success", "completed"),
    ("succeeded", "completed"),
    ("failure", "failed"),
    ("error", "failed"),
    ("start", "started"),
    ("fixed", "recovered"),
    ("all", "always"),
    ("finished", "always"),
];

impl Reader<'_> {
    /// The plan's `notify`; nothing behind the colon is nobody.
    pub(super) fn notify(&mut self, fields: &Fields<'_>) -> Vec<NotifySpec> {
        let Some(field) = fields.get("notify").filter(|field| !field.node.is_null()) else {
            return Vec::new();
        };
        let Kind::Sequence(items) = &field.node.kind else {
            self.wrong_type(field, "a list of those who are told", Some(HINT));
            return Vec::new();
        };
        if items.len() > MOST {
            let message = format!("`notify` has {} entries; at most {MOST} are told", items.len());
            self.error(Code::TooLarge, field.span, message, None);
            return Vec::new();
        }
        items.iter().filter_map(|item| self.entry(item, field)).collect()
    }

    fn entry(&mut self, item: &Node, list: Field<'_>) -> Option<NotifySpec> {
        let span = if item.is_null() { list.span } else { item.span };
        if !matches!(item.kind, Kind::Mapping(_)) {
            let entry = Field { name: "notify", node: item, span };
            self.wrong_type(entry, "a list of mappings, one for each channel", Some(HINT));
            return None;
        }
        let before = self.problems.len();
        let fields = self.fields(item, "", span, &ENTRY)?;
        let found: Vec<&'static str> = CHANNELS.into_iter().filter(|channel| fields.has(channel)).collect();
        match found.as_slice() {
            [] => {
                if self.problems.len() == before {
                    let message = "this entry of `notify` names no channel";
                    let hint = "it has one of `slack`, `discord`, `teams`, `webhook`, `email` and `desktop`";
                    self.error(Code::MissingKey, span, message, Some(hint));
                }
                None
            }
            [name] => self.channel(name, &fields),
            [one, other, ..] => {
                let message = format!("an entry has one channel, but here are both `{one}` and `{other}`");
                let hint = format!("write two entries, the second one beginning with `- {other}:`");
                self.error(Code::Action, fields.key_span(other), message, Some(&hint));
                None
            }
        }
    }

    fn channel(&mut self, name: &'static str, entry: &Fields<'_>) -> Option<NotifySpec> {
        let field = entry.get(name)?;
        let service = match name {
            "slack" => Service::Slack,
            "discord" => Service::Discord,
            "teams" => Service::Teams,
            "webhook" => Service::Webhook,
            "email" => {
                if !matches!(field.node.kind, Kind::Mapping(_)) {
                    let hint = "write email: { smtp: smtps://mail.example.com, from: …, to: [ … ] }";
                    self.wrong_type(field, "a mapping with `smtp`, `from` and `to`", Some(hint));
                    return None;
                }
                let fields = self.fields(field.node, name, entry.key_span(name), &EMAIL)?;
                let channel = self.email(&fields);
                let on = self.on(entry, Some(&fields))?;
                return Some(NotifySpec { channel: channel?, on });
            }
            _ => return self.desktop(field, entry),
        };
        if !matches!(field.node.kind, Kind::Mapping(_)) {
            let expected = "the address of a webhook, or a mapping with `url`";
            let url = self.template(field, expected);
            let on = self.on(entry, None)?;
            return Some(NotifySpec { channel: ChannelSpec::Hook { service, url: url?, secret: None }, on });
        }
        let keys = if service == Service::Webhook { &WEBHOOK } else { &ADDRESS };
        let fields = self.fields(field.node, name, entry.key_span(name), keys)?;
        let url = fields.get("url");
        if url.is_none() {
            self.missing(&fields, "url", "add `url:` with the address of the webhook");
        }
        let url = url.and_then(|url| self.template(url, "the address of a webhook"));
        let secret = fields.get("secret").map(|secret| self.template(secret, "a text"));
        let on = self.on(entry, Some(&fields))?;
        let secret = match secret {
            // What was meant to be signed is not sent unsigned.
            Some(None) => return None,
            Some(secret) => secret,
            None => None,
        };
        Some(NotifySpec { channel: ChannelSpec::Hook { service, url: url?, secret }, on })
    }

    fn email(&mut self, fields: &Fields<'_>) -> Option<ChannelSpec> {
        for (key, hint) in [
            ("smtp", "add the mail server: `smtp: smtps://mail.example.com`"),
            ("from", "add the sender: `from: deploy@example.com`"),
            ("to", "add who gets it: `to: [team@example.com]`"),
        ] {
            if !fields.has(key) {
                self.missing(fields, key, hint);
            }
        }
        if fields.has("password") && !fields.has("user") {
            let hint = "add `user:` with the name to log in with";
            self.error(Code::MissingKey, fields.key_span("password"), "`password` has no `user`", Some(hint));
        }
        let mut text = |key, expected| fields.get(key).map(|field| self.template(field, expected));
        let smtp = text("smtp", "the address of a mail server");
        let user = text("user", "a name");
        let password = text("password", "a text");
        let from = text("from", "a mail address");
        let to = fields.get("to").map(|field| self.addresses(field)).unwrap_or_default();
        let (user, password) = (user.map_or(Some(None), |user| user.map(Some))?, password);
        let password = password.map_or(Some(None), |password| password.map(Some))?;
        let (smtp, from) = (smtp??, from??);
        if to.is_empty() {
            return None;
        }
        Some(ChannelSpec::Email(Box::new(EmailSpec { smtp, user, password, from, to })))
    }

    /// One mail address or a list of them.
    fn addresses(&mut self, field: Field<'_>) -> Vec<Template> {
        let Kind::Sequence(items) = &field.node.kind else {
            return self.template(field, "a mail address or a list of them").into_iter().collect();
        };
        if items.is_empty() {
            let hint = "write to: [team@example.com]";
            self.error(Code::InvalidValue, field.span, "`to` has no mail address", Some(hint));
        }
        let mut addresses = Vec::new();
        for item in items {
            let span = if item.is_null() { field.span } else { item.span };
            addresses.extend(self.template(Field { name: field.name, node: item, span }, "mail addresses"));
        }
        addresses
    }

    fn desktop(&mut self, field: Field<'_>, entry: &Fields<'_>) -> Option<NotifySpec> {
        const TRUE: &str = "`true`, or a mapping with `on`";
        let inner = match &field.node.kind {
            Kind::Mapping(_) => Some(self.fields(field.node, "desktop", field.span, &DESKTOP)?),
            Kind::Scalar(scalar)
                if scalar.scalar_type() == ScalarType::Bool && scalar.text.eq_ignore_ascii_case("true") =>
            {
                None
            }
            _ => {
                self.wrong_type(field, TRUE, Some("write desktop: true, or leave the entry out"));
                return None;
            }
        };
        let on = self.on(entry, inner.as_ref())?;
        Some(NotifySpec { channel: ChannelSpec::Desktop, on })
    }

    /// The events of an entry, which stand beside its channel or in it.
    fn on(&mut self, entry: &Fields<'_>, inner: Option<&Fields<'_>>) -> Option<Vec<NotifyOn>> {
        let (beside, within) = (entry.get("on"), inner.and_then(|inner| inner.get("on")));
        if let (Some(_), Some(within)) = (beside, within) {
            let hint = "keep one of them";
            self.error(
                Code::DuplicateKey,
                within.span,
                "`on` stands beside the channel and in it",
                Some(hint),
            );
            return None;
        }
        let Some(field) = beside.or(within) else { return Some(DEFAULT_ON.to_vec()) };
        let before = self.problems.len();
        let names = self.names(Some(field), true);
        if names.is_empty() && self.problems.len() == before {
            let hint = "write on: [failed], or leave `on` out";
            self.error(Code::InvalidValue, field.span, "`on` lists nothing", Some(hint));
        }
        let mut on = Vec::new();
        for name in &names {
            match NotifyOn::WORDS.iter().find(|(word, _)| *word == name.value) {
                Some((_, event)) => on.push(*event),
                None => {
                    let known = || NotifyOn::WORDS.iter().map(|(word, _)| *word);
                    let meant =
                        EVENTS.iter().find(|(wrong, _)| *wrong == name.value).map(|(_, right)| *right);
                    let hint = match meant.or_else(|| did_you_mean(&name.value, known())) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => super::there_are(known()),
                    };
                    let message = format!("a run has no event `{}`", shorten(&name.value));
                    self.error(Code::InvalidValue, name.span, message, Some(&hint));
                }
            }
        }
        on.sort_unstable();
        on.dedup();
        (self.problems.len() == before).then_some(on)
    }
}
