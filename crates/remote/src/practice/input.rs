//! What a client sends into a channel, on its way to a command or a forwarded connection.
//!
//! The SSH library widens a channel's window as soon as data arrives, whether or not anyone has read it, so a client
//! would be let to send without end to a command that doesn't read. The only brake left is to read the connection more
//! slowly, and that has to be a gentle one: window adjustments, keepalives and the other channels come the same way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::output::Starved;

/// Up to here a client sends at full speed.
const EASY: usize = 2 << 20;
/// Up to here it does so while the connection waits for the client to read: the command may be waiting for just that, and
/// the client's word that it has read comes behind what it is sending. It is more than what sockets hold.
const FIRM: usize = 32 << 20;
/// More than this is not kept.
const FULL: usize = 256 << 20;
/// The longest that one packet is held up.
const PATIENCE: Duration = Duration::from_millis(20);

/// The client's end.
#[derive(Debug)]
pub(super) struct Feed {
    sender: Option<mpsc::UnboundedSender<Bytes>>,
    shared: Arc<Shared>,
}

/// The reader's end.
#[derive(Debug)]
pub(super) struct Input {
    receiver: mpsc::UnboundedReceiver<Bytes>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    room: Notify,
}

/// More waits to be read than is kept.
#[derive(Debug)]
pub(super) struct Overflow;

/// The two ends of a channel's input.
pub(super) fn pipe() -> (Feed, Input) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared::default());
    (Feed { sender: Some(sender), shared: Arc::clone(&shared) }, Input { receiver, shared })
}

impl Feed {
    /// Hands data on. When the reader has ended, it is thrown away, as a closed pipe would.
    pub(super) fn push(&self, data: &[u8]) -> Result<(), Overflow> {
        let Some(sender) = &self.sender else { return Ok(()) };
        let before = self.shared.waiting.fetch_add(data.len(), Ordering::Relaxed);
        if before + data.len() > FULL {
            return Err(Overflow);
        }
        if sender.send(Bytes::copy_from_slice(data)).is_err() {
            self.shared.waiting.store(0, Ordering::Relaxed);
        }
        Ok(())
    }

    /// No more will come.
    pub(super) fn end(&mut self) {
        self.sender = None;
    }

    /// A wait that is due before the next packet is read, if any.
    pub(super) fn brake(&self, starved: &Starved) -> Option<impl Future<Output = ()> + Send + use<>> {
        let limit = if starved.any() { FIRM } else { EASY };
        if self.shared.waiting.load(Ordering::Relaxed) <= limit {
            return None;
        }
        let (shared, starved) = (Arc::clone(&self.shared), starved.clone());
        Some(async move {
            let room = async {
                while shared.waiting.load(Ordering::Relaxed) > EASY {
                    shared.room.notified().await;
                }
            };
            let either = async {
                tokio::select! {
                    () = room => {}
                    () = starved.begins(), if limit == EASY => {}
                }
            };
            let _ = timeout(PATIENCE, either).await;
        })
    }
}

impl Input {
    /// Writes everything to `to`, then closes it. When `to` takes no more, the rest is thrown away.
    pub(super) async fn drain(mut self, mut to: impl AsyncWrite + Unpin) {
        while let Some(data) = self.receiver.recv().await {
            let written = to.write_all(&data).await;
            self.shared.waiting.fetch_sub(data.len(), Ordering::Relaxed);
            self.shared.room.notify_one();
            if written.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.receiver.close();
        self.shared.waiting.store(0, Ordering::Relaxed);
        self.shared.room.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn data_arrives_in_order_and_the_end_closes_the_reader() {
        let (mut feed, input) = pipe();
        feed.push(b"one ").unwrap();
        feed.push(b"two").unwrap();
        feed.end();
        let mut out = Vec::new();
        input.drain(&mut out).await;
        assert_eq!(out, b"one two");
    }

    #[test]
    fn a_client_is_held_up_only_when_much_waits_to_be_read() {
        let starved = Starved::default();
        let (feed, _input) = pipe();
        feed.push(&vec![0; EASY]).unwrap();
        assert!(feed.brake(&starved).is_none());
        feed.push(&[0]).unwrap();
        assert!(feed.brake(&starved).is_some());
        let _waiting = starved.mark();
        assert!(feed.brake(&starved).is_none(), "the command may be waiting for the client to read");
    }

    #[tokio::test]
    async fn the_hold_up_ends_when_the_reader_catches_up() {
        let starved = Starved::default();
        let (mut feed, input) = pipe();
        feed.push(&vec![7; EASY + 1]).unwrap();
        let brake = feed.brake(&starved).unwrap();
        feed.end();
        let mut out = Vec::new();
        tokio::join!(brake, input.drain(&mut out));
        assert_eq!(out.len(), EASY + 1);
    }

    #[test]
    fn what_nobody_reads_is_kept_up_to_a_limit() {
        let (feed, _input) = pipe();
        let chunk = vec![0; FULL / 4];
        for _ in 0..4 {
            feed.push(&chunk).unwrap();
        }
        assert!(feed.push(b"x").is_err());
    }

    #[test]
    fn data_for_a_reader_that_has_ended_is_thrown_away() {
        let starved = Starved::default();
        let (feed, input) = pipe();
        drop(input);
        feed.push(&vec![0; EASY + 1]).unwrap();
        assert!(feed.brake(&starved).is_none());
    }
}
