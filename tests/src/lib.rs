//! What the end-to-end tests stand on: real servers, the real program, and networks that can fail.
//!
//! Everything here belongs to tests: what goes wrong ends the test with a message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this crate is for tests alone")]

pub mod app;
pub mod browser;
pub mod command;
pub mod files;
pub mod model_server;
pub mod process;
pub mod proxy;
pub mod sshd;

/// A TCP port on loopback that was free a moment ago.
#[must_use]
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a socket").local_addr().expect("its address").port()
}
