//! Reaching a server: name, TCP, handshake, host key, login; through jump hosts where that is asked for.

use std::borrow::Cow;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use russh::client::{self, DisconnectReason};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Preferred, cipher, kex};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::host::{Shared, Tunnel};
use crate::ssh::auth::{LoggedIn, Login};
use crate::ssh::connection::Connection;
use crate::ssh::known_hosts::{self, Known, Verdict, fingerprint};
use crate::ssh::settings::{Settings, Strict};
use crate::{HostKeyQuestion, RemoteError, SshSpec};

/// Jump hosts of jump hosts are followed so deep.
const DEEP: usize = 8;
/// A connection is made anew so often: after a question, and when the server ends one for too many tries.
const TRIES: usize = 12;
/// What a server may send unasked on one channel. It bounds the speed on a long line, and the memory.
const WINDOW: u32 = 4 << 20;
/// Messages of a channel that wait here.
const CHANNEL_BUFFER: usize = 256;

impl Connection {
    /// Reaches the server that `spec` names.
    pub(crate) async fn make(spec: &SshSpec, shared: &Shared) -> Result<Self, RemoteError> {
        dial(spec, None, shared, DEEP).await
    }
}

fn dial<'a>(
    spec: &'a SshSpec,
    via: Option<Box<Connection>>,
    shared: &'a Shared,
    deep: usize,
) -> BoxFuture<'a, Result<Connection, RemoteError>> {
    Box::pin(async move {
        let bad = |detail: String| RemoteError::Config { host: spec.address.clone(), detail };
        let settings = Settings::find(spec, &shared.config).await.map_err(bad)?;
        let mut via = via;
        if via.is_none() && !settings.jumps.is_empty() {
            if deep == 0 {
                return Err(bad("the jump hosts lead through each other without end".into()));
            }
            for jump in &settings.jumps {
                via = Some(Box::new(dial(jump, via, shared, deep - 1).await?));
            }
        }
        reach(&settings, via, shared).await
    })
}

/// Connects and logs in, asking what must be asked. No connection is held open for an answer longer than the server
/// likes: after one, it is simply made again.
async fn reach(
    settings: &Settings,
    via: Option<Box<Connection>>,
    shared: &Shared,
) -> Result<Connection, RemoteError> {
    let name = settings.name();
    let wait = shared.config.connect_timeout;
    let mut login = Login::new(settings, shared);
    let mut accepted: Option<PublicKey> = None;
    for _ in 0..TRIES {
        let stream = open(settings, via.as_deref(), wait).await?;
        let known = Known::read(&settings.known_hosts, &settings.key_name, settings.port).map_err(
            |(file, error)| RemoteError::KnownHosts {
                host: name.clone(),
                file,
                action: "read",
                detail: error.to_string(),
            },
        )?;
        let (ended, lost) = watch::channel(None);
        let shown = Arc::default();
        let config = Arc::new(client_config(&known, shared));
        let client = Client { known, accepted: accepted.clone(), shown: Arc::clone(&shown), ended };
        let handle = match timeout(wait, client::connect_stream(config, stream, client)).await {
            Ok(Ok(handle)) => handle,
            Ok(Err(error)) => {
                let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some((key, verdict)) = shown else {
                    return Err(RemoteError::Handshake { host: name, detail: handshake_detail(&error) });
                };
                decide(settings, shared, &key, verdict).await?;
                accepted = Some(key);
                continue;
            }
            Err(_) => {
                return Err(RemoteError::TimedOut {
                    host: name,
                    during: "greeting the SSH server",
                    after: wait,
                });
            }
        };
        match login.on(handle).await? {
            LoggedIn::Yes(handle) => {
                let (closed_here, had_session) = (AtomicBool::new(false), AtomicBool::new(false));
                return Ok(Connection { name, handle, lost, closed_here, wait, had_session, via });
            }
            LoggedIn::Again => {}
        }
    }
    Err(login.refused())
}

fn handshake_detail(error: &russh::Error) -> String {
    match error {
        russh::Error::Disconnect | russh::Error::HUP => "the server closed the connection".into(),
        russh::Error::IO(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server closed the connection".into()
        }
        russh::Error::NoCommonAlgo { kind, theirs, .. } => {
            format!("no common {kind:?} algorithm; the server offers {}", theirs.join(", "))
        }
        other => other.to_string(),
    }
}

/// Decides about a host key that is not on record; the person does.
async fn decide(
    settings: &Settings,
    shared: &Shared,
    key: &PublicKey,
    verdict: Verdict,
) -> Result<(), RemoteError> {
    let host = settings.name();
    let found = fingerprint(key);
    match verdict {
        Verdict::Trusted => Ok(()),
        Verdict::Revoked { file, line } => {
            Err(RemoteError::HostKeyRevoked { host, fingerprint: found, file, line })
        }
        Verdict::Changed { expected, file, line } => {
            let found = format!("{} {found}", key.algorithm());
            Err(RemoteError::HostKeyChanged { host, expected, found, file, line })
        }
        Verdict::Unknown => {
            let algorithm = key.algorithm().to_string();
            let question = HostKeyQuestion {
                host: host.clone(),
                algorithm: algorithm.clone(),
                fingerprint: found.clone(),
            };
            let trusted = match settings.strict {
                Strict::Refuse => false,
                Strict::AcceptNew => true,
                Strict::Ask => shared.ask.host_key(question).await,
            };
            if !trusted {
                return Err(RemoteError::HostKeyUnknown { host, algorithm, fingerprint: found });
            }
            if !shared.config.records_host_keys {
                return Ok(());
            }
            // A record that cannot be written is asked for again next time; that is no reason to fail now.
            let file = &settings.known_hosts_write;
            if let Err(error) = known_hosts::append(file, &settings.key_name, settings.port, key) {
                tracing::warn!(file = %file.display(), %error, "the host key could not be recorded");
            }
            Ok(())
        }
    }
}

