//! Keeping leases, taking over runs whose owner is gone, and removing what ended runs left on hosts.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use steadyhand_domain::{Desired, RunId};
use steadyhand_store::{StoreError, logs, records::Hindrance, runs, runs::Lease, steps};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    EngineError, RunSpec, engine::Shared, execute, hosts::host_spec, owner, secrets::not_in_environment,
};

/// How long a run is owned without being renewed.
pub(crate) const LEASE_MS: i64 = 15_000;
/// How often leases are renewed.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// How often runs without an owner are looked for.
const LOOK: Duration = Duration::from_millis(500);

/// Keeps this process's leases and takes over runs, until the process closes.
pub(crate) async fn watch(shared: Arc<Shared>) {
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting = HashMap::new();
    let tidier = shared.clone();
    shared.tasks.spawn(async move {
        let closing = tidier.closing.clone();
        closing.run_until_cancelled(tidy_all(&tidier)).await;
    });
    loop {
        let result = tokio::select! {
            () = shared.closing.cancelled() => return,
            _ = heartbeat.tick() => renew(&shared).await,
            _ = look.tick(), if shared.takes_over.load(Ordering::Relaxed) => take_over(&shared, &mut waiting).await,
        };
        if let Err(error) = result {
            tracing::warn!(%error, "leases could not be kept; trying again");
        }
    }
}

async fn renew(shared: &Shared) -> Result<(), StoreError> {
    if shared.control.is_empty() {
        return Ok(());
    }
    let mut db = shared.store.write().await?;
    runs::renew(&mut db, shared.owner.name(), crate::now().plus_ms(LEASE_MS)).await?;
    db.commit().await?;
    Ok(())
}

/// `waiting` are the runs of which was noted that this process lacks their secrets, with the owner that left them.
async fn take_over(
    shared: &Arc<Shared>,
    waiting: &mut HashMap<RunId, Option<String>>,
) -> Result<(), StoreError> {
    let leases = runs::unfinished(&mut *shared.store.read().await?).await?;
    let now = crate::now();
    for lease in leases {
        if shared.control.executes(lease.run_id) || shared.has_given_up(lease.run_id) {
            continue;
        }
        let gone = lease
            .owner
            .as_deref()
            .filter(|name| *name != shared.owner.name() && owner::is_gone(shared.store.folder(), name));
        if lease.owner.is_some() && gone.is_none() && lease.until >= now {
            continue;
        }
        if let Some(hindrance) = missing_secrets(shared, &lease).await? {
            if waiting.get(&lease.run_id) == Some(&lease.owner) {
                continue;
            }
            let mut db = shared.store.write().await?;
            runs::note_hindrance(&mut db, lease.run_id, lease.owner.as_deref(), &hindrance, now).await?;
            db.commit().await?;
            shared.feed.committed();
            waiting.insert(lease.run_id, lease.owner);
            continue;
        }
        let mut db = shared.store.write().await?;
        let until = now.plus_ms(LEASE_MS);
        let claimed = runs::claim(&mut db, lease.run_id, shared.owner.name(), gone, until, now).await?;
        db.commit().await?;
        shared.feed.committed();
        if claimed {
            tracing::info!(run.id = %lease.run_id, "taken over");
            execute::spawn(shared, lease.run_id);
        }
    }
    Ok(())
}

/// The secrets that a run needs and this process has not; they may be put into the vault while the run waits. A plan that
/// cannot be read is taken: whoever takes it says so. Stopping takes none.
async fn missing_secrets(shared: &Shared, lease: &Lease) -> Result<Option<Hindrance>, StoreError> {
    if lease.desired == Desired::Stopped {
        return Ok(None);
    }
    let id = lease.run_id;
    let mut db = shared.store.read().await?;
    let json = runs::compiled_json(&mut db, id).await?;
    drop(db);
    let Ok(spec) = RunSpec::from_json(id, &json) else { return Ok(None) };
    let missing = shared.missing_secrets(&spec).await;
    let missing = missing.map(|names| (!names.is_empty()).then_some(Hindrance::MissingSecrets { names }));
    Ok(missing.unwrap_or_else(|error| {
        tracing::debug!(run.id = %id, %error, "the vault gives no values");
        let names = not_in_environment(&spec);
        // What the vault has of the project could not be hidden, whether the plan names it or not.
        Some(if names.is_empty() { Hindrance::VaultLocked } else { Hindrance::MissingSecrets { names } })
    }))
}

/// What earlier processes did not get round to.
async fn tidy_all(shared: &Arc<Shared>) {
    let untidied = async {
        let mut db = shared.store.read().await?;
        runs::untidied(&mut db).await
    };
    match untidied.await {
        Ok(ids) => {
            for id in ids {
                if let Err(error) = tidy(shared, id).await {
                    tracing::debug!(run.id = %id, %error, "its records stay on the hosts for now");
                }
            }
        }
        Err(error) => tracing::warn!(%error, "ended runs could not be listed"),
    }
}

/// Removes what an ended run left on its hosts.
pub(crate) async fn tidy(shared: &Shared, id: RunId) -> Result<(), EngineError> {
    let (spec, steps) = {
        let mut db = shared.store.read().await?;
        let spec = RunSpec::from_json(id, &runs::compiled_json(&mut db, id).await?)?;
        let sizes = logs::sizes(&mut *shared.store.read_logs().await?, id).await?;
        (spec, steps::of_run(&mut db, id, &sizes).await?)
    };
    // From here on the logs are nowhere else.
    shared.store.sync_logs().await?;
    for name in spec.plan.hosts.keys() {
        let attempts: Vec<String> = steps
            .iter()
            .filter(|step| {
                step.host == *name && !matches!(step.kind.as_str(), "upload" | "download" | "wait_for")
            })
            .flat_map(|step| step.attempts.iter().map(move |attempt| (step.index, attempt)))
            // A host that was never reached has nothing, and is not connected to for nothing.
            .filter(|(_, attempt)| attempt.outcome.is_some() || attempt.bytes > 0)
            .map(|(index, attempt)| attempt_name(id, index, attempt.number))
            .collect();
        if !attempts.is_empty() {
            let host = host_spec(&spec.plan.hosts, name)?;
            let connected = shared.remote.host(&host);
            if connected.is_connected().await {
                connected.forget(&attempts).await?;
            } else {
                let quiet = shared.quiet.host(&host);
                let forgotten = quiet.forget(&attempts).await;
                quiet.disconnect().await;
                forgotten?;
            }
        }
    }
    let mut db = shared.store.write().await?;
    runs::mark_tidied(&mut db, id).await?;
    db.commit().await.map_err(StoreError::from)?;
    Ok(())
}

/// The name of an attempt's record on its host.
pub(crate) fn attempt_name(run: RunId, index: u32, attempt: u32) -> String {
    format!("{run}-{index}-{attempt}")
}
