//! What uploads and downloads would change: both sides are compared, and nothing is sent.

use std::time::Duration;

use steadyhand_plan::{Action, CompiledHost, CompiledStep, Text};
use steadyhand_remote::{Difference, Elevation, RemoteError};
use tokio::time::timeout;

use super::{Found, OnHost, Unasked, Verdict};
use crate::attempt::transfer::{Transfer, Way};

/// So many paths are named.
const NAMED: usize = 20;
/// Both sides hash all that there is.
const PATIENCE: Duration = Duration::from_secs(600);

impl OnHost<'_> {
    pub(super) async fn transfer(
        &self,
        step: &CompiledStep,
        way: Way,
        from: &Text,
        to: &Text,
        elevation: Option<&Elevation>,
    ) -> Found {
        let transfer = Transfer::new(way, from, to, &self.spec.base(), self.secrets)?;
        let maker = self.maker(step, |other| match way {
            Way::Up => self.is_local(&other.host),
            Way::Down => other.host == step.host && !is_sent_elsewhere(other, &transfer.there),
        });
        if let Some(missing) = transfer.missing() {
            let Some(maker) = maker else { return Err(Unasked::Step(missing)) };
            let text = format!("{} is not there yet; {} may make it", transfer.local.display(), maker.name);
            return Ok((Verdict::Unknown, text));
        }
        match (self.in_time(transfer.compare(&self.host, elevation)).await, maker, way) {
            (Err(Unasked::Step(why)), Some(maker), Way::Down) => Ok((
                Verdict::Unknown,
                format!("{}. But {} may make it", why.trim_end_matches('.'), maker.name),
            )),
            (compared, maker, Way::Up) => found(&compared?, maker, "what is sent"),
            (compared, maker, Way::Down) => found(&compared?, maker, "what is fetched"),
        }
    }

    /// The nearest step before `step` that makes or may change what is on the host that `is_there` tells.
    fn maker(&self, step: &CompiledStep, is_there: impl Fn(&CompiledStep) -> bool) -> Option<Maker> {
        let makes = |other: &&CompiledStep| match other.action {
            Action::Run { .. } | Action::Resource { .. } | Action::Upload { .. } => is_there(other),
            // What one fetches, another one can send.
            Action::Download { .. } => {
                matches!(step.action, Action::Upload { .. }) || self.is_local(&step.host)
            }
            Action::WaitFor { .. } => false,
        };
        let before = self.spec.plan.steps.iter().filter(|other| other.index < step.index);
        let maker = before.filter(|other| other.never().is_none()).rfind(makes)?;
        let name = format!("the step “{}” before it", maker.name);
        Some(Maker { name, is_command: matches!(maker.action, Action::Run { .. }) })
    }

    fn is_local(&self, host: &str) -> bool {
        matches!(self.spec.plan.hosts.get(host), Some(CompiledHost::Local))
    }

    async fn in_time<T>(&self, compare: impl Future<Output = Result<T, RemoteError>>) -> Result<T, Unasked> {
        let compared = tokio::select! {
            compared = timeout(PATIENCE, compare) => compared,
            () = self.cancel.cancelled() => return Err(Unasked::Step("the check was given up".to_owned())),
        };
        match compared {
            Ok(Err(error @ (RemoteError::Upload { .. } | RemoteError::Download { .. }))) => {
                Err(Unasked::Step(error.to_string()))
            }
            Ok(compared) => Ok(compared?),
            Err(_) => {
                let waited = PATIENCE.as_secs();
                Err(Unasked::Step(format!("the files could not be compared within {waited} s")))
            }
        }
    }
}

/// What an upload sends is known to be where it goes: whether that is not in `path`.
fn is_sent_elsewhere(step: &CompiledStep, path: &str) -> bool {
    match &step.action {
        Action::Upload { to, .. } => {
            to.as_literal().is_some_and(|to| !path.starts_with(to.trim_end_matches('/')))
        }
        _ => false,
    }
}

/// A step before the one that is asked about.
struct Maker {
    name: String,
    /// What a command does is not known before.
    is_command: bool,
}

fn found(differences: &[Difference], maker: Option<Maker>, what: &str) -> Found {
    if differences.is_empty() {
        return Ok(match maker.filter(|maker| maker.is_command) {
            Some(maker) => {
                (Verdict::Unknown, format!("nothing differs now, but {} may change {what}", maker.name))
            }
            None => (Verdict::Ok, String::new()),
        });
    }
    let mut lines: Vec<String> = differences.iter().take(NAMED).map(ToString::to_string).collect();
    if differences.len() > NAMED {
        lines.push(format!("and {} more", differences.len() - NAMED));
    }
    Ok((Verdict::Change, lines.join("\n")))
}