/// Opens the stream that SSH runs over.
async fn open(settings: &Settings, via: Option<&Connection>, wait: Duration) -> Result<Tunnel, RemoteError> {
    if let Some(via) = via {
        // Sessions make forwarding fast, but a jump host may well allow none.
        return via.open_tcp(&settings.host, settings.port).await;
    }
    let host = settings.name();
    let looking = tokio::net::lookup_host((settings.host.as_str(), settings.port));
    let addresses: Vec<_> = match timeout(wait, looking).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            return Err(RemoteError::NoSuchName {
                host,
                name: settings.host.clone(),
                detail: error.to_string(),
            });
        }
        Err(_) => return Err(RemoteError::TimedOut { host, during: "looking up its name", after: wait }),
    };
    let mut last = RemoteError::NoSuchName {
        host: host.clone(),
        name: settings.host.clone(),
        detail: "no address".into(),
    };
    let count = u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    for address in addresses {
        match timeout(wait / count, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small messages must not wait for more: it is worth a factor of 18 a round trip.
                let _ = stream.set_nodelay(true);
                return Ok(Box::new(stream));
            }
            Ok(Err(error)) => last = connect_error(host.clone(), &error, wait),
            Err(_) => last = RemoteError::TimedOut { host: host.clone(), during: "connecting", after: wait },
        }
    }
    Err(last)
}

fn connect_error(host: String, error: &io::Error, wait: Duration) -> RemoteError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => RemoteError::Refused { host },
        io::ErrorKind::TimedOut => RemoteError::TimedOut { host, during: "connecting", after: wait },
        _ => RemoteError::Unreachable { host, detail: error.to_string() },
    }
}

fn client_config(known: &Known, shared: &Shared) -> client::Config {
    let interval = shared.config.keepalive_interval;
    let lives = u32::try_from(shared.config.keepalive_max).unwrap_or(u32::MAX).saturating_add(2);
    client::Config {
        client_id: russh::SshId::Standard(Cow::Borrowed("SSH-2.0-Steadyhand")),
        window_size: WINDOW,
        channel_buffer_size: CHANNEL_BUFFER,
        keepalive_interval: Some(interval),
        keepalive_max: shared.config.keepalive_max,
        // Keepalives find silence; this one finds a write that never ends.
        inactivity_timeout: Some(interval.saturating_mul(lives)),
        nodelay: true,
        preferred: Preferred {
            kex: Cow::Borrowed(KEX),
            cipher: Cow::Borrowed(CIPHERS),
            key: Cow::Owned(host_key_algorithms(known)),
            ..Preferred::default()
        },
        ..client::Config::default()
    }
}

/// Curve25519 costs a fraction of what the newer hybrid costs on both sides.
const KEX: &[kex::Name] = &[
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::MLKEM768X25519_SHA256,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_GEX_SHA256,
    kex::DH_G18_SHA512,
    kex::DH_G16_SHA512,
    kex::DH_G14_SHA256,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

/// AES-GCM is the fastest where the processor has AES.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// All algorithms but SHA-1, those on record first: a host with several keys shows the one that is known.
fn host_key_algorithms(known: &Known) -> Vec<Algorithm> {
    let mut all = vec![
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
        Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
    ];
    let is_rsa = |algorithm: &Algorithm| matches!(algorithm, Algorithm::Rsa { .. });
    let recorded: Vec<Algorithm> = known.algorithms().collect();
    let is_recorded = |algorithm: &Algorithm| {
        recorded.iter().any(|known| known == algorithm || is_rsa(known) && is_rsa(algorithm))
    };
    all.sort_by_key(|algorithm| !is_recorded(algorithm));
    all
}

/// What the connection's own task calls.
pub(crate) struct Client {
    known: Known,
    accepted: Option<PublicKey>,
    shown: Arc<Mutex<Option<(PublicKey, Verdict)>>>,
    /// Why it has ended.
    ended: watch::Sender<Option<String>>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let same = |accepted: &PublicKey| accepted.key_data() == key.key_data();
        let verdict = match self.known.verdict(key) {
            Verdict::Unknown if self.accepted.as_ref().is_some_and(same) => Verdict::Trusted,
            verdict => verdict,
        };
        if verdict == Verdict::Trusted {
            return Ok(true);
        }
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some((key.clone(), verdict));
        Ok(false)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        let (detail, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                (format!("the server ended it: {}", info.message), Ok(()))
            }
            DisconnectReason::Error(error) => {
                let detail = match &error {
                    russh::Error::KeepaliveTimeout | russh::Error::InactivityTimeout => {
                        "the server does not answer any more".to_owned()
                    }
                    russh::Error::Disconnect | russh::Error::HUP => "the server closed it".to_owned(),
                    other => other.to_string(),
                };
                (detail, Err(error))
            }
        };
        self.ended.send_replace(Some(detail));
        result
    }
}
