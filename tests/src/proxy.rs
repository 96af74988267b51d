//! A TCP proxy on loopback that can cut, hold back and delay what passes through it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

/// What the proxy does with bytes and connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Fair,
    /// Connections stay open, new ones are taken, and nothing passes.
    Silent,
}

/// A proxy before one port; it ends when this is dropped.
pub struct Proxy {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    weather: watch::Sender<Weather>,
    /// Counts up to reset every open connection.
    resets: watch::Sender<u64>,
    taken: Arc<AtomicU64>,
    /// Bytes that went to the target, and how many may.
    passed: watch::Sender<u64>,
    most: watch::Sender<u64>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// A proxy before 127.0.0.1:`target`; each direction is delayed by `delay`.
    pub async fn start(target: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let port = listener.local_addr().expect("its address").port();
        let (weather, resets) = (watch::channel(Weather::Fair).0, watch::channel(0).0);
        let taken = Arc::new(AtomicU64::new(0));
        let (passed, most) = (watch::channel(0).0, watch::channel(u64::MAX).0);
        let (sky, reset, count) = (weather.clone(), resets.clone(), taken.clone());
        let (to_target, up_to) = (passed.clone(), most.clone());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let gate = Gate { passed: to_target.clone(), most: up_to.subscribe() };
                tokio::spawn(serve(client, target, delay, gate, sky.subscribe(), reset.subscribe()));
            }
        });
        Self { port, weather, resets, taken, passed, most, task }
    }

    /// Changes what it does from now on.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Resets (RST) every connection that is open now.
    pub fn reset(&self) {
        self.resets.send_modify(|count| *count += 1);
    }

    /// How many bytes went to the target.
    #[must_use]
    pub fn passed(&self) -> u64 {
        *self.passed.borrow()
    }

    /// Lets so many more bytes go to the target, and holds back what comes after them.
    pub fn lets_pass(&self, more: u64) {
        self.most.send_replace(self.passed() + more);
    }

    /// Lets everything go there again.
    pub fn lets_everything_pass(&self) {
        self.most.send_replace(u64::MAX);
    }

    /// Waits until as many bytes went there as may.
    pub async fn holds_back(&self) {
        let most = *self.most.borrow();
        let reached = self.passed.subscribe().wait_for(|passed| *passed >= most).await.is_ok();
        assert!(reached, "the proxy runs");
    }

    /// How many connections were taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.reset();
    }
}

/// Counts what goes to the target.
struct Gate {
    passed: watch::Sender<u64>,
    most: watch::Receiver<u64>,
}

impl Gate {
    async fn passes(&mut self, count: u64) -> bool {
        let passed = &self.passed;
        let may = self.most.wait_for(|most| *passed.borrow() < *most).await.is_ok();
        self.passed.send_modify(|passed| *passed += count);
        may
    }
}

async fn serve(
    client: TcpStream,
    target: u16,
    delay: Duration,
    gate: Gate,
    weather: watch::Receiver<Weather>,
    mut resets: watch::Receiver<u64>,
) {
    let Ok(server) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], target))).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    // With no lingering, closing sends RST.
    let _ = (client.set_zero_linger(), server.set_zero_linger());
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = resets.changed() => {}
        () = async {
            tokio::join!(
                pass(from_client, to_server, delay, Some(gate), weather.clone()),
                pass(from_server, to_client, delay, None, weather.clone()),
            );
        } => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    delay: Duration,
    mut gate: Option<Gate>,
    mut weather: watch::Receiver<Weather>,
) {
    let (late, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(1024);
    let reading = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count) = from.read(&mut buffer).await {
            if count == 0 || late.send((Instant::now() + delay, buffer[..count].to_vec())).await.is_err() {
                break;
            }
        }
    };
    let writing = async move {
        while let Some((at, bytes)) = due.recv().await {
            if !delay.is_zero() {
                sleep_until(at).await;
            }
            if let Some(gate) = &mut gate
                && !gate.passes(bytes.len() as u64).await
            {
                break;
            }
            if weather.wait_for(|weather| *weather == Weather::Fair).await.is_err()
                || to.write_all(&bytes).await.is_err()
            {
                break;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}
