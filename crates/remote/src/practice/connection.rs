//! One client: who may log in, and what becomes of its requests.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use russh::keys::PublicKey;
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, Pty, Sig};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::command::{self, Request};
use super::forward::{forward, is_loopback};
use super::input::{Feed, Input, pipe};
use super::output::Starved;
use super::server::Context;

/// Sessions at a time in one connection, as with an unconfigured `sshd`.
const MAX_SESSIONS: usize = 10;

/// The state of one connection. Dropping it closes all its channels.
pub(super) struct Connection {
    context: Arc<Context>,
    peer: SocketAddr,
    logged_in: Arc<Notify>,
    sessions: Arc<Semaphore>,
    starved: Starved,
    channels: Channels,
    closed: CancellationToken,
}

/// The open channels. A task removes its own entry when it closes the channel, because the handler isn't told then.
type Channels = Arc<Mutex<HashMap<ChannelId, Open>>>;

/// An open channel.
struct Open {
    feed: Feed,
    signals: mpsc::UnboundedSender<Sig>,
    closed: CancellationToken,
    /// Present until the session is asked to run something.
    idle: Option<Idle>,
}

/// A session that has not been asked to run anything yet.
struct Idle {
    channel: ChannelWriteHalf<Msg>,
    input: Input,
    signals: mpsc::UnboundedReceiver<Sig>,
    environment: BTreeMap<String, String>,
    place: OwnedSemaphorePermit,
}

impl Connection {
    pub(super) fn new(context: Arc<Context>, peer: SocketAddr, logged_in: Arc<Notify>) -> Self {
        Self {
            context,
            peer,
            logged_in,
            sessions: Arc::new(Semaphore::new(MAX_SESSIONS)),
            starved: Starved::default(),
            channels: Channels::default(),
            closed: CancellationToken::new(),
        }
    }

    fn check(&self, key: &PublicKey) -> Auth {
        if key.key_data() == self.context.client_key.key_data() { Auth::Accept } else { Auth::reject() }
    }

    /// Runs what a session is asked for, once. The reply says whether it was started.
    fn run(&self, id: ChannelId, request: &Request<'_>, session: &mut Session) -> Result<(), russh::Error> {
        let taken = lock(&self.channels)
            .get_mut(&id)
            .and_then(|open| open.idle.take().map(|idle| (idle, open.closed.clone())));
        let Some((mut idle, closed)) = taken else { return session.channel_failure(id) };
        let (peer, own) = (self.peer, self.context.address);
        let ends = format!("{} {} {}", peer.ip(), peer.port(), own.port());
        idle.environment.insert("SSH_CLIENT".to_owned(), ends);
        let ends = format!("{} {} {} {}", peer.ip(), peer.port(), own.ip(), own.port());
        idle.environment.insert("SSH_CONNECTION".to_owned(), ends);

        match command::start(request, &self.context.home, &idle.environment) {
            Ok(running) => {
                session.channel_success(id)?;
                let (channels, starved, handle) =
                    (Arc::clone(&self.channels), self.starved.clone(), session.handle());
                tokio::spawn(async move {
                    let Idle { channel, input, signals, environment: _, place } = idle;
                    command::attend(running, &channel, &handle, input, signals, &starved, &closed).await;
                    drop(place);
                    lock(&channels).remove(&id);
                });
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, ?request, "the practice server can't start a command");
                session.channel_failure(id)
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

fn lock(channels: &Channels) -> MutexGuard<'_, HashMap<ChannelId, Open>> {
    // Nothing that is done under this lock can leave the map half changed.
    channels.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.check(offer.public_key))
    }

    async fn auth_publickey(&mut self, _user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(self.check(key.public_key))
    }

    async fn auth_succeeded(&mut self, _session: &mut Session) -> Result<(), Self::Error> {
        self.logged_in.notify_one();
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Ok(place) = Arc::clone(&self.sessions).try_acquire_owned() else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        let id = channel.id();
        // What arrives comes through this handler, which knows how much waits; the other way would block the connection.
        let (_, channel) = channel.split();
        let (feed, input) = pipe();
        let (sender, signals) = mpsc::unbounded_channel();
        let idle = Idle { channel, input, signals, environment: BTreeMap::new(), place };
        let closed = self.closed.child_token();
        lock(&self.channels).insert(id, Open { feed, signals: sender, closed, idle: Some(idle) });
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _originator: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(port) = u16::try_from(port).ok().filter(|_| is_loopback(host)) else {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        };
        let id = channel.id();
        let (_, channel) = channel.split();
        let (feed, input) = pipe();
        let (signals, _) = mpsc::unbounded_channel();
        let closed = self.closed.child_token();
        lock(&self.channels).insert(id, Open { feed, signals, closed: closed.clone(), idle: None });
        let (to, starved, channels) =
            ((host.to_owned(), port), self.starved.clone(), Arc::clone(&self.channels));
        tokio::spawn(async move {
            forward(to, reply, channel, input, starved, closed).await;
            lock(&channels).remove(&id);
        });
        Ok(())
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        let pushed = match lock(&self.channels).get(&id) {
            Some(open) => open.feed.push(data).map(|()| open.feed.brake(&self.starved)),
            None => return Ok(()),
        };
        match pushed {
            Ok(Some(brake)) => brake.await,
            Ok(None) => {}
            Err(overflow) => {
                tracing::warn!(channel = %id, ?overflow, "a command on the practice server doesn't read its input");
                if let Some(open) = lock(&self.channels).remove(&id) {
                    open.closed.cancel();
                }
                session.extended_data(
                    id,
                    1,
                    &b"the practice server keeps no more input that nothing reads\n"[..],
                )?;
                session.close(id)?;
            }
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(open) = lock(&self.channels).get_mut(&id) {
            open.feed.end();
        }
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(open) = lock(&self.channels).remove(&id) {
            open.closed.cancel();
        }
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.run(id, &Request::Exec(line), session)
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        self.run(id, &Request::Shell, session)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if name == "sftp" { self.run(id, &Request::Sftp, session) } else { session.channel_failure(id) }
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        // What `AcceptEnv` allows on common systems.
        if name != "LANG" && !name.starts_with("LC_") {
            return session.channel_failure(id);
        }
        if let Some(idle) = lock(&self.channels).get_mut(&id).and_then(|open| open.idle.as_mut()) {
            idle.environment.insert(name.to_owned(), value.to_owned());
        }
        session.channel_success(id)
    }

    async fn signal(
        &mut self,
        id: ChannelId,
        signal: Sig,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(open) = lock(&self.channels).get(&id) {
            let _ = open.signals.send(signal);
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }

    async fn x11_request(
        &mut self,
        id: ChannelId,
        _single: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }
}
