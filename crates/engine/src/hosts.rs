//! From the hosts of a plan to hosts that can be reached.

use std::collections::BTreeMap;

use steadyhand_plan::CompiledHost;
use steadyhand_remote::{HostKind, HostSpec, SshSpec};

use crate::EngineError;

/// More jumps than anybody has; a plan whose jumps go in a circle is refused when it is read.
const MOST_JUMPS: usize = 16;

/// How to reach the host `name` of a plan.
pub(crate) fn host_spec(hosts: &BTreeMap<String, CompiledHost>, name: &str) -> Result<HostSpec, EngineError> {
    let host = hosts.get(name).ok_or_else(|| EngineError::UnknownHost(name.to_owned()))?;
    let kind = match host {
        CompiledHost::Local => HostKind::Local,
        CompiledHost::Ssh(_) => HostKind::Ssh(ssh_spec(hosts, name, MOST_JUMPS)),
    };
    Ok(HostSpec { name: name.to_owned(), kind })
}

fn ssh_spec(hosts: &BTreeMap<String, CompiledHost>, name: &str, jumps: usize) -> SshSpec {
    match hosts.get(name) {
        Some(CompiledHost::Ssh(host)) if jumps > 0 => SshSpec {
            address: host.address.clone(),
            user: host.user.clone(),
            port: host.port,
            identity: host.identity.clone(),
            jump: host.jump.as_deref().map(|jump| Box::new(ssh_spec(hosts, jump, jumps - 1))),
        },
        // A jump that is no host of the plan is a name for the SSH configuration, perhaps with a user and a port.
        _ => {
            let (user, rest) =
                name.rsplit_once('@').map_or((None, name), |(user, rest)| (Some(user.to_owned()), rest));
            let (address, port) = match rest.rsplit_once(':') {
                Some((address, port)) if !address.contains(':') => match port.parse() {
                    Ok(port) => (address, Some(port)),
                    Err(_) => (rest, None),
                },
                _ => (rest, None),
            };
            SshSpec { address: address.to_owned(), user, port, identity: None, jump: None }
        }
    }
}
