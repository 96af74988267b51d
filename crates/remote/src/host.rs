//! The pool of hosts, and what can be done on each.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use steadyhand_domain::{Facts, Timestamp};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ask::Counted;
use crate::link::{Link, Use};
use crate::ssh::Secrets;
use crate::step::{Step, Went};
use crate::{
    Ask, Config, Difference, Elevation, Ended, FileProgress, HostKind, HostSpec, Mirrored, Pick, Probe,
    RemoteError, SentFile, StepRequest, TransferProgress, TransferSummary, facts, probe, shell, transfer,
};

/// A lane that dies under a step is replaced so many times while the connection holds.
const NEW_LANES: usize = 4;

/// How long a host may take to show what a step wrote.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(60);

/// A stream in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A TCP connection made by a host.
pub type Tunnel = Box<dyn Duplex>;

/// The pool of connections: at most one a host, shared. Cheap to clone.
#[derive(Clone)]
pub struct Remote {
    shared: Shared,
    places: Arc<Mutex<HashMap<HostKind, Arc<Place>>>>,
}

/// What connections are made with.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) config: Arc<Config>,
    pub(crate) ask: Arc<dyn Ask>,
    pub(crate) secrets: Arc<Secrets>,
}

/// A host's place in the pool, whether connected or not.
struct Place {
    link: tokio::sync::Mutex<Option<Arc<Link>>>,
    shared: Shared,
    /// How many questions about this connection wait for an answer.
    open_questions: watch::Sender<usize>,
}

impl Place {
    fn new(shared: &Shared) -> Self {
        let open_questions = watch::Sender::new(0);
        let ask = Arc::new(Counted { ask: Arc::clone(&shared.ask), open: open_questions.clone() });
        Self { link: tokio::sync::Mutex::default(), shared: Shared { ask, ..shared.clone() }, open_questions }
    }
}

/// A host of the pool. Cheap to clone; every operation connects when needed.
#[derive(Clone)]
pub struct Host {
    spec: HostSpec,
    place: Arc<Place>,
}

impl Remote {
    /// A pool without connections.
    #[must_use]
    pub fn new(config: Config, ask: Arc<dyn Ask>) -> Self {
        let shared = Shared { config: Arc::new(config), ask, secrets: Arc::default() };
        Self { shared, places: Arc::default() }
    }

    /// The host that `spec` names. Nothing is connected yet.
    #[must_use]
    pub fn host(&self, spec: &HostSpec) -> Host {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.entry(spec.kind.clone()).or_insert_with(|| Arc::new(Place::new(&self.shared)));
        Host { spec: spec.clone(), place: Arc::clone(place) }
    }
}

impl Host {
    /// What names this host.
    #[must_use]
    pub fn spec(&self) -> &HostSpec {
        &self.spec
    }

    /// The link, made now if there is none. Others who need it wait for the one that makes it; when that one fails or
    /// is dropped, the next of them makes it, in whose name then all is asked that a person must answer.
    async fn link(&self) -> Result<Arc<Link>, RemoteError> {
        let mut place = self.place.link.lock().await;
        if let Some(link) = place.as_ref().filter(|link| link.lost().is_none()) {
            return Ok(Arc::clone(link));
        }
        *place = None;
        let link = Arc::new(Link::make(&self.spec, &self.place.shared).await?);
        *place = Some(Arc::clone(&link));
        Ok(link)
    }

    /// The same, for something that may be cancelled. What is begun on the host can be ended only over a link, so it
    /// is made nevertheless; but no answer of a person is waited for, whoever the question was put to.
    async fn link_until(&self, cancel: &CancellationToken) -> Result<Arc<Link>, RemoteError> {
        let mut questions = self.place.open_questions.subscribe();
        let unanswered = async {
            cancel.cancelled().await;
            // The place, which counts, outlives this.
            let _ = questions.wait_for(|open| *open > 0).await;
        };
        tokio::select! {
            biased;
            link = self.link() => link,
            () = unanswered => Err(RemoteError::Unanswered { host: self.spec.name.clone() }),
        }
    }

    /// Connects, if there is no connection. Operations do so themselves; this one says early what is wrong, also
    /// with the host's shell and the place for its records.
    ///
    /// # Errors
    /// Any [`RemoteError`] that connecting can meet.
    pub async fn connect(&self) -> Result<(), RemoteError> {
        let link = self.link().await?;
        let lane = link.lane(Use::Control).await?;
        lane.put_back();
        Ok(())
    }

    /// Whether there is a connection now.
    pub async fn is_connected(&self) -> bool {
        self.place.link.lock().await.as_ref().is_some_and(|link| link.lost().is_none())
    }

