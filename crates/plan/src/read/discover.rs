//! Reads where hosts are looked for.

use super::{Fields, Keys, Reader, is_host_name};
use crate::{
    diagnostic::Code,
    discovery::{Discover, SourceSpec},
    duration::Millis,
    yaml::{Kind, Node},
};

const ENTRY: Keys = Keys {
    what: "an entry of `discover`",
    known: &["tailscale", "ssh_config", "command"],
    later: &[],
    instead: &[("ssh", "ssh_config"), ("script", "command"), ("run", "command"), ("ansible", "command")],
};

const TAILSCALE: Keys = Keys {
    what: "`tailscale`",
    known: &["tag", "match", "into", "required", "user", "port", "identity", "jump"],
    later: &[],
    instead: &[("tags", "tag"), ("group", "into"), ("name", "match"), ("key", "identity")],
};

const SSH_CONFIG: Keys = Keys {
    what: "`ssh_config`",
    known: &["match", "into", "required", "user", "port", "identity", "jump"],
    later: &[],
    instead: &[("group", "into"), ("host", "match"), ("key", "identity")],
};

const COMMAND: Keys = Keys {
    what: "`command`",
    known: &["run", "timeout", "group", "match", "into", "required", "user", "port", "identity", "jump"],
    later: &[],
    instead: &[("command", "run"), ("script", "run"), ("key", "identity")],
};

const HINT: &str = "write a list, such as `- tailscale: { tag: web, into: web }`, `- ssh_config: { match: \"web*\", into: web }` \
                    or `- command: { run: ./inventory.sh --list, into: web }`";

impl Reader<'_> {
    pub(super) fn discover(&mut self, fields: &Fields<'_>) -> Vec<Discover> {
        let Some(field) = fields.get("discover").filter(|field| !field.node.is_null()) else {
            return Vec::new();
        };
        let Kind::Sequence(items) = &field.node.kind else {
            self.wrong_type(field, "a list of places to look for hosts", Some(HINT));
            return Vec::new();
        };
        items.iter().filter_map(|item| self.discover_entry(item, field.span)).collect()
    }

    fn discover_entry(&mut self, item: &Node, list: crate::span::Span) -> Option<Discover> {
        let span = if item.is_null() { list } else { item.span };
        let fields = self.fields(item, "discover", span, &ENTRY)?;
        let found: Vec<&'static str> = ENTRY.known.iter().copied().filter(|key| fields.has(key)).collect();
        let (kind, keys) = match found.as_slice() {
            ["tailscale"] => ("tailscale", &TAILSCALE),
            ["ssh_config"] => ("ssh_config", &SSH_CONFIG),
            [_] => ("command", &COMMAND),
            [] => {
                if fields.meant.is_empty() {
                    self.error(Code::Action, span, "this entry does not say where to look", Some(HINT));
                }
                return None;
            }
            [one, other, ..] => {
                let message = format!("an entry looks in one place, but here are both `{one}` and `{other}`");
                let hint = "begin the second one with `- ` on a line of its own";
                self.error(Code::Action, fields.key_span(other), message, Some(hint));
                return None;
            }
        };
        let field = fields.get(kind)?;
        if !matches!(field.node.kind, Kind::Mapping(_)) {
            self.wrong_type(field, "a mapping", Some(HINT));
            return None;
        }
        let inner = self.fields(field.node, kind, fields.key_span(kind), keys)?;
        let source = match kind {
            "tailscale" => {
                let tag = inner.get("tag").and_then(|field| self.text(field, "the name of a tag"));
                SourceSpec::Tailscale { tag }
            }
            "ssh_config" => SourceSpec::SshConfig,
            _ => {
                let Some(run) = inner.get("run") else {
                    self.missing(
                        &inner,
                        "run",
                        "write the command that prints the hosts: run: ./inventory.sh --list",
                    );
                    return None;
                };
                SourceSpec::Command {
                    run: self.template(run, "a command")?,
                    timeout: inner.get("timeout").and_then(|field| self.duration(field, Millis(1))),
                    group: inner.get("group").and_then(|field| self.text(field, "the name of a group")),
                }
            }
        };
        let Some(into) = inner.get("into") else {
            self.missing(&inner, "into", "name the group that the hosts come into: `into: web`");
            return None;
        };
        let into = self.text(into, "the name of a group")?;
        self.check_name(&into, "a group", is_host_name);
        let mut text = |key, expected| inner.get(key).and_then(|field| self.template(field, expected));
        let user = text("user", "the name of a user");
        let identity = text("identity", "the path of a private key");
        let jump = text("jump", "the name of a host");
        let required = inner.get("required").and_then(|field| self.truth(field));
        Some(Discover {
            span: fields.key_span(kind),
            source,
            matching: self.names(inner.get("match"), true),
            into,
            required: required.unwrap_or(true),
            user,
            port: inner.get("port").and_then(|field| self.port(field)),
            identity,
            jump,
        })
    }
}
