//! A question about a server that waits for a person while others wait for its answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use steadyhand_domain::StepOutcome;
use steadyhand_remote::{
    Ask, HostKeyQuestion, HostKind, HostSpec, PassphraseQuestion, PasswordQuestion, Remote, RemoteError,
};
use support::sshd::Sshd;
use support::{Going, execute, request};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// A person who answers when it is time.
struct Slow {
    asked: watch::Sender<usize>,
    answers: Notify,
}

impl Ask for Slow {
    fn host_key(&self, _: HostKeyQuestion) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            self.asked.send_modify(|asked| *asked += 1);
            self.answers.notified().await;
            true
        })
    }

    fn passphrase(&self, _: PassphraseQuestion) -> BoxFuture<'_, Option<SecretString>> {
        Box::pin(std::future::ready(None))
    }

    fn password(&self, _: PasswordQuestion) -> BoxFuture<'_, Option<SecretString>> {
        Box::pin(std::future::ready(None))
    }
}

#[tokio::test]
async fn what_is_cancelled_does_not_wait_for_an_answer_that_another_waits_for() {
    let sshd = Sshd::start();
    let slow = Arc::new(Slow { asked: watch::Sender::new(0), answers: Notify::new() });
    let mut asked = slow.asked.subscribe();
    let spec = HostSpec { name: "web1".into(), kind: HostKind::Ssh(sshd.ssh_spec()) };
    let host = Remote::new(sshd.config(), Arc::clone(&slow) as _).host(&spec);
    let first = Going::start(&host, request("first", "echo first"), 0);
    asked.wait_for(|asked| *asked == 1).await.unwrap();
    let unanswered = |ended: Result<_, RemoteError>| matches!(ended, Err(RemoteError::Unanswered { .. }));

    // A step and a question that wait for the connection of the first are given up at once.
    let second = Going::start(&host, request("second", "echo no >>ran"), 0);
    second.cancel.cancel();
    assert!(unanswered(second.ends().await.map(|_| ())));
    let cancel = CancellationToken::new();
    cancel.cancel();
    let probe = host.probe_until("echo no >>ran", Duration::from_secs(60), &cancel).await;
    assert!(unanswered(probe.map(|_| ())));
    assert!(!first.end.is_finished());

    // When who makes the connection is gone, who waits makes it, and asks in their own name.
    let third = Going::start(&host, request("third", "echo third"), 0);
    let fourth = Going::start(&host, request("fourth", "echo fourth"), 0);
    first.end.abort();
    asked.wait_for(|asked| *asked == 2).await.unwrap();
    slow.answers.notify_one();
    assert_eq!(third.ends().await.unwrap().1, b"third\n");
    assert_eq!(fourth.ends().await.unwrap().1, b"fourth\n");
    assert_eq!(*asked.borrow(), 2);
    assert!(!sshd.home.join("ran").exists());

    // With a connection to be had without asking, a stop reaches the host.
    host.disconnect().await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let (ended, _) = execute(&host, &request("fifth", "echo no >>ran"), 0, cancel).await.unwrap();
    assert_eq!(ended.outcome, StepOutcome::Stopped);
}
