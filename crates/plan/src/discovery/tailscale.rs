//! What `tailscale status --json` prints. Its format is not promised to stay, so everything but the peers may be missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde::Deserialize;

use super::{Discovered, FoundHost};
use crate::{SshHost, read::is_host_name, yaml::shorten};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    #[serde(default)]
    backend_state: Option<String>,
    /// Nothing when there are no others.
    #[serde(default)]
    peer: Option<BTreeMap<String, Option<Peer>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Peer {
    #[serde(default)]
    host_name: Option<String>,
    #[serde(default, rename = "DNSName")]
    dns_name: Option<String>,
    #[serde(default, rename = "TailscaleIPs")]
    addresses: Option<Vec<String>>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    online: Option<bool>,
    /// Somebody else's machine, which is only seen because something is shared with it.
    #[serde(default)]
    sharee_node: Option<bool>,
}

impl Peer {
    /// Its name in the tailnet, without the dot at its end.
    fn full_name(&self) -> &str {
        self.dns_name.as_deref().unwrap_or_default().trim_end_matches('.')
    }

    fn short_name(&self) -> String {
        let label = self.full_name().split('.').next().unwrap_or_default();
        let name = if label.is_empty() { self.host_name.as_deref().unwrap_or_default() } else { label };
        name_of(name)
    }

    fn tags(&self) -> Vec<String> {
        let tags = self.tags.as_deref().unwrap_or_default();
        tags.iter().map(|tag| tag.strip_prefix("tag:").unwrap_or(tag).to_owned()).collect()
    }

    /// IPv4 where there is one: not every network on the way has IPv6.
    fn address(&self) -> Option<IpAddr> {
        let addresses = self.addresses.as_deref().unwrap_or_default();
        let mut known: Vec<IpAddr> =
            addresses.iter().filter_map(|address| address.trim().parse().ok()).collect();
        known.sort_by_key(IpAddr::is_ipv6);
        known.first().copied()
    }
}

/// A name of a machine as one for a host: `Ana's MacBook` becomes `ana-s-macbook`.
fn name_of(name: &str) -> String {
    let dashed: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '-' })
        .collect();
    dashed.trim_matches(['-', '.']).to_owned()
}

/// The machines with a tag, or all of them. This machine is not among them.
pub(super) fn read(answer: &str, tag: Option<&str>) -> Result<Discovered, String> {
    let status: Status = serde_json::from_str(answer)
        .map_err(|error| format!("what it prints is not what Tailscale prints as its status: {error}"))?;
    if let Some(state) = status.backend_state.as_deref().filter(|state| *state != "Running") {
        return Err(format!(
            "Tailscale is not connected (its state is {}); connect this machine with `tailscale up`",
            shorten(state)
        ));
    }
    let mut peers: Vec<(String, Peer)> = status
        .peer
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(key, peer)| Some((key, peer?)))
        .filter(|(_, peer)| peer.sharee_node != Some(true))
        .filter(|(_, peer)| tag.is_none_or(|tag| peer.tags().iter().any(|has| has == tag)))
        .collect();
    // The keys of machines are random, and change; the same machines come in the same order all the same.
    peers.sort_by_cached_key(|(key, peer)| (peer.full_name().to_owned(), key.clone()));
    let names = distinct_names(&peers);
    let mut found = Discovered::default();
    let mut offline = Vec::new();
    for ((_, peer), name) in peers.iter().zip(names) {
        let shown = shorten(&name);
        if !is_host_name(&name) {
            found.notes.push(format!("a machine without a usable name (`{shown}`) is left out"));
        } else if peer.online == Some(false) {
            offline.push(format!("`{shown}`"));
        } else if let Some(address) = peer.address() {
            let (address, tags) = (address.to_string(), peer.tags());
            let ssh = SshHost { address, user: None, port: None, identity: None, jump: None, tags };
            found.hosts.push(FoundHost { name, ssh });
        } else {
            found.notes.push(format!("`{shown}` has no address and is left out"));
        }
    }
    if let [only] = offline.as_slice() {
        found.notes.push(format!("{only} is offline and left out"));
    } else if !offline.is_empty() {
        let some: Vec<String> = offline.iter().take(10).cloned().collect();
        let more = if offline.len() > some.len() { " and more" } else { "" };
        let count = offline.len();
        found.notes.push(format!("{count} machines are offline and left out: {}{more}", some.join(", ")));
    }
    Ok(found)
}

/// A name for each machine, offline ones too, so that a name does not depend on who is there: the first part of its name in
/// the tailnet, or the whole name where several have the same first part.
fn distinct_names(peers: &[(String, Peer)]) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (_, peer) in peers {
        *counts.entry(peer.short_name()).or_default() += 1;
    }
    let mut given = BTreeSet::new();
    let mut names = Vec::new();
    for (_, peer) in peers {
        let short = peer.short_name();
        let full = name_of(peer.full_name());
        let is_alone = counts.get(&short) == Some(&1);
        let name = if is_alone || full.is_empty() { short } else { full };
        let distinct = (1_u32..)
            .map(|number| if number == 1 { name.clone() } else { format!("{name}-{number}") })
            .find(|name| !given.contains(name));
        let name = distinct.unwrap_or(name);
        given.insert(name.clone());
        names.push(name);
    }
    names
}
