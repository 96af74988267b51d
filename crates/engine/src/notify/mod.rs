//! Telling people how runs go.
//!
//! What is to be told is written in the transaction that records what it tells (`outbox`), so that it is neither lost nor
//! told of something that was not recorded. The courier then delivers it, beside the run and after it: nothing that
//! happens here is waited for by a run, and nothing of it can make one fail. A process that ends leaves what it has not
//! delivered to the next one, which sends it under the same identifier.
//!
//! Every text is asked for secrets before a body is made of it, so a body has none in whatever form.

mod courier;
mod desktop;
mod discord;
mod email;
mod message;
pub(crate) mod outbox;
mod post;
mod slack;
mod teams;
mod text;
mod webhook;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use courier::{Courier, deliver, tried};
pub use desktop::ShowOnDesktop;

/// How an attempt to tell somebody ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Attempt {
    /// They were told, or nobody is there to be told.
    Delivered,
    /// The same again may work.
    Later {
        /// What happened.
        problem: String,
        /// The receiver wants to be left alone for so long.
        after: Option<Duration>,
    },
    /// The same again would fail again.
    Refused {
        /// What happened and what to do.
        problem: String,
    },
}

impl Attempt {
    fn later(problem: impl Into<String>) -> Self {
        Self::Later { problem: problem.into(), after: None }
    }

    fn refused(problem: impl Into<String>) -> Self {
        Self::Refused { problem: problem.into() }
    }
}
