//! What the end-to-end tests stand on: real servers, the real program, and networks that can fail.
//!
//! Everything here belongs to tests: what goes wrong ends the test with a message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this crate is for tests alone")]

pub mod app;
pub mod bench;
pub mod browser;
pub mod command;
pub mod debian;
pub mod dockerd;
pub mod files;
pub mod images;
pub mod mail_server;
pub mod model_server;
pub mod process;
pub mod proxy;
pub mod receiver;
pub mod registry;
pub mod shop;
pub mod sshd;

/// A TCP port on loopback that nobody else gets while this process lives, and on which a server may listen.
///
/// A socket stays bound to it that never listens: one that did could live on for a moment in a program that another
/// thread is just starting, answer in the server's place, and keep the server from listening.
#[must_use]
pub fn free_port() -> u16 {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("its option");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let port = socket.local_addr().expect("its address").port();
    std::mem::forget(socket);
    port
}
