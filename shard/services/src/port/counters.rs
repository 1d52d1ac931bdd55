//! What the port has counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of the port; they only grow, but the number of sessions.
#[derive(Default, Debug)]
pub struct Counters {
    /// Clients in the world at present.
    pub sessions: AtomicU64,
    /// Tickets that were good.
    pub admitted: AtomicU64,
    /// Guests that were let in.
    pub guests: AtomicU64,
    /// Clients that were refused: their ticket is not good, or they have none.
    pub refused: AtomicU64,
    /// Players that had to leave because their account has entered from another client.
    pub elsewhere: AtomicU64,
    /// Players that had to leave because their account was disabled.
    pub disabled: AtomicU64,
    /// Messages of clients that no service knows.
    pub unknown_messages: AtomicU64,
    /// Notices that were sent.
    pub notices: AtomicU64,
    /// Notices that clients have missed because they do not keep up.
    pub notices_missed: AtomicU64,
}

impl Counters {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// Hands over each name and value.
    pub fn each(&self, to: &mut dyn FnMut(&'static str, u64)) {
        let Counters {
            sessions,
            admitted,
            guests,
            refused,
            elsewhere,
            disabled,
            unknown_messages,
            notices,
            notices_missed,
        } = self;
        for (name, counter) in [
            ("services_sessions", sessions),
            ("services_admitted", admitted),
            ("services_guests", guests),
            ("services_refused", refused),
            ("services_elsewhere", elsewhere),
            ("services_disabled", disabled),
            ("services_unknown_messages", unknown_messages),
            ("services_notices", notices),
            ("services_notices_missed", notices_missed),
        ] {
            to(name, counter.load(Relaxed));
        }
    }
}
