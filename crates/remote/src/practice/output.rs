//! What a command or a forwarded connection writes, on its way to the client: no faster than the client reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::BytesMut;
use russh::ChannelWriteHalf;
use russh::server::Msg;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Notify;

/// What is read at a time: what an ordinary SSH packet holds.
const CHUNK: usize = 32 << 10;

/// How many outputs of a connection wait for the client to read.
#[derive(Clone, Debug, Default)]
pub(super) struct Starved(Arc<Count>);

#[derive(Debug, Default)]
struct Count {
    waiting: AtomicUsize,
    begins: Notify,
}

/// One output that waits.
#[derive(Debug)]
pub(super) struct Waiting(Starved);

impl Starved {
    /// Whether any output waits.
    pub(super) fn any(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }

    /// Resolves when an output waits.
    pub(super) async fn begins(&self) {
        while !self.any() {
            self.0.begins.notified().await;
        }
    }

    pub(super) fn mark(&self) -> Waiting {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        self.0.begins.notify_one();
        Waiting(self.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sends everything that can be read from `from` into the channel: on its main stream, or as extended data of the given
/// type. It ends at the end of `from`, or when the connection is gone.
///
/// # Errors
/// What reading said.
pub(super) async fn pump(
    mut from: impl AsyncRead + Unpin,
    extended: Option<u32>,
    to: &ChannelWriteHalf<Msg>,
    starved: &Starved,
) -> std::io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(CHUNK);
        if from.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let data = buffer.split().freeze();
        let _waiting = (to.writable_packet_size().await < data.len()).then(|| starved.mark());
        let sent = match extended {
            None => to.data_bytes(data).await,
            Some(kind) => to.extended_data_bytes(kind, data).await,
        };
        if sent.is_err() {
            return Ok(());
        }
    }
}
