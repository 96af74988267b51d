//! JSON by POST, for whatever takes it.
//!
//! `version` grows when a field changes its meaning or goes; new ones may come at any time. With a key the request is
//! signed: `X-Steadyhand-Signature` is `sha256=` and the HMAC-SHA256 (RFC 2104), in lower-case hexadecimal, of
//! `X-Steadyhand-Timestamp` (seconds since 1970-01-01 UTC), a full stop and the body. A receiver compares it, refuses
//! old timestamps, and knows a repetition by `X-Steadyhand-Delivery`.

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use steadyhand_store::notifications::Told;

use super::message::Message;

/// The version of the body.
const VERSION: u32 = 1;

pub(super) fn body(message: &Message) -> Value {
    let failed = message.failed.as_ref().map(|step| {
        json!({
            "number": step.number,
            "name": step.name,
            "task": step.task,
            "host": step.host,
            "reason": step.reason,
            "log": step.log,
        })
    });
    let counts = message.counts;
    json!({
        "version": VERSION,
        "delivery": message.id,
        "event": word(message.told),
        "title": message.title(),
        "project": message.project,
        "plan": message.plan,
        "run": {
            "id": message.run_id,
            "number": message.number,
            "state": state(message.told),
            "trigger": message.trigger,
            "started_by": message.started_by,
            "created_at_ms": message.created_at,
            "ended_at_ms": message.ended_at,
            "duration_ms": message.ended_at.map(|ended| ended.since(message.created_at)),
            "steps": {
                "completed": counts.completed,
                "failed": counts.failed,
                "skipped": counts.skipped,
                "total": counts.pending + counts.running + counts.completed + counts.failed + counts.skipped,
            },
        },
        "hosts": message.hosts,
        "failed_step": failed,
    })
}

/// The word for what is told.
pub(super) fn word(told: Told) -> &'static str {
    match told {
        Told::Started => "started",
        Told::Failed => "failed",
        Told::Completed => "completed",
        Told::Recovered => "recovered",
        Told::Stopped => "stopped",
    }
}

fn state(told: Told) -> &'static str {
    match told {
        Told::Recovered => "completed",
        other => word(other),
    }
}

/// The value of `X-Steadyhand-Signature`.
pub(super) fn signature(key: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    // A key of any length is fine for HMAC.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    Some(digest.iter().fold(String::from("sha256="), |out, byte| out + &format!("{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn a_signature_is_the_hmac_of_time_and_body() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
        let expected = "sha256=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03";
        assert_eq!(signature("key", 1_700_000_000, br#"{"a":1}"#).unwrap(), expected);
    }
}
