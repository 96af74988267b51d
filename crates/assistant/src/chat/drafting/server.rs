//! Which server an application goes to.

use steadyhand_plan::{OutlineHost, check, parse_host};
use steadyhand_store::plans;

use crate::intents::NewDeployment;

/// Where it is deployed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// Its name in the plan.
    pub(super) name: String,
    /// Its address, when the plan does not have it yet.
    pub(super) new: Option<String>,
    /// As people know it.
    pub(super) shown: String,
    /// Whether who logs in has to become root.
    pub(super) sudo: bool,
}

/// Why it is not plain which server is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unclear {
    pub(super) text: String,
    pub(super) choices: Vec<String>,
    /// Whether the next message can answer it.
    pub(super) asks: bool,
}

/// The server that is meant, or the question which one.
pub(super) fn server(plan: &plans::Plan, request: &NewDeployment) -> Result<Server, Unclear> {
    let outline = check(&plan.source).outline;
    let hosts: Vec<&OutlineHost> = outline.hosts.iter().filter(|host| host.name != "local").collect();
    let known = |host: &OutlineHost| Server {
        name: host.name.clone(),
        new: None,
        shown: format!("**{}** ({})", host.name, host.address),
        sudo: host.user.as_deref() != Some("root"),
    };
    let names: Vec<String> = hosts.iter().map(|host| host.name.clone()).collect();
    let Some(to) = &request.to else {
        return match hosts.as_slice() {
            [one] => Ok(known(one)),
            [] => Err(Unclear {
                text: "To which server? Say its user and address, for instance `deploy@203.0.113.10`. I haven't done anything yet."
                    .to_owned(),
                choices: Vec::new(),
                asks: true,
            }),
            _ => Err(Unclear {
                text: format!("To which server: {}? I haven't done anything yet.", names.join(", ")),
                choices: names,
                asks: true,
            }),
        };
    };
    if let Some(host) = hosts.iter().find(|host| host.name == *to) {
        return Ok(known(host));
    }
    if outline.groups.contains(to) {
        return Err(Unclear {
            text: format!(
                "**{to}** is a group, and an application runs on one server. On which: {}?",
                names.join(", ")
            ),
            choices: names,
            asks: true,
        });
    }
    let address = parse_host(to).map_err(|problem| Unclear {
        text: format!("`{to}` is no address of a server: {problem}. Nothing was changed."),
        choices: Vec::new(),
        asks: false,
    })?;
    let is_address = address.user.is_some() || address.address.contains(['.', ':']);
    if !is_address {
        let has = if names.is_empty() { "no server".to_owned() } else { names.join(", ") };
        return Err(Unclear {
            text: format!(
                "The plan has no server called **{to}**; it has {has}. Say its user and address, for instance `deploy@203.0.113.10`."
            ),
            choices: names,
            asks: true,
        });
    }
    let same = |host: &&&OutlineHost| {
        host.address == address.address
            && (address.user.is_none() || host.user == address.user)
            && (address.port.is_none() || host.port == address.port)
    };
    if let Some(host) = hosts.iter().find(same) {
        return Ok(known(host));
    }
    let taken: Vec<&String> = names.iter().chain(&outline.groups).collect();
    let name = (1..)
        .map(|number: u32| format!("web{number}"))
        .find(|name| !taken.contains(&name))
        .unwrap_or_default();
    Ok(Server {
        shown: format!("**{name}** ({to})"),
        name,
        new: Some(to.clone()),
        sudo: address.user.as_deref() != Some("root"),
    })
}

#[cfg(test)]
mod tests {
    use steadyhand_domain::Timestamp;

    use super::*;
    use crate::{chat::drafting::FIRST_PLAN, intents::Origin};

    fn plan(source: &str) -> plans::Plan {
        let revision = steadyhand_store::records::PlanRevision {
            sha256: String::new(),
            note: String::new(),
            saved_at: Timestamp(0),
        };
        plans::Plan { revision, source: source.to_owned() }
    }

    fn request(to: Option<&str>) -> NewDeployment {
        NewDeployment {
            origin: Origin::Git("https://github.com/acme/shop.git".into()),
            branch: None,
            path: None,
            to: to.map(str::to_owned),
            choices: Vec::new(),
        }
    }

    const TWO: &str = "name: x\nhosts: { web1: root@203.0.113.10, db: deploy@203.0.113.11 }\ngroups: { all: [web1, db] }\ntasks: { a: { on: local, steps: [ run: x ] } }\n";

    #[test]
    fn the_server_is_the_one_that_was_named_or_the_only_one() {
        let one = "name: x\nhosts: { web1: deploy@203.0.113.10 }\n";
        let check = |source: &str, to: Option<&str>, expected: Result<(&str, Option<&str>, bool), &str>| {
            let found = server(&plan(source), &request(to));
            match (&found, expected) {
                (Ok(found), Ok((name, new, sudo))) => {
                    assert_eq!((found.name.as_str(), found.new.as_deref(), found.sudo), (name, new, sudo));
                }
                (Err(unclear), Err(part)) => assert!(unclear.text.contains(part), "{unclear:?}"),
                _ => panic!("{to:?}: {found:?}"),
            }
        };
        check(one, None, Ok(("web1", None, true)));
        check(one, Some("web1"), Ok(("web1", None, true)));
        check(one, Some("deploy@203.0.113.10"), Ok(("web1", None, true)));
        check(one, Some("203.0.113.10"), Ok(("web1", None, true)));
        check(one, Some("root@203.0.113.10"), Ok(("web2", Some("root@203.0.113.10"), false)));
        check(
            FIRST_PLAN,
            Some("deploy@203.0.113.9:2222"),
            Ok(("web1", Some("deploy@203.0.113.9:2222"), true)),
        );
        check(FIRST_PLAN, None, Err("Say its user and address"));
        check(FIRST_PLAN, Some("production"), Err("no server called **production**"));
        check(TWO, None, Err("web1, db"));
        check(TWO, Some("web1"), Ok(("web1", None, false)));
        check(TWO, Some("all"), Err("is a group"));
    }
}
