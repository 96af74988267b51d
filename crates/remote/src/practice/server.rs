//! The listening side: who serves, connections, and the end.

use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use russh::keys::PublicKey;
use russh::{Disconnect, MethodKind, MethodSet, SshId, server};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::PracticeError;
use super::connection::Connection;
use super::folder::{Folder, Lock};

/// Connections at a time. More are let in when others end.
const MAX_CONNECTIONS: usize = 64;
/// How long a client may take to log in.
const LOGIN_TIME: Duration = Duration::from_secs(60);
/// How long connections get to end when the server stops.
const FAREWELL: Duration = Duration::from_millis(500);
/// How long to look for the server of another process that has just started or just ended.
const SEARCH_TIME: Duration = Duration::from_secs(10);

/// An SSH server on a loopback address that runs commands as the current user. It ends when this is dropped.
#[derive(Debug)]
pub struct PracticeServer {
    port: Arc<AtomicU16>,
    host_key: PublicKey,
    client_key: PathBuf,
    home: PathBuf,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

/// What every connection knows.
#[derive(Debug)]
pub(super) struct Context {
    /// The one key that may log in.
    pub(super) client_key: PublicKey,
    /// The home folder of every command.
    pub(super) home: PathBuf,
    /// The address that is listened on.
    pub(super) address: SocketAddr,
}

impl PracticeServer {
    /// Starts the practice server whose files are in `folder`, or finds the one that another process runs there. In
    /// that case this one takes over when the other ends.
    ///
    /// # Errors
    /// A file can't be used, no port is free, or the other process doesn't answer.
    pub async fn start(folder: &Path) -> Result<Self, PracticeError> {
        let folder = Folder::open(folder)?;
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let port = Arc::new(AtomicU16::new(0));

        let since = Instant::now();
        loop {
            if let Some(lock) = folder.try_lock()? {
                let serving = Serving::prepare(&folder, lock).await?;
                port.store(serving.context.address.port(), Ordering::Relaxed);
                tasks.spawn(serving.run(stop.clone()));
                break;
            }
            if let Some(found) = folder.port()
                && answers(found).await
            {
                port.store(found, Ordering::Relaxed);
                tasks.spawn(take_over(folder.clone(), Arc::clone(&port), stop.clone()));
                break;
            }
            if since.elapsed() > SEARCH_TIME {
                return Err(PracticeError::NotAnswering { lock: folder.lock_path() });
            }
            // Another process is about to listen, or to let go of the lock: neither is told to this one.
            sleep(Duration::from_millis(20)).await;
        }

        Ok(Self {
            port,
            host_key: folder.host_public_key()?,
            client_key: folder.client_key(),
            home: folder.home(),
            tasks,
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        })
    }

    /// Where it listens. It changes only when this process takes over from another one and the port has meanwhile
    /// gone to a third program.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port.load(Ordering::Relaxed)).into()
    }

    /// The private key that it accepts, for any user name. The file has the format of OpenSSH and no passphrase.
    #[must_use]
    pub fn client_key(&self) -> &Path {
        &self.client_key
    }

    /// The home folder of every command.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A line for a known hosts file, so that nobody has to be asked whether this is the right server.
    #[must_use]
    pub fn host_key_line(&self) -> String {
        let mut key = self.host_key.clone();
        key.set_comment("");
        // An ed25519 key is always representable; an empty line would only mean that the person is asked.
        let key = key.to_openssh().unwrap_or_default();
        format!("[{}]:{} {}", Ipv4Addr::LOCALHOST, self.address().port(), key.trim_end())
    }

    /// Ends it: commands that are running are sent `SIGHUP`, and connections are closed. A server that belongs to
    /// another process goes on.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Whether an SSH server answers on this port.
async fn answers(port: u16) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let mut greeting = [0; 8];
        stream.read_exact(&mut greeting).await?;
        std::io::Result::Ok(&greeting == b"SSH-2.0-")
    };
    matches!(timeout(Duration::from_secs(1), ask).await, Ok(Ok(true)))
}

