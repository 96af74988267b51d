//! What is to be told, written together with what it tells.

use serde::Deserialize;
use steadyhand_domain::{RunEvent, RunId, Timestamp};
use steadyhand_plan::{Notification, NotifyOn};
use steadyhand_store::{
    StoreError, Writer,
    notifications::{self, NewNotification, Told},
    progress::Write,
    runs,
};
use uuid::Uuid;

/// As much of a recorded run as says who is told.
#[derive(Deserialize)]
struct Recorded {
    plan: RecordedPlan,
}

#[derive(Deserialize)]
struct RecordedPlan {
    #[serde(default)]
    notify: Vec<Notification>,
}

/// What `writes` tell, if they end a run.
fn end(writes: &[&[Write<'_>]]) -> Option<Told> {
    writes.iter().copied().flatten().rev().find_map(|write| match write {
        Write::Run { event: RunEvent::EveryStepEnded, .. } => Some(Told::Completed),
        Write::Run { event: RunEvent::StepFailed, .. } => Some(Told::Failed),
        Write::Run { event: RunEvent::Stopped, .. } => Some(Told::Stopped),
        _ => None,
    })
}

/// Writes what is to be told of the run when `writes` end it.
///
/// # Errors
/// When the database cannot be read or written.
pub(crate) async fn add_end(
    db: &mut Writer,
    run: RunId,
    owner: &str,
    writes: &[&[Write<'_>]],
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(told) = end(writes) else { return Ok(()) };
    // A record that this version does not understand tells nobody; what became of the run is recorded all the same.
    let notify = serde_json::from_str::<Recorded>(&runs::compiled_json(db, run).await?)
        .map_or_else(|_| Vec::new(), |recorded| recorded.plan.notify);
    add(db, run, owner, &notify, told, now).await
}

/// Writes that a run was started.
///
/// # Errors
/// When the database cannot be read or written.
pub(crate) async fn add_start(
    db: &mut Writer,
    run: RunId,
    owner: &str,
    notify: &[Notification],
    now: Timestamp,
) -> Result<(), StoreError> {
    add(db, run, owner, notify, Told::Started, now).await
}

async fn add(
    db: &mut Writer,
    run: RunId,
    owner: &str,
    notify: &[Notification],
    told: Told,
    now: Timestamp,
) -> Result<(), StoreError> {
    if notify.is_empty() {
        return Ok(());
    }
    let recovered = told == Told::Completed && notifications::failed_before(db, run).await?;
    let entries: Vec<NewNotification> = (0..)
        .zip(notify)
        .filter_map(|(channel, entry)| {
            let told = said(entry, told, recovered)?;
            Some(NewNotification { id: Uuid::now_v7(), channel, kind: entry.channel.word(), told })
        })
        .collect();
    notifications::insert(db, run, owner, &entries, now).await
}

/// What somebody is told of this, if they want to know.
fn said(entry: &Notification, told: Told, recovered: bool) -> Option<Told> {
    if recovered && entry.tells(NotifyOn::Recovered) {
        return Some(Told::Recovered);
    }
    let wanted = match told {
        Told::Started => entry.tells(NotifyOn::Started),
        Told::Failed => entry.tells(NotifyOn::Failed),
        Told::Completed => entry.tells(NotifyOn::Completed),
        Told::Recovered => entry.tells(NotifyOn::Recovered),
        // Who stopped a run knows; only those hear of it who hear of everything.
        Told::Stopped => entry.on.contains(&NotifyOn::Always),
    };
    wanted.then_some(told)
}

#[cfg(test)]
mod tests {
    use steadyhand_plan::Channel;

    use super::*;

    #[test]
    fn everybody_hears_what_they_want_to_know_once() {
        use NotifyOn::{Always, Completed, Failed, Recovered, Started};
        let check = |on: &[NotifyOn], told, recovered, expected| {
            let entry = Notification { channel: Channel::Desktop, on: on.to_vec() };
            assert_eq!(said(&entry, told, recovered), expected, "{on:?} {told:?} {recovered}");
        };
        check(&[Failed], Told::Failed, false, Some(Told::Failed));
        check(&[Failed], Told::Completed, false, None);
        check(&[Completed], Told::Completed, true, Some(Told::Completed));
        check(&[Completed, Recovered], Told::Completed, true, Some(Told::Recovered));
        check(&[Completed, Recovered], Told::Completed, false, Some(Told::Completed));
        check(&[Recovered], Told::Completed, true, Some(Told::Recovered));
        check(&[Recovered], Told::Completed, false, None);
        check(&[Always], Told::Completed, true, Some(Told::Recovered));
        check(&[Always], Told::Stopped, false, Some(Told::Stopped));
        check(&[Started, Failed, Completed, Recovered], Told::Stopped, false, None);
        check(&[Started], Told::Started, false, Some(Told::Started));
    }
}
