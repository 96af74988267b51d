//! Who is told how a run goes: the `notify` of a plan, as it is written and as it is compiled.

mod written;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Diagnostic, Severity, Text,
    diagnostic::Code,
    scope::{HostScope, Scope, raw_notes},
    template::{Piece, Root, Template},
    yaml::shorten,
};

/// What a run can tell of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename_all = "snake_case")]
pub enum NotifyOn {
    /// It was started.
    Started,
    /// It failed.
    Failed,
    /// It completed.
    Completed,
    /// It completed, and the one before it of the same project had failed. When `completed` is listed too, there is one
    /// message, not two.
    Recovered,
    /// Everything: also that it was stopped by a person.
    Always,
}

/// What is told when a plan does not say: how each run ended, but for those that a person stopped.
pub(crate) const DEFAULT_ON: [NotifyOn; 3] = [NotifyOn::Failed, NotifyOn::Completed, NotifyOn::Recovered];

impl NotifyOn {
    pub(crate) const WORDS: [(&'static str, Self); 5] = [
        ("started", Self::Started),
        ("failed", Self::Failed),
        ("completed", Self::Completed),
        ("recovered", Self::Recovered),
        ("always", Self::Always),
    ];
}

/// One entry of a plan's `notify`.
#[derive(Clone, Debug)]
pub(crate) struct NotifySpec {
    pub(crate) channel: ChannelSpec,
    /// Sorted, each once.
    pub(crate) on: Vec<NotifyOn>,
}

/// Where to.
#[derive(Clone, Debug)]
pub(crate) enum ChannelSpec {
    Hook { service: Service, url: Template, secret: Option<Template> },
    Email(Box<EmailSpec>),
    Desktop,
}

/// Who answers at the address of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Slack,
    Discord,
    Teams,
    Webhook,
}

#[derive(Clone, Debug)]
pub(crate) struct EmailSpec {
    pub(crate) smtp: Template,
    pub(crate) user: Option<Template>,
    pub(crate) password: Option<Template>,
    pub(crate) from: Template,
    pub(crate) to: Vec<Template>,
}

/// Somebody who is told how a run goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Where to.
    pub channel: Channel,
    /// What is told, sorted, each once.
    pub on: Vec<NotifyOn>,
}

/// Where a notification goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Channel {
    /// An incoming webhook of Slack.
    Slack {
        /// Its address.
        url: Text,
    },
    /// A webhook of a channel of Discord.
    Discord {
        /// Its address.
        url: Text,
    },
    /// A webhook of a workflow of Microsoft Teams, which takes adaptive cards.
    Teams {
        /// Its address.
        url: Text,
    },
    /// Anything that takes JSON by POST.
    Webhook {
        /// Its address.
        url: Text,
        /// The key of the signature; unsigned without.
        secret: Option<Text>,
    },
    /// A mail.
    Email {
        /// `smtp://host:port`, or `smtps://host:port` for TLS from the first byte.
        smtp: Text,
        /// Who logs in at the mail server.
        user: Option<Text>,
        /// With which password.
        password: Option<Text>,
        /// The sender.
        from: Text,
        /// Who gets it.
        to: Vec<Text>,
    },
    /// A notification on the desktop of this machine, where there is one.
    Desktop,
}

impl Notification {
    /// Whether it tells this. `completed` and `recovered` do not contain each other here.
    #[must_use]
    pub fn tells(&self, what: NotifyOn) -> bool {
        self.on.contains(&what) || self.on.contains(&NotifyOn::Always)
    }
}

impl Channel {
    /// The word for it in a plan.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Slack { .. } => "slack",
            Self::Discord { .. } => "discord",
            Self::Teams { .. } => "teams",
            Self::Webhook { .. } => "webhook",
            Self::Email { .. } => "email",
            Self::Desktop => "desktop",
        }
    }

    /// The names of the secrets that it needs, in order of appearance, repetitions included.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let texts: Vec<&Text> = match self {
            Self::Slack { url } | Self::Discord { url } | Self::Teams { url } => vec![url],
            Self::Webhook { url, secret } => [Some(url), secret.as_ref()].into_iter().flatten().collect(),
            Self::Email { smtp, user, password, from, to } => {
                let some = [Some(smtp), user.as_ref(), password.as_ref(), Some(from)];
                some.into_iter().flatten().chain(to).collect()
            }
            Self::Desktop => Vec::new(),
        };
        texts.into_iter().flat_map(Text::secrets)
    }
}