    /// Runs an attempt of a step, or attaches to it when it was started before, and sends its log's bytes from
    /// offset `from` on, in order, exactly as written. Returns when the step has ended and all of its log was sent.
    ///
    /// `output` is bounded: a slow receiver slows the log down, not the command. When the receiver is dropped the
    /// step goes on and its log is not sent further.
    ///
    /// `cancel` stops the command: TERM, the grace period, KILL, and a look that nothing is left. Cancelled before
    /// the attempt was ever started, it is made sure that it never starts. A command that ended by itself just
    /// before keeps its own outcome.
    ///
    /// # Errors
    /// [`RemoteError::ConnectionLost`] when the link broke: call again with the offset that you have.
    /// [`RemoteError::Unanswered`] when it was cancelled before there was a link, which waits for a person's answer.
    pub async fn execute(
        &self,
        request: &StepRequest,
        from: u64,
        output: mpsc::Sender<Bytes>,
        cancel: CancellationToken,
    ) -> Result<Ended, RemoteError> {
        shell::check(request)
            .map_err(|detail| RemoteError::Config { host: self.spec.name.clone(), detail })?;
        let link = self.link_until(&cancel).await?;
        let mut step = Step::new(request, link.name(), from, output, cancel.clone());
        let mut gone = 0;
        loop {
            // A stop does not wait until a step before it is done.
            let mut lane = tokio::select! {
                lane = link.lane(Use::Step) => lane?,
                () = cancel.cancelled() => link.lane(Use::Control).await?,
            };
            match step.on(&mut lane).await? {
                Went::Ended(ended) => {
                    lane.put_back();
                    return Ok(ended);
                }
                Went::LaneGone(how) => {
                    drop(lane);
                    if let Some(lost) = link.settle_lost().await {
                        return Err(lost);
                    }
                    gone += 1;
                    if gone > NEW_LANES {
                        let detail =
                            format!("its shell ended {gone} times ({how}). Does something there kill it?");
                        return Err(RemoteError::NoShell { host: link.name().to_owned(), detail });
                    }
                }
            }
        }
    }

    /// Asks a short read-only question. No record of it is left on the host.
    ///
    /// # Errors
    /// What connecting can meet, and [`RemoteError::ConnectionLost`].
    pub async fn probe(&self, script: &str, timeout: Duration) -> Result<Probe, RemoteError> {
        self.probe_until(script, timeout, &CancellationToken::new()).await
    }

    /// The same, and given up when `cancel` says so: there is no status then, and nothing of it is left running.
    ///
    /// # Errors
    /// As [`Host::probe`].
    pub async fn probe_until(
        &self,
        script: &str,
        timeout: Duration,
        cancel: &CancellationToken,
    ) -> Result<Probe, RemoteError> {
        let link = self.link_until(cancel).await?;
        probe::ask(&link, script, timeout, cancel).await
    }

    /// What the host is: one question, answered by a script that needs nothing installed and changes nothing. What the
    /// host cannot tell within ten seconds is absent. `now` is this machine's clock.
    ///
    /// # Errors
    /// What connecting can meet, [`RemoteError::ConnectionLost`], and [`RemoteError::Facts`] when the answer makes no
    /// sense.
    pub async fn facts(&self, now: fn() -> Timestamp) -> Result<Facts, RemoteError> {
        self.facts_until(now, &CancellationToken::new()).await
    }

    /// The same, and given up when `cancel` says so.
    ///
    /// # Errors
    /// As [`Host::facts`].
    pub async fn facts_until(
        &self,
        now: fn() -> Timestamp,
        cancel: &CancellationToken,
    ) -> Result<Facts, RemoteError> {
        let link = self.link_until(cancel).await?;
        facts::ask(&link, now, cancel).await
    }

    /// Uploads a file or a folder. As with rsync, `from/` means the folder's content and `from` the folder itself;
    /// `to/` is a folder to put things in. Only what differs in content or mode is sent; what is only there is left alone,
    /// and folders that are there keep their modes. With `elevation` what is sent belongs to that user. Modes are kept,
    /// missing folders made, every file appears whole or not at all, and nothing temporary is left.
    ///
    /// # Errors
    /// [`RemoteError::Upload`] says what could not be read here or written there.
    pub async fn upload(
        &self,
        from: &Path,
        to: &str,
        elevation: Option<&Elevation>,
        progress: &(dyn Fn(TransferProgress) + Send + Sync),
    ) -> Result<TransferSummary, RemoteError> {
        let link = self.link().await?;
        transfer::upload(&link, from, to, elevation, progress).await
    }

    /// What [`Host::upload`] would put there. Nothing is changed.
    ///
    /// # Errors
    /// As [`Host::upload`].
    pub async fn compare_upload(
        &self,
        from: &Path,
        to: &str,
        elevation: Option<&Elevation>,
    ) -> Result<Vec<Difference>, RemoteError> {
        let link = self.link().await?;
        transfer::compare_upload(&link, from, to, elevation).await
    }

    /// Makes the folder `to` of the host be as `from` is here, as far as `pick` takes what is in it: what differs is sent as by
    /// [`Host::upload`], and everything else that is there is removed.
    ///
    /// # Errors
    /// [`RemoteError::Upload`] says what could not be read here or written there, or that the host has too little room.
    pub async fn mirror(
        &self,
        from: &Path,
        to: &str,
        pick: Arc<Pick>,
        elevation: Option<&Elevation>,
        progress: &(dyn Fn(TransferProgress) + Send + Sync),
    ) -> Result<Mirrored, RemoteError> {
        let link = self.link().await?;
        transfer::mirror(&link, from, to, pick, elevation, progress).await
    }

