//! From what a step does, as it is written, to what is carried out.

use crate::{
    Action, Diagnostic, Elevate, ElevateMethod, ParamOf, Probe, ResourceParam, Text,
    ast::{ActionSpec, Common, Method, ParamValue, ResourceSpec, Shell, Task, WaitForSpec},
    diagnostic::Code,
    duration::Millis,
    hosts,
    resource::{Given, Of, Param},
    scope::Scope,
    span::Spanned,
    suggest::did_you_mean,
    template::Template,
};

/// What a step does, with its values put in.
pub(super) fn compiled(
    action: &ActionSpec,
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Action> {
    Some(match action {
        ActionSpec::Run(spec) => Action::Run {
            script: scope.command(&spec.run, problems),
            cwd: spec.cwd.as_ref().map(|cwd| scope.plain(cwd, problems).0),
            env: spec
                .env
                .iter()
                .map(|(name, value)| (name.value.clone(), scope.plain(value, problems).0))
                .collect(),
            login_shell: spec.shell == Some(Shell::Login),
        },
        ActionSpec::Upload(spec) => Action::Upload {
            from: scope.plain(&spec.from, problems).0,
            to: scope.plain(&spec.to, problems).0,
        },
        ActionSpec::Download(spec) => Action::Download {
            from: scope.plain(&spec.from, problems).0,
            to: scope.plain(&spec.to, problems).0,
        },
        ActionSpec::WaitFor(spec) => {
            let (probe, timeout, interval) = match spec {
                WaitForSpec::Http(spec) => {
                    (http(&spec.http, spec.status, scope, problems), &spec.timeout, &spec.interval)
                }
                WaitForSpec::Tcp(spec) => (tcp(&spec.tcp, scope, problems)?, &spec.timeout, &spec.interval),
                WaitForSpec::Command(spec) => {
                    let script = scope.command(&spec.command, problems);
                    (Probe::Command { script }, &spec.timeout, &spec.interval)
                }
            };
            let ms = |given: &Option<Spanned<Millis>>, otherwise| {
                given.as_ref().map_or(otherwise, |ms| ms.value.0)
            };
            Action::WaitFor { probe, timeout_ms: ms(timeout, 60_000), interval_ms: ms(interval, 1000) }
        }
        ActionSpec::Resource(spec) => resource(spec, scope, problems),
    })
}

/// As whom a step is carried out. What the step says goes before what its task says.
pub(super) fn elevate(
    task: &Task,
    common: &Common,
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Elevate> {
    let (sudo, spec) = match (common.sudo, &common.elevate) {
        (None, None) => (task.sudo, task.elevate.as_ref()),
        (sudo, spec) => (sudo, spec.as_ref()),
    };
    if spec.is_none() && sudo != Some(true) {
        return None;
    }
    let mut plain = |template: &Template| scope.plain(template, problems).0;
    let method = spec.and_then(|spec| spec.method);
    let user = spec.and_then(|spec| spec.user.as_ref()).map_or_else(|| Text::literal("root"), &mut plain);
    let password = spec.and_then(|spec| spec.password.as_ref());
    let revealed = password.map(&mut plain);
    if let (Some(Method::Doas), Some(password)) = (method, password) {
        let message = "doas asks for passwords on a terminal only";
        let problem = Diagnostic::error(Code::InvalidValue, password.span, message);
        problems.push(problem.hint("allow it there with `nopass`, and remove `password`; or use sudo"));
    }
    Some(Elevate {
        method: match method {
            None | Some(Method::Sudo) => ElevateMethod::Sudo,
            Some(Method::Su) => ElevateMethod::Su,
            Some(Method::Doas) => ElevateMethod::Doas,
        },
        user,
        password: revealed,
    })
}

fn resource(spec: &ResourceSpec, scope: &Scope<'_>, problems: &mut Vec<Diagnostic>) -> Action {
    let mut params = Vec::new();
    for (param, value) in &spec.params {
        let values = match value {
            ParamValue::One(template) => vec![settled(param, "", template, scope, problems)],
            ParamValue::Many(templates) => {
                templates.iter().map(|template| settled(param, "", template, scope, problems)).collect()
            }
            ParamValue::Map(entries) => entries
                .iter()
                .map(|(name, value)| settled(param, &format!("{}=", name.value), value, scope, problems))
                .collect(),
        };
        let of = match param.of {
            Of::Text => ParamOf::Text,
            Of::Source => ParamOf::File,
            Of::Sent => ParamOf::Sent,
            _ => ParamOf::Lines,
        };
        params.push(ResourceParam { name: param.name.to_owned(), values, of });
    }
    for param in spec.kind.params {
        if let Given::Or(otherwise) = param.given
            && !params.iter().any(|given| given.name == param.name)
        {
            let values = vec![Text::literal(otherwise)];
            params.push(ResourceParam { name: param.name.to_owned(), values, of: ParamOf::Lines });
        }
    }
    Action::Resource { resource: spec.kind.name.to_owned(), params }
}

/// A value as the script of the resource gets it, as far as it is known, behind `before`.
fn settled(
    param: &Param,
    before: &str,
    template: &Template,
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Text {
    let earlier = problems.len();
    let (text, is_complete) = match param.of {
        Of::Commands => (scope.command(template, problems), true),
        _ => scope.plain(template, problems),
    };
    let mut whole = Text::literal(before);
    let problem = match text.as_literal() {
        _ if problems.len() > earlier || !is_complete => None,
        Some(literal) => match param.of.settle(literal) {
            Ok(value) => {
                whole.push_str(&value);
                return whole;
            }
            Err(what) => {
                let message = format!("`{}` {what}", param.name);
                let problem = Diagnostic::error(Code::InvalidValue, template.span, message);
                let meant = match param.of {
                    Of::Choice(words) => did_you_mean(literal, words.iter().copied()),
                    _ => None,
                };
                Some(match (meant, param.of) {
                    (Some(meant), _) => problem.hint(format!("did you mean `{meant}`?")),
                    (None, Of::Schedule) => problem
                        .hint("\"0 3 * * *\" is every day at 3, \"*/15 * * * *\" every quarter of an hour"),
                    (None, _) => problem,
                })
            }
        },
        None if param.of.may_be_unknown() => None,
        None => {
            let message = format!("`{}` cannot depend on secrets, facts or outputs", param.name);
            let problem = Diagnostic::error(Code::InvalidValue, template.span, message);
            Some(problem.hint("it has to be known before the run; use `vars`"))
        }
    };
    problems.extend(problem);
    for part in text.0 {
        whole.push_part(part);
    }
    whole
}

fn http(
    template: &Template,
    status: Option<u16>,
    scope: &Scope<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Probe {
    let (url, is_complete) = scope.plain(template, problems);
    let shown = url.to_string();
    let begins = ["http://", "https://"].iter().any(|scheme| shown.starts_with(scheme));
    if is_complete && url.0.first().is_some_and(|part| matches!(part, crate::Part::Literal(_))) {
        let url_problem = |message: String, hint: &str| {
            Diagnostic::error(Code::InvalidValue, template.span, message).hint(hint.to_owned())
        };
        let short = crate::yaml::shorten(&shown);
        if !begins {
            let hint = format!("write http://{short}");
            problems.push(url_problem(format!("`{short}` does not begin with http:// or https://"), &hint));
        } else if shown.chars().any(char::is_whitespace) && url.as_literal().is_some() {
            problems.push(url_problem(
                format!("the URL `{short}` has white space in it"),
                "write %20 for a space",
            ));
        }
    }
    Probe::Http { url, status: status.unwrap_or(200) }
}

fn tcp(template: &Template, scope: &Scope<'_>, problems: &mut Vec<Diagnostic>) -> Option<Probe> {
    let rendered = scope.open(template, "`tcp`", problems);
    if !rendered.is_complete {
        return Some(Probe::Tcp { address: String::new(), port: 0 });
    }
    match hosts::address_and_port(&rendered.text, template.span) {
        Ok((address, port)) => Some(Probe::Tcp { address, port }),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}