/// Waits until the process that serves has ended, then serves.
async fn take_over(folder: Folder, port: Arc<AtomicU16>, stop: CancellationToken) {
    let (sender, receiver) = oneshot::channel();
    let waiting = folder.clone();
    // A thread of its own, since nothing can interrupt the wait: the runtime would not end before its blocking tasks.
    // When this server was stopped in the meantime nobody receives the lock, and it is let go at once.
    let thread = std::thread::Builder::new()
        .name("practice-lock".to_owned())
        .spawn(move || drop(sender.send(waiting.wait_for_lock())));
    if let Err(error) = thread {
        tracing::warn!(%error, "the practice server can't wait for the other one to end");
        return;
    }
    let lock = tokio::select! {
        () = stop.cancelled() => return,
        lock = receiver => lock,
    };
    let Ok(lock) = lock else { return };
    let serving = match lock {
        Ok(lock) => Serving::prepare(&folder, lock).await,
        Err(error) => Err(error),
    };
    match serving {
        Ok(serving) => {
            let own = serving.context.address.port();
            tracing::info!(
                port = own,
                "the practice server of another process has ended; this one takes over"
            );
            port.store(own, Ordering::Relaxed);
            serving.run(stop).await;
        }
        Err(error) => tracing::warn!(%error, "the practice server of another process has ended"),
    }
}

/// What it takes to serve.
struct Serving {
    // Declared before the lock, so that the port is free by the time the next process may take it.
    listener: TcpListener,
    config: Arc<server::Config>,
    context: Arc<Context>,
    lock: Lock,
}

impl Serving {
    async fn prepare(folder: &Folder, lock: Lock) -> Result<Self, PracticeError> {
        let host_key = folder.key(&folder.host_key(), "Steadyhand practice server", &lock)?;
        let client_key = folder.key(&folder.client_key(), "Steadyhand practice client", &lock)?;
        let listener = folder.listen(&lock).await?;
        let address = listener.local_addr().map_err(PracticeError::Listen)?;
        let config = server::Config {
            server_id: SshId::Standard(concat!("SSH-2.0-Steadyhand_", env!("CARGO_PKG_VERSION")).into()),
            methods: MethodSet::from(&[MethodKind::PublicKey][..]),
            auth_rejection_time: Duration::from_millis(300),
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: vec![host_key],
            event_buffer_size: 64,
            inactivity_timeout: None,
            ..server::Config::default()
        };
        let context = Context { client_key: client_key.public_key().clone(), home: folder.home(), address };
        Ok(Self { listener, config: Arc::new(config), context: Arc::new(context), lock })
    }

    async fn run(self, stop: CancellationToken) {
        let connections = TaskTracker::new();
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, self.listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = stop.cancelled() => break,
                next = next => next,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let (config, context) = (Arc::clone(&self.config), Arc::clone(&self.context));
                    let stop = stop.clone();
                    connections.spawn(async move {
                        if let Err(error) = serve(stream, peer, config, context, stop).await {
                            tracing::debug!(%peer, %error, "a connection to the practice server ended");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the practice server can't accept a connection");
                    // Out of file descriptors, most likely: others must be closed first, and nobody tells when they are.
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.listener);
        connections.close();
        connections.wait().await;
        drop(self.lock);
    }
}

/// Serves one connection until it or the server ends.
async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    config: Arc<server::Config>,
    context: Arc<Context>,
    stop: CancellationToken,
) -> Result<(), russh::Error> {
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let closer = stream.try_clone()?;
    let stream = TcpStream::from_std(stream)?;

    let logged_in = Arc::new(Notify::new());
    let connection = Connection::new(context, peer, Arc::clone(&logged_in));
    let deadline = Instant::now() + LOGIN_TIME;
    let mut session = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        session = tokio::time::timeout_at(deadline, server::run_stream(config, stream, connection)) => {
            session.map_err(|_| russh::Error::ConnectionTimeout)??
        }
    };

    let late = async {
        if tokio::time::timeout_at(deadline, logged_in.notified()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        result = &mut session => return result,
        () = late => tracing::debug!(%peer, "nobody logged in to the practice server in time"),
        () = stop.cancelled() => {
            let handle = session.handle();
            let said = handle.disconnect(
                Disconnect::ByApplication, "the practice server ends with Steadyhand".to_owned(), "en".to_owned(),
            );
            let _ = timeout(FAREWELL, said).await;
            if let Ok(result) = timeout(FAREWELL, &mut session).await {
                return result;
            }
        }
    }
    // The client goes on talking: end the stream beneath the session.
    closer.shutdown(Shutdown::Both)?;
    session.await
}