/// Puts the values in as far as they are known.
pub(crate) fn compiled(
    notify: &[NotifySpec],
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Notification> {
    let scope = Scope { host: HostScope::None("a notification"), ..*scope };
    let one = |spec: &NotifySpec| Notification {
        channel: channel(&spec.channel, &scope, problems),
        on: spec.on.clone(),
    };
    notify.iter().map(one).collect()
}

fn channel(spec: &ChannelSpec, scope: &Scope<'_>, problems: &mut Vec<Diagnostic>) -> Channel {
    match spec {
        ChannelSpec::Hook { service, url, secret } => {
            let url = text(url, scope, problems, is_hook);
            match service {
                Service::Slack => Channel::Slack { url },
                Service::Discord => Channel::Discord { url },
                Service::Teams => Channel::Teams { url },
                Service::Webhook => {
                    let secret = secret.as_ref().map(|secret| text(secret, scope, problems, is_anything));
                    Channel::Webhook { url, secret }
                }
            }
        }
        ChannelSpec::Email(spec) => {
            let EmailSpec { smtp, user, password, from, to } = spec.as_ref();
            Channel::Email {
                smtp: text(smtp, scope, problems, is_smtp),
                user: user.as_ref().map(|user| text(user, scope, problems, is_anything)),
                password: password.as_ref().map(|password| text(password, scope, problems, is_anything)),
                from: text(from, scope, problems, is_mail_address),
                to: to.iter().map(|to| text(to, scope, problems, is_mail_address)).collect(),
            }
        }
        ChannelSpec::Desktop => Channel::Desktop,
    }
}

/// What is wrong with a text that is known, and what to do.
type Wrong = Option<(String, &'static str)>;

fn text(
    template: &Template,
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
    check: fn(&str) -> Wrong,
) -> Text {
    for expression in template.expressions().filter(|expression| expression.root == Root::Facts) {
        let message =
            "a notification cannot use facts: it is about the run as a whole, and not about one host";
        problems.push(Diagnostic::error(Code::UndefinedName, expression.span, message));
    }
    let before = problems.len();
    let (text, is_complete) = scope.plain(template, problems);
    if is_complete
        && problems.len() == before
        && let Some(known) = text.as_literal()
        && let Some((message, hint)) = check(known)
    {
        problems.push(Diagnostic::error(Code::InvalidValue, template.span, message).hint(hint));
    }
    text
}

fn is_anything(_: &str) -> Wrong {
    None
}

fn is_hook(url: &str) -> Wrong {
    const HINT: &str = "write the whole address, which begins with https://";
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Some((format!("`{}` does not begin with https:// or http://", shorten(url)), HINT));
    };
    if rest.is_empty() || rest.starts_with(['/', ':', '?', '#']) {
        return Some((format!("the address `{}` names no server", shorten(url)), HINT));
    }
    url.chars().any(|letter| letter.is_whitespace() || letter.is_control()).then(|| {
        (
            format!("the address `{}` has white space in it", shorten(url)),
            "an address is one word; write %20 for a space",
        )
    })
}

fn is_smtp(url: &str) -> Wrong {
    const HINT: &str = "write smtp://mail.example.com:587, or smtps://mail.example.com:465";
    let rest = url.strip_prefix("smtp://").or_else(|| url.strip_prefix("smtps://"));
    let Some(rest) = rest else {
        return Some((format!("`{}` does not begin with smtp:// or smtps://", shorten(url)), HINT));
    };
    if rest.contains('@') {
        return Some((
            "the address of a mail server has neither user nor password in it".to_owned(),
            "give them as `user` and `password`, the password as a secret",
        ));
    }
    let host = rest.trim_end_matches('/');
    let (name, port) = match host.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((name, port)) => (name, port.strip_prefix(':')),
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let is_name = !name.is_empty()
        && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':'));
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    (!is_name || !is_port).then(|| (format!("`{}` is no address of a mail server", shorten(url)), HINT))
}

/// As much as can be said without knowing who the mail servers are (RFC 5322, 3.4).
fn is_mail_address(address: &str) -> Wrong {
    const HINT: &str = "write deploy@example.com, or Deploy <deploy@example.com>";
    let bare = match address.trim().strip_suffix('>').map(|inner| inner.rsplit_once('<')) {
        Some(Some((_, bare))) => bare,
        Some(None) => "",
        None => address.trim(),
    };
    let is_address = bare.rsplit_once('@').is_some_and(|(who, at)| !who.is_empty() && !at.is_empty())
        && !bare.chars().any(|letter| letter.is_whitespace() || letter == ',')
        && !address.chars().any(char::is_control);
    (!is_address).then(|| (format!("`{}` is no mail address", shorten(address)), HINT))
}

/// What stands in the plan and had better be a secret, and every `| raw`.
pub(crate) fn notes(notify: &[NotifySpec], problems: &mut Vec<Diagnostic>) {
    let mut open = |template: &Template, what: &str, name: &str| {
        let known = template.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)));
        if known {
            let message = format!("{what} stands in the plan for everybody who reads it");
            let hint = format!("list `{name}` in `secrets` and write ${{{{ secrets.{name} }}}} here");
            let warning = Diagnostic::new(Severity::Warning, Code::InvalidValue, template.span, message);
            problems.push(warning.hint(hint));
        }
    };
    for spec in notify {
        match &spec.channel {
            ChannelSpec::Hook { service, url, secret } => {
                let of = match service {
                    Service::Slack => Some(("Slack", "SLACK_URL")),
                    Service::Discord => Some(("Discord", "DISCORD_URL")),
                    Service::Teams => Some(("Teams", "TEAMS_URL")),
                    Service::Webhook => None,
                };
                // On this machine there is nobody to keep it from: a server of one's own, a test.
                if let Some((service, name)) = of.filter(|_| begins_with_https(url)) {
                    let what = format!("the address, with which everybody can write to {service},");
                    open(url, &what, name);
                }
                if let Some(secret) = secret {
                    open(secret, "the key of the signature", "WEBHOOK_KEY");
                }
            }
            ChannelSpec::Email(spec) => {
                if let Some(password) = &spec.password {
                    open(password, "the password of the mail server", "SMTP_PASSWORD");
                }
            }
            ChannelSpec::Desktop => {}
        }
    }
    for template in notify.iter().flat_map(|spec| templates(&spec.channel)) {
        raw_notes(template, false, problems);
    }
}

fn begins_with_https(url: &Template) -> bool {
    matches!(url.pieces.first(), Some(Piece::Text(text)) if text.starts_with("https://"))
}

fn templates(channel: &ChannelSpec) -> Vec<&Template> {
    match channel {
        ChannelSpec::Hook { url, secret, .. } => [Some(url), secret.as_ref()].into_iter().flatten().collect(),
        ChannelSpec::Email(spec) => {
            let some = [Some(&spec.smtp), spec.user.as_ref(), spec.password.as_ref(), Some(&spec.from)];
            some.into_iter().flatten().chain(&spec.to).collect()
        }
        ChannelSpec::Desktop => Vec::new(),
    }
}
