//! Delivers what is to be told.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock, PoisonError, atomic::Ordering},
    time::Duration,
};

use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use steadyhand_domain::{RunId, Timestamp};
use steadyhand_plan::{Channel, Notification, Text};
use steadyhand_store::{
    StoreError,
    events::Event,
    notifications::{self, Became, Open},
    runs,
};
use tokio::{
    sync::{Notify, broadcast::error::RecvError},
    task::{Id, JoinSet},
    time::{Instant, sleep, timeout_at},
};
use uuid::Uuid;

use super::{Attempt, ShowOnDesktop, desktop, discord, email, message::Message, post, slack, teams, webhook};
use crate::{Change, Masker, RunSpec, engine::Shared, owner};

/// The pauses before another attempt; after the last one it is given up.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(3),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(4 * 60),
    Duration::from_secs(10 * 60),
];
/// How long an attempt may take before another process may think that its holder is stuck.
const HELD_MS: i64 = 120_000;
/// What is older than this is news no more.
const OLDEST_MS: i64 = 24 * 60 * 60 * 1000;
/// How often is looked whether the holder of something is gone, or its time has come; other processes tell neither.
const LOOK: Duration = Duration::from_millis(500);
/// How soon is looked again whether the secrets of something that another process left are here now.
const AGAIN: Duration = Duration::from_secs(30);
/// How many are told at the same time.
const AT_ONCE: usize = 16;

/// What delivering needs beside what the engine has.
#[derive(Default)]
pub(crate) struct Courier {
    desktop: OnceLock<ShowOnDesktop>,
    client: OnceLock<Option<reqwest::Client>>,
    /// Told after each attempt.
    settled: Notify,
    /// What another process left and this one has not the secrets for, with when that was looked at.
    put_off: Mutex<HashMap<Uuid, Instant>>,
}

impl Courier {
    pub(crate) fn show_on_desktop_with(&self, port: ShowOnDesktop) {
        // The first one stays.
        let _ = self.desktop.set(port);
    }

    fn client(&self) -> Option<&reqwest::Client> {
        let made = || post::client().map_err(|error| tracing::warn!(%error, "no webhook can be told")).ok();
        self.client.get_or_init(made).as_ref()
    }
}

/// Delivers until the process closes.
pub(crate) async fn deliver(shared: Arc<Shared>) {
    let mut changes = shared.feed.subscribe();
    // Tasks of their own: what one of them holds must not wait for this one.
    let mut going = JoinSet::new();
    let mut under_way: HashMap<Id, Uuid> = HashMap::new();
    // What an earlier process left is looked for at once.
    let mut look = true;
    loop {
        let mut waiting = false;
        if look {
            let known: HashSet<Uuid> = under_way.values().copied().collect();
            match due(&shared, &known).await {
                Ok((due, others)) => {
                    waiting = others;
                    for open in due.into_iter().take(AT_ONCE.saturating_sub(going.len())) {
                        let (shared, id) = (shared.clone(), open.id);
                        let task = going.spawn(async move {
                            if let Err(error) = attempt(&shared, open).await {
                                tracing::warn!(%error, "a notification could not be recorded; trying again");
                            }
                        });
                        under_way.insert(task.id(), id);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "what is to be told could not be read; trying again");
                    waiting = true;
                }
            }
        }
        look = tokio::select! {
            () = shared.closing.cancelled() => return,
            Some(ended) = going.join_next_with_id() => {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                under_way.remove(&id);
                shared.courier.settled.notify_waiters();
                true
            }
            change = changes.recv() => match change {
                Ok(Change::Event(change)) => {
                    waiting || matches!(change.event, Event::RunRecorded | Event::Run { .. } | Event::Notification { .. })
                }
                Ok(_) => waiting,
                Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => return,
            },
            () = sleep(LOOK), if waiting => true,
        };
    }
}

/// What this process is to deliver now, and whether there is more that may come to it.
async fn due(shared: &Shared, under_way: &HashSet<Uuid>) -> Result<(Vec<Open>, bool), StoreError> {
    let all = notifications::open(&mut *shared.store.read().await?).await?;
    let now = crate::now();
    let mut others = false;
    let mut due = Vec::new();
    // Nobody hears of an end before they were to hear of the beginning, unless that is in trouble.
    let mut first: HashSet<(RunId, u32)> = HashSet::new();
    for open in all {
        let is_second = first.contains(&(open.run_id, open.channel));
        if open.attempts == 0 || open.sending {
            first.insert((open.run_id, open.channel));
        }
        if under_way.contains(&open.id) {
            continue;
        }
        others = true;
        if is_second {
            continue;
        }
        let is_own = open.holder == shared.owner.name();
        let may_take = shared.takes_over.load(Ordering::Relaxed) && is_left(shared, &open, now);
        let is_time = open.next_at <= now || (open.sending && !is_own);
        if is_time && (is_own || may_take) && !shared.courier.is_put_off(open.id) {
            due.push(open);
        }
    }
    Ok((due, others))
}

