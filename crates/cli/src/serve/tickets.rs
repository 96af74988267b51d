//! Tickets for downloads. A download that the browser itself writes to the disk is a plain request, to which a page cannot
//! add the token, and a token in an address would stay in the list of downloads. So the page, which has the token, asks
//! for a ticket: an address that gives out one log, once, and within seconds.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use steadyhand_api::ApiError;
use steadyhand_domain::StepId;

use super::token;

/// How long a ticket waits for its download to begin; browsers begin at once.
const VALID: Duration = Duration::from_secs(30);

/// More than a person can have open within [`VALID`]; beyond it the oldest is void.
const MOST: usize = 64;

/// The log of one attempt of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) step: StepId,
    pub(crate) attempt: u32,
}

struct Ticket {
    secret: String,
    log: Log,
    made: Instant,
}

/// The tickets that nobody has used.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<Vec<Ticket>>);

impl Tickets {
    pub(crate) fn issue(&self, log: Log, now: Instant) -> Result<String, ApiError> {
        let secret = token::random()?;
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|ticket| is_valid(ticket, now));
        if open.len() >= MOST {
            open.remove(0);
        }
        open.push(Ticket { secret: secret.clone(), log, made: now });
        Ok(secret)
    }

    /// What a ticket is for; it is used up by that.
    pub(crate) fn redeem(&self, secret: &str, now: Instant) -> Option<Log> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = open.iter().position(|ticket| token::equal(&ticket.secret, secret))?;
        let ticket = open.remove(at);
        is_valid(&ticket, now).then_some(ticket.log)
    }
}

fn is_valid(ticket: &Ticket, now: Instant) -> bool {
    now.saturating_duration_since(ticket.made) < VALID
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(attempt: u32) -> Log {
        Log { step: "00000000-0000-0000-0000-000000000000".parse().expect("a step"), attempt }
    }

    #[test]
    fn a_ticket_is_good_once() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let (first, second) =
            (tickets.issue(log(1), now).expect("a ticket"), tickets.issue(log(2), now).expect("a ticket"));
        assert_eq!(tickets.redeem("", now), None);
        assert_eq!(tickets.redeem(&first[1..], now), None);
        assert_eq!(tickets.redeem(&second, now), Some(log(2)));
        assert_eq!(tickets.redeem(&second, now), None);
        assert_eq!(tickets.redeem(&first, now), Some(log(1)));
    }

    #[test]
    fn a_ticket_that_waited_too_long_is_void() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let (first, second) =
            (tickets.issue(log(1), now).expect("a ticket"), tickets.issue(log(2), now).expect("a ticket"));
        assert_eq!(tickets.redeem(&first, now + VALID - Duration::from_millis(1)), Some(log(1)));
        assert_eq!(tickets.redeem(&second, now + VALID), None);
        assert_eq!(tickets.redeem(&second, now), None);
    }

    #[test]
    fn tickets_that_nobody_uses_do_not_pile_up() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let oldest = tickets.issue(log(1), now).expect("a ticket");
        for attempt in 0..MOST {
            tickets.issue(log(attempt as u32), now).expect("a ticket");
        }
        assert_eq!(tickets.0.lock().expect("is whole").len(), MOST);
        assert_eq!(tickets.redeem(&oldest, now), None);
    }
}
