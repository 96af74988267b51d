//! The shapes in which an entry of `notify` may be written; they only give the schema its shape.
#![expect(dead_code, reason = "they only give the schema its shape")]

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{NotifyOn, NotifySpec};

/// In the schema an entry is one of several mappings.
impl JsonSchema for NotifySpec {
    fn schema_name() -> Cow<'static, str> {
        "Notify".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Notify::json_schema(generator)
    }
}

/// Somebody who is told how a run goes.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Notify {
    /// A channel of Slack.
    Slack(Slack),
    /// A channel of Discord.
    Discord(Discord),
    /// A channel of Microsoft Teams.
    Teams(Teams),
    /// Anything that takes JSON by POST.
    Webhook(Webhook),
    /// A mail.
    Email(Email),
    /// A notification on the desktop of the machine that runs the plan, where there is one.
    Desktop(Desktop),
}

/// One event or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum On {
    /// One.
    One(NotifyOn),
    /// Several.
    Many(#[schemars(length(min = 1))] Vec<NotifyOn>),
}

/// A channel of Slack.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Slack {
    /// The address of an incoming webhook.
    slack: Address,
    /// When; failed, completed and recovered if not said otherwise.
    on: Option<On>,
}

/// A channel of Discord.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Discord {
    /// The address of a webhook.
    discord: Address,
    /// When; failed, completed and recovered if not said otherwise.
    on: Option<On>,
}

/// A channel of Microsoft Teams.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Teams {
    /// The address of a webhook of a workflow ("Post to a channel when a webhook request is received").
    teams: Address,
    /// When; failed, completed and recovered if not said otherwise.
    on: Option<On>,
}

/// An address, with or without the events.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Address {
    /// The address.
    Short(String),
    /// The address and when.
    Long(LongAddress),
}

/// The address and when.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct LongAddress {
    /// The address.
    url: String,
    /// When; failed, completed and recovered if not said otherwise.
    on: Option<On>,
}

/// Anything that takes JSON by POST.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Webhook {
    /// Its address.
    webhook: SignedAddress,
    /// When; failed, completed and recovered if not said otherwise.
    on: Option<On>,
}

/// An address, with or without the key of a signature.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum SignedAddress {
    /// The address.
    Short(String),
    /// The address and more.
    Long(LongSignedAddress),
}

/// The address and more.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct LongSignedAddress {
    /// The address.
    url: String,
    /// The key with which requests are signed (HMAC-SHA256).
    secret: Option<String>,
    /// When; failed, completed and recovered if not said otherwise.
    on: Option<On>,
}

/// A mail.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Email {
    /// Through which server, from whom and to whom.
    email: Mail,
    /// When; failed, completed and recovered if not said otherwise.
    on: Option<On>,
}

/// Through which server, from whom and to whom.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Mail {
    /// `smtp://host:port`, which changes to TLS where the server can, and must for a password; or
    /// `smtps://host:port`.
    smtp: String,
    /// Who logs in at the server.
    user: Option<String>,
    /// With which password.
    password: Option<String>,
    /// The sender.
    from: String,
    /// Who gets it.
    to: To,
    /// When; failed, completed and recovered if not said otherwise.
    on: Option<On>,
}

/// One address or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum To {
    /// One.
    One(String),
    /// Several.
    Many(#[schemars(length(min = 1))] Vec<String>),
}

/// A notification on the desktop of the machine that runs the plan, where there is one.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Desktop {
    /// `true`.
    desktop: OnDesktop,
    /// When; failed, completed and recovered if not said otherwise.
    on: Option<On>,
}

/// `true`, or when.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum OnDesktop {
    /// `true`.
    Short(#[schemars(extend("const" = true))] bool),
    /// When.
    Long(WhenOnDesktop),
}

/// When.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct WhenOnDesktop {
    /// When; failed, completed and recovered if not said otherwise.
    on: Option<On>,
}