    /// Sends a large file into the folder `to` of the host, where its name is its SHA-256. Nothing is sent of one that is there; and
    /// of one that has come in part, over a connection that was lost, only the rest is. What has come in part has `.part` behind its
    /// name. Nobody but the user there can read it.
    ///
    /// # Errors
    /// [`RemoteError::Upload`] says what could not be read here or written there, or that the host has too little room.
    pub async fn send_file(
        &self,
        from: &Path,
        to: &str,
        elevation: Option<&Elevation>,
        progress: &(dyn Fn(FileProgress) + Send + Sync),
    ) -> Result<SentFile, RemoteError> {
        let link = self.link().await?;
        transfer::send_file(&link, from, to, elevation, progress).await
    }

    /// Downloads a file or a folder: the rules of [`Host::upload`], the other way round. With `elevation` it is read by
    /// that user. Whatever the host says, nothing is written outside of `to`: where the host has a folder, a link on this
    /// machine is in the way, except for `to` itself. Modes are kept but for what lets a file run as its owner.
    ///
    /// # Errors
    /// [`RemoteError::Download`] says what could not be read there or written here.
    pub async fn download(
        &self,
        from: &str,
        to: &Path,
        elevation: Option<&Elevation>,
        progress: &(dyn Fn(TransferProgress) + Send + Sync),
    ) -> Result<TransferSummary, RemoteError> {
        let link = self.link().await?;
        transfer::download(&link, from, to, elevation, progress).await
    }

    /// What [`Host::download`] would put here. Nothing is changed. Whether links differ is not asked where there are links
    /// already.
    ///
    /// # Errors
    /// As [`Host::download`].
    pub async fn compare_download(
        &self,
        from: &str,
        to: &Path,
        elevation: Option<&Elevation>,
    ) -> Result<Vec<Difference>, RemoteError> {
        let link = self.link().await?;
        transfer::compare_download(&link, from, to, elevation).await
    }

    /// What an attempt that ended, and was to be captured, wrote to standard output, as bytes; none when the host has not kept
    /// it. Of more than [`Host::LONGEST_OUTPUT`] it has one byte more than that.
    ///
    /// # Errors
    /// What connecting can meet, and [`RemoteError::ConnectionLost`].
    pub async fn output(
        &self,
        attempt: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<Vec<u8>>, RemoteError> {
        shell::check_attempt(attempt)
            .map_err(|detail| RemoteError::Config { host: self.spec.name.clone(), detail })?;
        let path = format!("\"$HOME/.local/state/steadyhand/{attempt}.out\"");
        let script = format!("[ -f {path} ] || exit 3; head -c {} {path}", Self::LONGEST_OUTPUT + 1);
        let probe = self.probe_until(&script, OUTPUT_PATIENCE, cancel).await?;
        Ok((probe.status == Some(0)).then_some(probe.output))
    }

    /// The longest output of a step that others can use, in bytes.
    pub const LONGEST_OUTPUT: usize = 60_000;

    /// Opens a TCP connection from the host to `address`, as seen from there.
    ///
    /// # Errors
    /// [`RemoteError::Channel`] when the host cannot connect there, or does not forward.
    pub async fn open_tcp(&self, address: &str, port: u16) -> Result<Tunnel, RemoteError> {
        self.link().await?.open_tcp(address, port).await
    }

    /// Removes the records and logs of attempts. Those that still run are left alone.
    ///
    /// # Errors
    /// What connecting can meet, and [`RemoteError::ConnectionLost`].
    pub async fn forget(&self, attempts: &[String]) -> Result<(), RemoteError> {
        for attempt in attempts {
            shell::check_attempt(attempt)
                .map_err(|detail| RemoteError::Config { host: self.spec.name.clone(), detail })?;
        }
        let link = self.link().await?;
        for some in attempts.chunks(500) {
            probe::forget(&link, some).await?;
        }
        Ok(())
    }

    /// The processes of an attempt that are alive, as `pid command`.
    ///
    /// # Errors
    /// What connecting can meet, and [`RemoteError::ConnectionLost`].
    pub async fn processes(&self, attempt: &str) -> Result<Vec<String>, RemoteError> {
        shell::check_attempt(attempt)
            .map_err(|detail| RemoteError::Config { host: self.spec.name.clone(), detail })?;
        probe::processes(&*self.link().await?, attempt).await
    }

    /// The time of one round trip through the open shell.
    ///
    /// # Errors
    /// What connecting can meet, and [`RemoteError::ConnectionLost`].
    pub async fn latency(&self) -> Result<Duration, RemoteError> {
        let link = self.link().await?;
        let mut lane = link.lane(Use::Control).await?;
        let asked = Instant::now();
        probe::ping(&link, &mut lane).await?;
        let latency = asked.elapsed();
        lane.put_back();
        Ok(latency)
    }

    /// Closes the connection. Steps go on; the next operation connects again.
    pub async fn disconnect(&self) {
        if let Some(link) = self.place.link.lock().await.take() {
            link.close().await;
        }
    }
}
