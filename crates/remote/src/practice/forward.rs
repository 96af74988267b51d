//! Forwarded connections: from a channel to a port of this machine.

use std::net::IpAddr;
use std::time::Duration;

use russh::server::{ChannelOpenHandle, Msg};
use russh::{ChannelOpenFailure, ChannelWriteHalf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::input::Input;
use super::output::{Starved, pump};

/// How long connecting may take; on loopback it is at once or never.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Whether connections to this address may be asked for: the machine itself, and nothing beyond it.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Connects, says whether that worked, and copies both ways until both sides have ended or the channel is closed.
pub(super) async fn forward(
    to: (String, u16),
    reply: ChannelOpenHandle,
    channel: ChannelWriteHalf<Msg>,
    input: Input,
    starved: Starved,
    closed: CancellationToken,
) {
    let stream = match timeout(CONNECT_TIME, TcpStream::connect((to.0.as_str(), to.1))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(_)) | Err(_) => return reply.reject(ChannelOpenFailure::ConnectFailed).await,
    };
    // Without this, small requests would wait for each other's acknowledgement.
    let _ = stream.set_nodelay(true);
    reply.accept().await;

    let (from_service, to_service) = stream.into_split();
    let outgoing = async {
        let read = pump(from_service, None, &channel, &starved).await;
        let _ = channel.eof().await;
        read
    };
    let both = async {
        tokio::pin!(outgoing);
        let incoming = input.drain(to_service);
        tokio::pin!(incoming);
        tokio::select! {
            // A service that broke the connection off will not read any more either.
            read = &mut outgoing => if read.is_ok() { incoming.await },
            () = &mut incoming => { let _ = outgoing.await; }
        }
    };
    tokio::select! {
        () = closed.cancelled() => {}
        () = both => { let _ = channel.close().await; }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_can_be_reached() {
        for host in ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LocalHost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "192.168.1.1",
            "0.0.0.0",
            "::",
            "localhost.example.com",
            "127.1",
            "2130706433",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