/// Whether nobody else delivers it any more.
fn is_left(shared: &Shared, open: &Open, now: Timestamp) -> bool {
    owner::is_gone(shared.store.folder(), &open.holder) || open.next_at.plus_ms(HELD_MS) < now
}

impl Courier {
    fn put_off(&self, id: Uuid) {
        self.put_off.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Instant::now() + AGAIN);
    }

    fn is_put_off(&self, id: Uuid) -> bool {
        let put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
        put_off.get(&id).is_some_and(|until| Instant::now() < *until)
    }
}

/// One attempt, recorded before and after.
async fn attempt(shared: &Shared, mut open: Open) -> Result<(), StoreError> {
    let now = crate::now();
    let is_own = open.holder == shared.owner.name();
    let is_old = open.created_at.plus_ms(OLDEST_MS) < now;
    let prepared = prepare(shared, &open).await?;
    if let Prepared::Not { from_here: true, .. } = &prepared
        && !is_own
        && !is_old
    {
        // Another process may have what this one lacks.
        shared.courier.put_off(open.id);
        return Ok(());
    }
    let me = shared.owner.name();
    let mut db = shared.store.write().await?;
    let claimed = notifications::claim(&mut db, &open, me, now.plus_ms(HELD_MS)).await?;
    db.commit().await?;
    if !claimed {
        return Ok(());
    }
    open.attempts += 1;
    let (attempt, masker) = match prepared {
        Prepared::Ready { channel, message, masker } => (send(shared, &channel, &message).await, masker),
        Prepared::Not { attempt, .. } => (attempt, None),
        Prepared::Gone => (Attempt::Delivered, None),
    };
    // What a server says may repeat what it was told.
    let masked = |problem: String| match &masker {
        Some(masker) => masker.text(&problem).into_owned(),
        None => problem,
    };
    let now = crate::now();
    let became = match attempt {
        Attempt::Delivered => Became::Delivered,
        Attempt::Refused { problem } => Became::Failed { problem: masked(problem) },
        Attempt::Later { problem, .. } if is_old => Became::Failed { problem: masked(problem) },
        Attempt::Later { problem, after } => {
            let number = usize::try_from(open.attempts).unwrap_or(usize::MAX).saturating_sub(1);
            match PAUSES.get(number) {
                None => Became::Failed { problem: masked(problem) },
                Some(pause) => {
                    let pause = after.unwrap_or_default().max(*pause);
                    let at = now.plus_ms(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
                    Became::Later { problem: masked(problem), at }
                }
            }
        }
    };
    tracing::debug!(run.id = %open.run_id, channel = open.channel, ?became, "told");
    let mut patience = shared.patience();
    loop {
        let settled = async {
            let mut db = shared.store.write().await?;
            notifications::settle(&mut db, &open, me, &became, now).await?;
            db.commit().await?;
            Ok::<_, StoreError>(())
        };
        if let Some(settled) = patience.settle(settled.await).await {
            settled?;
            break;
        }
    }
    shared.feed.committed();
    Ok(())
}

/// What is to be sent, and where to.
enum Prepared {
    Ready {
        channel: Ready,
        message: Box<Message>,
        masker: Option<Masker>,
    },
    /// `from_here`: another process may have what is missing.
    Not {
        attempt: Attempt,
        from_here: bool,
    },
    /// There is nothing to tell of any more.
    Gone,
}

/// A channel with the values of its secrets. Never shown and never stored.
enum Ready {
    Slack(String),
    Discord(String),
    Teams(String),
    Webhook { url: String, secret: Option<String> },
    Email { server: email::Server, from: String, to: Vec<String> },
    Desktop,
}

async fn prepare(shared: &Shared, open: &Open) -> Result<Prepared, StoreError> {
    let not = |attempt, from_here| Ok(Prepared::Not { attempt, from_here });
    let json = match runs::compiled_json(&mut *shared.store.read().await?, open.run_id).await {
        Ok(json) => json,
        Err(StoreError::UnknownRun(_)) => return Ok(Prepared::Gone),
        Err(error) => return Err(error),
    };
    let spec = match RunSpec::from_json(open.run_id, &json) {
        Ok(spec) => spec,
        Err(error) => return not(Attempt::refused(error.to_string()), false),
    };
    let place = usize::try_from(open.channel).unwrap_or(usize::MAX);
    let Some(Notification { channel, .. }) = spec.plan.notify.get(place) else { return Ok(Prepared::Gone) };
    // What cannot be hidden is not told.
    if let Err(error) = shared.missing_secrets(&spec).await {
        return not(Attempt::later(error.to_string()), true);
    }
    let values = shared.secrets_named(&spec, |name| channel.secrets().any(|needed| needed == name));
    let ready = match reveal(channel, &values) {
        Ok(ready) => ready,
        Err(problem) => return not(Attempt::refused(problem), true),
    };
    let secrets = shared.all_secrets(&spec);
    let message = Message::compose(&shared.store, open, &spec.plan, &secrets).await?;
    Ok(match message {
        Some(message) => {
            Prepared::Ready { channel: ready, message: Box::new(message), masker: Masker::new(&secrets) }
        }
        None => Prepared::Gone,
    })
}

fn reveal(channel: &Channel, values: &HashMap<String, SecretString>) -> Result<Ready, String> {
    let text = |text: &Text| {
        let value = |name: &str| values.get(name).map(ExposeSecret::expose_secret);
        text.reveal(value).map(|text| text.trim().to_owned()).map_err(|missing| missing.to_string())
    };
    let optional = |some: &Option<Text>| some.as_ref().map(text).transpose();
    Ok(match channel {
        Channel::Slack { url } => Ready::Slack(text(url)?),
        Channel::Discord { url } => Ready::Discord(text(url)?),
        Channel::Teams { url } => Ready::Teams(text(url)?),
        Channel::Webhook { url, secret } => Ready::Webhook { url: text(url)?, secret: optional(secret)? },
        Channel::Email { smtp, user, password, from, to } => Ready::Email {
            server: email::Server { smtp: text(smtp)?, user: optional(user)?, password: optional(password)? },
            from: text(from)?,
            to: to.iter().map(text).collect::<Result<_, _>>()?,
        },
        Channel::Desktop => Ready::Desktop,
    })
}

async fn send(shared: &Shared, channel: &Ready, message: &Message) -> Attempt {
    let (url, body, key) = match channel {
        Ready::Desktop => {
            return desktop::show(shared.courier.desktop.get().cloned(), message).await;
        }
        Ready::Email { server, from, to } => {
            return match email::mail(message, from, to) {
                Ok(mail) => email::send(server, mail).await,
                Err(problem) => Attempt::refused(problem),
            };
        }
        Ready::Slack(url) => (url, slack::body(message), None),
        Ready::Discord(url) => (url, discord::body(message), None),
        Ready::Teams(url) => (url, teams::body(message), None),
        Ready::Webhook { url, secret } => (url, webhook::body(message), Some(secret)),
    };
    let body = body.to_string().into_bytes();
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let seconds = crate::now().0 / 1000;
        let signature = key.as_ref().and_then(|key| webhook::signature(key, seconds, &body));
        let all = [
            ("x-steadyhand-event", Some(webhook::word(message.told).to_owned())),
            ("x-steadyhand-delivery", Some(message.id.to_string())),
            ("x-steadyhand-timestamp", Some(seconds.to_string())),
            ("x-steadyhand-signature", signature),
        ];
        for (name, value) in all {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(name, value);
            }
        }
    }
    match shared.courier.client() {
        Some(client) => post::post(client, url, headers, body).await,
        None => Attempt::refused("this machine's TLS cannot be used"),
    }
}

/// Waits until each notification of a run was tried once, at most for `patience`.
pub(crate) async fn tried(shared: &Shared, run: RunId, patience: Duration) -> Result<(), StoreError> {
    let until = Instant::now() + patience;
    loop {
        let settled = shared.courier.settled.notified();
        if !notifications::is_untried(&mut *shared.store.read().await?, run).await? {
            return Ok(());
        }
        if timeout_at(until.min(Instant::now() + LOOK), settled).await.is_err() && Instant::now() >= until {
            return Ok(());
        }
    }
}
