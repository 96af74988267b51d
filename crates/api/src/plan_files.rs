//! Files of plans, for commands that need no data folder.

use std::path::Path;

use serde_json::Value;
use steadyhand_engine::{PlanPlace, check_source};
use steadyhand_plan::{Imported, check, edit};

use crate::{
    ApiError, ErrorCode, PlanCheck,
    plans::{plan_check, read_plan},
    projects::FIRST_PLAN,
};

/// The plans that come with Steadyhand and that an own one can begin with.
const SHIPPED: [(&str, &str); 9] = [
    ("first", FIRST_PLAN),
    ("docker-compose", include_str!("../../../plans/docker-compose.yaml")),
    ("git-application", include_str!("../../../plans/git-application.yaml")),
    ("static-site", include_str!("../../../plans/static-site.yaml")),
    ("hardened-host", include_str!("../../../plans/hardened-host.yaml")),
    ("rolling-release", include_str!("../../../plans/rolling-release.yaml")),
    ("postgres-backup", include_str!("../../../plans/postgres-backup.yaml")),
    ("certificates", include_str!("../../../plans/certificates.yaml")),
    ("container-app", include_str!("../../../plans/container-app.yaml")),
];

/// The names of the plans that [`first_plan`] can begin with.
#[must_use]
pub fn shipped_plans() -> Vec<&'static str> {
    SHIPPED.iter().map(|(name, _)| *name).collect()
}

/// What is to say about a plan's file. Nothing is run.
///
/// # Errors
/// [`ErrorCode::NotFound`] or [`ErrorCode::Invalid`] when it cannot be read.
pub fn check_plan_file(path: &Path) -> Result<PlanCheck, ApiError> {
    Ok(plan_check(check_source(&read_plan(path)?, &PlanPlace::of_file(path))))
}

/// The JSON Schema of plans.
#[must_use]
pub fn plan_schema() -> Value {
    steadyhand_plan::schema()
}

/// Reads an inventory of Ansible.
///
/// # Errors
/// [`ErrorCode::NotFound`] or [`ErrorCode::Invalid`], with the line that is wrong.
pub fn import_ansible(path: &Path) -> Result<Imported, ApiError> {
    let shown = path.display();
    if path.is_dir() {
        let message = format!("{shown} is a folder; name the file of the inventory in it");
        return Err(ApiError::new(ErrorCode::Invalid, message));
    }
    let text = std::fs::read(path).map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorCode::NotFound,
            _ => ErrorCode::Invalid,
        };
        ApiError::new(code, format!("the inventory {shown} cannot be read: {error}; check the path"))
    })?;
    let invalid = |why: String| ApiError::new(ErrorCode::Invalid, format!("the inventory {shown}: {why}"));
    let text = String::from_utf8(text).map_err(|_| invalid("it is not UTF-8 text".to_owned()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut imported = steadyhand_plan::import_ansible(&name, &text).map_err(invalid)?;
    for folder in ["group_vars", "host_vars"] {
        if path.with_file_name(folder).is_dir() {
            let line = format!("the variables in {folder}/");
            imported.text = format!("# Not read: {line}\n{}", imported.text);
            imported.left_out.push(line);
        }
    }
    Ok(imported)
}

/// What a first plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct FirstPlan<'a> {
    /// Its name.
    pub name: &'a str,
    /// The server to deploy to, `user@address[:port]`; this machine when there is none.
    pub host: Option<&'a str>,
    /// The plan that it begins with, one of [`shipped_plans`].
    pub from: Option<&'a str>,
}

/// The text of a first plan. It is right as it is.
///
/// # Errors
/// [`ErrorCode::Invalid`] when the name or the server cannot stand in a plan, [`ErrorCode::NotFound`] when there is no plan
/// to begin with.
pub fn first_plan(wanted: &FirstPlan<'_>) -> Result<String, ApiError> {
    let from = wanted.from.unwrap_or("first");
    let Some((_, text)) = SHIPPED.iter().find(|(name, _)| *name == from) else {
        let names = shipped_plans().join(", ");
        return Err(ApiError::new(
            ErrorCode::NotFound,
            format!("there is no plan `{from}`; there are {names}"),
        ));
    };
    let renamed = edit::set_name(text, wanted.name);
    let mut text = renamed.ok_or_else(|| {
        ApiError::new(ErrorCode::Invalid, format!("`{}` cannot be the name of a plan", wanted.name))
    })?;
    if let Some(host) = wanted.host {
        let host = host.trim();
        steadyhand_plan::parse_host(host).map_err(|why| ApiError::new(ErrorCode::Invalid, why))?;
        let quoted = Value::from(host);
        text = text
            .replace("# hosts:\n#   web1: deploy@203.0.113.10\n", &format!("hosts:\n  web1: {quoted}\n"))
            .replace("    on: local\n", "    on: web1\n")
            .replace(
                "It runs as it is, on this machine; change it to deploy your application.",
                "It runs as it is; change it to deploy your application.",
            );
    }
    match check(&text).diagnostics.into_iter().find(|problem| problem.is_error()) {
        None => Ok(text),
        Some(problem) => Err(ApiError::new(ErrorCode::Invalid, problem.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_plan_has_its_name_and_its_server() {
        let plan = |name, host, from| first_plan(&FirstPlan { name, host, from });
        let text = plan("Ana's shop: 1", Some("deploy@[2001:db8::1]:2222"), None).unwrap();
        let outline = check(&text).outline;
        assert_eq!(outline.name, "Ana's shop: 1");
        assert_eq!((outline.hosts[0].address.as_str(), outline.hosts[0].port), ("2001:db8::1", Some(2222)));
        assert_eq!(outline.tasks[0].on, ["web1"]);
        assert!(text.contains("# A task runs as soon as"), "its comments stay");
        for name in shipped_plans() {
            assert_eq!(check(&plan("shop", None, Some(name)).unwrap()).outline.name, "shop");
        }
        assert!(plan("shop", Some("-oProxyCommand=x"), None).is_err());
        assert!(plan("", None, None).is_err());
        assert!(plan("a\nb", None, None).is_err());
        assert_eq!(plan("a", None, Some("practice")).unwrap_err().code, ErrorCode::NotFound);
    }
}
